// SPDX-License-Identifier: GPL-2.0
/*
 * A parent that waits in vfork(): the call returns when the child executes or
 * ends, with its number, and not before. One case at a time: the child says that
 * they are ready, because nobody else can.
 */
#include "prog.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static volatile struct {
	pid_t child;
	bool done;		/* it is about to execute, or to end */
} *shared;

static void child_waits(void)
{
	shared->child = getpid();
	prog_touch("ready");
	prog_wait();
	/* a parent that does not wait would be seen */
	prog_sleep_ms(300);
	shared->done = true;
}

static void returned(pid_t pid)
{
	check(shared->done, "it returned before the child was ready");
	check(pid == shared->child, "it returned %d, the child is %d", (int)pid,
	      (int)shared->child);
	prog_reap(pid, 8 << 8);
}

static void share(void)
{
	shared = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void executes(void)
{
	execl("/bin/sh", "sh", "-c", "exit 8", NULL);
	_exit(1);
}

static void shared_setup(void)
{
	pid_t pid;

	share();
	pid = must(vfork());
	if (!pid) {
		child_waits();
		executes();
	}
	returned(pid);
}

/* With memory of its own */
static void copy_setup(void)
{
	pid_t pid;

	share();
	pid = must(syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0));
	if (!pid) {
		child_waits();
		_exit(8);
	}
	returned(pid);
}

/* ---- a thread of several ---- */

static pthread_t worker;
static volatile bool stop;
static volatile unsigned long turns;

static void *work(void *arg)
{
	while (!stop)
		turns++;
	return arg;
}

static int clone_child(void *arg)
{
	(void)arg;
	child_waits();
	executes();
	return 1;
}

static void *forker(void *arg)
{
	static char stack[65536] __attribute__((aligned(16)));

	returned(must(clone(clone_child, stack + sizeof(stack),
			    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL)));
	return arg;
}

static void thread_setup(void)
{
	unsigned long before;
	pthread_t thread;

	share();
	must0(pthread_create(&worker, NULL, work, NULL));
	must0(pthread_create(&thread, NULL, forker, NULL));
	prog_await("go");
	before = turns;
	must0(pthread_join(thread, NULL));
	check(turns != before, "the other thread stands still");
	stop = true;
	must0(pthread_join(worker, NULL));
}

/* The child of one that waits waits itself */
static void deep_setup(void)
{
	pid_t pid, inner;
	int status;

	share();
	pid = must(vfork());
	if (!pid) {
		inner = vfork();
		if (!inner) {
			child_waits();
			executes();
		}
		if (inner != shared->child || waitpid(inner, &status, 0) != inner ||
		    status != 8 << 8)
			_exit(2);
		_exit(9);
	}
	check(shared->done, "it returned before the child was ready");
	prog_reap(pid, 9 << 8);
}

static const struct prog_case cases[] = {
	{ "shared", shared_setup, NULL, true },
	{ "copy", copy_setup, NULL, true },
	{ "thread", thread_setup, NULL, true },
	{ "deep", deep_setup, NULL, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
