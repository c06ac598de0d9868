/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_LINUX_COMPILER_H
#define _COMPAT_LINUX_COMPILER_H

#define __printf(a, b)	__attribute__((format(printf, a, b)))

#endif
