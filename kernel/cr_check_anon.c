// SPDX-License-Identifier: GPL-2.0
/* The checks of files on anonymous inodes: eventfd, signalfd. */
#include "cr_check.h"

static int eventfd_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_eventfd rec;

	cr_detail(it, &rec, sizeof(rec));
	if (!~le64_to_cpu(rec.count))
		return cr_bad(c, "count %llu", cr_ull(rec.count));
	if (le32_to_cpu(rec.semaphore) > 1)
		return cr_bad(c, "semaphore %u", le32_to_cpu(rec.semaphore));
	return cr_check_zero(c, rec.reserved);
}

int cr_anon_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	switch (it->view.type) {
	case CR_REC_EVENTFD:
		return eventfd_check(c, it);
	case CR_REC_SIGNALFD:
		return signalfd_check(c, it);
	}
	return 0;
}
