// SPDX-License-Identifier: GPL-2.0
/*
 * System V message queues: their messages. Which are the job's, and when they
 * are restored: cr_ipcid.c.
 *
 * A queue that is restored gets its messages at once, when all tasks are built:
 * they are sent, by msgsnd(), to a queue of the caller's that nobody knows of,
 * and change places with those that are there. So nobody sees a part of them,
 * what fails fails before, and a restart that fails changes them back.
 *
 * Refused: more than CR_MAX_MSGS messages or CR_MAX_MSG_BYTES of text.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/msg.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include "cr_ipcid.h"

/* The job stands still meanwhile: others may not keep it so by using a queue */
#define READ_TRIES	100

/* What msgsnd() takes: a long, and the text behind it */
#define MSGBUF_TEXT	sizeof(long)

static struct msg_queue *queue_of(const struct kern_ipc_perm *perm)
{
	return container_of(perm, struct msg_queue, q_perm);
}

/* ---- saving ---- */

/**
 * struct letters - the messages of a queue, copied
 * @types: of each
 * @lens: of the text of each
 * @nr: their number
 * @text: all texts
 * @bytes: of @text
 */
struct letters {
	u64 *types;
	u32 *lens;
	u32 nr;
	u8 *text;
	size_t bytes;
};

static void letters_put(struct letters *l)
{
	kvfree(l->types);
	kvfree(l->lens);
	kvfree(l->text);
}

static bool letters_alloc(struct letters *l, u32 nr, size_t bytes)
{
	l->nr = nr;
	l->bytes = bytes;
	l->types = kvmalloc_array(nr + 1, sizeof(*l->types),
				  GFP_KERNEL_ACCOUNT);
	l->lens = kvmalloc_array(nr + 1, sizeof(*l->lens), GFP_KERNEL_ACCOUNT);
	l->text = kvmalloc(bytes + 1, GFP_KERNEL_ACCOUNT);
	return l->types && l->lens && l->text;
}

static void msg_copy(const struct msg_msg *msg, u8 *to)
{
	size_t left = msg->m_ts, len;
	const struct msg_msgseg *seg;

	len = min(left, PAGE_SIZE - sizeof(*msg));
	memcpy(to, msg + 1, len);
	for (seg = msg->next; seg && left > len; seg = seg->next) {
		to += len;
		left -= len;
		len = min(left, PAGE_SIZE - sizeof(*seg));
		memcpy(to, seg + 1, len);
	}
}

/* Locked. -EACCES; -EPROTO it is not as this module knows it */
static int letters_copy(struct letters *l, struct msg_queue *msq)
{
	struct msg_msg *msg;
	size_t bytes = 0;
	u32 nr = 0;

	list_for_each_entry(msg, &msq->q_messages, m_list) {
		if (nr == l->nr || msg->m_ts > l->bytes - bytes)
			return -EPROTO;
		if (security_msg_queue_msgrcv(&msq->q_perm, msg, current, 0,
					      CR_IPC_SEARCH_ANY))
			return -EACCES;
		l->types[nr] = msg->m_type;
		l->lens[nr] = msg->m_ts;
		msg_copy(msg, l->text + bytes);
		bytes += msg->m_ts;
		nr++;
	}
	return nr == l->nr && bytes == l->bytes ? 0 : -EPROTO;
}

static void queue_record(struct cr_save *s, const struct msg_queue *msq,
			 struct cr_rec_msgq *rec)
{
	const struct kern_ipc_perm *perm = &msq->q_perm;
	struct user_namespace *ns = &init_user_ns;

	rec->msqid = cpu_to_le32(perm->id);
	rec->key = cpu_to_le32(perm->key);
	rec->mode = cpu_to_le32(perm->mode & S_IRWXUGO);
	rec->uid = cpu_to_le32(from_kuid_munged(ns, perm->uid));
	rec->gid = cpu_to_le32(from_kgid_munged(ns, perm->gid));
	rec->cuid = cpu_to_le32(from_kuid_munged(ns, perm->cuid));
	rec->cgid = cpu_to_le32(from_kgid_munged(ns, perm->cgid));
	rec->lspid = cpu_to_le32(cr_ipcid_pid_nr(s, msq->q_lspid));
	rec->lrpid = cpu_to_le32(cr_ipcid_pid_nr(s, msq->q_lrpid));
	rec->stime = cpu_to_le64(msq->q_stime);
	rec->rtime = cpu_to_le64(msq->q_rtime);
	rec->ctime = cpu_to_le64(msq->q_ctime);
	rec->qbytes = cpu_to_le64(msq->q_qbytes);
}

/* 1: done; 0: there were more than @l has room for, which says how many now */
static int queue_try(struct cr_save *s, int id, struct letters *l,
		     struct cr_rec_msgq *rec)
{
	struct kern_ipc_perm *perm = cr_ipcid_get(&cr_msgid_ops, id);
	struct msg_queue *msq;
	int done = 0;

	if (!perm)
		return -EIDRM;
	msq = queue_of(perm);
	if (msq->q_qnum > CR_MAX_MSGS || msq->q_cbytes > CR_MAX_MSG_BYTES) {
		done = -E2BIG;
	} else if (!l->text || msq->q_qnum != l->nr ||
		   msq->q_cbytes != l->bytes) {
		l->nr = msq->q_qnum;
		l->bytes = msq->q_cbytes;
	} else {
		done = letters_copy(l, msq) ?: 1;
		queue_record(s, msq, rec);
	}
	cr_ipcid_put(&cr_msgid_ops, perm);
	return done;
}

static int queue_read(struct cr_save *s, int id, struct letters *l,
		      struct cr_rec_msgq *rec)
{
	int done, tries;

	for (tries = 0; tries < READ_TRIES; tries++) {
		done = queue_try(s, id, l, rec);
		if (done)
			return done < 0 ? done : 0;
		/* others may go on using it */
		if (fatal_signal_pending(current))
			return -EINTR;
		letters_put(l);
		if (!letters_alloc(l, l->nr, l->bytes))
			return -ENOMEM;
	}
	return -EBUSY;
}

static void queue_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct kern_ipc_perm *perm;
	struct msg_queue *msq;
	bool large = false;
	int id = cr_ipcid_of(obj);

	/* ids->rwsem is held */
	rcu_read_lock();
	perm = ipc_obtain_object_idr(&current->nsproxy->ipc_ns->ids[CR_IPC_MSG_IDS],
				     id);
	if (!IS_ERR(perm)) {
		msq = queue_of(perm);
		large = READ_ONCE(msq->q_qnum) > CR_MAX_MSGS ||
			READ_ONCE(msq->q_cbytes) > CR_MAX_MSG_BYTES;
	}
	rcu_read_unlock();
	if (large)
		cr_refuse(s, obj->holder, "CR-EIPC",
			  "message queue %d: holds more than %u messages, or %u bytes",
			  id, CR_MAX_MSGS, CR_MAX_MSG_BYTES);
}

static void queue_write(struct cr_save *s, struct cr_obj *obj,
			const struct letters *l, struct cr_rec_msgq *rec)
{
	const u8 *text = l->text;
	u32 i;

	rec->flags = cpu_to_le32(obj->flags);
	rec->nr_msgs = cpu_to_le32(l->nr);
	cr_write_obj(s, obj, rec, sizeof(*rec), NULL, 0);
	for (i = 0; i < l->nr; i++) {
		struct cr_rec_msg msg = {
			.type = cpu_to_le64(l->types[i]),
			.len = cpu_to_le32(l->lens[i]),
		};

		cr_write_detail(s, obj, CR_REC_MSG, &msg, sizeof(msg), text,
				l->lens[i]);
		text += l->lens[i];
		cond_resched();
	}
}

static void queue_save(struct cr_save *s, struct cr_obj *obj)
{
	int id = cr_ipcid_of(obj), err;
	struct cr_rec_msgq rec = {};
	struct letters l = {};

	err = queue_read(s, id, &l, &rec);
	if (!err)
		queue_write(s, obj, &l, &rec);
	else if (err == -EIDRM)
		cr_ipcid_gone(s, &cr_msgid_ops, id);
	else
		cr_err(&s->log, cr_fail(s, err),
		       "message queue %d: cannot be read (%pe)", id,
		       ERR_PTR(err));
	letters_put(&l);
}

static void queue_none(struct cr_obj *obj)
{
	/* it is known by its number */
}

/* ---- restart ---- */

static void queue_rec(struct cr_restart *r, const struct cr_ipcid *o,
		      struct cr_rec_msgq *rec)
{
	struct cr_view view;

	cr_read_obj(&r->img, o->obj, &view, rec, sizeof(*rec));
}

static u64 letters_bytes(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;
	u64 bytes = 0;

	cr_for_each_detail(&r->img, id, &it)
		bytes += it.view.tail_len;
	return bytes;
}

static int queue_send(struct cr_restart *r, const struct cr_ipcid *o,
		      unsigned long buf, const struct cr_detail_iter *it)
{
	struct cr_rec_msg msg;
	long type, err;

	cr_detail(it, &msg, sizeof(msg));
	type = le64_to_cpu(msg.type);
	if (copy_to_user((void __user *)buf, &type, sizeof(type)) ||
	    copy_to_user((void __user *)buf + MSGBUF_TEXT, it->view.tail,
			 it->view.tail_len))
		return -EFAULT;
	err = ksys_msgsnd(o->spare, (void __user *)buf, it->view.tail_len,
			  IPC_NOWAIT);
	if (err == -EINVAL)
		return cr_ipcid_err(r, o, -E2BIG,
				    "a message is longer than MSGMAX allows");
	return err < 0 ? cr_ipcid_err(r, o, err, "a message cannot be sent") :
			 0;
}

/* Messages that are in the spare queue will be in that of the job */
static int queue_fill(struct cr_restart *r, struct cr_ipcid *o, u64 longest)
{
	unsigned long buf, size = PAGE_ALIGN(longest + MSGBUF_TEXT);
	struct cr_detail_iter it;
	int err = 0;

	buf = cr_lend(size, 0);
	if (IS_ERR_VALUE(buf))
		return buf;
	cr_for_each_detail(&r->img, o->obj, &it) {
		err = queue_send(r, o, buf, &it);
		if (fatal_signal_pending(current))
			err = err ?: -EINTR;
		if (err)
			break;
		cond_resched();
	}
	cr_lend_end(buf, size);
	return err;
}

static void queue_set_qbytes(int id, u64 qbytes)
{
	struct kern_ipc_perm *perm = cr_ipcid_get(&cr_msgid_ops, id);

	if (!perm)
		return;
	queue_of(perm)->q_qbytes = qbytes;
	cr_ipcid_put(&cr_msgid_ops, perm);
}

/* How much the caller may fill it: one that is there has its own limit */
static u64 queue_room(struct cr_restart *r, const struct cr_ipcid *o)
{
	u64 room = capable(CAP_SYS_RESOURCE) ? U64_MAX : o->ns->msg_ctlmnb;
	struct kern_ipc_perm *perm;

	if (o->created)
		return room;
	perm = cr_ipcid_lock_any(r, o);
	if (perm) {
		room = max(room, (u64)queue_of(perm)->q_qbytes);
		cr_ipcid_unlock(o, perm);
	}
	return room;
}

static int queue_prepare(struct cr_restart *r, struct cr_ipcid *o,
			 const struct cr_rec_msgq *rec)
{
	u64 bytes = letters_bytes(r, o->obj), longest = 0, room;
	struct cr_detail_iter it;
	long id;

	/* an earlier limit may have let in more than the present one does */
	room = max3(le64_to_cpu(rec->qbytes), bytes,
		    (u64)le32_to_cpu(rec->nr_msgs));
	/* as msgctl(IPC_SET) asks */
	if (room > queue_room(r, o))
		return cr_ipcid_err(r, o, -EPERM,
				    "more than MSGMNB allows: you may not make it so large");
	id = ksys_msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	if (id < 0)
		return cr_ipcid_err(r, o, id, "cannot be prepared");
	o->spare = id;
	queue_set_qbytes(o->spare, room);
	cr_for_each_detail(&r->img, o->obj, &it)
		longest = max(longest, (u64)it.view.tail_len);
	return rec->nr_msgs ? queue_fill(r, o, longest) : 0;
}

static int queue_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_msgq rec;
	struct cr_view view;
	struct cr_ipcid *o;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
	if (!o)
		return -ENOMEM;
	o->ops = &cr_msgid_ops;
	o->obj = id;
	o->id = le32_to_cpu(rec.msqid);
	o->key = le32_to_cpu(rec.key);
	o->flags = le32_to_cpu(rec.flags);
	o->mode = le32_to_cpu(rec.mode);
	o->uid = le32_to_cpu(rec.uid);
	o->gid = le32_to_cpu(rec.gid);
	o->cuid = le32_to_cpu(rec.cuid);
	o->cgid = le32_to_cpu(rec.cgid);
	o->ctime = le64_to_cpu(rec.ctime);
	err = cr_ipcid_restore(r, o);
	return err || o->left ? err : queue_prepare(r, o, &rec);
}

static long queue_make(const struct cr_ipcid *o, int flags)
{
	return ksys_msgget(o->key, flags);
}

static void queue_remove(int id)
{
	cr_anon_call(__x64_sys_msgctl, id, IPC_RMID, 0, 0);
}

static void queue_use(struct kern_ipc_perm *perm,
		      const struct cr_insiders *in, struct cr_ipc_use *use)
{
	struct msg_queue *msq = queue_of(perm);
	struct msg_receiver *receiver;
	struct msg_sender *sender;

	cr_ipc_use_pid(use, in, msq->q_lspid);
	cr_ipc_use_pid(use, in, msq->q_lrpid);
	/* they take themselves off the list, under the lock that is held */
	list_for_each_entry(receiver, &msq->q_receivers, r_list)
		cr_ipc_use_pid(use, in, task_pid(receiver->r_tsk));
	list_for_each_entry(sender, &msq->q_senders, list)
		cr_ipc_use_pid(use, in, task_pid(sender->tsk));
}

static time64_t queue_ctime(const struct kern_ipc_perm *perm)
{
	return queue_of(perm)->q_ctime;
}

static bool queue_same(struct cr_restart *r, const struct cr_ipcid *o,
		       const struct kern_ipc_perm *perm)
{
	return true;
}

/* Nothing was sent or received since */
static bool queue_unchanged(struct cr_restart *r, const struct cr_ipcid *o,
			    const struct kern_ipc_perm *perm)
{
	const struct msg_queue *msq = queue_of(perm);
	struct cr_rec_msgq rec;

	queue_rec(r, o, &rec);
	return msq->q_stime == le64_to_cpu(rec.stime) &&
	       msq->q_rtime == le64_to_cpu(rec.rtime) &&
	       msq->q_qnum == le32_to_cpu(rec.nr_msgs) &&
	       msq->q_cbytes == letters_bytes(r, o->obj);
}

static int queue_begin(struct cr_restart *r, struct cr_ipcid *o,
		       const struct cr_insiders *in)
{
	return 0;
}

static void messages_swap(struct list_head *a, struct list_head *b)
{
	LIST_HEAD(tmp);

	list_splice_init(a, &tmp);
	list_splice_init(b, a);
	list_splice(&tmp, b);
}

/* Who used it last, and when */
static void history_swap(struct msg_queue *a, struct msg_queue *b)
{
	swap(a->q_stime, b->q_stime);
	swap(a->q_rtime, b->q_rtime);
	swap(a->q_lspid, b->q_lspid);
	swap(a->q_lrpid, b->q_lrpid);
}

/* Both are locked. Without the right to say it, the history stays */
static void queues_exchange(struct msg_queue *msq, struct msg_queue *spare,
			    bool own)
{
	messages_swap(&msq->q_messages, &spare->q_messages);
	swap(msq->q_cbytes, spare->q_cbytes);
	swap(msq->q_qnum, spare->q_qnum);
	if (own)
		history_swap(msq, spare);
}

/*
 * The spare queue of @o, whose own one is locked. RMID waits for the lock of
 * all ids, so it stays. NULL: somebody has removed it
 */
static struct msg_queue *spare_lock(const struct cr_ipcid *o)
{
	struct kern_ipc_perm *perm;

	rcu_read_lock();
	perm = ipc_obtain_object_idr(&o->ns->ids[CR_IPC_MSG_IDS], o->spare);
	rcu_read_unlock();
	if (IS_ERR(perm) || perm->id != o->spare ||
	    !uid_eq(perm->cuid, current_euid()))
		return NULL;
	spin_lock_nested(&perm->lock, SINGLE_DEPTH_NESTING);
	__release(&perm->lock);	/* for sparse: the caller has it */
	return queue_of(perm);
}

static void spare_unlock(struct msg_queue *spare)
{
	__acquire(&spare->q_perm.lock);	/* for sparse, as above */
	spin_unlock(&spare->q_perm.lock);
}

/* Nobody has taken anything out of it */
static bool spare_is_full(struct cr_restart *r, const struct cr_ipcid *o,
			  const struct cr_rec_msgq *rec,
			  const struct msg_queue *spare)
{
	return spare->q_qnum == le32_to_cpu(rec->nr_msgs) &&
	       spare->q_cbytes == letters_bytes(r, o->obj);
}

/* What the image says of its queue. Takes the pids in exchange */
static void spare_say(struct msg_queue *spare, const struct cr_rec_msgq *rec,
		      struct pid *last[2])
{
	swap(spare->q_lspid, last[0]);
	swap(spare->q_lrpid, last[1]);
	spare->q_stime = le64_to_cpu(rec->stime);
	spare->q_rtime = le64_to_cpu(rec->rtime);
}

/* As if they were received here, and sent. Both are locked */
static int queue_allowed(struct msg_queue *msq, struct msg_queue *spare)
{
	struct msg_msg *msg;
	int err = 0;

	list_for_each_entry(msg, &msq->q_messages, m_list)
		err = err ?: security_msg_queue_msgrcv(&msq->q_perm, msg,
						       current, 0,
						       CR_IPC_SEARCH_ANY);
	list_for_each_entry(msg, &spare->q_messages, m_list)
		err = err ?: security_msg_queue_msgsnd(&msq->q_perm, msg, 0);
	return err;
}

/* Both are locked */
static void queue_put(struct cr_ipcid *o, const struct cr_rec_msgq *rec,
		      struct msg_queue *msq, struct msg_queue *spare)
{
	queues_exchange(msq, spare, o->own);
	o->changed = true;
	if (!o->created)
		return;
	cr_ipcid_set_perm(o, &msq->q_perm);
	msq->q_ctime = o->ctime;
	msq->q_qbytes = le64_to_cpu(rec->qbytes);
}

static int queue_settle(struct cr_restart *r, struct cr_ipcid *o,
			const struct cr_insiders *in)
{
	struct kern_ipc_perm *perm;
	struct msg_queue *spare;
	struct cr_rec_msgq rec;
	struct pid *last[2];
	int err = -EBUSY;

	queue_rec(r, o, &rec);
	last[0] = cr_restart_tgid(r, le32_to_cpu(rec.lspid));
	last[1] = cr_restart_tgid(r, le32_to_cpu(rec.lrpid)) ?:
		  cr_restart_pid(r, le32_to_cpu(rec.lrpid), PIDTYPE_PID);
	perm = cr_ipcid_lock(r, o, in);
	if (IS_ERR(perm)) {
		put_pid(last[0]);
		put_pid(last[1]);
		return PTR_ERR(perm);
	}
	spare = spare_lock(o);
	if (spare) {
		if (spare_is_full(r, o, &rec, spare))
			err = queue_allowed(queue_of(perm), spare);
		if (!err) {
			spare_say(spare, &rec, last);
			queue_put(o, &rec, queue_of(perm), spare);
		}
		spare_unlock(spare);
	}
	cr_ipcid_unlock(o, perm);
	put_pid(last[0]);
	put_pid(last[1]);
	if (err == -EBUSY)
		return cr_ipcid_err(r, o, err,
				    "somebody else took its messages");
	return err ? cr_ipcid_err(r, o, err, "you may not change it") : 0;
}

/* Who has begun to wait for it since looks again */
static void queue_wake(struct msg_queue *msq)
{
	struct msg_receiver *receiver;
	struct msg_sender *sender;

	list_for_each_entry(receiver, &msq->q_receivers, r_list)
		wake_up_process(receiver->r_tsk);
	list_for_each_entry(sender, &msq->q_senders, list)
		wake_up_process(sender->tsk);
}

static void queue_undo(struct cr_restart *r, struct cr_ipcid *o)
{
	struct kern_ipc_perm *perm = cr_ipcid_lock_any(r, o);
	struct msg_queue *spare;

	if (!perm)
		return;
	spare = spare_lock(o);
	if (spare) {
		queues_exchange(queue_of(perm), spare, o->own);
		spare_unlock(spare);
		queue_wake(queue_of(perm));
	}
	cr_ipcid_unlock(o, perm);
}

static void queue_release(struct cr_ipcid *o)
{
	if (o->spare >= 0)
		queue_remove(o->spare);
	o->spare = -1;
}

const struct cr_ipcid_ops cr_msgid_ops = {
	.name		= "message queue",
	.ids		= CR_IPC_MSG_IDS,
	.type		= CR_OBJ_MSGQ,
	.may		= S_IRUGO | S_IWUGO,
	.make		= queue_make,
	.remove		= queue_remove,
	.use		= queue_use,
	.ctime		= queue_ctime,
	.same		= queue_same,
	.unchanged	= queue_unchanged,
	.begin		= queue_begin,
	.settle		= queue_settle,
	.undo		= queue_undo,
	.release	= queue_release,
};

const struct cr_obj_ops cr_msgq_ops = {
	.name		= "message queue",
	.rec		= CR_REC_MSGQ,
	.get		= queue_none,
	.put		= queue_none,
	.collect	= queue_collect,
	.save		= queue_save,
	.restore	= queue_restore,
};
