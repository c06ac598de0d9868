// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of a vdso, and its functions: what a restart on another kernel leads to
 * that kernel's.
 */
#include <linux/elf.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/xxhash.h>
#include "cr_check.h"

#define VDSO_MAX	(1u << 20)

int cr_vdso_check(struct cr_check *c, u32 id)
{
	struct cr_rec_vdso rec;
	u32 text, vvar, data;
	struct cr_view v;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	text = le32_to_cpu(rec.text_size);
	vvar = le32_to_cpu(rec.vvar_size);
	data = le32_to_cpu(rec.data_size);
	if (!text || text > VDSO_MAX || text % CR_PAGE_SIZE ||
	    vvar > VDSO_MAX || vvar % CR_PAGE_SIZE)
		return cr_bad(c, "text of %u, vvar of %u bytes", text, vvar);
	if (data > vvar || data > CR_PAGE_SIZE)
		return cr_bad(c, "data of %u bytes", data);
	if (cr_check_zero(c, rec.reserved) || cr_check_tail(c, &v, text + data))
		return -EBADMSG;
	if (le64_to_cpu(rec.text_xxh64) != xxh64(v.tail, text, 0))
		return cr_bad(c, "checksum of the text does not match");
	return 0;
}

/* ---- its functions ---- */

/* The same functions have names without the prefix */
static const char * const functions[CR_VDSO_FUNCTIONS] = {
	"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time",
	"__vdso_getcpu", "__vdso_clock_getres",
};

/**
 * struct vdso_elf - a vdso, which need not be one
 * @text: what is said to be it
 * @size: bytes of it
 * @sym: section of its dynamic symbols
 * @str: section of their names
 */
struct vdso_elf {
	const u8 *text;
	size_t size;
	Elf64_Shdr sym;
	Elf64_Shdr str;
};

static bool elf_part(const struct vdso_elf *e, u64 offset, void *to, size_t len)
{
	if (offset > e->size || len > e->size - offset)
		return false;
	memcpy(to, e->text + offset, len);
	return true;
}

static bool elf_section(const struct vdso_elf *e, const Elf64_Ehdr *ehdr,
			u32 nr, Elf64_Shdr *shdr)
{
	return nr < ehdr->e_shnum && ehdr->e_shoff <= e->size &&
	       elf_part(e, ehdr->e_shoff + nr * sizeof(*shdr), shdr,
			sizeof(*shdr)) &&
	       shdr->sh_offset <= e->size;
}

static bool elf_open(struct vdso_elf *e, const u8 *text, size_t size)
{
	Elf64_Ehdr ehdr;
	u32 nr;

	e->text = text;
	e->size = size;
	if (!elf_part(e, 0, &ehdr, sizeof(ehdr)) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_shentsize != sizeof(e->sym))
		return false;
	for (nr = 0; elf_section(e, &ehdr, nr, &e->sym); nr++)
		if (e->sym.sh_type == SHT_DYNSYM)
			return elf_section(e, &ehdr, e->sym.sh_link, &e->str);
	return false;
}

static bool elf_is_function(const struct vdso_elf *e, const Elf64_Sym *sym,
			    const char *name)
{
	char found[32];
	size_t len = strlen(name) + 1;

	return ELF64_ST_TYPE(sym->st_info) == STT_FUNC &&
	       elf_part(e, e->str.sh_offset + sym->st_name, found, len) &&
	       !memcmp(found, name, len) &&
	       sym->st_size >= CR_VDSO_JUMP_SIZE && sym->st_value < e->size &&
	       sym->st_size <= e->size - sym->st_value;
}

u32 cr_vdso_function(const u8 *text, size_t size, unsigned int nr)
{
	struct vdso_elf e;
	Elf64_Sym sym;
	u64 i;

	if (!elf_open(&e, text, size))
		return 0;
	for (i = 0; i < e.sym.sh_size / sizeof(sym); i++) {
		if (!elf_part(&e, e.sym.sh_offset + i * sizeof(sym), &sym,
			      sizeof(sym)))
			break;
		if (elf_is_function(&e, &sym, functions[nr]))
			return sym.st_value;
	}
	return 0;
}

const char *cr_vdso_lacks_function(const u8 *text, size_t size)
{
	unsigned int nr;

	for (nr = 0; nr < CR_VDSO_FUNCTIONS; nr++)
		if (!cr_vdso_function(text, size, nr))
			return functions[nr];
	return NULL;
}

const char *cr_vdso_lacks(const struct cr_rec_vdso *rec, const u8 *text)
{
	if (!rec->data_size)
		return "data";
	if (le32_to_cpu(rec->vvar_size) < 2 * CR_PAGE_SIZE)
		return "room for jumps";
	return cr_vdso_lacks_function(text, le32_to_cpu(rec->text_size));
}
