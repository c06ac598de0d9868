// SPDX-License-Identifier: GPL-2.0
/* The checks of locks and leases of files. */
#include "cr_check.h"

/* Of open files and inodes, in the numbers of x86-64 */
#define FILE_ACCMODE	00000003u
#define FILE_TYPE	0170000u

/* A terminal or a pipe is not locked: it would be the restarter's; nor is procfs */
static int locked_check(struct cr_check *c, u32 id)
{
	struct cr_rec_file file;
	struct cr_view v;
	u32 type;

	cr_read_obj(c->img, id, &v, &file, sizeof(file));
	type = le32_to_cpu(file.mode) & FILE_TYPE;
	if (le32_to_cpu(file.kind) == CR_FILE_OUTSIDE ||
	    le32_to_cpu(file.kind) == CR_FILE_PROCFILE ||
	    (type != 0100000 && type != 0040000))
		return cr_bad(c, "lock of a file of kind %u, mode 0%o",
			      le32_to_cpu(file.kind), le32_to_cpu(file.mode));
	return 0;
}

/* @fds moves on to the descriptor that the lock is taken through */
int cr_lock_check(struct cr_check *c, const struct cr_detail_iter *it,
		  struct cr_detail_iter *fds)
{
	struct cr_rec_lock lock;
	struct cr_rec_fd fd = {};
	u64 start, end;
	u32 kind, type;

	cr_detail(it, &lock, sizeof(lock));
	for (; fds->view.type == CR_REC_FD; cr_detail_next(fds)) {
		cr_detail(fds, &fd, sizeof(fd));
		if (le32_to_cpu(fd.fd) >= le32_to_cpu(lock.fd))
			break;
	}
	if (fds->view.type != CR_REC_FD || fd.fd != lock.fd)
		return cr_bad(c, "lock of fd %u, which is not there, or of one before the last",
			      le32_to_cpu(lock.fd));
	kind = le32_to_cpu(lock.kind);
	type = le32_to_cpu(lock.type);
	start = le64_to_cpu(lock.start);
	end = le64_to_cpu(lock.end);
	if (!kind || kind > CR_LOCK_OFD || !type || type > CR_LOCK_WRITE)
		return cr_unknown(c, "lock of kind %u, type %u", kind, type);
	if (start > end || end > S64_MAX ||
	    (kind == CR_LOCK_FLOCK && (start || end != S64_MAX)))
		return cr_bad(c, "lock from %llu to %llu", cr_ull(lock.start),
			      cr_ull(lock.end));
	return cr_check_zero(c, lock.reserved) ?:
	       locked_check(c, le32_to_cpu(fd.file));
}

/* What is noted in the FILE itself */
int cr_flock_check(struct cr_check *c, const struct cr_rec_file *file)
{
	const u32 both = CR_FILE_FLOCK_SH | CR_FILE_FLOCK_EX;
	u32 flags = le32_to_cpu(file->flags);

	if ((flags & both) && le32_to_cpu(file->kind) != CR_FILE_REG)
		return cr_bad(c, "FLOCK, but not a regular file");
	if ((flags & both) == both)
		return cr_bad(c, "shared and exclusive FLOCK");
	return 0;
}

static int lease_type_check(struct cr_check *c, const struct cr_rec_file *file,
			    const struct cr_rec_lease *lease)
{
	u32 type = le32_to_cpu(lease->type);
	u32 flags = le32_to_cpu(lease->flags);

	if (!type || type > CR_LOCK_WRITE)
		return cr_unknown(c, "lease of type %u", type);
	/* the kernel would not give it out */
	if (type == CR_LOCK_READ &&
	    (le32_to_cpu(file->open_flags) & FILE_ACCMODE))
		return cr_unknown(c, "lease of type %u, access mode %u", type,
				  le32_to_cpu(file->open_flags) & FILE_ACCMODE);
	if (type == CR_LOCK_READ && (flags & CR_LEASE_DOWNGRADE))
		return cr_bad(c, "lease of type %u, flags 0x%x", type, flags);
	return cr_check_mask(c, flags, CR_LEASE_UNLOCK | CR_LEASE_DOWNGRADE,
			     "flags");
}

/* @id: a REG with one detail */
int cr_lease_check(struct cr_check *c, u32 id, const struct cr_rec_file *file)
{
	struct cr_rec_lease lease;
	struct cr_detail_iter it;
	int err;

	cr_detail_first(c->img, id, &it);
	if (it.view.type != CR_REC_LEASE)
		return cr_bad(c, "a %s for kind %u", cr_rec_name(it.view.type),
			      le32_to_cpu(file->kind));
	cr_check_at(c, &it);
	cr_detail(&it, &lease, sizeof(lease));
	err = lease_type_check(c, file, &lease);
	if (err)
		return err;
	if (le32_to_cpu(lease.fd) > S32_MAX || le32_to_cpu(lease.pid) > CR_PID_MAX)
		return cr_bad(c, "lease of fd %u, pid %u", le32_to_cpu(lease.fd),
			      le32_to_cpu(lease.pid));
	if (le64_to_cpu(lease.break_ns) > S64_MAX ||
	    le64_to_cpu(lease.downgrade_ns) > S64_MAX ||
	    (lease.break_ns && !(le32_to_cpu(lease.flags) & CR_LEASE_UNLOCK)))
		return cr_bad(c, "lease that ends in %llu or %llu ns, flags 0x%x",
			      cr_ull(lease.break_ns), cr_ull(lease.downgrade_ns),
			      le32_to_cpu(lease.flags));
	return 0;
}
