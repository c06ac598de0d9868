// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that no name leads to any more: MAP_SHARED | MAP_ANONYMOUS, files of
 * the kernel's own tmpfs, which those of memfd_create() are, too (cr_memfd.c), and
 * unlinked files of any file system, which are read and made by fs/cr_content.c.
 * And copies of files that have a name: fs/cr_carried.c.
 * The contents are page runs: cr_pages.c.
 *
 * System V segments that are attached are such memory, too: what names them is
 * the matter of ipc/cr_shmid.c.
 *
 * Refused: what a process outside the job maps or has open, too.
 *
 * Locks: the mappings of an inode are walked under i_mmap_rwsem.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/cr_file.h>
#include <linux/cr_ipc.h>
#include <linux/cr_mm.h>
#include <linux/cr_kernel.h>

/* Of the kernel's own tmpfs, which is mounted nowhere */
static bool shm_is_internal(const struct file *file)
{
	return file_inode(file)->i_sb->s_flags & SB_KERNMOUNT;
}

bool cr_file_is_shm(const struct file *file, const char **why)
{
	const struct inode *inode = cr_file_inode(file);
	const char *name = file->f_path.dentry->d_name.name;

	*why = NULL;
	if (!shmem_mapping(inode->i_mapping))
		return cr_file_is_unlinked(file);
	if (cr_file_is_sysv(file))
		return true;
	if (file->f_op != inode->i_fop) {
		*why = "memory of an unknown kind";
		return false;
	}
	if (!shm_is_internal(file))
		return cr_file_is_unlinked(file);
	if (inode->i_nlink)
		return false;
	if (!strncmp(name, "SYSV", 4))
		*why = "System V shared memory";
	else if (IS_PRIVATE(inode) && strcmp(name, "dev/zero"))
		*why = "memory of a driver";
	return !*why;
}

struct cr_obj *cr_shm_collect(struct cr_save *s, struct file *file,
			      struct task_struct *holder)
{
	struct cr_shm_info *info;
	struct cr_obj *obj;

	obj = cr_obj_add(s, CR_OBJ_SHM, cr_file_inode(file), holder, 1);
	if (!obj || obj->aux)
		return obj;
	info = kzalloc(sizeof(*info), GFP_KERNEL_ACCOUNT);
	if (!info) {
		cr_fail(s, -ENOMEM);
		return NULL;
	}
	info->file = get_file(file);
	info->content = cr_file_is_unlinked(file);
	obj->aux = info;
	if (cr_file_is_sysv(file))
		cr_shmid_collect(s, obj);
	return obj;
}

/* ---- saving ---- */

static void shm_get(struct cr_obj *obj)
{
	ihold(obj->ptr);
}

static void shm_put(struct cr_obj *obj)
{
	struct cr_shm_info *info = cr_shm_info(obj);

	if (info) {
		if (info->reader)
			fput(info->reader);
		fput(info->file);
		kfree(info->name);
	}
	kfree(info);
	iput(obj->ptr);
}

static void shm_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct inode *inode = obj->ptr;

	if (!shmem_mapping(inode->i_mapping)) {
		s->memory_estimate += (u64)inode->i_blocks << SECTOR_SHIFT;
		return;
	}
	s->memory_estimate += (u64)READ_ONCE(SHMEM_I(inode)->alloced)
			      << PAGE_SHIFT;
}

/* A task of another job, or of none, would go on without us */
static bool shm_mapped_outside(struct cr_save *s, const struct cr_obj *obj)
{
	const struct inode *inode = obj->ptr;
	struct address_space *mapping = inode->i_mapping;
	struct vm_area_struct *vma;
	bool outside = false;

	i_mmap_lock_read(mapping);
	vma_interval_tree_foreach(vma, &mapping->i_mmap, 0, ULONG_MAX) {
		if (!cr_obj_find(s, CR_OBJ_MM, vma->vm_mm)) {
			outside = true;
			break;
		}
	}
	i_mmap_unlock_read(mapping);
	return outside;
}

static void shm_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_shm_info *info = cr_shm_info(obj);
	const struct inode *inode = obj->ptr;
	const char *why;

	if (!info)
		return;
	info->name = cr_path_name(s, file_user_path(info->file), &why);
	if (!info->name)
		return;
	if (IS_PRIVATE(inode)) {
		if (shm_mapped_outside(s, obj))
			cr_refuse(s, obj->holder, "CR-ESHM",
				  "shared memory (%pD) is also mapped outside the job",
				  info->file);
	} else if (cr_content_shared(s, obj)) {
		cr_refuse(s, obj->holder, "CR-ESHM",
			  "%*pE: unlinked, and shared with a process outside the job",
			  CR_NAME(info->name));
	}
}

static void content_save(struct cr_save *s, struct cr_obj *obj)
{
	const char *name = cr_shm_info(obj)->name;
	struct cr_rec_shm rec = {};

	if (cr_content_save(s, obj, &rec))
		return;
	/* not below the root that names start from */
	if (name[0] != '/')
		name = "/?/?";
	cr_write_obj(s, obj, &rec, sizeof(rec), name, strlen(name) + 1);
	cr_mempolicy_save_shared(s, obj, obj->ptr);
}

static void shm_save(struct cr_save *s, struct cr_obj *obj)
{
	struct inode *inode = obj->ptr;
	struct cr_rec_shm rec = {
		.size = cpu_to_le64(i_size_read(inode)),
	};
	bool sysv = cr_file_is_sysv(cr_shm_info(obj)->file);
	struct timespec64 mtime = inode_get_mtime(inode);
	const char *name;
	char *buf;

	if (cr_shm_info(obj)->carried) {
		cr_carried_save(s, obj);
		return;
	}
	if (cr_shm_info(obj)->content) {
		content_save(s, obj);
		return;
	}
	buf = kmalloc(CR_PATH_MAX, GFP_KERNEL);
	if (!buf) {
		cr_fail(s, -ENOMEM);
		return;
	}
	if (!IS_PRIVATE(inode)) {
		rec.mode = cpu_to_le32(inode->i_mode & 0777);
		rec.mtime_ns = cpu_to_le64(timespec64_to_ns(&mtime));
	}
	name = file_path(cr_shm_info(obj)->file, buf, CR_PATH_MAX);
	if (IS_ERR(name))
		name = "/?" CR_SHM_DELETED;
	rec.kind = cpu_to_le32(sysv ? CR_SHM_SYSV :
			       IS_PRIVATE(inode) ? CR_SHM_ANON : CR_SHM_UNLINKED);
	if (cr_file_is_memfd(cr_shm_info(obj)->file))
		cr_memfd_save(s, obj, &rec);
	cr_write_obj(s, obj, &rec, sizeof(rec), name, strlen(name) + 1);
	if (sysv)
		cr_shmid_save(s, obj);
	cr_mempolicy_save_shared(s, obj, inode);
	kfree(buf);
}

/* ---- restart ---- */

/* The kernel puts "/" before the name of such a file and CR_SHM_DELETED behind */
static char *shm_name(const struct cr_view *view)
{
	const char *name = view->tail;
	size_t len = strnlen(name, view->tail_len);
	size_t end = strlen(CR_SHM_DELETED);

	if (len && name[0] == '/') {
		name++;
		len--;
	}
	if (len > end && !memcmp(name + len - end, CR_SHM_DELETED, end))
		len -= end;
	return kstrndup(name, len, GFP_KERNEL);
}

static struct file *shm_make(u32 kind, const char *name, loff_t size,
			     unsigned long flags)
{
	if (kind == CR_SHM_ANON)
		return shmem_kernel_file_setup("dev/zero", size, flags);
	return shmem_file_setup(name, size, flags);
}

static struct file *shm_create(struct cr_restart *r,
			       const struct cr_rec_shm *rec, const char *name)
{
	loff_t size = le64_to_cpu(rec->size);
	u32 kind = le32_to_cpu(rec->kind);
	struct file *file;

	/* the name has passed its checks */
	if (kind == CR_SHM_MEMFD)
		return cr_memfd_create(r, rec, name +
				       strlen(CR_MEMFD_PREFIX) - 1);
	file = shm_make(kind, name, size, 0);
	/* as mmap(MAP_NORESERVE) may where overcommitting is allowed */
	if (file == ERR_PTR(-ENOMEM) &&
	    sysctl_overcommit_memory != OVERCOMMIT_NEVER)
		file = shm_make(kind, name, size, VM_NORESERVE);
	if (IS_ERR(file))
		cr_err(&r->log, PTR_ERR(file),
		       "shared memory: cannot make one of %lld bytes", size);
	return file;
}

static int content_restore(struct cr_restart *r, u32 id,
			   const struct cr_rec_shm *rec, const char *name)
{
	struct file *file = cr_content_create(r, rec, name);
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = cr_mempolicy_restore_shared(r, id, file_inode(file));
	if (!err)
		err = cr_pages_restore(r, id, file, NULL);
	if (!err)
		err = cr_content_finish(r, rec, file, name);
	if (err)
		fput(file);
	else
		cr_restart_set(r, id, file);
	return err;
}

static int shm_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_shm rec;
	struct cr_view view;
	struct file *file;
	char *name;
	u32 kind;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	kind = le32_to_cpu(rec.kind);
	/* only for a file that is not there */
	if (kind == CR_SHM_CARRIED)
		return 0;
	if (kind == CR_SHM_FILE)
		return content_restore(r, id, &rec, view.tail);
	if (kind == CR_SHM_SYSV) {
		file = cr_shmid_restore(r, id, le64_to_cpu(rec.size));
		if (IS_ERR(file))
			return PTR_ERR(file);
		cr_restart_set(r, id, file);
		return 0;
	}
	name = shm_name(&view);
	if (!name)
		return -ENOMEM;
	file = shm_create(r, &rec, name);
	kfree(name);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = cr_mempolicy_restore_shared(r, id, file_inode(file));
	if (!err)
		err = cr_pages_restore(r, id, file, NULL);
	/* unless it was not recorded */
	if (!err && (rec.mode || rec.mtime_ns))
		err = cr_content_finish(r, &rec, file, view.tail);
	if (err)
		fput(file);
	else
		cr_restart_set(r, id, file);
	return err;
}

/* Seals forbid what has been done so far */
static int shm_finish(struct cr_restart *r, u32 id)
{
	struct cr_rec_shm rec;
	struct cr_view view;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	if (le32_to_cpu(rec.kind) != CR_SHM_MEMFD)
		return 0;
	return cr_memfd_seal(r, &rec, cr_restart_get(r, id));
}

/* Who watches its directory is not to be told that we close what we have made */
static void shm_drop(void *ptr)
{
	struct file *file = ptr;

	if (file_count(file) == 1)
		cr_file_silence(file);
	fput(file);
}

const struct cr_obj_ops cr_shm_ops = {
	.name		= "shared memory",
	.rec		= CR_REC_SHM,
	.get		= shm_get,
	.put		= shm_put,
	.collect	= shm_collect,
	.outside	= shm_outside,
	.save		= shm_save,
	.restore	= shm_restore,
	.finish		= shm_finish,
	.drop		= shm_drop,
};
