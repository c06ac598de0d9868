// SPDX-License-Identifier: GPL-2.0
/* Saving a job again and again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "periodic.h"
#include "save.h"

#define KEEP_MAX	1000000

bool periodic_option(struct periodic *p, int opt, const char *arg)
{
	unsigned long number;

	switch (opt) {
	case 'e':
		return parse_time(arg, &p->every_ms);
	case 'n':
		if (!parse_number(arg, 1, KEEP_MAX, &number))
			return false;
		p->keep = number;
		return true;
	case 'r':
		return room_parse(&p->room, arg);
	case 'q':
		p->quiet = true;
		return true;
	case 't':
		if (!parse_number(arg, 1, SAVE_TIMEOUT_MAX, &number))
			return false;
		p->timeout_ms = number * 1000;
		return true;
	}
	return false;
}

void periodic_start(struct periodic *p)
{
	p->due_ms = now_ms() + p->every_ms;
}

int periodic_wait_ms(const struct periodic *p)
{
	u64 now = now_ms();

	if (!p->every_ms)
		return -1;
	if (now >= p->due_ms)
		return 0;
	return p->due_ms - now < INT_MAX ? (int)(p->due_ms - now) : INT_MAX;
}

bool periodic_due(struct periodic *p)
{
	if (periodic_wait_ms(p))
		return false;
	p->due_ms += p->every_ms;
	/* what has been missed is not made up for */
	if (p->due_ms <= now_ms())
		periodic_start(p);
	return true;
}

/* 0: there is none, after a line */
static unsigned int next_number(const struct series *s)
{
	unsigned int *numbers, next = 0;
	size_t nr;

	/* somebody else's image, too, is not written over */
	numbers = series_numbers(s, true, &nr);
	if (!numbers)
		return 0;
	if (!nr)
		next = 1;
	else if (numbers[0] < SERIES_NUMBER_MAX)
		next = numbers[0] + 1;
	else
		failed("%s/%s: no number is left for the next image", s->dir,
		       s->name);
	free(numbers);
	return next;
}

int periodic_save(struct periodic *p, struct save *s,
		  int (*fn)(struct save *s))
{
	unsigned int number = next_number(&p->series);
	int err;

	if (!number)
		return ST_FAILED;
	if (!series_path(&p->series, number, s->path, sizeof(s->path)))
		return failed("%s: %s", p->series.dir, strerror(ENAMETOOLONG));
	s->quiet = p->quiet;
	s->timeout_ms = p->timeout_ms;
	s->room = &p->room;
	s->fresh = true;
	err = fn(s);
	if (err)
		return err;
	p->room.last_memory = s->iso.memory;
	p->room.last_stored = s->img.stored;
	series_thin(&p->series, number, p->keep);
	return 0;
}
