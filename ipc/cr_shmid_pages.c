// SPDX-License-Identifier: GPL-2.0
/*
 * Contents of a System V segment that was there when its job is restarted: they
 * are read and checked beside it, then, when nothing else can fail, exchanged
 * with those that it has. The exchange is its own inverse.
 *
 * No locks: the restart holds the segment, and nobody but its parked tasks has
 * it attached.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/cr_kernel.h>
#include "cr_segment.h"

typedef int (*page_fn)(struct page *a, struct page *b);

static int page_nop(struct page *a, struct page *b)
{
	return 0;
}

static int page_compare(struct page *a, struct page *b)
{
	void *x = kmap_local_page(a);
	void *y = kmap_local_page(b);
	int differ = memcmp(x, y, PAGE_SIZE);

	kunmap_local(y);
	kunmap_local(x);
	return differ ? -EACCES : 0;
}

static int page_exchange(struct page *a, struct page *b)
{
	u64 *x = kmap_local_page(a);
	u64 *y = kmap_local_page(b);
	size_t i;

	for (i = 0; i < PAGE_SIZE / sizeof(*x); i++)
		swap(x[i], y[i]);
	kunmap_local(y);
	kunmap_local(x);
	set_page_dirty(a);
	set_page_dirty(b);
	return 0;
}

/* Both are there afterwards, whatever @fn does */
static int pages_do(struct address_space *a, struct address_space *b,
		    pgoff_t index, page_fn fn)
{
	struct page *page_a, *page_b;
	int err;

	page_a = shmem_read_mapping_page(a, index);
	if (IS_ERR(page_a))
		return PTR_ERR(page_a);
	page_b = shmem_read_mapping_page(b, index);
	if (IS_ERR(page_b)) {
		put_page(page_a);
		return PTR_ERR(page_b);
	}
	err = fn(page_a, page_b);
	put_page(page_b);
	put_page(page_a);
	cond_resched();
	return err;
}

/* For each page that @a has below *end, with the same one of @b; *end: failed */
static int contents_do(struct address_space *a, struct address_space *b,
		       loff_t *end, page_fn fn)
{
	loff_t data, hole = 0;
	int err;

	while (hole < *end) {
		data = mapping_seek_hole_data(a, hole, *end, SEEK_DATA);
		if (data < 0 || data >= *end)
			break;
		hole = mapping_seek_hole_data(a, data, *end, SEEK_HOLE);
		data = round_down(data, PAGE_SIZE);
		if (hole <= data)
			break;
		for (; data < hole; data += PAGE_SIZE) {
			err = pages_do(a, b, data >> PAGE_SHIFT, fn);
			if (err) {
				*end = data;
				return err;
			}
		}
	}
	return 0;
}

/*
 * What it shall hold, beside it. Every page that one of both has, has the other
 * then: an exchange needs no more memory. A page that was a hole reads as before.
 */
int cr_segment_prepare(struct cr_restart *r, struct cr_segment *seg)
{
	struct address_space *old, *new;
	loff_t end = PAGE_ALIGN(seg->size);
	bool may_write = seg->file[CR_SEG_RW];
	int err;

	seg->contents = shmem_kernel_file_setup("dev/zero", seg->size,
						VM_NORESERVE);
	if (IS_ERR(seg->contents)) {
		err = PTR_ERR(seg->contents);
		seg->contents = NULL;
		return cr_segment_err(r, seg, err, "no memory for its contents");
	}
	err = cr_pages_restore(r, seg->id, seg->contents, NULL);
	if (err)
		return err;
	new = seg->contents->f_mapping;
	old = seg->file[may_write ? CR_SEG_RW : CR_SEG_RO]->f_mapping;
	err = contents_do(old, new, &end, may_write ? page_nop : page_compare);
	if (!err)
		err = contents_do(new, old, &end,
				  may_write ? page_nop : page_compare);
	if (err)
		return cr_segment_err(r, seg, err, err == -EACCES ?
				   "has changed, and you may not write to it" :
				   "no memory for its contents");
	if (!may_write) {
		fput(seg->contents);
		seg->contents = NULL;
	}
	return 0;
}

/* Its own inverse */
int cr_segment_exchange(struct cr_segment *seg)
{
	struct address_space *old = seg->file[CR_SEG_RW]->f_mapping;
	struct address_space *new = seg->contents->f_mapping;
	loff_t end = PAGE_ALIGN(seg->size);
	int err;

	err = contents_do(new, old, &end, page_exchange);
	if (err)
		contents_do(new, old, &end, page_exchange);
	else
		seg->exchanged = !seg->exchanged;
	return err;
}
