// SPDX-License-Identifier: GPL-2.0
/*
 * Files on the anonymous inode, which has no name and no state: all state hangs
 * on the open file. Saved is what /proc/PID/fdinfo shows; they are made again
 * by the system calls that make them, which want descriptors and memory of a
 * process. The loader lends them a page of the caller's memory and an empty
 * descriptor table.
 *
 * Refused: a file that a process outside the job holds, too.
 */
#include <linux/anon_inodes.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/init_task.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/ptrace.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/cr_anon.h>
#include <linux/cr_mm.h>

#define FDINFO_MAX	(64u << 20)

/* ---- saving ---- */

bool cr_anon_is(const struct file *file, const char *name)
{
	const struct dentry *dentry = file->f_path.dentry;

	return dentry->d_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(dentry->d_name.name, name);
}

void cr_anon_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	const struct file *file = obj->ptr;

	info->name = kasprintf(GFP_KERNEL_ACCOUNT, "anon_inode:%s",
			       file->f_path.dentry->d_name.name);
	if (!info->name) {
		cr_fail(s, -ENOMEM);
		return;
	}
	if (cr_file_is_shared(s, obj))
		cr_refuse(s, obj->holder, "CR-ESHARE",
			  "%s: %*pE: shared with a process outside the job",
			  cr_file_where(obj), CR_NAME(info->name));
}

const char *cr_anon_save(struct cr_save *s, struct cr_obj *obj,
			 struct cr_rec_file *rec)
{
	return cr_file_info(obj)->name;
}

char *cr_anon_fdinfo(struct cr_save *s, struct file *file)
{
	struct seq_file m;
	size_t size;

	for (size = PAGE_SIZE; size <= FDINFO_MAX; size *= 4) {
		memset(&m, 0, sizeof(m));
		m.buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!m.buf) {
			cr_fail(s, -ENOMEM);
			return NULL;
		}
		m.size = size;
		m.file = file;
		file->f_op->show_fdinfo(&m, file);
		if (!seq_has_overflowed(&m)) {
			m.buf[m.count] = '\0';
			return m.buf;
		}
		kvfree(m.buf);
	}
	cr_fail(s, -E2BIG);
	return NULL;
}

bool cr_anon_number(const char *text, const char *key, unsigned int base,
		    u64 *value)
{
	size_t len = strlen(key);

	while (text && strncmp(text, key, len)) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	if (!text)
		return false;
	text = skip_spaces(text + len);
	*value = simple_strtoull(text, NULL, base);
	return isxdigit(*text);
}

void cr_anon_mismatch(struct cr_save *s, struct cr_obj *obj)
{
	cr_refuse(s, obj->holder, "CR-EFD",
		  "%s: %*pE: not as this module knows it: another kernel",
		  cr_file_where(obj), CR_NAME(cr_file_info(obj)->name));
}

/* ---- restart ---- */

int cr_anon_table_begin(struct cr_anon *a)
{
	/* that of kernel threads, who have no descriptors */
	struct files_struct *empty = dup_fd(&init_files, NULL);

	if (IS_ERR(empty))
		return PTR_ERR(empty);
	task_lock(current);
	a->files = current->files;
	current->files = empty;
	task_unlock(current);
	return 0;
}

void cr_anon_table_end(struct cr_anon *a)
{
	struct files_struct *files;

	task_lock(current);
	files = current->files;
	current->files = a->files;
	task_unlock(current);
	put_files_struct(files);
}

int cr_anon_begin(struct cr_anon *a)
{
	int err;

	a->page = cr_lend(PAGE_SIZE, 0);
	if (IS_ERR_VALUE(a->page))
		return a->page;
	err = cr_anon_table_begin(a);
	if (err)
		cr_lend_end(a->page, PAGE_SIZE);
	return err;
}

void cr_anon_end(struct cr_anon *a)
{
	cr_anon_table_end(a);
	cr_lend_end(a->page, PAGE_SIZE);
}

unsigned long cr_anon_arg(struct cr_anon *a, const void *arg, size_t size)
{
	if (size > PAGE_SIZE ||
	    copy_to_user((void __user *)a->page, arg, size))
		return 0;
	return a->page;
}

long cr_anon_call(cr_syscall_fn fn, unsigned long a1, unsigned long a2,
		  unsigned long a3, unsigned long a4)
{
	struct pt_regs args = {
		.di = a1,
		.si = a2,
		.dx = a3,
		.r10 = a4,
	};

	return fn(&args);
}

struct file *cr_anon_finish(struct cr_restart *r, const struct cr_rec_file *rec,
			    long fd, long err, const char *name)
{
	const unsigned int known = O_NONBLOCK | O_APPEND | O_LARGEFILE |
				   O_NOATIME;	/* as fcntl() sets them */
	unsigned int flags = le32_to_cpu(rec->open_flags) & known;
	struct file *file = NULL;

	if (fd < 0)
		err = fd;
	if (err >= 0) {
		file = fget(fd);
		err = file ? 0 : -EBADF;
	}
	if (err) {
		cr_err(&r->log, err, "%*pE: cannot be made (%pe)",
		       CR_NAME(name), ERR_PTR(err));
		return ERR_PTR(err);
	}
	cr_file_set_flags(file, known, flags);
	return file;
}

void cr_anon_detail(struct cr_restart *r, const struct cr_rec_file *rec,
		    void *detail, size_t size)
{
	struct cr_detail_iter it;

	cr_detail_first(&r->img, le32_to_cpu(rec->rec.id), &it);
	cr_detail(&it, detail, size);
}
