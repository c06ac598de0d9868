// SPDX-License-Identifier: GPL-2.0
/* Backtraces as JSON. */
#include <stdio.h>
#include <string.h>
#include "json.h"
#include "stack.h"

typedef struct json_object json;

static void add_text(json *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, json_object_new_string(text));
}

/* The last element of an array */
static json *last(json *array)
{
	return json_object_array_get_idx(array,
					 json_object_array_length(array) - 1);
}

/* An array in @o, which begins with the first element */
static json *array_of(json *o, const char *key)
{
	json *array;

	if (!json_object_object_get_ex(o, key, &array)) {
		array = json_object_new_array();
		json_object_object_add(o, key, array);
	}
	return array;
}

static void process(void *arg, const struct image *img, u32 id)
{
	json *o = json_object_new_object();
	struct cr_rec_thread t = {};
	struct cr_rec_proc p;
	struct cr_rec_mm mm;
	const char *comm;
	struct cr_view v;

	cr_read_obj(&img->cr, id, &v, &p, sizeof(p));
	comm = image_main_thread(img, id, &t) ? t.comm : p.comm;
	json_object_object_add(o, "pid",
			       json_object_new_int64(le32_to_cpu(p.pid)));
	add_text(o, "comm", comm);
	if (t.mm) {
		cr_read_obj(&img->cr, le32_to_cpu(t.mm), &v, &mm, sizeof(mm));
		add_text(o, "exe", image_file_name(img, le32_to_cpu(mm.exe)));
	}
	add_text(o, "state", le32_to_cpu(p.flags) & CR_PROC_ZOMBIE ? "zombie" :
		 p.stop_signal ? "stopped" : "alive");
	if (p.stop_signal)
		json_object_object_add(o, "stop_signal",
			json_object_new_int64(le32_to_cpu(p.stop_signal)));
	array_of(o, "threads");
	json_object_array_add(arg, o);
}

static void module(void *arg, const struct module *mod, const char *build_id)
{
	json *o = json_object_new_object();

	json_object_object_add(o, "start", json_hex(mod->start));
	json_object_object_add(o, "end", json_hex(mod->end));
	add_text(o, "name", mod->name);
	add_text(o, "build_id", build_id);
	add_text(o, "unavailable", mod->why);
	json_object_array_add(array_of(last(arg), "modules"), o);
}

static void thread(void *arg, const struct cr_rec_thread *t,
		   const struct stack_call *call)
{
	json *o = json_object_new_object();
	json *c;

	json_object_object_add(o, "tid",
			       json_object_new_int64(le32_to_cpu(t->tid)));
	add_text(o, "comm", t->comm);
	if (call->state != CALL_NONE) {
		c = json_object_new_object();
		json_object_object_add(c, "nr",
				       json_object_new_int64(call->nr));
		add_text(c, "name", call->name);
		add_text(c, "resumes", call->resumes);
		if (call->state == CALL_RETURNS)
			json_object_object_add(c, "result",
				json_object_new_int64(call->result));
		json_object_object_add(o, "syscall", c);
	}
	if (call->vfork)
		json_object_object_add(o, "vfork",
				       json_object_new_int64(call->vfork));
	array_of(o, "frames");
	json_object_array_add(array_of(last(arg), "threads"), o);
}

static void frame(void *arg, const struct stack_frame *f)
{
	json *t = last(array_of(last(arg), "threads"));
	json *o = json_object_new_object();

	json_object_object_add(o, "pc", json_hex(f->pc));
	if (f->symbol) {
		add_text(o, "symbol", f->symbol);
		json_object_object_add(o, "offset",
				       json_object_new_uint64(f->offset));
	}
	if (f->module) {
		add_text(o, "module", f->module->name);
		json_object_object_add(o, "module_start",
				       json_hex(f->module->start));
		add_text(o, "unavailable", f->module->why);
	}
	if (f->source) {
		add_text(o, "source", f->source);
		json_object_object_add(o, "line",
				       json_object_new_int(f->line));
	}
	json_object_array_add(array_of(t, "frames"), o);
}

static void thread_end(void *arg, const char *why)
{
	add_text(last(array_of(last(arg), "threads")), "incomplete", why);
}

const struct stack_sink stack_json = {
	.process = process,
	.module = module,
	.thread = thread,
	.frame = frame,
	.thread_end = thread_end,
};
