/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_LINUX_SCHED_H
#define _COMPAT_LINUX_SCHED_H

static inline void cond_resched(void)
{
}

#endif
