// SPDX-License-Identifier: GPL-2.0
/* All of an image as JSON: every record with every field, then the memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>
#include <xxhash.h>
#include "fields.h"
#include "image.h"
#include "json.h"
#include "show.h"

/* Longer byte tails are shown by their hash */
#define HEX_MAX	128

typedef struct json_object json;

static json *json_bytes(const u8 *p, size_t len)
{
	char text[2 * HEX_MAX + 1];
	size_t i;
	json *o;

	if (len <= HEX_MAX) {
		for (i = 0; i < len; i++)
			sprintf(text + 2 * i, "%02x", p[i]);
		return json_object_new_string_len(text, 2 * len);
	}
	o = json_object_new_object();
	json_object_object_add(o, "len", json_object_new_uint64(len));
	json_object_object_add(o, "xxh64", json_hex(XXH64(p, len, 0)));
	return o;
}

json *json_value(const struct field *f, const void *rec, unsigned int n)
{
	const char *p = (const char *)rec + f->offset;
	char text[24];

	switch (f->form) {
	case FORM_TEXT:
		return json_object_new_string_len(p, strnlen(p, f->size));
	case FORM_BYTES:
		return json_bytes((const u8 *)p, f->size);
	case FORM_SIGNED:
		return json_object_new_int64(field_value(f, rec, n));
	case FORM_HEX:
		return json_hex(field_value(f, rec, n));
	case FORM_OCT:
		snprintf(text, sizeof(text), "0%llo",
			 (unsigned long long)field_value(f, rec, n));
		return json_object_new_string(text);
	default:
		return json_object_new_uint64(field_value(f, rec, n));
	}
}

static json *json_array_field(const struct field *f, const void *rec)
{
	json *o = json_object_new_object();
	unsigned int n;

	for (n = 0; n < f->nr; n++)
		json_object_object_add(o, f->names[n], json_value(f, rec, n));
	return o;
}

/* One string, or an array of several */
static json *json_text(const char *text, size_t len)
{
	json *array, *o = NULL;
	size_t part;

	array = json_object_new_array();
	for (; len; text += part, len -= part) {
		o = json_object_new_string_len(text, strnlen(text, len));
		part = strnlen(text, len) + 1;
		if (part > len)
			part = len;
		json_object_array_add(array, o);
	}
	if (json_object_array_length(array) != 1)
		return array;
	json_object_get(o);
	json_object_put(array);
	return o;
}

static json *json_numbers(const u8 *p, size_t len, size_t size)
{
	json *array = json_object_new_array();
	u64 wide;
	u32 half;

	for (; len >= size; p += size, len -= size) {
		memcpy(&half, p, sizeof(half));
		wide = le32_to_cpu(half);
		if (size == sizeof(wide)) {
			memcpy(&wide, p, sizeof(wide));
			wide = le64_to_cpu(wide);
		}
		json_object_array_add(array, json_object_new_uint64(wide));
	}
	return array;
}

json *json_tail(enum tail_form form, const struct cr_view *v)
{
	switch (form) {
	case TAIL_TEXT:
		return json_text(v->tail, v->tail_len);
	case TAIL_U32:
		return json_numbers(v->tail, v->tail_len, sizeof(u32));
	case TAIL_U64:
		return json_numbers(v->tail, v->tail_len, sizeof(u64));
	default:
		return json_bytes(v->tail, v->tail_len);
	}
}

/* Ids of what a message takes along stand before its bytes: they go into @o */
static void json_files(json *o, struct cr_view *v, u32 nr)
{
	size_t len = nr * sizeof(u32);

	json_object_object_add(o, "files",
			       json_numbers(v->tail, len, sizeof(u32)));
	v->tail = (const u8 *)v->tail + len;
	v->tail_len -= len;
}

/* "type" is the record's: a field of that name gets its record's name, too */
static void json_field(json *o, const struct field *f, const char *rec_name,
		       const void *rec)
{
	json *value = f->nr > 1 ? json_array_field(f, rec) :
				  json_value(f, rec, 0);
	char name[64];

	if (strcmp(f->name, "type")) {
		json_object_object_add(o, f->name, value);
		return;
	}
	snprintf(name, sizeof(name), "%s_type", rec_name);
	json_object_object_add(o, name, value);
}

static json *json_record(const struct image *img, size_t offset,
			 struct cr_view *v)
{
	const struct cr_rec_sock_msg *msg;
	const struct rec_fields *r;
	json *o = json_object_new_object();
	char rec[512] __attribute__((aligned(8)));
	unsigned int i;

	cr_read(&img->cr, offset, v, rec, sizeof(rec));
	json_object_object_add(o, "type",
			       json_object_new_string(cr_rec_name(v->type)));
	json_object_object_add(o, "id", json_object_new_int64(v->id));
	r = rec_fields(v->type);
	for (i = 0; i < r->nr; i++)
		json_field(o, &r->fields[i], cr_rec_name(v->type), rec);
	msg = (const struct cr_rec_sock_msg *)rec;
	if (v->type == CR_REC_SOCK_MSG && msg->nr_files)
		json_files(o, v, le32_to_cpu(msg->nr_files));
	if (v->tail_len)
		json_object_object_add(o, "tail", json_tail(r->tail, v));
	return o;
}

static bool page_is_zero(const u8 *p, size_t size)
{
	return !*p && !memcmp(p, p + 1, size - 1);
}

/*
 * Hash of the contents of an object's memory: address and bytes of every page
 * that is not zero. How the pages are cut into runs and stored does not matter.
 * What is damaged is told, and has an error in its place.
 */
static json *json_memory(const struct image *img, u32 id, XXH64_state_t *state,
			 u8 *buf, bool *ok)
{
	const size_t page = 4096;
	struct cr_rec_pages run;
	const char *why = NULL;
	u64 addr, nonzero = 0;
	size_t i;
	json *o;
	u32 n;

	XXH64_reset(state, 0);
	for (n = 0; n < img->cr.objs[id].nr_page_runs && !why; n++) {
		cr_read_page_run(&img->cr, id, n, &run);
		why = image_run_bytes(img, &run, buf);
		for (i = 0; !why && i < le32_to_cpu(run.len); i += page) {
			addr = le64_to_cpu(run.addr) + i;
			if (page_is_zero(buf + i, page))
				continue;
			XXH64_update(state, &addr, sizeof(addr));
			XXH64_update(state, buf + i, page);
			nonzero += page;
		}
	}
	o = json_object_new_object();
	json_object_object_add(o, "id", json_object_new_int64(id));
	if (why) {
		json_object_object_add(o, "error", json_object_new_string(why));
		failed("%s: object %u: memory at 0x%llx: %s", img->path, id,
		       (unsigned long long)le64_to_cpu(run.addr), why);
		*ok = false;
	}
	json_object_object_add(o, "nonzero", json_object_new_uint64(nonzero));
	json_object_object_add(o, "xxh64", json_hex(XXH64_digest(state)));
	return o;
}

static bool memories_write(const struct image *img)
{
	XXH64_state_t *state = XXH64_createState();
	u8 *buf = malloc(IMAGE_RUN_BUF);
	bool there = buf && state, ok = there, first = true;
	u32 id;

	if (!there)
		failed("%s: no memory", img->path);
	printf(",\n\"memory\":[\n");
	for (id = 1; there && id <= img->cr.nr_objects; id++) {
		if (!img->cr.objs[id].nr_page_runs)
			continue;
		there = json_element(json_memory(img, id, state, buf, &ok),
				     first);
		first = false;
	}
	printf("]");
	XXH64_freeState(state);
	free(buf);
	return there && ok;
}

/* Record by record: all of them together would take many times their size */
bool show_json(const struct image *img, bool memory)
{
	struct cr_view v;
	size_t offset;
	bool ok = true;

	printf("{\n\"version\":%d,\n\"size\":%llu,\n\"records\":[\n",
	       CR_VERSION, (unsigned long long)img->size);
	for (offset = 0; ok && offset < img->cr.size; offset = v.next)
		ok = json_element(json_record(img, offset, &v), !offset);
	printf("]");
	if (ok && memory)
		ok = memories_write(img);
	printf("\n}\n");
	return ok;
}
