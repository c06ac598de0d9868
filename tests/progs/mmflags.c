// SPDX-License-Identifier: GPL-2.0
/*
 * Switches of an address space: membarrier() registrations, the THP switch,
 * the filter of core dumps, dumpable, where mmap() looks for free addresses;
 * locks of memory that is
 * mapped later; optional, because older kernels do not have them: seals, MDWE,
 * merging.
 */
#include "prog.h"
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE		65
#define PR_GET_MDWE		66
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE	67
#define PR_GET_MEMORY_MERGE	68
#endif

#define PAGE	4096ul

/* ---- membarrier ---- */

static const int registrations[][2] = {
	{ MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, MEMBARRIER_CMD_GLOBAL_EXPEDITED },
	{ MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, MEMBARRIER_CMD_PRIVATE_EXPEDITED },
	{ MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
	  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE },
};

static int membarrier(int cmd)
{
	return syscall(SYS_membarrier, cmd, 0, 0);
}

static void membarrier_setup(void)
{
	size_t i;

	for (i = 0; i < 3; i++)
		must(membarrier(registrations[i][0]));
}

static void membarrier_verify(void)
{
	size_t i;

	/* EPERM without the registration */
	for (i = 0; i < 3; i++)
		check(!membarrier(registrations[i][1]), "membarrier(%d): %s",
		      registrations[i][1], strerror(errno));
}

/* ---- prctl ---- */

static void thp_setup(void)
{
	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

static void thp_verify(void)
{
	check(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1, "THP is on again");
}

static void mdwe_setup(void)
{
	must(prctl(PR_SET_MDWE, 1, 0, 0, 0));
}

static void mdwe_verify(void)
{
	int n = prctl(PR_GET_MDWE, 0, 0, 0, 0);

	check(n == 1, "MDWE is %d", n);
	check(mmap(NULL, PAGE, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	      MAP_FAILED, "memory that is writable and executable");
}

static void merge_setup(void)
{
	must(prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0));
}

static void merge_verify(void)
{
	check(prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) == 1, "memory is not merged");
}

/* ---- mseal(): memory that was written to, and what was protected and locked before ---- */

#define SYS_MSEAL	462

static char *sealed[2];

static void seal_setup(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		sealed[i] = must(mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		prog_fill(sealed[i], 16 * PAGE, i + 1);
	}
	must(mprotect(sealed[1], 16 * PAGE, PROT_READ));
	must(mlock(sealed[1], 16 * PAGE));
	for (i = 0; i < 2; i++)
		must(syscall(SYS_MSEAL, sealed[i], 16 * PAGE, 0));
}

static void seal_verify(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		prog_check_fill(sealed[i], 16 * PAGE, i + 1, "sealed memory");
		check(munmap(sealed[i], PAGE) == -1 && errno == EPERM, "%d: can be unmapped", i);
		check(mprotect(sealed[i], PAGE, PROT_NONE) == -1 && errno == EPERM,
		      "%d: its protection can be changed", i);
	}
	sealed[0][0]++;
}

/* ---- /proc ---- */

static unsigned int filter_get(void)
{
	unsigned int value;
	FILE *f = fopen("/proc/self/coredump_filter", "r");

	check(f && fscanf(f, "%x", &value) == 1, "coredump_filter");
	fclose(f);
	return value;
}

static void filter_setup(void)
{
	FILE *f = fopen("/proc/self/coredump_filter", "w");

	check(f, "coredump_filter");
	fprintf(f, "0x5");
	fclose(f);
}

static void filter_verify(void)
{
	check(filter_get() == 5, "coredump_filter 0x%x", filter_get());
}

/* ---- where mmap() looks: the next free addresses are where they were ---- */

static char *hole;

static void base_setup(void)
{
	hole = must(mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	must(munmap(hole, 64 * PAGE));
}

static void base_verify(void)
{
	char *p = must(mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	check(p == hole, "mmap() at %p, not at %p", (void *)p, (void *)hole);
	must(munmap(p, 64 * PAGE));
}

/* ---- mlockall(MCL_FUTURE): of this process; of a child, with MCL_ONFAULT ---- */

#define LOCK_PAGES	64ul

static unsigned long vm_locked;
static pid_t onfault_pid;

static unsigned long locked_now(void)
{
	return prog_field("/proc/self/status", "VmLck:", 10);
}

/* What is mapped now is locked, and there at once or not; what was mapped is as it was */
static void future_check(bool onfault)
{
	unsigned char in[LOCK_PAGES];
	unsigned long now = locked_now();
	unsigned int i, resident = 0;
	char *p;

	check(onfault ? now >= vm_locked : now == vm_locked, "%lu KiB are locked instead of %lu",
	      now, vm_locked);
	p = must(mmap(NULL, LOCK_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0));
	check(locked_now() == now + LOCK_PAGES * PAGE / 1024, "new memory is not locked");
	must(mincore(p, LOCK_PAGES * PAGE, in));
	for (i = 0; i < LOCK_PAGES; i++)
		resident += in[i] & 1;
	check(resident == (onfault ? 0 : LOCK_PAGES), "%u pages of new memory are there", resident);
	must(munmap(p, LOCK_PAGES * PAGE));
}

static void onfault_child(void)
{
	prog_case = "future, on fault";
	must(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
	vm_locked = locked_now();
	future_check(true);
	prog_touch("up.onfault");
	prog_wait();
	future_check(true);
}

static void future_setup(void)
{
	onfault_pid = prog_fork(onfault_child);
	prog_await("up.onfault");
	must(mlockall(MCL_FUTURE));
	vm_locked = locked_now();
	future_check(false);
}

static void no_future_child(void)
{
	char *p = must(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	check(!locked_now(), "a child has locked memory");
	must(munmap(p, PAGE));
}

static void future_verify(void)
{
	future_check(false);
	prog_reap(prog_fork(no_future_child), 0);
	prog_reap(onfault_pid, 0);
}

static const struct prog_case cases[] = {
	{ "membarrier", membarrier_setup, membarrier_verify, false },
	{ "thp", thp_setup, thp_verify, false },
	{ "filter", filter_setup, filter_verify, false },
	{ "base", base_setup, base_verify, false },
	{ "seal", seal_setup, seal_verify, true },
	{ "merge", merge_setup, merge_verify, true },
	{ "mdwe", mdwe_setup, mdwe_verify, true },
	/* last: what the others map is not locked */
	{ "future", future_setup, future_verify, false },
	{ 0 }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
