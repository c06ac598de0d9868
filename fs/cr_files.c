// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptor tables: which number leads to which open file, whether execve()
 * closes it, the locks that belong to the table or its files (cr_lock.c), the
 * entries of the epolls that it leads to (cr_eventpoll.c).
 *
 * Refused: a table that a process outside the job uses.
 *
 * The object table holds no reference to a files_struct: one more user would
 * be seen by execve(), which would then copy the table and lose its locks. A
 * table is only looked at under task_lock, while its holder still uses it.
 *
 * Locks: task_lock over file_lock, for one descriptor at a time.
 */
#include <linux/fs.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>

/* ---- sharing ---- */

static void *files_of(struct task_struct *task)
{
	return READ_ONCE(task->files);
}

static bool is_in_job(struct cr_save *s, struct task_struct *task)
{
	struct cr_proc *proc;

	list_for_each_entry(proc, &s->procs, list)
		if (same_thread_group(proc->task, task))
			return true;
	return false;
}

/* Does a task outside the job use it? */
static bool share_is_outside(struct cr_save *s, struct cr_obj *obj,
			     void *(*of)(struct task_struct *task))
{
	struct task_struct *p, *t;
	bool found = false;

	rcu_read_lock();
	for_each_process_thread(p, t)
		found |= of(t) == obj->ptr && !is_in_job(s, t);
	rcu_read_unlock();
	return found;
}

void cr_share_check(struct cr_save *s, struct cr_obj *obj,
		    void *(*of)(struct task_struct *task), u32 users)
{
	struct task_struct *t;
	struct cr_proc *proc;
	u32 own = 0;

	if (users <= obj->refs)
		return;
	/* a running job makes threads and loses some, counted but not seen */
	rcu_read_lock();
	list_for_each_entry(proc, &s->procs, list)
		for_each_thread(proc->task, t)
			own += of(t) == obj->ptr;
	rcu_read_unlock();
	if (users > own && (s->still || share_is_outside(s, obj, of)))
		cr_refuse(s, obj->holder, "CR-ESHARE",
			  "%s shared with a process outside the job",
			  cr_obj_table[obj->type]->name);
}

/* ---- saving ---- */

static void files_none(struct cr_obj *obj)
{
	/* see above: no reference */
}

/**
 * struct files_entry - a descriptor, as files_next() finds it
 * @fd: its number
 * @cloexec: execve() closes it
 * @file: holds a reference
 * @id: restart: of its FILE
 */
struct files_entry {
	unsigned int fd;
	bool cloexec;
	u32 id;
	struct file *file;
};

/* The first descriptor from @entry->fd on. 1; 0: no more; -ESRCH: table gone */
static int files_next(const struct cr_obj *obj, struct files_entry *entry)
{
	struct files_struct *files = obj->ptr;
	struct fdtable *fdt;
	unsigned int fd;
	int ret = -ESRCH;

	entry->file = NULL;
	task_lock(obj->holder);
	if (obj->holder->files != files)
		goto out;
	spin_lock(&files->file_lock);
	fdt = files_fdtable(files);
	for (fd = entry->fd; fd < fdt->max_fds; fd++) {
		fd = find_next_bit(fdt->open_fds, fdt->max_fds, fd);
		if (fd >= fdt->max_fds)
			break;
		/* a number may be reserved, with no file yet */
		entry->file = files_lookup_fd_locked(files, fd);
		if (entry->file)
			break;
	}
	if (entry->file) {
		get_file(entry->file);
		entry->cloexec = test_bit(fd, fdt->close_on_exec);
		entry->fd = fd;
	}
	spin_unlock(&files->file_lock);
	ret = !!entry->file;
out:
	task_unlock(obj->holder);
	return ret;
}

static void files_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct files_entry entry = {};

	while (files_next(obj, &entry) > 0) {
		cr_file_collect(s, entry.file, obj->holder, entry.fd);
		fput(entry.file);
		entry.fd++;
		if (fatal_signal_pending(current)) {
			cr_fail(s, -EINTR);
			break;
		}
		cond_resched();
	}
}

static void files_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct files_struct *files = obj->ptr;
	u32 users = 0;

	task_lock(obj->holder);
	if (obj->holder->files == files)
		users = atomic_read(&files->count);
	task_unlock(obj->holder);
	cr_share_check(s, obj, files_of, users);
}

static void fd_save(struct cr_save *s, struct cr_obj *obj,
		    const struct files_entry *entry)
{
	struct cr_rec_fd rec = {
		.fd = cpu_to_le32(entry->fd),
		.file = cpu_to_le32(cr_obj_id(s, CR_OBJ_FILE, entry->file)),
		.cloexec = cpu_to_le32(entry->cloexec),
	};

	cr_write_detail(s, obj, CR_REC_FD, &rec, sizeof(rec), NULL, 0);
}

/* The record says how many details follow; so it takes several rounds */
static void files_save(struct cr_save *s, struct cr_obj *obj)
{
	u32 nr_fds = 0, nr_locks = 0, nr_epitems = 0;
	struct cr_rec_files rec = {};
	struct files_entry entry;
	int ret;

	for (entry.fd = 0; files_next(obj, &entry) > 0; entry.fd++) {
		nr_fds++;
		nr_locks += cr_locks_count(s, obj, entry.file, entry.fd);
		nr_epitems += cr_epitems_count(s, obj, entry.file, entry.fd);
		fput(entry.file);
	}
	rec.nr_fds = cpu_to_le32(nr_fds);
	rec.nr_locks = cpu_to_le32(nr_locks);
	rec.nr_epitems = cpu_to_le32(nr_epitems);
	cr_write_obj(s, obj, &rec, sizeof(rec), NULL, 0);
	for (entry.fd = 0; files_next(obj, &entry) > 0; entry.fd++) {
		fd_save(s, obj, &entry);
		fput(entry.file);
		nr_fds--;
	}
	for (entry.fd = 0; files_next(obj, &entry) > 0; entry.fd++) {
		nr_locks -= cr_locks_save(s, obj, entry.file, entry.fd);
		fput(entry.file);
	}
	for (entry.fd = 0; (ret = files_next(obj, &entry)) > 0; entry.fd++) {
		nr_epitems -= cr_epitems_save(s, obj, entry.file, entry.fd);
		fput(entry.file);
	}
	if (!s->err && (ret || nr_fds || nr_locks || nr_epitems))
		cr_err(&s->log, cr_fail(s, -ESRCH),
		       "pid %d (%s): its descriptors have changed while it was saved",
		       task_tgid_vnr(obj->holder), obj->holder->comm);
}

/* ---- restart ---- */

/**
 * struct files_table - a descriptor table that is ready to be installed
 * @nr: number of entries
 * @entry: ascending; each file with a reference
 *
 * Owner: cr_restart.objs. The loader makes it, because only the loader has the
 * restarter's descriptors; tasks do not change it.
 */
struct files_table {
	u32 nr;
	struct files_entry entry[];
};

static void files_drop(void *ptr)
{
	struct files_table *table = ptr;
	u32 i;

	for (i = 0; i < table->nr && table->entry[i].file; i++)
		fput(table->entry[i].file);
	kvfree(table);
}

/* Id of the leader's table; 0: it is a zombie */
static u32 leader_files(struct cr_restart *r)
{
	u32 thread = r->img.leader + 1;
	struct cr_rec_thread rec;
	struct cr_view view;

	/* the first thread of a process follows it */
	if (thread > r->img.nr_objects ||
	    r->img.objs[thread].type != CR_REC_THREAD)
		return 0;
	cr_read_obj(&r->img, thread, &view, &rec, sizeof(rec));
	return le32_to_cpu(rec.files);
}

/* Does descriptor @fd of the job's leader lead to @file? */
static bool leader_has(struct cr_restart *r, u32 fd, u32 file)
{
	u32 files = leader_files(r);
	struct cr_detail_iter it;
	struct cr_rec_fd rec;

	if (!files)
		return false;
	cr_for_each_detail(&r->img, files, &it) {
		if (it.view.type != CR_REC_FD)
			break;
		cr_detail(&it, &rec, sizeof(rec));
		if (le32_to_cpu(rec.fd) >= fd)
			return le32_to_cpu(rec.fd) == fd &&
			       le32_to_cpu(rec.file) == file;
	}
	return false;
}

/* The open file for a descriptor, with a reference */
static struct file *entry_file(struct cr_restart *r, u32 fd, u32 id)
{
	struct file *file = NULL;
	struct cr_rec_file rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	if (le32_to_cpu(rec.kind) == CR_FILE_OUTSIDE && leader_has(r, fd, id))
		file = cr_outside_get(&rec, fd);
	return file ?: get_file(cr_restart_get(r, id));
}

static int files_restore(struct cr_restart *r, u32 id)
{
	struct files_table *table;
	struct files_entry *entry;
	struct cr_detail_iter it;
	struct cr_rec_files files;
	struct cr_rec_fd rec;
	struct cr_view view;
	u32 nr;

	cr_read_obj(&r->img, id, &view, &files, sizeof(files));
	nr = le32_to_cpu(files.nr_fds);
	table = kvzalloc(struct_size(table, entry, nr), GFP_KERNEL_ACCOUNT);
	if (!table)
		return cr_err(&r->log, -ENOMEM, "no memory for %u descriptors",
			      nr);
	table->nr = nr;
	entry = table->entry;
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_FD)
			break;
		cr_detail(&it, &rec, sizeof(rec));
		entry->fd = le32_to_cpu(rec.fd);
		entry->cloexec = le32_to_cpu(rec.cloexec);
		entry->id = le32_to_cpu(rec.file);
		entry->file = entry_file(r, entry->fd, entry->id);
		entry++;
		if (fatal_signal_pending(current)) {
			files_drop(table);
			return -EINTR;
		}
		cond_resched();
	}
	cr_restart_set(r, id, table);
	return 0;
}

/*
 * A descriptor may be beyond the soft limit, which is lowered again when the
 * saved limits are set, and beyond the hard limit for who may raise it.
 */
static int nofile_raise(struct cr_restart *r, unsigned int fd)
{
	struct rlimit *rlim = &current->signal->rlim[RLIMIT_NOFILE];

	if (fd >= rlimit_max(RLIMIT_NOFILE) && !capable(CAP_SYS_RESOURCE))
		return cr_err(&r->log, -EMFILE,
			      "fd %u: more than the limit of open files (%lu)",
			      fd, rlimit_max(RLIMIT_NOFILE));
	task_lock(current->group_leader);
	if (fd >= rlim->rlim_cur)
		WRITE_ONCE(rlim->rlim_cur, fd + 1UL);
	task_unlock(current->group_leader);
	return 0;
}

static int locks_restore(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_lock rec;
	int err = 0;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_LOCK)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		err = cr_lock_restore(r, &rec);
		if (err)
			break;
		cond_resched();
	}
	return err;
}

/*
 * The file that an epoll's entry for @fd watches: if the number still leads to
 * it, just that one, which for the outside may differ from number to number.
 */
static struct file *watched_file(struct cr_restart *r, const void *data,
				 unsigned int fd, u32 id)
{
	const struct files_table *table = data;
	u32 low = 0, high = table->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (table->entry[mid].fd < fd)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < table->nr && table->entry[low].fd == fd &&
	    table->entry[low].id == id)
		return table->entry[low].file;
	return cr_restart_get(r, id);
}

/* @first takes the first EPITEM, all numbers are below the limit. 0: none */
static int epitems_begin(struct cr_restart *r, u32 id,
			 struct cr_detail_iter *first)
{
	struct cr_detail_iter it;
	struct cr_rec_epitem rec;
	bool found = false;
	/* and one for the epoll */
	u32 fd = 1;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_EPITEM)
			continue;
		if (!found)
			*first = it;
		found = true;
		cr_detail(&it, &rec, sizeof(rec));
		fd = max(fd, le32_to_cpu(rec.fd));
	}
	return found ? nofile_raise(r, fd) ?: 1 : 0;
}

static int epitems_restore(struct cr_restart *r, u32 id,
			   const struct files_table *table)
{
	struct cr_detail_iter first;
	int ret = epitems_begin(r, id, &first);

	return ret > 0 ? cr_epitems_restore(r, &first, watched_file, table) :
			 ret;
}

int cr_files_adopt(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter first;
	int ret = epitems_begin(r, id, &first);

	return ret > 0 ? cr_epitems_adopt(r, &first) : ret;
}

/* In a process of the job; its descriptor table is empty */
int cr_files_restore(struct cr_restart *r, u32 id)
{
	const struct files_table *table = cr_restart_get(r, id);
	u32 i;
	int err;

	if (id == leader_files(r))
		cr_pipes_settle(r);
	if (!table->nr)
		return 0;
	err = epitems_restore(r, id, table) ?:
	      nofile_raise(r, table->entry[table->nr - 1].fd);
	/* from the highest down: the kernel's table grows but once */
	for (i = table->nr; i > 0 && !err; i--) {
		const struct files_entry *entry = &table->entry[i - 1];

		err = replace_fd(entry->fd, entry->file,
				 entry->cloexec ? O_CLOEXEC : 0);
		if (err)
			cr_err(&r->log, err, "fd %u: cannot be installed (%pe)",
			       entry->fd, ERR_PTR(err));
		cond_resched();
	}
	return err ?: locks_restore(r, id);
}

const struct cr_obj_ops cr_files_ops = {
	.name		= "descriptor table",
	.rec		= CR_REC_FILES,
	.get		= files_none,
	.put		= files_none,
	.collect	= files_collect,
	.outside	= files_outside,
	.save		= files_save,
	.restore	= files_restore,
	.drop		= files_drop,
};
