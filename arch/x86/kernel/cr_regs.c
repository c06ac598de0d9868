// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of x86-64: general, FP and vector state, TLS bases.
 *
 * Saved and restored through the regsets, the interface that debuggers use: it
 * knows where registers are when a task does not run, and checks what it is
 * given. Refused: 32-bit tasks, segment selectors other than Linux' own, entries
 * in the GDT's TLS slots, I/O permissions, shadow stacks. Hardware breakpoints:
 * cr_debugreg.c.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/regset.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/elf.h>
#include <asm/desc.h>
#include <asm/segment.h>
#include <asm/syscall.h>
#include <asm/user.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xstate.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_kernel.h>
#include "cr_vdso.h"

static_assert(sizeof(struct user_regs_struct) == CR_X86_NR_REGS * sizeof(u64));

/* Calls that return -EINTR whatever the reason: signal(7) */
static bool call_returns_eintr(long nr)
{
	switch (nr) {
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2:
	case __NR_semop:
	case __NR_semtimedop:
	case __NR_rt_sigtimedwait:
	case __NR_io_getevents:
	case __NR_io_pgetevents:
	/* with a timeout of the socket's (SO_RCVTIMEO, SO_SNDTIMEO) */
	case __NR_read:
	case __NR_readv:
	case __NR_write:
	case __NR_writev:
	case __NR_recvfrom:
	case __NR_recvmsg:
	case __NR_recvmmsg:
	case __NR_sendto:
	case __NR_sendmsg:
	case __NR_sendmmsg:
	case __NR_accept:
	case __NR_accept4:
	case __NR_connect:
		return true;
	}
	return false;
}

void cr_arch_hide_eintr(struct task_struct *task)
{
	struct pt_regs *regs = task_pt_regs(task);
	long nr = syscall_get_nr(task, regs);

	if (nr < 0 || (long)regs->ax != -EINTR || task_sigpending(task))
		return;
	if (call_returns_eintr(nr))
		regs->ax = -ERESTARTNOHAND;
}

void cr_arch_set_result(long value)
{
	struct pt_regs *regs = current_pt_regs();

	regs->ax = value;
	/* nothing is to be restarted */
	regs->orig_ax = -1;
}

static const struct user_regset *thread_regset(struct task_struct *task,
					       unsigned int type)
{
	const struct user_regset_view *view = task_user_regset_view(task);
	unsigned int i;

	for (i = 0; i < view->n; i++)
		if (view->regsets[i].core_note_type == type)
			return &view->regsets[i];
	return NULL;
}

bool cr_arch_tsc_forbidden(struct task_struct *task)
{
	return test_tsk_thread_flag(task, TIF_NOTSC);
}

void cr_arch_thread_collect(struct cr_save *s, struct task_struct *task)
{
	struct thread_struct *thread = &task->thread;
	unsigned int i;

	if (test_tsk_thread_flag(task, TIF_ADDR32) ||
	    !user_64bit_mode(task_pt_regs(task)))
		cr_refuse(s, task, "CR-EARCH", "32-bit task: not supported yet");
	if (thread->fsindex || thread->gsindex || thread->es || thread->ds)
		cr_refuse(s, task, "CR-EARCH",
			  "segment selectors fs %x gs %x es %x ds %x: not supported",
			  thread->fsindex, thread->gsindex, thread->es,
			  thread->ds);
	for (i = 0; i < GDT_ENTRY_TLS_ENTRIES; i++)
		if (!desc_empty(&thread->tls_array[i]))
			cr_refuse(s, task, "CR-EARCH",
				  "set_thread_area() entry %u: not supported",
				  i);
	if (test_tsk_thread_flag(task, TIF_IO_BITMAP) || thread->iopl_emul)
		cr_refuse(s, task, "CR-EARCH", "I/O permissions: not supported");
	if (test_tsk_thread_flag(task, TIF_NOCPUID))
		cr_refuse(s, task, "CR-EARCH",
			  "CPUID forbidden by arch_prctl(): not supported");
	/* ARCH_REQ_XCOMP_PERM: the first thread has it for all */
	if (READ_ONCE(thread->fpu.perm.__state_perm) &
	    XFEATURE_MASK_USER_DYNAMIC)
		cr_refuse(s, task, "CR-EARCH",
			  "permission to use AMX: not supported yet");
	if (cr_task_has_shstk(task))
		cr_refuse(s, task, "CR-EARCH",
			  "user shadow stack: not supported yet");
}

unsigned long cr_arch_thread_pointer(struct task_struct *task)
{
	/* no selector is in use: cr_arch_thread_collect() */
	return task->thread.fsbase;
}

static void xstate_save(struct cr_save *s, struct cr_obj *obj,
			struct task_struct *task)
{
	const struct user_regset *set = thread_regset(task, NT_X86_XSTATE);
	struct cr_rec_xstate_x86 rec = {};
	void *buf = NULL;
	u64 xfeatures;
	int len;

	if (!set) {
		cr_err(&s->log, cr_fail(s, -EOPNOTSUPP),
		       "this CPU has no XSAVE");
		return;
	}
	len = regset_get_alloc(task, set, CR_XSTATE_MAX, &buf);
	if (len < 0) {
		cr_fail(s, len);
		return;
	}
	/* the header follows the 512 bytes of FXSAVE: xstate_bv first */
	if (len >= 520) {
		memcpy(&xfeatures, buf + 512, sizeof(xfeatures));
		rec.xfeatures = cpu_to_le64(xfeatures);
	}
	rec.size = cpu_to_le32(len);
	cr_write_detail(s, obj, CR_REC_XSTATE_X86, &rec, sizeof(rec), buf, len);
	kvfree(buf);
}

void cr_arch_thread_save(struct cr_save *s, struct cr_obj *obj,
			 struct task_struct *task)
{
	const struct user_regset *set = thread_regset(task, NT_PRSTATUS);
	struct user_regs_struct regs;
	struct cr_rec_regs_x86 rec;
	int len, i;

	len = regset_get(task, set, sizeof(regs), &regs);
	if (len != sizeof(regs)) {
		cr_fail(s, len < 0 ? len : -EIO);
		return;
	}
	for (i = 0; i < CR_X86_NR_REGS; i++)
		rec.gpr[i] = cpu_to_le64(((unsigned long *)&regs)[i]);
	cr_write_detail(s, obj, CR_REC_REGS_X86, &rec, sizeof(rec), NULL, 0);
	xstate_save(s, obj, task);
}

static int regs_restore(struct cr_restart *r, u32 thread,
			const struct cr_rec_regs_x86 *rec,
			struct task_struct *task)
{
	const struct user_regset *set = thread_regset(task, NT_PRSTATUS);
	struct user_regs_struct regs;
	int i, err;

	for (i = 0; i < CR_X86_NR_REGS; i++)
		((unsigned long *)&regs)[i] = le64_to_cpu(rec->gpr[i]);
	if (regs.cs != __USER_CS || regs.ss != __USER_DS || regs.ds ||
	    regs.es || regs.fs || regs.gs)
		return cr_err(&r->log, -EOPNOTSUPP,
			      "thread %d: segment selectors that are not those of a 64-bit task",
			      task_pid_vnr(task));
	regs.ip = cr_vdso_ip(r, thread, regs.ip);
	err = set->set(task, set, 0, sizeof(regs), &regs, NULL);
	if (err)
		return cr_err(&r->log, err,
			      "thread %d: the kernel does not accept its registers",
			      task_pid_vnr(task));
	/* a flag without effect that the regset leaves out: CPUID is there */
	if (regs.flags & X86_EFLAGS_ID)
		task_pt_regs(task)->flags |= X86_EFLAGS_ID;
	return 0;
}

/*
 * The regset takes the area in this CPU's full size only. The standard format
 * puts each component at the same place on every CPU that has it, so a shorter
 * area is padded with components in their initial state.
 */
static int xstate_restore(struct cr_restart *r,
			  const struct cr_rec_xstate_x86 *rec,
			  const void *tail, struct task_struct *task)
{
	const struct user_regset *set = thread_regset(task, NT_X86_XSTATE);
	size_t size = le32_to_cpu(rec->size);
	size_t full;
	void *buf;
	int err;

	if (!set)
		return cr_err(&r->log, -EOPNOTSUPP, "this CPU has no XSAVE");
	full = set->n * set->size;
	if (size > full)
		return cr_err(&r->log, -EOPNOTSUPP,
			      "thread %d: %zu bytes of vector state, this CPU has %zu (components %#llx)",
			      task_pid_vnr(task), size, full,
			      le64_to_cpu(rec->xfeatures));
	buf = kvzalloc(full, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, tail, size);
	err = set->set(task, set, 0, full, buf, NULL);
	kvfree(buf);
	if (err)
		return cr_err(&r->log, err == -EINVAL ? -EOPNOTSUPP : err,
			      "thread %d: this CPU does not have its vector state (components %#llx)",
			      task_pid_vnr(task), le64_to_cpu(rec->xfeatures));
	return 0;
}

int cr_arch_thread_restore(struct cr_restart *r, u32 id,
			   struct task_struct *task)
{
	struct cr_rec_xstate_x86 xstate;
	struct cr_rec_regs_x86 regs;
	struct cr_detail_iter it;
	int err = 0;

	cr_for_each_detail(&r->img, id, &it) {
		switch (it.view.type) {
		case CR_REC_REGS_X86:
			cr_detail(&it, &regs, sizeof(regs));
			err = regs_restore(r, id, &regs, task);
			break;
		case CR_REC_XSTATE_X86:
			cr_detail(&it, &xstate, sizeof(xstate));
			err = xstate_restore(r, &xstate, it.view.tail, task);
			break;
		}
		if (err)
			return err;
	}
	return 0;
}
