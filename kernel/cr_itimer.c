// SPDX-License-Identifier: GPL-2.0
/*
 * Interval timers: setitimer() and alarm().
 *
 * Saved is the time that remained. A real timer whose signal has not been taken
 * yet is saved with the time since it has expired: it goes on, in its rhythm,
 * when the signal is taken.
 *
 * Locks: siglock for all of signal_struct that is looked at.
 */
#include <linux/kernel.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/posix-timers.h>
#include <linux/time.h>
#include <linux/uaccess.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <asm/ptrace.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>
#include <linux/cr_timer.h>

#define START_TRIES	1000	/* of a millisecond at most */

static void itimer_add(struct cr_proc *proc, u32 which, u32 state, u64 value,
		       u64 interval)
{
	struct cr_rec_itimer *rec = &proc->itimers[proc->nr_itimers++];

	memset(rec, 0, sizeof(*rec));
	rec->which = cpu_to_le32(which);
	rec->state = cpu_to_le32(state);
	rec->value_ns = cpu_to_le64(value);
	rec->interval_ns = cpu_to_le64(interval);
}

static void itimer_copy_real(struct cr_proc *proc)
{
	struct signal_struct *signal = proc->task->signal;
	struct hrtimer *timer = &signal->real_timer;
	s64 left = ktime_to_ns(hrtimer_get_remaining(timer));
	u64 interval = ktime_to_ns(signal->it_real_incr);

	/* active also while it waits for siglock to send its signal */
	if (hrtimer_active(timer))
		itimer_add(proc, CR_ITIMER_REAL, CR_TIMER_ARMED,
			   max_t(s64, left, 1), interval);
	else if (interval)
		itimer_add(proc, CR_ITIMER_REAL, CR_TIMER_FIRED,
			   max_t(s64, -left, 0), interval);
}

static void itimer_copy_cpu(struct cr_proc *proc, u32 which, unsigned int clock)
{
	struct signal_struct *signal = proc->task->signal;
	struct cpu_itimer *it = &signal->it[clock];
	u64 samples[CPUCLOCK_MAX], left = 1;

	if (!it->expires)
		return;
	thread_group_sample_cputime(proc->task, samples);
	if (it->expires > samples[clock])
		left = it->expires - samples[clock];
	itimer_add(proc, which, CR_TIMER_ARMED, left, it->incr);
}

void cr_itimers_copy(struct cr_proc *proc)
{
	proc->nr_itimers = 0;
	itimer_copy_real(proc);
	itimer_copy_cpu(proc, CR_ITIMER_VIRTUAL, CPUCLOCK_VIRT);
	itimer_copy_cpu(proc, CR_ITIMER_PROF, CPUCLOCK_PROF);
}

/* It has expired and stands still until its signal is taken */
static void itimer_set_fired(u64 since, u64 interval)
{
	struct signal_struct *signal = current->signal;

	spin_lock_irq(&cr_sighand(current)->siglock);
	hrtimer_set_expires(&signal->real_timer,
			    ktime_sub_ns(ktime_get(), since));
	signal->it_real_incr = ns_to_ktime(interval);
	spin_unlock_irq(&cr_sighand(current)->siglock);
}

/* The call counts in microseconds: rather later than sooner */
static void ns_to_old_timeval(u64 ns, struct __kernel_old_timeval *tv)
{
	u64 us = DIV_ROUND_UP_ULL(ns, NSEC_PER_USEC);
	u32 rest;

	tv->tv_sec = div_u64_rem(us, USEC_PER_SEC, &rest);
	tv->tv_usec = rest;
}

static int itimer_set(u32 which, const struct __kernel_old_itimerval *val,
		      unsigned long page)
{
	struct pt_regs regs = { .di = which, .si = page };

	if (copy_to_user((void __user *)page, val, sizeof(*val)))
		return -EFAULT;
	return __x64_sys_setitimer(&regs);
}

bool cr_timer_again(int err, unsigned int *tries)
{
	if (err != -EFAULT || ++*tries > START_TRIES ||
	    fatal_signal_pending(current))
		return false;
	usleep_range(500, 1000);
	return true;
}

void cr_itimer_start(const struct cr_rec_itimer *rec, unsigned long page)
{
	struct __kernel_old_itimerval val = {};
	u64 left = le64_to_cpu(rec->value_ns);
	unsigned int tries = 0;
	int err;

	if (le32_to_cpu(rec->state) == CR_TIMER_FIRED) {
		itimer_set_fired(left, le64_to_cpu(rec->interval_ns));
		return;
	}
	/* those of CPU time run for a tick more than they are set to */
	if (le32_to_cpu(rec->which) != CR_ITIMER_REAL)
		left = left > TICK_NSEC ? left - TICK_NSEC : 1;
	ns_to_old_timeval(left, &val.it_value);
	ns_to_old_timeval(le64_to_cpu(rec->interval_ns), &val.it_interval);
	do {
		err = itimer_set(le32_to_cpu(rec->which), &val, page);
	} while (cr_timer_again(err, &tries));
	if (err)
		pr_warn_ratelimited("binfmt_cr: pid %d: an interval timer could not be started\n",
				    task_tgid_nr(current));
}

void cr_itimers_stop(void)
{
	struct signal_struct *signal = current->signal;
	int i;

	hrtimer_cancel(&signal->real_timer);
	spin_lock_irq(&cr_sighand(current)->siglock);
	signal->it_real_incr = 0;
	for (i = 0; i < ARRAY_SIZE(signal->it); i++) {
		signal->it[i].expires = 0;
		signal->it[i].incr = 0;
	}
	spin_unlock_irq(&cr_sighand(current)->siglock);
}
