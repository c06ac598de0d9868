// SPDX-License-Identifier: GPL-2.0
/*
 * Regular files and directories that have a name: opened by it again, with the
 * rights of who restarts. Their contents are the file system's business. And
 * whatever was opened by its name only (O_PATH), of any type.
 *
 * A file that is mapped, executed, or opened for reading only, must be what it
 * was: its size and modification time are compared. One that the image carries
 * is replaced by the copy if it is not (cr_carried.c).
 *
 * Refused: unlinked files and those whose name leads elsewhere; files that are
 * windows into the kernel (/proc, /sys, ...), whose contents have no meaning
 * later on. So the file systems are listed that are known to keep data.
 */
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/cr_file.h>

/* File systems without a block device below them that keep files */
static const unsigned long data_fs[] = {
	TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, ECRYPTFS_SUPER_MAGIC,
	NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
	V9FS_MAGIC, FUSE_SUPER_MAGIC, CEPH_SUPER_MAGIC, AFS_FS_MAGIC,
	AFS_SUPER_MAGIC, CODA_SUPER_MAGIC, OCFS2_SUPER_MAGIC,
	0x0bd00bd0,	/* Lustre */
	0x47504653,	/* GPFS */
	0x19830326,	/* BeeGFS */
	0x20030528,	/* OrangeFS */
	0x2fc12fc1,	/* ZFS */
	0x61756673,	/* aufs */
};

bool cr_fs_keeps_data(const struct super_block *sb)
{
	int i;

	if (sb->s_flags & SB_NOUSER)
		return false;
	if (sb->s_type->fs_flags & FS_REQUIRES_DEV)
		return true;
	for (i = 0; i < ARRAY_SIZE(data_fs); i++)
		if (sb->s_magic == data_fs[i])
			return true;
	return false;
}

static bool reg_match(struct file *file)
{
	const struct inode *inode = cr_file_inode(file);

	return S_ISREG(inode->i_mode) && cr_fs_keeps_data(inode->i_sb);
}

static bool dir_match(struct file *file)
{
	const struct inode *inode = cr_file_inode(file);

	return S_ISDIR(inode->i_mode) && cr_fs_keeps_data(inode->i_sb);
}

void cr_named_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct file *file = obj->ptr;
	const char *why;

	info->name = cr_path_name(s, file_user_path(file), &why);
	if (info->name && why)
		cr_file_refuse(s, obj, why);
}

const char *cr_named_save(struct cr_save *s, struct cr_obj *obj,
			  struct cr_rec_file *rec)
{
	struct file *file = obj->ptr;

	if (obj->fd >= 0)
		rec->pos = cpu_to_le64(max_t(loff_t, file->f_pos, 0));
	return cr_file_info(obj)->name;
}

/*
 * What is only read should be the same later on, unless somebody is writing to
 * it: then it is a log or a spool, and growing is its nature.
 */
static const char *reg_save(struct cr_save *s, struct cr_obj *obj,
			    struct cr_rec_file *rec)
{
	struct file *file = obj->ptr;

	if (obj->fd >= 0 && !(file->f_mode & FMODE_WRITE) &&
	    !inode_is_open_for_write(cr_file_inode(file)))
		rec->flags |= cpu_to_le32(CR_FILE_VERIFY);
	if (cr_carried_find(s, obj))
		rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_SHM,
						 cr_file_inode(file)));
	if (obj->fd < 0)
		rec->flags |= cpu_to_le32(cr_mapped_lock_flags(file));
	cr_lease_save(s, obj, rec);
	return cr_named_save(s, obj, rec);
}

/* ---- restart ---- */

/* Is it what the record speaks of, as far as opening it goes? */
static bool inode_fits(const struct inode *inode, const struct cr_rec_file *rec)
{
	if ((inode->i_mode ^ le32_to_cpu(rec->mode)) & S_IFMT)
		return false;
	return !S_ISCHR(inode->i_mode) ||
	       new_encode_dev(inode->i_rdev) == le64_to_cpu(rec->rdev);
}

/* Look before opening: opening a device or a FIFO has effects */
static int named_look(struct cr_restart *r, const struct cr_rec_file *rec,
		      const char *name)
{
	struct path path;
	int err;

	err = kern_path(name, 0, &path);
	if (err)
		return cr_err(&r->log, cr_name_err(err),
			      "%*pE: cannot be found (%pe)", CR_NAME(name),
			      ERR_PTR(err));
	if (!inode_fits(d_backing_inode(path.dentry), rec))
		err = cr_err(&r->log, -ESTALE,
			     "%*pE: is another kind of file than when it was saved",
			     CR_NAME(name));
	path_put(&path);
	return err;
}

struct file *cr_named_restore(struct cr_restart *r,
			      const struct cr_rec_file *rec, const char *name)
{
	const unsigned int later = O_NONBLOCK | O_NOFOLLOW | O_DIRECTORY;
	unsigned int flags = le32_to_cpu(rec->open_flags) & CR_OPEN_FLAGS;
	unsigned int dir = S_ISDIR(le32_to_cpu(rec->mode)) ? O_DIRECTORY : 0;
	struct file *file;
	int err;

	err = named_look(r, rec, name);
	if (err)
		return ERR_PTR(err);
	/* the saved name leads through no link at its end; never wait */
	file = filp_open(name, (flags & ~later) | O_NONBLOCK | O_NOFOLLOW |
			 O_NOCTTY | dir, 0);
	if (IS_ERR(file))
		return ERR_PTR(cr_err(&r->log, cr_name_err(PTR_ERR(file)),
				      "%*pE: cannot be opened (%pe)",
				      CR_NAME(name), file));
	if (!inode_fits(file_inode(file), rec)) {
		fput(file);
		return ERR_PTR(cr_err(&r->log, -ESTALE,
				      "%*pE: changes while it is opened",
				      CR_NAME(name)));
	}
	cr_file_set_flags(file, later, flags & later);
	return file;
}

int cr_named_seek(struct cr_restart *r, const struct cr_rec_file *rec,
		  struct file *file, const char *name)
{
	loff_t pos = le64_to_cpu(rec->pos);
	loff_t ret = pos ? vfs_llseek(file, pos, SEEK_SET) : 0;

	if (ret == pos)
		return 0;
	if (ret >= 0)
		ret = -ESTALE;
	return cr_err(&r->log, ret, "%*pE: cannot be positioned at %lld (%pe)",
		      CR_NAME(name), pos, ERR_PTR(ret));
}

/* Size and time are those that a user sees, through every layer */
static int reg_verify(struct cr_restart *r, const struct cr_rec_file *rec,
		      struct file *file, const char *name)
{
	struct kstat stat;
	int err;

	err = vfs_getattr(&file->f_path, &stat, STATX_BASIC_STATS,
			  AT_STATX_SYNC_AS_STAT);
	if (err)
		return cr_err(&r->log, err, "%*pE: no status (%pe)",
			      CR_NAME(name), ERR_PTR(err));
	if (stat.size != le64_to_cpu(rec->size))
		return cr_err(&r->log, -ESTALE,
			      "%*pE: has changed: %lld bytes, %llu when it was saved",
			      CR_NAME(name), stat.size, le64_to_cpu(rec->size));
	if (timespec64_to_ns(&stat.mtime) != le64_to_cpu(rec->mtime_ns))
		return cr_err(&r->log, -ESTALE,
			      "%*pE: was modified after it was saved",
			      CR_NAME(name));
	return 0;
}

/* What runs a program asks of its file: see prctl(PR_SET_MM_EXE_FILE) */
static int reg_may_exec(struct cr_restart *r, struct file *file,
			const char *name)
{
	int err = path_noexec(&file->f_path) ? -EACCES :
		  file_permission(file, MAY_EXEC);

	return err ? cr_err(&r->log, err, "%*pE: must not be executed (%pe)",
			    CR_NAME(name), ERR_PTR(err)) : 0;
}

static struct file *reg_restore(struct cr_restart *r,
				const struct cr_rec_file *rec, const char *name)
{
	u32 flags = le32_to_cpu(rec->flags);
	struct file *file;
	int err, here;

	here = rec->obj ? cr_carried_is_here(rec, name) : 1;
	if (here < 0)
		return ERR_PTR(cr_err(&r->log, here,
				      "%*pE: cannot be looked at (%pe)",
				      CR_NAME(name), ERR_PTR(here)));
	if (!here)
		return cr_carried_restore(r, rec, name);
	file = cr_named_restore(r, rec, name);
	if (IS_ERR(file))
		return file;
	err = cr_named_seek(r, rec, file, name);
	if (!err && (flags & (CR_FILE_MAPPED | CR_FILE_EXE | CR_FILE_VERIFY)))
		err = reg_verify(r, rec, file, name);
	if (!err && (flags & CR_FILE_EXE))
		err = reg_may_exec(r, file, name);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

/* The file of FILE @id if it is output and longer than it was; NULL: it is not */
static struct file *grown_file(struct cr_restart *r, u32 id,
			       struct cr_rec_file *rec, const char **name)
{
	struct file *file = cr_restart_get(r, id);
	struct cr_view view;

	if (r->img.objs[id].type != CR_REC_FILE)
		return NULL;
	cr_read_obj(&r->img, id, &view, rec, sizeof(*rec));
	*name = view.tail;
	return le32_to_cpu(rec->kind) == CR_FILE_REG &&
	       (file->f_mode & FMODE_WRITE) &&
	       i_size_read(file_inode(file)) > le64_to_cpu(rec->size) ?
	       file : NULL;
}

int cr_files_truncate(struct cr_restart *r)
{
	struct cr_rec_file rec;
	struct file *file;
	const char *name;
	int err = 0;
	u32 id;

	for (id = 1; id <= r->img.nr_objects; id++) {
		file = grown_file(r, id, &rec, &name);
		if (file && (IS_APPEND(file_inode(file)) ||
			     IS_IMMUTABLE(file_inode(file))))
			return cr_err(&r->log, -EPERM,
				      "%*pE: may not be truncated",
				      CR_NAME(name));
	}
	for (id = 1; id <= r->img.nr_objects && !err; id++) {
		file = grown_file(r, id, &rec, &name);
		if (file)
			err = cr_content_resize(r, file, le64_to_cpu(rec.size),
						name);
		cond_resched();
	}
	return err;
}

static struct file *dir_restore(struct cr_restart *r,
				const struct cr_rec_file *rec, const char *name)
{
	struct file *file = cr_named_restore(r, rec, name);
	int err;

	if (IS_ERR(file))
		return file;
	err = cr_named_seek(r, rec, file, name);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

/* ---- O_PATH: neither read nor written, so it is found without opening it ---- */

static bool opath_match(struct file *file)
{
	return (file->f_mode & FMODE_PATH) &&
	       cr_fs_keeps_data(cr_file_inode(file)->i_sb);
}

static const char *opath_save(struct cr_save *s, struct cr_obj *obj,
			      struct cr_rec_file *rec)
{
	return cr_file_info(obj)->name;
}

static struct file *opath_restore(struct cr_restart *r,
				  const struct cr_rec_file *rec,
				  const char *name)
{
	unsigned int flags = le32_to_cpu(rec->open_flags) &
			     (O_DIRECTORY | O_NOFOLLOW);
	struct file *file;

	/* the saved name leads through no link at its end */
	file = filp_open(name, O_PATH | O_NOFOLLOW, 0);
	if (IS_ERR(file))
		return ERR_PTR(cr_err(&r->log, cr_name_err(PTR_ERR(file)),
				      "%*pE: cannot be found (%pe)",
				      CR_NAME(name), file));
	if (!inode_fits(file_inode(file), rec)) {
		fput(file);
		return ERR_PTR(cr_err(&r->log, -ESTALE,
				      "%*pE: is another kind of file than when it was saved",
				      CR_NAME(name)));
	}
	file->f_flags = O_PATH | flags;
	return file;
}

const struct cr_file_type cr_opath_file = {
	.kind		= CR_FILE_OPATH,
	.flags_lost	= O_PATH,
	.match		= opath_match,
	.outside	= cr_named_outside,
	.save		= opath_save,
	.restore	= opath_restore,
};

const struct cr_file_type cr_reg_file = {
	.kind		= CR_FILE_REG,
	.flags_lost	= O_TMPFILE,
	.match		= reg_match,
	.outside	= cr_named_outside,
	.save		= reg_save,
	.details	= cr_lease_write,
	.restore	= reg_restore,
};

const struct cr_file_type cr_dir_file = {
	.kind		= CR_FILE_DIR,
	.match		= dir_match,
	.outside	= cr_named_outside,
	.save		= cr_named_save,
	.restore	= dir_restore,
};
