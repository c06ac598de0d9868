// SPDX-License-Identifier: GPL-2.0
/*
 * Queues and sets of a restarted job that nobody is seen to use (cr_ipcid.c).
 *
 * They are known by having been made since the job was started. Of a job that
 * was restarted this is told by its age, in which the time between the save and
 * the restart is missing: it was started after they were made, as it seems. So
 * it is noted which of them a restart has made, or found, for whom.
 *
 * Locks: lock, which is taken within ipc_ids.rwsem.
 */
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include "cr_ipcid.h"

/**
 * struct cr_ipcid_kept - such a queue or set
 * @list: of all of them
 * @ops: its kind
 * @id: its number
 * @ns: in which namespace; only compared
 * @inum: the number of that
 * @leader: of the job; holds a reference
 */
struct cr_ipcid_kept {
	struct list_head list;
	const struct cr_ipcid_ops *ops;
	int id;
	const struct ipc_namespace *ns;
	unsigned int inum;
	struct pid *leader;
};

static DEFINE_MUTEX(lock);
static LIST_HEAD(all);

static void kept_free(struct cr_ipcid_kept *kept)
{
	put_pid(kept->leader);
	kfree(kept);
}

/* Those of jobs that have ended; with @module, all of them. The lock is held */
static void kept_purge(bool module)
{
	struct cr_ipcid_kept *kept, *tmp;
	bool gone;

	list_for_each_entry_safe(kept, tmp, &all, list) {
		rcu_read_lock();
		gone = !pid_task(kept->leader, PIDTYPE_TGID);
		rcu_read_unlock();
		if (!gone && !module)
			continue;
		list_del(&kept->list);
		kept_free(kept);
	}
}

int cr_ipcid_keep_prepare(struct cr_ipcid *o)
{
	o->kept = kzalloc(sizeof(*o->kept), GFP_KERNEL_ACCOUNT);
	if (!o->kept)
		return -ENOMEM;
	o->kept->ops = o->ops;
	o->kept->id = o->id;
	o->kept->ns = o->ns;
	o->kept->inum = o->ns->ns.inum;
	return 0;
}

void cr_ipcid_keep(struct cr_restart *r, struct cr_ipcid *o)
{
	struct cr_rec_proc leader;
	struct cr_view view;

	if (!o->kept)
		return;
	cr_read_obj(&r->img, r->img.leader, &view, &leader, sizeof(leader));
	o->kept->leader = cr_restart_tgid(r, le32_to_cpu(leader.pid));
	mutex_lock(&lock);
	kept_purge(false);
	list_add(&o->kept->list, &all);
	mutex_unlock(&lock);
	o->kept = NULL;
}

void cr_ipcid_keep_put(struct cr_ipcid *o)
{
	if (o->kept)
		kept_free(o->kept);
	o->kept = NULL;
}

bool cr_ipcid_is_kept(const struct cr_ipcid_ops *ops, int id,
		      const struct ipc_namespace *ns,
		      struct task_struct *leader)
{
	const struct cr_ipcid_kept *kept;
	bool found = false;
	struct pid *pid;

	rcu_read_lock();
	pid = get_pid(task_tgid(leader));
	rcu_read_unlock();
	mutex_lock(&lock);
	list_for_each_entry(kept, &all, list) {
		found = kept->id == id && kept->ops == ops && kept->ns == ns &&
			kept->inum == ns->ns.inum && kept->leader == pid;
		if (found)
			break;
	}
	mutex_unlock(&lock);
	put_pid(pid);
	return found;
}

void cr_ipcids_exit(void)
{
	mutex_lock(&lock);
	kept_purge(true);
	mutex_unlock(&lock);
}
