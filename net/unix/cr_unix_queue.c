// SPDX-License-Identifier: GPL-2.0
/*
 * What waits in the queue of a UNIX socket: messages, and of a stream the pieces
 * that it was sent in, which a reader sees by the sender's credentials. What they
 * take along is the matter of cr_scm.c.
 *
 * Saving only looks: nothing is taken out. Restart sends from the other end.
 * Times of arrival (SIOCGSTAMP) are those of the restart.
 *
 * Locks: iolock keeps readers away, which take apart what they read; saving only
 * tries it, since a reader of a job that runs may hold it while it waits for
 * memory. The queue's own lock for walking.
 */
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/tcp_states.h>
#include <linux/cr_build.h>
#include "cr_unix.h"

/**
 * struct queue_look - the messages of a queue, each with a reference
 * @nr: their number
 * @skb: oldest first
 */
struct queue_look {
	u32 nr;
	struct sk_buff *skb[];
};

static void look_put(struct queue_look *look)
{
	u32 i;

	for (i = 0; i < look->nr; i++)
		consume_skb(look->skb[i]);
	kvfree(look);
}

/* NULL: no memory. Who has read in part of a stream has left the rest of it */
static struct queue_look *look_get(struct sock *sk, gfp_t gfp)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	u32 max = skb_queue_len_lockless(queue);
	struct queue_look *look;
	struct sk_buff *skb;

	look = kvzalloc(struct_size(look, skb, max), gfp);
	if (!look)
		return NULL;
	spin_lock(&queue->lock);
	skb_queue_walk(queue, skb) {
		if (look->nr == max)
			break;
		look->skb[look->nr++] = skb_get(skb);
	}
	spin_unlock(&queue->lock);
	return look;
}

/* Bytes that are left of it: a stream may have been read in part */
static u32 skb_left(const struct sock *sk, const struct sk_buff *skb)
{
	if (sk->sk_type == SOCK_STREAM)
		return skb->len - UNIXCB(skb).consumed;
	return skb->len;
}

/* Nothing is left of it but its place, for urgent data that was there */
static bool skb_is_gone(const struct sock *sk, const struct sk_buff *skb)
{
	return sk->sk_type == SOCK_STREAM && !skb_left(sk, skb);
}

/* ---- collecting ---- */

/* A job that runs is looked at again */
static bool queue_trylock(struct cr_save *s, struct sock *sk)
{
	if (mutex_trylock(&unix_sk(sk)->iolock))
		return true;
	if (s->still)
		cr_err(&s->log, cr_fail(s, -EBUSY),
		       "UNIX socket: is being read");
	return false;
}

/* A message, or a connection that waits to be accepted: that is its sender */
static void skb_scan(struct cr_save *s, struct cr_obj *obj,
		     const struct sk_buff *skb, bool listening)
{
	struct cr_obj *sender;

	if (cr_scm_count(skb) && skb_is_gone(obj->ptr, skb))
		cr_refuse(s, obj->holder, "CR-ESOCK",
			  "UNIX socket: descriptors in flight with urgent data that was read: not supported");
	cr_scm_collect(s, obj, skb);
	sender = cr_obj_add(s, CR_OBJ_SOCK, skb->sk, obj->holder, 0);
	if (sender && listening)
		sender->flags |= UNIX_PENDING;
}

void cr_unix_queue_scan(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *sk = obj->ptr, *dest;
	bool listening = READ_ONCE(sk->sk_state) == TCP_LISTEN;
	struct queue_look *look;
	u32 i;

	if (sock_flag(sk, SOCK_DEAD))
		return;
	dest = cr_unix_dest(sk);
	if (dest) {
		cr_obj_add(s, CR_OBJ_SOCKQ, sk, obj->holder, 1);
		sock_put(dest);
	}
	if (skb_queue_empty_lockless(&sk->sk_receive_queue))
		return;
	if (!queue_trylock(s, sk))
		return;
	look = look_get(sk, GFP_KERNEL_ACCOUNT);
	if (!look) {
		cr_fail(s, -ENOMEM);
	} else {
		for (i = 0; i < look->nr; i++)
			skb_scan(s, obj, look->skb[i], listening);
		if (look->nr && !listening)
			cr_obj_add(s, CR_OBJ_SOCKQ, sk, obj->holder, 1);
	}
	mutex_unlock(&unix_sk(sk)->iolock);
	if (look)
		look_put(look);
}

void cr_unix_queue_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *sk = obj->ptr, *from;
	bool listening = READ_ONCE(sk->sk_state) == TCP_LISTEN;
	struct queue_look *look;
	struct cr_obj *sender;
	u32 i;

	if (sock_flag(sk, SOCK_DEAD) ||
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		return;
	look = look_get(sk, GFP_KERNEL_ACCOUNT);
	if (!look) {
		cr_fail(s, -ENOMEM);
		return;
	}
	for (i = 0; i < look->nr; i++) {
		from = look->skb[i]->sk;
		/* who has connected with the one that waits to be accepted */
		if (listening)
			from = cr_unix_peer(from);
		sender = from ? cr_obj_find(s, CR_OBJ_SOCK, from) : NULL;
		if (sender && cr_unix_is_outside(sender))
			obj->flags |= UNIX_STRANGER;
		if (listening && from)
			sock_put(from);
	}
	look_put(look);
}

/* ---- saving ---- */

static void queue_get(struct cr_obj *obj)
{
	sock_hold(obj->ptr);
}

static void queue_put(struct cr_obj *obj)
{
	sock_put(obj->ptr);
}

static void msg_save(struct cr_save *s, struct cr_obj *obj,
		     const struct sk_buff *skb)
{
	struct cr_rec_sock_msg rec = {};
	u32 len = skb_left(obj->ptr, skb), nr = cr_scm_count(skb);
	size_t files = nr * sizeof(__le32);
	void *buf;
	int err;

	buf = kvmalloc(max(files + len, 1ul), GFP_KERNEL_ACCOUNT);
	if (!buf) {
		cr_fail(s, -ENOMEM);
		return;
	}
	cr_scm_save(s, skb, buf);
	err = skb_copy_bits(skb, skb->len - len, buf + files, len);
	if (err)
		cr_err(&s->log, cr_fail(s, err),
		       "UNIX socket: a message cannot be read (%pe)",
		       ERR_PTR(err));
	rec.sender = cpu_to_le32(cr_obj_id(s, CR_OBJ_SOCK, skb->sk));
	rec.len = cpu_to_le32(len);
	rec.nr_files = cpu_to_le32(nr);
	if (UNIXCB(skb).pid) {
		rec.flags = cpu_to_le32(CR_SOCK_MSG_CREDS);
		rec.pid = cpu_to_le32(pid_nr_ns(UNIXCB(skb).pid, s->pid_ns));
		rec.uid = cpu_to_le32(from_kuid(&init_user_ns,
						UNIXCB(skb).uid));
		rec.gid = cpu_to_le32(from_kgid(&init_user_ns,
						UNIXCB(skb).gid));
	}
	cr_write_detail(s, obj, CR_REC_SOCK_MSG, &rec, sizeof(rec), buf,
			files + len);
	kvfree(buf);
}

/*
 * Not if it is from a stranger: one that was there when the job was stopped has
 * been refused, and what comes later, comes after the moment that is saved.
 */
static bool skb_is_saved(struct cr_save *s, const struct sock *sk,
			 const struct sk_buff *skb)
{
	const struct cr_obj *sender = cr_obj_find(s, CR_OBJ_SOCK, skb->sk);

	return !skb_is_gone(sk, skb) && sender && sender->id;
}

/* Who may trace the job could receive even now: iolock is held */
static void msgs_save(struct cr_save *s, struct cr_obj *obj,
		      struct cr_rec_sockq *rec)
{
	struct sock *sk = obj->ptr;
	struct queue_look *look;
	u32 i, nr = 0;

	look = look_get(sk, GFP_KERNEL_ACCOUNT);
	if (!look) {
		cr_fail(s, -ENOMEM);
		return;
	}
	for (i = 0; i < look->nr; i++)
		nr += skb_is_saved(s, sk, look->skb[i]);
	rec->nr_msgs = cpu_to_le32(nr);
	cr_write_obj(s, obj, rec, sizeof(*rec), NULL, 0);
	for (i = 0; i < look->nr; i++)
		if (skb_is_saved(s, sk, look->skb[i]))
			msg_save(s, obj, look->skb[i]);
	look_put(look);
}

static void queue_save(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *sk = obj->ptr;
	struct sock *dest = cr_unix_dest(sk);
	struct cr_rec_sockq rec = {};

	if (dest) {
		rec.dest = cpu_to_le32(cr_obj_id(s, CR_OBJ_SOCK, dest));
		sock_put(dest);
	}
	rec.sock = cpu_to_le32(cr_obj_id(s, CR_OBJ_SOCK, sk));
	if (!queue_trylock(s, sk))
		return;
	msgs_save(s, obj, &rec);
	mutex_unlock(&unix_sk(sk)->iolock);
}

/* ---- restart ---- */

/* What sendmsg() allows everybody to say of itself */
static int creds_check(struct cr_restart *r, const struct cr_rec_sock_msg *rec)
{
	kuid_t uid = make_kuid(&init_user_ns, le32_to_cpu(rec->uid));
	kgid_t gid = make_kgid(&init_user_ns, le32_to_cpu(rec->gid));
	const struct cred *cred = current_cred();

	if (!(le32_to_cpu(rec->flags) & CR_SOCK_MSG_CREDS) ||
	    ((uid_eq(uid, cred->uid) || uid_eq(uid, cred->euid) ||
	      uid_eq(uid, cred->suid)) &&
	     (gid_eq(gid, cred->gid) || gid_eq(gid, cred->egid) ||
	      gid_eq(gid, cred->sgid))))
		return 0;
	return cr_err(&r->log, -EPERM,
		      "UNIX socket: message from user %u, group %u, which are not the restarter's",
		      le32_to_cpu(rec->uid), le32_to_cpu(rec->gid));
}

/*
 * What is at a path may have been replaced: has @to got something from @from
 * behind @last? Nobody reads it yet.
 */
static bool msg_arrived(const struct cr_unix_sock *to,
			const struct cr_unix_sock *from,
			const struct sk_buff *last)
{
	struct sk_buff_head *queue = &to->sk->sk_receive_queue;
	struct sk_buff *skb;
	bool arrived = false;

	spin_lock(&queue->lock);
	skb_queue_reverse_walk(queue, skb) {
		arrived = skb != last && skb->sk == from->sk;
		if (arrived || skb == last)
			break;
	}
	spin_unlock(&queue->lock);
	return arrived;
}

static int msg_restore(struct cr_restart *r, struct cr_unix_sock *to,
		       const struct cr_detail_iter *it)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct cr_unix_sock *from;
	struct cr_rec_sock_msg rec;
	const struct sk_buff *last;
	struct kvec vec;
	int n, len;

	cr_detail(it, &rec, sizeof(rec));
	n = creds_check(r, &rec);
	if (n)
		return n;
	from = cr_restart_get(r, le32_to_cpu(rec.sender));
	/* not to its peer: by the name that the receiver has for now */
	if (unix_peer(from->sk) != to->sk) {
		msg.msg_name = &to->addr;
		msg.msg_namelen = to->addr_len;
	}
	len = le32_to_cpu(rec.len);
	vec.iov_base = (void *)it->view.tail + it->view.tail_len - len;
	vec.iov_len = len;
	/* compared only */
	last = skb_peek_tail(&to->sk->sk_receive_queue);
	n = cr_scm_send(r, from->sock, &msg, &vec, it->view.tail,
			le32_to_cpu(rec.nr_files));
	if (n == len && msg_arrived(to, from, last))
		return 0;
	if (n == len)
		n = -EADDRINUSE;
	else if (n == -ENOBUFS)	/* no memory; of EAGAIN: a full queue */
		n = -ENOMEM;
	else if (n >= 0 || n == -EAGAIN)
		n = -ENOBUFS;
	return cr_err(&r->log, n,
		      "UNIX socket: %d bytes with %u descriptors cannot be sent again (%pe)",
		      len, le32_to_cpu(rec.nr_files), ERR_PTR(n));
}

/* connect(): when what others had sent before is in its queue */
static int dest_restore(struct cr_restart *r, struct cr_unix_sock *us, u32 dest)
{
	struct cr_unix_sock *to = cr_restart_get(r, dest);
	int err = cr_unix_name_connect(us->sock, to);

	if (!err && unix_peer(us->sk) != to->sk)
		err = -EADDRINUSE;
	if (err)
		cr_err(&r->log, err, "UNIX datagram socket: connect() (%pe)",
		       ERR_PTR(err));
	return err;
}

static int queue_restore(struct cr_restart *r, u32 id)
{
	struct cr_unix_sock *to;
	struct cr_detail_iter it;
	struct cr_rec_sockq rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	to = cr_restart_get(r, le32_to_cpu(rec.sock));
	cr_for_each_detail(&r->img, id, &it) {
		err = msg_restore(r, to, &it);
		if (err)
			return err;
		cond_resched();
	}
	return rec.dest ? dest_restore(r, to, le32_to_cpu(rec.dest)) : 0;
}

/* The sender's credentials as they were, or none */
static void msg_link(struct sk_buff *skb, const struct cr_rec_sock_msg *rec,
		     struct pid *pid)
{
	put_pid(UNIXCB(skb).pid);
	UNIXCB(skb).pid = get_pid(pid);
	UNIXCB(skb).uid = INVALID_UID;
	UNIXCB(skb).gid = INVALID_GID;
	if (!(le32_to_cpu(rec->flags) & CR_SOCK_MSG_CREDS))
		return;
	UNIXCB(skb).uid = make_kuid(&init_user_ns, le32_to_cpu(rec->uid));
	UNIXCB(skb).gid = make_kgid(&init_user_ns, le32_to_cpu(rec->gid));
}

/*
 * The kernel may have cut a piece of a stream in several. What a process outside
 * has sent meanwhile is left alone.
 */
static void msgs_link(struct cr_restart *r, u32 id,
		      const struct queue_look *look)
{
	struct cr_unix_sock *from;
	struct cr_rec_sock_msg msg;
	struct cr_detail_iter it;
	struct pid *pid;
	u32 len, i = 0;

	cr_for_each_detail(&r->img, id, &it) {
		cr_detail(&it, &msg, sizeof(msg));
		pid = cr_restart_pid(r, le32_to_cpu(msg.pid), PIDTYPE_TGID);
		from = cr_restart_get(r, le32_to_cpu(msg.sender));
		len = le32_to_cpu(msg.len);
		while (i < look->nr) {
			struct sk_buff *skb = look->skb[i++];

			if (skb->sk != from->sk)
				continue;
			msg_link(skb, &msg, pid);
			len -= min(len, skb->len);
			if (!len)
				break;
		}
		put_pid(pid);
		cond_resched();
	}
}

/*
 * The tasks have their descriptors already: who may trace them can take a socket
 * out of one, read its queue, or empty it by connect(), which asks for no iolock.
 * A reader may hold that for as long as its memory takes.
 */
static void queue_link(struct cr_restart *r, u32 id)
{
	struct cr_unix_sock *to;
	struct cr_rec_sockq rec;
	struct queue_look *look;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	to = cr_restart_get(r, le32_to_cpu(rec.sock));
	if (mutex_lock_killable(&unix_sk(to->sk)->iolock)) {
		cr_restart_fail(r, -EINTR);
		return;
	}
	/* in place there is no way back any more */
	look = look_get(to->sk, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	msgs_link(r, id, look);
	mutex_unlock(&unix_sk(to->sk)->iolock);
	look_put(look);
}

const struct cr_obj_ops cr_sockq_ops = {
	.name		= "queue of a UNIX socket",
	.rec		= CR_REC_SOCKQ,
	.get		= queue_get,
	.put		= queue_put,
	.save		= queue_save,
	.restore	= queue_restore,
	.link		= queue_link,
};
