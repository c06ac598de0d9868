// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: what struct mm_struct holds beside its mappings (cr_vma.c),
 * its pages (cr_pages.c) and its switches (cr_mm_flags.c): the areas that
 * prctl(PR_SET_MM) knows, auxv, the executable.
 *
 * Refused: an mm that processes outside the job use; what x86 alone knows:
 * arch/x86/kernel/cr_vdso.c.
 *
 * Locks: mmap_lock for reading while an mm is looked at; its fields are set as
 * prctl(PR_SET_MM_MAP) does, under mmap_lock for reading and arg_lock.
 */
#include <linux/delay.h>
#include <linux/auxvec.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/resource.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/cr_arch.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include "cr_pages.h"

/* ---- collecting ---- */

static void mm_get(struct cr_obj *obj)
{
	mmget(obj->ptr);
}

static void mm_put(struct cr_obj *obj)
{
	mmput(obj->ptr);
}

static bool areas_ok(const struct cr_rec_mm *rec)
{
	const __le64 *area = &rec->start_code;
	int i;

	/* start_code to env_end: what validate_prctl_map_addr() asks for */
	BUILD_BUG_ON(offsetof(struct cr_rec_mm, env_end) !=
		     offsetof(struct cr_rec_mm, start_code) + 10 * sizeof(__le64));
	for (i = 0; i < 11; i++) {
		u64 addr = le64_to_cpu(area[i]);

		if (addr >= TASK_SIZE || addr < mmap_min_addr)
			return false;
	}
	return le64_to_cpu(rec->start_code) < le64_to_cpu(rec->end_code) &&
	       le64_to_cpu(rec->start_data) <= le64_to_cpu(rec->end_data) &&
	       le64_to_cpu(rec->start_brk) <= le64_to_cpu(rec->brk) &&
	       le64_to_cpu(rec->arg_start) <= le64_to_cpu(rec->arg_end) &&
	       le64_to_cpu(rec->env_start) <= le64_to_cpu(rec->env_end);
}

static void areas_save(struct mm_struct *mm, struct cr_rec_mm *rec)
{
	spin_lock(&mm->arg_lock);
	rec->start_code = cpu_to_le64(mm->start_code);
	rec->end_code = cpu_to_le64(mm->end_code);
	rec->start_data = cpu_to_le64(mm->start_data);
	rec->end_data = cpu_to_le64(mm->end_data);
	rec->start_brk = cpu_to_le64(mm->start_brk);
	rec->brk = cpu_to_le64(mm->brk);
	rec->start_stack = cpu_to_le64(mm->start_stack);
	rec->arg_start = cpu_to_le64(mm->arg_start);
	rec->arg_end = cpu_to_le64(mm->arg_end);
	rec->env_start = cpu_to_le64(mm->env_start);
	rec->env_end = cpu_to_le64(mm->env_end);
	spin_unlock(&mm->arg_lock);
}

/* One that was replaced by an upgrade, or run from a memfd, has no name */
static void exe_collect(struct cr_save *s, struct cr_obj *obj,
			struct file *exe)
{
	const char *why;

	if (cr_file_is_shm(exe, &why)) {
		if (cr_file_collect_mapped(s, exe, obj->holder, CR_FILE_EXE))
			cr_shm_collect(s, exe, obj->holder);
	} else if (why) {
		cr_refuse(s, obj->holder, "CR-EMM", "executable (%pD): %s", exe,
			  why);
	} else {
		cr_file_collect_mapped(s, exe, obj->holder,
				       CR_FILE_MAPPED | CR_FILE_EXE);
	}
}

static void mm_collect_exe(struct cr_save *s, struct cr_obj *obj)
{
	struct file *exe = get_mm_exe_file(obj->ptr);

	if (!exe) {
		cr_refuse(s, obj->holder, "CR-EMM", "memory: no executable");
		return;
	}
	if (S_ISREG(file_inode(exe)->i_mode))
		exe_collect(s, obj, exe);
	else
		cr_refuse(s, obj->holder, "CR-EMM",
			  "executable (%pD): not a regular file", exe);
	fput(exe);
}

/*
 * Who holds the lock may sleep uninterruptibly, in a page fault for example. A
 * job that is to be isolated is then not looked at yet: he is named when he does
 * not stop, or is over with it when all stand still.
 */
static bool mm_lock(struct cr_save *s, struct cr_obj *obj)
{
	struct mm_struct *mm = obj->ptr;

	while (!mmap_read_trylock(mm)) {
		if (fatal_signal_pending(current)) {
			cr_fail(s, -EINTR);
			return false;
		}
		if (time_after(jiffies, s->until)) {
			if (s->still || s->looks)
				cr_err(&s->log, cr_fail(s, -ETIMEDOUT),
				       "pid %d (%s): memory: somebody does not let go of its lock",
				       task_tgid_vnr(obj->holder),
				       obj->holder->comm);
			return false;
		}
		usleep_range(50, 500);
	}
	return true;
}

static void mm_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct mm_struct *mm = obj->ptr;
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma;
	struct cr_rec_mm rec;

	cr_mm_flags_collect(s, obj);
	areas_save(mm, &rec);
	/* execve() sets them one by one, and is over when the job stands still */
	if (!areas_ok(&rec) && (s->still || !obj->holder->in_execve))
		cr_refuse(s, obj->holder, "CR-EMM",
			  "memory: areas of prctl(PR_SET_MM) that cannot be set again");
	mm_collect_exe(s, obj);
	s->memory_estimate += (u64)(get_mm_counter(mm, MM_ANONPAGES) +
				    get_mm_counter(mm, MM_SWAPENTS)) << PAGE_SHIFT;
	if (!mm_lock(s, obj))
		return;
	cr_arch_mm_collect(s, obj);
	for_each_vma(vmi, vma) {
		cr_vma_collect(s, obj->holder, vma);
		cond_resched();
	}
	mmap_read_unlock(mm);
}

/* ---- sharing ---- */

static bool job_has(struct cr_save *s, const struct task_struct *leader)
{
	struct cr_proc *proc;

	list_for_each_entry(proc, &s->procs, list)
		if (proc->task == leader)
			return true;
	return false;
}

/* A process outside the job that uses it; holds a reference */
static struct task_struct *mm_find_outside(struct cr_save *s,
					   struct mm_struct *mm)
{
	struct task_struct *p, *t;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (READ_ONCE(t->mm) != mm || (t->flags & PF_KTHREAD) ||
		    job_has(s, p))
			continue;
		get_task_struct(p);
		rcu_read_unlock();
		return p;
	}
	rcu_read_unlock();
	return NULL;
}

static void mm_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct mm_struct *mm = obj->ptr;
	struct task_struct *task;

	/* the table holds one; a reader of /proc may hold others for a while */
	if (atomic_read(&mm->mm_users) > obj->refs + 1) {
		task = mm_find_outside(s, mm);
		if (task) {
			cr_refuse(s, obj->holder, "CR-EMM",
				  "memory: shared with pid %d (%s) outside the job",
				  task_pid_vnr(task), task->comm);
			put_task_struct(task);
		}
	}
}

/* ---- saving ---- */

static void auxv_save(struct cr_save *s, struct cr_obj *obj)
{
	struct mm_struct *mm = obj->ptr;
	__le64 auxv[ARRAY_SIZE(mm->saved_auxv)];
	struct cr_rec_auxv rec = {};
	u32 i, nr = ARRAY_SIZE(mm->saved_auxv);

	for (i = 0; i < nr; i++)
		auxv[i] = cpu_to_le64(mm->saved_auxv[i]);
	for (i = 0; i < nr - 2; i += 2)
		if (mm->saved_auxv[i] == AT_NULL)
			break;
	/* as prctl() has it: the last pair is AT_NULL, whatever it was */
	auxv[i] = AT_NULL;
	auxv[i + 1] = 0;
	rec.nr = cpu_to_le32(i + 2);
	cr_write_detail(s, obj, CR_REC_AUXV, &rec, sizeof(rec), auxv,
			(i + 2) * sizeof(*auxv));
}

static u32 mm_count_vmas(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	u32 nr = 0;

	for_each_vma(vmi, vma)
		nr++;
	return nr;
}

static void mm_save(struct cr_save *s, struct cr_obj *obj)
{
	struct mm_struct *mm = obj->ptr;
	struct file *exe = get_mm_exe_file(mm);
	VMA_ITERATOR(vmi, mm, 0);
	const struct vdso_image *vdso;
	struct vm_area_struct *vma;
	struct cr_rec_mm rec = {};
	struct cr_obj *origin;
	unsigned long addr;

	cr_mm_flags_save(mm, &rec);
	cr_usage_save_mm(mm, &rec);
	if (exe) {
		rec.exe = cpu_to_le32(cr_file_mapped_id(s, exe));
		fput(exe);
	}
	origin = cr_cow_origin(s, obj);
	if (origin)
		rec.origin = cpu_to_le32(origin->id);
	areas_save(mm, &rec);
	mmap_read_lock(mm);
	vdso = cr_vdso_find(mm, &addr);
	rec.vdso = cpu_to_le32(cr_obj_id(s, CR_OBJ_VDSO, (void *)vdso));
	rec.vdso_addr = cpu_to_le64(addr);
	if (list_is_first(&obj->list, &s->objs[CR_OBJ_MM]))
		s->vdso_addr = addr;
	rec.nr_vmas = cpu_to_le32(mm_count_vmas(mm));
	cr_write_obj(s, obj, &rec, sizeof(rec), NULL, 0);
	for_each_vma(vmi, vma) {
		cr_vma_save(s, obj, vma);
		cond_resched();
	}
	mmap_read_unlock(mm);
	auxv_save(s, obj);
}

/* ---- restart ---- */

int cr_mm_empty(struct cr_log *log)
{
	struct mm_struct *mm = current->mm;
	int err;

	err = vm_munmap(0, TASK_SIZE);
	if (err)
		return cr_err(log, err,
			      "the restarter has memory that cannot be unmapped");
	membarrier_exec_mmap(mm);
	mm->hiwater_rss = 0;
	mm->hiwater_vm = 0;
	return cr_arch_mm_empty(mm, log);
}

/* Others may be fooled by it: only who may set any executable sets such a one */
static bool exe_is_set_id(const struct file *exe)
{
	return (file_inode(exe)->i_mode & (S_ISUID | S_ISGID)) &&
	       !checkpoint_restore_ns_capable(current_user_ns());
}

/* As prctl(PR_SET_MM_EXE_FILE) checks it, which asks for a capability, too */
static int exe_restore(struct cr_restart *r, u32 id)
{
	struct file *exe = cr_restart_get(r, id);
	int err;

	if (!exe || !S_ISREG(file_inode(exe)->i_mode) ||
	    path_noexec(&exe->f_path))
		return cr_err(&r->log, -EACCES,
			      "executable: not a file that may be executed");
	if (exe_is_set_id(exe))
		return cr_err(&r->log, -EPERM,
			      "executable (%pD): changes the user or the group",
			      exe);
	err = file_permission(exe, MAY_EXEC);
	if (!err)
		err = replace_mm_exe_file(current->mm, exe);
	if (err)
		return cr_err(&r->log, err, "executable (%pD): cannot be set",
			      exe);
	return 0;
}

static int vmas_restore(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_vma vma;
	int err;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		if (fatal_signal_pending(current) || READ_ONCE(r->err))
			return -EINTR;
		cond_resched();
		cr_detail(&it, &vma, sizeof(vma));
		err = cr_vma_restore(r, &vma,
				     it.view.tail_len ? it.view.tail : NULL);
		if (err)
			return err;
	}
	return 0;
}

static int vmas_finish(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_vma vma;
	int err;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		if (fatal_signal_pending(current) || READ_ONCE(r->err))
			return -EINTR;
		cr_detail(&it, &vma, sizeof(vma));
		err = cr_vma_finish(r, &vma);
		if (err)
			return err;
	}
	return 0;
}

static int areas_restore(struct cr_restart *r, struct mm_struct *mm,
			 const struct cr_rec_mm *rec)
{
	if (!areas_ok(rec) ||
	    check_data_rlimit(rlimit(RLIMIT_DATA), le64_to_cpu(rec->brk),
			      le64_to_cpu(rec->start_brk),
			      le64_to_cpu(rec->end_data),
			      le64_to_cpu(rec->start_data)))
		return cr_err(&r->log, -EINVAL,
			      "memory: its areas are not what prctl(PR_SET_MM) takes");
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	spin_lock(&mm->arg_lock);
	mm->start_code = le64_to_cpu(rec->start_code);
	mm->end_code = le64_to_cpu(rec->end_code);
	mm->start_data = le64_to_cpu(rec->start_data);
	mm->end_data = le64_to_cpu(rec->end_data);
	mm->start_brk = le64_to_cpu(rec->start_brk);
	mm->brk = le64_to_cpu(rec->brk);
	mm->start_stack = le64_to_cpu(rec->start_stack);
	mm->arg_start = le64_to_cpu(rec->arg_start);
	mm->arg_end = le64_to_cpu(rec->arg_end);
	mm->env_start = le64_to_cpu(rec->env_start);
	mm->env_end = le64_to_cpu(rec->env_end);
	spin_unlock(&mm->arg_lock);
	mmap_read_unlock(mm);
	return 0;
}

static int auxv_restore(struct cr_restart *r, u32 id)
{
	struct mm_struct *mm = current->mm;
	struct cr_detail_iter it;
	struct cr_rec_auxv rec;
	__le64 value;
	u32 i, nr;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type == CR_REC_AUXV)
			break;
	}
	if (!cr_detail_valid(&it))
		return 0;
	cr_detail(&it, &rec, sizeof(rec));
	nr = le32_to_cpu(rec.nr);
	if (nr > ARRAY_SIZE(mm->saved_auxv) ||
	    it.view.tail_len < nr * sizeof(value))
		return cr_err(&r->log, -EOPNOTSUPP,
			      "memory: auxv of %u numbers, this kernel has room for %zu",
			      nr, ARRAY_SIZE(mm->saved_auxv));
	memset(mm->saved_auxv, 0, sizeof(mm->saved_auxv));
	for (i = 0; i < nr; i++) {
		/* a tail is aligned to 4 bytes only */
		memcpy(&value, it.view.tail + i * sizeof(value), sizeof(value));
		mm->saved_auxv[i] = le64_to_cpu(value);
	}
	mm->saved_auxv[ARRAY_SIZE(mm->saved_auxv) - 2] = AT_NULL;
	mm->saved_auxv[ARRAY_SIZE(mm->saved_auxv) - 1] = AT_NULL;
	return 0;
}

int cr_mm_restore(struct cr_restart *r, u32 id)
{
	unsigned int personality = current->personality;
	struct mm_struct *mm = current->mm;
	unsigned long *taken = NULL;
	struct cr_rec_mm rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	/* protections are what the image says, not what a personality adds */
	current->personality &= ~READ_IMPLIES_EXEC;
	err = cr_mm_flags_restore_first(mm, &rec);
	if (!err)
		err = cr_arch_pkeys_begin(r, &rec);
	/* before a file is mapped: it asks that the old one is not */
	if (!err)
		err = exe_restore(r, le32_to_cpu(rec.exe));
	/* first, at an address that must be free */
	if (!err && rec.vdso)
		err = cr_vdso_map(r, le32_to_cpu(rec.vdso),
				  le64_to_cpu(rec.vdso_addr));
	if (!err)
		err = vmas_restore(r, id);
	/* they say where its pages shall be */
	if (!err)
		err = cr_mempolicy_restore_mm(r, id);
	if (!err)
		err = cr_cow_restore(r, id, &taken);
	if (!err)
		err = cr_pages_restore(r, id, NULL, taken);
	kvfree(taken);
	/* protected and locked are the pages that are there, so after them */
	if (!err)
		err = vmas_finish(r, id);
	if (!err)
		err = cr_arch_pkeys_end(&rec);
	if (!err && rec.vdso)
		err = cr_vdso_map_foreign(r, id, le32_to_cpu(rec.vdso),
					  le64_to_cpu(rec.vdso_addr));
	if (!err)
		err = areas_restore(r, mm, &rec);
	if (!err)
		err = auxv_restore(r, id);
	if (!err)
		err = cr_mm_flags_restore_last(r, &rec);
	current->personality = personality;
	return err;
}

const struct cr_obj_ops cr_mm_ops = {
	.name		= "memory",
	.rec		= CR_REC_MM,
	.get		= mm_get,
	.put		= mm_put,
	.collect	= mm_collect,
	.outside	= mm_outside,
	.save		= mm_save,
};
