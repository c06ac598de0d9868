// SPDX-License-Identifier: GPL-2.0
/*
 * A process of an image as a plain ELF core.
 *
 * What is memory of the process and nowhere else gets a PT_LOAD with its bytes.
 * Clean pages of mapped files have none: a debugger reads them from the file,
 * and says so when it cannot. But the first page of an ELF file is there, if the
 * file is still what it was, as in the kernel's core dumps: by its build-id
 * debuggers find the file. Memory that was never written is zero, and says
 * so by a PT_LOAD without bytes, or by a hole of the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <gelf.h>
#include "core.h"
#include "core_notes.h"

#define PAGE		4096ull
/* Zeros of this size and less become a hole instead of a segment of their own */
#define HOLE_MAX	(1ull << 20)
#define LOADS_MAX	65000u

/**
 * struct piece - bytes that lie together in the image
 * @addr: where they belong
 * @len: bytes
 * @id: MM, SHM: from @skip in page run @run; VDSO: from @skip in its tail;
 *	FILE: from the start of the file
 * @offset: in the core
 */
struct piece {
	u64 addr;
	u64 len;
	u32 id;
	u32 run;
	u64 skip;
	u64 offset;
};

/* A PT_LOAD; without pieces: zeros */
struct load {
	u64 addr;
	u64 len;
	u32 flags;
	size_t first, nr;	/* pieces */
};

/**
 * struct core - a core on its way
 * @img, @mm: whose memory
 * @run: the first page run of @mm that has not been passed
 * @err: no memory, or too many
 */
struct core {
	const struct image *img;
	u32 mm;
	u32 run;
	struct piece *pieces;
	size_t nr_pieces;
	struct load *loads;
	size_t nr_loads;
	u32 flags;
	int err;
};

/* ---- the plan: what goes where ---- */

/* Room for one more element; the array doubles */
static void *grow(struct core *c, void *array, size_t nr, size_t size)
{
	void *bigger;

	if (c->err || (nr & (nr - 1)))
		return array;
	bigger = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!bigger)
		c->err = ENOMEM;
	return bigger ? bigger : array;
}

static struct load *load_add(struct core *c, u64 addr)
{
	struct load *load;

	if (c->nr_loads == LOADS_MAX)
		c->err = EFBIG;
	c->loads = grow(c, c->loads, c->nr_loads, sizeof(*c->loads));
	if (c->err)
		return NULL;
	load = &c->loads[c->nr_loads++];
	memset(load, 0, sizeof(*load));
	load->addr = addr;
	load->flags = c->flags;
	load->first = c->nr_pieces;
	return load;
}

/* The load that @addr goes on with, a hole in between; NULL: none does */
static struct load *load_last(struct core *c, u64 vma_start, u64 addr,
			      bool zero_before)
{
	struct load *last = c->nr_loads ? &c->loads[c->nr_loads - 1] : NULL;
	u64 end = last ? last->addr + last->len : 0;

	if (!last || !last->nr || last->addr < vma_start)
		return NULL;
	return end == addr || (zero_before && addr - end <= HOLE_MAX) ? last :
	       NULL;
}

static void zero_add(struct core *c, u64 start, u64 end)
{
	struct load *load = load_add(c, start);

	if (load)
		load->len = end - start;
}

/*
 * Bytes at @piece->addr of the mapping that starts at @vma_start. What lies
 * before them is zero if @zero, else not there.
 */
static void piece_add(struct core *c, u64 vma_start, const struct piece *piece,
		      bool zero)
{
	struct load *last = load_last(c, vma_start, piece->addr, zero);
	u64 end = vma_start;

	if (!last && zero) {
		if (c->nr_loads && c->loads[c->nr_loads - 1].addr >= vma_start)
			end = c->loads[c->nr_loads - 1].addr +
			      c->loads[c->nr_loads - 1].len;
		if (end < piece->addr)
			zero_add(c, end, piece->addr);
	}
	if (!last)
		last = load_add(c, piece->addr);
	c->pieces = grow(c, c->pieces, c->nr_pieces, sizeof(*c->pieces));
	if (c->err)
		return;
	c->pieces[c->nr_pieces++] = *piece;
	last->nr++;
	last->len = piece->addr + piece->len - last->addr;
}

/* The rest of a mapping that reads as zero */
static void zero_rest(struct core *c, u64 start, u64 end)
{
	struct load *last = c->nr_loads ? &c->loads[c->nr_loads - 1] : NULL;

	if (last && last->addr >= start)
		start = last->addr + last->len;
	if (start < end)
		zero_add(c, start, end);
}

/* Runs of a SHM that show between @start and @end of its mapping */
static void shm_pieces(struct core *c, const struct cr_rec_vma *vma, u64 start,
		       u64 end)
{
	u64 base = le64_to_cpu(vma->start) - le64_to_cpu(vma->pgoff);
	u32 id = le32_to_cpu(vma->obj), n;
	struct cr_rec_pages run;
	struct piece p;
	u64 from, to;

	for (n = 0; n < c->img->cr.objs[id].nr_page_runs; n++) {
		cr_read_page_run(&c->img->cr, id, n, &run);
		from = base + le64_to_cpu(run.addr);
		to = from + le32_to_cpu(run.len);
		/* runs before the mapping's offset wrap to below it */
		if (le64_to_cpu(run.addr) + le32_to_cpu(run.len) <=
		    le64_to_cpu(vma->pgoff))
			continue;
		if (le64_to_cpu(run.addr) < le64_to_cpu(vma->pgoff))
			from = le64_to_cpu(vma->start);
		if (to <= start)
			continue;
		if (from >= end)
			break;
		if (from < start)
			from = start;
		if (to > end)
			to = end;
		p = (struct piece){
			.addr = from, .len = to - from, .id = id, .run = n,
			.skip = from - base - le64_to_cpu(run.addr),
		};
		piece_add(c, le64_to_cpu(vma->start), &p, true);
	}
}

/* Descriptor of a file that is still what it was when the job was saved, or -1 */
static int file_open(const struct image *img, u32 id)
{
	struct cr_rec_file rec;
	struct cr_view v;
	struct stat st;
	int fd;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	if (stat(v.tail, &st) || !S_ISREG(st.st_mode))
		return -1;
	fd = open(v.tail, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) &&
	    (u64)st.st_size == le64_to_cpu(rec.size) &&
	    st.st_mtim.tv_sec * 1000000000ull + st.st_mtim.tv_nsec ==
	    le64_to_cpu(rec.mtime_ns))
		return fd;
	close(fd);
	return -1;
}

/* The first page of a mapped ELF file, unless the process has its own of it */
static void elf_header_piece(struct core *c, const struct cr_rec_vma *vma)
{
	struct piece p = {
		.addr = le64_to_cpu(vma->start), .len = PAGE,
		.id = le32_to_cpu(vma->obj),
	};
	struct cr_rec_pages run;
	char magic[SELFMAG];
	int fd;

	if (le32_to_cpu(vma->kind) != CR_VMA_FILE || vma->pgoff ||
	    (le32_to_cpu(vma->flags) & CR_VMA_SHARED))
		return;
	if (c->run < c->img->cr.objs[c->mm].nr_page_runs) {
		cr_read_page_run(&c->img->cr, c->mm, c->run, &run);
		if (le64_to_cpu(run.addr) < p.addr + p.len)
			return;
	}
	fd = file_open(c->img, p.id);
	if (fd < 0)
		return;
	if (pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	    !memcmp(magic, ELFMAG, SELFMAG))
		piece_add(c, p.addr, &p, false);
	close(fd);
}

/* A mapping: its private pages; below them the SHM's, zeros, or nothing */
static void vma_pieces(struct core *c, const struct cr_rec_vma *vma)
{
	u64 start = le64_to_cpu(vma->start), end = le64_to_cpu(vma->end);
	bool shm = le32_to_cpu(vma->kind) == CR_VMA_SHM;
	bool zero = shm || le32_to_cpu(vma->kind) == CR_VMA_ANON;
	struct cr_rec_pages run;
	struct piece p;
	u64 at = start;

	elf_header_piece(c, vma);
	for (; c->run < c->img->cr.objs[c->mm].nr_page_runs; c->run++) {
		cr_read_page_run(&c->img->cr, c->mm, c->run, &run);
		if (le64_to_cpu(run.addr) >= end)
			break;
		p = (struct piece){
			.addr = le64_to_cpu(run.addr),
			.len = le32_to_cpu(run.len), .id = c->mm, .run = c->run,
		};
		if (shm)
			shm_pieces(c, vma, at, p.addr);
		piece_add(c, start, &p, zero);
		at = p.addr + p.len;
	}
	if (shm)
		shm_pieces(c, vma, at, end);
	if (zero && le32_to_cpu(vma->prot))
		zero_rest(c, start, end);
}

static void vdso_piece(struct core *c, const struct cr_rec_vma *vma, u32 vdso)
{
	struct piece p = {
		.addr = le64_to_cpu(vma->start),
		.len = le64_to_cpu(vma->end) - le64_to_cpu(vma->start),
		.id = vdso,
	};

	piece_add(c, p.addr, &p, false);
}

static void plan(struct core *c)
{
	struct cr_detail_iter it;
	struct cr_rec_vma vma;
	struct cr_rec_mm mm;
	struct cr_view v;
	u32 prot;

	cr_read_obj(&c->img->cr, c->mm, &v, &mm, sizeof(mm));
	cr_for_each_detail(&c->img->cr, c->mm, &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		cr_detail(&it, &vma, sizeof(vma));
		prot = le32_to_cpu(vma.prot);
		c->flags = (prot & CR_PROT_READ ? PF_R : 0) |
			   (prot & CR_PROT_WRITE ? PF_W : 0) |
			   (prot & CR_PROT_EXEC ? PF_X : 0);
		if (le32_to_cpu(vma.kind) == CR_VMA_VDSO)
			vdso_piece(c, &vma, le32_to_cpu(mm.vdso));
		else if (le32_to_cpu(vma.kind) != CR_VMA_VVAR)
			vma_pieces(c, &vma);
	}
}

/* ---- the file ---- */

/* Offsets of all that is behind the program headers; value: the file's size */
static u64 lay_out(struct core *c, GElf_Phdr *ph, u64 notes, size_t notes_len)
{
	u64 offset = (notes + notes_len + PAGE - 1) & ~(PAGE - 1);
	const struct load *load;
	size_t i, j;

	ph[0] = (GElf_Phdr){
		.p_type = PT_NOTE, .p_flags = PF_R, .p_align = 4,
		.p_offset = notes, .p_filesz = notes_len,
	};
	for (i = 0; i < c->nr_loads; i++) {
		load = &c->loads[i];
		ph[i + 1] = (GElf_Phdr){
			.p_type = PT_LOAD, .p_flags = load->flags,
			.p_align = PAGE, .p_offset = offset,
			.p_vaddr = load->addr, .p_memsz = load->len,
			.p_filesz = load->nr ? load->len : 0,
		};
		for (j = load->first; j < load->first + load->nr; j++)
			c->pieces[j].offset = offset + c->pieces[j].addr -
					      load->addr;
		if (load->nr)
			offset += load->len;
	}
	return offset;
}

static bool headers_write(int fd, const GElf_Phdr *ph, size_t nr)
{
	GElf_Ehdr ehdr = {
		.e_type = ET_CORE, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_phoff = sizeof(Elf64_Ehdr),
	};
	bool ok = false;
	size_t i;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	if (!elf || !gelf_newehdr(elf, ELFCLASS64))
		goto out_end;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	elf_flagelf(elf, ELF_C_SET, ELF_F_LAYOUT);
	if (!gelf_update_ehdr(elf, &ehdr) || !gelf_newphdr(elf, nr))
		goto out_end;
	for (i = 0; i < nr; i++)
		if (!gelf_update_phdr(elf, i, (GElf_Phdr *)&ph[i]))
			goto out_end;
	ok = elf_update(elf, ELF_C_WRITE) > 0;
out_end:
	if (elf)
		elf_end(elf);
	return ok;
}

static bool pwrite_all(int fd, const void *buf, size_t len, u64 offset)
{
	const u8 *p = buf;
	ssize_t n;

	for (; len; p += n, len -= n, offset += n) {
		n = pwrite(fd, p, len, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return false;
	}
	return true;
}

/* The bytes that a piece is part of; @from: where they are. NULL, or why not */
static const char *piece_read(struct core *c, const struct piece *p, u8 *buf,
			      const u8 **from)
{
	struct cr_rec_pages run;
	struct cr_view v;
	int fd;

	*from = buf;
	switch (c->img->cr.objs[p->id].type) {
	case CR_REC_VDSO:
		cr_read_obj(&c->img->cr, p->id, &v, NULL, 0);
		*from = v.tail;
		return NULL;
	case CR_REC_FILE:
		fd = file_open(c->img, p->id);
		memset(buf, 0, p->len);
		if (fd < 0 || pread(fd, buf, p->len, 0) < 0)
			return strerror(errno);
		close(fd);
		return NULL;
	default:
		cr_read_page_run(&c->img->cr, p->id, p->run, &run);
		return image_run_read(c->img, &run, buf);
	}
}

/* NULL, or what went wrong */
static const char *pieces_write(struct core *c, int fd)
{
	u8 *buf = malloc(CR_RUN_MAX);
	const char *why = buf ? NULL : strerror(ENOMEM);
	const u8 *from;
	size_t i;

	for (i = 0; i < c->nr_pieces && !why; i++) {
		const struct piece *p = &c->pieces[i];

		why = piece_read(c, p, buf, &from);
		if (!why && !pwrite_all(fd, from + p->skip, p->len, p->offset))
			why = strerror(errno);
	}
	free(buf);
	return why;
}

static const char *core_file(struct core *c, int fd, const void *notes,
			     size_t notes_len)
{
	size_t nr = c->nr_loads + 1;
	u64 at = sizeof(Elf64_Ehdr) + nr * sizeof(Elf64_Phdr), size;
	GElf_Phdr *ph = calloc(nr, sizeof(*ph));
	const char *why = NULL;

	if (!ph)
		return strerror(ENOMEM);
	size = lay_out(c, ph, at, notes_len);
	if (!headers_write(fd, ph, nr))
		why = elf_errmsg(-1);
	else if (ftruncate(fd, size) || !pwrite_all(fd, notes, notes_len, at))
		why = strerror(errno);
	else
		why = pieces_write(c, fd);
	free(ph);
	return why;
}

int core_write(const struct image *img, u32 proc, int fd)
{
	struct core c = { .img = img };
	struct cr_rec_thread t;
	const char *why;
	size_t len = 0;
	void *notes;

	image_main_thread(img, proc, &t);
	c.mm = le32_to_cpu(t.mm);
	plan(&c);
	notes = core_notes(img, proc, &len);
	if (c.err || !notes)
		why = strerror(c.err ? c.err : ENOMEM);
	else
		why = core_file(&c, fd, notes, len);
	free(notes);
	free(c.pieces);
	free(c.loads);
	return why ? failed("%s: pid %u: core: %s", img->path,
			    le32_to_cpu(t.tid), why) : 0;
}
