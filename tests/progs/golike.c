// SPDX-License-Identifier: GPL-2.0
/*
 * A static program with a runtime of its own, as Go programs have it: threads
 * made with clone(), without a thread library, each with a scheduler's stack, a
 * stack for signals and a base of fs that is its own record; coroutines on small
 * stacks of their own, which any thread takes up where another has left them;
 * signals that interrupt a coroutine and are handled on the thread's signal
 * stack.
 *
 * No thread but the first calls the C library: that would take fs for its own.
 *
 * When all is ready, thread t holds a coroutine that waits t + 1 calls down in
 * held(), and all others are left in given_up(). The first thread waits below a
 * coroutine, too. tests/bats/vm/debuggers.bats knows that.
 */
#include "prog.h"
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <asm/prctl.h>

#define NOINLINE __attribute__((noinline, noclone))

enum {
	THREADS = 4,			/* with the first */
	COROUTINES = 16,
	STACK = 16 << 10,
	FIRST_STACK = 128 << 10,	/* it calls the C library */
	TURNS = 200,			/* of each coroutine, before and after */
};

/* Registers that a function keeps are on its stack: see switch_stack() */
struct context {
	uint64_t *rsp;
};

enum state { RUNNABLE, RUNNING, DONE };

struct coroutine {
	struct context context;
	char *stack;
	int number;
	int depth;		/* at which it gives up its thread */
	int turns;
	enum state state;
	bool hold;		/* the next time that it runs */
	struct machine *machine;
};

/* A thread: the base of its fs points here */
struct machine {
	struct machine *self;
	struct coroutine *current;
	struct context scheduler;
	int number;
	pid_t tid;
	char *signal_stack;
	int signals;
	bool off_stack;
	uint32_t alive;		/* cleared by the kernel when the thread has ended */
};

struct coroutine coroutines[COROUTINES];
struct machine machines[THREADS];
static struct coroutine first;
static uint32_t lock, stage;
static pid_t pid;

/* ---- system calls without the C library ---- */

static long call(long nr, long a, long b, long c, long d)
{
	register long r10 asm("r10") = d;
	long ret;

	asm volatile("syscall" : "=a" (ret) : "a" (nr), "D" (a), "S" (b), "d" (c), "r" (r10)
		     : "rcx", "r11", "memory");
	return ret;
}

#define must_call(...) \
	do { \
		if (call(__VA_ARGS__) < 0) \
			__builtin_trap(); \
	} while (0)

static uint32_t load(uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void wait_while(uint32_t *p, uint32_t value)
{
	while (load(p) == value)
		call(SYS_futex, (long)p, FUTEX_WAIT, value, 0);
}

static void set_and_wake(uint32_t *p, uint32_t value)
{
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
	call(SYS_futex, (long)p, FUTEX_WAKE, INT_MAX, 0);
}

static void take(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_SEQ_CST))
		call(SYS_sched_yield, 0, 0, 0, 0);
}

static void give(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_SEQ_CST);
}

static struct machine *machine(void)
{
	struct machine *m;

	asm volatile("mov %%fs:0, %0" : "=r" (m));
	return m;
}

/* ---- stacks ---- */

void switch_stack(struct context *from, struct context *to);
void coroutine_entry(void);

/* A debugger is told where a stack ends */
asm(".text\n"
    ".globl switch_stack\n"
    ".type switch_stack, @function\n"
    "switch_stack:\n"
    "	.cfi_startproc\n"
    "	push %rbp\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset rbp, 0\n"
    "	push %rbx\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset rbx, 0\n"
    "	push %r12\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r12, 0\n"
    "	push %r13\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r13, 0\n"
    "	push %r14\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r14, 0\n"
    "	push %r15\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r15, 0\n"
    "	mov %rsp, (%rdi)\n"
    "	mov (%rsi), %rsp\n"
    "	pop %r15\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r15\n"
    "	pop %r14\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r14\n"
    "	pop %r13\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r13\n"
    "	pop %r12\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r12\n"
    "	pop %rbx\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore rbx\n"
    "	pop %rbp\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore rbp\n"
    "	ret\n"
    "	.cfi_endproc\n"
    ".size switch_stack, . - switch_stack\n"
    /* rbx: the coroutine, r12: its function */
    ".globl coroutine_entry\n"
    ".type coroutine_entry, @function\n"
    "	nop\n"
    "coroutine_entry:\n"
    "	.cfi_startproc\n"
    "	.cfi_undefined rip\n"
    "	mov %rbx, %rdi\n"
    "	call *%r12\n"
    "	ud2\n"
    "	.cfi_endproc\n"
    ".size coroutine_entry, . - coroutine_entry\n");

static char *stack_create(size_t size)
{
	/* a page below it that must not be touched */
	char *p = must(mmap(NULL, size + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	must(mprotect(p + 4096, size, PROT_READ | PROT_WRITE));
	return p + 4096;
}

static void coroutine_create(struct coroutine *c, size_t size, void (*run)(struct coroutine *))
{
	uint64_t *top;

	c->stack = stack_create(size);
	/* where a call would find it: at a multiple of 16, when the entry has been taken off */
	top = (uint64_t *)(c->stack + size) - 3;
	*top = (uint64_t)coroutine_entry;
	c->context.rsp = top - 6;
	top[-2] = (uint64_t)c;		/* rbx */
	top[-3] = (uint64_t)run;	/* r12 */
}

/* ---- coroutines ---- */

NOINLINE static void given_up(struct coroutine *c)
{
	switch_stack(&c->context, &c->machine->scheduler);
	asm volatile("");
}

/* Its thread is its own until everybody goes on */
NOINLINE static void held(struct coroutine *c)
{
	wait_while(&stage, 1);
	c->hold = false;
	asm volatile("");
}

/* Turns at so many calls down, with something to verify in each of them */
NOINLINE static void walk(struct coroutine *c, int n)
{
	volatile int local = 1000 * c->number + n;

	if (n) {
		walk(c, n - 1);
	} else {
		c->turns++;
		if (c->hold)
			held(c);
		else
			given_up(c);
	}
	if (local != 1000 * c->number + n)
		__builtin_trap();
}

NOINLINE static void coroutine_run(struct coroutine *c)
{
	while (c->turns < 2 * TURNS) {
		/* a stage is over for this one: wait for the next */
		if (c->turns == TURNS && !load(&stage))
			given_up(c);
		else
			walk(c, c->depth);
	}
	c->state = DONE;
	given_up(c);
}

/* One that has something to do; NULL: none now. The lock is held */
static struct coroutine *coroutine_pick(struct machine *m)
{
	static int last;
	struct coroutine *c;
	int i;

	if (load(&stage) == 1) {
		/* that of this thread, which waits in it */
		c = &coroutines[m->number];
		c->hold = c->state == RUNNABLE;
		c->depth = m->number;
		return c->hold ? c : NULL;
	}
	for (i = 0; i < COROUTINES; i++) {
		c = &coroutines[last++ % COROUTINES];
		if (c->state == RUNNABLE && (load(&stage) || c->turns < TURNS))
			return c;
	}
	return NULL;
}

static bool stage_is_over(void)
{
	int i;

	for (i = 0; i < COROUTINES; i++)
		if (load(&stage) ? coroutines[i].state != DONE : coroutines[i].turns < TURNS)
			return false;
	return true;
}

/* Until all have ended */
NOINLINE static void schedule(struct machine *m)
{
	struct coroutine *c;
	bool over;

	for (;;) {
		take();
		c = coroutine_pick(m);
		if (c)
			c->state = RUNNING;
		over = stage_is_over();
		give();
		if (!c && over && load(&stage) == 2)
			return;
		if (!c && over && !load(&stage)) {
			set_and_wake(&stage, 1);
		} else if (!c) {
			call(SYS_sched_yield, 0, 0, 0, 0);
		} else {
			c->machine = m;
			m->current = c;
			switch_stack(&m->scheduler, &c->context);
			m->current = NULL;
			take();
			if (c->state == RUNNING)
				c->state = RUNNABLE;
			give();
		}
	}
}

/* ---- threads ---- */

/* Of a coroutine or a scheduler, and on neither's stack */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	struct machine *m = machine();
	char here;

	(void)sig, (void)info, (void)context;
	if (&here < m->signal_stack || &here >= m->signal_stack + FIRST_STACK)
		m->off_stack = true;
	__atomic_add_fetch(&m->signals, 1, __ATOMIC_SEQ_CST);
}

static void signal_stack_set(struct machine *m)
{
	stack_t ss = { .ss_sp = m->signal_stack, .ss_size = FIRST_STACK };

	must_call(SYS_sigaltstack, (long)&ss, 0, 0, 0);
}

NOINLINE __attribute__((used)) static void thread_run(struct machine *m)
{
	must_call(SYS_arch_prctl, ARCH_SET_FS, (long)m, 0, 0);
	signal_stack_set(m);
	m->tid = call(SYS_gettid, 0, 0, 0, 0);
	schedule(m);
	call(SYS_exit, 0, 0, 0, 0);
}

/* clone() on a stack of its own, with the machine in rbx */
static long thread_create(struct machine *m)
{
	const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM |
			   CLONE_THREAD | CLONE_CHILD_CLEARTID;
	char *stack = stack_create(FIRST_STACK);
	register uint32_t *ctid asm("r10") = &m->alive;
	long ret;

	asm volatile("syscall\n\t"
		     "test %%rax, %%rax\n\t"
		     "jnz 1f\n\t"
		     "xor %%ebp, %%ebp\n\t"
		     "lea thread_run(%%rip), %%r12\n\t"
		     "jmp coroutine_entry\n"
		     "1:"
		     : "=a" (ret)
		     : "a" (SYS_clone), "D" (flags), "S" (stack + FIRST_STACK), "d" (0), "r" (ctid),
		       "b" (m)
		     : "rcx", "r11", "memory");
	return ret;
}

static void machine_create(int n)
{
	struct machine *m = &machines[n];

	m->self = m;
	m->number = n;
	m->alive = 1;
	m->signal_stack = stack_create(FIRST_STACK);
	if (n)
		check(thread_create(m) > 0, "clone: %d", n);
}

/* They hold their coroutines: each sleeps, and nobody has anything else to do */
static bool all_hold(void)
{
	char path[64], stat[1024];
	int i;

	for (i = 1; i < THREADS; i++) {
		if (load(&stage) != 1 || !coroutines[i].hold)
			return false;
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)machines[i].tid);
		prog_read(path, stat, sizeof(stat));
		if (strrchr(stat, ')')[2] != 'S')
			return false;
	}
	return true;
}

static void golike_setup(void)
{
	struct sigaction act = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};
	int i;

	pid = getpid();
	must(sigaction(SIGURG, &act, NULL));
	for (i = 0; i < COROUTINES; i++) {
		coroutines[i].number = i;
		coroutines[i].depth = i % 5;
		coroutine_create(&coroutines[i], STACK, coroutine_run);
	}
	for (i = 0; i < THREADS; i++)
		machine_create(i);
	for (i = 0; !all_hold(); i++) {
		check(i < PROG_POLLS, "threads do not come to rest");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

/* Each thread is interrupted in its coroutine, and goes on with it */
static void signal_each(void)
{
	int i, n;

	for (i = 1; i < THREADS; i++)
		must(syscall(SYS_tgkill, pid, machines[i].tid, SIGURG));
	for (i = 1; i < THREADS; i++) {
		for (n = 0; !__atomic_load_n(&machines[i].signals, __ATOMIC_SEQ_CST); n++) {
			check(n < PROG_POLLS, "thread %d has had no signal", i);
			prog_sleep_ms(PROG_POLL_MS);
		}
		check(!machines[i].off_stack, "thread %d had its signal on another stack", i);
	}
}

static void golike_verify(void)
{
	int i;

	check(getpid() == pid, "the pid is %d and was %d", (int)getpid(), (int)pid);
	signal_each();
	set_and_wake(&stage, 2);
	for (i = 1; i < THREADS; i++)
		wait_while(&machines[i].alive, 1);
	for (i = 0; i < COROUTINES; i++)
		check(coroutines[i].turns >= 2 * TURNS && coroutines[i].state == DONE,
		      "coroutine %d had %d turns", i, coroutines[i].turns);
}

/* ---- the first thread ---- */

NOINLINE static void first_run(struct coroutine *c)
{
	prog_wait();
	c->state = DONE;
	given_up(c);
}

/* Its fs is the C library's, which it calls */
static void first_wait(void)
{
	coroutine_create(&first, FIRST_STACK, first_run);
	first.machine = &machines[0];
	switch_stack(&machines[0].scheduler, &first.context);
	check(first.state == DONE, "the first coroutine has not ended");
}

static const struct prog_case cases[] = {
	{ "golike", golike_setup, golike_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	prog_waiter = first_wait;
	return prog_main(argc, argv, cases);
}
