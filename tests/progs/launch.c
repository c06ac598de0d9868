// SPDX-License-Identifier: GPL-2.0
/*
 * A launcher that chooses the pid: "launch PID COMMAND..." starts a command as
 * process PID by clone3() with set_tid, waits for it, and ends as it ends.
 */
#include "prog.h"
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
	struct rlimit no_core = { 0, 0 };
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid_size = 1 };
	int status;
	pid_t pid;

	prog_name = "launch";
	check(argc > 2, "usage: launch PID COMMAND...");
	pid = atoi(argv[1]);
	args.set_tid = (uintptr_t)&pid;
	if (!must(syscall(SYS_clone3, &args, sizeof(args)))) {
		execvp(argv[2], argv + 2);
		prog_fail("%s: %s", argv[2], strerror(errno));
	}
	must(waitpid(pid, &status, 0));
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	must(setrlimit(RLIMIT_CORE, &no_core));
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}
