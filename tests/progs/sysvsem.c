// SPDX-License-Identifier: GPL-2.0
/*
 * System V semaphore sets: values, who changed them last, and when; who waits; what
 * processes undo (SEM_UNDO) where others have changed the same semaphores; a set
 * of a process that has ended.
 */
#include "prog.h"
#include <sys/ipc.h>
#include <sys/sem.h>

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

/* Not IPC_PRIVATE, and nobody else's */
static key_t some_key(int n)
{
	return 0x43550000 + (getpid() % 4096) * 16 + n;
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

static void stat_check(int id, const struct semid_ds *was)
{
	struct semid_ds now;

	must(semctl(id, 0, IPC_STAT, (union semun){ .buf = &now }));
	check(now.sem_perm.__key == was->sem_perm.__key, "key 0x%x", now.sem_perm.__key);
	check(now.sem_perm.mode == was->sem_perm.mode, "mode 0%o instead of 0%o", now.sem_perm.mode,
	      was->sem_perm.mode);
	check(now.sem_perm.uid == was->sem_perm.uid && now.sem_perm.gid == was->sem_perm.gid &&
	      now.sem_perm.cuid == was->sem_perm.cuid && now.sem_perm.cgid == was->sem_perm.cgid,
	      "owner %u:%u, creator %u:%u", now.sem_perm.uid, now.sem_perm.gid, now.sem_perm.cuid,
	      now.sem_perm.cgid);
	check(now.sem_nsems == was->sem_nsems, "%lu semaphores", (unsigned long)now.sem_nsems);
	check(now.sem_otime == was->sem_otime && now.sem_ctime == was->sem_ctime,
	      "times %lld, %lld instead of %lld, %lld", (long long)now.sem_otime,
	      (long long)now.sem_ctime, (long long)was->sem_otime, (long long)was->sem_ctime);
}

/* Until so many wait for a semaphore: for more, and for none */
static void await_sleepers(int id, int nr, int more, int none)
{
	int i;

	for (i = 0; must(semctl(id, nr, GETNCNT)) != more || must(semctl(id, nr, GETZCNT)) != none; i++) {
		check(i < PROG_POLLS, "nobody waits for semaphore %d", nr);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

/* ---- values ---- */

#define SEMS	250

static int values = -1;
static pid_t values_child;
static struct semid_ds values_was;

static void values_main(void)
{
	must(change(values, 3, 5, 0));
	prog_touch("up.values");
	prog_await("values.end");
}

static void values_setup(void)
{
	unsigned short vals[SEMS];
	int i;

	values = must(semget(some_key(1), SEMS, IPC_CREAT | IPC_EXCL | 0640));
	for (i = 0; i < SEMS; i++)
		vals[i] = i * 131 % 32768;
	must(semctl(values, 0, SETALL, (union semun){ .array = vals }));
	must(change(values, SEMS - 1, -1, 0));
	values_child = prog_fork(values_main);
	prog_await("up.values");
	must(semctl(values, 0, IPC_STAT, (union semun){ .buf = &values_was }));
}

static void values_verify(void)
{
	int i;

	check(must(semget(some_key(1), SEMS, 0)) == values, "another id for the key");
	stat_check(values, &values_was);
	for (i = 0; i < SEMS; i++) {
		int pid = must(semctl(values, i, GETPID));

		value_check(values, i, i * 131 % 32768 + (i == 3 ? 5 : i == SEMS - 1 ? -1 : 0));
		check(pid == (i == 3 ? values_child : getpid()), "semaphore %d: last pid %d", i, pid);
	}
	prog_touch("values.end");
	prog_reap(values_child, 0);
	must(semctl(values, 0, IPC_RMID));
}

/* ---- who waits, with a time and without. Nobody has changed one ---- */

static int waited = -1;
static pid_t timed, zero;

static void timed_main(void)
{
	struct sembuf ops[] = { { 0, -2, 0 }, { 1, 1, 0 } };
	struct timespec ts = { 3600, 0 };

	must(semtimedop(waited, ops, 2, &ts));
}

static void zero_main(void)
{
	must(change(waited, 2, 0, 0));
}

static void waited_setup(void)
{
	waited = must(semget(IPC_PRIVATE, 3, 0600));
	must(semctl(waited, 2, SETVAL, 1));
	timed = prog_fork(timed_main);
	zero = prog_fork(zero_main);
	await_sleepers(waited, 0, 1, 0);
	await_sleepers(waited, 2, 0, 1);
}

static void waited_verify(void)
{
	await_sleepers(waited, 0, 1, 0);
	await_sleepers(waited, 2, 0, 1);
	value_check(waited, 2, 1);
	must(change(waited, 0, 3, 0));
	prog_reap(timed, 0);
	value_check(waited, 0, 1);
	value_check(waited, 1, 1);
	must(change(waited, 2, -1, 0));
	prog_reap(zero, 0);
	must(semctl(waited, 0, IPC_RMID));
}

/*
 * ---- what is undone, in a set that others change ----
 * Each of the two has taken what the other has given, and the leader what both
 * have: neither could do it again from what is there when they have ended.
 */

static int undone = -1;
static pid_t first, second;

static void first_main(void)
{
	struct sembuf ops[] = { { 0, -1, SEM_UNDO }, { 1, 1, SEM_UNDO } };

	must(semop(undone, ops, 2));
	must(change(undone, 2, 3, SEM_UNDO));
	must(change(undone, 3, -7, SEM_UNDO));
	prog_touch("up.first");
	prog_await("first.end");
}

static void second_main(void)
{
	struct sembuf ops[] = { { 0, 1, SEM_UNDO }, { 1, -1, SEM_UNDO } };

	must(semop(undone, ops, 2));
	prog_touch("up.second");
	prog_await("second.end");
}

static void undone_setup(void)
{
	undone = must(semget(IPC_PRIVATE, 4, 0600));
	must(semctl(undone, 0, SETVAL, 1));
	must(semctl(undone, 3, SETVAL, 32767));
	first = prog_fork(first_main);
	prog_await("up.first");
	second = prog_fork(second_main);
	prog_await("up.second");
	must(change(undone, 0, -1, 0));
	/* of what the first has given nothing is left, and what it took is there again */
	must(change(undone, 2, -3, 0));
	must(change(undone, 3, 7, 0));
}

static void undone_verify(void)
{
	value_check(undone, 0, 0);
	value_check(undone, 1, 0);
	value_check(undone, 2, 0);
	value_check(undone, 3, 32767);
	check(must(semctl(undone, 0, GETPID)) == getpid(), "last pid");
	check(must(semctl(undone, 1, GETPID)) == second, "last pid of the second");
	must(change(undone, 1, 1, 0));
	must(change(undone, 3, -10, 0));
	prog_touch("first.end");
	prog_reap(first, 0);
	value_check(undone, 0, 1);
	value_check(undone, 1, 0);
	value_check(undone, 2, 0);
	value_check(undone, 3, 32764);
	prog_touch("second.end");
	prog_reap(second, 0);
	value_check(undone, 0, 0);
	value_check(undone, 1, 1);
	must(semctl(undone, 0, IPC_RMID));
}

/* ---- who has used it has ended ---- */

static int left = -1;

static void left_main(void)
{
	must(semctl(left, 1, SETVAL, 77));
	must(change(left, 0, 7, 0));
}

static void left_setup(void)
{
	left = must(semget(IPC_PRIVATE, 2, 0600));
	prog_reap(prog_fork(left_main), 0);
}

static void left_verify(void)
{
	value_check(left, 0, 7);
	value_check(left, 1, 77);
	must(semctl(left, 0, IPC_RMID));
}

static const struct prog_case cases[] = {
	{ "values", values_setup, values_verify, false },
	{ "waited", waited_setup, waited_verify, false },
	{ "undone", undone_setup, undone_verify, false },
	{ "left", left_setup, left_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
