/* SPDX-License-Identifier: GPL-2.0 */
/* The contents of files: written, and demanded. */
#ifndef CONTENT_H
#define CONTENT_H

#include "prog.h"

static void fill(int fd, off_t at, size_t len, uint64_t seed)
{
	char *buf = malloc(len);

	prog_fill(buf, len, seed);
	check(must(pwrite(fd, buf, len, at)) == (ssize_t)len, "short write");
	free(buf);
}

static void is_filled(int fd, off_t at, size_t len, uint64_t seed, const char *what)
{
	char *buf = malloc(len);

	check(must(pread(fd, buf, len, at)) == (ssize_t)len, "%s: short read", what);
	prog_check_fill(buf, len, seed, what);
	free(buf);
}

static void is_zero(int fd, off_t at, size_t len, const char *what)
{
	char *buf = malloc(len);

	check(must(pread(fd, buf, len, at)) == (ssize_t)len, "%s: short read", what);
	prog_check_zero(buf, len, what);
	free(buf);
}

#endif /* CONTENT_H */
