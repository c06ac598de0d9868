// SPDX-License-Identifier: GPL-2.0
/*
 * A section that no save interrupts: critical DIR end|close. A thread is in one from
 * DIR/ready on until DIR/out is there; the first thread holds what it needs to get
 * out, and gives it away all the time. Who has been saved within would wait for DIR/out again.
 */
#include "prog.h"
#include <pthread.h>
#include <sys/ioctl.h>
#include "../../include/uapi/linux/cr.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *section(void *arg)
{
	int dev = must(open(CR_DEVICE, O_RDWR | O_CLOEXEC));

	check(ioctl(dev, CR_IOC_CRITICAL, CR_CRITICAL_END) && errno == EINVAL,
	      "the end of no section");
	must(ioctl(dev, CR_IOC_CRITICAL, CR_CRITICAL_BEGIN));
	check(ioctl(dev, CR_IOC_CRITICAL, CR_CRITICAL_BEGIN) && errno == EALREADY,
	      "a second section");
	prog_touch("ready");
	while (access(prog_path("out"), F_OK)) {
		must0(pthread_mutex_lock(&mutex));
		must0(pthread_mutex_unlock(&mutex));
		prog_sleep_ms(PROG_POLL_MS);
	}
	if (!strcmp(prog_case, "close"))
		must(close(dev));
	else
		must(ioctl(dev, CR_IOC_CRITICAL, CR_CRITICAL_END));
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	prog_name = "critical";
	if (argc != 3)
		return 2;
	prog_dir = argv[1];
	prog_case = argv[2];
	must0(pthread_create(&thread, NULL, section, NULL));
	while (access(prog_path("go"), F_OK)) {
		must0(pthread_mutex_lock(&mutex));
		prog_sleep_ms(PROG_POLL_MS);
		must0(pthread_mutex_unlock(&mutex));
		prog_sleep_ms(PROG_POLL_MS);
	}
	must0(pthread_join(thread, NULL));
	return 0;
}
