// SPDX-License-Identifier: GPL-2.0
/* What else of an image can be checked without looking at the machine. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "core_plan.h"
#include "parallel.h"

/* ---- segments ---- */

static int ph_cmp(const void *a, const void *b)
{
	const Elf64_Phdr *x = *(const Elf64_Phdr *const *)a;
	const Elf64_Phdr *y = *(const Elf64_Phdr *const *)b;

	if (x->p_offset != y->p_offset)
		return x->p_offset < y->p_offset ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The last segment that starts at or before @offset */
static const Elf64_Phdr *segment_find(const Elf64_Phdr **list, u32 nr,
				      u64 offset)
{
	u32 low = 0, high = nr, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (list[mid]->p_offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? list[low - 1] : NULL;
}

/* The segment that a run has to lie in, and for the leader's how */
static bool run_in_segment(const Elf64_Phdr *ph, const struct cr_rec_pages *run,
			   bool leader)
{
	u64 offset = le64_to_cpu(run->offset);
	bool raw = le32_to_cpu(run->method) == CR_PAGES_RAW;

	if (!ph || ph->p_filesz < offset - ph->p_offset ||
	    ph->p_filesz - (offset - ph->p_offset) < le32_to_cpu(run->stored))
		return false;
	if (!raw)
		return ph->p_type == PT_CR_ZSTD;
	/* it may have bytes in common with the leader */
	if (!leader)
		return ph->p_type == PT_CR_LOAD || ph->p_type == PT_LOAD;
	return ph->p_type == PT_LOAD && ph->p_offset == offset &&
	       ph->p_vaddr == le64_to_cpu(run->addr) &&
	       ph->p_filesz == le32_to_cpu(run->len) &&
	       ph->p_memsz == ph->p_filesz;
}

/* ---- what else a debugger sees of the leader ---- */

/**
 * struct views - what the records say that there is, as "mkcrimg expand" writes it
 * @img: the image
 * @plan: memory of the leader
 * @segments, @nr: the same, ascending
 */
struct views {
	const struct image *img;
	struct core_plan plan;
	struct core_segment *segments;
	size_t nr;
};

static void views_end(struct views *w)
{
	free(w->segments);
	core_plan_free(&w->plan);
}

static bool views_begin(struct views *w, const struct image *img)
{
	struct cr_rec_thread leader;

	memset(w, 0, sizeof(*w));
	image_main_thread(img, img->cr.leader, &leader);
	w->img = img;
	w->plan = (struct core_plan){
		.img = img, .mm = le32_to_cpu(leader.mm), .filter = CORE_ALL,
		.any_file = true,
	};
	if (!core_plan_make(&w->plan))
		w->segments = core_plan_segments(&w->plan, &w->nr);
	if (!w->segments)
		views_end(w);
	return w->segments;
}

static int segment_cmp(const void *a, const void *b)
{
	const Elf64_Phdr *ph = a;
	const struct core_segment *s = b;

	return ph->p_vaddr < s->addr ? -1 : ph->p_vaddr > s->addr;
}

/*
 * The vdso, which is in its record; shared memory, where its runs are; memory
 * that is zero, without bytes; the first page of a file
 */
static bool is_view(const struct views *w, const Elf64_Phdr *ph)
{
	const struct cr_image *cr = &w->img->cr;
	const struct core_segment *s;
	struct cr_rec_pages run;
	struct cr_view v;

	s = bsearch(ph, w->segments, w->nr, sizeof(*s), segment_cmp);
	if (ph->p_type != PT_LOAD || !s || ph->p_memsz != s->len ||
	    ph->p_filesz != (s->piece ? s->len : 0))
		return false;
	if (!s->piece)
		return true;
	switch (cr->objs[s->piece->id].type) {
	case CR_REC_VDSO:
		cr_read_obj(cr, s->piece->id, &v, NULL, 0);
		return ph->p_offset == w->img->records->p_offset +
				       (u64)((const u8 *)v.tail - cr->data);
	case CR_REC_SHM:
		cr_read_page_run(cr, s->piece->id, s->piece->run, &run);
		return le32_to_cpu(run.method) == CR_PAGES_RAW &&
		       ph->p_offset == le64_to_cpu(run.offset) + s->piece->skip;
	default:
		return cr->objs[s->piece->id].type == CR_REC_FILE;
	}
}

/* ---- what a restart reads ---- */

/* The segments that hold what the records tell of, by offset */
static const Elf64_Phdr **segments_sort(const struct views *w, u32 *nr)
{
	const struct image *img = w->img;
	const Elf64_Phdr **list, *ph;
	u32 i;

	list = calloc(img->ehdr.e_phnum + 1, sizeof(*list));
	*nr = 0;
	for (i = 0; list && i < img->ehdr.e_phnum; i++) {
		ph = &img->phdr[i];
		if (ph->p_type == PT_CR_LOAD || ph->p_type == PT_CR_ZSTD ||
		    (ph->p_type == PT_LOAD && !is_view(w, ph)))
			list[(*nr)++] = ph;
	}
	if (list)
		qsort(list, *nr, sizeof(*list), ph_cmp);
	return list;
}

/* Every run has its segment; @nr_loads: runs that are a PT_LOAD */
static unsigned int runs_in_segments(const struct image *img,
				     const Elf64_Phdr **list, u32 nr,
				     u32 *nr_loads)
{
	struct cr_rec_thread leader;
	struct cr_rec_pages run;
	unsigned int problems = 0;
	bool of_leader;
	u32 id, n;

	image_main_thread(img, img->cr.leader, &leader);
	for (id = 1; id <= img->cr.nr_objects; id++) {
		of_leader = id == le32_to_cpu(leader.mm);
		for (n = 0; n < img->cr.objs[id].nr_page_runs; n++) {
			cr_read_page_run(&img->cr, id, n, &run);
			*nr_loads += of_leader &&
				le32_to_cpu(run.method) == CR_PAGES_RAW;
			if (run_in_segment(segment_find(list, nr,
						le64_to_cpu(run.offset)),
					   &run, of_leader))
				continue;
			failed("%s: object %u: memory at 0x%llx: no segment for it",
			       img->path, id,
			       (unsigned long long)le64_to_cpu(run.addr));
			problems++;
		}
	}
	return problems;
}

/* Every run has a segment, and every segment of the leader a run */
static unsigned int check_runs(const struct image *img)
{
	u32 nr = 0, i, nr_loads = 0, found = 0;
	const Elf64_Phdr **list = NULL;
	unsigned int problems;
	struct views w;

	if (views_begin(&w, img)) {
		list = segments_sort(&w, &nr);
		views_end(&w);
	}
	if (!list)
		return problem(img, "%s", strerror(ENOMEM));
	problems = runs_in_segments(img, list, nr, &nr_loads);
	for (i = 0; i < nr; i++)
		found += list[i]->p_type == PT_LOAD;
	if (found != nr_loads)
		problems += problem(img, "%u PT_LOAD segments, not %u", found,
				    nr_loads);
	free(list);
	return problems;
}

unsigned int check_segments(const struct image *img)
{
	unsigned int problems = 0;
	u32 i;

	if (!image_header_ok(img))
		problems += problem(img,
			"checksum of the ELF header does not match");
	for (i = 0; i < img->ehdr.e_phnum; i++) {
		const Elf64_Phdr *ph = &img->phdr[i];

		if (ph->p_offset > img->size ||
		    ph->p_filesz > img->size - ph->p_offset)
			problems += problem(img,
				"segment %u lies outside of the file", i);
	}
	/* Beyond the cap, runs have no segment of their own */
	if (img->ehdr.e_phnum < CR_MAX_PHNUM - 8)
		problems += check_runs(img);
	return problems;
}

/* ---- memory ---- */

/**
 * struct reader - the threads that read all runs
 * @img: the image
 * @problems: found so far
 */
struct reader {
	const struct image *img;
	atomic_uint problems;
};

/* Of several that are damaged each is named */
static const char *run_check(void *arg, size_t n, u8 *buf)
{
	struct reader *r = arg;
	const struct image *img = r->img;
	struct cr_rec_pages run;
	struct cr_view v;
	const char *why;

	cr_read(&img->cr, img->cr.page_runs[n], &v, &run, sizeof(run));
	why = image_run_bytes(img, &run, buf);
	if (!why)
		return NULL;
	failed("%s: object %u: memory at 0x%llx: %s", img->path, v.id,
	       (unsigned long long)le64_to_cpu(run.addr), why);
	atomic_fetch_add(&r->problems, 1);
	return NULL;
}

unsigned int check_memory(const struct image *img)
{
	struct reader r = { .img = img };
	const char *why = parallel(img->cr.nr_page_runs, run_check, &r, NULL);

	return r.problems + (why ? problem(img, "%s", why) : 0);
}
