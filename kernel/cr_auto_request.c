// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs that are to be saved by themselves: between the threads that have had a
 * signal and the saver.
 *
 * An image of a job satisfies all who want one while it is not let go yet; who
 * comes later has the next. No more than SAVERS_MAX are written at once, and
 * SAVERS_USER_MAX of one user.
 *
 * Locks: requests_lock for the list, and for request.closed and .saving.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kernel.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/cr_isolate.h>
#include "cr_auto_request.h"

#define SAVERS_MAX		8
#define SAVERS_USER_MAX		4
#define SLOT_TIMEOUT_S		60

static LIST_HEAD(requests);
static DEFINE_SPINLOCK(requests_lock);
static DECLARE_WAIT_QUEUE_HEAD(requests_wait);

void cr_request_strip(struct cr_request *req)
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
	struct cr_request *req = container_of(ref, struct cr_request, ref);

	cr_isolate_put(req->iso);
	cr_request_strip(req);
	kfree(req->pattern);
	kvfree(req->report);
	if (req->cause.task)
		put_task_struct(req->cause.task);
	if (req->leader)
		put_task_struct(req->leader);
	kfree(req);
}

void cr_request_put(struct cr_request *req)
{
	kref_put(&req->ref, request_free);
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
static void request_dirs(struct cr_request *req)
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

struct cr_request *cr_request_create(struct task_struct *leader,
				     const char *pattern,
				     const kernel_siginfo_t *info,
				     enum cr_auto_class class, work_func_t work)
{
	struct cr_request *req = kzalloc(sizeof(*req), GFP_KERNEL);

	if (!req) {
		put_task_struct(leader);
		return NULL;
	}
	kref_init(&req->ref);
	INIT_WORK(&req->work, work);
	req->leader = leader;
	req->cause.task = get_task_struct(current);
	if (info)
		req->cause.info = *info;
	req->cause.class = class;
	req->ns = current->nsproxy;
	get_nsproxy(req->ns);
	req->file_size = current->signal->rlim[RLIMIT_FSIZE];
	req->uid = current_uid();
	request_dirs(req);
	req->iso = cr_isolate_create();
	req->pattern = kstrdup(pattern, GFP_KERNEL);
	if (!req->iso || !req->pattern) {
		cr_request_put(req);
		return NULL;
	}
	return req;
}

/* requests_lock is held */
static struct cr_request *request_find(struct task_struct *leader, bool open)
{
	struct cr_request *req;

	list_for_each_entry(req, &requests, list)
		if (req->leader == leader && !(open && req->closed))
			return req;
	return NULL;
}

/* The list has a reference, and the saver; requests_lock is held */
static void request_link(struct cr_request *req)
{
	kref_get(&req->ref);
	kref_get(&req->ref);
	list_add_tail(&req->list, &requests);
}

struct cr_request *cr_request_add(struct cr_request *fresh)
{
	struct cr_request *req;

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

bool cr_request_add_only(struct cr_request *req)
{
	bool only;

	spin_lock(&requests_lock);
	only = !request_find(req->leader, false);
	if (only)
		request_link(req);
	spin_unlock(&requests_lock);
	return only;
}

void cr_request_done(struct cr_request *req, int err)
{
	cr_request_strip(req);
	spin_lock(&requests_lock);
	list_del(&req->list);
	req->saving = false;
	req->err = err;
	req->done = true;
	spin_unlock(&requests_lock);
	wake_up_all(&requests_wait);
	cr_request_put(req);
}

/* Nobody's image of this job is on its way that was wanted before */
static bool request_is_alone(struct cr_request *req)
{
	bool first;

	spin_lock(&requests_lock);
	first = request_find(req->leader, false) == req;
	spin_unlock(&requests_lock);
	return first;
}

/* requests_lock is held */
static bool slot_is_free(const struct cr_request *req)
{
	unsigned int all = 0, same = 0;
	struct cr_request *other;

	list_for_each_entry(other, &requests, list) {
		all += other->saving;
		same += other->saving && uid_eq(other->uid, req->uid);
	}
	return all < SAVERS_MAX && same < SAVERS_USER_MAX;
}

static bool slot_try(struct cr_request *req)
{
	spin_lock(&requests_lock);
	req->saving = slot_is_free(req);
	spin_unlock(&requests_lock);
	return req->saving;
}

/* Others may write to where nothing ever comes back from, so there is a limit */
int cr_request_slot(struct cr_request *req)
{
	long left;

	if (wait_event_killable(requests_wait, request_is_alone(req)))
		return -EINTR;
	left = wait_event_killable_timeout(requests_wait, slot_try(req),
					   SLOT_TIMEOUT_S * HZ);
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

void cr_request_close(struct cr_request *req)
{
	spin_lock(&requests_lock);
	req->closed = true;
	spin_unlock(&requests_lock);
}

int cr_request_wait(struct cr_request *req)
{
	int err = wait_event_state(requests_wait, READ_ONCE(req->done),
				   (TASK_KILLABLE | TASK_FREEZABLE));

	return err ? -EINTR : 0;
}
