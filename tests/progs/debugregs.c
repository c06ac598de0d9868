// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware breakpoints that a tracer has set and left behind: of the first
 * thread, a variable and a function; of another one, a variable. They act, and a
 * tracer finds what the last one has written.
 */
#include "prog.h"
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#ifndef TRAP_HWBKPT
#define TRAP_HWBKPT	4
#endif

/* On: the first, 8 bytes that are written; the second, code; the fourth is not on */
#define DR7_FIRST	0xf0090005ul
#define DR7_OTHER	0x000d0001ul
#define DR6_NONE	0xffff0ff0ul

static volatile uint64_t var __attribute__((aligned(8)));
static volatile uint32_t other_var __attribute__((aligned(8)));
static uint64_t unwatched[2] __attribute__((aligned(16)));
static volatile int hits;
static __thread volatile int own_hits;

static void on_trap(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	if (info->si_code == TRAP_HWBKPT) {
		hits++;
		own_hits++;
	}
}

__attribute__((noinline)) static void function(void)
{
	__asm__ volatile ("" ::: "memory");
}

/* ---- the tracer ---- */

static unsigned long regs[8];
static pid_t traced;
static bool write_regs;

static void tracer(void)
{
	size_t at = offsetof(struct user, u_debugreg);
	static const int order[] = { 0, 1, 2, 3, 6, 7 };
	int i, n, status;
	long value;

	must(ptrace(PTRACE_SEIZE, traced, 0, 0));
	must(ptrace(PTRACE_INTERRUPT, traced, 0, 0));
	check(waitpid(traced, &status, __WALL) == traced && WIFSTOPPED(status), "it does not stop");
	for (i = 0; i < 6; i++) {
		n = order[i];
		if (write_regs) {
			if (regs[n])
				must(ptrace(PTRACE_POKEUSER, traced, at + n * 8, regs[n]));
			continue;
		}
		errno = 0;
		value = ptrace(PTRACE_PEEKUSER, traced, at + n * 8, 0);
		check(!errno && value == (long)regs[n], "DR%d is 0x%lx instead of 0x%lx", n, value,
		      regs[n]);
	}
	must(ptrace(PTRACE_DETACH, traced, 0, 0));
}

static void trace(pid_t tid, bool write, unsigned long dr6)
{
	int status;
	pid_t p;

	memset(regs, 0, sizeof(regs));
	if (tid == getpid()) {
		regs[0] = (unsigned long)&var;
		regs[1] = (unsigned long)function;
		regs[3] = (unsigned long)unwatched;
		regs[7] = DR7_FIRST;
	} else {
		regs[0] = (unsigned long)&other_var;
		regs[7] = DR7_OTHER;
	}
	regs[6] = dr6;
	traced = tid;
	write_regs = write;
	p = prog_fork(tracer);
	while (waitpid(p, &status, 0) == -1)
		check(errno == EINTR, "waitpid: %s", strerror(errno));
	check(!status, "the tracer ended with status 0x%x", status);
}

/* ---- a thread ---- */

static volatile int phase;
static volatile pid_t thread_tid;
static pthread_t thread_id;

static void phase_await(int n)
{
	while (phase < n)
		prog_sleep_ms(1);
}

static void *threaded(void *arg)
{
	thread_tid = gettid();
	phase_await(1);
	other_var = 5;
	check(own_hits == 1, "another thread: %d hits", own_hits);
	var = 5;
	check(own_hits == 1, "what the first thread watches: %d hits", own_hits);
	return arg;
}

/* ---- the first thread ---- */

static void debugregs_setup(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART };

	must(sigaction(SIGTRAP, &sa, NULL));
	must0(pthread_create(&thread_id, NULL, threaded, NULL));
	while (!thread_tid)
		prog_sleep_ms(1);
	trace(getpid(), true, DR6_NONE);
	trace(thread_tid, true, DR6_NONE);
	var = 1;
	check(hits == 1, "%d hits of the variable", hits);
	function();
	check(hits == 2, "%d hits with the function", hits);
	var = 2;
	check(hits == 3, "%d hits, the variable again", hits);
}

static void debugregs_verify(void)
{
	/* the last hit was that of the first */
	trace(getpid(), false, DR6_NONE | 1);
	trace(thread_tid, false, DR6_NONE);
	check(hits == 3, "%d hits of what was not touched", hits - 3);
	other_var = 1;
	unwatched[0] = 1;
	check(hits == 3, "%d hits of what it does not watch", hits - 3);
	var = 3;
	check(hits == 4, "%d hits of the variable", hits - 3);
	function();
	check(hits == 5, "%d hits with the function", hits - 3);
	phase = 1;
	must0(pthread_join(thread_id, NULL));
	check(hits == 6, "%d hits with the thread", hits - 3);
	/* not a child's */
	var = 4;
	check(hits == 7, "%d hits, the variable again", hits - 3);
}

static const struct prog_case cases[] = {
	{ "debugregs", debugregs_setup, debugregs_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
