// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds: the count, and whether reading takes one of it or all.
 *
 * Refused: an eventfd that something else in the kernel signals (KVM, VFIO, a
 * cgroup); a count beyond what write() can reach.
 *
 * Locks: the eventfd's own, while its fields are read.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>

#define COUNT_MAX	(U64_MAX - 1)

static bool eventfd_match(struct file *file)
{
	return cr_anon_is(file, "[eventfd]");
}

/* What signals it holds a reference, and no file */
static void eventfd_outside(struct cr_save *s, struct cr_obj *obj)
{
	const struct file *file = obj->ptr;
	const struct cr_eventfd_ctx *ctx = file->private_data;

	cr_anon_outside(s, obj);
	if (kref_read(&ctx->kref) > 1 || READ_ONCE(ctx->count) > COUNT_MAX)
		cr_file_refuse(s, obj,
			       "signalled by the kernel: not supported yet");
}

/* 6.1 does not show the mode, so the structure is read; the text confirms it */
static void eventfd_details(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	struct cr_eventfd_ctx *ctx = file->private_data;
	struct cr_rec_eventfd rec = {};
	char *text = cr_anon_fdinfo(s, file);
	u64 count, shown;
	bool known;

	if (!text)
		return;
	spin_lock_irq(&ctx->wqh.lock);
	count = ctx->count;
	spin_unlock_irq(&ctx->wqh.lock);
	known = cr_anon_number(text, "eventfd-count:", 16, &shown) &&
		shown == count &&
		!(ctx->flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) &&
		(!cr_anon_number(text, "eventfd-semaphore:", 10, &shown) ||
		 shown == !!(ctx->flags & EFD_SEMAPHORE));
	kvfree(text);
	if (!known) {
		cr_anon_mismatch(s, obj);
		return;
	}
	rec.count = cpu_to_le64(count);
	rec.semaphore = cpu_to_le32(!!(ctx->flags & EFD_SEMAPHORE));
	cr_write_detail(s, obj, CR_REC_EVENTFD, &rec, sizeof(rec), NULL, 0);
}

/* The call takes 32 bits; what is beyond them is written */
static struct file *eventfd_restore(struct cr_restart *r,
				    const struct cr_rec_file *rec,
				    const char *name)
{
	struct cr_rec_eventfd e;
	struct file *file;
	struct cr_anon a;
	long fd, err = 0;
	u64 count, more;

	cr_anon_detail(r, rec, &e, sizeof(e));
	count = min_t(u64, le64_to_cpu(e.count), U32_MAX);
	more = le64_to_cpu(e.count) - count;
	err = cr_anon_begin(&a);
	if (err)
		return ERR_PTR(cr_err(&r->log, err, "%*pE: no descriptor table",
				      CR_NAME(name)));
	fd = cr_anon_call(__x64_sys_eventfd2, count,
			  e.semaphore ? EFD_SEMAPHORE : 0, 0, 0);
	if (fd >= 0 && more)
		err = cr_anon_call(__x64_sys_write, fd,
				   cr_anon_arg(&a, &more, sizeof(more)),
				   sizeof(more), 0);
	file = cr_anon_finish(r, rec, fd, err, name);
	cr_anon_end(&a);
	return file;
}

const struct cr_file_type cr_eventfd_file = {
	.kind		= CR_FILE_EVENTFD,
	.match		= eventfd_match,
	.outside	= eventfd_outside,
	.save		= cr_anon_save,
	.details	= eventfd_details,
	.restore	= eventfd_restore,
};
