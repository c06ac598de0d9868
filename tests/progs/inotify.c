// SPDX-License-Identifier: GPL-2.0
/*
 * Inotify: watches of directories, files and a symbolic link, their numbers and
 * masks, the number that comes next, and events that nobody has read: names,
 * cookies, order, of watches that are gone, an overflow. What a restart does to
 * the files that are watched is not told.
 */
#include "prog.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static void make(const char *name)
{
	must(close(must(open(prog_path(name), O_WRONLY | O_CREAT, 0600))));
}

static int in_queue(int fd)
{
	int n;

	must(ioctl(fd, FIONREAD, &n));
	return n;
}

/* The next event, which must be this one; returns its cookie */
static uint32_t event(int fd, int wd, uint32_t mask, const char *name)
{
	static char queue[65536] __attribute__((aligned(8)));
	static size_t len, at;
	static int of = -1;
	const struct inotify_event *ev;

	if (at == len || of != fd) {
		check(at == len, "events are left of another one");
		len = must(read(fd, queue, sizeof(queue)));
		at = 0;
		of = fd;
	}
	ev = (void *)(queue + at);
	at += sizeof(*ev) + ev->len;
	check(ev->wd == wd && ev->mask == mask && !strcmp(ev->len ? ev->name : "", name),
	      "event 0x%x of watch %d, \"%s\" instead of 0x%x of %d, \"%s\"", ev->mask, ev->wd,
	      ev->len ? ev->name : "", mask, wd, name);
	return ev->cookie;
}

static void is_empty(int fd)
{
	char buf[4096] __attribute__((aligned(8))), told[512] = "";
	const struct inotify_event *ev = (void *)buf;
	ssize_t n = read(fd, buf, sizeof(buf)), len = 0;

	if (n == -1 && errno == EAGAIN)
		return;
	for (; (char *)ev < buf + n && len < (ssize_t)sizeof(told); ev = (void *)(ev->name + ev->len))
		len += snprintf(told + len, sizeof(told) - len, " 0x%x of %d \"%s\"", ev->mask, ev->wd,
				ev->len ? ev->name : "");
	prog_fail("%zd bytes wait:%s", n, told);
}

/* ---- watches: numbers, masks, what they lead to ---- */

static int watches, wd_dir, wd_file, wd_link, wd_once, wd_last;

static void watches_setup(void)
{
	int gone;

	must(mkdir(prog_path("dir"), 0700));
	make("file");
	must(symlink("nowhere", prog_path("link")));
	watches = must(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	wd_dir = must(inotify_add_watch(watches, prog_path("dir"), IN_ALL_EVENTS));
	gone = must(inotify_add_watch(watches, prog_path("."), IN_DELETE_SELF));
	wd_file = must(inotify_add_watch(watches, prog_path("file"), IN_ATTRIB | IN_MODIFY));
	wd_link = must(inotify_add_watch(watches, prog_path("link"), IN_DONT_FOLLOW | IN_ATTRIB));
	wd_once = must(inotify_add_watch(watches, "/", IN_ONESHOT | IN_EXCL_UNLINK | IN_ATTRIB));
	must(inotify_rm_watch(watches, gone));
	event(watches, gone, IN_IGNORED, "");
	wd_last = must(inotify_add_watch(watches, "/dev/null", IN_DELETE_SELF));
	must(inotify_rm_watch(watches, wd_last));
	event(watches, wd_last, IN_IGNORED, "");
}

static void watches_verify(void)
{
	char info[64], line[128];

	is_empty(watches);
	check(must(fcntl(watches, F_GETFL)) & O_NONBLOCK, "O_NONBLOCK");
	check(must(fcntl(watches, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	make("dir/new");
	event(watches, wd_dir, IN_CREATE, "new");
	event(watches, wd_dir, IN_OPEN, "new");
	event(watches, wd_dir, IN_CLOSE_WRITE, "new");
	must(chmod(prog_path("file"), 0640));
	event(watches, wd_file, IN_ATTRIB, "");
	must(unlink(prog_path("link")));
	event(watches, wd_link, IN_ATTRIB, "");
	event(watches, wd_link, IN_IGNORED, "");
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", watches);
	snprintf(line, sizeof(line), "inotify wd:%x ino:", wd_once);
	prog_field(info, line, 16);
	/* IN_ATTRIB, EXCL_UNLINK and ONESHOT */
	prog_field(info, "mask:84000004 ", 16);
	/* numbers go on where they were */
	check(must(inotify_add_watch(watches, prog_path("dir"), IN_OPEN)) == wd_dir, "another watch");
	check(must(inotify_add_watch(watches, "/dev/null", IN_DELETE_SELF)) == wd_last + 1,
	      "the next number");
}

/* ---- events that wait ---- */

static int events, wd_events, wd_gone;

static void events_setup(void)
{
	must(mkdir(prog_path("events"), 0700));
	make("short");
	events = must(inotify_init1(IN_NONBLOCK));
	wd_gone = must(inotify_add_watch(events, prog_path("short"), IN_ATTRIB | IN_DELETE_SELF));
	wd_events = must(inotify_add_watch(events, prog_path("events"),
					   IN_CREATE | IN_MOVE | IN_DELETE));
	must(mkdir(prog_path("events/sub"), 0700));
	make("events/a rather long name, longer than sixteen bytes");
	must(rename(prog_path("events/sub"), prog_path("events/other")));
	must(unlink(prog_path("short")));
	must(rmdir(prog_path("events/other")));
}

static void events_verify(void)
{
	uint32_t cookie;

	event(events, wd_events, IN_CREATE | IN_ISDIR, "sub");
	event(events, wd_events, IN_CREATE, "a rather long name, longer than sixteen bytes");
	cookie = event(events, wd_events, IN_MOVED_FROM | IN_ISDIR, "sub");
	check(cookie, "no cookie");
	check(event(events, wd_events, IN_MOVED_TO | IN_ISDIR, "other") == cookie, "cookies differ");
	event(events, wd_gone, IN_ATTRIB, "");
	event(events, wd_gone, IN_DELETE_SELF, "");
	event(events, wd_gone, IN_IGNORED, "");
	event(events, wd_events, IN_DELETE | IN_ISDIR, "other");
	is_empty(events);
	make("events/more");
	event(events, wd_events, IN_CREATE, "more");
}

/* ---- files of the job in a directory that is watched: opened again, mapped ---- */

static int quiet, quiet_file, quiet_dir;

static void quiet_setup(void)
{
	must(mkdir(prog_path("quiet"), 0700));
	make("quiet/file");
	must(mkfifo(prog_path("quiet/fifo"), 0600));
	quiet_file = must(open(prog_path("quiet/file"), O_RDWR));
	quiet_dir = must(open(prog_path("quiet"), O_RDONLY | O_DIRECTORY));
	must(open(prog_path("quiet/fifo"), O_RDWR));
	/* this one loses its name: it is made anew */
	must(open(prog_path("quiet/gone"), O_RDWR | O_CREAT, 0600));
	must(unlink(prog_path("quiet/gone")));
	quiet = must(inotify_init1(IN_NONBLOCK));
	must(inotify_add_watch(quiet, prog_path("quiet"), IN_ALL_EVENTS));
	must(inotify_add_watch(quiet, prog_path("quiet/fifo"), IN_ALL_EVENTS));
}

static void quiet_verify(void)
{
	is_empty(quiet);
	must(write(quiet_file, "x", 1));
	event(quiet, 1, IN_MODIFY, "file");
}

/* ---- more than there is room for ---- */

static int full;

static int max_events(void)
{
	char buf[32];

	prog_read("/proc/sys/fs/inotify/max_queued_events", buf, sizeof(buf));
	return atoi(buf);
}

static void full_setup(void)
{
	int i, n = max_events(), fd[2];

	full = must(inotify_init1(IN_NONBLOCK));
	make("full1");
	make("full2");
	must(inotify_add_watch(full, prog_path("full1"), IN_MODIFY));
	must(inotify_add_watch(full, prog_path("full2"), IN_MODIFY));
	fd[0] = must(open(prog_path("full1"), O_WRONLY));
	fd[1] = must(open(prog_path("full2"), O_WRONLY));
	for (i = 0; i < n + 10; i++)
		must(pwrite(fd[i & 1], "x", 1, 0));
	must(close(fd[0]));
	must(close(fd[1]));
}

static void full_verify(void)
{
	int i, n = max_events();

	check(in_queue(full) == (n + 1) * (int)sizeof(struct inotify_event), "%d bytes wait",
	      in_queue(full));
	for (i = 0; i < n; i++)
		event(full, 1 + (i & 1), IN_MODIFY, "");
	event(full, -1, IN_Q_OVERFLOW, "");
	is_empty(full);
}

/* ---- watched by an epoll ---- */

static int epoll, epoll_level, epoll_edge;

static void epoll_setup(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 1 } };

	make("level");
	epoll_level = must(inotify_init1(IN_NONBLOCK));
	epoll_edge = must(inotify_init1(IN_NONBLOCK));
	must(inotify_add_watch(epoll_level, prog_path("level"), IN_ATTRIB));
	must(inotify_add_watch(epoll_edge, prog_path("level"), IN_ATTRIB));
	must(chmod(prog_path("level"), 0600));
	epoll = must(epoll_create1(0));
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll_level, &ev));
	ev = (struct epoll_event){ EPOLLIN | EPOLLET, { .u64 = 2 } };
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll_edge, &ev));
	check(must(epoll_wait(epoll, (struct epoll_event[2]){}, 2, 0)) == 2, "not both");
}

static void epoll_verify(void)
{
	struct epoll_event ev[2];

	check(must(epoll_wait(epoll, ev, 2, 0)) == 1 && ev[0].data.u64 == 1, "not just the level");
	event(epoll_level, 1, IN_ATTRIB, "");
	check(!must(epoll_wait(epoll, ev, 2, 0)), "still ready");
	must(truncate(prog_path("level"), 0));
	must(chmod(prog_path("level"), 0640));
	event(epoll_edge, 1, IN_ATTRIB, "");
	check(must(epoll_wait(epoll, ev, 2, 0)) >= 1, "nothing new");
}

static const struct prog_case cases[] = {
	{ "watches", watches_setup, watches_verify, false },
	{ "events", events_setup, events_verify, false },
	{ "quiet", quiet_setup, quiet_verify, false },
	{ "full", full_setup, full_verify, false },
	{ "epoll", epoll_setup, epoll_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
