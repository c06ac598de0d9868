// SPDX-License-Identifier: GPL-2.0
/*
 * Starting a keeper: a page of code, a stack, nothing else.
 *
 * The pages are ordinary private memory, so a job that contains a keeper (a
 * shell that has resumed another job) is saved like any other.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <asm/elf.h>
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/unistd.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_kernel.h>

extern const char cr_keeper_code[], cr_keeper_code_end[];

static unsigned long keeper_map_code(void)
{
	size_t len = cr_keeper_code_end - cr_keeper_code;
	unsigned long addr;

	addr = vm_mmap(NULL, 0, PAGE_ALIGN(len), PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(addr))
		return addr;
	if (access_process_vm(current, addr, (void *)cr_keeper_code, len,
			      FOLL_WRITE | FOLL_FORCE) != len)
		return -EFAULT;
	return addr;
}

void cr_arch_regs_blank(void)
{
	struct pt_regs *regs = current_pt_regs();

	memset(regs, 0, sizeof(*regs));
	/* a 64-bit system call: sigaction() looks, and means x32 by other bits */
	regs->orig_ax = __NR_execve;
	start_thread(regs, 0, 0);
}

int cr_arch_keeper_start(pid_t leader, bool own_group, unsigned long sp)
{
	struct pt_regs *regs = current_pt_regs();
	unsigned long code;

	code = keeper_map_code();
	if (IS_ERR_VALUE(code))
		return code;
	if (!sp) {
		sp = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, 0);
		if (IS_ERR_VALUE(sp))
			return sp;
		sp += PAGE_SIZE;
	}
	cr_arch_regs_blank();
	start_thread(regs, code, sp);
	regs->r12 = leader;
	regs->r13 = own_group;
	return 0;
}

void cr_arch_task_begin(void)
{
	/* the caller may be a 32-bit program */
	set_personality_64bit();
}
