/* SPDX-License-Identifier: GPL-2.0 */
/* Restart in place, as the loader uses it */
#ifndef _LINUX_CR_INPLACE_H
#define _LINUX_CR_INPLACE_H

#include <linux/cr.h>

struct linux_binprm;

/* Has the caller the leader's number, and no other threads? */
bool cr_inplace_fits(struct cr_restart *r);

/**
 * cr_inplace_become() - the caller becomes the job's leader
 * @r: after cr_build() and cr_link(), with r->in_place
 * @bprm: of the execve()
 *
 * Passes the point of no return. The job is committed a little later, from a
 * kernel thread, when the caller has left execve().
 * Return: 0 or -errno
 */
int __must_check cr_inplace_become(struct cr_restart *r,
				   struct linux_binprm *bprm);

#endif /* _LINUX_CR_INPLACE_H */
