/* SPDX-License-Identifier: GPL-2.0 */
/* Jobs that are to be saved by themselves: between those who want it and the saver */
#ifndef _KERNEL_CR_AUTO_REQUEST_H
#define _KERNEL_CR_AUTO_REQUEST_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/path.h>
#include <linux/resource.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>

struct cr_isolate;
struct nsproxy;

/**
 * struct cr_request - a job that is to be saved
 * @list: in requests
 * @ref: the saver's, the list's until it is done, and one for each who waits
 * @work: creates the saver
 * @leader: of the job; holds a reference
 * @cause: why
 * @ns: namespaces of the saver
 * @root: of the job
 * @pwd: of the job
 * @file_size: RLIMIT_FSIZE
 * @uid: whose saver it is
 * @pattern: of the name (kmalloc)
 * @report: why it has failed (kvmalloc); NULL: see @err
 * @err: 0: the image is there, once @done
 * @iso: holds the job
 * @closed: the job is about to be let go: who comes now is too late
 * @saving: is one of SAVERS_MAX
 * @done: the image is on the disk, or will never be
 */
struct cr_request {
	struct list_head list;
	struct kref ref;
	struct work_struct work;
	struct task_struct *leader;
	struct cr_cause cause;
	struct nsproxy *ns;
	struct path root, pwd;
	struct rlimit file_size;
	kuid_t uid;
	char *pattern;
	char *report;
	int err;
	struct cr_isolate *iso;
	bool closed;
	bool saving;
	bool done;
};

/* ---- kernel/cr_auto_request.c ---- */

/**
 * cr_request_create() - that the caller's job be saved
 * @leader: of the job; its reference is taken over
 * @pattern: of the name, valid
 * @info: the signal; NULL: there was none
 * @class: what it means
 * @work: is to create the saver
 *
 * Return: with one reference; NULL: no memory
 */
struct cr_request *cr_request_create(struct task_struct *leader,
				     const char *pattern,
				     const kernel_siginfo_t *info,
				     enum cr_auto_class class, work_func_t work);
void cr_request_put(struct cr_request *req);
/* What only the saver needs, and others would find in use */
void cr_request_strip(struct cr_request *req);
/* A request that is not closed, with a reference: @fresh, unless there is one */
struct cr_request *cr_request_add(struct cr_request *fresh);
/* False: there is another one of its job */
bool cr_request_add_only(struct cr_request *req);
/* For the saver to begin: those of the job before it, then a place. 0 or -errno */
int cr_request_slot(struct cr_request *req);
/* The job is about to be let go: nobody joins any more */
void cr_request_close(struct cr_request *req);
/* Nobody waits for it any longer, whatever has come of it */
void cr_request_done(struct cr_request *req, int err);
/* Until the image is there, or will never be. -EINTR: the caller is to end */
int cr_request_wait(struct cr_request *req);

/* ---- kernel/cr_auto_satisfied.c ---- */

/* The processes of @s, which @req has saved, are about to be let go */
void cr_satisfied_note(struct cr_request *req, struct cr_save *s);
/* The request that @sig of current was for, with a reference; NULL: there is none */
struct cr_request *cr_satisfied_take(int sig);
void cr_satisfied_exit(void);

#endif /* _KERNEL_CR_AUTO_REQUEST_H */
