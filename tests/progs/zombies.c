// SPDX-License-Identifier: GPL-2.0
/*
 * Children that have ended and have not been waited for: their statuses are
 * there afterwards, their SIGCHLD does not come again, and one that is pending
 * stays so.
 */
#include "prog.h"
#include <signal.h>
#include <sys/resource.h>

static volatile int chld_count;

static void on_chld(int sig)
{
	(void)sig;
	chld_count++;
}

static void exit_0(void) { _exit(0); }
static void exit_7(void) { _exit(7); }
static void exit_255(void) { _exit(255); }
static void by_kill(void) { raise(SIGKILL); }
static void by_term(void) { raise(SIGTERM); }
static void by_segv(void) { raise(SIGSEGV); }
static void by_rt(void) { raise(SIGRTMIN + 3); }

/* Uses some CPU time, which the parent sees when it waits */
static void busy(void)
{
	clock_t end = clock() + CLOCKS_PER_SEC / 5;

	while (clock() < end)
		;
	_exit(1);
}

static const struct zombie {
	void (*fn)(void);
	int status;
} zombies[] = {
	{ exit_0, 0 },
	{ exit_7, 7 << 8 },
	{ exit_255, 255 << 8 },
	{ by_kill, SIGKILL },
	{ by_term, SIGTERM },
	{ by_segv, SIGSEGV },
	{ by_rt, 37 },
	{ busy, 1 << 8 },
};

#define NR_ZOMBIES	(int)(sizeof(zombies) / sizeof(zombies[0]))
static pid_t pid[NR_ZOMBIES];

/* Wait until a child has ended, without taking its status */
static void await_end(pid_t p)
{
	siginfo_t info;
	int ret;

	while ((ret = waitid(P_PID, p, &info, WEXITED | WNOWAIT)) && errno == EINTR)
		;
	check(!ret, "waitid: %s", strerror(errno));
}

/* ---- zombies of the leader; each SIGCHLD has been handled ---- */

static void direct_setup(void)
{
	struct rlimit no_core = { 0, 0 };
	int i;

	must(setrlimit(RLIMIT_CORE, &no_core));
	signal(SIGCHLD, on_chld);
	for (i = 0; i < NR_ZOMBIES; i++) {
		pid[i] = prog_fork(zombies[i].fn);
		await_end(pid[i]);
	}
	check(chld_count == NR_ZOMBIES, "SIGCHLD came %d times", chld_count);
}

static void direct_verify(void)
{
	struct rusage ru;
	siginfo_t info;
	int i, status;

	check(chld_count == NR_ZOMBIES, "SIGCHLD came %d times more", chld_count - NR_ZOMBIES);
	for (i = 0; i < NR_ZOMBIES; i++) {
		must(waitid(P_PID, pid[i], &info, WEXITED | WNOWAIT));
		check(info.si_pid == pid[i] && info.si_uid == getuid() &&
		      info.si_code == (zombies[i].status & 0x7f ? CLD_KILLED : CLD_EXITED) &&
		      info.si_status == (zombies[i].status & 0x7f ?: zombies[i].status >> 8),
		      "zombie %d: waitid() says pid %d code %d status %d", i, info.si_pid,
		      info.si_code, info.si_status);
		check(wait4(pid[i], &status, 0, &ru) == pid[i], "zombie %d: %s", i,
		      strerror(errno));
		check(status == zombies[i].status, "zombie %d: status 0x%x instead of 0x%x", i,
		      status, zombies[i].status);
		/* where the machine is slow it is more than a second of either */
		if (zombies[i].fn == busy)
			check(ru.ru_utime.tv_sec || ru.ru_stime.tv_sec || ru.ru_utime.tv_usec +
			      ru.ru_stime.tv_usec > 100000, "CPU time of a zombie: %d us",
			      (int)ru.ru_utime.tv_usec);
	}
	check(chld_count == NR_ZOMBIES, "SIGCHLD came %d times more", chld_count - NR_ZOMBIES);
}

/* ---- a child with a zombie of its own, and a process group of only zombies ---- */

static pid_t middle, grouped;

static void middle_child(void)
{
	pid_t p = prog_fork(exit_7);

	await_end(p);
	prog_touch("up.middle");
	prog_await("end.middle");
	prog_reap(p, 7 << 8);
}

static void own_group(void)
{
	must(setpgid(0, 0));
	_exit(12);
}

static void deep_setup(void)
{
	middle = prog_fork(middle_child);
	prog_await("up.middle");
	grouped = prog_fork(own_group);
	await_end(grouped);
}

static void deep_verify(void)
{
	int status;

	/* waits by process group */
	check(waitpid(-grouped, &status, 0) == grouped && status == 12 << 8,
	      "the process group of a zombie: %s", strerror(errno));
	prog_touch("end.middle");
	while (waitpid(middle, &status, 0) == -1 && errno == EINTR)
		;
	check(!status, "a child with a zombie ended with status 0x%x", status);
}

/* ---- SIGCHLD blocked: pending once, with the siginfo of the first ---- */

static pid_t holder;

static void pending_child(void)
{
	struct timespec now = { 0, 0 };
	siginfo_t info;
	sigset_t set;
	pid_t a, b;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	signal(SIGCHLD, SIG_DFL);
	a = prog_fork(exit_7);
	await_end(a);
	b = prog_fork(by_term);
	await_end(b);
	prog_touch("up.pending");
	prog_await("end.middle");
	check(sigtimedwait(&set, &info, &now) == SIGCHLD, "SIGCHLD is not pending");
	check(info.si_pid == a && info.si_code == CLD_EXITED && info.si_status == 7,
	      "SIGCHLD: pid %d code %d status %d", info.si_pid, info.si_code, info.si_status);
	check(sigtimedwait(&set, &info, &now) == -1 && errno == EAGAIN,
	      "SIGCHLD is pending a second time");
	prog_reap(b, SIGTERM);
	prog_reap(a, 7 << 8);
}

static void pending_setup(void)
{
	holder = prog_fork(pending_child);
	prog_await("up.pending");
}

static void pending_verify(void)
{
	int status;

	prog_touch("end.middle");
	while (waitpid(holder, &status, 0) == -1 && errno == EINTR)
		;
	check(!status, "the child with a pending SIGCHLD ended with status 0x%x", status);
}

static const struct prog_case cases[] = {
	{ "pending", pending_setup, NULL, false },
	{ "deep", deep_setup, NULL, false },
	/* the last one: from here on every SIGCHLD counts */
	{ "direct", direct_setup, direct_verify, false },
	{ "deep", NULL, deep_verify, false },
	{ "pending", NULL, pending_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
