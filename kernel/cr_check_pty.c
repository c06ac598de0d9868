// SPDX-License-Identifier: GPL-2.0
/* The checks of pseudo-terminals. */
#include "cr_check.h"

/* Of settings, in the numbers of x86-64 */
#define PTY_ICANON	0000002u
#define PTY_EXTPROC	0200000u

#define PTY_PKT_KNOWN	0x7f	/* TIOCPKT_* */
#define PTY_MODE	07777u
#define PTY_WINDOW_MAX	65535u
#define PTY_LINE_MAX	255u

/* Is what is typed kept line by line? */
static bool pty_has_lines(const struct cr_rec_pty *rec)
{
	return (le32_to_cpu(rec->lflag) & (PTY_ICANON | PTY_EXTPROC)) ==
	       PTY_ICANON;
}

static int pty_flags_check(struct cr_check *c, const struct cr_rec_pty *rec)
{
	u32 flags = le32_to_cpu(rec->flags);

	if (cr_check_mask(c, flags, CR_PTY_KNOWN, "flags") ||
	    cr_check_mask(c, le32_to_cpu(rec->pktstatus), PTY_PKT_KNOWN,
			  "packet status"))
		return -EOPNOTSUPP;
	if (((flags & CR_PTY_TCO_STOPPED) && !(flags & CR_PTY_STOPPED)) ||
	    ((flags & CR_PTY_MASTER_TCO) && !(flags & CR_PTY_MASTER_STOPPED)))
		return cr_bad(c, "stopped, and not: flags 0x%x", flags);
	if (rec->pktstatus && !(flags & CR_PTY_PACKET))
		return cr_bad(c, "packet status 0x%x without packets",
			      le32_to_cpu(rec->pktstatus));
	if ((flags & CR_PTY_LNEXT) && !pty_has_lines(rec))
		return cr_bad(c, "the next byte of no line: flags 0x%x, lflag 0%o",
			      flags, le32_to_cpu(rec->lflag));
	return 0;
}

static int pty_numbers_check(struct cr_check *c, const struct cr_rec_pty *rec)
{
	unsigned int i;

	if (le32_to_cpu(rec->index) >= CR_PTY_MAX)
		return cr_bad(c, "number %u", le32_to_cpu(rec->index));
	if (le32_to_cpu(rec->mode) > PTY_MODE)
		return cr_bad(c, "mode 0%o", le32_to_cpu(rec->mode));
	if (le32_to_cpu(rec->rows) > PTY_WINDOW_MAX ||
	    le32_to_cpu(rec->cols) > PTY_WINDOW_MAX ||
	    le32_to_cpu(rec->xpixel) > PTY_WINDOW_MAX ||
	    le32_to_cpu(rec->ypixel) > PTY_WINDOW_MAX)
		return cr_bad(c, "window of %u x %u, %u x %u pixels",
			      le32_to_cpu(rec->cols), le32_to_cpu(rec->rows),
			      le32_to_cpu(rec->xpixel),
			      le32_to_cpu(rec->ypixel));
	if (le32_to_cpu(rec->line) > PTY_LINE_MAX)
		return cr_bad(c, "line %u", le32_to_cpu(rec->line));
	if (!~le32_to_cpu(rec->uid) || !~le32_to_cpu(rec->gid))
		return cr_bad(c, "(uid_t)-1 is no id");
	if (!rec->session != !rec->pgrp)
		return cr_bad(c, "session %u, process group %u",
			      le32_to_cpu(rec->session),
			      le32_to_cpu(rec->pgrp));
	for (i = CR_PTY_NR_CC; i < sizeof(rec->cc); i++)
		if (rec->cc[i])
			return cr_bad(c, "character %u is %u", i, rec->cc[i]);
	return 0;
}

/**
 * struct pty_bufs - the PTY_BUF before the one at hand
 * @kind: of the last; 0: none
 * @ended: the last has CR_PTY_BUF_END
 * @input: bytes of all INPUT
 */
struct pty_bufs {
	u32 kind;
	bool ended;
	u32 input;
};

static int pty_input_check(struct cr_check *c, const struct cr_rec_pty *pty,
			   const struct cr_rec_pty_buf *rec,
			   struct pty_bufs *before)
{
	u32 flags = le32_to_cpu(rec->flags);
	bool first = before->kind != CR_PTY_INPUT;

	if (flags && !pty_has_lines(pty))
		return cr_bad(c, "a line, lflag 0%o", le32_to_cpu(pty->lflag));
	if (!first && !before->ended)
		return cr_bad(c, "behind a line without end");
	if ((flags & CR_PTY_BUF_PUSHED) &&
	    (!first || !(flags & CR_PTY_BUF_END)))
		return cr_bad(c, "not the first line, or without end: flags 0x%x",
			      flags);
	before->input += le32_to_cpu(rec->len);
	if (before->input > CR_PTY_LINE_MAX)
		return cr_bad(c, "more than %u bytes to read", CR_PTY_LINE_MAX);
	return 0;
}

static int pty_buf_check(struct cr_check *c, const struct cr_detail_iter *it,
			 const struct cr_rec_pty *pty, struct pty_bufs *before)
{
	struct cr_rec_pty_buf rec;
	u32 kind, len;
	int err;

	cr_detail(it, &rec, sizeof(rec));
	kind = le32_to_cpu(rec.kind);
	len = le32_to_cpu(rec.len);
	if (!kind || kind > CR_PTY_TYPED)
		return cr_unknown(c, "unknown kind %u", kind);
	if (kind < before->kind ||
	    (kind == before->kind && kind != CR_PTY_INPUT))
		return cr_bad(c, "kind %u behind %u", kind, before->kind);
	if (!len || len > CR_PTY_BUF_MAX)
		return cr_bad(c, "%u bytes", len);
	err = cr_check_mask(c, le32_to_cpu(rec.flags),
			    kind == CR_PTY_INPUT ?
			    CR_PTY_BUF_END | CR_PTY_BUF_PUSHED : 0, "flags") ?:
	      cr_check_zero(c, rec.reserved) ?:
	      cr_check_tail(c, &it->view, len);
	if (!err && kind == CR_PTY_INPUT)
		err = pty_input_check(c, pty, &rec, before);
	before->kind = kind;
	before->ended = le32_to_cpu(rec.flags) & CR_PTY_BUF_END;
	return err;
}

int cr_pty_check(struct cr_check *c, u32 id)
{
	u32 nr = c->img->objs[id].nr_details;
	struct pty_bufs before = {};
	struct cr_detail_iter it;
	struct cr_rec_pty rec;
	struct cr_view v;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	err = pty_flags_check(c, &rec) ?:
	      pty_numbers_check(c, &rec) ?:
	      cr_check_path(c, v.tail, v.tail_len, "path");
	if (err)
		return err;
	if (nr != le32_to_cpu(rec.nr_bufs))
		return cr_bad(c, "%u buffers, not %u", nr,
			      le32_to_cpu(rec.nr_bufs));
	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		err = pty_buf_check(c, &it, &rec, &before);
		if (err)
			return err;
	}
	return 0;
}
