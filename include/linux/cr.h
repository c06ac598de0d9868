/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: what the parts of it know of each other.
 *
 * Saving: collect (find every object, every blocker) - isolate - collect again,
 * now that nothing moves - save each object as records - save pages - write.
 * Restart: index and check the records - restore objects in the caller - build
 * tasks, each restoring itself - commit.
 */
#ifndef _LINUX_CR_H
#define _LINUX_CR_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/completion.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/sched.h>
#include <linux/task_work.h>
#include <linux/resource.h>
#include <linux/kref.h>
#include <linux/xarray.h>
#include <linux/cr_image.h>
#include <linux/cr_reader.h>

struct file;
struct linux_binprm;

/* ---- messages: kernel/cr_log.c ---- */

/**
 * struct cr_log - lines for the one who asked
 * @lock: several tasks of a restart write
 * @buf: lines, each ended by a newline, NUL-terminated; NULL: nothing yet
 * @len: without the NUL
 * @what: prefix of the lines in the kernel log: "save", "restart"
 * @quiet: they do not go there yet: what fails is tried again
 */
struct cr_log {
	struct mutex lock;
	char *buf;
	size_t len;
	const char *what;
	bool quiet;
};

void cr_log_init(struct cr_log *log, const char *what);
void cr_log_exit(struct cr_log *log);
/* Until cr_log_print(), which repeats what was said behind @from */
void cr_log_quiet(struct cr_log *log);
void cr_log_print(struct cr_log *log, size_t from, int err);
int cr_log_copy_to_user(struct cr_log *log, u64 uaddr, u32 len);

/* ---- the writer of records: kernel/cr_write.c ---- */

/**
 * struct cr_writer - a record stream in memory
 * @buf: the stream (kvmalloc)
 * @len: bytes in it
 * @size: bytes allocated
 * @nr: records in it
 * @err: the first error; all later writes do nothing
 */
struct cr_writer {
	u8 *buf;
	size_t len;
	size_t size;
	u64 nr;
	int err;
};

/**
 * cr_write() - append a record
 * @w: the stream
 * @type: enum cr_rec_type
 * @id: for struct cr_rec
 * @rec: the fixed part, which starts with struct cr_rec; that is filled in here
 * @size: its size
 * @tail: bytes behind it; may be NULL
 * @tail_len: their number
 */
void cr_write(struct cr_writer *w, u32 type, u32 id, void *rec, size_t size,
	      const void *tail, size_t tail_len);
void cr_writer_exit(struct cr_writer *w);

/* ---- the object table: kernel/cr_object.c ---- */

/* Columns of the table; the order is the order in the image */
enum cr_obj_type {
	CR_OBJ_VDSO,	/* const struct vdso_image * */
	CR_OBJ_CRED,	/* const struct cred * */
	CR_OBJ_PIPE,	/* struct inode * of the pipe; holds a reference */
	CR_OBJ_SOCK,	/* struct sock *, open or not */
	CR_OBJ_PTY,	/* struct tty_struct * of the master; aux: its FILE */
	CR_OBJ_SHM,	/* struct inode *; aux is a struct cr_shm_info * */
	CR_OBJ_MSGQ,	/* its id, plus 1; flags: CR_IPC_* */
	CR_OBJ_SEMSET,	/* likewise */
	CR_OBJ_FILE,	/* struct file * */
	CR_OBJ_SOCKQ,	/* struct sock * whose queue it is */
	CR_OBJ_FILES,	/* struct files_struct * */
	CR_OBJ_FS,	/* struct fs_struct * */
	CR_OBJ_SIGHAND,	/* struct sighand_struct * */
	CR_OBJ_MM,	/* struct mm_struct * */
	CR_OBJ_AUTO,	/* struct cr_auto_job * */
	CR_OBJ_PROC,	/* struct cr_proc * */
	CR_OBJ_THREAD,	/* struct cr_thread * */
	CR_NR_OBJ_TYPES,
};

/**
 * struct cr_obj - a kernel object that the job holds, while it is saved
 * @hash: in cr_save.hash, by @ptr
 * @list: in cr_save.objs[type], in the order of discovery
 * @type: enum cr_obj_type
 * @ptr: the object; the table holds a reference (ops->get)
 * @id: in the image; 0 until its record is written
 * @refs: references found within the job
 * @holder: a task that holds it, for messages
 * @fd: FILE: a descriptor of @holder that leads to it; CR_FD_IN_FLIGHT: there is
 *	none, but a message takes it along; -1: only mapped
 * @aux: the type's own: see enum cr_obj_type
 * @flags: the type's own
 */
struct cr_obj {
	struct hlist_node hash;
	struct list_head list;
	enum cr_obj_type type;
	void *ptr;
	u32 id;
	u32 refs;
	struct task_struct *holder;
	int fd;
	void *aux;
	u32 flags;
};

struct cr_save;
struct cr_restart;

/**
 * struct cr_obj_ops - a row of the object table: one kind of object
 * @name: for messages
 * @rec: type of its record
 * @get: take a reference for the table
 * @put: drop it (also drops what @aux holds)
 * @collect: called once for each object when it is first found: look at it,
 *	refuse what is not understood (cr_refuse()), cr_obj_add() what it
 *	leads to. No side effect on the job. It runs on a live job first, then
 *	again, on a new table, when the job stands still
 * @outside: called when all is collected: compare @refs with the kernel's count
 *	and refuse, or mark, what is shared with the outside; may be NULL
 * @save: write its record and details; the job stands still
 * @restore: restart, see cr_objs_restore(): make it, cr_restart_set() it. NULL: the tasks
 *	restore it themselves
 * @settle: restart: all objects are made: what could not be done before. NULL:
 *	nothing
 * @link: restart: all tasks are made: what refers to them. Cannot fail. NULL:
 *	nothing
 * @finish: restart: all tasks stand there, parked: what must come last. NULL:
 *	nothing
 * @undo: restart has failed: take back what others see of what @restore has
 *	set, in the caller. NULL: nothing
 * @drop: restart: drop what @restore has set; NULL: it holds nothing
 */
struct cr_obj_ops {
	const char *name;
	u32 rec;
	void (*get)(struct cr_obj *obj);
	void (*put)(struct cr_obj *obj);
	void (*collect)(struct cr_save *s, struct cr_obj *obj);
	void (*outside)(struct cr_save *s, struct cr_obj *obj);
	void (*save)(struct cr_save *s, struct cr_obj *obj);
	int (*restore)(struct cr_restart *r, u32 id);
	int (*settle)(struct cr_restart *r, u32 id);
	void (*link)(struct cr_restart *r, u32 id);
	int (*finish)(struct cr_restart *r, u32 id);
	void (*undo)(struct cr_restart *r, u32 id);
	void (*drop)(void *ptr);
};

extern const struct cr_obj_ops *const cr_obj_table[CR_NR_OBJ_TYPES];
/* Each kind defines its row in its own file */
extern const struct cr_obj_ops cr_vdso_ops, cr_cred_ops, cr_pipe_ops,
	cr_sock_ops, cr_pty_ops, cr_shm_ops, cr_file_ops, cr_sockq_ops, cr_files_ops,
	cr_fs_ops, cr_sighand_ops, cr_mm_ops, cr_proc_ops, cr_thread_ops,
	cr_msgq_ops, cr_semset_ops, cr_auto_ops;

/* The row of a record type; NULL: no object is declared by it */
const struct cr_obj_ops *cr_obj_ops_of(u32 rec);

/**
 * cr_obj_add() - note that the job holds an object
 * @s: the save
 * @type: enum cr_obj_type
 * @ptr: the object; the caller holds it somehow for the duration of the call
 * @holder: the task through which it was found
 * @refs: how many references this finding accounts for (0 or 1)
 *
 * Finds or makes the entry and, if it is new, calls the type's collect.
 * Context: may sleep.
 * Return: the entry, or NULL without memory (s->err is set)
 */
struct cr_obj *cr_obj_add(struct cr_save *s, enum cr_obj_type type, void *ptr,
			  struct task_struct *holder, u32 refs);
struct cr_obj *cr_obj_find(struct cr_save *s, enum cr_obj_type type, void *ptr);
/* Id in the image of an object that is already written; 0 for ptr == NULL */
u32 cr_obj_id(struct cr_save *s, enum cr_obj_type type, void *ptr);
/* Write the record that declares @obj; gives it its id */
void cr_write_obj(struct cr_save *s, struct cr_obj *obj, void *rec, size_t size,
		  const void *tail, size_t tail_len);
/* Write a detail record of @obj */
void cr_write_detail(struct cr_save *s, struct cr_obj *obj, u32 type, void *rec,
		     size_t size, const void *tail, size_t tail_len);
void cr_objs_init(struct cr_save *s);
void cr_objs_exit(struct cr_save *s);

/**
 * cr_objs_restore() - make the objects that tasks share
 * @r: the restart; the records are checked
 *
 * In the order of ids: what an object refers to is there before it. Context: a
 * task whose names are those of the job: the caller of execve(), or the init of
 * a private pid namespace, which sees its own /proc.
 * Return: 0 or -errno; what has been made is dropped with @r
 */
int __must_check cr_objs_restore(struct cr_restart *r);
/* All tasks are there and none of them runs: see cr_obj_ops.link */
void cr_objs_link(struct cr_restart *r);
/* The last step before the commit that can fail: see cr_obj_ops.finish */
int __must_check cr_objs_finish(struct cr_restart *r);
/* The restart has failed: see cr_obj_ops.undo; the last first */
void cr_objs_undo(struct cr_restart *r);
/* Drop what has been made, the last first */
void cr_objs_drop(struct cr_restart *r);

/* ---- saving: kernel/cr_save.c ---- */

/**
 * struct cr_pending - signals of a queue, at one moment
 * @mask: all of them
 * @nr: entries of the queue, in order; more than @max: there was no room
 * @max: room in @infos
 * @infos: what they say (kvmalloc)
 */
struct cr_pending {
	u64 mask;
	unsigned int nr;
	unsigned int max;
	struct kernel_siginfo *infos;
};

/**
 * struct cr_thread - a thread while it is isolated and saved
 * @list: in cr_proc.threads; the thread group leader is first
 * @task: holds a reference
 * @proc: its process
 * @stop: why and how it stands still; kernel/cr_isolate.c
 * @pending: its own signals; kernel/cr_signal.c
 */
struct cr_stop;
struct cr_auto_job;
struct cr_thread {
	struct list_head list;
	struct task_struct *task;
	struct cr_proc *proc;
	struct cr_stop *stop;
	struct cr_pending pending;
};

/**
 * struct cr_proc - a process while it is saved
 * @list: in cr_save.procs, parents before children, the leader first
 * @task: thread group leader; holds a reference
 * @parent: NULL for the job's leader
 * @threads: of struct cr_thread; empty for a zombie
 * @zombie: it has exited and waits to be waited for
 * @headless: @task has exited, and is not among @threads, which live on
 * @pending: signals of the process
 * @itimers, @nr_itimers: interval timers that run
 * @timers: those of timer_create() (kvmalloc), @nr_timers of them; more than
 *	@max_timers: there was no room
 * @next_timer: id that the next one would get
 * @stop_signal, @stop_flags: as in its record
 * @settings: of automatic images, which the object table holds; NULL: none of its own
 */
struct cr_proc {
	struct list_head list;
	struct task_struct *task;
	struct cr_proc *parent;
	struct list_head threads;
	u32 nr_threads;
	bool zombie;
	bool headless;
	struct cr_pending pending;
	u64 satisfied;
	struct cr_rec_itimer itimers[CR_NR_ITIMERS];
	unsigned int nr_itimers;
	struct cr_rec_timer *timers;
	unsigned int nr_timers;
	unsigned int max_timers;
	u32 next_timer;
	u32 stop_signal;
	u32 stop_flags;
	struct cr_auto_job *settings;
};

/* A run of memory that has been written to the file: what PAGES records say */
struct cr_run {
	u32 id;			/* of the MM or SHM */
	u32 method;		/* enum cr_pages_method */
	u64 addr;
	u32 len;
	u32 stored;
	u64 offset;
	u64 xxh64;
	u32 prot;		/* CR_PROT_* of its mapping, for PT_LOAD */
};

/* Memory that debuggers begin with; whole pages */
struct cr_shown {
	u64 start;
	u64 end;
};

/**
 * struct cr_save - one save, from collect to the last byte
 * @log: reasons, for the one who asked
 * @err: the first error
 * @blockers: number of refusals
 * @still: the job stands still: what is seen cannot change
 * @outside: all is collected, and compared with the kernel's counts
 * @scanning: net/unix: queues of sockets are being looked at
 * @until: in jiffies: so long a collect waits for locks of memory
 * @leader: the job's root process
 * @claim: in the list of jobs that are being saved; kernel/cr_claim.c
 * @looks: it only looks, and isolates nothing
 * @kept: its parent is a keeper
 * @cause: the signal that it is saved for; NULL: somebody has asked for it
 * @pid_ns: the pid namespace whose numbers the image holds
 * @procs: of struct cr_proc
 * @objs: per type, of struct cr_obj
 * @hash: all of them
 * @w: the record stream
 * @vdso: bytes of the vdso, for debuggers: they are in @w at @vdso_at, and the
 *	leader has them at @vdso_addr, which is 0 if it has none
 * @exe_at: the first page of the leader's executable, for debuggers: where it is in
 *	the file, 0: nowhere; the leader has it at @exe_addr, with @exe_prot
 * @shown: memory of the leader that is stored raw whatever lies around it; @nr_shown
 *	pieces, apart and ascending (kvmalloc)
 * @out: the image file
 * @pos: where the next bytes go; page aligned between runs
 * @runs: what is written of memory, grows (kvmalloc)
 * @memory: bytes of memory written, uncompressed
 * @realtime_ns, @monotonic_ns, @boottime_ns: the moment of saving
 */
struct cr_cause;
struct cr_save {
	struct cr_log log;
	int err;
	unsigned int blockers;
	bool still;
	bool outside;
	bool scanning;
	unsigned long until;
	struct task_struct *leader;
	struct list_head claim;
	bool looks;
	bool kept;
	const struct cr_cause *cause;
	struct pid_namespace *pid_ns;
	struct list_head procs;
	u32 nr_procs;
	u32 nr_threads;
	u64 memory_estimate;
	struct list_head objs[CR_NR_OBJ_TYPES];
	DECLARE_HASHTABLE(hash, 10);
	u32 nr_objs;
	struct cr_writer w;
	u64 vdso_addr;
	size_t vdso_at;
	size_t vdso;
	u64 exe_at;
	u64 exe_addr;
	u32 exe_prot;
	struct cr_shown *shown;
	size_t nr_shown;
	struct file *out;
	loff_t pos;
	struct cr_run *runs;
	size_t nr_runs;
	size_t max_runs;
	u64 memory;
	u64 realtime_ns;
	u64 monotonic_ns;
	u64 boottime_ns;
};

/**
 * cr_refuse() - note a blocker: something that this job holds cannot be saved
 * @s: the save; its err becomes -EOPNOTSUPP unless set already
 * @task: who holds it
 * @code: stable code: "CR-EFD", "CR-EVMA", ...; Documentation/blockers.rst
 * @fmt: object and reason: "fd 7: eventfd: not supported yet"
 *
 * Goes on, so that all blockers are found in one go. Makes the line
 * "pid 412 (nginx): fd 7: ... [CR-EFD]".
 */
__printf(4, 5) void cr_refuse(struct cr_save *s, struct task_struct *task,
			      const char *code, const char *fmt, ...);
/* Note an error that is not a blocker (ENOMEM, EIO, EPERM); Return: err */
int cr_fail(struct cr_save *s, int err);
/* A task that stood still is gone: -EINTR */
int cr_fail_killed(struct cr_save *s, struct task_struct *task);

/* Write bytes to the image file at s->pos and advance; sets s->err */
int cr_out(struct cr_save *s, const void *buf, size_t len);
/* Advance s->pos to a multiple of the page size */
void cr_out_align(struct cr_save *s);

/* kernel/cr_core.c: the leader as the kernel's own core dump would write it */
int cr_core_notes_save(struct cr_save *s, u64 *offset, u64 *size);

/* mm/cr_pages.c: write the memory of all MM and SHM objects to the file, fill
 * in s->runs, sorted by (id, addr). Runs after all records but PAGES are
 * written. */
int cr_pages_save(struct cr_save *s);
int cr_run_add(struct cr_save *s, const struct cr_run *run);

/* ---- restart: fs/binfmt_cr.c ---- */

struct cr_rtask;
struct cr_share;

/* Where a restart stands; tasks wait for it to leave CR_BUILDING */
enum cr_phase {
	CR_BUILDING,
	CR_COMMITTED,
	CR_ABORTED,
};

/**
 * struct cr_restart - one restart
 * @log: the reason of a failure
 * @ref: the loader's, and one for each task until it has left its park
 * @img: the records, checked
 * @records: the stream that @img points into
 * @file: the image
 * @caller: who calls execve(); valid until the commit
 * @objs: [id] what restore has made: struct file * for FILE and SHM, ...; MM:
 *	address where threads leave the vdso of another kernel
 * @rlim_max: the caller's hard limits
 * @rtasks: the task builder's, one for each task; kernel/cr_task.c
 * @nr_rtasks: their number
 * @rtask_nrs: processes of @rtasks by their number in the image
 * @shares: [id] of an MM, SIGHAND, FILES, FS: who restores it; kernel/cr_share.c
 * @wait: everybody waits here for @parked, @phase and @err
 * @parked: tasks that are complete
 * @phase: enum cr_phase; written by the loader only
 * @err: the first error of any task; the others give up when they see it
 * @leader: the job's leader among @rtasks
 * @in_place: the caller becomes the leader; kernel/cr_inplace.c
 * @finish: in place: what is left when the caller has become the leader
 * @own_pidns: the job gets a pid namespace of its own, with an init
 * @truncate: files=truncate: output is cut to the length it had
 * @start_stopped: start=stopped: all processes are stopped by job control
 * @segments: System V segments; ipc/cr_shmid.c
 * @ipcids: System V message queues and semaphore sets; ipc/cr_ipcid.c
 * @removed: who makes a directory that was removed, under its name; fs/cr_fs.c
 * @sysvsem: in place: undo list of the leader until the caller is it;
 *	ipc/cr_semundo.c
 */
struct cr_restart {
	struct cr_log log;
	struct kref ref;
	struct cr_image img;
	void *records;
	struct file *file;
	struct task_struct *caller;
	void **objs;
	u64 rlim_max[RLIM_NLIMITS];
	struct cr_rtask *rtasks;
	u32 nr_rtasks;
	struct xarray rtask_nrs;
	struct cr_share *shares;
	wait_queue_head_t wait;
	atomic_t parked;
	enum cr_phase phase;
	int err;
	struct cr_rtask *leader;
	struct work_struct finish;
	bool in_place;
	bool own_pidns;
	bool truncate;
	bool start_stopped;
	struct list_head segments;
	struct list_head ipcids;
	struct mutex removed;
	struct sysv_sem sysvsem;
};

static inline void cr_restart_set(struct cr_restart *r, u32 id, void *ptr)
{
	r->objs[id] = ptr;
}

static inline void *cr_restart_get(struct cr_restart *r, u32 id)
{
	return r->objs[id];
}

/*
 * The pid of the task that has number @nr in the image, or of its process
 * group; holds a reference. NULL: there is none, or it is not there yet
 */
struct pid *cr_restart_pid(struct cr_restart *r, u32 nr, enum pid_type type);
/* The same of a process only, without looking at all of them */
struct pid *cr_restart_tgid(struct cr_restart *r, u32 nr);
/* The pid namespace of the job's leader; holds a reference. NULL: it has been killed */
struct pid_namespace *cr_restart_pid_ns(struct cr_restart *r);

/*
 * What a task restores of itself, in its own context, before it parks; id is
 * that of the object in the image. Each says its reason in r->log.
 */
/* The mm is empty when it runs: every mapping, its pages, the mm's fields */
int __must_check cr_mm_restore(struct cr_restart *r, u32 id);
/* The descriptor table is its own; what it has inherited is closed first */
int __must_check cr_files_restore(struct cr_restart *r, u32 id);
/* Another process, which has ended, has restored the table that current has */
int __must_check cr_files_adopt(struct cr_restart *r, u32 id);
int __must_check cr_fs_restore(struct cr_restart *r, u32 id);
int __must_check cr_sighand_restore(struct cr_restart *r, u32 id);

/*
 * Fill the pages of @id: an MM (current's) or a SHM (@shm, its file). Runs whose
 * bit in @taken is set are there already; NULL: none
 */
int __must_check cr_pages_restore(struct cr_restart *r, u32 id,
				  struct file *shm, const unsigned long *taken);

/* ---- modules of the whole, in the order of init; exit is the reverse ---- */
int cr_device_init(void);
/* Of /dev/crimg */
dev_t cr_device_number(void);
void cr_device_exit(void);

#endif /* _LINUX_CR_H */
