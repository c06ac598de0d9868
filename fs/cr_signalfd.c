// SPDX-License-Identifier: GPL-2.0
/*
 * Signalfds: the mask. Which signals there are to read is a matter of who reads.
 */
#include <linux/signal.h>
#include <linux/file.h>
#include <linux/cr_anon.h>
#include <linux/cr_kernel.h>

static bool signalfd_match(struct file *file)
{
	return cr_anon_is(file, "[signalfd]");
}

static void signalfd_details(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_rec_signalfd rec = {};
	char *text = cr_anon_fdinfo(s, obj->ptr);
	u64 mask;

	if (!text)
		return;
	if (cr_anon_number(text, "sigmask:", 16, &mask)) {
		rec.mask = cpu_to_le64(mask);
		cr_write_detail(s, obj, CR_REC_SIGNALFD, &rec, sizeof(rec),
				NULL, 0);
	} else {
		cr_anon_mismatch(s, obj);
	}
	kvfree(text);
}

static struct file *signalfd_restore(struct cr_restart *r,
				     const struct cr_rec_file *rec,
				     const char *name)
{
	struct cr_rec_signalfd sig;
	struct file *file;
	struct cr_anon a;
	sigset_t mask;
	long fd, err;

	cr_anon_detail(r, rec, &sig, sizeof(sig));
	mask.sig[0] = le64_to_cpu(sig.mask);
	err = cr_anon_begin(&a);
	if (err)
		return ERR_PTR(cr_err(&r->log, err, "%*pE: no descriptor table",
				      CR_NAME(name)));
	fd = cr_anon_call(__x64_sys_signalfd4, -1,
			  cr_anon_arg(&a, &mask, sizeof(mask)), sizeof(mask), 0);
	file = cr_anon_finish(r, rec, fd, 0, name);
	cr_anon_end(&a);
	return file;
}

const struct cr_file_type cr_signalfd_file = {
	.kind		= CR_FILE_SIGNALFD,
	.match		= signalfd_match,
	.outside	= cr_anon_outside,
	.save		= cr_anon_save,
	.details	= signalfd_details,
	.restore	= signalfd_restore,
};
