// SPDX-License-Identifier: GPL-2.0
/*
 * Signals: handlers, and what is pending, in order and with its siginfo.
 *
 * Locks: sighand->siglock for the queues. What is read under it is copied to
 * memory allocated before and written out after.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/signal.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>
#include <linux/cr_timer.h>

static u64 sigset_to_u64(const sigset_t *set)
{
	BUILD_BUG_ON(_NSIG != 64 || _NSIG_WORDS != 1);
	return set->sig[0];
}

static void sighand_get(struct cr_obj *obj)
{
	struct sighand_struct *sighand = obj->ptr;

	refcount_inc(&sighand->count);
}

static void sighand_put(struct cr_obj *obj)
{
	__cleanup_sighand(obj->ptr);
}

/* A zombie has it, too, until it has been waited for */
static void *sighand_of(struct task_struct *task)
{
	return rcu_access_pointer(task->sighand);
}

static void sighand_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct sighand_struct *sighand = obj->ptr;

	/* one is ours */
	cr_share_check(s, obj, sighand_of,
		       refcount_read(&sighand->count) - 1);
}

static void sighand_save(struct cr_save *s, struct cr_obj *obj)
{
	struct sighand_struct *sighand = obj->ptr;
	struct cr_rec_sighand rec = {};
	struct k_sigaction *actions;
	int sig, nr = 0;

	actions = kmalloc_array(_NSIG, sizeof(*actions), GFP_KERNEL);
	if (!actions) {
		cr_fail(s, -ENOMEM);
		return;
	}
	spin_lock_irq(&sighand->siglock);
	memcpy(actions, sighand->action, sizeof(*actions) * _NSIG);
	spin_unlock_irq(&sighand->siglock);

	for (sig = 0; sig < _NSIG; sig++)
		nr += actions[sig].sa.sa_handler != SIG_DFL ||
		      actions[sig].sa.sa_flags;
	rec.nr_actions = cpu_to_le32(nr);
	cr_write_obj(s, obj, &rec, sizeof(rec), NULL, 0);
	for (sig = 0; sig < _NSIG; sig++) {
		struct sigaction *sa = &actions[sig].sa;
		struct cr_rec_sigaction act = {
			.sig = cpu_to_le32(sig + 1),
			.handler = cpu_to_le64((unsigned long)sa->sa_handler),
			.flags = cpu_to_le64(sa->sa_flags),
			.restorer = cpu_to_le64((unsigned long)sa->sa_restorer),
			.mask = cpu_to_le64(sigset_to_u64(&sa->sa_mask)),
		};

		if (sa->sa_handler != SIG_DFL || sa->sa_flags)
			cr_write_detail(s, obj, CR_REC_SIGACTION, &act,
					sizeof(act), NULL, 0);
	}
	kfree(actions);
}

const struct cr_obj_ops cr_sighand_ops = {
	.name = "signal handlers",
	.rec = CR_REC_SIGHAND,
	.get = sighand_get,
	.put = sighand_put,
	.outside = sighand_outside,
	.save = sighand_save,
};

/* In the task: its handlers are its own and still those of the caller */
int cr_sighand_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_sigaction act;
	struct cr_detail_iter it;
	struct k_sigaction ka;
	int err;

	flush_signal_handlers(current, 1);
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_SIGACTION)
			continue;
		cr_detail(&it, &act, sizeof(act));
		memset(&ka, 0, sizeof(ka));
		ka.sa.sa_handler = (void __user *)le64_to_cpu(act.handler);
		ka.sa.sa_flags = le64_to_cpu(act.flags);
		ka.sa.sa_restorer = (void __user *)le64_to_cpu(act.restorer);
		ka.sa.sa_mask.sig[0] = le64_to_cpu(act.mask);
		err = do_sigaction(le32_to_cpu(act.sig), &ka, NULL);
		if (err)
			return cr_err(&r->log, err, "signal %u: its handler is not accepted",
				      le32_to_cpu(act.sig));
	}
	return 0;
}

/*
 * siglock is held. @blocked: by all who could take them. Is there room for all?
 * What asks for an image has it.
 */
static bool pending_copy(struct cr_proc *proc, const struct sigpending *from,
			 u64 blocked, struct cr_pending *to)
{
	u64 without = cr_auto_satisfied(proc->task, from, blocked);
	struct sigqueue *q;

	proc->satisfied |= without;
	to->mask = sigset_to_u64(&from->signal) & ~without;
	to->nr = 0;
	list_for_each_entry(q, &from->list, list) {
		if (without & BIT_ULL(q->info.si_signo - 1))
			continue;
		if (to->nr < to->max)
			copy_siginfo(&to->infos[to->nr], &q->info);
		to->nr++;
	}
	return to->nr <= to->max;
}

static int pending_grow(struct cr_pending *p)
{
	if (p->nr <= p->max)
		return 0;
	kvfree(p->infos);
	p->max = p->nr + 8;
	p->infos = kvcalloc(p->max, sizeof(*p->infos), GFP_KERNEL_ACCOUNT);
	return p->infos ? 0 : -ENOMEM;
}

/* Room for what did not fit the last time */
static int signals_grow(struct cr_proc *proc)
{
	struct cr_thread *thread;
	int err;

	if (proc->nr_timers > proc->max_timers) {
		kvfree(proc->timers);
		proc->max_timers = proc->nr_timers;
		proc->timers = kvcalloc(proc->max_timers,
					sizeof(*proc->timers),
					GFP_KERNEL_ACCOUNT);
		if (!proc->timers)
			return -ENOMEM;
	}
	err = pending_grow(&proc->pending);
	list_for_each_entry(thread, &proc->threads, list)
		err = err ?: pending_grow(&thread->pending);
	return err;
}

/* The save has failed; what there was no room for is not written before it ends */
static void signals_forget(struct cr_proc *proc)
{
	struct cr_thread *thread;

	proc->nr_timers = 0;
	proc->pending.nr = 0;
	list_for_each_entry(thread, &proc->threads, list)
		thread->pending.nr = 0;
}

void cr_signals_copy(struct cr_save *s, struct cr_proc *proc)
{
	struct task_struct *task = proc->task;
	struct cr_thread *thread;
	unsigned long flags;
	u64 blocked;
	bool fits;

	do {
		if (signals_grow(proc)) {
			cr_fail(s, -ENOMEM);
			signals_forget(proc);
			return;
		}
		/* all its threads have the same; it is gone if it was killed */
		if (!lock_task_sighand(task, &flags)) {
			cr_fail(s, -EINTR);
			signals_forget(proc);
			return;
		}
		blocked = ~0ull;
		proc->satisfied = 0;
		fits = true;
		list_for_each_entry(thread, &proc->threads, list) {
			blocked &= sigset_to_u64(&thread->task->blocked);
			fits &= pending_copy(proc, &thread->task->pending,
					     sigset_to_u64(&thread->task->blocked),
					     &thread->pending);
		}
		fits &= pending_copy(proc, &task->signal->shared_pending,
				     blocked, &proc->pending);
		cr_stop_copy(proc);
		cr_itimers_copy(proc);
		cr_timers_copy(s, proc);
		cr_sighand_unlock(task, flags);
	} while (!fits || proc->nr_timers > proc->max_timers);
}

void cr_signals_put(struct cr_proc *proc)
{
	struct cr_thread *thread;

	list_for_each_entry(thread, &proc->threads, list)
		kvfree(thread->pending.infos);
	kvfree(proc->pending.infos);
	kvfree(proc->timers);
}

void cr_pending_save(struct cr_save *s, struct cr_obj *obj,
		     const struct cr_pending *pending)
{
	struct cr_rec_siginfo rec = {};
	kernel_siginfo_t *kinfo;
	siginfo_t *info;
	unsigned int i;

	info = kmalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		cr_fail(s, -ENOMEM);
	for (i = 0; i < pending->nr && info; i++) {
		kinfo = &pending->infos[i];
		/* the kernel's own mark, and no user's business */
		if (kinfo->si_code == SI_TIMER)
			kinfo->si_sys_private = 0;
		rec.sig = cpu_to_le32(kinfo->si_signo);
		copy_siginfo_to_external(info, kinfo);
		cr_write_detail(s, obj, CR_REC_SIGINFO, &rec, sizeof(rec), info,
				sizeof(*info));
	}
	kfree(info);
}

void cr_cause_save(struct cr_save *s, struct cr_obj *obj,
		   struct task_struct *task)
{
	struct cr_rec_cause rec = {};
	siginfo_t *info;

	if (!s->cause || s->cause->class == CR_AUTO_NONE ||
	    s->cause->task != task)
		return;
	info = kmalloc(sizeof(*info), GFP_KERNEL);
	if (!info) {
		cr_fail(s, -ENOMEM);
		return;
	}
	copy_siginfo_to_external(info, &s->cause->info);
	rec.sig = cpu_to_le32(info->si_signo);
	rec.class = cpu_to_le32(s->cause->class);
	cr_write_detail(s, obj, CR_REC_CAUSE, &rec, sizeof(rec), info,
			sizeof(*info));
	kfree(info);
}

/* @entry: with what there is to say of it */
static int pending_send(struct cr_restart *r, int sig,
			struct kernel_siginfo *info, enum pid_type type,
			bool entry)
{
	struct sigpending *to = type == PIDTYPE_PID ? &current->pending :
				&current->signal->shared_pending;
	const struct list_head *last;
	int err;

	if (info->si_code == SI_TIMER && cr_timer_queue(info, type))
		return 0;
	spin_lock_irq(&cr_sighand(current)->siglock);
	/* of others than real-time signals there is one at most */
	if (sig < SIGRTMIN && sigismember(&to->signal, sig))
		entry = false;
	last = to->list.prev;
	err = send_signal_locked(sig, info, current, type);
	/* of some the kernel sets just the bit if it has no memory */
	if (!err && entry && to->list.prev == last)
		err = -EAGAIN;
	spin_unlock_irq(&cr_sighand(current)->siglock);
	if (err)
		return cr_err(&r->log, err, "pending signal %d: cannot be queued",
			      sig);
	return 0;
}

/*
 * In the task, before it or any thread of its process has its mask: all is
 * blocked, so none is dropped as ignored, and none ends the process that has
 * waited for it while it was stopped. A signal without a queue entry (there was
 * no memory for one) is one of the mask only.
 */
int cr_pending_restore(struct cr_restart *r, u32 id, u64 mask,
		       enum pid_type type)
{
	struct kernel_siginfo info;
	struct cr_rec_siginfo rec;
	struct cr_detail_iter it;
	siginfo_t ext;
	int err, sig;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_SIGINFO)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		sig = le32_to_cpu(rec.sig);
		memcpy(&ext, it.view.tail, sizeof(ext));
		clear_siginfo(&info);
		memcpy(&info, &ext, sizeof(info));
		info.si_signo = sig;
		err = pending_send(r, sig, &info, type, true);
		if (err)
			return err;
		mask &= ~BIT_ULL(sig - 1);
	}
	for (sig = 1; sig <= 64; sig++) {
		if (!(mask & BIT_ULL(sig - 1)))
			continue;
		clear_siginfo(&info);
		info.si_signo = sig;
		info.si_code = SI_USER;
		err = pending_send(r, sig, &info, type, false);
		if (err)
			return err;
	}
	return 0;
}
