/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_CORE_NOTES_H
#define MKCRIMG_CORE_NOTES_H

#include "image.h"

/**
 * core_notes() - the notes of a process, as the kernel's core dump has them
 * @img: a checked image
 * @proc: id of its PROC, not a zombie
 * @size: takes their size
 *
 * Return: the notes, to be freed; NULL without memory
 */
void *core_notes(const struct image *img, u32 proc, size_t *size);

#endif
