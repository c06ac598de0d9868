/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cutting a job off from the world: every thread parks in a task_work and its
 * state stands still until it is released. Used by the saver only.
 */
#ifndef _LINUX_CR_ISOLATE_H
#define _LINUX_CR_ISOLATE_H

#include <linux/cr.h>

/**
 * struct cr_isolate - one isolated job
 * @stops: of struct cr_stop, one for each thread that has been asked to park
 * @wait: the saver waits for threads to park, the threads for the release
 * @released: true: nobody parks any more
 * @vforks: children between vfork() and execve() park, too
 * @since: when the first thread was asked to park
 * @ref: the saver's and one for each stop
 */
struct cr_isolate {
	struct list_head stops;
	wait_queue_head_t wait;
	bool released;
	bool vforks;
	ktime_t since;
	struct kref ref;
};

/* Context of all: process context, may sleep; the caller is not of the job */
struct cr_isolate *cr_isolate_create(void);
/**
 * cr_isolate() - make every thread of a job stand still
 * @iso: from cr_isolate_create()
 * @s: takes the reasons of a failure; its procs are not touched
 * @timeout_ms: bound of the wait
 *
 * Return: 0, or -errno with nothing held back: all that parked are released
 */
int cr_isolate(struct cr_isolate *iso, struct cr_save *s,
	       unsigned int timeout_ms);
/* Is every thread of @s->procs parked? Says which is not. 0 or -errno */
int cr_isolate_holds(struct cr_isolate *iso, struct cr_save *s);
/*
 * The child that an isolated thread waits for in vfork(); it is isolated, too,
 * and valid as long as the job is. NULL: it does not wait
 */
struct task_struct *cr_isolate_vfork(struct task_struct *task);
/*
 * The caller is of the job, and parks of its own accord, on its way to user mode
 * as in a task_work. 0 once it is released; -EINTR killed; -ENOMEM
 */
int cr_isolate_self(struct cr_isolate *iso);
/*
 * For kernel/cr_critical.c: nobody is asked to park while it holds the lock. Has
 * @task been? now: without the lock
 */
void cr_isolate_lock(void);
void cr_isolate_unlock(void);
bool cr_isolate_asked(struct task_struct *task);
bool cr_isolate_asked_now(struct task_struct *task);
/* Let the job go; idempotent */
void cr_isolate_release(struct cr_isolate *iso);
void cr_isolate_put(struct cr_isolate *iso);

#endif /* _LINUX_CR_ISOLATE_H */
