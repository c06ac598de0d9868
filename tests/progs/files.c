// SPDX-License-Identifier: GPL-2.0
/*
 * Regular files and directories: offsets and flags, who shares them, what is
 * closed on exec, a directory half read, working directory, root and umask.
 */
#include "prog.h"
#include <dirent.h>
#include <sys/syscall.h>

#define BYTES	10000

/* ---- regular files with all kinds of flags ---- */

static const struct open_kind {
	const char *name;
	int flags;
	off_t pos;
} kinds[] = {
	{ "rw", O_RDWR, 1234 },
	{ "ro", O_RDONLY, 77 },
	{ "wo", O_WRONLY, BYTES - 1 },
	{ "append", O_RDWR | O_APPEND, 500 },
	{ "nonblock", O_RDONLY | O_NONBLOCK, 1 },
	{ "sync", O_WRONLY | O_SYNC, 2 },
	{ "dsync", O_WRONLY | O_DSYNC, 3 },
	{ "noatime", O_RDONLY | O_NOATIME, 4 },
	{ "cloexec", O_RDONLY | O_CLOEXEC, 5 },
	{ "beyond", O_RDWR, BYTES * 1000ll },
};

#define NR_KINDS	(sizeof(kinds) / sizeof(kinds[0]))
static int kind_fd[NR_KINDS], kind_fl[NR_KINDS];
static char content[BYTES];

static void make_file(const char *name)
{
	int fd = must(open(prog_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600));

	prog_fill(content, BYTES, 111);
	check(must(write(fd, content, BYTES)) == BYTES, "short write");
	must(close(fd));
}

static void flags_setup(void)
{
	size_t i;

	for (i = 0; i < NR_KINDS; i++) {
		make_file(kinds[i].name);
		kind_fd[i] = must(open(prog_path(kinds[i].name), kinds[i].flags));
		must(lseek(kind_fd[i], kinds[i].pos, SEEK_SET));
		kind_fl[i] = must(fcntl(kind_fd[i], F_GETFL));
	}
	/* a high number, closed on exec; the low one with the same file is not */
	check(must(fcntl(kind_fd[0], F_DUPFD_CLOEXEC, 900)) == 900, "F_DUPFD");
}

static void flags_verify(void)
{
	char buf[16];
	struct stat st;
	size_t i;
	int fd;

	for (i = 0; i < NR_KINDS; i++) {
		fd = kind_fd[i];
		check(must(fcntl(fd, F_GETFL)) == kind_fl[i], "%s: flags 0%o became 0%o",
		      kinds[i].name, kind_fl[i], fcntl(fd, F_GETFL));
		check(must(fcntl(fd, F_GETFD)) == !!(kinds[i].flags & O_CLOEXEC),
		      "%s: close-on-exec", kinds[i].name);
		check(must(lseek(fd, 0, SEEK_CUR)) == kinds[i].pos, "%s: offset %lld",
		      kinds[i].name, (long long)lseek(fd, 0, SEEK_CUR));
		if ((kinds[i].flags & O_ACCMODE) != O_WRONLY && kinds[i].pos < BYTES)
			check(must(read(fd, buf, 10)) == 10 &&
			      !memcmp(buf, content + kinds[i].pos, 10), "%s: content",
			      kinds[i].name);
		if ((kinds[i].flags & O_ACCMODE) != O_RDONLY) {
			check(must(write(fd, "written", 7)) == 7, "short write");
			must(fstat(fd, &st));
			if (kinds[i].flags & O_APPEND)
				check(st.st_size == BYTES + 7, "append: size %lld",
				      (long long)st.st_size);
		}
	}
	check(must(fcntl(900, F_GETFD)) == FD_CLOEXEC, "descriptor 900: close-on-exec");
	check(must(lseek(900, 0, SEEK_CUR)) == must(lseek(kind_fd[0], 0, SEEK_CUR)),
	      "descriptor 900 has an offset of its own");
}

/* ---- who shares an offset with whom ---- */

static int fd_open, fd_dup, fd_again;
static pid_t share_pid;

static void share_child(void)
{
	prog_touch("up.share");
	prog_wait();
	must(lseek(fd_open, 4321, SEEK_SET));
	must(lseek(fd_again, 1111, SEEK_SET));
}

static void share_setup(void)
{
	make_file("share");
	fd_open = must(open(prog_path("share"), O_RDWR));
	fd_dup = must(dup(fd_open));
	share_pid = prog_fork(share_child);
	prog_await("up.share");
	/* the same number as in the child, but another open file */
	must(close(fd_dup));
	fd_dup = must(dup(fd_open));
	fd_again = must(open(prog_path("share"), O_RDWR));
	must(lseek(fd_open, 100, SEEK_SET));
	must(lseek(fd_again, 200, SEEK_SET));
}

static void share_verify(void)
{
	/* in the child, fd_again is 0: it has moved its standard input or failed */
	int status;

	check(waitpid(share_pid, &status, 0) == share_pid, "waitpid: %s", strerror(errno));
	check(must(lseek(fd_open, 0, SEEK_CUR)) == 4321, "offset is not shared with a child");
	check(must(lseek(fd_dup, 0, SEEK_CUR)) == 4321, "offset is not shared with a duplicate");
	check(must(lseek(fd_again, 0, SEEK_CUR)) == 200, "offset of another open() is shared");
	must(fcntl(fd_dup, F_SETFL, O_APPEND));
	check(must(fcntl(fd_open, F_GETFL)) & O_APPEND, "flags are not shared with a duplicate");
	check(!(must(fcntl(fd_again, F_GETFL)) & O_APPEND), "flags of another open() are shared");
}

/* ---- a directory, half read ---- */

#define ENTRIES	300
static int dir_fd;
static bool seen[ENTRIES];
static int nr_seen;

static int read_entries(char *buf, size_t size)
{
	struct linux_dirent64 {
		uint64_t ino;
		int64_t off;
		unsigned short len;
		unsigned char type;
		char name[];
	} *d;
	long len, at;
	int n;

	len = must(syscall(SYS_getdents64, dir_fd, buf, size));
	for (at = 0; at < len; at += d->len) {
		d = (void *)(buf + at);
		if (sscanf(d->name, "entry%d", &n) != 1)
			continue;
		check(n >= 0 && n < ENTRIES && !seen[n], "%s comes a second time", d->name);
		seen[n] = true;
		nr_seen++;
	}
	return len;
}

static void dir_setup(void)
{
	char buf[1024], name[32];
	int i;

	must(mkdir(prog_path("dir"), 0700));
	for (i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "dir/entry%d", i);
		must(close(must(open(prog_path(name), O_WRONLY | O_CREAT, 0600))));
	}
	dir_fd = must(open(prog_path("dir"), O_RDONLY | O_DIRECTORY));
	while (nr_seen < ENTRIES / 3)
		check(read_entries(buf, sizeof(buf)), "end of directory after %d", nr_seen);
}

static void dir_verify(void)
{
	char buf[1024];

	while (read_entries(buf, sizeof(buf)))
		;
	check(nr_seen == ENTRIES, "%d entries instead of %d", nr_seen, ENTRIES);
	must(lseek(dir_fd, 0, SEEK_SET));
	check(!faccessat(dir_fd, "entry7", F_OK, 0), "entry7: %s", strerror(errno));
}

/* ---- working directory and umask ---- */

static char *cwd;

static void cwd_setup(void)
{
	must(mkdir(prog_path("cwd"), 0700));
	make_file("cwd/here");
	cwd = prog_path("cwd");
	must(chdir(cwd));
	umask(0137);
}

static void cwd_verify(void)
{
	char buf[PATH_MAX];
	struct stat st;

	check(getcwd(buf, sizeof(buf)) && !strcmp(buf, cwd), "working directory is %s", buf);
	check(!access("here", F_OK), "here: %s", strerror(errno));
	must(close(must(open("new", O_WRONLY | O_CREAT, 0777))));
	must(stat("new", &st));
	check((st.st_mode & 0777) == 0640, "mode of a new file 0%o", st.st_mode & 0777);
	check(umask(022) == 0137, "umask");
}

/* ---- another root directory, in a child ---- */

static pid_t root_pid;

static void root_child(void)
{
	struct stat a, b;

	must(chroot(prog_dir));
	must(chdir("/sub"));
	prog_dir = "";
	prog_touch("up.root");
	prog_wait();
	must(stat("/", &a));
	must(stat("/sub/..", &b));
	check(a.st_ino == b.st_ino && !access("/sub/inside", F_OK), "root directory");
	check(access("/proc/version", F_OK), "root directory is the system's");
	check(!access("inside", F_OK), "working directory below the root");
}

static void root_setup(void)
{
	if (geteuid())
		return;
	must(mkdir(prog_path("sub"), 0700));
	make_file("sub/inside");
	root_pid = prog_fork(root_child);
	prog_await("up.root");
}

static void root_verify(void)
{
	if (root_pid)
		prog_reap(root_pid, 0);
}

/* ---- a working directory that was removed, in two processes ---- */

static pid_t removed_pid;

static void removed_check(const char *who)
{
	char buf[PATH_MAX];
	struct stat st;

	check(!getcwd(buf, sizeof(buf)) && errno == ENOENT, "%s: getcwd: %s", who, buf);
	must(stat(".", &st));
	check(S_ISDIR(st.st_mode) && !st.st_nlink, "%s: %ld links", who, (long)st.st_nlink);
	check(open("new", O_WRONLY | O_CREAT, 0600) == -1 && errno == ENOENT, "%s: open: %s", who,
	      strerror(errno));
}

static void removed_grandchild(void)
{
	prog_touch("up.removed2");
	prog_wait();
	removed_check("grandchild");
}

static void removed_child(void)
{
	pid_t pid;

	must(mkdir(prog_path("removed"), 0700));
	must(chdir(prog_path("removed")));
	pid = prog_fork(removed_grandchild);
	prog_await("up.removed2");
	must(rmdir(prog_path("removed")));
	removed_check("setup");
	prog_touch("up.removed");
	prog_wait();
	removed_check("child");
	prog_reap(pid, 0);
}

static void removed_setup(void)
{
	removed_pid = prog_fork(removed_child);
	prog_await("up.removed");
}

static void removed_verify(void)
{
	prog_reap(removed_pid, 0);
	check(access(prog_path("removed"), F_OK) == -1, "the directory is there again");
}

/* ---- O_PATH: of a file, a directory, a link, a socket's and a FIFO's name ---- */

static int opath_file, opath_dir, opath_link, opath_fifo;

static void opath_setup(void)
{
	make_file("opath");
	opath_file = must(open(prog_path("opath"), O_PATH | O_CLOEXEC));
	must(mkdir(prog_path("opath.dir"), 0700));
	make_file("opath.dir/inside");
	opath_dir = must(open(prog_path("opath.dir"), O_PATH | O_DIRECTORY));
	must(symlink("nowhere", prog_path("opath.link")));
	opath_link = must(open(prog_path("opath.link"), O_PATH | O_NOFOLLOW));
	must(mkfifo(prog_path("opath.fifo"), 0600));
	opath_fifo = must(open(prog_path("opath.fifo"), O_PATH));
}

static void opath_verify(void)
{
	char buf[32], path[32];
	struct stat a, b;
	int fd;

	check(must(fcntl(opath_file, F_GETFL)) == O_PATH, "flags of a file");
	check(must(fcntl(opath_file, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(read(opath_file, buf, 1) == -1 && errno == EBADF, "can be read");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", opath_file);
	fd = must(open(path, O_RDONLY));
	check(must(read(fd, buf, 10)) == 10 && !memcmp(buf, content, 10), "content");
	check(must(fcntl(opath_dir, F_GETFL)) == (O_PATH | O_DIRECTORY), "flags of a directory");
	must(faccessat(opath_dir, "inside", F_OK, 0));
	check(must(readlinkat(opath_link, "", buf, sizeof(buf))) == 7 &&
	      !memcmp(buf, "nowhere", 7), "link");
	must(fstat(opath_fifo, &a));
	must(stat(prog_path("opath.fifo"), &b));
	check(S_ISFIFO(a.st_mode) && a.st_ino == b.st_ino, "FIFO");
}

/* ---- a file that grows by two writers with O_APPEND after the restart ---- */

static int log_fd;
static pid_t log_pid;

static void log_lines(int who)
{
	char line[32];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "writer %d line %02d\n", who, i);
		check(must(write(log_fd, line, 17)) == 17, "short write");
	}
}

static void log_child(void)
{
	prog_touch("up.log");
	prog_wait();
	log_lines(2);
}

static void log_setup(void)
{
	log_fd = must(open(prog_path("log"), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
	log_lines(0);
	log_pid = prog_fork(log_child);
	prog_await("up.log");
}

static void log_verify(void)
{
	static char buf[3 * 100 * 17 + 100];

	log_lines(1);
	prog_reap(log_pid, 0);
	check(prog_read(prog_path("log"), buf, sizeof(buf)) == 3 * 100 * 17,
	      "the log is %zu bytes long", strlen(buf));
	check(!strncmp(buf + 99 * 17, "writer 0 line 99\n", 17), "the log's begin is damaged");
}

static const struct prog_case cases[] = {
	{ "flags", flags_setup, flags_verify, false },
	{ "share", share_setup, share_verify, false },
	{ "dir", dir_setup, dir_verify, false },
	{ "log", log_setup, log_verify, false },
	{ "removed", removed_setup, removed_verify, false },
	{ "opath", opath_setup, opath_verify, false },
	{ "root", root_setup, root_verify, false },
	{ "cwd", cwd_setup, cwd_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
