// SPDX-License-Identifier: GPL-2.0
/*
 * Open files that no name leads to any more: unlinked files of a tmpfs. Their
 * contents are an object, mm/cr_shm.c, which mappings of the same file lead to
 * as well. After a restart the file is one of the kernel's own tmpfs: its
 * device is another one, its owner is the restarter, its mode 0777.
 *
 * Refused: such a file that a process outside the job has open or maps, by this
 * description or another one: from now on there would be two of them. Unlinked
 * files of other file systems (cr_reg.c).
 *
 * Locks: i_mmap_rwsem for reading, while mappings are counted.
 */
#include <linux/fs.h>
#include <linux/delay.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/cr_file.h>
#include <linux/cr_mm.h>

/* How often, and how long, to wait for a reference in passing to go away */
#define SHARED_TRIES	10
#define SHARED_WAIT_US	200

static bool unlinked_match(struct file *file)
{
	const char *why;

	return cr_file_is_shm(file, &why);
}

static void unlinked_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;

	/* O_TMPFILE without O_EXCL */
	if (READ_ONCE(file_inode(file)->i_state) & I_LINKABLE)
		cr_file_refuse(s, obj,
			       "a file that could get a name: not supported yet");
	cr_shm_collect(s, obj->ptr, obj->holder);
}

/**
 * struct mapped_by - the files through which an inode is mapped
 * @file: one entry for each mapping, sorted; no references: only compared
 * @nr: number of entries, also those for which there was no room
 * @max: room
 */
struct mapped_by {
	const struct file **file;
	size_t nr;
	size_t max;
};

static int ptr_cmp(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a;
	unsigned long y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static void mapped_by_fill(struct address_space *mapping, struct mapped_by *by)
{
	struct vm_area_struct *vma;

	by->nr = 0;
	i_mmap_lock_read(mapping);
	vma_interval_tree_foreach(vma, &mapping->i_mmap, 0, ULONG_MAX) {
		if (by->nr < by->max)
			by->file[by->nr] = vma->vm_file;
		by->nr++;
	}
	i_mmap_unlock_read(mapping);
}

static int mapped_by_get(struct address_space *mapping, struct mapped_by *by)
{
	by->max = 16;
	for (;;) {
		by->file = kvmalloc_array(by->max, sizeof(*by->file),
					  GFP_KERNEL_ACCOUNT);
		if (!by->file)
			return -ENOMEM;
		mapped_by_fill(mapping, by);
		if (by->nr <= by->max)
			break;
		kvfree(by->file);
		by->max = by->nr + 16;
	}
	sort(by->file, by->nr, sizeof(*by->file), ptr_cmp, NULL);
	return 0;
}

/*
 * Each open file holds its dentry once, each descriptor and each mapping holds
 * the open file. Whatever is not explained by that is of the outside.
 */
static bool counts_agree(struct cr_save *s, const struct cr_obj *obj,
			 const struct mapped_by *by)
{
	const struct file *file = obj->ptr;
	const struct dentry *dentry = file->f_path.dentry;
	struct cr_obj *shm = cr_obj_find(s, CR_OBJ_SHM, file_inode(file));
	unsigned int dentry_refs = 0;
	long file_refs = obj->refs + 1;
	struct cr_obj *other;
	size_t i;

	if (shm && shm->aux == file)
		file_refs++;
	list_for_each_entry(other, &s->objs[CR_OBJ_FILE], list)
		if (((struct file *)other->ptr)->f_path.dentry == dentry)
			dentry_refs++;
	for (i = 0; i < by->nr; i++) {
		if (by->file[i] == file)
			file_refs++;
		else if ((!i || by->file[i] != by->file[i - 1]) &&
			 !cr_obj_find(s, CR_OBJ_FILE, (void *)by->file[i]))
			dentry_refs++;
	}
	return file_count(file) <= file_refs && d_count(dentry) <= dentry_refs;
}

static void unlinked_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct file *file = obj->ptr;
	struct mapped_by by;
	const char *why;
	bool agree = false;
	int i;

	info->name = cr_path_name(s, &file->f_path, &why);
	if (!info->name)
		return;
	for (i = 0; i < SHARED_TRIES && !agree; i++) {
		if (i)
			usleep_range(SHARED_WAIT_US, 2 * SHARED_WAIT_US);
		if (mapped_by_get(file_inode(file)->i_mapping, &by)) {
			cr_fail(s, -ENOMEM);
			return;
		}
		agree = counts_agree(s, obj, &by);
		kvfree(by.file);
	}
	if (!agree)
		cr_file_refuse(s, obj,
			       "unlinked, and in use outside the job as well");
}

static const char *unlinked_save(struct cr_save *s, struct cr_obj *obj,
				 struct cr_rec_file *rec)
{
	struct file *file = obj->ptr;

	rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_SHM, file_inode(file)));
	rec->pos = cpu_to_le64(max_t(loff_t, file->f_pos, 0));
	return cr_file_info(obj)->name;
}

static struct file *unlinked_restore(struct cr_restart *r,
				     const struct cr_rec_file *rec,
				     const char *name)
{
	const unsigned int ignored = O_NOFOLLOW | O_DIRECTORY;
	struct file *shm = cr_restart_get(r, le32_to_cpu(rec->obj));
	unsigned int flags = le32_to_cpu(rec->open_flags) & CR_OPEN_FLAGS;
	loff_t pos = le64_to_cpu(rec->pos);
	struct file *file;

	/* anonymous memory is no file that could be opened */
	if (IS_PRIVATE(file_inode(shm)))
		return ERR_PTR(cr_err(&r->log, -EBADMSG,
				      "%*pE: is anonymous memory",
				      CR_NAME(name)));
	file = dentry_open(&shm->f_path, flags & ~ignored, current_cred());
	if (IS_ERR(file)) {
		cr_err(&r->log, PTR_ERR(file), "%*pE: cannot be opened (%pe)",
		       CR_NAME(name), file);
		return file;
	}
	if (pos && vfs_llseek(file, pos, SEEK_SET) != pos) {
		fput(file);
		return ERR_PTR(cr_err(&r->log, -EBADMSG,
				      "%*pE: cannot be positioned at %lld",
				      CR_NAME(name), pos));
	}
	spin_lock(&file->f_lock);
	file->f_flags |= flags & ignored;
	spin_unlock(&file->f_lock);
	return file;
}

const struct cr_file_type cr_unlinked_file = {
	.kind		= CR_FILE_SHM,
	.flags_lost	= O_TMPFILE,
	.match		= unlinked_match,
	.collect	= unlinked_collect,
	.outside	= unlinked_outside,
	.save		= unlinked_save,
	.restore	= unlinked_restore,
};
