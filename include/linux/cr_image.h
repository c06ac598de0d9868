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
	CR_REC_PTY		= 0x4352010e,	/* before FILE */
	CR_REC_MSGQ		= 0x4352010f,
	CR_REC_SEMSET		= 0x43520110,
	CR_REC_AUTO		= 0x43520111,	/* before PROC */

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
	CR_REC_INOTIFY		= 0x43520214,	/* of FILE */
	CR_REC_INOTIFY_WATCH	= 0x43520215,	/* of FILE */
	CR_REC_INOTIFY_EVENT	= 0x43520216,	/* of FILE */
	CR_REC_PIDFD		= 0x43520217,	/* of FILE */
	CR_REC_PTY_BUF		= 0x43520218,	/* of PTY */
	CR_REC_PROCFILE		= 0x43520219,	/* of FILE */
	CR_REC_SEMUNDO		= 0x4352021a,	/* of PROC */
	CR_REC_LEASE		= 0x4352021b,	/* of FILE */
	CR_REC_MSG		= 0x4352021c,	/* of MSGQ */
	CR_REC_USAGE		= 0x4352021d,	/* of PROC, THREAD */
	CR_REC_MEMPOLICY	= 0x4352021e,	/* of SHM, MM, THREAD */
	CR_REC_DEBUG_X86	= 0x4352021f,	/* of THREAD */
	CR_REC_CAUSE		= 0x43520220,	/* of THREAD */
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
 * @text_size: bytes of text
 * @text_xxh64: XXH64 of the text
 * @data_size: bytes of data, at most a page; they belong to the first vvar page
 * @reserved: 0
 *
 * Tail: the vdso as an ELF shared object, for its symbols: what it takes to
 * lead the old entry points to another kernel's. Then data that its code reads
 * if it runs on another kernel: with these it makes system calls.
 */
struct cr_rec_vdso {
	struct cr_rec rec;
	__le32 vvar_size;
	__le32 text_size;
	__le64 text_xxh64;
	__le32 data_size;
	__le32 reserved;
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

#include <linux/cr_image_ipc.h>
#include <linux/cr_image_file.h>
#include <linux/cr_image_mm.h>
#include <linux/cr_image_task.h>

#endif /* _LINUX_CR_IMAGE_H */
