/* SPDX-License-Identifier: GPL-2.0 */
/* An image file: its ELF side, its records, its memory. */
#ifndef MKCRIMG_IMAGE_H
#define MKCRIMG_IMAGE_H

#include <elf.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include <linux/cr_reader.h>
#include "mkcrimg.h"

/* Room for a page run, and for what is stored of it */
#define IMAGE_RUN_BUF	(2 * CR_RUN_MAX)

/**
 * struct image - an image, open and indexed
 * @path: as given, for messages
 * @log: takes what the reader says: lines that start with @path
 * @fd: the file
 * @unread: image_open() has failed, and not for what the file is
 * @size: its size, when it was opened
 * @ehdr, @phdr: its headers
 * @records: the segment PT_CR_RECORDS, in @phdr
 * @data: what is in it
 * @cr: index of the records
 */
struct image {
	const char *path;
	struct cr_log log;
	int fd;
	bool unread;
	u64 size;
	Elf64_Ehdr ehdr;
	Elf64_Phdr *phdr;
	const Elf64_Phdr *records;
	u8 *data;
	struct cr_image cr;
};

/**
 * image_open() - open a file, find and check its records
 *
 * Checks what a restart checks, not the checksums of header and memory.
 *
 * Return: 0, or ST_FAILED after one line that says why
 */
int image_open(struct image *img, const char *path);
void image_close(struct image *img);

/* XXH64 of an ELF header and the program headers; false: no memory */
bool image_header_hash(const Elf64_Ehdr *ehdr, const Elf64_Phdr *phdr,
		       u64 *hash);

/* Does the checksum of ELF header and program headers match? */
bool image_header_ok(const struct image *img);

/**
 * image_run_bytes() - the memory of a page run
 * @img: the image; the run's place in the file is checked
 * @run: as read
 * @buf: IMAGE_RUN_BUF bytes; begins with the memory then
 *
 * Return: NULL, or what is wrong with the stored bytes
 */
const char *image_run_bytes(const struct image *img,
			    const struct cr_rec_pages *run, u8 *buf);

/* As it is stored, whatever that is; at most CR_RUN_MAX bytes. NULL, or why not */
const char *image_run_stored(const struct image *img,
			     const struct cr_rec_pages *run, void *buf);

/* The first page run of an object that ends behind @addr; the number of runs: none */
u32 image_run_find(const struct image *img, u32 id, u64 addr);

/**
 * image_mem_read() - memory of an address space or SHM, as stored
 * @img: the image
 * @id: MM or SHM
 * @addr: from here
 * @buf: takes @len bytes
 *
 * Memory in no run is not there.
 *
 * Return: how many bytes could be read
 */
size_t image_mem_read(const struct image *img, u32 id, u64 addr, void *buf,
		      size_t len);

/* Bytes of memory stored for an object */
u64 image_mem_size(const struct image *img, u32 id);

/* The PROC of a pid; 0: none */
u32 image_proc_find(const struct image *img, u32 pid);
/* The first thread of a PROC, which is its thread group leader; false: zombie */
bool image_main_thread(const struct image *img, u32 proc,
		       struct cr_rec_thread *rec);
/* Name of a FILE: its path, or what it was; "" for none */
const char *image_file_name(const struct image *img, u32 file);

/* Objects of one type, in order: for (id = 0; (id = image_next(...));) */
u32 image_next(const struct image *img, u32 id, u32 type);

#endif
