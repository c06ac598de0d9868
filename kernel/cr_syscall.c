// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupted system calls that go on where they were: restart blocks.
 *
 * Times are saved as what remained when the job stood still, so a sleep goes on
 * for the rest of its time on a machine whose clock reads something else.
 * Refused: restart functions that are not named here.
 */
#include <linux/kernel.h>
#include <linux/kallsyms.h>
#include <linux/restart_block.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/hrtimer.h>
#include <linux/ptrace.h>
#include <linux/errno.h>
#include <linux/sched/task_stack.h>
#include <asm/syscall.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>

#define NO_LIMIT	((u64)-1)

/*
 * A restart block means something only while the call that it belongs to waits
 * to be restarted; otherwise it is what some call left there long ago.
 */
static bool restart_pending(struct task_struct *task)
{
	struct pt_regs *regs = task_pt_regs(task);

	if (syscall_get_nr(task, regs) == -1)
		return false;
	/* interrupted now, or again, after a restart that is under way */
	return syscall_get_error(task, regs) == -ERESTART_RESTARTBLOCK ||
	       regs->orig_ax == __NR_restart_syscall ||
	       regs->ax == __NR_restart_syscall;
}

typedef long (*restart_fn)(struct restart_block *);

/* Static in the kernel, so looked up by name: nothing can link to them. */
static struct {
	const char *name;
	restart_fn fn;
} restart_fns[] = {
	[CR_RESTART_NANOSLEEP]	= { "hrtimer_nanosleep_restart" },
	[CR_RESTART_FUTEX]	= { "futex_wait_restart" },
	[CR_RESTART_POLL]	= { "do_restart_poll" },
};

/* The first to ask looks it up; two that do so at once find the same. */
static restart_fn restart_function(enum cr_restart_kind kind)
{
	restart_fn fn = READ_ONCE(restart_fns[kind].fn);

	if (!fn) {
		fn = (restart_fn)kallsyms_lookup_name(restart_fns[kind].name);
		WRITE_ONCE(restart_fns[kind].fn, fn);
	}
	return fn;
}

static enum cr_restart_kind restart_kind(struct task_struct *task)
{
	restart_fn fn = task->restart_block.fn;
	unsigned int kind;

	for (kind = 0; fn && kind < ARRAY_SIZE(restart_fns); kind++)
		if (restart_fns[kind].name && fn == restart_function(kind))
			return kind;
	return 0;
}

void cr_restart_block_collect(struct cr_save *s, struct task_struct *task)
{
	if (!restart_pending(task) || restart_kind(task) ||
	    task->restart_block.fn == do_no_restart_syscall)
		return;
	cr_refuse(s, task, "CR-ERESTART",
		  "thread %d: interrupted call that restarts in %ps: not supported yet",
		  task_pid_vnr(task), task->restart_block.fn);
}

/* The clocks that a time may be on, at the moment of saving */
static u64 saved_now(struct cr_save *s, int clockid)
{
	switch (clockid) {
	case CLOCK_REALTIME:
		return s->realtime_ns;
	case CLOCK_BOOTTIME:
		return s->boottime_ns;
	case CLOCK_TAI:
		return s->realtime_ns + (ktime_get_clocktai_ns() -
					 ktime_get_real_ns());
	default:
		return s->monotonic_ns;
	}
}

static u64 restored_now(int clockid)
{
	switch (clockid) {
	case CLOCK_REALTIME:
		return ktime_get_real_ns();
	case CLOCK_BOOTTIME:
		return ktime_get_boottime_ns();
	case CLOCK_TAI:
		return ktime_get_clocktai_ns();
	default:
		return ktime_get_ns();
	}
}

static u64 remaining(u64 expires, u64 now)
{
	return expires > now ? expires - now : 0;
}

/* Not later than the kernel's clocks can say */
static u64 expiry(u64 remaining_ns, u64 now)
{
	return remaining_ns >= KTIME_MAX - now ? KTIME_MAX : now + remaining_ns;
}

void cr_restart_block_save(struct cr_save *s, struct cr_obj *obj,
			   struct task_struct *task)
{
	struct restart_block *rb = &task->restart_block;
	struct cr_rec_restart rec = {};
	int clockid = CLOCK_MONOTONIC;

	if (!restart_pending(task) || !restart_kind(task))
		return;
	rec.kind = cpu_to_le32(restart_kind(task));
	rec.remaining_ns = cpu_to_le64(NO_LIMIT);
	switch (restart_kind(task)) {
	case CR_RESTART_NANOSLEEP:
		clockid = rb->nanosleep.clockid;
		rec.clockid = cpu_to_le32(clockid);
		rec.remaining_ns = cpu_to_le64(remaining(rb->nanosleep.expires,
						saved_now(s, clockid)));
		if (rb->nanosleep.type == TT_NATIVE)
			rec.uaddr = cpu_to_le64((unsigned long)
						rb->nanosleep.rmtp);
		break;
	case CR_RESTART_FUTEX:
		rec.uaddr = cpu_to_le64((unsigned long)rb->futex.uaddr);
		rec.val = cpu_to_le32(rb->futex.val);
		rec.bitset = cpu_to_le32(rb->futex.bitset);
		if (rb->futex.flags & CR_KFUTEX_CLOCKRT)
			clockid = CLOCK_REALTIME;
		rec.flags = cpu_to_le32(
			(rb->futex.flags & CR_KFUTEX_SHARED ?
			 CR_FUTEX_SHARED : 0) |
			(rb->futex.flags & CR_KFUTEX_CLOCKRT ?
			 CR_FUTEX_CLOCKRT : 0));
		if (rb->futex.flags & CR_KFUTEX_HAS_TIMEOUT)
			rec.remaining_ns = cpu_to_le64(remaining(rb->futex.time,
						saved_now(s, clockid)));
		break;
	case CR_RESTART_POLL:
		rec.uaddr = cpu_to_le64((unsigned long)rb->poll.ufds);
		rec.val = cpu_to_le32(rb->poll.nfds);
		if (rb->poll.has_timeout)
			rec.remaining_ns = cpu_to_le64(remaining(
				rb->poll.tv_sec * NSEC_PER_SEC +
				rb->poll.tv_nsec, s->monotonic_ns));
		break;
	}
	cr_write_detail(s, obj, CR_REC_RESTART, &rec, sizeof(rec), NULL, 0);
}

static void poll_restore(struct restart_block *rb,
			 const struct cr_rec_restart *rec)
{
	u64 left = le64_to_cpu(rec->remaining_ns);
	struct timespec64 ts;

	rb->poll.ufds = u64_to_user_ptr(le64_to_cpu(rec->uaddr));
	rb->poll.nfds = le32_to_cpu(rec->val);
	rb->poll.has_timeout = left != NO_LIMIT;
	if (left != NO_LIMIT) {
		ts = ns_to_timespec64(expiry(left, ktime_get_ns()));
		rb->poll.tv_sec = ts.tv_sec;
		rb->poll.tv_nsec = ts.tv_nsec;
	}
	rb->fn = restart_function(CR_RESTART_POLL);
}

static void futex_restore(struct restart_block *rb,
			  const struct cr_rec_restart *rec)
{
	u64 left = le64_to_cpu(rec->remaining_ns);
	u32 flags = le32_to_cpu(rec->flags);
	int clockid = flags & CR_FUTEX_CLOCKRT ? CLOCK_REALTIME :
						 CLOCK_MONOTONIC;

	rb->futex.uaddr = u64_to_user_ptr(le64_to_cpu(rec->uaddr));
	rb->futex.val = le32_to_cpu(rec->val);
	rb->futex.bitset = le32_to_cpu(rec->bitset);
	rb->futex.flags = CR_KFUTEX_BASE |
		(flags & CR_FUTEX_SHARED ? CR_KFUTEX_SHARED : 0) |
		(flags & CR_FUTEX_CLOCKRT ? CR_KFUTEX_CLOCKRT : 0);
	if (left != NO_LIMIT) {
		rb->futex.flags |= CR_KFUTEX_HAS_TIMEOUT;
		rb->futex.time = expiry(left, restored_now(clockid));
	}
	rb->fn = restart_function(CR_RESTART_FUTEX);
}

int cr_restart_block_restore(struct cr_restart *r,
			     const struct cr_rec_restart *rec)
{
	struct restart_block *rb = &current->restart_block;
	u32 kind = le32_to_cpu(rec->kind);
	int clockid = le32_to_cpu(rec->clockid);

	if (kind < ARRAY_SIZE(restart_fns) && restart_fns[kind].name &&
	    !restart_function(kind))
		return cr_err(&r->log, -EOPNOTSUPP, "this kernel has no %s",
			      restart_fns[kind].name);
	switch (kind) {
	case CR_RESTART_NANOSLEEP:
		rb->nanosleep.clockid = clockid;
		rb->nanosleep.type = rec->uaddr ? TT_NATIVE : TT_NONE;
		rb->nanosleep.rmtp = u64_to_user_ptr(le64_to_cpu(rec->uaddr));
		rb->nanosleep.expires = expiry(le64_to_cpu(rec->remaining_ns),
					       restored_now(clockid));
		rb->fn = restart_function(CR_RESTART_NANOSLEEP);
		return 0;
	case CR_RESTART_FUTEX:
		futex_restore(rb, rec);
		return 0;
	case CR_RESTART_POLL:
		poll_restore(rb, rec);
		return 0;
	}
	return cr_err(&r->log, -EOPNOTSUPP, "unknown kind %u of restart", kind);
}
