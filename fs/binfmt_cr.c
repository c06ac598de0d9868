// SPDX-License-Identifier: GPL-2.0
/*
 * The loader: execve() of an image brings the job back, or fails with an errno
 * and leaves the caller as it was.
 *
 * Recognise, read, check; restore shared objects; build parked tasks; and only
 * when all of them are complete turn the caller into the keeper and let them
 * run.
 */
#include <linux/binfmts.h>
#include <linux/elf.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/personality.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xxhash.h>
#include <linux/cr.h>
#include <linux/cr_arch.h>
#include <linux/cr_auto.h>
#include <linux/cr_build.h>
#include <linux/cr_file.h>
#include <linux/cr_inplace.h>
#include <linux/cr_ipc.h>
#include <linux/cr_keeper.h>
#include <linux/cr_kernel.h>
#include <linux/cr_lasterr.h>
#include <linux/cr_mm.h>
#include <linux/cr_save.h>
#include <linux/cr_task.h>

#define OPTION_MAX	256

enum pid_policy {
	PID_AUTO,	/* the ids it had, in a private namespace if taken */
	PID_KEEP,
	PID_NS,
};

/* Is it an image at all, and of a version that is understood? */
static int image_probe(struct cr_restart *r, const struct linux_binprm *bprm,
		       struct elf64_hdr *ehdr)
{
	memcpy(ehdr, bprm->buf, sizeof(*ehdr));
	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) ||
	    memcmp(ehdr->e_ident + CR_EI_MAGIC, CR_MAGIC, CR_MAGIC_LEN))
		return -ENOEXEC;
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr->e_ident[EI_DATA] != ELFDATA2LSB ||
	    ehdr->e_machine != ELF_ARCH)
		return cr_err(&r->log, -EOPNOTSUPP,
			      "the image is of another machine: class %u, machine %u",
			      ehdr->e_ident[EI_CLASS], ehdr->e_machine);
	if (ehdr->e_ident[CR_EI_VERSION] != CR_VERSION)
		return cr_err(&r->log, -EOPNOTSUPP,
			      "the image is of version %u, known is %u",
			      ehdr->e_ident[CR_EI_VERSION], CR_VERSION);
	if (ehdr->e_type != ET_CORE ||
	    ehdr->e_phentsize != sizeof(struct elf64_phdr) ||
	    ehdr->e_phnum > CR_MAX_PHNUM || ehdr->e_phnum < 2)
		return cr_err(&r->log, -EBADMSG,
			      "the image is damaged: ELF header");
	return 0;
}

static int image_pread(struct cr_restart *r, void *buf, size_t len, loff_t pos)
{
	ssize_t n;

	while (len) {
		n = kernel_read(r->file, buf, min_t(size_t, len, SZ_1M), &pos);
		if (n <= 0)
			return cr_err(&r->log, n ?: -EBADMSG,
				      "the image ends, or cannot be read, at byte %lld",
				      pos);
		buf += n;
		len -= n;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Header and program headers in one buffer, as their checksum covers them */
static void *image_read_headers(struct cr_restart *r,
				const struct elf64_hdr *ehdr, size_t *size)
{
	size_t phsize = ehdr->e_phnum * sizeof(struct elf64_phdr);
	void *buf;
	int err;

	*size = sizeof(*ehdr) + phsize;
	buf = kvmalloc(*size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	memcpy(buf, ehdr, sizeof(*ehdr));
	if (ehdr->e_phoff > LLONG_MAX - phsize)
		err = cr_err(&r->log, -EBADMSG,
			     "the image is damaged: program headers");
	else
		err = image_pread(r, buf + sizeof(*ehdr), phsize,
				  ehdr->e_phoff);
	if (err) {
		kvfree(buf);
		return ERR_PTR(err);
	}
	return buf;
}

static int image_read_records(struct cr_restart *r, const struct elf64_phdr *ph)
{
	if (ph->p_filesz > CR_MAX_RECORDS_SIZE ||
	    ph->p_offset > LLONG_MAX - ph->p_filesz)
		return cr_err(&r->log, -EBADMSG,
			      "the image is damaged: records of %llu bytes",
			      ph->p_filesz);
	if (ph->p_offset + ph->p_filesz > i_size_read(file_inode(r->file)))
		return cr_err(&r->log, -EBADMSG,
			      "the image is truncated: its records are missing");
	r->records = kvmalloc(ph->p_filesz, GFP_KERNEL_ACCOUNT);
	if (!r->records)
		return -ENOMEM;
	return image_pread(r, r->records, ph->p_filesz, ph->p_offset);
}

/* Read and check everything; nothing has an effect yet */
static int image_read(struct cr_restart *r, const struct elf64_hdr *ehdr)
{
	const struct elf64_phdr *ph, *records = NULL;
	size_t size;
	void *headers;
	int i, err;

	headers = image_read_headers(r, ehdr, &size);
	if (IS_ERR(headers))
		return PTR_ERR(headers);
	ph = headers + sizeof(*ehdr);
	for (i = 0; i < ehdr->e_phnum && !records; i++)
		if (ph[i].p_type == PT_CR_RECORDS)
			records = &ph[i];
	if (!records) {
		err = cr_err(&r->log, -EBADMSG,
			     "the image is damaged: it has no records");
		goto out_free;
	}
	err = image_read_records(r, records);
	if (!err)
		err = cr_image_index(&r->img, r->records, records->p_filesz,
				     &r->log);
	if (!err && le64_to_cpu(r->img.end.header_xxh64) !=
		    xxh64(headers, size, 0))
		err = cr_err(&r->log, -EBADMSG,
			     "the image is damaged: checksum of its headers");
	if (!err)
		err = cr_image_check(&r->img,
				     i_size_read(file_inode(r->file)), &r->log);
out_free:
	kvfree(headers);
	return err;
}

/* May the caller execute this image? A set-id bit on one means nothing good */
static int image_allowed(struct cr_restart *r, const struct linux_binprm *bprm)
{
	if (file_inode(bprm->file)->i_mode & (S_ISUID | S_ISGID))
		return cr_err(&r->log, -EPERM,
			      "the image has a set-user-id or set-group-id bit");
	/* memory of the job would be readable where the image is not */
	if (file_permission(bprm->file, MAY_READ))
		return cr_err(&r->log, -EACCES, "the image is not readable");
	return cr_cred_exec_allowed(r, bprm);
}

static int option_apply(struct cr_restart *r, const char *arg,
			enum pid_policy *pid)
{
	if (!strcmp(arg, "pid=auto"))
		*pid = PID_AUTO;
	else if (!strcmp(arg, "pid=keep"))
		*pid = PID_KEEP;
	else if (!strcmp(arg, "pid=ns"))
		*pid = PID_NS;
	else if (!strcmp(arg, "files=keep"))
		r->truncate = false;
	else if (!strcmp(arg, "start=run"))
		r->start_stopped = false;
	else if (!strcmp(arg, "start=stopped"))
		r->start_stopped = true;
	else if (!strcmp(arg, "files=truncate"))
		r->truncate = true;
	else
		return cr_err(&r->log, -EINVAL,
			      "unknown option \"%s\": pid=auto|keep|ns, files=keep|truncate, start=run|stopped",
			      arg);
	return 0;
}

/* The arguments, still in the new mm's stack: name first, options behind it */
static int options_parse(struct cr_restart *r, struct linux_binprm *bprm,
			 enum pid_policy *pid)
{
	unsigned long p = bprm->p;
	char *buf;
	int i, n, err = 0;

	*pid = PID_AUTO;
	buf = kzalloc(OPTION_MAX + 1, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	for (i = 0; i < bprm->argc && !err; i++) {
		n = access_remote_vm(bprm->mm, p, buf, OPTION_MAX, 0);
		if (n <= 0)
			err = -EFAULT;
		else if (strnlen(buf, n) == n && i)
			err = cr_err(&r->log, -EINVAL, "option %d is too long",
				     i);
		else if (i)
			err = option_apply(r, buf, pid);
		/* a long name of the image is skipped in steps */
		while (!err && strnlen(buf, n) == n) {
			p += n;
			n = access_remote_vm(bprm->mm, p, buf, OPTION_MAX, 0);
			if (n <= 0)
				err = -EFAULT;
		}
		p += strnlen(buf, OPTION_MAX) + 1;
	}
	kfree(buf);
	return err;
}

static bool id_is_free(struct cr_restart *r, u32 nr)
{
	struct pid *pid;
	bool is_free;

	rcu_read_lock();
	pid = find_vpid(nr);
	is_free = !pid || (r->in_place && pid == task_pid(current));
	rcu_read_unlock();
	return is_free;
}

/* Its own, and those of groups and sessions, whose leaders may be gone */
static bool proc_ids_are_free(struct cr_restart *r, u32 id)
{
	struct cr_rec_proc rec;
	struct cr_view view;
	u32 flags;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	flags = le32_to_cpu(rec.flags);
	return id_is_free(r, le32_to_cpu(rec.pid)) &&
	       (flags & CR_PROC_SESSION_OUTSIDE ||
		id_is_free(r, le32_to_cpu(rec.sid))) &&
	       (flags & CR_PROC_PGRP_OUTSIDE ||
		id_is_free(r, le32_to_cpu(rec.pgid)));
}

static bool ids_are_free(struct cr_restart *r)
{
	struct cr_rec_thread thread;
	struct cr_view view;
	bool are_free = true;
	u32 id;

	for (id = 1; id <= r->img.nr_objects && are_free; id++) {
		if (r->img.objs[id].type == CR_REC_PROC) {
			are_free = proc_ids_are_free(r, id);
		} else if (r->img.objs[id].type == CR_REC_THREAD) {
			cr_read_obj(&r->img, id, &view, &thread,
				    sizeof(thread));
			are_free = id_is_free(r, le32_to_cpu(thread.tid));
		}
	}
	return are_free;
}

static struct cr_restart *restart_create(struct linux_binprm *bprm)
{
	struct cr_restart *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	int i;

	if (!r)
		return NULL;
	cr_log_init(&r->log, "restart");
	kref_init(&r->ref);
	init_waitqueue_head(&r->wait);
	INIT_LIST_HEAD(&r->segments);
	INIT_LIST_HEAD(&r->ipcids);
	mutex_init(&r->removed);
	xa_init(&r->rtask_nrs);
	r->file = get_file(bprm->file);
	r->caller = current;
	for (i = 0; i < RLIM_NLIMITS; i++)
		r->rlim_max[i] = rlimit_max(i);
	return r;
}

/* Everything up to the point of no return: all tasks stand there, parked */
static int restart_prepare(struct cr_restart *r, struct linux_binprm *bprm,
			   const struct elf64_hdr *ehdr)
{
	enum pid_policy pid;
	int err;

	err = image_allowed(r, bprm);
	if (err)
		return err;
	err = options_parse(r, bprm, &pid);
	if (err)
		return err;
	err = image_read(r, ehdr);
	if (err)
		return err;
	r->in_place = pid != PID_NS && cr_inplace_fits(r);
	if (pid == PID_NS || (pid == PID_AUTO && !ids_are_free(r))) {
		r->own_pidns = true;
		r->in_place = false;
	}
	err = cr_build(r);
	if (!err)
		err = cr_link(r);
	if (!err)
		err = cr_objs_finish(r) ?: cr_owners_restore(r) ?:
		      cr_leases_restore(r);
	/* who has a semaphore may write to a segment */
	if (!err)
		err = cr_ipcids_begin(r) ?: cr_semundos_restore(r) ?:
		      cr_ipcids_settle(r) ?: cr_shmids_settle(r);
	/* cannot be taken back */
	if (!err && r->truncate)
		err = cr_files_truncate(r);
	return err;
}

/* Nothing of it is left */
static void restart_undo(struct cr_restart *r)
{
	cr_abort(r);
	cr_semundo_undo(r);
	cr_ipcids_undo(r);
	cr_shmids_undo(r);
	cr_objs_undo(r);
}

/* Where its arguments are, for /proc and ps */
static void keeper_set_args(struct linux_binprm *bprm)
{
	struct mm_struct *mm = current->mm;
	unsigned long p = bprm->p;
	int i, n;

	mm->arg_start = p;
	for (i = 0; i < bprm->argc; i++) {
		n = strnlen_user((void __user *)p, MAX_ARG_STRLEN);
		if (!n || n > MAX_ARG_STRLEN)
			break;
		p += n;
	}
	mm->arg_end = p;
	mm->env_start = p;
	mm->env_end = max(p, bprm->exec);
	mm->start_stack = bprm->p;
}

void cr_keeper_mark(void)
{
	set_binfmt(&cr_format);
}

/* The caller becomes the keeper. An error here is the end of the caller */
static int keeper_become(struct cr_restart *r, struct linux_binprm *bprm)
{
	sigset_t all;
	int err;

	err = begin_new_exec(bprm);
	if (err)
		return err;
	setup_new_exec(bprm);
	set_personality_64bit();
	err = setup_arg_pages(bprm, randomize_stack_top(STACK_TOP),
			      EXSTACK_DISABLE_X);
	if (err)
		return err;
	keeper_set_args(bprm);
	cr_keeper_mark();
	/* signals are fetched: none may be ignored, and none be handled */
	flush_signal_handlers(current, 1);
	sigfillset(&all);
	set_current_blocked(&all);
	cr_files_empty();
	/* an init is in our group: it has what the terminal sends there */
	err = cr_arch_keeper_start(cr_build_child(r), !r->own_pidns &&
				   cr_build_own_group(r),
				   round_down(bprm->p, 16));
	if (err)
		return err;
	finalize_exec(bprm);
	return 0;
}

/*
 * A signal that the caller would handle waits, as for any other program's end of
 * execve(): fork() and wait() give up for it. One that ends him is not held up.
 */
static void signals_hold(sigset_t *old)
{
	struct sighand_struct *sighand = cr_sighand(current);
	sigset_t hold = current->blocked;
	int sig;

	*old = current->blocked;
	spin_lock_irq(&sighand->siglock);
	for (sig = 1; sig <= _NSIG; sig++)
		if (sighand->action[sig - 1].sa.sa_handler != SIG_DFL)
			sigaddset(&hold, sig);
	spin_unlock_irq(&sighand->siglock);
	set_current_blocked(&hold);
}

static int cr_load_binary(struct linux_binprm *bprm)
{
	struct elf64_hdr ehdr;
	struct cr_restart *r;
	sigset_t blocked;
	int err;

	/* the common case first: it is something else */
	if (memcmp(bprm->buf + CR_EI_MAGIC, CR_MAGIC, CR_MAGIC_LEN))
		return -ENOEXEC;
	r = restart_create(bprm);
	if (!r) {
		/* what it holds is of another one */
		cr_lasterr_clear();
		return -ENOMEM;
	}
	signals_hold(&blocked);
	err = image_probe(r, bprm, &ehdr);
	if (!err)
		err = restart_prepare(r, bprm, &ehdr);
	if (!err)
		err = r->in_place ? cr_inplace_become(r, bprm) :
				    keeper_become(r, bprm);
	if (err) {
		restart_undo(r);
		set_current_blocked(&blocked);
	} else if (!r->in_place) {
		cr_shmids_release(r);
		cr_ipcids_release(r);
		cr_commit(r);
	}
	if (err == -ENOEXEC)
		err = memcmp(bprm->buf, ELFMAG, SELFMAG) ? -ENOEXEC : -EBADMSG;
	if (err)
		cr_lasterr_set(&r->log);
	else
		cr_lasterr_clear();
	cr_restart_put(r);
	return err;
}

struct linux_binfmt cr_format = {
	.module = THIS_MODULE,
	.load_binary = cr_load_binary,
};

static int __init binfmt_cr_init(void)
{
	int err;

	err = cr_keeper_init();
	if (err)
		return err;
	err = cr_auto_init();
	if (err)
		goto out_keeper_exit;
	/* the last that can fail: from then on somebody may use it */
	err = cr_device_init();
	if (err)
		goto out_auto_exit;
	insert_binfmt(&cr_format);
	return 0;

out_auto_exit:
	cr_auto_exit();
out_keeper_exit:
	cr_keeper_exit();
	return err;
}

static void __exit binfmt_cr_exit(void)
{
	unregister_binfmt(&cr_format);
	cr_auto_exit();
	cr_keeper_exit();
	cr_device_exit();
	cr_lasterr_exit();
	cr_ipcids_exit();
	/* the last instructions of tasks that have left their park are ours */
	synchronize_rcu_tasks();
}

module_init(binfmt_cr_init);
module_exit(binfmt_cr_exit);
MODULE_DESCRIPTION("Checkpoint images that are executable cores");
MODULE_ALIAS("binfmt-464c");
MODULE_LICENSE("GPL");
