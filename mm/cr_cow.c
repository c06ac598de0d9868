// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write sharing: pages that a process has in common with the one that
 * has forked it, and that neither has written to since. They are stored once,
 * and are common again after a restart, or twenty workers of a large process
 * would take twenty times its memory.
 *
 * Saving: an MM has an origin, that of the nearest ancestor in the job. Where
 * both have the same page at the same address, what has been stored of the
 * origin's is said to be its contents, too.
 *
 * Restart: what two address spaces have at the same address and from the same
 * place of the image is copied from the origin, when that is complete, as fork()
 * copies it, but range by range into mappings that are there: anon_vma_fork() and
 * copy_page_range(). What cannot be copied (other mappings, another protection)
 * is read, as everything else.
 *
 * Locks: saving, mmap_lock of the origin for reading, tried below that of the
 * MM; restart, both for writing, the origin's first. An origin has a lower id.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pagewalk.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <asm/tlbflush.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include "cr_pages.h"

/* ---- saving ---- */

struct cr_obj *cr_cow_origin(struct cr_save *s, const struct cr_obj *obj)
{
	struct task_struct *task = obj->holder;
	struct cr_obj *origin = NULL;
	struct mm_struct *mm;

	rcu_read_lock();
	while (!origin && task != &init_task) {
		task = rcu_dereference(task->real_parent);
		mm = READ_ONCE(task->mm);
		if (mm && mm != obj->ptr)
			break;
	}
	mm = READ_ONCE(task->mm);
	rcu_read_unlock();
	if (mm && mm != obj->ptr)
		origin = cr_obj_find(s, CR_OBJ_MM, mm);
	/* not written yet: it does not come before */
	if (!origin || !origin->id || (obj->id && origin->id > obj->id))
		return NULL;
	return origin;
}

static void origin_add(struct page **pages, unsigned long addr,
		       struct page *page)
{
	if (!page || !PageAnon(page))
		return;
	get_page(page);
	pages[pte_index(addr)] = page;
}

static int origin_walk_pmd(pmd_t *pmd, unsigned long addr, unsigned long end,
			   struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct page **pages = walk->private;
	pte_t *start_pte, *pte;
	struct page *page;
	spinlock_t *ptl;

	ptl = pmd_trans_huge_lock(pmd, vma);
	if (ptl) {
		__acquire(ptl);
		page = pmd_present(*pmd) ? vm_normal_page_pmd(vma, addr, *pmd) :
					   NULL;
		for (; page && addr < end; addr += PAGE_SIZE)
			origin_add(pages, addr, cr_pmd_subpage(page, addr));
		spin_unlock(ptl);
		return 0;
	}
	start_pte = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!start_pte) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	__acquire(ptl);
	for (pte = start_pte; addr < end; pte++, addr += PAGE_SIZE) {
		pte_t entry = ptep_get(pte);

		if (pte_present(entry))
			origin_add(pages, addr, vm_normal_page(vma, addr, entry));
	}
	pte_unmap_unlock(start_pte, ptl);
	return 0;
}

static int origin_walk_vma(unsigned long start, unsigned long end,
			   struct mm_walk *walk)
{
	return !cr_vma_has_pages(walk->vma);
}

static const struct mm_walk_ops origin_walk_ops = {
	.pmd_entry	= origin_walk_pmd,
	.test_walk	= origin_walk_vma,
	CR_WALK_RDLOCK
};

void cr_cow_pages_get(struct mm_struct *origin, unsigned long start,
		      unsigned long end, struct page **pages,
		      unsigned int *tries)
{
	memset(pages, 0, CR_COW_PAGES * sizeof(*pages));
	/*
	 * khugepaged may have it for a moment. Who keeps it longer, and may wait
	 * for ours: nothing is known to be common, then
	 */
	while (!mmap_read_trylock(origin)) {
		if (!*tries)
			return;
		--*tries;
		usleep_range(50, 200);
	}
	walk_page_range(origin, start, end, &origin_walk_ops, pages);
	mmap_read_unlock(origin);
}

void cr_cow_pages_put(struct page **pages)
{
	unsigned int i;

	for (i = 0; i < CR_COW_PAGES; i++)
		if (pages[i])
			put_page(pages[i]);
}

/* ---- restart ---- */

/**
 * struct cow - an MM that takes pages from its origin
 * @r: the restart
 * @id: the MM, which is current's
 * @origin_id: its origin
 * @origin: that, complete
 * @next: run of the origin that is looked at next
 * @taken: [run of @id] is there
 * @src: mapping of the origin that @dst is linked to
 * @dst: mapping of current that took from an origin last
 */
struct cow {
	struct cr_restart *r;
	u32 id;
	u32 origin_id;
	struct mm_struct *origin;
	u32 next;
	unsigned long *taken;
	struct vm_area_struct *src;
	struct vm_area_struct *dst;
};

/* Has the origin at the same address what run @n has? Asked for ascending @n */
static bool run_is_common(struct cow *c, u32 n, struct cr_rec_pages *run)
{
	u32 nr = c->r->img.objs[c->origin_id].nr_page_runs;
	struct cr_rec_pages other;

	cr_read_page_run(&c->r->img, c->id, n, run);
	for (; c->next < nr; c->next++) {
		cr_read_page_run(&c->r->img, c->origin_id, c->next, &other);
		if (le64_to_cpu(other.addr) >= le64_to_cpu(run->addr))
			return other.addr == run->addr &&
			       other.len == run->len &&
			       other.offset == run->offset &&
			       other.stored == run->stored &&
			       other.method == run->method &&
			       other.xxh64 == run->xxh64;
	}
	return false;
}

static unsigned long vma_bias(const struct vm_area_struct *vma)
{
	return vma->vm_start - (vma->vm_pgoff << PAGE_SHIFT);
}

/*
 * May pages of @src be in @dst as well? A page is found by its offset, and an
 * entry of a page table says what the mapping allows, so these are the same
 */
static bool vmas_match(const struct cow *c, const struct vm_area_struct *src,
		       const struct vm_area_struct *dst)
{
	const vm_flags_t special = VM_HUGETLB | VM_IO | VM_PFNMAP |
				   VM_MIXEDMAP | VM_UFFD_WP;

	return is_cow_mapping(src->vm_flags) && is_cow_mapping(dst->vm_flags) &&
	       !((src->vm_flags | dst->vm_flags) & special) &&
	       pgprot_val(src->vm_page_prot) == pgprot_val(dst->vm_page_prot) &&
	       !src->vm_file == !dst->vm_file &&
	       (!src->vm_file ||
		file_inode(src->vm_file) == file_inode(dst->vm_file)) &&
	       vma_bias(src) == vma_bias(dst) && src->anon_vma &&
	       (!dst->anon_vma || (c->dst == dst && c->src == src));
}

static void split_at(struct vm_area_struct *vma, unsigned long addr)
{
	if (addr & ~HPAGE_PMD_MASK)
		split_huge_pmd_address(vma, addr, false, NULL);
}

static int range_copy(struct cow *c, struct vm_area_struct *src,
		      struct vm_area_struct *dst, unsigned long start,
		      unsigned long end)
{
	int err;

	vma_start_write(src);
	vma_start_write(dst);
	if (!dst->anon_vma) {
		err = anon_vma_fork(dst, src);
		if (err)
			return err;
	}
	c->src = src;
	c->dst = dst;
	/* a huge page is copied as a whole */
	split_at(src, start);
	split_at(src, end);
	/* copies all of a mapping: let it be one of this range */
	{
		struct vm_area_struct part = *src;

		part.vm_start = start;
		part.vm_end = end;
		return copy_page_range(dst, &part);
	}
}

/* Copy the runs from @first up to the end of the mappings; *last: that one */
static int runs_copy(struct cow *c, u32 first, u32 *last)
{
	u32 nr = c->r->img.objs[c->id].nr_page_runs, n = first;
	struct vm_area_struct *src, *dst;
	struct cr_rec_pages run;
	u64 start, end, stop;
	int err;

	*last = first;
	if (!run_is_common(c, first, &run))
		return 0;
	start = le64_to_cpu(run.addr);
	src = vma_lookup(c->origin, start);
	dst = vma_lookup(current->mm, start);
	if (!src || !dst || !vmas_match(c, src, dst))
		return 0;
	stop = min(src->vm_end, dst->vm_end);
	for (end = start; le64_to_cpu(run.addr) == end &&
	     end + le32_to_cpu(run.len) <= stop;) {
		end += le32_to_cpu(run.len);
		*last = n++;
		if (n >= nr || !run_is_common(c, n, &run))
			break;
	}
	if (end == start)
		return 0;
	err = range_copy(c, src, dst, start, end);
	if (!err)
		bitmap_set(c->taken, first, *last - first + 1);
	return err;
}

static int cow_copy(struct cow *c)
{
	u32 nr = c->r->img.objs[c->id].nr_page_runs, n, last;
	int err = 0;

	if (mmap_write_lock_killable(c->origin))
		return -EINTR;
	mmap_write_lock_nested(current->mm, SINGLE_DEPTH_NESTING);
	for (n = 0; n < nr && !err; n = last + 1) {
		err = runs_copy(c, n, &last);
		cond_resched();
		if (fatal_signal_pending(current))
			err = -EINTR;
	}
	/* what was writable there is not, before somebody goes on */
	flush_tlb_mm_range(c->origin, 0, TLB_FLUSH_ALL, 0, true);
	mmap_write_unlock(current->mm);
	mmap_write_unlock(c->origin);
	return err;
}

int cr_cow_restore(struct cr_restart *r, u32 id, unsigned long **taken)
{
	u32 nr = r->img.objs[id].nr_page_runs;
	struct cow c = { .r = r, .id = id };
	int err;

	*taken = NULL;
	if (!nr)
		return 0;
	c.origin = cr_share_origin(r, id, &c.origin_id);
	if (IS_ERR_OR_NULL(c.origin))
		return PTR_ERR_OR_ZERO(c.origin);
	c.taken = kvcalloc(BITS_TO_LONGS(nr), sizeof(*c.taken),
			   GFP_KERNEL_ACCOUNT);
	err = c.taken ? cow_copy(&c) : -ENOMEM;
	mmput(c.origin);
	if (err) {
		kvfree(c.taken);
		return cr_err(&r->log, err, "memory of object %u: pages of object %u cannot be shared",
			      id, c.origin_id);
	}
	*taken = c.taken;
	return 0;
}
