// SPDX-License-Identifier: GPL-2.0
/*
 * The executable files that a process has mapped. Each executable mapping says
 * by the file's program headers where all of the file lies. Files are verified
 * as for a restart; one that is not what it was has a name and a place, and
 * nothing else.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <gelf.h>
#include <sys/stat.h>
#include "modules.h"

/* libdwfl looks through all of them for each new one */
#define MODULES_MAX	4096u
#define PAGE		4096ull
/* No more is copied of files that the image carries, for one process */
#define COPIED_MAX	(4ull << 30)

/* ---- whose a file is ---- */

static bool stat_is_ours(const struct stat *st)
{
	return (!st->st_uid || st->st_uid == geteuid()) &&
	       !(st->st_mode & S_IWOTH);
}

/* Its name, which no link leads astray; to be freed */
static char *real_name(int fd)
{
	char self[32], path[PATH_MAX];
	ssize_t len;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, path, sizeof(path) - 1);
	return len < 0 ? NULL : strndup(path, len);
}

/*
 * Next to files of others there may be anything that is named like their debugging
 * information, or anything that they themselves say has it: a FIFO, a device. What
 * the image carries has no directory at all.
 */
static bool is_ours(int fd)
{
	char *name = real_name(fd);
	struct stat st;
	bool ours;

	ours = name && !fstat(fd, &st) && st.st_nlink && stat_is_ours(&st) &&
	       !stat(dirname(name), &st) && stat_is_ours(&st);
	free(name);
	return ours;
}

/* ---- where a file lies ---- */

/* Where program headers say that a file lies of which @vma is a part */
static const char *headers_place(struct module *mod, Elf *elf,
				 const struct cr_rec_vma *vma)
{
	u64 start = le64_to_cpu(vma->start), pgoff = le64_to_cpu(vma->pgoff);
	u64 first = 0, last = 0, bias = 0;
	bool any = false, found = false;
	GElf_Phdr ph;
	size_t nr, i;

	if (elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &nr) ||
	    gelf_getclass(elf) != ELFCLASS64)
		return "not an ELF file";
	for (i = 0; i < nr && gelf_getphdr(elf, i, &ph); i++) {
		if (ph.p_type != PT_LOAD)
			continue;
		/* as libdwfl does */
		if (!any)
			first = ph.p_vaddr & -ph.p_align;
		any = true;
		last = ph.p_vaddr + ph.p_memsz;
		if (found || !(ph.p_flags & PF_X) ||
		    pgoff < (ph.p_offset & -PAGE) ||
		    pgoff >= ph.p_offset + ph.p_filesz)
			continue;
		found = true;
		bias = start - (ph.p_vaddr - ph.p_offset + pgoff);
	}
	if (!found || bias + first > start ||
	    bias + last <= start || last < first)
		return "not mapped as its headers say";
	mod->start = bias + first;
	mod->end = (bias + last + PAGE - 1) & -PAGE;
	return mod->start < mod->end ? NULL : "not mapped as its headers say";
}

/* What was copied for this process so far; there is one at a time */
static u64 copied;

static int module_open(struct module *mod)
{
	const char *why = "too much to be copied";
	struct stat st;
	int fd = -1;

	if (copied <= COPIED_MAX)
		fd = mapped_open(mod->img, mod->id, &why);
	if (fd < 0)
		mod->why = why;
	else if (!fstat(fd, &st) && !st.st_nlink)
		copied += st.st_size;
	return fd;
}

static void module_place(struct module *mod, const struct cr_rec_vma *vma)
{
	int fd = module_open(mod);
	Elf *elf;

	mod->start = le64_to_cpu(vma->start);
	mod->end = le64_to_cpu(vma->end);
	if (fd < 0)
		return;
	mod->ours = is_ours(fd);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	mod->why = headers_place(mod, elf, vma);
	elf_end(elf);
	close(fd);
}

/* libelf reads numbers where they lie, which in the image may be odd places */
static void vdso_open(struct module *mod, const struct cr_rec_vma *vma, u32 id)
{
	struct cr_rec_vdso rec;
	struct cr_view v;

	mod->id = id;
	mod->name = "[vdso]";
	mod->start = le64_to_cpu(vma->start);
	mod->end = le64_to_cpu(vma->end);
	cr_read_obj(&mod->img->cr, id, &v, &rec, sizeof(rec));
	mod->bytes = malloc(le32_to_cpu(rec.text_size));
	if (!mod->bytes) {
		mod->why = "no memory";
		return;
	}
	memcpy(mod->bytes, v.tail, le32_to_cpu(rec.text_size));
	mod->elf = elf_memory(mod->bytes, le32_to_cpu(rec.text_size));
	if (!mod->elf || elf_kind(mod->elf) != ELF_K_ELF)
		mod->why = "not an ELF file";
}

/* ---- what libdwfl asks for ---- */

/* A descriptor, or a vdso's ELF, which libdwfl ends; neither: not to be had */
static int find_elf(Dwfl_Module *dwfl_mod, void **userdata,
		    const char *modname, Dwarf_Addr base, char **file_name,
		    Elf **elf)
{
	struct module *mod = *userdata;
	int fd;

	(void)dwfl_mod;
	(void)modname;
	(void)base;
	if (!mod || mod->why)
		return -1;
	if (mod->elf) {
		*elf = mod->elf;
		mod->elf = NULL;
		return -1;
	}
	fd = module_open(mod);
	if (fd < 0)
		return -1;
	mod->ours = mod->ours && is_ours(fd);
	*file_name = real_name(fd);
	return fd;
}

/* A descriptor, or -1 */
static int find_debuginfo(Dwfl_Module *dwfl_mod, void **userdata,
			  const char *modname, Dwarf_Addr base,
			  const char *file_name, const char *link,
			  GElf_Word crc, char **path)
{
	struct module *mod = *userdata;

	/* by its build-id, in a directory of root's alone */
	if (!mod || !mod->ours)
		return dwfl_build_id_find_debuginfo(dwfl_mod, userdata,
						    modname, base, file_name,
						    link, crc, path);
	return dwfl_standard_find_debuginfo(dwfl_mod, userdata, modname, base,
					    file_name, link, crc, path);
}

Dwfl *modules_begin(void)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = find_elf,
		.find_debuginfo = find_debuginfo,
	};

	copied = 0;
	elf_version(EV_CURRENT);
	return dwfl_begin(&callbacks);
}

const struct module *module_of(Dwfl_Module *mod)
{
	void **userdata;

	if (!mod)
		return NULL;
	dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	return *userdata;
}

/* One more, of which @vma is executable; false: of one that is known */
static bool module_add(struct module *modules, size_t nr,
		       const struct memory *m, const struct cr_rec_vma *vma)
{
	struct module *mod = &modules[nr];

	mod->img = m->img;
	if (le32_to_cpu(vma->kind) == CR_VMA_VDSO) {
		vdso_open(mod, vma, m->vdso);
		return true;
	}
	mod->id = le32_to_cpu(vma->obj);
	mod->name = image_file_name(m->img, mod->id);
	if (nr && modules[nr - 1].id == mod->id &&
	    modules[nr - 1].end >= le64_to_cpu(vma->end))
		return false;
	module_place(mod, vma);
	return true;
}

static bool report(Dwfl *dwfl, struct module *modules, size_t nr)
{
	Dwfl_Module *mod;
	void **userdata;
	size_t i;

	dwfl_report_begin(dwfl);
	for (i = 0; i < nr; i++) {
		mod = dwfl_report_module(dwfl, modules[i].name,
					 modules[i].start, modules[i].end);
		if (!mod)
			return false;
		dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL,
				 NULL);
		*userdata = &modules[i];
	}
	return !dwfl_report_end(dwfl, NULL, NULL);
}

struct module *modules_report(Dwfl *dwfl, const struct memory *m, size_t *nr)
{
	struct module *modules;
	size_t i, max = 1;

	for (i = 0; i < m->nr_vmas; i++)
		max += !!(le32_to_cpu(m->vmas[i].prot) & CR_PROT_EXEC);
	if (max > MODULES_MAX)
		max = MODULES_MAX;
	modules = calloc(max, sizeof(*modules));
	if (!modules)
		return NULL;
	*nr = 0;
	for (i = 0; i < m->nr_vmas && *nr < max; i++)
		if ((le32_to_cpu(m->vmas[i].prot) & CR_PROT_EXEC) &&
		    le32_to_cpu(m->vmas[i].kind) != CR_VMA_ANON)
			*nr += module_add(modules, *nr, m, &m->vmas[i]);
	if (report(dwfl, modules, *nr))
		return modules;
	modules_free(modules, *nr);
	return NULL;
}

void modules_free(struct module *modules, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		elf_end(modules[i].elf);
		free(modules[i].bytes);
	}
	free(modules);
}
