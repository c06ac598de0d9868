// SPDX-License-Identifier: GPL-2.0
/* mkcrimg show: System V objects of the job. */
#include <stdio.h>
#include <string.h>
#include "show.h"

static void show_segments(const struct image *img)
{
	struct cr_detail_iter it;
	struct cr_rec_shmid seg;
	struct cr_rec_shm shm;
	struct cr_view v;
	u32 id = 0;

	while ((id = image_next(img, id, CR_REC_SHM))) {
		cr_read_obj(&img->cr, id, &v, &shm, sizeof(shm));
		if (le32_to_cpu(shm.kind) != CR_SHM_SYSV)
			continue;
		cr_detail_first(&img->cr, id, &it);
		cr_detail(&it, &seg, sizeof(seg));
		printf("\nsegment %u: key 0x%08x, mode 0%o, %s%s%s\n",
		       le32_to_cpu(seg.shmid), le32_to_cpu(seg.key),
		       le32_to_cpu(seg.mode) & 0777,
		       human_size(le64_to_cpu(shm.size)),
		       le32_to_cpu(seg.mode) & CR_SHMID_DEST ? ", removed" : "",
		       le32_to_cpu(seg.mode) & CR_SHMID_LOCKED ? ", locked" : "");
	}
}

static const char *shared_text(__le32 flags)
{
	return le32_to_cpu(flags) & CR_IPC_SHARED ? ", others use it, too" :
	       le32_to_cpu(flags) & CR_IPC_UNUSED ? ", nobody is seen to use it" :
						    "";
}

static void show_queues(const struct image *img)
{
	struct cr_detail_iter it;
	struct cr_rec_msgq rec;
	struct cr_view v;
	u64 bytes;
	u32 id = 0;

	while ((id = image_next(img, id, CR_REC_MSGQ))) {
		cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
		bytes = 0;
		cr_for_each_detail(&img->cr, id, &it)
			bytes += it.view.tail_len;
		printf("\nmessage queue %u: key 0x%08x, mode 0%o, %u message%s, %s%s\n",
		       le32_to_cpu(rec.msqid), le32_to_cpu(rec.key),
		       le32_to_cpu(rec.mode), le32_to_cpu(rec.nr_msgs),
		       le32_to_cpu(rec.nr_msgs) == 1 ? "" : "s",
		       human_size(bytes), shared_text(rec.flags));
	}
}

#define SHOWN_MAX	32	/* semaphores of a set */

static void show_sets(const struct image *img)
{
	struct cr_rec_semset rec;
	struct cr_semval val;
	struct cr_view v;
	u32 id = 0, i;

	while ((id = image_next(img, id, CR_REC_SEMSET))) {
		cr_read_obj(&img->cr, id, &v, &rec, sizeof(rec));
		printf("\nsemaphore set %u: key 0x%08x, mode 0%o%s, values",
		       le32_to_cpu(rec.semid), le32_to_cpu(rec.key),
		       le32_to_cpu(rec.mode), shared_text(rec.flags));
		for (i = 0; i < le32_to_cpu(rec.nsems) && i < SHOWN_MAX; i++) {
			memcpy(&val, v.tail + i * sizeof(val), sizeof(val));
			printf(" %u", le32_to_cpu(val.semval));
		}
		printf(i < le32_to_cpu(rec.nsems) ? " ...\n" : "\n");
	}
}

void show_ipc(const struct image *img)
{
	show_segments(img);
	show_queues(img);
	show_sets(img);
}
