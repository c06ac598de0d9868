// SPDX-License-Identifier: GPL-2.0
/*
 * A process has its own job saved.
 *
 * It is saved on its way out of the call, when its registers are complete: in the
 * image the call returns 1, and then 0 to who goes on.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>
#include <asm/syscall.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_critical.h>
#include <linux/cr_kernel.h>
#include <uapi/linux/cr.h>

/**
 * struct self - a call that is on its way out
 * @work: saves the job
 * @pattern: of the name (kmalloc)
 * @arg: as given
 */
struct self {
	struct callback_head work;
	char *pattern;
	struct cr_ioc_self arg;
};

/* The caller's memory, which is there again: it is what it was when it has asked */
static int report_copy(const struct cr_ioc_self *arg, const char *report)
{
	size_t len = min_t(size_t, report ? strlen(report) + 1 : 1,
			   min_t(u32, arg->report_len, CR_REPORT_MAX));
	void __user *to = u64_to_user_ptr(arg->report);

	if (!arg->report || !len)
		return 0;
	/* cut at the end, if it is too long */
	if (copy_to_user(to, report ?: "", len - 1) ||
	    put_user('\0', (char __user *)to + len - 1))
		return -EFAULT;
	return 0;
}

static void self_free(struct self *self)
{
	kfree(self->pattern);
	kfree(self);
}

static void self_save(struct callback_head *work)
{
	struct self *self = container_of(work, struct self, work);
	struct pt_regs *regs = current_pt_regs();
	char *report = NULL;
	int err;

	/* those behind this one are run first; see stop_park() */
	if (work->next && !task_work_add(current, work, TWA_NONE))
		return;
	if (!(current->flags & PF_EXITING)) {
		syscall_set_return_value(current, regs, 0, 1);
		err = cr_auto_save_asked(self->pattern, &report);
		err = report_copy(&self->arg, report) ?: err;
		syscall_set_return_value(current, regs, err, 0);
	}
	kvfree(report);
	self_free(self);
	module_put(THIS_MODULE);
}

static char *pattern_get(u64 uaddr)
{
	char *pattern;

	if (uaddr) {
		pattern = strndup_user(u64_to_user_ptr(uaddr), PATH_MAX);
		if (IS_ERR(pattern))
			return pattern;
	} else {
		pattern = kzalloc(CR_PATTERN_MAX, GFP_KERNEL);
		if (!pattern)
			return ERR_PTR(-ENOMEM);
		cr_auto_pattern(current, pattern);
	}
	if (*pattern && cr_auto_pattern_valid(pattern))
		return pattern;
	uaddr = *pattern;
	kfree(pattern);
	return ERR_PTR(uaddr ? -EINVAL : -ENOENT);
}

long cr_auto_ioc_self(void __user *uarg)
{
	struct self *self;
	int err;

	/* the save would wait for its end */
	if (cr_critical(current))
		return -EDEADLK;
	self = kzalloc(sizeof(*self), GFP_KERNEL_ACCOUNT);
	if (!self)
		return -ENOMEM;
	err = -EFAULT;
	if (copy_from_user(&self->arg, uarg, sizeof(self->arg)))
		goto out_free;
	err = -EINVAL;
	if (self->arg.flags)
		goto out_free;
	self->pattern = pattern_get(self->arg.pattern);
	if (IS_ERR(self->pattern)) {
		err = PTR_ERR(self->pattern);
		self->pattern = NULL;
		goto out_free;
	}
	init_task_work(&self->work, self_save);
	__module_get(THIS_MODULE);
	err = task_work_add(current, &self->work, TWA_RESUME);
	if (!err)
		return 0;
	module_put(THIS_MODULE);
out_free:
	self_free(self);
	return err;
}
