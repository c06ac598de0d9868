// SPDX-License-Identifier: GPL-2.0
/*
 * Names of automatic images: the tokens of core(5) but %C and %F, and
 *
 *	%n	number of the job's image, from 1
 *	%T	when: RFC 3339, in UTC
 *
 * What core(5) says of the process is said of the job's leader, whose image it
 * is; %i, %I and %s are of the thread that had the signal.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_kernel.h>

#define TOKENS	"%pPiIugdsthefEcnT"

bool cr_auto_pattern_valid(const char *pattern)
{
	const char *p;

	/* which is a program in kernel.core_pattern */
	if (*pattern == '|')
		return false;
	for (p = pattern; *p; p++)
		if (*p == '%' && (!*++p || !strchr(TOKENS, *p)))
			return false;
	return true;
}

/* No file name has a slash, and none of these is taken for a directory */
static void name_text(struct seq_buf *out, const char *text)
{
	size_t start = out->len, i;

	seq_buf_puts(out, text);
	if (seq_buf_has_overflowed(out))
		return;
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		out->buffer[start] = '!';
	for (i = start; i < out->len; i++)
		if (out->buffer[i] == '/')
			out->buffer[i] = '!';
}

static void name_exe(struct seq_buf *out, struct task_struct *leader, bool path)
{
	struct file *exe = get_task_exe_file(leader);
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL), *text;

	text = exe && buf ? file_path(exe, buf, PATH_MAX) : NULL;
	if (IS_ERR_OR_NULL(text))
		name_text(out, leader->comm);
	else
		name_text(out, path ? text : kbasename(text));
	kfree(buf);
	if (exe)
		fput(exe);
}

static void name_time(struct seq_buf *out)
{
	struct tm tm;

	time64_to_tm(ktime_get_real_seconds(), 0, &tm);
	seq_buf_printf(out, "%04ld-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		       tm.tm_sec);
}

static int dumpable_of(struct task_struct *task)
{
	int dumpable;

	task_lock(task);
	dumpable = task->mm ? get_dumpable(task->mm) : 0;
	task_unlock(task);
	return dumpable;
}

static void name_token(struct seq_buf *out, char token,
		       struct task_struct *leader, const struct cr_cause *cause)
{
	char comm[TASK_COMM_LEN];

	switch (token) {
	case '%':
		seq_buf_putc(out, '%');
		break;
	case 'p':
		seq_buf_printf(out, "%d",
			       task_tgid_nr_ns(leader, task_active_pid_ns(leader)));
		break;
	case 'P':
		seq_buf_printf(out, "%d", task_tgid_nr(leader));
		break;
	case 'i':
		seq_buf_printf(out, "%d",
			       task_pid_nr_ns(cause->task, task_active_pid_ns(cause->task)));
		break;
	case 'I':
		seq_buf_printf(out, "%d", task_pid_nr(cause->task));
		break;
	case 'u':
		seq_buf_printf(out, "%u", from_kuid(&init_user_ns, task_uid(cause->task)));
		break;
	case 'g':
		seq_buf_printf(out, "%u", from_kgid(&init_user_ns,
					     task_cred_xxx(cause->task, gid)));
		break;
	case 'd':
		seq_buf_printf(out, "%d", dumpable_of(leader));
		break;
	case 's':
		seq_buf_printf(out, "%d", cause->info.si_signo);
		break;
	case 't':
		seq_buf_printf(out, "%lld", ktime_get_real_seconds());
		break;
	case 'h':
		down_read(&uts_sem);
		name_text(out, utsname()->nodename);
		up_read(&uts_sem);
		break;
	case 'e':
		name_text(out, get_task_comm(comm, leader));
		break;
	case 'f':
	case 'E':
		name_exe(out, leader, token == 'E');
		break;
	case 'c':
		seq_buf_printf(out, "%lu",
			       READ_ONCE(leader->signal->rlim[RLIMIT_CORE].rlim_cur));
		break;
	case 'T':
		name_time(out);
		break;
	}
}

int cr_auto_name(const char *pattern, struct task_struct *leader,
		 const struct cr_cause *cause, u32 generation, char *name,
		 size_t size)
{
	struct seq_buf out;
	const char *p;

	seq_buf_init(&out, name, size - 1);
	for (p = pattern; *p; p++) {
		if (*p != '%')
			seq_buf_putc(&out, *p);
		else if (*++p == 'n')
			seq_buf_printf(&out, "%u", generation);
		else
			name_token(&out, *p, leader, cause);
	}
	if (seq_buf_has_overflowed(&out) || !out.len)
		return -ENAMETOOLONG;
	name[out.len] = 0;
	return 0;
}
