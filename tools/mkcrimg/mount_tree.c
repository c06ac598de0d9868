// SPDX-License-Identifier: GPL-2.0
/* What is where below a mounted image. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "core_plan.h"
#include "mount.h"

/* ---- who is there ---- */

static int task_cmp(const void *a, const void *b)
{
	const struct mount_task *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static const struct mount_task *task_find(const struct mount_task *tasks,
					  size_t nr_tasks, u32 nr)
{
	const struct mount_task key = { .nr = nr };

	return bsearch(&key, tasks, nr_tasks, sizeof(*tasks), task_cmp);
}

static void tasks_read(struct mount *m)
{
	struct cr_rec_thread t;
	struct cr_rec_proc p;
	struct cr_view v;
	u32 id = 0;

	while ((id = image_next(&m->img, id, CR_REC_PROC))) {
		cr_read_obj(&m->img.cr, id, &v, &p, sizeof(p));
		m->procs[m->nr_procs++] = (struct mount_task){
			.nr = le32_to_cpu(p.pid), .proc = id,
			.thread = p.nr_threads ? id + 1 : 0,
		};
	}
	while ((id = image_next(&m->img, id, CR_REC_THREAD))) {
		cr_read_obj(&m->img.cr, id, &v, &t, sizeof(t));
		m->threads[m->nr_threads++] = (struct mount_task){
			.nr = le32_to_cpu(t.tid), .proc = le32_to_cpu(t.proc),
			.thread = id,
		};
	}
	qsort(m->procs, m->nr_procs, sizeof(*m->procs), task_cmp);
	qsort(m->threads, m->nr_threads, sizeof(*m->threads), task_cmp);
}

int mount_begin(struct mount *m, const char *path)
{
	const struct cr_image *cr = &m->img.cr;
	int err;

	memset(m, 0, sizeof(*m));
	err = image_open(&m->img, path);
	if (err)
		return err;
	pthread_mutex_init(&m->lock, NULL);
	/* one more: an image of zombies has no threads */
	m->procs = calloc(le32_to_cpu(cr->head.nr_procs) + 1,
			  sizeof(*m->procs));
	m->threads = calloc(le32_to_cpu(cr->head.nr_threads) + 1,
			    sizeof(*m->threads));
	m->elf = core_elf_find(&m->img);
	m->core_sizes = calloc(le32_to_cpu(cr->head.nr_procs) + 1,
			       sizeof(*m->core_sizes));
	if (!m->procs || !m->threads || !m->elf || !m->core_sizes) {
		mount_end(m);
		return failed("%s: no memory", path);
	}
	tasks_read(m);
	return 0;
}

void mount_end(struct mount *m)
{
	free(m->procs);
	free(m->threads);
	free(m->elf);
	free(m->core_sizes);
	pthread_mutex_destroy(&m->lock);
	image_close(&m->img);
}

void task_thread(const struct mount *m, const struct mount_task *task,
		 struct cr_rec_thread *rec)
{
	struct cr_view v;

	cr_read_obj(&m->img.cr, task->thread, &v, rec, sizeof(*rec));
}

/* ---- what each has ---- */

/* entry.flags */
#define ENTRY_PROCESS	0x1	/* processes alone have it, not each thread */
#define ENTRY_ZOMBIE	0x2	/* zombies have it, too */

#define ENTRY(_name, _flags, _what, _mode, ...)				\
	{ .name = (_name), .flags = (_flags),				\
	  .node = { .what = (_what), .mode = (_mode), __VA_ARGS__ } }

/**
 * struct entry - a name in the directory of a process or thread
 * @name: the name
 * @flags: ENTRY_*
 * @node: what it leads to, but for the task
 */
static const struct entry {
	const char *name;
	u32 flags;
	struct node node;
} entries[] = {
	ENTRY("auxv", 0, NODE_TEXT, S_IFREG | 0400, .text = text_auxv),
	ENTRY("cmdline", 0, NODE_CMDLINE, S_IFREG | 0444),
	ENTRY("comm", ENTRY_ZOMBIE, NODE_TEXT, S_IFREG | 0444,
	      .text = text_comm),
	ENTRY("core", ENTRY_PROCESS, NODE_CORE, S_IFREG | 0400),
	ENTRY("coredump_filter", ENTRY_PROCESS, NODE_TEXT, S_IFREG | 0444,
	      .text = text_coredump_filter),
	ENTRY("cwd", 0, NODE_LINK, S_IFLNK | 0777, .link = link_cwd),
	ENTRY("environ", 0, NODE_ENVIRON, S_IFREG | 0400),
	ENTRY("exe", 0, NODE_LINK, S_IFLNK | 0777, .link = link_exe),
	ENTRY("fd", 0, NODE_FDS, S_IFDIR | 0500),
	ENTRY("fdinfo", 0, NODE_FDINFOS, S_IFDIR | 0500),
	ENTRY("limits", 0, NODE_TEXT, S_IFREG | 0444, .text = text_limits),
	ENTRY("maps", 0, NODE_TEXT, S_IFREG | 0444, .text = text_maps),
	ENTRY("mem", 0, NODE_MEM, S_IFREG | 0400),
	ENTRY("oom_score_adj", 0, NODE_TEXT, S_IFREG | 0444,
	      .text = text_oom_score_adj),
	ENTRY("root", 0, NODE_LINK, S_IFLNK | 0777, .link = link_root),
	ENTRY("status", ENTRY_ZOMBIE, NODE_TEXT, S_IFREG | 0444,
	      .text = text_status),
	ENTRY("task", ENTRY_PROCESS, NODE_TASKS, S_IFDIR | 0555),
};

static bool entry_there(const struct entry *e, const struct node *dir)
{
	return (dir->what == NODE_PROCESS || !(e->flags & ENTRY_PROCESS)) &&
	       (dir->task->thread || (e->flags & ENTRY_ZOMBIE));
}

/* As in /proc: who may do what with it is in the mode */
static mode_t fd_mode(const struct mount *m, const struct cr_rec_fd *fd)
{
	static const mode_t modes[] = { 0500, 0300, 0700, 0 };
	struct cr_rec_file f;
	struct cr_view v;

	cr_read_obj(&m->img.cr, le32_to_cpu(fd->file), &v, &f, sizeof(f));
	if (le32_to_cpu(f.kind) == CR_FILE_OPATH)
		return S_IFLNK;
	return S_IFLNK | modes[le32_to_cpu(f.open_flags) & O_ACCMODE];
}

static bool fd_first(const struct mount *m, const struct mount_task *task,
		     struct cr_detail_iter *it)
{
	struct cr_rec_thread t;

	task_thread(m, task, &t);
	cr_detail_first(&m->img.cr, le32_to_cpu(t.files), it);
	return cr_detail_valid(it) && it->view.type == CR_REC_FD;
}

/* They come before all else in the table */
static bool fd_next(struct cr_detail_iter *it)
{
	cr_detail_next(it);
	return cr_detail_valid(it) && it->view.type == CR_REC_FD;
}

/* ---- from a path to a node ---- */

/* A number without anything before or behind it */
static bool name_number(const char *text, u32 *nr)
{
	unsigned long value;
	char again[16];
	char *end;

	value = strtoul(text, &end, 10);
	*nr = value;
	snprintf(again, sizeof(again), "%u", *nr);
	return value == *nr && !strcmp(text, again);
}

static bool fd_find(const struct mount *m, const char *name, struct node *node)
{
	struct cr_detail_iter it;
	bool more;
	u32 nr;

	if (!name_number(name, &nr))
		return false;
	for (more = fd_first(m, node->task, &it); more; more = fd_next(&it)) {
		cr_detail(&it, &node->fd, sizeof(node->fd));
		if (le32_to_cpu(node->fd.fd) == nr)
			break;
	}
	if (!more)
		return false;
	if (node->what == NODE_FDS) {
		node->what = NODE_FD;
		node->mode = fd_mode(m, &node->fd);
		node->link = link_fd;
	} else {
		node->what = NODE_FDINFO;
		node->mode = S_IFREG | 0400;
		node->text = text_fdinfo;
	}
	return true;
}

static bool entry_find(const char *name, struct node *node)
{
	const struct mount_task *task = node->task;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		if (strcmp(name, entries[i].name) ||
		    !entry_there(&entries[i], node))
			continue;
		*node = entries[i].node;
		node->task = task;
		return true;
	}
	return false;
}

static struct node dir_node(enum node_what what, const struct mount_task *task)
{
	return (struct node){
		.what = what, .mode = S_IFDIR | 0555, .task = task,
	};
}

/* One step down; false: there is no such name */
static bool node_step(const struct mount *m, const char *name,
		      struct node *node)
{
	const struct mount_task *task;
	u32 nr;

	switch (node->what) {
	case NODE_ROOT:
		task = name_number(name, &nr) ?
		       task_find(m->procs, m->nr_procs, nr) : NULL;
		*node = dir_node(NODE_PROCESS, task);
		return task;
	case NODE_TASKS:
		task = name_number(name, &nr) ?
		       task_find(m->threads, m->nr_threads, nr) : NULL;
		if (!task || task->proc != node->task->proc)
			return false;
		*node = dir_node(NODE_THREAD, task);
		return true;
	case NODE_PROCESS:
	case NODE_THREAD:
		return entry_find(name, node);
	case NODE_FDS:
	case NODE_FDINFOS:
		return fd_find(m, name, node);
	default:
		return false;
	}
}

bool node_find(const struct mount *m, const char *path, struct node *node)
{
	char name[32];
	size_t len;

	*node = dir_node(NODE_ROOT, NULL);
	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		if (len >= sizeof(name))
			return false;
		memcpy(name, path, len);
		name[len] = 0;
		if (!node_step(m, name, node))
			return false;
		path += len;
	}
	return true;
}

/* ---- from a node to what is in it ---- */

static void tasks_list(const struct mount_task *tasks, size_t nr, u32 proc,
		       bool (*add)(void *arg, const char *name, mode_t mode),
		       void *arg)
{
	char name[16];
	size_t i;

	for (i = 0; i < nr; i++) {
		if (proc && tasks[i].proc != proc)
			continue;
		snprintf(name, sizeof(name), "%u", tasks[i].nr);
		if (!add(arg, name, S_IFDIR | 0555))
			break;
	}
}

static void fds_list(const struct mount *m, const struct node *dir,
		     bool (*add)(void *arg, const char *name, mode_t mode),
		     void *arg)
{
	struct cr_detail_iter it;
	struct cr_rec_fd fd;
	char name[16];
	bool more;

	for (more = fd_first(m, dir->task, &it); more; more = fd_next(&it)) {
		cr_detail(&it, &fd, sizeof(fd));
		snprintf(name, sizeof(name), "%u", le32_to_cpu(fd.fd));
		if (!add(arg, name, dir->what == NODE_FDS ? S_IFLNK : S_IFREG))
			break;
	}
}

void node_list(const struct mount *m, const struct node *dir,
	       bool (*add)(void *arg, const char *name, mode_t mode),
	       void *arg)
{
	size_t i;

	switch (dir->what) {
	case NODE_ROOT:
		tasks_list(m->procs, m->nr_procs, 0, add, arg);
		break;
	case NODE_TASKS:
		tasks_list(m->threads, m->nr_threads, dir->task->proc, add,
			   arg);
		break;
	case NODE_FDS:
	case NODE_FDINFOS:
		fds_list(m, dir, add, arg);
		break;
	default:
		for (i = 0; i < ARRAY_SIZE(entries); i++)
			if (entry_there(&entries[i], dir) &&
			    !add(arg, entries[i].name, entries[i].node.mode))
				break;
	}
}
