// SPDX-License-Identifier: GPL-2.0
/*
 * Restart in place: the process that calls execve() has the leader's number
 * already (a container's init, a launcher that chose it) and becomes the leader.
 *
 * Until the point of no return the caller is not touched: a donor, a child that
 * nobody sees, restores the leader's memory, descriptor table and directories;
 * the caller takes them over as execve() takes over a new mm. Other processes
 * that share them, and handlers, take them from the donor (cr_share.c). What
 * else the leader's threads will ask for is asked for in the caller and in the
 * donor. The leader's other threads cannot exist before: execve() ends all
 * threads. If one of them cannot be created, the job ends as by SIGKILL; its
 * number was free when it was checked.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/binfmts.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/mm.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <uapi/linux/wait.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_file.h>
#include <linux/cr_inplace.h>
#include <linux/cr_ipc.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>
#include <linux/cr_timer.h>
#include "cr_rtask.h"

bool cr_inplace_fits(struct cr_restart *r)
{
	struct cr_rec_thread thread;
	struct cr_rec_proc rec;
	struct cr_view view;

	cr_read_obj(&r->img, r->img.leader, &view, &rec, sizeof(rec));
	/* its first thread comes next */
	cr_read_obj(&r->img, r->img.leader + 1, &view, &thread, sizeof(thread));
	return thread_group_leader(current) && thread_group_empty(current) &&
	       task_pid_vnr(current) == le32_to_cpu(rec.pid) &&
	       !(le32_to_cpu(rec.flags) & CR_PROC_HEADLESS) && !thread.vfork;
}

/**
 * struct estate - what the donor leaves behind
 * @mm: the leader's memory
 * @files: its descriptor table
 * @fs: its directories
 * @exe: its executable
 * @dumpable: of @mm
 */
struct estate {
	struct mm_struct *mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct file *exe;
	int dumpable;
};

static int estate_take(struct cr_rtask *donor, struct estate *e)
{
	e->mm = get_task_mm(donor->task);
	task_lock(donor->task);
	e->files = donor->task->files;
	if (e->files)
		atomic_inc(&e->files->count);
	e->fs = donor->task->fs;
	if (e->fs) {
		spin_lock(&e->fs->lock);
		e->fs->users++;
		spin_unlock(&e->fs->lock);
	}
	task_unlock(donor->task);
	if (!e->mm || !e->files || !e->fs)
		return -ESRCH;
	e->exe = get_mm_exe_file(e->mm);
	e->dumpable = get_dumpable(e->mm);

	WRITE_ONCE(donor->leave, true);
	wake_up_all(&donor->r->wait);
	rtask_reap(donor);
	donor->pid = 0;
	return 0;
}

static void estate_put(struct estate *e)
{
	if (e->exe)
		fput(e->exe);
	if (e->fs)
		cr_fs_put(e->fs);
	if (e->files)
		put_files_struct(e->files);
	if (e->mm)
		mmput(e->mm);
}

/* execve() shall find the leader's memory where it expects the new program's */
static void estate_give_mm(struct estate *e, struct linux_binprm *bprm)
{
	/* it is on the reclaim list as the donor's; execve() puts it there */
	lru_gen_del_mm(e->mm);
#ifdef CONFIG_MEMCG
	rcu_assign_pointer(e->mm->owner, current);
#endif
	mmput(bprm->mm);
	bprm->vma = NULL;
	bprm->mm = e->mm;
	e->mm = NULL;
}

static void estate_give(struct estate *e)
{
	task_lock(current);
	swap(current->files, e->files);
	swap(current->fs, e->fs);
	task_unlock(current);
}

/* What the donor has restored, but for itself */
static int leader_adopt(struct cr_rtask *t)
{
	struct cr_rec_thread rec;
	struct cr_view view;
	int err;

	err = leader_attach_handlers(t);
	if (err)
		return err;
	cr_read_obj(&t->r->img, t->thread, &view, &rec, sizeof(rec));
	return cr_files_adopt(t->r, le32_to_cpu(rec.files));
}

/* The task_work: execve() is over, and with it what it resets at its end */
static void leader_main(struct callback_head *work)
{
	struct cr_rtask *t = container_of(work, struct cr_rtask, work);
	int err = -EINTR;

	if (rtask_work_again(work))
		return;
	if (!(current->flags & PF_EXITING))
		err = leader_adopt(t) ?: process_clone_threads(t) ?:
		      process_restore_shared(t);
	if (err)
		cr_restart_fail(t->r, err);
	rtask_wait(t);
}

/* Runs in a kernel thread: the leader's registers are written from outside */
static void finish(struct work_struct *work)
{
	struct cr_restart *r = container_of(work, struct cr_restart, finish);
	struct cr_rtask *t;
	int err;

	wait_event(r->wait, READ_ONCE(r->err) ||
		   atomic_read(&r->parked) == r->nr_rtasks);
	err = READ_ONCE(r->err);
	for (t = r->leader; !err && t < r->leader + r->leader->nr_threads; t++)
		err = rtask_link(t);
	if (!err) {
		rtasks_link_ids(r);
		err = READ_ONCE(r->err);
	}
	if (err) {
		cr_abort(r);
	} else {
		cr_objs_link(r);
		cr_commit(r);
	}
	cr_restart_put(r);
	module_put(THIS_MODULE);
}

static int leader_become(struct cr_restart *r, struct linux_binprm *bprm,
			 struct estate *e)
{
	struct cr_rec_thread rec;
	struct cr_view view;
	int err;

	err = begin_new_exec(bprm);
	if (err)
		return err;
	/* from here on it ends as if it had been killed */
	cr_shmids_release(r);
	cr_ipcids_release(r);
	cr_semundo_adopt(r);
	setup_new_exec(bprm);
	finalize_exec(bprm);
	cr_read_obj(&r->img, r->leader->thread, &view, &rec, sizeof(rec));
	err = cr_mm_flags_restore_exec(r, le32_to_cpu(rec.mm));
	if (err)
		return err;
	cr_arch_task_begin();
	if (e->exe) {
		err = replace_mm_exe_file(current->mm, e->exe);
		if (err)
			return err;
	}
	set_dumpable(current->mm, e->dumpable);
	estate_give(e);
	cr_locks_adopt();
	cr_thread_reset();
	cr_itimers_stop();
	cr_arch_regs_blank();
	init_task_work(&r->leader->work, leader_main);
	err = task_work_add(current, &r->leader->work, TWA_SIGNAL);
	if (err)
		return err;
	/* the leader's, which rtask_wait() puts, and those of finish() */
	kref_get(&r->ref);
	kref_get(&r->ref);
	__module_get(THIS_MODULE);
	__module_get(THIS_MODULE);
	INIT_WORK(&r->finish, finish);
	queue_work(system_unbound_wq, &r->finish);
	return 0;
}

int cr_inplace_become(struct cr_restart *r, struct linux_binprm *bprm)
{
	struct estate e = {};
	int err;

	err = estate_take(&r->rtasks[0], &e);
	if (!err) {
		estate_give_mm(&e, bprm);
		err = leader_become(r, bprm, &e);
	}
	estate_put(&e);
	return err;
}
