// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest job: one thread that waits and has some memory. When this one
 * does not survive, no other will.
 */
#include "prog.h"

static uint64_t data[64] = { 1 };
static uint64_t *heap;

static void memory_setup(void)
{
	heap = malloc(100000);
	check(heap, "no memory");
	prog_fill(data, sizeof(data), 3);
	prog_fill(heap, 100000, 4);
}

static void memory_verify(void)
{
	prog_check_fill(data, sizeof(data), 3, "data");
	prog_check_fill(heap, 100000, 4, "heap");
	free(heap);
}

static const struct prog_case cases[] = {
	{ "memory", memory_setup, memory_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
