/* SPDX-License-Identifier: GPL-2.0 */
/* The tool's commands, and how it speaks. */
#ifndef MKCRIMG_H
#define MKCRIMG_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/types.h>

#define MKCRIMG_VERSION	"0.1"

/* Exit statuses */
#define ST_OK		0
#define ST_FAILED	1
#define ST_USAGE	2

/**
 * struct cmd - a command of the tool
 * @name: its word
 * @args: what follows it, for the help
 * @help: one line that says what it does
 * @options: lines that explain the options; may be NULL
 * @trouble: exit status if what it prints cannot be written; 0: ST_FAILED
 * @run: argv[0] is the command's name; value: the exit status
 */
struct cmd {
	const char *name;
	const char *args;
	const char *help;
	const char *options;
	int trouble;
	int (*run)(const struct cmd *cmd, int argc, char **argv);
};

extern const struct cmd cmd_save, cmd_show, cmd_check, cmd_core, cmd_gdb,
	cmd_restart, cmd_expand, cmd_stack, cmd_diff, cmd_auto, cmd_run;
/* Not there (NULL) in a tool that was built without libfuse3: mkcrimg.mk */
extern const struct cmd cmd_mount __attribute__((weak));

/* Usage of one command to stderr; value: ST_USAGE */
int usage(const struct cmd *cmd);

/**
 * failed() - one line on stderr
 * @fmt: "job.crimg: pid 412: ...": what, and why
 *
 * Return: ST_FAILED
 */
__printf(1, 2) int failed(const char *fmt, ...);

/* The same line, of what is no failure */
__printf(1, 2) void note(const char *fmt, ...);
/* Until mute(false) there are no such lines: what fails is of no interest */
void mute(bool on);

/*
 * Each line of @report, with "mkcrimg: @what: " before it; @err is the error that
 * came with it. Value: how many lines
 */
unsigned int print_report(const char *what, const char *report, int err);

/* "12.3 MiB"; the string lives until the fourth call after this one */
const char *human_size(u64 bytes);

/* CLOCK_MONOTONIC */
u64 now_ms(void);

/* All @len bytes, or false and errno */
bool pwrite_all(int fd, const void *buf, size_t len, u64 offset);
/* The same; pages of zeros stay a hole */
bool pwrite_sparse(int fd, const void *buf, size_t len, u64 offset);
/* All @len bytes: NULL, or why not */
const char *pread_all(int fd, void *buf, size_t len, u64 offset);

/**
 * struct cr_log - where the reader's messages go: stderr
 * @what: prefix, the image's path
 */
struct cr_log {
	const char *what;
};

/* /dev/crimg, or -1 after a line that says why it cannot be opened */
int device_open(void);
/* A buffer of CR_REPORT_MAX bytes for struct cr_ioc_*.report */
char *report_alloc(void);

/*
 * Execute an image: @args[0], with options behind it. Value, if that fails:
 * ST_FAILED, after a line that says why, and the errno of it
 */
int image_exec(char *const args[]);

/* ---- values of options; false: that is none ---- */

bool parse_number(const char *text, unsigned long min, unsigned long max,
		  unsigned long *value);
/* The number of a process */
bool parse_pid(const char *text, pid_t *pid);
/* "90", "90s", "30m", "2h", "1d" */
bool parse_time(const char *text, u64 *ms);
/* "4096", "64K", "100M", "4G", "1T" */
bool parse_size(const char *text, u64 *bytes);
/* "TERM,SIGUSR1,10": signals that can be caught, but not SIGCHLD */
/* Number of "TERM", "SIGTERM", "15"; 0: none that can be caught */
int parse_signal(const char *name);
bool parse_signals(const char *text, sigset_t *set);

#endif
