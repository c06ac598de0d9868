/* SPDX-License-Identifier: GPL-2.0 */
/* The images of one job, one after the other: NAME.1.crimg, NAME.2.crimg ... */
#ifndef MKCRIMG_SERIES_H
#define MKCRIMG_SERIES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* Numbers have at most nine digits */
#define SERIES_NUMBER_MAX	999999999u

/**
 * struct series - where its images are, and whose they are
 * @dir: their directory
 * @name: what is before their numbers
 * @mark: that of the command whose job it is; 0: the job is known by its leader
 */
struct series {
	char dir[PATH_MAX];
	char name[NAME_MAX + 1];
	u64 mark;
};

/**
 * struct job_id - what tells the images of one job from those of others
 * @pid: of the leader
 * @has_random: @random is known
 * @random: what the kernel gave the leader's program at its execve(), and no
 *	other program (AT_RANDOM)
 * @mark: of the command, from the leader's environment; 0: it has none
 * @unread: nothing is known of it, since it could not be read now
 */
struct job_id {
	u32 pid;
	bool has_random;
	u8 random[16];
	u64 mark;
	bool unread;
};

/* Variable in the environment of a command that mkcrimg run has started */
#define JOB_MARK_NAME	"MKCRIMG_RUN"

/* Value: 0, or ST_FAILED after a line that says why the image cannot be read */
int job_id_read(struct job_id *id, const char *path);
/* Of a command with these arguments in the current directory; 0: no memory */
u64 job_mark(char *const argv[]);

/* From "DIR/NAME" or "DIR/NAME.crimg"; 0, or ST_FAILED after a line */
int series_init(struct series *s, const char *path);
/* Name of an image, @size bytes of room; false: it is too long */
bool series_path(const struct series *s, unsigned int number, char *path,
		 size_t size);

/**
 * series_numbers() - which images there are
 * @s: the series
 * @all: whatever has a name of the series, and not only what may be its image:
 *	numbers that are taken
 * @nr: takes how many
 *
 * Regular files of this user whose names are exactly those of the series,
 * whatever they hold.
 *
 * Return: their numbers, the highest first, to be freed; NULL after a line that
 * says why
 */
unsigned int *series_numbers(const struct series *s, bool all, size_t *nr);

/**
 * series_thin() - remove the oldest images of a job
 * @s: the series
 * @newest: number of an image of the job, which is not removed
 * @keep: so many stay, the newest among them
 *
 * What cannot be read, or is an image of another job, is not touched and does
 * not count.
 */
void series_thin(const struct series *s, unsigned int newest,
		 unsigned int keep);

/* Remove all images of the command, which has done its work */
void series_remove(const struct series *s);

/*
 * Nobody else uses the series until series_unlock(). Value: a descriptor, or -1
 * after a line that says why
 */
int series_lock(const struct series *s);
void series_unlock(const struct series *s, int lock);

#endif
