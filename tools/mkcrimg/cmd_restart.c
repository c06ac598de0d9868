// SPDX-License-Identifier: GPL-2.0
/*
 * mkcrimg restart: execute an image, and say why when that fails.
 *
 * This process becomes the job or its keeper, as with ./job.crimg.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <linux/cr.h>
#include "mkcrimg.h"

#define OPTIONS_MAX	16

/* The reason that the kernel kept for this process */
static bool print_last_error(int err)
{
	struct cr_ioc_error arg = { .report_len = CR_REPORT_MAX };
	char *report = report_alloc();
	unsigned int lines = 0;
	int dev;

	dev = report ? open(CR_DEVICE, O_RDWR | O_CLOEXEC) : -1;
	arg.report = (unsigned long)report;
	if (dev >= 0 && !ioctl(dev, CR_IOC_LAST_ERROR, &arg))
		lines = print_report("restart", report, err);
	if (dev >= 0)
		close(dev);
	free(report);
	return lines;
}

int image_exec(char *const args[])
{
	int err;

	execv(args[0], args);
	err = errno;
	if (!print_last_error(err))
		failed("%s: %s%s", args[0], strerror(err), err == ENOEXEC ?
		       ": no image, or no kernel module for it" : "");
	errno = err;
	return ST_FAILED;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "files", required_argument, NULL, 'f' },
		{ "stopped", no_argument, NULL, 's' },
		{ }
	};
	char *args[OPTIONS_MAX + 5], pid[32], files[32];
	bool has_pid = false, has_files = false, stopped = false;
	int opt, nr = 1;

	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (opt == 'p' && (!strcmp(optarg, "keep") ||
				   !strcmp(optarg, "ns") ||
				   !strcmp(optarg, "auto"))) {
			snprintf(pid, sizeof(pid), "pid=%s", optarg);
			has_pid = true;
		} else if (opt == 'f' && (!strcmp(optarg, "keep") ||
					  !strcmp(optarg, "truncate"))) {
			snprintf(files, sizeof(files), "files=%s", optarg);
			has_files = true;
		} else if (opt == 's') {
			stopped = true;
		} else {
			return usage(cmd);
		}
	}
	if (has_pid)
		args[nr++] = pid;
	if (has_files)
		args[nr++] = files;
	if (stopped)
		args[nr++] = "start=stopped";
	if (optind == argc)
		return usage(cmd);
	args[0] = argv[optind++];
	for (; optind < argc; optind++) {
		if (!strchr(argv[optind], '=') || nr > OPTIONS_MAX)
			return usage(cmd);
		args[nr++] = argv[optind];
	}
	args[nr] = NULL;
	return image_exec(args);
}

const struct cmd cmd_restart = {
	.name = "restart",
	.args = "[--pid=keep|ns|auto] [--files=keep|truncate] [--stopped] FILE [KEY=VALUE...]",
	.help = "the same as executing FILE, with the reason when it fails",
	.options =
	"      --pid=keep  the pids that it had, or fail\n"
	"      --pid=ns    in a pid namespace of its own\n"
	"      --pid=auto  keep if they are free, else ns (default)\n"
	"      --files=keep      output that has grown since the save is kept; the\n"
	"                        job goes on at the position it had (default)\n"
	"      --files=truncate  it is cut to the length it had\n"
	"      --stopped   all of it is stopped: SIGCONT, or a debugger, lets it go on\n",
	.run = run,
};
