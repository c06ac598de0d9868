// SPDX-License-Identifier: GPL-2.0
/* What the records of sockets may say: see kernel/cr_check.c. */
#include <linux/string.h>
#include "cr_check.h"

/* In the numbers of x86-64 */
#define TYPE_STREAM	1u
#define TYPE_DGRAM	2u
#define TYPE_SEQPACKET	5u
#define ERR_CONNRESET	104u
#define NAME_MAX_LEN	108u	/* sun_path */

/* Longer times cannot be said in jiffies */
#define TIMEOUT_MAX	(1ull << 52)

static void sock_read(struct cr_check *c, u32 id, struct cr_rec_sock *rec)
{
	struct cr_view v;

	cr_read_obj(c->img, id, &v, rec, sizeof(*rec));
}

static int positive_check(struct cr_check *c, __le32 value, const char *what)
{
	if (!value || le32_to_cpu(value) > S32_MAX)
		return cr_bad(c, "%s is %u", what, le32_to_cpu(value));
	return 0;
}

static int timeout_check(struct cr_check *c, __le64 us, const char *what)
{
	if (le64_to_cpu(us) > TIMEOUT_MAX &&
	    le64_to_cpu(us) != CR_SOCK_NO_TIMEOUT)
		return cr_bad(c, "%s of %llu us", what, cr_ull(us));
	return 0;
}

static int options_check(struct cr_check *c, const struct cr_rec_sock *rec)
{
	if (le32_to_cpu(rec->priority) > S32_MAX ||
	    le32_to_cpu(rec->linger_s) > S32_MAX ||
	    le32_to_cpu(rec->peek_off) > 1u + S32_MAX)
		return cr_bad(c, "priority %u, linger %u, peek offset %u",
			      le32_to_cpu(rec->priority),
			      le32_to_cpu(rec->linger_s),
			      le32_to_cpu(rec->peek_off));
	return cr_check_mask(c, le32_to_cpu(rec->options),
			     CR_SOCK_OPTIONS_KNOWN, "options") ?:
	       positive_check(c, rec->sndbuf, "sndbuf") ?:
	       positive_check(c, rec->rcvbuf, "rcvbuf") ?:
	       positive_check(c, rec->rcvlowat, "rcvlowat") ?:
	       timeout_check(c, rec->rcvtimeo_us, "rcvtimeo") ?:
	       timeout_check(c, rec->sndtimeo_us, "sndtimeo");
}

/* The two ends of a pair follow each other */
static int pair_check(struct cr_check *c, u32 id, const struct cr_rec_sock *rec)
{
	bool first = le32_to_cpu(rec->flags) & CR_SOCK_FIRST;
	struct cr_rec_sock other;

	if (first && rec->peer)
		return cr_bad(c, "is both ends of a pair");
	if (first) {
		if (id == c->img->nr_objects ||
		    c->img->objs[id + 1].type != CR_REC_SOCK)
			return cr_bad(c, "object %u is not its other end",
				      id + 1);
		sock_read(c, id + 1, &other);
		if (le32_to_cpu(other.peer) != id)
			return cr_bad(c, "object %u is not its other end",
				      id + 1);
	}
	if (rec->peer) {
		if (cr_check_ref(c, id, rec->peer, CR_REC_SOCK, "peer"))
			return -EBADMSG;
		sock_read(c, id - 1, &other);
		if (le32_to_cpu(rec->peer) != id - 1 ||
		    !(le32_to_cpu(other.flags) & CR_SOCK_FIRST))
			return cr_bad(c, "object %u is not its other end",
				      le32_to_cpu(rec->peer));
		if (other.type != rec->type)
			return cr_bad(c, "ends of types %u and %u",
				      le32_to_cpu(other.type),
				      le32_to_cpu(rec->type));
	}
	return 0;
}

static int path_check(struct cr_check *c, const struct cr_rec_sock *rec,
		      const char *path, const char *name)
{
	if (rec->mode && (!rec->path_len || le32_to_cpu(rec->mode) > 07777))
		return cr_bad(c, "mode 0%o", le32_to_cpu(rec->mode));
	if (!rec->path_len)
		return 0;
	if (!(le32_to_cpu(rec->flags) & CR_SOCK_BOUND) || !name[0])
		return cr_bad(c, "path of what is bound to none");
	if (le32_to_cpu(rec->path_len) > NAME_MAX_LEN)
		return cr_bad(c, "path of %u bytes",
			      le32_to_cpu(rec->path_len));
	return cr_check_path(c, path, le32_to_cpu(rec->path_len), "path");
}

static int name_check(struct cr_check *c, const struct cr_rec_sock *rec,
		      const struct cr_view *v)
{
	u32 flags = le32_to_cpu(rec->flags);
	u32 len = le32_to_cpu(rec->name_len);
	const char *name = v->tail;
	int err;

	err = cr_check_tail(c, v, (u64)len + le32_to_cpu(rec->path_len));
	if (err)
		return err;
	if ((flags & CR_SOCK_BOUND) && (flags & CR_SOCK_DEAD))
		return cr_bad(c, "bound, but closed");
	if (!len) {
		if (flags & (CR_SOCK_BOUND | CR_SOCK_LISTEN) || rec->path_len ||
		    rec->mode)
			return cr_bad(c, "bound, without a name");
		return 0;
	}
	if (len > NAME_MAX_LEN)
		return cr_bad(c, "name of %u bytes", len);
	if (name[0])
		err = cr_check_name(c, name, len, "name");
	return err ?: path_check(c, rec, name + len, name);
}

/* Who listens, and who waits to be accepted */
static int listen_check(struct cr_check *c, u32 id,
			const struct cr_rec_sock *rec)
{
	u32 flags = le32_to_cpu(rec->flags);
	struct cr_rec_sock listener;

	if (flags & CR_SOCK_LISTEN) {
		if (le32_to_cpu(rec->type) == TYPE_DGRAM || rec->peer ||
		    flags & (CR_SOCK_FIRST | CR_SOCK_DEAD | CR_SOCK_PENDING) ||
		    !(flags & CR_SOCK_BOUND))
			return cr_bad(c, "listens with flags 0x%x", flags);
		if (le32_to_cpu(rec->backlog) > S32_MAX)
			return cr_bad(c, "backlog of %u",
				      le32_to_cpu(rec->backlog));
	} else if (rec->backlog) {
		return cr_bad(c, "backlog of what does not listen");
	}
	if (!(flags & CR_SOCK_PENDING))
		return rec->listener ? cr_bad(c, "listener %u of no connection",
					      le32_to_cpu(rec->listener)) : 0;
	if (!rec->peer || le32_to_cpu(rec->type) == TYPE_DGRAM ||
	    flags & (CR_SOCK_DEAD | CR_SOCK_BOUND))
		return cr_bad(c, "waits with flags 0x%x", flags);
	if (cr_check_ref(c, id, rec->listener, CR_REC_SOCK, "listener"))
		return -EBADMSG;
	sock_read(c, le32_to_cpu(rec->listener), &listener);
	if (!(le32_to_cpu(listener.flags) & CR_SOCK_LISTEN) ||
	    listener.type != rec->type)
		return cr_bad(c, "object %u does not listen for it",
			      le32_to_cpu(rec->listener));
	return 0;
}

int cr_sock_check(struct cr_check *c, u32 id)
{
	struct cr_rec_sock rec;
	struct cr_view v;
	u32 type, flags;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	type = le32_to_cpu(rec.type);
	flags = le32_to_cpu(rec.flags);
	if (type != TYPE_STREAM && type != TYPE_DGRAM && type != TYPE_SEQPACKET)
		return cr_unknown(c, "unknown type %u", type);
	err = cr_check_mask(c, flags, CR_SOCK_KNOWN, "flags") ?:
	      cr_check_mask(c, le32_to_cpu(rec.shutdown),
			    CR_SOCK_SHUT_RD | CR_SOCK_SHUT_WR, "shutdown") ?:
	      pair_check(c, id, &rec) ?:
	      listen_check(c, id, &rec) ?:
	      name_check(c, &rec, &v) ?:
	      options_check(c, &rec);
	if (err)
		return err;
	if (rec.err && le32_to_cpu(rec.err) != ERR_CONNRESET)
		return cr_unknown(c, "pending error %u", le32_to_cpu(rec.err));
	if (le32_to_cpu(rec.peer_pid) > CR_PID_MAX)
		return cr_bad(c, "peer has pid %u", le32_to_cpu(rec.peer_pid));
	if (!(flags & CR_SOCK_PEERCRED) &&
	    (rec.peer_pid || rec.peer_uid || rec.peer_gid))
		return cr_bad(c, "credentials of no peer");
	return 0;
}

/* @ref must be a socket with none of the @flags */
static int sock_ref_check(struct cr_check *c, u32 id, __le32 ref, u32 flags,
			  const char *what)
{
	struct cr_rec_sock rec;

	if (cr_check_ref(c, id, ref, CR_REC_SOCK, what))
		return -EBADMSG;
	sock_read(c, le32_to_cpu(ref), &rec);
	if (le32_to_cpu(rec.flags) & flags)
		return cr_bad(c, "%s: object %u is %s", what, le32_to_cpu(ref),
			      le32_to_cpu(rec.flags) & CR_SOCK_DEAD ?
			      "closed" : "not connected");
	return 0;
}

int cr_check_open_sock(struct cr_check *c, u32 id, __le32 ref, const char *what)
{
	return sock_ref_check(c, id, ref, CR_SOCK_DEAD | CR_SOCK_PENDING, what);
}

/* What a datagram socket sends to without being connected by it */
static int dest_check(struct cr_check *c, u32 id, __le32 ref,
		      const struct cr_rec_sock *sock)
{
	struct cr_rec_sock dest;

	if (!ref)
		return 0;
	if (cr_check_ref(c, id, ref, CR_REC_SOCK, "dest"))
		return -EBADMSG;
	sock_read(c, le32_to_cpu(ref), &dest);
	if (le32_to_cpu(sock->type) != TYPE_DGRAM || sock->peer ||
	    le32_to_cpu(sock->flags) & CR_SOCK_FIRST ||
	    le32_to_cpu(dest.type) != TYPE_DGRAM || !dest.name_len ||
	    !(le32_to_cpu(dest.flags) & (CR_SOCK_BOUND | CR_SOCK_DEAD)))
		return cr_bad(c, "dest: object %u cannot be connected to",
			      le32_to_cpu(ref));
	return 0;
}

/* May @sender have sent to @sock? */
static int sender_check(struct cr_check *c, u32 id, __le32 sender,
			const struct cr_rec_sock *sock, u32 peer)
{
	struct cr_rec_sock from;

	if (sock_ref_check(c, id, sender, CR_SOCK_PENDING, "sender"))
		return -EBADMSG;
	if (le32_to_cpu(sender) == peer)
		return 0;
	sock_read(c, le32_to_cpu(sender), &from);
	if (le32_to_cpu(from.type) != TYPE_DGRAM ||
	    le32_to_cpu(sock->type) != TYPE_DGRAM || peer ||
	    !(le32_to_cpu(sock->flags) & CR_SOCK_BOUND))
		return cr_bad(c, "object %u is not connected to the receiver",
			      le32_to_cpu(sender));
	return 0;
}

/* What the message takes along; they stand before its bytes */
static int msg_files_check(struct cr_check *c, u32 id, const struct cr_view *v,
			   u32 nr)
{
	const u8 *tail = v->tail;
	__le32 file;
	u32 i;

	for (i = 0; i < nr; i++) {
		memcpy(&file, tail + i * sizeof(file), sizeof(file));
		if (cr_check_ref(c, id, file, CR_REC_FILE, "file"))
			return -EBADMSG;
	}
	return 0;
}

static int msg_check(struct cr_check *c, const struct cr_detail_iter *it,
		     u32 id, const struct cr_rec_sock *sock, u32 peer)
{
	struct cr_rec_sock_msg rec;
	u32 nr;

	cr_detail(it, &rec, sizeof(rec));
	nr = le32_to_cpu(rec.nr_files);
	if (sender_check(c, id, rec.sender, sock, peer))
		return -EBADMSG;
	if (!rec.len && le32_to_cpu(sock->type) == TYPE_STREAM)
		return cr_bad(c, "nothing of a stream");
	if (le32_to_cpu(rec.len) > S32_MAX)
		return cr_bad(c, "%u bytes", le32_to_cpu(rec.len));
	if (nr > CR_SOCK_MSG_MAX_FILES)
		return cr_bad(c, "%u files", nr);
	if (le32_to_cpu(rec.pid) > CR_PID_MAX)
		return cr_bad(c, "sender has pid %u", le32_to_cpu(rec.pid));
	if (!(le32_to_cpu(rec.flags) & CR_SOCK_MSG_CREDS) &&
	    (rec.pid || rec.uid || rec.gid))
		return cr_bad(c, "credentials that were not sent");
	return cr_check_mask(c, le32_to_cpu(rec.flags), CR_SOCK_MSG_CREDS,
			     "flags") ?:
	       cr_check_zero(c, rec.reserved) ?:
	       cr_check_tail(c, &it->view, (u64)nr * sizeof(__le32) +
					   le32_to_cpu(rec.len)) ?:
	       msg_files_check(c, id, &it->view, nr);
}

int cr_sockq_check(struct cr_check *c, u32 id)
{
	u32 nr = c->img->objs[id].nr_details, peer;
	struct cr_rec_sockq rec;
	struct cr_rec_sock sock;
	struct cr_detail_iter it;
	struct cr_view v;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	err = sock_ref_check(c, id, rec.sock, CR_SOCK_DEAD | CR_SOCK_LISTEN,
			     "sock");
	if (err)
		return err;
	if (le32_to_cpu(rec.nr_msgs) != nr)
		return cr_bad(c, "%u messages, not %u", nr,
			      le32_to_cpu(rec.nr_msgs));
	sock_read(c, le32_to_cpu(rec.sock), &sock);
	err = cr_check_zero(c, rec.reserved) ?:
	      dest_check(c, id, rec.dest, &sock);
	if (err)
		return err;
	peer = le32_to_cpu(sock.peer);
	if (le32_to_cpu(sock.flags) & CR_SOCK_FIRST)
		peer = le32_to_cpu(rec.sock) + 1;
	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		err = msg_check(c, &it, id, &sock, peer);
		if (err)
			return err;
	}
	return 0;
}
