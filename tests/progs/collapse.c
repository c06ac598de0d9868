// SPDX-License-Identifier: GPL-2.0
/*
 * Does what khugepaged does, when it is wanted: "collapse PID ADDRESS LENGTH"
 * collapses the memory of another process to huge pages, one after the other.
 */
#include "prog.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#define HUGE	(2ul << 20)

int main(int argc, char **argv)
{
	unsigned long addr, end, done = 0;
	int pidfd;

	prog_name = "collapse";
	check(argc == 4, "usage: collapse PID ADDRESS LENGTH");
	pidfd = must(syscall(SYS_pidfd_open, atoi(argv[1]), 0));
	addr = strtoul(argv[2], NULL, 0);
	for (end = addr + strtoul(argv[3], NULL, 0); addr < end; addr += HUGE) {
		struct iovec range = { (void *)addr, HUGE };

		if (syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLLAPSE, 0) > 0)
			done++;
	}
	printf("%lu\n", done);
	return 0;
}
