/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An image as a file system: what it has of each process, in the shape that
 * /proc has for one that lives.
 */
#ifndef MKCRIMG_MOUNT_H
#define MKCRIMG_MOUNT_H

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include "image.h"

/**
 * struct mount_task - a process, or a thread
 * @nr: its pid or tid
 * @proc: id of the PROC
 * @thread: id of the THREAD; of a process the first that lives; 0: zombie
 */
struct mount_task {
	u32 nr;
	u32 proc;
	u32 thread;
};

/**
 * struct mount - a mounted image. Nothing in it changes but what @lock is for
 * @img: the image
 * @procs, @nr_procs: processes, by number
 * @threads, @nr_threads: threads of all of them, by number
 * @elf: for struct core_plan, so that a core is the same each time that it is
 *	opened, and no file is looked at while the kernel looks up a name here
 * @lock: of @core_sizes
 * @core_sizes: for each of @procs; 0: not known yet
 */
struct mount {
	struct image img;
	struct mount_task *procs;
	size_t nr_procs;
	struct mount_task *threads;
	size_t nr_threads;
	bool *elf;
	pthread_mutex_t lock;
	u64 *core_sizes;
};

/* ---- mount_tree.c: what is where ---- */

enum node_what {
	NODE_ROOT,		/* processes */
	NODE_PROCESS,
	NODE_TASKS,		/* threads of a process */
	NODE_THREAD,
	NODE_FDS,
	NODE_FDINFOS,
	NODE_FD,		/* a link */
	NODE_FDINFO,
	NODE_LINK,
	NODE_TEXT,
	NODE_MEM,
	NODE_CMDLINE,
	NODE_ENVIRON,
	NODE_CORE,
};

/**
 * struct node - what a path leads to
 * @what: enum node_what
 * @mode: of the inode
 * @task: whose; NULL: NODE_ROOT
 * @text: NODE_TEXT, NODE_FDINFO: writes it
 * @link: NODE_LINK, NODE_FD: writes where it leads
 * @fd: NODE_FD, NODE_FDINFO
 */
struct node {
	enum node_what what;
	mode_t mode;
	const struct mount_task *task;
	void (*text)(FILE *out, const struct mount *m, const struct node *node);
	void (*link)(FILE *out, const struct mount *m, const struct node *node);
	struct cr_rec_fd fd;
};

/* Find out who is there; value: 0, or ST_FAILED after one line that says why */
int mount_begin(struct mount *m, const char *path);
void mount_end(struct mount *m);

/* What an absolute path leads to; false: nothing */
bool node_find(const struct mount *m, const char *path, struct node *node);

/* Tell @add of all that is in a directory; it ends when that says false */
void node_list(const struct mount *m, const struct node *dir,
	       bool (*add)(void *arg, const char *name, mode_t mode),
	       void *arg);

/* ---- mount_file.c: files that are open ---- */

struct handle;

/* Value: 0 or an errno */
int handle_open(struct handle **h, struct mount *m, const struct node *node);
void handle_close(struct handle *h);
/* Value: how many bytes, or -errno */
ssize_t handle_read(struct handle *h, void *buf, size_t len, u64 offset);

/* ---- mount_core.c ---- */

struct core_reader;

/* Value: 0 or an errno */
int core_reader_open(struct core_reader **r, struct mount *m,
		     const struct mount_task *task);
void core_reader_close(struct core_reader *r);
ssize_t core_reader_read(struct core_reader *r, void *buf, size_t len,
			 u64 offset);
/* Size of a core; 0: it cannot be made */
u64 core_size(struct mount *m, const struct mount_task *task);

/* ---- mount_text.c, mount_status.c: what is in them, and where links lead ---- */

/* Longer texts are not made: a file of a long name may be mapped a million times */
#define TEXT_MAX	(256l << 20)

void text_auxv(FILE *out, const struct mount *m, const struct node *node);
void text_comm(FILE *out, const struct mount *m, const struct node *node);
void text_coredump_filter(FILE *out, const struct mount *m,
			  const struct node *node);
void text_fdinfo(FILE *out, const struct mount *m, const struct node *node);
void text_limits(FILE *out, const struct mount *m, const struct node *node);
void text_maps(FILE *out, const struct mount *m, const struct node *node);
void text_oom_score_adj(FILE *out, const struct mount *m,
			const struct node *node);
void text_status(FILE *out, const struct mount *m, const struct node *node);

void link_cwd(FILE *out, const struct mount *m, const struct node *node);
void link_exe(FILE *out, const struct mount *m, const struct node *node);
void link_fd(FILE *out, const struct mount *m, const struct node *node);
void link_root(FILE *out, const struct mount *m, const struct node *node);

/* The name of a task, which a zombie has, too */
const char *task_name(const struct mount *m, const struct mount_task *task,
		      char name[CR_COMM_LEN]);

/* The records of a task that has a thread */
void task_thread(const struct mount *m, const struct mount_task *task,
		 struct cr_rec_thread *rec);

#endif
