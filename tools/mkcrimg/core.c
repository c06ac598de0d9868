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
 *
 * Header and notes of each core are written at once, the memory of many by all
 * CPUs. What was common to processes since fork() is read once for all of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core.h"
#include "core_notes.h"
#include "parallel.h"

#define PAGE		4096ull
/* Pieces that are written together; more than one process may have */
#define BATCH_PIECES	(1u << 18)

/* A core on its way */
struct core {
	struct core_out out;
	struct core_plan plan;
};

/**
 * struct todo - a piece that is to be written
 * @from: where the image has its bytes: same place, perhaps same bytes
 * @core: whose
 * @piece: which
 */
struct todo {
	u64 from;
	const struct core *core;
	const struct core_piece *piece;
};

/**
 * struct batch - cores whose memory is still to be written
 * @img: the image
 * @cores, @nr: the cores; room for as many as there are to write
 * @nr_pieces: of all of them
 * @left: bytes that further ones may have
 * @todo: their pieces, those with the same @from together
 * @first, @nr_groups: where each group begins in @todo, and one more
 */
struct batch {
	const struct image *img;
	struct core *cores;
	size_t nr;
	size_t nr_pieces;
	u64 left;
	struct todo *todo;
	size_t *first;
	size_t nr_groups;
};

/* ---- the file ---- */

/* Offsets of all that is behind the program headers; value: the file's size */
static u64 lay_out(struct core_plan *c, Elf64_Phdr *ph, u64 notes,
		   size_t notes_len)
{
	u64 offset = (notes + notes_len + PAGE - 1) & ~(PAGE - 1);
	const struct core_load *load;
	size_t i, j;

	ph[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_flags = PF_R, .p_align = 4,
		.p_offset = notes, .p_filesz = notes_len,
	};
	for (i = 0; i < c->nr_loads; i++) {
		load = &c->loads[i];
		ph[i + 1] = (Elf64_Phdr){
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

u8 *core_head(struct core_plan *c, u32 proc, size_t *len, u64 *size)
{
	size_t nr = c->nr_loads + 1, notes_len = 0;
	u64 at = sizeof(Elf64_Ehdr) + nr * sizeof(Elf64_Phdr);
	void *notes = core_notes(c->img, proc, &notes_len);
	u8 *head = notes ? malloc(at + notes_len) : NULL;

	if (head) {
		*(Elf64_Ehdr *)head = (Elf64_Ehdr){
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				     ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_CORE, .e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr), .e_phnum = nr,
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
		};
		*size = lay_out(c, (Elf64_Phdr *)(head + sizeof(Elf64_Ehdr)),
				at, notes_len);
		*len = at + notes_len;
		memcpy(head + at, notes, notes_len);
	}
	free(notes);
	return head;
}

/* NULL, or what went wrong */
static const char *core_begin(struct core_plan *c, u32 proc, int fd)
{
	const char *why = NULL;
	size_t len;
	u64 size;
	u8 *head = core_head(c, proc, &len, &size);

	if (!head)
		why = strerror(ENOMEM);
	else if (ftruncate(fd, size) || !pwrite_all(fd, head, len, 0))
		why = strerror(errno);
	free(head);
	return why;
}

/* ---- the memory ---- */

static bool is_run(const struct image *img, const struct core_piece *p)
{
	return img->cr.objs[p->id].type == CR_REC_MM ||
	       img->cr.objs[p->id].type == CR_REC_SHM;
}

/* Does @b have what was read for @a? */
static bool same_bytes(const struct image *img, const struct core_piece *a,
		       const struct core_piece *b)
{
	const size_t what = offsetof(struct cr_rec_pages, len);
	struct cr_rec_pages x, y;

	if (!is_run(img, a) || !is_run(img, b))
		return false;
	cr_read_page_run(&img->cr, a->id, a->run, &x);
	cr_read_page_run(&img->cr, b->id, b->run, &y);
	return !memcmp((u8 *)&x + what, (u8 *)&y + what, sizeof(x) - what);
}

const char *core_piece_read(const struct image *img, const struct core_piece *p,
			    u8 *buf, const u8 **from)
{
	struct cr_rec_pages run;
	struct cr_view v;

	*from = buf;
	switch (img->cr.objs[p->id].type) {
	case CR_REC_VDSO:
		cr_read_obj(&img->cr, p->id, &v, NULL, 0);
		*from = v.tail;
		return NULL;
	case CR_REC_FILE:
		return core_file_read(img, p->id, buf, p->len);
	default:
		cr_read_page_run(&img->cr, p->id, p->run, &run);
		return image_run_bytes(img, &run, buf);
	}
}

static const char *group_write(void *arg, size_t n, u8 *buf)
{
	const struct batch *b = arg;
	const struct core_piece *last = NULL, *p;
	const char *why = NULL;
	const u8 *from = NULL;
	size_t i;

	for (i = b->first[n]; i < b->first[n + 1] && !why; i++) {
		p = b->todo[i].piece;
		if (!last || !same_bytes(b->img, last, p))
			why = core_piece_read(b->img, p, buf, &from);
		if (!why && !pwrite_sparse(b->todo[i].core->out.fd,
					   from + p->skip, p->len, p->offset))
			why = strerror(errno);
		last = p;
	}
	return why;
}

static int todo_cmp(const void *a, const void *b)
{
	const struct todo *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static void todo_add(struct batch *b, size_t n, const struct core *core,
		     const struct core_piece *p)
{
	struct cr_rec_pages run;

	b->todo[n] = (struct todo){ .core = core, .piece = p };
	if (!is_run(b->img, p))
		return;
	cr_read_page_run(&b->img->cr, p->id, p->run, &run);
	b->todo[n].from = le64_to_cpu(run.offset);
}

/* Sort the pieces by where their bytes are; find the groups */
static bool batch_sort(struct batch *b)
{
	size_t i, j, n = 0;

	b->todo = calloc(b->nr_pieces + 1, sizeof(*b->todo));
	b->first = calloc(b->nr_pieces + 1, sizeof(*b->first));
	if (!b->todo || !b->first)
		return false;
	for (i = 0; i < b->nr; i++)
		for (j = 0; j < b->cores[i].plan.nr_pieces; j++)
			todo_add(b, n++, &b->cores[i],
				 &b->cores[i].plan.pieces[j]);
	qsort(b->todo, n, sizeof(*b->todo), todo_cmp);
	b->nr_groups = 0;
	for (i = 0; i < n; i++)
		if (!i || b->todo[i].from != b->todo[i - 1].from)
			b->first[b->nr_groups++] = i;
	b->first[b->nr_groups] = n;
	return true;
}

/*
 * Write what is to be written, unless the last core could not be begun: @why.
 * The batch is empty then, in any case
 */
static int batch_end(struct batch *b, const char *why)
{
	struct cr_rec_thread t = {};
	size_t which = 0;

	if (b->nr)
		image_main_thread(b->img, b->cores[b->nr - 1].out.proc, &t);
	if (!why && !batch_sort(b))
		why = strerror(ENOMEM);
	else if (!why)
		why = parallel(b->nr_groups, group_write, b, &which);
	if (why && b->nr_groups)
		image_main_thread(b->img,
				  b->todo[b->first[which]].core->out.proc, &t);
	while (b->nr)
		core_plan_free(&b->cores[--b->nr].plan);
	free(b->todo);
	free(b->first);
	b->todo = NULL;
	b->first = NULL;
	b->nr_pieces = 0;
	b->nr_groups = 0;
	return why ? failed("%s: pid %u: core: %s", b->img->path,
			    le32_to_cpu(t.tid), why) : 0;
}

static u32 filter_own(const struct image *img, u32 id)
{
	struct cr_rec_mm mm;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &mm, sizeof(mm));
	return le32_to_cpu(mm.coredump_filter) ^ CR_COREDUMP_DEFAULT;
}

/* An image of a few megabytes may stand for terabytes: one run, any number of times */
static bool room_take(struct batch *b, const struct core_plan *c)
{
	size_t i;

	for (i = 0; i < c->nr_pieces && c->pieces[i].len <= b->left; i++)
		b->left -= c->pieces[i].len;
	return i == c->nr_pieces;
}

static const char *batch_add(struct batch *b, const struct core_out *out)
{
	struct core *core = &b->cores[b->nr++];
	struct cr_rec_thread t;
	int err;

	image_main_thread(b->img, out->proc, &t);
	memset(core, 0, sizeof(*core));
	core->out = *out;
	core->plan.img = b->img;
	core->plan.mm = le32_to_cpu(t.mm);
	core->plan.filter = out->filter;
	if (out->filter == CORE_OWN)
		core->plan.filter = filter_own(b->img, core->plan.mm);
	err = core_plan_make(&core->plan);
	if (err)
		return strerror(err);
	if (!room_take(b, &core->plan))
		return "with the others it has more memory than is free here; mkcrimg core writes files";
	b->nr_pieces += core->plan.nr_pieces;
	return core_begin(&core->plan, out->proc, out->fd);
}

int cores_write(const struct image *img, const struct core_out *outs,
		size_t nr, u64 max)
{
	struct batch b = { .img = img, .left = max };
	const char *why = NULL;
	int err = 0;
	size_t i;

	b.cores = calloc(nr + 1, sizeof(*b.cores));
	if (!b.cores)
		return failed("%s: %s", img->path, strerror(ENOMEM));
	for (i = 0; i < nr && !err; i++) {
		why = batch_add(&b, &outs[i]);
		if (why || b.nr_pieces >= BATCH_PIECES || i == nr - 1)
			err = batch_end(&b, why);
	}
	free(b.cores);
	return err;
}
