// SPDX-License-Identifier: GPL-2.0
/*
 * Limits and attributes of processes and threads: rlimits, scheduling, names,
 * personality, timer slack, and bits set by prctl(). What one cannot save must
 * be refused: a program whose attributes changed without a word fails here.
 */
#include "prog.h"
#include <linux/ioprio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- rlimits ---- */

#define NR_LIMITS 16
static struct rlimit limits[NR_LIMITS];

static void set_limit(int which, rlim_t cur, rlim_t max)
{
	struct rlimit r = { cur, max };

	must(setrlimit(which, &r));
}

static void rlimits_setup(void)
{
	int i;

	set_limit(RLIMIT_NOFILE, 777, 1000);
	set_limit(RLIMIT_CORE, 4096, 8192);
	set_limit(RLIMIT_CPU, 10000, 20000);
	set_limit(RLIMIT_FSIZE, 1l << 40, RLIM_INFINITY);
	set_limit(RLIMIT_SIGPENDING, 1234, 2000);
	for (i = 0; i < NR_LIMITS; i++)
		must(getrlimit(i, &limits[i]));
}

static void rlimits_verify(void)
{
	struct rlimit now;
	int i;

	for (i = 0; i < NR_LIMITS; i++) {
		must(getrlimit(i, &now));
		check(now.rlim_cur == limits[i].rlim_cur && now.rlim_max == limits[i].rlim_max,
		      "limit %d: %llu, %llu became %llu, %llu", i,
		      (unsigned long long)limits[i].rlim_cur,
		      (unsigned long long)limits[i].rlim_max,
		      (unsigned long long)now.rlim_cur, (unsigned long long)now.rlim_max);
	}
}

/* ---- the limit of CPU time is one ---- */

static pid_t cpu_pid;
static volatile bool cpu_over;

static void on_xcpu(int sig)
{
	(void)sig;
	cpu_over = true;
}

static void cpu_child(void)
{
	signal(SIGXCPU, on_xcpu);
	set_limit(RLIMIT_CPU, 1, 100);
	prog_touch("up.cpu");
	prog_wait();
	/* when the machine itself does not run, it counts as well: seconds at once */
	while (!cpu_over)
		check(clock() < 60 * CLOCKS_PER_SEC, "60 s of CPU time instead of 1");
}

static void cpu_setup(void)
{
	cpu_pid = prog_fork(cpu_child);
	prog_await("up.cpu");
}

static void cpu_verify(void)
{
	prog_reap(cpu_pid, 0);
}

/* ---- what threads have of their own: each sets something else ---- */

struct attributes {
	char comm[16];
	int nice, policy, priority, ioprio, slack, personality;
};

static volatile bool stop;
static volatile int up;

static void read_attributes(struct attributes *a)
{
	struct sched_param param;

	memset(a, 0, sizeof(*a));
	must(prctl(PR_GET_NAME, a->comm));
	errno = 0;
	a->nice = getpriority(PRIO_PROCESS, 0);
	check(!errno, "getpriority: %s", strerror(errno));
	a->policy = must(sched_getscheduler(0));
	must(sched_getparam(0, &param));
	a->priority = param.sched_priority;
	a->ioprio = must(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
	a->slack = must(prctl(PR_GET_TIMERSLACK));
	a->personality = must(personality(0xffffffff));
}

static void compare(const struct attributes *a, const struct attributes *b)
{
	check(!strcmp(a->comm, b->comm), "name: %s became %s", a->comm, b->comm);
	check(a->nice == b->nice, "%s: nice %d became %d", a->comm, a->nice, b->nice);
	check(a->policy == b->policy && a->priority == b->priority,
	      "%s: policy 0x%x priority %d became 0x%x, %d", a->comm, a->policy, a->priority,
	      b->policy, b->priority);
	check(a->ioprio == b->ioprio, "%s: io priority 0x%x became 0x%x", a->comm, a->ioprio,
	      b->ioprio);
	check(a->slack == b->slack, "%s: timer slack %d became %d", a->comm, a->slack, b->slack);
	check(a->personality == b->personality, "%s: personality 0x%x became 0x%x", a->comm,
	      a->personality, b->personality);
}

static void set_policy(int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	must(sched_setscheduler(0, policy, &param));
}

static void set_ioprio(int class, int level)
{
	must(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(class, level)));
}

static void be_nice(void)
{
	must(setpriority(PRIO_PROCESS, 0, 7));
	must(prctl(PR_SET_TIMERSLACK, 123456));
}

static void be_batch(void)
{
	set_policy(SCHED_BATCH, 0);
	must(setpriority(PRIO_PROCESS, 0, 3));
	set_ioprio(IOPRIO_CLASS_BE, 6);
}

static void be_idle(void)
{
	set_policy(SCHED_IDLE, 0);
	set_ioprio(IOPRIO_CLASS_IDLE, 0);
}

static void be_fifo(void)
{
	if (!geteuid())
		set_policy(SCHED_FIFO | SCHED_RESET_ON_FORK, 5);
	must(personality(ADDR_NO_RANDOMIZE));
}

static void be_round_robin(void)
{
	if (!geteuid())
		set_policy(SCHED_RR, 9);
}

static void be_urgent(void)
{
	if (!geteuid())
		must(setpriority(PRIO_PROCESS, 0, -11));
}

static void (*const be[])(void) = {
	be_nice, be_batch, be_idle, be_fifo, be_round_robin, be_urgent,
};

#define NR_BE	(sizeof(be) / sizeof(be[0]))
static pthread_t thread[NR_BE];
static struct attributes main_attributes;

static void *thread_main(void *arg)
{
	struct attributes before, now;
	size_t i = (uintptr_t)arg;
	char name[16];

	snprintf(name, sizeof(name), "a (b) thread %zu", i);
	must(prctl(PR_SET_NAME, name));
	be[i]();
	read_attributes(&before);
	__sync_fetch_and_add(&up, 1);
	while (!stop)
		prog_sleep_ms(PROG_POLL_MS);
	read_attributes(&now);
	compare(&before, &now);
	return NULL;
}

static void threads_setup(void)
{
	size_t i;

	must(prctl(PR_SET_NAME, "main of limits"));
	read_attributes(&main_attributes);
	for (i = 0; i < NR_BE; i++)
		must0(pthread_create(&thread[i], NULL, thread_main, (void *)i));
	for (i = 0; up != NR_BE; i++) {
		check(i < PROG_POLLS, "threads do not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void threads_verify(void)
{
	struct attributes now;
	char comm[32];
	size_t i;

	read_attributes(&now);
	compare(&main_attributes, &now);
	prog_read("/proc/self/comm", comm, sizeof(comm));
	check(!strcmp(comm, "main of limits\n"), "/proc/self/comm: %s", comm);
	stop = true;
	for (i = 0; i < NR_BE; i++)
		must0(pthread_join(thread[i], NULL));
}

/* ---- of the process: oom score, huge pages, death of the parent ---- */

static pid_t orphan_pid;

static void parent_death_child(void)
{
	int sig;

	must(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	prog_touch("up.pdeath");
	prog_wait();
	must(prctl(PR_GET_PDEATHSIG, &sig));
	check(sig == SIGUSR2, "signal at the parent's death: %d", sig);
}

static void process_setup(void)
{
	int fd = must(open("/proc/self/oom_score_adj", O_WRONLY));

	must(write(fd, "333", 3));
	must(close(fd));
	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	orphan_pid = prog_fork(parent_death_child);
	prog_await("up.pdeath");
}

static void process_verify(void)
{
	check(prog_field("/proc/self/oom_score_adj", "", 10) == 333, "oom_score_adj");
	check(must(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)) == 1, "PR_SET_THP_DISABLE");
	check(must(prctl(PR_GET_DUMPABLE)) == 1, "PR_SET_DUMPABLE");
	prog_reap(orphan_pid, 0);
}

/* ---- the CPUs that a thread may run on ---- */

static void affinity_setup(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	must(sched_setaffinity(0, sizeof(set), &set));
}

static void affinity_verify(void)
{
	cpu_set_t set;

	must(sched_getaffinity(0, sizeof(set), &set));
	check(CPU_COUNT(&set) == 1 && CPU_ISSET(0, &set), "may run on %d CPUs", CPU_COUNT(&set));
}

/* ---- bits of prctl() ---- */

#define SECBIT_NO_SETUID_FIXUP	0x4
#define SECBIT_KEEP_CAPS	0x10

static bool flusher;

static void bits_setup(void)
{
	must(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	must(prctl(PR_SET_KEEPCAPS, 1));
	must(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	flusher = !prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	check(flusher || errno == EPERM, "PR_SET_IO_FLUSHER: %s", strerror(errno));
}

static void bits_verify(void)
{
	check(must(prctl(PR_GET_SECUREBITS)) == (SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS),
	      "PR_SET_SECUREBITS, PR_SET_KEEPCAPS: 0x%x", prctl(PR_GET_SECUREBITS));
	check(must(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)) == PR_MCE_KILL_EARLY, "PR_MCE_KILL");
	check(!flusher || must(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0)) == 1, "PR_SET_IO_FLUSHER");
	/* they are still free to be changed */
	must(prctl(PR_SET_KEEPCAPS, 0));
	check(!flusher || !prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0), "PR_SET_IO_FLUSHER: off");
}

/* Without the time stamp counter clocks may not be read: in a thread that reads none */
static pthread_t own;
static volatile bool own_up, own_go;
static int own_tsc, own_nnp;

static void *own_bits(void *unused)
{
	struct timespec ts = { 0, 10000000 };

	(void)unused;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	own_up = true;
	while (!own_go)
		nanosleep(&ts, NULL);
	must(prctl(PR_GET_TSC, &own_tsc));
	own_nnp = must(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return NULL;
}

static void own_setup(void)
{
	must0(pthread_create(&own, NULL, own_bits, NULL));
	while (!own_up)
		prog_sleep_ms(PROG_POLL_MS);
}

static void own_verify(void)
{
	int mode;

	own_go = true;
	must0(pthread_join(own, NULL));
	check(own_tsc == PR_TSC_SIGSEGV, "PR_SET_TSC of a thread");
	check(own_nnp == 1, "no_new_privs of a thread");
	must(prctl(PR_GET_TSC, &mode));
	check(mode == PR_TSC_ENABLE, "PR_SET_TSC: another thread's");
	check(!must(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)), "no_new_privs: another thread's");
}

static const struct prog_case cases[] = {
	{ "rlimits", rlimits_setup, rlimits_verify, false },
	{ "cpu", cpu_setup, cpu_verify, false },
	{ "threads", threads_setup, threads_verify, false },
	{ "process", process_setup, process_verify, false },
	{ "affinity", affinity_setup, affinity_verify, false },
	{ "bits", bits_setup, bits_verify, false },
	{ "own", own_setup, own_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	return prog_main(argc, argv, cases);
}
