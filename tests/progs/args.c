// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc and auxv tell of how a program was started: arguments and
 * environment (which it may have overwritten), executable, auxiliary vector.
 */
#include "prog.h"
#include <sys/auxv.h>
#include <sys/prctl.h>

#define SIZE	65536
extern char **environ;

struct file {
	const char *path;
	char buf[SIZE];
	size_t len;
};

static struct file before[] = {
	{ .path = "/proc/self/cmdline" },
	{ .path = "/proc/self/environ" },
	{ .path = "/proc/self/auxv" },
	{ .path = "/proc/self/comm" },
};

#define NR_FILES	(sizeof(before) / sizeof(before[0]))
static char exe[PATH_MAX];
static char now[SIZE];

static void files_setup(void)
{
	size_t i;

	/* the way in which daemons change their title */
	memset(prog_args[-2], 'T', strlen(prog_args[-2]));
	must(prctl(PR_SET_NAME, "new title"));
	for (i = 0; i < NR_FILES; i++)
		before[i].len = prog_read(before[i].path, before[i].buf, SIZE);
	check(before[0].buf[0] == 'T' && before[1].len && before[2].len, "nothing in /proc");
	must(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
}

static void files_verify(void)
{
	char link[PATH_MAX] = "";
	size_t i, len;

	for (i = 0; i < NR_FILES; i++) {
		len = prog_read(before[i].path, now, SIZE);
		check(len == before[i].len && !memcmp(now, before[i].buf, len),
		      "%s changed (%zu bytes, %zu before)", before[i].path, len, before[i].len);
	}
	must(readlink("/proc/self/exe", link, sizeof(link) - 1));
	check(!strcmp(link, exe), "/proc/self/exe: %s became %s", exe, link);
}

/* ---- getauxval() and the strings that the stack begins with ---- */

static unsigned long auxv[64];
static char *path;

static void auxv_setup(void)
{
	int i;

	must(setenv("CR_TEST", "set later", 1));
	path = getenv("PATH");
	for (i = 0; i < 64; i++)
		auxv[i] = getauxval(i);
}

static void auxv_verify(void)
{
	int i;

	for (i = 0; i < 64; i++)
		check(auxv[i] == getauxval(i), "auxiliary vector, %d: 0x%lx became 0x%lx", i,
		      auxv[i], getauxval(i));
	check(strstr((char *)getauxval(AT_EXECFN), "args"), "AT_EXECFN: %s",
	      (char *)getauxval(AT_EXECFN));
	check(getenv("PATH") == path && !strcmp(getenv("CR_TEST"), "set later"), "environment");
}

static const struct prog_case cases[] = {
	{ "auxv", auxv_setup, auxv_verify, false },
	{ "files", files_setup, files_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
