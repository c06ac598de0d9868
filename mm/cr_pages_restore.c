// SPDX-License-Identifier: GPL-2.0
/*
 * Pages, back: read each run of an object from the image, verify and decompress
 * it, and copy it where it belongs. The records have passed their checks; what
 * the file holds at their offsets has not.
 *
 * An address space is filled by its own task, so that faults, limits and
 * accounting are its own; idle CPUs help with a large one, using its mm. Whoever
 * is free takes the next run: they do not overlap.
 */
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <linux/xxhash.h>
#include <linux/zstd.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>

/* Runs for each one who works on an object: less is not worth the start */
#define RUNS_PER_HELPER	8
#define HELPERS_MAX	63u

/* In the whole system: no more than there are CPUs */
static atomic_t nr_helpers = ATOMIC_INIT(0);

/**
 * struct unpacker - buffers of one who restores runs
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

/**
 * struct unpack_job - an object that is being filled
 * @r: the restart
 * @id: of the MM or SHM
 * @nr: its runs
 * @next: the run that nobody has taken yet
 * @mm: of the task that asked: the one to be filled, if it is an MM
 * @cred: of that task, for who helps
 * @shm: the file to be filled; NULL: it is an MM
 * @size: of a SHM of kind FILE or CARRIED; -1: its pages are filled, not the
 *	file
 * @taken: [run] is there already; NULL: none is
 * @err: the first error; all stop
 */
struct unpack_job {
	struct cr_restart *r;
	u32 id;
	u32 nr;
	atomic_t next;
	struct mm_struct *mm;
	const struct cred *cred;
	struct file *shm;
	loff_t size;
	const unsigned long *taken;
	int err;
};

struct helper {
	struct work_struct work;
	struct unpack_job *job;
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

/* Only the first to fail says so */
static int run_err(struct unpack_job *job, const struct cr_rec_pages *rec,
		   int err, const char *what)
{
	if (cmpxchg(&job->err, 0, err))
		return err;
	return cr_err(&job->r->log, err, "memory of object %u: %llx-%llx: %s",
		      job->id, le64_to_cpu(rec->addr),
		      le64_to_cpu(rec->addr) + le32_to_cpu(rec->len), what);
}

/* kernel_read() may return less than it was asked for */
static int run_read(struct unpack_job *job, const struct cr_rec_pages *rec,
		    void *buf)
{
	loff_t pos = le64_to_cpu(rec->offset);
	size_t left = le32_to_cpu(rec->stored);
	ssize_t n;

	while (left) {
		n = kernel_read(job->r->file, buf, left, &pos);
		if (n < 0)
			return run_err(job, rec, n, "the image cannot be read");
		if (!n)
			return run_err(job, rec, -EBADMSG, "the image ends");
		buf += n;
		left -= n;
	}
	return 0;
}

/* Return: where the memory is, or an ERR_PTR() */
static void *run_unpack(struct unpack_job *job, struct unpacker *u,
			const struct cr_rec_pages *rec)
{
	u32 stored = le32_to_cpu(rec->stored);
	u32 len = le32_to_cpu(rec->len);
	bool raw = le32_to_cpu(rec->method) == CR_PAGES_RAW;
	size_t n;
	int err;

	/* checked before; this is the line that keeps the buffers whole */
	if (stored > CR_RUN_MAX || len > CR_RUN_MAX || (raw && stored != len))
		return ERR_PTR(run_err(job, rec, -EBADMSG, "wrong length"));
	err = run_read(job, rec, u->stored);
	if (err)
		return ERR_PTR(err);
	if (xxh64(u->stored, stored, 0) != le64_to_cpu(rec->xxh64))
		return ERR_PTR(run_err(job, rec, -EBADMSG, "wrong checksum"));
	if (raw)
		return u->stored;
	n = zstd_decompress_dctx(u->dctx, u->mem, len, u->stored, stored);
	if (zstd_is_error(n))
		return ERR_PTR(run_err(job, rec, -EBADMSG,
				       zstd_get_error_name(n)));
	if (n != len)
		return ERR_PTR(run_err(job, rec, -EBADMSG,
				       "decompresses to less"));
	return u->mem;
}

/* Why it could not be written: that is not said. By now there may be memory */
static bool lacks_memory(u64 addr)
{
	struct page *page;
	long got;

	got = get_user_pages_unlocked(addr, 1, &page, FOLL_WRITE | FOLL_FORCE);
	if (got == 1)
		put_page(page);
	return got == 1 || got == -ENOMEM;
}

/* current->mm is job->mm, also in a helper */
static int run_copy_mm(struct unpack_job *job, const struct cr_rec_pages *rec,
		       void *mem)
{
	u64 addr = le64_to_cpu(rec->addr);
	u32 len = le32_to_cpu(rec->len);
	int n;

	if (!copy_to_user(u64_to_user_ptr(addr), mem, len))
		return 0;
	/* not writable for the program: as a debugger would */
	n = access_remote_vm(job->mm, addr, mem, len, FOLL_WRITE | FOLL_FORCE);
	if (n == len)
		return 0;
	if (fatal_signal_pending(current))
		return -EINTR;
	if (lacks_memory(addr + n))
		return run_err(job, rec, -ENOMEM, "no memory");
	/* the mapping is private; it leads behind the end of its file */
	return run_err(job, rec, -EBADMSG, "there is nothing to write to");
}

static int run_copy_shm(struct unpack_job *job, const struct cr_rec_pages *rec,
			const void *mem)
{
	pgoff_t index = le64_to_cpu(rec->addr) >> PAGE_SHIFT;
	u32 len = le32_to_cpu(rec->len);
	struct page *page;
	u32 done;

	for (done = 0; done < len; done += PAGE_SIZE, index++) {
		page = shmem_read_mapping_page(job->shm->f_mapping, index);
		if (IS_ERR(page))
			return run_err(job, rec, PTR_ERR(page),
				       "cannot be written");
		memcpy_to_page(page, 0, mem + done, PAGE_SIZE);
		set_page_dirty(page);
		put_page(page);
	}
	return 0;
}

/* The last page of a file is cut where the file ends */
static int run_copy_file(struct unpack_job *job, const struct cr_rec_pages *rec,
			 const void *mem)
{
	loff_t pos = le64_to_cpu(rec->addr);
	loff_t end = min_t(loff_t, job->size, pos + le32_to_cpu(rec->len));
	ssize_t n;

	while (pos < end) {
		n = kernel_write(job->shm, mem, end - pos, &pos);
		if (n <= 0)
			return run_err(job, rec, n ?: -EIO,
				       "cannot be written to its file");
		mem += n;
		cond_resched();
	}
	return 0;
}

static int run_restore(struct unpack_job *job, struct unpacker *u, u32 n)
{
	struct cr_rec_pages rec;
	void *mem;

	cr_read_page_run(&job->r->img, job->id, n, &rec);
	mem = run_unpack(job, u, &rec);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	if (job->shm && job->size >= 0)
		return run_copy_file(job, &rec, mem);
	if (job->shm)
		return run_copy_shm(job, &rec, mem);
	return run_copy_mm(job, &rec, mem);
}

/* Take runs until there are no more, or somebody has failed */
static int job_work(struct unpack_job *job, struct unpacker *u)
{
	int err = 0;
	u32 n;

	while (!err && !READ_ONCE(job->err)) {
		n = atomic_fetch_inc(&job->next);
		if (n >= job->nr)
			return 0;
		if (fatal_signal_pending(current) || READ_ONCE(job->r->err))
			err = -EINTR;
		else if (!job->taken || !test_bit(n, job->taken))
			err = run_restore(job, u, n);
		cond_resched();
	}
	cmpxchg(&job->err, 0, err);
	return err;
}

/* ---- help from idle CPUs ---- */

static void helper_work(struct work_struct *work)
{
	struct unpack_job *job = container_of(work, struct helper, work)->job;
	struct unpacker u = {};
	const struct cred *old;

	/* without memory there is no help: the task does it all */
	if (unpacker_init(&u))
		return;
	/* limits of a file system are the restarter's, not the kernel's */
	old = override_creds(job->cred);
	kthread_use_mm(job->mm);
	job_work(job, &u);
	kthread_unuse_mm(job->mm);
	revert_creds(old);
	unpacker_exit(&u);
}

static u32 helpers_begin(struct unpack_job *job, struct helper *helpers,
			 u32 max)
{
	u32 n;

	for (n = 0; n < max; n++) {
		if (atomic_inc_return(&nr_helpers) >= num_online_cpus()) {
			atomic_dec(&nr_helpers);
			break;
		}
		helpers[n].job = job;
		INIT_WORK(&helpers[n].work, helper_work);
		queue_work(system_unbound_wq, &helpers[n].work);
	}
	return n;
}

static void helpers_end(struct helper *helpers, u32 nr)
{
	u32 n;

	for (n = 0; n < nr; n++) {
		/* what has not begun is not needed any more */
		cancel_work_sync(&helpers[n].work);
		atomic_dec(&nr_helpers);
	}
}

static loff_t content_size(struct cr_restart *r, u32 id)
{
	struct cr_rec_shm rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	if (le32_to_cpu(rec.kind) != CR_SHM_FILE &&
	    le32_to_cpu(rec.kind) != CR_SHM_CARRIED)
		return -1;
	return le64_to_cpu(rec.size);
}

int cr_pages_restore(struct cr_restart *r, u32 id, struct file *shm,
		     const unsigned long *taken)
{
	struct unpack_job job = {
		.r = r,
		.id = id,
		.nr = r->img.objs[id].nr_page_runs,
		.mm = current->mm,
		.cred = current_cred(),
		.shm = shm,
		.size = shm ? content_size(r, id) : -1,
		.taken = taken,
	};
	u32 max = min(job.nr / RUNS_PER_HELPER, HELPERS_MAX);
	struct helper *helpers = NULL;
	struct unpacker u = {};
	u32 nr = 0;

	if (!job.nr)
		return 0;
	/* without a file it would be written to our own memory */
	if (!shm && r->img.objs[id].type != CR_REC_MM)
		return cr_err(&r->log, -EACCES,
			      "memory of object %u: nothing to write it to", id);
	if (unpacker_init(&u))
		return cr_err(&r->log, -ENOMEM, "memory of object %u: no memory",
			      id);
	if (max)
		helpers = kcalloc(max, sizeof(*helpers), GFP_KERNEL_ACCOUNT);
	if (helpers)
		nr = helpers_begin(&job, helpers, max);
	job_work(&job, &u);
	helpers_end(helpers, nr);
	kfree(helpers);
	unpacker_exit(&u);
	return job.err;
}
