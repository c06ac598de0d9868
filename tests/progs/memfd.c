// SPDX-License-Identifier: GPL-2.0
/*
 * memfd_create(): contents with holes, names, positions, several openings of one,
 * mappings of all sorts, processes that share them, and seals, which forbid what
 * restoring has to do.
 */
#include "content.h"
#include <sys/file.h>
#include <sys/mman.h>

#define PAGE	4096
#define MIB	(1l << 20)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC	0x0020
#endif
#define SIZE_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW)

static int new_memfd(const char *name, unsigned int flags)
{
	return must(memfd_create(name, flags));
}

static void is_called(int fd, const char *name)
{
	char path[32], link[PATH_MAX], want[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = must(readlink(path, link, sizeof(link) - 1));
	link[n] = 0;
	snprintf(want, sizeof(want), "/memfd:%s (deleted)", name);
	check(!strcmp(link, want), "called %s, not %s", link, want);
}

static int open_again(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return must(open(path, flags));
}

static void has_seals(int fd, int seals)
{
	int have = must(fcntl(fd, F_GET_SEALS));

	check(have == seals, "seals 0x%x instead of 0x%x", have, seals);
}

/* ---- contents, size, name, mode, time, position, flags ---- */

#define END	(9 * MIB + 123)
static int holes, long_name, odd_name;

static void holes_setup(void)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 1234567890, 123456000 } };
	char name[250];

	holes = new_memfd("holes", MFD_CLOEXEC);
	fill(holes, 0, 3 * MIB, 301);
	fill(holes, 6 * MIB + 5 * PAGE, 2 * PAGE, 302);
	fill(holes, END - 1000, 1000, 303);
	must(lseek(holes, 4321, SEEK_SET));
	must(fchmod(holes, 0640));
	must(futimens(holes, times));
	must(fcntl(holes, F_SETFL, O_APPEND | O_NONBLOCK));
	memset(name, 'n', 249);
	name[249] = 0;
	long_name = new_memfd(name, MFD_ALLOW_SEALING);
	odd_name = new_memfd("a/b (deleted)", 0);
}

static void holes_verify(void)
{
	struct stat st;
	char name[250];

	must(fstat(holes, &st));
	check(st.st_size == END, "size %lld", (long long)st.st_size);
	check(!st.st_nlink, "%ld names", (long)st.st_nlink);
	check(st.st_mode == (S_IFREG | 0640), "mode 0%o", st.st_mode);
	check(st.st_mtim.tv_sec == 1234567890 && st.st_mtim.tv_nsec == 123456000,
	      "modified at %lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	check(st.st_blocks * 512 < 4 * MIB, "%lld blocks", (long long)st.st_blocks);
	check(must(lseek(holes, 0, SEEK_CUR)) == 4321, "position");
	is_filled(holes, 0, 3 * MIB, 301, "first part");
	is_zero(holes, 3 * MIB, 3 * MIB + 5 * PAGE, "first hole");
	is_filled(holes, 6 * MIB + 5 * PAGE, 2 * PAGE, 302, "second part");
	is_filled(holes, END - 1000, 1000, 303, "end");
	is_called(holes, "holes");
	has_seals(holes, F_SEAL_SEAL);
	check(must(fcntl(holes, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check((must(fcntl(holes, F_GETFL)) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) ==
	      (O_RDWR | O_APPEND | O_NONBLOCK), "flags");
	check(fcntl(holes, F_ADD_SEALS, F_SEAL_GROW) == -1 && errno == EPERM, "can be sealed");
	memset(name, 'n', 249);
	name[249] = 0;
	is_called(long_name, name);
	has_seals(long_name, 0);
	must(fcntl(long_name, F_ADD_SEALS, F_SEAL_GROW));
	is_called(odd_name, "a/b (deleted)");
	must(fstat(odd_name, &st));
	check(!st.st_size, "size of what is empty");
}

/* ---- several openings of one, by two processes; a lock ---- */

static int shared, shared_ro, shared_dup;
static pid_t shared_pid;

static void shared_child(void)
{
	prog_touch("up.shared");
	prog_wait();
	check(must(write(shared, "child", 5)) == 5, "short write");
}

static void shared_setup(void)
{
	shared = new_memfd("shared", 0);
	shared_ro = open_again(shared, O_RDONLY);
	shared_dup = must(dup(shared));
	must(write(shared, "parent ", 7));
	must(flock(shared, LOCK_EX));
	shared_pid = prog_fork(shared_child);
	prog_await("up.shared");
}

static void shared_verify(void)
{
	char buf[32];
	int fd;

	prog_reap(shared_pid, 0);
	check(must(lseek(shared_dup, 0, SEEK_CUR)) == 12, "position is not shared");
	check(must(read(shared_ro, buf, sizeof(buf))) == 12 && !memcmp(buf, "parent child", 12),
	      "content");
	check(write(shared_ro, "x", 1) == -1 && errno == EBADF, "can be written");
	fd = open_again(shared, O_RDWR);
	check(flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the lock is gone");
}

/* ---- mapped: shared for writing and for reading, private and changed ---- */

#define MAPPED	(64 * PAGE + 104)
static char *map_rw, *map_ro, *map_priv;
static int map_fd;
static pid_t map_pid;

static void map_child(void)
{
	prog_touch("up.map");
	prog_wait();
	map_rw[3 * PAGE] = 'c';
}

static void map_setup(void)
{
	int fd = new_memfd("map", MFD_ALLOW_SEALING);

	fill(fd, 0, MAPPED / 8 * 8, 311);
	map_rw = must(mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	map_fd = open_again(fd, O_RDONLY);
	map_ro = must(mmap(NULL, MAPPED, PROT_READ, MAP_SHARED, map_fd, 0));
	map_priv = must(mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	must(close(fd));
	map_rw[PAGE] = 'p';
	map_priv[5 * PAGE] = 'q';
	map_pid = prog_fork(map_child);
	prog_await("up.map");
}

static void map_verify(void)
{
	char c;

	prog_reap(map_pid, 0);
	check(map_rw[PAGE] == 'p' && map_ro[PAGE] == 'p', "what the parent wrote");
	check(map_rw[3 * PAGE] == 'c' && map_ro[3 * PAGE] == 'c', "what the child wrote");
	check(must(pread(map_fd, &c, 1, 3 * PAGE)) == 1 && c == 'c', "not the open file");
	prog_check_fill(map_ro, PAGE, 311, "first page");
	check(map_priv[5 * PAGE] == 'q' && map_ro[5 * PAGE] != 'q', "private mapping");
	map_rw[MAPPED - 1] = 'z';
	check(must(pread(map_fd, &c, 1, MAPPED - 1)) == 1 && c == 'z', "the last byte");
	check(mprotect(map_ro, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
	      "what was opened for reading became writable");
}

/* ---- seals ---- */

static int all, future, size_only;
static char *all_ro, *all_priv, *future_rw, *future_ro;

static void seals_setup(void)
{
	int ro;

	all = new_memfd("all", MFD_ALLOW_SEALING);
	fill(all, 0, MAPPED / 8 * 8, 321);
	ro = open_again(all, O_RDONLY);
	all_ro = must(mmap(NULL, MAPPED, PROT_READ, MAP_SHARED, ro, 0));
	must(close(ro));
	all_priv = must(mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE, all, 0));
	all_priv[PAGE] = 'a';
	must(fcntl(all, F_ADD_SEALS, SIZE_SEALS | F_SEAL_WRITE | F_SEAL_SEAL));

	future = new_memfd("future", MFD_ALLOW_SEALING);
	fill(future, 0, MAPPED / 8 * 8, 322);
	future_rw = must(mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0));
	must(fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	future_ro = must(mmap(NULL, MAPPED, PROT_READ, MAP_SHARED, future, 0));
	future_rw[PAGE] = 'f';

	size_only = new_memfd("size", MFD_ALLOW_SEALING);
	must(write(size_only, "sized", 5));
	must(fcntl(size_only, F_ADD_SEALS, SIZE_SEALS));
}

static void seals_verify(void)
{
	char buf[8];

	has_seals(all, SIZE_SEALS | F_SEAL_WRITE | F_SEAL_SEAL);
	check(write(all, "x", 1) == -1 && errno == EPERM, "sealed, and can be written");
	check(ftruncate(all, 1) == -1 && errno == EPERM, "sealed, and can shrink");
	check(fcntl(all, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == -1 && errno == EPERM,
	      "takes more seals");
	prog_check_fill(all_ro, MAPPED / 8 * 8, 321, "sealed contents");
	check(all_priv[PAGE] == 'a', "private mapping");
	all_priv[0] = 'b';
	check(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, all, 0) == MAP_FAILED &&
	      errno == EPERM, "sealed, and can be mapped for writing");
	check(mprotect(all_ro, PAGE, PROT_READ | PROT_WRITE) == -1, "and becomes writable");

	has_seals(future, F_SEAL_FUTURE_WRITE);
	check(future_ro[PAGE] == 'f', "what was written after sealing");
	future_rw[2 * PAGE] = 'g';
	check(future_ro[2 * PAGE] == 'g', "what is written through the old mapping");
	check(write(future, "x", 1) == -1 && errno == EPERM, "sealed, and can be written");
	check(mprotect(future_ro, PAGE, PROT_READ | PROT_WRITE) == -1,
	      "a mapping made after sealing becomes writable");
	must(ftruncate(future, MAPPED + 1));
	must(fcntl(future, F_ADD_SEALS, F_SEAL_GROW));
	check(fcntl(future, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY,
	      "sealed against writing, and mapped for it");

	has_seals(size_only, SIZE_SEALS);
	must(pwrite(size_only, "S", 1, 0));
	check(pwrite(size_only, "!", 1, 5) == -1 && errno == EPERM, "grows");
	check(must(pread(size_only, buf, sizeof(buf), 0)) == 5 && !memcmp(buf, "Sized", 5),
	      "contents");
}

/* ---- seals of later kernels ---- */

static int noexec = -1, exec = -1;

static void exec_setup(void)
{
	noexec = memfd_create("noexec", MFD_NOEXEC_SEAL);
	check(noexec >= 0 || errno == EINVAL, "memfd_create: %s", strerror(errno));
	if (noexec < 0)
		return;
	must(write(noexec, "data", 4));
	exec = new_memfd("exec", MFD_ALLOW_SEALING);
	must(write(exec, "text", 4));
	must(fcntl(exec, F_ADD_SEALS, F_SEAL_EXEC));
}

static void exec_verify(void)
{
	const int implied = SIZE_SEALS | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;
	struct stat st;

	if (noexec < 0)
		return;
	has_seals(noexec, F_SEAL_EXEC);
	check(fchmod(noexec, 0777) == -1 && errno == EPERM, "becomes executable");
	must(fchmod(noexec, 0600));
	must(pwrite(noexec, "D", 1, 0));
	has_seals(exec, implied);
	must(fstat(exec, &st));
	check(st.st_mode == (S_IFREG | 0777), "mode 0%o", st.st_mode);
	check(pwrite(exec, "T", 1, 0) == -1 && errno == EPERM, "sealed, and can be written");
}

static const struct prog_case cases[] = {
	{ "holes", holes_setup, holes_verify, false },
	{ "shared", shared_setup, shared_verify, false },
	{ "map", map_setup, map_verify, false },
	{ "seals", seals_setup, seals_verify, false },
	{ "exec", exec_setup, exec_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
