// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of processes, threads, and of how they belong together: ids are
 * unique, parents come before children, groups and sessions have their leaders.
 */
#include <linux/mm.h>
#include <linux/sort.h>
#include "cr_check.h"

/* Numbers of the user space ABI of x86-64 */
#define ALTSTACK_FLAGS	0x80000003ull	/* ONSTACK, DISABLE, AUTODISARM */
#define RLIMITS		16u
#define EXIT_CODE_MAX	0xffffu
#define RSEQ_ALIGN	32u
#define RSEQ_MAX	4096u
#define SCHED_POLICY_FIFO 1u
#define SCHED_POLICY_RR	2u
#define SCHED_POLICIES	0x2full		/* OTHER FIFO RR BATCH, IDLE */
#define PERSONALITY_FLAGS 0x0ffe0000ull	/* PER_LINUX: low byte 0 */
#define CPUS_MAX	65536u
#define SIG_STOP	19u	/* SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU */
#define SIG_TTOU	22u
#define IOPRIO_MAX	0x7fffu		/* class 3, all of the data */
#define TIME_MAX	(1ull << 61)	/* 73 years; utime + stime must not overflow */

/* ---- processes ---- */

static int rlimit_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	const u8 *tail = it->view.tail;
	struct cr_rec_rlimit rec;
	__le64 pair[2];
	u32 i;

	cr_detail(it, &rec, sizeof(rec));
	if (le32_to_cpu(rec.nr) != RLIMITS)
		return cr_unknown(c, "%u limits", le32_to_cpu(rec.nr));
	if (cr_check_zero(c, rec.reserved) ||
	    cr_check_tail(c, &it->view, RLIMITS * sizeof(pair)))
		return -EBADMSG;
	for (i = 0; i < RLIMITS; i++) {
		memcpy(pair, tail + i * sizeof(pair), sizeof(pair));
		if (le64_to_cpu(pair[0]) > le64_to_cpu(pair[1]))
			return cr_bad(c, "limit %u: %llu of at most %llu", i,
				      cr_ull(pair[0]), cr_ull(pair[1]));
	}
	return 0;
}

static int proc_parent_check(struct cr_check *c, u32 id,
			     const struct cr_rec_proc *rec)
{
	u32 flags = le32_to_cpu(rec->flags);
	struct cr_rec_proc parent;
	struct cr_view v;
	int err;

	if (id == c->img->leader) {
		if (rec->parent || (flags & CR_PROC_ZOMBIE))
			return cr_bad(c, "the leader has a parent or is a zombie");
		return 0;
	}
	err = cr_check_ref(c, id, rec->parent, CR_REC_PROC, "parent");
	if (err)
		return err;
	cr_read_obj(c->img, le32_to_cpu(rec->parent), &v, &parent,
		    sizeof(parent));
	if (le32_to_cpu(parent.flags) & CR_PROC_ZOMBIE)
		return cr_bad(c, "parent: object %u is a zombie",
			      le32_to_cpu(rec->parent));
	return 0;
}

/* Stopped by a signal that does so, or not; what there is to tell goes with it */
static int proc_stop_check(struct cr_check *c, const struct cr_rec_proc *rec)
{
	u32 flags = le32_to_cpu(rec->stop_flags);
	u32 sig = le32_to_cpu(rec->stop_signal);
	u32 stops = CR_STOP_REPORT | CR_STOP_UNDERWAY;

	if (cr_check_mask(c, flags, CR_STOP_KNOWN, "stop flags"))
		return -EOPNOTSUPP;
	if ((sig && (sig < SIG_STOP || sig > SIG_TTOU)) ||
	    (sig ? flags & ~stops : flags & stops) ||
	    ((le32_to_cpu(rec->flags) & CR_PROC_ZOMBIE) && (sig || flags)))
		return cr_bad(c, "stopped by signal %u, stop flags 0x%x", sig,
			      flags);
	return 0;
}

/* The kernel adds and multiplies them, and divides by their sum */
static int proc_times_check(struct cr_check *c, const struct cr_rec_proc *rec)
{
	const __le64 times[] = {
		rec->utime_ns, rec->stime_ns, rec->cutime_ns, rec->cstime_ns,
		rec->age_ns,
	};
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (le64_to_cpu(times[i]) > TIME_MAX)
			return cr_bad(c, "a time of %llu ns", cr_ull(times[i]));
	return 0;
}

static int proc_numbers_check(struct cr_check *c, const struct cr_rec_proc *rec)
{
	u32 flags = le32_to_cpu(rec->flags);
	bool zombie = flags & CR_PROC_ZOMBIE;
	bool exited = flags & (CR_PROC_ZOMBIE | CR_PROC_HEADLESS);
	u32 pid = le32_to_cpu(rec->pid);
	s32 oom = le32_to_cpu(rec->oom_score_adj);

	if (cr_check_mask(c, flags, CR_PROC_ZOMBIE | CR_PROC_SUBREAPER |
			  CR_PROC_SESSION_OUTSIDE | CR_PROC_PGRP_OUTSIDE |
			  CR_PROC_CTTY | CR_PROC_HEADLESS, "flags"))
		return -EOPNOTSUPP;
	if (zombie && (flags & CR_PROC_HEADLESS))
		return cr_bad(c, "a zombie whose other threads live on");
	if ((flags & CR_PROC_CTTY) && (zombie ||
				       (flags & CR_PROC_SESSION_OUTSIDE)))
		return cr_bad(c, "a terminal, but flags 0x%x", flags);
	if (!pid || pid > CR_PID_MAX || le32_to_cpu(rec->pgid) > CR_PID_MAX ||
	    le32_to_cpu(rec->sid) > CR_PID_MAX)
		return cr_bad(c, "pid %u, process group %u, session %u", pid,
			      le32_to_cpu(rec->pgid), le32_to_cpu(rec->sid));
	if (!rec->nr_threads != zombie)
		return cr_bad(c, "%u threads, flags 0x%x",
			      le32_to_cpu(rec->nr_threads), flags);
	if (le32_to_cpu(rec->exit_code) > (exited ? EXIT_CODE_MAX : 0))
		return cr_bad(c, "exit code 0x%x", le32_to_cpu(rec->exit_code));
	if (le32_to_cpu(rec->exit_signal) > CR_NSIG)
		return cr_bad(c, "exit signal %u",
			      le32_to_cpu(rec->exit_signal));
	if (oom < -1000 || oom > 1000)
		return cr_bad(c, "oom_score_adj %d", oom);
	if (strnlen(rec->comm, CR_COMM_LEN) == CR_COMM_LEN)
		return cr_bad(c, "comm has no end");
	if (le32_to_cpu(rec->next_timer) > S32_MAX)
		return cr_bad(c, "next timer %u", le32_to_cpu(rec->next_timer));
	if (zombie && (rec->settings || rec->images))
		return cr_bad(c, "settings or images of a zombie");
	if (le32_to_cpu(rec->images) > S32_MAX)
		return cr_bad(c, "%u images", le32_to_cpu(rec->images));
	return cr_check_zero(c, rec->reserved) ?:
	       cr_check_zero(c, rec->reserved2) ?:
	       (zombie ? 0 : cr_pending_check(c, rec->pending)) ?:
	       proc_times_check(c, rec) ?:
	       proc_stop_check(c, rec);
}

static int sems_check(struct cr_check *c, u32 nsems, const u8 *tail)
{
	struct cr_sem sem;
	bool any = false;
	u32 i;

	for (i = 0; i < nsems; i++) {
		s32 adj;

		memcpy(&sem, tail + i * sizeof(sem), sizeof(sem));
		adj = le32_to_cpu(sem.semadj);
		any |= adj;
		if (adj < -CR_SEM_MAX || adj > CR_SEM_MAX ||
		    le32_to_cpu(sem.semval) > CR_SEM_MAX ||
		    le32_to_cpu(sem.sempid) > CR_PID_MAX)
			return cr_bad(c, "semaphore %u: %d to %u, by pid %u", i,
				      adj, le32_to_cpu(sem.semval),
				      le32_to_cpu(sem.sempid));
	}
	return any ? 0 : cr_bad(c, "no adjustment");
}

static int semundo_check(struct cr_check *c, const struct cr_detail_iter *it,
			 s64 *last, u32 *nr)
{
	struct cr_rec_semundo rec;
	u32 id, nsems;

	cr_detail(it, &rec, sizeof(rec));
	id = le32_to_cpu(rec.semid);
	nsems = le32_to_cpu(rec.nsems);
	if (id > S32_MAX || id <= *last)
		return cr_bad(c, "set %u behind %lld", id, (long long)*last);
	*last = id;
	if (++*nr > CR_MAX_SEMUNDOS)
		return cr_bad(c, "more than %u sets", CR_MAX_SEMUNDOS);
	if (!nsems || nsems > CR_MAX_SEMS)
		return cr_bad(c, "set of %u semaphores", nsems);
	if (!~le32_to_cpu(rec.uid) || !~le32_to_cpu(rec.gid) ||
	    !~le32_to_cpu(rec.cuid) || !~le32_to_cpu(rec.cgid))
		return cr_bad(c, "(uid_t)-1 is no id");
	if (le64_to_cpu(rec.ctime) > S64_MAX)
		return cr_bad(c, "time %llu", cr_ull(rec.ctime));
	return cr_check_mask(c, le32_to_cpu(rec.mode), 0777, "mode") ?:
	       cr_check_tail(c, &it->view, (u64)nsems * sizeof(struct cr_sem)) ?:
	       sems_check(c, nsems, it->view.tail);
}

static int proc_details_check(struct cr_check *c, u32 id,
			      const struct cr_rec_proc *rec)
{
	bool zombie = le32_to_cpu(rec->flags) & CR_PROC_ZOMBIE;
	s64 last_itimer = -1, last_timer = -1, last_set = -1, last_who = -1;
	u32 nr_rlimit = 0, nr_timers = 0, nr_sets = 0;
	struct cr_detail_iter it;
	int err;

	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		if (zombie && it.view.type != CR_REC_USAGE)
			return cr_bad(c, "of a zombie");
		switch (it.view.type) {
		case CR_REC_USAGE:
			err = cr_usage_check(c, &it, false, &last_who);
			break;
		case CR_REC_SIGINFO:
			err = cr_siginfo_check(c, &it, rec->pending);
			break;
		case CR_REC_ITIMER:
			err = cr_itimer_check(c, &it, &last_itimer);
			break;
		case CR_REC_TIMER:
			err = cr_timer_check(c, &it, &last_timer, &nr_timers);
			break;
		case CR_REC_SEMUNDO:
			err = semundo_check(c, &it, &last_set, &nr_sets);
			break;
		default:
			err = nr_rlimit++ ? cr_bad(c, "a second one") :
					    rlimit_check(c, &it);
		}
		if (err)
			return err;
	}
	cr_check_at_obj(c, id);
	if (!zombie && !nr_rlimit)
		return cr_bad(c, "no RLIMIT");
	return 0;
}

static void id_add(struct cr_check *c, u32 nr, u32 proc)
{
	c->ids[c->nr_ids].nr = nr;
	c->ids[c->nr_ids].proc = proc;
	c->nr_ids++;
}

int cr_proc_check(struct cr_check *c, u32 id)
{
	const struct cr_rec_head *head = &c->img->head;
	struct cr_rec_proc *rec = &c->proc_rec;
	struct cr_view v;
	int err;

	cr_read_obj(c->img, id, &v, rec, sizeof(*rec));
	if (c->nr_procs == le32_to_cpu(head->nr_procs))
		return cr_bad(c, "more than the %u that HEAD announces",
			      c->nr_procs);
	c->nr_procs++;
	err = proc_parent_check(c, id, rec) ?:
	      (rec->settings ? cr_check_ref(c, id, rec->settings, CR_REC_AUTO,
					    "settings") : 0) ?:
	      proc_numbers_check(c, rec) ?:
	      proc_details_check(c, id, rec);
	if (err)
		return err;
	id_add(c, le32_to_cpu(rec->pid), id);
	c->proc = id;
	c->threads_left = le32_to_cpu(rec->nr_threads);
	c->proc_mm = 0;
	c->proc_sighand = 0;
	return 0;
}

/* ---- threads ---- */

static int thread_refs_check(struct cr_check *c, u32 id,
			     const struct cr_rec_thread *rec)
{
	u32 mm = le32_to_cpu(rec->mm), sighand = le32_to_cpu(rec->sighand);
	int err;

	err = cr_check_ref(c, id, rec->mm, CR_REC_MM, "mm") ?:
	      cr_check_ref(c, id, rec->files, CR_REC_FILES, "files") ?:
	      cr_check_ref(c, id, rec->fs, CR_REC_FS, "fs") ?:
	      cr_check_ref(c, id, rec->sighand, CR_REC_SIGHAND, "sighand") ?:
	      cr_check_ref(c, id, rec->cred, CR_REC_CRED, "cred");
	if (err)
		return err;
	/* As clone() has it: a shared sighand needs a shared mm */
	if (c->proc_mm && (mm != c->proc_mm || sighand != c->proc_sighand))
		return cr_bad(c, "mm or sighand differs within the process");
	if (c->mm_of[sighand] && c->mm_of[sighand] != mm)
		return cr_bad(c, "sighand is shared, mm is not");
	c->mm_of[sighand] = mm;
	c->proc_mm = mm;
	c->proc_sighand = sighand;
	return 0;
}

static int thread_sched_check(struct cr_check *c,
			      const struct cr_rec_thread *rec)
{
	s32 nice = le32_to_cpu(rec->nice);
	u32 policy = le32_to_cpu(rec->policy);
	u32 prio = le32_to_cpu(rec->rt_priority);
	bool rt = policy == SCHED_POLICY_FIFO || policy == SCHED_POLICY_RR;

	if (nice < -20 || nice > 19)
		return cr_bad(c, "nice %d", nice);
	if (policy > 31 || !(SCHED_POLICIES & (1ull << policy)))
		return cr_unknown(c, "scheduling policy %u", policy);
	if (rt ? !prio || prio > 99 : prio)
		return cr_bad(c, "priority %u of policy %u", prio, policy);
	if (le32_to_cpu(rec->ioprio) > IOPRIO_MAX)
		return cr_bad(c, "io priority 0x%x", le32_to_cpu(rec->ioprio));
	return cr_check_mask(c, le32_to_cpu(rec->personality),
			     PERSONALITY_FLAGS, "personality");
}

/* A thread may run on some CPU, and on none beyond those that count */
static int thread_cpus_check(struct cr_check *c, const struct cr_view *v,
			     const struct cr_rec_thread *rec)
{
	u32 nr = le32_to_cpu(rec->nr_cpus), n;
	const u8 *tail = v->tail;
	bool any = false;

	if (nr > CPUS_MAX)
		return cr_bad(c, "%u CPUs", nr);
	if (cr_check_tail(c, v, ALIGN(nr, 64) / 8))
		return -EBADMSG;
	for (n = 0; n < v->tail_len * 8; n++) {
		if (!(tail[n / 8] & (1u << n % 8)))
			continue;
		if (n >= nr)
			return cr_bad(c, "CPU %u of %u", n, nr);
		any = true;
	}
	return nr && !any ? cr_bad(c, "may run on no CPU") : 0;
}

static int thread_rseq_check(struct cr_check *c,
			     const struct cr_rec_thread *rec)
{
	u64 addr = le64_to_cpu(rec->rseq);
	u32 len = le32_to_cpu(rec->rseq_len);

	if (!addr)
		return rec->rseq_len || rec->rseq_sig ?
			cr_bad(c, "rseq of length %u at 0", len) : 0;
	if (addr % RSEQ_ALIGN || len < RSEQ_ALIGN || len > RSEQ_MAX ||
	    addr > CR_TASK_SIZE - len)
		return cr_bad(c, "rseq of length %u at 0x%llx", len,
			      cr_ull(rec->rseq));
	return 0;
}

static int thread_signals_check(struct cr_check *c,
				const struct cr_rec_thread *rec)
{
	u64 sp = le64_to_cpu(rec->altstack_sp);
	u64 size = le64_to_cpu(rec->altstack_size);
	u32 flags = le32_to_cpu(rec->altstack_flags);

	if (cr_check_mask(c, flags, ALTSTACK_FLAGS, "altstack flags"))
		return -EOPNOTSUPP;
	if ((flags & 3) == 3 || sp > CR_TASK_SIZE || size > CR_TASK_SIZE - sp)
		return cr_bad(c, "altstack of 0x%llx bytes at 0x%llx, flags 0x%x",
			      cr_ull(rec->altstack_size),
			      cr_ull(rec->altstack_sp), flags);
	if (le32_to_cpu(rec->pdeath_signal) > CR_NSIG)
		return cr_bad(c, "pdeath_signal %u",
			      le32_to_cpu(rec->pdeath_signal));
	return cr_sigmask_check(c, rec->blocked, "blocked") ?:
	       cr_sigmask_check(c, rec->saved_mask, "saved_mask");
}

static int thread_numbers_check(struct cr_check *c,
				const struct cr_rec_thread *rec)
{
	const u32 mce = CR_THREAD_MCE_EARLY | CR_THREAD_MCE_LATE;
	u32 tid = le32_to_cpu(rec->tid);

	if (cr_check_mask(c, le32_to_cpu(rec->flags), CR_THREAD_FLAGS_KNOWN,
			  "flags"))
		return -EOPNOTSUPP;
	if ((le32_to_cpu(rec->flags) & mce) == mce)
		return cr_bad(c, "flags 0x%x", le32_to_cpu(rec->flags));
	if (!tid || tid > CR_PID_MAX)
		return cr_bad(c, "tid %u", tid);
	if (strnlen(rec->comm, CR_COMM_LEN) == CR_COMM_LEN)
		return cr_bad(c, "comm has no end");
	return cr_check_zero(c, rec->reserved) ?:
	       cr_pending_check(c, rec->pending) ?:
	       cr_check_addr(c, rec->robust_list, "robust_list") ?:
	       cr_check_addr(c, rec->clear_child_tid, "clear_child_tid");
}

static int thread_policy_check(struct cr_check *c,
			       const struct cr_detail_iter *it)
{
	u64 start, end;
	int err = cr_mempolicy_check(c, it, &start, &end);

	if (!err && (start || end))
		err = cr_bad(c, "NUMA policy of a thread, 0x%llx-0x%llx",
			     (unsigned long long)start,
			     (unsigned long long)end);
	return err;
}

/* REGS once, SIGINFO as often as it likes, CAUSE once in all, the others at most once */
static int thread_details_check(struct cr_check *c, u32 id,
				const struct cr_rec_thread *rec)
{
	u32 nr_regs = 0, nr_xstate = 0, nr_restart = 0, nr_policies = 0;
	u32 nr_debug = 0;
	struct cr_detail_iter it;
	s64 last_who = -1;
	int err;

	cr_for_each_detail(c->img, id, &it) {
		u32 *nr = NULL;

		cr_check_at(c, &it);
		switch (it.view.type) {
		case CR_REC_SIGINFO:
			err = cr_siginfo_check(c, &it, rec->pending);
			break;
		case CR_REC_USAGE:
			err = cr_usage_check(c, &it, true, &last_who);
			break;
		case CR_REC_CAUSE:
			err = cr_cause_check(c, &it);
			break;
		case CR_REC_REGS_X86:
			nr = &nr_regs;
			err = cr_regs_check(c, &it);
			break;
		case CR_REC_DEBUG_X86:
			nr = &nr_debug;
			err = cr_debug_check(c, &it);
			break;
		case CR_REC_XSTATE_X86:
			nr = &nr_xstate;
			err = cr_xstate_check(c, &it);
			break;
		case CR_REC_MEMPOLICY:
			nr = &nr_policies;
			err = thread_policy_check(c, &it);
			break;
		default:
			nr = &nr_restart;
			err = cr_restart_check(c, &it);
			break;
		}
		if (!err && nr && (*nr)++)
			err = cr_bad(c, "a second one");
		if (err)
			return err;
	}
	cr_check_at_obj(c, id);
	return nr_regs ? 0 : cr_bad(c, "no registers");
}

int cr_thread_check(struct cr_check *c, u32 id)
{
	const struct cr_rec_head *head = &c->img->head;
	struct cr_rec_thread rec;
	struct cr_view v;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	if (!c->threads_left || le32_to_cpu(rec.proc) != c->proc)
		return cr_bad(c, "of process object %u, not %u",
			      le32_to_cpu(rec.proc), c->proc);
	if (c->nr_threads == le32_to_cpu(head->nr_threads))
		return cr_bad(c, "more than the %u that HEAD announces",
			      c->nr_threads);
	c->nr_threads++;
	/* The thread group leader is first, unless it has exited */
	if (c->threads_left == le32_to_cpu(c->proc_rec.nr_threads) &&
	    !(le32_to_cpu(c->proc_rec.flags) & CR_PROC_HEADLESS)) {
		if (rec.tid != c->proc_rec.pid)
			return cr_bad(c, "first tid %u of pid %u",
				      le32_to_cpu(rec.tid),
				      le32_to_cpu(c->proc_rec.pid));
	} else {
		id_add(c, le32_to_cpu(rec.tid), 0);
	}
	c->threads_left--;
	err = thread_numbers_check(c, &rec) ?:
	      thread_refs_check(c, id, &rec) ?:
	      thread_signals_check(c, &rec) ?:
	      thread_sched_check(c, &rec) ?:
	      thread_cpus_check(c, &v, &rec) ?:
	      thread_rseq_check(c, &rec);
	return err ?: thread_details_check(c, id, &rec);
}

/* ---- ids ---- */

static int id_cmp(const void *a, const void *b)
{
	const struct cr_check_id *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

/* Who has number @nr; NULL: nobody. They are sorted */
static const struct cr_check_id *id_find(struct cr_check *c, u32 nr)
{
	u32 low = 0, high = c->nr_ids, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (c->ids[mid].nr < nr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->nr_ids && c->ids[low].nr == nr ? &c->ids[low] : NULL;
}

/* The PROC whose pid is @pid */
static bool proc_find(struct cr_check *c, u32 pid, struct cr_rec_proc *rec)
{
	const struct cr_check_id *id = id_find(c, pid);
	struct cr_view v;

	if (!id || !id->proc)
		return false;
	cr_read_obj(c->img, id->proc, &v, rec, sizeof(*rec));
	return true;
}

/* Number @nr has no process: it is of a leader that is gone, and of nobody else */
static int gone_add(struct cr_check *c, const struct cr_rec_proc *p, __le32 nr,
		    const char *what)
{
	bool outside = le32_to_cpu(p->flags) & CR_PROC_SESSION_OUTSIDE;
	struct cr_check_gone *gone = &c->gone[c->nr_gone++];

	gone->nr = le32_to_cpu(nr);
	gone->sid = outside ? 0 : le32_to_cpu(p->sid);
	gone->rec = c->nr;
	if (!gone->nr || id_find(c, gone->nr))
		return cr_bad(c, "pid %u: %s %u, which is %s",
			      le32_to_cpu(p->pid), what, gone->nr,
			      gone->nr ? "a thread" : "none");
	return 0;
}

/*
 * A session in the job has its leader there, which leads a group, too. A group
 * in the job has its leader there, in the same session. Or the leader is gone.
 */
static int groups_check(struct cr_check *c, const struct cr_rec_proc *p)
{
	u32 flags = le32_to_cpu(p->flags);
	bool sid_out = flags & CR_PROC_SESSION_OUTSIDE;
	struct cr_rec_proc leader;
	int err = 0;

	if (!sid_out && (flags & CR_PROC_PGRP_OUTSIDE))
		return cr_bad(c, "pid %u: its group is outside, its session is not",
			      le32_to_cpu(p->pid));
	if (!sid_out && !proc_find(c, le32_to_cpu(p->sid), &leader))
		err = gone_add(c, p, p->sid, "session");
	else if (!sid_out && (leader.sid != p->sid || leader.pgid != p->sid ||
		 (le32_to_cpu(leader.flags) & (CR_PROC_SESSION_OUTSIDE |
					       CR_PROC_PGRP_OUTSIDE))))
		err = cr_bad(c, "pid %u: pid %u leads no session",
			     le32_to_cpu(p->pid), le32_to_cpu(p->sid));
	if (err || (flags & CR_PROC_PGRP_OUTSIDE))
		return err;
	if (!proc_find(c, le32_to_cpu(p->pgid), &leader))
		return gone_add(c, p, p->pgid, "process group");
	if (leader.sid != p->sid ||
	    ((le32_to_cpu(leader.flags) ^ flags) & CR_PROC_SESSION_OUTSIDE))
		return cr_bad(c, "pid %u: its group is in another session",
			      le32_to_cpu(p->pid));
	return 0;
}

static int gone_cmp(const void *a, const void *b)
{
	const struct cr_check_gone *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

/* A group without a leader is in one session; one that is a session, in that */
static int gone_check(struct cr_check *c)
{
	u32 i;

	sort(c->gone, c->nr_gone, sizeof(*c->gone), gone_cmp, NULL);
	for (i = 1; i < c->nr_gone; i++) {
		if (c->gone[i].nr != c->gone[i - 1].nr ||
		    c->gone[i].sid == c->gone[i - 1].sid)
			continue;
		c->nr = c->gone[i].rec;
		c->type = CR_REC_PROC;
		return cr_bad(c, "process group %u is in sessions %u and %u",
			      c->gone[i].nr, c->gone[i - 1].sid,
			      c->gone[i].sid);
	}
	return 0;
}

/* Whom an open file sends signals is a task of the job */
static int owner_check(struct cr_check *c, u32 id)
{
	struct cr_rec_file rec;
	struct cr_rec_proc proc;
	struct cr_view v;
	u32 owner, i;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	owner = le32_to_cpu(rec.owner);
	if (!owner || proc_find(c, owner, &proc))
		return 0;
	for (i = 0; i < c->nr_ids; i++)
		if (c->ids[i].nr == owner &&
		    le32_to_cpu(rec.owner_kind) == CR_OWNER_THREAD)
			return 0;
	return cr_bad(c, "owner %u is not of the job", owner);
}

/*
 * The session that a pseudo-terminal controls knows of it, and the foreground
 * group is one of that session
 */
static int pty_ids_check(struct cr_check *c, u32 id)
{
	struct cr_rec_proc leader, group;
	struct cr_rec_pty rec;
	struct cr_view v;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	if (!rec.session)
		return 0;
	if (!proc_find(c, le32_to_cpu(rec.session), &leader) ||
	    leader.sid != rec.session ||
	    !(le32_to_cpu(leader.flags) & CR_PROC_CTTY))
		return cr_bad(c, "pid %u leads no session that it controls",
			      le32_to_cpu(rec.session));
	if (!proc_find(c, le32_to_cpu(rec.pgrp), &group) ||
	    group.pgid != rec.pgrp || group.sid != rec.session ||
	    (le32_to_cpu(group.flags) & CR_PROC_SESSION_OUTSIDE))
		return cr_bad(c, "pid %u leads no group of session %u",
			      le32_to_cpu(rec.pgrp), le32_to_cpu(rec.session));
	return 0;
}

/* Who waits in vfork() waits for another process, which the job has made */
static int vfork_check(struct cr_check *c, u32 id)
{
	struct cr_rec_proc proc, own, leader;
	struct cr_rec_thread rec;
	struct cr_view v;
	u32 vfork;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	vfork = le32_to_cpu(rec.vfork);
	if (!vfork)
		return 0;
	cr_read_obj(c->img, le32_to_cpu(rec.proc), &v, &own, sizeof(own));
	cr_read_obj(c->img, c->img->leader, &v, &leader, sizeof(leader));
	if (own.pid == rec.vfork || leader.pid == rec.vfork ||
	    !proc_find(c, vfork, &proc) ||
	    (le32_to_cpu(proc.flags) & (CR_PROC_ZOMBIE | CR_PROC_HEADLESS)))
		return cr_bad(c, "waits in vfork() for %u", vfork);
	return 0;
}

/* Ids are unique; groups and sessions are whole. All objects have passed */
int cr_ids_check(struct cr_check *c)
{
	const struct cr_image *img = c->img;
	struct cr_rec_proc rec;
	struct cr_view v;
	u32 i, id, nr = 1;
	int err;

	c->nr = 0;
	c->type = CR_REC_HEAD;
	sort(c->ids, c->nr_ids, sizeof(*c->ids), id_cmp, NULL);
	for (i = 1; i < c->nr_ids; i++)
		if (c->ids[i].nr == c->ids[i - 1].nr)
			return cr_bad(c, "two tasks have id %u", c->ids[i].nr);
	for (id = 1; id <= img->nr_objects; id++) {
		if (img->objs[id].type == CR_REC_PROC) {
			c->nr = nr;
			c->type = CR_REC_PROC;
			cr_read_obj(img, id, &v, &rec, sizeof(rec));
			err = groups_check(c, &rec);
			if (err)
				return err;
		}
		if (img->objs[id].type == CR_REC_FILE) {
			c->nr = nr;
			c->type = CR_REC_FILE;
			err = owner_check(c, id);
			if (err)
				return err;
		}
		if (img->objs[id].type == CR_REC_PTY) {
			c->nr = nr;
			c->type = CR_REC_PTY;
			err = pty_ids_check(c, id);
			if (err)
				return err;
		}
		if (img->objs[id].type == CR_REC_THREAD) {
			c->nr = nr;
			c->type = CR_REC_THREAD;
			err = vfork_check(c, id);
			if (err)
				return err;
		}
		nr += 1 + img->objs[id].nr_details;
		cond_resched();
	}
	return gone_check(c);
}
