// SPDX-License-Identifier: GPL-2.0
/*
 * Job control: children that are stopped, and what their parent has been told: nothing that it
 * knows comes twice, nothing that it does not know is lost, and SIGCONT makes them run.
 */
#include "prog.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

static pid_t known, unknown, threads, reader, continued, condemned;
static int to_reader[2];

static void block_chld(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must(sigprocmask(how, &set, NULL));
}

static int chld_pending(void)
{
	sigset_t set;

	must(sigpending(&set));
	return sigismember(&set, SIGCHLD);
}

/* Take SIGCHLD, which is blocked, and demand what it says */
static void take_chld(pid_t pid, int code, int status)
{
	struct timespec limit = { 60, 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	check(must(sigtimedwait(&set, &info, &limit)) == SIGCHLD, "another signal");
	check(info.si_pid == pid && info.si_code == code && info.si_status == status,
	      "SIGCHLD of %d: code %d, status %d", info.si_pid, info.si_code, info.si_status);
}

/* The letter that /proc shows; of a thread of the process, if it is given */
static char state(pid_t pid, pid_t tid)
{
	char path[64], buf[4096];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid ? tid : pid);
	prog_read(path, buf, sizeof(buf));
	return strrchr(buf, ')')[2];
}

static void await_state(pid_t pid, pid_t tid, char want)
{
	int i;

	for (i = 0; state(pid, tid) != want; i++) {
		check(i < PROG_POLLS, "state of %d is %c instead of %c", (int)pid, state(pid, tid), want);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void expect_wait(pid_t pid, int options, pid_t want, int status)
{
	int got = 0;

	check(must(waitpid(pid, &got, options)) == want && got == status,
	      "waitpid(%d): status 0x%x instead of 0x%x", (int)pid, got, status);
}

/* ---- children ---- */

static void idle_child(void)
{
	for (;;)
		pause();
}

static void *idle_thread(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static void threads_child(void)
{
	pthread_t t[2];
	char name[32];
	int i;

	for (i = 0; i < 2; i++)
		must0(pthread_create(&t[i], NULL, idle_thread, NULL));
	snprintf(name, sizeof(name), "up.threads%d", (int)getpid());
	prog_touch(name);
	idle_child();
}

/* Interrupted in a call that goes on when it is continued */
static void reader_child(void)
{
	char c = 0;

	must(close(to_reader[1]));
	prog_touch("up.reader");
	check(must(read(to_reader[0], &c, 1)) == 1 && c == 'x', "read '%c'", c);
	_exit(9);
}

/*
 * In a group of its own, whose parent is in another one of the same session:
 * the terminal's stop signals are lost on the members of an orphaned group
 */
static pid_t fork_group(void (*child)(void))
{
	pid_t pid = prog_fork(child);

	must(setpgid(pid, pid));
	return pid;
}

static pid_t fork_threads(void)
{
	pid_t pid = fork_group(threads_child);
	char name[32];

	snprintf(name, sizeof(name), "up.threads%d", (int)pid);
	prog_await(name);
	return pid;
}

/* ---- stopped, and the parent has waited for it ---- */

static void stop(pid_t pid, int sig)
{
	must(kill(pid, sig));
	await_state(pid, 0, 'T');
	take_chld(pid, CLD_STOPPED, sig);
}

static void stopped_setup(void)
{
	block_chld(SIG_BLOCK);
	must(pipe(to_reader));
	reader = prog_fork(reader_child);
	prog_await("up.reader");
	/* in its call by now */
	await_state(reader, 0, 'S');
	known = fork_group(idle_child);
	threads = fork_threads();
	unknown = fork_group(idle_child);
	continued = prog_fork(idle_child);

	stop(reader, SIGSTOP);
	expect_wait(reader, WUNTRACED, reader, SIGSTOP << 8 | 0x7f);
	stop(known, SIGTSTP);
	expect_wait(known, WUNTRACED, known, SIGTSTP << 8 | 0x7f);
	stop(threads, SIGTTIN);
	expect_wait(threads, WUNTRACED, threads, SIGTTIN << 8 | 0x7f);
	stop(unknown, SIGTTOU);
	stop(continued, SIGSTOP);
	expect_wait(continued, WUNTRACED, continued, SIGSTOP << 8 | 0x7f);
	must(kill(continued, SIGCONT));
	take_chld(continued, CLD_CONTINUED, SIGCONT);
	check(!chld_pending(), "SIGCHLD twice");

	/* it will die of this when it is continued, and not before */
	condemned = fork_threads();
	stop(condemned, SIGSTOP);
	expect_wait(condemned, WUNTRACED, condemned, SIGSTOP << 8 | 0x7f);
	must(kill(condemned, SIGTERM));
}

/* Asks /proc for their numbers: behind the last one the kernel begins at the first again */
static void all_threads_stopped(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	check(dir, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		await_state(pid, atoi(entry->d_name), 'T');
		n++;
	}
	closedir(dir);
	check(n == 3, "%d of 3 threads are there", n);
}

static void cont_and_kill(pid_t pid)
{
	must(kill(pid, SIGCONT));
	expect_wait(pid, WCONTINUED, pid, 0xffff);
	take_chld(pid, CLD_CONTINUED, SIGCONT);
	await_state(pid, 0, 'S');
	must(kill(pid, SIGTERM));
	take_chld(pid, CLD_KILLED, SIGTERM);
	prog_reap(pid, SIGTERM);
}

static void stopped_verify(void)
{
	await_state(known, 0, 'T');
	await_state(unknown, 0, 'T');
	await_state(reader, 0, 'T');
	all_threads_stopped(threads);
	all_threads_stopped(condemned);
	/* one that runs is not stopped; it may have to get back to its sleep */
	await_state(continued, 0, 'S');
	check(!chld_pending(), "SIGCHLD that had been taken comes again");
	expect_wait(known, WUNTRACED | WCONTINUED | WNOHANG, 0, 0);
	expect_wait(threads, WUNTRACED | WCONTINUED | WNOHANG, 0, 0);
	expect_wait(unknown, WUNTRACED | WNOHANG, unknown, SIGTTOU << 8 | 0x7f);
	expect_wait(unknown, WUNTRACED | WNOHANG, 0, 0);
	expect_wait(continued, WCONTINUED | WNOHANG, continued, 0xffff);
	expect_wait(continued, WCONTINUED | WNOHANG, 0, 0);
	must(kill(condemned, SIGCONT));
	prog_reap(condemned, SIGTERM);
	/* what comes now waits until it is continued */
	must(write(to_reader[1], "x", 1));
	prog_sleep_ms(100);
	check(state(reader, 0) == 'T', "it runs");
	must(kill(reader, SIGCONT));
	prog_reap(reader, 9 << 8);
	while (chld_pending()) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGCHLD);
		must(sigtimedwait(&set, NULL, &(struct timespec){}));
	}
	cont_and_kill(known);
	cont_and_kill(threads);
	cont_and_kill(unknown);
	stop(continued, SIGSTOP);
	expect_wait(continued, WUNTRACED, continued, SIGSTOP << 8 | 0x7f);
	cont_and_kill(continued);
}

static const struct prog_case cases[] = {
	{ "stopped", stopped_setup, stopped_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
