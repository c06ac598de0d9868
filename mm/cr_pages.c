// SPDX-License-Identifier: GPL-2.0
/*
 * Pages: which memory of an address space or of shared memory differs from what
 * a fresh mapping would show. Of an address space: anonymous pages, present or
 * in swap; not the zero page, not a file's pages. Of shared memory: what was
 * ever written to.
 *
 * Small runs, small stacks, the top of others and what a program has changed of a
 * file's pages are stored raw, where a debugger finds them; all raw runs come
 * first in the file.
 *
 * Locks: mmap_lock for reading while page tables are walked, a batch at a time;
 * none while memory is read and written to the image.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/pagemap.h>
#include <linux/pagewalk.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/cr_mm.h>
#include <linux/cr_kernel.h>
#include "cr_pages.h"

#define EXTENTS_MAX	4096
/* Beyond this, memory is compressed and a debugger needs help to read it */
#define RAW_MAX		(256u << 10)
/* Changed pages of a file beyond this are data, not a program's variables */
#define FILE_RAW_MAX	(16ul << 20)

/**
 * struct extent - neighbouring pages of one mapping that are to be saved
 * @start: address of the first
 * @end: behind the last
 * @prot: CR_PROT_* of the mapping
 * @stack: it is one
 * @anon: it is of no file
 * @common: the origin has the same pages
 * @joined: it goes on where the one before ends, in the same mapping
 * @raw: to be stored raw
 */
struct extent {
	u64 start;
	u64 end;
	u32 prot;
	bool stack;
	bool anon;
	bool common;
	bool joined;
	bool raw;
};

/**
 * struct page_walk - one batch of a walk over page tables
 * @ext: what was found
 * @nr: entries in @ext
 * @vma: the mapping of the last one
 * @resume: where the next batch starts, when it returned 1
 * @origin: address space that may have pages in common; NULL: none
 * @pages: its pages at the addresses of the PMD
 * @tries: how often its lock may still be waited for
 */
struct page_walk {
	struct extent *ext;
	unsigned int nr;
	struct vm_area_struct *vma;
	u64 resume;
	struct mm_struct *origin;
	struct page **pages;
	unsigned int tries;
};

/* ---- finding pages ---- */

/* 1: the batch is full */
static int extent_add(struct page_walk *w, struct vm_area_struct *vma,
		      u64 start, u64 end, bool common)
{
	struct extent *last = w->nr ? &w->ext[w->nr - 1] : NULL;
	bool joined = last && last->end == start && w->vma == vma;

	if (joined && last->common == common) {
		last->end = end;
		return 0;
	}
	if (w->nr == EXTENTS_MAX) {
		w->resume = start;
		return 1;
	}
	w->vma = vma;
	w->ext[w->nr++] = (struct extent) {
		.start = start,
		.end = end,
		.prot = cr_vma_prot(vma),
		.stack = cr_vma_is_stack(vma),
		.anon = !vma->vm_file,
		.common = common,
		.joined = joined,
	};
	return 0;
}

/* An entry that is no page in memory: 1 to be saved, 0 not, or -EIO */
static int swp_is_saved(swp_entry_t entry)
{
	if (!non_swap_entry(entry))
		return 1;
	if (is_hwpoison_entry(entry) || is_pte_marker_entry(entry))
		return -EIO;
	if (is_pfn_swap_entry(entry))
		return PageAnon(pfn_swap_entry_to_page(entry));
	return -EIO;
}

static int pte_is_saved(const struct page_walk *w, struct vm_area_struct *vma,
			unsigned long addr, pte_t pte, bool *common)
{
	struct page *page;

	*common = false;
	if (pte_none(pte))
		return 0;
	if (!pte_present(pte))
		return swp_is_saved(pte_to_swp_entry(pte));
	page = vm_normal_page(vma, addr, pte);
	if (!page || !PageAnon(page))
		return 0;
	*common = w->origin && w->pages[pte_index(addr)] == page;
	return 1;
}

static int pmd_is_saved(const struct page_walk *w, struct vm_area_struct *vma,
			unsigned long addr, unsigned long end, pmd_t pmd,
			bool *common)
{
	struct page *page;

	*common = false;
	if (!pmd_present(pmd))
		return swp_is_saved(pmd_to_swp_entry(pmd));
	page = vm_normal_page_pmd(vma, addr, pmd);
	if (!page || !PageAnon(page))
		return 0;
	for (*common = w->origin; *common && addr < end; addr += PAGE_SIZE)
		*common = w->pages[pte_index(addr)] == cr_pmd_subpage(page, addr);
	return 1;
}

static int walk_ptes(pmd_t *pmd, unsigned long addr, unsigned long end,
		     struct mm_walk *walk)
{
	struct page_walk *w = walk->private;
	struct vm_area_struct *vma = walk->vma;
	pte_t *start_pte, *pte;
	spinlock_t *ptl;
	bool common;
	int ret = 0;

	ptl = pmd_trans_huge_lock(pmd, vma);
	if (ptl) {
		__acquire(ptl);
		ret = pmd_is_saved(w, vma, addr, end, *pmd, &common);
		if (ret > 0)
			ret = extent_add(w, vma, addr, end, common);
		spin_unlock(ptl);
		goto out;
	}
	start_pte = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!start_pte) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	__acquire(ptl);
	for (pte = start_pte; addr < end; pte++, addr += PAGE_SIZE) {
		ret = pte_is_saved(w, vma, addr, ptep_get(pte), &common);
		if (ret > 0)
			ret = extent_add(w, vma, addr, addr + PAGE_SIZE, common);
		if (ret)
			break;
	}
	pte_unmap_unlock(start_pte, ptl);
out:
	if (ret < 0)
		w->resume = addr;
	return ret;
}

static int walk_pmd(pmd_t *pmd, unsigned long addr, unsigned long end,
		    struct mm_walk *walk)
{
	struct page_walk *w = walk->private;
	int ret;

	if (w->origin)
		cr_cow_pages_get(w->origin, addr, end, w->pages, &w->tries);
	ret = walk_ptes(pmd, addr, end, walk);
	if (w->origin)
		cr_cow_pages_put(w->pages);
	cond_resched();
	return ret;
}

/* 1: leave this mapping out */
static int walk_vma(unsigned long start, unsigned long end,
		    struct mm_walk *walk)
{
	return !cr_vma_has_pages(walk->vma);
}

static const struct mm_walk_ops walk_ops = {
	.pmd_entry	= walk_pmd,
	.test_walk	= walk_vma,
	CR_WALK_RDLOCK
};

/* ---- making runs of them ---- */

static int run_cmp(const void *a, const void *b)
{
	const struct cr_run *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return 0;
}

/**
 * struct pass - one of two passes over all memory
 * @s: the save
 * @p: takes the runs
 * @raw: the first one: what is to be stored raw; else all that is not stored yet
 * @nr_stored: entries of s->runs when the second one began, sorted
 * @leader: id of the leader's address space, which debuggers look at
 */
struct pass {
	struct cr_save *s;
	struct cr_packer *p;
	bool raw;
	size_t nr_stored;
	u32 leader;
};

/* The first run of object @id, among sorted ones, that ends behind @addr */
static const struct cr_run *run_find(const struct cr_run *runs, size_t nr,
				     u32 id, u64 addr)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct cr_run *run = &runs[mid];

		if (run->id < id ||
		    (run->id == id && run->addr + run->len <= addr))
			low = mid + 1;
		else
			high = mid;
	}
	return low < nr && runs[low].id == id ? &runs[low] : NULL;
}

/* What the first pass has stored of object @id at or behind @addr */
static const struct cr_run *pass_stored(const struct pass *pass, u32 id,
					u64 addr)
{
	return run_find(pass->s->runs, pass->nr_stored, id, addr);
}

/*
 * As pass_stored(), but what this pass has written: runs of an origin, in the
 * order of ids and addresses (pass_run() sees to that)
 */
static const struct cr_run *pass_written(const struct pass *pass, u32 id,
					 u64 addr)
{
	struct cr_save *s = pass->s;

	return run_find(s->runs + pass->nr_stored, s->nr_runs - pass->nr_stored,
			id, addr);
}

static bool len_is_raw(const struct extent *e, u64 len)
{
	if (e->stack)
		return len <= CR_RUN_MAX;
	return len <= (e->anon ? RAW_MAX : FILE_RAW_MAX);
}

/* The pieces of an extent are stored as it would be if nothing were common */
static void extents_set_raw(struct extent *ext, unsigned int nr)
{
	unsigned int i, first = 0;
	u64 len = 0;

	for (i = 0; i < nr; i++) {
		if (!ext[i].joined) {
			first = i;
			len = 0;
		}
		len += ext[i].end - ext[i].start;
		if (i + 1 < nr && ext[i + 1].joined)
			continue;
		for (; first <= i; first++)
			ext[first].raw = len_is_raw(&ext[first], len);
	}
}

/* The same contents as run @stored of the origin, in object @id */
static int run_add_common(struct cr_save *s, u32 id, const struct cr_run *stored)
{
	struct cr_run run = *stored;

	run.id = id;
	s->memory += run.len;
	return cr_run_add(s, &run);
}

/*
 * Runs end at multiples of CR_RUN_MAX, so that huge pages stay whole. What one
 * pass has seen as one extent may have changed in the other: the kernel collapses
 * and splits huge pages also of a job that stands still.
 */
static int extent_save(const struct pass *pass,
		       const struct cr_pack_source *src, const struct extent *e,
		       u32 origin)
{
	struct cr_packer_run run = {
		.src = *src,
		.prot = e->prot,
		.raw = pass->raw,
		.zero_ok = e->anon,
	};
	const struct cr_run *stored;
	u64 addr, next;
	int err;

	if (pass->raw && !e->raw)
		return 0;
	for (addr = e->start; addr < e->end; addr = next) {
		next = min_t(u64, e->end, ALIGN(addr + 1, CR_RUN_MAX));
		stored = pass_stored(pass, src->id, addr);
		if (stored && stored->addr <= addr) {
			next = stored->addr + stored->len;
			continue;
		}
		if (stored)
			next = min(next, stored->addr);
		stored = e->common ? pass_written(pass, origin, addr) : NULL;
		if (stored && stored->addr == addr && addr + stored->len <= next) {
			next = addr + stored->len;
			err = run_add_common(pass->s, src->id, stored);
			if (err)
				return err;
			continue;
		}
		if (stored && stored->addr > addr)
			next = min(next, stored->addr);
		run.addr = addr;
		run.len = next - addr;
		err = cr_packer_add(pass->p, &run);
		if (err)
			return err;
	}
	return 0;
}

/* The first piece of what debuggers begin with that ends behind @addr */
static size_t shown_find(const struct cr_save *s, u64 addr)
{
	size_t low = 0, high = s->nr_shown;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->shown[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* In the first pass: of an extent that is not raw, what debuggers begin with */
static int extent_save_shown(const struct pass *pass,
			     const struct cr_pack_source *src,
			     const struct extent *e, u32 origin)
{
	const struct cr_save *s = pass->s;
	struct extent piece = *e;
	size_t i;
	int err;

	piece.raw = true;
	for (i = shown_find(s, e->start);
	     i < s->nr_shown && s->shown[i].start < e->end; i++) {
		piece.start = max(e->start, s->shown[i].start);
		piece.end = min(e->end, s->shown[i].end);
		err = extent_save(pass, src, &piece, origin);
		if (err)
			return err;
	}
	return 0;
}

static int mm_pages_save(const struct pass *pass,
			 const struct cr_pack_source *src, struct page_walk *w,
			 const struct cr_obj *origin)
{
	struct cr_save *s = pass->s;
	struct mm_struct *mm = src->mm;
	u32 origin_id = origin ? origin->id : 0;
	unsigned int i;
	int ret, err;

	w->origin = origin ? origin->ptr : NULL;
	w->tries = COW_LOCK_TRIES;
	w->resume = 0;
	do {
		w->nr = 0;
		w->vma = NULL;
		if (mmap_read_lock_killable(mm))
			return cr_fail(s, -EINTR);
		ret = walk_page_range(mm, w->resume, mm->task_size, &walk_ops,
				      w);
		mmap_read_unlock(mm);
		if (ret < 0)
			return cr_err(&s->log, cr_fail(s, ret),
				      "memory of object %u: the page at %llx is lost (memory failure)",
				      src->id, w->resume);
		extents_set_raw(w->ext, w->nr);
		for (i = 0; i < w->nr; i++) {
			err = extent_save(pass, src, &w->ext[i], origin_id);
			if (!err && pass->raw && !w->ext[i].raw &&
			    src->id == pass->leader)
				err = extent_save_shown(pass, src, &w->ext[i],
							origin_id);
			if (err)
				return err;
		}
	} while (ret > 0);
	return 0;
}

/* Where data, or a hole, begins; @size: nowhere below it; or -errno */
static loff_t shm_seek(const struct cr_pack_source *src, loff_t pos,
		       loff_t size, int whence)
{
	loff_t ret, f_pos;

	if (!src->file) {
		ret = mapping_seek_hole_data(src->mapping, pos, size, whence);
	} else {
		/* it may be the job's own, which shall not notice */
		f_pos = src->file->f_pos;
		ret = vfs_llseek(src->file, pos, whence);
		src->file->f_pos = f_pos;
	}
	if (ret == -ENXIO)
		return size;
	/* it does not know of holes */
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		return whence == SEEK_DATA ? pos : size;
	return ret < 0 ? ret : min(ret, size);
}

static int shm_pages_save(const struct pass *pass,
			  const struct cr_pack_source *src, loff_t size)
{
	struct extent e = {
		.prot = CR_PROT_READ | CR_PROT_WRITE,
		.anon = true,
	};
	loff_t pos = 0;
	int err;

	while (pos < size) {
		pos = shm_seek(src, pos, size, SEEK_DATA);
		if (pos >= size)
			break;
		if (pos >= 0) {
			e.start = round_down(pos, PAGE_SIZE);
			pos = shm_seek(src, pos, size, SEEK_HOLE);
		}
		if (pos < 0)
			return cr_err(&pass->s->log, cr_fail(pass->s, pos),
				      "memory of object %u: its holes cannot be found",
				      src->id);
		pos = PAGE_ALIGN(pos);
		if (pos <= e.start)
			break;
		e.end = pos;
		e.raw = len_is_raw(&e, e.end - e.start);
		err = extent_save(pass, src, &e, 0);
		if (err)
			return err;
	}
	return 0;
}

static int shm_obj_save(const struct pass *pass, const struct cr_obj *obj)
{
	const struct cr_shm_info *info = cr_shm_info(obj);
	struct inode *inode = obj->ptr;
	struct cr_pack_source src = { .id = obj->id };

	if (info->content)
		src.file = info->reader;
	else
		src.mapping = inode->i_mapping;
	return shm_pages_save(pass, &src, info->content ? info->size :
			      PAGE_ALIGN(i_size_read(inode)));
}

static int pass_run(const struct pass *pass, struct page_walk *w)
{
	struct cr_save *s = pass->s;
	struct cr_pack_source src;
	struct cr_obj *obj;
	size_t first;
	int err;

	list_for_each_entry(obj, &s->objs[CR_OBJ_SHM], list) {
		err = shm_obj_save(pass, obj) ?: cr_packer_flush(pass->p);
		if (err)
			return err;
	}
	list_for_each_entry(obj, &s->objs[CR_OBJ_MM], list) {
		src = (struct cr_pack_source) {
			.id = obj->id,
			.mm = obj->ptr,
		};
		first = s->nr_runs;
		err = mm_pages_save(pass, &src, w, cr_cow_origin(s, obj)) ?:
		      cr_packer_flush(pass->p);
		if (err)
			return err;
		/* what is common was written at once, the rest by and by */
		sort(s->runs + first, s->nr_runs - first, sizeof(*s->runs),
		     run_cmp, NULL);
	}
	return 0;
}

static void sort_runs(struct cr_save *s)
{
	sort(s->runs, s->nr_runs, sizeof(*s->runs), run_cmp, NULL);
}

int cr_pages_save(struct cr_save *s)
{
	struct pass pass = {
		.s = s,
		.raw = true,
		.leader = list_first_entry(&s->objs[CR_OBJ_MM], struct cr_obj,
					   list)->id,
	};
	struct page_walk w = {};

	w.ext = kvmalloc_array(EXTENTS_MAX, sizeof(*w.ext),
			       GFP_KERNEL_ACCOUNT);
	if (!w.ext)
		return cr_fail(s, -ENOMEM);
	w.pages = kmalloc_array(CR_COW_PAGES, sizeof(*w.pages),
				GFP_KERNEL_ACCOUNT);
	if (!w.pages) {
		cr_fail(s, -ENOMEM);
		goto out_free;
	}
	pass.p = cr_packer_create(s);
	if (!pass.p)
		goto out_free;
	cr_out_align(s);
	if (!pass_run(&pass, &w)) {
		sort_runs(s);
		pass.raw = false;
		pass.nr_stored = s->nr_runs;
		pass_run(&pass, &w);
	}
	cr_out_align(s);
	cr_packer_destroy(pass.p);
	sort_runs(s);
out_free:
	kfree(w.pages);
	kvfree(w.ext);
	return s->err;
}

int cr_run_add(struct cr_save *s, const struct cr_run *run)
{
	struct cr_run *runs;
	size_t max;

	if (s->err)
		return s->err;
	if (s->nr_runs == s->max_runs) {
		max = s->max_runs ? s->max_runs * 2 : 256;
		runs = kvmalloc_array(max, sizeof(*runs), GFP_KERNEL_ACCOUNT);
		if (!runs)
			return cr_fail(s, -ENOMEM);
		if (s->nr_runs)
			memcpy(runs, s->runs, s->nr_runs * sizeof(*runs));
		kvfree(s->runs);
		s->runs = runs;
		s->max_runs = max;
	}
	s->runs[s->nr_runs++] = *run;
	return 0;
}
