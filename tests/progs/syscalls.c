// SPDX-License-Identifier: GPL-2.0
/*
 * System calls in progress. Each case is a thread that sits in one: those with
 * a time call it again and again until DIR/go is there and check that it took
 * as long as it should; those without wait to be woken, which happens after
 * DIR/go, and check what they get. None may see EINTR.
 */
#include "prog.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>

#define SECOND	1000000000ull
#define TIME	(3 * SECOND)	/* that a call with a time takes */
#define SLACK	(2 * SECOND)	/* that it may take longer: the machine is slow */

static volatile bool stop;
static volatile int up, down;

static const struct timespec ts_time = { TIME / SECOND, TIME % SECOND };

/* ---- with a time ---- */

static long do_nanosleep(void)
{
	return nanosleep(&ts_time, NULL);
}

static long do_clock_rel(void)
{
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &ts_time, NULL);
	return errno ? -1 : 0;
}

static long do_clock_boottime(void)
{
	errno = clock_nanosleep(CLOCK_BOOTTIME, 0, &ts_time, NULL);
	return errno ? -1 : 0;
}

/* On a machine that nothing can wake: the same without that */
static long do_clock_alarm(void)
{
	errno = clock_nanosleep(CLOCK_BOOTTIME_ALARM, 0, &ts_time, NULL);
	if (errno == EOPNOTSUPP)
		return do_clock_boottime();
	return errno ? -1 : 0;
}

static long sleep_until(clockid_t clock)
{
	uint64_t end = prog_now(clock) + TIME;
	struct timespec ts = { end / SECOND, end % SECOND };

	errno = clock_nanosleep(clock, TIMER_ABSTIME, &ts, NULL);
	check(errno || prog_now(clock) >= end, "woken before its time");
	return errno ? -1 : 0;
}

static long do_clock_abs(void)
{
	return sleep_until(CLOCK_MONOTONIC);
}

static long do_clock_abs_real(void)
{
	return sleep_until(CLOCK_REALTIME);
}

/* A time-out of a futex is an error; it is what is wanted here */
static long expect_timeout(long ret)
{
	check(ret == -1, "returned %ld instead of a time-out", ret);
	return errno == ETIMEDOUT ? 0 : -1;
}

static long do_futex(void)
{
	static int word = 5;

	return expect_timeout(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &ts_time, NULL, 0));
}

static long do_futex_shared(void)
{
	static int word = 6;

	return expect_timeout(syscall(SYS_futex, &word, FUTEX_WAIT, 6, &ts_time, NULL, 0));
}

static long futex_until(clockid_t clock, int flag)
{
	static int word = 7;
	uint64_t end = prog_now(clock) + TIME;
	struct timespec ts = { end / SECOND, end % SECOND };

	return expect_timeout(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE | flag, 7, &ts,
				      NULL, 0x10));
}

static long do_futex_abs(void)
{
	return futex_until(CLOCK_MONOTONIC, 0);
}

static long do_futex_abs_real(void)
{
	return futex_until(CLOCK_REALTIME, FUTEX_CLOCK_REALTIME);
}

static int silent[2];	/* a pipe into which nobody writes */

/* For the time of a call: signals that other threads wait for shall not end up in this one */
static void call_mask(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGRTMIN + 5);
	sigaddset(set, SIGRTMIN + 6);
}

static long do_poll(void)
{
	struct pollfd p[2] = { { silent[0], POLLIN, 0 }, { -1, 0, 0 } };
	long ret = poll(p, 2, TIME / 1000000);

	check(ret || !p[0].revents, "poll: events 0x%x", p[0].revents);
	return ret;
}

static long do_ppoll(void)
{
	struct pollfd p = { silent[0], POLLIN, 0 };
	sigset_t set;

	call_mask(&set);
	return ppoll(&p, 1, &ts_time, &set);
}

static long do_select(void)
{
	struct timeval tv = { TIME / SECOND, TIME % SECOND / 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(silent[0], &set);
	return select(silent[0] + 1, &set, NULL, NULL, &tv);
}

static long do_pselect(void)
{
	sigset_t mask;
	fd_set set;

	call_mask(&mask);
	FD_ZERO(&set);
	FD_SET(silent[0], &set);
	return pselect(silent[0] + 1, &set, NULL, NULL, &ts_time, &mask);
}

static long do_sigtimedwait(void)
{
	sigset_t set;
	long ret;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMAX);
	ret = sigtimedwait(&set, NULL, &ts_time);
	check(ret == -1, "sigtimedwait: signal %ld", ret);
	return errno == EAGAIN ? 0 : -1;
}

static const struct timed {
	const char *name;
	long (*call)(void);
	bool anew;	/* one that is interrupted begins anew: it has no restart function */
} timed[] = {
	{ "nanosleep", do_nanosleep },
	{ "clock_nanosleep", do_clock_rel },
	{ "clock_nanosleep, boottime", do_clock_boottime },
	{ "clock_nanosleep, alarm", do_clock_alarm },
	{ "clock_nanosleep, absolute", do_clock_abs },
	{ "clock_nanosleep, absolute, realtime", do_clock_abs_real },
	{ "futex", do_futex },
	{ "futex, shared", do_futex_shared },
	{ "futex, absolute", do_futex_abs },
	{ "futex, absolute, realtime", do_futex_abs_real },
	{ "poll", do_poll },
	{ "ppoll", do_ppoll },
	{ "select", do_select },
	{ "pselect", do_pselect },
	{ "sigtimedwait", do_sigtimedwait, true },
};

#define NR_TIMED	(sizeof(timed) / sizeof(timed[0]))
static pthread_t timed_thread[NR_TIMED], watch_thread;
static volatile uint64_t watch_gap, watch_seen;
static volatile bool watch_end;

/*
 * How long the threads below did not run, and until when that is known. All of
 * them are on one CPU, so that it stands still for all or for none.
 */
static void *watch_main(void *unused)
{
	uint64_t last = prog_now(CLOCK_MONOTONIC), now;

	(void)unused;
	while (!watch_end) {
		prog_sleep_ms(PROG_POLL_MS);
		now = prog_now(CLOCK_MONOTONIC);
		if (now - last > SECOND / 5)
			watch_gap += now - last;
		watch_seen = last = now;
	}
	return NULL;
}

/*
 * A call takes its time, plus what the program did not run; more only where
 * the machine is slow. A call that begins anew instead of going on takes longer;
 * one that always does so may have to do it for each of the three saves.
 */
static void *timed_main(void *arg)
{
	const struct timed *t = arg;
	uint64_t begin, took, gap, most = (t->anew ? 4 * TIME : TIME) + SLACK;
	long ret;

	__sync_fetch_and_add(&up, 1);
	while (!stop) {
		gap = watch_gap;
		begin = prog_now(CLOCK_MONOTONIC);
		ret = t->call();
		took = prog_now(CLOCK_MONOTONIC) - begin;
		check(!ret, "%s: returned %ld: %s", t->name, ret, ret == -1 ? strerror(errno) : "");
		/* select() and poll() round by the slack of timers, downwards never */
		check(took >= TIME - 1000000, "%s: took only %llu ms", t->name,
		      (unsigned long long)took / 1000000);
		/* the watching thread may notice the gap later */
		while (took > most + (watch_gap - gap) && watch_seen < begin + took)
			prog_sleep_ms(PROG_POLL_MS);
		gap = watch_gap - gap;
		check(stop || took <= most + gap,
		      "%s: took %llu ms, of which %llu do not count", t->name,
		      (unsigned long long)took / 1000000, (unsigned long long)gap / 1000000);
	}
	return NULL;
}

static void timed_setup(void)
{
	cpu_set_t cpus, one;
	size_t i;

	if (!silent[1])
		must(pipe(silent));
	must(sched_getaffinity(0, sizeof(cpus), &cpus));
	CPU_ZERO(&one);
	CPU_SET(must(sched_getcpu()), &one);
	must(sched_setaffinity(0, sizeof(one), &one));
	must0(pthread_create(&watch_thread, NULL, watch_main, NULL));
	while (!watch_seen)
		prog_sleep_ms(PROG_POLL_MS);
	for (i = 0; i < NR_TIMED; i++)
		must0(pthread_create(&timed_thread[i], NULL, timed_main, (void *)&timed[i]));
	must(sched_setaffinity(0, sizeof(cpus), &cpus));
}

static void timed_verify(void)
{
	size_t i;

	stop = true;
	for (i = 0; i < NR_TIMED; i++)
		must0(pthread_join(timed_thread[i], NULL));
	watch_end = true;
	must0(pthread_join(watch_thread, NULL));
}

/* ---- without a time: woken after DIR/go ---- */

static int pipe_read[2], pipe_poll[2], pipe_ppoll[2], pipe_select[2], pipe_pselect[2];
static int pipe_child[2], pipe_full[2];
static int word_private = 1, word_bitset = 2, *word_shared;
static pid_t child_pid;
static volatile int pause_handled;

static void wait_read(void)
{
	char buf[8];

	check(must(read(pipe_read[0], buf, sizeof(buf))) == 4 && !memcmp(buf, "wake", 4),
	      "read: wrong data");
}

static void wait_write(void)
{
	char c = 'w';

	check(must(write(pipe_full[1], &c, 1)) == 1, "write: nothing written");
}

static void wait_poll(void)
{
	struct pollfd p[3] = { { silent[0], POLLIN, 0 }, { pipe_poll[0], POLLIN, 0 },
			       { silent[0], 0, 0 } };

	check(must(poll(p, 3, -1)) == 1 && p[1].revents == POLLIN && !p[0].revents,
	      "poll: wrong events");
}

static void wait_ppoll(void)
{
	struct pollfd p = { pipe_ppoll[0], POLLIN, 0 };
	sigset_t set;

	sigfillset(&set);
	check(must(ppoll(&p, 1, NULL, &set)) == 1 && p.revents == POLLIN, "ppoll: wrong events");
}

static void wait_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(silent[0], &set);
	FD_SET(pipe_select[0], &set);
	check(must(select(FD_SETSIZE, &set, NULL, NULL, NULL)) == 1 &&
	      FD_ISSET(pipe_select[0], &set) && !FD_ISSET(silent[0], &set),
	      "select: wrong descriptors");
}

static void wait_pselect(void)
{
	sigset_t mask;
	fd_set set;

	sigfillset(&mask);
	FD_ZERO(&set);
	FD_SET(pipe_pselect[0], &set);
	check(must(pselect(FD_SETSIZE, &set, NULL, NULL, NULL, &mask)) == 1 &&
	      FD_ISSET(pipe_pselect[0], &set), "pselect: wrong descriptors");
}

static void wait_futex(void)
{
	must(syscall(SYS_futex, &word_private, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
	check(word_private == 10, "futex: woken too early");
}

static void wait_futex_bitset(void)
{
	must(syscall(SYS_futex, &word_bitset, FUTEX_WAIT_BITSET_PRIVATE, 2, NULL, NULL, 0x8));
	check(word_bitset == 20, "futex: woken too early");
}

static void wait_futex_shared(void)
{
	must(syscall(SYS_futex, word_shared, FUTEX_WAIT, 3, NULL, NULL, 0));
	check(*word_shared == 30, "futex: woken too early");
}

static void wait_wait4(void)
{
	int status;

	check(must(wait4(child_pid, &status, 0, NULL)) == child_pid, "wait4: another child");
	check(status == 9 << 8, "wait4: status 0x%x", status);
}

static void wait_sigwaitinfo(void)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 5);
	sigaddset(&set, SIGRTMIN + 6);
	check(must(sigwaitinfo(&set, &info)) == SIGRTMIN + 6 && info.si_value.sival_int == 55,
	      "sigwaitinfo: wrong signal");
}

static void wait_pause(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 8);
	must0(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	check(pause() == -1 && errno == EINTR && pause_handled == 1,
	      "pause: returned without its signal");
}

static void pause_handler(int sig)
{
	(void)sig;
	pause_handled++;
}

static const struct waiting {
	const char *name;
	void (*wait)(void);
} waiting[] = {
	{ "read", wait_read },
	{ "write", wait_write },
	{ "poll", wait_poll },
	{ "ppoll", wait_ppoll },
	{ "select", wait_select },
	{ "pselect", wait_pselect },
	{ "futex", wait_futex },
	{ "futex, bitset", wait_futex_bitset },
	{ "futex, shared", wait_futex_shared },
	{ "wait4", wait_wait4 },
	{ "sigwaitinfo", wait_sigwaitinfo },
	{ "pause", wait_pause },
};

#define NR_WAITING	(sizeof(waiting) / sizeof(waiting[0]))
static pthread_t waiting_thread[NR_WAITING];
static volatile pid_t waiting_tid[NR_WAITING];
static volatile bool woken[NR_WAITING];
static volatile bool may_wake;

static void *waiting_main(void *arg)
{
	size_t i = (uintptr_t)arg;

	waiting_tid[i] = syscall(SYS_gettid);
	__sync_fetch_and_add(&up, 1);
	waiting[i].wait();
	check(may_wake, "%s: returned before it was woken", waiting[i].name);
	woken[i] = true;
	__sync_fetch_and_add(&down, 1);
	return NULL;
}

static void child_main(void)
{
	char c;

	must(close(pipe_child[1]));
	check(!must(read(pipe_child[0], &c, 1)), "child: no end of file");
	_exit(9);
}

/* One that waits for shared memory's futex: the main thread wakes another mm's */
static pid_t futex_child_pid;
static int *word_child;

static void futex_child(void)
{
	must(syscall(SYS_futex, word_child, FUTEX_WAIT, 0, NULL, NULL, 0));
	check(*word_child == 1, "child: futex: woken too early");
}

static void waiting_setup(void)
{
	struct sigaction sa = { .sa_handler = pause_handler };
	sigset_t set;
	char page[4096];
	size_t i;

	must(pipe(silent));
	must(pipe(pipe_read));
	must(pipe(pipe_poll));
	must(pipe(pipe_ppoll));
	must(pipe(pipe_select));
	must(pipe(pipe_pselect));
	must(pipe(pipe_child));
	must(pipe(pipe_full));
	must(fcntl(pipe_full[1], F_SETPIPE_SZ, 4096));
	check(must(write(pipe_full[1], page, sizeof(page))) == sizeof(page), "short write");
	word_shared = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0));
	*word_shared = 3;
	word_child = word_shared + 1;
	must(sigaction(SIGRTMIN + 8, &sa, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 5);
	sigaddset(&set, SIGRTMIN + 6);
	sigaddset(&set, SIGRTMIN + 8);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	child_pid = prog_fork(child_main);
	futex_child_pid = prog_fork(futex_child);
	for (i = 0; i < NR_WAITING; i++)
		must0(pthread_create(&waiting_thread[i], NULL, waiting_main, (void *)i));
}

/* The letter that /proc shows: S in a call that can be interrupted, not where a task is held */
static char state(pid_t pid, pid_t tid)
{
	char path[64], buf[4096];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	prog_read(path, buf, sizeof(buf));
	return strrchr(buf, ')')[2];
}

/* Until all are in their calls. After a restart each has to get there by itself, and may be late */
static void await_waiting(void)
{
	size_t i;

	for (i = 0; i < NR_WAITING; i++)
		while (state(getpid(), waiting_tid[i]) != 'S')
			prog_sleep_ms(PROG_POLL_MS);
	while (state(futex_child_pid, futex_child_pid) != 'S')
		prog_sleep_ms(PROG_POLL_MS);
}

static void wake(int fd)
{
	check(must(write(fd, "wake", 4)) == 4, "short write");
}

static void waiting_verify(void)
{
	union sigval value = { .sival_int = 55 };
	char page[4096];
	size_t i;
	int n;

	for (i = 0; i < NR_WAITING; i++)
		check(!woken[i], "%s: returned before it was woken", waiting[i].name);
	await_waiting();
	may_wake = true;
	wake(pipe_read[1]);
	wake(pipe_poll[1]);
	wake(pipe_ppoll[1]);
	wake(pipe_select[1]);
	wake(pipe_pselect[1]);
	check(must(read(pipe_full[0], page, sizeof(page))) == sizeof(page), "short read");
	word_private = 10;
	check(must(syscall(SYS_futex, &word_private, FUTEX_WAKE_PRIVATE, 1)) == 1,
	      "futex: nobody waits");
	word_bitset = 20;
	check(!must(syscall(SYS_futex, &word_bitset, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL,
			    0x7)), "futex, bitset: woken by others' bits");
	check(must(syscall(SYS_futex, &word_bitset, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL,
			   0x8)) == 1, "futex, bitset: nobody waits");
	*word_shared = 30;
	check(must(syscall(SYS_futex, word_shared, FUTEX_WAKE, 1)) == 1,
	      "futex, shared: nobody waits");
	*word_child = 1;
	check(must(syscall(SYS_futex, word_child, FUTEX_WAKE, 1)) == 1,
	      "futex of a child: nobody waits");
	prog_reap(futex_child_pid, 0);
	must(close(pipe_child[1]));
	must(sigqueue(getpid(), SIGRTMIN + 6, value));
	/* pause() is the last of the list */
	must0(pthread_kill(waiting_thread[NR_WAITING - 1], SIGRTMIN + 8));
	for (n = 0; down != NR_WAITING; n++) {
		for (i = 0; i < NR_WAITING && woken[i]; i++)
			;
		check(n < PROG_POLLS, "%s: was not woken", waiting[i].name);
		prog_sleep_ms(PROG_POLL_MS);
	}
	for (i = 0; i < NR_WAITING; i++)
		must0(pthread_join(waiting_thread[i], NULL));
}

/* All threads have begun, and had time to get into their calls */
static void settle(void)
{
	int i, want = (timed_thread[0] ? NR_TIMED : 0) + (waiting_thread[0] ? NR_WAITING : 0);

	for (i = 0; up != want; i++) {
		check(i < PROG_POLLS, "threads do not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
	if (waiting_thread[0])
		await_waiting();
	prog_sleep_ms(200);
}

static const struct prog_case cases[] = {
	/* the first one: it blocks signals, for all threads that follow */
	{ "waiting", waiting_setup, waiting_verify, false },
	{ "timed", timed_setup, timed_verify, false },
	{ "waiting", settle, NULL, false },
	{ "timed", settle, NULL, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
