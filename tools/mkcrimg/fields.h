/* SPDX-License-Identifier: GPL-2.0 */
/* What the fields of each record are: for printing, comparing and mutating. */
#ifndef MKCRIMG_FIELDS_H
#define MKCRIMG_FIELDS_H

#include <stddef.h>
#include <linux/types.h>

/* How a field is shown */
enum field_form {
	FORM_DEC,
	FORM_SIGNED,
	FORM_HEX,
	FORM_OCT,
	FORM_TEXT,	/* NUL-terminated within its size */
	FORM_BYTES,
};

/**
 * struct field - a field of a record's fixed part
 * @name: in the structure
 * @offset: in the structure
 * @size: bytes of one element
 * @nr: elements; an array is shown as one
 * @form: enum field_form
 * @names: names of the elements of an array, or NULL
 */
struct field {
	const char *name;
	unsigned short offset;
	unsigned short size;
	unsigned short nr;
	enum field_form form;
	const char *const *names;
};

/* What the tail is */
enum tail_form {
	TAIL_NONE,
	TAIL_TEXT,	/* strings, each with its NUL */
	TAIL_U32,
	TAIL_U64,
	TAIL_BYTES,	/* shown in hex when short, else by length and hash */
};

/**
 * struct rec_fields - a record type
 * @type: CR_REC_*
 * @size: of the structure
 * @tail: enum tail_form
 * @fields: without struct cr_rec
 * @nr: their number
 */
struct rec_fields {
	u32 type;
	unsigned short size;
	enum tail_form tail;
	const struct field *fields;
	unsigned int nr;
};

/* NULL: unknown type */
const struct rec_fields *rec_fields(u32 type);

/* Value of element @n of a field of FORM_DEC to FORM_OCT, sign extended */
u64 field_value(const struct field *f, const void *rec, unsigned int n);

#endif
