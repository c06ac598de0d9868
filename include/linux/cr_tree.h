/* SPDX-License-Identifier: GPL-2.0 */
/* The process tree of a job */
#ifndef _LINUX_CR_TREE_H
#define _LINUX_CR_TREE_H

#include <linux/cr.h>

/**
 * struct cr_tree - all threads of a job at one moment
 * @tasks: each with a reference; parents before children, the threads of a
 *	process together, its thread group leader first
 * @nr: their number
 * @max: room in @tasks
 */
struct cr_tree {
	struct task_struct **tasks;
	unsigned int nr;
	unsigned int max;
};

/* 0; -ESRCH the leader is gone; -E2BIG; -ENOMEM. May sleep */
int cr_tree_get(struct task_struct *leader, struct cr_tree *tree);
void cr_tree_put(struct cr_tree *tree);

/* Fill s->procs from s->leader; returns as cr_tree_get() */
int cr_procs_get(struct cr_save *s);
void cr_procs_put(struct cr_save *s);

/*
 * The first thread of the job's leader that lives: what tells of memory, files and
 * namespaces. Its own first one, s->leader, may have exited while others live on
 */
struct task_struct *cr_first_task(struct cr_save *s);
bool cr_procs_has(struct cr_save *s, struct task_struct *leader);

/* Is @task @leader, or does it descend from it? Under tasklist_lock */
bool cr_is_below(struct task_struct *task, struct task_struct *leader);

#endif /* _LINUX_CR_TREE_H */
