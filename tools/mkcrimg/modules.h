/* SPDX-License-Identifier: GPL-2.0 */
/* The executable files that a process has mapped, for libdwfl. */
#ifndef MKCRIMG_MODULES_H
#define MKCRIMG_MODULES_H

#include <elfutils/libdwfl.h>
#include "memory.h"

/**
 * struct module - an executable file that is mapped, or the vdso
 * @img: the image
 * @id: the FILE, SHM or VDSO
 * @name: its path, or [vdso]
 * @start, @end: where it lies
 * @why: why there is nothing to be known of it; NULL: it is there
 * @ours: nobody but root and we ourselves decides what it is, and what stands
 *	beside it
 * @elf: of a vdso
 * @bytes: likewise
 */
struct module {
	const struct image *img;
	u32 id;
	const char *name;
	u64 start, end;
	const char *why;
	bool ours;
	Elf *elf;
	void *bytes;
};

/**
 * modules_report() - tell libdwfl what an address space has mapped
 * @dwfl: a session of modules_begin()
 * @m: the address space
 * @nr: takes the number of modules
 *
 * Return: the modules, for modules_free() when @dwfl has ended; NULL: no memory
 */
struct module *modules_report(Dwfl *dwfl, const struct memory *m, size_t *nr);
void modules_free(struct module *modules, size_t nr);

/* A session whose modules are those of modules_report() */
Dwfl *modules_begin(void);

/* The module of libdwfl's; NULL: none of ours */
const struct module *module_of(Dwfl_Module *mod);

#endif
