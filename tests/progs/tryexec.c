// SPDX-License-Identifier: GPL-2.0
/*
 * "tryexec [-1] FILE [ARGUMENT...]" executes a file and, when that fails, prints
 * the name of the errno and verifies that it is still what it was: its memory,
 * descriptors, handlers, pending signals, threads, ids, priorities, and that it
 * has neither got a child nor heard of one, while a timer's signals are handled.
 * Exit status 0 then, 1 if something changed. -1: without a second thread, with
 * which no restart is in place.
 */
#include "prog.h"
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define SIZE	(256 << 10)

static struct state {
	char maps[SIZE];
	char fds[4096];
	char status[8192];
	char mounts[SIZE];
	char cmdline[4096];
	char exe[PATH_MAX];
	char cwd[PATH_MAX];
	char limits[4096];
	unsigned char actions[65][32];
	sigset_t pending;
	stack_t altstack;
	pid_t pid, ppid, pgid, sid, tid;
	int nice, policy, ioprio;
	uint64_t now, children_cpu;
} before, after;

static volatile int sigchld;
static volatile bool stop;
static bool threads = true;
static pthread_t other;
static volatile uint64_t beats;

static void on_chld(int sig)
{
	(void)sig;
	sigchld++;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Another thread must survive a failed execve(), too; it takes no signals */
static void *other_main(void *unused)
{
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	must0(pthread_sigmask(SIG_BLOCK, &all, NULL));
	while (!stop) {
		beats++;
		prog_sleep_ms(5);
	}
	return NULL;
}

static void read_fds(char *out, size_t size)
{
	char link[64], target[PATH_MAX];
	size_t len = 0;
	int fd, n;

	for (fd = 0; fd < 256; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		len += snprintf(out + len, size - len, "%d %s %x\n", fd, target,
				fcntl(fd, F_GETFD));
		check(len < size, "too many descriptors");
	}
}

/* Lines of /proc/self/status that only tell how much */
static void drop_numbers(char *status)
{
	static const char *const drop[] = {
		"Vm", "Rss", "voluntary", "nonvoluntary", "Hugetlb", "x86_Thread",
		"SigQ",	/* of all processes of the user */
	};
	char *line, *next, *out = status;
	size_t i;

	for (line = status; *line; line = next) {
		next = strchr(line, '\n') + 1;
		for (i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
			if (!strncmp(line, drop[i], strlen(drop[i])))
				break;
		if (i < sizeof(drop) / sizeof(drop[0]))
			continue;
		memmove(out, line, next - line);
		out += next - line;
	}
	*out = 0;
}

static void look(struct state *s)
{
	struct rusage ru;
	int sig, n;

	prog_read("/proc/self/maps", s->maps, sizeof(s->maps));
	read_fds(s->fds, sizeof(s->fds));
	prog_read("/proc/self/status", s->status, sizeof(s->status));
	drop_numbers(s->status);
	prog_read("/proc/self/mounts", s->mounts, sizeof(s->mounts));
	prog_read("/proc/self/cmdline", s->cmdline, sizeof(s->cmdline));
	prog_read("/proc/self/limits", s->limits, sizeof(s->limits));
	n = must(readlink("/proc/self/exe", s->exe, sizeof(s->exe) - 1));
	s->exe[n] = 0;
	check(getcwd(s->cwd, sizeof(s->cwd)), "getcwd: %s", strerror(errno));
	for (sig = 1; sig <= 64; sig++)
		must(syscall(SYS_rt_sigaction, sig, NULL, s->actions[sig], 8));
	must(sigpending(&s->pending));
	must(sigaltstack(NULL, &s->altstack));
	s->pid = getpid();
	s->ppid = getppid();
	s->pgid = getpgid(0);
	s->sid = getsid(0);
	s->tid = syscall(SYS_gettid);
	s->nice = getpriority(PRIO_PROCESS, 0);
	s->policy = must(sched_getscheduler(0));
	s->ioprio = must(syscall(SYS_ioprio_get, 1, 0));
	must(getrusage(RUSAGE_CHILDREN, &ru));
	s->children_cpu = (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000ull +
			  (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000ull;
	s->now = prog_now(CLOCK_MONOTONIC);
}

/* Both from the line that differs */
static void same(const char *what, const char *a, const char *b)
{
	size_t line = 0, i;

	for (i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '\n')
			line = i + 1;
	check(a[i] == b[i], "%s changed from\n%.300s\nto\n%.300s", what, a + line, b + line);
}

#define same_text(field) same(#field, before.field, after.field)

static void compare(void)
{
	uint64_t n = beats;
	int i;

	same_text(maps);
	same_text(fds);
	same_text(status);
	same_text(mounts);
	same_text(cmdline);
	same_text(limits);
	same_text(exe);
	same_text(cwd);
	check(!memcmp(before.actions, after.actions, sizeof(after.actions)), "signal handlers");
	check(!memcmp(&before.pending, &after.pending, sizeof(after.pending)), "pending signals");
	check(before.altstack.ss_sp == after.altstack.ss_sp, "alternate stack");
	check(before.pid == after.pid && before.ppid == after.ppid && before.pgid == after.pgid &&
	      before.sid == after.sid && before.tid == after.tid, "ids");
	check(before.nice == after.nice && before.policy == after.policy &&
	      before.ioprio == after.ioprio, "priorities");
	/* what it tried to build has worked, but had not the past of the job */
	check(after.children_cpu - before.children_cpu <= 16 * (after.now - before.now),
	      "children's CPU time grew by %llu ms in %llu ms",
	      (unsigned long long)(after.children_cpu - before.children_cpu) / 1000000,
	      (unsigned long long)(after.now - before.now) / 1000000);
	check(waitpid(-1, &i, WNOHANG | __WALL) == -1 && errno == ECHILD, "it has a child");
	check(!sigchld, "SIGCHLD came %d times", sigchld);
	for (i = 0; threads && beats == n; i++) {
		check(i < PROG_POLLS, "the other thread is gone");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

int main(int argc, char **argv)
{
	static char altstack[65536];
	static const struct itimerval often = { { 0, 5000 }, { 0, 100 } }, never;
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	sigset_t set;
	char *fill;
	int err;

	prog_name = "tryexec";
	if (argc > 1 && !strcmp(argv[1], "-1")) {
		threads = false;
		argv++;
		argc--;
	}
	check(argc > 1, "usage: tryexec [-1] FILE [ARGUMENT...]");
	signal(SIGCHLD, on_chld);
	signal(SIGALRM, on_alarm);
	signal(SIGUSR1, SIG_IGN);
	must(sigaltstack(&ss, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	must(raise(SIGUSR2));
	fill = must(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	prog_fill(fill, 1 << 20, 5);
	must(open("/dev/null", O_RDONLY | O_CLOEXEC));
	if (threads)
		must0(pthread_create(&other, NULL, other_main, NULL));
	while (threads && !beats)
		prog_sleep_ms(1);

	look(&before);
	/* signals that are handled come all the time */
	must(setitimer(ITIMER_REAL, &often, NULL));
	execv(argv[1], argv + 1);
	err = errno;
	must(setitimer(ITIMER_REAL, &never, NULL));
	look(&after);
	printf("%s\n", strerrorname_np(err));
	compare();
	prog_check_fill(fill, 1 << 20, 5, "memory");
	stop = true;
	if (threads)
		must0(pthread_join(other, NULL));
	return 0;
}
