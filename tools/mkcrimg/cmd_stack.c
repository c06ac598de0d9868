// SPDX-License-Identifier: GPL-2.0
/* mkcrimg stack: where all threads of a job stand. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "stack.h"
#include "text.h"

static void process(void *arg, const struct image *img, u32 id)
{
	bool *again = arg;
	struct cr_rec_thread t;
	struct cr_rec_proc p;
	struct cr_rec_mm mm;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &p, sizeof(p));
	if (*again)
		putchar('\n');
	*again = true;
	printf("PID %u ", le32_to_cpu(p.pid));
	if (!image_main_thread(img, id, &t)) {
		printf("%s: zombie\n", printable(p.comm));
		return;
	}
	cr_read_obj(&img->cr, le32_to_cpu(t.mm), &v, &mm, sizeof(mm));
	printf("%s - %s", printable(t.comm),
	       printable(image_file_name(img, le32_to_cpu(mm.exe))));
	if (p.stop_signal)
		printf(": stopped by SIG%s",
		       sigabbrev_np(le32_to_cpu(p.stop_signal)));
	if (le32_to_cpu(p.flags) & CR_PROC_HEADLESS)
		printf(": its first thread (%s) has exited",
		       printable(p.comm));
	putchar('\n');
}

static void module(void *arg, const struct module *mod, const char *build_id)
{
	(void)arg;
	printf("    %012llx-%012llx %s - %s%s%s%s\n",
	       (unsigned long long)mod->start, (unsigned long long)mod->end,
	       build_id ? build_id : "no build-id", printable(mod->name),
	       mod->why ? " (" : "", mod->why ? mod->why : "",
	       mod->why ? ")" : "");
}

static void thread(void *arg, const struct cr_rec_thread *t,
		   const struct stack_call *call)
{
	char number[32];
	const char *name = call->name;

	(void)arg;
	if (!name) {
		snprintf(number, sizeof(number), "system call %llu",
			 (unsigned long long)call->nr);
		name = number;
	}
	printf("TID %u %s: ", le32_to_cpu(t->tid), printable(t->comm));
	switch (call->state) {
	case CALL_NONE:
		printf("runs");
		break;
	case CALL_IN:
		printf("in %s", name);
		if (call->resumes)
			printf(" (%s)", call->resumes);
		break;
	case CALL_RETURNS:
		printf("returns from %s with %lld", name,
		       (long long)call->result);
		break;
	}
	if (call->vfork)
		printf(", waits for PID %u to execute or end", call->vfork);
	putchar('\n');
}

static void frame(void *arg, const struct stack_frame *f)
{
	(void)arg;
	printf("#%-3u 0x%016llx ", f->nr, (unsigned long long)f->pc);
	if (f->symbol)
		printf("%s+0x%llx", printable(f->symbol),
		       (unsigned long long)f->offset);
	else
		putchar('?');
	printf(" - ");
	if (!f->module)
		printf("no file");
	else
		printf("%s", printable(f->module->name));
	if (f->module && f->module->why)
		printf(" (%s)", f->module->why);
	if (f->source)
		printf("  %s:%d", printable(f->source), f->line);
	putchar('\n');
}

static void thread_end(void *arg, const char *why)
{
	(void)arg;
	if (why)
		printf("     %s\n", why);
}

static const struct stack_sink text = {
	.process = process,
	.module = module,
	.thread = thread,
	.frame = frame,
	.thread_end = thread_end,
};

/* All processes, or the one with @pid */
static int processes(const struct image *img, u32 pid, bool build_ids,
		     const struct stack_sink *sink, void *arg)
{
	int st = ST_OK;
	u32 id = 0;

	if (pid) {
		id = image_proc_find(img, pid);
		return id ? stack_walk(img, id, build_ids, sink, arg) :
			    failed("%s: pid %u: no such process", img->path,
				   pid);
	}
	while ((id = image_next(img, id, CR_REC_PROC)))
		if (stack_walk(img, id, build_ids, sink, arg))
			st = ST_FAILED;
	return st;
}

static int processes_json(const struct image *img, u32 pid, bool build_ids)
{
	struct json_object *top = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int st;

	json_object_object_add(top, "processes", array);
	st = processes(img, pid, build_ids, &stack_json, array);
	if (!json_print(top))
		st = ST_FAILED;
	json_object_put(top);
	return st;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	bool json = false, build_ids = false, again = false;
	pid_t pid = 0;
	struct image img;
	int opt, st;

	while ((opt = getopt_long(argc, argv, "p:b", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &pid))
				return usage(cmd);
			break;
		case 'b':
			build_ids = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			return usage(cmd);
		}
	}
	if (optind + 1 != argc)
		return usage(cmd);
	if (image_open(&img, argv[optind]))
		return ST_FAILED;
	st = json ? processes_json(&img, pid, build_ids) :
		    processes(&img, pid, build_ids, &text, &again);
	image_close(&img);
	return st;
}

const struct cmd cmd_stack = {
	.name = "stack",
	.args = "[-p PID] [-b] [--json] FILE",
	.help = "backtraces of all threads of an image",
	.options =
	"      -p PID   of one process\n"
	"      -b       and its executable files, with their build-ids\n"
	"      --json   for programs\n",
	.run = run,
};
