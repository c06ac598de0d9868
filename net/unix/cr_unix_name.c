// SPDX-License-Identifier: GPL-2.0
/*
 * Names of UNIX sockets. An abstract name is bound again as it is. A socket that
 * is bound to a path is bound to a new name in the same directory, which becomes
 * the path when all objects are made: a restart that fails leaves what was there.
 * What was there is the inode that the saved job has left, or that of another
 * job that is gone: it is replaced if it is a socket to which nobody is bound, and
 * the caller may. The inode that is made belongs to the caller.
 *
 * A socket whose path is gone, or that is closed, gets an abstract name at random
 * by which the job's other sockets find it while they are made.
 *
 * The kernel's functions for bind() and connect() do not ask the security modules,
 * as the system calls do: we ask them.
 *
 * In every case the name that is shown in the end is the saved one. Others
 * (/proc/net/unix, sock_diag) may look at a name at any time: one that is bound is
 * written over where it is, and never freed. It is as long as any name for that.
 *
 * Refused: names of 108 bytes without NUL, paths and directories that leave no
 * room for the new name.
 *
 * Locks: unix_state_lock for a path, that of the kernel's table of names while
 * one is written over.
 */
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/random.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/un.h>
#include <linux/cr_kernel.h>
#include "cr_unix.h"

#define PATH_OFFSET	offsetof(struct sockaddr_un, sun_path)
#define TMP_LEN		14	/* "/.cr-" and eight digits, NUL */
#define PRIVATE_MODE	(S_IRUSR | S_IWUSR)	/* of the new name's inode */

bool cr_unix_is_bound(struct sock *sk)
{
	return sk->sk_hash > UNIX_HASH_MOD ||
	       !hlist_unhashed(&sk->sk_bind_node);
}

/* ---- saving ---- */

/* Its path, with references; false: none. Who closes it takes its path away */
static bool path_pin(struct sock *sk, struct path *path)
{
	unix_state_lock(sk);
	*path = unix_sk(sk)->path;
	if (path->dentry)
		path_get(path);
	unix_state_unlock(sk);
	return path->dentry;
}

static char *path_name(struct cr_save *s, const struct path *path,
		       const char **why)
{
	char *name = cr_path_name(s, path, why), *slash;

	if (*why && d_unlinked(path->dentry)) {
		*why = NULL;
		kfree(name);
		return NULL;
	}
	slash = name ? strrchr(name, '/') : NULL;
	if (!*why && slash &&
	    (slash - name + TMP_LEN > UNIX_PATH_MAX ||
	     strlen(name) >= UNIX_PATH_MAX))
		*why = "its path is too long: not supported";
	return name;
}

char *cr_unix_path_save(struct cr_save *s, struct cr_obj *obj, umode_t *mode,
			const char **why)
{
	struct sock *sk = obj->ptr;
	/* pairs with unix_bind() of a job that runs */
	struct unix_address *addr = smp_load_acquire(&unix_sk(sk)->addr);
	struct path path;
	char *name;

	*why = NULL;
	if (addr && addr->len > sizeof(struct sockaddr_un))
		*why = "its name is too long: not supported";
	if (!addr || *why || !cr_unix_is_bound(sk) || !path_pin(sk, &path))
		return NULL;
	name = path_name(s, &path, why);
	*mode = d_inode(path.dentry)->i_mode;
	path_put(&path);
	return name;
}

/* ---- restart ---- */

/* The name that is shown, of a socket that cannot be found by it */
static int addr_set(struct sock *sk, const void *name, u32 len)
{
	struct unix_address *addr;

	addr = kzalloc(sizeof(*addr) + sizeof(struct sockaddr_un),
		       GFP_KERNEL_ACCOUNT);
	if (!addr)
		return -ENOMEM;
	refcount_set(&addr->refcnt, 1);
	addr->len = PATH_OFFSET + len;
	addr->name->sun_family = AF_UNIX;
	memcpy(addr->name->sun_path, name, len);
	smp_store_release(&unix_sk(sk)->addr, addr);
	return 0;
}

/* In place of one of full length; who waits to be accepted has the same */
static void addr_overwrite(struct sock *sk, const void *name, u32 len)
{
	spinlock_t *lock = &sock_net(sk)->unx.table.locks[sk->sk_hash];
	struct unix_address *addr = unix_sk(sk)->addr;

	spin_lock(lock);
	memcpy(addr->name->sun_path, name, len);
	WRITE_ONCE(addr->len, PATH_OFFSET + len);
	spin_unlock(lock);
}

static int addr_bind(struct cr_unix_sock *us, u32 len)
{
	struct sockaddr *addr = (struct sockaddr *)&us->addr;

	us->addr.sun_family = AF_UNIX;
	us->addr_len = PATH_OFFSET + len;
	return security_socket_bind(us->sock, addr, us->addr_len) ?:
	       kernel_bind(us->sock, addr, us->addr_len);
}

static int addr_connect(struct socket *sock, struct sockaddr_un *to, int len)
{
	struct sockaddr *addr = (struct sockaddr *)to;

	return security_socket_connect(sock, addr, len) ?:
	       kernel_connect(sock, addr, len, O_NONBLOCK);
}

int cr_unix_name_connect(struct socket *sock, struct cr_unix_sock *to)
{
	return addr_connect(sock, &to->addr, to->addr_len);
}

static int bind_hidden(struct cr_unix_sock *us)
{
	us->hidden = true;
	snprintf(us->addr.sun_path + 1, UNIX_PATH_MAX - 1, "cr-%016llx",
		 get_random_u64());
	return addr_bind(us, UNIX_PATH_MAX);
}

/* Is somebody bound to the socket at @name? Who connects finds out */
static int path_is_used(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct socket *probe;
	int err;

	err = cr_unix_create(SOCK_DGRAM, &probe);
	if (err)
		return err;
	strscpy(addr.sun_path, name, sizeof(addr.sun_path));
	err = addr_connect(probe, &addr, sizeof(addr));
	sock_release(probe);
	if (err == -ECONNREFUSED)
		return 0;
	/* it is of another type, or connected to another one */
	return !err || err == -EPROTOTYPE || err == -EPERM ? -EADDRINUSE : err;
}

/* Nobody is there, or a socket to which nobody is bound */
static int path_check(struct cr_unix_sock *us, const char *name)
{
	struct path path;
	bool is_sock;
	int err;

	err = kern_path(name, 0, &path);
	us->made = err == -ENOENT;
	if (us->made)
		return 0;
	if (err)
		return err == -ENOTDIR ? -ESTALE : err;
	is_sock = S_ISSOCK(d_backing_inode(path.dentry)->i_mode);
	path_put(&path);
	return is_sock ? path_is_used(name) : -EEXIST;
}

static int path_chmod(const struct path *path, umode_t mode)
{
	struct inode *inode = d_inode(path->dentry);
	struct iattr attr = {
		.ia_valid = ATTR_MODE | ATTR_CTIME,
		.ia_mode = S_IFSOCK | mode,
	};
	int err;

	if ((READ_ONCE(inode->i_mode) & S_IALLUGO) == mode)
		return 0;
	err = mnt_want_write(path->mnt);
	if (err)
		return err;
	inode_lock(inode);
	err = security_path_chmod(path, mode) ?:
	      notify_change(mnt_idmap(path->mnt), path->dentry, &attr, NULL);
	inode_unlock(inode);
	mnt_drop_write(path->mnt);
	return err;
}

/*
 * To a new name behind slashes, so that the name that is saved has room. Until
 * all is made we come in, whatever its mode or our umask, and others do not.
 */
static int bind_path(struct cr_unix_sock *us, const char *path)
{
	size_t dir = strrchr(path, '/') - path;
	char *to = us->addr.sun_path;
	int err;

	if (dir + TMP_LEN > UNIX_PATH_MAX || strlen(path) >= UNIX_PATH_MAX)
		return -ENAMETOOLONG;
	err = path_check(us, path);
	if (err)
		return err;
	memset(to, '/', UNIX_PATH_MAX);
	memcpy(to, path, dir);
	snprintf(to + UNIX_PATH_MAX - TMP_LEN, TMP_LEN, "/.cr-%08x",
		 get_random_u32());
	us->hidden = true;
	/* bind() takes it from there; the descriptor gets its own back */
	err = vfs_fchmod(us->file, PRIVATE_MODE);
	if (err)
		return err;
	err = addr_bind(us, UNIX_PATH_MAX - 1);
	if (err)
		return err == -ENOENT || err == -ENOTDIR ? -ESTALE : err;
	us->at_tmp = true;
	return path_chmod(&unix_sk(us->sk)->path, PRIVATE_MODE);
}

int cr_unix_name_restore(struct cr_unix_sock *us, const struct cr_rec_sock *rec,
			 const char *name)
{
	u32 flags = le32_to_cpu(rec->flags);
	u32 len = le32_to_cpu(rec->name_len);

	if (!len)
		return 0;
	if ((flags & CR_SOCK_BOUND) && !name[0]) {
		memcpy(us->addr.sun_path, name, len);
		return addr_bind(us, len);
	}
	if (rec->path_len)
		return bind_path(us, name + len);
	if ((flags & CR_SOCK_BOUND) ||
	    ((flags & CR_SOCK_DEAD) && us->sk->sk_type == SOCK_DGRAM))
		return bind_hidden(us);
	return addr_set(us->sk, name, len);
}

/*
 * Between the look at what is there and its replacement another process may bind
 * to the path, as it may when a server removes the socket of its predecessor.
 */
static int path_settle(struct cr_unix_sock *us, const char *path, umode_t mode)
{
	int err = path_check(us, path) ?:
		  path_chmod(&unix_sk(us->sk)->path, mode);

	if (err)
		return err;
	err = do_renameat2(AT_FDCWD, getname_kernel(us->addr.sun_path),
			   AT_FDCWD, getname_kernel(path),
			   us->made ? RENAME_NOREPLACE : 0);
	/* not every file system can tell */
	if (err == -EINVAL && us->made)
		err = do_renameat2(AT_FDCWD,
				   getname_kernel(us->addr.sun_path), AT_FDCWD,
				   getname_kernel(path), 0);
	if (err)
		return err;
	us->at_tmp = false;
	strscpy(us->addr.sun_path, path, UNIX_PATH_MAX);
	return 0;
}

int cr_unix_name_settle(struct cr_unix_sock *us, const struct cr_rec_sock *rec,
			const char *name)
{
	u32 len = le32_to_cpu(rec->name_len);
	int err = 0;

	if (us->at_tmp)
		err = path_settle(us, name + len, le32_to_cpu(rec->mode));
	if (!err && us->hidden)
		addr_overwrite(us->sk, name, len);
	return err;
}

void cr_unix_name_undo(struct cr_unix_sock *us)
{
	const struct unix_sock *u = unix_sk(us->sk);

	/* what has replaced a socket that was there stays, as unused as that */
	if (us->at_tmp || (us->made && u->path.dentry))
		cr_name_remove(us->addr.sun_path, false);
}
