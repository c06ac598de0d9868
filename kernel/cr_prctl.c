// SPDX-License-Identifier: GPL-2.0
/*
 * What prctl() has set in a thread: no_new_privs, the time stamp counter, the
 * policy for memory errors, I/O flusher, and the securebits of its credentials.
 *
 * Restored by prctl(), whose rules are the check, in the thread itself. Memory
 * has its own: mm/cr_mm_flags.c.
 */
#include <linux/kernel.h>
#include <linux/cred.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <asm/ptrace.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>

#define IO_FLUSHER	(PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE)

u32 cr_prctl_flags(struct task_struct *task)
{
	unsigned int flags = READ_ONCE(task->flags);
	u32 set = 0;

	if (task_no_new_privs(task))
		set |= CR_THREAD_NO_NEW_PRIVS;
	if (cr_arch_tsc_forbidden(task))
		set |= CR_THREAD_NO_TSC;
	if (flags & PF_MCE_PROCESS)
		set |= flags & PF_MCE_EARLY ? CR_THREAD_MCE_EARLY :
					      CR_THREAD_MCE_LATE;
	if ((flags & IO_FLUSHER) == IO_FLUSHER)
		set |= CR_THREAD_IO_FLUSHER;
	return set;
}

static int prctl_set(struct cr_restart *r, u32 tid, int option,
		     unsigned long arg2, unsigned long arg3)
{
	struct pt_regs args = { .di = option, .si = arg2, .dx = arg3 };
	int err = __x64_sys_prctl(&args);

	return err ? cr_err(&r->log, err, "thread %u: prctl(%d, %lu, %lu) fails",
			    tid, option, arg2, arg3) : 0;
}

static int securebits_restore(struct cr_restart *r, u32 tid, u32 cred)
{
	struct cr_rec_cred rec;
	struct cr_view view;
	u32 bits, differ;

	cr_read_obj(&r->img, cred, &view, &rec, sizeof(rec));
	bits = le32_to_cpu(rec.securebits);
	differ = bits ^ current_cred()->securebits;
	/* anybody may set that one */
	if (differ == SECBIT_KEEP_CAPS)
		return prctl_set(r, tid, PR_SET_KEEPCAPS,
				 !!(bits & SECBIT_KEEP_CAPS), 0);
	return differ ? prctl_set(r, tid, PR_SET_SECUREBITS, bits, 0) : 0;
}

int cr_prctl_restore(struct cr_restart *r, const struct cr_rec_thread *rec)
{
	u32 want = le32_to_cpu(rec->flags), tid = le32_to_cpu(rec->tid);
	u32 differ = want ^ cr_prctl_flags(current);
	int policy = want & CR_THREAD_MCE_EARLY ? PR_MCE_KILL_EARLY :
		     want & CR_THREAD_MCE_LATE ? PR_MCE_KILL_LATE :
						 PR_MCE_KILL_DEFAULT;
	int err = 0;

	if (differ & (CR_THREAD_MCE_EARLY | CR_THREAD_MCE_LATE))
		err = prctl_set(r, tid, PR_MCE_KILL, PR_MCE_KILL_SET, policy);
	if (!err && differ & CR_THREAD_IO_FLUSHER)
		err = prctl_set(r, tid, PR_SET_IO_FLUSHER,
				!!(want & CR_THREAD_IO_FLUSHER), 0);
	if (!err && differ & CR_THREAD_NO_TSC)
		err = prctl_set(r, tid, PR_SET_TSC, want & CR_THREAD_NO_TSC ?
				PR_TSC_SIGSEGV : PR_TSC_ENABLE, 0);
	if (!err)
		err = securebits_restore(r, tid, le32_to_cpu(rec->cred));
	/* it cannot be taken away: a restarter that has it passes it on */
	if (!err && want & CR_THREAD_NO_NEW_PRIVS)
		err = prctl_set(r, tid, PR_SET_NO_NEW_PRIVS, 1, 0);
	return err;
}
