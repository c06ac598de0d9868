/* SPDX-License-Identifier: GPL-2.0 */
/* What only the architecture knows: registers, and how a keeper is started */
#ifndef _LINUX_CR_ARCH_H
#define _LINUX_CR_ARCH_H

#include <linux/cr.h>

/**
 * cr_arch_hide_eintr() - let an interrupted call start again
 * @task: current, parked before a signal is looked at
 *
 * Some calls return -EINTR where others ask to be restarted. When no signal is
 * pending, it was our request to park that interrupted them, and the program
 * must not see that: it becomes a restart.
 */
void cr_arch_hide_eintr(struct task_struct *task);

/* Protection keys of an address space, as cr_rec_mm.pkeys has them */
u32 cr_arch_pkeys_save(const struct mm_struct *mm);
/*
 * Current's mappings may be made, with any key that the image says; then its
 * keys are what the record says. 0 or -errno with the reason in r->log, or -EINTR
 */
int __must_check cr_arch_pkeys_begin(struct cr_restart *r,
				     const struct cr_rec_mm *rec);
int __must_check cr_arch_pkeys_end(const struct cr_rec_mm *rec);
/* As pkey_mprotect(), of current; between these two */
int __must_check cr_arch_pkey_set(struct cr_restart *r, u64 start, u64 len,
				  unsigned long prot, u32 key);

/* Is the time stamp counter not for @task to read? */
bool cr_arch_tsc_forbidden(struct task_struct *task);

/* Refuse what of @task's architecture state is not saved. The task may run */
void cr_arch_thread_collect(struct cr_save *s, struct task_struct *task);

/* Where a thread that stands still has its thread-local memory: its fs */
unsigned long cr_arch_thread_pointer(struct task_struct *task);

/* Write the register records of a parked thread, details of @obj */
void cr_arch_thread_save(struct cr_save *s, struct cr_obj *obj,
			 struct task_struct *task);

/*
 * Hardware breakpoints: of a parked thread, a detail of @obj; and in the thread
 * itself those of THREAD @id, instead of what it has. 0 or -errno
 */
void cr_arch_debug_save(struct cr_save *s, struct cr_obj *obj,
			struct task_struct *task);
int __must_check cr_arch_debug_restore(struct cr_restart *r, u32 id);

/**
 * cr_arch_thread_restore() - install the registers of a parked task
 * @r: the restart
 * @id: its THREAD
 * @task: parked, not running, not current
 *
 * Through the regsets, as a debugger would: their rules are the check.
 * Return: 0 or -errno
 */
int __must_check cr_arch_thread_restore(struct cr_restart *r, u32 id,
					struct task_struct *task);

/**
 * cr_arch_keeper_start() - make current a keeper when it returns to user mode
 * @leader: pid of the process that it stands for, in its own pid namespace
 * @own_group: the leader is in another process group than the keeper
 * @sp: top of its stack
 *
 * Maps the keeper's code into current's mm and sets its registers.
 * Return: 0 or -errno
 */
int __must_check cr_arch_keeper_start(pid_t leader, bool own_group,
				      unsigned long sp);

/* Current, on its way back from a call: that returns @value */
void cr_arch_set_result(long value);
/* Current's registers: a user program's, with nothing in them */
void cr_arch_regs_blank(void);
/* In a new task: nothing of the caller's architecture state stays */
void cr_arch_task_begin(void);

#endif /* _LINUX_CR_ARCH_H */
