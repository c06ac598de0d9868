// SPDX-License-Identifier: GPL-2.0
/*
 * Whose image is it? All that is asked for is in the leader's memory: what the
 * kernel has put on its stack when it executed its program.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include "memory.h"
#include "series.h"

/* As much as execve() takes, with its usual limits */
#define ENVIRON_MAX	(8ul << 20)
#define MARK_DIGITS	16

u64 job_mark(char *const argv[])
{
	XXH64_state_t *state = XXH64_createState();
	char cwd[PATH_MAX] = "";
	u64 mark;

	if (!state)
		return 0;
	XXH64_reset(state, 0);
	if (getcwd(cwd, sizeof(cwd)))
		XXH64_update(state, cwd, strlen(cwd) + 1);
	for (; *argv; argv++)
		XXH64_update(state, *argv, strlen(*argv) + 1);
	mark = XXH64_digest(state);
	XXH64_freeState(state);
	return mark ?: 1;
}

static u64 mark_value(const char *text)
{
	char *end;
	u64 mark = strtoull(text, &end, 16);

	return *end || end - text != MARK_DIGITS ? 0 : mark;
}

/* The variable, in an environment of @len bytes, which ends with a NUL */
static u64 environ_mark(const char *env, size_t len)
{
	static const char key[] = JOB_MARK_NAME "=";
	size_t at;

	for (at = 0; at < len; at += strlen(env + at) + 1)
		if (!strncmp(env + at, key, sizeof(key) - 1))
			return mark_value(env + at + sizeof(key) - 1);
	return 0;
}

static void mark_read(struct job_id *id, struct memory *m,
		      const struct cr_rec_mm *mm)
{
	u64 start = le64_to_cpu(mm->env_start), end = le64_to_cpu(mm->env_end);
	char *env;

	if (end <= start || end - start > ENVIRON_MAX)
		return;
	env = calloc(1, end - start + 1);
	if (env && memory_read(m, start, env, end - start))
		id->mark = environ_mark(env, end - start);
	free(env);
}

static void random_read(struct job_id *id, struct memory *m)
{
	struct cr_detail_iter it;
	__le64 aux[2];		/* the tail is not aligned */
	size_t at;

	cr_for_each_detail(&m->img->cr, m->mm, &it) {
		if (it.view.type != CR_REC_AUXV)
			continue;
		for (at = 0; at + sizeof(aux) <= it.view.tail_len;
		     at += sizeof(aux)) {
			memcpy(aux, it.view.tail + at, sizeof(aux));
			if (le64_to_cpu(aux[0]) == AT_RANDOM)
				id->has_random = memory_read(m,
					le64_to_cpu(aux[1]), id->random,
					sizeof(id->random));
		}
	}
}

static int leader_read(struct job_id *id, const struct image *img)
{
	struct cr_rec_thread thread;
	struct cr_rec_proc proc;
	struct cr_rec_mm mm;
	struct cr_view view;
	struct memory m;

	cr_read_obj(&img->cr, img->cr.leader, &view, &proc, sizeof(proc));
	id->pid = le32_to_cpu(proc.pid);
	if (!image_main_thread(img, img->cr.leader, &thread))
		return 0;
	cr_read_obj(&img->cr, le32_to_cpu(thread.mm), &view, &mm, sizeof(mm));
	if (memory_open(&m, img, le32_to_cpu(thread.mm)))
		return ST_FAILED;
	mark_read(id, &m, &mm);
	random_read(id, &m);
	memory_close(&m);
	return m.damaged ? failed("%s: memory: %s", img->path, m.damaged) : 0;
}

int job_id_read(struct job_id *id, const char *path)
{
	struct image img;
	int err;

	memset(id, 0, sizeof(*id));
	if (image_open(&img, path)) {
		id->unread = img.unread;
		return ST_FAILED;
	}
	err = image_header_ok(&img) ? leader_read(id, &img) :
	      failed("%s: damaged header", path);
	image_close(&img);
	return err;
}
