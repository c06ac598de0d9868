// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors in flight (SCM_RIGHTS): files of every kind, with and without a
 * descriptor, in messages of every type of socket; sockets in the queues of
 * sockets, also of themselves; in connections that wait to be accepted.
 */
#include "unix.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
#define TYPES	3
#define MAX	253	/* SCM_MAX_FD */

static const char *type_name(int type)
{
	return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : "seqpacket";
}

/* ---- sending and receiving ---- */

static void send_to(int sock, const struct sockaddr_un *to, socklen_t to_len, const char *text,
		    size_t len, const int *fds, int nr)
{
	static char control[CMSG_SPACE(MAX * sizeof(int))];
	struct iovec iov = { (char *)text, len };
	struct msghdr msg = {
		.msg_name = (void *)to, .msg_namelen = to_len, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	memset(control, 0, sizeof(control));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, nr * sizeof(int));
	check(must(sendmsg(sock, &msg, 0)) == (ssize_t)len, "sent in part");
}

static void send_fds(int sock, const char *text, const int *fds, int nr)
{
	send_to(sock, NULL, 0, text, strlen(text), fds, nr);
}

static void send_fd(int sock, const char *text, int fd)
{
	send_fds(sock, text, &fd, 1);
}

/* And nothing leads to it any more */
static void send_away(int sock, const char *text, int fd)
{
	send_fd(sock, text, fd);
	must(close(fd));
}

/* A message, or what @max bytes of a stream are; value: descriptors */
static int recv_fds(int sock, const char *want, size_t max, int *fds, int flags, struct ucred *cred)
{
	static char buf[65536], control[CMSG_SPACE(MAX * sizeof(int)) + CMSG_SPACE(sizeof(*cred))];
	struct iovec iov = { buf, max };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | flags);
	struct cmsghdr *cmsg;
	int nr = 0;

	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "%zd bytes (%s) instead of %s", n,
	      n < 0 ? strerror(errno) : "", want);
	check(!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)), "%s: truncated", want);
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_type == SCM_CREDENTIALS && cred) {
			memcpy(cred, CMSG_DATA(cmsg), sizeof(*cred));
			continue;
		}
		check(cmsg->cmsg_type == SCM_RIGHTS, "%s: control message %d", want, cmsg->cmsg_type);
		nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), nr * sizeof(int));
	}
	return nr;
}

static int recv_fd_at(int sock, const char *want, int flags)
{
	int fds[MAX], nr = recv_fds(sock, want, 256, fds, flags, NULL);

	check(nr == 1, "%s: %d descriptors instead of one", want, nr);
	return fds[0];
}

static int recv_fd(int sock, const char *want)
{
	return recv_fd_at(sock, want, 0);
}

static int new_file(const char *name, const char *text, int flags)
{
	int fd = must(open(prog_path(name), O_RDWR | O_CREAT | O_TRUNC | flags, 0600));

	must(write(fd, text, strlen(text)));
	return fd;
}

static void expect_at(int fd, const char *want, off_t pos)
{
	char buf[64] = "";

	check(must(lseek(fd, 0, SEEK_CUR)) == pos, "at %lld, not at %lld", (long long)lseek(fd, 0, SEEK_CUR),
	      (long long)pos);
	must(read(fd, buf, sizeof(buf) - 1));
	check(!strcmp(buf, want), "read \"%s\" instead of \"%s\"", buf, want);
}

static bool same(int a, int b)
{
	struct stat sa, sb;

	must(fstat(a, &sa));
	must(fstat(b, &sb));
	return sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev;
}

/* ---- regular files: also open, opened only in flight, by two messages ---- */

static int file_sock[2], file_open;

static void file_setup(void)
{
	int fd;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, file_sock));
	file_open = new_file("shared", "shared file", 0);
	must(lseek(file_open, 3, SEEK_SET));
	send_fd(file_sock[0], "a", file_open);
	fd = new_file("alone", "flying file", O_APPEND);
	must(fcntl(fd, F_SETFD, FD_CLOEXEC));
	must(lseek(fd, 5, SEEK_SET));
	send_fd(file_sock[0], "b", fd);
	send_away(file_sock[0], "c", fd);
}

static void file_verify(void)
{
	int a = recv_fd(file_sock[1], "a"), b = recv_fd(file_sock[1], "b"), c = recv_fd(file_sock[1], "c");

	expect_at(a, "red file", 3);
	check(must(lseek(file_open, 0, SEEK_CUR)) == 11, "the description is not shared");
	check(must(fcntl(b, F_GETFL)) & O_APPEND, "not O_APPEND");
	check(!must(fcntl(b, F_GETFD)), "close-on-exec");
	expect_at(b, "g file", 5);
	check(must(lseek(c, 0, SEEK_CUR)) == 11, "two messages with one file: two descriptions");
	expect_nothing(file_sock[1], "more");
}

/* ---- ends of pipes ---- */

static int pipe_sock[2], pipe_read;

static void pipes_setup(void)
{
	int p[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pipe_sock));
	/* the writing end */
	must(pipe(p));
	must(write(p[1], "first", 5));
	pipe_read = p[0];
	send_away(pipe_sock[0], "w", p[1]);
	/* the reading end, of which there is no writer any more */
	must(pipe(p));
	must(write(p[1], "second", 6));
	must(close(p[1]));
	send_away(pipe_sock[0], "r", p[0]);
	/* both, in one message */
	must(pipe(p));
	must(write(p[1], "third", 5));
	send_fds(pipe_sock[0], "rw", p, 2);
	must(close(p[0]));
	must(close(p[1]));
}

static void pipe_end(int fd)
{
	char c;

	check(!must(read(fd, &c, 1)), "no end of file");
}

static void pipes_verify(void)
{
	int fds[MAX], fd = recv_fd(pipe_sock[1], "w");
	struct pollfd p = { pipe_read, POLLIN, 0 };
	char buf[16] = "";

	check(must(read(pipe_read, buf, 16)) == 5 && !memcmp(buf, "first", 5), "content: %s", buf);
	check(!must(poll(&p, 1, 0)), "the writer has gone");
	must(write(fd, "more", 4));
	check(must(read(pipe_read, buf, 16)) == 4 && !memcmp(buf, "more", 4), "content: %s", buf);
	must(close(fd));
	pipe_end(pipe_read);
	fd = recv_fd(pipe_sock[1], "r");
	check(must(read(fd, buf, 16)) == 6 && !memcmp(buf, "second", 6), "content: %s", buf);
	pipe_end(fd);
	check(recv_fds(pipe_sock[1], "rw", 16, fds, 0, NULL) == 2, "both ends");
	must(write(fds[1], "!", 1));
	must(close(fds[1]));
	check(must(read(fds[0], buf, 16)) == 6 && !memcmp(buf, "third!", 6), "content: %s", buf);
	pipe_end(fds[0]);
}

/* ---- several descriptors in several messages, and messages without ---- */

static int order[TYPES][2];
static char large[30001];

static void order_setup(void)
{
	int fds[3], i;

	memset(large, 'x', sizeof(large) - 1);
	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, order[i]));
		fds[0] = new_file("one", "1", 0);
		fds[1] = new_file("two", "22", 0);
		fds[2] = fds[0];
		must(send(order[i][0], "plain", 5, 0));
		send_fds(order[i][0], "A", fds, 1);
		send_fds(order[i][0], "BB", fds, 3);
		must(send(order[i][0], "plain2", 6, 0));
		send_fds(order[i][0], large, fds + 1, 1);
		must(send(order[i][0], "end", 3, 0));
		if (types[i] != SOCK_STREAM)
			send_to(order[i][0], NULL, 0, "", 0, fds + 1, 1);
		must(close(fds[0]));
		must(close(fds[1]));
	}
}

static void order_one(int type, int sock)
{
	bool stream = type == SOCK_STREAM;
	int fds[MAX], one, i;

	check(!recv_fds(sock, "plain", 5, fds, 0, NULL), "no descriptor was sent");
	/* a stream is not read on behind descriptors */
	check(recv_fds(sock, "A", 100, fds, 0, NULL) == 1, "A");
	expect_at(fds[0], "", 1);
	one = fds[0];
	/* they are gone with the first byte */
	if (stream) {
		check(recv_fds(sock, "B", 1, fds, 0, NULL) == 3, "B");
		check(!recv_fds(sock, "B", 1, fds + 3, 0, NULL), "the second B");
	} else {
		check(recv_fds(sock, "BB", 100, fds, 0, NULL) == 3, "BB");
	}
	check(same(fds[0], one) && same(fds[2], one) && !same(fds[1], one), "another order");
	must(lseek(one, 0, SEEK_SET));
	check(!must(lseek(fds[2], 0, SEEK_CUR)), "the description is not shared");
	check(!recv_fds(sock, "plain2", 6, fds + 3, 0, NULL), "no descriptor was sent");
	if (stream) {
		check(recv_fds(sock, "xx", 2, fds + 3, 0, NULL) == 1, "large");
		for (i = 2; i < (int)sizeof(large) - 1;) {
			char buf[4096];
			size_t left = sizeof(large) - 1 - i;

			i += must(recv(sock, buf, left < sizeof(buf) ? left : sizeof(buf), MSG_DONTWAIT));
		}
	} else {
		check(recv_fds(sock, large, 65536, fds + 3, 0, NULL) == 1, "large");
	}
	check(same(fds[3], fds[1]), "another file");
	check(!recv_fds(sock, "end", 100, fds + 4, 0, NULL), "no descriptor was sent");
	if (!stream) {
		check(recv_fds(sock, "", 100, fds + 4, 0, NULL) == 1, "an empty message");
		check(same(fds[4], fds[1]), "another file");
	}
}

static void order_verify(void)
{
	int i;

	for (i = 0; i < TYPES; i++) {
		order_one(types[i], order[i][1]);
		expect_nothing(order[i][1], type_name(types[i]));
	}
}

/* ---- as many as a message takes ---- */

static int many[2];

static void many_setup(void)
{
	int fds[MAX], i;

	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, many));
	for (i = 0; i < MAX; i++)
		fds[i] = must(eventfd(i, EFD_NONBLOCK));
	send_fds(many[0], "many", fds, MAX);
	for (i = 0; i < MAX; i++)
		must(close(fds[i]));
}

static void many_verify(void)
{
	int fds[MAX], i;
	eventfd_t n;

	check(recv_fds(many[1], "many", 100, fds, 0, NULL) == MAX, "not all");
	for (i = 0; i < MAX; i++) {
		n = 0;
		check(eventfd_read(fds[i], &n) == (i ? 0 : -1) && (int)n == i, "number %d is %d", i, (int)n);
		must(close(fds[i]));
	}
}

/* ---- sockets in the queues of sockets, four deep, and a file in the last ---- */

#define DEEP	4
static int nested;

static void nested_setup(void)
{
	int s[2], inner, i;

	inner = new_file("nested", "deep", 0);
	for (i = 0; i < DEEP; i++) {
		must(socketpair(AF_UNIX, types[i % TYPES], 0, s));
		send_away(s[0], "in", inner);
		/* one that is closed, one that is in flight with it */
		if (i & 1)
			must(close(s[0]));
		else
			send_away(s[0], "me", s[0]);
		inner = s[1];
	}
	nested = inner;
}

static void nested_verify(void)
{
	int fd = nested, next, me, i;
	char buf[4];

	for (i = DEEP; i--;) {
		next = recv_fd(fd, "in");
		if (!(i & 1)) {
			me = recv_fd(fd, "me");
			must(send(me, "x", 1, 0));
			expect(fd, "x", "nested");
			must(close(me));
		}
		fd = next;
	}
	expect_at(fd, "", 4);
	check(must(pread(fd, buf, 4, 0)) == 4 && !memcmp(buf, "deep", 4), "content");
}

/* ---- sockets in their own queues ---- */

static int self[TYPES][2], self_bound;

static void self_setup(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	int i;

	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, self[i]));
		send_fd(self[i][0], "self", self[i][1]);
		send_fds(self[i][0], "both", self[i], 2);
		must(close(self[i][0]));
	}
	self_bound = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	must(bind(self_bound, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	must(getsockname(self_bound, (struct sockaddr *)&addr, &len));
	send_to(self_bound, &addr, len, "to me", 5, &self_bound, 1);
}

static void self_verify(void)
{
	int fds[MAX], i;

	for (i = 0; i < TYPES; i++) {
		const char *name = type_name(types[i]);
		int fd = recv_fd(self[i][1], "self");

		check(same(fd, self[i][1]), "%s: another socket", name);
		check(recv_fds(fd, "both", 100, fds, 0, NULL) == 2, "%s: both", name);
		check(same(fds[1], fd) && !same(fds[0], fd), "%s: other sockets", name);
		must(send(fds[0], "x", 1, 0));
		expect(fd, "x", name);
		expect_nothing(fd, name);
	}
	check(same(recv_fd(self_bound, "to me"), self_bound), "bound: another socket");
}

/* ---- two sockets, each in the queue of the other; three in a ring ---- */

static int ring[2];	/* one of each */

static int ring_make(int type, int n)
{
	int s[4][2], i;

	for (i = 0; i < n; i++)
		must(socketpair(AF_UNIX, type, 0, s[i]));
	for (i = 0; i < n; i++)
		send_fd(s[i][0], "next", s[(i + 1) % n][1]);
	for (i = 0; i < n; i++) {
		must(close(s[i][0]));
		if (i)
			must(close(s[i][1]));
	}
	return s[0][1];
}

static void cycle_setup(void)
{
	ring[0] = ring_make(SOCK_STREAM, 2);
	ring[1] = ring_make(SOCK_DGRAM, 3);
}

static void ring_verify(int fd, int n)
{
	int next = fd, before, i;

	for (i = 0; i < n; i++) {
		before = next;
		next = recv_fd(before, "next");
		check(!same(next, before), "a socket in its own queue");
	}
	check(same(next, fd), "no ring");
}

static void cycle_verify(void)
{
	ring_verify(ring[0], 2);
	ring_verify(ring[1], 3);
}

/* ---- in connections that wait to be accepted ---- */

static int listener[2], client[2];

static void pending_one(int i, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	int c, fds[2];

	listener[i] = must(socket(AF_UNIX, type, 0));
	must(bind(listener[i], (struct sockaddr *)&addr, sizeof(sa_family_t)));
	must(getsockname(listener[i], (struct sockaddr *)&addr, &len));
	must(listen(listener[i], 5));
	/* one that is closed again */
	c = must(socket(AF_UNIX, type, 0));
	must(connect(c, (struct sockaddr *)&addr, len));
	send_away(c, "gone", new_file("gone", "closed", 0));
	must(close(c));
	/* one that has sent itself, and who listens */
	client[i] = must(socket(AF_UNIX, type, 0));
	must(connect(client[i], (struct sockaddr *)&addr, len));
	fds[0] = client[i];
	fds[1] = listener[i];
	send_fds(client[i], "us", fds, 2);
}

static void pending_setup(void)
{
	pending_one(0, SOCK_STREAM);
	pending_one(1, SOCK_SEQPACKET);
}

static void pending_verify(void)
{
	int fds[MAX], i, fd;
	char buf[8];

	for (i = 0; i < 2; i++) {
		fd = must(accept(listener[i], NULL, NULL));
		check(must(pread(recv_fd(fd, "gone"), buf, 8, 0)) == 6 && !memcmp(buf, "closed", 6), "content");
		expect_end(fd, "gone");
		fd = must(accept(listener[i], NULL, NULL));
		check(recv_fds(fd, "us", 100, fds, 0, NULL) == 2, "us");
		check(same(fds[0], client[i]) && same(fds[1], listener[i]), "other sockets");
		must(send(fds[0], "x", 1, 0));
		expect(fd, "x", "accepted");
	}
}

/* ---- looked at before ---- */

static int peeked[TYPES][2];

static void peeked_setup(void)
{
	int i;

	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, peeked[i]));
		send_away(peeked[i][0], "peek", new_file("peeked", "content", 0));
		must(close(recv_fd_at(peeked[i][1], "peek", MSG_PEEK)));
	}
}

static void peeked_verify(void)
{
	int i, a, b;

	for (i = 0; i < TYPES; i++) {
		a = recv_fd_at(peeked[i][1], "peek", MSG_PEEK);
		b = recv_fd(peeked[i][1], "peek");
		check(same(a, b), "another file");
		must(lseek(a, 2, SEEK_SET));
		expect_at(b, "ntent", 2);
	}
}

/* ---- with credentials, from a child that has gone ---- */

static int creds[TYPES][2];
static pid_t creds_pid;

static void creds_child(void)
{
	int i;

	for (i = 0; i < TYPES; i++)
		send_away(creds[i][0], "child", new_file("child", "of a child", 0));
	prog_touch("up.creds");
	prog_await("go");
}

static void creds_setup(void)
{
	int i;

	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, creds[i]));
		set_opt(creds[i][1], SO_PASSCRED, 1);
		send_fd(creds[i][0], "parent", creds[i][0]);
	}
	creds_pid = prog_fork(creds_child);
	prog_await("up.creds");
}

static void creds_verify(void)
{
	struct ucred cred;
	int fds[MAX], i;

	for (i = 0; i < TYPES; i++) {
		check(recv_fds(creds[i][1], "parent", 100, fds, 0, &cred) == 1, "parent");
		check(cred.pid == getpid() && cred.uid == getuid(), "from pid %d", (int)cred.pid);
		check(same(fds[0], creds[i][0]), "another socket");
		check(recv_fds(creds[i][1], "child", 100, fds, 0, &cred) == 1, "child");
		check(cred.pid == creds_pid && cred.gid == getgid(), "from pid %d", (int)cred.pid);
		expect_at(fds[0], "", 10);
	}
	prog_reap(creds_pid, 0);
}

/* ---- other kinds of files, all of them in flight only ---- */

static int kinds[2];
static pid_t kinds_child;

static void sleeper(void)
{
	prog_await("go");
	_exit(3);
}

static int new_timerfd(void)
{
	struct itimerspec its = { .it_value = { 100000, 0 } };
	int fd = must(timerfd_create(CLOCK_MONOTONIC, 0));

	must(timerfd_settime(fd, 0, &its, NULL));
	return fd;
}

static int new_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	return must(signalfd(-1, &set, SFD_NONBLOCK));
}

static int new_memfd(void)
{
	int fd = must(memfd_create("flying", 0));

	must(write(fd, "memfd", 5));
	return fd;
}

static int new_unlinked(void)
{
	int fd = new_file("unlinked", "no name", 0);

	must(unlink(prog_path("unlinked")));
	must(lseek(fd, 3, SEEK_SET));
	return fd;
}

static int new_inotify(void)
{
	int fd = must(inotify_init1(IN_NONBLOCK));

	must(inotify_add_watch(fd, prog_dir, IN_ATTRIB));
	must(chmod(prog_path("watched"), 0640));
	return fd;
}

static void kinds_setup(void)
{
	int p[2], epfd = must(epoll_create1(0)), fd;
	struct epoll_event ev = { EPOLLIN, { .u64 = 77 } };

	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, kinds));
	must(close(new_file("watched", "", 0)));
	send_away(kinds[0], "eventfd", must(eventfd(5, EFD_NONBLOCK)));
	send_away(kinds[0], "timerfd", new_timerfd());
	send_away(kinds[0], "signalfd", new_signalfd());
	send_away(kinds[0], "memfd", new_memfd());
	send_away(kinds[0], "unlinked", new_unlinked());
	send_away(kinds[0], "path", must(open(prog_dir, O_PATH)));
	send_away(kinds[0], "dir", must(open(prog_dir, O_RDONLY | O_DIRECTORY)));
	send_away(kinds[0], "null", must(open("/dev/null", O_RDWR)));
	send_away(kinds[0], "inotify", new_inotify());
	kinds_child = prog_fork(sleeper);
	send_away(kinds[0], "pidfd", must(syscall(SYS_pidfd_open, kinds_child, 0)));
	/* an epoll that is open watches what is only in flight */
	must(pipe(p));
	must(epoll_ctl(epfd, EPOLL_CTL_ADD, p[0], &ev));
	send_away(kinds[0], "watched", p[0]);
	fd = must(dup(p[1]));
	must(close(p[1]));
	send_fds(kinds[0], "epoll", (int[]){ epfd, fd }, 2);
	must(close(fd));
}

static void expect_content(int fd, const char *want)
{
	char buf[64] = "";

	must(pread(fd, buf, sizeof(buf) - 1, 0));
	check(!strcmp(buf, want), "\"%s\" instead of \"%s\"", buf, want);
}

static void pidfd_verify(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	siginfo_t info = {};
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	check((pid_t)prog_field(path, "Pid:\t", 10) == kinds_child, "of another process");
	check(must(poll(&p, 1, 120000)) == 1, "it does not end");
	must(waitid(3 /* P_PIDFD */, fd, &info, WEXITED));
	check(info.si_pid == kinds_child && info.si_status == 3, "status %d", info.si_status);
}

static void inotify_verify(int fd)
{
	char buf[4096] __attribute__((aligned(8)));
	struct inotify_event *event = (struct inotify_event *)buf;

	check(must(read(fd, buf, sizeof(buf))) > 0, "no event");
	check(event->mask == IN_ATTRIB && !strcmp(event->name, "watched"), "event 0x%x of %s", event->mask,
	      event->name);
}

static void kinds_verify(void)
{
	struct signalfd_siginfo info;
	struct epoll_event ev;
	struct itimerspec its;
	eventfd_t n;
	int fds[MAX], fd, watched;
	struct stat st, st2;

	check(!eventfd_read(recv_fd(kinds[1], "eventfd"), &n) && n == 5, "count %d", (int)n);
	must(timerfd_gettime(recv_fd(kinds[1], "timerfd"), &its));
	check(its.it_value.tv_sec > 0 && its.it_value.tv_sec <= 100000, "%ld s remain", (long)its.it_value.tv_sec);
	fd = recv_fd(kinds[1], "signalfd");
	check(read(fd, &info, sizeof(info)) == -1 && errno == EAGAIN, "a signal");
	must(kill(getpid(), SIGUSR2));
	check(must(read(fd, &info, sizeof(info))) == sizeof(info) && info.ssi_signo == SIGUSR2, "no signal");
	expect_content(recv_fd(kinds[1], "memfd"), "memfd");
	fd = recv_fd(kinds[1], "unlinked");
	expect_content(fd, "no name");
	expect_at(fd, "name", 3);
	fd = recv_fd(kinds[1], "path");
	check(must(fcntl(fd, F_GETFL)) & O_PATH, "not O_PATH");
	must(fstat(fd, &st));
	fd = recv_fd(kinds[1], "dir");
	must(fstat(fd, &st2));
	check(S_ISDIR(st.st_mode) && st.st_ino == st2.st_ino, "another directory");
	must(faccessat(fd, "ready", F_OK, 0));
	check(must(write(recv_fd(kinds[1], "null"), "x", 1)) == 1, "/dev/null");
	inotify_verify(recv_fd(kinds[1], "inotify"));
	pidfd_verify(recv_fd(kinds[1], "pidfd"));
	watched = recv_fd(kinds[1], "watched");
	check(recv_fds(kinds[1], "epoll", 100, fds, 0, NULL) == 2, "epoll");
	check(!must(epoll_wait(fds[0], &ev, 1, 0)), "ready");
	must(write(fds[1], "x", 1));
	check(must(epoll_wait(fds[0], &ev, 1, 0)) == 1 && ev.data.u64 == 77, "not ready");
	must(close(watched));
}

static const struct prog_case cases[] = {
	{ "creds", creds_setup, creds_verify, false },
	{ "kinds", kinds_setup, kinds_verify, false },
	{ "file", file_setup, file_verify, false },
	{ "pipes", pipes_setup, pipes_verify, false },
	{ "order", order_setup, order_verify, false },
	{ "many", many_setup, many_verify, false },
	{ "nested", nested_setup, nested_verify, false },
	{ "self", self_setup, self_verify, false },
	{ "cycle", cycle_setup, cycle_verify, false },
	{ "pending", pending_setup, pending_verify, false },
	{ "peeked", peeked_setup, peeked_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
