/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The task builder, as the loader uses it. All functions run in the process
 * that calls execve().
 */
#ifndef _LINUX_CR_BUILD_H
#define _LINUX_CR_BUILD_H

#include <linux/pid.h>
#include <linux/cr.h>

/**
 * cr_build() - create every task of the job, parked
 * @r: records are checked, objects restored
 *
 * Each task restores itself and parks; returns when the last one has.
 * Return: 0; -EBUSY an id is taken; -errno. After a failure cr_abort() it
 */
int __must_check cr_build(struct cr_restart *r);

/**
 * cr_link() - what can only be done to the parked tasks from outside
 * @r: after cr_build()
 *
 * Sessions, process groups, exit signals, registers.
 */
int __must_check cr_link(struct cr_restart *r);

/**
 * cr_semundos_restore() - every process takes the semaphores again that it had
 * @r: after cr_link()
 *
 * Others see it from here on. What has been taken goes back with cr_abort(), and
 * in place with cr_semundo_undo().
 * Return: 0; -EBUSY, -ESTALE or another error, with the reason in r->log
 */
int __must_check cr_semundos_restore(struct cr_restart *r);

/* Let all tasks run. Nothing can fail any more */
void cr_commit(struct cr_restart *r);
/* Make all tasks go without a trace, and wait until they are gone */
void cr_abort(struct cr_restart *r);

/* Pid, in the caller's namespace, of the process that the keeper waits for */
pid_t cr_build_child(struct cr_restart *r);
/* The job's leader is in another process group than the caller */
bool cr_build_own_group(struct cr_restart *r);

/**
 * cr_build_replace_file() - put an open file in the place of another
 * @r: all its tasks are built and stand still
 * @from: in any of their descriptor tables
 * @to: takes its place, each time with a reference
 */
void cr_build_replace_file(struct cr_restart *r, struct file *from,
			   struct file *to);

/**
 * cr_build_mms() - the address spaces of the job
 * @r: all its tasks are built and stand still
 * @nr: returns their number; one of them may be that of the caller
 *
 * Return: them, without references, in no order, to be kvfree()d; NULL: no memory
 */
struct mm_struct **cr_build_mms(struct cr_restart *r, size_t *nr);

/* Task @nr of the restart, below its nr_rtasks; NULL: it is not there (yet) */
struct task_struct *cr_build_task(struct cr_restart *r, u32 nr);

struct linux_binprm;
/*
 * The tasks of a job are clones of the caller: has it only what execve() leaves
 * to it? kernel/cr_cred.c. 0 or -errno, with the reason in the log
 */
int __must_check cr_cred_exec_allowed(struct cr_restart *r,
				      const struct linux_binprm *bprm);

/* Note the first error of a task, wake who waits for it; Return: @err */
int cr_restart_fail(struct cr_restart *r, int err);
void cr_restart_put(struct cr_restart *r);

/* In a new task: close every descriptor that it has inherited */
void cr_files_empty(void);
/* Current's program is a keeper: the saver looks for this. fs/binfmt_cr.c */
void cr_keeper_mark(void);

#endif /* _LINUX_CR_BUILD_H */
