/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading an image's record stream: the one place that does arithmetic on
 * image data. kernel/cr_image.c and kernel/cr_check.c compile unchanged in the
 * kernel and in user space, where tools/mkcrimg/compat/ stands in for the
 * kernel's headers.
 */
#ifndef _LINUX_CR_READER_H
#define _LINUX_CR_READER_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/cr_image.h>

struct cr_log;

/**
 * cr_err() - say why, once, where the reason is known
 * @log: takes the line; may be NULL
 * @err: -errno
 * @fmt: names object and reason; no newline
 *
 * Return: @err
 */
__printf(3, 4) int cr_err(struct cr_log *log, int err, const char *fmt, ...);

/* Where the records of one object lie */
struct cr_obj_index {
	u32 type;
	u32 nr_details;		/* detail records that follow it directly */
	size_t offset;		/* of its note in the stream */
	u32 first_page_run;	/* index into cr_image.page_runs */
	u32 nr_page_runs;
};

/**
 * struct cr_image - an indexed record stream
 * @data: the stream; belongs to the caller, must stay while the index is used
 * @size: its length
 * @head: the head record
 * @end: the end record
 * @nr_objects: entries of @objs are 1 to @nr_objects
 * @objs: where each object lies
 * @page_runs: offset of each PAGES note in the stream
 * @nr_page_runs: their number
 * @leader: id of the leader's PROC
 */
struct cr_image {
	const u8 *data;
	size_t size;
	struct cr_rec_head head;
	struct cr_rec_end end;
	u32 nr_objects;
	struct cr_obj_index *objs;
	size_t *page_runs;
	u32 nr_page_runs;
	u32 leader;
};

/* A record as read: the tail points into the stream */
struct cr_view {
	u32 type;
	u32 id;
	const void *tail;
	size_t tail_len;
	size_t next;		/* offset of the next note */
};

/**
 * cr_image_index() - find every record of a stream
 * @img: filled in; zero it before
 * @data, @size: the stream, all of PT_CR_RECORDS
 * @log: takes the reason of a failure
 *
 * Checks framing, caps, ids, order and the stream's checksum, not what the
 * records say. On failure nothing stays allocated.
 *
 * Return: 0, -EBADMSG damaged, -EOPNOTSUPP unknown feature or record, -ENOMEM
 */
int cr_image_index(struct cr_image *img, const void *data, size_t size,
		   struct cr_log *log);
void cr_image_put(struct cr_image *img);

/**
 * cr_image_check() - check what every record says
 * @img: an indexed stream
 * @file_size: size of the whole file, which PAGES point into
 * @log: takes the reason of a failure
 *
 * Pure: no side effect; allocates nothing that it does not free. After it
 * has passed, every reference leads to an object of the right type, every
 * number is in its range, and restore code need not look again.
 *
 * Return: 0, -EBADMSG or -EOPNOTSUPP
 */
int cr_image_check(const struct cr_image *img, u64 file_size,
		   struct cr_log *log);

/**
 * cr_read() - copy the fixed part of the record at an offset
 * @img: an indexed stream
 * @offset: of its note, from the index or from cr_view.next
 * @view: takes type, id and tail
 * @rec: takes the fixed part, short records zero-filled; may be NULL
 * @size: its size
 *
 * Return: true, or false where the stream ends
 */
bool cr_read(const struct cr_image *img, size_t offset, struct cr_view *view,
	     void *rec, size_t size);

/* Read the record that declares object @id; @id must be 1 to nr_objects */
static inline void cr_read_obj(const struct cr_image *img, u32 id,
			       struct cr_view *view, void *rec, size_t size)
{
	cr_read(img, img->objs[id].offset, view, rec, size);
}

/*
 * Walk the detail records of object @id: @view takes each in turn; fetch the
 * fixed part of the one at hand with cr_detail().
 *
 *	struct cr_detail_iter it;
 *	struct cr_rec_fd fd;
 *
 *	cr_for_each_detail(img, id, &it) {
 *		if (it.view.type != CR_REC_FD)
 *			continue;
 *		cr_detail(&it, &fd, sizeof(fd));
 */
struct cr_detail_iter {
	const struct cr_image *img;
	struct cr_view view;
	size_t offset;
	u32 left;
};

void cr_detail_first(const struct cr_image *img, u32 id,
		     struct cr_detail_iter *it);
bool cr_detail_valid(const struct cr_detail_iter *it);
void cr_detail_next(struct cr_detail_iter *it);
void cr_detail(const struct cr_detail_iter *it, void *rec, size_t size);

#define cr_for_each_detail(img, id, it)				\
	for (cr_detail_first(img, id, it); cr_detail_valid(it);	\
	     cr_detail_next(it))

/* Page run number @n of object @id, 0 to nr_page_runs - 1 of the object */
void cr_read_page_run(const struct cr_image *img, u32 id, u32 n,
		      struct cr_rec_pages *rec);

/* Room for cr_procfile_dir() */
#define CR_PROCFILE_DIR_MAX	32

/**
 * cr_procfile_dir() - what a PROCFILE's path has between the procfs and the tail
 * @rec: the record
 * @dir: takes it: "", "/100" or "/100/task/101"
 *
 * Return: its length
 */
size_t cr_procfile_dir(const struct cr_rec_procfile *rec,
		       char dir[CR_PROCFILE_DIR_MAX]);

/* Name of a record type for messages: "FILE", "VMA"; NULL: unknown */
const char *cr_rec_name(u32 type);

/* ---- kernel/cr_check_vdso.c: functions of a vdso ---- */

/* How many are led to those of another kernel's vdso, with a jump of how many bytes */
#define CR_VDSO_FUNCTIONS	5
#define CR_VDSO_JUMP_SIZE	5

/*
 * Offset of function @nr of the vdso @text, which need not be one; 0: it is not
 * there, or too short for a jump
 */
u32 cr_vdso_function(const u8 *text, size_t size, unsigned int nr);

/*
 * What it takes to lead a vdso, or that of an image, to another kernel's and is
 * not there; NULL: nothing
 */
const char *cr_vdso_lacks_function(const u8 *text, size_t size);
const char *cr_vdso_lacks(const struct cr_rec_vdso *rec, const u8 *text);

#endif /* _LINUX_CR_READER_H */
