// SPDX-License-Identifier: GPL-2.0
/* The checks of open files of procfs. */
#include "cr_check.h"

size_t cr_procfile_dir(const struct cr_rec_procfile *rec,
		       char dir[CR_PROCFILE_DIR_MAX])
{
	u32 pid = le32_to_cpu(rec->pid), tid = le32_to_cpu(rec->tid);

	if (tid)
		return snprintf(dir, CR_PROCFILE_DIR_MAX, "/%u/task/%u", pid,
				tid);
	if (pid)
		return snprintf(dir, CR_PROCFILE_DIR_MAX, "/%u", pid);
	dir[0] = '\0';
	return 0;
}

static size_t component_len(const char *at)
{
	size_t len = 0;

	while (at[len] && at[len] != '/')
		len++;
	return len;
}

static bool component_is(const char *at, const char *name)
{
	size_t len = component_len(at);

	return len == strlen(name) && !memcmp(at, name, len);
}

/* What it says is where it leads: nowhere else, and up never */
static bool path_is_plain(const char *path)
{
	const char *at = path;
	size_t len;

	if (!*path)
		return true;
	for (;; at += len + 1) {
		len = component_len(at);
		if (!len || component_is(at, ".") || component_is(at, ".."))
			return false;
		if (!at[len])
			return true;
	}
}

static bool is_number(const char *at)
{
	size_t i, len = component_len(at);

	for (i = 0; i < len; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	return len;
}

/* Who is named by a path is named by @pid and @tid as well */
static int tasks_check(struct cr_check *c, const struct cr_rec_procfile *rec,
		       const char *path)
{
	static const char *const others[] = { "mem", "map_files", "net", "ns" };
	u32 pid = le32_to_cpu(rec->pid), tid = le32_to_cpu(rec->tid);
	size_t i;

	if (pid > CR_PID_MAX || tid > CR_PID_MAX || (tid && !pid))
		return cr_bad(c, "of task %u, thread %u", pid, tid);
	if (pid ? !tid && component_is(path, "task") && path[4] :
		  is_number(path))
		return cr_bad(c, "path below the procfs leads to another task");
	for (i = 0; pid && i < ARRAY_SIZE(others); i++)
		if (component_is(path, others[i]))
			return cr_unknown(c, "%s of a task", others[i]);
	return 0;
}

static int position_check(struct cr_check *c, const struct cr_rec_procfile *rec)
{
	u32 flags = le32_to_cpu(rec->flags);

	if (cr_check_mask(c, flags, CR_PROCFILE_LINE | CR_PROCFILE_END,
			  "flags"))
		return -EOPNOTSUPP;
	if (flags == (CR_PROCFILE_LINE | CR_PROCFILE_END) ||
	    ((rec->line || rec->column) && !(flags & CR_PROCFILE_LINE)))
		return cr_bad(c, "line %u, column %u, flags 0x%x",
			      le32_to_cpu(rec->line), le32_to_cpu(rec->column),
			      flags);
	return cr_check_zero(c, rec->reserved);
}

/* The path of the FILE is that of a procfs, and then what the PROCFILE says */
static bool path_ends(const struct cr_view *file,
		      const struct cr_rec_procfile *rec, const char *path,
		      size_t len)
{
	char dir[CR_PROCFILE_DIR_MAX];
	size_t dir_len = cr_procfile_dir(rec, dir);
	size_t left = file->tail_len - 1;
	const char *name = file->tail;

	if (len) {
		if (left < len + 1 || name[left - len - 1] != '/' ||
		    memcmp(name + left - len, path, len))
			return false;
		left -= len + 1;
	}
	return left >= dir_len && !memcmp(name + left - dir_len, dir, dir_len);
}

int cr_procfile_check(struct cr_check *c, u32 id,
		      const struct cr_detail_iter *it)
{
	const char *path = it->view.tail;
	struct cr_rec_procfile rec;
	struct cr_view file;
	int err;

	cr_detail(it, &rec, sizeof(rec));
	err = cr_check_name(c, path, it->view.tail_len, "path below the procfs");
	if (err)
		return err;
	if (!path_is_plain(path))
		return cr_bad(c, "path below the procfs is not plain");
	err = tasks_check(c, &rec, path) ?: position_check(c, &rec);
	if (err)
		return err;
	cr_read_obj(c->img, id, &file, NULL, 0);
	return path_ends(&file, &rec, path, it->view.tail_len - 1) ? 0 :
	       cr_bad(c, "the file's path does not end in task %u, thread %u, and its own",
		      le32_to_cpu(rec.pid), le32_to_cpu(rec.tid));
}
