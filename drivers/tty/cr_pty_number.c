// SPDX-License-Identifier: GPL-2.0
/*
 * Masters of pseudo-terminals, and their numbers. Who opens /dev/ptmx gets the
 * lowest number that is free. For another one those below are taken meanwhile,
 * as if somebody had opened that many terminals: the same limits hold.
 */
#include <linux/bitops.h>
#include <linux/devpts_fs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "cr_pty.h"

struct file *cr_pty_open_master(struct cr_restart *r, const char *path)
{
	const struct cr_rec_file rec = {
		.mode = cpu_to_le32(S_IFCHR),
		.rdev = cpu_to_le64(new_encode_dev(MKDEV(TTYAUX_MAJOR, 2))),
		.open_flags = cpu_to_le32(O_RDWR | O_LARGEFILE),
	};
	struct file *file = cr_named_restore(r, &rec, path);

	if (IS_ERR(file) || cr_tty_is_master(file))
		return file;
	fput(file);
	return ERR_PTR(cr_err(&r->log, -ESTALE,
			      "%*pE: makes no pseudo-terminals",
			      CR_NAME(path)));
}

/*
 * Take all numbers below @index; they are noted in @map. -EBUSY: it is taken, or
 * all that there may be are
 */
static int numbers_take(struct pts_fs_info *fsi, unsigned long *map, int index)
{
	int nr;

	for (;;) {
		nr = devpts_new_index(fsi);
		if (nr < 0)
			return nr == -ENOSPC ? -EBUSY : nr;
		if (nr >= index)
			break;
		__set_bit(nr, map);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	devpts_kill_index(fsi, nr);
	return nr == index ? 0 : -EBUSY;
}

static void numbers_give(struct pts_fs_info *fsi, const unsigned long *map,
			 int index)
{
	int nr;

	for_each_set_bit(nr, map, index) {
		devpts_kill_index(fsi, nr);
		cond_resched();
	}
}

static struct file *number_taken(struct cr_restart *r, int index)
{
	return ERR_PTR(cr_err(&r->log, -EBUSY, "pseudo-terminal %d is taken",
			      index));
}

/* @other is a master with a lower number, which keeps its instance there */
static struct file *master_open_above(struct cr_restart *r, const char *path,
				      struct file *other, int index)
{
	struct pts_fs_info *fsi = cr_tty_of(other)->driver_data;
	unsigned long *map;
	struct file *file;
	int err;

	map = kvcalloc(BITS_TO_LONGS(index), sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);
	err = numbers_take(fsi, map, index);
	if (!err)
		file = cr_pty_open_master(r, path);
	else if (err == -EBUSY)
		file = number_taken(r, index);
	else
		file = ERR_PTR(cr_err(&r->log, err,
				      "pseudo-terminal %d cannot be made (%pe)",
				      index, ERR_PTR(err)));
	numbers_give(fsi, map, index);
	kvfree(map);
	return file;
}

struct file *cr_pty_open_number(struct cr_restart *r, const char *path,
				int index)
{
	struct file *file = cr_pty_open_master(r, path), *first;

	if (!IS_ERR(file) && cr_tty_of(file)->index < index) {
		first = file;
		file = master_open_above(r, path, first, index);
		cr_file_put(first);
	}
	if (IS_ERR(file) || cr_tty_of(file)->index == index)
		return file;
	cr_file_put(file);
	return number_taken(r, index);
}
