// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of address spaces, their mappings, and the page runs of all memory.
 */
#include <linux/mm.h>
#include "cr_check.h"

/* Numbers of x86-64's and asm-generic's user space ABI */
#define MM_AUXV_MAX	256u		/* numbers; a kernel has about 50 */
#define MM_AT_NULL	0u
#define VMA_NAME_MAX	80u		/* PR_SET_VMA_ANON_NAME, with its NUL */
#define FILE_ACCMODE	3u
#define FILE_WRONLY	1u
#define FILE_RDWR	2u

/* What has been seen of an MM while its details are walked */
struct mm_state {
	u32 id;
	struct cr_rec_mm rec;
	struct cr_rec_vdso vdso;
	u64 last_start;
	u64 last_end;
	u32 last_kind;		/* 0: may not have a policy, or has one */
	u32 nr_vmas;
	u32 nr_auxv;
	u32 nr_vdso;
	u32 nr_vvar;
};

/* A mapping's name: what PR_SET_VMA_ANON_NAME takes */
static int vma_name_check(struct cr_check *c, const struct cr_view *v,
			  u32 kind)
{
	const char *name = v->tail;
	size_t i;

	if (!v->tail_len)
		return 0;
	if (kind != CR_VMA_ANON && kind != CR_VMA_SHM)
		return cr_bad(c, "name of a mapping of kind %u", kind);
	if (v->tail_len > VMA_NAME_MAX)
		return cr_bad(c, "name of %zu bytes", v->tail_len);
	for (i = 0; i < v->tail_len - 1; i++)
		if (name[i] < 0x20 || name[i] > 0x7e || strchr("\\`$[]", name[i]))
			return cr_bad(c, "name has byte 0x%02x", (u8)name[i]);
	return cr_check_name(c, name, v->tail_len, "name");
}

/* A mapping of a file can be made only if the file is open for it */
static int vma_file_check(struct cr_check *c, u32 id,
			  const struct cr_rec_vma *vma)
{
	u32 flags = le32_to_cpu(vma->flags);
	struct cr_rec_file file;
	struct cr_view v;
	u32 mode;
	int err;

	err = cr_check_ref(c, id, vma->obj, CR_REC_FILE, "obj");
	if (err)
		return err;
	cr_read_obj(c->img, le32_to_cpu(vma->obj), &v, &file, sizeof(file));
	if (le32_to_cpu(file.kind) != CR_FILE_REG)
		return cr_unknown(c, "mapping of a file of kind %u",
				  le32_to_cpu(file.kind));
	mode = le32_to_cpu(file.open_flags) & FILE_ACCMODE;
	if (mode == FILE_WRONLY)
		return cr_bad(c, "mapping of a file that is open for writing only");
	if ((flags & CR_VMA_MAYWRITE) && mode != FILE_RDWR)
		return cr_bad(c, "writable mapping of a file that is open for reading");
	return 0;
}

/* shmat() makes shared mappings; those with SHM_RDONLY stay read-only */
static int vma_shm_check(struct cr_check *c, u32 id,
			 const struct cr_rec_vma *vma)
{
	u32 flags = le32_to_cpu(vma->flags);
	struct cr_rec_shm shm;
	struct cr_view v;
	int err;

	err = cr_check_ref(c, id, vma->obj, CR_REC_SHM, "obj");
	if (err)
		return err;
	cr_read_obj(c->img, le32_to_cpu(vma->obj), &v, &shm, sizeof(shm));
	if (le32_to_cpu(shm.kind) == CR_SHM_CARRIED)
		return cr_bad(c, "mapping of a copy, not of its file");
	if ((le32_to_cpu(shm.seals) & CR_SEAL_WRITE) &&
	    (flags & CR_VMA_MAYWRITE))
		return cr_bad(c, "writable mapping of what is sealed");
	if (le32_to_cpu(shm.kind) != CR_SHM_SYSV)
		return 0;
	if (!(flags & CR_VMA_SHARED))
		return cr_bad(c, "private mapping of a System V segment");
	if ((le32_to_cpu(vma->prot) & CR_PROT_WRITE) &&
	    !(flags & CR_VMA_MAYWRITE))
		return cr_bad(c, "writable without MAYWRITE");
	return 0;
}

/* The vdso and its data lie where the MM says, whole */
static int vma_vdso_check(struct cr_check *c, struct mm_state *mm,
			  const struct cr_rec_vma *vma)
{
	u64 start = le64_to_cpu(vma->start);
	u64 size = le64_to_cpu(vma->end) - start;
	u64 text = le64_to_cpu(mm->rec.vdso_addr);

	if (!mm->rec.vdso)
		return cr_bad(c, "vdso of an address space that has none");
	if (le32_to_cpu(vma->kind) == CR_VMA_VDSO) {
		mm->nr_vdso++;
		if (start != text || size != le32_to_cpu(mm->vdso.text_size))
			return cr_bad(c, "vdso at 0x%llx is not whole",
				      cr_ull(vma->start));
	} else {
		mm->nr_vvar++;
		if (le64_to_cpu(vma->end) != text ||
		    size != le32_to_cpu(mm->vdso.vvar_size))
			return cr_bad(c, "vvar at 0x%llx is not whole",
				      cr_ull(vma->start));
	}
	return 0;
}

static int vma_flags_check(struct cr_check *c, const struct cr_rec_vma *vma)
{
	u32 kind = le32_to_cpu(vma->kind);
	u32 prot = le32_to_cpu(vma->prot);
	u32 flags = le32_to_cpu(vma->flags);
	bool shared = flags & CR_VMA_SHARED;
	const u32 thp = CR_VMA_HUGEPAGE | CR_VMA_NOHUGEPAGE;
	const u32 reading = CR_VMA_RAND_READ | CR_VMA_SEQ_READ;

	if (cr_check_mask(c, prot, CR_PROT_READ | CR_PROT_WRITE | CR_PROT_EXEC,
			  "protection") ||
	    cr_check_mask(c, flags, CR_VMA_FLAGS_KNOWN, "flags"))
		return -EOPNOTSUPP;
	if ((kind == CR_VMA_VDSO || kind == CR_VMA_VVAR) && flags)
		return cr_bad(c, "flags 0x%x of the vdso", flags);
	if (shared && kind != CR_VMA_FILE && kind != CR_VMA_SHM)
		return cr_bad(c, "shared mapping of kind %u", kind);
	if (!shared && (flags & CR_VMA_MAYWRITE))
		return cr_bad(c, "MAYWRITE of a private mapping");
	if (shared && (flags & (CR_VMA_GROWSDOWN | CR_VMA_WIPEONFORK |
				CR_VMA_ACCOUNT)))
		return cr_bad(c, "flags 0x%x of a shared mapping", flags);
	if ((flags & CR_VMA_WIPEONFORK) && kind != CR_VMA_ANON)
		return cr_bad(c, "WIPEONFORK of kind %u", kind);
	if (kind == CR_VMA_FILE && shared && (prot & CR_PROT_WRITE) &&
	    !(flags & CR_VMA_MAYWRITE))
		return cr_bad(c, "writable without MAYWRITE");
	if ((flags & thp) == thp || (flags & reading) == reading ||
	    (flags & (CR_VMA_LOCKED | CR_VMA_LOCKONFAULT)) == CR_VMA_LOCKONFAULT)
		return cr_bad(c, "contradictory flags 0x%x", flags);
	return 0;
}

static int vma_obj_check(struct cr_check *c, struct mm_state *mm,
			 const struct cr_rec_vma *vma)
{
	u32 kind = le32_to_cpu(vma->kind);

	if (kind == CR_VMA_FILE)
		return vma_file_check(c, mm->id, vma);
	if (kind == CR_VMA_SHM)
		return vma_shm_check(c, mm->id, vma);
	if (vma->obj || vma->pgoff)
		return cr_bad(c, "object %u, offset 0x%llx for kind %u",
			      le32_to_cpu(vma->obj), cr_ull(vma->pgoff), kind);
	if (kind == CR_VMA_VDSO || kind == CR_VMA_VVAR)
		return vma_vdso_check(c, mm, vma);
	return 0;
}

static int vma_check(struct cr_check *c, struct mm_state *mm,
		     const struct cr_detail_iter *it)
{
	struct cr_rec_vma vma;
	u64 start, end, pgoff;
	u32 kind;

	cr_detail(it, &vma, sizeof(vma));
	start = le64_to_cpu(vma.start);
	end = le64_to_cpu(vma.end);
	pgoff = le64_to_cpu(vma.pgoff);
	kind = le32_to_cpu(vma.kind);
	mm->nr_vmas++;
	if (start >= end || end > CR_TASK_SIZE ||
	    (start | end | pgoff) % CR_PAGE_SIZE)
		return cr_bad(c, "0x%llx-0x%llx, offset 0x%llx",
			      cr_ull(vma.start), cr_ull(vma.end),
			      cr_ull(vma.pgoff));
	if (start < mm->last_end)
		return cr_bad(c, "0x%llx-0x%llx behind 0x%llx",
			      cr_ull(vma.start), cr_ull(vma.end),
			      (unsigned long long)mm->last_end);
	mm->last_start = start;
	mm->last_end = end;
	mm->last_kind = kind == CR_VMA_ANON || kind == CR_VMA_FILE ? kind : 0;
	if (pgoff > S64_MAX - (end - start))
		return cr_bad(c, "offset 0x%llx", cr_ull(vma.pgoff));
	if (!kind || kind > CR_VMA_VVAR)
		return cr_unknown(c, "unknown kind %u", kind);
	return vma_flags_check(c, &vma) ?:
	       vma_obj_check(c, mm, &vma) ?:
	       vma_name_check(c, &it->view, kind);
}

/* Of the mapping before it, of a kind that has its own */
static int vma_policy_check(struct cr_check *c, struct mm_state *mm,
			    const struct cr_detail_iter *it)
{
	u64 start, end;
	int err = cr_mempolicy_check(c, it, &start, &end);

	if (err)
		return err;
	if (!mm->last_kind || start != mm->last_start || end != mm->last_end)
		return cr_bad(c, "NUMA policy of 0x%llx-0x%llx",
			      (unsigned long long)start,
			      (unsigned long long)end);
	mm->last_kind = 0;
	return 0;
}

static int auxv_check(struct cr_check *c, struct mm_state *mm,
		      const struct cr_detail_iter *it)
{
	struct cr_rec_auxv rec;
	__le64 type;
	u32 nr;

	cr_detail(it, &rec, sizeof(rec));
	nr = le32_to_cpu(rec.nr);
	if (mm->nr_auxv++)
		return cr_bad(c, "a second one");
	if (!nr || nr % 2 || nr > MM_AUXV_MAX)
		return cr_bad(c, "%u numbers", nr);
	if (cr_check_zero(c, rec.reserved) ||
	    cr_check_tail(c, &it->view, (u64)nr * sizeof(__le64)))
		return -EBADMSG;
	memcpy(&type, (const u8 *)it->view.tail + (nr - 2) * sizeof(__le64),
	       sizeof(type));
	if (le64_to_cpu(type) != MM_AT_NULL)
		return cr_bad(c, "last type is %llu, not AT_NULL",
			      cr_ull(type));
	return 0;
}

/* The areas that prctl(PR_SET_MM) sets: in user space, and not inside out */
static int mm_areas_check(struct cr_check *c, const struct cr_rec_mm *mm)
{
	const struct {
		const char *name;
		__le64 start, end;
	} areas[] = {
		{ "code", mm->start_code, mm->end_code },
		{ "data", mm->start_data, mm->end_data },
		{ "brk", mm->start_brk, mm->brk },
		{ "stack", mm->start_stack, mm->start_stack },
		{ "arg", mm->arg_start, mm->arg_end },
		{ "env", mm->env_start, mm->env_end },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		if (cr_check_addr(c, areas[i].start, areas[i].name) ||
		    cr_check_addr(c, areas[i].end, areas[i].name))
			return -EBADMSG;
		if (le64_to_cpu(areas[i].start) > le64_to_cpu(areas[i].end))
			return cr_bad(c, "%s: 0x%llx-0x%llx", areas[i].name,
				      cr_ull(areas[i].start),
				      cr_ull(areas[i].end));
	}
	return 0;
}

static int mm_exe_check(struct cr_check *c, u32 id, __le32 exe)
{
	struct cr_rec_file file;
	struct cr_view v;
	int err;

	err = cr_check_ref(c, id, exe, CR_REC_FILE, "exe");
	if (err)
		return err;
	cr_read_obj(c->img, le32_to_cpu(exe), &v, &file, sizeof(file));
	if (!(le32_to_cpu(file.flags) & CR_FILE_EXE))
		return cr_bad(c, "exe: object %u is no executable",
			      le32_to_cpu(exe));
	return 0;
}

static int mm_vdso_check(struct cr_check *c, struct mm_state *mm)
{
	u64 addr = le64_to_cpu(mm->rec.vdso_addr);
	struct cr_view v;
	int err;

	if (!mm->rec.vdso)
		return addr ? cr_bad(c, "address of no vdso") : 0;
	err = cr_check_ref(c, mm->id, mm->rec.vdso, CR_REC_VDSO, "vdso") ?:
	      cr_check_addr(c, mm->rec.vdso_addr, "vdso_addr");
	if (err)
		return err;
	cr_read_obj(c->img, le32_to_cpu(mm->rec.vdso), &v, &mm->vdso,
		    sizeof(mm->vdso));
	return 0;
}

/* The one for execution is allocated, too */
static int mm_pkeys_check(struct cr_check *c, const struct cr_rec_mm *rec)
{
	u32 pkeys = le32_to_cpu(rec->pkeys);
	u32 execute_only = pkeys >> CR_PKEYS_EXEC_SHIFT;
	int err = cr_check_mask(c, pkeys, CR_PKEYS_KNOWN, "pkeys");

	if (!err && execute_only && !(pkeys & (1u << execute_only)))
		err = cr_bad(c, "protection keys 0x%x", pkeys);
	return err ?: cr_check_zero(c, rec->reserved2) ?:
	       cr_usage_max_check(c, &rec->hiwater_rss, 2);
}

/* What prctl() and mlockall() take */
static int mm_prctl_check(struct cr_check *c, u32 prctl)
{
	int err = cr_check_mask(c, prctl, CR_MM_PRCTL_KNOWN, "prctl");

	if (!err && (prctl & CR_MM_LOCK_ONFAULT) &&
	    !(prctl & CR_MM_LOCK_FUTURE))
		err = cr_bad(c, "contradictory prctl 0x%x", prctl);
	return err;
}

static int mm_rec_check(struct cr_check *c, struct mm_state *mm)
{
	const struct cr_rec_mm *rec = &mm->rec;
	int err;

	err = mm_exe_check(c, mm->id, rec->exe) ?:
	      mm_vdso_check(c, mm) ?:
	      mm_areas_check(c, rec) ?:
	      cr_check_addr(c, rec->mmap_base, "mmap_base") ?:
	      cr_check_zero(c, rec->reserved);
	if (!err && rec->origin)
		err = cr_check_ref(c, mm->id, rec->origin, CR_REC_MM, "origin");
	if (err)
		return err;
	if (le64_to_cpu(rec->mmap_base) % CR_PAGE_SIZE)
		return cr_bad(c, "mmap_base 0x%llx", cr_ull(rec->mmap_base));
	err = cr_check_mask(c, le32_to_cpu(rec->membarrier),
			    CR_MEMBARRIER_KNOWN, "membarrier") ?:
	      mm_prctl_check(c, le32_to_cpu(rec->prctl)) ?:
	      cr_check_mask(c, le32_to_cpu(rec->coredump_filter),
			    CR_COREDUMP_KNOWN, "coredump_filter");
	if (err)
		return err;
	if (le32_to_cpu(rec->dumpable) > 2)
		return cr_unknown(c, "dumpable %u", le32_to_cpu(rec->dumpable));
	if (le32_to_cpu(rec->thp_disable) > 1)
		return cr_unknown(c, "thp_disable %u",
				  le32_to_cpu(rec->thp_disable));
	return mm_pkeys_check(c, rec);
}

int cr_mm_check(struct cr_check *c, u32 id)
{
	struct mm_state mm = { .id = id };
	struct cr_detail_iter it;
	struct cr_view v;
	int err;

	cr_read_obj(c->img, id, &v, &mm.rec, sizeof(mm.rec));
	err = mm_rec_check(c, &mm);
	if (err)
		return err;
	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		if (it.view.type == CR_REC_VMA)
			err = vma_check(c, &mm, &it);
		else if (it.view.type == CR_REC_MEMPOLICY)
			err = vma_policy_check(c, &mm, &it);
		else
			err = auxv_check(c, &mm, &it);
		if (err)
			return err;
	}
	cr_check_at_obj(c, id);
	if (mm.nr_vmas != le32_to_cpu(mm.rec.nr_vmas))
		return cr_bad(c, "%u mappings, not %u", mm.nr_vmas,
			      le32_to_cpu(mm.rec.nr_vmas));
	if (!mm.nr_auxv)
		return cr_bad(c, "no AUXV");
	if (mm.rec.vdso && (!mm.nr_vdso || mm.nr_vvar !=
			    (mm.vdso.vvar_size ? 1 : 0)))
		return cr_bad(c, "vdso is not mapped");
	return 0;
}

/* ---- page runs ---- */

/* A run lies where and in how many bytes? */
static int run_check(struct cr_check *c, const struct cr_rec_pages *run)
{
	u64 addr = le64_to_cpu(run->addr);
	u64 offset = le64_to_cpu(run->offset);
	u32 len = le32_to_cpu(run->len);
	u32 stored = le32_to_cpu(run->stored);

	if (!len || len > CR_RUN_MAX || (addr | len) % CR_PAGE_SIZE ||
	    addr > S64_MAX - CR_RUN_MAX)
		return cr_bad(c, "0x%x bytes at 0x%llx", len,
			      cr_ull(run->addr));
	if (offset > c->file_size || stored > c->file_size - offset)
		return cr_bad(c, "%u bytes at %llu are beyond the file's end",
			      stored, cr_ull(run->offset));
	switch (le32_to_cpu(run->method)) {
	case CR_PAGES_RAW:
		if (stored != len || offset % CR_PAGE_SIZE)
			return cr_bad(c, "raw: %u bytes at %llu", stored,
				      cr_ull(run->offset));
		break;
	case CR_PAGES_ZSTD:
		if (!stored || stored >= len)
			return cr_bad(c, "zstd: %u bytes for %u", stored, len);
		break;
	default:
		return cr_unknown(c, "unknown method %u",
				  le32_to_cpu(run->method));
	}
	c->memory += len;
	return cr_check_zero(c, run->reserved);
}

/* Go on to the mapping that ends behind @addr */
static bool vma_seek(struct cr_detail_iter *it, u64 addr,
		     struct cr_rec_vma *vma)
{
	for (; cr_detail_valid(it); cr_detail_next(it)) {
		if (it->view.type != CR_REC_VMA)
			continue;
		cr_detail(it, vma, sizeof(*vma));
		if (le64_to_cpu(vma->end) > addr)
			return true;
	}
	return false;
}

/* A run of an MM is private memory of one mapping */
static int run_vma_check(struct cr_check *c, struct cr_detail_iter *it,
			 const struct cr_rec_pages *run)
{
	u64 addr = le64_to_cpu(run->addr);
	struct cr_rec_vma vma;

	if (!vma_seek(it, addr, &vma) || addr < le64_to_cpu(vma.start) ||
	    addr + le32_to_cpu(run->len) > le64_to_cpu(vma.end))
		return cr_bad(c, "0x%x bytes at 0x%llx are not in one mapping",
			      le32_to_cpu(run->len), cr_ull(run->addr));
	if ((le32_to_cpu(vma.flags) & CR_VMA_SHARED) ||
	    le32_to_cpu(vma.kind) == CR_VMA_VVAR ||
	    le32_to_cpu(vma.kind) == CR_VMA_VDSO)
		return cr_bad(c, "0x%llx is not private memory",
			      cr_ull(run->addr));
	return 0;
}

static int run_shm_check(struct cr_check *c, u64 size,
			 const struct cr_rec_pages *run)
{
	u64 end = le64_to_cpu(run->addr) + le32_to_cpu(run->len);

	if (end > ALIGN(size, CR_PAGE_SIZE))
		return cr_bad(c, "0x%x bytes at 0x%llx of %llu",
			      le32_to_cpu(run->len), cr_ull(run->addr),
			      (unsigned long long)size);
	return 0;
}

/* c->obj_nr is the number of the first run's record */
int cr_pages_check(struct cr_check *c, u32 id)
{
	const struct cr_obj_index *obj = &c->img->objs[id];
	struct cr_detail_iter it;
	struct cr_rec_pages run;
	struct cr_rec_shm shm;
	struct cr_view v;
	u64 last = 0;
	u32 n;
	int err;

	c->type = CR_REC_PAGES;
	cr_detail_first(c->img, id, &it);
	if (obj->type == CR_REC_SHM)
		cr_read_obj(c->img, id, &v, &shm, sizeof(shm));
	for (n = 0; n < obj->nr_page_runs; n++) {
		c->nr = c->obj_nr + n;
		cr_read_page_run(c->img, id, n, &run);
		err = run_check(c, &run);
		if (err)
			return err;
		if (le64_to_cpu(run.addr) < last)
			return cr_bad(c, "0x%llx behind 0x%llx",
				      cr_ull(run.addr),
				      (unsigned long long)last);
		last = le64_to_cpu(run.addr) + le32_to_cpu(run.len);
		if (obj->type == CR_REC_SHM)
			err = run_shm_check(c, le64_to_cpu(shm.size), &run);
		else
			err = run_vma_check(c, &it, &run);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}
