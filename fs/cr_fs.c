// SPDX-License-Identifier: GPL-2.0
/*
 * Working directory, root and umask of a process.
 *
 * A working directory that was removed is made, entered and removed again; its
 * inode number is new.
 *
 * Refused: a root that was removed; directories that no name leads to; an
 * fs_struct that a process outside the job uses (CLONE_FS).
 *
 * The object table holds no reference to an fs_struct: one more user would make
 * an execve() of the job ignore set-user-ID bits.
 *
 * Locks: task_lock over fs->lock, shortly.
 */
#include <linux/fs.h>
#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/namei.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>

/**
 * struct fs_names - cr_obj.aux of an FS
 * @cwd: path of the working directory
 * @root: path of the root
 * @umask: as umask() returns it
 * @cwd_removed: @cwd is what the working directory was called
 */
struct fs_names {
	char *cwd;
	char *root;
	u32 umask;
	bool cwd_removed;
};

static void *fs_of(struct task_struct *task)
{
	return READ_ONCE(task->fs);
}

static void fs_get(struct cr_obj *obj)
{
	/* see above: no reference */
}

static void fs_put(struct cr_obj *obj)
{
	struct fs_names *names = obj->aux;

	if (names) {
		kfree(names->cwd);
		kfree(names->root);
	}
	kfree(names);
}

static char *fs_name(struct cr_save *s, struct cr_obj *obj,
		     const struct path *path, const char *what)
{
	const char *why;
	char *name = cr_path_name(s, path, &why);

	if (name && why)
		cr_refuse(s, obj->holder, "CR-EFS", "%s %*pE: %s", what,
			  CR_NAME(name), why);
	return name;
}

/* Like a file without a name: only of a file system that keeps data */
static bool dir_is_removed(const struct path *path)
{
	return d_unlinked(path->dentry) &&
	       cr_fs_keeps_data(path->dentry->d_sb);
}

static void cwd_outside(struct cr_save *s, struct cr_obj *obj,
			const struct path *cwd)
{
	struct fs_names *names = obj->aux;
	const char *why;

	if (!dir_is_removed(cwd)) {
		names->cwd = fs_name(s, obj, cwd, "working directory");
		return;
	}
	names->cwd = cr_path_name(s, cwd, &why);
	names->cwd_removed = true;
	/* d_path() has marked what is not below the root */
	if (names->cwd && names->cwd[0] != '/')
		cr_refuse(s, obj->holder, "CR-EFS",
			  "working directory %*pE: removed, and not reachable by name",
			  CR_NAME(names->cwd));
}

static void fs_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct fs_struct *fs = obj->ptr;
	struct path cwd = {}, root = {};
	struct fs_names *names;
	u32 users = 0;

	names = kzalloc(sizeof(*names), GFP_KERNEL_ACCOUNT);
	if (!names) {
		cr_fail(s, -ENOMEM);
		return;
	}
	obj->aux = names;
	task_lock(obj->holder);
	if (obj->holder->fs == fs) {
		users = fs->users;
		names->umask = fs->umask;
		get_fs_pwd(fs, &cwd);
		get_fs_root(fs, &root);
	}
	task_unlock(obj->holder);
	/* a running job's thread may be gone by now */
	if (!users)
		return;
	cwd_outside(s, obj, &cwd);
	names->root = fs_name(s, obj, &root, "root directory");
	path_put(&cwd);
	path_put(&root);
	cr_share_check(s, obj, fs_of, users);
}

static void fs_save(struct cr_save *s, struct cr_obj *obj)
{
	struct fs_names *names = obj->aux;
	struct cr_rec_fs rec = {};
	size_t cwd_len, root_len;
	char *tail;

	if (!names->cwd || !names->root) {
		cr_err(&s->log, cr_fail(s, -ESRCH),
		       "pid %d (%s): has ended while it was saved",
		       task_tgid_vnr(obj->holder), obj->holder->comm);
		return;
	}
	cwd_len = strlen(names->cwd) + 1;
	root_len = strlen(names->root) + 1;
	tail = kmalloc(cwd_len + root_len, GFP_KERNEL);
	if (!tail) {
		cr_fail(s, -ENOMEM);
		return;
	}
	memcpy(tail, names->cwd, cwd_len);
	memcpy(tail + cwd_len, names->root, root_len);
	rec.umask = cpu_to_le32(names->umask);
	rec.cwd_len = cpu_to_le32(cwd_len);
	rec.root_len = cpu_to_le32(root_len);
	rec.flags = cpu_to_le32(names->cwd_removed ? CR_FS_CWD_REMOVED : 0);
	cr_write_obj(s, obj, &rec, sizeof(rec), tail, cwd_len + root_len);
	kfree(tail);
}

/* ---- restart ---- */

/* As chdir() does */
static int dir_find(struct cr_restart *r, const char *name, const char *what,
		    struct path *path)
{
	int err = kern_path(name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, path);

	if (!err) {
		err = path_permission(path, MAY_EXEC | MAY_CHDIR);
		if (err)
			path_put(path);
	}
	return err ? cr_err(&r->log, cr_name_err(err),
			    "%s %*pE: cannot be entered (%pe)", what,
			    CR_NAME(name), ERR_PTR(err)) : 0;
}

/* We must be able to enter it; the table is our own */
static int dir_make(const char *name)
{
	int umask = current->fs->umask;
	int err;

	current->fs->umask = 0;
	err = do_mkdirat(AT_FDCWD, getname_kernel(name), 0700);
	current->fs->umask = umask;
	return err;
}

static int dir_enter_removed(struct cr_restart *r, const char *name,
			     const char *what, struct path *path)
{
	int err = dir_find(r, name, what, path);
	int gone = cr_name_remove(name, true);

	if (gone && !err) {
		err = gone;
		path_put(path);
		cr_err(&r->log, err, "%s %*pE: cannot be removed (%pe)",
		       what, CR_NAME(name), ERR_PTR(err));
	}
	return cr_name_err(err);
}

/*
 * As "mkdir DIR && cd DIR && rmdir DIR" does, one task after another. It is
 * called what it was called, or a name would grow with every restart; unless
 * that is taken by now.
 */
static int dir_make_removed(struct cr_restart *r, const char *name,
			    const char *what, struct path *path)
{
	char *tmp = kasprintf(GFP_KERNEL, "%s.%d", name, task_pid_nr(current));
	int err;

	if (!tmp)
		return -ENOMEM;
	err = mutex_lock_killable(&r->removed);
	if (err)
		goto out;
	err = dir_make(name);
	if (err == -EEXIST) {
		err = dir_make(tmp);
		name = tmp;
	}
	if (err) {
		cr_err(&r->log, cr_name_err(err),
		       "%s %*pE was removed: another cannot be made (%pe)",
		       what, CR_NAME(name), ERR_PTR(err));
		err = cr_name_err(err);
	} else {
		err = dir_enter_removed(r, name, what, path);
	}
	mutex_unlock(&r->removed);
out:
	kfree(tmp);
	return err;
}

/* As chroot() does; nothing to do if it is the root already */
static int root_set(struct cr_restart *r, const struct path *path,
		    const char *name)
{
	struct path old;
	int err = 0;
	bool same;

	get_fs_root(current->fs, &old);
	same = path_equal(&old, path);
	path_put(&old);
	if (same)
		return 0;
	if (!ns_capable(current_user_ns(), CAP_SYS_CHROOT))
		err = -EPERM;
	else
		err = security_path_chroot(path);
	if (err)
		return cr_err(&r->log, err,
			      "root directory %*pE: cannot be made the root (%pe)",
			      CR_NAME(name), ERR_PTR(err));
	set_fs_root(current->fs, path);
	return 0;
}

int cr_fs_restore(struct cr_restart *r, u32 id)
{
	const char *cwd_name, *root_name;
	struct cr_rec_fs rec;
	struct cr_view view;
	struct path cwd, root;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	cwd_name = view.tail;
	root_name = cwd_name + le32_to_cpu(rec.cwd_len);
	/* both names start at the restarter's root */
	if (le32_to_cpu(rec.flags) & CR_FS_CWD_REMOVED)
		err = dir_make_removed(r, cwd_name, "working directory", &cwd);
	else
		err = dir_find(r, cwd_name, "working directory", &cwd);
	if (err)
		return err;
	err = dir_find(r, root_name, "root directory", &root);
	if (err)
		goto out_cwd;
	err = root_set(r, &root, root_name);
	if (!err) {
		set_fs_pwd(current->fs, &cwd);
		current->fs->umask = le32_to_cpu(rec.umask) & 0777;
	}
	path_put(&root);
out_cwd:
	path_put(&cwd);
	return err;
}

const struct cr_obj_ops cr_fs_ops = {
	.name		= "working directory",
	.rec		= CR_REC_FS,
	.get		= fs_get,
	.put		= fs_put,
	.outside	= fs_outside,
	.save		= fs_save,
};
