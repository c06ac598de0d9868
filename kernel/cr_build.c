// SPDX-License-Identifier: GPL-2.0
/*
 * Building a job as a whole: who creates whom, waiting for all, what can only be
 * done from outside, and the one moment at which all of it becomes real or goes.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/pid_namespace.h>
#include <linux/wait.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/tty.h>
#include <uapi/linux/wait.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_file.h>
#include <linux/cr_ipc.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>
#include "cr_rtask.h"

static void restart_free(struct kref *ref)
{
	struct cr_restart *r = container_of(ref, struct cr_restart, ref);
	u32 i;

	for (i = 0; i < r->nr_rtasks; i++) {
		if (r->rtasks[i].task)
			put_task_struct(r->rtasks[i].task);
		kvfree(r->rtasks[i].timers);
	}
	cr_shares_drop(r);
	kvfree(r->shares);
	xa_destroy(&r->rtask_nrs);
	kvfree(r->rtasks);
	cr_objs_drop(r);
	cr_shmids_put(r);
	cr_ipcids_put(r);
	cr_image_put(&r->img);
	kvfree(r->records);
	if (r->file)
		fput(r->file);
	cr_log_exit(&r->log);
	kfree(r);
}

void cr_restart_put(struct cr_restart *r)
{
	kref_put(&r->ref, restart_free);
}

int cr_restart_fail(struct cr_restart *r, int err)
{
	cmpxchg(&r->err, 0, err);
	wake_up_all(&r->wait);
	return err;
}

/* The process of the job whose number in the image is @nr */
static struct cr_rtask *rtask_of_nr(struct cr_restart *r, pid_t nr)
{
	return xa_load(&r->rtask_nrs, nr);
}

static int rtask_set_nr(struct cr_rtask *t, struct cr_restart *r, pid_t nr)
{
	t->nr = nr;
	return xa_err(xa_store(&r->rtask_nrs, nr, t, GFP_KERNEL_ACCOUNT));
}

/* The last child of its parent; they are created in this order */
static void rtask_add_child(struct cr_rtask *parent, struct cr_rtask *t)
{
	if (parent->last_child)
		parent->last_child->sibling = t;
	else
		parent->child = t;
	parent->last_child = t;
}

/* Groups and sessions that a process is in, and does not lead: 0 to 2 */
static u32 followed_ids(const struct cr_rec_proc *rec, pid_t nr[2])
{
	u32 flags = le32_to_cpu(rec->flags), n = 0;

	if (!(flags & CR_PROC_SESSION_OUTSIDE) && rec->sid != rec->pid)
		nr[n++] = le32_to_cpu(rec->sid);
	if (!(flags & CR_PROC_PGRP_OUTSIDE) && rec->pgid != rec->pid)
		nr[n++] = le32_to_cpu(rec->pgid);
	return n;
}

/* At most so many groups and sessions have a leader that is gone */
static u32 count_followed(struct cr_restart *r)
{
	struct cr_rec_proc rec;
	struct cr_view view;
	u32 id, n = 0;
	pid_t nr[2];

	for (id = 1; id <= r->img.nr_objects; id++) {
		if (r->img.objs[id].type != CR_REC_PROC)
			continue;
		cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
		n += followed_ids(&rec, nr);
	}
	return n;
}

/*
 * Numbers of groups and sessions whose leader is gone are taken by processes
 * that end at once, and are waited for when the members have been put in:
 * children of the first process, the last ones.
 */
static int plan_gone(struct cr_restart *r)
{
	struct cr_rtask *t, *parent;
	struct cr_rec_proc rec;
	struct cr_view view;
	u32 id, n;
	pid_t nr[2];
	int err;

	parent = r->in_place ? r->leader : &r->rtasks[0];
	for (id = 1; id <= r->img.nr_objects; id++) {
		if (r->img.objs[id].type != CR_REC_PROC)
			continue;
		cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
		for (n = followed_ids(&rec, nr); n--;) {
			if (rtask_of_nr(r, nr[n]))
				continue;
			t = &r->rtasks[r->nr_rtasks++];
			t->r = r;
			t->group = t;
			t->zombie = true;
			t->gone = true;
			rtask_add_child(parent, t);
			err = rtask_set_nr(t, r, nr[n]);
			if (err)
				return err;
		}
		cond_resched();
	}
	return 0;
}

/* Who waits for whom in vfork(): a process is waited for by one at most */
static int plan_vforks(struct cr_restart *r)
{
	struct cr_rec_thread rec;
	struct cr_view view;
	struct cr_rtask *t;

	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
		if (!t->thread || t->donor)
			continue;
		cr_read_obj(&r->img, t->thread, &view, &rec, sizeof(rec));
		if (!rec.vfork)
			continue;
		t->vfork_child = rtask_of_nr(r, le32_to_cpu(rec.vfork));
		if (!t->vfork_child || t->vfork_child->vfork_parent)
			return cr_err(&r->log, -EBADMSG,
				      "pid %u: two wait for it in vfork()",
				      le32_to_cpu(rec.vfork));
		t->vfork_child->vfork_parent = t;
		cond_resched();
	}
	return 0;
}

/* One entry for each task; the init or the donor, if any, is the first */
static int rtasks_plan(struct cr_restart *r)
{
	struct cr_rtask **of_proc, *t;
	u32 id, n = 0;
	int err = 0;

	r->nr_rtasks = 0;
	r->rtasks = kvcalloc(le32_to_cpu(r->img.head.nr_procs) +
			     le32_to_cpu(r->img.head.nr_threads) + 1 +
			     count_followed(r), sizeof(*r->rtasks),
			     GFP_KERNEL_ACCOUNT);
	of_proc = kvcalloc(r->img.nr_objects + 1, sizeof(*of_proc), GFP_KERNEL);
	if (!r->rtasks || !of_proc) {
		kvfree(of_proc);
		return -ENOMEM;
	}
	if (r->own_pidns || r->in_place) {
		t = &r->rtasks[n++];
		t->group = t;
		t->donor = r->in_place;
		if (r->own_pidns)
			of_proc[0] = t;
	}
	for (id = 1; id <= r->img.nr_objects && !err; id++) {
		struct cr_rec_thread thread;
		struct cr_rec_proc proc;
		struct cr_view view;

		if (r->img.objs[id].type == CR_REC_PROC) {
			cr_read_obj(&r->img, id, &view, &proc, sizeof(proc));
			t = &r->rtasks[n++];
			t->proc = id;
			t->group = t;
			err = rtask_set_nr(t, r, le32_to_cpu(proc.pid));
			t->zombie = le32_to_cpu(proc.flags) & CR_PROC_ZOMBIE;
			t->headless = le32_to_cpu(proc.flags) &
				      CR_PROC_HEADLESS;
			t->nr_threads = t->headless;
			of_proc[id] = t;
			if (of_proc[le32_to_cpu(proc.parent)])
				rtask_add_child(of_proc[le32_to_cpu(proc.parent)],
						t);
		} else if (r->img.objs[id].type == CR_REC_THREAD) {
			cr_read_obj(&r->img, id, &view, &thread,
				    sizeof(thread));
			t = of_proc[le32_to_cpu(thread.proc)];
			if (t->nr_threads++) {
				struct cr_rtask *group = t;

				t = &r->rtasks[n++];
				t->group = group;
				t->proc = group->proc;
				t->nr = le32_to_cpu(thread.tid);
			}
			t->thread = id;
		}
		cond_resched();
	}
	r->leader = of_proc[r->img.leader];
	if (r->in_place && !err)
		r->rtasks[0].thread = r->leader->thread;
	kvfree(of_proc);
	r->nr_rtasks = n;
	while (n--)
		r->rtasks[n].r = r;
	return err ?: plan_vforks(r) ?: plan_gone(r) ?: cr_shares_plan(r);
}

/* Who creates the first task, and how many there are before the commit */
static int build_first(struct cr_restart *r, int *nr)
{
	int err;

	*nr = r->nr_rtasks;
	/* its init restores the objects, by the names of its namespace */
	if (r->own_pidns)
		return rtask_clone(&r->rtasks[0], CLONE_NEWPID | CLONE_NEWNS,
				   init_main);
	err = cr_objs_restore(r);
	if (err)
		return err;
	if (!r->in_place)
		return rtask_clone(&r->rtasks[0], 0, process_main);
	/* it will be the leader itself: later it could only be killed */
	err = cr_proc_allowed(r, r->leader->proc) ?:
	      cr_thread_allowed(r, r->leader->thread);
	if (err)
		return err;
	/* the caller is the parent of the leader's children already */
	*nr -= r->leader->nr_threads;
	get_task_struct(current);
	r->leader->task = current;
	return rtask_clone(&r->rtasks[0], 0, process_main) ?:
	       process_clone_children(r->leader);
}

int cr_build(struct cr_restart *r)
{
	int err, nr;

	err = rtasks_plan(r);
	if (err)
		return err;
	err = build_first(r, &nr);
	if (err)
		return err;
	err = wait_event_killable(r->wait, READ_ONCE(r->err) ||
				  atomic_read(&r->parked) == nr);
	return READ_ONCE(r->err) ?: err;
}

/*
 * A first thread that will exit hands its children on before: they would be told
 * by their parent death signals. tasklist_lock is held for writing.
 */
static void link_heir(struct cr_rtask *t)
{
	struct task_struct *father = t->task, *heir = t[1].task, *child, *p;

	list_for_each_entry(child, &father->children, sibling) {
		for_each_thread(child, p) {
			RCU_INIT_POINTER(p->real_parent, heir);
			if (!p->ptrace)
				RCU_INIT_POINTER(p->parent, heir);
		}
	}
	list_splice_tail_init(&father->children, &heir->children);
}

/* tasklist_lock is held for writing, and @t has not been reaped */
static void link_ids(struct cr_restart *r, struct cr_rtask *t,
		     const struct cr_rec_proc *rec,
		     const struct cr_usage *usage)
{
	struct sighand_struct *sighand = cr_sighand(t->task);
	u32 flags = le32_to_cpu(rec->flags);
	struct cr_rtask *head;

	if (t->headless)
		link_heir(t);
	cr_proc_set_times(t->task, rec);
	cr_usage_set_proc(t->task, usage);
	if (!(flags & CR_PROC_SESSION_OUTSIDE)) {
		head = rtask_of_nr(r, le32_to_cpu(rec->sid));
		if (head && pid_alive(head->task))
			change_pid(t->task, PIDTYPE_SID, task_pid(head->task));
		if (head == t)
			t->task->signal->leader = 1;
	}
	if (!(flags & CR_PROC_PGRP_OUTSIDE)) {
		head = rtask_of_nr(r, le32_to_cpu(rec->pgid));
		if (head && pid_alive(head->task))
			change_pid(t->task, PIDTYPE_PGID,
				   task_pid(head->task));
	}
	/* one that was killed meanwhile may have none */
	if (sighand && !t->zombie) {
		spin_lock(&sighand->siglock);
		cr_stop_restore(rec, t->task, r->start_stopped,
				t == r->leader);
		spin_unlock(&sighand->siglock);
	}
	/* parents come first: a subreaper above is known all the way down */
	if (cr_parent(t->task)->signal->is_child_subreaper ||
	    cr_parent(t->task)->signal->has_child_subreaper)
		t->task->signal->has_child_subreaper = 1;
	/* the caller keeps its own */
	if (r->in_place && t == r->leader)
		return;
	t->task->exit_signal = le32_to_cpu(rec->exit_signal);
	/* in place the parent has executed since: a child would tell by SIGCHLD */
	t->task->parent_exec_id = READ_ONCE(cr_parent(t->task)->self_exec_id);
}

/* As proc_clear_tty(), of a task that may have been killed */
static void link_no_tty(struct task_struct *task)
{
	struct tty_struct *tty;
	unsigned long flags;

	if (!lock_task_sighand(task, &flags))
		return;
	tty = task->signal->tty;
	task->signal->tty = NULL;
	cr_sighand_unlock(task, flags);
	tty_kref_put(tty);
}

/*
 * Until a task stands in rtask_park() and is on no CPU; -EINTR: it was killed.
 * *@seen changes whenever it has run
 */
static int rtask_wait_inactive(struct cr_rtask *t, unsigned long *seen)
{
	while (!(*seen = wait_task_inactive(t->task, TASK_UNINTERRUPTIBLE))) {
		if (READ_ONCE(t->task->exit_state) || READ_ONCE(t->r->err))
			return READ_ONCE(t->r->err) ?: -EINTR;
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep_range(50, 200);
	}
	return 0;
}

static int link_zombie(struct cr_rtask *t)
{
	while (!READ_ONCE(t->task->exit_state)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep_range(50, 200);
	}
	return 0;
}

/*
 * A parked task can be killed: it is its stack that is written to, so that is
 * held, and a task that has run meanwhile is done again, or is not there
 */
static int rtask_write_regs(struct cr_rtask *t, u32 thread)
{
	unsigned long seen;
	int err;

	if (!try_get_task_stack(t->task))
		return -EINTR;
	do {
		err = rtask_wait_inactive(t, &seen);
		if (!err)
			err = cr_arch_thread_restore(t->r, thread, t->task);
	} while (!err && wait_task_inactive(t->task,
					    TASK_UNINTERRUPTIBLE) != seen);
	put_task_stack(t->task);
	return err ?: READ_ONCE(t->r->err);
}

/* It has no use for them: does this CPU take those of the leader's threads? */
static int link_donor(struct cr_rtask *donor)
{
	const struct cr_rtask *leader = donor->r->leader, *t;
	int err = 0;

	for (t = leader; !err && t < leader + leader->nr_threads; t++)
		err = rtask_write_regs(donor, t->thread);
	return err;
}

int rtask_link(struct cr_rtask *t)
{
	unsigned long seen;

	if (t->zombie)
		return link_zombie(t);
	if (t->donor)
		return link_donor(t);
	if (!t->thread)
		return rtask_wait_inactive(t, &seen);
	return rtask_write_regs(t, t->thread);
}

void rtasks_link_ids(struct cr_restart *r)
{
	struct cr_rec_proc rec;
	struct cr_usage usage;
	struct cr_view view;
	struct cr_rtask *t;

	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
		if (!t->proc || t->group != t)
			continue;
		cr_read_obj(&r->img, t->proc, &view, &rec, sizeof(rec));
		cr_usage_read(r, t->proc, &usage);
		write_lock_irq(&tasklist_lock);
		/* its parent may have been killed, and it be reaped with it */
		if (pid_alive(t->task) &&
		    (!t->headless || pid_alive(t[1].task)))
			link_ids(r, t, &rec, &usage);
		else
			cr_restart_fail(r, -EINTR);
		write_unlock_irq(&tasklist_lock);
		if (!(le32_to_cpu(rec.flags) & CR_PROC_SESSION_OUTSIDE) &&
		    !t->zombie)
			link_no_tty(t->task);
	}
	if (r->in_place)
		return;
	t = &r->rtasks[0];
	write_lock_irq(&tasklist_lock);
	if (r->own_pidns)
		t->task->exit_signal = SIGCHLD;
	/* who kills the keeper means the job */
	if (!t->task->pdeath_signal)
		t->task->pdeath_signal = SIGKILL;
	write_unlock_irq(&tasklist_lock);
}

/* The group of a process that is in the job's, or in the restarter's */
static struct pid *rtask_group(struct cr_restart *r, const struct cr_rtask *t)
{
	struct cr_rec_proc rec;
	struct cr_view view;

	cr_read_obj(&r->img, t->proc, &view, &rec, sizeof(rec));
	return le32_to_cpu(rec.flags) & CR_PROC_PGRP_OUTSIDE ?
	       task_pgrp(t->task) : task_pid(t->task);
}

struct pid *cr_restart_pid(struct cr_restart *r, u32 nr, enum pid_type type)
{
	struct pid *pid = NULL;
	struct cr_rtask *t;

	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
		if (t->nr != nr || !t->proc || !t->task)
			continue;
		if (type != PIDTYPE_PID && t->group != t)
			continue;
		rcu_read_lock();
		pid = get_pid(type == PIDTYPE_PGID ? rtask_group(r, t) :
						     task_pid(t->task));
		rcu_read_unlock();
		break;
	}
	return pid;
}

struct pid_namespace *cr_restart_pid_ns(struct cr_restart *r)
{
	struct pid_namespace *ns;

	rcu_read_lock();
	ns = task_active_pid_ns(r->leader->task);
	if (ns)
		get_pid_ns(ns);
	rcu_read_unlock();
	return ns;
}

struct pid *cr_restart_tgid(struct cr_restart *r, u32 nr)
{
	const struct cr_rtask *t = nr ? rtask_of_nr(r, nr) : NULL;

	return t && t->proc && t->task ? get_pid(task_tgid(t->task)) : NULL;
}

int cr_link(struct cr_restart *r)
{
	struct cr_rtask *t;
	int err;

	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
		if (r->in_place && t->group == r->leader)
			continue;
		err = rtask_link(t);
		if (err)
			return err;
	}
	if (!r->in_place) {
		rtasks_link_ids(r);
		cr_objs_link(r);
	}
	return READ_ONCE(r->err);
}

/* One that has no more to take, or the next of it cannot be taken: -EAGAIN */
static int rtask_take_semaphores(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	int err;

	if (t->task == current)
		return cr_semundo_restore_caller(r, t->proc, &t->semundos);
	WRITE_ONCE(t->asked, true);
	wake_up_all(&r->wait);
	err = wait_event_killable(r->wait, !smp_load_acquire(&t->asked) ||
					   READ_ONCE(r->err));
	return READ_ONCE(r->err) ?: err ?: t->answer;
}

/*
 * What one has taken another one may have given: those that cannot go on are
 * asked again, until nobody can.
 */
int cr_semundos_restore(struct cr_restart *r)
{
	struct cr_rtask *t, *stuck;
	bool progress;
	u32 before;
	int err;

	do {
		stuck = NULL;
		progress = false;
		for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
			if (!t->proc || t->group != t ||
			    t->semundos == cr_semundo_count(r, t->proc))
				continue;
			before = t->semundos;
			err = rtask_take_semaphores(t);
			if (err && err != -EAGAIN)
				return err;
			progress |= t->semundos != before;
			stuck = err ? t : stuck;
			cond_resched();
		}
	} while (stuck && progress);
	return stuck ? cr_semundo_busy(r, stuck->proc, stuck->semundos) : 0;
}

static void phase_set(struct cr_restart *r, enum cr_phase phase)
{
	WRITE_ONCE(r->phase, phase);
	wake_up_all(&r->wait);
}

void cr_commit(struct cr_restart *r)
{
	cr_shares_drop(r);
	phase_set(r, CR_COMMITTED);
}

void cr_abort(struct cr_restart *r)
{
	struct cr_rtask *t;

	/* nobody shall hear of their end, be they linked already or not */
	write_lock_irq(&tasklist_lock);
	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++)
		if (t->task && t->pid && t->group == t) {
			t->task->exit_signal = 0;
			cr_proc_set_times(t->task, NULL);
			cr_usage_set_proc(t->task, NULL);
		}
	write_unlock_irq(&tasklist_lock);
	/* those that have not parked yet give up where they look at it */
	cr_restart_fail(r, -ECANCELED);
	phase_set(r, CR_ABORTED);
	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++)
		if (t->pid && t->creator == current)
			rtask_reap(t);
	cr_shares_drop(r);
}

pid_t cr_build_child(struct cr_restart *r)
{
	return r->nr_rtasks ? r->rtasks[0].pid : 0;
}

bool cr_build_own_group(struct cr_restart *r)
{
	struct cr_rec_proc rec;
	struct cr_view view;

	cr_read_obj(&r->img, r->img.leader, &view, &rec, sizeof(rec));
	return !(le32_to_cpu(rec.flags) & CR_PROC_PGRP_OUTSIDE);
}

/* How often it was there. Who reads a table does so under RCU */
static unsigned int table_replace(struct files_struct *files, struct file *from,
				  struct file *to)
{
	struct fdtable *fdt;
	unsigned int fd, n = 0;

	spin_lock(&files->file_lock);
	fdt = files_fdtable(files);
	for (fd = 0; fd < fdt->max_fds; fd++) {
		if (rcu_dereference_protected(fdt->fd[fd], true) != from)
			continue;
		rcu_assign_pointer(fdt->fd[fd], get_file(to));
		n++;
	}
	spin_unlock(&files->file_lock);
	return n;
}

void cr_build_replace_file(struct cr_restart *r, struct file *from,
			   struct file *to)
{
	struct files_struct *files;
	struct cr_rtask *t;
	unsigned int n;
	u32 id;

	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
		/* of threads only those that have one for themselves */
		if (!t->task || (t->group != t && t->group->task &&
				 READ_ONCE(t->task->files) ==
				 READ_ONCE(t->group->task->files)))
			continue;
		task_lock(t->task);
		n = t->task->files ? table_replace(t->task->files, from, to) :
				     0;
		task_unlock(t->task);
		while (n--)
			fput(from);
		cond_resched();
	}
	/* in place, tables of threads that are not there yet */
	for (id = 1; r->in_place && id <= r->img.nr_objects; id++) {
		files = cr_share_files_get(r, id);
		if (!files)
			continue;
		n = table_replace(files, from, to);
		put_files_struct(files);
		while (n--)
			fput(from);
		cond_resched();
	}
}

struct task_struct *cr_build_task(struct cr_restart *r, u32 nr)
{
	return nr < r->nr_rtasks ? r->rtasks[nr].task : NULL;
}

struct mm_struct **cr_build_mms(struct cr_restart *r, size_t *nr)
{
	struct mm_struct **mms;
	struct cr_rtask *t;

	*nr = 0;
	mms = kvmalloc_array(r->nr_rtasks, sizeof(*mms), GFP_KERNEL_ACCOUNT);
	if (!mms)
		return NULL;
	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++)
		if (t->task && t->group == t)
			mms[(*nr)++] = READ_ONCE(t->task->mm);
	return mms;
}
