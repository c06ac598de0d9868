// SPDX-License-Identifier: GPL-2.0
/* mkcrimg diff: what has changed in a job from one image to the other. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "diff.h"
#include "json.h"
#include "text.h"

/*
 * Exit statuses, as diff(1) has them: not those of other commands. ST_USAGE is
 * DIFF_TROUBLE.
 */
#define DIFF_SAME	0
#define DIFF_DIFFERS	1
#define DIFF_TROUBLE	2

/* Clocks are not read at once: leaders that started within it are the same */
#define START_SLACK_NS	2000000000ull

/* ---- is it the same job? ---- */

enum relation {
	JOB_SAME,		/* the leader has lived on */
	JOB_LIKELY,		/* started at another time, with its number and name */
	JOB_OTHER,
};

static const char *const relations[] = {
	"the same job",
	"the same job after a restart, or another one",
	"another job",
};

/*
 * Did their leaders start at the same moment? By the clock that counts from the
 * machine's boot, or by the date if an image does not say which boot that was.
 */
static bool started_at_once(const struct cr_rec_head *a,
			    const struct cr_rec_proc *p,
			    const struct cr_rec_head *b,
			    const struct cr_rec_proc *q)
{
	static const u8 unknown[sizeof(a->boot_id)];
	u64 between = le64_to_cpu(p->age_ns) - le64_to_cpu(q->age_ns);

	if (!memcmp(a->boot_id, unknown, sizeof(unknown)) ||
	    !memcmp(b->boot_id, unknown, sizeof(unknown)))
		between += le64_to_cpu(b->realtime_ns) -
			   le64_to_cpu(a->realtime_ns);
	else if (!memcmp(a->boot_id, b->boot_id, sizeof(unknown)))
		between += le64_to_cpu(b->boottime_ns) -
			   le64_to_cpu(a->boottime_ns);
	else
		return false;
	return between + START_SLACK_NS < 2 * START_SLACK_NS;
}

static enum relation jobs_relation(const struct image *a,
				   const struct image *b)
{
	struct cr_rec_thread s, t;
	struct cr_rec_proc p, q;
	struct cr_view v;

	cr_read_obj(&a->cr, a->cr.leader, &v, &p, sizeof(p));
	cr_read_obj(&b->cr, b->cr.leader, &v, &q, sizeof(q));
	if (p.pid != q.pid)
		return JOB_OTHER;
	if (started_at_once(&a->cr.head, &p, &b->cr.head, &q))
		return JOB_SAME;
	return image_main_thread(a, a->cr.leader, &s) &&
	       image_main_thread(b, b->cr.leader, &t) &&
	       !strcmp(s.comm, t.comm) ? JOB_LIKELY : JOB_OTHER;
}

/* Nanoseconds from one image to the other */
static s64 time_between(const struct image *a, const struct image *b)
{
	return le64_to_cpu(b->cr.head.realtime_ns) -
	       le64_to_cpu(a->cr.head.realtime_ns);
}

static void show_heads(const struct diff *d)
{
	double seconds = time_between(d->a, d->b) / 1e9;
	enum relation r = jobs_relation(d->a, d->b);

	printf("%s, %s: %s, %.3f s %s\n", printable(d->a->path),
	       printable(d->b->path),
	       relations[r], seconds < 0 ? -seconds : seconds,
	       seconds < 0 ? "earlier" : "later");
}

/* ---- the command ---- */

static int compare(struct diff *d)
{
	d->to_b = calloc(d->a->cr.nr_objects + 1, sizeof(*d->to_b));
	d->to_a = calloc(d->b->cr.nr_objects + 1, sizeof(*d->to_a));
	if (d->to_b && d->to_a) {
		diff_procs(d);
		diff_others(d);
	} else {
		failed("no memory");
		diff_trouble(d);
	}
	free(d->to_b);
	free(d->to_a);
	return d->trouble ? DIFF_TROUBLE :
	       d->differs ? DIFF_DIFFERS : DIFF_SAME;
}

static int compare_json(struct diff *d)
{
	static const char *const names[] = { "same", "likely", "other" };
	struct json_object *top = json_object_new_object();
	int st;

	d->changes = json_object_new_array();
	st = compare(d);
	json_object_object_add(top, "job", json_object_new_string(
			       names[jobs_relation(d->a, d->b)]));
	json_object_object_add(top, "between_ns", json_object_new_int64(
			       time_between(d->a, d->b)));
	json_object_object_add(top, "changes", d->changes);
	if (!json_print(top))
		st = DIFF_TROUBLE;
	json_object_put(top);
	return st;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	static struct image a, b;
	static struct diff d = { .a = &a, .b = &b };
	bool json = false;
	int opt, st;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return usage(cmd);
		json = true;
	}
	if (optind + 2 != argc)
		return usage(cmd);
	if (image_open(&a, argv[optind]))
		return DIFF_TROUBLE;
	if (image_open(&b, argv[optind + 1])) {
		image_close(&a);
		return DIFF_TROUBLE;
	}
	if (!json)
		show_heads(&d);
	st = json ? compare_json(&d) : compare(&d);
	image_close(&a);
	image_close(&b);
	return st;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "[--json] A B",
	.help = "what differs between two images of a job",
	.options =
	"      --json   for programs\n"
	"      exit status: 0 nothing differs, 1 something does, 2 trouble\n",
	.trouble = DIFF_TROUBLE,
	.run = run,
};
