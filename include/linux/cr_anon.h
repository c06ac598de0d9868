/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Open files on anonymous inodes (eventfd, timerfd, ...): what their kinds
 * share. Each is a FILE with its state in a detail record.
 */
#ifndef _LINUX_CR_ANON_H
#define _LINUX_CR_ANON_H

#include <linux/cr_file.h>

/* ---- saving ---- */

/* Is it the anonymous inode's file of this name? "[eventfd]" */
bool cr_anon_is(const struct file *file, const char *name);

/* cr_file_type.outside: name it, refuse what a process outside holds, too */
void cr_anon_outside(struct cr_save *s, struct cr_obj *obj);

/* cr_file_type.save: all there is to say is said in the details */
const char *cr_anon_save(struct cr_save *s, struct cr_obj *obj,
			 struct cr_rec_file *rec);

/**
 * cr_anon_fdinfo() - what /proc/PID/fdinfo says of a file, without what all say
 * @s: the save
 * @file: has a show_fdinfo
 *
 * Context: may sleep.
 * Return: the text, to be kvfree()d; NULL: s->err is set
 */
char *cr_anon_fdinfo(struct cr_save *s, struct file *file);

/**
 * cr_anon_number() - a number in the text of cr_anon_fdinfo()
 * @text: the text
 * @key: what stands directly before it, from a line's start: "clockid:"
 * @base: of the number
 * @value: takes it
 */
bool cr_anon_number(const char *text, const char *key, unsigned int base,
		    u64 *value);

/* The kernel's own structure is not what its fdinfo says: fail the save */
void cr_anon_mismatch(struct cr_save *s, struct cr_obj *obj);

/* ---- restart ---- */

/**
 * struct cr_anon - current, while it makes files by system calls
 * @files: its own descriptor table, which is put aside for one that is empty
 * @page: a page of user memory for arguments; not of one with just a table
 */
struct cr_anon {
	struct files_struct *files;
	unsigned long page;
};

typedef long (*cr_syscall_fn)(const struct pt_regs *regs);

/*
 * The calls between begin and end see no descriptor of the caller's, and its
 * other threads do not see theirs.
 */
int __must_check cr_anon_begin(struct cr_anon *a);
void cr_anon_end(struct cr_anon *a);
/* The same without a page */
int __must_check cr_anon_table_begin(struct cr_anon *a);
void cr_anon_table_end(struct cr_anon *a);

/* An argument in user memory: its address, or 0 */
unsigned long cr_anon_arg(struct cr_anon *a, const void *arg, size_t size);
long cr_anon_call(cr_syscall_fn fn, unsigned long a1, unsigned long a2,
		  unsigned long a3, unsigned long a4);

/**
 * cr_anon_finish() - take the file that a call has made
 * @r: the restart
 * @rec: its FILE record, for the flags
 * @fd: what the call has returned; an error
 * @err: of what was done to it since
 *
 * Context: between cr_anon_begin() and cr_anon_end()
 * Return: the file, or ERR_PTR() with the reason in r->log
 */
struct file *cr_anon_finish(struct cr_restart *r, const struct cr_rec_file *rec,
			    long fd, long err, const char *name);

/* The first detail of a FILE */
void cr_anon_detail(struct cr_restart *r, const struct cr_rec_file *rec,
		    void *detail, size_t size);

#endif /* _LINUX_CR_ANON_H */
