/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Open files: what fs/cr_*.c, drivers/tty/cr_tty.c and the memory code know of
 * each other.
 */
#ifndef _LINUX_CR_FILE_H
#define _LINUX_CR_FILE_H

#include <linux/fs.h>
#include <linux/path.h>
#include <linux/string.h>
#include <linux/cr.h>

/* A name, for "%*pE": it comes from a user or from an image */
#define CR_NAME(name)	(int)strlen(name), (name)

/* What is saved of an open file's flags: see cr_rec_file.open_flags */
#define CR_OPEN_FLAGS	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT |	\
			 O_NOATIME | O_LARGEFILE | O_SYNC | O_DSYNC |	\
			 O_DIRECTORY | O_NOFOLLOW)

/**
 * struct cr_file_type - a row of the table of file kinds: fs/cr_file.c
 * @kind: enum cr_file_kind: the row that restores it
 * @flags_lost: open flags that are allowed, but mean nothing any more
 * @match: saving: is it such a file? May be called under mmap_lock
 * @collect: saving: a descriptor leads to it: refuse it, or cr_obj_add() what
 *	it leads to; the job may run. May be NULL
 * @outside: saving: all is collected: find its name, see who else holds it.
 *	May be NULL
 * @save: saving: fill in what the kind alone knows; the rest of the record is
 *	set. Return: the tail, which belongs to @obj; NULL: s->err is set
 * @details: saving: write the details behind the record. May be NULL
 * @restore: restart: a new reference, or ERR_PTR() with the reason in r->log
 * @finish: restart: see cr_obj_ops.finish. May be NULL
 */
struct cr_file_type {
	u32 kind;
	u32 flags_lost;
	bool (*match)(struct file *file);
	void (*collect)(struct cr_save *s, struct cr_obj *obj);
	void (*outside)(struct cr_save *s, struct cr_obj *obj);
	const char *(*save)(struct cr_save *s, struct cr_obj *obj,
			    struct cr_rec_file *rec);
	void (*details)(struct cr_save *s, struct cr_obj *obj);
	struct file *(*restore)(struct cr_restart *r,
				const struct cr_rec_file *rec,
				const char *name);
	int (*finish)(struct cr_restart *r, const struct cr_rec_file *rec,
		      struct file *file);
};

struct cr_names;

extern const struct cr_file_type cr_unlinked_file, cr_reg_file, cr_dir_file,
	cr_chr_file, cr_pipe_file, cr_fifo_file, cr_tty_file,
	cr_pty_master_file, cr_pty_slave_file, cr_pty_hungup_file,
	cr_unix_file, cr_opath_file, cr_eventfd_file, cr_timerfd_file,
	cr_signalfd_file, cr_epoll_file, cr_inotify_file, cr_pidfd_file,
	cr_procfile_file;

/**
 * struct cr_file_info - cr_obj.aux of a FILE, while it is saved
 * @type: its kind; NULL: none, it is refused
 * @name: path as the job sees it, or what it is; NULL until type->outside
 * @where: for messages: "fd 7", "in flight in socket:[12]", "mapped"
 * @mapped: a mapping, or /proc/PID/exe, leads to it
 * @apart: no mapping of another opening of the same file becomes one of this
 * @table, @table_fd: epoll: the FILES, and the descriptor in it, that accounts
 *	for its entries; NULL: none yet
 * @saved: epoll: its entries are written
 * @lease: its lease; NULL: none, or the FILE is not written yet
 */
struct cr_file_info {
	const struct cr_file_type *type;
	char *name;
	char where[48];
	bool mapped;
	bool apart;
	const struct cr_obj *table;
	unsigned int table_fd;
	bool saved;
	struct cr_rec_lease *lease;
};

static inline struct cr_file_info *cr_file_info(const struct cr_obj *obj)
{
	return obj->aux;
}

/* Where it was found, for messages; not of one that is only mapped */
static inline const char *cr_file_where(const struct cr_obj *obj)
{
	return cr_file_info(obj)->where;
}

/* No descriptor leads to it, but a message takes it along */
static inline bool cr_file_in_flight(const struct cr_obj *obj)
{
	return obj->fd == CR_FD_IN_FLIGHT;
}

/* ---- fs/cr_file.c ---- */

/**
 * cr_file_collect() - note an open file that a descriptor leads to
 * @s: the save
 * @file: the caller holds a reference
 * @holder: a task that has the descriptor
 * @fd: the descriptor
 */
void cr_file_collect(struct cr_save *s, struct file *file,
		     struct task_struct *holder, int fd);

/**
 * cr_file_collect_flight() - note an open file that a message takes along
 * @s: the save
 * @file: the caller holds a reference
 * @holder: a task that the socket was found through
 * @ino: of the socket in whose queue it is; 0: it waits to be accepted
 *
 * Context: may sleep.
 */
void cr_file_collect_flight(struct cr_save *s, struct file *file,
			    struct task_struct *holder, unsigned long ino);

/**
 * cr_file_collect_mapped() - note a file that is mapped
 * @s: the save
 * @file: a vm_file or an exe_file; the caller holds it
 * @holder: a task that has the mapping
 * @flags: CR_FILE_MAPPED, CR_FILE_EXE; one that no name leads to may only be
 *	the executable
 *
 * Files that were opened several times, but are mapped only, become one object
 * for each inode, mount and access mode.
 *
 * Context: may sleep; may be called under mmap_lock.
 * Return: the object, or NULL without memory (s->err is set)
 */
struct cr_obj *cr_file_collect_mapped(struct cr_save *s, struct file *file,
				      struct task_struct *holder, u32 flags);
/* Id in the image of a file that was given to cr_file_collect_mapped() */
u32 cr_file_mapped_id(struct cr_save *s, struct file *file);

/* Refuse a file: "fd 3: NAME: WHY", "in flight in ...", "mapped file NAME: WHY" */
void cr_file_refuse(struct cr_save *s, struct cr_obj *obj, const char *why);

/**
 * cr_file_is_shared() - does somebody outside the job hold this description?
 * @s: the saver
 * @obj: the FILE; all is collected
 *
 * When the job stands still, nobody does but its descriptors and messages, and the
 * table of objects. Who looks into /proc/PID/fd holds it, too, but lets go. In a
 * job that runs, whoever waits in poll() or, with other threads, in read() holds
 * it, for as long as that takes: then only descriptors of others tell. Context:
 * sleeps.
 */
bool cr_file_is_shared(struct cr_save *s, const struct cr_obj *obj);

/* Drop a reference; the last one closes the file before it returns */
void cr_file_put(struct file *file);

/* As F_SETFL does it, but for any of its flags */
static inline void cr_file_set_flags(struct file *file, unsigned int clear,
				     unsigned int set)
{
	spin_lock(&file->f_lock);
	file->f_flags = (file->f_flags & ~clear) | set;
	spin_unlock(&file->f_lock);
}

/* The inode that the user has opened: not an overlay's backing inode */
static inline struct inode *cr_file_inode(const struct file *file)
{
	return d_inode(file_user_path(file)->dentry);
}

/* ---- fs/cr_file_name.c: names ---- */

/**
 * cr_name_remove() - as unlink() or rmdir(): what a restart has made for a moment
 * @name: as open() would take it
 * @dir: a directory
 *
 * Tries again when there is no memory: nothing of a restart may stay behind.
 * Context: may sleep.
 * Return: 0 or -errno
 */
int cr_name_remove(const char *name, bool dir);

/* ---- fs/cr_reg.c ---- */

/*
 * A saved name does not lead to what it led to: nothing is there, what was a
 * directory is none, what was none is a symbolic link. -ESTALE for these.
 */
static inline int cr_name_err(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ELOOP ? -ESTALE :
								    err;
}

/* cr_file_type.outside and .save of what is opened by its name again */
void cr_named_outside(struct cr_save *s, struct cr_obj *obj);
const char *cr_named_save(struct cr_save *s, struct cr_obj *obj,
			  struct cr_rec_file *rec);
/* Open it with the caller's rights. ERR_PTR() with the reason in r->log */
struct file *cr_named_restore(struct cr_restart *r,
			      const struct cr_rec_file *rec, const char *name);

/* Set its position. 0 or -errno with the reason in r->log */
int __must_check cr_named_seek(struct cr_restart *r,
			       const struct cr_rec_file *rec, struct file *file,
			       const char *name);

/**
 * cr_files_truncate() - cut output that has grown since the save
 * @r: all its tasks are built and stand still
 *
 * Every regular file with a name that the job has open for writing, or mapped
 * so. The last step before the commit: what is cut is lost.
 * Return: 0; or -errno with the reason in r->log: if it is known before, nothing
 *	has been cut
 */
int __must_check cr_files_truncate(struct cr_restart *r);

/* Is it a file system whose files are data, not windows into the kernel? */
bool cr_fs_keeps_data(const struct super_block *sb);

/* ---- fs/cr_content.c ---- */

/* Is it a regular file of a file system that has lost all of its names? */
bool cr_file_is_unlinked(const struct file *file);
/* Where its mappings are found: an overlay's file is mapped by its layer's */
struct address_space *cr_file_mapping(const struct file *file);
/* Saving: can a process outside the job reach this SHM, and see it change? */
bool cr_content_shared(struct cr_save *s, const struct cr_obj *obj);
/* Saving: fill in the record of a SHM of kind FILE and open its reader */
int cr_content_save(struct cr_save *s, struct cr_obj *obj,
		    struct cr_rec_shm *rec);
/*
 * Saving: what is open for the image is closed. It is gone when the saver is back
 * in user mode, and then is not taken for somebody else's by the next image
 */
void cr_content_close(struct cr_save *s);
/*
 * Restart: an empty file of the right size, open for reading and writing, or
 * ERR_PTR(); its mode and time, once it is filled. The reason is in r->log
 */
struct file *cr_content_create(struct cr_restart *r,
			       const struct cr_rec_shm *rec, const char *name);
/* As ftruncate(); beyond the limit of file sizes without its signal */
int __must_check cr_content_resize(struct cr_restart *r, struct file *file,
				   loff_t size, const char *name);
int __must_check cr_content_finish(struct cr_restart *r,
				   const struct cr_rec_shm *rec,
				   struct file *file, const char *name);

/* ---- fs/cr_unlinked.c ---- */

/*
 * cr_file_type.restore of an open file on the SHM that @rec->obj is: a new
 * description of what has been restored for it
 */
struct file *cr_unlinked_restore(struct cr_restart *r,
				 const struct cr_rec_file *rec,
				 const char *name);

/* ---- fs/cr_carried.c ---- */

/**
 * cr_carried_collect() - the image shall carry the files that are mapped
 * @s: the job stands still, all is collected
 *
 * Return: 0, or s->err
 */
int cr_carried_collect(struct cr_save *s);
/* The SHM that is the copy of a FILE; NULL: it is not carried */
struct cr_obj *cr_carried_find(struct cr_save *s, const struct cr_obj *file);
/* Write the record of a SHM that is carried, and open its reader */
void cr_carried_save(struct cr_save *s, struct cr_obj *obj);
/* All is written: is what is carried still what it was? 0, or s->err */
int cr_carried_verify(struct cr_save *s);
/* Restart: is the file of that name here the one that was saved? */
int cr_carried_is_here(const struct cr_rec_file *rec, const char *name);
/* cr_file_type.restore: a file made of the copy */
struct file *cr_carried_restore(struct cr_restart *r,
				const struct cr_rec_file *rec,
				const char *name);

/* ---- fs/cr_file_name.c ---- */

/**
 * cr_path_name() - name a path as the job sees it
 * @s: the save
 * @opened: the path; the caller holds it
 * @why: set to the reason why the name is for messages only, or to NULL: the
 *	name leads to the same file or directory
 *
 * Names are those that the saver sees, if it shares the mount namespace with
 * the job's leader, else those that the leader sees.
 *
 * Context: may sleep, looks the name up; no locks held.
 * Return: the name, to be kfree()d; NULL without memory (s->err is set)
 */
char *cr_path_name(struct cr_save *s, const struct path *opened,
		   const char **why);

/**
 * cr_names_begin() - prepare to look for names of inodes
 * @s: the save
 *
 * Context: may sleep; no locks held. Return: for cr_inode_name(), ended by
 * cr_names_end(); NULL: s->err is set
 */
struct cr_names *cr_names_begin(struct cr_save *s);
void cr_names_end(struct cr_names *names);
/* As cr_path_name(), of an inode that a path is looked for */
char *cr_inode_name(struct cr_save *s, struct cr_names *names,
		    struct inode *inode, const char **why);

/* What to call a file: its path, or what it is if not @known; may use @buf */
const char *cr_file_describe(struct file *file, bool known, char *buf,
			     size_t size);

/* ---- fs/cr_outside.c ---- */

/* cr_file_type.restore: find a file of the restarter that takes its place */
struct file *cr_outside_restore(struct cr_restart *r,
				const struct cr_rec_file *rec,
				const char *name);
/**
 * cr_outside_get() - the restarter's file for a descriptor of the job's leader
 * @rec: a FILE of kind OUTSIDE
 * @fd: number of the descriptor
 *
 * Context: the caller of execve(), as all restoring of files.
 * Return: its descriptor of the same number, with a reference, if it can take
 *	the place; NULL otherwise
 */
struct file *cr_outside_get(const struct cr_rec_file *rec, unsigned int fd);

/* ---- fs/cr_pipe.c ---- */

/**
 * cr_pipes_settle() - close the ends of pipes that the job does not have
 * @r: all its FILE objects are restored
 *
 * Before anybody of the job runs: so that a reader finds EOF, a writer EPIPE.
 * Context: may sleep; once for each restart
 */
void cr_pipes_settle(struct cr_restart *r);

/* Saving, a PIPE: has a process outside the job an end? Before it is saved */
bool cr_pipe_is_outside(const struct cr_obj *pipe);
/* Saving: it is a FIFO of this name */
void cr_pipe_set_name(struct cr_save *s, struct cr_obj *pipe, const char *name);
/*
 * Restart: @file is one of the job's openings of PIPE @id, a FIFO. False: it is
 * of another one
 */
bool cr_pipe_take(struct cr_restart *r, u32 id, const struct file *file);

/* ---- fs/cr_fifo.c ---- */

/*
 * Restart: open a FIFO that nobody has open, for reading and writing, not
 * blocking. ERR_PTR() with the reason in r->log
 */
struct file *cr_fifo_open(struct cr_restart *r, const char *name);

/* ---- fs/cr_files.c ---- */

/**
 * cr_share_check() - refuse what is shared with a process outside the job
 * @s: the save; all is collected
 * @obj: a FILES, FS or SIGHAND
 * @of: returns what a thread uses; under rcu_read_lock()
 * @users: the kernel's count of its users
 */
void cr_share_check(struct cr_save *s, struct cr_obj *obj,
		    void *(*of)(struct task_struct *task), u32 users);

/* ---- fs/cr_owner.c ---- */

/* A process or a task. 1: of the job; 0: not; -ESRCH: it is gone */
int cr_pid_is_inside(struct cr_save *s, struct pid *pid, enum pid_type type);
/* Refuse an owner for signals that is not supported; when all is collected */
void cr_owner_outside(struct cr_save *s, struct cr_obj *obj);
/* Fill in its owner; @rec->kind is final */
void cr_owner_save(struct cr_save *s, struct cr_obj *obj,
		   struct cr_rec_file *rec);
/* Set the owners of all open files, when all tasks are there */
int __must_check cr_owners_restore(struct cr_restart *r);

/* ---- fs/cr_lease.c ---- */

/* Was a lease taken through it? */
bool cr_file_has_lease(struct file *file);
/* Refuse a lease that is not supported; when all is collected */
void cr_lease_outside(struct cr_save *s, struct cr_obj *obj);
/* Note the lease of a FILE, if it has one; write the detail */
void cr_lease_save(struct cr_save *s, struct cr_obj *obj,
		   struct cr_rec_file *rec);
void cr_lease_write(struct cr_save *s, struct cr_obj *obj);
/*
 * Take the leases of all open files, by the caller, when they have their owners
 * for signals. 0; -EBUSY somebody else has the file open
 */
int __must_check cr_leases_restore(struct cr_restart *r);

/* ---- fs/cr_lock.c ---- */

/* Refuse what is not supported of the locks of a FILE */
void cr_file_locks_collect(struct cr_save *s, struct cr_obj *obj);
/* Was a lock taken through it? */
bool cr_file_is_locked(struct file *file);
/* Refuse what is not supported of the locks of what is only mapped */
void cr_mapped_locks_outside(struct cr_save *s, struct cr_obj *obj);
/* The others: CR_FILE_FLOCK_*; and taking them, of what was just opened */
u32 cr_mapped_lock_flags(struct file *file);
int __must_check cr_mapped_lock_restore(struct cr_restart *r,
					const struct cr_rec_file *rec,
					struct file *file, const char *name);
/**
 * cr_locks_save() - write the LOCK details that a descriptor accounts for
 * @s: the save
 * @files: the table
 * @file: the open file behind it
 * @fd: the descriptor
 *
 * Return: their number; cr_locks_count() has said it before
 */
u32 cr_locks_save(struct cr_save *s, struct cr_obj *files, struct file *file,
		  unsigned int fd);
u32 cr_locks_count(struct cr_save *s, const struct cr_obj *files,
		   struct file *file, unsigned int fd);
/* In a process whose table is complete. 0; -EBUSY somebody else has it */
int __must_check cr_lock_restore(struct cr_restart *r,
				 const struct cr_rec_lock *rec);
/*
 * The POSIX locks of current's table, which another process has filled, are
 * current's: F_GETLK tells its pid from now on
 */
void cr_locks_adopt(void);

/* ---- fs/cr_eventpoll.c ---- */

/**
 * cr_epitems_save() - write the EPITEM details that a descriptor accounts for
 * @s: the save
 * @files: the table
 * @file: the open file behind it
 * @fd: the descriptor
 *
 * Return: their number; the sum over the table is that of cr_epitems_count(),
 *	which comes first
 */
u32 cr_epitems_save(struct cr_save *s, struct cr_obj *files, struct file *file,
		    unsigned int fd);
u32 cr_epitems_count(struct cr_save *s, struct cr_obj *files, struct file *file,
		     unsigned int fd);

/* The file of FILE @id that an entry for descriptor @fd watches; not counted */
typedef struct file *(*cr_epoll_target_fn)(struct cr_restart *r,
					   const void *table, unsigned int fd,
					   u32 id);
/**
 * cr_epitems_restore() - add the entries of the epolls that a table accounts for
 * @r: the restart
 * @it: at the first EPITEM of the FILES, behind which there are only others
 * @target: see there
 * @table: for it
 *
 * Context: a process of the job with memory; its descriptor table is empty, and
 * the limit of open files above any number.
 */
int __must_check cr_epitems_restore(struct cr_restart *r,
				    struct cr_detail_iter *it,
				    cr_epoll_target_fn target,
				    const void *table);
/*
 * Another process has added them: add those for signalfds, which are watched for
 * the process that adds them, again for current. @it: as above
 */
int __must_check cr_epitems_adopt(struct cr_restart *r,
				  struct cr_detail_iter *it);

/* ---- net/unix/cr_scm.c ---- */

/*
 * Put an open file in the place of FILE @id, wherever that is in flight; neither
 * of them is a socket. -EINTR: killed
 */
int __must_check cr_scm_replace_file(struct cr_restart *r, u32 id,
				     struct file *to);

/* ---- drivers/tty/cr_tty.c ---- */

struct tty_struct;

/* The other side of a pseudo-terminal is no terminal, but looks like one */
bool cr_tty_is_master(struct file *file);
/* The terminal behind a file; NULL: it is none. Also when it was hung up */
struct tty_struct *cr_tty_of(struct file *file);
/* cr_file_type.outside and .save of a terminal outside the job */
void cr_tty_outside(struct cr_save *s, struct cr_obj *obj);
const char *cr_tty_save(struct cr_save *s, struct cr_obj *obj,
			struct cr_rec_file *rec);

/* ---- drivers/tty/cr_pty.c ---- */

/* Saving: the slave of a pseudo-terminal whose master is in the job? */
bool cr_pty_is_inside(struct cr_save *s, const struct tty_struct *tty);

#endif /* _LINUX_CR_FILE_H */
