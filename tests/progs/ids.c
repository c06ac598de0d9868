// SPDX-License-Identifier: GPL-2.0
/*
 * Who a process is: numbers of processes and threads, as system calls and /proc
 * tell them, and its credentials.
 */
#include "prog.h"
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* ---- numbers ---- */

#define THREADS	3

static volatile bool stop;
static volatile int up;
static pthread_t thread[THREADS];
static pid_t pid, tids[THREADS], child_pid, child_tid;

static void *thread_main(void *arg)
{
	pid_t *tid = arg;

	*tid = syscall(SYS_gettid);
	__sync_fetch_and_add(&up, 1);
	while (!stop)
		prog_sleep_ms(PROG_POLL_MS);
	check(syscall(SYS_gettid) == *tid, "tid %d became %ld", *tid, syscall(SYS_gettid));
	return NULL;
}

static void child(void)
{
	static pthread_t t;
	pid_t mine = getpid(), parent = getppid();

	must0(pthread_create(&t, NULL, thread_main, &child_tid));
	prog_touch("up.child");
	prog_wait();
	check(getpid() == mine && getppid() == parent, "child: %d of %d became %d of %d",
	      mine, parent, getpid(), getppid());
	stop = true;
	must0(pthread_join(t, NULL));
}

static void numbers_setup(void)
{
	int i;

	pid = getpid();
	child_pid = prog_fork(child);
	prog_await("up.child");
	for (i = 0; i < THREADS; i++)
		must0(pthread_create(&thread[i], NULL, thread_main, &tids[i]));
	for (i = 0; up != THREADS; i++) {
		check(i < PROG_POLLS, "threads do not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void numbers_verify(void)
{
	char path[64], link[32] = "";
	pid_t next;
	int i;

	check(getpid() == pid && syscall(SYS_gettid) == pid, "pid %d became %d, tid %ld", pid,
	      getpid(), syscall(SYS_gettid));
	must(readlink("/proc/self", link, sizeof(link) - 1));
	check(atoi(link) == pid, "/proc/self is %s", link);
	check(prog_field("/proc/self/status", "\nPid:", 10) == (unsigned int)pid &&
	      prog_field("/proc/self/status", "\nTgid:", 10) == (unsigned int)pid,
	      "/proc/self/status has another pid");
	for (i = 0; i < THREADS; i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/status", tids[i]);
		check(prog_field(path, "\nPid:", 10) == (unsigned int)tids[i], "%s", path);
		check(!syscall(SYS_tgkill, pid, tids[i], 0), "thread %d: %s", tids[i],
		      strerror(errno));
	}
	check(prog_field("/proc/self/status", "\nThreads:", 10) == THREADS + 1, "threads");
	snprintf(path, sizeof(path), "/proc/%d/status", child_pid);
	check(prog_field(path, "\nPPid:", 10) == (unsigned int)pid, "%s: parent", path);
	stop = true;
	for (i = 0; i < THREADS; i++)
		must0(pthread_join(thread[i], NULL));
	/* a new process gets a number of its own, as long as the child has not been waited for */
	next = must(fork());
	if (!next)
		_exit(getppid() != pid);
	check(next != pid && next != child_pid, "pid %d a second time", next);
	prog_reap(next, 0);
	prog_reap(child_pid, 0);
}

/* ---- credentials ---- */

struct creds {
	uid_t uid[3], fsuid;
	gid_t gid[3], fsgid;
	int nr_groups;
	gid_t groups[64];
	struct __user_cap_data_struct caps[2];
	uint64_t bounding, ambient;
	int securebits, no_new_privs;
};

static struct creds before;

static void read_creds(struct creds *c)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	int cap;

	memset(c, 0, sizeof(*c));
	must(getresuid(&c->uid[0], &c->uid[1], &c->uid[2]));
	must(getresgid(&c->gid[0], &c->gid[1], &c->gid[2]));
	c->fsuid = setfsuid(-1);
	c->fsgid = setfsgid(-1);
	c->nr_groups = must(getgroups(64, c->groups));
	must(syscall(SYS_capget, &head, c->caps));
	for (cap = 0; cap < 64; cap++) {
		c->bounding |= (uint64_t)(prctl(PR_CAPBSET_READ, cap) == 1) << cap;
		c->ambient |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			<< cap;
	}
	c->securebits = must(prctl(PR_GET_SECUREBITS));
	c->no_new_privs = must(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void creds_setup(void)
{
	read_creds(&before);
}

static void creds_verify(void)
{
	struct creds now;

	read_creds(&now);
	check(!memcmp(&before.uid, &now.uid, sizeof(now.uid)) && before.fsuid == now.fsuid,
	      "user ids");
	check(!memcmp(&before.gid, &now.gid, sizeof(now.gid)) && before.fsgid == now.fsgid,
	      "group ids");
	check(before.nr_groups == now.nr_groups &&
	      !memcmp(before.groups, now.groups, sizeof(now.groups)), "supplementary groups");
	check(!memcmp(before.caps, now.caps, sizeof(now.caps)) &&
	      before.bounding == now.bounding && before.ambient == now.ambient, "capabilities");
	check(before.securebits == now.securebits && before.no_new_privs == now.no_new_privs,
	      "securebits or no_new_privs");
}

static const struct prog_case cases[] = {
	{ "numbers", numbers_setup, numbers_verify, false },
	{ "creds", creds_setup, creds_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
