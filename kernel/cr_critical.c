// SPDX-License-Identifier: GPL-2.0
/*
 * Critical sections: what a thread does that no image shall be made in the middle
 * of. A save waits for its end, within its time limit, before anybody stands still.
 *
 * A section is a thread's, and of the open file of /dev/crimg by which it has begun
 * it: it ends with that at the latest. A signal that would have the job saved is
 * put off until then; one that is fatal ends the section.
 *
 * Locks: the table is protected by cr_isolate_lock(): a thread is asked to stand
 * still, or begins a section.
 */
#include <linux/hashtable.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_critical.h>
#include <linux/cr_isolate.h>

/**
 * struct critical - a section that goes on
 * @hash: in sections, by @task
 * @task: whose it is; holds a reference
 * @file: by which it was begun
 * @put_off: signals that are to be sent again at its end, as bits
 */
struct critical {
	struct hlist_node hash;
	struct task_struct *task;
	struct file *file;
	u64 put_off;
};

static DEFINE_HASHTABLE(sections, 6);
static unsigned int nr_sections;

/* The lock is held for these */
static struct critical *critical_find(struct task_struct *task)
{
	struct critical *c;

	hash_for_each_possible(sections, c, hash, (unsigned long)task)
		if (c->task == task)
			return c;
	return NULL;
}

static void critical_unlink(struct critical *c)
{
	hash_del(&c->hash);
	WRITE_ONCE(nr_sections, nr_sections - 1);
}

/* It is not */
static void critical_free(struct critical *c)
{
	u64 signals;

	/* as they were, but for who has sent them */
	for (signals = c->put_off; signals; signals &= signals - 1)
		send_sig(__ffs64(signals) + 1, c->task, 1);
	put_task_struct(c->task);
	kfree(c);
}

bool cr_critical_any(void)
{
	return READ_ONCE(nr_sections);
}

bool cr_critical(struct task_struct *task)
{
	bool found;

	if (!cr_critical_any())
		return false;
	cr_isolate_lock();
	found = cr_critical_locked(task);
	cr_isolate_unlock();
	return found;
}

bool cr_critical_locked(struct task_struct *task)
{
	return critical_find(task);
}

/* Of threads that have exited; the lock is held */
static void critical_reap(struct file *file, struct hlist_head *gone)
{
	struct critical *c;
	struct hlist_node *tmp;
	int bucket;

	hash_for_each_safe(sections, bucket, tmp, c, hash) {
		if (c->file != file || !READ_ONCE(c->task->exit_state))
			continue;
		critical_unlink(c);
		hlist_add_head(&c->hash, gone);
	}
}

int cr_critical_begin(struct file *file)
{
	struct critical *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	struct hlist_node *tmp;
	struct critical *old;
	HLIST_HEAD(gone);
	bool asked;
	int err = 0;

	if (!c)
		return -ENOMEM;
	c->task = get_task_struct(current);
	c->file = file;
	cr_isolate_lock();
	critical_reap(file, &gone);
	asked = cr_isolate_asked(current);
	if (!asked && critical_find(current)) {
		err = -EALREADY;
	} else if (!asked) {
		hash_add(sections, &c->hash, (unsigned long)current);
		WRITE_ONCE(nr_sections, nr_sections + 1);
		c = NULL;
	}
	cr_isolate_unlock();
	hlist_for_each_entry_safe(old, tmp, &gone, hash)
		critical_free(old);
	if (c)
		critical_free(c);
	if (!asked)
		return err;
	/* it stands still first; what tells it so may be under way */
	while (!signal_pending(current) && cr_isolate_asked_now(current))
		schedule_timeout_killable(1);
	return signal_pending(current) ? -ERESTARTNOINTR : -EAGAIN;
}

/* Of current; @file: NULL: whatever has begun it */
static struct critical *critical_take(struct file *file)
{
	struct critical *c;

	cr_isolate_lock();
	c = critical_find(current);
	if (c && file && c->file != file)
		c = NULL;
	if (c)
		critical_unlink(c);
	cr_isolate_unlock();
	return c;
}

int cr_critical_end(struct file *file)
{
	struct critical *c = critical_take(file);

	if (!c)
		return -EINVAL;
	critical_free(c);
	return 0;
}

void cr_critical_crash(void)
{
	struct critical *c = cr_critical_any() ? critical_take(NULL) : NULL;

	if (!c)
		return;
	c->put_off = 0;
	critical_free(c);
}

bool cr_critical_put_off(int sig)
{
	struct critical *c;

	if (!cr_critical_any())
		return false;
	cr_isolate_lock();
	c = critical_find(current);
	if (c)
		c->put_off |= BIT_ULL(sig - 1);
	cr_isolate_unlock();
	return c;
}

void cr_critical_release(struct file *file)
{
	struct critical *c;
	HLIST_HEAD(gone);
	struct hlist_node *tmp;
	int bucket;

	if (!cr_critical_any())
		return;
	cr_isolate_lock();
	hash_for_each_safe(sections, bucket, tmp, c, hash) {
		if (c->file != file)
			continue;
		critical_unlink(c);
		hlist_add_head(&c->hash, &gone);
	}
	cr_isolate_unlock();
	hlist_for_each_entry_safe(c, tmp, &gone, hash)
		critical_free(c);
}
