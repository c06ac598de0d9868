/* SPDX-License-Identifier: GPL-2.0 */
/* The file of an automatic image, as its saver uses it */
#ifndef _KERNEL_CR_AUTO_FILE_H
#define _KERNEL_CR_AUTO_FILE_H

#include <linux/cr.h>
#include <linux/cr_auto.h>

/**
 * struct cr_target - where an image goes
 * @leader: of the job; the caller's reference
 * @file: the file
 * @name: what it is to be called
 * @temp: what it is called
 */
struct cr_target {
	struct task_struct *leader;
	struct file *file;
	char name[PATH_MAX];
	char temp[PATH_MAX];
};

/* An empty file, as @pattern names it. 0, or -errno and a line in @log */
int cr_target_create(struct cr_target *t, const char *pattern,
		     const struct cr_cause *cause, struct cr_log *log);
/* It is whole: bring it to the disk, and give it its name. 0 or -errno */
int cr_target_publish(struct cr_target *t);
/* Close it; remove it if it has not been published */
void cr_target_put(struct cr_target *t);
void cr_target_exit(void);

#endif /* _KERNEL_CR_AUTO_FILE_H */
