// SPDX-License-Identifier: GPL-2.0
/*
 * Locks of files. Those of flock() and of OFD belong to an open file; those of
 * POSIX to an inode and a descriptor table. Locks of others on the same inode
 * are not the job's.
 *
 * They are taken again by the system calls that took them, in a process that
 * has the descriptor, before anybody of the job runs. If somebody else has the
 * lock by then, the restart fails.
 *
 * A mapping keeps the open file that it was made from, and what flock() has
 * locked through that, when all its descriptors are closed (java does this):
 * noted in the FILE, and taken again when that is opened.
 *
 * Refused: locks of anything but regular files and directories, and of
 * those of procfs; what is only mapped and has an OFD lock.
 *
 * Locks: flc_lock, shortly; inside the file_lock of a descriptor table.
 */
#include <linux/fs.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <asm/ptrace.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>

static bool taken_through(const struct list_head *locks,
			  const struct file *file)
{
	const struct file_lock_core *lock;

	list_for_each_entry(lock, locks, flc_list)
		if (lock->flc_file == file)
			return true;
	return false;
}

bool cr_file_is_locked(struct file *file)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	bool locked;

	if (!ctx)
		return false;
	spin_lock(&ctx->flc_lock);
	locked = taken_through(&ctx->flc_flock, file) ||
		 taken_through(&ctx->flc_posix, file);
	spin_unlock(&ctx->flc_lock);
	return locked;
}

void cr_file_locks_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	const struct inode *inode = file_inode(file);
	bool lockable;

	lockable = (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode)) &&
		   cr_file_info(obj)->type != &cr_procfile_file;
	if (!lockable && cr_file_is_locked(file))
		cr_refuse(s, obj->holder, "CR-ELOCK",
			  "%s: lock of something that is no file: not supported yet",
			  cr_file_where(obj));
}

void cr_mapped_locks_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	const char *what = NULL;

	if (!ctx)
		return;
	spin_lock(&ctx->flc_lock);
	if (taken_through(&ctx->flc_posix, file))
		what = "OFD lock";
	spin_unlock(&ctx->flc_lock);
	if (!what && cr_file_info(obj)->type != &cr_reg_file &&
	    cr_file_is_locked(file))
		what = "lock";
	if (what)
		cr_refuse(s, obj->holder, "CR-ELOCK",
			  "%s: %*pE: %s of a file that is only mapped: not supported yet",
			  cr_file_where(obj),
			  CR_NAME(cr_file_info(obj)->name ?: "file"), what);
}

u32 cr_mapped_lock_flags(struct file *file)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	struct file_lock_core *lock;
	u32 flags = 0;

	if (!ctx)
		return 0;
	spin_lock(&ctx->flc_lock);
	list_for_each_entry(lock, &ctx->flc_flock, flc_list)
		if (lock->flc_file == file)
			flags = lock->flc_type == F_RDLCK ? CR_FILE_FLOCK_SH :
							    CR_FILE_FLOCK_EX;
	spin_unlock(&ctx->flc_lock);
	return flags;
}

/**
 * struct lock_found - locks as they are found
 * @fd: descriptor through which they are taken again
 * @rec: records that are ready to be written
 * @nr: number of locks, also those for which there was no room
 * @max: room
 */
struct lock_found {
	unsigned int fd;
	struct cr_rec_lock *rec;
	u32 nr;
	u32 max;
};

static void list_add_locks(struct lock_found *list, const struct list_head *locks,
			   const void *owner, const struct file *file, u32 kind)
{
	struct file_lock_core *lock;

	list_for_each_entry(lock, locks, flc_list) {
		const struct file_lock *fl = cr_file_lock(lock);
		struct cr_rec_lock *rec;

		if (lock->flc_owner != owner || lock->flc_file != file)
			continue;
		if (list->nr++ >= list->max)
			continue;
		rec = &list->rec[list->nr - 1];
		memset(rec, 0, sizeof(*rec));
		rec->fd = cpu_to_le32(list->fd);
		rec->kind = cpu_to_le32(kind);
		rec->type = cpu_to_le32(lock->flc_type == F_RDLCK ?
					CR_LOCK_READ : CR_LOCK_WRITE);
		rec->start = cpu_to_le64(fl->fl_start);
		rec->end = cpu_to_le64(fl->fl_end);
	}
}

/*
 * The locks that a descriptor accounts for. A POSIX lock was taken through an
 * open file of the table, which has it still: closing it drops the lock.
 */
static void list_fill(struct cr_save *s, const struct cr_obj *files,
		      struct file *file, struct lock_found *list)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	const struct cr_obj *obj = cr_obj_find(s, CR_OBJ_FILE, file);

	list->nr = 0;
	if (!ctx)
		return;
	spin_lock(&ctx->flc_lock);
	list_add_locks(list, &ctx->flc_posix, files->ptr, file, CR_LOCK_POSIX);
	/* those of the open file only once */
	if (obj && obj->holder == files->holder && obj->fd == list->fd) {
		list_add_locks(list, &ctx->flc_flock, file, file,
			       CR_LOCK_FLOCK);
		list_add_locks(list, &ctx->flc_posix, file, file, CR_LOCK_OFD);
	}
	spin_unlock(&ctx->flc_lock);
}

u32 cr_locks_count(struct cr_save *s, const struct cr_obj *files,
		   struct file *file, unsigned int fd)
{
	struct lock_found list = { .fd = fd };

	list_fill(s, files, file, &list);
	return list.nr;
}

u32 cr_locks_save(struct cr_save *s, struct cr_obj *files, struct file *file,
		  unsigned int fd)
{
	struct lock_found list = {
		.fd = fd,
		.max = cr_locks_count(s, files, file, fd),
	};
	u32 i;

	if (!list.max)
		return 0;
	list.rec = kvmalloc_array(list.max, sizeof(*list.rec),
				  GFP_KERNEL_ACCOUNT);
	if (!list.rec) {
		cr_fail(s, -ENOMEM);
		return 0;
	}
	list_fill(s, files, file, &list);
	for (i = 0; i < min(list.nr, list.max); i++)
		cr_write_detail(s, files, CR_REC_LOCK, &list.rec[i],
				sizeof(list.rec[i]), NULL, 0);
	kvfree(list.rec);
	return list.nr;
}

/* ---- restart ---- */

static int flock_take(unsigned int fd, u32 type)
{
	struct pt_regs args = {
		.di = fd,
		.si = LOCK_NB | (type == CR_LOCK_READ ? LOCK_SH : LOCK_EX),
	};

	return __x64_sys_flock(&args);
}

/* As flock() does it, which wants a descriptor */
static int flock_take_file(struct file *file, int type)
{
	struct file_lock fl;
	struct file_lock_core *lock = cr_file_lock_core(&fl);
	int err;

	locks_init_lock(&fl);
	lock->flc_file = file;
	lock->flc_owner = file;
	lock->flc_pid = current->tgid;
	lock->flc_flags = FL_FLOCK;
	lock->flc_type = type;
	fl.fl_end = OFFSET_MAX;
	err = security_file_lock(file, type);
	if (err)
		return err;
	if (file->f_op->flock)
		err = file->f_op->flock(file, F_SETLK, &fl);
	else
		err = locks_lock_file_wait(file, &fl);
	locks_release_private(&fl);
	return err;
}

int cr_mapped_lock_restore(struct cr_restart *r, const struct cr_rec_file *rec,
			   struct file *file, const char *name)
{
	u32 flags = le32_to_cpu(rec->flags);
	int err;

	if (!(flags & (CR_FILE_FLOCK_SH | CR_FILE_FLOCK_EX)))
		return 0;
	err = flock_take_file(file, flags & CR_FILE_FLOCK_SH ? F_RDLCK :
							       F_WRLCK);
	if (err == -EAGAIN)
		return cr_err(&r->log, -EBUSY,
			      "%*pE: somebody else has locked it",
			      CR_NAME(name));
	return err ? cr_err(&r->log, err, "%*pE: cannot be locked (%pe)",
			    CR_NAME(name), ERR_PTR(err)) : 0;
}

static int range_take(unsigned int fd, struct file *file,
		      const struct cr_rec_lock *rec)
{
	u64 start = le64_to_cpu(rec->start), end = le64_to_cpu(rec->end);
	struct flock flock = {
		.l_type = le32_to_cpu(rec->type) == CR_LOCK_READ ? F_RDLCK :
								   F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = start,
		/* 0: all there may ever be */
		.l_len = end == OFFSET_MAX ? 0 : end - start + 1,
	};

	return fcntl_setlk(fd, file, le32_to_cpu(rec->kind) == CR_LOCK_OFD ?
			   F_OFD_SETLK : F_SETLK, &flock);
}

/* file_lock of the table is held */
static int file_locks_adopt(const void *files, struct file *file,
			    unsigned int fd)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	struct file_lock_core *lock;

	if (!ctx)
		return 0;
	spin_lock(&ctx->flc_lock);
	list_for_each_entry(lock, &ctx->flc_posix, flc_list)
		if (lock->flc_owner == files)
			lock->flc_pid = current->tgid;
	spin_unlock(&ctx->flc_lock);
	return 0;
}

void cr_locks_adopt(void)
{
	iterate_fd(current->files, 0, file_locks_adopt, current->files);
}

int cr_lock_restore(struct cr_restart *r, const struct cr_rec_lock *rec)
{
	unsigned int fd = le32_to_cpu(rec->fd);
	struct file *file = fget(fd);
	int err;

	if (!file)
		return cr_err(&r->log, -EBADMSG, "fd %u: has a lock, but no file",
			      fd);
	if (le32_to_cpu(rec->kind) == CR_LOCK_FLOCK)
		err = flock_take(fd, le32_to_cpu(rec->type));
	else
		err = range_take(fd, file, rec);
	fput(file);
	if (err == -EAGAIN || err == -EACCES)
		return cr_err(&r->log, -EBUSY,
			      "fd %u: somebody else has locked its file", fd);
	return err ? cr_err(&r->log, err, "fd %u: cannot be locked (%pe)", fd,
			    ERR_PTR(err)) : 0;
}
