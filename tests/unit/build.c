// SPDX-License-Identifier: GPL-2.0
/* Building images: notes, segments, checksums. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <asm/byteorder.h>
#include <xxhash.h>
#include <zstd.h>
#include "build.h"

#define NOTE_HDR	20

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (b->len + len > b->max) {
		b->max = 2 * (b->len + len) + 4096;
		b->data = realloc(b->data, b->max);
		if (!b->data)
			abort();
	}
	if (data && len)
		memcpy(b->data + b->len, data, len);
	else if (len)
		memset(b->data + b->len, 0, len);
	b->len += len;
}

void buf_pad(struct buf *b, size_t align)
{
	buf_add(b, NULL, -b->len & (align - 1));
}

void buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

static void note_add(struct buf *b, u32 type, u32 id, void *rec, size_t size,
		     const void *tail, size_t tail_len)
{
	struct cr_rec *r = rec;
	u32 hdr[3] = {
		cpu_to_le32(CR_NOTE_NAMESZ),
		cpu_to_le32((tail_len ? (size + 7) & ~7ul : size) + tail_len),
		cpu_to_le32(type),
	};

	r->id = cpu_to_le32(id);
	r->size = cpu_to_le32(size);
	buf_add(b, hdr, sizeof(hdr));
	buf_add(b, CR_NOTE_NAME "\0", 7);
	buf_add(b, NULL, 1);
	buf_add(b, rec, size);
	if (tail_len) {
		buf_add(b, NULL, -size & 7);
		buf_add(b, tail, tail_len);
	}
	buf_add(b, NULL, -(size + tail_len) & 3);
}

size_t build_rec(struct build *b, u32 type, u32 id, void *rec, size_t size,
		 const void *tail, size_t tail_len)
{
	size_t at = b->stream.len;

	note_add(&b->stream, type, id, rec, size, tail, tail_len);
	b->nr++;
	return at;
}

u32 build_obj(struct build *b, u32 type, void *rec, size_t size,
	      const void *tail, size_t tail_len)
{
	build_rec(b, type, ++b->last, rec, size, tail, tail_len);
	return b->last;
}

void build_detail(struct build *b, u32 type, void *rec, size_t size,
		  const void *tail, size_t tail_len)
{
	build_rec(b, type, b->last, rec, size, tail, tail_len);
}

void build_run(struct build *b, u32 id, u64 addr, const void *data, u32 len,
	       bool zstd)
{
	struct cr_rec_pages rec = {
		.addr = cpu_to_le64(addr),
		.len = cpu_to_le32(len),
		.method = cpu_to_le32(zstd ? CR_PAGES_ZSTD : CR_PAGES_RAW),
	};
	size_t stored = len, at;
	ZSTD_CCtx *ctx;
	void *frame;

	if (!zstd)
		buf_pad(&b->mem, BUILD_MEM);
	at = b->mem.len;
	if (zstd) {
		ctx = ZSTD_createCCtx();
		ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
		frame = malloc(ZSTD_compressBound(len));
		stored = ZSTD_compress2(ctx, frame, ZSTD_compressBound(len),
					data, len);
		buf_add(&b->mem, frame, stored);
		free(frame);
		ZSTD_freeCCtx(ctx);
	} else {
		buf_add(&b->mem, data, len);
	}
	rec.stored = cpu_to_le32(stored);
	rec.offset = cpu_to_le64(BUILD_MEM + at);
	rec.xxh64 = cpu_to_le64(XXH64(b->mem.data + at, stored, 0));
	note_add(&b->runs, CR_REC_PAGES, id, &rec, sizeof(rec), NULL, 0);
	b->nr++;
	b->memory += len;
}

/* A segment of the file; PAGES that follow each other may share one */
static void ph_add(struct buf *phdrs, u32 type, u64 offset, u64 size,
		   u64 addr)
{
	Elf64_Phdr ph = {
		.p_type = type, .p_offset = offset, .p_filesz = size,
		.p_align = 1,
	};

	if (type == PT_LOAD) {
		ph.p_vaddr = addr;
		ph.p_memsz = size;
		ph.p_flags = PF_R | PF_W;
		ph.p_align = BUILD_MEM;
	}
	buf_add(phdrs, &ph, sizeof(ph));
}

static void runs_segments(struct build *b, struct buf *phdrs)
{
	const size_t note = NOTE_HDR + sizeof(struct cr_rec_pages);
	struct cr_rec_pages rec;
	size_t at;
	u32 type;

	for (at = 0; at < b->runs.len; at += note) {
		memcpy(&rec, b->runs.data + at + NOTE_HDR, sizeof(rec));
		type = le32_to_cpu(rec.method) == CR_PAGES_ZSTD ? PT_CR_ZSTD :
		       le32_to_cpu(rec.rec.id) == b->leader_mm ? PT_LOAD :
		       PT_CR_LOAD;
		ph_add(phdrs, type, le64_to_cpu(rec.offset),
		       le32_to_cpu(rec.stored), le64_to_cpu(rec.addr));
	}
}

void build_finish(struct build *b, struct buf *file)
{
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_ehsize = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
	};
	struct cr_rec_end end = {};
	struct buf phdrs = {};
	size_t records;

	memcpy(e.e_ident + CR_EI_MAGIC, CR_MAGIC, CR_MAGIC_LEN);
	e.e_ident[CR_EI_VERSION] = CR_VERSION;
	buf_add(&b->stream, b->runs.data, b->runs.len);
	build_rec(b, CR_REC_END, 0, &end, sizeof(end), NULL, 0);

	memset(file, 0, sizeof(*file));
	buf_add(file, NULL, BUILD_MEM);
	buf_add(file, b->mem.data, b->mem.len);
	buf_pad(file, BUILD_MEM);
	records = file->len;
	buf_add(file, b->stream.data, b->stream.len);
	buf_pad(file, 8);

	ph_add(&phdrs, PT_CR_RECORDS, records, b->stream.len, 0);
	runs_segments(b, &phdrs);
	e.e_phoff = file->len;
	e.e_phnum = phdrs.len / sizeof(Elf64_Phdr);
	buf_add(file, phdrs.data, phdrs.len);
	memcpy(file->data, &e, sizeof(e));
	image_fix(file);
	buf_free(&phdrs);
	buf_free(&b->stream);
	buf_free(&b->mem);
	buf_free(&b->runs);
}

/* ---- checksums of any image ---- */

/* The segment of the records, if there is one within the file */
static bool records_of(const struct buf *file, size_t *at, size_t *len)
{
	Elf64_Ehdr e;
	Elf64_Phdr ph;
	size_t i, off;

	if (file->len < sizeof(e))
		return false;
	memcpy(&e, file->data, sizeof(e));
	for (i = 0; i < e.e_phnum; i++) {
		off = e.e_phoff + i * sizeof(ph);
		if (e.e_phoff > file->len || off > file->len - sizeof(ph))
			return false;
		memcpy(&ph, file->data + off, sizeof(ph));
		if (ph.p_type != PT_CR_RECORDS)
			continue;
		*at = ph.p_offset;
		*len = ph.p_filesz;
		return ph.p_offset <= file->len &&
		       ph.p_filesz <= file->len - ph.p_offset;
	}
	return false;
}

/* Header of the record at @off; value: where the next one is, or 0 */
static size_t note_next(const u8 *stream, size_t len, size_t off, u32 *type)
{
	u32 hdr[3];
	u64 desc;

	if (len - off < NOTE_HDR)
		return 0;
	memcpy(hdr, stream + off, sizeof(hdr));
	*type = le32_to_cpu(hdr[2]);
	desc = ((u64)le32_to_cpu(hdr[1]) + 3) & ~3ull;
	if (desc > len - off - NOTE_HDR)
		return 0;
	return off + NOTE_HDR + desc;
}

/* END counts the records and hashes them */
static size_t stream_fix(u8 *stream, size_t len)
{
	size_t off = 0, next, at = 0;
	struct cr_rec_end end;
	u64 nr = 0;
	u32 type = 0;

	for (; off < len; off = next, nr++) {
		at = off;
		next = note_next(stream, len, off, &type);
		if (!next)
			return 0;
	}
	if (type != CR_REC_END || len - at < NOTE_HDR + sizeof(end))
		return 0;
	memcpy(&end, stream + at + NOTE_HDR, sizeof(end));
	end.nr_records = cpu_to_le64(nr - 1);
	end.records_xxh64 = cpu_to_le64(XXH64(stream, at, 0));
	memcpy(stream + at + NOTE_HDR, &end, sizeof(end));
	return at;
}

static u64 header_hash(const struct buf *file)
{
	XXH64_state_t *state = XXH64_createState();
	Elf64_Ehdr e;
	size_t len;
	u64 hash;

	memcpy(&e, file->data, sizeof(e));
	len = e.e_phnum * sizeof(Elf64_Phdr);
	XXH64_reset(state, 0);
	XXH64_update(state, &e, sizeof(e));
	if (e.e_phoff <= file->len && len <= file->len - e.e_phoff)
		XXH64_update(state, file->data + e.e_phoff, len);
	hash = XXH64_digest(state);
	XXH64_freeState(state);
	return hash;
}

void image_fix(struct buf *file)
{
	size_t at, len, end;
	u64 hash;

	if (!records_of(file, &at, &len))
		return;
	end = stream_fix(file->data + at, len);
	if (!end)
		return;
	hash = cpu_to_le64(header_hash(file));
	memcpy(file->data + at + end + NOTE_HDR +
	       offsetof(struct cr_rec_end, header_xxh64), &hash, sizeof(hash));
}
