// SPDX-License-Identifier: GPL-2.0
/*
 * What is where in a core: the memory of a process, as pieces of what the image
 * stores, of its vdso, and of files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core_plan.h"
#include "memory.h"

#define PAGE		4096ull
/* Zeros of this size and less become a hole instead of a segment of their own */
#define HOLE_MAX	(1ull << 20)
#define LOADS_MAX	65000u
#define PIECES_MAX	(1u << 23)

/* Room for one more element; the array doubles */
static void *grow(struct core_plan *c, void *array, size_t nr, size_t size)
{
	void *bigger;

	if (c->err || (nr & (nr - 1)))
		return array;
	bigger = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!bigger)
		c->err = ENOMEM;
	return bigger ? bigger : array;
}

static struct core_load *load_add(struct core_plan *c, u64 addr)
{
	struct core_load *load;

	if (c->nr_loads == LOADS_MAX)
		c->err = EFBIG;
	c->loads = grow(c, c->loads, c->nr_loads, sizeof(*c->loads));
	if (c->err)
		return NULL;
	load = &c->loads[c->nr_loads++];
	memset(load, 0, sizeof(*load));
	load->addr = addr;
	load->flags = c->flags;
	load->first = c->nr_pieces;
	return load;
}

/* The load that @addr goes on with, a hole in between; NULL: none does */
static struct core_load *load_last(struct core_plan *c, u64 vma_start,
				   u64 addr, bool zero_before)
{
	struct core_load *last = c->nr_loads ? &c->loads[c->nr_loads - 1] : NULL;
	u64 end = last ? last->addr + last->len : 0;

	if (!last || !last->nr || last->addr < vma_start)
		return NULL;
	return end == addr || (zero_before && addr - end <= HOLE_MAX) ? last :
	       NULL;
}

static void zero_add(struct core_plan *c, u64 start, u64 end)
{
	struct core_load *load = load_add(c, start);

	if (load)
		load->len = end - start;
}

/*
 * Bytes at @piece->addr of the mapping that starts at @vma_start. What lies
 * before them is zero if @zero, else not there.
 */
static void piece_add(struct core_plan *c, u64 vma_start,
		      const struct core_piece *piece, bool zero)
{
	struct core_load *last = load_last(c, vma_start, piece->addr, zero);
	u64 end = vma_start;

	if (!last && zero) {
		if (c->nr_loads && c->loads[c->nr_loads - 1].addr >= vma_start)
			end = c->loads[c->nr_loads - 1].addr +
			      c->loads[c->nr_loads - 1].len;
		if (end < piece->addr)
			zero_add(c, end, piece->addr);
	}
	if (!last)
		last = load_add(c, piece->addr);
	if (c->nr_pieces == PIECES_MAX)
		c->err = EFBIG;
	c->pieces = grow(c, c->pieces, c->nr_pieces, sizeof(*c->pieces));
	if (c->err)
		return;
	c->pieces[c->nr_pieces++] = *piece;
	last->nr++;
	last->len = piece->addr + piece->len - last->addr;
}

/* The rest of a mapping that reads as zero */
static void zero_rest(struct core_plan *c, u64 start, u64 end)
{
	struct core_load *last = c->nr_loads ? &c->loads[c->nr_loads - 1] : NULL;

	if (last && last->addr >= start)
		start = last->addr + last->len;
	if (start < end)
		zero_add(c, start, end);
}

/* Runs of a SHM that show between @start and @end of its mapping */
static void shm_pieces(struct core_plan *c, const struct cr_rec_vma *vma,
		       u64 start, u64 end)
{
	u64 base = le64_to_cpu(vma->start) - le64_to_cpu(vma->pgoff);
	u32 id = le32_to_cpu(vma->obj), n;
	struct cr_rec_pages run;
	struct core_piece p;
	u64 from, to;

	n = image_run_find(c->img, id, start - base);
	for (; n < c->img->cr.objs[id].nr_page_runs && !c->err; n++) {
		cr_read_page_run(&c->img->cr, id, n, &run);
		from = base + le64_to_cpu(run.addr);
		to = from + le32_to_cpu(run.len);
		/* it may begin before what is mapped, and wrap to below it */
		if (le64_to_cpu(run.addr) < start - base)
			from = start;
		if (from >= end)
			break;
		if (to > end)
			to = end;
		p = (struct core_piece){
			.addr = from, .len = to - from, .id = id, .run = n,
			.skip = from - base - le64_to_cpu(run.addr),
		};
		piece_add(c, le64_to_cpu(vma->start), &p, true);
	}
}

const char *core_file_read(const struct image *img, u32 id, void *buf,
			   size_t len)
{
	const char *why;
	int fd = named_open(img, id, &why);

	if (fd < 0)
		return "a mapped file has changed";
	why = NULL;
	memset(buf, 0, len);
	if (pread(fd, buf, len, 0) < 0)
		why = strerror(errno);
	close(fd);
	return why;
}

static bool is_elf(const struct image *img, u32 id)
{
	char magic[SELFMAG];

	return !core_file_read(img, id, magic, SELFMAG) &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

bool *core_elf_find(const struct image *img)
{
	bool *elf = calloc(img->cr.nr_objects + 1, sizeof(*elf));
	struct cr_rec_file f;
	struct cr_view v;
	u32 id = 0;

	while (elf && (id = image_next(img, id, CR_REC_FILE))) {
		cr_read_obj(&img->cr, id, &v, &f, sizeof(f));
		elf[id] = (le32_to_cpu(f.flags) &
			   (CR_FILE_MAPPED | CR_FILE_EXE)) &&
			  is_elf(img, id);
	}
	return elf;
}

/* The first page of a mapped ELF file, unless the process has its own of it */
static void elf_header_piece(struct core_plan *c, const struct cr_rec_vma *vma)
{
	struct core_piece p = {
		.addr = le64_to_cpu(vma->start), .len = PAGE,
		.id = le32_to_cpu(vma->obj),
	};
	struct cr_rec_pages run;

	if (le32_to_cpu(vma->kind) != CR_VMA_FILE || vma->pgoff ||
	    (le32_to_cpu(vma->flags) & CR_VMA_SHARED) ||
	    !(c->filter & CORE_ELF_HEADERS))
		return;
	if (c->run < c->img->cr.objs[c->mm].nr_page_runs) {
		cr_read_page_run(&c->img->cr, c->mm, c->run, &run);
		if (le64_to_cpu(run.addr) < p.addr + p.len)
			return;
	}
	if (c->any_file || (c->elf ? c->elf[p.id] : is_elf(c->img, p.id)))
		piece_add(c, p.addr, &p, false);
}

/* As the kernel chooses: a mapping of a file that was written to is anonymous, too */
static bool vma_wanted(const struct core_plan *c, const struct cr_rec_vma *vma)
{
	u32 flags = le32_to_cpu(vma->flags);

	if (c->filter == CORE_ALL)
		return true;
	if (flags & CR_VMA_DONTDUMP)
		return false;
	if (flags & CR_VMA_SHARED)
		return c->filter & CORE_ANON_SHARED;
	if (le32_to_cpu(vma->kind) == CR_VMA_ANON)
		return c->filter & CORE_ANON_PRIVATE;
	return c->filter & (CORE_ANON_PRIVATE | CORE_FILE_PRIVATE);
}

/* A mapping: its private pages; below them the SHM's, zeros, or nothing */
static void vma_pieces(struct core_plan *c, const struct cr_rec_vma *vma)
{
	u64 start = le64_to_cpu(vma->start), end = le64_to_cpu(vma->end);
	bool shm = le32_to_cpu(vma->kind) == CR_VMA_SHM;
	bool zero = shm || le32_to_cpu(vma->kind) == CR_VMA_ANON;
	struct cr_rec_pages run;
	struct core_piece p;
	u64 at = start;

	if (!vma_wanted(c, vma)) {
		c->run = image_run_find(c->img, c->mm, end);
		return;
	}
	for (; c->run < c->img->cr.objs[c->mm].nr_page_runs; c->run++) {
		cr_read_page_run(&c->img->cr, c->mm, c->run, &run);
		if (le64_to_cpu(run.addr) >= end)
			break;
		p = (struct core_piece){
			.addr = le64_to_cpu(run.addr),
			.len = le32_to_cpu(run.len), .id = c->mm, .run = c->run,
		};
		if (shm)
			shm_pieces(c, vma, at, p.addr);
		piece_add(c, start, &p, zero);
		at = p.addr + p.len;
	}
	if (shm)
		shm_pieces(c, vma, at, end);
	if (zero && le32_to_cpu(vma->prot))
		zero_rest(c, start, end);
}

static void vdso_piece(struct core_plan *c, const struct cr_rec_vma *vma,
		       u32 vdso)
{
	struct core_piece p = {
		.addr = le64_to_cpu(vma->start),
		.len = le64_to_cpu(vma->end) - le64_to_cpu(vma->start),
		.id = vdso,
	};

	piece_add(c, p.addr, &p, false);
}

int core_plan_make(struct core_plan *c)
{
	struct cr_detail_iter it;
	struct cr_rec_vma vma;
	struct cr_rec_mm mm;
	struct cr_view v;
	u32 prot;

	cr_read_obj(&c->img->cr, c->mm, &v, &mm, sizeof(mm));
	cr_for_each_detail(&c->img->cr, c->mm, &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		cr_detail(&it, &vma, sizeof(vma));
		prot = le32_to_cpu(vma.prot);
		c->flags = (prot & CR_PROT_READ ? PF_R : 0) |
			   (prot & CR_PROT_WRITE ? PF_W : 0) |
			   (prot & CR_PROT_EXEC ? PF_X : 0);
		if (le32_to_cpu(vma.kind) == CR_VMA_VDSO)
			vdso_piece(c, &vma, le32_to_cpu(mm.vdso));
		if (le32_to_cpu(vma.kind) == CR_VMA_VDSO ||
		    le32_to_cpu(vma.kind) == CR_VMA_VVAR)
			continue;
		elf_header_piece(c, &vma);
		vma_pieces(c, &vma);
	}
	return c->err;
}

void core_plan_free(struct core_plan *c)
{
	free(c->pieces);
	free(c->loads);
}

static void segment_add(struct core_segment *list, size_t *nr, u64 addr,
			u64 end, u32 flags, const struct core_piece *piece)
{
	if (addr < end)
		list[(*nr)++] = (struct core_segment){
			.addr = addr, .len = end - addr, .flags = flags,
			.piece = piece,
		};
}

struct core_segment *core_plan_segments(const struct core_plan *c, size_t *nr)
{
	struct core_segment *list;
	size_t i, j;
	u64 at;

	*nr = 0;
	/* before each piece, and for each load without one, there may be zeros */
	list = calloc(2 * c->nr_pieces + c->nr_loads + 1, sizeof(*list));
	for (i = 0; list && i < c->nr_loads; i++) {
		const struct core_load *load = &c->loads[i];

		at = load->addr;
		for (j = load->first; j < load->first + load->nr; j++) {
			const struct core_piece *p = &c->pieces[j];

			segment_add(list, nr, at, p->addr, load->flags, NULL);
			at = p->addr + p->len;
			segment_add(list, nr, p->addr, at, load->flags, p);
		}
		segment_add(list, nr, at, load->addr + load->len, load->flags,
			    NULL);
	}
	return list;
}
