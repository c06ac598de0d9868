// SPDX-License-Identifier: GPL-2.0
/*
 * klplink - give a module access to kernel symbols that are not exported
 *
 * A module that is built outside the kernel tree may only refer to the symbols
 * that Module.symvers lists.  This tool turns every other undefined symbol of a
 * linked module into a livepatch symbol, which the kernel resolves by name when
 * it loads the module: kernel/livepatch/core.c, klp_resolve_symbols(), and
 * Documentation/livepatch/module-elf-format.rst describe the result:
 *
 *   - the symbol NAME becomes ".klp.sym.vmlinux.NAME,POS" in the section
 *     SHN_LIVEPATCH.  POS is 0 for a unique name, else 1, 2, ... in the order
 *     of kallsyms;
 *   - the relocations that refer to such symbols move from .rela.SECTION to
 *     a new section .klp.rela.vmlinux.SECTION, which must be allocated.
 *
 * Relocations of sections that are not loaded (debug information) stay where
 * they are: the module loader does not look at them.
 *
 * The order of symbols and sections does not change.  A weak undefined symbol
 * stays as it is unless the symbol list knows it: the loader makes it 0.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <getopt.h>
#include <libelf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SHN_LIVEPATCH
#define SHN_LIVEPATCH		0xff20
#endif
#ifndef SHF_RELA_LIVEPATCH
#define SHF_RELA_LIVEPATCH	0x00100000
#endif

#define KLP_SYM_PREFIX		".klp.sym.vmlinux."
#define KLP_RELA_PREFIX		".klp.rela.vmlinux"
#define KLP_RELA_ANY		".klp.rela."
/* KSYM_NAME_LEN of both kernels, with the terminating zero */
#define SYMBOL_NAME_MAX		512

/* One name of the kernel: exported, in the symbol list, or both. */
struct name {
	char *name;
	unsigned int count;	/* how often the symbol list has it */
	bool exported;		/* Module.symvers has it */
	bool init;		/* only in memory that is freed after boot */
	unsigned int pos;	/* chosen by -s, 0: not chosen */
	struct name *next;
};

#define NAME_BUCKETS	(1 << 16)

/* A string section that grows at its end. */
struct strings {
	Elf_Scn *scn;
	char *buf;
	size_t size;
};

struct module {
	const char *path;
	Elf *elf;
	Elf_Scn *symtab;
	Elf_Data *syms;
	size_t nr_syms;
	struct strings strtab;
	struct strings shstrtab;
	bool *klp;		/* per symbol: is a livepatch symbol now */
	unsigned int nr_klp;
};

static struct name *names[NAME_BUCKETS];
static bool have_map;
static bool verbose;
static char *unfinished;	/* the output while it is being written */
static unsigned int nr_errors;

static void vreport(const char *fmt, va_list ap)
{
	fputs("klplink: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

__attribute__((format(printf, 1, 2)))
static void report(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(fmt, ap);
	va_end(ap);
	nr_errors++;
}

__attribute__((noreturn))
static void quit(int status)
{
	if (unfinished)
		unlink(unfinished);
	exit(status);
}

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(fmt, ap);
	va_end(ap);
	quit(1);
}

static void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		die("out of memory");
	return p;
}

static void *xzalloc(size_t size)
{
	return memset(xrealloc(NULL, size), 0, size);
}

static struct name *name_find(const char *str, bool create)
{
	uint32_t hash = 2166136261u;
	struct name **slot, *n;
	const char *p;

	for (p = str; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	slot = &names[(hash ^ (hash >> 16)) % NAME_BUCKETS];
	for (n = *slot; n; n = n->next)
		if (!strcmp(n->name, str))
			return n;
	if (!create)
		return NULL;
	n = xzalloc(sizeof(*n));
	n->name = strdup(str);
	if (!n->name)
		die("out of memory");
	n->next = *slot;
	return *slot = n;
}

static FILE *list_open(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

/* CRC <tab> NAME <tab> MODULE <tab> EXPORT_TYPE <tab> NAMESPACE */
static void symvers_read(const char *path)
{
	FILE *f = list_open(path);
	unsigned int line = 0;
	char *buf = NULL;
	size_t size = 0;

	while (getline(&buf, &size, f) > 0) {
		char name[SYMBOL_NAME_MAX];
		unsigned long crc;

		line++;
		if (sscanf(buf, "0x%lx %511s", &crc, name) != 2)
			die("%s:%u: not a line of Module.symvers", path, line);
		name_find(name, true)->exported = true;
	}
	if (!line)
		die("%s: no symbols in it", path);
	free(buf);
	fclose(f);
}

/* Two passes: the bounds of init memory may come after what lies inside. */
static void map_scan(const char *path, uint64_t *begin, uint64_t *end, bool bounds)
{
	FILE *f = list_open(path);
	unsigned int line = 0;
	char *buf = NULL;
	size_t size = 0;

	while (getline(&buf, &size, f) > 0) {
		char name[SYMBOL_NAME_MAX], module[64];
		unsigned long long addr;
		struct name *n;
		char type;
		int fields;

		line++;
		fields = sscanf(buf, "%llx %c %511s %63s", &addr, &type, name, module);
		if (fields < 3)
			die("%s:%u: not a line of a symbol list", path, line);
		if (fields > 3 || toupper(type) == 'U')
			continue;
		if (bounds) {
			if (!strcmp(name, "__init_begin"))
				*begin = addr;
			else if (!strcmp(name, "__init_end"))
				*end = addr;
			continue;
		}
		n = name_find(name, true);
		n->count++;
		if (addr >= *begin && addr < *end)
			n->init = true;
	}
	/* Debian's System.map is one line that says where the real one is. */
	if (line < 2)
		die("%s: no symbols in it", path);
	free(buf);
	fclose(f);
}

static void map_read(const char *path)
{
	uint64_t begin = 0, end = 0;

	map_scan(path, &begin, &end, true);
	map_scan(path, &begin, &end, false);
	have_map = true;
}

/* NAME=POS */
static void sympos_parse(const char *arg)
{
	const char *eq = strchr(arg, '=');
	char name[SYMBOL_NAME_MAX];
	unsigned long pos;
	char *end;

	if (!eq || eq == arg || (size_t)(eq - arg) >= sizeof(name))
		die("-s %s: expected NAME=POS", arg);
	errno = 0;
	pos = strtoul(eq + 1, &end, 10);
	if (errno || end == eq + 1 || *end || !isdigit((unsigned char)eq[1]) ||
	    !pos || pos > 1000000)
		die("-s %s: a position is a number from 1 on", arg);
	memcpy(name, arg, eq - arg);
	name[eq - arg] = 0;
	name_find(name, true)->pos = pos;
}

static size_t strings_add(struct strings *s, const char *str)
{
	size_t len = strlen(str) + 1, off = s->size;

	s->buf = xrealloc(s->buf, s->size + len);
	memcpy(s->buf + off, str, len);
	s->size += len;
	return off;
}

static const char *strings_get(const struct module *mod, const struct strings *s, size_t off)
{
	if (off >= s->size || !memchr(s->buf + off, 0, s->size - off))
		die("%s: a name lies outside its string section", mod->path);
	return s->buf + off;
}

static void strings_read(const struct module *mod, struct strings *s, size_t ndx)
{
	Elf_Data *data;

	s->scn = elf_getscn(mod->elf, ndx);
	data = s->scn ? elf_rawdata(s->scn, NULL) : NULL;
	if (!data || !data->d_buf || !data->d_size)
		die("%s: section %zu holds no strings", mod->path, ndx);
	s->size = data->d_size;
	s->buf = xrealloc(NULL, s->size);
	memcpy(s->buf, data->d_buf, s->size);
}

static void strings_write(const struct module *mod, struct strings *s)
{
	Elf_Data *data = elf_getdata(s->scn, NULL);

	if (!data)
		die("%s: %s", mod->path, elf_errmsg(-1));
	data->d_buf = s->buf;
	data->d_size = s->size;
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
}

static GElf_Shdr section_header(const struct module *mod, Elf_Scn *scn)
{
	GElf_Shdr shdr;

	if (!scn || !gelf_getshdr(scn, &shdr))
		die("%s: section header: %s", mod->path, elf_errmsg(-1));
	return shdr;
}

static const char *section_name(const struct module *mod, Elf_Scn *scn)
{
	GElf_Shdr shdr = section_header(mod, scn);

	return strings_get(mod, &mod->shstrtab, shdr.sh_name);
}

static bool modinfo_has(Elf_Scn *scn, const char *entry)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	const char *p, *end;
	size_t len;

	if (!data || !data->d_buf)
		return false;
	p = data->d_buf;
	end = p + data->d_size;
	for (; p < end; p += len + 1) {
		len = strnlen(p, end - p);
		if (len == strlen(entry) && !memcmp(p, entry, len))
			return true;
	}
	return false;
}

/* Everything that can be wrong with the input as a whole is found here. */
static void module_check(struct module *mod)
{
	bool livepatch = false;
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(mod->elf, scn))) {
		GElf_Shdr shdr = section_header(mod, scn);
		const char *name = section_name(mod, scn);

		if (shdr.sh_type == SHT_SYMTAB) {
			if (mod->symtab)
				die("%s: more than one symbol table", mod->path);
			mod->symtab = scn;
		}
		if (!strncmp(name, KLP_RELA_ANY, strlen(KLP_RELA_ANY)))
			die("%s: is linked already: it has a section %s", mod->path, name);
		if (!strcmp(name, ".modinfo"))
			livepatch = modinfo_has(scn, "livepatch=Y");
	}
	if (!mod->symtab)
		die("%s: no symbol table", mod->path);
	if (!livepatch)
		die("%s: lacks MODULE_INFO(livepatch, \"Y\"), the kernel would not resolve its symbols",
		    mod->path);
}

static void module_open(struct module *mod, int fd)
{
	size_t shstrndx;
	GElf_Ehdr ehdr;
	GElf_Shdr shdr;

	mod->elf = elf_begin(fd, ELF_C_RDWR, NULL);
	if (!mod->elf || elf_kind(mod->elf) != ELF_K_ELF ||
	    !gelf_getehdr(mod->elf, &ehdr))
		die("%s: not an ELF file", mod->path);
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_type != ET_REL)
		die("%s: not a 64-bit relocatable object", mod->path);
	if (elf_getshdrstrndx(mod->elf, &shstrndx))
		die("%s: no section names", mod->path);
	strings_read(mod, &mod->shstrtab, shstrndx);
	module_check(mod);

	shdr = section_header(mod, mod->symtab);
	if (shdr.sh_link == shstrndx)
		die("%s: symbols and sections share one string section", mod->path);
	strings_read(mod, &mod->strtab, shdr.sh_link);
	mod->syms = elf_getdata(mod->symtab, NULL);
	if (!mod->syms || shdr.sh_entsize != sizeof(Elf64_Sym))
		die("%s: symbol table: %s", mod->path, elf_errmsg(-1));
	mod->nr_syms = shdr.sh_size / shdr.sh_entsize;
	mod->klp = xzalloc(mod->nr_syms * sizeof(*mod->klp));
}

/*
 * Decides what an undefined symbol becomes.  Returns its position for the
 * livepatch name, or -1 when the symbol stays as it is.
 */
static long symbol_position(const struct module *mod, const char *name, bool weak)
{
	const struct name *n = name_find(name, false);
	unsigned int pos = n ? n->pos : 0;

	if (n && n->exported)
		return -1;
	if (weak && !(n && n->count))
		return -1;
	if (strchr(name, ',') || strlen(name) >= SYMBOL_NAME_MAX) {
		report("%s: %s: the kernel cannot look up such a name", mod->path, name);
		return -1;
	}
	if (!have_map)
		return pos;
	if (!n || !n->count) {
		report("%s: %s: the kernel has no such symbol", mod->path, name);
		return -1;
	}
	if (pos > n->count) {
		report("%s: %s: position %u wanted, the kernel has %u of them",
		       mod->path, name, pos, n->count);
		return -1;
	}
	if (n->count > 1 && !pos) {
		report("%s: %s: the kernel has %u symbols of this name, choose one with -s %s=POS",
		       mod->path, name, n->count, name);
		return -1;
	}
	if (n->count == 1 && n->init) {
		report("%s: %s: lies in memory that the kernel frees after boot", mod->path, name);
		return -1;
	}
	/* A unique symbol is number 1 and 0 alike; 0 is what the format says. */
	return n->count == 1 ? 0 : pos;
}

static void symbol_convert(struct module *mod, size_t ndx)
{
	char klp_name[sizeof(KLP_SYM_PREFIX) + SYMBOL_NAME_MAX + 16];
	const char *name;
	GElf_Sym sym;
	bool weak;
	long pos;

	if (!gelf_getsym(mod->syms, ndx, &sym))
		die("%s: symbol %zu: %s", mod->path, ndx, elf_errmsg(-1));
	if (sym.st_shndx != SHN_UNDEF || !sym.st_name)
		return;
	name = strings_get(mod, &mod->strtab, sym.st_name);
	weak = GELF_ST_BIND(sym.st_info) == STB_WEAK;
	pos = symbol_position(mod, name, weak);
	if (pos < 0)
		return;

	snprintf(klp_name, sizeof(klp_name), KLP_SYM_PREFIX "%s,%ld", name, pos);
	if (verbose)
		printf("%s\n", klp_name);
	sym.st_name = strings_add(&mod->strtab, klp_name);
	sym.st_shndx = SHN_LIVEPATCH;
	sym.st_info = GELF_ST_INFO(STB_GLOBAL, GELF_ST_TYPE(sym.st_info));
	if (!gelf_update_sym(mod->syms, ndx, &sym))
		die("%s: symbol %zu: %s", mod->path, ndx, elf_errmsg(-1));
	mod->klp[ndx] = true;
	mod->nr_klp++;
}

static void klp_section_add(struct module *mod, Elf_Scn *target, const Elf64_Rela *relas,
			    size_t nr)
{
	const char *target_name = section_name(mod, target);
	Elf_Scn *scn = elf_newscn(mod->elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;
	size_t size = nr * sizeof(*relas);
	GElf_Shdr shdr = { 0 };
	char *name;

	if (!data)
		die("%s: new section: %s", mod->path, elf_errmsg(-1));
	if (asprintf(&name, KLP_RELA_PREFIX "%s%s", *target_name == '.' ? "" : ".",
		     target_name) < 0)
		die("out of memory");

	data->d_type = ELF_T_RELA;
	data->d_buf = memcpy(xrealloc(NULL, size), relas, size);
	data->d_size = size;
	data->d_align = 8;
	data->d_version = EV_CURRENT;

	shdr.sh_name = strings_add(&mod->shstrtab, name);
	shdr.sh_type = SHT_RELA;
	shdr.sh_flags = SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH;
	shdr.sh_link = elf_ndxscn(mod->symtab);
	shdr.sh_info = elf_ndxscn(target);
	shdr.sh_addralign = 8;
	shdr.sh_entsize = sizeof(*relas);
	shdr.sh_size = size;
	if (!gelf_update_shdr(scn, &shdr))
		die("%s: %s: %s", mod->path, name, elf_errmsg(-1));
	free(name);
}

/* Moves the relocations of livepatch symbols out of one section. */
static void section_split(struct module *mod, Elf_Scn *scn)
{
	GElf_Shdr shdr = section_header(mod, scn);
	size_t i, nr, nr_keep = 0, nr_klp = 0;
	Elf64_Rela *relas, *klp;
	Elf_Scn *target;
	Elf_Data *data;

	target = elf_getscn(mod->elf, shdr.sh_info);
	if (!target || !shdr.sh_info)
		die("%s: %s: applies to no section", mod->path, section_name(mod, scn));
	if (!(section_header(mod, target).sh_flags & SHF_ALLOC))
		return;
	data = elf_getdata(scn, NULL);
	if (!data || shdr.sh_entsize != sizeof(*relas))
		die("%s: %s: %s", mod->path, section_name(mod, scn), elf_errmsg(-1));

	relas = data->d_buf;
	nr = data->d_size / sizeof(*relas);
	klp = xrealloc(NULL, nr * sizeof(*klp));
	for (i = 0; i < nr; i++) {
		size_t sym = ELF64_R_SYM(relas[i].r_info);

		if (sym >= mod->nr_syms)
			die("%s: %s: relocation %zu refers to no symbol", mod->path,
			    section_name(mod, scn), i);
		if (mod->klp[sym])
			klp[nr_klp++] = relas[i];
		else
			relas[nr_keep++] = relas[i];
	}
	if (nr_klp) {
		data->d_size = nr_keep * sizeof(*relas);
		elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
		shdr.sh_size = data->d_size;
		gelf_update_shdr(scn, &shdr);
		klp_section_add(mod, target, klp, nr_klp);
	}
	free(klp);
}

static void module_link(struct module *mod)
{
	Elf_Scn *scn = NULL;
	size_t i, nr;

	for (i = 1; i < mod->nr_syms; i++)
		symbol_convert(mod, i);
	if (nr_errors)
		quit(1);
	elf_flagdata(mod->syms, ELF_C_SET, ELF_F_DIRTY);

	/* Sections that are added on the way are not looked at. */
	if (elf_getshdrnum(mod->elf, &nr))
		die("%s: %s", mod->path, elf_errmsg(-1));
	for (i = 1; i < nr; i++) {
		scn = elf_getscn(mod->elf, i);
		if (section_header(mod, scn).sh_type == SHT_RELA)
			section_split(mod, scn);
	}
	strings_write(mod, &mod->strtab);
	strings_write(mod, &mod->shstrtab);
	if (elf_update(mod->elf, ELF_C_WRITE) < 0)
		die("%s: writing: %s", mod->path, elf_errmsg(-1));
	elf_end(mod->elf);
}

static int file_copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	char buf[65536];
	struct stat st;
	ssize_t n;

	if (in < 0 || fstat(in, &st))
		die("%s: %s", from, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("%s: not a regular file", from);
	out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0777);
	if (out < 0)
		die("%s: %s", to, strerror(errno));
	unfinished = (char *)to;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die("%s: %s", to, strerror(errno));
	if (n < 0)
		die("%s: %s", from, strerror(errno));
	close(in);
	return out;
}

static void usage(FILE *to)
{
	fputs("usage: klplink [-v] [-o OUT] [-m LIST] [-s NAME=POS]... MODULE.ko Module.symvers\n"
	      "  -o OUT       write the result there (default: over MODULE.ko)\n"
	      "  -m LIST      the kernel's symbols (System.map or kallsyms): unknown and ambiguous\n"
	      "               names are refused here instead of when the module is loaded\n"
	      "  -s NAME=POS  take the POSth symbol called NAME\n"
	      "  -v           print the livepatch symbols\n", to);
}

int main(int argc, char **argv)
{
	const char *out = NULL;
	struct module mod = { 0 };
	char *tmp;
	int opt, fd;

	while ((opt = getopt(argc, argv, "hm:o:s:v")) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return 0;
		case 'm':
			map_read(optarg);
			break;
		case 'o':
			out = optarg;
			break;
		case 's':
			sympos_parse(optarg);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (argc - optind != 2) {
		usage(stderr);
		return 2;
	}
	mod.path = argv[optind];
	if (!out)
		out = mod.path;
	symvers_read(argv[optind + 1]);

	elf_version(EV_CURRENT);
	if (asprintf(&tmp, "%s.%d.tmp", out, getpid()) < 0)
		die("out of memory");
	fd = file_copy(mod.path, tmp);
	module_open(&mod, fd);
	module_link(&mod);
	if (close(fd) || rename(tmp, out))
		die("%s: %s", out, strerror(errno));
	unfinished = NULL;
	if (verbose)
		printf("%s: %u symbols\n", out, mod.nr_klp);
	return 0;
}
