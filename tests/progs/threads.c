// SPDX-License-Identifier: GPL-2.0
/*
 * Threads: 64 of them with mutexes and condition variables, their ids and
 * thread-local storage, robust and priority-inheriting mutexes, and that they
 * can be joined at the end. A process whose first thread has exited.
 */
#include "prog.h"
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static volatile bool stop;
static volatile int up;

static pid_t tid(void)
{
	return syscall(SYS_gettid);
}

static void await_up(int n)
{
	int i;

	for (i = 0; up != n; i++) {
		check(i < PROG_POLLS, "threads do not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
	up = 0;
}

/* What each thread knows of itself and must find again */
static __thread struct self {
	pid_t tid;
	pthread_t pthread;
	uint64_t fill[32];
	char name[16];
	void *robust_head;
	size_t robust_len;
} self;

static void remember(const char *kind, int n)
{
	self.tid = tid();
	self.pthread = pthread_self();
	prog_fill(self.fill, sizeof(self.fill), self.tid);
	snprintf(self.name, sizeof(self.name), "%s-%d", kind, n);
	must(prctl(PR_SET_NAME, self.name));
	must(syscall(SYS_get_robust_list, 0, &self.robust_head, &self.robust_len));
}

static void recall(void)
{
	char name[16];
	void *head;
	size_t len;

	check(tid() == self.tid, "%s: tid %d became %d", self.name, self.tid, tid());
	check(pthread_equal(self.pthread, pthread_self()), "%s: pthread_self()", self.name);
	prog_check_fill(self.fill, sizeof(self.fill), self.tid, "thread-local storage");
	must(prctl(PR_GET_NAME, name));
	check(!strcmp(name, self.name), "name %s became %s", self.name, name);
	must(syscall(SYS_get_robust_list, 0, &head, &len));
	check(head == self.robust_head && len == self.robust_len, "%s: robust list", self.name);
}

/* ---- pairs that hand a token to and fro, without a pause ---- */

#define PAIRS	8
static struct pair {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int turn;
	uint64_t count[2];
	pthread_t thread[2];
} pairs[PAIRS];

static void *pair_main(void *arg)
{
	struct pair *p = &pairs[(intptr_t)arg / 2];
	int me = (intptr_t)arg % 2;

	remember("pair", (intptr_t)arg);
	must0(pthread_mutex_lock(&p->mutex));
	__sync_fetch_and_add(&up, 1);
	while (!stop) {
		while (p->turn != me && !stop)
			must0(pthread_cond_wait(&p->cond, &p->mutex));
		if (stop)
			break;
		p->count[me]++;
		p->turn = !me;
		must0(pthread_cond_signal(&p->cond));
	}
	must0(pthread_cond_broadcast(&p->cond));
	must0(pthread_mutex_unlock(&p->mutex));
	recall();
	return NULL;
}

/* ---- threads that all want one mutex, and count below it ---- */

#define COUNTERS 16
static pthread_mutex_t count_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t count, counted[COUNTERS];
static pthread_t counter[COUNTERS];

static void *counter_main(void *arg)
{
	int me = (intptr_t)arg;
	struct timespec ts = { 0, 1000000 };

	remember("count", me);
	__sync_fetch_and_add(&up, 1);
	while (!stop) {
		must0(pthread_mutex_lock(&count_mutex));
		count++;
		if (me % 4 == 0)
			check(!nanosleep(&ts, NULL), "nanosleep: %s", strerror(errno));
		must0(pthread_mutex_unlock(&count_mutex));
		counted[me]++;
		check(!nanosleep(&ts, NULL), "nanosleep: %s", strerror(errno));
	}
	recall();
	return NULL;
}

/* ---- threads that sleep until all are woken at once ---- */

#define SLEEPERS 31	/* with the main thread: 64 */
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_cond = PTHREAD_COND_INITIALIZER;
static sem_t sleep_sem;
static pthread_barrier_t sleep_barrier;
static int awake;
static pthread_t sleeper[SLEEPERS];

static void *sleeper_main(void *arg)
{
	int me = (intptr_t)arg;

	remember("sleep", me);
	__sync_fetch_and_add(&up, 1);
	if (me % 3 == 0) {
		must(sem_wait(&sleep_sem));
	} else {
		must0(pthread_mutex_lock(&sleep_mutex));
		while (!awake)
			must0(pthread_cond_wait(&sleep_cond, &sleep_mutex));
		must0(pthread_mutex_unlock(&sleep_mutex));
	}
	pthread_barrier_wait(&sleep_barrier);
	recall();
	return (void *)(intptr_t)(me * 3 + 1);
}

static void many_setup(void)
{
	intptr_t i;

	remember("main", 0);
	must(sem_init(&sleep_sem, 0, 0));
	must0(pthread_barrier_init(&sleep_barrier, NULL, SLEEPERS));
	for (i = 0; i < PAIRS; i++) {
		must0(pthread_mutex_init(&pairs[i].mutex, NULL));
		must0(pthread_cond_init(&pairs[i].cond, NULL));
	}
	for (i = 0; i < 2 * PAIRS; i++)
		must0(pthread_create(&pairs[i / 2].thread[i % 2], NULL, pair_main, (void *)i));
	for (i = 0; i < COUNTERS; i++)
		must0(pthread_create(&counter[i], NULL, counter_main, (void *)i));
	for (i = 0; i < SLEEPERS; i++)
		must0(pthread_create(&sleeper[i], NULL, sleeper_main, (void *)i));
	await_up(2 * PAIRS + COUNTERS + SLEEPERS);
}

static void many_verify(void)
{
	uint64_t before[PAIRS], sum = 0;
	intptr_t i;
	void *ret;
	int n;

	/* all pairs are still at it */
	for (i = 0; i < PAIRS; i++)
		before[i] = *(volatile uint64_t *)&pairs[i].count[0];
	for (i = 0; i < PAIRS; i++)
		for (n = 0; *(volatile uint64_t *)&pairs[i].count[0] == before[i]; n++) {
			check(n < PROG_POLLS, "pair %d stands still", (int)i);
			prog_sleep_ms(PROG_POLL_MS);
		}
	stop = true;
	for (i = 0; i < PAIRS; i++) {
		must0(pthread_mutex_lock(&pairs[i].mutex));
		must0(pthread_cond_broadcast(&pairs[i].cond));
		must0(pthread_mutex_unlock(&pairs[i].mutex));
		must0(pthread_join(pairs[i].thread[0], NULL));
		must0(pthread_join(pairs[i].thread[1], NULL));
		check(pairs[i].count[0] - pairs[i].count[1] <= 1, "pair %d: %llu, %llu", (int)i,
		      (unsigned long long)pairs[i].count[0],
		      (unsigned long long)pairs[i].count[1]);
	}
	for (i = 0; i < COUNTERS; i++) {
		must0(pthread_join(counter[i], NULL));
		sum += counted[i];
	}
	check(sum == count, "the parts add up to %llu, the count is %llu",
	      (unsigned long long)sum, (unsigned long long)count);
	must0(pthread_mutex_lock(&sleep_mutex));
	awake = 1;
	must0(pthread_cond_broadcast(&sleep_cond));
	must0(pthread_mutex_unlock(&sleep_mutex));
	for (i = 0; i < SLEEPERS; i += 3)
		must(sem_post(&sleep_sem));
	for (i = 0; i < SLEEPERS; i++) {
		must0(pthread_join(sleeper[i], &ret));
		check(ret == (void *)(i * 3 + 1), "sleeper %d returned %p", (int)i, ret);
	}
	recall();
}

/* ---- a robust mutex whose owner ends without unlocking it ---- */

static pthread_mutex_t robust_mutex, pi_mutex;
static pthread_t robust_thread, pi_thread;
static volatile bool robust_end;

static void *robust_main(void *unused)
{
	(void)unused;
	must0(pthread_mutex_lock(&robust_mutex));
	__sync_fetch_and_add(&up, 1);
	while (!robust_end)
		prog_sleep_ms(PROG_POLL_MS);
	return NULL;
}

static void robust_setup(void)
{
	pthread_mutexattr_t attr;

	must0(pthread_mutexattr_init(&attr));
	must0(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	must0(pthread_mutex_init(&robust_mutex, &attr));
	must0(pthread_create(&robust_thread, NULL, robust_main, NULL));
	await_up(1);
}

static void robust_verify(void)
{
	int err = pthread_mutex_trylock(&robust_mutex);

	check(err == EBUSY, "the mutex is not held: %s", strerror(err));
	robust_end = true;
	err = pthread_mutex_lock(&robust_mutex);
	check(err == EOWNERDEAD, "the owner's death is not told: %s", strerror(err));
	must0(pthread_mutex_consistent(&robust_mutex));
	must0(pthread_mutex_unlock(&robust_mutex));
	must0(pthread_join(robust_thread, NULL));
}

/* ---- a thread that waits in the kernel for a mutex with priority inheritance ---- */

static volatile bool pi_got;

static void *pi_main(void *unused)
{
	(void)unused;
	__sync_fetch_and_add(&up, 1);
	must0(pthread_mutex_lock(&pi_mutex));
	pi_got = true;
	must0(pthread_mutex_unlock(&pi_mutex));
	return NULL;
}

static void pi_setup(void)
{
	pthread_mutexattr_t attr;

	must0(pthread_mutexattr_init(&attr));
	must0(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
	must0(pthread_mutex_init(&pi_mutex, &attr));
	must0(pthread_mutex_lock(&pi_mutex));
	must0(pthread_create(&pi_thread, NULL, pi_main, NULL));
	await_up(1);
	/* the kernel notes in it that somebody waits */
	while (!(*(volatile int *)&pi_mutex & FUTEX_WAITERS))
		prog_sleep_ms(PROG_POLL_MS);
}

static void pi_verify(void)
{
	check(!pi_got, "got a mutex that is held");
	must0(pthread_mutex_unlock(&pi_mutex));
	must0(pthread_join(pi_thread, NULL));
	check(pi_got, "did not get the mutex");
}

/* ---- threads come and go all the time ---- */

static pthread_t maker;
static volatile uint64_t made;

static void *short_main(void *arg)
{
	*(volatile uint64_t *)arg = tid();
	return arg;
}

static void *maker_main(void *unused)
{
	uint64_t value[4];
	pthread_t t[4];
	void *ret;
	int i;

	(void)unused;
	while (!stop) {
		for (i = 0; i < 4; i++)
			must0(pthread_create(&t[i], NULL, short_main, &value[i]));
		for (i = 0; i < 4; i++) {
			must0(pthread_join(t[i], &ret));
			check(ret == &value[i] && value[i], "a thread returned %p", ret);
		}
		made++;
		prog_sleep_ms(5);
	}
	return NULL;
}

static void maker_setup(void)
{
	must0(pthread_create(&maker, NULL, maker_main, NULL));
	/* it may not have begun when it is told to stop */
	while (!made)
		prog_sleep_ms(PROG_POLL_MS);
}

static void maker_verify(void)
{
	stop = true;
	must0(pthread_join(maker, NULL));
	check(made, "no thread was made");
}

/* ---- the first thread has exited, another one goes on ---- */

static pid_t headless;

/* Is not told of the end of a thread that it has never been a child of */
static void heir_child(void)
{
	must(prctl(PR_SET_PDEATHSIG, SIGKILL));
	prog_touch("up.heir");
	prog_await("end.headless");
}

static void *headless_main(void *unused)
{
	pid_t pid, me = tid();
	int i;

	(void)unused;
	for (i = 0; !prog_first_is_zombie(); i++) {
		check(i < PROG_POLLS, "the first thread does not exit");
		prog_sleep_ms(PROG_POLL_MS);
	}
	pid = prog_fork(heir_child);
	prog_await("up.heir");
	prog_touch("up.headless");
	prog_await("end.headless");
	check(prog_first_is_zombie(), "the first thread is back");
	check(tid() == me, "tid %d became %d", me, tid());
	prog_reap(pid, 0);
	syscall(SYS_exit, 9);
	return NULL;
}

static void headless_child(void)
{
	pthread_t t;

	must0(pthread_create(&t, NULL, headless_main, NULL));
	syscall(SYS_exit, 5);
}

static void headless_setup(void)
{
	headless = prog_fork(headless_child);
	prog_await("up.headless");
}

static void headless_verify(void)
{
	check(!waitpid(headless, NULL, WNOHANG), "process %d has ended, or is no child", headless);
	prog_touch("end.headless");
	/* of the thread that was the last */
	prog_reap(headless, 9 << 8);
}

static const struct prog_case cases[] = {
	{ "headless", headless_setup, headless_verify, false },
	{ "many", many_setup, many_verify, false },
	{ "robust", robust_setup, robust_verify, false },
	{ "pi", pi_setup, pi_verify, false },
	{ "maker", maker_setup, maker_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
