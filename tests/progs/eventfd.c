// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds: counts, semaphores, flags, one that several descriptors and
 * processes share, and one that a child waits for.
 */
#include "prog.h"
#include <poll.h>
#include <sys/eventfd.h>

static uint64_t take(int fd)
{
	uint64_t n;

	check(must(read(fd, &n, sizeof(n))) == sizeof(n), "short read");
	return n;
}

static void add(int fd, uint64_t n)
{
	check(must(write(fd, &n, sizeof(n))) == sizeof(n), "short write");
}

static bool empty(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return !must(poll(&p, 1, 0));
}

/* ---- counts: none, small, beyond 32 bits, as large as can be ---- */

#define LARGE	0x123456789abcdefull
static int none, small, large, large_flags, brim;

static void count_setup(void)
{
	none = must(eventfd(0, 0));
	small = must(eventfd(3, EFD_CLOEXEC));
	add(small, 4);
	large = must(eventfd(0, 0));
	add(large, LARGE);
	must(fcntl(large, F_SETFL, O_APPEND));
	large_flags = must(fcntl(large, F_GETFL));
	brim = must(eventfd(0, EFD_NONBLOCK));
	add(brim, UINT64_MAX - 1);
}

static void count_verify(void)
{
	uint64_t n = 1;

	check(empty(none), "a count from nowhere");
	check(take(small) == 7 && empty(small), "small count");
	check(must(fcntl(small, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(take(large) == LARGE && empty(large), "large count");
	check(must(fcntl(large, F_GETFL)) == large_flags, "flags");
	check(write(brim, &n, sizeof(n)) == -1 && errno == EAGAIN, "full: %s", strerror(errno));
	check(take(brim) == UINT64_MAX - 1 && empty(brim), "full count");
}

/* ---- semaphores ---- */

static int sem, sem_empty;

static void sem_setup(void)
{
	sem = must(eventfd(2, EFD_SEMAPHORE));
	sem_empty = must(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK));
}

static void sem_verify(void)
{
	uint64_t n;

	check(take(sem) == 1 && take(sem) == 1 && empty(sem), "semaphore");
	check(read(sem_empty, &n, sizeof(n)) == -1 && errno == EAGAIN, "empty: %s", strerror(errno));
	add(sem_empty, 2);
	check(take(sem_empty) == 1, "a semaphore no longer");
}

/* ---- one, with several descriptors, in two processes; a child that waits ---- */

static int shared, shared_dup, request, answer;
static pid_t child;

static void shared_child(void)
{
	prog_touch("up.eventfd");
	check(take(request) == 5, "child: count");
	add(shared, 20);
	add(answer, 1);
}

static void shared_setup(void)
{
	shared = must(eventfd(1, 0));
	shared_dup = must(fcntl(shared, F_DUPFD, 77));
	request = must(eventfd(0, 0));
	answer = must(eventfd(0, 0));
	child = prog_fork(shared_child);
	prog_await("up.eventfd");
}

static void shared_verify(void)
{
	must(fcntl(shared, F_SETFL, O_NONBLOCK));
	check(must(fcntl(shared_dup, F_GETFL)) & O_NONBLOCK, "flags are not shared");
	add(shared_dup, 300);
	add(request, 5);
	check(take(answer) == 1, "answer");
	check(take(shared_dup) == 321, "shared count");
	prog_reap(child, 0);
}

static const struct prog_case cases[] = {
	{ "count", count_setup, count_verify, false },
	{ "semaphore", sem_setup, sem_verify, false },
	{ "shared", shared_setup, shared_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
