// SPDX-License-Identifier: GPL-2.0
/*
 * A job, not a test: "crowd ROUNDS" has 64 threads on mutexes and condition
 * variables and prints a number that depends on ROUNDS only. 16 pairs play
 * ping-pong, 31 workers take numbers from a queue that the main thread fills,
 * one collects what they make of them.
 */
#include "prog.h"
#include <pthread.h>

#define PAIRS	16
#define WORKERS	31
#define QUEUE	8

struct queue {
	pthread_mutex_t mutex;
	pthread_cond_t filled, emptied;
	uint64_t item[QUEUE];
	int first, nr;
};

static struct queue todo, done;
static uint64_t rounds, pair_sum[PAIRS][2], total;
static int turn[PAIRS];
static pthread_mutex_t pair_mutex[PAIRS];
static pthread_cond_t pair_cond[PAIRS];

static void queue_init(struct queue *q)
{
	must0(pthread_mutex_init(&q->mutex, NULL));
	must0(pthread_cond_init(&q->filled, NULL));
	must0(pthread_cond_init(&q->emptied, NULL));
}

static void put(struct queue *q, uint64_t item)
{
	must0(pthread_mutex_lock(&q->mutex));
	while (q->nr == QUEUE)
		must0(pthread_cond_wait(&q->emptied, &q->mutex));
	q->item[(q->first + q->nr++) % QUEUE] = item;
	must0(pthread_cond_signal(&q->filled));
	must0(pthread_mutex_unlock(&q->mutex));
}

static uint64_t take(struct queue *q)
{
	uint64_t item;

	must0(pthread_mutex_lock(&q->mutex));
	while (!q->nr)
		must0(pthread_cond_wait(&q->filled, &q->mutex));
	item = q->item[q->first];
	q->first = (q->first + 1) % QUEUE;
	q->nr--;
	must0(pthread_cond_signal(&q->emptied));
	must0(pthread_mutex_unlock(&q->mutex));
	return item;
}

static uint64_t mix(uint64_t x)
{
	int i;

	for (i = 0; i < 3000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

static void *work(void *unused)
{
	uint64_t item;

	(void)unused;
	while ((item = take(&todo)))
		put(&done, mix(item));
	put(&done, 0);
	return NULL;
}

static void *collect(void *unused)
{
	int left = WORKERS;
	uint64_t item;

	(void)unused;
	while (left) {
		item = take(&done);
		total += item;
		left -= !item;
	}
	return NULL;
}

static void *play(void *arg)
{
	int pair = (intptr_t)arg / 2, me = (intptr_t)arg % 2;
	uint64_t i;

	for (i = 0; i < rounds / 20; i++) {
		must0(pthread_mutex_lock(&pair_mutex[pair]));
		while (turn[pair] != me)
			must0(pthread_cond_wait(&pair_cond[pair], &pair_mutex[pair]));
		pair_sum[pair][me] = pair_sum[pair][!me] * 3 + i;
		turn[pair] = !me;
		must0(pthread_cond_signal(&pair_cond[pair]));
		must0(pthread_mutex_unlock(&pair_mutex[pair]));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t player[2 * PAIRS], worker[WORKERS], collector;
	uint64_t n, sum = 0;
	intptr_t i;

	prog_name = "crowd";
	check(argc == 2, "usage: crowd ROUNDS");
	rounds = strtoull(argv[1], NULL, 0);
	queue_init(&todo);
	queue_init(&done);
	for (i = 0; i < PAIRS; i++) {
		must0(pthread_mutex_init(&pair_mutex[i], NULL));
		must0(pthread_cond_init(&pair_cond[i], NULL));
	}
	for (i = 0; i < 2 * PAIRS; i++)
		must0(pthread_create(&player[i], NULL, play, (void *)i));
	for (i = 0; i < WORKERS; i++)
		must0(pthread_create(&worker[i], NULL, work, NULL));
	must0(pthread_create(&collector, NULL, collect, NULL));
	for (n = 1; n <= rounds; n++)
		put(&todo, n);
	for (i = 0; i < WORKERS; i++)
		put(&todo, 0);
	for (i = 0; i < WORKERS; i++)
		must0(pthread_join(worker[i], NULL));
	must0(pthread_join(collector, NULL));
	for (i = 0; i < 2 * PAIRS; i++) {
		must0(pthread_join(player[i], NULL));
		sum += pair_sum[i / 2][i % 2];
	}
	printf("%016llx %016llx\n", (unsigned long long)total, (unsigned long long)sum);
	return 0;
}
