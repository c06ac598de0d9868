/* SPDX-License-Identifier: GPL-2.0 */
/* UNIX sockets: what net/unix/cr_unix*.c share. */
#ifndef _NET_UNIX_CR_UNIX_H
#define _NET_UNIX_CR_UNIX_H

#include <linux/net.h>
#include <net/sock.h>
#include <net/af_unix.h>
#include <linux/cr.h>
#include <linux/cr_file.h>

/* cr_obj.flags of a SOCK */
#define UNIX_SCANNED	0x1	/* what it leads to has been collected */
#define UNIX_STRANGER	0x2	/* its queue holds what an outsider has sent */

/**
 * struct cr_unix_sock - a restored socket
 * @sock: the socket; NULL: closed
 * @file: the open file that owns @sock; NULL for one that the job has closed
 * @sk: what outlives @sock; holds a reference
 *
 * Owner: cr_restart.objs.
 */
struct cr_unix_sock {
	struct socket *sock;
	struct file *file;
	struct sock *sk;
};

static inline const char *cr_unix_type_name(u32 type)
{
	switch (type) {
	case SOCK_STREAM:
		return "UNIX stream socket";
	case SOCK_DGRAM:
		return "UNIX datagram socket";
	default:
		return "UNIX seqpacket socket";
	}
}

/* ---- net/unix/cr_unix.c ---- */

/* Note what a socket leads to, and what that leads to, without recursion */
void cr_unix_scan(struct cr_save *s, struct cr_obj *obj);
/* Its peer, with a reference; NULL: none */
struct sock *cr_unix_peer(struct sock *sk);

/* ---- net/unix/cr_unix_opts.c: what setsockopt() sets ---- */

/* Refuse what no record describes */
void cr_unix_opts_collect(struct cr_save *s, struct cr_obj *obj);
void cr_unix_opts_save(struct sock *sk, struct cr_rec_sock *rec);
/* Make room for all that may be in flight. Before the queue is filled */
int __must_check cr_unix_opts_begin(struct cr_restart *r, struct socket *sock,
				    const struct cr_rec_sock *rec);
/* Behind it */
int __must_check cr_unix_opts_restore(struct cr_restart *r, struct socket *sock,
				      const struct cr_rec_sock *rec);

/* ---- net/unix/cr_unix_queue.c: what waits to be received ---- */

/* Collect what the queue of @obj, a SOCK, leads to */
void cr_unix_queue_scan(struct cr_save *s, struct cr_obj *obj);

#endif /* _NET_UNIX_CR_UNIX_H */
