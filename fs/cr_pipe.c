// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes. A pipe whose every end is held by the job is an object of its own: its
 * size and the bytes in flight are saved and it is made anew. If anything
 * outside holds an end, or shares the description of one, the pipe belongs to
 * the outside: the job's ends are bound to the restarter's (cr_outside.c).
 *
 * Several descriptions of one end (opened through /proc/PID/fd) are kept apart.
 * Bytes are put together into full pages: their boundaries cannot be seen. Not
 * so where there are packets (O_DIRECT): then each buffer is kept as it is.
 *
 * A FIFO is such a pipe, too. Its openings are the matter of cr_fifo.c; its ends
 * outside the job are bound to nothing.
 *
 * Refused: notification pipes.
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
	/* the name of a FIFO */
	kfree(obj->aux);
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

bool cr_pipe_is_outside(const struct cr_obj *pipe)
{
	return pipe->flags & PIPE_OUTSIDE;
}

void cr_pipe_set_name(struct cr_save *s, struct cr_obj *pipe, const char *name)
{
	if (pipe->aux)
		return;
	pipe->aux = kstrdup(name, GFP_KERNEL_ACCOUNT);
	if (!pipe->aux)
		cr_fail(s, -ENOMEM);
}

/**
 * struct flight - what is in a pipe
 * @buf: all bytes
 * @size: room in @buf
 * @len: lengths of the buffers that they come from
 * @packet: bit n: buffer n is a packet
 * @nr: number of buffers that are not empty
 * @max: room in @len
 * @packets: there is one
 */
struct flight {
	u8 *buf;
	size_t size;
	u32 *len;
	unsigned long *packet;
	u32 nr;
	u32 max;
	bool packets;
};

static void flight_exit(struct flight *f)
{
	bitmap_free(f->packet);
	kvfree(f->len);
	kvfree(f->buf);
}

static int flight_init(struct flight *f, u32 slots)
{
	f->max = slots;
	f->size = (size_t)slots << PAGE_SHIFT;
	f->buf = kvmalloc(f->size, GFP_KERNEL_ACCOUNT);
	f->len = kvmalloc_array(slots, sizeof(*f->len), GFP_KERNEL_ACCOUNT);
	f->packet = bitmap_zalloc(slots, GFP_KERNEL_ACCOUNT);
	if (f->buf && f->len && f->packet)
		return 0;
	flight_exit(f);
	return -ENOMEM;
}

/* A buffer may span the pages of a compound page */
static void buffer_copy(const struct pipe_buffer *pb, u8 *to)
{
	size_t offset = pb->offset;
	size_t left, n;

	for (left = pb->len; left; left -= n) {
		n = min(left, PAGE_SIZE - offset_in_page(offset));
		memcpy_from_page(to, nth_page(pb->page, offset >> PAGE_SHIFT),
				 offset_in_page(offset), n);
		to += n;
		offset += n;
	}
}

/* All bytes in flight; pipe->mutex held. Their number or -errno */
static ssize_t pipe_copy(struct pipe_inode_info *pipe, struct flight *f)
{
	unsigned int mask = pipe->ring_size - 1;
	unsigned int tail;
	size_t done = 0;

	for (tail = pipe->tail; tail != pipe->head; tail++) {
		struct pipe_buffer *pb = &pipe->bufs[tail & mask];
		int err = pb->len ? pipe_buf_confirm(pipe, pb) : 0;

		if (err)
			return err;
		if (pb->flags & ~(PIPE_BUF_FLAG_LRU | PIPE_BUF_FLAG_GIFT |
				  PIPE_BUF_FLAG_CAN_MERGE |
				  PIPE_BUF_FLAG_PACKET))
			return -EOPNOTSUPP;
		if (!pb->len)
			continue;
		if (pb->len > f->size - done || f->nr == f->max)
			return -E2BIG;
		buffer_copy(pb, f->buf + done);
		done += pb->len;
		if (pb->flags & PIPE_BUF_FLAG_PACKET) {
			__set_bit(f->nr, f->packet);
			f->packets = true;
		}
		f->len[f->nr++] = pb->len;
	}
	return done;
}

/* Without packets: as few buffers as hold the bytes */
static int flight_merge(struct flight *f, size_t len)
{
	u32 i;

	if (f->packets) {
		for (i = 0; i < f->nr; i++)
			if (f->len[i] > PAGE_SIZE)
				return -E2BIG;
		return 0;
	}
	f->nr = DIV_ROUND_UP(len, PAGE_SIZE);
	for (i = 0; i < f->nr; i++)
		f->len[i] = min(len - i * PAGE_SIZE, PAGE_SIZE);
	return 0;
}

static void pipe_write_bufs(struct cr_save *s, struct cr_obj *obj,
			    const struct flight *f)
{
	const u8 *buf = f->buf;
	u32 i;

	for (i = 0; i < f->nr; i++) {
		struct cr_rec_pipe_buf rec = {
			.len = cpu_to_le32(f->len[i]),
			.flags = cpu_to_le32(test_bit(i, f->packet) ?
					     CR_PIPE_BUF_PACKET : 0),
		};

		cr_write_detail(s, obj, CR_REC_PIPE_BUF, &rec, sizeof(rec),
				buf, f->len[i]);
		buf += f->len[i];
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
	const char *name = obj->aux;
	struct cr_rec_pipe rec = {};
	struct flight f = {};
	ssize_t len;
	u32 slots;

	if (obj->flags & PIPE_OUTSIDE)
		return;
	pipe_lock(pipe);
	slots = pipe->max_usage;
	pipe_unlock(pipe);
	if (flight_init(&f, slots)) {
		cr_fail(s, -ENOMEM);
		return;
	}
	pipe_lock(pipe);
	if (pipe_has_watch_queue(pipe))
		len = -EOPNOTSUPP;
	else
		len = pipe_copy(pipe, &f);
	pipe_unlock(pipe);
	if (len >= 0)
		len = flight_merge(&f, len);
	if (len == -EOPNOTSUPP) {
		pipe_refuse(s, obj, "notifications: not supported yet");
	} else if (len == -E2BIG) {
		pipe_refuse(s, obj, "holds more than its size: not supported yet");
	} else if (len < 0) {
		cr_err(&s->log, cr_fail(s, len), "a pipe cannot be read (%pe)",
		       ERR_PTR(len));
	} else {
		rec.ring_size = cpu_to_le32(slots);
		rec.nr_bufs = cpu_to_le32(f.nr);
		cr_write_obj(s, obj, &rec, sizeof(rec), name,
			     name ? strlen(name) + 1 : 0);
		pipe_write_bufs(s, obj, &f);
	}
	flight_exit(&f);
}

/* ---- the pipe: restart ---- */

/**
 * struct pipe_ends - a restored pipe
 * @file: its reading and its writing end; NULL: closed by cr_pipes_settle().
 *	Of a FIFO the first is both
 * @taken: a description of the job has become this very file
 * @opened: FIFO: how often the job has it open
 * @inode: its inode, when that is not 0
 *
 * Owner: cr_restart.objs.
 */
struct pipe_ends {
	struct file *file[2];
	bool taken[2];
	u32 opened;
	struct inode *inode;
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

/* A packet that fits is put behind the bytes before it, unless told not to */
static void pipe_end_buffer(struct pipe_inode_info *pipe)
{
	pipe_lock(pipe);
	if (!pipe_empty(pipe->head, pipe->tail))
		pipe->bufs[(pipe->head - 1) & (pipe->ring_size - 1)].flags &=
			~PIPE_BUF_FLAG_CAN_MERGE;
	pipe_unlock(pipe);
}

/* Each write is a packet, or is not */
static void end_set_packets(struct file *file, bool packets)
{
	cr_file_set_flags(file, O_DIRECT, packets ? O_DIRECT : 0);
}

/* The end does not block: what does not fit is an error */
static int pipe_fill(struct cr_restart *r, u32 id, struct file *file)
{
	struct cr_detail_iter it;

	cr_for_each_detail(&r->img, id, &it) {
		struct cr_rec_pipe_buf rec;
		bool packet;
		ssize_t n;

		cr_detail(&it, &rec, sizeof(rec));
		packet = le32_to_cpu(rec.flags) & CR_PIPE_BUF_PACKET;
		if (packet)
			pipe_end_buffer(file->private_data);
		end_set_packets(file, packet);
		n = kernel_write(file, it.view.tail, it.view.tail_len, NULL);
		if (n == it.view.tail_len)
			continue;
		if (n >= 0 || n == -EAGAIN)
			n = -EBADMSG;
		return cr_err(&r->log, n, "pipe: cannot be filled (%pe)",
			      ERR_PTR(n));
	}
	return 0;
}

static int pipe_make(struct cr_restart *r, struct pipe_ends *ends)
{
	int err = create_pipe_files(ends->file, O_NONBLOCK);

	if (err) {
		/* it may have left its error there */
		ends->file[0] = NULL;
		return cr_err(&r->log, err, "pipe: cannot be made (%pe)",
			      ERR_PTR(err));
	}
	/* as pipe() does */
	ends->file[0]->f_mode |= CR_PIPE_FMODE;
	ends->file[1]->f_mode |= CR_PIPE_FMODE;
	return 0;
}

static int fifo_make(struct cr_restart *r, struct pipe_ends *ends,
		     const char *name)
{
	struct file *file = cr_fifo_open(r, name);

	if (IS_ERR(file))
		return PTR_ERR(file);
	ends->file[0] = file;
	return 0;
}

static int pipe_restore(struct cr_restart *r, u32 id)
{
	struct pipe_ends *ends;
	struct cr_rec_pipe rec;
	struct cr_view view;
	struct file *file;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	ends = kzalloc(sizeof(*ends), GFP_KERNEL_ACCOUNT);
	if (!ends)
		return -ENOMEM;
	err = view.tail_len ? fifo_make(r, ends, view.tail) :
			      pipe_make(r, ends);
	file = ends->file[1] ?: ends->file[0];
	if (!err)
		err = pipe_set_size(r, file, le32_to_cpu(rec.ring_size)) ?:
		      pipe_fill(r, id, file);
	if (err)
		pipe_drop(ends);
	else
		cr_restart_set(r, id, ends);
	return err;
}

bool cr_pipe_take(struct cr_restart *r, u32 id, const struct file *file)
{
	struct pipe_ends *ends = cr_restart_get(r, id);

	if (!ends->file[0] || file_inode(file) != file_inode(ends->file[0]))
		return false;
	ends->inode = file_inode(file);
	ends->opened++;
	return true;
}

/* Anybody may open a FIFO at any time: who has done so, has come too early */
static int pipe_finish(struct cr_restart *r, u32 id)
{
	struct pipe_ends *ends = cr_restart_get(r, id);
	struct cr_view view;
	u32 files;

	cr_read_obj(&r->img, id, &view, NULL, 0);
	if (!view.tail_len || !ends->opened)
		return 0;
	spin_lock(&ends->inode->i_lock);
	files = ends->inode->i_pipe->files;
	spin_unlock(&ends->inode->i_lock);
	if (files == ends->opened + !!ends->file[0])
		return 0;
	return cr_err(&r->log, -EBUSY,
		      "%*pE: FIFO that somebody opens while it is restored",
		      CR_NAME((const char *)view.tail));
}

const struct cr_obj_ops cr_pipe_ops = {
	.name		= "pipe",
	.rec		= CR_REC_PIPE,
	.get		= pipe_get,
	.put		= pipe_put,
	.outside	= pipe_outside,
	.save		= pipe_save,
	.restore	= pipe_restore,
	.finish		= pipe_finish,
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
	cr_obj_add(s, CR_OBJ_PIPE, file_inode(obj->ptr), obj->holder, 1);
}

static void end_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct inode *inode = file_inode(obj->ptr);
	struct cr_obj *pipe = cr_obj_find(s, CR_OBJ_PIPE, inode);

	if (!pipe)
		return;
	if (!(pipe->flags & PIPE_OUTSIDE) && cr_file_is_shared(s, obj))
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
	bool packets = le32_to_cpu(rec->open_flags) & O_DIRECT;
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
		else
			end_set_packets(file, packets);
		return file;
	}
	file = get_file(ends->file[acc]);
	ends->taken[acc] = true;
	cr_file_set_flags(file, ~0u, flags);
	end_set_packets(file, packets);
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
