// SPDX-License-Identifier: GPL-2.0
/*
 * The saver: collect, isolate, save, release.
 *
 * A save yields a complete image or none, and a job that is refused has not
 * been touched: it is looked at while it runs, and only when nothing is in the
 * way is it made to stand still, looked at again, and written.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/binfmts.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/uuid.h>
#include <linux/xxhash.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>
#include <linux/cr_file.h>
#include <linux/cr_ipc.h>
#include <linux/cr_isolate.h>
#include <linux/cr_keeper.h>
#include <linux/cr_kernel.h>
#include <linux/cr_save.h>
#include <linux/cr_tree.h>

#define CR_BLOCKERS_MAX		1000
#define COLLECT_TRIES		5
#define COLLECT_TRIES_OUTSIDE	9
#define COLLECT_PAUSE_MS	2
/* for locks that others hold: before the job is isolated, and otherwise */
#define COLLECT_LOCKS_MS	1000
#define COLLECT_LOCKS_STILL_MS	10000

int cr_fail(struct cr_save *s, int err)
{
	if (!s->err)
		s->err = err;
	return err;
}

int cr_fail_killed(struct cr_save *s, struct task_struct *task)
{
	return cr_err(&s->log, cr_fail(s, -EINTR),
		      "pid %d (%s): was killed while it was saved",
		      task_tgid_nr_ns(task, s->pid_ns), task->comm);
}

void cr_refuse(struct cr_save *s, struct task_struct *task, const char *code,
	       const char *fmt, ...)
{
	char comm[TASK_COMM_LEN];
	struct va_format vaf;
	va_list args;

	cr_fail(s, -EOPNOTSUPP);
	if (s->blockers++ >= CR_BLOCKERS_MAX)
		return;
	get_task_comm(comm, task);
	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	cr_err(&s->log, -EOPNOTSUPP, "pid %d (%s): %pV [%s]",
	       task_tgid_vnr(task), comm, &vaf, code);
	va_end(args);
}

int cr_out(struct cr_save *s, const void *buf, size_t len)
{
	ssize_t n;

	while (len && !s->err) {
		n = kernel_write(s->out, buf, min_t(size_t, len, SZ_1M),
				 &s->pos);
		if (n <= 0) {
			cr_err(&s->log, cr_fail(s, n ?: -EIO),
			       "writing the image failed at byte %lld", s->pos);
			break;
		}
		buf += n;
		len -= n;
		if (fatal_signal_pending(current))
			cr_fail(s, -EINTR);
		cond_resched();
	}
	return s->err;
}

void cr_out_align(struct cr_save *s)
{
	s->pos = PAGE_ALIGN(s->pos);
}

/* A keeper stands for its job: find the leader of it */
static struct task_struct *job_leader(struct task_struct *task)
{
	struct task_struct *child;

	get_task_struct(task);
	for (;;) {
		if (!cr_is_keeper(task))
			return task;
		child = cr_keeper_child(task);
		put_task_struct(task);
		if (!child)
			return NULL;
		task = child;
	}
}

int cr_save_init(struct cr_save *s, struct task_struct *task)
{
	struct task_struct *keeper;

	memset(s, 0, sizeof(*s));
	cr_log_init(&s->log, "save");
	INIT_LIST_HEAD(&s->procs);
	INIT_LIST_HEAD(&s->claim);
	cr_objs_init(s);
	s->leader = job_leader(task->group_leader);
	if (!s->leader)
		return -ESRCH;
	if (s->leader->flags & PF_KTHREAD)
		return cr_err(&s->log, -EPERM, "pid %d: is a kernel thread",
			      task_tgid_vnr(s->leader));
	keeper = cr_keeper_of(s->leader);
	s->kept = keeper;
	if (keeper)
		put_task_struct(keeper);
	rcu_read_lock();
	s->pid_ns = task_active_pid_ns(s->leader);
	if (s->pid_ns)
		get_pid_ns(s->pid_ns);
	rcu_read_unlock();
	return s->pid_ns ? 0 : -ESRCH;
}

/* Drop what a collect has found, not the log */
static void save_forget(struct cr_save *s)
{
	cr_objs_exit(s);
	cr_procs_put(s);
	cr_writer_exit(&s->w);
	kvfree(s->shown);
	s->shown = NULL;
	s->nr_shown = 0;
	s->vdso_addr = 0;
	s->exe_at = 0;
	kvfree(s->runs);
	s->runs = NULL;
	s->nr_runs = 0;
	s->max_runs = 0;
	s->memory = 0;
	s->memory_estimate = 0;
	s->err = 0;
	s->blockers = 0;
}

void cr_save_exit(struct cr_save *s)
{
	save_forget(s);
	cr_unclaim(s);
	if (s->leader)
		put_task_struct(s->leader);
	if (s->pid_ns)
		put_pid_ns(s->pid_ns);
	cr_log_exit(&s->log);
}

static void collect_outside(struct cr_save *s)
{
	struct cr_obj *obj;
	int type;

	s->outside = true;
	for (type = 0; type < CR_NR_OBJ_TYPES; type++) {
		if (!cr_obj_table[type]->outside)
			continue;
		list_for_each_entry(obj, &s->objs[type], list)
			cr_obj_table[type]->outside(s, obj);
	}
}

bool cr_may_save(struct cr_save *s, struct task_struct *task)
{
	return s->cause ? cr_auto_allowed(s->cause, task) :
			  ptrace_may_access(task, PTRACE_MODE_ATTACH_REALCREDS);
}

static int save_allowed(struct cr_save *s)
{
	struct cr_thread *thread;
	struct cr_proc *proc;

	list_for_each_entry(proc, &s->procs, list)
		list_for_each_entry(thread, &proc->threads, list)
			if (!cr_may_save(s, thread->task))
				return cr_err(&s->log, cr_fail(s, -EPERM),
					      "pid %d (%s): not allowed to trace it",
					      task_tgid_vnr(proc->task),
					      proc->task->comm);
	return 0;
}

static int collect_once(struct cr_save *s)
{
	struct cr_proc *proc;
	int err;

	save_forget(s);
	err = cr_procs_get(s);
	if (err)
		return cr_fail(s, err);
	err = save_allowed(s);
	if (err)
		return err;
	if (list_first_entry(&s->procs, struct cr_proc, list)->zombie)
		return cr_err(&s->log, cr_fail(s, -ESRCH),
			      "pid %d (%s): has exited",
			      task_tgid_vnr(s->leader), s->leader->comm);
	if (s->nr_procs > CR_MAX_PROCS)
		return cr_err(&s->log, cr_fail(s, -E2BIG),
			      "%u processes are more than %u", s->nr_procs,
			      CR_MAX_PROCS);
	list_for_each_entry(proc, &s->procs, list) {
		cr_obj_add(s, CR_OBJ_PROC, proc, proc->task, 1);
		if (fatal_signal_pending(current))
			return cr_fail(s, -EINTR);
		cond_resched();
	}
	cr_ipcids_collect(s);
	if (!s->err)
		collect_outside(s);
	return s->err;
}

/*
 * Somebody may hold a reference in passing (a thread that starts or exits, a
 * reader of /proc), and a job that runs may be seen in the middle of a change.
 * What keeps it from being saved is still there when it is looked at again.
 */
static int collect_tries(struct cr_save *s, bool still)
{
	size_t len = s->log.len;
	int tries, err;

	s->still = still;
	for (tries = 1; ; tries++) {
		s->log.len = len;
		s->outside = false;
		err = collect_once(s);
		if (err != -EOPNOTSUPP || (still && !s->outside))
			break;
		if (tries >= (s->outside ? COLLECT_TRIES_OUTSIDE : COLLECT_TRIES))
			break;
		/* whose reference it is may not run: he gets more and more time */
		if (msleep_interruptible(COLLECT_PAUSE_MS << max(0, tries - 2)) &&
		    fatal_signal_pending(current))
			return cr_fail(s, -EINTR);
	}
	return err;
}

int cr_collect(struct cr_save *s, bool still)
{
	size_t len = s->log.len;
	int err;

	s->until = jiffies + msecs_to_jiffies(still || s->looks ?
					      COLLECT_LOCKS_STILL_MS :
					      COLLECT_LOCKS_MS);
	cr_log_quiet(&s->log);
	err = collect_tries(s, still);
	cr_log_print(&s->log, len, err);
	if (err == -EOPNOTSUPP && s->blockers > CR_BLOCKERS_MAX)
		cr_err(&s->log, err, "... and %u more",
		       s->blockers - CR_BLOCKERS_MAX);
	return err;
}

int cr_save_isolate(struct cr_save *s, struct cr_isolate *iso,
		    unsigned int timeout_ms)
{
	int err;

	err = cr_collect(s, false);
	if (err)
		return err;
	err = cr_isolate(iso, s, timeout_ms);
	if (err)
		return err;
	err = cr_collect(s, true);
	if (err)
		return err;
	return cr_isolate_holds(iso, s);
}

static void save_moment(struct cr_save *s)
{
	s->realtime_ns = ktime_get_real_ns();
	s->monotonic_ns = ktime_get_ns();
	s->boottime_ns = ktime_get_boottime_ns();
}

/*
 * Nothing in the kernel gives it to others but its file, by the name that the
 * saver has for it. What else he may have there could keep us waiting.
 */
static void head_boot_id(struct cr_rec_head *head)
{
	char text[UUID_STRING_LEN + 1] = "";
	struct file *file;
	struct path path;
	loff_t pos = 0;
	uuid_t id;

	if (kern_path("/proc/sys/kernel/random/boot_id", 0, &path))
		return;
	if (path.dentry->d_sb->s_magic == PROC_SUPER_MAGIC) {
		file = dentry_open(&path, O_RDONLY, current_cred());
		if (!IS_ERR(file)) {
			if (kernel_read(file, text, UUID_STRING_LEN, &pos) ==
			    UUID_STRING_LEN && !uuid_parse(text, &id))
				export_uuid(head->boot_id, &id);
			fput(file);
		}
	}
	path_put(&path);
}

static void head_fill(struct cr_save *s, struct cr_rec_head *head)
{
	memset(head, 0, sizeof(*head));
	head->nr_objects = cpu_to_le32(s->nr_objs);
	head->nr_procs = cpu_to_le32(s->nr_procs);
	head->nr_threads = cpu_to_le32(s->nr_threads);
	head->page_shift = cpu_to_le32(PAGE_SHIFT);
	head->realtime_ns = cpu_to_le64(s->realtime_ns);
	head->monotonic_ns = cpu_to_le64(s->monotonic_ns);
	head->boottime_ns = cpu_to_le64(s->boottime_ns);
	head->memory = cpu_to_le64(s->memory);
	strscpy(head->release, init_utsname()->release, sizeof(head->release));
	strscpy(head->node, utsname()->nodename, sizeof(head->node));
	head_boot_id(head);
}

/* False: it has failed. A task that died before it was collected has no object */
static bool save_task(struct cr_save *s, enum cr_obj_type type, void *ptr,
		      struct task_struct *task)
{
	struct cr_obj *obj = cr_obj_find(s, type, ptr);

	if (obj)
		cr_obj_table[type]->save(s, obj);
	else
		cr_fail_killed(s, task);
	cond_resched();
	return !s->err;
}

/* Kinds in the order of the table; a process is followed by its threads */
static void save_objects(struct cr_save *s)
{
	struct cr_thread *thread;
	struct cr_proc *proc;
	struct cr_obj *obj;
	int type;

	for (type = 0; type < CR_OBJ_PROC; type++) {
		list_for_each_entry(obj, &s->objs[type], list) {
			cr_obj_table[type]->save(s, obj);
			if (s->err)
				return;
			cond_resched();
		}
	}
	list_for_each_entry(proc, &s->procs, list) {
		if (!save_task(s, CR_OBJ_PROC, proc, proc->task))
			return;
		list_for_each_entry(thread, &proc->threads, list)
			if (!save_task(s, CR_OBJ_THREAD, thread, thread->task))
				return;
	}
}

static void save_page_records(struct cr_save *s)
{
	struct cr_rec_pages rec;
	size_t i;

	for (i = 0; i < s->nr_runs; i++) {
		const struct cr_run *run = &s->runs[i];

		memset(&rec, 0, sizeof(rec));
		rec.addr = cpu_to_le64(run->addr);
		rec.len = cpu_to_le32(run->len);
		rec.stored = cpu_to_le32(run->stored);
		rec.offset = cpu_to_le64(run->offset);
		rec.method = cpu_to_le32(run->method);
		rec.xxh64 = cpu_to_le64(run->xxh64);
		cr_write(&s->w, CR_REC_PAGES, run->id, &rec, sizeof(rec), NULL,
			 0);
	}
}

int cr_save_image(struct cr_save *s, struct cr_isolate *iso, struct file *out)
{
	struct cr_rec_head head = {};
	u64 notes, notes_size;
	size_t head_offset;

	s->out = out;
	/* the first page is for the ELF header, which is written last */
	s->pos = PAGE_SIZE;
	save_moment(s);
	cr_write(&s->w, CR_REC_HEAD, 0, &head, sizeof(head), NULL, 0);
	head_offset = s->w.len - sizeof(head);
	save_objects(s);
	if (s->err || s->w.err)
		goto out;
	if (cr_core_notes_save(s, &notes, &notes_size) || cr_pages_save(s) ||
	    cr_carried_verify(s))
		goto out;
	save_page_records(s);
	if (s->w.err)
		goto out;
	/* what was not known when the first record was written */
	head_fill(s, &head);
	head.rec.size = cpu_to_le32(sizeof(head));
	memcpy(s->w.buf + head_offset, &head, sizeof(head));
	/* nobody was killed meanwhile: what is in the image was there at once */
	if (cr_fail(s, cr_isolate_holds(iso, s)))
		goto out;
	cr_elf_save(s, notes, notes_size);
out:
	cr_content_close(s);
	if (s->w.err)
		cr_fail(s, s->w.err);
	if (s->err && !s->log.buf)
		cr_err(&s->log, s->err, "the image could not be written");
	return s->err;
}
