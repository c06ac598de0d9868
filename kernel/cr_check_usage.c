// SPDX-License-Identifier: GPL-2.0
/* The check of what processes and threads have used. */
#include "cr_check.h"

/* The kernel adds them up, those of a job with those of its parents */
#define USAGE_MAX	(1ull << 61)

int cr_usage_max_check(struct cr_check *c, const __le64 *counts, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (le64_to_cpu(counts[i]) > USAGE_MAX)
			return cr_bad(c, "used: %llu", cr_ull(counts[i]));
	return 0;
}

int cr_usage_check(struct cr_check *c, const struct cr_detail_iter *it,
		   bool thread, s64 *last)
{
	struct cr_rec_usage rec;
	u32 who;

	cr_detail(it, &rec, sizeof(rec));
	who = le32_to_cpu(rec.who);
	if (who > (thread ? CR_USAGE_SELF : CR_USAGE_CHILDREN))
		return cr_unknown(c, "used by unknown %u", who);
	if (who <= *last)
		return cr_bad(c, "used by %u behind %lld", who,
			      (long long)*last);
	*last = who;
	if (thread && (rec.maxrss || rec.inblock || rec.oublock))
		return cr_bad(c, "memory or blocks of a thread");
	if (who == CR_USAGE_CHILDREN &&
	    (rec.rchar || rec.wchar || rec.syscr || rec.syscw ||
	     rec.read_bytes || rec.write_bytes || rec.cancelled_write_bytes))
		return cr_bad(c, "bytes of children");
	return cr_check_zero(c, rec.reserved) ?:
	       cr_usage_max_check(c, &rec.maxrss,
				  (sizeof(rec) - offsetof(struct cr_rec_usage,
							  maxrss)) /
				  sizeof(__le64));
}
