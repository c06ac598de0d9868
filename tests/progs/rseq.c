// SPDX-License-Identifier: GPL-2.0
/*
 * Restartable sequences: the registration that the C library made is in force,
 * the kernel keeps the CPU number up to date, and a critical section that is
 * interrupted by a save is aborted.
 */
#include "prog.h"
#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

static volatile bool stop;

static volatile struct rseq *area(void)
{
	return (volatile struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void check_cpu(void)
{
	cpu_set_t set;
	int cpu, cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (cpu = 0; cpu < cpus; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			continue;
		check((int)area()->cpu_id == cpu && (int)area()->cpu_id_start == cpu,
		      "on CPU %d, rseq says %d", cpu, (int)area()->cpu_id);
	}
	CPU_ZERO(&set);
	for (cpu = 0; cpu < cpus; cpu++)
		CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set));
}

/* The kernel refuses a second registration of the same, and another one */
static void check_registered(void)
{
	static __thread struct rseq other __attribute__((aligned(32)));
	long ret;

	ret = syscall(SYS_rseq, area(), sizeof(struct rseq), 0, RSEQ_SIG);
	check(ret == -1 && errno == EBUSY, "it is not registered: %ld, %s", ret, strerror(errno));
	ret = syscall(SYS_rseq, &other, sizeof(other), 0, RSEQ_SIG);
	check(ret == -1 && errno == EINVAL, "another one is registered: %ld, %s", ret,
	      strerror(errno));
	ret = syscall(SYS_rseq, area(), sizeof(struct rseq), 0, RSEQ_SIG + 1);
	check(ret == -1 && errno == EPERM, "another signature is registered: %ld, %s", ret,
	      strerror(errno));
}

/* ---- registration of two threads ---- */

static pthread_t thread;

static void *registered_main(void *unused)
{
	(void)unused;
	check_registered();
	while (!stop)
		prog_sleep_ms(PROG_POLL_MS);
	check_registered();
	check_cpu();
	return NULL;
}

static void registered_setup(void)
{
	check(__rseq_size, "the C library did not register");
	check_registered();
	check_cpu();
	must0(pthread_create(&thread, NULL, registered_main, NULL));
}

static void registered_verify(void)
{
	stop = true;
	must0(pthread_join(thread, NULL));
	check_registered();
	check_cpu();
}

/* ---- counters, one for each CPU, without atomic instructions ---- */

#define WORKERS	4
#define CPUS	512
static struct {
	uint64_t count;
	char pad[56];
} counters[CPUS];
static volatile uint64_t worked[WORKERS];
static uint64_t aborted[WORKERS];
static pthread_t worker[WORKERS];

/*
 * One increment on the CPU it runs on; false if it was interrupted. The section
 * is long, so that it is. An abort handler is preceded by the signature.
 */
static bool increment(int cpu)
{
	asm volatile goto(
		".pushsection __rseq_cs, \"aw\"\n\t"
		".balign 32\n"
		"3:\n\t"
		".long 0, 0\n\t"
		".quad 1f, 2f - 1f, 4f\n\t"
		".popsection\n\t"
		"lea 3b(%%rip), %%rax\n\t"
		"mov %%rax, %[cs]\n"
		"1:\n\t"
		"cmp %[cpu], %[cpu_id]\n\t"
		"jnz 4f\n\t"
		"mov %[count], %%rcx\n\t"
		"mov $200, %%eax\n"
		"5:	dec %%eax\n\t"
		"jnz 5b\n\t"
		"inc %%rcx\n\t"
		"mov %%rcx, %[count]\n"
		"2:\n\t"
		".pushsection __rseq_failure, \"ax\"\n\t"
		".byte 0x0f, 0xb9, 0x3d\n\t"
		".long 0x53053053\n"
		"4:	jmp %l[aborted]\n\t"
		".popsection\n\t"
		: : [cs] "m"(area()->rseq_cs), [cpu_id] "m"(area()->cpu_id), [cpu] "r"(cpu),
		    [count] "m"(counters[cpu].count)
		: "memory", "cc", "rax", "rcx" : aborted);
	return true;
aborted:
	return false;
}

static void *worker_main(void *arg)
{
	int me = (intptr_t)arg;

	while (!stop) {
		if (increment(area()->cpu_id_start))
			worked[me]++;
		else
			aborted[me]++;
	}
	return NULL;
}

static void sections_setup(void)
{
	intptr_t i;

	check(__rseq_size, "the C library did not register");
	for (i = 0; i < WORKERS; i++)
		must0(pthread_create(&worker[i], NULL, worker_main, (void *)i));
	/* they may not have begun when they are told to stop */
	for (i = 0; i < WORKERS; i++)
		while (!worked[i])
			prog_sleep_ms(PROG_POLL_MS);
}

static void sections_verify(void)
{
	uint64_t sum = 0, want = 0;
	int i;

	stop = true;
	for (i = 0; i < WORKERS; i++) {
		must0(pthread_join(worker[i], NULL));
		want += worked[i];
	}
	for (i = 0; i < CPUS; i++)
		sum += counters[i].count;
	check(want && sum == want, "%llu increments, the counters say %llu",
	      (unsigned long long)want, (unsigned long long)sum);
}

static const struct prog_case cases[] = {
	{ "sections", sections_setup, NULL, false },
	{ "registered", registered_setup, registered_verify, false },
	{ "sections", NULL, sections_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
