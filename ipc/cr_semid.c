// SPDX-License-Identifier: GPL-2.0
/*
 * System V semaphore sets: their values. Which are the job's, and when they are
 * restored: cr_ipcid.c; what processes undo: cr_semundo.c.
 *
 * What a process undoes is not told from what it has done: at restart it does
 * it again, from values that allow it in any order, and then all semaphores are
 * set to what they were. Until then somebody else may come to use the set: the
 * restart fails then, as when it finds him there.
 *
 * Locks: the set's own one, which single operations on a semaphore do without,
 * unless use_global_lock is set.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/sem.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>
#include "cr_ipcid.h"

static struct sem_array *set_of(const struct kern_ipc_perm *perm)
{
	return container_of(perm, struct sem_array, sem_perm);
}

/* From here on all operations ask for the set's lock, which is held */
static void set_lock_all(struct sem_array *sma)
{
	int i, before = sma->use_global_lock;

	WRITE_ONCE(sma->use_global_lock, CR_IPC_GLOBAL_LOCK_HYSTERESIS);
	if (before > 0)
		return;
	/* those that have begun without it */
	for (i = 0; i < sma->sem_nsems; i++) {
		spin_lock(&sma->sems[i].lock);
		spin_unlock(&sma->sems[i].lock);
	}
}

/* ---- saving ---- */

static void set_record(struct sem_array *sma, struct cr_rec_semset *rec)
{
	const struct kern_ipc_perm *perm = &sma->sem_perm;
	struct user_namespace *ns = &init_user_ns;

	rec->semid = cpu_to_le32(perm->id);
	rec->key = cpu_to_le32(perm->key);
	rec->mode = cpu_to_le32(perm->mode & S_IRWXUGO);
	rec->uid = cpu_to_le32(from_kuid_munged(ns, perm->uid));
	rec->gid = cpu_to_le32(from_kgid_munged(ns, perm->gid));
	rec->cuid = cpu_to_le32(from_kuid_munged(ns, perm->cuid));
	rec->cgid = cpu_to_le32(from_kgid_munged(ns, perm->cgid));
	rec->ctime = cpu_to_le64(sma->sem_ctime);
	rec->nsems = cpu_to_le32(sma->sem_nsems);
}

/* Others may go on changing them one by one */
static void values_record(struct cr_save *s, struct sem_array *sma,
			  struct cr_semval *vals)
{
	struct sem *sem;
	int i;

	for (i = 0; i < sma->sem_nsems; i++) {
		sem = &sma->sems[i];
		spin_lock(&sem->lock);
		vals[i].semval = cpu_to_le32(sem->semval);
		vals[i].sempid = cpu_to_le32(cr_ipcid_pid_nr(s, sem->sempid));
		vals[i].otime = cpu_to_le64(sem->sem_otime);
		spin_unlock(&sem->lock);
	}
}

static int set_size(int id)
{
	struct kern_ipc_perm *perm = cr_ipcid_get(&cr_semid_ops, id);
	int nsems;

	if (!perm)
		return 0;
	nsems = set_of(perm)->sem_nsems;
	cr_ipcid_put(&cr_semid_ops, perm);
	return nsems;
}

static void set_collect(struct cr_save *s, struct cr_obj *obj)
{
	int id = cr_ipcid_of(obj), nsems = 0;
	struct kern_ipc_perm *perm;

	/* ids->rwsem is held */
	rcu_read_lock();
	perm = ipc_obtain_object_idr(&current->nsproxy->ipc_ns->ids[CR_IPC_SEM_IDS],
				     id);
	if (!IS_ERR(perm))
		nsems = set_of(perm)->sem_nsems;
	rcu_read_unlock();
	if (nsems > CR_MAX_SEMS)
		cr_refuse(s, obj->holder, "CR-EIPC",
			  "semaphore set %d: %d semaphores: more than %u", id,
			  nsems, CR_MAX_SEMS);
}

static void set_save(struct cr_save *s, struct cr_obj *obj)
{
	int id = cr_ipcid_of(obj), nsems = set_size(id);
	struct cr_rec_semset rec = {};
	struct kern_ipc_perm *perm;
	struct cr_semval *vals;

	vals = kvcalloc(nsems + 1, sizeof(*vals), GFP_KERNEL_ACCOUNT);
	if (!vals) {
		cr_fail(s, -ENOMEM);
		return;
	}
	/* its number of semaphores does not change */
	perm = nsems ? cr_ipcid_get(&cr_semid_ops, id) : NULL;
	if (perm) {
		set_record(set_of(perm), &rec);
		values_record(s, set_of(perm), vals);
		cr_ipcid_put(&cr_semid_ops, perm);
		rec.flags = cpu_to_le32(obj->flags);
		cr_write_obj(s, obj, &rec, sizeof(rec), vals,
			     nsems * sizeof(*vals));
	} else {
		cr_ipcid_gone(s, &cr_semid_ops, id);
	}
	kvfree(vals);
}

static void set_none(struct cr_obj *obj)
{
	/* it is known by its number */
}

/* ---- restart ---- */

/* Semaphore @i of the image */
static void value_of(const struct cr_view *view, u32 i, struct cr_semval *val)
{
	memcpy(val, view->tail + i * sizeof(*val), sizeof(*val));
}

static int set_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_semset rec;
	struct cr_view view;
	struct cr_ipcid *o;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
	if (!o)
		return -ENOMEM;
	o->ops = &cr_semid_ops;
	o->obj = id;
	o->id = le32_to_cpu(rec.semid);
	o->key = le32_to_cpu(rec.key);
	o->flags = le32_to_cpu(rec.flags);
	o->mode = le32_to_cpu(rec.mode);
	o->uid = le32_to_cpu(rec.uid);
	o->gid = le32_to_cpu(rec.gid);
	o->cuid = le32_to_cpu(rec.cuid);
	o->cgid = le32_to_cpu(rec.cgid);
	o->ctime = le64_to_cpu(rec.ctime);
	o->nsems = le32_to_cpu(rec.nsems);
	err = cr_ipcid_restore(r, o);
	if (err || o->left)
		return err;
	/* it is there: the kernel has so many for sure */
	o->sems = kvcalloc(o->nsems, sizeof(*o->sems), GFP_KERNEL_ACCOUNT);
	return o->sems ? 0 : -ENOMEM;
}

static long set_make(const struct cr_ipcid *o, int flags)
{
	return ksys_semget(o->key, o->nsems, flags);
}

static void set_remove(int id)
{
	cr_anon_call(__x64_sys_semctl, id, 0, IPC_RMID, 0);
}

static bool undo_is_any(const struct sem_array *sma, const struct sem_undo *un)
{
	int i;

	for (i = 0; i < sma->sem_nsems; i++)
		if (un->semadj[i])
			return true;
	return false;
}

static void waiters_use(struct list_head *pending,
			const struct cr_insiders *in, struct cr_ipc_use *use)
{
	struct sem_queue *q;

	list_for_each_entry(q, pending, list)
		cr_ipc_use_pid(use, in, q->pid);
}

/* Who waits, or is the last to have changed one */
static void set_use(struct kern_ipc_perm *perm, const struct cr_insiders *in,
		    struct cr_ipc_use *use)
{
	struct sem_array *sma = set_of(perm);
	struct sem_undo *un;
	struct sem *sem;
	int i;

	waiters_use(&sma->pending_alter, in, use);
	waiters_use(&sma->pending_const, in, use);
	for (i = 0; i < sma->sem_nsems; i++) {
		sem = &sma->sems[i];
		spin_lock(&sem->lock);
		cr_ipc_use_pid(use, in, sem->sempid);
		waiters_use(&sem->pending_alter, in, use);
		waiters_use(&sem->pending_const, in, use);
		spin_unlock(&sem->lock);
	}
	/* who undoes something has changed one, though not as the last */
	list_for_each_entry(un, &sma->list_id, list_id) {
		if (!undo_is_any(sma, un))
			continue;
		if (cr_numbers_have(&in->undos, (unsigned long)un->ulp))
			use->inside = true;
		else
			use->outside = true;
	}
}

static time64_t set_ctime(const struct kern_ipc_perm *perm)
{
	return set_of(perm)->sem_ctime;
}

static bool set_same(struct cr_restart *r, const struct cr_ipcid *o,
		     const struct kern_ipc_perm *perm)
{
	return set_of(perm)->sem_nsems == o->nsems;
}

/* No operation since */
static bool set_unchanged(struct cr_restart *r, const struct cr_ipcid *o,
			  const struct kern_ipc_perm *perm)
{
	const struct sem_array *sma = set_of(perm);
	struct cr_rec_semset rec;
	struct cr_semval val;
	struct cr_view view;
	u32 i;

	cr_read_obj(&r->img, o->obj, &view, &rec, sizeof(rec));
	for (i = 0; i < o->nsems; i++) {
		value_of(&view, i, &val);
		if (sma->sems[i].semval != le32_to_cpu(val.semval) ||
		    sma->sems[i].sem_otime != le64_to_cpu(val.otime))
			return false;
	}
	return true;
}

/* How much processes of the job will take, all together, of each semaphore */
static void takes_add(struct cr_restart *r, const struct cr_ipcid *o, u32 proc,
		      int *takes)
{
	struct cr_rec_semundo rec;
	struct cr_detail_iter it;
	struct cr_sem sem;
	u32 i;

	cr_for_each_detail(&r->img, proc, &it) {
		if (it.view.type != CR_REC_SEMUNDO)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		if (le32_to_cpu(rec.semid) != o->id ||
		    le32_to_cpu(rec.nsems) != o->nsems)
			continue;
		for (i = 0; i < o->nsems; i++) {
			memcpy(&sem, it.view.tail + i * sizeof(sem),
			       sizeof(sem));
			takes[i] += max(0, (s32)le32_to_cpu(sem.semadj));
			takes[i] = min(takes[i], CR_SEM_MAX);
		}
	}
}

static int *takes_get(struct cr_restart *r, const struct cr_ipcid *o)
{
	int *takes = kvcalloc(o->nsems, sizeof(*takes), GFP_KERNEL_ACCOUNT);
	u32 id;

	for (id = 1; takes && id <= r->img.nr_objects; id++) {
		if (r->img.objs[id].type == CR_REC_PROC)
			takes_add(r, o, id, takes);
		cond_resched();
	}
	return takes;
}

/* What each is now changes places with what @sems say. All are locked */
static void values_exchange(struct sem_array *sma, struct cr_sem_state *sems)
{
	int i;

	for (i = 0; i < sma->sem_nsems; i++) {
		swap(sma->sems[i].semval, sems[i].semval);
		swap(sma->sems[i].sempid, sems[i].pid);
		swap(sma->sems[i].sem_otime, sems[i].otime);
	}
}

static int set_begin(struct cr_restart *r, struct cr_ipcid *o,
		     const struct cr_insiders *in)
{
	struct kern_ipc_perm *perm;
	int *takes, err;
	u32 i;

	takes = takes_get(r, o);
	if (!takes)
		return -ENOMEM;
	for (i = 0; i < o->nsems; i++)
		o->sems[i].semval = takes[i];
	kvfree(takes);
	perm = cr_ipcid_lock(r, o, in);
	if (IS_ERR(perm))
		return PTR_ERR(perm);
	/* as for SETALL */
	err = security_sem_semctl(perm, SETALL);
	if (!err) {
		set_lock_all(set_of(perm));
		values_exchange(set_of(perm), o->sems);
		o->changed = true;
		if (o->created) {
			cr_ipcid_set_perm(o, perm);
			set_of(perm)->sem_ctime = o->ctime;
		}
	}
	cr_ipcid_unlock(o, perm);
	return err ? cr_ipcid_err(r, o, err, "you may not set it") : 0;
}

/* Processes have taken theirs: now each is what it was. All are locked */
static void values_settle(struct sem_array *sma, struct cr_sem_state *sems)
{
	int i;

	for (i = 0; i < sma->sem_nsems; i++) {
		sma->sems[i].semval = sems[i].semval;
		swap(sma->sems[i].sempid, sems[i].pid);
		sma->sems[i].sem_otime = sems[i].otime;
	}
}

static struct cr_sem_state *values_get(struct cr_restart *r,
				       const struct cr_ipcid *o)
{
	struct cr_sem_state *sems;
	struct cr_rec_semset rec;
	struct cr_semval val;
	struct cr_view view;
	u32 i;

	sems = kvcalloc(o->nsems, sizeof(*sems), GFP_KERNEL_ACCOUNT);
	if (!sems)
		return NULL;
	cr_read_obj(&r->img, o->obj, &view, &rec, sizeof(rec));
	for (i = 0; i < o->nsems; i++) {
		value_of(&view, i, &val);
		sems[i].semval = le32_to_cpu(val.semval);
		sems[i].pid = cr_restart_tgid(r, le32_to_cpu(val.sempid));
		/* who may not say when it was: not before now */
		sems[i].otime = o->own ? le64_to_cpu(val.otime) :
					 o->sems[i].otime;
	}
	return sems;
}

static int set_settle(struct cr_restart *r, struct cr_ipcid *o,
		      const struct cr_insiders *in)
{
	struct cr_sem_state *sems = values_get(r, o);
	struct kern_ipc_perm *perm;
	u32 i;

	if (!sems)
		return -ENOMEM;
	perm = cr_ipcid_lock(r, o, in);
	if (!IS_ERR(perm)) {
		set_lock_all(set_of(perm));
		values_settle(set_of(perm), sems);
		cr_ipcid_unlock(o, perm);
	}
	for (i = 0; i < o->nsems; i++)
		put_pid(sems[i].pid);
	kvfree(sems);
	return PTR_ERR_OR_ZERO(perm);
}

static bool set_is_waited_for(const struct sem_array *sma)
{
	int i;

	for (i = 0; i < sma->sem_nsems; i++)
		if (!list_empty(&sma->sems[i].pending_alter) ||
		    !list_empty(&sma->sems[i].pending_const))
			return true;
	return !list_empty(&sma->pending_alter) ||
	       !list_empty(&sma->pending_const);
}

/* Who has begun to wait since goes by what each semaphore was meanwhile */
static void set_wake(const struct cr_ipcid *o)
{
	struct sembuf ops[2] = {
		{ .sem_op = 1, .sem_flg = IPC_NOWAIT },
		{ .sem_op = -1, .sem_flg = IPC_NOWAIT },
	};
	u32 i;

	for (i = 0; i < o->nsems; i++) {
		ops[0].sem_num = i;
		ops[1].sem_num = i;
		__do_semtimedop(o->id, ops, ARRAY_SIZE(ops), NULL, o->ns);
		cond_resched();
	}
}

/* Processes of the job have ended, and given back what they had */
static void set_undo(struct cr_restart *r, struct cr_ipcid *o)
{
	struct kern_ipc_perm *perm = cr_ipcid_lock_any(r, o);
	bool wake;

	if (!perm)
		return;
	set_lock_all(set_of(perm));
	values_exchange(set_of(perm), o->sems);
	wake = set_is_waited_for(set_of(perm));
	cr_ipcid_unlock(o, perm);
	if (wake)
		set_wake(o);
}

static void set_release(struct cr_ipcid *o)
{
}

const struct cr_ipcid_ops cr_semid_ops = {
	.name		= "semaphore set",
	.ids		= CR_IPC_SEM_IDS,
	.type		= CR_OBJ_SEMSET,
	.may		= S_IWUGO,
	.make		= set_make,
	.remove		= set_remove,
	.use		= set_use,
	.ctime		= set_ctime,
	.same		= set_same,
	.unchanged	= set_unchanged,
	.begin		= set_begin,
	.settle		= set_settle,
	.undo		= set_undo,
	.release	= set_release,
};

const struct cr_obj_ops cr_semset_ops = {
	.name		= "semaphore set",
	.rec		= CR_REC_SEMSET,
	.get		= set_none,
	.put		= set_none,
	.collect	= set_collect,
	.save		= set_save,
	.restore	= set_restore,
};
