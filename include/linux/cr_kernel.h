/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the kernel that no public header declares. In a tree they are
 * linked like any other; outside tools/klplink has the kernel resolve them at
 * load. Each under the file that defines it.
 */
#ifndef _LINUX_CR_KERNEL_H
#define _LINUX_CR_KERNEL_H

#include <linux/types.h>
#include <linux/cr_compat.h>

struct restart_block;
struct path;

/* fs/file.c */
int __close_range(unsigned int fd, unsigned int max_fd, unsigned int flags);

/* fs/namespace.c */
int path_mount(const char *dev_name, struct path *path, const char *type_page,
	       unsigned long flags, void *data_page);

/* mm/mlock.c, mm/mprotect.c, kernel/sched/membarrier.c, kernel/sys.c: calls */
struct pt_regs;
asmlinkage long __x64_sys_membarrier(const struct pt_regs *regs);
asmlinkage long __x64_sys_prctl(const struct pt_regs *regs);
asmlinkage long __x64_sys_mlock2(const struct pt_regs *regs);
asmlinkage long __x64_sys_mlockall(const struct pt_regs *regs);
asmlinkage long __x64_sys_mprotect(const struct pt_regs *regs);
asmlinkage long __x64_sys_pkey_mprotect(const struct pt_regs *regs);

/* mm/mempolicy.c: calls */
asmlinkage long __x64_sys_mbind(const struct pt_regs *regs);
asmlinkage long __x64_sys_set_mempolicy(const struct pt_regs *regs);
asmlinkage long __x64_sys_set_mempolicy_home_node(const struct pt_regs *regs);

/* arch/x86/mm/tlb.c: flush_tlb_mm() without the macro, which modules do not see */
struct mm_struct;
void flush_tlb_mm_range(struct mm_struct *mm, unsigned long start,
			unsigned long end, unsigned int stride_shift,
			bool freed_tables);

/* kernel/time/itimer.c, kernel/time/posix-timers.c: calls */
asmlinkage long __x64_sys_setitimer(const struct pt_regs *regs);
asmlinkage long __x64_sys_timer_create(const struct pt_regs *regs);
asmlinkage long __x64_sys_timer_settime(const struct pt_regs *regs);

/* fs/namei.c */
struct dentry;
struct vfsmount;
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt,
		    const char *name, unsigned int flags, struct path *path);

struct filename;
int do_mkdirat(int dfd, struct filename *name, umode_t mode);
int do_rmdir(int dfd, struct filename *name);
int do_unlinkat(int dfd, struct filename *name);
int do_renameat2(int olddfd, struct filename *from, int newdfd,
		 struct filename *to, unsigned int flags);

/* ipc/shm.c, ipc/sem.c, ipc/msg.c: calls */
asmlinkage long __x64_sys_msgctl(const struct pt_regs *regs);
asmlinkage long __x64_sys_shmctl(const struct pt_regs *regs);
asmlinkage long __x64_sys_semctl(const struct pt_regs *regs);

/* fs/eventfd.c, fs/read_write.c: calls */
asmlinkage long __x64_sys_eventfd2(const struct pt_regs *regs);
asmlinkage long __x64_sys_write(const struct pt_regs *regs);

/* fs/timerfd.c: calls */
asmlinkage long __x64_sys_timerfd_create(const struct pt_regs *regs);
asmlinkage long __x64_sys_timerfd_settime(const struct pt_regs *regs);

/* mm/memfd.c: calls */
asmlinkage long __x64_sys_memfd_create(const struct pt_regs *regs);

/* fs/signalfd.c: calls */
asmlinkage long __x64_sys_signalfd4(const struct pt_regs *regs);

/* fs/notify/inotify/inotify_user.c: calls */
asmlinkage long __x64_sys_inotify_init1(const struct pt_regs *regs);
asmlinkage long __x64_sys_inotify_add_watch(const struct pt_regs *regs);

/* fs/eventpoll.c: calls */
asmlinkage long __x64_sys_epoll_create1(const struct pt_regs *regs);
asmlinkage long __x64_sys_epoll_wait(const struct pt_regs *regs);

/* fs/locks.c: flock() */
asmlinkage long __x64_sys_flock(const struct pt_regs *regs);

/* drivers/tty/tty_io.c: compared */
struct file;
long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* drivers/tty/tty_io.c, drivers/tty/tty_buffer.c */
struct tty_struct;
struct tty_port;
void __stop_tty(struct tty_struct *tty);
void __start_tty(struct tty_struct *tty);
void tty_buffer_flush_work(struct tty_port *port);

#endif /* _LINUX_CR_KERNEL_H */
