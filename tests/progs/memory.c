// SPDX-License-Identifier: GPL-2.0
/*
 * Private memory: what is in it, how it is protected and advised, how it looks
 * in /proc/self/maps, and that heap and stack go on growing afterwards.
 */
#include "prog.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define PAGE	4096ul
#define MIB	(1ul << 20)

#ifndef PR_SET_VMA
#define PR_SET_VMA		0x53564d41
#define PR_SET_VMA_ANON_NAME	0
#endif

static char *map(size_t len, int prot, int flags)
{
	return must(mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0));
}

/* ---- anonymous memory, also such that the program itself cannot read ---- */

static char *rw, *none, *ro, *wo;
static int (*code)(void);

static void anon_setup(void)
{
	static const unsigned char ret42[] = { 0xb8, 42, 0, 0, 0, 0xc3 };

	rw = map(MIB, PROT_READ | PROT_WRITE, 0);
	prog_fill(rw, MIB, 21);
	none = map(8 * PAGE, PROT_READ | PROT_WRITE, 0);
	prog_fill(none, 8 * PAGE, 22);
	must(mprotect(none, 8 * PAGE, PROT_NONE));
	ro = map(8 * PAGE, PROT_READ | PROT_WRITE, 0);
	prog_fill(ro, 8 * PAGE, 23);
	must(mprotect(ro, 8 * PAGE, PROT_READ));
	wo = map(8 * PAGE, PROT_WRITE, 0);
	prog_fill(wo, 8 * PAGE, 24);
	code = (int (*)(void))map(PAGE, PROT_READ | PROT_WRITE, 0);
	memcpy((void *)code, ret42, sizeof(ret42));
	must(mprotect((void *)code, PAGE, PROT_READ | PROT_EXEC));
}

static void anon_verify(void)
{
	prog_check_fill(rw, MIB, 21, "read-write memory");
	must(mprotect(none, 8 * PAGE, PROT_READ));
	prog_check_fill(none, 8 * PAGE, 22, "PROT_NONE memory");
	prog_check_fill(ro, 8 * PAGE, 23, "read-only memory");
	must(mprotect(wo, 8 * PAGE, PROT_READ));
	prog_check_fill(wo, 8 * PAGE, 24, "write-only memory");
	check(code() == 42, "generated code returned %d", code());
	prog_fill(rw, MIB, 25);
	prog_check_fill(rw, MIB, 25, "read-write memory, written again");
}

/* ---- few pages in a large mapping ---- */

#define SPARSE	(256 * MIB)
#define STRIDE	(37 * PAGE)
static char *sparse;

static void sparse_setup(void)
{
	size_t off;

	sparse = map(SPARSE, PROT_READ | PROT_WRITE, MAP_NORESERVE);
	must(madvise(sparse, SPARSE, MADV_NOHUGEPAGE));
	for (off = 0; off + PAGE <= SPARSE; off += STRIDE)
		*(uint64_t *)(sparse + off + 8) = off + 5;
	/* read, so that the page of zeros is mapped */
	for (off = PAGE; off + PAGE <= SPARSE; off += STRIDE * 16)
		check(!*(volatile char *)(sparse + off), "not zero");
}

static void sparse_verify(void)
{
	size_t off;

	for (off = 0; off + PAGE <= SPARSE; off += STRIDE) {
		check(*(uint64_t *)(sparse + off + 8) == off + 5, "offset %zu: content lost", off);
		if (off % (STRIDE * 8) == 0)
			prog_check_zero(sparse + off + PAGE, PAGE, "page in between");
	}
}

/* ---- 64 MiB: a third zero, a third that compresses, a third that does not ---- */

#define BIG	(64 * MIB)
static char *big;

static void big_setup(void)
{
	size_t off;

	big = map(BIG, PROT_READ | PROT_WRITE, 0);
	for (off = 0; off < BIG; off += MIB)
		switch (off / MIB % 3) {
		case 0:
			memset(big + off, 0, MIB);
			break;
		case 1:
			prog_fill(big + off, MIB, off);
			break;
		case 2:
			memset(big + off, off / MIB, MIB);
			break;
		}
}

static void big_verify(void)
{
	size_t off, i;

	for (off = 0; off < BIG; off += MIB)
		switch (off / MIB % 3) {
		case 0:
			prog_check_zero(big + off, MIB, "big, zeros");
			break;
		case 1:
			prog_check_fill(big + off, MIB, off, "big, random");
			break;
		case 2:
			for (i = 0; i < MIB; i++)
				check(big[off + i] == (char)(off / MIB),
				      "big, repeated: offset %zu", off + i);
			break;
		}
}

/* ---- heap: by malloc() and by brk() ---- */

struct node {
	struct node *next;
	uint64_t n;
	char fill[80];
};

static struct node *list;
static char *brk_at;

static void heap_setup(void)
{
	struct node *node;
	uint64_t i;

	for (i = 0; i < 5000; i++) {
		node = malloc(sizeof(*node));
		check(node, "no memory");
		memset(node->fill, i, sizeof(node->fill));
		node->n = i;
		node->next = list;
		list = node;
	}
	brk_at = must(sbrk(0));
}

static void heap_verify(void)
{
	struct node *node = list, *next;
	uint64_t i;
	char *p;

	for (i = 5000; i-- > 0; node = next) {
		check(node && node->n == i && node->fill[79] == (char)i,
		      "element %llu of the list is damaged", (unsigned long long)i);
		next = node->next;
		free(node);
	}
	check(!node, "the list is too long");
	check(sbrk(0) == brk_at, "the break moved from %p to %p", brk_at, sbrk(0));
	p = must(sbrk(2 * MIB));
	check(p == brk_at, "sbrk() gave %p instead of %p", p, brk_at);
	/* the rest of the last page was the heap's before */
	p = (char *)(((uintptr_t)p + PAGE - 1) & -PAGE);
	prog_check_zero(p, MIB, "new heap");
	memset(p, 1, MIB);
	must(sbrk(-(intptr_t)(2 * MIB)));
}

/* ---- static data: written, never written, read-only after relocation ---- */

static uint64_t data[2 * PAGE / 8] = { 1, 2, 3 };
static uint64_t data_clean[2 * PAGE / 8] = { 7, 8, 9 };
static uint64_t bss[4 * PAGE / 8];
static uint64_t bss_clean[4 * PAGE / 8];
static const char *const relro[] = { "relocated", "read-only", "pointers" };
static int (*volatile got_call)(const char *, const char *) = strcmp;

static void data_setup(void)
{
	prog_fill(data, sizeof(data), 31);
	prog_fill(bss, sizeof(bss), 32);
}

static void data_verify(void)
{
	const char *const volatile *p = relro;

	prog_check_fill(data, sizeof(data), 31, ".data");
	check(data_clean[0] == 7 && data_clean[2] == 9 && !data_clean[3], ".data, clean");
	prog_check_fill(bss, sizeof(bss), 32, ".bss");
	prog_check_zero(bss_clean, sizeof(bss_clean), ".bss, clean");
	check(!got_call(p[1], "read-only") && !got_call(p[2], "pointers"), ".data.rel.ro");
}

/* ---- private mappings of a file: dirty, clean, read-only, at an offset ---- */

#define FILE_PAGES	16
static char *fmap, *fmap_off;

static void file_setup(void)
{
	static char buf[FILE_PAGES * PAGE];
	int fd;

	prog_fill(buf, sizeof(buf), 41);
	fd = must(open(prog_path("private"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	check(must(write(fd, buf, sizeof(buf))) == sizeof(buf), "short write");
	fmap = must(mmap(NULL, sizeof(buf), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	fmap_off = must(mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 12 * PAGE));
	must(close(fd));
	prog_fill(fmap + 2 * PAGE, PAGE, 42);
	prog_fill(fmap + 5 * PAGE, 2 * PAGE, 43);
	must(mprotect(fmap + 5 * PAGE, PAGE, PROT_READ));
	must(mprotect(fmap + 8 * PAGE, PAGE, PROT_NONE));
}

static void file_verify(void)
{
	static char buf[FILE_PAGES * PAGE], disk[FILE_PAGES * PAGE + 2];

	prog_fill(buf, sizeof(buf), 41);
	check(!memcmp(fmap, buf, 2 * PAGE), "clean pages");
	prog_check_fill(fmap + 2 * PAGE, PAGE, 42, "dirty page");
	check(!memcmp(fmap + 3 * PAGE, buf + 3 * PAGE, 2 * PAGE), "clean pages, 2");
	prog_check_fill(fmap + 5 * PAGE, 2 * PAGE, 43, "dirty pages, one read-only");
	must(mprotect(fmap + 5 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE));
	check(!memcmp(fmap + 7 * PAGE, buf + 7 * PAGE, 9 * PAGE), "clean pages, 3");
	check(!memcmp(fmap_off, buf + 12 * PAGE, 4 * PAGE), "mapping at an offset");
	memset(fmap, 5, 16 * PAGE - 8);
	check(prog_read(prog_path("private"), disk, sizeof(disk)) == sizeof(buf) &&
	      !memcmp(disk, buf, sizeof(buf)), "the file changed");
}

/* ---- shared mapping of a file: both ways ---- */

static char *smap;

static void shared_file_setup(void)
{
	int fd = must(open(prog_path("shared"), O_RDWR | O_CREAT | O_TRUNC, 0600));

	must(ftruncate(fd, 8 * PAGE));
	smap = must(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	must(close(fd));
	prog_fill(smap, 4 * PAGE, 51);
}

static void shared_file_verify(void)
{
	char buf[64];
	int fd;

	prog_check_fill(smap, 4 * PAGE, 51, "shared mapping");
	prog_check_zero(smap + 4 * PAGE, 4 * PAGE, "shared mapping, rest");
	fd = must(open(prog_path("shared"), O_RDWR));
	strcpy(smap + 5 * PAGE, "through the mapping");
	check(must(pread(fd, buf, sizeof(buf), 5 * PAGE)) == sizeof(buf) &&
	      !strcmp(buf, "through the mapping"), "a write to the mapping is not in the file");
	must(pwrite(fd, "through the file", 17, 6 * PAGE));
	check(!strcmp(smap + 6 * PAGE, "through the file"),
	      "a write to the file is not in the mapping");
	must(close(fd));
}

/* ---- advice and other bits, as VmFlags of smaps shows them ---- */

static const struct advice {
	const char *name;
	int advice;
} advices[] = {
	{ "dontfork", MADV_DONTFORK }, { "wipeonfork", MADV_WIPEONFORK },
	{ "dontdump", MADV_DONTDUMP }, { "hugepage", MADV_HUGEPAGE },
	{ "nohugepage", MADV_NOHUGEPAGE }, { "mergeable", MADV_MERGEABLE },
	{ "random", MADV_RANDOM }, { "sequential", MADV_SEQUENTIAL },
};

#define NR_ADVICES	(sizeof(advices) / sizeof(advices[0]))
static char *advised[NR_ADVICES], *locked, *locked_fault, *below, *grows, *named;

#define GROW_ROOM	(4 * MIB)	/* more than the gap that the kernel keeps below a stack */

static void advice_setup(void)
{
	size_t i;

	for (i = 0; i < NR_ADVICES; i++) {
		/* with guards, so that mappings stay apart */
		advised[i] = map(6 * PAGE, PROT_NONE, 0) + PAGE;
		must(mprotect(advised[i], 4 * PAGE, PROT_READ | PROT_WRITE));
		prog_fill(advised[i], 2 * PAGE, 60 + i);
		if (madvise(advised[i], 4 * PAGE, advices[i].advice))
			check(errno == EINVAL, "madvise %s: %s", advices[i].name, strerror(errno));
	}
	locked = map(6 * PAGE, PROT_NONE, 0) + PAGE;
	must(mprotect(locked, 4 * PAGE, PROT_READ | PROT_WRITE));
	prog_fill(locked, 4 * PAGE, 71);
	must(mlock(locked, 4 * PAGE));
	locked_fault = map(6 * PAGE, PROT_NONE, 0) + PAGE;
	must(mprotect(locked_fault, 4 * PAGE, PROT_READ | PROT_WRITE));
	must(mlock2(locked_fault, 4 * PAGE, MLOCK_ONFAULT));
	prog_fill(locked_fault, PAGE, 72);
	/* 16 pages; what is below is kept free until it grows */
	below = map(GROW_ROOM, PROT_NONE, MAP_NORESERVE);
	grows = must(mmap(below + GROW_ROOM - 16 * PAGE, 16 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
	prog_fill(grows, 16 * PAGE, 73);
	named = map(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, 4 * PAGE, "a name"))
		check(errno == EINVAL, "PR_SET_VMA_ANON_NAME: %s", strerror(errno));
}

/* A child sees WIPEONFORK memory as zero and the other as it is */
static void wipe_child(void)
{
	prog_check_zero(advised[1], 4 * PAGE, "wipeonfork in a child");
	prog_check_fill(advised[2], 2 * PAGE, 62, "dontdump in a child");
}

static void advice_verify(void)
{
	size_t i;

	for (i = 0; i < NR_ADVICES; i++)
		prog_check_fill(advised[i], 2 * PAGE, 60 + i, advices[i].name);
	prog_check_fill(locked, 4 * PAGE, 71, "mlock");
	prog_check_fill(locked_fault, PAGE, 72, "mlock on fault");
	prog_check_zero(locked_fault + PAGE, 3 * PAGE, "mlock on fault, rest");
	prog_check_fill(grows, 16 * PAGE, 73, "mapping that grows down");
	must(munmap(below, GROW_ROOM - 16 * PAGE));
	*(volatile char *)(grows - PAGE) = 1;
	*(volatile char *)(grows - 2 * PAGE) = 1;
	prog_reap(prog_fork(wipe_child), 0);
}

/* ---- copy-on-write memory after fork(): each has its own ---- */

static char *cow;
static pid_t cow_pid;

static void cow_child(void)
{
	prog_fill(cow + PAGE, PAGE, 82);
	prog_touch("up.cow");
	prog_wait();
	prog_check_fill(cow, PAGE, 81, "child: page not written");
	prog_check_fill(cow + PAGE, PAGE, 82, "child: page it wrote");
	prog_check_fill(cow + 2 * PAGE, PAGE, 81, "child: page the parent wrote");
}

static void cow_setup(void)
{
	int i;

	cow = map(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	for (i = 0; i < 16; i++)
		prog_fill(cow + i * PAGE, PAGE, 81);
	cow_pid = prog_fork(cow_child);
	prog_fill(cow + 2 * PAGE, PAGE, 83);
	prog_await("up.cow");
}

static void cow_verify(void)
{
	prog_check_fill(cow, PAGE, 81, "page not written");
	prog_check_fill(cow + PAGE, PAGE, 81, "page the child wrote");
	prog_check_fill(cow + 2 * PAGE, PAGE, 83, "page it wrote");
	prog_reap(cow_pid, 0);
}

/* ---- frames on the stack, each with a pattern ---- */

#define FRAMES		64
#define FRAME_WORDS	4096	/* 32 KiB each */

static void __attribute__((noinline)) descend(int depth, void (*bottom)(void))
{
	uint64_t frame[FRAME_WORDS];

	prog_fill(frame, sizeof(frame), 1000 + depth);
	asm volatile("" : : "r"(frame) : "memory");
	if (depth)
		descend(depth - 1, bottom);
	else
		bottom();
	asm volatile("" : : "r"(frame) : "memory");
	prog_check_fill(frame, sizeof(frame), 1000 + depth, "stack");
}

static void nothing(void)
{
}

/* ---- /proc/self/maps: the same mappings at the same places ---- */

#define MAX_MAPS	512
struct mapping {
	unsigned long start, end, off;
	char perms[5];
	char file[256];		/* device, inode and path */
	char flags[128];	/* VmFlags */
};

static struct mapping maps_before[MAX_MAPS], maps_after[MAX_MAPS];
static int nr_before, nr_after;
static char smaps[MIB];

/* Does the kernel join these when it sees them side by side? It may or may not. */
static bool mergeable(const struct mapping *a, const struct mapping *b)
{
	if (a->end != b->start || strcmp(a->perms, b->perms) || strcmp(a->flags, b->flags))
		return false;
	if (!strcmp(a->file, "00:00 0"))
		return !strcmp(b->file, a->file);
	return !strcmp(a->file, b->file) && (a->off + (a->end - a->start) == b->off ||
					     !strncmp(a->file, "00:00 0", 7));
}

/* VmFlags without "sd" (soft-dirty), which tells when, not what */
static void copy_flags(char *to, const char *from)
{
	char *out = to;

	for (; *from && *from != '\n'; from += *from == ' ' ? 1 : 2) {
		if (*from == ' ' || !strncmp(from, "sd", 2))
			continue;
		out += sprintf(out, "%.2s ", from);
	}
	*out = 0;
}

static int read_maps(struct mapping *m)
{
	char *line = smaps, *next;
	int nr = 0, at;

	prog_read("/proc/self/smaps", smaps, sizeof(smaps));
	for (; *line; line = next) {
		next = strchr(line, '\n') + 1;
		next[-1] = 0;
		if (!strncmp(line, "VmFlags: ", 9)) {
			copy_flags(m[nr - 1].flags, line + 9);
			if (nr > 1 && mergeable(&m[nr - 2], &m[nr - 1])) {
				m[nr - 2].end = m[nr - 1].end;
				nr--;
			}
			continue;
		}
		check(nr < MAX_MAPS, "more than %d mappings", MAX_MAPS);
		if (sscanf(line, "%lx-%lx %4s %lx %n", &m[nr].start, &m[nr].end,
			   m[nr].perms, &m[nr].off, &at) == 4)
			sscanf(line + at, "%255[^\n]", m[nr++].file);
	}
	return nr;
}

/* Devices and inodes of what has no name are the kernel's own numbers */
static const char *without_ino(const char *file)
{
	return strstr(file, "(deleted)") ? strchr(file, '/') : file;
}

static bool same_mapping(const struct mapping *a, const struct mapping *b)
{
	return a->start == b->start && a->end == b->end && a->off == b->off &&
		!strcmp(a->perms, b->perms) && !strcmp(a->flags, b->flags) &&
		!strcmp(without_ino(a->file), without_ino(b->file));
}

static void maps_setup(void)
{
	/* the stack shall not grow between the two looks */
	descend(FRAMES + 2, nothing);
	brk_at = must(sbrk(0));
	nr_before = read_maps(maps_before);
}

static void maps_verify(void)
{
	const struct mapping *a, *b;
	int i;

	nr_after = read_maps(maps_after);
	for (i = 0; i < nr_before || i < nr_after; i++) {
		a = &maps_before[i];
		b = &maps_after[i];
		check(i < nr_before && i < nr_after && same_mapping(a, b),
		      "mapping %d of %d, %d: %lx-%lx %s %lx %s (%s) became %lx-%lx %s %lx %s (%s)",
		      i, nr_before, nr_after,
		      a->start, a->end, a->perms, a->off, a->file, a->flags,
		      b->start, b->end, b->perms, b->off, b->file, b->flags);
	}
}

/* ---- a deep stack while it waits, a deeper one afterwards ---- */

static void stack_wait(void)
{
	descend(FRAMES, prog_wait);
}

static void stack_setup(void)
{
	prog_waiter = stack_wait;
}

static void stack_verify(void)
{
	descend(FRAMES * 3, nothing);
}

/* ---- for "collapse", while it is saved: a page in each range that could be a huge page ---- */

#define RANGES	(160 * MIB)
#define RANGE	(2 * MIB)
static char *ranges;

static void ranges_setup(void)
{
	char *area = map(RANGES + RANGE, PROT_READ | PROT_WRITE, MAP_NORESERVE);
	FILE *file;
	size_t off;

	ranges = (char *)(((uintptr_t)area + RANGE - 1) & -RANGE);
	must(madvise(ranges, RANGES, MADV_NOHUGEPAGE));
	for (off = 0; off < RANGES; off += RANGE)
		*(uint64_t *)(ranges + off + off / RANGE * PAGE) = off + 7;
	must(madvise(ranges, RANGES, MADV_HUGEPAGE));
	file = must(fopen(prog_path("ranges"), "w"));
	fprintf(file, "%p %lu\n", ranges, RANGES);
	must(fclose(file));
}

static void ranges_verify(void)
{
	size_t off;

	for (off = 0; off < RANGES; off += RANGE) {
		check(*(uint64_t *)(ranges + off + off / RANGE * PAGE) == off + 7,
		      "range %zu: content lost", off / RANGE);
		prog_check_zero(ranges + off + (off / RANGE + 1) * PAGE, PAGE, "page in between");
	}
}

/* The look at the maps is the last before and the first after the wait */
static const struct prog_case cases[] = {
	{ "maps", NULL, maps_verify, false },
	{ "anon", anon_setup, anon_verify, false },
	{ "sparse", sparse_setup, sparse_verify, false },
	{ "data", data_setup, data_verify, false },
	{ "file", file_setup, file_verify, false },
	{ "shared_file", shared_file_setup, shared_file_verify, false },
	{ "advice", advice_setup, advice_verify, false },
	{ "cow", cow_setup, cow_verify, false },
	{ "stack", stack_setup, stack_verify, false },
	{ "big", big_setup, big_verify, false },
	{ "heap", heap_setup, NULL, false },
	{ "maps", maps_setup, NULL, false },
	{ "heap", NULL, heap_verify, false },
	{ "ranges", ranges_setup, ranges_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
