/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_SHOW_H
#define MKCRIMG_SHOW_H

#include "image.h"

/* The image as JSON on stdout; @memory: with a hash of each memory's contents */
void show_json(const struct image *img, bool memory);

/* System V objects of the job */
void show_ipc(const struct image *img);

#endif
