// SPDX-License-Identifier: GPL-2.0
/*
 * The session that a pseudo-terminal of the job controls, and its foreground
 * process group. At restart the session gets it when all tasks are there, and
 * none runs.
 *
 * Refused: a session, or a foreground group, that is not of the job.
 *
 * Locks: ctrl.lock and siglock, shortly; tty_lock() where tasks get it.
 */
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/tty.h>
#include <linux/cr_build.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>
#include "cr_pty.h"

/* ---- saving ---- */

/* The job's process that leads @group, or NULL; a zombie may */
static struct task_struct *leader_of(struct cr_save *s, const struct pid *group)
{
	struct cr_proc *proc;

	list_for_each_entry(proc, &s->procs, list)
		if (task_pid(proc->task) == group)
			return proc->task;
	return NULL;
}

const char *cr_ctty_known(struct cr_save *s, struct tty_struct *slave)
{
	struct pid *session, *pgrp;
	struct task_struct *task;
	const char *why = NULL;

	spin_lock_irq(&slave->ctrl.lock);
	session = get_pid(slave->ctrl.session);
	pgrp = get_pid(slave->ctrl.pgrp);
	spin_unlock_irq(&slave->ctrl.lock);
	rcu_read_lock();
	task = session ? leader_of(s, pgrp) : NULL;
	if (session && !leader_of(s, session))
		why = "controls a session outside the job";
	else if (session && (!task || task_pgrp(task) != pgrp ||
			     task_session(task) != session))
		why = "its foreground process group is gone: not supported yet";
	rcu_read_unlock();
	put_pid(session);
	put_pid(pgrp);
	return why;
}

void cr_ctty_save(struct cr_save *s, struct tty_struct *slave,
		  struct cr_rec_pty *rec)
{
	spin_lock_irq(&slave->ctrl.lock);
	rec->session = cpu_to_le32(pid_nr_ns(slave->ctrl.session, s->pid_ns));
	if (slave->ctrl.session)
		rec->pgrp = cpu_to_le32(pid_nr_ns(slave->ctrl.pgrp,
						  s->pid_ns));
	spin_unlock_irq(&slave->ctrl.lock);
}

/* ---- restart ---- */

/* TIOCSCTTY in a task that does not run yet, and may have been killed */
static void task_set_tty(struct cr_restart *r, u32 nr, struct tty_struct *tty)
{
	struct pid *pid = cr_restart_pid(r, nr, PIDTYPE_TGID);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	unsigned long flags;

	put_pid(pid);
	if (!task)
		return;
	if (lock_task_sighand(task, &flags)) {
		if (!task->signal->tty)
			task->signal->tty = tty_kref_get(tty);
		cr_sighand_unlock(task, flags);
	}
	put_task_struct(task);
}

static void tty_set_session(struct cr_restart *r, struct tty_struct *tty,
			    const struct cr_rec_pty *rec)
{
	struct pid *session = cr_restart_pid(r, le32_to_cpu(rec->session),
					     PIDTYPE_TGID);
	struct pid *pgrp = cr_restart_pid(r, le32_to_cpu(rec->pgrp),
					  PIDTYPE_PGID);

	spin_lock_irq(&tty->ctrl.lock);
	swap(tty->ctrl.session, session);
	swap(tty->ctrl.pgrp, pgrp);
	spin_unlock_irq(&tty->ctrl.lock);
	put_pid(session);
	put_pid(pgrp);
}

void cr_ctty_link(struct cr_restart *r, u32 id)
{
	struct cr_pty *pty = cr_restart_get(r, id);
	struct tty_struct *slave;
	struct cr_rec_proc proc;
	struct cr_rec_pty rec;
	struct cr_view view;
	u32 of;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	/* without a master it will be hung up: no session may have it */
	if (!rec.session || !pty->taken)
		return;
	slave = cr_tty_of(pty->master)->link;
	tty_lock(slave);
	tty_set_session(r, slave, &rec);
	for (of = id + 1; of <= r->img.nr_objects; of++) {
		if (r->img.objs[of].type != CR_REC_PROC)
			continue;
		cr_read_obj(&r->img, of, &view, &proc, sizeof(proc));
		if (proc.sid == rec.session &&
		    (le32_to_cpu(proc.flags) & CR_PROC_CTTY))
			task_set_tty(r, le32_to_cpu(proc.pid), slave);
		cond_resched();
	}
	tty_unlock(slave);
}
