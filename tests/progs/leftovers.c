// SPDX-License-Identifier: GPL-2.0
/*
 * What a test leaves behind in the machine. One program without libraries to load, because it runs twice
 * in every test, and an emulated machine takes long to start others.
 *
 *	leftovers note DIR		remember in DIR what there is: processes, mounts, System V objects
 *	leftovers tasks DIR		pids of the processes that are new
 *	leftovers show DIR		the same with their command lines
 *	leftovers check DIR SECONDS	print what is new and does not go within this time; status 1 if anything
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PF_KTHREAD	0x00200000
#define MAX_TASKS	32768

struct task {
	int pid, parent;
	unsigned long long start;
	unsigned int flags;
	bool own;		/* we, and who has called us */
};

static struct task tasks[MAX_TASKS];
static int nr_tasks;
static const char *dir;

static FILE *in_dir(const char *name, const char *mode)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, mode);
	if (!file)
		err(2, "%s", path);
	return file;
}

/* ---- processes ---- */

static bool task_read(int pid, struct task *t)
{
	char path[32], line[1024], *rest;
	bool ok;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	ok = fgets(line, sizeof(line), file);
	fclose(file);
	rest = ok ? strrchr(line, ')') : NULL;
	t->pid = pid;
	/* state ppid, then from tpgid to flags, then to starttime: see proc(5) */
	return rest && sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
			      &t->parent, &t->flags, &t->start) == 3;
}

static struct task *task_find(int pid)
{
	int i;

	for (i = 0; i < nr_tasks; i++)
		if (tasks[i].pid == pid)
			return &tasks[i];
	return NULL;
}

/* Everybody in user space but us and our ancestors */
static void tasks_read(void)
{
	struct dirent *entry;
	struct task *t;
	DIR *proc = opendir("/proc");
	int i, n = 0;

	if (!proc)
		err(2, "/proc");
	nr_tasks = 0;
	while ((entry = readdir(proc)))
		if (isdigit(entry->d_name[0]) && nr_tasks < MAX_TASKS) {
			tasks[nr_tasks] = (struct task){};
			if (task_read(atoi(entry->d_name), &tasks[nr_tasks]))
				nr_tasks++;
		}
	closedir(proc);
	for (t = task_find(getpid()); t; t = task_find(t->parent))
		t->own = true;
	for (i = 0; i < nr_tasks; i++)
		if (!tasks[i].own && !(tasks[i].flags & PF_KTHREAD))
			tasks[n++] = tasks[i];
	nr_tasks = n;
}

static void tasks_note(void)
{
	FILE *file = in_dir("tasks", "we");
	int i;

	tasks_read();
	for (i = 0; i < nr_tasks; i++)
		fprintf(file, "%d %llu\n", tasks[i].pid, tasks[i].start);
	fclose(file);
}

/* Read those that there are, without those that were noted */
static void tasks_left(void)
{
	FILE *file = in_dir("tasks", "re");
	unsigned long long start;
	struct task *t;
	int pid;

	tasks_read();
	while (fscanf(file, "%d %llu", &pid, &start) == 2) {
		t = task_find(pid);
		if (t && t->start == start)
			*t = tasks[--nr_tasks];
	}
	fclose(file);
}

static bool no_task_left(void)
{
	tasks_left();
	return !nr_tasks;
}

/* A file of /proc/PID in one line, from its line @from on */
static void print_file(int pid, const char *name, int from, int to)
{
	char path[64];
	FILE *file;
	int c, line = 1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (line <= to && (c = getc(file)) != EOF) {
		if (line >= from)
			putchar(!c || isspace(c) ? ' ' : c);
		line += c == '\n';
	}
	fclose(file);
}

static void tasks_show(void)
{
	int i;

	for (i = 0; i < nr_tasks; i++) {
		printf("%d ", tasks[i].pid);
		print_file(tasks[i].pid, "cmdline", 1, 1);
		/* from its state to its parent */
		print_file(tasks[i].pid, "status", 3, 7);
		putchar('\n');
	}
}

/* ---- mounts and System V objects ---- */

static void mounts_note(FILE *out)
{
	FILE *in = fopen("/proc/self/mounts", "re");
	int c;

	if (!in)
		err(2, "/proc/self/mounts");
	while ((c = getc(in)) != EOF)
		putc(c, out);
	fclose(in);
}

/* Kind, key and id of each */
static void ipc_note(FILE *out)
{
	static const char *const kinds[] = { "shm", "sem", "msg" };
	char path[32], line[512], key[32], id[32];
	FILE *in;
	int i;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/sysvipc/%s", kinds[i]);
		in = fopen(path, "re");
		if (!in)
			err(2, "%s", path);
		while (fgets(line, sizeof(line), in))
			if (sscanf(line, "%31s %31s", key, id) == 2 && strcmp(key, "key"))
				fprintf(out, "%s %s %s\n", kinds[i], key, id);
		fclose(in);
	}
}

static void note(const char *name, void (*fn)(FILE *out))
{
	FILE *file = in_dir(name, "we");

	fn(file);
	if (fclose(file))
		err(2, "%s", name);
}

/* Is it as it was? */
static bool is_same(const char *name, void (*fn)(FILE *out))
{
	char *now = NULL, *then = NULL;
	size_t len = 0, max = 0;
	bool same;
	FILE *file = open_memstream(&now, &len);

	fn(file);
	fclose(file);
	file = in_dir(name, "re");
	if (getdelim(&then, &max, '\0', file) < 0)
		then = strdup("");
	fclose(file);
	same = !strcmp(now, then);
	free(now);
	free(then);
	return same;
}

static bool same_mounts(void)
{
	return is_same("mounts", mounts_note);
}

static bool same_ipc(void)
{
	return is_same("ipc", ipc_note);
}

static void show_difference(const char *name, void (*fn)(FILE *out))
{
	char command[9000];

	snprintf(command, sizeof(command), "%s.now", name);
	note(command, fn);
	snprintf(command, sizeof(command), "diff '%s/%s' '%s/%s.now'", dir, name, dir, name);
	fflush(stdout);
	if (system(command) < 0)
		warn("diff");
}

/* ---- files and the module ---- */

static int nr_hidden;

static int is_hidden(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	const char *name = path + ftw->base;

	(void)st;
	if (flag == FTW_F && name[0] == '.' && strstr(name, "crimg")) {
		printf("a file is left: %s\n", path);
		nr_hidden++;
	}
	return 0;
}

static int users;

static bool no_user(void)
{
	FILE *file = fopen("/sys/module/binfmt_cr/refcnt", "re");

	users = 0;
	if (!file)
		return true;
	if (fscanf(file, "%d", &users) != 1)
		users = -1;
	fclose(file);
	return !users;
}

/* ---- */

static bool within(int seconds, bool (*fn)(void))
{
	struct timespec now, end, nap = { 0, 20 * 1000000 };

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	while (!fn()) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

static int check(int seconds)
{
	int bad = 0;

	if (!within(seconds, no_task_left)) {
		puts("tasks are left:");
		tasks_show();
		bad = 1;
	}
	/* who has failed a restart in place is gone before what the kernel had for it */
	if (!within(seconds, same_mounts)) {
		show_difference("mounts", mounts_note);
		puts("mounts changed");
		bad = 1;
	}
	if (!within(seconds, same_ipc)) {
		show_difference("ipc", ipc_note);
		puts("System V IPC objects are left, or gone");
		bad = 1;
	}
	nftw(dir, is_hidden, 16, FTW_PHYS);
	if (nr_hidden)
		bad = 1;
	if (!within(seconds, no_user)) {
		printf("the module has %d users\n", users);
		bad = 1;
	}
	return bad;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int i;

	dir = argc > 2 ? argv[2] : NULL;
	if (!strcmp(what, "note") && argc == 3) {
		tasks_note();
		note("mounts", mounts_note);
		note("ipc", ipc_note);
	} else if (!strcmp(what, "tasks") && argc == 3) {
		tasks_left();
		for (i = 0; i < nr_tasks; i++)
			printf("%d\n", tasks[i].pid);
	} else if (!strcmp(what, "show") && argc == 3) {
		tasks_left();
		tasks_show();
	} else if (!strcmp(what, "check") && argc == 4) {
		return check(atoi(argv[3]));
	} else {
		errx(2, "usage: leftovers note|tasks|show DIR, leftovers check DIR SECONDS");
	}
	return 0;
}
