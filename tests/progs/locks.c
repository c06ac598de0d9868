// SPDX-License-Identifier: GPL-2.0
/*
 * Locks of files: flock(), POSIX and OFD locks, ranges of them, shared and
 * exclusive ones, inherited ones, those of mappings, and processes that wait
 * for one. What is held is verified by a process that asks for it.
 */
#include "prog.h"
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>

static int new_file(const char *name)
{
	return must(open(prog_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

static int open_again(const char *name)
{
	return must(open(prog_path(name), O_RDWR | O_CLOEXEC));
}

/* Run it in a child, which has no POSIX locks */
static void in_child(void (*fn)(void))
{
	prog_reap(prog_fork(fn), 0);
}

/* ---- flock(): exclusive, shared, given up and taken again ---- */

static int flock_ex, flock_sh, flock_sh2, flock_none;

static void flock_setup(void)
{
	flock_ex = new_file("flock.ex");
	must(flock(flock_ex, LOCK_EX));
	flock_sh = new_file("flock.sh");
	must(flock(flock_sh, LOCK_EX));
	must(flock(flock_sh, LOCK_SH));
	flock_sh2 = open_again("flock.sh");
	must(flock(flock_sh2, LOCK_SH));
	flock_none = new_file("flock.none");
	must(flock(flock_none, LOCK_EX));
	must(flock(flock_none, LOCK_UN));
}

static void flock_refused(int fd, int op, const char *what)
{
	check(flock(fd, op | LOCK_NB) == -1 && errno == EWOULDBLOCK, "%s: not held", what);
}

static void flock_verify(void)
{
	int fd = open_again("flock.ex");

	flock_refused(fd, LOCK_SH, "exclusive");
	must(flock(flock_ex, LOCK_UN));
	must(flock(fd, LOCK_EX | LOCK_NB));

	fd = open_again("flock.sh");
	flock_refused(fd, LOCK_EX, "both shared");
	must(flock(fd, LOCK_SH | LOCK_NB));
	must(flock(fd, LOCK_UN));
	must(flock(flock_sh, LOCK_UN));
	flock_refused(fd, LOCK_EX, "the second shared one");
	must(close(flock_sh2));
	must(flock(fd, LOCK_EX | LOCK_NB));

	fd = open_again("flock.none");
	must(flock(fd, LOCK_EX | LOCK_NB));
}

/* ---- flock() of an open file that a child has inherited: one lock ---- */

static int inherited;
static pid_t inherited_pid;

static void inherited_child(void)
{
	prog_touch("up.inherited");
	prog_wait();
	prog_await("inherited.go");
	must(flock(inherited, LOCK_UN));
}

static void inherited_setup(void)
{
	inherited = new_file("inherited");
	must(flock(inherited, LOCK_EX));
	inherited_pid = prog_fork(inherited_child);
	prog_await("up.inherited");
}

static void inherited_verify(void)
{
	int fd = open_again("inherited");

	flock_refused(fd, LOCK_SH, "inherited");
	must(flock(inherited, LOCK_EX | LOCK_NB));
	prog_touch("inherited.go");
	prog_reap(inherited_pid, 0);
	must(flock(fd, LOCK_EX | LOCK_NB));
}

/* ---- POSIX locks: ranges, whose they are ---- */

/* What F_GETLK says of a range: "-" free, else "TYPE START LEN" */
static const char *range_get(int fd, int cmd, int type, off_t start, off_t len, pid_t *pid)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	static char buf[64];

	must(fcntl(fd, cmd, &fl));
	if (fl.l_type == F_UNLCK)
		return "-";
	*pid = fl.l_pid;
	snprintf(buf, sizeof(buf), "%c %lld %lld", fl.l_type == F_RDLCK ? 'r' : 'w',
		 (long long)fl.l_start, (long long)fl.l_len);
	return buf;
}

static void range_set(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	must(fcntl(fd, cmd, &fl));
}

static void range_is(int fd, int cmd, int type, off_t start, off_t len, const char *want, pid_t by)
{
	pid_t pid = by;
	const char *got = range_get(fd, cmd, type, start, len, &pid);

	check(!strcmp(got, want), "%lld+%lld: \"%s\" instead of \"%s\"", (long long)start,
	      (long long)len, got, want);
	check(pid == by, "%lld+%lld: pid %d instead of %d", (long long)start, (long long)len,
	      (int)pid, (int)by);
}

static int posix_fd, posix_dup;
static pid_t posix_pid;

static void posix_child(void)
{
	range_set(posix_fd, F_SETLK, F_WRLCK, 1000, 100);
	prog_touch("up.posix");
	prog_wait();
	prog_await("posix.go");
	/* its own range still can be given up */
	range_set(posix_fd, F_SETLK, F_UNLCK, 1000, 50);
	prog_touch("up.posix2");
	prog_await("posix.end");
}

static void posix_setup(void)
{
	posix_fd = new_file("posix");
	posix_dup = must(dup(posix_fd));
	must(ftruncate(posix_fd, 500));
	range_set(posix_fd, F_SETLK, F_WRLCK, 0, 10);
	range_set(posix_fd, F_SETLK, F_RDLCK, 10, 10);
	range_set(posix_dup, F_SETLK, F_WRLCK, 100, 100);
	/* a hole in the middle, one end made shared */
	range_set(posix_fd, F_SETLK, F_UNLCK, 140, 20);
	range_set(posix_fd, F_SETLK, F_RDLCK, 190, 10);
	range_set(posix_fd, F_SETLK, F_WRLCK, 1ll << 40, 0);
	posix_pid = prog_fork(posix_child);
	prog_await("up.posix");
}

static void posix_asks(void)
{
	int fd = open_again("posix");
	pid_t me = getppid();

	range_is(fd, F_GETLK, F_RDLCK, 0, 1000, "w 0 10", me);
	range_is(fd, F_GETLK, F_RDLCK, 10, 10, "-", me);
	range_is(fd, F_GETLK, F_WRLCK, 10, 10, "r 10 10", me);
	range_is(fd, F_GETLK, F_WRLCK, 20, 80, "-", me);
	range_is(fd, F_GETLK, F_WRLCK, 100, 1, "w 100 40", me);
	range_is(fd, F_GETLK, F_WRLCK, 140, 20, "-", me);
	range_is(fd, F_GETLK, F_RDLCK, 160, 40, "w 160 30", me);
	range_is(fd, F_GETLK, F_WRLCK, 190, 10, "r 190 10", me);
	range_is(fd, F_GETLK, F_RDLCK, 1000, 100, "w 1000 100", posix_pid);
	range_is(fd, F_GETLK, F_RDLCK, 1100, 0, "w 1099511627776 0", me);
	range_is(fd, F_GETLK, F_WRLCK, 1100, 1ll << 39, "-", me);
}

static void posix_asks_again(void)
{
	int fd = open_again("posix");

	range_is(fd, F_GETLK, F_WRLCK, 0, 1000, "-", 0);
	range_is(fd, F_GETLK, F_WRLCK, 1000, 50, "-", 0);
	range_is(fd, F_GETLK, F_WRLCK, 1000, 51, "w 1050 50", posix_pid);
	range_is(fd, F_GETLK, F_WRLCK, 2000, 0, "-", 0);
}

static void posix_verify(void)
{
	in_child(posix_asks);
	prog_touch("posix.go");
	prog_await("up.posix2");
	/* they go when any descriptor of the file is closed */
	must(close(posix_dup));
	in_child(posix_asks_again);
	prog_touch("posix.end");
	prog_reap(posix_pid, 0);
}

/* ---- OFD locks: of the open file, shared with a child ---- */

static int ofd_a, ofd_b;
static pid_t ofd_pid;

static void ofd_child(void)
{
	must(close(ofd_b));
	prog_touch("up.ofd");
	prog_wait();
	prog_await("ofd.go");
	range_set(ofd_a, F_OFD_SETLK, F_UNLCK, 0, 5);
}

static void ofd_setup(void)
{
	ofd_a = new_file("ofd");
	ofd_b = open_again("ofd");
	range_set(ofd_a, F_OFD_SETLK, F_WRLCK, 0, 10);
	range_set(ofd_b, F_OFD_SETLK, F_WRLCK, 10, 10);
	range_set(ofd_a, F_OFD_SETLK, F_RDLCK, 20, 10);
	range_set(ofd_b, F_OFD_SETLK, F_RDLCK, 20, 0);
	ofd_pid = prog_fork(ofd_child);
	prog_await("up.ofd");
}

static void ofd_verify(void)
{
	int fd = open_again("ofd");

	range_is(fd, F_OFD_GETLK, F_RDLCK, 0, 0, "w 0 10", -1);
	range_is(ofd_a, F_OFD_GETLK, F_RDLCK, 0, 0, "w 10 10", -1);
	range_is(ofd_b, F_OFD_GETLK, F_WRLCK, 0, 10, "w 0 10", -1);
	range_is(fd, F_OFD_GETLK, F_RDLCK, 20, 0, "-", -1);
	range_is(ofd_a, F_OFD_GETLK, F_WRLCK, 20, 1, "r 20 0", -1);
	range_is(ofd_b, F_OFD_GETLK, F_WRLCK, 20, 1, "r 20 10", -1);
	prog_touch("ofd.go");
	prog_reap(ofd_pid, 0);
	range_is(fd, F_OFD_GETLK, F_WRLCK, 0, 0, "w 5 5", -1);
	must(close(ofd_b));
	range_is(ofd_a, F_OFD_GETLK, F_WRLCK, 10, 0, "-", -1);
}

/* ---- a lock of an open file that only a child has ---- */

static pid_t alone_pid;

static void alone_child(void)
{
	int fd = new_file("alone");

	must(flock(fd, LOCK_EX));
	range_set(fd, F_SETLK, F_RDLCK, 0, 1);
	range_set(fd, F_OFD_SETLK, F_RDLCK, 0, 0);
	prog_touch("up.alone");
	prog_wait();
	prog_await("alone.go");
}

static void alone_setup(void)
{
	alone_pid = prog_fork(alone_child);
	prog_await("up.alone");
}

static void alone_verify(void)
{
	int fd = open_again("alone");

	flock_refused(fd, LOCK_SH, "of a child");
	range_is(fd, F_OFD_GETLK, F_WRLCK, 1, 1, "r 0 0", -1);
	prog_touch("alone.go");
	prog_reap(alone_pid, 0);
	must(flock(fd, LOCK_EX | LOCK_NB));
	range_is(fd, F_OFD_GETLK, F_WRLCK, 0, 0, "-", -1);
}

/* ---- of open files that only mappings have, as java leaves them; one without a lock ---- */

#define MAPPED_SIZE	4096

static void *mapped_ex;

static void *map_and_close(int fd, int flags)
{
	void *map = mmap(NULL, MAPPED_SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

	check(map != MAP_FAILED, "mmap: %m");
	must(close(fd));
	return map;
}

static int new_locked_file(const char *name, int op)
{
	int fd = new_file(name);

	must(ftruncate(fd, MAPPED_SIZE));
	must(flock(fd, op));
	return fd;
}

static void mapped_setup(void)
{
	mapped_ex = map_and_close(new_locked_file("mapped", LOCK_EX), MAP_SHARED);
	map_and_close(open_again("mapped"), MAP_SHARED);
	map_and_close(new_locked_file("mapped.sh", LOCK_SH), MAP_PRIVATE);
}

static void mapped_verify(void)
{
	int fd = open_again("mapped");

	flock_refused(fd, LOCK_SH, "mapped");
	must(munmap(mapped_ex, MAPPED_SIZE));
	must(flock(fd, LOCK_EX | LOCK_NB));

	fd = open_again("mapped.sh");
	flock_refused(fd, LOCK_EX, "mapped, shared");
	must(flock(fd, LOCK_SH | LOCK_NB));
}

/* ---- processes that wait for a lock; one of them is interrupted in the end ---- */

static int wait_fd;
static pid_t wait_pid[4];

static void on_signal(int sig)
{
	(void)sig;
}

static void wait_posix(void)
{
	int fd = open_again("wait");

	range_set(fd, F_SETLKW, F_WRLCK, 5, 1);
}

static void wait_ofd(void)
{
	int fd = open_again("wait");

	range_set(fd, F_OFD_SETLKW, F_WRLCK, 5, 1);
}

static void wait_flock(void)
{
	int fd = open_again("wait");

	must(flock(fd, LOCK_EX));
}

static void wait_signal(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int fd = open_again("wait");

	must(sigaction(SIGUSR1, &sa, NULL));
	check(flock(fd, LOCK_EX) == -1 && errno == EINTR, "not interrupted");
}

/* Number of the system call that a process stands in */
static int call_of(pid_t pid)
{
	char path[64], buf[256];

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	prog_read(path, buf, sizeof(buf));
	return atoi(buf);
}

static void await_waiter(int i)
{
	int n;

	for (n = 0; call_of(wait_pid[i]) != (i < 2 ? 72 : 73); n++) {
		check(n < PROG_POLLS, "child %d does not wait", i);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void wait_setup(void)
{
	static void (*const fns[4])(void) = { wait_posix, wait_ofd, wait_flock, wait_signal };
	int i;

	wait_fd = new_file("wait");
	range_set(wait_fd, F_SETLK, F_WRLCK, 0, 10);
	must(flock(wait_fd, LOCK_EX));
	for (i = 0; i < 4; i++)
		wait_pid[i] = prog_fork(fns[i]);
	for (i = 0; i < 4; i++)
		await_waiter(i);
}

static void wait_verify(void)
{
	int i;

	for (i = 0; i < 4; i++)
		check(!waitpid(wait_pid[i], NULL, WNOHANG), "child %d does not wait", i);
	/* after a save it calls again: a signal before that would interrupt nothing */
	await_waiter(3);
	must(kill(wait_pid[3], SIGUSR1));
	prog_reap(wait_pid[3], 0);
	must(flock(wait_fd, LOCK_UN));
	prog_reap(wait_pid[2], 0);
	range_set(wait_fd, F_SETLK, F_UNLCK, 0, 0);
	prog_reap(wait_pid[0], 0);
	prog_reap(wait_pid[1], 0);
}

static const struct prog_case cases[] = {
	/* in this order: children share the open files of those before them */
	{ "alone", alone_setup, alone_verify, false },
	{ "wait", wait_setup, wait_verify, false },
	{ "inherited", inherited_setup, inherited_verify, false },
	{ "posix", posix_setup, posix_verify, false },
	{ "ofd", ofd_setup, ofd_verify, false },
	{ "flock", flock_setup, flock_verify, false },
	{ "mapped", mapped_setup, mapped_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
