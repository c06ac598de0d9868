/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_SHOW_H
#define MKCRIMG_SHOW_H

#include <json-c/json.h>
#include "fields.h"
#include "image.h"

/*
 * The image as JSON on stdout; @memory: with a hash of each memory's contents.
 * False after a line that says why not
 */
bool show_json(const struct image *img, bool memory);

/* Element @n of a field, in the way that its form says */
struct json_object *json_value(const struct field *f, const void *rec,
			       unsigned int n);
/* A tail; a long one of bytes by its length and hash */
struct json_object *json_tail(enum tail_form form, const struct cr_view *v);

/* An open file, on the line that has begun */
void show_file(const struct image *img, u32 id);
/* Directories, descriptors and locks of a thread */
void show_files(const struct image *img, const struct cr_rec_thread *t);

/* System V objects of the job */
void show_ipc(const struct image *img);

#endif
