// SPDX-License-Identifier: GPL-2.0
/*
 * memfd_create(): a file of the kernel's own tmpfs, like others without a name
 * (cr_shm.c), with seals. It is made by the system call; the seals are added
 * when contents and mappings are there, which they would not allow any more.
 *
 * Refused: huge pages, seals that are not known; by an older kernel those that
 * it does not have.
 *
 * Locks: none; F_ADD_SEALS takes the inode's.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <linux/shmem_fs.h>
#include <uapi/linux/memfd.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>

bool cr_file_is_memfd(const struct file *file)
{
	return !strncmp(file->f_path.dentry->d_name.name, "memfd:", 6) &&
	       (file_inode(file)->i_sb->s_flags & SB_KERNMOUNT) &&
	       shmem_mapping(file_inode(file)->i_mapping);
}

bool cr_memfd_is_fixed(struct file *file)
{
	const long fixed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;

	return (memfd_fcntl(file, F_GET_SEALS, 0) & fixed) == fixed;
}

void cr_memfd_save(struct cr_save *s, struct cr_obj *obj,
		   struct cr_rec_shm *rec)
{
	struct cr_shm_info *info = cr_shm_info(obj);
	long seals = memfd_fcntl(info->file, F_GET_SEALS, 0);

	if (seals < 0 || (seals & ~(long)CR_SEALS_KNOWN))
		cr_refuse(s, obj->holder, "CR-ESHM",
			  "%*pE: seals 0x%lx: not supported yet",
			  CR_NAME(info->name), seals);
	rec->kind = cpu_to_le32(CR_SHM_MEMFD);
	rec->seals = cpu_to_le32(seals);
}

/* With a mode that forbids it, it must never have been executable */
static unsigned long memfd_flags(const struct cr_rec_shm *rec)
{
	if ((le32_to_cpu(rec->seals) & CR_SEAL_EXEC) &&
	    !(le32_to_cpu(rec->mode) & 0111))
		return MFD_NOEXEC_SEAL | MFD_ALLOW_SEALING;
	return CR_MFD_EXEC | MFD_ALLOW_SEALING;
}

static struct file *memfd_make(const struct cr_rec_shm *rec, const char *name)
{
	struct file *file;
	struct cr_anon a;
	long fd;
	int err;

	err = cr_anon_begin(&a);
	if (err)
		return ERR_PTR(err);
	fd = cr_anon_call(__x64_sys_memfd_create,
			  cr_anon_arg(&a, name, strlen(name) + 1),
			  memfd_flags(rec), 0, 0);
	file = fd < 0 ? ERR_PTR(fd) : fget(fd) ?: ERR_PTR(-EBADF);
	cr_anon_end(&a);
	return file;
}

struct file *cr_memfd_create(struct cr_restart *r, const struct cr_rec_shm *rec,
			     const char *name)
{
	loff_t size = le64_to_cpu(rec->size);
	struct file *file;
	int err;

	if (le32_to_cpu(rec->seals) & ~CR_SEALS_SUPPORTED)
		return ERR_PTR(cr_err(&r->log, -EOPNOTSUPP,
				      "memfd %*pE: this kernel has no seals 0x%x",
				      CR_NAME(name), le32_to_cpu(rec->seals) &
				      ~CR_SEALS_SUPPORTED));
	file = memfd_make(rec, name);
	if (IS_ERR(file)) {
		cr_err(&r->log, PTR_ERR(file),
		       "memfd %*pE: cannot be made (%pe)", CR_NAME(name), file);
		return file;
	}
	err = cr_content_resize(r, file, size, name);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

int cr_memfd_seal(struct cr_restart *r, const struct cr_rec_shm *rec,
		  struct file *file)
{
	u32 seals = le32_to_cpu(rec->seals);
	long err = seals ? memfd_fcntl(file, F_ADD_SEALS, seals) : 0;

	return err ? cr_err(&r->log, err, "%pD: cannot be sealed (%pe)", file,
			    ERR_PTR(err)) : 0;
}
