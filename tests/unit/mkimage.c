// SPDX-License-Identifier: GPL-2.0
/*
 * mkimage OUT: write the sample image. mkimage --records OUT: only its records,
 * a seed for the fuzzer.
 */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include "build.h"

int main(int argc, char **argv)
{
	bool records = argc == 3 && !strcmp(argv[1], "--records");
	struct buf file;
	const Elf64_Ehdr *e;
	const Elf64_Phdr *ph;
	size_t at = 0, len;
	FILE *out;

	if (argc != 2 + records) {
		fprintf(stderr, "usage: mkimage [--records] OUT\n");
		return 2;
	}
	sample_build(&file);
	len = file.len;
	if (records) {
		e = (const void *)file.data;
		ph = (const void *)(file.data + e->e_phoff);
		at = ph->p_offset;
		len = ph->p_filesz;
	}
	out = fopen(argv[1 + records], "w");
	if (!out || fwrite(file.data + at, 1, len, out) != len || fclose(out)) {
		perror(argv[1 + records]);
		return 1;
	}
	buf_free(&file);
	return 0;
}
