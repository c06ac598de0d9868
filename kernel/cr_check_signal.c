// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of signal handlers, queued signals, and of what an interrupted system
 * call goes on with.
 */
#include <linux/mm.h>
#include "cr_check.h"

/* Numbers of the user space ABI of x86-64 */
#define SIG_KILL	9u
#define SIG_STOP	19u
#define SIG_BIT(sig)	(1ull << ((sig) - 1))
#define SIG_UNBLOCKABLE	(SIG_BIT(SIG_KILL) | SIG_BIT(SIG_STOP))
/* SA_NOCLDSTOP, NOCLDWAIT, SIGINFO, EXPOSE_TAGBITS, RESTORER, ONSTACK,
 * RESTART, NODEFER, RESETHAND
 */
#define SIG_ACTION_FLAGS 0xdc000807ull
#define SIG_INFO_SIZE	128u

int cr_sigmask_check(struct cr_check *c, __le64 mask, const char *what)
{
	if (le64_to_cpu(mask) & SIG_UNBLOCKABLE)
		return cr_bad(c, "%s: SIGKILL or SIGSTOP", what);
	return 0;
}

static int sigaction_check(struct cr_check *c, const struct cr_detail_iter *it,
			   u32 *last)
{
	struct cr_rec_sigaction rec;
	u32 sig;

	cr_detail(it, &rec, sizeof(rec));
	sig = le32_to_cpu(rec.sig);
	if (sig <= *last || sig > CR_NSIG || sig == SIG_KILL || sig == SIG_STOP)
		return cr_bad(c, "signal %u behind %u", sig, *last);
	*last = sig;
	return cr_check_zero(c, rec.reserved) ?:
	       cr_check_addr(c, rec.handler, "handler") ?:
	       cr_check_addr(c, rec.restorer, "restorer") ?:
	       cr_check_mask(c, le64_to_cpu(rec.flags), SIG_ACTION_FLAGS,
			     "flags") ?:
	       cr_sigmask_check(c, rec.mask, "mask");
}

int cr_sighand_check(struct cr_check *c, u32 id)
{
	struct cr_rec_sighand rec;
	struct cr_detail_iter it;
	struct cr_view v;
	u32 last = 0;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	if (le32_to_cpu(rec.nr_actions) != c->img->objs[id].nr_details)
		return cr_bad(c, "%u actions, not %u",
			      c->img->objs[id].nr_details,
			      le32_to_cpu(rec.nr_actions));
	if (cr_check_zero(c, rec.reserved))
		return -EBADMSG;
	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		err = sigaction_check(c, &it, &last);
		if (err)
			return err;
	}
	return 0;
}

int cr_pending_check(struct cr_check *c, __le64 pending)
{
	/* who has that to come is not saved, and would not be restored alive */
	if (le64_to_cpu(pending) & SIG_BIT(SIG_KILL))
		return cr_bad(c, "SIGKILL is pending");
	return 0;
}

int cr_siginfo_check(struct cr_check *c, const struct cr_detail_iter *it,
		     __le64 pending)
{
	struct cr_rec_siginfo rec;
	__le32 signo;
	u32 sig;

	cr_detail(it, &rec, sizeof(rec));
	sig = le32_to_cpu(rec.sig);
	if (!sig || sig > CR_NSIG || !(le64_to_cpu(pending) & SIG_BIT(sig)))
		return cr_bad(c, "signal %u is not pending", sig);
	if (cr_check_zero(c, rec.reserved) ||
	    cr_check_tail(c, &it->view, SIG_INFO_SIZE))
		return -EBADMSG;
	memcpy(&signo, it->view.tail, sizeof(signo));
	if (le32_to_cpu(signo) != sig)
		return cr_bad(c, "si_signo %u of signal %u",
			      le32_to_cpu(signo), sig);
	return 0;
}

int cr_cause_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_cause rec;
	__le32 signo;
	u32 sig;

	cr_detail(it, &rec, sizeof(rec));
	sig = le32_to_cpu(rec.sig);
	if (!sig || sig > CR_NSIG || SIG_BIT(sig) & SIG_UNBLOCKABLE)
		return cr_bad(c, "signal %u", sig);
	if (!rec.class || le32_to_cpu(rec.class) > CR_CAUSE_FATAL)
		return cr_unknown(c, "class %u", le32_to_cpu(rec.class));
	if (c->caused)
		return cr_bad(c, "a second one");
	c->caused = true;
	if (cr_check_tail(c, &it->view, SIG_INFO_SIZE))
		return -EBADMSG;
	memcpy(&signo, it->view.tail, sizeof(signo));
	if (le32_to_cpu(signo) != sig)
		return cr_bad(c, "si_signo %u of signal %u",
			      le32_to_cpu(signo), sig);
	return 0;
}

/* ---- interrupted system calls ---- */

#define RESTART_CLOCKS		0x883ull /* REALTIME MONOTONIC BOOTTIME TAI */
#define RESTART_POLL_MAX	(1u << 30)	/* fs.nr_open cannot be larger */
#define RESTART_POLLFD_SIZE	8u

static int restart_nanosleep_check(struct cr_check *c,
				   const struct cr_rec_restart *rec)
{
	u32 clock = le32_to_cpu(rec->clockid);

	if (clock > 31 || !(RESTART_CLOCKS & (1ull << clock)))
		return cr_unknown(c, "sleep on clock %u", clock);
	if (rec->flags)
		return cr_unknown(c, "sleep with flags 0x%x",
				  le32_to_cpu(rec->flags));
	return rec->val || rec->bitset ? cr_bad(c, "sleep with a value") : 0;
}

static int restart_cpu_check(struct cr_check *c,
			     const struct cr_rec_restart *rec)
{
	u32 clock = le32_to_cpu(rec->clockid);
	u32 tid = le32_to_cpu(rec->val);

	if ((clock != CR_CLOCK_PROCESS_CPU && clock != CR_CLOCK_THREAD_CPU) ||
	    le32_to_cpu(rec->flags) >= CR_CPU_CLOCKS)
		return cr_unknown(c, "sleep on clock %u, CPU clock %u", clock,
				  le32_to_cpu(rec->flags));
	if ((clock == CR_CLOCK_THREAD_CPU) != !!tid || tid > CR_PID_MAX)
		return cr_bad(c, "sleep on clock %u of thread %u", clock, tid);
	return rec->bitset ? cr_bad(c, "sleep with a value") : 0;
}

static int restart_alarm_check(struct cr_check *c,
			       const struct cr_rec_restart *rec)
{
	u32 clock = le32_to_cpu(rec->clockid);

	if (clock != CR_CLOCK_REALTIME_ALARM && clock != CR_CLOCK_BOOTTIME_ALARM)
		return cr_unknown(c, "sleep on clock %u", clock);
	return rec->val || rec->bitset || rec->flags ?
	       cr_bad(c, "sleep with a value") : 0;
}

static int restart_futex_check(struct cr_check *c,
			       const struct cr_rec_restart *rec)
{
	if (!rec->uaddr || le64_to_cpu(rec->uaddr) % sizeof(u32) ||
	    !rec->bitset || rec->clockid)
		return cr_bad(c, "futex at 0x%llx, bits 0x%x, clock %u",
			      cr_ull(rec->uaddr), le32_to_cpu(rec->bitset),
			      le32_to_cpu(rec->clockid));
	return cr_check_mask(c, le32_to_cpu(rec->flags),
			     CR_FUTEX_SHARED | CR_FUTEX_CLOCKRT,
			     "futex flags");
}

static int restart_poll_check(struct cr_check *c,
			      const struct cr_rec_restart *rec)
{
	u64 size = (u64)le32_to_cpu(rec->val) * RESTART_POLLFD_SIZE;

	if (le32_to_cpu(rec->val) > RESTART_POLL_MAX ||
	    size > CR_TASK_SIZE - le64_to_cpu(rec->uaddr) ||
	    rec->flags || rec->bitset || rec->clockid)
		return cr_bad(c, "poll of %u descriptors at 0x%llx",
			      le32_to_cpu(rec->val), cr_ull(rec->uaddr));
	return 0;
}

int cr_restart_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_restart rec;
	u64 remaining;

	cr_detail(it, &rec, sizeof(rec));
	remaining = le64_to_cpu(rec.remaining_ns);
	if (remaining > S64_MAX && ~remaining)
		return cr_bad(c, "%llu ns remain", cr_ull(rec.remaining_ns));
	if (cr_check_addr(c, rec.uaddr, "uaddr") ||
	    cr_check_zero(c, rec.reserved))
		return -EBADMSG;
	switch (le32_to_cpu(rec.kind)) {
	case CR_RESTART_NANOSLEEP:
		return restart_nanosleep_check(c, &rec);
	case CR_RESTART_FUTEX:
		return restart_futex_check(c, &rec);
	case CR_RESTART_POLL:
		return restart_poll_check(c, &rec);
	case CR_RESTART_CPU:
		return restart_cpu_check(c, &rec);
	case CR_RESTART_ALARM:
		return restart_alarm_check(c, &rec);
	}
	return cr_unknown(c, "unknown kind %u", le32_to_cpu(rec.kind));
}
