// SPDX-License-Identifier: GPL-2.0
/*
 * Files that have a name and that the image carries all the same, so that the
 * job restarts where they are missing or are others: executables, libraries and
 * whatever else is mapped and cannot be written to. A library that is upgraded,
 * another machine. Only for who asks: CR_SAVE_WITH_FILES.
 *
 * A copy of the whole file is an object, as the contents of an unlinked file
 * are. At restart the file itself is taken if it is what it was, by size and
 * modification time, so that its memory is shared with everybody else's. If
 * not, the copy becomes a file of the kernel's own tmpfs: in memory, without a
 * name that leads to it, owned by the restarter, without set-id bits. The job
 * that is saved again has an unlinked file there.
 *
 * Not carried: files that the job has opened for writing. Who saves must have
 * the right to read what is carried.
 *
 * Locks: none.
 */
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/cr_file.h>
#include <linux/cr_mm.h>

/* ---- saving ---- */

static bool is_carried(const struct cr_obj *obj)
{
	const struct file *file = obj->ptr;

	return cr_file_info(obj)->type == &cr_reg_file &&
	       (obj->flags & (CR_FILE_MAPPED | CR_FILE_EXE)) &&
	       !(file->f_mode & FMODE_WRITE);
}

/* Several openings of a file have one copy */
static void carried_add(struct cr_save *s, const struct cr_obj *file)
{
	struct cr_shm_info *info;
	struct cr_obj *obj;

	obj = cr_obj_add(s, CR_OBJ_SHM, cr_file_inode(file->ptr), file->holder,
			 0);
	if (!obj || obj->aux)
		return;
	info = kzalloc(sizeof(*info), GFP_KERNEL_ACCOUNT);
	if (!info) {
		cr_fail(s, -ENOMEM);
		return;
	}
	info->file = get_file(file->ptr);
	info->content = true;
	info->carried = true;
	obj->aux = info;
	info->name = kstrdup(cr_file_info(file)->name, GFP_KERNEL_ACCOUNT);
	if (!info->name)
		cr_fail(s, -ENOMEM);
}

int cr_carried_collect(struct cr_save *s)
{
	struct cr_obj *obj;

	list_for_each_entry(obj, &s->objs[CR_OBJ_FILE], list)
		if (is_carried(obj))
			carried_add(s, obj);
	return s->err;
}

struct cr_obj *cr_carried_find(struct cr_save *s, const struct cr_obj *file)
{
	return is_carried(file) ?
	       cr_obj_find(s, CR_OBJ_SHM, cr_file_inode(file->ptr)) : NULL;
}

/* Who watches the file, which can be the job, is not told */
static struct file *reader_open(const struct file *file)
{
	const struct path *path = file_user_path(file);
	int err = path_permission(path, MAY_READ);

	if (err)
		return ERR_PTR(err);
	return dentry_open(path, O_RDONLY | O_LARGEFILE | O_NOATIME |
			   __FMODE_NONOTIFY, current_cred());
}

static int carried_stat(const struct cr_shm_info *info, struct kstat *stat)
{
	return vfs_getattr(file_user_path(info->file), stat, STATX_BASIC_STATS,
			   AT_STATX_SYNC_AS_STAT);
}

void cr_carried_save(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_shm_info *info = cr_shm_info(obj);
	struct cr_rec_shm rec = { .kind = cpu_to_le32(CR_SHM_CARRIED) };
	struct file *reader = reader_open(info->file);
	struct kstat stat;
	int err;

	if (IS_ERR(reader)) {
		err = PTR_ERR(reader);
	} else {
		info->reader = reader;
		err = carried_stat(info, &stat);
	}
	if (err) {
		cr_err(&s->log, cr_fail(s, err),
		       "%*pE: cannot be carried along (%pe)",
		       CR_NAME(info->name), ERR_PTR(err));
		return;
	}
	info->size = stat.size;
	info->mtime_ns = timespec64_to_ns(&stat.mtime);
	rec.size = cpu_to_le64(info->size);
	rec.mode = cpu_to_le32(stat.mode & 0777);
	rec.mtime_ns = cpu_to_le64(info->mtime_ns);
	cr_write_obj(s, obj, &rec, sizeof(rec), info->name,
		     strlen(info->name) + 1);
}

static int carried_check(const struct cr_shm_info *info)
{
	struct kstat stat;
	int err = carried_stat(info, &stat);

	if (!err && (stat.size != info->size ||
		     timespec64_to_ns(&stat.mtime) != info->mtime_ns))
		err = -ESTALE;
	return err;
}

int cr_carried_verify(struct cr_save *s)
{
	struct cr_obj *obj;
	int err;

	list_for_each_entry(obj, &s->objs[CR_OBJ_SHM], list) {
		const struct cr_shm_info *info = cr_shm_info(obj);

		err = info->carried ? carried_check(info) : 0;
		if (err)
			return cr_err(&s->log, cr_fail(s, err), "%*pE: %s",
				      CR_NAME(info->name), err == -ESTALE ?
				      "was modified while it was saved" :
				      "cannot be looked at any more");
	}
	return s->err;
}

/* ---- restart ---- */

/* What reg_restore() will ask of it. 1, 0, or -ENOMEM: nobody knows */
static int path_fits(const struct path *path, const struct cr_rec_file *rec)
{
	bool exe = le32_to_cpu(rec->flags) & CR_FILE_EXE;
	struct kstat stat;
	int err;

	if (!S_ISREG(d_backing_inode(path->dentry)->i_mode))
		return 0;
	err = vfs_getattr(path, &stat, STATX_BASIC_STATS,
			  AT_STATX_SYNC_AS_STAT);
	if (err)
		return err == -ENOMEM ? err : 0;
	return stat.size == le64_to_cpu(rec->size) &&
	       timespec64_to_ns(&stat.mtime) == le64_to_cpu(rec->mtime_ns) &&
	       !path_permission(path, MAY_READ | (exe ? MAY_EXEC : 0)) &&
	       !(exe && path_noexec(path));
}

int cr_carried_is_here(const struct cr_rec_file *rec, const char *name)
{
	struct path path;
	int ret;

	ret = kern_path(name, 0, &path);
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	ret = path_fits(&path, rec);
	path_put(&path);
	return ret;
}

/* Made when the first file asks for it */
static int carried_create(struct cr_restart *r, u32 id)
{
	struct cr_rec_shm rec;
	struct cr_view view;
	struct file *file;
	const char *name;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	name = view.tail;
	file = shmem_file_setup(strrchr(name, '/') + 1, le64_to_cpu(rec.size),
				VM_NORESERVE);
	if (IS_ERR(file))
		return cr_err(&r->log, PTR_ERR(file),
			      "%*pE: no file can be made of its copy (%pe)",
			      CR_NAME(name), file);
	err = cr_pages_restore(r, id, file, NULL);
	if (!err)
		err = cr_content_finish(r, &rec, file, name);
	if (err)
		fput(file);
	else
		cr_restart_set(r, id, file);
	return err;
}

struct file *cr_carried_restore(struct cr_restart *r,
				const struct cr_rec_file *rec, const char *name)
{
	u32 id = le32_to_cpu(rec->obj);
	int err = cr_restart_get(r, id) ? 0 : carried_create(r, id);

	return err ? ERR_PTR(err) : cr_unlinked_restore(r, rec, name);
}
