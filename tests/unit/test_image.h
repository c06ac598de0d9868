/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TESTS_UNIT_TEST_IMAGE_H
#define TESTS_UNIT_TEST_IMAGE_H

#include "mutation.h"

/**
 * struct directed - one wrong value and the answer to it
 * @type, @nth: which record of the sample; @type 0 ends the table
 * @field, @element: which field; "tail": from byte @element of it on, the bytes of
 *	@value, the lowest first, up to one that is 0; "tail32": number @element of
 *	32 bits of it
 * @value: what it becomes; DIRECTED_ID(PROC, 1): the id of the second PROC
 * @err: the error
 * @message: a part of the message; $PROC/1 stands for "object" and that id
 */
struct directed {
	u32 type;
	unsigned int nth;
	const char *field;
	unsigned int element;
	u64 value;
	int err;
	const char *message;
};

#define DIRECTED_ID(type, nth)						\
	(0x6964ull << 48 | (u64)CR_REC_##type << 8 | (nth))

extern const struct directed directed[];

/* An image of many processes, mappings and page runs */
void large_build(struct buf *file);

#endif
