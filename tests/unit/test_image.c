// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the reader and the checks: test_image NAME. Exit status 0, or 1
 * after lines that say what was expected. Built with ASan and UBSan.
 *
 * Everywhere holds: the answer is 0, EBADMSG or EOPNOTSUPP, and there is one
 * message exactly if it is not 0.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <fields.h>
#include <asm/byteorder.h>
#include <linux/kernel.h>
#include <linux/cr_reader.h>
#include "mutation.h"
#include "test_image.h"

/* ---- running the reader ---- */

static char message[512];
static unsigned int nr_messages;
static unsigned int nr_failures;

int cr_err(struct cr_log *log, int err, const char *fmt, ...)
{
	va_list ap;

	(void)log;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	nr_messages++;
	return err;
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (++nr_failures > 40)
		exit(1);
}

const char *last_message(void)
{
	return message;
}

int read_image(const struct buf *file, const struct layout *l, size_t len)
{
	struct cr_image img = {};
	/* of its own, so that ASan sees a byte too far */
	u8 *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, file->data + l->at, len);
	message[0] = 0;
	nr_messages = 0;
	err = cr_image_index(&img, copy, len, NULL);
	if (!err) {
		err = cr_image_check(&img, file->len, NULL);
		cr_image_put(&img);
	}
	free(copy);
	if (err && err != -EBADMSG && err != -EOPNOTSUPP)
		fail("error %d: %s", err, message);
	if (nr_messages != !!err)
		fail("error %d with %u messages: %s", err, nr_messages, message);
	return err;
}

/* The reader's answer to a changed image; the checksums are set right */
static int read_fixed(struct buf *file)
{
	struct layout l;
	int err = -EBADMSG;

	image_fix(file);
	if (layout_find(file, &l))
		err = read_image(file, &l, l.len);
	else
		err = read_image(file, &l, l.len < file->len - l.at ? l.len :
				 file->len - l.at);
	layout_free(&l);
	return err;
}

/* Let @file be a copy of @from */
static void file_copy(struct buf *file, const struct buf *from)
{
	file->len = 0;
	buf_add(file, from->data, from->len);
}

/* ---- tests ---- */

static void test_valid(const struct buf *good, const struct layout *l)
{
	bool seen[256][2] = {};
	size_t n;
	u32 type;

	if (read_image(good, l, l->len))
		fail("the sample: %s", message);
	/* does the sample have every kind of record? */
	for (n = 0; n < l->nr; n++) {
		type = layout_type(good, l, n);
		if (!cr_rec_name(type) || !rec_fields(type))
			fail("record %zu: type 0x%x", n, type);
		seen[type & 0xff][(type >> 8 & 0xff) == 2] = true;
	}
	for (type = 0x43520001; type < 0x43520300; type++)
		if (cr_rec_name(type) &&
		    !seen[type & 0xff][(type >> 8 & 0xff) == 2])
			fail("the sample has no %s", cr_rec_name(type));
}

/* The table of fields describes every byte of every record */
static void test_fields(const struct buf *good, const struct layout *l)
{
	const struct rec_fields *r;
	size_t sum;
	u32 type, i;

	(void)good;
	(void)l;
	for (type = 0x43520001; type < 0x43520300; type++) {
		r = rec_fields(type);
		if (!r != !cr_rec_name(type))
			fail("type 0x%x: in one table only", type);
		if (!r)
			continue;
		sum = sizeof(struct cr_rec);
		for (i = 0; i < r->nr; i++) {
			if (r->fields[i].offset != sum)
				fail("%s: %s is not at %zu", cr_rec_name(type),
				     r->fields[i].name, sum);
			sum += r->fields[i].size * r->fields[i].nr;
		}
		if (sum != r->size)
			fail("%s: %zu of %u bytes described", cr_rec_name(type),
			     sum, r->size);
	}
}

/* Cut off before each record, and anywhere within it */
static void test_truncated(const struct buf *good, const struct layout *l)
{
	struct buf file = {}, stream = {};
	size_t n, len;

	for (n = 0; n < l->nr; n++)
		if (!read_image(good, l, l->notes[n]))
			fail("cut before record %zu: passed", n);
	for (len = 0; len < l->len; len += len < l->len - 200 ? 13 : 1)
		if (!read_image(good, l, len))
			fail("cut at byte %zu: passed", len);
	/* with an END of its own */
	for (n = 0; n < l->nr - 1; n++) {
		file_copy(&file, good);
		stream.len = 0;
		stream_copy(&stream, good, l, 0, n);
		stream_copy(&stream, good, l, l->nr - 1, l->nr);
		stream_replace(&file, l, &stream);
		if (!read_fixed(&file))
			fail("END instead of record %zu: passed", n);
	}
	buf_free(&file);
	buf_free(&stream);
}

/* Long tails of arbitrary bytes are tried in places */
static size_t next_byte(size_t byte)
{
	return byte + (byte < 600 ? 1 : 61);
}

static void test_flipped(const struct buf *good, const struct layout *l)
{
	struct buf file = {};
	size_t n, byte, at;
	unsigned int bit;

	file_copy(&file, good);
	for (n = 0; n < l->nr; n++) {
		for (byte = 0; l->notes[n] + byte < l->notes[n + 1];
		     byte = next_byte(byte)) {
			at = l->at + l->notes[n] + byte;
			for (bit = 0; bit < 8; bit++) {
				file.data[at] ^= 1u << bit;
				/* the last 8 bytes of END are of the header */
				if (n < l->nr - 1 || byte < 20 + 24)
					if (!read_image(&file, l, l->len))
						fail("record %zu byte %zu bit %u: passed",
						     n, byte, bit);
				file.data[at] ^= 1u << bit;
			}
		}
	}
	buf_free(&file);
}

static void test_flipped_fixed(const struct buf *good, const struct layout *l)
{
	struct buf file = {};
	size_t n, byte;
	unsigned int bit;

	for (n = 0; n < l->nr; n++) {
		for (byte = 0; l->notes[n] + byte < l->notes[n + 1];
		     byte = next_byte(byte)) {
			for (bit = 0; bit < 8; bit++) {
				file_copy(&file, good);
				file.data[l->at + l->notes[n] + byte] ^=
					1u << bit;
				read_fixed(&file);
			}
		}
	}
	buf_free(&file);
}

/* One element of a field with extreme values; does any of them pass? */
static void try_extremes(struct buf *file, const struct buf *good,
			 const struct layout *l, size_t n,
			 const struct field *f, unsigned int nr)
{
	unsigned int i, passed = 0;
	u64 old, value;
	u8 *rec;

	for (i = 0; i < EXTREMES; i++) {
		file_copy(file, good);
		rec = layout_rec(file, l, n);
		old = field_value(f, rec, nr);
		value = extreme(i, old);
		if (f->size == sizeof(u32) && value >> 32)
			continue;
		field_store(rec, f->offset + nr * f->size, f->size, value);
		if (!read_fixed(file))
			passed++;
		else if (value == old)
			fail("record %zu: %s: unchanged, but %s", n, f->name,
			     message);
	}
	if (getenv("VERBOSE"))
		printf("record %zu (%s): %s: %u values pass\n", n,
		       cr_rec_name(layout_type(good, l, n)), f->name, passed);
}

static void test_extremes(const struct buf *good, const struct layout *l)
{
	const struct rec_fields *r;
	struct buf file = {};
	unsigned int i, nr;
	size_t n;

	for (n = 0; n < l->nr; n++) {
		r = rec_fields(layout_type(good, l, n));
		for (i = 0; i < r->nr; i++) {
			if (r->fields[i].form == FORM_TEXT ||
			    r->fields[i].form == FORM_BYTES)
				continue;
			for (nr = 0; nr < r->fields[i].nr; nr++)
				try_extremes(&file, good, l, n, &r->fields[i],
					     nr);
		}
	}
	buf_free(&file);
}

/* Sizes and ids of struct cr_rec, lengths and types of notes */
static void test_framing(const struct buf *good, const struct layout *l)
{
	struct buf file = {};
	unsigned int word, i;
	size_t n, at;
	u32 old;
	u64 value;

	for (n = 0; n < l->nr; n++) {
		for (word = 0; word < 7; word++) {
			/* 3 and 4 are the owner's name */
			at = l->at + l->notes[n] + 4 * word;
			memcpy(&old, good->data + at, sizeof(old));
			for (i = 0; i < EXTREMES; i++) {
				value = extreme(i, old);
				if (value >> 32 || value == old)
					continue;
				file_copy(&file, good);
				field_store(file.data + at, 0, 4, value);
				if (!read_fixed(&file))
					fail("record %zu word %u: 0x%llx passed",
					     n, word,
					     (unsigned long long)value);
			}
		}
	}
	buf_free(&file);
}

/* May a record of this type be missing, or be there twice? */
static bool may_repeat(u32 type)
{
	return type == CR_REC_SIGINFO;
}

static bool may_miss(u32 type)
{
	return type == CR_REC_SIGINFO || type == CR_REC_XSTATE_X86 ||
	       type == CR_REC_ITIMER || type == CR_REC_TIMER ||
	       type == CR_REC_SEMUNDO || type == CR_REC_RESTART ||
	       type == CR_REC_MEMPOLICY || type == CR_REC_USAGE ||
	       type == CR_REC_DEBUG_X86 || type == CR_REC_CAUSE;
}

static void test_order(const struct buf *good, const struct layout *l)
{
	struct buf file = {}, stream = {};
	bool detail, next_detail;
	size_t n;
	u32 type;
	int how;

	for (n = 0; n < l->nr; n++) {
		type = layout_type(good, l, n);
		detail = (type >> 8 & 0xff) == 2;
		next_detail = n + 1 < l->nr &&
			(layout_type(good, l, n + 1) >> 8 & 0xff) == 2;
		for (how = 0; how < 3; how++) {
			if (how == 2 && n == l->nr - 1)
				continue;
			file_copy(&file, good);
			stream.len = 0;
			stream_copy(&stream, good, l, 0, n);
			if (how == 1)
				stream_copy(&stream, good, l, n, n + 1);
			if (how == 2)
				stream_copy(&stream, good, l, n + 1, n + 2);
			if (how)
				stream_copy(&stream, good, l, n, n + 1);
			stream_copy(&stream, good, l, n + 1 + (how == 2),
				    l->nr);
			stream_replace(&file, l, &stream);
			if (read_fixed(&file))
				continue;
			if (how == 0 ? !may_miss(type) : how == 1 ?
			    !may_repeat(type) : !detail || !next_detail)
				fail("record %zu (%s) %s: passed", n,
				     cr_rec_name(type), how == 0 ? "missing" :
				     how == 1 ? "twice" : "behind the next");
		}
	}
	buf_free(&file);
	buf_free(&stream);
}

/* Records from a later writer: longer ones are read, unknown types refused */
static void test_longer(const struct buf *good, const struct layout *l)
{
	struct buf file = {}, stream = {};
	u32 size, desc;
	size_t n, len;
	u8 *note;

	for (n = 0; n < l->nr; n++) {
		file_copy(&file, good);
		stream.len = 0;
		stream_copy(&stream, good, l, 0, n);
		len = stream.len;
		stream_copy(&stream, good, l, n, n + 1);
		note = stream.data + len;
		memcpy(&desc, note + 4, sizeof(desc));
		memcpy(&size, note + 24, sizeof(size));
		/* 16 bytes of fields that nobody knows, before the tail */
		buf_add(&stream, NULL, 16);
		note = stream.data + len;
		memmove(note + 20 + size + 16, note + 20 + size, desc - size);
		memset(note + 20 + size, 0xa5, 16);
		field_store(note, 4, 4, desc + 16);
		field_store(note, 24, 4, size + 16);
		stream_copy(&stream, good, l, n + 1, l->nr);
		stream_replace(&file, l, &stream);
		if (n == l->nr - 1)	/* END is fixed only as it is known */
			continue;
		if (read_fixed(&file))
			fail("record %zu, longer: %s", n, message);
	}
	buf_free(&file);
	buf_free(&stream);
}

/* Any seed of the mutator */
static void test_mutants(const struct buf *good, const struct layout *l)
{
	unsigned int passed = 0;
	struct buf file = {};
	struct layout m;
	char what[256];
	u64 seed;

	(void)l;
	for (seed = 0; seed < 20000; seed++) {
		file_copy(&file, good);
		mutate(&file, seed, false, what, sizeof(what));
		if (layout_find(&file, &m) && m.nr)
			passed += !read_image(&file, &m, m.len);
		layout_free(&m);
	}
	if (passed < 1000 || passed > 15000)
		fail("%u of 20000 mutants pass", passed);
	buf_free(&file);
}

/* Which record of the stream is number @nth of @type; @l->nr: there is none */
static size_t record_find(const struct buf *good, const struct layout *l,
			  u32 type, unsigned int nth)
{
	size_t n;

	for (n = 0; n < l->nr; n++)
		if (layout_type(good, l, n) == type && !nth--)
			break;
	return n;
}

/* The id of the object that record @n declares: they count from 1 */
static u32 object_id(const struct buf *good, const struct layout *l, size_t n)
{
	u32 id = 0;
	size_t i;

	for (i = 0; i <= n && n < l->nr; i++)
		id += (layout_type(good, l, i) >> 8 & 0xff) == 1;
	return id;
}

static u64 directed_value(const struct buf *good, const struct layout *l,
			  u64 value)
{
	u32 type = value >> 8;

	if (value >> 48 != DIRECTED_ID(VDSO, 0) >> 48)
		return value;
	return object_id(good, l, record_find(good, l, type, value & 0xff));
}

/* The message with "object 7" for $PROC/1 */
static void directed_message(const struct buf *good, const struct layout *l,
			     const char *from, char *to, size_t size)
{
	const char *p = strchr(from, '$'), *slash, *name;
	unsigned int nth;
	char *end;
	size_t n;

	if (!p) {
		snprintf(to, size, "%s", from);
		return;
	}
	slash = strchr(p, '/');
	nth = strtoul(slash + 1, &end, 10);
	for (n = 0; n < l->nr; n++) {
		name = cr_rec_name(layout_type(good, l, n));
		if (strlen(name) == (size_t)(slash - p - 1) &&
		    !strncmp(name, p + 1, slash - p - 1) && !nth--)
			break;
	}
	snprintf(to, size, "%.*sobject %u%s", (int)(p - from), from,
		 object_id(good, l, n), end);
}

static bool directed_field(const struct rec_fields *r, const char *name,
			   struct field *field)
{
	unsigned int i;

	if (!strcmp(name, "tail32")) {
		field->offset = (r->size + 7) & ~7ul;
		field->size = sizeof(u32);
		return true;
	}
	for (i = 0; i < r->nr; i++) {
		if (strcmp(r->fields[i].name, name))
			continue;
		*field = r->fields[i];
		return true;
	}
	return false;
}

/* Let the tail of record @n have other bytes; its length stays */
static void tail_store(struct buf *file, const struct layout *l, size_t n,
		       unsigned int offset, u64 bytes)
{
	u8 *at = layout_rec(file, l, n);
	struct cr_rec rec;

	memcpy(&rec, at, sizeof(rec));
	at += ALIGN((size_t)le32_to_cpu(rec.size), 8) + offset;
	for (; bytes; bytes >>= 8)
		*at++ = bytes;
}

static void test_directed(const struct buf *good, const struct layout *l)
{
	const struct directed *d;
	const struct rec_fields *r;
	struct buf file = {};
	struct field field;
	char want[256];
	u64 value;
	size_t n;
	int err;

	for (d = directed; d->type; d++) {
		n = record_find(good, l, d->type, d->nth);
		r = rec_fields(d->type);
		if (n == l->nr || !r || (strcmp(d->field, "tail") &&
					 !directed_field(r, d->field, &field))) {
			fail("%s %u %s: not in the sample",
			     cr_rec_name(d->type), d->nth, d->field);
			continue;
		}
		value = directed_value(good, l, d->value);
		directed_message(good, l, d->message, want, sizeof(want));
		file_copy(&file, good);
		if (!strcmp(d->field, "tail"))
			tail_store(&file, l, n, d->element, value);
		else
			field_store(layout_rec(&file, l, n), field.offset +
				    d->element * field.size, field.size, value);
		err = read_fixed(&file);
		if (err != d->err || !strstr(message, want))
			fail("%s %u: %s = 0x%llx: %d \"%s\", not %d \"%s\"",
			     cr_rec_name(d->type), d->nth, d->field,
			     (unsigned long long)value, err, message, d->err,
			     want);
	}
	buf_free(&file);
}

/* As large as they come: in linear time */
static void test_large(const struct buf *good, const struct layout *l)
{
	struct timespec start, end;
	struct layout big;
	struct buf file;
	double seconds;

	(void)good;
	(void)l;
	large_build(&file);
	if (!layout_find(&file, &big))
		fail("no layout");
	/* what others do on this machine does not count */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	if (read_image(&file, &big, big.len))
		fail("%s", message);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	seconds = end.tv_sec - start.tv_sec +
		  (end.tv_nsec - start.tv_nsec) / 1e9;
	printf("%zu records in %.2f s\n", big.nr, seconds);
	if (seconds > 20)
		fail("too slow");
	layout_free(&big);
	buf_free(&file);
}

static const struct {
	const char *name;
	void (*run)(const struct buf *good, const struct layout *l);
} tests[] = {
	{ "valid", test_valid },
	{ "fields", test_fields },
	{ "truncated", test_truncated },
	{ "flipped", test_flipped },
	{ "flipped-fixed", test_flipped_fixed },
	{ "extremes", test_extremes },
	{ "framing", test_framing },
	{ "order", test_order },
	{ "longer", test_longer },
	{ "directed", test_directed },
	{ "mutants", test_mutants },
	{ "large", test_large },
};

int main(int argc, char **argv)
{
	struct layout l;
	struct buf good;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tests); i++)
		if (argc == 2 && !strcmp(argv[1], tests[i].name))
			break;
	if (i == ARRAY_SIZE(tests)) {
		fprintf(stderr, "usage: test_image NAME\n");
		for (i = 0; i < ARRAY_SIZE(tests); i++)
			fprintf(stderr, "  %s\n", tests[i].name);
		return 2;
	}
	sample_build(&good);
	if (!layout_find(&good, &l)) {
		fail("the sample is no image");
		return 1;
	}
	tests[i].run(&good, &l);
	layout_free(&l);
	buf_free(&good);
	return nr_failures ? 1 : 0;
}
