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

/* 6.12 keeps a process' POSIX timers in a hash list */
#ifdef CONFIG_POSIX_TIMERS
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define cr_has_posix_timers(sig)	(!list_empty(&(sig)->posix_timers))
#else
#define cr_has_posix_timers(sig)	(!hlist_empty(&(sig)->posix_timers))
#endif
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

#endif /* _LINUX_CR_COMPAT_H */
