// SPDX-License-Identifier: GPL-2.0
/*
 * UNIX sockets of all types: pairs, connections, listening sockets with those
 * that wait to be accepted, datagram sockets. What waits in their queues is an
 * object of its own (cr_unix_queue.c); options are in cr_unix_opts.c, names in
 * cr_unix_name.c.
 *
 * Both ends of a connection are written one directly behind the other, and made
 * by socketpair(): what connect() and accept() leave behind is the same, but for
 * the name of the listening socket, which is set. Only what waits to be accepted
 * is connected. An end that the job has closed is made as well, and closed when
 * the queue of the other end is full again: so the kernel finds the same state by
 * itself. A datagram socket that has connected to one that has not connected to
 * it does so last of all.
 *
 * SO_PEERCRED shows who has made the pair, or has listened. That process has its
 * number again if it is part of the job, and is 0, as one that cannot be seen, if
 * it is not.
 *
 * Refused: other ends, and senders, that only a process outside the job has,
 * datagram sockets that are connected to one without a name which is not theirs
 * any more, urgent data, other network namespaces.
 *
 * Locks: unix_state_lock for the peer; the rest is looked at without, and again
 * when the job stands still.
 */
#include <linux/fs.h>
#include <linux/cred.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <net/tcp_states.h>
#include <linux/cr_tree.h>
#include "cr_unix.h"

static void sock_refuse(struct cr_save *s, struct cr_obj *obj, const char *why)
{
	struct sock *sk = obj->ptr;

	cr_refuse(s, obj->holder, "CR-ESOCK", "%s: %s",
		  cr_unix_type_name(sk->sk_type), why);
}

/* ---- the socket: collecting ---- */

/*
 * What keeps a closed socket whose last message has not been received yet is
 * that message alone, as bytes that it has sent: so do we.
 */
static void unix_get(struct cr_obj *obj)
{
	struct sock *sk = obj->ptr;

	if (refcount_inc_not_zero(&sk->sk_refcnt))
		return;
	refcount_inc(&sk->sk_wmem_alloc);
	obj->flags |= UNIX_BY_MESSAGE;
}

static void unix_put(struct cr_obj *obj)
{
	if (obj->flags & UNIX_BY_MESSAGE)
		sk_free(obj->ptr);
	else
		sock_put(obj->ptr);
	cr_scm_release();
}

struct sock *cr_unix_peer(struct sock *sk)
{
	struct sock *peer;

	unix_state_lock(sk);
	peer = unix_peer(sk);
	if (peer)
		sock_hold(peer);
	unix_state_unlock(sk);
	return peer;
}

/* Is it in the network namespace that the job will be restarted in? */
static bool unix_net_is_leaders(struct cr_save *s, struct sock *sk)
{
	struct task_struct *leader = cr_first_task(s);
	bool same;

	task_lock(leader);
	same = !leader->nsproxy ||
	       net_eq(sock_net(sk), leader->nsproxy->net_ns);
	task_unlock(leader);
	return same;
}

static void unix_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *sk = obj->ptr;
	int err = READ_ONCE(sk->sk_err);

	if (!unix_net_is_leaders(s, sk))
		sock_refuse(s, obj, "in another network namespace: not supported");
	if (cr_unix_oob(unix_sk(sk)))
		sock_refuse(s, obj, "urgent data: not supported");
	if (READ_ONCE(sk->sk_err_soft) || (err && err != ECONNRESET))
		sock_refuse(s, obj, "an error that is not known is pending");
	cr_unix_opts_collect(s, obj);
}

void cr_unix_scan(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *peer;

	/* what is found while one is at work is found by the loop, too */
	if (s->scanning || (obj->flags & UNIX_SCANNED))
		return;
	s->scanning = true;
	list_for_each_entry_from(obj, &s->objs[CR_OBJ_SOCK], list) {
		if (obj->flags & UNIX_SCANNED)
			continue;
		obj->flags |= UNIX_SCANNED;
		peer = cr_unix_peer(obj->ptr);
		if (peer) {
			cr_obj_add(s, CR_OBJ_SOCK, peer, obj->holder, 0);
			sock_put(peer);
		}
		cr_unix_queue_scan(s, obj);
		cond_resched();
	}
	s->scanning = false;
}

/* ---- the socket: saving ---- */

/*
 * Are they the two ends of a connection? Of datagram sockets those are that
 * socketpair() has made, which nobody else can send to, or which know who has
 * made them; others have connected to a name, each for itself.
 */
static bool unix_is_pair(struct sock *sk, struct sock *peer)
{
	bool dead = sock_flag(peer, SOCK_DEAD);

	if (sk == peer || (!dead && unix_peer(peer) != sk))
		return false;
	if (sk->sk_type != SOCK_DGRAM)
		return true;
	return !unix_sk(peer)->addr ||
	       (!dead && sk->sk_peer_cred && peer->sk_peer_cred);
}

/* The other end, if @obj is one end of a connection */
static struct cr_obj *unix_other(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *peer = cr_unix_peer(obj->ptr);
	struct cr_obj *other = NULL;

	/* the closed end does not know the other any more */
	if (peer && unix_is_pair(obj->ptr, peer))
		other = cr_obj_find(s, CR_OBJ_SOCK, peer);
	if (peer)
		sock_put(peer);
	return other;
}

struct sock *cr_unix_dest(struct sock *sk)
{
	struct sock *peer = cr_unix_peer(sk);

	if (peer && (sk->sk_type != SOCK_DGRAM || unix_is_pair(sk, peer))) {
		sock_put(peer);
		peer = NULL;
	}
	return peer;
}

bool cr_unix_is_outside(const struct cr_obj *obj)
{
	return !obj->refs && !(obj->flags & UNIX_PENDING) &&
	       !sock_flag(obj->ptr, SOCK_DEAD);
}

/* Before the job is disturbed: can its name be restored? */
static void name_outside(struct cr_save *s, struct cr_obj *obj)
{
	const char *why;
	umode_t mode;

	/* who leads to it is refused; it may be closed at any time */
	if (cr_unix_is_outside(obj))
		return;
	kfree(cr_unix_path_save(s, obj, &mode, &why));
	if (why)
		sock_refuse(s, obj, why);
}

static void unix_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *sk = obj->ptr, *peer = cr_unix_peer(sk);
	struct cr_obj *other;

	name_outside(s, obj);
	cr_unix_queue_outside(s, obj);
	if (!peer)
		return;
	other = cr_obj_find(s, CR_OBJ_SOCK, peer);
	if (peer == sk)
		sock_refuse(s, obj, "connected to itself: not supported");
	else if (sk->sk_type == SOCK_DGRAM && !unix_is_pair(sk, peer) &&
		 !READ_ONCE(unix_sk(peer)->addr))
		sock_refuse(s, obj,
			    "connected to one that has no name: not supported");
	sock_put(peer);
	/* for end_has_stranger() */
	if (other)
		other->aux = (void *)((unsigned long)other->aux + 1);
}

static void peercred_save(struct cr_save *s, struct sock *sk,
			  struct cr_rec_sock *rec)
{
	spin_lock(&sk->sk_peer_lock);
	if (sk->sk_peer_cred) {
		const struct cred *cred = sk->sk_peer_cred;

		rec->flags |= cpu_to_le32(CR_SOCK_PEERCRED);
		rec->peer_pid = cpu_to_le32(pid_nr_ns(sk->sk_peer_pid,
						      s->pid_ns));
		rec->peer_uid = cpu_to_le32(from_kuid(&init_user_ns,
						      cred->euid));
		rec->peer_gid = cpu_to_le32(from_kgid(&init_user_ns,
						      cred->egid));
	}
	spin_unlock(&sk->sk_peer_lock);
}

/* Name and path behind each other */
static void unix_write_named(struct cr_save *s, struct cr_obj *obj,
			     struct cr_rec_sock *rec)
{
	struct unix_sock *u = unix_sk(obj->ptr);
	u32 name_len = u->addr->len - offsetof(struct sockaddr_un, sun_path);
	const char *why;
	char *path, *tail;
	u32 path_len;
	umode_t mode;

	path = cr_unix_path_save(s, obj, &mode, &why);
	if (why) {
		sock_refuse(s, obj, why);
		kfree(path);
		return;
	}
	path_len = path ? strlen(path) + 1 : 0;
	tail = kmalloc(name_len + path_len, GFP_KERNEL_ACCOUNT);
	if (!tail) {
		cr_fail(s, -ENOMEM);
	} else {
		memcpy(tail, (u8 *)u->addr->name +
			     offsetof(struct sockaddr_un, sun_path), name_len);
		memcpy(tail + name_len, path, path_len);
		rec->name_len = cpu_to_le32(name_len);
		rec->path_len = cpu_to_le32(path_len);
		if (path)
			rec->mode = cpu_to_le32(mode & S_IALLUGO);
		cr_write_obj(s, obj, rec, sizeof(*rec), tail,
			     name_len + path_len);
	}
	kfree(tail);
	kfree(path);
}

static void unix_write(struct cr_save *s, struct cr_obj *obj, u32 peer,
		       u32 flags)
{
	struct sock *sk = obj->ptr;
	struct cr_rec_sock rec = {};

	rec.type = cpu_to_le32(sk->sk_type);
	if (sock_flag(sk, SOCK_DEAD))
		flags |= CR_SOCK_DEAD;
	else if (unix_sk(sk)->addr && cr_unix_is_bound(sk))
		flags |= CR_SOCK_BOUND;
	if (sk->sk_state == TCP_LISTEN) {
		flags |= CR_SOCK_LISTEN;
		rec.backlog = cpu_to_le32(sk->sk_max_ack_backlog);
	}
	if (obj->flags & UNIX_PENDING) {
		flags |= CR_SOCK_PENDING;
		rec.listener = cpu_to_le32(cr_obj_id(s, CR_OBJ_SOCK,
						     unix_sk(sk)->listener));
	}
	rec.flags = cpu_to_le32(flags);
	rec.peer = cpu_to_le32(peer);
	rec.err = cpu_to_le32(READ_ONCE(sk->sk_err));
	rec.shutdown = cpu_to_le32(READ_ONCE(sk->sk_shutdown));
	cr_unix_opts_save(sk, &rec);
	peercred_save(s, sk, &rec);
	if (unix_sk(sk)->addr)
		unix_write_named(s, obj, &rec);
	else
		cr_write_obj(s, obj, &rec, sizeof(rec), NULL, 0);
}

/*
 * Both ends of a connection when the first of them is met; who has connected
 * before who waits to be accepted, and what that waits for before both.
 */
static void unix_save(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_obj *other = unix_other(s, obj), *listener;

	if (obj->id)
		return;
	if (obj->flags & UNIX_PENDING) {
		if (!other) {
			cr_obj_id(s, CR_OBJ_SOCK, unix_sk(obj->ptr)->peer);
			return;
		}
		swap(obj, other);
	}
	if (other && (other->flags & UNIX_PENDING)) {
		listener = cr_obj_find(s, CR_OBJ_SOCK,
				       unix_sk(other->ptr)->listener);
		if (listener && !listener->id)
			unix_write(s, listener, 0, 0);
	}
	unix_write(s, obj, 0, other ? CR_SOCK_FIRST : 0);
	if (other)
		unix_write(s, other, obj->id, 0);
}

/* ---- the socket: restart ---- */

static void unix_drop(void *ptr)
{
	struct cr_unix_sock *us = ptr;

	if (us->file)
		fput(us->file);
	else if (us->sock)
		sock_release(us->sock);
	sock_put(us->sk);
	kfree(us);
	cr_scm_release();
}

/* SO_PEERCRED will show those of the restarter */
static int peercred_check(struct cr_restart *r, const struct cr_rec_sock *rec)
{
	const struct cred *cred = current_cred();
	u32 uid = le32_to_cpu(rec->peer_uid);
	u32 gid = le32_to_cpu(rec->peer_gid);

	if (!(le32_to_cpu(rec->flags) & CR_SOCK_PEERCRED) ||
	    (uid == from_kuid(&init_user_ns, cred->euid) &&
	     gid == from_kgid(&init_user_ns, cred->egid)))
		return 0;
	return cr_err(&r->log, -EPERM,
		      "UNIX socket: made by user %u, group %u, which are not the restarter's",
		      uid, gid);
}

int cr_unix_create(int type, struct socket **sock)
{
	int err = sock_create(AF_UNIX, type, 0, sock);

	/* what the kernel says when there is no memory for an inode */
	return err == -ENFILE ? -ENOMEM : err;
}

/* The socket alone, or with the file that owns it from now on */
static int unix_make(struct cr_unix_sock *us, const struct cr_rec_sock *rec)
{
	struct file *file;
	int err;

	err = cr_unix_create(le32_to_cpu(rec->type), &us->sock);
	if (err)
		return err;
	us->sk = us->sock->sk;
	sock_hold(us->sk);
	if (le32_to_cpu(rec->flags) & CR_SOCK_DEAD)
		return 0;
	file = sock_alloc_file(us->sock, 0, NULL);
	if (IS_ERR(file)) {
		/* it has released the socket */
		us->sock = NULL;
		return PTR_ERR(file);
	}
	us->file = file;
	return 0;
}

/* As socketpair() does */
static int unix_pair(struct cr_restart *r, u32 first, struct cr_unix_sock *us)
{
	struct cr_unix_sock *other = cr_restart_get(r, first);
	int err;

	err = security_socket_socketpair(other->sock, us->sock);
	return err ?: READ_ONCE(us->sock->ops)->socketpair(other->sock,
							   us->sock);
}

/*
 * As connect() does: the kernel makes the end that waits to be accepted. It must
 * be ours: another listening socket may have been put in the path's place.
 */
static int unix_connect(struct cr_restart *r, const struct cr_rec_sock *rec,
			struct cr_unix_sock *us)
{
	struct cr_unix_sock *from, *to;
	int err;

	from = cr_restart_get(r, le32_to_cpu(rec->peer));
	to = cr_restart_get(r, le32_to_cpu(rec->listener));
	err = cr_unix_name_connect(from->sock, to);
	if (err)
		return err;
	us->sk = cr_unix_peer(from->sk);
	if (!us->sk)
		return -ECONNRESET;
	/* whoever accepts it clears that */
	if (READ_ONCE(unix_sk(us->sk)->listener) == to->sk)
		return 0;
	sock_put(us->sk);
	us->sk = NULL;
	return -EADDRINUSE;
}

static int unix_listen(struct socket *sock, u32 backlog)
{
	return security_socket_listen(sock, backlog) ?:
	       kernel_listen(sock, backlog);
}

/* Everything about it that does not depend on what is sent */
static int unix_set_up(struct cr_restart *r, struct cr_unix_sock *us,
		       const struct cr_rec_sock *rec, const char *name)
{
	u32 flags = le32_to_cpu(rec->flags);
	int err = 0;

	if (rec->peer)
		err = unix_pair(r, le32_to_cpu(rec->peer), us);
	if (!err)
		err = cr_unix_name_restore(us, rec, name);
	if (!err && (flags & CR_SOCK_LISTEN))
		err = unix_listen(us->sock, S32_MAX);
	/* of a connection, the kernel sets it, and puts none that is there */
	if (!err && (flags & CR_SOCK_PEERCRED) && !(flags & CR_SOCK_FIRST) &&
	    !us->sk->sk_peer_cred)
		us->sk->sk_peer_cred = get_current_cred();
	return err;
}

static int unix_restore_failed(struct cr_restart *r,
			       const struct cr_rec_sock *rec, const char *name,
			       int err)
{
	u32 len = le32_to_cpu(rec->name_len);

	const char *type = cr_unix_type_name(le32_to_cpu(rec->type));

	if (!len)
		return cr_err(&r->log, err, "%s: cannot be made (%pe)", type,
			      ERR_PTR(err));
	if (rec->path_len) {
		name += len;
		len = strlen(name);
	}
	switch (err) {
	case -EADDRINUSE:
		return cr_err(&r->log, err, "%*pE: %s: somebody is bound to it",
			      (int)len, name, type);
	case -EEXIST:
		return cr_err(&r->log, err,
			      "%*pE: %s: what is there now is no socket",
			      (int)len, name, type);
	case -ESTALE:
		return cr_err(&r->log, err, "%*pE: %s: the directory is gone",
			      (int)len, name, type);
	}
	return cr_err(&r->log, err, "%*pE: %s cannot be made (%pe)", (int)len,
		      name, type, ERR_PTR(err));
}

static int unix_restore(struct cr_restart *r, u32 id)
{
	struct cr_unix_sock *us;
	struct cr_rec_sock rec;
	struct cr_view view;
	bool pending;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	err = peercred_check(r, &rec);
	if (err)
		return err;
	us = kzalloc(sizeof(*us), GFP_KERNEL_ACCOUNT);
	if (!us)
		return -ENOMEM;
	pending = le32_to_cpu(rec.flags) & CR_SOCK_PENDING;
	err = pending ? unix_connect(r, &rec, us) : unix_make(us, &rec);
	if (us->sk)
		cr_restart_set(r, id, us);
	else
		kfree(us);
	if (!err && !pending)
		err = unix_set_up(r, us, &rec, view.tail);
	if (err)
		return unix_restore_failed(r, &rec, view.tail, err);
	return pending ? 0 : cr_unix_opts_begin(r, us->sock, &rec);
}

static int shutdown_restore(struct socket *sock, u32 ends)
{
	enum sock_shutdown_cmd how = SHUT_RDWR;

	if (!ends)
		return 0;
	if (ends == CR_SOCK_SHUT_RD)
		how = SHUT_RD;
	else if (ends == CR_SOCK_SHUT_WR)
		how = SHUT_WR;
	return security_socket_shutdown(sock, how) ?:
	       kernel_sock_shutdown(sock, how);
}

/* listen() knows a limit */
static int listen_restore(struct socket *sock, u32 backlog)
{
	u32 max = READ_ONCE(sock_net(sock->sk)->core.sysctl_somaxconn);

	return unix_listen(sock, min(backlog, max));
}

static int end_settle(struct cr_restart *r, struct cr_unix_sock *us,
		      const struct cr_rec_sock *rec)
{
	int err = cr_unix_opts_restore(r, us->sock, rec) ?:
		  shutdown_restore(us->sock, le32_to_cpu(rec->shutdown));

	if (!err && (le32_to_cpu(rec->flags) & CR_SOCK_LISTEN))
		err = listen_restore(us->sock, le32_to_cpu(rec->backlog));
	/* from the other end, which has thrown away what it had not read */
	WRITE_ONCE(us->sk->sk_err, le32_to_cpu(rec->err));
	return err;
}

/* All queues are full: from now on nothing is sent */
static int unix_settle(struct cr_restart *r, u32 id)
{
	struct cr_unix_sock *us = cr_restart_get(r, id);
	struct cr_rec_sock rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	/* of one that waits to be accepted, the other end sees to all */
	if (!us->sock)
		return 0;
	err = cr_unix_name_settle(us, &rec, view.tail);
	if (err)
		return unix_restore_failed(r, &rec, view.tail, err);
	if (le32_to_cpu(rec.flags) & CR_SOCK_DEAD) {
		/* the next save finds it as this one did */
		err = cr_unix_opts_restore(r, us->sock, &rec);
		sock_release(us->sock);
		us->sock = NULL;
		return err;
	}
	return end_settle(r, us, &rec);
}

static void unix_undo(struct cr_restart *r, u32 id)
{
	cr_unix_name_undo(cr_restart_get(r, id));
}

/* Who is at the other end: so far it is the restarter */
static void unix_link(struct cr_restart *r, u32 id)
{
	struct cr_unix_sock *us = cr_restart_get(r, id);
	const struct cred *old_cred = NULL;
	struct pid *pid, *old_pid;
	struct cr_rec_sock rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	pid = cr_restart_pid(r, le32_to_cpu(rec.peer_pid), PIDTYPE_TGID);
	spin_lock(&us->sk->sk_peer_lock);
	old_pid = us->sk->sk_peer_pid;
	us->sk->sk_peer_pid = pid;
	if (!(le32_to_cpu(rec.flags) & CR_SOCK_PEERCRED)) {
		old_cred = us->sk->sk_peer_cred;
		us->sk->sk_peer_cred = NULL;
	}
	spin_unlock(&us->sk->sk_peer_lock);
	put_pid(old_pid);
	put_cred(old_cred);
}

const struct cr_obj_ops cr_sock_ops = {
	.name		= "UNIX socket",
	.rec		= CR_REC_SOCK,
	.get		= unix_get,
	.put		= unix_put,
	.collect	= unix_collect,
	.outside	= unix_outside,
	.save		= unix_save,
	.restore	= unix_restore,
	.settle		= unix_settle,
	.link		= unix_link,
	.undo		= unix_undo,
	.drop		= unix_drop,
};

/* ---- the open file ---- */

static bool end_match(struct file *file)
{
	struct socket *sock = sock_from_file(file);

	return sock && sock->sk && sock->sk->sk_family == AF_UNIX;
}

static struct cr_obj *end_sock(struct cr_save *s, const struct cr_obj *obj)
{
	return cr_obj_find(s, CR_OBJ_SOCK, sock_from_file(obj->ptr)->sk);
}

static void end_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_obj *sock;

	sock = cr_obj_add(s, CR_OBJ_SOCK, sock_from_file(obj->ptr)->sk,
			  obj->holder, 1);
	if (sock)
		cr_unix_scan(s, sock);
}

/*
 * Has a datagram socket outside the job connected to it? References are its
 * own, that of the kernel's table of names, the job's sockets that have connected
 * to it, and ours. Only when the job stands still: who sends holds one, too.
 */
static bool end_has_stranger(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *sk = obj->ptr;
	unsigned int own = 3 + (unsigned long)obj->aux;

	if (cr_obj_find(s, CR_OBJ_SOCKQ, sk))
		own++;
	return s->still && sk->sk_type == SOCK_DGRAM &&
	       refcount_read(&sk->sk_refcnt) > own;
}

/* Is its other end, or what it sends to, outside the job? */
static bool end_leads_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct sock *peer = cr_unix_peer(obj->ptr);
	struct cr_obj *other;

	if (!peer)
		return false;
	other = cr_obj_find(s, CR_OBJ_SOCK, peer);
	sock_put(peer);
	return other && cr_unix_is_outside(other);
}

static void end_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct inode *inode = file_inode(obj->ptr);
	struct cr_obj *sock = end_sock(s, obj);

	info->name = kasprintf(GFP_KERNEL_ACCOUNT, "socket:[%lu]",
			       inode->i_ino);
	if (!info->name) {
		cr_fail(s, -ENOMEM);
		return;
	}
	if (!sock)
		return;
	if (cr_file_is_shared(s, obj))
		cr_file_refuse(s, obj,
			       "UNIX socket shared with a process outside the job: not supported yet");
	else if (end_leads_outside(s, sock))
		cr_file_refuse(s, obj,
			       "UNIX socket whose other end is outside the job: not supported yet");
	else if (sock->flags & UNIX_STRANGER)
		cr_file_refuse(s, obj,
			       "UNIX socket with a message, or a connection, from outside the job: not supported yet");
	else if (end_has_stranger(s, sock))
		cr_file_refuse(s, obj,
			       "UNIX datagram socket that a process outside the job has connected to: not supported yet");
}

static const char *end_save(struct cr_save *s, struct cr_obj *obj,
			    struct cr_rec_file *rec)
{
	struct socket *sock = sock_from_file(obj->ptr);

	rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_SOCK, sock->sk));
	return cr_file_info(obj)->name;
}

static struct file *end_restore(struct cr_restart *r,
				const struct cr_rec_file *rec, const char *name)
{
	struct cr_unix_sock *us = cr_restart_get(r, le32_to_cpu(rec->obj));
	umode_t mode = le32_to_cpu(rec->mode);
	int err = 0;

	/* fchmod() of a socket is seen by fstat(), and by who binds it */
	if ((file_inode(us->file)->i_mode ^ mode) & S_IALLUGO)
		err = vfs_fchmod(us->file, mode & S_IALLUGO);
	if (err)
		return ERR_PTR(cr_err(&r->log, err,
				      "%*pE: mode cannot be set (%pe)",
				      CR_NAME(name), ERR_PTR(err)));
	cr_file_set_flags(us->file, ~0u, O_RDWR |
			  (le32_to_cpu(rec->open_flags) &
			   (O_NONBLOCK | O_APPEND | O_LARGEFILE)));
	return get_file(us->file);
}

const struct cr_file_type cr_unix_file = {
	.kind		= CR_FILE_SOCK,
	.match		= end_match,
	.collect	= end_collect,
	.outside	= end_outside,
	.save		= end_save,
	.restore	= end_restore,
};
