// SPDX-License-Identifier: GPL-2.0
/*
 * The writer of records: the one place that lays out bytes of the stream.
 * Errors are sticky, so that saving is straight-line code with one check at the
 * end.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/elf.h>
#include <linux/cr.h>

/* Room for len more bytes, zeroed */
static u8 *writer_reserve(struct cr_writer *w, size_t len)
{
	size_t size = w->size;
	u8 *buf;

	if (w->err)
		return NULL;
	if (len > CR_MAX_RECORDS_SIZE - w->len) {
		w->err = -EFBIG;
		return NULL;
	}
	if (w->len + len > size) {
		size = max_t(size_t, SZ_64K,
			     roundup_pow_of_two(w->len + len));
		buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!buf) {
			w->err = -ENOMEM;
			return NULL;
		}
		if (w->len)
			memcpy(buf, w->buf, w->len);
		kvfree(w->buf);
		w->buf = buf;
		w->size = size;
	}
	buf = w->buf + w->len;
	memset(buf, 0, len);
	w->len += len;
	return buf;
}

void cr_write(struct cr_writer *w, u32 type, u32 id, void *rec, size_t size,
	      const void *tail, size_t tail_len)
{
	size_t descsz = tail_len ? ALIGN(size, 8) + tail_len : size;
	size_t namesz = ALIGN(CR_NOTE_NAMESZ, 4);
	struct cr_rec *head = rec;
	Elf64_Nhdr *nhdr;
	u8 *p;

	if (tail_len > CR_MAX_RECORDS_SIZE) {
		w->err = w->err ?: -EFBIG;
		return;
	}
	p = writer_reserve(w, sizeof(*nhdr) + namesz + ALIGN(descsz, 4));
	if (!p)
		return;
	head->id = cpu_to_le32(id);
	head->size = cpu_to_le32(size);

	nhdr = (Elf64_Nhdr *)p;
	nhdr->n_namesz = CR_NOTE_NAMESZ;
	nhdr->n_descsz = descsz;
	nhdr->n_type = type;
	p += sizeof(*nhdr);
	memcpy(p, CR_NOTE_NAME, CR_NOTE_NAMESZ);
	p += namesz;
	memcpy(p, rec, size);
	if (tail_len)
		memcpy(p + ALIGN(size, 8), tail, tail_len);
	w->nr++;
}

void cr_writer_exit(struct cr_writer *w)
{
	kvfree(w->buf);
	memset(w, 0, sizeof(*w));
}
