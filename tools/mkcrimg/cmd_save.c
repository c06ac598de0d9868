// SPDX-License-Identifier: GPL-2.0
/* mkcrimg save: save a job once. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "save.h"

static int save_run(struct save *s)
{
	char name[128];
	int err;

	if (!s->path[0]) {
		if (save_default_name(s->what, s->pid, name, sizeof(name)))
			return ST_FAILED;
		snprintf(s->path, sizeof(s->path), "%s.crimg", name);
	}
	err = save_job_watched(s);
	if (!err && !s->quiet)
		save_summary(s);
	return err;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kill", no_argument, NULL, 'k' },
		{ "stop", no_argument, NULL, 's' },
		{ "with-files", no_argument, NULL, 'f' },
		{ }
	};
	struct save s = SAVE_INIT("save");
	unsigned long number;
	int opt;

	while ((opt = getopt_long(argc, argv, "o:qt:", options, NULL)) != -1) {
		switch (opt) {
		case 'k':
		case 's':
			if (s.release)
				return usage(cmd);
			s.release = opt == 'k' ? CR_RELEASE_KILL :
						 CR_RELEASE_STOP;
			break;
		case 'f':
			s.flags |= CR_SAVE_WITH_FILES;
			break;
		case 'o':
			if (!*optarg || strlen(optarg) >= sizeof(s.path))
				return usage(cmd);
			strcpy(s.path, optarg);
			break;
		case 'q':
			s.quiet = true;
			break;
		case 't':
			if (!parse_number(optarg, 1, SAVE_TIMEOUT_MAX, &number))
				return usage(cmd);
			s.timeout_ms = number * 1000;
			break;
		default:
			return usage(cmd);
		}
	}
	if (optind + 1 != argc || !parse_pid(argv[optind], &s.pid))
		return usage(cmd);
	return save_run(&s);
}

const struct cmd cmd_save = {
	.name = "save",
	.args = "[-o FILE] [--kill | --stop] [--with-files] [-q] [-t SECONDS] PID",
	.help = "save the job that PID leads; it runs on",
	.options =
	"      -o FILE     the image; default: COMM.PID.crimg\n"
	"      --kill      kill the job when its image is complete\n"
	"      --stop      stop it then\n"
	"      --with-files  carry executables, libraries and other mapped files\n"
	"                  along: the image restarts where they have changed\n"
	"      -q          no summary, no progress\n"
	"      -t SECONDS  how long to wait for the job to stand still\n",
	.run = run,
};
