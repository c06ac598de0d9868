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
 *
 * On all CPUs. What several of them have in common is read once.
 *
 * Return: 0, or ST_FAILED after one line that says why
 */
int cores_write(const struct image *img, const struct core_out *outs,
		size_t nr);

#endif
