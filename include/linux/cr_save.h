/* SPDX-License-Identifier: GPL-2.0 */
/* The saver, as the device uses it */
#ifndef _LINUX_CR_SAVE_H
#define _LINUX_CR_SAVE_H

#include <linux/binfmts.h>
#include <linux/cr.h>

struct cr_isolate;

extern struct linux_binfmt cr_format;

/**
 * cr_save_init() - begin a save
 * @s: filled in; cr_save_exit() it also after a failure
 * @task: a process of the job: its leader, or the keeper of a restarted job
 *
 * Return: 0, -ESRCH it is gone, -EPERM it is not a user process
 */
int cr_save_init(struct cr_save *s, struct task_struct *task);
void cr_save_exit(struct cr_save *s);

/*
 * May the caller save @task, which is of the job of @s? By the rules of ptrace,
 * unless the job is saved by itself
 */
bool cr_may_save(struct cr_save *s, struct task_struct *task);

/**
 * cr_claim() - keep other savers from a job until cr_save_exit()
 * @s: from cr_save_init(); with @s->looks: to look at the job only
 *
 * Context: may sleep until others have looked.
 * Return: 0; -EBUSY it, or a part of it, is being saved; -EPERM; -EINTR
 */
int cr_claim(struct cr_save *s);
void cr_unclaim(struct cr_save *s);

/**
 * cr_collect() - find every object of the job and every blocker
 * @s: from cr_save_init(); what an earlier collect has found is dropped
 * @still: the job is isolated; otherwise it runs, and what is found is an
 *	estimate, made without touching it
 *
 * Return: 0; -EOPNOTSUPP with the blockers in s->log; -EPERM; -ENOMEM; -ESRCH
 */
int cr_collect(struct cr_save *s, bool still);

/**
 * cr_save_isolate() - look, hold, look again: what is seen then cannot change
 * @s: claimed
 * @iso: to hold the job; it may have been let go after a failure
 * @timeout_ms: for the job to stand still; 0: the default
 *
 * Return: as cr_collect() and cr_isolate()
 */
int cr_save_isolate(struct cr_save *s, struct cr_isolate *iso,
		    unsigned int timeout_ms);

/**
 * cr_save_image() - write the image of an isolated, collected job
 * @s: after a cr_collect() that has returned 0
 * @iso: holds the job
 * @out: regular file, writable, empty
 *
 * Return: 0 or -errno, with the reason in s->log
 */
int cr_save_image(struct cr_save *s, struct cr_isolate *iso, struct file *out);

/* kernel/cr_elf.c: records, program headers and, last, the ELF header */
void cr_elf_save(struct cr_save *s, u64 notes, u64 notes_size);

#endif /* _LINUX_CR_SAVE_H */
