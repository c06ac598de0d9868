/* SPDX-License-Identifier: GPL-2.0 */
/* Saving a job again and again: what mkcrimg auto and run have in common. */
#ifndef MKCRIMG_PERIODIC_H
#define MKCRIMG_PERIODIC_H

#include <stdbool.h>
#include <sys/types.h>
#include "room.h"
#include "series.h"

/* Options that both have, for getopt_long() */
#define PERIODIC_SHORT	"qt:"
#define PERIODIC_LONG						\
	{ "every", required_argument, NULL, 'e' },		\
	{ "keep", required_argument, NULL, 'n' },		\
	{ "keep-free", required_argument, NULL, 'r' }

#define PERIODIC_HELP							\
	"      --every TIME   30s, 30m, 2h: how often\n"			\
	"      --keep N       so many images stay, the newest ones (default 3)\n" \
	"      --keep-free SIZE|PERCENT%  not saved if less would stay free\n"	\
	"                     (default 5%, at most 4G)\n"

/**
 * struct periodic - how a job is saved again and again
 * @what: the command, for messages
 * @series: names of the images
 * @room: what has to stay free
 * @every_ms: time from one save to the next; 0: none
 * @due_ms: when the next one is due, see now_ms()
 * @keep: so many images stay
 * @timeout_ms: for the job to stand still; 0: the kernel's choice
 * @quiet: nothing is said but why something fails
 */
struct periodic {
	const char *what;
	struct series series;
	struct room room;
	u64 every_ms;
	u64 due_ms;
	unsigned int keep;
	unsigned int timeout_ms;
	bool quiet;
};

#define PERIODIC_INIT(command) {					\
	.what = (command), .room = ROOM_DEFAULT, .keep = 3,		\
}

/* Take an option of PERIODIC_SHORT, PERIODIC_LONG; false: bad usage */
bool periodic_option(struct periodic *p, int opt, const char *arg);

/* The first interval begins now */
void periodic_start(struct periodic *p);
/* Milliseconds until the next save; -1: there is none */
int periodic_wait_ms(const struct periodic *p);
/* Is a save due? Then the next interval begins */
bool periodic_due(struct periodic *p);

struct save;

/**
 * periodic_save() - save the job as the next image of its series
 * @p: how
 * @s: initialised: @release and @pid are the caller's, the rest is filled in
 * @fn: save_job() or save_job_watched()
 *
 * If it is saved, images beyond those to keep are removed.
 *
 * Return: 0, or ST_FAILED after a line that says why
 */
int periodic_save(struct periodic *p, struct save *s,
		  int (*fn)(struct save *s));

#endif
