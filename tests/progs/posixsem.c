// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX semaphores between processes: unnamed ones in shared memory, and named
 * ones, which are files in /dev/shm that are mapped. In each a child sleeps.
 */
#include "prog.h"
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>

/**
 * struct pair - two semaphores, and who waits for the first
 * @down: the child waits for it
 * @up: the child posts it then
 * @child: the process
 */
struct pair {
	sem_t *down;
	sem_t *up;
	pid_t child;
};

static struct pair unnamed, named;
static struct pair *mine;

static void pair_child(void)
{
	check(!sem_wait(mine->down), "sem_wait: %s", strerror(errno));
	must(sem_post(mine->up));
}

static void pair_start(struct pair *p)
{
	int i;

	mine = p;
	p->child = prog_fork(pair_child);
	/* glibc counts who waits in the upper half */
	for (i = 0; !((volatile uint32_t *)p->down)[1]; i++) {
		check(i < PROG_POLLS, "the child does not wait");
		prog_sleep_ms(PROG_POLL_MS);
	}
	prog_sleep_ms(PROG_POLL_MS);
}

static void pair_verify(struct pair *p)
{
	int value;

	must(sem_getvalue(p->up, &value));
	check(value == 3, "value %d", value);
	check(sem_trywait(p->down) && errno == EAGAIN, "it was not 0");
	must(sem_post(p->down));
	prog_reap(p->child, 0);
	must(sem_getvalue(p->up, &value));
	check(value == 4, "value %d", value);
	must(sem_getvalue(p->down, &value));
	check(value == 0, "value %d", value);
}

static void unnamed_setup(void)
{
	sem_t *sems = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0));

	unnamed.down = &sems[0];
	unnamed.up = &sems[1];
	must(sem_init(unnamed.down, 1, 0));
	must(sem_init(unnamed.up, 1, 3));
	pair_start(&unnamed);
}

static void unnamed_verify(void)
{
	pair_verify(&unnamed);
}

static char names[2][64];

static void named_setup(void)
{
	snprintf(names[0], sizeof(names[0]), "/cr-test-down.%d", (int)getpid());
	snprintf(names[1], sizeof(names[1]), "/cr-test-up.%d", (int)getpid());
	named.down = sem_open(names[0], O_CREAT | O_EXCL, 0600, 0);
	check(named.down != SEM_FAILED, "sem_open: %s", strerror(errno));
	named.up = sem_open(names[1], O_CREAT | O_EXCL, 0600, 3);
	check(named.up != SEM_FAILED, "sem_open: %s", strerror(errno));
	pair_start(&named);
}

static void named_verify(void)
{
	sem_t *again = sem_open(names[1], 0);

	check(again != SEM_FAILED, "sem_open: %s", strerror(errno));
	pair_verify(&named);
	check(again == named.up, "another semaphore has the name");
	must(sem_unlink(names[0]));
	must(sem_unlink(names[1]));
}

static const struct prog_case cases[] = {
	{ "unnamed", unnamed_setup, unnamed_verify, false },
	{ "named", named_setup, named_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
