/* SPDX-License-Identifier: GPL-2.0 */
/* UNIX sockets: what net/unix/cr_unix*.c share. */
#ifndef _NET_UNIX_CR_UNIX_H
#define _NET_UNIX_CR_UNIX_H

#include <linux/net.h>
#include <linux/un.h>
#include <net/sock.h>
#include <net/af_unix.h>
#include <linux/cr.h>
#include <linux/cr_file.h>

/* cr_obj.flags of a SOCK */
#define UNIX_SCANNED	0x1	/* what it leads to has been collected */
#define UNIX_PENDING	0x2	/* found in the queue of a listening one */
#define UNIX_BY_MESSAGE	0x4	/* kept by what it has sent, has no references */
#define UNIX_STRANGER	0x8	/* somebody outside the job waits in its queue */

/**
 * struct cr_unix_sock - a restored socket
 * @sock: the socket; NULL: closed, or not accepted yet
 * @file: the open file that owns @sock; NULL for one that the job has closed
 * @sk: what outlives @sock; holds a reference
 * @addr: the name by which it is found until all are made; then, of a path, that
 * @addr_len: bytes of it; 0: it cannot be found
 * @hidden: @addr is not the name that is to be shown
 * @at_tmp: the inode at the path @addr is to be renamed
 * @made: nothing was at the path
 *
 * Owner: cr_restart.objs.
 */
struct cr_unix_sock {
	struct socket *sock;
	struct file *file;
	struct sock *sk;
	struct sockaddr_un addr;
	int addr_len;
	bool hidden;
	bool at_tmp;
	bool made;
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
/* The same, if it is a datagram socket that is no pair with its peer */
struct sock *cr_unix_dest(struct sock *sk);
/* Open, not waiting to be accepted, and no descriptor of the job leads to it */
bool cr_unix_is_outside(const struct cr_obj *obj);

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

/* ---- net/unix/cr_unix_name.c ---- */

/* Can it be found by its name? An accepted connection only shows one */
bool cr_unix_is_bound(struct sock *sk);
/* socket() */
int __must_check cr_unix_create(int type, struct socket **sock);
/*
 * The path that leads to it, to be kfree()d, and its mode; NULL: none.
 * @why: it is no good
 */
char *cr_unix_path_save(struct cr_save *s, struct cr_obj *obj, umode_t *mode,
			const char **why);
/* Bind it; @name: the tail of @rec */
int __must_check cr_unix_name_restore(struct cr_unix_sock *us,
				      const struct cr_rec_sock *rec,
				      const char *name);
/* connect() @sock to @to, by the name that this has for now */
int __must_check cr_unix_name_connect(struct socket *sock,
				      struct cr_unix_sock *to);
/* Give it its name and its path, as soon as nobody looks for it any more */
int __must_check cr_unix_name_settle(struct cr_unix_sock *us,
				     const struct cr_rec_sock *rec,
				     const char *name);
/* The restart has failed: it leaves no path behind */
void cr_unix_name_undo(struct cr_unix_sock *us);

/* ---- net/unix/cr_unix_queue.c: what waits to be received ---- */

/* Collect what the queue of @obj, a SOCK, leads to */
void cr_unix_queue_scan(struct cr_save *s, struct cr_obj *obj);
/* All is collected: mark @obj if it has a message, or connection, of a stranger */
void cr_unix_queue_outside(struct cr_save *s, struct cr_obj *obj);

/* ---- net/unix/cr_scm.c: open files that messages take along ---- */

/* Their number. Who reads @skb is kept away, by its iolock */
u32 cr_scm_count(const struct sk_buff *skb);
/* Collect those of @skb, which is in the queue of @obj, a SOCK; the same lock */
void cr_scm_collect(struct cr_save *s, struct cr_obj *obj,
		    const struct sk_buff *skb);
/* Write their ids, __le32 each, to @to; the same lock */
void cr_scm_save(struct cr_save *s, const struct sk_buff *skb, void *to);
/**
 * cr_scm_send() - kernel_sendmsg() of one piece, with descriptors
 * @r: the restart
 * @sock: the sender
 * @msg: without control messages
 * @vec: the bytes
 * @ids: of FILEs, __le32 each, which need not be aligned
 * @nr: their number
 *
 * Context: a user process; may sleep. Return: as sendmsg()
 */
int cr_scm_send(struct cr_restart *r, struct socket *sock, struct msghdr *msg,
		struct kvec *vec, const void *ids, u32 nr);
/*
 * Sockets and their files were held, and are not any more: what nobody else can
 * reach may have been left since, which is looked for when a socket is closed
 */
void cr_scm_release(void);

#endif /* _NET_UNIX_CR_UNIX_H */
