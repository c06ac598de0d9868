// SPDX-License-Identifier: GPL-2.0
/*
 * Registers: threads that hold patterns in them while they spin in user mode or
 * go in and out of a system call, and tell at the end what became of them.
 */
#include "prog.h"
#include <asm/prctl.h>
#include <cpuid.h>
#include <pthread.h>
#include <sys/syscall.h>

/* Named so that assembly can refer to it without a register */
#define ASM_USED __attribute__((used))

/* Set once DIR/go is there; the loops poll it without touching a register */
static volatile uint32_t stop asm("regs_stop") ASM_USED;
static pthread_t thread[8];
static int nr_threads;

static void spawn(void *(*fn)(void *))
{
	must0(pthread_create(&thread[nr_threads++], NULL, fn, NULL));
}

/* ---- all general registers, rsp too, in a loop without system calls ---- */

static uint64_t gpr_want[16];
static uint64_t gpr_got[16] asm("regs_gpr_got") ASM_USED;
static uint64_t gpr_sp asm("regs_gpr_sp") ASM_USED;

#define EACH_GPR(X) X(rax, 0) X(rbx, 8) X(rcx, 16) X(rdx, 24) X(rsi, 32) \
	X(rbp, 48) X(rsp, 56) X(r8, 64) X(r9, 72) X(r10, 80) X(r11, 88) \
	X(r12, 96) X(r13, 104) X(r14, 112) X(r15, 120)
#define LOAD_GPR(reg, off) "mov " #off "(%%rdi), %%" #reg "\n\t"
#define STORE_GPR(reg, off) "mov %%" #reg ", regs_gpr_got+" #off "(%%rip)\n\t"

static void *gpr_thread(void *unused)
{
	void *want = gpr_want;

	(void)unused;
	asm volatile("push %%rbp\n\t"
		     "push %%rbx\n\t"
		     "mov %%rsp, regs_gpr_sp(%%rip)\n\t"
		     EACH_GPR(LOAD_GPR)
		     "mov 40(%%rdi), %%rdi\n"
		     "1:	cmpl $0, regs_stop(%%rip)\n\t"
		     "je 1b\n\t"
		     "mov %%rdi, regs_gpr_got+40(%%rip)\n\t"
		     EACH_GPR(STORE_GPR)
		     "mov regs_gpr_sp(%%rip), %%rsp\n\t"
		     "pop %%rbx\n\t"
		     "pop %%rbp\n\t"
		     "cld\n\t"
		     : "+D"(want)
		     : /* none */
		     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11",
		       "r12", "r13", "r14", "r15", "memory", "cc");
	return NULL;
}

static void gpr_setup(void)
{
	prog_fill(gpr_want, sizeof(gpr_want), 11);
	spawn(gpr_thread);
}

/* ---- flags: the loop uses instructions that leave them alone ---- */

#define FLAGS_MASK	0x200ed5ul	/* ID OF DF SF ZF AF PF CF, and IF */
static uint64_t flags_got;
#define FLAGS_WANT	0x200e95ul	/* all of them but ZF; IF is always set */

static void *flags_thread(void *unused)
{
	uint64_t got;

	(void)unused;
	asm volatile("sub $128, %%rsp\n\t"
		     "pushq %1\n\t"
		     "popfq\n"
		     "1:	mov regs_stop(%%rip), %%ecx\n\t"
		     "jrcxz 1b\n\t"
		     "pushfq\n\t"
		     "popq %0\n\t"
		     "cld\n\t"
		     "lea 128(%%rsp), %%rsp\n\t"
		     : "=r"(got)
		     : "r"(FLAGS_WANT)
		     : "rcx", "memory", "cc");
	flags_got = got;
	return NULL;
}

static void flags_setup(void)
{
	spawn(flags_thread);
}

/* ---- MMX and SSE, or AVX, or AVX-512 with its masks ---- */

static uint64_t mmx_want[8], mmx_got[8];
static uint64_t vec_want[32][8], vec_got[32][8];
static uint64_t mask_want[8], mask_got[8];
static int vec_bytes, nr_vecs;

static uint64_t xcr0(void)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 3;
	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return a | (uint64_t)d << 32;
}

#define MMX_LOAD(n)	"movq " #n "*8(%0), %%mm" #n "\n\t"
#define MMX_STORE(n)	"movq %%mm" #n ", " #n "*8(%0)\n\t"
#define SSE_LOAD(n)	"movups " #n "*64(%0), %%xmm" #n "\n\t"
#define SSE_STORE(n)	"movups %%xmm" #n ", " #n "*64(%0)\n\t"
#define AVX_LOAD(n)	"vmovups " #n "*64(%0), %%ymm" #n "\n\t"
#define AVX_STORE(n)	"vmovups %%ymm" #n ", " #n "*64(%0)\n\t"
#define ZMM_LOAD(n)	"vmovups " #n "*64(%0), %%zmm" #n "\n\t"
#define ZMM_STORE(n)	"vmovups %%zmm" #n ", " #n "*64(%0)\n\t"
#define K_LOAD(n)	"kmovw " #n "*8(%0), %%k" #n "\n\t"
#define K_STORE(n)	"kmovw %%k" #n ", " #n "*8(%0)\n\t"
#define EACH8(X)	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define EACH16(X)	EACH8(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define EACH32(X)	EACH16(X) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) \
			X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define SPIN		"1:	cmpl $0, regs_stop(%%rip)\n\tje 1b\n\t"

/*
 * One asm statement per register set: nothing the compiler emits may stand
 * between loading and storing.
 */
#define HOLD(name, each, load, store, clobber...)				\
static void name(const void *want, void *got, const void *mm, void *mm_got,	\
		 const void *k, void *k_got)					\
{										\
	asm volatile("mov %[mm], %0\n\t" EACH8(MMX_LOAD)			\
		     "mov %[k], %0\n\t" HOLD_K_LOAD				\
		     "mov %[want], %0\n\t" each(load)				\
		     SPIN							\
		     "mov %[got], %0\n\t" each(store)				\
		     "mov %[k_got], %0\n\t" HOLD_K_STORE			\
		     "mov %[mm_got], %0\n\t" EACH8(MMX_STORE) "emms\n\t"	\
		     : "=&r"((void *){ 0 })					\
		     : [want] "r"(want), [got] "r"(got), [mm] "r"(mm),		\
		       [mm_got] "r"(mm_got), [k] "r"(k), [k_got] "r"(k_got)	\
		     : "memory", "cc");						\
}

#define HOLD_K_LOAD	""
#define HOLD_K_STORE	""
HOLD(hold_sse, EACH16, SSE_LOAD, SSE_STORE)
HOLD(hold_avx, EACH16, AVX_LOAD, AVX_STORE)
#undef HOLD_K_LOAD
#undef HOLD_K_STORE
#define HOLD_K_LOAD	EACH8(K_LOAD)
#define HOLD_K_STORE	EACH8(K_STORE)
HOLD(hold_zmm, EACH32, ZMM_LOAD, ZMM_STORE)

static void *vec_thread(void *unused)
{
	void (*hold)(const void *, void *, const void *, void *, const void *, void *);

	(void)unused;
	hold = vec_bytes == 64 ? hold_zmm : vec_bytes == 32 ? hold_avx : hold_sse;
	hold(vec_want, vec_got, mmx_want, mmx_got, mask_want, mask_got);
	return NULL;
}

static void vec_setup(void)
{
	uint64_t have = xcr0();
	int i;

	vec_bytes = (have & 0xe6) == 0xe6 ? 64 : (have & 6) == 6 ? 32 : 16;
	nr_vecs = vec_bytes == 64 ? 32 : 16;
	prog_fill(vec_want, sizeof(vec_want), 12);
	prog_fill(mmx_want, sizeof(mmx_want), 13);
	for (i = 0; i < 8; i++)
		mask_want[i] = 0x8001 + 0x111 * i;
	spawn(vec_thread);
}

static void vec_verify(void)
{
	int i;

	for (i = 0; i < nr_vecs; i++)
		check(!memcmp(vec_want[i], vec_got[i], vec_bytes),
		      "vector register %d of %d bytes: changed", i, vec_bytes);
	for (i = 0; i < 8; i++)
		check(mmx_want[i] == mmx_got[i], "mm%d: 0x%llx became 0x%llx", i,
		      (unsigned long long)mmx_want[i], (unsigned long long)mmx_got[i]);
	for (i = 0; i < 8 && vec_bytes == 64; i++)
		check(mask_want[i] == mask_got[i], "k%d: 0x%llx became 0x%llx", i,
		      (unsigned long long)mask_want[i], (unsigned long long)mask_got[i]);
}

/* ---- x87 with a full stack, control words of both units, PKRU ---- */

static uint64_t x87_want[8], x87_got[8];
static uint16_t cw_got;
static uint32_t mxcsr_got, pkru_got, pkru_want;
static bool have_pkru;
#define CW_WANT		0x0e7f	/* round to zero, 53 bits */
#define MXCSR_WANT	0xbf80	/* flush to zero, round up */

static void *x87_thread(void *unused)
{
	uint16_t cw = CW_WANT;
	uint32_t mxcsr = MXCSR_WANT, d;
	uint16_t old_cw;
	uint32_t old_mxcsr;

	(void)unused;
	if (have_pkru)
		asm volatile("wrpkru" : : "a"(pkru_want), "c"(0), "d"(0) : "memory");
	asm volatile("fnstcw %[old_cw]\n\t"
		     "stmxcsr %[old_mxcsr]\n\t"
		     "fldcw %[cw]\n\t"
		     "ldmxcsr %[mxcsr]\n\t"
		     "fildll 0(%[want])\n\t" "fildll 8(%[want])\n\t"
		     "fildll 16(%[want])\n\t" "fildll 24(%[want])\n\t"
		     "fildll 32(%[want])\n\t" "fildll 40(%[want])\n\t"
		     "fildll 48(%[want])\n\t" "fildll 56(%[want])\n\t"
		     SPIN
		     "fistpll 56(%[got])\n\t" "fistpll 48(%[got])\n\t"
		     "fistpll 40(%[got])\n\t" "fistpll 32(%[got])\n\t"
		     "fistpll 24(%[got])\n\t" "fistpll 16(%[got])\n\t"
		     "fistpll 8(%[got])\n\t" "fistpll 0(%[got])\n\t"
		     "fnstcw %[cw_got]\n\t"
		     "stmxcsr %[mxcsr_got]\n\t"
		     "fldcw %[old_cw]\n\t"
		     "ldmxcsr %[old_mxcsr]\n\t"
		     : [cw_got] "=m"(cw_got), [mxcsr_got] "=m"(mxcsr_got),
		       [old_cw] "=m"(old_cw), [old_mxcsr] "=m"(old_mxcsr)
		     : [cw] "m"(cw), [mxcsr] "m"(mxcsr), [want] "r"(x87_want), [got] "r"(x87_got)
		     : "memory", "cc");
	if (have_pkru)
		asm volatile("rdpkru" : "=a"(pkru_got), "=d"(d) : "c"(0));
	return NULL;
}

static void x87_setup(void)
{
	uint32_t a, b, c, d;
	int i;

	have_pkru = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & (1 << 4));
	pkru_want = 0x00c55554;	/* no access to keys 1 to 11 in some form; key 0 is free */
	for (i = 0; i < 8; i++)
		x87_want[i] = 0x123456789abcdll * (i + 1);
	spawn(x87_thread);
}

static void x87_verify(void)
{
	int i;

	for (i = 0; i < 8; i++)
		check(x87_want[i] == x87_got[i], "st%d: 0x%llx became 0x%llx", i,
		      (unsigned long long)x87_want[i], (unsigned long long)x87_got[i]);
	check(cw_got == CW_WANT, "FPU control word: 0x%x", cw_got);
	check((mxcsr_got & ~0x3f) == MXCSR_WANT, "MXCSR: 0x%x", mxcsr_got);
	check(!have_pkru || pkru_got == pkru_want, "PKRU: 0x%x", pkru_got);
}

/* ---- registers over a system call that is interrupted ---- */

static uint64_t call_want[16], call_got[16];
static volatile uint64_t calls;
static uint64_t call_failed;
static long call_ret;

/*
 * nanosleep() of 50 ms, over and over. The kernel may change rax, rcx and r11
 * only; rdi and rsi are arguments.
 */
static void *call_thread(void *unused)
{
	struct timespec ts = { 0, 50 * 1000000l };
	const void *want;
	void *got;
	long ret;

	(void)unused;
	while (!stop && !call_failed) {
		want = call_want;
		got = call_got;
		asm volatile("push %%rbp\n\t"
			     "push %%rbx\n\t"
			     "push %[got]\n\t"
			     "movups 0(%[want]), %%xmm9\n\t"
			     "mov 8(%[want]), %%rbx\n\t"
			     "mov 24(%[want]), %%rdx\n\t"
			     "mov 48(%[want]), %%rbp\n\t"
			     "mov 64(%[want]), %%r8\n\t"
			     "mov 72(%[want]), %%r9\n\t"
			     "mov 80(%[want]), %%r10\n\t"
			     "mov 96(%[want]), %%r12\n\t"
			     "mov 104(%[want]), %%r13\n\t"
			     "mov 112(%[want]), %%r14\n\t"
			     "mov 120(%[want]), %%r15\n\t"
			     "xor %%esi, %%esi\n\t"
			     "mov $35, %%eax\n\t"	/* nanosleep */
			     "syscall\n\t"
			     "mov (%%rsp), %%rcx\n\t"
			     "movups %%xmm9, 0(%%rcx)\n\t"
			     "mov %%rsi, 32(%%rcx)\n\t"
			     "mov %%rdi, 40(%%rcx)\n\t"
			     "mov %%rbx, 16(%%rcx)\n\t"
			     "mov %%rdx, 24(%%rcx)\n\t"
			     "mov %%rbp, 48(%%rcx)\n\t"
			     "mov %%r8, 64(%%rcx)\n\t"
			     "mov %%r9, 72(%%rcx)\n\t"
			     "mov %%r10, 80(%%rcx)\n\t"
			     "mov %%r12, 96(%%rcx)\n\t"
			     "mov %%r13, 104(%%rcx)\n\t"
			     "mov %%r14, 112(%%rcx)\n\t"
			     "mov %%r15, 120(%%rcx)\n\t"
			     "pop %%rcx\n\t"
			     "pop %%rbx\n\t"
			     "pop %%rbp\n\t"
			     : "=a"(ret), [want] "+S"(want), [got] "+c"(got)
			     : "D"(&ts)
			     : "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
			       "r14", "r15", "xmm9", "memory", "cc");
		calls++;
		call_ret = ret;
		if (ret || call_got[2] != call_want[1] || call_got[3] != call_want[3] ||
		    call_got[4] || call_got[5] != (uintptr_t)&ts ||
		    call_got[6] != call_want[6] ||
		    memcmp(call_got + 8, call_want + 8, 24) ||
		    memcmp(call_got + 12, call_want + 12, 32) ||
		    memcmp(call_got, call_want, 16))
			call_failed = calls;
	}
	return NULL;
}

static void call_setup(void)
{
	prog_fill(call_want, sizeof(call_want), 14);
	call_want[2] = call_want[1];
	spawn(call_thread);
	/* it may not have begun when it is told to stop */
	while (!calls)
		prog_sleep_ms(PROG_POLL_MS);
}

/* ---- bases of fs (thread-local storage) and gs ---- */

static __thread uint64_t tls = 77;
static uint64_t gs_area[4] = { 0x1111, 0x2222, 0x3333, 0x4444 };

static void bases_setup(void)
{
	tls = 0xabcdef;
	must(syscall(SYS_arch_prctl, ARCH_SET_GS, gs_area));
}

static void bases_verify(void)
{
	uint64_t value = 0, base = 0;
	unsigned int cs, ds, es, ss;

	check(tls == 0xabcdef, "thread-local variable: 0x%llx", (unsigned long long)tls);
	must(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	check(base == (uintptr_t)gs_area, "gs base: 0x%llx", (unsigned long long)base);
	asm volatile("movq %%gs:16, %0" : "=r"(value));
	check(value == 0x3333, "%%gs:16: 0x%llx", (unsigned long long)value);
	asm volatile("mov %%cs, %0\n\tmov %%ds, %1\n\tmov %%es, %2\n\tmov %%ss, %3"
		     : "=r"(cs), "=r"(ds), "=r"(es), "=r"(ss));
	check(cs == 0x33 && ss == 0x2b && !ds && !es,
	      "selectors: cs 0x%x ss 0x%x ds 0x%x es 0x%x", cs, ss, ds, es);
}

/* ---- */

static void join(void)
{
	int i;

	stop = 1;
	for (i = 0; i < nr_threads; i++)
		must0(pthread_join(thread[i], NULL));
	nr_threads = 0;
}

static void gpr_verify(void)
{
	int i;

	join();
	for (i = 0; i < 16; i++)
		check(gpr_want[i] == gpr_got[i], "register %d: 0x%llx became 0x%llx", i,
		      (unsigned long long)gpr_want[i], (unsigned long long)gpr_got[i]);
}

static void flags_verify(void)
{
	join();
	check((flags_got & FLAGS_MASK) == FLAGS_WANT, "rflags: 0x%llx instead of 0x%lx",
	      (unsigned long long)flags_got, FLAGS_WANT);
}

static void join_vec_verify(void)
{
	join();
	vec_verify();
}

static void join_x87_verify(void)
{
	join();
	x87_verify();
}

static void call_verify(void)
{
	join();
	check(!call_failed, "call %llu of nanosleep returned %ld and changed registers",
	      (unsigned long long)call_failed, call_ret);
	check(calls, "no call returned");
}

static const struct prog_case cases[] = {
	{ "bases", bases_setup, bases_verify, false },
	{ "gpr", gpr_setup, gpr_verify, false },
	{ "flags", flags_setup, flags_verify, false },
	{ "vectors", vec_setup, join_vec_verify, false },
	{ "x87", x87_setup, join_x87_verify, false },
	{ "call", call_setup, call_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
