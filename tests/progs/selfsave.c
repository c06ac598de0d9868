// SPDX-License-Identifier: GPL-2.0
/*
 * Saving oneself: selfsave DIR PATTERN. Two processes and a thread; when DIR/go is
 * there, the child has the job saved as PATTERN says. It returns 0 to who goes on and
 * 1 to who was restarted; both verify that all is as it was, and say so in DIR/said.
 * Prints why it has failed.
 */
#include "prog.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include "../../include/uapi/linux/cr.h"

static atomic_int turns;

static void *turn(void *arg)
{
	for (;;) {
		atomic_fetch_add(&turns, 1);
		prog_sleep_ms(1);
	}
	return arg;
}

static int save_self(int dev, const char *pattern)
{
	char report[4096] = "";
	struct cr_ioc_self arg = {
		.pattern = (unsigned long)pattern,
		.report = (unsigned long)report, .report_len = sizeof(report),
	};
	int ret = ioctl(dev, CR_IOC_SAVE_SELF, &arg);

	if (ret < 0)
		prog_fail("%s: %s", strerror(errno), report);
	return ret;
}

static void say(int returned)
{
	int fd = must(open(prog_path("said"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));

	must(dprintf(fd, "%d\n", returned));
	must(close(fd));
}

/* It would wait for itself */
static void save_in_section(int dev)
{
	struct cr_ioc_self arg = {};

	must(ioctl(dev, CR_IOC_CRITICAL, CR_CRITICAL_BEGIN));
	check(ioctl(dev, CR_IOC_SAVE_SELF, &arg) < 0 && errno == EDEADLK, "%s", strerror(errno));
	must(ioctl(dev, CR_IOC_CRITICAL, CR_CRITICAL_END));
}

static void child(const char *pattern)
{
	int dev = must(open(CR_DEVICE, O_RDWR | O_CLOEXEC)), before, polls, ret;
	char *mine = strdup("of the child");
	pthread_t thread;

	must0(pthread_create(&thread, NULL, turn, NULL));
	save_in_section(dev);
	prog_wait();
	before = atomic_load(&turns);
	ret = save_self(dev, *pattern ? pattern : NULL);
	check(!strcmp(mine, "of the child"), "memory has become %s", mine);
	/* the thread turns on, and the device is there */
	for (polls = 0; atomic_load(&turns) < before + 10; polls++) {
		check(polls < PROG_POLLS, "the thread stands still");
		prog_sleep_ms(PROG_POLL_MS);
	}
	check(fcntl(dev, F_GETFD) == FD_CLOEXEC, "the device's descriptor is gone");
	say(ret);
	_exit(ret);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	prog_name = "selfsave";
	if (argc != 3)
		return 2;
	prog_dir = argv[1];
	pid = must(fork());
	if (!pid)
		child(argv[2]);
	prog_touch("ready");
	must(waitpid(pid, &status, 0));
	check(WIFEXITED(status), "the child ended with 0x%x", status);
	return WEXITSTATUS(status);
}
