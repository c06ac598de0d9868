/* SPDX-License-Identifier: GPL-2.0 */
/* Inside of cr_image_check(): what kernel/cr_check*.c share. */
#ifndef _KERNEL_CR_CHECK_H
#define _KERNEL_CR_CHECK_H

#include <linux/types.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include <linux/cr_reader.h>

#define CR_PAGE_SHIFT	12
#define CR_PAGE_SIZE	(1ull << CR_PAGE_SHIFT)
/* First address that user space cannot have: 47 bits less the guard page */
#define CR_TASK_SIZE	0x7ffffffff000ull
#define CR_PID_MAX	4194304u
#define CR_NSIG		64

/* A number that names a task: who has it */
struct cr_check_id {
	u32 nr;
	u32 proc;	/* id of the PROC that it is the pid of, or 0 */
};

/* A number of a group or session whose leader is gone: who says so */
struct cr_check_gone {
	u32 nr;
	u32 sid;	/* the session that it is, or is in; 0: one outside */
	u32 rec;	/* number of the record */
};

/**
 * struct cr_check - one run of cr_image_check()
 * @img: what is checked
 * @file_size: size of the file that PAGES point into
 * @log: takes the reason
 * @nr: number of the record at hand, for messages; HEAD is 0
 * @type: its type
 * @obj_nr: number of the record that declares the object at hand, or of its
 *	first page run
 * @ids: pids and tids, @nr_ids of them, room for all that HEAD announces
 * @gone: groups and sessions, @nr_gone of them; when all objects are checked
 * @mm_of: [id] of a SIGHAND: the MM of the first thread that uses it
 * @proc: id of the last PROC; its record is @proc_rec
 * @threads_left: THREAD records that must follow now
 * @proc_mm, @proc_sighand: what the threads of @proc share
 * @memory: bytes in all page runs so far
 * @caused: a CAUSE has been there
 */
struct cr_check {
	const struct cr_image *img;
	u64 file_size;
	struct cr_log *log;
	u32 nr;
	u32 type;
	u32 obj_nr;
	struct cr_check_id *ids;
	u32 nr_ids;
	struct cr_check_gone *gone;
	u32 nr_gone;
	u32 *mm_of;
	u32 nr_procs;
	u32 nr_threads;
	u32 proc;
	struct cr_rec_proc proc_rec;
	u32 threads_left;
	u32 proc_mm;
	u32 proc_sighand;
	u64 memory;
	bool caused;
	u32 nr_settings;
};

/* Say what is wrong with the record at hand; value: the error */
#define cr_check_err(c, err, fmt, ...)					\
	cr_err((c)->log, err, "record %u (%s): " fmt, (c)->nr,		\
	       cr_rec_name((c)->type), ##__VA_ARGS__)
/* Damaged; a kind of thing that this reader does not know */
#define cr_bad(c, ...)		cr_check_err(c, -EBADMSG, __VA_ARGS__)
#define cr_unknown(c, ...)	cr_check_err(c, -EOPNOTSUPP, __VA_ARGS__)

static inline unsigned long long cr_ull(__le64 x)
{
	return le64_to_cpu(x);
}

/* Set the record that messages name to the one that @it is at */
static inline void cr_check_at(struct cr_check *c,
			       const struct cr_detail_iter *it)
{
	c->nr = c->obj_nr + 1 + c->img->objs[it->view.id].nr_details - it->left;
	c->type = it->view.type;
	cond_resched();
}

/* Back to the object itself */
static inline void cr_check_at_obj(struct cr_check *c, u32 id)
{
	c->nr = c->obj_nr;
	c->type = c->img->objs[id].type;
}

/* kernel/cr_check.c: what several kinds of records need */
int cr_check_ref(struct cr_check *c, u32 id, __le32 ref, u32 type,
		 const char *what);
int cr_check_zero(struct cr_check *c, __le32 reserved);
int cr_check_mask(struct cr_check *c, u64 value, u64 known, const char *what);
int cr_check_addr(struct cr_check *c, __le64 addr, const char *what);
int cr_check_tail(struct cr_check *c, const struct cr_view *v, u64 len);
int cr_check_name(struct cr_check *c, const char *name, size_t len,
		  const char *what);
int cr_check_path(struct cr_check *c, const char *path, size_t len,
		  const char *what);

/* One function for each object type: the record and its details */
int cr_vdso_check(struct cr_check *c, u32 id);
int cr_cred_check(struct cr_check *c, u32 id);
int cr_pipe_check(struct cr_check *c, u32 id);
int cr_shm_check(struct cr_check *c, u32 id);
int cr_sock_check(struct cr_check *c, u32 id);
int cr_sockq_check(struct cr_check *c, u32 id);

/* kernel/cr_check_ipc.c */
int cr_msgq_check(struct cr_check *c, u32 id);
int cr_semset_check(struct cr_check *c, u32 id);
int cr_auto_check(struct cr_check *c, u32 id);

/* kernel/cr_check_pty.c */
int cr_pty_check(struct cr_check *c, u32 id);
int cr_file_check(struct cr_check *c, u32 id);
int cr_files_check(struct cr_check *c, u32 id);
int cr_fs_check(struct cr_check *c, u32 id);
int cr_sighand_check(struct cr_check *c, u32 id);
int cr_mm_check(struct cr_check *c, u32 id);
int cr_proc_check(struct cr_check *c, u32 id);
int cr_thread_check(struct cr_check *c, u32 id);

/* kernel/cr_check_sock.c: @ref must be a socket that has a file */
int cr_check_open_sock(struct cr_check *c, u32 id, __le32 ref,
		       const char *what);

/* kernel/cr_check_signal.c */
int cr_sigmask_check(struct cr_check *c, __le64 mask, const char *what);
int cr_pending_check(struct cr_check *c, __le64 pending);
int cr_siginfo_check(struct cr_check *c, const struct cr_detail_iter *it,
		     __le64 pending);
int cr_restart_check(struct cr_check *c, const struct cr_detail_iter *it);

/*
 * kernel/cr_check_timer.c: timers of a process. @last: which one came before,
 * -1 at first; @nr: how many there were
 */
int cr_itimer_check(struct cr_check *c, const struct cr_detail_iter *it,
		    s64 *last);
int cr_timer_check(struct cr_check *c, const struct cr_detail_iter *it,
		   s64 *last, u32 *nr);

/*
 * kernel/cr_check_usage.c: counts of what was used; a USAGE of a PROC or THREAD.
 * @last: whose came before, -1 at first
 */
int cr_usage_max_check(struct cr_check *c, const __le64 *counts, size_t nr);
int cr_usage_check(struct cr_check *c, const struct cr_detail_iter *it,
		   bool thread, s64 *last);

/* kernel/cr_check_anon.c: the detail of a FILE of a kind that has one */
int cr_inotify_check(struct cr_check *c, u32 id);
int cr_anon_check(struct cr_check *c, const struct cr_detail_iter *it);
/*
 * kernel/cr_check_lock.c: a LOCK of a FILES, for whose descriptor @fds moves on;
 * the one detail of FILE @id, a REG
 */
int cr_lock_check(struct cr_check *c, const struct cr_detail_iter *it,
		  struct cr_detail_iter *fds);
int cr_lease_check(struct cr_check *c, u32 id, const struct cr_rec_file *file);
int cr_flock_check(struct cr_check *c, const struct cr_rec_file *file);
/*
 * kernel/cr_check_mempolicy.c: a MEMPOLICY, but for the range that it is for; one
 * of a range of a file, behind @last, which moves on
 */
int cr_mempolicy_check(struct cr_check *c, const struct cr_detail_iter *it,
		       u64 *start, u64 *end);
int cr_mempolicy_range_check(struct cr_check *c,
			     const struct cr_detail_iter *it, u64 *last);
/* kernel/cr_check_procfile.c: the PROCFILE of FILE @id */
int cr_procfile_check(struct cr_check *c, u32 id,
		      const struct cr_detail_iter *it);
/* An EPITEM of FILES @id */
int cr_epitem_check(struct cr_check *c, u32 id,
		    const struct cr_detail_iter *it);

/* kernel/cr_check_x86.c: a thread's registers */
int cr_regs_check(struct cr_check *c, const struct cr_detail_iter *it);
int cr_xstate_check(struct cr_check *c, const struct cr_detail_iter *it);
int cr_debug_check(struct cr_check *c, const struct cr_detail_iter *it);
int cr_cause_check(struct cr_check *c, const struct cr_detail_iter *it);

/* When all objects are checked: page runs of an object; all ids */
int cr_pages_check(struct cr_check *c, u32 id);
int cr_ids_check(struct cr_check *c);

#endif /* _KERNEL_CR_CHECK_H */
