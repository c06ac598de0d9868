/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/* The checkpoint image: records of processes and threads. */
#ifndef _LINUX_CR_IMAGE_TASK_H
#define _LINUX_CR_IMAGE_TASK_H

#include <linux/cr_image.h>

/**
 * struct cr_rec_sighand - CR_REC_SIGHAND: followed by SIGACTION records for
 *	each signal that is not at its default, ascending
 */
struct cr_rec_sighand {
	struct cr_rec rec;
	__le32 nr_actions;
	__le32 reserved;
};

/**
 * struct cr_rec_sigaction - CR_REC_SIGACTION
 * @sig: 1 to 64, not SIGKILL, not SIGSTOP
 * @handler: 0 default, 1 ignore, else an address below TASK_SIZE
 * @flags: SA_*
 * @restorer: address below TASK_SIZE
 * @mask: bit n-1 is signal n
 */
struct cr_rec_sigaction {
	struct cr_rec rec;
	__le32 sig;
	__le32 reserved;
	__le64 handler;
	__le64 flags;
	__le64 restorer;
	__le64 mask;
};

/* cr_rec_proc.flags */
#define CR_PROC_ZOMBIE		0x1	/* no THREAD records, no objects */
#define CR_PROC_SUBREAPER	0x2	/* PR_SET_CHILD_SUBREAPER */
#define CR_PROC_SESSION_OUTSIDE	0x4	/* @sid is not a process of the job:
					 * it joins the restarter's session */
#define CR_PROC_PGRP_OUTSIDE	0x8	/* likewise @pgid. Set for the leader's
					 * own group in an outside session, too */
#define CR_PROC_CTTY		0x10	/* the PTY that controls its session, which
					 * is of the job, controls it */
#define CR_PROC_HEADLESS	0x20	/* its first thread has exited, and has
					 * no THREAD: others live on. Not the
					 * job's leader */

/**
 * struct cr_rec_proc - CR_REC_PROC: a process (thread group)
 * @rec: declares the object; followed by USAGE, RLIMIT (if not zombie), SIGINFO,
 *	and the THREAD objects of the process, the thread group leader first, unless
 *	HEADLESS
 * @pid: in the pid namespace of the job
 * @parent: id of the parent's PROC; 0 for the leader only, which is first
 * @pgid, @sid: in the same namespace; 0 when its number is outside of it
 * @flags: CR_PROC_*
 * @exit_code: ZOMBIE: as wait() shows it; HEADLESS: the first thread's, likewise
 * @exit_signal: sent to the parent; 0 to 64
 * @nr_threads: number of THREAD objects
 * @oom_score_adj: -1000 to 1000
 * @utime_ns..@cstime_ns: CPU time of the process and of its waited-for children
 * @age_ns: how long before the moment of saving it started; it and CPU times are
 *	at most 2^61
 * @pending: shared pending signals as a mask; those with a SIGINFO included; not
 *	SIGKILL, but for a zombie
 * @comm: ZOMBIE, HEADLESS: its name
 * @next_timer: id that timer_create() tries first; at most 2^31 - 1
 * @stop_flags: CR_STOP_*
 * @stop_signal: SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU: it is stopped; 0: it runs
 * @settings: id of an AUTO; 0: none of its own
 * @images: how many automatic images it has had as a job's leader, this one included; at
 *	most S32_MAX
 */
struct cr_rec_proc {
	struct cr_rec rec;
	__le32 pid;
	__le32 parent;
	__le32 pgid;
	__le32 sid;
	__le32 flags;
	__le32 exit_code;
	__le32 exit_signal;
	__le32 nr_threads;
	__le32 oom_score_adj;
	__le32 reserved;
	__le64 utime_ns, stime_ns, cutime_ns, cstime_ns;
	__le64 age_ns;
	__le64 pending;
	char comm[CR_COMM_LEN];
	__le32 next_timer;
	__le32 stop_flags;
	__le32 stop_signal;
	__le32 reserved2;
	__le32 settings;
	__le32 images;
};

/* cr_rec_auto: as the sysctl says */
#define CR_AUTO_SYSCTL		0xffffffffu
#define CR_AUTO_PATTERN_MAX	128u	/* with its NUL */
#define CR_MAX_SETTINGS		1024u	/* AUTO records */

/**
 * struct cr_rec_auto - CR_REC_AUTO: how a job is saved by itself (CR_IOC_AUTO)
 * @rec: declares the object
 * @leader: pid of the process that was declared; 0, or of nobody in the image: it is gone
 * @save_signal: that means "save"; 0: none; CR_AUTO_SYSCTL
 * @end_signal: that means "save, then end"; likewise
 * @fatal: 1: images of crashes; likewise
 * @reserved: 0
 *
 * Tail: pattern of the names, with its NUL; none: that of the sysctl.
 */
struct cr_rec_auto {
	struct cr_rec rec;
	__le32 leader;
	__le32 save_signal;
	__le32 end_signal;
	__le32 fatal;
	__le32 reserved;
	__le32 reserved2;
};

/* cr_rec_proc.stop_flags: what the parent knows of it; not of the leader's */
#define CR_STOP_REPORT		0x1	/* stopped, and not waited for that */
#define CR_STOP_UNDERWAY	0x2	/* it stops, and tells when all threads have */
#define CR_STOP_CONTINUED	0x4	/* runs again, and not waited for that */
#define CR_STOP_TELL_STOPPED	0x8	/* SIGCHLD is still to be sent */
#define CR_STOP_TELL_CONTINUED	0x10	/* likewise */
#define CR_STOP_KNOWN		0x1f

enum cr_usage_who {
	CR_USAGE_SELF		= 0,
	CR_USAGE_CHILDREN	= 1,	/* of PROC: those that were waited for */
};

/**
 * struct cr_rec_usage - CR_REC_USAGE: what has been used, beside CPU time
 * @rec: id of the PROC, for its threads that have exited (all of a zombie's), or
 *	of the THREAD
 * @who: enum cr_usage_who, ascending
 * @maxrss: of PROC: most memory of programs that it has executed before, bytes
 * @min_flt, @maj_flt: page faults
 * @nvcsw, @nivcsw: context switches
 * @inblock, @oublock: of PROC: blocks of 512 bytes; a thread's are its bytes
 * @rchar..@cancelled_write_bytes: as /proc/PID/io; those of children are SELF's
 *
 * Each is at most 2^61.
 */
struct cr_rec_usage {
	struct cr_rec rec;
	__le32 who;
	__le32 reserved;
	__le64 maxrss;
	__le64 min_flt, maj_flt;
	__le64 nvcsw, nivcsw;
	__le64 inblock, oublock;
	__le64 rchar, wchar, syscr, syscw;
	__le64 read_bytes, write_bytes, cancelled_write_bytes;
};

/* CR_REC_RLIMIT: tail: pairs of __le64 cur, max, one for each RLIMIT_* */
struct cr_rec_rlimit {
	struct cr_rec rec;
	__le32 nr;
	__le32 reserved;
};

/**
 * struct cr_rec_siginfo - CR_REC_SIGINFO: a queued signal, in order
 * @rec: id of the PROC (shared queue) or THREAD (its own)
 * @sig: 1 to 64
 *
 * Tail: 128 bytes, siginfo_t of the system call ABI.
 */
struct cr_rec_siginfo {
	struct cr_rec rec;
	__le32 sig;
	__le32 reserved;
};

/* What the signal meant */
enum cr_cause_class {
	CR_CAUSE_SAVE		= 1,	/* save the job, and go on */
	CR_CAUSE_END		= 2,	/* save it, then end */
	CR_CAUSE_FATAL		= 3,	/* it has ended the process: a core */
};

/**
 * struct cr_rec_cause - CR_REC_CAUSE: the image was made because of a signal
 * @rec: id of the THREAD that had it; one in an image at most. It is not pending
 * @sig: 1 to 64
 * @class: enum cr_cause_class
 *
 * Tail: as of SIGINFO. For debuggers: a restart does without.
 */
struct cr_rec_cause {
	struct cr_rec rec;
	__le32 sig;
	__le32 class;
};

enum cr_itimer_which {
	CR_ITIMER_REAL		= 0,
	CR_ITIMER_VIRTUAL	= 1,
	CR_ITIMER_PROF		= 2,
	CR_NR_ITIMERS		= 3,
};

/* What a timer does, interval timers and others */
enum cr_timer_state {
	CR_TIMER_OFF		= 0,
	CR_TIMER_ARMED		= 1,	/* expires @value_ns from now */
	CR_TIMER_FIRED		= 2,	/* has expired @value_ns ago, and goes on
					 * when its signal is taken */
	CR_TIMER_DATE		= 3,	/* expires at @value_ns of CLOCK_REALTIME,
					 * whatever became of the clock */
	CR_TIMER_FIRED_DATE	= 4,	/* FIRED, but expired at that date */
};

/**
 * struct cr_rec_itimer - CR_REC_ITIMER: setitimer() and alarm()
 * @rec: id of the PROC; those that are off have no record; ascending by @which
 * @which: enum cr_itimer_which
 * @state: enum cr_timer_state: ARMED; REAL with an interval may be FIRED
 * @value_ns: see @state; at most 2^63 - 1. CPU time for VIRTUAL and PROF
 * @interval_ns: likewise; 0: it fires once
 */
struct cr_rec_itimer {
	struct cr_rec rec;
	__le32 which;
	__le32 state;
	__le64 value_ns;
	__le64 interval_ns;
};

/* cr_rec_timer.clock: as clockid_t but for CPU clocks, which have @cpu too */
#define CR_CLOCK_REALTIME	0
#define CR_CLOCK_MONOTONIC	1
#define CR_CLOCK_PROCESS_CPU	2	/* of the process itself */
#define CR_CLOCK_THREAD_CPU	3	/* of its thread @cpu_tid */
#define CR_CLOCK_BOOTTIME	7
#define CR_CLOCK_REALTIME_ALARM	8
#define CR_CLOCK_BOOTTIME_ALARM	9
#define CR_CLOCK_TAI		11

/* cr_rec_timer.cpu is below */
#define CR_CPU_CLOCKS		3u

/* cr_rec_timer.notify: as sigev_notify */
#define CR_SIGEV_SIGNAL		0
#define CR_SIGEV_NONE		1
#define CR_SIGEV_THREAD		2	/* for the kernel like SIGNAL */
#define CR_SIGEV_THREAD_ID	4	/* to the thread @notify_tid */

/* cr_rec_timer.flags */
#define CR_TIMER_PENDING	0x1	/* its signal is queued: the SIGINFO with
					 * SI_TIMER and @id */

/* Hard cap: timers of one process */
#define CR_MAX_TIMERS		4096u

/**
 * struct cr_rec_timer - CR_REC_TIMER: a timer of timer_create()
 * @rec: id of the PROC; ascending by @id
 * @id: timer_t; at most 2^31 - 1. Restored as it was
 * @clock: CR_CLOCK_*
 * @cpu: CPU clocks: 0 user and system, 1 user time, 2 what the scheduler counts
 * @cpu_tid: THREAD_CPU: the thread; else 0
 * @notify: CR_SIGEV_*
 * @notify_tid: THREAD_ID: the thread; else 0
 * @signo: 1 to 64; 0 to 64 with NONE
 * @flags: CR_TIMER_PENDING
 * @state: enum cr_timer_state; FIRED, FIRED_DATE: with an interval and PENDING
 * @reserved: 0
 * @sigval: sigev_value
 * @value_ns: see @state; at most 2^63 - 1. FIRED: signed, because timer_gettime()
 *	moves it to the next time that it would expire, and counts @overrun
 * @interval_ns: likewise; 0: it fires once, or is off
 * @overrun: expirations since the one whose signal is queued, minus one
 * @overrun_last: what timer_getoverrun() says
 */
struct cr_rec_timer {
	struct cr_rec rec;
	__le32 id;
	__le32 clock;
	__le32 cpu;
	__le32 cpu_tid;
	__le32 notify;
	__le32 notify_tid;
	__le32 signo;
	__le32 flags;
	__le32 state;
	__le32 reserved;
	__le64 sigval;
	__le64 value_ns;
	__le64 interval_ns;
	__le64 overrun;
	__le64 overrun_last;
};

/* cr_rec_thread.flags */
#define CR_THREAD_SAVED_SIGMASK	0x1	/* saved_mask is in force on return */
#define CR_THREAD_RESET_ON_FORK	0x2	/* SCHED_RESET_ON_FORK */
#define CR_THREAD_NO_NEW_PRIVS	0x4	/* PR_SET_NO_NEW_PRIVS */
#define CR_THREAD_NO_TSC	0x8	/* PR_SET_TSC: PR_TSC_SIGSEGV */
#define CR_THREAD_MCE_EARLY	0x10	/* PR_MCE_KILL: PR_MCE_KILL_EARLY */
#define CR_THREAD_MCE_LATE	0x20	/* PR_MCE_KILL_LATE, not both */
#define CR_THREAD_IO_FLUSHER	0x40	/* PR_SET_IO_FLUSHER */
#define CR_THREAD_FLAGS_KNOWN	0x7f

/**
 * struct cr_rec_thread - CR_REC_THREAD: a thread
 * @rec: declares the object; followed by REGS, XSTATE, RESTART, SIGINFO
 * @proc: id of the PROC it belongs to: the last one declared
 * @tid: in the pid namespace of the job; the first thread's is the pid
 * @mm..@cred: ids of the objects that it uses
 * @flags: CR_THREAD_*
 * @blocked: signal mask in force, bit n-1 is signal n
 * @saved_mask: see CR_THREAD_SAVED_SIGMASK
 * @pending: private pending signals as a mask; not SIGKILL
 * @altstack_sp, @altstack_size, @altstack_flags: sigaltstack()
 * @robust_list: set_robust_list(), 0: none
 * @clear_child_tid: set_tid_address()
 * @rseq, @rseq_len, @rseq_sig: rseq(); 0: not registered
 * @nice: -20 to 19
 * @policy: SCHED_*
 * @rt_priority: of SCHED_FIFO and SCHED_RR
 * @pdeath_signal: 0 to 64
 * @personality: PER_LINUX and flags
 * @timer_slack_ns: prctl(PR_SET_TIMERSLACK)
 * @ioprio: as ioprio_get(); 0: none set
 * @nr_cpus: number of bits of the tail that count; 0: may run on any CPU
 * @comm: name
 * @vfork: pid of the process that it has made by vfork() and that has neither
 *	executed nor ended: the call returns when it does; 0: it waits for none
 * @reserved: 0
 *
 * Tail: CPU affinity, bit n is CPU n, multiple of 8 bytes; nothing when @nr_cpus
 * is 0.
 */
struct cr_rec_thread {
	struct cr_rec rec;
	__le32 proc;
	__le32 tid;
	__le32 mm;
	__le32 files;
	__le32 fs;
	__le32 sighand;
	__le32 cred;
	__le32 flags;
	__le64 blocked;
	__le64 saved_mask;
	__le64 pending;
	__le64 altstack_sp;
	__le64 altstack_size;
	__le32 altstack_flags;
	__le32 nice;
	__le64 robust_list;
	__le64 clear_child_tid;
	__le64 rseq;
	__le32 rseq_len;
	__le32 rseq_sig;
	__le32 policy;
	__le32 rt_priority;
	__le32 pdeath_signal;
	__le32 personality;
	__le64 timer_slack_ns;
	__le32 ioprio;
	__le32 nr_cpus;
	char comm[CR_COMM_LEN];
	__le32 vfork;
	__le32 reserved;
};

/**
 * struct cr_rec_regs_x86 - CR_REC_REGS_X86: general registers
 *
 * @gpr: in the order and number of struct user_regs_struct, which is
 * NT_PRSTATUS of x86-64: raw, as they were when the thread stood still. orig_ax
 * and ax still hold what an interrupted system call left there. Restored
 * through the same regset, whose rules they are checked by.
 */
#define CR_X86_NR_REGS		27
struct cr_rec_regs_x86 {
	struct cr_rec rec;
	__le64 gpr[CR_X86_NR_REGS];
};

/**
 * struct cr_rec_xstate_x86 - CR_REC_XSTATE_X86: FP and vector state
 * @size: bytes of the tail; at most CR_XSTATE_MAX
 * @xfeatures: the components that are present (XCR0 bits)
 *
 * Tail: the XSAVE area in standard format, as NT_X86_XSTATE shows it.
 */
struct cr_rec_xstate_x86 {
	struct cr_rec rec;
	__le32 size;
	__le32 reserved;
	__le64 xfeatures;
};

/**
 * struct cr_rec_debug_x86 - CR_REC_DEBUG_X86: hardware breakpoints that a tracer
 *	has left behind
 * @addr: DR0 to DR3: user addresses, aligned to the length that @dr7 says
 * @dr6: which were hit: the low 16 bits of DR6 in positive polarity
 * @dr7: which are on, for what, how long, as PTRACE_POKEUSER takes it; 0xffff03ff
 */
#define CR_X86_NR_BREAKPOINTS	4
#define CR_X86_DR6_KNOWN	0xffff
#define CR_X86_DR7_KNOWN	0xffff03ff
struct cr_rec_debug_x86 {
	struct cr_rec rec;
	__le64 addr[CR_X86_NR_BREAKPOINTS];
	__le32 dr6;
	__le32 dr7;
};

enum cr_restart_kind {
	CR_RESTART_NANOSLEEP	= 1,
	CR_RESTART_FUTEX	= 2,
	CR_RESTART_POLL		= 3,
	CR_RESTART_CPU		= 4,	/* a sleep on CPU time */
	CR_RESTART_ALARM	= 5,	/* a sleep that wakes the machine */
};

/**
 * struct cr_rec_restart - CR_REC_RESTART: what restart_syscall() goes on with
 * @kind: enum cr_restart_kind; no record: nothing to restart
 * @clockid: NANOSLEEP: CLOCK_*; CPU: CR_CLOCK_PROCESS_CPU or _THREAD_CPU; ALARM:
 *	CR_CLOCK_REALTIME_ALARM or _BOOTTIME_ALARM; 0 for the others
 * @remaining_ns: time that was left when the job stood still; (u64)-1: no limit
 * @uaddr: NANOSLEEP, CPU, ALARM: where to store what remains, or 0; FUTEX: the
 *	word; POLL: the array
 * @val: FUTEX: expected value; POLL: number of descriptors; CPU: the other thread
 *	of the process whose clock it is, or 0
 * @flags: FUTEX: FLAGS_* of kernel/futex as CR_FUTEX_*; NANOSLEEP: 1 for a
 *	compat timespec (refused); CPU: as cr_rec_timer.cpu
 * @bitset: FUTEX
 */
#define CR_FUTEX_SHARED		0x1
#define CR_FUTEX_CLOCKRT	0x2
struct cr_rec_restart {
	struct cr_rec rec;
	__le32 kind;
	__le32 clockid;
	__le64 remaining_ns;
	__le64 uaddr;
	__le32 val;
	__le32 flags;
	__le32 bitset;
	__le32 reserved;
};

#endif /* _LINUX_CR_IMAGE_TASK_H */
