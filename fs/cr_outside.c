// SPDX-License-Identifier: GPL-2.0
/*
 * What led outside the job, terminals and pipes, is bound to the restarter's
 * own descriptors: "./job.crimg <input >log".
 *
 * Descriptors 0, 1 and 2 of a job on a terminal are one open file, and may be
 * three different ones of the restarter. So binding goes by number where the
 * job's leader has the description: number n is the restarter's n. All other
 * descriptors of the description get what cr_outside_restore() has found, and so
 * does a message that takes it along.
 *
 * Only what the restarter would pass on to a program: nothing close-on-exec.
 * Flags (O_NONBLOCK, O_APPEND) and everything else of the restarter's files
 * stay what they are: they are not the job's.
 *
 * All of it happens in the restarter, before there is any task: its descriptor
 * table is current's.
 */
#include <linux/fs.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/cr_file.h>

static bool is_tty(const struct cr_rec_file *rec)
{
	return le32_to_cpu(rec->flags) & CR_FILE_TTY;
}

/* The restarter's open file @fd, with a reference; NULL: none to pass on */
static struct file *caller_fget(unsigned int fd)
{
	struct file *file = fget(fd);

	if (!file || !get_close_on_exec(fd))
		return file;
	fput(file);
	return NULL;
}

static fmode_t mode_needed(const struct cr_rec_file *rec)
{
	switch (le32_to_cpu(rec->open_flags) & O_ACCMODE) {
	case O_RDONLY:
		return FMODE_READ;
	case O_WRONLY:
		return FMODE_WRITE;
	default:
		return FMODE_READ | FMODE_WRITE;
	}
}

/* A terminal is open for both, but nobody writes to standard input */
static fmode_t mode_needed_at(const struct cr_rec_file *rec, unsigned int fd)
{
	if (is_tty(rec) && fd <= 2)
		return fd ? FMODE_WRITE : FMODE_READ;
	return mode_needed(rec);
}

static struct file *caller_fget_mode(unsigned int fd, fmode_t mode)
{
	struct file *file = caller_fget(fd);

	if (!file || (file->f_mode & mode) == mode)
		return file;
	fput(file);
	return NULL;
}

struct file *cr_outside_get(const struct cr_rec_file *rec, unsigned int fd)
{
	return caller_fget_mode(fd, mode_needed_at(rec, fd));
}

static bool same_outside(const struct cr_rec_file *a,
			 const struct cr_rec_file *b)
{
	return b->kind == a->kind && is_tty(a) == is_tty(b) &&
	       a->dev == b->dev && (is_tty(a) || a->ino == b->ino);
}

/* A descriptor that stood for the same terminal, or the same pipe */
static struct file *sibling_get(struct cr_restart *r,
				const struct cr_rec_file *rec)
{
	struct cr_rec_file other;
	struct cr_view view;
	struct file *file;
	u32 id;

	for (id = 1; id <= r->img.nr_objects; id++) {
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		cond_resched();
		if (r->img.objs[id].type != CR_REC_FILE)
			continue;
		cr_read_obj(&r->img, id, &view, &other, sizeof(other));
		if (!same_outside(rec, &other))
			continue;
		file = caller_fget_mode(le32_to_cpu(other.fd),
					mode_needed(rec));
		if (file)
			return file;
	}
	return NULL;
}

/* A standard descriptor that fits, half of it, or the restarter's terminal */
static struct file *terminal_get(const struct cr_rec_file *rec)
{
	u32 own = le32_to_cpu(rec->fd);
	struct file *file = NULL;
	unsigned int fd;

	for (fd = 0; fd <= 2 && !file; fd++)
		file = caller_fget_mode(fd, mode_needed(rec));
	if (!file && own <= 2)
		file = cr_outside_get(rec, own);
	if (!file) {
		file = filp_open("/dev/tty", O_NOCTTY | O_NONBLOCK |
				 (le32_to_cpu(rec->open_flags) & O_ACCMODE), 0);
		if (IS_ERR(file))
			return PTR_ERR(file) == -ENOMEM ? file : NULL;
		cr_file_set_flags(file, O_NONBLOCK, 0);
	}
	return file;
}

struct file *cr_outside_restore(struct cr_restart *r,
				const struct cr_rec_file *rec, const char *name)
{
	u32 fd = le32_to_cpu(rec->fd);
	struct file *file;

	file = caller_fget_mode(fd, mode_needed(rec));
	if (!file)
		file = sibling_get(r, rec);
	if (!file && is_tty(rec))
		file = terminal_get(rec);
	if (!file)
		file = ERR_PTR(-EBADF);
	if (IS_ERR(file) && fd == CR_FD_IN_FLIGHT)
		cr_err(&r->log, PTR_ERR(file),
		       "%*pE, in flight, led outside the job: the restarter has no descriptor for it",
		       CR_NAME(name));
	else if (IS_ERR(file))
		cr_err(&r->log, PTR_ERR(file),
		       "fd %u (%*pE) led outside the job: the restarter has no descriptor %u that can be %s",
		       fd, CR_NAME(name), fd,
		       mode_needed(rec) == FMODE_READ ? "read" :
		       mode_needed(rec) == FMODE_WRITE ? "written" :
		       "read and written");
	return file;
}
