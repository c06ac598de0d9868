// SPDX-License-Identifier: GPL-2.0
/*
 * Job control: processes that are stopped, and what their parents know of it.
 *
 * A stopped process is made to stop again the way in which it had been: each
 * thread is asked to, and does so when it leaves the park that the restart has
 * put it in. Who was told that a process has stopped is not told again.
 *
 * Locks: siglock, which the caller holds.
 */
#include <linux/kernel.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/signal.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>

static const struct {
	u32 flag;
	unsigned int kernel;
} stop_flags[] = {
	{ CR_STOP_CONTINUED, SIGNAL_STOP_CONTINUED },
	{ CR_STOP_TELL_STOPPED, SIGNAL_CLD_STOPPED },
	{ CR_STOP_TELL_CONTINUED, SIGNAL_CLD_CONTINUED },
};

void cr_stop_copy(struct cr_proc *proc)
{
	struct signal_struct *signal = proc->task->signal;
	struct cr_thread *thread;
	unsigned int sig = 0;
	int i;

	proc->stop_signal = 0;
	proc->stop_flags = 0;
	if (!(signal->flags & SIGNAL_STOP_STOPPED) &&
	    !signal->group_stop_count) {
		for (i = 0; i < ARRAY_SIZE(stop_flags); i++)
			if (signal->flags & stop_flags[i].kernel)
				proc->stop_flags |= stop_flags[i].flag;
		return;
	}
	list_for_each_entry(thread, &proc->threads, list)
		sig = sig ?: thread->task->jobctl & JOBCTL_STOP_SIGMASK;
	proc->stop_signal = sig ?: SIGSTOP;
	if (!(signal->flags & SIGNAL_STOP_STOPPED))
		proc->stop_flags = CR_STOP_UNDERWAY | CR_STOP_REPORT;
	else if (signal->group_exit_code)
		proc->stop_flags = CR_STOP_REPORT;
}

/* Ask all threads; the last one to stop tells the parent if they are @counted */
static void stop_all(struct task_struct *task, unsigned int sig, bool counted)
{
	struct signal_struct *signal = task->signal;
	unsigned long what = sig | JOBCTL_STOP_PENDING;
	struct task_struct *t;

	if (counted)
		what |= JOBCTL_STOP_CONSUME;
	for_each_thread(task, t) {
		if (!task_set_jobctl_pending(t, what))
			continue;
		if (counted)
			signal->group_stop_count++;
		/* so that it looks for signals when it leaves the park */
		set_tsk_thread_flag(t, TIF_SIGPENDING);
	}
}

void cr_stop_restore(const struct cr_rec_proc *rec, struct task_struct *task,
		     bool stop, bool fresh)
{
	struct signal_struct *signal = task->signal;
	u32 sig = le32_to_cpu(rec->stop_signal);
	u32 flags = le32_to_cpu(rec->stop_flags);
	unsigned int set = SIGNAL_STOP_STOPPED;
	int i;

	/* it has been killed meanwhile: that is final */
	if (signal->flags & SIGNAL_GROUP_EXIT)
		return;
	if (!sig && stop)
		sig = SIGSTOP;
	if (!sig) {
		for (i = 0, set = 0; i < ARRAY_SIZE(stop_flags); i++)
			if (flags & stop_flags[i].flag)
				set |= stop_flags[i].kernel;
		if (set && !fresh)
			signal_set_stop_flags(signal, set);
		return;
	}
	fresh |= flags & CR_STOP_UNDERWAY;
	signal->group_stop_count = 0;
	stop_all(task, sig, fresh);
	signal->group_exit_code = fresh || flags & CR_STOP_REPORT ? sig : 0;
	if (!fresh)
		signal_set_stop_flags(signal, set);
}
