// SPDX-License-Identifier: GPL-2.0
/*
 * exec_mutants [-v] IMAGE FIRST COUNT: execute damaged copies of an image, in a
 * virtual machine. Mutant N is that of "mutate IMAGE N".
 *
 * exec_mutants [-v] --boundaries IMAGE [SEED]: the image cut before each record
 * and behind the last one, and with one bit of each record flipped. None of
 * these is an image, and "mkcrimg check" says so.
 *
 * Each execve() must fail with an errno of the list below and with a reason
 * that CR_IOC_LAST_ERROR tells, and leave its caller as it was, with no child;
 * or the mutant is a good image, and a job begins: it is killed.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/cr.h>
#include <linux/kernel.h>
#include <linux/cr_reader.h>
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
static unsigned int nr_mutants, nr_failures, nr_jobs, nr_errnos[256];

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

/*
 * The caller's children, zombies too, as /proc lists them. "" for none; an
 * error in parentheses
 */
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

	while (isdigit(*children(list, sizeof(list)))) {
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

/* The tool says no with a line, too */
static void check(u64 seed, const char *what, const char *path)
{
	char said[400] = "", why[500];
	size_t len = 0;
	int pipefd[2], status;
	ssize_t n;
	pid_t pid;

	fflush(stdout);
	if (pipe2(pipefd, O_CLOEXEC)) {
		complain(seed, what, strerror(errno));
		return;
	}
	pid = fork();
	if (!pid) {
		dup2(pipefd[1], 2);
		dup2(open("/dev/null", O_RDWR), 1);
		execlp("mkcrimg", "mkcrimg", "check", path, NULL);
		_exit(127);
	}
	close(pipefd[1]);
	while (len < sizeof(said) - 1 &&
	       (n = read(pipefd[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += n;
	close(pipefd[0]);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 ||
	    strncmp(said, "mkcrimg: ", 9) || !strchr(said, '\n')) {
		snprintf(why, sizeof(why), "mkcrimg check: status 0x%x: %s",
			 status, said);
		complain(seed, what, why);
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

static void random_mutants(const struct buf *good, const char *path, u64 first,
			   u64 count)
{
	struct buf file = {};
	char what[256];
	u64 seed;

	for (seed = first; seed < first + count && nr_failures < 20; seed++) {
		file.len = 0;
		buf_add(&file, good->data, good->len);
		mutate(&file, seed, false, what, sizeof(what));
		run(seed, what, &file, path);
		nr_mutants++;
	}
	buf_free(&file);
}

/* One that must be refused, by the kernel and by the tool */
static void run_bad(u64 n, const char *what, const struct buf *file,
		    const char *path)
{
	unsigned int jobs = nr_jobs;

	run(n, what, file, path);
	if (nr_jobs != jobs)
		complain(n, what, "was executed");
	check(n, what, path);
	nr_mutants++;
}

static void boundaries(const struct buf *good, const char *path,
		       const struct layout *l, u64 seed)
{
	struct buf file = {};
	const char *name;
	char what[256];
	size_t n, byte, at;
	unsigned int bit;

	printf("%zu records, seed %llu\n", l->nr, (unsigned long long)seed);
	for (n = 0; n <= l->nr && nr_failures < 20; n++) {
		file.len = 0;
		buf_add(&file, good->data, good->len);
		file.len = l->at + l->notes[n];
		snprintf(what, sizeof(what), "cut at record %zu", n);
		run_bad(n, what, &file, path);
		if (n == l->nr)
			break;
		file.len = 0;
		buf_add(&file, good->data, good->len);
		byte = rnd(&seed) % (l->notes[n + 1] - l->notes[n]);
		bit = rnd(&seed) % 8;
		at = l->at + l->notes[n] + byte;
		file.data[at] ^= 1u << bit;
		name = cr_rec_name(layout_type(good, l, n));
		snprintf(what, sizeof(what), "bit %u of byte %zu of record %zu (%s)",
			 bit, byte, n, name ? name : "?");
		run_bad(n, what, &file, path);
	}
	buf_free(&file);
}

static int summary(void)
{
	unsigned int i;

	printf("%u mutants, %u jobs", nr_mutants, nr_jobs);
	for (i = 0; i < ARRAY_SIZE(nr_errnos); i++)
		if (nr_errnos[i])
			printf(", %u %s", nr_errnos[i], strerrorname_np(i));
	printf(", %u failures\n", nr_failures);
	return nr_failures ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: exec_mutants [-v] IMAGE FIRST COUNT\n"
		"       exec_mutants [-v] --boundaries IMAGE [SEED]\n");
	return 2;
}

int main(int argc, char **argv)
{
	bool all = false;
	struct buf good = {};
	struct layout l;
	char path[4200];

	argv++;
	argc--;
	for (; argc && argv[0][0] == '-'; argv++, argc--) {
		if (!strcmp(*argv, "-v"))
			verbose = true;
		else if (!strcmp(*argv, "--boundaries"))
			all = true;
		else
			return usage();
	}
	if (all ? argc < 1 || argc > 2 : argc != 3)
		return usage();
	if (!file_read(&good, argv[0])) {
		perror(argv[0]);
		return 1;
	}
	if (!layout_find(&good, &l)) {
		fprintf(stderr, "%s: not an image\n", argv[0]);
		return 1;
	}
	snprintf(path, sizeof(path), "%s.mutant", argv[0]);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (all)
		boundaries(&good, path, &l, argc > 1 ? strtoull(argv[1], NULL, 0) :
			   (u64)time(NULL));
	else
		random_mutants(&good, path, strtoull(argv[1], NULL, 0),
			       strtoull(argv[2], NULL, 0));
	unlink(path);
	layout_free(&l);
	return summary();
}
