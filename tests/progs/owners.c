// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets a signal when a pipe or a socket can be read: F_SETOWN, F_SETSIG,
 * O_ASYNC. A process, a thread, a group, a child; and owners that get none.
 */
#include "prog.h"
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static volatile int signals, last_sig, last_fd;
static volatile pid_t last_tid;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	last_sig = sig;
	last_fd = info->si_fd;
	last_tid = syscall(SYS_gettid);
	signals++;
}

static void handle(int sig)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	must(sigaction(sig, &sa, NULL));
}

static void own_end(int end, int type, pid_t pid, int sig, bool async)
{
	struct f_owner_ex owner = { type, pid };

	must(fcntl(end, F_SETOWN_EX, &owner));
	if (sig)
		must(fcntl(end, F_SETSIG, sig));
	if (async)
		must(fcntl(end, F_SETFL, O_ASYNC));
}

/* A pipe whose reading end has an owner */
static void own(int p[2], int type, pid_t pid, int sig, bool async)
{
	must(pipe(p));
	own_end(p[0], type, pid, sig, async);
}

static void owner_is(int fd, int type, pid_t pid, int sig, const char *what)
{
	struct f_owner_ex owner;

	must(fcntl(fd, F_GETOWN_EX, &owner));
	check(owner.pid == pid && (!pid || (int)owner.type == type), "%s: owner %d of type %d", what,
	      (int)owner.pid, (int)owner.type);
	check(must(fcntl(fd, F_GETSIG)) == sig, "%s: signal", what);
}

static void await_signal(int n, const char *what)
{
	int i;

	for (i = 0; signals < n; i++) {
		check(i < PROG_POLLS, "%s: no signal", what);
		prog_sleep_ms(PROG_POLL_MS);
	}
	check(signals == n, "%s: %d signals instead of %d", what, signals, n);
}

/* ---- this process: SIGIO, and another signal that tells the descriptor ---- */

static int plain[2], chosen[2], quiet[2], dead[2], flagged;

static void proc_setup(void)
{
	pid_t pid;

	handle(SIGIO);
	handle(SIGRTMIN + 3);
	own(plain, F_OWNER_PID, getpid(), 0, true);
	own(chosen, F_OWNER_PID, getpid(), SIGRTMIN + 3, true);
	own(quiet, F_OWNER_PID, getpid(), SIGRTMIN + 3, false);
	pid = must(fork());
	if (!pid)
		pause();
	own(dead, F_OWNER_PID, pid, SIGRTMIN + 3, true);
	must(kill(pid, SIGKILL));
	prog_reap(pid, SIGKILL);
	/* a file that tells nobody of anything */
	flagged = must(open(prog_path("flagged"), O_RDWR | O_CREAT | O_TRUNC | O_ASYNC, 0600));
}

static void proc_verify(void)
{
	check(must(fcntl(flagged, F_GETFL)) & O_ASYNC, "flagged: flags");
	owner_is(plain[0], F_OWNER_PID, getpid(), 0, "plain");
	owner_is(chosen[0], F_OWNER_PID, getpid(), SIGRTMIN + 3, "chosen");
	owner_is(quiet[0], F_OWNER_PID, getpid(), SIGRTMIN + 3, "quiet");
	owner_is(dead[0], F_OWNER_PID, 0, SIGRTMIN + 3, "dead");
	check(must(fcntl(plain[0], F_GETFL)) == O_ASYNC, "plain: flags");
	check(!must(fcntl(quiet[0], F_GETFL)), "quiet: flags");
	signals = 0;
	must(write(plain[1], "x", 1));
	await_signal(1, "plain");
	check(last_sig == SIGIO, "plain: signal %d", last_sig);
	must(write(chosen[1], "x", 1));
	await_signal(2, "chosen");
	check(last_sig == SIGRTMIN + 3 && last_fd == chosen[0], "chosen: signal %d, fd %d",
	      last_sig, last_fd);
	must(write(quiet[1], "x", 1));
	must(write(dead[1], "x", 1));
	await_signal(2, "quiet");
	must(fcntl(plain[0], F_SETFL, 0));
	must(write(plain[1], "x", 1));
	await_signal(2, "no more O_ASYNC");
}

/* ---- a UNIX socket, which has a flag for O_ASYNC of its own ---- */

static int ends[2];

static void socket_setup(void)
{
	handle(SIGRTMIN + 4);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	own_end(ends[0], F_OWNER_PID, getpid(), SIGRTMIN + 4, true);
}

static void socket_verify(void)
{
	owner_is(ends[0], F_OWNER_PID, getpid(), SIGRTMIN + 4, "socket");
	check(must(fcntl(ends[0], F_GETFL)) == (O_RDWR | O_ASYNC), "socket: flags");
	signals = 0;
	must(write(ends[1], "x", 1));
	await_signal(1, "socket");
	check(last_sig == SIGRTMIN + 4 && last_fd == ends[0], "socket: signal %d, fd %d",
	      last_sig, last_fd);
}

/* ---- a thread ---- */

static int to_thread[2];
static volatile pid_t tid;
static pthread_t thread;
static volatile bool thread_end;

static void *thread_main(void *unused)
{
	(void)unused;
	tid = syscall(SYS_gettid);
	while (!thread_end)
		prog_sleep_ms(PROG_POLL_MS);
	return NULL;
}

static void thread_setup(void)
{
	handle(SIGUSR2);
	must0(pthread_create(&thread, NULL, thread_main, NULL));
	while (!tid)
		prog_sleep_ms(PROG_POLL_MS);
	own(to_thread, F_OWNER_TID, tid, SIGUSR2, true);
}

static void thread_verify(void)
{
	owner_is(to_thread[0], F_OWNER_TID, tid, SIGUSR2, "thread");
	signals = 0;
	must(write(to_thread[1], "x", 1));
	/* its sleep is cut short: prog_sleep_ms() goes on */
	await_signal(1, "thread");
	check(last_sig == SIGUSR2 && last_tid == tid, "signal %d of thread %d", last_sig,
	      (int)last_tid);
	thread_end = true;
	must0(pthread_join(thread, NULL));
}

/* ---- a child, and a group that it leads ---- */

static int to_child[2], to_group[2];
static pid_t child;

static void child_main(void)
{
	signals = 0;
	handle(SIGUSR1);
	must(setpgid(0, 0));
	prog_touch("up.child");
	await_signal(1, "child");
	check(last_sig == SIGUSR1, "child: signal %d", last_sig);
	prog_touch("got.child");
	await_signal(2, "group");
	check(last_sig == SIGIO, "group: signal %d", last_sig);
}

static void child_setup(void)
{
	handle(SIGIO);
	child = prog_fork(child_main);
	prog_await("up.child");
	own(to_child, F_OWNER_PID, child, SIGUSR1, true);
	own(to_group, F_OWNER_PGRP, child, 0, true);
}

static void child_verify(void)
{
	owner_is(to_child[0], F_OWNER_PID, child, SIGUSR1, "child");
	owner_is(to_group[0], F_OWNER_PGRP, child, 0, "group");
	must(write(to_child[1], "x", 1));
	prog_await("got.child");
	must(write(to_group[1], "x", 1));
	prog_reap(child, 0);
}

static const struct prog_case cases[] = {
	{ "child", child_setup, child_verify, false },
	{ "thread", thread_setup, thread_verify, false },
	{ "proc", proc_setup, proc_verify, false },
	{ "socket", socket_setup, socket_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
