// SPDX-License-Identifier: GPL-2.0
/*
 * mutate [--memory] FILE N OUT: damage image FILE in the way that N says, and
 * write it to OUT, executable. Says what it did. --memory: only in the memory
 * that is stored, not in what describes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "mutation.h"

static bool file_read(struct buf *file, const char *path)
{
	FILE *f = fopen(path, "r");
	char part[65536];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)))
		buf_add(file, part, n);
	fclose(f);
	return true;
}

static bool file_write(const struct buf *file, const char *path)
{
	FILE *f = fopen(path, "w");
	bool ok;

	if (!f)
		return false;
	ok = fwrite(file->data, 1, file->len, f) == file->len;
	ok = !fchmod(fileno(f), 0700) && ok;
	return !fclose(f) && ok;
}

int main(int argc, char **argv)
{
	bool memory = argc > 1 && !strcmp(argv[1], "--memory");
	struct buf file = {};
	char what[256];

	argv += memory;
	if (argc != 4 + memory) {
		fprintf(stderr, "usage: mutate [--memory] FILE N OUT\n");
		return 2;
	}
	if (!file_read(&file, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	if (!mutate(&file, strtoull(argv[2], NULL, 0), memory, what,
		    sizeof(what))) {
		fprintf(stderr, "mutate: %s: not an image\n", argv[1]);
		return 1;
	}
	if (!file_write(&file, argv[3])) {
		perror(argv[3]);
		return 1;
	}
	printf("%s: %s\n", argv[2], what);
	buf_free(&file);
	return 0;
}
