/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/* The checkpoint image: records of address spaces. */
#ifndef _LINUX_CR_IMAGE_MM_H
#define _LINUX_CR_IMAGE_MM_H

#include <linux/cr_image.h>

/**
 * struct cr_rec_mm - CR_REC_MM: an address space
 * @rec: declares the object; followed by its VMA records, ascending, and AUXV
 * @exe: id of the FILE that /proc/PID/exe leads to
 * @vdso: id of the VDSO that is mapped; 0: none
 * @vdso_addr: address of its text
 * @start_code..@env_end: as in prctl(PR_SET_MM), addresses below TASK_SIZE
 * @dumpable: 0: by nobody; 1: by its user; 2: by root, as fs.suid_dumpable has it
 * @thp_disable: 0 or 1: prctl(PR_SET_THP_DISABLE)
 * @nr_vmas: number of VMA records
 * @mmap_base: where mmap() begins to look for free addresses, downwards, so
 *	that the stack keeps its room; page aligned, below TASK_SIZE; 0: upwards,
 *	or not known: the restarter's stays
 * @membarrier: CR_MEMBARRIER_*: registrations of membarrier()
 * @prctl: CR_MM_*: what else prctl() has set, and mlockall()
 * @coredump_filter: /proc/PID/coredump_filter XOR its default, 0x33
 * @origin: MM whose pages it shares, copy-on-write, where both have a run at the
 *	same address with the same contents in the file; 0: none
 * @pkeys: protection keys that are allocated, a bit for each but 0, which always
 *	is; from CR_PKEYS_EXEC_SHIFT on the number of the one among them that
 *	memory gets which may only be executed; 0: none
 * @reserved2: 0
 * @hiwater_rss, @hiwater_vm: the most memory that it ever had, resident and
 *	mapped, in bytes; at most 2^61
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
	__le32 origin;
	__le32 pkeys;
	__le32 reserved2;
	__le64 hiwater_rss, hiwater_vm;
};

#define CR_PKEYS_DEFAULT	0x1
#define CR_PKEYS_EXEC_SHIFT	16
#define CR_PKEYS_KNOWN		0xffffe

#define CR_MEMBARRIER_GLOBAL	0x1	/* GLOBAL_EXPEDITED */
#define CR_MEMBARRIER_PRIVATE	0x2	/* PRIVATE_EXPEDITED */
#define CR_MEMBARRIER_SYNC_CORE	0x4	/* PRIVATE_EXPEDITED_SYNC_CORE */
#define CR_MEMBARRIER_RSEQ	0x8	/* PRIVATE_EXPEDITED_RSEQ */
#define CR_MEMBARRIER_KNOWN	0xf

#define CR_MM_MDWE		0x1	/* PR_SET_MDWE: REFUSE_EXEC_GAIN */
#define CR_MM_MDWE_NO_INHERIT	0x2
#define CR_MM_MERGE_ANY		0x4	/* PR_SET_MEMORY_MERGE */
#define CR_MM_LOCK_FUTURE	0x8	/* mlockall(MCL_FUTURE) */
#define CR_MM_LOCK_ONFAULT	0x10	/* with MCL_ONFAULT, for those */
#define CR_MM_PRCTL_KNOWN	0x1f

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
#define CR_VMA_SEALED		0x20000	/* mseal(), where the kernel has it */
#define CR_VMA_PKEY		0xf00000	/* protection key */
#define CR_VMA_PKEY_SHIFT	20
#define CR_VMA_FLAGS_KNOWN	0xf3ffff

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

/* cr_rec_mempolicy.mode and .flags: the numbers of set_mempolicy() */
#define CR_MPOL_PREFERRED		1
#define CR_MPOL_BIND			2
#define CR_MPOL_INTERLEAVE		3
#define CR_MPOL_LOCAL			4
#define CR_MPOL_PREFERRED_MANY		5
#define CR_MPOL_WEIGHTED_INTERLEAVE	6	/* where the kernel has it */

#define CR_MPOL_NUMA_BALANCING		0x2000
#define CR_MPOL_RELATIVE_NODES		0x4000
#define CR_MPOL_STATIC_NODES		0x8000
#define CR_MPOL_FLAGS_KNOWN		0xe000

#define CR_MPOL_NODES_MAX		1024u
#define CR_MPOL_RANGE_MAX		0x7ffffffffffff000ull

/**
 * struct cr_rec_mempolicy - CR_REC_MEMPOLICY: a NUMA policy
 * @rec: id of the THREAD, the MM or the SHM
 * @start: MM: of the mapping whose VMA precedes; SHM: offset, page aligned;
 *	THREAD: 0
 * @end: MM: of that mapping; SHM: > @start, page aligned, at most
 *	CR_MPOL_RANGE_MAX; THREAD: 0
 * @mode: CR_MPOL_*
 * @flags: CR_MPOL_* flags
 * @home: node that set_mempolicy_home_node() names, plus 1; 0: none
 * @nr_nodes: bits in the tail, a multiple of 64
 *
 * Of an MM: at most one, directly behind the VMA, which is ANON or FILE. Of a
 * SHM: in ascending order, they do not overlap. Of a THREAD: at most one.
 * Tail: the set of nodes, as an array of __le64; empty for LOCAL only.
 */
struct cr_rec_mempolicy {
	struct cr_rec rec;
	__le64 start;
	__le64 end;
	__le32 mode;
	__le32 flags;
	__le32 home;
	__le32 nr_nodes;
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

#endif /* _LINUX_CR_IMAGE_MM_H */
