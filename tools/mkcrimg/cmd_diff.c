// SPDX-License-Identifier: GPL-2.0
/* mkcrimg diff: what has changed in a job from one image to the other. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "diff.h"

/*
 * Exit statuses, as diff(1) has them: not those of other commands. ST_USAGE is
 * DIFF_TROUBLE.
 */
#define DIFF_SAME	0
#define DIFF_DIFFERS	1
#define DIFF_TROUBLE	2

/* Clocks are not read at once: leaders that started within it are the same */
#define START_SLACK_NS	2000000000ll

/* ---- is it the same job? ---- */

enum relation {
	JOB_SAME,		/* the leader has lived on */
	JOB_LIKELY,		/* it has its number and its name */
	JOB_OTHER,
};

static const char *const relations[] = {
	"the same job",
	"not in the same life: the same job restarted, or another one",
	"another job",
};

/* When the leader started, on the clock that counts from the machine's boot */
static s64 leader_start(const struct image *img, struct cr_rec_proc *p,
			struct cr_rec_thread *t)
{
	struct cr_view v;

	cr_read_obj(&img->cr, img->cr.leader, &v, p, sizeof(*p));
	image_main_thread(img, img->cr.leader, t);
	return le64_to_cpu(img->cr.head.boottime_ns) - le64_to_cpu(p->age_ns);
}

static enum relation jobs_relation(const struct image *a,
				   const struct image *b)
{
	static const u8 unknown[sizeof(a->cr.head.boot_id)];
	struct cr_rec_thread thread_a, thread_b;
	struct cr_rec_proc p, q;
	s64 start_a = leader_start(a, &p, &thread_a);
	s64 start_b = leader_start(b, &q, &thread_b);

	if (p.pid != q.pid)
		return JOB_OTHER;
	if (memcmp(a->cr.head.boot_id, unknown, sizeof(unknown)) &&
	    !memcmp(a->cr.head.boot_id, b->cr.head.boot_id, sizeof(unknown)) &&
	    start_a - start_b < START_SLACK_NS &&
	    start_b - start_a < START_SLACK_NS)
		return JOB_SAME;
	return strcmp(thread_a.comm, thread_b.comm) ? JOB_OTHER : JOB_LIKELY;
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
	struct cr_rec_thread t;

	image_main_thread(d->a, d->a->cr.leader, &t);
	printf("%s, %s: %s, %.3f s %s\n", d->a->path, d->b->path,
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
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
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
	if (!fflush(stdout))
		return st;
	failed("stdout: write error");
	return DIFF_TROUBLE;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "[--json] A B",
	.help = "what differs between two images of a job",
	.options =
	"      --json   for programs\n"
	"      exit status: 0 nothing differs, 1 something does, 2 trouble\n",
	.run = run,
};
