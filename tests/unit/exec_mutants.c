// SPDX-License-Identifier: GPL-2.0
/*
 * exec_mutants [-v] IMAGE FIRST COUNT: execute damaged copies of an image, in a
 * virtual machine. Mutant N is that of "mutate IMAGE N".
 *
 * Each execve() must fail with an errno of the list below and with a reason
 * that CR_IOC_LAST_ERROR tells, and leave its caller as it was, with no child;
 * or the mutant is a good image, and a job begins: it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/cr.h>
#include <linux/kernel.h>
#include "mutation.h"

#define RUNS_MS		50	/* what runs so long is a job */
#define HANGS_MS	60000

/*
 * What the child tells before it ends; nothing if execve() succeeds. What
 * wait() says of children that it never made, and whom /proc lists as such.
 */
struct answer {
	int err;
	int wait_err;
	char children[100];
	char reason[400];
};

static const int allowed[] = {
	EBADMSG, EOPNOTSUPP, EPERM, EBUSY, ESTALE, ENOMEM,
	/* a path that leads nowhere */
	ENOENT, ENOTDIR, EACCES,
	/* the path of a socket: somebody is bound to it, or it is no socket */
	EADDRINUSE, EEXIST,
};

static bool verbose;
static unsigned int nr_failures, nr_jobs, nr_errnos[256];

static void complain(u64 seed, const char *what, const char *why)
{
	printf("mutant %llu (%s): %s\n", (unsigned long long)seed, what, why);
	nr_failures++;
}

static void last_error(char *reason, size_t size)
{
	struct cr_ioc_error arg = {
		.report = (unsigned long)reason, .report_len = size,
	};
	int dev = open(CR_DEVICE, O_RDWR | O_CLOEXEC);

	reason[0] = 0;
	if (dev >= 0)
		ioctl(dev, CR_IOC_LAST_ERROR, &arg);
	close(dev);
	reason[size - 1] = 0;
	reason[strcspn(reason, "\n")] = 0;
}

/* The caller's children, zombies too, as /proc lists them; "" for none */
static const char *children(char *list, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = read(fd, list, size - 1);
	close(fd);
	if (len < 0)
		len = snprintf(list, size, "(%s)", strerror(errno));
	list[len] = 0;
	return list;
}

static void child(const char *path, int out)
{
	char *argv[] = { (char *)path, NULL }, *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR);
	struct answer a = {};

	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execve(path, argv, envp);
	a.err = errno;
	children(a.children, sizeof(a.children));
	a.wait_err = waitpid(-1, NULL, WNOHANG | __WALL) < 0 ? errno : 0;
	last_error(a.reason, sizeof(a.reason));
	if (write(out, &a, sizeof(a)) != sizeof(a))
		_exit(2);
	_exit(3);
}

/* Kill what the mutant has become; orphans of it are our children, too */
static void reap_all(void)
{
	char list[4096], *p, *end;
	long pid;

	while (*children(list, sizeof(list))) {
		for (p = list; (pid = strtol(p, &end, 10)) > 0; p = end)
			kill(pid, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(1000);
	}
}

static bool file_write(const struct buf *file, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	bool ok = fd >= 0 &&
		  write(fd, file->data, file->len) == (ssize_t)file->len;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool is_allowed(const struct buf *file, int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		if (err == allowed[i])
			return true;
	/* a stump is no image */
	return err == ENOEXEC && file->len < 64;
}

/* Nobody ever sees a task of a job that has not begun */
static void judge_children(u64 seed, const char *what, const struct answer *a,
			   const char *orphans)
{
	char why[200];

	if (a->wait_err != ECHILD || a->children[0]) {
		snprintf(why, sizeof(why), "the caller has children: wait: %s; %s",
			 a->wait_err ? strerror(a->wait_err) : "one", a->children);
		complain(seed, what, why);
	}
	if (*orphans) {
		snprintf(why, sizeof(why), "left behind: %.100s", orphans);
		complain(seed, what, why);
	}
}

static void judge(u64 seed, const char *what, const struct buf *file,
		  const struct answer *a, ssize_t got, int status)
{
	if (got == sizeof(*a)) {
		nr_errnos[a->err & 255]++;
		if (!is_allowed(file, a->err))
			complain(seed, what, strerror(a->err));
		else if (!a->reason[0] && a->err != ENOEXEC)
			complain(seed, what, "no reason");
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
			complain(seed, what, "the caller was harmed");
		if (verbose)
			printf("%llu (%s): %s: %s\n", (unsigned long long)seed,
			       what, strerror(a->err), a->reason);
	} else {
		nr_jobs++;
		if (verbose)
			printf("%llu (%s): a job\n", (unsigned long long)seed,
			       what);
	}
}

static void run(u64 seed, const char *what, const struct buf *file,
		const char *path)
{
	struct answer a = {};
	struct pollfd p;
	int pipefd[2], status = 0, timeout;
	char orphans[400];
	ssize_t got;
	pid_t pid;

	if (!file_write(file, path) || pipe2(pipefd, O_CLOEXEC)) {
		complain(seed, what, strerror(errno));
		return;
	}
	fflush(stdout);
	pid = fork();
	if (!pid)
		child(path, pipefd[1]);
	close(pipefd[1]);
	p = (struct pollfd){ .fd = pipefd[0], .events = POLLIN };
	if (!poll(&p, 1, HANGS_MS))
		complain(seed, what, "execve() hangs");
	got = read(pipefd[0], &a, sizeof(a));
	close(pipefd[0]);
	if (got != sizeof(a)) {
		for (timeout = RUNS_MS; timeout > 0 &&
		     !waitpid(pid, &status, WNOHANG); timeout -= 5)
			usleep(5000);
	} else {
		waitpid(pid, &status, 0);
		judge_children(seed, what, &a, children(orphans, sizeof(orphans)));
	}
	reap_all();
	judge(seed, what, file, &a, got, status);
}

static bool file_read(struct buf *file, const char *path)
{
	FILE *f = fopen(path, "r");
	char part[65536];
	size_t n;

	while (f && (n = fread(part, 1, sizeof(part), f)))
		buf_add(file, part, n);
	return f && !fclose(f);
}

int main(int argc, char **argv)
{
	struct buf good = {}, file = {};
	char what[256], path[4200];
	u64 seed, first, count;
	unsigned int i;

	verbose = argc > 1 && !strcmp(argv[1], "-v");
	argv += verbose;
	if (argc != 4 + verbose) {
		fprintf(stderr, "usage: exec_mutants [-v] IMAGE FIRST COUNT\n");
		return 2;
	}
	if (!file_read(&good, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	first = strtoull(argv[2], NULL, 0);
	count = strtoull(argv[3], NULL, 0);
	snprintf(path, sizeof(path), "%s.mutant", argv[1]);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (seed = first; seed < first + count && nr_failures < 20; seed++) {
		file.len = 0;
		buf_add(&file, good.data, good.len);
		if (!mutate(&file, seed, false, what, sizeof(what))) {
			fprintf(stderr, "%s: not an image\n", argv[1]);
			return 1;
		}
		run(seed, what, &file, path);
	}
	unlink(path);
	printf("%llu mutants, %u jobs", (unsigned long long)count, nr_jobs);
	for (i = 0; i < ARRAY_SIZE(nr_errnos); i++)
		if (nr_errnos[i])
			printf(", %u %s", nr_errnos[i], strerrorname_np(i));
	printf(", %u failures\n", nr_failures);
	return nr_failures ? 1 : 0;
}
