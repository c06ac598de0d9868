// SPDX-License-Identifier: GPL-2.0
/*
 * Leases of files (F_SETLEASE): of both types, shared, in flight; whom a signal
 * tells that somebody else wants the file, and by which descriptor. Optional,
 * for a machine with a long /proc/sys/fs/lease-break-time: leases that are to
 * be given up, and who waits for that.
 */
#include "prog.h"
#include <signal.h>
#include <sys/socket.h>

static volatile int signals, last_sig, last_fd;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	last_sig = sig;
	last_fd = info->si_fd;
	signals++;
}

static void handle(int sig)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	must(sigaction(sig, &sa, NULL));
}

static void await_signal(int n, const char *what)
{
	int i;

	for (i = 0; signals < n; i++) {
		check(i < PROG_POLLS, "%s: no signal", what);
		prog_sleep_ms(PROG_POLL_MS);
	}
	check(signals == n, "%s: %d signals instead of %d", what, signals, n);
}

static int new_file(const char *name, int flags)
{
	must(close(must(open(prog_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600))));
	return must(open(prog_path(name), flags));
}

static int lease(const char *name, int flags, int type, int sig)
{
	int fd = new_file(name, flags);

	must(fcntl(fd, F_SETLEASE, type));
	if (sig) {
		handle(sig);
		must(fcntl(fd, F_SETSIG, sig));
	}
	return fd;
}

static void lease_is(int fd, int type, const char *what)
{
	int now = must(fcntl(fd, F_GETLEASE));

	check(now == type, "%s: lease of type %d", what, now);
}

/* Somebody else wants it, who does not wait */
static const char *want_name;
static int want_flags;
static bool want_gets;

static void want_main(void)
{
	int fd = open(want_name, want_flags | O_NONBLOCK);

	if (want_gets)
		check(fd >= 0, "%s: %s", want_name, strerror(errno));
	else
		check(fd == -1 && errno == EWOULDBLOCK, "%s: has been opened", want_name);
}

static void want(const char *name, int flags, bool gets)
{
	want_name = prog_path(name);
	want_flags = flags;
	want_gets = gets;
	prog_reap(prog_fork(want_main), 0);
}

/* Is there a lease in /proc/locks that @pid has taken? */
static bool in_proc_locks(int fd, const char *type, pid_t pid)
{
	char line[256], is[32], inode[64], *end;
	FILE *f = fopen("/proc/locks", "r");
	bool found = false;
	struct stat st;
	int is_pid;

	check(f, "/proc/locks: %s", strerror(errno));
	must(fstat(fd, &st));
	snprintf(inode, sizeof(inode), ":%lu", (unsigned long)st.st_ino);
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s LEASE ACTIVE %31s %d %*s", is, &is_pid) != 2)
			continue;
		end = strstr(line, inode);
		found = end && end[strlen(inode)] == ' ' && !strcmp(is, type) && is_pid == pid;
	}
	fclose(f);
	return found;
}

/* ---- for reading: two openings have it, and each is told ---- */

static int reads[2];

static void read_setup(void)
{
	reads[0] = lease("read", O_RDONLY, F_RDLCK, SIGRTMIN + 4);
	reads[1] = must(open(prog_path("read"), O_RDONLY));
	must(fcntl(reads[1], F_SETLEASE, F_RDLCK));
	must(fcntl(reads[1], F_SETSIG, SIGRTMIN + 5));
	handle(SIGRTMIN + 5);
}

static void read_verify(void)
{
	signals = 0;
	lease_is(reads[0], F_RDLCK, "first");
	lease_is(reads[1], F_RDLCK, "second");
	check(must(fcntl(reads[0], F_GETOWN)) == getpid(), "owner");
	check(must(fcntl(reads[0], F_GETFL)) & O_ASYNC, "flag");
	check(in_proc_locks(reads[0], "READ", getpid()), "not in /proc/locks");
	want("read", O_RDONLY, true);
	check(!signals, "a reader is no matter");
	want("read", O_WRONLY, false);
	await_signal(2, "a writer");
	lease_is(reads[0], F_UNLCK, "to be given up");
	must(fcntl(reads[0], F_SETLEASE, F_UNLCK));
	check(!(must(fcntl(reads[0], F_GETFL)) & O_ASYNC), "flag of no lease");
	want("read", O_WRONLY, false);
	must(fcntl(reads[1], F_SETLEASE, F_UNLCK));
	want("read", O_WRONLY, true);
	await_signal(2, "no more");
}

/* ---- for writing: the default signal, and one that tells the descriptor ---- */

static int plain, chosen, writer;

static void write_setup(void)
{
	handle(SIGIO);
	plain = lease("plain", O_RDONLY, F_WRLCK, 0);
	chosen = lease("chosen", O_RDONLY, F_WRLCK, SIGRTMIN + 6);
	writer = lease("writer", O_RDWR, F_WRLCK, SIGRTMIN + 6);
	must(write(writer, "abc", 3));
}

static void write_verify(void)
{
	signals = 0;
	lease_is(plain, F_WRLCK, "plain");
	lease_is(chosen, F_WRLCK, "chosen");
	lease_is(writer, F_WRLCK, "writer");
	check(in_proc_locks(plain, "WRITE", getpid()), "not in /proc/locks");
	want("plain", O_RDONLY, false);
	await_signal(1, "plain");
	check(last_sig == SIGIO, "plain: signal %d", last_sig);
	lease_is(plain, F_RDLCK, "plain, to be made less");
	must(fcntl(plain, F_SETLEASE, F_RDLCK));
	want("plain", O_RDONLY, true);
	want("chosen", O_WRONLY, false);
	await_signal(2, "chosen");
	check(last_sig == SIGRTMIN + 6 && last_fd == chosen, "chosen: signal %d, fd %d", last_sig,
	      last_fd);
	want("writer", O_RDONLY, false);
	await_signal(3, "writer");
	check(last_fd == writer, "writer: fd %d", last_fd);
	must(fcntl(writer, F_SETLEASE, F_UNLCK));
	want("writer", O_RDONLY, true);
}

/* ---- of an opening that a child has, too; taken by a number that is closed ---- */

static int common, taken_by;
static pid_t sharer;

static void share_child(void)
{
	prog_touch("up.share");
	prog_wait();
	lease_is(common, F_WRLCK, "a child's");
	prog_await("share.end");
	must(fcntl(common, F_SETLEASE, F_UNLCK));
}

static void share_setup(void)
{
	common = new_file("share", O_RDONLY);
	taken_by = must(fcntl(common, F_DUPFD, 40));
	handle(SIGRTMIN + 7);
	must(fcntl(taken_by, F_SETSIG, SIGRTMIN + 7));
	must(fcntl(taken_by, F_SETLEASE, F_WRLCK));
	must(close(taken_by));
	sharer = prog_fork(share_child);
	prog_await("up.share");
}

static void share_verify(void)
{
	signals = 0;
	lease_is(common, F_WRLCK, "common");
	want("share", O_RDONLY, false);
	await_signal(1, "common");
	check(last_sig == SIGRTMIN + 7 && last_fd == taken_by, "signal %d, fd %d", last_sig, last_fd);
	prog_touch("share.end");
	prog_reap(sharer, 0);
	lease_is(common, F_UNLCK, "given up by a child");
	want("share", O_RDONLY, true);
}

/* ---- a child is told; nobody is ---- */

static int to_child, to_nobody;
static pid_t child;

static void owner_child(void)
{
	handle(SIGUSR1);
	prog_touch("up.owner");
	await_signal(1, "child");
}

static void nobody_child(void)
{
	must(fcntl(to_nobody, F_SETLEASE, F_RDLCK));
}

static void owner_setup(void)
{
	child = prog_fork(owner_child);
	prog_await("up.owner");
	to_child = lease("child", O_RDONLY, F_RDLCK, 0);
	must(fcntl(to_child, F_SETOWN, child));
	must(fcntl(to_child, F_SETSIG, SIGUSR1));
	to_nobody = new_file("nobody", O_RDONLY);
	prog_reap(prog_fork(nobody_child), 0);
}

static void owner_verify(void)
{
	struct f_owner_ex owner;

	signals = 0;
	handle(SIGIO);
	lease_is(to_child, F_RDLCK, "child");
	want("child", O_WRONLY, false);
	prog_reap(child, 0);
	lease_is(to_nobody, F_RDLCK, "nobody");
	must(fcntl(to_nobody, F_GETOWN_EX, &owner));
	check(!owner.pid, "nobody: owner %d", (int)owner.pid);
	check(!must(fcntl(to_nobody, F_GETSIG)), "nobody: signal");
	want("nobody", O_WRONLY, false);
	lease_is(to_nobody, F_UNLCK, "nobody, to be given up");
	check(!signals, "nobody: signal %d", last_sig);
}

/* ---- of a file that is only in flight ---- */

static int flight[2], flown;

static void flight_setup(void)
{
	char byte = 'x', buf[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof(buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, flight));
	flown = lease("flight", O_RDONLY, F_RDLCK, SIGRTMIN + 8);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &flown, sizeof(flown));
	must(sendmsg(flight[0], &msg, 0));
	must(close(flown));
}

static void flight_verify(void)
{
	char byte, buf[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof(buf),
	};
	int fd;

	signals = 0;
	want("flight", O_WRONLY, false);
	await_signal(1, "in flight");
	check(last_sig == SIGRTMIN + 8 && last_fd == flown, "signal %d, fd %d", last_sig, last_fd);
	must(recvmsg(flight[1], &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	lease_is(fd, F_UNLCK, "received");
	must(fcntl(fd, F_SETLEASE, F_UNLCK));
	want("flight", O_WRONLY, true);
}

/* ---- somebody else wants them: the signal has come, and comes once ---- */

static int asked, asked2, less;

static void asked_setup(void)
{
	asked = lease("asked", O_RDONLY, F_RDLCK, SIGRTMIN + 9);
	asked2 = must(open(prog_path("asked"), O_RDONLY));
	must(fcntl(asked2, F_SETLEASE, F_RDLCK));
	must(fcntl(asked2, F_SETSIG, SIGRTMIN + 9));
	want("asked", O_WRONLY, false);
	await_signal(2, "asked");
	less = lease("less", O_RDONLY, F_WRLCK, SIGRTMIN + 9);
	want("less", O_RDONLY, false);
	await_signal(3, "less");
}

static void asked_verify(void)
{
	lease_is(asked, F_UNLCK, "asked");
	lease_is(asked2, F_UNLCK, "asked, the other");
	lease_is(less, F_RDLCK, "less");
	want("asked", O_WRONLY, false);
	want("less", O_RDONLY, false);
	await_signal(3, "once more");
	must(fcntl(asked, F_SETLEASE, F_UNLCK));
	want("asked", O_WRONLY, false);
	must(fcntl(asked2, F_SETLEASE, F_UNLCK));
	want("asked", O_WRONLY, true);
	must(fcntl(less, F_SETLEASE, F_RDLCK));
	want("less", O_RDONLY, true);
	await_signal(3, "none");
}

/* ---- the same, and the time ends before anybody gives it up ---- */

static void ends_setup(void)
{
	asked = lease("ends", O_RDONLY, F_RDLCK, SIGRTMIN + 9);
	want("ends", O_WRONLY, false);
}

static void ends_verify(void)
{
	int i, fd;

	for (i = 0; (fd = open(prog_path("ends"), O_WRONLY | O_NONBLOCK)) < 0; i++) {
		check(errno == EWOULDBLOCK, "ends: %s", strerror(errno));
		check(i < PROG_POLLS, "it does not end");
		prog_sleep_ms(PROG_POLL_MS);
	}
	must(close(fd));
}

/* ---- a child of the job waits to open it ---- */

static int waited;
static pid_t waiter;

static void waiter_main(void)
{
	must(open(prog_path("waited"), O_WRONLY));
	prog_touch("waited.opened");
}

static void waiter_setup(void)
{
	waited = lease("waited", O_RDONLY, F_RDLCK, SIGRTMIN + 9);
	waiter = prog_fork(waiter_main);
	await_signal(1, "waiter");
}

static void waiter_verify(void)
{
	check(access(prog_path("waited.opened"), F_OK), "opened in spite of the lease");
	lease_is(waited, F_UNLCK, "waited for");
	await_signal(1, "once more");
	must(fcntl(waited, F_SETLEASE, F_UNLCK));
	prog_reap(waiter, 0);
}

static const struct prog_case cases[] = {
	{ "read", read_setup, read_verify, false },
	{ "write", write_setup, write_verify, false },
	{ "share", share_setup, share_verify, false },
	{ "owner", owner_setup, owner_verify, false },
	{ "flight", flight_setup, flight_verify, false },
	{ "asked", asked_setup, asked_verify, true },
	{ "ends", ends_setup, ends_verify, true },
	{ "waiter", waiter_setup, waiter_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
