// SPDX-License-Identifier: GPL-2.0
/*
 * The same image, uncompressed: for debuggers, which see of an image what
 * is stored raw and belongs to its leader.
 *
 * The file: header, the leader's notes as they are, its memory, all other
 * memory, first pages of the ELF files that the leader has mapped, records,
 * program headers. Each record stays but for what says where memory stands. Runs
 * that stand in one place stay in one place, since that is how memory is common
 * to processes since fork(); no others do.
 *
 * One run of memory for each thread is held at a time.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include "core_plan.h"
#include "expand.h"
#include "parallel.h"

#define PAGE		4096ull
/* A note's header, and its name with padding */
#define NOTE_HEAD	(sizeof(Elf64_Nhdr) + 8)

/**
 * struct place - where a page run is, and will be
 * @run: its record, as it is
 * @first: the run whose bytes it shares: a number in the image; itself if none
 * @leader: it is the leader's
 * @offset: new one
 * @xxh64: of the memory
 */
struct place {
	struct cr_rec_pages run;
	u32 first;
	bool leader;
	u64 offset;
	u64 xxh64;
};

/**
 * struct expansion - an image that is being written
 * @img: as it is
 * @fd: the file
 * @plan: what a debugger sees of the leader
 * @segments, @nr_segments: the same
 * @places: of all runs
 * @notes: the leader's, as they are; NULL: there are none
 * @rest: where memory that is not the leader's begins
 * @rest_end: where it ends, and first pages of files begin
 * @records: where they begin
 * @phdr, @nr_phdr: program headers
 * @ehdr: header
 */
struct expansion {
	const struct image *img;
	int fd;
	struct core_plan plan;
	struct core_segment *segments;
	size_t nr_segments;
	struct place *places;
	const Elf64_Phdr *notes;
	u64 rest;
	u64 rest_end;
	u64 records;
	Elf64_Phdr *phdr;
	u32 nr_phdr;
	Elf64_Ehdr ehdr;
};

static u64 page_align(u64 n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

/* ---- where memory goes ---- */

/* Runs that have all but their object in common */
static int place_cmp(const struct place *x, const struct place *y)
{
	const size_t what = offsetof(struct cr_rec_pages, addr);
	u64 a = le64_to_cpu(x->run.offset), b = le64_to_cpu(y->run.offset);

	if (a != b)
		return a < b ? -1 : 1;
	return memcmp((u8 *)&x->run + what, (u8 *)&y->run + what,
		      sizeof(x->run) - what);
}

/* The leader's first, then by number */
static int place_ptr_cmp(const void *a, const void *b)
{
	const struct place *x = *(struct place *const *)a;
	const struct place *y = *(struct place *const *)b;
	int diff = place_cmp(x, y);

	if (diff)
		return diff;
	if (x->leader != y->leader)
		return x->leader ? -1 : 1;
	return x < y ? -1 : x > y;
}

static bool places_share(struct place *places, u32 nr)
{
	struct place **sorted = calloc(nr + 1ull, sizeof(*sorted));
	u32 i;

	if (!sorted)
		return false;
	for (i = 0; i < nr; i++)
		sorted[i] = &places[i];
	qsort(sorted, nr, sizeof(*sorted), place_ptr_cmp);
	for (i = 0; i < nr; i++)
		sorted[i]->first =
			i && !place_cmp(sorted[i], sorted[i - 1]) ?
			sorted[i - 1]->first : (u32)(sorted[i] - places);
	free(sorted);
	return true;
}

static bool places_read(struct expansion *x)
{
	const struct cr_image *cr = &x->img->cr;
	struct cr_view v;
	u32 n;

	x->places = calloc(cr->nr_page_runs + 1ull, sizeof(*x->places));
	for (n = 0; x->places && n < cr->nr_page_runs; n++) {
		cr_read(cr, cr->page_runs[n], &v, &x->places[n].run,
			sizeof(x->places[n].run));
		x->places[n].leader = v.id == x->plan.mm;
	}
	return x->places && places_share(x->places, cr->nr_page_runs);
}

static u64 places_fill(struct expansion *x, bool leader, u64 pos)
{
	struct place *p;
	u32 n;

	for (n = 0; n < x->img->cr.nr_page_runs; n++) {
		p = &x->places[n];
		if (p->leader != leader || p->first != n)
			continue;
		p->offset = pos;
		pos += le32_to_cpu(p->run.len);
	}
	return pos;
}

static const char *lay_out(struct expansion *x)
{
	const struct image *img = x->img;
	u64 pos = PAGE;
	size_t i;
	u32 n;

	for (n = 0; n < img->ehdr.e_phnum && !x->notes; n++)
		if (img->phdr[n].p_type == PT_NOTE)
			x->notes = &img->phdr[n];
	if (x->notes && (x->notes->p_offset > img->size ||
			 x->notes->p_filesz > img->size - x->notes->p_offset))
		return "notes lie outside of the file";
	if (x->notes)
		pos = page_align(pos + x->notes->p_filesz);
	x->rest = places_fill(x, true, pos);
	x->rest_end = places_fill(x, false, x->rest);
	for (n = 0; n < img->cr.nr_page_runs; n++)
		x->places[n].offset = x->places[x->places[n].first].offset;
	pos = x->rest_end;
	for (i = 0; i < x->plan.nr_pieces; i++) {
		if (img->cr.objs[x->plan.pieces[i].id].type != CR_REC_FILE)
			continue;
		x->plan.pieces[i].offset = pos;
		pos += PAGE;
	}
	x->records = pos;
	return NULL;
}

/* ---- memory ---- */

static const char *run_write(void *arg, size_t n, u8 *buf)
{
	struct expansion *x = arg;
	struct place *p = &x->places[n];
	size_t len = le32_to_cpu(p->run.len);
	const char *why;

	if (p->first != n)
		return NULL;
	why = image_run_bytes(x->img, &p->run, buf);
	if (why)
		return why;
	p->xxh64 = XXH64(buf, len, 0);
	return pwrite_sparse(x->fd, buf, len, p->offset) ? NULL :
	       strerror(errno);
}

static const char *files_write(struct expansion *x)
{
	const struct core_piece *p;
	const char *why = NULL;
	u8 page[PAGE];
	size_t i;

	for (i = 0; i < x->plan.nr_pieces && !why; i++) {
		p = &x->plan.pieces[i];
		if (x->img->cr.objs[p->id].type != CR_REC_FILE)
			continue;
		why = core_file_read(x->img, p->id, page, sizeof(page));
		if (!why && !pwrite_all(x->fd, page, sizeof(page), p->offset))
			why = strerror(errno);
	}
	return why;
}

/* ---- program headers ---- */

static Elf64_Phdr *phdr_add(struct expansion *x, u32 type, u64 offset,
			    u64 size, u64 align)
{
	Elf64_Phdr *ph = &x->phdr[x->nr_phdr++];

	ph->p_type = type;
	ph->p_offset = offset;
	ph->p_filesz = size;
	ph->p_align = align;
	return ph;
}

static void phdr_add_segment(struct expansion *x, const struct core_segment *s)
{
	const struct core_piece *p = s->piece;
	const struct cr_image *cr = &x->img->cr;
	u64 offset = 0, align = PAGE;
	Elf64_Phdr *ph;
	struct cr_view v;

	switch (p ? cr->objs[p->id].type : 0) {
	case CR_REC_VDSO:
		cr_read_obj(cr, p->id, &v, NULL, 0);
		offset = x->records + ((const u8 *)v.tail - cr->data);
		align = 1;
		break;
	case CR_REC_FILE:
		offset = p->offset;
		break;
	case CR_REC_MM:
	case CR_REC_SHM:
		offset = x->places[cr->objs[p->id].first_page_run +
				   p->run].offset + p->skip;
		break;
	}
	ph = phdr_add(x, PT_LOAD, offset, p ? s->len : 0, align);
	ph->p_vaddr = s->addr;
	ph->p_memsz = s->len;
	ph->p_flags = s->flags;
}

/* If there are too many, those that have to be there, as far as there is room */
static const char *phdrs_build(struct expansion *x)
{
	const u32 max = CR_MAX_PHNUM - 8;
	bool all = x->nr_segments <= max;
	size_t i;

	x->phdr = calloc(CR_MAX_PHNUM, sizeof(*x->phdr));
	if (!x->phdr)
		return strerror(ENOMEM);
	if (x->notes)
		phdr_add(x, PT_NOTE, PAGE, x->notes->p_filesz, 4);
	phdr_add(x, PT_CR_RECORDS, x->records, x->img->cr.size, 4);
	for (i = 0; i < x->nr_segments && x->nr_phdr < max + 2; i++) {
		const struct core_piece *p = x->segments[i].piece;

		if (all || (p && p->id == x->plan.mm))
			phdr_add_segment(x, &x->segments[i]);
	}
	if (x->rest < x->rest_end)
		phdr_add(x, PT_CR_LOAD, x->rest, x->rest_end - x->rest, 1);
	x->ehdr = x->img->ehdr;
	x->ehdr.e_phnum = x->nr_phdr;
	x->ehdr.e_phoff = (x->records + x->img->cr.size + 7) & ~7ull;
	return NULL;
}

/* ---- records ---- */

/* What says where a run stands; the record may be longer than is known */
static void run_patch(struct expansion *x, u8 *records, u32 n)
{
	const struct place *p = &x->places[n];
	struct cr_rec_pages run = p->run;

	run.stored = run.len;
	run.offset = cpu_to_le64(p->offset);
	run.method = cpu_to_le32(CR_PAGES_RAW);
	run.xxh64 = cpu_to_le64(x->places[p->first].xxh64);
	memcpy(records + x->img->cr.page_runs[n] + NOTE_HEAD, &run,
	       sizeof(run));
}

/* Where the last record's note is */
static size_t end_find(const struct cr_image *cr)
{
	size_t at = cr->nr_page_runs ? cr->page_runs[cr->nr_page_runs - 1] : 0;
	struct cr_view v;

	while (cr_read(cr, at, &v, NULL, 0) && v.next < cr->size)
		at = v.next;
	return at;
}

static const char *records_write(struct expansion *x)
{
	const struct cr_image *cr = &x->img->cr;
	u8 *records = malloc(cr->size);
	struct cr_rec_end end = cr->end;
	size_t at = end_find(cr);
	const char *why = NULL;
	u64 hash;
	u32 n;

	if (!records || !image_header_hash(&x->ehdr, x->phdr, &hash)) {
		free(records);
		return strerror(ENOMEM);
	}
	memcpy(records, cr->data, cr->size);
	for (n = 0; n < cr->nr_page_runs; n++)
		run_patch(x, records, n);
	end.records_xxh64 = cpu_to_le64(XXH64(records, at, 0));
	end.header_xxh64 = cpu_to_le64(hash);
	memcpy(records + at + NOTE_HEAD, &end, sizeof(end));
	if (!pwrite_all(x->fd, records, cr->size, x->records) ||
	    !pwrite_all(x->fd, x->phdr, x->nr_phdr * sizeof(*x->phdr),
			x->ehdr.e_phoff))
		why = strerror(errno);
	free(records);
	return why;
}

/* ---- all of it ---- */

static const char *plan(struct expansion *x)
{
	int err = core_plan_make(&x->plan);

	if (err)
		return strerror(err);
	x->segments = core_plan_segments(&x->plan, &x->nr_segments);
	return x->segments && places_read(x) ? NULL : strerror(ENOMEM);
}

static const char *notes_write(struct expansion *x)
{
	u64 from = x->notes->p_offset, left = x->notes->p_filesz, to = PAGE;
	const char *why = NULL;
	u8 part[1 << 16];
	size_t len;

	for (; left && !why; from += len, to += len, left -= len) {
		len = left < sizeof(part) ? left : sizeof(part);
		why = pread_all(x->img->fd, part, len, from);
		if (!why && !pwrite_sparse(x->fd, part, len, to))
			why = strerror(errno);
	}
	return why;
}

/* All but memory. The header comes last: before it this is no image */
static const char *rest_write(struct expansion *x)
{
	const char *why = files_write(x);

	if (!why && x->notes)
		why = notes_write(x);
	if (!why)
		why = records_write(x);
	if (!why && !pwrite_all(x->fd, &x->ehdr, sizeof(x->ehdr), 0))
		why = strerror(errno);
	return why;
}

static int memory_write(struct expansion *x)
{
	const struct cr_image *cr = &x->img->cr;
	struct cr_view v;
	size_t n = 0;
	const char *why = parallel(cr->nr_page_runs, run_write, x, &n);

	if (!why)
		return 0;
	cr_read(cr, cr->page_runs[n], &v, NULL, 0);
	return failed("%s: object %u: memory at 0x%llx: %s", x->img->path, v.id,
		      (unsigned long long)le64_to_cpu(x->places[n].run.addr),
		      why);
}

int expand(const struct image *img, int fd)
{
	struct expansion x = {
		.img = img, .fd = fd,
		.plan = { .img = img, .filter = CORE_ALL },
	};
	struct cr_rec_thread leader;
	const char *why;
	int err = 0;

	/* what is damaged must not become whole */
	if (!image_header_ok(img))
		return failed("%s: checksum of the ELF header does not match",
			      img->path);
	image_main_thread(img, img->cr.leader, &leader);
	x.plan.mm = le32_to_cpu(leader.mm);
	why = plan(&x);
	if (!why)
		why = lay_out(&x);
	if (!why)
		why = phdrs_build(&x);
	if (!why && ftruncate(fd, x.ehdr.e_phoff +
				  x.nr_phdr * sizeof(*x.phdr)))
		why = strerror(errno);
	if (!why)
		err = memory_write(&x);
	if (!why && !err)
		why = rest_write(&x);
	if (why)
		err = failed("%s: expand: %s", img->path, why);
	free(x.phdr);
	free(x.places);
	free(x.segments);
	core_plan_free(&x.plan);
	return err;
}
