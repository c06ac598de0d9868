// SPDX-License-Identifier: GPL-2.0
/* As refused.c: files of /proc that cannot be saved. */
#include "refused.h"
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/wait.h>

static int procfile_open(pid_t pid, const char *below, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, below);
	return must(open(path, flags | O_CLOEXEC));
}

static void procfile_verify(void)
{
	char c;

	check(must(pread(fd, &c, 1, 0)) == 1, "cannot be read");
}

static void procfile_write_setup(void)
{
	fd = procfile_open(getpid(), "comm", O_RDWR);
}

static void procfile_outside_setup(void)
{
	fd = procfile_open(getppid(), "status", O_RDONLY);
}

static void procfile_gone_setup(void)
{
	int up[2];
	char c;

	must(pipe(up));
	child = must(fork());
	if (!child)
		_exit(read(up[0], &c, 1) == 1 ? 5 : 1);
	fd = procfile_open(child, "status", O_RDONLY);
	check(must(write(up[1], "x", 1)) == 1, "pipe");
	prog_reap(child, 5 << 8);
	must(close(up[0]));
	must(close(up[1]));
}

static void procfile_gone_verify(void)
{
	char c;

	check(pread(fd, &c, 1, 0) == -1 && errno == ESRCH, "of who is gone: %s", strerror(errno));
}

/* It is a zombie before anybody looks */
static void procfile_zombie_setup(void)
{
	siginfo_t info;

	child = must(fork());
	if (!child)
		_exit(5);
	must(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	fd = procfile_open(child, "status", O_RDONLY);
}

static void procfile_zombie_verify(void)
{
	procfile_verify();
	prog_reap(child, 5 << 8);
}

static void procfile_mem_setup(void)
{
	fd = procfile_open(getpid(), "mem", O_RDONLY);
}

static void procfile_mem_verify(void)
{
	char c;

	check(must(pread(fd, &c, 1, (uintptr_t)prog_path)) == 1 && c == *(char *)prog_path, "mem");
}

static void procfile_net_setup(void)
{
	fd = must(open("/proc/net/unix", O_RDONLY));
}

static void procfile_ns_setup(void)
{
	fd = procfile_open(getpid(), "ns", O_RDONLY | O_DIRECTORY);
}

static void procfile_map_files_setup(void)
{
	fd = procfile_open(getpid(), "map_files", O_RDONLY | O_DIRECTORY);
}

static void procfile_dir_verify(void)
{
	check(must(lseek(fd, 0, SEEK_CUR)) == 0, "position");
}

/* Of the memory that a child had before it has executed something else */
static void procfile_exec_setup(void)
{
	int go[2], done[2];
	char c;

	must(pipe2(go, O_CLOEXEC));
	must(pipe2(done, O_CLOEXEC));
	child = must(fork());
	if (!child) {
		if (read(go[0], &c, 1) == 1)
			execlp("sleep", "sleep", "100000", NULL);
		_exit(1);
	}
	must(close(done[1]));
	fd = procfile_open(child, "maps", O_RDONLY);
	check(must(write(go[1], "x", 1)) == 1, "pipe");
	/* closed by execve() */
	check(!must(read(done[0], &c, 1)), "pipe");
	must(close(done[0]));
	must(close(go[0]));
	must(close(go[1]));
}

static void procfile_exec_verify(void)
{
	char c;

	check(!must(pread(fd, &c, 1, 0)), "memory that is gone");
	must(kill(child, SIGKILL));
	prog_reap(child, SIGKILL);
}

static void procfile_lock_setup(void)
{
	fd = procfile_open(getpid(), "status", O_RDONLY);
	must(flock(fd, LOCK_SH));
}

/* Said when the job stands still */
static void epoll_procfile_setup(void)
{
	struct epoll_event ev = { EPOLLPRI, { .u64 = 7 } };

	fd2 = must(open("/proc/mounts", O_RDONLY));
	fd = must(epoll_create1(0));
	must(epoll_ctl(fd, EPOLL_CTL_ADD, fd2, &ev));
}

static void epoll_procfile_verify(void)
{
	struct epoll_event ev = { EPOLLPRI, { .u64 = 7 } };

	must(epoll_ctl(fd, EPOLL_CTL_MOD, fd2, &ev));
}

static const struct prog_case cases[] = {
	{ "procfile_write", procfile_write_setup, procfile_verify, true },
	{ "procfile_outside", procfile_outside_setup, procfile_verify, true },
	{ "procfile_gone", procfile_gone_setup, procfile_gone_verify, true },
	{ "procfile_zombie", procfile_zombie_setup, procfile_zombie_verify, true },
	{ "procfile_mem", procfile_mem_setup, procfile_mem_verify, true },
	{ "procfile_net", procfile_net_setup, procfile_verify, true },
	{ "procfile_ns", procfile_ns_setup, procfile_dir_verify, true },
	{ "procfile_map_files", procfile_map_files_setup, procfile_dir_verify, true },
	{ "procfile_exec", procfile_exec_setup, procfile_exec_verify, true },
	{ "procfile_lock", procfile_lock_setup, procfile_verify, true },
	{ "epoll_procfile", epoll_procfile_setup, epoll_procfile_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
