// SPDX-License-Identifier: GPL-2.0
/* Room on a file system: how much an image takes, how much there must be left. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include "mkcrimg.h"
#include "room.h"

/* Records, notes, and what compression does not make smaller as it did before */
#define MARGIN	(1ull << 20)

bool room_parse(struct room *room, const char *text)
{
	size_t len = strlen(text);
	unsigned long percent;
	char number[4];

	if (!len || text[len - 1] != '%')  {
		room->percent = 0;
		return parse_size(text, &room->bytes);
	}
	if (len > sizeof(number))
		return false;
	memcpy(number, text, len - 1);
	number[len - 1] = 0;
	if (!parse_number(number, 0, 99, &percent))
		return false;
	room->percent = percent;
	room->bytes = percent ? ~0ull : 0;
	return true;
}

static u64 image_size(const struct room *room, u64 memory)
{
	u64 size = memory;

	if (room->last_memory && room->last_stored < room->last_memory)
		size = (double)memory * room->last_stored / room->last_memory;
	return size + MARGIN;
}

int room_check(const struct room *room, int fd, const char *path, u64 memory)
{
	u64 keep = room->bytes, need = image_size(room, memory), avail, part;
	struct statvfs fs;

	if (fstatvfs(fd, &fs))
		return failed("%s: %s", path, strerror(errno));
	avail = (u64)fs.f_bavail * fs.f_frsize;
	part = (u64)fs.f_blocks * fs.f_frsize / 100 * room->percent;
	if (room->percent && part < keep)
		keep = part;
	if (avail >= need && avail - need >= keep)
		return 0;
	return failed("%s: not saved: it may take %s, and %s of the %s that are free have to stay free",
		      path, human_size(need), human_size(keep),
		      human_size(avail));
}
