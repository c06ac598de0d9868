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
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>

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

static void sighand_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct sighand_struct *sighand = obj->ptr;

	/* one is ours */
	if (refcount_read(&sighand->count) > obj->refs + 1)
		cr_refuse(s, obj->holder, "CR-ESHARE",
			  "signal handlers shared with a process outside the job");
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

/* Copy a queue; room for @max entries. Returns how many there are */
static unsigned int pending_copy(struct task_struct *task,
				 struct sigpending *pending,
				 kernel_siginfo_t *infos, unsigned int max,
				 u64 *mask)
{
	unsigned int n = 0;
	struct sigqueue *q;

	spin_lock_irq(&cr_sighand(task)->siglock);
	*mask = sigset_to_u64(&pending->signal);
	list_for_each_entry(q, &pending->list, list) {
		if (n < max)
			copy_siginfo(&infos[n], &q->info);
		n++;
	}
	spin_unlock_irq(&cr_sighand(task)->siglock);
	return n;
}

u64 cr_pending_mask(struct task_struct *task, struct sigpending *pending)
{
	u64 mask;

	spin_lock_irq(&cr_sighand(task)->siglock);
	mask = sigset_to_u64(&pending->signal);
	spin_unlock_irq(&cr_sighand(task)->siglock);
	return mask;
}

void cr_pending_save(struct cr_save *s, struct cr_obj *obj,
		     struct task_struct *task, struct sigpending *pending)
{
	struct cr_rec_siginfo rec = {};
	unsigned int i, n, max = 0;
	kernel_siginfo_t *infos = NULL;
	siginfo_t *info;
	u64 mask;

	/* nothing dequeues while the job stands still, but more may arrive */
	while ((n = pending_copy(task, pending, infos, max, &mask)) > max) {
		kvfree(infos);
		max = n + 8;
		infos = kvcalloc(max, sizeof(*infos), GFP_KERNEL_ACCOUNT);
		if (!infos) {
			cr_fail(s, -ENOMEM);
			return;
		}
	}
	info = kmalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		cr_fail(s, -ENOMEM);
	for (i = 0; i < n && info; i++) {
		rec.sig = cpu_to_le32(infos[i].si_signo);
		copy_siginfo_to_external(info, &infos[i]);
		cr_write_detail(s, obj, CR_REC_SIGINFO, &rec, sizeof(rec), info,
				sizeof(*info));
	}
	kfree(info);
	kvfree(infos);
}

static int pending_send(struct cr_restart *r, int sig,
			struct kernel_siginfo *info, enum pid_type type)
{
	int err;

	spin_lock_irq(&cr_sighand(current)->siglock);
	err = send_signal_locked(sig, info, current, type);
	spin_unlock_irq(&cr_sighand(current)->siglock);
	if (err)
		return cr_err(&r->log, err, "pending signal %d: cannot be queued",
			      sig);
	return 0;
}

/*
 * In the task, with its handlers and its mask in place. A signal without a
 * queue entry (there was no memory for one) is one of the mask only.
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
		err = pending_send(r, sig, &info, type);
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
		err = pending_send(r, sig, &info, type);
		if (err)
			return err;
	}
	return 0;
}
