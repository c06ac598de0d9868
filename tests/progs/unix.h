/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs for UNIX sockets share. */
#ifndef UNIX_H
#define UNIX_H

#include "prog.h"
#include <sys/socket.h>
#include <sys/un.h>

/* The next message, or what there is of a stream, is this and no more */
PROG_UNUSED static void expect(int fd, const char *want, const char *what)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "%s: %zd bytes (%s) instead of %s",
	      what, n, n < 0 ? strerror(errno) : "", want);
}

PROG_UNUSED static void expect_nothing(int fd, const char *what)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	check(n == -1 && errno == EAGAIN, "%s: recv() = %zd (%s)", what, n, strerror(errno));
}

PROG_UNUSED static void expect_end(int fd, const char *what)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	check(!n, "%s: no end of file: %zd (%s)", what, n, n < 0 ? strerror(errno) : "");
}

PROG_UNUSED static int get_opt(int fd, int opt)
{
	int value = -99;
	socklen_t len = sizeof(value);

	must(getsockopt(fd, SOL_SOCKET, opt, &value, &len));
	return value;
}

PROG_UNUSED static void set_opt(int fd, int opt, int value)
{
	must(setsockopt(fd, SOL_SOCKET, opt, &value, sizeof(value)));
}

#endif /* UNIX_H */
