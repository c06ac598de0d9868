// SPDX-License-Identifier: GPL-2.0
/*
 * A leader that ends as it is told: "exitcode DIR 7" exits with 7, "exitcode DIR
 * sig15" dies of signal 15, "exitcode DIR thread7" exits from another thread.
 */
#include "prog.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static void *exit_thread(void *arg)
{
	prog_wait();
	exit((intptr_t)arg);
}

int main(int argc, char **argv)
{
	struct rlimit no_core = { 0, 0 };
	const char *how;
	pthread_t t;

	prog_init(argc, argv);
	how = prog_args[0];
	check(how, "usage: exitcode DIR N | sigN | threadN");
	must(setrlimit(RLIMIT_CORE, &no_core));
	if (!strncmp(how, "thread", 6)) {
		must0(pthread_create(&t, NULL, exit_thread, (void *)(intptr_t)atoi(how + 6)));
		prog_touch("ready");
		for (;;)
			pause();
	}
	prog_touch("ready");
	prog_wait();
	if (!strncmp(how, "sig", 3)) {
		raise(atoi(how + 3));
		prog_fail("survived signal %s", how + 3);
	}
	return atoi(how);
}
