// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of a save: isolate the job, save it, let it go, publish the image.
 * Who waits for them is told where they stand (save_watch.c).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include "save.h"
#include "text.h"

#define EXIT_WAIT_MS		10000
/* An image is executed by its owner and, as it holds memory, read by nobody else */
#define IMAGE_MODE		0700

static int job_open(struct save *s)
{
	if (s->pidfd >= 0)
		return 0;
	s->pidfd = syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pidfd < 0)
		return failed("%s: pid %d: %s", s->what, s->pid,
			      strerror(errno));
	return 0;
}

/* The reasons that the kernel gives, or at least the error */
static int refused(struct save *s, int err)
{
	save_progress_end(s);
	if (!print_report(s->what, s->report, err))
		failed("%s: pid %d: %s", s->what, s->pid, strerror(err));
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

/* Only now it is known how much memory the job has */
static int room(struct save *s)
{
	if (!s->room)
		return 0;
	save_progress_end(s);
	return room_check(s->room, s->out.fd, s->path, s->iso.memory);
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
		save_progress_end(s);
		err = failed("%s: pid %d: cannot release: %s", s->what, s->pid,
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
	save_progress_end(s);
	return err ? failed("%s: %s", s->path, strerror(err)) :
		     output_publish(&s->out, s->path, s->fresh);
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

static int steps(struct save *s)
{
	return job_open(s) ?:
	       output_create(&s->out, s->path, IMAGE_MODE) ?:
	       isolate(s) ?:
	       room(s) ?:
	       save(s) ?:
	       publish(s);
}

int save_job(struct save *s)
{
	bool opened = s->pidfd < 0;
	int err;

	s->report = report_alloc();
	if (!s->report)
		return ST_FAILED;
	/* a file that would become too long is an error, not the end */
	signal(SIGXFSZ, SIG_IGN);
	err = steps(s);
	/* closing the handle lets the job go */
	if (s->handle >= 0)
		close(s->handle);
	output_close(&s->out);
	if (opened && s->pidfd >= 0) {
		close(s->pidfd);
		s->pidfd = -1;
	}
	s->handle = -1;
	free(s->report);
	return err;
}

void save_summary(const struct save *s)
{
	printf("%s: %u process%s, %u thread%s, %s of memory in %s, stopped for %llu ms\n",
	       printable(s->path), s->iso.nr_procs, s->iso.nr_procs == 1 ? "" : "es",
	       s->iso.nr_threads, s->iso.nr_threads == 1 ? "" : "s",
	       human_size(s->img.memory), human_size(s->img.stored),
	       (unsigned long long)s->img.stopped_ns / 1000000);
}

int save_default_name(const char *what, pid_t pid, char *name, size_t size)
{
	char path[64], comm[64] = "";
	FILE *f;
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (!f || !fgets(comm, sizeof(comm), f)) {
		if (f)
			fclose(f);
		return failed("%s: pid %d: %s", what, pid, strerror(ESRCH));
	}
	fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	for (p = comm; *p; p++)
		if (*p == '/' || *p < ' ' || *p == 0x7f)
			*p = '_';
	snprintf(name, size, "%s%s.%d",
		 comm[0] == '.' || comm[0] == '-' ? "_" : "", comm, pid);
	return 0;
}
