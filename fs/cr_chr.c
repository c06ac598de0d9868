// SPDX-License-Identifier: GPL-2.0
/*
 * Character devices that keep nothing for who has opened them: null, zero,
 * full, random, urandom, and /dev/crimg itself. Opened by name again; the name must lead to a device
 * of the same number.
 *
 * Refused: every other device.
 */
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/cr_file.h>

static bool chr_known(dev_t dev)
{
	if (dev == cr_device_number())
		return true;
	if (MAJOR(dev) != MEM_MAJOR)
		return false;
	switch (MINOR(dev)) {
	case 3:		/* null */
	case 5:		/* zero */
	case 7:		/* full */
	case 8:		/* random */
	case 9:		/* urandom */
		return true;
	default:
		return false;
	}
}

static bool chr_match(struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) && chr_known(inode->i_rdev);
}

/* They have no position, whatever f_pos says */
static const char *chr_save(struct cr_save *s, struct cr_obj *obj,
			    struct cr_rec_file *rec)
{
	return cr_file_info(obj)->name;
}

static struct file *chr_restore(struct cr_restart *r,
				const struct cr_rec_file *rec, const char *name)
{
	u64 rdev = le64_to_cpu(rec->rdev);

	if (rdev > U32_MAX || !chr_known(new_decode_dev(rdev)))
		return ERR_PTR(cr_err(&r->log, -EOPNOTSUPP,
				      "%*pE: character device of an unknown kind",
				      CR_NAME(name)));
	return cr_named_restore(r, rec, name);
}

const struct cr_file_type cr_chr_file = {
	.kind		= CR_FILE_CHR,
	.match		= chr_match,
	.outside	= cr_named_outside,
	.save		= chr_save,
	.restore	= chr_restore,
};
