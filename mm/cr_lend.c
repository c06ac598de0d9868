// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a task is lent while its state is restored: system calls take their
 * arguments from there. It must not stay, and nobody is left to be told if it does.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/cr_mm.h>

/* To unmap needs little memory, and others give some back before long */
#define UNMAP_TRIES	1000

unsigned long cr_lend(size_t size, unsigned long flags)
{
	return vm_mmap(NULL, 0, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, 0);
}

void cr_lend_end(unsigned long addr, size_t size)
{
	int tries = 0;

	while (vm_munmap(addr, size) == -ENOMEM &&
	       !fatal_signal_pending(current) && ++tries < UNMAP_TRIES)
		schedule_timeout_uninterruptible(1);
}
