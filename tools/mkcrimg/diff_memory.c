// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of two images. Mappings are the same if they are of the same kind and
 * file, and start or end where they did. Their pages are compared one by one,
 * run by run: no more than one run of each image is unpacked. Runs that are stored
 * in the same bytes are not unpacked at all.
 */
#include <stdlib.h>
#include <string.h>
#include "diff.h"

#define PAGE	4096u

/**
 * struct map - a mapping
 * @rec: its record
 * @offset: of the record
 * @name: of its file, or what it is
 * @other: number of the same mapping in the other image, plus 1; 0: there is none
 * @pages: what differs; counted in that of the second image, if there is one
 */
struct map {
	struct cr_rec_vma rec;
	size_t offset;
	const char *name;
	size_t other;
	struct diff_pages pages;
};

/**
 * struct side - memory of one image on its way
 * @img: the image
 * @id: MM or SHM
 * @maps: its mappings; of a SHM one
 * @nr_maps: their number
 * @map: the first mapping that may have pages at or behind the address at hand
 * @n: the run at hand
 * @run: as read; of length 0 behind the last one
 * @at: bytes of it that have been passed
 * @buf: its bytes, if @read
 */
struct side {
	const struct image *img;
	u32 id;
	struct map *maps;
	size_t nr_maps;
	size_t map;
	u32 n;
	struct cr_rec_pages run;
	u32 at;
	u8 *buf;
	bool read;
};

/* ---- pages ---- */

/* Go on with run @n */
static void run_load(struct side *s, u32 n)
{
	s->n = n;
	s->at = 0;
	s->read = false;
	memset(&s->run, 0, sizeof(s->run));
	if (n < s->img->cr.objs[s->id].nr_page_runs)
		cr_read_page_run(&s->img->cr, s->id, n, &s->run);
}

/* Address of the page at hand; behind the last one the highest */
static u64 page_addr(const struct side *s)
{
	return s->run.len ? le64_to_cpu(s->run.addr) + s->at : ~0ull;
}

/* Its bytes, or NULL: they are damaged, and so is the rest of the run */
static const u8 *page_read(struct diff *d, struct side *s)
{
	const char *why = NULL;

	if (!s->read) {
		why = image_run_bytes(s->img, &s->run, s->buf);
		s->read = true;
	}
	if (!why)
		return s->buf + s->at;
	failed("%s: object %u: memory at 0x%llx: %s", s->img->path, s->id,
	       (unsigned long long)le64_to_cpu(s->run.addr), why);
	diff_trouble(d);
	run_load(s, s->n + 1);
	return NULL;
}

static void page_next(struct side *s)
{
	s->at += PAGE;
	if (s->at >= le32_to_cpu(s->run.len))
		run_load(s, s->n + 1);
}

/* Both begin a run, and it is stored in the same bytes */
static bool runs_are_same(const struct side *a, const struct side *b)
{
	const struct cr_rec_pages *p = &a->run, *q = &b->run;

	return !a->at && !b->at && p->len && p->addr == q->addr &&
	       p->len == q->len && p->stored == q->stored &&
	       p->method == q->method && p->xxh64 == q->xxh64 &&
	       !image_run_stored(a->img, p, a->buf) &&
	       !image_run_stored(b->img, q, b->buf) &&
	       !memcmp(a->buf, b->buf, le32_to_cpu(p->stored));
}

/* The mapping of an address, which never goes back; NULL: there is none */
static struct map *map_at(struct side *s, u64 addr)
{
	struct map *map;

	while (s->map < s->nr_maps &&
	       le64_to_cpu(s->maps[s->map].rec.end) <= addr)
		s->map++;
	map = s->map < s->nr_maps ? &s->maps[s->map] : NULL;
	return map && le64_to_cpu(map->rec.start) <= addr ? map : NULL;
}

/* The second image's, if the address is in the same one in both */
static struct map *map_both(struct side *a, struct side *b, u64 addr)
{
	struct map *was = map_at(a, addr), *now = map_at(b, addr);

	return was && now && was->other == (size_t)(now - b->maps) + 1 ? now :
									 NULL;
}

static bool is_zero(const u8 *page)
{
	return !*page && !memcmp(page, page + 1, PAGE - 1);
}

static u64 bytes_differing(const u8 *a, const u8 *b)
{
	u64 nr = 0;
	u32 i;

	for (i = 0; i < PAGE; i++)
		nr += a[i] != b[i];
	return nr;
}

/* Where memory that is not there is zero, a page of zeros is no difference */
static bool is_nothing(const struct map *map, const u8 *page)
{
	return le32_to_cpu(map->rec.kind) == CR_VMA_ANON && is_zero(page);
}

/* A page of one image alone: @a, or @b */
static void page_only(struct side *s, u64 addr, const u8 *page, bool new)
{
	struct map *map = map_at(s, addr);

	if (!map || is_nothing(map, page))
		return;
	if (new)
		map->pages.new++;
	else
		map->pages.gone++;
}

static void pages_both(struct side *a, struct side *b, u64 addr, const u8 *p,
		       const u8 *q)
{
	struct map *now = map_both(a, b, addr);

	if (!now) {
		page_only(a, addr, p, false);
		page_only(b, addr, q, true);
	} else if (memcmp(p, q, PAGE)) {
		now->pages.changed++;
		now->pages.bytes += bytes_differing(p, q);
	}
}

static void pages_compare(struct diff *d, struct side *a, struct side *b)
{
	const u8 *p, *q;
	u64 at, other;

	run_load(a, 0);
	run_load(b, 0);
	while (a->run.len || b->run.len) {
		if (runs_are_same(a, b) && map_both(a, b, page_addr(a))) {
			run_load(a, a->n + 1);
			run_load(b, b->n + 1);
			continue;
		}
		at = page_addr(a);
		other = page_addr(b);
		p = at <= other ? page_read(d, a) : NULL;
		q = other <= at ? page_read(d, b) : NULL;
		if (p && q)
			pages_both(a, b, at, p, q);
		else if (p && at < other)
			page_only(a, at, p, false);
		else if (q && other < at)
			page_only(b, other, q, true);
		if (p)
			page_next(a);
		if (q)
			page_next(b);
	}
}

/* ---- mappings ---- */

static const char *map_name(const struct image *img,
			    const struct cr_rec_vma *vma)
{
	u32 flags = le32_to_cpu(vma->flags);

	if (vma->obj)
		return image_file_name(img, le32_to_cpu(vma->obj));
	switch (le32_to_cpu(vma->kind)) {
	case CR_VMA_VDSO:
		return "[vdso]";
	case CR_VMA_VVAR:
		return "[vvar]";
	}
	return flags & CR_VMA_STACK ? "[stack]" :
	       flags & CR_VMA_HEAP ? "[heap]" : "";
}

static bool maps_read(struct side *s, const struct image *img, u32 mm)
{
	struct cr_detail_iter it;
	struct map *map;

	*s = (struct side){ .img = img, .id = mm };
	s->maps = calloc(img->cr.objs[mm].nr_details + 1, sizeof(*s->maps));
	s->buf = malloc(IMAGE_RUN_BUF);
	if (!s->maps || !s->buf)
		return false;
	cr_for_each_detail(&img->cr, mm, &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		map = &s->maps[s->nr_maps++];
		cr_detail(&it, &map->rec, sizeof(map->rec));
		map->offset = it.offset;
		map->name = map_name(img, &map->rec);
	}
	return true;
}

static void side_free(struct side *s)
{
	free(s->maps);
	free(s->buf);
}

/*
 * Which are the same, by their start or, in a second pass, by their end, since
 * a stack grows downwards. Both ascend.
 */
static void maps_match(struct side *a, struct side *b, bool by_end)
{
	const struct map *p, *q;
	size_t i = 0, j = 0;
	u64 x, y;

	while (i < a->nr_maps && j < b->nr_maps) {
		p = &a->maps[i];
		q = &b->maps[j];
		x = le64_to_cpu(by_end ? p->rec.end : p->rec.start);
		y = le64_to_cpu(by_end ? q->rec.end : q->rec.start);
		if (x == y && !p->other && !q->other &&
		    p->rec.kind == q->rec.kind &&
		    (!p->rec.obj || !strcmp(p->name, q->name))) {
			a->maps[i].other = j + 1;
			b->maps[j].other = i + 1;
		}
		i += x <= y;
		j += y <= x;
	}
}

static size_t map_enter(struct diff *d, const struct map *map)
{
	return diff_enter(d, "mapping %llx-%llx%s%s",
			  (unsigned long long)le64_to_cpu(map->rec.start),
			  (unsigned long long)le64_to_cpu(map->rec.end),
			  *map->name ? " " : "", map->name);
}

static void map_tell(struct diff *d, const struct side *a, const struct map *b)
{
	const struct map *was = b->other ? &a->maps[b->other - 1] : NULL;
	struct diff_pages pages = b->pages;
	size_t where = map_enter(d, b);

	if (!was) {
		diff_only(d, "new", b->pages.new);
	} else {
		diff_record(d, was->offset, b->offset);
		/* those that were counted where it was */
		pages.gone += was->pages.gone;
		diff_pages(d, &pages);
		if (le32_to_cpu(b->rec.kind) == CR_VMA_SHM)
			diff_refs(d, "object", le32_to_cpu(was->rec.obj),
				  le32_to_cpu(b->rec.obj));
	}
	diff_leave(d, where);
}

static void maps_tell(struct diff *d, const struct side *a,
		      const struct side *b)
{
	size_t i, where;

	for (i = 0; i < a->nr_maps; i++) {
		if (a->maps[i].other)
			continue;
		where = map_enter(d, &a->maps[i]);
		diff_only(d, "gone", a->maps[i].pages.gone);
		diff_leave(d, where);
	}
	for (i = 0; i < b->nr_maps; i++)
		map_tell(d, a, &b->maps[i]);
}

void diff_mms(struct diff *d, u32 a, u32 b)
{
	struct cr_rec_mm rec_a, rec_b;
	struct side was, now = {};
	struct cr_view v;

	cr_read_obj(&d->a->cr, a, &v, &rec_a, sizeof(rec_a));
	cr_read_obj(&d->b->cr, b, &v, &rec_b, sizeof(rec_b));
	diff_text(d, "exe", image_file_name(d->a, le32_to_cpu(rec_a.exe)),
		  image_file_name(d->b, le32_to_cpu(rec_b.exe)));
	diff_refs(d, "vdso", le32_to_cpu(rec_a.vdso), le32_to_cpu(rec_b.vdso));
	if (maps_read(&was, d->a, a) && maps_read(&now, d->b, b)) {
		maps_match(&was, &now, false);
		maps_match(&was, &now, true);
		pages_compare(d, &was, &now);
		maps_tell(d, &was, &now);
	} else {
		failed("no memory");
		diff_trouble(d);
	}
	side_free(&was);
	side_free(&now);
}

void diff_shms(struct diff *d, u32 a, u32 b)
{
	struct map whole_a = { .rec.kind = cpu_to_le32(CR_VMA_ANON),
			       .rec.end = cpu_to_le64(~0ull), .other = 1 };
	struct map whole_b = whole_a;
	struct side was = { .img = d->a, .id = a, .maps = &whole_a,
			    .nr_maps = 1, .buf = malloc(IMAGE_RUN_BUF) };
	struct side now = { .img = d->b, .id = b, .maps = &whole_b,
			    .nr_maps = 1, .buf = malloc(IMAGE_RUN_BUF) };

	if (was.buf && now.buf) {
		pages_compare(d, &was, &now);
		whole_b.pages.gone += whole_a.pages.gone;
		diff_pages(d, &whole_b.pages);
	} else {
		failed("no memory");
		diff_trouble(d);
	}
	free(was.buf);
	free(now.buf);
}
