/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_CORE_H
#define MKCRIMG_CORE_H

#include "image.h"

/**
 * core_write() - write a process as a plain ELF core
 * @img: a checked image
 * @proc: id of its PROC, not a zombie
 * @fd: empty regular file or memfd; becomes sparse where memory is zero
 *
 * Return: 0, or ST_FAILED after one line that says why
 */
int core_write(const struct image *img, u32 proc, int fd);

#endif
