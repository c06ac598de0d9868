// SPDX-License-Identifier: GPL-2.0
/* Does whoever runs us have the credentials of the job? As kernel/cr_cred.c asks */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "check.h"

int try_in_child(int (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(fn(arg) ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

unsigned int status_numbers(const char *key, int base, u64 *values,
			    unsigned int max)
{
	FILE *f = fopen("/proc/self/status", "re");
	char *line = NULL, *p, *end;
	unsigned int nr = 0;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		if (strncmp(line, key, strlen(key)))
			continue;
		for (p = line + strlen(key); nr < max; p = end) {
			values[nr] = strtoull(p, &end, base);
			if (end == p)
				break;
			nr++;
		}
		break;
	}
	if (f)
		fclose(f);
	free(line);
	return nr;
}

static bool ids_equal(const char *key, __le32 r, __le32 e, __le32 s, __le32 fs)
{
	u64 own[4];

	return status_numbers(key, 10, own, 4) == 4 &&
	       own[0] == le32_to_cpu(r) && own[1] == le32_to_cpu(e) &&
	       own[2] == le32_to_cpu(s) && own[3] == le32_to_cpu(fs);
}

static bool groups_equal(const struct cr_rec_cred *rec, const u8 *tail)
{
	u32 nr = le32_to_cpu(rec->nr_groups), i;
	u64 *own = calloc((size_t)nr + 1, sizeof(*own));
	bool equal;

	equal = own && status_numbers("Groups:", 10, own, nr + 1) == nr;
	for (i = 0; equal && i < nr; i++) {
		__le32 gid;

		memcpy(&gid, tail + i * sizeof(gid), sizeof(gid));
		equal = own[i] == le32_to_cpu(gid);
	}
	free(own);
	return equal;
}

static bool number_equal(const char *key, u64 value)
{
	u64 own;

	return status_numbers(key, 16, &own, 1) == 1 && own == value;
}

/* As kernel/cr_prctl.c; no_new_privs anybody may set, or have */
static int securebits_set(const void *arg)
{
	unsigned int bits = le32_to_cpu(*(const __le32 *)arg);
	unsigned int differ = bits ^ prctl(PR_GET_SECUREBITS);

	if (differ == 1u << SECURE_KEEP_CAPS)
		return prctl(PR_SET_KEEPCAPS, bits >> SECURE_KEEP_CAPS & 1);
	return differ ? prctl(PR_SET_SECUREBITS, bits) : 0;
}

static unsigned int check_cred(const struct image *img, u32 id)
{
	unsigned int problems = 0;
	struct cr_rec_cred rec;
	struct cr_view v;
	int err;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	if (!ids_equal("Uid:", rec.uid, rec.euid, rec.suid, rec.fsuid))
		problems += problem(img, "user is not the restarter's: uid %u",
				    le32_to_cpu(rec.uid));
	if (!ids_equal("Gid:", rec.gid, rec.egid, rec.sgid, rec.fsgid) ||
	    !groups_equal(&rec, v.tail))
		problems += problem(img, "groups are not the restarter's: gid %u",
				    le32_to_cpu(rec.gid));
	if (!number_equal("CapInh:", le64_to_cpu(rec.cap_inheritable)) ||
	    !number_equal("CapPrm:", le64_to_cpu(rec.cap_permitted)) ||
	    !number_equal("CapEff:", le64_to_cpu(rec.cap_effective)) ||
	    !number_equal("CapBnd:", le64_to_cpu(rec.cap_bset)) ||
	    !number_equal("CapAmb:", le64_to_cpu(rec.cap_ambient)))
		problems += problem(img, "capabilities are not the restarter's");
	err = try_in_child(securebits_set, &rec.securebits);
	if (err)
		problems += problem(img, "securebits 0x%x: you may not set them: %s",
				    le32_to_cpu(rec.securebits), strerror(err));
	return problems;
}

unsigned int check_creds(const struct image *img)
{
	unsigned int problems = 0;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_CRED));)
		problems += check_cred(img, id);
	return problems;
}
