// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of System V message queues and semaphore sets. Compiles unchanged in
 * the kernel and in user space.
 */
#include "cr_check.h"

/* What queues and sets have in common */
static int ipcid_check(struct cr_check *c, __le32 id, __le32 mode, __le32 flags,
		       __le64 ctime)
{
	if (le32_to_cpu(id) > S32_MAX)
		return cr_bad(c, "id %u", le32_to_cpu(id));
	if (le64_to_cpu(ctime) > S64_MAX)
		return cr_bad(c, "time %llu", cr_ull(ctime));
	if (le32_to_cpu(flags) == CR_IPC_FLAGS_KNOWN)
		return cr_bad(c, "flags 0x%x", le32_to_cpu(flags));
	return cr_check_mask(c, le32_to_cpu(mode), 0777, "mode") ?:
	       cr_check_mask(c, le32_to_cpu(flags), CR_IPC_FLAGS_KNOWN,
			     "flags");
}

static int ipc_owners_check(struct cr_check *c, __le32 uid, __le32 gid,
			    __le32 cuid, __le32 cgid)
{
	if (!~le32_to_cpu(uid) || !~le32_to_cpu(gid) ||
	    !~le32_to_cpu(cuid) || !~le32_to_cpu(cgid))
		return cr_bad(c, "(uid_t)-1 is no id");
	return 0;
}

static int msg_check(struct cr_check *c, const struct cr_detail_iter *it,
		     u64 *bytes)
{
	struct cr_rec_msg rec;
	u64 type;

	cr_detail(it, &rec, sizeof(rec));
	type = le64_to_cpu(rec.type);
	if (!type || type > S64_MAX)
		return cr_bad(c, "type %llu", cr_ull(rec.type));
	*bytes += le32_to_cpu(rec.len);
	if (*bytes > CR_MAX_MSG_BYTES)
		return cr_bad(c, "more than %u bytes", CR_MAX_MSG_BYTES);
	return cr_check_zero(c, rec.reserved) ?:
	       cr_check_tail(c, &it->view, le32_to_cpu(rec.len));
}

int cr_msgq_check(struct cr_check *c, u32 id)
{
	u32 nr = c->img->objs[id].nr_details;
	struct cr_detail_iter it;
	struct cr_rec_msgq rec;
	struct cr_view v;
	u64 bytes = 0;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	err = ipcid_check(c, rec.msqid, rec.mode, rec.flags, rec.ctime) ?:
	      ipc_owners_check(c, rec.uid, rec.gid, rec.cuid, rec.cgid) ?:
	      cr_check_zero(c, rec.reserved);
	if (err)
		return err;
	if (le64_to_cpu(rec.stime) > S64_MAX ||
	    le64_to_cpu(rec.rtime) > S64_MAX)
		return cr_bad(c, "times %llu, %llu", cr_ull(rec.stime),
			      cr_ull(rec.rtime));
	if (le32_to_cpu(rec.lspid) > CR_PID_MAX ||
	    le32_to_cpu(rec.lrpid) > CR_PID_MAX)
		return cr_bad(c, "pids %u, %u", le32_to_cpu(rec.lspid),
			      le32_to_cpu(rec.lrpid));
	/* the kernel's own type for it is a signed one at places */
	if (le64_to_cpu(rec.qbytes) > S64_MAX)
		return cr_bad(c, "limit of %llu bytes", cr_ull(rec.qbytes));
	if (le32_to_cpu(rec.nr_msgs) != nr || nr > CR_MAX_MSGS)
		return cr_bad(c, "%u messages, not %u", nr,
			      le32_to_cpu(rec.nr_msgs));
	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		err = msg_check(c, &it, &bytes);
		if (err)
			return err;
	}
	return 0;
}

static int semvals_check(struct cr_check *c, u32 nsems, const u8 *tail)
{
	struct cr_semval val;
	u32 i;

	for (i = 0; i < nsems; i++) {
		memcpy(&val, tail + i * sizeof(val), sizeof(val));
		if (le32_to_cpu(val.semval) > CR_SEM_MAX ||
		    le32_to_cpu(val.sempid) > CR_PID_MAX ||
		    le64_to_cpu(val.otime) > S64_MAX)
			return cr_bad(c, "semaphore %u: %u, by pid %u at %llu",
				      i, le32_to_cpu(val.semval),
				      le32_to_cpu(val.sempid),
				      cr_ull(val.otime));
	}
	return 0;
}

int cr_semset_check(struct cr_check *c, u32 id)
{
	struct cr_rec_semset rec;
	struct cr_view v;
	u32 nsems;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	nsems = le32_to_cpu(rec.nsems);
	if (!nsems || nsems > CR_MAX_SEMS)
		return cr_bad(c, "set of %u semaphores", nsems);
	return ipcid_check(c, rec.semid, rec.mode, rec.flags, rec.ctime) ?:
	       ipc_owners_check(c, rec.uid, rec.gid, rec.cuid, rec.cgid) ?:
	       cr_check_zero(c, rec.reserved) ?:
	       cr_check_tail(c, &v, (u64)nsems * sizeof(struct cr_semval)) ?:
	       semvals_check(c, nsems, v.tail);
}
