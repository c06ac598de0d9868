/* SPDX-License-Identifier: GPL-2.0 */
/* A file that appears under its name complete, or not at all. */
#ifndef MKCRIMG_PUBLISH_H
#define MKCRIMG_PUBLISH_H

#include <limits.h>
#include <stdbool.h>

/**
 * struct output - a file on its way
 * @fd: the file, open for reading and writing; no name leads to it, or a hidden
 *	one does
 * @dirfd: its directory
 * @dir: name of the directory, for messages
 * @temp: hidden name that has to be removed; "" while there is none. Written
 *	by one thread, read by the one that handles signals
 */
struct output {
	int fd;
	int dirfd;
	char dir[PATH_MAX];
	char temp[64];
};

/*
 * Each returns 0, or ST_FAILED after one line that says why. The file gets @mode
 * whatever the umask says.
 */
int output_create(struct output *out, const char *path, unsigned int mode);
/* All that was written is on the disk, before it is published; or errno says why not */
bool output_sync(struct output *out);
/* Give the file its name in place of what had it, unless @fresh; sync the name */
int output_publish(struct output *out, const char *path, bool fresh);
/*
 * All of that: @fill writes the file, and returns 0, or ST_FAILED after a line. For
 * one thread; a signal that ends the tool leaves nothing behind
 */
int output_make(const char *path, unsigned int mode,
		int (*fill)(void *arg, int fd), void *arg);
/* Remove what is left; async-signal-safe */
void output_remove(struct output *out);
void output_close(struct output *out);

#endif
