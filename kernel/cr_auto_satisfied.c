// SPDX-License-Identifier: GPL-2.0
/*
 * Who has had what he asked for: a process whose job was saved while a signal that
 * means so was pending for it. When it takes the signal, there is no second image.
 * When the signal has gone another way, because there is a handler by now, the
 * next one of its number is another wish.
 *
 * Locks: satisfied_lock, within siglock.
 */
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/cr_save.h>
#include <linux/cr_task.h>
#include "cr_auto_request.h"

/**
 * struct satisfied - a process whose signals have not been taken when its job was saved
 * @list: in all_satisfied
 * @pid: of the process; holds a reference
 * @signals: as bits
 * @req: that has made the image; holds a reference
 */
struct satisfied {
	struct list_head list;
	struct pid *pid;
	u64 signals;
	struct cr_request *req;
};

static LIST_HEAD(all_satisfied);
static DEFINE_SPINLOCK(satisfied_lock);
static unsigned int nr_satisfied;

/* The lock is not held: nobody finds it any more */
static void satisfied_free(struct satisfied *had)
{
	put_pid(had->pid);
	cr_request_put(had->req);
	kfree(had);
}

static void satisfied_free_all(struct list_head *gone)
{
	struct satisfied *had, *tmp;

	list_for_each_entry_safe(had, tmp, gone, list)
		satisfied_free(had);
}

/* Of no use any more; the lock is held */
static void satisfied_unlink(struct satisfied *had, struct list_head *gone)
{
	list_move(&had->list, gone);
	WRITE_ONCE(nr_satisfied, nr_satisfied - 1);
}

static void satisfied_reap(struct list_head *gone)
{
	struct satisfied *had, *tmp;

	spin_lock_irq(&satisfied_lock);
	list_for_each_entry_safe(had, tmp, &all_satisfied, list)
		if (!had->signals || !pid_has_task(had->pid, PIDTYPE_TGID))
			satisfied_unlink(had, gone);
	spin_unlock_irq(&satisfied_lock);
}

/* Without memory there is one image more */
static void satisfied_add(struct cr_request *req, struct cr_proc *proc)
{
	struct satisfied *had = kzalloc(sizeof(*had), GFP_KERNEL);

	if (!had)
		return;
	had->pid = get_task_pid(proc->task, PIDTYPE_TGID);
	had->signals = proc->satisfied;
	kref_get(&req->ref);
	had->req = req;
	spin_lock_irq(&satisfied_lock);
	list_add(&had->list, &all_satisfied);
	WRITE_ONCE(nr_satisfied, nr_satisfied + 1);
	spin_unlock_irq(&satisfied_lock);
}

void cr_satisfied_note(struct cr_request *req, struct cr_save *s)
{
	struct cr_proc *proc;
	LIST_HEAD(gone);

	satisfied_reap(&gone);
	satisfied_free_all(&gone);
	list_for_each_entry(proc, &s->procs, list)
		if (proc->satisfied)
			satisfied_add(req, proc);
}

struct cr_request *cr_satisfied_take(int sig)
{
	struct cr_request *req = NULL;
	struct satisfied *had;

	spin_lock_irq(&satisfied_lock);
	list_for_each_entry(had, &all_satisfied, list) {
		if (had->pid != task_tgid(current) ||
		    !(had->signals & BIT_ULL(sig - 1)))
			continue;
		had->signals &= ~BIT_ULL(sig - 1);
		req = had->req;
		kref_get(&req->ref);
		break;
	}
	spin_unlock_irq(&satisfied_lock);
	return req;
}

void cr_auto_wanted_again(struct task_struct *task, int sig)
{
	struct satisfied *had;
	unsigned long flags;

	if (!READ_ONCE(nr_satisfied))
		return;
	spin_lock_irqsave(&satisfied_lock, flags);
	list_for_each_entry(had, &all_satisfied, list)
		if (had->pid == task_tgid(task))
			had->signals &= ~BIT_ULL(sig - 1);
	spin_unlock_irqrestore(&satisfied_lock, flags);
}

void cr_satisfied_exit(void)
{
	/* nobody else is left */
	satisfied_free_all(&all_satisfied);
}
