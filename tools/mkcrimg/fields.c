// SPDX-License-Identifier: GPL-2.0
/*
 * The fields of every record, one row for each: include/linux/cr_image.h says
 * what they mean. Whoever adds a field there adds its row here.
 */
#include <string.h>
#include <endian.h>
#include <linux/kernel.h>
#include <linux/cr_image.h>
#include "fields.h"

#define SIZE(rec, field)	sizeof(((struct rec *)0)->field)
#define F(rec, field, form)						\
	{ #field, offsetof(struct rec, field), SIZE(rec, field), 1, form, NULL }
#define DEC(rec, field)		F(rec, field, FORM_DEC)
#define SIGNED(rec, field)	F(rec, field, FORM_SIGNED)
#define HEX(rec, field)		F(rec, field, FORM_HEX)
#define OCT(rec, field)		F(rec, field, FORM_OCT)
#define TEXT(rec, field)	F(rec, field, FORM_TEXT)
#define BYTES(rec, field)	F(rec, field, FORM_BYTES)

static const char *const gpr_names[CR_X86_NR_REGS] = {
	"r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax",
	"cx", "dx", "si", "di", "orig_ax", "ip", "cs", "flags", "sp", "ss",
	"fs_base", "gs_base", "ds", "es", "fs", "gs",
};

static const struct field head_fields[] = {
	HEX(cr_rec_head, feat_incompat),
	HEX(cr_rec_head, feat_compat),
	DEC(cr_rec_head, nr_objects),
	DEC(cr_rec_head, nr_procs),
	DEC(cr_rec_head, nr_threads),
	DEC(cr_rec_head, page_shift),
	DEC(cr_rec_head, realtime_ns),
	DEC(cr_rec_head, monotonic_ns),
	DEC(cr_rec_head, boottime_ns),
	DEC(cr_rec_head, memory),
	TEXT(cr_rec_head, release),
	TEXT(cr_rec_head, node),
	BYTES(cr_rec_head, boot_id),
};

static const struct field end_fields[] = {
	DEC(cr_rec_end, nr_records),
	HEX(cr_rec_end, records_xxh64),
	HEX(cr_rec_end, header_xxh64),
};

static const struct field pages_fields[] = {
	HEX(cr_rec_pages, addr),
	DEC(cr_rec_pages, len),
	DEC(cr_rec_pages, stored),
	DEC(cr_rec_pages, offset),
	DEC(cr_rec_pages, method),
	DEC(cr_rec_pages, reserved),
	HEX(cr_rec_pages, xxh64),
};

static const struct field vdso_fields[] = {
	DEC(cr_rec_vdso, vvar_size),
	DEC(cr_rec_vdso, text_size),
	HEX(cr_rec_vdso, text_xxh64),
	DEC(cr_rec_vdso, data_size),
	DEC(cr_rec_vdso, reserved),
};

static const struct field cred_fields[] = {
	DEC(cr_rec_cred, uid),
	DEC(cr_rec_cred, euid),
	DEC(cr_rec_cred, suid),
	DEC(cr_rec_cred, fsuid),
	DEC(cr_rec_cred, gid),
	DEC(cr_rec_cred, egid),
	DEC(cr_rec_cred, sgid),
	DEC(cr_rec_cred, fsgid),
	HEX(cr_rec_cred, securebits),
	DEC(cr_rec_cred, nr_groups),
	HEX(cr_rec_cred, cap_inheritable),
	HEX(cr_rec_cred, cap_permitted),
	HEX(cr_rec_cred, cap_effective),
	HEX(cr_rec_cred, cap_bset),
	HEX(cr_rec_cred, cap_ambient),
	DEC(cr_rec_cred, no_new_privs),
	DEC(cr_rec_cred, reserved),
};

static const struct field pipe_fields[] = {
	DEC(cr_rec_pipe, ring_size),
	DEC(cr_rec_pipe, nr_bufs),
};

static const struct field pipe_buf_fields[] = {
	HEX(cr_rec_pipe_buf, flags),
	DEC(cr_rec_pipe_buf, len),
};

static const struct field shm_fields[] = {
	DEC(cr_rec_shm, size),
	DEC(cr_rec_shm, kind),
	DEC(cr_rec_shm, reserved),
	OCT(cr_rec_shm, mode),
	HEX(cr_rec_shm, flags),
	DEC(cr_rec_shm, mtime_ns),
	HEX(cr_rec_shm, seals),
	DEC(cr_rec_shm, reserved2),
};

static const struct field shmid_fields[] = {
	DEC(cr_rec_shmid, shmid),
	HEX(cr_rec_shmid, key),
	OCT(cr_rec_shmid, mode),
	HEX(cr_rec_shmid, flags),
	DEC(cr_rec_shmid, uid),
	DEC(cr_rec_shmid, gid),
	DEC(cr_rec_shmid, cuid),
	DEC(cr_rec_shmid, cgid),
	DEC(cr_rec_shmid, cpid),
	DEC(cr_rec_shmid, lpid),
	DEC(cr_rec_shmid, atime),
	DEC(cr_rec_shmid, dtime),
	DEC(cr_rec_shmid, ctime),
};

static const struct field file_fields[] = {
	DEC(cr_rec_file, kind),
	HEX(cr_rec_file, flags),
	DEC(cr_rec_file, obj),
	DEC(cr_rec_file, fd),
	OCT(cr_rec_file, open_flags),
	OCT(cr_rec_file, mode),
	DEC(cr_rec_file, pos),
	DEC(cr_rec_file, size),
	DEC(cr_rec_file, mtime_ns),
	DEC(cr_rec_file, ino),
	HEX(cr_rec_file, dev),
	HEX(cr_rec_file, rdev),
	DEC(cr_rec_file, owner_kind),
	DEC(cr_rec_file, owner),
	DEC(cr_rec_file, owner_sig),
	DEC(cr_rec_file, async_fd),
};

static const struct field files_fields[] = {
	DEC(cr_rec_files, nr_fds),
	DEC(cr_rec_files, next_fd),
	DEC(cr_rec_files, nr_locks),
	DEC(cr_rec_files, reserved),
	DEC(cr_rec_files, nr_epitems),
	DEC(cr_rec_files, reserved2),
};

static const struct field epitem_fields[] = {
	DEC(cr_rec_epitem, epoll),
	DEC(cr_rec_epitem, file),
	DEC(cr_rec_epitem, fd),
	HEX(cr_rec_epitem, events),
	HEX(cr_rec_epitem, flags),
	DEC(cr_rec_epitem, reserved),
	HEX(cr_rec_epitem, data),
};

static const struct field eventfd_fields[] = {
	DEC(cr_rec_eventfd, count),
	DEC(cr_rec_eventfd, semaphore),
	DEC(cr_rec_eventfd, reserved),
};

static const struct field pty_fields[] = {
	DEC(cr_rec_pty, index),
	HEX(cr_rec_pty, flags),
	OCT(cr_rec_pty, iflag),
	OCT(cr_rec_pty, oflag),
	OCT(cr_rec_pty, cflag),
	OCT(cr_rec_pty, lflag),
	DEC(cr_rec_pty, ispeed),
	DEC(cr_rec_pty, ospeed),
	BYTES(cr_rec_pty, cc),
	DEC(cr_rec_pty, rows),
	DEC(cr_rec_pty, cols),
	DEC(cr_rec_pty, xpixel),
	DEC(cr_rec_pty, ypixel),
	DEC(cr_rec_pty, line),
	HEX(cr_rec_pty, pktstatus),
	OCT(cr_rec_pty, mode),
	DEC(cr_rec_pty, nr_bufs),
	DEC(cr_rec_pty, session),
	DEC(cr_rec_pty, pgrp),
	DEC(cr_rec_pty, uid),
	DEC(cr_rec_pty, gid),
	DEC(cr_rec_pty, column),
	DEC(cr_rec_pty, canon_column),
};

static const struct field pty_buf_fields[] = {
	DEC(cr_rec_pty_buf, kind),
	HEX(cr_rec_pty_buf, flags),
	DEC(cr_rec_pty_buf, len),
	DEC(cr_rec_pty_buf, reserved),
};

static const struct field timerfd_fields[] = {
	DEC(cr_rec_timerfd, clockid),
	HEX(cr_rec_timerfd, flags),
	DEC(cr_rec_timerfd, interval_ns),
	DEC(cr_rec_timerfd, remaining_ns),
	DEC(cr_rec_timerfd, expires_ns),
	DEC(cr_rec_timerfd, ticks),
};

static const struct field signalfd_fields[] = {
	HEX(cr_rec_signalfd, mask),
};

static const struct field pidfd_fields[] = {
	DEC(cr_rec_pidfd, nr),
	HEX(cr_rec_pidfd, flags),
};

static const struct field procfile_fields[] = {
	DEC(cr_rec_procfile, pid),
	DEC(cr_rec_procfile, tid),
	HEX(cr_rec_procfile, flags),
	DEC(cr_rec_procfile, line),
	DEC(cr_rec_procfile, column),
	DEC(cr_rec_procfile, reserved),
};

static const struct field inotify_fields[] = {
	DEC(cr_rec_inotify, next_wd),
	DEC(cr_rec_inotify, nr_watches),
	DEC(cr_rec_inotify, nr_events),
	DEC(cr_rec_inotify, reserved),
};

static const struct field inotify_watch_fields[] = {
	DEC(cr_rec_inotify_watch, wd),
	HEX(cr_rec_inotify_watch, mask),
};

static const struct field inotify_event_fields[] = {
	DEC(cr_rec_inotify_event, wd),
	HEX(cr_rec_inotify_event, mask),
	DEC(cr_rec_inotify_event, cookie),
	DEC(cr_rec_inotify_event, name_len),
};

static const struct field lock_fields[] = {
	DEC(cr_rec_lock, fd),
	DEC(cr_rec_lock, kind),
	DEC(cr_rec_lock, type),
	DEC(cr_rec_lock, reserved),
	DEC(cr_rec_lock, start),
	DEC(cr_rec_lock, end),
};

static const struct field lease_fields[] = {
	DEC(cr_rec_lease, type),
	HEX(cr_rec_lease, flags),
	DEC(cr_rec_lease, fd),
	DEC(cr_rec_lease, pid),
	DEC(cr_rec_lease, break_ns),
	DEC(cr_rec_lease, downgrade_ns),
};

static const struct field fd_fields[] = {
	DEC(cr_rec_fd, fd),
	DEC(cr_rec_fd, file),
	DEC(cr_rec_fd, cloexec),
	DEC(cr_rec_fd, reserved),
};

static const struct field fs_fields[] = {
	OCT(cr_rec_fs, umask),
	DEC(cr_rec_fs, cwd_len),
	DEC(cr_rec_fs, root_len),
	HEX(cr_rec_fs, flags),
};

static const struct field sighand_fields[] = {
	DEC(cr_rec_sighand, nr_actions),
	DEC(cr_rec_sighand, reserved),
};

static const struct field sigaction_fields[] = {
	DEC(cr_rec_sigaction, sig),
	DEC(cr_rec_sigaction, reserved),
	HEX(cr_rec_sigaction, handler),
	HEX(cr_rec_sigaction, flags),
	HEX(cr_rec_sigaction, restorer),
	HEX(cr_rec_sigaction, mask),
};

static const struct field mm_fields[] = {
	DEC(cr_rec_mm, exe),
	DEC(cr_rec_mm, vdso),
	HEX(cr_rec_mm, vdso_addr),
	HEX(cr_rec_mm, start_code),
	HEX(cr_rec_mm, end_code),
	HEX(cr_rec_mm, start_data),
	HEX(cr_rec_mm, end_data),
	HEX(cr_rec_mm, start_brk),
	HEX(cr_rec_mm, brk),
	HEX(cr_rec_mm, start_stack),
	HEX(cr_rec_mm, arg_start),
	HEX(cr_rec_mm, arg_end),
	HEX(cr_rec_mm, env_start),
	HEX(cr_rec_mm, env_end),
	DEC(cr_rec_mm, dumpable),
	DEC(cr_rec_mm, thp_disable),
	DEC(cr_rec_mm, nr_vmas),
	DEC(cr_rec_mm, reserved),
	HEX(cr_rec_mm, mmap_base),
	HEX(cr_rec_mm, membarrier),
	HEX(cr_rec_mm, prctl),
	HEX(cr_rec_mm, coredump_filter),
	DEC(cr_rec_mm, origin),
	HEX(cr_rec_mm, pkeys),
	DEC(cr_rec_mm, reserved2),
	DEC(cr_rec_mm, hiwater_rss),
	DEC(cr_rec_mm, hiwater_vm),
};

static const struct field vma_fields[] = {
	HEX(cr_rec_vma, start),
	HEX(cr_rec_vma, end),
	HEX(cr_rec_vma, pgoff),
	DEC(cr_rec_vma, kind),
	HEX(cr_rec_vma, prot),
	HEX(cr_rec_vma, flags),
	DEC(cr_rec_vma, obj),
};

static const struct field mempolicy_fields[] = {
	HEX(cr_rec_mempolicy, start),
	HEX(cr_rec_mempolicy, end),
	DEC(cr_rec_mempolicy, mode),
	HEX(cr_rec_mempolicy, flags),
	DEC(cr_rec_mempolicy, home),
	DEC(cr_rec_mempolicy, nr_nodes),
};

static const struct field auxv_fields[] = {
	DEC(cr_rec_auxv, nr),
	DEC(cr_rec_auxv, reserved),
};

static const struct field proc_fields[] = {
	DEC(cr_rec_proc, pid),
	DEC(cr_rec_proc, parent),
	DEC(cr_rec_proc, pgid),
	DEC(cr_rec_proc, sid),
	HEX(cr_rec_proc, flags),
	HEX(cr_rec_proc, exit_code),
	DEC(cr_rec_proc, exit_signal),
	DEC(cr_rec_proc, nr_threads),
	SIGNED(cr_rec_proc, oom_score_adj),
	DEC(cr_rec_proc, reserved),
	DEC(cr_rec_proc, utime_ns),
	DEC(cr_rec_proc, stime_ns),
	DEC(cr_rec_proc, cutime_ns),
	DEC(cr_rec_proc, cstime_ns),
	DEC(cr_rec_proc, age_ns),
	HEX(cr_rec_proc, pending),
	TEXT(cr_rec_proc, comm),
	DEC(cr_rec_proc, next_timer),
	HEX(cr_rec_proc, stop_flags),
	DEC(cr_rec_proc, stop_signal),
	DEC(cr_rec_proc, reserved2),
	DEC(cr_rec_proc, settings),
	DEC(cr_rec_proc, images),
};

static const struct field usage_fields[] = {
	DEC(cr_rec_usage, who),
	DEC(cr_rec_usage, reserved),
	DEC(cr_rec_usage, maxrss),
	DEC(cr_rec_usage, min_flt),
	DEC(cr_rec_usage, maj_flt),
	DEC(cr_rec_usage, nvcsw),
	DEC(cr_rec_usage, nivcsw),
	DEC(cr_rec_usage, inblock),
	DEC(cr_rec_usage, oublock),
	DEC(cr_rec_usage, rchar),
	DEC(cr_rec_usage, wchar),
	DEC(cr_rec_usage, syscr),
	DEC(cr_rec_usage, syscw),
	DEC(cr_rec_usage, read_bytes),
	DEC(cr_rec_usage, write_bytes),
	DEC(cr_rec_usage, cancelled_write_bytes),
};

static const struct field itimer_fields[] = {
	DEC(cr_rec_itimer, which),
	DEC(cr_rec_itimer, state),
	DEC(cr_rec_itimer, value_ns),
	DEC(cr_rec_itimer, interval_ns),
};

static const struct field timer_fields[] = {
	DEC(cr_rec_timer, id),
	DEC(cr_rec_timer, clock),
	DEC(cr_rec_timer, cpu),
	DEC(cr_rec_timer, cpu_tid),
	DEC(cr_rec_timer, notify),
	DEC(cr_rec_timer, notify_tid),
	DEC(cr_rec_timer, signo),
	HEX(cr_rec_timer, flags),
	DEC(cr_rec_timer, state),
	DEC(cr_rec_timer, reserved),
	HEX(cr_rec_timer, sigval),
	DEC(cr_rec_timer, value_ns),
	DEC(cr_rec_timer, interval_ns),
	SIGNED(cr_rec_timer, overrun),
	SIGNED(cr_rec_timer, overrun_last),
};

static const struct field rlimit_fields[] = {
	DEC(cr_rec_rlimit, nr),
	DEC(cr_rec_rlimit, reserved),
};

static const struct field cause_fields[] = {
	DEC(cr_rec_cause, sig),
	DEC(cr_rec_cause, class),
};

static const struct field siginfo_fields[] = {
	DEC(cr_rec_siginfo, sig),
	DEC(cr_rec_siginfo, reserved),
};

static const struct field thread_fields[] = {
	DEC(cr_rec_thread, proc),
	DEC(cr_rec_thread, tid),
	DEC(cr_rec_thread, mm),
	DEC(cr_rec_thread, files),
	DEC(cr_rec_thread, fs),
	DEC(cr_rec_thread, sighand),
	DEC(cr_rec_thread, cred),
	HEX(cr_rec_thread, flags),
	HEX(cr_rec_thread, blocked),
	HEX(cr_rec_thread, saved_mask),
	HEX(cr_rec_thread, pending),
	HEX(cr_rec_thread, altstack_sp),
	DEC(cr_rec_thread, altstack_size),
	HEX(cr_rec_thread, altstack_flags),
	SIGNED(cr_rec_thread, nice),
	HEX(cr_rec_thread, robust_list),
	HEX(cr_rec_thread, clear_child_tid),
	HEX(cr_rec_thread, rseq),
	DEC(cr_rec_thread, rseq_len),
	HEX(cr_rec_thread, rseq_sig),
	DEC(cr_rec_thread, policy),
	DEC(cr_rec_thread, rt_priority),
	DEC(cr_rec_thread, pdeath_signal),
	HEX(cr_rec_thread, personality),
	DEC(cr_rec_thread, timer_slack_ns),
	HEX(cr_rec_thread, ioprio),
	DEC(cr_rec_thread, nr_cpus),
	TEXT(cr_rec_thread, comm),
	DEC(cr_rec_thread, vfork),
	DEC(cr_rec_thread, reserved),
};

static const struct field regs_x86_fields[] = {
	{ "gpr", offsetof(struct cr_rec_regs_x86, gpr), 8, CR_X86_NR_REGS,
	  FORM_HEX, gpr_names },
};

static const char *const debugreg_names[CR_X86_NR_BREAKPOINTS] = {
	"dr0", "dr1", "dr2", "dr3",
};

static const struct field debug_x86_fields[] = {
	{ "addr", offsetof(struct cr_rec_debug_x86, addr), 8, CR_X86_NR_BREAKPOINTS,
	  FORM_HEX, debugreg_names },
	HEX(cr_rec_debug_x86, dr6),
	HEX(cr_rec_debug_x86, dr7),
};

static const struct field xstate_x86_fields[] = {
	DEC(cr_rec_xstate_x86, size),
	DEC(cr_rec_xstate_x86, reserved),
	HEX(cr_rec_xstate_x86, xfeatures),
};

static const struct field restart_fields[] = {
	DEC(cr_rec_restart, kind),
	DEC(cr_rec_restart, clockid),
	DEC(cr_rec_restart, remaining_ns),
	HEX(cr_rec_restart, uaddr),
	DEC(cr_rec_restart, val),
	HEX(cr_rec_restart, flags),
	HEX(cr_rec_restart, bitset),
	DEC(cr_rec_restart, reserved),
};

static const struct field sock_fields[] = {
	DEC(cr_rec_sock, type),
	HEX(cr_rec_sock, flags),
	DEC(cr_rec_sock, peer),
	DEC(cr_rec_sock, err),
	HEX(cr_rec_sock, shutdown),
	HEX(cr_rec_sock, options),
	DEC(cr_rec_sock, sndbuf),
	DEC(cr_rec_sock, rcvbuf),
	DEC(cr_rec_sock, rcvlowat),
	DEC(cr_rec_sock, priority),
	DEC(cr_rec_sock, peek_off),
	DEC(cr_rec_sock, linger_s),
	DEC(cr_rec_sock, peer_pid),
	DEC(cr_rec_sock, peer_uid),
	DEC(cr_rec_sock, peer_gid),
	DEC(cr_rec_sock, backlog),
	DEC(cr_rec_sock, rcvtimeo_us),
	DEC(cr_rec_sock, sndtimeo_us),
	DEC(cr_rec_sock, listener),
	DEC(cr_rec_sock, name_len),
	DEC(cr_rec_sock, path_len),
	OCT(cr_rec_sock, mode),
};

static const struct field semundo_fields[] = {
	DEC(cr_rec_semundo, semid),
	HEX(cr_rec_semundo, key),
	DEC(cr_rec_semundo, nsems),
	OCT(cr_rec_semundo, mode),
	DEC(cr_rec_semundo, uid),
	DEC(cr_rec_semundo, gid),
	DEC(cr_rec_semundo, cuid),
	DEC(cr_rec_semundo, cgid),
	DEC(cr_rec_semundo, ctime),
};

static const struct field msgq_fields[] = {
	DEC(cr_rec_msgq, msqid),
	HEX(cr_rec_msgq, key),
	OCT(cr_rec_msgq, mode),
	HEX(cr_rec_msgq, flags),
	DEC(cr_rec_msgq, uid),
	DEC(cr_rec_msgq, gid),
	DEC(cr_rec_msgq, cuid),
	DEC(cr_rec_msgq, cgid),
	DEC(cr_rec_msgq, lspid),
	DEC(cr_rec_msgq, lrpid),
	DEC(cr_rec_msgq, stime),
	DEC(cr_rec_msgq, rtime),
	DEC(cr_rec_msgq, ctime),
	DEC(cr_rec_msgq, qbytes),
	DEC(cr_rec_msgq, nr_msgs),
	DEC(cr_rec_msgq, reserved),
};

static const struct field msg_fields[] = {
	DEC(cr_rec_msg, type),
	DEC(cr_rec_msg, len),
	DEC(cr_rec_msg, reserved),
};

static const struct field semset_fields[] = {
	DEC(cr_rec_semset, semid),
	HEX(cr_rec_semset, key),
	OCT(cr_rec_semset, mode),
	HEX(cr_rec_semset, flags),
	DEC(cr_rec_semset, uid),
	DEC(cr_rec_semset, gid),
	DEC(cr_rec_semset, cuid),
	DEC(cr_rec_semset, cgid),
	DEC(cr_rec_semset, ctime),
	DEC(cr_rec_semset, nsems),
	DEC(cr_rec_semset, reserved),
};

static const struct field auto_fields[] = {
	DEC(cr_rec_auto, leader),
	SIGNED(cr_rec_auto, save_signal),
	SIGNED(cr_rec_auto, end_signal),
	SIGNED(cr_rec_auto, fatal),
	DEC(cr_rec_auto, reserved),
	DEC(cr_rec_auto, reserved2),
};

static const struct field sockq_fields[] = {
	DEC(cr_rec_sockq, sock),
	DEC(cr_rec_sockq, nr_msgs),
	DEC(cr_rec_sockq, dest),
	DEC(cr_rec_sockq, reserved),
};

static const struct field sock_msg_fields[] = {
	DEC(cr_rec_sock_msg, sender),
	HEX(cr_rec_sock_msg, flags),
	DEC(cr_rec_sock_msg, pid),
	DEC(cr_rec_sock_msg, uid),
	DEC(cr_rec_sock_msg, gid),
	DEC(cr_rec_sock_msg, len),
	DEC(cr_rec_sock_msg, nr_files),
	DEC(cr_rec_sock_msg, reserved),
};

#define REC(rec_type, rec, tail_form, table)				\
	{ rec_type, sizeof(struct rec), tail_form, table, ARRAY_SIZE(table) }

static const struct rec_fields recs[] = {
	REC(CR_REC_HEAD, cr_rec_head, TAIL_NONE, head_fields),
	REC(CR_REC_END, cr_rec_end, TAIL_NONE, end_fields),
	REC(CR_REC_PAGES, cr_rec_pages, TAIL_NONE, pages_fields),
	REC(CR_REC_VDSO, cr_rec_vdso, TAIL_BYTES, vdso_fields),
	REC(CR_REC_CRED, cr_rec_cred, TAIL_U32, cred_fields),
	REC(CR_REC_PIPE, cr_rec_pipe, TAIL_TEXT, pipe_fields),
	REC(CR_REC_PIPE_BUF, cr_rec_pipe_buf, TAIL_BYTES, pipe_buf_fields),
	REC(CR_REC_PTY, cr_rec_pty, TAIL_TEXT, pty_fields),
	REC(CR_REC_PTY_BUF, cr_rec_pty_buf, TAIL_BYTES, pty_buf_fields),
	REC(CR_REC_SHM, cr_rec_shm, TAIL_TEXT, shm_fields),
	REC(CR_REC_SHMID, cr_rec_shmid, TAIL_NONE, shmid_fields),
	REC(CR_REC_MSGQ, cr_rec_msgq, TAIL_NONE, msgq_fields),
	REC(CR_REC_MSG, cr_rec_msg, TAIL_BYTES, msg_fields),
	REC(CR_REC_SEMSET, cr_rec_semset, TAIL_U32, semset_fields),
	REC(CR_REC_AUTO, cr_rec_auto, TAIL_TEXT, auto_fields),
	REC(CR_REC_FILE, cr_rec_file, TAIL_TEXT, file_fields),
	REC(CR_REC_EVENTFD, cr_rec_eventfd, TAIL_NONE, eventfd_fields),
	REC(CR_REC_TIMERFD, cr_rec_timerfd, TAIL_NONE, timerfd_fields),
	REC(CR_REC_SIGNALFD, cr_rec_signalfd, TAIL_NONE, signalfd_fields),
	REC(CR_REC_PIDFD, cr_rec_pidfd, TAIL_NONE, pidfd_fields),
	REC(CR_REC_PROCFILE, cr_rec_procfile, TAIL_TEXT, procfile_fields),
	REC(CR_REC_INOTIFY, cr_rec_inotify, TAIL_NONE, inotify_fields),
	REC(CR_REC_INOTIFY_WATCH, cr_rec_inotify_watch, TAIL_TEXT, inotify_watch_fields),
	REC(CR_REC_INOTIFY_EVENT, cr_rec_inotify_event, TAIL_TEXT, inotify_event_fields),
	REC(CR_REC_FILES, cr_rec_files, TAIL_NONE, files_fields),
	REC(CR_REC_FD, cr_rec_fd, TAIL_NONE, fd_fields),
	REC(CR_REC_LOCK, cr_rec_lock, TAIL_NONE, lock_fields),
	REC(CR_REC_LEASE, cr_rec_lease, TAIL_NONE, lease_fields),
	REC(CR_REC_EPITEM, cr_rec_epitem, TAIL_NONE, epitem_fields),
	REC(CR_REC_FS, cr_rec_fs, TAIL_TEXT, fs_fields),
	REC(CR_REC_SIGHAND, cr_rec_sighand, TAIL_NONE, sighand_fields),
	REC(CR_REC_SIGACTION, cr_rec_sigaction, TAIL_NONE, sigaction_fields),
	REC(CR_REC_MM, cr_rec_mm, TAIL_NONE, mm_fields),
	REC(CR_REC_VMA, cr_rec_vma, TAIL_TEXT, vma_fields),
	REC(CR_REC_MEMPOLICY, cr_rec_mempolicy, TAIL_U64, mempolicy_fields),
	REC(CR_REC_AUXV, cr_rec_auxv, TAIL_U64, auxv_fields),
	REC(CR_REC_PROC, cr_rec_proc, TAIL_NONE, proc_fields),
	REC(CR_REC_USAGE, cr_rec_usage, TAIL_NONE, usage_fields),
	REC(CR_REC_RLIMIT, cr_rec_rlimit, TAIL_U64, rlimit_fields),
	REC(CR_REC_ITIMER, cr_rec_itimer, TAIL_NONE, itimer_fields),
	REC(CR_REC_TIMER, cr_rec_timer, TAIL_NONE, timer_fields),
	REC(CR_REC_SEMUNDO, cr_rec_semundo, TAIL_U32, semundo_fields),
	REC(CR_REC_SIGINFO, cr_rec_siginfo, TAIL_BYTES, siginfo_fields),
	REC(CR_REC_THREAD, cr_rec_thread, TAIL_U64, thread_fields),
	REC(CR_REC_REGS_X86, cr_rec_regs_x86, TAIL_NONE, regs_x86_fields),
	REC(CR_REC_XSTATE_X86, cr_rec_xstate_x86,
	    TAIL_BYTES, xstate_x86_fields),
	REC(CR_REC_CAUSE, cr_rec_cause, TAIL_BYTES, cause_fields),
	REC(CR_REC_DEBUG_X86, cr_rec_debug_x86, TAIL_NONE, debug_x86_fields),
	REC(CR_REC_RESTART, cr_rec_restart, TAIL_NONE, restart_fields),
	REC(CR_REC_SOCK, cr_rec_sock, TAIL_BYTES, sock_fields),
	REC(CR_REC_SOCKQ, cr_rec_sockq, TAIL_NONE, sockq_fields),
	REC(CR_REC_SOCK_MSG, cr_rec_sock_msg, TAIL_BYTES, sock_msg_fields),
};

const struct rec_fields *rec_fields(u32 type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(recs); i++)
		if (recs[i].type == type)
			return &recs[i];
	return NULL;
}

u64 field_value(const struct field *f, const void *rec, unsigned int n)
{
	const u8 *p = (const u8 *)rec + f->offset + n * f->size;
	u64 wide;
	u32 half;

	if (f->size == sizeof(half)) {
		memcpy(&half, p, sizeof(half));
		half = le32toh(half);
		return f->form == FORM_SIGNED ? (u64)(s64)(s32)half : half;
	}
	memcpy(&wide, p, sizeof(wide));
	return le64toh(wide);
}
