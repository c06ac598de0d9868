// SPDX-License-Identifier: GPL-2.0
/* mkcrimg core: processes of an image as plain ELF cores. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core.h"
#include "publish.h"

#define CORE_MODE	0600

/**
 * struct request - what is asked for
 * @pid: which process; 0: the leader
 * @all: all processes
 * @filter: CORE_*
 * @path: the file, or with @all its directory; NULL: core.PID, here
 */
struct request {
	pid_t pid;
	bool all;
	u32 filter;
	const char *path;
};

/* What goes into the file, for output_make() */
struct fill {
	const struct image *img;
	struct core_out core;
};

static int core_fill(void *arg, int fd)
{
	struct fill *f = arg;

	f->core.fd = fd;
	return cores_write(f->img, &f->core, 1, ~0ull);
}

static int core_to(const struct image *img, u32 proc, u32 filter,
		   const char *path)
{
	struct fill f = {
		.img = img, .core = { .proc = proc, .filter = filter },
	};

	return output_make(path, CORE_MODE, core_fill, &f);
}

static int core_one(const struct image *img, const struct request *req)
{
	u32 proc = req->pid ? image_proc_find(img, req->pid) : img->cr.leader;
	struct cr_rec_proc p;
	struct cr_view v;
	char name[64];

	if (!proc)
		return failed("%s: pid %d: no such process", img->path,
			      req->pid);
	cr_read_obj(&img->cr, proc, &v, &p, sizeof(p));
	if (!p.nr_threads)
		return failed("%s: pid %d: a zombie has no memory", img->path,
			      req->pid);
	snprintf(name, sizeof(name), "core.%u", le32_to_cpu(p.pid));
	return core_to(img, proc, req->filter, req->path ? req->path : name);
}

/* Each is published by itself: those before one that fails are there */
static int core_all(const struct image *img, const struct request *req)
{
	const char *dir = req->path ? req->path : ".";
	struct cr_rec_proc p;
	struct cr_view v;
	char path[PATH_MAX];
	int err = 0;
	u32 id = 0;

	if (strlen(dir) >= sizeof(path) - 32)
		return failed("%s: %s", dir, strerror(ENAMETOOLONG));
	while (!err && (id = image_next(img, id, CR_REC_PROC))) {
		cr_read_obj(&img->cr, id, &v, &p, sizeof(p));
		if (!p.nr_threads)
			continue;
		snprintf(path, sizeof(path), "%s/core.%u", dir,
			 le32_to_cpu(p.pid));
		err = core_to(img, id, req->filter, path);
	}
	return err;
}

/* As /proc/PID/coredump_filter shows it: hexadecimal, also without 0x */
static bool parse_filter(const char *text, u32 *filter)
{
	unsigned long value;
	char *end;

	*filter = CORE_OWN;
	if (!strcmp(text, "own"))
		return true;
	errno = 0;
	value = strtoul(text, &end, 16);
	*filter = value;
	return !errno && end != text && !*end && *text != '-' &&
	       *text != '+' && value <= CORE_FILTER_KNOWN;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "filter", required_argument, NULL, 'f' },
		{ }
	};
	struct request req = { .filter = CORE_ALL };
	struct image img;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "p:o:", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &req.pid))
				return usage(cmd);
			break;
		case 'o':
			if (!*optarg)
				return usage(cmd);
			req.path = optarg;
			break;
		case 'a':
			req.all = true;
			break;
		case 'f':
			if (!parse_filter(optarg, &req.filter))
				return usage(cmd);
			break;
		default:
			return usage(cmd);
		}
	}
	if (optind + 1 != argc || (req.all && req.pid))
		return usage(cmd);
	if (image_open(&img, argv[optind]))
		return ST_FAILED;
	err = req.all ? core_all(&img, &req) : core_one(&img, &req);
	image_close(&img);
	return err;
}

const struct cmd cmd_core = {
	.name = "core",
	.args = "[-p PID | --all] [-o CORE] [--filter MASK] FILE",
	.help = "write processes of an image as plain ELF cores",
	.options =
	"      -p PID   which; default: the leader\n"
	"      --all    every process but zombies, each to a core.PID\n"
	"      -o CORE  the file; with --all: the directory; default: core.PID here\n"
	"      --filter MASK  what goes into it, as in /proc/PID/coredump_filter, or\n"
	"               \"own\": what the process had there; default: all there is\n",
	.run = run,
};
