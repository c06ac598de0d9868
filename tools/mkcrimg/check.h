/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of "mkcrimg check", for an image whose records have passed. Each says
 * one line per problem and returns their number.
 */
#ifndef MKCRIMG_CHECK_H
#define MKCRIMG_CHECK_H

#include "image.h"
#include "mkcrimg.h"

/* One line: why it would not restart */
#define problem(img, fmt, ...)						\
	((unsigned int)failed("%s: " fmt, (img)->path, ##__VA_ARGS__))

/* Checksum of the header; do the segments agree with the records? */
unsigned int check_segments(const struct image *img);
/* Every stored byte: checksums, and what decompression yields */
unsigned int check_memory(const struct image *img);
/* Is there on this machine what a restart needs? */
unsigned int check_machine(const struct image *img);
/* Its parts. Ids, groups, capabilities, securebits */
unsigned int check_creds(const struct image *img);
/* Limits, priorities, the numbers of processes */
unsigned int check_rights(const struct image *img);
/* Names of sockets and terminals, descriptors that lead outside */
unsigned int check_names(const struct image *img);
/* System V objects */
unsigned int check_ipc(const struct image *img);

/* May a new file be made at @path? errno if not */
bool parent_writable(const char *path);

/* What @fn(@arg), which returns -1 or 0, has for errno: in a child, which ends */
int try_in_child(int (*fn)(const void *arg), const void *arg);
/* Numbers behind a key of /proc/self/status; value: how many of @max there are */
unsigned int status_numbers(const char *key, int base, u64 *values,
			    unsigned int max);

#endif
