// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets a signal when something happens to an open file: F_SETOWN, F_SETSIG,
 * O_ASYNC. Owners are tasks of the job, which there are only when the job has
 * been built. An owner that has died is none.
 *
 * Refused: an owner outside the job; owners of directories, which F_NOTIFY has
 * made, and of what is bound to the restarter's.
 *
 * Locks: the owner's, shortly.
 */
#include <linux/fs.h>
#include <linux/fcntl.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/cr_build.h>
#include <linux/cr_file.h>

static struct pid *owner_get(struct file *file, enum pid_type *type,
			     int *sig)
{
	struct fown_struct *owner = file_f_owner(file);
	struct pid *pid;

	*sig = 0;
	if (!owner)
		return NULL;
	read_lock_irq(&owner->lock);
	pid = get_pid(owner->pid);
	*type = owner->pid_type;
	read_unlock_irq(&owner->lock);
	*sig = READ_ONCE(owner->signum);
	return pid;
}

int cr_pid_is_inside(struct cr_save *s, struct pid *pid, enum pid_type type)
{
	struct task_struct *task;
	struct cr_proc *proc;
	int ret = -ESRCH;

	rcu_read_lock();
	if (pid_task(pid, type)) {
		/* a group is named after its leader */
		task = pid_task(pid, type == PIDTYPE_PGID ? PIDTYPE_TGID : type);
		ret = 0;
		list_for_each_entry(proc, &s->procs, list)
			if (task && proc->task == task->group_leader)
				ret = 1;
	}
	rcu_read_unlock();
	return ret;
}

void cr_owner_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	enum pid_type type;
	struct pid *pid;
	int sig;

	pid = owner_get(file, &type, &sig);
	if ((pid || sig) && S_ISDIR(cr_file_inode(file)->i_mode))
		cr_file_refuse(s, obj,
			       "owner for signals of a directory (F_NOTIFY): not supported yet");
	else if (pid && !cr_pid_is_inside(s, pid, type))
		cr_file_refuse(s, obj,
			       "owner for signals (F_SETOWN) outside the job");
	put_pid(pid);
}

static u32 owner_kind(enum pid_type type)
{
	switch (type) {
	case PIDTYPE_PID:
		return CR_OWNER_THREAD;
	case PIDTYPE_PGID:
		return CR_OWNER_GROUP;
	default:
		return CR_OWNER_PROC;
	}
}

void cr_owner_save(struct cr_save *s, struct cr_obj *obj,
		   struct cr_rec_file *rec)
{
	struct file *file = obj->ptr;
	bool async = file->f_flags & FASYNC;
	enum pid_type type;
	struct pid *pid;
	int sig;

	pid = owner_get(file, &type, &sig);
	if ((pid || sig || async) &&
	    le32_to_cpu(rec->kind) == CR_FILE_OUTSIDE) {
		cr_file_refuse(s, obj,
			       "owner for signals (F_SETOWN, O_ASYNC) of what is outside the job");
	} else {
		if (pid && cr_pid_is_inside(s, pid, type) > 0) {
			rec->owner_kind = cpu_to_le32(owner_kind(type));
			rec->owner = cpu_to_le32(pid_nr_ns(pid, s->pid_ns));
		}
		rec->owner_sig = cpu_to_le32(sig);
		if (async) {
			rec->flags |= cpu_to_le32(CR_FILE_ASYNC);
			if (file->f_op->fasync)
				rec->async_fd = cpu_to_le32(obj->fd);
		}
	}
	put_pid(pid);
}

/* ---- restart ---- */

/* fcntl(F_SETOWN_EX) */
static int owner_set(struct cr_restart *r, const struct cr_rec_file *rec,
		     struct file *file)
{
	u32 kind = le32_to_cpu(rec->owner_kind);
	struct pid *pid;
	enum pid_type type = kind == CR_OWNER_THREAD ? PIDTYPE_PID :
			     kind == CR_OWNER_GROUP ? PIDTYPE_PGID :
						      PIDTYPE_TGID;

	pid = cr_restart_pid(r, le32_to_cpu(rec->owner), type);
	if (!pid)
		return -EOPNOTSUPP;
	__f_setown(file, pid, type, 1);
	put_pid(pid);
	return 0;
}

/*
 * fcntl(F_SETFL, O_ASYNC). Of a file that tells nobody of anything it is just a
 * flag, which open() has taken, or which a lease makes.
 */
static int async_set(const struct cr_rec_file *rec, struct file *file)
{
	int err = 0;

	if (file->f_op->fasync)
		err = file->f_op->fasync(le32_to_cpu(rec->async_fd), file, 1);
	if (err < 0)
		return err;
	spin_lock(&file->f_lock);
	file->f_flags |= FASYNC;
	spin_unlock(&file->f_lock);
	return 0;
}

static int owner_restore(struct cr_restart *r, const struct cr_rec_file *rec,
			 struct file *file)
{
	int err = 0;

	if (!rec->owner_kind && !rec->owner_sig &&
	    !(le32_to_cpu(rec->flags) & CR_FILE_ASYNC))
		return 0;
	err = file_f_owner_allocate(file);
	if (!err && rec->owner_kind)
		err = owner_set(r, rec, file);
	if (!err && rec->owner_sig)
		file_f_owner(file)->signum = le32_to_cpu(rec->owner_sig);
	if (!err && (le32_to_cpu(rec->flags) & CR_FILE_ASYNC))
		err = async_set(rec, file);
	/* a terminal takes somebody if there is none: that would be us */
	if (!err && !rec->owner_kind)
		__f_setown(file, NULL, PIDTYPE_TGID, 1);
	return err;
}

int cr_owners_restore(struct cr_restart *r)
{
	struct cr_rec_file rec;
	struct cr_view view;
	u32 id;
	int err;

	for (id = 1; id <= r->img.nr_objects; id++) {
		cond_resched();
		if (r->img.objs[id].type != CR_REC_FILE)
			continue;
		cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
		err = owner_restore(r, &rec, cr_restart_get(r, id));
		if (err)
			return cr_err(&r->log, err,
				      "%*pE: its owner for signals, task %u, cannot be set (%pe)",
				      CR_NAME((const char *)view.tail),
				      le32_to_cpu(rec.owner), ERR_PTR(err));
	}
	return 0;
}
