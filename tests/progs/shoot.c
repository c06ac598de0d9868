// SPDX-License-Identifier: GPL-2.0
/*
 * "shoot [-p PID] MICROSECONDS COMMAND..." starts a command, as process PID if
 * that is wanted, and kills it with SIGKILL after that time. Prints what came of
 * it: "killed", or "ended STATUS" if it was quicker, as the shell shows it; with
 * 0 as time it is never killed, and "MICROSECONDS STATUS" is printed.
 */
#include "prog.h"
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

static uint64_t now_us(void)
{
	return prog_now(CLOCK_MONOTONIC) / 1000;
}

static int as_shown(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .flags = CLONE_PIDFD };
	struct timespec left = {};
	int status, pidfd, at = 1;
	struct pollfd p;
	uint64_t us, begin;
	pid_t chosen, pid;
	bool killed;

	prog_name = "shoot";
	args.pidfd = (uintptr_t)&pidfd;
	if (argc > 3 && !strcmp(argv[1], "-p")) {
		chosen = atoi(argv[2]);
		args.set_tid = (uintptr_t)&chosen;
		args.set_tid_size = 1;
		at = 3;
	}
	check(argc > at + 1, "usage: shoot [-p PID] MICROSECONDS COMMAND...");
	us = strtoull(argv[at], NULL, 10);
	begin = now_us();
	pid = must(syscall(SYS_clone3, &args, sizeof(args)));
	if (!pid) {
		execvp(argv[at + 1], argv + at + 1);
		_exit(127);
	}
	p = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	left.tv_sec = us / 1000000;
	left.tv_nsec = us % 1000000 * 1000;
	killed = !must(ppoll(&p, 1, us ? &left : NULL, NULL));
	if (killed)
		must(kill(pid, SIGKILL));
	must(waitpid(pid, &status, 0));
	/* it may have ended by itself between the two */
	if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		printf("killed\n");
	else if (us)
		printf("ended %d\n", as_shown(status));
	else
		printf("%llu %d\n", (unsigned long long)(now_us() - begin), as_shown(status));
	return 0;
}
