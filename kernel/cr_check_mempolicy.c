// SPDX-License-Identifier: GPL-2.0
/* The checks of NUMA policies. */
#include "cr_check.h"

/* As sanitize_mpol_flags() and mpol_new() of the kernel have it */
static int policy_check(struct cr_check *c, const struct cr_rec_mempolicy *rec,
			bool nodes)
{
	const u32 both = CR_MPOL_STATIC_NODES | CR_MPOL_RELATIVE_NODES;
	u32 mode = le32_to_cpu(rec->mode);
	u32 flags = le32_to_cpu(rec->flags);
	u32 home = le32_to_cpu(rec->home);

	if (!mode || mode > CR_MPOL_WEIGHTED_INTERLEAVE)
		return cr_unknown(c, "NUMA policy %u", mode);
	if (nodes != (mode != CR_MPOL_LOCAL))
		return cr_bad(c, "NUMA policy %u with%s nodes", mode,
			      nodes ? "" : "out");
	if ((flags & both) == both || (mode == CR_MPOL_LOCAL && (flags & both)) ||
	    ((flags & CR_MPOL_NUMA_BALANCING) && mode != CR_MPOL_BIND &&
	     mode != CR_MPOL_PREFERRED_MANY))
		return cr_bad(c, "NUMA policy %u, flags 0x%x", mode, flags);
	if (home > CR_MPOL_NODES_MAX || (home && mode != CR_MPOL_BIND &&
					 mode != CR_MPOL_PREFERRED_MANY))
		return cr_bad(c, "home node %u of NUMA policy %u", home - 1,
			      mode);
	return cr_check_mask(c, flags, CR_MPOL_FLAGS_KNOWN, "flags");
}

int cr_mempolicy_check(struct cr_check *c, const struct cr_detail_iter *it,
		       u64 *start, u64 *end)
{
	struct cr_rec_mempolicy rec;
	const u8 *tail = it->view.tail;
	bool nodes = false;
	u32 nr, i;
	int err;

	cr_detail(it, &rec, sizeof(rec));
	nr = le32_to_cpu(rec.nr_nodes);
	if (nr > CR_MPOL_NODES_MAX || nr % 64)
		return cr_bad(c, "%u nodes", nr);
	err = cr_check_tail(c, &it->view, nr / 8);
	if (err)
		return err;
	for (i = 0; i < nr / 8; i++)
		nodes = nodes || tail[i];
	*start = le64_to_cpu(rec.start);
	*end = le64_to_cpu(rec.end);
	return policy_check(c, &rec, nodes);
}

int cr_mempolicy_range_check(struct cr_check *c,
			     const struct cr_detail_iter *it, u64 *last)
{
	u64 start, end;
	int err = cr_mempolicy_check(c, it, &start, &end);

	if (err)
		return err;
	if (start < *last || end <= start || end > CR_MPOL_RANGE_MAX ||
	    (start | end) % CR_PAGE_SIZE)
		return cr_bad(c, "NUMA policy of 0x%llx-0x%llx",
			      (unsigned long long)start,
			      (unsigned long long)end);
	*last = end;
	return 0;
}
