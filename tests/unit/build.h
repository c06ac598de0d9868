/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Building small images, byte by byte, for the tests of the reader. A builder
 * makes what it is told: whether that is a good image is the reader's to say.
 */
#ifndef TESTS_UNIT_BUILD_H
#define TESTS_UNIT_BUILD_H

#include <stddef.h>
#include <linux/types.h>
#include <linux/cr_image.h>

/**
 * struct buf - bytes that grow
 * @data: malloc()ed
 */
struct buf {
	u8 *data;
	size_t len;
	size_t max;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_pad(struct buf *b, size_t align);
void buf_free(struct buf *b);

/**
 * struct build - an image in the making
 * @stream: records so far
 * @mem: bytes of page runs; they start at BUILD_MEM in the file
 * @runs: PAGES records, added behind the objects
 * @nr: records so far
 * @last: id of the last object
 * @leader_mm: id of the leader's MM, whose raw runs become PT_LOAD
 */
struct build {
	struct buf stream;
	struct buf mem;
	struct buf runs;
	u64 nr;
	u32 last;
	u32 leader_mm;
	u64 memory;
};

#define BUILD_MEM	4096

/* Append a record; value: offset of its note in the stream */
size_t build_rec(struct build *b, u32 type, u32 id, void *rec, size_t size,
		 const void *tail, size_t tail_len);
/* Append an object record; value: its id */
u32 build_obj(struct build *b, u32 type, void *rec, size_t size,
	      const void *tail, size_t tail_len);
/* Append a detail of the last object */
void build_detail(struct build *b, u32 type, void *rec, size_t size,
		  const void *tail, size_t tail_len);
/* A page run of object @id; @zstd: compressed */
void build_run(struct build *b, u32 id, u64 addr, const void *data, u32 len,
	       bool zstd);
/* PAGES, END, and all of it as a file */
void build_finish(struct build *b, struct buf *file);

/* Sets END and the checksums of an image in @file right, whatever it says */
void image_fix(struct buf *file);

/* The sample: a job of three processes with every kind of record */
void sample_build(struct buf *file);

#endif
