/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_CORE_H
#define MKCRIMG_CORE_H

#include "core_plan.h"
#include "image.h"

/* The process's own coredump_filter */
#define CORE_OWN	(1u << 31)

/**
 * struct core_out - a core that is to be written
 * @proc: id of its PROC, not a zombie
 * @filter: CORE_* of core_plan.h; CORE_OWN
 * @fd: empty regular file or memfd; becomes sparse where memory is zero
 */
struct core_out {
	u32 proc;
	u32 filter;
	int fd;
};

/**
 * cores_write() - write processes as plain ELF cores
 * @img: a checked image
 * @outs, @nr: which, and where to
 * @max: bytes of memory that all of them may have
 *
 * On all CPUs. What several of them have in common is read once.
 *
 * Return: 0, or ST_FAILED after one line that says why
 */
int cores_write(const struct image *img, const struct core_out *outs,
		size_t nr, u64 max);

/**
 * core_head() - what a core has before its memory: headers and notes
 * @plan: made; takes where in the core each of its pieces lies
 * @proc: id of the PROC, not a zombie
 * @len: takes the size of the head
 * @size: takes the size of the core
 *
 * Return: the head, to be freed; NULL without memory
 */
u8 *core_head(struct core_plan *plan, u32 proc, size_t *len, u64 *size);

/**
 * core_piece_read() - the bytes that a piece is part of
 * @img: the image
 * @p: the piece; its bytes begin at its @skip
 * @buf: room for IMAGE_RUN_BUF bytes
 * @from: takes where they are: @buf, or the records
 *
 * Return: NULL, or what went wrong
 */
const char *core_piece_read(const struct image *img, const struct core_piece *p,
			    u8 *buf, const u8 **from);

#endif
