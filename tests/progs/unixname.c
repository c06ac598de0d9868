// SPDX-License-Identifier: GPL-2.0
/*
 * UNIX sockets with names, of every type: paths and abstract ones, listening
 * sockets, connections that are accepted or wait for it, datagrams.
 */
#include "unix.h"
#include <stddef.h>

/* A message that may still have to come */
static void expect_soon(int fd, const char *want, const char *what)
{
	char buf[256];
	ssize_t n = must(recv(fd, buf, sizeof(buf), 0));

	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "%s: %zd bytes instead of %s", what,
	      n, want);
}

/* ---- names: listening sockets, connections, what waits to be accepted ---- */

#define NAMED	3	/* a path, an abstract name, a path that is gone */
static int server[NAMED], accepted[NAMED], conn[NAMED], waiting[NAMED][3];
static struct sockaddr_un server_addr[NAMED];
static socklen_t server_len[NAMED];

static void name_make(struct sockaddr_un *addr, socklen_t *len, const char *name, bool abstract)
{
	char *path = prog_path(name);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	check(strlen(path) < sizeof(addr->sun_path) - 1, "%s: too long", path);
	memcpy(addr->sun_path + abstract, path, strlen(path));
	*len = offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
	free(path);
}

static void expect_name(int fd, bool of_peer, const struct sockaddr_un *want, socklen_t want_len,
			const char *what)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);

	if (of_peer)
		must(getpeername(fd, (struct sockaddr *)&addr, &len));
	else
		must(getsockname(fd, (struct sockaddr *)&addr, &len));
	check(len == want_len && !memcmp(&addr, want, len), "%s: name of %u bytes: %s", what,
	      (unsigned int)len, addr.sun_path[0] ? addr.sun_path : addr.sun_path + 1);
}

static void expect_no_name(int fd, const char *what)
{
	struct sockaddr_un none = { .sun_family = AF_UNIX };

	expect_name(fd, false, &none, sizeof(sa_family_t), what);
}

static int connect_to(int type, const struct sockaddr_un *addr, socklen_t len)
{
	int fd = must(socket(AF_UNIX, type, 0));

	must(connect(fd, (const struct sockaddr *)addr, len));
	return fd;
}

static int named_type(int i)
{
	return i == 1 ? SOCK_SEQPACKET : SOCK_STREAM;
}

static void names_setup(void)
{
	static const char *const names[] = { "path.sock", "abstract", "gone.sock" };
	struct sockaddr_un *addr;
	int i;

	for (i = 0; i < NAMED; i++) {
		addr = &server_addr[i];
		name_make(addr, &server_len[i], names[i], i == 1);
		server[i] = must(socket(AF_UNIX, named_type(i) | SOCK_NONBLOCK, 0));
		must(bind(server[i], (struct sockaddr *)addr, server_len[i]));
		must(listen(server[i], 5));
		conn[i] = connect_to(named_type(i), addr, server_len[i]);
		accepted[i] = must(accept(server[i], NULL, NULL));
		must(send(conn[i], "to accepted", 11, 0));
		must(send(accepted[i], "to client", 9, 0));
		/* one with data, one without, one that has gone again */
		waiting[i][0] = connect_to(named_type(i), addr, server_len[i]);
		must(send(waiting[i][0], "early", 5, 0));
		waiting[i][1] = connect_to(named_type(i), addr, server_len[i]);
		waiting[i][2] = connect_to(named_type(i), addr, server_len[i]);
		must(send(waiting[i][2], "farewell", 8, 0));
		must(close(waiting[i][2]));
		/* nobody may connect any more, not even we */
		if (!i)
			must(chmod(addr->sun_path, 0440));
	}
	must(unlink(server_addr[2].sun_path));
}

static void names_verify(void)
{
	struct stat st;
	int i, a, fd;

	must(stat(server_addr[0].sun_path, &st));
	check(st.st_mode == (S_IFSOCK | 0440), "mode of the path 0%o", st.st_mode);
	must(chmod(server_addr[0].sun_path, 0640));
	check(access(server_addr[2].sun_path, F_OK) == -1, "the path that was gone is there");
	for (i = 0; i < NAMED; i++) {
		const struct sockaddr_un *addr = &server_addr[i];
		const char *name = addr->sun_path + !addr->sun_path[0];

		expect_name(server[i], false, addr, server_len[i], name);
		expect_name(accepted[i], false, addr, server_len[i], name);
		expect_name(conn[i], true, addr, server_len[i], name);
		expect_no_name(conn[i], name);
		check(get_opt(server[i], SO_ACCEPTCONN) == 1, "%s: does not listen", name);
		expect(accepted[i], "to accepted", name);
		expect(conn[i], "to client", name);
		must(send(accepted[i], "more", 4, 0));
		expect(conn[i], "more", name);

		a = must(accept(server[i], NULL, NULL));
		expect(a, "early", name);
		must(send(a, "late", 4, 0));
		expect(waiting[i][0], "late", name);
		expect_name(waiting[i][0], true, addr, server_len[i], name);
		a = must(accept(server[i], NULL, NULL));
		expect_nothing(a, name);
		must(send(waiting[i][1], "now", 3, 0));
		expect(a, "now", name);
		a = must(accept(server[i], NULL, NULL));
		expect(a, "farewell", name);
		expect_end(a, name);
		check(accept(server[i], NULL, NULL) == -1 && errno == EAGAIN, "%s: accept: %s", name,
		      strerror(errno));
		if (i == 2)
			continue;
		fd = connect_to(named_type(i), addr, server_len[i]);
		a = must(accept(server[i], NULL, NULL));
		must(send(fd, "new", 3, 0));
		expect(a, "new", name);
	}
}

/* ---- datagrams: to a name, connected to it, from who is gone ---- */

static int sink, friend_of_sink, mutual[2], widow, loner;
static struct sockaddr_un sink_addr, friend_addr, mutual_addr[2], widow_addr;
static socklen_t sink_len, friend_len, mutual_len[2], widow_len;

static int dgram_bound(const char *name, bool abstract, struct sockaddr_un *addr, socklen_t *len)
{
	int fd = must(socket(AF_UNIX, SOCK_DGRAM, 0));

	name_make(addr, len, name, abstract);
	must(bind(fd, (struct sockaddr *)addr, *len));
	return fd;
}

static void send_name(int fd, const char *text, const struct sockaddr_un *addr, socklen_t len)
{
	must(sendto(fd, text, strlen(text), 0, (const struct sockaddr *)addr, len));
}

static void expect_by(int fd, const char *want, const struct sockaddr_un *from, socklen_t from_len)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	char buf[64];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&addr, &len);

	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "%zd bytes, not %s", n, want);
	check(len == from_len && (!len || !memcmp(&addr, from, len)), "%s: from a name of %u bytes, not %u",
	      want, (unsigned int)len, (unsigned int)from_len);
}

static void dgram_setup(void)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd, i;

	sink = dgram_bound("sink.sock", false, &sink_addr, &sink_len);
	friend_of_sink = dgram_bound("friend", true, &friend_addr, &friend_len);
	must(connect(friend_of_sink, (struct sockaddr *)&sink_addr, sink_len));
	must(send(friend_of_sink, "from a friend", 13, 0));
	loner = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	send_name(loner, "from nobody", &sink_addr, sink_len);
	fd = dgram_bound("gone", true, &addr, &len);
	send_name(fd, "from one that is gone", &sink_addr, sink_len);
	must(close(fd));
	send_name(sink, "before", &friend_addr, friend_len);
	/* who know each other by name */
	for (i = 0; i < 2; i++)
		mutual[i] = dgram_bound(i ? "mutual.1" : "mutual.0", !i, &mutual_addr[i], &mutual_len[i]);
	send_name(loner, "stranger", &mutual_addr[0], mutual_len[0]);
	for (i = 0; i < 2; i++)
		must(connect(mutual[i], (struct sockaddr *)&mutual_addr[!i], mutual_len[!i]));
	must(send(mutual[0], "hello", 5, 0));
	/* connected to who is gone */
	widow = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	fd = dgram_bound("spouse", true, &widow_addr, &widow_len);
	must(connect(widow, (struct sockaddr *)&widow_addr, widow_len));
	must(close(fd));
}

static void dgram_verify(void)
{
	struct sockaddr_un addr;
	socklen_t len;

	name_make(&addr, &len, "gone", true);
	send_name(loner, "later", &sink_addr, sink_len);
	expect_by(sink, "from a friend", &friend_addr, friend_len);
	expect_by(sink, "from nobody", NULL, 0);
	expect_by(sink, "from one that is gone", &addr, len);
	expect_by(sink, "later", NULL, 0);
	expect_nothing(sink, "sink");
	expect_by(friend_of_sink, "before", &sink_addr, sink_len);
	expect_name(sink, false, &sink_addr, sink_len, "sink");
	expect_name(friend_of_sink, true, &sink_addr, sink_len, "friend");
	must(send(friend_of_sink, "again", 5, 0));
	expect_by(sink, "again", &friend_addr, friend_len);
	expect_by(mutual[0], "stranger", NULL, 0);
	expect_by(mutual[1], "hello", &mutual_addr[0], mutual_len[0]);
	must(send(mutual[1], "hi", 2, 0));
	expect_by(mutual[0], "hi", &mutual_addr[1], mutual_len[1]);
	check(sendto(loner, "x", 1, 0, (struct sockaddr *)&mutual_addr[0], mutual_len[0]) == -1 &&
	      errno == EPERM, "a stranger can send: %s", strerror(errno));
	expect_name(widow, true, &widow_addr, widow_len, "widow");
	check(send(widow, "x", 1, 0) == -1 && errno == ECONNREFUSED, "widow: %s", strerror(errno));
	check(send(widow, "x", 1, 0) == -1 && errno == ENOTCONN, "widow again: %s", strerror(errno));
}

/* ---- servers and clients of their own ---- */

static struct sockaddr_un service_addr;
static socklen_t service_len;
static pid_t service, client;

static void service_child(void)
{
	int a, listener = must(socket(AF_UNIX, SOCK_STREAM, 0));

	name_make(&service_addr, &service_len, "service.sock", false);
	must(bind(listener, (struct sockaddr *)&service_addr, service_len));
	must(listen(listener, 1));
	prog_touch("up.service");
	/* the first one is there before the save, the second comes behind it */
	a = must(accept(listener, NULL, NULL));
	prog_touch("up.accepted");
	expect_soon(a, "ask", "service");
	must(send(a, "answer", 6, 0));
	a = must(accept(listener, NULL, NULL));
	must(send(a, "welcome", 7, 0));
}

static void client_child(void)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd;

	name_make(&service_addr, &service_len, "service.sock", false);
	fd = connect_to(SOCK_STREAM, &service_addr, service_len);
	prog_await("up.accepted");
	prog_touch("up.client");
	prog_await("go");
	must(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	check(cred.pid == service && cred.uid == geteuid(), "client: the service has pid %d, not %d",
	      cred.pid, service);
	must(send(fd, "ask", 3, 0));
	expect_soon(fd, "answer", "client");
	fd = connect_to(SOCK_STREAM, &service_addr, service_len);
	expect_soon(fd, "welcome", "client");
}

static void service_setup(void)
{
	service = prog_fork(service_child);
	prog_await("up.service");
	client = prog_fork(client_child);
	prog_await("up.client");
}

static void service_verify(void)
{
	prog_reap(client, 0);
	prog_reap(service, 0);
}

/* ---- a full backlog, ends that are shut down before they are accepted ---- */

static int narrow, half[2];
static struct sockaddr_un narrow_addr, half_addr;
static socklen_t narrow_len, half_len;
static int half_server;

static void waiting_setup(void)
{
	name_make(&narrow_addr, &narrow_len, "narrow", true);
	narrow = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(bind(narrow, (struct sockaddr *)&narrow_addr, narrow_len));
	must(listen(narrow, 0));
	connect_to(SOCK_STREAM, &narrow_addr, narrow_len);

	name_make(&half_addr, &half_len, "half.sock", false);
	half_server = must(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
	must(bind(half_server, (struct sockaddr *)&half_addr, half_len));
	must(listen(half_server, 5));
	half[0] = connect_to(SOCK_STREAM, &half_addr, half_len);
	must(send(half[0], "that is all", 11, 0));
	must(shutdown(half[0], SHUT_WR));
	half[1] = connect_to(SOCK_STREAM, &half_addr, half_len);
	must(shutdown(half[1], SHUT_RD));
}

static void waiting_verify(void)
{
	int a, fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));

	check(connect(fd, (struct sockaddr *)&narrow_addr, narrow_len) == -1 && errno == EAGAIN,
	      "a full backlog: %s", strerror(errno));
	must(accept(narrow, NULL, NULL));
	must(connect(fd, (struct sockaddr *)&narrow_addr, narrow_len));

	a = must(accept(half_server, NULL, NULL));
	expect(a, "that is all", "half");
	expect_end(a, "half");
	must(send(a, "not yet", 7, 0));
	expect(half[0], "not yet", "half");
	check(send(half[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "half: %s", strerror(errno));
	a = must(accept(half_server, NULL, NULL));
	check(send(a, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "other half: %s", strerror(errno));
	must(send(half[1], "heard", 5, 0));
	expect(a, "heard", "other half");
}

/* ---- a name that is not the path ---- */

static int relative;
static const struct sockaddr_un relative_addr = { .sun_family = AF_UNIX, .sun_path = "r" };
#define RELATIVE_LEN	((socklen_t)offsetof(struct sockaddr_un, sun_path) + 2)

static void relative_setup(void)
{
	int cwd = must(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	must(chdir(prog_dir));
	relative = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	must(bind(relative, (const struct sockaddr *)&relative_addr, RELATIVE_LEN));
	must(fchdir(cwd));
	must(close(cwd));
}

static void relative_verify(void)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd = must(socket(AF_UNIX, SOCK_DGRAM, 0));

	expect_name(relative, false, &relative_addr, RELATIVE_LEN, "relative");
	name_make(&addr, &len, "r", false);
	must(sendto(fd, "found", 5, 0, (struct sockaddr *)&addr, len));
	expect(relative, "found", "relative");
	must(close(fd));
}

static const struct prog_case cases[] = {
	/* before the others, whose sockets its processes would hold */
	{ "service", service_setup, service_verify, false },
	{ "names", names_setup, names_verify, false },
	{ "waiting", waiting_setup, waiting_verify, false },
	{ "relative", relative_setup, relative_verify, false },
	{ "dgram", dgram_setup, dgram_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
