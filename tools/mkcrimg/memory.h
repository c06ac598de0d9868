/* SPDX-License-Identifier: GPL-2.0 */
/* The memory of a process as it saw it: the image's pages, and what lies below them. */
#ifndef MKCRIMG_MEMORY_H
#define MKCRIMG_MEMORY_H

#include "image.h"

/**
 * struct memory - an address space of an image
 * @img, @mm: whose
 * @vdso: object id of its vdso, 0: none
 * @vmas: its mappings, ascending
 * @nr_vmas: their number
 * @run: the run that was read last
 * @run_id: the object it is of; 0: none
 * @run_pages: its bytes
 * @damaged: what is wrong with stored memory that was asked for; NULL: nothing
 * @file: the FILE that was opened last; 0: none
 * @fd: of it, or -1: it is not what it was
 */
struct memory {
	const struct image *img;
	u32 mm;
	u32 vdso;
	struct cr_rec_vma *vmas;
	size_t nr_vmas;
	struct cr_rec_pages run;
	u32 run_id;
	u8 *run_pages;
	const char *damaged;
	u32 file;
	int fd;
};

/* Value: 0, or ST_FAILED after one line that says why */
int memory_open(struct memory *m, const struct image *img, u32 mm);
void memory_close(struct memory *m);

/**
 * memory_read() - bytes of an address space
 * @m: an address space
 * @addr: from here
 * @buf: takes @len bytes
 *
 * What was never written is zero, or the bytes of the file that is mapped, if
 * that is still what it was.
 *
 * Return: false if any of it is not there
 */
bool memory_read(struct memory *m, u64 addr, void *buf, size_t len);

/* As many of these bytes as are there, up to the first one that is not */
size_t memory_read_part(struct memory *m, u64 addr, void *buf, size_t len);

/* The mapping that ends behind @addr; NULL: there is none */
const struct cr_rec_vma *memory_vma(const struct memory *m, u64 addr);

/*
 * The file that a FILE names, if it is a regular one with the size and time that
 * it had; or -1, and why: a constant
 */
int named_open(const struct image *img, u32 id, const char **why);

/**
 * mapped_open() - a file that is or was mapped, for reading
 * @img: the image
 * @id: FILE, or SHM
 * @why: takes the reason of a failure; a constant
 *
 * A FILE is opened by its name, and must have the size and time that it had, as
 * at a restart; else the copy is taken that the image carries, if any. What has no
 * name any more is copied from the image to memory.
 *
 * Return: a descriptor, or -1
 */
int mapped_open(const struct image *img, u32 id, const char **why);

#endif
