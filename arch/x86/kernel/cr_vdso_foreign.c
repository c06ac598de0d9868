// SPDX-License-Identifier: GPL-2.0
/*
 * The vdso of another kernel: what points into it leads to this kernel's.
 *
 * The old text is mapped again where it was, as ordinary memory of the job, and
 * its functions begin with a jump. Five bytes of text lead to the page below it,
 * which the kernel's data do not use and where there is room for an address of
 * any length; from there to the same function of this kernel's vdso, which is
 * mapped where there is room.
 *
 * A thread that stood inside the old text goes on in a second copy of it that
 * has no jumps, so that it does not find one in the middle of what it executes.
 * Below both copies is what the kernel that saved the job has written for them
 * (vdso_data_copy()): no clock can be read without a system call, so no code of
 * the old text depends on where this kernel keeps the time.
 *
 * What is left: the code that a signal's handler returns to is known to the
 * handler's frame alone. If that is one of the few bytes of a jump, behind the
 * first, it will execute part of an address.
 *
 * getrandom() of the vdso is not redirected: its state is of the old kernel's
 * layout. Without data it makes the system call, as its callers must expect.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <linux/cr_arch.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <asm/vdso.h>
#include "cr_vdso.h"

/* jmp *(%rip), behind it the address */
#define LEAP_CODE	6
#define LEAP_SIZE	16

/* ---- before anything is built ---- */

int cr_vdso_foreign_check(struct cr_restart *r, const struct cr_rec_vdso *rec,
			  const void *text)
{
	const struct vdso_image *image = &vdso_image_64;
	const char *why;

	why = cr_vdso_lacks(rec, text) ?:
	      cr_vdso_lacks_function(image->data, image->size);
	return why ? cr_err(&r->log, -EOPNOTSUPP,
			    "vdso: the image was taken on kernel %.*s, whose vdso differs from this kernel's: %s",
			    CR_NAME_LEN, r->img.head.release, why) : 0;
}

/* ---- in the task that restores an mm ---- */

/* Memory of the job; at @addr, or anywhere */
static unsigned long foreign_map(unsigned long addr, size_t size)
{
	return vm_mmap(NULL, addr, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS |
		       (addr ? MAP_FIXED_NOREPLACE : 0), 0);
}

static int foreign_fill(unsigned long addr, const void *contents, size_t size)
{
	struct pt_regs args = {
		.di = addr,
		.si = size,
		.dx = PROT_READ | PROT_EXEC,
	};

	if (copy_to_user((void __user *)addr, contents, size))
		return -EFAULT;
	return __x64_sys_mprotect(&args);
}

/*
 * @text, in a copy of @old_text with its data below: lead its functions to those
 * of the vdso at @new_text
 */
static void foreign_lead(u8 *text, const u8 *old_text, size_t text_size,
			 unsigned long new_text)
{
	const struct vdso_image *image = &vdso_image_64;
	u8 *leap = text - PAGE_SIZE;
	static const u8 leap_code[LEAP_CODE] = { 0xff, 0x25 };
	unsigned int nr;
	__le32 distance;
	__le64 addr;
	u8 *jump;

	for (nr = 0; nr < CR_VDSO_FUNCTIONS; nr++, leap += LEAP_SIZE) {
		addr = cpu_to_le64(new_text + cr_vdso_function(image->data,
							       image->size, nr));
		memcpy(leap, leap_code, LEAP_CODE);
		memcpy(leap + LEAP_CODE, &addr, sizeof(addr));
		jump = text + cr_vdso_function(old_text, text_size, nr);
		distance = cpu_to_le32(leap - (jump + CR_VDSO_JUMP_SIZE));
		*jump = 0xe9;
		memcpy(jump + 1, &distance, sizeof(distance));
	}
}

int cr_vdso_reserve(struct cr_restart *r, const struct cr_rec_vdso *rec,
		    unsigned long addr)
{
	size_t vvar_size = le32_to_cpu(rec->vvar_size);
	unsigned long at;

	at = foreign_map(addr - vvar_size,
			 vvar_size + le32_to_cpu(rec->text_size));
	return IS_ERR_VALUE(at) ?
	       cr_err(&r->log, at, "vdso: cannot be mapped at %lx", addr) : 0;
}

int cr_vdso_map_foreign(struct cr_restart *r, u32 mm, u32 id,
			unsigned long addr)
{
	const struct vdso_image *image = &vdso_image_64;
	size_t vvar_size, text_size, size;
	struct cr_rec_vdso rec;
	struct cr_view view;
	unsigned long copy;
	u8 *area;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	if (cr_vdso_is_own(&rec, &view))
		return 0;
	vvar_size = le32_to_cpu(rec.vvar_size);
	text_size = le32_to_cpu(rec.text_size);
	size = vvar_size + text_size;
	area = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!area)
		return -ENOMEM;
	memcpy(area, view.tail + text_size, le32_to_cpu(rec.data_size));
	memcpy(area + vvar_size, view.tail, text_size);

	err = map_vdso_once(image, 0);
	copy = err ? err : foreign_map(0, size);
	err = IS_ERR_VALUE(copy) ? copy : foreign_fill(copy, area, size);
	if (!err) {
		cr_restart_set(r, mm, (void *)(copy + vvar_size));
		foreign_lead(area + vvar_size, view.tail, text_size,
			     (unsigned long)current->mm->context.vdso);
		err = foreign_fill(addr - vvar_size, area, size);
	}
	kvfree(area);
	return err ? cr_err(&r->log, err, "vdso: cannot be mapped, and that of kernel %.*s lead to it",
			    CR_NAME_LEN, r->img.head.release) : 0;
}

/* ---- registers ---- */

unsigned long cr_vdso_ip(struct cr_restart *r, u32 thread, unsigned long ip)
{
	struct cr_rec_thread rec;
	struct cr_rec_vdso vdso;
	unsigned long copy, text;
	struct cr_rec_mm mm;
	struct cr_view view;

	cr_read_obj(&r->img, thread, &view, &rec, sizeof(rec));
	copy = (unsigned long)cr_restart_get(r, le32_to_cpu(rec.mm));
	if (!copy)
		return ip;
	cr_read_obj(&r->img, le32_to_cpu(rec.mm), &view, &mm, sizeof(mm));
	cr_read_obj(&r->img, le32_to_cpu(mm.vdso), &view, &vdso, sizeof(vdso));
	text = le64_to_cpu(mm.vdso_addr);
	if (ip < text || ip - text >= le32_to_cpu(vdso.text_size))
		return ip;
	return copy + (ip - text);
}
