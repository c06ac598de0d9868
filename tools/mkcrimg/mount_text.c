// SPDX-License-Identifier: GPL-2.0
/*
 * Files of a mounted image in the formats of proc(5), and where its links lead.
 * What the image does not know is left out.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include "mount.h"

typedef unsigned long long ull;

/* ---- names ---- */

/* What /proc calls a FILE or a SHM */
static void name_write(FILE *out, const struct image *img, u32 id)
{
	const char *deleted = "";
	struct cr_rec_file f;
	struct cr_rec_shm shm;
	struct cr_rec_pty pty;
	struct cr_view v, name;

	if (!id)
		return;
	cr_read_obj(&img->cr, id, &name, NULL, 0);
	if (img->cr.objs[id].type == CR_REC_FILE) {
		cr_read_obj(&img->cr, id, &v, &f, sizeof(f));
		id = le32_to_cpu(f.obj);
		if (le32_to_cpu(f.kind) == CR_FILE_PTY_SLAVE) {
			cr_read_obj(&img->cr, id, &v, &pty, sizeof(pty));
			fprintf(out, "/dev/pts/%u", le32_to_cpu(pty.index));
			return;
		}
		if (le32_to_cpu(f.kind) != CR_FILE_SHM)
			id = 0;
	}
	/* the last name of a file that has lost it; others are recorded with it */
	if (id) {
		cr_read_obj(&img->cr, id, &v, &shm, sizeof(shm));
		if (le32_to_cpu(shm.kind) == CR_SHM_FILE)
			deleted = CR_SHM_DELETED;
	}
	fprintf(out, "%s%s", (const char *)name.tail, deleted);
}

void link_exe(FILE *out, const struct mount *m, const struct node *node)
{
	struct cr_rec_thread t;
	struct cr_rec_mm mm;
	struct cr_view v;

	task_thread(m, node->task, &t);
	cr_read_obj(&m->img.cr, le32_to_cpu(t.mm), &v, &mm, sizeof(mm));
	name_write(out, &m->img, le32_to_cpu(mm.exe));
}

void link_cwd(FILE *out, const struct mount *m, const struct node *node)
{
	struct cr_rec_thread t;
	struct cr_rec_fs fs;
	struct cr_view v;

	task_thread(m, node->task, &t);
	cr_read_obj(&m->img.cr, le32_to_cpu(t.fs), &v, &fs, sizeof(fs));
	fprintf(out, "%s%s", (const char *)v.tail,
		le32_to_cpu(fs.flags) & CR_FS_CWD_REMOVED ? CR_SHM_DELETED :
							    "");
}

void link_root(FILE *out, const struct mount *m, const struct node *node)
{
	struct cr_rec_thread t;
	struct cr_rec_fs fs;
	struct cr_view v;

	task_thread(m, node->task, &t);
	cr_read_obj(&m->img.cr, le32_to_cpu(t.fs), &v, &fs, sizeof(fs));
	fprintf(out, "%s", (const char *)v.tail + le32_to_cpu(fs.cwd_len));
}

void link_fd(FILE *out, const struct mount *m, const struct node *node)
{
	name_write(out, &m->img, le32_to_cpu(node->fd.file));
}

/* ---- maps ---- */

/* In front of the name of what is named by prctl(PR_SET_VMA_ANON_NAME) */
static const char *anon_prefix(const struct cr_rec_vma *vma)
{
	return le32_to_cpu(vma->kind) == CR_VMA_SHM ? "anon_shmem" : "anon";
}

static void vma_name(FILE *out, const struct image *img,
		     const struct cr_rec_vma *vma, const struct cr_view *v)
{
	u32 flags = le32_to_cpu(vma->flags);

	switch (le32_to_cpu(vma->kind)) {
	case CR_VMA_VDSO:
		fprintf(out, "[vdso]");
		return;
	case CR_VMA_VVAR:
		fprintf(out, "[vvar]");
		return;
	case CR_VMA_ANON:
		if (flags & (CR_VMA_HEAP | CR_VMA_STACK)) {
			fprintf(out, flags & CR_VMA_HEAP ? "[heap]" :
							   "[stack]");
			return;
		}
	}
	if (v->tail_len)
		fprintf(out, "[%s:%s]", anon_prefix(vma),
			(const char *)v->tail);
	else
		name_write(out, img, le32_to_cpu(vma->obj));
}

/* Names begin in one column; a newline in one would begin another mapping */
static void name_column(FILE *out, int column, const char *name)
{
	if (*name)
		fprintf(out, "%*s ", column < 72 ? 72 - column : 0, "");
	for (; *name; name++)
		if (*name == '\n')
			fprintf(out, "\\012");
		else
			putc(*name, out);
	putc('\n', out);
}

static void vma_write(FILE *out, const struct image *img,
		      const struct cr_rec_vma *vma, const struct cr_view *v)
{
	u32 prot = le32_to_cpu(vma->prot), obj = le32_to_cpu(vma->obj);
	struct cr_rec_file f = {};
	char *name = NULL;
	size_t len;
	FILE *text = open_memstream(&name, &len);
	struct cr_view file;
	dev_t dev;
	int column;

	if (!text)
		return;
	vma_name(text, img, vma, v);
	fclose(text);
	if (obj && img->cr.objs[obj].type == CR_REC_FILE)
		cr_read_obj(&img->cr, obj, &file, &f, sizeof(f));
	dev = le64_to_cpu(f.dev);
	column = fprintf(out, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
			 (ull)le64_to_cpu(vma->start),
			 (ull)le64_to_cpu(vma->end),
			 prot & CR_PROT_READ ? 'r' : '-',
			 prot & CR_PROT_WRITE ? 'w' : '-',
			 prot & CR_PROT_EXEC ? 'x' : '-',
			 le32_to_cpu(vma->flags) & CR_VMA_SHARED ? 's' : 'p',
			 (ull)le64_to_cpu(vma->pgoff), major(dev), minor(dev),
			 (ull)le64_to_cpu(f.ino));
	name_column(out, column, name ? name : "");
	free(name);
}

void text_maps(FILE *out, const struct mount *m, const struct node *node)
{
	struct cr_detail_iter it;
	struct cr_rec_thread t;
	struct cr_rec_vma vma;

	task_thread(m, node->task, &t);
	cr_for_each_detail(&m->img.cr, le32_to_cpu(t.mm), &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		if (ftell(out) > TEXT_MAX)
			break;
		cr_detail(&it, &vma, sizeof(vma));
		vma_write(out, &m->img, &vma, &it.view);
	}
}

/* ---- descriptors ---- */

static void fdinfo_timer(FILE *out, const struct cr_rec_timerfd *t)
{
	u64 left = le64_to_cpu(t->remaining_ns);
	u64 every = le64_to_cpu(t->interval_ns);

	fprintf(out, "clockid: %u\nticks: %llu\nsettime flags: 0%o\n",
		le32_to_cpu(t->clockid), (ull)le64_to_cpu(t->ticks),
		le32_to_cpu(t->flags));
	fprintf(out, "it_value: (%llu, %llu)\nit_interval: (%llu, %llu)\n",
		(ull)left / 1000000000, (ull)left % 1000000000,
		(ull)every / 1000000000, (ull)every % 1000000000);
}

/* What a file on the anonymous inode says of itself */
static void fdinfo_anon(FILE *out, const struct image *img, u32 file)
{
	struct cr_detail_iter it;
	struct cr_rec_signalfd s;
	struct cr_rec_eventfd e;
	struct cr_rec_timerfd t;
	struct cr_rec_pidfd p;

	cr_detail_first(&img->cr, file, &it);
	if (!cr_detail_valid(&it))
		return;
	switch (it.view.type) {
	case CR_REC_EVENTFD:
		cr_detail(&it, &e, sizeof(e));
		fprintf(out, "eventfd-count: %16llx\n",
			(ull)le64_to_cpu(e.count));
		break;
	case CR_REC_TIMERFD:
		cr_detail(&it, &t, sizeof(t));
		fdinfo_timer(out, &t);
		break;
	case CR_REC_SIGNALFD:
		cr_detail(&it, &s, sizeof(s));
		fprintf(out, "sigmask:\t%016llx\n", (ull)le64_to_cpu(s.mask));
		break;
	case CR_REC_PIDFD:
		cr_detail(&it, &p, sizeof(p));
		fprintf(out, "Pid:\t%u\n", le32_to_cpu(p.nr));
		break;
	}
}

void text_fdinfo(FILE *out, const struct mount *m, const struct node *node)
{
	u32 id = le32_to_cpu(node->fd.file), flags;
	struct cr_rec_file f;
	struct cr_view v;

	cr_read_obj(&m->img.cr, id, &v, &f, sizeof(f));
	flags = le32_to_cpu(f.open_flags);
	if (le32_to_cpu(f.kind) == CR_FILE_OPATH)
		flags |= O_PATH;
	if (le32_to_cpu(f.flags) & CR_FILE_ASYNC)
		flags |= O_ASYNC;
	if (node->fd.cloexec)
		flags |= O_CLOEXEC;
	fprintf(out, "pos:\t%lld\nflags:\t0%o\n",
		(long long)le64_to_cpu(f.pos), flags);
	if (f.ino)
		fprintf(out, "ino:\t%llu\n", (ull)le64_to_cpu(f.ino));
	fdinfo_anon(out, &m->img, id);
}

/* ---- others ---- */

const char *task_name(const struct mount *m, const struct mount_task *task,
		      char name[CR_COMM_LEN])
{
	struct cr_rec_thread t;
	struct cr_rec_proc p;
	struct cr_view v;

	cr_read_obj(&m->img.cr, task->proc, &v, &p, sizeof(p));
	memcpy(name, p.comm, CR_COMM_LEN);
	if (task->thread)
		task_thread(m, task, &t);
	/* a process whose first thread has exited goes by the name of that */
	if (task->thread && !(task->nr == le32_to_cpu(p.pid) &&
			      (le32_to_cpu(p.flags) & CR_PROC_HEADLESS)))
		memcpy(name, t.comm, CR_COMM_LEN);
	name[CR_COMM_LEN - 1] = 0;
	return name;
}

void text_comm(FILE *out, const struct mount *m, const struct node *node)
{
	char name[CR_COMM_LEN];

	fprintf(out, "%s\n", task_name(m, node->task, name));
}

void text_auxv(FILE *out, const struct mount *m, const struct node *node)
{
	struct cr_detail_iter it;
	struct cr_rec_thread t;

	task_thread(m, node->task, &t);
	cr_for_each_detail(&m->img.cr, le32_to_cpu(t.mm), &it)
		if (it.view.type == CR_REC_AUXV)
			fwrite(it.view.tail, 1, it.view.tail_len, out);
}

void text_coredump_filter(FILE *out, const struct mount *m,
			  const struct node *node)
{
	struct cr_rec_thread t;
	struct cr_rec_mm mm;
	struct cr_view v;

	task_thread(m, node->task, &t);
	cr_read_obj(&m->img.cr, le32_to_cpu(t.mm), &v, &mm, sizeof(mm));
	fprintf(out, "%08x\n",
		le32_to_cpu(mm.coredump_filter) ^ CR_COREDUMP_DEFAULT);
}

void text_oom_score_adj(FILE *out, const struct mount *m,
			const struct node *node)
{
	struct cr_rec_proc p;
	struct cr_view v;

	cr_read_obj(&m->img.cr, node->task->proc, &v, &p, sizeof(p));
	fprintf(out, "%d\n", (s32)le32_to_cpu(p.oom_score_adj));
}

static void limit_write(FILE *out, u64 value)
{
	if (~value)
		fprintf(out, "%-20llu ", (ull)value);
	else
		fprintf(out, "%-20s ", "unlimited");
}

/* By the number of the limit */
static const struct {
	const char *name;
	const char *unit;
} limits[] = {
	{ "Max cpu time", "seconds" },
	{ "Max file size", "bytes" },
	{ "Max data size", "bytes" },
	{ "Max stack size", "bytes" },
	{ "Max core file size", "bytes" },
	{ "Max resident set", "bytes" },
	{ "Max processes", "processes" },
	{ "Max open files", "files" },
	{ "Max locked memory", "bytes" },
	{ "Max address space", "bytes" },
	{ "Max file locks", "locks" },
	{ "Max pending signals", "signals" },
	{ "Max msgqueue size", "bytes" },
	{ "Max nice priority", NULL },
	{ "Max realtime priority", NULL },
	{ "Max realtime timeout", "us" },
};

void text_limits(FILE *out, const struct mount *m, const struct node *node)
{
	struct cr_detail_iter it;
	__le64 pair[2];
	size_t i;

	fprintf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit",
		"Hard Limit", "Units");
	cr_for_each_detail(&m->img.cr, node->task->proc, &it) {
		if (it.view.type != CR_REC_RLIMIT)
			continue;
		for (i = 0; i < ARRAY_SIZE(limits) &&
		     (i + 1) * sizeof(pair) <= it.view.tail_len; i++) {
			memcpy(pair, it.view.tail + i * sizeof(pair),
			       sizeof(pair));
			fprintf(out, "%-25s ", limits[i].name);
			limit_write(out, le64_to_cpu(pair[0]));
			limit_write(out, le64_to_cpu(pair[1]));
			if (limits[i].unit)
				fprintf(out, "%-10s", limits[i].unit);
			putc('\n', out);
		}
	}
}
