// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail, one after the other, on a kernel that can be told so.
 *
 *	faults [OPTION...] save PID DIR		save the job with the device itself
 *	faults [OPTION...] again PID DIR	a second image of one stop; a third one is right
 *	faults [OPTION...] tool PID DIR		with mkcrimg, which publishes the image
 *	faults [OPTION...] auto PID DIR		with a signal, as kernel.crimg_signal has it: the image
 *						is DIR/auto.crimg; only with -t slab
 *	faults [OPTION...] restart IMAGE [KEY=VALUE...]
 *
 * For each n the n-th failure is arranged, and the call fails with ENOMEM or EFAULT
 * and has left everything as it was: no image, no descriptor, no use of the module,
 * no System V object, no child, and a job that runs on; or it took no notice, and
 * the image, or the job, is right. It ends when nothing is left to fail.
 *
 * Which failures: /proc/thread-self/fail-nth, those of the task that asks (memory
 * and access to user memory). With -t slab or -t page those of a whole family of
 * tasks, with all that a restart creates, and slabs also of the kernel's workers:
 * if those lack a page while they read for the machine's own file system (9p),
 * what it has read may stay damaged, and nothing can be executed any more.
 *
 *	-d DIR		of the job, which is tests/progs/rich.c
 *	-n N -s STEP -m MAX	from N on, each STEPth, before MAX
 *	-c CACHE	of slabs only those of caches whose names begin like that; not with -t
 *	-p PID		execute as this process: in place. The image is of a job that is
 *			stopped: what was to fail could else fail it when it runs on
 *	-b DIR		with mkcrimg, its libraries and ld.so from there: not from a file
 *			system that needs memory itself, and may not survive its lack
 *
 * A job that took no notice of its restart is told to go on, and must end well: with
 * an N that is never reached, "restart" verifies an image.
 */
#include "unharmed.h"
#include <linux/sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "../../include/uapi/linux/cr.h"

static unsigned long step = 1, max = ULONG_MAX;
static const char *tool_dir;
static pid_t chosen;
static char report[TEXT];

/* ---- save ---- */

static int device, job_pidfd;

static int isolate(void)
{
	struct cr_ioc_isolate iso = {
		.pidfd = job_pidfd, .report = (uintptr_t)report, .report_len = sizeof(report),
	};

	report[0] = 0;
	return ioctl(device, CR_IOC_ISOLATE, &iso);
}

static int save_to(int handle, int out)
{
	struct cr_ioc_save img = {
		.fd = out, .report = (uintptr_t)report, .report_len = sizeof(report),
		.flags = CR_SAVE_WITH_FILES,
	};

	return ioctl(handle, CR_IOC_SAVE, &img);
}

static int save_once(int out)
{
	int handle = isolate(), err = 0;

	if (handle < 0)
		return errno;
	if (save_to(handle, out) || ioctl(handle, CR_IOC_RELEASE, CR_RELEASE_CONTINUE))
		err = errno;
	close(handle);
	return err;
}

/* It has no header if the save has failed; else the test looks at it */
static void look_at_image(int out, const char *dir, int err)
{
	char from[64], path[PATH_MAX], head[4] = "";

	if (err) {
		must(pread(out, head, sizeof(head), 0));
		check(!head[0], "%lu: failed with %s, and there is an image", counts->n,
		      strerrorname_np(err));
		return;
	}
	counts->tolerated++;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", out);
	snprintf(path, sizeof(path), "%s/fault.%lu.crimg", dir, counts->n);
	must(linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

/* What one image has found is not what the next one begins with */
static void again_loop(pid_t pid, const char *dir)
{
	static struct state before;
	bool injected = true;
	int handle, err, out;

	open_own();
	device = must(open(CR_DEVICE, O_RDWR | O_CLOEXEC));
	job_pidfd = must(syscall(SYS_pidfd_open, pid, 0));
	out = must(open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0700));
	for (; counts->n < max && injected; counts->n += step) {
		look(&before);
		handle = must(isolate());
		check(!save_to(handle, out), "%lu: %s", counts->n, report);
		report[0] = 0;
		arm(counts->n);
		err = save_to(handle, out) ? errno : 0;
		injected = disarm(counts->n);
		if (err)
			failed(err, false, injected, report);
		check(!save_to(handle, out), "%lu: the third image: %s: %s", counts->n,
		      strerrorname_np(errno), report);
		must(ioctl(handle, CR_IOC_RELEASE, CR_RELEASE_CONTINUE));
		close(handle);
		compare(&before);
		beats_on();
	}
	look_at_image(out, dir, 0);
}

static void save_loop(pid_t pid, const char *dir)
{
	static struct state before;
	bool injected = true;
	int err, out;

	open_own();
	device = must(open(CR_DEVICE, O_RDWR | O_CLOEXEC));
	job_pidfd = must(syscall(SYS_pidfd_open, pid, 0));
	for (; counts->n < max && injected; counts->n += step) {
		out = must(open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0700));
		look(&before);
		arm(counts->n);
		err = save_once(out);
		injected = disarm(counts->n);
		if (err)
			failed(err, false, injected, report);
		if (injected)
			look_at_image(out, dir, err);
		compare(&before);
		beats_on();
		close(out);
	}
}

/* ---- the tool ---- */

static void tool_child(const char *pid, const char *image)
{
	int null = must(open("/dev/null", O_RDWR));
	char loader[PATH_MAX], tool[PATH_MAX];

	check(tool_dir, "-b is missing");
	snprintf(loader, sizeof(loader), "%s/ld.so", tool_dir);
	snprintf(tool, sizeof(tool), "%s/mkcrimg", tool_dir);
	dup2(null, 1);
	dup2(null, 2);
	open_own();
	arm(counts->n);
	execl(loader, loader, "--library-path", tool_dir, tool, "save", "-q", "-o", image, pid,
	      NULL);
	_exit(1);
}

/* True: a fault was injected. 0: there is an image; else there is none, nor part of one */
static bool tool_once(const char *pid, const char *image)
{
	char dir[64];
	bool injected;
	siginfo_t info;
	int status;
	pid_t tool;

	fflush(stdout);
	tool = must(fork());
	if (!tool)
		tool_child(pid, image);
	must(waitid(P_PID, tool, &info, WEXITED | WNOWAIT));
	snprintf(dir, sizeof(dir), "/proc/%d/task/%d", tool, tool);
	injected = !get(dir, "fail-nth");
	must(waitpid(tool, &status, 0));
	check(!status || injected, "%lu: mkcrimg: status 0x%x without a fault", counts->n, status);
	check(!!status == !!access(image, F_OK), "%lu: mkcrimg: status 0x%x, but %s", counts->n,
	      status, status ? "there is an image" : "there is none");
	counts->errors[0] += !!status;
	counts->tolerated += injected && !status;
	return injected;
}

static void tool_loop(const char *pid, const char *dir)
{
	static struct state before;
	char image[PATH_MAX], path[PATH_MAX];
	int names;

	snprintf(image, sizeof(image), "%s/tool.crimg", dir);
	names = count_in(dir);
	look(&before);
	while (counts->n < max && tool_once(pid, image)) {
		if (!access(image, F_OK)) {
			snprintf(path, sizeof(path), "%s/fault.%lu.crimg", dir, counts->n);
			must(rename(image, path));
			names++;
		}
		check(count_in(dir) == names, "%lu: a file is left in %s", counts->n, dir);
		compare(&before);
		beats_on();
		counts->n += step;
	}
	unlink(image);
}

/* ---- the signal ---- */

/* Also hidden ones */
static int count_all_in(const char *dir)
{
	struct dirent *entry;
	DIR *stream;
	int nr = 0;

	stream = opendir(dir);
	check(stream, "%s: %s", dir, strerror(errno));
	while ((entry = readdir(stream)))
		nr++;
	closedir(stream);
	return nr;
}

static bool is_pending(pid_t pid, int sig)
{
	static char text[TEXT];
	unsigned long long mask = 0;
	char path[64], *line;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	prog_read(path, text, sizeof(text));
	line = strstr(text, "ShdPnd:");
	check(line && sscanf(line, "ShdPnd: %llx", &mask) == 1, "%s", path);
	return mask >> (sig - 1) & 1;
}

/* From the moment that it is taken, until all is over, the module has a user more */
static void auto_once(pid_t pid, int sig, long users)
{
	int i;

	must(kill(pid, sig));
	/* who only looks */
	family_in(false);
	for (i = 0; is_pending(pid, sig); i++) {
		check(i < PROG_POLLS, "%lu: the signal is pending", counts->n);
		prog_sleep_ms(PROG_POLL_MS);
	}
	for (i = 0; get("/sys/module/binfmt_cr", "refcnt") != users; i++) {
		check(i < PROG_POLLS, "%lu: the module is in use", counts->n);
		prog_sleep_ms(PROG_POLL_MS);
	}
}

/* The one that takes the signal may fail, too */
static void job_fails(pid_t pid, bool in)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	put(dir, "make-it-fail", in ? "1" : "0");
}

static void auto_loop(pid_t pid, const char *dir)
{
	int sig = get("/proc/sys/kernel", "crimg_signal"), names;
	static struct state before;
	char image[PATH_MAX], path[PATH_MAX];
	bool injected = true, saved;

	check(family && sig, "-t, or kernel.crimg_signal, is missing");
	open_own();
	snprintf(image, sizeof(image), "%s/auto.crimg", dir);
	for (; counts->n < max && injected; counts->n += step) {
		names = count_all_in(dir);
		look(&before);
		arm(counts->n);
		job_fails(pid, true);
		auto_once(pid, sig, before.users);
		injected = disarm(counts->n);
		job_fails(pid, false);
		saved = !access(image, F_OK);
		check(saved || injected, "%lu: not saved without a fault", counts->n);
		check(count_all_in(dir) == names + saved, "%lu: a file is left in %s", counts->n,
		      dir);
		counts->errors[0] += !saved;
		counts->tolerated += injected && saved;
		snprintf(path, sizeof(path), "%s/fault.%lu.crimg", dir, counts->n);
		if (saved && injected)
			must(rename(image, path));
		else if (saved)
			must(unlink(image));
		compare(&before);
		beats_on();
	}
}

/* ---- restart ---- */

/* It calls execve() until that succeeds, and looks whether it is what it was */
static void caller(char **argv)
{
	static struct state before;
	struct cr_ioc_error why = { .report = (uintptr_t)report, .report_len = sizeof(report) };
	bool injected;
	int err;

	open_own();
	device = must(open(CR_DEVICE, O_RDWR | O_CLOEXEC));
	for (; counts->n < max; counts->n += step) {
		look(&before);
		arm(counts->n);
		execv(argv[0], argv);
		err = errno;
		report[0] = 0;
		injected = disarm(counts->n);
		ioctl(device, CR_IOC_LAST_ERROR, &why);
		failed(err, true, injected, report);
		check(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD, "%lu: a child",
		      counts->n);
		compare(&before);
	}
	_exit(0);
}

static pid_t caller_start(char **argv, int *executed)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	int ends[2];
	pid_t pid;

	must(pipe2(ends, O_CLOEXEC));
	if (chosen) {
		args.set_tid = (uintptr_t)&chosen;
		args.set_tid_size = 1;
	}
	fflush(stdout);
	pid = must(syscall(SYS_clone3, &args, sizeof(args)));
	if (!pid) {
		close(ends[0]);
		caller(argv);
	}
	close(ends[1]);
	*executed = ends[0];
	return pid;
}

/* True: there was something left to fail */
static bool was_injected(pid_t pid)
{
	char dir[64];
	bool injected;

	if (family)
		return family_disarm(counts->n);
	snprintf(dir, sizeof(dir), "/proc/%d/task/%d", pid, pid);
	injected = !get(dir, "fail-nth");
	put(dir, "fail-nth", "0");
	return injected;
}

static bool is_stopped(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	prog_read(path, text, sizeof(text));
	return strstr(text, ") T ");
}

/*
 * Until its execve() is over: the job runs, or has stopped, or it has ended, which it
 * may do half way
 */
static bool has_executed(pid_t pid, int executed, unsigned int beat)
{
	siginfo_t info = {};
	char c;
	int i;

	/* its end is closed by execve(), or by its death */
	check(!must(read(executed, &c, 1)), "data");
	close(executed);
	for (i = 0; chosen ? !is_stopped(pid) : beats[0] == beat; i++) {
		must(waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT));
		if (info.si_pid)
			return false;
		check(i < PROG_POLLS, "%lu: executed, and nobody runs", counts->n);
		prog_sleep_ms(PROG_POLL_MS);
	}
	return true;
}

/* The job is there, whatever has failed: it is right */
static void job_verify(pid_t pid)
{
	int status;

	beats_on();
	prog_touch("go");
	must(waitpid(pid, &status, 0));
	check(!status, "%lu: the job ended with 0x%x", counts->n, status);
	must(unlink(prog_path("go")));
}

/* False: nothing was left to fail */
static bool restart_until_executed(char **argv)
{
	unsigned int beat = beats[0];
	int executed, status;
	bool runs, injected;
	pid_t pid;

	pid = caller_start(argv, &executed);
	runs = has_executed(pid, executed, beat);
	injected = was_injected(pid);
	if (runs) {
		/* it is in our group */
		if (chosen)
			must(kill(0, SIGCONT));
		counts->tolerated += injected;
		job_verify(pid);
		return injected;
	}
	must(waitpid(pid, &status, 0));
	/* as far as it was to go */
	if (!status)
		return false;
	check(WIFSIGNALED(status) && injected, "%lu: the caller ended with 0x%x", counts->n, status);
	printf("%lu: the caller ended with signal %d\n", counts->n, WTERMSIG(status));
	counts->ended++;
	return true;
}

static void restart_loop(char **argv)
{
	while (counts->n < max && restart_until_executed(argv))
		counts->n += step;
}

/* ---- */

static void print_counts(void)
{
	int err;

	printf("%lu tried until %lu, step %lu: tolerated %lu, ended %lu", counts->tried, counts->n,
	       step, counts->tolerated, counts->ended);
	for (err = 0; err < MAX_ERRNO; err++)
		if (counts->errors[err])
			printf(", %s %lu", err ? strerrorname_np(err) : "failed",
			       counts->errors[err]);
	printf("\n");
}

int main(int argc, char **argv)
{
	unsigned long from = 1;
	int opt;

	prog_name = "faults";
	counts = must(mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	while ((opt = getopt(argc, argv, "+b:c:d:n:s:m:p:t:")) != -1) {
		switch (opt) {
		case 'b': tool_dir = optarg; break;
		case 'c': cache = optarg; break;
		case 'd': prog_dir = optarg; break;
		case 'n': from = strtoul(optarg, NULL, 10); break;
		case 's': step = strtoul(optarg, NULL, 10); break;
		case 'm': max = strtoul(optarg, NULL, 10); break;
		case 'p': chosen = atoi(optarg); break;
		case 't': family_set_up(optarg); break;
		default: return 2;
		}
	}
	argv += optind;
	argc -= optind;
	/* what is allocated to count on is not of a cache */
	check(argc > 1 && prog_dir && !(family && *cache), "usage: see the source");
	counts->n = from;
	set_up();
	map_beats();
	if (family)
		family_keep(false);
	prog_case = argv[0];
	if (argc == 3 && !strcmp(argv[0], "save"))
		save_loop(atoi(argv[1]), argv[2]);
	else if (argc == 3 && !strcmp(argv[0], "again"))
		again_loop(atoi(argv[1]), argv[2]);
	else if (argc == 3 && !strcmp(argv[0], "tool"))
		tool_loop(argv[1], argv[2]);
	else if (argc == 3 && !strcmp(argv[0], "auto"))
		auto_loop(atoi(argv[1]), argv[2]);
	else if (!strcmp(argv[0], "restart"))
		restart_loop(argv + 1);
	if (family)
		family_keep(true);
	print_counts();
	return 0;
}
