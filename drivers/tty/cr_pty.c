// SPDX-License-Identifier: GPL-2.0
/*
 * Pseudo-terminals with both sides in the job: number, settings, window size,
 * modes, the slave's node, what is in flight (cr_n_tty.c), and the session that
 * they control. Their open files: cr_pty_file.c. One whose master is outside is
 * a terminal outside (cr_tty.c).
 *
 * A master is opened as the job has opened it, by the name of /dev/ptmx, with
 * the number that it had (cr_pty_number.c), and everything else is set through
 * it and its slave. The session gets its terminal last (cr_ctty.c).
 *
 * Refused: a slave that is open outside the job, too; a slave that was hung up
 * while its master is open; other line disciplines; locked settings.
 *
 * Locks: files_lock, ctrl.lock, flow.lock, shortly.
 */
#include <linux/devpts_fs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_ldisc.h>
#include <linux/cr_kernel.h>
#include "cr_pty.h"

static_assert(sizeof_field(struct ktermios, c_cc) == CR_PTY_NR_CC,
	      "control characters");

/* ---- saving ---- */

bool cr_pty_is_inside(struct cr_save *s, const struct tty_struct *tty)
{
	return (tty->driver->flags & TTY_DRIVER_DEVPTS_MEM) &&
	       tty->driver->subtype == PTY_TYPE_SLAVE &&
	       cr_obj_find(s, CR_OBJ_PTY, tty->link);
}

static void pty_get(struct cr_obj *obj)
{
	tty_kref_get(obj->ptr);
}

static void pty_put(struct cr_obj *obj)
{
	tty_kref_put(obj->ptr);
}

/* Who else has the slave open? A hung up file is the slave's, too */
static const char *slave_users(struct cr_save *s, struct tty_struct *slave)
{
	const char *why = NULL;
	struct tty_file_private *priv;

	spin_lock(&slave->files_lock);
	list_for_each_entry(priv, &slave->tty_files, list) {
		if (tty_hung_up_p(priv->file))
			why = "was hung up, and its master is open: not supported yet";
		else if (!cr_obj_find(s, CR_OBJ_FILE, priv->file))
			why = "is open outside the job, too";
		if (why)
			break;
	}
	spin_unlock(&slave->files_lock);
	return why;
}

static const char *side_known(struct tty_struct *tty)
{
	struct tty_ldisc *ld = tty_ldisc_ref(tty);
	bool known = ld && ld->ops->num == N_TTY;

	if (ld)
		tty_ldisc_deref(ld);
	return known ? NULL : "another line discipline: not supported yet";
}

static void pty_refuse(struct cr_save *s, struct cr_obj *obj, const char *why)
{
	const struct tty_struct *master = obj->ptr;

	cr_refuse(s, obj->holder, "CR-ETTY", "pseudo-terminal %d: %s",
		  master->index, why);
}

static void pty_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct tty_struct *master = obj->ptr, *slave = master->link;
	const char *why;

	why = slave_users(s, slave) ?:
	      side_known(master) ?: side_known(slave) ?: cr_ctty_known(s, slave);
	if (!why && memchr_inv(&slave->termios_locked, 0,
			       sizeof(slave->termios_locked)))
		why = "its settings are locked (TIOCSLCKTRMIOS): not supported yet";
	if (why)
		pty_refuse(s, obj, why);
}

static u32 flow_flags(struct tty_struct *tty, u32 stopped, u32 tco)
{
	u32 flags = 0;

	spin_lock_irq(&tty->flow.lock);
	if (tty->flow.stopped)
		flags |= stopped;
	if (tty->flow.tco_stopped)
		flags |= tco;
	spin_unlock_irq(&tty->flow.lock);
	return flags;
}

static u32 pty_flags(struct tty_struct *master, const struct cr_flight *f)
{
	struct tty_struct *slave = master->link;
	u32 flags;

	flags = flow_flags(slave, CR_PTY_STOPPED, CR_PTY_TCO_STOPPED) |
		flow_flags(master, CR_PTY_MASTER_STOPPED, CR_PTY_MASTER_TCO);
	/* the master itself counts as one who has it open */
	if (slave->count > 1 || test_bit(TTY_OTHER_CLOSED, &master->flags))
		flags |= CR_PTY_OPENED;
	if (test_bit(TTY_PTY_LOCK, &master->flags))
		flags |= CR_PTY_LOCKED;
	if (test_bit(TTY_EXCLUSIVE, &slave->flags))
		flags |= CR_PTY_EXCL;
	if (test_bit(TTY_EXCLUSIVE, &master->flags))
		flags |= CR_PTY_MASTER_EXCL;
	if (master->ctrl.packet)
		flags |= CR_PTY_PACKET;
	if (f->lnext)
		flags |= CR_PTY_LNEXT;
	if (f->erasing)
		flags |= CR_PTY_ERASING;
	return flags;
}

static void record_settings(struct tty_struct *slave, struct cr_rec_pty *rec)
{
	const struct ktermios *t = &slave->termios;

	down_read(&slave->termios_rwsem);
	rec->iflag = cpu_to_le32(t->c_iflag);
	rec->oflag = cpu_to_le32(t->c_oflag);
	rec->cflag = cpu_to_le32(t->c_cflag);
	rec->lflag = cpu_to_le32(t->c_lflag);
	rec->ispeed = cpu_to_le32(t->c_ispeed);
	rec->ospeed = cpu_to_le32(t->c_ospeed);
	rec->line = cpu_to_le32(t->c_line);
	memcpy(rec->cc, t->c_cc, sizeof(t->c_cc));
	up_read(&slave->termios_rwsem);
	if (slave->link->ctrl.packet)
		rec->pktstatus = cpu_to_le32(READ_ONCE(slave->ctrl.pktstatus));
	rec->rows = cpu_to_le32(slave->winsize.ws_row);
	rec->cols = cpu_to_le32(slave->winsize.ws_col);
	rec->xpixel = cpu_to_le32(slave->winsize.ws_xpixel);
	rec->ypixel = cpu_to_le32(slave->winsize.ws_ypixel);
}

static void record_node(const struct tty_struct *slave, struct cr_rec_pty *rec)
{
	const struct inode *inode = d_inode(slave->driver_data);

	rec->mode = cpu_to_le32(inode->i_mode & S_IALLUGO);
	rec->uid = cpu_to_le32(from_kuid(&init_user_ns, inode->i_uid));
	rec->gid = cpu_to_le32(from_kgid(&init_user_ns, inode->i_gid));
}

static void buf_write(struct cr_save *s, struct cr_obj *obj, u32 kind,
		      u32 flags, const u8 *buf, size_t len)
{
	struct cr_rec_pty_buf rec = {
		.kind = cpu_to_le32(kind),
		.flags = cpu_to_le32(flags),
		.len = cpu_to_le32(len),
	};

	cr_write_detail(s, obj, CR_REC_PTY_BUF, &rec, sizeof(rec), buf, len);
}

/* Line by line; @obj is NULL to count only. Their number */
static u32 input_write(struct cr_save *s, struct cr_obj *obj,
		       const struct cr_flight *f)
{
	size_t at, len;
	u32 flags, n;

	for (at = 0, n = 0; at < f->in_len; at += len, n++) {
		len = find_next_bit(f->ends, f->in_len, at) + 1 - at;
		flags = CR_PTY_BUF_END;
		if (at + len > f->in_len) {
			len = f->in_len - at;
			flags = 0;
		} else if (!at && f->pushed) {
			flags |= CR_PTY_BUF_PUSHED;
		}
		if (obj)
			buf_write(s, obj, CR_PTY_INPUT, flags, f->in + at, len);
	}
	return n;
}

static void pty_write_all(struct cr_save *s, struct cr_obj *obj,
			  struct cr_rec_pty *rec, const struct cr_flight *f)
{
	const struct cr_obj *file = obj->aux;
	const char *name = cr_file_info(file)->name;

	rec->nr_bufs = cpu_to_le32(input_write(s, NULL, f) + !!f->out_len +
				   !!f->typed_len);
	cr_write_obj(s, obj, rec, sizeof(*rec), name, strlen(name) + 1);
	if (f->out_len)
		buf_write(s, obj, CR_PTY_OUTPUT, 0, f->out, f->out_len);
	input_write(s, obj, f);
	if (f->typed_len)
		buf_write(s, obj, CR_PTY_TYPED, 0, f->typed, f->typed_len);
}

static void pty_save(struct cr_save *s, struct cr_obj *obj)
{
	struct tty_struct *master = obj->ptr, *slave = master->link;
	const struct cr_obj *file = obj->aux;
	struct cr_rec_pty rec = {};
	struct cr_flight *f;
	const char *why;

	/* without a name it has been refused */
	if (!file || !cr_file_info(file)->name)
		return;
	f = kvzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f) {
		cr_fail(s, -ENOMEM);
		return;
	}
	why = cr_n_tty_save(master, f);
	if (why)
		pty_refuse(s, obj, why);
	rec.index = cpu_to_le32(master->index);
	rec.flags = cpu_to_le32(pty_flags(master, f));
	rec.column = cpu_to_le32(f->column);
	rec.canon_column = cpu_to_le32(f->canon_column);
	record_settings(slave, &rec);
	cr_ctty_save(s, slave, &rec);
	record_node(slave, &rec);
	/* also when it is refused: its files refer to it */
	pty_write_all(s, obj, &rec, f);
	kvfree(f);
}

/* ---- restart ---- */

struct file *cr_pty_open_slave(struct file *master, unsigned int flags)
{
	struct tty_struct *tty = cr_tty_of(master);
	struct path path;
	struct file *file;

	path.mnt = devpts_mntget(master, tty->driver_data);
	if (IS_ERR(path.mnt))
		return ERR_CAST(path.mnt);
	path.dentry = tty->link->driver_data;
	file = dentry_open(&path, flags | O_NOCTTY, current_cred());
	mntput(path.mnt);
	return file;
}

void cr_pty_set_lock(struct tty_struct *master, bool lock)
{
	if (lock)
		set_bit(TTY_PTY_LOCK, &master->flags);
	else
		clear_bit(TTY_PTY_LOCK, &master->flags);
}

static int node_chown(struct file *node, const struct cr_rec_pty *rec)
{
	kuid_t uid = make_kuid(&init_user_ns, le32_to_cpu(rec->uid));
	kgid_t gid = make_kgid(&init_user_ns, le32_to_cpu(rec->gid));
	const struct inode *inode = file_inode(node);

	if (uid_eq(inode->i_uid, uid) && gid_eq(inode->i_gid, gid))
		return 0;
	/* -1 would mean to leave it */
	if (!kuid_has_mapping(current_user_ns(), uid) ||
	    !kgid_has_mapping(current_user_ns(), gid))
		return -EPERM;
	return vfs_fchown(node, from_kuid(current_user_ns(), uid),
			  from_kgid(current_user_ns(), gid));
}

/* chown() and chmod() of the slave's node, as far as they change something */
static int node_restore(struct cr_restart *r, struct file *master,
			const struct cr_rec_pty *rec)
{
	struct file *node = cr_pty_open_slave(master, O_PATH);
	umode_t mode = le32_to_cpu(rec->mode);
	int err;

	if (IS_ERR(node))
		return cr_err(&r->log, PTR_ERR(node),
			      "pseudo-terminal %u: has no node (%pe)",
			      le32_to_cpu(rec->index), node);
	err = node_chown(node, rec);
	if (!err && (file_inode(node)->i_mode & S_IALLUGO) != mode)
		err = vfs_fchmod(node, mode);
	fput(node);
	if (err)
		cr_err(&r->log, err,
		       "pseudo-terminal %u: owner %u:%u and mode 0%o cannot be set (%pe)",
		       le32_to_cpu(rec->index), le32_to_cpu(rec->uid),
		       le32_to_cpu(rec->gid), mode, ERR_PTR(err));
	return err;
}

/* TIOCSWINSZ; nobody is there to be told */
static void window_restore(struct tty_struct *master,
			   const struct cr_rec_pty *rec)
{
	struct winsize ws = {
		.ws_row = le32_to_cpu(rec->rows),
		.ws_col = le32_to_cpu(rec->cols),
		.ws_xpixel = le32_to_cpu(rec->xpixel),
		.ws_ypixel = le32_to_cpu(rec->ypixel),
	};

	master->ops->resize(master, &ws);
}

static int pty_fill(struct cr_restart *r, u32 id, struct cr_pty *pty,
		    const struct cr_rec_pty *rec)
{
	struct tty_struct *master = cr_tty_of(pty->master);
	struct file *slave;
	int err;

	err = node_restore(r, pty->master, rec);
	if (err)
		return err;
	cr_pty_set_lock(master, false);
	if (le32_to_cpu(rec->flags) & CR_PTY_OPENED) {
		slave = cr_pty_open_slave(pty->master, O_RDWR | O_NONBLOCK);
		if (IS_ERR(slave))
			return cr_err(&r->log, PTR_ERR(slave),
				      "pseudo-terminal %u: cannot be opened (%pe)",
				      le32_to_cpu(rec->index), slave);
		pty->slave = slave;
	}
	window_restore(master, rec);
	return cr_n_tty_restore(r, id, master);
}

static void pty_drop(void *ptr)
{
	struct cr_pty *pty = ptr;

	if (pty->slave)
		fput(pty->slave);
	if (pty->master)
		fput(pty->master);
	kfree(pty);
}

static int pty_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_pty rec;
	struct cr_view view;
	struct cr_pty *pty;
	struct file *file;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	pty = kzalloc(sizeof(*pty), GFP_KERNEL_ACCOUNT);
	if (!pty)
		return -ENOMEM;
	file = cr_pty_open_number(r, view.tail, le32_to_cpu(rec.index));
	if (IS_ERR(file)) {
		kfree(pty);
		return PTR_ERR(file);
	}
	pty->master = file;
	err = pty_fill(r, id, pty, &rec);
	if (err)
		pty_drop(pty);
	else
		cr_restart_set(r, id, pty);
	return err;
}

static void flow_restore(struct tty_struct *tty, bool stopped, bool tco)
{
	spin_lock_irq(&tty->flow.lock);
	tty->flow.tco_stopped = false;
	if (stopped)
		__stop_tty(tty);
	else
		__start_tty(tty);
	tty->flow.tco_stopped = tco;
	spin_unlock_irq(&tty->flow.lock);
}

/* TIOCPKT, and what has happened since */
static void packets_restore(struct tty_struct *master, bool packet, u8 status)
{
	spin_lock_irq(&master->ctrl.lock);
	master->ctrl.packet = packet;
	spin_unlock_irq(&master->ctrl.lock);
	spin_lock_irq(&master->link->ctrl.lock);
	master->link->ctrl.pktstatus = status;
	spin_unlock_irq(&master->link->ctrl.lock);
}

/* What opening and writing would not get past, or would change */
static int pty_settle(struct cr_restart *r, u32 id)
{
	struct cr_pty *pty = cr_restart_get(r, id);
	struct tty_struct *master = cr_tty_of(pty->master);
	struct tty_struct *slave = master->link;
	struct cr_rec_pty rec;
	struct cr_view view;
	u32 flags;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	flags = le32_to_cpu(rec.flags);
	if (pty->slave)
		cr_file_put(pty->slave);
	pty->slave = NULL;
	cr_pty_set_lock(master, flags & CR_PTY_LOCKED);
	if (flags & CR_PTY_EXCL)
		set_bit(TTY_EXCLUSIVE, &slave->flags);
	if (flags & CR_PTY_MASTER_EXCL)
		set_bit(TTY_EXCLUSIVE, &master->flags);
	flow_restore(slave, flags & CR_PTY_STOPPED, flags & CR_PTY_TCO_STOPPED);
	flow_restore(master, flags & CR_PTY_MASTER_STOPPED,
		     flags & CR_PTY_MASTER_TCO);
	packets_restore(master, flags & CR_PTY_PACKET,
			le32_to_cpu(rec.pktstatus));
	return 0;
}

const struct cr_obj_ops cr_pty_ops = {
	.name		= "pseudo-terminal",
	.rec		= CR_REC_PTY,
	.get		= pty_get,
	.put		= pty_put,
	.outside	= pty_outside,
	.save		= pty_save,
	.restore	= pty_restore,
	.settle		= pty_settle,
	.link		= cr_ctty_link,
	.drop		= pty_drop,
};
