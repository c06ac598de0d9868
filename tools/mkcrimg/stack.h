/* SPDX-License-Identifier: GPL-2.0 */
/* Backtraces of the threads of a process, by libdwfl. */
#ifndef MKCRIMG_STACK_H
#define MKCRIMG_STACK_H

#include <json-c/json.h>
#include "modules.h"

/* Further calls of a thread are not looked for */
#define FRAMES_MAX	256

enum call_state {
	CALL_NONE,		/* it ran its own code */
	CALL_IN,		/* in a system call, which a restart resumes */
	CALL_RETURNS,		/* a system call was about to return */
};

/**
 * struct stack_call - the system call that a thread was in
 * @state: enum call_state
 * @nr: its number
 * @name: or NULL
 * @resumes: restart_syscall(): what that goes on with; NULL: it is another one
 * @result: RETURNS: what it returns
 * @vfork: in vfork() until this process has executed or ended; 0: it is not
 */
struct stack_call {
	enum call_state state;
	u64 nr;
	const char *name;
	const char *resumes;
	s64 result;
	u32 vfork;
};

/**
 * struct stack_frame - a call
 * @nr: 0 is the innermost
 * @pc: where it goes on
 * @symbol: or NULL
 * @offset: of @pc from the symbol
 * @module: what @pc is in; NULL: no file
 * @source: or NULL
 * @line: in @source
 */
struct stack_frame {
	unsigned int nr;
	u64 pc;
	const char *symbol;
	u64 offset;
	const struct module *module;
	const char *source;
	int line;
};

/**
 * struct stack_sink - who is told of it, in this order
 * @process: a process begins; @id: its PROC
 * @module: an executable file; @build_id: text, or NULL. Only with
 *	struct stack_options.build_ids
 * @thread: a thread begins
 * @frame: one of its calls
 * @thread_end: @why: there may be more calls, which are not found; NULL: all
 */
struct stack_sink {
	void (*process)(void *arg, const struct image *img, u32 id);
	void (*module)(void *arg, const struct module *mod,
		       const char *build_id);
	void (*thread)(void *arg, const struct cr_rec_thread *t,
		       const struct stack_call *call);
	void (*frame)(void *arg, const struct stack_frame *frame);
	void (*thread_end)(void *arg, const char *why);
};

/**
 * stack_walk() - the backtraces of a process
 * @img: the image
 * @proc: id of its PROC, which may be a zombie
 * @build_ids: tell of modules
 * @sink: is told
 * @arg: for the functions of @sink
 *
 * Return: 0, or ST_FAILED after one line that says why
 */
int stack_walk(const struct image *img, u32 proc, bool build_ids,
	       const struct stack_sink *sink, void *arg);

/* What a thread did when it stood still */
void stack_call_read(const struct image *img, u32 thread,
		     const struct cr_rec_thread *t, struct stack_call *call);

/* Name of a system call, or NULL */
const char *syscall_name(u64 nr);

/* ---- stack_json.c ---- */

/* Tells of processes in an array, which is the argument */
extern const struct stack_sink stack_json;

#endif
