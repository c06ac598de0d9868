// SPDX-License-Identifier: GPL-2.0
/*
 * Backtraces by libdwfl, of the image itself: registers and memory come from
 * the records, unwinding tables and symbols from the files that were mapped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "stack.h"

/* Registers in the order of DWARF: places in struct cr_rec_regs_x86 */
enum { R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8, RAX, RCX, RDX, RSI, RDI,
       ORIG_RAX, RIP, CS, FLAGS, RSP };
static const unsigned char dwarf_regs[] = {
	RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP,
	R8, R9, R10, R11, R12, R13, R14, R15, RIP,
};

/* What a system call that a signal interrupts leaves in ax: the kernel's own */
#define CODE_RESTARTSYS		(-512)
#define CODE_RESTARTNOINTR	(-513)
#define CODE_RESTARTNOHAND	(-514)
#define CODE_RESTART_BLOCK	(-516)
/* What is in ax until a system call is over */
#define CODE_NOSYS		(-38)

/**
 * struct walk - a process on its way through libdwfl
 * @img: the image
 * @proc: its PROC
 * @nr_threads: number of its threads, which follow
 * @thread: id of the thread at hand
 * @memory: of all of them
 * @lacks: address that could not be read for the thread at hand
 * @lacked: there was one
 * @nr_frames: of the thread at hand
 * @module: the last of them is in it
 * @sink, @arg: who is told
 */
struct walk {
	const struct image *img;
	u32 proc;
	u32 nr_threads;
	u32 thread;
	struct memory memory;
	u64 lacks;
	bool lacked;
	unsigned int nr_frames;
	const struct module *module;
	const struct stack_sink *sink;
	void *arg;
};

static void regs_read(const struct image *img, u32 thread,
		      struct cr_rec_regs_x86 *regs)
{
	struct cr_detail_iter it;

	memset(regs, 0, sizeof(*regs));
	cr_for_each_detail(&img->cr, thread, &it)
		if (it.view.type == CR_REC_REGS_X86)
			cr_detail(&it, regs, sizeof(*regs));
}

/* What restart_syscall() goes on with; NULL: nothing waits for it */
static const char *restart_name(const struct image *img, u32 thread)
{
	static const char *const names[] = {
		[CR_RESTART_NANOSLEEP] = "nanosleep",
		[CR_RESTART_FUTEX] = "futex",
		[CR_RESTART_POLL] = "poll",
		[CR_RESTART_CPU] = "nanosleep",
		[CR_RESTART_ALARM] = "nanosleep",
	};
	struct cr_rec_restart rec = {};
	struct cr_detail_iter it;

	cr_for_each_detail(&img->cr, thread, &it)
		if (it.view.type == CR_REC_RESTART)
			cr_detail(&it, &rec, sizeof(rec));
	return le32_to_cpu(rec.kind) < ARRAY_SIZE(names) ?
	       names[le32_to_cpu(rec.kind)] : NULL;
}

void stack_call_read(const struct image *img, u32 thread,
		     const struct cr_rec_thread *t, struct stack_call *call)
{
	struct cr_rec_regs_x86 regs;

	*call = (struct stack_call){ .vfork = le32_to_cpu(t->vfork) };
	regs_read(img, thread, &regs);
	call->nr = le64_to_cpu(regs.gpr[ORIG_RAX]);
	if (!~call->nr)
		return;
	call->name = syscall_name(call->nr);
	call->resumes = restart_name(img, thread);
	call->result = le64_to_cpu(regs.gpr[RAX]);
	if (call->resumes) {
		call->state = CALL_IN;
		if (call->nr != SYS_restart_syscall)
			call->resumes = NULL;
		return;
	}
	switch (call->result) {
	case CODE_RESTARTSYS:
	case CODE_RESTARTNOINTR:
	case CODE_RESTARTNOHAND:
	case CODE_RESTART_BLOCK:
		call->state = CALL_IN;
		break;
	case CODE_NOSYS:
		call->state = t->vfork ? CALL_IN : CALL_RETURNS;
		break;
	default:
		call->state = CALL_RETURNS;
	}
}

/* ---- what libdwfl asks for ---- */

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	struct cr_rec_thread t;
	struct walk *w = arg;
	struct cr_view v;

	(void)dwfl;
	w->thread = *thread_arg ? w->thread + 1 : w->proc + 1;
	if (w->thread > w->proc + w->nr_threads)
		return 0;
	*thread_arg = w;
	cr_read_obj(&w->img->cr, w->thread, &v, &t, sizeof(t));
	return le32_to_cpu(t.tid);
}

static bool word_read(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result,
		      void *arg)
{
	struct walk *w = arg;

	(void)dwfl;
	if (memory_read(&w->memory, addr, result, sizeof(*result)))
		return true;
	w->lacks = addr;
	w->lacked = true;
	return false;
}

static bool registers_set(Dwfl_Thread *thread, void *thread_arg)
{
	Dwarf_Word values[ARRAY_SIZE(dwarf_regs)];
	struct walk *w = thread_arg;
	struct cr_rec_regs_x86 regs;
	size_t i;

	regs_read(w->img, w->thread, &regs);
	for (i = 0; i < ARRAY_SIZE(dwarf_regs); i++)
		values[i] = le64_to_cpu(regs.gpr[dwarf_regs[i]]);
	return dwfl_thread_state_registers(thread, 0, ARRAY_SIZE(values),
					   values);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.memory_read = word_read,
	.set_initial_registers = registers_set,
};

/* ---- what it says ---- */

/* A call is looked up by the instruction before the one that it returns to */
static int frame_tell(Dwfl_Frame *state, void *arg)
{
	struct stack_frame f = {};
	struct walk *w = arg;
	Dwfl_Module *mod;
	bool activation;
	Dwarf_Addr pc;
	Dwfl_Line *line;
	GElf_Sym sym;

	if (w->nr_frames == FRAMES_MAX || !dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	f.nr = w->nr_frames++;
	f.pc = pc;
	pc -= !activation;
	mod = dwfl_addrmodule(dwfl_thread_dwfl(dwfl_frame_thread(state)), pc);
	f.module = module_of(mod);
	w->module = f.module;
	if (mod) {
		f.symbol = dwfl_module_addrinfo(mod, pc, &f.offset, &sym, NULL,
						NULL, NULL);
		f.offset += f.pc - pc;
		/* tables of one that is not ours may send libdw anywhere */
		line = f.module && f.module->ours ?
		       dwfl_module_getsrc(mod, pc) : NULL;
		if (line)
			f.source = dwfl_lineinfo(line, NULL, &f.line, NULL,
						 NULL, NULL);
	}
	w->sink->frame(w->arg, &f);
	return DWARF_CB_OK;
}

static int thread_tell(Dwfl_Thread *thread, void *arg)
{
	const char *why = NULL;
	struct cr_rec_thread t;
	struct stack_call call;
	struct walk *w = arg;
	struct cr_view v;
	char text[64];
	int status;

	cr_read_obj(&w->img->cr, w->thread, &v, &t, sizeof(t));
	stack_call_read(w->img, w->thread, &t, &call);
	w->sink->thread(w->arg, &t, &call);
	w->nr_frames = 0;
	w->module = NULL;
	w->lacked = false;
	status = dwfl_thread_getframes(thread, frame_tell, w);
	if (w->nr_frames == FRAMES_MAX && status == DWARF_CB_ABORT) {
		why = "more calls are not shown";
	} else if (status && w->module && w->module->why) {
		why = "without that file, who called it is not known";
	} else if (w->lacked) {
		/* to libdwfl it may look like the first call of all */
		snprintf(text, sizeof(text), "memory at 0x%llx cannot be read",
			 (unsigned long long)w->lacks);
		why = text;
	} else if (status) {
		why = dwfl_errmsg(-1);
	}
	w->sink->thread_end(w->arg, why);
	return DWARF_CB_OK;
}

static int module_tell(Dwfl_Module *mod, void **userdata, const char *name,
		       Dwarf_Addr start, void *arg)
{
	const unsigned char *bits;
	struct walk *w = arg;
	char text[2 * 64 + 1];
	int len, i;
	GElf_Addr at, bias;

	(void)name;
	(void)start;
	/* opens it: before that, there is no build-id */
	dwfl_module_getelf(mod, &bias);
	len = dwfl_module_build_id(mod, &bits, &at);
	for (i = 0; i < len && i < 64; i++)
		sprintf(text + 2 * i, "%02x", bits[i]);
	w->sink->module(w->arg, *userdata, len > 0 ? text : NULL);
	return DWARF_CB_OK;
}

/* ---- a process ---- */

/* What libdwfl takes for its architecture */
static Elf *machine_elf(void)
{
	static Elf64_Ehdr ehdr = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_ehsize = sizeof(ehdr),
	};

	return elf_memory((char *)&ehdr, sizeof(ehdr));
}

static const char *session(struct walk *w, Dwfl *dwfl, Elf *elf,
			   bool build_ids)
{
	struct cr_rec_proc p;
	struct cr_view v;

	cr_read_obj(&w->img->cr, w->proc, &v, &p, sizeof(p));
	w->nr_threads = le32_to_cpu(p.nr_threads);
	if (build_ids)
		dwfl_getmodules(dwfl, module_tell, w, 0);
	if (!elf || !dwfl_attach_state(dwfl, elf, le32_to_cpu(p.pid),
				       &thread_callbacks, w) ||
	    dwfl_getthreads(dwfl, thread_tell, w))
		return dwfl_errmsg(-1);
	return NULL;
}

int stack_walk(const struct image *img, u32 proc, bool build_ids,
	       const struct stack_sink *sink, void *arg)
{
	struct walk w = { .img = img, .proc = proc, .sink = sink, .arg = arg };
	struct module *modules = NULL;
	struct cr_rec_thread t;
	const char *why;
	size_t nr = 0;
	Dwfl *dwfl;
	Elf *elf;

	sink->process(arg, img, proc);
	if (!image_main_thread(img, proc, &t))
		return 0;
	if (memory_open(&w.memory, img, le32_to_cpu(t.mm)))
		return ST_FAILED;
	dwfl = modules_begin();
	elf = machine_elf();
	if (dwfl)
		modules = modules_report(dwfl, &w.memory, &nr);
	why = modules ? session(&w, dwfl, elf, build_ids) : "no memory";
	if (why)
		failed("%s: tid %u: %s", img->path, le32_to_cpu(t.tid), why);
	if (w.memory.damaged)
		failed("%s: tid %u: memory: %s", img->path, le32_to_cpu(t.tid),
		       w.memory.damaged);
	dwfl_end(dwfl);
	elf_end(elf);
	if (modules)
		modules_free(modules, nr);
	memory_close(&w.memory);
	return why || w.memory.damaged ? ST_FAILED : 0;
}
