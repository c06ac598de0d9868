// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors in flight (SCM_RIGHTS): open files that a message in the queue of
 * a UNIX socket takes along. They belong to the job as those do that descriptors
 * lead to: each is a FILE, looked at, counted and restored as any other, be
 * there a descriptor that leads to it, too, or not. A socket may be in its own
 * queue, or in one that only the like of it lead to: sockets are made before
 * their files, and queues are filled when all files are there.
 *
 * A restart sends them by sendmsg() itself, through descriptors of a table that
 * nobody else sees: limits, accounting and the graph for collecting garbage are
 * the kernel's. A pidfd is made when the tasks are there, and put in the place of
 * what was sent for it.
 *
 * Cycles that nobody of the job can reach are garbage, and not found. Refused:
 * those of urgent data that has been read: nobody can receive them any more.
 *
 * Locks: iolock keeps away who receives, and takes them out of the message. The
 * queue's own lock for walking.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/scm.h>
#include <linux/cr_anon.h>
#include "cr_unix.h"

static_assert(SCM_MAX_FD == CR_SOCK_MSG_MAX_FILES, "as sendmsg() takes them");

/* As the kernel does when one is closed; its own work does it, once for many */
void cr_scm_release(void)
{
	unix_gc();
}

/* ---- saving ---- */

u32 cr_scm_count(const struct sk_buff *skb)
{
	const struct scm_fp_list *fpl = UNIXCB(skb).fp;

	return fpl ? fpl->count : 0;
}

void cr_scm_collect(struct cr_save *s, struct cr_obj *obj,
		    const struct sk_buff *skb)
{
	const struct scm_fp_list *fpl = UNIXCB(skb).fp;
	unsigned long ino = sock_i_ino(obj->ptr);
	u32 i;

	for (i = 0; i < cr_scm_count(skb); i++)
		cr_file_collect_flight(s, fpl->fp[i], obj->holder, ino);
}

void cr_scm_save(struct cr_save *s, const struct sk_buff *skb, void *to)
{
	const struct scm_fp_list *fpl = UNIXCB(skb).fp;
	__le32 id;
	u32 i;

	for (i = 0; i < cr_scm_count(skb); i++) {
		id = cpu_to_le32(cr_obj_id(s, CR_OBJ_FILE, fpl->fp[i]));
		memcpy(to + i * sizeof(id), &id, sizeof(id));
	}
}

/* ---- restart ---- */

static u32 file_id(const void *ids, u32 i)
{
	__le32 id;

	memcpy(&id, ids + i * sizeof(id), sizeof(id));
	return le32_to_cpu(id);
}

/* In a table that is empty, which no limit of the caller's is meant for */
static int fds_install(struct cr_restart *r, const void *ids, u32 nr, int *fds)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		fds[i] = __get_unused_fd_flags(0, SCM_MAX_FD);
		if (fds[i] < 0)
			return fds[i];
		fd_install(fds[i], get_file(cr_restart_get(r, file_id(ids, i))));
	}
	return 0;
}

static int msg_send(struct cr_restart *r, struct socket *sock,
		    struct msghdr *msg, struct kvec *vec, const void *ids)
{
	struct cmsghdr *cmsg = msg->msg_control;
	u32 nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	struct cr_anon a;
	int ret;

	ret = cr_anon_table_begin(&a);
	if (ret)
		return ret;
	ret = fds_install(r, ids, nr, CMSG_DATA(cmsg)) ?:
	      kernel_sendmsg(sock, msg, vec, 1, vec->iov_len);
	cr_anon_table_end(&a);
	return ret;
}

int cr_scm_send(struct cr_restart *r, struct socket *sock, struct msghdr *msg,
		struct kvec *vec, const void *ids, u32 nr)
{
	struct cmsghdr *cmsg;
	int ret;

	if (!nr)
		return kernel_sendmsg(sock, msg, vec, 1, vec->iov_len);
	cmsg = kzalloc(CMSG_SPACE(nr * sizeof(int)), GFP_KERNEL_ACCOUNT);
	if (!cmsg)
		return -ENOMEM;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
	msg->msg_control = cmsg;
	msg->msg_controllen = CMSG_SPACE(nr * sizeof(int));
	ret = msg_send(r, sock, msg, vec, ids);
	msg->msg_control = NULL;
	kfree(cmsg);
	return ret;
}

/* Is FILE @id in flight in the messages of SOCKQ @queue? */
static bool queue_has(struct cr_restart *r, u32 queue, u32 id)
{
	struct cr_rec_sock_msg rec;
	struct cr_detail_iter it;
	u32 i;

	cr_for_each_detail(&r->img, queue, &it) {
		cr_detail(&it, &rec, sizeof(rec));
		for (i = 0; i < le32_to_cpu(rec.nr_files); i++)
			if (file_id(it.view.tail, i) == id)
				return true;
		cond_resched();
	}
	return false;
}

/*
 * Neither of them is a socket: the kernel has not noted who they are. Who
 * receives by a descriptor of the job's can only be who may trace it.
 */
static int queue_replace(struct sock *sk, struct file *from, struct file *to)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct scm_fp_list *fpl;
	struct sk_buff *skb;
	u32 n = 0;
	int i;

	if (mutex_lock_killable(&unix_sk(sk)->iolock))
		return -EINTR;
	spin_lock(&queue->lock);
	skb_queue_walk(queue, skb) {
		fpl = UNIXCB(skb).fp;
		for (i = 0; fpl && i < fpl->count; i++) {
			if (fpl->fp[i] != from)
				continue;
			fpl->fp[i] = get_file(to);
			n++;
		}
	}
	spin_unlock(&queue->lock);
	mutex_unlock(&unix_sk(sk)->iolock);
	while (n--)
		fput(from);
	return 0;
}

int cr_scm_replace_file(struct cr_restart *r, u32 id, struct file *to)
{
	struct cr_unix_sock *us;
	struct cr_rec_sockq rec;
	struct cr_view view;
	u32 queue;
	int err = 0;

	for (queue = id + 1; queue <= r->img.nr_objects && !err; queue++) {
		cond_resched();
		if (r->img.objs[queue].type != CR_REC_SOCKQ ||
		    !queue_has(r, queue, id))
			continue;
		cr_read_obj(&r->img, queue, &view, &rec, sizeof(rec));
		us = cr_restart_get(r, le32_to_cpu(rec.sock));
		err = queue_replace(us->sk, cr_restart_get(r, id), to);
	}
	return err;
}
