// SPDX-License-Identifier: GPL-2.0
/*
 * May whoever runs us have what the job's processes and threads had: limits,
 * priorities, ids? As kernel/cr_proc.c and kernel/cr_thread.c ask.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include "check.h"
#include "text.h"

bool has_cap(unsigned int cap)
{
	u64 caps;

	return status_numbers("CapEff:", 16, &caps, 1) == 1 && caps >> cap & 1;
}

/* The first of the limits, if any, that only root may have so high */
static unsigned int check_limits(const struct image *img, u32 pid,
				 const struct cr_detail_iter *it)
{
	struct cr_rec_rlimit rec;
	struct rlimit own;
	__le64 pair[2];
	u32 i;

	cr_detail(it, &rec, sizeof(rec));
	for (i = 0; i < le32_to_cpu(rec.nr); i++) {
		memcpy(pair, (const u8 *)it->view.tail + i * sizeof(pair),
		       sizeof(pair));
		if (!getrlimit(i, &own) && le64_to_cpu(pair[1]) > own.rlim_max)
			return problem(img, "pid %u: resource limit %u is above yours",
				       pid, i);
	}
	return 0;
}

/* How low it may be is known to the kernel alone */
static int oom_score_set(const void *arg)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "w");
	int err;

	if (!f)
		return 0;
	fprintf(f, "%d\n", *(const int *)arg);
	err = fflush(f);
	return err && errno == EACCES ? -1 : 0;
}

static unsigned int check_proc(const struct image *img, u32 id)
{
	struct cr_detail_iter it;
	unsigned int problems = 0;
	struct cr_rec_proc rec;
	struct cr_view v;
	int adj;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	if (le32_to_cpu(rec.flags) & CR_PROC_ZOMBIE)
		return 0;
	adj = (int)le32_to_cpu(rec.oom_score_adj);
	if (try_in_child(oom_score_set, &adj))
		problems += problem(img, "pid %u: oom_score_adj %d is below what you may set",
				    le32_to_cpu(rec.pid), adj);
	if (has_cap(CAP_SYS_RESOURCE))
		return problems;
	cr_for_each_detail(&img->cr, id, &it)
		if (it.view.type == CR_REC_RLIMIT)
			problems += check_limits(img, le32_to_cpu(rec.pid), &it);
	return problems;
}

/* A nice value is allowed down to 20 less than the limit */
static bool nice_allowed(int nice)
{
	struct rlimit own;

	return !getrlimit(RLIMIT_NICE, &own) && own.rlim_max >= (rlim_t)(20 - nice);
}

static unsigned int check_thread(const struct image *img, u32 id)
{
	int own = getpriority(PRIO_PROCESS, 0), nice, policy;
	unsigned int problems = 0;
	struct cr_rec_thread rec;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	nice = (int)le32_to_cpu(rec.nice);
	policy = le32_to_cpu(rec.policy);
	if (has_cap(CAP_SYS_NICE))
		return 0;
	if (policy == SCHED_FIFO || policy == SCHED_RR ||
	    (nice < own && !nice_allowed(nice)) ||
	    ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_IDLE &&
	     policy != SCHED_IDLE && !nice_allowed(own)))
		problems += problem(img, "thread %u: priority %d, policy %d: you may not raise it",
				    le32_to_cpu(rec.tid), nice, policy);
	if (IOPRIO_PRIO_CLASS(le32_to_cpu(rec.ioprio)) == IOPRIO_CLASS_RT &&
	    !has_cap(CAP_SYS_ADMIN))
		problems += problem(img, "thread %u: real-time I/O priority",
				    le32_to_cpu(rec.tid));
	return problems;
}

/* As a task; kill() also knows a group, which may have lost its leader */
static bool id_is_taken(u32 nr, bool group)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", nr);
	return !access(path, F_OK) ||
	       (group && nr > 1 && (!kill(-(pid_t)nr, 0) || errno == EPERM));
}

static u32 taken_id(const struct image *img)
{
	struct cr_rec_thread thread;
	struct cr_rec_proc proc;
	struct cr_view v;
	u32 id, flags;

	for (id = 0; (id = image_next(img, id, CR_REC_THREAD));) {
		cr_read_obj(&img->cr, id, &v, &thread, sizeof(thread));
		if (id_is_taken(le32_to_cpu(thread.tid), false))
			return le32_to_cpu(thread.tid);
	}
	for (id = 0; (id = image_next(img, id, CR_REC_PROC));) {
		cr_read_obj(&img->cr, id, &v, &proc, sizeof(proc));
		flags = le32_to_cpu(proc.flags);
		if (id_is_taken(le32_to_cpu(proc.pid), false))
			return le32_to_cpu(proc.pid);
		if (!(flags & CR_PROC_SESSION_OUTSIDE) &&
		    id_is_taken(le32_to_cpu(proc.sid), true))
			return le32_to_cpu(proc.sid);
		if (!(flags & CR_PROC_PGRP_OUTSIDE) &&
		    id_is_taken(le32_to_cpu(proc.pgid), true))
			return le32_to_cpu(proc.pgid);
	}
	return 0;
}

/* Taken ids are no problem where the job may get a pid namespace of its own */
static unsigned int check_ids(const struct image *img)
{
	u32 taken = taken_id(img);

	if (!has_cap(CAP_CHECKPOINT_RESTORE) && !has_cap(CAP_SYS_ADMIN))
		return problem(img, "you may not choose the ids of processes (CAP_CHECKPOINT_RESTORE)");
	if (!taken)
		return 0;
	if (!has_cap(CAP_SYS_ADMIN))
		return problem(img, "pid %u is taken, and you may not make a pid namespace (CAP_SYS_ADMIN)",
			       taken);
	printf("%s: pid %u is taken: would restart in a private pid namespace\n",
	       printable(img->path), taken);
	return 0;
}

unsigned int check_rights(const struct image *img)
{
	unsigned int problems = check_ids(img);
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_PROC));)
		problems += check_proc(img, id);
	for (id = 0; (id = image_next(img, id, CR_REC_THREAD));)
		problems += check_thread(img, id);
	return problems;
}
