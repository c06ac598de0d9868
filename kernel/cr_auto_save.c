// SPDX-License-Identifier: GPL-2.0
/*
 * The saver of automatic images.
 *
 * A task of a job cannot save it: it stands still with all others. A process of
 * its own does, which is nobody's descendant but has the credentials, the
 * namespaces and the limit for files of the task that had the signal, and root
 * and current directory of the job. It may be killed like any process.
 *
 * Who may not be saved: a job that has a process that denies it (PR_SET_DUMPABLE),
 * among them all that have changed their credentials, or that is another user's.
 * But if fs.suid_dumpable says that root may have these, root has: then the saver
 * is root, and the image where the sysctl's absolute pattern says.
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
#include "cr_auto_request.h"

/* For another saver, a person's perhaps, to be done with the job */
#define CLAIM_TRIES		200
#define CLAIM_PAUSE_MS		50

static int dumpable_of(struct task_struct *task)
{
	int dumpable;

	task_lock(task);
	dumpable = task->mm ? get_dumpable(task->mm) : SUID_DUMP_USER;
	task_unlock(task);
	return dumpable;
}

bool cr_auto_allowed(const struct cr_cause *cause, struct task_struct *task)
{
	int dumpable = dumpable_of(task);

	if (dumpable != SUID_DUMP_USER &&
	    !(dumpable == SUID_DUMP_ROOT && cause->roots))
		return false;
	return ptrace_may_access(task, PTRACE_MODE_READ_REALCREDS);
}

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

static int job_save(struct cr_request *req, struct cr_save *s, struct cr_target *t)
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
static void job_release(struct cr_request *req, struct cr_save *s)
{
	cr_satisfied_note(req, s);
	cr_request_close(req);
	cr_isolate_release(req->iso);
	cr_save_exit(s);
}

static int request_serve(struct cr_request *req, struct cr_save *s,
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

/* Has the job a process of which nobody but root may have an image? 1, 0 or -errno */
static int job_is_roots(struct cr_request *req)
{
	struct cr_tree tree;
	unsigned int i;
	int ret;

	ret = cr_tree_get(req->leader, &tree);
	if (ret)
		return ret;
	for (i = 0; i < tree.nr && !ret; i++)
		ret = dumpable_of(tree.tasks[i]) == SUID_DUMP_ROOT;
	cr_tree_put(&tree);
	return ret;
}

/*
 * Nothing of where the image goes is the job's to say. What it says itself (of
 * a single job, or asked for by the job) is refused as any such process
 */
static int request_for_root(struct cr_request *req)
{
	struct task_struct *init = &init_task;
	char *pattern;

	pattern = kzalloc(CR_PATTERN_MAX, GFP_KERNEL);
	if (!pattern)
		return -ENOMEM;
	cr_auto_pattern_of_all(pattern);
	if (*pattern != '/') {
		kfree(pattern);
		return 0;
	}
	kfree(req->pattern);
	req->pattern = pattern;
	cr_request_strip(req);
	req->ns = init->nsproxy;
	get_nsproxy(req->ns);
	task_lock(init);
	get_fs_root(init->fs, &req->root);
	get_fs_root(init->fs, &req->pwd);
	task_unlock(init);
	req->cause.roots = true;
	return 0;
}

/* Like the task that had the signal, but where its job is; or root */
static int saver_become(struct cr_request *req)
{
	struct task_struct *like = req->cause.task;
	struct cred *cred;
	int ret = 0;

	if (req->cause.class != CR_AUTO_NONE)
		ret = job_is_roots(req);
	if (ret > 0)
		ret = request_for_root(req);
	if (ret)
		return ret;
	if (req->cause.roots)
		like = &init_task;
	cred = prepare_kernel_cred(like);
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

static int saver_run(struct cr_request *req)
{
	struct cr_target *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct cr_save *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err = s && t ? saver_become(req) : -ENOMEM;

	if (!err)
		err = cr_request_slot(req);
	if (err) {
		cr_err(NULL, err, "pid %d (%s): not saved",
		       task_tgid_nr(req->leader), req->leader->comm);
	} else {
		err = request_serve(req, s, t);
	}
	kfree(s);
	kfree(t);
	return err;
}

static int saver(void *arg)
{
	struct cr_request *req = arg;
	int err;

	__set_task_comm(current, "crimg", false);
	err = saver_run(req);
	/* whatever has happened, nobody waits for it any longer */
	cr_isolate_release(req->iso);
	cr_request_done(req, err);
	cr_request_put(req);
	module_put(THIS_MODULE);
	do_exit(0);
}

static void saver_work(struct work_struct *work)
{
	struct cr_request *req = container_of(work, struct cr_request, work);
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
	cr_request_done(req, pid);
	cr_request_put(req);
	module_put(THIS_MODULE);
}

/* It is in the list: from here on it is the saver's, too */
static void request_start(struct cr_request *req)
{
	__module_get(THIS_MODULE);
	queue_work(system_unbound_wq, &req->work);
}

/* ---- those who want it ---- */

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

/* Have the job saved, or be there when it is; with a reference. NULL: no memory */
static struct cr_request *request_join(const kernel_siginfo_t *info,
				    enum cr_auto_class class)
{
	struct cr_request *fresh, *req;
	char pattern[CR_PATTERN_MAX];

	cr_auto_pattern(current, pattern);
	fresh = cr_request_create(leader_get(), pattern, info, class,
				  saver_work);
	if (!fresh)
		return NULL;
	req = cr_request_add(fresh);
	if (req == fresh)
		request_start(req);
	cr_request_put(fresh);
	/* others may have to get out of their sections first, and to need us for it */
	if (class != CR_AUTO_SAVE || !cr_critical_any())
		cr_isolate_self(req->iso);
	return req;
}

void cr_auto_save(const kernel_siginfo_t *info, enum cr_auto_class class)
{
	struct cr_request *req = cr_satisfied_take(info->si_signo);

	if (!req)
		req = request_join(info, class);
	if (!req) {
		cr_err(NULL, -ENOMEM, "pid %d (%s): no memory to have it saved",
		       task_tgid_nr(current), current->comm);
		return;
	}
	/* the image is there when the process has ended */
	if (class != CR_AUTO_SAVE)
		cr_request_wait(req);
	cr_request_put(req);
}

int cr_auto_save_asked(const char *pattern, char **report)
{
	struct task_struct *leader;
	struct cr_request *req;
	int err;

	leader = leader_get();
	/* who asks gets to see the image: others have to be his to look at */
	if (!same_thread_group(leader, current) &&
	    !ptrace_may_access(leader, PTRACE_MODE_ATTACH_REALCREDS)) {
		put_task_struct(leader);
		return -EPERM;
	}
	req = cr_request_create(leader, pattern, NULL, CR_AUTO_NONE,
				saver_work);
	if (!req)
		return -ENOMEM;
	/* another name is meant, so it is another image */
	if (!cr_request_add_only(req)) {
		cr_request_put(req);
		return -EBUSY;
	}
	request_start(req);
	err = cr_isolate_self(req->iso);
	if (!err)
		err = cr_request_wait(req);
	if (!err) {
		err = req->err;
		swap(*report, req->report);
	}
	cr_request_put(req);
	return err;
}

void cr_auto_save_exit(void)
{
	cr_target_exit();
	cr_satisfied_exit();
}
