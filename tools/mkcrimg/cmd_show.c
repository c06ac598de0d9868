// SPDX-License-Identifier: GPL-2.0
/* mkcrimg show: what is in an image, for people or (show_json.c) programs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "image.h"
#include "show.h"
#include "text.h"

static void show_head(const struct image *img)
{
	const struct cr_rec_head *h = &img->cr.head;
	time_t when = le64_to_cpu(h->realtime_ns) / 1000000000;
	struct tm tm;
	char date[64] = "";

	if (localtime_r(&when, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s: %u process%s, %u thread%s, %s of memory in %s\n",
	       printable(img->path), le32_to_cpu(h->nr_procs),
	       le32_to_cpu(h->nr_procs) == 1 ? "" : "es",
	       le32_to_cpu(h->nr_threads),
	       le32_to_cpu(h->nr_threads) == 1 ? "" : "s",
	       human_size(le64_to_cpu(h->memory)), human_size(img->size));
	printf("taken %s on %s, Linux %s\n", date, printable(h->node),
	       printable(h->release));
}

/* ---- the tree ---- */

/* A process in the tree; index 0 stands above the leader */
struct node {
	u32 id;
	u32 parent;
	u32 first, last, next;	/* children in order */
};

/* Object id of a PROC to its node: ids ascend */
static u32 node_find(const struct node *nodes, u32 nr, u32 id)
{
	u32 low = 1, high = nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (nodes[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct node *tree_build(const struct image *img)
{
	u32 max = le32_to_cpu(img->cr.head.nr_procs);
	struct node *nodes = calloc(max + 1, sizeof(*nodes));
	u32 id = 0, nr = 0, parent;
	struct cr_rec_proc rec;
	struct cr_view v;

	if (!nodes)
		return NULL;
	while ((id = image_next(img, id, CR_REC_PROC)) && nr < max) {
		cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
		nodes[++nr].id = id;
		parent = rec.parent ?
			 node_find(nodes, nr, le32_to_cpu(rec.parent)) : 0;
		nodes[nr].parent = parent;
		if (nodes[parent].last)
			nodes[nodes[parent].last].next = nr;
		else
			nodes[parent].first = nr;
		nodes[parent].last = nr;
	}
	return nodes;
}

/* What a thread was doing when it stood still */
static void thread_state(const struct image *img, u32 thread, char *text,
			 size_t size)
{
	struct cr_detail_iter it;
	struct cr_rec_regs_x86 regs;

	snprintf(text, size, "?");
	cr_for_each_detail(&img->cr, thread, &it) {
		if (it.view.type != CR_REC_REGS_X86)
			continue;
		cr_detail(&it, &regs, sizeof(regs));
		if (~le64_to_cpu(regs.gpr[15]))
			snprintf(text, size, "syscall %llu",
				 (unsigned long long)le64_to_cpu(regs.gpr[15]));
		else
			snprintf(text, size, "running");
	}
}

static void tree_line(const struct image *img, u32 id, unsigned int depth)
{
	struct cr_rec_proc p, parent;
	struct cr_rec_thread t;
	char state[32] = "zombie";
	const char *comm = p.comm, *exe = "";
	struct cr_rec_mm mm;
	struct cr_view v;
	char ppid[16] = "-";
	u64 memory = 0;

	cr_read_obj(&img->cr, id, &v, &p, sizeof(p));
	if (p.parent) {
		cr_read_obj(&img->cr, le32_to_cpu(p.parent), &v, &parent,
			    sizeof(parent));
		snprintf(ppid, sizeof(ppid), "%u", le32_to_cpu(parent.pid));
	}
	if (image_main_thread(img, id, &t)) {
		comm = t.comm;
		thread_state(img, id + 1, state, sizeof(state));
		memory = image_mem_size(img, le32_to_cpu(t.mm));
		cr_read_obj(&img->cr, le32_to_cpu(t.mm), &v, &mm, sizeof(mm));
		exe = image_file_name(img, le32_to_cpu(mm.exe));
	}
	printf("%7u %7s %7u %10s %8.2f  %-12s %*s%s  %s\n",
	       le32_to_cpu(p.pid), ppid, le32_to_cpu(p.nr_threads),
	       human_size(memory),
	       (le64_to_cpu(p.utime_ns) + le64_to_cpu(p.stime_ns)) / 1e9,
	       state, 2 * (int)depth, "", printable(comm), printable(exe));
}

static void show_tree(const struct image *img)
{
	struct node *nodes = tree_build(img);
	unsigned int depth = 0;
	u32 n;

	printf("\n%7s %7s %7s %10s %8s  %-12s %s\n", "PID", "PPID", "THREADS",
	       "MEMORY", "CPU SECS", "STATE", "COMMAND");
	for (n = nodes ? nodes[0].first : 0; n;) {
		tree_line(img, nodes[n].id, depth);
		if (nodes[n].first) {
			n = nodes[n].first;
			depth++;
			continue;
		}
		while (n && !nodes[n].next) {
			n = nodes[n].parent;
			depth--;
		}
		n = nodes[n].next;
	}
	free(nodes);
}

/* ---- timers ---- */

static void show_time(u32 state, __le64 value, __le64 interval)
{
	static const char *const states[] = {
		"off for", "in", "since", "at", "waits, at",
	};

	printf("%s %.3f s", state < ARRAY_SIZE(states) ? states[state] : "?",
	       (s64)le64_to_cpu(value) / 1e9);
	if (interval)
		printf(", every %.3f s", le64_to_cpu(interval) / 1e9);
	printf("\n");
}

static void show_timers(const struct image *img, u32 proc)
{
	static const char *const which[] = { "real", "virtual", "prof", "?" };
	struct cr_rec_itimer itimer;
	struct cr_rec_timer timer;
	struct cr_detail_iter it;

	cr_for_each_detail(&img->cr, proc, &it) {
		if (it.view.type == CR_REC_ITIMER) {
			cr_detail(&it, &itimer, sizeof(itimer));
			printf("  itimer  %s: ",
			       which[le32_to_cpu(itimer.which) & 3]);
			show_time(le32_to_cpu(itimer.state), itimer.value_ns,
				  itimer.interval_ns);
		} else if (it.view.type == CR_REC_TIMER) {
			cr_detail(&it, &timer, sizeof(timer));
			printf("  timer   %u: clock %u, signal %u: ",
			       le32_to_cpu(timer.id), le32_to_cpu(timer.clock),
			       le32_to_cpu(timer.signo));
			show_time(le32_to_cpu(timer.state), timer.value_ns,
				  timer.interval_ns);
		}
	}
}

/* ---- semaphores ---- */

/* What the process adds to them when it ends */
static void show_semundos(const struct image *img, u32 proc)
{
	struct cr_rec_semundo rec;
	struct cr_detail_iter it;
	struct cr_sem sem;
	u32 i;

	cr_for_each_detail(&img->cr, proc, &it) {
		if (it.view.type != CR_REC_SEMUNDO)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		printf("  semaphores  %u, key 0x%08x, at its end:",
		       le32_to_cpu(rec.semid), le32_to_cpu(rec.key));
		for (i = 0; i < le32_to_cpu(rec.nsems); i++) {
			memcpy(&sem, it.view.tail + i * sizeof(sem), sizeof(sem));
			if (sem.semadj)
				printf(" %u: %+d", i, (s32)le32_to_cpu(sem.semadj));
		}
		printf("\n");
	}
}

/* ---- memory ---- */

/* Bytes of the runs from @run on that lie below @end; @run moves on */
static u64 stored_below(const struct image *img, u32 mm, u32 *run, u64 end)
{
	struct cr_rec_pages p;
	u64 sum = 0;

	for (; *run < img->cr.objs[mm].nr_page_runs; ++*run) {
		cr_read_page_run(&img->cr, mm, *run, &p);
		if (le64_to_cpu(p.addr) >= end)
			break;
		sum += le32_to_cpu(p.len);
	}
	return sum;
}

static const char *vma_name(const struct image *img,
			    const struct cr_rec_vma *vma,
			    const struct cr_view *v)
{
	switch (le32_to_cpu(vma->kind)) {
	case CR_VMA_FILE:
	case CR_VMA_SHM:
		return image_file_name(img, le32_to_cpu(vma->obj));
	case CR_VMA_VDSO:
		return "[vdso]";
	case CR_VMA_VVAR:
		return "[vvar]";
	}
	if (v->tail_len)
		return v->tail;
	return le32_to_cpu(vma->flags) & CR_VMA_STACK ? "[stack]" :
	       le32_to_cpu(vma->flags) & CR_VMA_HEAP ? "[heap]" : "";
}

static void show_maps(const struct image *img, u32 mm)
{
	struct cr_detail_iter it;
	struct cr_rec_vma vma;
	u32 prot, run = 0;
	u64 stored;

	cr_for_each_detail(&img->cr, mm, &it) {
		if (it.view.type != CR_REC_VMA)
			continue;
		cr_detail(&it, &vma, sizeof(vma));
		prot = le32_to_cpu(vma.prot);
		stored = stored_below(img, mm, &run, le64_to_cpu(vma.end));
		printf("  %012llx-%012llx %c%c%c%c %08llx %10s %s\n",
		       (unsigned long long)le64_to_cpu(vma.start),
		       (unsigned long long)le64_to_cpu(vma.end),
		       prot & CR_PROT_READ ? 'r' : '-',
		       prot & CR_PROT_WRITE ? 'w' : '-',
		       prot & CR_PROT_EXEC ? 'x' : '-',
		       le32_to_cpu(vma.flags) & CR_VMA_SHARED ? 's' : 'p',
		       (unsigned long long)le64_to_cpu(vma.pgoff),
		       stored ? human_size(stored) : "-",
		       printable(vma_name(img, &vma, &it.view)));
	}
}

/* ---- sharing ---- */

static void first_use(u32 *first, __le32 ref, __le32 proc)
{
	if (!first[le32_to_cpu(ref)])
		first[le32_to_cpu(ref)] = le32_to_cpu(proc);
}

/* [id] of an object that threads refer to: the PROC of the first one; or NULL */
static u32 *first_users(const struct image *img)
{
	u32 *first = calloc(img->cr.nr_objects + 1, sizeof(*first));
	struct cr_rec_thread t;
	struct cr_view v;
	u32 id = 0;

	while (first && (id = image_next(img, id, CR_REC_THREAD))) {
		cr_read_obj(&img->cr, id, &v, &t, sizeof(t));
		first_use(first, t.mm, t.proc);
		first_use(first, t.sighand, t.proc);
		first_use(first, t.files, t.proc);
		first_use(first, t.fs, t.proc);
	}
	return first;
}

static void show_shared(const struct image *img, const u32 *first, u32 id,
			const struct cr_rec_thread *t)
{
	const struct {
		const char *name;
		u32 ref;
	} refs[] = {
		{ "memory", le32_to_cpu(t->mm) },
		{ "handlers", le32_to_cpu(t->sighand) },
		{ "descriptors", le32_to_cpu(t->files) },
		{ "directories", le32_to_cpu(t->fs) },
	};
	struct cr_rec_proc p;
	struct cr_view v;
	u32 i;

	for (i = 0; first && i < sizeof(refs) / sizeof(refs[0]); i++) {
		if (first[refs[i].ref] == id)
			continue;
		cr_read_obj(&img->cr, first[refs[i].ref], &v, &p, sizeof(p));
		printf("  shared  %s with pid %u\n", refs[i].name,
		       le32_to_cpu(p.pid));
	}
}

/* Threads that have other descriptors or directories than the first one, @t */
static void show_threads(const struct image *img, const u32 *first, u32 id,
			 const struct cr_rec_thread *t)
{
	struct cr_rec_thread other;
	struct cr_view v;
	u32 n;

	for (n = id + 2; n <= img->cr.nr_objects &&
	     img->cr.objs[n].type == CR_REC_THREAD; n++) {
		cr_read_obj(&img->cr, n, &v, &other, sizeof(other));
		if (other.files == t->files && other.fs == t->fs)
			continue;
		printf("thread %u (%s)\n", le32_to_cpu(other.tid),
		       printable(other.comm));
		show_shared(img, first, id, &other);
		show_files(img, &other);
	}
}

static void show_proc(const struct image *img, const u32 *first, u32 id,
		      bool maps)
{
	struct cr_rec_thread t;
	struct cr_rec_proc p;
	struct cr_view v;

	if (!image_main_thread(img, id, &t))
		return;
	cr_read_obj(&img->cr, id, &v, &p, sizeof(p));
	printf("\npid %u (%s)\n", le32_to_cpu(p.pid), printable(t.comm));
	if (le32_to_cpu(p.flags) & CR_PROC_HEADLESS)
		printf("  exited  first thread (%s), with %u\n",
		       printable(p.comm), le32_to_cpu(p.exit_code) >> 8);
	show_shared(img, first, id, &t);
	show_files(img, &t);
	show_timers(img, id);
	show_semundos(img, id);
	if (maps)
		show_maps(img, le32_to_cpu(t.mm));
	show_threads(img, first, id, &t);
}

/* ---- descriptors in flight ---- */

static void show_flight_to(const struct image *img, u32 queue, u32 sock,
			   bool *any)
{
	struct cr_rec_sock_msg msg;
	struct cr_detail_iter it;
	__le32 id;
	u32 i;

	cr_for_each_detail(&img->cr, queue, &it) {
		cr_detail(&it, &msg, sizeof(msg));
		for (i = 0; i < le32_to_cpu(msg.nr_files); i++) {
			memcpy(&id, it.view.tail + i * sizeof(id), sizeof(id));
			if (!*any)
				printf("\ndescriptors in flight\n");
			*any = true;
			printf("  to socket %u: ", sock);
			show_file(img, le32_to_cpu(id));
			printf("\n");
		}
	}
}

static void show_flight(const struct image *img)
{
	struct cr_rec_sockq q;
	struct cr_view v;
	bool any = false;
	u32 id = 0;

	while ((id = image_next(img, id, CR_REC_SOCKQ))) {
		cr_read_obj(&img->cr, id, &v, &q, sizeof(q));
		show_flight_to(img, id, le32_to_cpu(q.sock), &any);
	}
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "maps", no_argument, NULL, 'm' },
		{ "memory", no_argument, NULL, 'M' },
		{ }
	};
	bool json = false, maps = false, memory = false;
	struct image img;
	u32 id = 0;
	int opt, st = ST_OK;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'm':
			maps = true;
			break;
		case 'M':
			memory = true;
			break;
		default:
			return usage(cmd);
		}
	}
	if (optind + 1 != argc || (memory && !json))
		return usage(cmd);
	if (image_open(&img, argv[optind]))
		return ST_FAILED;
	if (json) {
		st = show_json(&img, memory) ? ST_OK : ST_FAILED;
	} else {
		u32 *first = first_users(&img);

		show_head(&img);
		show_tree(&img);
		while ((id = image_next(&img, id, CR_REC_PROC)))
			show_proc(&img, first, id, maps);
		free(first);
		show_ipc(&img);
		show_flight(&img);
	}
	image_close(&img);
	return st;
}

const struct cmd cmd_show = {
	.name = "show",
	.args = "[--maps | --json [--memory]] FILE",
	.help = "what is in an image",
	.options =
	"      --maps     every mapping, and how much of it is stored\n"
	"      --json     every record with every field\n"
	"      --memory   and a hash of the contents of each memory\n",
	.run = run,
};
