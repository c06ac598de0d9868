/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_LINUX_XXHASH_H
#define _COMPAT_LINUX_XXHASH_H

#include <xxhash.h>

#define xxh64(input, length, seed)	XXH64(input, length, seed)

#endif
