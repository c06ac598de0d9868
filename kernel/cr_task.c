// SPDX-License-Identifier: GPL-2.0
/*
 * The task builder.
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
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>

/**
 * struct cr_rtask - a task of the job that is being built
 * @r: holds a reference while the task exists and has not left its park
 * @proc: id of its PROC; 0 for the init of a private pid namespace
 * @thread: id of its THREAD; 0 for a zombie and the init
 * @nr: its number in the image
 * @pid: its number for the task that has created it; 0: not created
 * @task: set by the task itself; holds a reference
 * @group: its process' first thread
 * @child: first child process, @sibling: next child of the same parent
 * @nr_threads: of the process, this one included; they follow in the array
 * @zombie: exits at once
 * @ready: the process' shared state is restored; for its other threads
 * @work: where it parks
 */
struct cr_rtask {
	struct cr_restart *r;
	u32 proc;
	u32 thread;
	pid_t nr;
	pid_t pid;
	struct task_struct *task;
	struct cr_rtask *group;
	struct cr_rtask *child;
	struct cr_rtask *sibling;
	u32 nr_threads;
	bool zombie;
	bool ready;
	struct callback_head work;
};

static void restart_free(struct kref *ref)
{
	struct cr_restart *r = container_of(ref, struct cr_restart, ref);
	u32 i;

	for (i = 0; i < r->nr_rtasks; i++)
		if (r->rtasks[i].task)
			put_task_struct(r->rtasks[i].task);
	kvfree(r->rtasks);
	for (i = r->img.nr_objects; i > 0 && r->objs; i--) {
		u32 type = r->img.objs[i].type - CR_REC_VDSO;

		if (r->objs[i])
			cr_obj_table[type]->drop(r->objs[i]);
	}
	kvfree(r->objs);
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

/* Create a task that runs @fn. It is not there when this fails */
static int rtask_clone(struct cr_rtask *t, u64 flags, int (*fn)(void *))
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
		return 0;
	}
	module_put(THIS_MODULE);
	kref_put(&r->ref, restart_free);
	if (pid == -EEXIST)
		return cr_err(&r->log, -EBUSY, "pid %d is taken", t->nr);
	if (pid == -EPERM)
		return cr_err(&r->log, -EPERM,
			      "pid %d: you may not choose the ids of processes",
			      t->nr);
	return cr_err(&r->log, pid, "pid %d: the process could not be created",
		      t->nr);
}

/* Wait for the children of an aborted process: nobody else may see them */
static void reap_children(void)
{
	while (kernel_wait4(-1, NULL, __WALL, NULL) > 0)
		;
}

/* An aborted task goes; refs are put before, nothing of ours runs after */
static void rtask_abort(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	bool first = t->group == t;

	if (first)
		reap_children();
	cr_restart_put(r);
	module_put(THIS_MODULE);
	if (first)
		do_group_exit(SIGKILL);
	do_exit(SIGKILL);
}

/* The task_work: complete, waiting for the end of the building */
static void rtask_park(struct callback_head *work)
{
	struct cr_rtask *t = container_of(work, struct cr_rtask, work);
	struct cr_restart *r = t->r;

	if (!(current->flags & PF_EXITING)) {
		atomic_inc(&r->parked);
		wake_up_all(&r->wait);
		wait_event_state(r->wait, READ_ONCE(r->phase) != CR_BUILDING,
				 TASK_KILLABLE);
	}
	if (READ_ONCE(r->phase) == CR_COMMITTED) {
		cr_restart_put(r);
		module_put(THIS_MODULE);
		return;
	}
	if (READ_ONCE(r->phase) == CR_BUILDING)
		cr_restart_fail(r, cr_err(&r->log, -EINTR,
				"pid %d: was killed while it was restored",
				t->nr));
	if (current->flags & PF_EXITING) {
		cr_restart_put(r);
		module_put(THIS_MODULE);
		return;
	}
	rtask_abort(t);
}

/* End of every task's function: go on to where it parks, whatever happened */
static int rtask_finish(struct cr_rtask *t, int err)
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

static void rtask_begin(struct cr_rtask *t)
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
	/* pending signals are judged by the handlers: those come first */
	err = wait_event_killable(r->wait, READ_ONCE(t->group->ready) ||
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
	cr_read_obj(&r->img, t->proc, &view, &rec, sizeof(rec));
	err = cr_mm_empty(&r->log);
	if (!err)
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

static int process_main(void *arg);

static int process_clone_children(struct cr_rtask *t)
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

static int process_clone_threads(struct cr_rtask *t)
{
	u32 i;
	int err;

	for (i = 1; i < t->nr_threads; i++) {
		err = rtask_clone(t + i, CLONE_VM | CLONE_FS | CLONE_FILES |
				  CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
				  thread_main);
		if (err)
			return err;
	}
	return 0;
}

/* In the process: its memory, descriptors, ...; then it is the process again */
static int process_restore(struct cr_rtask *t)
{
	struct cr_restart *r = t->r;
	struct cr_rec_thread rec;
	struct cr_rec_proc proc;
	struct cr_view view;
	int err;

	/* first: nothing of the caller's is copied into the children */
	err = cr_mm_empty(&t->r->log);
	if (err)
		return err;
	cr_files_empty();
	/* children and threads restore themselves while we do */
	err = process_clone_children(t);
	if (err)
		return err;
	err = process_clone_threads(t);
	if (err)
		return err;
	cr_read_obj(&r->img, t->thread, &view, &rec, sizeof(rec));
	err = cr_mm_restore(r, le32_to_cpu(rec.mm));
	if (err)
		return err;
	err = cr_files_restore(r, le32_to_cpu(rec.files));
	if (err)
		return err;
	err = cr_fs_restore(r, le32_to_cpu(rec.fs));
	if (err)
		return err;
	err = cr_sighand_restore(r, le32_to_cpu(rec.sighand));
	if (err)
		return err;
	/* limits after what they would have limited */
	err = cr_proc_restore(r, t->proc);
	if (err)
		return err;
	WRITE_ONCE(t->ready, true);
	wake_up_all(&r->wait);
	/* signals last: they are judged by handlers and masks */
	err = cr_thread_restore(r, t->thread);
	if (err)
		return err;
	cr_read_obj(&r->img, t->proc, &view, &proc, sizeof(proc));
	return cr_pending_restore(r, t->proc, le64_to_cpu(proc.pending),
				  PIDTYPE_TGID);
}

static int process_main(void *arg)
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
	spin_lock_irq(&current->sighand->siglock);
	current->signal->flags &= ~SIGNAL_UNKILLABLE;
	spin_unlock_irq(&current->sighand->siglock);
	__set_task_comm(current, "crimg-init", false);
	cr_keeper_mark();
	return cr_arch_keeper_start(t->child->nr, cr_build_own_group(t->r), 0);
}

static int init_main(void *arg)
{
	struct cr_rtask *t = arg;

	rtask_begin(t);
	return rtask_finish(t, init_restore(t));
}

/* One entry for each task; the init, if there is one, is the first */
static int rtasks_plan(struct cr_restart *r)
{
	struct cr_rtask **of_proc, **tail, *t;
	u32 id, n = 0;

	r->nr_rtasks = 0;
	r->rtasks = kvcalloc(le32_to_cpu(r->img.head.nr_procs) +
			     le32_to_cpu(r->img.head.nr_threads) + 1,
			     sizeof(*r->rtasks), GFP_KERNEL_ACCOUNT);
	of_proc = kvcalloc(r->img.nr_objects + 1, sizeof(*of_proc), GFP_KERNEL);
	if (!r->rtasks || !of_proc) {
		kvfree(of_proc);
		return -ENOMEM;
	}
	if (r->own_pidns) {
		t = &r->rtasks[n++];
		t->group = t;
		of_proc[0] = t;
	}
	for (id = 1; id <= r->img.nr_objects; id++) {
		struct cr_rec_thread thread;
		struct cr_rec_proc proc;
		struct cr_view view;

		if (r->img.objs[id].type == CR_REC_PROC) {
			cr_read_obj(&r->img, id, &view, &proc, sizeof(proc));
			t = &r->rtasks[n++];
			t->proc = id;
			t->group = t;
			t->nr = le32_to_cpu(proc.pid);
			t->zombie = le32_to_cpu(proc.flags) & CR_PROC_ZOMBIE;
			of_proc[id] = t;
			if (of_proc[le32_to_cpu(proc.parent)]) {
				tail = &of_proc[le32_to_cpu(proc.parent)]->child;
				while (*tail)
					tail = &(*tail)->sibling;
				*tail = t;
			}
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
	}
	kvfree(of_proc);
	r->nr_rtasks = n;
	while (n--)
		r->rtasks[n].r = r;
	return 0;
}

int cr_build(struct cr_restart *r)
{
	int err;

	err = rtasks_plan(r);
	if (err)
		return err;
	if (r->own_pidns)
		err = rtask_clone(&r->rtasks[0], CLONE_NEWPID | CLONE_NEWNS,
				  init_main);
	else
		err = cr_objs_restore(r) ?:
		      rtask_clone(&r->rtasks[0], 0, process_main);
	if (err)
		return err;
	err = wait_event_killable(r->wait, READ_ONCE(r->err) ||
				  atomic_read(&r->parked) == r->nr_rtasks);
	return READ_ONCE(r->err) ?: err;
}

/* The process of the job whose number in the image is @nr */
static struct cr_rtask *rtask_of_nr(struct cr_restart *r, pid_t nr)
{
	u32 i;

	for (i = 0; i < r->nr_rtasks; i++)
		if (r->rtasks[i].nr == nr && r->rtasks[i].group ==
		    &r->rtasks[i])
			return &r->rtasks[i];
	return NULL;
}

/* tasklist_lock is held for writing */
static void link_ids(struct cr_restart *r, struct cr_rtask *t,
		     const struct cr_rec_proc *rec)
{
	u32 flags = le32_to_cpu(rec->flags);
	struct cr_rtask *head;

	if (!(flags & CR_PROC_SESSION_OUTSIDE)) {
		head = rtask_of_nr(r, le32_to_cpu(rec->sid));
		if (head)
			change_pid(t->task, PIDTYPE_SID, task_pid(head->task));
		if (head == t)
			t->task->signal->leader = 1;
	}
	if (!(flags & CR_PROC_PGRP_OUTSIDE)) {
		head = rtask_of_nr(r, le32_to_cpu(rec->pgid));
		if (head)
			change_pid(t->task, PIDTYPE_PGID,
				   task_pid(head->task));
	}
	t->task->exit_signal = le32_to_cpu(rec->exit_signal);
}

/* A task that stands in rtask_park() and is on no CPU; -EINTR: it was killed */
static int rtask_wait_inactive(struct cr_rtask *t)
{
	while (!wait_task_inactive(t->task, TASK_UNINTERRUPTIBLE)) {
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

int cr_link(struct cr_restart *r)
{
	struct cr_rec_proc rec;
	struct cr_view view;
	struct cr_rtask *t;
	int err = 0;

	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks && !err; t++) {
		if (t->zombie)
			err = link_zombie(t);
		else
			err = rtask_wait_inactive(t);
		if (!err && t->thread)
			err = cr_arch_thread_restore(r, t->thread, t->task);
	}
	if (err)
		return err;
	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
		if (!t->proc || t->group != t)
			continue;
		cr_read_obj(&r->img, t->proc, &view, &rec, sizeof(rec));
		write_lock_irq(&tasklist_lock);
		link_ids(r, t, &rec);
		write_unlock_irq(&tasklist_lock);
		if (!(le32_to_cpu(rec.flags) & CR_PROC_SESSION_OUTSIDE) &&
		    !t->zombie)
			proc_clear_tty(t->task);
	}
	t = &r->rtasks[0];
	write_lock_irq(&tasklist_lock);
	if (r->own_pidns)
		t->task->exit_signal = SIGCHLD;
	/* who kills the keeper means the job */
	if (!t->task->pdeath_signal)
		t->task->pdeath_signal = SIGKILL;
	write_unlock_irq(&tasklist_lock);
	return READ_ONCE(r->err);
}

static void phase_set(struct cr_restart *r, enum cr_phase phase)
{
	WRITE_ONCE(r->phase, phase);
	wake_up_all(&r->wait);
}

void cr_commit(struct cr_restart *r)
{
	phase_set(r, CR_COMMITTED);
}

void cr_abort(struct cr_restart *r)
{
	pid_t child = cr_build_child(r);

	/* those that have not parked yet give up where they look at it */
	cr_restart_fail(r, -ECANCELED);
	phase_set(r, CR_ABORTED);
	if (child)
		kernel_wait4(child, NULL, __WALL, NULL);
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
