/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/crimg: isolate a job, save it, let it go.
 *
 * The three steps are apart so that somebody outside can isolate several jobs,
 * save all, release all. close() of the handle releases the job, so a saver
 * that dies leaves a running job behind.
 */
#ifndef _UAPI_LINUX_CR_H
#define _UAPI_LINUX_CR_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define CR_DEVICE		"/dev/crimg"

/* Longest report: one line for each blocker, NUL-terminated */
#define CR_REPORT_MAX		(1u << 20)

/**
 * struct cr_ioc_isolate - argument of CR_IOC_ISOLATE and CR_IOC_CHECK
 * @pidfd: of the job's leader, or of the keeper of a restarted job
 * @flags: 0
 * @timeout_ms: how long to wait for critical sections to end, and then for the job to
 *	stand still; at most an hour each; 0: a minute, and 10 s
 * @report_len: bytes at @report
 * @report: address of a buffer that takes the reasons of a failure
 * @nr_procs: out: processes of the job, zombies included
 * @nr_threads: out: threads
 * @memory: out: bytes of memory that a save will look at, an estimate
 * @leader_pid: out: pid of the leader in the caller's namespace
 * @reserved: 0
 *
 * CR_IOC_ISOLATE returns a descriptor, the handle; the job then stands still.
 * CR_IOC_CHECK only looks for what would keep the job from being saved; the job
 * runs on. Errors: EOPNOTSUPP the report lists the blockers; EPERM not allowed
 * to trace a task; ESRCH no such process; EBUSY somebody else holds the job;
 * EDEADLK the caller is of the job; EINVAL a field that is not as above; ETIMEDOUT a
 * task did not stop, or is in a critical section, the report names it.
 */
struct cr_ioc_isolate {
	__s32 pidfd;
	__u32 flags;
	__u32 timeout_ms;
	__u32 report_len;
	__u64 report;
	__u32 nr_procs;
	__u32 nr_threads;
	__u64 memory;
	__s32 leader_pid;
	__u32 reserved;
};

/* cr_ioc_save.flags: carry executables, libraries and other mapped files along */
#define CR_SAVE_WITH_FILES	0x1

/**
 * struct cr_ioc_save - argument of CR_IOC_SAVE, on a handle
 * @fd: regular file, opened for reading and writing, empty
 * @flags: CR_SAVE_*
 * @report_len: bytes at @report
 * @reserved: 0
 * @report: address of a buffer that takes the reason of a failure
 * @stored: out: size of the image, bytes
 * @memory: out: bytes of memory in it, uncompressed
 * @stopped_ns: out: how long the job has stood still so far
 */
struct cr_ioc_save {
	__s32 fd;
	__u32 flags;
	__u32 report_len;
	__u32 reserved;
	__u64 report;
	__u64 stored;
	__u64 memory;
	__u64 stopped_ns;
};

/* argument of CR_IOC_RELEASE, on a handle */
#define CR_RELEASE_CONTINUE	0
#define CR_RELEASE_STOP		1	/* SIGSTOP to every process */
#define CR_RELEASE_KILL		2	/* SIGKILL to every process */

/**
 * struct cr_ioc_error - argument of CR_IOC_LAST_ERROR
 * @pid: 0 for the caller, or a process that failed to execute an image
 * @report_len: bytes at @report
 * @report: address of a buffer that takes the reason
 *
 * Why the last execve() of an image by this process failed. Own errors only, or
 * those of the same user. ENOENT: there is none.
 */
struct cr_ioc_error {
	__s32 pid;
	__u32 report_len;
	__u64 report;
};

/**
 * struct cr_ioc_self - argument of CR_IOC_SAVE_SELF
 * @pattern: address of the image's name, which may have the tokens of
 *	kernel.crimg_pattern; 0: the pattern of the job (CR_IOC_AUTO), or that one
 * @report: address of a buffer that takes the reasons of a failure
 * @report_len: bytes at @report
 * @flags: 0
 *
 * The caller's job is saved, as a signal would have it saved. Returns 0 when the
 * image is on the disk, and 1 in the job that was restarted from it, as fork()
 * returns twice. Errors: EBUSY the job is being saved already; ENOENT there is no
 * pattern; EINVAL it has an unknown token; EPERM not allowed to trace the leader;
 * EDEADLK the thread is in a critical section; ETIMEDOUT too many others are being
 * saved; those of CR_IOC_ISOLATE and CR_IOC_SAVE.
 */
struct cr_ioc_self {
	__u64 pattern;
	__u64 report;
	__u32 report_len;
	__u32 flags;
};

/* cr_ioc_auto.flags: the process and all that have its settings have those of the sysctls again */
#define CR_AUTO_FORGET		0x1

/**
 * struct cr_ioc_auto - argument of CR_IOC_AUTO: how a job is saved by itself
 * @pidfd: of the job's leader, which is declared so
 * @flags: CR_AUTO_*
 * @save_signal: the signal that means "save the job, and go on"; 0: none; -1: as
 *	kernel.crimg_signal says
 * @end_signal: ... "save it, then end"; likewise, kernel.crimg_end_signal
 * @fatal: 1: signals that dump core leave an image; likewise, kernel.crimg_fatal
 * @reserved: 0
 * @pattern: address of the pattern of its names; 0: kernel.crimg_pattern
 *
 * For the process and its descendants, those to come, too. Errors: EPERM not
 * allowed to trace it; EINVAL no such signal, or token; ENOENT nothing to forget;
 * ENAMETOOLONG more than 127 bytes; EBUSY signals cannot be caught here.
 */
struct cr_ioc_auto {
	__s32 pidfd;
	__u32 flags;
	__s32 save_signal;
	__s32 end_signal;
	__s32 fatal;
	__u32 reserved;
	__u64 pattern;
};

/*
 * argument of CR_IOC_CRITICAL, on an open CR_DEVICE: the calling thread is in a
 * section that no save interrupts. A save waits for its end, or fails when its time
 * is over; a signal that is to have the job saved comes then. It ends with CR_CRITICAL_END, or when
 * the last descriptor of that file is closed. Errors: EALREADY it is in one; EINVAL it is in none
 */
#define CR_CRITICAL_END		0
#define CR_CRITICAL_BEGIN	1

#define CR_IOC_ISOLATE		_IOWR('R', 0xc0, struct cr_ioc_isolate)
#define CR_IOC_CHECK		_IOWR('R', 0xc1, struct cr_ioc_isolate)
#define CR_IOC_SAVE		_IOWR('R', 0xc2, struct cr_ioc_save)
#define CR_IOC_RELEASE		_IO('R', 0xc3)
#define CR_IOC_LAST_ERROR	_IOWR('R', 0xc4, struct cr_ioc_error)
#define CR_IOC_SAVE_SELF	_IOW('R', 0xc5, struct cr_ioc_self)
#define CR_IOC_CRITICAL		_IO('R', 0xc6)
#define CR_IOC_AUTO		_IOW('R', 0xc7, struct cr_ioc_auto)

#endif /* _UAPI_LINUX_CR_H */
