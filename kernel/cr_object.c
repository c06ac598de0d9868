// SPDX-License-Identifier: GPL-2.0
/*
 * The object table: every kernel object that the job holds, once. Keyed by the
 * kernel's pointer while saving, where a reference keeps the pointer from being
 * recycled; numbered densely in the image, so that ids leak nothing.
 *
 * The order of the rows is the order in the image: an object refers only to
 * objects of rows above its own, or written before it in its own row.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/cr.h>

const struct cr_obj_ops *const cr_obj_table[CR_NR_OBJ_TYPES] = {
	[CR_OBJ_VDSO]		= &cr_vdso_ops,
	[CR_OBJ_CRED]		= &cr_cred_ops,
	[CR_OBJ_PIPE]		= &cr_pipe_ops,
	[CR_OBJ_SOCK]		= &cr_sock_ops,
	[CR_OBJ_PTY]		= &cr_pty_ops,
	[CR_OBJ_SHM]		= &cr_shm_ops,
	[CR_OBJ_MSGQ]		= &cr_msgq_ops,
	[CR_OBJ_SEMSET]		= &cr_semset_ops,
	[CR_OBJ_FILE]		= &cr_file_ops,
	[CR_OBJ_SOCKQ]		= &cr_sockq_ops,
	[CR_OBJ_FILES]		= &cr_files_ops,
	[CR_OBJ_FS]		= &cr_fs_ops,
	[CR_OBJ_SIGHAND]	= &cr_sighand_ops,
	[CR_OBJ_MM]		= &cr_mm_ops,
	[CR_OBJ_AUTO]		= &cr_auto_ops,
	[CR_OBJ_PROC]		= &cr_proc_ops,
	[CR_OBJ_THREAD]		= &cr_thread_ops,
};

const struct cr_obj_ops *cr_obj_ops_of(u32 rec)
{
	int i;

	for (i = 0; i < CR_NR_OBJ_TYPES; i++)
		if (cr_obj_table[i]->rec == rec)
			return cr_obj_table[i];
	return NULL;
}

void cr_objs_init(struct cr_save *s)
{
	int i;

	hash_init(s->hash);
	for (i = 0; i < CR_NR_OBJ_TYPES; i++)
		INIT_LIST_HEAD(&s->objs[i]);
	s->nr_objs = 0;
}

/* In reverse, so that what an object leads to outlives it */
void cr_objs_exit(struct cr_save *s)
{
	struct cr_obj *obj, *tmp;
	int i;

	for (i = CR_NR_OBJ_TYPES - 1; i >= 0; i--) {
		list_for_each_entry_safe(obj, tmp, &s->objs[i], list) {
			list_del(&obj->list);
			cr_obj_table[i]->put(obj);
			put_task_struct(obj->holder);
			kfree(obj);
		}
	}
	cr_objs_init(s);
}

struct cr_obj *cr_obj_find(struct cr_save *s, enum cr_obj_type type, void *ptr)
{
	struct cr_obj *obj;

	hash_for_each_possible(s->hash, obj, hash, (unsigned long)ptr) {
		if (obj->ptr == ptr && obj->type == type)
			return obj;
	}
	return NULL;
}

struct cr_obj *cr_obj_add(struct cr_save *s, enum cr_obj_type type, void *ptr,
			  struct task_struct *holder, u32 refs)
{
	struct cr_obj *obj = cr_obj_find(s, type, ptr);

	if (obj) {
		obj->refs += refs;
		return obj;
	}
	obj = kzalloc(sizeof(*obj), GFP_KERNEL_ACCOUNT);
	if (!obj) {
		cr_fail(s, -ENOMEM);
		return NULL;
	}
	obj->type = type;
	obj->ptr = ptr;
	obj->refs = refs;
	obj->holder = holder;
	obj->fd = -1;
	get_task_struct(holder);
	cr_obj_table[type]->get(obj);
	list_add_tail(&obj->list, &s->objs[type]);
	hash_add(s->hash, &obj->hash, (unsigned long)ptr);
	if (cr_obj_table[type]->collect)
		cr_obj_table[type]->collect(s, obj);
	return obj;
}

u32 cr_obj_id(struct cr_save *s, enum cr_obj_type type, void *ptr)
{
	struct cr_obj *obj;

	if (!ptr)
		return 0;
	obj = cr_obj_find(s, type, ptr);
	/* collected before, written before: anything else is a mistake of ours */
	if (!obj || !obj->id) {
		cr_err(&s->log, cr_fail(s, -EPROTO),
		       "an object of type %s has changed while it was saved",
		       cr_obj_table[type]->name);
		return 0;
	}
	return obj->id;
}

void cr_write_obj(struct cr_save *s, struct cr_obj *obj, void *rec, size_t size,
		  const void *tail, size_t tail_len)
{
	obj->id = ++s->nr_objs;
	cr_write(&s->w, cr_obj_table[obj->type]->rec, obj->id, rec, size, tail,
		 tail_len);
}

void cr_write_detail(struct cr_save *s, struct cr_obj *obj, u32 type, void *rec,
		     size_t size, const void *tail, size_t tail_len)
{
	cr_write(&s->w, type, obj->id, rec, size, tail, tail_len);
}

static int objs_settle(struct cr_restart *r)
{
	const struct cr_obj_ops *ops;
	int err = 0;
	u32 id;

	for (id = 1; id <= r->img.nr_objects && !err; id++) {
		ops = cr_obj_ops_of(r->img.objs[id].type);
		if (ops->settle)
			err = ops->settle(r, id);
		if (READ_ONCE(r->err))
			err = err ?: -EINTR;
		cond_resched();
	}
	return err;
}

int cr_objs_restore(struct cr_restart *r)
{
	const struct cr_obj_ops *ops;
	u32 id;
	int err;

	r->objs = kvcalloc(r->img.nr_objects + 1, sizeof(*r->objs),
			   GFP_KERNEL_ACCOUNT);
	if (!r->objs)
		return -ENOMEM;
	for (id = 1; id <= r->img.nr_objects; id++) {
		ops = cr_obj_ops_of(r->img.objs[id].type);
		if (!ops)
			return -EBADMSG;
		if (!ops->restore)
			continue;
		err = ops->restore(r, id);
		if (err)
			return err;
		if (fatal_signal_pending(current) || READ_ONCE(r->err))
			return -EINTR;
		cond_resched();
	}
	return objs_settle(r);
}

void cr_objs_link(struct cr_restart *r)
{
	const struct cr_obj_ops *ops;
	u32 id;

	for (id = 1; id <= r->img.nr_objects; id++) {
		ops = cr_obj_ops_of(r->img.objs[id].type);
		if (ops->link)
			ops->link(r, id);
		cond_resched();
	}
}

int cr_objs_finish(struct cr_restart *r)
{
	const struct cr_obj_ops *ops;
	int err = 0;
	u32 id;

	for (id = 1; id <= r->img.nr_objects && !err; id++) {
		ops = cr_obj_ops_of(r->img.objs[id].type);
		if (ops->finish)
			err = ops->finish(r, id);
		if (fatal_signal_pending(current))
			err = err ?: -EINTR;
		cond_resched();
	}
	return err;
}

void cr_objs_undo(struct cr_restart *r)
{
	const struct cr_obj_ops *ops;
	u32 id;

	for (id = r->img.nr_objects; id > 0 && r->objs; id--) {
		ops = cr_obj_ops_of(r->img.objs[id].type);
		if (r->objs[id] && ops->undo)
			ops->undo(r, id);
	}
}

void cr_objs_drop(struct cr_restart *r)
{
	const struct cr_obj_ops *ops;
	u32 id;

	for (id = r->img.nr_objects; id > 0 && r->objs; id--) {
		if (!r->objs[id])
			continue;
		ops = cr_obj_ops_of(r->img.objs[id].type);
		if (ops->drop)
			ops->drop(r->objs[id]);
	}
	kvfree(r->objs);
	r->objs = NULL;
}
