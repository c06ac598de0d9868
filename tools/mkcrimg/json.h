/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MKCRIMG_JSON_H
#define MKCRIMG_JSON_H

#include <json-c/json.h>
#include "mkcrimg.h"

struct json_object *json_hex(u64 value);

/*
 * Write JSON in UTF-8, whatever bytes there are in its strings: what is none
 * becomes \ooo, as text_shown() has it. False: there is no memory, after a line
 */
bool json_write(struct json_object *o);
/* The same, with the end of a line */
bool json_print(struct json_object *top);
/* The same, of an element of an array that is too large for memory; gives it up */
bool json_element(struct json_object *o, bool first);

#endif
