// SPDX-License-Identifier: GPL-2.0
/*
 * A robust mutex in a file that is mapped: the kernel marks it when a process ends that holds it, by
 * the number of the process. A child holds it; the parent is large, and stands in a directory of its own.
 *
 * For a job that is not killed: its end is that of the holder, as for everybody else who has the file.
 */
#include "prog.h"
#include <pthread.h>
#include <sys/mman.h>

#define BIG	(48u << 20)

static pthread_mutex_t *mutex;
static pid_t child;

static void holder(void)
{
	int i;

	must0(pthread_mutex_lock(mutex));
	prog_touch("held");
	prog_await("go");
	for (i = 0; i < 2; i++) {
		check(!(*(volatile int *)mutex & 0x40000000), "somebody has told that we are dead");
		must0(pthread_mutex_unlock(mutex));
		must0(pthread_mutex_lock(mutex));
	}
	must0(pthread_mutex_unlock(mutex));
}

static void held_setup(void)
{
	int fd = must(open(prog_path("mutex"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	pthread_mutexattr_t attr;
	void *big;

	must(ftruncate(fd, 4096));
	mutex = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	must(close(fd));
	must0(pthread_mutexattr_init(&attr));
	must0(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	must0(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	must0(pthread_mutex_init(mutex, &attr));
	child = prog_fork(holder);
	prog_await("held");
	big = must(mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	prog_fill(big, BIG, 1);
	must(mkdir(prog_path("cwd"), 0700));
	must(chdir(prog_path("cwd")));
}

static void held_verify(void)
{
	prog_reap(child, 0);
}

static const struct prog_case cases[] = {
	{ "held", held_setup, held_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
