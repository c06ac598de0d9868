// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the bytes are a record stream. Its checksums are set right
 * first, so that what is tested is the code behind them. Then everything that a
 * restart would read is read.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/byteorder.h>
#include <xxhash.h>
#include <linux/cr_reader.h>

#define NOTE_HDR	20
#define END_SIZE	(NOTE_HDR + sizeof(struct cr_rec_end))

/* The sink keeps the compiler from leaving the reads out */
static volatile u64 sink;

int cr_err(struct cr_log *log, int err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	(void)log;
	va_start(ap, fmt);
	sink += vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err;
}

/* The last bytes become an END that is right, if the framing is */
static void end_fix(u8 *data, size_t size)
{
	struct cr_rec_end end;
	u8 *rec = data + size - sizeof(end);
	size_t off = 0;
	u64 nr = 0;
	u32 desc;

	while (off < size - END_SIZE) {
		memcpy(&desc, data + off + 4, sizeof(desc));
		off += NOTE_HDR + (((size_t)le32_to_cpu(desc) + 3) & ~3ul);
		nr++;
	}
	memcpy(&end, rec, sizeof(end));
	end.nr_records = cpu_to_le64(nr);
	end.records_xxh64 = cpu_to_le64(XXH64(data, size - END_SIZE, 0));
	memcpy(rec, &end, sizeof(end));
}

static void touch(const struct cr_view *v)
{
	size_t i;

	for (i = 0; i < v->tail_len; i++)
		sink += ((const u8 *)v->tail)[i];
}

static void walk(const struct cr_image *img)
{
	struct cr_detail_iter it;
	struct cr_rec_pages run;
	struct cr_view v;
	u8 rec[512];
	u32 id, n;

	for (id = 1; id <= img->nr_objects; id++) {
		cr_read_obj(img, id, &v, rec, sizeof(rec));
		touch(&v);
		cr_for_each_detail(img, id, &it) {
			cr_detail(&it, rec, sizeof(rec));
			touch(&it.view);
		}
		for (n = 0; n < img->objs[id].nr_page_runs; n++)
			cr_read_page_run(img, id, n, &run);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct cr_image img = {};
	u8 *copy;

	if (size < END_SIZE)
		return 0;
	/* a copy of its own, so that a byte too far is seen */
	copy = malloc(size);
	memcpy(copy, data, size);
	end_fix(copy, size);
	if (!cr_image_index(&img, copy, size, NULL)) {
		if (!cr_image_check(&img, 1 << 22, NULL))
			walk(&img);
		cr_image_put(&img);
	}
	free(copy);
	return 0;
}
