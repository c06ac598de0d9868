// SPDX-License-Identifier: GPL-2.0
/*
 * "several DIR PROGRAM[,CASE...]..." is a job with state of many kinds: it runs
 * the programs beside it, each as a child with a directory of its own below DIR
 * and with the cases that are named. It is ready when all are, says go to all,
 * and demands that each ends with 0.
 */
#include "prog.h"
#include <sys/prctl.h>

#define MAX_PROGRAMS	32
#define MAX_CASES	16

static pid_t pids[MAX_PROGRAMS];
static char *names[MAX_PROGRAMS];

static void begin(int nr, char *arg)
{
	char *argv[MAX_CASES + 3], *file, *self = must(realpath("/proc/self/exe", NULL));
	int n = 0;

	*strrchr(self, '/') = 0;
	names[nr] = strtok(arg, ",");
	must(asprintf(&file, "%s/%s", self, names[nr]));
	argv[n++] = file;
	argv[n++] = prog_path(names[nr]);
	must(mkdir(argv[1], 0755));
	while (n < MAX_CASES + 2 && (argv[n] = strtok(NULL, ",")))
		n++;
	argv[n] = NULL;
	pids[nr] = must(fork());
	if (!pids[nr]) {
		/* the end of one of them, or of a test, is the end of all */
		must(prctl(PR_SET_PDEATHSIG, SIGKILL));
		execv(file, argv);
		prog_fail("%s: %s", file, strerror(errno));
	}
	free(file);
	free(self);
}

/* DIR/NAME/ready, unless it ends before */
static void await(int nr)
{
	char *name;
	int i;

	must(asprintf(&name, "%s/%s/ready", prog_dir, names[nr]));
	for (i = 0; access(name, F_OK); i++) {
		check(i < PROG_POLLS, "waited too long for %s", names[nr]);
		check(!waitpid(pids[nr], NULL, WNOHANG), "%s has ended", names[nr]);
		prog_sleep_ms(PROG_POLL_MS);
	}
	free(name);
}

int main(int argc, char **argv)
{
	int nr, count = argc - 2;
	const char *dir;

	prog_init(argc, argv);
	dir = prog_dir;
	check(count > 0 && count <= MAX_PROGRAMS, "usage: several DIR PROGRAM[,CASE...]...");
	for (nr = 0; nr < count; nr++)
		begin(nr, argv[nr + 2]);
	for (nr = 0; nr < count; nr++)
		await(nr);
	prog_touch("ready");
	prog_wait();
	for (nr = 0; nr < count; nr++) {
		prog_dir = prog_path(names[nr]);
		prog_touch("go");
		prog_dir = dir;
	}
	for (nr = 0; nr < count; nr++) {
		prog_case = names[nr];
		prog_reap(pids[nr], 0);
	}
	return 0;
}
