// SPDX-License-Identifier: GPL-2.0
/*
 * A job, not a test: "family ROUNDS" is a tree of 200 processes on three levels
 * that compute, rest, and report through pipes and exit statuses. It prints a
 * number that depends on ROUNDS only.
 */
#include "prog.h"

#define BRANCHES	9
#define LEAVES		21	/* 1 + 9 + 9 * 21 = 199, and the shell that starts it */

static unsigned long rounds;
static int member;
static int out;		/* pipe to the parent */

static uint64_t compute(uint64_t x)
{
	unsigned long i;
	int n;

	for (i = 0; i < rounds; i++) {
		for (n = 0; n < 20000; n++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		prog_sleep_ms(100);
	}
	return x;
}

static void report(uint64_t x)
{
	check(must(write(out, &x, sizeof(x))) == sizeof(x), "short write");
}

static void leaf(void)
{
	report(compute(member));
	_exit(member % 200);
}

/* Sum of what children report, all through one pipe, and of their exit codes */
static uint64_t gather(void (*fn)(void), int children, int first)
{
	uint64_t sum = 0, x;
	int fds[2], i, status;
	pid_t pid;

	must(pipe(fds));
	for (i = 0; i < children; i++) {
		pid = must(fork());
		if (!pid) {
			must(close(fds[0]));
			out = fds[1];
			member = first + i;
			fn();
		}
	}
	must(close(fds[1]));
	for (i = 0; i < children; i++) {
		check(must(read(fds[0], &x, sizeof(x))) == sizeof(x), "short read");
		sum += x;
	}
	check(!must(read(fds[0], &x, sizeof(x))), "too many reports");
	must(close(fds[0]));
	for (i = 0; i < children; i++) {
		must(wait(&status));
		check(WIFEXITED(status), "a child ended with status 0x%x", status);
		sum += WEXITSTATUS(status);
	}
	return sum;
}

static void branch(void)
{
	int me = member;

	report(gather(leaf, LEAVES, me * 100) + me);
	_exit(me);
}

int main(int argc, char **argv)
{
	prog_name = "family";
	check(argc == 2, "usage: family ROUNDS");
	rounds = strtoul(argv[1], NULL, 0);
	printf("%016llx\n", (unsigned long long)gather(branch, BRANCHES, 1));
	return 0;
}
