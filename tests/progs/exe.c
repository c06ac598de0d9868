// SPDX-License-Identifier: GPL-2.0
/*
 * Executables that no name leads to: unlinked since, as by an upgrade, and those
 * of memfd_create(). Two processes run such a one, which is this program again.
 */
#include "prog.h"
#include <elf.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <signal.h>

/* ---- who runs it: case running ---- */

static char link_before[PATH_MAX];

static void exe_link(char *link)
{
	memset(link, 0, PATH_MAX);
	must(readlink("/proc/self/exe", link, PATH_MAX - 1));
}

static void running_setup(void)
{
	exe_link(link_before);
}

static void running_verify(void)
{
	const char *end = " (deleted)";
	char link[PATH_MAX], magic[SELFMAG];
	int fd;

	exe_link(link);
	check(strlen(link) > strlen(end) && !strcmp(link + strlen(link) - strlen(end), end),
	      "executable %s", link);
	fd = must(open("/proc/self/exe", O_RDONLY));
	check(must(read(fd, magic, SELFMAG)) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG),
	      "/proc/self/exe is no program");
	must(close(fd));
}

/* ---- who starts them ---- */

static pid_t of_file, of_memfd;

static void copy_to(int fd)
{
	int self = must(open("/proc/self/exe", O_RDONLY));
	struct stat st;

	must(fstat(self, &st));
	check(must(sendfile(fd, self, NULL, st.st_size)) == st.st_size, "copy");
	must(close(self));
	must(fchmod(fd, 0755));
}

static pid_t run(int fd, const char *name)
{
	char *argv[] = { (char *)"exe", prog_path(name), (char *)"running", NULL };
	char *ready;
	pid_t pid;

	must(mkdir(argv[1], 0755));
	pid = must(fork());
	if (!pid) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL));
		must(fexecve(fd, argv, environ));
	}
	must(asprintf(&ready, "%s/ready", name));
	prog_await(ready);
	return pid;
}

static void unlinked_setup(void)
{
	char *path = prog_path("copy");
	int fd = must(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755));

	copy_to(fd);
	must(close(fd));
	fd = must(open(path, O_RDONLY | O_CLOEXEC));
	of_file = run(fd, "file");
	must(unlink(path));
	must(close(fd));
}

static void go(const char *name, pid_t pid)
{
	char *path;

	must(asprintf(&path, "%s/go", name));
	must(close(must(open(prog_path(path), O_WRONLY | O_CREAT, 0644))));
	prog_reap(pid, 0);
}

static void unlinked_verify(void)
{
	go("file", of_file);
}

static void memfd_setup(void)
{
	int fd = must(memfd_create("program", MFD_CLOEXEC));

	copy_to(fd);
	of_memfd = run(fd, "memfd");
	must(close(fd));
}

static void memfd_verify(void)
{
	go("memfd", of_memfd);
}

static const struct prog_case cases[] = {
	{ "unlinked", unlinked_setup, unlinked_verify, false },
	{ "memfd", memfd_setup, memfd_verify, false },
	{ "running", running_setup, running_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
