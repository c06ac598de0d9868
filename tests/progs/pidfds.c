// SPDX-License-Identifier: GPL-2.0
/*
 * Pidfds: of a child, of one that has exited and waits to be waited for, of the
 * process itself, of a thread, of what is gone, made by clone(), shared, and not blocking.
 */
#include "prog.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <sys/syscall.h>

#ifndef P_PIDFD
#define P_PIDFD		3
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD	0x00001000
#endif
#define PIDFD_NONBLOCK	O_NONBLOCK
#define PIDFD_THREAD	O_EXCL

static int pidfd_open(pid_t pid, unsigned int flags)
{
	return syscall(SYS_pidfd_open, pid, flags);
}

static int send(int fd, int sig)
{
	return syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}

static bool ready(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	must(poll(&p, 1, 0));
	return p.revents & POLLIN;
}

static void is_of(int fd, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	check((pid_t)prog_field(path, "Pid:\t", 10) == pid, "of another process");
}

static void reap(int fd, pid_t pid, int code, int status)
{
	siginfo_t info = {};

	must(waitid(P_PIDFD, fd, &info, WEXITED));
	check(info.si_pid == pid && info.si_code == code && info.si_status == status,
	      "pid %d, code %d, status %d", info.si_pid, info.si_code, info.si_status);
	check(send(fd, 0) == -1 && errno == ESRCH, "it is still there");
}

/* ---- a child, through two descriptors and one that does not block ---- */

static pid_t child;
static int child_fd, child_dup, child_nonblock, child_late;

static void sleeper(void)
{
	prog_wait();
	for (;;)
		pause();
}

static void child_setup(void)
{
	child = prog_fork(sleeper);
	child_fd = must(pidfd_open(child, 0));
	child_dup = must(dup(child_fd));
	must(fcntl(child_dup, F_SETFD, 0));
	child_nonblock = must(pidfd_open(child, PIDFD_NONBLOCK));
	child_late = must(dup2(child_fd, 200));
}

static void child_verify(void)
{
	siginfo_t info;

	is_of(child_fd, child);
	is_of(child_late, child);
	check(must(fcntl(child_fd, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(!must(fcntl(child_dup, F_GETFD)), "close-on-exec of the other one");
	check(must(fcntl(child_nonblock, F_GETFL)) & O_NONBLOCK, "O_NONBLOCK");
	check(!(must(fcntl(child_fd, F_GETFL)) & O_NONBLOCK), "O_NONBLOCK of the other one");
	check(!ready(child_fd), "ready");
	check(waitid(P_PIDFD, child_nonblock, &info, WEXITED) == -1 && errno == EAGAIN, "waits");
	must(send(child_dup, SIGTERM));
	reap(child_fd, child, CLD_KILLED, SIGTERM);
	check(ready(child_late), "not ready");
}

/* ---- one that has exited ---- */

static pid_t zombie;
static int zombie_fd;

static void zombie_setup(void)
{
	int fd;
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD };

	zombie = must(syscall(SYS_clone3, &args, sizeof(args)));
	if (!zombie)
		_exit(5);
	zombie_fd = fd;
	while (!ready(zombie_fd))
		prog_sleep_ms(1);
}

static void zombie_verify(void)
{
	check(ready(zombie_fd), "not ready");
	reap(zombie_fd, zombie, CLD_EXITED, 5);
}

/* ---- the process itself, its parent, a thread ---- */

static int self_fd, thread_fd = -1;
static pid_t parent_pid, thread_tid;
static pthread_t thread;
static volatile bool thread_end, thread_up;

static void parent_child(void)
{
	int fd = must(pidfd_open(getppid(), 0));

	prog_touch("up.parent");
	prog_wait();
	is_of(fd, getppid());
	must(send(fd, 0));
}

static void *threaded(void *arg)
{
	(void)arg;
	thread_tid = gettid();
	thread_up = true;
	while (!thread_end)
		prog_sleep_ms(PROG_POLL_MS);
	return NULL;
}

static void self_setup(void)
{
	parent_pid = prog_fork(parent_child);
	prog_await("up.parent");
	self_fd = must(pidfd_open(getpid(), 0));
	thread_up = false;
	must0(pthread_create(&thread, NULL, threaded, NULL));
	while (!thread_up)
		prog_sleep_ms(1);
	thread_fd = pidfd_open(thread_tid, PIDFD_THREAD);
	check(thread_fd >= 0 || errno == EINVAL, "pidfd_open: %s", strerror(errno));
}

static void self_verify(void)
{
	is_of(self_fd, getpid());
	must(send(self_fd, 0));
	prog_reap(parent_pid, 0);
	if (thread_fd >= 0) {
		is_of(thread_fd, thread_tid);
		check(!ready(thread_fd), "ready");
	}
	thread_end = true;
	must0(pthread_join(thread, NULL));
	/* it is joined when it lets go of its stack, and ends a moment later */
	while (thread_fd >= 0 && !ready(thread_fd))
		prog_sleep_ms(1);
}

/* ---- who is gone ---- */

static int gone_fd, gone_thread_fd;

static void *ends(void *unused)
{
	(void)unused;
	thread_tid = gettid();
	thread_up = true;
	while (!thread_end)
		prog_sleep_ms(1);
	return NULL;
}

static void gone_setup(void)
{
	pthread_t t;
	pid_t pid;

	pid = must(fork());
	if (!pid)
		_exit(0);
	gone_fd = must(pidfd_open(pid, PIDFD_NONBLOCK));
	prog_reap(pid, 0);
	thread_up = thread_end = false;
	must0(pthread_create(&t, NULL, ends, NULL));
	while (!thread_up)
		prog_sleep_ms(1);
	gone_thread_fd = pidfd_open(thread_tid, PIDFD_THREAD);
	thread_end = true;
	must0(pthread_join(t, NULL));
	thread_end = false;
	while (gone_thread_fd >= 0 && send(gone_thread_fd, 0) != -1)
		prog_sleep_ms(1);
}

static void is_of_nobody(int fd)
{
	siginfo_t info;

	is_of(fd, -1);
	check(ready(fd), "not ready");
	check(send(fd, 0) == -1 && errno == ESRCH, "a signal: %s", strerror(errno));
	check(waitid(P_PIDFD, fd, &info, WEXITED) == -1 && errno == ECHILD, "to wait: %s", strerror(errno));
}

static void gone_verify(void)
{
	is_of_nobody(gone_fd);
	check(must(fcntl(gone_fd, F_GETFL)) & O_NONBLOCK, "O_NONBLOCK");
	if (gone_thread_fd >= 0)
		is_of_nobody(gone_thread_fd);
}

static const struct prog_case cases[] = {
	{ "gone", gone_setup, gone_verify, false },
	{ "child", child_setup, child_verify, false },
	{ "zombie", zombie_setup, zombie_verify, false },
	{ "self", self_setup, self_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
