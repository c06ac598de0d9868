// SPDX-License-Identifier: GPL-2.0
/*
 * What getrusage(), wait4() and /proc/PID/io tell beside CPU time: page faults,
 * context switches, blocks and bytes, the most memory there was.
 *
 * Threads count for themselves; a process has the counts of threads that have
 * exited, and those of children that were waited for. A zombie's first thread
 * is one that has exited: its counts are the process' after a restart.
 *
 * Locks: siglock and stats_lock of a process. A thread's own are its own.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/task_io_accounting_ops.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>

/* ---- saving ---- */

static void io_save(const struct task_io_accounting *io,
		    struct cr_rec_usage *rec)
{
#ifdef CONFIG_TASK_XACCT
	rec->rchar = cpu_to_le64(io->rchar);
	rec->wchar = cpu_to_le64(io->wchar);
	rec->syscr = cpu_to_le64(io->syscr);
	rec->syscw = cpu_to_le64(io->syscw);
#endif
#ifdef CONFIG_TASK_IO_ACCOUNTING
	rec->read_bytes = cpu_to_le64(io->read_bytes);
	rec->write_bytes = cpu_to_le64(io->write_bytes);
	rec->cancelled_write_bytes = cpu_to_le64(io->cancelled_write_bytes);
#endif
}

static void children_save(struct cr_save *s, struct cr_obj *obj,
			  const struct signal_struct *signal)
{
	struct cr_rec_usage rec = {
		.who = cpu_to_le32(CR_USAGE_CHILDREN),
		.maxrss = cpu_to_le64((u64)signal->cmaxrss << PAGE_SHIFT),
		.min_flt = cpu_to_le64(signal->cmin_flt),
		.maj_flt = cpu_to_le64(signal->cmaj_flt),
		.nvcsw = cpu_to_le64(signal->cnvcsw),
		.nivcsw = cpu_to_le64(signal->cnivcsw),
		.inblock = cpu_to_le64(signal->cinblock),
		.oublock = cpu_to_le64(signal->coublock),
	};

	cr_write_detail(s, obj, CR_REC_USAGE, &rec, sizeof(rec), NULL, 0);
}

void cr_usage_save_proc(struct cr_save *s, struct cr_obj *obj,
			struct task_struct *task, bool exited)
{
	const struct signal_struct *signal = task->signal;
	struct task_io_accounting io = signal->ioac;
	struct cr_rec_usage rec = {
		.maxrss = cpu_to_le64((u64)signal->maxrss << PAGE_SHIFT),
		.min_flt = cpu_to_le64(signal->min_flt),
		.maj_flt = cpu_to_le64(signal->maj_flt),
		.nvcsw = cpu_to_le64(signal->nvcsw),
		.nivcsw = cpu_to_le64(signal->nivcsw),
		.inblock = cpu_to_le64(signal->inblock),
		.oublock = cpu_to_le64(signal->oublock),
	};

	if (exited) {
		le64_add_cpu(&rec.min_flt, task->min_flt);
		le64_add_cpu(&rec.maj_flt, task->maj_flt);
		le64_add_cpu(&rec.nvcsw, task->nvcsw);
		le64_add_cpu(&rec.nivcsw, task->nivcsw);
		le64_add_cpu(&rec.inblock, task_io_get_inblock(task));
		le64_add_cpu(&rec.oublock, task_io_get_oublock(task));
		task_io_accounting_add(&io, &task->ioac);
	}
	io_save(&io, &rec);
	cr_write_detail(s, obj, CR_REC_USAGE, &rec, sizeof(rec), NULL, 0);
	children_save(s, obj, signal);
}

void cr_usage_save_thread(struct cr_save *s, struct cr_obj *obj,
			  const struct task_struct *task)
{
	struct cr_rec_usage rec = {
		.min_flt = cpu_to_le64(task->min_flt),
		.maj_flt = cpu_to_le64(task->maj_flt),
		.nvcsw = cpu_to_le64(task->nvcsw),
		.nivcsw = cpu_to_le64(task->nivcsw),
	};

	io_save(&task->ioac, &rec);
	cr_write_detail(s, obj, CR_REC_USAGE, &rec, sizeof(rec), NULL, 0);
}

void cr_usage_save_mm(struct mm_struct *mm, struct cr_rec_mm *rec)
{
	rec->hiwater_rss = cpu_to_le64((u64)get_mm_hiwater_rss(mm) <<
				       PAGE_SHIFT);
	rec->hiwater_vm = cpu_to_le64((u64)get_mm_hiwater_vm(mm) <<
				      PAGE_SHIFT);
}

/* ---- restart ---- */

/* Zeroes, if the image has none */
static void usage_read(struct cr_restart *r, u32 id, u32 who,
		       struct cr_rec_usage *rec)
{
	struct cr_rec_usage each;
	struct cr_detail_iter it;

	memset(rec, 0, sizeof(*rec));
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_USAGE)
			continue;
		cr_detail(&it, &each, sizeof(each));
		if (le32_to_cpu(each.who) == who)
			*rec = each;
	}
}

static void io_restore(struct task_io_accounting *io,
		       const struct cr_rec_usage *rec)
{
#ifdef CONFIG_TASK_XACCT
	io->rchar = le64_to_cpu(rec->rchar);
	io->wchar = le64_to_cpu(rec->wchar);
	io->syscr = le64_to_cpu(rec->syscr);
	io->syscw = le64_to_cpu(rec->syscw);
#endif
#ifdef CONFIG_TASK_IO_ACCOUNTING
	io->read_bytes = le64_to_cpu(rec->read_bytes);
	io->write_bytes = le64_to_cpu(rec->write_bytes);
	io->cancelled_write_bytes = le64_to_cpu(rec->cancelled_write_bytes);
#endif
}

static void self_restore(struct signal_struct *signal,
			 const struct cr_rec_usage *rec)
{
	signal->maxrss = le64_to_cpu(rec->maxrss) >> PAGE_SHIFT;
	signal->min_flt = le64_to_cpu(rec->min_flt);
	signal->maj_flt = le64_to_cpu(rec->maj_flt);
	signal->nvcsw = le64_to_cpu(rec->nvcsw);
	signal->nivcsw = le64_to_cpu(rec->nivcsw);
	signal->inblock = le64_to_cpu(rec->inblock);
	signal->oublock = le64_to_cpu(rec->oublock);
	io_restore(&signal->ioac, rec);
}

static void children_restore(struct signal_struct *signal,
			     const struct cr_rec_usage *rec)
{
	signal->cmaxrss = le64_to_cpu(rec->maxrss) >> PAGE_SHIFT;
	signal->cmin_flt = le64_to_cpu(rec->min_flt);
	signal->cmaj_flt = le64_to_cpu(rec->maj_flt);
	signal->cnvcsw = le64_to_cpu(rec->nvcsw);
	signal->cnivcsw = le64_to_cpu(rec->nivcsw);
	signal->cinblock = le64_to_cpu(rec->inblock);
	signal->coublock = le64_to_cpu(rec->oublock);
}

void cr_usage_read(struct cr_restart *r, u32 id, struct cr_usage *usage)
{
	usage_read(r, id, CR_USAGE_SELF, &usage->self);
	usage_read(r, id, CR_USAGE_CHILDREN, &usage->children);
}

void cr_usage_set_proc(struct task_struct *task, const struct cr_usage *usage)
{
	static const struct cr_usage none;
	struct sighand_struct *sighand = cr_sighand(task);
	struct signal_struct *signal = task->signal;

	if (!sighand)
		return;
	usage = usage ?: &none;
	spin_lock(&sighand->siglock);
	write_seqlock(&signal->stats_lock);
	self_restore(signal, &usage->self);
	children_restore(signal, &usage->children);
	write_sequnlock(&signal->stats_lock);
	spin_unlock(&sighand->siglock);
}

static void thread_set(const struct cr_rec_usage *rec)
{
	current->min_flt = le64_to_cpu(rec->min_flt);
	current->maj_flt = le64_to_cpu(rec->maj_flt);
	current->nvcsw = le64_to_cpu(rec->nvcsw);
	current->nivcsw = le64_to_cpu(rec->nivcsw);
	io_restore(&current->ioac, rec);
}

void cr_usage_restore_thread(struct cr_restart *r, u32 id)
{
	struct cr_rec_usage rec;

	usage_read(r, id, CR_USAGE_SELF, &rec);
	thread_set(&rec);
}

void cr_usage_forget(struct mm_struct *mm)
{
	static const struct cr_rec_usage none;

	thread_set(&none);
	if (mm) {
		mm->hiwater_rss = 0;
		mm->hiwater_vm = 0;
	}
}

/* What is there now counts, too, whenever somebody asks */
void cr_usage_restore_mm(struct cr_restart *r, u32 thread)
{
	struct mm_struct *mm = current->mm;
	struct cr_rec_thread of;
	struct cr_rec_mm rec;
	struct cr_view view;

	cr_read_obj(&r->img, thread, &view, &of, sizeof(of));
	cr_read_obj(&r->img, le32_to_cpu(of.mm), &view, &rec, sizeof(rec));
	mm->hiwater_rss = le64_to_cpu(rec.hiwater_rss) >> PAGE_SHIFT;
	mm->hiwater_vm = le64_to_cpu(rec.hiwater_vm) >> PAGE_SHIFT;
}
