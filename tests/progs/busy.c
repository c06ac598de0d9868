// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that change as fast as they can: they fork, execute, exit, create
 * threads, change their mappings. All that they get is verified as they go on:
 * every status, every thread's result, every byte that was mapped.
 *
 * A case runs in processes of its own and says in memory that all share how
 * often it got around. The leader waits for DIR/go, or for SIGUSR1, which ends
 * one of several copies; then every case must get around once more, and come to
 * its end. The one that executes itself has that memory as a descriptor.
 */
#include "prog.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define PAGE		4096ul
#define NR_CASES	5

/**
 * struct shared - what all processes see
 * @stop: come to an end
 * @rounds: how often each case got around
 */
struct shared {
	volatile int stop;
	volatile unsigned long rounds[NR_CASES];
};

static struct shared *shared;
static int shared_fd;
static pid_t pids[NR_CASES];
static volatile sig_atomic_t told;

static void on_usr1(int sig)
{
	(void)sig;
	told = 1;
}

/* ---- fork: several children at once, each with memory of its own ---- */

#define FORKS	6

static void fork_child(unsigned long n, volatile unsigned long *memory)
{
	pid_t pid;
	size_t i;

	for (i = 0; i < 8; i++)
		check(memory[i * PAGE / 8] == n + i, "child %lu: page %zu holds %lu", n, i,
		      memory[i * PAGE / 8]);
	memory[0] = 0;
	if (n % 4)
		_exit(n & 0x7f);
	/* every fourth has a child, too, and half of those leave it to others */
	pid = must(fork());
	if (!pid)
		_exit(3);
	if (n % 8)
		prog_reap(pid, 3 << 8);
	_exit(n & 0x7f);
}

static void fork_loop(int nr)
{
	volatile unsigned long *memory;
	unsigned long n = 0, i;
	pid_t children[FORKS];

	memory = must(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0));
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	while (!shared->stop) {
		for (i = 0; i < FORKS; i++, n++) {
			size_t page;

			for (page = 0; page < 8; page++)
				memory[page * PAGE / 8] = n + page;
			children[i] = must(fork());
			if (!children[i])
				fork_child(n, memory);
			check(memory[0] == n, "a child has written here");
		}
		for (i = 0; i < FORKS; i++)
			prog_reap(children[i], ((n - FORKS + i) & 0x7f) << 8);
		/* those that were left to us */
		for (;;) {
			int status;
			pid_t pid = waitpid(-1, &status, WNOHANG);

			if (pid <= 0)
				break;
			check(status == 3 << 8, "grandchild ended with 0x%x", status);
		}
		shared->rounds[nr]++;
	}
	while (wait(NULL) > 0)
		;
	check(errno == ECHILD, "wait: %s", strerror(errno));
}

/* ---- exec: a process that executes itself, with children that are executed ---- */

static void spawn(const char *what, int status)
{
	char *argv[] = { "busy", "--spawned", (char *)what, NULL };
	pid_t pid = must(vfork());

	if (!pid) {
		execv("/proc/self/exe", argv);
		_exit(99);
	}
	prog_reap(pid, status << 8);
}

static void *exec_thread(void *argv)
{
	execv("/proc/self/exe", argv);
	prog_fail("execv: %s", strerror(errno));
}

static void *exec_other(void *unused)
{
	for (;;)
		sched_yield();
	return unused;
}

/* Another thread than the first executes: all others die of it */
static void exec_again(unsigned long n)
{
	char fd[16], number[24];
	char *argv[] = { "busy", "--again", (char *)prog_dir, fd, number, NULL };
	pthread_t thread, other;

	snprintf(fd, sizeof(fd), "%d", shared_fd);
	snprintf(number, sizeof(number), "%lu", n);
	if (n % 2)
		exec_thread(argv);
	must0(pthread_create(&other, NULL, exec_other, NULL));
	must0(pthread_create(&thread, NULL, exec_thread, argv));
	must0(pthread_join(thread, NULL));
	prog_fail("still here");
}

#define EXEC	1

static void exec_loop(int nr)
{
	(void)nr;
	exec_again(1);
}

/* busy --again DIR FD N: it is N that the memory says */
static int again(char **argv)
{
	unsigned long n = strtoul(argv[4], NULL, 10);

	prog_dir = argv[2];
	prog_case = "exec";
	shared_fd = atoi(argv[3]);
	shared = must(mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0));
	shared->rounds[EXEC]++;
	check(shared->rounds[EXEC] == n, "it is %lu, not %lu", shared->rounds[EXEC], n);
	check(getpid() == syscall(SYS_gettid), "not the first thread");
	if (n % 4 == 0)
		spawn(n % 8 ? "5" : "7", n % 8 ? 5 : 7);
	if (!shared->stop)
		exec_again(n + 1);
	return 0;
}

/* ---- exit: processes whose threads end in every order ---- */

static void *exit_sleeper(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *exit_group_thread(void *status)
{
	_exit((long)status);
}

static void *exit_last(void *unused)
{
	(void)unused;
	/* the first one has gone, or goes */
	sched_yield();
	_exit(9);
}

static void exit_child(unsigned long n)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 3; i++)
		must0(pthread_create(&thread, NULL, exit_sleeper, NULL));
	switch (n % 4) {
	case 0:
		must0(pthread_create(&thread, NULL, exit_group_thread, (void *)9l));
		pause();
		break;
	case 1:
		must0(pthread_create(&thread, NULL, exit_last, NULL));
		syscall(SYS_exit, 0);
		break;
	case 2:
		kill(getpid(), SIGKILL);
		break;
	case 3:
		_exit(9);
	}
	for (;;)
		pause();
}

static void exit_loop(int nr)
{
	unsigned long n = 0;
	pid_t child[4];
	int i;

	while (!shared->stop) {
		for (i = 0; i < 4; i++) {
			child[i] = must(fork());
			if (!child[i])
				exit_child(n + i);
		}
		for (i = 0; i < 4; i++)
			prog_reap(child[i], (n + i) % 4 == 2 ? SIGKILL : 9 << 8);
		n += 4;
		shared->rounds[nr]++;
	}
}

/* ---- threads: created, joined and detached, by several at once ---- */

#define CREATORS	3

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long sum, detached_begun;

static void add(unsigned long n)
{
	must0(pthread_mutex_lock(&mutex));
	sum += n;
	must0(pthread_mutex_unlock(&mutex));
}

static void *thread_main(void *arg)
{
	static __thread unsigned long own;

	check(!own, "a thread's own variable is %lu", own);
	own = (unsigned long)arg;
	add(own);
	check(own == (unsigned long)arg, "a thread's own variable has changed");
	return (void *)(own * 3);
}

static void *creator_main(void *arg)
{
	unsigned long n = (unsigned long)arg, total = 0;
	pthread_attr_t attr;
	pthread_t thread[3], detached;
	void *ret;
	int i;

	must0(pthread_attr_init(&attr));
	must0(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
	must0(pthread_attr_setstacksize(&attr, 128 << 10));
	while (!shared->stop) {
		for (i = 0; i < 3; i++)
			must0(pthread_create(&thread[i], NULL, thread_main, (void *)(n + i)));
		/* nobody waits for it */
		must0(pthread_create(&detached, &attr, thread_main, (void *)1ul));
		for (i = 0; i < 3; i++) {
			must0(pthread_join(thread[i], &ret));
			check(ret == (void *)((n + i) * 3), "thread %lu returned %lu", n + i,
			      (unsigned long)ret);
			total += n + i;
		}
		__atomic_add_fetch(&detached_begun, 1, __ATOMIC_SEQ_CST);
		n += CREATORS;
		shared->rounds[3]++;
	}
	return (void *)total;
}

static void threads_loop(int nr)
{
	pthread_t creator[CREATORS];
	unsigned long total = 0;
	void *ret;
	int i;

	(void)nr;
	for (i = 0; i < CREATORS; i++)
		must0(pthread_create(&creator[i], NULL, creator_main, (void *)(i + 1ul)));
	for (i = 0; i < CREATORS; i++) {
		must0(pthread_join(creator[i], &ret));
		total += (unsigned long)ret;
	}
	total += detached_begun;
	for (i = 0; __atomic_load_n(&sum, __ATOMIC_SEQ_CST) != total; i++) {
		check(i < PROG_POLLS, "threads have added %lu, not %lu", sum, total);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

/* ---- maps: all that can be done to mappings, by two threads ---- */

#define MAPS	4

static void map_check(const unsigned long *p, size_t pages, unsigned long seed)
{
	size_t i;

	for (i = 0; i < pages; i++)
		check(p[i * PAGE / 8] == seed + i, "page %zu holds %lu instead of %lu", i,
		      p[i * PAGE / 8], seed + i);
}

static void map_round(unsigned long seed)
{
	size_t pages = 4 + seed % 13, i;
	int shared_or_not = seed % 3 ? MAP_PRIVATE : MAP_SHARED;
	unsigned long *p, *q;

	p = must(mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, shared_or_not | MAP_ANONYMOUS,
		      -1, 0));
	for (i = 0; i < pages; i++)
		p[i * PAGE / 8] = seed + i;
	must(mprotect(p + PAGE / 8, PAGE, PROT_READ));
	map_check(p, pages, seed);
	must(mprotect(p + PAGE / 8, PAGE, PROT_READ | PROT_WRITE));
	if (shared_or_not == MAP_PRIVATE) {
		must(madvise(p + 2 * PAGE / 8, PAGE, MADV_DONTNEED));
		check(!p[2 * PAGE / 8], "a page that was dropped is there");
		p[2 * PAGE / 8] = seed + 2;
	}
	q = mremap(p, pages * PAGE, (pages + 8) * PAGE, MREMAP_MAYMOVE);
	check(q != MAP_FAILED, "mremap: %s", strerror(errno));
	map_check(q, pages, seed);
	must(munmap(q + 3 * PAGE / 8, PAGE));
	map_check(q, 3, seed);
	map_check(q + 4 * PAGE / 8, pages - 4, seed + 4);
	must(munmap(q, (pages + 8) * PAGE));
}

static void *maps_main(void *arg)
{
	unsigned long seed = (unsigned long)arg * 1000003;

	while (!shared->stop) {
		map_round(seed++);
		shared->rounds[MAPS]++;
	}
	return NULL;
}

static void maps_loop(int nr)
{
	unsigned long n = 0;
	pthread_t other;
	char *end;

	must0(pthread_create(&other, NULL, maps_main, (void *)2ul));
	while (!shared->stop) {
		map_round(n++);
		end = must(sbrk(3 * PAGE));
		memset(end, 7, 3 * PAGE);
		check(end[PAGE] == 7 && end[3 * PAGE - 1] == 7, "the heap's end");
		must(sbrk(-3 * (long)PAGE));
		shared->rounds[nr]++;
	}
	must0(pthread_join(other, NULL));
}

/* ---- the leader ---- */

static const char *const names[NR_CASES] = { "fork", "exec", "exit", "threads", "maps" };
static void (*const loops[NR_CASES])(int nr) = {
	fork_loop, exec_loop, exit_loop, threads_loop, maps_loop,
};

static void begin(int nr)
{
	int i;

	if (!shared) {
		shared_fd = must(memfd_create("shared", 0));
		must(ftruncate(shared_fd, PAGE));
		shared = must(mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
				   shared_fd, 0));
		signal(SIGUSR1, on_usr1);
		/* who saves them, and the test, shall come to it, too */
		must(setpriority(PRIO_PROCESS, 0, 10));
	}
	pids[nr] = must(fork());
	if (!pids[nr]) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL));
		prog_case = names[nr];
		signal(SIGUSR1, SIG_DFL);
		loops[nr](nr);
		_exit(0);
	}
	for (i = 0; !shared->rounds[nr]; i++) {
		check(i < PROG_POLLS, "%s does not begin", names[nr]);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

/* As prog_wait(), but a signal ends it, too, and so does the end of a child */
static void wait_told(void)
{
	struct timespec ts = { 0, PROG_POLL_MS * 1000000l };
	char *path = prog_path("go");
	int nr, status;

	while (!told && access(path, F_OK)) {
		for (nr = 0; nr < NR_CASES; nr++)
			check(!pids[nr] || !waitpid(pids[nr], &status, WNOHANG),
			      "%s has ended too early", names[nr]);
		nanosleep(&ts, NULL);
	}
	free(path);
}

/* It must have gone on until the end, not just not have failed */
static void end(int nr)
{
	unsigned long before = shared->rounds[nr];
	int i;

	for (i = 0; shared->rounds[nr] == before; i++) {
		check(i < PROG_POLLS, "stands still after %lu rounds", before);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void end_fork(void) { end(0); }
static void end_exec(void) { end(1); }
static void end_exit(void) { end(2); }
static void end_threads(void) { end(3); }

static void end_maps(void) { end(4); }

static void begin_fork(void) { begin(0); }
static void begin_exec(void) { begin(1); }
static void begin_exit(void) { begin(2); }
static void begin_threads(void) { begin(3); }
static void begin_maps(void) { begin(4); }

/* Behind all cases: the end of those that were chosen */
static void end_all(void)
{
	int nr;

	shared->stop = 1;
	for (nr = 0; nr < NR_CASES; nr++) {
		prog_case = names[nr];
		if (pids[nr])
			prog_reap(pids[nr], 0);
	}
}

static const struct prog_case cases[] = {
	{ "fork", begin_fork, end_fork },
	{ "exec", begin_exec, end_exec },
	{ "exit", begin_exit, end_exit },
	{ "threads", begin_threads, end_threads },
	{ "maps", begin_maps, end_maps },
	{ }
};

int main(int argc, char **argv)
{
	int err;

	if (argc == 3 && !strcmp(argv[1], "--spawned"))
		return atoi(argv[2]);
	prog_name = "busy";
	if (argc == 5 && !strcmp(argv[1], "--again"))
		return again(argv);
	prog_waiter = wait_told;
	err = prog_main(argc, argv, cases);
	if (!err && shared)
		end_all();
	return err;
}
