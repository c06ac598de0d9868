// SPDX-License-Identifier: GPL-2.0
/* Checks of interval timers and of those of timer_create(). */
#include <linux/mm.h>
#include "cr_check.h"

#define TIMER_CLOCKS	((1u << CR_CLOCK_REALTIME) | (1u << CR_CLOCK_MONOTONIC) | \
			 (1u << CR_CLOCK_PROCESS_CPU) | \
			 (1u << CR_CLOCK_THREAD_CPU) | \
			 (1u << CR_CLOCK_BOOTTIME) | (1u << CR_CLOCK_TAI) | \
			 (1u << CR_CLOCK_REALTIME_ALARM) | \
			 (1u << CR_CLOCK_BOOTTIME_ALARM))
#define TIMER_NOTIFY	((1u << CR_SIGEV_SIGNAL) | (1u << CR_SIGEV_NONE) | \
			 (1u << CR_SIGEV_THREAD) | (1u << CR_SIGEV_THREAD_ID))

static bool has_fired(u32 state)
{
	return state == CR_TIMER_FIRED || state == CR_TIMER_FIRED_DATE;
}

/* What both kinds say of their time */
static int times_check(struct cr_check *c, u32 state, __le64 value,
		       __le64 interval)
{
	if (state > CR_TIMER_FIRED_DATE)
		return cr_unknown(c, "unknown state %u", state);
	if ((le64_to_cpu(value) > S64_MAX && state != CR_TIMER_FIRED) ||
	    le64_to_cpu(interval) > S64_MAX ||
	    (state == CR_TIMER_ARMED && !value) ||
	    (has_fired(state) && !interval) ||
	    (state == CR_TIMER_OFF && (value || interval)))
		return cr_bad(c, "state %u, %llu ns, every %llu ns", state,
			      cr_ull(value), cr_ull(interval));
	return 0;
}

int cr_itimer_check(struct cr_check *c, const struct cr_detail_iter *it,
		    s64 *last)
{
	struct cr_rec_itimer rec;
	u32 which, state;

	cr_detail(it, &rec, sizeof(rec));
	which = le32_to_cpu(rec.which);
	state = le32_to_cpu(rec.state);
	if (which >= CR_NR_ITIMERS)
		return cr_unknown(c, "unknown timer %u", which);
	if (which <= *last)
		return cr_bad(c, "timer %u behind %lld", which,
			      (long long)*last);
	*last = which;
	if (state == CR_TIMER_OFF || state == CR_TIMER_DATE ||
	    state == CR_TIMER_FIRED_DATE ||
	    (state == CR_TIMER_FIRED &&
	     (which != CR_ITIMER_REAL || le64_to_cpu(rec.value_ns) > S64_MAX)))
		return cr_bad(c, "state %u of timer %u", state, which);
	return times_check(c, state, rec.value_ns, rec.interval_ns);
}

static int timer_clock_check(struct cr_check *c, const struct cr_rec_timer *rec)
{
	u32 clock = le32_to_cpu(rec->clock);
	u32 tid = le32_to_cpu(rec->cpu_tid);
	bool thread = clock == CR_CLOCK_THREAD_CPU;
	bool cpu = thread || clock == CR_CLOCK_PROCESS_CPU;

	if (clock > 31 || !(TIMER_CLOCKS & (1u << clock)))
		return cr_unknown(c, "unknown clock %u", clock);
	if (le32_to_cpu(rec->cpu) >= (cpu ? CR_CPU_CLOCKS : 1))
		return cr_unknown(c, "CPU clock %u of clock %u",
				  le32_to_cpu(rec->cpu), clock);
	if (thread != !!tid || tid > CR_PID_MAX)
		return cr_bad(c, "clock %u of thread %u", clock, tid);
	if ((le32_to_cpu(rec->state) == CR_TIMER_DATE ||
	     le32_to_cpu(rec->state) == CR_TIMER_FIRED_DATE) &&
	    clock != CR_CLOCK_REALTIME && clock != CR_CLOCK_REALTIME_ALARM)
		return cr_bad(c, "a date on clock %u", clock);
	return 0;
}

static int timer_notify_check(struct cr_check *c,
			      const struct cr_rec_timer *rec)
{
	u32 notify = le32_to_cpu(rec->notify);
	u32 tid = le32_to_cpu(rec->notify_tid);
	u32 sig = le32_to_cpu(rec->signo);
	bool pending = le32_to_cpu(rec->flags) & CR_TIMER_PENDING;

	if (notify > 31 || !(TIMER_NOTIFY & (1u << notify)))
		return cr_unknown(c, "unknown notification %u", notify);
	if ((notify == CR_SIGEV_THREAD_ID) != !!tid || tid > CR_PID_MAX)
		return cr_bad(c, "notification %u of thread %u", notify, tid);
	if (sig > CR_NSIG || (!sig && notify != CR_SIGEV_NONE))
		return cr_bad(c, "signal %u", sig);
	if (pending ? notify == CR_SIGEV_NONE :
		      has_fired(le32_to_cpu(rec->state)))
		return cr_bad(c, "flags 0x%x in state %u, notification %u",
			      le32_to_cpu(rec->flags), le32_to_cpu(rec->state),
			      notify);
	return 0;
}

int cr_timer_check(struct cr_check *c, const struct cr_detail_iter *it,
		   s64 *last, u32 *nr)
{
	struct cr_rec_timer rec;
	u32 id;

	cr_detail(it, &rec, sizeof(rec));
	id = le32_to_cpu(rec.id);
	if (id > S32_MAX || id <= *last)
		return cr_bad(c, "id %u behind %lld", id, (long long)*last);
	*last = id;
	if (++*nr > CR_MAX_TIMERS)
		return cr_bad(c, "more than %u timers", CR_MAX_TIMERS);
	if ((s64)le64_to_cpu(rec.overrun) < -1 ||
	    le64_to_cpu(rec.overrun_last) > S64_MAX)
		return cr_bad(c, "overrun %lld, %lld",
			      (long long)le64_to_cpu(rec.overrun),
			      (long long)le64_to_cpu(rec.overrun_last));
	return cr_check_zero(c, rec.reserved) ?:
	       cr_check_mask(c, le32_to_cpu(rec.flags), CR_TIMER_PENDING,
			     "flags") ?:
	       times_check(c, le32_to_cpu(rec.state), rec.value_ns,
			   rec.interval_ns) ?:
	       timer_clock_check(c, &rec) ?: timer_notify_check(c, &rec);
}
