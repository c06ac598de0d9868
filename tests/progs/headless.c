// SPDX-License-Identifier: GPL-2.0
/*
 * The job's own leader has no first thread any more: main() has ended by
 * pthread_exit(), as it does in some servers, and another thread goes on with
 * all that the process has.
 */
#include "prog.h"
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define SIZE	(3 << 20)
#define TEXT	"what the pipe holds"

static int args;
static char **arg;

static pid_t tid(void)
{
	return syscall(SYS_gettid);
}

/* ---- the first thread ---- */

static pid_t me;

static void first_setup(void)
{
	int i;

	for (i = 0; !prog_first_is_zombie(); i++) {
		check(i < PROG_POLLS, "the first thread does not exit");
		prog_sleep_ms(PROG_POLL_MS);
	}
	me = tid();
	check(me != getpid(), "this is the first thread");
	/* what /proc shows of a process is the first thread's */
	must(prctl(PR_SET_NAME, "lives on"));
}

static void first_verify(void)
{
	char name[16];

	check(prog_first_is_zombie(), "the first thread is back");
	check(tid() == me, "tid %d became %d", me, tid());
	must(prctl(PR_GET_NAME, name));
	check(!strcmp(name, "lives on"), "it is called %s", name);
}

/* ---- memory ---- */

static unsigned char *memory;

static void memory_setup(void)
{
	size_t i;

	memory = malloc(SIZE);
	check(memory, "no memory");
	for (i = 0; i < SIZE; i++)
		memory[i] = i * 7 + i / 4096;
}

static void memory_verify(void)
{
	size_t i;

	for (i = 0; i < SIZE; i++)
		check(memory[i] == (unsigned char)(i * 7 + i / 4096), "byte %zu differs", i);
}

/* ---- files: its table, and the directory ---- */

static int ends[2], file;

static void files_setup(void)
{
	must(pipe(ends));
	must(write(ends[1], TEXT, sizeof(TEXT)));
	file = must(open(prog_path("headless.data"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	must(write(file, TEXT, sizeof(TEXT)));
	must(lseek(file, 5, SEEK_SET));
	must(chdir(prog_dir));
}

static void files_verify(void)
{
	char text[sizeof(TEXT)] = "", cwd[PATH_MAX];

	check(must(read(ends[0], text, sizeof(text))) == sizeof(TEXT) && !strcmp(text, TEXT),
	      "the pipe holds \"%s\"", text);
	check(must(read(file, text, sizeof(text))) == sizeof(TEXT) - 5 && !strcmp(text, &TEXT[5]),
	      "the file is at \"%s\"", text);
	check(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, prog_dir), "it is in %s", cwd);
}

/* ---- what is the process': a signal that waits, a timer ---- */

#define FIRST_S	100000

static timer_t timer;

static void process_setup(void)
{
	struct sigevent sev = { .sigev_notify = SIGEV_NONE };
	struct itimerspec its = { .it_value.tv_sec = FIRST_S };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must0(pthread_sigmask(SIG_BLOCK, &set, NULL));
	must(sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 77 }));
	must(timer_create(CLOCK_MONOTONIC, &sev, &timer));
	must(timer_settime(timer, 0, &its, NULL));
}

static void process_verify(void)
{
	struct timespec no_time = {};
	struct itimerspec its;
	siginfo_t si;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	check(must(sigtimedwait(&set, &si, &no_time)) == SIGUSR2 && si.si_value.sival_int == 77,
	      "its signal says %d", si.si_value.sival_int);
	must(timer_gettime(timer, &its));
	check(its.it_value.tv_sec > FIRST_S / 2 && its.it_value.tv_sec <= FIRST_S,
	      "the timer has %ld s to go", (long)its.it_value.tv_sec);
}

/* ---- a child, of which the thread that lives is the parent ---- */

static pid_t child, parent;

static void child_main(void)
{
	prog_touch("up.child");
	prog_await("end.child");
	check(getppid() == parent, "its parent is %d, no longer %d", getppid(), parent);
	_exit(3);
}

static void child_setup(void)
{
	parent = getpid();
	child = prog_fork(child_main);
	prog_await("up.child");
}

static void child_verify(void)
{
	check(!waitpid(child, NULL, WNOHANG), "process %d has ended, or is no child", child);
	prog_touch("end.child");
	prog_reap(child, 3 << 8);
}

/* ---- another thread ---- */

static pthread_t other;

static void *other_main(void *unused)
{
	(void)unused;
	prog_await("end.other");
	return (void *)(uintptr_t)tid();
}

static void other_setup(void)
{
	must0(pthread_create(&other, NULL, other_main, NULL));
}

static void other_verify(void)
{
	void *result;

	prog_touch("end.other");
	must0(pthread_join(other, &result));
	check(result, "no thread was joined");
}

static const struct prog_case cases[] = {
	{ "first", first_setup, first_verify, false },
	{ "memory", memory_setup, memory_verify, false },
	{ "files", files_setup, files_verify, false },
	{ "process", process_setup, process_verify, false },
	{ "child", child_setup, child_verify, false },
	{ "other", other_setup, other_verify, false },
	{ }
};

static void *second(void *unused)
{
	(void)unused;
	exit(prog_main(args, arg, cases));
}

int main(int argc, char **argv)
{
	pthread_t t;

	args = argc;
	arg = argv;
	must0(pthread_create(&t, NULL, second, NULL));
	syscall(SYS_exit, 5);
}
