// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that share what fork() would copy (descriptors and their locks,
 * working directory, memory, signal handlers), threads that do not share what
 * threads share, and sharing that does not follow who made whom.
 */
#include "prog.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static volatile int *word;	/* shared memory for small talk */

static pid_t clone_with(unsigned long flags, void (*fn)(void))
{
	pid_t pid = must(syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0));

	if (!pid) {
		fn();
		_exit(0);
	}
	return pid;
}

static void wait_word(int i, int value)
{
	int n;

	for (n = 0; word[i] != value; n++) {
		check(n < PROG_POLLS, "waited too long for word %d", i);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void *map(size_t len)
{
	return must(mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* ---- one descriptor table for two processes, and a lock that is the table's ---- */

static pid_t files_pid;

static void files_child(void)
{
	struct flock unlock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	word[0] = 1;
	wait_word(0, 2);
	/* the parent has opened 50 meanwhile */
	check(fcntl(50, F_GETFD) >= 0, "descriptor 50 is not in the child");
	must(dup2(50, 51));
	must(fcntl(52, F_SETLK, &unlock));
	word[0] = 3;
}

static void files_setup(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = must(open(prog_path("locked"), O_RDWR | O_CREAT, 0600));

	must(dup2(fd, 52));
	must(close(fd));
	must(fcntl(52, F_SETLK, &lock));
	files_pid = clone_with(CLONE_FILES, files_child);
	wait_word(0, 1);
}

/* Has somebody locked it? As a process sees it that has another table */
static void files_locked(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	must(fcntl(52, F_GETLK, &lock));
	_exit(lock.l_type == F_WRLCK);
}

static void files_verify(void)
{
	must(dup2(2, 50));
	prog_reap(prog_fork(files_locked), 1 << 8);
	word[0] = 2;
	wait_word(0, 3);
	check(fcntl(51, F_GETFD) >= 0, "descriptor 51 is not in the parent");
	/* it was the child's as well */
	prog_reap(prog_fork(files_locked), 0);
	prog_reap(files_pid, 0);
	must(close(50));
	must(close(51));
	must(close(52));
}

/* ---- A and B share; B and C share; then B leaves: A and C are left ---- */

static pid_t a_pid;

static void c_main(void)
{
	word[3] = 1;
	wait_word(4, 1);
	check(fcntl(60, F_GETFD) >= 0, "A and C do not share descriptors");
	word[3] = 2;
	wait_word(4, 2);
	check(fcntl(61, F_GETFD) == -1, "B and C share descriptors");
	word[3] = 3;
}

static void b_main(void)
{
	pid_t pid = clone_with(CLONE_FILES, c_main);

	wait_word(3, 1);
	must(unshare(CLONE_FILES));
	word[2] = 1;
	wait_word(3, 2);
	check(fcntl(60, F_GETFD) == -1, "A and B share descriptors");
	must(dup2(2, 61));
	word[4] = 2;
	prog_reap(pid, 0);
}

static void a_main(void)
{
	pid_t pid = clone_with(CLONE_FILES, b_main);

	wait_word(2, 1);
	word[5] = 1;
	prog_wait();
	must(dup2(2, 60));
	word[4] = 1;
	prog_reap(pid, 0);
}

static void chain_setup(void)
{
	a_pid = prog_fork(a_main);
	wait_word(5, 1);
}

static void chain_verify(void)
{
	prog_reap(a_pid, 0);
}

/* ---- working directory and umask of two processes ---- */

static pid_t fs_pid;

static void fs_child(void)
{
	word[6] = 1;
	wait_word(6, 2);
	must(chdir("/"));
	umask(0123);
	word[6] = 3;
}

static void fs_setup(void)
{
	must(chdir(prog_dir));
	fs_pid = clone_with(CLONE_FS, fs_child);
	wait_word(6, 1);
}

static void fs_verify(void)
{
	char cwd[PATH_MAX];

	check(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, prog_dir), "working directory: %s", cwd);
	word[6] = 2;
	wait_word(6, 3);
	check(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/"),
	      "the working directory is not shared: %s", cwd);
	check(umask(022) == 0123, "the umask is not shared");
	prog_reap(fs_pid, 0);
}

/* ---- memory and handlers of two processes, and of one that has ended ---- */

#define STACK	(256 << 10)
static pid_t vm_pid, vm_ended;
static char *vm_stack;
static volatile int vm_state, vm_handled;

static void vm_handler(int sig)
{
	(void)sig;
	vm_handled++;
}

static int vm_child(void *arg)
{
	struct timespec ts = { 0, 10000000 };

	/* raw calls only: the C library's thread data is the parent's */
	vm_state = 1;
	while (vm_state != 2)
		syscall(SYS_nanosleep, &ts, NULL);
	*(int *)arg = 99;
	vm_state = 3;
	syscall(SYS_exit, 17);
	return 0;
}

static int vm_ends(void *unused)
{
	(void)unused;
	syscall(SYS_exit, 18);
	return 0;
}

static int vm_result;

static void vm_setup(void)
{
	siginfo_t info;
	int i;

	vm_stack = map(STACK);
	vm_ended = must(clone(vm_ends, vm_stack + STACK, CLONE_VM | CLONE_SIGHAND | SIGCHLD,
			      NULL));
	must(waitid(P_PID, vm_ended, &info, WEXITED | WNOWAIT));
	signal(SIGUSR1, SIG_IGN);
	vm_pid = must(clone(vm_child, vm_stack + STACK, CLONE_VM | CLONE_SIGHAND | SIGCHLD,
			    &vm_result));
	for (i = 0; vm_state != 1; i++) {
		check(i < PROG_POLLS, "the child does not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void vm_verify(void)
{
	int i;

	/* set here, runs there */
	signal(SIGUSR1, vm_handler);
	must(kill(vm_pid, SIGUSR1));
	for (i = 0; !vm_handled; i++) {
		check(i < PROG_POLLS, "handlers are not shared");
		prog_sleep_ms(PROG_POLL_MS);
	}
	vm_state = 2;
	prog_reap(vm_pid, 17 << 8);
	prog_reap(vm_ended, 18 << 8);
	check(vm_state == 3 && vm_result == 99, "memory is not shared");
}

/* ---- a thread with descriptors and a working directory of its own, and of a process ---- */

static pthread_t thread;
static volatile int thread_state;

static void thread_child(void)
{
	word[7] = 1;
	wait_word(7, 2);
	check(fcntl(72, F_GETFD) >= 0, "a thread's child does not share its descriptors");
	must(chdir("/"));
	word[7] = 3;
}

static void *thread_main(void *unused)
{
	char cwd[PATH_MAX];
	pid_t pid;

	(void)unused;
	must(unshare(CLONE_FILES | CLONE_FS));
	must(chdir("/usr"));
	must(dup2(2, 70));
	pid = clone_with(CLONE_FILES | CLONE_FS, thread_child);
	wait_word(7, 1);
	thread_state = 1;
	while (thread_state != 2)
		prog_sleep_ms(PROG_POLL_MS);
	check(fcntl(70, F_GETFD) >= 0, "descriptor 70 is lost");
	check(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/usr"), "directory of a thread: %s", cwd);
	must(dup2(2, 71));
	must(dup2(2, 72));
	word[7] = 2;
	wait_word(7, 3);
	check(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/"), "a thread's child changes to %s", cwd);
	prog_reap(pid, 0);
	return NULL;
}

static void thread_setup(void)
{
	int i;

	must0(pthread_create(&thread, NULL, thread_main, NULL));
	for (i = 0; thread_state != 1; i++) {
		check(i < PROG_POLLS, "the thread does not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void thread_verify(void)
{
	char cwd[PATH_MAX];

	check(fcntl(70, F_GETFD) == -1, "a thread's descriptor is in the others");
	check(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/usr"), "the directories are shared");
	thread_state = 2;
	must0(pthread_join(thread, NULL));
	check(fcntl(71, F_GETFD) == -1, "the descriptor tables are shared");
}

/* ---- */

static void word_setup(void)
{
	if (!word)
		word = map(4096);
}

static void setup_files(void) { word_setup(); files_setup(); }
static void setup_chain(void) { word_setup(); chain_setup(); }
static void setup_thread(void) { word_setup(); thread_setup(); }
static void setup_fs(void) { word_setup(); fs_setup(); }

static const struct prog_case cases[] = {
	/* not the other way round: the processes of later cases inherit descriptors */
	{ "files", setup_files, NULL, false },
	{ "chain", setup_chain, chain_verify, false },
	{ "thread", setup_thread, thread_verify, false },
	{ "files", NULL, files_verify, false },
	{ "fs", setup_fs, fs_verify, false },
	{ "vm", vm_setup, vm_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
