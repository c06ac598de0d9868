// SPDX-License-Identifier: GPL-2.0
/*
 * Records of two images, field by field, as fields.c knows them. Numbers of
 * objects mean nothing outside of their image: where a record refers to an object,
 * those of both images are compared, each pair once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "diff.h"
#include "fields.h"
#include "show.h"

/* How often an object is compared with more than one of the other image */
#define SPLITS_MAX	100

/*
 * Fields that are not compared: references, which are followed; the number of what
 * follows, which is compared itself; what names the record; and what differs in any
 * case, or belongs to an object without a name that a restart makes anew.
 */
static const struct {
	u32 type;
	const char *const fields[8];
} left_out[] = {
	{ CR_REC_PROC, { "parent", "nr_threads", "age_ns" } },
	{ CR_REC_THREAD, { "proc", "mm", "files", "fs", "sighand", "cred" } },
	{ CR_REC_MM, { "exe", "vdso", "origin", "nr_vmas" } },
	{ CR_REC_VMA, { "obj" } },
	{ CR_REC_FILE, { "obj", "ino", "dev" } },
	{ CR_REC_FILES, { "nr_fds", "nr_locks", "nr_epitems" } },
	{ CR_REC_FD, { "file" } },
	{ CR_REC_EPITEM, { "epoll", "file" } },
	{ CR_REC_SIGHAND, { "nr_actions" } },
	{ CR_REC_PIPE, { "nr_bufs" } },
	{ CR_REC_PTY, { "nr_bufs" } },
	{ CR_REC_MSGQ, { "nr_msgs" } },
	{ CR_REC_SOCK, { "peer", "listener" } },
	{ CR_REC_SOCKQ, { "sock", "nr_msgs", "dest" } },
	{ CR_REC_SOCK_MSG, { "sender" } },
};

static bool is_left_out(u32 type, const char *field)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(left_out); i++)
		for (j = 0; left_out[i].type == type && left_out[i].fields[j];
		     j++)
			if (!strcmp(left_out[i].fields[j], field))
				return true;
	return false;
}

/* ---- a record ---- */

static void diff_field(struct diff *d, const struct field *f, const char *a,
		       const char *b)
{
	char name[64];
	unsigned int n;
	bool same;

	for (n = 0; n < f->nr; n++) {
		same = f->form == FORM_TEXT ?
		       !strncmp(a + f->offset, b + f->offset, f->size) :
		       !memcmp(a + f->offset + n * f->size,
			       b + f->offset + n * f->size, f->size);
		if (same)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", f->name,
			 f->nr > 1 ? "." : "", f->nr > 1 ? f->names[n] : "");
		diff_changed(d, name, json_value(f, a, n), json_value(f, b, n));
	}
}

/* Element by element where there are as many */
static void diff_numbers(struct diff *d, const struct cr_view *a,
			 const struct cr_view *b, size_t size)
{
	const struct field f = { .size = size, .nr = 1, .form = FORM_DEC };
	const char *p = a->tail, *q = b->tail;
	char name[32];
	size_t i;

	for (i = 0; i + size <= a->tail_len; i += size) {
		if (!memcmp(p + i, q + i, size))
			continue;
		snprintf(name, sizeof(name), "tail[%zu]", i / size);
		diff_changed(d, name, json_value(&f, p + i, 0),
			     json_value(&f, q + i, 0));
	}
}

/* What is behind the fields of a record */
static const char *tail_name(u32 type)
{
	switch (type) {
	case CR_REC_FILE:
	case CR_REC_FS:
	case CR_REC_PIPE:
		return "path";
	case CR_REC_VMA:
	case CR_REC_SHM:
	case CR_REC_SOCK:
		return "name";
	}
	return "tail";
}

static void diff_tails(struct diff *d, enum tail_form form,
		       const struct cr_view *a, const struct cr_view *b)
{
	if (a->tail_len == b->tail_len &&
	    (!a->tail_len || !memcmp(a->tail, b->tail, a->tail_len)))
		return;
	if (a->tail_len == b->tail_len &&
	    (form == TAIL_U32 || form == TAIL_U64))
		diff_numbers(d, a, b, form == TAIL_U32 ? 4 : 8);
	else
		diff_changed(d, tail_name(a->type), json_tail(form, a),
			     json_tail(form, b));
}

/* Ids of files, which stand before the bytes of a message */
static void skip_files(struct cr_view *v, const void *rec)
{
	const struct cr_rec_sock_msg *msg = rec;
	size_t len = le32_to_cpu(msg->nr_files) * sizeof(u32);

	if (v->type != CR_REC_SOCK_MSG)
		return;
	v->tail = (const u8 *)v->tail + len;
	v->tail_len -= len;
}

/* A file whose number in its name, and time, are those of a new inode */
static bool is_nameless(const void *rec, u32 type)
{
	const struct cr_rec_file *f = rec;

	if (type != CR_REC_FILE)
		return false;
	switch (le32_to_cpu(f->kind)) {
	case CR_FILE_REG:
	case CR_FILE_DIR:
	case CR_FILE_CHR:
	case CR_FILE_OPATH:
	case CR_FILE_FIFO:
	case CR_FILE_SHM:
	case CR_FILE_PROCFILE:
		return false;
	}
	return true;
}

void diff_record(struct diff *d, size_t a, size_t b)
{
	char rec_a[REC_MAX] __attribute__((aligned(8)));
	char rec_b[REC_MAX] __attribute__((aligned(8)));
	const struct rec_fields *r;
	struct cr_view va, vb;
	bool nameless;
	unsigned int i;

	cr_read(&d->a->cr, a, &va, rec_a, sizeof(rec_a));
	cr_read(&d->b->cr, b, &vb, rec_b, sizeof(rec_b));
	r = rec_fields(va.type);
	nameless = is_nameless(rec_a, va.type) && is_nameless(rec_b, vb.type);
	for (i = 0; i < r->nr; i++)
		if (!is_left_out(va.type, r->fields[i].name) &&
		    !(nameless && !strcmp(r->fields[i].name, "mtime_ns")))
			diff_field(d, &r->fields[i], rec_a, rec_b);
	skip_files(&va, rec_a);
	skip_files(&vb, rec_b);
	/* the clocks are in the vdso's, too */
	if (!nameless && va.type != CR_REC_VDSO)
		diff_tails(d, r->tail, &va, &vb);
}

/* ---- details ---- */

/* A detail of an object: @key: what it is known by among those of its type */
struct detail {
	u32 type;
	u64 key;
	size_t offset;
};

/* The first field after struct cr_rec is what it is known by, or its order */
static bool has_key(u32 type)
{
	switch (type) {
	case CR_REC_FD:
	case CR_REC_SIGACTION:
	case CR_REC_ITIMER:
	case CR_REC_TIMER:
	case CR_REC_USAGE:
	case CR_REC_SEMUNDO:
	case CR_REC_LOCK:
	case CR_REC_INOTIFY_WATCH:
	case CR_REC_MEMPOLICY:
		return true;
	}
	return false;
}

static u64 detail_key(const struct cr_detail_iter *it)
{
	const struct rec_fields *r = rec_fields(it->view.type);
	char rec[REC_MAX] __attribute__((aligned(8)));

	cr_detail(it, rec, sizeof(rec));
	if (it->view.type == CR_REC_EPITEM)
		return le32_to_cpu(((struct cr_rec_epitem *)rec)->fd);
	return has_key(it->view.type) ? field_value(&r->fields[0], rec, 0) : 0;
}

static int detail_cmp(const void *p, const void *q)
{
	const struct detail *a = p, *b = q;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return 0;
}

static int detail_order(const void *p, const void *q)
{
	const struct detail *a = p, *b = q;
	int cmp = detail_cmp(a, b);

	return cmp ? cmp : a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* All but mappings, in order; NULL: no memory */
static struct detail *details_read(const struct image *img, u32 id, size_t *nr)
{
	struct detail *list;
	struct cr_detail_iter it;

	*nr = 0;
	list = calloc(img->cr.objs[id].nr_details + 1, sizeof(*list));
	if (!list)
		return NULL;
	cr_for_each_detail(&img->cr, id, &it)
		if (it.view.type != CR_REC_VMA)
			list[(*nr)++] = (struct detail){
				.type = it.view.type, .key = detail_key(&it),
				.offset = it.offset,
			};
	qsort(list, *nr, sizeof(*list), detail_order);
	return list;
}

static u32 fd_file(const struct image *img, size_t offset)
{
	struct cr_rec_fd fd;
	struct cr_view v;

	cr_read(&img->cr, offset, &v, &fd, sizeof(fd));
	return le32_to_cpu(fd.file);
}

void detail_name(const struct image *img, u32 type, u64 key, size_t offset,
		 char *text, size_t size)
{
	if (type == CR_REC_FD)
		snprintf(text, size, "fd %llu (%s)", (unsigned long long)key,
			 image_file_name(img, fd_file(img, offset)));
	else if (has_key(type) || type == CR_REC_EPITEM)
		snprintf(text, size, "%s %llu", cr_rec_name(type),
			 (unsigned long long)key);
	else
		snprintf(text, size, "%s", cr_rec_name(type));
}

static void diff_detail(struct diff *d, const struct detail *a,
			const struct detail *b)
{
	const struct detail *any = b ? b : a;
	char name[CR_PATH_MAX + 32];
	size_t where;

	detail_name(b ? d->b : d->a, any->type, any->key, any->offset, name,
		    sizeof(name));
	where = diff_enter(d, "%s", name);
	if (!a || !b)
		diff_only(d, b ? "new" : "gone", 0);
	else
		diff_record(d, a->offset, b->offset);
	if (a && b && a->type == CR_REC_FD)
		diff_refs(d, "open file", fd_file(d->a, a->offset),
			  fd_file(d->b, b->offset));
	diff_leave(d, where);
}

static void diff_details(struct diff *d, u32 id_a, u32 id_b)
{
	size_t nr_a, nr_b, i = 0, j = 0;
	struct detail *a = details_read(d->a, id_a, &nr_a);
	struct detail *b = details_read(d->b, id_b, &nr_b);
	int cmp;

	if (!a || !b) {
		failed("no memory");
		diff_trouble(d);
		nr_a = nr_b = 0;
	}
	while (i < nr_a || j < nr_b) {
		cmp = i == nr_a ? 1 : j == nr_b ? -1 : detail_cmp(&a[i], &b[j]);
		diff_detail(d, cmp <= 0 ? &a[i] : NULL,
			    cmp >= 0 ? &b[j] : NULL);
		i += cmp <= 0;
		j += cmp >= 0;
	}
	free(a);
	free(b);
}

/* ---- objects ---- */

static u32 file_obj(const struct image *img, u32 id)
{
	struct cr_rec_file f;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &f, sizeof(f));
	return le32_to_cpu(f.obj);
}

/* The other end of a pair of sockets, which has the next number; 0: it is none */
static u32 sock_pair(const struct image *img, u32 id)
{
	struct cr_rec_sock s;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &s, sizeof(s));
	return (le32_to_cpu(s.flags) & CR_SOCK_FIRST) &&
	       id < img->cr.nr_objects &&
	       img->cr.objs[id + 1].type == CR_REC_SOCK ? id + 1 : 0;
}

/* No descriptor may lead to it. It has no details, and leads nowhere itself */
static void diff_sock_pair(struct diff *d, u32 a, u32 b)
{
	size_t where;

	if (!a || !b || d->to_b[a] || d->to_a[b])
		return;
	d->to_b[a] = b;
	d->to_a[b] = a;
	where = diff_enter(d, "other end");
	diff_record(d, d->a->cr.objs[a].offset, d->b->cr.objs[b].offset);
	diff_leave(d, where);
}

void diff_objects(struct diff *d, u32 a, u32 b)
{
	u32 type = d->a->cr.objs[a].type;

	diff_record(d, d->a->cr.objs[a].offset, d->b->cr.objs[b].offset);
	diff_details(d, a, b);
	if (type == CR_REC_FILE)
		diff_refs(d, "object", file_obj(d->a, a), file_obj(d->b, b));
	else if (type == CR_REC_SOCK)
		diff_sock_pair(d, sock_pair(d->a, a), sock_pair(d->b, b));
	else if (type == CR_REC_MM)
		diff_mms(d, a, b);
	else if (type == CR_REC_SHM)
		diff_shms(d, a, b);
}

/*
 * An image decides who shares an object with whom. One that was compared with
 * another object of the other image already is compared again, but not any number
 * of times: that it is shared in another way is a difference itself. But who
 * has the same credentials does not matter, as long as they are the same.
 */
void diff_refs(struct diff *d, const char *field, u32 a, u32 b)
{
	u32 type = a ? d->a->cr.objs[a].type : 0;
	size_t where;

	if (!a || !b || type != d->b->cr.objs[b].type) {
		if (a || b)
			diff_text(d, field, a ? cr_rec_name(type) : "none",
				  b ? cr_rec_name(d->b->cr.objs[b].type) :
				      "none");
		return;
	}
	if (d->to_b[a] == b)
		return;
	where = diff_enter(d, "%s", field);
	if (type != CR_REC_CRED && (d->to_b[a] || d->to_a[b])) {
		diff_only(d, "shared with others", 0);
		if (d->splits++ >= SPLITS_MAX) {
			diff_leave(d, where);
			return;
		}
	}
	/* what these are made of says what it is */
	if (type == CR_REC_MM || type == CR_REC_FILES || type == CR_REC_FILE)
		diff_leave(d, where);
	d->to_b[a] = b;
	d->to_a[b] = a;
	diff_objects(d, a, b);
	diff_leave(d, where);
}
