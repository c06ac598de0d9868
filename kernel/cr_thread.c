// SPDX-License-Identifier: GPL-2.0
/*
 * Threads: what task_struct holds that is not shared with other threads.
 *
 * Collecting a thread collects what it uses: memory, descriptors, handlers.
 * Refused here: seccomp, io_uring, perf events, system call user dispatch,
 * SCHED_DEADLINE, speculation control by prctl().
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/fs_struct.h>
#include <linux/prctl.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_isolate.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>

static void thread_none(struct cr_obj *obj)
{
	/* cr_save.procs holds threads and processes */
}

/* One that is exiting has nothing: it will be gone when the job stands still */
static void thread_uses(struct cr_save *s, struct cr_thread *thread,
			enum cr_obj_type type, void *ptr)
{
	if (ptr)
		cr_obj_add(s, type, ptr, thread->task, 1);
}

static void thread_collect_objs(struct cr_save *s, struct cr_thread *thread)
{
	struct task_struct *task = thread->task;
	struct sighand_struct *sighand = NULL;
	struct files_struct *files;
	const struct cred *cred;
	struct fs_struct *fs;
	struct mm_struct *mm;

	task_lock(task);
	files = task->files;
	if (files)
		atomic_inc(&files->count);
	/* only its address: with one user more execve() ignores set-user-ID bits */
	fs = task->fs;
	task_unlock(task);
	read_lock(&tasklist_lock);
	sighand = cr_sighand(task);
	if (sighand) {
		refcount_inc(&sighand->count);
	}
	read_unlock(&tasklist_lock);
	mm = get_task_mm(task);
	cred = get_task_cred(task);

	cr_obj_add(s, CR_OBJ_CRED, (void *)cred, task, 0);
	/* a running task has others in passing: in an overlay, for example */
	if (s->still && rcu_access_pointer(task->cred) !=
			rcu_access_pointer(task->real_cred))
		cr_refuse(s, task, "CR-ECRED", "overridden credentials");
	thread_uses(s, thread, CR_OBJ_FILES, files);
	thread_uses(s, thread, CR_OBJ_FS, fs);
	thread_uses(s, thread, CR_OBJ_SIGHAND, sighand);
	thread_uses(s, thread, CR_OBJ_MM, mm);

	if (files)
		put_files_struct(files);
	if (sighand)
		__cleanup_sighand(sighand);
	put_cred(cred);
	if (mm)
		mmput(mm);
}

static void thread_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_thread *thread = obj->ptr;
	struct task_struct *task = thread->task;

	if (READ_ONCE(task->ptrace))
		cr_refuse(s, task, "CR-ETRACED", "it is traced: not supported yet");
	/* one that has exited meanwhile has no stack, and no registers on it */
	if (!try_get_task_stack(task))
		return;
	cr_arch_thread_collect(s, task);
	cr_restart_block_collect(s, task);
	put_task_stack(task);
	if (task->seccomp.mode)
		cr_refuse(s, task, "CR-ESECCOMP",
			  "seccomp: not supported yet");
#ifdef CONFIG_IO_URING
	if (task->io_uring)
		cr_refuse(s, task, "CR-EURING", "io_uring: not supported yet");
#endif
#ifdef CONFIG_PERF_EVENTS
	if (!list_empty(&task->perf_event_list))
		cr_refuse(s, task, "CR-EPERF",
			  "performance events: not supported");
#endif
	if (test_task_syscall_work(task, SYSCALL_USER_DISPATCH))
		cr_refuse(s, task, "CR-EPRCTL",
			  "system call user dispatch: not supported");
	if (task->policy == SCHED_DEADLINE)
		cr_refuse(s, task, "CR-ESCHED",
			  "SCHED_DEADLINE: not supported yet");
	if (task->atomic_flags & ~BIT(PFA_NO_NEW_PRIVS))
		cr_refuse(s, task, "CR-EPRCTL",
			  "speculation or cpuset flags %#lx: not supported",
			  task->atomic_flags);
	thread_collect_objs(s, thread);
}

static void thread_record_signals(struct cr_thread *thread,
				  struct cr_rec_thread *rec)
{
	struct task_struct *task = thread->task;

	rec->blocked = cpu_to_le64(task->blocked.sig[0]);
	/* otherwise it is what some earlier call left, or whoever was before */
	if (test_tsk_restore_sigmask(task)) {
		rec->flags |= cpu_to_le32(CR_THREAD_SAVED_SIGMASK);
		rec->saved_mask = cpu_to_le64(task->saved_sigmask.sig[0]);
	}
	rec->pending = cpu_to_le64(thread->pending.mask);
	rec->altstack_sp = cpu_to_le64(task->sas_ss_sp);
	rec->altstack_size = cpu_to_le64(task->sas_ss_size);
	rec->altstack_flags = cpu_to_le32(task->sas_ss_flags);
}

static void thread_record_user(struct task_struct *task,
			       struct cr_rec_thread *rec)
{
#ifdef CONFIG_FUTEX
	rec->robust_list = cpu_to_le64((unsigned long)task->robust_list);
#endif
	rec->clear_child_tid = cpu_to_le64((unsigned long)
					   task->clear_child_tid);
#ifdef CONFIG_RSEQ
	rec->rseq = cpu_to_le64((unsigned long)task->rseq);
	rec->rseq_len = cpu_to_le32(cr_rseq_len(task));
	rec->rseq_sig = cpu_to_le32(task->rseq_sig);
#endif
	get_task_comm(rec->comm, task);
}

static void thread_save(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_thread *thread = obj->ptr;
	struct task_struct *task = thread->task, *child;
	struct cr_rec_thread rec = {};
	const void *affinity = NULL;
	size_t affinity_len = 0;

	BUILD_BUG_ON(sizeof(rec.comm) != TASK_COMM_LEN);
	rec.proc = cpu_to_le32(cr_obj_id(s, CR_OBJ_PROC, thread->proc));
	rec.tid = cpu_to_le32(task_pid_nr_ns(task, s->pid_ns));
	rec.mm = cpu_to_le32(cr_obj_id(s, CR_OBJ_MM, task->mm));
	rec.files = cpu_to_le32(cr_obj_id(s, CR_OBJ_FILES, task->files));
	rec.fs = cpu_to_le32(cr_obj_id(s, CR_OBJ_FS, task->fs));
	rec.sighand = cpu_to_le32(cr_obj_id(s, CR_OBJ_SIGHAND,
					    cr_sighand(task)));
	rec.cred = cpu_to_le32(cr_obj_id(s, CR_OBJ_CRED, (void *)
			rcu_dereference_protected(task->cred, 1)));
	rec.flags = cpu_to_le32(cr_prctl_flags(task));
	cr_sched_record(task, &rec);
	rec.timer_slack_ns = cpu_to_le64(task->timer_slack_ns);
	rec.personality = cpu_to_le32(task->personality);
	rec.pdeath_signal = cpu_to_le32(task->pdeath_signal);
	/* a keeper has its job die with it: not the job's own wish */
	if (s->kept && task == s->leader && task->pdeath_signal == SIGKILL)
		rec.pdeath_signal = 0;
	child = cr_isolate_vfork(task);
	if (child)
		rec.vfork = cpu_to_le32(task_tgid_nr_ns(child, s->pid_ns));
	thread_record_signals(thread, &rec);
	thread_record_user(task, &rec);
	if (!cpumask_subset(cpu_possible_mask, &task->cpus_mask)) {
		affinity = cpumask_bits(&task->cpus_mask);
		affinity_len = BITS_TO_LONGS(nr_cpu_ids) * sizeof(long);
		rec.nr_cpus = cpu_to_le32(nr_cpu_ids);
	}
	cr_write_obj(s, obj, &rec, sizeof(rec), affinity, affinity_len);
	cr_usage_save_thread(s, obj, task);
	/* registers are on its stack, which goes when it is killed */
	if (!try_get_task_stack(task)) {
		cr_fail_killed(s, task);
		return;
	}
	cr_arch_thread_save(s, obj, task);
	cr_arch_debug_save(s, obj, task);
	cr_restart_block_save(s, obj, task);
	put_task_stack(task);
	cr_mempolicy_save_thread(s, obj, task);
	cr_pending_save(s, obj, &thread->pending);
	cr_cause_save(s, obj, task);
}

const struct cr_obj_ops cr_thread_ops = {
	.name = "thread",
	.rec = CR_REC_THREAD,
	.get = thread_none,
	.put = thread_none,
	.collect = thread_collect,
	.save = thread_save,
};

void cr_thread_forget(void)
{
	current->clear_child_tid = NULL;
#ifdef CONFIG_FUTEX
	current->robust_list = NULL;
#endif
}

void cr_thread_reset(void)
{
	sigset_t all;

	/* until its own mask is restored, only SIGKILL reaches it */
	sigfillset(&all);
	set_current_blocked(&all);
	clear_restore_sigmask();
	current->sas_ss_sp = 0;
	current->sas_ss_size = 0;
	current->sas_ss_flags = SS_DISABLE;
	current->pdeath_signal = 0;
	current->set_child_tid = NULL;
	cr_thread_forget();
#ifdef CONFIG_RSEQ
	/* a registration whose memory is gone would kill it when preempted */
	current->rseq = NULL;
	current->rseq_sig = 0;
	cr_rseq_set_len(current, 0);
#endif
	current->restart_block.fn = do_no_restart_syscall;
}

static void thread_restore_user(const struct cr_rec_thread *rec)
{
#ifdef CONFIG_FUTEX
	current->robust_list = u64_to_user_ptr(le64_to_cpu(rec->robust_list));
#endif
	current->clear_child_tid =
		u64_to_user_ptr(le64_to_cpu(rec->clear_child_tid));
#ifdef CONFIG_RSEQ
	if (rec->rseq) {
		current->rseq_sig = le32_to_cpu(rec->rseq_sig);
		cr_rseq_set_len(current, le32_to_cpu(rec->rseq_len));
		current->rseq = u64_to_user_ptr(le64_to_cpu(rec->rseq));
		/* the CPU may be another one: have it written before it runs */
		rseq_set_notify_resume(current);
	}
#endif
	current->personality = le32_to_cpu(rec->personality);
	current->timer_slack_ns = le64_to_cpu(rec->timer_slack_ns);
	current->pdeath_signal = le32_to_cpu(rec->pdeath_signal);
}

/* What is pending becomes deliverable with the mask, and not before */
static void thread_restore_signals(const struct cr_rec_thread *rec)
{
	sigset_t mask;

	current->sas_ss_sp = le64_to_cpu(rec->altstack_sp);
	current->sas_ss_size = le64_to_cpu(rec->altstack_size);
	current->sas_ss_flags = le32_to_cpu(rec->altstack_flags);
	mask.sig[0] = le64_to_cpu(rec->blocked);
	set_current_blocked(&mask);
	if (le32_to_cpu(rec->flags) & CR_THREAD_SAVED_SIGMASK) {
		current->saved_sigmask.sig[0] = le64_to_cpu(rec->saved_mask);
		sigdelsetmask(&current->saved_sigmask,
			      sigmask(SIGKILL) | sigmask(SIGSTOP));
		set_restore_sigmask();
	}
}

/* What the kernel itself says yes or no to, and nothing is left of but in current */
static int thread_restore_own(struct cr_restart *r, u32 id,
			      const struct cr_rec_thread *rec,
			      const struct cr_view *view)
{
	struct cr_rec_restart restart;
	struct cr_detail_iter it;
	int err;

	err = cr_affinity_restore(r, rec, view);
	if (!err)
		err = cr_arch_debug_restore(r, id);
	if (err)
		return err;
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type == CR_REC_RESTART) {
			cr_detail(&it, &restart, sizeof(restart));
			err = cr_restart_block_restore(r, &restart,
						       le32_to_cpu(rec->proc));
		} else if (it.view.type == CR_REC_MEMPOLICY) {
			err = cr_mempolicy_restore_thread(r, &it);
		}
		if (err)
			return err;
	}
	return cr_prctl_restore(r, rec);
}

int cr_thread_try(struct cr_restart *r, u32 id)
{
	struct cred *mine = prepare_creds(), *then = prepare_creds();
	struct cr_rec_thread rec;
	struct cr_view view;
	int err;

	if (!mine || !then) {
		if (mine)
			abort_creds(mine);
		if (then)
			abort_creds(then);
		return -ENOMEM;
	}
	/* as execve() will have done */
	then->securebits &= ~issecure_mask(SECURE_KEEP_CAPS);
	commit_creds(then);
	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	err = thread_restore_own(r, id, &rec, &view);
	commit_creds(mine);
	return err;
}

/* Last of all that a task restores itself: signals reach it from here on */
int cr_thread_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_thread rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	__set_task_comm(current, rec.comm, false);
	err = cr_sched_restore(r, &rec);
	if (err)
		return err;
	err = thread_restore_own(r, id, &rec, &view);
	if (err)
		return err;
	thread_restore_user(&rec);
	err = cr_pending_restore(r, id, le64_to_cpu(rec.pending), PIDTYPE_PID);
	if (err)
		return err;
	/* what it has done for us is not the job's */
	cr_usage_restore_thread(r, id);
	thread_restore_signals(&rec);
	return 0;
}
