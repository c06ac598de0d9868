/* SPDX-License-Identifier: GPL-2.0 */
/* The tasks of a job that is being built: kernel/cr_{task,build,inplace,share}.c */
#ifndef _CR_RTASK_H
#define _CR_RTASK_H

#include <linux/cr.h>
#include <linux/cr_build.h>

/**
 * struct cr_rtask - a task of the job that is being built
 * @r: holds a reference while the task exists and has not left its park
 * @proc: id of its PROC; 0 for the init of a private pid namespace
 * @thread: id of its THREAD; 0 for a zombie, the init, and a first thread that
 *	will have exited
 * @nr: its number in the image
 * @pid: its number for the task that has created it; 0: not created
 * @creator: who has created it; compared only
 * @task: set by the task itself; holds a reference
 * @group: its process' first thread
 * @child: first child process, @last_child, @sibling: next child of the same parent
 * @nr_threads: of the process, this one included; they follow in the array
 * @zombie: exits at once
 * @headless: a first thread that restores what is the process', and exits when
 *	the job runs: the others live on
 * @gone: a zombie that nobody has waited for yet, but will before the job runs:
 *	its number is that of a group or session whose leader is gone; @proc is 0
 * @donor: gives its memory and descriptors to the caller; kernel/cr_inplace.c
 * @leave: it is not needed any more: it goes, and that is no failure
 * @ready: the process' shared state is restored; for its other threads
 * @own_ready: what a thread has for itself of tables is restored; for the first
 * @started: committed, and what has to run before any thread of the process
 *	has; for its other threads
 * @timers: of the process; kernel/cr_timer.c
 * @vfork_child: the process that it waits for in vfork(); NULL: it does not
 * @vfork_parent: of a first thread: who waits for it so
 * @vfork: what it waits for, on its own stack, while it is there; @vfork_child
 *	may have a pointer to it, both under that one's alloc_lock
 * @asked: parked, it is to take its semaphores; see cr_semundos_restore()
 * @answer: what came of it, when @asked is false again
 * @semundos: how many SEMUNDO of the process have been done
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
	struct cr_rtask *last_child;
	struct cr_rtask *sibling;
	u32 nr_threads;
	bool zombie;
	bool headless;
	bool gone;
	bool donor;
	bool leave;
	bool ready;
	bool own_ready;
	bool started;
	struct cr_timers *timers;
	struct cr_rtask *vfork_child;
	struct cr_rtask *vfork_parent;
	struct completion *vfork;
	bool asked;
	int answer;
	u32 semundos;
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
/* In a task_work: is it to return, since it will be called again? */
bool rtask_work_again(struct callback_head *work);

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

/* Whose THREAD says what a task uses: its own, or that of its process' next one */
static inline u32 rtask_thread(const struct cr_rtask *t)
{
	return t->headless ? t[1].thread : t->thread;
}

/* ---- kernel/cr_share.c: memory, handlers, descriptors, directories ---- */

struct files_struct;
struct fs_struct;

/* Who restores what; all @r->rtasks are planned. 0 or -ENOMEM */
int cr_shares_plan(struct cr_restart *r);
/* Drop references to what is shared; before the job runs, or when it has gone */
void cr_shares_drop(struct cr_restart *r);

/* The table @id, if somebody is to take it from who has restored it; a reference */
struct files_struct *cr_share_files_get(struct cr_restart *r, u32 id);

/* Of a thread that is not the first: what it begins with */
u64 rtask_clone_flags(const struct cr_rtask *t);
/* In a new task: what it has now will be what it restores; others may take it */
void rtask_publish(struct cr_rtask *t);
/*
 * Take what others restore: memory and handlers, while there are no other
 * threads; descriptors and directories, when no more tasks are to be created
 */
int __must_check rtask_attach_memory(struct cr_rtask *t);
int __must_check rtask_attach_tables(struct cr_rtask *t);
/* Restore what is its own, once its memory is there */
int __must_check rtask_restore_own(struct cr_rtask *t);
bool rtask_owns_handlers(const struct cr_rtask *t);
bool rtask_owns_files(const struct cr_rtask *t);

/* In place: the leader; a thread of it, which has attached its tables */
int __must_check leader_attach_handlers(struct cr_rtask *t);
int __must_check thread_adopt_files(struct cr_rtask *t);

void cr_fs_put(struct fs_struct *fs);

#endif /* _CR_RTASK_H */
