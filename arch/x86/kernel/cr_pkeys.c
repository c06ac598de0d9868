// SPDX-License-Identifier: GPL-2.0
/*
 * Memory protection keys: which of them an address space has, the one behind
 * memory that may only be executed, and the key of each mapping. What a thread
 * may do with a key is in its registers.
 *
 * A key can be free and still be that of a mapping, and the one for execution
 * is given by the kernel alone. So while the mappings are made all keys count as
 * the program's own; then they are what they were.
 *
 * Locks: mmap_lock for writing, as pkey_alloc() takes it.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pkeys.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/cr_arch.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <asm/mmu_context.h>

#define ALL_KEYS	0xffff

static int keys_set(struct mm_struct *mm, u16 allocated, s16 execute_only)
{
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	mm->context.pkey_allocation_map = allocated;
	mm->context.execute_only_pkey = execute_only;
	mmap_write_unlock(mm);
	return 0;
}

u32 cr_arch_pkeys_save(const struct mm_struct *mm)
{
	s16 execute_only = mm->context.execute_only_pkey;

	if (!arch_pkeys_enabled())
		return 0;
	return (mm->context.pkey_allocation_map & ~CR_PKEYS_DEFAULT) |
	       (u32)max_t(s16, execute_only, 0) << CR_PKEYS_EXEC_SHIFT;
}

int cr_arch_pkeys_begin(struct cr_restart *r, const struct cr_rec_mm *rec)
{
	if (arch_pkeys_enabled())
		return keys_set(current->mm, ALL_KEYS, -1);
	return rec->pkeys ? cr_err(&r->log, -EOPNOTSUPP,
				   "memory: protection keys, which this machine does not have") :
			    0;
}

int cr_arch_pkey_set(struct cr_restart *r, u64 start, u64 len,
		     unsigned long prot, u32 key)
{
	struct pt_regs args = {
		.di = start,
		.si = len,
		.dx = prot,
		.r10 = key,
	};
	int err = arch_pkeys_enabled() ? __x64_sys_pkey_mprotect(&args) :
					 -EOPNOTSUPP;

	return err ? cr_err(&r->log, err,
			    "mapping %llx-%llx: cannot get protection key %u (%pe)",
			    start, start + len, key, ERR_PTR(err)) : 0;
}

int cr_arch_pkeys_end(const struct cr_rec_mm *rec)
{
	u32 pkeys = le32_to_cpu(rec->pkeys);
	u32 execute_only = pkeys >> CR_PKEYS_EXEC_SHIFT;

	if (!arch_pkeys_enabled())
		return 0;
	return keys_set(current->mm, pkeys | CR_PKEYS_DEFAULT,
			execute_only ?: -1);
}
