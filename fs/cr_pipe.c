// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes. A pipe whose every end is held by the job is an object of its own: its
 * size and the bytes in flight are saved and it is made anew. If anything
 * outside holds an end, or shares the description of one, the pipe belongs to
 * the outside: the job's ends are bound to the restarter's (cr_outside.c).
 *
 * Several descriptions of one end (opened through /proc/PID/fd) are kept apart.
 * Bytes are put together into full pages: their boundaries cannot be seen.
 *
 * Refused: packet mode (O_DIRECT), notification pipes, FIFOs with a name.
 *
 * Locks: pipe->mutex, only when the job stands still: a task of the job may
 * hold it while it waits for memory.
 */
#include <linux/fs.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/highmem.h>
#include <linux/pipe_fs_i.h>
#include <linux/slab.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>

#define PIPE_OUTSIDE	0x1	/* cr_obj.flags of a PIPE */

/* ---- the pipe: saving ---- */

static void pipe_get(struct cr_obj *obj)
{
	ihold(obj->ptr);
}

static void pipe_put(struct cr_obj *obj)
{
	iput(obj->ptr);
}

/* The job's descriptions keep i_pipe alive: they are in the table, too */
static struct pipe_inode_info *pipe_info(const struct cr_obj *obj)
{
	const struct inode *inode = obj->ptr;

	return inode->i_pipe;
}

static void pipe_outside(struct cr_save *s, struct cr_obj *obj)
{
	if (READ_ONCE(pipe_info(obj)->files) != obj->refs)
		obj->flags |= PIPE_OUTSIDE;
}

/* All bytes in flight, in @buf of @size; pipe->mutex held. Number or -errno */
static ssize_t pipe_copy(struct pipe_inode_info *pipe, u8 *buf, size_t size)
{
	unsigned int mask = pipe->ring_size - 1;
	unsigned int tail;
	size_t done = 0;

	for (tail = pipe->tail; tail != pipe->head; tail++) {
		struct pipe_buffer *pb = &pipe->bufs[tail & mask];
		int err = pb->len ? pipe_buf_confirm(pipe, pb) : 0;
		size_t offset = pb->offset;
		size_t left = pb->len;

		if (err)
			return err;
		if (pb->flags & ~(PIPE_BUF_FLAG_LRU | PIPE_BUF_FLAG_GIFT |
				  PIPE_BUF_FLAG_CAN_MERGE))
			return -EOPNOTSUPP;
		if (left > size - done)
			return -E2BIG;
		/* a buffer may span the pages of a compound page */
		while (left) {
			size_t n = min(left, PAGE_SIZE - offset_in_page(offset));

			memcpy_from_page(buf + done,
					 nth_page(pb->page, offset >> PAGE_SHIFT),
					 offset_in_page(offset), n);
			done += n;
			offset += n;
			left -= n;
		}
	}
	return done;
}

static void pipe_write_bufs(struct cr_save *s, struct cr_obj *obj,
			    const u8 *buf, size_t len)
{
	size_t done, n;

	for (done = 0; done < len; done += n) {
		struct cr_rec_pipe_buf rec = {};

		n = min(len - done, PAGE_SIZE);
		rec.len = cpu_to_le32(n);
		cr_write_detail(s, obj, CR_REC_PIPE_BUF, &rec, sizeof(rec),
				buf + done, n);
	}
}

static void pipe_refuse(struct cr_save *s, struct cr_obj *obj, const char *why)
{
	const struct inode *inode = obj->ptr;

	cr_refuse(s, obj->holder, "CR-EPIPE", "pipe:[%lu]: %s", inode->i_ino,
		  why);
}

static void pipe_save(struct cr_save *s, struct cr_obj *obj)
{
	struct pipe_inode_info *pipe = pipe_info(obj);
	struct cr_rec_pipe rec = {};
	ssize_t len;
	size_t size;
	u8 *buf;

	if (obj->flags & PIPE_OUTSIDE)
		return;
	pipe_lock(pipe);
	size = (size_t)pipe->max_usage << PAGE_SHIFT;
	pipe_unlock(pipe);
	buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf) {
		cr_fail(s, -ENOMEM);
		return;
	}
	pipe_lock(pipe);
	if (pipe_has_watch_queue(pipe))
		len = -EOPNOTSUPP;
	else
		len = pipe_copy(pipe, buf, size);
	pipe_unlock(pipe);
	if (len == -EOPNOTSUPP) {
		pipe_refuse(s, obj, "packets or notifications: not supported yet");
	} else if (len == -E2BIG) {
		pipe_refuse(s, obj, "holds more than its size: not supported yet");
	} else if (len < 0) {
		cr_err(&s->log, cr_fail(s, len), "a pipe cannot be read (%pe)",
		       ERR_PTR(len));
	} else {
		rec.ring_size = cpu_to_le32(size >> PAGE_SHIFT);
		rec.nr_bufs = cpu_to_le32(DIV_ROUND_UP(len, PAGE_SIZE));
		cr_write_obj(s, obj, &rec, sizeof(rec), NULL, 0);
		pipe_write_bufs(s, obj, buf, len);
	}
	kvfree(buf);
}

/* ---- the pipe: restart ---- */

/**
 * struct pipe_ends - a restored pipe
 * @file: its reading and its writing end; NULL: closed by cr_pipes_settle()
 * @taken: a description of the job has become this very file
 *
 * Owner: cr_restart.objs.
 */
struct pipe_ends {
	struct file *file[2];
	bool taken[2];
};

static void pipe_drop(void *ptr)
{
	struct pipe_ends *ends = ptr;
	int i;

	for (i = 0; i < 2; i++)
		if (ends->file[i])
			fput(ends->file[i]);
	kfree(ends);
}

void cr_pipes_settle(struct cr_restart *r)
{
	struct pipe_ends *ends;
	struct file *file;
	u32 id;
	int i;

	for (id = 1; id <= r->img.nr_objects; id++) {
		cond_resched();
		if (r->img.objs[id].type != CR_REC_PIPE)
			continue;
		ends = cr_restart_get(r, id);
		for (i = 0; i < 2; i++) {
			file = ends->taken[i] ? NULL :
			       xchg(&ends->file[i], NULL);
			if (file)
				cr_file_put(file);
		}
	}
}

static int pipe_set_size(struct cr_restart *r, struct file *file, u32 slots)
{
	unsigned int size = slots << PAGE_SHIFT;
	long ret = pipe_fcntl(file, F_GETPIPE_SZ, 0);

	if (ret != size)
		ret = pipe_fcntl(file, F_SETPIPE_SZ, size);
	if (ret == size)
		return 0;
	if (ret >= 0)
		ret = -EINVAL;
	return cr_err(&r->log, ret, "pipe: cannot be made %u bytes large (%pe)",
		      size, ERR_PTR(ret));
}

/* The end does not block: what does not fit is an error */
static int pipe_fill(struct cr_restart *r, u32 id, struct file *file)
{
	struct cr_detail_iter it;

	cr_for_each_detail(&r->img, id, &it) {
		ssize_t n = kernel_write(file, it.view.tail, it.view.tail_len,
					 NULL);

		if (n == it.view.tail_len)
			continue;
		if (n >= 0 || n == -EAGAIN)
			n = -EBADMSG;
		return cr_err(&r->log, n, "pipe: cannot be filled (%pe)",
			      ERR_PTR(n));
	}
	return 0;
}

static int pipe_restore(struct cr_restart *r, u32 id)
{
	struct pipe_ends *ends;
	struct cr_rec_pipe rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	ends = kzalloc(sizeof(*ends), GFP_KERNEL_ACCOUNT);
	if (!ends)
		return -ENOMEM;
	err = create_pipe_files(ends->file, O_NONBLOCK);
	if (err) {
		kfree(ends);
		return cr_err(&r->log, err, "pipe: cannot be made (%pe)",
			      ERR_PTR(err));
	}
	/* as pipe() does */
	ends->file[0]->f_mode |= FMODE_NOWAIT;
	ends->file[1]->f_mode |= FMODE_NOWAIT;
	err = pipe_set_size(r, ends->file[1], le32_to_cpu(rec.ring_size)) ?:
	      pipe_fill(r, id, ends->file[1]);
	if (err)
		pipe_drop(ends);
	else
		cr_restart_set(r, id, ends);
	return err;
}

const struct cr_obj_ops cr_pipe_ops = {
	.name		= "pipe",
	.rec		= CR_REC_PIPE,
	.get		= pipe_get,
	.put		= pipe_put,
	.outside	= pipe_outside,
	.save		= pipe_save,
	.restore	= pipe_restore,
	.drop		= pipe_drop,
};

/* ---- its ends ---- */

static bool end_match(struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISFIFO(inode->i_mode) && inode->i_sb->s_magic == PIPEFS_MAGIC;
}

static void end_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;

	if (file->f_flags & O_DIRECT)
		cr_refuse(s, obj->holder, "CR-EPIPE",
			  "fd %d: pipe in packet mode: not supported yet",
			  obj->fd);
	cr_obj_add(s, CR_OBJ_PIPE, file_inode(file), obj->holder, 1);
}

static void end_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct inode *inode = file_inode(obj->ptr);
	struct cr_obj *pipe = cr_obj_find(s, CR_OBJ_PIPE, inode);

	if (!pipe)
		return;
	if (!(pipe->flags & PIPE_OUTSIDE) && cr_file_is_shared(obj))
		pipe->flags |= PIPE_OUTSIDE;
	info->name = kasprintf(GFP_KERNEL_ACCOUNT, "pipe:[%lu]", inode->i_ino);
	if (!info->name)
		cr_fail(s, -ENOMEM);
}

static const char *end_save(struct cr_save *s, struct cr_obj *obj,
			    struct cr_rec_file *rec)
{
	struct inode *inode = file_inode(obj->ptr);
	struct cr_obj *pipe = cr_obj_find(s, CR_OBJ_PIPE, inode);

	if (pipe && (pipe->flags & PIPE_OUTSIDE)) {
		rec->kind = cpu_to_le32(CR_FILE_OUTSIDE);
		rec->fd = cpu_to_le32(obj->fd);
	} else {
		rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_PIPE, inode));
	}
	return cr_file_info(obj)->name;
}

static struct file *end_restore(struct cr_restart *r,
				const struct cr_rec_file *rec, const char *name)
{
	const unsigned int known = O_ACCMODE | O_NONBLOCK | O_APPEND |
				   O_LARGEFILE;
	struct pipe_ends *ends = cr_restart_get(r, le32_to_cpu(rec->obj));
	unsigned int flags = le32_to_cpu(rec->open_flags) & known;
	unsigned int acc = flags & O_ACCMODE;
	struct file *file;

	if (acc == O_RDWR || ends->taken[acc]) {
		/* what opening /proc/PID/fd/N does */
		file = dentry_open(&ends->file[0]->f_path, flags,
				   current_cred());
		if (IS_ERR(file))
			cr_err(&r->log, PTR_ERR(file),
			       "%*pE: cannot be opened again (%pe)",
			       CR_NAME(name), file);
		return file;
	}
	file = get_file(ends->file[acc]);
	ends->taken[acc] = true;
	spin_lock(&file->f_lock);
	file->f_flags = flags;
	spin_unlock(&file->f_lock);
	return file;
}

const struct cr_file_type cr_pipe_file = {
	.kind		= CR_FILE_PIPE,
	.match		= end_match,
	.collect	= end_collect,
	.outside	= end_outside,
	.save		= end_save,
	.restore	= end_restore,
};
