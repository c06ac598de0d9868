// SPDX-License-Identifier: GPL-2.0
/*
 * The vdso: time read without a system call goes on, agrees with the kernel's,
 * and does not go backwards, also for a thread that does nothing else; a process
 * that was stopped at the second instruction of a function of it. Case machine:
 * the same, but for what another machine has another time of.
 */
#include "prog.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>

static volatile bool stop;
static pthread_t thread[2];
static volatile uint64_t rounds[2];
static uint64_t start_mono, start_boot;

static uint64_t real_call(clockid_t clock)
{
	struct timespec ts;

	must(syscall(SYS_clock_gettime, clock, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* The vdso's time lies between two of the kernel's */
static void compare(clockid_t clock)
{
	uint64_t a = real_call(clock), b = prog_now(clock), c = real_call(clock);

	check(a <= b && b <= c, "clock %d: vdso says %llu, the kernel %llu and %llu", (int)clock,
	      (unsigned long long)b, (unsigned long long)a, (unsigned long long)c);
}

static void *spin(void *arg)
{
	int n = (intptr_t)arg;
	uint64_t last = 0, now;
	unsigned int cpu;

	while (!stop) {
		now = prog_now(n ? CLOCK_BOOTTIME : CLOCK_MONOTONIC);
		check(now >= last, "time went back from %llu to %llu",
		      (unsigned long long)last, (unsigned long long)now);
		last = now;
		must(getcpu(&cpu, NULL));
		if (!(++rounds[n] % 1024))
			compare(CLOCK_REALTIME);
	}
	return NULL;
}

/* The address that the auxiliary vector gives holds an ELF header */
static void check_elf(void)
{
	const char *elf = (const char *)getauxval(AT_SYSINFO_EHDR);

	check(elf, "there is no vdso");
	check(!memcmp(elf, ELFMAG, SELFMAG), "there is no ELF header at %p", elf);
}

static void compare_all(void)
{
	int n;

	for (n = 0; n < 100; n++) {
		compare(CLOCK_REALTIME);
		compare(CLOCK_MONOTONIC);
		compare(CLOCK_BOOTTIME);
		compare(CLOCK_TAI);
		compare(CLOCK_REALTIME_COARSE);
		compare(CLOCK_MONOTONIC_COARSE);
	}
	/* that of the last tick, which may be late; and anything may come between the two */
	for (n = 0; labs(time(NULL) - (long)(real_call(CLOCK_REALTIME) / 1000000000)) > 1; n++) {
		check(n < PROG_POLLS, "time()");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void time_setup(void)
{
	intptr_t n;

	check_elf();
	start_mono = prog_now(CLOCK_MONOTONIC);
	start_boot = prog_now(CLOCK_BOOTTIME);
	for (n = 0; n < 2; n++)
		must0(pthread_create(&thread[n], NULL, spin, (void *)n));
	/* they may not have begun when they are told to stop */
	for (n = 0; n < 2; n++)
		while (!rounds[n])
			prog_sleep_ms(PROG_POLL_MS);
}

static void time_verify(void)
{
	int n;

	check_elf();
	check(prog_now(CLOCK_MONOTONIC) > start_mono, "CLOCK_MONOTONIC went back");
	check(prog_now(CLOCK_BOOTTIME) > start_boot, "CLOCK_BOOTTIME went back");
	compare_all();
	stop = true;
	for (n = 0; n < 2; n++) {
		must0(pthread_join(thread[n], NULL));
		check(rounds[n], "a thread did not run");
	}
}

/* ---- stopped where another kernel's vdso begins with a jump ---- */

#define JUMP_SIZE	5

static pid_t inside;
static struct timespec inside_time;

static void inside_child(void)
{
	must(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	must(raise(SIGSTOP));
	for (;;)
		pause();
}

/* Where the function returns to */
static void inside_returned(void)
{
	_exit(inside_time.tv_sec > 1600000000 ? 7 : 8);
}

static void inside_wait(int sig)
{
	int status;

	check(waitpid(inside, &status, WUNTRACED) == inside && WIFSTOPPED(status) &&
	      WSTOPSIG(status) == sig, "status 0x%x instead of a stop by %d", status, sig);
}

/* Let it have called the function and executed one instruction: how many bytes are these? */
static unsigned long inside_step(const char *name)
{
	unsigned long entry = (unsigned long)dlvsym(dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD),
						    name, "LINUX_2.6");
	struct user_regs_struct regs;

	check(entry, "no %s: %s", name, dlerror());
	must(ptrace(PTRACE_GETREGS, inside, NULL, &regs));
	regs.rip = entry;
	regs.orig_rax = -1;
	regs.rdi = strstr(name, "clock") ? CLOCK_REALTIME : (unsigned long)&inside_time;
	regs.rsi = strstr(name, "clock") ? (unsigned long)&inside_time : 0;
	/* below what the call was made with, and aligned as behind a call */
	regs.rsp = ((regs.rsp - 4096) & ~15ul) - 8;
	must(ptrace(PTRACE_POKEDATA, inside, regs.rsp, inside_returned));
	must(ptrace(PTRACE_SETREGS, inside, NULL, &regs));
	must(ptrace(PTRACE_SINGLESTEP, inside, NULL, NULL));
	inside_wait(SIGTRAP);
	must(ptrace(PTRACE_GETREGS, inside, NULL, &regs));
	return regs.rip - entry;
}

static void inside_setup(void)
{
	static const char *const names[] = {
		"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time",
	};
	unsigned long len = 0;
	size_t i;

	inside = prog_fork(inside_child);
	inside_wait(SIGSTOP);
	for (i = 0; i < sizeof(names) / sizeof(*names) && (!len || len >= JUMP_SIZE); i++)
		len = inside_step(names[i]);
	check(len && len < JUMP_SIZE, "no function begins with a short instruction");
	must(ptrace(PTRACE_DETACH, inside, NULL, SIGSTOP));
	inside_wait(SIGSTOP);
}

static void inside_verify(void)
{
	must(kill(inside, SIGCONT));
	prog_reap(inside, 7 << 8);
}

/* ---- on another machine ---- */

static void *spin_anywhere(void *arg)
{
	int n = (intptr_t)arg;
	unsigned int cpu;

	while (!stop) {
		compare(n ? CLOCK_REALTIME : CLOCK_REALTIME_COARSE);
		must(getcpu(&cpu, NULL));
		++rounds[n];
	}
	return NULL;
}

static void machine_setup(void)
{
	intptr_t n;

	check_elf();
	for (n = 0; n < 2; n++)
		must0(pthread_create(&thread[n], NULL, spin_anywhere, (void *)n));
}

static void machine_verify(void)
{
	uint64_t before[2] = { rounds[0], rounds[1] };
	struct timespec res[2];
	struct timeval tv;
	uint64_t now;
	int n;

	check_elf();
	for (n = 0; n < 2; n++)
		while (rounds[n] < before[n] + 10)
			prog_sleep_ms(PROG_POLL_MS);
	stop = true;
	for (n = 0; n < 2; n++)
		must0(pthread_join(thread[n], NULL));
	compare_all();
	now = real_call(CLOCK_REALTIME);
	must(gettimeofday(&tv, NULL));
	check(tv.tv_sec * 1000000000ull + (tv.tv_usec + 1) * 1000ull > now &&
	      tv.tv_sec * 1000000000ull + tv.tv_usec * 1000ull <= real_call(CLOCK_REALTIME),
	      "gettimeofday()");
	/* a coarse clock that stands still would agree with itself */
	now = prog_now(CLOCK_MONOTONIC_COARSE);
	while (prog_now(CLOCK_MONOTONIC_COARSE) == now)
		;
	must(clock_getres(CLOCK_MONOTONIC, &res[0]));
	must(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &res[1]));
	check(res[0].tv_nsec == res[1].tv_nsec, "clock_getres()");
}

static const struct prog_case cases[] = {
	{ "inside", inside_setup, inside_verify, false },
	{ "time", time_setup, time_verify, false },
	{ "machine", machine_setup, machine_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
