// SPDX-License-Identifier: GPL-2.0
/*
 * A large image: 60000 mappings with 120000 page runs in one address space,
 * 30000 processes, each the child of the one before, 500000 descriptors.
 */
#include <string.h>
#include <asm/byteorder.h>
#include "test_image.h"

#define L32	cpu_to_le32
#define L64	cpu_to_le64
#define PAGE	4096u

enum { VMAS = 60000, RUNS_PER_VMA = 2, PROCS = 30000, FDS = 500000 };

#define OBJ(b, type, rec, tail, len)					\
	build_obj(b, type, &(rec), sizeof(rec), tail, len)
#define DETAIL(b, type, rec, tail, len)					\
	build_detail(b, type, &(rec), sizeof(rec), tail, len)

static u32 files(struct build *b, u32 file)
{
	struct cr_rec_files rec = { .nr_fds = L32(FDS) };
	struct cr_rec_fd fd = { .file = L32(file) };
	u32 id = OBJ(b, CR_REC_FILES, rec, NULL, 0), i;

	for (i = 0; i < FDS; i++) {
		fd.fd = L32(i);
		DETAIL(b, CR_REC_FD, fd, NULL, 0);
	}
	return id;
}

static u32 mm(struct build *b, u32 exe)
{
	struct cr_rec_mm rec = {
		.exe = L32(exe), .dumpable = L32(1), .nr_vmas = L32(VMAS),
	};
	struct cr_rec_vma vma = {
		.kind = L32(CR_VMA_ANON), .prot = L32(CR_PROT_READ),
	};
	struct cr_rec_auxv auxv = { .nr = L32(2) };
	u64 none[2] = {};
	u32 id = OBJ(b, CR_REC_MM, rec, NULL, 0), i;

	for (i = 0; i < VMAS; i++) {
		vma.start = L64((2ull * i + 16) * 4 * PAGE);
		vma.end = L64((2ull * i + 17) * 4 * PAGE);
		DETAIL(b, CR_REC_VMA, vma, NULL, 0);
	}
	DETAIL(b, CR_REC_AUXV, auxv, none, sizeof(none));
	return id;
}

/* All runs share one page of the file */
static void runs(struct build *b, u32 id)
{
	struct cr_rec_pages rec = {
		.len = L32(PAGE), .stored = L32(PAGE),
		.offset = L64(BUILD_MEM), .method = L32(CR_PAGES_RAW),
	};
	u32 i, n;

	buf_add(&b->mem, NULL, PAGE);
	for (i = 0; i < VMAS; i++) {
		for (n = 0; n < RUNS_PER_VMA; n++) {
			rec.addr = L64((2ull * i + 16) * 4 * PAGE +
				       2 * n * PAGE);
			build_rec(b, CR_REC_PAGES, id, &rec, sizeof(rec), NULL,
				  0);
			b->memory += PAGE;
		}
	}
}

static u32 proc(struct build *b, u32 pid, u32 parent)
{
	struct cr_rec_proc rec = {
		.pid = L32(pid), .parent = L32(parent), .pgid = L32(1),
		.sid = L32(1), .flags = L32(CR_PROC_SESSION_OUTSIDE |
					    CR_PROC_PGRP_OUTSIDE),
		.nr_threads = L32(1),
	};
	struct cr_rec_rlimit lim = { .nr = L32(16) };
	u64 pairs[32] = {};
	u32 id = OBJ(b, CR_REC_PROC, rec, NULL, 0);

	DETAIL(b, CR_REC_RLIMIT, lim, pairs, sizeof(pairs));
	return id;
}

static void thread(struct build *b, u32 pid, u32 proc_id, const u32 *uses)
{
	struct cr_rec_thread rec = {
		.proc = L32(proc_id), .tid = L32(pid), .mm = L32(uses[0]),
		.files = L32(uses[1]), .fs = L32(uses[2]),
		.sighand = L32(uses[3]), .cred = L32(uses[4]),
	};
	struct cr_rec_regs_x86 regs = {};

	regs.gpr[17] = L64(0x33);
	regs.gpr[20] = L64(0x2b);
	OBJ(b, CR_REC_THREAD, rec, NULL, 0);
	DETAIL(b, CR_REC_REGS_X86, regs, NULL, 0);
}

void large_build(struct buf *file)
{
	struct cr_rec_head head = {
		.nr_procs = L32(PROCS), .nr_threads = L32(PROCS),
		.page_shift = L32(12),
	};
	struct cr_rec_file exe = {
		.kind = L32(CR_FILE_REG), .flags = L32(CR_FILE_EXE),
		.mode = L32(0100755),
	};
	struct cr_rec_fs fs = { .cwd_len = L32(2), .root_len = L32(2) };
	struct cr_rec_sighand sighand = {};
	struct cr_rec_cred cred = {};
	struct build b = {};
	u32 uses[5], i, id = 0, file_id;
	size_t at;

	at = build_rec(&b, CR_REC_HEAD, 0, &head, sizeof(head), NULL, 0);
	uses[4] = OBJ(&b, CR_REC_CRED, cred, NULL, 0);
	file_id = OBJ(&b, CR_REC_FILE, exe, "/a", 3);
	uses[1] = files(&b, file_id);
	uses[2] = OBJ(&b, CR_REC_FS, fs, "/\0/", 4);
	uses[3] = OBJ(&b, CR_REC_SIGHAND, sighand, NULL, 0);
	uses[0] = mm(&b, file_id);
	for (i = 0; i < PROCS; i++) {
		id = proc(&b, 4000000 - i, id);
		thread(&b, 4000000 - i, id, uses);
	}
	runs(&b, uses[0]);
	head.nr_objects = L32(b.last);
	head.memory = L64(b.memory);
	memcpy(b.stream.data + at + 20 + sizeof(struct cr_rec),
	       (u8 *)&head + sizeof(struct cr_rec),
	       sizeof(head) - sizeof(struct cr_rec));
	build_finish(&b, file);
}
