// SPDX-License-Identifier: GPL-2.0
/* A child in a session of its own. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/wait.h>
#include "spawn.h"

static void __attribute__((noreturn)) child(void (*fn)(void *arg), void *arg,
					     const sigset_t *mask, int tell)
{
	int err;

	setsid();
	sigprocmask(SIG_SETMASK, mask, NULL);
	fn(arg);
	err = errno;
	if (write(tell, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

pid_t spawn(void (*fn)(void *arg), void *arg, const sigset_t *mask)
{
	int tell[2], err = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(tell, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		child(fn, arg, mask, tell[1]);
	if (pid < 0)
		err = errno;
	close(tell[1]);
	/* the end of the pipe: execve() has closed it */
	do {
		n = read(tell[0], &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	close(tell[0]);
	if (!err)
		return pid;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	errno = err;
	return -1;
}
