// SPDX-License-Identifier: GPL-2.0
/*
 * Terminals outside the job: replaced by the restarter's (fs/cr_outside.c). So
 * nothing of such a terminal is saved: settings, window size and what was typed
 * ahead are those of the terminal that it is restarted on. A pseudo-terminal
 * with both sides in the job is another matter: cr_pty.c.
 *
 * Refused: the master of a BSD pseudo-terminal; a terminal that was hung up.
 */
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/cr_file.h>
#include <linux/cr_kernel.h>

/* Hanging up replaces the operations */
static bool is_tty(struct file *file)
{
	return S_ISCHR(file_inode(file)->i_mode) &&
	       READ_ONCE(file->f_op)->unlocked_ioctl == tty_ioctl;
}

/* An open file keeps its tty, also when it was opened as /dev/tty */
struct tty_struct *cr_tty_of(struct file *file)
{
	struct tty_file_private *priv = file->private_data;

	if (!is_tty(file) && !tty_hung_up_p(file))
		return NULL;
	return priv->tty;
}

bool cr_tty_is_master(struct file *file)
{
	const struct tty_driver *driver;

	if (!is_tty(file))
		return false;
	driver = cr_tty_of(file)->driver;
	return driver->type == TTY_DRIVER_TYPE_PTY &&
	       driver->subtype == PTY_TYPE_MASTER;
}

static bool tty_match(struct file *file)
{
	return is_tty(file) && !cr_tty_is_master(file);
}

void cr_tty_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	const struct tty_struct *tty = cr_tty_of(obj->ptr);

	info->name = kasprintf(GFP_KERNEL_ACCOUNT, "terminal %s",
			       tty_name(tty));
	if (!info->name)
		cr_fail(s, -ENOMEM);
}

const char *cr_tty_save(struct cr_save *s, struct cr_obj *obj,
			struct cr_rec_file *rec)
{
	dev_t dev = tty_devnum(cr_tty_of(obj->ptr));

	rec->kind = cpu_to_le32(CR_FILE_OUTSIDE);
	rec->flags |= cpu_to_le32(CR_FILE_TTY);
	rec->fd = cpu_to_le32(obj->fd);
	rec->dev = cpu_to_le64(new_encode_dev(dev));
	return cr_file_info(obj)->name;
}

const struct cr_file_type cr_tty_file = {
	.kind		= CR_FILE_OUTSIDE,
	.match		= tty_match,
	.outside	= cr_tty_outside,
	.save		= cr_tty_save,
	.restore	= cr_outside_restore,
};
