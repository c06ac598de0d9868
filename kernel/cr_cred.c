// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials. They are recorded, and a restart by somebody else is refused:
 * an image never gives more than the one who executes it already has. But for
 * securebits, which each thread sets itself: kernel/cr_prctl.c.
 *
 * Refused: a user namespace other than the saver's, keyrings of the task's own;
 * tasks that differ, because whoever restarts them has one set of credentials.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/binfmts.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/security.h>
#include <linux/sort.h>
#include <linux/uidgid.h>
#include <linux/cr.h>
#include <linux/cr_build.h>
#include <linux/cr_kernel.h>

static void cred_get(struct cr_obj *obj)
{
	get_cred(obj->ptr);
}

static void cred_put(struct cr_obj *obj)
{
	put_cred(obj->ptr);
}

static void cred_collect(struct cr_save *s, struct cr_obj *obj)
{
	const struct cred *cred = obj->ptr;

	if (cred->user_ns != current_user_ns())
		cr_refuse(s, obj->holder, "CR-ENS",
			  "another user namespace: not supported yet");
	if (cred->thread_keyring || cred->process_keyring)
		cr_refuse(s, obj->holder, "CR-EKEYS",
			  "keyrings of its own: not supported");
}

static u64 cap_to_u64(kernel_cap_t cap)
{
	u64 val;

	BUILD_BUG_ON(sizeof(cap) != sizeof(val));
	memcpy(&val, &cap, sizeof(val));
	return val;
}

static int group_cmp(const void *a, const void *b)
{
	u32 x = le32_to_cpu(*(const __le32 *)a);
	u32 y = le32_to_cpu(*(const __le32 *)b);

	return x < y ? -1 : x > y;
}

/* The record of @cred; *groups (kvmalloc) is its tail. 0 or -errno */
static int cred_record(const struct cred *cred, struct cr_rec_cred *rec,
		       __le32 **groups)
{
	struct user_namespace *ns = &init_user_ns;
	int i, n = cred->group_info->ngroups;

	*groups = kvcalloc(max(n, 1), sizeof(__le32), GFP_KERNEL_ACCOUNT);
	if (!*groups)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		(*groups)[i] = cpu_to_le32(from_kgid(ns,
						cred->group_info->gid[i]));
	sort(*groups, n, sizeof(__le32), group_cmp, NULL);

	memset(rec, 0, sizeof(*rec));
	rec->uid = cpu_to_le32(from_kuid(ns, cred->uid));
	rec->euid = cpu_to_le32(from_kuid(ns, cred->euid));
	rec->suid = cpu_to_le32(from_kuid(ns, cred->suid));
	rec->fsuid = cpu_to_le32(from_kuid(ns, cred->fsuid));
	rec->gid = cpu_to_le32(from_kgid(ns, cred->gid));
	rec->egid = cpu_to_le32(from_kgid(ns, cred->egid));
	rec->sgid = cpu_to_le32(from_kgid(ns, cred->sgid));
	rec->fsgid = cpu_to_le32(from_kgid(ns, cred->fsgid));
	rec->securebits = cpu_to_le32(cred->securebits);
	rec->nr_groups = cpu_to_le32(n);
	rec->cap_inheritable = cpu_to_le64(cap_to_u64(cred->cap_inheritable));
	rec->cap_permitted = cpu_to_le64(cap_to_u64(cred->cap_permitted));
	rec->cap_effective = cpu_to_le64(cap_to_u64(cred->cap_effective));
	rec->cap_bset = cpu_to_le64(cap_to_u64(cred->cap_bset));
	rec->cap_ambient = cpu_to_le64(cap_to_u64(cred->cap_ambient));
	return 0;
}

/* Everything but the first fields, which say where the record stands */
static bool cred_equal(const struct cr_rec_cred *a, const struct cr_rec_cred *b)
{
	size_t from = offsetof(struct cr_rec_cred, uid);

	return !memcmp((const char *)a + from, (const char *)b + from,
		       sizeof(*a) - from);
}

/* As cred_restore() will ask of the caller. 1, 0 or -errno */
static int creds_same(const struct cred *a, const struct cred *b)
{
	struct cr_rec_cred x, y;
	__le32 *x_groups, *y_groups;
	int ret;

	ret = cred_record(a, &x, &x_groups);
	if (ret)
		return ret;
	ret = cred_record(b, &y, &y_groups);
	if (!ret) {
		x.securebits = y.securebits;
		ret = cred_equal(&x, &y) &&
		      !memcmp(x_groups, y_groups,
			      le32_to_cpu(x.nr_groups) * sizeof(__le32));
		kvfree(y_groups);
	}
	kvfree(x_groups);
	return ret;
}

static void cred_outside(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_obj *first = list_first_entry(&s->objs[CR_OBJ_CRED],
						struct cr_obj, list);
	int same = obj == first ? 1 : creds_same(first->ptr, obj->ptr);

	if (same < 0)
		cr_fail(s, same);
	else if (!same)
		cr_refuse(s, obj->holder, "CR-ECRED",
			  "other ids, groups or capabilities than pid %d: not supported yet",
			  task_tgid_vnr(first->holder));
}

static void cred_save(struct cr_save *s, struct cr_obj *obj)
{
	struct cr_rec_cred rec;
	__le32 *groups;
	int err;

	err = cred_record(obj->ptr, &rec, &groups);
	if (err) {
		cr_fail(s, err);
		return;
	}
	cr_write_obj(s, obj, &rec, sizeof(rec), groups,
		     le32_to_cpu(rec.nr_groups) * sizeof(__le32));
	kvfree(groups);
}

static int cred_restore(struct cr_restart *r, u32 id)
{
	struct cr_rec_cred rec, mine;
	struct cr_view view;
	__le32 *groups;
	int err;

	cr_read_obj(&r->img, id, &view, &rec, sizeof(rec));
	err = cred_record(current_cred(), &mine, &groups);
	if (err)
		return err;
	mine.securebits = rec.securebits;
	if (!cred_equal(&rec, &mine) ||
	    (view.tail_len && memcmp(view.tail, groups, view.tail_len)))
		err = cr_err(&r->log, -EPERM,
			     "the job ran as uid %u gid %u with other ids, groups or capabilities than yours",
			     le32_to_cpu(rec.euid), le32_to_cpu(rec.egid));
	kvfree(groups);
	return err;
}

/* Ids and capabilities that the caller would have behind execve(); abort_creds() */
static struct cred *cred_after_exec(const struct linux_binprm *bprm)
{
	struct linux_binprm *copy = kmemdup(bprm, sizeof(*bprm), GFP_KERNEL);
	struct cred *cred = prepare_creds();
	int err = -ENOMEM;

	if (copy && cred) {
		copy->cred = cred;
		err = cap_bprm_creds_from_file(copy, copy->file);
	}
	kfree(copy);
	if (!err)
		return cred;
	if (cred)
		abort_creds(cred);
	return ERR_PTR(err);
}

static const char *cred_loses(const struct cred *now, const struct cred *then)
{
	if (!uid_eq(now->euid, then->euid) || !gid_eq(now->egid, then->egid) ||
	    !uid_eq(now->suid, then->suid) || !gid_eq(now->sgid, then->sgid) ||
	    !uid_eq(now->fsuid, then->fsuid) ||
	    !gid_eq(now->fsgid, then->fsgid))
		return "saved or file system ids";
	if (!cap_issubset(now->cap_permitted, then->cap_permitted) ||
	    !cap_issubset(now->cap_effective, then->cap_effective) ||
	    !cap_issubset(now->cap_ambient, then->cap_ambient))
		return "capabilities";
	return NULL;
}

/* Has the security module chosen another domain for what is executed? */
static bool domain_changes(const struct linux_binprm *bprm)
{
	const struct cred *mine;
	u32 now, then;

	security_current_getsecid_subj(&now);
	mine = override_creds(bprm->cred);
	security_current_getsecid_subj(&then);
	revert_creds(mine);
	return now != then;
}

int cr_cred_exec_allowed(struct cr_restart *r, const struct linux_binprm *bprm)
{
	struct cred *then = cred_after_exec(bprm);
	const char *what;

	if (IS_ERR(then))
		return PTR_ERR(then);
	what = cred_loses(current_cred(), then);
	abort_creds(then);
	if (!what && domain_changes(bprm))
		what = "security domain";
	if (!what)
		return 0;
	return cr_err(&r->log, -EPERM,
		      "you have %s that you would not keep when you execute a program",
		      what);
}

const struct cr_obj_ops cr_cred_ops = {
	.name = "credentials",
	.rec = CR_REC_CRED,
	.get = cred_get,
	.put = cred_put,
	.collect = cred_collect,
	.outside = cred_outside,
	.save = cred_save,
	.restore = cred_restore,
};
