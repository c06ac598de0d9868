// SPDX-License-Identifier: GPL-2.0
/*
 * Processes: what signal_struct holds, and how processes stand to each other.
 *
 * Refused: namespaces other than the job's leader's, a job's leader whose first
 * thread has exited while others live on, process groups and sessions whose leader
 * is not of the job, or is gone, and which others are in, too.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/nsproxy.h>
#include <linux/oom.h>
#include <linux/pid_namespace.h>
#include <linux/posix-timers.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>
#include <linux/tty.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_file.h>
#include <linux/cr_ipc.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>
#include <linux/cr_timer.h>
#include <linux/cr_tree.h>

static void proc_none(struct cr_obj *obj)
{
	/* cr_save.procs holds threads and processes */
}

/* The job's process with number @nr in its namespace, or NULL */
static struct cr_proc *proc_of_nr(struct cr_save *s, pid_t nr)
{
	struct cr_proc *proc;

	if (!nr)
		return NULL;
	list_for_each_entry(proc, &s->procs, list)
		if (task_tgid_nr_ns(proc->task, s->pid_ns) == nr)
			return proc;
	return NULL;
}

/* The session in which the job was started */
static bool session_outside(struct cr_save *s, struct task_struct *task)
{
	pid_t sid = task_session_nr_ns(task, s->pid_ns);

	return sid == task_session_nr_ns(s->leader, s->pid_ns) &&
	       !proc_of_nr(s, sid);
}

/*
 * A job that was started by a shell is a process group in the shell's session:
 * it goes into the restarter's group and session, so that ^C and ^Z reach it.
 */
static bool pgrp_outside(struct cr_save *s, struct task_struct *task)
{
	return session_outside(s, task) &&
	       task_pgrp_nr_ns(task, s->pid_ns) ==
	       task_pgrp_nr_ns(s->leader, s->pid_ns);
}

/*
 * Who is not of the job, but in a group or session with @task; holds a
 * reference. All of them are looked at for the first one only.
 */
static struct task_struct *member_outside(struct cr_save *s,
					  struct task_struct *task,
					  enum pid_type type)
{
	struct task_struct *first, *p, *other = NULL;
	struct pid *pid;

	read_lock(&tasklist_lock);
	pid = type == PIDTYPE_SID ? task_session(task) : task_pgrp(task);
	first = pid_task(pid, type);
	if (first && !cr_is_below(first, s->leader))
		other = first;
	if (first == task) {
		do_each_pid_task(pid, type, p) {
			if (!cr_is_below(p, s->leader))
				other = p;
		} while_each_pid_task(pid, type, p);
	}
	if (other)
		get_task_struct(other);
	read_unlock(&tasklist_lock);
	return other;
}

/* Its leader is not of the job: then it is gone, and only the job is in it */
static void proc_collect_gone(struct cr_save *s, struct task_struct *task,
			      enum pid_type type)
{
	const char *what = type == PIDTYPE_SID ? "session" : "process group";
	pid_t nr = type == PIDTYPE_SID ? task_session_nr_ns(task, s->pid_ns) :
					 task_pgrp_nr_ns(task, s->pid_ns);
	struct task_struct *other;

	if (proc_of_nr(s, nr))
		return;
	if (!nr) {
		cr_refuse(s, task, "CR-EIDS", "%s of another pid namespace",
			  what);
		return;
	}
	other = member_outside(s, task, type);
	if (!other)
		return;
	cr_refuse(s, task, "CR-EIDS", "%s %d: pid %d (%s) outside the job is in it",
		  what, nr, task_tgid_vnr(other), other->comm);
	put_task_struct(other);
}

static void proc_collect_ids(struct cr_save *s, struct task_struct *task)
{
	if (!session_outside(s, task))
		proc_collect_gone(s, task, PIDTYPE_SID);
	if (!pgrp_outside(s, task))
		proc_collect_gone(s, task, PIDTYPE_PGID);
}

/* Which namespace of @ns is not the one of @of; the mount namespace on request */
static const char *ns_differs(const struct nsproxy *ns,
			      const struct nsproxy *of, bool mount)
{
	if (ns->uts_ns != of->uts_ns)
		return "UTS";
	if (ns->ipc_ns != of->ipc_ns)
		return "IPC";
	if (ns->net_ns != of->net_ns)
		return "network";
	if (ns->cgroup_ns != of->cgroup_ns)
		return "cgroup";
	if (ns->time_ns != of->time_ns || ns->time_ns_for_children != of->time_ns)
		return "time";
	if (mount && ns->mnt_ns != of->mnt_ns)
		return "mount";
	return NULL;
}

/*
 * All of the job lives where its leader lives, and that is where the saver
 * lives: what the image leaves out is there at restart. The exception is what a
 * restart with pid=ns has made: a pid namespace, and a mount namespace that
 * differs by its /proc.
 */
static struct nsproxy *nsproxy_of(struct task_struct *task)
{
	struct nsproxy *ns;

	task_lock(task);
	ns = task->nsproxy;
	if (ns)
		get_nsproxy(ns);
	task_unlock(task);
	return ns;
}

static void proc_collect_ns(struct cr_save *s, struct task_struct *task)
{
	bool first = task == cr_first_task(s);
	struct nsproxy *ns = nsproxy_of(task);
	struct nsproxy *of = nsproxy_of(first ? current : cr_first_task(s));
	const char *what = NULL;

	if (ns && of)
		what = ns_differs(ns, of, !first || !s->kept);
	if (ns && ns->pid_ns_for_children != s->pid_ns)
		what = "pid (for children)";
	if (task_active_pid_ns(task) != s->pid_ns)
		what = "pid";
	if (what)
		cr_refuse(s, task, "CR-ENS",
			  "%s namespace of its own: not supported yet", what);
	if (ns)
		put_nsproxy(ns);
	if (of)
		put_nsproxy(of);
}

static void proc_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_proc *proc = obj->ptr;
	struct task_struct *task = proc->task;
	struct cr_thread *thread;

	/* reaped since the tree was walked: it will not be there */
	if (!pid_alive(task))
		return;
	proc_collect_ids(s, task);
	if (proc->zombie)
		return;
	if (READ_ONCE(task->exit_state) && thread_group_empty(task))
		return;
	/* its threads have gone, too, since the tree was walked */
	if (list_empty(&proc->threads))
		return;
	/* a thread that has exited is in no namespaces */
	proc_collect_ns(s, list_first_entry(&proc->threads, struct cr_thread,
					    list)->task);
	cr_timers_collect(s, task);
	cr_semundo_collect(s, proc);
	cr_auto_collect(s, proc);
	list_for_each_entry(thread, &proc->threads, list)
		cr_obj_add(s, CR_OBJ_THREAD, thread, thread->task, 1);
}

/* A session of the job has a terminal of the job, or none */
static void proc_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_proc *proc = obj->ptr;
	struct task_struct *task = proc->task;
	struct tty_struct *tty;
	unsigned long flags;

	if (proc->zombie || !lock_task_sighand(task, &flags))
		return;
	tty = tty_kref_get(task->signal->tty);
	cr_sighand_unlock(task, flags);
	if (tty && !session_outside(s, task) && !cr_pty_is_inside(s, tty))
		cr_refuse(s, task, "CR-ETTY",
			  "session with a terminal of its own, whose other side is outside the job");
	tty_kref_put(tty);
}

static void proc_save_rlimits(struct cr_save *s, struct cr_obj *obj,
			      struct task_struct *task)
{
	struct cr_rec_rlimit rec = { .nr = cpu_to_le32(RLIM_NLIMITS) };
	__le64 limits[RLIM_NLIMITS][2];
	int i;

	task_lock(task);
	for (i = 0; i < RLIM_NLIMITS; i++) {
		limits[i][0] = cpu_to_le64(task->signal->rlim[i].rlim_cur);
		limits[i][1] = cpu_to_le64(task->signal->rlim[i].rlim_max);
	}
	task_unlock(task);
	cr_write_detail(s, obj, CR_REC_RLIMIT, &rec, sizeof(rec), limits,
			sizeof(limits));
}

static void proc_record_times(struct cr_save *s, struct task_struct *task,
			      struct cr_rec_proc *rec)
{
	u64 utime, stime;

	/* as users see them: scaled to the run time, which is exact */
	thread_group_cputime_adjusted(task, &utime, &stime);
	rec->utime_ns = cpu_to_le64(utime);
	rec->stime_ns = cpu_to_le64(stime);
	rec->cutime_ns = cpu_to_le64(task->signal->cutime);
	rec->cstime_ns = cpu_to_le64(task->signal->cstime);
	if (s->boottime_ns > task->start_boottime)
		rec->age_ns = cpu_to_le64(s->boottime_ns -
					  task->start_boottime);
}

/* Of the first thread, should the others live on */
static void proc_record_exited(struct task_struct *task,
			       struct cr_rec_proc *rec)
{
	rec->exit_code = cpu_to_le32(task->signal->flags & SIGNAL_GROUP_EXIT ?
				     task->signal->group_exit_code :
				     task->exit_code);
	get_task_comm(rec->comm, task);
}

static void proc_record_signals(struct cr_save *s, struct cr_proc *proc,
				struct cr_rec_proc *rec)
{
	cr_signals_copy(s, proc);
	rec->pending = cpu_to_le64(proc->pending.mask);
	rec->next_timer = cpu_to_le32(proc->next_timer);
	rec->stop_signal = cpu_to_le32(proc->stop_signal);
	rec->stop_flags = cpu_to_le32(proc->stop_flags);
}

static void proc_save(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_proc *proc = obj->ptr;
	struct task_struct *task = proc->task;
	struct signal_struct *signal = task->signal;
	struct cr_rec_proc rec = {};

	rec.pid = cpu_to_le32(task_tgid_nr_ns(task, s->pid_ns));
	if (proc->parent)
		rec.parent = cpu_to_le32(cr_obj_id(s, CR_OBJ_PROC,
						   proc->parent));
	rec.pgid = cpu_to_le32(task_pgrp_nr_ns(task, s->pid_ns));
	rec.sid = cpu_to_le32(task_session_nr_ns(task, s->pid_ns));
	if (session_outside(s, task))
		rec.flags |= cpu_to_le32(CR_PROC_SESSION_OUTSIDE);
	if (pgrp_outside(s, task))
		rec.flags |= cpu_to_le32(CR_PROC_PGRP_OUTSIDE);
	if (signal->tty && !proc->zombie && !session_outside(s, task))
		rec.flags |= cpu_to_le32(CR_PROC_CTTY);
	if (signal->is_child_subreaper)
		rec.flags |= cpu_to_le32(CR_PROC_SUBREAPER);
	rec.exit_signal = cpu_to_le32(proc->parent ? task->exit_signal :
						     SIGCHLD);
	rec.nr_threads = cpu_to_le32(proc->nr_threads);
	rec.oom_score_adj = cpu_to_le32(signal->oom_score_adj);
	proc_record_times(s, task, &rec);
	if (proc->zombie)
		rec.flags |= cpu_to_le32(CR_PROC_ZOMBIE);
	if (proc->headless)
		rec.flags |= cpu_to_le32(CR_PROC_HEADLESS);
	if (proc->zombie || proc->headless)
		proc_record_exited(task, &rec);
	if (!proc->zombie) {
		proc_record_signals(s, proc, &rec);
		cr_auto_save_proc(s, proc, &rec);
	}
	cr_write_obj(s, obj, &rec, sizeof(rec), NULL, 0);
	cr_usage_save_proc(s, obj, task, proc->zombie || proc->headless);
	if (proc->zombie)
		return;
	proc_save_rlimits(s, obj, task);
	cr_timers_save(s, obj, proc);
	cr_semundo_save(s, obj, proc);
	cr_pending_save(s, obj, &proc->pending);
}

static int proc_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_proc rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	return cr_auto_restore_proc(r, id, &rec);
}

static void proc_link(struct cr_restart *r, u32 id)
{
	struct cr_rec_proc rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	cr_auto_link_proc(r, id, &rec);
}

const struct cr_obj_ops cr_proc_ops = {
	.name = "process",
	.rec = CR_REC_PROC,
	.get = proc_none,
	.put = proc_none,
	.collect = proc_collect,
	.outside = proc_outside,
	.save = proc_save,
	.restore = proc_restore,
	.link = proc_link,
	.drop = cr_auto_drop_proc,
};

/* Those that the record does not know are @limits' */
static void rlimits_read(const struct cr_detail_iter *it, struct rlimit *limits)
{
	const char *val = it->view.tail;
	struct cr_rec_rlimit rec;
	unsigned int i, n;
	__le64 pair[2];

	cr_detail(it, &rec, sizeof(rec));
	n = min_t(unsigned int, le32_to_cpu(rec.nr), RLIM_NLIMITS);
	for (i = 0; i < n; i++) {
		memcpy(pair, val + i * sizeof(pair), sizeof(pair));
		limits[i].rlim_cur = le64_to_cpu(pair[0]);
		limits[i].rlim_max = le64_to_cpu(pair[1]);
	}
}

/* No limit may be higher than one that the caller could have set */
static int rlimits_allowed(struct cr_restart *r, u32 pid,
			   const struct cr_detail_iter *it)
{
	struct rlimit limits[RLIM_NLIMITS] = {};
	unsigned int i;

	rlimits_read(it, limits);
	for (i = 0; i < RLIM_NLIMITS; i++)
		if (limits[i].rlim_max > r->rlim_max[i] &&
		    !capable(CAP_SYS_RESOURCE))
			return cr_err(&r->log, -EPERM,
				      "pid %u: resource limit %u is above yours",
				      pid, i);
	return 0;
}

static void rlimits_restore(const struct cr_detail_iter *it)
{
	struct rlimit limits[RLIM_NLIMITS];

	memcpy(limits, current->signal->rlim, sizeof(limits));
	rlimits_read(it, limits);
	task_lock(current->group_leader);
	memcpy(current->signal->rlim, limits, sizeof(limits));
	task_unlock(current->group_leader);
	/* this one is enforced by a timer */
	if (limits[RLIMIT_CPU].rlim_cur != RLIM_INFINITY)
		update_rlimit_cpu(current, limits[RLIMIT_CPU].rlim_cur);
}

/*
 * By its number and the time of its start others tell a process from a later one
 * with the same number: nobody may choose both
 */
static void proc_restore_age(struct cr_restart *r,
			     const struct cr_rec_proc *rec)
{
	u64 now = ktime_get_boottime_ns();
	u64 age = min(le64_to_cpu(rec->age_ns), now);

	if (!r->own_pidns && !checkpoint_restore_ns_capable(&init_user_ns))
		return;
	current->start_boottime = now - age;
	current->start_time = ktime_get_ns() - min(age, ktime_get_ns());
}

/*
 * The past of the process: visible, and not settable by any system call. CPU
 * time goes where that of threads that have exited is kept. Its parent gets it
 * with that of its children, so an aborted one shall not have it.
 */
void cr_proc_set_times(struct task_struct *task, const struct cr_rec_proc *rec)
{
	static const struct cr_rec_proc none;
	struct sighand_struct *sighand = cr_sighand(task);
	struct signal_struct *signal = task->signal;

	if (!sighand)
		return;
	rec = rec ?: &none;
	spin_lock(&sighand->siglock);
	write_seqlock(&signal->stats_lock);
	signal->utime = le64_to_cpu(rec->utime_ns);
	signal->stime = le64_to_cpu(rec->stime_ns);
	signal->sum_sched_runtime = signal->utime + signal->stime;
	/* what users have seen: neither of the two may become less */
	raw_spin_lock(&signal->prev_cputime.lock);
	signal->prev_cputime.utime = signal->utime;
	signal->prev_cputime.stime = signal->stime;
	raw_spin_unlock(&signal->prev_cputime.lock);
	signal->cutime = le64_to_cpu(rec->cutime_ns);
	signal->cstime = le64_to_cpu(rec->cstime_ns);
	write_sequnlock(&signal->stats_lock);
	spin_unlock(&sighand->siglock);
}

int cr_proc_allowed(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_proc rec;
	struct cr_view view;
	int adj, err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	adj = (s32)le32_to_cpu(rec.oom_score_adj);
	if (adj < current->signal->oom_score_adj_min &&
	    !capable(CAP_SYS_RESOURCE))
		return cr_err(&r->log, -EPERM,
			      "pid %u: oom_score_adj %d is below what you may set",
			      le32_to_cpu(rec.pid), adj);
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_RLIMIT)
			continue;
		err = rlimits_allowed(r, le32_to_cpu(rec.pid), &it);
		if (err)
			return err;
	}
	return 0;
}

int cr_proc_restore(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_proc rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	proc_restore_age(r, &rec);
	if (le32_to_cpu(rec.flags) & (CR_PROC_ZOMBIE | CR_PROC_HEADLESS))
		__set_task_comm(current, rec.comm, false);
	if (le32_to_cpu(rec.flags) & CR_PROC_ZOMBIE)
		return 0;
	err = cr_proc_allowed(r, id);
	if (err)
		return err;
	current->signal->is_child_subreaper =
		!!(le32_to_cpu(rec.flags) & CR_PROC_SUBREAPER);
	current->signal->oom_score_adj = (s32)le32_to_cpu(rec.oom_score_adj);
	cr_for_each_detail(&r->img, id, &it)
		if (it.view.type == CR_REC_RLIMIT)
			rlimits_restore(&it);
	return 0;
}
