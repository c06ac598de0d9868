/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_LINUX_BUILD_BUG_H
#define _COMPAT_LINUX_BUILD_BUG_H

#include <assert.h>

/* 0, or no compilation if @e is true */
#define BUILD_BUG_ON_ZERO(e)	((int)sizeof(struct { int : (-!!(e)); }))

#endif
