/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address spaces and memory: what mm/cr_*.c, the task builder and the file
 * code know of each other.
 */
#ifndef _LINUX_CR_MM_H
#define _LINUX_CR_MM_H

#include <linux/cr.h>

struct mm_struct;
struct vm_area_struct;
struct inode;

/* ---- mm/cr_mm.c ---- */

/**
 * cr_mm_empty() - make the current task's address space an empty one
 * @log: takes the reason of a failure
 *
 * Unmaps everything and forgets what belongs to the program that was there:
 * vdso, protection keys, membarrier registrations. The mm must be current's
 * alone: a copy that it got when it was created.
 *
 * Context: may sleep; takes mmap_lock.
 * Return: 0, or -errno when a mapping of the restarter cannot be removed
 */
int __must_check cr_mm_empty(struct cr_log *log);

/*
 * kernel/cr_usage.c: the most memory that there was; and current's own again, which
 * is that of @thread in the image, when it has given back all that we have lent it
 */
void cr_usage_save_mm(struct mm_struct *mm, struct cr_rec_mm *rec);
void cr_usage_restore_mm(struct cr_restart *r, u32 thread);

/* ---- mm/cr_mm_flags.c ---- */

void cr_mm_flags_collect(struct cr_save *s, struct cr_obj *obj);
void cr_mm_flags_save(struct mm_struct *mm, struct cr_rec_mm *rec);
int __must_check cr_mm_flags_restore_first(struct mm_struct *mm,
					   const struct cr_rec_mm *rec);
int __must_check cr_mm_flags_restore_last(struct cr_restart *r,
					  const struct cr_rec_mm *rec);
/* What execve() has reset in current's mm, restored from the record @id before */
int __must_check cr_mm_flags_restore_exec(struct cr_restart *r, u32 id);

/* ---- mm/cr_vma.c ---- */

/* Look at a mapping: refuse it, or note the objects that it leads to */
void cr_vma_collect(struct cr_save *s, struct task_struct *holder,
		    struct vm_area_struct *vma);
/* Write its VMA record; the mapping has passed cr_vma_collect() */
void cr_vma_save(struct cr_save *s, struct cr_obj *mm_obj,
		 struct vm_area_struct *vma);
/* May it hold pages of its own, which are neither a file's nor a SHM's? */
bool cr_vma_has_pages(const struct vm_area_struct *vma);
u32 cr_vma_prot(const struct vm_area_struct *vma);
/* Is it the stack that execve() has made? */
bool cr_vma_is_stack(const struct vm_area_struct *vma);

/* Map what a VMA record says into current->mm; no pages yet */
int __must_check cr_vma_restore(struct cr_restart *r,
				const struct cr_rec_vma *rec, const char *name);
/* Protect and lock it, once its pages are there */
int __must_check cr_vma_finish(struct cr_restart *r,
			       const struct cr_rec_vma *rec);

/* ---- mm/cr_mempolicy.c ---- */

/* Write the NUMA policy of a thread, a mapping, shared memory: details of @obj */
void cr_mempolicy_save_thread(struct cr_save *s, struct cr_obj *obj,
			      struct task_struct *task);
void cr_mempolicy_save_vma(struct cr_save *s, struct cr_obj *obj,
			   struct vm_area_struct *vma);
void cr_mempolicy_save_shared(struct cr_save *s, struct cr_obj *obj,
			      struct inode *inode);
/*
 * Set the one that @it is at for the thread; those of all mappings of MM @id,
 * which are there and have no pages yet; of SHM @id, likewise. 0 or -errno
 */
int __must_check cr_mempolicy_restore_thread(struct cr_restart *r,
					     const struct cr_detail_iter *it);
int __must_check cr_mempolicy_restore_mm(struct cr_restart *r, u32 id);
int __must_check cr_mempolicy_restore_shared(struct cr_restart *r, u32 id,
					     struct inode *inode);

/* ---- mm/cr_shm.c ---- */

/**
 * struct cr_shm_info - cr_obj.aux of a SHM, while it is saved
 * @file: an open file on it; holds a reference
 * @content: it is a file of a file system: fs/cr_content.c
 * @carried: @content, and it has a name: fs/cr_carried.c
 * @reader: @content: opened for reading; NULL until it is saved
 * @size: @content: its size when it was saved
 * @mtime_ns: @carried: its modification time then
 * @name: what it is called; NULL until ops->outside
 */
struct cr_shm_info {
	struct file *file;
	bool content;
	bool carried;
	struct file *reader;
	loff_t size;
	u64 mtime_ns;
	char *name;
};

static inline struct cr_shm_info *cr_shm_info(const struct cr_obj *obj)
{
	return obj->aux;
}

/**
 * cr_shm_collect() - note shared memory, or a file, that no name leads to
 * @s: the save
 * @file: an open file on it
 * @holder: the task through which it was found
 *
 * Return: its object of type CR_OBJ_SHM, or NULL without memory
 */
struct cr_obj *cr_shm_collect(struct cr_save *s, struct file *file,
			      struct task_struct *holder);
/* Is it a file that cr_shm_collect() is for? Sets *why when it is refused */
bool cr_file_is_shm(const struct file *file, const char **why);

/* ---- mm/cr_memfd.c ---- */

bool cr_file_is_memfd(const struct file *file);
/* Do the seals of a memfd keep contents and size as they are? */
bool cr_memfd_is_fixed(struct file *file);
/* Saving: fill in kind and seals of a SHM */
void cr_memfd_save(struct cr_save *s, struct cr_obj *obj,
		   struct cr_rec_shm *rec);
/*
 * Restart: one without contents and seals, called @name, of the right size; its
 * seals, once all mappings of it are there. The reason is in r->log
 */
struct file *cr_memfd_create(struct cr_restart *r, const struct cr_rec_shm *rec,
			     const char *name);
int __must_check cr_memfd_seal(struct cr_restart *r,
			       const struct cr_rec_shm *rec, struct file *file);

/* ---- mm/cr_cow.c ---- */

/*
 * Share pages of MM @id, current's and still empty, with its origin, if it has
 * one. *taken: bits of the runs that are there, to be kvfree()d; or NULL
 */
int __must_check cr_cow_restore(struct cr_restart *r, u32 id,
				unsigned long **taken);

/* ---- kernel/cr_share.c ---- */

/*
 * The address space that is the origin of MM @id, complete, with a reference; its
 * id in *origin_id. Waits. NULL: there is none; -EINTR
 */
struct mm_struct *cr_share_origin(struct cr_restart *r, u32 id, u32 *origin_id);

/* ---- mm/cr_lend.c ---- */

/* Memory of the caller's, filled with zeros, for arguments of system calls; or -errno */
unsigned long cr_lend(size_t size, unsigned long flags);
/* It is there no longer, also where memory is short */
void cr_lend_end(unsigned long addr, size_t size);

/* ---- arch/x86/kernel/cr_vdso.c ---- */

struct vdso_image;

/* What the architecture knows of an mm and does not understand: refuse it */
void cr_arch_mm_collect(struct cr_save *s, struct cr_obj *obj);
/* Forget what the mm has of another program; everything is unmapped */
int __must_check cr_arch_mm_empty(struct mm_struct *mm, struct cr_log *log);
/* The vdso mapped in @mm, NULL: none; its text's address in *addr */
const struct vdso_image *cr_vdso_find(struct mm_struct *mm,
				      unsigned long *addr);
/* Is @vma text or data of the vdso, where the kernel has put it? 0: no */
enum cr_vma_kind cr_vdso_vma_kind(struct vm_area_struct *vma);
/*
 * Map vdso @id of the image into current->mm, its text at @addr. Nothing else is
 * mapped yet. If it is another kernel's, its place is reserved
 */
int __must_check cr_vdso_map(struct cr_restart *r, u32 id, unsigned long addr);

/* ---- arch/x86/kernel/cr_vdso_foreign.c ---- */

/*
 * If vdso @id of the image is another kernel's: map this kernel's wherever there
 * is room, and at @addr what leads there. Everything else of @mm is mapped
 */
int __must_check cr_vdso_map_foreign(struct cr_restart *r, u32 mm, u32 id,
				     unsigned long addr);

#endif /* _LINUX_CR_MM_H */
