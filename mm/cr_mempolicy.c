// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA policies: of threads (set_mempolicy()), of mappings (mbind(),
 * set_mempolicy_home_node()) and of shared memory, which has its own for each
 * range of a file.
 *
 * They are made by the system calls that set them, so that the kernel says what
 * the nodes of this machine, and the restarter's cpuset, make of them. Nodes that
 * are not here are left out; a policy of which none is left is refused. A thread
 * that had none keeps its restarter's, as it does for CPUs. Where interleaving
 * had got to is not saved.
 *
 * Locks: mmap_lock for a mapping's, alloc_lock for a thread's, the lock of a
 * shared policy for its ranges.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mempolicy.h>
#include <linux/sched/task.h>
#include <linux/shmem_fs.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>

/* ---- saving ---- */

#ifdef CONFIG_NUMA
/* A policy as it is written */
struct policy {
	struct cr_rec_mempolicy rec;
	nodemask_t nodes;
};

/* @pol cannot go away. In the nodes' own numbers, or as the user has given them */
static void policy_copy(struct policy *p, const struct mempolicy *pol,
			u64 start, u64 end)
{
	bool as_given = pol->flags & (MPOL_F_STATIC_NODES |
				      MPOL_F_RELATIVE_NODES);

	BUILD_BUG_ON(MPOL_PREFERRED != CR_MPOL_PREFERRED ||
		     MPOL_BIND != CR_MPOL_BIND ||
		     MPOL_INTERLEAVE != CR_MPOL_INTERLEAVE ||
		     MPOL_LOCAL != CR_MPOL_LOCAL ||
		     MPOL_PREFERRED_MANY != CR_MPOL_PREFERRED_MANY);
	BUILD_BUG_ON(MPOL_MODE_FLAGS != CR_MPOL_FLAGS_KNOWN);
	BUILD_BUG_ON(MAX_NUMNODES > CR_MPOL_NODES_MAX);
	memset(p, 0, sizeof(*p));
	p->rec.start = cpu_to_le64(start);
	p->rec.end = cpu_to_le64(end);
	p->rec.mode = cpu_to_le32(pol->mode);
	p->rec.flags = cpu_to_le32(pol->flags & MPOL_MODE_FLAGS);
	if (pol->home_node != NUMA_NO_NODE)
		p->rec.home = cpu_to_le32(pol->home_node + 1);
	if (pol->mode != MPOL_LOCAL)
		p->nodes = as_given ? pol->w.user_nodemask : pol->nodes;
}

static void policy_write(struct cr_save *s, struct cr_obj *obj,
			 struct policy *p)
{
	unsigned int last = find_last_bit(p->nodes.bits, MAX_NUMNODES);
	u32 nr = last < MAX_NUMNODES ? round_up(last + 1, 64) : 0;

	p->rec.nr_nodes = cpu_to_le32(nr);
	cr_write_detail(s, obj, CR_REC_MEMPOLICY, &p->rec, sizeof(p->rec),
			p->nodes.bits, nr / 8);
}

void cr_mempolicy_save_thread(struct cr_save *s, struct cr_obj *obj,
			      struct task_struct *task)
{
	struct policy p;
	bool has;

	task_lock(task);
	has = task->mempolicy;
	if (has)
		policy_copy(&p, task->mempolicy, 0, 0);
	task_unlock(task);
	if (has)
		policy_write(s, obj, &p);
}

void cr_mempolicy_save_vma(struct cr_save *s, struct cr_obj *obj,
			   struct vm_area_struct *vma)
{
	struct policy p;

	if (!vma_policy(vma))
		return;
	policy_copy(&p, vma_policy(vma), vma->vm_start, vma->vm_end);
	policy_write(s, obj, &p);
}

/* The first range of @sp that begins at page @index or behind it */
static struct sp_node *shared_find(struct shared_policy *sp, pgoff_t index)
{
	struct rb_node *n = sp->root.rb_node;
	struct sp_node *found = NULL;

	while (n) {
		struct sp_node *node = rb_entry(n, struct sp_node, nd);

		if (node->start >= index) {
			found = node;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return found;
}

void cr_mempolicy_save_shared(struct cr_save *s, struct cr_obj *obj,
			      struct inode *inode)
{
	struct shared_policy *sp;
	struct sp_node *node;
	struct policy p;
	pgoff_t index = 0;

	if (!shmem_mapping(inode->i_mapping))
		return;
	sp = &SHMEM_I(inode)->policy;
	for (;;) {
		read_lock(&sp->lock);
		node = shared_find(sp, index);
		if (node) {
			index = node->end;
			policy_copy(&p, node->policy,
				    (u64)node->start << PAGE_SHIFT,
				    min_t(u64, (u64)node->end << PAGE_SHIFT,
					  CR_MPOL_RANGE_MAX));
		}
		read_unlock(&sp->lock);
		if (!node)
			return;
		policy_write(s, obj, &p);
		cond_resched();
	}
}

/* ---- restart ---- */

static int nodes_put(const struct cr_view *view, u32 nr, unsigned long page)
{
	nodemask_t nodes = NODE_MASK_NONE;

	/* the image's own bits are little endian, as this machine's are */
	memcpy(nodes.bits, view->tail, min_t(size_t, nr / 8, sizeof(nodes)));
	return copy_to_user((void __user *)page, &nodes, sizeof(nodes)) ?
	       -EFAULT : 0;
}

static int policy_err(struct cr_restart *r, const struct cr_rec_mempolicy *rec,
		      int err)
{
	return cr_err(&r->log, err, "NUMA policy %u, flags %#x: %s",
		      le32_to_cpu(rec->mode), le32_to_cpu(rec->flags),
		      err == -EINVAL ?
		      "none of its nodes is here, or this kernel does not know it" :
		      "cannot be set");
}

/* Put the nodes where a system call finds them */
static int policy_begin(struct cr_restart *r,
			const struct cr_rec_mempolicy *rec,
			const struct cr_view *view, unsigned long page)
{
	u32 mode = le32_to_cpu(rec->mode);

	if (mode >= MPOL_MAX)
		return cr_err(&r->log, -EOPNOTSUPP,
			      "NUMA policy %u: this kernel does not have it",
			      mode);
	return nodes_put(view, le32_to_cpu(rec->nr_nodes), page);
}

static int policy_bind(struct cr_restart *r,
		       const struct cr_rec_mempolicy *rec,
		       const struct cr_view *view, unsigned long page,
		       u64 start, u64 len)
{
	u32 home = le32_to_cpu(rec->home);
	struct pt_regs args = {
		.di = start,
		.si = len,
		.dx = le32_to_cpu(rec->mode) | le32_to_cpu(rec->flags),
		.r10 = page,
		.r8 = MAX_NUMNODES + 1,
	};
	int err = policy_begin(r, rec, view, page);

	if (err)
		return err;
	err = __x64_sys_mbind(&args);
	/* only a preference: without it if that node is not here */
	if (!err && home && home <= MAX_NUMNODES && node_online(home - 1)) {
		args = (struct pt_regs){ .di = start, .si = len,
					 .dx = home - 1 };
		err = __x64_sys_set_mempolicy_home_node(&args);
	}
	return err ? policy_err(r, rec, err) : 0;
}

int cr_mempolicy_restore_thread(struct cr_restart *r,
				const struct cr_detail_iter *it)
{
	struct cr_rec_mempolicy rec;
	struct pt_regs args = { .dx = MAX_NUMNODES + 1 };
	unsigned long page;
	int err;

	cr_detail(it, &rec, sizeof(rec));
	page = cr_lend(PAGE_SIZE, 0);
	if (IS_ERR_VALUE(page))
		return policy_err(r, &rec, page);
	err = policy_begin(r, &rec, &it->view, page);
	if (!err) {
		args.di = le32_to_cpu(rec.mode) | le32_to_cpu(rec.flags);
		args.si = page;
		err = __x64_sys_set_mempolicy(&args);
		if (err)
			policy_err(r, &rec, err);
	}
	cr_lend_end(page, PAGE_SIZE);
	return err;
}

int cr_mempolicy_restore_mm(struct cr_restart *r, u32 id)
{
	struct cr_rec_mempolicy rec;
	struct cr_detail_iter it;
	unsigned long page = 0;
	u64 start;
	int err = 0;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_MEMPOLICY)
			continue;
		if (fatal_signal_pending(current) || READ_ONCE(r->err)) {
			err = -EINTR;
			break;
		}
		cr_detail(&it, &rec, sizeof(rec));
		if (!page)
			page = cr_lend(PAGE_SIZE, 0);
		if (IS_ERR_VALUE(page))
			return policy_err(r, &rec, page);
		start = le64_to_cpu(rec.start);
		err = policy_bind(r, &rec, &it.view, page, start,
				  le64_to_cpu(rec.end) - start);
		if (err)
			break;
	}
	if (page)
		cr_lend_end(page, PAGE_SIZE);
	return err;
}

/* The lent page has it: take it from there */
static struct mempolicy *policy_take(unsigned long page)
{
	struct mm_struct *mm = current->mm;
	struct mempolicy *pol = NULL;
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, page);
	if (vma)
		pol = vma_policy(vma);
	mpol_get(pol);
	mmap_read_unlock(mm);
	return pol;
}

/* Nobody has mapped it, nor could map all of it: a mapping of the range alone */
static int shared_set(struct inode *inode, const struct cr_rec_mempolicy *rec,
		      struct mempolicy *pol)
{
	u64 start = le64_to_cpu(rec->start), end = le64_to_cpu(rec->end);
	struct vm_area_struct *range;
	int err;

	range = kzalloc(sizeof(*range), GFP_KERNEL);
	if (!range)
		return -ENOMEM;
	range->vm_pgoff = start >> PAGE_SHIFT;
	range->vm_end = end - start;
	err = mpol_set_shared_policy(&SHMEM_I(inode)->policy, range, pol);
	kfree(range);
	return err;
}

static int shared_restore(struct cr_restart *r, struct inode *inode,
			  const struct cr_detail_iter *it, unsigned long page)
{
	struct cr_rec_mempolicy rec;
	struct mempolicy *pol;
	int err;

	cr_detail(it, &rec, sizeof(rec));
	err = policy_bind(r, &rec, &it->view, page, page, PAGE_SIZE);
	if (err)
		return err;
	pol = policy_take(page);
	/* another thread of the caller has unmapped it */
	if (!pol)
		return policy_err(r, &rec, -EFAULT);
	err = shared_set(inode, &rec, pol);
	mpol_put(pol);
	return err ? policy_err(r, &rec, err) : 0;
}

int cr_mempolicy_restore_shared(struct cr_restart *r, u32 id,
				struct inode *inode)
{
	struct cr_detail_iter it;
	unsigned long page = 0;
	int err = 0;

	if (!shmem_mapping(inode->i_mapping))
		return 0;
	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_MEMPOLICY)
			continue;
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		if (!page)
			page = cr_lend(PAGE_SIZE, 0);
		if (IS_ERR_VALUE(page))
			return cr_err(&r->log, page,
				      "shared memory: no room for its NUMA policy");
		err = shared_restore(r, inode, &it, page);
		if (err)
			break;
	}
	if (page)
		cr_lend_end(page, PAGE_SIZE);
	return err;
}

#else /* !CONFIG_NUMA */

void cr_mempolicy_save_thread(struct cr_save *s, struct cr_obj *obj,
			      struct task_struct *task)
{
}

void cr_mempolicy_save_vma(struct cr_save *s, struct cr_obj *obj,
			   struct vm_area_struct *vma)
{
}

void cr_mempolicy_save_shared(struct cr_save *s, struct cr_obj *obj,
			      struct inode *inode)
{
}

int cr_mempolicy_restore_thread(struct cr_restart *r,
				const struct cr_detail_iter *it)
{
	return cr_err(&r->log, -EOPNOTSUPP, "this kernel has no NUMA policies");
}

int cr_mempolicy_restore_mm(struct cr_restart *r, u32 id)
{
	struct cr_detail_iter it;

	cr_for_each_detail(&r->img, id, &it)
		if (it.view.type == CR_REC_MEMPOLICY)
			return cr_mempolicy_restore_thread(r, &it);
	return 0;
}

int cr_mempolicy_restore_shared(struct cr_restart *r, u32 id,
				struct inode *inode)
{
	return cr_mempolicy_restore_mm(r, id);
}
#endif
