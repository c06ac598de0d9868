// SPDX-License-Identifier: GPL-2.0
/*
 * The core of a process, read by parts: its head is made when it is opened, its
 * memory is taken from the image when it is read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "mount.h"

/**
 * struct core_reader - a core
 * @plan: what is where
 * @head, @head_len: what comes before the memory
 * @size: of the core
 * @buf: room for the bytes of a piece
 * @piece: which was read last; NULL: none
 * @bytes: where its bytes are
 */
struct core_reader {
	struct core_plan plan;
	u8 *head;
	size_t head_len;
	u64 size;
	u8 *buf;
	const struct core_piece *piece;
	const u8 *bytes;
};

void core_reader_close(struct core_reader *r)
{
	core_plan_free(&r->plan);
	free(r->head);
	free(r->buf);
	free(r);
}

int core_reader_open(struct core_reader **reader, struct mount *m,
		     const struct mount_task *task)
{
	struct core_reader *r = calloc(1, sizeof(*r));
	struct cr_rec_thread t;
	int err;

	if (!r)
		return ENOMEM;
	task_thread(m, task, &t);
	r->plan = (struct core_plan){
		.img = &m->img, .mm = le32_to_cpu(t.mm), .filter = CORE_ALL,
		.elf = m->elf,
	};
	err = core_plan_make(&r->plan);
	if (!err) {
		r->head = core_head(&r->plan, task->proc, &r->head_len,
				    &r->size);
		r->buf = malloc(IMAGE_RUN_BUF);
		if (!r->head || !r->buf)
			err = ENOMEM;
	}
	if (err)
		core_reader_close(r);
	else
		*reader = r;
	return err;
}

/* The first piece that ends behind @offset */
static size_t piece_find(const struct core_plan *plan, u64 offset)
{
	size_t low = 0, high = plan->nr_pieces, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (plan->pieces[mid].offset + plan->pieces[mid].len <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What of a piece lies in the @len bytes at @offset */
static bool piece_copy(struct core_reader *r, const struct core_piece *p,
		       u8 *buf, size_t len, u64 offset)
{
	u64 from = p->offset > offset ? p->offset : offset;
	u64 to = p->offset + p->len;

	if (to > offset + len)
		to = offset + len;
	if (r->piece != p) {
		r->piece = NULL;
		if (core_piece_read(r->plan.img, p, r->buf, &r->bytes))
			return false;
		r->piece = p;
	}
	memcpy(buf + (from - offset), r->bytes + p->skip + (from - p->offset),
	       to - from);
	return true;
}

ssize_t core_reader_read(struct core_reader *r, void *buf, size_t len,
			 u64 offset)
{
	const struct core_piece *p;
	size_t n;

	if (offset >= r->size)
		return 0;
	if (len > r->size - offset)
		len = r->size - offset;
	memset(buf, 0, len);
	if (offset < r->head_len) {
		n = r->head_len - offset;
		memcpy(buf, r->head + offset, n < len ? n : len);
	}
	for (n = piece_find(&r->plan, offset); n < r->plan.nr_pieces; n++) {
		p = &r->plan.pieces[n];
		if (p->offset >= offset + len)
			break;
		if (!piece_copy(r, p, buf, len, offset))
			return -EIO;
	}
	return len;
}

u64 core_size(struct mount *m, const struct mount_task *task)
{
	u64 *known = &m->core_sizes[task - m->procs];
	struct core_reader *r;
	u64 size;

	pthread_mutex_lock(&m->lock);
	size = *known;
	pthread_mutex_unlock(&m->lock);
	if (size || core_reader_open(&r, m, task))
		return size;
	size = r->size;
	core_reader_close(r);
	pthread_mutex_lock(&m->lock);
	*known = size;
	pthread_mutex_unlock(&m->lock);
	return size;
}
