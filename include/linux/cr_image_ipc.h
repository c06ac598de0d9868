/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The checkpoint image: records of what processes talk through, pipes, shared
 * memory, semaphores, message queues, pseudo-terminals, sockets.
 */
#ifndef _LINUX_CR_IMAGE_IPC_H
#define _LINUX_CR_IMAGE_IPC_H

#include <linux/cr_image.h>

/**
 * struct cr_rec_pipe - CR_REC_PIPE: a pipe with both ends in the job
 * @rec: declares the object; followed by a PIPE_BUF for each buffer in flight
 * @ring_size: number of slots (pages); a power of two. Restored by F_SETPIPE_SZ
 * @nr_bufs: number of PIPE_BUF records; at most @ring_size
 *
 * Tail: of a FIFO an absolute path that leads to it, with its NUL; the caller
 * must have the right to read and to write it, and nobody may have it open.
 * Nothing: it has no name.
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

/* cr_rec_shm.flags */
#define CR_SHM_LINKABLE		0x1	/* O_TMPFILE without O_EXCL */

/**
 * struct cr_rec_shm - CR_REC_SHM: memory, or a file, that no name leads to any
 *	more, or may not lead to where the image is restarted
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
 * @seals: MEMFD: CR_SEAL_*; 0 for other kinds. Added when contents and mappings
 *	are there; EOPNOTSUPP where the kernel has none of that kind
 * @reserved2: 0
 *
 * Tail: the name that /proc/PID/maps shows, NUL-terminated; MEMFD: "/memfd:NAME",
 * " (deleted)" behind it. FILE: its last path, absolute: an O_TMPFILE file is
 * made in that directory. CARRIED: its path, absolute.
 */
struct cr_rec_shm {
	struct cr_rec rec;
	__le64 size;
	__le32 kind;
	__le32 reserved;
	__le32 mode;
	__le32 flags;
	__le64 mtime_ns;
	__le32 seals;
	__le32 reserved2;
};

enum cr_shm_kind {
	CR_SHM_ANON		= 1,	/* MAP_SHARED | MAP_ANONYMOUS */
	CR_SHM_UNLINKED		= 2,	/* a file of the kernel's own tmpfs */
	CR_SHM_SYSV		= 3,	/* a System V segment that is attached */
	CR_SHM_FILE		= 4,	/* an unlinked file of a file system */
	CR_SHM_MEMFD		= 5,	/* memfd_create() */
	CR_SHM_CARRIED		= 6,	/* a file with a name: a copy, for the FILE
					 * that cannot be opened by it */
};

/* cr_rec_shm.seals, in the numbers of F_ADD_SEALS */
#define CR_SEAL_SEAL		0x1	/* no more seals; without MFD_ALLOW_SEALING */
#define CR_SEAL_SHRINK		0x2
#define CR_SEAL_GROW		0x4
#define CR_SEAL_WRITE		0x8	/* no mapping may be shared and writable */
#define CR_SEAL_FUTURE_WRITE	0x10	/* no new one */
#define CR_SEAL_EXEC		0x20	/* with a mode that has 0111: all others but
					 * SEAL, too */
#define CR_SEALS_KNOWN		0x3f

/* What the kernel puts behind the name of a file that has none */
#define CR_SHM_DELETED		" (deleted)"

#define CR_MEMFD_PREFIX		"/memfd:"
#define CR_MEMFD_NAME_MAX	249u	/* bytes of NAME */

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

/* Hard caps: sets that a process adjusts; semaphores of a set (sem_num) */
#define CR_MAX_SEMUNDOS		32000u
#define CR_MAX_SEMS		65536u
#define CR_SEM_MAX		32767	/* SEMVMX, SEMAEM */

/**
 * struct cr_rec_semundo - CR_REC_SEMUNDO: what a process undoes in a System V
 *	semaphore set when it ends (SEM_UNDO)
 * @rec: id of the PROC; ascending by @semid
 * @semid: at most 2^31 - 1
 * @key: 0: IPC_PRIVATE
 * @nsems: 1 to CR_MAX_SEMS
 * @mode: permissions, 0 to 0777; informative
 * @uid, @gid: owner, in the initial user namespace; informative
 * @cuid, @cgid: creator, likewise
 * @ctime: seconds since the epoch: when it was made, or set by semctl(); at most
 *	2^63 - 1
 *
 * Tail: a struct cr_sem for each semaphore. The set must be there, with the same
 * @semid, @key, @nsems, creator and @ctime, or be a SEMSET of the image.
 */
struct cr_rec_semundo {
	struct cr_rec rec;
	__le32 semid;
	__le32 key;
	__le32 nsems;
	__le32 mode;
	__le32 uid;
	__le32 gid;
	__le32 cuid;
	__le32 cgid;
	__le64 ctime;
};

/**
 * struct cr_sem - a semaphore of a set
 * @semadj: added to the value when the process ends; signed, -CR_SEM_MAX to
 *	CR_SEM_MAX, not 0 for one of the set at least. Its opposite is what the
 *	process does again
 * @semval: 0 to CR_SEM_MAX; informative
 * @sempid: who changed it last, 0: unknown; informative
 */
struct cr_sem {
	__le32 semadj;
	__le32 semval;
	__le32 sempid;
};

/* cr_rec_msgq.flags, cr_rec_semset.flags */
#define CR_IPC_SHARED		0x1	/* others use it, too: if it is there, it is
					 * left as it is */
#define CR_IPC_UNUSED		0x2	/* nobody is seen to use it: if it is there,
					 * it must be what it was */
#define CR_IPC_FLAGS_KNOWN	0x3

/* Hard caps: messages of a queue; bytes of all of them */
#define CR_MAX_MSGS		(1u << 18)
#define CR_MAX_MSG_BYTES	(16u << 20)

/**
 * struct cr_rec_msgq - CR_REC_MSGQ: a System V message queue
 * @rec: declares the object; followed by @nr_msgs MSG
 * @msqid: 0 to 2^31 - 1: restored, or EBUSY
 * @key: 0: IPC_PRIVATE
 * @mode: permissions, 0 to 0777
 * @flags: CR_IPC_*; at most one of them
 * @uid, @gid, @cuid, @cgid: owner and creator, in the initial user namespace
 * @lspid, @lrpid: who sent and who received last, in the pid namespace of the
 *	job, which may be the number of a thread; set again where they are of the
 *	job. 0: one that has gone
 * @stime, @rtime: seconds since the epoch: when that was; 0: never
 * @ctime: last change by msgctl(), or creation. It also tells whether a queue of
 *	that id is the one that was saved
 * @qbytes: msg_qbytes: at most so many bytes, and so many messages, get in
 * @nr_msgs: number of MSG records, at most CR_MAX_MSGS
 * @reserved: 0
 */
struct cr_rec_msgq {
	struct cr_rec rec;
	__le32 msqid;
	__le32 key;
	__le32 mode;
	__le32 flags;
	__le32 uid, gid, cuid, cgid;
	__le32 lspid;
	__le32 lrpid;
	__le64 stime, rtime, ctime;
	__le64 qbytes;
	__le32 nr_msgs;
	__le32 reserved;
};

/**
 * struct cr_rec_msg - CR_REC_MSG: a message, the next to be received first
 * @rec: id of the MSGQ
 * @type: 1 to 2^63 - 1
 * @len: bytes of text, may be 0; all of a queue at most CR_MAX_MSG_BYTES; = tail
 *	length
 * @reserved: 0
 *
 * Tail: the text. msgsnd() must take it: MSGMAX.
 */
struct cr_rec_msg {
	struct cr_rec rec;
	__le64 type;
	__le32 len;
	__le32 reserved;
};

/**
 * struct cr_rec_semset - CR_REC_SEMSET: a System V semaphore set
 * @rec: declares the object
 * @semid: 0 to 2^31 - 1: restored, or EBUSY
 * @key, @mode, @flags, @uid, @gid, @cuid, @cgid, @ctime: as of cr_rec_msgq
 * @nsems: 1 to CR_MAX_SEMS
 * @reserved: 0
 *
 * Tail: a struct cr_semval for each semaphore. What processes undo in it is in
 * their SEMUNDO.
 */
struct cr_rec_semset {
	struct cr_rec rec;
	__le32 semid;
	__le32 key;
	__le32 mode;
	__le32 flags;
	__le32 uid, gid, cuid, cgid;
	__le64 ctime;
	__le32 nsems;
	__le32 reserved;
};

/**
 * struct cr_semval - what a semaphore of a set is
 * @semval: 0 to CR_SEM_MAX
 * @sempid: who changed it last, as cr_rec_msgq.lspid
 * @otime: seconds since the epoch: when it was changed by semop(); 0: never
 */
struct cr_semval {
	__le32 semval;
	__le32 sempid;
	__le64 otime;
};

/* cr_rec_pty.flags */
#define CR_PTY_OPENED		0x001	/* the slave is, or has been, open */
#define CR_PTY_LOCKED		0x002	/* TIOCSPTLCK: nobody may open the slave */
#define CR_PTY_PACKET		0x004	/* TIOCPKT */
#define CR_PTY_EXCL		0x008	/* TIOCEXCL, of the slave */
#define CR_PTY_MASTER_EXCL	0x010	/* of the master */
#define CR_PTY_STOPPED		0x020	/* the slave may not write: ^S */
#define CR_PTY_TCO_STOPPED	0x040	/* nor may ^Q change that: TCOOFF */
#define CR_PTY_MASTER_STOPPED	0x080	/* the same of the master */
#define CR_PTY_MASTER_TCO	0x100
#define CR_PTY_LNEXT		0x200	/* ^V was typed: the next byte is meant */
#define CR_PTY_ERASING		0x400	/* amid ECHOPRT */
#define CR_PTY_KNOWN		0x7ff

#define CR_PTY_MAX		(1u << 20)	/* pseudo-terminals of a devpts */
#define CR_PTY_NR_CC		19		/* bytes of @cc that are used */
#define CR_PTY_LINE_MAX		4096u		/* bytes in the line discipline */
#define CR_PTY_BUF_MAX		(128u << 10)	/* bytes of one PTY_BUF */

/**
 * struct cr_rec_pty - CR_REC_PTY: a pseudo-terminal with both sides in the job
 * @rec: declares the object; followed by @nr_bufs PTY_BUF
 * @index: N of /dev/pts/N, below CR_PTY_MAX: restored, or EBUSY
 * @flags: CR_PTY_*
 * @iflag, @oflag, @cflag, @lflag, @ispeed, @ospeed, @line, @cc: settings, in the
 *	numbers of struct termios2; as tcsetattr() takes them. @line is below 256;
 *	what is behind CR_PTY_NR_CC bytes of @cc is 0
 * @rows, @cols, @xpixel, @ypixel: window size, each below 65536
 * @pktstatus: TIOCPKT_*: what the next read of the master tells; PACKET only
 * @mode: permissions of the slave's node, 0 to 07777
 * @nr_bufs: number of PTY_BUF
 * @session: it controls this session of the job; 0: none. Its leader has
 *	CR_PROC_CTTY
 * @pgrp: its foreground process group, which is one of that session; 0: no
 *	session
 * @uid, @gid: of the slave's node, in the initial user namespace; as chown()
 *	may set them
 * @column, @canon_column: where the output is, and where the line began that is
 *	being typed: what erasing a tab goes by
 *
 * Tail: absolute path of the device that the master was opened by: /dev/ptmx.
 */
struct cr_rec_pty {
	struct cr_rec rec;
	__le32 index;
	__le32 flags;
	__le32 iflag, oflag, cflag, lflag;
	__le32 ispeed, ospeed;
	__u8 cc[24];
	__le32 rows, cols, xpixel, ypixel;
	__le32 line;
	__le32 pktstatus;
	__le32 mode;
	__le32 nr_bufs;
	__le32 session;
	__le32 pgrp;
	__le32 uid;
	__le32 gid;
	__le32 column;
	__le32 canon_column;
};

enum cr_pty_buf_kind {
	CR_PTY_OUTPUT		= 1,	/* the master has not read it yet */
	CR_PTY_INPUT		= 2,	/* the slave has not read it: a line, or
					 * without ICANON, or with EXTPROC, all */
	CR_PTY_TYPED		= 3,	/* written by the master, but there was no
					 * room: no character has acted yet */
};

/* cr_rec_pty_buf.flags, of INPUT with ICANON */
#define CR_PTY_BUF_END		0x1	/* the last byte ends the line; 0 is EOF */
#define CR_PTY_BUF_PUSHED	0x2	/* END: it was there before ICANON was */

/**
 * struct cr_rec_pty_buf - CR_REC_PTY_BUF: bytes in flight, oldest first
 * @rec: id of the PTY
 * @kind: enum cr_pty_buf_kind; ascending. OUTPUT, TYPED: at most one. INPUT: only
 *	the last has no END; with ICANON only there are several
 * @flags: CR_PTY_BUF_*; PUSHED: the first INPUT only
 * @len: 1 to CR_PTY_BUF_MAX; INPUT: all together at most CR_PTY_LINE_MAX;
 *	= tail length
 * @reserved: 0
 *
 * Tail: the bytes.
 */
struct cr_rec_pty_buf {
	struct cr_rec rec;
	__le32 kind;
	__le32 flags;
	__le32 len;
	__le32 reserved;
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

#define CR_SOCK_MSG_MAX_FILES	253u	/* SCM_MAX_FD */

/**
 * struct cr_rec_sock_msg - CR_REC_SOCK_MSG: a message; of a stream: a piece
 * @rec: id of the SOCKQ
 * @sender: id of the SOCK that has sent it: the receiver's peer, or any
 *	datagram socket, if the receiver is one that is BOUND
 * @flags: CR_SOCK_MSG_*
 * @pid: as cr_rec_sock.peer_pid
 * @uid, @gid: as cr_rec_sock.peer_uid
 * @len: bytes; not 0 for a stream
 * @nr_files: descriptors in flight (SCM_RIGHTS), at most CR_SOCK_MSG_MAX_FILES. The
 *	restarter's limit of open files holds for those of all his sockets
 * @reserved: 0
 *
 * Tail: __le32 for each of @nr_files: the id of a FILE, which may be there
 * several times; then the bytes. The sender's buffer (SO_SNDBUF) must take them
 * all.
 */
struct cr_rec_sock_msg {
	struct cr_rec rec;
	__le32 sender;
	__le32 flags;
	__le32 pid;
	__le32 uid;
	__le32 gid;
	__le32 len;
	__le32 nr_files;
	__le32 reserved;
};

#endif /* _LINUX_CR_IMAGE_IPC_H */
