/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keepers, which stand for a job towards its parent. Their code:
 * arch/x86/kernel/cr_keeper_code.S
 */
#ifndef _LINUX_CR_KEEPER_H
#define _LINUX_CR_KEEPER_H

#include <linux/types.h>

struct task_struct;

/**
 * cr_is_keeper() - does a process stand for a job?
 * @task: any task; the caller holds a reference
 *
 * Context: takes task_lock().
 */
bool cr_is_keeper(struct task_struct *task);

/**
 * cr_keeper_child() - the leader of a keeper's job, or the keeper within
 * @keeper: the caller holds a reference
 *
 * Return: a new reference, or NULL when there is none any more
 */
struct task_struct *cr_keeper_child(struct task_struct *keeper);

/**
 * cr_keeper_of() - the keeper that is the parent of a task
 * @task: the caller holds a reference
 *
 * Return: a new reference; NULL: its parent is no keeper, or it has been waited for
 */
struct task_struct *cr_keeper_of(struct task_struct *task);

/**
 * cr_keepers_continue() - have stopped keepers see the end of their job
 * @leader: of the job, killed; the caller holds a reference
 *
 * A keeper stops with its leader, and would stay so: nobody sends SIGCONT to a
 * job that is gone.
 */
void cr_keepers_continue(struct task_struct *leader);

/* With the module; without tracepoints a SIGSTOP stops but the keeper */
int cr_keeper_init(void);
void cr_keeper_exit(void);

/* A tracepoint of the kernel itself; NULL: there is none of that name */
struct tracepoint;
struct tracepoint *cr_tracepoint(const char *name);

#endif /* _LINUX_CR_KEEPER_H */
