// SPDX-License-Identifier: GPL-2.0
/*
 * Memory protection keys: which are allocated, which mapping has which, also one
 * that was freed, memory that may only be executed, what a thread may do with
 * them. Case alone: keys of a process that has none but the kernel's own. On a
 * machine without them there is nothing to hold.
 */
#include "prog.h"
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define SIZE	65536
#define KEYS	16

static int read_only, hidden, freed;
static void *common, *of_read_only, *of_hidden, *of_freed, *code;

static bool have_keys(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & (1 << 4));	/* OSPKE */
}

static sigjmp_buf fault_jump;
static int fault_code, fault_key;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_code = info->si_code;
	fault_key = info->si_pkey;
	siglongjmp(fault_jump, 1);
}

static void *map(int prot, int key, uint64_t seed)
{
	void *mem = must(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0));

	prog_fill(mem, SIZE, seed);
	if (key >= 0)
		must(pkey_mprotect(mem, SIZE, prot, key));
	return mem;
}

/* ret, in memory that may only be executed: the kernel takes a key for it */
static void code_setup(void)
{
	code = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	*(unsigned char *)code = 0xc3;
	must(mprotect(code, 4096, PROT_EXEC));
}

static void set_handler(void)
{
	struct sigaction sa = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };

	must(sigaction(SIGSEGV, &sa, NULL));
}

static void keys_setup(void)
{
	if (!have_keys())
		return;
	set_handler();
	common = map(0, -1, 1);
	read_only = must(pkey_alloc(0, PKEY_DISABLE_WRITE));
	hidden = must(pkey_alloc(0, PKEY_DISABLE_ACCESS));
	freed = must(pkey_alloc(0, 0));
	of_read_only = map(PROT_READ | PROT_WRITE, read_only, 2);
	of_hidden = map(PROT_READ, hidden, 3);
	of_freed = map(PROT_READ | PROT_WRITE, freed, 4);
	must(pkey_free(freed));
	/* takes the number that was freed */
	code_setup();
}

/* Does this touch the key? */
static void fault_verify(volatile char *mem, bool write, int key, const char *what)
{
	char c = 0;

	fault_code = 0;
	if (!sigsetjmp(fault_jump, 1)) {
		if (write)
			*mem = c;
		else
			c = *mem;
	}
	check(fault_code == SEGV_PKUERR && fault_key == key, "%s: code %d, key %d, not %d", what,
	      fault_code, fault_key, key);
}

static int key_of(const void *mem)
{
	char line[512], start[32];
	int key = -1;
	bool here = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	check(f, "smaps");
	snprintf(start, sizeof(start), "%lx-", (unsigned long)mem);
	while (key < 0 && fgets(line, sizeof(line), f)) {
		here = here || !strncmp(line, start, strlen(start));
		if (here)
			sscanf(line, "ProtectionKey: %d", &key);
	}
	fclose(f);
	return key;
}

static void code_verify(int key)
{
	((void (*)(void))code)();
	check(key_of(code) == key, "code: key %d, not %d", key_of(code), key);
	fault_verify(code, false, key, "code");
}

/* All that are left can be allocated, and no more */
static void left_verify(int left)
{
	int n = 0;

	while (pkey_alloc(0, 0) >= 0)
		n++;
	check(errno == ENOSPC && n == left, "%d keys are left, not %d", n, left);
}

static void keys_verify(void)
{
	if (!have_keys())
		return;
	check(key_of(common) == 0, "key %d where there was none", key_of(common));
	check(key_of(of_read_only) == read_only && key_of(of_hidden) == hidden,
	      "keys %d and %d", key_of(of_read_only), key_of(of_hidden));
	check(key_of(of_freed) == freed, "key %d, not %d which was freed", key_of(of_freed), freed);
	check(pkey_get(read_only) == PKEY_DISABLE_WRITE && pkey_get(hidden) == PKEY_DISABLE_ACCESS,
	      "rights of the thread");
	prog_check_fill(common, SIZE, 1, "without a key");
	prog_check_fill(of_read_only, SIZE, 2, "to be read only");
	fault_verify(of_read_only, true, read_only, "writing");
	fault_verify(of_hidden, false, hidden, "reading");
	must(pkey_set(hidden, 0));
	prog_check_fill(of_hidden, SIZE, 3, "hidden");
	code_verify(freed);
	/* 0, two of ours, the kernel's */
	left_verify(KEYS - 4);
}

static void alone_setup(void)
{
	if (!have_keys())
		return;
	set_handler();
	code_setup();
}

static void alone_verify(void)
{
	if (!have_keys())
		return;
	code_verify(1);
	left_verify(KEYS - 2);
}

static const struct prog_case cases[] = {
	{ "keys", keys_setup, keys_verify, false },
	{ "alone", alone_setup, alone_verify, true },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
