// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: private anonymous memory, stack and heap included; private and
 * shared mappings of regular files that have a name; shared memory that has
 * none (cr_shm.c), unlinked files among it; the vdso.
 *
 * A whitelist: a flag that is not known, and every other kind of mapping, is
 * refused by name: devices, huge pages, userfaultfd, shadow stacks, droppable
 * memory, memory of io_setup() and io_uring.
 *
 * Locks: mmap_lock for reading while mappings are looked at.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mman.h>
#include <linux/pkeys.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/userfaultfd_k.h>
#include <linux/cr_arch.h>
#include <linux/cr_file.h>
#include <linux/cr_ipc.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>

#define VMA_MAY		(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_MAYSHARE)

/* Either saved, or what the kernel sets again by itself */
#define VMA_KNOWN	(VM_ACCESS_FLAGS | VM_SHARED | VMA_MAY | \
			 VM_GROWSDOWN | VM_LOCKED | VM_LOCKONFAULT | \
			 VM_SEQ_READ | VM_RAND_READ | VM_DONTCOPY | \
			 VM_ACCOUNT | VM_NORESERVE | VM_WIPEONFORK | \
			 VM_DONTDUMP | VM_SOFTDIRTY | VM_HUGEPAGE | \
			 VM_NOHUGEPAGE | VM_MERGEABLE | VM_SEALED | VM_PKEYS)

#define VM_PKEYS	(VM_PKEY_BIT0 | VM_PKEY_BIT1 | VM_PKEY_BIT2 | \
			 VM_PKEY_BIT3)

/* What the known bits are called in the image */
static const struct vma_flag {
	vm_flags_t vm;
	u32 cr;
	int advice;		/* madvise() that sets it, or -1 */
} vma_flags[] = {
	{ VM_GROWSDOWN,		CR_VMA_GROWSDOWN,	-1 },
	{ VM_NORESERVE,		CR_VMA_NORESERVE,	-1 },
	{ VM_ACCOUNT,		CR_VMA_ACCOUNT,		-1 },
	{ VM_LOCKED,		CR_VMA_LOCKED,		-1 },
	{ VM_LOCKONFAULT,	CR_VMA_LOCKONFAULT,	-1 },
	{ VM_DONTCOPY,		CR_VMA_DONTFORK,	MADV_DONTFORK },
	{ VM_WIPEONFORK,	CR_VMA_WIPEONFORK,	MADV_WIPEONFORK },
	{ VM_DONTDUMP,		CR_VMA_DONTDUMP,	MADV_DONTDUMP },
	{ VM_HUGEPAGE,		CR_VMA_HUGEPAGE,	MADV_HUGEPAGE },
	{ VM_NOHUGEPAGE,	CR_VMA_NOHUGEPAGE,	MADV_NOHUGEPAGE },
	{ VM_MERGEABLE,		CR_VMA_MERGEABLE,	MADV_MERGEABLE },
	{ VM_SEALED,		CR_VMA_SEALED,		-1 },
	{ VM_RAND_READ,		CR_VMA_RAND_READ,	MADV_RANDOM },
	{ VM_SEQ_READ,		CR_VMA_SEQ_READ,	MADV_SEQUENTIAL },
};

/* Why a mapping is refused that has one of these */
static const struct vma_bad {
	vm_flags_t vm;
	const char *why;
} vma_bad[] = {
	{ VM_HUGETLB,		"huge pages of hugetlbfs" },
	{ VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR,
				"registered with a userfaultfd" },
	{ VM_SHADOW_STACK,	"shadow stack" },
	{ VM_DROPPABLE,		"droppable memory" },
	{ VM_PFNMAP | VM_IO | VM_MIXEDMAP,
				"memory of a device" },
	{ VM_SYNC,		"synchronous mapping of persistent memory" },
	{ VM_DONTEXPAND,	"memory of a driver" },
};

u32 cr_vma_prot(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_READ ? CR_PROT_READ : 0) |
	       (vma->vm_flags & VM_WRITE ? CR_PROT_WRITE : 0) |
	       (vma->vm_flags & VM_EXEC ? CR_PROT_EXEC : 0);
}

bool cr_vma_is_stack(const struct vm_area_struct *vma)
{
	unsigned long sp = vma->vm_mm->start_stack;

	return !vma->vm_file && (vma->vm_flags & VM_GROWSDOWN) &&
	       vma->vm_start <= sp && vma->vm_end >= sp;
}

static bool vma_is_heap(const struct vm_area_struct *vma)
{
	return !vma->vm_file && vma->vm_start < vma->vm_mm->brk &&
	       vma->vm_end > vma->vm_mm->start_brk;
}

bool cr_vma_has_pages(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & (VM_MAYSHARE | VM_IO | VM_PFNMAP)) &&
	       vma->anon_vma;
}

/* ---- saving ---- */

static enum cr_vma_kind vma_file_kind(struct vm_area_struct *vma,
				      const char **why)
{
	struct file *file = vma->vm_file;
	const struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode)) {
		*why = "mapping of a device";
		return 0;
	}
	if (cr_file_is_shm(file, why))
		return CR_VMA_SHM;
	if (*why)
		return 0;
	if (inode->i_sb->s_flags & SB_KERNMOUNT)
		*why = "memory of a kernel facility";
	else if (!cr_file_inode(file)->i_nlink)
		*why = "unlinked mapped file";
	else if (vma_is_anonymous(vma))
		*why = "mapping of an unknown kind";
	return *why ? 0 : CR_VMA_FILE;
}

/* 0: it is refused, for *why. Callers hold mmap_lock */
static enum cr_vma_kind vma_kind(struct vm_area_struct *vma, const char **why)
{
	enum cr_vma_kind kind = cr_vdso_vma_kind(vma);
	int i;

	*why = NULL;
	if (kind)
		return kind;
	if (!vma->vm_file && !vma_is_anonymous(vma)) {
		*why = "mapping of the kernel's, of an unknown kind or changed";
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(vma_bad); i++) {
		if (vma->vm_flags & vma_bad[i].vm) {
			*why = vma_bad[i].why;
			return 0;
		}
	}
	if (vma->vm_flags & ~VMA_KNOWN)
		*why = "unknown kind of memory";
	else if (vma->vm_file)
		return vma_file_kind(vma, why);
	else if (vma->vm_flags & VM_MAYSHARE)
		*why = "unknown kind of shared memory";
	return *why ? 0 : CR_VMA_ANON;
}

static void vma_refuse(struct cr_save *s, struct task_struct *holder,
		       struct vm_area_struct *vma, const char *why)
{
	const char *name = "anonymous";
	char *buf = NULL;

	if (vma->vm_file) {
		buf = kmalloc(PATH_MAX, GFP_KERNEL);
		name = buf ? d_path(file_user_path(vma->vm_file), buf,
				    PATH_MAX) : "file";
		if (IS_ERR(name))
			name = "file";
	} else if (vma->vm_ops && vma->vm_ops->name) {
		name = vma->vm_ops->name(vma) ?: name;
	} else if (cr_vma_is_stack(vma)) {
		name = "[stack]";
	} else if (vma_is_heap(vma)) {
		name = "[heap]";
	}
	if (vma->vm_flags & ~VMA_KNOWN)
		cr_refuse(s, holder, "CR-EVMA",
			  "mapping %lx-%lx (%s): %s (flags %llx)",
			  vma->vm_start, vma->vm_end, name, why,
			  (u64)(vma->vm_flags & ~VMA_KNOWN));
	else
		cr_refuse(s, holder, "CR-EVMA", "mapping %lx-%lx (%s): %s",
			  vma->vm_start, vma->vm_end, name, why);
	kfree(buf);
}

/*
 * The contents of a file that the job can write through the mapping are the
 * filesystem's business: its mtime need not stay what it was.
 */
static u32 vma_file_flags(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_MAYSHARE | VM_MAYWRITE)) ==
	       (VM_MAYSHARE | VM_MAYWRITE) ? 0 : CR_FILE_MAPPED;
}

void cr_vma_collect(struct cr_save *s, struct task_struct *holder,
		    struct vm_area_struct *vma)
{
	const char *why;

	switch (vma_kind(vma, &why)) {
	case CR_VMA_FILE:
		cr_file_collect_mapped(s, vma->vm_file, holder,
				       vma_file_flags(vma));
		break;
	case CR_VMA_SHM:
		cr_shm_collect(s, vma->vm_file, holder);
		break;
	case CR_VMA_ANON:
	case CR_VMA_VDSO:
	case CR_VMA_VVAR:
		break;
	default:
		vma_refuse(s, holder, vma, why);
	}
}

static u32 vma_flags_save(struct vm_area_struct *vma,
			  enum cr_vma_kind kind)
{
	u32 flags = 0;
	int i;

	if (kind == CR_VMA_VDSO || kind == CR_VMA_VVAR)
		return 0;
	for (i = 0; i < ARRAY_SIZE(vma_flags); i++)
		if (vma->vm_flags & vma_flags[i].vm)
			flags |= vma_flags[i].cr;
	if (vma->vm_flags & VM_MAYSHARE) {
		flags |= CR_VMA_SHARED;
		if (vma->vm_flags & VM_MAYWRITE)
			flags |= CR_VMA_MAYWRITE;
	}
	if (cr_vma_is_stack(vma))
		flags |= CR_VMA_STACK;
	if (vma_is_heap(vma))
		flags |= CR_VMA_HEAP;
	return flags | (u32)vma_pkey(vma) << CR_VMA_PKEY_SHIFT;
}

void cr_vma_save(struct cr_save *s, struct cr_obj *mm_obj,
		 struct vm_area_struct *vma)
{
	const char *why, *name = NULL;
	enum cr_vma_kind kind = vma_kind(vma, &why);
	struct anon_vma_name *anon_name = NULL;
	struct cr_rec_vma rec = {
		.start = cpu_to_le64(vma->vm_start),
		.end = cpu_to_le64(vma->vm_end),
		.kind = cpu_to_le32(kind),
		.prot = cpu_to_le32(cr_vma_prot(vma)),
		.flags = cpu_to_le32(vma_flags_save(vma, kind)),
	};

	if (!kind) {
		cr_err(&s->log, cr_fail(s, -EPROTO),
		       "mapping %lx-%lx has changed while it was saved: %s",
		       vma->vm_start, vma->vm_end, why);
		return;
	}
	if (kind == CR_VMA_FILE)
		rec.obj = cpu_to_le32(cr_file_mapped_id(s, vma->vm_file));
	else if (kind == CR_VMA_SHM)
		rec.obj = cpu_to_le32(cr_obj_id(s, CR_OBJ_SHM,
						cr_file_inode(vma->vm_file)));
	if (rec.obj)
		rec.pgoff = cpu_to_le64((u64)vma->vm_pgoff << PAGE_SHIFT);
	if (kind == CR_VMA_ANON || kind == CR_VMA_SHM)
		anon_name = anon_vma_name(vma);
	if (anon_name)
		name = anon_name->name;
	cr_write_detail(s, mm_obj, CR_REC_VMA, &rec, sizeof(rec), name,
			name ? strlen(name) + 1 : 0);
	/* shared memory has its own, whoever maps it */
	if (kind == CR_VMA_ANON || kind == CR_VMA_FILE)
		cr_mempolicy_save_vma(s, mm_obj, vma);
}

/* ---- restart ---- */

static int vma_err(struct cr_restart *r, const struct cr_rec_vma *rec, int err,
		   const char *what)
{
	return cr_err(&r->log, err, "mapping %llx-%llx: %s",
		      le64_to_cpu(rec->start), le64_to_cpu(rec->end), what);
}

/* madvise(), in the order of the table */
static int vma_advise(struct cr_restart *r, const struct cr_rec_vma *rec)
{
	u64 start = le64_to_cpu(rec->start);
	u64 len = le64_to_cpu(rec->end) - start;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(vma_flags); i++) {
		if (vma_flags[i].advice < 0 ||
		    !(le32_to_cpu(rec->flags) & vma_flags[i].cr))
			continue;
		err = do_madvise(current->mm, start, len, vma_flags[i].advice);
		/* what it says for want of memory */
		if (err == -EAGAIN)
			err = -ENOMEM;
		if (err)
			return cr_err(&r->log, err,
				      "mapping %llx-%llx: madvise(%d) fails",
				      start, start + len, vma_flags[i].advice);
	}
	return 0;
}

/* prctl(PR_SET_VMA_ANON_NAME); the name has passed its checks */
static int vma_name(struct cr_restart *r, const struct cr_rec_vma *rec,
		    const char *name)
{
	u64 start = le64_to_cpu(rec->start);
	struct mm_struct *mm = current->mm;
	struct anon_vma_name *anon_name;
	int err;

	if (!IS_ENABLED(CONFIG_ANON_VMA_NAME))
		return vma_err(r, rec, -EOPNOTSUPP,
			       "has a name, and this kernel has no names for it");
	anon_name = anon_vma_name_alloc(name);
	if (!anon_name)
		return -ENOMEM;
	mmap_write_lock(mm);
	err = madvise_set_anon_name(mm, start, le64_to_cpu(rec->end) - start,
				    anon_name);
	mmap_write_unlock(mm);
	anon_vma_name_put(anon_name);
	return err ? vma_err(r, rec, err, "cannot be named") : 0;
}

static unsigned long vma_map_flags(const struct cr_rec_vma *rec)
{
	u32 flags = le32_to_cpu(rec->flags);

	return MAP_FIXED_NOREPLACE |
	       (flags & CR_VMA_SHARED ? MAP_SHARED : MAP_PRIVATE) |
	       (flags & CR_VMA_GROWSDOWN ? MAP_GROWSDOWN : 0) |
	       (flags & CR_VMA_NORESERVE ? MAP_NORESERVE : 0) |
	       (le32_to_cpu(rec->kind) == CR_VMA_ANON ? MAP_ANONYMOUS : 0);
}

static unsigned long vma_prot(const struct cr_rec_vma *rec)
{
	u32 prot = le32_to_cpu(rec->prot);

	return (prot & CR_PROT_READ ? PROT_READ : 0) |
	       (prot & CR_PROT_WRITE ? PROT_WRITE : 0) |
	       (prot & CR_PROT_EXEC ? PROT_EXEC : 0);
}

/*
 * Private memory that was writable once, was charged then: relocated data, code
 * that was generated. It is made writable, and protected when it is filled.
 */
static bool vma_is_protected_later(const struct cr_rec_vma *rec)
{
	return (le32_to_cpu(rec->flags) & CR_VMA_ACCOUNT) &&
	       !(le32_to_cpu(rec->flags) & CR_VMA_SHARED) &&
	       !(le32_to_cpu(rec->prot) & CR_PROT_WRITE);
}

static unsigned long vma_map_prot(const struct cr_rec_vma *rec)
{
	if (vma_is_protected_later(rec))
		return (vma_prot(rec) & ~PROT_EXEC) | PROT_WRITE;
	return vma_prot(rec);
}

/*
 * What is mapped, with a reference. A file without a name is open for writing:
 * what was mapped from one that was not must never become writable. An attached
 * segment has two files: SHM_RDONLY cannot be taken back.
 */
static struct file *vma_file_get(struct cr_restart *r,
				 const struct cr_rec_vma *rec)
{
	const u32 access = CR_VMA_SHARED | CR_VMA_MAYWRITE;
	u32 id = le32_to_cpu(rec->obj), flags = le32_to_cpu(rec->flags);
	struct file *file = cr_restart_get(r, id);

	if (!file)
		return ERR_PTR(-EBADMSG);
	if (cr_file_is_sysv(file)) {
		file = cr_shmid_file(r, id, flags & CR_VMA_MAYWRITE);
		return file ? get_file(file) : ERR_PTR(-EACCES);
	}
	if (le32_to_cpu(rec->kind) == CR_VMA_SHM &&
	    (flags & access) == CR_VMA_SHARED && !IS_PRIVATE(file_inode(file)))
		return dentry_open(&file->f_path, O_RDONLY | O_LARGEFILE,
				   current_cred());
	return get_file(file);
}

int cr_vma_restore(struct cr_restart *r, const struct cr_rec_vma *rec,
		   const char *name)
{
	u64 start = le64_to_cpu(rec->start);
	u64 len = le64_to_cpu(rec->end) - start;
	u32 kind = le32_to_cpu(rec->kind);
	struct file *file = NULL;
	unsigned long addr;
	int err;

	/* the vdso is mapped as a whole, by its own function */
	if (kind == CR_VMA_VDSO || kind == CR_VMA_VVAR)
		return 0;
	if (kind != CR_VMA_ANON) {
		file = vma_file_get(r, rec);
		if (IS_ERR(file))
			return vma_err(r, rec, PTR_ERR(file),
				       "its file cannot be opened");
	}
	addr = vm_mmap(file, start, len, vma_map_prot(rec), vma_map_flags(rec),
		       le64_to_cpu(rec->pgoff));
	if (file)
		fput(file);
	if (IS_ERR_VALUE(addr))
		return vma_err(r, rec, addr, "cannot be mapped");
	err = vma_advise(r, rec);
	if (!err && name)
		err = vma_name(r, rec, name);
	return err;
}

/* mlock() fails with ENOMEM when pages are not there, but has set the flag */
static bool vma_is_locked(unsigned long start, unsigned long end)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, start);
	bool locked = true;

	mmap_read_lock(mm);
	for_each_vma_range(vmi, vma, end)
		locked = locked && (vma->vm_flags & VM_LOCKED);
	mmap_read_unlock(mm);
	return locked;
}

static int vma_protect(struct cr_restart *r, const struct cr_rec_vma *rec)
{
	struct pt_regs args = {
		.di = le64_to_cpu(rec->start),
		.si = le64_to_cpu(rec->end) - le64_to_cpu(rec->start),
		.dx = vma_prot(rec),
	};
	int err;

	if (!vma_is_protected_later(rec))
		return 0;
	err = __x64_sys_mprotect(&args);
	return err ? vma_err(r, rec, err, "mprotect() fails") : 0;
}

static int vma_lock(struct cr_restart *r, const struct cr_rec_vma *rec)
{
	u32 flags = le32_to_cpu(rec->flags);
	u64 start = le64_to_cpu(rec->start);
	u64 end = le64_to_cpu(rec->end);
	struct pt_regs args = {
		.di = start,
		.si = end - start,
		.dx = flags & CR_VMA_LOCKONFAULT ? MLOCK_ONFAULT : 0,
	};
	int err;

	if (!(flags & CR_VMA_LOCKED))
		return 0;
	err = __x64_sys_mlock2(&args);
	if (err == -ENOMEM && vma_is_locked(start, end))
		err = 0;
	return err ? vma_err(r, rec, err, "mlock() fails") : 0;
}

static int vma_key(struct cr_restart *r, const struct cr_rec_vma *rec)
{
	u32 key = (le32_to_cpu(rec->flags) & CR_VMA_PKEY) >> CR_VMA_PKEY_SHIFT;
	u64 start = le64_to_cpu(rec->start);

	return key ? cr_arch_pkey_set(r, start, le64_to_cpu(rec->end) - start,
				      vma_prot(rec), key) : 0;
}

static int vma_seal(struct cr_restart *r, const struct cr_rec_vma *rec)
{
	u64 start = le64_to_cpu(rec->start);
	int err;

	if (!(le32_to_cpu(rec->flags) & CR_VMA_SEALED))
		return 0;
	err = cr_mseal(start, le64_to_cpu(rec->end) - start);
	return err ? vma_err(r, rec, err, "mseal() fails") : 0;
}

int cr_vma_finish(struct cr_restart *r, const struct cr_rec_vma *rec)
{
	return vma_protect(r, rec) ?: vma_key(r, rec) ?: vma_lock(r, rec) ?:
	       vma_seal(r, rec);
}
