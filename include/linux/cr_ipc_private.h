/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Structures that ipc/shm.c, sem.c and msg.c keep to themselves, under the kernel's
 * own names, so that a randomized layout is the same one. They are what they
 * were in all supported kernels, but for cr_semadj.
 */
#ifndef _LINUX_CR_IPC_PRIVATE_H
#define _LINUX_CR_IPC_PRIVATE_H

#include <linux/ipc.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct pid;
struct task_struct;
struct ucounts;

/* ipc/util.h: which of ipc_namespace.ids */
#define CR_IPC_SEM_IDS	0
#define CR_IPC_MSG_IDS	1
#define CR_IPC_SHM_IDS	2

/* ipc/sem.c: which of ipc_namespace.sem_ctls: operations in one semop() */
#define CR_IPC_SEMOPM	2

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

/* ipc/sem.c: one semaphore */
struct sem {
	int	semval;
	struct pid *sempid;
	spinlock_t	lock;
	struct list_head pending_alter;
	struct list_head pending_const;
	time64_t	 sem_otime;
} ____cacheline_aligned_in_smp;

/* A set; @list_id are the struct sem_undo of it, under sem_perm.lock */
struct sem_array {
	struct kern_ipc_perm	sem_perm;
	time64_t		sem_ctime;
	struct list_head	pending_alter;
	struct list_head	pending_const;
	struct list_head	list_id;
	int			sem_nsems;
	int			complex_count;
	unsigned int		use_global_lock;

	struct sem		sems[];
} __randomize_layout;

/* A call that waits; in the lists of pending ones */
struct sem_queue {
	struct list_head	list;
	struct task_struct	*sleeper;
	struct sem_undo		*undo;
	struct pid		*pid;
};

/* What the processes of @ulp undo in one set; semadj[sem_array.sem_nsems] */
struct sem_undo {
	struct list_head	list_proc;
	struct rcu_head		rcu;
	struct sem_undo_list	*ulp;
	struct list_head	list_id;
	int			semid;
	short			cr_semadj;
};

/* task_struct.sysvsem; every process that has had threads has one */
struct sem_undo_list {
	refcount_t		refcnt;
	spinlock_t		lock;
	struct list_head	list_proc;
};

/* ipc/sem.c: so many complex operations keep to sem_perm.lock for so long */
#define CR_IPC_GLOBAL_LOCK_HYSTERESIS	10

/* ipc/msg.c: a queue; of who waits only who it is */
struct msg_queue {
	struct kern_ipc_perm	q_perm;
	time64_t		q_stime;
	time64_t		q_rtime;
	time64_t		q_ctime;
	unsigned long		q_cbytes;
	unsigned long		q_qnum;
	unsigned long		q_qbytes;
	struct pid		*q_lspid;
	struct pid		*q_lrpid;

	struct list_head	q_messages;
	struct list_head	q_receivers;
	struct list_head	q_senders;
} __randomize_layout;

struct msg_receiver {
	struct list_head	r_list;
	struct task_struct	*r_tsk;
};

struct msg_sender {
	struct list_head	list;
	struct task_struct	*tsk;
};

/* ipc/msgutil.c: what follows a struct msg_msg, and its text, in pieces of a page */
struct msg_msgseg {
	struct msg_msgseg	*next;
};

/* ipc/msg.c, for security_msg_queue_msgrcv(): the first message */
#define CR_IPC_SEARCH_ANY	1

/* ipc/util.c: may the caller have it so? 0: yes. Context: @ipcp stays */
int ipcperms(struct ipc_namespace *ns, struct kern_ipc_perm *ipcp, short flg);
/* ipc/util.c: context: RCU. What is at the index of @id, or ERR_PTR() */
struct kern_ipc_perm *ipc_obtain_object_idr(struct ipc_ids *ids, int id);

#endif /* _LINUX_CR_IPC_PRIVATE_H */
