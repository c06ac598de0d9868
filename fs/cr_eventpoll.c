// SPDX-License-Identifier: GPL-2.0
/*
 * Epoll: which files it watches, under which descriptor numbers, for what, and
 * with which data. An entry belongs to an open file, not to a descriptor: the
 * number may lead to another file by now, or to none, and is kept nevertheless.
 *
 * Every entry is found from the file that it watches; what /proc/PID/fdinfo
 * lists beyond these is a file that no descriptor of the job leads to. They are
 * added again by epoll_ctl(), in the first process that has the epoll, whose
 * descriptor table is still empty and lends the number. A signalfd is watched for
 * the process that adds it: in place that was a donor, and the leader repeats it.
 *
 * An edge-triggered entry that has been reported must not be reported again,
 * though adding it finds the file ready: it is added and waited for first. One
 * that EPOLLONESHOT has disabled gets its mask back, which is written as
 * epoll_wait() does it.
 *
 * Refused: entries for files outside the job, for a signalfd that another
 * process has added, for a pidfd, for a file of procfs.
 *
 * Locks: the epoll's mtx, which protects what an entry waits for, over f_lock of
 * a watched file, which protects its list of entries.
 */
#include <linux/eventpoll.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>
#include <linux/cr_mm.h>
#include <linux/cr_task.h>

/* What EPOLLONESHOT leaves of a mask: EP_PRIVATE_BITS of fs/eventpoll.c */
#define PRIVATE_BITS	(EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

static bool epoll_match(struct file *file)
{
	return cr_anon_is(file, "[eventpoll]");
}

/* ---- saving ---- */

/**
 * struct item - an entry, while it is saved
 * @target: FILE that it watches
 * @whead: where it waits first; compared only
 * @fd: number under which it was added
 * @events: of its struct epoll_event
 * @data: likewise
 * @linked: it is on the list of what is to be reported
 */
struct item {
	struct cr_obj *target;
	const void *whead;
	int fd;
	__poll_t events;
	u64 data;
	bool linked;
};

/**
 * struct items - the entries of an epoll
 * @item: kvmalloc()ed, in the order of fdinfo
 * @nr: their number
 * @max: room
 */
struct items {
	struct item *item;
	u32 nr;
	u32 max;
};

/* The kernel's own order */
static int item_cmp(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->target->ptr != b->target->ptr)
		return a->target->ptr > b->target->ptr ? 1 : -1;
	return a->fd - b->fd;
}

static void item_read(struct item *item, const struct cr_epitem *epi,
		      struct cr_obj *target)
{
	const struct cr_epoll_entry *hook = READ_ONCE(epi->pwqlist);

	item->target = target;
	/* it is cleared when what it waits for goes */
	item->whead = hook ? READ_ONCE(hook->whead) : NULL;
	item->fd = epi->ffd.fd;
	item->events = epi->event.events;
	item->data = epi->event.data;
	item->linked = !list_empty_careful(&epi->rdllink);
}

/* Entries of the epoll @ep that watch @target; counts on if there is no room */
static void items_of(struct items *items, const struct cr_eventpoll *ep,
		     struct cr_obj *target)
{
	struct file *file = target->ptr;
	struct cr_epitem *epi;

	spin_lock(&file->f_lock);
	if (file->f_ep) {
		hlist_for_each_entry(epi, file->f_ep, fllink) {
			if (epi->ep != ep)
				continue;
			if (items->nr < items->max)
				item_read(&items->item[items->nr], epi, target);
			items->nr++;
		}
	}
	spin_unlock(&file->f_lock);
}

/* All that job's files know of. A waiter may hold the lock for long. */
static int items_find(struct cr_save *s, struct cr_eventpoll *ep,
		      struct items *items)
{
	struct cr_obj *target;

	memset(items, 0, sizeof(*items));
	for (;;) {
		items->nr = 0;
		if (mutex_lock_killable(&ep->mtx))
			goto interrupted;
		list_for_each_entry(target, &s->objs[CR_OBJ_FILE], list) {
			items_of(items, ep, target);
			cond_resched();
		}
		mutex_unlock(&ep->mtx);
		if (items->nr <= items->max)
			break;
		kvfree(items->item);
		items->max = items->nr;
		items->item = kvmalloc_array(items->max, sizeof(*items->item),
					     GFP_KERNEL_ACCOUNT);
		if (!items->item)
			return cr_fail(s, -ENOMEM);
	}
	if (items->nr)
		sort(items->item, items->nr, sizeof(*items->item), item_cmp,
		     NULL);
	return 0;
interrupted:
	kvfree(items->item);
	return cr_fail(s, -EINTR);
}

/* Is that what fdinfo lists? */
static bool items_confirm(struct cr_save *s, struct cr_obj *obj,
			  const struct items *items, const char *text)
{
	unsigned long long data;
	unsigned int events;
	u32 i = 0;
	int fd;

	for (; sscanf(text, "tfd: %d events: %x data: %llx", &fd, &events,
		      &data) == 3; i++) {
		const struct item *item = &items->item[i];

		if (i >= items->nr || item->fd != fd ||
		    item->events != (__force __poll_t)events || item->data != data) {
			cr_refuse(s, obj->holder, "CR-EFD",
				  "%s: epoll: its entry for fd %d leads to a file outside the job: not supported yet",
				  cr_file_where(obj), fd);
			return false;
		}
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
	if (i != items->nr || *text) {
		cr_anon_mismatch(s, obj);
		return false;
	}
	return true;
}

/* The entries of an epoll, confirmed. False: s->err is set */
static bool items_get(struct cr_save *s, struct cr_obj *obj,
		      struct items *items)
{
	struct file *file = obj->ptr;
	bool confirmed;
	char *text;

	if (items_find(s, file->private_data, items))
		return false;
	text = cr_anon_fdinfo(s, file);
	confirmed = text && items_confirm(s, obj, items, text);
	kvfree(text);
	if (!confirmed)
		kvfree(items->item);
	return confirmed;
}

/*
 * A signalfd is watched for the process that has added it, which is to be the
 * one that will add it again.
 */
static void signalfd_check(struct cr_save *s, struct cr_obj *obj,
			   const struct item *item)
{
	if (item->whead == &cr_sighand(obj->holder)->signalfd_wqh)
		return;
	cr_refuse(s, obj->holder, "CR-EFD",
		  "%s: epoll: fd %d is a signalfd that another process has added: not supported yet",
		  cr_file_where(obj), item->fd);
}

/* While the job runs, its entries come and go */
static void epoll_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct items items;
	u32 i;

	cr_anon_outside(s, obj);
	/* what is refused, others may change at any time */
	if (!s->still || !cr_file_info(obj)->name ||
	    cr_file_is_shared(s, obj) || !items_get(s, obj, &items))
		return;
	for (i = 0; i < items.nr; i++) {
		const struct cr_file_type *type =
			cr_file_info(items.item[i].target)->type;

		if (type == &cr_signalfd_file)
			signalfd_check(s, obj, &items.item[i]);
		if (type == &cr_pidfd_file)
			cr_refuse(s, obj->holder, "CR-EFD",
				  "%s: epoll: fd %d is a pidfd: not supported yet",
				  cr_file_where(obj), items.item[i].fd);
		if (type == &cr_procfile_file)
			cr_refuse(s, obj->holder, "CR-EFD",
				  "%s: epoll: fd %d is a file of /proc: not supported yet",
				  cr_file_where(obj), items.item[i].fd);
	}
	kvfree(items.item);
}

/* Has its readiness been reported, and is it still so? */
static bool item_reported(const struct item *item)
{
	if (!(item->events & EPOLLET) || (item->events & EPOLLONESHOT) ||
	    item->linked ||
	    cr_file_info(item->target)->type == &cr_signalfd_file)
		return false;
	return vfs_poll(item->target->ptr, NULL) & item->events & ~PRIVATE_BITS;
}

static void item_save(struct cr_save *s, struct cr_obj *files,
		      struct cr_obj *obj, const struct item *item)
{
	struct cr_rec_epitem rec = {
		.epoll = cpu_to_le32(obj->id),
		.file = cpu_to_le32(item->target->id),
		.fd = cpu_to_le32(item->fd),
		.events = cpu_to_le32((__force u32)item->events),
		.data = cpu_to_le64(item->data),
	};

	if (item_reported(item))
		rec.flags = cpu_to_le32(CR_EPITEM_REPORTED);
	cr_write_detail(s, files, CR_REC_EPITEM, &rec, sizeof(rec), NULL, 0);
}

/* Does this descriptor of this table account for the entries of the epoll? */
static bool table_accounts(struct cr_obj *files, struct cr_obj *obj,
			   unsigned int fd)
{
	struct cr_file_info *info = obj ? cr_file_info(obj) : NULL;

	if (!info || info->type != &cr_epoll_file)
		return false;
	if (!info->table) {
		info->table = files;
		info->table_fd = fd;
	}
	return info->table == files && info->table_fd == fd;
}

u32 cr_epitems_count(struct cr_save *s, struct cr_obj *files, struct file *file,
		     unsigned int fd)
{
	struct cr_obj *obj = cr_obj_find(s, CR_OBJ_FILE, file);
	struct items items;

	if (!table_accounts(files, obj, fd) || !items_get(s, obj, &items))
		return 0;
	kvfree(items.item);
	return items.nr;
}

/* Inner ones first: what is added to the outer ones is as ready as it was */
static u32 epoll_save(struct cr_save *s, struct cr_obj *files,
		      struct cr_obj *obj)
{
	struct cr_file_info *info = cr_file_info(obj);
	struct items items;
	u32 i, nr;

	if (info->saved || info->table != files || !items_get(s, obj, &items))
		return 0;
	info->saved = true;
	nr = items.nr;
	/* the kernel allows for a few levels only */
	for (i = 0; i < items.nr; i++)
		if (cr_file_info(items.item[i].target)->type == &cr_epoll_file)
			nr += epoll_save(s, files, items.item[i].target);
	for (i = 0; i < items.nr; i++)
		item_save(s, files, obj, &items.item[i]);
	kvfree(items.item);
	return nr;
}

u32 cr_epitems_save(struct cr_save *s, struct cr_obj *files, struct file *file,
		    unsigned int fd)
{
	struct cr_obj *obj = cr_obj_find(s, CR_OBJ_FILE, file);

	return table_accounts(files, obj, fd) ? epoll_save(s, files, obj) : 0;
}

/* ---- restart ---- */

static struct file *epoll_restore(struct cr_restart *r,
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
	fd = cr_anon_call(__x64_sys_epoll_create1, 0, 0, 0, 0);
	file = cr_anon_finish(r, rec, fd, 0, name);
	cr_anon_end(&a);
	return file;
}

/* The number that the epoll is called by while there is something at @fd */
static unsigned int epoll_fd(unsigned int fd)
{
	return fd ? 0 : 1;
}

static void mask_restore(struct file *epoll, struct file *target, int fd,
			 __poll_t events)
{
	struct cr_epitem *epi;

	spin_lock(&target->f_lock);
	/* who may trace us may have removed the entry again */
	if (target->f_ep) {
		hlist_for_each_entry(epi, target->f_ep, fllink)
			if (epi->ep == epoll->private_data &&
			    epi->ffd.fd == fd)
				WRITE_ONCE(epi->event.events, events);
	}
	spin_unlock(&target->f_lock);
}

/* @again: it is there already */
static int item_add(struct file *epoll, struct file *target,
		    const struct cr_rec_epitem *rec, bool again)
{
	unsigned int fd = le32_to_cpu(rec->fd), epfd = epoll_fd(fd);
	struct epoll_event event = {
		.events = (__force __poll_t)le32_to_cpu(rec->events),
		.data = le64_to_cpu(rec->data),
	};
	__poll_t events = event.events;
	int err;

	err = replace_fd(fd, target, 0) ?: replace_fd(epfd, epoll, 0);
	if (!err && again)
		err = do_epoll_ctl(epfd, EPOLL_CTL_DEL, fd, &event, false);
	if (!err)
		err = do_epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event, false);
	close_fd(fd);
	close_fd(epfd);
	/* what is not allowed is left out */
	if (!err && (events & EPOLLWAKEUP) && !(event.events & EPOLLWAKEUP))
		err = -EPERM;
	if (!err && !(events & ~PRIVATE_BITS))
		mask_restore(epoll, target, fd, events);
	return err;
}

static int item_failed(struct cr_restart *r, const struct cr_rec_epitem *rec,
		       int err)
{
	return cr_err(&r->log, err,
		      "epoll: its entry for fd %u cannot be added (%pe)",
		      le32_to_cpu(rec->fd), ERR_PTR(err));
}

/* Take what is there to be reported, so that it is not reported once more */
static int epoll_drain(struct file *epoll, u32 nr)
{
	const int max = PAGE_SIZE / sizeof(struct epoll_event);
	unsigned long page;
	long ret;

	page = cr_lend(PAGE_SIZE, 0);
	if (IS_ERR_VALUE(page))
		return page;
	ret = replace_fd(0, epoll, 0);
	if (!ret) {
		do {
			ret = cr_anon_call(__x64_sys_epoll_wait, 0, page, max,
					   0);
			nr -= min_t(u32, nr, max);
		} while (ret > 0 && nr);
		close_fd(0);
	}
	cr_lend_end(page, PAGE_SIZE);
	return min(ret, 0l);
}

/* CR_FILE_* of what it watches */
static u32 item_kind(struct cr_restart *r, const struct cr_rec_epitem *rec)
{
	struct cr_rec_file file;
	struct cr_view view;

	cr_read_obj(&r->img, le32_to_cpu(rec->file), &view, &file,
		    sizeof(file));
	return le32_to_cpu(file.kind);
}

/* What is outside of the job is not what it was: it may have more to say */
static bool item_is_first(struct cr_restart *r, const struct cr_rec_epitem *rec)
{
	return (le32_to_cpu(rec->flags) & CR_EPITEM_REPORTED) &&
	       item_kind(r, rec) != CR_FILE_OUTSIDE;
}

/* Add those entries of the epoll at @it that are, or are not, to come first */
static int items_add(struct cr_restart *r, struct cr_detail_iter *it,
		     cr_epoll_target_fn target, const void *table, bool first)
{
	struct cr_rec_epitem rec;
	__le32 epoll = 0;
	struct file *ep;
	u32 nr = 0;
	int err;

	for (; cr_detail_valid(it); cr_detail_next(it)) {
		cr_detail(it, &rec, sizeof(rec));
		if (epoll && rec.epoll != epoll)
			break;
		epoll = rec.epoll;
		if (item_is_first(r, &rec) != first)
			continue;
		ep = cr_restart_get(r, le32_to_cpu(epoll));
		err = item_add(ep, target(r, table, le32_to_cpu(rec.fd),
					  le32_to_cpu(rec.file)), &rec, false);
		if (err)
			return item_failed(r, &rec, err);
		nr++;
		cond_resched();
	}
	if (!first || !nr)
		return 0;
	err = epoll_drain(cr_restart_get(r, le32_to_cpu(epoll)), nr);
	return err ? cr_err(&r->log, err, "epoll: cannot be read (%pe)",
			    ERR_PTR(err)) : 0;
}

int cr_epitems_restore(struct cr_restart *r, struct cr_detail_iter *it,
		       cr_epoll_target_fn target, const void *table)
{
	struct cr_detail_iter again;
	int err = 0;

	while (!err && cr_detail_valid(it)) {
		again = *it;
		err = items_add(r, it, target, table, true) ?:
		      items_add(r, &again, target, table, false);
		*it = again;
	}
	return err;
}

int cr_epitems_adopt(struct cr_restart *r, struct cr_detail_iter *it)
{
	struct cr_rec_epitem rec;
	struct cr_anon a;
	int err;

	err = cr_anon_table_begin(&a);
	if (err)
		return cr_err(&r->log, err, "epoll: no descriptor table");
	for (; cr_detail_valid(it) && !err; cr_detail_next(it)) {
		cr_detail(it, &rec, sizeof(rec));
		if (item_kind(r, &rec) != CR_FILE_SIGNALFD)
			continue;
		err = item_add(cr_restart_get(r, le32_to_cpu(rec.epoll)),
			       cr_restart_get(r, le32_to_cpu(rec.file)), &rec,
			       true);
		if (err)
			item_failed(r, &rec, err);
		cond_resched();
	}
	cr_anon_table_end(&a);
	return err;
}

const struct cr_file_type cr_epoll_file = {
	.kind		= CR_FILE_EPOLL,
	.match		= epoll_match,
	.outside	= epoll_outside,
	.save		= cr_anon_save,
	.restore	= epoll_restore,
};
