// SPDX-License-Identifier: GPL-2.0
/* Files of a mounted image that are open. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "mount.h"

#define PAGE		4096u

/**
 * struct handle - an open file: one of three
 * @lock: of what is read at last, in @memory and @core
 * @text, @len: a text, as it was when it was opened
 * @core: a core
 * @memory: of MEM, CMDLINE, ENVIRON
 * @start, @size: what of it
 * @strict: what is not there is an error, not the end
 */
struct handle {
	pthread_mutex_t lock;
	char *text;
	size_t len;
	struct core_reader *core;
	struct memory memory;
	u64 start;
	u64 size;
	bool strict;
};

static int text_open(struct handle *h, const struct mount *m,
		     const struct node *node)
{
	FILE *out = open_memstream(&h->text, &h->len);
	bool bad;

	if (!out)
		return ENOMEM;
	node->text(out, m, node);
	bad = ferror(out);
	if (fclose(out) || bad)
		return ENOMEM;
	return h->len > TEXT_MAX ? EFBIG : 0;
}

/*
 * The command line, as the kernel shows it: up to the first NUL, if the program
 * has overwritten the one that had been its end.
 */
static void cmdline_find(struct handle *h, const struct cr_rec_mm *mm)
{
	u64 start = le64_to_cpu(mm->arg_start), end = le64_to_cpu(mm->arg_end);
	char title[PAGE];
	size_t got;
	char last;

	h->start = start;
	h->size = start < end ? end - start : 0;
	if (!h->size || !memory_read(&h->memory, end - 1, &last, 1) || !last)
		return;
	got = memory_read_part(&h->memory, start, title, sizeof(title));
	h->size = strnlen(title, got);
	if (h->size < got)
		h->size++;
}

static int memory_begin(struct handle *h, const struct mount *m,
			const struct node *node)
{
	struct cr_rec_thread t;
	struct cr_rec_mm mm;
	struct cr_view v;

	task_thread(m, node->task, &t);
	if (memory_open(&h->memory, &m->img, le32_to_cpu(t.mm)))
		return ENOMEM;
	cr_read_obj(&m->img.cr, le32_to_cpu(t.mm), &v, &mm, sizeof(mm));
	switch (node->what) {
	case NODE_CMDLINE:
		cmdline_find(h, &mm);
		break;
	case NODE_ENVIRON:
		h->start = le64_to_cpu(mm.env_start);
		if (h->start < le64_to_cpu(mm.env_end))
			h->size = le64_to_cpu(mm.env_end) - h->start;
		break;
	default:
		h->size = ~0ull;
		h->strict = true;
	}
	return 0;
}

int handle_open(struct handle **handle, struct mount *m,
		const struct node *node)
{
	struct handle *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return ENOMEM;
	pthread_mutex_init(&h->lock, NULL);
	h->memory.fd = -1;
	if (node->what == NODE_CORE)
		err = core_reader_open(&h->core, m, node->task);
	else if (node->text)
		err = text_open(h, m, node);
	else
		err = memory_begin(h, m, node);
	if (err)
		handle_close(h);
	else
		*handle = h;
	return err;
}

void handle_close(struct handle *h)
{
	if (h->core)
		core_reader_close(h->core);
	memory_close(&h->memory);
	free(h->text);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static ssize_t memory_part(struct handle *h, void *buf, size_t len, u64 offset)
{
	size_t got;

	if (offset >= h->size)
		return 0;
	if (len > h->size - offset)
		len = h->size - offset;
	got = memory_read_part(&h->memory, h->start + offset, buf, len);
	return got || !h->strict || !len ? (ssize_t)got : -EIO;
}

ssize_t handle_read(struct handle *h, void *buf, size_t len, u64 offset)
{
	ssize_t n;

	if (h->text) {
		if (offset >= h->len)
			return 0;
		if (len > h->len - offset)
			len = h->len - offset;
		memcpy(buf, h->text + offset, len);
		return len;
	}
	pthread_mutex_lock(&h->lock);
	n = h->core ? core_reader_read(h->core, buf, len, offset) :
		      memory_part(h, buf, len, offset);
	pthread_mutex_unlock(&h->lock);
	return n;
}
