// SPDX-License-Identifier: GPL-2.0
/* The check of settings of automatic images. What they mean is asked at restart. */
#include "cr_check.h"

static bool is_signal(__le32 sig)
{
	return le32_to_cpu(sig) <= CR_NSIG || le32_to_cpu(sig) == CR_AUTO_SYSCTL;
}

int cr_auto_check(struct cr_check *c, u32 id)
{
	struct cr_rec_auto rec;
	struct cr_view v;
	u32 fatal;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	if (++c->nr_settings > CR_MAX_SETTINGS)
		return cr_bad(c, "more than %u", CR_MAX_SETTINGS);
	if (le32_to_cpu(rec.leader) > CR_PID_MAX)
		return cr_bad(c, "pid %u", le32_to_cpu(rec.leader));
	if (!is_signal(rec.save_signal) || !is_signal(rec.end_signal))
		return cr_bad(c, "signals %u and %u", le32_to_cpu(rec.save_signal),
			      le32_to_cpu(rec.end_signal));
	fatal = le32_to_cpu(rec.fatal);
	if (fatal > 1 && fatal != CR_AUTO_SYSCTL)
		return cr_unknown(c, "fatal %u", fatal);
	if (v.tail_len && (v.tail_len == 1 || v.tail_len > CR_AUTO_PATTERN_MAX ||
			   strnlen(v.tail, v.tail_len) != v.tail_len - 1))
		return cr_bad(c, "a pattern of %u bytes", (u32)v.tail_len);
	return cr_check_zero(c, rec.reserved) ?:
	       cr_check_zero(c, rec.reserved2);
}
