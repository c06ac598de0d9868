// SPDX-License-Identifier: GPL-2.0
/*
 * System V message queues: messages of all types and lengths, in their order; who
 * used a queue last, and when; who waits for a message, or for room; a queue of
 * a process that has ended.
 */
#include "prog.h"
#include <limits.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#define LONGEST	8192	/* MSGMAX */

struct text {
	long type;
	char text[LONGEST];
};

/* Not IPC_PRIVATE, and nobody else's */
static key_t some_key(int n)
{
	return 0x43540000 + (getpid() % 4096) * 16 + n;
}

static void send(int id, long type, size_t len, int seed, int flags)
{
	static struct text m;

	m.type = type;
	memset(m.text, 0, sizeof(m.text));
	prog_fill(m.text, len & ~7ul, seed);
	must(msgsnd(id, &m, len, flags));
}

/* The next one of @want is of this type, length and text */
static void expect(int id, long want, long type, size_t len, int seed)
{
	static struct text m;
	ssize_t got;

	got = must(msgrcv(id, &m, sizeof(m.text), want, IPC_NOWAIT));
	check(m.type == type, "message of type %ld instead of %ld", m.type, type);
	check((size_t)got == len, "%zd bytes instead of %zu", got, len);
	prog_check_fill(m.text, len & ~7ul, seed, "text");
}

static void expect_nothing(int id)
{
	struct text m;

	check(msgrcv(id, &m, sizeof(m.text), 0, IPC_NOWAIT) == -1 && errno == ENOMSG,
	      "there is another message");
}

static void stat_check(int id, const struct msqid_ds *was)
{
	struct msqid_ds now;

	must(msgctl(id, IPC_STAT, &now));
	check(now.msg_perm.__key == was->msg_perm.__key, "key 0x%x", now.msg_perm.__key);
	check(now.msg_perm.mode == was->msg_perm.mode, "mode 0%o instead of 0%o", now.msg_perm.mode,
	      was->msg_perm.mode);
	check(now.msg_perm.uid == was->msg_perm.uid && now.msg_perm.gid == was->msg_perm.gid &&
	      now.msg_perm.cuid == was->msg_perm.cuid && now.msg_perm.cgid == was->msg_perm.cgid,
	      "owner %u:%u, creator %u:%u", now.msg_perm.uid, now.msg_perm.gid, now.msg_perm.cuid,
	      now.msg_perm.cgid);
	check(now.msg_qnum == was->msg_qnum, "%lu messages instead of %lu", (unsigned long)now.msg_qnum,
	      (unsigned long)was->msg_qnum);
	check(now.__msg_cbytes == was->__msg_cbytes, "%lu bytes instead of %lu",
	      (unsigned long)now.__msg_cbytes, (unsigned long)was->__msg_cbytes);
	check(now.msg_qbytes == was->msg_qbytes, "limit %lu instead of %lu",
	      (unsigned long)now.msg_qbytes, (unsigned long)was->msg_qbytes);
	check(now.msg_stime == was->msg_stime && now.msg_rtime == was->msg_rtime &&
	      now.msg_ctime == was->msg_ctime, "times %lld, %lld, %lld instead of %lld, %lld, %lld",
	      (long long)now.msg_stime, (long long)now.msg_rtime, (long long)now.msg_ctime,
	      (long long)was->msg_stime, (long long)was->msg_rtime, (long long)was->msg_ctime);
	check(now.msg_lspid == was->msg_lspid && now.msg_lrpid == was->msg_lrpid,
	      "last pids %d, %d instead of %d, %d", now.msg_lspid, now.msg_lrpid, was->msg_lspid,
	      was->msg_lrpid);
}

/* Until all others of the job that use the queue wait: nothing tells it, but they do so soon */
static void settle(void)
{
	prog_sleep_ms(300);
}

/* ---- messages of all kinds ---- */

static int types = -1;
static pid_t types_child;
static struct msqid_ds types_was;

static void types_main(void)
{
	send(types, 4, 1000, 4, 0);
	prog_touch("up.types");
	prog_await("types.end");
}

static void types_setup(void)
{
	types = must(msgget(some_key(1), IPC_CREAT | IPC_EXCL | 0640));
	send(types, 9, 1, 9, 0);
	send(types, 3, 5000, 3, 0);
	send(types, 1, 0, 1, 0);
	send(types, LONG_MAX, 64, 5, 0);
	send(types, 3, 8, 6, 0);
	expect(types, 9, 9, 1, 9);
	types_child = prog_fork(types_main);
	prog_await("up.types");
	send(types, 2, LONGEST, 7, 0);
	must(msgctl(types, IPC_STAT, &types_was));
	check(types_was.msg_lspid == getpid() && types_was.msg_lrpid == getpid(), "last pids");
}

static void types_verify(void)
{
	check(must(msgget(some_key(1), 0)) == types, "another id for the key");
	stat_check(types, &types_was);
	/* the lowest type up to 3, the first of it */
	expect(types, -3, 1, 0, 1);
	expect(types, -3, 2, LONGEST, 7);
	expect(types, -3, 3, 5000, 3);
	expect(types, 0, LONG_MAX, 64, 5);
	expect(types, 0, 3, 8, 6);
	expect(types, 0, 4, 1000, 4);
	expect_nothing(types);
	prog_touch("types.end");
	prog_reap(types_child, 0);
	must(msgctl(types, IPC_RMID, NULL));
}

/* ---- more in it than may be sent any more, and somebody who waits for room ---- */

static int full = -1;
static pid_t full_child;
static struct msqid_ds full_was;

static void full_main(void)
{
	prog_touch("up.full");
	send(full, 8, 1000, 8, 0);
	prog_touch("full.sent");
}

static void full_setup(void)
{
	struct msqid_ds ds;
	int i;

	full = must(msgget(IPC_PRIVATE, 0600));
	for (i = 0; i < 3; i++)
		send(full, 7, 1000 + i, i, 0);
	must(msgctl(full, IPC_STAT, &ds));
	ds.msg_qbytes = 2500;
	must(msgctl(full, IPC_SET, &ds));
	full_child = prog_fork(full_main);
	prog_await("up.full");
	settle();
	must(msgctl(full, IPC_STAT, &full_was));
}

static void full_verify(void)
{
	stat_check(full, &full_was);
	check(access(prog_path("full.sent"), F_OK), "it was sent");
	expect(full, 0, 7, 1000, 0);
	expect(full, 0, 7, 1001, 1);
	prog_await("full.sent");
	prog_reap(full_child, 0);
	expect(full, 0, 7, 1002, 2);
	expect(full, 0, 8, 1000, 8);
	expect_nothing(full);
	must(msgctl(full, IPC_RMID, NULL));
}

/* ---- two that wait: for any type up to 5, and for any but 6. Nobody has used it ---- */

static int empty = -1;
static pid_t lower, other;

static void lower_main(void)
{
	static struct text m;

	prog_touch("up.lower");
	check(must(msgrcv(empty, &m, sizeof(m.text), -5, 0)) == 16 && m.type == 4, "type %ld", m.type);
	prog_check_fill(m.text, 16, 4, "text");
}

static void other_main(void)
{
	static struct text m;

	prog_touch("up.other");
	/* longer than there is room for */
	check(must(msgrcv(empty, &m, 8, 6, MSG_EXCEPT | MSG_NOERROR)) == 8 && m.type == 7,
	      "type %ld", m.type);
	prog_check_fill(m.text, 8, 7, "text");
}

static void empty_setup(void)
{
	empty = must(msgget(some_key(2), IPC_CREAT | IPC_EXCL | 0600));
	lower = prog_fork(lower_main);
	prog_await("up.lower");
	other = prog_fork(other_main);
	prog_await("up.other");
	settle();
}

static void empty_verify(void)
{
	expect_nothing(empty);
	send(empty, 6, 10, 6, 0);
	send(empty, 7, 100, 7, 0);
	prog_reap(other, 0);
	send(empty, 4, 16, 4, 0);
	prog_reap(lower, 0);
	expect(empty, 0, 6, 10, 6);
	expect_nothing(empty);
	must(msgctl(empty, IPC_RMID, NULL));
}

/* ---- who has used it has ended ---- */

static int left = -1;

static void left_main(void)
{
	send(left, 3, 300, 30, 0);
	send(left, 2, 200, 20, 0);
}

static void left_setup(void)
{
	left = must(msgget(IPC_PRIVATE, 0600));
	prog_reap(prog_fork(left_main), 0);
}

static void left_verify(void)
{
	expect(left, 0, 3, 300, 30);
	expect(left, 0, 2, 200, 20);
	expect_nothing(left);
	must(msgctl(left, IPC_RMID, NULL));
}

static const struct prog_case cases[] = {
	{ "types", types_setup, types_verify, false },
	{ "full", full_setup, full_verify, false },
	{ "empty", empty_setup, empty_verify, false },
	{ "left", left_setup, left_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
