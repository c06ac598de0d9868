// SPDX-License-Identifier: GPL-2.0
/*
 * What a debugger shall find beside what debug.c has; tests/bats/vm/debuggers.bats
 * looks for it.
 *
 * vectors: registers of a thread that sleeps in a system call, which leaves them
 * alone, with upper halves that only the extended state has. Byte b of register n
 * is 16 * n + b; DIR/bits has the width of the registers. DIR/auxv has the
 * auxiliary vector as the program has seen it.
 *
 * deep: a thread and main() with megabytes of stack below them, and thread-local
 * variables.
 */
#include "prog.h"
#include <pthread.h>
#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

enum { REGS = 4 };	/* 0, 1, 7, 15 */

static const int numbers[REGS] = { 0, 1, 7, 15 };
static unsigned char in[REGS][64] __attribute__((aligned(64)));
static unsigned char out[REGS][64] __attribute__((aligned(64)));
static uint32_t go;
static int bytes;
static pid_t tid;
static pthread_t thread;

int inspect_known[16] = { 17, 18, 19 };
__thread int inspect_tls = 11;
__thread char inspect_tls_text[16] = "of main";

/* futex(&go, FUTEX_WAIT, 0, NULL) between the registers' way in and their way out */
#define CALL(mm, move) \
	asm volatile(move " (%[in]), %%" mm "0\n\t" \
		     move " 64(%[in]), %%" mm "1\n\t" \
		     move " 128(%[in]), %%" mm "7\n\t" \
		     move " 192(%[in]), %%" mm "15\n\t" \
		     "syscall\n\t" \
		     move " %%" mm "0, (%[out])\n\t" \
		     move " %%" mm "1, 64(%[out])\n\t" \
		     move " %%" mm "7, 128(%[out])\n\t" \
		     move " %%" mm "15, 192(%[out])\n\t" \
		     "vzeroupper" \
		     : "+a" (ret) \
		     : [in] "r" (in), [out] "r" (out), "D" (&go), "S" (FUTEX_WAIT_PRIVATE), "d" (0), \
		       "r" (timeout) \
		     : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm7", "xmm15")

__attribute__((noinline)) static long vectors_sleep(void)
{
	register void *timeout asm("r10") = NULL;
	long ret = SYS_futex;

	if (bytes == 64)
		CALL("zmm", "vmovdqu64");
	else
		CALL("ymm", "vmovdqu");
	return ret;
}

static void *vectors_thread(void *arg)
{
	long ret;
	int i;

	inspect_tls = 22;
	strcpy(inspect_tls_text, "of the thread");
	__atomic_store_n(&tid, gettid(), __ATOMIC_SEQ_CST);
	ret = vectors_sleep();
	check(!ret, "futex: %ld", ret);
	for (i = 0; i < REGS; i++)
		check(!memcmp(in[i], out[i], bytes), "register %d has changed", numbers[i]);
	check(inspect_tls == 22 && !strcmp(inspect_tls_text, "of the thread"), "thread-local variables");
	return arg;
}

/* It calls the kernel for nothing else, and so has the registers then */
static bool sleeps(void)
{
	char path[64], stat[1024];
	pid_t t = __atomic_load_n(&tid, __ATOMIC_SEQ_CST);

	if (!t)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)t);
	prog_read(path, stat, sizeof(stat));
	return strrchr(stat, ')')[2] == 'S';
}

static void copy_auxv(void)
{
	static char buf[4096];
	size_t len = prog_read("/proc/self/auxv", buf, sizeof(buf));
	int fd = must(open(prog_path("auxv"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));

	check(write(fd, buf, len) == (ssize_t)len, "auxv: %s", strerror(errno));
	must(close(fd));
}

static void vectors_setup(void)
{
	int i, b, fd;

	__builtin_cpu_init();
	check(__builtin_cpu_supports("avx"), "no AVX");
	bytes = __builtin_cpu_supports("avx512f") ? 64 : 32;
	for (i = 0; i < REGS; i++)
		for (b = 0; b < 64; b++)
			in[i][b] = 16 * numbers[i] + b;
	must0(pthread_create(&thread, NULL, vectors_thread, NULL));
	for (i = 0; !sleeps(); i++) {
		check(i < PROG_POLLS, "the thread does not sleep");
		prog_sleep_ms(PROG_POLL_MS);
	}
	copy_auxv();
	fd = must(open(prog_path("bits"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	must(dprintf(fd, "%d\n", 8 * bytes));
	must(close(fd));
}

static void vectors_verify(void)
{
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	must(syscall(SYS_futex, &go, FUTEX_WAKE_PRIVATE, 1));
	must0(pthread_join(thread, NULL));
	check(inspect_tls == 11 && !strcmp(inspect_tls_text, "of main"), "thread-local variables");
}

/* ---- deep ---- */

enum { DEPTH = 300, FRAME = 16 << 10 };

static pthread_t deep_tid;
static uint32_t deep_asleep, deep_go;

/* Each call has so many bytes that are its own */
__attribute__((noinline, noclone)) static void deep_call(int n, void (*bottom)(void))
{
	volatile unsigned char frame[FRAME];
	int i;

	for (i = 0; i < FRAME; i += 256)
		frame[i] = n + i / 256;
	if (n)
		deep_call(n - 1, bottom);
	else
		bottom();
	for (i = 0; i < FRAME; i += 256)
		check(frame[i] == (unsigned char)(n + i / 256), "the stack of call %d has changed", n);
}

static void deep_sleep(void)
{
	__atomic_store_n(&deep_asleep, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&deep_go, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &deep_go, FUTEX_WAIT_PRIVATE, 0, NULL);
}

static void *deep_thread(void *arg)
{
	inspect_tls = 33;
	deep_call(DEPTH, deep_sleep);
	check(inspect_tls == 33, "thread-local variable is %d", inspect_tls);
	return arg;
}

static void deep_wait(void)
{
	deep_call(DEPTH, prog_wait);
}

static void deep_setup(void)
{
	int i;

	must0(pthread_create(&deep_tid, NULL, deep_thread, NULL));
	for (i = 0; !__atomic_load_n(&deep_asleep, __ATOMIC_SEQ_CST); i++) {
		check(i < PROG_POLLS, "the thread does not go to sleep");
		prog_sleep_ms(PROG_POLL_MS);
	}
	prog_waiter = deep_wait;
}

static void deep_verify(void)
{
	__atomic_store_n(&deep_go, 1, __ATOMIC_SEQ_CST);
	must(syscall(SYS_futex, &deep_go, FUTEX_WAKE_PRIVATE, 1));
	must0(pthread_join(deep_tid, NULL));
}

static const struct prog_case cases[] = {
	{ "vectors", vectors_setup, vectors_verify, false },
	{ "deep", deep_setup, deep_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
