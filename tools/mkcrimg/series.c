// SPDX-License-Identifier: GPL-2.0
/*
 * The images of one job, one after the other. The numbers rise, and none is used
 * again while an image with a higher one is there: the highest is the newest.
 *
 * Nothing is removed by its name alone: it must be an image of the job.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "mkcrimg.h"
#include "series.h"

#define SUFFIX	".crimg"
/* ".NAME.lock", "NAME.999999999.crimg" */
#define EXTRA	17

int series_init(struct series *s, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t dir = slash ? slash - path : 0, len = strlen(name);

	if (len > strlen(SUFFIX) &&
	    !strcmp(name + len - strlen(SUFFIX), SUFFIX))
		len -= strlen(SUFFIX);
	if (!len || len + EXTRA > NAME_MAX || dir >= sizeof(s->dir) ||
	    !strcmp(name, ".") || !strcmp(name, ".."))
		return failed("%s: no name for images", path);
	/* "./NAME" is a path wherever a path is wanted */
	strcpy(s->dir, slash ? "/" : ".");
	if (dir) {
		memcpy(s->dir, path, dir);
		s->dir[dir] = 0;
	}
	memcpy(s->name, name, len);
	s->name[len] = 0;
	return 0;
}

bool series_path(const struct series *s, unsigned int number, char *path,
		 size_t size)
{
	int len = snprintf(path, size, "%s/%s.%u" SUFFIX, s->dir, s->name,
			   number);

	return len > 0 && (size_t)len < size;
}

/* The number in a name of the series; 0: it is none */
static unsigned int name_number(const struct series *s, const char *name)
{
	char again[NAME_MAX + 32];
	size_t len = strlen(s->name);
	unsigned long number;

	if (strncmp(name, s->name, len) || name[len] != '.')
		return 0;
	number = strtoul(name + len + 1, NULL, 10);
	if (!number || number > SERIES_NUMBER_MAX)
		return 0;
	snprintf(again, sizeof(again), "%s.%lu" SUFFIX, s->name, number);
	return strcmp(again, name) ? 0 : number;
}

static bool is_own_file(int dirfd, const char *name)
{
	struct stat st;

	return !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

static int descending(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* Add the numbers in @dir; 0 or an errno */
static int numbers_read(const struct series *s, DIR *dir, bool all,
			unsigned int **numbers, size_t *nr)
{
	struct dirent *entry;
	unsigned int number, *more;

	/* an error is no end: the newest image may be what has not been read */
	while (errno = 0, (entry = readdir(dir))) {
		number = name_number(s, entry->d_name);
		if (!number ||
		    !(all || is_own_file(dirfd(dir), entry->d_name)))
			continue;
		more = realloc(*numbers, (*nr + 1) * sizeof(*more));
		if (!more)
			return ENOMEM;
		*numbers = more;
		more[(*nr)++] = number;
	}
	return errno;
}

unsigned int *series_numbers(const struct series *s, bool all, size_t *nr)
{
	unsigned int *numbers = calloc(1, sizeof(*numbers));
	DIR *dir = opendir(s->dir);
	int err;

	*nr = 0;
	err = !dir ? errno : !numbers ? ENOMEM :
	      numbers_read(s, dir, all, &numbers, nr);
	if (dir)
		closedir(dir);
	if (err) {
		failed("%s: %s", s->dir, strerror(err));
		free(numbers);
		return NULL;
	}
	qsort(numbers, *nr, sizeof(*numbers), descending);
	return numbers;
}

static bool is_same_job(const struct series *s, const struct job_id *a,
			const struct job_id *b)
{
	if (s->mark)
		return b->mark == s->mark;
	return a->pid == b->pid && a->has_random && b->has_random &&
	       !memcmp(a->random, b->random, sizeof(a->random));
}

/* What is damaged was told when it was to be resumed, not at every save */
static bool read_silently(struct job_id *id, const char *path)
{
	int err;

	mute(true);
	err = job_id_read(id, path);
	mute(false);
	return !err;
}

/* Remove those of the job of @id, but for the first @keep; @newest stays */
static void remove_old(const struct series *s, const struct job_id *id,
		       unsigned int newest, unsigned int keep)
{
	unsigned int *numbers, kept = 0;
	char path[PATH_MAX];
	struct job_id other;
	size_t i, nr;

	numbers = series_numbers(s, false, &nr);
	for (i = 0; numbers && i < nr; i++) {
		if (!series_path(s, numbers[i], path, sizeof(path)) ||
		    !read_silently(&other, path) || !is_same_job(s, id, &other))
			continue;
		if (kept++ < keep || numbers[i] == newest)
			continue;
		if (unlink(path) && errno != ENOENT)
			failed("%s: %s", path, strerror(errno));
	}
	free(numbers);
}

void series_thin(const struct series *s, unsigned int newest,
		 unsigned int keep)
{
	char path[PATH_MAX];
	struct job_id id;

	if (series_path(s, newest, path, sizeof(path)) &&
	    !job_id_read(&id, path))
		remove_old(s, &id, newest, keep);
}

void series_remove(const struct series *s)
{
	static const struct job_id nobody;

	remove_old(s, &nobody, 0, 0);
}

/* ---- one user of a series at a time ---- */

static bool lock_path(const struct series *s, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/.%s.lock", s->dir, s->name);

	return len > 0 && (size_t)len < size;
}

/* Whoever had the lock before has removed its file: then there is another one */
static bool is_there(int fd, const char *path)
{
	struct stat st, now;

	return !fstat(fd, &st) && !lstat(path, &now) &&
	       st.st_dev == now.st_dev && st.st_ino == now.st_ino;
}

int series_lock(const struct series *s)
{
	char path[PATH_MAX];
	int fd;

	if (!lock_path(s, path, sizeof(path))) {
		failed("%s: %s", s->dir, strerror(ENAMETOOLONG));
		return -1;
	}
	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) &&
			       errno == EWOULDBLOCK))
			break;
		/* where there are no locks, nobody else is seen */
		if (is_there(fd, path))
			return fd;
		close(fd);
	}
	if (fd < 0)
		failed("%s: %s", path, strerror(errno));
	else
		failed("%s/%s: its images are in use by another mkcrimg run",
		       s->dir, s->name);
	if (fd >= 0)
		close(fd);
	return -1;
}

void series_unlock(const struct series *s, int lock)
{
	char path[PATH_MAX];

	/* somebody may have removed it, and somebody else made another one */
	if (lock_path(s, path, sizeof(path)) && is_there(lock, path))
		unlink(path);
	close(lock);
}
