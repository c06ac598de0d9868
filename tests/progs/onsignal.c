// SPDX-License-Identifier: GPL-2.0
/*
 * What a program does with a signal that would have its job saved: onsignal DIR
 * SIGNAL handled|ignored|waited|unblocked|denied|roots|late|default. Each appends a line to
 * DIR/said, and ends with 0 when DIR/go is there.
 *
 * "roots": was somebody else for a while; ends with its PR_GET_DUMPABLE.
 *
 * "late": the first thread waits for a vfork() child, where it takes no signal;
 * DIR/handle: there is a handler until the child has ended and the first thread
 * has taken its signal by that.
 */
#include "prog.h"
#include <pthread.h>
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

/* ---- late ---- */

static int late_signal;

static void *late_thread(void *arg)
{
	struct sigaction handler = { .sa_handler = on_signal };

	(void)arg;
	prog_await("handle");
	must(sigaction(late_signal, &handler, NULL));
	say("handler");
	prog_await("wake");
	return NULL;
}

/* The child's, on whose stack the parent's first thread stands: no more than calls */
static int late_child(void *arg)
{
	struct timespec poll = { .tv_nsec = PROG_POLL_MS * 1000000l };

	while (access(arg, F_OK))
		nanosleep(&poll, NULL);
	_exit(0);
}

static void late(const sigset_t *set)
{
	static char stack[65536], wake[PATH_MAX];
	pthread_t thread;
	pid_t child;

	snprintf(wake, sizeof(wake), "%s", prog_path("wake"));
	must(sigprocmask(SIG_BLOCK, set, NULL));
	check(!pthread_create(&thread, NULL, late_thread, NULL), "no thread");
	must(sigprocmask(SIG_UNBLOCK, set, NULL));
	prog_touch("ready");
	child = must(clone(late_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
			   wake));
	check(handled == late_signal, "the signal has not been handled");
	check(signal(late_signal, SIG_DFL) == on_signal, "no handler");
	handled = 0;
	must(waitpid(child, NULL, 0));
	pthread_join(thread, NULL);
	say("default");
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
	late_signal = sig;
	if (!strcmp(prog_case, "late"))
		late(&set);
	if (!strcmp(prog_case, "roots")) {
		must(seteuid(65534));
		must(seteuid(0));
	}
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
	return strcmp(prog_case, "roots") ? 0 : must(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}
