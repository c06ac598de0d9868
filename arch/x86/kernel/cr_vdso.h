/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vdso: what its files tell each other.
 */
#ifndef _CR_VDSO_H
#define _CR_VDSO_H

#include <linux/cr.h>

/* Is the vdso of the image, its record and tail, the one of this kernel? */
bool cr_vdso_is_own(const struct cr_rec_vdso *rec, const struct cr_view *view);

/* Can that of another kernel, @text, lead to this one's? The reason is in r->log */
int __must_check cr_vdso_foreign_check(struct cr_restart *r,
				       const struct cr_rec_vdso *rec,
				       const void *text);

/* Nothing else may come to lie where it was, its text at @addr */
int __must_check cr_vdso_reserve(struct cr_restart *r,
				 const struct cr_rec_vdso *rec,
				 unsigned long addr);

/*
 * Where a thread of the image goes on that stood at @ip: inside the vdso of
 * another kernel that is in a copy without jumps
 */
unsigned long cr_vdso_ip(struct cr_restart *r, u32 thread, unsigned long ip);

#endif /* _CR_VDSO_H */
