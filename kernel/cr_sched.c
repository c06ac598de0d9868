// SPDX-License-Identifier: GPL-2.0
/*
 * Priorities of a thread: scheduling policy and nice value, I/O priority, the CPUs
 * that it may run on.
 *
 * A thread gets what sched_setattr() and ioprio_set() would give the caller. What
 * that is can be asked for before: kernel/cr_inplace.c.
 */
#include <linux/kernel.h>
#include <linux/capability.h>
#include <linux/cpumask.h>
#include <linux/iocontext.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>

void cr_sched_record(struct task_struct *task, struct cr_rec_thread *rec)
{
	rec->nice = cpu_to_le32(task_nice(task));
	rec->policy = cpu_to_le32(task->policy);
	rec->rt_priority = cpu_to_le32(task->rt_priority);
	if (task->sched_reset_on_fork)
		rec->flags |= cpu_to_le32(CR_THREAD_RESET_ON_FORK);
	task_lock(task);
	if (task->io_context)
		rec->ioprio = cpu_to_le32(task->io_context->ioprio);
	task_unlock(task);
}

int cr_affinity_restore(struct cr_restart *r, const struct cr_rec_thread *rec,
			const struct cr_view *view)
{
	unsigned int nr = le32_to_cpu(rec->nr_cpus);
	cpumask_var_t mask;
	unsigned int cpu;
	int err = 0;

	if (!nr)
		return 0;
	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	for (cpu = 0; cpu < min(nr, nr_cpu_ids); cpu++)
		if (((const u8 *)view->tail)[cpu / 8] & BIT(cpu % 8))
			cpumask_set_cpu(cpu, mask);
	err = sched_setaffinity(0, mask);
	if (err)
		cr_err(&r->log, err,
		       "thread %u: none of the CPUs that it is bound to is here",
		       le32_to_cpu(rec->tid));
	free_cpumask_var(mask);
	return err;
}

static void sched_read(const struct cr_rec_thread *rec, struct sched_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	attr->sched_policy = le32_to_cpu(rec->policy);
	attr->sched_nice = (s32)le32_to_cpu(rec->nice);
	attr->sched_priority = le32_to_cpu(rec->rt_priority);
}

static bool sched_differs(const struct sched_attr *attr)
{
	return attr->sched_policy != current->policy ||
	       attr->sched_priority != current->rt_priority ||
	       attr->sched_nice != task_nice(current);
}

/* By the caller's limit: current may have the one of the image already */
static bool nice_allowed(const struct cr_restart *r, int nice)
{
	return nice_to_rlimit(nice) <= r->rlim_max[RLIMIT_NICE];
}

/* As sched_setattr() asks it of one without CAP_SYS_NICE; SCHED_IDLE is below 19 */
static bool sched_raises(const struct cr_restart *r,
			 const struct sched_attr *attr)
{
	if (attr->sched_policy == SCHED_FIFO || attr->sched_policy == SCHED_RR)
		return true;
	if (attr->sched_nice < task_nice(current) &&
	    !nice_allowed(r, attr->sched_nice))
		return true;
	return current->policy == SCHED_IDLE &&
	       attr->sched_policy != SCHED_IDLE &&
	       !nice_allowed(r, task_nice(current));
}

static bool resets_on_fork(const struct cr_rec_thread *rec)
{
	return le32_to_cpu(rec->flags) & CR_THREAD_RESET_ON_FORK;
}

static int sched_allowed(struct cr_restart *r, const struct cr_rec_thread *rec)
{
	u32 tid = le32_to_cpu(rec->tid);
	struct sched_attr attr;

	sched_read(rec, &attr);
	/* in place it is the caller's, which only the privileged may drop */
	if (current->sched_reset_on_fork && !resets_on_fork(rec) &&
	    !capable(CAP_SYS_NICE))
		return cr_err(&r->log, -EPERM,
			      "thread %u: not allowed to drop SCHED_RESET_ON_FORK",
			      tid);
	if (sched_differs(&attr) && sched_raises(r, &attr) &&
	    !capable(CAP_SYS_NICE))
		return cr_err(&r->log, -EPERM,
			      "thread %u: priority %d, policy %u: not allowed to raise it",
			      tid, attr.sched_nice, attr.sched_policy);
	if (IOPRIO_PRIO_CLASS(le32_to_cpu(rec->ioprio)) == IOPRIO_CLASS_RT &&
	    !capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
		return cr_err(&r->log, -EPERM, "thread %u: real-time I/O priority",
			      tid);
	return 0;
}

int cr_thread_allowed(struct cr_restart *r, u32 id)
{
	struct cr_rec_thread rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	return sched_allowed(r, &rec);
}

int cr_sched_restore(struct cr_restart *r, const struct cr_rec_thread *rec)
{
	int ioprio = le32_to_cpu(rec->ioprio);
	struct sched_attr attr;
	int err;

	err = sched_allowed(r, rec);
	if (err)
		return err;
	sched_read(rec, &attr);
	if (sched_differs(&attr)) {
		err = sched_setattr_nocheck(current, &attr);
		if (err)
			return cr_err(&r->log, err,
				      "thread %u: scheduling policy %u is not accepted",
				      le32_to_cpu(rec->tid), attr.sched_policy);
	}
	current->sched_reset_on_fork = resets_on_fork(rec);
	if (ioprio) {
		err = set_task_ioprio(current, ioprio);
		if (err)
			return cr_err(&r->log, err, "thread %u: I/O priority %#x",
				      le32_to_cpu(rec->tid), ioprio);
	}
	return 0;
}
