// SPDX-License-Identifier: GPL-2.0
/*
 * Inotify: which files it watches, for what, under which numbers, and what it
 * has to tell that nobody has read yet.
 *
 * A watch belongs to an inode. It is saved as a path that leads there, if the
 * kernel knows one (cr_file_name.c), and added again by inotify_add_watch(),
 * with the rights of who restarts, when the job is built and opens nothing any
 * more. What it tells until then is not for the job and is dropped. What waited
 * to be read is put back as it was, before an epoll looks.
 *
 * Refused: an inotify that a process outside the job holds, too; watches of what
 * no path is known of.
 *
 * Locks: mark_mutex over the list of watches, notification_lock over the
 * events, idr_lock over the numbers.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify_backend.h>
#include <linux/inotify.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>

#define CONFIRM_TRIES	5

static bool inotify_match(struct file *file)
{
	return cr_anon_is(file, "inotify");
}

static struct fsnotify_group *inotify_group(const struct file *file)
{
	return file->private_data;
}

/* ---- saving: watches ---- */

/**
 * struct watch - a watch, while it is saved
 * @inode: holds a reference
 * @wd: its number
 * @mask: as inotify_add_watch() takes it
 */
struct watch {
	struct inode *inode;
	int wd;
	u32 mask;
};

/**
 * struct watches - those of an inotify
 * @watch: kvmalloc()ed, in the order of fdinfo, then of numbers
 * @nr: their number
 * @max: room
 */
struct watches {
	struct watch *watch;
	u32 nr;
	u32 max;
};

static void watches_put(struct watches *w)
{
	while (w->nr)
		iput(w->watch[--w->nr].inode);
	kvfree(w->watch);
}

static int watch_cmp(const void *a, const void *b)
{
	const struct watch *x = a, *y = b;

	return x->wd < y->wd ? -1 : x->wd > y->wd;
}

static void watch_read(struct watches *w, const struct fsnotify_mark *mark)
{
	struct fsnotify_mark_connector *conn = mark->connector;
	int wd = READ_ONCE(cr_inotify_mark(mark)->wd);
	struct inode *inode = NULL;

	/* one that goes just now has lost its number, or its inode */
	if (wd < 1 || !conn)
		return;
	spin_lock(&conn->lock);
	if (conn->type == FSNOTIFY_OBJ_TYPE_INODE)
		inode = igrab(cr_fsnotify_inode(conn));
	spin_unlock(&conn->lock);
	if (!inode)
		return;
	w->watch[w->nr++] = (struct watch) {
		.inode = inode,
		.wd = wd,
		.mask = (mark->mask & IN_ALL_EVENTS) |
			(mark->flags & FSNOTIFY_MARK_FLAG_EXCL_UNLINK ?
			 IN_EXCL_UNLINK : 0) |
			(mark->flags & FSNOTIFY_MARK_FLAG_IN_ONESHOT ?
			 IN_ONESHOT : 0),
	};
}

static int watches_find(struct cr_save *s, struct fsnotify_group *group,
			struct watches *w)
{
	struct fsnotify_mark *mark;
	u32 nr;

	memset(w, 0, sizeof(*w));
	for (;;) {
		nr = 0;
		mutex_lock(&group->mark_mutex);
		list_for_each_entry(mark, &group->marks_list, g_list)
			nr++;
		if (nr <= w->max)
			break;
		mutex_unlock(&group->mark_mutex);
		kvfree(w->watch);
		w->max = nr;
		w->watch = kvmalloc_array(nr, sizeof(*w->watch),
					  GFP_KERNEL_ACCOUNT);
		if (!w->watch)
			return cr_fail(s, -ENOMEM);
	}
	list_for_each_entry(mark, &group->marks_list, g_list)
		watch_read(w, mark);
	mutex_unlock(&group->mark_mutex);
	return 0;
}

/* Is that what fdinfo lists? The job stands still. -errno: s->err is set */
static int watches_confirm(struct cr_save *s, struct cr_obj *obj,
			   const struct watches *w)
{
	char *text = cr_anon_fdinfo(s, obj->ptr), *at = text;
	unsigned int wd, dev, mask;
	unsigned long ino;
	bool same;
	u32 i = 0;

	if (!text)
		return s->err;
	while (sscanf(at, "inotify wd:%x ino:%lx sdev:%x mask:%x", &wd, &ino,
		      &dev, &mask) == 4) {
		const struct watch *watch = &w->watch[i];

		if (i >= w->nr || watch->wd != wd || watch->mask != mask ||
		    watch->inode->i_ino != ino)
			break;
		i++;
		at = strchrnul(at, '\n');
		at += *at == '\n';
	}
	same = i == w->nr && !*at;
	kvfree(text);
	return same;
}

static bool watches_get(struct cr_save *s, struct cr_obj *obj,
			struct watches *w)
{
	int i, ret;

	/* others remove files that are watched, and with them the watches */
	for (i = 0; i < CONFIRM_TRIES; i++) {
		if (watches_find(s, inotify_group(obj->ptr), w))
			return false;
		ret = s->still ? watches_confirm(s, obj, w) : 1;
		if (ret > 0) {
			if (w->nr)
				sort(w->watch, w->nr, sizeof(*w->watch),
				     watch_cmp, NULL);
			return true;
		}
		watches_put(w);
		if (ret < 0)
			return false;
		usleep_range(1000, 2000);
	}
	cr_anon_mismatch(s, obj);
	return false;
}

/* The name of what it watches, to be kfree()d; NULL: it is refused */
static char *watch_name(struct cr_save *s, struct cr_obj *obj,
			struct cr_names *names, const struct watch *watch)
{
	const char *why;
	char *name = cr_inode_name(s, names, watch->inode, &why);

	if (!name || !why)
		return name;
	cr_refuse(s, obj->holder, "CR-EFD",
		  "%s: inotify: watch %d, of %*pE: %s", cr_file_where(obj),
		  watch->wd, CR_NAME(name), why);
	kfree(name);
	return NULL;
}

static void inotify_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_names *names;
	struct watches w;
	u32 i;

	cr_anon_outside(s, obj);
	if (!cr_file_info(obj)->name || !watches_get(s, obj, &w))
		return;
	names = w.nr ? cr_names_begin(s) : NULL;
	for (i = 0; i < w.nr && names; i++) {
		kfree(watch_name(s, obj, names, &w.watch[i]));
		cond_resched();
	}
	cr_names_end(names);
	watches_put(&w);
}

static void watch_save(struct cr_save *s, struct cr_obj *obj,
		       struct cr_names *names, const struct watch *watch)
{
	struct cr_rec_inotify_watch rec = {
		.wd = cpu_to_le32(watch->wd),
		.mask = cpu_to_le32(watch->mask),
	};
	char *name = watch_name(s, obj, names, watch);

	if (!name)
		return;
	cr_write_detail(s, obj, CR_REC_INOTIFY_WATCH, &rec, sizeof(rec), name,
			strlen(name) + 1);
	kfree(name);
}

/* ---- saving: events ---- */

/**
 * struct events - what waits to be read
 * @event: kvmalloc()ed, oldest first
 * @name: names, one behind the other
 * @nr: number of events
 * @len: bytes of their names
 * @max: room for events
 * @size: room for names
 */
struct events {
	struct cr_rec_inotify_event *event;
	char *name;
	u32 nr;
	size_t len;
	u32 max;
	size_t size;
};

static void events_put(struct events *e)
{
	kvfree(e->name);
	kvfree(e->event);
}

static_assert(CR_INOTIFY_ON_CHILD == FS_EVENT_ON_CHILD);

/* Those for which there is room; counts all. notification_lock is held */
static void events_read(struct events *e, struct fsnotify_group *group)
{
	struct cr_inotify_event *event;

	e->nr = 0;
	e->len = 0;
	list_for_each_entry(event, &group->notification_list, list) {
		/* with the NUL behind it */
		u32 len = event->name_len ? event->name_len + 1 : 0;

		if (e->nr < e->max && len <= e->size &&
		    e->len <= e->size - len) {
			e->event[e->nr] = (struct cr_rec_inotify_event) {
				.wd = cpu_to_le32(event->wd),
				.mask = cpu_to_le32(event->mask &
						    CR_INOTIFY_EVENT),
				.cookie = cpu_to_le32(event->sync_cookie),
				.name_len = cpu_to_le32(len),
			};
			memcpy(e->name + e->len, event->name, len);
		}
		e->nr++;
		e->len += len;
	}
}

static int events_get(struct cr_save *s, struct fsnotify_group *group,
		      struct events *e)
{
	memset(e, 0, sizeof(*e));
	for (;;) {
		spin_lock(&group->notification_lock);
		events_read(e, group);
		spin_unlock(&group->notification_lock);
		if (e->nr <= e->max && e->len <= e->size)
			return 0;
		events_put(e);
		/* who is outside the job makes more of them */
		e->max = e->nr + e->nr / 8 + 8;
		e->size = e->len + e->len / 8 + 4096;
		e->event = kvmalloc_array(e->max, sizeof(*e->event),
					  GFP_KERNEL_ACCOUNT);
		e->name = kvmalloc(e->size, GFP_KERNEL_ACCOUNT);
		if (!e->event || !e->name) {
			events_put(e);
			return cr_fail(s, -ENOMEM);
		}
	}
}

static void events_save(struct cr_save *s, struct cr_obj *obj,
			const struct events *e)
{
	const char *name = e->name;
	u32 i;

	for (i = 0; i < e->nr; i++) {
		u32 len = le32_to_cpu(e->event[i].name_len);

		cr_write_detail(s, obj, CR_REC_INOTIFY_EVENT, &e->event[i],
				sizeof(e->event[i]), name, len);
		name += len;
		cond_resched();
	}
}

static u32 next_wd(struct fsnotify_group *group)
{
	u32 next;

	spin_lock(&group->inotify_data.idr_lock);
	next = idr_get_cursor(&group->inotify_data.idr);
	spin_unlock(&group->inotify_data.idr_lock);
	return next;
}

static void inotify_details(struct cr_save *s, struct cr_obj *obj)
{
	struct fsnotify_group *group = inotify_group(obj->ptr);
	struct cr_rec_inotify rec = {};
	struct cr_names *names = NULL;
	struct watches w;
	struct events e;
	u32 i;

	if (!watches_get(s, obj, &w))
		return;
	if (w.nr)
		names = cr_names_begin(s);
	if (!events_get(s, group, &e)) {
		rec.next_wd = cpu_to_le32(next_wd(group));
		rec.nr_watches = cpu_to_le32(w.nr);
		rec.nr_events = cpu_to_le32(e.nr);
		cr_write_detail(s, obj, CR_REC_INOTIFY, &rec, sizeof(rec),
				NULL, 0);
		for (i = 0; i < w.nr && names; i++) {
			watch_save(s, obj, names, &w.watch[i]);
			cond_resched();
		}
		events_save(s, obj, &e);
		events_put(&e);
	}
	cr_names_end(names);
	watches_put(&w);
}

/* ---- restart ---- */

/* As inotify itself would queue it, but nobody is woken */
static int event_add(struct fsnotify_group *group,
		     const struct cr_rec_inotify_event *rec, const char *name)
{
	u32 len = le32_to_cpu(rec->name_len);
	struct cr_inotify_event *event;
	struct list_head *list = NULL;

	if (le32_to_cpu(rec->mask) & IN_Q_OVERFLOW) {
		spin_lock(&group->notification_lock);
		if (list_empty(&group->overflow_event->list)) {
			list_add_tail(&group->overflow_event->list,
				      &group->notification_list);
			group->q_len++;
		}
		spin_unlock(&group->notification_lock);
		return 0;
	}
	event = kmalloc(struct_size(event, name, len), GFP_KERNEL_ACCOUNT);
	if (!event)
		return -ENOMEM;
	INIT_LIST_HEAD(&event->list);
	event->mask = le32_to_cpu(rec->mask);
	event->wd = le32_to_cpu(rec->wd);
	event->sync_cookie = le32_to_cpu(rec->cookie);
	event->name_len = len ? len - 1 : 0;
	memcpy(event->name, name, len);
	spin_lock(&group->notification_lock);
	if (group->q_len < group->max_events) {
		list = &group->notification_list;
		list_add_tail(&event->list, list);
		group->q_len++;
	}
	spin_unlock(&group->notification_lock);
	if (!list)
		kfree(event);
	return list ? 0 : -ENOSPC;
}

static int events_restore(struct cr_restart *r, u32 id, struct file *file)
{
	struct cr_rec_inotify_event rec;
	struct cr_detail_iter it;
	int err = 0;

	cr_for_each_detail(&r->img, id, &it) {
		if (it.view.type != CR_REC_INOTIFY_EVENT)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		err = event_add(inotify_group(file), &rec, it.view.tail);
		if (err)
			return cr_err(&r->log, err,
				      "inotify: its events cannot be put back (%pe): fs.inotify.max_queued_events?",
				      ERR_PTR(err));
		cond_resched();
	}
	return 0;
}

static struct file *inotify_restore(struct cr_restart *r,
				    const struct cr_rec_file *rec,
				    const char *name)
{
	struct file *file;
	struct cr_anon a;
	long fd, err;

	err = cr_anon_begin(&a);
	if (err)
		return ERR_PTR(cr_err(&r->log, err, "%*pE: no descriptor table",
				      CR_NAME(name)));
	fd = cr_anon_call(__x64_sys_inotify_init1, 0, 0, 0, 0);
	file = cr_anon_finish(r, rec, fd, 0, name);
	cr_anon_end(&a);
	if (IS_ERR(file))
		return file;
	err = events_restore(r, le32_to_cpu(rec->rec.id), file);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

static void set_next_wd(struct fsnotify_group *group, u32 wd)
{
	spin_lock(&group->inotify_data.idr_lock);
	idr_set_cursor(&group->inotify_data.idr, wd);
	spin_unlock(&group->inotify_data.idr_lock);
}

/* @fd: the inotify's in a table of our own */
static int watch_add(struct cr_restart *r, struct cr_anon *a, int fd,
		     struct fsnotify_group *group,
		     const struct cr_detail_iter *it)
{
	const char *name = it->view.tail;
	struct cr_rec_inotify_watch rec;
	u32 wd;
	long ret;

	cr_detail(it, &rec, sizeof(rec));
	wd = le32_to_cpu(rec.wd);
	set_next_wd(group, wd);
	/* the saved name leads through no link at its end */
	ret = cr_anon_call(__x64_sys_inotify_add_watch, fd,
			   cr_anon_arg(a, name, it->view.tail_len),
			   le32_to_cpu(rec.mask) | IN_UNMOUNT | IN_DONT_FOLLOW |
			   IN_MASK_CREATE, 0);
	if (ret == wd)
		return 0;
	/* it is another file than that of an earlier watch no more */
	if (ret >= 0 || ret == -EEXIST)
		ret = -ESTALE;
	return cr_err(&r->log, cr_name_err(ret),
		      "inotify: watch %u, of %*pE, cannot be added (%pe)", wd,
		      CR_NAME(name), ERR_PTR(ret));
}

static int watches_restore(struct cr_restart *r, u32 id, struct file *file)
{
	struct fsnotify_group *group = inotify_group(file);
	struct cr_detail_iter it;
	struct cr_anon a;
	int fd, err;

	err = cr_anon_begin(&a);
	if (err)
		return err;
	fd = get_unused_fd_flags(0);
	if (fd >= 0)
		fd_install(fd, get_file(file));
	else
		err = fd;
	cr_detail_first(&r->img, id, &it);
	for (; !err && cr_detail_valid(&it); cr_detail_next(&it)) {
		if (it.view.type == CR_REC_INOTIFY_WATCH)
			err = watch_add(r, &a, fd, group, &it);
		if (fatal_signal_pending(current))
			err = err ?: -EINTR;
		cond_resched();
	}
	cr_anon_end(&a);
	return err;
}

/* What has been queued behind the first @nr events is not the job's business */
static void events_drop(struct fsnotify_group *group, u32 nr)
{
	struct cr_inotify_event *event, *tmp;
	LIST_HEAD(drop);

	spin_lock(&group->notification_lock);
	list_for_each_entry_safe(event, tmp, &group->notification_list, list) {
		if (nr) {
			nr--;
			continue;
		}
		group->q_len--;
		if (&event->list == &group->overflow_event->list)
			list_del_init(&event->list);
		else
			list_move_tail(&event->list, &drop);
	}
	spin_unlock(&group->notification_lock);
	list_for_each_entry_safe(event, tmp, &drop, list)
		kfree(event);
}

static int inotify_finish(struct cr_restart *r, const struct cr_rec_file *rec,
			  struct file *file)
{
	u32 id = le32_to_cpu(rec->rec.id);
	struct cr_rec_inotify inotify;
	int err;

	err = watches_restore(r, id, file);
	if (err)
		return err;
	cr_anon_detail(r, rec, &inotify, sizeof(inotify));
	set_next_wd(inotify_group(file), le32_to_cpu(inotify.next_wd));
	events_drop(inotify_group(file), le32_to_cpu(inotify.nr_events));
	return 0;
}

const struct cr_file_type cr_inotify_file = {
	.kind		= CR_FILE_INOTIFY,
	.match		= inotify_match,
	.outside	= inotify_outside,
	.save		= cr_anon_save,
	.details	= inotify_details,
	.restore	= inotify_restore,
	.finish		= inotify_finish,
};
