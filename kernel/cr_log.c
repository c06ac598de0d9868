// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: one line for each failure, written where the reason is known, kept
 * for the one who asked and repeated in the kernel log.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/uaccess.h>
#include <linux/cr.h>
#include <uapi/linux/cr.h>

#define CR_LINE_MAX	512

void cr_log_init(struct cr_log *log, const char *what)
{
	mutex_init(&log->lock);
	log->buf = NULL;
	log->len = 0;
	log->what = what;
	log->quiet = false;
}

void cr_log_exit(struct cr_log *log)
{
	kvfree(log->buf);
	log->buf = NULL;
	log->len = 0;
}

/* Append a line; what does not fit is dropped: the kernel log still has it */
static void log_append(struct cr_log *log, const char *line, size_t len)
{
	char *buf;

	mutex_lock(&log->lock);
	if (log->len + len + 2 > CR_REPORT_MAX)
		goto out_unlock;
	/* grows by doubling, from one page */
	if (!log->buf || roundup_pow_of_two(log->len + 1) < log->len + len + 2) {
		buf = kvzalloc(max_t(size_t, PAGE_SIZE,
				     roundup_pow_of_two(log->len + len + 2)),
			       GFP_KERNEL);
		if (!buf)
			goto out_unlock;
		if (log->buf)
			memcpy(buf, log->buf, log->len);
		kvfree(log->buf);
		log->buf = buf;
	}
	memcpy(log->buf + log->len, line, len);
	log->len += len;
	log->buf[log->len++] = '\n';
	log->buf[log->len] = 0;
out_unlock:
	mutex_unlock(&log->lock);
}

static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 20);

void cr_log_quiet(struct cr_log *log)
{
	log->quiet = true;
}

void cr_log_print(struct cr_log *log, size_t from, int err)
{
	const char *line = log->buf + from, *end = log->buf + log->len, *nl;

	log->quiet = false;
	for (; log->buf && line < end; line = nl + 1) {
		nl = memchr(line, '\n', end - line);
		if (!nl)
			break;
		if (__ratelimit(&limit))
			pr_info("binfmt_cr: %s: %.*s (error %d)\n", log->what,
				(int)(nl - line), line, -err);
	}
}

int cr_err(struct cr_log *log, int err, const char *fmt, ...)
{
	char *line;
	va_list args;
	int len;

	line = kmalloc(CR_LINE_MAX, GFP_KERNEL);
	if (!line)
		return err;
	va_start(args, fmt);
	len = vscnprintf(line, CR_LINE_MAX, fmt, args);
	va_end(args);
	if (log)
		log_append(log, line, len);
	if (!(log && log->quiet) && __ratelimit(&limit))
		pr_info("binfmt_cr: %s: %s (error %d)\n", log ? log->what : "image", line,
			-err);
	kfree(line);
	return err;
}

int cr_log_copy_to_user(struct cr_log *log, u64 uaddr, u32 len)
{
	size_t n = min_t(size_t, log->len + 1, len);
	char nul = 0;

	if (!uaddr || !len)
		return 0;
	if (!log->buf)
		return copy_to_user(u64_to_user_ptr(uaddr), &nul, 1) ?
		       -EFAULT : 0;
	if (copy_to_user(u64_to_user_ptr(uaddr), log->buf, n) ||
	    copy_to_user(u64_to_user_ptr(uaddr + n - 1), &nul, 1))
		return -EFAULT;
	return 0;
}
