// SPDX-License-Identifier: GPL-2.0
/*
 * mkcrimg save: isolate a job, save it, let it go, publish the image.
 *
 * The job goes on as soon as the kernel has what it needs. It is stopped or
 * killed only when the image is on the disk under its name. Whatever fails, the
 * job runs on and the file that had the name is still there.
 *
 * A second thread takes the signals, so that one that ends the tool finds
 * nothing to leave behind even while the main thread sits in the kernel, and
 * shows the progress.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/cr.h>
#include "mkcrimg.h"
#include "publish.h"

#define PROGRESS_AFTER_MS	1000
#define PROGRESS_EVERY_MS	200
#define EXIT_WAIT_MS		10000
#define TIMEOUT_MAX		3600
/* An image is executed by its owner and, as it holds memory, read by nobody else */
#define IMAGE_MODE		0700

/* What may take long */
enum step {
	STEP_NONE,
	STEP_ISOLATE,
	STEP_SAVE,
	STEP_SYNC,
	STEP_EXIT,
};

/**
 * struct save - one run of the command
 * @pid: as given
 * @path: the image's name
 * @release: CR_RELEASE_*
 * @flags: CR_SAVE_*
 * @quiet: no summary, no progress
 * @timeout_ms: for the job to stand still; 0: the kernel's choice
 * @pidfd, @handle: of the job
 * @out: the file
 * @report: what the kernel says
 * @iso, @img: what the ioctls return
 * @step: what the main thread waits for
 * @lock: of the terminal's last line, which shows progress if @shown
 * @done: the other thread may end
 */
struct save {
	pid_t pid;
	char path[PATH_MAX];
	unsigned int release;
	unsigned int flags;
	bool quiet;
	unsigned int timeout_ms;
	int pidfd;
	int handle;
	struct output out;
	char *report;
	struct cr_ioc_isolate iso;
	struct cr_ioc_save img;
	volatile enum step step;
	pthread_mutex_t lock;
	bool shown;
	volatile bool done;
};

/* ---- signals and progress ---- */

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static void step_text(struct save *s, char *text, size_t size)
{
	struct stat st = {};

	switch (s->step) {
	case STEP_NONE:
		break;
	case STEP_ISOLATE:
		snprintf(text, size, "waiting for the job to stand still");
		break;
	case STEP_SAVE:
		fstat(s->out.fd, &st);
		snprintf(text, size, "%s written%s%s", human_size(st.st_size),
			 s->iso.memory ? " of at most " : "",
			 s->iso.memory ? human_size(s->iso.memory) : "");
		break;
	case STEP_SYNC:
		snprintf(text, size, "bringing the image to the disk");
		break;
	case STEP_EXIT:
		snprintf(text, size, "waiting for the job to end");
		break;
	}
}

static void progress(struct save *s, u64 since)
{
	u64 ms = now_ms() - since;
	char text[128] = "";

	if (ms < PROGRESS_AFTER_MS)
		return;
	pthread_mutex_lock(&s->lock);
	step_text(s, text, sizeof(text));
	if (text[0]) {
		fprintf(stderr, "\r\033[Kmkcrimg: save: %s, %llu s", text,
			(unsigned long long)ms / 1000);
		s->shown = true;
	}
	pthread_mutex_unlock(&s->lock);
}

/*
 * What is said next gets a line of its own. Only for who is going to say
 * something: a terminal may be stopped, and the job shall not wait for it.
 */
static void progress_end(struct save *s)
{
	pthread_mutex_lock(&s->lock);
	s->step = STEP_NONE;
	if (s->shown)
		fprintf(stderr, "\r\033[K");
	s->shown = false;
	pthread_mutex_unlock(&s->lock);
}

static void die_of(struct save *s, int sig)
{
	sigset_t set;

	output_remove(&s->out);
	progress_end(s);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

/* Signals that end the tool: what is ignored stays ignored */
static void watched_signals(sigset_t *set)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				       SIGUSR1 };
	struct sigaction sa;
	size_t i;

	sigemptyset(set);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i] == SIGUSR1 ||
		    (!sigaction(signals[i], NULL, &sa) &&
		     sa.sa_handler != SIG_IGN))
			sigaddset(set, signals[i]);
}

/* Until the main thread says done, and SIGUSR1 to wake this one */
static void *watch(void *arg)
{
	const struct timespec every = {
		.tv_nsec = PROGRESS_EVERY_MS * 1000000l,
	};
	struct save *s = arg;
	bool tty = !s->quiet && isatty(STDERR_FILENO);
	u64 since = now_ms();
	sigset_t set;
	int sig;

	watched_signals(&set);
	while (!s->done) {
		sig = sigtimedwait(&set, NULL, &every);
		if (sig > 0 && !s->done)
			die_of(s, sig);
		if (tty)
			progress(s, since);
	}
	return NULL;
}

/* ---- the steps ---- */

static int job_open(struct save *s)
{
	s->pidfd = syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pidfd < 0)
		return failed("save: pid %d: %s", s->pid, strerror(errno));
	return 0;
}

/* The reasons that the kernel gives, or at least the error */
static int refused(struct save *s, int err)
{
	progress_end(s);
	if (!print_report("save", s->report, err))
		failed("save: pid %d: %s", s->pid, strerror(err));
	return ST_FAILED;
}

static int isolate(struct save *s)
{
	int dev = device_open(), err;

	if (dev < 0)
		return ST_FAILED;
	s->iso.pidfd = s->pidfd;
	s->iso.timeout_ms = s->timeout_ms;
	s->iso.report = (unsigned long)s->report;
	s->iso.report_len = CR_REPORT_MAX;
	s->step = STEP_ISOLATE;
	s->handle = ioctl(dev, CR_IOC_ISOLATE, &s->iso);
	err = s->handle < 0 ? errno : 0;
	s->step = STEP_NONE;
	close(dev);
	return err ? refused(s, err) : 0;
}

static int save(struct save *s)
{
	int err;

	s->img.fd = s->out.fd;
	s->img.flags = s->flags;
	s->img.report = (unsigned long)s->report;
	s->img.report_len = CR_REPORT_MAX;
	s->report[0] = 0;
	s->step = STEP_SAVE;
	err = ioctl(s->handle, CR_IOC_SAVE, &s->img) ? errno : 0;
	s->step = STEP_NONE;
	return err ? refused(s, err) : 0;
}

static int release(struct save *s, unsigned int how)
{
	int err = 0;

	if (ioctl(s->handle, CR_IOC_RELEASE, (unsigned long)how)) {
		err = errno;
		progress_end(s);
		err = failed("save: pid %d: cannot release: %s", s->pid,
			     strerror(err));
	}
	close(s->handle);
	s->handle = -1;
	return err;
}

/* When the command is done, a killed job is gone */
static void wait_exit(struct save *s)
{
	struct pollfd p = { .fd = s->pidfd, .events = POLLIN };

	s->step = STEP_EXIT;
	while (poll(&p, 1, EXIT_WAIT_MS) < 0 && errno == EINTR)
		;
	s->step = STEP_NONE;
}

static int sync_and_name(struct save *s)
{
	int err;

	s->step = STEP_SYNC;
	err = output_sync(&s->out) ? 0 : errno;
	progress_end(s);
	return err ? failed("%s: %s", s->path, strerror(err)) :
		     output_publish(&s->out, s->path);
}

static int publish(struct save *s)
{
	int err = 0;

	if (s->release == CR_RELEASE_CONTINUE)
		err = release(s, CR_RELEASE_CONTINUE);
	if (!err)
		err = sync_and_name(s);
	if (!err && s->release != CR_RELEASE_CONTINUE)
		err = release(s, s->release);
	if (!err && s->release == CR_RELEASE_KILL)
		wait_exit(s);
	return err;
}

static void summary(const struct save *s)
{
	printf("%s: %u process%s, %u thread%s, %s of memory in %s, stopped for %llu ms\n",
	       s->path, s->iso.nr_procs, s->iso.nr_procs == 1 ? "" : "es",
	       s->iso.nr_threads, s->iso.nr_threads == 1 ? "" : "s",
	       human_size(s->img.memory), human_size(s->img.stored),
	       (unsigned long long)s->img.stopped_ns / 1000000);
}

/* COMM.PID.crimg in the current directory */
static int default_path(struct save *s)
{
	char name[64], comm[64] = "";
	FILE *f;
	char *p;

	snprintf(name, sizeof(name), "/proc/%d/comm", s->pid);
	f = fopen(name, "r");
	if (!f || !fgets(comm, sizeof(comm), f)) {
		if (f)
			fclose(f);
		return failed("save: pid %d: %s", s->pid, strerror(ESRCH));
	}
	fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	for (p = comm; *p; p++)
		if (*p == '/' || *p < ' ')
			*p = '_';
	snprintf(s->path, sizeof(s->path), "%s%s.%d.crimg",
		 comm[0] == '.' || comm[0] == '-' ? "_" : "", comm, s->pid);
	return 0;
}

static int steps(struct save *s)
{
	return job_open(s) ?:
	       (s->path[0] ? 0 : default_path(s)) ?:
	       output_create(&s->out, s->path, IMAGE_MODE) ?:
	       isolate(s) ?:
	       save(s) ?:
	       publish(s);
}

static int save_run(struct save *s)
{
	pthread_t watcher;
	sigset_t set;
	int err;

	s->report = report_alloc();
	if (!s->report)
		return ST_FAILED;
	watched_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&watcher, NULL, watch, s)) {
		free(s->report);
		return failed("save: no thread");
	}
	err = steps(s);
	/* closing the handle lets the job go */
	if (s->handle >= 0)
		close(s->handle);
	output_close(&s->out);
	s->done = true;
	pthread_kill(watcher, SIGUSR1);
	pthread_join(watcher, NULL);
	progress_end(s);
	if (s->pidfd >= 0)
		close(s->pidfd);
	free(s->report);
	if (!err && !s->quiet)
		summary(s);
	return err;
}

static bool parse_number(const char *text, unsigned long max,
			 unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *value <= max;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kill", no_argument, NULL, 'k' },
		{ "stop", no_argument, NULL, 's' },
		{ "with-files", no_argument, NULL, 'f' },
		{ }
	};
	struct save s = {
		.pidfd = -1, .handle = -1, .out = { .fd = -1, .dirfd = -1 },
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
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
			if (!parse_number(optarg, TIMEOUT_MAX, &number) ||
			    !number)
				return usage(cmd);
			s.timeout_ms = number * 1000;
			break;
		default:
			return usage(cmd);
		}
	}
	if (optind + 1 != argc ||
	    !parse_number(argv[optind], 0x7fffffff, &number) || !number)
		return usage(cmd);
	s.pid = number;
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
