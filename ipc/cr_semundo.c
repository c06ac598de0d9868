// SPDX-License-Identifier: GPL-2.0
/*
 * System V semaphores: what a process undoes when it ends (SEM_UNDO).
 *
 * A process has adjustments to a set, which the kernel adds to the values when
 * the process ends. Saved is, for each set that a process adjusts, what tells the
 * set from others, and its values; restored is the adjustment: the process does
 * once more what it had done, semop() with SEM_UNDO, for all semaphores of a set
 * at once, without waiting. The set itself, and that the values allow it, is the
 * business of cr_semid.c, unless others use it, too: then a semaphore that
 * somebody has taken meanwhile: EBUSY. A set that is not there, or whose values
 * were set, which makes the kernel forget all adjustments: ESTALE.
 *
 * It is done when all tasks are built, and nothing of it before. If the restart
 * fails after that, the end of its processes gives back what they have taken. In
 * place the caller takes for the leader, into a list that becomes its own with
 * the point of no return.
 *
 * Refused: a list that is shared with another process, a thread with a list
 * other than its process', a set that the saver may not read.
 *
 * Locks: while saving, ipc_ids.rwsem for reading, so that a set that was found
 * stays; its own lock for who adjusts it. A process' list goes when the process
 * is killed, be it parked or not, so it is compared and not looked into: it is
 * there as long as one of its entries is in a set that is locked.
 */
#include <linux/idr.h>
#include <linux/list_sort.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sem.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/cr_anon.h>
#include <linux/cr_ipc.h>
#include <linux/cr_ipc_private.h>
#include <linux/cr_kernel.h>

static struct ipc_ids *sem_ids(void)
{
	return &current->nsproxy->ipc_ns->ids[CR_IPC_SEM_IDS];
}

/* What the processes of @list undo in a set; NULL: nothing. The set is locked */
static struct sem_undo *undo_of(struct sem_array *sma,
				const struct sem_undo_list *list)
{
	struct sem_undo *un;
	int i;

	list_for_each_entry(un, &sma->list_id, list_id) {
		if (un->ulp != list)
			continue;
		for (i = 0; i < sma->sem_nsems; i++)
			if (un->semadj[i])
				return un;
		break;
	}
	return NULL;
}

/* The next set, from *@index on, in which @list undoes something. rwsem is held */
static struct sem_array *undone_next(const struct sem_undo_list *list,
				     int *index)
{
	struct kern_ipc_perm *perm;
	struct sem_array *sma;
	bool found = false;

	do {
		rcu_read_lock();
		perm = idr_get_next(&sem_ids()->ipcs_idr, index);
		rcu_read_unlock();
		if (!perm)
			return NULL;
		++*index;
		sma = container_of(perm, struct sem_array, sem_perm);
		spin_lock(&perm->lock);
		found = undo_of(sma, list);
		spin_unlock(&perm->lock);
		cond_resched();
	} while (!found);
	return sma;
}

/* semctl() of commands that take nothing */
static long sem_get(int semid, int nr, int cmd)
{
	return cr_anon_call(__x64_sys_semctl, semid, nr, cmd, 0);
}

/* ---- saving ---- */

/* That of the process; its first thread, if it has exited, has none any more */
static const struct sem_undo_list *list_of(const struct cr_proc *proc)
{
	if (list_empty(&proc->threads))
		return NULL;
	return READ_ONCE(list_first_entry(&proc->threads, struct cr_thread,
					  list)->task->sysvsem.undo_list);
}

/* How many threads of the process have its list; another one is refused */
static unsigned int list_users(struct cr_save *s, struct cr_proc *proc,
			       const struct sem_undo_list *list)
{
	struct cr_thread *thread;
	unsigned int users = 0;

	list_for_each_entry(thread, &proc->threads, list) {
		struct task_struct *task = thread->task;

		if (READ_ONCE(task->sysvsem.undo_list) == list)
			users++;
		/* one that ends has no list any more */
		else if (!(READ_ONCE(task->flags) & PF_EXITING))
			cr_refuse(s, task, "CR-ESEM",
				  "thread %d: a semaphore undo list of its own: not supported yet",
				  task_pid_nr_ns(task, s->pid_ns));
	}
	return users;
}

/* Is the kernel's set what semctl() shows, and may we read it? */
static void set_collect_values(struct cr_save *s, struct task_struct *task,
			       const struct sem_array *sma, bool known)
{
	int id = sma->sem_perm.id;
	long val = sem_get(id, sma->sem_nsems - 1, GETVAL);

	if (val < 0 && val != -EINVAL)
		cr_refuse(s, task, "CR-ESEM",
			  "semaphore set %d: may not be read (%pe)", id,
			  ERR_PTR(val));
	else if (!known || val < 0 ||
		 sem_get(id, sma->sem_nsems, GETVAL) != -EINVAL)
		cr_refuse(s, task, "CR-ESEM",
			  "semaphore set %d: not as this module knows it: another kernel",
			  id);
}

static void set_collect(struct cr_save *s, struct task_struct *task,
			struct sem_array *sma, const struct sem_undo_list *list,
			unsigned int users)
{
	int id = sma->sem_perm.id, i, nr = 0;
	int semopm = current->nsproxy->ipc_ns->sem_ctls[CR_IPC_SEMOPM];
	struct sem_undo *un;
	bool known = true;
	unsigned int refs = 0;

	spin_lock(&sma->sem_perm.lock);
	un = undo_of(sma, list);
	if (un) {
		refs = refcount_read(&un->ulp->refcnt);
		known = un->semid == id;
		for (i = 0; i < sma->sem_nsems; i++)
			nr += !!un->semadj[i];
	}
	spin_unlock(&sma->sem_perm.lock);
	if (refs > users)
		cr_refuse(s, task, "CR-ESHARE",
			  "semaphore set %d: undo list shared with another process: not supported yet",
			  id);
	/* one call takes them all */
	if (nr > semopm)
		cr_refuse(s, task, "CR-ESEM",
			  "semaphore set %d: %d adjustments: more than SEMOPM (%d)",
			  id, nr, semopm);
	if (sma->sem_nsems > CR_MAX_SEMS)
		cr_refuse(s, task, "CR-ESEM",
			  "semaphore set %d: %d semaphores: more than %u", id,
			  sma->sem_nsems, CR_MAX_SEMS);
	set_collect_values(s, task, sma, known);
}

void cr_semundo_collect(struct cr_save *s, struct cr_proc *proc)
{
	const struct sem_undo_list *list = list_of(proc);
	unsigned int users = list_users(s, proc, list), nr = 0;
	struct sem_array *sma;
	int index = 0;

	if (!list)
		return;
	down_read(&sem_ids()->rwsem);
	while (nr <= CR_MAX_SEMUNDOS && (sma = undone_next(list, &index))) {
		set_collect(s, proc->task, sma, list, users);
		nr++;
	}
	up_read(&sem_ids()->rwsem);
	if (nr > CR_MAX_SEMUNDOS)
		cr_refuse(s, proc->task, "CR-ESEM",
			  "it adjusts more than %u semaphore sets",
			  CR_MAX_SEMUNDOS);
}

/**
 * struct undo - what a process undoes in one set, as it will be written
 * @list: of all sets of the process
 * @rec: its record
 * @nr: number of @sems
 * @sems: its tail
 */
struct undo {
	struct list_head list;
	struct cr_rec_semundo rec;
	u32 nr;
	struct cr_sem sems[];
};

/* The set is locked */
static void undo_record(const struct sem_array *sma, const struct sem_undo *un,
			struct undo *u)
{
	const struct kern_ipc_perm *perm = &sma->sem_perm;
	struct user_namespace *ns = &init_user_ns;
	struct cr_rec_semundo *rec = &u->rec;
	u32 i;

	rec->semid = cpu_to_le32(perm->id);
	rec->key = cpu_to_le32(perm->key);
	rec->nsems = cpu_to_le32(u->nr);
	rec->mode = cpu_to_le32(perm->mode & S_IRWXUGO);
	rec->uid = cpu_to_le32(from_kuid_munged(ns, perm->uid));
	rec->gid = cpu_to_le32(from_kgid_munged(ns, perm->gid));
	rec->cuid = cpu_to_le32(from_kuid_munged(ns, perm->cuid));
	rec->cgid = cpu_to_le32(from_kgid_munged(ns, perm->cgid));
	rec->ctime = cpu_to_le64(sma->sem_ctime);
	for (i = 0; i < u->nr; i++)
		u->sems[i].semadj = cpu_to_le32(un->semadj[i]);
}

/* The job's number of a process that we call @nr */
static pid_t pid_of_job(struct cr_save *s, pid_t nr)
{
	pid_t pid;

	rcu_read_lock();
	pid = pid_nr_ns(find_vpid(nr), s->pid_ns);
	rcu_read_unlock();
	return pid;
}

/* Others may go on changing them: each is what it was at some moment */
static void undo_record_values(struct cr_save *s, int semid, struct undo *u)
{
	long val, pid;
	u32 i;

	for (i = 0; i < u->nr && !s->err; i++) {
		val = sem_get(semid, i, GETVAL);
		pid = sem_get(semid, i, GETPID);
		if (val < 0 || pid < 0) {
			cr_err(&s->log, cr_fail(s, val < 0 ? val : pid),
			       "semaphore set %d: cannot be read", semid);
			return;
		}
		u->sems[i].semval = cpu_to_le32(val);
		u->sems[i].sempid = cpu_to_le32(pid_of_job(s, pid));
		cond_resched();
	}
}

static void undo_add(struct cr_save *s, struct cr_proc *proc,
		     struct sem_array *sma, const struct sem_undo_list *list,
		     struct list_head *undos)
{
	struct sem_undo *un;
	struct undo *u;

	u = kvzalloc(struct_size(u, sems, sma->sem_nsems), GFP_KERNEL_ACCOUNT);
	if (!u) {
		cr_fail(s, -ENOMEM);
		return;
	}
	u->nr = sma->sem_nsems;
	list_add_tail(&u->list, undos);
	spin_lock(&sma->sem_perm.lock);
	un = undo_of(sma, list);
	if (un)
		undo_record(sma, un, u);
	spin_unlock(&sma->sem_perm.lock);
	if (un)
		undo_record_values(s, sma->sem_perm.id, u);
	else
		cr_fail_killed(s, proc->task);
}

static int undo_cmp(void *priv, const struct list_head *a,
		    const struct list_head *b)
{
	const struct undo *x = list_entry(a, struct undo, list);
	const struct undo *y = list_entry(b, struct undo, list);

	return le32_to_cpu(x->rec.semid) > le32_to_cpu(y->rec.semid);
}

void cr_semundo_save(struct cr_save *s, struct cr_obj *obj,
		     struct cr_proc *proc)
{
	const struct sem_undo_list *list = list_of(proc);
	struct undo *u, *tmp;
	struct sem_array *sma;
	LIST_HEAD(undos);
	int index = 0;

	if (!list)
		return;
	down_read(&sem_ids()->rwsem);
	while (!s->err && (sma = undone_next(list, &index)))
		undo_add(s, proc, sma, list, &undos);
	up_read(&sem_ids()->rwsem);
	list_sort(NULL, &undos, undo_cmp);
	list_for_each_entry_safe(u, tmp, &undos, list) {
		cr_write_detail(s, obj, CR_REC_SEMUNDO, &u->rec, sizeof(u->rec),
				u->sems, u->nr * sizeof(u->sems[0]));
		kvfree(u);
	}
}

/* ---- restart ---- */

static int set_err(struct cr_restart *r, const struct cr_rec_semundo *rec,
		   int err, const char *why)
{
	return cr_err(&r->log, err, "semaphore set %u (key 0x%08x): %s",
		      le32_to_cpu(rec->semid), le32_to_cpu(rec->key), why);
}

/* Locked */
static const char *set_differs(const struct cr_rec_semundo *rec,
			       const struct sem_array *sma)
{
	const struct kern_ipc_perm *perm = &sma->sem_perm;
	struct user_namespace *ns = &init_user_ns;

	if (perm->deleted)
		return "is gone";
	if (perm->id != le32_to_cpu(rec->semid) ||
	    perm->key != (key_t)le32_to_cpu(rec->key) ||
	    sma->sem_nsems != le32_to_cpu(rec->nsems) ||
	    from_kuid(ns, perm->cuid) != le32_to_cpu(rec->cuid) ||
	    from_kgid(ns, perm->cgid) != le32_to_cpu(rec->cgid))
		return "is gone, and another one has its place";
	if (sma->sem_ctime != le64_to_cpu(rec->ctime))
		return "is another one, or was set since by semctl()";
	return NULL;
}

/* Is the set there that was saved? */
static int set_check(struct cr_restart *r, const struct cr_rec_semundo *rec)
{
	struct ipc_ids *ids = sem_ids();
	const char *why = "is gone";
	struct kern_ipc_perm *perm;

	down_read(&ids->rwsem);
	rcu_read_lock();
	perm = ipc_obtain_object_idr(ids, le32_to_cpu(rec->semid));
	if (!IS_ERR(perm)) {
		spin_lock(&perm->lock);
		why = set_differs(rec, container_of(perm, struct sem_array,
						    sem_perm));
		spin_unlock(&perm->lock);
	}
	rcu_read_unlock();
	up_read(&ids->rwsem);
	return why ? set_err(r, rec, -ESTALE, why) : 0;
}

/* How each semaphore was changed; value: how many of them. @sops: takes it */
static unsigned int undo_reverse(u32 nsems, const void *tail,
				 struct sembuf *sops)
{
	unsigned int nr = 0;
	struct cr_sem sem;
	u32 i;

	for (i = 0; i < nsems; i++) {
		memcpy(&sem, tail + i * sizeof(sem), sizeof(sem));
		if (!sem.semadj)
			continue;
		if (sops) {
			sops[nr].sem_num = i;
			sops[nr].sem_op = -(s32)le32_to_cpu(sem.semadj);
			sops[nr].sem_flg = SEM_UNDO | IPC_NOWAIT;
		}
		nr++;
	}
	return nr;
}

/* -EAGAIN: not now */
static int undo_restore(struct cr_restart *r, const struct cr_rec_semundo *rec,
			const void *tail)
{
	struct ipc_namespace *ns = current->nsproxy->ipc_ns;
	u32 nsems = le32_to_cpu(rec->nsems);
	unsigned int nr = undo_reverse(nsems, tail, NULL);
	struct sembuf *sops;
	int err;

	/* before any memory is taken for them, as in semop() */
	if (nr > ns->sem_ctls[CR_IPC_SEMOPM])
		return set_err(r, rec, -E2BIG,
			       "more adjustments than SEMOPM allows");
	sops = kvmalloc_array(nr, sizeof(*sops), GFP_KERNEL_ACCOUNT);
	if (!sops)
		return -ENOMEM;
	undo_reverse(nsems, tail, sops);
	err = __do_semtimedop(le32_to_cpu(rec->semid), sops, nr, NULL, ns);
	kvfree(sops);
	switch (err) {
	case 0:
	case -EAGAIN:
		return err;
	case -ERANGE:	/* it is above what it can have been */
		return -EAGAIN;
	case -EIDRM:
	case -EINVAL:
		return set_err(r, rec, -ESTALE, "is gone");
	case -EACCES:
		return set_err(r, rec, err, "you may not change it");
	default:
		return set_err(r, rec, err, "cannot be changed");
	}
}

u32 cr_semundo_count(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;
	u32 nr = 0;

	cr_for_each_detail(&r->img, id, &it)
		nr += it.view.type == CR_REC_SEMUNDO;
	return nr;
}

int cr_semundo_restore(struct cr_restart *r, u32 id, u32 *done)
{
	struct cr_rec_semundo rec;
	struct cr_detail_iter it;
	u32 nr = 0;
	int err;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_SEMUNDO || nr++ < *done)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		err = set_check(r, &rec) ?:
		      undo_restore(r, &rec, it.view.tail);
		if (err)
			return err;
		++*done;
		cond_resched();
	}
	return 0;
}

int cr_semundo_busy(struct cr_restart *r, u32 id, u32 nr)
{
	struct cr_rec_semundo rec = {};
	struct cr_detail_iter it;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_SEMUNDO || nr--)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		break;
	}
	return set_err(r, &rec, -EBUSY,
		       "what the job had of it somebody else has now");
}

/* ---- restart in place ---- */

/* current's list and the one of the leader that it will be change places */
static void lists_swap(struct cr_restart *r)
{
	swap(current->sysvsem, r->sysvsem);
}

/* The list has one place; whether the caller needs it for himself */
static bool caller_has_undos(void)
{
	const struct sem_undo_list *list = current->sysvsem.undo_list;
	int index = 0;
	bool has;

	if (!list)
		return false;
	down_read(&sem_ids()->rwsem);
	has = undone_next(list, &index);
	up_read(&sem_ids()->rwsem);
	return has;
}

int cr_semundo_restore_caller(struct cr_restart *r, u32 id, u32 *done)
{
	int err;

	if (caller_has_undos())
		return cr_err(&r->log, -EOPNOTSUPP,
			      "in place: you hold System V semaphores (SEM_UNDO), and the leader does: not supported yet");
	lists_swap(r);
	err = cr_semundo_restore(r, id, done);
	lists_swap(r);
	return err;
}

void cr_semundo_adopt(struct cr_restart *r)
{
	if (!r->sysvsem.undo_list)
		return;
	/* nothing is undone in it, but others may share it */
	exit_sem(current);
	lists_swap(r);
}

void cr_semundo_undo(struct cr_restart *r)
{
	if (!r->sysvsem.undo_list)
		return;
	lists_swap(r);
	exit_sem(current);
	lists_swap(r);
}
