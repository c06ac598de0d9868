/* SPDX-License-Identifier: GPL-2.0 */
/* What programs share that hold what cannot be saved: refused and its like, outside. */
#ifndef REFUSED_H
#define REFUSED_H

#include "prog.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int fd PROG_UNUSED = -1, fd2 PROG_UNUSED = -1, id PROG_UNUSED = -1;
static void *mem PROG_UNUSED;
static pid_t child PROG_UNUSED;

PROG_UNUSED static void __attribute__((noreturn)) skip(void)
{
	fprintf(stderr, "%s: %s: %s\n", prog_name, prog_case, strerror(errno));
	exit(77);
}

/* The value of a call that may not exist */
#define have(call) __extension__ ({ \
	__auto_type have_ret = (call); \
	if (have_ret == (__typeof__(have_ret))-1) \
		skip(); \
	have_ret; })

PROG_UNUSED static int new_file(const char *name)
{
	return must(open(prog_path(name), O_RDWR | O_CREAT | O_TRUNC, 0600));
}

PROG_UNUSED static bool readable(int f)
{
	struct pollfd p = { f, POLLIN, 0 };

	return must(poll(&p, 1, 0)) == 1;
}

/* TCP comes through a softirq, which may be on its way still */
PROG_UNUSED static void readable_verify(void)
{
	struct pollfd p = { fd, POLLIN, 0 };

	check(must(poll(&p, 1, PROG_POLL_MS * PROG_POLLS)) == 1, "what was written cannot be read");
}

PROG_UNUSED static void content_verify(void)
{
	char buf[8] = "";

	must(pread(fd, buf, 5, 0));
	check(!strcmp(buf, "hello"), "contents: %s", buf);
}

/* fd is a master, fd2 its slave */
PROG_UNUSED static void new_pty(void)
{
	int off = 0;

	fd = must(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	must(ioctl(fd, TIOCSPTLCK, &off));
	fd2 = must(ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY));
}

/* Something is on its way from fd2 to fd */
PROG_UNUSED static void unix_pair(void)
{
	int s[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	must(write(s[0], "x", 1));
	fd = s[1];
	fd2 = s[0];
}

#endif /* REFUSED_H */
