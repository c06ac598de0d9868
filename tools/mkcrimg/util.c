// SPDX-License-Identifier: GPL-2.0
/* How the tool speaks: messages, sizes, the device. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/cr.h>
#include <linux/cr_reader.h>
#include "mkcrimg.h"
#include "text.h"

/* The size of a hole */
#define SPARSE_PAGE	4096u

static bool muted;

void mute(bool on)
{
	muted = on;
}

/* One write for each line, so that lines of threads do not mix */
static void put_text(const char *what, const char *text, size_t len,
		     const char *why)
{
	char *prefix = text_shown(what, strlen(what));
	char *shown = text_shown(text, len);

	if (prefix && shown)
		fprintf(stderr, "mkcrimg: %s%s%s%s%s\n", prefix,
			*what ? ": " : "", shown, *why ? ": " : "", why);
	free(prefix);
	free(shown);
}

static void put_line(const char *what, const char *fmt, va_list ap)
{
	char *text;

	if (muted || vasprintf(&text, fmt, ap) < 0)
		return;
	put_text(what, text, strlen(text), "");
	free(text);
}

int failed(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
	return ST_FAILED;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

/* What the reader of kernel/cr_image.c calls */
int cr_err(struct cr_log *log, int err, const char *fmt, ...)
{
	va_list ap;

	if (!log)
		return err;
	va_start(ap, fmt);
	put_line(log->what, fmt, ap);
	va_end(ap);
	return err;
}

/* Errors of a disk and the like: the line says where, the errno says what */
static const char *what_failed(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case EIO:
	case EROFS:
		return strerror(err);
	}
	return "";
}

unsigned int print_report(const char *what, const char *report, int err)
{
	const char *why = what_failed(err);
	unsigned int nr = 0;
	size_t len;

	for (; *report; report += len + (report[len] == '\n')) {
		len = strcspn(report, "\n");
		if (!len)
			continue;
		put_text(what, report, len, why);
		nr++;
	}
	return nr;
}

const char *human_size(u64 bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	static char buf[4][32];
	static unsigned int next;
	char *s = buf[next++ % 4];
	double value = bytes;
	size_t unit = 0;

	while (value >= 1024 && unit < ARRAY_SIZE(units) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(s, sizeof(buf[0]), "%.*f %s", unit && value < 100 ? 1 : 0,
		 value, units[unit]);
	return s;
}

u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

bool pwrite_all(int fd, const void *buf, size_t len, u64 offset)
{
	const u8 *p = buf;
	ssize_t n;

	for (; len; p += n, len -= n, offset += n) {
		n = pwrite(fd, p, len, offset);
		if (n < 0 && errno == EINTR) {
			n = 0;
		} else if (n <= 0) {
			errno = n ? errno : EIO;
			return false;
		}
	}
	return true;
}

/* How many bytes of pages that are zero, or are not, there are */
static size_t pages_alike(const u8 *p, size_t len, bool zero)
{
	size_t at, part;

	for (at = 0; at < len; at += part) {
		part = len - at < SPARSE_PAGE ? len - at : SPARSE_PAGE;
		if ((!p[at] && !memcmp(p + at, p + at + 1, part - 1)) != zero)
			break;
	}
	return at;
}

bool pwrite_sparse(int fd, const void *buf, size_t len, u64 offset)
{
	const u8 *p = buf;
	size_t at = 0, part;

	for (at = pages_alike(p, len, true); at < len;
	     at += pages_alike(p + at, len - at, true)) {
		part = pages_alike(p + at, len - at, false);
		if (!pwrite_all(fd, p + at, part, offset + at))
			return false;
		at += part;
	}
	return true;
}

const char *pread_all(int fd, void *buf, size_t len, u64 offset)
{
	u8 *p = buf;
	ssize_t n;

	for (; len; p += n, len -= n, offset += n) {
		n = pread(fd, p, len, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return strerror(errno);
		else if (!n)
			return "cut off while it was read";
	}
	return NULL;
}

int device_open(void)
{
	int fd = open(CR_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		failed("%s: %s%s", CR_DEVICE, strerror(errno), errno == ENOENT ?
		       ": is the kernel module binfmt_cr loaded?" : "");
	return fd;
}

char *report_alloc(void)
{
	char *report = calloc(1, CR_REPORT_MAX);

	if (!report)
		failed("no memory for a report");
	return report;
}
