// SPDX-License-Identifier: GPL-2.0
/*
 * mkcrimg run: for batch scripts. Start a command, or resume it from its newest
 * image; save it at intervals, and when the batch system warns that its time is
 * over.
 *
 * This process is not part of the job: the command, or the keeper of the resumed
 * job, is its child, in a session of its own. All signals are blocked here and
 * taken one by one; saves are done in between.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "periodic.h"
#include "save.h"
#include "spawn.h"

#define EXIT_SAVED	85
#define ST_NOT_FOUND	127
#define ST_NOT_STARTED	126

/**
 * struct run - one run of the command
 * @periodic: the saves
 * @argv: the command
 * @files: "files=keep" or the like for the images; NULL: their default
 * @warnings: signals upon which the job is saved and ended
 * @handled: these, and those that are passed on to the job, and SIGCHLD
 * @inherited: the signal mask that the job gets
 * @exit_code: when it has been saved and ended
 * @keep_images: also when the job has done its work
 * @job: the child: the command, or the keeper
 */
struct run {
	struct periodic periodic;
	char **argv;
	const char *files;
	sigset_t warnings;
	sigset_t handled;
	sigset_t inherited;
	int exit_code;
	bool keep_images;
	pid_t job;
};

/* ---- signals ---- */

static bool is_ignored(int sig)
{
	struct sigaction sa;

	return !sigaction(sig, NULL, &sa) && sa.sa_handler == SIG_IGN;
}

/* What is ignored stays so, unless it is a warning */
static void signals_init(struct run *r)
{
	static const int passed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
				      SIGUSR1, SIGUSR2, SIGALRM, SIGCONT,
				      SIGXCPU, SIGPWR };
	sigset_t blocked;
	size_t i;
	int sig;

	r->handled = r->warnings;
	for (i = 0; i < ARRAY_SIZE(passed); i++)
		if (!is_ignored(passed[i]))
			sigaddset(&r->handled, passed[i]);
	sigaddset(&r->handled, SIGCHLD);
	/* the job does not end because nobody reads what is said about it */
	blocked = r->handled;
	sigaddset(&blocked, SIGPIPE);
	sigprocmask(SIG_BLOCK, &blocked, &r->inherited);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (sig == SIGCHLD || sigismember(&r->warnings, sig) == 1)
			signal(sig, SIG_DFL);
}

/* The next signal, or 0 when a save is due */
static int next_signal(struct run *r)
{
	int ms = periodic_wait_ms(&r->periodic), sig;
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	sig = ms < 0 ? sigwaitinfo(&r->handled, NULL) :
		       sigtimedwait(&r->handled, NULL, &ts);
	return sig < 0 ? 0 : sig;
}

/* ---- the job begins ---- */

static void exec_image(void *arg)
{
	image_exec(arg);
}

/* Resume an image; -1 after a line that says why not, and errno */
static pid_t resume(const struct run *r, char *path)
{
	char files[32], *args[] = { path, NULL, NULL };

	if (r->files) {
		snprintf(files, sizeof(files), "files=%s", r->files);
		args[1] = files;
	}
	return spawn(exec_image, args, &r->inherited);
}

/*
 * Resume the newest image of the command that can be resumed. Value: 0 or
 * ST_FAILED; r->job stays 0 if there is none that is whole
 */
static int resume_newest(struct run *r)
{
	const struct series *series = &r->periodic.series;
	unsigned int *numbers, refused = 0;
	char path[PATH_MAX];
	struct job_id id;
	size_t i, nr;
	pid_t pid;

	numbers = series_numbers(series, false, &nr);
	if (!numbers)
		return ST_FAILED;
	for (i = 0; i < nr && !r->job; i++) {
		if (!series_path(series, numbers[i], path, sizeof(path)))
			continue;
		if (job_id_read(&id, path)) {
			/* it may well be of the command, and whole */
			refused += id.unread;
			continue;
		}
		if (id.mark != series->mark) {
			failed("%s: not an image of this command", path);
			continue;
		}
		pid = resume(r, path);
		if (pid > 0) {
			r->job = pid;
			break;
		}
		refused += errno != EBADMSG;
		failed("%s: cannot be resumed", path);
	}
	free(numbers);
	if (r->job && !r->periodic.quiet)
		note("%s: resumed", path);
	/* what has been done so far would be lost */
	if (!r->job && refused)
		return failed("run: %s/%s: there are images of the command, none of which can be resumed: it is not started anew",
			      series->dir, series->name);
	return 0;
}

static void exec_command(void *arg)
{
	const struct run *r = arg;
	char mark[20];

	snprintf(mark, sizeof(mark), "%016llx",
		 (unsigned long long)r->periodic.series.mark);
	if (!setenv(JOB_MARK_NAME, mark, 1))
		execvp(r->argv[0], r->argv);
}

static int start(struct run *r)
{
	int err;

	r->job = spawn(exec_command, r, &r->inherited);
	if (r->job > 0)
		return 0;
	err = errno;
	failed("run: %s: %s", r->argv[0], strerror(err));
	return err == ENOENT ? ST_NOT_FOUND : ST_NOT_STARTED;
}

/* ---- the job runs ---- */

static int save(struct run *r, unsigned int release)
{
	struct save s = SAVE_INIT("run");
	int err;

	s.pid = r->job;
	s.release = release;
	err = periodic_save(&r->periodic, &s, save_job);
	if (!err && release == CR_RELEASE_KILL && !r->periodic.quiet)
		note("%s: saved", s.path);
	return err;
}

/* Die as the job has died, without a core of one's own */
static int die_of(int sig)
{
	static const struct rlimit none;
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	return 128 + sig;
}

/*
 * The job has ended by itself. Only one that says that all is well has done its
 * work: what has become of another one is not for us to judge.
 */
static void ended(struct run *r, int status)
{
	if (!status && !r->keep_images)
		series_remove(&r->periodic.series);
}

/* Until the job has ended; value: its status, or -1: it has been saved */
static int wait_job(struct run *r)
{
	int sig, status;

	periodic_start(&r->periodic);
	for (;;) {
		sig = next_signal(r);
		if (waitpid(r->job, &status, WNOHANG) == r->job)
			return status;
		if (!sig && periodic_due(&r->periodic)) {
			save(r, CR_RELEASE_CONTINUE);
		} else if (sig && sigismember(&r->warnings, sig) == 1) {
			if (save(r, CR_RELEASE_KILL))
				continue;
			waitpid(r->job, NULL, 0);
			return -1;
		} else if (sig && sig != SIGCHLD) {
			kill(r->job, sig);
		}
	}
}

static int run_job(struct run *r)
{
	struct series *series = &r->periodic.series;
	int lock, err, status = 0;

	signals_init(r);
	series->mark = job_mark(r->argv);
	if (!series->mark)
		return failed("run: no memory");
	lock = series_lock(series);
	if (lock < 0)
		return ST_FAILED;
	err = resume_newest(r);
	if (!err && !r->job)
		err = start(r);
	if (!err) {
		status = wait_job(r);
		if (status >= 0)
			ended(r, status);
	}
	series_unlock(series, lock);
	if (err)
		return err;
	if (status < 0)
		return r->exit_code;
	return WIFSIGNALED(status) ? die_of(WTERMSIG(status)) :
				     WEXITSTATUS(status);
}

/* ---- options ---- */

/* Name of the command's file, which is no hidden one */
static int name_series(struct run *r, const char *name)
{
	const char *slash = strrchr(r->argv[0], '/');
	const char *base = slash ? slash + 1 : r->argv[0];
	char copy[NAME_MAX + 2];

	if (name)
		return series_init(&r->periodic.series, name);
	snprintf(copy, sizeof(copy), "%s%.*s", *base == '.' ? "_" : "",
		 NAME_MAX, base);
	return series_init(&r->periodic.series, copy);
}

static bool option(struct run *r, int opt, const char *arg)
{
	unsigned long number;

	switch (opt) {
	case 's':
		return parse_signals(arg, &r->warnings);
	case 'x':
		if (!parse_number(arg, 0, 255, &number))
			return false;
		r->exit_code = number;
		return true;
	case 'f':
		r->files = arg;
		return !strcmp(arg, "keep") || !strcmp(arg, "truncate");
	case 'k':
		r->keep_images = true;
		return true;
	}
	return periodic_option(&r->periodic, opt, arg);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		PERIODIC_LONG,
		{ "signal", required_argument, NULL, 's' },
		{ "exit-code", required_argument, NULL, 'x' },
		{ "files", required_argument, NULL, 'f' },
		{ "keep-images", no_argument, NULL, 'k' },
		{ }
	};
	struct run r = {
		.periodic = PERIODIC_INIT("run"),
		.exit_code = EXIT_SAVED,
	};
	const char *name = NULL;
	int opt;

	sigemptyset(&r.warnings);
	sigaddset(&r.warnings, SIGTERM);
	sigaddset(&r.warnings, SIGUSR1);
	sigaddset(&r.warnings, SIGUSR2);
	while ((opt = getopt_long(argc, argv, "+" PERIODIC_SHORT "o:", options,
				  NULL)) != -1) {
		if (opt == 'o' && *optarg)
			name = optarg;
		else if (opt == 'o' || !option(&r, opt, optarg))
			return usage(cmd);
	}
	if (optind == argc || !*argv[optind])
		return usage(cmd);
	r.argv = argv + optind;
	return name_series(&r, name) ?: run_job(&r);
}

const struct cmd cmd_run = {
	.name = "run",
	.args = "[--every TIME] [--keep N] [--keep-free SIZE|PERCENT%] [--signal SIG[,SIG...]] [--exit-code N] [--files=keep|truncate] [--keep-images] [-o NAME] [-q] [-t SECONDS] -- CMD [ARG...]",
	.help = "start CMD, or resume its newest image; save it when time is over",
	.options =
	PERIODIC_HELP
	"      --signal SIG[,SIG...]  upon one of these the job is saved and ended\n"
	"                     (default TERM,USR1,USR2); others are passed on to it\n"
	"      --exit-code N  status when it has been saved and ended (default 85)\n"
	"      --files=keep|truncate  output that has grown since: see restart\n"
	"      --keep-images  keep them when the job has ended with status 0, too\n"
	"      -o NAME        the images are NAME.1.crimg, NAME.2.crimg ...;\n"
	"                     default: the name of CMD\n"
	"      -q             no lines about what has been saved and resumed\n"
	"      -t SECONDS     how long to wait for the job to stand still\n",
	.run = run,
};
