// SPDX-License-Identifier: GPL-2.0
/* mkcrimg expand: the same image, uncompressed. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "expand.h"
#include "publish.h"

/* As that of mkcrimg save */
#define IMAGE_MODE	0700
#define SUFFIX		".crimg"

/* job.crimg: job.expanded.crimg in the current directory */
static bool default_path(const char *image, char *path, size_t size)
{
	char copy[PATH_MAX];
	const char *name;
	size_t len;

	if (strlen(image) >= sizeof(copy))
		return false;
	strcpy(copy, image);
	name = basename(copy);
	len = strlen(name);
	if (len > strlen(SUFFIX) &&
	    !strcmp(name + len - strlen(SUFFIX), SUFFIX))
		len -= strlen(SUFFIX);
	return snprintf(path, size, "%.*s.expanded" SUFFIX, (int)len, name) <
	       (int)size;
}

static int expand_fill(void *arg, int fd)
{
	return expand(arg, fd);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	const char *path = NULL;
	char name[PATH_MAX];
	struct image img;
	int opt, err;

	while ((opt = getopt(argc, argv, "o:")) != -1) {
		if (opt != 'o' || !*optarg)
			return usage(cmd);
		path = optarg;
	}
	if (optind + 1 != argc)
		return usage(cmd);
	if (!path && !default_path(argv[optind], name, sizeof(name)))
		return failed("%s: %s", argv[optind], strerror(ENAMETOOLONG));
	if (image_open(&img, argv[optind]))
		return ST_FAILED;
	err = output_make(path ? path : name, IMAGE_MODE, expand_fill, &img);
	image_close(&img);
	return err;
}

const struct cmd cmd_expand = {
	.name = "expand",
	.args = "[-o FILE] FILE",
	.help = "the same image, uncompressed: whole for debuggers",
	.options =
	"      -o FILE  its name; default: job.expanded.crimg for job.crimg, here;\n"
	"               may be that of the image itself\n",
	.run = run,
};
