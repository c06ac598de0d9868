// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware breakpoints that a tracer has set and left behind: a thread has them
 * until it executes, and gets SIGTRAP when it runs into one. They go back in as
 * PTRACE_POKEUSER sets them, in the thread itself: nobody else may touch those of
 * a task that can be killed.
 */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/user.h>
#include <linux/cr_arch.h>
#include <linux/cr_kernel.h>

static_assert(CR_X86_NR_BREAKPOINTS == HBP_NUM);
static_assert(CR_X86_DR7_KNOWN == (u32)~DR_CONTROL_RESERVED);

/* ---- saving ---- */

void cr_arch_debug_save(struct cr_save *s, struct cr_obj *obj,
			struct task_struct *task)
{
	const struct thread_struct *thread = &task->thread;
	u32 dr7 = thread->ptrace_dr7 & CR_X86_DR7_KNOWN;
	struct cr_rec_debug_x86 rec = {
		.dr6 = cpu_to_le32(thread->virtual_dr6 & CR_X86_DR6_KNOWN),
	};
	bool any = false;
	int i;

	for (i = 0; i < HBP_NUM; i++) {
		if (thread->ptrace_bps[i]) {
			any = true;
			rec.addr[i] = cpu_to_le64(
				thread->ptrace_bps[i]->hw.info.address);
		} else {
			/* a child inherits DR7, and no breakpoint with it */
			dr7 &= ~(3u << 2 * i);
		}
	}
	rec.dr7 = cpu_to_le32(dr7);
	if (any)
		cr_write_detail(s, obj, CR_REC_DEBUG_X86, &rec, sizeof(rec),
				NULL, 0);
}

/* ---- restart ---- */

static int debugreg_set(struct cr_restart *r, unsigned int n, u64 value)
{
	int err = arch_ptrace(current, PTRACE_POKEUSR,
			      offsetof(struct user, u_debugreg) +
			      n * sizeof(unsigned long), value);

	return err ? cr_err(&r->log, err,
			    "debug register %u: 0x%llx cannot be set", n,
			    value) : 0;
}

/* DR7 last: it puts on what the others say where */
static int debug_restore(struct cr_restart *r,
			 const struct cr_rec_debug_x86 *rec)
{
	u32 dr7 = le32_to_cpu(rec->dr7);
	int i, err = 0;

	/* DR7 puts on only what has an address, which may be 0 */
	for (i = 0; !err && i < HBP_NUM; i++)
		if (rec->addr[i] || (dr7 >> 2 * i & 3))
			err = debugreg_set(r, i, le64_to_cpu(rec->addr[i]));
	if (!err)
		err = debugreg_set(r, 6, le32_to_cpu(rec->dr6) ^ DR6_RESERVED);
	if (!err)
		err = debugreg_set(r, 7, dr7);
	return err;
}

int cr_arch_debug_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_debug_x86 rec;
	struct cr_detail_iter it;

	/* in place, of the thread that was asked for before */
	flush_ptrace_hw_breakpoint(current);
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_DEBUG_X86)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		return debug_restore(r, &rec);
	}
	return 0;
}
