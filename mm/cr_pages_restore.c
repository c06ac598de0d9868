// SPDX-License-Identifier: GPL-2.0
/*
 * Pages, back: read each run of an object from the image, verify and decompress
 * it, and copy it where it belongs. The records have passed their checks; what
 * the file holds at their offsets has not.
 *
 * An address space is filled by its own task, so faults, limits and accounting
 * are its own.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xxhash.h>
#include <linux/zstd.h>
#include <linux/cr_mm.h>
#include <linux/cr_kernel.h>

/**
 * struct unpacker - buffers of one task that reads page runs
 * @stored: bytes as they are in the file, CR_RUN_MAX
 * @mem: decompressed, CR_RUN_MAX
 * @workspace: of @dctx
 * @dctx: decompressor
 */
struct unpacker {
	void *stored;
	void *mem;
	void *workspace;
	zstd_dctx *dctx;
};

static void unpacker_exit(struct unpacker *u)
{
	kvfree(u->workspace);
	kvfree(u->mem);
	kvfree(u->stored);
}

static int unpacker_init(struct unpacker *u)
{
	size_t size = zstd_dctx_workspace_bound();

	u->stored = kvmalloc(CR_RUN_MAX, GFP_KERNEL_ACCOUNT);
	u->mem = kvmalloc(CR_RUN_MAX, GFP_KERNEL_ACCOUNT);
	u->workspace = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (u->stored && u->mem && u->workspace)
		u->dctx = zstd_init_dctx(u->workspace, size);
	if (u->dctx)
		return 0;
	unpacker_exit(u);
	return -ENOMEM;
}

static int run_err(struct cr_restart *r, const struct cr_rec_pages *rec,
		   int err, const char *what)
{
	return cr_err(&r->log, err, "memory of object %u: %llx-%llx: %s",
		      le32_to_cpu(rec->rec.id), le64_to_cpu(rec->addr),
		      le64_to_cpu(rec->addr) + le32_to_cpu(rec->len), what);
}

/* kernel_read() may return less than it was asked for */
static int run_read(struct cr_restart *r, const struct cr_rec_pages *rec,
		    void *buf)
{
	loff_t pos = le64_to_cpu(rec->offset);
	size_t left = le32_to_cpu(rec->stored);
	ssize_t n;

	while (left) {
		n = kernel_read(r->file, buf, left, &pos);
		if (n < 0)
			return run_err(r, rec, n, "the image cannot be read");
		if (!n)
			return run_err(r, rec, -EBADMSG, "the image ends");
		buf += n;
		left -= n;
	}
	return 0;
}

/* Return: where the memory is, or an ERR_PTR() */
static const void *run_unpack(struct cr_restart *r, struct unpacker *u,
			      const struct cr_rec_pages *rec)
{
	u32 stored = le32_to_cpu(rec->stored);
	u32 len = le32_to_cpu(rec->len);
	size_t n;
	int err;

	/* checked before; this is the line that keeps the buffers whole */
	if (stored > CR_RUN_MAX || len > CR_RUN_MAX)
		return ERR_PTR(run_err(r, rec, -EBADMSG, "too long"));
	err = run_read(r, rec, u->stored);
	if (err)
		return ERR_PTR(err);
	if (xxh64(u->stored, stored, 0) != le64_to_cpu(rec->xxh64))
		return ERR_PTR(run_err(r, rec, -EBADMSG, "wrong checksum"));
	if (le32_to_cpu(rec->method) == CR_PAGES_RAW)
		return u->stored;
	n = zstd_decompress_dctx(u->dctx, u->mem, len, u->stored, stored);
	if (zstd_is_error(n))
		return ERR_PTR(run_err(r, rec, -EBADMSG,
				       zstd_get_error_name(n)));
	if (n != len)
		return ERR_PTR(run_err(r, rec, -EBADMSG,
				       "decompresses to less"));
	return u->mem;
}

static int run_copy_mm(struct cr_restart *r, const struct cr_rec_pages *rec,
		       const void *mem)
{
	u64 addr = le64_to_cpu(rec->addr);
	u32 len = le32_to_cpu(rec->len);

	if (!copy_to_user(u64_to_user_ptr(addr), mem, len))
		return 0;
	/* not writable for the program: as a debugger would */
	if (access_process_vm(current, addr, (void *)mem, len,
			      FOLL_WRITE | FOLL_FORCE) == len)
		return 0;
	if (fatal_signal_pending(current))
		return -EINTR;
	return run_err(r, rec, -EFAULT, "cannot be written");
}

static int run_copy_shm(struct cr_restart *r, const struct cr_rec_pages *rec,
			const void *mem, struct file *shm)
{
	pgoff_t index = le64_to_cpu(rec->addr) >> PAGE_SHIFT;
	u32 len = le32_to_cpu(rec->len);
	struct page *page;
	u32 done;

	for (done = 0; done < len; done += PAGE_SIZE, index++) {
		page = shmem_read_mapping_page(shm->f_mapping, index);
		if (IS_ERR(page))
			return run_err(r, rec, PTR_ERR(page),
				       "cannot be written");
		memcpy_to_page(page, 0, mem + done, PAGE_SIZE);
		set_page_dirty(page);
		put_page(page);
	}
	return 0;
}

static int run_restore(struct cr_restart *r, struct unpacker *u,
		       const struct cr_rec_pages *rec, struct file *shm)
{
	const void *mem = run_unpack(r, u, rec);

	if (IS_ERR(mem))
		return PTR_ERR(mem);
	if (shm)
		return run_copy_shm(r, rec, mem, shm);
	return run_copy_mm(r, rec, mem);
}

int cr_pages_restore(struct cr_restart *r, u32 id, struct file *shm)
{
	u32 n, nr = r->img.objs[id].nr_page_runs;
	struct cr_rec_pages rec;
	struct unpacker u = {};
	int err;

	if (!nr)
		return 0;
	err = unpacker_init(&u);
	if (err)
		return cr_err(&r->log, err, "memory of object %u: no memory",
			      id);
	for (n = 0; n < nr && !err; n++) {
		if (fatal_signal_pending(current) || READ_ONCE(r->err)) {
			err = -EINTR;
			break;
		}
		cond_resched();
		cr_read_page_run(&r->img, id, n, &rec);
		err = run_restore(r, &u, &rec, shm);
	}
	unpacker_exit(&u);
	return err;
}
