// SPDX-License-Identifier: GPL-2.0
/*
 * Text that others have chosen: names of processes, of files, of sockets. A
 * terminal does what control characters say, and programs expect UTF-8.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

/* As many are in use at once */
#define KEPT	4

size_t char_read(const u8 *s, const u8 *end, u32 *c)
{
	static const u32 lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	if (*s < 0x80) {
		*c = *s;
		return 1;
	}
	len = *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
	if (!len || len > (size_t)(end - s))
		return 0;
	*c = *s & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	return *c < lowest[len] || *c > 0x10ffff ||
	       (*c >= 0xd800 && *c < 0xe000) ? 0 : len;
}

/* Does it move the cursor, or what is written behind it? */
static bool is_control(u32 c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t shown_len(const u8 *s, const u8 *end)
{
	const u8 *p = s;
	size_t len;
	u32 c;

	for (; p < end; p += len) {
		len = char_read(p, end, &c);
		if (!len || is_control(c))
			break;
	}
	return p - s;
}

char *text_shown(const char *text, size_t len)
{
	const u8 *s = (const u8 *)text, *end = s + len;
	char *shown = malloc(4 * len + 1), *to = shown;
	size_t part;

	while (shown && s < end) {
		part = shown_len(s, end);
		memcpy(to, s, part);
		to += part;
		s += part;
		if (s < end)
			to += sprintf(to, "\\%03o", *s++);
	}
	if (shown)
		*to = '\0';
	return shown;
}

const char *printable(const char *text)
{
	static char *kept[KEPT];
	static unsigned int next;
	size_t len = strlen(text);
	char **slot;

	if (shown_len((const u8 *)text, (const u8 *)text + len) == len)
		return text;
	slot = &kept[next++ % KEPT];
	free(*slot);
	*slot = text_shown(text, len);
	return *slot ? *slot : "?";
}
