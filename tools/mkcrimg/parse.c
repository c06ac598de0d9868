// SPDX-License-Identifier: GPL-2.0
/* Values of options. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "mkcrimg.h"

/* Digits, with a unit or nothing behind them */
static bool number_unit(const char *text, unsigned long *value,
			const char **unit)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	*unit = end;
	return !errno && *text >= '0' && *text <= '9';
}

bool parse_number(const char *text, unsigned long min, unsigned long max,
		  unsigned long *value)
{
	const char *unit;

	return number_unit(text, value, &unit) && !*unit && *value >= min &&
	       *value <= max;
}

bool parse_pid(const char *text, pid_t *pid)
{
	unsigned long number;

	if (!parse_number(text, 1, INT_MAX, &number))
		return false;
	*pid = number;
	return true;
}

bool parse_time(const char *text, u64 *ms)
{
	static const char units[] = "smhd";
	static const unsigned int seconds[] = { 1, 60, 3600, 86400 };
	const char *unit, *which;
	unsigned long value;

	if (!number_unit(text, &value, &unit) || !value || value > 0xffffffff)
		return false;
	which = *unit ? strchr(units, *unit) : units;
	if (!which || (*unit && unit[1]))
		return false;
	*ms = value * 1000ull * seconds[which - units];
	return true;
}

bool parse_size(const char *text, u64 *bytes)
{
	static const char units[] = "KMGT";
	const char *unit, *which;
	unsigned long value;
	unsigned int shift = 0;

	if (!number_unit(text, &value, &unit))
		return false;
	if (*unit) {
		which = strchr(units, *unit);
		if (!which || unit[1])
			return false;
		shift = 10 * (which - units + 1);
	}
	if (value > ~0ull >> shift)
		return false;
	*bytes = (u64)value << shift;
	return true;
}

int parse_signal(const char *name)
{
	unsigned long number;
	const char *abbrev;
	int sig;

	if (!parse_number(name, 1, SIGRTMAX, &number)) {
		if (!strncmp(name, "SIG", 3))
			name += 3;
		for (sig = 1, number = 0; sig < SIGSYS + 1 && !number; sig++) {
			abbrev = sigabbrev_np(sig);
			if (abbrev && !strcmp(abbrev, name))
				number = sig;
		}
	}
	if (number == SIGKILL || number == SIGSTOP || number == SIGCHLD ||
	    (number > SIGSYS && (int)number < SIGRTMIN))
		return 0;
	return number;
}

bool parse_signals(const char *text, sigset_t *set)
{
	char copy[256], *name, *rest = copy;
	int sig;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	sigemptyset(set);
	while ((name = strsep(&rest, ","))) {
		sig = parse_signal(name);
		if (!sig)
			return false;
		sigaddset(set, sig);
	}
	return true;
}
