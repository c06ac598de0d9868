// SPDX-License-Identifier: GPL-2.0
/*
 * Open files that no name leads to any more. Their contents are an object,
 * mm/cr_shm.c, which mappings of the same file lead to as well: a file of the
 * kernel's own tmpfs, or an unlinked one of any file system, fs/cr_content.c.
 *
 * Locks: none.
 */
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/cr_file.h>
#include <linux/cr_mm.h>

static bool unlinked_match(struct file *file)
{
	const char *why;

	return cr_file_is_shm(file, &why);
}

static void unlinked_collect(struct cr_save *s, struct cr_obj *obj)
{
	cr_shm_collect(s, obj->ptr, obj->holder);
}

static void unlinked_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	const char *why;

	cr_file_info(obj)->name = cr_path_name(s, file_user_path(file), &why);
}

static const char *unlinked_save(struct cr_save *s, struct cr_obj *obj,
				 struct cr_rec_file *rec)
{
	struct file *file = obj->ptr;

	rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_SHM, cr_file_inode(file)));
	rec->pos = cpu_to_le64(max_t(loff_t, file->f_pos, 0));
	return cr_file_info(obj)->name;
}

/* What is open for writing cannot become anybody's executable */
static int exe_settle(struct cr_restart *r, u32 id)
{
	struct file *shm = cr_restart_get(r, id), *reader;

	if (!(shm->f_mode & FMODE_WRITER))
		return 0;
	reader = dentry_open(&shm->f_path, O_RDONLY | O_LARGEFILE,
			     current_cred());
	if (IS_ERR(reader))
		return PTR_ERR(reader);
	cr_restart_set(r, id, reader);
	cr_file_silence(shm);
	cr_file_put(shm);
	return 0;
}

struct file *cr_unlinked_restore(struct cr_restart *r,
				 const struct cr_rec_file *rec,
				 const char *name)
{
	const unsigned int ignored = O_NOFOLLOW | O_DIRECTORY;
	struct file *shm = cr_restart_get(r, le32_to_cpu(rec->obj));
	unsigned int flags = le32_to_cpu(rec->open_flags) & CR_OPEN_FLAGS;
	loff_t pos = le64_to_cpu(rec->pos);
	struct file *file;
	int err;

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
	cr_file_set_flags(file, 0, flags & ignored);
	if (le32_to_cpu(rec->flags) & CR_FILE_EXE) {
		err = exe_settle(r, le32_to_cpu(rec->obj));
		if (err) {
			fput(file);
			return ERR_PTR(cr_err(&r->log, err,
					      "%*pE: cannot be made executable (%pe)",
					      CR_NAME(name), ERR_PTR(err)));
		}
	}
	return file;
}

const struct cr_file_type cr_unlinked_file = {
	.kind		= CR_FILE_SHM,
	.flags_lost	= O_TMPFILE,
	.match		= unlinked_match,
	.collect	= unlinked_collect,
	.outside	= unlinked_outside,
	.save		= unlinked_save,
	.restore	= cr_unlinked_restore,
};
