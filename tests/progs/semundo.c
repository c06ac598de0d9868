// SPDX-License-Identifier: GPL-2.0
/*
 * What System V semaphores get back when a process ends (SEM_UNDO): of the
 * leader, of a child, of a thread, of several semaphores and sets, of a process
 * that sleeps in semop(). A lock is verified by a process that asks for it, and
 * by what its end leaves.
 */
#include "prog.h"
#include <pthread.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>

static int new_set(key_t key, int nsems, int val)
{
	int id = must(semget(key, nsems, IPC_CREAT | IPC_EXCL | 0600)), i;

	for (i = 0; i < nsems; i++)
		must(semctl(id, i, SETVAL, val));
	return id;
}

static int change(int id, int nr, int by, int flags)
{
	struct sembuf op = { nr, by, flags };

	return semop(id, &op, 1);
}

static void value_check(int id, int nr, int want)
{
	int val = must(semctl(id, nr, GETVAL));

	check(val == want, "semaphore %d is %d instead of %d", nr, val, want);
}

/* It is taken, by @pid, and nobody gets it */
static void held_check(int id, int nr, pid_t pid)
{
	int last = must(semctl(id, nr, GETPID));

	value_check(id, nr, 0);
	check(last == pid, "semaphore %d was taken by %d instead of %d", nr, last, (int)pid);
	check(change(id, nr, -1, IPC_NOWAIT) && errno == EAGAIN, "semaphore %d is not held", nr);
}

/* Until somebody waits for it to be more */
static void await_sleeper(int id, int nr)
{
	int i;

	for (i = 0; !must(semctl(id, nr, GETNCNT)); i++) {
		check(i < PROG_POLLS, "nobody waits for semaphore %d", nr);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void set_remove(int id)
{
	must(semctl(id, 0, IPC_RMID));
}

/* ---- of the leader, which goes on ---- */

static int lock = -1;

static void leader_setup(void)
{
	lock = new_set(IPC_PRIVATE, 2, 1);
	must(change(lock, 0, -1, SEM_UNDO));
	/* given back already: nothing is left to undo */
	must(change(lock, 1, -1, SEM_UNDO));
	must(change(lock, 1, 1, SEM_UNDO));
}

static void leader_verify(void)
{
	held_check(lock, 0, getpid());
	value_check(lock, 1, 1);
	/* no more than it had: what it does itself is undone, and that is all */
	must(change(lock, 0, 1, SEM_UNDO));
	must(change(lock, 0, -1, SEM_UNDO));
	/* the end of its list, as at its own */
	must(unshare(CLONE_SYSVSEM));
	value_check(lock, 0, 1);
	value_check(lock, 1, 1);
	set_remove(lock);
}

/* ---- of a child that ends ---- */

static int of_child = -1;
static pid_t child;

static void child_main(void)
{
	must(change(of_child, 0, -1, SEM_UNDO));
	prog_touch("up.child");
	prog_wait();
	prog_await("child.go");
}

static void child_setup(void)
{
	of_child = new_set(IPC_PRIVATE, 1, 1);
	child = prog_fork(child_main);
	prog_await("up.child");
}

static void child_verify(void)
{
	held_check(of_child, 0, child);
	prog_touch("child.go");
	prog_reap(child, 0);
	value_check(of_child, 0, 1);
	set_remove(of_child);
}

/* ---- of a thread: it is its process' ---- */

static int of_thread = -1;
static pid_t thread_pid;

static void *thread_run(void *arg)
{
	(void)arg;
	must(change(of_thread, 0, -1, SEM_UNDO));
	prog_touch("up.thread");
	prog_await("thread.go");
	return NULL;
}

static void thread_main(void)
{
	pthread_t thread;

	must0(pthread_create(&thread, NULL, thread_run, NULL));
	prog_await("thread.go");
	must0(pthread_join(thread, NULL));
	held_check(of_thread, 0, getpid());
	prog_touch("thread.joined");
	prog_await("thread.end");
}

static void thread_setup(void)
{
	of_thread = new_set(IPC_PRIVATE, 1, 1);
	thread_pid = prog_fork(thread_main);
	prog_await("up.thread");
}

static void thread_verify(void)
{
	held_check(of_thread, 0, thread_pid);
	prog_touch("thread.go");
	prog_await("thread.joined");
	held_check(of_thread, 0, thread_pid);
	prog_touch("thread.end");
	prog_reap(thread_pid, 0);
	value_check(of_thread, 0, 1);
	set_remove(of_thread);
}

/* ---- several semaphores of several sets, taken and given ---- */

#define SETS	3
#define SEMS	70	/* the kernel tells 64 from each other at a glance */

static int sets[SETS];
static pid_t many_pid;

static void many_main(void)
{
	int i;

	for (i = 0; i < SETS; i++) {
		must(change(sets[i], 0, -1, SEM_UNDO));
		must(change(sets[i], 3, 2, SEM_UNDO));
		must(change(sets[i], 3, 2, 0));
		must(change(sets[i], 64, -3, SEM_UNDO));
		must(change(sets[i], SEMS - 1, -5 - i, SEM_UNDO));
		must(change(sets[i], SEMS - 1, 1, SEM_UNDO));
	}
	prog_touch("up.many");
	prog_wait();
	prog_await("many.go");
}

static void many_setup(void)
{
	int i;

	for (i = 0; i < SETS; i++)
		sets[i] = new_set(i ? IPC_PRIVATE : 0x43530000 + getpid() % 4096, SEMS, 10);
	many_pid = prog_fork(many_main);
	prog_await("up.many");
}

static void many_verify(void)
{
	int i;

	for (i = 0; i < SETS; i++) {
		value_check(sets[i], 0, 9);
		value_check(sets[i], 1, 10);
		value_check(sets[i], 3, 14);
		value_check(sets[i], 64, 7);
		value_check(sets[i], SEMS - 1, 6 - i);
	}
	prog_touch("many.go");
	prog_reap(many_pid, 0);
	for (i = 0; i < SETS; i++) {
		value_check(sets[i], 0, 10);
		value_check(sets[i], 3, 12);
		value_check(sets[i], 64, 10);
		value_check(sets[i], SEMS - 1, 10);
		set_remove(sets[i]);
	}
}

/* ---- one has it and sleeps for another one; a second one sleeps for the first ---- */

static int queue = -1;
static pid_t has, wants;

static void has_main(void)
{
	must(change(queue, 0, -1, SEM_UNDO));
	must(change(queue, 1, -1, SEM_UNDO));
	prog_touch("sleeper.both");
	prog_await("sleeper.go");
}

static void wants_main(void)
{
	must(change(queue, 0, -1, SEM_UNDO));
	prog_touch("sleeper.second");
}

static void sleeper_setup(void)
{
	queue = new_set(IPC_PRIVATE, 2, 1);
	must(semctl(queue, 1, SETVAL, 0));
	has = prog_fork(has_main);
	await_sleeper(queue, 1);
	wants = prog_fork(wants_main);
	await_sleeper(queue, 0);
}

static void sleeper_verify(void)
{
	await_sleeper(queue, 0);
	await_sleeper(queue, 1);
	held_check(queue, 0, has);
	must(change(queue, 1, 1, 0));
	prog_await("sleeper.both");
	held_check(queue, 1, has);
	await_sleeper(queue, 0);
	check(access(prog_path("sleeper.second"), F_OK), "two have it at once");
	prog_touch("sleeper.go");
	prog_reap(has, 0);
	prog_await("sleeper.second");
	prog_reap(wants, 0);
	value_check(queue, 0, 1);
	value_check(queue, 1, 1);
	set_remove(queue);
}

static const struct prog_case cases[] = {
	{ "leader", leader_setup, leader_verify, false },
	{ "child", child_setup, child_verify, false },
	{ "thread", thread_setup, thread_verify, false },
	{ "many", many_setup, many_verify, false },
	{ "sleeper", sleeper_setup, sleeper_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
