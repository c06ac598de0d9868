// SPDX-License-Identifier: GPL-2.0
/*
 * The vdso, and what else only x86 knows of an address space.
 *
 * A program holds addresses inside the vdso: in its libc's function pointers,
 * in a signal frame, on the stack of a thread that was interrupted there. So a
 * restart maps the vdso at its old address if it is the same code; if it is
 * another kernel's, the old entry points lead to the new ones
 * (cr_vdso_foreign.c).
 *
 * Refused: the vdso of 32-bit and x32 programs; a vdso that was moved, split,
 * reprotected, sealed or written to; a local descriptor table; linear address
 * masking.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xxhash.h>
#include <linux/cr_mm.h>
#include <asm/mmu_context.h>
#include <asm/vdso.h>
#include <vdso/datapage.h>
#include <vdso/helpers.h>
/* needs what the first of these declares */
#include <asm/vvar.h>
#include "cr_vdso.h"

static unsigned long vdso_vvar_size(const struct vdso_image *image)
{
	return -image->sym_vvar_start;
}

/* The kernel's special mappings say their name; other mappings do not */
static bool vma_is_named(struct vm_area_struct *vma, const char *name)
{
	const char *s;

	if (vma->vm_file || !vma->vm_ops || !vma->vm_ops->name)
		return false;
	s = vma->vm_ops->name(vma);
	return s && !strcmp(s, name);
}

enum cr_vma_kind cr_vdso_vma_kind(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	const struct vdso_image *image = mm->context.vdso_image;
	unsigned long text = (unsigned long)mm->context.vdso;

	if (!image || !text || vma_pkey(vma) || (vma->vm_flags & VM_SEALED))
		return 0;
	if (vma_is_named(vma, "[vdso]") && vma->vm_start == text &&
	    vma->vm_end - text == image->size && !vma->anon_vma &&
	    cr_vma_prot(vma) == (CR_PROT_READ | CR_PROT_EXEC))
		return CR_VMA_VDSO;
	if (vma_is_named(vma, "[vvar]") && vma->vm_end == text &&
	    text - vma->vm_start == vdso_vvar_size(image) &&
	    cr_vma_prot(vma) == CR_PROT_READ)
		return CR_VMA_VVAR;
	return 0;
}

const struct vdso_image *cr_vdso_find(struct mm_struct *mm,
				      unsigned long *addr)
{
	unsigned long text = (unsigned long)mm->context.vdso;
	struct vm_area_struct *vma;

	mmap_assert_locked(mm);
	*addr = 0;
	vma = text ? vma_lookup(mm, text) : NULL;
	if (!vma || cr_vdso_vma_kind(vma) != CR_VMA_VDSO)
		return NULL;
	*addr = text;
	return mm->context.vdso_image;
}

/* ---- saving ---- */

void cr_arch_mm_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct mm_struct *mm = obj->ptr;
	const struct vdso_image *image;
	struct vm_area_struct *vma;
	unsigned long addr;

	mmap_assert_locked(mm);
	if (READ_ONCE(mm->context.ldt))
		cr_refuse(s, obj->holder, "CR-EMM",
			  "memory: local descriptor table (modify_ldt)");
	if (mm_lam_cr3_mask(mm))
		cr_refuse(s, obj->holder, "CR-EMM",
			  "memory: linear address masking");
	image = cr_vdso_find(mm, &addr);
	if (!image)
		return;
	/* its data must be there: code without it would fault */
	vma = vma_lookup(mm, addr - 1);
	if (!vma || cr_vdso_vma_kind(vma) != CR_VMA_VVAR)
		cr_refuse(s, obj->holder, "CR-EVMA",
			  "mapping %lx-%lx ([vdso]): its data pages are not in their place",
			  addr, addr + image->size);
	cr_obj_add(s, CR_OBJ_VDSO, (void *)image, obj->holder, 1);
}

/* The images are part of the kernel */
static void vdso_get(struct cr_obj *obj)
{
}

static void vdso_put(struct cr_obj *obj)
{
}

static void vdso_collect(struct cr_save *s, struct cr_obj *obj)
{
	if (obj->ptr != &vdso_image_64)
		cr_refuse(s, obj->holder, "CR-EARCH",
			  "memory: 32-bit or x32 program");
}

/*
 * What this vdso's code reads of the time, for when it runs on another kernel:
 * there is no clock to read without a system call, so it makes that; and what
 * it has begun to read has changed, so it begins again.
 */
static void vdso_data_copy(struct vdso_data *copy, const struct vdso_data *vd)
{
	u32 seq;

	do {
		seq = vdso_read_begin(vd);
		memcpy(copy, vd, sizeof(*vd));
	} while (vdso_read_retry(vd, seq));
	copy->clock_mode = VDSO_CLOCKMODE_NONE;
	copy->seq = seq + (1u << 31);
}

static void vdso_save(struct cr_save *s, struct cr_obj *obj)
{
	const size_t offset = (char *)_vdso_data - &__vvar_page;
	const size_t size = offset + CS_BASES * sizeof(*_vdso_data);
	const struct vdso_image *image = obj->ptr;
	struct cr_rec_vdso rec = {
		.vvar_size = cpu_to_le32(vdso_vvar_size(image)),
		.text_size = cpu_to_le32(image->size),
		.text_xxh64 = cpu_to_le64(xxh64(image->data, image->size, 0)),
		.data_size = cpu_to_le32(size),
	};
	u8 *tail = kvzalloc(image->size + size, GFP_KERNEL_ACCOUNT);
	int i;

	if (!tail) {
		cr_fail(s, -ENOMEM);
		return;
	}
	memcpy(tail, image->data, image->size);
	for (i = 0; i < CS_BASES; i++)
		vdso_data_copy((struct vdso_data *)(tail + image->size + offset) + i,
			       &_vdso_data[i]);
	cr_write_obj(s, obj, &rec, sizeof(rec), tail, image->size + size);
	/* the tail is what ends the record, but for padding */
	s->vdso_at = s->w.len - ALIGN(image->size + size, 4);
	s->vdso = image->size;
	kvfree(tail);
}

/* ---- restart ---- */

bool cr_vdso_is_own(const struct cr_rec_vdso *rec, const struct cr_view *view)
{
	const struct vdso_image *image = &vdso_image_64;

	return le32_to_cpu(rec->vvar_size) == vdso_vvar_size(image) &&
	       le32_to_cpu(rec->text_size) == image->size &&
	       !memcmp(view->tail, image->data, image->size);
}

/* Before anything is built */
static int vdso_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_vdso rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	return cr_vdso_is_own(&rec, &view) ? 0 :
	       cr_vdso_foreign_check(r, &rec, view.tail);
}

int cr_vdso_map(struct cr_restart *r, u32 id, unsigned long addr)
{
	const struct vdso_image *image = &vdso_image_64;
	struct mm_struct *mm = current->mm;
	struct cr_rec_vdso rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	if (!cr_vdso_is_own(&rec, &view))
		return cr_vdso_reserve(r, &rec, addr);
	err = map_vdso_once(image, addr - vdso_vvar_size(image));
	if (err)
		return cr_err(&r->log, err, "vdso: cannot be mapped at %lx",
			      addr);
	/* the address is only a hint to it; nothing else was mapped, but */
	if (mm->context.vdso != (void __user *)addr)
		return cr_err(&r->log, -ENOMEM,
			      "vdso: is at %lx, not at %lx",
			      (unsigned long)mm->context.vdso, addr);
	return 0;
}

int cr_arch_mm_empty(struct mm_struct *mm, struct cr_log *log)
{
	/* a copy of an mm inherits it, and only exec drops it */
	if (mm->context.ldt)
		return cr_err(log, -EOPNOTSUPP,
			      "the restarter has a local descriptor table");
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	mm->context.vdso = NULL;
	mm->context.vdso_image = NULL;
#ifdef CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS
	if (cpu_feature_enabled(X86_FEATURE_OSPKE)) {
		/* as init_new_context(): only the default key */
		mm->context.pkey_allocation_map = 0x1;
		mm->context.execute_only_pkey = -1;
	}
#endif
	mmap_write_unlock(mm);
	return 0;
}

const struct cr_obj_ops cr_vdso_ops = {
	.name		= "vdso",
	.rec		= CR_REC_VDSO,
	.get		= vdso_get,
	.put		= vdso_put,
	.collect	= vdso_collect,
	.save		= vdso_save,
	.restore	= vdso_restore,
};
