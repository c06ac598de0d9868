// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that several processes share and that no name leads to: MAP_SHARED |
 * MAP_ANONYMOUS, and unlinked files of a tmpfs.
 */
#include "prog.h"
#include <stdatomic.h>
#include <sys/mman.h>

#define PAGE	4096ul
#define CHILDREN 3
#define SIZE	(4ul << 20)

/* ---- shared anonymous memory: contents, counters, and it is still shared ---- */

struct area {
	_Atomic uint64_t count;		/* everybody adds to it all the time */
	_Atomic uint64_t added[CHILDREN + 1];
	_Atomic int turn;		/* after DIR/go: they write one after the other */
};

static struct area *area;
static char *bulk, *part, *lone;
static pid_t child[CHILDREN];
static int me;

/* Add until DIR/go is there; the sum must be that of all parts */
static void add(void)
{
	char *go = prog_path("go");
	int i;

	for (i = 0; access(go, F_OK); i++) {
		check(i < PROG_POLLS, "nobody said go");
		atomic_fetch_add(&area->count, 1);
		atomic_fetch_add(&area->added[me], 1);
		prog_sleep_ms(PROG_POLL_MS);
	}
	free(go);
}

/* Everybody in turn finds what the one before wrote, and writes for the next */
static void take_turn(void)
{
	char *page = bulk + SIZE - PAGE;
	int i;

	for (i = 0; atomic_load(&area->turn) != me; i++) {
		check(i < PROG_POLLS, "%d: its turn never came: the memory is not shared", me);
		prog_sleep_ms(PROG_POLL_MS);
	}
	prog_check_fill(page, PAGE, 100 + me, "page written by the one before");
	prog_fill(page, PAGE, 101 + me);
	atomic_store(&area->turn, me + 1);
}

static void anon_child(void)
{
	char name[16];

	snprintf(name, sizeof(name), "up.%d", me);
	prog_touch(name);
	add();
	prog_check_fill(bulk, SIZE / 2, 91, "shared memory in a child");
	take_turn();
}

static void *shared(size_t len)
{
	return must(mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void anon_setup(void)
{
	char name[16];
	int i;

	area = shared(PAGE);
	bulk = shared(SIZE);
	lone = shared(8 * PAGE);
	/* what is left of a mapping starts in the middle of the object */
	part = shared(16 * PAGE);
	must(munmap(part, 4 * PAGE));
	part += 4 * PAGE;
	must(mprotect(part + 4 * PAGE, 4 * PAGE, PROT_READ));
	prog_fill(part, 4 * PAGE, 92);
	prog_fill(bulk, SIZE / 2, 91);
	prog_fill(bulk + SIZE - PAGE, PAGE, 101);
	for (i = 0; i < CHILDREN; i++) {
		me = i + 1;
		child[i] = prog_fork(anon_child);
	}
	me = 0;
	/* the child has seen it, then the parent alone keeps a part of it */
	prog_fill(lone, 8 * PAGE, 93);
	for (i = 1; i <= CHILDREN; i++) {
		snprintf(name, sizeof(name), "up.%d", i);
		prog_await(name);
	}
}

static void anon_wait(void)
{
	if (area)
		add();
	else
		prog_wait();
}

static void anon_verify(void)
{
	uint64_t sum = 0;
	int i;

	atomic_store(&area->turn, 1);
	for (i = 0; i < CHILDREN; i++)
		prog_reap(child[i], 0);
	check(atomic_load(&area->turn) == CHILDREN + 1, "not everybody took a turn");
	for (i = 0; i <= CHILDREN; i++)
		sum += atomic_load(&area->added[i]);
	check(sum == atomic_load(&area->count), "the parts add up to %llu, the count is %llu",
	      (unsigned long long)sum, (unsigned long long)atomic_load(&area->count));
	prog_check_fill(bulk, SIZE / 2, 91, "shared memory");
	prog_check_zero(bulk + SIZE / 2, SIZE / 2 - PAGE, "shared memory, never written");
	prog_check_fill(bulk + SIZE - PAGE, PAGE, 101 + CHILDREN, "page the last child wrote");
	prog_check_fill(part, 4 * PAGE, 92, "part of a mapping");
	prog_check_fill(lone, 8 * PAGE, 93, "shared by nobody");
	check(!mprotect(part + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE),
	      "mprotect: %s", strerror(errno));
	memset(part + 4 * PAGE, 1, 4 * PAGE);
}

/* ---- an unlinked file of a tmpfs: mapped twice, open in two processes ---- */

static int unlinked_fd = -1;
static char *unlinked_map;
static pid_t unlinked_pid;

static void unlinked_child(void)
{
	char c;

	prog_touch("up.unlinked");
	prog_wait();
	check(must(read(unlinked_fd, &c, 1)) == 1, "end of file in a child");
	unlinked_map[PAGE] = 'x';
}

static void unlinked_setup(void)
{
	static char page[4 * PAGE];
	char name[64];

	snprintf(name, sizeof(name), "/dev/shm/cr-test.%d", (int)getpid());
	unlinked_fd = must(open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	must(unlink(name));
	prog_fill(page, sizeof(page), 94);
	check(must(write(unlinked_fd, page, sizeof(page))) == sizeof(page), "short write");
	must(ftruncate(unlinked_fd, 64 * PAGE + 100));
	unlinked_map = must(mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				 unlinked_fd, 0));
	unlinked_map[32 * PAGE] = 'y';
	must(lseek(unlinked_fd, 1000, SEEK_SET));
	unlinked_pid = prog_fork(unlinked_child);
	prog_await("up.unlinked");
}

static void unlinked_verify(void)
{
	struct stat st;
	char c;

	prog_check_fill(unlinked_map, PAGE, 94, "mapping of an unlinked file");
	prog_reap(unlinked_pid, 0);
	check(unlinked_map[PAGE] == 'x', "not shared with the child");
	check(unlinked_map[32 * PAGE] == 'y', "page behind a hole");
	check(must(pread(unlinked_fd, &c, 1, PAGE)) == 1 && c == 'x', "not the mapped file");
	must(fstat(unlinked_fd, &st));
	check(st.st_size == 64 * PAGE + 100, "size %lld", (long long)st.st_size);
	check(!st.st_nlink, "it has %d names", (int)st.st_nlink);
	check(must(lseek(unlinked_fd, 0, SEEK_CUR)) == 1001,
	      "offset is not shared with the child: %lld",
	      (long long)lseek(unlinked_fd, 0, SEEK_CUR));
}

static const struct prog_case cases[] = {
	{ "anon", anon_setup, anon_verify, false },
	{ "unlinked", unlinked_setup, unlinked_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	prog_waiter = anon_wait;
	return prog_main(argc, argv, cases);
}
