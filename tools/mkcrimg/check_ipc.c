// SPDX-License-Identifier: GPL-2.0
/*
 * System V objects that a restart uses again, or makes: are their ids and keys
 * free, or is what has them the one that was saved, and does nobody else use it?
 * Are semaphores there that the job had taken?
 */
#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/sem.h>
#include "check.h"

/* ---- System V segments ---- */

/* The segment that was saved may be there still */
static unsigned int check_shmid(const struct image *img,
				const struct cr_rec_shmid *rec)
{
	u32 shmid = le32_to_cpu(rec->shmid), key = le32_to_cpu(rec->key);
	unsigned int nattch, found = 0;
	unsigned long long ctime;
	int own_key, own_id;
	char line[512];
	FILE *f;

	f = fopen("/proc/sysvipc/shm", "r");
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %d %*o %*u %*d %*d %u %*u %*u %*u %*u %*u %*u %llu",
			   &own_key, &own_id, &nattch, &ctime) != 4)
			continue;
		if ((u32)own_id == shmid &&
		    (nattch || ctime != le64_to_cpu(rec->ctime)))
			found = problem(img, "System V segment %u: its id is taken",
					shmid);
		else if (key && (u32)own_key == key && (u32)own_id != shmid)
			found = problem(img, "System V segment %u: its key 0x%x is taken",
					shmid, key);
	}
	if (f)
		fclose(f);
	return found;
}

static unsigned int check_shm(const struct image *img, u32 id)
{
	struct cr_detail_iter it;
	struct cr_rec_shmid rec;

	cr_for_each_detail(&img->cr, id, &it) {
		if (it.view.type != CR_REC_SHMID)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		return check_shmid(img, &rec);
	}
	return 0;
}

/* ---- what processes undo ---- */

/* Is the set there that was saved? As far as the list of them shows it */
static bool sem_set_fits(const struct cr_rec_semundo *rec)
{
	unsigned long long ctime;
	bool fits = false;
	unsigned int nsems;
	char line[512];
	int key, id;
	FILE *f;

	f = fopen("/proc/sysvipc/sem", "r");
	while (f && !fits && fgets(line, sizeof(line), f))
		fits = sscanf(line, "%d %d %*o %u %*u %*u %*u %*u %*u %llu", &key,
			      &id, &nsems, &ctime) == 4 &&
		       (u32)id == le32_to_cpu(rec->semid) &&
		       (u32)key == le32_to_cpu(rec->key) &&
		       nsems == le32_to_cpu(rec->nsems) &&
		       ctime == le64_to_cpu(rec->ctime);
	if (f)
		fclose(f);
	return fits;
}

/* May they be taken again? One process may wait for what another one gives */
static unsigned int check_semundo(const struct image *img,
				  const struct cr_rec_semundo *rec,
				  const void *tail)
{
	u32 semid = le32_to_cpu(rec->semid), i;
	struct cr_sem sem;
	int val;

	if (!sem_set_fits(rec))
		return problem(img, "semaphore set %u: is gone, or not the one that was saved",
			       semid);
	for (i = 0; i < le32_to_cpu(rec->nsems); i++) {
		memcpy(&sem, tail + i * sizeof(sem), sizeof(sem));
		val = semctl(semid, i, GETVAL);
		if (val >= 0 && val < (s32)le32_to_cpu(sem.semadj))
			return problem(img, "semaphore set %u: somebody has semaphore %u",
				       semid, i);
	}
	return 0;
}

/* Its values are put back, or it is made: nothing can be missing */
static bool set_is_restored(const struct image *img,
			    const struct cr_rec_semundo *undo)
{
	struct cr_rec_semset rec;
	struct cr_view v;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_SEMSET));) {
		cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
		if (rec.semid == undo->semid)
			return !(le32_to_cpu(rec.flags) & CR_IPC_SHARED) ||
			       !sem_set_fits(undo);
	}
	return false;
}

static unsigned int check_semundos(const struct image *img, u32 id)
{
	unsigned int problems = 0;
	struct cr_rec_semundo rec;
	struct cr_detail_iter it;

	cr_for_each_detail(&img->cr, id, &it) {
		if (it.view.type != CR_REC_SEMUNDO)
			continue;
		cr_detail(&it, &rec, sizeof(rec));
		if (set_is_restored(img, &rec))
			continue;
		problems += check_semundo(img, &rec, it.view.tail);
	}
	return problems;
}

/* ---- message queues and semaphore sets ---- */

/**
 * struct ipcid - a queue or a set of the image
 * @what: for messages
 * @id, @key, @flags, @ctime, @nsems: as in its record; @nsems 0: a queue
 */
struct ipcid {
	const char *what;
	u32 id;
	u32 key;
	u32 flags;
	u64 ctime;
	u32 nsems;
};

static bool is_outside(int pid)
{
	return pid > 0 && pid != getpid() && pid != getppid() &&
	       (!kill(pid, 0) || errno == EPERM);
}

/* Somebody who lives has used the one that was saved, which is there */
static int ipcid_user(const struct ipcid *o, int lspid, int lrpid)
{
	u32 i;
	int pid;

	if (o->flags & CR_IPC_SHARED)
		return 0;
	if (!o->nsems)
		return is_outside(lspid) ? lspid : is_outside(lrpid) ? lrpid : 0;
	for (i = 0; i < o->nsems; i++) {
		pid = semctl(o->id, i, GETPID);
		if (is_outside(pid))
			return pid;
	}
	return 0;
}

/* A line of /proc/sysvipc/msg or sem, if it is one */
static bool ipcid_line(const struct ipcid *o, const char *line, int *key,
		       int *id, int last[2], unsigned long long *ctime)
{
	if (o->nsems)
		return sscanf(line, "%d %d %*o %*u %*u %*u %*u %*u %*u %llu",
			      key, id, ctime) == 3;
	return sscanf(line, "%d %d %*o %*u %*u %d %d %*u %*u %*u %*u %*u %*u %llu",
		      key, id, &last[0], &last[1], ctime) == 5;
}

static unsigned int check_ipcid(const struct image *img, const struct ipcid *o)
{
	int key, id, last[2] = { 0, 0 }, user;
	unsigned int found = 0;
	unsigned long long ctime;
	char line[512];
	FILE *f;

	f = fopen(o->nsems ? "/proc/sysvipc/sem" : "/proc/sysvipc/msg", "r");
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (!ipcid_line(o, line, &key, &id, last, &ctime))
			continue;
		if ((u32)id != o->id) {
			if (o->key && (u32)key == o->key)
				found = problem(img, "%s %u: its key 0x%x is taken",
						o->what, o->id, o->key);
			continue;
		}
		user = ipcid_user(o, last[0], last[1]);
		if ((u32)key != o->key || ctime != o->ctime)
			found = problem(img, "%s %u: its id is taken", o->what,
					o->id);
		else if (user)
			found = problem(img, "%s %u: pid %d uses it", o->what,
					o->id, user);
	}
	if (f)
		fclose(f);
	return found;
}

static unsigned int check_queue(const struct image *img, u32 id)
{
	struct cr_rec_msgq rec;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	return check_ipcid(img, &(struct ipcid){
		.what = "message queue",
		.id = le32_to_cpu(rec.msqid),
		.key = le32_to_cpu(rec.key),
		.flags = le32_to_cpu(rec.flags),
		.ctime = le64_to_cpu(rec.ctime),
	});
}

static unsigned int check_set(const struct image *img, u32 id)
{
	struct cr_rec_semset rec;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	return check_ipcid(img, &(struct ipcid){
		.what = "semaphore set",
		.id = le32_to_cpu(rec.semid),
		.key = le32_to_cpu(rec.key),
		.flags = le32_to_cpu(rec.flags),
		.ctime = le64_to_cpu(rec.ctime),
		.nsems = le32_to_cpu(rec.nsems),
	});
}

unsigned int check_ipc(const struct image *img)
{
	unsigned int problems = 0;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_SHM));)
		problems += check_shm(img, id);
	for (id = 0; (id = image_next(img, id, CR_REC_MSGQ));)
		problems += check_queue(img, id);
	for (id = 0; (id = image_next(img, id, CR_REC_SEMSET));)
		problems += check_set(img, id);
	for (id = 0; (id = image_next(img, id, CR_REC_PROC));)
		problems += check_semundos(img, id);
	return problems;
}
