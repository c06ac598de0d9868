// SPDX-License-Identifier: GPL-2.0
/*
 * Pseudo-terminals of which the job has both sides: bytes on their way in both
 * directions, lines and half a line, settings, packet mode, locks, closed sides,
 * numbers, flow control, a session with job control.
 */
#include "prog.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER	_IO('T', 0x41)
#endif

/* A pseudo-terminal; its descriptors do not block */
struct pair {
	int master;
	int slave;
	int nr;
};

static void lock_slave(int master, int lock)
{
	must(ioctl(master, TIOCSPTLCK, &lock));
}

static int open_slave(const struct pair *p, int flags)
{
	return must(ioctl(p->master, TIOCGPTPEER, flags | O_NOCTTY));
}

static struct pair pair_new(void)
{
	struct pair p;

	p.master = must(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
	lock_slave(p.master, 0);
	must(ioctl(p.master, TIOCGPTN, &p.nr));
	p.slave = open_slave(&p, O_RDWR | O_NONBLOCK);
	return p;
}

static struct termios settings(int fd)
{
	static struct termios t;

	must(tcgetattr(fd, &t));
	return t;
}

static void set(int fd, const struct termios *t)
{
	must(tcsetattr(fd, TCSANOW, t));
}

static void set_raw(int fd)
{
	struct termios t = settings(fd);

	cfmakeraw(&t);
	set(fd, &t);
}

static void set_quiet_lines(int fd)
{
	struct termios t = settings(fd);

	t.c_lflag &= ~ECHO;
	t.c_oflag &= ~OPOST;
	set(fd, &t);
}

static void put(int fd, const void *buf, size_t len)
{
	ssize_t n = must(write(fd, buf, len));

	check(n == (ssize_t)len, "wrote %zd bytes of %zu", n, len);
}

#define puts_to(fd, text)	put(fd, text, sizeof(text) - 1)

/* What was written has been processed; the kernel does it in its own time */
static void await_input(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	check(must(poll(&p, 1, PROG_POLL_MS * PROG_POLLS)) == 1, "nothing comes");
}

static bool has_input(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return must(poll(&p, 1, 0)) == 1 && (p.revents & POLLIN);
}

/* One read gives exactly these bytes */
static void get(int fd, const void *want, size_t len, const char *what)
{
	char buf[256];
	ssize_t n;

	await_input(fd);
	n = must(read(fd, buf, sizeof(buf)));
	check(n == (ssize_t)len && !memcmp(buf, want, len),
	      "%s: %zd bytes \"%.*s\" instead of %zu", what, n, (int)n, buf, len);
}

#define gets_from(fd, text)	get(fd, text, sizeof(text) - 1, text)

/* A master gets what was written in pieces */
static void collect(int fd, const char *want)
{
	char buf[256];
	size_t len = 0;

	while (len < strlen(want)) {
		await_input(fd);
		len += must(read(fd, buf + len, sizeof(buf) - len));
	}
	check(len == strlen(want) && !memcmp(buf, want, len), "\"%.*s\" instead of \"%s\"", (int)len, buf, want);
}

static void get_none(int fd, const char *what)
{
	char c;

	check(read(fd, &c, 1) == -1 && errno == EAGAIN, "%s: there is something to read", what);
}

/* ---- bytes as they are ---- */

static struct pair raw;
static const char odd[] = "\x00\x01\x02\x03\x04\n\r\x11\x13\x16\x1a\x7f\xff\xfe end";

static void raw_setup(void)
{
	raw = pair_new();
	set_raw(raw.slave);
	put(raw.slave, odd, sizeof(odd));
	put(raw.master, odd, sizeof(odd) - 2);
	await_input(raw.slave);
}

static void raw_verify(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/pts/%d", raw.nr);
	check(!strcmp(ttyname(raw.slave) ?: "?", path), "%s is %s", path, ttyname(raw.slave));
	get(raw.master, odd, sizeof(odd), "from the slave");
	get(raw.slave, odd, sizeof(odd) - 2, "from the master");
	get_none(raw.master, "master");
	get_none(raw.slave, "slave");
	puts_to(raw.master, "again");
	gets_from(raw.slave, "again");
	puts_to(raw.slave, "and back");
	gets_from(raw.master, "and back");
}

/* ---- lines ---- */

static struct pair lines, quoted;

static void lines_setup(void)
{
	struct termios t;

	lines = pair_new();
	set_quiet_lines(lines.slave);
	puts_to(lines.master, "one\ntwo\x7f\x7fhhree\n\x04no end\x04");
	/* ends with a character of its own; a newline and more are quoted */
	t = settings(lines.slave);
	t.c_cc[VEOL] = ';';
	set(lines.slave, &t);
	puts_to(lines.master, "a;\x16;\x16\n\x16\x04\x01\x02\x16\x03x;");
	await_input(lines.slave);
	puts_to(lines.master, "half a kine");
	/* the next is quoted, when it comes */
	quoted = pair_new();
	set_quiet_lines(quoted.slave);
	puts_to(quoted.master, "q\x16");
}

static void lines_verify(void)
{
	gets_from(lines.slave, "one\n");
	gets_from(lines.slave, "thhree\n");
	gets_from(lines.slave, "");
	gets_from(lines.slave, "no end");
	gets_from(lines.slave, "a;");
	gets_from(lines.slave, ";\n\x04\x01\x02\x03x;");
	get_none(lines.slave, "half a line");
	puts_to(lines.master, "\x7f\x7f\x7f\x7fline\n");
	gets_from(lines.slave, "half a line\n");
	puts_to(lines.master, "next;");
	gets_from(lines.slave, "next;");
	puts_to(quoted.master, "\n.\n");
	gets_from(quoted.slave, "q\n.\n");
}

/* Typed before the settings were those of lines */
static struct pair pushed;

static void pushed_setup(void)
{
	struct termios t;

	pushed = pair_new();
	t = settings(pushed.slave);
	set_raw(pushed.slave);
	puts_to(pushed.master, "before");
	await_input(pushed.slave);
	t.c_lflag &= ~ECHO;
	set(pushed.slave, &t);
	puts_to(pushed.master, "line\nrest");
}

static void pushed_verify(void)
{
	gets_from(pushed.slave, "before");
	gets_from(pushed.slave, "line\n");
	get_none(pushed.slave, "rest");
	puts_to(pushed.master, "\n");
	gets_from(pushed.slave, "rest\n");
}

/* ---- settings ---- */

static struct pair kept;
static struct termios kept_termios;
static const struct winsize kept_size = { 25, 81, 640, 480 };

static void kept_setup(void)
{
	struct termios t;
	unsigned int i;

	kept = pair_new();
	t = settings(kept.slave);
	t.c_iflag = IXON | IXANY | ICRNL | PARMRK;
	t.c_oflag = OPOST | ONLCR | TAB3;
	t.c_lflag = ICANON | ECHO | ECHOE | ECHOK | IEXTEN | NOFLSH;
	for (i = 0; i < 17; i++)
		t.c_cc[i] = 'A' + i;
	cfsetspeed(&t, B9600);
	set(kept.slave, &t);
	kept_termios = settings(kept.slave);
	must(ioctl(kept.slave, TIOCSWINSZ, &kept_size));
	must(fchmod(kept.slave, 0604));
	must(ioctl(kept.slave, TIOCEXCL));
}

static void kept_verify(void)
{
	struct termios t = settings(kept.master);
	struct winsize size;
	struct stat st;
	int excl;

	check(!memcmp(&t, &kept_termios, sizeof(t)), "settings differ");
	must(ioctl(kept.master, TIOCGWINSZ, &size));
	check(!memcmp(&size, &kept_size, sizeof(size)), "window of %u x %u, %u x %u pixels",
	      size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
	must(fstat(kept.slave, &st));
	check((st.st_mode & 07777) == 0604, "mode 0%o", st.st_mode);
	must(ioctl(kept.slave, TIOCGEXCL, &excl));
	check(excl, "not exclusive");
	must(ioctl(kept.master, TIOCGEXCL, &excl));
	check(!excl, "master exclusive");
}

/* Output is at a column: a tab goes to the next stop */
static struct pair column;

static void column_setup(void)
{
	struct termios t;

	column = pair_new();
	t = settings(column.slave);
	t.c_oflag = OPOST | TAB3;
	set(column.slave, &t);
	puts_to(column.slave, "12345");
	gets_from(column.master, "12345");
}

static void column_verify(void)
{
	puts_to(column.slave, "\t|");
	collect(column.master, "   |");
	puts_to(column.slave, "12345");
	gets_from(column.master, "12345");
}

/* ---- packet mode ---- */

static struct pair packet, quiet;

static void packet_setup(void)
{
	int on = 1;

	packet = pair_new();
	set_raw(packet.slave);
	must(ioctl(packet.master, TIOCPKT, &on));
	must(tcflow(packet.slave, TCOOFF));
	must(tcflow(packet.slave, TCOON));
	must(tcflush(packet.slave, TCIFLUSH));
	puts_to(packet.slave, "data");
	quiet = pair_new();
	must(ioctl(quiet.master, TIOCPKT, &on));
}

static void packet_verify(void)
{
	const char status = TIOCPKT_START | TIOCPKT_FLUSHREAD;
	int on;

	must(ioctl(packet.master, TIOCGPKT, &on));
	check(on, "no packets");
	get(packet.master, &status, 1, "status");
	get(packet.master, "\0data", 5, "data");
	must(ioctl(quiet.master, TIOCGPKT, &on));
	check(on && !has_input(quiet.master), "status out of nowhere");
	must(ioctl(raw.master, TIOCGPKT, &on));
	check(!on, "packets out of nowhere");
}

/* ---- sides that are closed, or never were open ---- */

static struct pair no_master, no_slave, unopened, locked;
static int hung_dup;

static void closed_setup(void)
{
	no_master = pair_new();
	hung_dup = must(dup(no_master.slave));
	must(close(no_master.master));
	no_slave = pair_new();
	set_raw(no_slave.slave);
	puts_to(no_slave.slave, "last words");
	puts_to(no_slave.master, "typed ahead");
	await_input(no_slave.slave);
	must(close(no_slave.slave));
	unopened.master = must(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
	lock_slave(unopened.master, 0);
	locked.master = must(open("/dev/ptmx", O_RDWR | O_NOCTTY));
}

static void closed_verify(void)
{
	char buf[16];
	int lock;

	check(read(no_master.slave, buf, 1) == 0, "a closed master: no end of file");
	check(write(hung_dup, "x", 1) == -1 && errno == EIO, "a closed master: %s", strerror(errno));
	gets_from(no_slave.master, "last words");
	check(read(no_slave.master, buf, 1) == -1 && errno == EIO, "a closed slave: %s", strerror(errno));
	no_slave.slave = open_slave(&no_slave, O_RDWR | O_NONBLOCK);
	gets_from(no_slave.slave, "typed ahead");
	get_none(unopened.master, "nobody had it open");
	must(ioctl(locked.master, TIOCGPTLCK, &lock));
	check(lock, "not locked");
	check(ioctl(locked.master, TIOCGPTPEER, O_RDWR | O_NOCTTY) == -1 && errno == EIO,
	      "locked, but: %s", strerror(errno));
	check(!(fcntl(locked.master, F_GETFL) & O_NONBLOCK), "a master that does not wait");
	must(ioctl(unopened.master, TIOCGPTLCK, &lock));
	check(!lock, "locked");
	lock_slave(locked.master, 0);
	locked.slave = open_slave(&locked, O_RDWR);
}

/* ---- descriptors ---- */

static struct pair shared;
static int reader, writer, other_dup;

static void shared_setup(void)
{
	shared = pair_new();
	set_raw(shared.slave);
	reader = open_slave(&shared, O_RDONLY);
	writer = open_slave(&shared, O_WRONLY | O_NONBLOCK);
	other_dup = must(dup(shared.master));
}

static void shared_verify(void)
{
	check((fcntl(reader, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == O_RDONLY, "reader");
	check((fcntl(writer, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_WRONLY | O_NONBLOCK), "writer");
	check(write(reader, "x", 1) == -1 && errno == EBADF, "the reader can write");
	puts_to(writer, "by the writer");
	gets_from(other_dup, "by the writer");
	must(fcntl(other_dup, F_SETFL, O_RDWR));
	check(!(fcntl(shared.master, F_GETFL) & O_NONBLOCK), "two descriptions");
	must(fcntl(other_dup, F_SETFL, O_RDWR | O_NONBLOCK));
	puts_to(other_dup, "for the reader");
	gets_from(reader, "for the reader");
}

/* ---- full, and stopped ---- */

static struct pair full, stopped;
static size_t full_out, full_in;

/* Behind @len bytes as many more as there is room for; returns how many there are */
static size_t fill(int fd, uint8_t seed, size_t len)
{
	uint8_t buf[64];
	ssize_t n;
	size_t i;
	int idle;

	/* a part may still be on its way to where there is room */
	for (idle = 0; idle < 10;) {
		for (i = 0; i < sizeof(buf); i++)
			buf[i] = seed + (len + i) * 7;
		n = write(fd, buf, sizeof(buf));
		if (n > 0) {
			len += n;
			idle = 0;
			continue;
		}
		check(errno == EAGAIN, "full: %s", strerror(errno));
		prog_sleep_ms(PROG_POLL_MS);
		idle++;
	}
	return len;
}

static void drain(int fd, uint8_t seed, size_t want)
{
	uint8_t buf[512];
	size_t len = 0;
	ssize_t n, i;

	while (len < want) {
		await_input(fd);
		n = must(read(fd, buf, sizeof(buf)));
		for (i = 0; i < n; i++, len++)
			check(buf[i] == (uint8_t)(seed + len * 7), "byte %zu of %zu is wrong", len, want);
	}
	check(len == want, "%zu bytes instead of %zu", len, want);
	get_none(fd, "full");
}

static void full_setup(void)
{
	full = pair_new();
	set_raw(full.slave);
	full_out = fill(full.slave, 3, 0);
	full_in = fill(full.master, 5, 0);
	check(full_out > 4096 && full_in > 4096, "no more than %zu and %zu bytes", full_out, full_in);
	stopped = pair_new();
	set_raw(stopped.slave);
	must(tcflow(stopped.slave, TCOOFF));
}

static void full_verify(void)
{
	size_t out = fill(full.slave, 3, full_out), in = fill(full.master, 5, full_in);

	/* how bytes are packed decides how many fit, and they may be packed better now */
	check(out < 2 * full_out, "room for %zu bytes behind %zu that filled the slave", out - full_out, full_out);
	check(in < 2 * full_in, "room for %zu bytes behind %zu that filled the master", in - full_in, full_in);
	drain(full.master, 3, out);
	drain(full.slave, 5, in);
	check(write(stopped.slave, "x", 1) == -1 && errno == EAGAIN, "stopped, but it writes");
	must(tcflow(stopped.slave, TCOON));
	puts_to(stopped.slave, "started");
	gets_from(stopped.master, "started");
}

/* ---- a session ---- */

static struct pair session;
static pid_t leader;

static void on_int(int sig PROG_UNUSED)
{
}

/*
 * In the foreground: says so when it is interrupted, by the name of /dev/tty. The
 * signal is blocked but while it waits
 */
static void __attribute__((noreturn)) worker(void)
{
	struct sigaction sa = { .sa_handler = on_int };
	int tty;

	must(sigaction(SIGINT, &sa, NULL));
	/* ignored in what a shell has started in the background */
	signal(SIGQUIT, SIG_DFL);
	puts_to(session.slave, "W");
	for (;;) {
		sigset_t none;

		sigemptyset(&none);
		sigsuspend(&none);
		tty = must(open("/dev/tty", O_RDWR));
		check(tcgetpgrp(tty) == getpgrp(), "not in the foreground");
		check(tcgetsid(tty) == getsid(0), "of another session");
		puts_to(tty, "interrupted");
		must(close(tty));
	}
}

/* A shell: gives the terminal to its job, takes it when that stops */
static void __attribute__((noreturn)) shell(void)
{
	sigset_t intr;
	int status;
	pid_t job;

	must(setsid());
	must(ioctl(session.slave, TIOCSCTTY, 0));
	must(close(session.master));
	signal(SIGTTOU, SIG_IGN);
	sigemptyset(&intr);
	sigaddset(&intr, SIGINT);
	must(sigprocmask(SIG_BLOCK, &intr, NULL));
	job = must(fork());
	if (!job) {
		must(setpgid(0, 0));
		must(tcsetpgrp(session.slave, getpgrp()));
		signal(SIGTTOU, SIG_DFL);
		worker();
	}
	for (;;) {
		check(waitpid(job, &status, WUNTRACED) == job, "waitpid: %s", strerror(errno));
		if (!WIFSTOPPED(status))
			break;
		must(tcsetpgrp(session.slave, getpgrp()));
		check(tcgetpgrp(session.slave) == getpgrp(), "who is in the foreground");
		must(tcsetpgrp(session.slave, job));
		must(kill(job, SIGCONT));
		/* said from the background: then what is typed is the job's again */
		puts_to(session.slave, "stopped");
	}
	_exit(WTERMSIG(status) == SIGQUIT ? 7 : 1);
}

static void session_setup(void)
{
	session = pair_new();
	set_quiet_lines(session.slave);
	must(fcntl(session.slave, F_SETFL, O_RDWR));
	leader = must(fork());
	if (!leader)
		shell();
	gets_from(session.master, "W");
}

static void session_verify(void)
{
	check(tcgetsid(session.master) == leader, "session %d instead of %d",
	      tcgetsid(session.master), leader);
	puts_to(session.master, "\x03");
	gets_from(session.master, "interrupted");
	puts_to(session.master, "\x1a");
	gets_from(session.master, "stopped");
	puts_to(session.master, "\x1c");
	prog_reap(leader, 7 << 8);
}

static const struct prog_case cases[] = {
	{ "raw", raw_setup, raw_verify, false },
	{ "lines", lines_setup, lines_verify, false },
	{ "pushed", pushed_setup, pushed_verify, false },
	{ "settings", kept_setup, kept_verify, false },
	{ "column", column_setup, column_verify, false },
	{ "packet", packet_setup, packet_verify, false },
	{ "closed", closed_setup, closed_verify, false },
	{ "descriptors", shared_setup, shared_verify, false },
	{ "full", full_setup, full_verify, false },
	{ "session", session_setup, session_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
