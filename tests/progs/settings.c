// SPDX-License-Identifier: GPL-2.0
/*
 * Settings of automatic images, many of them: settings DIR N: N processes, each of
 * which has declared itself.
 */
#include "prog.h"
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "../../include/uapi/linux/cr.h"

static void declare_oneself(int dev)
{
	struct cr_ioc_auto arg = {
		.save_signal = SIGUSR1, .end_signal = -1, .fatal = -1,
		.pattern = (unsigned long)"/none",
	};

	arg.pidfd = must(syscall(SYS_pidfd_open, getpid(), 0));
	must(ioctl(dev, CR_IOC_AUTO, &arg));
	must(close(arg.pidfd));
}

int main(int argc, char **argv)
{
	int dev, i, n, ends[2];
	char one = 1;

	prog_name = "settings";
	check(argc == 3, "usage: settings DIR N");
	prog_dir = argv[1];
	n = atoi(argv[2]);
	dev = must(open(CR_DEVICE, O_RDWR | O_CLOEXEC));
	must(pipe(ends));
	for (i = 0; i < n; i++) {
		if (must(fork()))
			continue;
		must(prctl(PR_SET_PDEATHSIG, SIGKILL));
		declare_oneself(dev);
		must(write(ends[1], &one, 1));
		for (;;)
			pause();
	}
	for (i = 0; i < n; i++)
		check(read(ends[0], &one, 1) == 1, "a child is gone");
	prog_touch("ready");
	prog_wait();
	return 0;
}
