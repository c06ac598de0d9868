/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test programs share. Each program covers one kind of state:
 *
 *	NAME DIR [CASE...]	run all cases that are not optional, or those named
 *	NAME --list		print the names of the cases
 *
 * It sets up, creates DIR/ready, waits until DIR/go exists, verifies, and exits
 * with 0 or prints one line that says what failed and exits with 1. That must
 * hold when nothing happens to it, when it is saved while it waits, and when it
 * is saved, killed and restarted, any number of times.
 *
 * Waiting is counted in polls, not in time: the time between a save and a
 * restart is not the program's.
 */
#ifndef PROG_H
#define PROG_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROG_POLL_MS	20
#define PROG_POLLS	15000	/* of PROG_POLL_MS: five minutes of own time */
#define PROG_UNUSED	__attribute__((unused))

/**
 * struct prog_case - one thing that a program sets up and verifies
 * @name: also selects it on the command line
 * @setup: before DIR/ready; may be NULL
 * @verify: after DIR/go; may be NULL
 * @optional: runs only when it is named
 */
struct prog_case {
	const char *name;
	void (*setup)(void);
	void (*verify)(void);
	bool optional;
};

static const char *prog_name PROG_UNUSED = "?";
static const char *prog_case PROG_UNUSED = "start";
static const char *prog_dir PROG_UNUSED;
static char **prog_args PROG_UNUSED;		/* behind DIR */

/* How long the program did not run while it waited: see prog_wait() */
static uint64_t prog_gap_ns PROG_UNUSED;

/* Replaces prog_wait() where the waiting itself is part of a case */
static void (*prog_waiter)(void) PROG_UNUSED;

__attribute__((format(printf, 1, 2), noreturn)) PROG_UNUSED
static void prog_fail(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n, m;

	n = snprintf(line, sizeof(line), "%s: %s: ", prog_name, prog_case);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n += m;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(2, line, n) != n)
		_exit(2);
	_exit(1);
}

#define check(cond, ...) \
	do { \
		if (!(cond)) \
			prog_fail(__VA_ARGS__); \
	} while (0)

#ifdef __cplusplus
#define PROG_AUTO	auto
#else
#define PROG_AUTO	__auto_type
#endif

/* The value of a call that must not return -1 */
#define must(call) __extension__ ({ \
	PROG_AUTO must_ret = (call); \
	if (must_ret == (__typeof__(must_ret))-1) \
		prog_fail("line %d: %s: %s", __LINE__, #call, strerror(errno)); \
	must_ret; })

/* A pthread call, which returns its error */
#define must0(call) \
	do { \
		int must_err = (call); \
		if (must_err) \
			prog_fail("line %d: %s: %s", __LINE__, #call, strerror(must_err)); \
	} while (0)

PROG_UNUSED static uint64_t prog_now(clockid_t clock)
{
	struct timespec ts;

	must(clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

PROG_UNUSED static void prog_sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&ts, &ts))
		check(errno == EINTR, "nanosleep: %s", strerror(errno));
}

/* Path of a file in DIR; never freed */
PROG_UNUSED static char *prog_path(const char *name)
{
	char *path;

	must(asprintf(&path, "%s/%s", prog_dir, name));
	return path;
}

/* Create a file in DIR at once with its contents, the pid */
PROG_UNUSED static void prog_touch(const char *name)
{
	char *tmp, *path = prog_path(name);
	int fd;

	must(asprintf(&tmp, "%s/.%s.%d", prog_dir, name, (int)getpid()));
	fd = must(open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	must(dprintf(fd, "%d\n", (int)getpid()));
	must(close(fd));
	must(rename(tmp, path));
	free(tmp);
	free(path);
}

/* Poll until a file appears in DIR */
PROG_UNUSED static void prog_await(const char *name)
{
	char *path = prog_path(name);
	int i;

	for (i = 0; access(path, F_OK); i++) {
		check(i < PROG_POLLS, "waited too long for %s", path);
		prog_sleep_ms(PROG_POLL_MS);
	}
	free(path);
}

/*
 * Wait for DIR/go. No sleep may be cut short: nobody sends a signal that has a
 * handler while the program waits here. What a sleep takes longer than it
 * should is the time in which the program did not run.
 */
PROG_UNUSED static void prog_wait(void)
{
	struct timespec ts = { 0, PROG_POLL_MS * 1000000l };
	char *path = prog_path("go");
	uint64_t last, now;
	int i;

	last = prog_now(CLOCK_MONOTONIC);
	for (i = 0; access(path, F_OK); i++) {
		check(i < PROG_POLLS, "nobody said go");
		check(!nanosleep(&ts, NULL), "nanosleep: %s", strerror(errno));
		now = prog_now(CLOCK_MONOTONIC);
		check(now - last >= PROG_POLL_MS * 1000000ull,
		      "slept %llu ns instead of %d ms",
		      (unsigned long long)(now - last), PROG_POLL_MS);
		if (now - last > 200000000ull)
			prog_gap_ns += now - last;
		last = now;
	}
	free(path);
}

/* A child; the caller's pid goes into nobody's output twice */
PROG_UNUSED static pid_t prog_fork(void (*fn)(void))
{
	pid_t pid = must(fork());

	if (!pid) {
		fn();
		_exit(0);
	}
	return pid;
}

/* Wait for a child and demand how it ended, as wait() shows it */
PROG_UNUSED static void prog_reap(pid_t pid, int want)
{
	int status;

	check(waitpid(pid, &status, 0) == pid, "waitpid(%d): %s", (int)pid, strerror(errno));
	check(status == want, "child %d ended with status 0x%x instead of 0x%x",
	      (int)pid, status, want);
}

/* Bytes that look random but for every eighth page, which repeats one word */
PROG_UNUSED static void prog_fill(void *buf, size_t len, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1, *p = (uint64_t *)buf;
	size_t i;

	for (i = 0; i < len / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (i >> 9) % 8 == 7 ? seed : x;
	}
}

/* Offset of the first byte that differs from what prog_fill() wrote, or -1 */
PROG_UNUSED static ssize_t prog_differs(const void *buf, size_t len, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;
	const uint64_t *p = (const uint64_t *)buf;
	size_t i;

	for (i = 0; i < len / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (p[i] != ((i >> 9) % 8 == 7 ? seed : x))
			return i * 8;
	}
	return -1;
}

/* Demand that memory is all zero */
PROG_UNUSED static void prog_check_zero(const void *buf, size_t len, const char *what)
{
	const unsigned char *p = (const unsigned char *)buf;
	size_t i;

	for (i = 0; i < len; i++)
		check(!p[i], "%s: byte %zu is 0x%x instead of 0", what, i, p[i]);
}

PROG_UNUSED static void prog_check_fill(const void *buf, size_t len, uint64_t seed,
					const char *what)
{
	ssize_t off = prog_differs(buf, len, seed);

	check(off < 0, "%s: differs at offset %zd", what, off);
}

/* Read a file whole into a buffer without malloc(); ends it with NUL */
PROG_UNUSED static size_t prog_read(const char *path, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = must(open(path, O_RDONLY | O_CLOEXEC));
	while ((n = must(read(fd, buf + len, size - 1 - len))) > 0)
		len += n;
	check(len < size - 1, "%s: longer than %zu bytes", path, size - 2);
	must(close(fd));
	buf[len] = 0;
	return len;
}

/* A number behind KEY in a file of "KEY value" lines, in this base */
PROG_UNUSED static unsigned long long prog_field(const char *path, const char *key, int base)
{
	static __thread char buf[16384];
	char *at;

	prog_read(path, buf, sizeof(buf));
	at = strstr(buf, key);
	check(at, "%s: no %s", path, key);
	return strtoull(at + strlen(key), NULL, base);
}

static bool prog_selected(const struct prog_case *c)
{
	int i;

	if (!prog_args[0])
		return !c->optional;
	for (i = 0; prog_args[i]; i++)
		if (!strcmp(prog_args[i], c->name))
			return true;
	return false;
}

PROG_UNUSED static void prog_init(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	prog_name = slash ? slash + 1 : argv[0];
	if (argc < 2) {
		fprintf(stderr, "usage: %s DIR [CASE...] | --list\n", prog_name);
		exit(2);
	}
	prog_dir = realpath(argv[1], NULL);
	check(prog_dir, "%s: %s", argv[1], strerror(errno));
	prog_args = argv + 2;
}

/* Does a case of that name exist? Without a name: print all */
static bool prog_known(const struct prog_case *c, const char *name)
{
	for (; c->name; c++) {
		if (!name)
			printf("%s%s\n", c->name, c->optional ? " (optional)" : "");
		else if (!strcmp(c->name, name))
			return true;
	}
	return false;
}

/* Has the first thread exited? /proc/self shows that one's state */
PROG_UNUSED static bool prog_first_is_zombie(void)
{
	static char status[8192];

	prog_read("/proc/self/status", status, sizeof(status));
	return strstr(status, "State:\tZ");
}

PROG_UNUSED static int prog_main(int argc, char **argv, const struct prog_case *cases)
{
	const struct prog_case *c;
	int i;

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return prog_known(cases, NULL);
	prog_init(argc, argv);
	for (i = 0; prog_args[i]; i++)
		check(prog_known(cases, prog_args[i]), "no case %s", prog_args[i]);

	for (c = cases; c->name; c++) {
		if (!prog_selected(c) || !c->setup)
			continue;
		prog_case = c->name;
		c->setup();
	}
	prog_case = "wait";
	prog_touch("ready");
	if (prog_waiter)
		prog_waiter();
	else
		prog_wait();
	for (c = cases; c->name; c++) {
		if (!prog_selected(c) || !c->verify)
			continue;
		prog_case = c->name;
		c->verify();
	}
	return 0;
}

#endif /* PROG_H */
