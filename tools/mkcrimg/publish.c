// SPDX-License-Identifier: GPL-2.0
/*
 * Publishing a file: without a name while it is written (O_TMPFILE; where the
 * file system has none, under a hidden name), synced, then renamed over what
 * had its name. The name leads to the old file or to the whole new one.
 *
 * Who is killed while his file has a hidden name cannot remove it. A writer
 * holds a lock on his file, so the next one in the directory sees which are
 * abandoned, whatever the machine or the pid namespace of who made them.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "mkcrimg.h"
#include "publish.h"

#define MODE	0600	/* until all is well */
#define TRIES	100

/* An image replaces a file, nothing else */
static int target_check(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : failed("%s: %s", path,
						    strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return failed("%s: exists and is no regular file", path);
	return 0;
}

/* "dir/": what is meant is no file, even if there is no such directory */
static bool is_dir_name(const char *path)
{
	return !*path || path[strlen(path) - 1] == '/';
}

/* A name that nobody has: .crimg.PID.N */
static void temp_name(char *name, size_t size, unsigned int n)
{
	snprintf(name, size, ".crimg.%d.%u", getpid(), n);
}

/* Is it one that temp_name() makes? */
static bool is_temp_name(const char *name)
{
	unsigned int pid, n;
	int len = 0;

	return sscanf(name, ".crimg.%u.%u%n", &pid, &n, &len) == 2 &&
	       isdigit(name[7]) && len && !name[len] &&
	       isdigit(strrchr(name, '.')[1]);
}

/* Remove a file of ours that its writer has left behind */
static void sweep_one(int dirfd, const char *name)
{
	struct stat st, now;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return;
	fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	/* the name may lead to another file by now, whose lock this is not */
	if (!flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st) &&
	    !fstatat(dirfd, name, &now, AT_SYMLINK_NOFOLLOW) &&
	    st.st_dev == now.st_dev && st.st_ino == now.st_ino)
		unlinkat(dirfd, name, 0);
	close(fd);
}

static void sweep(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (is_temp_name(entry->d_name))
			sweep_one(dirfd, entry->d_name);
	closedir(dir);
}

/* Lock a file before it is one of value. False: it was swept before */
static bool claim(int fd)
{
	struct stat st;

	/* where there are no locks, nothing is swept either */
	flock(fd, LOCK_EX);
	return !fstat(fd, &st) && st.st_nlink;
}

static int hidden_create(struct output *out)
{
	char name[sizeof(out->temp)];
	unsigned int n;
	int fd = -1;

	for (n = 0; n < TRIES && fd < 0; n++) {
		temp_name(name, sizeof(name), n);
		fd = openat(out->dirfd, name, O_RDWR | O_CREAT | O_EXCL |
			    O_NOFOLLOW | O_CLOEXEC, MODE);
		if (fd < 0 && errno != EEXIST)
			break;
		if (fd >= 0 && !claim(fd)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		strcpy(out->temp, name);
	return fd;
}

int output_create(struct output *out, const char *path, unsigned int mode)
{
	char copy[PATH_MAX];
	int err;

	memset(out, 0, sizeof(*out));
	out->fd = -1;
	out->dirfd = -1;
	if (strlen(path) >= sizeof(copy))
		return failed("%s: %s", path, strerror(ENAMETOOLONG));
	err = target_check(path);
	if (err)
		return err;
	if (is_dir_name(path))
		return failed("%s: %s", path, strerror(EISDIR));
	strcpy(copy, path);
	strcpy(out->dir, dirname(copy));
	out->dirfd = open(out->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->dirfd < 0)
		return failed("%s: %s", out->dir, strerror(errno));
	sweep(out->dirfd);
	out->fd = openat(out->dirfd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, MODE);
	if (out->fd < 0)
		out->fd = hidden_create(out);
	else
		claim(out->fd);
	if (out->fd < 0 || fchmod(out->fd, mode)) {
		err = failed("%s: %s", path, strerror(errno));
		output_close(out);
	}
	return err;
}

/* A file of O_TMPFILE gets a hidden name, which can then be renamed */
static int link_hidden(struct output *out)
{
	char from[64], name[sizeof(out->temp)];
	unsigned int n;

	snprintf(from, sizeof(from), "/proc/self/fd/%d", out->fd);
	for (n = 0; n < TRIES; n++) {
		temp_name(name, sizeof(name), n);
		strcpy(out->temp, name);
		if (!linkat(AT_FDCWD, from, out->dirfd, name,
			    AT_SYMLINK_FOLLOW))
			return 0;
		out->temp[0] = 0;
		if (errno != EEXIST)
			break;
	}
	return -1;
}

bool output_sync(struct output *out)
{
	return !fsync(out->fd);
}

/* Where a file system cannot do without it, what has come to be there is replaced */
static int hidden_rename(struct output *out, const char *name, bool fresh)
{
	int err = fresh ? renameat2(out->dirfd, out->temp, out->dirfd, name,
				    RENAME_NOREPLACE) : -1;

	if (!fresh || (err && errno == EINVAL))
		err = renameat(out->dirfd, out->temp, out->dirfd, name);
	return err;
}

int output_publish(struct output *out, const char *path, bool fresh)
{
	char copy[PATH_MAX];
	const char *name;

	strcpy(copy, path);
	name = basename(copy);
	if (!out->temp[0] && link_hidden(out))
		return failed("%s: %s", path, strerror(errno));
	if (hidden_rename(out, name, fresh))
		return failed("%s: %s", path, strerror(errno));
	out->temp[0] = 0;
	if (fsync(out->dirfd))
		return failed("%s: %s", out->dir, strerror(errno));
	return 0;
}

/* ---- a file from the first to the last step ---- */

/* What a signal that ends the tool leaves behind otherwise */
static struct output out;

static void die_of(int sig)
{
	output_remove(&out);
	/* it has its usual effect when this returns */
	raise(sig);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction die = {
		.sa_handler = die_of, .sa_flags = SA_RESETHAND,
	};
	struct sigaction sa;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (!sigaction(signals[i], NULL, &sa) &&
		    sa.sa_handler == SIG_DFL)
			sigaction(signals[i], &die, NULL);
}

int output_make(const char *path, unsigned int mode,
		int (*fill)(void *arg, int fd), void *arg)
{
	int err;

	catch_signals();
	err = output_create(&out, path, mode);
	if (err)
		return err;
	err = fill(arg, out.fd);
	if (!err && !output_sync(&out))
		err = failed("%s: %s", path, strerror(errno));
	if (!err)
		err = output_publish(&out, path, false);
	output_close(&out);
	return err;
}

void output_remove(struct output *out)
{
	if (out->temp[0])
		unlinkat(out->dirfd, out->temp, 0);
}

void output_close(struct output *out)
{
	output_remove(out);
	out->temp[0] = 0;
	if (out->fd >= 0)
		close(out->fd);
	if (out->dirfd >= 0)
		close(out->dirfd);
	out->fd = -1;
	out->dirfd = -1;
}
