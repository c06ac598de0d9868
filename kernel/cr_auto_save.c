// SPDX-License-Identifier: GPL-2.0
/*
 * The saver of automatic images.
 *
 * A task of a job cannot save it: it stands still with all others. A process of
 * its own does, which is nobody's descendant but has the credentials, the
 * namespaces and the limit for files of the task that had the signal, and root
 * and current directory of the job. It may be killed like any process.
 *
 * An image of a job satisfies all who want one while it is not let go yet; who
 * comes later has the next. No more than SAVERS_MAX are written at once.
 *
 * The file has a hidden name until it is whole and on the disk.
 *
 * Who may not be saved: a job that has a process that denies it (PR_SET_DUMPABLE),
 * among them all that have changed their credentials, or that is another user's.
 *
 * Locks: requests_lock for the list and for request.closed; satisfied_lock and
 * generations_lock for their lists.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/ptrace.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_isolate.h>
#include <linux/cr_keeper.h>
#include <linux/cr_kernel.h>
#include <linux/cr_save.h>
#include <linux/cr_task.h>

#define SAVERS_MAX		4
/* For another saver, a person's perhaps, to be done with the job */
#define CLAIM_TRIES		200
#define CLAIM_PAUSE_MS		50
#define IMAGE_MODE		0700

/**
 * struct request - a job that is to be saved
 * @list: in requests
 * @ref: the saver's, the list's until it is done, and one for each who waits
 * @work: creates the saver
 * @leader: of the job; holds a reference
 * @cause: why
 * @ns: namespaces of the saver
 * @root: of the job
 * @pwd: of the job
 * @file_size: RLIMIT_FSIZE
 * @pattern: of the name
 * @iso: holds the job
 * @closed: the job is about to be let go: who comes now is too late
 * @done: the image is on the disk, or will never be
 */
struct request {
	struct list_head list;
	struct kref ref;
	struct work_struct work;
	struct task_struct *leader;
	struct cr_cause cause;
	struct nsproxy *ns;
	struct path root, pwd;
	struct rlimit file_size;
	char pattern[CR_PATTERN_MAX];
	struct cr_isolate *iso;
	bool closed;
	bool done;
};

static LIST_HEAD(requests);
static DEFINE_SPINLOCK(requests_lock);
static DECLARE_WAIT_QUEUE_HEAD(requests_wait);
static struct semaphore savers = __SEMAPHORE_INITIALIZER(savers, SAVERS_MAX);

bool cr_auto_allowed(struct task_struct *task)
{
	bool denies;

	task_lock(task);
	denies = task->mm && get_dumpable(task->mm) != SUID_DUMP_USER;
	task_unlock(task);
	return !denies && ptrace_may_access(task, PTRACE_MODE_READ_REALCREDS);
}

/* ---- the request ---- */

/* What only the saver needs, and others would find in use */
static void request_strip(struct request *req)
{
	path_put(&req->root);
	path_put(&req->pwd);
	memset(&req->root, 0, sizeof(req->root));
	memset(&req->pwd, 0, sizeof(req->pwd));
	if (req->ns)
		put_nsproxy(req->ns);
	req->ns = NULL;
}

static void request_free(struct kref *ref)
{
	struct request *req = container_of(ref, struct request, ref);

	cr_isolate_put(req->iso);
	request_strip(req);
	if (req->cause.task)
		put_task_struct(req->cause.task);
	if (req->leader)
		put_task_struct(req->leader);
	kfree(req);
}

static void request_put(struct request *req)
{
	kref_put(&req->ref, request_free);
}

static bool same_tree(struct task_struct *parent, enum cr_auto_tree tree)
{
	if (tree == CR_TREE_SESSION)
		return task_session(parent) == task_session(current);
	return tree == CR_TREE_GROUP &&
	       task_pgrp(parent) == task_pgrp(current);
}

/* Of current's job; a reference */
static struct task_struct *leader_get(void)
{
	struct task_struct *task = current->group_leader, *parent;
	enum cr_auto_tree tree = cr_auto_tree();

	read_lock(&tasklist_lock);
	for (;;) {
		parent = cr_parent(task)->group_leader;
		if (is_global_init(parent) || parent == &init_task ||
		    is_child_reaper(task_pid(parent)) ||
		    !same_tree(parent, tree) || cr_is_keeper(parent))
			break;
		task = parent;
	}
	get_task_struct(task);
	read_unlock(&tasklist_lock);
	return task;
}

/* Where the job is; where the caller is, if the leader's first thread has exited */
static void request_dirs(struct request *req)
{
	struct task_struct *task = req->leader;

	task_lock(task);
	if (task->fs) {
		get_fs_root(task->fs, &req->root);
		get_fs_pwd(task->fs, &req->pwd);
	}
	task_unlock(task);
	if (!req->root.mnt) {
		get_fs_root(current->fs, &req->root);
		get_fs_pwd(current->fs, &req->pwd);
	}
}

static void saver_work(struct work_struct *work);

/* Takes over the reference of @leader */
static struct request *request_create(struct task_struct *leader,
				      const kernel_siginfo_t *info,
				      enum cr_auto_class class)
{
	struct request *req = kzalloc(sizeof(*req), GFP_KERNEL);

	if (!req) {
		put_task_struct(leader);
		return NULL;
	}
	kref_init(&req->ref);
	INIT_WORK(&req->work, saver_work);
	req->leader = leader;
	req->cause.task = get_task_struct(current);
	req->cause.info = *info;
	req->cause.class = class;
	req->ns = current->nsproxy;
	get_nsproxy(req->ns);
	req->file_size = current->signal->rlim[RLIMIT_FSIZE];
	request_dirs(req);
	req->iso = cr_isolate_create();
	if (!req->iso || !cr_auto_pattern(req->pattern)) {
		request_put(req);
		return NULL;
	}
	return req;
}

/* requests_lock is held */
static struct request *request_find(struct task_struct *leader, bool open)
{
	struct request *req;

	list_for_each_entry(req, &requests, list)
		if (req->leader == leader && !(open && req->closed))
			return req;
	return NULL;
}

/* A request that is not closed, with a reference: @fresh, unless there is one */
static struct request *request_add(struct request *fresh)
{
	struct request *req;

	spin_lock(&requests_lock);
	req = request_find(fresh->leader, true);
	if (!req) {
		req = fresh;
		/* the list's, and the saver's */
		kref_get(&req->ref);
		kref_get(&req->ref);
		list_add_tail(&req->list, &requests);
	}
	kref_get(&req->ref);
	spin_unlock(&requests_lock);
	return req;
}

static void request_done(struct request *req)
{
	request_strip(req);
	spin_lock(&requests_lock);
	list_del(&req->list);
	req->done = true;
	spin_unlock(&requests_lock);
	wake_up_all(&requests_wait);
	request_put(req);
}

/* Nobody's image of this job is on its way that was wanted before */
static bool request_is_first(struct request *req)
{
	bool first;

	spin_lock(&requests_lock);
	first = request_find(req->leader, false) == req;
	spin_unlock(&requests_lock);
	return first;
}

/* ---- who has had what he asked for ---- */

/**
 * struct satisfied - a process whose signals have not been taken when its job was saved
 * @list: in all_satisfied
 * @pid: of the process; holds a reference
 * @signals: as bits
 * @req: that has made the image; holds a reference
 */
struct satisfied {
	struct list_head list;
	struct pid *pid;
	u64 signals;
	struct request *req;
};

static LIST_HEAD(all_satisfied);
static DEFINE_MUTEX(satisfied_lock);

static void satisfied_forget(struct satisfied *had)
{
	list_del(&had->list);
	put_pid(had->pid);
	request_put(had->req);
	kfree(had);
}

/* Without memory there is one image more */
static void satisfied_add(struct request *req, struct cr_proc *proc)
{
	struct satisfied *had = kzalloc(sizeof(*had), GFP_KERNEL);

	if (!had)
		return;
	had->pid = get_task_pid(proc->task, PIDTYPE_TGID);
	had->signals = proc->satisfied;
	kref_get(&req->ref);
	had->req = req;
	list_add(&had->list, &all_satisfied);
}

/* The job is about to be let go */
static void satisfied_note(struct request *req, struct cr_save *s)
{
	struct satisfied *had, *tmp;
	struct cr_proc *proc;

	mutex_lock(&satisfied_lock);
	list_for_each_entry_safe(had, tmp, &all_satisfied, list)
		if (!pid_has_task(had->pid, PIDTYPE_TGID))
			satisfied_forget(had);
	list_for_each_entry(proc, &s->procs, list)
		if (proc->satisfied)
			satisfied_add(req, proc);
	mutex_unlock(&satisfied_lock);
}

/* The request that @sig of current was for, with a reference; NULL: there is none */
static struct request *satisfied_take(int sig)
{
	struct request *req = NULL;
	struct satisfied *had;

	mutex_lock(&satisfied_lock);
	list_for_each_entry(had, &all_satisfied, list) {
		if (had->pid != task_tgid(current) ||
		    !(had->signals & BIT_ULL(sig - 1)))
			continue;
		had->signals &= ~BIT_ULL(sig - 1);
		req = had->req;
		kref_get(&req->ref);
		if (!had->signals)
			satisfied_forget(had);
		break;
	}
	mutex_unlock(&satisfied_lock);
	return req;
}

/* ---- generations: how many images a job has had ---- */

/**
 * struct generation - of one job
 * @list: in generations
 * @leader: holds a reference; without a task it is forgotten
 * @count: images
 */
struct generation {
	struct list_head list;
	struct pid *leader;
	u32 count;
};

static LIST_HEAD(generations);
static DEFINE_MUTEX(generations_lock);

static void generation_forget(struct generation *g)
{
	list_del(&g->list);
	put_pid(g->leader);
	kfree(g);
}

static struct generation *generation_find(struct pid *leader)
{
	struct generation *g, *tmp, *found = NULL;

	list_for_each_entry_safe(g, tmp, &generations, list) {
		if (g->leader == leader)
			found = g;
		else if (!pid_has_task(g->leader, PIDTYPE_TGID))
			generation_forget(g);
	}
	return found;
}

/* The number of the job's next image, from 1; 0: no memory. @used: it has been */
static u32 generation_next(struct task_struct *leader, bool used)
{
	struct pid *pid = get_task_pid(leader, PIDTYPE_TGID);
	struct generation *g;
	u32 count = 0;

	mutex_lock(&generations_lock);
	g = generation_find(pid);
	if (!g) {
		g = kzalloc(sizeof(*g), GFP_KERNEL);
		if (g) {
			g->leader = get_pid(pid);
			list_add(&g->list, &generations);
		}
	}
	if (g)
		count = 1 + (used ? g->count++ : g->count);
	mutex_unlock(&generations_lock);
	put_pid(pid);
	return count;
}

/* ---- the file ---- */

/**
 * struct target - where an image goes
 * @file: the file
 * @name: what it is to be called
 * @temp: what it is called
 */
struct target {
	struct file *file;
	char name[PATH_MAX];
	char temp[PATH_MAX];
};

/* DIR/NAME is DIR/.NAME.PID while it is written */
static int target_names(struct request *req, struct target *t)
{
	u32 generation = generation_next(req->leader, false);
	char *base;
	int err;

	if (!generation)
		return -ENOMEM;
	err = cr_auto_name(req->pattern, req->leader, &req->cause, generation,
			   t->name, sizeof(t->name));
	if (err)
		return err;
	base = strrchr(t->name, '/');
	base = base ? base + 1 : t->name;
	if (!*base)
		return -EISDIR;
	if (snprintf(t->temp, sizeof(t->temp), "%.*s.%s.%d",
		     (int)(base - t->name), t->name, base,
		     task_pid_nr(current)) >= sizeof(t->temp))
		return -ENAMETOOLONG;
	return 0;
}

/* As core(5) has it: new, nobody else's, and readable by nobody else */
static int target_verify(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode) || inode->i_nlink != 1 ||
	    !(file->f_mode & FMODE_CAN_WRITE))
		return -EINVAL;
	if (!uid_eq(inode->i_uid, current_fsuid()) ||
	    (inode->i_mode & 0777) != IMAGE_MODE)
		return -EPERM;
	return 0;
}

static void target_remove(struct target *t)
{
	do_unlinkat(AT_FDCWD, getname_kernel(t->temp));
}

static int target_create(struct request *req, struct cr_save *s,
			 struct target *t)
{
	int err;

	err = target_names(req, t);
	if (err)
		return cr_err(&s->log, err, "%s: gives no name", req->pattern);
	t->file = filp_open(t->temp, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW |
			    O_LARGEFILE, IMAGE_MODE);
	if (IS_ERR(t->file)) {
		err = PTR_ERR(t->file);
		t->file = NULL;
		return cr_err(&s->log, err, "%s: cannot be created (%pe)",
			      t->temp, ERR_PTR(err));
	}
	err = target_verify(t->file);
	if (err)
		return cr_err(&s->log, err, "%s: its file system does not keep owner and mode",
			      t->temp);
	return 0;
}

/* The name is on the disk, too, before anybody is told */
static int dir_sync(const char *name)
{
	struct path path, dir;
	struct file *file;
	int err;

	err = kern_path(name, 0, &path);
	if (err)
		return err;
	dir.mnt = path.mnt;
	dir.dentry = dget_parent(path.dentry);
	file = dentry_open(&dir, O_RDONLY | O_DIRECTORY, current_cred());
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
	} else {
		err = vfs_fsync(file, 0);
		fput(file);
	}
	dput(dir.dentry);
	path_put(&path);
	return err;
}

static int target_publish(struct request *req, struct target *t)
{
	int err;

	err = vfs_fsync(t->file, 0);
	if (!err)
		err = do_renameat2(AT_FDCWD, getname_kernel(t->temp), AT_FDCWD,
				   getname_kernel(t->name), 0);
	if (!err) {
		t->temp[0] = 0;
		generation_next(req->leader, true);
		err = dir_sync(t->name);
		/* not all can, and not everybody may read a directory */
		if (err == -EINVAL || err == -EACCES)
			err = 0;
	}
	if (err)
		cr_err(NULL, err, "%s: cannot be brought to the disk (%pe)",
		       t->name, ERR_PTR(err));
	return err;
}

/* ---- the saver ---- */

static int job_claim(struct cr_save *s)
{
	int tries = 0, err;

	cr_log_quiet(&s->log);
	do {
		s->log.len = 0;
		err = cr_claim(s);
	} while (err == -EBUSY && ++tries < CLAIM_TRIES &&
		 !schedule_timeout_killable(msecs_to_jiffies(CLAIM_PAUSE_MS)));
	cr_log_print(&s->log, 0, err);
	return err;
}

static int job_save(struct request *req, struct cr_save *s, struct target *t)
{
	int err;

	err = job_claim(s);
	if (err)
		return err;
	err = target_create(req, s, t);
	if (err)
		return err;
	err = cr_save_isolate(s, req->iso, 0);
	if (err)
		return err;
	return cr_save_image(s, req->iso, t->file);
}

/* Nobody joins any more; the job goes on, and others may save it */
static void job_release(struct request *req, struct cr_save *s)
{
	satisfied_note(req, s);
	spin_lock(&requests_lock);
	req->closed = true;
	spin_unlock(&requests_lock);
	cr_isolate_release(req->iso);
	cr_save_exit(s);
}

static void request_serve(struct request *req, struct cr_save *s,
			  struct target *t)
{
	int err;

	err = cr_save_init(s, req->leader);
	s->cause = &req->cause;
	s->log.what = "automatic save";
	if (!err)
		err = job_save(req, s, t);
	if (err && !s->log.buf)
		cr_err(&s->log, err, "pid %d (%s): not saved",
		       task_tgid_nr(req->leader), req->leader->comm);
	job_release(req, s);
	if (!err)
		err = target_publish(req, t);
	if (t->file && t->temp[0])
		target_remove(t);
	if (t->file)
		fput(t->file);
}

/* Like the task that had the signal, but where its job is */
static int saver_become(struct request *req)
{
	struct cred *cred = prepare_kernel_cred(req->cause.task);

	if (!cred)
		return -ENOMEM;
	commit_creds(cred);
	switch_task_namespaces(current, req->ns);
	req->ns = NULL;
	set_fs_root(current->fs, &req->root);
	set_fs_pwd(current->fs, &req->pwd);
	current->signal->rlim[RLIMIT_FSIZE] = req->file_size;
	return 0;
}

static void saver_run(struct request *req)
{
	struct target *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct cr_save *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err = s && t ? saver_become(req) : -ENOMEM;

	if (!err)
		err = wait_event_killable(requests_wait, request_is_first(req));
	if (!err)
		err = down_killable(&savers);
	if (err) {
		cr_err(NULL, err, "pid %d (%s): not saved",
		       task_tgid_nr(req->leader), req->leader->comm);
	} else {
		request_serve(req, s, t);
		up(&savers);
	}
	kfree(s);
	kfree(t);
}

static int saver(void *arg)
{
	struct request *req = arg;

	__set_task_comm(current, "crimg", false);
	saver_run(req);
	/* whatever has happened, nobody waits for it any longer */
	cr_isolate_release(req->iso);
	request_done(req);
	request_put(req);
	module_put(THIS_MODULE);
	do_exit(0);
}

static void saver_work(struct work_struct *work)
{
	struct request *req = container_of(work, struct request, work);
	struct kernel_clone_args args = {
		.flags = CLONE_VM | CLONE_UNTRACED | CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
		.fn = saver,
		.fn_arg = req,
	};
	pid_t pid = kernel_clone(&args);

	if (pid > 0)
		return;
	cr_err(NULL, pid, "pid %d (%s): no process can be created to save it",
	       task_tgid_nr(req->leader), req->leader->comm);
	cr_isolate_release(req->iso);
	request_done(req);
	request_put(req);
	module_put(THIS_MODULE);
}

/* Have the job saved, or be there when it is; with a reference. NULL: no memory */
static struct request *request_join(const kernel_siginfo_t *info,
				    enum cr_auto_class class)
{
	struct request *fresh, *req;

	fresh = request_create(leader_get(), info, class);
	if (!fresh)
		return NULL;
	req = request_add(fresh);
	if (req == fresh) {
		/* the saver's */
		__module_get(THIS_MODULE);
		queue_work(system_unbound_wq, &req->work);
	}
	request_put(fresh);
	cr_isolate_self(req->iso);
	return req;
}

void cr_auto_save(const kernel_siginfo_t *info, enum cr_auto_class class)
{
	struct request *req = satisfied_take(info->si_signo);

	if (!req)
		req = request_join(info, class);
	if (!req) {
		cr_err(NULL, -ENOMEM, "pid %d (%s): no memory to have it saved",
		       task_tgid_nr(current), current->comm);
		return;
	}
	/* the image is there when the process has ended */
	if (class != CR_AUTO_SAVE)
		wait_event_killable(requests_wait, READ_ONCE(req->done));
	request_put(req);
}

void cr_auto_save_exit(void)
{
	struct satisfied *had, *next;
	struct generation *g, *tmp;

	list_for_each_entry_safe(g, tmp, &generations, list)
		generation_forget(g);
	list_for_each_entry_safe(had, next, &all_satisfied, list)
		satisfied_forget(had);
}
