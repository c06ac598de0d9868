/* SPDX-License-Identifier: GPL-2.0 */
/* System V segments while they are restarted: ipc/cr_shmid.c, cr_shmid_pages.c */
#ifndef _IPC_CR_SEGMENT_H
#define _IPC_CR_SEGMENT_H

#include <linux/cr.h>

enum { CR_SEG_RO, CR_SEG_RW };

/**
 * struct cr_segment - a segment of the job, while it is restarted
 * @list: in cr_restart.segments
 * @id: of the SHM
 * @shmid: its number
 * @size: bytes
 * @rec: what is to become of it
 * @ns: its namespace; holds a reference
 * @file: what shmat() makes of it: CR_SEG_RO, CR_SEG_RW; NULL: not allowed
 * @contents: it existed: what it shall hold; what it held, once @exchanged
 * @created: it did not exist
 * @own: the caller may say what it says: shmctl(IPC_SET) would let it
 * @held: counted as attached once, so that it stays
 * @exchanged: see @contents
 * @atime, @dtime, @lpid: it existed: what it said when it was found
 */
struct cr_segment {
	struct list_head list;
	u32 id;
	int shmid;
	loff_t size;
	struct cr_rec_shmid rec;
	struct ipc_namespace *ns;
	struct file *file[2];
	struct file *contents;
	bool created;
	bool own;
	bool held;
	bool exchanged;
	time64_t atime;
	time64_t dtime;
	struct pid *lpid;
};

/* "System V segment 5 (key 0x00000000): WHY"; Return: @err */
int cr_segment_err(struct cr_restart *r, const struct cr_segment *seg,
		   int err, const char *why);

/**
 * cr_segment_prepare() - read what a segment that exists shall hold
 * @r: the restart
 * @seg: is attached, and not changed
 *
 * What can fail, and all the memory it takes, is here. Where the caller may not
 * write, the contents must be what they were.
 * Return: 0, -EACCES, -ENOMEM, -EBADMSG, with the reason in r->log
 */
int __must_check cr_segment_prepare(struct cr_restart *r,
				    struct cr_segment *seg);
/* Put it there, or take it back; 0, or an error of swap: nothing has changed */
int __must_check cr_segment_exchange(struct cr_segment *seg);

#endif /* _IPC_CR_SEGMENT_H */
