// SPDX-License-Identifier: GPL-2.0
/*
 * Times that a user sees and cannot set: CPU time of the process, of a thread
 * and of children that were waited for, and the age of the process.
 */
#include "prog.h"
#include <sys/resource.h>
#include <sys/times.h>

#define TICK	(1000000000ull / sysconf(_SC_CLK_TCK))

static uint64_t process_cpu, children_cpu, age, waiting_since;

static uint64_t ns(struct timeval tv)
{
	return tv.tv_sec * 1000000000ull + tv.tv_usec * 1000ull;
}

static uint64_t usage(int who)
{
	struct rusage ru;

	must(getrusage(who, &ru));
	return ns(ru.ru_utime) + ns(ru.ru_stime);
}

/* From the 22nd field of stat, in clock ticks since boot */
static uint64_t read_age(void)
{
	char buf[4096], *p;
	int i;

	prog_read("/proc/self/stat", buf, sizeof(buf));
	p = strrchr(buf, ')') + 1;
	for (i = 3; i < 22; i++)
		p = strchr(p + 1, ' ');
	return prog_now(CLOCK_BOOTTIME) - strtoull(p, NULL, 10) * TICK;
}

static void burn(void)
{
	clock_t end = clock() + CLOCKS_PER_SEC / 2;

	while (clock() < end)
		;
}

static void times_setup(void)
{
	prog_reap(prog_fork(burn), 0);
	burn();
	/* so that the age is not what the restart itself takes */
	prog_sleep_ms(1500);
	process_cpu = usage(RUSAGE_SELF);
	children_cpu = usage(RUSAGE_CHILDREN);
	/* not later than the age is read, which anything may delay */
	waiting_since = prog_now(CLOCK_BOOTTIME);
	age = read_age();
	check(process_cpu >= 400000000 && children_cpu >= 400000000, "CPU time is not counted");
}

static void times_verify(void)
{
	uint64_t now = usage(RUSAGE_SELF), now_children = usage(RUSAGE_CHILDREN);
	uint64_t waited = prog_now(CLOCK_BOOTTIME) - waiting_since;
	uint64_t own = waited - prog_gap_ns;
	int64_t older;

	/* waiting takes some, on a slow machine a lot: at most all that it did not stand still */
	check(now >= process_cpu &&
	      now < process_cpu + 2000000000ull + (own > waited / 4 ? own : waited / 4),
	      "CPU time went from %llu ms to %llu ms", (unsigned long long)process_cpu / 1000000,
	      (unsigned long long)now / 1000000);
	check(prog_now(CLOCK_PROCESS_CPUTIME_ID) + TICK >= process_cpu,
	      "CLOCK_PROCESS_CPUTIME_ID went back");
	check(now_children == children_cpu, "CPU time of children: %llu ms became %llu ms",
	      (unsigned long long)children_cpu / 1000000,
	      (unsigned long long)now_children / 1000000);
	older = read_age() - age;
	waited = prog_now(CLOCK_BOOTTIME) - waiting_since;
	check(older <= (int64_t)(waited + 2 * TICK) && older >= -2 * (int64_t)TICK,
	      "became %lld ms older in %llu ms", (long long)older / 1000000,
	      (unsigned long long)waited / 1000000);
}

static const struct prog_case cases[] = {
	{ "times", times_setup, times_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
