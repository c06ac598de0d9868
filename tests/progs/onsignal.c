// SPDX-License-Identifier: GPL-2.0
/*
 * What a program does with a signal that would have its job saved: onsignal DIR
 * SIGNAL handled|ignored|waited|unblocked|denied|default. Each appends a line to
 * DIR/said, and ends with 0 when DIR/go is there.
 */
#include "prog.h"
#include <signal.h>
#include <sys/prctl.h>

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	handled += sig;
}

static void say(const char *text)
{
	int fd = must(open(prog_path("said"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));

	must(dprintf(fd, "%s\n", text));
	must(close(fd));
}

int main(int argc, char **argv)
{
	struct timespec poll = { .tv_nsec = PROG_POLL_MS * 1000000l };
	sigset_t set;
	int sig;

	prog_name = "onsignal";
	if (argc != 4)
		return 2;
	prog_dir = argv[1];
	sig = atoi(argv[2]);
	prog_case = argv[3];
	sigemptyset(&set);
	sigaddset(&set, sig);
	if (!strcmp(prog_case, "handled"))
		must(signal(sig, on_signal) == SIG_ERR ? -1 : 0);
	if (!strcmp(prog_case, "ignored"))
		must(signal(sig, SIG_IGN) == SIG_ERR ? -1 : 0);
	if (!strcmp(prog_case, "waited") || !strcmp(prog_case, "unblocked"))
		must(sigprocmask(SIG_BLOCK, &set, NULL));
	if (!strcmp(prog_case, "denied"))
		must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	prog_touch("ready");
	if (!strcmp(prog_case, "waited")) {
		check(must(sigwaitinfo(&set, NULL)) == sig, "another signal");
		say("waited");
	}
	if (!strcmp(prog_case, "unblocked")) {
		prog_await("unblock");
		must(sigprocmask(SIG_UNBLOCK, &set, NULL));
		say("unblocked");
	}
	while (access(prog_path("go"), F_OK)) {
		if (handled) {
			handled = 0;
			say("handled");
		}
		nanosleep(&poll, NULL);
	}
	return 0;
}
