/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must be as it was when a save or a restart has failed, for faults.c: the
 * machine, who has asked, and the job.
 */
#ifndef UNHARMED_H
#define UNHARMED_H

#include "inject.h"

#define TEXT		65536

/* of the job: DIR/beats */
static volatile unsigned int *beats;

/* ---- what must not change ---- */

/**
 * struct state - of the machine and of who asks
 * @maps: its memory
 * @fds: how many descriptors it has
 * @ipc: System V objects
 * @names: in the directory of the job, by their number
 * @users: of the module
 */
struct state {
	char maps[TEXT];
	int fds;
	char ipc[3][TEXT];
	int names;
	long users;
};

static int found;

static void count_name(const char *name)
{
	(void)name;
	found++;
}

static int count_in(const char *dir)
{
	found = 0;
	each(dir, "", count_name);
	return found;
}

/* Without who used it last, and when */
static void read_ipc(const char *path, char *buf)
{
	char *line, *out = buf, *next;
	long key, id;

	prog_read(path, buf, TEXT);
	for (line = buf; *line; line = next) {
		next = strchrnul(line, '\n');
		next += !!*next;
		/* shorter than the line was */
		if (sscanf(line, "%ld %ld", &key, &id) == 2)
			out += sprintf(out, "%ld %ld\n", key, id);
	}
	*out = 0;
}

static void look(struct state *s)
{
	prog_read("/proc/self/maps", s->maps, sizeof(s->maps));
	s->fds = count_in("/proc/self/fd");
	read_ipc("/proc/sysvipc/shm", s->ipc[0]);
	read_ipc("/proc/sysvipc/sem", s->ipc[1]);
	read_ipc("/proc/sysvipc/msg", s->ipc[2]);
	s->names = count_in(prog_dir);
	s->users = get("/sys/module/binfmt_cr", "refcnt");
}

static void same_text(const char *what, const char *a, const char *b)
{
	check(!strcmp(a, b), "%lu: %s changed from\n%s\nto\n%s", counts->n, what, a, b);
}

static void compare(const struct state *before)
{
	static struct state after;
	int i;

	look(&after);
	/* who executes anything uses the module for a moment, and files are closed later */
	for (i = 0; after.users != before->users; i++) {
		check(i < PROG_POLLS, "%lu: the module has %ld users instead of %ld", counts->n,
		      after.users, before->users);
		prog_sleep_ms(PROG_POLL_MS);
		after.users = get("/sys/module/binfmt_cr", "refcnt");
	}
	same_text("memory", before->maps, after.maps);
	for (i = 0; i < 3; i++)
		same_text("System V objects", before->ipc[i], after.ipc[i]);
	check(before->fds == after.fds, "%lu: %d descriptors instead of %d", counts->n, after.fds,
	      before->fds);
	check(before->names == after.names, "%lu: %d names in %s instead of %d", counts->n,
	      after.names, prog_dir, before->names);
}

/* All of the job goes on */
static void beats_on(void)
{
	unsigned int was;
	int i, nr;

	for (nr = 0; nr < 3; nr++) {
		was = beats[nr];
		for (i = 0; beats[nr] == was; i++) {
			check(i < PROG_POLLS, "%lu: task %d of the job stands still", counts->n, nr);
			prog_sleep_ms(PROG_POLL_MS);
		}
	}
}

/*
 * What some of the kernel's calls say for want of memory: execve() with arguments, a
 * tmpfs with an inode, pipe(), a queued signal or a timer, a lock
 */
static bool means_memory(int err)
{
	return err == E2BIG || err == ENOSPC || err == ENFILE || err == EAGAIN || err == ENOLCK;
}

/* It failed as it should have: for want of memory, or of access to the caller's */
static void failed(int err, bool restart, bool injected, const char *why)
{
	check(injected, "%lu: failed without a fault: %s: %s", counts->n, strerror(err), why);
	counts->errors[err]++;
	check(err == ENOMEM || err == EFAULT || (restart && means_memory(err)),
	      "%lu: failed with %s: %s", counts->n, strerrorname_np(err), why);
}

static void map_beats(void)
{
	int fd = must(open(prog_path("beats"), O_RDONLY | O_CLOEXEC));

	beats = must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
}

#endif /* UNHARMED_H */
