/* SPDX-License-Identifier: GPL-2.0 */
/* Pseudo-terminals: what drivers/tty/cr_*.c share. */
#ifndef _DRIVERS_TTY_CR_PTY_H
#define _DRIVERS_TTY_CR_PTY_H

#include <linux/tty.h>
#include <linux/cr_file.h>

/**
 * struct cr_pty - a restored pseudo-terminal
 * @master: its master
 * @slave: keeps the slave open until all files are restored; may be NULL
 * @taken: a description of the job has become @master
 *
 * Owner: cr_restart.objs.
 */
struct cr_pty {
	struct file *master;
	struct file *slave;
	bool taken;
};

/* ---- cr_pty_number.c ---- */

/* Open /dev/ptmx, or what was it. ERR_PTR() with the reason in r->log */
struct file *cr_pty_open_master(struct cr_restart *r, const char *path);
/* The same, for terminal @index: -EBUSY if it is taken */
struct file *cr_pty_open_number(struct cr_restart *r, const char *path,
				int index);

/* ---- cr_ctty.c ---- */

/* Saving: NULL, or why the session that it controls is not saved */
const char *cr_ctty_known(struct cr_save *s, struct tty_struct *slave);
/* Fill in session and foreground group; the job stands still */
void cr_ctty_save(struct cr_save *s, struct tty_struct *slave,
		  struct cr_rec_pty *rec);
/* cr_obj_ops.link */
void cr_ctty_link(struct cr_restart *r, u32 id);

/* ---- cr_pty.c ---- */

/* Open the slave of a master; as TIOCGPTPEER does. ERR_PTR() without a reason */
struct file *cr_pty_open_slave(struct file *master, unsigned int flags);
/* TIOCSPTLCK */
void cr_pty_set_lock(struct tty_struct *master, bool lock);

/* ---- cr_n_tty.c ---- */

/**
 * struct cr_flight - what is in flight in a pseudo-terminal, and how it was
 *	processed so far
 * @out, @out_len: what the master has not read
 * @in, @in_len: what the slave has not read
 * @ends: bit n: byte n of @in ends a line; empty where there are no lines
 * @typed, @typed_len: what waits for room in @in
 * @pushed: the first line was there before lines were
 * @lnext, @erasing, @column, @canon_column: as in the record
 */
struct cr_flight {
	size_t out_len;
	size_t in_len;
	size_t typed_len;
	unsigned int column;
	unsigned int canon_column;
	bool pushed;
	bool lnext;
	bool erasing;
	DECLARE_BITMAP(ends, N_TTY_BUF_SIZE);
	u8 in[N_TTY_BUF_SIZE];
	u8 typed[CR_PTY_BUF_MAX];
	u8 out[CR_PTY_BUF_MAX];
};

/* Is input kept line by line with these settings? */
static inline bool cr_n_tty_has_lines(unsigned int lflag)
{
	return (lflag & (ICANON | EXTPROC)) == ICANON;
}

/**
 * cr_n_tty_save() - look at what is in flight
 * @master: the job stands still, and nobody else has it
 * @f: zeroed
 *
 * Context: sleeps.
 * Return: NULL, or why it cannot be saved
 */
const char *cr_n_tty_save(struct tty_struct *master, struct cr_flight *f);

/**
 * cr_n_tty_restore() - bring settings and what was in flight back
 * @r: the restart
 * @id: of the PTY
 * @master: a new one
 *
 * Context: sleeps; the slave is not used by anybody.
 * Return: 0 or -errno with the reason in r->log
 */
int __must_check cr_n_tty_restore(struct cr_restart *r, u32 id,
				  struct tty_struct *master);

#endif /* _DRIVERS_TTY_CR_PTY_H */
