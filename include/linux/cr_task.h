/* SPDX-License-Identifier: GPL-2.0 */
/* Per-task state: what kernel/cr_*.c know of each other */
#ifndef _LINUX_CR_TASK_H
#define _LINUX_CR_TASK_H

#include <linux/pid.h>
#include <linux/signal_types.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/cr.h>

/* Handlers of current or of a parked task, whose pointer cannot change */
static inline struct sighand_struct *cr_sighand(struct task_struct *task)
{
	return rcu_dereference_protected(task->sighand, 1);
}

/* Behind lock_task_sighand(): unlock_task_sighand() says no __rcu to sparse */
static inline void cr_sighand_unlock(struct task_struct *task,
				     unsigned long flags)
{
	spin_unlock_irqrestore(&cr_sighand(task)->siglock, flags);
}

/* Parent of a task; tasklist_lock is held, or the caller does not look inside */
static inline struct task_struct *cr_parent(struct task_struct *task)
{
	return rcu_dereference_protected(task->real_parent, 1);
}

/*
 * Note all signals that are pending in a process and its threads, and its
 * timers, at one moment: each expiry is a signal or still to come. Sets s->err
 */
void cr_signals_copy(struct cr_save *s, struct cr_proc *proc);
void cr_signals_put(struct cr_proc *proc);
/* Write what was noted as SIGINFO details of @obj */
void cr_pending_save(struct cr_save *s, struct cr_obj *obj,
		     const struct cr_pending *pending);
/* Write the signal that @task had, if the image is made because of it */
void cr_cause_save(struct cr_save *s, struct cr_obj *obj,
		   struct task_struct *task);
/* In the task: queue what the SIGINFO details of @id say. 0 or -errno */
int __must_check cr_pending_restore(struct cr_restart *r, u32 id, u64 mask,
				    enum pid_type type);

/* kernel/cr_prctl.c: CR_THREAD_* bits of @task that prctl() sets */
u32 cr_prctl_flags(struct task_struct *task);
/* In the thread: its flags and the securebits of its credentials. 0 or -errno */
int __must_check cr_prctl_restore(struct cr_restart *r,
				  const struct cr_rec_thread *rec);

/* kernel/cr_sched.c: priorities of a thread, and its CPUs. 0 or -errno */
void cr_sched_record(struct task_struct *task, struct cr_rec_thread *rec);
int __must_check cr_sched_restore(struct cr_restart *r,
				  const struct cr_rec_thread *rec);
int __must_check cr_affinity_restore(struct cr_restart *r,
				     const struct cr_rec_thread *rec,
				     const struct cr_view *view);

/* kernel/cr_stop.c: job control; siglock is held for both */
void cr_stop_copy(struct cr_proc *proc);
/*
 * @task: first thread of a process whose threads are all parked: it will be
 * stopped when they leave their park. @stop: even if it was not. @fresh: its
 * parent is another one, and is told so
 */
void cr_stop_restore(const struct cr_rec_proc *rec, struct task_struct *task,
		     bool stop, bool fresh);

/* What an interrupted system call goes on with; kernel/cr_syscall.c */
void cr_restart_block_collect(struct cr_save *s, struct task_struct *task);
void cr_restart_block_save(struct cr_save *s, struct cr_obj *obj,
			   struct task_struct *task);
/* @proc: the process of the thread that it is for, which is current */
int __must_check cr_restart_block_restore(struct cr_restart *r,
					  const struct cr_rec_restart *rec,
					  u32 proc);

/*
 * May current have the limits and the oom_score_adj, or the priorities, that the
 * record says? It need not be the task itself: one that begins with the same.
 * 0 or -errno
 */
int __must_check cr_proc_allowed(struct cr_restart *r, u32 id);
int __must_check cr_thread_allowed(struct cr_restart *r, u32 id);
/*
 * Would cr_thread_restore() be allowed the rest? In a task that will not live
 * on: it has CPUs and what prctl() sets from the record afterwards. 0 or -errno
 */
int __must_check cr_thread_try(struct cr_restart *r, u32 id);
/*
 * CPU times of a process and of its children: those of its record, or none.
 * tasklist_lock is held for writing.
 */
void cr_proc_set_times(struct task_struct *task, const struct cr_rec_proc *rec);
/*
 * kernel/cr_usage.c: what was used beside CPU time, by a process (@exited: its
 * first thread has, and counts as its past) or a thread. set_proc(): what PROC
 * @id says, as read() has it, or NULL: nothing; tasklist_lock is held for writing.
 * restore_thread() in the thread. forget(): in a task that ends without ever having
 * run, also what @mm had, which is its own, or NULL.
 */
struct cr_usage {
	struct cr_rec_usage self, children;
};
void cr_usage_save_proc(struct cr_save *s, struct cr_obj *obj,
			struct task_struct *task, bool exited);
void cr_usage_save_thread(struct cr_save *s, struct cr_obj *obj,
			  const struct task_struct *task);
void cr_usage_read(struct cr_restart *r, u32 id, struct cr_usage *usage);
void cr_usage_set_proc(struct task_struct *task, const struct cr_usage *usage);
void cr_usage_restore_thread(struct cr_restart *r, u32 id);
void cr_usage_forget(struct mm_struct *mm);
/* In the process: what its PROC record says of itself. 0 or -errno */
int __must_check cr_proc_restore(struct cr_restart *r, u32 id);
/* In the thread: what its THREAD record says. 0 or -errno */
int __must_check cr_thread_restore(struct cr_restart *r, u32 id);
/* In any new task: forget what it has inherited from the caller */
void cr_thread_reset(void);
/* In a task that will end: nothing is written to its memory then */
void cr_thread_forget(void);

#endif /* _LINUX_CR_TASK_H */
