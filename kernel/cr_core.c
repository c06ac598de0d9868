// SPDX-License-Identifier: GPL-2.0
/*
 * The image as a core dump: the leader's notes, as the kernel's own dump writes
 * them, and the memory that debuggers begin with. A restart reads none of this.
 *
 * The threads stand still, off their CPUs, so regsets read what is saved.
 */
#include <linux/cred.h>
#include <linux/elf.h>
#include <linux/elfcore.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/regset.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/time.h>
#include <linux/cr_arch.h>
#include <linux/cr_auto.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>

/* fs/binfmt_elf.c has the same limit */
#define FILE_NOTE_MAX	(4u << 20)

static void note_write(struct cr_save *s, const char *name, u32 type,
		       const void *data, size_t size)
{
	static const u8 zeros[4];
	struct elf64_note note = {
		.n_namesz = strlen(name) + 1,
		.n_descsz = size,
		.n_type = type,
	};

	cr_out(s, &note, sizeof(note));
	cr_out(s, name, note.n_namesz);
	cr_out(s, zeros, -note.n_namesz & 3);
	cr_out(s, data, size);
	cr_out(s, zeros, -size & 3);
}

/* Is it the signal that this thread has had that the image is written for? */
static bool cause_of(struct cr_save *s, struct task_struct *task)
{
	return s->cause && s->cause->task == task &&
	       (s->cause->class == CR_AUTO_END ||
		s->cause->class == CR_AUTO_FATAL);
}

/* ---- of each thread ---- */

static void prstatus_fill(struct cr_save *s, struct task_struct *task,
			  struct elf_prstatus_common *pr)
{
	struct task_cputime time;

	if (cause_of(s, task))
		pr->pr_info.si_signo = pr->pr_cursig =
			s->cause->info.si_signo;
	pr->pr_sigpend = task->pending.signal.sig[0];
	pr->pr_sighold = task->blocked.sig[0];
	pr->pr_pid = task_pid_nr_ns(task, s->pid_ns);
	pr->pr_ppid = task_ppid_nr_ns(task, s->pid_ns);
	pr->pr_pgrp = task_pgrp_nr_ns(task, s->pid_ns);
	pr->pr_sid = task_session_nr_ns(task, s->pid_ns);
	/* the first thread speaks for the process */
	if (thread_group_leader(task))
		thread_group_cputime(task, &time);
	else
		task_cputime(task, &time.utime, &time.stime);
	pr->pr_utime = ns_to_kernel_old_timeval(time.utime);
	pr->pr_stime = ns_to_kernel_old_timeval(time.stime);
	pr->pr_cutime = ns_to_kernel_old_timeval(task->signal->cutime);
	pr->pr_cstime = ns_to_kernel_old_timeval(task->signal->cstime);
}

static void prstatus_write(struct cr_save *s, struct task_struct *task)
{
	const struct user_regset_view *view = task_user_regset_view(task);
	struct elf_prstatus pr;

	memset(&pr, 0, sizeof(pr));
	prstatus_fill(s, task, &pr.common);
	if (regset_get(task, &view->regsets[0], sizeof(pr.pr_reg),
		       &pr.pr_reg) != sizeof(pr.pr_reg)) {
		cr_err(&s->log, cr_fail(s, -EIO), "pid %d: no registers",
		       task_pid_nr_ns(task, s->pid_ns));
		return;
	}
	pr.pr_fpvalid = 1;
	note_write(s, "CORE", NT_PRSTATUS, &pr, sizeof(pr));
}

/* FP and whatever else the kernel would put into a core */
static void regsets_write(struct cr_save *s, struct task_struct *task)
{
	const struct user_regset_view *view = task_user_regset_view(task);
	void *data;
	int i, size;

	for (i = 1; i < view->n; i++) {
		const struct user_regset *regset = &view->regsets[i];

		if (!regset->core_note_type ||
		    (regset->active && regset->active(task, regset) <= 0))
			continue;
		data = NULL;
		size = regset_get_alloc(task, regset, CR_XSTATE_MAX, &data);
		if (size > 0)
			note_write(s, regset->core_note_type == NT_PRFPREG ?
				   "CORE" : "LINUX", regset->core_note_type,
				   data, size);
		else if (size == -ENOMEM)
			cr_fail(s, size);
		kvfree(data);
	}
}

/* ---- of the process ---- */

static void psargs_read(struct mm_struct *mm, char *args)
{
	size_t len = min_t(size_t, mm->arg_end - mm->arg_start,
			   ELF_PRARGSZ - 1);
	int i, n;

	n = access_remote_vm(mm, mm->arg_start, args, len, FOLL_FORCE);
	for (i = 0; i < n; i++)
		if (!args[i])
			args[i] = ' ';
}

static void psinfo_write(struct cr_save *s, struct task_struct *task,
			 struct mm_struct *mm)
{
	const struct cred *cred = get_task_cred(task);
	struct elf_prpsinfo ps;

	memset(&ps, 0, sizeof(ps));
	ps.pr_sname = 'R';
	ps.pr_nice = task_nice(task);
	ps.pr_flag = task->flags;
	SET_UID(ps.pr_uid, from_kuid_munged(cred->user_ns, cred->uid));
	SET_GID(ps.pr_gid, from_kgid_munged(cred->user_ns, cred->gid));
	put_cred(cred);
	ps.pr_pid = task_pid_nr_ns(task, s->pid_ns);
	ps.pr_ppid = task_ppid_nr_ns(task, s->pid_ns);
	ps.pr_pgrp = task_pgrp_nr_ns(task, s->pid_ns);
	ps.pr_sid = task_session_nr_ns(task, s->pid_ns);
	get_task_comm(ps.pr_fname, task);
	psargs_read(mm, ps.pr_psargs);
	note_write(s, "CORE", NT_PRPSINFO, &ps, sizeof(ps));
}

static void auxv_write(struct cr_save *s, struct mm_struct *mm)
{
	size_t i, nr = ARRAY_SIZE(mm->saved_auxv);

	for (i = 0; i < nr - 2; i += 2)
		if (mm->saved_auxv[i] == AT_NULL)
			break;
	note_write(s, "CORE", NT_AUXV, mm->saved_auxv,
		   (i + 2) * sizeof(mm->saved_auxv[0]));
}

/**
 * struct file_note - NT_FILE while it is made
 * @data: count, page size, then start, end and page offset of each mapping;
 *	the names follow the room for all mappings
 * @nr: mappings in it
 * @max: room for mappings
 * @used: bytes used, names included
 * @size: bytes allocated
 */
struct file_note {
	u64 *data;
	u32 nr;
	u32 max;
	size_t used;
	size_t size;
};

static int file_note_add(struct file_note *n, struct vm_area_struct *vma)
{
	u64 *entry = n->data + 2 + 3 * n->nr;
	char *pos = (char *)n->data + n->used;
	size_t len;
	char *name;

	if (n->nr == n->max)
		return -ENAMETOOLONG;
	name = d_path(file_user_path(vma->vm_file), pos, n->size - n->used);
	if (IS_ERR(name))
		return PTR_ERR(name);
	/* it is at the end of the room */
	len = strlen(name) + 1;
	memmove(pos, name, len);
	n->used += len;
	entry[0] = vma->vm_start;
	entry[1] = vma->vm_end;
	entry[2] = vma->vm_pgoff;
	n->nr++;
	return 0;
}

/* 0; -ENAMETOOLONG: it needs more room */
static int file_note_fill(struct file_note *n, struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	int err = 0;

	n->nr = 0;
	n->used = (2 + 3 * (size_t)n->max) * sizeof(u64);
	if (n->used >= n->size)
		return -ENAMETOOLONG;
	mmap_read_lock(mm);
	for_each_vma(vmi, vma) {
		if (!vma->vm_file)
			continue;
		err = file_note_add(n, vma);
		if (err)
			break;
		cond_resched();
	}
	mmap_read_unlock(mm);
	return err;
}

/* One that gets too large is left out, as the kernel does */
static void files_write(struct cr_save *s, struct mm_struct *mm)
{
	struct file_note n = { .max = mm->map_count };
	size_t head, names, gap;
	int err = -ENAMETOOLONG;

	for (n.size = 64 << 10; n.size <= FILE_NOTE_MAX && err; n.size *= 2) {
		kvfree(n.data);
		n.data = kvmalloc(n.size, GFP_KERNEL);
		if (!n.data) {
			cr_fail(s, -ENOMEM);
			return;
		}
		err = file_note_fill(&n, mm);
	}
	if (!err) {
		/* close the gap that mappings without a file have left */
		head = (2 + 3 * (size_t)n.nr) * sizeof(u64);
		gap = 3 * (size_t)(n.max - n.nr) * sizeof(u64);
		names = n.used - head - gap;
		memmove((char *)n.data + head, (char *)n.data + head + gap,
			names);
		n.data[0] = n.nr;
		n.data[1] = PAGE_SIZE;
		note_write(s, "CORE", NT_FILE, n.data, head + names);
	}
	kvfree(n.data);
}

static void process_write(struct cr_save *s, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	siginfo_t info;

	/* no signal has ended it, unless that is what the image is for */
	memset(&info, 0, sizeof(info));
	if (cause_of(s, task))
		copy_siginfo_to_external(&info, &s->cause->info);
	if (mm)
		psinfo_write(s, task, mm);
	note_write(s, "CORE", NT_SIGINFO, &info, sizeof(info));
	if (mm) {
		auxv_write(s, mm);
		files_write(s, mm);
		mmput(mm);
	}
}

/* ---- memory that debuggers begin with ---- */

/* Of a thread: so much of its stack, and around its thread-local memory */
#define STACK_SHOWN	(128u << 10)
#define TLS_BELOW	(16u << 10)
#define TLS_ABOVE	(4u << 10)

static void shown_add(struct cr_save *s, u64 start, u64 end)
{
	if (start < end && end <= TASK_SIZE_MAX)
		s->shown[s->nr_shown++] = (struct cr_shown){
			.start = round_down(start, PAGE_SIZE),
			.end = PAGE_ALIGN(end),
		};
}

static void shown_add_thread(struct cr_save *s, struct task_struct *task)
{
	u64 sp = user_stack_pointer(task_pt_regs(task));
	u64 tls = cr_arch_thread_pointer(task);
	u64 end = sp + STACK_SHOWN;

	/* a thread library has it at the end of the stack: beyond is other memory */
	if (tls > sp && tls + TLS_ABOVE < end)
		end = tls + TLS_ABOVE;
	shown_add(s, sp, min_t(u64, end, TASK_SIZE_MAX));
	if (tls >= TLS_BELOW)
		shown_add(s, tls - TLS_BELOW, tls + TLS_ABOVE);
}

static int shown_cmp(const void *a, const void *b)
{
	const struct cr_shown *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* What overlaps becomes one */
static void shown_sort(struct cr_save *s)
{
	size_t i, n = 0;

	sort(s->shown, s->nr_shown, sizeof(*s->shown), shown_cmp, NULL);
	for (i = 1; i < s->nr_shown; i++) {
		if (s->shown[i].start > s->shown[n].end)
			s->shown[++n] = s->shown[i];
		else if (s->shown[i].end > s->shown[n].end)
			s->shown[n].end = s->shown[i].end;
	}
	if (s->nr_shown)
		s->nr_shown = n + 1;
}

/* The file that is executed, where its first page is mapped; NULL: nowhere */
static struct file *exe_find(struct cr_save *s, struct mm_struct *mm)
{
	struct file *exe = get_mm_exe_file(mm), *file = NULL;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	if (!exe)
		return NULL;
	mmap_read_lock(mm);
	for_each_vma(vmi, vma) {
		if (!vma->vm_file || vma->vm_pgoff ||
		    (vma->vm_flags & VM_SHARED) ||
		    file_user_path(vma->vm_file)->dentry !=
		    file_user_path(exe)->dentry)
			continue;
		s->exe_addr = vma->vm_start;
		s->exe_prot = cr_vma_prot(vma);
		file = get_file(vma->vm_file);
		break;
	}
	mmap_read_unlock(mm);
	fput(exe);
	return file;
}

/*
 * By its first page a debugger finds the executable's headers and its build-id.
 * Nobody else needs it: whatever fails, it is left out.
 */
static void exe_page_write(struct cr_save *s, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	struct file *file = mm ? exe_find(s, mm) : NULL;
	void *page = file ? kzalloc(PAGE_SIZE, GFP_KERNEL) : NULL;
	loff_t pos = 0;

	if (page && (file->f_mode & FMODE_READ) &&
	    (file->f_mode & FMODE_CAN_READ) &&
	    kernel_read(file, page, PAGE_SIZE, &pos) >= SELFMAG &&
	    !memcmp(page, ELFMAG, SELFMAG)) {
		cr_out_align(s);
		s->exe_at = s->pos;
		cr_out(s, page, PAGE_SIZE);
	}
	kfree(page);
	if (file)
		fput(file);
	if (mm)
		mmput(mm);
}

/* ---- all of it ---- */

static void thread_write(struct cr_save *s, struct task_struct *task, bool first)
{
	if (fatal_signal_pending(current))
		cr_fail(s, -EINTR);
	if (s->err)
		return;
	/* see thread_save() */
	if (!try_get_task_stack(task)) {
		cr_fail_killed(s, task);
		return;
	}
	prstatus_write(s, task);
	if (first)
		process_write(s, task);
	regsets_write(s, task);
	shown_add_thread(s, task);
	put_task_stack(task);
	cond_resched();
}

/**
 * cr_core_notes_save() - write the leader's notes, and a page behind them
 * @s: an isolated job; s->pos is 4-byte aligned
 * @offset: where they start in the file
 * @size: their length
 *
 * Order, names and types are the kernel's: debuggers know no other. Finds what
 * of the leader's memory is to be stored raw, for cr_pages_save().
 * Return: 0 or -errno, which is s->err
 */
int cr_core_notes_save(struct cr_save *s, u64 *offset, u64 *size)
{
	struct cr_proc *leader = list_first_entry(&s->procs, struct cr_proc,
						  list);
	struct cr_thread *thread;

	s->shown = kvmalloc_array(2 * (size_t)leader->nr_threads,
				  sizeof(*s->shown), GFP_KERNEL_ACCOUNT);
	if (!s->shown)
		return cr_fail(s, -ENOMEM);
	*offset = s->pos;
	/* debuggers begin with the first thread: the one that had the signal */
	list_for_each_entry(thread, &leader->threads, list)
		if (cause_of(s, thread->task))
			thread_write(s, thread->task, true);
	list_for_each_entry(thread, &leader->threads, list)
		if (!cause_of(s, thread->task))
			thread_write(s, thread->task, s->pos == *offset);
	*size = s->pos - *offset;
	if (s->err)
		return s->err;
	shown_sort(s);
	thread = list_first_entry(&leader->threads, struct cr_thread, list);
	exe_page_write(s, thread->task);
	return s->err;
}
