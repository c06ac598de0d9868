// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that share something with a process outside of the job: "outside DIR
 * KIND". The program proper is the child, which writes DIR/up.outside; its
 * parent is not part of the job. A save of the child must name what is shared,
 * or not mind, and leave both as they are.
 */
#include "refused.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* The parent, which has forked @child */
static void __attribute__((noreturn)) remain(void)
{
	prog_await("up.outside");
	prog_touch("ready");
	prog_reap(child, 0);
	exit(0);
}

/* Returns in the child */
static void become_job(void)
{
	child = must(fork());
	if (child)
		remain();
}

static void be_job(void)
{
	prog_touch("up.outside");
	prog_wait();
}

static void shm_setup(void)
{
	mem = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	become_job();
	be_job();
	exit(0);
}

static void memfd(int seals)
{
	fd = must(memfd_create("test", MFD_ALLOW_SEALING));
	must(write(fd, "hello", 5));
	must(fcntl(fd, F_ADD_SEALS, seals));
	child = must(fork());
	if (child) {
		prog_await("up.outside");
		prog_touch("ready");
		prog_reap(child, 0);
		content_verify();
		exit(0);
	}
	be_job();
	content_verify();
	exit(0);
}

static void memfd_setup(void)
{
	memfd(F_SEAL_SHRINK);
}

static void sealed_setup(void)
{
	memfd(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}

static void fifo_setup(void)
{
	must(mkfifo(prog_path("fifo"), 0600));
	fd = must(open(prog_path("fifo"), O_RDWR));
	child = must(fork());
	if (child) {
		must(close(fd));
		must(open(prog_path("fifo"), O_RDONLY | O_NONBLOCK));
		remain();
	}
	be_job();
	exit(0);
}

static void sysv_setup(void)
{
	id = must(shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600));
	mem = must(shmat(id, NULL, 0));
	must(shmctl(id, IPC_RMID, NULL));
	become_job();
	be_job();
	exit(0);
}

static void pipe_setup(void)
{
	int p[2];

	must(pipe(p));
	must(dup2(p[0], 20));
	must(dup2(p[1], 21));
	become_job();
	be_job();
	exit(0);
}

/* The master here and there */
static void pty_setup(void)
{
	new_pty();
	become_job();
	be_job();
	must(write(fd2, "x", 1));
	readable_verify();
	exit(0);
}

/* The master here, who has opened the slave there */
static void slave_setup(void)
{
	new_pty();
	child = must(fork());
	if (child) {
		must(close(fd));
		remain();
	}
	must(close(fd2));
	be_job();
	must(write(fd, "x", 1));
	exit(0);
}

/* The slave here controls a session, the master is there */
static void ctty_setup(void)
{
	new_pty();
	child = must(fork());
	if (child) {
		must(close(fd2));
		remain();
	}
	must(close(fd));
	must(setsid());
	must(ioctl(fd2, TIOCSCTTY, 0));
	be_job();
	check(tcgetpgrp(fd2) == getpid(), "foreground");
	exit(0);
}

static void eventfd_setup(void)
{
	must(dup2(must(eventfd(1, 0)), 20));
	become_job();
	be_job();
	exit(0);
}

/* An entry stays as long as its file is open somewhere */
static void epoll_setup(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 7 } };
	int efd = must(eventfd(1, 0));

	become_job();
	fd = must(dup2(must(epoll_create1(0)), 20));
	must(epoll_ctl(fd, EPOLL_CTL_ADD, efd, &ev));
	must(close(efd));
	be_job();
	check(must(epoll_wait(fd, &ev, 1, 0)) == 1 && ev.data.u64 == 7, "epoll");
	exit(0);
}

static void unix_setup(void)
{
	char c;

	unix_pair();
	child = must(fork());
	if (child) {
		must(close(fd));
		remain();
	}
	must(close(fd2));
	be_job();
	check(read(fd, &c, 1) == 1 && c == 'x', "what was sent");
	exit(0);
}

/* fd has a name; fd2, connected to it, remains outside */
static void client(int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);

	fd = must(socket(AF_UNIX, type, 0));
	must(bind(fd, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	must(getsockname(fd, (struct sockaddr *)&addr, &len));
	if (type != SOCK_DGRAM)
		must(listen(fd, 5));
	fd2 = must(socket(AF_UNIX, type, 0));
	must(connect(fd2, (struct sockaddr *)&addr, len));
}

static void part(void)
{
	child = must(fork());
	if (child) {
		must(close(fd));
		remain();
	}
	must(close(fd2));
	be_job();
	exit(0);
}

static void connect_setup(void)
{
	client(SOCK_STREAM);
	part();
}

static void dgram_setup(void)
{
	client(SOCK_DGRAM);
	part();
}

static void message_setup(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	client(SOCK_DGRAM);
	must(write(fd2, "x", 1));
	must(connect(fd2, &none, sizeof(none)));
	part();
}

static void own_group(void)
{
	must(setpgid(0, 0));
	prog_touch("up.group");
	prog_wait();
}

/* Has a child in the group of a process that it has not made */
static void group_setup(void)
{
	pid_t group = prog_fork(own_group);

	prog_await("up.group");
	child = must(fork());
	if (child) {
		prog_await("up.outside");
		prog_touch("ready");
		prog_reap(child, 0);
		prog_reap(group, 0);
		exit(0);
	}
	child = prog_fork(prog_wait);
	must(setpgid(child, group));
	be_job();
	prog_reap(child, 0);
	exit(0);
}

static void files_setup(void)
{
	child = must(syscall(SYS_clone, 0x400 | SIGCHLD, NULL, NULL, NULL, 0));	/* CLONE_FILES */
	if (child)
		remain();
	be_job();
	exit(0);
}

static const struct prog_case cases[] = {
	{ "shm", shm_setup, NULL, true },
	{ "memfd", memfd_setup, NULL, true },
	{ "sealed", sealed_setup, NULL, true },
	{ "fifo", fifo_setup, NULL, true },
	{ "sysv", sysv_setup, NULL, true },
	{ "pipe", pipe_setup, NULL, true },
	{ "pty", pty_setup, NULL, true },
	{ "slave", slave_setup, NULL, true },
	{ "ctty", ctty_setup, NULL, true },
	{ "eventfd", eventfd_setup, NULL, true },
	{ "epoll", epoll_setup, NULL, true },
	{ "unix", unix_setup, NULL, true },
	{ "connect", connect_setup, NULL, true },
	{ "dgram", dgram_setup, NULL, true },
	{ "message", message_setup, NULL, true },
	{ "files", files_setup, NULL, true },
	{ "group", group_setup, NULL, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
