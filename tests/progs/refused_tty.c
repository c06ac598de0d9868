// SPDX-License-Identifier: GPL-2.0
/* As refused.c: pseudo-terminals that cannot be saved. */
#include "refused.h"
#include <signal.h>
#include <termios.h>

static void pty_locked_setup(void)
{
	struct termios t = { .c_lflag = ICANON };

	new_pty();
	must(ioctl(fd2, TIOCSLCKTRMIOS, &t));
	must(write(fd2, "x", 1));
}

static void pty_discipline_setup(void)
{
	int null = 27;	/* N_NULL */

	new_pty();
	have(ioctl(fd2, TIOCSETD, &null));
}

static void pty_discipline_verify(void)
{
	int number;

	must(ioctl(fd2, TIOCGETD, &number));
	check(number == 27, "line discipline %d", number);
}

static void pty_session(void)
{
	must(setsid());
	must(ioctl(fd2, TIOCSCTTY, 0));
}

/* Who controls the terminal takes the slave away from everybody, as getty does */
static void pty_hungup_child(void)
{
	pty_session();
	check(signal(SIGHUP, SIG_IGN) != SIG_ERR, "signal()");
	must(vhangup());
}

static void pty_hungup_setup(void)
{
	new_pty();
	prog_reap(prog_fork(pty_hungup_child), 0);
}

static void pty_hungup_verify(void)
{
	char c;

	check(!must(read(fd2, &c, 1)), "not hung up");
}

/* Who is in the foreground has gone */
static void pty_group_child(void)
{
	pid_t pid;

	pty_session();
	check(signal(SIGTTOU, SIG_IGN) != SIG_ERR, "signal()");
	pid = must(fork());
	if (!pid) {
		for (;;)
			pause();
	}
	must(setpgid(pid, pid));
	must(tcsetpgrp(fd2, pid));
	must(kill(pid, SIGKILL));
	prog_reap(pid, SIGKILL);
	prog_touch("up.child");
	prog_wait();
	_exit(5);
}

static void pty_group_setup(void)
{
	new_pty();
	child = prog_fork(pty_group_child);
	prog_await("up.child");
}

static void pty_group_verify(void)
{
	prog_reap(child, 5 << 8);
}

/* What is typed shall be shown, but the terminal is stopped */
static void pty_echo_setup(void)
{
	new_pty();
	must(tcflow(fd2, TCOOFF));
	must(write(fd, "x", 1));
}

static void pty_echo_verify(void)
{
	check(!readable(fd), "it is not stopped");
	must(tcflow(fd2, TCOON));
	/* an echo is shown with what comes next */
	must(write(fd2, "y", 1));
	readable_verify();
}

static const struct prog_case cases[] = {
	{ "pty_locked", pty_locked_setup, readable_verify, true },
	{ "pty_discipline", pty_discipline_setup, pty_discipline_verify, true },
	{ "pty_hungup", pty_hungup_setup, pty_hungup_verify, true },
	{ "pty_group", pty_group_setup, pty_group_verify, true },
	{ "pty_echo", pty_echo_setup, pty_echo_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
