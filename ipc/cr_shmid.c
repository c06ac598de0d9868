// SPDX-License-Identifier: GPL-2.0
/*
 * System V segments: what a SHM of kind SYSV is beside its memory, which is
 * saved with that of the others: mm/cr_shm.c, mm/cr_pages.c.
 *
 * A segment outlives the job that was killed. One that still is there, with the
 * id, key, size, owner and time of change that it had, is used again if nobody
 * has it attached, and gets back the contents that were saved; whatever else
 * has the id, or the key, is in the way: EBUSY. Without one a new segment is
 * made, which needs the right to choose ids, as processes do.
 *
 * A restart that fails changes nothing: a new segment goes again, and the
 * contents of one that existed are exchanged when all tasks are built, as the
 * last thing before the commit: cr_shmid_pages.c.
 *
 * Refused: segments of other namespaces. Those of huge pages are refused with
 * their mappings.
 *
 * Locks: ipc_ids.rwsem for reading, so that a segment that was found stays; its
 * own lock for what it says.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/shm.h>
#include <uapi/linux/shm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/bsearch.h>
#include <linux/syscalls.h>
#include <linux/cr_build.h>
#include <linux/cr_ipc.h>
#include <linux/cr_mm.h>
#include <linux/cr_ipc_private.h>
#include <linux/cr_kernel.h>
#include "cr_ipcid.h"
#include "cr_segment.h"

static struct ipc_ids *shm_ids(struct ipc_namespace *ns)
{
	return &ns->ids[CR_IPC_SHM_IDS];
}

/* What has the index of @shmid, be it another one. ids->rwsem is held */
static struct shmid_kernel *segment_at(struct ipc_namespace *ns, int shmid)
{
	struct kern_ipc_perm *perm;

	rcu_read_lock();
	perm = ipc_obtain_object_idr(shm_ids(ns), shmid);
	rcu_read_unlock();
	if (IS_ERR(perm))
		return NULL;
	return container_of(perm, struct shmid_kernel, shm_perm);
}

bool cr_file_is_sysv(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	/* the kernel's own tmpfs: nobody else gives its files such names */
	return file->f_op != inode->i_fop &&
	       (inode->i_sb->s_flags & SB_KERNMOUNT) &&
	       shmem_mapping(inode->i_mapping) &&
	       !strncmp(file->f_path.dentry->d_name.name, "SYSV", 4);
}

/* ---- saving ---- */

/* The number of a segment is that of its inode: /proc/PID/maps shows it */
static struct shmid_kernel *segment_of(struct inode *inode)
{
	struct shmid_kernel *shp;

	shp = segment_at(current->nsproxy->ipc_ns, inode->i_ino);
	return shp && file_inode(shp->shm_file) == inode ? shp : NULL;
}

void cr_shmid_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct ipc_ids *ids = shm_ids(current->nsproxy->ipc_ns);
	bool ours;

	down_read(&ids->rwsem);
	ours = segment_of(obj->ptr);
	up_read(&ids->rwsem);
	if (!ours)
		cr_refuse(s, obj->holder, "CR-ESHM",
			  "System V shared memory of another IPC namespace");
}

static void segment_record(struct cr_save *s, struct shmid_kernel *shp,
			   struct cr_rec_shmid *rec)
{
	struct kern_ipc_perm *perm = &shp->shm_perm;
	struct user_namespace *ns = &init_user_ns;

	spin_lock(&perm->lock);
	rec->shmid = cpu_to_le32(perm->id);
	rec->key = cpu_to_le32(perm->key);
	rec->mode = cpu_to_le32(perm->mode & CR_SHMID_MODE_KNOWN);
	rec->uid = cpu_to_le32(from_kuid_munged(ns, perm->uid));
	rec->gid = cpu_to_le32(from_kgid_munged(ns, perm->gid));
	rec->cuid = cpu_to_le32(from_kuid_munged(ns, perm->cuid));
	rec->cgid = cpu_to_le32(from_kgid_munged(ns, perm->cgid));
	rec->cpid = cpu_to_le32(pid_nr_ns(shp->shm_cprid, s->pid_ns));
	rec->lpid = cpu_to_le32(pid_nr_ns(shp->shm_lprid, s->pid_ns));
	rec->atime = cpu_to_le64(shp->shm_atim);
	rec->dtime = cpu_to_le64(shp->shm_dtim);
	rec->ctime = cpu_to_le64(shp->shm_ctim);
	spin_unlock(&perm->lock);
}

void cr_shmid_save(struct cr_save *s, struct cr_obj *obj)
{
	struct ipc_ids *ids = shm_ids(current->nsproxy->ipc_ns);
	struct cr_rec_shmid rec = {};
	struct shmid_kernel *shp;

	if (SHMEM_I((struct inode *)obj->ptr)->flags & VM_NORESERVE)
		rec.flags = cpu_to_le32(CR_SHMID_NORESERVE);
	down_read(&ids->rwsem);
	shp = segment_of(obj->ptr);
	if (shp)
		segment_record(s, shp, &rec);
	up_read(&ids->rwsem);
	/* the job has it attached and stands still: it cannot have gone */
	if (shp)
		cr_write_detail(s, obj, CR_REC_SHMID, &rec, sizeof(rec), NULL,
				0);
	else
		cr_fail(s, -EPROTO);
}

/* ---- restart: finding or making it ---- */

static void segment_free(struct cr_segment *seg)
{
	if (seg->file[CR_SEG_RO])
		fput(seg->file[CR_SEG_RO]);
	if (seg->file[CR_SEG_RW])
		fput(seg->file[CR_SEG_RW]);
	if (seg->contents)
		fput(seg->contents);
	put_pid(seg->lpid);
	put_ipc_ns(seg->ns);
	kfree(seg);
}

int cr_segment_err(struct cr_restart *r, const struct cr_segment *seg,
		       int err, const char *why)
{
	return cr_err(&r->log, err, "System V segment %d (key 0x%08x): %s",
		      seg->shmid, le32_to_cpu(seg->rec.key), why);
}

/* shmctl() of commands that take no buffer */
static int segment_ctl(int shmid, int cmd)
{
	struct pt_regs args = { .di = shmid, .si = cmd };

	return __x64_sys_shmctl(&args);
}

/* Why a segment is not the one that was saved, or cannot be used. Locked */
static const char *segment_differs(const struct cr_segment *seg,
				   const struct shmid_kernel *shp)
{
	const struct cr_rec_shmid *rec = &seg->rec;
	const struct kern_ipc_perm *perm = &shp->shm_perm;
	struct user_namespace *ns = &init_user_ns;

	if (perm->id != seg->shmid || perm->deleted)
		return "another one has its place";
	if (seg->created)
		return NULL;
	if (perm->key != (key_t)le32_to_cpu(rec->key) ||
	    shp->shm_segsz != seg->size ||
	    shp->shm_ctim != le64_to_cpu(rec->ctime) ||
	    from_kuid(ns, perm->cuid) != le32_to_cpu(rec->cuid) ||
	    from_kgid(ns, perm->cgid) != le32_to_cpu(rec->cgid))
		return "exists and is not the one that was saved";
	if (from_kuid(ns, perm->uid) != le32_to_cpu(rec->uid) ||
	    from_kgid(ns, perm->gid) != le32_to_cpu(rec->gid) ||
	    (perm->mode & CR_SHMID_MODE_KNOWN) != le32_to_cpu(rec->mode))
		return "exists, with another owner or mode";
	if (shp->shm_nattch)
		return "is attached by somebody else";
	return NULL;
}

/* As shmctl(IPC_SET) asks */
static bool perm_is_own(const struct cr_segment *seg,
			const struct kern_ipc_perm *perm)
{
	kuid_t euid = current_euid();

	return uid_eq(euid, perm->cuid) || uid_eq(euid, perm->uid) ||
	       ns_capable(seg->ns->user_ns, CAP_SYS_ADMIN);
}

/* Hold it, if it is there and nobody uses it. 1: it is; 0: there is none */
static int segment_hold(struct cr_restart *r, struct cr_segment *seg)
{
	struct ipc_ids *ids = shm_ids(seg->ns);
	struct shmid_kernel *shp;
	const char *why = NULL;
	int err = -EBUSY;

	down_read(&ids->rwsem);
	shp = segment_at(seg->ns, seg->shmid);
	if (shp) {
		spin_lock(&shp->shm_perm.lock);
		why = segment_differs(seg, shp);
		/* holding it is what shmat() does */
		if (!why && ipcperms(seg->ns, &shp->shm_perm, S_IRUGO)) {
			why = "cannot be attached";
			err = -EACCES;
		}
		if (!why) {
			seg->held = true;
			seg->own = perm_is_own(seg, &shp->shm_perm);
			shp->shm_nattch++;
			seg->atime = shp->shm_atim;
			seg->dtime = shp->shm_dtim;
			seg->lpid = get_pid(shp->shm_lprid);
		}
		spin_unlock(&shp->shm_perm.lock);
	}
	up_read(&ids->rwsem);
	if (why)
		return cr_segment_err(r, seg, err, why);
	return shp ? 1 : 0;
}

/* shmget() with a chosen id, as /proc/sys/kernel/shm_next_id does it */
static int segment_get_id(const struct cr_segment *seg, int flags)
{
	struct ipc_ids *ids = shm_ids(seg->ns);
	int id;

	cr_next_id_begin(ids, seg->shmid);
	id = ksys_shmget(le32_to_cpu(seg->rec.key), seg->size,
			 flags | IPC_CREAT | IPC_EXCL | 0600);
	cr_next_id_end(ids, seg->shmid);
	/* somebody was faster: the id is the next free one, or any */
	if (id >= 0 && id != seg->shmid) {
		segment_ctl(id, IPC_RMID);
		return -EBUSY;
	}
	return id < 0 ? id : 0;
}

static int segment_create(struct cr_restart *r, struct cr_segment *seg)
{
	int flags = le32_to_cpu(seg->rec.flags) & CR_SHMID_NORESERVE ?
		    SHM_NORESERVE : 0;
	int err;

	if (!checkpoint_restore_ns_capable(seg->ns->user_ns))
		return cr_segment_err(r, seg, -EPERM,
				      "is gone, and you may not choose the id of a new one");
	/* who else it may belong to is as for IPC_SET */
	if (!cr_ipc_owners_allowed(seg->ns, le32_to_cpu(seg->rec.uid),
				   le32_to_cpu(seg->rec.gid),
				   le32_to_cpu(seg->rec.cuid),
				   le32_to_cpu(seg->rec.cgid)))
		return cr_segment_err(r, seg, -EPERM,
				      "is gone, and was somebody else's");
	err = segment_get_id(seg, flags);
	if (err == -EEXIST)
		return cr_segment_err(r, seg, -EBUSY, "its key is taken");
	if (err == -EBUSY)
		return cr_segment_err(r, seg, err, "its id is taken");
	if (err)
		return cr_err(&r->log, err,
			      "System V segment %d: cannot make one of %lld bytes",
			      seg->shmid, seg->size);
	seg->created = true;
	return segment_hold(r, seg) > 0 ? 0 :
	       cr_segment_err(r, seg, -EBUSY, "was removed at once");
}

/* What mmap() of the tasks shall map; shmat() says whether we may */
static int segment_attach(struct cr_segment *seg, int how)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long addr;
	int err;

	err = do_shmat(seg->shmid, NULL, how == CR_SEG_RO ? SHM_RDONLY : 0,
		       &addr, SHMLBA);
	if (err)
		return err;
	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	if (vma && vma->vm_file && cr_file_is_sysv(vma->vm_file) &&
	    file_inode(vma->vm_file)->i_ino == seg->shmid)
		seg->file[how] = get_file(vma->vm_file);
	mmap_read_unlock(mm);
	ksys_shmdt((char __user *)addr);
	/* another thread of the caller has unmapped it */
	return seg->file[how] ? 0 : -EINVAL;
}

/* ---- restart: the whole ---- */

static struct cr_segment *segment_alloc(struct cr_restart *r, u32 id,
					loff_t size)
{
	struct cr_segment *seg = kzalloc(sizeof(*seg), GFP_KERNEL_ACCOUNT);
	struct cr_detail_iter it;

	if (!seg)
		return NULL;
	cr_for_each_detail(&r->img, id, &it)
		if (it.view.type == CR_REC_SHMID)
			cr_detail(&it, &seg->rec, sizeof(seg->rec));
	seg->id = id;
	seg->size = size;
	seg->shmid = le32_to_cpu(seg->rec.shmid);
	seg->ns = get_ipc_ns(current->nsproxy->ipc_ns);
	list_add_tail(&seg->list, &r->segments);
	return seg;
}

struct file *cr_shmid_restore(struct cr_restart *r, u32 id, loff_t size)
{
	struct cr_segment *seg = segment_alloc(r, id, size);
	int err;

	if (!seg)
		return ERR_PTR(-ENOMEM);
	err = segment_hold(r, seg);
	if (!err)
		err = segment_create(r, seg);
	if (err < 0)
		return ERR_PTR(err);
	err = segment_attach(seg, CR_SEG_RW);
	if (!err || (err == -EACCES && !seg->created))
		err = segment_attach(seg, CR_SEG_RO);
	if (err)
		return ERR_PTR(cr_segment_err(r, seg, err, "cannot be attached"));
	/* one that is still there has its NUMA policy still */
	if (seg->created)
		err = cr_mempolicy_restore_shared(r, id,
						  file_inode(seg->file[CR_SEG_RW])) ?:
		      cr_pages_restore(r, id, seg->file[CR_SEG_RW], NULL);
	else
		err = cr_segment_prepare(r, seg);
	if (err)
		return ERR_PTR(err);
	return get_file(seg->file[CR_SEG_RO]);
}

struct file *cr_shmid_file(struct cr_restart *r, u32 id, bool writable)
{
	struct cr_segment *seg;

	list_for_each_entry(seg, &r->segments, list)
		if (seg->id == id)
			return seg->file[writable ? CR_SEG_RW : CR_SEG_RO];
	return NULL;
}

static int mm_cmp(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a;
	unsigned long y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* Has somebody attached it who is not of the job? */
static bool segment_shared(const struct cr_segment *seg,
			   struct mm_struct **mms, size_t nr)
{
	struct address_space *mapping = seg->file[CR_SEG_RO]->f_mapping;
	struct vm_area_struct *vma;
	bool shared = false;

	i_mmap_lock_read(mapping);
	vma_interval_tree_foreach(vma, &mapping->i_mmap, 0, ULONG_MAX) {
		if (!bsearch(&vma->vm_mm, mms, nr, sizeof(*mms), mm_cmp)) {
			shared = true;
			break;
		}
	}
	i_mmap_unlock_read(mapping);
	return shared;
}

/* Pinned memory counts for who pins it */
static int segment_lock(struct cr_restart *r, const struct cr_segment *seg)
{
	int err;

	if (!seg->created ||
	    !(le32_to_cpu(seg->rec.mode) & CR_SHMID_LOCKED))
		return 0;
	err = segment_ctl(seg->shmid, SHM_LOCK);
	if (err)
		return cr_segment_err(r, seg, err, "it cannot be locked");
	return 0;
}

static int segments_check(struct cr_restart *r)
{
	struct cr_segment *seg;
	struct mm_struct **mms;
	int err = 0;
	size_t nr;

	mms = cr_build_mms(r, &nr);
	if (!mms)
		return -ENOMEM;
	sort(mms, nr, sizeof(*mms), mm_cmp, NULL);
	list_for_each_entry(seg, &r->segments, list) {
		if (segment_shared(seg, mms, nr))
			err = cr_segment_err(r, seg, -EBUSY,
					  "was attached by somebody else meanwhile");
		else
			err = segment_lock(r, seg);
		if (err)
			break;
		cond_resched();
	}
	kvfree(mms);
	return err;
}

/* A process of the job, if it is one */
static void pid_restore(struct cr_restart *r, __le32 nr, struct pid **pos)
{
	struct pid *pid = cr_restart_pid(r, le32_to_cpu(nr), PIDTYPE_TGID);

	if (!pid)
		return;
	put_pid(*pos);
	*pos = pid;
}

/* What the image says of it, but for the contents. Locked */
static void segment_set(struct cr_restart *r, const struct cr_segment *seg,
			struct shmid_kernel *shp)
{
	const struct cr_rec_shmid *rec = &seg->rec;
	struct kern_ipc_perm *perm = &shp->shm_perm;
	struct user_namespace *ns = &init_user_ns;

	if (!seg->own)
		return;
	shp->shm_atim = le64_to_cpu(rec->atime);
	shp->shm_dtim = le64_to_cpu(rec->dtime);
	pid_restore(r, rec->cpid, &shp->shm_cprid);
	pid_restore(r, rec->lpid, &shp->shm_lprid);
	if (!seg->created)
		return;
	shp->shm_ctim = le64_to_cpu(rec->ctime);
	perm->uid = make_kuid(ns, le32_to_cpu(rec->uid));
	perm->gid = make_kgid(ns, le32_to_cpu(rec->gid));
	perm->cuid = make_kuid(ns, le32_to_cpu(rec->cuid));
	perm->cgid = make_kgid(ns, le32_to_cpu(rec->cgid));
	/* LOCKED is what shmctl() has made of it */
	perm->mode = (perm->mode & CR_SHMID_LOCKED) |
		     (le32_to_cpu(rec->mode) & ~CR_SHMID_LOCKED);
}

/* Somebody has removed it: it waits for its last user */
static bool segment_is_removed(const struct cr_segment *seg,
			       const struct shmid_kernel *shp)
{
	return (shp->shm_perm.mode & CR_SHMID_DEST) || seg->ns->shm_rmid_forced;
}

/* What it says when we let go of it. Locked */
static void segment_say(struct cr_restart *r, const struct cr_segment *seg,
			struct shmid_kernel *shp, bool settled)
{
	if (settled) {
		segment_set(r, seg, shp);
	} else if (!seg->created) {
		shp->shm_atim = seg->atime;
		shp->shm_dtim = seg->dtime;
		put_pid(shp->shm_lprid);
		shp->shm_lprid = get_pid(seg->lpid);
	}
}

/*
 * Count us out. @may_be_last: somebody else will see to its removal. 1: done;
 * 0: we would be the last user of a segment that is removed; nothing was done
 */
static int segment_unhold(struct cr_restart *r, struct cr_segment *seg,
			  bool settled, bool may_be_last)
{
	struct ipc_ids *ids = shm_ids(seg->ns);
	struct shmid_kernel *shp;
	int done = 1;

	down_read(&ids->rwsem);
	/* it was held, so it is there */
	shp = segment_at(seg->ns, seg->shmid);
	if (shp) {
		spin_lock(&shp->shm_perm.lock);
		if (shp->shm_nattch == 1 && segment_is_removed(seg, shp) &&
		    !may_be_last) {
			done = 0;
		} else {
			segment_say(r, seg, shp, settled);
			shp->shm_nattch--;
			seg->held = false;
		}
		spin_unlock(&shp->shm_perm.lock);
	}
	up_read(&ids->rwsem);
	return done;
}

/*
 * Let go of it; @settled: it is what it was, otherwise what it was before. The
 * last user of a removed segment need not be its owner: shmdt() destroys it,
 * shmctl() might not.
 */
static void segment_release(struct cr_restart *r, struct cr_segment *seg,
			    bool settled)
{
	unsigned long addr;

	if (!seg->held)
		return;
	if (!segment_unhold(r, seg, settled, false)) {
		if (!do_shmat(seg->shmid, NULL, SHM_RDONLY, &addr, SHMLBA)) {
			segment_unhold(r, seg, settled, true);
			ksys_shmdt((char __user *)addr);
		} else {
			segment_unhold(r, seg, settled, true);
			segment_ctl(seg->shmid, IPC_RMID);
		}
	}
	seg->held = false;
	if (!settled && seg->created)
		segment_ctl(seg->shmid, IPC_RMID);
}

int cr_shmids_settle(struct cr_restart *r)
{
	struct cr_segment *seg;
	int err;

	if (list_empty(&r->segments))
		return 0;
	err = segments_check(r);
	if (err)
		return err;
	list_for_each_entry(seg, &r->segments, list) {
		if (!seg->contents)
			continue;
		err = cr_segment_exchange(seg);
		if (err)
			return cr_segment_err(r, seg, err,
					   "its contents cannot be put back");
	}
	return READ_ONCE(r->err);
}

void cr_shmids_release(struct cr_restart *r)
{
	struct cr_segment *seg;

	list_for_each_entry(seg, &r->segments, list)
		segment_release(r, seg, true);
}

void cr_shmids_undo(struct cr_restart *r)
{
	struct cr_segment *seg;

	list_for_each_entry(seg, &r->segments, list) {
		if (seg->held && seg->exchanged && cr_segment_exchange(seg))
			cr_segment_err(r, seg, -EIO,
				       "its contents are those of the image now");
		segment_release(r, seg, false);
	}
}

void cr_shmids_put(struct cr_restart *r)
{
	struct cr_segment *seg, *tmp;

	list_for_each_entry_safe(seg, tmp, &r->segments, list)
		segment_free(seg);
}
