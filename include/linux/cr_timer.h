/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers of a process: setitimer() and timer_create(). Saved together with the
 * signals that are pending, so that each expiry is in the image once; started
 * again when the job is committed, and not before.
 */
#ifndef _LINUX_CR_TIMER_H
#define _LINUX_CR_TIMER_H

#include <linux/signal_types.h>
#include <linux/cr.h>

struct k_itimer;

/**
 * struct cr_timers - timers of a process that is built
 * @page: where arguments of system calls are put, in the process' memory; 0: none
 * @nr: number of @timers
 * @timers: those of timer_create(), in the order of their records
 */
struct cr_timers {
	unsigned long page;
	u32 nr;
	struct k_itimer *timers[];
};

/*
 * What a CPU clock shows: of thread @task, if the clock is a thread's, or else of
 * its process
 */
u64 cr_cpu_clock_sample(clockid_t clock, struct task_struct *task);

/* Refuse timers of @task's process that are not saved. The task may run */
void cr_timers_collect(struct cr_save *s, struct task_struct *task);

/**
 * cr_itimers_copy() - note the interval timers of a process as records
 * @proc: it stands still; siglock is held
 */
void cr_itimers_copy(struct cr_proc *proc);
/* The same for timers of timer_create(), as far as proc->max_timers has room */
void cr_timers_copy(struct cr_save *s, struct cr_proc *proc);
/* Write what was noted as details of @obj */
void cr_timers_save(struct cr_save *s, struct cr_obj *obj,
		    struct cr_proc *proc);

/**
 * cr_timers_restore() - create a process' timers, at rest
 * @r: the restart
 * @id: its PROC
 * @timers: takes what cr_timers_start() needs; NULL without timers
 *
 * Context: in the process, with all its threads and its memory; before its
 * resource limits are restored.
 * Return: 0 or -errno
 */
int __must_check cr_timers_restore(struct cr_restart *r, u32 id,
				   struct cr_timers **timers);
/* In the process, committed, before any of its threads runs. Cannot fail */
void cr_timers_start(struct cr_restart *r, u32 id, struct cr_timers *timers);
/* One interval timer; @page as in struct cr_timers */
void cr_itimer_start(const struct cr_rec_itimer *rec, unsigned long page);
/*
 * A timer that runs from the commit on has not been started: is it to be tried
 * again? The page is there: what can be missing is memory to read it in again.
 * Sleeps
 */
bool cr_timer_again(int err, unsigned int *tries);

/**
 * cr_timer_queue() - queue the pending signal of a timer with the timer's own
 *	queue entry, so that it goes on when the signal is taken
 * @info: as it was queued
 * @type: PIDTYPE_TGID: of the process, PIDTYPE_PID: of a thread
 *
 * Return: false: it is not the signal of any timer of current's process
 */
bool cr_timer_queue(const kernel_siginfo_t *info, enum pid_type type);

/* No interval timer that came through execve() stays: restart in place */
void cr_itimers_stop(void);

#endif /* _LINUX_CR_TIMER_H */
