// SPDX-License-Identifier: GPL-2.0
/*
 * What tasks share: memory, handlers, descriptor tables, directories.
 *
 * A thread gets what its process' first thread has by being its clone. All other
 * sharing follows no order in which tasks were made (CLONE_FILES and an
 * unshare() later, one process of several has gone), so it is attached: the
 * first task that uses an object, in the order of the image, owns it. It
 * publishes what is to become the object when it begins, and restores it; the
 * others put it in the place of their own.
 *
 * Nobody waits in a circle: a task waits for owners, whose ids are lower than
 * its own, and is created by one whose id is lower; and a process waits for its
 * threads only when they wait for nobody.
 *
 * Names of directories start at the restarter's root, so a task attaches its
 * directories after it has created others, which begin with a copy.
 *
 * In place the leader's donor stands for the leader: it owns what the leader
 * and its threads own, who take it when they are there.
 *
 * References are dropped before the job runs: one user more would be seen by
 * its execve().
 *
 * Locks: share_lock for cr_share.ptr, over those of the objects.
 */
#include <linux/kernel.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/mmu_context.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/cr.h>
#include <linux/cr_build.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>
#include "cr_rtask.h"

/**
 * struct cr_share - an MM, SIGHAND, FILES or FS while it is restored
 * @owner: the first task that uses it
 * @shared: somebody takes it from @ptr
 * @done: MM: its contents are there
 * @origin: MM: id of the one that it takes pages from; 0: none
 * @ptr: it, with a reference; NULL: not there yet, or not needed
 * @put: drops a reference
 */
struct cr_share {
	struct cr_rtask *owner;
	bool shared;
	bool done;
	u32 origin;
	void *ptr;
	void (*put)(void *ptr);
};

/**
 * struct share_kind - how to handle a kind of object
 * @get: current's, with a reference
 * @hold: one reference more; share_lock is held
 * @put: drop one
 * @attach: put it in the place of current's own. Takes over the reference,
 *	unless it fails
 */
struct share_kind {
	void *(*get)(void);
	void (*hold)(void *ptr);
	void (*put)(void *ptr);
	int (*attach)(void *ptr);
};

static DEFINE_SPINLOCK(share_lock);

/* ---- memory ---- */

static void mm_hold(void *ptr)
{
	mmget(ptr);
}

static void *mm_current(void)
{
	mmget(current->mm);
	return current->mm;
}

static void mm_drop(void *ptr)
{
	mmput(ptr);
}

/* As execve() changes to a new one; ours is that of another process */
static int mm_attach(void *ptr)
{
	struct mm_struct *mm = ptr, *old = current->mm, *active;

	if (down_write_killable(&current->signal->exec_update_lock))
		return -EINTR;
	set_bit(MMF_MULTIPROCESS, &mm->flags);
	sched_mm_cid_before_execve(current);
	task_lock(current);
	local_irq_disable();
	active = current->active_mm;
	current->active_mm = mm;
	current->mm = mm;
	membarrier_update_current_mm(mm);
	switch_mm_irqs_off(active, mm, current);
	local_irq_enable();
	task_unlock(current);
	sched_mm_cid_after_execve(current);
	up_write(&current->signal->exec_update_lock);
	mm_update_next_owner(old);
	mmput(old);
	return 0;
}

/* ---- handlers ---- */

static void sighand_hold(void *ptr)
{
	struct sighand_struct *sighand = ptr;

	refcount_inc(&sighand->count);
}

static void *sighand_current(void)
{
	sighand_hold(cr_sighand(current));
	return cr_sighand(current);
}

static void sighand_drop(void *ptr)
{
	__cleanup_sighand(ptr);
}

/* Current has no other threads; who has locked the old one looks again */
static int sighand_attach(void *ptr)
{
	struct sighand_struct *old = cr_sighand(current);

	write_lock_irq(&tasklist_lock);
	spin_lock(&old->siglock);
	rcu_assign_pointer(current->sighand, ptr);
	spin_unlock(&old->siglock);
	write_unlock_irq(&tasklist_lock);
	__cleanup_sighand(old);
	return 0;
}

/* ---- descriptor tables ---- */

static void files_hold(void *ptr)
{
	struct files_struct *files = ptr;

	atomic_inc(&files->count);
}

static void *files_current(void)
{
	files_hold(current->files);
	return current->files;
}

static void files_drop(void *ptr)
{
	put_files_struct(ptr);
}

static int files_attach(void *ptr)
{
	struct files_struct *old;

	task_lock(current);
	old = current->files;
	current->files = ptr;
	task_unlock(current);
	put_files_struct(old);
	return 0;
}

/* ---- directories ---- */

static void fs_hold(void *ptr)
{
	struct fs_struct *fs = ptr;

	spin_lock(&fs->lock);
	fs->users++;
	spin_unlock(&fs->lock);
}

static void *fs_current(void)
{
	fs_hold(current->fs);
	return current->fs;
}

void cr_fs_put(struct fs_struct *fs)
{
	bool last;

	spin_lock(&fs->lock);
	last = !--fs->users;
	spin_unlock(&fs->lock);
	if (last)
		free_fs_struct(fs);
}

static void fs_drop(void *ptr)
{
	cr_fs_put(ptr);
}

static int fs_attach(void *ptr)
{
	struct fs_struct *old;

	task_lock(current);
	old = current->fs;
	current->fs = ptr;
	task_unlock(current);
	cr_fs_put(old);
	return 0;
}

/* ---- who has what ---- */

enum share_type {
	SHARE_MM,
	SHARE_SIGHAND,
	SHARE_FILES,
	SHARE_FS,
	NR_SHARE_TYPES,
};

static const struct share_kind share_kinds[NR_SHARE_TYPES] = {
	[SHARE_MM] = { mm_current, mm_hold, mm_drop, mm_attach },
	[SHARE_SIGHAND] = { sighand_current, sighand_hold, sighand_drop,
			    sighand_attach },
	[SHARE_FILES] = { files_current, files_hold, files_drop, files_attach },
	[SHARE_FS] = { fs_current, fs_hold, fs_drop, fs_attach },
};

/* Ids of what a task uses */
static void share_ids(const struct cr_rtask *t, u32 ids[NR_SHARE_TYPES])
{
	struct cr_rec_thread rec;
	struct cr_view view;

	cr_read_obj(&t->r->img, rtask_thread(t), &view, &rec, sizeof(rec));
	ids[SHARE_MM] = le32_to_cpu(rec.mm);
	ids[SHARE_SIGHAND] = le32_to_cpu(rec.sighand);
	ids[SHARE_FILES] = le32_to_cpu(rec.files);
	ids[SHARE_FS] = le32_to_cpu(rec.fs);
}

static struct cr_share *share_of(const struct cr_rtask *t,
				 enum share_type type)
{
	u32 ids[NR_SHARE_TYPES];

	share_ids(t, ids);
	return &t->r->shares[ids[type]];
}

/* Of the leader's process, which in place restores nothing of this itself */
static bool has_donor(const struct cr_rtask *t)
{
	return t->r->in_place && t->group == t->r->leader;
}

/* Is it @t that restores it? */
static bool share_is_own(const struct cr_rtask *t, const struct cr_share *share)
{
	if (t->donor)
		return has_donor(share->owner);
	return share->owner == t && !has_donor(t);
}

/* Has @t got it as a clone of its process' first thread? */
static bool share_is_inherited(const struct cr_rtask *t, enum share_type type,
			       const struct cr_share *share)
{
	return t->group != t && (type == SHARE_MM || type == SHARE_SIGHAND ||
				 share->owner == t->group);
}

/* Waiting for it must lead to lower ids, as all waiting does */
static void share_plan_origin(struct cr_restart *r, u32 id)
{
	struct cr_share *share = &r->shares[id], *origin;
	struct cr_rec_mm rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	origin = &r->shares[le32_to_cpu(rec.origin)];
	if (!rec.origin || !origin->owner || origin->owner >= share->owner)
		return;
	share->origin = le32_to_cpu(rec.origin);
	origin->shared = true;
}

int cr_shares_plan(struct cr_restart *r)
{
	u32 ids[NR_SHARE_TYPES];
	struct cr_share *share;
	struct cr_rtask *t;
	int type;

	r->shares = kvcalloc(r->img.nr_objects + 1, sizeof(*r->shares),
			     GFP_KERNEL_ACCOUNT);
	if (!r->shares)
		return -ENOMEM;
	for (t = r->rtasks; t < r->rtasks + r->nr_rtasks; t++) {
		if (!rtask_thread(t) || t->donor)
			continue;
		share_ids(t, ids);
		for (type = 0; type < NR_SHARE_TYPES; type++) {
			share = &r->shares[ids[type]];
			share->put = share_kinds[type].put;
			if (!share->owner) {
				share->owner = t;
				share->shared = has_donor(t) && t->group != t;
				if (type == SHARE_MM)
					share_plan_origin(r, ids[type]);
			} else if (!share_is_inherited(t, type, share)) {
				share->shared = true;
			}
		}
	}
	return 0;
}

void cr_shares_drop(struct cr_restart *r)
{
	struct cr_share *share;
	void *ptr;
	u32 id;

	for (id = 1; r->shares && id <= r->img.nr_objects; id++) {
		share = &r->shares[id];
		spin_lock(&share_lock);
		ptr = share->ptr;
		share->ptr = NULL;
		spin_unlock(&share_lock);
		if (ptr)
			share->put(ptr);
	}
}

struct files_struct *cr_share_files_get(struct cr_restart *r, u32 id)
{
	struct cr_share *share = &r->shares[id];
	struct files_struct *files = NULL;

	spin_lock(&share_lock);
	if (share->put == files_drop && share->ptr) {
		files = share->ptr;
		files_hold(files);
	}
	spin_unlock(&share_lock);
	return files;
}

u64 rtask_clone_flags(const struct cr_rtask *t)
{
	u64 flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

	if (share_of(t, SHARE_FILES)->owner == t->group)
		flags |= CLONE_FILES;
	if (share_of(t, SHARE_FS)->owner == t->group)
		flags |= CLONE_FS;
	return flags;
}

/* ---- giving and taking ---- */

/* Current's is what the others are to take */
static void share_publish(struct cr_restart *r, struct cr_share *share,
			  enum share_type type)
{
	void *ptr;

	if (!share->shared)
		return;
	ptr = share_kinds[type].get();
	spin_lock(&share_lock);
	share->ptr = ptr;
	spin_unlock(&share_lock);
	wake_up_all(&r->wait);
}

void rtask_publish(struct cr_rtask *t)
{
	struct cr_share *share;
	int type;

	for (type = 0; type < NR_SHARE_TYPES; type++) {
		share = share_of(t, type);
		if (share_is_own(t, share))
			share_publish(t->r, share, type);
	}
}

static int share_attach(struct cr_restart *r, struct cr_share *share,
			enum share_type type)
{
	const struct share_kind *kind = &share_kinds[type];
	void *ptr;
	int err;

	err = wait_event_killable(r->wait, READ_ONCE(share->ptr) ||
				  READ_ONCE(r->err));
	if (err)
		return -EINTR;
	spin_lock(&share_lock);
	ptr = share->ptr;
	if (ptr)
		kind->hold(ptr);
	spin_unlock(&share_lock);
	if (!ptr)
		return READ_ONCE(r->err) ?: -EINTR;
	err = kind->attach(ptr);
	if (err)
		kind->put(ptr);
	return err;
}

static int rtask_attach(struct cr_rtask *t, enum share_type type)
{
	struct cr_share *share = share_of(t, type);

	if (share_is_own(t, share) || share_is_inherited(t, type, share))
		return 0;
	return share_attach(t->r, share, type);
}

int rtask_attach_memory(struct cr_rtask *t)
{
	return rtask_attach(t, SHARE_MM) ?: rtask_attach(t, SHARE_SIGHAND);
}

int rtask_attach_tables(struct cr_rtask *t)
{
	return rtask_attach(t, SHARE_FILES) ?: rtask_attach(t, SHARE_FS);
}

/* In place: handlers that other processes have taken from the donor */
int leader_attach_handlers(struct cr_rtask *t)
{
	struct cr_share *share = share_of(t, SHARE_SIGHAND);

	return share->shared ? share_attach(t->r, share, SHARE_SIGHAND) : 0;
}

bool rtask_owns_handlers(const struct cr_rtask *t)
{
	return share_of(t, SHARE_SIGHAND)->owner == t;
}

bool rtask_owns_files(const struct cr_rtask *t)
{
	return share_of(t, SHARE_FILES)->owner == t;
}

/* ---- restoring ---- */

static int share_mm_restore(struct cr_rtask *t, u32 id)
{
	struct cr_share *share = &t->r->shares[id];
	struct cr_restart *r = t->r;
	int err;

	if (share_is_own(t, share)) {
		err = cr_mm_restore(r, id);
		if (err)
			return err;
		smp_store_release(&share->done, true);
		wake_up_all(&r->wait);
		return 0;
	}
	/* pages of it are borrowed from here on: those of the job come first */
	err = wait_event_killable(r->wait, smp_load_acquire(&share->done) ||
				  READ_ONCE(r->err));
	return err ? -EINTR : READ_ONCE(r->err);
}

struct mm_struct *cr_share_origin(struct cr_restart *r, u32 id, u32 *origin_id)
{
	struct mm_struct *mm;
	struct cr_share *origin;

	*origin_id = r->shares[id].origin;
	if (!*origin_id)
		return NULL;
	origin = &r->shares[*origin_id];
	if (wait_event_killable(r->wait, smp_load_acquire(&origin->done) ||
				READ_ONCE(r->err)))
		return ERR_PTR(-EINTR);
	if (READ_ONCE(r->err))
		return ERR_PTR(READ_ONCE(r->err));
	spin_lock(&share_lock);
	mm = origin->ptr;
	if (mm)
		mmget(mm);
	spin_unlock(&share_lock);
	return mm ?: ERR_PTR(-EINTR);
}

/* In place, what a thread of the leader has for itself; not the donor's own */
static int donor_restore_table(struct cr_rtask *donor, const struct cr_rtask *t,
			       enum share_type type)
{
	const struct share_kind *kind = &share_kinds[type];
	struct cr_share *share = share_of(t, type);
	u32 ids[NR_SHARE_TYPES];
	void *own;
	int err;

	if (share->owner != t)
		return 0;
	share_ids(t, ids);
	own = kind->get();
	err = type == SHARE_FILES ? unshare_files() : unshare_fs_struct();
	if (!err)
		err = type == SHARE_FILES ?
		      cr_files_restore(donor->r, ids[type]) :
		      cr_fs_restore(donor->r, ids[type]);
	if (!err)
		share_publish(donor->r, share, type);
	/* neither of them fails */
	kind->attach(own);
	return err;
}

static int donor_restore_tables(struct cr_rtask *donor)
{
	const struct cr_rtask *leader = donor->r->leader, *t;
	int err = 0;

	for (t = leader + 1; !err && t < leader + leader->nr_threads; t++)
		err = donor_restore_table(donor, t, SHARE_FILES) ?:
		      donor_restore_table(donor, t, SHARE_FS);
	return err;
}

int rtask_restore_own(struct cr_rtask *t)
{
	u32 ids[NR_SHARE_TYPES];
	int err;

	share_ids(t, ids);
	err = share_mm_restore(t, ids[SHARE_MM]);
	if (err)
		return err;
	if (t->donor) {
		err = donor_restore_tables(t);
		if (err)
			return err;
	}
	if (share_is_own(t, &t->r->shares[ids[SHARE_FILES]])) {
		err = cr_files_restore(t->r, ids[SHARE_FILES]);
		if (err)
			return err;
	}
	if (share_is_own(t, &t->r->shares[ids[SHARE_FS]]))
		return cr_fs_restore(t->r, ids[SHARE_FS]);
	return 0;
}

int thread_adopt_files(struct cr_rtask *t)
{
	u32 ids[NR_SHARE_TYPES];

	if (!has_donor(t) || !rtask_owns_files(t))
		return 0;
	share_ids(t, ids);
	cr_locks_adopt();
	return cr_files_adopt(t->r, ids[SHARE_FILES]);
}
