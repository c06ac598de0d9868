// SPDX-License-Identifier: GPL-2.0
/* The memory of a process as it saw it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "memory.h"

#define PAGE		4096ull
/* Larger files are not copied from an image */
#define COPY_MAX	(1ull << 30)

/* ---- mapped files ---- */

/* A file of the image as a memfd */
static int shm_copy(const struct image *img, u32 id, const char **why)
{
	struct cr_rec_pages run;
	struct cr_rec_shm shm;
	struct cr_view v;
	u8 *pages;
	u32 n;
	int fd;

	cr_read_obj(&img->cr, id, &v, &shm, sizeof(shm));
	if (le64_to_cpu(shm.size) > COPY_MAX) {
		*why = "too large to be copied";
		return -1;
	}
	pages = malloc(IMAGE_RUN_BUF);
	fd = memfd_create("mkcrimg", MFD_CLOEXEC);
	*why = "cannot be copied";
	if (!pages || fd < 0)
		goto out_close;
	for (n = 0; n < img->cr.objs[id].nr_page_runs; n++) {
		cr_read_page_run(&img->cr, id, n, &run);
		if (le64_to_cpu(run.addr) >= le64_to_cpu(shm.size))
			break;
		if (image_run_bytes(img, &run, pages) ||
		    !pwrite_sparse(fd, pages, le32_to_cpu(run.len),
				   le64_to_cpu(run.addr)))
			goto out_close;
	}
	/* a hole at its end; or the last run's bytes beyond it */
	if (ftruncate(fd, le64_to_cpu(shm.size)))
		goto out_close;
	free(pages);
	return fd;
out_close:
	free(pages);
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * Only what is known to be a regular file is opened: a device may do something
 * then, a FIFO waits
 */
static int regular_open(const char *path, const char **why)
{
	int at = open(path, O_PATH | O_CLOEXEC), fd = -1;
	struct stat st;
	char self[32];

	*why = "not there";
	if (at < 0)
		return -1;
	*why = "not a regular file";
	if (!fstat(at, &st) && S_ISREG(st.st_mode)) {
		*why = "cannot be opened";
		snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
		fd = open(self, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	close(at);
	return fd;
}

int named_open(const struct image *img, u32 id, const char **why)
{
	struct cr_rec_file rec;
	struct cr_view v;
	struct stat st;
	int fd;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	fd = regular_open(v.tail, why);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) &&
	    (u64)st.st_size == le64_to_cpu(rec.size) &&
	    st.st_mtim.tv_sec * 1000000000ull + st.st_mtim.tv_nsec ==
	    le64_to_cpu(rec.mtime_ns))
		return fd;
	*why = "has changed since";
	close(fd);
	return -1;
}

int mapped_open(const struct image *img, u32 id, const char **why)
{
	const char *unused;
	struct cr_rec_file rec;
	struct cr_view v;
	int fd = -1;

	if (img->cr.objs[id].type == CR_REC_SHM)
		return shm_copy(img, id, why);
	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	if (le32_to_cpu(rec.kind) == CR_FILE_REG)
		fd = named_open(img, id, why);
	else if (le32_to_cpu(rec.kind) != CR_FILE_SHM)
		*why = "not a regular file";
	if (fd < 0 && rec.obj &&
	    img->cr.objs[le32_to_cpu(rec.obj)].type == CR_REC_SHM)
		fd = shm_copy(img, le32_to_cpu(rec.obj),
			      le32_to_cpu(rec.kind) == CR_FILE_REG ? &unused :
								     why);
	return fd;
}

/* ---- address spaces ---- */

int memory_open(struct memory *m, const struct image *img, u32 mm)
{
	struct cr_detail_iter it;
	struct cr_rec_mm rec;
	struct cr_view v;

	*m = (struct memory){ .img = img, .mm = mm, .fd = -1 };
	cr_read_obj(&img->cr, mm, &v, &rec, sizeof(rec));
	m->vdso = le32_to_cpu(rec.vdso);
	m->vmas = calloc(img->cr.objs[mm].nr_details + 1, sizeof(*m->vmas));
	m->run_pages = malloc(IMAGE_RUN_BUF);
	if (!m->vmas || !m->run_pages) {
		memory_close(m);
		return failed("%s: no memory", img->path);
	}
	cr_for_each_detail(&img->cr, mm, &it)
		if (it.view.type == CR_REC_VMA)
			cr_detail(&it, &m->vmas[m->nr_vmas++],
				  sizeof(*m->vmas));
	return 0;
}

void memory_close(struct memory *m)
{
	free(m->vmas);
	free(m->run_pages);
	if (m->fd >= 0)
		close(m->fd);
	m->vmas = NULL;
	m->run_pages = NULL;
	m->fd = -1;
}

const struct cr_rec_vma *memory_vma(const struct memory *m, u64 addr)
{
	size_t low = 0, high = m->nr_vmas, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (le64_to_cpu(m->vmas[mid].end) <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->nr_vmas ? &m->vmas[low] : NULL;
}

/*
 * Bytes at @addr of an object's runs. Value: how many; 0: none, up to @gap
 * bytes from there; -1: they are damaged
 */
static ssize_t stored_read(struct memory *m, u32 id, u64 addr, void *buf,
			   size_t len, u64 *gap)
{
	u32 n = image_run_find(m->img, id, addr);
	struct cr_rec_pages run;
	const char *why;
	u64 skip;

	*gap = ~0ull;
	if (n == m->img->cr.objs[id].nr_page_runs)
		return 0;
	cr_read_page_run(&m->img->cr, id, n, &run);
	if (le64_to_cpu(run.addr) > addr) {
		*gap = le64_to_cpu(run.addr) - addr;
		return 0;
	}
	if (m->run_id != id || m->run.addr != run.addr) {
		m->run_id = 0;
		why = image_run_bytes(m->img, &run, m->run_pages);
		if (why) {
			m->damaged = why;
			return -1;
		}
		m->run_id = id;
		m->run = run;
	}
	skip = addr - le64_to_cpu(run.addr);
	if (len > le32_to_cpu(run.len) - skip)
		len = le32_to_cpu(run.len) - skip;
	memcpy(buf, m->run_pages + skip, len);
	return len;
}

/* The rest of the page that a file ends in is zero */
static ssize_t file_end(int fd, u64 pos, void *buf, size_t len)
{
	size_t rest = -pos & (PAGE - 1);
	char byte;

	if (!rest || pread(fd, &byte, 1, pos & ~(PAGE - 1)) != 1)
		return 0;
	if (len > rest)
		len = rest;
	memset(buf, 0, len);
	return len;
}

static ssize_t file_read(struct memory *m, u32 id, u64 pos, void *buf,
			 size_t len)
{
	const char *why;
	ssize_t n;

	if (m->file != id) {
		if (m->fd >= 0)
			close(m->fd);
		m->fd = mapped_open(m->img, id, &why);
		m->file = id;
	}
	n = m->fd < 0 ? -1 : pread(m->fd, buf, len, pos);
	return n ? n : file_end(m->fd, pos, buf, len);
}

/* What a mapping shows where the process has no page of its own */
static ssize_t below_read(struct memory *m, const struct cr_rec_vma *vma,
			  u64 addr, void *buf, size_t len)
{
	u64 at = addr - le64_to_cpu(vma->start), gap;
	struct cr_view v;
	ssize_t n;

	switch (le32_to_cpu(vma->kind)) {
	case CR_VMA_FILE:
		return file_read(m, le32_to_cpu(vma->obj),
				 at + le64_to_cpu(vma->pgoff), buf, len);
	case CR_VMA_SHM:
		n = stored_read(m, le32_to_cpu(vma->obj),
				at + le64_to_cpu(vma->pgoff), buf, len, &gap);
		if (n)
			return n;
		len = len < gap ? len : gap;
		break;
	case CR_VMA_VDSO:
		/* whole in the mapping: it has been checked */
		cr_read_obj(&m->img->cr, m->vdso, &v, NULL, 0);
		memcpy(buf, (const u8 *)v.tail + at, len);
		return len;
	case CR_VMA_ANON:
		break;
	default:
		return -1;
	}
	memset(buf, 0, len);
	return len;
}

/* As many bytes as lie together; not more than 0: none */
static ssize_t part_read(struct memory *m, u64 addr, void *buf, size_t len)
{
	const struct cr_rec_vma *vma = memory_vma(m, addr);
	ssize_t n;
	u64 gap;

	if (!vma || le64_to_cpu(vma->start) > addr)
		return -1;
	if (len > le64_to_cpu(vma->end) - addr)
		len = le64_to_cpu(vma->end) - addr;
	n = stored_read(m, m->mm, addr, buf, len, &gap);
	if (n)
		return n;
	return below_read(m, vma, addr, buf, len < gap ? len : gap);
}

size_t memory_read_part(struct memory *m, u64 addr, void *buf, size_t len)
{
	size_t done;
	ssize_t n;

	for (done = 0; done < len; done += n) {
		n = part_read(m, addr + done, (u8 *)buf + done, len - done);
		if (n <= 0)
			break;
	}
	return done;
}

bool memory_read(struct memory *m, u64 addr, void *buf, size_t len)
{
	return memory_read_part(m, addr, buf, len) == len;
}
