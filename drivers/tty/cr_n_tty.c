// SPDX-License-Identifier: GPL-2.0
/*
 * The terminal line discipline of a pseudo-terminal: settings, and bytes on
 * their way from one side to the other.
 *
 * What is on its way has been processed: a backspace has erased, ^C has become a
 * signal, lines have ends that may be an EOF. It is written again, by the side
 * that has written it, with settings that let every byte pass as it is; then the
 * real settings are made. That needs no private structure of the discipline.
 * Only what no write can produce is set there: columns.
 *
 * Refused: echoes that the master has no room for.
 *
 * Locks: termios_rwsem, the lock of a buffer of the driver; shortly.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_flip.h>
#include <linux/tty_ldisc.h>
#include <linux/tty_port.h>
#include <linux/cr_kernel.h>
#include "cr_pty.h"

#define LINE_MASK	(N_TTY_BUF_SIZE - 1)
#define FEED_MAX	1024u	/* bytes of one write */
#define FEED_LIMIT	(2 * CR_PTY_BUF_MAX)

static_assert(N_TTY_BUF_SIZE == CR_PTY_LINE_MAX, "a full line discipline");

/* ---- saving ---- */

/* What the driver has, and the line discipline has no room for; -E2BIG */
static ssize_t flip_copy(struct tty_port *port, u8 *buf, size_t size)
{
	struct tty_bufhead *head = &port->buf;
	struct tty_buffer *b;
	size_t len = 0, n;

	mutex_lock(&head->lock);
	for (b = head->head; b; b = b->next) {
		n = b->commit - b->read;
		if (n > size - len) {
			mutex_unlock(&head->lock);
			return -E2BIG;
		}
		memcpy(buf + len, char_buf_ptr(b, b->read), n);
		len += n;
	}
	mutex_unlock(&head->lock);
	return len;
}

/* Is the structure what we take it for? It is as the settings are */
static bool n_tty_fits(const struct tty_struct *tty,
		       const struct cr_n_tty_data *n)
{
	size_t cnt = n->read_head - n->read_tail;

	/* without lines, nobody moves the end of the last one */
	return n->icanon == !!L_ICANON(tty) && cnt <= N_TTY_BUF_SIZE &&
	       (!n->icanon || n->canon_head - n->read_tail <= cnt) &&
	       n->echo_head - n->echo_tail <= N_TTY_BUF_SIZE;
}

static size_t queue_copy(const struct cr_n_tty_data *n, u8 *buf,
			 unsigned long *ends)
{
	size_t at, len = 0;

	for (at = n->read_tail; at != n->read_head; at++, len++) {
		buf[len] = n->read_buf[at & LINE_MASK];
		if (ends && test_bit(at & LINE_MASK, n->read_flags))
			__set_bit(len, ends);
	}
	return len;
}

static const char *slave_copy(struct tty_struct *tty, struct cr_flight *f)
{
	const struct cr_n_tty_data *n = tty->disc_data;
	bool lines = cr_n_tty_has_lines(tty->termios.c_lflag);

	if (!n_tty_fits(tty, n))
		return "not as this module knows it: another kernel";
	if (n->echo_head != n->echo_tail)
		return "an echo waits to be shown: not supported yet";
	f->in_len = queue_copy(n, f->in, lines ? f->ends : NULL);
	f->pushed = lines && n->push &&
		    find_first_bit(f->ends, f->in_len) < f->in_len;
	f->lnext = lines && n->lnext;
	f->erasing = n->erasing;
	f->column = n->column;
	f->canon_column = n->canon_column;
	return NULL;
}

static const char *master_copy(struct tty_struct *tty, struct cr_flight *f)
{
	const struct cr_n_tty_data *n = tty->disc_data;

	if (!n_tty_fits(tty, n) || n->icanon)
		return "not as this module knows it: another kernel";
	f->out_len = queue_copy(n, f->out, NULL);
	return NULL;
}

/* @copy what the line discipline has of @tty, which must be the terminal one */
static const char *side_copy(struct tty_struct *tty, struct cr_flight *f,
			     const char *(*copy)(struct tty_struct *tty,
						 struct cr_flight *f))
{
	struct tty_ldisc *ld = tty_ldisc_ref(tty);
	const char *why = "has no line discipline";

	if (!ld)
		return why;
	if (ld->ops->num == N_TTY) {
		down_read(&tty->termios_rwsem);
		why = copy(tty, f);
		up_read(&tty->termios_rwsem);
	}
	tty_ldisc_deref(ld);
	return why;
}

const char *cr_n_tty_save(struct tty_struct *master, struct cr_flight *f)
{
	struct tty_struct *slave = master->link;
	ssize_t typed, out;
	const char *why;

	/* an echo goes from one to the other, so that one is first */
	tty_buffer_flush_work(slave->port);
	tty_buffer_flush_work(master->port);
	why = side_copy(slave, f, slave_copy) ?:
	      side_copy(master, f, master_copy);
	if (why)
		return why;
	typed = flip_copy(slave->port, f->typed, sizeof(f->typed));
	out = flip_copy(master->port, f->out + f->out_len,
			sizeof(f->out) - f->out_len);
	if (typed < 0 || out < 0)
		return "holds more than it should";
	f->typed_len = typed;
	f->out_len += out;
	return NULL;
}

/* ---- restart ---- */

/* It takes nothing: there is more in it than there may be, or there is no memory */
static int feed_err(struct tty_struct *from)
{
	const struct tty_bufhead *buf = &from->link->port->buf;

	return atomic_read(&buf->mem_used) > buf->mem_limit ? -EBADMSG :
							      -ENOMEM;
}

static int feed(struct cr_restart *r, struct tty_struct *from, const u8 *buf,
		size_t len)
{
	int n;

	while (len) {
		n = from->ops->write(from, buf, min_t(size_t, len, FEED_MAX));
		if (n <= 0)
			return cr_err(&r->log, n ?: feed_err(from),
				      "%s: cannot be filled", tty_name(from));
		/* the line discipline takes what it has room for */
		tty_buffer_flush_work(from->link->port);
		buf += n;
		len -= n;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/**
 * struct quoting - characters that mean something while lines are restored
 * @lnext: the next one means nothing
 * @eof: ends a line and is not part of it
 * @eol: likewise, and is part of it; 0: only a newline does
 */
struct quoting {
	u8 lnext;
	u8 eof;
	u8 eol;
};

static struct quoting quoting_for(u8 eol)
{
	struct quoting q = {
		.lnext = eol == 1 ? 3 : 1,
		.eof = eol == 2 ? 3 : 2,
		.eol = eol == '\n' ? 0 : eol,
	};

	return q;
}

/* Every byte passes as it is, or means what @q says; @q: NULL without lines */
static void set_passing(struct tty_struct *slave, unsigned int lflag,
			const struct quoting *q)
{
	struct ktermios t = slave->termios;

	t.c_iflag = 0;
	t.c_lflag = lflag;
	memset(t.c_cc, 0, sizeof(t.c_cc));
	if (q) {
		t.c_lflag |= IEXTEN;
		t.c_cc[VLNEXT] = q->lnext;
		t.c_cc[VEOF] = q->eof;
		t.c_cc[VEOL] = q->eol;
	}
	tty_set_termios(slave, &t);
}

static bool is_special(const struct quoting *q, u8 c)
{
	return c == '\n' || c == q->lnext || c == q->eof ||
	       (c && c == q->eol);
}

/* A line, or the beginning of one if it has no @end */
static int line_restore(struct cr_restart *r, struct tty_struct *master,
			const u8 *line, size_t len, bool end)
{
	struct quoting q = quoting_for(end ? line[len - 1] : 0);
	u8 *buf = kvmalloc(2 * len, GFP_KERNEL_ACCOUNT);
	size_t i, n = 0;
	int err;

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		bool last = end && i == len - 1;

		if (!last && is_special(&q, line[i]))
			buf[n++] = q.lnext;
		buf[n++] = last && !line[i] ? q.eof : line[i];
	}
	set_passing(master->link, ICANON, &q);
	err = feed(r, master, buf, n);
	kvfree(buf);
	return err;
}

/* What the slave can read, with the settings of @t as far as it matters */
static int input_restore(struct cr_restart *r, u32 id,
			 struct tty_struct *master, unsigned int lflag)
{
	bool lines = cr_n_tty_has_lines(lflag);
	struct tty_struct *slave = master->link;
	struct cr_rec_pty_buf rec;
	struct cr_detail_iter it;
	int err = 0;

	/* changing these two changes what is there, so they are final */
	set_passing(slave, lflag & (ICANON | EXTPROC), NULL);
	cr_for_each_detail(&r->img, id, &it) {
		cr_detail(&it, &rec, sizeof(rec));
		if (le32_to_cpu(rec.kind) != CR_PTY_INPUT)
			continue;
		if (le32_to_cpu(rec.flags) & CR_PTY_BUF_PUSHED)
			set_passing(slave, 0, NULL);
		if (lines && !(le32_to_cpu(rec.flags) & CR_PTY_BUF_PUSHED))
			err = line_restore(r, master, it.view.tail,
					   it.view.tail_len,
					   le32_to_cpu(rec.flags) &
					   CR_PTY_BUF_END);
		else
			err = feed(r, master, it.view.tail, it.view.tail_len);
		/* makes a line of it */
		if (le32_to_cpu(rec.flags) & CR_PTY_BUF_PUSHED)
			set_passing(slave, ICANON, NULL);
		if (err)
			return err;
	}
	return 0;
}

static int buf_restore(struct cr_restart *r, u32 id, u32 kind,
		       struct tty_struct *from)
{
	struct cr_rec_pty_buf rec;
	struct cr_detail_iter it;
	int err;

	cr_for_each_detail(&r->img, id, &it) {
		cr_detail(&it, &rec, sizeof(rec));
		if (le32_to_cpu(rec.kind) != kind)
			continue;
		err = feed(r, from, it.view.tail, it.view.tail_len);
		if (err)
			return err;
	}
	return 0;
}

static void settings_restore(struct tty_struct *slave,
			     const struct cr_rec_pty *rec)
{
	struct ktermios t = slave->termios;

	t.c_iflag = le32_to_cpu(rec->iflag);
	t.c_oflag = le32_to_cpu(rec->oflag);
	t.c_cflag = le32_to_cpu(rec->cflag);
	t.c_lflag = le32_to_cpu(rec->lflag);
	t.c_ispeed = le32_to_cpu(rec->ispeed);
	t.c_ospeed = le32_to_cpu(rec->ospeed);
	t.c_line = le32_to_cpu(rec->line);
	memcpy(t.c_cc, rec->cc, sizeof(t.c_cc));
	tty_set_termios(slave, &t);
}

static int columns_restore(struct cr_restart *r, struct tty_struct *slave,
			   const struct cr_rec_pty *rec)
{
	struct cr_n_tty_data *n = slave->disc_data;
	bool fits;

	down_write(&slave->termios_rwsem);
	fits = n_tty_fits(slave, n);
	if (fits) {
		n->column = le32_to_cpu(rec->column);
		n->canon_column = le32_to_cpu(rec->canon_column);
		n->erasing = !!(le32_to_cpu(rec->flags) & CR_PTY_ERASING);
	}
	up_write(&slave->termios_rwsem);
	if (fits)
		return 0;
	return cr_err(&r->log, -EOPNOTSUPP,
		      "%s: not as this module knows it: another kernel",
		      tty_name(slave));
}

static int flight_restore(struct cr_restart *r, u32 id,
			  const struct cr_rec_pty *rec,
			  struct tty_struct *master)
{
	unsigned int lflag = le32_to_cpu(rec->lflag);
	struct tty_struct *slave = master->link;
	const struct quoting q = quoting_for(0);
	int err;

	err = buf_restore(r, id, CR_PTY_OUTPUT, slave) ?:
	      input_restore(r, id, master, lflag);
	if (!err && (le32_to_cpu(rec->flags) & CR_PTY_LNEXT)) {
		set_passing(slave, ICANON, &q);
		err = feed(r, master, &q.lnext, 1);
	}
	if (err)
		return err;
	settings_restore(slave, rec);
	return buf_restore(r, id, CR_PTY_TYPED, master);
}

int cr_n_tty_restore(struct cr_restart *r, u32 id, struct tty_struct *master)
{
	struct tty_struct *slave = master->link;
	int master_limit = master->port->buf.mem_limit;
	int slave_limit = slave->port->buf.mem_limit;
	struct cr_rec_pty rec;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	/* how bytes were packed decides how many fit: now they are packed anew */
	tty_buffer_set_limit(master->port, FEED_LIMIT);
	tty_buffer_set_limit(slave->port, FEED_LIMIT);
	err = flight_restore(r, id, &rec, master);
	tty_buffer_set_limit(master->port, master_limit);
	tty_buffer_set_limit(slave->port, slave_limit);
	return err ?: columns_restore(r, slave, &rec);
}
