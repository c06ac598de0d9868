// SPDX-License-Identifier: GPL-2.0
/*
 * Files that have lost their names, on whatever file system DIR is: open,
 * mapped, with holes, replaced by another one, O_TMPFILE; and one that has
 * another name left.
 */
#include "content.h"
#include <sys/file.h>
#include <sys/mman.h>

#define PAGE	4096
#define MIB	(1l << 20)

static int new_file(const char *name, int flags)
{
	return must(open(prog_path(name), flags | O_CREAT | O_EXCL, 0600));
}

/* ---- holes, a size that is no multiple of anything, mode, time, position ---- */

#define END	(40 * MIB + 123)
static int holes;
static off_t blocks;

static void holes_setup(void)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 1234567890, 123456000 } };
	struct stat st;

	holes = new_file("holes", O_RDWR);
	fill(holes, 0, 3 * MIB, 201);
	fill(holes, 20 * MIB + 5 * PAGE, 2 * PAGE, 202);
	fill(holes, END - 1000, 1000, 203);
	must(lseek(holes, 4321, SEEK_SET));
	must(fchmod(holes, 0640));
	must(unlink(prog_path("holes")));
	must(futimens(holes, times));
	must(fsync(holes));
	must(fstat(holes, &st));
	blocks = st.st_blocks;
}

static void holes_verify(void)
{
	struct stat st;

	must(fstat(holes, &st));
	check(st.st_size == END, "size %lld", (long long)st.st_size);
	check(!st.st_nlink, "%ld names", (long)st.st_nlink);
	check(st.st_mode == (S_IFREG | 0640), "mode 0%o", st.st_mode);
	check(st.st_mtim.tv_sec == 1234567890 && st.st_mtim.tv_nsec == 123456000,
	      "modified at %lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	check(must(lseek(holes, 0, SEEK_CUR)) == 4321, "position");
	is_filled(holes, 0, 3 * MIB, 201, "first part");
	is_zero(holes, 3 * MIB, 17 * MIB + 5 * PAGE, "first hole");
	is_filled(holes, 20 * MIB + 5 * PAGE, 2 * PAGE, 202, "second part");
	is_zero(holes, 20 * MIB + 7 * PAGE, END - 1000 - 20 * MIB - 7 * PAGE, "second hole");
	is_filled(holes, END - 1000, 1000, 203, "end");
	must(fsync(holes));
	must(fstat(holes, &st));
	/* where there were holes, there are holes; what is allocated at once differs */
	if (blocks * 512 < 8 * MIB)
		check(st.st_blocks * 512 < 8 * MIB, "%lld blocks, %lld before",
		      (long long)st.st_blocks, (long long)blocks);
	must(ftruncate(holes, 10));
	fill(holes, 8, 8, 204);
	is_filled(holes, 8, 8, 204, "written afterwards");
}

/* ---- the name belongs to another file by now ---- */

static int replaced;

static void replaced_setup(void)
{
	int fd;

	replaced = new_file("replaced", O_RDWR | O_APPEND);
	must(write(replaced, "old", 3));
	fd = new_file("replacing", O_WRONLY);
	must(write(fd, "new one", 7));
	must(close(fd));
	must(rename(prog_path("replacing"), prog_path("replaced")));
}

static void replaced_verify(void)
{
	char buf[32];

	must(write(replaced, "er", 2));
	check(must(pread(replaced, buf, sizeof(buf), 0)) == 5 && !memcmp(buf, "older", 5),
	      "content of the old one");
	prog_read(prog_path("replaced"), buf, sizeof(buf));
	check(!strcmp(buf, "new one"), "content of the new one: %s", buf);
	check(must(fcntl(replaced, F_GETFL)) & O_APPEND, "O_APPEND");
}

/* ---- opened twice, by two processes; for writing only; locked ---- */

static int shared_rd, shared_wr;
static pid_t shared_pid;

static void shared_child(void)
{
	prog_touch("up.shared");
	prog_wait();
	check(must(write(shared_wr, "child", 5)) == 5, "short write");
}

static void shared_setup(void)
{
	shared_wr = new_file("shared", O_WRONLY);
	shared_rd = must(open(prog_path("shared"), O_RDONLY));
	must(unlink(prog_path("shared")));
	must(write(shared_wr, "parent ", 7));
	must(flock(shared_wr, LOCK_EX));
	shared_pid = prog_fork(shared_child);
	prog_await("up.shared");
}

static void shared_verify(void)
{
	char buf[32], path[32];
	int fd;

	prog_reap(shared_pid, 0);
	check(must(read(shared_rd, buf, sizeof(buf))) == 12 && !memcmp(buf, "parent child", 12),
	      "content");
	check(write(shared_rd, "x", 1) == -1 && errno == EBADF, "can be written");
	check(read(shared_wr, buf, 1) == -1 && errno == EBADF, "can be read");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", shared_wr);
	fd = must(open(path, O_RDWR));
	check(flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the lock is gone");
	must(flock(shared_wr, LOCK_UN));
	must(flock(fd, LOCK_SH | LOCK_NB));
}

/* ---- mapped: shared for writing, shared for reading, private and changed ---- */

#define MAPPED	(64 * PAGE + 104)
static char *map_rw, *map_ro, *map_priv;
static int map_fd;
static pid_t map_pid;

static void map_child(void)
{
	prog_touch("up.map");
	prog_wait();
	map_rw[3 * PAGE] = 'c';
}

static void map_setup(void)
{
	int fd;

	map_fd = new_file("map", O_RDWR);
	fill(map_fd, 0, MAPPED / 8 * 8, 211);
	map_rw = must(mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0));
	fd = must(open(prog_path("map"), O_RDONLY));
	map_ro = must(mmap(NULL, MAPPED, PROT_READ, MAP_SHARED, fd, 0));
	must(close(fd));
	must(unlink(prog_path("map")));
	map_rw[PAGE] = 'p';
	map_pid = prog_fork(map_child);
	prog_await("up.map");
}

static void map_verify(void)
{
	char c;

	prog_reap(map_pid, 0);
	check(map_rw[PAGE] == 'p' && map_ro[PAGE] == 'p', "what the parent wrote");
	check(map_rw[3 * PAGE] == 'c' && map_ro[3 * PAGE] == 'c', "what the child wrote");
	check(must(pread(map_fd, &c, 1, 3 * PAGE)) == 1 && c == 'c', "not the open file");
	prog_check_fill(map_ro, PAGE, 211, "first page");
	map_rw[MAPPED - 1] = 'z';
	check(must(pread(map_fd, &c, 1, MAPPED - 1)) == 1 && c == 'z', "the last byte");
	check(mprotect(map_ro, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
	      "what was opened for reading became writable");
}

/* As a library that was replaced while it is in use; nothing has it open */
static void private_setup(void)
{
	int fd = new_file("private", O_RDWR);

	fill(fd, 0, MAPPED / 8 * 8, 212);
	must(close(fd));
	fd = must(open(prog_path("private"), O_RDONLY));
	map_priv = must(mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	must(close(fd));
	map_priv[5 * PAGE] = 'q';
	must(mprotect(map_priv, 4 * PAGE, PROT_READ));
	must(unlink(prog_path("private")));
}

static void private_verify(void)
{
	char page[6 * PAGE];

	prog_fill(page, sizeof(page), 212);
	page[5 * PAGE] = 'q';
	check(!memcmp(map_priv, page, sizeof(page)), "private mapping");
}

/* ---- O_TMPFILE, that may get a name and that may not; one that has got it ---- */

static int tmp_link, tmp_excl;

static int tmpfile_new(int flags)
{
	int fd = open(prog_dir, O_TMPFILE | O_RDWR | flags, 0600);

	check(fd >= 0 || errno == EOPNOTSUPP, "O_TMPFILE: %s", strerror(errno));
	if (fd >= 0)
		must(write(fd, "temporary", 9));
	return fd;
}

static int link_fd(int fd, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, prog_path(name), AT_SYMLINK_FOLLOW);
}

static void tmpfile_setup(void)
{
	tmp_link = tmpfile_new(0);
	tmp_excl = tmpfile_new(O_EXCL);
}

static void is_temporary(int fd)
{
	char buf[32];

	check(must(pread(fd, buf, sizeof(buf), 0)) == 9 && !memcmp(buf, "temporary", 9), "content");
}

static void tmpfile_verify(void)
{
	int fd;

	if (tmp_link < 0)
		return;
	is_temporary(tmp_excl);
	check(link_fd(tmp_excl, "excl") == -1 && errno == ENOENT, "O_EXCL, and got a name");
	must(link_fd(tmp_link, "linked"));
	is_temporary(tmp_link);
	fd = must(open(prog_path("linked"), O_RDONLY));
	is_temporary(fd);
}

/* Not known by its new name on an overlay: then it is refused */
static int tmp_named;

static void named_setup(void)
{
	tmp_named = tmpfile_new(0);
	if (tmp_named >= 0)
		must(link_fd(tmp_named, "named"));
}

static void named_verify(void)
{
	int fd;

	if (tmp_named < 0)
		return;
	must(pwrite(tmp_named, "T", 1, 0));
	fd = must(open(prog_path("named"), O_RDWR));
	must(pwrite(fd, "t", 1, 0));
	is_temporary(tmp_named);
}

/* ---- one of its two names is left ---- */

static int links;
static ino_t links_ino;

static void links_setup(void)
{
	struct stat st;

	links = new_file("links1", O_RDWR);
	must(write(links, "linked", 6));
	must(link(prog_path("links1"), prog_path("links2")));
	must(unlink(prog_path("links1")));
	must(stat(prog_path("links2"), &st));
	links_ino = st.st_ino;
}

static void links_verify(void)
{
	struct stat st;
	char buf[16];

	must(fstat(links, &st));
	check(st.st_ino == links_ino && st.st_nlink == 1, "another file");
	must(write(links, "!", 1));
	prog_read(prog_path("links2"), buf, sizeof(buf));
	check(!strcmp(buf, "linked!"), "content: %s", buf);
}

/* ---- its directory is gone, too ---- */

static int gone;

static void gone_setup(void)
{
	must(mkdir(prog_path("gone"), 0700));
	gone = new_file("gone/file", O_RDWR);
	fill(gone, PAGE, PAGE, 221);
	must(unlink(prog_path("gone/file")));
	must(rmdir(prog_path("gone")));
}

static void gone_verify(void)
{
	is_zero(gone, 0, PAGE, "hole");
	is_filled(gone, PAGE, PAGE, 221, "contents");
	fill(gone, 0, PAGE, 222);
	is_filled(gone, 0, PAGE, 222, "written afterwards");
}

static const struct prog_case cases[] = {
	{ "holes", holes_setup, holes_verify, false },
	{ "replaced", replaced_setup, replaced_verify, false },
	{ "private", private_setup, private_verify, false },
	{ "tmpfile", tmpfile_setup, tmpfile_verify, false },
	{ "named", named_setup, named_verify, true },
	{ "links", links_setup, links_verify, false },
	{ "gone", gone_setup, gone_verify, false },
	{ "shared", shared_setup, shared_verify, false },
	{ "map", map_setup, map_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
