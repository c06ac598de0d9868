// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks of two images, which are known by their numbers; and what is reached from
 * no task: System V objects by theirs, what waits in a socket by the socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "diff.h"

/* A task, or another object, and the number that it is known by */
struct known {
	u32 nr;
	u32 id;
};

static int known_cmp(const void *p, const void *q)
{
	const struct known *a = p, *b = q;

	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Go through two sorted lists side by side; 0: not in that image */
static void known_merge(struct diff *d, const struct known *a, size_t nr_a,
			const struct known *b, size_t nr_b,
			void (*tell)(struct diff *d, u32 a, u32 b))
{
	size_t i = 0, j = 0;
	s64 cmp;

	while (i < nr_a || j < nr_b) {
		cmp = i == nr_a ? 1 : j == nr_b ? -1 :
		      (s64)a[i].nr - (s64)b[j].nr;
		tell(d, cmp <= 0 ? a[i].id : 0, cmp >= 0 ? b[j].id : 0);
		i += cmp <= 0;
		j += cmp >= 0;
	}
}

/* Both images' objects that @number knows; @first, @nr: among these; 0: all */
static void known_all(struct diff *d, const u32 first[2], const u32 count[2],
		      bool (*number)(struct diff *d, bool in_b, u32 id, u32 *nr),
		      void (*tell)(struct diff *d, u32 a, u32 b))
{
	struct known *list[2];
	size_t nr[2] = {};
	unsigned int i;
	u32 id;

	for (i = 0; i < 2; i++) {
		list[i] = calloc(count[i] + 1, sizeof(*list[i]));
		for (id = first[i]; list[i] && id < first[i] + count[i]; id++) {
			if (!number(d, i, id, &list[i][nr[i]].nr))
				continue;
			list[i][nr[i]++].id = id;
		}
		if (list[i])
			qsort(list[i], nr[i], sizeof(*list[i]), known_cmp);
	}
	if (list[0] && list[1]) {
		known_merge(d, list[0], nr[0], list[1], nr[1], tell);
	} else {
		failed("no memory");
		diff_trouble(d);
	}
	free(list[0]);
	free(list[1]);
}

static const struct cr_image *image_of(const struct diff *d, bool in_b)
{
	return in_b ? &d->b->cr : &d->a->cr;
}

/* The number at @offset of an object's record; false: it is of another type */
static bool number_at(const struct cr_image *img, u32 id, u32 type,
		      size_t offset, u32 *nr)
{
	u8 rec[REC_MAX];
	struct cr_view v;
	__le32 number;

	if (img->objs[id].type != type)
		return false;
	cr_read_obj(img, id, &v, rec, sizeof(rec));
	memcpy(&number, rec + offset, sizeof(number));
	*nr = le32_to_cpu(number);
	return true;
}

/* ---- threads ---- */

static bool thread_number(struct diff *d, bool in_b, u32 id, u32 *nr)
{
	return number_at(image_of(d, in_b), id, CR_REC_THREAD,
			 offsetof(struct cr_rec_thread, tid), nr);
}

static void thread_tell(struct diff *d, u32 a, u32 b)
{
	struct cr_rec_thread was, now;
	struct cr_view v;
	size_t where;

	if (a)
		cr_read_obj(&d->a->cr, a, &v, &was, sizeof(was));
	if (b)
		cr_read_obj(&d->b->cr, b, &v, &now, sizeof(now));
	where = diff_enter(d, "tid %u (%s)",
			   le32_to_cpu(b ? now.tid : was.tid),
			   b ? now.comm : was.comm);
	if (a && b)
		diff_objects(d, a, b);
	else
		diff_only(d, b ? "new" : "gone", 0);
	diff_leave(d, where);
	if (!a || !b)
		return;
	/* of the process: told without the thread's number */
	diff_refs(d, "credentials", le32_to_cpu(was.cred),
		  le32_to_cpu(now.cred));
	diff_refs(d, "handlers", le32_to_cpu(was.sighand),
		  le32_to_cpu(now.sighand));
	diff_refs(d, "directories", le32_to_cpu(was.fs), le32_to_cpu(now.fs));
	diff_refs(d, "descriptors", le32_to_cpu(was.files),
		  le32_to_cpu(now.files));
	diff_refs(d, "memory", le32_to_cpu(was.mm), le32_to_cpu(now.mm));
}

/* ---- processes ---- */

static bool proc_number(struct diff *d, bool in_b, u32 id, u32 *nr)
{
	return number_at(image_of(d, in_b), id, CR_REC_PROC,
			 offsetof(struct cr_rec_proc, pid), nr);
}

/* Number of the parent as text */
static void parent_pid(const struct image *img, const struct cr_rec_proc *p,
		       char text[16])
{
	struct cr_rec_proc parent;
	struct cr_view v;

	snprintf(text, 16, "none");
	if (!p->parent)
		return;
	cr_read_obj(&img->cr, le32_to_cpu(p->parent), &v, &parent,
		    sizeof(parent));
	snprintf(text, 16, "%u", le32_to_cpu(parent.pid));
}

static void procs_compare(struct diff *d, u32 a, u32 b,
			  const struct cr_rec_proc *was,
			  const struct cr_rec_proc *now)
{
	const u32 first[2] = { a + 1, b + 1 };
	const u32 nr[2] = { le32_to_cpu(was->nr_threads),
			    le32_to_cpu(now->nr_threads) };
	char parent_a[16], parent_b[16];

	parent_pid(d->a, was, parent_a);
	parent_pid(d->b, now, parent_b);
	diff_text(d, "parent", parent_a, parent_b);
	diff_objects(d, a, b);
	known_all(d, first, nr, thread_number, thread_tell);
}

static void proc_tell(struct diff *d, u32 a, u32 b)
{
	const struct image *img = b ? d->b : d->a;
	struct cr_rec_proc was = {}, now = {};
	struct cr_rec_thread t;
	struct cr_view v;
	size_t where;

	if (a)
		cr_read_obj(&d->a->cr, a, &v, &was, sizeof(was));
	if (b)
		cr_read_obj(&d->b->cr, b, &v, &now, sizeof(now));
	d->pid = le32_to_cpu(b ? now.pid : was.pid);
	where = diff_enter(d, "pid %u (%s)", d->pid,
			   image_main_thread(img, b ? b : a, &t) ? t.comm :
			   b ? now.comm : was.comm);
	if (a && b)
		procs_compare(d, a, b, &was, &now);
	else
		diff_only(d, b ? "new" : "gone", 0);
	diff_leave(d, where);
	d->pid = 0;
}

void diff_procs(struct diff *d)
{
	const u32 first[2] = { 1, 1 };
	const u32 nr[2] = { d->a->cr.nr_objects, d->b->cr.nr_objects };

	known_all(d, first, nr, proc_number, proc_tell);
}

/* ---- System V objects ---- */

static bool shm_number(struct diff *d, bool in_b, u32 id, u32 *nr)
{
	const struct cr_image *img = image_of(d, in_b);
	struct cr_rec_shmid rec;
	struct cr_detail_iter it;

	if (img->objs[id].type != CR_REC_SHM)
		return false;
	cr_for_each_detail(img, id, &it) {
		if (it.view.type != CR_REC_SHMID)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		*nr = le32_to_cpu(rec.shmid);
		return true;
	}
	return false;
}

static bool msgq_number(struct diff *d, bool in_b, u32 id, u32 *nr)
{
	return number_at(image_of(d, in_b), id, CR_REC_MSGQ,
			 offsetof(struct cr_rec_msgq, msqid), nr);
}

static bool semset_number(struct diff *d, bool in_b, u32 id, u32 *nr)
{
	return number_at(image_of(d, in_b), id, CR_REC_SEMSET,
			 offsetof(struct cr_rec_semset, semid), nr);
}

/* What a process has led to has been compared */
static void object_tell(struct diff *d, u32 a, u32 b)
{
	const char *kind;
	size_t where;
	u32 nr = 0;

	switch ((b ? d->b : d->a)->cr.objs[b ? b : a].type) {
	case CR_REC_SHM:
		kind = "segment";
		shm_number(d, b, b ? b : a, &nr);
		break;
	case CR_REC_MSGQ:
		kind = "message queue";
		msgq_number(d, b, b ? b : a, &nr);
		break;
	default:
		kind = "semaphore set";
		semset_number(d, b, b ? b : a, &nr);
		break;
	}
	where = diff_enter(d, "%s %u", kind, nr);
	if (a && b)
		diff_refs(d, kind, a, b);
	else
		diff_only(d, b ? "new" : "gone", 0);
	diff_leave(d, where);
}

/* ---- what waits in sockets ---- */

/*
 * By the number that the socket has in the second image. One that was not compared
 * is gone or new, and so is what waits in it.
 */
static bool sockq_number(struct diff *d, bool in_b, u32 id, u32 *nr)
{
	struct cr_rec_sockq rec;
	struct cr_view v;

	if (image_of(d, in_b)->objs[id].type != CR_REC_SOCKQ)
		return false;
	cr_read_obj(image_of(d, in_b), id, &v, &rec, sizeof(rec));
	*nr = le32_to_cpu(rec.sock);
	if (in_b)
		return d->to_a[*nr];
	*nr = d->to_b[*nr];
	return *nr;
}

static void sockq_tell(struct diff *d, u32 a, u32 b)
{
	struct cr_rec_sockq rec;
	struct cr_view v;
	size_t where;

	cr_read_obj(image_of(d, b), b ? b : a, &v, &rec, sizeof(rec));
	where = diff_enter(d, "what waits in socket %u",
			   le32_to_cpu(rec.sock));
	if (a && b)
		diff_objects(d, a, b);
	else
		diff_only(d, b ? "new" : "gone", 0);
	diff_leave(d, where);
}

void diff_others(struct diff *d)
{
	const u32 first[2] = { 1, 1 };
	const u32 nr[2] = { d->a->cr.nr_objects, d->b->cr.nr_objects };

	known_all(d, first, nr, shm_number, object_tell);
	known_all(d, first, nr, msgq_number, object_tell);
	known_all(d, first, nr, semset_number, object_tell);
	known_all(d, first, nr, sockq_number, sockq_tell);
}
