// SPDX-License-Identifier: GPL-2.0
/*
 * Timerfds: clock, interval, time that remains, expirations that nobody has read
 * yet, and how it was set. A timer goes on with what remained; one that was set
 * to a date (TFD_TIMER_ABSTIME on a CLOCK_REALTIME) keeps the date.
 *
 * A periodic timer that has expired stands still until it is read: then the
 * kernel counts what it has missed. It is counted here as well, so that its
 * phase is kept.
 *
 * Not kept: that the clock was set (TFD_TIMER_CANCEL_ON_SET) while the job did
 * not run. Refused: that it was set before, and nobody has been told yet.
 *
 * Locks: the timerfd's own, under which a timer's expiration is counted.
 */
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/timerfd.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>

static bool timerfd_match(struct file *file)
{
	return cr_anon_is(file, "[timerfd]");
}

/* ---- saving ---- */

static bool is_alarm(int clockid)
{
	return clockid == CLOCK_REALTIME_ALARM || clockid == CLOCK_BOOTTIME_ALARM;
}

static bool is_date(int clockid, unsigned int flags)
{
	return (flags & TFD_TIMER_ABSTIME) &&
	       (clockid == CLOCK_REALTIME || clockid == CLOCK_REALTIME_ALARM);
}

/**
 * struct timer_state - what is read in one go
 * @remaining: ns; negative: it has expired
 * @expires: ns, on the timer's clock
 * @active: it will expire, or is about to be counted
 */
struct timer_state {
	s64 remaining;
	s64 expires;
	bool active;
};

static void timer_look(struct cr_timerfd_ctx *ctx, struct timer_state *t)
{
	if (is_alarm(ctx->clockid)) {
		t->expires = ctx->t.alarm.node.expires;
		t->remaining = alarm_expires_remaining(&ctx->t.alarm);
		t->active = (ctx->t.alarm.state & ALARMTIMER_STATE_ENQUEUED) ||
			    hrtimer_active(&ctx->t.alarm.timer);
	} else {
		t->expires = hrtimer_get_expires(&ctx->t.tmr);
		t->remaining = hrtimer_expires_remaining(&ctx->t.tmr);
		t->active = hrtimer_active(&ctx->t.tmr);
	}
}

/* As reading it now would: what it has missed, and when it expires next */
static u64 timer_catch_up(struct timer_state *t, s64 interval)
{
	u64 missed = 0;

	if (t->remaining <= 0) {
		missed = div64_u64(-t->remaining, interval);
		t->remaining += (missed + 1) * interval;
		t->expires = ktime_add_safe(t->expires,
					    (missed + 1) * interval);
	}
	t->active = true;
	return missed;
}

/* Does the text say what the structure says? */
static bool timerfd_known(const char *text, const struct cr_timerfd_ctx *ctx)
{
	struct timespec64 interval = ktime_to_timespec64(ctx->tintv);
	u64 clockid, ticks, flags, sec;

	return cr_anon_number(text, "clockid:", 10, &clockid) &&
	       cr_anon_number(text, "ticks:", 10, &ticks) &&
	       cr_anon_number(text, "settime flags:", 8, &flags) &&
	       cr_anon_number(text, "it_interval: (", 10, &sec) &&
	       clockid == ctx->clockid && flags == ctx->settime_flags &&
	       /* it goes on: what was shown is not more than there is */
	       ticks <= ctx->ticks && sec == interval.tv_sec;
}

static void timerfd_outside(struct cr_save *s, struct cr_obj *obj)
{
	const struct file *file = obj->ptr;
	const struct cr_timerfd_ctx *ctx = file->private_data;

	cr_anon_outside(s, obj);
	if (READ_ONCE(ctx->might_cancel) && READ_ONCE(ctx->moffs) == KTIME_MAX)
		cr_file_refuse(s, obj,
			       "its clock was set, and it was not read since: not supported yet");
}

static void timerfd_details(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	struct cr_timerfd_ctx *ctx = file->private_data;
	char *text = cr_anon_fdinfo(s, file);
	struct cr_rec_timerfd rec = {};
	struct timer_state t;
	bool known;
	u64 ticks;

	if (!text)
		return;
	spin_lock_irq(&ctx->wqh.lock);
	known = timerfd_known(text, ctx);
	ticks = ctx->ticks;
	timer_look(ctx, &t);
	if (ctx->expired && ctx->tintv)
		ticks += timer_catch_up(&t, ctx->tintv);
	spin_unlock_irq(&ctx->wqh.lock);
	kvfree(text);
	if (!known) {
		cr_anon_mismatch(s, obj);
		return;
	}
	rec.clockid = cpu_to_le32(ctx->clockid);
	rec.flags = cpu_to_le32(ctx->settime_flags);
	rec.interval_ns = cpu_to_le64(ctx->tintv);
	rec.ticks = cpu_to_le64(ticks);
	if (t.active) {
		rec.remaining_ns = cpu_to_le64(max(t.remaining, 1ll));
		if (is_date(ctx->clockid, ctx->settime_flags))
			rec.expires_ns = cpu_to_le64(max(t.expires, 1ll));
	}
	cr_write_detail(s, obj, CR_REC_TIMERFD, &rec, sizeof(rec), NULL, 0);
}

/* ---- restart ---- */

static u64 timer_value(const struct cr_rec_timerfd *rec)
{
	u64 remaining = le64_to_cpu(rec->remaining_ns);
	struct timespec64 now;

	if (!remaining || !(le32_to_cpu(rec->flags) & TFD_TIMER_ABSTIME))
		return remaining;
	if (rec->expires_ns)
		return le64_to_cpu(rec->expires_ns);
	/* as the restarter's time namespace shows the clock */
	if (le32_to_cpu(rec->clockid) == CLOCK_MONOTONIC) {
		ktime_get_ts64(&now);
		timens_add_monotonic(&now);
	} else {
		ktime_get_boottime_ts64(&now);
		timens_add_boottime(&now);
	}
	return min_t(u64, timespec64_to_ns(&now) + remaining, KTIME_MAX);
}

/*
 * Setting the count forgets an expiration that came since the timer was set,
 * which can be told from one that came afterwards: it does not count on until
 * it is read.
 */
static long timer_set_ticks(struct cr_anon *a, struct file *file, u64 ticks)
{
	struct cr_timerfd_ctx *ctx = file->private_data;
	bool forgotten;
	long err;

	err = vfs_ioctl(file, TFD_IOC_SET_TICKS,
			cr_anon_arg(a, &ticks, sizeof(ticks)));
	if (err)
		return err;
	spin_lock_irq(&ctx->wqh.lock);
	forgotten = ctx->expired && ctx->ticks == ticks;
	spin_unlock_irq(&ctx->wqh.lock);
	if (!forgotten)
		return 0;
	ticks++;
	return vfs_ioctl(file, TFD_IOC_SET_TICKS,
			 cr_anon_arg(a, &ticks, sizeof(ticks)));
}

static long timer_set(struct cr_anon *a, long fd,
		      const struct cr_rec_timerfd *rec)
{
	struct file *file = fget(fd);
	struct __kernel_itimerspec its;
	struct timespec64 value, interval;
	long err;

	if (!file)
		return -EBADF;
	value = ns_to_timespec64(timer_value(rec));
	interval = ns_to_timespec64(le64_to_cpu(rec->interval_ns));
	its.it_value.tv_sec = value.tv_sec;
	its.it_value.tv_nsec = value.tv_nsec;
	its.it_interval.tv_sec = interval.tv_sec;
	its.it_interval.tv_nsec = interval.tv_nsec;
	err = cr_anon_call(__x64_sys_timerfd_settime, fd,
			   le32_to_cpu(rec->flags),
			   cr_anon_arg(a, &its, sizeof(its)), 0);
	if (!err && rec->ticks)
		err = timer_set_ticks(a, file, le64_to_cpu(rec->ticks));
	fput(file);
	return err;
}

static struct file *timerfd_restore(struct cr_restart *r,
				    const struct cr_rec_file *rec,
				    const char *name)
{
	struct cr_rec_timerfd timer;
	struct file *file;
	struct cr_anon a;
	long fd, err;

	cr_anon_detail(r, rec, &timer, sizeof(timer));
	err = cr_anon_begin(&a);
	if (err)
		return ERR_PTR(cr_err(&r->log, err, "%*pE: no descriptor table",
				      CR_NAME(name)));
	fd = cr_anon_call(__x64_sys_timerfd_create, le32_to_cpu(timer.clockid),
			  0, 0, 0);
	if (fd >= 0)
		err = timer_set(&a, fd, &timer);
	file = cr_anon_finish(r, rec, fd, err, name);
	cr_anon_end(&a);
	return file;
}

const struct cr_file_type cr_timerfd_file = {
	.kind		= CR_FILE_TIMERFD,
	.match		= timerfd_match,
	.outside	= timerfd_outside,
	.save		= cr_anon_save,
	.details	= timerfd_details,
	.restore	= timerfd_restore,
};
