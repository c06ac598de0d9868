// SPDX-License-Identifier: GPL-2.0
/*
 * Signals: handlers, masks, alternate stacks (also while running on one),
 * pending signals in order with all that was sent along, and threads that wait
 * in sigsuspend() and ppoll() with a mask for the time of the call.
 */
#include "prog.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NSIGS	64

static volatile int handled[NSIGS + 1];

static void count(int sig)
{
	handled[sig]++;
}

static void count_info(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	handled[sig]++;
}

/* ---- dispositions: the kernel's own view of all 64, before and after ---- */

struct ksigaction {
	uint64_t handler, flags, restorer, mask;
};

static struct ksigaction actions[NSIGS + 1];

static void read_actions(struct ksigaction *a)
{
	int sig;

	for (sig = 1; sig <= NSIGS; sig++)
		must(syscall(SYS_rt_sigaction, sig, NULL, &a[sig], 8));
}

static void set_action(int sig, int flags, int blocked)
{
	struct sigaction sa = { .sa_flags = flags };

	if (flags & SA_SIGINFO)
		sa.sa_sigaction = count_info;
	else
		sa.sa_handler = count;
	sigemptyset(&sa.sa_mask);
	if (blocked)
		sigaddset(&sa.sa_mask, blocked);
	must(sigaction(sig, &sa, NULL));
}

static void actions_setup(void)
{
	set_action(SIGHUP, 0, 0);
	set_action(SIGUSR1, SA_RESTART, SIGUSR2);
	set_action(SIGUSR2, SA_SIGINFO | SA_NODEFER, SIGTERM);
	set_action(SIGCONT, SA_RESTART, 0);
	set_action(SIGCHLD, SA_NOCLDSTOP | SA_RESTART, 0);
	set_action(SIGXCPU, SA_RESETHAND | SA_NODEFER, 0);
	set_action(SIGSEGV, SA_ONSTACK | SA_SIGINFO, 0);
	set_action(SIGRTMIN + 3, SA_SIGINFO, SIGRTMIN + 4);
	set_action(SIGRTMAX, SA_RESTART, 0);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	read_actions(actions);
}

static void actions_verify(void)
{
	struct ksigaction now[NSIGS + 1];
	int sig;

	for (sig = 1; sig <= NSIGS; sig++)
		check(!handled[sig], "signal %d came %d times", sig, handled[sig]);
	read_actions(now);
	for (sig = 1; sig <= NSIGS; sig++)
		check(!memcmp(&actions[sig], &now[sig], sizeof(now[sig])),
		      "signal %d: handler 0x%llx flags 0x%llx mask 0x%llx became 0x%llx 0x%llx 0x%llx",
		      sig, (unsigned long long)actions[sig].handler,
		      (unsigned long long)actions[sig].flags,
		      (unsigned long long)actions[sig].mask,
		      (unsigned long long)now[sig].handler, (unsigned long long)now[sig].flags,
		      (unsigned long long)now[sig].mask);
	must(raise(SIGUSR1));
	must(raise(SIGXCPU));
	must(raise(SIGPIPE));
	check(handled[SIGUSR1] == 1 && handled[SIGXCPU] == 1, "a handler does not run");
	handled[SIGUSR1] = handled[SIGXCPU] = 0;
}

/* ---- masks, one per thread, and alternate stacks ---- */

#define THREADS	3
#define ALT	32768
static pthread_t thread[THREADS];
static char *alt[THREADS];
static volatile int up;

static uint64_t mask_of(int n)
{
	/* not the two that the C library keeps for itself */
	return 0x8000000000001000ull | 0x5a5aull << (8 * n + 40) | 1 << (SIGTERM - 1);
}

static void check_mask(uint64_t want)
{
	uint64_t got;
	char path[64];

	must(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &got, 8));
	check(got == want, "signal mask 0x%llx became 0x%llx", (unsigned long long)want,
	      (unsigned long long)got);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", syscall(SYS_gettid));
	got = prog_field(path, "SigBlk:", 16);
	check(got == want, "signal mask in /proc 0x%llx", (unsigned long long)got);
}

static void *mask_thread(void *arg)
{
	int n = (intptr_t)arg;
	stack_t ss = { .ss_sp = alt[n], .ss_size = ALT + n * 4096 }, now;
	uint64_t mask = mask_of(n);

	must(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8));
	must(sigaltstack(&ss, NULL));
	__sync_fetch_and_add(&up, 1);
	prog_wait();
	check_mask(mask);
	must(sigaltstack(NULL, &now));
	check(now.ss_sp == ss.ss_sp && now.ss_size == ss.ss_size && now.ss_flags == ss.ss_flags,
	      "alternate stack %d: %p %zu 0x%x became %p %zu 0x%x", n, ss.ss_sp, ss.ss_size,
	      ss.ss_flags, now.ss_sp, now.ss_size, now.ss_flags);
	return NULL;
}

static void await_up(int n)
{
	int i;

	for (i = 0; up != n; i++) {
		check(i < PROG_POLLS, "threads do not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
	up = 0;
}

static void masks_setup(void)
{
	intptr_t n;

	for (n = 0; n < THREADS; n++) {
		alt[n] = must(mmap(NULL, 2 * ALT, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		must0(pthread_create(&thread[n], NULL, mask_thread, (void *)n));
	}
	await_up(THREADS);
}

static void masks_verify(void)
{
	int n;

	for (n = 0; n < THREADS; n++)
		must0(pthread_join(thread[n], NULL));
}

/* ---- inside a handler, on an alternate stack, while it is saved ---- */

static pthread_t onstack_thread;
static char *onstack;
static volatile int onstack_result;

static bool is_onstack(const void *p)
{
	return (const char *)p >= onstack && (const char *)p < onstack + 2 * ALT;
}

static void onstack_handler(int sig, siginfo_t *info, void *context)
{
	uint64_t frame[256];
	stack_t now;

	(void)context;
	check(is_onstack(frame), "the handler does not run on the alternate stack");
	prog_fill(frame, sizeof(frame), 131);
	__sync_fetch_and_add(&up, 1);
	prog_wait();
	prog_check_fill(frame, sizeof(frame), 131, "alternate stack");
	must(sigaltstack(NULL, &now));
	check(now.ss_flags & SS_ONSTACK, "not on the alternate stack any more");
	check(sig == SIGRTMIN + 7 && info->si_value.sival_int == 4711, "arguments of the handler");
	/* its own signal is blocked as long as it runs */
	check_mask(1ull << (SIGRTMIN + 7 - 1));
	onstack_result++;
}

static void *onstack_main(void *unused)
{
	struct sigaction sa = { .sa_sigaction = onstack_handler,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_sp = onstack, .ss_size = 2 * ALT };
	volatile uint64_t local = 0x1234567;
	union sigval value = { .sival_int = 4711 };

	(void)unused;
	must(sigaltstack(&ss, NULL));
	must(sigaction(SIGRTMIN + 7, &sa, NULL));
	must0(pthread_sigqueue(pthread_self(), SIGRTMIN + 7, value));
	check(onstack_result == 1, "the handler did not come to its end");
	check(local == 0x1234567, "the stack below the handler changed");
	check_mask(0);
	must(sigaltstack(NULL, &ss));
	check(!ss.ss_flags, "still on the alternate stack");
	return NULL;
}

static void onstack_setup(void)
{
	onstack = must(mmap(NULL, 2 * ALT, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	must0(pthread_create(&onstack_thread, NULL, onstack_main, NULL));
	await_up(1);
}

static void onstack_verify(void)
{
	must0(pthread_join(onstack_thread, NULL));
}

/* ---- pending, for the process and for a thread: in order, with siginfo ---- */

static sigset_t pending_set;
static pid_t sender, pending_pid;
static int tgkill_code;		/* depends on the kernel's version */

static void send_pending(void)
{
	/* kill() of a child: SI_USER with its pid */
	must(kill(getppid(), SIGUSR1));
}

static void queue_value(int sig, int n)
{
	union sigval value = { .sival_ptr = (void *)(0x123400000000ull + n) };

	must(sigqueue(getpid(), sig, value));
}

static siginfo_t take(int sig)
{
	struct timespec now = { 0, 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	memset(&info, 0, sizeof(info));
	check(sigtimedwait(&set, &info, &now) == sig, "signal %d is not pending: %s", sig,
	      strerror(errno));
	return info;
}

static void pending_make(void)
{
	union sigval value = { .sival_ptr = (void *)0x777700000001ull };
	int i;

	sigemptyset(&pending_set);
	sigaddset(&pending_set, SIGUSR1);
	sigaddset(&pending_set, SIGRTMIN + 1);
	sigaddset(&pending_set, SIGRTMIN + 2);
	sigaddset(&pending_set, SIGURG);
	sigaddset(&pending_set, SIGWINCH);
	must(sigprocmask(SIG_BLOCK, &pending_set, NULL));
	/* out of the order in which they will be delivered */
	for (i = 0; i < 20; i++)
		queue_value(SIGRTMIN + 2 - i % 2, i);
	must0(pthread_sigqueue(pthread_self(), SIGRTMIN + 2, value));
	value.sival_ptr = (void *)0x777700000002ull;
	must0(pthread_sigqueue(pthread_self(), SIGRTMIN + 2, value));
	must(syscall(SYS_tgkill, getpid(), getpid(), SIGURG));
	tgkill_code = take(SIGURG).si_code;
	must(syscall(SYS_tgkill, getpid(), getpid(), SIGURG));
	sender = prog_fork(send_pending);
	prog_reap(sender, 0);
	/* ignored unless there is a handler, but pending as long as it is blocked */
	must(kill(getpid(), SIGWINCH));
}

static void pending_take(void)
{
	struct timespec now = { 0, 0 };
	sigset_t set;
	siginfo_t info;
	int i, sig;

	must(sigpending(&set));
	for (sig = 1; sig < NSIGS; sig++)
		check(sigismember(&set, sig) == sigismember(&pending_set, sig),
		      "signal %d is %s", sig, sigismember(&set, sig) ? "pending" : "not pending");
	info = take(SIGUSR1);
	check(info.si_code == SI_USER && info.si_pid == sender && info.si_uid == getuid(),
	      "SIGUSR1: code %d pid %d", info.si_code, (int)info.si_pid);
	info = take(SIGURG);
	check(info.si_code == tgkill_code && info.si_pid == getpid(), "SIGURG: code %d pid %d",
	      info.si_code, (int)info.si_pid);
	/* the thread's own come first */
	for (i = 1; i <= 2; i++) {
		info = take(SIGRTMIN + 2);
		check(info.si_code == SI_QUEUE && info.si_pid == getpid() &&
		      info.si_value.sival_ptr == (void *)(0x777700000000ull + i),
		      "signal of the thread, %d: code %d value %p", i, info.si_code,
		      info.si_value.sival_ptr);
	}
	for (i = 0; i < 20; i++) {
		sig = i < 10 ? SIGRTMIN + 1 : SIGRTMIN + 2;
		info = take(sig);
		check(info.si_code == SI_QUEUE && info.si_uid == getuid() &&
		      info.si_value.sival_ptr ==
		      (void *)(0x123400000000ull + (i < 10 ? 2 * i + 1 : 2 * (i - 10))),
		      "queued signal %d: code %d value %p", i, info.si_code,
		      info.si_value.sival_ptr);
	}
	take(SIGWINCH);
	check(sigtimedwait(&pending_set, &info, &now) == -1 && errno == EAGAIN,
	      "signal %d is pending once more", info.si_signo);
	must(sigprocmask(SIG_UNBLOCK, &pending_set, NULL));
}

/* In a process of its own, because any thread may take what is for all */
static void pending_child(void)
{
	pending_make();
	prog_touch("up.pending");
	prog_wait();
	/* not earlier: SIGCHLD would disturb the parent's waiting */
	prog_await("pending");
	pending_take();
}

static void pending_setup(void)
{
	pending_pid = prog_fork(pending_child);
	prog_await("up.pending");
}

static void pending_verify(void)
{
	prog_touch("pending");
	prog_reap(pending_pid, 0);
}

/* ---- in sigsuspend() and in ppoll(), each with a mask of its own ---- */

static pthread_t suspended[2];
static volatile int suspend_handled[2];
static volatile pid_t suspend_tid[2];

static void suspend_handler(int sig)
{
	suspend_handled[sig == SIGRTMIN + 11]++;
}

static void *suspend_main(void *arg)
{
	int n = (intptr_t)arg, sig = SIGRTMIN + 10 + n, ret;
	uint64_t mask = 1ull << (sig - 1) | 1ull << (SIGTERM - 1);
	sigset_t set;

	must(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8));
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	suspend_tid[n] = syscall(SYS_gettid);
	__sync_fetch_and_add(&up, 1);
	ret = n ? ppoll(NULL, 0, NULL, &set) : sigsuspend(&set);
	check(ret == -1 && errno == EINTR, "%s returned %d: %s", n ? "ppoll" : "sigsuspend", ret,
	      strerror(errno));
	check(suspend_handled[n] == 1, "%s returned without its signal",
	      n ? "ppoll" : "sigsuspend");
	check_mask(mask);
	return NULL;
}

static void suspend_setup(void)
{
	struct sigaction sa = { .sa_handler = suspend_handler };
	char path[64];
	intptr_t n;

	must(sigaction(SIGRTMIN + 10, &sa, NULL));
	must(sigaction(SIGRTMIN + 11, &sa, NULL));
	for (n = 0; n < 2; n++)
		must0(pthread_create(&suspended[n], NULL, suspend_main, (void *)n));
	await_up(2);
	/* until each has the mask of its call */
	for (n = 0; n < 2; n++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/status", suspend_tid[n]);
		while (prog_field(path, "SigBlk:", 16) != 1ull << (SIGHUP - 1))
			prog_sleep_ms(PROG_POLL_MS);
	}
}

static void suspend_verify(void)
{
	int n;

	for (n = 0; n < 2; n++) {
		check(!suspend_handled[n], "a signal that nobody sent");
		must0(pthread_kill(suspended[n], SIGRTMIN + 10 + n));
		must0(pthread_join(suspended[n], NULL));
	}
}

static const struct prog_case cases[] = {
	/* set up when all threads and processes are there, verified before they end */
	{ "actions", NULL, actions_verify, false },
	{ "pending", pending_setup, pending_verify, false },
	{ "masks", masks_setup, masks_verify, false },
	{ "onstack", onstack_setup, onstack_verify, false },
	{ "suspend", suspend_setup, suspend_verify, false },
	{ "actions", actions_setup, NULL, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
