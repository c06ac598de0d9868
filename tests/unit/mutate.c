// SPDX-License-Identifier: GPL-2.0
/*
 * mutate [--memory] FILE N OUT: damage image FILE in the way that N says, and
 * write it to OUT, executable. Says what it did. --memory: only in the memory
 * that is stored, not in what describes it.
 *
 * mutate --vdso FILE OUT: the image as a kernel with another vdso would have
 * written it; --no-vdso: with one that is no ELF file.
 *
 * mutate --text FILE OLD NEW OUT: with other names: as long, and wherever the
 * records have them.
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

static int usage(void)
{
	fprintf(stderr, "usage: mutate [--memory] FILE N OUT | --vdso | --no-vdso FILE OUT | --text FILE OLD NEW OUT\n");
	return 2;
}

static int rename_all(char **argv)
{
	struct buf file = {};

	if (!file_read(&file, argv[0]) ||
	    !mutate_text(&file, argv[1], argv[2]) ||
	    !file_write(&file, argv[3])) {
		fprintf(stderr, "mutate: %s: no such text\n", argv[0]);
		return 1;
	}
	buf_free(&file);
	return 0;
}

int main(int argc, char **argv)
{
	bool memory = argc > 1 && !strcmp(argv[1], "--memory");
	bool no_vdso = argc > 1 && !strcmp(argv[1], "--no-vdso");
	bool vdso = no_vdso || (argc > 1 && !strcmp(argv[1], "--vdso"));
	const char *in, *out, *nr = "vdso";
	char what[256] = "another";
	struct buf file = {};

	if (argc == 6 && !strcmp(argv[1], "--text"))
		return rename_all(argv + 2);
	argc -= memory || vdso;
	argv += memory || vdso;
	if (argc != (vdso ? 3 : 4))
		return usage();
	in = argv[1];
	out = argv[argc - 1];
	if (!vdso)
		nr = argv[2];
	if (!file_read(&file, in)) {
		perror(in);
		return 1;
	}
	if (vdso ? !mutate_vdso(&file, no_vdso) :
		   !mutate(&file, strtoull(nr, NULL, 0), memory, what,
			   sizeof(what))) {
		fprintf(stderr, "mutate: %s: not an image\n", in);
		return 1;
	}
	if (!file_write(&file, out)) {
		perror(out);
		return 1;
	}
	printf("%s: %s\n", nr, what);
	buf_free(&file);
	return 0;
}
