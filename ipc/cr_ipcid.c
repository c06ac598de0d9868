// SPDX-License-Identifier: GPL-2.0
/*
 * System V message queues and semaphore sets: which of them belong to a job.
 * What they hold: cr_msgid.c, cr_semid.c.
 *
 * Nothing leads from a task to a queue or a set, so they are asked who uses
 * them. Of the saver's IPC namespace these are the job's:
 *
 * - those that a task of the job was the last to use (of a set: of one of its
 *   semaphores), sleeps on, or undoes something in (SEM_UNDO). SHARED, if a
 *   living process outside has used it likewise, or if somebody else has made
 *   it: then it has a life beside the job.
 * - UNUSED: those that a user of the job has made, or changed by IPC_SET, since
 *   its first process was started, and that no living process has used. It may
 *   be that processes of the job have, and have ended. cr_ipcid_kept.c
 *
 * What the saver may not read is not the job's. Refused if it waits for it.
 *
 * What a restart does with them: cr_ipcid_restore.c.
 *
 * Locks: ipc_ids.rwsem for reading, so that what was found stays; its own lock
 * for what it says.
 */
#include <linux/bsearch.h>
#include <linux/cred.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/timekeeping.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include "cr_ipcid.h"

static const struct cr_ipcid_ops *const kinds[] = {
	[CR_IPC_SEM]	= &cr_semid_ops,
	[CR_IPC_MSG]	= &cr_msgid_ops,
};

/* ---- numbers ---- */

static bool numbers_add(struct cr_numbers *n, u64 value)
{
	size_t max = n->max * 2 ?: 64;
	u64 *v;

	if (n->nr && n->v[n->nr - 1] == value)
		return true;
	if (n->nr == n->max) {
		v = kvmalloc_array(max, sizeof(*v), GFP_KERNEL_ACCOUNT);
		if (!v)
			return false;
		if (n->nr)
			memcpy(v, n->v, n->nr * sizeof(*v));
		kvfree(n->v);
		n->v = v;
		n->max = max;
	}
	n->v[n->nr++] = value;
	return true;
}

static int number_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void numbers_sort(struct cr_numbers *n)
{
	if (n->nr)
		sort(n->v, n->nr, sizeof(*n->v), number_cmp, NULL);
}

bool cr_numbers_have(const struct cr_numbers *n, u64 value)
{
	return n->nr && bsearch(&value, n->v, n->nr, sizeof(*n->v),
				number_cmp);
}

/* ---- who uses it ---- */

void cr_insiders_sort(struct cr_insiders *in)
{
	numbers_sort(&in->pids);
	numbers_sort(&in->undos);
	numbers_sort(&in->uids);
	numbers_sort(&in->waits[CR_IPC_SEM]);
	numbers_sort(&in->waits[CR_IPC_MSG]);
}

void cr_insiders_put(struct cr_insiders *in)
{
	kvfree(in->pids.v);
	kvfree(in->undos.v);
	kvfree(in->uids.v);
	kvfree(in->waits[CR_IPC_SEM].v);
	kvfree(in->waits[CR_IPC_MSG].v);
}

bool cr_insiders_add_undos(struct cr_insiders *in,
			   const struct sem_undo_list *list)
{
	return !list || numbers_add(&in->undos, (unsigned long)list);
}

/* It may be reaped meanwhile: then its pid is that of nobody */
bool cr_insiders_add(struct cr_insiders *in, struct task_struct *task)
{
	u64 pid;

	rcu_read_lock();
	pid = (unsigned long)task_pid(task);
	rcu_read_unlock();
	return (!pid || numbers_add(&in->pids, pid)) &&
	       cr_insiders_add_undos(in, READ_ONCE(task->sysvsem.undo_list));
}

/* Under RCU */
static bool pid_is_alive(struct pid *pid)
{
	struct task_struct *task = pid_task(pid, PIDTYPE_PID);

	return task && (!READ_ONCE(task->exit_state) ||
			!thread_group_empty(task));
}

void cr_ipc_use_pid(struct cr_ipc_use *use, const struct cr_insiders *in,
		    struct pid *pid)
{
	if (!pid)
		return;
	rcu_read_lock();
	if (!pid_task(pid, PIDTYPE_PID)) {
		/* its number may be another one's */
	} else if (cr_numbers_have(&in->pids, (unsigned long)pid)) {
		use->inside = true;
	} else if (pid_is_alive(pid)) {
		use->outside = true;
		use->pid = in->ns ? pid_nr_ns(pid, in->ns) : 0;
	}
	rcu_read_unlock();
}

/* ---- saving: which are the job's ---- */

/* What the call sleeps on that a thread is in, or has been taken out of */
static bool insider_add_wait(struct cr_insiders *in, struct task_struct *task)
{
	struct cr_numbers *n = NULL;
	unsigned long args[6];
	struct pt_regs *regs;
	long err;

	if (!try_get_task_stack(task))
		return true;
	regs = task_pt_regs(task);
	err = syscall_get_error(task, regs);
	switch (syscall_get_nr(task, regs)) {
	case __NR_semop:
	case __NR_semtimedop:
		n = &in->waits[CR_IPC_SEM];
		break;
	case __NR_msgsnd:
	case __NR_msgrcv:
		n = &in->waits[CR_IPC_MSG];
		break;
	}
	syscall_get_arguments(task, regs, args);
	put_task_stack(task);
	if (!n || (err != -ERESTARTNOHAND && err != -EINTR && err != -ENOSYS))
		return true;
	return numbers_add(n, (u32)args[0]);
}

static bool insider_add_uid(struct cr_insiders *in, struct task_struct *task)
{
	uid_t uid;

	rcu_read_lock();
	uid = from_kuid_munged(&init_user_ns, __task_cred(task)->euid);
	rcu_read_unlock();
	return numbers_add(&in->uids, uid);
}

static bool insiders_get(struct cr_save *s, struct cr_insiders *in)
{
	s64 age = ktime_get_boottime_ns() - s->leader->start_boottime;
	struct cr_thread *thread;
	struct cr_proc *proc;

	in->start = div_s64(ktime_get_real_ns() - age, NSEC_PER_SEC);
	list_for_each_entry(proc, &s->procs, list) {
		if (!cr_insiders_add(in, proc->task))
			return false;
		list_for_each_entry(thread, &proc->threads, list)
			if (!cr_insiders_add(in, thread->task) ||
			    !insider_add_uid(in, thread->task) ||
			    !insider_add_wait(in, thread->task))
				return false;
		cond_resched();
	}
	cr_insiders_sort(in);
	return true;
}

static struct kern_ipc_perm *perm_next(struct ipc_ids *ids, int *index)
{
	struct kern_ipc_perm *perm;

	rcu_read_lock();
	perm = idr_get_next(&ids->ipcs_idr, index);
	rcu_read_unlock();
	++*index;
	return perm;
}

/* Is it the job's? *@flags: CR_IPC_* */
static bool perm_belongs(struct cr_save *s, const struct cr_ipcid_ops *ops,
			 struct kern_ipc_perm *perm,
			 const struct cr_insiders *in, bool waits, u32 *flags)
{
	struct cr_ipc_use use = { .inside = waits };
	bool ours = cr_numbers_have(&in->uids,
				    from_kuid_munged(&init_user_ns, perm->cuid));

	spin_lock(&perm->lock);
	ops->use(perm, in, &use);
	spin_unlock(&perm->lock);
	*flags = 0;
	if (use.inside) {
		if (use.outside || !ours)
			*flags = CR_IPC_SHARED;
		return true;
	}
	*flags = CR_IPC_UNUSED;
	return ours && !use.outside &&
	       (ops->ctime(perm) >= in->start ||
		cr_ipcid_is_kept(ops, perm->id, current->nsproxy->ipc_ns,
				 s->leader));
}

/* ids->rwsem is held */
static void perm_collect(struct cr_save *s, const struct cr_ipcid_ops *ops,
			 struct kern_ipc_perm *perm,
			 const struct cr_insiders *in, bool waits)
{
	struct cr_obj *obj;
	u32 flags;

	if (ipcperms(current->nsproxy->ipc_ns, perm, S_IRUGO)) {
		if (waits)
			cr_refuse(s, s->leader, "CR-EIPC",
				  "%s %d: the job waits for it, and it may not be read",
				  ops->name, perm->id);
		return;
	}
	if (!perm_belongs(s, ops, perm, in, waits, &flags))
		return;
	obj = cr_obj_add(s, ops->type, (void *)(unsigned long)(perm->id + 1ul),
			 s->leader, 0);
	if (obj)
		obj->flags = flags;
}

static void kind_collect(struct cr_save *s, enum cr_ipc_kind kind,
			 const struct cr_insiders *in)
{
	struct ipc_ids *ids = cr_ipcid_ids(current->nsproxy->ipc_ns, kinds[kind]);
	struct kern_ipc_perm *perm;
	int index = 0;

	down_read(&ids->rwsem);
	while ((perm = perm_next(ids, &index))) {
		perm_collect(s, kinds[kind], perm, in,
			     cr_numbers_have(&in->waits[kind], perm->id));
		cond_resched();
	}
	up_read(&ids->rwsem);
}

void cr_ipcids_collect(struct cr_save *s)
{
	struct cr_insiders in = {};

	if (insiders_get(s, &in)) {
		kind_collect(s, CR_IPC_SEM, &in);
		kind_collect(s, CR_IPC_MSG, &in);
	} else {
		cr_fail(s, -ENOMEM);
	}
	cr_insiders_put(&in);
}

struct kern_ipc_perm *cr_ipcid_at(struct ipc_ids *ids, int id)
{
	struct kern_ipc_perm *perm;

	rcu_read_lock();
	perm = ipc_obtain_object_idr(ids, id);
	rcu_read_unlock();
	return IS_ERR(perm) ? NULL : perm;
}

struct kern_ipc_perm *cr_ipcid_lock_id(struct ipc_ids *ids, int id)
{
	struct kern_ipc_perm *perm;

	down_read(&ids->rwsem);
	perm = cr_ipcid_at(ids, id);
	if (perm && perm->id == id) {
		spin_lock(&perm->lock);
		__release(&perm->lock);	/* for sparse: the caller has it */
		return perm;
	}
	up_read(&ids->rwsem);
	return NULL;
}

struct kern_ipc_perm *cr_ipcid_get(const struct cr_ipcid_ops *ops, int id)
{
	return cr_ipcid_lock_id(cr_ipcid_ids(current->nsproxy->ipc_ns, ops),
				id);
}

void cr_ipcid_put(const struct cr_ipcid_ops *ops, struct kern_ipc_perm *perm)
{
	__acquire(&perm->lock);		/* for sparse, as above */
	spin_unlock(&perm->lock);
	up_read(&cr_ipcid_ids(current->nsproxy->ipc_ns, ops)->rwsem);
}

void cr_ipcid_gone(struct cr_save *s, const struct cr_ipcid_ops *ops, int id)
{
	cr_err(&s->log, cr_fail(s, -EAGAIN),
	       "%s %d: was removed, or changed, while it was saved", ops->name,
	       id);
}

u32 cr_ipcid_pid_nr(struct cr_save *s, struct pid *pid)
{
	u32 nr = 0;

	/* of one that has gone the number may be another one's by now */
	rcu_read_lock();
	if (pid && pid_task(pid, PIDTYPE_PID))
		nr = pid_nr_ns(pid, s->pid_ns);
	rcu_read_unlock();
	return nr;
}
