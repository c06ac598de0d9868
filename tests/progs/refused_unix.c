// SPDX-License-Identifier: GPL-2.0
/* As refused.c: UNIX sockets, and descriptors in flight in them, that cannot be saved. */
#include "refused.h"
#include <linux/filter.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/un.h>

static void unix_oob_setup(void)
{
	unix_pair();
	must(send(fd2, "!", 1, MSG_OOB));
}

static void unix_filter_setup(void)
{
	struct sock_filter all = { 0x06, 0, 0, 0xffffffff };	/* return: take it whole */
	struct sock_fprog prog = { 1, &all };

	unix_pair();
	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

static void unix_stamp_setup(void)
{
	int one = 1;

	unix_pair();
	must(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof(one)));
}

/* In flight, and nothing else leads to it */
static void fly(int away)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	unix_pair();
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &away, sizeof(away));
	must(sendmsg(fd2, &msg, 0));
	must(close(away));
}

static void rights_lock_setup(void)
{
	int away = new_file("locked");

	must(flock(away, LOCK_EX));
	fly(away);
}

static void rights_epoll_setup(void)
{
	fly(must(epoll_create1(0)));
}

static void rights_async_setup(void)
{
	int p[2];

	must(pipe(p));
	must(fcntl(p[0], F_SETFL, O_ASYNC));
	fly(p[0]);
}

static void rights_udp_setup(void)
{
	fly(must(socket(AF_INET, SOCK_DGRAM, 0)));
}

/* One has left the other for a third one */
static void unix_nameless_setup(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	int s[2], third = must(socket(AF_UNIX, SOCK_DGRAM, 0));

	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	must(bind(third, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	must(getsockname(third, (struct sockaddr *)&addr, &len));
	must(connect(s[1], (struct sockaddr *)&addr, len));
	must(write(s[1], "x", 1));
	fd = third;
}

static const struct prog_case cases[] = {
	{ "unix_oob", unix_oob_setup, readable_verify, true },
	{ "unix_filter", unix_filter_setup, readable_verify, true },
	{ "unix_stamp", unix_stamp_setup, readable_verify, true },
	{ "rights_lock", rights_lock_setup, readable_verify, true },
	{ "rights_epoll", rights_epoll_setup, readable_verify, true },
	{ "rights_async", rights_async_setup, readable_verify, true },
	{ "rights_udp", rights_udp_setup, readable_verify, true },
	{ "unix_nameless", unix_nameless_setup, readable_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
