// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes with both ends in the job: data in flight, sizes, end of file, broken
 * pipes, O_NONBLOCK, and readers and writers in different processes.
 */
#include "prog.h"
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

static void write_all(int fd, const void *buf, size_t len)
{
	ssize_t n;

	for (; len; len -= n, buf = (const char *)buf + n)
		n = must(write(fd, buf, len));
}

static void read_all(int fd, void *buf, size_t len)
{
	ssize_t n;

	for (; len; len -= n, buf = (char *)buf + n) {
		n = must(read(fd, buf, len));
		check(n, "end of file, %zu bytes are missing", len);
	}
}

static int in_flight(int fd)
{
	int n;

	must(ioctl(fd, FIONREAD, &n));
	return n;
}

/* ---- data in flight: whole pages, parts of them, read in part ---- */

#define FLIGHT	20000
static int flight[2];
static char sent[FLIGHT];

static void flight_setup(void)
{
	char buf[1500];

	must(pipe(flight));
	prog_fill(sent, FLIGHT, 121);
	write_all(flight[1], sent, 10000);
	write_all(flight[1], sent + 10000, 3);
	write_all(flight[1], sent + 10003, FLIGHT - 10003);
	read_all(flight[0], buf, sizeof(buf));
	check(!memcmp(buf, sent, sizeof(buf)), "content");
}

static void flight_verify(void)
{
	static char got[FLIGHT];

	check(in_flight(flight[0]) == FLIGHT - 1500, "%d bytes in flight", in_flight(flight[0]));
	write_all(flight[1], "end", 3);
	read_all(flight[0], got, FLIGHT - 1500);
	check(!memcmp(got, sent + 1500, FLIGHT - 1500), "content");
	read_all(flight[0], got, 3);
	check(!memcmp(got, "end", 3), "what was written afterwards");
	check(!in_flight(flight[0]), "%d bytes are left", in_flight(flight[0]));
}

/* ---- sizes: one page, the default, 1 MiB full to the brim ---- */

#define LARGE	(1 << 20)
static int small_pipe[2], default_pipe[2], large_pipe[2];
static char *brim;

static void size_setup(void)
{
	must(pipe(small_pipe));
	must(fcntl(small_pipe[0], F_SETPIPE_SZ, 4096));
	write_all(small_pipe[1], "small", 5);
	must(pipe(default_pipe));
	must(pipe(large_pipe));
	must(fcntl(large_pipe[1], F_SETPIPE_SZ, LARGE));
	brim = malloc(LARGE);
	prog_fill(brim, LARGE, 122);
	write_all(large_pipe[1], brim, LARGE);
}

static void size_verify(void)
{
	struct pollfd p = { large_pipe[1], POLLOUT, 0 };
	char *got = malloc(LARGE);

	check(must(fcntl(small_pipe[0], F_GETPIPE_SZ)) == 4096, "size of one page");
	check(must(fcntl(default_pipe[1], F_GETPIPE_SZ)) == 65536, "default size");
	check(must(fcntl(large_pipe[0], F_GETPIPE_SZ)) == LARGE, "size of 1 MiB");
	check(!must(poll(&p, 1, 0)), "a full pipe takes more");
	read_all(large_pipe[0], got, LARGE);
	check(!memcmp(got, brim, LARGE), "content of a full pipe");
	free(got);
}

/* ---- one end is closed ---- */

static int no_writer[2], no_reader[2];

static void closed_setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	must(pipe(no_writer));
	write_all(no_writer[1], "last words", 10);
	must(close(no_writer[1]));
	must(pipe(no_reader));
	must(close(no_reader[0]));
}

static void closed_verify(void)
{
	char buf[32];

	check(must(read(no_writer[0], buf, sizeof(buf))) == 10 && !memcmp(buf, "last words", 10),
	      "data of a writer that is gone");
	check(!must(read(no_writer[0], buf, sizeof(buf))), "no end of file");
	check(write(no_reader[1], "x", 1) == -1 && errno == EPIPE, "no broken pipe: %s",
	      strerror(errno));
}

/* ---- O_NONBLOCK on one end only; a duplicate shares it ---- */

static int nonblock[2], nonblock_dup;

static void nonblock_setup(void)
{
	must(pipe(nonblock));
	must(fcntl(nonblock[0], F_SETFL, O_NONBLOCK));
	nonblock_dup = must(fcntl(nonblock[0], F_DUPFD_CLOEXEC, 100));
}

static void nonblock_verify(void)
{
	char c;

	check(read(nonblock[0], &c, 1) == -1 && errno == EAGAIN, "read: %s", strerror(errno));
	check(!(must(fcntl(nonblock[1], F_GETFL)) & O_NONBLOCK), "the other end too");
	must(fcntl(nonblock_dup, F_SETFL, 0));
	check(!(must(fcntl(nonblock[0], F_GETFL)) & O_NONBLOCK), "flags are not shared");
	check(must(fcntl(nonblock_dup, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
}

/* ---- packets, and bytes behind them ---- */

static int packets[2], mixed[2];

static void packets_setup(void)
{
	char page[4096];

	memset(page, 'p', sizeof(page));
	must(pipe2(packets, O_DIRECT));
	write_all(packets[1], "abc", 3);
	write_all(packets[1], "de", 2);
	write_all(packets[1], page, sizeof(page));
	must(fcntl(packets[1], F_SETFL, 0));
	write_all(packets[1], "fgh", 3);
	write_all(packets[1], "ij", 2);
	must(fcntl(packets[1], F_SETFL, O_DIRECT));

	/* there was no room for a packet behind bytes that are read by now */
	must(pipe(mixed));
	write_all(mixed[1], page, 4000);
	read_all(mixed[0], page, 3900);
	must(fcntl(mixed[1], F_SETFL, O_DIRECT));
	write_all(mixed[1], page, 500);
	write_all(mixed[1], "z", 1);
}

static void packet_is(int fd, const char *want)
{
	char buf[8192];
	ssize_t n = must(read(fd, buf, sizeof(buf)));

	check(n == (ssize_t)strlen(want) && !memcmp(buf, want, n), "\"%.*s\" instead of \"%s\"",
	      (int)n, buf, want);
}

static void packets_verify(void)
{
	char buf[8192];

	check(must(fcntl(packets[0], F_GETFL)) == O_RDONLY, "flags of the reader");
	check(must(fcntl(packets[1], F_GETFL)) == (O_WRONLY | O_DIRECT), "flags of the writer");
	packet_is(packets[0], "abc");
	packet_is(packets[0], "de");
	check(must(read(packets[0], buf, sizeof(buf))) == 4096 && buf[4095] == 'p', "a page");
	packet_is(packets[0], "fghij");
	write_all(packets[1], "kl", 2);
	write_all(packets[1], "m", 1);
	packet_is(packets[0], "kl");
	packet_is(packets[0], "m");
	/* a packet ends what a read gets, but does not begin it */
	check(must(read(mixed[0], buf, sizeof(buf))) == 600, "bytes, then a packet");
	packet_is(mixed[0], "z");
}

/* ---- a child that is blocked as writer, one that is blocked as reader ---- */

#define STREAM	300000
static int up[2], down[2];
static pid_t writer, reader;
static char stream[STREAM];

static void writer_child(void)
{
	must(close(up[0]));
	must(close(down[0]));
	must(close(down[1]));
	prog_touch("up.writer");
	write_all(up[1], stream, STREAM);
}

static void reader_child(void)
{
	static char got[STREAM];
	char c;

	must(close(up[0]));
	must(close(up[1]));
	must(close(down[1]));
	prog_touch("up.reader");
	read_all(down[0], got, STREAM);
	check(!memcmp(got, stream, STREAM), "child: content");
	check(!must(read(down[0], &c, 1)), "child: no end of file");
}

static void blocked_setup(void)
{
	int i;

	must(pipe(up));
	must(pipe(down));
	prog_fill(stream, STREAM, 123);
	writer = prog_fork(writer_child);
	reader = prog_fork(reader_child);
	must(close(up[1]));
	must(close(down[0]));
	prog_await("up.writer");
	prog_await("up.reader");
	for (i = 0; in_flight(up[0]) != 65536; i++) {
		check(i < PROG_POLLS, "the pipe does not fill: %d", in_flight(up[0]));
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void blocked_verify(void)
{
	static char got[STREAM];
	char c;

	read_all(up[0], got, STREAM);
	check(!memcmp(got, stream, STREAM), "content");
	check(!must(read(up[0], &c, 1)), "no end of file");
	write_all(down[1], stream, STREAM);
	must(close(down[1]));
	prog_reap(writer, 0);
	prog_reap(reader, 0);
}

/* ---- a ring of processes through which a counter goes round all the time ---- */

#define RING	4
static int ring[RING][2], ring_at;
static pid_t ring_pid[RING];

/* Pass the number on, plus one, until it is negative */
static void ring_child(void)
{
	int i, in = ring[ring_at][0], out = ring[(ring_at + 1) % RING][1];
	int64_t n;

	for (i = 0; i < RING; i++) {
		if (ring[i][0] != in)
			must(close(ring[i][0]));
		if (ring[i][1] != out)
			must(close(ring[i][1]));
	}
	do {
		read_all(in, &n, sizeof(n));
		if (n >= 0) {
			check(n % RING == ring_at, "%d of the ring got %lld", ring_at,
			      (long long)n);
			n++;
			/* the first one brakes */
			if (!ring_at)
				prog_sleep_ms(1);
		}
		write_all(out, &n, sizeof(n));
	} while (n >= 0);
}

static void ring_setup(void)
{
	int64_t n = 0;
	int i;

	for (i = 0; i < RING; i++)
		must(pipe(ring[i]));
	for (ring_at = 0; ring_at < RING; ring_at++)
		ring_pid[ring_at] = prog_fork(ring_child);
	write_all(ring[0][1], &n, sizeof(n));
}

static void ring_verify(void)
{
	int64_t n = -1;
	int i;

	/* a second number, which ends it: they read one at a time, in order */
	write_all(ring[0][1], &n, sizeof(n));
	for (i = 0; i < RING; i++)
		prog_reap(ring_pid[i], 0);
}

static const struct prog_case cases[] = {
	{ "flight", flight_setup, flight_verify, false },
	{ "size", size_setup, size_verify, false },
	{ "closed", closed_setup, closed_verify, false },
	{ "nonblock", nonblock_setup, nonblock_verify, false },
	{ "packets", packets_setup, packets_verify, false },
	/* before the next, whose pipes its processes would hold */
	{ "ring", ring_setup, ring_verify, false },
	{ "blocked", blocked_setup, blocked_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
