// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that sleep uninterruptibly for as long as somebody else wants: they write
 * to the file STUCK_FILE (in the environment), whose file system is frozen by the
 * test. Another process goes on meanwhile, and says so in DIR/beats.
 */
#include "prog.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define PAGE	4096ul

/**
 * struct shared - what all processes see
 * @stop: come to an end
 * @rounds: of who writes
 * @forks: of the thread beside it
 */
struct shared {
	volatile int stop;
	volatile unsigned long rounds;
	volatile unsigned long forks;
};

static struct shared *shared;
static pid_t writer, beater;
static int fd;

/* The file as it should be, once in a while */
static void write_loop(void)
{
	unsigned long n, is;

	for (n = 1; !shared->stop; n++) {
		check(pwrite(fd, &n, sizeof(n), 0) == sizeof(n), "write: %s", strerror(errno));
		check(pread(fd, &is, sizeof(is), 0) == sizeof(is) && is == n, "%lu is in the file",
		      is);
		shared->rounds++;
		prog_sleep_ms(1);
	}
}

/* Its mother's memory is copied, with the mapping that another thread writes to */
static void *fork_loop(void *unused)
{
	while (!shared->stop) {
		pid_t pid = must(fork());

		if (!pid)
			_exit(4);
		prog_reap(pid, 4 << 8);
		shared->forks++;
	}
	return unused;
}

static void fault_loop(void)
{
	volatile unsigned long *p = must(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
					      fd, 0));
	pthread_t thread;
	unsigned long n;

	must0(pthread_create(&thread, NULL, fork_loop, NULL));
	for (n = 1; !shared->stop; n++) {
		must(madvise((void *)p, PAGE, MADV_DONTNEED));
		/* the file system is asked before this may be written */
		*p = n;
		check(*p == n, "%lu is in the page", *p);
		shared->rounds++;
	}
	must0(pthread_join(thread, NULL));
	check(shared->forks, "nothing has been forked");
}

static void beat_loop(void)
{
	int beats = must(open(prog_path("beats"), O_RDWR | O_CREAT, 0644));
	char text[32];
	unsigned long n;

	for (n = 1; !shared->stop; n++) {
		snprintf(text, sizeof(text), "%20lu\n", n);
		check(pwrite(beats, text, 21, 0) == 21, "beats");
		prog_sleep_ms(1);
	}
}

static pid_t child(void (*loop)(void))
{
	pid_t pid = must(fork());

	if (!pid) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL));
		loop();
		_exit(0);
	}
	return pid;
}

static void begin(void (*loop)(void))
{
	const char *path = getenv("STUCK_FILE");
	int i;

	check(path, "no STUCK_FILE");
	fd = must(open(path, O_RDWR | O_CREAT, 0644));
	must(ftruncate(fd, PAGE));
	shared = must(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	writer = child(loop);
	beater = child(beat_loop);
	for (i = 0; !shared->rounds; i++) {
		check(i < PROG_POLLS, "nothing is written");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void begin_write(void)
{
	begin(write_loop);
}

static void begin_fault(void)
{
	begin(fault_loop);
}

static void end(void)
{
	unsigned long before = shared->rounds;
	int i;

	for (i = 0; shared->rounds == before; i++) {
		check(i < PROG_POLLS, "stands still after %lu rounds", before);
		prog_sleep_ms(PROG_POLL_MS);
	}
	shared->stop = 1;
	prog_reap(writer, 0);
	prog_reap(beater, 0);
}

static const struct prog_case cases[] = {
	{ "write", begin_write, end },
	{ "fault", begin_fault, end, .optional = true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
