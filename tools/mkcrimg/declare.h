/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_DECLARE_H
#define MKCRIMG_DECLARE_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct declare - settings of a job of its own: Documentation/automatic-images.rst
 * @wanted: anything at all was given
 * @forget: it shall have none any more
 * @save_signal: as in struct cr_ioc_auto
 * @end_signal: likewise
 * @fatal: likewise
 * @pattern: of the names, or NULL
 */
struct declare {
	bool wanted;
	bool forget;
	int save_signal;
	int end_signal;
	int fatal;
	const char *pattern;
};

#define DECLARE_INIT { .save_signal = -1, .end_signal = -1, .fatal = -1 }

/* Options: getopt_long()'s values, and what they mean. False: not understood */
enum declare_option {
	DECLARE_SIGNAL = 0x200,
	DECLARE_END_SIGNAL,
	DECLARE_FATAL,
	DECLARE_NO_FATAL,
	DECLARE_PATTERN,
	DECLARE_FORGET,
};
#define DECLARE_LONG						\
	{ "signal", required_argument, NULL, DECLARE_SIGNAL },	\
	{ "end-signal", required_argument, NULL, DECLARE_END_SIGNAL }, \
	{ "fatal", no_argument, NULL, DECLARE_FATAL },		\
	{ "no-fatal", no_argument, NULL, DECLARE_NO_FATAL },	\
	{ "pattern", required_argument, NULL, DECLARE_PATTERN },	\
	{ "forget", no_argument, NULL, DECLARE_FORGET }
bool declare_option(struct declare *d, int opt, const char *arg);

/* Do they go together? */
bool declare_valid(const struct declare *d);
/* Give them to the job that @pid leads, of @pidfd. ST_OK, or ST_FAILED after a line */
int declare_job(const struct declare *d, pid_t pid, int pidfd);

#endif
