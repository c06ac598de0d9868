// SPDX-License-Identifier: GPL-2.0
/* JSON for programs. */
#include <stdio.h>
#include <string.h>
#include "json.h"
#include "text.h"

struct json_object *json_hex(u64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	return json_object_new_string(text);
}

/* Such bytes stand within strings alone, where json-c leaves them as they are */
static size_t json_put_odd(const u8 *s, const u8 *end)
{
	u32 c;
	size_t len = char_read(s, end, &c);

	if (!len)
		printf("\\\\%03o", *s);
	else if (c == '\n')
		putchar('\n');
	else
		printf("\\u%04x", c);
	return len ? len : 1;
}

bool json_write(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o,
				JSON_C_TO_STRING_PRETTY |
				JSON_C_TO_STRING_NOSLASHESCAPE);
	const u8 *s = (const u8 *)text, *end;
	size_t part;

	if (!text) {
		failed("no memory for what there is to print");
		return false;
	}
	for (end = s + strlen(text); s < end; s += part) {
		part = shown_len(s, end);
		if (part)
			fwrite(s, 1, part, stdout);
		else
			part = json_put_odd(s, end);
	}
	return true;
}

bool json_print(struct json_object *top)
{
	bool ok = json_write(top);

	putchar('\n');
	return ok;
}

bool json_element(struct json_object *o, bool first)
{
	bool ok;

	if (!first)
		printf(",\n");
	ok = json_write(o);
	json_object_put(o);
	return ok;
}
