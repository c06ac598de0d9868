// SPDX-License-Identifier: GPL-2.0
/*
 * Open files of pseudo-terminals (cr_pty.c): the master; slaves, in any number;
 * slaves that were hung up because their master was closed, which have no state
 * but that.
 *
 * A slave that was opened as /dev/tty is opened by its own node.
 *
 * Refused: masters not opened for reading and writing; descriptions that a
 * process outside the job holds, too.
 */
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include "cr_pty.h"

#define PTMX		"/dev/ptmx"

/* Flags that an open terminal may have: fcntl() sets no others */
#define PTY_OPEN_FLAGS	(CR_OPEN_FLAGS & ~(O_DIRECT | O_DIRECTORY))

static bool is_devpts(const struct tty_struct *tty)
{
	return tty->driver->flags & TTY_DRIVER_DEVPTS_MEM;
}

static void refuse_shared(struct cr_save *s, struct cr_obj *obj)
{
	if (cr_file_is_shared(s, obj))
		cr_refuse(s, obj->holder, "CR-ESHARE",
			  "%s: %*pE: shared with a process outside the job",
			  cr_file_where(obj),
			  CR_NAME(cr_file_info(obj)->name ?: "terminal"));
}

/* ---- the master ---- */

static bool master_match(struct file *file)
{
	return cr_tty_is_master(file) && is_devpts(cr_tty_of(file));
}

static void master_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct file *file = obj->ptr;
	struct cr_obj *pty = cr_obj_add(s, CR_OBJ_PTY, cr_tty_of(file),
					obj->holder, 1);

	if (pty)
		pty->aux = obj;
	if ((file->f_flags & O_ACCMODE) != O_RDWR)
		cr_file_refuse(s, obj,
			       "master not opened for reading and writing: not supported yet");
}

static void master_outside(struct cr_save *s, struct cr_obj *obj)
{
	cr_named_outside(s, obj);
	refuse_shared(s, obj);
}

static const char *master_save(struct cr_save *s, struct cr_obj *obj,
			       struct cr_rec_file *rec)
{
	rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_PTY, cr_tty_of(obj->ptr)));
	return cr_file_info(obj)->name;
}

static void file_set_flags(struct file *file, const struct cr_rec_file *rec)
{
	cr_file_set_flags(file, ~0u,
			  le32_to_cpu(rec->open_flags) & PTY_OPEN_FLAGS);
}

static struct file *master_restore(struct cr_restart *r,
				   const struct cr_rec_file *rec,
				   const char *name)
{
	struct cr_pty *pty = cr_restart_get(r, le32_to_cpu(rec->obj));

	if (pty->taken)
		return ERR_PTR(cr_err(&r->log, -EBADMSG,
				      "%*pE: a second master of a pseudo-terminal",
				      CR_NAME(name)));
	pty->taken = true;
	file_set_flags(pty->master, rec);
	return get_file(pty->master);
}

const struct cr_file_type cr_pty_master_file = {
	.kind		= CR_FILE_PTY_MASTER,
	.match		= master_match,
	.collect	= master_collect,
	.outside	= master_outside,
	.save		= master_save,
	.restore	= master_restore,
};

/* ---- slaves ---- */

static bool slave_match(struct file *file)
{
	struct tty_struct *tty = cr_tty_of(file);

	return tty && is_devpts(tty) && !tty_hung_up_p(file) &&
	       tty->driver->subtype == PTY_TYPE_SLAVE;
}

static void slave_outside(struct cr_save *s, struct cr_obj *obj)
{
	cr_tty_outside(s, obj);
	if (cr_pty_is_inside(s, cr_tty_of(obj->ptr)))
		refuse_shared(s, obj);
}

static const char *slave_save(struct cr_save *s, struct cr_obj *obj,
			      struct cr_rec_file *rec)
{
	struct tty_struct *tty = cr_tty_of(obj->ptr);

	if (!cr_pty_is_inside(s, tty))
		return cr_tty_save(s, obj, rec);
	rec->obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_PTY, tty->link));
	return cr_file_info(obj)->name;
}

static struct file *slave_open(struct cr_restart *r, struct file *master,
			       const struct cr_rec_file *rec, const char *name)
{
	u32 mode = le32_to_cpu(rec->open_flags) & O_ACCMODE;
	struct file *file = cr_pty_open_slave(master, mode | O_NONBLOCK);

	if (IS_ERR(file))
		cr_err(&r->log, PTR_ERR(file), "%*pE: cannot be opened (%pe)",
		       CR_NAME(name), file);
	else
		file_set_flags(file, rec);
	return file;
}

static struct file *slave_restore(struct cr_restart *r,
				  const struct cr_rec_file *rec,
				  const char *name)
{
	struct cr_pty *pty = cr_restart_get(r, le32_to_cpu(rec->obj));

	return slave_open(r, pty->master, rec, name);
}

const struct cr_file_type cr_pty_slave_file = {
	.kind		= CR_FILE_PTY_SLAVE,
	.match		= slave_match,
	.outside	= slave_outside,
	.save		= slave_save,
	.restore	= slave_restore,
};

/* ---- slaves that were hung up ---- */

static bool hungup_match(struct file *file)
{
	struct tty_struct *tty;

	if (!tty_hung_up_p(file))
		return false;
	tty = cr_tty_of(file);
	return is_devpts(tty) && tty->driver->subtype == PTY_TYPE_SLAVE;
}

/* A master of the job says so itself */
static void hungup_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct tty_struct *tty = cr_tty_of(obj->ptr);

	if (!test_bit(TTY_OTHER_CLOSED, &tty->flags) &&
	    !cr_pty_is_inside(s, tty))
		cr_refuse(s, obj->holder, "CR-ETTY",
			  "pseudo-terminal %d: was hung up, and its master is open: not supported yet",
			  tty->index);
	cr_tty_outside(s, obj);
	refuse_shared(s, obj);
}

static const char *hungup_save(struct cr_save *s, struct cr_obj *obj,
			       struct cr_rec_file *rec)
{
	return cr_file_info(obj)->name;
}

/* A master that is closed at once; any will do */
static struct file *hungup_restore(struct cr_restart *r,
				   const struct cr_rec_file *rec,
				   const char *name)
{
	struct file *master = filp_open(PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK,
					0);
	struct file *file;

	if (!IS_ERR(master) && !master_match(master)) {
		fput(master);
		master = ERR_PTR(-ESTALE);
	}
	if (IS_ERR(master)) {
		cr_err(&r->log, PTR_ERR(master),
		       "%*pE: hung up: " PTMX " cannot be opened (%pe)",
		       CR_NAME(name), master);
		return master;
	}
	cr_pty_set_lock(cr_tty_of(master), false);
	file = slave_open(r, master, rec, name);
	cr_file_put(master);
	return file;
}

const struct cr_file_type cr_pty_hungup_file = {
	.kind		= CR_FILE_PTY_HUNGUP,
	.match		= hungup_match,
	.outside	= hungup_outside,
	.save		= hungup_save,
	.restore	= hungup_restore,
};
