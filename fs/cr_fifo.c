// SPDX-License-Identifier: GPL-2.0
/*
 * FIFOs: pipes that have names. What is in flight, and how large it may be, is
 * that of the pipe (cr_pipe.c); each opening is done again by the name that it
 * was opened by, of several links the same one, with the rights of who restarts.
 *
 * While they are opened the pipe object holds the FIFO open for reading and
 * writing, so nobody waits for a partner. For that it needs the right to do
 * both. A FIFO that somebody has open, or waits to open, is not touched: EBUSY;
 * so is the restart's end if somebody has opened it meanwhile.
 *
 * Refused: a FIFO that a process outside the job has open, too; one that no
 * name leads to any more.
 *
 * Locks: i_lock, shortly; pipe->mutex.
 */
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/pipe_fs_i.h>
#include <linux/slab.h>
#include <linux/cr_file.h>

/* ---- saving ---- */

static bool fifo_match(struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISFIFO(inode->i_mode) && cr_fs_keeps_data(inode->i_sb);
}

static void fifo_collect(struct cr_save *s, struct cr_obj *obj)
{
	cr_obj_add(s, CR_OBJ_PIPE, file_inode(obj->ptr), obj->holder, 1);
}

static void fifo_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct cr_obj *pipe = cr_obj_find(s, CR_OBJ_PIPE, file_inode(obj->ptr));

	cr_named_outside(s, obj);
	if (!pipe || !info->name)
		return;
	if (cr_pipe_is_outside(pipe) || cr_file_is_shared(s, obj))
		cr_refuse(s, obj->holder, "CR-EPIPE",
			  "%s: %*pE: FIFO that a process outside the job has open, too",
			  cr_file_where(obj), CR_NAME(info->name));
	else
		cr_pipe_set_name(s, pipe, info->name);
}

/* Until a writer has come, poll() does not say that all have gone */
static bool fifo_is_fresh(struct file *file)
{
	struct pipe_inode_info *pipe = file->private_data;
	bool fresh;

	pipe_lock(pipe);
	fresh = !(file->f_mode & FMODE_WRITE) && !pipe->writers &&
		cr_pipe_counter(file) == pipe->w_counter;
	pipe_unlock(pipe);
	return fresh;
}

static const char *fifo_save(struct cr_save *s, struct cr_obj *obj,
			     struct cr_rec_file *rec)
{
	rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_PIPE,
					 file_inode(obj->ptr)));
	if (fifo_is_fresh(obj->ptr))
		rec->flags |= cpu_to_le32(CR_FILE_FRESH);
	return cr_file_info(obj)->name;
}

/* ---- restart ---- */

/* Looked at before it is opened, which wakes up who waits for a partner */
static int fifo_look(struct cr_restart *r, const char *name)
{
	struct inode *inode;
	struct path path;
	int err;

	err = kern_path(name, 0, &path);
	if (err)
		return cr_err(&r->log, cr_name_err(err),
			      "%*pE: cannot be found (%pe)", CR_NAME(name),
			      ERR_PTR(err));
	inode = d_backing_inode(path.dentry);
	spin_lock(&inode->i_lock);
	if (!S_ISFIFO(inode->i_mode) || inode->i_sb->s_magic == PIPEFS_MAGIC)
		err = -ESTALE;
	else if (inode->i_pipe)
		err = -EBUSY;
	spin_unlock(&inode->i_lock);
	path_put(&path);
	if (err == -ESTALE)
		cr_err(&r->log, err, "%*pE: is no FIFO any more",
		       CR_NAME(name));
	else if (err)
		cr_err(&r->log, err, "%*pE: FIFO that somebody has open",
		       CR_NAME(name));
	return err;
}

struct file *cr_fifo_open(struct cr_restart *r, const char *name)
{
	struct file *file;
	int err;

	err = fifo_look(r, name);
	if (err)
		return ERR_PTR(err);
	file = filp_open(name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0);
	if (IS_ERR(file)) {
		cr_err(&r->log, PTR_ERR(file),
		       "%*pE: cannot be opened for reading and writing (%pe)",
		       CR_NAME(name), file);
		return file;
	}
	/* who watches it is told of the job's openings only */
	cr_file_silence(file);
	if (S_ISFIFO(file_inode(file)->i_mode))
		return file;
	fput(file);
	return ERR_PTR(cr_err(&r->log, -ESTALE,
			      "%*pE: changes while it is opened",
			      CR_NAME(name)));
}

static struct file *fifo_restore(struct cr_restart *r,
				 const struct cr_rec_file *rec,
				 const char *name)
{
	u32 flags = le32_to_cpu(rec->open_flags), id = le32_to_cpu(rec->obj);
	struct pipe_inode_info *pipe;
	struct cr_rec_file opened = *rec;
	struct file *file;

	/* it cannot be opened in packet mode, only told to go there */
	opened.open_flags = cpu_to_le32(flags & ~O_DIRECT);
	file = cr_named_restore(r, &opened, name);
	if (IS_ERR(file))
		return file;
	if (!cr_pipe_take(r, id, file)) {
		fput(file);
		return ERR_PTR(cr_err(&r->log, -ESTALE,
				      "%*pE: is another FIFO than when it was saved",
				      CR_NAME(name)));
	}
	pipe = file->private_data;
	pipe_lock(pipe);
	if (le32_to_cpu(rec->flags) & CR_FILE_FRESH)
		cr_pipe_counter(file) = pipe->w_counter;
	pipe_unlock(pipe);
	cr_file_set_flags(file, 0, flags & O_DIRECT);
	return file;
}

const struct cr_file_type cr_fifo_file = {
	.kind		= CR_FILE_FIFO,
	.match		= fifo_match,
	.collect	= fifo_collect,
	.outside	= fifo_outside,
	.save		= fifo_save,
	.restore	= fifo_restore,
};
