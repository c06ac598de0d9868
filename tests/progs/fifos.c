// SPDX-License-Identifier: GPL-2.0
/*
 * FIFOs: data in flight, ends that are there or not, opened for reading and
 * writing, through two links, by two processes, watched by an epoll; and one that
 * a process waits to open.
 */
#include "prog.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

static int new_fifo(const char *name, int flags)
{
	must(mkfifo(prog_path(name), 0600));
	return must(open(prog_path(name), flags));
}

static int open_fifo(const char *name, int flags)
{
	return must(open(prog_path(name), flags));
}

static int in_flight(int fd)
{
	int n;

	must(ioctl(fd, FIONREAD, &n));
	return n;
}

static short events(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

	must(poll(&p, 1, 0));
	return p.revents;
}

static void is_called(int fd, const char *name)
{
	char path[32], link[PATH_MAX];
	struct stat st, st2;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = must(readlink(path, link, sizeof(link) - 1));
	link[n] = 0;
	check(!strcmp(link, prog_path(name)), "called %s", link);
	must(fstat(fd, &st));
	must(stat(link, &st2));
	check(S_ISFIFO(st.st_mode) && st.st_ino == st2.st_ino && st.st_dev == st2.st_dev,
	      "not what %s is", link);
}

static void reads(int fd, const char *want)
{
	char buf[64];
	ssize_t n = must(read(fd, buf, sizeof(buf)));

	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "read %zd bytes, \"%.*s\"", n,
	      (int)n, buf);
}

/* ---- both ends, data in flight, a size of its own ---- */

#define FLIGHT	70000
static int flight_rd, flight_wr;
static char sent[FLIGHT];

static void flight_setup(void)
{
	char buf[1500];

	flight_rd = new_fifo("flight", O_RDONLY | O_NONBLOCK);
	flight_wr = open_fifo("flight", O_WRONLY | O_CLOEXEC);
	must(fcntl(flight_rd, F_SETFL, 0));
	must(fcntl(flight_wr, F_SETPIPE_SZ, 131072));
	prog_fill(sent, FLIGHT, 501);
	check(must(write(flight_wr, sent, FLIGHT)) == FLIGHT, "short write");
	check(must(read(flight_rd, buf, sizeof(buf))) == (ssize_t)sizeof(buf), "short read");
}

static void flight_verify(void)
{
	static char got[FLIGHT];
	size_t len;
	ssize_t n;

	is_called(flight_rd, "flight");
	is_called(flight_wr, "flight");
	check(must(fcntl(flight_rd, F_GETPIPE_SZ)) == 131072, "size");
	check((must(fcntl(flight_rd, F_GETFL)) & (O_ACCMODE | O_NONBLOCK)) == O_RDONLY, "flags");
	check(must(fcntl(flight_wr, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(in_flight(flight_rd) == FLIGHT - 1500, "%d bytes in flight", in_flight(flight_rd));
	for (len = 1500; len < FLIGHT; len += n) {
		n = must(read(flight_rd, got + len, FLIGHT - len));
		check(n, "end of file");
	}
	check(!memcmp(got + 1500, sent + 1500, FLIGHT - 1500), "content");
	check(events(flight_rd) == 0, "events 0x%x", events(flight_rd));
	must(write(flight_wr, "more", 4));
	reads(flight_rd, "more");
	must(close(flight_wr));
	check(events(flight_rd) == POLLHUP, "events 0x%x", events(flight_rd));
	check(!must(read(flight_rd, got, 1)), "no end of file");
	/* and it is a FIFO still */
	flight_wr = open_fifo("flight", O_WRONLY | O_NONBLOCK);
	must(write(flight_wr, "again", 5));
	reads(flight_rd, "again");
}

/* ---- one that nobody writes to yet, and one whose writers have gone ---- */

static int fresh, gone, broken;

static void alone_setup(void)
{
	int wr;

	signal(SIGPIPE, SIG_IGN);
	fresh = new_fifo("fresh", O_RDONLY | O_NONBLOCK);
	gone = new_fifo("gone", O_RDONLY | O_NONBLOCK);
	wr = open_fifo("gone", O_WRONLY);
	must(write(wr, "left", 4));
	must(close(wr));
	wr = new_fifo("broken", O_RDONLY | O_NONBLOCK);
	broken = open_fifo("broken", O_WRONLY | O_NONBLOCK);
	must(write(broken, "unread", 6));
	must(close(wr));
}

static void alone_verify(void)
{
	char c;

	check(events(fresh) == 0, "events 0x%x before any writer", events(fresh));
	check(!must(read(fresh, &c, 1)), "reads something");
	check(must(fcntl(fresh, F_GETFL)) & O_NONBLOCK, "O_NONBLOCK");
	check(events(gone) == (POLLIN | POLLHUP), "events 0x%x", events(gone));
	reads(gone, "left");
	check(events(gone) == POLLHUP, "events 0x%x, empty", events(gone));
	check(events(broken) == (POLLOUT | POLLERR), "events 0x%x", events(broken));
	check(write(broken, "x", 1) == -1 && errno == EPIPE, "writes to nobody");
	check(in_flight(open_fifo("broken", O_RDONLY)) == 6, "what nobody has read");
}

/* ---- one opening for both, packets ---- */

static int both;

static void both_setup(void)
{
	both = new_fifo("both", O_RDWR);
	must(fcntl(both, F_SETFL, O_DIRECT));
	must(write(both, "one", 3));
	must(write(both, "two", 3));
}

static void both_verify(void)
{
	check((must(fcntl(both, F_GETFL)) & (O_ACCMODE | O_DIRECT)) == (O_RDWR | O_DIRECT), "flags");
	reads(both, "one");
	reads(both, "two");
	must(write(both, "three", 5));
	reads(both, "three");
}

/* ---- two links, two processes ---- */

static int link_rd;
static pid_t link_pid;

static void link_child(void)
{
	int wr = open_fifo("link2", O_WRONLY);

	must(close(link_rd));
	must(write(wr, "before ", 7));
	prog_touch("up.link");
	prog_wait();
	is_called(wr, "link2");
	must(write(wr, "after", 5));
}

static void link_setup(void)
{
	link_rd = new_fifo("link1", O_RDONLY | O_NONBLOCK);
	must(link(prog_path("link1"), prog_path("link2")));
	link_pid = prog_fork(link_child);
	prog_await("up.link");
}

static void link_verify(void)
{
	prog_reap(link_pid, 0);
	is_called(link_rd, "link1");
	reads(link_rd, "before after");
}

/* ---- watched: a level, and an edge that was reported ---- */

static int watch_rd, watch_wr, epoll;

static void watch_setup(void)
{
	struct epoll_event ev = { EPOLLIN | EPOLLET, { .u64 = 1 } };

	watch_rd = new_fifo("watched", O_RDONLY | O_NONBLOCK);
	watch_wr = open_fifo("watched", O_WRONLY);
	must(write(watch_wr, "edge", 4));
	epoll = must(epoll_create1(0));
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, watch_rd, &ev));
	check(must(epoll_wait(epoll, &ev, 1, 0)) == 1, "no edge");
	ev = (struct epoll_event){ EPOLLOUT, { .u64 = 2 } };
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, watch_wr, &ev));
}

static void watch_verify(void)
{
	struct epoll_event ev[2];

	check(must(epoll_wait(epoll, ev, 2, 0)) == 1 && ev[0].data.u64 == 2, "not just the level");
	must(write(watch_wr, "!", 1));
	check(must(epoll_wait(epoll, ev, 2, 0)) == 2, "no new edge");
	reads(watch_rd, "edge!");
}

/* ---- a process that waits for somebody to write ---- */

static pid_t wait_pid;

static void wait_child(void)
{
	int rd;

	prog_touch("up.wait");
	rd = open_fifo("wait", O_RDONLY);
	reads(rd, "hello");
}

static void wait_setup(void)
{
	must(mkfifo(prog_path("wait"), 0600));
	wait_pid = prog_fork(wait_child);
	prog_await("up.wait");
}

static void wait_verify(void)
{
	int wr = open_fifo("wait", O_WRONLY);

	must(write(wr, "hello", 5));
	must(close(wr));
	prog_reap(wait_pid, 0);
}

static const struct prog_case cases[] = {
	/* these have children, which are to inherit none of the others */
	{ "link", link_setup, link_verify, false },
	{ "wait", wait_setup, wait_verify, false },
	{ "flight", flight_setup, flight_verify, false },
	{ "alone", alone_setup, alone_verify, false },
	{ "both", both_setup, both_verify, false },
	{ "watch", watch_setup, watch_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
