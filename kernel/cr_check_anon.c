// SPDX-License-Identifier: GPL-2.0
/* The checks of files on anonymous inodes: eventfd, timerfd, signalfd, epoll. */
#include "cr_check.h"

static int eventfd_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_eventfd rec;

	cr_detail(it, &rec, sizeof(rec));
	if (!~le64_to_cpu(rec.count))
		return cr_bad(c, "count %llu", cr_ull(rec.count));
	if (le32_to_cpu(rec.semaphore) > 1)
		return cr_bad(c, "semaphore %u", le32_to_cpu(rec.semaphore));
	return cr_check_zero(c, rec.reserved);
}

/* CLOCK_* */
#define TIMER_CLOCKS		0x383ull /* REALTIME MONOTONIC BOOTTIME *_ALARM */
#define TIMER_DATES		0x101ull /* REALTIME REALTIME_ALARM */
/* TFD_TIMER_* */
#define TIMERFD_ABSTIME		1u
#define TIMERFD_CANCEL_ON_SET	2u

static int timerfd_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_timerfd rec;
	u32 clock, flags;
	bool date;

	cr_detail(it, &rec, sizeof(rec));
	clock = le32_to_cpu(rec.clockid);
	flags = le32_to_cpu(rec.flags);
	if (clock > 31 || !(TIMER_CLOCKS & (1ull << clock)))
		return cr_unknown(c, "clock %u", clock);
	if (cr_check_mask(c, flags, TIMERFD_ABSTIME | TIMERFD_CANCEL_ON_SET,
			  "flags"))
		return -EOPNOTSUPP;
	if (le64_to_cpu(rec.interval_ns) > S64_MAX ||
	    le64_to_cpu(rec.remaining_ns) > S64_MAX ||
	    le64_to_cpu(rec.expires_ns) > S64_MAX)
		return cr_bad(c, "interval %llu, %llu ns remain until %llu",
			      cr_ull(rec.interval_ns), cr_ull(rec.remaining_ns),
			      cr_ull(rec.expires_ns));
	date = rec.remaining_ns && (flags & TIMERFD_ABSTIME) &&
	       (TIMER_DATES & (1ull << clock));
	if (!rec.expires_ns != !date)
		return cr_bad(c, "date %llu of clock %u, flags 0x%x",
			      cr_ull(rec.expires_ns), clock, flags);
	return 0;
}

static int signalfd_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_signalfd rec;

	cr_detail(it, &rec, sizeof(rec));
	return cr_sigmask_check(c, rec.mask, "mask");
}

static int pidfd_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_pidfd rec;

	cr_detail(it, &rec, sizeof(rec));
	if (le32_to_cpu(rec.nr) > S32_MAX)
		return cr_bad(c, "pidfd of task %u", le32_to_cpu(rec.nr));
	return cr_check_mask(c, le32_to_cpu(rec.flags), CR_PIDFD_THREAD,
			     "flags");
}

int cr_anon_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	switch (it->view.type) {
	case CR_REC_EVENTFD:
		return eventfd_check(c, it);
	case CR_REC_TIMERFD:
		return timerfd_check(c, it);
	case CR_REC_SIGNALFD:
		return signalfd_check(c, it);
	case CR_REC_PIDFD:
		return pidfd_check(c, it);
	}
	return 0;
}

static int watch_check(struct cr_check *c, const struct cr_detail_iter *it,
		       u32 *last)
{
	struct cr_rec_inotify_watch rec;

	cr_detail(it, &rec, sizeof(rec));
	if (le32_to_cpu(rec.wd) <= *last || le32_to_cpu(rec.wd) >= S32_MAX)
		return cr_bad(c, "watch %u behind %u", le32_to_cpu(rec.wd),
			      *last);
	*last = le32_to_cpu(rec.wd);
	return cr_check_mask(c, le32_to_cpu(rec.mask), CR_INOTIFY_MASK,
			     "mask") ?:
	       cr_check_path(c, it->view.tail, it->view.tail_len, "path");
}

#define INOTIFY_NAME_MAX	256u	/* with its NUL */

static int event_check(struct cr_check *c, const struct cr_detail_iter *it,
		       u32 *overflows)
{
	struct cr_rec_inotify_event rec;
	u32 mask, wd, len;

	cr_detail(it, &rec, sizeof(rec));
	mask = le32_to_cpu(rec.mask);
	wd = le32_to_cpu(rec.wd);
	len = le32_to_cpu(rec.name_len);
	if (cr_check_mask(c, mask, CR_INOTIFY_EVENT, "mask"))
		return -EOPNOTSUPP;
	if (mask & CR_INOTIFY_OVERFLOW) {
		if (mask != CR_INOTIFY_OVERFLOW || ~wd || rec.cookie || len ||
		    (*overflows)++)
			return cr_bad(c, "overflow 0x%x of watch %u", mask, wd);
	} else if (!(mask & ~CR_INOTIFY_ON_CHILD) || !wd || wd >= S32_MAX) {
		return cr_bad(c, "event 0x%x of watch %u", mask, wd);
	}
	if (len > INOTIFY_NAME_MAX)
		return cr_bad(c, "name of %u bytes", len);
	return cr_check_tail(c, &it->view, len) ?:
	       len ? cr_check_name(c, it->view.tail, len, "name") : 0;
}

/* INOTIFY, its watches, its events; the first is known to be there */
int cr_inotify_check(struct cr_check *c, u32 id)
{
	u32 nr = c->img->objs[id].nr_details, watches, last = 0, overflows = 0;
	struct cr_rec_inotify rec;
	struct cr_detail_iter it;
	int err;
	u32 i;

	cr_detail_first(c->img, id, &it);
	cr_check_at(c, &it);
	cr_detail(&it, &rec, sizeof(rec));
	watches = le32_to_cpu(rec.nr_watches);
	if (watches > nr - 1 || le32_to_cpu(rec.nr_events) != nr - 1 - watches)
		return cr_bad(c, "%u watches, %u events in %u details", watches,
			      le32_to_cpu(rec.nr_events), nr);
	if (le32_to_cpu(rec.next_wd) > S32_MAX)
		return cr_bad(c, "next watch %u", le32_to_cpu(rec.next_wd));
	err = cr_check_zero(c, rec.reserved);
	for (i = 1; i < nr && !err; i++) {
		u32 type = i <= watches ? CR_REC_INOTIFY_WATCH :
					  CR_REC_INOTIFY_EVENT;

		cr_detail_next(&it);
		cr_check_at(c, &it);
		if (it.view.type != type)
			err = cr_bad(c, "not a %s", cr_rec_name(type));
		else if (i <= watches)
			err = watch_check(c, &it, &last);
		else
			err = event_check(c, &it, &overflows);
	}
	return err;
}

/* EPOLL*: modes, which EPOLLONESHOT leaves when it disables an entry */
#define EPITEM_MODES	0xf0000000u
#define EPITEM_ONESHOT	0x40000000u
#define EPITEM_ET	0x80000000u

int cr_epitem_check(struct cr_check *c, u32 id, const struct cr_detail_iter *it)
{
	struct cr_rec_epitem rec;
	struct cr_rec_file file;
	struct cr_view v;
	u32 events;
	int err;

	cr_detail(it, &rec, sizeof(rec));
	events = le32_to_cpu(rec.events);
	err = cr_check_ref(c, id, rec.epoll, CR_REC_FILE, "epoll") ?:
	      cr_check_ref(c, id, rec.file, CR_REC_FILE, "file") ?:
	      cr_check_mask(c, le32_to_cpu(rec.flags), CR_EPITEM_REPORTED,
			    "flags") ?:
	      cr_check_zero(c, rec.reserved);
	if (err)
		return err;
	cr_read_obj(c->img, le32_to_cpu(rec.epoll), &v, &file, sizeof(file));
	if (le32_to_cpu(file.kind) != CR_FILE_EPOLL || rec.epoll == rec.file)
		return cr_bad(c, "object %u, a file of kind %u, watches %u",
			      le32_to_cpu(rec.epoll), le32_to_cpu(file.kind),
			      le32_to_cpu(rec.file));
	cr_read_obj(c->img, le32_to_cpu(rec.file), &v, &file, sizeof(file));
	if (le32_to_cpu(file.kind) == CR_FILE_PIDFD)
		return cr_unknown(c, "epoll of a pidfd");
	if (le32_to_cpu(file.kind) == CR_FILE_PROCFILE)
		return cr_unknown(c, "epoll of a file of procfs");
	if (le32_to_cpu(rec.fd) > S32_MAX)
		return cr_bad(c, "fd %u", le32_to_cpu(rec.fd));
	if ((!(events & ~EPITEM_MODES) && !(events & EPITEM_ONESHOT)) ||
	    (rec.flags && (!(events & EPITEM_ET) || (events & EPITEM_ONESHOT))))
		return cr_bad(c, "events 0x%x, flags 0x%x", events,
			      le32_to_cpu(rec.flags));
	return 0;
}
