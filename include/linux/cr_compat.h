/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the older of the supported kernels lacks or calls otherwise, under the
 * newer one's names where that is possible. Force-included into every file
 * outside a kernel tree, and the only place that tests a kernel's version.
 */
#ifndef _LINUX_CR_COMPAT_H
#define _LINUX_CR_COMPAT_H

#include <linux/version.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

/* kernel/futex/futex.h: flags of a restart block. BASE: those of every wait */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define CR_KFUTEX_BASE		0
#define CR_KFUTEX_SHARED	0x01
#define CR_KFUTEX_CLOCKRT	0x02
#define CR_KFUTEX_HAS_TIMEOUT	0x04
#else
#define CR_KFUTEX_BASE		0x0002	/* FLAGS_SIZE_32 */
#define CR_KFUTEX_SHARED	0x0010
#define CR_KFUTEX_CLOCKRT	0x0020
#define CR_KFUTEX_HAS_TIMEOUT	0x0040
#endif

/* 6.3 lets rseq() register more than the original 32 bytes */
#ifdef CONFIG_RSEQ
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define CR_RSEQ_LEN		32
#define cr_rseq_len(task)	((task)->rseq ? CR_RSEQ_LEN : 0)
#define cr_rseq_set_len(task, len)	do { } while (0)
#define cr_rseq_len_valid(len)	((len) == CR_RSEQ_LEN)
#else
#define cr_rseq_len(task)	((task)->rseq_len)
#define cr_rseq_set_len(task, len)	((task)->rseq_len = (len))
#define cr_rseq_len_valid(len)	((len) >= 32)
#endif
#endif

/* 6.12 keeps a process' POSIX timers in a hash list; the newest is first */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define cr_for_each_posix_timer(timer, sig) \
	list_for_each_entry(timer, &(sig)->posix_timers, list)
#define cr_newest_posix_timer(sig) \
	list_first_entry_or_null(&(sig)->posix_timers, struct k_itimer, list)
#else
#define cr_for_each_posix_timer(timer, sig) \
	hlist_for_each_entry(timer, &(sig)->posix_timers, list)
#define cr_newest_posix_timer(sig) \
	hlist_entry_safe((sig)->posix_timers.first, struct k_itimer, list)
#endif

/* What a FIFO that was opened for reading remembers of its writers */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define cr_pipe_counter(file)	((file)->f_version)
#else
#define cr_pipe_counter(file)	((file)->f_pipe)
#endif

/* pipes of 6.1 wait, whatever a single call asks for */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define CR_PIPE_FMODE	((__force fmode_t)0)
#else
#define CR_PIPE_FMODE	FMODE_NOWAIT
#endif

/* ipc/sem.c: how struct sem_undo declares its adjustments */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define cr_semadj		*semadj
#else
#define cr_semadj		semadj[]
#endif

/* 6.6 has user shadow stacks */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define cr_task_has_shstk(task)	false
#else
#include <asm/processor.h>
#ifdef CONFIG_X86_USER_SHADOW_STACK
#define cr_task_has_shstk(task)	((task)->thread.features != 0)
#else
#define cr_task_has_shstk(task)	false
#endif
#endif

/* ---- memory ---- */

/* 6.4 numbers the threads of an mm that run; execve() takes a new number */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define sched_mm_cid_before_execve(task)	do { } while (0)
#define sched_mm_cid_after_execve(task)		do { } while (0)
#endif

/* 6.4 locks mappings one by one */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define vma_start_write(vma)	((void)(vma))
#endif

/* 6.5 tells a page table walk what is locked */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define CR_WALK_RDLOCK
#else
#define CR_WALK_RDLOCK	.walk_lock = PGWALK_RDLOCK,
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <linux/fs.h>
#include <linux/mm.h>

/* Kinds of mappings and bits of an mm that there are not yet */
#define VM_SHADOW_STACK		VM_NONE
#define VM_DROPPABLE		VM_NONE
#define VM_SEALED		VM_NONE
#define MMF_HAS_MDWE		28
#define MMF_HAS_MDWE_NO_INHERIT	29
#define MMF_VM_MERGE_ANY	30
#define PR_SET_MDWE		65
#define PR_MDWE_REFUSE_EXEC_GAIN	(1ul << 0)
#define PR_MDWE_NO_INHERIT	(1ul << 1)
#define PR_SET_MEMORY_MERGE	67
#define mm_lam_cr3_mask(mm)	0ul

/* Does mmap() look for free addresses downwards? */
#define cr_mm_is_topdown(mm)	\
	((mm)->get_unmapped_area == arch_get_unmapped_area_topdown)

/* An overlay's file still shows the overlay's path */
#define file_user_path(file)	(&(file)->f_path)

/* NULL where the table has gone or become a huge page: try again */
static inline pte_t *cr_pte_offset_map_lock(struct mm_struct *mm, pmd_t *pmd,
					    unsigned long addr,
					    spinlock_t **ptl)
{
	pte_t *pte;

	if (pmd_trans_unstable(pmd))
		return NULL;
	pte = pte_offset_map_lock(mm, pmd, addr, ptl);
	__release(*ptl);	/* for sparse: no lock that it sees, as in 6.12 */
	return pte;
}
#undef pte_offset_map_lock
#define pte_offset_map_lock	cr_pte_offset_map_lock

/* mseal() of current's mappings: 6.10 */
static inline int cr_mseal(unsigned long start, size_t len)
{
	return -EOPNOTSUPP;
}
#else
#include <linux/ptrace.h>

#define cr_mm_is_topdown(mm)	test_bit(MMF_TOPDOWN, &(mm)->flags)

asmlinkage long __x64_sys_mseal(const struct pt_regs *regs);

static inline int cr_mseal(unsigned long start, size_t len)
{
	const struct pt_regs args = { .di = start, .si = len };

	return __x64_sys_mseal(&args);
}
#endif

/* 6.3 has memfds that are not to be executed. CR_SEAL_* of cr_image.h */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define MFD_NOEXEC_SEAL		0x0008U
#define CR_MFD_EXEC		0
#define CR_SEALS_SUPPORTED	0x1fu
#else
#define CR_MFD_EXEC		0x0010U
#define CR_SEALS_SUPPORTED	0x3fu
#endif

/* ---- files ---- */

#include <linux/fs.h>

/*
 * Nobody who watches it is told what is done with the file. 6.14 has a second
 * bit, set where nobody asks for permission, with which the first one means less;
 * it went to the stable kernels of 6.12, too.
 */
static inline void cr_file_silence(struct file *file)
{
#ifdef FMODE_FSNOTIFY_MASK
	file->f_mode &= ~FMODE_FSNOTIFY_MASK;
#endif
	file->f_mode |= FMODE_NONOTIFY;
}

/* Drop a reference to a file unless it is the last one. 6.13 counts otherwise */
#define cr_file_put_shared(file) \
	atomic_long_add_unless(&(file)->f_count, -1, 1)

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
/* A lock's owner and list are not yet a structure of their own */
#define file_lock_core		file_lock
#define flc_list		fl_list
#define flc_owner		fl_owner
#define flc_file		fl_file
#define flc_type		fl_type
#define flc_pid			fl_pid
#define flc_flags		fl_flags
#define cr_file_lock(core)	(core)
#define cr_file_lock_core(lock)	(lock)

/* A lease is a lock */
#define file_lease		file_lock
#define cr_file_lease(core)	(core)

/* Every file has room for an owner */
#define file_f_owner(file)	(&(file)->f_owner)

#define PID_FS_MAGIC		0x50494446

#define inode_get_mtime(inode)	((inode)->i_mtime)
#define file_f_owner_allocate(file)	0
#else
#include <linux/filelock.h>	/* was part of fs.h */
#define cr_file_lock(core)	container_of(core, struct file_lock, c)
#define cr_file_lock_core(lock)	(&(lock)->c)
#define cr_file_lease(core)	container_of(core, struct file_lease, c)
#endif

/* 6.9 has pidfds of threads */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define CR_HAS_PIDFD_THREAD	0
#define PIDFD_THREAD		O_EXCL

#include <linux/anon_inodes.h>
#include <linux/pid.h>

/* pidfd_prepare() without the check that somebody has the number, and without a descriptor */
static inline struct file *cr_pidfd_alloc_file(struct pid *pid, unsigned int flags)
{
	struct file *file = anon_inode_getfile("[pidfd]", &pidfd_fops, pid,
					       flags | O_RDWR | O_CLOEXEC);

	if (!IS_ERR(file))
		get_pid(pid);
	return file;
}
#else
#define CR_HAS_PIDFD_THREAD	1

#include <linux/pidfs.h>
#include <uapi/linux/pidfd.h>

static inline struct file *cr_pidfd_alloc_file(struct pid *pid, unsigned int flags)
{
	struct file *file = pidfs_alloc_file(pid, flags | O_RDWR);

	/* opening knows another meaning of it */
	if (!IS_ERR(file))
		file->f_flags |= flags & PIDFD_THREAD;
	return file;
}
#endif

/* ---- sockets ---- */

/* Urgent data of a UNIX socket, if the kernel has such a thing */
#if IS_ENABLED(CONFIG_AF_UNIX_OOB)
#define cr_unix_oob(u)	READ_ONCE((u)->oob_skb)
#else
#define cr_unix_oob(u)	NULL
#endif

/* 6.3 has id maps that are not user namespaces */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define mnt_idmap(mnt)	mnt_user_ns(mnt)
#endif

/* 6.5 passes pidfds */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define SOCK_PASSPIDFD	7
#define SO_PASSPIDFD	76
#endif

/* ---- structures of anonymous files: checked against their fdinfo ---- */

#include <linux/alarmtimer.h>
#include <linux/fsnotify_backend.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/wait.h>
#include <uapi/linux/eventpoll.h>

/* fs/eventfd.c: struct eventfd_ctx, as far as it is used */
struct cr_eventfd_ctx {
	struct kref kref;
	wait_queue_head_t wqh;
	__u64 count;
	unsigned int flags;
};

/* fs/timerfd.c: struct timerfd_ctx */
struct cr_timerfd_ctx {
	union {
		struct hrtimer tmr;
		struct alarm alarm;
	} t;
	ktime_t tintv;
	ktime_t moffs;
	wait_queue_head_t wqh;
	u64 ticks;
	int clockid;
	short unsigned int expired;
	short unsigned int settime_flags;
	struct rcu_head rcu;
	struct list_head clist;
	spinlock_t cancel_lock;
	bool might_cancel;
};

/* fs/notify/inotify/inotify.h: a mark; an event, which begins with its list */
#define cr_inotify_mark(mark)	((const struct cr_inotify_mark *)(mark))
struct cr_inotify_mark {
	struct fsnotify_mark fsn_mark;
	int wd;
};

struct cr_inotify_event {
	struct list_head list;
	u32 mask;
	int wd;
	u32 sync_cookie;
	int name_len;
	char name[];
};

/* The inode that a mark is on; 6.11 has a pointer to it in its place */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define cr_fsnotify_inode(conn)	\
	container_of((conn)->obj, struct inode, i_fsnotify_marks)
#else
#define cr_fsnotify_inode(conn)	((struct inode *)(conn)->obj)
#endif

/* fs/eventpoll.c: struct eventpoll, as far as it is used */
struct cr_eventpoll {
	struct mutex mtx;
};

/* struct eppoll_entry and struct epitem */
struct cr_epoll_entry {
	struct cr_epoll_entry *next;
	void *base;
	wait_queue_entry_t wait;
	wait_queue_head_t *whead;
};

struct cr_epitem {
	union {
		struct rb_node rbn;
		struct rcu_head rcu;
	};
	struct list_head rdllink;
	void *next;
	struct {
		struct file *file;
		int fd;
	} __packed ffd;
	bool dying;
	struct cr_epoll_entry *pwqlist;
	void *ep;
	struct hlist_node fllink;
	void *ws;
	struct epoll_event event;
};

/* ---- structures of procfs: checked against the file they belong to ---- */

#include <linux/path.h>

struct mnt_namespace;

/* fs/proc/internal.h: struct proc_maps_private, as far as it is used */
struct cr_proc_maps {
	struct inode *inode;
	struct task_struct *task;
	struct mm_struct *mm;
};

/* fs/mount.h: struct proc_mounts, as far as it is used */
struct cr_proc_mounts {
	struct mnt_namespace *ns;
	struct path root;
};

/* ---- structures of terminals: checked against the settings ---- */

#include <linux/bitmap.h>

/* drivers/tty/n_tty.c: struct n_tty_data. N_TTY_BUF_SIZE is 4096 */
struct cr_n_tty_data {
	size_t read_head;
	size_t commit_head;
	size_t canon_head;
	size_t echo_head;
	size_t echo_commit;
	size_t echo_mark;
	DECLARE_BITMAP(char_map, 256);
	unsigned long overrun_time;
	unsigned int num_overrun;
	bool no_room;
	unsigned char lnext:1, erasing:1, raw:1, real_raw:1, icanon:1;
	unsigned char push:1;
	u8 read_buf[4096];
	DECLARE_BITMAP(read_flags, 4096);
	u8 echo_buf[4096];
	size_t read_tail;
	size_t line_start;
	size_t lookahead_count;
	unsigned int column;
	unsigned int canon_column;
	size_t echo_tail;
};

/* 6.4 gives drivers threads within a user's process, as io_uring has them */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define CR_PF_WORKERS		PF_IO_WORKER
#else
#define CR_PF_WORKERS		(PF_IO_WORKER | PF_USER_WORKER)
#endif

/* 6.12: current's signals only */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define CR_DEQUEUE_SIGNAL_PARAMS	struct task_struct *task, \
	sigset_t *mask, kernel_siginfo_t *info, enum pid_type *type
#define cr_dequeue_signal(mask, info, type) \
	dequeue_signal(current, mask, info, type)
#else
#define CR_DEQUEUE_SIGNAL_PARAMS	\
	sigset_t *mask, kernel_siginfo_t *info, enum pid_type *type
#define cr_dequeue_signal(mask, info, type)	dequeue_signal(mask, info, type)
#endif

/* 6.2 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define ftrace_regs_set_instruction_pointer(fregs, ip) \
	ftrace_instruction_pointer_set(fregs, ip)
#endif

/* 6.6 is told how long a table is; 6.11 does not let handlers change it */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define register_sysctl_sz(path, table, size)	register_sysctl(path, table)
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define cr_ctl_table		struct ctl_table
#else
#define cr_ctl_table		const struct ctl_table
#endif

#endif /* _LINUX_CR_COMPAT_H */
