// SPDX-License-Identifier: GPL-2.0
/*
 * System V message queues and semaphore sets: what a restart finds in the place
 * of those that were saved (cr_ipcid.c), and when it changes what.
 *
 * They outlive the job, as segments do. A restart makes those that are gone,
 * with their ids. One that is there (same id, key, creator and time of change)
 * gets back what it held, if no process outside of the restart uses it: EBUSY
 * otherwise. SHARED ones are left as they are; UNUSED ones, too, and must hold
 * what they held. Whatever else has the id or the key: EBUSY.
 *
 * A restart that fails changes nothing. Contents change when all tasks are
 * built: those of sets before processes take again what they would undo, those
 * of queues last of all; a failure after that puts them back.
 *
 * Locks: ipc_ids.rwsem for reading, so that what was found stays; its own lock
 * for what it says. create_lock: two restarts would take each other's
 * ipc_ids.next_id.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/cr_build.h>
#include "cr_ipcid.h"

static DEFINE_MUTEX(create_lock);

/* ---- ids that are chosen ---- */

static void next_id_set(struct ipc_ids *ids, int from, int to)
{
	down_write(&ids->rwsem);
	if (from < 0 || ids->next_id == from)
		ids->next_id = to;
	up_write(&ids->rwsem);
}

void cr_next_id_begin(struct ipc_ids *ids, int id)
{
	mutex_lock(&create_lock);
	next_id_set(ids, -1, id);
}

void cr_next_id_end(struct ipc_ids *ids, int id)
{
	/* it has not got so far: nobody else shall get this id */
	next_id_set(ids, id, -1);
	mutex_unlock(&create_lock);
}

bool cr_ipc_owners_allowed(struct ipc_namespace *ns, u32 uid, u32 gid,
			   u32 cuid, u32 cgid)
{
	const struct cred *cred = current_cred();
	struct user_namespace *init = &init_user_ns;
	kuid_t kcuid = make_kuid(init, cuid);
	kgid_t kcgid = make_kgid(init, cgid);

	if (!kuid_has_mapping(cred->user_ns, kcuid) ||
	    !kgid_has_mapping(cred->user_ns, kcgid) ||
	    !kuid_has_mapping(cred->user_ns, make_kuid(init, uid)) ||
	    !kgid_has_mapping(cred->user_ns, make_kgid(init, gid)))
		return false;
	return (uid_eq(cred->euid, kcuid) && gid_eq(cred->egid, kcgid)) ||
	       ns_capable(ns->user_ns, CAP_SYS_ADMIN);
}

/* ---- finding or making it ---- */

int cr_ipcid_err(struct cr_restart *r, const struct cr_ipcid *o, int err,
		 const char *why)
{
	return cr_err(&r->log, err, "%s %d (key 0x%08x): %s", o->ops->name,
		      o->id, o->key, why);
}

static int ipcid_err_used(struct cr_restart *r, const struct cr_ipcid *o,
			  const struct cr_ipc_use *use)
{
	if (!use->pid)
		return cr_ipcid_err(r, o, -EBUSY, "is used by somebody else");
	return cr_err(&r->log, -EBUSY,
		      "%s %d (key 0x%08x): is used by somebody else: pid %d",
		      o->ops->name, o->id, o->key, use->pid);
}

/* Why it is not the one that was saved. Locked */
static const char *ipcid_differs(struct cr_restart *r, const struct cr_ipcid *o,
				 const struct kern_ipc_perm *perm)
{
	struct user_namespace *ns = &init_user_ns;

	if (perm->id != o->id || perm->deleted)
		return "another one has its place";
	if (perm->key != (key_t)o->key ||
	    from_kuid(ns, perm->cuid) != o->cuid ||
	    from_kgid(ns, perm->cgid) != o->cgid ||
	    !o->ops->same(r, o, perm))
		return "exists and is not the one that was saved";
	if (o->ops->ctime(perm) != o->ctime)
		return "exists, and is another one, or was set since";
	if (from_kuid(ns, perm->uid) != o->uid ||
	    from_kgid(ns, perm->gid) != o->gid ||
	    (perm->mode & S_IRWXUGO) != o->mode)
		return "exists, with another owner or mode";
	return NULL;
}

/* As IPC_SET asks */
static bool perm_is_own(const struct cr_ipcid *o,
			const struct kern_ipc_perm *perm)
{
	kuid_t euid = current_euid();

	return uid_eq(euid, perm->cuid) || uid_eq(euid, perm->uid) ||
	       ns_capable(o->ns->user_ns, CAP_SYS_ADMIN);
}

/* The one that was saved is there: what becomes of it? Locked */
static const char *ipcid_judge(struct cr_restart *r, struct cr_ipcid *o,
			       struct kern_ipc_perm *perm,
			       const struct cr_insiders *in,
			       struct cr_ipc_use *use, int *err)
{
	const char *why = ipcid_differs(r, o, perm);
	bool may;

	if (why)
		return why;
	o->own = perm_is_own(o, perm);
	o->left = o->flags & CR_IPC_SHARED;
	if (o->left)
		return NULL;
	o->ops->use(perm, in, use);
	if (use->outside)
		return "";
	may = !ipcperms(o->ns, perm, o->ops->may);
	if (may && !(o->flags & CR_IPC_UNUSED))
		return NULL;
	o->left = true;
	if (o->ops->unchanged(r, o, perm))
		return NULL;
	*err = may ? -EBUSY : -EACCES;
	return may ? "exists, and was used since: remove it, if nobody needs it" :
		     "exists and has changed, and you may not change it";
}

/* 1: it is there, and can be used; 0: there is none */
static int ipcid_find(struct cr_restart *r, struct cr_ipcid *o,
		      const struct cr_insiders *in)
{
	struct ipc_ids *ids = cr_ipcid_ids(o->ns, o->ops);
	struct cr_ipc_use use = {};
	struct kern_ipc_perm *perm;
	const char *why = NULL;
	int err = -EBUSY;

	down_read(&ids->rwsem);
	perm = cr_ipcid_at(ids, o->id);
	if (perm) {
		spin_lock(&perm->lock);
		why = ipcid_judge(r, o, perm, in, &use, &err);
		spin_unlock(&perm->lock);
	}
	up_read(&ids->rwsem);
	if (use.outside)
		return ipcid_err_used(r, o, &use);
	if (why)
		return cr_ipcid_err(r, o, err, why);
	return perm ? 1 : 0;
}

static int ipcid_make(struct cr_restart *r, struct cr_ipcid *o)
{
	struct ipc_ids *ids = cr_ipcid_ids(o->ns, o->ops);
	long id;

	if (!checkpoint_restore_ns_capable(o->ns->user_ns))
		return cr_ipcid_err(r, o, -EPERM,
				    "is gone, and you may not choose the id of a new one");
	if (!cr_ipc_owners_allowed(o->ns, o->uid, o->gid, o->cuid, o->cgid))
		return cr_ipcid_err(r, o, -EPERM,
				    "is gone, and was somebody else's");
	cr_next_id_begin(ids, o->id);
	id = o->ops->make(o, IPC_CREAT | IPC_EXCL | 0600);
	cr_next_id_end(ids, o->id);
	if (id == o->id) {
		o->created = true;
		o->own = true;
		return 0;
	}
	if (id == -EEXIST)
		return cr_ipcid_err(r, o, -EBUSY, "its key is taken");
	if (id < 0)
		return cr_err(&r->log, id,
			      "%s %d (key 0x%08x): cannot be made (%pe)",
			      o->ops->name, o->id, o->key, ERR_PTR(id));
	/* somebody was faster: the id is the next free one, or any */
	o->ops->remove(id);
	return cr_ipcid_err(r, o, -EBUSY, "its id is taken");
}

static bool insiders_of_restart(struct cr_restart *r, struct cr_insiders *in)
{
	struct task_struct *task;
	u32 i;

	if (!cr_insiders_add(in, r->caller) || !cr_insiders_add(in, current) ||
	    !cr_insiders_add_undos(in, r->sysvsem.undo_list))
		return false;
	for (i = 0; i < r->nr_rtasks; i++) {
		task = cr_build_task(r, i);
		if (task && !cr_insiders_add(in, task))
			return false;
		cond_resched();
	}
	cr_insiders_sort(in);
	return true;
}

int cr_ipcid_restore(struct cr_restart *r, struct cr_ipcid *o)
{
	struct cr_insiders in = { .ns = task_active_pid_ns(r->caller) };
	int err = -ENOMEM;

	o->ns = get_ipc_ns(current->nsproxy->ipc_ns);
	o->spare = -1;
	list_add_tail(&o->list, &r->ipcids);
	/* no task of the job is there yet */
	if (cr_insiders_add(&in, r->caller) && cr_insiders_add(&in, current)) {
		cr_insiders_sort(&in);
		err = o->flags & CR_IPC_UNUSED ? cr_ipcid_keep_prepare(o) : 0;
		err = err ?: ipcid_find(r, o, &in) ?: ipcid_make(r, o);
	}
	cr_insiders_put(&in);
	return err < 0 ? err : 0;
}

/* ---- the whole ---- */

/*
 * Nothing holds it: is it the one that was found, or made, and may the caller
 * still change it? Locked
 */
static bool ipcid_is_still(struct cr_restart *r, const struct cr_ipcid *o,
			   struct kern_ipc_perm *perm)
{
	if (o->created)
		return perm->key == (key_t)o->key && perm_is_own(o, perm) &&
		       o->ops->same(r, o, perm);
	return !ipcid_differs(r, o, perm) &&
	       !ipcperms(o->ns, perm, o->ops->may);
}

struct kern_ipc_perm *cr_ipcid_lock_any(struct cr_restart *r,
					const struct cr_ipcid *o)
{
	struct kern_ipc_perm *perm;

	perm = cr_ipcid_lock_id(cr_ipcid_ids(o->ns, o->ops), o->id);
	if (!perm || ipcid_is_still(r, o, perm))
		return perm;
	cr_ipcid_unlock(o, perm);
	return NULL;
}

void cr_ipcid_unlock(const struct cr_ipcid *o, struct kern_ipc_perm *perm)
{
	__acquire(&perm->lock);		/* for sparse: cr_ipcid_lock_id() */
	spin_unlock(&perm->lock);
	up_read(&cr_ipcid_ids(o->ns, o->ops)->rwsem);
}

struct kern_ipc_perm *cr_ipcid_lock(struct cr_restart *r, struct cr_ipcid *o,
				    const struct cr_insiders *in)
{
	struct kern_ipc_perm *perm = cr_ipcid_lock_any(r, o);
	struct cr_ipc_use use = {};

	if (!perm)
		return ERR_PTR(cr_ipcid_err(r, o, -EBUSY,
					    "was removed, or changed, meanwhile"));
	o->ops->use(perm, in, &use);
	if (!use.outside)
		return perm;
	cr_ipcid_unlock(o, perm);
	return ERR_PTR(ipcid_err_used(r, o, &use));
}

void cr_ipcid_set_perm(const struct cr_ipcid *o, struct kern_ipc_perm *perm)
{
	struct user_namespace *ns = &init_user_ns;

	perm->uid = make_kuid(ns, o->uid);
	perm->gid = make_kgid(ns, o->gid);
	perm->cuid = make_kuid(ns, o->cuid);
	perm->cgid = make_kgid(ns, o->cgid);
	perm->mode = (perm->mode & ~S_IRWXUGO) | o->mode;
}

static int ipcids_each(struct cr_restart *r, bool settle)
{
	struct cr_insiders in = { .ns = task_active_pid_ns(r->caller) };
	struct cr_ipcid *o;
	int err = 0;

	if (list_empty(&r->ipcids))
		return 0;
	if (!insiders_of_restart(r, &in))
		err = -ENOMEM;
	list_for_each_entry(o, &r->ipcids, list) {
		if (err)
			break;
		if (!o->left)
			err = settle ? o->ops->settle(r, o, &in) :
				       o->ops->begin(r, o, &in);
		if (fatal_signal_pending(current))
			err = err ?: -EINTR;
		cond_resched();
	}
	cr_insiders_put(&in);
	return err;
}

int cr_ipcids_begin(struct cr_restart *r)
{
	return ipcids_each(r, false);
}

int cr_ipcids_settle(struct cr_restart *r)
{
	return ipcids_each(r, true);
}

void cr_ipcids_release(struct cr_restart *r)
{
	struct cr_ipcid *o;

	list_for_each_entry(o, &r->ipcids, list) {
		o->released = true;
		cr_ipcid_keep(r, o);
		o->ops->release(o);
	}
}

void cr_ipcids_undo(struct cr_restart *r)
{
	struct cr_ipcid *o;

	list_for_each_entry_reverse(o, &r->ipcids, list) {
		if (o->released)
			continue;
		if (o->created)
			o->ops->remove(o->id);
		else if (o->changed)
			o->ops->undo(r, o);
		o->ops->release(o);
	}
}

void cr_ipcids_put(struct cr_restart *r)
{
	struct cr_ipcid *o, *tmp;
	u32 i;

	list_for_each_entry_safe(o, tmp, &r->ipcids, list) {
		for (i = 0; o->sems && i < o->nsems; i++)
			put_pid(o->sems[i].pid);
		kvfree(o->sems);
		cr_ipcid_keep_put(o);
		put_ipc_ns(o->ns);
		kfree(o);
	}
}
