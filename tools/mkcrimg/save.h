/* SPDX-License-Identifier: GPL-2.0 */
/* Saving a job to a file: what mkcrimg save, auto and run have in common. */
#ifndef MKCRIMG_SAVE_H
#define MKCRIMG_SAVE_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>
#include <linux/cr.h>
#include "mkcrimg.h"
#include "publish.h"
#include "room.h"

/* Longest time to wait for a job to stand still, in seconds */
#define SAVE_TIMEOUT_MAX	3600

/* What may take long */
enum save_step {
	STEP_NONE,
	STEP_ISOLATE,
	STEP_SAVE,
	STEP_SYNC,
	STEP_EXIT,
};

/**
 * struct save - one save
 * @what: the command, for messages
 * @pid: the job's leader or keeper
 * @path: the image's name
 * @release: CR_RELEASE_*
 * @flags: CR_SAVE_*
 * @quiet: no progress
 * @timeout_ms: for the job to stand still; 0: the kernel's choice
 * @room: what has to stay free; NULL: nothing
 * @fresh: nothing must have the name yet
 * @pidfd: of the job; -1: that is opened by @pid, and closed
 * @handle: of the job
 * @out: the file
 * @report: what the kernel says
 * @iso, @img: what the ioctls return
 * @step: what the main thread waits for
 * @lock: of the terminal's last line, which shows progress if @shown
 * @done: the other thread may end
 */
struct save {
	const char *what;
	pid_t pid;
	char path[PATH_MAX];
	unsigned int release;
	unsigned int flags;
	bool quiet;
	unsigned int timeout_ms;
	const struct room *room;
	bool fresh;
	int pidfd;
	int handle;
	struct output out;
	char *report;
	struct cr_ioc_isolate iso;
	struct cr_ioc_save img;
	volatile enum save_step step;
	pthread_mutex_t lock;
	bool shown;
	volatile bool done;
};

#define SAVE_INIT(command) {						\
	.what = (command), .pidfd = -1, .handle = -1,			\
	.out = { .fd = -1, .dirfd = -1 },				\
	.lock = PTHREAD_MUTEX_INITIALIZER,				\
}

/**
 * save_job() - isolate a job, save it, let it go, publish the image
 * @s: says what, and where to
 *
 * The job goes on as soon as the kernel has what it needs. It is stopped or
 * killed only when the image is on the disk under its name. Whatever fails, the
 * job runs on and the file that had the name is still there.
 *
 * Return: 0, or ST_FAILED after a line that says why
 */
int save_job(struct save *s);

/*
 * The same, with progress on a terminal. A signal that ends the tool leaves
 * nothing behind, even while the kernel saves; what is ignored stays ignored.
 */
int save_job_watched(struct save *s);

/* What is said next gets a line of its own, not that of the progress */
void save_progress_end(struct save *s);

/* The line about a job that has been saved */
void save_summary(const struct save *s);

/* COMM.PID; value: 0, or ST_FAILED after a line that says why */
int save_default_name(const char *what, pid_t pid, char *name, size_t size);

#endif
