// SPDX-License-Identifier: GPL-2.0
/*
 * Signalfds: masks, flags, signals that wait to be read, and a child that waits
 * for one.
 */
#include "prog.h"
#include <signal.h>
#include <sys/signalfd.h>

static int one, two, changed;
static pid_t child;
static sigset_t usr, rt;

/* Number of the signal that is read, and its value; 0: none */
static int take(int fd, int *value)
{
	struct signalfd_siginfo si;
	ssize_t n = read(fd, &si, sizeof(si));

	if (n == -1 && errno == EAGAIN)
		return 0;
	check(n == sizeof(si), "read: %s", n < 0 ? strerror(errno) : "short");
	*value = si.ssi_int;
	return si.ssi_signo;
}

static void send(pid_t pid, int sig, int value)
{
	must(sigqueue(pid, sig, (union sigval){ .sival_int = value }));
}

static void block(void)
{
	sigset_t both;

	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	sigaddset(&usr, SIGUSR2);
	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN + 1);
	sigaddset(&rt, SIGRTMAX);
	sigorset(&both, &usr, &rt);
	must(sigprocmask(SIG_BLOCK, &both, NULL));
}

static void masks_setup(void)
{
	block();
	one = must(signalfd(-1, &usr, SFD_NONBLOCK));
	two = must(signalfd(-1, &rt, SFD_NONBLOCK | SFD_CLOEXEC));
	changed = must(signalfd(-1, &rt, SFD_NONBLOCK));
	must(signalfd(changed, &usr, 0));
	send(getpid(), SIGRTMAX, 1);
	send(getpid(), SIGUSR1, 2);
	send(getpid(), SIGRTMIN + 1, 3);
	send(getpid(), SIGRTMIN + 1, 4);
}

static void masks_verify(void)
{
	int value = 0;

	check(must(fcntl(two, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(take(changed, &value) == SIGUSR1 && value == 2, "changed mask");
	check(!take(one, &value), "a signal twice, or one that is not in the mask");
	check(take(two, &value) == SIGRTMIN + 1 && value == 3, "first queued signal");
	check(take(two, &value) == SIGRTMIN + 1 && value == 4, "second queued signal");
	check(take(two, &value) == SIGRTMAX && value == 1, "third queued signal");
	check(!take(two, &value), "one signal too many");
	send(getpid(), SIGUSR2, 5);
	check(!take(two, &value) && take(one, &value) == SIGUSR2 && value == 5, "a new signal");
}

static void wait_child(void)
{
	int value, fd;

	block();
	fd = must(signalfd(-1, &usr, 0));
	prog_touch("up.signalfd");
	check(take(fd, &value) == SIGUSR2 && value == 77, "child: signal");
}

static void wait_setup(void)
{
	child = prog_fork(wait_child);
	prog_await("up.signalfd");
}

static void wait_verify(void)
{
	send(child, SIGUSR2, 77);
	prog_reap(child, 0);
}

static const struct prog_case cases[] = {
	{ "wait", wait_setup, wait_verify, false },
	{ "masks", masks_setup, masks_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
