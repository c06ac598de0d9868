// SPDX-License-Identifier: GPL-2.0
/*
 * Epoll: levels, edges that were reported or not, one-shot entries before and
 * after, numbers that lead elsewhere by now, epolls in epolls, other files of
 * the kernel's own making, and processes that wait.
 */
#include "prog.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static void watch(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { events, { .u64 = data } };

	must(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
}

/* Events of the entry with this data, of all that is reported now; 0: none */
static uint32_t reported(int ep, uint64_t data)
{
	struct epoll_event ev[16];
	uint32_t events = 0;
	int i, n = must(epoll_wait(ep, ev, 16, 0));

	for (i = 0; i < n; i++) {
		if (ev[i].data.u64 != data)
			continue;
		check(!events, "entry %llx is reported twice", (unsigned long long)data);
		events = ev[i].events;
	}
	return events;
}

static int new_pipe(int p[2], int bytes)
{
	must(pipe2(p, O_NONBLOCK));
	if (bytes)
		must(write(p[1], "abcdefgh", bytes));
	return p[0];
}

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What fdinfo says of the entries, in order of the numbers; never freed */
static char *entries(int ep)
{
	char path[64], *line[64], *all = calloc(1, 64 * 128);
	char *text = NULL, *end;
	size_t size = 0;
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	f = fopen(path, "r");
	check(f, "%s: %s", path, strerror(errno));
	while (getline(&text, &size, f) > 0) {
		if (strncmp(text, "tfd:", 4))
			continue;
		end = strstr(text, " pos:");
		check(end && n < 64, "line %s", text);
		*end = '\0';
		line[n++] = strdup(text);
	}
	fclose(f);
	qsort(line, n, sizeof(*line), line_cmp);
	while (n--)
		strcat(strcat(all, line[n]), "\n");
	return all;
}

static void same_entries(int ep, const char *was)
{
	char *now = entries(ep);

	check(!strcmp(now, was), "entries are\n%s, were\n%s", now, was);
}

/* ---- levels: one that is ready, one that is not, one to be written ---- */

static int level, level_dup, l_full[2], l_empty[2];
static char *level_was;

static void level_setup(void)
{
	level = must(epoll_create1(EPOLL_CLOEXEC));
	level_dup = must(fcntl(level, F_DUPFD, 90));
	watch(level, new_pipe(l_full, 3), EPOLLIN | EPOLLRDHUP, 0xfedcba9876543210);
	watch(level, new_pipe(l_empty, 0), EPOLLIN | EPOLLPRI, 2);
	watch(level, l_empty[1], EPOLLOUT | EPOLLEXCLUSIVE, 3);
	level_was = entries(level);
}

static void level_verify(void)
{
	same_entries(level, level_was);
	check(must(fcntl(level, F_GETFD)) == FD_CLOEXEC, "close-on-exec");
	check(reported(level, 0xfedcba9876543210) == EPOLLIN, "full pipe");
	check(reported(level_dup, 0xfedcba9876543210) == EPOLLIN, "full pipe again");
	check(!reported(level, 2), "empty pipe");
	check(reported(level, 3) == EPOLLOUT, "pipe to be written");
	must(write(l_empty[1], "x", 1));
	check(reported(level_dup, 2) == EPOLLIN, "pipe that is no longer empty");
	must(epoll_ctl(level, EPOLL_CTL_DEL, l_full[0], NULL));
	check(!reported(level, 0xfedcba9876543210), "removed entry");
	must(close(l_empty[0]));
	check(reported(level, 3) == (EPOLLOUT | EPOLLERR), "pipe without a reader");
}

/* ---- edges: reported, not reported, not there ---- */

static int edge, e_old[2], e_new[2], e_none[2], e_event;
static char *edge_was;

static void edge_setup(void)
{
	edge = must(epoll_create1(0));
	watch(edge, new_pipe(e_old, 2), EPOLLIN | EPOLLET, 1);
	e_event = must(eventfd(5, 0));
	watch(edge, e_event, EPOLLIN | EPOLLOUT | EPOLLET, 4);
	check(reported(edge, 1) == EPOLLIN, "first edge");
	check(!reported(edge, 1), "an edge twice");
	watch(edge, new_pipe(e_new, 2), EPOLLIN | EPOLLET, 2);
	watch(edge, new_pipe(e_none, 0), EPOLLIN | EPOLLET, 3);
	edge_was = entries(edge);
}

static void edge_verify(void)
{
	struct epoll_event ev[4];
	int n = must(epoll_wait(edge, ev, 4, 0));

	same_entries(edge, edge_was);
	check(n == 1 && ev[0].data.u64 == 2 && ev[0].events == EPOLLIN,
	      "%d edges instead of the one that was not reported", n);
	must(write(e_old[1], "x", 1));
	check(reported(edge, 1) == EPOLLIN, "new edge of an old one");
	must(write(e_none[1], "x", 1));
	check(reported(edge, 3) == EPOLLIN, "new edge");
	must(eventfd_write(e_event, 1));
	check(reported(edge, 4) == (EPOLLIN | EPOLLOUT), "new edge of an eventfd");
	check(!must(epoll_wait(edge, ev, 4, 0)), "too many edges");
}

/* ---- one-shot: disabled, disabled and edge-triggered, not yet ---- */

static int shot, s_off[2], s_edge[2], s_on[2];
static char *shot_was;

static void shot_setup(void)
{
	shot = must(epoll_create1(0));
	watch(shot, new_pipe(s_off, 1), EPOLLIN | EPOLLONESHOT, 1);
	watch(shot, new_pipe(s_edge, 1), EPOLLIN | EPOLLONESHOT | EPOLLET, 2);
	check(reported(shot, 1) == EPOLLIN, "first shot");
	check(!reported(shot, 2), "an entry twice");
	watch(shot, new_pipe(s_on, 1), EPOLLIN | EPOLLONESHOT, 3);
	shot_was = entries(shot);
}

static void shot_verify(void)
{
	struct epoll_event ev[4], again = { EPOLLIN | EPOLLONESHOT, { .u64 = 9 } };
	int n;

	same_entries(shot, shot_was);
	must(write(s_off[1], "x", 1));
	must(close(s_edge[1]));
	n = must(epoll_wait(shot, ev, 4, 0));
	check(n == 1 && ev[0].data.u64 == 3, "%d shots instead of the one that was left", n);
	check(!must(epoll_wait(shot, ev, 4, 0)), "a shot twice");
	must(epoll_ctl(shot, EPOLL_CTL_MOD, s_off[0], &again));
	check(reported(shot, 9) == EPOLLIN, "a new shot");
	check(!must(epoll_wait(shot, ev, 4, 0)), "a new shot twice");
}

/* ---- numbers that lead elsewhere: closed, and used for another pipe ---- */

static int moved, m_first[2], m_second[2], m_elsewhere;
static char *moved_was;

static void moved_setup(void)
{
	moved = must(epoll_create1(0));
	watch(moved, new_pipe(m_first, 2), EPOLLIN, 1);
	m_elsewhere = must(fcntl(m_first[0], F_DUPFD, 200));
	must(close(m_first[0]));
	new_pipe(m_second, 0);
	if (m_second[0] != m_first[0]) {
		must(dup2(m_second[0], m_first[0]));
		must(close(m_second[0]));
		m_second[0] = m_first[0];
	}
	watch(moved, m_second[0], EPOLLIN, 2);
	moved_was = entries(moved);
}

static void moved_verify(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 5 } };

	same_entries(moved, moved_was);
	check(reported(moved, 1) == EPOLLIN, "entry of a closed descriptor");
	check(!reported(moved, 2), "entry of its successor");
	check(epoll_ctl(moved, EPOLL_CTL_MOD, m_elsewhere, &ev) == -1 && errno == ENOENT,
	      "the entry has followed the file to another number");
	must(epoll_ctl(moved, EPOLL_CTL_MOD, m_second[0], &ev));
	must(write(m_second[1], "x", 1));
	check(reported(moved, 5) == EPOLLIN, "successor");
	must(close(m_elsewhere));
	check(!reported(moved, 1), "entry of a file that is closed");
}

/* ---- an epoll in an epoll in an epoll ---- */

static int inner, middle, outer, outer_edge, n_pipe[2];

static void nested_setup(void)
{
	outer_edge = must(epoll_create1(0));
	outer = must(epoll_create1(0));
	middle = must(epoll_create1(0));
	inner = must(epoll_create1(0));
	watch(outer, middle, EPOLLIN, 10);
	watch(middle, inner, EPOLLIN, 11);
	watch(outer_edge, inner, EPOLLIN | EPOLLET, 13);
	watch(inner, new_pipe(n_pipe, 1), EPOLLIN, 12);
	check(reported(outer_edge, 13), "outer edge");
}

static void nested_verify(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 1 } };
	char c;

	check(!reported(outer_edge, 13), "an outer edge twice");
	check(reported(outer, 10) == EPOLLIN && reported(middle, 11) == EPOLLIN &&
	      reported(inner, 12) == EPOLLIN, "nested epolls are not ready");
	must(read(n_pipe[0], &c, 1));
	check(!reported(outer, 10) && !reported(inner, 12), "nested epolls are still ready");
	must(write(n_pipe[1], "x", 1));
	check(reported(outer_edge, 13) == EPOLLIN, "new outer edge");
	check(reported(outer, 10) == EPOLLIN, "nested epolls are not ready again");
	check(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &ev) == -1 && errno == ELOOP, "a loop");
}

/* ---- a timer, a signal ---- */

static int kinds, k_timer, k_signal;

static void kinds_setup(void)
{
	struct itimerspec its = { { 0, 0 }, { 0, 1 } };
	struct pollfd p = { .events = POLLIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	kinds = must(epoll_create1(0));
	k_timer = must(timerfd_create(CLOCK_MONOTONIC, 0));
	must(timerfd_settime(k_timer, 0, &its, NULL));
	k_signal = must(signalfd(-1, &set, 0));
	watch(kinds, k_timer, EPOLLIN, 1);
	watch(kinds, k_signal, EPOLLIN, 2);
	/* its CPU may stand still meanwhile: no sleep says that it has expired */
	p.fd = k_timer;
	must(poll(&p, 1, -1));
}

static void kinds_verify(void)
{
	struct itimerspec its = { { 0, 0 }, { 0, 50000000 } };
	struct epoll_event ev;
	uint64_t n;

	check(reported(kinds, 1) == EPOLLIN, "timer that has expired");
	must(read(k_timer, &n, sizeof(n)));
	check(!reported(kinds, 1) && !reported(kinds, 2), "ready for nothing");
	must(timerfd_settime(k_timer, 0, &its, NULL));
	check(must(epoll_wait(kinds, &ev, 1, 60000)) == 1 && ev.data.u64 == 1, "timer");
	must(read(k_timer, &n, sizeof(n)));
	must(kill(getpid(), SIGUSR2));
	check(must(epoll_wait(kinds, &ev, 1, 60000)) == 1 && ev.data.u64 == 2, "signal");
}

/* ---- processes that wait, without end, or again and again ---- */

static int w_ep, w_go;
static pid_t forever, often;

static void forever_child(void)
{
	struct epoll_event ev;

	prog_touch("up.forever");
	check(must(epoll_wait(w_ep, &ev, 1, -1)) == 1 && ev.data.u64 == 42, "child: event");
}

static void often_child(void)
{
	char *path = prog_path("stop.epoll");
	int ep = must(epoll_create1(0));
	struct timespec ts = { 0, 150000000 };
	struct epoll_event ev;
	uint64_t start, took;
	sigset_t none;

	sigemptyset(&none);
	prog_touch("up.often");
	while (access(path, F_OK)) {
		start = prog_now(CLOCK_MONOTONIC);
		check(!must(epoll_wait(ep, &ev, 1, 150)), "child: event");
		took = prog_now(CLOCK_MONOTONIC) - start;
		check(took >= 150000000, "child: waited %llu ns", (unsigned long long)took);
		check(!must(epoll_pwait(ep, &ev, 1, 100, &none)), "child: event");
		start = prog_now(CLOCK_MONOTONIC);
		if (epoll_pwait2(ep, &ev, 1, &ts, &none))
			check(errno == ENOSYS, "child: epoll_pwait2: %s", strerror(errno));
		else
			check(prog_now(CLOCK_MONOTONIC) - start >= 150000000, "child: too short");
	}
}

static void wait_setup(void)
{
	w_ep = must(epoll_create1(0));
	w_go = must(eventfd(0, 0));
	watch(w_ep, w_go, EPOLLIN, 42);
	forever = prog_fork(forever_child);
	often = prog_fork(often_child);
	prog_await("up.forever");
	prog_await("up.often");
}

static void wait_verify(void)
{
	must(eventfd_write(w_go, 1));
	prog_reap(forever, 0);
	prog_touch("stop.epoll");
	prog_reap(often, 0);
}

static const struct prog_case cases[] = {
	{ "wait", wait_setup, wait_verify, false },
	{ "level", level_setup, level_verify, false },
	{ "edge", edge_setup, edge_verify, false },
	{ "oneshot", shot_setup, shot_verify, false },
	{ "moved", moved_setup, moved_verify, false },
	{ "nested", nested_setup, nested_verify, false },
	{ "kinds", kinds_setup, kinds_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
