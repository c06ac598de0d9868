// SPDX-License-Identifier: GPL-2.0
/*
 * The file of an automatic image. It is opened by the saver, with the rights of
 * who is saved, by the rules of core(5): new, by no symbolic link, and readable by
 * nobody else. Its name is hidden until it is whole and on the disk.
 *
 * Locks: generations_lock for the table.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kernel.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_kernel.h>
#include "cr_auto_file.h"

#define IMAGE_MODE		0700

/* ---- generations: how many images a job has had ---- */

/**
 * struct cr_auto_generation - of one job
 * @hash: in generations, by @leader
 * @leader: holds a reference; without a task it is forgotten
 * @count: images
 */
struct cr_auto_generation {
	struct hlist_node hash;
	struct pid *leader;
	u32 count;
};

static DEFINE_HASHTABLE(generations, 8);
static DEFINE_MUTEX(generations_lock);

static void generation_forget(struct cr_auto_generation *g)
{
	hash_del(&g->hash);
	put_pid(g->leader);
	kfree(g);
}

/* Those that are gone are forgotten as they are met; the lock is held */
static struct cr_auto_generation *generation_find(struct pid *leader)
{
	struct cr_auto_generation *g, *found = NULL;
	struct hlist_node *tmp;

	hash_for_each_possible_safe(generations, g, tmp, hash,
				    (unsigned long)leader) {
		if (g->leader == leader)
			found = g;
		else if (!pid_has_task(g->leader, PIDTYPE_TGID))
			generation_forget(g);
	}
	return found;
}

struct cr_auto_generation *cr_auto_generation_alloc(void)
{
	return kzalloc(sizeof(struct cr_auto_generation), GFP_KERNEL_ACCOUNT);
}

void cr_auto_generation_free(struct cr_auto_generation *g)
{
	kfree(g);
}

/* The lock is held; @room is taken */
static struct cr_auto_generation *
generation_get(struct pid *leader, struct cr_auto_generation *room)
{
	struct cr_auto_generation *g = generation_find(leader);

	if (g || !room) {
		kfree(room);
		return g;
	}
	room->leader = get_pid(leader);
	hash_add(generations, &room->hash, (unsigned long)leader);
	return room;
}

/* The number of the job's next image, from 1; 0: no memory, or job. @used: it has been */
static u32 generation_next(struct task_struct *leader, bool used)
{
	struct pid *pid = get_task_pid(leader, PIDTYPE_TGID);
	struct cr_auto_generation *g;
	u32 count = 0;

	mutex_lock(&generations_lock);
	g = pid ? generation_get(pid, cr_auto_generation_alloc()) : NULL;
	if (g)
		count = 1 + (used ? g->count++ : g->count);
	mutex_unlock(&generations_lock);
	put_pid(pid);
	return count;
}

u32 cr_auto_images(struct task_struct *leader)
{
	struct pid *pid = get_task_pid(leader, PIDTYPE_TGID);
	struct cr_auto_generation *g;
	u32 count;

	mutex_lock(&generations_lock);
	g = generation_find(pid);
	count = g ? g->count : 0;
	mutex_unlock(&generations_lock);
	put_pid(pid);
	return count;
}

void cr_auto_images_set(struct pid *leader, u32 images,
			struct cr_auto_generation *room)
{
	mutex_lock(&generations_lock);
	generation_get(leader, room)->count = images;
	mutex_unlock(&generations_lock);
}

/* ---- the file ---- */

/* DIR/NAME is DIR/.NAME.PID while it is written */
static int target_names(struct cr_target *t, const char *pattern,
			const struct cr_cause *cause)
{
	u32 generation = generation_next(t->leader, false);
	char *base;
	int err;

	if (!generation)
		return -ENOMEM;
	err = cr_auto_name(pattern, t->leader, cause, generation,
			   t->name, sizeof(t->name));
	if (err)
		return err;
	base = strrchr(t->name, '/');
	base = base ? base + 1 : t->name;
	if (!*base)
		return -EISDIR;
	if (snprintf(t->temp, sizeof(t->temp), "%.*s.%s.%d",
		     (int)(base - t->name), t->name, base,
		     task_pid_nr(current)) >= sizeof(t->temp))
		return -ENAMETOOLONG;
	return 0;
}

/* As core(5) has it: new, nobody else's, and readable by nobody else */
static int target_verify(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode) || inode->i_nlink != 1 ||
	    !(file->f_mode & FMODE_CAN_WRITE))
		return -EINVAL;
	if (!uid_eq(inode->i_uid, current_fsuid()) ||
	    (inode->i_mode & 0777) != IMAGE_MODE)
		return -EPERM;
	return 0;
}

int cr_target_create(struct cr_target *t, const char *pattern,
		     const struct cr_cause *cause, struct cr_log *log)
{
	int err;

	err = target_names(t, pattern, cause);
	if (err)
		return cr_err(log, err, "%s: gives no name", pattern);
	t->file = filp_open(t->temp, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW |
			    O_LARGEFILE, IMAGE_MODE);
	if (IS_ERR(t->file)) {
		err = PTR_ERR(t->file);
		t->file = NULL;
		return cr_err(log, err, "%s: cannot be created (%pe)",
			      t->temp, ERR_PTR(err));
	}
	err = target_verify(t->file);
	if (err)
		return cr_err(log, err, "%s: its file system does not keep owner and mode",
			      t->temp);
	return 0;
}

/* The name is on the disk, too, before anybody is told */
static int dir_sync(const char *name)
{
	struct path path, dir;
	struct file *file;
	int err;

	err = kern_path(name, 0, &path);
	if (err)
		return err;
	dir.mnt = path.mnt;
	dir.dentry = dget_parent(path.dentry);
	file = dentry_open(&dir, O_RDONLY | O_DIRECTORY, current_cred());
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
	} else {
		err = vfs_fsync(file, 0);
		fput(file);
	}
	dput(dir.dentry);
	path_put(&path);
	return err;
}

int cr_target_publish(struct cr_target *t)
{
	int err;

	err = vfs_fsync(t->file, 0);
	if (!err)
		err = do_renameat2(AT_FDCWD, getname_kernel(t->temp), AT_FDCWD,
				   getname_kernel(t->name), 0);
	if (!err) {
		t->temp[0] = 0;
		generation_next(t->leader, true);
		err = dir_sync(t->name);
		/* not all can, and not everybody may read a directory */
		if (err == -EINVAL || err == -EACCES)
			err = 0;
	}
	if (err)
		cr_err(NULL, err, "%s: cannot be brought to the disk (%pe)",
		       t->name, ERR_PTR(err));
	return err;
}

void cr_target_put(struct cr_target *t)
{
	/* it has not been published */
	if (t->file && t->temp[0])
		do_unlinkat(AT_FDCWD, getname_kernel(t->temp));
	if (t->file)
		fput(t->file);
	t->file = NULL;
}

void cr_target_exit(void)
{
	struct hlist_node *tmp;
	struct cr_auto_generation *g;
	int bucket;

	hash_for_each_safe(generations, bucket, tmp, g, hash)
		generation_forget(g);
}
