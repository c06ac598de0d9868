// SPDX-License-Identifier: GPL-2.0
/*
 * Only outside a kernel tree: marks the module as one whose unexported symbols
 * are livepatch symbols, which the kernel resolves itself. tools/klplink makes them so.
 */
#include <linux/module.h>

MODULE_INFO(livepatch, "Y");
