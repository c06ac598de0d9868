// SPDX-License-Identifier: GPL-2.0
/* Names of system calls: mkcrimg.mk makes the list of the C library's headers. */
#include <linux/kernel.h>
#include "stack.h"

static const char *const names[] = {
#include "syscalls.inc"
};

const char *syscall_name(u64 nr)
{
	return nr < ARRAY_SIZE(names) ? names[nr] : NULL;
}
