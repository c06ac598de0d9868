/* SPDX-License-Identifier: GPL-2.0 */
/* Images that are written by themselves, on a signal */
#ifndef _LINUX_CR_AUTO_H
#define _LINUX_CR_AUTO_H

#include <linux/cr.h>
#include <linux/cr_image.h>
#include <linux/cr_task.h>
#include <linux/sched/signal.h>

/* Room for a pattern, with its NUL: as kernel.core_pattern has */
#define CR_PATTERN_MAX		128

/* What a signal means that a task has left at its default action */
enum cr_auto_class {
	CR_AUTO_NONE	= 0,
	CR_AUTO_SAVE	= CR_CAUSE_SAVE,
	CR_AUTO_END	= CR_CAUSE_END,		/* ... the default action */
	CR_AUTO_FATAL	= CR_CAUSE_FATAL,
};

/* Which processes are the job of the one that was signalled */
enum cr_auto_tree {
	CR_TREE_SESSION,	/* its topmost ancestor of the same session */
	CR_TREE_GROUP,		/* ... of the same process group */
	CR_TREE_PROCESS,	/* itself */
	CR_NR_TREES,
};

/**
 * struct cr_cause - why an image is written without anybody having asked for it
 * @task: thread that had the signal; holds a reference
 * @info: the signal
 * @class: what it means
 * @roots: the image is root's: processes that only root may dump are no obstacle
 */
struct cr_cause {
	struct task_struct *task;
	kernel_siginfo_t info;
	enum cr_auto_class class;
	bool roots;
};

/**
 * struct cr_auto_set - settings of one job
 * @pattern: of the name; "": that of the sysctl
 * @save_signal: that means "save"; 0: none; -1: that of the sysctl
 * @end_signal: that means "save, then end"; likewise
 * @fatal: 1: images of crashes; likewise
 */
struct cr_auto_set {
	char pattern[CR_PATTERN_MAX];
	int save_signal;
	int end_signal;
	int fatal;
};

/* ---- kernel/cr_auto.c: settings, /proc/sys/kernel/crimg_* ---- */

int cr_auto_init(void);
void cr_auto_exit(void);
/* What @sig means to @task now; any context */
enum cr_auto_class cr_auto_class(struct task_struct *task, int sig);
/* A copy of the pattern of @task's job; false: there is none */
bool cr_auto_pattern(struct task_struct *task, char pattern[CR_PATTERN_MAX]);
/* ... of the sysctl */
void cr_auto_pattern_of_all(char pattern[CR_PATTERN_MAX]);
enum cr_auto_tree cr_auto_tree(void);
/* May it mean "save"? -1 and 0 may */
bool cr_auto_signal_valid(int sig);
/* Settings of jobs change: under the lock apply() says whether all can be caught */
void cr_auto_lock(void);
void cr_auto_unlock(void);
int cr_auto_apply_locked(void);
/* ... have changed; any context */
void cr_auto_changed(void);

/* ---- kernel/cr_auto_job.c: settings of one job ---- */

/* A copy of what the job of @task has; false: it has none of its own; any context */
bool cr_auto_job_set(struct task_struct *task, struct cr_auto_set *set);
/* Who was declared its leader, with a reference; NULL: nobody, or it is gone */
struct task_struct *cr_auto_job_leader(struct task_struct *task);
void cr_auto_jobs_each(void (*fn)(const struct cr_auto_set *set, void *data),
		       void *data);
/*
 * A job: a reference is held while it is used. get: that of a process, or NULL; read:
 * its settings, and who was declared its leader, which has no task or is NULL if it is
 * gone; create: without leader and process, ERR_PTR(); lead: its leader, before add: a
 * process to it, in the room of an alloc, which it takes
 */
struct cr_auto_job;
struct cr_auto_member;
struct cr_auto_job *cr_auto_job_get(struct task_struct *task);
void cr_auto_job_hold(struct cr_auto_job *job);
void cr_auto_job_put(struct cr_auto_job *job);
const struct cr_auto_set *cr_auto_job_read(const struct cr_auto_job *job,
					   struct pid **leader);
struct cr_auto_job *cr_auto_job_create(const struct cr_auto_set *set);
void cr_auto_job_lead(struct cr_auto_job *job, struct pid *leader);
struct cr_auto_member *cr_auto_member_alloc(void);
void cr_auto_member_free(struct cr_auto_member *m);
void cr_auto_job_add(struct cr_auto_job *job, struct pid *pid,
		     struct cr_auto_member *m);
/* CR_IOC_AUTO; @get: the task of a pidfd, with a reference */
long cr_auto_ioc_job(void __user *uarg, struct task_struct *(*get)(int pidfd));
void cr_auto_jobs_exit(void);

/* ---- kernel/cr_auto_image.c: both in an image ---- */

/* The settings that a process has, as an object of the image */
void cr_auto_collect(struct cr_save *s, struct cr_proc *proc);
/* That it has them, and how many images it has had */
void cr_auto_save_proc(struct cr_save *s, struct cr_proc *proc,
		       struct cr_rec_proc *rec);
/*
 * Restart: cr_obj_ops of the process. Link takes what restore has found room for: a
 * caller that becomes the leader keeps its own until nothing can fail
 */
int __must_check cr_auto_restore_proc(struct cr_restart *r, u32 id,
				      const struct cr_rec_proc *rec);
void cr_auto_link_proc(struct cr_restart *r, u32 id,
		       const struct cr_rec_proc *rec);
void cr_auto_drop_proc(void *ptr);

/* ---- kernel/cr_auto_file.c: how many images a job has had ---- */

u32 cr_auto_images(struct task_struct *leader);
/* In the room of an alloc, which it takes */
struct cr_auto_generation;
struct cr_auto_generation *cr_auto_generation_alloc(void);
void cr_auto_generation_free(struct cr_auto_generation *g);
void cr_auto_images_set(struct pid *leader, u32 images,
			struct cr_auto_generation *room);

/* ---- kernel/cr_auto_signal.c: where signals are caught ---- */

/* Catch signals, or no longer: when it returns, nothing calls ours. 0 or -errno */
int cr_auto_arm(void);
void cr_auto_disarm(void);
void cr_auto_signal_exit(void);
/* Which ones, as bits */
void cr_auto_catch(u64 signals);
/* arch/: what get_signal() becomes. Where a signal is pending: cr_auto_deliver() first */
struct ksignal;
bool cr_auto_get_signal(struct ksignal *ksig);
asmlinkage void cr_auto_deliver(void);
/*
 * Pending signals of @pending that an image of the job satisfies, which it does
 * not hold therefore. @blocked: by all who could take them. siglock is held
 */
u64 cr_auto_satisfied(struct task_struct *task,
		      const struct sigpending *pending, u64 blocked);

/* ---- kernel/cr_auto_save.c: the saver ---- */

/**
 * cr_auto_save() - have the caller's job saved
 * @info: the signal, which has been dequeued
 * @class: what it means
 *
 * The caller stands still, as all of the job, until it is let go; unless the
 * signal is to end it, the image is on the disk only later.
 *
 * Context: a task of the job, on its way to user mode. May sleep, until killed.
 */
void cr_auto_save(const kernel_siginfo_t *info, enum cr_auto_class class);
/**
 * cr_auto_save_asked() - the same, because the caller has asked for it
 * @pattern: of the name, valid
 * @report: takes the reasons of a failure, to be freed by kvfree()
 *
 * Context: as of cr_auto_save(), in a task_work with none behind it.
 * Return: 0: the image is on the disk; -EBUSY: the job is being saved already;
 * -EINTR: the caller is to end; as of cr_save_image()
 */
int cr_auto_save_asked(const char *pattern, char **report);
void cr_auto_save_exit(void);
/* May the caller save @task without having been allowed to trace it? */
bool cr_auto_allowed(const struct cr_cause *cause, struct task_struct *task);
/* @sig has been sent to @task, and was not pending: no earlier image is meant. siglock is held */
void cr_auto_wanted_again(struct task_struct *task, int sig);

/* ---- kernel/cr_auto_self.c: CR_IOC_SAVE_SELF ---- */

long cr_auto_ioc_self(void __user *uarg);

/* ---- kernel/cr_auto_name.c ---- */

/* Is there nothing in @pattern that means nothing? */
bool cr_auto_pattern_valid(const char *pattern);
/**
 * cr_auto_name() - the name of an image
 * @pattern: as valid
 * @leader: of the job
 * @cause: why
 * @generation: number of the image, from 1
 * @name: takes it
 * @size: of @name
 *
 * Return: 0; -ENAMETOOLONG
 */
int cr_auto_name(const char *pattern, struct task_struct *leader,
		 const struct cr_cause *cause, u32 generation, char *name,
		 size_t size);

#endif /* _LINUX_CR_AUTO_H */
