/* SPDX-License-Identifier: GPL-2.0 */
/* Room on a file system: an image must not fill it. */
#ifndef MKCRIMG_ROOM_H
#define MKCRIMG_ROOM_H

#include <stdbool.h>
#include <linux/types.h>

/**
 * struct room - what has to stay free on a file system
 * @bytes: that much; at most that much if there is @percent
 * @percent: of the file system's size; 0: @bytes alone
 * @last_memory: memory of the job when it was last saved, as the kernel had
 *	estimated it; 0: not yet
 * @last_stored: size of the image of then
 */
struct room {
	u64 bytes;
	unsigned int percent;
	u64 last_memory;
	u64 last_stored;
};

/* A part of 20, but not more than 4 GiB */
#define ROOM_DEFAULT	{ .bytes = 4ull << 30, .percent = 5 }

/* "SIZE" or "PERCENT%"; false: neither */
bool room_parse(struct room *room, const char *text);

/**
 * room_check() - is there room for an image?
 * @room: what has to stay free
 * @fd: a file on the file system
 * @path: the image's name, for the message
 * @memory: of the job, an estimate
 *
 * The image is taken to be as large as the job's memory, or as much smaller as
 * the last one was.
 *
 * Return: 0, or ST_FAILED after a line that says why
 */
int room_check(const struct room *room, int fd, const char *path, u64 memory);

#endif
