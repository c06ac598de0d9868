// SPDX-License-Identifier: GPL-2.0
/*
 * Reading an image file. The records themselves: kernel/cr_image.c.
 *
 * It may be somebody else's, who changes or cuts it while it is looked at. What is
 * checked is a copy, and so is what is used then: nothing of the file is mapped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <xxhash.h>
#include <zstd.h>
#include "image.h"

/* Is it an image, and one of this version? */
static int ehdr_check(struct image *img)
{
	const Elf64_Ehdr *e = &img->ehdr;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG) ||
	    memcmp(e->e_ident + CR_EI_MAGIC, CR_MAGIC, CR_MAGIC_LEN))
		return failed("%s: not an image", img->path);
	if (e->e_ident[CR_EI_VERSION] != CR_VERSION)
		return failed("%s: image of version %d; only %d is known",
			      img->path, e->e_ident[CR_EI_VERSION], CR_VERSION);
	if (e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_ident[EI_DATA] != ELFDATA2LSB || e->e_type != ET_CORE ||
	    e->e_version != EV_CURRENT ||
	    e->e_ehsize != sizeof(*e) || e->e_phentsize != sizeof(Elf64_Phdr))
		return failed("%s: damaged ELF header", img->path);
	if (e->e_machine != EM_X86_64)
		return failed("%s: image of another machine (%d)", img->path,
			      e->e_machine);
	if (e->e_phnum > CR_MAX_PHNUM || e->e_phoff > img->size ||
	    e->e_phnum * sizeof(Elf64_Phdr) > img->size - e->e_phoff ||
	    e->e_phoff % 8)
		return failed("%s: program headers lie outside of the file",
			      img->path);
	return 0;
}

static int records_find(struct image *img)
{
	const Elf64_Phdr *ph;
	unsigned int i;

	for (i = 0; i < img->ehdr.e_phnum; i++) {
		ph = &img->phdr[i];
		if (ph->p_type != PT_CR_RECORDS)
			continue;
		if (img->records)
			return failed("%s: more than one PT_CR_RECORDS",
				      img->path);
		if (ph->p_offset > img->size ||
		    ph->p_filesz > img->size - ph->p_offset)
			return failed("%s: records lie outside of the file",
				      img->path);
		if (ph->p_filesz > CR_MAX_RECORDS_SIZE)
			return failed("%s: records of %llu bytes", img->path,
				      (unsigned long long)ph->p_filesz);
		img->records = ph;
	}
	if (!img->records)
		return failed("%s: no records", img->path);
	return 0;
}

/* A part of the file, to be freed; NULL after a line that says why */
static void *part_read(struct image *img, u64 offset, size_t len)
{
	void *part = malloc(len + 1);
	const char *why = strerror(ENOMEM);

	if (part)
		why = pread_all(img->fd, part, len, offset);
	if (!why)
		return part;
	img->unread = true;
	failed("%s: %s", img->path, why);
	free(part);
	return NULL;
}

static int headers_read(struct image *img)
{
	const char *why;
	int err;

	why = pread_all(img->fd, &img->ehdr, sizeof(img->ehdr), 0);
	if (why) {
		img->unread = true;
		return failed("%s: %s", img->path, why);
	}
	err = ehdr_check(img);
	if (err)
		return err;
	img->phdr = part_read(img, img->ehdr.e_phoff,
			      img->ehdr.e_phnum * sizeof(*img->phdr));
	return img->phdr ? records_find(img) : ST_FAILED;
}

static int file_open(struct image *img)
{
	struct stat st;

	/* what it is comes to light when it is open: that must not wait */
	img->fd = open(img->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (img->fd < 0 || fstat(img->fd, &st)) {
		img->unread = errno != ENOENT;
		return failed("%s: %s", img->path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode) || (u64)st.st_size < sizeof(img->ehdr))
		return failed("%s: not an image", img->path);
	img->size = st.st_size;
	return 0;
}

static int records_index(struct image *img)
{
	img->data = part_read(img, img->records->p_offset,
			      img->records->p_filesz);
	if (!img->data)
		return ST_FAILED;
	return cr_image_index(&img->cr, img->data, img->records->p_filesz,
			      &img->log) ? ST_FAILED : 0;
}

int image_open(struct image *img, const char *path)
{
	int err;

	memset(img, 0, sizeof(*img));
	img->path = path;
	img->log.what = path;
	err = file_open(img) ?: headers_read(img) ?: records_index(img);
	if (!err && cr_image_check(&img->cr, img->size, &img->log))
		err = ST_FAILED;
	if (err)
		image_close(img);
	return err;
}

void image_close(struct image *img)
{
	cr_image_put(&img->cr);
	free(img->data);
	free(img->phdr);
	if (img->fd >= 0)
		close(img->fd);
	img->data = NULL;
	img->phdr = NULL;
	img->fd = -1;
}

bool image_header_hash(const Elf64_Ehdr *ehdr, const Elf64_Phdr *phdr,
		       u64 *hash)
{
	XXH64_state_t *state = XXH64_createState();

	if (!state)
		return false;
	XXH64_reset(state, 0);
	XXH64_update(state, ehdr, sizeof(*ehdr));
	XXH64_update(state, phdr, ehdr->e_phnum * sizeof(*phdr));
	*hash = XXH64_digest(state);
	XXH64_freeState(state);
	return true;
}

bool image_header_ok(const struct image *img)
{
	u64 hash;

	return image_header_hash(&img->ehdr, img->phdr, &hash) &&
	       hash == le64_to_cpu(img->cr.end.header_xxh64);
}

const char *image_run_stored(const struct image *img,
			     const struct cr_rec_pages *run, void *buf)
{
	return pread_all(img->fd, buf, le32_to_cpu(run->stored),
			 le64_to_cpu(run->offset));
}

const char *image_run_bytes(const struct image *img,
			    const struct cr_rec_pages *run, u8 *buf)
{
	bool raw = le32_to_cpu(run->method) == CR_PAGES_RAW;
	size_t stored = le32_to_cpu(run->stored);
	size_t len = le32_to_cpu(run->len);
	u8 *from = raw ? buf : buf + CR_RUN_MAX;
	const char *why;
	size_t got;

	why = image_run_stored(img, run, from);
	if (why)
		return why;
	if (XXH64(from, stored, 0) != le64_to_cpu(run->xxh64))
		return "checksum does not match";
	if (raw)
		return NULL;
	if (ZSTD_getFrameContentSize(from, stored) != len)
		return "zstd frame says another size";
	if (ZSTD_findFrameCompressedSize(from, stored) != stored)
		return "not exactly one zstd frame";
	got = ZSTD_decompress(buf, len, from, stored);
	if (ZSTD_isError(got))
		return ZSTD_getErrorName(got);
	return got == len ? NULL : "zstd frame has another size";
}

u32 image_run_find(const struct image *img, u32 id, u64 addr)
{
	u32 low = 0, high = img->cr.objs[id].nr_page_runs, mid;
	struct cr_rec_pages run;

	while (low < high) {
		mid = low + (high - low) / 2;
		cr_read_page_run(&img->cr, id, mid, &run);
		if (le64_to_cpu(run.addr) + le32_to_cpu(run.len) <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t image_mem_read(const struct image *img, u32 id, u64 addr, void *buf,
		      size_t len)
{
	const struct cr_obj_index *obj = &img->cr.objs[id];
	u32 n = image_run_find(img, id, addr);
	struct cr_rec_pages run;
	size_t done = 0, part, skip;
	u8 *pages;

	pages = malloc(IMAGE_RUN_BUF);
	if (!pages)
		return 0;
	for (; n < obj->nr_page_runs && done < len; n++) {
		cr_read_page_run(&img->cr, id, n, &run);
		if (le64_to_cpu(run.addr) > addr + done ||
		    image_run_bytes(img, &run, pages))
			break;
		skip = addr + done - le64_to_cpu(run.addr);
		part = le32_to_cpu(run.len) - skip;
		if (part > len - done)
			part = len - done;
		memcpy((u8 *)buf + done, pages + skip, part);
		done += part;
	}
	free(pages);
	return done;
}

u64 image_mem_size(const struct image *img, u32 id)
{
	struct cr_rec_pages run;
	u64 size = 0;
	u32 n;

	for (n = 0; n < img->cr.objs[id].nr_page_runs; n++) {
		cr_read_page_run(&img->cr, id, n, &run);
		size += le32_to_cpu(run.len);
	}
	return size;
}

u32 image_next(const struct image *img, u32 id, u32 type)
{
	while (++id <= img->cr.nr_objects)
		if (img->cr.objs[id].type == type)
			return id;
	return 0;
}

u32 image_proc_find(const struct image *img, u32 pid)
{
	struct cr_rec_proc rec;
	struct cr_view v;
	u32 id = 0;

	while ((id = image_next(img, id, CR_REC_PROC))) {
		cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
		if (le32_to_cpu(rec.pid) == pid)
			break;
	}
	return id;
}

bool image_main_thread(const struct image *img, u32 proc,
		       struct cr_rec_thread *rec)
{
	struct cr_rec_proc p;
	struct cr_view v;

	cr_read_obj(&img->cr, proc, &v, &p, sizeof(p));
	if (!p.nr_threads)
		return false;
	cr_read_obj(&img->cr, proc + 1, &v, rec, sizeof(*rec));
	return true;
}

const char *image_file_name(const struct image *img, u32 file)
{
	struct cr_view v;

	if (!file)
		return "";
	cr_read_obj(&img->cr, file, &v, NULL, 0);
	return v.tail;
}
