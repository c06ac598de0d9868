/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Structures that ipc/shm.c keeps to itself, under the kernel's own names, so
 * that a randomized layout is the same one. They are what they were in all
 * supported kernels.
 */
#ifndef _LINUX_CR_IPC_PRIVATE_H
#define _LINUX_CR_IPC_PRIVATE_H

#include <linux/ipc.h>
#include <linux/list.h>
#include <linux/types.h>

struct pid;
struct ucounts;

/* ipc/util.h: which of ipc_namespace.ids */
#define CR_IPC_SHM_IDS	2

/* ipc/shm.c: kern_ipc_perm.mode has CR_SHMID_DEST and CR_SHMID_LOCKED, too */
struct shmid_kernel {
	struct kern_ipc_perm	shm_perm;
	struct file		*shm_file;
	unsigned long		shm_nattch;
	unsigned long		shm_segsz;
	time64_t		shm_atim;
	time64_t		shm_dtim;
	time64_t		shm_ctim;
	struct pid		*shm_cprid;
	struct pid		*shm_lprid;
	struct ucounts		*mlock_ucounts;
	struct task_struct	*shm_creator;
	struct list_head	shm_clist;
	struct ipc_namespace	*ns;
} __randomize_layout;

/* ipc/util.c: may the caller have it so? 0: yes. Context: @ipcp stays */
int ipcperms(struct ipc_namespace *ns, struct kern_ipc_perm *ipcp, short flg);
/* ipc/util.c: context: RCU. What is at the index of @id, or ERR_PTR() */
struct kern_ipc_perm *ipc_obtain_object_idr(struct ipc_ids *ids, int id);

#endif /* _LINUX_CR_IPC_PRIVATE_H */
