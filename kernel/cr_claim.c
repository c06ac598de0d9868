// SPDX-License-Identifier: GPL-2.0
/*
 * One saver of a job at a time. A saver's table of objects holds references,
 * which would look to another like somebody outside the job: so who looks at a
 * job claims it first. Two jobs overlap when the leader of one descends from the
 * leader of the other.
 *
 * A saver keeps its claim until it lets the job go: another one gets EBUSY. A
 * mere look (CR_IOC_CHECK) is over soon, and is waited for.
 *
 * Locks: claims_lock over tasklist_lock.
 */
#include <linux/kernel.h>
#include <linux/spinlock.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/wait.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_save.h>
#include <linux/cr_task.h>
#include <linux/cr_tree.h>

static LIST_HEAD(claims);
static DEFINE_SPINLOCK(claims_lock);
static DECLARE_WAIT_QUEUE_HEAD(claims_wait);

bool cr_is_below(struct task_struct *task, struct task_struct *leader)
{
	/* one that has been waited for has no parent any more */
	if (!pid_alive(task))
		return task == leader;
	for (; task != &init_task; task = cr_parent(task)->group_leader)
		if (task == leader)
			return true;
	return false;
}

static struct cr_save *claim_find(struct task_struct *leader)
{
	struct cr_save *s;
	bool found;

	list_for_each_entry(s, &claims, claim) {
		read_lock(&tasklist_lock);
		found = cr_is_below(leader, s->leader) ||
			cr_is_below(s->leader, leader);
		read_unlock(&tasklist_lock);
		if (found)
			return s;
	}
	return NULL;
}

/*
 * 1: claimed; 0: somebody looks at it; -EBUSY: somebody saves it. Does not sleep:
 * it is the condition of a wait
 */
static int claim_try(struct cr_save *s)
{
	struct cr_save *other;
	int ret = 1;

	spin_lock(&claims_lock);
	other = claim_find(s->leader);
	if (!other)
		list_add(&s->claim, &claims);
	else
		ret = other->looks ? 0 : -EBUSY;
	spin_unlock(&claims_lock);
	return ret;
}

int cr_claim(struct cr_save *s)
{
	int ret, err;

	/* nobody can keep others from their jobs */
	if (!cr_may_save(s, s->leader))
		return cr_err(&s->log, -EPERM,
			      "pid %d (%s): not allowed to trace it",
			      task_tgid_vnr(s->leader), s->leader->comm);
	err = wait_event_killable(claims_wait, (ret = claim_try(s)));
	if (err)
		return -EINTR;
	if (ret > 0)
		return 0;
	return cr_err(&s->log, ret,
		      "pid %d (%s): is being saved by somebody else",
		      task_tgid_vnr(s->leader), s->leader->comm);
}

void cr_unclaim(struct cr_save *s)
{
	spin_lock(&claims_lock);
	list_del_init(&s->claim);
	spin_unlock(&claims_lock);
	wake_up_all(&claims_wait);
}
