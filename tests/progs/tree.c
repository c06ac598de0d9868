// SPDX-License-Identifier: GPL-2.0
/*
 * Trees of processes: three levels with several children each, who is whose
 * parent, exit statuses, children whose exit signal is not SIGCHLD, and a
 * subreaper. The case "wide" has 200 processes.
 */
#include "prog.h"
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* ---- three levels ---- */

static int node;	/* number in the tree, the root is 0 */
static int nr_top, nr_below;
static pid_t root_pid;

struct kin {
	pid_t pid, ppid, pgid, sid;
};

static struct kin kin(void)
{
	return (struct kin){ getpid(), getppid(), getpgid(0), getsid(0) };
}

/*
 * Groups and sessions whose leader is no process of the job are those of whoever
 * restarts it, or have no number at all in a pid namespace.
 */
static bool outside(pid_t id)
{
	return id != root_pid;
}

static void same_kin(struct kin a)
{
	struct kin b = kin();

	if (outside(a.pgid))
		a.pgid = b.pgid;
	if (outside(a.sid))
		a.sid = b.sid;
	check(a.pid == b.pid && a.ppid == b.ppid && a.pgid == b.pgid && a.sid == b.sid,
	      "node %d: pid %d ppid %d pgid %d sid %d became %d %d %d %d", node,
	      a.pid, a.ppid, a.pgid, a.sid, b.pid, b.ppid, b.pgid, b.sid);
}

static void node_up(void)
{
	char name[32];

	snprintf(name, sizeof(name), "up.%d", node);
	prog_touch(name);
}

static int code_of(int n)
{
	return n % 251 + 1;
}

static void leaf(void)
{
	struct kin mine = kin();

	node_up();
	prog_wait();
	same_kin(mine);
	_exit(code_of(node));
}

static void branch(void)
{
	struct kin mine = kin();
	int first = node * 1000, mynode = node, i;
	pid_t *pid = calloc(nr_below, sizeof(*pid));

	for (i = 0; i < nr_below; i++) {
		node = first + i;
		pid[i] = prog_fork(leaf);
	}
	node = mynode;
	node_up();
	prog_wait();
	same_kin(mine);
	for (i = 0; i < nr_below; i++)
		prog_reap(pid[i], code_of(first + i) << 8);
	check(waitpid(-1, &i, 0) == -1 && errno == ECHILD, "node %d has more children", node);
	_exit(code_of(node));
}

static pid_t top[64];
static struct kin root_kin;

static void grow(int branches, int leaves)
{
	char name[32];
	int i, j;

	root_pid = getpid();
	nr_top = branches;
	nr_below = leaves;
	for (i = 0; i < nr_top; i++) {
		node = i + 1;
		top[i] = prog_fork(branch);
	}
	node = 0;
	for (i = 1; i <= nr_top; i++) {
		snprintf(name, sizeof(name), "up.%d", i);
		prog_await(name);
		for (j = 0; j < nr_below; j++) {
			snprintf(name, sizeof(name), "up.%d", i * 1000 + j);
			prog_await(name);
		}
	}
	root_kin = kin();
}

static void levels_setup(void)
{
	grow(4, 3);
}

static void wide_setup(void)
{
	grow(9, 21);	/* 1 + 9 + 189 = 199, and the parent of all */
}

static void levels_verify(void)
{
	int i;

	/* the parent of the root may be another after a restart */
	root_kin.ppid = getppid();
	same_kin(root_kin);
	for (i = 0; i < nr_top; i++)
		prog_reap(top[i], code_of(i + 1) << 8);
}

/* ---- a child whose end is told by another signal, and one by none ---- */

static pid_t clone_usr2, clone_none;
static volatile int usr2_count, chld_count;

static void on_signal(int sig)
{
	if (sig == SIGUSR2)
		usr2_count++;
	else
		chld_count++;
}

static pid_t clone_process(int exit_signal, void (*fn)(void))
{
	pid_t pid = must(syscall(SYS_clone, exit_signal, NULL, NULL, NULL, 0));

	if (!pid) {
		fn();
		_exit(33);
	}
	return pid;
}

static void exit_signal_child(void)
{
	char name[32];

	snprintf(name, sizeof(name), "up.clone%d", (int)getpid());
	prog_touch(name);
	prog_await("end.clone");
}

static void await_clone(pid_t pid)
{
	char name[32];

	snprintf(name, sizeof(name), "up.clone%d", (int)pid);
	prog_await(name);
}

static void exit_signal_begin(void)
{
	signal(SIGUSR2, on_signal);
	signal(SIGCHLD, on_signal);
	clone_usr2 = clone_process(SIGUSR2, exit_signal_child);
	clone_none = clone_process(0, exit_signal_child);
	await_clone(clone_usr2);
	await_clone(clone_none);
}

static void reap_clone(pid_t pid)
{
	int status, ret;

	ret = waitpid(pid, &status, WNOHANG);
	check(ret == -1 && errno == ECHILD, "wait() without __WALL sees child %d", (int)pid);
	while ((ret = waitpid(pid, &status, __WALL)) == -1 && errno == EINTR)
		;
	check(ret == pid && status == 33 << 8, "child %d: %d, status 0x%x", (int)pid, ret, status);
}

static void exit_signal_end(void)
{
	check(!usr2_count && !chld_count, "a signal that no child has sent");
	prog_touch("end.clone");
	reap_clone(clone_usr2);
	reap_clone(clone_none);
	check(usr2_count == 1 && !chld_count, "SIGUSR2 came %d times, SIGCHLD %d times",
	      usr2_count, chld_count);
}

/* Below a process of its own, which handles SIGCHLD and has no other children */
static void exit_signal_parent(void)
{
	exit_signal_begin();
	prog_touch("up.exit_signal");
	prog_wait();
	exit_signal_end();
}

static pid_t exit_signal_pid;

static void exit_signal_setup(void)
{
	exit_signal_pid = prog_fork(exit_signal_parent);
	prog_await("up.exit_signal");
}

static void exit_signal_verify(void)
{
	prog_reap(exit_signal_pid, 0);
}

/* ---- a subreaper: of a grandchild whose parent is gone, and of one whose goes ---- */

static pid_t orphan, middle, late;

static void subreaped(void)
{
	pid_t parent = getppid();
	int i;

	prog_touch("up.orphan");
	prog_wait();
	check(getppid() == parent || getppid() != 1, "the orphan's parent is %d", (int)getppid());
	for (i = 0; i < 3; i++)
		prog_sleep_ms(PROG_POLL_MS);
	_exit(44);
}

static void dying_middle(void)
{
	pid_t pid = prog_fork(subreaped);

	prog_await("up.orphan");
	_exit(pid & 0x7f);
}

static void late_child(void)
{
	pid_t parent = getppid();
	int i;

	prog_touch("up.late");
	prog_wait();
	for (i = 0; getppid() == parent; i++) {
		check(i < PROG_POLLS, "the parent does not end");
		prog_sleep_ms(PROG_POLL_MS);
	}
	_exit(45);
}

static void living_middle(void)
{
	prog_fork(late_child);
	prog_await("up.late");
	prog_touch("up.middle");
	prog_wait();
	_exit(46);
}

static pid_t read_pid(const char *name)
{
	char buf[32];

	prog_read(prog_path(name), buf, sizeof(buf));
	return atoi(buf);
}

static void reaper_setup(void)
{
	int status;
	pid_t pid;

	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid = prog_fork(dying_middle);
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "waitpid");
	orphan = read_pid("up.orphan");
	middle = prog_fork(living_middle);
	prog_await("up.middle");
	late = read_pid("up.late");
}

static void reaper_verify(void)
{
	int is = 0;

	must(prctl(PR_GET_CHILD_SUBREAPER, &is));
	check(is == 1, "not a subreaper any more");
	prog_reap(orphan, 44 << 8);
	prog_reap(middle, 46 << 8);
	prog_reap(late, 45 << 8);
}

static const struct prog_case cases[] = {
	{ "levels", levels_setup, levels_verify, false },
	{ "reaper", reaper_setup, reaper_verify, false },
	{ "exit_signal", exit_signal_setup, exit_signal_verify, false },
	{ "direct", exit_signal_begin, exit_signal_end, true },
	{ "wide", wide_setup, levels_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
