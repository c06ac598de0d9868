// SPDX-License-Identifier: GPL-2.0
/*
 * A save in the foreground: a second thread takes the signals, so that one that
 * ends the tool finds nothing to leave behind even while the main thread sits in
 * the kernel, and shows the progress.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include "save.h"

#define PROGRESS_AFTER_MS	1000
#define PROGRESS_EVERY_MS	200

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
		fprintf(stderr, "\r\033[Kmkcrimg: %s: %s, %llu s", s->what,
			text, (unsigned long long)ms / 1000);
		s->shown = true;
	}
	pthread_mutex_unlock(&s->lock);
}

/*
 * Only for who is going to say something: a terminal may be stopped, and the
 * job shall not wait for it.
 */
void save_progress_end(struct save *s)
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
	save_progress_end(s);
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

int save_job_watched(struct save *s)
{
	sigset_t set, before;
	pthread_t watcher;
	int err;

	watched_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	if (pthread_create(&watcher, NULL, watch, s)) {
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		return failed("%s: no thread", s->what);
	}
	err = save_job(s);
	s->done = true;
	pthread_kill(watcher, SIGUSR1);
	pthread_join(watcher, NULL);
	save_progress_end(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}
