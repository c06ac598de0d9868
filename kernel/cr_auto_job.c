// SPDX-License-Identifier: GPL-2.0
/*
 * Settings of a job of its own, in place of the sysctls: somebody has declared a
 * process and all its descendants to be a job. Children have what their parent has,
 * whoever becomes their parent later; the job's leader is who was declared.
 *
 * Locks: members_lock for changes of the table, which is read under RCU, also
 * where signals are generated. cr_auto_lock() for declaring.
 */
#include <linux/binfmts.h>
#include <linux/hashtable.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_compat.h>
#include <linux/cr_keeper.h>
#include <linux/cr_kernel.h>
#include <linux/cr_tree.h>
#include <uapi/linux/cr.h>

/* Of processes that appear while they are declared */
#define DECLARE_PASSES		10

/**
 * struct cr_auto_job - settings, and the processes that have them
 * @list: in jobs, while there is a process
 * @ref: one for each process
 * @rcu: it is read without a reference
 * @leader: of the job, before it has a process; holds a reference. NULL: it was gone
 * @set: in place of the sysctls
 */
struct cr_auto_job {
	struct list_head list;
	struct kref ref;
	struct rcu_head rcu;
	struct pid *leader;
	struct cr_auto_set set;
};

/**
 * struct cr_auto_member - a process
 * @hash: in members, by @pid
 * @rcu: it is read without a reference
 * @pid: of the process; holds a reference
 * @job: whose settings it has; holds a reference
 */
struct cr_auto_member {
	struct hlist_node hash;
	struct rcu_head rcu;
	struct pid *pid;
	struct cr_auto_job *job;
};

static DEFINE_HASHTABLE(members, 8);
static LIST_HEAD(jobs);
static DEFINE_SPINLOCK(members_lock);
static unsigned int nr_jobs;
static struct tracepoint *fork_tracepoint, *exit_tracepoint, *exec_tracepoint;

/* ---- the table ---- */

/* Under RCU, or members_lock */
static struct cr_auto_member *member_find(struct pid *pid)
{
	struct cr_auto_member *m;

	hash_for_each_possible_rcu(members, m, hash, (unsigned long)pid,
				   lockdep_is_held(&members_lock))
		if (m->pid == pid)
			return m;
	return NULL;
}

static void job_free(struct rcu_head *rcu)
{
	struct cr_auto_job *job = container_of(rcu, struct cr_auto_job, rcu);

	put_pid(job->leader);
	kfree(job);
}

static void member_free(struct rcu_head *rcu)
{
	struct cr_auto_member *m = container_of(rcu, struct cr_auto_member, rcu);

	put_pid(m->pid);
	kfree(m);
}

/* members_lock is held */
static void job_last(struct kref *ref)
{
	struct cr_auto_job *job = container_of(ref, struct cr_auto_job, ref);

	list_del(&job->list);
	WRITE_ONCE(nr_jobs, nr_jobs - 1);
	call_rcu(&job->rcu, job_free);
}

/* members_lock is held. True: it was the job's last one */
static bool member_remove(struct cr_auto_member *m)
{
	bool last;

	hash_del_rcu(&m->hash);
	last = kref_put(&m->job->ref, job_last);
	call_rcu(&m->rcu, member_free);
	return last;
}

/* members_lock is held; @m is new. What the process had before is gone */
static void member_add(struct cr_auto_member *m, struct pid *pid, struct cr_auto_job *job)
{
	struct cr_auto_member *old = member_find(pid);

	kref_get(&job->ref);
	m->pid = get_pid(pid);
	m->job = job;
	hash_add_rcu(members, &m->hash, (unsigned long)pid);
	if (old)
		member_remove(old);
}

/* ... of one that does not run for us: it may have gone, and been looked for, meanwhile */
static void member_add_alive(struct cr_auto_member *m, struct pid *pid,
			     struct cr_auto_job *job)
{
	struct task_struct *task;

	member_add(m, pid, job);
	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (!task || !atomic_read(&task->signal->live))
		member_remove(m);
	rcu_read_unlock();
}

/* True: that was the last one */
static bool job_put(struct cr_auto_job *job)
{
	bool last;

	spin_lock(&members_lock);
	last = kref_put(&job->ref, job_last);
	spin_unlock(&members_lock);
	return last;
}

/* ---- as processes come and go ---- */

static void probe_fork(void *data, struct task_struct *parent,
		       struct task_struct *child)
{
	struct cr_auto_member *m, *of;

	if (!READ_ONCE(nr_jobs) || !thread_group_leader(child))
		return;
	m = kmalloc(sizeof(*m), GFP_ATOMIC | __GFP_NOWARN);
	spin_lock(&members_lock);
	of = member_find(task_tgid(parent));
	if (m && of) {
		member_add(m, task_tgid(child), of->job);
		m = NULL;
		of = NULL;
	}
	spin_unlock(&members_lock);
	kfree(m);
	if (of)
		pr_warn_ratelimited("binfmt_cr: pid %d: no memory for the settings of its job\n",
				    task_tgid_nr(child));
}

/* It has settings no longer, if it had */
static void member_leaves(struct task_struct *task)
{
	struct cr_auto_member *m;
	bool last;

	spin_lock(&members_lock);
	m = member_find(task_tgid(task));
	last = m && member_remove(m);
	spin_unlock(&members_lock);
	if (last)
		cr_auto_changed();
}

static void probe_exit(void *data, struct task_struct *task)
{
	if (READ_ONCE(nr_jobs) && !atomic_read(&task->signal->live))
		member_leaves(task);
}

/* A program with other credentials is not of who has declared the job */
static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	if (READ_ONCE(nr_jobs) && bprm->secureexec)
		member_leaves(task);
}

static int probes_register(void)
{
	struct tracepoint *fork, *exit, *exec;
	int err;

	if (fork_tracepoint)
		return 0;
	fork = cr_tracepoint("sched_process_fork");
	exit = cr_tracepoint("sched_process_exit");
	exec = cr_tracepoint("sched_process_exec");
	if (!fork || !exit || !exec)
		return -EOPNOTSUPP;
	err = tracepoint_probe_register(exec, probe_exec, NULL);
	if (err)
		return err;
	err = tracepoint_probe_register(fork, probe_fork, NULL);
	if (err)
		goto out_unregister_exec;
	err = tracepoint_probe_register(exit, probe_exit, NULL);
	if (err)
		goto out_unregister_fork;
	fork_tracepoint = fork;
	exit_tracepoint = exit;
	exec_tracepoint = exec;
	return 0;

out_unregister_fork:
	tracepoint_probe_unregister(fork, probe_fork, NULL);
out_unregister_exec:
	tracepoint_probe_unregister(exec, probe_exec, NULL);
	return err;
}

/* ---- what others ask ---- */

bool cr_auto_job_set(struct task_struct *task, struct cr_auto_set *set)
{
	struct cr_auto_member *m;

	if (!READ_ONCE(nr_jobs))
		return false;
	rcu_read_lock();
	m = member_find(task_tgid(task));
	if (m)
		*set = m->job->set;
	rcu_read_unlock();
	return m;
}

struct task_struct *cr_auto_job_leader(struct task_struct *task)
{
	struct task_struct *leader = NULL;
	struct cr_auto_member *m;

	if (!READ_ONCE(nr_jobs))
		return NULL;
	rcu_read_lock();
	m = member_find(task_tgid(task));
	if (m)
		leader = get_pid_task(m->job->leader, PIDTYPE_TGID);
	rcu_read_unlock();
	return leader;
}

struct cr_auto_job *cr_auto_job_get(struct task_struct *task)
{
	struct cr_auto_job *job = NULL;
	struct cr_auto_member *m;

	if (!READ_ONCE(nr_jobs))
		return NULL;
	spin_lock(&members_lock);
	m = member_find(task_tgid(task));
	if (m) {
		job = m->job;
		kref_get(&job->ref);
	}
	spin_unlock(&members_lock);
	return job;
}

void cr_auto_job_hold(struct cr_auto_job *job)
{
	kref_get(&job->ref);
}

void cr_auto_job_put(struct cr_auto_job *job)
{
	if (job_put(job))
		cr_auto_changed();
}

const struct cr_auto_set *cr_auto_job_read(const struct cr_auto_job *job,
					   struct pid **leader)
{
	*leader = job->leader;
	return &job->set;
}

struct cr_auto_member *cr_auto_member_alloc(void)
{
	return kmalloc(sizeof(struct cr_auto_member), GFP_KERNEL_ACCOUNT);
}

void cr_auto_member_free(struct cr_auto_member *m)
{
	kfree(m);
}

void cr_auto_job_lead(struct cr_auto_job *job, struct pid *leader)
{
	job->leader = get_pid(leader);
}

void cr_auto_job_add(struct cr_auto_job *job, struct pid *pid,
		     struct cr_auto_member *m)
{
	spin_lock(&members_lock);
	member_add_alive(m, pid, job);
	spin_unlock(&members_lock);
}

void cr_auto_jobs_each(void (*fn)(const struct cr_auto_set *set, void *data),
		       void *data)
{
	struct cr_auto_job *job;

	spin_lock(&members_lock);
	list_for_each_entry(job, &jobs, list)
		fn(&job->set, data);
	spin_unlock(&members_lock);
}

/* ---- declaring ---- */

/* Those that have not got it yet. Their number, or -ENOMEM */
static int job_add_tree(struct cr_auto_job *job, struct task_struct *leader)
{
	struct cr_tree tree;
	struct cr_auto_member *m, *is;
	int err, nr = 0;
	unsigned int i;

	err = cr_tree_get(leader, &tree);
	if (err)
		return err;
	for (i = 0; i < tree.nr && !err; i++) {
		struct task_struct *task = tree.tasks[i];

		if (!thread_group_leader(task) ||
		    !atomic_read(&task->signal->live))
			continue;
		/* another user's is not of the job */
		if (!same_thread_group(task, current) &&
		    !ptrace_may_access(task, PTRACE_MODE_READ_REALCREDS))
			continue;
		m = kmalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
		err = m ? 0 : -ENOMEM;
		spin_lock(&members_lock);
		is = member_find(task_tgid(task));
		if (m && !(is && is->job == job)) {
			member_add_alive(m, task_tgid(task), job);
			m = NULL;
			nr++;
		}
		spin_unlock(&members_lock);
		kfree(m);
	}
	cr_tree_put(&tree);
	return err ?: nr;
}

static void job_remove(struct cr_auto_job *job)
{
	struct hlist_node *tmp;
	struct cr_auto_member *m;
	int bucket;

	spin_lock(&members_lock);
	hash_for_each_safe(members, bucket, tmp, m, hash)
		if (m->job == job)
			member_remove(m);
	spin_unlock(&members_lock);
}

struct cr_auto_job *cr_auto_job_create(const struct cr_auto_set *set)
{
	struct cr_auto_job *job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	int err;

	if (!job)
		return ERR_PTR(-ENOMEM);
	err = probes_register();
	if (err) {
		kfree(job);
		return ERR_PTR(err);
	}
	kref_init(&job->ref);
	job->set = *set;
	spin_lock(&members_lock);
	list_add(&job->list, &jobs);
	WRITE_ONCE(nr_jobs, nr_jobs + 1);
	spin_unlock(&members_lock);
	return job;
}

static int job_declare(struct task_struct *leader, const struct cr_auto_set *set)
{
	struct cr_auto_job *job;
	int passes, err = 0;

	job = cr_auto_job_create(set);
	if (IS_ERR(job))
		return PTR_ERR(job);
	cr_auto_job_lead(job, task_tgid(leader));
	/* the job forks meanwhile */
	for (passes = 0; passes < DECLARE_PASSES; passes++) {
		err = job_add_tree(job, leader);
		if (err <= 0)
			break;
	}
	if (err < 0)
		job_remove(job);
	job_put(job);
	return min(err, 0);
}

static int job_forget(struct task_struct *task)
{
	struct cr_auto_job *job = cr_auto_job_get(task);

	if (!job)
		return -ENOENT;
	job_remove(job);
	job_put(job);
	return 0;
}

static int set_read(struct cr_auto_set *set, const struct cr_ioc_auto *arg)
{
	long len;

	memset(set, 0, sizeof(*set));
	if (arg->pattern) {
		len = strncpy_from_user(set->pattern,
					u64_to_user_ptr(arg->pattern),
					sizeof(set->pattern));
		if (len < 0)
			return len;
		if (len == sizeof(set->pattern))
			return -ENAMETOOLONG;
		if (!len || !cr_auto_pattern_valid(set->pattern))
			return -EINVAL;
	}
	if (!cr_auto_signal_valid(arg->save_signal) ||
	    !cr_auto_signal_valid(arg->end_signal) || arg->fatal < -1 ||
	    arg->fatal > 1)
		return -EINVAL;
	set->save_signal = arg->save_signal;
	set->end_signal = arg->end_signal;
	set->fatal = arg->fatal;
	return 0;
}

long cr_auto_ioc_job(void __user *uarg, struct task_struct *(*get)(int pidfd))
{
	struct task_struct *task;
	struct cr_ioc_auto arg;
	struct cr_auto_set set;
	bool forget;
	int err = 0;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if ((arg.flags & ~CR_AUTO_FORGET) || arg.reserved)
		return -EINVAL;
	forget = arg.flags & CR_AUTO_FORGET;
	if (!forget)
		err = set_read(&set, &arg);
	if (err)
		return err;
	task = get(arg.pidfd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	/* oneself, or whom one could make do it */
	err = -EPERM;
	if (same_thread_group(task, current) ||
	    ptrace_may_access(task, PTRACE_MODE_ATTACH_REALCREDS)) {
		cr_auto_lock();
		err = forget ? job_forget(task) : job_declare(task, &set);
		if (!err) {
			err = cr_auto_apply_locked();
			/* they cannot be caught: it shall not look so */
			if (err && !forget)
				job_forget(task);
		}
		cr_auto_unlock();
	}
	put_task_struct(task);
	return err;
}

void cr_auto_jobs_exit(void)
{
	struct hlist_node *tmp;
	struct cr_auto_member *m;
	int bucket;

	if (fork_tracepoint) {
		tracepoint_probe_unregister(fork_tracepoint, probe_fork, NULL);
		tracepoint_probe_unregister(exit_tracepoint, probe_exit, NULL);
		tracepoint_probe_unregister(exec_tracepoint, probe_exec, NULL);
		tracepoint_synchronize_unregister();
	}
	spin_lock(&members_lock);
	hash_for_each_safe(members, bucket, tmp, m, hash)
		member_remove(m);
	spin_unlock(&members_lock);
	/* their callbacks are ours */
	rcu_barrier();
}
