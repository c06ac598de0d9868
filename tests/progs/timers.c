// SPDX-License-Identifier: GPL-2.0
/*
 * Timers: setitimer(), alarm() and timer_create(). What remains of their time, their rhythm, their
 * ids, and signals that are pending. Each case has a process of its own, which measures how
 * long it did not run: that time is not the timers'. On a slow machine a process also waits for its
 * turn, so this is a bound; the other is what DIR/dead says: milliseconds in which there was no job.
 */
#include "prog.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define NS		1000000000ull
#define LONG_S		100000	/* more than a test takes: dates go on without a job */
#define SLACK		(2 * NS)
#define PERIOD_NS	100000000ull

static volatile int ticks;
static uint64_t since, gap, last;

static void on_tick(int sig)
{
	(void)sig;
	ticks++;
}

/* Timers were set between this time and now: the process may have waited for its turn meanwhile */
static void set_since(uint64_t before)
{
	since = before;
	gap = prog_now(CLOCK_MONOTONIC) - before;
}

/* Where nothing was done for so long, the process did not run */
static void note_gap(void)
{
	uint64_t now = prog_now(CLOCK_MONOTONIC);

	if (now - last > NS / 5)
		gap += now - last;
	last = now;
}

/* Say that the case is set up, then wait for DIR/go, whatever signals come */
static void await_go(const char *name)
{
	struct timespec ts = { 0, PROG_POLL_MS * 1000000l };
	char *path = prog_path("go");
	int i;

	prog_case = name;
	/* before it says so: it may be saved at once */
	last = prog_now(CLOCK_MONOTONIC);
	prog_touch(name);
	for (i = 0; access(path, F_OK); i++) {
		check(i < 10 * PROG_POLLS, "nobody said go");
		nanosleep(&ts, NULL);
		note_gap();
	}
	/* saved on its way to the file, it has found it when it ran again */
	note_gap();
	free(path);
}

/* Time since @since in which the process has run: at most, at least (until DIR/go) */
static uint64_t ran_most(void)
{
	char buf[32] = "0";

	if (!access(prog_path("dead"), F_OK))
		prog_read(prog_path("dead"), buf, sizeof(buf));
	return prog_now(CLOCK_MONOTONIC) - since - strtoull(buf, NULL, 10) * 1000000;
}

static uint64_t ran_least(void)
{
	uint64_t all = last - since;

	return all > gap + SLACK ? all - gap - SLACK : 0;
}

static uint64_t tv_ns(struct timeval tv)
{
	return tv.tv_sec * NS + tv.tv_usec * 1000ull;
}

static uint64_t ts_ns(struct timespec ts)
{
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* What is left of LONG_S of the time in which the process runs */
static void check_left(uint64_t left, const char *what)
{
	uint64_t gone = LONG_S * NS - left;

	check(gone + SLACK >= ran_least() && (int64_t)gone <= (int64_t)(ran_most() + SLACK),
	      "%s: %llu ms have gone, not %llu to %llu", what, (unsigned long long)gone / 1000000,
	      (unsigned long long)ran_least() / 1000000, (unsigned long long)ran_most() / 1000000);
}

static void check_used(uint64_t left, uint64_t most, const char *what)
{
	check(left <= LONG_S * NS + NS / 10 && LONG_S * NS <= left + most,
	      "%s: %llu ms are left, and %llu ms were used", what, (unsigned long long)left / 1000000,
	      (unsigned long long)most / 1000000);
}

/* And of its CPU time */
static void check_cpu_left(uint64_t left, const char *what)
{
	check_used(left, prog_now(CLOCK_PROCESS_CPUTIME_ID) + NS / 10, what);
}

/* As interval timers count it: a whole tick for who runs at one, which is too much or too little */
static void check_ticks_left(uint64_t left, const char *what)
{
	check_used(left, 2 * prog_now(CLOCK_PROCESS_CPUTIME_ID) + NS / 10, what);
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
}

static bool is_pending(int sig)
{
	sigset_t set;

	must(sigpending(&set));
	return sigismember(&set, sig);
}

static void await_pending(int sig)
{
	int i;

	for (i = 0; !is_pending(sig); i++) {
		check(i < PROG_POLLS, "signal %d does not come", sig);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

/* Take a blocked signal that is there, or comes soon */
static siginfo_t take(int sig)
{
	struct timespec limit = { 60, 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	check(must(sigtimedwait(&set, &info, &limit)) == sig, "another signal");
	return info;
}

/* ---- interval timers ---- */

static void itimer_left(void)
{
	struct itimerval it = { { 7, 0 }, { LONG_S, 0 } }, now;
	uint64_t before = prog_now(CLOCK_MONOTONIC);

	must(setitimer(ITIMER_REAL, &it, NULL));
	must(setitimer(ITIMER_VIRTUAL, &it, NULL));
	must(setitimer(ITIMER_PROF, &it, NULL));
	set_since(before);
	await_go("up.left");
	must(getitimer(ITIMER_REAL, &now));
	check_left(tv_ns(now.it_value), "real");
	check(now.it_interval.tv_sec == 7 && !now.it_interval.tv_usec, "interval of real");
	must(getitimer(ITIMER_VIRTUAL, &now));
	check_ticks_left(tv_ns(now.it_value), "virtual");
	check(now.it_interval.tv_sec == 7, "interval of virtual");
	must(getitimer(ITIMER_PROF, &now));
	check_ticks_left(tv_ns(now.it_value), "prof");
	check(now.it_interval.tv_sec == 7, "interval of prof");
}

static void itimer_ticks(void)
{
	struct itimerval it = { { 0, 50000 }, { 0, 50000 } }, now;
	int before;

	signal(SIGALRM, on_tick);
	since = prog_now(CLOCK_MONOTONIC);
	must(setitimer(ITIMER_REAL, &it, NULL));
	await_go("up.ticks");
	before = ticks;
	check(before <= (int)(ran_most() / 50000000) + 2, "%d ticks in %llu ms", before,
	      (unsigned long long)ran_most() / 1000000);
	while (ticks < before + 4)
		pause();
	must(getitimer(ITIMER_REAL, &now));
	check(now.it_interval.tv_usec == 50000 && now.it_value.tv_usec <= 50000, "its period");
}

static void itimer_prof(void)
{
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	int before;

	signal(SIGPROF, on_tick);
	signal(SIGVTALRM, on_tick);
	must(setitimer(ITIMER_PROF, &it, NULL));
	await_go("up.prof");
	before = ticks;
	while (ticks < before + 3)
		;
	must(setitimer(ITIMER_PROF, &(struct itimerval){}, NULL));
	must(setitimer(ITIMER_VIRTUAL, &it, NULL));
	for (before = ticks; ticks < before + 3;)
		;
}

/* It has expired, and its signal waits */
static void itimer_pending(void)
{
	struct itimerval it = { { 0, 100000 }, { 0, 1000 } }, now;

	block(SIGALRM);
	must(setitimer(ITIMER_REAL, &it, NULL));
	await_pending(SIGALRM);
	await_go("up.pending");
	check(is_pending(SIGALRM), "its signal is gone");
	must(getitimer(ITIMER_REAL, &now));
	check(!now.it_value.tv_sec && !now.it_value.tv_usec && now.it_interval.tv_usec == 100000,
	      "runs on although its signal waits");
	take(SIGALRM);
	/* now it goes on */
	take(SIGALRM);
	take(SIGALRM);
}

static void alarm_left(void)
{
	uint64_t before = prog_now(CLOCK_MONOTONIC);

	alarm(LONG_S);
	set_since(before);
	await_go("up.alarm");
	check_left(alarm(0) * NS, "alarm");
}

static void alarm_pending(void)
{
	block(SIGALRM);
	alarm(1);
	await_pending(SIGALRM);
	await_go("up.alarmed");
	check(is_pending(SIGALRM), "its signal is gone");
	check(!alarm(0), "it is set again");
	take(SIGALRM);
	prog_sleep_ms(1500);
	check(!is_pending(SIGALRM), "its signal comes twice");
}

/* ---- timer_create(), without the wrapper of the C library ---- */

static int create(clockid_t clock, int notify, int sig, long value, pid_t tid)
{
	struct sigevent ev = { .sigev_notify = notify, .sigev_signo = sig };
	int id;

	ev.sigev_value.sival_ptr = (void *)value;
	ev._sigev_un._tid = tid;
	must(syscall(SYS_timer_create, clock, &ev, &id));
	return id;
}

static void settime(int id, int flags, uint64_t value, uint64_t interval)
{
	struct itimerspec its = { { interval / NS, interval % NS }, { value / NS, value % NS } };

	must(syscall(SYS_timer_settime, id, flags, &its, NULL));
}

static struct itimerspec gettime(int id)
{
	struct itimerspec its;

	must(syscall(SYS_timer_gettime, id, &its));
	return its;
}

static void timer_ids(void)
{
	struct itimerspec its;
	uint64_t before;
	int id[5], i;

	for (i = 0; i < 5; i++)
		id[i] = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0, 0);
	for (i = 0; i < 5; i += 2)
		must(syscall(SYS_timer_delete, id[i]));
	before = prog_now(CLOCK_MONOTONIC);
	settime(id[3], 0, LONG_S * NS, 0);
	set_since(before);
	await_go("up.ids");
	for (i = 0; i < 5; i += 2)
		check(syscall(SYS_timer_gettime, id[i], &its) == -1 && errno == EINVAL,
		      "timer %d is there", id[i]);
	its = gettime(id[1]);
	check(!ts_ns(its.it_value) && !ts_ns(its.it_interval), "timer %d is set", id[1]);
	check_left(ts_ns(gettime(id[3]).it_value), "timer 3");
	i = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0, 0);
	check(i == id[4] + 1, "the next timer is %d instead of %d", i, id[4] + 1);
}

static void timer_clocks(void)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
	};
	int id[6], none[6], date, i;
	uint64_t when, left, before;

	before = prog_now(CLOCK_MONOTONIC);
	for (i = 0; i < 6; i++) {
		id[i] = create(clocks[i], SIGEV_SIGNAL, SIGUSR1, 0, 0);
		settime(id[i], 0, LONG_S * NS, 5 * NS + i);
		none[i] = create(clocks[i], SIGEV_NONE, 0, 0, 0);
		settime(none[i], 0, LONG_S * NS, 0);
	}
	set_since(before);
	date = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, 0, 0);
	when = prog_now(CLOCK_REALTIME) + LONG_S * NS;
	settime(date, TIMER_ABSTIME, when, 0);
	await_go("up.clocks");
	for (i = 0; i < 6; i++) {
		prog_case = i < 4 ? "clock" : "CPU clock";
		(i < 4 ? check_left : check_cpu_left)(ts_ns(gettime(id[i]).it_value), "timer");
		check(ts_ns(gettime(id[i]).it_interval) == 5 * NS + i, "interval");
		(i < 4 ? check_left : check_cpu_left)(ts_ns(gettime(none[i]).it_value),
						      "timer without signal");
	}
	before = prog_now(CLOCK_REALTIME);
	left = ts_ns(gettime(date).it_value);
	check(left + before <= when && when <= left + prog_now(CLOCK_REALTIME),
	      "a date went off by %lld ms", (long long)(left + before - when) / 1000000);
	/* it can be set anew, and comes */
	block(SIGUSR1);
	for (i = 0; i < 4; i++) {
		settime(id[i], 0, PERIOD_NS, 0);
		check(take(SIGUSR1).si_timerid == id[i], "signal of another timer");
	}
	settime(date, TIMER_ABSTIME, prog_now(CLOCK_REALTIME) + PERIOD_NS, 0);
	check(take(SIGUSR1).si_timerid == date, "signal of another timer");
	for (; i < 6; i++) {
		settime(id[i], 0, PERIOD_NS, 0);
		while (!is_pending(SIGUSR1))
			;
		check(take(SIGUSR1).si_timerid == id[i], "signal of another timer");
	}
}

/* Signals that wait, in order, and what their timer has missed since */
static void timer_pending(void)
{
	const int sig = SIGRTMIN + 2, once = SIGRTMIN + 3;
	int id, single, own, i;
	uint64_t least, most, before;
	cpu_set_t cpus, one;
	siginfo_t info;

	block(sig);
	block(once);
	/* timers of one CPU expire one after the other: who sleeps there for longer has seen them */
	must(sched_getaffinity(0, sizeof(cpus), &cpus));
	CPU_ZERO(&one);
	CPU_SET(must(sched_getcpu()), &one);
	must(sched_setaffinity(0, sizeof(one), &one));
	must(sigqueue(getpid(), sig, (union sigval){ .sival_int = 1 }));
	id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, sig, 0x123456789abcl, 0);
	single = create(CLOCK_REALTIME, SIGEV_SIGNAL, once, 77, 0);
	own = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, once, 78, getpid());
	settime(single, 0, 1, 0);
	before = prog_now(CLOCK_MONOTONIC);
	settime(id, 0, PERIOD_NS, PERIOD_NS);
	set_since(before);
	since += PERIOD_NS;
	for (i = 0; i < 50; i++)
		prog_sleep_ms(PROG_POLL_MS);
	must(sigqueue(getpid(), sig, (union sigval){ .sival_int = 2 }));
	settime(own, 0, 1, 0);
	/* the same signal waits already, from the other timer */
	while (ts_ns(gettime(own).it_value))
		prog_sleep_ms(PROG_POLL_MS);
	must(sched_setaffinity(0, sizeof(cpus), &cpus));
	await_go("up.queued");
	info = take(sig);
	check(info.si_code == SI_QUEUE && info.si_value.sival_int == 1, "the first signal");
	least = ran_least() / PERIOD_NS;
	info = take(sig);
	most = ran_most() / PERIOD_NS;
	check(info.si_code == SI_TIMER && info.si_timerid == id &&
	      info.si_value.sival_ptr == (void *)0x123456789abcl,
	      "code %d, timer %d, value %p", info.si_code, info.si_timerid, info.si_value.sival_ptr);
	check(info.si_overrun + 5u >= least && (uint64_t)info.si_overrun <= most + 5,
	      "%d overruns instead of %llu to %llu", info.si_overrun, (unsigned long long)least,
	      (unsigned long long)most);
	check(syscall(SYS_timer_getoverrun, id) == info.si_overrun, "timer_getoverrun()");
	info = take(sig);
	check(info.si_code == SI_QUEUE && info.si_value.sival_int == 2, "the third signal");
	info = take(sig);
	check(info.si_timerid == id, "it does not go on");
	check(ts_ns(gettime(id).it_interval) == PERIOD_NS, "its period");
	info = take(once);
	check(info.si_timerid == own && info.si_value.sival_int == 78, "signal of the thread's timer");
	info = take(once);
	check(info.si_timerid == single && info.si_value.sival_int == 77, "signal of a timer");
	check(!ts_ns(gettime(single).it_value) && !is_pending(once), "it goes on");
}

/*
 * Expirations that were counted before: exact, because the next one is far away. A timer whose date has
 * passed 7.5 periods ago has missed 7. timer_gettime() counts them while its signal waits.
 */
static int timer_missed(int sig)
{
	int id = create(CLOCK_REALTIME, SIGEV_SIGNAL, sig, 0, 0);

	block(sig);
	settime(id, TIMER_ABSTIME, prog_now(CLOCK_REALTIME) - 15 * LONG_S * NS / 2, LONG_S * NS);
	await_pending(sig);
	return id;
}

/* Set again while its signal waits. Linux counts what comes as an overrun, until 6.13 */
static void timer_twice(int sig)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, sig, 0, 0);

	block(sig);
	settime(id, 0, 1, 0);
	await_pending(sig);
	settime(id, 0, 1, 0);
	while (ts_ns(gettime(id).it_value))
		prog_sleep_ms(PROG_POLL_MS);
}

static void timer_overrun(void)
{
	const int sig = SIGRTMIN + 4, known = SIGRTMIN + 5, taken = SIGRTMIN + 6, twice = SIGRTMIN + 7;
	int id[3], overruns;
	uint64_t left;
	siginfo_t info;

	id[0] = timer_missed(sig);
	id[1] = timer_missed(known);
	gettime(id[1]);
	id[2] = timer_missed(taken);
	check(take(taken).si_overrun == 7, "the signal that is taken");
	timer_twice(twice);
	overruns = take(twice).si_overrun;
	timer_twice(twice);
	await_go("up.overrun");
	info = take(sig);
	check(info.si_overrun == 7, "it has missed %d", info.si_overrun);
	info = take(known);
	check(info.si_overrun == 7, "it has missed %d, and had been asked", info.si_overrun);
	check(syscall(SYS_timer_getoverrun, id[2]) == 7, "a signal that was taken has lost what it said");
	info = take(twice);
	check(info.si_overrun == overruns, "a signal that came twice says %d instead of %d", info.si_overrun,
	      overruns);
	/* each goes on at half a period from then */
	for (int i = 0; i < 3; i++) {
		left = ts_ns(gettime(id[i]).it_value);
		check(left < LONG_S * NS / 2 && left > LONG_S * NS / 4, "timer %d goes on in %llu ms", i,
		      (unsigned long long)left / 1000000);
	}
}

/* ---- threads: SIGEV_THREAD of the C library, SIGEV_THREAD_ID ---- */

static volatile int calls;
static volatile pid_t second_tid, got_tid;
static volatile bool enough;

static void on_call(union sigval value)
{
	calls += value.sival_int;
}

static void on_thread(int sig)
{
	(void)sig;
	got_tid = syscall(SYS_gettid);
	ticks++;
}

static void *second(void *unused)
{
	(void)unused;
	second_tid = syscall(SYS_gettid);
	while (!enough)
		prog_sleep_ms(PROG_POLL_MS);
	return NULL;
}

static void timer_threads(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_call };
	struct itimerspec its = { { 0, PERIOD_NS }, { 0, PERIOD_NS } };
	int id, cpu, before, i;
	clockid_t clock;
	pthread_t t;
	timer_t of;

	signal(SIGUSR2, on_thread);
	ev.sigev_value.sival_int = 1;
	must(timer_create(CLOCK_MONOTONIC, &ev, &of));
	must(timer_settime(of, 0, &its, NULL));
	must0(pthread_create(&t, NULL, second, NULL));
	while (!second_tid)
		prog_sleep_ms(PROG_POLL_MS);
	must0(pthread_getcpuclockid(t, &clock));
	cpu = create(clock, SIGEV_SIGNAL, SIGUSR1, 0, 0);
	settime(cpu, 0, LONG_S * NS, 0);
	id = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR2, 0, second_tid);
	settime(id, 0, PERIOD_NS, PERIOD_NS);
	await_go("up.threads");
	before = calls;
	for (i = 0; calls < before + 3; i++) {
		check(i < PROG_POLLS, "SIGEV_THREAD does not go on");
		prog_sleep_ms(PROG_POLL_MS);
	}
	before = ticks;
	got_tid = 0;
	for (i = 0; ticks < before + 3; i++) {
		check(i < PROG_POLLS, "SIGEV_THREAD_ID does not go on");
		prog_sleep_ms(PROG_POLL_MS);
	}
	check(got_tid == second_tid, "thread %d got it, not %d", got_tid, second_tid);
	check_cpu_left(ts_ns(gettime(cpu).it_value), "CPU clock of another thread");
	must(timer_delete(of));
	enough = true;
	must0(pthread_join(t, NULL));
}

/* ---- what wakes the machine; there is none, or a clock in it that can ---- */

static void alarm_clocks(void)
{
	uint64_t before, when, left;
	int boot, date, period;

	if (syscall(SYS_timer_create, CLOCK_BOOTTIME_ALARM, NULL, &boot)) {
		check(errno == EOPNOTSUPP, "alarm clock: %s", strerror(errno));
		await_go("up.alarms");
		return;
	}
	block(SIGUSR1);
	before = prog_now(CLOCK_MONOTONIC);
	settime(boot, 0, LONG_S * NS, 7 * NS);
	set_since(before);
	date = create(CLOCK_REALTIME_ALARM, SIGEV_SIGNAL, SIGUSR2, 0, 0);
	when = prog_now(CLOCK_REALTIME) + LONG_S * NS;
	settime(date, TIMER_ABSTIME, when, 0);
	period = create(CLOCK_BOOTTIME_ALARM, SIGEV_SIGNAL, SIGUSR1, 0, 0);
	settime(period, 0, PERIOD_NS, PERIOD_NS);
	await_pending(SIGUSR1);
	await_go("up.alarms");
	check_left(ts_ns(gettime(boot).it_value), "alarm timer");
	check(ts_ns(gettime(boot).it_interval) == 7 * NS, "its interval");
	before = prog_now(CLOCK_REALTIME);
	left = ts_ns(gettime(date).it_value);
	check(before + left >= when - NS && before + left <= when + NS, "a date went off by %lld ms",
	      (long long)(left + before - when) / 1000000);
	check(take(SIGUSR1).si_timerid == period, "signal of another timer");
	check(take(SIGUSR1).si_timerid == period, "it does not go on");
}

/* ---- sleeps on CPU time: of the process, of another thread of it ---- */

#define CPU_NS	(2 * NS)

static struct sleeper {
	pthread_t thread;
	clockid_t clock;
	uint64_t since, end;
} cpu_sleepers[2];
static _Atomic int asleep, awake;

static void *cpu_sleep(void *arg)
{
	struct timespec ts = { CPU_NS / NS, CPU_NS % NS };
	struct sleeper *s = arg;

	s->since = prog_now(s->clock);
	atomic_fetch_add(&asleep, 1);
	check(!(errno = clock_nanosleep(s->clock, 0, &ts, NULL)), "sleep on CPU time: %s",
	      strerror(errno));
	s->end = prog_now(s->clock);
	atomic_fetch_add(&awake, 1);
	return NULL;
}

static void cpu_sleeps(void)
{
	size_t i;

	cpu_sleepers[0].clock = CLOCK_PROCESS_CPUTIME_ID;
	must0(pthread_getcpuclockid(pthread_self(), &cpu_sleepers[1].clock));
	for (i = 0; i < 2; i++)
		must0(pthread_create(&cpu_sleepers[i].thread, NULL, cpu_sleep, &cpu_sleepers[i]));
	while (atomic_load(&asleep) < 2)
		prog_sleep_ms(PROG_POLL_MS);
	await_go("up.cpusleep");
	check(!atomic_load(&awake), "it slept too short");
	while (atomic_load(&awake) < 2)
		;
	for (i = 0; i < 2; i++)
		must0(pthread_join(cpu_sleepers[i].thread, NULL));
	/* the CPU time of the process goes on, that of a thread begins anew */
	check(cpu_sleepers[0].end - cpu_sleepers[0].since >= CPU_NS - NS / 1000 &&
	      cpu_sleepers[0].end - cpu_sleepers[0].since < CPU_NS + NS,
	      "slept for %llu ms of CPU time",
	      (unsigned long long)(cpu_sleepers[0].end - cpu_sleepers[0].since) / 1000000);
	check(cpu_sleepers[1].end < CPU_NS + NS, "slept for %llu ms of a thread's CPU time",
	      (unsigned long long)cpu_sleepers[1].end / 1000000);
}

/* ---- */

static const struct {
	const char *name;
	void (*fn)(void);
} parts[] = {
	{ "up.left", itimer_left },
	{ "up.ticks", itimer_ticks },
	{ "up.prof", itimer_prof },
	{ "up.pending", itimer_pending },
	{ "up.alarm", alarm_left },
	{ "up.alarmed", alarm_pending },
	{ "up.ids", timer_ids },
	{ "up.clocks", timer_clocks },
	{ "up.queued", timer_pending },
	{ "up.overrun", timer_overrun },
	{ "up.threads", timer_threads },
	{ "up.alarms", alarm_clocks },
	{ "up.cpusleep", cpu_sleeps },
};

#define ITIMERS	6
#define PARTS	13
static pid_t pids[PARTS];

static void run(int from, int to)
{
	for (; from < to; from++) {
		pids[from] = prog_fork(parts[from].fn);
		prog_await(parts[from].name);
	}
}

static void reap(int from, int to)
{
	for (; from < to; from++)
		prog_reap(pids[from], 0);
}

static void itimers_setup(void)
{
	run(0, ITIMERS);
}

static void itimers_verify(void)
{
	reap(0, ITIMERS);
}

static void timers_setup(void)
{
	run(ITIMERS, PARTS);
}

static void timers_verify(void)
{
	reap(ITIMERS, PARTS);
}

static const struct prog_case cases[] = {
	{ "itimers", itimers_setup, itimers_verify, false },
	{ "timers", timers_setup, timers_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
