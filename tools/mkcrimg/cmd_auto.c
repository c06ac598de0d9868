// SPDX-License-Identifier: GPL-2.0
/*
 * mkcrimg auto: save a running job at intervals, as long as it lives; or have the
 * kernel save it when it gets a signal.
 *
 * Signals have their usual effect: between saves there is nothing to leave
 * behind, and while a job is being saved save_job_watched() sees to it.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include "declare.h"
#include "periodic.h"
#include "save.h"

/* False: the job has ended before the next save is due */
static bool wait_due(const struct periodic *p, int pidfd)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int n;

	do {
		n = poll(&ended, 1, periodic_wait_ms(p));
	} while (n < 0 && errno == EINTR);
	return n <= 0;
}

static void save_once(struct periodic *p, pid_t pid, int pidfd)
{
	struct save s = SAVE_INIT(p->what);

	/* the number may be another process's before anything is done by it */
	s.pid = pid;
	s.pidfd = pidfd;
	if (periodic_save(p, &s, save_job_watched) || p->quiet)
		return;
	save_summary(&s);
	fflush(stdout);
}

static int auto_run(struct periodic *p, pid_t pid, int pidfd)
{
	periodic_start(p);
	while (wait_due(p, pidfd))
		if (periodic_due(p))
			save_once(p, pid, pidfd);
	return ST_OK;
}

/* -o DIR/NAME; or COMM.PID, in -d DIR or here */
static int name_series(struct periodic *p, const char *name, const char *dir,
		       pid_t pid)
{
	char path[PATH_MAX], job[128];

	if (name)
		return series_init(&p->series, name);
	if (save_default_name(p->what, pid, job, sizeof(job)))
		return ST_FAILED;
	if (snprintf(path, sizeof(path), "%s/%s", dir, job) >=
	    (int)sizeof(path))
		return failed("%s: %s", dir, strerror(ENAMETOOLONG));
	return series_init(&p->series, path);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		PERIODIC_LONG, DECLARE_LONG, { }
	};
	struct periodic p = PERIODIC_INIT("auto");
	struct declare d = DECLARE_INIT;
	const char *name = NULL, *dir = NULL;
	int opt, pidfd, st;
	pid_t pid;

	while ((opt = getopt_long(argc, argv, PERIODIC_SHORT "d:o:", options,
				  NULL)) != -1) {
		if (opt == 'o')
			name = optarg;
		else if (opt == 'd')
			dir = optarg;
		else if (opt >= DECLARE_SIGNAL ?
			 !declare_option(&d, opt, optarg) :
			 !periodic_option(&p, opt, optarg))
			return usage(cmd);
	}
	if (optind + 1 != argc || (!p.every_ms && !d.wanted) ||
	    (name && dir) || (name && !*name) || (dir && !*dir) ||
	    !declare_valid(&d) ||
	    !parse_pid(argv[optind], &pid))
		return usage(cmd);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return failed("auto: pid %d: %s", pid, strerror(errno));
	st = d.wanted ? declare_job(&d, pid, pidfd) : ST_OK;
	if (!st && p.every_ms)
		st = name_series(&p, name, dir ?: ".", pid) ?:
		     auto_run(&p, pid, pidfd);
	close(pidfd);
	return st;
}

const struct cmd cmd_auto = {
	.name = "auto",
	.args = "[--every TIME ...] [--signal SIG] [--end-signal SIG] [--fatal | --no-fatal] [--pattern PATTERN] [--forget] PID",
	.help = "save the job that PID leads at intervals, until it ends; have the kernel save it on a signal",
	.options =
	PERIODIC_HELP
	"      -o NAME        the images are NAME.1.crimg, NAME.2.crimg ...;\n"
	"                     default: COMM.PID\n"
	"      -d DIR         where they are, if not here\n"
	"      -q             no summaries, no progress\n"
	"      -t SECONDS     how long to wait for the job to stand still\n"
	"      --signal SIG   the kernel saves it when one of its processes has this\n"
	"                     signal and does nothing with it; 0: never\n"
	"      --end-signal SIG  ... saves it, and the signal ends the process\n"
	"      --fatal        ... when one crashes; --no-fatal: it does not\n"
	"      --pattern PATTERN  names of these images: kernel.crimg_pattern\n"
	"      --forget       as the sysctls kernel.crimg_* say again\n",
	.run = run,
};
