/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures that are injected, for faults.c: the n-th one of a task
 * (/proc/thread-self/fail-nth), or of a whole family of tasks (debugfs).
 */
#ifndef INJECT_H
#define INJECT_H

#include "prog.h"
#include <dirent.h>
#include <sys/mman.h>

#define DEBUGFS		"/sys/kernel/debug"
#define MAX_ERRNO	134

/**
 * struct counts - what came of it; in memory that is shared with a caller
 * @n: the failure under way
 * @tried: how many
 * @errors: how often which errno
 * @tolerated: that nobody has noticed
 * @ended: that were the end of a caller
 * @counted: -t: as far as the kernel has counted
 * @limit: that is not known, but it is below; 0: it is
 */
struct counts {
	volatile unsigned long n;
	unsigned long tried;
	unsigned long errors[MAX_ERRNO];
	unsigned long tolerated;
	unsigned long ended;
	unsigned long counted;
	unsigned long limit;
};

static struct counts *counts;
static const char *family;		/* directory in debugfs, or NULL */
static int fail_nth = -1, make_it_fail;	/* files of this task */
static const char *cache = "";

/* ---- files of the kernel ---- */

static void put(const char *dir, const char *name, const char *value)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = must(open(path, O_WRONLY | O_CLOEXEC));
	check(write(fd, value, strlen(value)) > 0, "%s: %s", path, strerror(errno));
	close(fd);
}

static void put_number(const char *dir, const char *name, unsigned long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", n);
	put(dir, name, text);
}

static long get(const char *dir, const char *name)
{
	char path[512], text[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	prog_read(path, text, sizeof(text));
	return atol(text);
}

/* Every entry of a directory whose name begins like that */
static void each(const char *path, const char *prefix, void (*fn)(const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	check(dir, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !strncmp(entry->d_name, prefix, strlen(prefix)))
			fn(entry->d_name);
	closedir(dir);
}

/* ---- which failures ---- */

/* What the debug kernel allocates to watch others is left out */
static void cache_fails(const char *name)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "/sys/kernel/slab/%s", name);
	put(dir, "failslab", strstr(name, "kmemleak") || strstr(name, "debug_objects") ||
			     strncmp(name, cache, strlen(cache)) ? "0" : "1");
}

/* That takes long: once is enough */
static void caches_fail(void)
{
	static const char done[] = "/run/faults.caches";
	char was[64] = "";
	int fd;

	if (!access(done, F_OK))
		prog_read(done, was, sizeof(was));
	if (!access(done, F_OK) && !strcmp(was, cache))
		return;
	each("/sys/kernel/slab", "", cache_fails);
	fd = must(open(done, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	must(write(fd, cache, strlen(cache)));
	close(fd);
}

/* Quiet, and nothing is left out because it could wait */
static void set_up(void)
{
	static const char *const dirs[] = {
		DEBUGFS "/failslab", DEBUGFS "/fail_page_alloc", DEBUGFS "/fail_usercopy",
		DEBUGFS "/fail_futex",
	};
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		put(dirs[i], "verbose", "0");
	/* of locks of the C library: it gives up at once if the kernel refuses one */
	put(dirs[3], "ignore-private", "Y");
	put(dirs[0], "ignore-gfp-wait", "N");
	put(dirs[0], "cache-filter", "Y");
	put(dirs[1], "ignore-gfp-wait", "N");
	put(dirs[1], "ignore-gfp-highmem", "N");
	put(dirs[1], "min-order", "0");
	caches_fail();
}

/* A kernel thread that runs for others; kthreadd is the parent of more of them */
static void worker_fails(const char *name)
{
	char path[300], comm[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	comm[0] = 0;
	if (read(fd, comm, sizeof(comm)) > 0 &&
	    (!strncmp(comm, "kworker/u", 9) || !strncmp(comm, "kthreadd", 8))) {
		snprintf(path, sizeof(path), "/proc/%s", name);
		put(path, "make-it-fail", "1");
	}
	close(fd);
}

static void family_set_up(const char *what)
{
	family = !strcmp(what, "slab") ? DEBUGFS "/failslab" : DEBUGFS "/fail_page_alloc";
	put(family, "task-filter", "Y");
	put(family, "probability", "0");
	put(family, "times", "0");
	if (!strcmp(what, "slab"))
		each("/proc", "", worker_fails);
}

static void family_in(bool in)
{
	check(pwrite(make_it_fail, in ? "1" : "0", 1, 0) == 1, "make-it-fail: %s",
	      strerror(errno));
}

/*
 * The kernel counts, and fails those whose number is a multiple of the interval.
 * When it failed none, the number is known to be below a limit: it is brought
 * there, by allocations of which no failure matters.
 */
static void family_count_to(unsigned long limit)
{
	void *p;
	int i;

	put_number(family, "interval", limit);
	put(family, "times", "1");
	put(family, "probability", "100");
	while (get(family, "times")) {
		family_in(true);
		for (i = 0; i < 100; i++) {
			p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
			if (p != MAP_FAILED)
				munmap(p, 4096);
		}
		family_in(false);
	}
	put(family, "probability", "0");
}

static void family_arm(unsigned long n)
{
	if (counts->limit)
		family_count_to(counts->counted = counts->limit);
	counts->limit = 0;
	put_number(family, "interval", counts->counted + n);
	put(family, "times", "1");
	put(family, "probability", "100");
	family_in(true);
}

/* Was it injected? Nothing fails from now on */
static bool family_disarm(unsigned long n)
{
	bool injected;

	put(family, "probability", "0");
	injected = !get(family, "times");
	if (injected)
		counts->counted += n;
	else
		counts->limit = counts->counted + n;
	return injected;
}

/* From one run to the next */
static void family_keep(bool store)
{
	char path[64], text[64];
	int fd;

	snprintf(path, sizeof(path), "/run/faults.%s", strrchr(family, '/') + 1);
	if (store) {
		fd = must(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
		check(dprintf(fd, "%lu %lu", counts->counted, counts->limit) > 0, "%s", path);
		close(fd);
	} else if (!access(path, F_OK)) {
		prog_read(path, text, sizeof(text));
		check(sscanf(text, "%lu %lu", &counts->counted, &counts->limit) == 2, "%s", path);
	}
}

static void arm(unsigned long n)
{
	char text[24];

	counts->tried++;
	if (family) {
		family_arm(n);
		return;
	}
	snprintf(text, sizeof(text), "%lu", n);
	must(pwrite(fail_nth, text, strlen(text), 0));
}

static bool disarm(unsigned long n)
{
	char text[24] = "";
	bool injected;

	if (family) {
		family_in(false);
		return family_disarm(n);
	}
	/* who looks may be failed himself: then nothing else was */
	injected = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
	while (pwrite(fail_nth, "0", 1, 0) != 1)
		;
	return injected;
}

static void open_own(void)
{
	fail_nth = must(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	make_it_fail = must(open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC));
}

#endif /* INJECT_H */
