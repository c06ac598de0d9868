// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that wait for files of all kinds, each in read(), accept() or
 * epoll_wait(), and one in poll() for all of them. The kernel holds an open file
 * for as long as somebody waits for it: that is nobody outside of the job.
 */
#include "prog.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>

enum { SOCKET, PIPE, EVENT, SIGNAL, INOTIFY, FIFO, MASTER, SLAVE, TIMER, LISTEN, EPOLL, KINDS };

/* What is waited for, and what wakes who waits */
static int fds[KINDS], others[KINDS];
static pthread_t threads[KINDS + 1];
static volatile pid_t tids[KINDS + 1];
static struct sockaddr_un name = { .sun_family = AF_UNIX };
/* All of them, and one that nobody reads */
static struct pollfd polled[KINDS + 1];

static void *wait_for(void *arg)
{
	struct epoll_event event;
	int kind = (long)arg;
	char buf[4096];

	tids[kind] = syscall(SYS_gettid);
	if (kind == LISTEN)
		must(close(must(accept(fds[kind], NULL, NULL))));
	else if (kind == EPOLL)
		check(must(epoll_wait(fds[kind], &event, 1, -1)) == 1, "epoll_wait");
	else
		check(must(read(fds[kind], buf, sizeof(buf))) > 0, "kind %d: end of file", kind);
	return NULL;
}

static void *poll_all(void *arg)
{
	(void)arg;
	tids[KINDS] = syscall(SYS_gettid);
	/* others read what has come before it looks */
	while (must(poll(polled, KINDS + 1, -1)) && !polled[KINDS].revents)
		;
	return NULL;
}

/* Has it gone to sleep, in what it is there for? */
static bool sleeps(pid_t tid)
{
	char path[64], buf[1024];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	prog_read(path, buf, sizeof(buf));
	if (!strstr(buf, ") S "))
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)tid);
	prog_read(path, buf, sizeof(buf));
	switch (atoi(buf)) {
	case SYS_read:
	case SYS_accept:
	case SYS_epoll_wait:
	case SYS_poll:
		return true;
	}
	return false;
}

static void two(int kind, const int pair[2])
{
	fds[kind] = pair[0];
	others[kind] = pair[1];
}

static void make_terminals(void)
{
	int i;

	for (i = MASTER; i <= SLAVE; i++) {
		int master = must(open("/dev/ptmx", O_RDWR | O_NOCTTY)), unlock = 0, slave;

		must(ioctl(master, TIOCSPTLCK, &unlock));
		slave = must(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
		fds[i] = i == MASTER ? master : slave;
		others[i] = i == MASTER ? slave : master;
	}
}

static void make_sockets(void)
{
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	two(SOCKET, pair);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/s", prog_dir);
	fds[LISTEN] = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(bind(fds[LISTEN], (struct sockaddr *)&name, sizeof(name)));
	must(listen(fds[LISTEN], 5));
}

static void make_anonymous(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	must0(pthread_sigmask(SIG_BLOCK, &set, NULL));
	fds[SIGNAL] = must(signalfd(-1, &set, 0));
	fds[EVENT] = must(eventfd(0, 0));
	fds[TIMER] = must(timerfd_create(CLOCK_MONOTONIC, 0));
	fds[INOTIFY] = must(inotify_init());
	must(mkdir(prog_path("watched"), 0700));
	must(inotify_add_watch(fds[INOTIFY], prog_path("watched"), IN_CREATE));
	fds[EPOLL] = must(epoll_create1(0));
	others[EPOLL] = must(eventfd(0, 0));
	must(epoll_ctl(fds[EPOLL], EPOLL_CTL_ADD, others[EPOLL], &event));
}

static void setup(void)
{
	int pair[2], i;

	must(pipe(pair));
	two(PIPE, pair);
	must(mkfifo(prog_path("fifo"), 0600));
	fds[FIFO] = others[FIFO] = must(open(prog_path("fifo"), O_RDWR));
	make_terminals();
	make_sockets();
	make_anonymous();
	for (i = 0; i < KINDS; i++) {
		polled[i] = (struct pollfd){ fds[i], POLLIN, 0 };
		must0(pthread_create(&threads[i], NULL, wait_for, (void *)(long)i));
	}
	polled[KINDS] = (struct pollfd){ must(eventfd(0, 0)), POLLIN, 0 };
	must0(pthread_create(&threads[KINDS], NULL, poll_all, NULL));
	for (i = 0; i <= KINDS; i++)
		while (!tids[i] || !sleeps(tids[i]))
			prog_sleep_ms(PROG_POLL_MS);
}

static void wake(int kind)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	uint64_t one = 1;

	switch (kind) {
	case EVENT:
		must(write(fds[EVENT], &one, sizeof(one)));
		break;
	case EPOLL:
		must(write(others[EPOLL], &one, sizeof(one)));
		break;
	case TIMER:
		must(timerfd_settime(fds[TIMER], 0, &soon, NULL));
		break;
	case SIGNAL:
		/* it waits for those of its own, too */
		must(syscall(SYS_tgkill, getpid(), tids[SIGNAL], SIGUSR1));
		break;
	case INOTIFY:
		must(mkdir(prog_path("watched/new"), 0700));
		break;
	case LISTEN:
		others[LISTEN] = must(socket(AF_UNIX, SOCK_STREAM, 0));
		must(connect(others[LISTEN], (struct sockaddr *)&name, sizeof(name)));
		break;
	default:
		must(write(others[kind], "x\n", 2));
	}
}

static void verify(void)
{
	uint64_t one = 1;
	int i;

	for (i = 0; i < KINDS; i++) {
		wake(i);
		must0(pthread_join(threads[i], NULL));
	}
	must(write(polled[KINDS].fd, &one, sizeof(one)));
	must0(pthread_join(threads[KINDS], NULL));
}

static const struct prog_case cases[] = {
	{ "waiting", setup, verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
