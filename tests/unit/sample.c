// SPDX-License-Identifier: GPL-2.0
/*
 * The sample image: five processes, one with two threads, one in a group of
 * its own, one a zombie, one a zombie in a session whose leader is gone, one
 * whose first thread has exited, and between them every kind of record there is.
 */
#include <stdlib.h>
#include <string.h>
#include <asm/byteorder.h>
#include <xxhash.h>
#include "build.h"

#define L32	cpu_to_le32
#define L64	cpu_to_le64
#define PAGE	4096u

enum { LEADER = 100, THREAD2 = 101, CHILD = 102, ZOMBIE = 103, SHELL = 50,
       ORPHAN = 104, GONE = 60, HEADLESS = 105, ALIVE = 106 };

/* Ids that the objects of the sample refer to each other by */
struct sample {
	struct build b;
	u32 vdso, cred, pipe, fifo, anon, unlinked, sysv, memfd, carried;
	u32 exe, lib, rd, wr, term, shm_file, null, dir, log;
	u32 files, fs, sighand[2], mm[2];
	u32 leader, child, headless;
	u32 settings;
	bool caused;
};

static u8 pattern[CR_RUN_MAX];

#define VDSO_DATA	608

/* Every record's size as it is now */
#define OBJ(s, type, rec, tail, len)					\
	build_obj(&(s)->b, type, &(rec), sizeof(rec), tail, len)
#define DETAIL(s, type, rec, tail, len)					\
	build_detail(&(s)->b, type, &(rec), sizeof(rec), tail, len)

/* A NUMA policy of nodes 0 and 65, or of none */
static void policy(struct sample *s, u64 start, u64 end, u32 mode, u32 flags)
{
	u32 nr = mode == CR_MPOL_LOCAL ? 0 : 128;
	struct cr_rec_mempolicy rec = {
		.start = L64(start), .end = L64(end), .mode = L32(mode),
		.flags = L32(flags), .nr_nodes = L32(nr),
	};
	__le64 nodes[] = { L64(1), L64(2) };

	DETAIL(s, CR_REC_MEMPOLICY, rec, nodes, nr / 8);
}

static void small_objects(struct sample *s)
{
	struct cr_rec_vdso vdso = {
		.vvar_size = L32(4 * PAGE), .text_size = L32(2 * PAGE),
		.text_xxh64 = L64(XXH64(pattern, 2 * PAGE, 0)),
		.data_size = L32(VDSO_DATA),
	};
	struct cr_rec_cred cred = {
		.uid = L32(1000), .euid = L32(1000), .suid = L32(1000),
		.fsuid = L32(1000), .gid = L32(1000), .egid = L32(1000),
		.sgid = L32(1000), .fsgid = L32(1000), .nr_groups = L32(2),
		.cap_bset = L64(0x1ffffffffffull),
	};
	__le32 groups[] = { L32(20), L32(1000) };
	struct cr_rec_pipe pipe = { .ring_size = L32(16), .nr_bufs = L32(2) };
	struct cr_rec_pipe_buf buf = { .len = L32(PAGE) };
	struct cr_rec_shm anon = {
		.size = L64(4 * PAGE), .kind = L32(CR_SHM_ANON),
	};
	struct cr_rec_shm unlinked = {
		.size = L64(5000), .kind = L32(CR_SHM_FILE), .mode = L32(0640),
		.flags = L32(CR_SHM_LINKABLE), .mtime_ns = L64(1700000000),
	};
	struct cr_rec_shm sysv = {
		.size = L64(9000), .kind = L32(CR_SHM_SYSV),
	};
	struct cr_rec_shm memfd = {
		.size = L64(9000), .kind = L32(CR_SHM_MEMFD), .mode = L32(0777),
		.mtime_ns = L64(1700000000),
		.seals = L32(CR_SEAL_SHRINK | CR_SEAL_FUTURE_WRITE),
	};
	struct cr_rec_shm carried = {
		.size = L64(70000), .kind = L32(CR_SHM_CARRIED),
		.mode = L32(0644), .mtime_ns = L64(1700000000000000000ull),
	};
	struct cr_rec_shmid shmid = {
		.shmid = L32(32769), .key = L32(0x1234), .mode = L32(0600),
		.uid = L32(1000), .gid = L32(1000), .cuid = L32(1000),
		.cgid = L32(1000), .cpid = L32(LEADER), .lpid = L32(CHILD),
		.atime = L64(1700000000), .ctime = L64(1700000000),
	};

	s->vdso = OBJ(s, CR_REC_VDSO, vdso, pattern, 2 * PAGE + VDSO_DATA);
	s->cred = OBJ(s, CR_REC_CRED, cred, groups, sizeof(groups));
	s->pipe = OBJ(s, CR_REC_PIPE, pipe, NULL, 0);
	DETAIL(s, CR_REC_PIPE_BUF, buf, pattern, PAGE);
	buf.len = L32(3);
	DETAIL(s, CR_REC_PIPE_BUF, buf, "abc", 3);
	pipe.nr_bufs = L32(1);
	s->fifo = OBJ(s, CR_REC_PIPE, pipe, "/tmp/fifo", 10);
	DETAIL(s, CR_REC_PIPE_BUF, buf, "def", 3);
	s->anon = OBJ(s, CR_REC_SHM, anon, "/dev/zero (deleted)", 20);
	policy(s, 0, PAGE, CR_MPOL_BIND, 0);
	policy(s, 2 * PAGE, 4 * PAGE, CR_MPOL_LOCAL, 0);
	s->unlinked = OBJ(s, CR_REC_SHM, unlinked, "/tmp/unlinked", 14);
	s->sysv = OBJ(s, CR_REC_SHM, sysv, "/SYSV00001234 (deleted)", 24);
	DETAIL(s, CR_REC_SHMID, shmid, NULL, 0);
	s->memfd = OBJ(s, CR_REC_SHM, memfd, "/memfd:data (deleted)", 22);
	s->carried = OBJ(s, CR_REC_SHM, carried, "/usr/lib/lib.so", 16);
}

static u32 file(struct sample *s, u32 kind, u32 flags, u32 open_flags, u32 mode,
		u32 obj, const char *name)
{
	struct cr_rec_file rec = {
		.kind = L32(kind), .flags = L32(flags), .obj = L32(obj),
		.open_flags = L32(open_flags), .mode = L32(mode),
		.size = L64(70000), .mtime_ns = L64(1700000000000000000ull),
		.rdev = L64(kind == CR_FILE_CHR ? 0x103 : 0),
	};

	return OBJ(s, CR_REC_FILE, rec, name, strlen(name) + 1);
}

static void procfile(struct sample *s, u32 pid, u32 tid, u32 mode,
		     u32 flags, const char *name, const char *below)
{
	bool in_line = flags & CR_PROCFILE_LINE;
	struct cr_rec_procfile rec = {
		.pid = L32(pid), .tid = L32(tid), .flags = L32(flags),
		.line = L32(in_line ? 3 : 0), .column = L32(in_line ? 5 : 0),
	};

	file(s, CR_FILE_PROCFILE, 0, 0, mode, 0, name);
	DETAIL(s, CR_REC_PROCFILE, rec, below, strlen(below) + 1);
}

static void open_files(struct sample *s)
{
	struct cr_rec_files files = { .nr_fds = L32(8), .nr_locks = L32(2) };
	struct cr_rec_fs fs = {
		.umask = L32(022), .cwd_len = L32(6), .root_len = L32(2),
	};
	struct cr_rec_fd fd = {};
	struct cr_rec_lock lock = {
		.fd = L32(8), .kind = L32(CR_LOCK_POSIX),
		.type = L32(CR_LOCK_WRITE), .start = L64(10), .end = L64(19),
	};
	struct cr_rec_lease lease = {
		.type = L32(CR_LOCK_WRITE), .pid = L32(LEADER), .fd = L32(8),
		.flags = L32(CR_LEASE_UNLOCK | CR_LEASE_DOWNGRADE),
		.break_ns = L64(45000000000ull),
	};
	u32 fds[8], i;

	s->exe = file(s, CR_FILE_REG, CR_FILE_MAPPED | CR_FILE_EXE, 0100000,
		      0100755, 0, "/usr/bin/app");
	s->lib = file(s, CR_FILE_REG, CR_FILE_MAPPED, 0100000, 0100644,
		      s->carried, "/usr/lib/lib.so");
	s->rd = file(s, CR_FILE_PIPE, 0, 0, 010600, s->pipe, "pipe:[1]");
	s->wr = file(s, CR_FILE_PIPE, 0, 04001, 010600, s->pipe, "pipe:[1]");
	s->term = file(s, CR_FILE_OUTSIDE, CR_FILE_TTY, 2, 020620, 0,
		       "/dev/pts/0");
	s->shm_file = file(s, CR_FILE_SHM, 0, 2, 0100600, s->unlinked,
			   "/tmp/unlinked");
	s->null = file(s, CR_FILE_CHR, 0, 2, 020666, 0, "/dev/null");
	s->dir = file(s, CR_FILE_DIR, 0, 0200000, 040755, 0, "/home");
	s->log = file(s, CR_FILE_REG, CR_FILE_LEASE, 02001, 0100644, 0, "/tmp/log");
	DETAIL(s, CR_REC_LEASE, lease, NULL, 0);
	procfile(s, LEADER, THREAD2, 0100400, CR_PROCFILE_LINE,
		 "/proc/100/task/101/io", "io");

	s->files = OBJ(s, CR_REC_FILES, files, NULL, 0);
	memcpy(fds, (u32[]){ s->term, s->rd, s->wr, s->shm_file, s->null,
			     s->dir, s->log, s->log }, sizeof(fds));
	for (i = 0; i < 8; i++) {
		fd.fd = L32(i + i / 4);
		fd.file = L32(fds[i]);
		fd.cloexec = L32(i & 1);
		DETAIL(s, CR_REC_FD, fd, NULL, 0);
	}
	DETAIL(s, CR_REC_LOCK, lock, NULL, 0);
	lock.kind = L32(CR_LOCK_FLOCK);
	lock.start = 0;
	lock.end = L64(S64_MAX);
	DETAIL(s, CR_REC_LOCK, lock, NULL, 0);
	s->fs = OBJ(s, CR_REC_FS, fs, "/home\0/", 8);
}

/* Behind the other sockets: one that listens, and who waits to be accepted */
static void listening(struct sample *s, struct cr_rec_sock sock)
{
	u32 listener, client;

	sock.flags = L32(CR_SOCK_BOUND | CR_SOCK_LISTEN);
	sock.backlog = L32(5);
	sock.name_len = L32(5);
	sock.path_len = L32(7);
	sock.mode = L32(0755);
	listener = OBJ(s, CR_REC_SOCK, sock, "sock\0/x/soc", 12);
	sock.flags = L32(CR_SOCK_FIRST);
	sock.backlog = sock.name_len = sock.path_len = sock.mode = 0;
	client = OBJ(s, CR_REC_SOCK, sock, NULL, 0);
	sock.flags = L32(CR_SOCK_PENDING);
	sock.peer = L32(client);
	sock.listener = L32(listener);
	OBJ(s, CR_REC_SOCK, sock, NULL, 0);
}

/*
 * A pair with one end closed, the other one in flight to itself; a datagram
 * socket, and one connected to it
 */
static void sockets(struct sample *s)
{
	struct cr_rec_sock sock = {
		.type = L32(1), .flags = L32(CR_SOCK_FIRST | CR_SOCK_PEERCRED),
		.shutdown = L32(3), .options = L32(CR_SOCK_PASSCRED),
		.sndbuf = L32(212992), .rcvbuf = L32(212992),
		.rcvlowat = L32(1), .peer_pid = L32(LEADER),
		.peer_uid = L32(1000), .peer_gid = L32(1000),
		.rcvtimeo_us = L64(5000000),
		.sndtimeo_us = L64(CR_SOCK_NO_TIMEOUT),
	};
	struct cr_rec_sockq queue = { .nr_msgs = L32(3) };
	struct cr_rec_sock_msg msg = {
		.flags = L32(CR_SOCK_MSG_CREDS), .pid = L32(CHILD),
		.uid = L32(1000), .gid = L32(1000), .len = L32(5),
	};
	u32 id = OBJ(s, CR_REC_SOCK, sock, NULL, 0), dgram, alone;
	struct {
		__le32 files[3];
		char bytes[2];
	} flight = { { L32(s->rd), 0, L32(s->rd) }, "ab" };

	sock.flags = L32(CR_SOCK_DEAD);
	sock.peer = L32(id);
	sock.peer_pid = sock.peer_uid = sock.peer_gid = 0;
	msg.sender = L32(OBJ(s, CR_REC_SOCK, sock, NULL, 0));
	sock.peer = 0;
	listening(s, sock);
	sock.type = L32(2);
	sock.flags = L32(CR_SOCK_BOUND);
	sock.name_len = L32(3);
	dgram = OBJ(s, CR_REC_SOCK, sock, "\0ab", 3);
	sock.flags = sock.name_len = 0;
	alone = OBJ(s, CR_REC_SOCK, sock, NULL, 0);
	flight.files[1] = L32(file(s, CR_FILE_SOCK, 0, 2, 0140777, id,
				   "socket:[2]"));
	queue.sock = L32(id);
	OBJ(s, CR_REC_SOCKQ, queue, NULL, 0);
	DETAIL(s, CR_REC_SOCK_MSG, msg, "hello", 5);
	msg.flags = msg.pid = msg.uid = msg.gid = 0;
	msg.len = L32(1);
	DETAIL(s, CR_REC_SOCK_MSG, msg, "!", 1);
	msg.len = L32(2);
	msg.nr_files = L32(3);
	DETAIL(s, CR_REC_SOCK_MSG, msg, &flight, 14);
	msg.len = L32(1);
	msg.nr_files = 0;
	queue.sock = L32(dgram);
	queue.nr_msgs = L32(1);
	msg.sender = L32(alone);
	OBJ(s, CR_REC_SOCKQ, queue, NULL, 0);
	DETAIL(s, CR_REC_SOCK_MSG, msg, "?", 1);
	queue.sock = L32(alone);
	queue.nr_msgs = 0;
	queue.dest = L32(dgram);
	OBJ(s, CR_REC_SOCKQ, queue, NULL, 0);
}

static u32 sighand(struct sample *s)
{
	struct cr_rec_sighand rec = { .nr_actions = L32(2) };
	struct cr_rec_sigaction sa = {
		.sig = L32(2), .handler = L64(0x401000), .flags = L64(0x4000000),
		.restorer = L64(0x402000), .mask = L64(2),
	};
	u32 id = OBJ(s, CR_REC_SIGHAND, rec, NULL, 0);

	DETAIL(s, CR_REC_SIGACTION, sa, NULL, 0);
	sa.sig = L32(17);
	sa.handler = L64(1);
	DETAIL(s, CR_REC_SIGACTION, sa, NULL, 0);
	return id;
}

static void vma(struct sample *s, u64 start, u32 pages, u32 kind, u32 prot,
		u32 flags, u32 obj, const char *name)
{
	struct cr_rec_vma rec = {
		.start = L64(start), .end = L64(start + pages * (u64)PAGE),
		.kind = L32(kind), .prot = L32(prot), .flags = L32(flags),
		.obj = L32(obj),
	};

	DETAIL(s, CR_REC_VMA, rec, name, name ? strlen(name) + 1 : 0);
}

#define VDSO_ADDR	0x7ffff7fc4000ull

static u32 mm(struct sample *s)
{
	const u32 r = CR_PROT_READ, w = CR_PROT_WRITE, x = CR_PROT_EXEC;
	struct cr_rec_mm rec = {
		.exe = L32(s->exe), .vdso = L32(s->vdso),
		.vdso_addr = L64(VDSO_ADDR), .start_code = L64(0x401000),
		.end_code = L64(0x402000), .start_data = L64(0x404000),
		.end_data = L64(0x404800), .start_brk = L64(0x500000),
		.brk = L64(0x540000), .start_stack = L64(0x7fffffffe000),
		.arg_start = L64(0x7fffffffe100), .arg_end = L64(0x7fffffffe110),
		.env_start = L64(0x7fffffffe110), .env_end = L64(0x7fffffffe200),
		.dumpable = L32(1), .nr_vmas = L32(13),
	};
	__le64 auxv[] = { L64(6), L64(PAGE), L64(23), 0, 0, 0 };
	struct cr_rec_auxv aux = { .nr = L32(6) };
	u32 id = OBJ(s, CR_REC_MM, rec, NULL, 0);

	vma(s, 0x400000, 4, CR_VMA_FILE, r | x, 0, s->exe, NULL);
	vma(s, 0x404000, 2, CR_VMA_FILE, r | w, 0, s->exe, NULL);
	vma(s, 0x500000, 64, CR_VMA_ANON, r | w, CR_VMA_HEAP, 0, NULL);
	policy(s, 0x500000, 0x540000, CR_MPOL_PREFERRED_MANY,
	       CR_MPOL_STATIC_NODES);
	vma(s, 0x600000, 1024, CR_VMA_ANON, r | w, CR_VMA_HUGEPAGE, 0, "big");
	vma(s, 0x10000000, 4, CR_VMA_SHM, r | w, CR_VMA_SHARED, s->anon, NULL);
	vma(s, 0x10010000, 2, CR_VMA_SHM, r | w, 0, s->unlinked, NULL);
	vma(s, 0x10020000, 2, CR_VMA_FILE, r, CR_VMA_SHARED, s->lib, NULL);
	vma(s, 0x10030000, 8, CR_VMA_ANON, 0, 0, 0, NULL);
	vma(s, 0x10040000, 3, CR_VMA_SHM, r | w, CR_VMA_SHARED | CR_VMA_MAYWRITE,
	    s->sysv, NULL);
	vma(s, 0x10050000, 3, CR_VMA_SHM, r | w, CR_VMA_SHARED | CR_VMA_MAYWRITE,
	    s->memfd, NULL);
	vma(s, VDSO_ADDR - 4 * PAGE, 4, CR_VMA_VVAR, r, 0, 0, NULL);
	vma(s, VDSO_ADDR, 2, CR_VMA_VDSO, r | x, 0, 0, NULL);
	vma(s, 0x7ffffffde000, 33, CR_VMA_ANON, r | w,
	    CR_VMA_GROWSDOWN | CR_VMA_STACK, 0, NULL);
	DETAIL(s, CR_REC_AUXV, aux, auxv, sizeof(auxv));
	return id;
}

static void siginfo(struct sample *s, u32 sig)
{
	struct cr_rec_siginfo rec = { .sig = L32(sig) };
	__le32 info[32] = { L32(sig) };

	DETAIL(s, CR_REC_SIGINFO, rec, info, sizeof(info));
}

static void timers(struct sample *s)
{
	struct cr_rec_itimer itimer = {
		.which = L32(CR_ITIMER_REAL), .state = L32(CR_TIMER_FIRED),
		.value_ns = L64(1000), .interval_ns = L64(1000000),
	};
	struct cr_rec_timer timer = {
		.id = L32(2), .clock = L32(CR_CLOCK_REALTIME),
		.notify = L32(CR_SIGEV_SIGNAL), .signo = L32(12),
		.flags = L32(CR_TIMER_PENDING), .state = L32(CR_TIMER_DATE),
		.value_ns = L64(1700000001000000000ull), .overrun = L64(-1ull),
	};

	DETAIL(s, CR_REC_ITIMER, itimer, NULL, 0);
	itimer.which = L32(CR_ITIMER_PROF);
	itimer.state = L32(CR_TIMER_ARMED);
	DETAIL(s, CR_REC_ITIMER, itimer, NULL, 0);
	DETAIL(s, CR_REC_TIMER, timer, NULL, 0);
	timer.id = L32(4);
	timer.clock = L32(CR_CLOCK_THREAD_CPU);
	timer.cpu_tid = L32(THREAD2);
	timer.notify = L32(CR_SIGEV_THREAD_ID);
	timer.notify_tid = L32(THREAD2);
	timer.state = L32(CR_TIMER_ARMED);
	timer.interval_ns = L64(5);
	timer.flags = 0;
	DETAIL(s, CR_REC_TIMER, timer, NULL, 0);
	timer.id = L32(6);
	timer.clock = L32(CR_CLOCK_REALTIME);
	timer.cpu_tid = 0;
	timer.flags = L32(CR_TIMER_PENDING);
	timer.state = L32(CR_TIMER_FIRED_DATE);
	DETAIL(s, CR_REC_TIMER, timer, NULL, 0);
	timer.id = L32(7);
	timer.state = L32(CR_TIMER_FIRED);
	timer.value_ns = L64(-5ull);
	DETAIL(s, CR_REC_TIMER, timer, NULL, 0);
}

static void semundos(struct sample *s)
{
	struct cr_rec_semundo rec = {
		.semid = L32(3), .nsems = L32(1), .mode = L32(0600),
		.uid = L32(1000), .gid = L32(1000), .cuid = L32(1000),
		.cgid = L32(1000), .ctime = L64(1700000000),
	};
	struct cr_sem sems[] = {
		{ .semadj = L32(1), .sempid = L32(LEADER) },
		{ .semadj = L32(-2u), .semval = L32(7) },
	};

	DETAIL(s, CR_REC_SEMUNDO, rec, sems, sizeof(sems[0]));
	rec.semid = L32(32771);
	rec.key = L32(0x1234);
	rec.nsems = L32(2);
	DETAIL(s, CR_REC_SEMUNDO, rec, sems, sizeof(sems));
}

static void usage(struct sample *s, u32 who, u32 proc)
{
	struct cr_rec_usage rec = {
		.who = L32(who), .min_flt = L64(100), .maj_flt = L64(2),
		.nvcsw = L64(30), .nivcsw = L64(4),
	};

	if (proc) {
		rec.maxrss = L64(1 << 20);
		rec.inblock = L64(5);
		rec.oublock = L64(6);
	}
	if (who == CR_USAGE_SELF) {
		rec.rchar = L64(7);
		rec.cancelled_write_bytes = L64(4096);
	}
	DETAIL(s, CR_REC_USAGE, rec, NULL, 0);
}

/* Of a job of its own, and of one that has only a leader */
static void settings(struct sample *s)
{
	struct cr_rec_auto rec = {
		.leader = L32(LEADER), .save_signal = L32(12), .end_signal = L32(15),
		.fatal = L32(CR_AUTO_SYSCTL),
	};
	static const char pattern[] = "%e.%n.crimg";

	s->settings = OBJ(s, CR_REC_AUTO, rec, pattern, sizeof(pattern));
	rec.leader = 0;
	rec.save_signal = L32(CR_AUTO_SYSCTL);
	OBJ(s, CR_REC_AUTO, rec, NULL, 0);
}

static u32 proc(struct sample *s, u32 pid, u32 parent, u32 pgid, u32 flags,
		u32 threads)
{
	struct cr_rec_proc rec = {
		.pid = L32(pid), .parent = L32(parent), .pgid = L32(pgid),
		.sid = L32(pgid == GONE ? GONE : SHELL),
		.flags = L32(pgid == GONE ? flags :
					    flags | CR_PROC_SESSION_OUTSIDE),
		.exit_code = L32(flags & (CR_PROC_ZOMBIE | CR_PROC_HEADLESS) ?
				 0x300 : 0),
		.exit_signal = L32(17), .nr_threads = L32(threads),
		.oom_score_adj = L32(-17), .utime_ns = L64(123456789),
		.age_ns = L64(5000000000), .pending = L64(1ull << 11),
		.comm = "app", .next_timer = L32(8),
	};
	struct cr_rec_rlimit lim = { .nr = L32(16) };
	__le64 pairs[32];
	u32 id, i;

	if (flags & CR_PROC_ZOMBIE)
		rec.pending = 0;
	/* of the others, one is stopped */
	else if (parent)
		rec.stop_signal = L32(20);
	if (!parent) {
		settings(s);
		rec.settings = L32(s->settings);
		rec.images = L32(3);
	}
	id = OBJ(s, CR_REC_PROC, rec, NULL, 0);
	usage(s, CR_USAGE_SELF, 1);
	usage(s, CR_USAGE_CHILDREN, 1);
	if (flags & CR_PROC_ZOMBIE)
		return id;
	for (i = 0; i < 32; i++)
		pairs[i] = i & 1 ? ~0ull : L64(1024 * i);
	DETAIL(s, CR_REC_RLIMIT, lim, pairs, sizeof(pairs));
	if (!parent) {
		timers(s);
		semundos(s);
	}
	siginfo(s, 12);
	return id;
}

static void thread(struct sample *s, u32 tid, u32 of, unsigned int which,
		   u32 restart)
{
	struct cr_rec_thread rec = {
		.proc = L32(of), .tid = L32(tid), .mm = L32(s->mm[which]),
		.files = L32(s->files), .fs = L32(s->fs),
		.sighand = L32(s->sighand[which]), .cred = L32(s->cred),
		.blocked = L64(0x10000), .pending = L64(1ull << 33),
		.altstack_flags = L32(2), .nice = L32(5),
		.robust_list = L64(0x600010), .clear_child_tid = L64(0x600020),
		.rseq = L64(0x600100), .rseq_len = L32(32),
		.rseq_sig = L32(0x53053053), .timer_slack_ns = L64(50000),
		.nr_cpus = L32(2), .comm = "app",
	};
	u64 cpus = L64(3);
	struct cr_rec_regs_x86 regs = {};
	struct cr_rec_xstate_x86 xs = { .size = L32(832), .xfeatures = L64(7) };
	struct cr_rec_restart rs = {
		.kind = L32(restart), .remaining_ns = L64(1000000000),
		.uaddr = L64(0x600200),
	};
	u8 area[832] = {};
	struct cr_rec_cause cause = {
		.sig = L32(11), .class = L32(CR_CAUSE_FATAL),
	};
	__le32 info[32] = { L32(11) };
	struct cr_rec_debug_x86 debug = {
		.addr = { L64(0x600300), L64(0x401100) }, .dr6 = L32(1),
		/* 4 bytes that are written, and code; the third is not there */
		.dr7 = L32(0x020d0005),
	};

	OBJ(s, CR_REC_THREAD, rec, &cpus, sizeof(cpus));
	if (!s->caused)
		DETAIL(s, CR_REC_CAUSE, cause, info, sizeof(info));
	s->caused = true;
	usage(s, CR_USAGE_SELF, 0);
	DETAIL(s, CR_REC_DEBUG_X86, debug, NULL, 0);
	regs.gpr[15] = L64(202);
	regs.gpr[16] = L64(0x401100);
	regs.gpr[17] = L64(0x33);
	regs.gpr[19] = L64(0x7fffffffd000);
	regs.gpr[20] = L64(0x2b);
	DETAIL(s, CR_REC_REGS_X86, regs, NULL, 0);
	memcpy(area + 24, (__le32[]){ L32(0x1f80) }, 4);
	/* where debuggers look for the components, in what the processor ignores */
	memcpy(area + 464, (__le64[]){ L64(7) }, 8);
	memcpy(area + 512, (__le64[]){ L64(3) }, 8);
	DETAIL(s, CR_REC_XSTATE_X86, xs, area, sizeof(area));
	if (restart == CR_RESTART_FUTEX) {
		rs.bitset = L32(~0u);
		rs.val = L32(1);
	} else if (restart == CR_RESTART_POLL) {
		rs.val = L32(3);
	}
	DETAIL(s, CR_REC_RESTART, rs, NULL, 0);
	policy(s, 0, 0, CR_MPOL_INTERLEAVE, CR_MPOL_RELATIVE_NODES);
	siginfo(s, 34);
}

static void pidfd(struct sample *s)
{
	struct cr_rec_pidfd pidfd = {
		.nr = L32(THREAD2), .flags = L32(CR_PIDFD_THREAD),
	};

	file(s, CR_FILE_PIDFD, 0, 2, 0600, 0, "anon_inode:[pidfd]");
	DETAIL(s, CR_REC_PIDFD, pidfd, NULL, 0);
}

static void inotify(struct sample *s)
{
	struct cr_rec_inotify inotify = {
		.next_wd = L32(8), .nr_watches = L32(2), .nr_events = L32(3),
	};
	struct cr_rec_inotify_watch watch = {
		.wd = L32(2), .mask = L32(0x80000002),
	};
	struct cr_rec_inotify_event event = {
		.wd = L32(1), .mask = L32(0x40000100), .cookie = L32(77),
		.name_len = L32(5),
	};

	file(s, CR_FILE_INOTIFY, 0, 04000, 0600, 0, "anon_inode:inotify");
	DETAIL(s, CR_REC_INOTIFY, inotify, NULL, 0);
	DETAIL(s, CR_REC_INOTIFY_WATCH, watch, "/tmp", 5);
	watch.wd = L32(7);
	DETAIL(s, CR_REC_INOTIFY_WATCH, watch, "/home", 6);
	DETAIL(s, CR_REC_INOTIFY_EVENT, event, "name", 5);
	event.name_len = event.cookie = 0;
	event.mask = L32(0x8000);
	DETAIL(s, CR_REC_INOTIFY_EVENT, event, NULL, 0);
	event.wd = L32(-1u);
	event.mask = L32(CR_INOTIFY_OVERFLOW);
	DETAIL(s, CR_REC_INOTIFY_EVENT, event, NULL, 0);
}

/* A master and a slave, with something of everything on its way */
static void terminals(struct sample *s)
{
	struct cr_rec_pty pty = {
		.index = L32(7), .flags = L32(CR_PTY_OPENED | CR_PTY_PACKET),
		.iflag = L32(02402), .oflag = L32(5), .cflag = L32(0277),
		.lflag = L32(0105073), .ispeed = L32(38400),
		.ospeed = L32(38400), .cc = { 3, 28, 127, 21, 4 },
		.rows = L32(24), .cols = L32(80),
		.pktstatus = L32(4), .mode = L32(0620), .nr_bufs = L32(4),
		.uid = L32(1000), .gid = L32(5), .column = L32(3),
	};
	struct cr_rec_pty_buf buf = {
		.kind = L32(CR_PTY_OUTPUT), .len = L32(6),
	};
	u32 id = OBJ(s, CR_REC_PTY, pty, "/dev/ptmx", 10);

	DETAIL(s, CR_REC_PTY_BUF, buf, "output", 6);
	buf.kind = L32(CR_PTY_INPUT);
	buf.flags = L32(CR_PTY_BUF_END | CR_PTY_BUF_PUSHED);
	buf.len = L32(5);
	DETAIL(s, CR_REC_PTY_BUF, buf, "line\n", 5);
	buf.flags = 0;
	buf.len = L32(4);
	DETAIL(s, CR_REC_PTY_BUF, buf, "half", 4);
	buf.kind = L32(CR_PTY_TYPED);
	DETAIL(s, CR_REC_PTY_BUF, buf, "more", 4);
	file(s, CR_FILE_PTY_MASTER, 0, 02, 020666, id, "/dev/ptmx");
	file(s, CR_FILE_PTY_SLAVE, 0, 04002, 020620, id, "terminal pts7");
	file(s, CR_FILE_PTY_HUNGUP, 0, 2, 020620, 0, "terminal pts8");
}

/* Behind all others: nobody has them open */
static void anonymous_files(struct sample *s)
{
	struct cr_rec_eventfd eventfd = {
		.count = L64(5), .semaphore = L32(1),
	};
	struct cr_rec_timerfd timerfd = {
		.clockid = L32(0), .flags = L32(3), .interval_ns = L64(1000),
		.remaining_ns = L64(5000), .ticks = L64(2),
		.expires_ns = L64(1800000000000000000ull),
	};
	struct cr_rec_signalfd signalfd = { .mask = L64(0xa00) };
	struct cr_rec_files files = { .nr_epitems = L32(2) };
	struct cr_rec_epitem item = {
		.fd = L32(7), .events = L32(0x80000019), .data = L64(~0ull),
		.flags = L32(CR_EPITEM_REPORTED),
	};
	u32 event;

	event = file(s, CR_FILE_EVENTFD, 0, 2, 0600, 0,
		     "anon_inode:[eventfd]");
	DETAIL(s, CR_REC_EVENTFD, eventfd, NULL, 0);
	file(s, CR_FILE_TIMERFD, 0, 04002, 0600, 0, "anon_inode:[timerfd]");
	DETAIL(s, CR_REC_TIMERFD, timerfd, NULL, 0);
	file(s, CR_FILE_SIGNALFD, 0, 2, 0600, 0, "anon_inode:[signalfd]");
	DETAIL(s, CR_REC_SIGNALFD, signalfd, NULL, 0);
	item.epoll = L32(file(s, CR_FILE_EPOLL, 0, 2, 0600, 0,
			      "anon_inode:[eventpoll]"));
	file(s, CR_FILE_FIFO, CR_FILE_FRESH, 04000, 010600, s->fifo, "/tmp/link");
	inotify(s);
	pidfd(s);
	procfile(s, LEADER, 0, 0100444, CR_PROCFILE_END, "/proc/100/attr/prev",
		 "attr/prev");
	procfile(s, 0, 0, 0100444, 0, "/proc/meminfo", "meminfo");
	procfile(s, CHILD, 0, 040555, 0, "/102", "");
	procfile(s, 0, 0, 040555, 0, "/proc", "");
	item.file = L32(event);
	OBJ(s, CR_REC_FILES, files, NULL, 0);
	DETAIL(s, CR_REC_EPITEM, item, NULL, 0);
	item.file = L32(s->rd);
	item.events = L32(0x40000000);
	item.flags = 0;
	DETAIL(s, CR_REC_EPITEM, item, NULL, 0);
}

/* A queue of two messages, one of them without text, and two sets */
static void ipc(struct sample *s)
{
	struct cr_rec_msgq queue = {
		.msqid = L32(32770), .key = L32(0x1234), .mode = L32(0600),
		.uid = L32(1000), .gid = L32(1000), .cuid = L32(1000),
		.cgid = L32(1000), .lspid = L32(THREAD2), .lrpid = L32(CHILD),
		.stime = L64(1700000000), .ctime = L64(1700000000),
		.qbytes = L64(16384), .nr_msgs = L32(2),
	};
	struct cr_rec_msg msg = { .type = L64(7), .len = L32(5) };
	struct cr_rec_semset set = {
		.semid = L32(3), .mode = L32(0600), .uid = L32(1000),
		.gid = L32(1000), .cuid = L32(1000), .cgid = L32(1000),
		.ctime = L64(1700000000), .nsems = L32(1),
	};
	struct cr_semval vals[2] = {
		{ .semval = L32(3), .sempid = L32(LEADER),
		  .otime = L64(1700000000) },
		{ .semval = L32(CR_SEM_MAX) },
	};

	OBJ(s, CR_REC_MSGQ, queue, NULL, 0);
	DETAIL(s, CR_REC_MSG, msg, "hello", 5);
	msg.type = L64(1);
	msg.len = 0;
	DETAIL(s, CR_REC_MSG, msg, NULL, 0);
	OBJ(s, CR_REC_SEMSET, set, vals, sizeof(vals[0]));
	set.semid = L32(32771);
	set.key = L32(0x1234);
	set.flags = L32(CR_IPC_SHARED);
	set.nsems = L32(2);
	OBJ(s, CR_REC_SEMSET, set, vals, sizeof(vals));
}

static void pages(struct sample *s)
{
	unsigned int i;

	build_run(&s->b, s->anon, 0, pattern, PAGE, false);
	build_run(&s->b, s->anon, 2 * PAGE, pattern, 2 * PAGE, false);
	build_run(&s->b, s->unlinked, 0, pattern, 2 * PAGE, false);
	build_run(&s->b, s->sysv, PAGE, pattern, 2 * PAGE, false);
	build_run(&s->b, s->memfd, 0, pattern, 3 * PAGE, false);
	build_run(&s->b, s->carried, 0, pattern, 2 * PAGE, false);
	for (i = 0; i < 2; i++) {
		build_run(&s->b, s->mm[i], 0x404000, pattern, PAGE, false);
		build_run(&s->b, s->mm[i], 0x500000, pattern, 2 * PAGE, false);
		build_run(&s->b, s->mm[i], 0x600000, pattern, CR_RUN_MAX, true);
		build_run(&s->b, s->mm[i], 0x700000, pattern + 99, 200 * PAGE,
			  true);
		build_run(&s->b, s->mm[i], 0x10010000, pattern, PAGE, false);
		build_run(&s->b, s->mm[i], 0x7fffffffd000, pattern, 2 * PAGE,
			  false);
	}
}

void sample_build(struct buf *file)
{
	struct sample s = {};
	struct cr_rec_head head = {
		.nr_procs = L32(5), .nr_threads = L32(4), .page_shift = L32(12),
		.realtime_ns = L64(1700000000000000000ull),
		.monotonic_ns = L64(99), .boottime_ns = L64(100),
		.release = "6.12.0-test", .node = "test",
	};
	size_t i, at;

	for (i = 0; i < sizeof(pattern); i++)
		pattern[i] = i / 7 ^ i / 4099;
	at = build_rec(&s.b, CR_REC_HEAD, 0, &head, sizeof(head), NULL, 0);
	small_objects(&s);
	open_files(&s);
	sockets(&s);
	s.sighand[0] = sighand(&s);
	s.sighand[1] = sighand(&s);
	s.mm[0] = mm(&s);
	s.mm[1] = mm(&s);
	s.b.leader_mm = s.mm[0];
	s.leader = proc(&s, LEADER, 0, LEADER, CR_PROC_PGRP_OUTSIDE, 2);
	thread(&s, LEADER, s.leader, 0, CR_RESTART_NANOSLEEP);
	thread(&s, THREAD2, s.leader, 0, CR_RESTART_FUTEX);
	s.child = proc(&s, CHILD, s.leader, CHILD, 0, 1);
	thread(&s, CHILD, s.child, 1, CR_RESTART_POLL);
	proc(&s, ZOMBIE, s.child, CHILD, CR_PROC_ZOMBIE, 0);
	proc(&s, ORPHAN, s.leader, GONE, CR_PROC_ZOMBIE, 0);
	s.headless = proc(&s, HEADLESS, s.leader, CHILD, CR_PROC_HEADLESS, 1);
	thread(&s, ALIVE, s.headless, 0, CR_RESTART_POLL);
	anonymous_files(&s);
	terminals(&s);
	ipc(&s);
	pages(&s);

	head.nr_objects = L32(s.b.last);
	head.memory = L64(s.b.memory);
	memcpy(s.b.stream.data + at + 20 + sizeof(struct cr_rec),
	       (u8 *)&head + sizeof(struct cr_rec),
	       sizeof(head) - sizeof(struct cr_rec));
	build_finish(&s.b, file);
}
