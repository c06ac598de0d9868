// SPDX-License-Identifier: GPL-2.0
/*
 * Open file descriptions: what several descriptors, of one process or of many,
 * share: position, flags, and the file behind it. The table of kinds is here;
 * each kind is a row in a file of its own.
 *
 * A whitelist: what no row matches is refused by name, and so are features of
 * an open file that no record describes: flags that are not known, and some of
 * its locks (cr_lock.c), leases (cr_lease.c) and owners for signals
 * (cr_owner.c). Of what is only in flight (net/unix/cr_scm.c) there may be
 * nothing that descriptors account for: locks, O_ASYNC, the entries of an epoll.
 *
 * Not refused: a description that a process outside the job holds as well, as
 * the shell does in "{ ./job; } >log". The restarted job gets a description of
 * its own: from then on the outside moves another position than the job.
 *
 * Locks: none held over a call; while collecting, the job may run.
 */
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/cr_file.h>
#include <linux/cr_tree.h>

/* How often, and how long, to wait for a reference in passing to go away */
#define SHARED_TRIES	10
#define SHARED_WAIT_US	200

/* The first that matches: a regular file may be an unlinked one */
static const struct cr_file_type *const file_types[] = {
	&cr_opath_file,
	&cr_unlinked_file,
	&cr_reg_file,
	&cr_dir_file,
	&cr_chr_file,
	&cr_pty_master_file,
	&cr_pty_slave_file,
	&cr_pty_hungup_file,
	&cr_tty_file,
	&cr_pipe_file,
	&cr_fifo_file,
	&cr_unix_file,
	&cr_eventfd_file,
	&cr_timerfd_file,
	&cr_signalfd_file,
	&cr_epoll_file,
	&cr_inotify_file,
	&cr_pidfd_file,
	&cr_procfile_file,
};

static const struct cr_file_type *file_type(struct file *file)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(file_types); i++) {
		/* no other operation knows what to do with it */
		if ((file->f_mode & FMODE_PATH) && i)
			break;
		if (file_types[i]->match(file))
			return file_types[i];
	}
	return NULL;
}

void cr_file_refuse(struct cr_save *s, struct cr_obj *obj, const char *why)
{
	struct cr_file_info *info = cr_file_info(obj);
	char *buf = NULL;
	const char *name = info->name;

	if (!name) {
		buf = kmalloc(PATH_MAX, GFP_KERNEL);
		if (!buf) {
			cr_fail(s, -ENOMEM);
			return;
		}
		name = cr_file_describe(obj->ptr, info->type, buf, PATH_MAX);
	}
	if (obj->fd >= 0)
		cr_refuse(s, obj->holder, "CR-EFD", "%s: %*pE: %s",
			  cr_file_where(obj), CR_NAME(name), why);
	else
		cr_refuse(s, obj->holder, "CR-EVMA", "mapped file %*pE: %s",
			  CR_NAME(name), why);
	kfree(buf);
}

/* ---- saving ---- */

struct file_close {
	struct work_struct work;
	struct file *file;
};

static void file_close_work(struct work_struct *work)
{
	__fput_sync(container_of(work, struct file_close, work)->file);
}

/*
 * A user process closes a file on its way out of the kernel. That is too late
 * for what waits for it: the other end of a pipe, who wants a lock, ourselves
 * when we count the ends of a pipe. A kernel thread closes at once.
 */
void cr_file_put(struct file *file)
{
	struct file_close close = { .file = file };

	if (cr_file_put_shared(file))
		return;
	INIT_WORK_ONSTACK(&close.work, file_close_work);
	queue_work(system_unbound_wq, &close.work);
	flush_work(&close.work);
	destroy_work_on_stack(&close.work);
}

static int is_that_file(const void *that, struct file *file, unsigned int fd)
{
	return file == that;
}

/* Does a table that is not the job's lead to it? */
static bool table_outside_has(struct cr_save *s, struct file *file)
{
	struct task_struct *p, *t;
	struct files_struct *files;
	bool found = false;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		/* the threads of most processes share one */
		if (found || (t != p && READ_ONCE(t->files) == p->files))
			continue;
		task_lock(t);
		files = t->files;
		if (files && !cr_obj_find(s, CR_OBJ_FILES, files))
			found = iterate_fd(files, 0, is_that_file, file);
		task_unlock(t);
	}
	rcu_read_unlock();
	return found;
}

bool cr_file_is_shared(struct cr_save *s, const struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	int i;

	if (!s->still)
		return file_count(file) > obj->refs + 1 &&
		       table_outside_has(s, file);
	for (i = 0; i < SHARED_TRIES; i++) {
		if (file_count(file) == obj->refs + 1)
			return false;
		usleep_range(SHARED_WAIT_US, 2 * SHARED_WAIT_US);
	}
	return true;
}

static void file_get(struct cr_obj *obj)
{
	get_file(obj->ptr);
}

static void file_put(struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);

	if (info) {
		kfree(info->name);
		kfree(info->lease);
	}
	kfree(info);
	cr_file_put(obj->ptr);
}

static void file_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = kzalloc(sizeof(*info), GFP_KERNEL_ACCOUNT);

	if (!info) {
		cr_fail(s, -ENOMEM);
		return;
	}
	info->type = file_type(obj->ptr);
	strscpy(info->where, "mapped", sizeof(info->where));
	obj->aux = info;
}

/* The first that leads to it, a descriptor or a message, has been found */
static void opened_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct file *file = obj->ptr;

	if (!info->type) {
		cr_file_refuse(s, obj, "not supported yet");
		return;
	}
	if (file->f_flags & ~(CR_OPEN_FLAGS | FASYNC | info->type->flags_lost))
		cr_file_refuse(s, obj, "unknown open flags");
	cr_file_locks_collect(s, obj);
	if (info->type->collect)
		info->type->collect(s, obj);
}

/* The leader's lowest descriptor is the one that the restarter stands for */
static void file_set_fd(struct cr_obj *obj, struct task_struct *holder, int fd)
{
	get_task_struct(holder);
	put_task_struct(obj->holder);
	obj->holder = holder;
	obj->fd = fd;
	snprintf(cr_file_info(obj)->where, sizeof(cr_file_info(obj)->where),
		 "fd %d", fd);
}

void cr_file_collect(struct cr_save *s, struct file *file,
		     struct task_struct *holder, int fd)
{
	struct cr_obj *obj = cr_obj_add(s, CR_OBJ_FILE, file, holder, 1);

	if (!obj || !obj->aux)
		return;
	if (obj->fd < 0) {
		file_set_fd(obj, holder, fd);
		opened_collect(s, obj);
	} else if (cr_file_in_flight(obj) ||
		   (holder == cr_first_task(s) && obj->holder != holder)) {
		file_set_fd(obj, holder, fd);
	}
}

void cr_file_collect_flight(struct cr_save *s, struct file *file,
			    struct task_struct *holder, unsigned long ino)
{
	struct cr_obj *obj = cr_obj_add(s, CR_OBJ_FILE, file, holder, 1);
	struct cr_file_info *info;

	if (!obj || !obj->aux || obj->fd >= 0)
		return;
	file_set_fd(obj, holder, CR_FD_IN_FLIGHT);
	info = cr_file_info(obj);
	if (ino)
		snprintf(info->where, sizeof(info->where),
			 "in flight in socket:[%lu]", ino);
	else
		strscpy(info->where, "in flight in a UNIX socket",
			sizeof(info->where));
	opened_collect(s, obj);
}

/* Another opening of the same file that a mapping cannot tell from this one */
static struct cr_obj *mapped_find(struct cr_save *s, struct file *file)
{
	const struct path *path = file_user_path(file);
	struct cr_obj *obj;

	list_for_each_entry(obj, &s->objs[CR_OBJ_FILE], list) {
		const struct cr_file_info *info = cr_file_info(obj);
		const struct file *other = obj->ptr;
		const struct path *other_path = file_user_path(other);

		if (info && info->mapped && !info->apart &&
		    other_path->mnt == path->mnt &&
		    d_inode(other_path->dentry) == d_inode(path->dentry) &&
		    !((other->f_mode ^ file->f_mode) & FMODE_WRITE))
			return obj;
	}
	return NULL;
}

struct cr_obj *cr_file_collect_mapped(struct cr_save *s, struct file *file,
				      struct task_struct *holder, u32 flags)
{
	struct cr_obj *obj = cr_obj_find(s, CR_OBJ_FILE, file);
	struct cr_file_info *info;
	bool apart = false;

	/* one with a lock has that for itself */
	if (!obj) {
		apart = cr_file_is_locked(file) || cr_file_has_lease(file);
		if (!apart)
			obj = mapped_find(s, file);
	}
	if (!obj)
		obj = cr_obj_add(s, CR_OBJ_FILE, file, holder, 0);
	if (!obj)
		return NULL;
	info = cr_file_info(obj);
	if (!info)
		return NULL;
	info->apart |= apart;
	obj->flags |= flags;
	if (!info->mapped && info->type != &cr_reg_file &&
	    !(info->type == &cr_unlinked_file && (flags & CR_FILE_EXE)))
		cr_file_refuse(s, obj, "not supported yet");
	info->mapped = true;
	return obj;
}

u32 cr_file_mapped_id(struct cr_save *s, struct file *file)
{
	struct cr_obj *obj;

	if (!cr_obj_find(s, CR_OBJ_FILE, file)) {
		obj = mapped_find(s, file);
		if (obj)
			file = obj->ptr;
	}
	return cr_obj_id(s, CR_OBJ_FILE, file);
}

/* What the records of descriptor tables say of a file */
static void flight_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;

	if (cr_file_is_locked(file))
		cr_refuse(s, obj->holder, "CR-ELOCK",
			  "%s: %*pE: lock of a file that no descriptor leads to: not supported yet",
			  cr_file_where(obj),
			  CR_NAME(cr_file_info(obj)->name ?: "file"));
	if ((file->f_flags & FASYNC) && file->f_op->fasync)
		cr_file_refuse(s, obj,
			       "O_ASYNC of a file that no descriptor leads to: not supported yet");
	if (cr_file_info(obj)->type == &cr_epoll_file)
		cr_file_refuse(s, obj,
			       "epoll that no descriptor leads to: not supported yet");
}

static void file_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);

	if (!info || !info->type)
		return;
	if (info->type->outside)
		info->type->outside(s, obj);
	if (obj->fd >= 0)
		cr_owner_outside(s, obj);
	else
		cr_mapped_locks_outside(s, obj);
	cr_lease_outside(s, obj);
	if (cr_file_in_flight(obj))
		flight_outside(s, obj);
}

/* A mapping keeps only the access mode of the opening it was made from */
static u32 file_open_flags(const struct cr_obj *obj)
{
	const struct file *file = obj->ptr;

	if (obj->fd >= 0)
		return file->f_flags & CR_OPEN_FLAGS;
	return O_LARGEFILE | (file->f_mode & FMODE_WRITE ? O_RDWR : O_RDONLY);
}

static void file_save(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct file *file = obj->ptr;
	struct cr_rec_file rec = {};
	struct kstat stat;
	const char *tail;
	int err;

	err = vfs_getattr(file_user_path(file), &stat, STATX_BASIC_STATS,
			  AT_STATX_SYNC_AS_STAT);
	if (err) {
		cr_err(&s->log, cr_fail(s, err), "%s: %*pE: no status (%pe)",
		       cr_file_where(obj), CR_NAME(info->name ?: "file"),
		       ERR_PTR(err));
		return;
	}
	rec.kind = cpu_to_le32(info->type->kind);
	rec.flags = cpu_to_le32(obj->flags);
	rec.open_flags = cpu_to_le32(file_open_flags(obj));
	rec.mode = cpu_to_le32(stat.mode);
	rec.size = cpu_to_le64(stat.size);
	rec.mtime_ns = cpu_to_le64(timespec64_to_ns(&stat.mtime));
	rec.ino = cpu_to_le64(stat.ino);
	rec.dev = cpu_to_le64(new_encode_dev(stat.dev));
	rec.rdev = cpu_to_le64(new_encode_dev(stat.rdev));
	tail = info->type->save(s, obj, &rec);
	if (obj->fd >= 0)
		cr_owner_save(s, obj, &rec);
	if (!tail)
		return;
	cr_write_obj(s, obj, &rec, sizeof(rec), tail, strlen(tail) + 1);
	if (info->type->details)
		info->type->details(s, obj);
}

/* ---- restart ---- */

static const struct cr_file_type *file_type_of(u32 kind)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(file_types); i++)
		if (file_types[i]->kind == kind)
			return file_types[i];
	return NULL;
}

static int file_restore(struct cr_restart *r, u32 id)
{
	const struct cr_file_type *type;
	struct cr_rec_file rec;
	struct cr_view view;
	struct file *file;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	type = file_type_of(le32_to_cpu(rec.kind));
	if (!type)
		return cr_err(&r->log, -EOPNOTSUPP, "%*pE: file of kind %u",
			      CR_NAME((const char *)view.tail),
			      le32_to_cpu(rec.kind));
	file = type->restore(r, &rec, view.tail);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = cr_mapped_lock_restore(r, &rec, file, view.tail);
	if (err) {
		fput(file);
		return err;
	}
	cr_restart_set(r, id, file);
	return 0;
}

static int file_finish(struct cr_restart *r, u32 id)
{
	const struct cr_file_type *type;
	struct cr_rec_file rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	type = file_type_of(le32_to_cpu(rec.kind));
	return type && type->finish ?
	       type->finish(r, &rec, cr_restart_get(r, id)) : 0;
}

static void file_drop(void *ptr)
{
	fput(ptr);
}

const struct cr_obj_ops cr_file_ops = {
	.name		= "file",
	.rec		= CR_REC_FILE,
	.get		= file_get,
	.put		= file_put,
	.collect	= file_collect,
	.outside	= file_outside,
	.save		= file_save,
	.restore	= file_restore,
	.finish		= file_finish,
	.drop		= file_drop,
};
