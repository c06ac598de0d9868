// SPDX-License-Identifier: GPL-2.0
/*
 * Pidfds: which process, or thread, of the job. It is there only when the job
 * has been built: until then a stand-in is in its place in all descriptor tables,
 * and in messages.
 *
 * Refused: of a task outside the job; a pidfd that a process outside the job
 * holds, too; an epoll that watches one. In place, at restart: of a thread of the
 * leader, which does not exist yet.
 *
 * Locks: none held over a call.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <uapi/linux/pidfd.h>
#include <linux/cr_anon.h>
#include <linux/cr_build.h>

static bool pidfd_match(struct file *file)
{
	return !IS_ERR(pidfd_pid(file));
}

/* ---- saving ---- */

static enum pid_type pidfd_type(const struct file *file)
{
	return file->f_flags & PIDFD_THREAD ? PIDTYPE_PID : PIDTYPE_TGID;
}

static void pidfd_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct file *file = obj->ptr;
	int inside = cr_pid_is_inside(s, pidfd_pid(file), pidfd_type(file));

	info->name = kstrdup("anon_inode:[pidfd]", GFP_KERNEL_ACCOUNT);
	if (!info->name)
		cr_fail(s, -ENOMEM);
	else if (!inside)
		cr_file_refuse(s, obj, "of a process outside the job");
	else if (cr_file_is_shared(s, obj))
		cr_refuse(s, obj->holder, "CR-ESHARE",
			  "%s: pidfd: shared with a process outside the job",
			  cr_file_where(obj));
}

static void pidfd_details(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	struct pid *pid = pidfd_pid(file);
	struct cr_rec_pidfd rec = {
		.flags = cpu_to_le32(pidfd_type(file) == PIDTYPE_PID ?
				     CR_PIDFD_THREAD : 0),
	};

	/* of one that is gone: nothing tells any more which number it had */
	if (cr_pid_is_inside(s, pid, pidfd_type(file)) > 0)
		rec.nr = cpu_to_le32(pid_nr_ns(pid, s->pid_ns));
	cr_write_detail(s, obj, CR_REC_PIDFD, &rec, sizeof(rec), NULL, 0);
}

/* ---- restart ---- */

static struct file *pidfd_restore(struct cr_restart *r,
				  const struct cr_rec_file *rec,
				  const char *name)
{
	/*
	 * Of nobody that matters: it is replaced, or goes. Where it is in flight in
	 * a socket that is so, too, it goes when the kernel looks for garbage: not
	 * one with operations of this module, which would keep it loaded
	 */
	struct file *file = cr_pidfd_alloc_file(task_tgid(current), 0);

	if (IS_ERR(file))
		cr_err(&r->log, PTR_ERR(file), "%*pE: cannot be made (%pe)",
		       CR_NAME(name), file);
	return file;
}

/* Of a task that is gone: a number of the job's namespace is taken and given back */
static struct pid *pid_gone(struct cr_restart *r)
{
	struct pid_namespace *ns = cr_restart_pid_ns(r);
	struct pid *pid;

	if (!ns)
		return ERR_PTR(-ESRCH);
	pid = alloc_pid(ns, NULL, 0);
	if (!IS_ERR(pid)) {
		get_pid(pid);
		free_pid(pid);
	}
	put_pid_ns(ns);
	return pid;
}

static struct pid *pidfd_pid_get(struct cr_restart *r,
				 const struct cr_rec_pidfd *rec, bool thread)
{
	u32 nr = le32_to_cpu(rec->nr);
	struct pid *pid;

	if (!nr) {
		pid = pid_gone(r);
		if (IS_ERR(pid))
			cr_err(&r->log, PTR_ERR(pid),
			       "pidfd of a task that is gone: cannot be made (%pe)",
			       pid);
		return pid;
	}
	pid = cr_restart_pid(r, nr, thread ? PIDTYPE_PID : PIDTYPE_TGID);
	if (pid)
		return pid;
	return ERR_PTR(cr_err(&r->log, -EOPNOTSUPP,
			      "pidfd of task %u: it is not there%s", nr,
			      r->in_place ? " in time, in place" : ""));
}

/* All tasks are there: the pidfd takes the place of what stood for it */
static int pidfd_finish(struct cr_restart *r, const struct cr_rec_file *rec,
			struct file *standin)
{
	struct cr_rec_pidfd pidfd;
	struct file *file;
	struct pid *pid;
	bool thread;
	u32 nr, id = le32_to_cpu(rec->rec.id);
	int err;

	cr_anon_detail(r, rec, &pidfd, sizeof(pidfd));
	nr = le32_to_cpu(pidfd.nr);
	thread = le32_to_cpu(pidfd.flags) & CR_PIDFD_THREAD;
	if (thread && !CR_HAS_PIDFD_THREAD)
		return cr_err(&r->log, -EOPNOTSUPP,
			      "pidfd of thread %u: this kernel has none of threads",
			      nr);
	pid = pidfd_pid_get(r, &pidfd, thread);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	file = cr_pidfd_alloc_file(pid, (thread ? PIDFD_THREAD : 0) |
				   (le32_to_cpu(rec->open_flags) & O_NONBLOCK));
	put_pid(pid);
	if (IS_ERR(file))
		return cr_err(&r->log, PTR_ERR(file),
			      "pidfd of task %u: cannot be made (%pe)", nr, file);
	cr_build_replace_file(r, standin, file);
	err = cr_scm_replace_file(r, id, file);
	cr_restart_set(r, id, file);
	fput(standin);
	return err;
}

const struct cr_file_type cr_pidfd_file = {
	.kind		= CR_FILE_PIDFD,
	.flags_lost	= PIDFD_THREAD,
	.match		= pidfd_match,
	.outside	= pidfd_outside,
	.save		= cr_anon_save,
	.details	= pidfd_details,
	.restore	= pidfd_restore,
	.finish		= pidfd_finish,
};
