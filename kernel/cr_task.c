// SPDX-License-Identifier: GPL-2.0
/*
 * The tasks of a job, while they are built.
 *
 * The loader creates the leader (or, in a private pid namespace, an init that
 * creates the leader); every process creates its children and its threads
 * itself, so parentage and sharing come as they did the first time. Each task
 * restores itself in its own context, then parks in a task_work until the loader
 * commits or aborts: ret_from_fork is behind it there, so registers that are
 * written from outside stay as they are, and the kernel's own code finishes the
 * system call that was interrupted.
 *
 * Until the commit every process has exit signal 0: the caller's wait() and
 * SIGCHLD never see it, and an aborted one is reaped by who created it.
 *
 * Order in a process, see process_restore(): what is inherited from the caller
 * is dropped first, so that children copy next to nothing; children and threads
 * are created before memory is restored, so that they restore theirs meanwhile.
 * Who restores what tasks share: cr_share.c.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/wait.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <uapi/linux/mount.h>
#include <uapi/linux/wait.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/tty.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_build.h>
#include <linux/cr_ipc.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>
#include <linux/cr_timer.h>
#include "cr_rtask.h"

int rtask_clone(struct cr_rtask *t, u64 flags, int (*fn)(void *))
{
	struct kernel_clone_args args = {
		.flags = flags | CLONE_UNTRACED,
		.fn = fn,
		.fn_arg = t,
		.set_tid = &t->nr,
		.set_tid_size = t->nr ? 1 : 0,
	};
	struct cr_restart *r = t->r;
	pid_t pid;

	kref_get(&r->ref);
	__module_get(THIS_MODULE);
	pid = kernel_clone(&args);
	if (pid > 0) {
		t->pid = pid;
		t->creator = current;
		return 0;
	}
	module_put(THIS_MODULE);
	cr_restart_put(r);
	if (pid == -EEXIST)
		return cr_err(&r->log, -EBUSY, "pid %d is taken", t->nr);
	if (pid == -EPERM)
		return cr_err(&r->log, -EPERM,
			      "pid %d: you may not choose the ids of processes",
			      t->nr);
	return cr_err(&r->log, pid, "pid %d: the process could not be created",
		      t->nr);
}

/*
 * They end by themselves where they look at the error. Where somebody sleeps and
 * we were killed, so is he: nobody may be kept waiting by a server of files.
 */
void rtask_reap(const struct cr_rtask *t)
{
	while (kernel_wait4(t->pid, NULL, __WALL, NULL) == -ERESTARTSYS) {
		if (__fatal_signal_pending(current))
			kill_pid(find_vpid(t->pid), SIGKILL, 1);
		/* others wait until we are done */
		clear_thread_flag(TIF_SIGPENDING);
		usleep_range(500, 1000);
	}
	spin_lock_irq(&cr_sighand(current)->siglock);
	recalc_sigpending();
	spin_unlock_irq(&cr_sighand(current)->siglock);
}

/* The children of an aborted process: nobody else may see them */
static void reap_children(const struct cr_rtask *t)
{
	const struct cr_rtask *child;

	for (child = t->child; child; child = child->sibling)
		if (child->pid && child->creator == current)
			rtask_reap(child);
	/* an init has those, too, whose parents have gone */
	while (kernel_wait4(-1, NULL, __WALL, NULL) > 0)
		;
}

/* ---- vfork() ---- */

/* Nobody finds what is on our stack any more; the child may not have been made */
static void vfork_forget(struct cr_rtask *t)
{
	struct task_struct *child;

	if (!t->vfork)
		return;
	child = READ_ONCE(t->vfork_child->task);
	if (!child) {
		t->vfork = NULL;
		return;
	}
	task_lock(child);
	if (child->vfork_done == t->vfork)
		child->vfork_done = NULL;
	t->vfork = NULL;
	task_unlock(child);
}

/* What the call goes on with: its child has executed, or has ended */
static void vfork_wait(struct cr_rtask *t)
{
	if (!t->vfork)
		return;
	if (!(current->flags & PF_EXITING) &&
	    !wait_for_completion_state(t->vfork,
				       TASK_KILLABLE | TASK_FREEZABLE))
		cr_arch_set_result(t->vfork_child->nr);
	vfork_forget(t);
}

/* In the child, before it runs: who waits for it is told, by the kernel itself */
static void vfork_tell(struct cr_rtask *t)
{
	struct cr_rtask *parent = t->vfork_parent;

	if (!parent)
		return;
	task_lock(current);
	if (parent->vfork && current->flags & PF_EXITING)
		complete(parent->vfork);
	else
		current->vfork_done = parent->vfork;
	task_unlock(current);
}

/* ---- the end of the building ---- */

/* An aborted task goes; refs are put before, nothing of ours runs after */
static void rtask_abort(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	bool first = t->group == t;

	vfork_forget(t);
	/* it has never lived: memory that others have, too, is not told of its end */
	cr_thread_forget();
	if (first)
		reap_children(t);
	cr_restart_put(r);
	module_put(THIS_MODULE);
	if (first)
		do_group_exit(SIGKILL);
	do_exit(SIGKILL);
}

/*
 * Until the first thread has exited, if it is to have, which it is about to do:
 * the others have never seen it otherwise
 */
static void rtask_wait_headless(const struct cr_rtask *first)
{
	while (first->headless && !READ_ONCE(first->task->exit_state) &&
	       !fatal_signal_pending(current))
		usleep_range(50, 200);
}

/* Committed. Timers run from here on, and no thread before them */
static void rtask_start(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	struct cr_rtask *child;

	if (t->group != t) {
		wait_event_killable(r->wait, READ_ONCE(t->group->started));
		rtask_wait_headless(t->group);
		return;
	}
	if (!(current->flags & PF_EXITING))
		for (child = t->child; child; child = child->sibling)
			if (child->gone)
				rtask_reap(child);
	if (t->proc && !(current->flags & PF_EXITING)) {
		cr_timers_start(r, t->proc, t->timers);
		cr_usage_restore_mm(r, rtask_thread(t));
	}
	WRITE_ONCE(t->started, true);
	wake_up_all(&r->wait);
}

/* Committed, and nothing of ours runs after this */
static void rtask_leave(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	bool exits = t->headless && !(current->flags & PF_EXITING);
	struct cr_rec_proc rec;
	struct cr_view view;

	rtask_start(t);
	vfork_tell(t);
	vfork_wait(t);
	if (exits)
		cr_read_obj(&r->img, t->proc, &view, &rec, sizeof(rec));
	cr_restart_put(r);
	module_put(THIS_MODULE);
	if (exits)
		do_exit(le32_to_cpu(rec.exit_code));
}

/* Until the end of the building, but for what nobody else can do for it */
static void rtask_stand(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	int err;

	atomic_inc(&r->parked);
	wake_up_all(&r->wait);
	for (;;) {
		err = wait_event_state(r->wait,
				       READ_ONCE(r->phase) != CR_BUILDING ||
				       READ_ONCE(t->leave) ||
				       READ_ONCE(t->asked),
				       (TASK_KILLABLE | TASK_FREEZABLE));
		if (err || !READ_ONCE(t->asked))
			return;
		t->answer = cr_semundo_restore(r, t->proc, &t->semundos);
		smp_store_release(&t->asked, false);
		wake_up_all(&r->wait);
	}
}

void rtask_wait(struct cr_rtask *t)
{
	DECLARE_COMPLETION_ONSTACK(vfork);
	struct cr_restart *r = t->r;

	if (t->vfork_child)
		t->vfork = &vfork;
	if (!(current->flags & PF_EXITING))
		rtask_stand(t);
	if (READ_ONCE(r->phase) == CR_COMMITTED) {
		rtask_leave(t);
		return;
	}
	if (READ_ONCE(r->phase) == CR_BUILDING && !READ_ONCE(t->leave))
		cr_restart_fail(r, cr_err(&r->log, -EINTR,
				"pid %d: was killed while it was restored",
				t->nr));
	/* the caller gets what it has used, and shall not have the past it was given */
	cr_usage_forget(READ_ONCE(t->leave) ? NULL : current->mm);
	if (current->flags & PF_EXITING) {
		vfork_forget(t);
		cr_restart_put(r);
		module_put(THIS_MODULE);
		return;
	}
	rtask_abort(t);
}

/*
 * Works behind this one are run first, in another round: they are the ends of
 * files that the task has closed, and would be lost with the round if it exits
 * from within.
 */
bool rtask_work_again(struct callback_head *work)
{
	return work->next && !task_work_add(current, work, TWA_NONE);
}

/* The task_work */
static void rtask_park(struct callback_head *work)
{
	if (!rtask_work_again(work))
		rtask_wait(container_of(work, struct cr_rtask, work));
}

int rtask_finish(struct cr_rtask *t, int err)
{
	if (err)
		cr_restart_fail(t->r, err);
	init_task_work(&t->work, rtask_park);
	if (task_work_add(current, &t->work, TWA_SIGNAL)) {
		cr_restart_fail(t->r, -ESRCH);
		rtask_abort(t);
	}
	return 0;
}

void rtask_begin(struct cr_rtask *t)
{
	t->task = current;
	get_task_struct(current);
	current->in_execve = 0;
	cr_arch_task_begin();
	cr_thread_reset();
}

/* Close all that came with the table; it is current's own */
void cr_files_empty(void)
{
	__close_range(0, ~0U, 0);
}

/* A thread that is not the first of its process */
static int thread_main(void *arg)
{
	struct cr_rtask *t = arg;
	struct cr_restart *r = t->r;
	int err;

	rtask_begin(t);
	rtask_publish(t);
	err = rtask_restore_own(t);
	WRITE_ONCE(t->own_ready, true);
	wake_up_all(&r->wait);
	err = err ?: rtask_attach_tables(t) ?: thread_adopt_files(t);
	/* handlers and what is pending for all come first */
	if (!err)
		err = wait_event_killable(r->wait,
					  READ_ONCE(t->group->ready) ||
					  READ_ONCE(r->err));
	if (!err)
		err = READ_ONCE(r->err);
	if (!err)
		err = cr_thread_restore(r, t->thread);
	return rtask_finish(t, err);
}

static int zombie_main(void *arg)
{
	struct cr_rtask *t = arg;
	struct cr_restart *r = t->r;
	struct cr_rec_proc rec;
	struct cr_view view;
	int err;

	rtask_begin(t);
	rec.exit_code = 0;
	if (t->proc)
		cr_read_obj(&r->img, t->proc, &view, &rec, sizeof(rec));
	err = cr_mm_empty(&r->log);
	if (!err && t->proc)
		err = cr_proc_restore(r, t->proc);
	if (err)
		cr_restart_fail(r, err);
	/* its end is not news to anybody: exit signal 0 until the commit */
	atomic_inc(&r->parked);
	wake_up_all(&r->wait);
	cr_restart_put(r);
	module_put(THIS_MODULE);
	do_exit(le32_to_cpu(rec.exit_code));
}

int process_clone_children(struct cr_rtask *t)
{
	struct cr_rtask *child;
	int err;

	for (child = t->child; child; child = child->sibling) {
		err = rtask_clone(child, 0, child->zombie ? zombie_main :
							    process_main);
		if (err)
			return err;
		if (READ_ONCE(t->r->err))
			return READ_ONCE(t->r->err);
	}
	return 0;
}

int process_clone_threads(struct cr_rtask *t)
{
	u32 i;
	int err;

	for (i = 1; i < t->nr_threads; i++) {
		err = rtask_clone(t + i, rtask_clone_flags(t + i), thread_main);
		if (err)
			return err;
	}
	return 0;
}

/* Descriptors of threads that do not share those of their process are there */
static int threads_wait_own(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	int err = 0;
	u32 i;

	for (i = 1; i < t->nr_threads && !err; i++)
		if (rtask_owns_files(t + i))
			err = wait_event_killable(r->wait,
						  READ_ONCE(t[i].own_ready) ||
						  READ_ONCE(r->err));
	return err ? -EINTR : READ_ONCE(r->err);
}

/* What all threads share and no donor restores; then the first thread */
int process_restore_shared(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	struct cr_rec_thread rec;
	struct cr_rec_proc proc;
	struct cr_view view;
	int err = 0;

	cr_read_obj(&r->img, rtask_thread(t), &view, &rec, sizeof(rec));
	if (rtask_owns_handlers(t))
		err = cr_sighand_restore(r, le32_to_cpu(rec.sighand));
	if (err)
		return err;
	err = cr_timers_restore(r, t->proc, &t->timers);
	if (err)
		return err;
	/* limits after what they would have limited */
	err = threads_wait_own(t) ?: cr_proc_restore(r, t->proc);
	if (err)
		return err;
	/* before any thread has its mask: each would be picked to act on them */
	cr_read_obj(&r->img, t->proc, &view, &proc, sizeof(proc));
	err = cr_pending_restore(r, t->proc, le64_to_cpu(proc.pending),
				 PIDTYPE_TGID);
	if (err)
		return err;
	WRITE_ONCE(t->ready, true);
	wake_up_all(&r->wait);
	return t->headless ? 0 : cr_thread_restore(r, t->thread);
}

/*
 * In place, what the leader's threads will ask for: said no now, it is an errno
 * of execve(). The threads begin, as the donor has, as clones of the caller.
 */
static int donor_try(struct cr_restart *r)
{
	const struct cr_rtask *t;
	int err = 0;

	for (t = r->leader; !err && t < r->leader + r->leader->nr_threads; t++) {
		if (t != r->leader)
			err = cr_thread_allowed(r, t->thread);
		if (!err)
			err = cr_thread_try(r, t->thread);
	}
	return err;
}

/* In the process: from a copy of the caller to what it was */
static int process_restore(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	int err;

	/* first: nothing of the caller's is copied into the children */
	err = cr_mm_empty(&r->log);
	if (err)
		return err;
	cr_files_empty();
	rtask_publish(t);
	/* children and threads restore themselves while we do */
	if (!t->donor)
		err = process_clone_children(t) ?: rtask_attach_memory(t) ?:
		      process_clone_threads(t) ?: rtask_attach_tables(t);
	if (err)
		return err;
	err = rtask_restore_own(t);
	if (err)
		return err;
	return t->donor ? donor_try(r) : process_restore_shared(t);
}

int process_main(void *arg)
{
	struct cr_rtask *t = arg;

	rtask_begin(t);
	return rtask_finish(t, process_restore(t));
}

/* Its own /proc, seen by the job alone */
static int init_mount_proc(struct cr_restart *r)
{
	struct path path;
	int err;

	err = kern_path("/", LOOKUP_DIRECTORY, &path);
	if (err)
		return err;
	err = path_mount(NULL, &path, NULL, MS_REC | MS_SLAVE, NULL);
	path_put(&path);
	if (err)
		return cr_err(&r->log, err, "private mount namespace");
	err = kern_path("/proc", LOOKUP_DIRECTORY, &path);
	if (err)
		return cr_err(&r->log, err, "/proc of the private pid namespace");
	err = path_mount("proc", &path, "proc",
			 MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	path_put(&path);
	if (err)
		return cr_err(&r->log, err, "/proc of the private pid namespace");
	return 0;
}

/*
 * Process 1 of a private pid namespace: a keeper inside it. It can be killed by
 * the signal that its job has died of, unlike other inits: the keeper outside
 * learns of it that way.
 */
static int init_restore(struct cr_rtask *t)
{
	int err;

	err = init_mount_proc(t->r);
	if (err)
		return err;
	/* files are opened by the names, and the mounts, of its namespace */
	err = cr_objs_restore(t->r);
	if (err)
		return err;
	err = cr_mm_empty(&t->r->log);
	if (err)
		return err;
	cr_files_empty();
	err = process_clone_children(t);
	if (err)
		return err;
	flush_signal_handlers(current, 1);
	spin_lock_irq(&cr_sighand(current)->siglock);
	current->signal->flags &= ~SIGNAL_UNKILLABLE;
	spin_unlock_irq(&cr_sighand(current)->siglock);
	__set_task_comm(current, "crimg-init", false);
	cr_keeper_mark();
	return cr_arch_keeper_start(t->child->nr, cr_build_own_group(t->r), 0);
}

int init_main(void *arg)
{
	struct cr_rtask *t = arg;

	rtask_begin(t);
	return rtask_finish(t, init_restore(t));
}
