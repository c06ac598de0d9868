// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/crimg: the door of the saver. Anybody may open it; what a caller may do
 * is decided for each job by the rules of ptrace.
 *
 * A handle is a file: it holds the isolated job, and closing it, also by the
 * death of its owner, lets the job go.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_critical.h>
#include <linux/cr_file.h>
#include <linux/cr_isolate.h>
#include <linux/cr_keeper.h>
#include <linux/cr_kernel.h>
#include <linux/cr_lasterr.h>
#include <linux/cr_save.h>
#include <linux/cr_tree.h>
#include <uapi/linux/cr.h>

/**
 * struct handle - an isolated job
 * @lock: one ioctl at a time
 * @save: what collect has found
 * @iso: what holds it; NULL: released
 */
struct handle {
	struct mutex lock;
	struct cr_save save;
	struct cr_isolate *iso;
};

static int report(struct cr_save *s, u64 uaddr, u32 len, int err)
{
	int fault = cr_log_copy_to_user(&s->log, uaddr,
					min_t(u32, len, CR_REPORT_MAX));

	return err ?: fault;
}

static struct task_struct *leader_of_pidfd(int fd)
{
	struct task_struct *task;
	unsigned int flags;
	struct pid *pid;

	pid = pidfd_get_pid(fd, &flags);
	if (IS_ERR(pid))
		return ERR_CAST(pid);
	task = get_pid_task(pid, PIDTYPE_TGID);
	put_pid(pid);
	return task ?: ERR_PTR(-ESRCH);
}

static int isolate_args(struct cr_ioc_isolate *arg, void __user *uarg)
{
	if (copy_from_user(arg, uarg, sizeof(*arg)))
		return -EFAULT;
	if (arg->flags || arg->reserved || arg->timeout_ms > 3600 * 1000)
		return -EINVAL;
	return 0;
}

static int isolate_results(struct cr_save *s, struct cr_ioc_isolate *arg,
			   void __user *uarg)
{
	arg->nr_procs = s->nr_procs;
	arg->nr_threads = s->nr_threads;
	arg->memory = s->memory_estimate;
	arg->leader_pid = s->leader ? task_tgid_vnr(s->leader) : 0;
	return copy_to_user(uarg, arg, sizeof(*arg)) ? -EFAULT : 0;
}

static long ioc_check(void __user *uarg)
{
	struct cr_ioc_isolate arg;
	struct task_struct *task;
	struct cr_save *s;
	int err;

	err = isolate_args(&arg, uarg);
	if (err)
		return err;
	task = leader_of_pidfd(arg.pidfd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s) {
		put_task_struct(task);
		return -ENOMEM;
	}
	err = cr_save_init(s, task);
	s->looks = true;
	if (!err)
		err = cr_claim(s);
	if (!err)
		err = cr_collect(s, false);
	err = report(s, arg.report, arg.report_len, err);
	if (!err)
		err = isolate_results(s, &arg, uarg);
	cr_save_exit(s);
	kfree(s);
	put_task_struct(task);
	return err;
}

static void handle_free(struct handle *h)
{
	cr_isolate_put(h->iso);
	cr_save_exit(&h->save);
	kfree(h);
}

static int handle_isolate(struct handle *h, struct task_struct *task,
			  unsigned int timeout_ms)
{
	int err;

	err = cr_save_init(&h->save, task);
	if (!err)
		err = cr_claim(&h->save);
	if (err)
		return err;
	h->iso = cr_isolate_create();
	if (!h->iso)
		return -ENOMEM;
	return cr_save_isolate(&h->save, h->iso, timeout_ms);
}

static const struct file_operations handle_fops;

static long ioc_isolate(void __user *uarg)
{
	struct cr_ioc_isolate arg;
	struct task_struct *task;
	struct handle *h;
	int err, fd;

	err = isolate_args(&arg, uarg);
	if (err)
		return err;
	task = leader_of_pidfd(arg.pidfd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	if (!h) {
		err = -ENOMEM;
		goto out_put_task;
	}
	mutex_init(&h->lock);
	err = handle_isolate(h, task, arg.timeout_ms);
	err = report(&h->save, arg.report, arg.report_len, err);
	if (!err)
		err = isolate_results(&h->save, &arg, uarg);
	if (err)
		goto out_free;
	fd = anon_inode_getfd("[crimg]", &handle_fops, h, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto out_free;
	}
	put_task_struct(task);
	return fd;

out_free:
	handle_free(h);
out_put_task:
	put_task_struct(task);
	return err;
}

static long ioc_save(struct handle *h, void __user *uarg)
{
	struct cr_ioc_save arg;
	struct file *out;
	int err;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if ((arg.flags & ~CR_SAVE_WITH_FILES) || arg.reserved)
		return -EINVAL;
	if (!h->iso)
		return -EINVAL;
	out = fget(arg.fd);
	if (!out)
		return -EBADF;
	err = -EINVAL;
	if (!S_ISREG(file_inode(out)->i_mode) || !(out->f_mode & FMODE_WRITE) ||
	    (out->f_flags & O_APPEND))
		goto out_fput;
	/* a second image of the same stop, or not all is there: collect afresh */
	err = h->save.nr_objs || h->save.err ? cr_collect(&h->save, true) : 0;
	/* who was killed since then has no memory, and no registers */
	if (!err)
		err = cr_isolate_holds(h->iso, &h->save);
	if (!err && (arg.flags & CR_SAVE_WITH_FILES))
		err = cr_carried_collect(&h->save);
	if (!err)
		err = cr_save_image(&h->save, h->iso, out);
	err = report(&h->save, arg.report, arg.report_len, err);
	arg.stored = i_size_read(file_inode(out));
	arg.memory = h->save.memory;
	arg.stopped_ns = ktime_to_ns(ktime_sub(ktime_get(), h->iso->since));
	if (!err && copy_to_user(uarg, &arg, sizeof(arg)))
		err = -EFAULT;
out_fput:
	fput(out);
	return err;
}

/* As a process: its first thread may have exited, or be waited for just now */
static void signal_process(struct cr_proc *proc, int sig)
{
	struct pid *pid = get_task_pid(proc->task, PIDTYPE_TGID);

	kill_pid(pid, sig, 1);
	put_pid(pid);
}

static void signal_all(struct cr_save *s, int sig)
{
	struct cr_proc *proc;

	list_for_each_entry(proc, &s->procs, list)
		if (!proc->zombie)
			signal_process(proc, sig);
}

static long ioc_release(struct handle *h, unsigned long how)
{
	int err;

	if (how > CR_RELEASE_KILL)
		return -EINVAL;
	if (!h->iso)
		return -EINVAL;
	/* a collect that has failed may have left nobody in the list */
	if (how != CR_RELEASE_CONTINUE && list_empty(&h->save.procs)) {
		err = cr_procs_get(&h->save);
		if (err && err != -ESRCH)
			return err;
	}
	if (how == CR_RELEASE_STOP)
		signal_all(&h->save, SIGSTOP);
	if (how == CR_RELEASE_KILL) {
		signal_all(&h->save, SIGKILL);
		cr_keepers_continue(h->save.leader);
	}
	cr_isolate_put(h->iso);
	h->iso = NULL;
	return 0;
}

static long handle_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct handle *h = file->private_data;
	long ret;

	if (mutex_lock_killable(&h->lock))
		return -EINTR;
	switch (cmd) {
	case CR_IOC_SAVE:
		ret = ioc_save(h, (void __user *)arg);
		break;
	case CR_IOC_RELEASE:
		ret = ioc_release(h, arg);
		break;
	default:
		ret = -ENOTTY;
	}
	mutex_unlock(&h->lock);
	return ret;
}

static int handle_release(struct inode *inode, struct file *file)
{
	handle_free(file->private_data);
	return 0;
}

static const struct file_operations handle_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = handle_ioctl,
	.release = handle_release,
	.llseek = noop_llseek,
};

static long ioc_last_error(void __user *uarg)
{
	struct cr_ioc_error arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return cr_lasterr_get(arg.pid, arg.report,
			      min_t(u32, arg.report_len, CR_REPORT_MAX));
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case CR_IOC_ISOLATE:
		return ioc_isolate((void __user *)arg);
	case CR_IOC_CHECK:
		return ioc_check((void __user *)arg);
	case CR_IOC_LAST_ERROR:
		return ioc_last_error((void __user *)arg);
	case CR_IOC_AUTO:
		return cr_auto_ioc_job((void __user *)arg, leader_of_pidfd);
	case CR_IOC_CRITICAL:
		if (arg > CR_CRITICAL_BEGIN)
			return -EINVAL;
		return arg == CR_CRITICAL_BEGIN ? cr_critical_begin(file) :
						  cr_critical_end(file);
	case CR_IOC_SAVE_SELF:
		return cr_auto_ioc_self((void __user *)arg);
	}
	return -ENOTTY;
}

static int device_release(struct inode *inode, struct file *file)
{
	cr_critical_release(file);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.release = device_release,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "crimg",
	.fops = &device_fops,
	.mode = 0666,
};

dev_t cr_device_number(void)
{
	return MKDEV(MISC_MAJOR, device.minor);
}

int cr_device_init(void)
{
	return misc_register(&device);
}

void cr_device_exit(void)
{
	misc_deregister(&device);
}
