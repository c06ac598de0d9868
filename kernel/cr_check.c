// SPDX-License-Identifier: GPL-2.0
/*
 * What the records of an image may say.
 *
 * Everything about an image that can be refused without looking at the machine
 * is refused here: a restart relies on it and does not look again. Pure: the
 * same code runs in mkcrimg and under the fuzzer. One message for each failure:
 * number and type of the record, and the reason. EBADMSG for what nobody may
 * write, EOPNOTSUPP for what a later version might.
 *
 * Time is linear in the size of the stream, but for sorting the ids of tasks.
 *
 * This file: the driver, HEAD, and the objects that are not tasks and not
 * memory. kernel/cr_check_mm.c: address spaces and page runs.
 * kernel/cr_check_task.c: processes and threads. kernel/cr_check_signal.c:
 * signals. kernel/cr_check_timer.c: timers. kernel/cr_check_x86.c: registers.
 * kernel/cr_check_vdso.c: the vdso.
 * kernel/cr_check_sock.c: sockets. kernel/cr_check_pty.c: pseudo-terminals.
 * kernel/cr_check_procfile.c: files of procfs.
 * kernel/cr_check_lock.c: locks and leases of files.
 * kernel/cr_check_usage.c: what processes and threads have used.
 * kernel/cr_check_mempolicy.c: NUMA policies.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xxhash.h>
#include "cr_check.h"

/* ---- what several kinds of records need ---- */

/* @ref must be an object of @type that is declared before @id */
int cr_check_ref(struct cr_check *c, u32 id, __le32 ref, u32 type,
		 const char *what)
{
	u32 to = le32_to_cpu(ref);

	if (!to || to >= id)
		return cr_bad(c, "%s: object %u is not one before object %u",
			      what, to, id);
	if (c->img->objs[to].type != type)
		return cr_bad(c, "%s: object %u is a %s", what, to,
			      cr_rec_name(c->img->objs[to].type));
	return 0;
}

int cr_check_zero(struct cr_check *c, __le32 reserved)
{
	return reserved ? cr_bad(c, "reserved field is 0x%x",
				 le32_to_cpu(reserved)) : 0;
}

int cr_check_mask(struct cr_check *c, u64 value, u64 known, const char *what)
{
	if (value & ~known)
		return cr_unknown(c, "unknown %s 0x%llx", what,
				  (unsigned long long)(value & ~known));
	return 0;
}

int cr_check_addr(struct cr_check *c, __le64 addr, const char *what)
{
	if (le64_to_cpu(addr) >= CR_TASK_SIZE)
		return cr_bad(c, "%s: 0x%llx is no address of user space",
			      what, cr_ull(addr));
	return 0;
}

int cr_check_tail(struct cr_check *c, const struct cr_view *v, u64 len)
{
	if (v->tail_len != len)
		return cr_bad(c, "tail of %zu bytes, not %llu", v->tail_len,
			      (unsigned long long)len);
	return 0;
}

/* Exactly one NUL, at the end */
int cr_check_name(struct cr_check *c, const char *name, size_t len,
		  const char *what)
{
	if (!len || len > CR_PATH_MAX || strnlen(name, len) != len - 1)
		return cr_bad(c, "%s is no string", what);
	return 0;
}

int cr_check_path(struct cr_check *c, const char *path, size_t len,
		  const char *what)
{
	int err = cr_check_name(c, path, len, what);

	if (!err && path[0] != '/')
		err = cr_bad(c, "%s is not absolute", what);
	return err;
}

/* ---- objects ---- */

#define CRED_GROUPS_MAX		65536u
#define CRED_SECUREBITS		0xffull
#define CRED_CAPS		((1ull << 41) - 1)	/* the last of 6.12 */

static int cred_caps_check(struct cr_check *c, const struct cr_rec_cred *rec)
{
	u64 inheritable = le64_to_cpu(rec->cap_inheritable);
	u64 permitted = le64_to_cpu(rec->cap_permitted);
	u64 effective = le64_to_cpu(rec->cap_effective);
	u64 bset = le64_to_cpu(rec->cap_bset);
	u64 ambient = le64_to_cpu(rec->cap_ambient);

	if (effective & ~permitted)
		return cr_bad(c, "effective capabilities that are not permitted");
	if (ambient & ~(permitted & inheritable))
		return cr_bad(c, "ambient capabilities that are not inheritable");
	return cr_check_mask(c, inheritable | permitted | bset, CRED_CAPS,
			     "capabilities");
}

int cr_cred_check(struct cr_check *c, u32 id)
{
	struct cr_rec_cred rec;
	struct cr_view v;
	const u8 *tail;
	u32 nr, i, last = 0;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	nr = le32_to_cpu(rec.nr_groups);
	tail = v.tail;
	if (nr > CRED_GROUPS_MAX)
		return cr_bad(c, "%u groups", nr);
	err = cr_check_tail(c, &v, (u64)nr * sizeof(__le32));
	for (i = 0; !err && i < nr; i++) {
		__le32 gid;

		memcpy(&gid, tail + i * sizeof(gid), sizeof(gid));
		if (le32_to_cpu(gid) < last || !~le32_to_cpu(gid))
			err = cr_bad(c, "group %u behind %u", le32_to_cpu(gid),
				     last);
		last = le32_to_cpu(gid);
	}
	if (err)
		return err;
	if (!~le32_to_cpu(rec.uid) || !~le32_to_cpu(rec.euid) ||
	    !~le32_to_cpu(rec.suid) || !~le32_to_cpu(rec.fsuid) ||
	    !~le32_to_cpu(rec.gid) || !~le32_to_cpu(rec.egid) ||
	    !~le32_to_cpu(rec.sgid) || !~le32_to_cpu(rec.fsgid))
		return cr_bad(c, "(uid_t)-1 is no id");
	if (le32_to_cpu(rec.no_new_privs) > 1)
		return cr_bad(c, "no_new_privs %u",
			      le32_to_cpu(rec.no_new_privs));
	return cr_check_zero(c, rec.reserved) ?:
	       cr_check_mask(c, le32_to_cpu(rec.securebits), CRED_SECUREBITS,
			     "securebits") ?:
	       cred_caps_check(c, &rec);
}

#define PIPE_RING_MAX	(1u << 19)	/* 2 GiB: what F_SETPIPE_SZ can say */

static int pipe_buf_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_pipe_buf rec;
	u32 len;

	cr_detail(it, &rec, sizeof(rec));
	len = le32_to_cpu(rec.len);
	if (!len || len > CR_PAGE_SIZE)
		return cr_bad(c, "%u bytes", len);
	return cr_check_mask(c, le32_to_cpu(rec.flags), CR_PIPE_BUF_PACKET,
			     "flags") ?:
	       cr_check_tail(c, &it->view, len);
}

int cr_pipe_check(struct cr_check *c, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_pipe rec;
	struct cr_view v;
	u32 ring, nr;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	ring = le32_to_cpu(rec.ring_size);
	nr = le32_to_cpu(rec.nr_bufs);
	if (!ring || (ring & (ring - 1)) || ring > PIPE_RING_MAX)
		return cr_bad(c, "ring of %u slots", ring);
	if (nr > ring || nr != c->img->objs[id].nr_details)
		return cr_bad(c, "%u buffers in a ring of %u, not %u",
			      c->img->objs[id].nr_details, ring, nr);
	err = v.tail_len ? cr_check_path(c, v.tail, v.tail_len, "path") : 0;
	if (err)
		return err;
	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		err = pipe_buf_check(c, &it);
		if (err)
			return err;
	}
	return 0;
}

static int shmid_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_shmid rec;
	u32 mode;

	cr_detail(it, &rec, sizeof(rec));
	mode = le32_to_cpu(rec.mode);
	if (le32_to_cpu(rec.shmid) > S32_MAX)
		return cr_bad(c, "segment %u", le32_to_cpu(rec.shmid));
	if ((mode & CR_SHMID_DEST) && rec.key)
		return cr_bad(c, "key 0x%x of a segment that is removed",
			      le32_to_cpu(rec.key));
	if (!~le32_to_cpu(rec.uid) || !~le32_to_cpu(rec.gid) ||
	    !~le32_to_cpu(rec.cuid) || !~le32_to_cpu(rec.cgid))
		return cr_bad(c, "(uid_t)-1 is no id");
	if (le64_to_cpu(rec.atime) > S64_MAX ||
	    le64_to_cpu(rec.dtime) > S64_MAX ||
	    le64_to_cpu(rec.ctime) > S64_MAX)
		return cr_bad(c, "times %llu, %llu, %llu", cr_ull(rec.atime),
			      cr_ull(rec.dtime), cr_ull(rec.ctime));
	return cr_check_mask(c, mode, CR_SHMID_MODE_KNOWN, "mode") ?:
	       cr_check_mask(c, le32_to_cpu(rec.flags), CR_SHMID_FLAGS_KNOWN,
			     "flags");
}

/* A System V segment has one SHMID, nothing else has any; NUMA policies */
static int shm_details_check(struct cr_check *c, u32 id, u32 kind)
{
	struct cr_detail_iter it;
	u32 nr_shmids = 0;
	u64 last = 0;
	int err;

	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		if (it.view.type == CR_REC_SHMID) {
			nr_shmids++;
			err = shmid_check(c, &it);
		} else if (kind == CR_SHM_CARRIED ||
			   (kind == CR_SHM_SYSV && !nr_shmids)) {
			err = cr_bad(c, "NUMA policy of kind %u", kind);
		} else {
			err = cr_mempolicy_range_check(c, &it, &last);
		}
		if (err)
			return err;
	}
	cr_check_at_obj(c, id);
	if (nr_shmids != (kind == CR_SHM_SYSV ? 1 : 0))
		return cr_bad(c, "%u details of kind %u", nr_shmids, kind);
	return 0;
}

static int shm_file_check(struct cr_check *c, const struct cr_rec_shm *rec,
			  const struct cr_view *v)
{
	if (le64_to_cpu(rec->size) > S64_MAX - CR_PAGE_SIZE)
		return cr_bad(c, "%llu bytes", cr_ull(rec->size));
	if (le32_to_cpu(rec->mode) > 0777)
		return cr_bad(c, "mode 0%o", le32_to_cpu(rec->mode));
	return cr_check_mask(c, le32_to_cpu(rec->flags),
			     le32_to_cpu(rec->kind) == CR_SHM_FILE ?
			     CR_SHM_LINKABLE : 0, "flags") ?:
	       cr_check_zero(c, rec->reserved) ?:
	       cr_check_path(c, v->tail, v->tail_len, "path");
}

/* The name that memfd_create() gives, and what F_ADD_SEALS makes of seals */
static int shm_memfd_check(struct cr_check *c, const struct cr_rec_shm *rec,
			   const struct cr_view *v)
{
	const u32 all = CR_SEAL_SHRINK | CR_SEAL_GROW | CR_SEAL_WRITE |
			CR_SEAL_FUTURE_WRITE;
	const size_t prefix = strlen(CR_MEMFD_PREFIX);
	const char *name = v->tail;
	u32 seals = le32_to_cpu(rec->seals);
	int err = cr_check_name(c, name, v->tail_len, "name") ?:
		  cr_check_mask(c, seals, CR_SEALS_KNOWN, "seals");

	if (err)
		return err;
	if (v->tail_len <= prefix || memcmp(name, CR_MEMFD_PREFIX, prefix) ||
	    v->tail_len - 1 - prefix > CR_MEMFD_NAME_MAX +
				       strlen(CR_SHM_DELETED))
		return cr_bad(c, "memfd without its name");
	if ((seals & CR_SEAL_EXEC) && (le32_to_cpu(rec->mode) & 0111) &&
	    (seals & all) != all)
		return cr_bad(c, "seals 0x%x, mode 0%o", seals,
			      le32_to_cpu(rec->mode));
	return 0;
}

int cr_shm_check(struct cr_check *c, u32 id)
{
	struct cr_rec_shm rec;
	struct cr_view v;
	u64 size;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	size = le64_to_cpu(rec.size);
	err = cr_check_zero(c, rec.reserved2);
	if (!err && rec.seals && le32_to_cpu(rec.kind) != CR_SHM_MEMFD)
		err = cr_bad(c, "seals 0x%x for kind %u",
			     le32_to_cpu(rec.seals), le32_to_cpu(rec.kind));
	if (err)
		return err;
	switch (le32_to_cpu(rec.kind)) {
	case CR_SHM_ANON:
		if (!size || size % CR_PAGE_SIZE)
			return cr_bad(c, "%llu bytes", cr_ull(rec.size));
		break;
	case CR_SHM_UNLINKED:
		break;
	case CR_SHM_MEMFD:
		err = shm_memfd_check(c, &rec, &v);
		if (err)
			return err;
		break;
	case CR_SHM_SYSV:
		if (!size)
			return cr_bad(c, "0 bytes");
		break;
	case CR_SHM_FILE:
	case CR_SHM_CARRIED:
		return shm_file_check(c, &rec, &v) ?:
		       shm_details_check(c, id, le32_to_cpu(rec.kind));
	default:
		return cr_unknown(c, "unknown kind %u", le32_to_cpu(rec.kind));
	}
	/* So that a multiple of the page size can be made of it */
	if (size > S64_MAX - CR_PAGE_SIZE)
		return cr_bad(c, "%llu bytes", cr_ull(rec.size));
	if (rec.flags || ((rec.mode || rec.mtime_ns) &&
			  le32_to_cpu(rec.kind) != CR_SHM_UNLINKED &&
			  le32_to_cpu(rec.kind) != CR_SHM_MEMFD))
		return cr_bad(c, "mode, flags or time for kind %u",
			      le32_to_cpu(rec.kind));
	if (le32_to_cpu(rec.mode) > 0777)
		return cr_bad(c, "mode 0%o", le32_to_cpu(rec.mode));
	return cr_check_zero(c, rec.reserved) ?:
	       cr_check_name(c, v.tail, v.tail_len, "name") ?:
	       shm_details_check(c, id, le32_to_cpu(rec.kind));
}

/* Of file descriptions and inodes, in the numbers of x86-64 */
#define FILE_ACCMODE	00000003u
#define FILE_RDWR	00000002u
#define FILE_OPEN_FLAGS	05756003u	/* see struct cr_rec_file.open_flags */
#define FILE_TYPE	0170000u
#define FILE_MODE	0177777u
#define FILE_ANY	FILE_MODE

static const struct file_kind {
	u32 mode;	/* type of the inode or FILE_ANY; 0: no such kind */
	u32 obj;	/* type of the object behind it */
	u32 detail;	/* type of the one detail that follows, or of the first */
	bool path;	/* the tail is an absolute path */
	bool more;	/* more details follow */
} file_kinds[] = {
	[CR_FILE_REG]		= { .mode = 0100000, .path = true },
	[CR_FILE_DIR]		= { .mode = 0040000, .path = true },
	[CR_FILE_CHR]		= { .mode = 0020000, .path = true },
	[CR_FILE_PIPE]		= { .mode = 0010000, .obj = CR_REC_PIPE },
	[CR_FILE_OUTSIDE]	= { .mode = FILE_ANY },
	[CR_FILE_SHM]		= { .mode = 0100000, .obj = CR_REC_SHM },
	[CR_FILE_SOCK]		= { .mode = 0140000, .obj = CR_REC_SOCK },
	[CR_FILE_OPATH]		= { .mode = FILE_ANY, .path = true },
	[CR_FILE_EVENTFD]	= { .mode = FILE_ANY, .detail = CR_REC_EVENTFD },
	[CR_FILE_TIMERFD]	= { .mode = FILE_ANY, .detail = CR_REC_TIMERFD },
	[CR_FILE_SIGNALFD]	= { .mode = FILE_ANY, .detail = CR_REC_SIGNALFD },
	[CR_FILE_EPOLL]		= { .mode = FILE_ANY },
	[CR_FILE_PIDFD]		= { .mode = FILE_ANY, .detail = CR_REC_PIDFD },
	[CR_FILE_INOTIFY]	= { .mode = FILE_ANY, .detail = CR_REC_INOTIFY, .more = true },
	[CR_FILE_FIFO]		= { .mode = 0010000, .obj = CR_REC_PIPE, .path = true },
	[CR_FILE_PTY_MASTER]	= { .mode = 0020000, .obj = CR_REC_PTY },
	[CR_FILE_PTY_SLAVE]	= { .mode = 0020000, .obj = CR_REC_PTY },
	[CR_FILE_PTY_HUNGUP]	= { .mode = 0020000 },
	[CR_FILE_PROCFILE]	= { .mode = FILE_ANY, .detail = CR_REC_PROCFILE, .path = true },
};

static int file_numbers_check(struct cr_check *c, const struct cr_rec_file *rec)
{
	u32 kind = le32_to_cpu(rec->kind);
	u32 flags = le32_to_cpu(rec->flags);
	u32 mode = le32_to_cpu(rec->mode);
	u32 open_flags = le32_to_cpu(rec->open_flags);

	if (cr_check_mask(c, flags, CR_FILE_MAPPED | CR_FILE_EXE |
			  CR_FILE_VERIFY | CR_FILE_TTY | CR_FILE_ASYNC |
			  CR_FILE_FRESH | CR_FILE_LEASE |
			  CR_FILE_FLOCK_SH | CR_FILE_FLOCK_EX, "flags") ||
	    cr_check_mask(c, open_flags, FILE_OPEN_FLAGS, "open flags"))
		return -EOPNOTSUPP;
	if ((open_flags & FILE_ACCMODE) == FILE_ACCMODE)
		return cr_unknown(c, "access mode 3");
	if ((flags & CR_FILE_TTY) && kind != CR_FILE_OUTSIDE)
		return cr_bad(c, "TTY, but not OUTSIDE");
	if ((flags & CR_FILE_FRESH) &&
	    (kind != CR_FILE_FIFO || (open_flags & FILE_ACCMODE)))
		return cr_bad(c, "FRESH, but no FIFO for reading");
	if (kind == CR_FILE_PTY_MASTER &&
	    (open_flags & FILE_ACCMODE) != FILE_RDWR)
		return cr_unknown(c, "master of a pseudo-terminal, access mode %u",
				  open_flags & FILE_ACCMODE);
	if (kind == CR_FILE_PROCFILE && (open_flags & FILE_ACCMODE))
		return cr_unknown(c, "procfs, access mode %u",
				  open_flags & FILE_ACCMODE);
	if (kind == CR_FILE_PROCFILE && (mode & FILE_TYPE) != 0100000 &&
	    (mode & FILE_TYPE) != 0040000)
		return cr_bad(c, "mode 0%o for kind %u", mode, kind);
	if ((flags & CR_FILE_EXE) && kind != CR_FILE_REG && kind != CR_FILE_SHM)
		return cr_bad(c, "EXE, but not a regular file");
	if ((flags & CR_FILE_LEASE) && kind != CR_FILE_REG)
		return cr_bad(c, "LEASE, but not a regular file");
	if (mode > FILE_MODE || (file_kinds[kind].mode != FILE_ANY &&
				 file_kinds[kind].mode != (mode & FILE_TYPE)))
		return cr_bad(c, "mode 0%o for kind %u", mode, kind);
	if (le32_to_cpu(rec->fd) > (kind == CR_FILE_OUTSIDE ? S32_MAX : 0))
		return cr_bad(c, "fd %u for kind %u", le32_to_cpu(rec->fd),
			      kind);
	if (le64_to_cpu(rec->pos) > S64_MAX || le64_to_cpu(rec->size) > S64_MAX)
		return cr_bad(c, "position %llu, size %llu", cr_ull(rec->pos),
			      cr_ull(rec->size));
	return 0;
}

/* Anonymous memory and System V segments are no files that could be opened */
static int file_shm_check(struct cr_check *c, u32 obj)
{
	struct cr_rec_shm shm;
	struct cr_view v;

	cr_read_obj(c->img, obj, &v, &shm, sizeof(shm));
	if (le32_to_cpu(shm.kind) != CR_SHM_UNLINKED &&
	    le32_to_cpu(shm.kind) != CR_SHM_MEMFD &&
	    le32_to_cpu(shm.kind) != CR_SHM_FILE)
		return cr_bad(c, "open file on memory of kind %u",
			      le32_to_cpu(shm.kind));
	return 0;
}

/* Only what nobody can write to may be replaced by a copy */
static int file_carried_check(struct cr_check *c, u32 id,
			      const struct cr_rec_file *rec)
{
	struct cr_rec_shm shm;
	struct cr_view v;
	int err;

	err = cr_check_ref(c, id, rec->obj, CR_REC_SHM, "obj");
	if (err)
		return err;
	cr_read_obj(c->img, le32_to_cpu(rec->obj), &v, &shm, sizeof(shm));
	if (le32_to_cpu(shm.kind) != CR_SHM_CARRIED)
		return cr_bad(c, "copy of a file: memory of kind %u",
			      le32_to_cpu(shm.kind));
	if ((le32_to_cpu(rec->open_flags) & FILE_ACCMODE) ||
	    !(le32_to_cpu(rec->flags) & (CR_FILE_MAPPED | CR_FILE_EXE)))
		return cr_bad(c, "copy of a file that is written to, or not mapped");
	return 0;
}

/* A pipe has a name or it has none */
static int file_pipe_check(struct cr_check *c, u32 kind, u32 obj)
{
	struct cr_rec_pipe pipe;
	struct cr_view v;

	cr_read_obj(c->img, obj, &v, &pipe, sizeof(pipe));
	if (!v.tail_len == (kind == CR_FILE_PIPE))
		return 0;
	return cr_bad(c, "kind %u of a pipe %s a name", kind,
		      v.tail_len ? "with" : "without");
}

static int file_owner_check(struct cr_check *c, const struct cr_rec_file *rec)
{
	u32 kind = le32_to_cpu(rec->owner_kind);
	u32 sig = le32_to_cpu(rec->owner_sig);
	bool async = le32_to_cpu(rec->flags) & CR_FILE_ASYNC;

	if (kind > CR_OWNER_GROUP)
		return cr_unknown(c, "owner of kind %u", kind);
	if (!kind != !rec->owner)
		return cr_bad(c, "owner %u of kind %u",
			      le32_to_cpu(rec->owner), kind);
	if (sig > 64)
		return cr_bad(c, "signal %u", sig);
	if (le32_to_cpu(rec->async_fd) > (async ? S32_MAX : 0))
		return cr_bad(c, "async_fd %u", le32_to_cpu(rec->async_fd));
	if ((kind || sig || async) &&
	    le32_to_cpu(rec->kind) == CR_FILE_OUTSIDE)
		return cr_bad(c, "owner for signals, but OUTSIDE");
	return 0;
}

static int file_detail_check(struct cr_check *c, u32 id,
			     const struct cr_rec_file *rec)
{
	u32 detail = file_kinds[le32_to_cpu(rec->kind)].detail;
	bool more = file_kinds[le32_to_cpu(rec->kind)].more;
	u32 nr = c->img->objs[id].nr_details;
	struct cr_detail_iter it;

	if ((le32_to_cpu(rec->flags) & CR_FILE_LEASE) && nr == 1)
		return cr_lease_check(c, id, rec);
	detail = le32_to_cpu(rec->flags) & CR_FILE_LEASE ? CR_REC_LEASE : detail;
	if (more ? !nr : nr != !!detail)
		return cr_bad(c, "%u details for kind %u", nr,
			      le32_to_cpu(rec->kind));
	if (!detail)
		return 0;
	cr_detail_first(c->img, id, &it);
	if (it.view.type != detail)
		return cr_bad(c, "a %s for kind %u", cr_rec_name(it.view.type),
			      le32_to_cpu(rec->kind));
	if (more)
		return cr_inotify_check(c, id);
	cr_check_at(c, &it);
	if (detail == CR_REC_PROCFILE)
		return cr_procfile_check(c, id, &it);
	return cr_anon_check(c, &it);
}

int cr_file_check(struct cr_check *c, u32 id)
{
	struct cr_rec_file rec;
	struct cr_view v;
	u32 kind;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	kind = le32_to_cpu(rec.kind);
	if (kind >= ARRAY_SIZE(file_kinds) || !file_kinds[kind].mode)
		return cr_unknown(c, "unknown kind %u", kind);
	err = file_numbers_check(c, &rec) ?: cr_flock_check(c, &rec) ?:
	      file_owner_check(c, &rec);
	if (err)
		return err;
	if (file_kinds[kind].obj)
		err = cr_check_ref(c, id, rec.obj, file_kinds[kind].obj, "obj");
	else if (rec.obj && kind == CR_FILE_REG)
		err = file_carried_check(c, id, &rec);
	else if (rec.obj)
		err = cr_bad(c, "object %u for kind %u", le32_to_cpu(rec.obj),
			     kind);
	if (!err && kind == CR_FILE_SHM)
		err = file_shm_check(c, le32_to_cpu(rec.obj));
	if (!err && (kind == CR_FILE_PIPE || kind == CR_FILE_FIFO))
		err = file_pipe_check(c, kind, le32_to_cpu(rec.obj));
	if (!err && kind == CR_FILE_SOCK)
		err = cr_check_open_sock(c, id, rec.obj, "obj");
	if (err)
		return err;
	if (file_kinds[kind].path)
		err = cr_check_path(c, v.tail, v.tail_len, "path");
	else
		err = cr_check_name(c, v.tail, v.tail_len, "name");
	return err ?: file_detail_check(c, id, &rec);
}

static int fd_check(struct cr_check *c, u32 id, const struct cr_detail_iter *it,
		    s64 *last)
{
	struct cr_rec_fd fd;

	cr_detail(it, &fd, sizeof(fd));
	if (le32_to_cpu(fd.fd) <= *last || le32_to_cpu(fd.fd) > S32_MAX)
		return cr_bad(c, "fd %u behind %lld", le32_to_cpu(fd.fd),
			      (long long)*last);
	*last = le32_to_cpu(fd.fd);
	if (le32_to_cpu(fd.cloexec) > 1)
		return cr_bad(c, "cloexec %u", le32_to_cpu(fd.cloexec));
	return cr_check_zero(c, fd.reserved) ?:
	       cr_check_ref(c, id, fd.file, CR_REC_FILE, "file");
}

/* They come one kind after the other, as many as the record says */
static int files_nr_check(struct cr_check *c, u32 id,
			  const struct cr_rec_files *rec)
{
	u32 nr = c->img->objs[id].nr_details;

	if (le32_to_cpu(rec->nr_locks) > nr)
		return cr_bad(c, "%u locks in %u details",
			      le32_to_cpu(rec->nr_locks), nr);
	nr -= le32_to_cpu(rec->nr_locks);
	if (le32_to_cpu(rec->nr_epitems) > nr)
		return cr_bad(c, "%u entries of epolls in %u details",
			      le32_to_cpu(rec->nr_epitems), nr);
	nr -= le32_to_cpu(rec->nr_epitems);
	if (le32_to_cpu(rec->nr_fds) != nr)
		return cr_bad(c, "%u descriptors, not %u", nr,
			      le32_to_cpu(rec->nr_fds));
	return cr_check_zero(c, rec->next_fd) ?:
	       cr_check_zero(c, rec->reserved) ?:
	       cr_check_zero(c, rec->reserved2);
}

static u32 files_detail_type(const struct cr_rec_files *rec, u32 nr)
{
	if (nr < le32_to_cpu(rec->nr_fds))
		return CR_REC_FD;
	nr -= le32_to_cpu(rec->nr_fds);
	return nr < le32_to_cpu(rec->nr_locks) ? CR_REC_LOCK : CR_REC_EPITEM;
}

int cr_files_check(struct cr_check *c, u32 id)
{
	struct cr_detail_iter it, fds;
	struct cr_rec_files rec;
	struct cr_view v;
	s64 last = -1;
	u32 i = 0;
	int err;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	err = files_nr_check(c, id, &rec);
	if (err)
		return err;
	cr_detail_first(c->img, id, &fds);
	cr_for_each_detail(c->img, id, &it) {
		cr_check_at(c, &it);
		if (it.view.type != files_detail_type(&rec, i++))
			return cr_bad(c, "is not where it belongs");
		if (it.view.type == CR_REC_FD)
			err = fd_check(c, id, &it, &last);
		else if (it.view.type == CR_REC_LOCK)
			err = cr_lock_check(c, &it, &fds);
		else
			err = cr_epitem_check(c, id, &it);
		if (err)
			return err;
	}
	return 0;
}

int cr_fs_check(struct cr_check *c, u32 id)
{
	struct cr_rec_fs rec;
	struct cr_view v;
	u32 cwd_len, root_len;
	const char *tail;

	cr_read_obj(c->img, id, &v, &rec, sizeof(rec));
	cwd_len = le32_to_cpu(rec.cwd_len);
	root_len = le32_to_cpu(rec.root_len);
	tail = v.tail;
	if (le32_to_cpu(rec.umask) > 0777)
		return cr_bad(c, "umask 0%o", le32_to_cpu(rec.umask));
	return cr_check_mask(c, le32_to_cpu(rec.flags), CR_FS_CWD_REMOVED,
			     "flags") ?:
	       cr_check_tail(c, &v, (u64)cwd_len + root_len) ?:
	       cr_check_path(c, tail, cwd_len, "working directory") ?:
	       cr_check_path(c, tail + cwd_len, root_len, "root directory");
}

/* ---- the whole ---- */

static int head_check(struct cr_check *c)
{
	const struct cr_rec_head *head = &c->img->head;
	u32 page_shift = le32_to_cpu(head->page_shift);
	u32 nr_procs = le32_to_cpu(head->nr_procs);
	u32 nr_threads = le32_to_cpu(head->nr_threads);

	c->nr = 0;
	c->type = CR_REC_HEAD;
	if (page_shift != CR_PAGE_SHIFT)
		return cr_unknown(c, "pages of 2^%u bytes", page_shift);
	if (!nr_procs || nr_procs > CR_MAX_PROCS ||
	    !nr_threads || nr_threads > CR_MAX_THREADS)
		return cr_bad(c, "%u processes, %u threads", nr_procs,
			      nr_threads);
	if (strnlen(head->release, CR_NAME_LEN) == CR_NAME_LEN ||
	    strnlen(head->node, CR_NAME_LEN) == CR_NAME_LEN)
		return cr_bad(c, "a name has no end");
	return 0;
}

static int (*const object_checks[])(struct cr_check *c, u32 id) = {
	[CR_REC_VDSO & 0xff]	= cr_vdso_check,
	[CR_REC_CRED & 0xff]	= cr_cred_check,
	[CR_REC_PIPE & 0xff]	= cr_pipe_check,
	[CR_REC_SHM & 0xff]	= cr_shm_check,
	[CR_REC_FILE & 0xff]	= cr_file_check,
	[CR_REC_FILES & 0xff]	= cr_files_check,
	[CR_REC_FS & 0xff]	= cr_fs_check,
	[CR_REC_SIGHAND & 0xff]	= cr_sighand_check,
	[CR_REC_MM & 0xff]	= cr_mm_check,
	[CR_REC_PROC & 0xff]	= cr_proc_check,
	[CR_REC_THREAD & 0xff]	= cr_thread_check,
	[CR_REC_SOCK & 0xff]	= cr_sock_check,
	[CR_REC_SOCKQ & 0xff]	= cr_sockq_check,
	[CR_REC_PTY & 0xff]	= cr_pty_check,
	[CR_REC_MSGQ & 0xff]	= cr_msgq_check,
	[CR_REC_SEMSET & 0xff]	= cr_semset_check,
	[CR_REC_AUTO & 0xff]	= cr_auto_check,
};

static int objects_check(struct cr_check *c)
{
	const struct cr_image *img = c->img;
	u32 id;
	int err;

	c->obj_nr = 1;
	for (id = 1; id <= img->nr_objects; id++) {
		cr_check_at_obj(c, id);
		if (c->threads_left && c->type != CR_REC_THREAD)
			return cr_bad(c, "%u threads of object %u are missing",
				      c->threads_left, c->proc);
		err = object_checks[c->type & 0xff](c, id);
		if (err)
			return err;
		c->obj_nr += 1 + img->objs[id].nr_details;
		cond_resched();
	}
	if (c->threads_left)
		return cr_bad(c, "%u threads of object %u are missing",
			      c->threads_left, c->proc);
	return 0;
}

static int runs_check(struct cr_check *c)
{
	const struct cr_image *img = c->img;
	u32 id, nr = c->obj_nr;
	int err;

	for (id = 1; id <= img->nr_objects; id++) {
		if (!img->objs[id].nr_page_runs)
			continue;
		c->obj_nr = nr;
		err = cr_pages_check(c, id);
		if (err)
			return err;
		nr += img->objs[id].nr_page_runs;
	}
	return 0;
}

/* Does HEAD announce what there is? */
static int totals_check(struct cr_check *c)
{
	const struct cr_rec_head *head = &c->img->head;

	c->nr = 0;
	c->type = CR_REC_HEAD;
	if (c->nr_procs != le32_to_cpu(head->nr_procs) ||
	    c->nr_threads != le32_to_cpu(head->nr_threads))
		return cr_bad(c, "%u processes, %u threads, not %u, %u",
			      c->nr_procs, c->nr_threads,
			      le32_to_cpu(head->nr_procs),
			      le32_to_cpu(head->nr_threads));
	if (c->memory != le64_to_cpu(head->memory))
		return cr_bad(c, "%llu bytes of memory, not %llu",
			      (unsigned long long)c->memory,
			      cr_ull(head->memory));
	return 0;
}

int cr_image_check(const struct cr_image *img, u64 file_size,
		   struct cr_log *log)
{
	struct cr_check c = {
		.img = img,
		.file_size = file_size,
		.log = log,
	};
	int err;

	err = head_check(&c);
	if (err)
		return err;
	/* Each process has a pid and each thread a tid: enough for both */
	c.ids = kvcalloc((size_t)le32_to_cpu(img->head.nr_procs) +
			 le32_to_cpu(img->head.nr_threads), sizeof(*c.ids),
			 GFP_KERNEL_ACCOUNT);
	/* and is in a session and in a group */
	c.gone = kvcalloc((size_t)le32_to_cpu(img->head.nr_procs) * 2,
			  sizeof(*c.gone), GFP_KERNEL_ACCOUNT);
	c.mm_of = kvcalloc((size_t)img->nr_objects + 1, sizeof(*c.mm_of),
			   GFP_KERNEL_ACCOUNT);
	if (!c.ids || !c.gone || !c.mm_of)
		err = cr_err(log, -ENOMEM, "no memory to check %u objects",
			     img->nr_objects);
	err = err ?: objects_check(&c);
	err = err ?: cr_ids_check(&c);
	err = err ?: runs_check(&c);
	err = err ?: totals_check(&c);
	kvfree(c.ids);
	kvfree(c.gone);
	kvfree(c.mm_of);
	return err;
}
