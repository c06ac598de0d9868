/* SPDX-License-Identifier: GPL-2.0 */
/* Sections of threads that no image is made in the middle of */
#ifndef _LINUX_CR_CRITICAL_H
#define _LINUX_CR_CRITICAL_H

#include <linux/types.h>

struct file;
struct task_struct;

/*
 * current begins a section, and ends it, by an open /dev/crimg. -EALREADY: it is in
 * one; -EINVAL: it is in none; -ERESTARTNOINTR: it is to stand still first
 */
int cr_critical_begin(struct file *file);
int cr_critical_end(struct file *file);
/* It is closed */
void cr_critical_release(struct file *file);

/* Is a thread in one, or anybody at all? locked: cr_isolate_lock() is held */
bool cr_critical(struct task_struct *task);
bool cr_critical_locked(struct task_struct *task);
bool cr_critical_any(void);

/* current has a fatal signal, which ends its section */
void cr_critical_crash(void);
/* True: current is in one, and is sent @sig again at its end */
bool cr_critical_put_off(int sig);

#endif /* _LINUX_CR_CRITICAL_H */
