/* SPDX-License-Identifier: GPL-2.0 */
/* The tasks of a job that is being built: kernel/cr_task.c, cr_build.c, cr_inplace.c */
#ifndef _CR_RTASK_H
#define _CR_RTASK_H

#include <linux/cr.h>
#include <linux/cr_build.h>

/**
 * struct cr_rtask - a task of the job that is being built
 * @r: holds a reference while the task exists and has not left its park
 * @proc: id of its PROC; 0 for the init of a private pid namespace
 * @thread: id of its THREAD; 0 for a zombie and the init
 * @nr: its number in the image
 * @pid: its number for the task that has created it; 0: not created
 * @creator: who has created it; compared only
 * @task: set by the task itself; holds a reference
 * @group: its process' first thread
 * @child: first child process, @sibling: next child of the same parent
 * @nr_threads: of the process, this one included; they follow in the array
 * @zombie: exits at once
 * @donor: gives its memory and descriptors to the caller; kernel/cr_inplace.c
 * @leave: it is not needed any more: it goes, and that is no failure
 * @ready: the process' shared state is restored; for its other threads
 * @started: committed, and what has to run before any thread of the process
 *	has; for its other threads
 * @timers: of the process; kernel/cr_timer.c
 * @work: where it parks
 */
struct cr_rtask {
	struct cr_restart *r;
	u32 proc;
	u32 thread;
	pid_t nr;
	pid_t pid;
	struct task_struct *creator;
	struct task_struct *task;
	struct cr_rtask *group;
	struct cr_rtask *child;
	struct cr_rtask *sibling;
	u32 nr_threads;
	bool zombie;
	bool donor;
	bool leave;
	bool ready;
	bool started;
	struct cr_timers *timers;
	struct callback_head work;
};

/*
 * Create a task that runs @fn(@t). It is not there when this fails.
 * Return: 0, -EBUSY its number is taken, -EPERM, -errno
 */
int rtask_clone(struct cr_rtask *t, u64 flags, int (*fn)(void *));
/* First in every task's function */
void rtask_begin(struct cr_rtask *t);
/* Last in it: go on to where it parks, whatever happened */
int rtask_finish(struct cr_rtask *t, int err);
/* Complete: wait for the end of the building. Does not return when aborted */
void rtask_wait(struct cr_rtask *t);

/* Registers of a parked task, once it is on no CPU. 0 or -errno */
int rtask_link(struct cr_rtask *t);
/* Sessions, process groups, exit signals of all; sets r->err if one was killed */
void rtasks_link_ids(struct cr_restart *r);

/* Wait until a child of an aborted job is gone, whatever signals are pending */
void rtask_reap(const struct cr_rtask *t);

int process_main(void *arg);
int init_main(void *arg);
/* What a process does in turn; see process_restore() */
int process_clone_children(struct cr_rtask *t);
int process_clone_threads(struct cr_rtask *t);
int process_restore_shared(struct cr_rtask *t);

#endif /* _CR_RTASK_H */
