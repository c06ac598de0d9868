// SPDX-License-Identifier: GPL-2.0
/*
 * The notes of a core: made of the records, in the order in which the kernel
 * writes them. The first thread's come first, with what belongs to the whole
 * process between its general and its vector registers; it is the one whose signal
 * has ended the process, if one has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include "core_notes.h"

#define XSAVE_LEGACY	512
#define SIGINFO_SIZE	128
/* A longer list of mapped files is left out, as the kernel does it beyond 4 MiB */
#define FILES_MAX	(64u << 20)

static void note_add(FILE *out, const char *name, u32 type, const void *data,
		     size_t len)
{
	static const char zero[4];
	Elf64_Nhdr n = {
		.n_namesz = strlen(name) + 1,
		.n_descsz = len,
		.n_type = type,
	};

	fwrite(&n, sizeof(n), 1, out);
	fwrite(name, 1, n.n_namesz, out);
	fwrite(zero, 1, -n.n_namesz & 3, out);
	fwrite(data, 1, len, out);
	fwrite(zero, 1, -len & 3, out);
}

/* What the notes of one process are made of */
struct source {
	const struct image *img;
	struct cr_rec_proc proc;
	u32 ppid;
	struct cr_rec_thread leader;
	struct cr_rec_mm mm;
	/* of the signal that has ended the process, or 0: which thread had it */
	struct cr_view cause;
	u32 signo, thread;
};

/* The signal that has ended a process: that of the image's cause, if it is of this one */
static void cause_find(struct source *s, u32 thread)
{
	struct cr_detail_iter it;
	struct cr_rec_cause rec;

	cr_for_each_detail(&s->img->cr, thread, &it) {
		if (it.view.type != CR_REC_CAUSE)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		if (le32_to_cpu(rec.class) == CR_CAUSE_SAVE)
			continue;
		s->cause = it.view;
		s->signo = le32_to_cpu(rec.sig);
		s->thread = thread;
	}
}

static void prstatus_add(FILE *out, const struct source *s,
			 const struct cr_rec_thread *t,
			 const struct cr_rec_regs_x86 *regs, bool first)
{
	struct elf_prstatus st = {
		.pr_sigpend = le64_to_cpu(t->pending),
		.pr_sighold = le64_to_cpu(t->blocked),
		.pr_pid = le32_to_cpu(t->tid),
		.pr_ppid = s->ppid,
		.pr_pgrp = le32_to_cpu(s->proc.pgid),
		.pr_sid = le32_to_cpu(s->proc.sid),
		.pr_fpvalid = 1,
	};

	if (first) {
		st.pr_info.si_signo = s->signo;
		st.pr_cursig = s->signo;
		st.pr_utime.tv_sec = le64_to_cpu(s->proc.utime_ns) / 1000000000;
		st.pr_stime.tv_sec = le64_to_cpu(s->proc.stime_ns) / 1000000000;
	}
	memcpy(&st.pr_reg, regs->gpr, sizeof(st.pr_reg));
	note_add(out, "CORE", NT_PRSTATUS, &st, sizeof(st));
}

/* The command line, as far as it was in memory */
static void psargs_read(const struct source *s, char *text, size_t size)
{
	u64 start = le64_to_cpu(s->mm.arg_start);
	u64 len = le64_to_cpu(s->mm.arg_end) - start;
	size_t i, got;

	if (len > size - 1)
		len = size - 1;
	got = image_mem_read(s->img, le32_to_cpu(s->leader.mm), start, text,
			     len);
	for (i = 0; i < got; i++)
		if (!text[i])
			text[i] = ' ';
}

static void prpsinfo_add(FILE *out, const struct source *s)
{
	struct elf_prpsinfo info = {
		.pr_sname = 'R',
		.pr_nice = (s32)le32_to_cpu(s->leader.nice),
		.pr_pid = le32_to_cpu(s->proc.pid),
		.pr_ppid = s->ppid,
		.pr_pgrp = le32_to_cpu(s->proc.pgid),
		.pr_sid = le32_to_cpu(s->proc.sid),
	};
	struct cr_rec_cred cred;
	struct cr_view v;

	cr_read_obj(&s->img->cr, le32_to_cpu(s->leader.cred), &v, &cred,
		    sizeof(cred));
	info.pr_uid = le32_to_cpu(cred.uid);
	info.pr_gid = le32_to_cpu(cred.gid);
	memcpy(info.pr_fname, s->leader.comm, sizeof(info.pr_fname));
	psargs_read(s, info.pr_psargs, sizeof(info.pr_psargs));
	note_add(out, "CORE", NT_PRPSINFO, &info, sizeof(info));
}

/* Start, end and offset of each mapped file; their names. False: too long */
static bool files_list(const struct source *s, FILE *numbers, FILE *names)
{
	struct cr_detail_iter it;
	struct cr_rec_vma vma;
	size_t len = 0;
	u64 entry[3];
	const char *name;

	cr_for_each_detail(&s->img->cr, le32_to_cpu(s->leader.mm), &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		cr_detail(&it, &vma, sizeof(vma));
		if (!vma.obj)
			continue;
		entry[0] = le64_to_cpu(vma.start);
		entry[1] = le64_to_cpu(vma.end);
		entry[2] = le64_to_cpu(vma.pgoff) / 4096;
		name = image_file_name(s->img, le32_to_cpu(vma.obj));
		len += sizeof(entry) + strlen(name) + 1;
		/* one name, of a file that is mapped a million times */
		if (len > FILES_MAX)
			return false;
		fwrite(entry, sizeof(entry), 1, numbers);
		fwrite(name, 1, strlen(name) + 1, names);
	}
	return true;
}

/* Mapped files: count, page size, then the list and the names */
static void files_add(FILE *out, const struct source *s)
{
	u64 head[2] = { 0, 4096 };
	char *numbers = NULL, *names = NULL, *note;
	size_t numbers_len = 0, names_len = 0;
	FILE *n = open_memstream(&numbers, &numbers_len);
	FILE *t = open_memstream(&names, &names_len);
	bool ok = n && t && files_list(s, n, t);

	ok = !(n && fclose(n)) && ok;
	ok = !(t && fclose(t)) && ok;
	note = ok ? malloc(sizeof(head) + numbers_len + names_len) : NULL;
	if (note) {
		head[0] = numbers_len / (3 * sizeof(u64));
		memcpy(note, head, sizeof(head));
		memcpy(note + sizeof(head), numbers, numbers_len);
		memcpy(note + sizeof(head) + numbers_len, names, names_len);
		note_add(out, "CORE", NT_FILE, note,
			 sizeof(head) + numbers_len + names_len);
	}
	free(note);
	free(numbers);
	free(names);
}

static void process_add(FILE *out, const struct source *s)
{
	static const char none[SIGINFO_SIZE];
	struct cr_detail_iter it;

	prpsinfo_add(out, s);
	note_add(out, "CORE", NT_SIGINFO, s->thread ? s->cause.tail : (void *)none,
		 SIGINFO_SIZE);
	cr_for_each_detail(&s->img->cr, le32_to_cpu(s->leader.mm), &it)
		if (it.view.type == CR_REC_AUXV)
			note_add(out, "CORE", NT_AUXV, it.view.tail,
				 it.view.tail_len);
	files_add(out, s);
}

static void thread_add(FILE *out, const struct source *s, u32 id, bool first)
{
	struct cr_rec_regs_x86 regs = {};
	struct cr_view xstate = {};
	struct cr_detail_iter it;
	struct cr_rec_thread t;
	struct cr_view v;

	cr_read_obj(&s->img->cr, id, &v, &t, sizeof(t));
	cr_for_each_detail(&s->img->cr, id, &it) {
		if (it.view.type == CR_REC_REGS_X86)
			cr_detail(&it, &regs, sizeof(regs));
		else if (it.view.type == CR_REC_XSTATE_X86)
			xstate = it.view;
	}
	prstatus_add(out, s, &t, &regs, first);
	if (first)
		process_add(out, s);
	if (!xstate.tail_len)
		return;
	note_add(out, "CORE", NT_PRFPREG, xstate.tail, XSAVE_LEGACY);
	note_add(out, "LINUX", NT_X86_XSTATE, xstate.tail, xstate.tail_len);
}

void *core_notes(const struct image *img, u32 proc, size_t *size)
{
	struct source s = { .img = img };
	struct cr_rec_proc parent;
	struct cr_view v;
	char *notes = NULL;
	FILE *out;
	bool bad;
	u32 n, first;

	cr_read_obj(&img->cr, proc, &v, &s.proc, sizeof(s.proc));
	if (s.proc.parent) {
		cr_read_obj(&img->cr, le32_to_cpu(s.proc.parent), &v, &parent,
			    sizeof(parent));
		s.ppid = le32_to_cpu(parent.pid);
	}
	image_main_thread(img, proc, &s.leader);
	cr_read_obj(&img->cr, le32_to_cpu(s.leader.mm), &v, &s.mm,
		    sizeof(s.mm));
	out = open_memstream(&notes, size);
	if (!out)
		return NULL;
	for (n = 0; n < le32_to_cpu(s.proc.nr_threads); n++)
		cause_find(&s, proc + 1 + n);
	first = s.thread ?: proc + 1;
	thread_add(out, &s, first, true);
	for (n = 0; n < le32_to_cpu(s.proc.nr_threads); n++)
		if (proc + 1 + n != first)
			thread_add(out, &s, proc + 1 + n, false);
	bad = ferror(out);
	if (fclose(out) || bad) {
		free(notes);
		return NULL;
	}
	return notes;
}
