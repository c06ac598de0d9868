// SPDX-License-Identifier: GPL-2.0
/*
 * Why the last execve() of an image failed, for the process that tried.
 *
 * A small ring: the oldest reason makes room. A reason is kept by struct pid,
 * which is never another process's, and told to the same user only.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/cr.h>
#include <linux/cr_lasterr.h>

#define KEPT_MAX	64

/**
 * struct kept - one reason
 * @list: in kept, oldest first
 * @pid: who asked; holds a reference
 * @uid: of whom
 * @log: the lines
 */
struct kept {
	struct list_head list;
	struct pid *pid;
	kuid_t uid;
	struct cr_log log;
};

static LIST_HEAD(kept);
static unsigned int nr_kept;
static DEFINE_MUTEX(kept_lock);

static void kept_free(struct kept *k)
{
	list_del(&k->list);
	nr_kept--;
	put_pid(k->pid);
	cr_log_exit(&k->log);
	kfree(k);
}

static struct kept *kept_find(struct pid *pid)
{
	struct kept *k;

	list_for_each_entry(k, &kept, list)
		if (k->pid == pid)
			return k;
	return NULL;
}

void cr_lasterr_clear(void)
{
	struct kept *k;

	mutex_lock(&kept_lock);
	k = kept_find(task_tgid(current));
	if (k)
		kept_free(k);
	mutex_unlock(&kept_lock);
}

void cr_lasterr_set(struct cr_log *log)
{
	struct kept *k;

	cr_lasterr_clear();
	if (!log->buf)
		return;
	k = kzalloc(sizeof(*k), GFP_KERNEL_ACCOUNT);
	if (!k)
		return;
	k->pid = get_pid(task_tgid(current));
	k->uid = current_uid();
	cr_log_init(&k->log, log->what);
	k->log.buf = log->buf;
	k->log.len = log->len;
	log->buf = NULL;
	log->len = 0;
	mutex_lock(&kept_lock);
	list_add_tail(&k->list, &kept);
	if (++nr_kept > KEPT_MAX)
		kept_free(list_first_entry(&kept, struct kept, list));
	mutex_unlock(&kept_lock);
}

int cr_lasterr_get(pid_t nr, u64 uaddr, u32 len)
{
	struct pid *pid;
	struct kept *k;
	int err = -ENOENT;

	pid = nr ? find_get_pid(nr) : get_pid(task_tgid(current));
	if (!pid)
		return -ENOENT;
	mutex_lock(&kept_lock);
	k = kept_find(pid);
	if (k)
		err = uid_eq(k->uid, current_uid()) || capable(CAP_SYS_PTRACE) ?
		      cr_log_copy_to_user(&k->log, uaddr, len) : -EPERM;
	mutex_unlock(&kept_lock);
	put_pid(pid);
	return err;
}

void cr_lasterr_exit(void)
{
	struct kept *k, *tmp;

	list_for_each_entry_safe(k, tmp, &kept, list)
		kept_free(k);
}
