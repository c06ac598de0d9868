// SPDX-License-Identifier: GPL-2.0
/*
 * Files and directories of procfs that are open for reading: of which task of the
 * job, or of none, and what path below that. Their contents are what the kernel
 * says when they are read.
 *
 * They are opened by the caller's own right, in the procfs that is mounted where
 * theirs was and is of the job's pid namespace: what is of no task at once; what
 * is of a task when all tasks stand there with their memory, which /proc/PID/maps
 * holds from then on. Until then the procfs itself, opened with O_PATH, is in its
 * place in all descriptor tables.
 *
 * A position is a number of bytes. A text that is made as a whole, as
 * /proc/PID/status is, and is half read, goes on in the line and column where it
 * was: lines before that may have become longer or shorter.
 *
 * Refused: open for writing; of tasks outside the job, or that have exited; of
 * memory, a root or mounts that the task has left since; memory itself, map_files,
 * net, ns; locked, or watched by an epoll. In place, at restart: of the leader's
 * other threads, and what is made of the leader's memory, descriptors and mounts
 * when it is opened or positioned.
 *
 * Locks: task_lock over an fs_struct's; a seq_file's mutex.
 */
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/cr_anon.h>
#include <linux/cr_build.h>
#include <linux/cr_kernel.h>

static bool procfile_match(struct file *file)
{
	const struct inode *inode = file_inode(file);

	return inode->i_sb->s_magic == PROC_SUPER_MAGIC &&
	       (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode));
}

/* ---- what a file holds of its task ---- */

/* Is taken when it is opened */
enum held {
	HELD_NONE,
	HELD_MM,	/* the mm is private_data */
	HELD_SEQ_MM,	/* it is in the seq_file's private data */
	HELD_MOUNTS,	/* mount namespace and root */
};

static const struct {
	const char *name;
	enum held held;
} held_by[] = {
	{ "environ",		HELD_MM },
	{ "auxv",		HELD_MM },
	{ "pagemap",		HELD_MM },
	{ "maps",		HELD_SEQ_MM },
	{ "smaps",		HELD_SEQ_MM },
	{ "smaps_rollup",	HELD_SEQ_MM },
	{ "numa_maps",		HELD_SEQ_MM },
	{ "mounts",		HELD_MOUNTS },
	{ "mountinfo",		HELD_MOUNTS },
	{ "mountstats",		HELD_MOUNTS },
};

static enum held procfile_holds(const char *below)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(held_by); i++)
		if (!strcmp(below, held_by[i].name))
			return held_by[i].held;
	return HELD_NONE;
}

/* A text that is made as a whole when the first of it is read; or NULL */
static struct seq_file *single_text(const struct file *file)
{
	struct seq_file *m = file->private_data;

	return file->f_op->llseek == seq_lseek &&
	       m->op->start == single_start ? m : NULL;
}

/* ---- saving ---- */

/**
 * struct place - where in a procfs a file is
 * @buf: to be kfree()d
 * @path: path from the root of the procfs: "/100/task/101/status"
 * @pid: task that it leads through, or 0
 * @tid: thread of it that it leads through, or 0
 * @below: path below these, or below the root: "status"
 */
struct place {
	char *buf;
	const char *path;
	u32 pid;
	u32 tid;
	const char *below;
};

/* A component that is a number: what is behind it, or NULL */
static const char *number_parse(const char *at, u32 *nr)
{
	*nr = 0;
	if (!isdigit(*at))
		return NULL;
	for (; isdigit(*at); at++) {
		if (*nr > PID_MAX_LIMIT)
			return NULL;
		*nr = *nr * 10 + (*at - '0');
	}
	if (*at && *at != '/')
		return NULL;
	return *at ? at + 1 : at;
}

/* 0 or -errno, without a message */
static int place_get(struct file *file, struct place *p)
{
	const char *at;

	memset(p, 0, sizeof(*p));
	p->buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!p->buf)
		return -ENOMEM;
	p->path = dentry_path_raw(file->f_path.dentry, p->buf, PATH_MAX);
	if (IS_ERR(p->path)) {
		kfree(p->buf);
		return PTR_ERR(p->path);
	}
	p->below = p->path + 1;
	at = number_parse(p->below, &p->pid);
	if (!at) {
		p->pid = 0;
		return 0;
	}
	p->below = at;
	if (strncmp(at, "task/", 5))
		return 0;
	at = number_parse(at + 5, &p->tid);
	if (at)
		p->below = at;
	else
		p->tid = 0;
	return 0;
}

static void place_put(struct place *p)
{
	kfree(p->buf);
}

static void procfile_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;

	if ((file->f_mode & FMODE_WRITE) || !(file->f_mode & FMODE_READ))
		cr_file_refuse(s, obj, "open for writing: not supported yet");
	else if (!(file->f_mode & FMODE_LSEEK) && READ_ONCE(file->f_pos))
		cr_file_refuse(s, obj, "has a position, and none can be set");
}

/* Task @nr of the job, with a reference; NULL: @why not */
static struct task_struct *task_inside(struct cr_save *s, u32 nr,
				       const char **why)
{
	struct task_struct *task = NULL;
	struct pid *pid;
	int inside;

	rcu_read_lock();
	pid = get_pid(find_pid_ns(nr, s->pid_ns));
	rcu_read_unlock();
	inside = pid ? cr_pid_is_inside(s, pid, PIDTYPE_PID) : -ESRCH;
	if (inside > 0)
		task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	if (task && !READ_ONCE(task->exit_state))
		return task;
	*why = task || inside < 0 ?
	       "of a task that has exited: not supported yet" :
	       "of a process outside the job";
	if (task)
		put_task_struct(task);
	return NULL;
}

/* The mm that it was opened for; compared only */
static const struct mm_struct *held_mm(struct file *file, enum held held)
{
	const struct cr_proc_maps *maps;

	if (held == HELD_MM)
		return file->private_data;
	maps = ((struct seq_file *)file->private_data)->private;
	return maps->inode == file_inode(file) ? maps->mm : NULL;
}

/* Is what it was opened for what the task has now? */
static bool held_is_present(struct file *file, enum held held,
			    struct task_struct *task)
{
	const struct cr_proc_mounts *mounts;
	struct path root = {};
	bool same = false;

	if (held == HELD_NONE)
		return true;
	task_lock(task);
	if (held != HELD_MOUNTS) {
		same = task->mm && held_mm(file, held) == task->mm;
	} else if (task->nsproxy && task->fs) {
		mounts = ((struct seq_file *)file->private_data)->private;
		get_fs_root(task->fs, &root);
		same = mounts->ns == task->nsproxy->mnt_ns &&
		       path_equal(&mounts->root, &root);
	}
	task_unlock(task);
	path_put(&root);
	return same;
}

static bool below_is(const char *below, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(below, name, len) && (!below[len] || below[len] == '/');
}

/* Why it is refused, as far as its task goes; NULL: it is not */
static const char *task_refused(struct cr_save *s, struct file *file,
				const struct place *p)
{
	enum held held = procfile_holds(p->below);
	struct task_struct *task;
	const char *why = NULL;

	task = task_inside(s, p->pid, &why);
	if (task && p->tid) {
		put_task_struct(task);
		task = task_inside(s, p->tid, &why);
	}
	if (!task)
		return why;
	if (below_is(p->below, "mem") || below_is(p->below, "map_files") ||
	    below_is(p->below, "net") || below_is(p->below, "ns"))
		why = "not supported yet";
	else if (!held_is_present(file, held, task))
		why = held == HELD_MOUNTS ?
		      "of mounts or a root that the task has left" :
		      "of memory that the task has left (execve)";
	put_task_struct(task);
	return why;
}

/* @name is that of a procfs' root, and then @path */
static bool name_ends(const char *name, const char *path)
{
	size_t len = strlen(name), tail = strlen(path);

	return !path[1] || (len >= tail && !strcmp(name + len - tail, path));
}

static void procfile_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct file *file = obj->ptr;
	const char *refused, *why;
	struct place p;
	int err;

	info->name = cr_path_name(s, &file->f_path, &why);
	if (!info->name)
		return;
	err = place_get(file, &p);
	if (err) {
		if (err == -ENOMEM)
			cr_fail(s, err);
		else
			cr_file_refuse(s, obj, "its name is too long");
		return;
	}
	if (proc_pid_ns(file_inode(file)->i_sb) != s->pid_ns)
		refused = "procfs of another pid namespace";
	else
		refused = p.pid ? task_refused(s, file, &p) : NULL;
	if (!refused)
		refused = why;
	if (!refused && !name_ends(info->name, p.path))
		refused = "in a part of procfs that is mounted elsewhere";
	if (refused)
		cr_file_refuse(s, obj, refused);
	place_put(&p);
}

static const char *procfile_save(struct cr_save *s, struct cr_obj *obj,
				 struct cr_rec_file *rec)
{
	/* of the moment at which somebody looked */
	rec->size = 0;
	rec->mtime_ns = 0;
	rec->ino = 0;
	return cr_named_save(s, obj, rec);
}

/*
 * Line and column of a position, where a number of bytes means little. The whole
 * text is in the buffer; how far it has been read is in m->from, and in the
 * position only as long as there was no restart
 */
static void line_save(struct file *file, struct cr_rec_procfile *rec)
{
	struct seq_file *m = single_text(file);
	u32 line = 0, column = 0;
	size_t i;

	if (!m)
		return;
	mutex_lock(&m->lock);
	if (m->index == 1 && m->read_pos == file->f_pos) {
		if (!m->count) {
			rec->flags = cpu_to_le32(CR_PROCFILE_END);
		} else {
			for (i = 0; i < m->from; i++) {
				column = m->buf[i] == '\n' ? 0 : column + 1;
				line += m->buf[i] == '\n';
			}
			rec->flags = cpu_to_le32(CR_PROCFILE_LINE);
			rec->line = cpu_to_le32(line);
			rec->column = cpu_to_le32(column);
		}
	}
	mutex_unlock(&m->lock);
}

static void procfile_details(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_rec_procfile rec = {};
	struct place p;
	int err;

	err = place_get(obj->ptr, &p);
	if (err) {
		cr_err(&s->log, cr_fail(s, err), "%s: %*pE: no path (%pe)",
		       cr_file_where(obj), CR_NAME(cr_file_info(obj)->name), ERR_PTR(err));
		return;
	}
	rec.pid = cpu_to_le32(p.pid);
	rec.tid = cpu_to_le32(p.tid);
	line_save(obj->ptr, &rec);
	cr_write_detail(s, obj, CR_REC_PROCFILE, &rec, sizeof(rec), p.below,
			strlen(p.below) + 1);
	place_put(&p);
}

/* ---- restart ---- */

/**
 * struct opening - a file that is to be opened
 * @r: the restart
 * @file: its FILE
 * @rec: its PROCFILE
 * @name: its path, which says where the procfs is; for messages
 * @below: path below the tasks
 */
struct opening {
	struct cr_restart *r;
	const struct cr_rec_file *file;
	struct cr_rec_procfile rec;
	const char *name;
	const char *below;
};

static void opening_init(struct opening *o, struct cr_restart *r,
			 const struct cr_rec_file *file)
{
	u32 id = le32_to_cpu(file->rec.id);
	struct cr_detail_iter it;
	struct cr_view view;

	o->r = r;
	o->file = file;
	cr_read_obj(&r->img, id, &view, NULL, 0);
	o->name = view.tail;
	cr_detail_first(&r->img, id, &it);
	cr_detail(&it, &o->rec, sizeof(o->rec));
	o->below = it.view.tail;
}

/* The procfs that it was in, by name, for names of the task that calls execve() */
static int procfs_find(const struct opening *o, struct path *root)
{
	size_t len = strlen(o->name), below = strlen(o->below);
	char dir[CR_PROCFILE_DIR_MAX], *name;
	struct super_block *sb;
	int err;

	len -= cr_procfile_dir(&o->rec, dir) + (below ? below + 1 : 0);
	name = kasprintf(GFP_KERNEL, "%.*s", len ? (int)len : 1,
			 len ? o->name : "/");
	if (!name)
		return -ENOMEM;
	err = kern_path(name, LOOKUP_DIRECTORY, root);
	if (err) {
		err = cr_err(&o->r->log, cr_name_err(err),
			     "%*pE: cannot be found (%pe)", CR_NAME(name),
			     ERR_PTR(err));
		goto out_free;
	}
	sb = root->dentry->d_sb;
	if (sb->s_magic != PROC_SUPER_MAGIC || !IS_ROOT(root->dentry))
		err = cr_err(&o->r->log, -ESTALE, "%*pE: no procfs is there",
			     CR_NAME(name));
	else if (proc_pid_ns(sb) != task_active_pid_ns(current))
		err = cr_err(&o->r->log, -EOPNOTSUPP,
			     "%*pE: is the procfs of another pid namespace",
			     CR_NAME(name));
	if (err)
		path_put(root);
out_free:
	kfree(name);
	return err;
}

/* Is the leader's, and what it says now is not what it will say of the leader */
static bool too_early(const struct opening *o, struct pid *pid)
{
	bool own;

	if (!o->r->in_place)
		return false;
	rcu_read_lock();
	own = pid_task(pid, PIDTYPE_PID) == current;
	rcu_read_unlock();
	return own && (procfile_holds(o->below) != HELD_NONE ||
		       !strncmp(o->below, "fdinfo/", 7) ||
		       (le64_to_cpu(o->file->pos) &&
			S_ISREG(le32_to_cpu(o->file->mode))));
}

/* Is task @nr there, with that number in this procfs? */
static int task_find(const struct opening *o, const struct path *root, u32 nr)
{
	struct pid *pid = cr_restart_pid(o->r, nr, PIDTYPE_PID);
	int err = 0;

	if (!pid)
		return cr_err(&o->r->log, -EOPNOTSUPP,
			      "%*pE: task %u is not there%s", CR_NAME(o->name),
			      nr, o->r->in_place ? " in time, in place" : "");
	if (pid_nr_ns(pid, proc_pid_ns(root->dentry->d_sb)) != nr)
		err = cr_err(&o->r->log, -EOPNOTSUPP,
			     "%*pE: task %u has another number there",
			     CR_NAME(o->name), nr);
	else if (too_early(o, pid))
		err = cr_err(&o->r->log, -EOPNOTSUPP,
			     "%*pE: cannot be opened in time, in place",
			     CR_NAME(o->name));
	put_pid(pid);
	return err;
}

/* From the root of the procfs; to be kfree()d */
static char *opening_path(const struct opening *o)
{
	char dir[CR_PROCFILE_DIR_MAX];

	if (!cr_procfile_dir(&o->rec, dir))
		return kstrdup(*o->below ? o->below : ".", GFP_KERNEL);
	if (!*o->below)
		return kstrdup(dir + 1, GFP_KERNEL);
	return kasprintf(GFP_KERNEL, "%s/%s", dir + 1, o->below);
}

/* Look before opening: it is in this procfs, and no link leads there */
static struct file *path_open(const struct opening *o, const struct path *root,
			      const char *name)
{
	const unsigned int later = O_NONBLOCK | O_NOFOLLOW | O_DIRECTORY;
	unsigned int flags = le32_to_cpu(o->file->open_flags) & CR_OPEN_FLAGS;
	umode_t type = le32_to_cpu(o->file->mode) & S_IFMT;
	struct file *file;
	struct path path;
	int err;

	err = vfs_path_lookup(root->dentry, root->mnt, name,
			      LOOKUP_NO_SYMLINKS, &path);
	if (err)
		return ERR_PTR(err);
	file = ERR_PTR(-ESTALE);
	if (path.dentry->d_sb != root->dentry->d_sb ||
	    (d_inode(path.dentry)->i_mode & S_IFMT) != type)
		goto out_path;
	file = file_open_root(root, name, (flags & ~later) | O_NONBLOCK |
			      O_NOFOLLOW | O_NOCTTY |
			      (S_ISDIR(type) ? O_DIRECTORY : 0), 0);
	if (IS_ERR(file))
		goto out_path;
	if (file_inode(file) != d_inode(path.dentry)) {
		fput(file);
		file = ERR_PTR(-ESTALE);
		goto out_path;
	}
	cr_file_set_flags(file, later, flags & later);
out_path:
	path_put(&path);
	return file;
}

static size_t line_find(const char *text, size_t len, u32 line, u32 column)
{
	const char *at = text, *end = text + len, *next;

	for (; line; line--) {
		at = memchr(at, '\n', end - at);
		if (!at)
			return len;
		at++;
	}
	next = memchr(at, '\n', end - at) ?: end;
	return min_t(size_t, column, next - at) + (at - text);
}

/* 0 or -errno, without a message. Nobody else has it open */
static int line_seek(const struct opening *o, struct file *file,
		     struct seq_file *m)
{
	loff_t ret;
	size_t len, at;

	/* behind the first byte: now the kernel has all of it */
	ret = vfs_llseek(file, 1, SEEK_SET);
	if (ret < 0)
		return ret;
	mutex_lock(&m->lock);
	len = m->from + m->count;
	at = le32_to_cpu(o->rec.flags) & CR_PROCFILE_END ? len :
	     line_find(m->buf, len, le32_to_cpu(o->rec.line),
		       le32_to_cpu(o->rec.column));
	m->from = at;
	m->count = len - at;
	m->read_pos = le64_to_cpu(o->file->pos);
	file->f_pos = m->read_pos;
	mutex_unlock(&m->lock);
	return 0;
}

static int procfile_seek(const struct opening *o, struct file *file)
{
	struct seq_file *m = single_text(file);
	int err;

	if (!m || !o->rec.flags || !o->file->pos)
		return cr_named_seek(o->r, o->file, file, o->name);
	err = line_seek(o, file, m);
	return err ? cr_err(&o->r->log, err,
			    "%*pE: cannot be positioned (%pe)",
			    CR_NAME(o->name), ERR_PTR(err)) : 0;
}

static struct file *procfile_open(const struct opening *o,
				  const struct path *root)
{
	char *path = opening_path(o);
	struct file *file;
	int err;

	if (!path)
		return ERR_PTR(-ENOMEM);
	file = path_open(o, root, path);
	/* no memory for a task's directory is ENOENT, too */
	if (file == ERR_PTR(-ENOENT))
		file = path_open(o, root, path);
	kfree(path);
	if (IS_ERR(file))
		return ERR_PTR(cr_err(&o->r->log, cr_name_err(PTR_ERR(file)),
				      "%*pE: cannot be opened (%pe)",
				      CR_NAME(o->name), file));
	err = procfile_seek(o, file);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

/* What is of no task; or what stands for it until the tasks are there */
static struct file *procfile_restore(struct cr_restart *r,
				     const struct cr_rec_file *rec,
				     const char *name)
{
	struct opening o;
	struct file *file;
	struct path root;
	int err;

	opening_init(&o, r, rec);
	err = procfs_find(&o, &root);
	if (err)
		return ERR_PTR(err);
	if (!o.rec.pid) {
		file = procfile_open(&o, &root);
	} else {
		file = dentry_open(&root, O_PATH, current_cred());
		if (IS_ERR(file))
			cr_err(&r->log, PTR_ERR(file),
			       "%*pE: its procfs cannot be opened (%pe)",
			       CR_NAME(name), file);
	}
	path_put(&root);
	return file;
}

static int procfile_finish(struct cr_restart *r, const struct cr_rec_file *rec,
			   struct file *standin)
{
	const struct path *root = &standin->f_path;
	u32 id = le32_to_cpu(rec->rec.id);
	struct opening o;
	struct file *file;
	int err;

	opening_init(&o, r, rec);
	if (!o.rec.pid)
		return 0;
	err = task_find(&o, root, le32_to_cpu(o.rec.pid));
	if (!err && o.rec.tid)
		err = task_find(&o, root, le32_to_cpu(o.rec.tid));
	if (err)
		return err;
	file = procfile_open(&o, root);
	if (IS_ERR(file))
		return PTR_ERR(file);
	cr_build_replace_file(r, standin, file);
	err = cr_scm_replace_file(r, id, file);
	cr_restart_set(r, id, file);
	fput(standin);
	return err;
}

const struct cr_file_type cr_procfile_file = {
	.kind		= CR_FILE_PROCFILE,
	.match		= procfile_match,
	.collect	= procfile_collect,
	.outside	= procfile_outside,
	.save		= procfile_save,
	.details	= procfile_details,
	.restore	= procfile_restore,
	.finish		= procfile_finish,
};
