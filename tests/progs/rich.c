// SPDX-License-Identifier: GPL-2.0
/*
 * One job of few processes with state of many kinds, a little of each, for tests
 * that save or restart it very often: a process with a second thread, a child
 * that shares what it has, and a zombie. What each kind is in full is verified by
 * the programs that are named after them.
 *
 * DIR/beats shows that it lives: three counters that go up all the time, of both
 * threads and the child. To verify leaves DIR as it was, so that an image can be
 * restarted and verified again and again.
 */
#include "prog.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>

#define LEN	(96 << 10)
#define BEAT_MS	200

static volatile unsigned int *beats;	/* of the leader, its thread, the child */
static volatile unsigned int *shared;	/* anonymous: 1: all shall end */

static void is_readable(int fd, const char *want, const char *what)
{
	char buf[64];
	ssize_t n;

	n = read(fd, buf, sizeof(buf));
	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "%s: %zd bytes (%s)", what, n,
	      n < 0 ? strerror(errno) : "");
}

static void puts_to(int fd, const char *text)
{
	check(must(write(fd, text, strlen(text))) == (ssize_t)strlen(text), "short write");
}

/* ---- memory ---- */

static char *anon, *file_mem, *mem_mem;
static int memfd;

static void memory_setup(void)
{
	int fd = must(open(prog_path("mapped"), O_RDWR | O_CREAT | O_TRUNC, 0600));

	anon = must(mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	prog_fill(anon, LEN, 1);
	must(mprotect(anon, 4096, PROT_READ));
	must(madvise(anon + 8192, 4096, MADV_DONTFORK));
	must(ftruncate(fd, LEN));
	file_mem = must(mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	strcpy(file_mem + 5000, "private");
	must(close(fd));
	memfd = must(memfd_create("rich", MFD_ALLOW_SEALING));
	must(ftruncate(memfd, LEN));
	mem_mem = must(mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0));
	prog_fill(mem_mem, LEN / 2, 2);
	must(fcntl(memfd, F_ADD_SEALS, F_SEAL_GROW));
	shared = must(mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	prog_fill((char *)shared + 4096, 8192, 3);
}

static void memory_verify(void)
{
	prog_check_fill(anon, LEN, 1, "anonymous");
	check(!strcmp(file_mem + 5000, "private"), "private file mapping");
	prog_check_fill(mem_mem, LEN / 2, 2, "memfd");
	prog_check_zero(mem_mem + LEN / 2, LEN / 2, "memfd");
	check(must(fcntl(memfd, F_GET_SEALS)) == F_SEAL_GROW, "seals");
	prog_check_fill((char *)shared + 4096, 8192, 3, "shared");
}

/* ---- files ---- */

static int plain, unlinked, dir, devnull, procfile;

static void files_setup(void)
{
	plain = must(open(prog_path("plain"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	puts_to(plain, "0123456789");
	must(lseek(plain, 4, SEEK_SET));
	unlinked = must(open(prog_path("unlinked"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	puts_to(unlinked, "no name");
	must(unlink(prog_path("unlinked")));
	dir = must(open(prog_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	devnull = must(open("/dev/null", O_WRONLY | O_APPEND));
	procfile = must(open("/proc/self/status", O_RDONLY));
	must(flock(plain, LOCK_SH));
	must(fcntl(plain, F_SETLK, &(struct flock){ .l_type = F_WRLCK, .l_start = 3, .l_len = 4 }));
	must(fcntl(unlinked, F_SETOWN, getpid()));
	must(dup2(plain, 100));
}

static void files_verify(void)
{
	char buf[16];

	check(must(lseek(100, 0, SEEK_CUR)) == 4, "offset");
	check(must(pread(plain, buf, 16, 0)) == 10 && !memcmp(buf, "0123456789", 10), "plain");
	check(must(pread(unlinked, buf, 16, 0)) == 7 && !memcmp(buf, "no name", 7), "unlinked");
	check(must(fcntl(dir, F_GETFD)) == FD_CLOEXEC, "directory");
	check(must(fcntl(devnull, F_GETFL)) & O_APPEND, "device");
	check(must(pread(procfile, buf, 5, 0)) == 5 && !memcmp(buf, "Name:", 5), "/proc");
	check(must(fcntl(unlinked, F_GETOWN)) == getpid(), "owner");
	/* for the next one */
	must(lseek(plain, 4, SEEK_SET));
}

/* ---- pipes, sockets, terminals ---- */

static int pipe_fd[2], fifo, pair_fd[2], dgram, sender, server, client, master, slave;

static void send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { "+", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	check(must(sendmsg(to, &msg, 0)) == 1, "sendmsg");
}

static void sockets_setup(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int flight;

	must(pipe2(pipe_fd, O_NONBLOCK));
	puts_to(pipe_fd[1], "piped");
	must(mkfifo(prog_path("fifo"), 0600));
	fifo = must(open(prog_path("fifo"), O_RDWR | O_NONBLOCK));
	puts_to(fifo, "fifo");
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair_fd));
	puts_to(pair_fd[0], "stream");
	must(shutdown(pair_fd[0], SHUT_WR));
	/* in flight, and nowhere else */
	flight = must(eventfd(5, EFD_NONBLOCK));
	send_fd(pair_fd[1], flight);
	must(close(flight));
	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "rich.%d", (int)getpid());
	dgram = must(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	must(bind(dgram, (void *)&addr, sizeof(addr)));
	sender = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	must(connect(sender, (void *)&addr, sizeof(addr)));
	puts_to(sender, "datagram");
	addr.sun_path[1]++;
	server = must(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));
	must(bind(server, (void *)&addr, sizeof(addr)));
	must(listen(server, 5));
	client = must(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	must(connect(client, (void *)&addr, sizeof(addr)));
	puts_to(client, "waits");
}

static void sockets_verify(void)
{
	int fd;

	is_readable(pipe_fd[0], "piped", "pipe");
	is_readable(fifo, "fifo", "fifo");
	is_readable(pair_fd[1], "stream", "socket pair");
	is_readable(pair_fd[0], "+", "message with a descriptor");
	is_readable(dgram, "datagram", "datagram");
	fd = must(accept(server, NULL, NULL));
	is_readable(fd, "waits", "seqpacket");
}

static void pty_setup(void)
{
	struct pollfd p = { .events = POLLIN };
	int zero = 0;

	master = must(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	must(ioctl(master, TIOCSPTLCK, &zero));
	slave = must(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	puts_to(master, "line\n");
	p.fd = slave;
	check(must(poll(&p, 1, PROG_POLL_MS * PROG_POLLS)) == 1, "nothing comes");
}

static void pty_verify(void)
{
	is_readable(slave, "line\n", "terminal");
}

/* ---- anonymous files ---- */

static int event, timer, signals, watch, poll_fd, pidfd;

static void on_usr1(int sig)
{
	(void)sig;
}

static void anon_setup(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u32 = 7 };
	struct itimerspec its = { { 0, 0 }, { 36000, 0 } };
	sigset_t set;

	event = must(eventfd(3, EFD_SEMAPHORE));
	timer = must(timerfd_create(CLOCK_MONOTONIC, 0));
	must(timerfd_settime(timer, 0, &its, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGRTMIN + 1);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	signals = must(signalfd(-1, &set, 0));
	must(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 9 }));
	must(sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 5 }));
	must(kill(getpid(), SIGRTMIN + 1));
	must(kill(getpid(), SIGRTMIN + 1));
	watch = must(inotify_init1(IN_NONBLOCK));
	must(inotify_add_watch(watch, prog_path("plain"), IN_ATTRIB));
	must(fchmod(plain, 0600));
	poll_fd = must(epoll_create1(0));
	must(epoll_ctl(poll_fd, EPOLL_CTL_ADD, event, &ev));
	must(epoll_ctl(poll_fd, EPOLL_CTL_ADD, watch, &ev));
	must(epoll_ctl(poll_fd, EPOLL_CTL_ADD, pipe_fd[0], &ev));
	pidfd = must(syscall(SYS_pidfd_open, getpid(), 0));
}

static void expect_signal(int sig, int code, int value)
{
	struct signalfd_siginfo si;

	check(must(read(signals, &si, sizeof(si))) == sizeof(si) && (int)si.ssi_signo == sig &&
	      si.ssi_code == code && si.ssi_int == value, "signal %d, code %d, value %d",
	      (int)si.ssi_signo, si.ssi_code, si.ssi_int);
}

static void anon_verify(void)
{
	struct inotify_event ev;
	struct epoll_event got[4];
	struct itimerspec its;
	uint64_t n;

	check(must(read(event, &n, sizeof(n))) == sizeof(n) && n == 1, "eventfd");
	must(timerfd_gettime(timer, &its));
	check(its.it_value.tv_sec > 30000, "timerfd");
	expect_signal(SIGUSR2, SI_QUEUE, 5);
	expect_signal(SIGRTMIN, SI_QUEUE, 9);
	/* the kernel keeps each of them, if it has memory */
	expect_signal(SIGRTMIN + 1, SI_USER, 0);
	expect_signal(SIGRTMIN + 1, SI_USER, 0);
	check(must(epoll_wait(poll_fd, got, 4, 0)) > 0 && got[0].data.u32 == 7, "epoll");
	check(must(read(watch, &ev, sizeof(ev))) == sizeof(ev) && ev.mask == IN_ATTRIB, "inotify");
	must(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
}

/* ---- System V, timers ---- */

static int shm, sem, msg;
static char *segment;
static timer_t posix_timer;

static void ipc_setup(void)
{
	struct { long type; char text[8]; } m = { 3, "message" };
	struct sembuf take = { 0, -1, SEM_UNDO };

	shm = must(shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600));
	segment = must(shmat(shm, NULL, 0));
	strcpy(segment, "segment");
	sem = must(semget(IPC_PRIVATE, 2, IPC_CREAT | 0600));
	must(semctl(sem, 0, SETVAL, 4));
	must(semop(sem, &take, 1));
	msg = must(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
	must(msgsnd(msg, &m, sizeof(m.text), 0));
}

static void ipc_verify(void)
{
	struct { long type; char text[8]; } m;

	check(!strcmp(segment, "segment"), "segment");
	check(must(semctl(sem, 0, GETVAL)) == 3, "semaphore");
	check(must(msgrcv(msg, &m, sizeof(m.text), 3, IPC_NOWAIT)) == sizeof(m.text) &&
	      !strcmp(m.text, "message"), "message");
	must(shmctl(shm, IPC_RMID, NULL));
	must(semctl(sem, 0, IPC_RMID));
	must(msgctl(msg, IPC_RMID, NULL));
}

static void timers_setup(void)
{
	struct sigevent sev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec its = { { 5, 0 }, { 36000, 0 } };
	struct itimerval real = { { 0, 0 }, { 36000, 0 } };

	signal(SIGUSR1, on_usr1);
	must(timer_create(CLOCK_MONOTONIC, &sev, &posix_timer));
	must(timer_settime(posix_timer, 0, &its, NULL));
	must(setitimer(ITIMER_REAL, &real, NULL));
}

static void timers_verify(void)
{
	struct itimerspec its;
	struct itimerval real;

	must(timer_gettime(posix_timer, &its));
	check(its.it_value.tv_sec > 30000 && its.it_interval.tv_sec == 5, "timer");
	must(getitimer(ITIMER_REAL, &real));
	check(real.it_value.tv_sec > 30000, "interval timer");
	check(signal(SIGUSR1, SIG_DFL) == on_usr1, "handler");
}

/* ---- tasks ---- */

static pthread_t thread;
static pthread_mutex_t robust;
static pid_t child, zombie;

/* Not often: an emulated machine that watches itself has better things to do */
static void beat(int nr)
{
	struct timespec ts = { 0, BEAT_MS * 1000000l };

	beats[nr]++;
	check(!nanosleep(&ts, NULL), "task %d: nanosleep: %s", nr, strerror(errno));
}

static void *thread_main(void *unused)
{
	(void)unused;
	must0(pthread_mutex_lock(&robust));
	while (!shared[0])
		beat(1);
	return NULL;
}

static void child_main(void)
{
	while (!shared[0])
		beat(2);
}

static void exit_3(void)
{
	_exit(3);
}

static void tasks_setup(void)
{
	int fd = must(open(prog_path("beats"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	pthread_mutexattr_t attr;
	siginfo_t info;

	must(ftruncate(fd, 4096));
	beats = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	must(close(fd));
	must0(pthread_mutexattr_init(&attr));
	must0(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	must0(pthread_mutex_init(&robust, &attr));
	child = prog_fork(child_main);
	zombie = prog_fork(exit_3);
	must(waitid(P_PID, zombie, &info, WEXITED | WNOWAIT));
	must0(pthread_create(&thread, NULL, thread_main, NULL));
	while (!beats[1] || !beats[2])
		prog_sleep_ms(1);
}

static void tasks_verify(void)
{
	shared[0] = 1;
	must0(pthread_join(thread, NULL));
	check(pthread_mutex_lock(&robust) == EOWNERDEAD, "robust mutex");
	prog_reap(child, 0);
	prog_reap(zombie, 3 << 8);
}

static void wait_beating(void)
{
	char *path = prog_path("go");
	int i;

	for (i = 0; access(path, F_OK); i++) {
		check(i < PROG_POLLS, "nobody said go");
		beat(0);
	}
	free(path);
}

static const struct prog_case cases[] = {
	{ "memory", memory_setup, memory_verify },
	{ "files", files_setup, files_verify },
	{ "sockets", sockets_setup, sockets_verify },
	{ "pty", pty_setup, pty_verify },
	{ "anon", anon_setup, anon_verify },
	{ "ipc", ipc_setup, ipc_verify },
	{ "timers", timers_setup, timers_verify },
	{ "tasks", tasks_setup, tasks_verify },
	{}
};

int main(int argc, char **argv)
{
	prog_waiter = wait_beating;
	return prog_main(argc, argv, cases);
}
