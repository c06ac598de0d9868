/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Message queues and semaphore sets: what ipc/cr_ipcid*.c, which treat both
 * alike, and cr_msgid.c and cr_semid.c know of each other.
 */
#ifndef _IPC_CR_IPCID_H
#define _IPC_CR_IPCID_H

#include <linux/cr.h>
#include <linux/cr_ipc.h>
#include <linux/cr_ipc_private.h>

/* Numbers, or pointers, that are looked up; sorted before the first look */
struct cr_numbers {
	u64 *v;
	size_t nr;
	size_t max;
};

bool cr_numbers_have(const struct cr_numbers *n, u64 value);

/**
 * struct cr_insiders - who belongs to the job, while it is saved or restarted
 * @pids: struct pid * of its processes and threads
 * @undos: struct sem_undo_list * of its threads
 * @uids: saving: whose it is, in the initial user namespace
 * @waits: saving: ids that its threads sleep on; of CR_IPC_SEM, CR_IPC_MSG
 * @start: saving: when its first process was started, seconds
 * @ns: restart: of the caller, for messages
 */
struct cr_insiders {
	struct cr_numbers pids;
	struct cr_numbers undos;
	struct cr_numbers uids;
	struct cr_numbers waits[2];
	time64_t start;
	struct pid_namespace *ns;
};

/* Fill and free one; sort it before it is looked at. False: no memory */
bool __must_check cr_insiders_add(struct cr_insiders *in,
				  struct task_struct *task);
bool __must_check cr_insiders_add_undos(struct cr_insiders *in,
					const struct sem_undo_list *list);
void cr_insiders_sort(struct cr_insiders *in);
void cr_insiders_put(struct cr_insiders *in);

/**
 * struct cr_ipc_use - who uses an object
 * @inside: a task of the job does, or has
 * @outside: a living task that is not of the job does, or has
 * @pid: one of these, in cr_insiders.ns; 0: not known
 */
struct cr_ipc_use {
	bool inside;
	bool outside;
	pid_t pid;
};

/* @pid has used, or waits for, what is looked at. May be NULL. Any context */
void cr_ipc_use_pid(struct cr_ipc_use *use, const struct cr_insiders *in,
		    struct pid *pid);

enum cr_ipc_kind { CR_IPC_SEM, CR_IPC_MSG };

struct cr_ipcid;
struct cr_ipcid_kept;

/**
 * struct cr_ipcid_ops - what differs between queues and sets
 * @name: for messages
 * @ids: index into ipc_namespace.ids
 * @type: of the object
 * @may: rights to change all of it
 * @make: a new one of the caller's, by the system call; its id, or -errno
 * @remove: IPC_RMID
 * @use: who uses it. Locked
 * @ctime: of it
 * @same: is it, beyond what all have, the one of the record? Locked
 * @unchanged: does it hold what the record says? Locked; may be left out where
 *	the contents are not the same for sure
 * @put: free the rest of a struct cr_ipcid
 */
struct cr_ipcid_ops {
	const char *name;
	unsigned int ids;
	enum cr_obj_type type;
	short may;
	long (*make)(const struct cr_ipcid *o, int flags);
	void (*remove)(int id);
	void (*use)(struct kern_ipc_perm *perm, const struct cr_insiders *in,
		    struct cr_ipc_use *use);
	time64_t (*ctime)(const struct kern_ipc_perm *perm);
	bool (*same)(struct cr_restart *r, const struct cr_ipcid *o,
		     const struct kern_ipc_perm *perm);
	bool (*unchanged)(struct cr_restart *r, const struct cr_ipcid *o,
			  const struct kern_ipc_perm *perm);
	int (*begin)(struct cr_restart *r, struct cr_ipcid *o,
		     const struct cr_insiders *in);
	int (*settle)(struct cr_restart *r, struct cr_ipcid *o,
		      const struct cr_insiders *in);
	void (*undo)(struct cr_restart *r, struct cr_ipcid *o);
	void (*release)(struct cr_ipcid *o);
};

extern const struct cr_ipcid_ops cr_msgid_ops, cr_semid_ops;

/* One semaphore, besides what it is now: what it was, or shall be */
struct cr_sem_state {
	int semval;
	struct pid *pid;
	time64_t otime;
};

/**
 * struct cr_ipcid - a queue or a set of the job, while it is restarted
 * @list: in cr_restart.ipcids
 * @ops: its kind
 * @obj: of the MSGQ or SEMSET
 * @id, @key, @flags, @mode, @uid, @gid, @cuid, @cgid, @ctime: as in its record
 * @ns: its namespace; holds a reference
 * @created: it did not exist
 * @left: it is there, and is left as it is
 * @own: the caller may say what it says: IPC_SET would let him
 * @changed: what @spare or @sems hold is what it held
 * @released: the restart has succeeded
 * @spare: MSG: a queue of the caller's, with what it shall hold; -1: none
 * @sems, @nsems: SEM: what it held
 * @kept: UNUSED: what will be noted of it
 */
struct cr_ipcid {
	struct list_head list;
	const struct cr_ipcid_ops *ops;
	u32 obj;
	int id;
	u32 key;
	u32 flags;
	u32 mode;
	u32 uid, gid, cuid, cgid;
	time64_t ctime;
	struct ipc_namespace *ns;
	bool created;
	bool left;
	bool own;
	bool changed;
	bool released;
	int spare;
	struct cr_sem_state *sems;
	u32 nsems;
	struct cr_ipcid_kept *kept;
};

/* "message queue 5 (key 0x00000000): WHY"; Return: @err */
int cr_ipcid_err(struct cr_restart *r, const struct cr_ipcid *o, int err,
		 const char *why);

/**
 * cr_ipcid_restore() - find or make what @o says
 * @r: the restart
 * @o: is put on the list of the restart, which frees it from then on
 *
 * What is there is looked at, and not changed.
 * Return: 0; -EBUSY, -EPERM, -EACCES or another error with the reason in the log
 */
int __must_check cr_ipcid_restore(struct cr_restart *r, struct cr_ipcid *o);

/**
 * cr_ipcid_lock() - the object of @o, locked, with ids->rwsem held for reading
 * @r: the restart
 * @o: was found or made
 * @in: its tasks
 *
 * Return: it; ERR_PTR(): it is gone, or somebody else uses it
 */
struct kern_ipc_perm *cr_ipcid_lock(struct cr_restart *r, struct cr_ipcid *o,
				    const struct cr_insiders *in);
/* The same, whoever uses it. NULL: it is gone, or another one */
struct kern_ipc_perm *cr_ipcid_lock_any(struct cr_restart *r,
					const struct cr_ipcid *o);
void cr_ipcid_unlock(const struct cr_ipcid *o, struct kern_ipc_perm *perm);

/* Owner, creator and mode of what was made, as its record has them. Locked */
void cr_ipcid_set_perm(const struct cr_ipcid *o, struct kern_ipc_perm *perm);

/* ---- ipc/cr_ipcid_kept.c: UNUSED ones of jobs that were restarted ---- */

/* Memory for cr_ipcid_keep(), which cannot fail; put gives it back */
int __must_check cr_ipcid_keep_prepare(struct cr_ipcid *o);
void cr_ipcid_keep_put(struct cr_ipcid *o);
/* The restart has succeeded: it is its job's */
void cr_ipcid_keep(struct cr_restart *r, struct cr_ipcid *o);
/* Has a restart of the job of @leader noted it? May sleep */
bool cr_ipcid_is_kept(const struct cr_ipcid_ops *ops, int id,
		      const struct ipc_namespace *ns,
		      struct task_struct *leader);

/* ---- ipc/cr_ipcid.c ---- */

static inline struct ipc_ids *cr_ipcid_ids(struct ipc_namespace *ns,
					   const struct cr_ipcid_ops *ops)
{
	return &ns->ids[ops->ids];
}

/* What has the index of @id, be it another one. ids->rwsem is held */
struct kern_ipc_perm *cr_ipcid_at(struct ipc_ids *ids, int id);
/* With this id, locked, with ids->rwsem held for reading. NULL: it is gone */
struct kern_ipc_perm *cr_ipcid_lock_id(struct ipc_ids *ids, int id);

/* The same in the namespace of current */
struct kern_ipc_perm *cr_ipcid_get(const struct cr_ipcid_ops *ops, int id);
void cr_ipcid_put(const struct cr_ipcid_ops *ops, struct kern_ipc_perm *perm);
/* It has gone, or may not be read any more, since it was found: fail the save */
void cr_ipcid_gone(struct cr_save *s, const struct cr_ipcid_ops *ops, int id);

/* The job's number of a process or thread; 0: it does not see it, or it is gone */
u32 cr_ipcid_pid_nr(struct cr_save *s, struct pid *pid);

static inline int cr_ipcid_of(const struct cr_obj *obj)
{
	return (unsigned long)obj->ptr - 1;
}

/* ---- ipc/cr_ipcid_restore.c: ids that are chosen, for cr_shmid.c, too ---- */

/*
 * The next call that makes an object in @ids gets @id, or a later one: between
 * begin and end
 */
void cr_next_id_begin(struct ipc_ids *ids, int id);
void cr_next_id_end(struct ipc_ids *ids, int id);

/* A new one is the caller's; may it be said to be these people's? */
bool cr_ipc_owners_allowed(struct ipc_namespace *ns, u32 uid, u32 gid,
			   u32 cuid, u32 cgid);

#endif /* _IPC_CR_IPCID_H */
