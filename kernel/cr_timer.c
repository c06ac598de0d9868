// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX timers: timer_create().
 *
 * Saved is the time that remained; of one on CLOCK_REALTIME that was set to a
 * date, the date. One whose signal is queued is saved with the time since it has
 * expired, and with the signal among the pending ones: it counts what it
 * has missed, and goes on, when the signal is taken.
 *
 * Refused: timers on the CPU time of other processes, those whose thread is gone.
 *
 * Locks: a timer's it_lock is taken before siglock. While a job stands still its
 * timers are looked at under siglock alone: that keeps them from going, and
 * their signals from being queued, and nobody sets them.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/alarmtimer.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pid.h>
#include <linux/posix-timers.h>
#include <linux/sort.h>
#include <linux/time.h>
#include <linux/uaccess.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <asm/ptrace.h>
#include <linux/cr.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>
#include <linux/cr_timer.h>

/* For which a timer is set that shall not expire: 30 years */
#define FAR_NS		(30ull * 365 * 86400 * NSEC_PER_SEC)

static bool clock_is_cpu(const struct k_itimer *timr)
{
	return timr->it_clock < 0;
}

static bool clock_is_alarm(const struct k_itimer *timr)
{
	return timr->it_clock == CLOCK_REALTIME_ALARM ||
	       timr->it_clock == CLOCK_BOOTTIME_ALARM;
}

/* ---- saving ---- */

static struct pid *timer_cpu_pid(struct k_itimer *timr)
{
	return clock_is_cpu(timr) ? timr->it.cpu.pid : NULL;
}

/* Why a timer cannot be saved, or NULL */
static const char *timer_blocker(struct k_itimer *timr,
				 struct task_struct *task)
{
	struct pid *cpu = timer_cpu_pid(timr);

	if (cpu && CPUCLOCK_PERTHREAD(timr->it_clock)) {
		if (!pid_task(cpu, PIDTYPE_PID))
			return "on the CPU time of a thread that is gone";
	} else if (cpu && cpu != task_tgid(task)) {
		return "on the CPU time of another process";
	}
	if ((timr->it_sigev_notify & SIGEV_THREAD_ID) &&
	    !pid_task(timr->it_pid, PIDTYPE_PID))
		return "for a thread that is gone";
	return NULL;
}

/* Counts its timers. *what: why the one with number *id cannot be saved */
static unsigned int timers_look(struct task_struct *task, const char **what,
				int *id)
{
	struct k_itimer *timr;
	unsigned long flags;
	unsigned int nr = 0;
	const char *found;

	if (!lock_task_sighand(task, &flags))
		return 0;
	cr_for_each_posix_timer(timr, task->signal) {
		nr++;
		found = timer_blocker(timr, task);
		if (found) {
			*what = found;
			*id = timr->it_id;
		}
	}
	cr_sighand_unlock(task, flags);
	return nr;
}

void cr_timers_collect(struct cr_save *s, struct task_struct *task)
{
	const char *what = NULL;
	unsigned int nr;
	int id = 0;

	rcu_read_lock();
	nr = timers_look(task, &what, &id);
	rcu_read_unlock();
	if (what)
		cr_refuse(s, task, "CR-ETIMER", "timer %d: %s: not supported",
			  id, what);
	if (nr > CR_MAX_TIMERS)
		cr_refuse(s, task, "CR-ETIMER", "%u timers: more than %u",
			  nr, CR_MAX_TIMERS);
}

u64 cr_cpu_clock_sample(clockid_t clock, struct task_struct *task)
{
	u64 utime, stime;
	unsigned int which = CPUCLOCK_WHICH(clock);
	struct task_cputime times;

	if (CPUCLOCK_PERTHREAD(clock)) {
		if (which == CPUCLOCK_SCHED)
			return task_sched_runtime(task);
		task_cputime(task, &utime, &stime);
		return which == CPUCLOCK_VIRT ? utime : utime + stime;
	}
	thread_group_cputime(task, &times);
	if (which == CPUCLOCK_SCHED)
		return times.sum_exec_runtime;
	return which == CPUCLOCK_VIRT ? times.utime : times.utime + times.stime;
}

/* What the clock of a CPU timer shows: of a process, as its timers count it */
static u64 cpu_sample(struct k_itimer *timr, struct task_struct *task)
{
	u64 samples[CPUCLOCK_MAX];

	if (CPUCLOCK_PERTHREAD(timr->it_clock)) {
		task = pid_task(timr->it.cpu.pid, PIDTYPE_PID);
		if (!task)
			return 0;
	} else if (READ_ONCE(task->signal->posix_cputimers.timers_active)) {
		thread_group_sample_cputime(task, samples);
		return samples[CPUCLOCK_WHICH(timr->it_clock)];
	}
	return cr_cpu_clock_sample(timr->it_clock, task);
}

static bool timer_is_active(struct k_itimer *timr)
{
	if (clock_is_cpu(timr))
		return cpu_timer_queued(&timr->it.cpu) || timr->it.cpu.firing;
	if (clock_is_alarm(timr))
		return (timr->it.alarm.alarmtimer.state &
			ALARMTIMER_STATE_ENQUEUED) ||
		       hrtimer_active(&timr->it.alarm.alarmtimer.timer);
	/* also while its function waits for siglock */
	return hrtimer_active(&timr->it.real.timer);
}

/* Time until it expires, on its clock; negative: since it has */
static s64 timer_left(struct k_itimer *timr, struct task_struct *task)
{
	if (clock_is_cpu(timr))
		return cpu_timer_getexpires(&timr->it.cpu) -
		       cpu_sample(timr, task);
	if (clock_is_alarm(timr))
		return ktime_to_ns(alarm_expires_remaining(
					&timr->it.alarm.alarmtimer));
	return ktime_to_ns(hrtimer_expires_remaining(&timr->it.real.timer));
}

/* The same on its clock; not of CPU clocks */
static s64 timer_expiry(struct k_itimer *timr)
{
	return ktime_to_ns(clock_is_alarm(timr) ?
			   timr->it.alarm.alarmtimer.node.expires :
			   hrtimer_get_expires(&timr->it.real.timer));
}

/*
 * Set to a date? One that was set to a time from now is on another clock, but of
 * an alarm clock the kernel has made it a date
 */
static bool timer_is_date(struct k_itimer *timr)
{
	if (timr->it_clock == CLOCK_REALTIME_ALARM)
		return true;
	return timr->it_clock == CLOCK_REALTIME &&
	       timr->it.real.timer.base->clockid == CLOCK_REALTIME;
}

static void timer_record_time(struct k_itimer *timr, struct task_struct *task,
			      struct cr_rec_timer *rec)
{
	bool pending = le32_to_cpu(rec->flags) & CR_TIMER_PENDING;
	u64 interval = ktime_to_ns(timr->it_interval);
	bool none = timr->it_sigev_notify == SIGEV_NONE;
	s64 left = timer_left(timr, task);
	u32 state = CR_TIMER_OFF;
	u64 value = 0;

	if (timer_is_active(timr) || (none && left > 0)) {
		state = CR_TIMER_ARMED;
		value = max_t(s64, left, 1);
	} else if (pending && interval &&
		   timr->it_requeue_pending & REQUEUE_PENDING) {
		state = CR_TIMER_FIRED;
		value = -left;
	} else if (interval) {
		/* nobody waits for it: the next time is as good as any */
		state = CR_TIMER_ARMED;
		value = left > 0 ? left :
			interval - (u64)-left % interval;
	}
	if (state != CR_TIMER_OFF && timer_is_date(timr)) {
		/* not by reading the clock once more, which has gone on */
		value = timer_expiry(timr) +
			(state == CR_TIMER_ARMED ? value - left : 0);
		state = state == CR_TIMER_ARMED ? CR_TIMER_DATE :
						  CR_TIMER_FIRED_DATE;
	}
	rec->state = cpu_to_le32(state);
	rec->value_ns = cpu_to_le64(value);
	rec->interval_ns = cpu_to_le64(state == CR_TIMER_OFF ? 0 : interval);
}

static void timer_record(struct cr_save *s, struct k_itimer *timr,
			 struct task_struct *task, struct cr_rec_timer *rec)
{
	const kernel_siginfo_t *info = &timr->sigq->info;

	memset(rec, 0, sizeof(*rec));
	rec->id = cpu_to_le32(timr->it_id);
	rec->clock = cpu_to_le32(timr->it_clock);
	if (clock_is_cpu(timr)) {
		bool thread = CPUCLOCK_PERTHREAD(timr->it_clock);

		rec->clock = cpu_to_le32(thread ? CR_CLOCK_THREAD_CPU :
						  CR_CLOCK_PROCESS_CPU);
		rec->cpu = cpu_to_le32(CPUCLOCK_WHICH(timr->it_clock));
		if (thread)
			rec->cpu_tid = cpu_to_le32(pid_nr_ns(timr->it.cpu.pid,
							     s->pid_ns));
	}
	rec->notify = cpu_to_le32(timr->it_sigev_notify);
	if (timr->it_sigev_notify & SIGEV_THREAD_ID)
		rec->notify_tid = cpu_to_le32(pid_nr_ns(timr->it_pid,
							s->pid_ns));
	/* without a signal, anything may stand there */
	if (valid_signal(info->si_signo))
		rec->signo = cpu_to_le32(info->si_signo);
	rec->sigval = cpu_to_le64((unsigned long)info->si_value.sival_ptr);
	if (!list_empty(&timr->sigq->list))
		rec->flags = cpu_to_le32(CR_TIMER_PENDING);
	rec->overrun = cpu_to_le64(timr->it_overrun);
	rec->overrun_last = cpu_to_le64(timr->it_overrun_last);
	timer_record_time(timr, task, rec);
}

void cr_timers_copy(struct cr_save *s, struct cr_proc *proc)
{
	struct k_itimer *timr;

	proc->nr_timers = 0;
	proc->next_timer = proc->task->signal->next_posix_timer_id;
	rcu_read_lock();
	cr_for_each_posix_timer(timr, proc->task->signal) {
		if (proc->nr_timers < proc->max_timers)
			timer_record(s, timr, proc->task,
				     &proc->timers[proc->nr_timers]);
		proc->nr_timers++;
	}
	rcu_read_unlock();
}

static int timer_cmp(const void *a, const void *b)
{
	const struct cr_rec_timer *x = a, *y = b;

	return le32_to_cpu(x->id) < le32_to_cpu(y->id) ? -1 :
	       le32_to_cpu(x->id) > le32_to_cpu(y->id);
}

void cr_timers_save(struct cr_save *s, struct cr_obj *obj,
		    struct cr_proc *proc)
{
	unsigned int i;

	for (i = 0; i < proc->nr_itimers; i++)
		cr_write_detail(s, obj, CR_REC_ITIMER, &proc->itimers[i],
				sizeof(proc->itimers[i]), NULL, 0);
	sort(proc->timers, proc->nr_timers, sizeof(*proc->timers), timer_cmp,
	     NULL);
	for (i = 0; i < proc->nr_timers; i++)
		cr_write_detail(s, obj, CR_REC_TIMER, &proc->timers[i],
				sizeof(proc->timers[i]), NULL, 0);
}

/* ---- restoring ---- */

static int timer_settime(u32 id, int flags, u64 value, u64 interval,
			 unsigned long page)
{
	struct timespec64 ts = ns_to_timespec64(value);
	struct timespec64 every = ns_to_timespec64(interval);
	struct __kernel_itimerspec spec = {
		.it_value = { ts.tv_sec, ts.tv_nsec },
		.it_interval = { every.tv_sec, every.tv_nsec },
	};
	struct pt_regs regs = { .di = id, .si = flags, .dx = page };

	if (copy_to_user((void __user *)page, &spec, sizeof(spec)))
		return -EFAULT;
	return __x64_sys_timer_settime(&regs);
}

static clockid_t timer_clock(const struct cr_rec_timer *rec)
{
	switch (le32_to_cpu(rec->clock)) {
	case CR_CLOCK_PROCESS_CPU:
		return make_process_cpuclock(0, le32_to_cpu(rec->cpu));
	case CR_CLOCK_THREAD_CPU:
		return make_thread_cpuclock(le32_to_cpu(rec->cpu_tid),
					    le32_to_cpu(rec->cpu));
	default:
		return le32_to_cpu(rec->clock);
	}
}

static int timer_create(struct cr_restart *r, const struct cr_rec_timer *rec,
			unsigned long page)
{
	struct {
		struct sigevent event;
		timer_t id;
	} arg = {};
	unsigned long id_at = page + offsetof(typeof(arg), id);
	struct pt_regs regs = {
		.di = timer_clock(rec),
		.si = page,
		.dx = id_at,
	};
	long err;

	arg.event.sigev_notify = le32_to_cpu(rec->notify);
	arg.event.sigev_signo = le32_to_cpu(rec->signo);
	arg.event.sigev_value.sival_ptr =
		u64_to_user_ptr(le64_to_cpu(rec->sigval));
	arg.event.sigev_notify_thread_id = le32_to_cpu(rec->notify_tid);
	/* the call takes this one: nobody else creates any */
	current->signal->next_posix_timer_id = le32_to_cpu(rec->id);
	if (copy_to_user((void __user *)page, &arg, sizeof(arg)))
		return -EFAULT;
	err = __x64_sys_timer_create(&regs);
	if (!err && get_user(arg.id, (timer_t __user *)id_at))
		err = -EFAULT;
	if (!err && arg.id != le32_to_cpu(rec->id))
		err = -EBUSY;
	if (err)
		return cr_err(&r->log, err,
			      "timer %u on clock %u, for thread %u: cannot be created",
			      le32_to_cpu(rec->id), le32_to_cpu(rec->clock),
			      le32_to_cpu(rec->notify_tid));
	return 0;
}

/* Set, but to nothing that happens: as if it had expired. it_lock is held */
static void timer_take_off(struct k_itimer *timr)
{
	struct cpu_timer *cpu = &timr->it.cpu;

	if (!clock_is_cpu(timr)) {
		if (clock_is_alarm(timr))
			alarm_try_to_cancel(&timr->it.alarm.alarmtimer);
		else
			hrtimer_try_to_cancel(&timr->it.real.timer);
		timr->it_active = 0;
		return;
	}
	spin_lock(&cr_sighand(current)->siglock);
	cpu_timer_dequeue(cpu);
	/* since now; how long before does not matter to CPU time */
	cpu_timer_setexpires(cpu, cpu_timer_getexpires(cpu) - FAR_NS);
	spin_unlock(&cr_sighand(current)->siglock);
}

/*
 * A timer whose signal is pending is marked for cr_timer_queue(). One that goes
 * on when the signal is taken has its expiry behind it.
 */
static int timer_set_pending(struct k_itimer *timr,
			     const struct cr_rec_timer *rec, unsigned long page)
{
	u32 state = le32_to_cpu(rec->state);
	bool date = state == CR_TIMER_FIRED_DATE;
	bool fired = date || state == CR_TIMER_FIRED;
	int err;

	if (fired) {
		/* which also says whether its clock is that of dates */
		err = timer_settime(le32_to_cpu(rec->id),
				    date ? TIMER_ABSTIME : 0,
				    FAR_NS + (date ? ktime_get_real_ns() : 0),
				    le64_to_cpu(rec->interval_ns), page);
		if (err)
			return err;
	}
	spin_lock_irq(&timr->it_lock);
	if (fired)
		timer_take_off(timr);
	timr->it_requeue_pending = fired ? REQUEUE_PENDING : 2;
	spin_unlock_irq(&timr->it_lock);
	return 0;
}

static u32 timers_count(struct cr_restart *r, u32 id, bool *any)
{
	struct cr_detail_iter it;
	u32 nr = 0;

	cr_for_each_detail(&r->img, id, &it) {
		nr += it.view.type == CR_REC_TIMER;
		*any |= it.view.type == CR_REC_TIMER ||
			it.view.type == CR_REC_ITIMER;
	}
	return nr;
}

int cr_timers_restore(struct cr_restart *r, u32 id, struct cr_timers **timers)
{
	struct cr_rec_timer rec;
	struct cr_rec_proc proc;
	struct cr_detail_iter it;
	struct cr_timers *t;
	struct cr_view view;
	bool any = false;
	u32 nr;
	int err;

	cr_read_obj(&r->img, id, &view, &proc, sizeof(proc));
	current->signal->next_posix_timer_id = le32_to_cpu(proc.next_timer);
	nr = timers_count(r, id, &any);
	if (!any)
		return 0;
	t = kvzalloc(struct_size(t, timers, nr), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	*timers = t;
	t->page = cr_lend(PAGE_SIZE, MAP_POPULATE);
	if (IS_ERR_VALUE(t->page)) {
		err = t->page;
		t->page = 0;
		return cr_err(&r->log, err, "pid %u: no address space for its timers",
			      le32_to_cpu(proc.pid));
	}
	/* there from now on: nothing may fail when they are started */
	if (clear_user((void __user *)t->page, PAGE_SIZE))
		return cr_err(&r->log, -ENOMEM, "pid %u: no memory for its timers",
			      le32_to_cpu(proc.pid));
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_TIMER)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		err = timer_create(r, &rec, t->page);
		if (err)
			return err;
		t->timers[t->nr] = cr_newest_posix_timer(current->signal);
		if (le32_to_cpu(rec.flags) & CR_TIMER_PENDING) {
			err = timer_set_pending(t->timers[t->nr], &rec,
						t->page);
			if (err)
				return cr_err(&r->log, err, "timer %u: cannot be set",
					      le32_to_cpu(rec.id));
		}
		t->nr++;
	}
	current->signal->next_posix_timer_id = le32_to_cpu(proc.next_timer);
	return 0;
}

bool cr_timer_queue(const kernel_siginfo_t *info, enum pid_type type)
{
	struct k_itimer *timr, *found = NULL;
	kernel_siginfo_t *own;

	spin_lock_irq(&cr_sighand(current)->siglock);
	cr_for_each_posix_timer(timr, current->signal) {
		bool thread = timr->it_sigev_notify & SIGEV_THREAD_ID;

		if (timr->it_id == info->si_tid && timr->it_requeue_pending &&
		    timr->sigq->info.si_signo == info->si_signo &&
		    thread == (type == PIDTYPE_PID) &&
		    (!thread || timr->it_pid == task_pid(current)) &&
		    list_empty(&timr->sigq->list))
			found = timr;
	}
	spin_unlock_irq(&cr_sighand(current)->siglock);
	if (!found)
		return false;
	/* it sends one only that is its own: the timers of a job that is built
	 * do not go
	 */
	send_sigqueue(found->sigq, found->it_pid, type);
	spin_lock_irq(&cr_sighand(current)->siglock);
	own = &found->sigq->info;
	own->si_overrun = info->si_overrun;
	/* how taking it finds that the timer waits for that */
	own->si_sys_private = found->it_requeue_pending & REQUEUE_PENDING ?
			      found->it_requeue_pending : 0;
	spin_unlock_irq(&cr_sighand(current)->siglock);
	return true;
}

static s64 timer_now(struct k_itimer *timr)
{
	if (clock_is_alarm(timr))
		return timr->it_clock == CLOCK_BOOTTIME_ALARM ?
		       ktime_get_boottime_ns() : ktime_get_real_ns();
	return ktime_to_ns(hrtimer_cb_get_time(&timr->it.real.timer));
}

/* It does not run; when it has expired, as the one who takes its signal sees it */
static void timer_set_expiry(struct k_itimer *timr, s64 ns)
{
	if (clock_is_alarm(timr))
		timr->it.alarm.alarmtimer.node.expires = ns_to_ktime(ns);
	else
		hrtimer_set_expires(&timr->it.real.timer, ns_to_ktime(ns));
}

static void timer_start(struct k_itimer *timr, const struct cr_rec_timer *rec,
			unsigned long page)
{
	u32 state = le32_to_cpu(rec->state);
	s64 value = le64_to_cpu(rec->value_ns);
	unsigned int tries = 0;
	int err = 0;

	if (state == CR_TIMER_ARMED || state == CR_TIMER_DATE) {
		do {
			err = timer_settime(le32_to_cpu(rec->id),
					    state == CR_TIMER_DATE ?
					    TIMER_ABSTIME : 0, value,
					    le64_to_cpu(rec->interval_ns), page);
		} while (cr_timer_again(err, &tries));
	}
	if (err)
		pr_warn_ratelimited("binfmt_cr: pid %d: timer %u could not be started\n",
				    task_tgid_nr(current),
				    le32_to_cpu(rec->id));
	spin_lock_irq(&timr->it_lock);
	if (state == CR_TIMER_FIRED && !clock_is_cpu(timr))
		timer_set_expiry(timr, timer_now(timr) - value);
	if (state == CR_TIMER_FIRED_DATE)
		timer_set_expiry(timr, value);
	timr->it_overrun = le64_to_cpu(rec->overrun);
	timr->it_overrun_last = le64_to_cpu(rec->overrun_last);
	spin_unlock_irq(&timr->it_lock);
}

void cr_timers_start(struct cr_restart *r, u32 id, struct cr_timers *timers)
{
	struct cr_rec_itimer itimer;
	struct cr_rec_timer rec;
	struct cr_detail_iter it;
	u32 nr = 0;

	if (!timers || !timers->page)
		return;
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type == CR_REC_ITIMER) {
			cr_detail(&it, &itimer, sizeof(itimer));
			cr_itimer_start(&itimer, timers->page);
		} else if (it.view.type == CR_REC_TIMER) {
			cr_detail(&it, &rec, sizeof(rec));
			timer_start(timers->timers[nr++], &rec, timers->page);
		}
	}
	cr_lend_end(timers->page, PAGE_SIZE);
}
