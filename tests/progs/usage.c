// SPDX-License-Identifier: GPL-2.0
/*
 * What getrusage(), wait4() and /proc/PID/io tell beside CPU time: of the process,
 * one of its threads, children that were waited for, and one that was not yet.
 * The most memory that there was stays what it was; other counts do not go back.
 */
#include "prog.h"
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define MIB		(1024ul * 1024)
#define FAULTS		2000ul
#define SWITCHES	300ul
/* what waiting and a restart may add: far from what a wrong number would */
#define MORE		100000

struct counts {
	struct rusage ru;
	unsigned long long io[4];
};

static const char *const io_names[] = { "rchar:", "wchar:", "syscr:", "syscw:" };
static struct counts own, thread, children, zombie;
static unsigned long long hwm, peak;
static pid_t zombie_pid;

/* Faults, voluntary switches, writes; memory that is given back */
static void work(size_t size)
{
	char *p = must(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int fd = must(open("/dev/null", O_WRONLY));
	struct rusage ru;
	long from;

	must(getrusage(RUSAGE_THREAD, &ru));
	from = ru.ru_nvcsw;
	must(madvise(p, size, MADV_NOHUGEPAGE));
	memset(p, 1, size);
	/* a sleep that is over before it begins is none */
	while (ru.ru_nvcsw - from < (long)SWITCHES) {
		must(usleep(100));
		must(write(fd, p, 4096));
		must(getrusage(RUSAGE_THREAD, &ru));
	}
	must(munmap(p, size));
	must(close(fd));
}

static void io_get(const char *path, struct counts *c)
{
	int i;

	for (i = 0; i < 4; i++)
		c->io[i] = prog_field(path, io_names[i], 10);
}

static void did_work(const struct counts *c)
{
	check(c->ru.ru_minflt >= (long)FAULTS && c->ru.ru_nvcsw >= (long)SWITCHES,
	      "%ld faults, %ld switches", c->ru.ru_minflt, c->ru.ru_nvcsw);
}

static void not_less(const char *what, const char *of, long was, long is)
{
	check(is >= was && is <= was + MORE, "%s of %s: %ld became %ld", what, of, was, is);
}

static void usage_check(const char *of, const struct counts *was, const struct counts *is)
{
	int i;

	not_less("minor faults", of, was->ru.ru_minflt, is->ru.ru_minflt);
	not_less("major faults", of, was->ru.ru_majflt, is->ru.ru_majflt);
	not_less("voluntary switches", of, was->ru.ru_nvcsw, is->ru.ru_nvcsw);
	not_less("other switches", of, was->ru.ru_nivcsw, is->ru.ru_nivcsw);
	not_less("blocks in", of, was->ru.ru_inblock, is->ru.ru_inblock);
	not_less("blocks out", of, was->ru.ru_oublock, is->ru.ru_oublock);
	check(is->ru.ru_maxrss == was->ru.ru_maxrss, "memory of %s: %ld KiB became %ld", of,
	      was->ru.ru_maxrss, is->ru.ru_maxrss);
	for (i = 0; i < 4; i++)
		check(is->io[i] >= was->io[i] && is->io[i] < was->io[i] + 64 * MIB,
		      "%s of %s: %llu became %llu", io_names[i], of, was->io[i], is->io[i]);
}

/* ---- a thread: its own counts ---- */

static volatile bool thread_up, thread_end;
static pthread_t thread_id;

static void thread_get(struct counts *c)
{
	char path[64];

	must(getrusage(RUSAGE_THREAD, &c->ru));
	snprintf(path, sizeof(path), "/proc/self/task/%d/io", (int)gettid());
	io_get(path, c);
}

static void *threaded(void *arg)
{
	struct counts now;

	work(FAULTS * 4096);
	thread_get(&thread);
	did_work(&thread);
	thread_up = true;
	while (!thread_end)
		prog_sleep_ms(PROG_POLL_MS);
	thread_get(&now);
	/* the process had the most memory before, or will have */
	now.ru.ru_maxrss = thread.ru.ru_maxrss;
	usage_check("a thread", &thread, &now);
	return arg;
}

/* One that exits: its counts become the process' own */
static void *exits(void *arg)
{
	work(FAULTS * 4096);
	return arg;
}

/* ---- children ---- */

static void child(void)
{
	work(40 * MIB);
}

static void zombie_get(struct counts *c)
{
	char path[64];
	siginfo_t info;

	must(syscall(SYS_waitid, P_PID, zombie_pid, &info, WEXITED | WNOWAIT, &c->ru));
	snprintf(path, sizeof(path), "/proc/%d/io", (int)zombie_pid);
	io_get(path, c);
}

/* ---- all of them ---- */

static void own_get(struct counts *c)
{
	must(getrusage(RUSAGE_SELF, &c->ru));
	io_get("/proc/self/io", c);
}

static void usage_setup(void)
{
	pthread_t other;

	prog_reap(prog_fork(child), 0);
	zombie_pid = prog_fork(child);
	must0(pthread_create(&other, NULL, exits, NULL));
	must0(pthread_join(other, NULL));
	must0(pthread_create(&thread_id, NULL, threaded, NULL));
	while (!thread_up)
		prog_sleep_ms(1);
	/* more than there will be again */
	work(64 * MIB);
	zombie_get(&zombie);
	did_work(&zombie);
	own_get(&own);
	did_work(&own);
	must(getrusage(RUSAGE_CHILDREN, &children.ru));
	did_work(&children);
	check(own.ru.ru_maxrss >= 64 * 1024 && children.ru.ru_maxrss >= 40 * 1024, "memory");
	hwm = prog_field("/proc/self/status", "VmHWM:", 10);
	peak = prog_field("/proc/self/status", "VmPeak:", 10);
}

static void usage_verify(void)
{
	struct counts now = {};
	unsigned long long n;

	must(getrusage(RUSAGE_CHILDREN, &now.ru));
	check(!memcmp(&now.ru.ru_maxrss, &children.ru.ru_maxrss,
		      sizeof(now.ru) - offsetof(struct rusage, ru_maxrss)),
	      "children: %ld faults, %ld KiB became %ld faults, %ld KiB", children.ru.ru_minflt,
	      children.ru.ru_maxrss, now.ru.ru_minflt, now.ru.ru_maxrss);
	zombie_get(&now);
	usage_check("a zombie", &zombie, &now);
	own_get(&now);
	usage_check("the process", &own, &now);
	n = prog_field("/proc/self/status", "VmHWM:", 10);
	check(n == hwm, "VmHWM %llu KiB became %llu", hwm, n);
	n = prog_field("/proc/self/status", "VmPeak:", 10);
	check(n == peak, "VmPeak %llu KiB became %llu", peak, n);
	thread_end = true;
	must0(pthread_join(thread_id, NULL));
	prog_reap(zombie_pid, 0);
	must(getrusage(RUSAGE_CHILDREN, &now.ru));
	not_less("minor faults", "both children", children.ru.ru_minflt + zombie.ru.ru_minflt,
		 now.ru.ru_minflt);
}

static const struct prog_case cases[] = {
	{ "usage", usage_setup, usage_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
