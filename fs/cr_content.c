// SPDX-License-Identifier: GPL-2.0
/*
 * Regular files that no name leads to any more, on any file system that keeps
 * data: unlinked, replaced by rename(), O_TMPFILE. Their contents belong to the
 * job alone, so they are in the image: an object of mm/cr_shm.c.
 *
 * Restored as what open(O_TMPFILE) makes in the directory where the file was,
 * with the rights of who restarts; by a name that is removed at once where the
 * file system has no O_TMPFILE. Where nothing can be made (the directory is
 * gone, or not writable) it is a file of the kernel's own tmpfs: in memory. Its
 * owner is the restarter; its inode number
 * and the name that /proc shows are new; holes stay, preallocation does not.
 *
 * Refused: files that a process outside the job can reach as well, unless
 * nobody can write to them (a library that was replaced by an upgrade).
 *
 * Locks: i_mmap_rwsem for reading, while mappings are counted; i_lock, shortly.
 */
#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>

/* How often, and how long, to wait for a reference in passing to go away */
#define SHARED_TRIES	10
#define SHARED_WAIT_US	200

bool cr_file_is_unlinked(const struct file *file)
{
	const struct dentry *dentry = file_user_path(file)->dentry;
	const struct inode *inode = d_inode(dentry);

	return S_ISREG(inode->i_mode) && !inode->i_nlink &&
	       d_unlinked(dentry) && cr_fs_keeps_data(inode->i_sb);
}

/* ---- who else can reach it ---- */

/* An overlay's file works on a file of the layer below */
static struct file *layer_file(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (inode->i_sb->s_magic != OVERLAYFS_SUPER_MAGIC)
		return NULL;
	return file->private_data;
}

struct address_space *cr_file_mapping(const struct file *file)
{
	return (layer_file(file) ?: file)->f_mapping;
}

/* A mapping's file of an inode that is saved, as it was found */
struct mapped_file {
	const struct file *file;
	long count;
};

/**
 * struct mapped_by - the files through which an inode is mapped
 * @of: one entry for each mapping, sorted by file; holds no references
 * @nr: number of entries, also those for which there was no room
 * @max: room
 */
struct mapped_by {
	struct mapped_file *of;
	size_t nr;
	size_t max;
};

static int mapped_cmp(const void *a, const void *b)
{
	const struct mapped_file *x = a, *y = b;

	return x->file < y->file ? -1 : x->file > y->file;
}

static void mapped_by_fill(struct address_space *mapping, struct mapped_by *by)
{
	struct vm_area_struct *vma;

	by->nr = 0;
	i_mmap_lock_read(mapping);
	vma_interval_tree_foreach(vma, &mapping->i_mmap, 0, ULONG_MAX) {
		if (by->nr < by->max)
			by->of[by->nr] = (struct mapped_file) {
				.file = vma->vm_file,
				.count = file_count(vma->vm_file),
			};
		by->nr++;
	}
	i_mmap_unlock_read(mapping);
}

static int mapped_by_get(struct address_space *mapping, struct mapped_by *by)
{
	by->max = 16;
	for (;;) {
		by->of = kvmalloc_array(by->max, sizeof(*by->of),
					GFP_KERNEL_ACCOUNT);
		if (!by->of)
			return -ENOMEM;
		mapped_by_fill(mapping, by);
		if (by->nr <= by->max)
			break;
		kvfree(by->of);
		by->max = by->nr + 16;
	}
	sort(by->of, by->nr, sizeof(*by->of), mapped_cmp, NULL);
	return 0;
}

/* How many mappings are made from a file */
static long mapped_times(const struct mapped_by *by, const struct file *file)
{
	long n = 0;
	size_t i;

	for (i = 0; i < by->nr; i++)
		n += by->of[i].file == file;
	return n;
}

/* How many address spaces of the job are of this program */
static long executed_times(struct cr_save *s, const struct file *file)
{
	struct cr_obj *obj;
	long n = 0;

	list_for_each_entry(obj, &s->objs[CR_OBJ_MM], list)
		n += rcu_access_pointer(((struct mm_struct *)obj->ptr)->exe_file) ==
		     file;
	return n;
}

/* An open file of the job that holds @file as its layer's */
static bool is_layer_of(struct cr_save *s, const struct inode *inode,
			const struct file *file)
{
	struct cr_obj *other;

	list_for_each_entry(other, &s->objs[CR_OBJ_FILE], list)
		if (cr_file_inode(other->ptr) == inode &&
		    layer_file(other->ptr) == file)
			return true;
	return false;
}

static unsigned long dentry_refs(struct inode *inode)
{
	unsigned long refs = 0;
	struct dentry *dentry;

	spin_lock(&inode->i_lock);
	hlist_for_each_entry(dentry, &inode->i_dentry, d_u.d_alias)
		refs += d_count(dentry);
	spin_unlock(&inode->i_lock);
	return refs;
}

/*
 * Each open file holds the dentry once, and an overlay's twice; each descriptor
 * and each mapping holds the open file. What is not explained by that is of the
 * outside.
 */
static bool counts_agree(struct cr_save *s, const struct cr_obj *obj,
			 const struct mapped_by *by)
{
	const struct file *held = cr_shm_info(obj)->file;
	struct inode *inode = obj->ptr;
	unsigned long known = 0;
	struct cr_obj *other;
	size_t i;

	list_for_each_entry(other, &s->objs[CR_OBJ_FILE], list) {
		struct file *file = other->ptr;

		if (cr_file_inode(file) != inode)
			continue;
		known += layer_file(file) ? 2 : 1;
		/* a thread that reads or writes holds it, too, for a moment */
		if (file_count(file) > other->refs + 1 + (held == file) +
				       mapped_times(by, file) +
				       executed_times(s, file) &&
		    (s->still || cr_file_is_shared(s, other)))
			return false;
	}
	for (i = 0; i < by->nr; i++) {
		const struct file *file = by->of[i].file;
		bool layer;

		if ((i && by->of[i - 1].file == file) ||
		    cr_obj_find(s, CR_OBJ_FILE, (void *)file))
			continue;
		layer = is_layer_of(s, inode, file);
		known += !layer;
		if (by->of[i].count > mapped_times(by, file) + layer +
				      (held == file) + executed_times(s, file))
			return false;
	}
	return dentry_refs(inode) <= known;
}

/* Nobody will see a difference between two copies that do not change */
static bool can_change(const struct cr_obj *obj)
{
	struct file *file = cr_shm_info(obj)->file;

	/* the kernel does not count the first opening as one for writing */
	if (cr_file_is_memfd(file))
		return !cr_memfd_is_fixed(file);
	return inode_is_open_for_write(obj->ptr) ||
	       inode_is_open_for_write(cr_file_mapping(file)->host);
}

bool cr_content_shared(struct cr_save *s, const struct cr_obj *obj)
{
	struct mapped_by by;
	bool agree = !can_change(obj);
	int i;

	for (i = 0; i < SHARED_TRIES && !agree; i++) {
		if (i)
			usleep_range(SHARED_WAIT_US, 2 * SHARED_WAIT_US);
		if (mapped_by_get(cr_file_mapping(cr_shm_info(obj)->file),
				  &by)) {
			cr_fail(s, -ENOMEM);
			return false;
		}
		agree = counts_agree(s, obj, &by);
		kvfree(by.of);
	}
	return !agree;
}

/* ---- saving ---- */

/*
 * A description of our own: the job's need not be readable, or may be O_DIRECT.
 * Who watches the directory, which can be the job, is not told.
 */
static struct file *content_open(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = cr_shm_info(obj)->file, *reader;

	if (!(file->f_mode & FMODE_READ) && file_permission(file, MAY_READ))
		return ERR_PTR(-EACCES);
	reader = dentry_open(file_user_path(file), O_RDONLY | O_LARGEFILE |
			     O_NOATIME | __FMODE_NONOTIFY, current_cred());
	/* some file systems open nothing that has no name */
	if (IS_ERR(reader) && PTR_ERR(reader) != -ENOMEM &&
	    (file->f_mode & FMODE_READ) && !(file->f_flags & O_DIRECT))
		reader = get_file(file);
	return reader;
}

void cr_content_close(struct cr_save *s)
{
	struct cr_shm_info *info;
	struct cr_obj *obj;

	list_for_each_entry(obj, &s->objs[CR_OBJ_SHM], list) {
		info = cr_shm_info(obj);
		if (!info || !info->reader)
			continue;
		fput(info->reader);
		info->reader = NULL;
	}
}

int cr_content_save(struct cr_save *s, struct cr_obj *obj,
		    struct cr_rec_shm *rec)
{
	struct cr_shm_info *info = cr_shm_info(obj);
	const struct inode *inode = obj->ptr;
	struct kstat stat;
	int err;

	info->reader = content_open(s, obj);
	if (IS_ERR(info->reader)) {
		err = PTR_ERR(info->reader);
		info->reader = NULL;
	} else {
		err = vfs_getattr(file_user_path(info->file), &stat,
				  STATX_BASIC_STATS, AT_STATX_SYNC_AS_STAT);
	}
	if (err)
		return cr_err(&s->log, cr_fail(s, err),
			      "%*pE: unlinked, and cannot be read (%pe)",
			      CR_NAME(info->name), ERR_PTR(err));
	info->size = stat.size;
	rec->kind = cpu_to_le32(CR_SHM_FILE);
	rec->size = cpu_to_le64(stat.size);
	rec->mode = cpu_to_le32(stat.mode & 0777);
	rec->mtime_ns = cpu_to_le64(timespec64_to_ns(&stat.mtime));
	if (READ_ONCE(inode->i_state) & I_LINKABLE)
		rec->flags = cpu_to_le32(CR_SHM_LINKABLE);
	return 0;
}

/* ---- restart ---- */

/* Of the directory that was the file's, which the caller may write to */
static struct file *tmpfile_open(const char *name, bool linkable)
{
	const char *slash = strrchr(name, '/');
	struct file *file;
	char *dir;

	dir = kstrndup(name, max_t(size_t, slash - name, 1), GFP_KERNEL);
	if (!dir)
		return ERR_PTR(-ENOMEM);
	file = filp_open(dir, O_TMPFILE | O_RDWR | O_LARGEFILE |
			 (linkable ? 0 : O_EXCL), 0600);
	kfree(dir);
	return file;
}

/* The same, for the moment under a name that nobody else has */
static struct file *hidden_open(const char *name)
{
	int dir_len = strrchr(name, '/') - name;
	struct file *file;
	char *tmp;
	int err;

	tmp = kasprintf(GFP_KERNEL, "%.*s/.crimg.%d", dir_len, name,
			task_pid_nr(current));
	if (!tmp)
		return ERR_PTR(-ENOMEM);
	file = filp_open(tmp, O_CREAT | O_EXCL | O_RDWR | O_LARGEFILE |
			 O_NOFOLLOW, 0600);
	if (!IS_ERR(file)) {
		err = cr_name_remove(tmp, false);
		if (err) {
			fput(file);
			file = ERR_PTR(err);
		}
	}
	kfree(tmp);
	return file;
}

static struct file *content_open_new(const struct cr_rec_shm *rec,
				     const char *name)
{
	bool linkable = le32_to_cpu(rec->flags) & CR_SHM_LINKABLE;
	struct file *file = tmpfile_open(name, linkable);

	if (file == ERR_PTR(-EOPNOTSUPP))
		file = hidden_open(name);
	if (!IS_ERR(file))
		return file;
	switch (PTR_ERR(file)) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EACCES:
	case -EPERM:
	case -EROFS:
	case -EOPNOTSUPP:
		return shmem_file_setup(strrchr(name, '/') + 1, 0,
					VM_NORESERVE);
	default:
		return file;
	}
}

int cr_content_resize(struct cr_restart *r, struct file *file, loff_t size,
		      const char *name)
{
	int err;

	/* beyond the limit, it would send a signal to the caller */
	if (size > rlimit(RLIMIT_FSIZE) && size > i_size_read(file_inode(file)))
		return cr_err(&r->log, -EFBIG,
			      "%*pE: %lld bytes are more than the limit of file sizes",
			      CR_NAME(name), size);
	err = vfs_truncate(&file->f_path, size);
	return err ? cr_err(&r->log, err,
			    "%*pE: cannot be made %lld bytes large (%pe)",
			    CR_NAME(name), size, ERR_PTR(err)) : 0;
}

struct file *cr_content_create(struct cr_restart *r,
			       const struct cr_rec_shm *rec, const char *name)
{
	struct file *file;
	int err;

	file = content_open_new(rec, name);
	if (IS_ERR(file)) {
		cr_err(&r->log, PTR_ERR(file),
		       "%*pE: no file without a name can be made in its place (%pe)",
		       CR_NAME(name), file);
		return file;
	}
	err = cr_content_resize(r, file, le64_to_cpu(rec->size), name);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

int cr_content_finish(struct cr_restart *r, const struct cr_rec_shm *rec,
		      struct file *file, const char *name)
{
	struct timespec64 times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		ns_to_timespec64(le64_to_cpu(rec->mtime_ns)),
	};
	int err = vfs_fchmod(file, le32_to_cpu(rec->mode));

	if (!err)
		err = vfs_utimes(&file->f_path, times);
	return err ? cr_err(&r->log, err,
			    "%*pE: mode and time cannot be set (%pe)",
			    CR_NAME(name), ERR_PTR(err)) : 0;
}
