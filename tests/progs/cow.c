// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that forked processes share until one writes to it: it is one memory,
 * also after a restart, where nobody has written; and each has its own where
 * somebody has, or has mapped, protected or dropped something else.
 */
#include "prog.h"
#include <sys/mman.h>

#define MIB		(1ul << 20)
#define PAGE		4096ul
#define SIZE		(16 * MIB)
#define WORKERS		8
/* All that a worker has for itself alone, if what nobody has written is shared */
#define OWN_MAX_KIB	(6 * 1024)

static char *mem, *file;
static volatile unsigned int *together;		/* how many have come to each of two points */
static pid_t workers[WORKERS];
static int self = -1;				/* which worker; the parent */

/* Nobody goes on, or ends, before all have looked */
static void meet(int point)
{
	__atomic_fetch_add(&together[point], 1, __ATOMIC_SEQ_CST);
	while (together[point] < WORKERS + 1)
		prog_sleep_ms(PROG_POLL_MS);
}

static void check_shared(void)
{
	unsigned long long own;

	own = prog_field("/proc/self/smaps_rollup", "Private_Dirty:", 10) +
	      prog_field("/proc/self/smaps_rollup", "Private_Clean:", 10);
	check(own < OWN_MAX_KIB, "%d has %llu KiB for itself", self, own);
}

static char *page_of(int who)
{
	return mem + 13 * MIB + (who + 1) * PAGE;
}

/* Everything as it is when all have set up; @written: they have written once more */
static void check_contents(bool written)
{
	int i;

	prog_check_fill(mem, MIB, 1, "first MiB");
	prog_check_fill(mem + 4 * MIB, 4 * MIB, 5, "not written by anybody");
	/* the parent wrote to this when all workers were there */
	prog_check_fill(mem + MIB, MIB, self < 0 ? 2000 : 2, "written by the parent");
	for (i = -1; i < WORKERS; i++)
		prog_check_fill(page_of(i), PAGE, i == self ? 100 + i + written * 1000 : 3,
				"page of one of them");
	prog_check_fill(file, PAGE, self == 3 ? 40 : 4, "private page of a file");
	switch (self) {
	case 0:
		prog_check_zero(mem + 8 * MIB, MIB, "dropped");
		break;
	case 1:
		prog_check_fill(mem + 8 * MIB, MIB, 60, "mapped anew");
		break;
	case 2:
		prog_check_fill(mem + 8 * MIB, MIB, 6, "read-only");
		break;
	case 4:
		check(msync(mem + 8 * MIB, MIB, MS_ASYNC) == -1 && errno == ENOMEM, "mapped");
		break;
	default:
		prog_check_fill(mem + 8 * MIB, MIB, 6, "written by nobody who has it");
	}
	prog_check_fill(mem + 9 * MIB, MIB, 7, "behind that");
}

static void verify_one(void)
{
	check_shared();
	check_contents(false);
	meet(0);
	prog_fill(page_of(self), PAGE, 100 + self + 1000);
	meet(1);
	check_contents(true);
}

static void worker(void)
{
	char *part = mem + 8 * MIB;
	char name[32];

	prog_fill(page_of(self), PAGE, 100 + self);
	switch (self) {
	case 0:
		must(madvise(part, MIB, MADV_DONTNEED));
		break;
	case 1:
		must(mmap(part, MIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
		prog_fill(part, MIB, 60);
		break;
	case 2:
		must(mprotect(part, MIB, PROT_READ));
		break;
	case 3:
		prog_fill(file, PAGE, 40);
		break;
	case 4:
		must(munmap(part, MIB));
		break;
	}
	snprintf(name, sizeof(name), "up.%d", self);
	prog_touch(name);
	prog_wait();
	verify_one();
}

static void workers_setup(void)
{
	char name[32];
	int fd;

	/* aligned: what is stored together is a MiB, and a huge page two */
	mem = must(mmap(NULL, SIZE + 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	mem = (char *)(((uintptr_t)mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	together = must(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	prog_fill(mem, MIB, 1);
	prog_fill(mem + MIB, MIB, 2);
	prog_fill(mem + 4 * MIB, 4 * MIB, 5);
	prog_fill(mem + 8 * MIB, MIB, 6);
	prog_fill(mem + 9 * MIB, MIB, 7);
	for (self = -1; self < WORKERS; self++)
		prog_fill(page_of(self), PAGE, 3);
	fd = must(open(prog_path("file"), O_RDWR | O_CREAT | O_EXCL, 0600));
	must(ftruncate(fd, PAGE));
	file = must(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	must(close(fd));
	prog_fill(file, PAGE, 4);

	for (self = 0; self < WORKERS; self++)
		workers[self] = prog_fork(worker);
	for (self = 0; self < WORKERS; self++) {
		snprintf(name, sizeof(name), "up.%d", self);
		prog_await(name);
	}
	self = -1;
	prog_fill(page_of(self), PAGE, 100 + self);
	prog_fill(mem + MIB, MIB, 2000);
	check_shared();
}

static void workers_verify(void)
{
	int i;

	verify_one();
	for (i = 0; i < WORKERS; i++)
		prog_reap(workers[i], 0);
}

/* ---- children of children, and one whose parent has gone ---- */

#define DEPTH		4

static char *deep;
static pid_t deep_child;
static int level;

static void deep_verify(void)
{
	int i;

	for (i = 0; i < DEPTH; i++)
		prog_check_fill(deep + i * MIB, MIB, i <= level ? 10 * i + i + 1 : 9, "of a level");
	if (deep_child)
		prog_reap(deep_child, 0);
}

/* Each level writes its part, before it makes the next one */
static void deep_setup(void);

static void deep_below(void)
{
	level++;
	deep_child = 0;
	deep_setup();
	prog_wait();
	deep_verify();
}

static void deep_setup(void)
{
	char name[32];

	if (!deep) {
		deep = must(mmap(NULL, DEPTH * MIB, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		prog_fill(deep, DEPTH * MIB, 9);
		for (level = 0; level < DEPTH; level++)
			prog_fill(deep + level * MIB, MIB, 9);
		level = 0;
	}
	prog_fill(deep + level * MIB, MIB, 10 * level + level + 1);
	if (level + 1 < DEPTH) {
		deep_child = prog_fork(deep_below);
		snprintf(name, sizeof(name), "deep.%d", level + 1);
		prog_await(name);
	}
	if (level) {
		snprintf(name, sizeof(name), "deep.%d", level);
		prog_touch(name);
	}
}

static const struct prog_case cases[] = {
	{ "workers", workers_setup, workers_verify, false },
	{ "deep", deep_setup, deep_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
