// SPDX-License-Identifier: GPL-2.0
/*
 * A bug that ends a process: crash DIR [divide-]leader|thread|child, crash DIR abort.
 * Waits for DIR/go, and crashes. A debugger that sets crash_divisor to something else
 * than 0 has repaired "divide": the program ends with status 0, and DIR/done is there.
 */
#include "prog.h"
#include <pthread.h>

volatile int crash_value = 1;
volatile int *volatile crash_pointer;
volatile int crash_divisor;
__thread volatile int crash_number = 7;

__attribute__((noinline)) static void crash_here(int depth)
{
	if (depth) {
		crash_here(depth - 1);
		/* not a jump */
		crash_number++;
		return;
	}
	*crash_pointer = 42;
	check(crash_value == 42, "crash_value is %d", crash_value);
}

/* The instruction that faults reads the variable, so it is right when it is executed again */
__attribute__((noinline)) static int crash_divide(int value)
{
	int quotient, rest;

	__asm__ volatile("idivl %[divisor]" : "=a"(quotient), "=d"(rest)
			 : "a"(value), "d"(0), [divisor] "m"(crash_divisor));
	return quotient + rest;
}

__attribute__((noinline)) static void bug(void)
{
	if (strncmp(prog_case, "divide", 6))
		crash_here(2);
	else
		check(crash_divide(84) == 84 / crash_divisor, "84 / %d", crash_divisor);
}

__attribute__((noinline)) static void *crash_thread(void *arg)
{
	prog_wait();
	bug();
	/* not a jump */
	crash_number++;
	return arg;
}

__attribute__((noinline)) static void crash_child(void)
{
	int status;
	pid_t pid = must(fork());

	if (!pid) {
		prog_touch("child");
		prog_wait();
		bug();
		_exit(3);
	}
	prog_touch("ready");
	must(waitpid(pid, &status, 0));
	check(WIFEXITED(status) && WEXITSTATUS(status) == 3, "the child ended with 0x%x",
	      status);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	prog_name = "crash";
	if (argc != 3)
		return 2;
	prog_dir = argv[1];
	prog_case = argv[2];
	if (strstr(prog_case, "thread")) {
		must0(pthread_create(&thread, NULL, crash_thread, NULL));
		prog_touch("ready");
		must0(pthread_join(thread, NULL));
	} else if (strstr(prog_case, "child")) {
		crash_child();
	} else if (!strcmp(prog_case, "abort")) {
		prog_touch("ready");
		prog_wait();
		abort();
	} else {
		prog_touch("ready");
		prog_wait();
		bug();
	}
	prog_touch("done");
	return 0;
}
