// SPDX-License-Identifier: GPL-2.0
/*
 * Timerfds: clocks, what remains, intervals and their phase, dates, expirations
 * that nobody has read, and a child that waits for one after the other.
 */
#include "prog.h"
#include <poll.h>
#include <sys/timerfd.h>

#define SEC	1000000000ull

/* When the first timer was made: none has run for longer */
static uint64_t begun;

static uint64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * SEC + ts->tv_nsec;
}

static int timer(clockid_t clock, int flags, uint64_t value, uint64_t interval)
{
	struct itimerspec its = {
		{ interval / SEC, interval % SEC }, { value / SEC, value % SEC },
	};
	int fd = must(timerfd_create(clock, TFD_NONBLOCK));

	begun = begun ?: prog_now(CLOCK_BOOTTIME);
	must(timerfd_settime(fd, flags, &its, NULL));
	return fd;
}

static uint64_t remaining(int fd, uint64_t interval)
{
	struct itimerspec its;

	must(timerfd_gettime(fd, &its));
	check(ns(&its.it_interval) == interval, "interval of %llu ns",
	      (unsigned long long)ns(&its.it_interval));
	return ns(&its.it_value);
}

/* Expirations that were not read yet; 0: none */
static uint64_t ticks(int fd)
{
	uint64_t n;
	ssize_t ret = read(fd, &n, sizeof(n));

	if (ret == -1 && errno == EAGAIN)
		return 0;
	check(ret == sizeof(n), "read: %s", strerror(errno));
	return n;
}

static void expired_wait(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	check(must(poll(&p, 1, 60000)) == 1, "a timer does not expire");
}

/* ---- set to a time from now ---- */

static int once, again, boot, alarm_clock, never;

static void relative_setup(void)
{
	once = timer(CLOCK_MONOTONIC, 0, 5000 * SEC + 1, 0);
	again = timer(CLOCK_REALTIME, 0, 6000 * SEC, 7 * SEC + 7);
	boot = timer(CLOCK_BOOTTIME, 0, 8000 * SEC, 0);
	alarm_clock = timerfd_create(CLOCK_BOOTTIME_ALARM, 0);
	if (alarm_clock != -1) {
		must(close(alarm_clock));
		alarm_clock = timer(CLOCK_BOOTTIME_ALARM, 0, 9000 * SEC, SEC);
	}
	never = must(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
}

static void near(int fd, uint64_t interval, uint64_t want)
{
	uint64_t left = remaining(fd, interval);

	check(left <= want && left + prog_now(CLOCK_BOOTTIME) - begun >= want,
	      "%llu ns remain of %llu", (unsigned long long)left, (unsigned long long)want);
}

static void relative_verify(void)
{
	near(once, 0, 5000 * SEC + 1);
	near(again, 7 * SEC + 7, 6000 * SEC);
	near(boot, 0, 8000 * SEC);
	if (alarm_clock != -1)
		near(alarm_clock, SEC, 9000 * SEC);
	check(!remaining(never, 0), "a timer that was not set");
	check(must(fcntl(never, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(!(must(fcntl(never, F_GETFL)) & O_NONBLOCK), "does not block");
	check(must(fcntl(once, F_GETFL)) & O_NONBLOCK, "blocks");
	check(!ticks(once) && !ticks(again) && !ticks(boot), "expired");
}

/* ---- set to a date, or to a time of another clock ---- */

static int date, cancel, mono;
static uint64_t date_ns;

static void absolute_setup(void)
{
	date_ns = prog_now(CLOCK_REALTIME) + 100000 * SEC;
	date = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME, date_ns, 3 * SEC);
	cancel = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, date_ns, 0);
	mono = timer(CLOCK_MONOTONIC, TFD_TIMER_ABSTIME, prog_now(CLOCK_MONOTONIC) + 4000 * SEC, 0);
}

static void date_check(int fd, uint64_t interval)
{
	uint64_t before = prog_now(CLOCK_REALTIME), left = remaining(fd, interval);
	uint64_t after = prog_now(CLOCK_REALTIME);

	check(before + left <= date_ns + SEC / 10 && after + left + SEC / 10 >= date_ns,
	      "expires at %llu, not %llu", (unsigned long long)(before + left),
	      (unsigned long long)date_ns);
}

static void settime_flags(int fd, const char *want)
{
	char path[64], text[1024] = "";
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = must(open(path, O_RDONLY));
	must(read(info, text, sizeof(text) - 1));
	must(close(info));
	check(strstr(text, want), "no \"%s\" in %s", want, text);
}

static void absolute_verify(void)
{
	date_check(date, 3 * SEC);
	date_check(cancel, 0);
	near(mono, 0, 4000 * SEC);
	settime_flags(date, "settime flags: 01\n");
	settime_flags(cancel, "settime flags: 03\n");
	settime_flags(mono, "settime flags: 01\n");
}

/* ---- expired, and not read, or read ---- */

static int fired, fired_read, phase, fast;
static uint64_t fast_start;

static void ticks_setup(void)
{
	fired = timer(CLOCK_MONOTONIC, 0, 1, 0);
	fired_read = timer(CLOCK_MONOTONIC, 0, 1, 0);
	expired_wait(fired_read);
	check(ticks(fired_read) == 1, "ticks");
	phase = timer(CLOCK_MONOTONIC, 0, 1, 3600 * SEC);
	fast_start = prog_now(CLOCK_MONOTONIC);
	fast = timer(CLOCK_MONOTONIC, 0, SEC / 100, SEC / 100);
	expired_wait(fired);
	expired_wait(phase);
	expired_wait(fast);
	prog_sleep_ms(200);
}

static void ticks_verify(void)
{
	uint64_t n, since;

	check(ticks(fired) == 1 && !ticks(fired), "a timer that has expired");
	check(!ticks(fired_read), "a timer that was read");
	near(phase, 3600 * SEC, 3600 * SEC);
	check(ticks(phase) == 1 && !ticks(phase), "a periodic timer");
	/* not later than the reading from which on they are counted */
	since = prog_now(CLOCK_MONOTONIC);
	n = ticks(fast);
	check(n >= 20, "%llu ticks of 10 ms", (unsigned long long)n);
	for (n = 0; n < 20;) {
		expired_wait(fast);
		n += ticks(fast);
	}
	check(prog_now(CLOCK_MONOTONIC) - since >= SEC / 100 * 18, "20 ticks of 10 ms took %llu ns",
	      (unsigned long long)(prog_now(CLOCK_MONOTONIC) - since));
}

/* ---- a child that waits for one expiration after the other ---- */

static pid_t child;

static void wait_child(void)
{
	struct itimerspec its = { { 0, 20000000 }, { 0, 20000000 } };
	int fd = must(timerfd_create(CLOCK_MONOTONIC, 0));
	char *path = prog_path("stop.timerfd");
	uint64_t n;

	must(timerfd_settime(fd, 0, &its, NULL));
	prog_touch("up.timerfd");
	while (access(path, F_OK))
		check(must(read(fd, &n, sizeof(n))) == sizeof(n) && n, "child: read");
}

static void wait_setup(void)
{
	child = prog_fork(wait_child);
	prog_await("up.timerfd");
}

static void wait_verify(void)
{
	prog_touch("stop.timerfd");
	prog_reap(child, 0);
}

static const struct prog_case cases[] = {
	{ "relative", relative_setup, relative_verify, false },
	{ "absolute", absolute_setup, absolute_verify, false },
	{ "ticks", ticks_setup, ticks_verify, false },
	{ "wait", wait_setup, wait_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
