// SPDX-License-Identifier: GPL-2.0
/*
 * mkcrimg gdb: every process of an image as an inferior of one gdb.
 *
 * gdb holds one core for each inferior, and opens what it inherits as
 * /proc/self/fd/N: the cores are memfds and leave nothing behind.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "core.h"

/* gdb's command line */
struct args {
	char **argv;
	size_t nr, max;
	bool failed;
};

/* Takes a copy */
static void args_add(struct args *a, const char *arg)
{
	char **bigger;

	if (a->nr + 1 >= a->max) {
		bigger = realloc(a->argv, (a->max + 64) * sizeof(*bigger));
		if (!bigger) {
			a->failed = true;
			return;
		}
		a->argv = bigger;
		a->max += 64;
	}
	a->argv[a->nr] = strdup(arg);
	if (a->argv[a->nr])
		a->argv[++a->nr] = NULL;
	else
		a->failed = true;
}

static void args_free(struct args *a)
{
	while (a->nr)
		free(a->argv[--a->nr]);
	free(a->argv);
}

/* A gdb command */
__printf(2, 3) static void args_command(struct args *a, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	args_add(a, "-ex");
	if (text)
		args_add(a, text);
	else
		a->failed = true;
	free(text);
}

/* gdb takes a word in quotes as it is, but for backslash and quote */
static char *quoted(const char *path)
{
	char *s = malloc(2 * strlen(path) + 3), *p = s;

	if (!s)
		return NULL;
	*p++ = '"';
	for (; *path; path++) {
		if (*path == '"' || *path == '\\')
			*p++ = '\\';
		*p++ = *path;
	}
	strcpy(p, "\"");
	return s;
}

/* The memfd that gdb inherits as the core of a process */
static int core_create(const struct image *img, struct core_out *out)
{
	struct cr_rec_thread t;
	char name[32];

	image_main_thread(img, out->proc, &t);
	snprintf(name, sizeof(name), "core.%u", le32_to_cpu(t.tid));
	out->fd = memfd_create(name, 0);
	return out->fd < 0 ? failed("%s: pid %u: %s", img->path,
				    le32_to_cpu(t.tid), strerror(errno)) : 0;
}

/* Bytes of memory that are free, as far as the kernel says it */
static u64 memory_free(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	bool found = false;
	char line[128];

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "MemAvailable: %llu kB", &kib) == 1;
	if (f)
		fclose(f);
	return found ? kib << 10 : ~0ull;
}

/* All cores of the image; NULL after a line that says why */
static struct core_out *cores_create(const struct image *img, size_t *nr)
{
	struct core_out *outs;
	struct cr_rec_thread t;
	u32 id = 0;
	int err = 0;

	*nr = 0;
	outs = calloc(le32_to_cpu(img->cr.head.nr_procs) + 1, sizeof(*outs));
	if (!outs) {
		failed("%s: %s", img->path, strerror(ENOMEM));
		return NULL;
	}
	while (!err && (id = image_next(img, id, CR_REC_PROC))) {
		if (!image_main_thread(img, id, &t))
			continue;
		outs[*nr].proc = id;
		outs[*nr].filter = CORE_ALL;
		err = core_create(img, &outs[(*nr)++]);
	}
	if (err || cores_write(img, outs, *nr, memory_free())) {
		free(outs);
		return NULL;
	}
	return outs;
}

static void inferior_add(struct args *a, const struct image *img,
			 const struct core_out *out, size_t nr)
{
	struct cr_rec_thread t;
	struct cr_rec_mm mm;
	struct cr_view v;
	char *exe;

	image_main_thread(img, out->proc, &t);
	cr_read_obj(&img->cr, le32_to_cpu(t.mm), &v, &mm, sizeof(mm));
	exe = quoted(image_file_name(img, le32_to_cpu(mm.exe)));
	a->failed |= !exe;
	if (nr > 1) {
		/* of its own connection, or gdb would share the first core */
		args_command(a, "add-inferior -no-connection");
		args_command(a, "inferior %zu", nr);
	}
	args_command(a, "file %s", exe ? exe : "");
	args_command(a, "core-file /proc/self/fd/%d", out->fd);
	free(exe);
}

/* A descriptor for each process */
static void more_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* Returns when there is no gdb */
static int gdb_exec(const struct image *img, const struct core_out *outs,
		    size_t nr, char **options)
{
	struct args a = {};
	size_t n;
	int err;

	args_add(&a, "gdb");
	args_add(&a, "-q");
	/* gdb runs -iex first, then ours, then the user's */
	args_command(&a, "set print inferior-events off");
	for (n = 0; n < nr; n++)
		inferior_add(&a, img, &outs[n], n + 1);
	if (nr > 1)
		args_command(&a, "inferior 1");
	for (; *options; options++)
		args_add(&a, *options);
	if (!a.failed)
		execvp("gdb", a.argv);
	err = failed("gdb: %s", strerror(a.failed ? ENOMEM : errno));
	args_free(&a);
	return err;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct core_out *outs;
	struct image img;
	int err = ST_FAILED;
	size_t nr;

	if (argc < 2 || argv[1][0] == '-' ||
	    (argc > 2 && strcmp(argv[2], "--")))
		return usage(cmd);
	if (image_open(&img, argv[1]))
		return ST_FAILED;
	more_descriptors();
	outs = cores_create(&img, &nr);
	if (outs)
		err = gdb_exec(&img, outs, nr, argv + (argc > 2 ? 3 : 2));
	free(outs);
	image_close(&img);
	return err;
}

const struct cmd cmd_gdb = {
	.name = "gdb",
	.args = "FILE [-- GDB-OPTION...]",
	.help = "gdb, with every process of an image as an inferior",
	.run = run,
};
