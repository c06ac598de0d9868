/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_EXPAND_H
#define MKCRIMG_EXPAND_H

#include "image.h"

/**
 * expand() - write an image again, with all of its memory uncompressed
 * @img: a checked image
 * @fd: empty regular file; becomes sparse where memory is zero
 *
 * Return: 0, or ST_FAILED after one line that says why
 */
int expand(const struct image *img, int fd);

#endif
