/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of "mkcrimg check", for an image whose records have passed. Each says
 * one line per problem and returns their number.
 */
#ifndef MKCRIMG_CHECK_H
#define MKCRIMG_CHECK_H

#include "image.h"

/* Checksum of the header; do the segments agree with the records? */
unsigned int check_segments(const struct image *img);
/* Every stored byte: checksums, and what decompression yields */
unsigned int check_memory(const struct image *img);
/* Is there on this machine what a restart needs? */
unsigned int check_machine(const struct image *img);

#endif
