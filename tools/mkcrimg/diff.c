// SPDX-License-Identifier: GPL-2.0
/* What a comparison of images says: lines, or JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "diff.h"
#include "text.h"

/* Longer values are not printed */
#define VALUE_MAX	72

typedef struct json_object json;

size_t diff_enter(struct diff *d, const char *fmt, ...)
{
	size_t len = strlen(d->where), at = len;
	va_list ap;

	if (len && len + 2 < sizeof(d->where)) {
		memcpy(d->where + len, ": ", 3);
		at += 2;
	}
	va_start(ap, fmt);
	vsnprintf(d->where + at, sizeof(d->where) - at, fmt, ap);
	va_end(ap);
	return len;
}

void diff_leave(struct diff *d, size_t where)
{
	d->where[where] = '\0';
}

void diff_trouble(struct diff *d)
{
	d->trouble = true;
}

/* A difference on its way to the array */
static json *change(struct diff *d, const char *what)
{
	json *o = json_object_new_object();

	json_object_object_add(o, "where", json_object_new_string(d->where));
	if (d->pid)
		json_object_object_add(o, "pid", json_object_new_int64(d->pid));
	json_object_object_add(o, "what", json_object_new_string(what));
	json_object_array_add(d->changes, o);
	return o;
}

static const char *value_text(json *value)
{
	return json_object_is_type(value, json_type_string) ?
	       json_object_get_string(value) :
	       json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
}

void diff_changed(struct diff *d, const char *field, json *was, json *now)
{
	const char *a = value_text(was), *b = value_text(now);
	json *o;

	d->differs = true;
	if (d->changes) {
		o = change(d, "changed");
		json_object_object_add(o, "field",
				       json_object_new_string(field));
		json_object_object_add(o, "was", was);
		json_object_object_add(o, "now", now);
		return;
	}
	if (strlen(a) > VALUE_MAX || strlen(b) > VALUE_MAX)
		printf("%s: %s: changed\n", printable(d->where), field);
	else
		printf("%s: %s: %s, now %s\n", printable(d->where), field,
		       printable(a), printable(b));
	json_object_put(was);
	json_object_put(now);
}

void diff_text(struct diff *d, const char *field, const char *was,
	       const char *now)
{
	if (strcmp(was, now))
		diff_changed(d, field, json_object_new_string(was),
			     json_object_new_string(now));
}

void diff_only(struct diff *d, const char *what, u64 pages)
{
	json *o;

	d->differs = true;
	if (d->changes) {
		o = change(d, what);
		if (pages)
			json_object_object_add(o, "pages",
				json_object_new_uint64(pages));
		return;
	}
	printf("%s: %s", printable(d->where), what);
	if (pages)
		printf(", %llu page%s", (unsigned long long)pages,
		       pages == 1 ? "" : "s");
	putchar('\n');
}

static void pages_json(struct diff *d, const struct diff_pages *p)
{
	json *o = change(d, "pages");

	json_object_object_add(o, "changed",
			       json_object_new_uint64(p->changed));
	json_object_object_add(o, "bytes", json_object_new_uint64(p->bytes));
	json_object_object_add(o, "new", json_object_new_uint64(p->new));
	json_object_object_add(o, "gone", json_object_new_uint64(p->gone));
}

void diff_pages(struct diff *d, const struct diff_pages *p)
{
	const char *sep = ": ";

	if (!p->changed && !p->new && !p->gone)
		return;
	d->differs = true;
	if (d->changes) {
		pages_json(d, p);
		return;
	}
	printf("%s: pages", printable(d->where));
	if (p->changed) {
		printf("%s%llu changed in %llu byte%s", sep,
		       (unsigned long long)p->changed,
		       (unsigned long long)p->bytes, p->bytes == 1 ? "" : "s");
		sep = ", ";
	}
	if (p->new) {
		printf("%s%llu new", sep, (unsigned long long)p->new);
		sep = ", ";
	}
	if (p->gone)
		printf("%s%llu gone", sep, (unsigned long long)p->gone);
	putchar('\n');
}
