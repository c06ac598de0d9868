// SPDX-License-Identifier: GPL-2.0
/*
 * Options of UNIX sockets: read from where getsockopt() reads them, restored by
 * setsockopt(), so that its limits are those of the restarter.
 *
 * Refused: filters, BPF maps, time stamps, marks, and everything that has a
 * flag of its own which is not named here.
 *
 * Locks: RCU for a socket that others may close; the job stands still when
 * options are saved.
 */
#include <linux/jiffies.h>
#include <linux/security.h>
#include <linux/time64.h>
#include "cr_unix.h"

/* SOCK_FASYNC comes and goes with the open file's O_ASYNC: fs/cr_owner.c */
#define SK_FLAGS_KNOWN							\
	(BIT(SOCK_DEAD) | BIT(SOCK_DONE) | BIT(SOCK_URGINLINE) |	\
	 BIT(SOCK_KEEPOPEN) | BIT(SOCK_LINGER) | BIT(SOCK_BROADCAST) |	\
	 BIT(SOCK_ZAPPED) | BIT(SOCK_USE_WRITE_QUEUE) |			\
	 BIT(SOCK_LOCALROUTE) | BIT(SOCK_FASYNC) | BIT(SOCK_RCU_FREE))

#define SOCK_FLAGS_KNOWN						\
	(BIT(SOCKWQ_ASYNC_NOSPACE) | BIT(SOCKWQ_ASYNC_WAITDATA) |	\
	 BIT(SOCK_NOSPACE) | BIT(SOCK_PASSCRED) | BIT(SOCK_PASSSEC) |	\
	 BIT(SOCK_PASSPIDFD))

/* What is on or off: a bit of the record, of sk_flags or of socket.flags */
static const struct {
	u32 bit;
	int opt;
	int sk_flag;
	int sock_flag;
} switches[] = {
	{ CR_SOCK_DONTROUTE, SO_DONTROUTE, SOCK_LOCALROUTE, -1 },
	{ CR_SOCK_BROADCAST, SO_BROADCAST, SOCK_BROADCAST, -1 },
	{ CR_SOCK_KEEPALIVE, SO_KEEPALIVE, SOCK_KEEPOPEN, -1 },
	{ CR_SOCK_OOBINLINE, SO_OOBINLINE, SOCK_URGINLINE, -1 },
	{ CR_SOCK_PASSCRED, SO_PASSCRED, -1, SOCK_PASSCRED },
	{ CR_SOCK_PASSSEC, SO_PASSSEC, -1, SOCK_PASSSEC },
	{ CR_SOCK_PASSPIDFD, SO_PASSPIDFD, -1, SOCK_PASSPIDFD },
};

/* Of its struct socket; one of a process outside may be closed at any time */
static unsigned long socket_flags(const struct sock *sk)
{
	const struct socket *sock;
	unsigned long flags;

	/* it is freed behind a grace period */
	rcu_read_lock();
	sock = READ_ONCE(sk->sk_socket);
	flags = sock ? READ_ONCE(sock->flags) : 0;
	rcu_read_unlock();
	return flags;
}

void cr_unix_opts_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *sk = obj->ptr;
	unsigned long flags = READ_ONCE(sk->sk_flags) & ~SK_FLAGS_KNOWN;
	const char *what = NULL;

	if (rcu_access_pointer(sk->sk_filter) ||
	    READ_ONCE(sk->sk_user_data) ||
	    rcu_access_pointer(sk->sk_reuseport_cb))
		what = "a filter";
	else if (flags || READ_ONCE(sk->sk_tsflags))
		what = "time stamps, or an option that is not known";
	else if (socket_flags(sk) & ~SOCK_FLAGS_KNOWN)
		what = "an option that is not known";
	else if (READ_ONCE(sk->sk_mark) || READ_ONCE(sk->sk_bound_dev_if) ||
		 sk->sk_reuseport || READ_ONCE(sk->sk_incoming_cpu) != -1)
		what = "SO_MARK, SO_BINDTODEVICE, SO_REUSEPORT or SO_INCOMING_CPU";
	if (what)
		cr_refuse(s, obj->holder, "CR-ESOCK",
			  "%s with %s: not supported yet",
			  cr_unix_type_name(sk->sk_type), what);
}

static u64 timeout_us(long timeo)
{
	if (timeo == MAX_SCHEDULE_TIMEOUT)
		return CR_SOCK_NO_TIMEOUT;
	return (u64)timeo * (USEC_PER_SEC / HZ);
}

void cr_unix_opts_save(struct sock *sk, struct cr_rec_sock *rec)
{
	unsigned long flags = socket_flags(sk);
	u32 options = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(switches); i++)
		if (switches[i].sk_flag >= 0 ?
		    sock_flag(sk, switches[i].sk_flag) :
		    test_bit(switches[i].sock_flag, &flags))
			options |= switches[i].bit;
	if (sk->sk_reuse)
		options |= CR_SOCK_REUSEADDR;
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		options |= CR_SOCK_SNDBUF_LOCK;
	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		options |= CR_SOCK_RCVBUF_LOCK;
	if (sock_flag(sk, SOCK_LINGER)) {
		options |= CR_SOCK_LINGER;
		rec->linger_s = cpu_to_le32(min_t(unsigned long,
						  sk->sk_lingertime / HZ,
						  S32_MAX));
	}
	rec->options = cpu_to_le32(options);
	rec->sndbuf = cpu_to_le32(sk->sk_sndbuf);
	rec->rcvbuf = cpu_to_le32(sk->sk_rcvbuf);
	rec->rcvlowat = cpu_to_le32(sk->sk_rcvlowat);
	rec->priority = cpu_to_le32(sk->sk_priority);
	rec->peek_off = cpu_to_le32((u32)sk->sk_peek_off + 1);
	rec->rcvtimeo_us = cpu_to_le64(timeout_us(sk->sk_rcvtimeo));
	rec->sndtimeo_us = cpu_to_le64(timeout_us(sk->sk_sndtimeo));
}

/* ---- restart ---- */

static int opt_set(struct cr_restart *r, struct socket *sock, int opt,
		   void *value, size_t size)
{
	int err = security_socket_setsockopt(sock, SOL_SOCKET, opt) ?:
		  sock_setsockopt(sock, SOL_SOCKET, opt, KERNEL_SOCKPTR(value),
				  size);

	if (err)
		cr_err(&r->log, err,
		       "UNIX socket: option %d cannot be set (%pe)", opt,
		       ERR_PTR(err));
	return err;
}

static int opt_set_int(struct cr_restart *r, struct socket *sock, int opt,
		       int value)
{
	return opt_set(r, sock, opt, &value, sizeof(value));
}

/* setsockopt() doubles what it is given, and has a limit */
static int buf_set(struct cr_restart *r, struct socket *sock, bool snd,
		   u32 want)
{
	int *size = snd ? &sock->sk->sk_sndbuf : &sock->sk->sk_rcvbuf;
	int err;

	if (READ_ONCE(*size) == want)
		return 0;
	err = opt_set_int(r, sock, snd ? SO_SNDBUF : SO_RCVBUF, want / 2);
	if (err || READ_ONCE(*size) >= want - 1)
		return err;
	return opt_set_int(r, sock, snd ? SO_SNDBUFFORCE : SO_RCVBUFFORCE,
			   want / 2);
}

int cr_unix_opts_begin(struct cr_restart *r, struct socket *sock,
		       const struct cr_rec_sock *rec)
{
	int err = opt_set_int(r, sock, SO_SNDBUF, S32_MAX / 2);

	if (!err && READ_ONCE(sock->sk->sk_sndbuf) < le32_to_cpu(rec->sndbuf))
		err = buf_set(r, sock, true, le32_to_cpu(rec->sndbuf));
	return err;
}

static int bufs_restore(struct cr_restart *r, struct socket *sock,
			const struct cr_rec_sock *rec)
{
	u32 options = le32_to_cpu(rec->options);
	int locks = 0;

	if (options & CR_SOCK_SNDBUF_LOCK)
		locks |= SOCK_SNDBUF_LOCK;
	if (options & CR_SOCK_RCVBUF_LOCK)
		locks |= SOCK_RCVBUF_LOCK;
	return buf_set(r, sock, true, le32_to_cpu(rec->sndbuf)) ?:
	       buf_set(r, sock, false, le32_to_cpu(rec->rcvbuf)) ?:
	       opt_set_int(r, sock, SO_BUF_LOCK, locks);
}

static int timeout_restore(struct cr_restart *r, struct socket *sock, int opt,
			   __le64 timeout)
{
	struct __kernel_sock_timeval tv = { .tv_sec = -1 };
	u64 us = le64_to_cpu(timeout);

	if (us == CR_SOCK_NO_TIMEOUT)
		return 0;
	/* a negative time makes it not wait at all */
	if (us) {
		tv.tv_sec = us / USEC_PER_SEC;
		tv.tv_usec = us % USEC_PER_SEC;
	}
	return opt_set(r, sock, opt, &tv, sizeof(tv));
}

static int switches_restore(struct cr_restart *r, struct socket *sock,
			    u32 options)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(switches) && !err; i++)
		if (options & switches[i].bit)
			err = opt_set_int(r, sock, switches[i].opt, 1);
	if (!err && (options & CR_SOCK_REUSEADDR))
		err = opt_set_int(r, sock, SO_REUSEADDR, 1);
	return err;
}

int cr_unix_opts_restore(struct cr_restart *r, struct socket *sock,
			 const struct cr_rec_sock *rec)
{
	u32 options = le32_to_cpu(rec->options);
	struct linger linger = {
		.l_onoff = 1, .l_linger = le32_to_cpu(rec->linger_s),
	};
	int err;

	err = bufs_restore(r, sock, rec) ?:
	      switches_restore(r, sock, options) ?:
	      timeout_restore(r, sock, SO_RCVTIMEO_NEW, rec->rcvtimeo_us) ?:
	      timeout_restore(r, sock, SO_SNDTIMEO_NEW, rec->sndtimeo_us);
	if (!err && (options & CR_SOCK_LINGER))
		err = opt_set(r, sock, SO_LINGER, &linger, sizeof(linger));
	if (!err && le32_to_cpu(rec->rcvlowat) != 1)
		err = opt_set_int(r, sock, SO_RCVLOWAT,
				  le32_to_cpu(rec->rcvlowat));
	if (!err && rec->priority)
		err = opt_set_int(r, sock, SO_PRIORITY,
				  le32_to_cpu(rec->priority));
	if (!err && rec->peek_off)
		err = opt_set_int(r, sock, SO_PEEK_OFF,
				  le32_to_cpu(rec->peek_off) - 1);
	return err;
}
