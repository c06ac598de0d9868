// SPDX-License-Identifier: GPL-2.0
/*
 * mkcrimg check: is an image whole, and would it restart here? Or: could a
 * running job be saved?
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/cr.h>
#include "check.h"
#include "text.h"

static int check_file(const char *path, bool machine)
{
	unsigned int problems = 0;
	struct image img;

	if (image_open(&img, path))
		return ST_FAILED;
	problems += check_segments(&img);
	problems += check_memory(&img);
	if (machine)
		problems += check_machine(&img);
	if (!problems)
		printf("%s: %s\n", printable(path), machine ? "would restart here" : "ok");
	image_close(&img);
	return problems ? ST_FAILED : ST_OK;
}

static int check_pid(const char *text)
{
	struct cr_ioc_isolate arg = { .report_len = CR_REPORT_MAX };
	int dev, why, err = ST_FAILED;
	char *report;
	pid_t pid;

	if (!parse_pid(text, &pid))
		return failed("check: %s: no pid", text);
	arg.pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (arg.pidfd < 0)
		return failed("check: pid %d: %s", pid, strerror(errno));
	report = report_alloc();
	dev = report ? device_open() : -1;
	arg.report = (unsigned long)report;
	if (dev >= 0) {
		why = ioctl(dev, CR_IOC_CHECK, &arg) ? errno : 0;
		if (!why)
			err = ST_OK;
		else if (!print_report("check", report, why))
			failed("check: pid %d: %s", pid, strerror(why));
		close(dev);
	}
	if (!err)
		printf("pid %d: can be saved: %u process%s, %u thread%s\n",
		       pid, arg.nr_procs, arg.nr_procs == 1 ? "" : "es",
		       arg.nr_threads, arg.nr_threads == 1 ? "" : "s");
	free(report);
	close(arg.pidfd);
	return err;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "records-only", no_argument, NULL, 'r' },
		{ }
	};
	const char *pid = NULL;
	bool machine = true;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			pid = optarg;
			break;
		case 'r':
			machine = false;
			break;
		default:
			return usage(cmd);
		}
	}
	if (pid)
		return optind == argc && machine ? check_pid(pid) : usage(cmd);
	return optind + 1 == argc ? check_file(argv[optind], machine) :
	       usage(cmd);
}

const struct cmd cmd_check = {
	.name = "check",
	.args = "[--records-only] FILE | --pid PID",
	.help = "would an image restart here; could a job be saved",
	.options =
	"      --records-only  is the image whole, wherever it would restart\n"
	"      --pid PID  what keeps the job that PID leads from being saved\n",
	.run = run,
};
