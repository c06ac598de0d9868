// SPDX-License-Identifier: GPL-2.0
/*
 * The process tree of a job: which processes and threads belong to it.
 *
 * A job is its leader and all descendants. The walk takes references under
 * tasklist_lock, so what it returns existed together at one moment.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>
#include <linux/cr_tree.h>

/* Next process after @p in the tree below @top, parents first; NULL: done */
static struct task_struct *tree_next(struct task_struct *top,
				     struct task_struct *p)
{
	struct task_struct *t;

	/* children hang below each thread of their parent */
	for_each_thread(p, t) {
		if (!list_empty(&t->children))
			return list_first_entry(&t->children,
						struct task_struct, sibling);
	}
	while (p != top) {
		t = cr_parent(p);
		if (!list_is_last(&p->sibling, &t->children))
			return list_next_entry(p, sibling);
		/* the parent's next thread that has children */
		p = t->group_leader;
		while ((t = next_thread(t)) != p) {
			if (!list_empty(&t->children))
				return list_first_entry(&t->children,
						struct task_struct, sibling);
		}
	}
	return NULL;
}

/* Fill @list with all threads; beyond its end only count. tasklist_lock held */
static unsigned int tree_fill(struct task_struct *leader,
			      struct cr_tree *tree)
{
	struct task_struct *p, *t;
	unsigned int n = 0;

	for (p = leader; p; p = tree_next(leader, p)) {
		for_each_thread(p, t) {
			if (n < tree->max) {
				tree->tasks[n] = t;
				get_task_struct(t);
			}
			n++;
		}
	}
	return n;
}

int cr_tree_get(struct task_struct *leader, struct cr_tree *tree)
{
	unsigned int n;

	tree->tasks = NULL;
	tree->nr = 0;
	tree->max = 64;
	for (;;) {
		tree->tasks = kvcalloc(tree->max, sizeof(*tree->tasks),
				       GFP_KERNEL_ACCOUNT);
		if (!tree->tasks)
			return -ENOMEM;
		read_lock(&tasklist_lock);
		n = pid_alive(leader) ? tree_fill(leader, tree) : 0;
		read_unlock(&tasklist_lock);
		tree->nr = min(n, tree->max);
		if (n <= tree->max)
			break;
		cr_tree_put(tree);
		if (n > CR_MAX_THREADS)
			return -E2BIG;
		tree->max = n + n / 4;
	}
	if (!tree->nr) {
		cr_tree_put(tree);
		return -ESRCH;
	}
	return 0;
}

void cr_tree_put(struct cr_tree *tree)
{
	unsigned int i;

	for (i = 0; i < tree->nr; i++)
		put_task_struct(tree->tasks[i]);
	kvfree(tree->tasks);
	tree->tasks = NULL;
	tree->nr = 0;
}

static struct cr_proc *proc_find(struct cr_save *s, struct task_struct *task)
{
	struct cr_proc *proc;

	list_for_each_entry_reverse(proc, &s->procs, list)
		if (proc->task == task)
			return proc;
	return NULL;
}

static struct cr_proc *proc_add(struct cr_save *s, struct task_struct *task)
{
	struct cr_proc *proc = kzalloc(sizeof(*proc), GFP_KERNEL_ACCOUNT);

	if (!proc)
		return NULL;
	INIT_LIST_HEAD(&proc->threads);
	proc->task = task;
	get_task_struct(task);
	proc->zombie = task->exit_state && thread_group_empty(task);
	proc->headless = task->exit_state && !proc->zombie;
	if (task != s->leader) {
		rcu_read_lock();
		proc->parent = proc_find(s, rcu_dereference(task->real_parent)->
					 group_leader);
		rcu_read_unlock();
	}
	list_add_tail(&proc->list, &s->procs);
	s->nr_procs++;
	return proc;
}

static int thread_add(struct cr_save *s, struct cr_proc *proc,
		      struct task_struct *task)
{
	struct cr_thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL_ACCOUNT);

	if (!thread)
		return -ENOMEM;
	thread->task = task;
	get_task_struct(task);
	thread->proc = proc;
	list_add_tail(&thread->list, &proc->threads);
	proc->nr_threads++;
	s->nr_threads++;
	return 0;
}

int cr_procs_get(struct cr_save *s)
{
	struct cr_proc *proc = NULL;
	struct cr_tree tree;
	unsigned int i;
	int err;

	err = cr_tree_get(s->leader, &tree);
	if (err)
		return err;
	for (i = 0; i < tree.nr && !err; i++) {
		struct task_struct *task = tree.tasks[i];

		/*
		 * The thread group leader is first. Who it is by now is another
		 * question: a thread that executes takes its place.
		 */
		if (!proc || !same_thread_group(task, proc->task)) {
			proc = proc_add(s, task);
			if (!proc) {
				err = -ENOMEM;
				break;
			}
		}
		if (!proc->zombie && !(proc->headless && task == proc->task))
			err = thread_add(s, proc, task);
	}
	cr_tree_put(&tree);
	if (err)
		cr_procs_put(s);
	return err;
}

void cr_procs_put(struct cr_save *s)
{
	struct cr_thread *thread, *tmp;
	struct cr_proc *proc, *next;

	list_for_each_entry_safe(proc, next, &s->procs, list) {
		cr_signals_put(proc);
		list_for_each_entry_safe(thread, tmp, &proc->threads, list) {
			put_task_struct(thread->task);
			kfree(thread);
		}
		put_task_struct(proc->task);
		kfree(proc);
	}
	INIT_LIST_HEAD(&s->procs);
	s->nr_procs = 0;
	s->nr_threads = 0;
}

struct task_struct *cr_first_task(struct cr_save *s)
{
	struct cr_proc *proc = list_first_entry_or_null(&s->procs,
							struct cr_proc, list);

	if (!proc || list_empty(&proc->threads))
		return s->leader;
	return list_first_entry(&proc->threads, struct cr_thread, list)->task;
}

bool cr_procs_has(struct cr_save *s, struct task_struct *leader)
{
	return proc_find(s, leader) != NULL;
}
