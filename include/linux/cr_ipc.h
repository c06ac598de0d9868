/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System V IPC: what ipc/cr_*.c, mm/cr_*.c and the loader know of each other.
 */
#ifndef _LINUX_CR_IPC_H
#define _LINUX_CR_IPC_H

#include <linux/ipc.h>
#include <linux/ipc_namespace.h>
#include <linux/cr.h>

/* ---- ipc/cr_shmid.c ---- */

/* Is it what shmat() has made of a segment? */
bool cr_file_is_sysv(const struct file *file);
/* A SHM of kind SYSV, whose ptr is its inode: refuse what is not understood */
void cr_shmid_collect(struct cr_save *s, struct cr_obj *obj);
/* Write its SHMID; its SHM has just been written */
void cr_shmid_save(struct cr_save *s, struct cr_obj *obj);

/**
 * cr_shmid_restore() - make or find the segment of a SHM of kind SYSV
 * @r: the restart
 * @id: of the SHM
 * @size: bytes of it
 *
 * The segment is held until cr_shmids_release() or cr_shmids_undo(): it cannot
 * go. A new one is filled; one that exists is not touched yet.
 *
 * Context: the caller of execve(), or a child of it in the same IPC namespace.
 * Return: a file for mmap(), which the restart owns; or ERR_PTR() with the
 *	reason in r->log: -EBUSY the id or the key is taken, -EPERM, -EACCES
 */
struct file *cr_shmid_restore(struct cr_restart *r, u32 id, loff_t size);
/* The file for a mapping that may be made @writable, or not. NULL: not allowed */
struct file *cr_shmid_file(struct cr_restart *r, u32 id, bool writable);

/**
 * cr_shmids_settle() - make all segments what they were
 * @r: all its tasks are built and stand still
 *
 * The last step before the commit: contents of segments that existed are put
 * back here, and nowhere before. Context: as cr_shmid_restore().
 * Return: 0; -EBUSY somebody else has attached one; -errno. The caller undoes
 */
int __must_check cr_shmids_settle(struct cr_restart *r);
/* The restart has succeeded: let go of them */
void cr_shmids_release(struct cr_restart *r);
/* Nothing is left of a restart that has failed; its tasks are gone */
void cr_shmids_undo(struct cr_restart *r);
/* Free what the restart knows of segments */
void cr_shmids_put(struct cr_restart *r);

/* ---- ipc/cr_semundo.c ---- */

/* Refuse what cannot be saved of a process' undo list. It may run */
void cr_semundo_collect(struct cr_save *s, struct cr_proc *proc);
/* Write the SEMUNDO details of a process; @obj, its PROC, has been written */
void cr_semundo_save(struct cr_save *s, struct cr_obj *obj,
		     struct cr_proc *proc);

/* How many SEMUNDO a PROC has */
u32 cr_semundo_count(struct cr_restart *r, u32 id);

/**
 * cr_semundo_restore() - take semaphores again that the process had taken
 * @r: the restart
 * @id: of the PROC
 * @done: number of its SEMUNDO that have been done, in order; counts on
 *
 * Does not wait for any. Context: the process itself, with its rights. What it
 * has taken it gives back when it ends.
 * Return: 0; -EAGAIN the next one cannot be done now; -ESTALE, -EACCES, -E2BIG
 *	or another error with the reason in r->log
 */
int __must_check cr_semundo_restore(struct cr_restart *r, u32 id, u32 *done);
/* -EBUSY, and why: it is SEMUNDO @nr, from 0 on, that cannot be done */
int cr_semundo_busy(struct cr_restart *r, u32 id, u32 nr);

/**
 * cr_semundo_restore_caller() - the same in place, for the leader
 *
 * Context: the caller of execve(), before the point of no return. What it takes
 * is not yet its own, but the restart's.
 * Return: also -EOPNOTSUPP: the caller has something to undo himself
 */
int __must_check cr_semundo_restore_caller(struct cr_restart *r, u32 id,
					   u32 *done);
/* Behind that point it is the caller's, who is the leader; cannot fail */
void cr_semundo_adopt(struct cr_restart *r);
/* The restart has failed: the caller gives it back; others have by their end */
void cr_semundo_undo(struct cr_restart *r);

/* ---- ipc/cr_ipcid.c ---- */

/* Find the queues and sets of the job, whose processes are found; may refuse */
void cr_ipcids_collect(struct cr_save *s);

/**
 * cr_ipcids_begin() - let processes take semaphores again
 * @r: all its tasks are built and stand still
 *
 * Sets get values from which cr_semundos_restore() can do its work. Context: the
 * caller of execve().
 * Return: 0; -EBUSY somebody else uses one; -errno. The caller undoes
 */
int __must_check cr_ipcids_begin(struct cr_restart *r);
/* The last step before the commit, likewise: all queues and sets are what they were */
int __must_check cr_ipcids_settle(struct cr_restart *r);
/* The restart has succeeded */
void cr_ipcids_release(struct cr_restart *r);
/* Nothing is left of a restart that has failed; its tasks are gone */
void cr_ipcids_undo(struct cr_restart *r);
/* Free what the restart knows of them */
void cr_ipcids_put(struct cr_restart *r);
/* ipc/cr_ipcid_kept.c: the module goes */
void cr_ipcids_exit(void);

#endif /* _LINUX_CR_IPC_H */
