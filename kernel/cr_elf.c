// SPDX-License-Identifier: GPL-2.0
/*
 * The image as an ELF core: records, program headers and the header.
 *
 * The header is written last: a file whose writer died half-way starts with
 * zeros and is nothing.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/elf.h>
#include <linux/sort.h>
#include <linux/xxhash.h>
#include <linux/cr.h>
#include <linux/cr_save.h>

struct phdrs {
	struct elf64_hdr *ehdr;		/* the table follows it directly */
	struct elf64_phdr *phdr;
	unsigned int nr;
};

static struct elf64_phdr *phdr_add(struct phdrs *p, u32 type, u64 offset,
				   u64 size)
{
	struct elf64_phdr *ph = &p->phdr[p->nr++];

	ph->p_type = type;
	ph->p_offset = offset;
	ph->p_filesz = size;
	ph->p_align = 1;
	return ph;
}

static struct elf64_phdr *phdr_add_load(struct phdrs *p,
					const struct cr_run *run)
{
	struct elf64_phdr *ph = phdr_add(p, PT_LOAD, run->offset, run->len);

	ph->p_vaddr = run->addr;
	ph->p_memsz = run->len;
	ph->p_align = PAGE_SIZE;
	ph->p_flags = (run->prot & CR_PROT_READ ? PF_R : 0) |
		      (run->prot & CR_PROT_WRITE ? PF_W : 0) |
		      (run->prot & CR_PROT_EXEC ? PF_X : 0);
	return ph;
}

/* ---- what is shown of the leader beside its page runs ---- */

enum { EXE_PAGE, VDSO, NR_EXTRAS };

/* Has it written to that page? Then the file's is not what is there */
static bool leader_has_run(const struct cr_save *s, u32 mm_id, u64 addr)
{
	size_t i;

	for (i = 0; i < s->nr_runs; i++)
		if (s->runs[i].id == mm_id && s->runs[i].addr <= addr &&
		    addr - s->runs[i].addr < s->runs[i].len)
			return true;
	return false;
}

/* In the order of addresses; of no length: it is not there */
static void extras_fill(const struct cr_save *s, u32 mm_id, u64 records,
			struct cr_run *extras)
{
	memset(extras, 0, NR_EXTRAS * sizeof(*extras));
	if (s->exe_at && !leader_has_run(s, mm_id, s->exe_addr))
		extras[EXE_PAGE] = (struct cr_run){
			.addr = s->exe_addr, .len = PAGE_SIZE,
			.offset = s->exe_at, .prot = s->exe_prot,
		};
	if (s->vdso_addr)
		extras[VDSO] = (struct cr_run){
			.addr = s->vdso_addr, .len = s->vdso,
			.offset = records + s->vdso_at,
			.prot = CR_PROT_READ | CR_PROT_EXEC,
		};
	if (extras[0].addr > extras[1].addr)
		swap(extras[0], extras[1]);
}

static void phdrs_add_extras(struct phdrs *p, struct cr_run *extras, u64 below)
{
	struct cr_run *run;

	for (run = extras; run < extras + NR_EXTRAS; run++) {
		if (!run->len || run->addr >= below)
			continue;
		/* the vdso is in a record, wherever in a page that is */
		phdr_add_load(p, run)->p_align =
			run->offset % PAGE_SIZE ? 1 : PAGE_SIZE;
		run->len = 0;
	}
}

/* The leader's memory that is stored raw is what a debugger sees */
static void phdrs_add_leader(struct cr_save *s, struct phdrs *p, u32 mm_id,
			     u64 records)
{
	struct cr_run extras[NR_EXTRAS];
	size_t i;

	extras_fill(s, mm_id, records, extras);
	for (i = 0; i < s->nr_runs && p->nr < CR_MAX_PHNUM - 8; i++) {
		const struct cr_run *run = &s->runs[i];

		if (run->id != mm_id || run->method != CR_PAGES_RAW)
			continue;
		phdrs_add_extras(p, extras, run->addr);
		phdr_add_load(p, run);
	}
	phdrs_add_extras(p, extras, U64_MAX);
}

/* Of those that share bytes, the leader's comes first */
static int run_cmp_offset(const void *a, const void *b)
{
	const struct cr_run *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* One header for each stretch of the file that is of the same kind */
static int phdrs_add_rest(struct cr_save *s, struct phdrs *p, u32 mm_id)
{
	struct elf64_phdr *ph = NULL;
	struct cr_run *runs;
	size_t i;

	if (!s->nr_runs)
		return 0;
	runs = kvmalloc_array(s->nr_runs, sizeof(*runs), GFP_KERNEL_ACCOUNT);
	if (!runs)
		return -ENOMEM;
	memcpy(runs, s->runs, s->nr_runs * sizeof(*runs));
	sort(runs, s->nr_runs, sizeof(*runs), run_cmp_offset, NULL);
	for (i = 0; i < s->nr_runs; i++) {
		bool raw = runs[i].method == CR_PAGES_RAW;
		u32 type = raw ? PT_CR_LOAD : PT_CR_ZSTD;
		u64 end = ph ? ph->p_offset + ph->p_filesz : 0;

		if (i && runs[i].offset == runs[i - 1].offset)
			continue;
		if (raw && runs[i].id == mm_id) {
			ph = NULL;
		} else if (ph && ph->p_type == type &&
			   runs[i].offset - end < PAGE_SIZE) {
			ph->p_filesz = runs[i].offset + runs[i].stored -
				       ph->p_offset;
		} else if (p->nr < CR_MAX_PHNUM) {
			ph = phdr_add(p, type, runs[i].offset, runs[i].stored);
		} else {
			ph = NULL;
		}
	}
	kvfree(runs);
	return 0;
}

static void ehdr_fill(struct elf64_hdr *e, unsigned int phnum, u64 phoff)
{
	memcpy(e->e_ident, ELFMAG, SELFMAG);
	e->e_ident[EI_CLASS] = ELFCLASS64;
	e->e_ident[EI_DATA] = ELFDATA2LSB;
	e->e_ident[EI_VERSION] = EV_CURRENT;
	e->e_ident[EI_OSABI] = ELFOSABI_NONE;
	memcpy(e->e_ident + CR_EI_MAGIC, CR_MAGIC, CR_MAGIC_LEN);
	e->e_ident[CR_EI_VERSION] = CR_VERSION;
	e->e_type = ET_CORE;
	e->e_machine = ELF_ARCH;
	e->e_version = EV_CURRENT;
	e->e_phoff = phoff;
	e->e_ehsize = sizeof(*e);
	e->e_phentsize = sizeof(struct elf64_phdr);
	e->e_phnum = phnum;
}

/* END is of fixed size, so the layout is known before its contents are */
static size_t end_size(void)
{
	return sizeof(Elf64_Nhdr) + ALIGN(CR_NOTE_NAMESZ, 4) +
	       sizeof(struct cr_rec_end);
}

static int phdrs_build(struct cr_save *s, struct phdrs *p, u64 notes,
		       u64 notes_size)
{
	u64 records = PAGE_ALIGN(s->pos);
	u64 records_size = s->w.len + end_size();
	struct cr_obj *mm = list_first_entry(&s->objs[CR_OBJ_MM],
					     struct cr_obj, list);
	int err;

	p->ehdr = kvzalloc(sizeof(*p->ehdr) + CR_MAX_PHNUM *
			   sizeof(*p->phdr), GFP_KERNEL_ACCOUNT);
	if (!p->ehdr)
		return -ENOMEM;
	p->phdr = (struct elf64_phdr *)(p->ehdr + 1);
	phdr_add(p, PT_NOTE, notes, notes_size)->p_align = 4;
	phdr_add(p, PT_CR_RECORDS, records, records_size)->p_align = 4;
	phdrs_add_leader(s, p, mm->id, records);
	err = phdrs_add_rest(s, p, mm->id);
	if (err)
		return err;
	s->pos = records;
	ehdr_fill(p->ehdr, p->nr, ALIGN(records + records_size, 8));
	return 0;
}

void cr_elf_save(struct cr_save *s, u64 notes, u64 notes_size)
{
	struct cr_rec_end end = {};
	struct phdrs p = {};
	size_t phsize;
	int err;

	err = phdrs_build(s, &p, notes, notes_size);
	if (err) {
		cr_fail(s, err);
		goto out_free;
	}
	phsize = p.nr * sizeof(*p.phdr);
	end.nr_records = cpu_to_le64(s->w.nr);
	end.records_xxh64 = cpu_to_le64(xxh64(s->w.buf, s->w.len, 0));
	end.header_xxh64 = cpu_to_le64(xxh64(p.ehdr, sizeof(*p.ehdr) + phsize,
					     0));
	cr_write(&s->w, CR_REC_END, 0, &end, sizeof(end), NULL, 0);
	if (s->w.err) {
		cr_fail(s, s->w.err);
		goto out_free;
	}
	cr_out(s, s->w.buf, s->w.len);
	s->pos = p.ehdr->e_phoff;
	cr_out(s, p.phdr, phsize);
	s->pos = 0;
	cr_out(s, p.ehdr, sizeof(*p.ehdr));
	s->pos = p.ehdr->e_phoff + phsize;
out_free:
	kvfree(p.ehdr);
}
