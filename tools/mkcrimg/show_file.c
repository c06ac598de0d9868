// SPDX-License-Identifier: GPL-2.0
/* mkcrimg show: open files, descriptors, locks, directories. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "show.h"
#include "text.h"

static const char *access_name(const struct cr_rec_file *f)
{
	static const char *const names[] = { "read", "write", "read write" };

	if (le32_to_cpu(f->kind) == CR_FILE_OPATH)
		return "path only";
	return names[le32_to_cpu(f->open_flags) & 3];
}

/* An abstract name with @ for its first byte, as elsewhere */
static void show_sock_name(const struct cr_view *v, u32 len)
{
	const char *name = v->tail;
	u32 i;

	printf(", name ");
	if (!name[0])
		putchar('@');
	for (i = !name[0]; i < len; i++)
		if (name[i])
			putchar(name[i] < ' ' || name[i] > '~' ? '?' : name[i]);
}

/**
 * struct queue - what waits in a socket; index 0 is not used
 * @first: of a SOCK: its first SOCKQ; 0: none
 * @next: of a SOCKQ: the next one of the same socket; 0: none
 * @nr, @files, @bytes: of a SOCKQ: messages, descriptors and bytes in it
 */
struct queue {
	u32 first;
	u32 next;
	u32 nr;
	u32 files;
	u64 bytes;
};

static void queue_sum(const struct image *img, u32 id, struct queue *q)
{
	struct cr_rec_sock_msg msg;
	struct cr_detail_iter it;

	cr_for_each_detail(&img->cr, id, &it) {
		cr_detail(&it, &msg, sizeof(msg));
		q->bytes += le32_to_cpu(msg.len);
		q->files += le32_to_cpu(msg.nr_files);
		q->nr++;
	}
}

/* Looked for once, however many descriptors there are: by object; NULL: no memory */
static const struct queue *queues_find(const struct image *img)
{
	static struct queue *queues;
	struct cr_rec_sockq rec;
	struct cr_view v;
	u32 id;

	if (queues)
		return queues;
	queues = calloc(img->cr.nr_objects + 1, sizeof(*queues));
	for (id = img->cr.nr_objects; queues && id; id--) {
		if (img->cr.objs[id].type != CR_REC_SOCKQ)
			continue;
		cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
		queue_sum(img, id, &queues[id]);
		queues[id].next = queues[le32_to_cpu(rec.sock)].first;
		queues[le32_to_cpu(rec.sock)].first = id;
	}
	return queues;
}

/* "..., 3 messages of 20 bytes, with 1 descriptor, wait" */
static void show_waiting(const struct image *img, u32 sock)
{
	const struct queue *queues = queues_find(img);
	u32 id = queues ? queues[sock].first : 0;

	for (; id; id = queues[id].next) {
		printf(", %u messages of %llu bytes", queues[id].nr,
		       (unsigned long long)queues[id].bytes);
		if (queues[id].files)
			printf(", with %u descriptors,", queues[id].files);
		printf(" wait");
	}
}

/* "UNIX stream socket 7, other end 8, 3 messages of 20 bytes wait" */
static void show_sock(const struct image *img, u32 id)
{
	struct cr_rec_sock s;
	struct cr_view v;
	u32 other;

	cr_read_obj(&img->cr, id, &v, &s, sizeof(s));
	other = le32_to_cpu(s.flags) & CR_SOCK_FIRST ? id + 1 :
		le32_to_cpu(s.peer);
	printf(", UNIX %s socket %u", le32_to_cpu(s.type) == 1 ? "stream" :
	       le32_to_cpu(s.type) == 2 ? "datagram" : "seqpacket", id);
	if (other)
		printf(", other end %u", other);
	if (le32_to_cpu(s.flags) & CR_SOCK_LISTEN)
		printf(", listening");
	if (s.name_len)
		show_sock_name(&v, le32_to_cpu(s.name_len));
	show_waiting(img, id);
}

/* "terminal 3, 80 x 24, of session 412, 5 bytes for the master, ..." */
static void show_pty(const struct image *img, u32 id)
{
	u32 len[CR_PTY_TYPED + 1] = {};
	struct cr_rec_pty_buf buf;
	struct cr_detail_iter it;
	struct cr_rec_pty p;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &p, sizeof(p));
	printf(", pseudo-terminal %u, %u x %u", le32_to_cpu(p.index),
	       le32_to_cpu(p.cols), le32_to_cpu(p.rows));
	if (p.session)
		printf(", session %u, foreground %u", le32_to_cpu(p.session),
		       le32_to_cpu(p.pgrp));
	if (le32_to_cpu(p.flags) & CR_PTY_PACKET)
		printf(", packets");
	if (le32_to_cpu(p.flags) & CR_PTY_LOCKED)
		printf(", locked");
	if (le32_to_cpu(p.flags) & CR_PTY_STOPPED)
		printf(", stopped");
	cr_for_each_detail(&img->cr, id, &it) {
		cr_detail(&it, &buf, sizeof(buf));
		len[le32_to_cpu(buf.kind) & 3] += le32_to_cpu(buf.len);
	}
	if (len[CR_PTY_OUTPUT])
		printf(", %u bytes for the master", len[CR_PTY_OUTPUT]);
	if (len[CR_PTY_INPUT] + len[CR_PTY_TYPED])
		printf(", %u bytes for the slave",
		       len[CR_PTY_INPUT] + len[CR_PTY_TYPED]);
}

/* The state of a file on the anonymous inode */
static void show_anon(const struct image *img, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_eventfd e;
	struct cr_rec_timerfd t;
	struct cr_rec_signalfd s;
	struct cr_rec_inotify i;
	struct cr_rec_pidfd p;

	cr_detail_first(&img->cr, id, &it);
	switch (it.view.type) {
	case CR_REC_EVENTFD:
		cr_detail(&it, &e, sizeof(e));
		printf(", count %llu%s",
		       (unsigned long long)le64_to_cpu(e.count),
		       e.semaphore ? ", semaphore" : "");
		break;
	case CR_REC_TIMERFD:
		cr_detail(&it, &t, sizeof(t));
		printf(", clock %u, %.9f s remain, every %.9f s, %llu unread",
		       le32_to_cpu(t.clockid),
		       le64_to_cpu(t.remaining_ns) / 1e9,
		       le64_to_cpu(t.interval_ns) / 1e9,
		       (unsigned long long)le64_to_cpu(t.ticks));
		break;
	case CR_REC_SIGNALFD:
		cr_detail(&it, &s, sizeof(s));
		printf(", signals 0x%llx",
		       (unsigned long long)le64_to_cpu(s.mask));
		break;
	case CR_REC_PIDFD:
		cr_detail(&it, &p, sizeof(p));
		printf(", of %s %u", p.flags ? "thread" : "process",
		       le32_to_cpu(p.nr));
		break;
	case CR_REC_INOTIFY:
		cr_detail(&it, &i, sizeof(i));
		printf(", %u watches, %u events wait",
		       le32_to_cpu(i.nr_watches), le32_to_cpu(i.nr_events));
		break;
	}
}

static void show_lease(const struct image *img, u32 id)
{
	struct cr_rec_lease lease;
	struct cr_detail_iter it;

	cr_detail_first(&img->cr, id, &it);
	cr_detail(&it, &lease, sizeof(lease));
	printf(", %s lease%s",
	       le32_to_cpu(lease.type) == CR_LOCK_READ ? "read" : "write",
	       lease.flags ? ", to be given up" : "");
}

static void show_outside(const struct cr_rec_file *f)
{
	const char *what = le32_to_cpu(f->flags) & CR_FILE_TTY ? "terminal" :
								 "pipe";

	if (le32_to_cpu(f->fd) == CR_FD_IN_FLIGHT)
		printf(", %s outside: will be one of the restarter's", what);
	else
		printf(", %s outside: will be the restarter's fd %u", what,
		       le32_to_cpu(f->fd));
}

/* Whose it is: its path says it, but not that it follows the task */
static void show_procfile(const struct image *img, u32 id,
			  const struct cr_rec_file *f)
{
	struct cr_rec_procfile p;
	struct cr_detail_iter it;

	cr_detail_first(&img->cr, id, &it);
	cr_detail(&it, &p, sizeof(p));
	printf(", at %llu", (unsigned long long)le64_to_cpu(f->pos));
	if (le32_to_cpu(p.flags) & CR_PROCFILE_LINE)
		printf(" (line %u)", le32_to_cpu(p.line) + 1);
	if (le32_to_cpu(p.flags) & CR_PROCFILE_END)
		printf(" (the end)");
	if (p.tid)
		printf(", of thread %u", le32_to_cpu(p.tid));
	else if (p.pid)
		printf(", of task %u", le32_to_cpu(p.pid));
	else
		printf(", of no task");
}

void show_file(const struct image *img, u32 id)
{
	struct cr_rec_file f;
	struct cr_rec_shm shm;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &f, sizeof(f));
	printf("%s: %s", printable(v.tail), access_name(&f));
	switch (le32_to_cpu(f.kind)) {
	case CR_FILE_REG:
		printf(", at %llu of %llu",
		       (unsigned long long)le64_to_cpu(f.pos),
		       (unsigned long long)le64_to_cpu(f.size));
		if (le32_to_cpu(f.flags) & (CR_FILE_FLOCK_SH | CR_FILE_FLOCK_EX))
			printf(", locked");
		if (le32_to_cpu(f.flags) & CR_FILE_LEASE)
			show_lease(img, id);
		break;
	case CR_FILE_FIFO:
	case CR_FILE_PIPE:
		printf(", pipe %u", le32_to_cpu(f.obj));
		break;
	case CR_FILE_OUTSIDE:
		show_outside(&f);
		break;
	case CR_FILE_SHM:
		cr_read_obj(&img->cr, le32_to_cpu(f.obj), &v, &shm,
			    sizeof(shm));
		printf(", contents in the image");
		if (shm.seals)
			printf(", seals 0x%x", le32_to_cpu(shm.seals));
		break;
	case CR_FILE_SOCK:
		show_sock(img, le32_to_cpu(f.obj));
		break;
	case CR_FILE_PTY_MASTER:
		show_pty(img, le32_to_cpu(f.obj));
		break;
	case CR_FILE_PTY_SLAVE:
		printf(", slave");
		break;
	case CR_FILE_PTY_HUNGUP:
		printf(", hung up");
		break;
	case CR_FILE_EPOLL:
		printf(", epoll, object %u", id);
		break;
	case CR_FILE_PROCFILE:
		show_procfile(img, id, &f);
		break;
	case CR_FILE_EVENTFD:
	case CR_FILE_TIMERFD:
	case CR_FILE_SIGNALFD:
	case CR_FILE_INOTIFY:
	case CR_FILE_PIDFD:
		show_anon(img, id);
		break;
	}
}

static void show_fd(const struct image *img, const struct cr_rec_fd *fd)
{
	printf("  fd %-4u ", le32_to_cpu(fd->fd));
	show_file(img, le32_to_cpu(fd->file));
	printf("%s\n", fd->cloexec ? ", close on exec" : "");
}

static void show_lock(const struct cr_rec_lock *lock)
{
	static const char *const kinds[] = { "?", "flock", "posix", "ofd" };

	printf("  lock    fd %u: %s, %s", le32_to_cpu(lock->fd),
	       kinds[le32_to_cpu(lock->kind) & 3],
	       le32_to_cpu(lock->type) == CR_LOCK_READ ? "shared" : "exclusive");
	if (le32_to_cpu(lock->kind) != CR_LOCK_FLOCK)
		printf(", bytes %llu to %llu",
		       (unsigned long long)le64_to_cpu(lock->start),
		       (unsigned long long)le64_to_cpu(lock->end));
	printf("\n");
}

static void show_epitem(const struct image *img,
			const struct cr_rec_epitem *item)
{
	printf("  epoll   object %u: fd %u, %s, events 0x%x, data 0x%llx\n",
	       le32_to_cpu(item->epoll), le32_to_cpu(item->fd),
	       printable(image_file_name(img, le32_to_cpu(item->file))),
	       le32_to_cpu(item->events),
	       (unsigned long long)le64_to_cpu(item->data));
}

void show_files(const struct image *img, const struct cr_rec_thread *t)
{
	u32 files = le32_to_cpu(t->files);
	struct cr_detail_iter it;
	struct cr_rec_fs fs;
	struct cr_rec_epitem item;
	struct cr_rec_lock lock;
	struct cr_rec_fd fd;
	struct cr_view v;

	cr_read_obj(&img->cr, le32_to_cpu(t->fs), &v, &fs, sizeof(fs));
	printf("  cwd     %s%s\n", printable(v.tail),
	       le32_to_cpu(fs.flags) & CR_FS_CWD_REMOVED ? " (removed)" : "");
	if (strcmp((const char *)v.tail + le32_to_cpu(fs.cwd_len), "/"))
		printf("  root    %s\n",
		       printable((const char *)v.tail +
				 le32_to_cpu(fs.cwd_len)));
	cr_for_each_detail(&img->cr, files, &it) {
		if (it.view.type != CR_REC_FD)
			break;
		cr_detail(&it, &fd, sizeof(fd));
		show_fd(img, &fd);
	}
	/* behind the descriptors */
	for (; cr_detail_valid(&it); cr_detail_next(&it)) {
		if (it.view.type == CR_REC_EPITEM) {
			cr_detail(&it, &item, sizeof(item));
			show_epitem(img, &item);
			continue;
		}
		cr_detail(&it, &lock, sizeof(lock));
		show_lock(&lock);
	}
}
