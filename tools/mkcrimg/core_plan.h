/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_CORE_PLAN_H
#define MKCRIMG_CORE_PLAN_H

#include "image.h"

/*
 * What goes into a core: the bits of /proc/PID/coredump_filter. Clean pages of
 * files are not in an image, nor are huge pages or DAX: their bits mean nothing.
 */
#define CORE_ANON_PRIVATE	0x01
#define CORE_ANON_SHARED	0x02	/* and of files without a name */
#define CORE_FILE_PRIVATE	0x04
#define CORE_ELF_HEADERS	0x10
#define CORE_FILTER_KNOWN	0x1ff
/* All that the image has, MADV_DONTDUMP or not */
#define CORE_ALL		(~0u)

/**
 * struct core_piece - bytes that lie together in the image
 * @addr: where they belong
 * @len: bytes
 * @id: MM, SHM: from @skip in page run @run; VDSO: from @skip in its tail;
 *	FILE: from the start of the file
 * @offset: in the core
 */
struct core_piece {
	u64 addr;
	u64 len;
	u32 id;
	u32 run;
	u64 skip;
	u64 offset;
};

/**
 * struct core_load - a PT_LOAD
 * @addr: where it begins
 * @len: bytes
 * @flags: PF_*
 * @first, @nr: its pieces; none: zeros. What lies between them is zero, too
 */
struct core_load {
	u64 addr;
	u64 len;
	u32 flags;
	size_t first, nr;
};

/**
 * struct core_plan - the memory of a process as a debugger sees it
 * @img, @mm: whose memory
 * @filter: CORE_*
 * @any_file: whatever is here by now, the first page of each mapped file is there
 * @elf: NULL, or what core_elf_find() has found: no file is looked at then
 * @pieces, @nr_pieces: ascending
 * @loads, @nr_loads: ascending
 * @run: private: the first page run of @mm that has not been passed
 * @flags: private: PF_* of the mapping at hand
 * @err: no memory, or too many
 */
struct core_plan {
	const struct image *img;
	u32 mm;
	u32 filter;
	bool any_file;
	const bool *elf;
	struct core_piece *pieces;
	size_t nr_pieces;
	struct core_load *loads;
	size_t nr_loads;
	u32 run;
	u32 flags;
	int err;
};

/**
 * core_plan_make() - find out what is where
 * @plan: zero but for @img to @elf; to be freed in any case
 *
 * Return: 0 or an errno
 */
int core_plan_make(struct core_plan *plan);
void core_plan_free(struct core_plan *plan);

/*
 * For each id, is it a mapped FILE that is still what it was, and ELF? To be
 * freed; NULL without memory
 */
bool *core_elf_find(const struct image *img);

/**
 * struct core_segment - a part of a load that is all bytes, or all zeros
 * @addr, @len: where
 * @flags: PF_*
 * @piece: the bytes; NULL: zeros
 */
struct core_segment {
	u64 addr;
	u64 len;
	u32 flags;
	const struct core_piece *piece;
};

/* The plan without holes, ascending, to be freed; NULL without memory */
struct core_segment *core_plan_segments(const struct core_plan *plan,
					size_t *nr);

/*
 * The first @len bytes of a FILE, zeros behind its end; NULL, or what went wrong:
 * it may not be any more what it was when the plan was made
 */
const char *core_file_read(const struct image *img, u32 id, void *buf,
			   size_t len);

#endif
