// SPDX-License-Identifier: GPL-2.0
/*
 * A job, not a test: "count DIR N [STATUS]" adds a line for each number up to N
 * to DIR/out, waiting before each until the number in DIR/allowed is as high,
 * prints a sum of all lines, and ends with STATUS. What it does depends on N
 * only, and how far it is only on who allows it.
 */
#include "prog.h"

static unsigned int allowed(void)
{
	char buf[32], *path = prog_path("allowed");

	if (access(path, F_OK))
		strcpy(buf, "0");
	else
		prog_read(path, buf, sizeof(buf));
	free(path);
	return atoi(buf);
}

int main(int argc, char **argv)
{
	unsigned int i, n;
	uint64_t x = 1;
	int fd;

	prog_name = "count";
	check(argc == 3 || argc == 4, "usage: count DIR N [STATUS]");
	prog_dir = argv[1];
	n = atoi(argv[2]);
	fd = must(open(prog_path("out"), O_WRONLY | O_CREAT | O_APPEND, 0644));
	for (i = 1; i <= n; i++) {
		while (allowed() < i)
			prog_sleep_ms(PROG_POLL_MS);
		x = x * 6364136223846793005ull + i;
		must(dprintf(fd, "%u %016llx\n", i, (unsigned long long)x));
	}
	printf("%016llx\n", (unsigned long long)x);
	return argc == 4 ? atoi(argv[3]) : 0;
}
