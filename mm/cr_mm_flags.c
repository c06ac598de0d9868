// SPDX-License-Identifier: GPL-2.0
/*
 * Switches of an address space: what prctl(), membarrier(), mlockall() and files
 * below /proc/PID have set of it. They go back in through the same calls.
 *
 * Refused: io_setup(), uprobes, membarrier registrations of a kind that is not known.
 */
#include <linux/binfmts.h>
#include <linux/membarrier.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/cr_arch.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>

static const struct registration {
	u32 cr;
	u32 state;
	int cmd;
} registrations[] = {
	{ CR_MEMBARRIER_GLOBAL, MEMBARRIER_STATE_GLOBAL_EXPEDITED,
	  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED },
	{ CR_MEMBARRIER_PRIVATE, MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY,
	  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED },
	{ CR_MEMBARRIER_SYNC_CORE,
	  MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE_READY,
	  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE },
	{ CR_MEMBARRIER_RSEQ, MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ_READY,
	  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ },
};

#define MEMBARRIER_STATES						\
	(MEMBARRIER_STATE_GLOBAL_EXPEDITED |				\
	 MEMBARRIER_STATE_GLOBAL_EXPEDITED_READY |			\
	 MEMBARRIER_STATE_PRIVATE_EXPEDITED |				\
	 MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY |			\
	 MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE |			\
	 MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE_READY |		\
	 MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ |			\
	 MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ_READY)

/* ---- saving ---- */

static const char *mm_blocker(struct mm_struct *mm)
{
	if (test_bit(MMF_HAS_UPROBES, &mm->flags))
		return "uprobes";
	if (mm->def_flags & ~(VM_NOHUGEPAGE | VM_LOCKED | VM_LOCKONFAULT))
		return "unknown default of its mappings";
	if (atomic_read(&mm->membarrier_state) & ~MEMBARRIER_STATES)
		return "unknown membarrier() registration";
	if (rcu_access_pointer(mm->ioctx_table))
		return "asynchronous I/O (io_setup)";
	return NULL;
}

void cr_mm_flags_collect(struct cr_save *s, struct cr_obj *obj)
{
	const char *why = mm_blocker(obj->ptr);

	if (why)
		cr_refuse(s, obj->holder, "CR-EMM", "memory: %s", why);
}

void cr_mm_flags_save(struct mm_struct *mm, struct cr_rec_mm *rec)
{
	u32 state = atomic_read(&mm->membarrier_state);
	u32 membarrier = 0, prctl = 0, filter;
	int i;

	for (i = 0; i < ARRAY_SIZE(registrations); i++)
		if (state & registrations[i].state)
			membarrier |= registrations[i].cr;
	if (test_bit(MMF_HAS_MDWE, &mm->flags))
		prctl |= CR_MM_MDWE;
	if (test_bit(MMF_HAS_MDWE_NO_INHERIT, &mm->flags))
		prctl |= CR_MM_MDWE_NO_INHERIT;
	if (test_bit(MMF_VM_MERGE_ANY, &mm->flags))
		prctl |= CR_MM_MERGE_ANY;
	if (mm->def_flags & VM_LOCKED)
		prctl |= CR_MM_LOCK_FUTURE;
	if ((mm->def_flags & VM_LOCKED) && (mm->def_flags & VM_LOCKONFAULT))
		prctl |= CR_MM_LOCK_ONFAULT;
	filter = (mm->flags & MMF_DUMP_FILTER_MASK) >> MMF_DUMP_FILTER_SHIFT;
	rec->dumpable = cpu_to_le32(get_dumpable(mm));
	rec->thp_disable = cpu_to_le32(test_bit(MMF_DISABLE_THP, &mm->flags));
	rec->membarrier = cpu_to_le32(membarrier);
	rec->prctl = cpu_to_le32(prctl);
	rec->coredump_filter = cpu_to_le32(filter ^ CR_COREDUMP_DEFAULT);
	rec->pkeys = cpu_to_le32(cr_arch_pkeys_save(mm));
	if (cr_mm_is_topdown(mm))
		rec->mmap_base = cpu_to_le64(mm->mmap_base);
}

/* ---- restart ---- */

static int membarrier_restore(struct cr_restart *r, u32 membarrier)
{
	struct pt_regs args = {};
	int i, err;

	for (i = 0; i < ARRAY_SIZE(registrations); i++) {
		if (!(membarrier & registrations[i].cr))
			continue;
		args.di = registrations[i].cmd;
		err = __x64_sys_membarrier(&args);
		if (err)
			return cr_err(&r->log, err,
				      "memory: membarrier(%d) fails",
				      registrations[i].cmd);
	}
	return 0;
}

static int prctl_set(struct cr_restart *r, int option, unsigned long value)
{
	struct pt_regs args = {
		.di = option,
		.si = value,
	};
	int err = __x64_sys_prctl(&args);

	/* so says a kernel that does not know it */
	if (err == -EINVAL)
		err = -EOPNOTSUPP;
	return err ? cr_err(&r->log, err, "memory: prctl(%d, %lu) fails",
			    option, value) : 0;
}

/* It changes no mapping that is there: they are locked or not, one by one */
static int lock_future(struct cr_restart *r, u32 prctl)
{
	const struct pt_regs args = {
		.di = MCL_FUTURE |
		      (prctl & CR_MM_LOCK_ONFAULT ? MCL_ONFAULT : 0),
	};
	int err = __x64_sys_mlockall(&args);

	return err ? cr_err(&r->log, err, "memory: mlockall(MCL_FUTURE) fails") :
		     0;
}

/* Only where mmap() begins to look; what it may use is TASK_SIZE's */
static void mmap_base_set(struct mm_struct *mm, const struct cr_rec_mm *rec)
{
	u64 base = le64_to_cpu(rec->mmap_base);

	if (base && base < TASK_SIZE && cr_mm_is_topdown(mm))
		mm->mmap_base = base;
}

/* Before there are pages; the inherited ones are the restarter's */
int cr_mm_flags_restore_first(struct mm_struct *mm, const struct cr_rec_mm *rec)
{
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	if (rec->thp_disable)
		set_bit(MMF_DISABLE_THP, &mm->flags);
	else
		clear_bit(MMF_DISABLE_THP, &mm->flags);
	mmap_base_set(mm, rec);
	mmap_write_unlock(mm);
	return 0;
}

int cr_mm_flags_restore_exec(struct cr_restart *r, u32 id)
{
	struct cr_rec_mm rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	mmap_base_set(current->mm, &rec);
	mmap_write_unlock(current->mm);
	return membarrier_restore(r, le32_to_cpu(rec.membarrier));
}

/* An image gives root nothing to dump that this machine would not */
static int dumpable_of(const struct cr_rec_mm *rec)
{
	u32 dumpable = le32_to_cpu(rec->dumpable);

	if (dumpable == SUID_DUMP_ROOT && suid_dumpable != SUID_DUMP_ROOT)
		return SUID_DUMP_DISABLE;
	return dumpable;
}

/*
 * When all mappings are there: MDWE forbids to make some of them, and none shall
 * be locked because those that follow are to be
 */
int cr_mm_flags_restore_last(struct cr_restart *r, const struct cr_rec_mm *rec)
{
	u32 prctl = le32_to_cpu(rec->prctl);
	u32 filter = le32_to_cpu(rec->coredump_filter) ^ CR_COREDUMP_DEFAULT;
	struct mm_struct *mm = current->mm;
	int i, err;

	for (i = 0; i < MMF_DUMP_FILTER_BITS; i++) {
		if (filter & (1 << i))
			set_bit(i + MMF_DUMP_FILTER_SHIFT, &mm->flags);
		else
			clear_bit(i + MMF_DUMP_FILTER_SHIFT, &mm->flags);
	}
	err = membarrier_restore(r, le32_to_cpu(rec->membarrier));
	if (!err && (prctl & CR_MM_MERGE_ANY))
		err = prctl_set(r, PR_SET_MEMORY_MERGE, 1);
	if (!err && (prctl & CR_MM_MDWE))
		err = prctl_set(r, PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN |
				(prctl & CR_MM_MDWE_NO_INHERIT ?
				 PR_MDWE_NO_INHERIT : 0));
	if (!err && (prctl & CR_MM_LOCK_FUTURE))
		err = lock_future(r, prctl);
	if (!err)
		set_dumpable(mm, dumpable_of(rec));
	return err;
}
