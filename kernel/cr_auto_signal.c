// SPDX-License-Identifier: GPL-2.0
/*
 * Catching signals that mean "save the job".
 *
 * Such a signal has been left at its default action, which is to end the process
 * or to dump core. No notifier tells of that in time, so three functions of
 * kernel/signal.c are watched through ftrace, as live patches are applied:
 *
 * get_signal(), which a task calls to take its next signal. Nothing has been
 * dequeued, and the registers say what was interrupted, as for a task_work: the
 * task takes the signal itself, has the job saved, and goes on, or to its end.
 *
 * dequeue_signal(), where get_signal() takes what has come since it was called, while
 * the task was stopped in there, or stood still for a save: ours are left.
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
#include <linux/kallsyms.h>
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

/* Its first thread may have exited: only what holds for all of them counts */
static __always_inline bool process_is_ours(struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	return !(task->flags & (PF_KTHREAD | CR_PF_WORKERS)) &&
	       !task->ptrace && !signal->group_exec_task &&
	       !(signal->flags & (SIGNAL_GROUP_EXIT | SIGNAL_UNKILLABLE));
}

/* SA_IMMUTABLE: the kernel itself ends the process, and nobody keeps it from that */
static __always_inline bool is_default(struct sighand_struct *sighand, int sig)
{
	const struct sigaction *sa = &sighand->action[sig - 1].sa;

	return READ_ONCE(sa->sa_handler) == SIG_DFL &&
	       !(READ_ONCE(sa->sa_flags) & SA_IMMUTABLE);
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

/* Signals that the caller is to take, as bits */
static u64 signals_find(void)
{
	u64 pending = (READ_ONCE(current->pending.signal.sig[0]) |
		       READ_ONCE(current->signal->shared_pending.signal.sig[0])) &
		      ~current->blocked.sig[0] & READ_ONCE(caught);
	u64 ours = pending;

	if (!pending)
		return 0;
	if (!process_is_ours(current) || current->flags & PF_EXITING ||
	    current_is_keeper() || __fatal_signal_pending(current))
		return 0;
	for (; pending; pending &= pending - 1)
		if (!is_ours(current, __ffs64(pending) + 1))
			ours &= ~(pending & -pending);
	return ours;
}

/* 0: it is gone, or no longer ours */
static int signal_take(kernel_siginfo_t *info)
{
	enum pid_type type;
	sigset_t others;
	int sig = 0;
	u64 ours;

	spin_lock_irq(&cr_sighand(current)->siglock);
	ours = signals_find();
	if (ours) {
		sigfillset(&others);
		sigdelset(&others, __ffs64(ours) + 1);
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

/* In place of complete_signal(), for a signal that is ours; siglock is held */
static void signal_complete(int sig, struct task_struct *task,
			    enum pid_type type)
{
	struct task_struct *t;

	/* whoever can take it: one of them alone may sleep where it does not look */
	for_each_thread(task, t) {
		if (type == PIDTYPE_PID && t != task)
			continue;
		if (!sigismember(&t->blocked, sig) && !(t->flags & PF_EXITING) &&
		    !task_is_stopped_or_traced(t))
			signal_wake_up(t, false);
	}
}

/*
 * In place of dequeue_signal() within get_signal(), for who has signals of ours by
 * now, because it has stood still in there: they stay, and get_signal() is called
 * again for them. siglock is held.
 */
static int signal_dequeue(CR_DEQUEUE_SIGNAL_PARAMS)
{
	sigset_t others = *mask;

	others.sig[0] |= signals_find();
	return cr_dequeue_signal(&others, info, type);
}

static unsigned long get_signal_size;

static void notrace hook_dequeue_signal(unsigned long ip,
					unsigned long parent_ip,
					struct ftrace_ops *ops,
					struct ftrace_regs *fregs)
{
	if (parent_ip - (unsigned long)get_signal < get_signal_size &&
	    signals_find())
		ftrace_regs_set_instruction_pointer(fregs,
				(unsigned long)signal_dequeue);
}

static void notrace hook_get_signal(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops,
				    struct ftrace_regs *fregs)
{
	/* one that is on its way out catches nothing any more */
	if (signals_find() && try_module_get(THIS_MODULE))
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
	if (!(READ_ONCE(caught) & BIT_ULL(sig - 1)))
		return;
	cr_auto_wanted_again(task, sig);
	if (sig_kernel_coredump(sig) || !process_is_ours(task) ||
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

static struct ftrace_ops dequeue_signal_ops = {
	.func = hook_dequeue_signal,
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

/* In this order: nobody is kept from what nobody would take then */
static const struct {
	struct ftrace_ops *ops;
	const char *name;
} hooks[] = {
	{ &get_signal_ops, "get_signal" },
	{ &dequeue_signal_ops, "dequeue_signal" },
	{ &complete_signal_ops, "complete_signal" },
};

static void unhook(int nr)
{
	while (nr--)
		unregister_ftrace_function(hooks[nr].ops);
}

int cr_auto_arm(void)
{
	unsigned long offset;
	int i, err;

	if (!kallsyms_lookup_size_offset((unsigned long)get_signal,
					 &get_signal_size, &offset) || offset)
		return -EOPNOTSUPP;
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		err = hook(hooks[i].ops, hooks[i].name);
		if (err) {
			unhook(i);
			return err;
		}
	}
	return 0;
}

void cr_auto_disarm(void)
{
	unhook(ARRAY_SIZE(hooks));
}

void cr_auto_signal_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		ftrace_free_filter(hooks[i].ops);
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
