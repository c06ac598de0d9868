// SPDX-License-Identifier: GPL-2.0
/*
 * Process groups and sessions inside the job: with a living leader, with one
 * that is a zombie, and with one that is gone. Signals reach their members and
 * nobody else.
 */
#include "prog.h"
#include <signal.h>
#include <sys/prctl.h>

#define MEMBERS	3

static volatile int got;
static pid_t my_pgid, my_sid, outer_sid;

static void on_usr1(int sig)
{
	(void)sig;
	got++;
}

/* Wait until the group that the file "sent" names has got SIGUSR1: mine or not? */
static void member(const char *name)
{
	char buf[32];
	int want, i;

	signal(SIGUSR1, on_usr1);
	my_pgid = getpgid(0);
	my_sid = getsid(0);
	prog_touch(name);
	prog_await("sent");
	/* the session that the program was started in may be another one now */
	check(getpgid(0) == my_pgid && (getsid(0) == my_sid || my_sid == outer_sid),
	      "%s: group %d session %d became %d, %d", name, my_pgid, my_sid, getpgid(0),
	      getsid(0));
	prog_read(prog_path("sent"), buf, sizeof(buf));
	want = atoi(buf) == my_pgid;
	for (i = 0; i < 500 && !got; i++) {
		if (!want && i == 10)
			break;
		prog_sleep_ms(PROG_POLL_MS);
	}
	_exit(got == want ? 0 : 1 + got);
}

/* Tell all which group has got a signal; only the first call counts */
static void say_sent(pid_t pgid)
{
	char *tmp = prog_path(".sent"), *path = prog_path("sent");
	int fd;

	fd = must(open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	must(dprintf(fd, "%d\n", pgid));
	must(close(fd));
	if (link(tmp, path))
		check(errno == EEXIST, "%s: %s", path, strerror(errno));
	free(tmp);
	free(path);
}

/* ---- a group ---- */

static pid_t group, members[MEMBERS];

static void one_of_group(void)
{
	char name[32];

	must(setpgid(0, group));
	snprintf(name, sizeof(name), "up.g%d", (int)getpid());
	member(name);
}

static void await_member(const char *prefix, pid_t pid)
{
	char name[32];

	snprintf(name, sizeof(name), "up.%s%d", prefix, (int)pid);
	prog_await(name);
}

static void group_setup(void)
{
	int i;

	outer_sid = getsid(0);
	for (i = 0; i < MEMBERS; i++) {
		members[i] = prog_fork(one_of_group);
		if (!i)
			group = members[0];
		await_member("g", members[i]);
	}
}

/* ---- a session with two groups ---- */

static pid_t session;

static void session_member(void)
{
	must(setpgid(0, 0));
	member("up.other");
}

static void session_leader(void)
{
	pid_t pid;

	check(must(setsid()) == getpid(), "setsid");
	signal(SIGUSR1, on_usr1);
	pid = prog_fork(session_member);
	prog_await("up.other");
	prog_touch("up.session");
	prog_await("sent");
	check(getsid(0) == getpid() && getpgid(0) == getpid(), "session %d, group %d of a leader",
	      getsid(0), getpgid(0));
	check(getsid(pid) == getpid() && getpgid(pid) == pid, "session of a member");
	check(setpgid(0, 0) == -1 && errno == EPERM, "not a session leader any more");
	prog_reap(pid, 0);
	_exit(got ? 5 : 0);
}

static void session_setup(void)
{
	session = prog_fork(session_leader);
	prog_await("up.session");
}

/* ---- a group whose leader is a zombie ---- */

static pid_t zombie_group, zombie_member, join_group;

static void dying_leader(void)
{
	must(setpgid(0, 0));
	prog_await("up.joined");
	_exit(3);
}

static void joining(void)
{
	char name[32];

	must(setpgid(0, join_group));
	snprintf(name, sizeof(name), "up.j%d", (int)getpid());
	prog_touch(name);
	prog_await("sent");
	check(getpgid(0) == join_group, "group %d became %d", join_group, getpgid(0));
}

static void await_group(pid_t pid)
{
	int i;

	for (i = 0; getpgid(pid) != pid; i++) {
		check(i < PROG_POLLS, "no group %d", (int)pid);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void zombie_setup(void)
{
	siginfo_t info;

	zombie_group = prog_fork(dying_leader);
	await_group(zombie_group);
	join_group = zombie_group;
	zombie_member = prog_fork(joining);
	await_member("j", zombie_member);
	prog_touch("up.joined");
	must(waitid(P_PID, zombie_group, &info, WEXITED | WNOWAIT));
}

static void zombie_verify(void)
{
	check(getpgid(zombie_member) == zombie_group, "group of a zombie leader: %d became %d",
	      zombie_group, getpgid(zombie_member));
	check(!kill(-zombie_group, 0), "kill(-%d): %s", zombie_group, strerror(errno));
	say_sent(0);
	prog_reap(zombie_group, 3 << 8);
	prog_reap(zombie_member, 0);
}

/* ---- a group and a session whose leader is gone ---- */

static pid_t gone_group, gone_member, gone_session, gone_session_leader;

static void in_gone_session(void)
{
	pid_t sid = getsid(0);

	prog_touch("up.gone");
	prog_await("sent");
	check(getsid(0) == sid && getpgid(0) == sid, "session %d became %d, group %d", sid,
	      getsid(0), getpgid(0));
}

/* Its child stays behind in the session, and with a subreaper stays in the job */
static void leave_session(void)
{
	must(setsid());
	prog_fork(in_gone_session);
	prog_await("up.gone");
}

static void gone_setup(void)
{
	char buf[32];

	gone_group = prog_fork(dying_leader);
	await_group(gone_group);
	join_group = gone_group;
	gone_member = prog_fork(joining);
	await_member("j", gone_member);
	prog_touch("up.joined");
	prog_reap(gone_group, 3 << 8);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	gone_session_leader = prog_fork(leave_session);
	prog_reap(gone_session_leader, 0);
	prog_read(prog_path("up.gone"), buf, sizeof(buf));
	gone_session = atoi(buf);
}

static void gone_verify(void)
{
	check(getpgid(gone_member) == gone_group, "group of a dead leader: %d became %d",
	      gone_group, getpgid(gone_member));
	check(getsid(gone_session) == gone_session_leader,
	      "session of a dead leader: %d became %d", gone_session_leader,
	      getsid(gone_session));
	check(!kill(-gone_group, 0), "kill(-%d): %s", gone_group, strerror(errno));
	/* who has led them is not there again, not even as a child to wait for */
	check(kill(gone_group, 0) && errno == ESRCH, "process %d is there", gone_group);
	check(kill(gone_session_leader, 0) && errno == ESRCH, "process %d is there",
	      gone_session_leader);
	check(waitpid(gone_group, NULL, WNOHANG) == -1 && errno == ECHILD,
	      "process %d is a child", gone_group);
	say_sent(0);
	prog_reap(gone_member, 0);
	prog_reap(gone_session, 0);
}

/* ---- */

static void group_verify(void)
{
	int i;

	for (i = 0; i < MEMBERS; i++)
		check(getpgid(members[i]) == group, "member %d is in group %d", i,
		      getpgid(members[i]));
	must(kill(-group, SIGUSR1));
	say_sent(group);
	for (i = 0; i < MEMBERS; i++)
		prog_reap(members[i], 0);
}

static void session_verify(void)
{
	say_sent(0);
	check(getsid(session) == session, "session %d", getsid(session));
	prog_reap(session, 0);
}

static const struct prog_case cases[] = {
	{ "gone", gone_setup, NULL, false },
	{ "zombie", zombie_setup, NULL, false },
	{ "session", session_setup, NULL, false },
	{ "group", group_setup, group_verify, false },
	{ "session", NULL, session_verify, false },
	{ "zombie", NULL, zombie_verify, false },
	{ "gone", NULL, gone_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
