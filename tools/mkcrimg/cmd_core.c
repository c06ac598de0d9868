// SPDX-License-Identifier: GPL-2.0
/* mkcrimg core: one process of an image as a plain ELF core. */
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

static int core_to(const struct image *img, u32 proc, const char *path)
{
	struct core_out core = { .proc = proc };
	struct output out;
	int err;

	err = output_create(&out, path, CORE_MODE);
	if (err)
		return err;
	core.fd = out.fd;
	err = cores_write(img, &core, 1);
	if (!err && !output_sync(&out))
		err = failed("%s: %s", path, strerror(errno));
	if (!err)
		err = output_publish(&out, path);
	output_close(&out);
	return err;
}

static int core_of(const struct image *img, u32 pid, const char *path)
{
	u32 proc = pid ? image_proc_find(img, pid) : img->cr.leader;
	struct cr_rec_thread t;
	char name[64];

	if (!proc)
		return failed("%s: pid %u: no such process", img->path, pid);
	if (!image_main_thread(img, proc, &t))
		return failed("%s: pid %u: a zombie has no memory", img->path,
			      pid);
	snprintf(name, sizeof(name), "core.%u", le32_to_cpu(t.tid));
	return core_to(img, proc, path ? path : name);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	const char *path = NULL;
	unsigned long pid = 0;
	struct image img;
	int opt, err;
	char *end;

	while ((opt = getopt(argc, argv, "p:o:")) != -1) {
		switch (opt) {
		case 'p':
			pid = strtoul(optarg, &end, 10);
			if (!pid || *end || pid > INT_MAX)
				return usage(cmd);
			break;
		case 'o':
			path = optarg;
			break;
		default:
			return usage(cmd);
		}
	}
	if (optind + 1 != argc)
		return usage(cmd);
	if (image_open(&img, argv[optind]))
		return ST_FAILED;
	err = core_of(&img, pid, path);
	image_close(&img);
	return err;
}

const struct cmd cmd_core = {
	.name = "core",
	.args = "[-p PID] [-o CORE] FILE",
	.help = "write a process of an image as a plain ELF core",
	.options =
	"      -p PID   which; default: the leader\n"
	"      -o CORE  the file; default: core.PID\n",
	.run = run,
};
