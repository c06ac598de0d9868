/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/* The checkpoint image: records of open files, and of who has them open. */
#ifndef _LINUX_CR_IMAGE_FILE_H
#define _LINUX_CR_IMAGE_FILE_H

#include <linux/cr_image.h>

/* What an open file description is */
enum cr_file_kind {
	CR_FILE_REG		= 1,	/* regular file with a name */
	CR_FILE_DIR		= 2,
	CR_FILE_CHR		= 3,	/* /dev/null and its like: see @rdev */
	CR_FILE_PIPE		= 4,	/* end of pipe @obj, which has no name */
	CR_FILE_OUTSIDE		= 5,	/* terminal or pipe outside the job:
					 * bound to the restarter's @fd */
	CR_FILE_SHM		= 6,	/* opened unlinked file: @obj */
	CR_FILE_SOCK		= 7,	/* open socket @obj */
	CR_FILE_OPATH		= 8,	/* O_PATH: of any type of inode */
	CR_FILE_EVENTFD		= 9,	/* its state is an EVENTFD */
	CR_FILE_TIMERFD		= 10,	/* its state is a TIMERFD */
	CR_FILE_SIGNALFD	= 11,	/* its state is a SIGNALFD */
	CR_FILE_EPOLL		= 12,	/* its entries are EPITEM of a FILES */
	CR_FILE_FIFO		= 13,	/* a FIFO: @obj is a pipe with a name */
	CR_FILE_INOTIFY		= 14,	/* its state is an INOTIFY and what follows */
	CR_FILE_PIDFD		= 15,	/* its state is a PIDFD */
	CR_FILE_PTY_MASTER	= 16,	/* of pseudo-terminal @obj; one for each */
	CR_FILE_PTY_SLAVE	= 17,	/* of pseudo-terminal @obj */
	CR_FILE_PTY_HUNGUP	= 18,	/* a slave whose master is closed */
	CR_FILE_PROCFILE	= 19,	/* file or directory of procfs, for reading
					 * only: see its PROCFILE */
};

/* cr_rec_file.flags */
#define CR_FILE_MAPPED		0x1	/* mapped: size and mtime must match */
#define CR_FILE_EXE		0x2	/* REG, SHM: the executable of some MM */
#define CR_FILE_VERIFY		0x4	/* opened for reading only: as MAPPED */
#define CR_FILE_TTY		0x8	/* OUTSIDE: it was a terminal */
#define CR_FILE_ASYNC		0x100	/* O_ASYNC; not OUTSIDE */
#define CR_FILE_FRESH		0x200	/* FIFO, for reading only: no writer has
					 * come since it was opened */
#define CR_FILE_LEASE		0x400	/* REG: a LEASE follows */
#define CR_FILE_FLOCK_SH	0x800	/* REG, only mapped: locked by flock(); */
#define CR_FILE_FLOCK_EX	0x1000	/* EBUSY if somebody else holds it */

/* cr_rec_file.fd of what no descriptor led to: it was in flight (SCM_RIGHTS) */
#define CR_FD_IN_FLIGHT		0x7fffffffu

/* cr_rec_file.owner_kind */
enum cr_owner_kind {
	CR_OWNER_NONE		= 0,
	CR_OWNER_THREAD		= 1,
	CR_OWNER_PROC		= 2,
	CR_OWNER_GROUP		= 3,
};

/**
 * struct cr_rec_file - CR_REC_FILE: an open file description
 * @rec: declares the object; the detail follows that its kind or LEASE names, if
 *	any
 * @kind: enum cr_file_kind
 * @flags: CR_FILE_*
 * @obj: id of the PIPE, SHM, SOCK or PTY behind it; REG, open for reading only,
 *	with MAPPED or EXE: 0, or the SHM of kind CARRIED that is taken if the
 *	file is not the same any more; 0 for other kinds
 * @fd: OUTSIDE: the descriptor of the restarter that takes its place, or
 *	CR_FD_IN_FLIGHT: there was none
 * @open_flags: O_ACCMODE and O_APPEND, O_NONBLOCK, O_DIRECT, O_NOATIME,
 *	O_LARGEFILE, O_DSYNC, O_SYNC, O_DIRECTORY, O_NOFOLLOW; others are refused
 * @mode: S_IFMT and permissions of the inode when it was saved
 * @pos: file position, >= 0
 * @size: of the file when it was saved
 * @mtime_ns: its modification time since the epoch, ns
 * @ino: its inode number; informative
 * @dev: its device, as struct stat in user space shows it; informative, but
 *	for OUTSIDE, where descriptors of one terminal have the same
 * @rdev: CHR: device number as st_rdev; must match
 * @owner_kind: enum cr_owner_kind: who gets signals (F_SETOWN); not OUTSIDE
 * @owner: number of a task of the job; GROUP: of a process, for its group
 * @owner_sig: 0 to 64: F_SETSIG; not OUTSIDE
 * @async_fd: ASYNC: the descriptor that a signal tells
 *
 * Tail: REG, DIR, CHR, OPATH, FIFO, PROCFILE: absolute path with its NUL. Others:
 * what it was, with NUL, for messages.
 */
struct cr_rec_file {
	struct cr_rec rec;
	__le32 kind;
	__le32 flags;
	__le32 obj;
	__le32 fd;
	__le32 open_flags;
	__le32 mode;
	__le64 pos;
	__le64 size;
	__le64 mtime_ns;
	__le64 ino;
	__le64 dev;
	__le64 rdev;
	__le32 owner_kind;
	__le32 owner;
	__le32 owner_sig;
	__le32 async_fd;
};

/**
 * struct cr_rec_eventfd - CR_REC_EVENTFD
 * @rec: id of the FILE
 * @count: 0 to 2^64 - 2, as write() can make it
 * @semaphore: 0 or 1: EFD_SEMAPHORE
 * @reserved: 0
 */
struct cr_rec_eventfd {
	struct cr_rec rec;
	__le64 count;
	__le32 semaphore;
	__le32 reserved;
};

/**
 * struct cr_rec_timerfd - CR_REC_TIMERFD
 * @rec: id of the FILE
 * @clockid: CLOCK_REALTIME, MONOTONIC, BOOTTIME, REALTIME_ALARM, BOOTTIME_ALARM;
 *	an alarm needs CAP_WAKE_ALARM
 * @flags: as timerfd_settime() took them: 1 TFD_TIMER_ABSTIME, 2
 *	TFD_TIMER_CANCEL_ON_SET
 * @interval_ns: 0: it expires once
 * @remaining_ns: until it expires; 0: it is not armed
 * @expires_ns: armed, REALTIME, REALTIME_ALARM with TFD_TIMER_ABSTIME: the date,
 *	since the epoch, which is kept; otherwise 0
 * @ticks: expirations that nobody has read yet
 */
struct cr_rec_timerfd {
	struct cr_rec rec;
	__le32 clockid;
	__le32 flags;
	__le64 interval_ns;
	__le64 remaining_ns;
	__le64 expires_ns;
	__le64 ticks;
};

/**
 * struct cr_rec_signalfd - CR_REC_SIGNALFD
 * @rec: id of the FILE
 * @mask: signals that it reads, bit n-1 is signal n; not SIGKILL, not SIGSTOP
 */
struct cr_rec_signalfd {
	struct cr_rec rec;
	__le64 mask;
};

/**
 * struct cr_rec_pidfd - CR_REC_PIDFD
 * @rec: id of the FILE
 * @nr: number of a process of the job, be it a zombie; THREAD: of a task
 * @flags: CR_PIDFD_*
 *
 * EOPNOTSUPP if there is no such task before the job runs: in place the leader
 * has no other threads then.
 */
struct cr_rec_pidfd {
	struct cr_rec rec;
	__le32 nr;
	__le32 flags;
};

#define CR_PIDFD_THREAD		0x1	/* EOPNOTSUPP before Linux 6.9 */

/**
 * struct cr_rec_procfile - CR_REC_PROCFILE
 * @rec: id of the FILE, whose path is that of a procfs, then /@pid, /task/@tid, and
 *	the tail
 * @pid: number of a task of the job, in whose directory it is; 0: it is of none
 * @tid: of a thread of @pid, through whose directory below task it was opened;
 *	0: through none
 * @flags: CR_PROCFILE_*
 * @line: LINE: number of lines before the position; otherwise 0
 * @column: LINE: bytes of its line before it; otherwise 0
 * @reserved: 0
 *
 * Tail: path below that, with its NUL: no empty components, no "." and "..";
 * nothing but the NUL: the directory itself. No link is followed.
 *
 * Opened by the restarter's right when the task is there, in a procfs of the pid
 * namespace that the tasks have their numbers in.
 */
struct cr_rec_procfile {
	struct cr_rec rec;
	__le32 pid;
	__le32 tid;
	__le32 flags;
	__le32 line;
	__le32 column;
	__le32 reserved;
};

/* A text that the kernel makes as a whole, whose lines change their lengths */
#define CR_PROCFILE_LINE	0x1	/* the position is in @line, at @column */
#define CR_PROCFILE_END		0x2	/* the position is its end */

/**
 * struct cr_rec_inotify - CR_REC_INOTIFY
 * @rec: id of the FILE; followed by @nr_watches INOTIFY_WATCH, ascending by
 *	their numbers, and @nr_events INOTIFY_EVENT, oldest first
 * @next_wd: number that is tried first for the next watch, at most 2^31 - 1
 * @nr_watches: number of INOTIFY_WATCH
 * @nr_events: number of INOTIFY_EVENT
 * @reserved: 0
 */
struct cr_rec_inotify {
	struct cr_rec rec;
	__le32 next_wd;
	__le32 nr_watches;
	__le32 nr_events;
	__le32 reserved;
};

#define CR_INOTIFY_MASK		0x84000fffu	/* IN_ALL_EVENTS EXCL_UNLINK ONESHOT */
#define CR_INOTIFY_OVERFLOW	0x4000u		/* IN_Q_OVERFLOW */
#define CR_INOTIFY_ON_CHILD	0x8000000u	/* of what is in the directory; not told */
/* IN_ALL_EVENTS, UNMOUNT, Q_OVERFLOW, IGNORED, ISDIR; ON_CHILD */
#define CR_INOTIFY_EVENT	0x4800efffu

/**
 * struct cr_rec_inotify_watch - CR_REC_INOTIFY_WATCH
 * @rec: id of the FILE
 * @wd: its number, 1 to 2^31 - 2
 * @mask: of CR_INOTIFY_MASK, as inotify_add_watch() takes it
 *
 * Tail: absolute path of what it watches, with its NUL; a symbolic link at its
 * end is not followed. The restarter must be allowed to read it.
 */
struct cr_rec_inotify_watch {
	struct cr_rec rec;
	__le32 wd;
	__le32 mask;
};

/**
 * struct cr_rec_inotify_event - CR_REC_INOTIFY_EVENT: nobody has read it yet
 * @rec: id of the FILE
 * @wd: number of the watch, 1 to 2^31 - 2, which may be gone; OVERFLOW: -1
 * @mask: of CR_INOTIFY_EVENT, not ON_CHILD alone; OVERFLOW alone, and once at
 *	most
 * @cookie: what belongs together has the same
 * @name_len: bytes of the tail; 0 to 256
 *
 * Tail: name of the file in a directory that is watched, with its NUL; nothing:
 * none is told.
 */
struct cr_rec_inotify_event {
	struct cr_rec rec;
	__le32 wd;
	__le32 mask;
	__le32 cookie;
	__le32 name_len;
};

/**
 * struct cr_rec_files - CR_REC_FILES: a descriptor table
 * @rec: declares the object; followed by @nr_fds FD records, ascending,
 *	@nr_locks LOCK records and @nr_epitems EPITEM records
 */
struct cr_rec_files {
	struct cr_rec rec;
	__le32 nr_fds;
	__le32 next_fd;		/* reserved, 0 */
	__le32 nr_locks;
	__le32 reserved;
	__le32 nr_epitems;
	__le32 reserved2;
};

/**
 * struct cr_rec_fd - CR_REC_FD
 * @rec: id of the FILES
 * @fd: number, below the system's fs.nr_open
 * @file: id of the FILE
 * @cloexec: 0 or 1
 */
struct cr_rec_fd {
	struct cr_rec rec;
	__le32 fd;
	__le32 file;
	__le32 cloexec;
	__le32 reserved;
};

enum cr_lock_kind {
	CR_LOCK_FLOCK		= 1,	/* flock(): of the open file */
	CR_LOCK_POSIX		= 2,	/* F_SETLK: of the table */
	CR_LOCK_OFD		= 3,	/* F_OFD_SETLK: of the open file */
};

enum cr_lock_type {
	CR_LOCK_READ		= 1,	/* shared */
	CR_LOCK_WRITE		= 2,	/* exclusive */
};

/**
 * struct cr_rec_lock - CR_REC_LOCK: a lock that is held
 * @rec: id of the FILES
 * @fd: a descriptor of it through which the lock is taken again
 * @kind: enum cr_lock_kind
 * @type: enum cr_lock_type
 * @reserved: 0
 * @start: first byte; FLOCK: 0
 * @end: last byte, 2^63 - 1: all there may ever be; FLOCK: that
 *
 * Those of one table ascend by @fd, which leads to a REG, a DIR or a SHM.
 * A lock of an open file is recorded in one of the tables that lead to it.
 * Restored by flock() and fcntl(); EBUSY if somebody else holds it.
 */
struct cr_rec_lock {
	struct cr_rec rec;
	__le32 fd;
	__le32 kind;
	__le32 type;
	__le32 reserved;
	__le64 start;
	__le64 end;
};

/* cr_rec_lease.flags: somebody wants it to be given up, and waits or has left */
#define CR_LEASE_UNLOCK		0x1	/* all of it */
#define CR_LEASE_DOWNGRADE	0x2	/* WRITE: it shall become READ */

/**
 * struct cr_rec_lease - CR_REC_LEASE: a lease of a file (F_SETLEASE)
 * @rec: id of the FILE, a REG
 * @type: enum cr_lock_type; READ: the FILE is open for reading only
 * @flags: CR_LEASE_*
 * @fd: the descriptor that a signal tells, at most 2^31 - 1
 * @pid: the process of the job that has taken it, for /proc/locks; 0: it is gone
 * @break_ns: UNLOCK: until the kernel takes it away; 0: never
 * @downgrade_ns: DOWNGRADE: until the kernel makes it READ; 0: never. Also of a
 *	downgrade in the past
 *
 * Restored by fcntl(), with the rights of who restarts. EBUSY if somebody else
 * has the file open in a way that does not go with it. The times end not later
 * than those that begin then would.
 */
struct cr_rec_lease {
	struct cr_rec rec;
	__le32 type;
	__le32 flags;
	__le32 fd;
	__le32 pid;
	__le64 break_ns;
	__le64 downgrade_ns;
};

/* cr_rec_epitem.flags */
#define CR_EPITEM_REPORTED	0x1	/* EPOLLET: the file is ready, and that
					 * has been reported */

/**
 * struct cr_rec_epitem - CR_REC_EPITEM: an entry of an epoll
 * @rec: id of the first FILES that leads to the epoll. Entries of one epoll
 *	stand together, those of an epoll that it watches before them
 * @epoll: id of its FILE
 * @file: id of the FILE that it watches
 * @fd: the number under which it was added, which may lead elsewhere by now
 * @events: EPOLL*, as epoll_ctl() takes them; nothing but EPOLLONESHOT and other
 *	modes: it was reported and is disabled
 * @flags: CR_EPITEM_*
 * @reserved: 0
 * @data: the user's
 */
struct cr_rec_epitem {
	struct cr_rec rec;
	__le32 epoll;
	__le32 file;
	__le32 fd;
	__le32 events;
	__le32 flags;
	__le32 reserved;
	__le64 data;
};

/**
 * struct cr_rec_fs - CR_REC_FS
 * @rec: declares the object
 * @umask: 0 to 0777
 * @cwd_len: length of the first path in the tail, with its NUL
 * @root_len: length of the second
 * @flags: CR_FS_*
 *
 * Tail: path of the working directory, path of the root; absolute.
 */
struct cr_rec_fs {
	struct cr_rec rec;
	__le32 umask;
	__le32 cwd_len;
	__le32 root_len;
	__le32 flags;
};

#define CR_FS_CWD_REMOVED	0x1	/* the first path is what it was: make
					 * a directory, enter it, remove it */

#endif /* _LINUX_CR_IMAGE_FILE_H */
