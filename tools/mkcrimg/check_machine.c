// SPDX-License-Identifier: GPL-2.0
/*
 * Would an image restart here? What the kernel would find missing, in one go.
 * Only a restart knows for sure: things change, and some are not visible.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <xxhash.h>
#include "check.h"
#include "text.h"

/* ---- files ---- */

static u64 mtime_ns(const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000000000ull + st->st_mtim.tv_nsec;
}

/* What the image carries along is needed where the file is not what it was */
static void check_carried(const struct image *img, const struct cr_rec_file *f,
			  const char *path)
{
	bool exe = le32_to_cpu(f->flags) & CR_FILE_EXE;
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) ||
	    (u64)st.st_size != le64_to_cpu(f->size) ||
	    mtime_ns(&st) != le64_to_cpu(f->mtime_ns) ||
	    access(path, exe ? R_OK | X_OK : R_OK))
		printf("%s: %s: is not here as it was: the copy in the image is used\n",
		       printable(img->path), printable(path));
}

/* Not a problem: who restarts may choose what becomes of it */
static void check_output(const struct image *img, const struct cr_rec_file *f,
			 const char *path, const struct stat *st)
{
	u64 size = le64_to_cpu(f->size);

	if ((le32_to_cpu(f->open_flags) & O_ACCMODE) != O_RDONLY &&
	    (u64)st->st_size > size)
		printf("%s: %s: has grown by %llu bytes, which stay, unless with files=truncate\n",
		       printable(img->path), printable(path),
		       (unsigned long long)(st->st_size - size));
}

static unsigned int check_file_stat(const struct image *img,
				    const struct cr_rec_file *f,
				    const char *path, const struct stat *st)
{
	const u32 verify = CR_FILE_MAPPED | CR_FILE_EXE | CR_FILE_VERIFY;
	u32 kind = le32_to_cpu(f->kind);

	if ((st->st_mode & S_IFMT) != (le32_to_cpu(f->mode) & S_IFMT))
		return problem(img, "%s: is of another type", path);
	if (kind == CR_FILE_CHR && st->st_rdev != le64_to_cpu(f->rdev))
		return problem(img, "%s: is another device", path);
	if (kind == CR_FILE_REG)
		check_output(img, f, path, st);
	if (kind != CR_FILE_REG || !(le32_to_cpu(f->flags) & verify))
		return 0;
	if ((u64)st->st_size != le64_to_cpu(f->size))
		return problem(img, "%s: has %lld bytes, had %llu", path,
			       (long long)st->st_size,
			       (unsigned long long)le64_to_cpu(f->size));
	if (mtime_ns(st) != le64_to_cpu(f->mtime_ns))
		return problem(img, "%s: has been modified", path);
	return 0;
}

/* What inotify watches must be there, and may be read */
static unsigned int check_watches(const struct image *img, u32 id)
{
	unsigned int problems = 0;
	struct cr_detail_iter it;
	const char *path;
	struct stat st;

	cr_for_each_detail(&img->cr, id, &it) {
		if (it.view.type != CR_REC_INOTIFY_WATCH)
			continue;
		path = it.view.tail;
		if (lstat(path, &st) ||
		    (!S_ISLNK(st.st_mode) && access(path, R_OK)))
			problems += problem(img, "%s: cannot be watched: %s",
					    path, strerror(errno));
	}
	return problems;
}

/* Who has the caller's numbers has the caller's procfs; what is of tasks is not there yet */
static unsigned int check_procfile(const struct image *img, u32 id,
				   const char *path)
{
	char dir[CR_PROCFILE_DIR_MAX], *root;
	struct cr_rec_procfile rec;
	struct cr_detail_iter it;
	unsigned int problems = 0;
	struct statfs fs;
	size_t len;

	cr_detail_first(&img->cr, id, &it);
	cr_detail(&it, &rec, sizeof(rec));
	len = strlen(path) - cr_procfile_dir(&rec, dir) -
	      (it.view.tail_len > 1 ? it.view.tail_len : 0);
	root = len ? strndup(path, len) : strdup("/");
	if (!root)
		return problem(img, "%s: no memory", path);
	if (statfs(root, &fs))
		problems = problem(img, "%s: %s", root, strerror(errno));
	else if (fs.f_type != PROC_SUPER_MAGIC)
		problems = problem(img, "%s: no procfs is there", root);
	else if (!rec.pid && access(path, R_OK))
		problems = problem(img, "%s: %s", path, strerror(errno));
	free(root);
	return problems;
}

static unsigned int check_one_file(const struct image *img, u32 id)
{
	static const int modes[] = { R_OK, W_OK, R_OK | W_OK, 0 };
	struct cr_rec_file f;
	struct cr_view v;
	const char *path;
	struct stat st;
	u32 kind;

	cr_read_obj(&img->cr, id, &v, &f, sizeof(f));
	kind = le32_to_cpu(f.kind);
	if (kind == CR_FILE_INOTIFY)
		return check_watches(img, id);
	if (kind == CR_FILE_PROCFILE)
		return check_procfile(img, id, v.tail);
	if (kind != CR_FILE_REG && kind != CR_FILE_DIR &&
	    kind != CR_FILE_CHR && kind != CR_FILE_OPATH &&
	    kind != CR_FILE_FIFO)
		return 0;
	path = v.tail;
	if (kind == CR_FILE_REG && f.obj) {
		check_carried(img, &f, path);
		return 0;
	}
	/* it was no link when it was saved, and none is followed */
	if (lstat(path, &st) || (kind != CR_FILE_OPATH &&
	    access(path, kind == CR_FILE_FIFO ? R_OK | W_OK :
			 modes[le32_to_cpu(f.open_flags) & 3])))
		return problem(img, "%s: %s", path, strerror(errno));
	/* root may not either, without any x bit or where it is mounted noexec */
	if (le32_to_cpu(f.flags) & CR_FILE_EXE && access(path, X_OK))
		return problem(img, "%s: must not be executed: %s", path,
			       strerror(errno));
	return check_file_stat(img, &f, path, &st);
}

static unsigned int check_dir(const struct image *img, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return problem(img, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return problem(img, "%s: is no directory", path);
	return 0;
}

bool parent_writable(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	bool ok;

	parent = strndup(path, slash && slash > path ? slash - path : 1);
	ok = parent && !access(parent, W_OK | X_OK);
	free(parent);
	return ok;
}

/* Another is made next to where it was */
static unsigned int check_removed_dir(const struct image *img, const char *path)
{
	if (parent_writable(path))
		return 0;
	return problem(img, "%s was removed, another cannot be made: %s", path,
		       strerror(errno));
}

static unsigned int check_files(const struct image *img)
{
	unsigned int problems = 0;
	struct cr_rec_fs fs;
	struct cr_view v;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_FILE));)
		problems += check_one_file(img, id);
	for (id = 0; (id = image_next(img, id, CR_REC_FS));) {
		cr_read_obj(&img->cr, id, &v, &fs, sizeof(fs));
		problems += le32_to_cpu(fs.flags) & CR_FS_CWD_REMOVED ?
			    check_removed_dir(img, v.tail) :
			    check_dir(img, v.tail);
		problems += check_dir(img, (const char *)v.tail +
				      le32_to_cpu(fs.cwd_len));
	}
	return problems;
}

/* ---- vdso: the old one leads to the new one if that is possible ---- */

/* Hash of this kernel's vdso text, as it is mapped here */
static bool own_vdso(u64 *hash, u64 *size)
{
	unsigned long start, end;
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "[vdso]") &&
			sscanf(line, "%lx-%lx", &start, &end) == 2;
	if (f)
		fclose(f);
	if (!found)
		return false;
	*size = end - start;
	*hash = XXH64((const void *)start, *size, 0);
	return true;
}

static unsigned int check_vdso(const struct image *img)
{
	unsigned int problems = 0;
	struct cr_rec_vdso rec;
	struct utsname uts;
	const char *lacks;
	struct cr_view v;
	u64 hash, size;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_VDSO));) {
		cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
		if (own_vdso(&hash, &size) &&
		    size == le32_to_cpu(rec.text_size) &&
		    hash == le64_to_cpu(rec.text_xxh64))
			continue;
		lacks = cr_vdso_lacks(&rec, v.tail);
		if (!lacks)
			continue;
		uname(&uts);
		problems += problem(img, "vdso is not this kernel's, and lacks %s: saved on %s, this is %s",
				    lacks, img->cr.head.release, uts.release);
	}
	return problems;
}

/* ---- processor ---- */

static void own_xstate(u64 *features, u32 *size)
{
	u32 a, b, c, d, low, high;

	*features = 3;
	*size = 576;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return;
	__asm__("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
	*features = (u64)high << 32 | low;
	if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		*size = b;
}

/* Components that are in use and that this processor has not, once */
static unsigned int check_xstate(const struct image *img)
{
	struct cr_rec_xstate_x86 rec;
	struct cr_detail_iter it;
	u64 own, in_use;
	u32 size, id;

	own_xstate(&own, &size);
	for (id = 0; (id = image_next(img, id, CR_REC_THREAD));) {
		cr_for_each_detail(&img->cr, id, &it) {
			if (it.view.type != CR_REC_XSTATE_X86)
				continue;
			cr_detail(&it, &rec, sizeof(rec));
			memcpy(&in_use, (const u8 *)it.view.tail + 512,
			       sizeof(in_use));
			in_use = le64_to_cpu(in_use);
			if (!(in_use & ~own) && le32_to_cpu(rec.size) <= size)
				continue;
			return problem(img, "processor state of %u bytes, components 0x%llx; this machine: %u, 0x%llx",
				       le32_to_cpu(rec.size),
				       (unsigned long long)in_use, size,
				       (unsigned long long)own);
		}
	}
	return 0;
}

/* ---- what only a restart finds out ---- */

static void tell_not_looked_at(const struct image *img)
{
	bool lock = false, lease = false;
	struct cr_detail_iter it;
	struct cr_rec_file file;
	struct cr_view v;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_FILE));) {
		cr_read_obj(&img->cr, id, &v, &file, sizeof(file));
		lease |= le32_to_cpu(file.flags) & CR_FILE_LEASE;
		lock |= le32_to_cpu(file.flags) &
			(CR_FILE_FLOCK_SH | CR_FILE_FLOCK_EX);
	}
	for (id = 0; (id = image_next(img, id, CR_REC_FILES)) && !lock;)
		cr_for_each_detail(&img->cr, id, &it)
			lock |= it.view.type == CR_REC_LOCK;
	if (lock)
		printf("%s: not looked at: whether somebody else holds the job's file locks\n",
		       printable(img->path));
	if (lease)
		printf("%s: not looked at: whether somebody else has files open on which the job has leases\n",
		       printable(img->path));
}

unsigned int check_machine(const struct image *img)
{
	unsigned int problems;

	problems = check_files(img);
	problems += check_vdso(img);
	problems += check_xstate(img);
	problems += check_creds(img);
	problems += check_rights(img);
	problems += check_names(img);
	tell_not_looked_at(img);
	return problems;
}
