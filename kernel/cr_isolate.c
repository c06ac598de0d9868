// SPDX-License-Identifier: GPL-2.0
/*
 * Isolation: every thread of the job parks in a task_work.
 *
 * The work is queued with TWA_SIGNAL and runs from get_signal(), before a
 * signal is dequeued and before -ERESTART* is looked at: the registers still
 * say which system call was interrupted, and how. A parked thread can be
 * killed and nothing else.
 *
 * A thread that is stopped by job control stands still already. It is asked
 * nevertheless: when it is continued meanwhile, it parks, and that is seen.
 *
 * A parent that waits in vfork() stands still as long as its child does. The
 * child is given some time to execute first.
 *
 * Who cannot be parked: a thread that another one has made by vfork() and waits
 * for, a task in uninterruptible sleep, one that does not come out of its critical
 * section (named when the time is over).
 *
 * Locks: held_lock protects the table of held threads and the lists of them; a
 * cr_isolate is used by one saver at a time, and by threads that park of their
 * own accord. A stop belongs to its work until the work has run; the
 * list in cr_isolate holds a reference of its own.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/debug.h>
#include <linux/delay.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_critical.h>
#include <linux/cr_isolate.h>
#include <linux/cr_kernel.h>
#include <linux/cr_save.h>
#include <linux/cr_tree.h>

#define STOP_TIMEOUT_MS		10000
#define STOP_RESCAN_MS		20
/* How long a child may go on to its execve() */
#define STOP_VFORK_MS		100
/* Sections end without telling; nobody stands still meanwhile */
#define CRITICAL_TIMEOUT_MS	60000
#define CRITICAL_POLL_MS	5

enum stop_state {
	STOP_QUEUED,	/* asked to park */
	STOP_PARKED,	/* stands still */
	STOP_GONE,	/* has exited, or was killed, or must not park now */
};

/**
 * struct cr_stop - one thread that was asked to park
 * @work: the request
 * @iso: holds a reference
 * @list: in cr_isolate.stops
 * @hash: in held, by @task
 * @task: holds a reference
 * @state: enum stop_state; written by the thread itself
 * @stopped: QUEUED: it stood still because it was stopped, or in vfork(), when
 *	all did
 * @child: the child that it waits for in vfork(), which stands still; a reference
 * @ref: the list's and the work's
 */
struct cr_stop {
	struct callback_head work;
	struct cr_isolate *iso;
	struct list_head list;
	struct hlist_node hash;
	struct task_struct *task;
	enum stop_state state;
	bool stopped;
	struct task_struct *child;
	refcount_t ref;
};

/* Threads of all isolated jobs: a job is held by one saver at a time */
static DEFINE_HASHTABLE(held, 8);
static DEFINE_SPINLOCK(held_lock);

static void isolate_free(struct kref *ref)
{
	kfree(container_of(ref, struct cr_isolate, ref));
}

static void stop_put(struct cr_stop *stop)
{
	if (!refcount_dec_and_test(&stop->ref))
		return;
	if (stop->child)
		put_task_struct(stop->child);
	put_task_struct(stop->task);
	kref_put(&stop->iso->ref, isolate_free);
	kfree(stop);
}

static void stop_unhash(struct cr_stop *stop)
{
	spin_lock(&held_lock);
	if (!hlist_unhashed(&stop->hash))
		hash_del(&stop->hash);
	spin_unlock(&held_lock);
}

/* The work will not run any more */
static void stop_gone(struct cr_stop *stop)
{
	smp_store_release(&stop->state, STOP_GONE);
	stop_unhash(stop);
	wake_up_all(&stop->iso->wait);
	stop_put(stop);
	module_put(THIS_MODULE);
}

/* A child between vfork() and execve() goes on for some time, a thread always */
static bool may_park(struct cr_isolate *iso, struct task_struct *task)
{
	return !READ_ONCE(task->vfork_done) ||
	       (READ_ONCE(iso->vforks) && thread_group_leader(task));
}

static void park(struct cr_isolate *iso)
{
	wait_event_state(iso->wait, READ_ONCE(iso->released),
			 (TASK_KILLABLE | TASK_FREEZABLE));
}

/* The task_work: runs in the thread that is to stand still */
static void stop_park(struct callback_head *work)
{
	struct cr_stop *stop = container_of(work, struct cr_stop, work);
	struct cr_isolate *iso = stop->iso;

	/*
	 * Works behind this one are run first, in another round: they may be
	 * the ends of files that the thread has closed.
	 */
	if (work->next && !task_work_add(current, work, TWA_NONE))
		return;
	/* whether it parks or not: we have woken it */
	if (!(current->flags & PF_EXITING))
		cr_arch_hide_eintr(current);
	/* an exiting task has no state to keep; another one is found again */
	if (!(current->flags & PF_EXITING) && may_park(iso, current) &&
	    !READ_ONCE(iso->released)) {
		smp_store_release(&stop->state, STOP_PARKED);
		wake_up_all(&iso->wait);
		park(iso);
	}
	stop_gone(stop);
}

static struct cr_stop *stop_find(struct task_struct *task)
{
	struct cr_stop *stop;

	hash_for_each_possible(held, stop, hash, (unsigned long)task)
		if (stop->task == task)
			return stop;
	return NULL;
}

static struct cr_stop *stop_create(struct cr_isolate *iso,
				   struct task_struct *task)
{
	struct cr_stop *stop = kzalloc(sizeof(*stop), GFP_KERNEL_ACCOUNT);

	if (!stop)
		return NULL;
	init_task_work(&stop->work, stop_park);
	stop->iso = iso;
	stop->task = task;
	refcount_set(&stop->ref, 2);
	return stop;
}

/* held_lock is held */
static void stop_add(struct cr_stop *stop)
{
	get_task_struct(stop->task);
	kref_get(&stop->iso->ref);
	__module_get(THIS_MODULE);
	hash_add(held, &stop->hash, (unsigned long)stop->task);
	list_add_tail(&stop->list, &stop->iso->stops);
}

/* Ask a thread to park. 0 also when it is asked already or on its way out */
static int stop_queue(struct cr_isolate *iso, struct cr_save *s,
		      struct task_struct *task)
{
	struct cr_stop *stop, *other;
	bool ours = false, critical;

	stop = stop_create(iso, task);
	if (!stop)
		return -ENOMEM;
	spin_lock(&held_lock);
	other = stop_find(task);
	critical = cr_critical_locked(task);
	if (!other && !critical)
		stop_add(stop);
	else
		ours = !other || other->iso == iso;
	spin_unlock(&held_lock);
	if (other || critical) {
		kfree(stop);
		if (ours)
			return 0;
		return cr_err(&s->log, -EBUSY,
			      "pid %d (%s): is being saved by somebody else",
			      task_tgid_vnr(task), task->comm);
	}
	/* it may be exiting and will not run the work */
	if (task_work_add(task, &stop->work, TWA_SIGNAL))
		stop_gone(stop);
	return 0;
}

/* May the caller save this thread, and can it be parked at all? */
static int thread_allowed(struct cr_save *s, struct task_struct *task)
{
	if (same_thread_group(task, current))
		return cr_err(&s->log, -EDEADLK,
			      "pid %d (%s): the saver is part of the job",
			      task_tgid_vnr(task), task->comm);
	if (!cr_may_save(s, task))
		return cr_err(&s->log, -EPERM,
			      "pid %d (%s): not allowed to trace it",
			      task_tgid_vnr(task), task->comm);
	/* since it was collected; it would not park */
	if (READ_ONCE(task->ptrace)) {
		cr_refuse(s, task, "CR-ETRACED", "is traced by now");
		return s->err;
	}
	return 0;
}

/* Does @task wait in vfork() for @child? What it waits for is on its stack */
static bool waits_for(struct task_struct *task, struct task_struct *child)
{
	unsigned long done = (unsigned long)READ_ONCE(child->vfork_done);
	unsigned long stack = (unsigned long)task_stack_page(task);

	return done >= stack && done < stack + THREAD_SIZE && stack &&
	       (READ_ONCE(task->__state) & TASK_WAKEKILL);
}

/*
 * The child that @task waits for and that stands still, because it is parked or
 * waits as well; NULL: none. held_lock is held
 */
static struct task_struct *vfork_child(struct cr_isolate *iso,
				       const struct cr_tree *tree,
				       struct task_struct *task)
{
	struct cr_stop *stop;
	unsigned int i;

	for (i = 0; i < tree->nr; i++) {
		if (!waits_for(task, tree->tasks[i]))
			continue;
		stop = stop_find(tree->tasks[i]);
		if (stop && stop->iso == iso &&
		    (smp_load_acquire(&stop->state) == STOP_PARKED ||
		     stop->stopped))
			return tree->tasks[i];
	}
	return NULL;
}

/* QUEUED, but standing still? held_lock is held */
static bool stop_look(struct cr_isolate *iso, const struct cr_tree *tree,
		      struct cr_stop *stop)
{
	struct task_struct *child;

	if (task_is_stopped(stop->task))
		return true;
	if (!READ_ONCE(iso->vforks))
		return false;
	child = vfork_child(iso, tree, stop->task);
	if (child && !stop->child) {
		get_task_struct(child);
		stop->child = child;
	}
	return child;
}

void cr_isolate_lock(void) __acquires(&held_lock)
{
	spin_lock(&held_lock);
}

void cr_isolate_unlock(void) __releases(&held_lock)
{
	spin_unlock(&held_lock);
}

bool cr_isolate_asked(struct task_struct *task)
{
	return stop_find(task);
}

bool cr_isolate_asked_now(struct task_struct *task)
{
	bool asked;

	spin_lock(&held_lock);
	asked = stop_find(task);
	spin_unlock(&held_lock);
	return asked;
}

/* Is a thread in a section that is not to be interrupted? 1, 0 or -errno */
static int isolate_critical(struct cr_save *s)
{
	struct cr_tree tree;
	unsigned int i;
	int err;

	if (!cr_critical_any())
		return 0;
	err = cr_tree_get(s->leader, &tree);
	if (err)
		return err;
	for (i = 0; i < tree.nr && !err; i++)
		err = !READ_ONCE(tree.tasks[i]->exit_state) &&
		      cr_critical(tree.tasks[i]);
	cr_tree_put(&tree);
	return err;
}

/* Before anybody stands still, who may have what it needs */
static int isolate_wait_critical(struct cr_save *s, unsigned long end)
{
	int err;

	while ((err = isolate_critical(s)) > 0 && !time_after(jiffies, end))
		if (schedule_timeout_killable(msecs_to_jiffies(CRITICAL_POLL_MS)))
			return -EINTR;
	/* who is in one still is named below: it does not stop */
	return min(err, 0);
}

/* Look at every thread once. 1: somebody has to be waited for; 0; -errno */
static int isolate_scan(struct cr_isolate *iso, struct cr_save *s)
{
	struct cr_stop *stop;
	struct cr_tree tree;
	int waiting = 0;
	unsigned int i;
	int err;

	err = cr_tree_get(s->leader, &tree);
	if (err)
		return err;
	for (i = 0; i < tree.nr && !err; i++) {
		struct task_struct *task = tree.tasks[i];
		enum stop_state state = STOP_GONE;

		if (READ_ONCE(task->exit_state))
			continue;
		spin_lock(&held_lock);
		stop = stop_find(task);
		if (stop && stop->iso == iso)
			state = smp_load_acquire(&stop->state);
		else
			stop = NULL;
		if (stop)
			stop->stopped = state == STOP_QUEUED &&
					stop_look(iso, &tree, stop);
		if (state == STOP_PARKED || (stop && stop->stopped)) {
			spin_unlock(&held_lock);
			continue;
		}
		spin_unlock(&held_lock);
		waiting = 1;
		err = thread_allowed(s, task);
		/* racy: stop_park() looks again, in the thread itself */
		if (!err && !stop && may_park(iso, task))
			err = stop_queue(iso, s, task);
	}
	cr_tree_put(&tree);
	return err ?: waiting;
}

/* Name who did not park, and what it waits in */
static int isolate_timed_out(struct cr_isolate *iso, struct cr_save *s,
			     unsigned int timeout_ms)
{
	struct cr_stop *stop;
	struct cr_tree tree;
	unsigned int i;

	if (cr_tree_get(s->leader, &tree))
		return -ETIMEDOUT;
	for (i = 0; i < tree.nr; i++) {
		struct task_struct *task = tree.tasks[i];
		bool parked;

		spin_lock(&held_lock);
		stop = stop_find(task);
		parked = stop && stop->iso == iso &&
			 (smp_load_acquire(&stop->state) == STOP_PARKED ||
			  stop->stopped);
		spin_unlock(&held_lock);
		if (parked || READ_ONCE(task->exit_state))
			continue;
		cr_err(&s->log, -ETIMEDOUT,
		       "pid %d (%s): thread %d did not stop within %u ms%s: it waits in %ps",
		       task_tgid_vnr(task), task->comm, task_pid_vnr(task),
		       timeout_ms,
		       READ_ONCE(task->vfork_done) ?
		       " (between vfork and execve)" :
		       cr_critical(task) ? " (in a critical section)" : "",
		       (void *)get_wchan(task));
	}
	cr_tree_put(&tree);
	return -ETIMEDOUT;
}

/* Has anything that was queued not parked yet? */
static bool isolate_settled(struct cr_isolate *iso)
{
	struct cr_stop *stop;
	bool settled = true;

	spin_lock(&held_lock);
	list_for_each_entry(stop, &iso->stops, list)
		settled &= smp_load_acquire(&stop->state) != STOP_QUEUED ||
			   task_is_stopped(stop->task);
	spin_unlock(&held_lock);
	return settled;
}

/* Who stands still may have to leave its CPU yet, which saves its registers */
static void isolate_wait_inactive(struct cr_isolate *iso)
{
	struct cr_stop *stop;

	list_for_each_entry(stop, &iso->stops, list)
		if (smp_load_acquire(&stop->state) != STOP_GONE)
			wait_task_inactive(stop->task, TASK_UNINTERRUPTIBLE |
						       __TASK_STOPPED);
}

int cr_isolate(struct cr_isolate *iso, struct cr_save *s,
	       unsigned int timeout_ms)
{
	unsigned long end, vforks;
	long left;
	int err;

	end = jiffies + msecs_to_jiffies(timeout_ms ?: CRITICAL_TIMEOUT_MS);
	err = isolate_wait_critical(s, end);
	if (err) {
		cr_isolate_release(iso);
		return err;
	}
	timeout_ms = timeout_ms ?: STOP_TIMEOUT_MS;
	end = jiffies + msecs_to_jiffies(timeout_ms);
	vforks = jiffies + msecs_to_jiffies(min(STOP_VFORK_MS, timeout_ms / 2));
	iso->since = ktime_get();
	/* the job forks, execs and exits while it is being stopped */
	while ((err = isolate_scan(iso, s)) > 0) {
		if (time_after(jiffies, end)) {
			err = isolate_timed_out(iso, s, timeout_ms);
			break;
		}
		left = wait_event_killable_timeout(iso->wait,
				isolate_settled(iso),
				msecs_to_jiffies(STOP_RESCAN_MS));
		if (left < 0) {
			err = -EINTR;
			break;
		}
		if (time_after(jiffies, vforks))
			WRITE_ONCE(iso->vforks, true);
		/* who may not park yet was not queued: do not spin on it */
		if (left > 0)
			usleep_range(100, 500);
	}
	if (err)
		cr_isolate_release(iso);
	else
		isolate_wait_inactive(iso);
	return err;
}

/* As it did when all stood still: who was continued has parked since */
static bool stop_stands(struct cr_stop *stop)
{
	if (stop->stopped)
		return smp_load_acquire(&stop->state) == STOP_QUEUED &&
		       (task_is_stopped(stop->task) ||
			(stop->child && waits_for(stop->task, stop->child)));
	return smp_load_acquire(&stop->state) == STOP_PARKED;
}

int cr_isolate_holds(struct cr_isolate *iso, struct cr_save *s)
{
	struct cr_thread *thread;
	struct cr_proc *proc;
	struct cr_stop *stop;
	bool held_still;

	list_for_each_entry(proc, &s->procs, list) {
		list_for_each_entry(thread, &proc->threads, list) {
			spin_lock(&held_lock);
			stop = stop_find(thread->task);
			held_still = stop && stop->iso == iso &&
				     stop_stands(stop);
			spin_unlock(&held_lock);
			if (!held_still)
				return cr_err(&s->log, -EINTR,
					      "pid %d (%s): was killed, or continued, while it was saved",
					      task_tgid_vnr(proc->task),
					      thread->task->comm);
		}
	}
	return 0;
}

struct task_struct *cr_isolate_vfork(struct task_struct *task)
{
	struct task_struct *child = NULL;
	struct cr_stop *stop;

	spin_lock(&held_lock);
	stop = stop_find(task);
	if (stop && stop->stopped && !task_is_stopped(task))
		child = stop->child;
	spin_unlock(&held_lock);
	return child;
}

/*
 * Take back the request to a thread that may not act on it for long: one that is
 * stopped, or sleeps uninterruptibly. It was not woken, and nothing that it sleeps
 * in afterwards shall be cut short. Others have been woken, and do what
 * stop_park() does for them.
 */
static bool stop_cancel(struct cr_stop *stop)
{
	struct task_struct *task = stop->task;

	if (!task_is_stopped(task) &&
	    !(READ_ONCE(task->__state) & TASK_UNINTERRUPTIBLE))
		return false;
	if (!task_work_cancel(task, &stop->work))
		return false;
	clear_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL);
	smp_mb__after_atomic();
	/* somebody else's, whose request may have come before that */
	if (task_work_pending(task))
		set_notify_signal(task);
	return true;
}

void cr_isolate_release(struct cr_isolate *iso)
{
	struct cr_stop *stop, *tmp;
	LIST_HEAD(stops);

	spin_lock(&held_lock);
	WRITE_ONCE(iso->released, true);
	list_splice_init(&iso->stops, &stops);
	spin_unlock(&held_lock);
	wake_up_all(&iso->wait);
	/* what has not run yet will find that it need not park */
	list_for_each_entry_safe(stop, tmp, &stops, list) {
		list_del(&stop->list);
		stop_unhash(stop);
		if (smp_load_acquire(&stop->state) == STOP_QUEUED &&
		    stop_cancel(stop))
			stop_gone(stop);
		stop_put(stop);
	}
}

int cr_isolate_self(struct cr_isolate *iso)
{
	struct cr_stop *stop = stop_create(iso, current);
	bool released, asked;

	if (!stop)
		return -ENOMEM;
	/* before anybody looks at the registers */
	cr_arch_hide_eintr(current);
	stop->state = STOP_PARKED;
	for (;;) {
		spin_lock(&held_lock);
		released = iso->released;
		asked = stop_find(current);
		if (!released && !asked)
			stop_add(stop);
		spin_unlock(&held_lock);
		if (!asked || fatal_signal_pending(current))
			break;
		/* as it would on its way to user mode, for whoever it is */
		task_work_run();
		/* the work may be about to be added */
		schedule_timeout_killable(1);
	}
	if (released || asked) {
		kfree(stop);
		return asked ? -EINTR : 0;
	}
	wake_up_all(&iso->wait);
	park(iso);
	stop_gone(stop);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

struct cr_isolate *cr_isolate_create(void)
{
	struct cr_isolate *iso = kzalloc(sizeof(*iso), GFP_KERNEL_ACCOUNT);

	if (!iso)
		return NULL;
	INIT_LIST_HEAD(&iso->stops);
	init_waitqueue_head(&iso->wait);
	kref_init(&iso->ref);
	return iso;
}

void cr_isolate_put(struct cr_isolate *iso)
{
	if (!iso)
		return;
	cr_isolate_release(iso);
	kref_put(&iso->ref, isolate_free);
}
