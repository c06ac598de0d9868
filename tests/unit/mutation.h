/* SPDX-License-Identifier: GPL-2.0 */
/* Damaging images, reproducibly. */
#ifndef TESTS_UNIT_MUTATION_H
#define TESTS_UNIT_MUTATION_H

#include "build.h"

/**
 * struct layout - where the records of an image lie
 * @at, @len: the stream in the file
 * @notes: offset of each record in the stream; [@nr] is @len
 * @nr: number of records
 */
struct layout {
	size_t at, len;
	size_t *notes;
	size_t nr;
};

bool layout_find(const struct buf *file, struct layout *l);
void layout_free(struct layout *l);

/* Type of record @n */
u32 layout_type(const struct buf *file, const struct layout *l, size_t n);
/* Its fixed part */
u8 *layout_rec(struct buf *file, const struct layout *l, size_t n);

/* Put another stream in place of the old one; segments and header follow */
void stream_replace(struct buf *file, const struct layout *l,
		    const struct buf *stream);
/* Append records @from to @to - 1 of @file to @stream */
void stream_copy(struct buf *stream, const struct buf *file,
		 const struct layout *l, size_t from, size_t to);

/**
 * mutate() - damage an image
 * @file: a good image
 * @seed: which damage: the same for the same @file and @seed
 * @memory: only the stored memory
 * @what: takes a line that says what was done
 *
 * Return: false if the file is no image
 */
bool mutate(struct buf *file, u64 seed, bool memory, char *what, size_t size);

/* The next of the random numbers that begin at a seed */
u64 rnd(u64 *state);

/* Fields that count or refer get extreme values: value @n, 0 to EXTREMES - 1 */
#define EXTREMES	14
u64 extreme(unsigned int n, u64 old);
/* Store a value in a field of 4 or 8 bytes */
void field_store(u8 *rec, size_t offset, size_t size, u64 value);

/**
 * mutate_vdso() - the image of a kernel with another vdso, and whole otherwise
 * @file: the image
 * @broken: the vdso is no ELF file
 *
 * Return: false if the file is no image with a vdso
 */
bool mutate_vdso(struct buf *file, bool broken);

/*
 * Put @now wherever @was stands in the records, which has the same length. False: it is
 * nowhere
 */
bool mutate_text(struct buf *file, const char *was, const char *now);

#endif
