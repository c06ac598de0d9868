/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The checkpoint image: the format and nothing else.
 *
 * An image is an ELF64 ET_CORE file. Everything that a restart needs is a
 * stream of records in the segment PT_CR_RECORDS; the memory that the records
 * point into lies in PT_LOAD, PT_CR_LOAD and PT_CR_ZSTD. The other segments
 * are for debuggers: a restart reads none of them.
 *
 * Every record is an ELF note (Elf64_Nhdr, 4-byte alignment) of owner "CRIMG".
 * Its descriptor starts with struct cr_rec and consists of a fixed part, which
 * is one of the structures below, and a tail of bytes, whose meaning is said at
 * the structure. The tail starts at the fixed part's size rounded up to 8.
 *
 * Evolution: fields are only ever appended to a structure. A reader takes
 * min(size in the file, its own size) and treats the rest as zero, so zero is
 * always the value that means what was true before the field existed.
 * Reserved fields are written as zero and refused otherwise. Numbers are never
 * reused.
 *
 * All numbers are little endian. This header compiles unchanged in user space.
 */
#ifndef _LINUX_CR_IMAGE_H
#define _LINUX_CR_IMAGE_H

#include <linux/types.h>

/* e_ident[CR_EI_MAGIC ...] of an image, in what ELF calls padding */
#define CR_EI_MAGIC		9
#define CR_MAGIC		"CRIMG"
#define CR_MAGIC_LEN		5
#define CR_EI_VERSION		14
#define CR_VERSION		1

/* Owner of every record's note, with its NUL */
#define CR_NOTE_NAME		"CRIMG"
#define CR_NOTE_NAMESZ		6

/* Segments, in the range that ELF leaves to the OS (PT_LOOS + 0x352....) */
#define PT_CR_RECORDS		0x63520001	/* the record stream */
#define PT_CR_LOAD		0x63520002	/* raw memory runs, page aligned */
#define PT_CR_ZSTD		0x63520003	/* zstd frames */

/* Hard caps: a reader refuses what is beyond them before it allocates */
#define CR_MAX_RECORDS_SIZE	(512u << 20)	/* bytes of PT_CR_RECORDS */
#define CR_MAX_OBJECTS		(1u << 20)
#define CR_MAX_PROCS		32768u
#define CR_MAX_THREADS		131072u
#define CR_MAX_PHNUM		65000u
#define CR_RUN_MAX		(1u << 20)	/* memory of one page run, bytes */
#define CR_PATH_MAX		4096u		/* with its NUL */
#define CR_XSTATE_MAX		(64u << 10)
#define CR_NAME_LEN		64		/* release, node: with their NUL */
#define CR_COMM_LEN		16

/**
 * struct cr_rec - what every record starts with
 * @id: object that the record declares or belongs to. Ids are dense: the first
 *	object is 1, each object record declares the next one. 0: no object
 *	(HEAD, END).
 * @size: bytes of the fixed part, this structure included
 *
 * Order: HEAD; then every object record, each directly followed by its detail
 * records; then all PAGES records, sorted by (id, addr); then END. An object
 * refers to objects with smaller ids only: there are no loops.
 */
struct cr_rec {
	__le32 id;
	__le32 size;
};

/*
 * Record types. Not below 0x10000: gdb takes a note of type 1 for a thread,
 * whoever owns it.
 */
enum cr_rec_type {
	CR_REC_HEAD		= 0x43520001,
	CR_REC_END		= 0x43520002,
	CR_REC_PAGES		= 0x43520003,

	/* objects, in the order in which they are written */
	CR_REC_VDSO		= 0x43520101,
	CR_REC_CRED		= 0x43520102,
	CR_REC_PIPE		= 0x43520103,
	CR_REC_SHM		= 0x43520104,
	CR_REC_FILE		= 0x43520105,
	CR_REC_FILES		= 0x43520106,
	CR_REC_FS		= 0x43520107,
	CR_REC_SIGHAND		= 0x43520108,
	CR_REC_MM		= 0x43520109,
	CR_REC_PROC		= 0x4352010a,
	CR_REC_THREAD		= 0x4352010b,
	CR_REC_SOCK		= 0x4352010c,	/* before FILE */
	CR_REC_SOCKQ		= 0x4352010d,	/* behind FILE */

	/* details of the object before them */
	CR_REC_PIPE_BUF		= 0x43520201,	/* of PIPE */
	CR_REC_FD		= 0x43520202,	/* of FILES */
	CR_REC_SIGACTION	= 0x43520203,	/* of SIGHAND */
	CR_REC_VMA		= 0x43520204,	/* of MM */
	CR_REC_AUXV		= 0x43520205,	/* of MM */
	CR_REC_RLIMIT		= 0x43520206,	/* of PROC */
	CR_REC_SIGINFO		= 0x43520207,	/* of PROC (shared), THREAD */
	CR_REC_REGS_X86		= 0x43520208,	/* of THREAD */
	CR_REC_XSTATE_X86	= 0x43520209,	/* of THREAD */
	CR_REC_RESTART		= 0x4352020a,	/* of THREAD */
	CR_REC_LOCK		= 0x4352020b,	/* of FILES */
	CR_REC_ITIMER		= 0x4352020c,	/* of PROC */
	CR_REC_TIMER		= 0x4352020d,	/* of PROC */
	CR_REC_SHMID		= 0x4352020e,	/* of SHM */
	CR_REC_SOCK_MSG		= 0x4352020f,	/* of SOCKQ */
	CR_REC_EVENTFD		= 0x43520210,	/* of FILE */
	CR_REC_TIMERFD		= 0x43520211,	/* of FILE */
	CR_REC_SIGNALFD		= 0x43520212,	/* of FILE */
	CR_REC_EPITEM		= 0x43520213,	/* of FILES */
};

/* Incompatible features: a reader refuses a bit that it does not know */
#define CR_FEAT_KNOWN		0ull

/**
 * struct cr_rec_head - CR_REC_HEAD, the first record
 * @rec: id 0
 * @feat_incompat: CR_FEAT_* bits; unknown ones are refused, by number
 * @feat_compat: bits that a reader may ignore
 * @nr_objects: number of object records; END of the stream confirms it
 * @nr_procs: number of PROC records, zombies included
 * @nr_threads: number of THREAD records
 * @page_shift: 12 on x86-64
 * @realtime_ns: CLOCK_REALTIME when the job stood still
 * @monotonic_ns: CLOCK_MONOTONIC at the same moment
 * @boottime_ns: CLOCK_BOOTTIME at the same moment
 * @memory: bytes of memory in the image, uncompressed
 * @release: kernel release that wrote the image; informative
 * @node: host name; informative
 * @boot_id: /proc/sys/kernel/random/boot_id of the saver, its bytes in the order
 *	of the text; zero when unknown; informative
 */
struct cr_rec_head {
	struct cr_rec rec;
	__le64 feat_incompat;
	__le64 feat_compat;
	__le32 nr_objects;
	__le32 nr_procs;
	__le32 nr_threads;
	__le32 page_shift;
	__le64 realtime_ns;
	__le64 monotonic_ns;
	__le64 boottime_ns;
	__le64 memory;
	char release[CR_NAME_LEN];
	char node[CR_NAME_LEN];
	__u8 boot_id[16];
};

/**
 * struct cr_rec_end - CR_REC_END, the last record
 * @rec: id 0
 * @nr_records: number of records before this one
 * @records_xxh64: XXH64 (seed 0) of all bytes of PT_CR_RECORDS before this
 *	record's note header
 * @header_xxh64: XXH64 (seed 0) of the ELF header, then the program headers
 */
struct cr_rec_end {
	struct cr_rec rec;
	__le64 nr_records;
	__le64 records_xxh64;
	__le64 header_xxh64;
};

/* How the bytes of a page run are stored */
enum cr_pages_method {
	CR_PAGES_RAW		= 1,	/* page aligned in the file; xxh64 set */
	CR_PAGES_ZSTD		= 2,	/* one zstd frame with content size and
					 * checksum; xxh64 of the frame's bytes */
};

/**
 * struct cr_rec_pages - CR_REC_PAGES, where a run of memory lies in the file
 * @rec: id of the MM or SHM whose memory it is
 * @addr: address in the MM, offset in the SHM; page aligned. Runs of one object
 *	ascend and do not overlap. A run of an MM lies within one VMA.
 * @len: bytes of memory, page multiple, 1 to CR_RUN_MAX
 * @offset: of the stored bytes in the file
 * @stored: number of stored bytes; = @len for CR_PAGES_RAW, < @len otherwise
 * @method: enum cr_pages_method
 * @reserved: 0
 * @xxh64: XXH64 (seed 0) of the stored bytes
 *
 * Memory in no run reads as a fresh mapping does: zero, or the file's bytes.
 */
struct cr_rec_pages {
	struct cr_rec rec;
	__le64 addr;
	__le32 len;
	__le32 stored;
	__le64 offset;
	__le32 method;
	__le32 reserved;
	__le64 xxh64;
};

/**
 * struct cr_rec_vdso - CR_REC_VDSO: the vdso that the job's code may point into
 * @rec: declares the object
 * @vvar_size: bytes of vvar pages below the text
 * @text_size: bytes of text; = tail length
 * @text_xxh64: XXH64 of the text: the restart compares it with its own
 *
 * Tail: the vdso as an ELF shared object, for its symbols: what it takes to
 * lead the old entry points to another kernel's.
 */
struct cr_rec_vdso {
	struct cr_rec rec;
	__le32 vvar_size;
	__le32 text_size;
	__le64 text_xxh64;
};

/**
 * struct cr_rec_cred - CR_REC_CRED: credentials
 * @rec: declares the object
 * @uid..@fsgid: ids in the initial user namespace
 * @securebits: SECBIT_*
 * @nr_groups: supplementary groups: __le32 each, in the tail, ascending
 * @cap_*: capability sets, bit n is capability n
 * @no_new_privs: 0 or 1; not in use, see CR_THREAD_NO_NEW_PRIVS
 *
 * Restored only when they equal the restarter's: EPERM otherwise. Securebits are
 * set as prctl() allows it.
 */
struct cr_rec_cred {
	struct cr_rec rec;
	__le32 uid, euid, suid, fsuid;
	__le32 gid, egid, sgid, fsgid;
	__le32 securebits;
	__le32 nr_groups;
	__le64 cap_inheritable;
	__le64 cap_permitted;
	__le64 cap_effective;
	__le64 cap_bset;
	__le64 cap_ambient;
	__le32 no_new_privs;
	__le32 reserved;
};

/**
 * struct cr_rec_pipe - CR_REC_PIPE: a pipe with both ends in the job
 * @rec: declares the object; followed by a PIPE_BUF for each buffer in flight
 * @ring_size: number of slots (pages); a power of two. Restored by F_SETPIPE_SZ
 * @nr_bufs: number of PIPE_BUF records; at most @ring_size
 */
struct cr_rec_pipe {
	struct cr_rec rec;
	__le32 ring_size;
	__le32 nr_bufs;
};

/**
 * struct cr_rec_pipe_buf - CR_REC_PIPE_BUF: bytes in flight, oldest first
 * @rec: id of the pipe
 * @flags: CR_PIPE_BUF_*
 * @len: 1 to page size; = tail length
 *
 * Tail: the bytes.
 */
struct cr_rec_pipe_buf {
	struct cr_rec rec;
	__le32 flags;
	__le32 len;
};

#define CR_PIPE_BUF_PACKET	0x1	/* written with O_DIRECT: read alone */

/**
 * struct cr_rec_shm - CR_REC_SHM: memory, or a file, that no name leads to any
 *	more
 * @rec: declares the object; its contents are PAGES records. SYSV: followed by
 *	a SHMID
 * @size: bytes; page multiple for anonymous memory, at least 1 for SYSV. Bytes
 *	of a run beyond it are not the file's
 * @kind: enum cr_shm_kind
 * @reserved: 0
 * @mode: not ANON: permissions, 0 to 0777
 * @flags: FILE: CR_SHM_*; 0 for other kinds
 * @mtime_ns: not ANON: modification time since the epoch, ns. 0, and @mode 0:
 *	neither is recorded
 *
 * Tail: the name that /proc/PID/maps shows, NUL-terminated. FILE: its last
 * path, absolute: an O_TMPFILE file is made in that directory.
 */
struct cr_rec_shm {
	struct cr_rec rec;
	__le64 size;
	__le32 kind;
	__le32 reserved;
	__le32 mode;
	__le32 flags;
	__le64 mtime_ns;
};

enum cr_shm_kind {
	CR_SHM_ANON		= 1,	/* MAP_SHARED | MAP_ANONYMOUS */
	CR_SHM_UNLINKED		= 2,	/* a file of the kernel's own tmpfs */
	CR_SHM_SYSV		= 3,	/* a System V segment that is attached */
	CR_SHM_FILE		= 4,	/* an unlinked file of a file system */
};

/* cr_rec_shmid.mode: permissions, and as shmctl(IPC_STAT) shows it */
#define CR_SHMID_DEST		01000	/* removed: goes with its last user */
#define CR_SHMID_LOCKED		02000	/* shmctl(SHM_LOCK) */
#define CR_SHMID_MODE_KNOWN	03777

/* cr_rec_shmid.flags */
#define CR_SHMID_NORESERVE	0x1	/* shmget(SHM_NORESERVE) */
#define CR_SHMID_FLAGS_KNOWN	0x1

/**
 * struct cr_rec_shmid - CR_REC_SHMID: what names a System V segment
 * @rec: id of the SHM
 * @shmid: 0 to 2^31 - 1: restored, or EBUSY
 * @key: 0: private, which one with CR_SHMID_DEST always is
 * @mode: 0777 and CR_SHMID_DEST, CR_SHMID_LOCKED
 * @flags: CR_SHMID_*
 * @uid, @gid, @cuid, @cgid: owner and creator, in the initial user namespace
 * @cpid, @lpid: who made it and who used it last, in the pid namespace of the
 *	job; set again where they are of the job
 * @atime, @dtime, @ctime: seconds since the epoch: last attach, last detach,
 *	last change by shmctl(IPC_SET) or creation. @ctime also tells whether a
 *	segment of that id is the one that was saved
 */
struct cr_rec_shmid {
	struct cr_rec rec;
	__le32 shmid;
	__le32 key;
	__le32 mode;
	__le32 flags;
	__le32 uid, gid, cuid, cgid;
	__le32 cpid;
	__le32 lpid;
	__le64 atime, dtime, ctime;
};

/* cr_rec_sock.flags */
#define CR_SOCK_FIRST		0x1	/* the next object is its other end */
#define CR_SOCK_DEAD		0x2	/* closed: no descriptor leads to it */
#define CR_SOCK_PEERCRED	0x4	/* @peer_pid, @peer_uid, @peer_gid mean
					 * something */
#define CR_SOCK_BOUND		0x8	/* it can be found by its name */
#define CR_SOCK_LISTEN		0x10
#define CR_SOCK_PENDING		0x20	/* waits to be accepted */
#define CR_SOCK_KNOWN		0x3f

/* cr_rec_sock.options: what setsockopt() switches on and off */
#define CR_SOCK_REUSEADDR	0x1
#define CR_SOCK_DONTROUTE	0x2
#define CR_SOCK_BROADCAST	0x4
#define CR_SOCK_KEEPALIVE	0x8
#define CR_SOCK_OOBINLINE	0x10
#define CR_SOCK_LINGER		0x20	/* for @linger_s */
#define CR_SOCK_PASSCRED	0x40
#define CR_SOCK_PASSSEC		0x80
#define CR_SOCK_PASSPIDFD	0x100
#define CR_SOCK_SNDBUF_LOCK	0x200	/* SO_BUF_LOCK: SO_SNDBUF was set */
#define CR_SOCK_RCVBUF_LOCK	0x400
#define CR_SOCK_OPTIONS_KNOWN	0x7ff

#define CR_SOCK_SHUT_RD		0x1
#define CR_SOCK_SHUT_WR		0x2

#define CR_SOCK_NO_TIMEOUT	(~0ull)

/**
 * struct cr_rec_sock - CR_REC_SOCK: a UNIX socket
 * @rec: declares the object
 * @type: SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5
 * @flags: CR_SOCK_*
 * @peer: the other end of a connection: the object directly before, which has
 *	CR_SOCK_FIRST and the same type; 0: none, or the one behind
 * @err: pending error (SO_ERROR): 0 or ECONNRESET
 * @shutdown: CR_SOCK_SHUT_*
 * @options: CR_SOCK_*
 * @sndbuf, @rcvbuf: bytes as getsockopt() shows them, 1 to 2^31 - 1
 * @rcvlowat: SO_RCVLOWAT, 1 to 2^31 - 1
 * @priority: SO_PRIORITY, at most 2^31 - 1
 * @peek_off: SO_PEEK_OFF plus 1: 0 is off
 * @linger_s: seconds of SO_LINGER, at most 2^31 - 1
 * @peer_pid: SO_PEERCRED; 0: a process that the job does not see. Restored as 0
 *	when no process of the job has it
 * @peer_uid, @peer_gid: in the initial user namespace; must be the restarter's
 * @backlog: LISTEN: as listen() was told, below 2^31; else 0
 * @rcvtimeo_us: SO_RCVTIMEO, microseconds; CR_SOCK_NO_TIMEOUT
 * @sndtimeo_us: SO_SNDTIMEO
 * @listener: PENDING: the SOCK, declared before, that it was connected to,
 *	which has LISTEN and the same type; @peer is who has connected. Accepted
 *	in the order of the records. 0 for others
 * @name_len: bytes of the name in the tail, at most 108; 0: it has none
 * @path_len: bytes of the path behind it, with NUL, at most 108; 0: none
 * @mode: permissions of the inode at the path; 0 to 07777
 *
 * Tail: the name as getsockname() shows it: one that starts with NUL is
 * abstract, others end with the only NUL; then the absolute path that leads to
 * it, for BOUND with such a name, unless the path is gone.
 *
 * A path is bound again, in place of a socket that nobody is bound to; EADDRINUSE
 * if somebody is, EEXIST if it is no socket. A name without BOUND is only shown, as that of an accepted
 * connection, which has its listener's.
 *
 * Options are restored by setsockopt(), which has its own opinion about what
 * the restarter may set.
 */
struct cr_rec_sock {
	struct cr_rec rec;
	__le32 type;
	__le32 flags;
	__le32 peer;
	__le32 err;
	__le32 shutdown;
	__le32 options;
	__le32 sndbuf;
	__le32 rcvbuf;
	__le32 rcvlowat;
	__le32 priority;
	__le32 peek_off;
	__le32 linger_s;
	__le32 peer_pid;
	__le32 peer_uid;
	__le32 peer_gid;
	__le32 backlog;
	__le64 rcvtimeo_us;
	__le64 sndtimeo_us;
	__le32 listener;
	__le32 name_len;
	__le32 path_len;
	__le32 mode;
};

/**
 * struct cr_rec_sockq - CR_REC_SOCKQ: what waits to be received
 * @rec: declares the object; followed by @nr_msgs SOCK_MSG, oldest first
 * @sock: id of the SOCK that receives, which is not CR_SOCK_DEAD or LISTEN
 * @nr_msgs: number of SOCK_MSG records
 * @dest: id of the SOCK that it sends to (connect()) without being its peer:
 *	both are datagram sockets, and @dest has a name; 0: none
 * @reserved: 0
 */
struct cr_rec_sockq {
	struct cr_rec rec;
	__le32 sock;
	__le32 nr_msgs;
	__le32 dest;
	__le32 reserved;
};

/* cr_rec_sock_msg.flags */
#define CR_SOCK_MSG_CREDS	0x1	/* SCM_CREDENTIALS: @pid, @uid, @gid */

/**
 * struct cr_rec_sock_msg - CR_REC_SOCK_MSG: a message; of a stream: a piece
 * @rec: id of the SOCKQ
 * @sender: id of the SOCK that has sent it: the receiver's peer, or any
 *	datagram socket, if the receiver is one that is BOUND
 * @flags: CR_SOCK_MSG_*
 * @pid: as cr_rec_sock.peer_pid
 * @uid, @gid: as cr_rec_sock.peer_uid
 * @len: bytes; = tail length; not 0 for a stream
 *
 * Tail: the bytes. The sender's buffer (SO_SNDBUF) must take them all.
 */
struct cr_rec_sock_msg {
	struct cr_rec rec;
	__le32 sender;
	__le32 flags;
	__le32 pid;
	__le32 uid;
	__le32 gid;
	__le32 len;
};

/* cr_rec_shm.flags */
#define CR_SHM_LINKABLE		0x1	/* O_TMPFILE without O_EXCL */

/* What an open file description is */
enum cr_file_kind {
	CR_FILE_REG		= 1,	/* regular file with a name */
	CR_FILE_DIR		= 2,
	CR_FILE_CHR		= 3,	/* /dev/null and its like: see @rdev */
	CR_FILE_PIPE		= 4,	/* end of pipe @obj */
	CR_FILE_OUTSIDE		= 5,	/* terminal or pipe outside the job:
					 * bound to the restarter's @fd */
	CR_FILE_SHM		= 6,	/* opened unlinked file: @obj */
	CR_FILE_SOCK		= 7,	/* open socket @obj */
	CR_FILE_OPATH		= 8,	/* O_PATH: of any type of inode */
	CR_FILE_EVENTFD		= 9,	/* its state is an EVENTFD */
	CR_FILE_TIMERFD		= 10,	/* its state is a TIMERFD */
	CR_FILE_SIGNALFD	= 11,	/* its state is a SIGNALFD */
	CR_FILE_EPOLL		= 12,	/* its entries are EPITEM of a FILES */
};

/* cr_rec_file.flags */
#define CR_FILE_MAPPED		0x1	/* mapped: size and mtime must match */
#define CR_FILE_EXE		0x2	/* the executable of some MM */
#define CR_FILE_VERIFY		0x4	/* opened for reading only: as MAPPED */
#define CR_FILE_TTY		0x8	/* OUTSIDE: it was a terminal */
#define CR_FILE_ASYNC		0x100	/* O_ASYNC; not OUTSIDE */

/* cr_rec_file.owner_kind */
enum cr_owner_kind {
	CR_OWNER_NONE		= 0,
	CR_OWNER_THREAD		= 1,
	CR_OWNER_PROC		= 2,
	CR_OWNER_GROUP		= 3,
};

/**
 * struct cr_rec_file - CR_REC_FILE: an open file description
 * @rec: declares the object; the detail follows that its kind names, if any
 * @kind: enum cr_file_kind
 * @flags: CR_FILE_*
 * @obj: id of the PIPE, SHM or SOCK behind it; 0 for other kinds
 * @fd: OUTSIDE: the descriptor of the restarter that takes its place
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
 * Tail: REG, DIR, CHR, OPATH: absolute path with its NUL. Others: what it was, with
 * NUL, for messages.
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

/**
 * struct cr_rec_mm - CR_REC_MM: an address space
 * @rec: declares the object; followed by its VMA records, ascending, and AUXV
 * @exe: id of the FILE that /proc/PID/exe leads to
 * @vdso: id of the VDSO that is mapped; 0: none
 * @vdso_addr: address of its text
 * @start_code..@env_end: as in prctl(PR_SET_MM), addresses below TASK_SIZE
 * @dumpable: 0 or 1; other values are refused
 * @thp_disable: 0 or 1: prctl(PR_SET_THP_DISABLE)
 * @nr_vmas: number of VMA records
 * @mmap_base: where mmap() begins to look for free addresses, downwards, so
 *	that the stack keeps its room; page aligned, below TASK_SIZE; 0: upwards,
 *	or not known: the restarter's stays
 * @membarrier: CR_MEMBARRIER_*: registrations of membarrier()
 * @prctl: CR_MM_*: what else prctl() has set
 * @coredump_filter: /proc/PID/coredump_filter XOR its default, 0x33
 */
struct cr_rec_mm {
	struct cr_rec rec;
	__le32 exe;
	__le32 vdso;
	__le64 vdso_addr;
	__le64 start_code, end_code, start_data, end_data;
	__le64 start_brk, brk, start_stack;
	__le64 arg_start, arg_end, env_start, env_end;
	__le32 dumpable;
	__le32 thp_disable;
	__le32 nr_vmas;
	__le32 reserved;
	__le64 mmap_base;
	__le32 membarrier;
	__le32 prctl;
	__le32 coredump_filter;
	__le32 reserved2;
};

#define CR_MEMBARRIER_GLOBAL	0x1	/* GLOBAL_EXPEDITED */
#define CR_MEMBARRIER_PRIVATE	0x2	/* PRIVATE_EXPEDITED */
#define CR_MEMBARRIER_SYNC_CORE	0x4	/* PRIVATE_EXPEDITED_SYNC_CORE */
#define CR_MEMBARRIER_RSEQ	0x8	/* PRIVATE_EXPEDITED_RSEQ */
#define CR_MEMBARRIER_KNOWN	0xf

#define CR_MM_MDWE		0x1	/* PR_SET_MDWE: REFUSE_EXEC_GAIN */
#define CR_MM_MDWE_NO_INHERIT	0x2
#define CR_MM_MERGE_ANY		0x4	/* PR_SET_MEMORY_MERGE */
#define CR_MM_PRCTL_KNOWN	0x7

#define CR_COREDUMP_DEFAULT	0x33
#define CR_COREDUMP_KNOWN	0x1ff

enum cr_vma_kind {
	CR_VMA_ANON		= 1,	/* private anonymous */
	CR_VMA_FILE		= 2,	/* @obj is a FILE */
	CR_VMA_SHM		= 3,	/* @obj is a SHM */
	CR_VMA_VDSO		= 4,	/* text of the vdso */
	CR_VMA_VVAR		= 5,	/* its data pages */
};

#define CR_PROT_READ		0x1
#define CR_PROT_WRITE		0x2
#define CR_PROT_EXEC		0x4

/* cr_rec_vma.flags: mmap() and madvise() in our own numbers */
#define CR_VMA_SHARED		0x0001
#define CR_VMA_GROWSDOWN	0x0002
#define CR_VMA_NORESERVE	0x0004
#define CR_VMA_DONTFORK		0x0008
#define CR_VMA_WIPEONFORK	0x0010
#define CR_VMA_DONTDUMP		0x0020
#define CR_VMA_HUGEPAGE		0x0040
#define CR_VMA_NOHUGEPAGE	0x0080
#define CR_VMA_MERGEABLE	0x0100
#define CR_VMA_RAND_READ	0x0200
#define CR_VMA_SEQ_READ		0x0400
#define CR_VMA_LOCKED		0x0800
#define CR_VMA_LOCKONFAULT	0x1000
#define CR_VMA_STACK		0x2000	/* informative: the main stack */
#define CR_VMA_HEAP		0x4000	/* informative */
#define CR_VMA_MAYWRITE		0x8000	/* SHARED file opened for writing */
#define CR_VMA_ACCOUNT		0x10000	/* private, was writable once: charged */
#define CR_VMA_FLAGS_KNOWN	0x1ffff

/**
 * struct cr_rec_vma - CR_REC_VMA: a mapping
 * @rec: id of the MM
 * @start: page aligned; mappings ascend and do not overlap
 * @end: > @start, page aligned, at most TASK_SIZE
 * @pgoff: offset in the object, bytes, page aligned
 * @kind: enum cr_vma_kind
 * @prot: CR_PROT_*
 * @flags: CR_VMA_*
 * @obj: id of the FILE or SHM; 0 for other kinds
 *
 * Tail: name of an anonymous mapping with its NUL (PR_SET_VMA_ANON_NAME), or
 * nothing.
 */
struct cr_rec_vma {
	struct cr_rec rec;
	__le64 start;
	__le64 end;
	__le64 pgoff;
	__le32 kind;
	__le32 prot;
	__le32 flags;
	__le32 obj;
};

/**
 * struct cr_rec_auxv - CR_REC_AUXV
 * @nr: number of __le64 in the tail: pairs of type and value, AT_NULL last
 */
struct cr_rec_auxv {
	struct cr_rec rec;
	__le32 nr;
	__le32 reserved;
};

/* cr_rec_proc.flags */
#define CR_PROC_ZOMBIE		0x1	/* no THREAD records, no objects */
#define CR_PROC_SUBREAPER	0x2	/* PR_SET_CHILD_SUBREAPER */
#define CR_PROC_SESSION_OUTSIDE	0x4	/* @sid is not a process of the job:
					 * it joins the restarter's session */
#define CR_PROC_PGRP_OUTSIDE	0x8	/* likewise @pgid. Set for the leader's
					 * own group in an outside session, too */

/**
 * struct cr_rec_proc - CR_REC_PROC: a process (thread group)
 * @rec: declares the object; followed by RLIMIT (if not zombie), SIGINFO, and
 *	the THREAD objects of the process, the thread group leader first
 * @pid: in the pid namespace of the job
 * @parent: id of the parent's PROC; 0 for the leader only, which is first
 * @pgid, @sid: in the same namespace; 0 when its number is outside of it
 * @flags: CR_PROC_*
 * @exit_code: ZOMBIE: as wait() shows it
 * @exit_signal: sent to the parent; 0 to 64
 * @nr_threads: number of THREAD objects
 * @oom_score_adj: -1000 to 1000
 * @utime_ns..@cstime_ns: CPU time of the process and of its waited-for children
 * @age_ns: how long before the moment of saving it started; it and CPU times are
 *	at most 2^61
 * @pending: shared pending signals as a mask; those with a SIGINFO included; not
 *	SIGKILL, but for a zombie
 * @comm: ZOMBIE: its name
 * @next_timer: id that timer_create() tries first; at most 2^31 - 1
 * @stop_flags: CR_STOP_*
 * @stop_signal: SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU: it is stopped; 0: it runs
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
};

/* cr_rec_proc.stop_flags: what the parent knows of it; not of the leader's */
#define CR_STOP_REPORT		0x1	/* stopped, and not waited for that */
#define CR_STOP_UNDERWAY	0x2	/* it stops, and tells when all threads have */
#define CR_STOP_CONTINUED	0x4	/* runs again, and not waited for that */
#define CR_STOP_TELL_STOPPED	0x8	/* SIGCHLD is still to be sent */
#define CR_STOP_TELL_CONTINUED	0x10	/* likewise */
#define CR_STOP_KNOWN		0x1f

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
#define CR_CLOCK_TAI		11

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
 * @state: enum cr_timer_state; FIRED: with an interval and PENDING
 * @reserved: 0
 * @sigval: sigev_value
 * @value_ns: see @state; at most 2^63 - 1
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

enum cr_restart_kind {
	CR_RESTART_NANOSLEEP	= 1,
	CR_RESTART_FUTEX	= 2,
	CR_RESTART_POLL		= 3,
};

/**
 * struct cr_rec_restart - CR_REC_RESTART: what restart_syscall() goes on with
 * @kind: enum cr_restart_kind; no record: nothing to restart
 * @clockid: NANOSLEEP: CLOCK_*; 0 for the others
 * @remaining_ns: time that was left when the job stood still; (u64)-1: no limit
 * @uaddr: NANOSLEEP: where to store what remains, or 0; FUTEX: the word;
 *	POLL: the array
 * @val: FUTEX: expected value; POLL: number of descriptors
 * @flags: FUTEX: FLAGS_* of kernel/futex as CR_FUTEX_*; NANOSLEEP: 1 for a
 *	compat timespec (refused)
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

#endif /* _LINUX_CR_IMAGE_H */
