/* SPDX-License-Identifier: GPL-2.0 */
/*
 * execve() has only its errno to say why. The lines behind it are kept for a
 * while, for the process that asked.
 */
#ifndef _LINUX_CR_LASTERR_H
#define _LINUX_CR_LASTERR_H

#include <linux/cr.h>

/* Keep @log's lines as those of the current process; takes them over */
void cr_lasterr_set(struct cr_log *log);
/* Nothing failed: forget what is kept for the current process */
void cr_lasterr_clear(void);
/* Copy the lines kept for @pid (0: the caller). 0, -ENOENT, -EPERM, -EFAULT */
int cr_lasterr_get(pid_t pid, u64 uaddr, u32 len);
void cr_lasterr_exit(void);

#endif /* _LINUX_CR_LASTERR_H */
