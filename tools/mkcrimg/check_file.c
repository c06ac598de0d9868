// SPDX-License-Identifier: GPL-2.0
/* What else of an image can be checked without looking at the machine. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
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

/* The segments that hold memory, by offset */
static const Elf64_Phdr **segments_sort(const struct image *img, u32 *nr)
{
	const Elf64_Phdr **list, *ph;
	u32 i;

	list = calloc(img->ehdr->e_phnum + 1, sizeof(*list));
	*nr = 0;
	for (i = 0; list && i < img->ehdr->e_phnum; i++) {
		ph = &img->phdr[i];
		if (ph->p_type == PT_LOAD || ph->p_type == PT_CR_LOAD ||
		    ph->p_type == PT_CR_ZSTD)
			list[(*nr)++] = ph;
	}
	if (list)
		qsort(list, *nr, sizeof(*list), ph_cmp);
	return list;
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

/* The vdso of the leader, which debuggers want to see, is in its record */
static bool is_vdso(const struct image *img, const Elf64_Phdr *ph)
{
	struct cr_rec_thread leader;
	struct cr_rec_vdso vdso;
	struct cr_rec_mm mm;
	struct cr_view v;

	image_main_thread(img, img->cr.leader, &leader);
	cr_read_obj(&img->cr, le32_to_cpu(leader.mm), &v, &mm, sizeof(mm));
	if (!mm.vdso || ph->p_vaddr != le64_to_cpu(mm.vdso_addr))
		return false;
	cr_read_obj(&img->cr, le32_to_cpu(mm.vdso), &v, &vdso,
		    sizeof(vdso));
	return ph->p_filesz == le32_to_cpu(vdso.text_size) &&
	       ph->p_memsz == ph->p_filesz &&
	       ph->p_offset == (u64)((const u8 *)v.tail - img->map);
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

unsigned int check_segments(const struct image *img)
{
	const Elf64_Phdr **list;
	unsigned int problems = 0;
	u32 nr, i, nr_loads = 0, found = 0;

	if (!image_header_ok(img)) {
		failed("%s: checksum of the ELF header does not match",
		       img->path);
		problems++;
	}
	for (i = 0; i < img->ehdr->e_phnum; i++) {
		const Elf64_Phdr *ph = &img->phdr[i];

		found += ph->p_type == PT_LOAD && !is_vdso(img, ph);
		if (ph->p_offset <= img->size &&
		    ph->p_filesz <= img->size - ph->p_offset)
			continue;
		failed("%s: segment %u lies outside of the file", img->path, i);
		problems++;
	}
	/* Beyond the cap, runs have no segment of their own */
	if (img->ehdr->e_phnum >= CR_MAX_PHNUM - 8)
		return problems;
	list = segments_sort(img, &nr);
	if (!list)
		return problems + failed("%s: no memory", img->path);
	problems += runs_in_segments(img, list, nr, &nr_loads);
	if (found != nr_loads) {
		failed("%s: %u PT_LOAD segments, not %u", img->path, found,
		       nr_loads);
		problems++;
	}
	free(list);
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
	why = image_run_read(img, &run, buf);
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
