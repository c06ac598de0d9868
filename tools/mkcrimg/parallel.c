// SPDX-License-Identifier: GPL-2.0
/* Many things of one kind, done by a thread for each CPU. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/kernel.h>
#include "image.h"
#include "parallel.h"

/* Things for each thread: less is not worth the start */
#define PER_THREAD	8

/**
 * struct pool - the threads
 * @nr, @work, @arg: what is to be done
 * @next: what nobody has taken yet
 * @lock: of the rest
 * @why: of the first failure
 * @which: what it was
 */
struct pool {
	size_t nr;
	const char *(*work)(void *arg, size_t n, u8 *buf);
	void *arg;
	atomic_size_t next;
	pthread_mutex_t lock;
	const char *why;
	size_t which;
};

static void pool_fail(struct pool *p, const char *why, size_t which)
{
	pthread_mutex_lock(&p->lock);
	if (!p->why) {
		p->why = why;
		p->which = which;
	}
	pthread_mutex_unlock(&p->lock);
	atomic_store(&p->next, p->nr);
}

static void *pool_work(void *arg)
{
	struct pool *p = arg;
	u8 *buf = malloc(IMAGE_RUN_BUF);
	const char *why;
	size_t n;

	if (!buf)
		pool_fail(p, strerror(ENOMEM), 0);
	while (buf && (n = atomic_fetch_add(&p->next, 1)) < p->nr) {
		why = p->work(p->arg, n, buf);
		if (why)
			pool_fail(p, why, n);
	}
	free(buf);
	return NULL;
}

const char *parallel(size_t nr,
		     const char *(*work)(void *arg, size_t n, u8 *buf),
		     void *arg, size_t *which)
{
	struct pool p = {
		.nr = nr, .work = work, .arg = arg,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), threads = 0;
	pthread_t thread[64];

	while (threads < cpus - 1 && threads < (long)ARRAY_SIZE(thread) &&
	       threads < (long)(nr / PER_THREAD) &&
	       !pthread_create(&thread[threads], NULL, pool_work, &p))
		threads++;
	pool_work(&p);
	while (threads)
		pthread_join(thread[--threads], NULL);
	if (which)
		*which = p.which;
	return p.why;
}
