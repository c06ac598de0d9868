// SPDX-License-Identifier: GPL-2.0
/*
 * SIGSTOP for a keeper is meant for its job. A keeper passes on what it is sent
 * (arch/x86/kernel/cr_keeper_code.S), but no process can fetch this one: the
 * kernel looks for it when it is generated.
 *
 * Not passed on: the SIGSTOP by which a keeper follows its leader, which has
 * stopped already. SIGCONT needs no help: the keeper runs again, and fetches it.
 */
#include <linux/kernel.h>
#include <linux/llist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>
#include <linux/cr.h>
#include <linux/cr_save.h>
#include <linux/cr_keeper.h>
#include <linux/cr_task.h>

/**
 * struct stop_request - a SIGSTOP that somebody has been sent
 * @node: in stop_requests
 * @task: by whom it was received; holds a reference
 */
struct stop_request {
	struct llist_node node;
	struct task_struct *task;
};

static void stop_work_fn(struct work_struct *work);

static LLIST_HEAD(stop_requests);
static DECLARE_WORK(stop_work, stop_work_fn);
static struct tracepoint *signal_tracepoint;

bool cr_is_keeper(struct task_struct *task)
{
	bool keeper;

	task_lock(task);
	keeper = task->mm && task->mm->binfmt == &cr_format;
	task_unlock(task);
	return keeper;
}

struct task_struct *cr_keeper_child(struct task_struct *keeper)
{
	struct task_struct *child;

	read_lock(&tasklist_lock);
	child = list_first_entry_or_null(&keeper->children, struct task_struct,
					 sibling);
	if (child)
		get_task_struct(child);
	read_unlock(&tasklist_lock);
	return child;
}

struct task_struct *cr_keeper_of(struct task_struct *task)
{
	struct task_struct *parent = NULL;

	/* who has been waited for keeps a pointer to somebody who may be gone */
	rcu_read_lock();
	if (pid_alive(task))
		parent = get_task_struct(rcu_dereference(task->real_parent));
	rcu_read_unlock();
	if (parent && !cr_is_keeper(parent)) {
		put_task_struct(parent);
		parent = NULL;
	}
	return parent;
}

void cr_keepers_continue(struct task_struct *leader)
{
	struct task_struct *keeper = cr_keeper_of(leader), *next;

	for (; keeper; keeper = next) {
		send_sig(SIGCONT, keeper, 1);
		next = cr_keeper_of(keeper);
		put_task_struct(keeper);
	}
}

/* It stands still by job control, or is about to */
static bool is_stopping(struct task_struct *task)
{
	struct sighand_struct *sighand;
	unsigned long flags;
	bool stopping;

	sighand = lock_task_sighand(task, &flags);
	if (!sighand)
		return false;
	stopping = (task->signal->flags & SIGNAL_STOP_STOPPED) ||
		   task->jobctl & JOBCTL_STOP_PENDING ||
		   sigismember(&task->signal->shared_pending.signal, SIGSTOP) ||
		   sigismember(&task->pending.signal, SIGSTOP);
	cr_sighand_unlock(task, flags);
	return stopping;
}

static void keeper_stop_job(struct task_struct *keeper)
{
	struct task_struct *child;

	if (!cr_is_keeper(keeper) || !is_stopping(keeper))
		return;
	child = cr_keeper_child(keeper);
	if (!child)
		return;
	send_sig(SIGSTOP, child, 1);
	/* a SIGCONT may have overtaken us on its way through the keeper */
	if (!is_stopping(keeper))
		send_sig(SIGCONT, child, 1);
	put_task_struct(child);
}

static void stop_work_fn(struct work_struct *work)
{
	struct stop_request *req, *tmp;

	llist_for_each_entry_safe(req, tmp, llist_del_all(&stop_requests),
				  node) {
		keeper_stop_job(req->task);
		put_task_struct(req->task);
		kfree(req);
	}
}

/* Under siglock: whether the task is a keeper is for the work to find out */
static void probe_signal(void *data, int sig, struct kernel_siginfo *info,
			 struct task_struct *task, int group, int result)
{
	struct stop_request *req;

	if (sig != SIGSTOP || task == current)
		return;
	req = kmalloc(sizeof(*req), GFP_ATOMIC | __GFP_NOWARN);
	if (!req)
		return;
	req->task = get_task_struct(task);
	if (llist_add(&req->node, &stop_requests))
		schedule_work(&stop_work);
}

struct find {
	const char *name;
	struct tracepoint *tp;
};

static void tracepoint_find(struct tracepoint *tp, void *data)
{
	struct find *find = data;

	if (!strcmp(tp->name, find->name))
		find->tp = tp;
}

struct tracepoint *cr_tracepoint(const char *name)
{
	struct find find = { .name = name };

	for_each_kernel_tracepoint(tracepoint_find, &find);
	return find.tp;
}

int cr_keeper_init(void)
{
	int err;

	signal_tracepoint = cr_tracepoint("signal_generate");
	if (!signal_tracepoint)
		return -EOPNOTSUPP;
	err = tracepoint_probe_register(signal_tracepoint, probe_signal, NULL);
	if (err)
		signal_tracepoint = NULL;
	return err;
}

void cr_keeper_exit(void)
{
	tracepoint_probe_unregister(signal_tracepoint, probe_signal, NULL);
	tracepoint_synchronize_unregister();
	cancel_work_sync(&stop_work);
	stop_work_fn(NULL);
}
