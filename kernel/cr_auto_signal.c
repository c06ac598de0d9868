// SPDX-License-Identifier: GPL-2.0
/*
 * Catching signals that mean "save the job".
 *
 * Such a signal has been left at its default action, which is to end the process
 * or to dump core. No notifier tells of that in time, so two functions of
 * kernel/signal.c are watched through ftrace, as live patches are applied:
 *
 * get_signal(), which a task calls to take its next signal. Nothing has been
 * dequeued, and the registers say what was interrupted, as for a task_work: the
 * task takes the signal itself, has the job saved, and goes on, or to its end.
 *
 * complete_signal(), which ends a process at once when a signal has been queued
 * that will end it. For ours it wakes somebody who will take it, and no more.
 *
 * A signal that is blocked, handled, ignored, waited for, or of a traced process
 * is not ours.
 *
 * Locks: siglock, which the callers of complete_signal() hold.
 */
#include <linux/cn_proc.h>
#include <linux/coredump.h>
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_auto.h>
#include <linux/cr_critical.h>
#include <linux/cr_kernel.h>
#include <linux/cr_save.h>
#include <linux/cr_task.h>

static u64 caught;

static __always_inline bool process_is_ours(struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	return !(task->flags & (PF_KTHREAD | CR_PF_WORKERS | PF_EXITING)) &&
	       !task->ptrace && !signal->group_exec_task &&
	       !(signal->flags & (SIGNAL_GROUP_EXIT | SIGNAL_UNKILLABLE));
}

static __always_inline bool is_default(struct sighand_struct *sighand, int sig)
{
	return READ_ONCE(sighand->action[sig - 1].sa.sa_handler) == SIG_DFL;
}

static bool is_ours(struct task_struct *task, int sig)
{
	return is_default(cr_sighand(task), sig) &&
	       cr_auto_class(task, sig) != CR_AUTO_NONE;
}

/* A keeper ends as its job has ended, and has nothing worth saving */
static __always_inline bool current_is_keeper(void)
{
	return !current->mm || current->mm->binfmt == &cr_format;
}

/* A signal that the caller is to take; 0: none */
static __always_inline int signal_find(void)
{
	u64 pending = (READ_ONCE(current->pending.signal.sig[0]) |
		       READ_ONCE(current->signal->shared_pending.signal.sig[0])) &
		      ~current->blocked.sig[0] & READ_ONCE(caught);

	for (; pending; pending &= pending - 1)
		if (is_ours(current, __ffs64(pending) + 1))
			return process_is_ours(current) &&
			       !current_is_keeper() &&
			       !__fatal_signal_pending(current) ?
			       __ffs64(pending) + 1 : 0;
	return 0;
}

/* 0: it is gone, or no longer ours */
static int signal_take(kernel_siginfo_t *info)
{
	enum pid_type type;
	sigset_t others;
	int sig;

	spin_lock_irq(&cr_sighand(current)->siglock);
	sig = signal_find();
	if (sig) {
		sigfillset(&others);
		sigdelset(&others, sig);
		sig = cr_dequeue_signal(&others, info, &type);
	}
	spin_unlock_irq(&cr_sighand(current)->siglock);
	return sig;
}

/* What get_signal() does for it */
static void __noreturn signal_ends(const kernel_siginfo_t *info)
{
	int sig = info->si_signo;

	current->flags |= PF_SIGNALED;
	if (sig_kernel_coredump(sig)) {
		proc_coredump_connector(current);
		do_coredump(info);
	}
	/* nothing of ours is needed behind this */
	module_put(THIS_MODULE);
	do_group_exit(sig);
}

/*
 * Before get_signal(): takes one signal. Called from the entry in
 * arch/x86/kernel/cr_auto_entry.S, which goes on to get_signal(). The module has
 * been taken, and is put here: what is left of the entry is short.
 */
asmlinkage void cr_auto_deliver(void)
{
	enum cr_auto_class class;
	kernel_siginfo_t info;

	if (signal_take(&info)) {
		class = cr_auto_class(current, info.si_signo);
		if (class == CR_AUTO_FATAL)
			cr_critical_crash();
		else if (class != CR_AUTO_NONE &&
			 cr_critical_put_off(info.si_signo))
			goto out_go_on;
		/* the settings have changed: its default action */
		if (class != CR_AUTO_NONE)
			cr_auto_save(&info, class);
		if (class != CR_AUTO_SAVE)
			signal_ends(&info);
out_go_on:
		/* nothing has happened: the call goes on that it has interrupted */
		cr_arch_hide_eintr(current);
	}
	module_put(THIS_MODULE);
}

/* A thread that can take it; NULL: all have it blocked, are stopped or on their way out */
static struct task_struct *signal_taker(int sig, struct task_struct *task,
					enum pid_type type)
{
	struct task_struct *t;

	for_each_thread(task, t) {
		if (type == PIDTYPE_PID && t != task)
			continue;
		if (!sigismember(&t->blocked, sig) && !(t->flags & PF_EXITING) &&
		    !task_is_stopped_or_traced(t))
			return t;
	}
	return NULL;
}

/* In place of complete_signal(), for a signal that is ours; siglock is held */
static void signal_complete(int sig, struct task_struct *task,
			    enum pid_type type)
{
	struct task_struct *t = signal_taker(sig, task, type);

	if (t)
		signal_wake_up(t, false);
}

static void notrace hook_get_signal(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops,
				    struct ftrace_regs *fregs)
{
	/* one that is on its way out catches nothing any more */
	if (signal_find() && try_module_get(THIS_MODULE))
		ftrace_regs_set_instruction_pointer(fregs,
				(unsigned long)cr_auto_get_signal);
}

static void notrace hook_complete_signal(unsigned long ip,
					 unsigned long parent_ip,
					 struct ftrace_ops *ops,
					 struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	struct task_struct *task;
	int sig;

	if (!regs)
		return;
	sig = regs_get_kernel_argument(regs, 0);
	task = (struct task_struct *)regs_get_kernel_argument(regs, 1);
	if (!(READ_ONCE(caught) & BIT_ULL(sig - 1)) || sig_kernel_coredump(sig) ||
	    !process_is_ours(task) ||
	    !is_default(rcu_dereference_raw(task->sighand), sig) ||
	    cr_auto_class(task, sig) == CR_AUTO_NONE)
		return;
	ftrace_regs_set_instruction_pointer(fregs,
					    (unsigned long)signal_complete);
}

static struct ftrace_ops get_signal_ops = {
	.func = hook_get_signal,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		 FTRACE_OPS_FL_PERMANENT,
};

static struct ftrace_ops complete_signal_ops = {
	.func = hook_complete_signal,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		 FTRACE_OPS_FL_PERMANENT,
};

/* The filter stays: ftrace frees one only with its owner */
static int hook(struct ftrace_ops *ops, const char *name)
{
	char copy[32];
	int err;

	/* which it is parsed in */
	strscpy(copy, name, sizeof(copy));
	err = ftrace_set_filter(ops, (unsigned char *)copy, strlen(copy), 1);
	return err < 0 ? err : register_ftrace_function(ops);
}

/* The first so that nothing is delivered late, the second that nobody is ended */
int cr_auto_arm(void)
{
	int err;

	err = hook(&get_signal_ops, "get_signal");
	if (err)
		return err;
	err = hook(&complete_signal_ops, "complete_signal");
	if (err)
		unregister_ftrace_function(&get_signal_ops);
	return err;
}

void cr_auto_disarm(void)
{
	unregister_ftrace_function(&complete_signal_ops);
	unregister_ftrace_function(&get_signal_ops);
}

void cr_auto_signal_exit(void)
{
	ftrace_free_filter(&complete_signal_ops);
	ftrace_free_filter(&get_signal_ops);
}

void cr_auto_catch(u64 signals)
{
	WRITE_ONCE(caught, signals);
}

u64 cr_auto_satisfied(struct task_struct *task,
		      const struct sigpending *pending, u64 blocked)
{
	u64 ours = pending->signal.sig[0] & ~blocked & READ_ONCE(caught), sigs;
	enum cr_auto_class class;
	int sig;

	for (sigs = ours; sigs; sigs &= sigs - 1) {
		sig = __ffs64(sigs) + 1;
		class = cr_auto_class(task, sig);
		if (!is_default(cr_sighand(task), sig) ||
		    (class != CR_AUTO_SAVE && class != CR_AUTO_END))
			ours &= ~BIT_ULL(sig - 1);
	}
	return ours;
}
