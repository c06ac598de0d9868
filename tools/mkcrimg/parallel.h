/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_PARALLEL_H
#define MKCRIMG_PARALLEL_H

#include <stddef.h>
#include <linux/types.h>

/**
 * parallel() - do a number of things on all CPUs
 * @nr: how many
 * @work: does number n; @buf has room for IMAGE_RUN_BUF bytes. Returns NULL, or
 *	why it failed: then no more are begun
 * @arg: for @work
 * @which: takes the number of the one that failed; may be NULL
 *
 * Return: NULL, or what the first one that failed has returned
 */
const char *parallel(size_t nr,
		     const char *(*work)(void *arg, size_t n, u8 *buf),
		     void *arg, size_t *which);

#endif
