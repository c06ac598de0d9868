// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA policies of threads, of a process that has inherited its own, of mappings,
 * of shared memory: modes, flags and nodes, and where pages are. On a machine with
 * one node the sets have that one only.
 *
 * weighted: optional, because older kernels do not have it.
 */
#include "prog.h"
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#define PAGE		4096ul
#define PAGES		8
#define WEIGHTED	6	/* MPOL_WEIGHTED_INTERLEAVE */

static unsigned long all;	/* the machine's nodes */
static int last;		/* the one with the highest number */

struct policy {
	int mode;		/* with its flags */
	unsigned long nodes;
};

static void nodes_find(void)
{
	must(syscall(SYS_get_mempolicy, NULL, &all, 64ul, NULL, (unsigned long)MPOL_F_MEMS_ALLOWED));
	check(all, "no nodes");
	last = 63 - __builtin_clzl(all);
}

static void bind(void *mem, size_t pages, int mode, unsigned long nodes)
{
	must(syscall(SYS_mbind, mem, pages * PAGE, mode, nodes ? &nodes : NULL,
		     nodes ? 65ul : 0, 0));
}

static void set(int mode, unsigned long nodes)
{
	must(syscall(SYS_set_mempolicy, mode, nodes ? &nodes : NULL, nodes ? 65ul : 0));
}

/* Of the memory at @mem, or the thread's own */
static struct policy get(const void *mem)
{
	unsigned long nodes[16] = {};	/* a kernel may have 1024 */
	struct policy p;

	must(syscall(SYS_get_mempolicy, &p.mode, nodes, 1024ul, mem,
		     (unsigned long)(mem ? MPOL_F_ADDR : 0)));
	p.nodes = nodes[0];
	return p;
}

static void verify(const void *mem, int mode, unsigned long nodes, const char *what)
{
	struct policy p = get(mem);

	check(p.mode == mode && p.nodes == nodes, "%s: policy %#x, nodes %#lx instead of %#x, %#lx",
	      what, p.mode, p.nodes, mode, nodes);
}

/* On which node a page is, which is there */
static int node_of(const void *mem)
{
	int node = -1;

	must(syscall(SYS_get_mempolicy, &node, NULL, 0ul, mem,
		     (unsigned long)(MPOL_F_NODE | MPOL_F_ADDR)));
	return node;
}

static void *map(size_t pages, int flags, int fd)
{
	return must(mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0));
}

/* ---- threads ---- */

static struct thread {
	pthread_t thread;
	const char *what;
	int mode;
	unsigned long nodes;
} threads[5];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready;
static bool go;

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	set(t->mode, t->nodes);
	must0(pthread_mutex_lock(&lock));
	ready++;
	must0(pthread_cond_broadcast(&changed));
	while (!go)
		must0(pthread_cond_wait(&changed, &lock));
	must0(pthread_mutex_unlock(&lock));
	verify(NULL, t->mode, t->nodes, t->what);
	return NULL;
}

static void threads_setup(void)
{
	size_t i;

	nodes_find();
	threads[0] = (struct thread){ 0, "default", MPOL_DEFAULT, 0 };
	threads[1] = (struct thread){ 0, "local", MPOL_LOCAL, 0 };
	threads[2] = (struct thread){ 0, "bind", MPOL_BIND | MPOL_F_STATIC_NODES, 1 };
	threads[3] = (struct thread){ 0, "relative", MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, 1 };
	threads[4] = (struct thread){ 0, "balancing", MPOL_BIND | MPOL_F_NUMA_BALANCING, all };
	for (i = 0; i < 5; i++)
		must0(pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]));
	must0(pthread_mutex_lock(&lock));
	while (ready < 5)
		must0(pthread_cond_wait(&changed, &lock));
	must0(pthread_mutex_unlock(&lock));
	set(MPOL_INTERLEAVE, all);
}

static void threads_verify(void)
{
	size_t i;

	verify(NULL, MPOL_INTERLEAVE, all, "the first thread");
	must0(pthread_mutex_lock(&lock));
	go = true;
	must0(pthread_cond_broadcast(&changed));
	must0(pthread_mutex_unlock(&lock));
	for (i = 0; i < 5; i++)
		must0(pthread_join(threads[i].thread, NULL));
}

/* ---- a process that was made by one with a policy ---- */

static int to_child[2];
static pid_t child;

static void child_main(void)
{
	char c;

	check(read(to_child[0], &c, 1) == 1, "nobody said anything");
	verify(NULL, MPOL_PREFERRED, 1ul << last, "the child");
}

static void child_setup(void)
{
	struct policy mine = get(NULL);

	nodes_find();
	must(pipe(to_child));
	set(MPOL_PREFERRED, 1ul << last);
	child = prog_fork(child_main);
	set(mine.mode, mine.nodes);
}

static void child_verify(void)
{
	check(write(to_child[1], "", 1) == 1, "the child is gone");
	prog_reap(child, 0);
}

/* ---- mappings ---- */

static char *anon, *many, *file, *plain;

static void mappings_setup(void)
{
	int fd = must(open(prog_path("numa"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	nodes_find();
	must(ftruncate(fd, PAGES * PAGE));
	/* three mappings next to each other */
	anon = map(3 * PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	bind(anon + PAGES * PAGE, PAGES, MPOL_BIND, 1ul << last);
	bind(anon + 2 * PAGES * PAGE, PAGES, MPOL_INTERLEAVE | MPOL_F_STATIC_NODES, all);
	prog_fill(anon, 3 * PAGES * PAGE, 1);
	many = map(PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	bind(many, PAGES, MPOL_PREFERRED_MANY, all);
	must(syscall(SYS_set_mempolicy_home_node, many, PAGES * PAGE, (unsigned long)last, 0ul));
	prog_fill(many, PAGES * PAGE, 2);
	file = map(PAGES, MAP_PRIVATE, fd);
	bind(file, PAGES, MPOL_BIND, 1ul << last);
	prog_fill(file, PAGES * PAGE, 3);
	plain = map(PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	prog_fill(plain, PAGES * PAGE, 4);
	must(close(fd));
}

static void mappings_verify(void)
{
	size_t i;

	verify(anon, MPOL_DEFAULT, 0, "before it");
	verify(anon + PAGES * PAGE, MPOL_BIND, 1ul << last, "bound memory");
	verify(anon + (3 * PAGES - 1) * PAGE, MPOL_INTERLEAVE | MPOL_F_STATIC_NODES, all,
	       "interleaved memory");
	verify(many, MPOL_PREFERRED_MANY, all, "memory with a home");
	verify(file, MPOL_BIND, 1ul << last, "a private file mapping");
	verify(plain, MPOL_DEFAULT, 0, "memory without");
	for (i = 0; i < PAGES; i++) {
		check(node_of(anon + (PAGES + i) * PAGE) == last, "page %zu is on node %d, not %d",
		      i, node_of(anon + (PAGES + i) * PAGE), last);
		check(node_of(file + i * PAGE) == last, "page %zu of the file is on node %d, not %d",
		      i, node_of(file + i * PAGE), last);
		check(node_of(many + i * PAGE) == last, "page %zu is on node %d, not at home", i,
		      node_of(many + i * PAGE));
	}
	prog_check_fill(anon, 3 * PAGES * PAGE, 1, "anon");
	prog_check_fill(many, PAGES * PAGE, 2, "many");
	prog_check_fill(file, PAGES * PAGE, 3, "file");
	prog_check_fill(plain, PAGES * PAGE, 4, "plain");
}

/* ---- shared memory ---- */

static char *shared, *segment;
static int memfd;

static void shared_setup(void)
{
	char *mem;
	int id;

	nodes_find();
	shared = map(2 * PAGES, MAP_SHARED | MAP_ANONYMOUS, -1);
	bind(shared + PAGES * PAGE, PAGES, MPOL_BIND, 1ul << last);
	prog_fill(shared, 2 * PAGES * PAGE, 5);
	/* nobody maps it any more */
	memfd = must(memfd_create("numa", MFD_CLOEXEC));
	must(ftruncate(memfd, 4 * PAGES * PAGE));
	mem = map(4 * PAGES, MAP_SHARED, memfd);
	bind(mem, PAGES, MPOL_INTERLEAVE, all);
	bind(mem + 2 * PAGES * PAGE, PAGES, MPOL_BIND, 1ul << last);
	prog_fill(mem, 4 * PAGES * PAGE, 6);
	must(munmap(mem, 4 * PAGES * PAGE));
	id = must(shmget(IPC_PRIVATE, PAGES * PAGE, 0600));
	segment = must(shmat(id, NULL, 0));
	must(shmctl(id, IPC_RMID, NULL));
	bind(segment, PAGES, MPOL_PREFERRED, 1ul << last);
	prog_fill(segment, PAGES * PAGE, 7);
}

static void shared_verify(void)
{
	char *mem = map(4 * PAGES, MAP_SHARED, memfd);
	size_t i;

	verify(shared, MPOL_DEFAULT, 0, "shared memory");
	verify(shared + PAGES * PAGE, MPOL_BIND, 1ul << last, "bound shared memory");
	verify(mem + (PAGES - 1) * PAGE, MPOL_INTERLEAVE, all, "the memfd's begin");
	verify(mem + PAGES * PAGE, MPOL_DEFAULT, 0, "the memfd's second part");
	verify(mem + 2 * PAGES * PAGE, MPOL_BIND, 1ul << last, "the memfd's third part");
	verify(mem + 3 * PAGES * PAGE, MPOL_DEFAULT, 0, "the memfd's end");
	verify(segment, MPOL_PREFERRED, 1ul << last, "the segment");
	prog_check_fill(shared, 2 * PAGES * PAGE, 5, "shared");
	prog_check_fill(mem, 4 * PAGES * PAGE, 6, "memfd");
	prog_check_fill(segment, PAGES * PAGE, 7, "segment");
	for (i = 0; i < PAGES; i++) {
		check(node_of(shared + (PAGES + i) * PAGE) == last, "page %zu is on node %d", i,
		      node_of(shared + (PAGES + i) * PAGE));
		check(node_of(mem + (2 * PAGES + i) * PAGE) == last,
		      "page %zu of the memfd is on node %d", i,
		      node_of(mem + (2 * PAGES + i) * PAGE));
	}
	must(munmap(mem, 4 * PAGES * PAGE));
}

/* ---- what newer kernels have ---- */

static char *weighted;

static void weighted_setup(void)
{
	nodes_find();
	weighted = map(PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	bind(weighted, PAGES, WEIGHTED, all);
}

static void weighted_verify(void)
{
	verify(weighted, WEIGHTED, all, "weighted");
}

static const struct prog_case cases[] = {
	{ "child", child_setup, child_verify, false },
	{ "threads", threads_setup, threads_verify, false },
	{ "mappings", mappings_setup, mappings_verify, false },
	{ "shared", shared_setup, shared_verify, false },
	{ "weighted", weighted_setup, weighted_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
