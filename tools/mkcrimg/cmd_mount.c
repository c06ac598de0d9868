// SPDX-License-Identifier: GPL-2.0
/*
 * mkcrimg mount: an image as a read-only file system, by libfuse3. What is in it:
 * mount_tree.c.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <fuse.h>
#include "mount.h"

/* Nothing changes while it is mounted: seconds that the kernel may keep what it knows */
#define FOREVER		(24 * 3600)

/* ---- what the kernel asks for ---- */

static struct mount *mounted(void)
{
	return fuse_get_context()->private_data;
}

/* Requests at the same time: each may wait for another one, see below */
#define THREADS_MAX	10000

/*
 * A mapped file may be one of our own, if an image says so: what is read of it
 * would have us wait for ourselves. The kernel holds no lock then that this needs
 * to get here: no file is opened while it looks up a name.
 */
static bool asked_by_ourselves(void)
{
	pid_t pid = fuse_get_context()->pid;

	return pid > 0 && !syscall(SYS_tgkill, getpid(), pid, 0);
}

static int node_at(const char *path, struct node *node)
{
	if (asked_by_ourselves())
		return -EDEADLK;
	return node_find(mounted(), path, node) ? 0 : -ENOENT;
}

static int op_getattr(const char *path, struct stat *st,
		      struct fuse_file_info *fi)
{
	struct mount *m = mounted();
	u64 ns = le64_to_cpu(m->img.cr.head.realtime_ns);
	struct node node;
	int err;

	(void)fi;
	err = node_at(path, &node);
	if (err)
		return err;
	memset(st, 0, sizeof(*st));
	st->st_mode = node.mode;
	/* 1: how many directories there are is not told */
	st->st_nlink = 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_mtim.tv_sec = ns / 1000000000;
	st->st_mtim.tv_nsec = ns % 1000000000;
	st->st_atim = st->st_mtim;
	st->st_ctim = st->st_mtim;
	if (node.what == NODE_CORE)
		st->st_size = core_size(m, node.task);
	st->st_blocks = (st->st_size + 511) / 512;
	return 0;
}

static int op_readlink(const char *path, char *buf, size_t size)
{
	char *target = NULL;
	struct node node;
	size_t len;
	FILE *out;
	int err;

	err = node_at(path, &node);
	if (err)
		return err;
	if (!node.link)
		return -EINVAL;
	out = open_memstream(&target, &len);
	if (!out)
		return -ENOMEM;
	node.link(out, mounted(), &node);
	if (fclose(out))
		err = -ENOMEM;
	else if (snprintf(buf, size, "%s", target) >= (int)size)
		err = -ENAMETOOLONG;
	free(target);
	return err;
}

/* A directory that is being filled */
struct filling {
	void *buf;
	fuse_fill_dir_t fill;
};

static bool entry_add(void *arg, const char *name, mode_t mode)
{
	const struct stat st = { .st_mode = mode };
	struct filling *f = arg;

	return !f->fill(f->buf, name, &st, 0, 0);
}

static int op_readdir(const char *path, void *buf, fuse_fill_dir_t fill,
		      off_t offset, struct fuse_file_info *fi,
		      enum fuse_readdir_flags flags)
{
	struct filling f = { .buf = buf, .fill = fill };
	struct node node;
	int err;

	(void)offset;
	(void)fi;
	(void)flags;
	err = node_at(path, &node);
	if (err)
		return err;
	if (!S_ISDIR(node.mode))
		return -ENOTDIR;
	if (entry_add(&f, ".", S_IFDIR) && entry_add(&f, "..", S_IFDIR))
		node_list(mounted(), &node, entry_add, &f);
	return 0;
}

static int op_open(const char *path, struct fuse_file_info *fi)
{
	struct handle *h;
	struct node node;
	int err;

	err = node_at(path, &node);
	if (err)
		return err;
	if ((fi->flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	err = handle_open(&h, mounted(), &node);
	if (err)
		return -err;
	fi->fh = (uintptr_t)h;
	/* the others have no size, like those of /proc: read until they end */
	if (node.what == NODE_CORE)
		fi->keep_cache = 1;
	else
		fi->direct_io = 1;
	return 0;
}

static int op_read(const char *path, char *buf, size_t size, off_t offset,
		   struct fuse_file_info *fi)
{
	(void)path;
	return handle_read((struct handle *)(uintptr_t)fi->fh, buf, size,
			   offset);
}

static int op_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	handle_close((struct handle *)(uintptr_t)fi->fh);
	return 0;
}

static void *op_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	(void)conn;
	cfg->entry_timeout = FOREVER;
	cfg->negative_timeout = FOREVER;
	cfg->attr_timeout = FOREVER;
	return mounted();
}

static const struct fuse_operations operations = {
	.init = op_init,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.readdir = op_readdir,
	.open = op_open,
	.read = op_read,
	.release = op_release,
};

/* ---- the command ---- */

/* libfuse's lines, as ours */
static void log_line(enum fuse_log_level level, const char *fmt, va_list args)
{
	if (level > FUSE_LOG_WARNING)
		return;
	fprintf(stderr, "mkcrimg: ");
	vfprintf(stderr, fmt, args);
}

/* Mount options: what mount(8) and /proc/mounts show among them */
static bool options_make(struct fuse_args *args, const char *image)
{
	char source[PATH_MAX + 16], *opts = NULL;
	bool ok;

	snprintf(source, sizeof(source), "fsname=%s", image);
	ok = !fuse_opt_add_opt(&opts, "ro") &&
	     !fuse_opt_add_opt(&opts, "subtype=mkcrimg") &&
	     !fuse_opt_add_opt_escaped(&opts, source) &&
	     !fuse_opt_add_arg(args, "mkcrimg") &&
	     !fuse_opt_add_arg(args, "-o") && !fuse_opt_add_arg(args, opts);
	free(opts);
	return ok;
}

/* Until it is unmounted; libfuse says why, if it does not go */
static int serve(struct fuse *fuse, const char *dir, bool foreground)
{
	struct fuse_session *session = fuse_get_session(fuse);
	struct fuse_loop_config *config;
	int err = ST_FAILED;

	if (fuse_mount(fuse, dir))
		return ST_FAILED;
	config = fuse_loop_cfg_create();
	fuse_loop_cfg_set_max_threads(config, THREADS_MAX);
	fuse_loop_cfg_set_idle_threads(config, 10);
	/* no thread before this, it forks; who waits is told that it is mounted */
	if (!fuse_daemonize(foreground) && !fuse_set_signal_handlers(session)) {
		err = fuse_loop_mt(fuse, config) < 0 ? ST_FAILED : ST_OK;
		fuse_remove_signal_handlers(session);
	}
	fuse_unmount(fuse);
	fuse_loop_cfg_destroy(config);
	return err;
}

static int mount_image(struct mount *m, const char *dir, bool foreground)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	char image[PATH_MAX], where[PATH_MAX];
	struct fuse *fuse;
	struct stat st;
	int err = ST_FAILED;

	if (!realpath(m->img.path, image))
		return failed("%s: %s", m->img.path, strerror(errno));
	if (!realpath(dir, where) || stat(where, &st))
		return failed("%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return failed("%s: %s", dir, strerror(ENOTDIR));
	fuse_set_log_func(log_line);
	if (!options_make(&args, image)) {
		failed("%s: no memory", m->img.path);
		goto out_free;
	}
	fuse = fuse_new(&args, &operations, sizeof(operations), m);
	if (fuse) {
		err = serve(fuse, where, foreground);
		fuse_destroy(fuse);
	}
out_free:
	fuse_opt_free_args(&args);
	return err;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	bool foreground = false;
	struct mount m;
	int opt, err;

	while ((opt = getopt(argc, argv, "f")) != -1) {
		if (opt != 'f')
			return usage(cmd);
		foreground = true;
	}
	if (optind + 2 != argc)
		return usage(cmd);
	if (mount_begin(&m, argv[optind]))
		return ST_FAILED;
	err = mount_image(&m, argv[optind + 1], foreground);
	mount_end(&m);
	return err;
}

const struct cmd cmd_mount = {
	.name = "mount",
	.args = "[-f] FILE DIR",
	.help = "processes of an image as directories, as in /proc; ends with umount DIR",
	.options =
	"      -f       stay in the foreground\n",
	.run = run,
};
