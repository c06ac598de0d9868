// SPDX-License-Identifier: GPL-2.0
/*
 * The vdso: time read without a system call goes on, agrees with the kernel's,
 * and does not go backwards, also for a thread that does nothing else.
 */
#include "prog.h"
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

static volatile bool stop;
static pthread_t thread[2];
static volatile uint64_t rounds[2];
static uint64_t start_mono, start_boot;

static uint64_t real_call(clockid_t clock)
{
	struct timespec ts;

	must(syscall(SYS_clock_gettime, clock, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* The vdso's time lies between two of the kernel's */
static void compare(clockid_t clock)
{
	uint64_t a = real_call(clock), b = prog_now(clock), c = real_call(clock);

	check(a <= b && b <= c, "clock %d: vdso says %llu, the kernel %llu and %llu", (int)clock,
	      (unsigned long long)b, (unsigned long long)a, (unsigned long long)c);
}

static void *spin(void *arg)
{
	int n = (intptr_t)arg;
	uint64_t last = 0, now;
	unsigned int cpu;

	while (!stop) {
		now = prog_now(n ? CLOCK_BOOTTIME : CLOCK_MONOTONIC);
		check(now >= last, "time went back from %llu to %llu",
		      (unsigned long long)last, (unsigned long long)now);
		last = now;
		must(getcpu(&cpu, NULL));
		if (!(++rounds[n] % 1024))
			compare(CLOCK_REALTIME);
	}
	return NULL;
}

/* The address that the auxiliary vector gives holds an ELF header */
static void check_elf(void)
{
	const char *elf = (const char *)getauxval(AT_SYSINFO_EHDR);

	check(elf, "there is no vdso");
	check(!memcmp(elf, ELFMAG, SELFMAG), "there is no ELF header at %p", elf);
}

static void time_setup(void)
{
	intptr_t n;

	check_elf();
	start_mono = prog_now(CLOCK_MONOTONIC);
	start_boot = prog_now(CLOCK_BOOTTIME);
	for (n = 0; n < 2; n++)
		must0(pthread_create(&thread[n], NULL, spin, (void *)n));
	/* they may not have begun when they are told to stop */
	for (n = 0; n < 2; n++)
		while (!rounds[n])
			prog_sleep_ms(PROG_POLL_MS);
}

static void time_verify(void)
{
	int n;

	check_elf();
	check(prog_now(CLOCK_MONOTONIC) > start_mono, "CLOCK_MONOTONIC went back");
	check(prog_now(CLOCK_BOOTTIME) > start_boot, "CLOCK_BOOTTIME went back");
	for (n = 0; n < 100; n++) {
		compare(CLOCK_REALTIME);
		compare(CLOCK_MONOTONIC);
		compare(CLOCK_BOOTTIME);
		compare(CLOCK_TAI);
	}
	/* that of the last tick, which may be late; and anything may come between the two */
	for (n = 0; labs(time(NULL) - (long)(real_call(CLOCK_REALTIME) / 1000000000)) > 1; n++) {
		check(n < PROG_POLLS, "time()");
		prog_sleep_ms(PROG_POLL_MS);
	}
	stop = true;
	for (n = 0; n < 2; n++) {
		must0(pthread_join(thread[n], NULL));
		check(rounds[n], "a thread did not run");
	}
}

static const struct prog_case cases[] = {
	{ "time", time_setup, time_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
