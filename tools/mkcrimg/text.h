/* SPDX-License-Identifier: GPL-2.0 */
/* Text that others have chosen, as it may be shown. */
#ifndef MKCRIMG_TEXT_H
#define MKCRIMG_TEXT_H

#include "mkcrimg.h"

/**
 * text_shown() - text as it may be written to a terminal
 * @text: any bytes
 * @len: their number
 *
 * Control characters, a line's end among them, and what is no UTF-8 become
 * \ooo.
 *
 * Return: to be freed; NULL without memory
 */
char *text_shown(const char *text, size_t len);

/*
 * The same of a string, for printf() and one thread: valid until the fourth call
 * after this one
 */
const char *printable(const char *text);

/* The character at @s, which ends at @end: its length; 0: it is no UTF-8 */
size_t char_read(const u8 *s, const u8 *end, u32 *c);
/* How many bytes at @s can be shown as they are */
size_t shown_len(const u8 *s, const u8 *end);

#endif
