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
#include <linux/alarmtimer.h>
#include <linux/hrtimer.h>
#include <linux/posix-timers.h>
#include <linux/ptrace.h>
#include <linux/errno.h>
#include <linux/sched/task_stack.h>
#include <asm/syscall.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_task.h>
#include <linux/cr_timer.h>

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
	[CR_RESTART_CPU]	= { "posix_cpu_nsleep_restart" },
	[CR_RESTART_ALARM]	= { "alarm_timer_nsleep_restart" },
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

/* Has @clock been asked for by this number? It may be 0, for one's own process */
static bool clock_is_of(clockid_t clock, pid_t nr)
{
	return CPUCLOCK_PID(clock) == nr || !CPUCLOCK_PID(clock);
}

/*
 * The task whose CPU time @task sleeps on: of its process for that of all of it;
 * NULL: outside of it. Callers hold RCU
 */
static struct task_struct *cpu_clock_task(struct task_struct *task)
{
	clockid_t clock = task->restart_block.nanosleep.clockid;
	struct pid_namespace *ns = task_active_pid_ns(task);
	struct task_struct *t;

	if (!CPUCLOCK_PERTHREAD(clock))
		return clock_is_of(clock, task_tgid_nr_ns(task, ns)) ? task :
								       NULL;
	for_each_thread(task, t)
		if (clock_is_of(clock, task_pid_nr_ns(t, ns)))
			return t;
	return NULL;
}

static bool sleeps_outside(struct task_struct *task)
{
	bool outside;

	rcu_read_lock();
	outside = restart_kind(task) == CR_RESTART_CPU && !cpu_clock_task(task);
	rcu_read_unlock();
	return outside;
}

void cr_restart_block_collect(struct cr_save *s, struct task_struct *task)
{
	if (!restart_pending(task))
		return;
	if (sleeps_outside(task)) {
		cr_refuse(s, task, "CR-ERESTART",
			  "thread %d: sleeps on the CPU time of another process: not supported",
			  task_pid_vnr(task));
		return;
	}
	if (restart_kind(task) ||
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

static bool is_sleep(u32 kind)
{
	return kind == CR_RESTART_NANOSLEEP || kind == CR_RESTART_CPU ||
	       kind == CR_RESTART_ALARM;
}

static void cpu_save(struct cr_save *s, struct task_struct *task,
		     struct cr_rec_restart *rec)
{
	clockid_t clock = task->restart_block.nanosleep.clockid;
	bool thread = CPUCLOCK_PERTHREAD(clock);
	struct task_struct *of;
	u64 now = 0;

	rcu_read_lock();
	of = cpu_clock_task(task);
	if (of)
		now = cr_cpu_clock_sample(clock, of);
	if (of && thread)
		rec->val = cpu_to_le32(task_pid_nr_ns(of, s->pid_ns));
	rcu_read_unlock();
	/* it was there when it was collected */
	if (!of)
		cr_fail(s, -EPROTO);
	rec->clockid = cpu_to_le32(thread ? CR_CLOCK_THREAD_CPU :
					    CR_CLOCK_PROCESS_CPU);
	rec->flags = cpu_to_le32(CPUCLOCK_WHICH(clock));
	rec->remaining_ns = cpu_to_le64(remaining(
			task->restart_block.nanosleep.expires, now));
}

/* Its clock is an enum alarmtimer_type */
static void alarm_save(struct cr_save *s, struct restart_block *rb,
		       struct cr_rec_restart *rec)
{
	bool boot = rb->nanosleep.clockid == ALARM_BOOTTIME;

	rec->clockid = cpu_to_le32(boot ? CR_CLOCK_BOOTTIME_ALARM :
					  CR_CLOCK_REALTIME_ALARM);
	rec->remaining_ns = cpu_to_le64(remaining(rb->nanosleep.expires,
			saved_now(s, boot ? CLOCK_BOOTTIME : CLOCK_REALTIME)));
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
		break;
	case CR_RESTART_CPU:
		cpu_save(s, task, &rec);
		break;
	case CR_RESTART_ALARM:
		alarm_save(s, rb, &rec);
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
	if (is_sleep(restart_kind(task)) && rb->nanosleep.type == TT_NATIVE)
		rec.uaddr = cpu_to_le64((unsigned long)rb->nanosleep.rmtp);
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

/* What a clock of current's process will show beside what its threads have used */
static u64 cpu_past(struct cr_restart *r, u32 proc, unsigned int which)
{
	struct cr_rec_proc rec;
	struct cr_view view;
	u64 utime;

	cr_read_obj(&r->img, proc, &view, &rec, sizeof(rec));
	utime = le64_to_cpu(rec.utime_ns);
	return which == CPUCLOCK_VIRT ? utime :
					utime + le64_to_cpu(rec.stime_ns);
}

/* And what it shows now, before its times are set */
static u64 cpu_past_now(unsigned int which)
{
	const struct signal_struct *signal = current->signal;

	if (which == CPUCLOCK_SCHED)
		return signal->sum_sched_runtime;
	return which == CPUCLOCK_VIRT ? signal->utime :
					signal->utime + signal->stime;
}

/* The CPU time of a thread begins anew, that of the process goes on */
static void cpu_restore(struct cr_restart *r, struct restart_block *rb,
			const struct cr_rec_restart *rec, u32 proc)
{
	u32 tid = le32_to_cpu(rec->val), which = le32_to_cpu(rec->flags);
	clockid_t clock = tid ? make_thread_cpuclock(tid, which) :
				make_process_cpuclock(0, which);
	struct task_struct *of = current;
	u64 now = 0;

	rcu_read_lock();
	if (tid)
		of = find_task_by_vpid(tid);
	/* a donor, who only tries it, has no other threads */
	if (of && same_thread_group(of, current))
		now = cr_cpu_clock_sample(clock, of);
	rcu_read_unlock();
	if (!tid)
		now += cpu_past(r, proc, which) - cpu_past_now(which);
	rb->nanosleep.clockid = clock;
	rb->nanosleep.expires = expiry(le64_to_cpu(rec->remaining_ns), now);
	rb->fn = restart_function(CR_RESTART_CPU);
}

static int alarm_restore(struct cr_restart *r, struct restart_block *rb,
			 const struct cr_rec_restart *rec)
{
	bool boot = le32_to_cpu(rec->clockid) == CR_CLOCK_BOOTTIME_ALARM;

	if (!capable(CAP_WAKE_ALARM))
		return cr_err(&r->log, -EPERM,
			      "a sleep that wakes the machine: not allowed");
	rb->nanosleep.clockid = boot ? ALARM_BOOTTIME : ALARM_REALTIME;
	rb->nanosleep.expires = expiry(le64_to_cpu(rec->remaining_ns),
			restored_now(boot ? CLOCK_BOOTTIME : CLOCK_REALTIME));
	rb->fn = restart_function(CR_RESTART_ALARM);
	return 0;
}

int cr_restart_block_restore(struct cr_restart *r,
			     const struct cr_rec_restart *rec, u32 proc)
{
	struct restart_block *rb = &current->restart_block;
	u32 kind = le32_to_cpu(rec->kind);
	int clockid = le32_to_cpu(rec->clockid);

	if (kind < ARRAY_SIZE(restart_fns) && restart_fns[kind].name &&
	    !restart_function(kind))
		return cr_err(&r->log, -EOPNOTSUPP, "this kernel has no %s",
			      restart_fns[kind].name);
	if (is_sleep(kind)) {
		rb->nanosleep.type = rec->uaddr ? TT_NATIVE : TT_NONE;
		rb->nanosleep.rmtp = u64_to_user_ptr(le64_to_cpu(rec->uaddr));
	}
	switch (kind) {
	case CR_RESTART_NANOSLEEP:
		rb->nanosleep.clockid = clockid;
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
	case CR_RESTART_CPU:
		cpu_restore(r, rb, rec, proc);
		return 0;
	case CR_RESTART_ALARM:
		return alarm_restore(r, rb, rec);
	}
	return cr_err(&r->log, -EOPNOTSUPP, "unknown kind %u of restart", kind);
}
