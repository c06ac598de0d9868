// SPDX-License-Identifier: GPL-2.0
/*
 * Files and directories of /proc that are open for reading: of the process
 * itself, a child, a parent, a thread, of nobody; half read, read to the end, not
 * read yet; shared, with flags; in a descriptor table that a thread has for
 * itself.
 */
#include "prog.h"
#include <pthread.h>
#include <sched.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define TEXT_MAX	65536

struct text {
	char buf[TEXT_MAX];
	size_t len;
};

/* Append all that can be read from a descriptor */
static void text_read(struct text *t, int fd)
{
	ssize_t n;

	while ((n = must(read(fd, t->buf + t->len, sizeof(t->buf) - 1 - t->len))) > 0)
		t->len += n;
	check(t->len < sizeof(t->buf) - 1, "longer than %d bytes", TEXT_MAX);
	t->buf[t->len] = 0;
}

/* Append @n bytes, in one read() */
static void text_head(struct text *t, int fd, size_t n)
{
	check(must(read(fd, t->buf + t->len, n)) == (ssize_t)n, "cannot read %zu bytes", n);
	t->len += n;
	t->buf[t->len] = 0;
}

static void text_open(struct text *t, const char *path)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC));

	t->len = 0;
	text_read(t, fd);
	must(close(fd));
}

static void text_is(const struct text *t, const struct text *want)
{
	size_t i;

	for (i = 0; i < t->len && t->buf[i] == want->buf[i]; i++)
		;
	check(t->len == want->len && i == t->len,
	      "differs at %zu of %zu, %zu bytes: \"%.60s\" instead of \"%.60s\"", i, t->len, want->len,
	      t->buf + i, want->buf + i);
}

static int open_of(pid_t pid, const char *below)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d%s%s", (int)pid, *below ? "/" : "", below);
	return must(open(path, O_RDONLY | O_CLOEXEC));
}

/* The number behind a key at the start of a line */
static long text_field(const struct text *t, const char *key)
{
	const char *at = t->buf;

	while (at && strncmp(at, key, strlen(key))) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	check(at, "no %s", key);
	return strtol(at + strlen(key), NULL, 10);
}

/* A status that is whole: line by line, the keys of another one, the same in @keys */
static void status_is_whole(const struct text *t, const struct text *other)
{
	const char *a = t->buf, *b = other->buf;

	while (*a && *b) {
		size_t n = strcspn(a, ":\n"), m = strcspn(b, ":\n");

		check(n == m && !memcmp(a, b, n) && a[n] == ':', "\"%.*s\" instead of \"%.*s\"",
		      (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
		a = strchr(a, '\n');
		b = strchr(b, '\n');
		check(a && b, "no end of the line");
		a++;
		b++;
	}
	check(!*a && !*b, "\"%.60s\" and \"%.60s\" at the end", a, b);
}

/* ---- the process' own texts, which are not read to the end ---- */

static int status_fd, status_dup, ended_fd, maps_fd, environ_fd, pagemap_fd;
static struct text status_text, ended_text, maps_text, environ_text, fresh;
static uint64_t pagemap[2];

static void texts_setup(void)
{
	size_t at;

	/* in the middle of a line: those above will say something else */
	text_open(&fresh, "/proc/self/status");
	at = strstr(fresh.buf, "\nPid:") - fresh.buf + 3;
	status_fd = must(open("/proc/self/status", O_RDONLY));
	status_dup = must(dup(status_fd));
	must(fcntl(status_dup, F_SETFD, FD_CLOEXEC));
	must(fcntl(status_fd, F_SETFL, O_NONBLOCK));
	text_head(&status_text, status_fd, at - 10);
	text_head(&status_text, status_dup, 10);

	ended_fd = open_of(getpid(), "status");
	text_read(&ended_text, ended_fd);

	maps_fd = open_of(getpid(), "maps");
	text_head(&maps_text, maps_fd, 10);
	text_head(&maps_text, maps_fd, 100);

	environ_fd = open_of(getpid(), "environ");
	text_head(&environ_text, environ_fd, 5);

	pagemap_fd = open_of(getpid(), "pagemap");
	must(lseek(pagemap_fd, (uintptr_t)pagemap / 4096 * 8, SEEK_SET));
}

static void texts_verify(void)
{
	off_t at;
	char c;

	check(must(fcntl(status_fd, F_GETFL)) & O_NONBLOCK, "O_NONBLOCK");
	check(!must(fcntl(status_fd, F_GETFD)), "close-on-exec");
	check(must(fcntl(status_dup, F_GETFD)) == FD_CLOEXEC, "close-on-exec of the other one");
	at = must(lseek(status_fd, 0, SEEK_CUR));
	check(at == (off_t)status_text.len, "position %lld instead of %zu", (long long)at, status_text.len);
	text_head(&status_text, status_dup, 2);
	text_read(&status_text, status_fd);
	text_open(&fresh, "/proc/self/status");
	status_is_whole(&status_text, &fresh);
	check(text_field(&status_text, "Pid:") == getpid(), "Pid:");
	check(text_field(&status_text, "PPid:") >= 0, "PPid:");
	at = must(lseek(status_fd, 0, SEEK_CUR));
	check(at == (off_t)status_text.len, "%lld bytes instead of %zu", (long long)at, status_text.len);

	at = must(lseek(ended_fd, 0, SEEK_CUR));
	check(at == (off_t)ended_text.len, "position %lld instead of %zu", (long long)at, ended_text.len);
	check(!must(read(ended_fd, &c, 1)), "something behind the end");
	must(lseek(ended_fd, 0, SEEK_SET));
	ended_text.len = 0;
	text_read(&ended_text, ended_fd);
	status_is_whole(&ended_text, &fresh);

	text_read(&maps_text, maps_fd);
	text_open(&fresh, "/proc/self/maps");
	text_is(&maps_text, &fresh);

	text_read(&environ_text, environ_fd);
	text_open(&fresh, "/proc/self/environ");
	text_is(&environ_text, &fresh);

	/* what the page at the position is, not where; it is there, at the latest now */
	pagemap[1] = 1;
	check(must(read(pagemap_fd, pagemap, 8)) == 8, "pagemap");
	check(pagemap[0] >> 63, "pagemap: 0x%llx", (unsigned long long)pagemap[0]);
}

/* ---- directories ---- */

static int fds_fd, tasks_fd, self_fd, sys_fd;
static struct text fds_names, self_names;

/* Append the names that one call finds; 0: no more */
static long names_some(struct text *t, int fd, size_t size)
{
	char buf[4096] __attribute__((aligned(8)));
	long n = must(syscall(SYS_getdents64, fd, buf, size)), at;

	for (at = 0; at < n; at += *(uint16_t *)(buf + at + 16))
		t->len += snprintf(t->buf + t->len, sizeof(t->buf) - t->len, "%s ", buf + at + 19);
	return n;
}

static void names_rest(struct text *t, int fd)
{
	while (names_some(t, fd, 4096))
		;
}

static void dirs_setup(void)
{
	fds_fd = must(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	names_some(&fds_names, fds_fd, 100);
	check(!strncmp(fds_names.buf, ". .. 0 ", 7), "fd: %s", fds_names.buf);
	tasks_fd = open_of(getpid(), "task");
	self_fd = open_of(getpid(), "");
	names_some(&self_names, self_fd, 200);
	sys_fd = must(open("/proc/sys/kernel", O_RDONLY | O_DIRECTORY));
}

static void dirs_verify(void)
{
	struct text all = {};
	char want[64];
	int fd;

	fd = must(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	names_rest(&all, fd);
	names_rest(&fds_names, fds_fd);
	text_is(&fds_names, &all);
	must(close(fd));

	all.len = 0;
	names_rest(&all, tasks_fd);
	snprintf(want, sizeof(want), " %d ", (int)getpid());
	check(strstr(all.buf, want), "task: no%s in %s", want, all.buf);

	fd = open_of(getpid(), "");
	all.len = 0;
	names_rest(&all, fd);
	names_rest(&self_names, self_fd);
	text_is(&self_names, &all);
	must(close(fd));

	/* what is opened through them is of the same process */
	fd = must(openat(self_fd, "status", O_RDONLY));
	all.len = 0;
	text_read(&all, fd);
	check(text_field(&all, "Pid:") == getpid(), "Pid:");
	must(close(fd));
	fd = must(openat(sys_fd, "ostype", O_RDONLY));
	all.len = 0;
	text_read(&all, fd);
	check(!strcmp(all.buf, "Linux\n"), "ostype: %s", all.buf);
	must(close(fd));
}

/* ---- what has been opened and not read: nothing is there before it is ---- */

static int unread_fd, comm_fd, mounts_fd;

static void unread_setup(void)
{
	unread_fd = must(open("/proc/self/status", O_RDONLY));
	comm_fd = must(open("/proc/self/comm", O_RDONLY));
}

static void unread_verify(void)
{
	static struct text t;

	text_read(&t, unread_fd);
	text_open(&fresh, "/proc/self/status");
	status_is_whole(&t, &fresh);
	check(text_field(&t, "Pid:") == getpid(), "Pid:");
	t.len = 0;
	text_read(&t, comm_fd);
	check(!strcmp(t.buf, "procfiles\n"), "comm: %s", t.buf);
}

static void mounts_setup(void)
{
	mounts_fd = must(open("/proc/mounts", O_RDONLY));
}

static void mounts_verify(void)
{
	static struct text t;

	text_read(&t, mounts_fd);
	text_open(&fresh, "/proc/mounts");
	text_is(&t, &fresh);
}

/* ---- of a child, and in it of its parent ---- */

static pid_t child;
static int child_pipe[2], child_status, child_maps, child_fds, child_comm;
static struct text child_maps_text, child_status_text;

static void child_main(void)
{
	static struct text t;
	int fd = open_of(getppid(), "status");
	char c;

	prog_touch("up.child");
	/* until the parent has verified */
	check(must(read(child_pipe[0], &c, 1)) == 1, "child: nothing was written");
	text_read(&t, fd);
	check(text_field(&t, "Pid:") == getppid(), "child: Pid:");
}

static void child_setup(void)
{
	must(pipe2(child_pipe, O_CLOEXEC));
	child = prog_fork(child_main);
	prog_await("up.child");
	child_status = open_of(child, "status");
	text_head(&child_status_text, child_status, 20);
	child_maps = open_of(child, "maps");
	text_head(&child_maps_text, child_maps, 30);
	child_fds = open_of(child, "fd");
	child_comm = open_of(child, "comm");
}

static void child_verify(void)
{
	static struct text t;
	char path[64], want[16];
	int fd;

	text_read(&child_status_text, child_status);
	check(text_field(&child_status_text, "Pid:") == child, "Pid:");
	check(text_field(&child_status_text, "PPid:") == getpid(), "PPid:");
	text_read(&child_maps_text, child_maps);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)child);
	text_open(&fresh, path);
	text_is(&child_maps_text, &fresh);
	names_rest(&t, child_fds);
	snprintf(want, sizeof(want), " %d ", child_pipe[0]);
	check(strstr(t.buf, want), "fd: no%sin %s", want, t.buf);
	fd = must(openat(child_fds, "../comm", O_RDONLY));
	must(close(fd));
	check(must(write(child_pipe[1], "", 1)) == 1, "pipe");
	prog_reap(child, 0);
	/* nobody is there any more */
	check(pread(child_comm, want, 1, 0) == -1 && errno == ESRCH, "comm of who is gone");
}

/* ---- memory of a parent, in a child ---- */

static pid_t of_parent;
static int of_parent_pipe[2];

static void of_parent_main(void)
{
	int fd = open_of(getppid(), "maps");
	static struct text t;
	struct statfs fs;
	char path[64], c;

	prog_touch("up.parent");
	check(must(read(of_parent_pipe[0], &c, 1)) == 1, "nothing was written");
	must(fstatfs(fd, &fs));
	check(fs.f_type == 0x9fa0, "maps of the parent: type 0x%lx", (long)fs.f_type);
	text_read(&t, fd);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)getppid());
	text_open(&fresh, path);
	text_is(&t, &fresh);
}

static void parent_setup(void)
{
	must(pipe2(of_parent_pipe, O_CLOEXEC));
	of_parent = prog_fork(of_parent_main);
	prog_await("up.parent");
}

static void parent_verify(void)
{
	check(must(write(of_parent_pipe[1], "", 1)) == 1, "pipe");
	prog_reap(of_parent, 0);
}

/* ---- of a thread, by both of its names; and in a table of the thread's own ---- */

static pthread_t thread;
static pid_t thread_tid;
static volatile bool thread_up, thread_end;
static int thread_comm, thread_stat, thread_dir;

static void *thread_main(void *arg)
{
	static struct text t;
	int fd;

	(void)arg;
	must(unshare(CLONE_FILES));
	fd = must(open("/proc/thread-self/status", O_RDONLY));
	text_head(&t, fd, 10);
	must(pthread_setname_np(pthread_self(), "other"));
	thread_tid = gettid();
	thread_up = true;
	while (!thread_end)
		prog_sleep_ms(PROG_POLL_MS);
	text_read(&t, fd);
	check(text_field(&t, "Pid:") == gettid(), "thread: Pid:");
	check(text_field(&t, "Tgid:") == getpid(), "thread: Tgid:");
	return NULL;
}

static void thread_setup(void)
{
	char path[64];

	must0(pthread_create(&thread, NULL, thread_main, NULL));
	while (!thread_up)
		prog_sleep_ms(PROG_POLL_MS);
	snprintf(path, sizeof(path), "task/%d", (int)thread_tid);
	thread_dir = open_of(getpid(), path);
	thread_comm = must(openat(thread_dir, "comm", O_RDONLY));
	thread_stat = open_of(thread_tid, "status");
}

static void thread_verify(void)
{
	static struct text t;
	int fd;

	text_read(&t, thread_comm);
	check(!strcmp(t.buf, "other\n"), "comm: %s", t.buf);
	t.len = 0;
	text_read(&t, thread_stat);
	check(text_field(&t, "Pid:") == thread_tid, "Pid:");
	fd = must(openat(thread_dir, "comm", O_RDONLY));
	must(close(fd));
	thread_end = true;
	must0(pthread_join(thread, NULL));
}

/* ---- of nobody ---- */

static int version_fd, meminfo_fd, ostype_fd;
static struct text version_text, meminfo_text;

static void global_setup(void)
{
	version_fd = must(open("/proc/version", O_RDONLY));
	text_head(&version_text, version_fd, 20);
	meminfo_fd = must(open("/proc/meminfo", O_RDONLY));
	text_head(&meminfo_text, meminfo_fd, 20);
	ostype_fd = must(open("/proc/sys/kernel/ostype", O_RDONLY));
}

static void global_verify(void)
{
	static struct text t;

	text_read(&version_text, version_fd);
	text_open(&fresh, "/proc/version");
	text_is(&version_text, &fresh);
	text_read(&meminfo_text, meminfo_fd);
	text_open(&fresh, "/proc/meminfo");
	status_is_whole(&meminfo_text, &fresh);
	text_read(&t, ostype_fd);
	check(!strcmp(t.buf, "Linux\n"), "ostype: %s", t.buf);
}

static const struct prog_case cases[] = {
	{ "dirs", dirs_setup, dirs_verify, false },
	{ "texts", texts_setup, texts_verify, false },
	{ "unread", unread_setup, unread_verify, false },
	{ "mounts", mounts_setup, mounts_verify, true },
	{ "child", child_setup, child_verify, false },
	{ "parent", parent_setup, parent_verify, false },
	{ "thread", thread_setup, thread_verify, false },
	{ "global", global_setup, global_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
