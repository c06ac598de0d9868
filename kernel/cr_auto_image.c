// SPDX-License-Identifier: GPL-2.0
/*
 * Automatic images in an image: the settings of a job (CR_IOC_AUTO), which a
 * restarted one has again, and how many images there have been: the next one has
 * the next number.
 *
 * Who restarts it could have declared all this himself.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_build.h>

/* ---- save ---- */

static void auto_get(struct cr_obj *obj)
{
	cr_auto_job_hold(obj->ptr);
}

static void auto_put(struct cr_obj *obj)
{
	cr_auto_job_put(obj->ptr);
}

/* Each costs a restart a look at all of them */
static void auto_collect(struct cr_save *s, struct cr_obj *obj)
{
	struct list_head *pos;
	u32 nr = 0;

	list_for_each(pos, &s->objs[CR_OBJ_AUTO])
		nr++;
	if (nr == CR_MAX_SETTINGS + 1)
		cr_refuse(s, obj->holder, "CR-EAUTO",
			  "settings of automatic images of its own, as more than %u others in the job",
			  CR_MAX_SETTINGS);
}

void cr_auto_collect(struct cr_save *s, struct cr_proc *proc)
{
	struct cr_auto_job *job = cr_auto_job_get(proc->task);

	if (!job)
		return;
	if (cr_obj_add(s, CR_OBJ_AUTO, job, proc->task, 0))
		proc->settings = job;
	cr_auto_job_put(job);
}

static void auto_save(struct cr_save *s, struct cr_obj *obj)
{
	const struct cr_auto_set *set;
	struct cr_rec_auto rec = {};
	struct pid *leader;
	size_t len;

	BUILD_BUG_ON(CR_PATTERN_MAX != CR_AUTO_PATTERN_MAX);
	set = cr_auto_job_read(obj->ptr, &leader);
	/* -1 is CR_AUTO_SYSCTL */
	rec.leader = cpu_to_le32(pid_nr_ns(leader, s->pid_ns));
	rec.save_signal = cpu_to_le32(set->save_signal);
	rec.end_signal = cpu_to_le32(set->end_signal);
	rec.fatal = cpu_to_le32(set->fatal);
	len = strlen(set->pattern);
	cr_write_obj(s, obj, &rec, sizeof(rec), set->pattern,
		     len ? len + 1 : 0);
}

void cr_auto_save_proc(struct cr_save *s, struct cr_proc *proc,
		       struct cr_rec_proc *rec)
{
	u32 images = cr_auto_images(proc->task);

	if (s->cause && proc->task == s->leader)
		images++;
	rec->images = cpu_to_le32(images);
	rec->settings = cpu_to_le32(cr_obj_id(s, CR_OBJ_AUTO, proc->settings));
}

/* ---- restart ---- */

static int set_read(struct cr_restart *r, const struct cr_rec_auto *rec,
		    const struct cr_view *view, struct cr_auto_set *set)
{
	memset(set, 0, sizeof(*set));
	memcpy(set->pattern, view->tail, view->tail_len);
	set->save_signal = le32_to_cpu(rec->save_signal);
	set->end_signal = le32_to_cpu(rec->end_signal);
	set->fatal = le32_to_cpu(rec->fatal);
	if (cr_auto_pattern_valid(set->pattern) &&
	    cr_auto_signal_valid(set->save_signal) &&
	    cr_auto_signal_valid(set->end_signal))
		return 0;
	return cr_err(&r->log, -EINVAL,
		      "automatic images: pattern \"%s\", signals %d and %d mean nothing here",
		      set->pattern, set->save_signal, set->end_signal);
}

static int auto_restore(struct cr_restart *r, u32 id)
{
	struct cr_auto_job *job;
	struct cr_rec_auto rec;
	struct cr_auto_set set;
	struct cr_view view;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	err = set_read(r, &rec, &view, &set);
	if (err)
		return err;
	cr_auto_lock();
	job = cr_auto_job_create(&set);
	if (IS_ERR(job)) {
		err = PTR_ERR(job);
	} else {
		cr_restart_set(r, id, job);
		err = cr_auto_apply_locked();
	}
	cr_auto_unlock();
	if (!err || err == -ENOMEM)
		return err;
	return cr_err(&r->log, err,
		      "automatic images: the job's signals cannot be caught (%pe)",
		      ERR_PTR(err));
}

static void auto_link(struct cr_restart *r, u32 id)
{
	struct cr_rec_auto rec;
	struct cr_view view;
	struct pid *leader;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	leader = cr_restart_tgid(r, le32_to_cpu(rec.leader));
	cr_auto_job_lead(cr_restart_get(r, id), leader);
	put_pid(leader);
}

/**
 * struct room - for what a process is to have
 * @member: of settings
 * @generation: the number of its images
 */
struct room {
	struct cr_auto_member *member;
	struct cr_auto_generation *generation;
};

int cr_auto_restore_proc(struct cr_restart *r, u32 id,
			 const struct cr_rec_proc *rec)
{
	struct room *room;

	if (!rec->settings && !rec->images)
		return 0;
	room = kzalloc(sizeof(*room), GFP_KERNEL_ACCOUNT);
	if (!room)
		return -ENOMEM;
	cr_restart_set(r, id, room);
	if (rec->settings)
		room->member = cr_auto_member_alloc();
	if (rec->images)
		room->generation = cr_auto_generation_alloc();
	return !rec->settings == !room->member &&
	       !rec->images == !room->generation ? 0 : -ENOMEM;
}

void cr_auto_link_proc(struct cr_restart *r, u32 id,
		       const struct cr_rec_proc *rec)
{
	struct pid *pid = cr_restart_tgid(r, le32_to_cpu(rec->pid));
	struct room *room = cr_restart_get(r, id);

	/* NULL: it has been killed */
	if (pid && room && room->generation) {
		cr_auto_images_set(pid, le32_to_cpu(rec->images),
				   room->generation);
		room->generation = NULL;
	}
	if (pid && room && room->member) {
		cr_auto_job_add(cr_restart_get(r, le32_to_cpu(rec->settings)),
				pid, room->member);
		room->member = NULL;
	}
	put_pid(pid);
}

void cr_auto_drop_proc(void *ptr)
{
	struct room *room = ptr;

	cr_auto_member_free(room->member);
	cr_auto_generation_free(room->generation);
	kfree(room);
}

static void auto_drop(void *ptr)
{
	cr_auto_job_put(ptr);
}

const struct cr_obj_ops cr_auto_ops = {
	.name = "settings of automatic images",
	.rec = CR_REC_AUTO,
	.get = auto_get,
	.put = auto_put,
	.collect = auto_collect,
	.save = auto_save,
	.restore = auto_restore,
	.link = auto_link,
	.drop = auto_drop,
};
