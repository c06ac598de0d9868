// SPDX-License-Identifier: GPL-2.0
/* Settings of one job: what signals mean to it, and the names of its images. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <linux/cr.h>
#include "declare.h"
#include "mkcrimg.h"

/* One signal, or "0" */
static bool signal_option(const char *arg, int *sig)
{
	*sig = parse_signal(arg);
	return *sig || !strcmp(arg, "0");
}

bool declare_option(struct declare *d, int opt, const char *arg)
{
	d->wanted = true;
	switch (opt) {
	case DECLARE_SIGNAL:
		return signal_option(arg, &d->save_signal);
	case DECLARE_END_SIGNAL:
		return signal_option(arg, &d->end_signal);
	case DECLARE_FATAL:
		d->fatal = 1;
		return true;
	case DECLARE_NO_FATAL:
		d->fatal = 0;
		return true;
	case DECLARE_PATTERN:
		d->pattern = arg;
		return *arg;
	case DECLARE_FORGET:
		d->forget = true;
		return true;
	}
	return false;
}

bool declare_valid(const struct declare *d)
{
	return !d->forget || (d->save_signal < 0 && d->end_signal < 0 &&
			      d->fatal < 0 && !d->pattern);
}

/* What the errors mean that are not about the process */
static const char *why(const struct declare *d, int err)
{
	if (err == EINVAL)
		return "a signal that cannot mean it, or a pattern that has no meaning";
	if (err == EBUSY)
		return "signals cannot be caught: kernel.ftrace_enabled is 0, or there is a live patch";
	if (err == ENOENT && d->forget)
		return "No such file or directory: it has no settings of its own";
	return strerror(err);
}

int declare_job(const struct declare *d, pid_t pid, int pidfd)
{
	struct cr_ioc_auto arg = {
		.flags = d->forget ? CR_AUTO_FORGET : 0,
		.save_signal = d->save_signal,
		.end_signal = d->end_signal,
		.fatal = d->fatal,
		.pattern = (unsigned long)d->pattern,
		.pidfd = pidfd,
	};
	int dev = device_open(), err = 0;

	if (dev < 0)
		return ST_FAILED;
	if (ioctl(dev, CR_IOC_AUTO, &arg))
		err = failed("auto: pid %d: %s", pid, why(d, errno));
	close(dev);
	return err;
}
