// SPDX-License-Identifier: GPL-2.0
/*
 * Names: the path that leads to a file, and what to call a file that has none.
 *
 * A file that has lost the name it was opened by is called by another one, if
 * the kernel knows one.
 *
 * A path is good for the image only if it leads back to what it was made from.
 * It may not: the file was unlinked, its name may belong to another one by now,
 * something may be mounted over it, it may lie in another mount namespace.
 */
#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/fs_struct.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/nsproxy.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <net/sock.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>
#include <linux/cr_tree.h>

/*
 * The root that names start from: the saver's, so that the image can be
 * restarted where the saver stands, also if the job has been chroot()ed. The
 * leader's, if the saver looks into another mount namespace.
 */
static int names_root(struct cr_save *s, struct path *root)
{
	struct task_struct *leader = cr_first_task(s);
	int err = -ESRCH;

	task_lock(leader);
	if (leader->nsproxy && leader->fs) {
		if (leader->nsproxy->mnt_ns == current->nsproxy->mnt_ns)
			get_fs_root(current->fs, root);
		else
			get_fs_root(leader->fs, root);
		err = 0;
	}
	task_unlock(leader);
	return err;
}

static const char *name_check(struct cr_save *s, const struct path *root,
			      const char *name, const struct path *path)
{
	struct path found;
	bool same;
	int err;

	if (d_unlinked(path->dentry) ||
	    (path->dentry->d_flags & DCACHE_NFSFS_RENAMED))
		return "unlinked, and no other name of it is known";
	err = vfs_path_lookup(root->dentry, root->mnt, name, 0, &found);
	if (err == -ENOMEM)
		cr_fail(s, err);
	if (err)
		return err == -ENOENT ? "its name leads nowhere" :
					"its name cannot be looked up";
	same = d_inode(found.dentry) == d_inode(path->dentry);
	path_put(&found);
	return same ? NULL : "its name leads to another file";
}

static char *path_name(struct cr_save *s, const struct path *path,
		       const char **why)
{
	char *buf, *p, *name = NULL;
	struct path root;
	int err;

	*why = NULL;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf) {
		cr_fail(s, -ENOMEM);
		return NULL;
	}
	err = names_root(s, &root);
	if (err) {
		cr_fail(s, err);
		goto out_buf;
	}
	p = __d_path(path, &root, buf, PATH_MAX);
	if (!IS_ERR_OR_NULL(p)) {
		*why = name_check(s, &root, p, path);
	} else {
		*why = p ? "its name is too long" : "not reachable by name";
		p = d_path(path, buf, PATH_MAX);
	}
	name = kstrdup(IS_ERR(p) ? "?" : p, GFP_KERNEL_ACCOUNT);
	if (!name)
		cr_fail(s, -ENOMEM);
	path_put(&root);
out_buf:
	kfree(buf);
	return name;
}

/* Another name of a file; NULL: it needs none, or has none that is known */
static struct dentry *other_name_get(const struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);

	if (!d_unlinked(dentry) || !inode->i_nlink || S_ISDIR(inode->i_mode))
		return NULL;
	return d_find_alias(inode);
}

char *cr_path_name(struct cr_save *s, const struct path *opened,
		   const char **why)
{
	struct dentry *other = other_name_get(opened->dentry);
	struct path named = {
		.mnt = opened->mnt,
		.dentry = other ?: opened->dentry,
	};
	char *name = path_name(s, &named, why);

	dput(other);
	return name;
}

/* ---- names of inodes ---- */

/**
 * struct cr_names - where names are looked for
 * @s: for whom
 * @root: names start here
 * @from: the same place, in a copy of the mounts below, or itself
 * @copied: there is a copy
 * @buf: for a name
 * @dentry: what is looked for
 * @found: its name, in @buf
 *
 * There is no way from a file system to its mounts: all are tried.
 */
struct cr_names {
	struct cr_save *s;
	struct path root;
	struct path from;
	bool copied;
	char *buf;
	struct dentry *dentry;
	char *found;
};

struct cr_names *cr_names_begin(struct cr_save *s)
{
	struct cr_names *names = kzalloc(sizeof(*names), GFP_KERNEL);
	struct vfsmount *mounts;
	int err = -ENOMEM;

	if (!names)
		goto out;
	names->s = s;
	names->buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (names->buf)
		err = names_root(s, &names->root);
	if (err)
		goto out_free;
	names->from = names->root;
	/* of another mount namespace just the root's */
	mounts = collect_mounts(&names->root);
	if (!IS_ERR(mounts)) {
		names->copied = true;
		names->from.mnt = mounts;
		names->from.dentry = mounts->mnt_root;
	} else if (PTR_ERR(mounts) == -ENOMEM) {
		err = -ENOMEM;
		path_put(&names->root);
		goto out_free;
	}
	return names;
out_free:
	kfree(names->buf);
	kfree(names);
out:
	cr_fail(s, err);
	return NULL;
}

void cr_names_end(struct cr_names *names)
{
	if (!names)
		return;
	if (names->copied)
		drop_collected_mounts(names->from.mnt);
	path_put(&names->root);
	kfree(names->buf);
	kfree(names);
}

/* Does a name on this mount lead there? 1 ends the search */
static int name_try(struct vfsmount *mnt, void *data)
{
	struct cr_names *names = data;
	struct path path = { .mnt = mnt, .dentry = names->dentry };
	char *p;

	if (mnt->mnt_sb != names->dentry->d_sb ||
	    !is_subdir(names->dentry, mnt->mnt_root))
		return 0;
	p = __d_path(&path, &names->from, names->buf, PATH_MAX);
	if (IS_ERR_OR_NULL(p) || name_check(names->s, &names->root, p, &path))
		return 0;
	names->found = p;
	return 1;
}

char *cr_inode_name(struct cr_save *s, struct cr_names *names,
		    struct inode *inode, const char **why)
{
	struct dentry *dentry = d_find_alias(inode);
	char *name;

	*why = "no name of it is known";
	names->found = NULL;
	names->dentry = dentry;
	if (dentry && names->copied)
		iterate_mounts(name_try, names, names->from.mnt);
	else if (dentry)
		name_try(names->from.mnt, names);
	if (names->found)
		*why = NULL;
	name = kasprintf(GFP_KERNEL, "%s", names->found ?:
			 dentry ? (const char *)dentry->d_name.name : "?");
	dput(dentry);
	if (!name)
		cr_fail(s, -ENOMEM);
	return name;
}

/* ---- what a file is ---- */

static const struct {
	unsigned long magic;
	const char *what;
} fs_names[] = {
	{ PROC_SUPER_MAGIC,	"/proc file" },
	{ SYSFS_MAGIC,		"/sys file" },
	{ DEBUGFS_MAGIC,	"debugfs file" },
	{ TRACEFS_MAGIC,	"tracefs file" },
	{ CGROUP_SUPER_MAGIC,	"cgroup file" },
	{ CGROUP2_SUPER_MAGIC,	"cgroup file" },
	{ HUGETLBFS_MAGIC,	"hugetlbfs file" },
	{ SECRETMEM_MAGIC,	"secret memory" },
	{ DMA_BUF_MAGIC,	"DMA buffer" },
	{ NSFS_MAGIC,		"namespace" },
	{ PID_FS_MAGIC,		"pidfd" },
	{ BPF_FS_MAGIC,		"bpf object" },
};

static void describe_socket(struct file *file, char *buf, size_t size)
{
	static const char * const types[] = {
		[SOCK_STREAM]		= "stream",
		[SOCK_DGRAM]		= "datagram",
		[SOCK_RAW]		= "raw",
		[SOCK_SEQPACKET]	= "seqpacket",
	};
	struct socket *sock = sock_from_file(file);
	const char *type = NULL;

	if (!sock || !sock->sk) {
		strscpy(buf, "socket", size);
		return;
	}
	if (sock->type >= 0 && sock->type < ARRAY_SIZE(types))
		type = types[sock->type];
	switch (sock->sk->sk_family) {
	case AF_UNIX:
		snprintf(buf, size, "UNIX %s socket", type ?: "?");
		break;
	case AF_INET:
		snprintf(buf, size, "IPv4 %s socket", type ?: "?");
		break;
	case AF_INET6:
		snprintf(buf, size, "IPv6 %s socket", type ?: "?");
		break;
	case AF_NETLINK:
		strscpy(buf, "netlink socket", size);
		break;
	default:
		snprintf(buf, size, "%s socket of family %u", type ?: "?",
			 sock->sk->sk_family);
	}
}

/* "[eventfd]", as the kernel calls it, is an eventfd */
static void describe_anon(struct file *file, char *buf, size_t size)
{
	const char *name = file->f_path.dentry->d_name.name;
	size_t len = strlen(name);

	if (len > 2 && name[0] == '[' && name[len - 1] == ']')
		snprintf(buf, size, "%.*s", (int)len - 2, name + 1);
	else
		strscpy(buf, name, size);
}

/* Returns whether the path says more */
static bool describe_fs(struct file *file, char *buf, size_t size)
{
	const struct super_block *sb = file_inode(file)->i_sb;
	const char *name = file->f_path.dentry->d_name.name;
	int i;

	if (sb->s_magic == ANON_INODE_FS_MAGIC) {
		describe_anon(file, buf, size);
		return false;
	}
	if (sb->s_magic == TMPFS_MAGIC && (sb->s_flags & SB_NOUSER)) {
		strscpy(buf, strncmp(name, "memfd:", 6) ?
			"shared memory without a name" : "memfd", size);
		return false;
	}
	if (sb->s_magic == HUGETLBFS_MAGIC && !strncmp(name, "memfd:", 6)) {
		strscpy(buf, "memfd of huge pages", size);
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(fs_names); i++) {
		if (fs_names[i].magic == sb->s_magic) {
			strscpy(buf, fs_names[i].what, size);
			return !(sb->s_flags & SB_NOUSER);
		}
	}
	snprintf(buf, size, "file of file system %s", sb->s_type->name);
	return true;
}

/* Returns whether the path says more */
static bool describe_type(struct file *file, char *buf, size_t size)
{
	const struct inode *inode = file_inode(file);

	if (file->f_mode & FMODE_PATH) {
		strscpy(buf, "O_PATH", size);
		return true;
	}
	switch (inode->i_mode & S_IFMT) {
	case S_IFSOCK:
		describe_socket(file, buf, size);
		return false;
	case S_IFIFO:
		strscpy(buf, "FIFO", size);
		return true;
	case S_IFBLK:
		snprintf(buf, size, "block device %u:%u", imajor(inode),
			 iminor(inode));
		return true;
	case S_IFCHR:
		if (cr_tty_is_master(file))
			strscpy(buf, "pseudo-terminal master", size);
		else
			snprintf(buf, size, "character device %u:%u",
				 imajor(inode), iminor(inode));
		return true;
	default:
		return describe_fs(file, buf, size);
	}
}

const char *cr_file_describe(struct file *file, bool known, char *buf,
			     size_t size)
{
	char *path, *tmp;
	size_t len;

	if (known) {
		path = d_path(file_user_path(file), buf, size);
		return IS_ERR(path) ? "file" : path;
	}
	if (!describe_type(file, buf, size))
		return buf;
	tmp = kmalloc(PATH_MAX, GFP_KERNEL);
	path = tmp ? d_path(file_user_path(file), tmp, PATH_MAX) : NULL;
	if (!IS_ERR_OR_NULL(path)) {
		len = strlen(buf);
		snprintf(buf + len, size - len, " (%s)", path);
	}
	kfree(tmp);
	return buf;
}

#define REMOVE_TRIES	10

int cr_name_remove(const char *name, bool dir)
{
	int err, tries = 0;

	do {
		err = dir ? do_rmdir(AT_FDCWD, getname_kernel(name)) :
			    do_unlinkat(AT_FDCWD, getname_kernel(name));
	} while (err == -ENOMEM && ++tries < REMOVE_TRIES);
	return err;
}
