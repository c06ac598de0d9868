// SPDX-License-Identifier: GPL-2.0
/*
 * System V IPC: shared memory that is attached, in all the ways there are;
 * semaphores and message queues that somebody waits for.
 */
#include "prog.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define PAGE	4096ul

/* Not IPC_PRIVATE, and nobody else's */
static key_t some_key(int n)
{
	return 0x43520000 + (getpid() % 4096) * 16 + n;
}

/* What must not change of a segment; atime and dtime do with every fork() */
static void shm_stat_check(int id, const struct shmid_ds *was)
{
	struct shmid_ds now;

	must(shmctl(id, IPC_STAT, &now));
	check(now.shm_perm.__key == was->shm_perm.__key, "key 0x%x", now.shm_perm.__key);
	check(now.shm_perm.mode == was->shm_perm.mode, "mode 0%o instead of 0%o",
	      now.shm_perm.mode, was->shm_perm.mode);
	check(now.shm_perm.uid == was->shm_perm.uid && now.shm_perm.gid == was->shm_perm.gid &&
	      now.shm_perm.cuid == was->shm_perm.cuid && now.shm_perm.cgid == was->shm_perm.cgid,
	      "owner %u:%u, creator %u:%u", now.shm_perm.uid, now.shm_perm.gid,
	      now.shm_perm.cuid, now.shm_perm.cgid);
	check(now.shm_segsz == was->shm_segsz, "size %zu", now.shm_segsz);
	check(now.shm_ctime == was->shm_ctime, "time of change %lld instead of %lld",
	      (long long)now.shm_ctime, (long long)was->shm_ctime);
	check(now.shm_atime == was->shm_atime, "time of attach %lld instead of %lld",
	      (long long)now.shm_atime, (long long)was->shm_atime);
	check(now.shm_dtime == was->shm_dtime, "time of detach %lld instead of %lld",
	      (long long)now.shm_dtime, (long long)was->shm_dtime);
	check(now.shm_cpid == was->shm_cpid, "made by %d instead of %d", now.shm_cpid,
	      was->shm_cpid);
	check(now.shm_nattch == was->shm_nattch, "attached %lu times instead of %lu",
	      (unsigned long)now.shm_nattch, (unsigned long)was->shm_nattch);
}

/* ---- a segment with a key, attached several times, by two processes ---- */

#define SIZE	(64 * PAGE - 100)

static int seg = -1;
static char *seg_rw, *seg_ro, *seg_part;
static struct shmid_ds seg_was;
static pid_t seg_child;

static void seg_in_child(void)
{
	int i;

	prog_touch("up.seg");
	for (i = 0; *(volatile char *)(seg_rw + PAGE) != 'p'; i++) {
		check(i < PROG_POLLS, "the child does not see what the parent wrote");
		prog_sleep_ms(PROG_POLL_MS);
	}
	seg_rw[2 * PAGE] = 'c';
}

static void seg_setup(void)
{
	struct shmid_ds set;

	seg = must(shmget(some_key(1), SIZE, IPC_CREAT | IPC_EXCL | 0600));
	seg_rw = must(shmat(seg, NULL, 0));
	seg_ro = must(shmat(seg, NULL, SHM_RDONLY));
	seg_part = must(shmat(seg, NULL, 0));
	/* the middle is left of it, in two mappings */
	must(munmap(seg_part, 4 * PAGE));
	must(munmap(seg_part + 16 * PAGE, 48 * PAGE));
	must(mprotect(seg_part + 8 * PAGE, 4 * PAGE, PROT_READ));
	prog_fill(seg_rw, 16 * PAGE, 71);
	seg_rw[PAGE] = 0;
	seg_rw[63 * PAGE + 10] = 'e';
	must(shmctl(seg, IPC_STAT, &set));
	set.shm_perm.mode = 0640;
	must(shmctl(seg, IPC_SET, &set));
	seg_child = prog_fork(seg_in_child);
	prog_await("up.seg");
	must(shmctl(seg, IPC_STAT, &seg_was));
}

/* /proc/sys/kernel/shm_rmid_forced: a segment goes with its last user */
static int goes_with_last_user(void)
{
	char buf[16];

	prog_read("/proc/sys/kernel/shm_rmid_forced", buf, sizeof(buf));
	return buf[0] == '1';
}

static void seg_verify(void)
{
	check(must(shmget(some_key(1), SIZE, 0)) == seg, "another id for the key");
	shm_stat_check(seg, &seg_was);
	prog_check_fill(seg_ro, PAGE, 71, "segment");
	check(seg_ro[63 * PAGE + 10] == 'e', "last page");
	prog_check_zero(seg_ro + 16 * PAGE, 47 * PAGE, "never written");
	seg_rw[PAGE] = 'p';
	check(seg_ro[PAGE] == 'p', "attached twice is not the same memory");
	prog_reap(seg_child, 0);
	check(seg_ro[2 * PAGE] == 'c', "not shared with the child");
	seg_part[5 * PAGE] = 'q';
	check(seg_ro[5 * PAGE] == 'q', "part of an attachment");
	check(mprotect(seg_ro, PAGE, PROT_READ | PROT_WRITE) && errno == EACCES,
	      "SHM_RDONLY became writable");
	must(mprotect(seg_part + 8 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE));
	must(shmdt(seg_ro));
	/* all that is left of one attachment, in one go */
	must(shmdt(seg_part));
	must(shmdt(seg_rw));
	if (goes_with_last_user()) {
		check(shmctl(seg, IPC_STAT, &seg_was) && errno == EINVAL, "it is still there");
		return;
	}
	must(shmctl(seg, IPC_STAT, &seg_was));
	check(seg_was.shm_nattch == 0, "still attached %lu times",
	      (unsigned long)seg_was.shm_nattch);
	must(shmctl(seg, IPC_RMID, NULL));
}

/* ---- removed, but attached ---- */

static int dest = -1;
static char *dest_mem;
static struct shmid_ds dest_was;

static void dest_setup(void)
{
	dest = must(shmget(IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600));
	dest_mem = must(shmat(dest, NULL, 0));
	must(shmctl(dest, IPC_RMID, NULL));
	prog_fill(dest_mem, 4 * PAGE, 72);
	must(shmctl(dest, IPC_STAT, &dest_was));
	check(dest_was.shm_perm.mode & SHM_DEST, "not removed");
}

static void dest_verify(void)
{
	struct shmid_ds ds;
	char *again;

	shm_stat_check(dest, &dest_was);
	prog_check_fill(dest_mem, 4 * PAGE, 72, "removed segment");
	again = must(shmat(dest, NULL, 0));
	again[0] = 'x';
	check(dest_mem[0] == 'x', "not the same memory");
	must(shmdt(again));
	must(shmdt(dest_mem));
	check(shmctl(dest, IPC_STAT, &ds) && (errno == EINVAL || errno == EIDRM),
	      "it is still there");
}

/* ---- large and sparse ---- */

#define HUGE	(1ul << 30)

static int sparse = -1;
static char *sparse_mem;

static unsigned long sparse_rss(void)
{
	char line[256], *buf = malloc(1 << 20), *at;
	unsigned long rss = 0;

	prog_read("/proc/sysvipc/shm", buf, 1 << 20);
	for (at = strtok(buf, "\n"); at; at = strtok(NULL, "\n")) {
		int id;

		snprintf(line, sizeof(line), "%s", at);
		if (sscanf(line, " %*d %d %*o %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %lu",
			   &id, &rss) == 2 && id == sparse)
			break;
		rss = 0;
	}
	free(buf);
	return rss;
}

static void sparse_setup(void)
{
	sparse = must(shmget(IPC_PRIVATE, HUGE, IPC_CREAT | SHM_NORESERVE | 0600));
	sparse_mem = must(shmat(sparse, NULL, 0));
	sparse_mem[0] = 'a';
	sparse_mem[HUGE / 2] = 'b';
	sparse_mem[HUGE - 1] = 'c';
	check(sparse_rss() >= PAGE && sparse_rss() <= 16 * PAGE, "%lu bytes of memory", sparse_rss());
}

static void sparse_verify(void)
{
	check(sparse_mem[0] == 'a' && sparse_mem[HUGE / 2] == 'b' && sparse_mem[HUGE - 1] == 'c',
	      "contents");
	check(sparse_rss() <= 32 * PAGE, "it has grown to %lu bytes of memory", sparse_rss());
	must(shmdt(sparse_mem));
	must(shmctl(sparse, IPC_RMID, NULL));
}

/* ---- locked into memory ---- */

static int locked = -1;
static char *locked_mem;
static struct shmid_ds locked_was;

static void locked_setup(void)
{
	locked = must(shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600));
	locked_mem = must(shmat(locked, NULL, 0));
	must(shmctl(locked, SHM_LOCK, NULL));
	must(shmctl(locked, IPC_RMID, NULL));
	prog_fill(locked_mem, 4 * PAGE, 73);
	must(shmctl(locked, IPC_STAT, &locked_was));
	check(locked_was.shm_perm.mode & SHM_LOCKED, "not locked");
}

static void locked_verify(void)
{
	shm_stat_check(locked, &locked_was);
	prog_check_fill(locked_mem, 4 * PAGE, 73, "locked segment");
	must(shmdt(locked_mem));
}

/* ---- threads that sleep on semaphores: no EINTR, and the wakeup reaches them ---- */

#define SLEEPERS 4

static int sems = -1;
static pthread_t sleeper[SLEEPERS];
static _Atomic int awake;

/* 0 and 1: one operation; 2: for zero; 3: two at once, with a time */
static void *sem_sleep(void *arg)
{
	long n = (long)arg;
	struct sembuf ops[2] = { { n, n == 2 ? 0 : -1, 0 }, { 1, -1, 0 } };
	struct timespec ts = { 3600, 0 };
	int ret;

	if (n == 3)
		ret = semtimedop(sems, ops, 2, &ts);
	else
		ret = semop(sems, ops, 1);
	check(!ret, "sleeper %ld: %s", n, strerror(errno));
	atomic_fetch_add(&awake, 1);
	return NULL;
}

static int sem_sleeping(void)
{
	int i, n = 0;

	for (i = 0; i < SLEEPERS; i++)
		n += must(semctl(sems, i, GETNCNT)) + must(semctl(sems, i, GETZCNT));
	return n;
}

static void sem_setup(void)
{
	long i;

	sems = must(semget(some_key(2), SLEEPERS, IPC_CREAT | IPC_EXCL | 0600));
	must(semctl(sems, 2, SETVAL, 3));
	for (i = 0; i < SLEEPERS; i++)
		must0(pthread_create(&sleeper[i], NULL, sem_sleep, (void *)i));
	for (i = 0; sem_sleeping() < SLEEPERS; i++) {
		check(i < PROG_POLLS, "%d sleepers", sem_sleeping());
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void sem_verify(void)
{
	struct sembuf up[] = { { 0, 1, 0 }, { 1, 2, 0 }, { 2, -3, 0 }, { 3, 1, 0 } };
	int i;

	for (i = 0; sem_sleeping() < SLEEPERS; i++) {
		check(i < PROG_POLLS, "%d sleepers", sem_sleeping());
		prog_sleep_ms(PROG_POLL_MS);
	}
	check(!atomic_load(&awake), "%d woke up too early", atomic_load(&awake));
	check(must(semctl(sems, 2, GETVAL)) == 3, "value");
	must(semop(sems, up, 4));
	for (i = 0; i < SLEEPERS; i++)
		must0(pthread_join(sleeper[i], NULL));
	for (i = 0; i < SLEEPERS; i++)
		check(must(semctl(sems, i, GETVAL)) == 0, "semaphore %d is not 0", i);
	must(semctl(sems, 0, IPC_RMID));
}

/* ---- threads that wait to receive and to send messages ---- */

struct text {
	long type;
	char text[64];
};

static int queue[2] = { -1, -1 };
static pthread_t receiver, sender;

static void *msg_receive(void *arg)
{
	struct text m;

	(void)arg;
	check(msgrcv(queue[0], &m, sizeof(m.text), 7, 0) == 6, "msgrcv: %s", strerror(errno));
	check(!strcmp(m.text, "seven"), "message \"%s\"", m.text);
	return NULL;
}

/* The queue is full */
static void *msg_send(void *arg)
{
	struct text m = { 9, "nine" };

	(void)arg;
	must(msgsnd(queue[1], &m, sizeof(m.text), 0));
	return NULL;
}

static void msg_setup(void)
{
	struct text m = { 8, "eight" };
	struct msqid_ds ds;
	int i;

	for (i = 0; i < 2; i++)
		queue[i] = must(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
	must(msgsnd(queue[0], &m, 6, 0));
	must(msgctl(queue[1], IPC_STAT, &ds));
	ds.msg_qbytes = 2 * sizeof(m.text);
	must(msgctl(queue[1], IPC_SET, &ds));
	for (i = 0; i < 2; i++)
		must(msgsnd(queue[1], &m, sizeof(m.text), 0));
	must0(pthread_create(&receiver, NULL, msg_receive, NULL));
	must0(pthread_create(&sender, NULL, msg_send, NULL));
	prog_sleep_ms(300);
}

static void msg_verify(void)
{
	struct text m = { 7, "seven" };
	struct msqid_ds ds;

	must(msgctl(queue[0], IPC_STAT, &ds));
	check(ds.msg_qnum == 1, "%lu messages", (unsigned long)ds.msg_qnum);
	must(msgctl(queue[1], IPC_STAT, &ds));
	check(ds.msg_qnum == 2, "%lu messages in the full queue", (unsigned long)ds.msg_qnum);
	must(msgsnd(queue[0], &m, 6, 0));
	must0(pthread_join(receiver, NULL));
	check(must(msgrcv(queue[1], &m, sizeof(m.text), 0, 0)) == sizeof(m.text), "size");
	must0(pthread_join(sender, NULL));
	check(must(msgrcv(queue[1], &m, sizeof(m.text), 9, IPC_NOWAIT)) == sizeof(m.text) &&
	      !strcmp(m.text, "nine"), "message \"%s\"", m.text);
	check(must(msgrcv(queue[0], &m, sizeof(m.text), 0, IPC_NOWAIT)) == 6 && m.type == 8,
	      "message of type %ld", m.type);
	must(msgctl(queue[0], IPC_RMID, NULL));
	must(msgctl(queue[1], IPC_RMID, NULL));
}

static const struct prog_case cases[] = {
	{ "segment", seg_setup, seg_verify, false },
	{ "dest", dest_setup, dest_verify, false },
	{ "sparse", sparse_setup, sparse_verify, false },
	{ "locked", locked_setup, locked_verify, false },
	{ "semaphores", sem_setup, sem_verify, false },
	{ "messages", msg_setup, msg_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
