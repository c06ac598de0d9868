// SPDX-License-Identifier: GPL-2.0
/*
 * The index of an image's record stream, and access by it.
 *
 * The stream is untrusted. Indexing looks at every byte once: framing first,
 * then the checksum, then which record stands where. What the records say is
 * left to cr_image_check(). Nothing outside this file does arithmetic on the
 * offsets and lengths of the stream.
 *
 * No locks: the index belongs to whoever made it.
 */
#include <linux/types.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xxhash.h>
#include <asm/byteorder.h>
#include <linux/cr_reader.h>

/* A record in the stream: an ELF note header with the owner's name */
struct note {
	__le32 namesz;
	__le32 descsz;
	__le32 type;
	char name[8];
};

static_assert(sizeof(struct note) == 20, "as an ELF note header and name");

static const char note_name[8] = CR_NOTE_NAME;

/**
 * struct rec_type - what may be known of a record without reading it
 * @name: for messages
 * @min: bytes of the fixed part in version 1 of the format; stays when the
 *	structure grows
 * @tail: a tail may follow
 * @of: DETAIL: types of the objects that it may follow
 */
struct rec_type {
	const char *name;
	u32 min;
	bool tail;
	u32 of[3];
};

/* The upper half of a type's low 16 bits says what sort of record it is */
#define REC_SORT(type)		((type) >> 8)
#define SORT_STREAM		REC_SORT(CR_REC_HEAD)
#define SORT_OBJECT		REC_SORT(CR_REC_VDSO)
#define SORT_DETAIL		REC_SORT(CR_REC_PIPE_BUF)
#define REC_NR(type)		((type) & 0xff)

#define ROW(type, struct_name, v1, ...)					\
	[REC_NR(CR_REC_##type)] = {					\
		#type,							\
		(v1) + BUILD_BUG_ON_ZERO(sizeof(struct struct_name) < (v1)), \
		__VA_ARGS__						\
	}

static const struct rec_type stream_types[] = {
	ROW(HEAD, cr_rec_head, 216, false),
	ROW(END, cr_rec_end, 32, false),
	ROW(PAGES, cr_rec_pages, 48, false),
};

static const struct rec_type object_types[] = {
	ROW(VDSO, cr_rec_vdso, 24, true),
	ROW(CRED, cr_rec_cred, 96, true),
	ROW(PIPE, cr_rec_pipe, 16, true),
	ROW(SHM, cr_rec_shm, 24, true),
	ROW(FILE, cr_rec_file, 80, true),
	ROW(FILES, cr_rec_files, 24, false),
	ROW(FS, cr_rec_fs, 24, true),
	ROW(SIGHAND, cr_rec_sighand, 16, false),
	ROW(MM, cr_rec_mm, 128, false),
	ROW(PROC, cr_rec_proc, 112, false),
	ROW(THREAD, cr_rec_thread, 168, true),
	ROW(SOCK, cr_rec_sock, 104, true),
	ROW(SOCKQ, cr_rec_sockq, 24, false),
	ROW(PTY, cr_rec_pty, 120, true),
	ROW(MSGQ, cr_rec_msgq, 88, false),
	ROW(SEMSET, cr_rec_semset, 56, true),
	ROW(AUTO, cr_rec_auto, 32, true),
};

static const struct rec_type detail_types[] = {
	ROW(PIPE_BUF, cr_rec_pipe_buf, 16, true, { CR_REC_PIPE }),
	ROW(FD, cr_rec_fd, 24, false, { CR_REC_FILES }),
	ROW(SIGACTION, cr_rec_sigaction, 48, false, { CR_REC_SIGHAND }),
	ROW(VMA, cr_rec_vma, 48, true, { CR_REC_MM }),
	ROW(AUXV, cr_rec_auxv, 16, true, { CR_REC_MM }),
	ROW(RLIMIT, cr_rec_rlimit, 16, true, { CR_REC_PROC }),
	ROW(SIGINFO, cr_rec_siginfo, 16, true, { CR_REC_PROC, CR_REC_THREAD }),
	ROW(REGS_X86, cr_rec_regs_x86, 224, false, { CR_REC_THREAD }),
	ROW(XSTATE_X86, cr_rec_xstate_x86, 24, true, { CR_REC_THREAD }),
	ROW(RESTART, cr_rec_restart, 48, false, { CR_REC_THREAD }),
	ROW(LOCK, cr_rec_lock, 40, false, { CR_REC_FILES }),
	ROW(ITIMER, cr_rec_itimer, 32, false, { CR_REC_PROC }),
	ROW(TIMER, cr_rec_timer, 88, false, { CR_REC_PROC }),
	ROW(SHMID, cr_rec_shmid, 72, false, { CR_REC_SHM }),
	ROW(SOCK_MSG, cr_rec_sock_msg, 32, true, { CR_REC_SOCKQ }),
	ROW(EVENTFD, cr_rec_eventfd, 24, false, { CR_REC_FILE }),
	ROW(TIMERFD, cr_rec_timerfd, 48, false, { CR_REC_FILE }),
	ROW(SIGNALFD, cr_rec_signalfd, 16, false, { CR_REC_FILE }),
	ROW(EPITEM, cr_rec_epitem, 40, false, { CR_REC_FILES }),
	ROW(INOTIFY, cr_rec_inotify, 24, false, { CR_REC_FILE }),
	ROW(INOTIFY_WATCH, cr_rec_inotify_watch, 16, true, { CR_REC_FILE }),
	ROW(INOTIFY_EVENT, cr_rec_inotify_event, 24, true, { CR_REC_FILE }),
	ROW(PIDFD, cr_rec_pidfd, 16, false, { CR_REC_FILE }),
	ROW(PTY_BUF, cr_rec_pty_buf, 24, true, { CR_REC_PTY }),
	ROW(PROCFILE, cr_rec_procfile, 32, true, { CR_REC_FILE }),
	ROW(SEMUNDO, cr_rec_semundo, 48, true, { CR_REC_PROC }),
	ROW(LEASE, cr_rec_lease, 40, false, { CR_REC_FILE }),
	ROW(MSG, cr_rec_msg, 24, true, { CR_REC_MSGQ }),
	ROW(DEBUG_X86, cr_rec_debug_x86, 48, false, { CR_REC_THREAD }),
	ROW(CAUSE, cr_rec_cause, 16, true, { CR_REC_THREAD }),
	ROW(USAGE, cr_rec_usage, 128, false, { CR_REC_PROC, CR_REC_THREAD }),
	ROW(MEMPOLICY, cr_rec_mempolicy, 40, true,
	    { CR_REC_SHM, CR_REC_MM, CR_REC_THREAD }),
};

static const struct rec_type *rec_type(u32 type)
{
	const struct rec_type *table;
	size_t nr;

	switch (REC_SORT(type)) {
	case SORT_STREAM:
		table = stream_types;
		nr = ARRAY_SIZE(stream_types);
		break;
	case SORT_OBJECT:
		table = object_types;
		nr = ARRAY_SIZE(object_types);
		break;
	case SORT_DETAIL:
		table = detail_types;
		nr = ARRAY_SIZE(detail_types);
		break;
	default:
		return NULL;
	}
	if (REC_NR(type) >= nr || !table[REC_NR(type)].name)
		return NULL;
	return &table[REC_NR(type)];
}

const char *cr_rec_name(u32 type)
{
	const struct rec_type *t = rec_type(type);

	return t ? t->name : NULL;
}

static bool is_zero(const u8 *p, size_t len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

/*
 * The framing of the note at @offset, which everything else relies on: @view
 * and the record's fixed part, @fixed bytes at @rec.
 */
static bool note_read(const struct cr_image *img, size_t offset,
		      struct cr_view *view, const u8 **rec, u32 *fixed)
{
	struct note note;
	struct cr_rec head;
	size_t left, descsz, tail;
	const u8 *desc;

	if (offset > img->size || img->size - offset < sizeof(note))
		return false;
	memcpy(&note, img->data + offset, sizeof(note));
	left = img->size - offset - sizeof(note);
	descsz = le32_to_cpu(note.descsz);
	if (le32_to_cpu(note.namesz) != CR_NOTE_NAMESZ ||
	    memcmp(note.name, note_name, sizeof(note_name)) ||
	    descsz < sizeof(head) || descsz > left ||
	    ALIGN(descsz, 4) > left)
		return false;

	desc = img->data + offset + sizeof(note);
	memcpy(&head, desc, sizeof(head));
	*rec = desc;
	*fixed = le32_to_cpu(head.size);
	if (*fixed < sizeof(head) || *fixed > descsz)
		return false;
	tail = ALIGN((size_t)*fixed, 8);
	if (*fixed < descsz && tail > descsz)
		return false;
	view->type = le32_to_cpu(note.type);
	view->id = le32_to_cpu(head.id);
	view->tail = descsz > tail ? desc + tail : NULL;
	view->tail_len = descsz > tail ? descsz - tail : 0;
	view->next = offset + sizeof(note) + ALIGN(descsz, 4);
	return is_zero(desc + descsz, ALIGN(descsz, 4) - descsz) &&
	       (*fixed == descsz || is_zero(desc + *fixed, tail - *fixed));
}

bool cr_read(const struct cr_image *img, size_t offset, struct cr_view *view,
	     void *rec, size_t size)
{
	const u8 *from;
	u32 fixed;

	if (!note_read(img, offset, view, &from, &fixed))
		return false;
	if (rec) {
		memset(rec, 0, size);
		memcpy(rec, from, min_t(size_t, size, fixed));
	}
	return true;
}

/* What the first pass finds, before anything is allocated */
struct stream_count {
	u64 records;		/* END not included */
	u32 objects;
	u32 pages;
	size_t end;		/* offset of the last record */
};

/* First pass: the framing of all records, and how many there are */
static int stream_count(const struct cr_image *img, struct stream_count *n,
			struct cr_log *log)
{
	struct cr_view v = {};
	const u8 *rec;
	size_t offset;
	u32 fixed;

	for (offset = 0; offset < img->size; offset = v.next) {
		if (!note_read(img, offset, &v, &rec, &fixed))
			return cr_err(log, -EBADMSG,
				      "record %llu: damaged header",
				      (unsigned long long)n->records);
		n->objects += REC_SORT(v.type) == SORT_OBJECT;
		n->pages += v.type == CR_REC_PAGES;
		n->records++;
		n->end = offset;
		cond_resched();
	}
	if (!n->records || v.type != CR_REC_END)
		return cr_err(log, -EBADMSG, "no END record: cut off");
	n->records--;
	return 0;
}

/* HEAD and END: may this reader read on, and is the stream what was written? */
static int stream_ends(struct cr_image *img, const struct stream_count *n,
		       struct cr_log *log)
{
	const struct cr_rec_head *head = &img->head;
	struct cr_view v;
	u64 unknown;

	cr_read(img, n->end, &v, &img->end, sizeof(img->end));
	if (le64_to_cpu(img->end.nr_records) != n->records)
		return cr_err(log, -EBADMSG, "END: %llu records, not %llu",
			      (unsigned long long)n->records,
			      (unsigned long long)le64_to_cpu(img->end.nr_records));
	if (le64_to_cpu(img->end.records_xxh64) != xxh64(img->data, n->end, 0))
		return cr_err(log, -EBADMSG,
			      "checksum of the records does not match");

	cr_read(img, 0, &v, &img->head, sizeof(img->head));
	if (v.type != CR_REC_HEAD)
		return cr_err(log, -EBADMSG, "record 0 is not HEAD");
	unknown = le64_to_cpu(head->feat_incompat) & ~CR_FEAT_KNOWN;
	if (unknown)
		return cr_err(log, -EOPNOTSUPP, "unknown features 0x%llx",
			      (unsigned long long)unknown);
	if (n->objects > CR_MAX_OBJECTS ||
	    le32_to_cpu(head->nr_objects) != n->objects)
		return cr_err(log, -EBADMSG,
			      "record 0 (HEAD): %u objects, not %u", n->objects,
			      le32_to_cpu(head->nr_objects));
	return 0;
}

/* State of the second pass */
struct stream_index {
	u32 nr;			/* of the record at hand */
	u32 last;		/* id of the last object */
	u32 run_id;		/* object of the last PAGES record */
};

static int index_object(struct cr_image *img, struct stream_index *s,
			const struct cr_view *v, size_t offset,
			struct cr_log *log)
{
	struct cr_obj_index *obj;

	if (img->nr_page_runs)
		return cr_err(log, -EBADMSG, "record %u (%s): behind PAGES",
			      s->nr, cr_rec_name(v->type));
	if (v->id != s->last + 1)
		return cr_err(log, -EBADMSG, "record %u (%s): id %u, not %u",
			      s->nr, cr_rec_name(v->type), v->id, s->last + 1);
	s->last++;
	obj = &img->objs[s->last];
	obj->type = v->type;
	obj->offset = offset;
	if (v->type == CR_REC_PROC && !img->leader)
		img->leader = v->id;
	return 0;
}

static int index_detail(struct cr_image *img, struct stream_index *s,
			const struct cr_view *v, const struct rec_type *t,
			struct cr_log *log)
{
	u32 of = s->last ? img->objs[s->last].type : 0;

	if (!s->last || img->nr_page_runs ||
	    (of != t->of[0] && of != t->of[1] && of != t->of[2]))
		return cr_err(log, -EBADMSG,
			      "record %u (%s): not behind its object", s->nr,
			      t->name);
	if (v->id != s->last)
		return cr_err(log, -EBADMSG, "record %u (%s): id %u, not %u",
			      s->nr, t->name, v->id, s->last);
	img->objs[s->last].nr_details++;
	return 0;
}

static int index_pages(struct cr_image *img, struct stream_index *s,
		       const struct cr_view *v, size_t offset,
		       struct cr_log *log)
{
	struct cr_obj_index *obj;

	if (!v->id || v->id > s->last || v->id < s->run_id)
		return cr_err(log, -EBADMSG,
			      "record %u (PAGES): object %u behind object %u",
			      s->nr, v->id, s->run_id);
	obj = &img->objs[v->id];
	if (obj->type != CR_REC_MM && obj->type != CR_REC_SHM)
		return cr_err(log, -EBADMSG,
			      "record %u (PAGES): object %u is a %s", s->nr,
			      v->id, cr_rec_name(obj->type));
	if (!obj->nr_page_runs)
		obj->first_page_run = img->nr_page_runs;
	obj->nr_page_runs++;
	img->page_runs[img->nr_page_runs++] = offset;
	s->run_id = v->id;
	return 0;
}

/* Second pass: every record is of a known type and stands where it may */
static int stream_index(struct cr_image *img, const struct stream_count *n,
			struct cr_log *log)
{
	struct stream_index s = {};
	const struct rec_type *t;
	struct cr_view v;
	const u8 *rec;
	size_t offset;
	u32 fixed;
	int err = 0;

	for (offset = 0; !err && offset < img->size; offset = v.next, s.nr++) {
		if (!note_read(img, offset, &v, &rec, &fixed))
			return cr_err(log, -EBADMSG, "record %u: damaged header",
				      s.nr);
		t = rec_type(v.type);
		if (!t)
			return cr_err(log, -EOPNOTSUPP,
				      "record %u: unknown type 0x%x", s.nr,
				      v.type);
		if (fixed < t->min || fixed % 8)
			return cr_err(log, -EBADMSG,
				      "record %u (%s): %u bytes, not %u", s.nr,
				      t->name, fixed, t->min);
		if (v.tail_len && !t->tail)
			return cr_err(log, -EBADMSG,
				      "record %u (%s): %zu bytes too many",
				      s.nr, t->name, v.tail_len);
		if (REC_SORT(v.type) == SORT_OBJECT)
			err = index_object(img, &s, &v, offset, log);
		else if (REC_SORT(v.type) == SORT_DETAIL)
			err = index_detail(img, &s, &v, t, log);
		else if (v.type == CR_REC_PAGES)
			err = index_pages(img, &s, &v, offset, log);
		else if (v.id || offset != (v.type == CR_REC_HEAD ? 0 : n->end))
			err = cr_err(log, -EBADMSG, "record %u (%s): misplaced",
				     s.nr, t->name);
		cond_resched();
	}
	return err;
}

int cr_image_index(struct cr_image *img, const void *data, size_t size,
		   struct cr_log *log)
{
	struct stream_count n = {};
	int err;

	if (size > CR_MAX_RECORDS_SIZE)
		return cr_err(log, -EBADMSG, "records of %zu bytes: too large",
			      size);
	img->data = data;
	img->size = size;
	err = stream_count(img, &n, log);
	if (err)
		return err;
	err = stream_ends(img, &n, log);
	if (err)
		return err;

	img->nr_objects = n.objects;
	img->objs = kvcalloc(n.objects + 1, sizeof(*img->objs),
			     GFP_KERNEL_ACCOUNT);
	img->page_runs = kvcalloc(n.pages + 1, sizeof(*img->page_runs),
				  GFP_KERNEL_ACCOUNT);
	if (!img->objs || !img->page_runs)
		err = cr_err(log, -ENOMEM, "no memory for %u objects",
			     n.objects);
	else
		err = stream_index(img, &n, log);
	if (err)
		cr_image_put(img);
	return err;
}

void cr_image_put(struct cr_image *img)
{
	kvfree(img->objs);
	kvfree(img->page_runs);
	img->objs = NULL;
	img->page_runs = NULL;
	img->nr_objects = 0;
	img->nr_page_runs = 0;
}

/* Read the detail at it->offset, if one is left */
static void detail_load(struct cr_detail_iter *it)
{
	if (it->left && !cr_read(it->img, it->offset, &it->view, NULL, 0))
		it->left = 0;
}

void cr_detail_first(const struct cr_image *img, u32 id,
		     struct cr_detail_iter *it)
{
	it->img = img;
	it->left = img->objs[id].nr_details;
	if (!cr_read(img, img->objs[id].offset, &it->view, NULL, 0))
		it->left = 0;
	it->offset = it->view.next;
	detail_load(it);
}

bool cr_detail_valid(const struct cr_detail_iter *it)
{
	return it->left;
}

void cr_detail_next(struct cr_detail_iter *it)
{
	it->left--;
	it->offset = it->view.next;
	detail_load(it);
}

void cr_detail(const struct cr_detail_iter *it, void *rec, size_t size)
{
	struct cr_view view;

	cr_read(it->img, it->offset, &view, rec, size);
}

void cr_read_page_run(const struct cr_image *img, u32 id, u32 n,
		      struct cr_rec_pages *rec)
{
	struct cr_view view;

	cr_read(img, img->page_runs[img->objs[id].first_page_run + n], &view,
		rec, sizeof(*rec));
}
