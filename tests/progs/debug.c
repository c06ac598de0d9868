// SPDX-License-Identifier: GPL-2.0
/*
 * A job to look at with a debugger: threads and a child that stand at known
 * depths of known functions, with known values in globals, locals, thread-local
 * and shared memory, the stack and a large heap. tests/bats/vm/debug.bats knows
 * them. The child says that the job is ready, when all others are in prog_wait().
 */
#include "prog.h"
#include <pthread.h>
#include <sys/mman.h>

#define DEEP __attribute__((noinline, noclone, optimize("O0")))

enum { THREADS = 3, LARGE = 8 << 20 };

int debug_global = 4711;
const char debug_text[] = "text of the file";
struct { int a; char b[16]; } debug_struct = { 7, "seven" };
__thread int debug_tls = 5;
unsigned char *debug_large;
char *debug_shared;
static volatile pid_t *tids;	/* shared: of main() and of the threads, 0 until they run */
static pid_t child;
static void (*bottom)(void) = prog_wait;

/* Wait @n calls down, each with a value of its own */
DEEP static void wait_below(int n)
{
	volatile int debug_local = 100 * n + 42;

	if (n)
		wait_below(n - 1);
	else
		bottom();
	check(debug_local == 100 * n + 42, "local is %d", debug_local);
}

DEEP static void *debug_thread(void *arg)
{
	int n = (int)(intptr_t)arg;

	debug_tls = 50 + n;
	tids[n] = gettid();
	wait_below(n);
	check(debug_tls == 50 + n, "thread-local is %d", debug_tls);
	return NULL;
}

static pthread_t threads[THREADS];

DEEP static void debug_wait(void)
{
	wait_below(5);
}

/* They sleep in prog_wait() and nowhere else */
static bool sleeps(pid_t tid)
{
	char path[64], stat[1024];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)getppid(), (int)tid);
	prog_read(path, stat, sizeof(stat));
	return strrchr(stat, ')')[2] == 'S';
}

static void child_wait(void)
{
	int i;

	for (i = 0; i <= THREADS; i++)
		while (!tids[i] || !sleeps(tids[i]))
			prog_sleep_ms(PROG_POLL_MS);
	prog_touch("ready");
	prog_wait();
}

DEEP static void debug_child(void)
{
	bottom = child_wait;
	debug_global = 99;
	strcpy(debug_shared + 8192, "from the child");
	debug_wait();
}

static void debug_setup(void)
{
	int i;

	debug_global = 815;
	debug_large = must(mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	debug_shared = must(mmap(NULL, 65536, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	for (i = 0; i < LARGE; i++)
		debug_large[i] = i * 7 >> 5;
	strcpy(debug_shared, "from the parent");
	tids = (pid_t *)(debug_shared + 4096);
	tids[0] = gettid();
	child = prog_fork(debug_child);
	for (i = 0; i < THREADS; i++)
		must0(pthread_create(&threads[i], NULL, debug_thread,
				     (void *)(intptr_t)(i + 1)));
	/* here: behind this it would be called ready before it is */
	debug_wait();
}

static void debug_verify(void)
{
	int i;

	for (i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	prog_reap(child, 0);
	for (i = 0; i < LARGE; i++)
		check(debug_large[i] == (unsigned char)(i * 7 >> 5),
		      "byte %d of the heap is %d", i, debug_large[i]);
	check(!strcmp(debug_shared + 8192, "from the child"), "shared memory");
}

static const struct prog_case cases[] = {
	{ "debug", debug_setup, debug_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
