// SPDX-License-Identifier: GPL-2.0
/*
 * Names that a restart takes again: are those of UNIX sockets and of
 * pseudo-terminals free, or in use by others? And does the restarter have the
 * descriptors that led outside the job?
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "check.h"

/* ---- UNIX sockets ---- */

/* A datagram that is not sent: whoever listens there does not notice */
static bool path_in_use(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int at = open(path, O_PATH | O_CLOEXEC);
	bool used;

	/* the path may be longer than an address */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", at);
	used = fd >= 0 && at >= 0 && (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
			   errno == EPROTOTYPE || errno == EPERM);
	if (fd >= 0)
		close(fd);
	if (at >= 0)
		close(at);
	return used;
}

static unsigned int check_path(const struct image *img, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT && parent_writable(path) ? 0 :
		       problem(img, "%s: a socket cannot be bound there: %s", path,
			       strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return problem(img, "%s: is in the way: no socket", path);
	if (path_in_use(path))
		return problem(img, "%s: somebody is bound to it", path);
	return 0;
}

/* As /proc/net/unix shows it: '@' for NUL */
static unsigned int check_abstract(const struct image *img, u32 type,
				   const char *name, size_t len)
{
	char shown[sizeof(struct sockaddr_un)], line[512], *at;
	bool used = false;
	unsigned int of;
	size_t i;
	FILE *f;

	for (i = 0; i < len; i++)
		shown[i] = name[i] ?: '@';
	shown[len] = 0;
	f = fopen("/proc/net/unix", "r");
	while (f && !used && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		at = strchr(line, '@');
		used = at && !strcmp(at, shown) &&
		       sscanf(line, "%*s %*s %*s %*s %x", &of) == 1 && of == type;
	}
	if (f)
		fclose(f);
	return used ? problem(img, "%s: somebody is bound to it", shown) : 0;
}

static unsigned int check_sock(const struct image *img, u32 id)
{
	struct cr_rec_sock rec;
	struct cr_view v;
	const char *name;
	u32 len;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	name = v.tail;
	len = le32_to_cpu(rec.name_len);
	if (!len || !(le32_to_cpu(rec.flags) & CR_SOCK_BOUND))
		return 0;
	if (!name[0])
		return check_abstract(img, le32_to_cpu(rec.type), name, len);
	return rec.path_len ? check_path(img, name + len) : 0;
}

/* ---- descriptors ---- */

static bool fd_fits(unsigned int fd, int mode)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH || fcntl(fd, F_GETFD) & FD_CLOEXEC)
		return false;
	flags &= O_ACCMODE;
	return flags == O_RDWR || flags == mode;
}

static bool tty_fits(const struct cr_rec_file *f, int mode)
{
	u32 own = le32_to_cpu(f->fd);
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fd_fits(fd, mode))
			return true;
	if (own <= 2 && fd_fits(own, own ? O_WRONLY : O_RDONLY))
		return true;
	fd = open("/dev/tty", mode | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Another descriptor that stood for the same terminal, or the same pipe */
static bool sibling_fits(const struct image *img, const struct cr_rec_file *f,
			 int mode)
{
	bool tty = le32_to_cpu(f->flags) & CR_FILE_TTY;
	struct cr_rec_file other;
	struct cr_view v;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_FILE));) {
		cr_read_obj(&img->cr, id, &v, &other, sizeof(other));
		if (other.kind == f->kind && other.dev == f->dev &&
		    tty == !!(le32_to_cpu(other.flags) & CR_FILE_TTY) &&
		    (tty || other.ino == f->ino) &&
		    fd_fits(le32_to_cpu(other.fd), mode))
			return true;
	}
	return false;
}

static unsigned int check_outside(const struct image *img, u32 id)
{
	struct cr_rec_file f;
	struct cr_view v;
	int mode;

	cr_read_obj(&img->cr, id, &v, &f, sizeof(f));
	if (le32_to_cpu(f.kind) != CR_FILE_OUTSIDE)
		return 0;
	mode = le32_to_cpu(f.open_flags) & O_ACCMODE;
	if (fd_fits(le32_to_cpu(f.fd), mode) || sibling_fits(img, &f, mode) ||
	    (le32_to_cpu(f.flags) & CR_FILE_TTY && tty_fits(&f, mode)))
		return 0;
	if (le32_to_cpu(f.fd) == CR_FD_IN_FLIGHT)
		return problem(img, "%s, in flight, led outside the job: you have no descriptor for it",
			       (const char *)v.tail);
	return problem(img, "fd %u led outside the job: you have no descriptor %u that can be %s",
		       le32_to_cpu(f.fd), le32_to_cpu(f.fd),
		       mode == O_RDONLY ? "read" : mode == O_WRONLY ? "written" :
		       "read and written");
}

/* ---- pseudo-terminals ---- */

/* Numbers are those of the instance that the device makes them in */
static unsigned int check_pty(const struct image *img, u32 id)
{
	struct cr_rec_pty rec;
	char path[32];
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
	if (access(v.tail, R_OK | W_OK))
		return problem(img, "%s: cannot be opened: %s",
			       (const char *)v.tail, strerror(errno));
	snprintf(path, sizeof(path), "/dev/pts/%u", le32_to_cpu(rec.index));
	return access(path, F_OK) ? 0 :
	       problem(img, "%s: is there: the number is taken", path);
}

unsigned int check_names(const struct image *img)
{
	unsigned int problems = 0;
	u32 id;

	for (id = 0; (id = image_next(img, id, CR_REC_SOCK));)
		problems += check_sock(img, id);
	problems += check_ipc(img);
	for (id = 0; (id = image_next(img, id, CR_REC_PTY));)
		problems += check_pty(img, id);
	for (id = 0; (id = image_next(img, id, CR_REC_FILE));)
		problems += check_outside(img, id);
	return problems;
}
