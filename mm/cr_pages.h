/* SPDX-License-Identifier: GPL-2.0 */
/* Saving memory: what finds it, cr_pages.c, and what stores it, cr_pack.c */
#ifndef _MM_CR_PAGES_H
#define _MM_CR_PAGES_H

#include <linux/cr.h>

struct cr_packer;
struct file;
struct page;
struct mm_struct;
struct address_space;

/**
 * struct cr_pack_source - where memory is read from
 * @id: of the MM or SHM in the image
 * @mm: address space; NULL: it is @mapping
 * @mapping: pages of a shmem inode; addresses are offsets; NULL: it is @file
 * @file: open for reading; addresses are offsets
 *
 * The caller holds references until cr_packer_destroy().
 */
struct cr_pack_source {
	u32 id;
	struct mm_struct *mm;
	struct address_space *mapping;
	struct file *file;
};

/**
 * struct cr_packer_run - a run of memory to be stored
 * @src: where it is
 * @addr: page aligned
 * @len: page multiple, at most CR_RUN_MAX
 * @prot: CR_PROT_* of its mapping
 * @raw: store it as it is, for a debugger
 * @zero_ok: memory that is not stored reads as zero there
 */
struct cr_packer_run {
	struct cr_pack_source src;
	u64 addr;
	u32 len;
	u32 prot;
	bool raw;
	bool zero_ok;
};

/* One packer per save: buffers and workers. NULL: s->err is set */
struct cr_packer *cr_packer_create(struct cr_save *s);
void cr_packer_destroy(struct cr_packer *p);
/*
 * Store a run, some time before cr_packer_flush() returns: runs reach the file
 * in the order in which they were added. Return: 0 or -errno, which is s->err
 */
int cr_packer_add(struct cr_packer *p, const struct cr_packer_run *run);
int cr_packer_flush(struct cr_packer *p);

/* ---- mm/cr_cow.c ---- */

/* What a PMD maps */
#define CR_COW_PAGES	PTRS_PER_PTE

/* A page of the huge page that a PMD maps at or around @addr */
static inline struct page *cr_pmd_subpage(struct page *page, unsigned long addr)
{
	return page + ((addr & ~HPAGE_PMD_MASK) >> PAGE_SHIFT);
}

/*
 * The MM that @obj, an MM, may have pages in common with; it comes before @obj
 * in the image. NULL: none
 */
struct cr_obj *cr_cow_origin(struct cr_save *s, const struct cr_obj *obj);

/*
 * Anonymous pages that @origin has between @start and @end, within a PMD, with
 * references: a page that has one is not another one meanwhile. Some may be left
 * out. The mmap_lock of another mm is held; *tries is how often @origin's may
 * still be waited for, shortly: of COW_LOCK_TRIES for all of the other one
 */
#define COW_LOCK_TRIES	200
void cr_cow_pages_get(struct mm_struct *origin, unsigned long start,
		      unsigned long end, struct page **pages,
		      unsigned int *tries);
void cr_cow_pages_put(struct page **pages);

#endif /* _MM_CR_PAGES_H */
