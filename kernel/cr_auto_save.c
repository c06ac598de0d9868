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
 * Who may not be saved: a job that has a process that denies it (PR_SET_DUMPABLE),
 * among them all that have changed their credentials, or that is another user's.
 *
 * Locks: requests_lock for the list and for request.closed; satisfied_lock for
 * the list of these.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
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
#include <linux/cr_critical.h>
#include <linux/cr_isolate.h>
#include <linux/cr_keeper.h>
#include <linux/cr_kernel.h>
#include <linux/cr_save.h>
#include <linux/cr_task.h>
#include <linux/cr_tree.h>
#include "cr_auto_file.h"

#define SAVERS_MAX		4
#define SLOT_TIMEOUT_S		60
/* For another saver, a person's perhaps, to be done with the job */
#define CLAIM_TRIES		200
#define CLAIM_PAUSE_MS		50

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
 * @pattern: of the name (kmalloc)
 * @report: why it has failed (kvmalloc); NULL: see @err
 * @err: 0: the image is there, once @done
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
	char *pattern;
	char *report;
	int err;
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
	kfree(req->pattern);
	kvfree(req->report);
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

/* Of current's job, as declared or as the sysctl says; a reference */
static struct task_struct *leader_get(void)
{
	struct task_struct *task = cr_auto_job_leader(current), *parent;
	enum cr_auto_tree tree = cr_auto_tree();
	bool below;

	if (task) {
		read_lock(&tasklist_lock);
		below = cr_is_below(current->group_leader, task);
		read_unlock(&tasklist_lock);
		if (below)
			return task;
		put_task_struct(task);
	}
	task = current->group_leader;

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

/* Somebody else could choose where our files go */
static bool same_user(struct task_struct *task)
{
	const struct cred *cred;
	bool same;

	rcu_read_lock();
	cred = __task_cred(task);
	same = uid_eq(cred->uid, current_uid()) &&
	       uid_eq(cred->euid, current_euid()) &&
	       cred->user_ns == current_user_ns();
	rcu_read_unlock();
	return same;
}

/*
 * Where the job is; where the caller is, if the leader's first thread has exited,
 * or is another user's
 */
static void request_dirs(struct request *req)
{
	struct task_struct *task = req->leader;
	bool same = same_user(task);

	task_lock(task);
	if (task->fs && same) {
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

/* Takes over the reference of @leader. @info: NULL: there was no signal */
static struct request *request_create(struct task_struct *leader,
				      const char *pattern,
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
	if (info)
		req->cause.info = *info;
	req->cause.class = class;
	req->ns = current->nsproxy;
	get_nsproxy(req->ns);
	req->file_size = current->signal->rlim[RLIMIT_FSIZE];
	request_dirs(req);
	req->iso = cr_isolate_create();
	req->pattern = kstrdup(pattern, GFP_KERNEL);
	if (!req->iso || !req->pattern) {
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

/* The list has a reference, and the saver; requests_lock is held */
static void request_link(struct request *req)
{
	kref_get(&req->ref);
	kref_get(&req->ref);
	list_add_tail(&req->list, &requests);
}

/* A request that is not closed, with a reference: @fresh, unless there is one */
static struct request *request_add(struct request *fresh)
{
	struct request *req;

	spin_lock(&requests_lock);
	req = request_find(fresh->leader, true);
	if (!req) {
		req = fresh;
		request_link(req);
	}
	kref_get(&req->ref);
	spin_unlock(&requests_lock);
	return req;
}

/* False: there is another one of its job */
static bool request_add_only(struct request *req)
{
	bool only;

	spin_lock(&requests_lock);
	only = !request_find(req->leader, false);
	if (only)
		request_link(req);
	spin_unlock(&requests_lock);
	return only;
}

static void request_done(struct request *req, int err)
{
	request_strip(req);
	spin_lock(&requests_lock);
	list_del(&req->list);
	req->err = err;
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

static int job_save(struct request *req, struct cr_save *s, struct cr_target *t)
{
	int err;

	err = job_claim(s);
	if (err)
		return err;
	t->leader = req->leader;
	err = cr_target_create(t, req->pattern, &req->cause, &s->log);
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

static int request_serve(struct request *req, struct cr_save *s,
			  struct cr_target *t)
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
	if (err)
		swap(req->report, s->log.buf);
	job_release(req, s);
	if (!err)
		err = cr_target_publish(t);
	cr_target_put(t);
	return err;
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

/* Others may write to where nothing ever comes back from */
static int slot_get(void)
{
	unsigned long end = jiffies + SLOT_TIMEOUT_S * HZ;

	while (down_trylock(&savers)) {
		if (schedule_timeout_killable(HZ / 20))
			return -EINTR;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
	}
	return 0;
}

static int saver_run(struct request *req)
{
	struct cr_target *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct cr_save *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err = s && t ? saver_become(req) : -ENOMEM;

	if (!err)
		err = wait_event_killable(requests_wait, request_is_first(req));
	if (!err)
		err = slot_get();
	if (err) {
		cr_err(NULL, err, "pid %d (%s): not saved",
		       task_tgid_nr(req->leader), req->leader->comm);
	} else {
		err = request_serve(req, s, t);
		up(&savers);
	}
	kfree(s);
	kfree(t);
	return err;
}

static int saver(void *arg)
{
	struct request *req = arg;
	int err;

	__set_task_comm(current, "crimg", false);
	err = saver_run(req);
	/* whatever has happened, nobody waits for it any longer */
	cr_isolate_release(req->iso);
	request_done(req, err);
	request_put(req);
	module_put(THIS_MODULE);
	do_exit(0);
}

static void saver_work(struct work_struct *work)
{
	struct request *req = container_of(work, struct request, work);
	struct kernel_clone_args args = {
		/* a worker may wait for children of its own: not its parent */
		.flags = CLONE_VM | CLONE_PARENT | CLONE_UNTRACED |
			 CLONE_CLEAR_SIGHAND,
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
	request_done(req, pid);
	request_put(req);
	module_put(THIS_MODULE);
}

/* It is in the list: from here on it is the saver's, too */
static void request_start(struct request *req)
{
	__module_get(THIS_MODULE);
	queue_work(system_unbound_wq, &req->work);
}

/* Have the job saved, or be there when it is; with a reference. NULL: no memory */
static struct request *request_join(const kernel_siginfo_t *info,
				    enum cr_auto_class class)
{
	struct request *fresh, *req;
	char pattern[CR_PATTERN_MAX];

	cr_auto_pattern(current, pattern);
	fresh = request_create(leader_get(), pattern, info, class);
	if (!fresh)
		return NULL;
	req = request_add(fresh);
	if (req == fresh)
		request_start(req);
	request_put(fresh);
	/* others may have to get out of their sections first, and to need us for it */
	if (class != CR_AUTO_SAVE || !cr_critical_any())
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

int cr_auto_save_asked(const char *pattern, char **report)
{
	struct task_struct *leader;
	struct request *req;
	int err;

	leader = leader_get();
	/* who asks gets to see the image: others have to be his to look at */
	if (!same_thread_group(leader, current) &&
	    !ptrace_may_access(leader, PTRACE_MODE_ATTACH_REALCREDS)) {
		put_task_struct(leader);
		return -EPERM;
	}
	req = request_create(leader, pattern, NULL, CR_AUTO_NONE);
	if (!req)
		return -ENOMEM;
	/* another name is meant, so it is another image */
	if (!request_add_only(req)) {
		request_put(req);
		return -EBUSY;
	}
	request_start(req);
	err = cr_isolate_self(req->iso);
	if (!err && wait_event_killable(requests_wait, READ_ONCE(req->done)))
		err = -EINTR;
	if (!err) {
		err = req->err;
		swap(*report, req->report);
	}
	request_put(req);
	return err;
}

void cr_auto_save_exit(void)
{
	struct satisfied *had, *next;

	cr_target_exit();
	list_for_each_entry_safe(had, next, &all_satisfied, list)
		satisfied_forget(had);
}
