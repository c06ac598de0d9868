// SPDX-License-Identifier: GPL-2.0
/*
 * Locks and leases. Those of flock(), of OFD and leases belong to an open file;
 * those of POSIX to an inode and a descriptor table. Locks of others on the
 * same inode are not the job's.
 *
 * All of them are refused.
 *
 * Locks: flc_lock, shortly.
 */
#include <linux/fs.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>

static bool owns_lock(const struct list_head *locks, const void *owner)
{
	const struct file_lock_core *lock;

	list_for_each_entry(lock, locks, flc_list)
		if (lock->flc_owner == owner)
			return true;
	return false;
}

void cr_file_locks_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	const char *what = NULL;

	if (!ctx)
		return;
	spin_lock(&ctx->flc_lock);
	if (owns_lock(&ctx->flc_flock, file))
		what = "flock() lock";
	else if (owns_lock(&ctx->flc_posix, file))
		what = "lock of the open file (OFD)";
	else if (owns_lock(&ctx->flc_lease, file))
		what = "lease";
	spin_unlock(&ctx->flc_lock);
	if (what)
		cr_refuse(s, obj->holder, "CR-ELOCK",
			  "fd %d: %s: not supported yet", obj->fd, what);
}

void cr_files_locks_collect(struct cr_save *s, struct cr_obj *obj,
			    struct file *file, unsigned int fd)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	bool locked;

	if (!ctx)
		return;
	spin_lock(&ctx->flc_lock);
	locked = owns_lock(&ctx->flc_posix, obj->ptr);
	spin_unlock(&ctx->flc_lock);
	if (locked)
		cr_refuse(s, obj->holder, "CR-ELOCK",
			  "fd %u: fcntl() lock: not supported yet", fd);
}
