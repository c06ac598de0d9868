/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between two images. */
#ifndef MKCRIMG_DIFF_H
#define MKCRIMG_DIFF_H

#include <json-c/json.h>
#include "image.h"

/* Room for the fixed part of any record */
#define REC_MAX		512

/**
 * struct diff - a comparison
 * @a, @b: the images: what was, and what is now
 * @to_b: [id in @a] of an object: the one of @b that it was compared with
 * @to_a: likewise the other way round
 * @splits: comparisons with a second object of the other image
 * @where: what is being compared: "pid 412 (nginx): fd 7"
 * @pid: of which process; 0: of none
 * @changes: array for the differences; NULL: they are printed
 * @differs: there was one
 * @trouble: something could not be compared
 */
struct diff {
	const struct image *a, *b;
	u32 *to_b, *to_a;
	unsigned int splits;
	char where[2 * CR_PATH_MAX];
	u32 pid;
	struct json_object *changes;
	bool differs;
	bool trouble;
};

/* Pages of a mapping, or of an object */
struct diff_pages {
	u64 changed, bytes;	/* those that both have; bytes that differ */
	u64 new, gone;		/* those that one of them has */
};

/* ---- diff.c: what is said ---- */

/*
 * One step down; value: for diff_leave(). There are never more steps than kinds
 * of objects that refer to one another.
 */
__printf(2, 3) size_t diff_enter(struct diff *d, const char *fmt, ...);
void diff_leave(struct diff *d, size_t where);

/* A field; takes both values */
void diff_changed(struct diff *d, const char *field, struct json_object *was,
		  struct json_object *now);
void diff_text(struct diff *d, const char *field, const char *was,
	       const char *now);
/* "new", "gone": what has been entered is, with so many pages of memory */
void diff_only(struct diff *d, const char *what, u64 pages);
void diff_pages(struct diff *d, const struct diff_pages *p);
/* Something could not be compared: a line on stderr has said why */
void diff_trouble(struct diff *d);

/* ---- diff_record.c ---- */

/* The records at these offsets of both images, of one type */
void diff_record(struct diff *d, size_t a, size_t b);

/* Two objects of one type, and what they refer to; each pair once */
void diff_objects(struct diff *d, u32 a, u32 b);

/* An object that two things refer to; 0: none */
void diff_refs(struct diff *d, const char *field, u32 a, u32 b);

/* A detail's name: "fd 7 (/tmp/log)", "TIMER 3" */
void detail_name(const struct image *img, u32 type, u64 key, size_t offset,
		 char *text, size_t size);

/* ---- diff_memory.c ---- */

void diff_mms(struct diff *d, u32 a, u32 b);
void diff_shms(struct diff *d, u32 a, u32 b);

/* ---- diff_task.c ---- */

void diff_procs(struct diff *d);
/* System V objects, and what waits in sockets; behind diff_procs() */
void diff_others(struct diff *d);

#endif
