// SPDX-License-Identifier: GPL-2.0
/*
 * Leases of files (F_SETLEASE), which belong to an open file; the owner and the
 * signal that tells when somebody else wants to open the file are those of
 * every open file (cr_owner.c). A lease may be about to end: somebody asked for
 * it, and the holder has some time to give it up.
 *
 * They are taken again last, with the rights of who restarts: a write lease
 * goes with no other opening of the file. If somebody else has it open by then,
 * the restart fails. The time that is left is no longer than what the kernel
 * would give: whoever waits for a file shall not wait for an image.
 *
 * Refused: leases of files without a name, whose contents are read through an
 * opening of our own; of what is only mapped; delegations and layouts; read
 * leases of files that are open for writing, which were write leases once and
 * could not be taken.
 *
 * Locks: flc_lock, shortly.
 */
#include <linux/fs.h>
#include <linux/fcntl.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/cr_build.h>
#include <linux/cr_file.h>

/* flc_lock is held */
static struct file_lock_core *lease_find(const struct file_lock_context *ctx,
					 const struct file *file)
{
	struct file_lock_core *lock;

	list_for_each_entry(lock, &ctx->flc_lease, flc_list)
		if (lock->flc_file == file)
			return lock;
	return NULL;
}

bool cr_file_has_lease(struct file *file)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	bool found;

	if (!ctx)
		return false;
	spin_lock(&ctx->flc_lock);
	found = lease_find(ctx, file);
	spin_unlock(&ctx->flc_lock);
	return found;
}

/* ---- saving ---- */

/* Until then, in ns, at least 1; 0: then is never */
static u64 time_left(unsigned long then)
{
	unsigned long now = jiffies;

	if (!then)
		return 0;
	return time_after(then, now) ? jiffies64_to_nsecs(then - now) : 1;
}

/* Returns why it cannot be saved, or NULL. flc_lock is held */
static const char *lease_fill(struct file_lock_core *lock,
			      struct cr_rec_lease *rec)
{
	const struct file_lease *lease = cr_file_lease(lock);
	bool unlock = lock->flc_flags & FL_UNLOCK_PENDING;
	bool downgrade = lock->flc_flags & FL_DOWNGRADE_PENDING;

	if ((lock->flc_flags & (FL_DELEG | FL_LAYOUT)) || !lease->fl_fasync)
		return "delegation: not supported yet";
	if (lock->flc_type == F_RDLCK &&
	    (lock->flc_file->f_mode & FMODE_WRITE))
		return "read lease of a file that is open for writing: not supported yet";
	rec->type = cpu_to_le32(lock->flc_type == F_RDLCK ? CR_LOCK_READ :
							    CR_LOCK_WRITE);
	rec->flags = cpu_to_le32((unlock ? CR_LEASE_UNLOCK : 0) |
				 (downgrade ? CR_LEASE_DOWNGRADE : 0));
	rec->fd = cpu_to_le32(lease->fl_fasync->fa_fd);
	if (unlock)
		rec->break_ns = cpu_to_le64(time_left(lease->fl_break_time));
	rec->downgrade_ns = cpu_to_le64(time_left(lease->fl_downgrade_time));
	return NULL;
}

/* @rec: all 0 if there is no lease. @nr: who has taken it */
static const char *lease_read(struct file *file, struct cr_rec_lease *rec,
			      pid_t *nr)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	struct file_lock_core *lock;
	const char *why = NULL;

	memset(rec, 0, sizeof(*rec));
	if (!ctx)
		return NULL;
	spin_lock(&ctx->flc_lock);
	lock = lease_find(ctx, file);
	if (lock) {
		why = lease_fill(lock, rec);
		*nr = lock->flc_pid;
	}
	spin_unlock(&ctx->flc_lock);
	return why;
}

/* The kernel keeps the number only; it may be another's by now */
static pid_t taker_nr(struct cr_save *s, pid_t nr)
{
	struct pid *pid;
	pid_t ret = 0;

	rcu_read_lock();
	pid = find_pid_ns(nr, &init_pid_ns);
	if (pid && cr_pid_is_inside(s, pid, PIDTYPE_TGID) > 0)
		ret = pid_nr_ns(pid, s->pid_ns);
	rcu_read_unlock();
	return ret;
}

static void lease_refuse(struct cr_save *s, struct cr_obj *obj, const char *why)
{
	cr_refuse(s, obj->holder, "CR-ELOCK", "%s: %*pE: %s",
		  cr_file_where(obj),
		  CR_NAME(cr_file_info(obj)->name ?: "file"), why);
}

void cr_lease_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_rec_lease rec;
	const char *why;
	pid_t nr;

	if (!cr_file_has_lease(obj->ptr))
		return;
	if (cr_file_info(obj)->type != &cr_reg_file)
		why = "lease of a file without a name: not supported yet";
	else if (obj->fd < 0)
		why = "lease of a file that is only mapped: not supported yet";
	else
		why = lease_read(obj->ptr, &rec, &nr);
	if (why)
		lease_refuse(s, obj, why);
}

/*
 * Signals are saved later: a break that comes in between is told to a restarted
 * job that has the lease still, and not the other way round.
 */
void cr_lease_save(struct cr_save *s, struct cr_obj *obj,
		   struct cr_rec_file *rec)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct cr_rec_lease lease;
	const char *why;
	pid_t nr;

	kfree(info->lease);
	info->lease = NULL;
	if (obj->fd < 0)
		return;
	why = lease_read(obj->ptr, &lease, &nr);
	if (why)
		lease_refuse(s, obj, why);
	if (why || !lease.type)
		return;
	lease.pid = cpu_to_le32(taker_nr(s, nr));
	info->lease = kmemdup(&lease, sizeof(lease), GFP_KERNEL_ACCOUNT);
	if (!info->lease)
		cr_fail(s, -ENOMEM);
	rec->flags |= cpu_to_le32(CR_FILE_LEASE);
}

void cr_lease_write(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_rec_lease *lease = cr_file_info(obj)->lease;

	if (lease)
		cr_write_detail(s, obj, CR_REC_LEASE, lease, sizeof(*lease),
				NULL, 0);
}

/* ---- restart ---- */

static bool lease_of(struct cr_restart *r, u32 id, struct cr_view *view,
		     struct cr_rec_file *file, struct cr_rec_lease *lease)
{
	struct cr_detail_iter it;

	if (r->img.objs[id].type != CR_REC_FILE)
		return false;
	cr_read_obj(&r->img, id, view, file, sizeof(*file));
	if (!(le32_to_cpu(file->flags) & CR_FILE_LEASE))
		return false;
	cr_detail_first(&r->img, id, &it);
	cr_detail(&it, lease, sizeof(*lease));
	return true;
}

/*
 * fcntl(F_SETLEASE) makes the caller the owner if there is none. Should
 * somebody open the file before that is undone, the signal is one that is
 * ignored.
 */
static int lease_take(struct file *file, const struct cr_rec_file *rec,
		      const struct cr_rec_lease *lease)
{
	int type = le32_to_cpu(lease->type) == CR_LOCK_READ ? F_RDLCK : F_WRLCK;
	int err;

	if (rec->owner_kind)
		return fcntl_setlease(le32_to_cpu(lease->fd), file, type);
	err = file_f_owner_allocate(file);
	if (err)
		return err;
	file_f_owner(file)->signum = SIGURG;
	err = fcntl_setlease(le32_to_cpu(lease->fd), file, type);
	__f_setown(file, NULL, PIDTYPE_TGID, 1);
	file_f_owner(file)->signum = le32_to_cpu(rec->owner_sig);
	return err;
}

/*
 * How long the kernel lets a holder keep a lease that somebody else wants, in
 * ns; 0: for ever. Just that is asked of a lease that nobody else knows of.
 */
static int break_time_get(u64 *ns)
{
	struct file *file = shmem_file_setup("lease", 0, VM_NORESERVE);
	struct file_lock_context *ctx;
	struct file_lock_core *lock;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = fcntl_setlease(0, file, F_RDLCK);
	if (err)
		goto out;
	/* there is nobody to be told */
	__f_setown(file, NULL, PIDTYPE_TGID, 1);
	err = __break_lease(file_inode(file), O_WRONLY | O_NONBLOCK, FL_LEASE);
	/* the holder has been asked */
	if (err == -EWOULDBLOCK)
		err = 0;
	if (err)
		goto out;
	ctx = locks_inode_context(file_inode(file));
	spin_lock(&ctx->flc_lock);
	lock = lease_find(ctx, file);
	*ns = lock ? time_left(cr_file_lease(lock)->fl_break_time) : 1;
	spin_unlock(&ctx->flc_lock);
out:
	fput(file);
	return err;
}

static unsigned long time_then(__le64 left, u64 most)
{
	u64 ns = le64_to_cpu(left);

	if (!ns || (most && ns > most))
		ns = most;
	return ns ? (jiffies + nsecs_to_jiffies64(ns)) ?: 1 : 0;
}

/* What is to become of it; somebody may have asked for it since */
static void lease_break(struct file_lock_core *lock,
			const struct cr_rec_lease *rec, u64 most)
{
	struct file_lease *lease = cr_file_lease(lock);
	u32 flags = le32_to_cpu(rec->flags);

	if ((flags & CR_LEASE_UNLOCK) &&
	    !(lock->flc_flags & FL_UNLOCK_PENDING)) {
		lock->flc_flags |= FL_UNLOCK_PENDING;
		lease->fl_break_time = time_then(rec->break_ns, most);
	}
	if (((flags & CR_LEASE_DOWNGRADE) || rec->downgrade_ns) &&
	    !(lock->flc_flags & FL_DOWNGRADE_PENDING)) {
		if (flags & CR_LEASE_DOWNGRADE)
			lock->flc_flags |= FL_DOWNGRADE_PENDING;
		lease->fl_downgrade_time = time_then(rec->downgrade_ns, most);
	}
}

static int lease_settle(struct cr_restart *r, struct file *file,
			const struct cr_rec_lease *rec)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	struct file_lock_core *lock;
	struct pid *pid;
	u64 most = 0;
	int err;

	if (rec->flags || rec->downgrade_ns) {
		err = break_time_get(&most);
		if (err)
			return err;
	}
	pid = cr_restart_pid(r, le32_to_cpu(rec->pid), PIDTYPE_TGID);
	spin_lock(&ctx->flc_lock);
	lock = lease_find(ctx, file);
	if (lock) {
		lock->flc_pid = pid_nr(pid);
		lease_break(lock, rec, most);
	}
	spin_unlock(&ctx->flc_lock);
	put_pid(pid);
	return 0;
}

static int lease_restore(struct cr_restart *r, u32 id, bool settle)
{
	struct cr_rec_lease lease;
	struct cr_rec_file rec;
	struct cr_view view;
	int err;

	if (!lease_of(r, id, &view, &rec, &lease))
		return 0;
	err = settle ? lease_settle(r, cr_restart_get(r, id), &lease) :
		       lease_take(cr_restart_get(r, id), &rec, &lease);
	if (err == -EAGAIN)
		return cr_err(&r->log, -EBUSY,
			      "%*pE: somebody else has it open, so its lease cannot be taken",
			      CR_NAME((const char *)view.tail));
	return err ? cr_err(&r->log, err, "%*pE: its lease cannot be taken (%pe)",
			    CR_NAME((const char *)view.tail), ERR_PTR(err)) : 0;
}

int cr_leases_restore(struct cr_restart *r)
{
	int err = 0;
	u32 id;

	for (id = 1; id <= r->img.nr_objects && !err; id++) {
		err = lease_restore(r, id, false);
		cond_resched();
	}
	/* none can be taken beside one that is to be given up */
	for (id = 1; id <= r->img.nr_objects && !err; id++) {
		err = lease_restore(r, id, true);
		cond_resched();
	}
	return err;
}
