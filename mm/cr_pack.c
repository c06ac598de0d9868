// SPDX-License-Identifier: GPL-2.0
/*
 * Storing memory: read a run, compress it, write it to the image.
 *
 * Reading and compressing is done by all CPUs; writing only by the saver, with
 * its credentials and limits, in the order in which the runs were found. The
 * pool is a ring of slots: each holds one run from the moment it is added until
 * its bytes are in the file, so memory is bounded.
 *
 * A slot belongs to a worker from queue_work() to complete(), else to the saver.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <linux/xxhash.h>
#include <linux/zstd.h>
#include <linux/cr_kernel.h>
#include "cr_pages.h"

#define PACK_LEVEL	1	/* the job waits: speed before size */
#define PACK_MAX_SLOTS	65ull

/**
 * struct pack_slot - one run on its way
 * @work: runs slot_pack()
 * @done: it has
 * @run: what is asked for
 * @mem: the memory, CR_RUN_MAX bytes
 * @frame: compressed, CR_RUN_MAX bytes
 * @workspace: of @cctx
 * @cctx: compressor
 * @stored: bytes in @frame; 0: store @mem
 * @skip: nothing but zeros: store nothing
 * @xxh64: of the bytes to be stored
 * @err: reading failed
 */
struct pack_slot {
	struct work_struct work;
	struct completion done;
	struct cr_packer_run run;
	void *mem;
	void *frame;
	void *workspace;
	zstd_cctx *cctx;
	u32 stored;
	bool skip;
	u64 xxh64;
	int err;
};

/**
 * struct cr_packer - the ring
 * @s: the save
 * @wq: the workers; NULL: one slot, and the saver does all
 * @slots: the ring
 * @nr_slots: at least one
 * @first: the oldest slot in use
 * @used: slots in use
 */
struct cr_packer {
	struct cr_save *s;
	struct workqueue_struct *wq;
	struct pack_slot *slots;
	unsigned int nr_slots;
	unsigned int first;
	unsigned int used;
};

static zstd_parameters pack_params(void)
{
	zstd_parameters params = zstd_get_params(PACK_LEVEL, CR_RUN_MAX);

	params.fParams.contentSizeFlag = 1;
	params.fParams.checksumFlag = 1;
	params.fParams.noDictIDFlag = 1;
	return params;
}

/* ---- in a worker ---- */

static int shm_read(struct address_space *mapping, u64 pos, void *buf, u32 len)
{
	struct page *page;
	u32 done;

	for (done = 0; done < len; done += PAGE_SIZE) {
		page = shmem_read_mapping_page(mapping,
					       (pos + done) >> PAGE_SHIFT);
		if (IS_ERR(page))
			return PTR_ERR(page);
		memcpy_from_page(buf + done, page, 0, PAGE_SIZE);
		put_page(page);
		cond_resched();
	}
	return 0;
}

/* What is behind the end of the file is zero */
static int file_read(struct file *file, loff_t pos, void *buf, u32 len)
{
	ssize_t n;

	while (len) {
		n = kernel_read(file, buf, len, &pos);
		if (n < 0)
			return n;
		if (!n) {
			memset(buf, 0, len);
			break;
		}
		buf += n;
		len -= n;
		cond_resched();
	}
	return 0;
}

static int slot_read(struct pack_slot *slot)
{
	const struct cr_packer_run *run = &slot->run;

	if (run->src.file)
		return file_read(run->src.file, run->addr, slot->mem,
				 run->len);
	if (!run->src.mm)
		return shm_read(run->src.mapping, run->addr, slot->mem,
				run->len);
	/* FORCE: memory that the program itself may not read is memory */
	if (access_remote_vm(run->src.mm, run->addr, slot->mem, run->len,
			     FOLL_FORCE) != run->len)
		return -EFAULT;
	return 0;
}

/* Leaves slot->stored 0 when it is not worth it */
static void slot_compress(struct pack_slot *slot)
{
	zstd_parameters params = pack_params();
	u32 len = slot->run.len;
	size_t stored;

	stored = zstd_compress_cctx(slot->cctx, slot->frame, len - len / 16,
				    slot->mem, len, &params);
	if (!zstd_is_error(stored))
		slot->stored = stored;
}

static void slot_pack(struct pack_slot *slot)
{
	const struct cr_packer_run *run = &slot->run;

	slot->stored = 0;
	slot->skip = false;
	slot->err = slot_read(slot);
	if (slot->err)
		return;
	if (run->zero_ok && !run->raw && !memchr_inv(slot->mem, 0, run->len)) {
		slot->skip = true;
		return;
	}
	if (!run->raw)
		slot_compress(slot);
	if (slot->stored)
		slot->xxh64 = xxh64(slot->frame, slot->stored, 0);
	else
		slot->xxh64 = xxh64(slot->mem, run->len, 0);
}

static void slot_work(struct work_struct *work)
{
	struct pack_slot *slot = container_of(work, struct pack_slot, work);

	slot_pack(slot);
	complete(&slot->done);
}

/* ---- in the saver ---- */

static int slot_write(struct cr_save *s, struct pack_slot *slot)
{
	const struct cr_packer_run *run = &slot->run;
	struct cr_run out = {
		.id = run->src.id,
		.method = slot->stored ? CR_PAGES_ZSTD : CR_PAGES_RAW,
		.addr = run->addr,
		.len = run->len,
		.stored = slot->stored ?: run->len,
		.xxh64 = slot->xxh64,
		.prot = run->prot,
	};

	if (s->err)
		return s->err;
	if (slot->err) {
		cr_err(&s->log, cr_fail(s, slot->err),
		       "memory of object %u: %llx-%llx cannot be read",
		       run->src.id, run->addr, run->addr + run->len);
		return s->err;
	}
	if (slot->skip)
		return 0;
	if (out.method == CR_PAGES_RAW)
		cr_out_align(s);
	out.offset = s->pos;
	cr_out(s, slot->stored ? slot->frame : slot->mem, out.stored);
	s->memory += out.len;
	cr_run_add(s, &out);
	return s->err;
}

/* Wait for the oldest slot and write it */
static int packer_retire(struct cr_packer *p)
{
	struct pack_slot *slot = &p->slots[p->first];

	wait_for_completion(&slot->done);
	p->first = (p->first + 1) % p->nr_slots;
	p->used--;
	return slot_write(p->s, slot);
}

int cr_packer_flush(struct cr_packer *p)
{
	while (p->used)
		packer_retire(p);
	return p->s->err;
}

int cr_packer_add(struct cr_packer *p, const struct cr_packer_run *run)
{
	struct cr_save *s = p->s;
	struct pack_slot *slot;

	if (fatal_signal_pending(current))
		cr_fail(s, -EINTR);
	/* a raw run is not worth a worker, and keeps its place in the order */
	if (run->raw)
		cr_packer_flush(p);
	else if (p->used == p->nr_slots)
		packer_retire(p);
	if (s->err)
		return s->err;
	slot = &p->slots[(p->first + p->used) % p->nr_slots];
	slot->run = *run;
	if (run->raw || !p->wq) {
		slot_pack(slot);
		return slot_write(s, slot);
	}
	reinit_completion(&slot->done);
	p->used++;
	queue_work(p->wq, &slot->work);
	return 0;
}

static void slot_exit(struct pack_slot *slot)
{
	kvfree(slot->workspace);
	kvfree(slot->frame);
	kvfree(slot->mem);
}

static int slot_init(struct pack_slot *slot)
{
	zstd_parameters params = pack_params();
	size_t size = zstd_cctx_workspace_bound(&params.cParams);

	INIT_WORK(&slot->work, slot_work);
	init_completion(&slot->done);
	slot->mem = kvmalloc(CR_RUN_MAX, GFP_KERNEL_ACCOUNT);
	slot->frame = kvmalloc(CR_RUN_MAX, GFP_KERNEL_ACCOUNT);
	slot->workspace = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (slot->mem && slot->frame && slot->workspace)
		slot->cctx = zstd_init_cctx(slot->workspace, size);
	if (!slot->cctx) {
		slot_exit(slot);
		return -ENOMEM;
	}
	return 0;
}

/* One for each CPU, and one that is written; no more than there is to pack */
static unsigned int packer_slots(const struct cr_save *s)
{
	unsigned int cpus = num_online_cpus();
	u64 runs = div_u64(s->memory_estimate, CR_RUN_MAX) + 2;

	return cpus > 1 ? min3(runs, cpus + 1ull, PACK_MAX_SLOTS) : 1;
}

struct cr_packer *cr_packer_create(struct cr_save *s)
{
	unsigned int max = packer_slots(s);
	struct cr_packer *p;

	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		goto out_fail;
	p->s = s;
	p->slots = kcalloc(max, sizeof(*p->slots),
			   GFP_KERNEL_ACCOUNT);
	if (!p->slots)
		goto out_free;
	/* with less memory there is less in parallel */
	while (p->nr_slots < max && !slot_init(&p->slots[p->nr_slots]))
		p->nr_slots++;
	if (!p->nr_slots)
		goto out_free_slots;
	if (p->nr_slots > 1)
		p->wq = alloc_workqueue("cr_pack", WQ_UNBOUND, p->nr_slots);
	return p;

out_free_slots:
	kfree(p->slots);
out_free:
	kfree(p);
out_fail:
	cr_fail(s, -ENOMEM);
	return NULL;
}

void cr_packer_destroy(struct cr_packer *p)
{
	/* after an error, runs may still be with their workers */
	if (p->wq)
		destroy_workqueue(p->wq);
	while (p->nr_slots)
		slot_exit(&p->slots[--p->nr_slots]);
	kfree(p->slots);
	kfree(p);
}
