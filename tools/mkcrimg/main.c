// SPDX-License-Identifier: GPL-2.0
/* mkcrimg: save a job to an image, look at images, restart them. */
#include <stdio.h>
#include <string.h>
#include <linux/cr_image.h>
#include "mkcrimg.h"

static const struct cmd *const cmds[] = {
	&cmd_save,
	&cmd_auto,
	&cmd_run,
	&cmd_restart,
	&cmd_show,
	&cmd_check,
	&cmd_core,
	&cmd_gdb,
	&cmd_expand,
	&cmd_stack,
	&cmd_diff,
	&cmd_mount,
};

static void help_cmd(FILE *out, const struct cmd *cmd)
{
	fprintf(out, "usage: mkcrimg %s %s\n%s", cmd->name, cmd->args,
		cmd->options ? cmd->options : "");
}

int usage(const struct cmd *cmd)
{
	help_cmd(stderr, cmd);
	return ST_USAGE;
}

static void help(FILE *out)
{
	size_t i;

	fprintf(out, "usage: mkcrimg COMMAND ...\n"
		"       mkcrimg [COMMAND] --help\n"
		"       mkcrimg --version\n\n");
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		if (cmds[i])
			fprintf(out, "  %s %s\n      %s\n%s", cmds[i]->name,
				cmds[i]->args, cmds[i]->help,
				cmds[i]->options ? cmds[i]->options : "");
	fprintf(out, "\nAn image is restarted by executing it: ./job.crimg\n");
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		help_cmd(stdout, cmd);
		return ST_OK;
	}
	return cmd->run(cmd, argc, argv);
}

/* What could not be written was not said, however early that came to light */
static int finish(int st, int trouble)
{
	if (fflush(stdout) || ferror(stdout)) {
		failed("stdout: write error");
		st = trouble ? trouble : ST_FAILED;
	}
	return st;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		help(stderr);
		return ST_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		help(stdout);
		return finish(ST_OK, 0);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("mkcrimg %s, image format %d\n", MKCRIMG_VERSION,
		       CR_VERSION);
		return finish(ST_OK, 0);
	}
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		if (cmds[i] && !strcmp(argv[1], cmds[i]->name))
			return finish(run(cmds[i], argc - 1, argv + 1),
				      cmds[i]->trouble);
	failed("%s: no such command; try mkcrimg --help", argv[1]);
	return ST_USAGE;
}
