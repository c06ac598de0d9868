// SPDX-License-Identifier: GPL-2.0
/*
 * UNIX sockets, as socketpair() makes them, of every type: data both ways,
 * boundaries, ends that are closed or shut down, options, credentials, readers
 * and writers in different processes.
 */
#include "unix.h"
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
#define TYPES	3

static const char *type_name(int type)
{
	return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : "seqpacket";
}

static void send_all(int fd, const void *buf, size_t len)
{
	ssize_t n;

	for (; len; len -= n, buf = (const char *)buf + n)
		n = must(write(fd, buf, len));
}

static void recv_all(int fd, void *buf, size_t len)
{
	ssize_t n;

	for (; len; len -= n, buf = (char *)buf + n) {
		n = must(read(fd, buf, len));
		check(n, "end of file, %zu bytes are missing", len);
	}
}

/* ---- data both ways, with the boundaries of messages ---- */

static int both[TYPES][2];

static void both_setup(void)
{
	char c;
	int i;

	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, both[i]));
		must(send(both[i][0], "first", 5, 0));
		must(send(both[i][0], "second", 6, 0));
		must(send(both[i][1], "answer", 6, 0));
		if (types[i] != SOCK_STREAM)
			must(send(both[i][0], "", 0, 0));
		else
			check(recv(both[i][0], &c, 1, 0) == 1 && c == 'a', "read in part");
	}
}

static void both_verify(void)
{
	char c;
	int i;

	for (i = 0; i < TYPES; i++) {
		const char *name = type_name(types[i]);

		must(send(both[i][1], "+", 1, 0));
		if (types[i] == SOCK_STREAM) {
			expect(both[i][1], "firstsecond", name);
			expect(both[i][0], "nswer+", name);
		} else {
			expect(both[i][1], "first", name);
			expect(both[i][1], "second", name);
			check(!recv(both[i][1], &c, 1, MSG_DONTWAIT), "%s: the empty message", name);
			expect(both[i][0], "answer", name);
			expect(both[i][0], "+", name);
		}
		expect_nothing(both[i][0], name);
		expect_nothing(both[i][1], name);
		check(get_opt(both[i][0], SO_TYPE) == types[i], "%s: type", name);
	}
}

/* ---- full to the brim: the same bytes, and no room for more ---- */

#define BRIM	(1 << 20)
static int brim[2], large[2];
static char *brim_data;
static ssize_t brim_len;

static void brim_setup(void)
{
	ssize_t n;

	brim_data = malloc(BRIM);
	prog_fill(brim_data, BRIM, 221);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, brim));
	while ((n = write(brim[0], brim_data + brim_len, BRIM - brim_len)) > 0)
		brim_len += n;
	check(errno == EAGAIN && brim_len < BRIM, "%zd bytes: %s", brim_len, strerror(errno));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, large));
	must(send(large[1], brim_data, 150000, 0));
}

static void brim_verify(void)
{
	struct pollfd p = { brim[0], POLLOUT, 0 };
	char *got = malloc(BRIM);
	int queued;

	check(!must(poll(&p, 1, 0)), "a full socket takes more");
	must(ioctl(brim[1], FIONREAD, &queued));
	check(queued == brim_len, "%d bytes are queued, not %zd", queued, brim_len);
	recv_all(brim[1], got, brim_len);
	check(!memcmp(got, brim_data, brim_len), "content");
	check(read(brim[1], got, 1) == -1 && errno == EAGAIN, "not O_NONBLOCK: %s", strerror(errno));
	check(must(poll(&p, 1, 0)) == 1, "an empty socket takes nothing");
	check(must(recv(large[0], got, BRIM, MSG_TRUNC)) == 150000, "a large message");
	check(!memcmp(got, brim_data, 150000), "content of a large message");
	free(got);
}

/* ---- one end is closed, with data and without, read and unread ---- */

static int closed[TYPES][2], unread[2];

static void closed_setup(void)
{
	int i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, closed[i]));
		must(send(closed[i][1], "last words", 10, 0));
		must(close(closed[i][1]));
	}
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, unread));
	must(send(unread[0], "nobody reads it", 15, 0));
	must(send(unread[1], "bye", 3, 0));
	must(close(unread[1]));
}

static void closed_verify(void)
{
	struct pollfd p = { closed[0][0], POLLIN | POLLRDHUP, 0 };
	int i;

	check(must(poll(&p, 1, 0)) == 1 && p.revents == (POLLIN | POLLRDHUP | POLLHUP),
	      "poll: 0x%x", p.revents);
	for (i = 0; i < TYPES; i++) {
		const char *name = type_name(types[i]);

		expect(closed[i][0], "last words", name);
		if (types[i] == SOCK_DGRAM) {
			expect_nothing(closed[i][0], name);
			check(send(closed[i][0], "x", 1, 0) == -1 && errno == ECONNREFUSED,
			      "%s: send: %s", name, strerror(errno));
			check(send(closed[i][0], "x", 1, 0) == -1 && errno == ENOTCONN,
			      "%s: send again: %s", name, strerror(errno));
		} else {
			expect_end(closed[i][0], name);
			check(send(closed[i][0], "x", 1, 0) == -1 && errno == EPIPE,
			      "%s: send: %s", name, strerror(errno));
		}
	}
	expect(unread[0], "bye", "unread");
	check(get_opt(unread[0], SO_ERROR) == ECONNRESET, "no error is pending");
	expect_end(unread[0], "unread");
}

/* ---- shut down, for reading, for writing, for both ---- */

static int shut[TYPES][3][2];
static const int shut_how[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };

static void shut_setup(void)
{
	int i, j;

	for (i = 0; i < TYPES; i++) {
		for (j = 0; j < 3; j++) {
			must(socketpair(AF_UNIX, types[i], 0, shut[i][j]));
			must(send(shut[i][j][0], "there", 5, 0));
			must(send(shut[i][j][1], "back", 4, 0));
			must(shutdown(shut[i][j][0], shut_how[j]));
		}
	}
}

static void shut_verify(void)
{
	int i, j;

	for (i = 0; i < TYPES; i++) {
		for (j = 0; j < 3; j++) {
			const char *name = type_name(types[i]);
			int *s = shut[i][j];
			bool rd = shut_how[j] != SHUT_WR, wr = shut_how[j] != SHUT_RD;

			expect(s[0], "back", name);
			expect(s[1], "there", name);
			if (rd && types[i] != SOCK_DGRAM)
				expect_end(s[0], name);
			else if (!rd)
				expect_nothing(s[0], name);
			if (wr)
				check(send(s[0], "x", 1, 0) == -1 && errno == EPIPE, "%s: send: %s",
				      name, strerror(errno));
			else
				check(send(s[0], "x", 1, 0) == 1, "%s: send: %s", name, strerror(errno));
			if (rd)
				check(send(s[1], "x", 1, 0) == -1 && errno == EPIPE,
				      "%s: send to who does not read: %s", name, strerror(errno));
			else
				check(send(s[1], "x", 1, 0) == 1, "%s: send back: %s", name, strerror(errno));
			if (wr && types[i] != SOCK_DGRAM)
				expect_end(s[1], name);
		}
	}
}

/* ---- O_NONBLOCK, close-on-exec, duplicates, inode mode ---- */

static int flags_of[2], flags_dup;

static void flags_setup(void)
{
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, flags_of));
	must(fcntl(flags_of[0], F_SETFL, O_NONBLOCK));
	flags_dup = must(dup2(flags_of[0], 60));
	must(fchmod(flags_of[1], 0640));
}

static void flags_verify(void)
{
	struct stat st;
	char c;

	check(read(flags_of[0], &c, 1) == -1 && errno == EAGAIN, "read: %s", strerror(errno));
	check(!(must(fcntl(flags_of[1], F_GETFL)) & O_NONBLOCK), "the other end too");
	must(fcntl(flags_dup, F_SETFL, 0));
	check(must(fcntl(flags_of[0], F_GETFL)) == O_RDWR, "flags are not shared");
	check(must(fcntl(flags_of[0], F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(!must(fcntl(flags_dup, F_GETFD)), "close-on-exec of the duplicate");
	must(fstat(flags_of[1], &st));
	check(st.st_mode == (S_IFSOCK | 0640), "mode 0%o", st.st_mode);
}

/* ---- options ---- */

static int opts[2], plain[2];
static int plain_sndbuf, plain_rcvbuf;

static void options_setup(void)
{
	struct timeval rcv = { 7, 300000 }, snd = { 1234, 0 };
	struct linger linger = { 1, 17 };

	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, plain));
	plain_sndbuf = get_opt(plain[0], SO_SNDBUF);
	plain_rcvbuf = get_opt(plain[0], SO_RCVBUF);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, opts));
	set_opt(opts[0], SO_SNDBUF, 20000);
	set_opt(opts[0], SO_RCVBUF, 30000);
	set_opt(opts[1], SO_SNDBUF, 100);
	set_opt(opts[0], SO_PASSCRED, 1);
	set_opt(opts[1], SO_PASSSEC, 1);
	set_opt(opts[0], SO_RCVLOWAT, 3);
	set_opt(opts[0], SO_PRIORITY, 5);
	set_opt(opts[0], SO_KEEPALIVE, 1);
	set_opt(opts[0], SO_BROADCAST, 1);
	set_opt(opts[0], SO_REUSEADDR, 1);
	set_opt(opts[1], SO_OOBINLINE, 1);
	must(setsockopt(opts[0], SOL_SOCKET, SO_RCVTIMEO, &rcv, sizeof(rcv)));
	must(setsockopt(opts[0], SOL_SOCKET, SO_SNDTIMEO, &snd, sizeof(snd)));
	must(setsockopt(opts[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	must(send(opts[1], "peek", 4, 0));
	set_opt(opts[0], SO_PEEK_OFF, 2);
}

static void options_verify(void)
{
	struct timeval tv;
	struct linger linger;
	socklen_t len = sizeof(tv);
	char buf[8];
	int *s = opts;

	check(get_opt(plain[0], SO_SNDBUF) == plain_sndbuf, "default of SO_SNDBUF");
	check(get_opt(plain[1], SO_RCVBUF) == plain_rcvbuf, "default of SO_RCVBUF");
	check(!get_opt(plain[0], SO_PASSCRED), "SO_PASSCRED of the other pair");
	check(get_opt(plain[0], SO_RCVLOWAT) == 1, "default of SO_RCVLOWAT");
	check(get_opt(plain[0], SO_PEEK_OFF) == -1, "default of SO_PEEK_OFF");
	check(get_opt(s[0], SO_SNDBUF) == 40000, "SO_SNDBUF %d", get_opt(s[0], SO_SNDBUF));
	check(get_opt(s[0], SO_RCVBUF) == 60000, "SO_RCVBUF %d", get_opt(s[0], SO_RCVBUF));
	check(get_opt(s[1], SO_SNDBUF) < 10000, "least SO_SNDBUF %d", get_opt(s[1], SO_SNDBUF));
	check(get_opt(s[0], SO_PASSCRED) && !get_opt(s[1], SO_PASSCRED), "SO_PASSCRED");
	check(get_opt(s[1], SO_PASSSEC) && !get_opt(s[0], SO_PASSSEC), "SO_PASSSEC");
	check(get_opt(s[0], SO_RCVLOWAT) == 3, "SO_RCVLOWAT");
	check(get_opt(s[0], SO_PRIORITY) == 5, "SO_PRIORITY");
	check(get_opt(s[0], SO_KEEPALIVE) && !get_opt(s[1], SO_KEEPALIVE), "SO_KEEPALIVE");
	check(get_opt(s[0], SO_BROADCAST) == 1, "SO_BROADCAST");
	check(get_opt(s[0], SO_REUSEADDR) == 1, "SO_REUSEADDR");
	check(get_opt(s[1], SO_OOBINLINE) && !get_opt(s[0], SO_OOBINLINE), "SO_OOBINLINE");
	must(getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	check(tv.tv_sec == 7 && tv.tv_usec == 300000, "SO_RCVTIMEO %ld.%06ld", tv.tv_sec, tv.tv_usec);
	must(getsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	check(tv.tv_sec == 1234 && !tv.tv_usec, "SO_SNDTIMEO %ld.%06ld", tv.tv_sec, tv.tv_usec);
	must(getsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	check(!tv.tv_sec && !tv.tv_usec, "SO_RCVTIMEO of the other end");
	len = sizeof(linger);
	must(getsockopt(s[0], SOL_SOCKET, SO_LINGER, &linger, &len));
	check(linger.l_onoff == 1 && linger.l_linger == 17, "SO_LINGER");
	check(recv(s[0], buf, sizeof(buf), MSG_PEEK) == 2 && !memcmp(buf, "ek", 2), "peek offset");
	check(get_opt(s[0], SO_PEEK_OFF) == 4, "SO_PEEK_OFF %d", get_opt(s[0], SO_PEEK_OFF));
	check(recv(s[0], buf, sizeof(buf), 0) == 4 && !memcmp(buf, "peek", 4), "what was peeked");
}

/* ---- credentials: of the peer, and in messages of several processes ---- */

static int peer[2], creds[TYPES][2];
static pid_t creds_pid;

static void creds_child(void)
{
	int i;

	for (i = 0; i < TYPES; i++)
		must(send(creds[i][1], "child", 5, 0));
	prog_touch("up.creds");
	prog_await("go");
}

static void creds_setup(void)
{
	int i;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, peer));
	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, creds[i]));
		must(send(creds[i][1], "none", 4, 0));
		set_opt(creds[i][0], SO_PASSCRED, 1);
		must(send(creds[i][1], "parent", 6, 0));
	}
	creds_pid = prog_fork(creds_child);
	prog_await("up.creds");
}

static void expect_from(int fd, const char *want, pid_t pid, const char *what)
{
	char buf[64], control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = must(recvmsg(fd, &msg, MSG_DONTWAIT));
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct ucred cred;

	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "%s: %zd bytes, not %s", what, n, want);
	check(cmsg && cmsg->cmsg_type == SCM_CREDENTIALS, "%s: no credentials", what);
	memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
	check(cred.pid == pid, "%s: from pid %d instead of %d", what, (int)cred.pid, (int)pid);
	if (pid)
		check(cred.uid == getuid() && cred.gid == getgid(), "%s: from user %d", what, (int)cred.uid);
}

static void creds_verify(void)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int i;

	must(getsockopt(peer[1], SOL_SOCKET, SO_PEERCRED, &cred, &len));
	check(cred.pid == getpid() && cred.uid == geteuid() && cred.gid == getegid(),
	      "peer: pid %d, user %d", (int)cred.pid, (int)cred.uid);
	for (i = 0; i < TYPES; i++) {
		const char *name = type_name(types[i]);

		expect_from(creds[i][0], "none", 0, name);
		expect_from(creds[i][0], "parent", getpid(), name);
		expect_from(creds[i][0], "child", creds_pid, name);
		expect_nothing(creds[i][0], name);
	}
	prog_reap(creds_pid, 0);
}

/* ---- children that are blocked in reading and in writing ---- */

#define STREAM	600000
static int up[2], down[TYPES][2];
static pid_t writer, reader[TYPES];
static char stream[STREAM];
static int reader_at;

static void writer_child(void)
{
	must(close(up[0]));
	prog_touch("up.writer");
	send_all(up[1], stream, STREAM);
}

static void reader_child(void)
{
	char got[64];
	int fd = down[reader_at][0];
	ssize_t n;

	must(close(down[reader_at][1]));
	prog_touch(type_name(types[reader_at]));
	/* a stream would glue the second to the first */
	n = types[reader_at] == SOCK_SEQPACKET ? must(read(fd, got, sizeof(got))) :
	    must(recv(fd, got, types[reader_at] == SOCK_STREAM ? 4 : sizeof(got), 0));
	check(n == 4 && !memcmp(got, "wake", 4), "child: content");
	check(must(recv(fd, got, sizeof(got), 0)) == 5 && !memcmp(got, "again", 5), "child: second");
}

static void blocked_setup(void)
{
	struct timeval timeout = { 1000, 0 };
	int i, last = -1, now = 0;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, up));
	prog_fill(stream, STREAM, 223);
	writer = prog_fork(writer_child);
	must(close(up[1]));
	for (i = 0; i < TYPES; i++) {
		must(socketpair(AF_UNIX, types[i], 0, down[i]));
		/* recv() with a timeout says EINTR when it is interrupted */
		if (types[i] != SOCK_STREAM)
			must(setsockopt(down[i][0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)));
		reader_at = i;
		reader[i] = prog_fork(reader_child);
		must(close(down[i][0]));
		prog_await(type_name(types[i]));
	}
	prog_await("up.writer");
	for (i = 0; !now || now != last; i++) {
		check(i < PROG_POLLS, "the socket does not fill: %d", now);
		last = now;
		prog_sleep_ms(5 * PROG_POLL_MS);
		must(ioctl(up[0], FIONREAD, &now));
	}
}

static void blocked_verify(void)
{
	static char got[STREAM];
	char c;
	int i;

	recv_all(up[0], got, STREAM);
	check(!memcmp(got, stream, STREAM), "content");
	check(!must(read(up[0], &c, 1)), "no end of file");
	prog_reap(writer, 0);
	for (i = 0; i < TYPES; i++) {
		must(send(down[i][1], "wake", 4, 0));
		must(send(down[i][1], "again", 5, 0));
		prog_reap(reader[i], 0);
	}
}

static const struct prog_case cases[] = {
	/* before the others, whose sockets their processes would hold */
	{ "blocked", blocked_setup, blocked_verify, false },
	{ "both", both_setup, both_verify, false },
	{ "brim", brim_setup, brim_verify, false },
	{ "closed", closed_setup, closed_verify, false },
	{ "shut", shut_setup, shut_verify, false },
	{ "flags", flags_setup, flags_verify, false },
	{ "options", options_setup, options_verify, false },
	{ "creds", creds_setup, creds_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
