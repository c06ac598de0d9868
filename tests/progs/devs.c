// SPDX-License-Identifier: GPL-2.0
/*
 * Open devices that have no state of their own.
 */
#include "prog.h"

static int null_fd, null_ro, zero_fd, full_fd, random_fd, urandom_fd, null_fl;

static void devs_setup(void)
{
	null_fd = must(open("/dev/null", O_RDWR | O_APPEND));
	null_ro = must(open("/dev/null", O_RDONLY | O_CLOEXEC));
	zero_fd = must(open("/dev/zero", O_RDWR | O_NONBLOCK));
	full_fd = must(open("/dev/full", O_RDWR));
	random_fd = must(open("/dev/random", O_RDONLY | O_NONBLOCK));
	urandom_fd = must(open("/dev/urandom", O_RDONLY));
	null_fl = must(fcntl(null_fd, F_GETFL));
}

static void devs_verify(void)
{
	char a[64], b[64];

	check(must(write(null_fd, "x", 1)) == 1 && !must(read(null_fd, a, 1)), "/dev/null");
	check(must(fcntl(null_fd, F_GETFL)) == null_fl, "/dev/null: flags");
	check(write(null_ro, "x", 1) == -1 && errno == EBADF, "/dev/null, read-only: %s",
	      strerror(errno));
	check(must(fcntl(null_ro, F_GETFD)) == FD_CLOEXEC, "/dev/null: close-on-exec");
	memset(a, 1, sizeof(a));
	check(must(read(zero_fd, a, sizeof(a))) == sizeof(a), "/dev/zero");
	prog_check_zero(a, sizeof(a), "/dev/zero");
	check(must(fcntl(zero_fd, F_GETFL)) & O_NONBLOCK, "/dev/zero: flags");
	check(write(full_fd, "x", 1) == -1 && errno == ENOSPC, "/dev/full: %s", strerror(errno));
	check(must(read(random_fd, a, sizeof(a))) == sizeof(a), "/dev/random");
	check(must(read(urandom_fd, b, sizeof(b))) == sizeof(b), "/dev/urandom");
	check(memcmp(a, b, sizeof(a)), "/dev/urandom is not random");
}

static const struct prog_case cases[] = {
	{ "devs", devs_setup, devs_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
