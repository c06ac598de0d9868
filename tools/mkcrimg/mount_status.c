// SPDX-License-Identifier: GPL-2.0
/* The file "status" of a mounted image: the lines of proc(5) whose values it has. */
#include <string.h>
#include "mount.h"
#include "stack.h"

typedef unsigned long long ull;

/**
 * struct status - whose it is
 * @img: the image
 * @task: the process or thread
 * @proc: its PROC
 * @t: its THREAD, unless it is a zombie
 */
struct status {
	const struct image *img;
	const struct mount_task *task;
	struct cr_rec_proc proc;
	struct cr_rec_thread t;
};

static void name_line(FILE *out, const char *name)
{
	fprintf(out, "Name:\t");
	for (; *name; name++)
		if (*name == '\n')
			fprintf(out, "\\n");
		else if (*name == '\\')
			fprintf(out, "\\\\");
		else
			putc(*name, out);
	putc('\n', out);
}

/* One that slept in a call is a sleeper; the freeze itself does not count */
static const char *state_name(const struct status *s)
{
	struct stack_call call;

	if (!s->task->thread)
		return "Z (zombie)";
	if (s->proc.stop_signal)
		return "T (stopped)";
	stack_call_read(s->img, s->task->thread, &s->t, &call);
	return call.state == CALL_IN ? "S (sleeping)" : "R (running)";
}

static void number_lines(FILE *out, const struct status *s)
{
	struct cr_rec_proc parent;
	struct cr_rec_fs fs;
	struct cr_view v;

	if (s->task->thread) {
		cr_read_obj(&s->img->cr, le32_to_cpu(s->t.fs), &v, &fs,
			    sizeof(fs));
		fprintf(out, "Umask:\t%#04o\n", le32_to_cpu(fs.umask));
	}
	fprintf(out, "State:\t%s\nTgid:\t%u\nPid:\t%u\n", state_name(s),
		le32_to_cpu(s->proc.pid), s->task->nr);
	if (s->proc.parent) {
		cr_read_obj(&s->img->cr, le32_to_cpu(s->proc.parent), &v,
			    &parent, sizeof(parent));
		fprintf(out, "PPid:\t%u\n", le32_to_cpu(parent.pid));
	}
}

static void id_lines(FILE *out, const struct cr_rec_cred *c, const __le32 *groups)
{
	u32 i;

	fprintf(out, "Uid:\t%u\t%u\t%u\t%u\n", le32_to_cpu(c->uid),
		le32_to_cpu(c->euid), le32_to_cpu(c->suid),
		le32_to_cpu(c->fsuid));
	fprintf(out, "Gid:\t%u\t%u\t%u\t%u\n", le32_to_cpu(c->gid),
		le32_to_cpu(c->egid), le32_to_cpu(c->sgid),
		le32_to_cpu(c->fsgid));
	fprintf(out, "Groups:\t");
	for (i = 0; i < le32_to_cpu(c->nr_groups); i++)
		fprintf(out, "%u ", le32_to_cpu(groups[i]));
	/* the kernel's own: a space behind them all, even if there are none */
	fprintf(out, i ? "\n" : " \n");
}

static void capability_lines(FILE *out, const struct status *s,
			     const struct cr_rec_cred *c)
{
	fprintf(out, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n",
		(ull)le64_to_cpu(c->cap_inheritable),
		(ull)le64_to_cpu(c->cap_permitted),
		(ull)le64_to_cpu(c->cap_effective));
	fprintf(out, "CapBnd:\t%016llx\nCapAmb:\t%016llx\nNoNewPrivs:\t%d\n",
		(ull)le64_to_cpu(c->cap_bset), (ull)le64_to_cpu(c->cap_ambient),
		!!(le32_to_cpu(s->t.flags) & CR_THREAD_NO_NEW_PRIVS));
}

static void memory_lines(FILE *out, const struct status *s)
{
	struct cr_detail_iter it;
	struct cr_rec_vma vma;
	struct cr_rec_mm mm;
	struct cr_view v;
	u64 size = 0, peak;

	cr_read_obj(&s->img->cr, le32_to_cpu(s->t.mm), &v, &mm, sizeof(mm));
	cr_for_each_detail(&s->img->cr, le32_to_cpu(s->t.mm), &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		cr_detail(&it, &vma, sizeof(vma));
		size += le64_to_cpu(vma.end) - le64_to_cpu(vma.start);
	}
	peak = le64_to_cpu(mm.hiwater_vm);
	fprintf(out, "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmHWM:\t%8llu kB\n",
		(ull)(peak > size ? peak : size) >> 10, (ull)size >> 10,
		(ull)le64_to_cpu(mm.hiwater_rss) >> 10);
}

static void signal_lines(FILE *out, const struct status *s)
{
	struct cr_rec_sigaction action;
	u64 ignored = 0, caught = 0, bit;
	struct cr_detail_iter it;

	cr_for_each_detail(&s->img->cr, le32_to_cpu(s->t.sighand), &it) {
		if (it.view.type != CR_REC_SIGACTION)
			continue;
		cr_detail(&it, &action, sizeof(action));
		bit = 1ull << (le32_to_cpu(action.sig) - 1);
		if (le64_to_cpu(action.handler) == 1)
			ignored |= bit;
		else if (action.handler)
			caught |= bit;
	}
	fprintf(out, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
		(ull)le64_to_cpu(s->t.pending), (ull)le64_to_cpu(s->proc.pending),
		(ull)le64_to_cpu(s->t.blocked));
	fprintf(out, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (ull)ignored,
		(ull)caught);
}

static void switch_lines(FILE *out, const struct status *s)
{
	struct cr_detail_iter it;
	struct cr_rec_usage use;

	cr_for_each_detail(&s->img->cr, s->task->thread, &it) {
		if (it.view.type != CR_REC_USAGE)
			continue;
		cr_detail(&it, &use, sizeof(use));
		fprintf(out, "voluntary_ctxt_switches:\t%llu\n"
			"nonvoluntary_ctxt_switches:\t%llu\n",
			(ull)le64_to_cpu(use.nvcsw),
			(ull)le64_to_cpu(use.nivcsw));
	}
}

void text_status(FILE *out, const struct mount *m, const struct node *node)
{
	struct status s = { .img = &m->img, .task = node->task };
	char name[CR_COMM_LEN];
	struct cr_rec_cred cred;
	struct cr_view v;

	cr_read_obj(&m->img.cr, node->task->proc, &v, &s.proc, sizeof(s.proc));
	name_line(out, task_name(m, node->task, name));
	if (!node->task->thread) {
		number_lines(out, &s);
		return;
	}
	task_thread(m, node->task, &s.t);
	number_lines(out, &s);
	cr_read_obj(&m->img.cr, le32_to_cpu(s.t.cred), &v, &cred, sizeof(cred));
	id_lines(out, &cred, v.tail);
	memory_lines(out, &s);
	fprintf(out, "Threads:\t%u\n", le32_to_cpu(s.proc.nr_threads));
	signal_lines(out, &s);
	capability_lines(out, &s, &cred);
	switch_lines(out, &s);
}
