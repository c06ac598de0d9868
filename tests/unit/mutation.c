// SPDX-License-Identifier: GPL-2.0
/*
 * Damaging images, reproducibly. Most kinds of damage come in two forms: found
 * by a checksum, or, with all checksums set right again, by the checks only.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/byteorder.h>
#include <xxhash.h>
#include <fields.h>
#include <linux/kernel.h>
#include <linux/cr_reader.h>
#include "mutation.h"

#define NOTE_HDR	20

/* ---- where things are ---- */

static const Elf64_Ehdr *ehdr(const struct buf *file)
{
	return (const Elf64_Ehdr *)file->data;
}

static Elf64_Phdr *phdr(const struct buf *file, unsigned int n)
{
	return (Elf64_Phdr *)(file->data + ehdr(file)->e_phoff) + n;
}

static Elf64_Phdr *records_phdr(const struct buf *file)
{
	unsigned int i;

	if (file->len < sizeof(Elf64_Ehdr) || ehdr(file)->e_phoff % 8 ||
	    ehdr(file)->e_phoff > file->len ||
	    ehdr(file)->e_phnum * sizeof(Elf64_Phdr) >
	    file->len - ehdr(file)->e_phoff)
		return NULL;
	for (i = 0; i < ehdr(file)->e_phnum; i++)
		if (phdr(file, i)->p_type == PT_CR_RECORDS)
			return phdr(file, i);
	return NULL;
}

bool layout_find(const struct buf *file, struct layout *l)
{
	const Elf64_Phdr *ph = records_phdr(file);
	size_t off, max = 0;
	u32 desc;

	memset(l, 0, sizeof(*l));
	if (!ph || ph->p_offset > file->len ||
	    ph->p_filesz > file->len - ph->p_offset)
		return false;
	l->at = ph->p_offset;
	l->len = ph->p_filesz;
	for (off = 0; off < l->len;) {
		if (l->nr + 1 >= max) {
			max = 2 * max + 64;
			l->notes = realloc(l->notes, max * sizeof(*l->notes));
		}
		l->notes[l->nr++] = off;
		if (l->len - off < NOTE_HDR)
			return false;
		memcpy(&desc, file->data + l->at + off + 4, sizeof(desc));
		off += NOTE_HDR + (((size_t)le32_to_cpu(desc) + 3) & ~3ul);
	}
	if (!l->nr || off != l->len)
		return false;
	l->notes[l->nr] = l->len;
	return true;
}

void layout_free(struct layout *l)
{
	free(l->notes);
	l->notes = NULL;
}

u32 layout_type(const struct buf *file, const struct layout *l, size_t n)
{
	u32 type;

	memcpy(&type, file->data + l->at + l->notes[n] + 8, sizeof(type));
	return le32_to_cpu(type);
}

u8 *layout_rec(struct buf *file, const struct layout *l, size_t n)
{
	return file->data + l->at + l->notes[n] + NOTE_HDR;
}

void stream_copy(struct buf *stream, const struct buf *file,
		 const struct layout *l, size_t from, size_t to)
{
	buf_add(stream, file->data + l->at + l->notes[from],
		l->notes[to] - l->notes[from]);
}

void stream_replace(struct buf *file, const struct layout *l,
		    const struct buf *stream)
{
	Elf64_Ehdr e = *ehdr(file);
	size_t len = e.e_phnum * sizeof(Elf64_Phdr);
	Elf64_Phdr *phdrs = malloc(len);

	records_phdr(file)->p_filesz = stream->len;
	memcpy(phdrs, file->data + e.e_phoff, len);
	file->len = l->at;
	buf_add(file, stream->data, stream->len);
	buf_pad(file, 8);
	e.e_phoff = file->len;
	buf_add(file, phdrs, len);
	memcpy(file->data, &e, sizeof(e));
	free(phdrs);
}

/* ---- damage ---- */

/* splitmix64 */
u64 rnd(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

u64 extreme(unsigned int n, u64 old)
{
	const u64 values[EXTREMES] = {
		0, 1, old - 1, old + 1, old << 1, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, ~0ull, 0x7ffffffff000, 0xfffffffffffff000,
	};

	return values[n % EXTREMES];
}

void field_store(u8 *rec, size_t offset, size_t size, u64 value)
{
	u32 half = cpu_to_le32(value);
	u64 wide = cpu_to_le64(value);

	memcpy(rec + offset, size == sizeof(half) ? (void *)&half :
	       (void *)&wide, size);
}

/* What mutate() works on */
struct work {
	struct buf *file;
	struct layout l;
	u64 state;
	bool fix;
	char *what;
	size_t size;
};

#define say(w, ...)	snprintf((w)->what, (w)->size, __VA_ARGS__)

static size_t pick(struct work *w, size_t nr)
{
	return nr ? rnd(&w->state) % nr : 0;
}

/* A record, every type being as likely: else most would be VMA and FD */
static size_t pick_record(struct work *w)
{
	u32 types[64], type;
	size_t nr = 0, n, i, count = 0;

	for (n = 0; n < w->l.nr; n++) {
		type = layout_type(w->file, &w->l, n);
		for (i = 0; i < nr && types[i] != type; i++)
			;
		if (i == nr && nr < ARRAY_SIZE(types))
			types[nr++] = type;
	}
	type = types[pick(w, nr)];
	for (n = 0; n < w->l.nr; n++)
		count += layout_type(w->file, &w->l, n) == type;
	count = pick(w, count);
	for (n = 0; n < w->l.nr; n++)
		if (layout_type(w->file, &w->l, n) == type && !count--)
			break;
	return n;
}

static const char *type_name(const struct work *w, size_t n)
{
	const char *name = cr_rec_name(layout_type(w->file, &w->l, n));

	return name ? name : "?";
}

/* The stream ends behind record @n; or the file does */
static void damage_truncate(struct work *w)
{
	size_t n = pick(w, w->l.nr);
	struct buf stream = {};

	say(w, "cut before record %zu (%s)", n, type_name(w, n));
	if (w->fix) {
		stream_copy(&stream, w->file, &w->l, 0, n);
		if (n && rnd(&w->state) & 1)
			stream_copy(&stream, w->file, &w->l, w->l.nr - 1,
				    w->l.nr);
		stream_replace(w->file, &w->l, &stream);
		buf_free(&stream);
	} else {
		w->file->len = w->l.at + w->l.notes[n];
	}
}

static void damage_file_end(struct work *w)
{
	w->file->len = pick(w, w->file->len);
	say(w, "cut at byte %zu", w->file->len);
}

static void damage_bit(struct work *w)
{
	size_t n = pick_record(w);
	size_t byte = pick(w, w->l.notes[n + 1] - w->l.notes[n]);
	unsigned int bit = pick(w, 8);

	say(w, "bit %u of byte %zu of record %zu (%s)", bit, byte, n,
	    type_name(w, n));
	w->file->data[w->l.at + w->l.notes[n] + byte] ^= 1u << bit;
}

static void damage_field(struct work *w)
{
	size_t n = pick_record(w);
	const struct rec_fields *r = rec_fields(layout_type(w->file, &w->l, n));
	const struct field *f;
	unsigned int i;
	u64 old, value;
	u8 *rec;

	if (!r) {
		damage_bit(w);
		return;
	}
	f = &r->fields[pick(w, r->nr)];
	if (f->form == FORM_TEXT || f->form == FORM_BYTES) {
		damage_bit(w);
		return;
	}
	rec = layout_rec(w->file, &w->l, n);
	i = pick(w, f->nr);
	old = field_value(f, rec, i);
	value = extreme(pick(w, EXTREMES), old);
	if (f->size == sizeof(u32))
		value &= 0xffffffff;
	field_store(rec, f->offset + i * f->size, f->size, value);
	say(w, "%s of record %zu (%s): 0x%llx instead of 0x%llx", f->name, n,
	    type_name(w, n), (unsigned long long)value,
	    (unsigned long long)old);
}

static bool is_ref(const char *name)
{
	static const char *const names[] = {
		"obj", "file", "exe", "vdso", "parent", "proc", "mm", "files",
		"fs", "sighand", "cred", "peer", "listener", "sock", "dest",
		"sender", "epoll",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* A reference leads to another object, or to none */
static void damage_ref(struct work *w)
{
	size_t n = pick(w, w->l.nr), i, tries;
	const struct rec_fields *r;
	u32 value;

	for (tries = 0; tries < w->l.nr; tries++, n = (n + 1) % w->l.nr) {
		r = rec_fields(layout_type(w->file, &w->l, n));
		for (i = 0; r && i < r->nr; i++)
			if (is_ref(r->fields[i].name) && rnd(&w->state) & 1)
				goto found;
	}
	damage_bit(w);
	return;
found:
	value = pick(w, w->l.nr + 2);
	field_store(layout_rec(w->file, &w->l, n), r->fields[i].offset, 4,
		    value);
	say(w, "%s of record %zu (%s): object %u", r->fields[i].name, n,
	    type_name(w, n), value);
}

/* The id or the size that struct cr_rec says */
static void damage_rec(struct work *w)
{
	size_t n = pick_record(w);
	size_t offset = rnd(&w->state) & 1 ? 4 : 0;
	u8 *rec = layout_rec(w->file, &w->l, n);
	u32 old, value;

	memcpy(&old, rec + offset, sizeof(old));
	value = extreme(pick(w, EXTREMES), le32_to_cpu(old));
	if (rnd(&w->state) & 1)
		value = le32_to_cpu(old) + 8 - pick(w, 17);
	field_store(rec, offset, 4, value);
	say(w, "%s of record %zu (%s): %u instead of %u", offset ? "size" :
	    "id", n, type_name(w, n), value, le32_to_cpu(old));
}

/* A note header: lengths and type */
static void damage_note(struct work *w)
{
	size_t n = pick_record(w), word = 4 * pick(w, 3);
	u8 *note = w->file->data + w->l.at + w->l.notes[n];
	const char *name = type_name(w, n);
	u32 old, value;

	memcpy(&old, note + word, sizeof(old));
	value = extreme(pick(w, EXTREMES), le32_to_cpu(old));
	if (word == 8)
		value = layout_type(w->file, &w->l, pick(w, w->l.nr));
	field_store(note, word, 4, value);
	say(w, "word %zu of the note of record %zu (%s): 0x%x instead of 0x%x",
	    word / 4, n, name, value, le32_to_cpu(old));
}

/* Records: one missing, one twice, two swapped */
static void damage_order(struct work *w)
{
	size_t a = pick(w, w->l.nr), b = pick(w, w->l.nr), n;
	unsigned int how = pick(w, 3);
	struct buf stream = {};

	say(w, how == 0 ? "record %zu (%s) left out" : how == 1 ?
	    "record %zu (%s) twice" : "record %zu (%s) swapped with %zu", a,
	    type_name(w, a), b);
	for (n = 0; n < w->l.nr; n++) {
		size_t from = how != 2 ? n : n == a ? b : n == b ? a : n;

		if (how != 0 || n != a)
			stream_copy(&stream, w->file, &w->l, from, from + 1);
		if (how == 1 && n == a)
			stream_copy(&stream, w->file, &w->l, n, n + 1);
	}
	stream_replace(w->file, &w->l, &stream);
	buf_free(&stream);
}

static void damage_ehdr(struct work *w)
{
	size_t byte = pick(w, sizeof(Elf64_Ehdr));
	u8 value = rnd(&w->state);

	/* so that it is still taken for an image most of the time */
	if (byte < CR_EI_VERSION)
		byte += 16;
	say(w, "byte %zu of the ELF header: 0x%02x instead of 0x%02x", byte,
	    value, w->file->data[byte]);
	w->file->data[byte] = value;
}

static void damage_phdr(struct work *w)
{
	static const struct { const char *name; u8 offset, size; } fields[] = {
		{ "p_type", 0, 4 }, { "p_flags", 4, 4 }, { "p_offset", 8, 8 },
		{ "p_vaddr", 16, 8 }, { "p_filesz", 32, 8 },
		{ "p_memsz", 40, 8 }, { "p_align", 48, 8 },
	};
	size_t n = pick(w, ehdr(w->file)->e_phnum);
	size_t i = pick(w, ARRAY_SIZE(fields));
	u8 *ph = (u8 *)phdr(w->file, n);
	u64 old = 0, value;

	/* the records' own half the time */
	if (rnd(&w->state) & 1)
		ph = (u8 *)records_phdr(w->file);
	memcpy(&old, ph + fields[i].offset, fields[i].size);
	value = extreme(pick(w, EXTREMES), le64_to_cpu(old));
	field_store(ph, fields[i].offset, fields[i].size, value);
	say(w, "%s of a segment: 0x%llx instead of 0x%llx", fields[i].name,
	    (unsigned long long)value, (unsigned long long)le64_to_cpu(old));
}

/* A byte of a page run as it is stored; with @fix its checksum follows */
static void damage_memory(struct work *w)
{
	size_t n, nr = 0;
	struct cr_rec_pages rec;
	u64 offset, at;
	u8 *p;

	for (n = 0; n < w->l.nr; n++)
		nr += layout_type(w->file, &w->l, n) == CR_REC_PAGES;
	if (!nr) {
		say(w, "nothing");
		return;
	}
	nr = pick(w, nr);
	for (n = 0; n < w->l.nr; n++)
		if (layout_type(w->file, &w->l, n) == CR_REC_PAGES && !nr--)
			break;
	memcpy(&rec, layout_rec(w->file, &w->l, n), sizeof(rec));
	offset = le64_to_cpu(rec.offset);
	if (!rec.stored || offset > w->file->len ||
	    le32_to_cpu(rec.stored) > w->file->len - offset) {
		say(w, "nothing");
		return;
	}
	/* the first bytes of a zstd frame are its most delicate */
	at = pick(w, rnd(&w->state) & 1 ? 16 : le32_to_cpu(rec.stored));
	p = w->file->data + offset;
	p[at % le32_to_cpu(rec.stored)] ^= 1u << pick(w, 8);
	rec.xxh64 = cpu_to_le64(XXH64(p, le32_to_cpu(rec.stored), 0));
	if (w->fix)
		memcpy(layout_rec(w->file, &w->l, n), &rec, sizeof(rec));
	say(w, "byte %llu of the memory of record %zu", (unsigned long long)at,
	    n);
}

bool mutate(struct buf *file, u64 seed, bool memory, char *what, size_t size)
{
	static void (*const kinds[])(struct work *w) = {
		damage_truncate, damage_file_end, damage_bit, damage_bit,
		damage_field, damage_field, damage_field, damage_ref,
		damage_rec, damage_note, damage_order, damage_ehdr,
		damage_phdr, damage_memory,
	};
	struct work w = {
		.file = file, .state = seed, .what = what, .size = size,
	};
	char text[160] = "";

	w.what = text;
	w.size = sizeof(text);
	if (!layout_find(file, &w.l)) {
		layout_free(&w.l);
		return false;
	}
	/* nearly all damage is meant to get past the checksums */
	w.fix = rnd(&w.state) % 8;
	if (memory)
		damage_memory(&w);
	else
		kinds[pick(&w, ARRAY_SIZE(kinds))](&w);
	if (w.fix)
		image_fix(file);
	snprintf(what, size, "%s%s", text, w.fix ? ", checksums right" : "");
	layout_free(&w.l);
	return true;
}

bool mutate_vdso(struct buf *file, bool broken)
{
	struct cr_rec_vdso rec;
	struct layout l;
	size_t n, len;
	u8 *text;

	if (!layout_find(file, &l)) {
		layout_free(&l);
		return false;
	}
	for (n = 0; n < l.nr; n++)
		if (layout_type(file, &l, n) == CR_REC_VDSO)
			break;
	if (n < l.nr) {
		memcpy(&rec, layout_rec(file, &l, n), sizeof(rec));
		text = layout_rec(file, &l, n) + le32_to_cpu(rec.rec.size);
		len = le32_to_cpu(rec.text_size);
		/* its code stays what it was: padding of the ELF header, or the magic */
		text[broken ? 0 : EI_PAD] ^= 1;
		rec.text_xxh64 = cpu_to_le64(XXH64(text, len, 0));
		memcpy(layout_rec(file, &l, n), &rec, sizeof(rec));
		image_fix(file);
	}
	layout_free(&l);
	return n < l.nr;
}

bool mutate_text(struct buf *file, const char *was, const char *now)
{
	size_t len = strlen(was);
	struct layout l;
	u8 *at, *end;
	bool any = false;

	memset(&l, 0, sizeof(l));
	if (!len || strlen(now) != len || !layout_find(file, &l)) {
		layout_free(&l);
		return false;
	}
	end = file->data + l.at + l.len;
	for (at = file->data + l.at; (at = memmem(at, end - at, was, len));) {
		memcpy(at, now, len);
		at += len;
		any = true;
	}
	image_fix(file);
	layout_free(&l);
	return any;
}
