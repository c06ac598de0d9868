// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that hold something which cannot be saved yet: "refused DIR KIND".
 * A save must name it and leave the program as it is: after DIR/go it checks
 * that what it holds still works. Exits with 77 if the kernel has no such thing.
 */
#include "refused.h"
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>

/* ---- descriptors of the kernel's own making ---- */

/* Added by another process, whose signals it watches for */
static void epoll_signalfd_setup(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 7 } };
	sigset_t set;
	int sfd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sfd = must(signalfd(-1, &set, 0));
	fd = must(epoll_create1(0));
	child = must(fork());
	if (!child)
		_exit(epoll_ctl(fd, EPOLL_CTL_ADD, sfd, &ev) ? 1 : 0);
	prog_reap(child, 0);
}

/* The clock goes on as it was, more or less */
static void timerfd_canceled_setup(void)
{
	struct itimerspec its = { .it_value.tv_sec = 4000000000 };
	struct timespec now;

	fd = must(timerfd_create(CLOCK_REALTIME, 0));
	must(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL));
	must(clock_gettime(CLOCK_REALTIME, &now));
	must(clock_settime(CLOCK_REALTIME, &now));
}

static void timerfd_canceled_verify(void)
{
	uint64_t n;

	check(read(fd, &n, sizeof(n)) == -1 && errno == ECANCELED, "timerfd: %s", strerror(errno));
}

static void inotify_setup(void)
{
	/* a file that has lost its name, and that nobody has open below it */
	fd = must(inotify_init1(IN_NONBLOCK));
	fd2 = new_file("gone");
	must(inotify_add_watch(fd, prog_path("gone"), IN_MODIFY));
	must(unlink(prog_path("gone")));
}

static void inotify_verify(void)
{
	must(write(fd2, "x", 1));
	check(readable(fd), "inotify: no event");
}

static void fanotify_setup(void)
{
	fd = have(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY));
}

static void memfd_huge_setup(void)
{
	fd = have(memfd_create("test", MFD_HUGETLB));
}

static void content_map_verify(void)
{
	check(!memcmp(mem, "hello", 5), "mapping");
}

static void waiter(void)
{
	prog_wait();
	_exit(5);
}

static void pidfd_setup(void)
{
	fd = must(syscall(SYS_pidfd_open, getppid(), 0));
}

static void pidfd_verify(void)
{
	must(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
}

/* Said when the job stands still */
static void epoll_pidfd_setup(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 7 } };

	child = prog_fork(waiter);
	fd2 = must(syscall(SYS_pidfd_open, child, 0));
	fd = must(epoll_create1(0));
	must(epoll_ctl(fd, EPOLL_CTL_ADD, fd2, &ev));
}

static void epoll_pidfd_verify(void)
{
	struct epoll_event ev;

	check(must(epoll_wait(fd, &ev, 1, -1)) == 1 && ev.data.u64 == 7, "epoll of a pidfd");
	prog_reap(child, 5 << 8);
}

static void userfaultfd_setup(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	fd = have(syscall(SYS_userfaultfd, O_CLOEXEC));
	must(ioctl(fd, UFFDIO_API, &api));
}

static void iouring_setup(void)
{
	char params[120] = "";

	fd = have(syscall(SYS_io_uring_setup, 4, params));
}

static void bpf_setup(void)
{
	struct {
		uint32_t type, key_size, value_size, max_entries;
		char rest[112];
	} attr = { 2, 4, 8, 1, "" };	/* an array */

	fd = have(syscall(SYS_bpf, 0, &attr, sizeof(attr)));
}

static void perf_setup(void)
{
	struct {
		uint32_t type, size;
		uint64_t config;
		char rest[112];
	} attr = { 1, sizeof(attr), 0, "" };	/* software, CPU clock */

	fd = have(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static void opath_setup(void)
{
	fd = must(open("/proc/self/status", O_PATH));
}

static void opath_verify(void)
{
	struct stat st;

	must(fstat(fd, &st));
}

static void fifo_setup(void)
{
	must(mkfifo(prog_path("fifo"), 0600));
	fd = must(open(prog_path("fifo"), O_RDWR));
	must(write(fd, "x", 1));
	must(unlink(prog_path("fifo")));
}

/* ---- sockets ---- */

static int tcp_listen(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int s = must(socket(AF_INET, SOCK_STREAM, 0));

	*addr = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	must(bind(s, (struct sockaddr *)addr, len));
	must(listen(s, 5));
	must(getsockname(s, (struct sockaddr *)addr, &len));
	return s;
}

static void tcp_setup(void)
{
	struct sockaddr_in addr;
	int s = tcp_listen(&addr);

	fd = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	fd2 = must(accept(s, NULL, NULL));
	must(write(fd2, "x", 1));
}

static void listen_setup(void)
{
	struct sockaddr_in addr;

	fd = tcp_listen(&addr);
	fd2 = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(fd2, (struct sockaddr *)&addr, sizeof(addr)));
}

static void udp_setup(void)
{
	fd = must(socket(AF_INET, SOCK_DGRAM, 0));
}

static void netlink_setup(void)
{
	fd = must(socket(AF_NETLINK, SOCK_RAW, 0));
}

/* ---- files ---- */

static void unlinked_setup(void)
{
	fd = new_file("unlinked");
	must(write(fd, "hello", 5));
	must(unlink(prog_path("unlinked")));
}

static void replaced_setup(void)
{
	fd = new_file("replaced");
	must(write(fd, "hello", 5));
	must(unlink(prog_path("replaced")));
	must(close(new_file("replaced")));
}

static void unlinked_map_setup(void)
{
	fd = new_file("unlinked");
	must(write(fd, "hello", 5));
	mem = must(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
	must(close(fd));
	must(unlink(prog_path("unlinked")));
}

static void flock_setup(void)
{
	fd = new_file("lock");
	must(flock(fd, LOCK_EX));
}

static void flock_verify(void)
{
	fd2 = must(open(prog_path("lock"), O_RDWR));
	check(flock(fd2, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "flock: not held");
}

static void posix_lock(int cmd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5 };

	fd = new_file("lock");
	must(fcntl(fd, cmd, &fl));
}

static void posixlock_setup(void)
{
	posix_lock(F_SETLK);
}

static void ofdlock_setup(void)
{
	posix_lock(F_OFD_SETLK);
}

static void ofdlock_verify(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5 };

	fd2 = must(open(prog_path("lock"), O_RDWR));
	must(fcntl(fd2, F_OFD_GETLK, &fl));
	check(fl.l_type == F_WRLCK, "lock: not held");
}

/* A mapping has the open file that the lock belongs to */
static void ofdlock_mapped_setup(void)
{
	ofdlock_setup();
	must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	must(close(fd));
}

static void lease_held(void)
{
	check(fcntl(fd, F_GETLEASE) == F_WRLCK, "lease: not held");
}

static void lease_unlinked_setup(void)
{
	fd = new_file("lease");
	must(unlink(prog_path("lease")));
	must(fcntl(fd, F_SETLEASE, F_WRLCK));
}

static void lease_mapped_setup(void)
{
	fd = new_file("lease");
	must(ftruncate(fd, 4096));
	must(fcntl(fd, F_SETLEASE, F_WRLCK));
	must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	must(close(fd));
}

/* Somebody opens the file without waiting; he comes back and has it when nobody gives it up in time */
static void lease_mapped_verify(void)
{
	signal(SIGIO, SIG_IGN);
	check(open(prog_path("lease"), O_RDONLY | O_NONBLOCK) == -1 && errno == EWOULDBLOCK,
	      "lease: not held");
}

/* Was one for writing; then there was a reader, who had to wait too long */
static void lease_writer_setup(void)
{
	int i;

	signal(SIGIO, SIG_IGN);
	fd = new_file("lease");
	must(fcntl(fd, F_SETLEASE, F_WRLCK));
	for (i = 0; (fd2 = open(prog_path("lease"), O_RDONLY | O_NONBLOCK)) < 0; i++) {
		check(errno == EWOULDBLOCK && i < PROG_POLLS, "lease: %s", strerror(errno));
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void lease_writer_verify(void)
{
	check(fcntl(fd, F_GETLEASE) == F_RDLCK, "lease: not held");
}

static void dnotify_setup(void)
{
	fd = must(open(prog_dir, O_RDONLY | O_DIRECTORY));
	signal(SIGIO, SIG_IGN);
	have(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
}

/* ---- timers ---- */

static int kernel_timer(clockid_t clock, pid_t tid)
{
	struct sigevent ev = { .sigev_notify = tid ? SIGEV_THREAD_ID : SIGEV_SIGNAL,
			       .sigev_signo = SIGRTMIN };
	int t;

	ev._sigev_un._tid = tid;
	have(syscall(SYS_timer_create, clock, &ev, &t));
	return t;
}

static pid_t gone_tid;

static void *tid_of_thread(void *unused)
{
	(void)unused;
	gone_tid = syscall(SYS_gettid);
	return (void *)(long)kernel_timer(CLOCK_MONOTONIC, gone_tid);
}

static void gonetimer_setup(void)
{
	pthread_t t;
	void *ret;

	must0(pthread_create(&t, NULL, tid_of_thread, NULL));
	must0(pthread_join(t, &ret));
	id = (long)ret;
	/* who is joined is about to go, and not gone yet */
	while (!syscall(SYS_tgkill, getpid(), gone_tid, 0))
		prog_sleep_ms(PROG_POLL_MS);
}

static void othertimer_setup(void)
{
	clockid_t clock;

	must0(clock_getcpuclockid(getppid(), &clock));
	id = kernel_timer(clock, 0);
}

static pid_t sleeper_tid;

static void *sleep_on_other(void *unused)
{
	struct timespec ts = { 100000, 0 };
	clockid_t clock;

	(void)unused;
	must0(clock_getcpuclockid(getppid(), &clock));
	sleeper_tid = syscall(SYS_gettid);
	prog_fail("sleep: %s", strerror(clock_nanosleep(clock, 0, &ts, NULL)));
}

static void othersleep_setup(void)
{
	char path[64], line[256];
	pthread_t t;

	must0(pthread_create(&t, NULL, sleep_on_other, NULL));
	do {
		prog_sleep_ms(PROG_POLL_MS);
		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)sleeper_tid);
		line[0] = 0;
		if (sleeper_tid)
			prog_read(path, line, sizeof(line));
	} while (atoi(line) != SYS_clock_nanosleep);
}

static void timer_verify(void)
{
	struct itimerspec its;

	must(syscall(SYS_timer_gettime, id, &its));
}

/* ---- System V IPC ---- */

static char queue_name[64];

static void mqueue_setup(void)
{
	snprintf(queue_name, sizeof(queue_name), "/cr-test.%d", (int)getpid());
	must(mq_open(queue_name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
}

static void mqueue_verify(void)
{
	must(mq_unlink(queue_name));
}

static void sem_give(void)
{
	struct sembuf op = { 0, 1, SEM_UNDO };

	id = must(semget(IPC_PRIVATE, 1, IPC_CREAT | 0600));
	must(semop(id, &op, 1));
}

static void sem_verify(void)
{
	check(must(semctl(id, 0, GETVAL)) == 1, "semaphore");
	must(semctl(id, 0, IPC_RMID));
}

/* A child that undoes the same */
static pid_t undo_pid;

static void semundo_setup(void)
{
	sem_give();
	undo_pid = must(syscall(SYS_clone, 0x40000 | SIGCHLD, NULL, NULL, NULL, 0));	/* CLONE_SYSVSEM */
	if (!undo_pid) {
		prog_wait();
		_exit(0);
	}
}

static void semundo_verify(void)
{
	prog_reap(undo_pid, 0);
	sem_verify();
}

/* A thread that undoes it alone */
static void *semthread_run(void *arg)
{
	have(unshare(0x40000));
	sem_give();
	prog_touch("up.semthread");
	prog_await("semthread.go");
	return arg;
}

static pthread_t semthread;

static void semthread_setup(void)
{
	must0(pthread_create(&semthread, NULL, semthread_run, NULL));
	prog_await("up.semthread");
}

static void semthread_verify(void)
{
	sem_verify();
	prog_touch("semthread.go");
	must0(pthread_join(semthread, NULL));
}

/* ---- memory ---- */

static void hugetlb_setup(void)
{
	mem = have(mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
	strcpy(mem, "hello");
}

static void hello_verify(void)
{
	check(!strcmp(mem, "hello"), "contents");
}

static void secretmem_setup(void)
{
	fd = have(syscall(447, 0));	/* memfd_secret */
	must(ftruncate(fd, 4096));
	mem = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	strcpy(mem, "hello");
}

static void aio_setup(void)
{
	unsigned long context = 0;

	have(syscall(SYS_io_setup, 4, &context));
}

/* ---- processes ---- */

static void undumpable_setup(void)
{
	must(prctl(PR_SET_DUMPABLE, 0));
}

static void tracing_setup(void)
{
	child = prog_fork(waiter);
	must(ptrace(PTRACE_SEIZE, child, 0, 0));
}

static void tracing_verify(void)
{
	prog_reap(child, 5 << 8);
}

static void traced_setup(void)
{
	pid_t parent = getpid();

	child = must(fork());
	if (!child) {
		must(ptrace(PTRACE_SEIZE, parent, 0, 0));
		prog_touch("up.tracer");
		prog_wait();
		_exit(6);
	}
	prog_await("up.tracer");
}

static void traced_verify(void)
{
	prog_reap(child, 6 << 8);
}

static void seccomp_filter(void)
{
	struct {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} filter = { 0x06, 0, 0, 0x7fff0000 };	/* allow everything */
	struct {
		uint16_t len;
		void *filter;
	} prog = { 1, &filter };

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	have(prctl(PR_SET_SECCOMP, 2, &prog));
}

static void seccomp_setup(void)
{
	seccomp_filter();
}

/* ---- blockers of all three: this process, a child, a thread ---- */

static pthread_t filtered;
static volatile int filtered_state;

static void *filtered_main(void *unused)
{
	int i;

	(void)unused;
	must(prctl(PR_SET_NAME, "filtered"));
	seccomp_filter();
	filtered_state = 1;
	for (i = 0; filtered_state != 2; i++) {
		check(i < PROG_POLLS, "nobody says go to the thread");
		prog_sleep_ms(PROG_POLL_MS);
	}
	return NULL;
}

static void holds_procfile(void)
{
	must(open("/proc/self/comm", O_RDWR));
	prog_touch("up.child");
	prog_wait();
	_exit(5);
}

static void everywhere_setup(void)
{
	int i;

	child = prog_fork(holds_procfile);
	prog_await("up.child");
	tcp_setup();
	must0(pthread_create(&filtered, NULL, filtered_main, NULL));
	for (i = 0; filtered_state != 1; i++) {
		check(i < PROG_POLLS, "the thread does not start");
		prog_sleep_ms(PROG_POLL_MS);
	}
}

static void everywhere_verify(void)
{
	readable_verify();
	prog_reap(child, 5 << 8);
	filtered_state = 2;
	must0(pthread_join(filtered, NULL));
}

/* ---- a process that has given up what the others have ---- */

/* Ready, and told to go, by pipes: it may not be allowed to enter DIR */
static int dropped_up[2], dropped_go[2];

static void dropped_child(void)
{
	char c;

	have(setresuid(65534, 65534, 65534));
	/* may be traced by those who may trace it anyway */
	must(prctl(PR_SET_DUMPABLE, 1));
	must(write(dropped_up[1], "x", 1));
	_exit(must(read(dropped_go[0], &c, 1)) == 1 ? 5 : 1);
}

static void dropped_setup(void)
{
	char c;

	must(pipe(dropped_up));
	must(pipe(dropped_go));
	child = prog_fork(dropped_child);
	must(close(dropped_up[1]));
	if (must(read(dropped_up[0], &c, 1)) != 1) {
		errno = EPERM;
		skip();
	}
}

static void dropped_verify(void)
{
	must(write(dropped_go[1], "x", 1));
	prog_reap(child, 5 << 8);
}

static void namespace_setup(void)
{
	have(unshare(0x04000000));	/* CLONE_NEWUTS */
}

static void mount_namespace_setup(void)
{
	have(unshare(0x00020000));	/* CLONE_NEWNS */
}

static void keyring_setup(void)
{
	/* a session keyring of its own */
	have(syscall(SYS_keyctl, 1, "cr-test", 0, 0, 0));
}

/*
 * ---- a thread that another one has made by vfork(), which waits for it ----
 *
 * It says that they are ready: until it is there, nobody waits for it.
 */

static int vfork_thread_main(void *arg)
{
	prog_touch("ready");
	prog_wait();
	return *(int *)arg;
}

static void vfork_thread(void)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_VFORK;
	static char stack[65536] __attribute__((aligned(16)));
	int zero = 0;

	must(clone(vfork_thread_main, stack + sizeof(stack), flags, &zero));
}

static const struct prog_case cases[] = {
	{ "epoll_signalfd", epoll_signalfd_setup, NULL, true },
	{ "timerfd_canceled", timerfd_canceled_setup, timerfd_canceled_verify, true },
	{ "inotify", inotify_setup, inotify_verify, false },
	{ "fanotify", fanotify_setup, NULL, true },
	{ "memfd_huge", memfd_huge_setup, NULL, true },
	{ "pidfd", pidfd_setup, pidfd_verify, true },
	{ "epoll_pidfd", epoll_pidfd_setup, epoll_pidfd_verify, true },
	{ "userfaultfd", userfaultfd_setup, NULL, true },
	{ "iouring", iouring_setup, NULL, true },
	{ "bpf", bpf_setup, NULL, true },
	{ "perf", perf_setup, NULL, true },
	{ "opath", opath_setup, opath_verify, true },
	{ "fifo", fifo_setup, readable_verify, true },
	{ "tcp", tcp_setup, readable_verify, true },
	{ "listen", listen_setup, readable_verify, true },
	{ "udp", udp_setup, NULL, true },
	{ "netlink", netlink_setup, NULL, true },
	{ "unlinked", unlinked_setup, content_verify, true },
	{ "replaced", replaced_setup, content_verify, true },
	{ "unlinked_map", unlinked_map_setup, content_map_verify, true },
	{ "flock", flock_setup, flock_verify, true },
	{ "posixlock", posixlock_setup, NULL, true },
	{ "ofdlock", ofdlock_setup, ofdlock_verify, true },
	{ "ofdlock_mapped", ofdlock_mapped_setup, ofdlock_verify, true },
	{ "lease_unlinked", lease_unlinked_setup, lease_held, true },
	{ "lease_mapped", lease_mapped_setup, lease_mapped_verify, true },
	{ "lease_writer", lease_writer_setup, lease_writer_verify, true },
	{ "dnotify", dnotify_setup, NULL, true },
	{ "gonetimer", gonetimer_setup, timer_verify, true },
	{ "othertimer", othertimer_setup, timer_verify, true },
	{ "othersleep", othersleep_setup, NULL, true },
	{ "mqueue", mqueue_setup, mqueue_verify, true },
	{ "semundo", semundo_setup, semundo_verify, true },
	{ "semthread", semthread_setup, semthread_verify, true },
	{ "hugetlb", hugetlb_setup, hello_verify, true },
	{ "secretmem", secretmem_setup, hello_verify, true },
	{ "aio", aio_setup, NULL, true },
	{ "undumpable", undumpable_setup, NULL, true },
	{ "tracing", tracing_setup, tracing_verify, true },
	{ "traced", traced_setup, traced_verify, true },
	{ "seccomp", seccomp_setup, NULL, true },
	{ "everywhere", everywhere_setup, everywhere_verify, true },
	{ "dropped", dropped_setup, dropped_verify, true },
	{ "namespace", namespace_setup, NULL, true },
	{ "mount_namespace", mount_namespace_setup, NULL, true },
	{ "keyring", keyring_setup, NULL, true },
	{ "vfork_thread", vfork_thread, NULL, true },
	{ }
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	return prog_main(argc, argv, cases);
}
