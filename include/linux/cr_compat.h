/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the older of the supported kernels lacks or calls otherwise, under the
 * newer one's names. Force-included into every file outside a kernel tree, and
 * the only place that tests a kernel's version.
 */
#ifndef _LINUX_CR_COMPAT_H
#define _LINUX_CR_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#endif

#endif /* _LINUX_CR_COMPAT_H */
