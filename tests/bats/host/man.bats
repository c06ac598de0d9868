#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The manuals: they are well formed, and name what the tool and the kernel's part take: all of it, and nothing else.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	cd "$BATS_TEST_DIRNAME/../../.."
	man=Documentation/man
	tool=$PWD/build/unit/mkcrimg
}

# The commands that the help lists, or with one: its help.
commands() { "$tool" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p'; }

# Options in a text, one per line.
options_in() { grep -oE '(^|[][ |(`])--?[a-z][a-z-]*' | sed 's/^[^-]*//' | sort -u; }

# What is said of a command in mkcrimg.1: options that it explains ("^\.It Fl "), or names ("Fl ").
section() { awk -v name="$1" '/^\.S[sh] / { inside = $0 == ".Ss " name } inside' $man/mkcrimg.1; }
options_of() { section "$1" | grep -oE "$2-?[a-z][a-z-]*" | sed 's/.*Fl /-/' | sort -u; }

# The same lines, on both sides, and some of them.
same() {
	run diff <(echo "$1") <(echo "$2")
	assert_output ''
	[ -n "$1" ]
}

# Words that a source has, as what has to be in a manual.
words() { sed -n "$1" "$2" | sort -u; }

@test "mandoc finds nothing wrong" {
	for page in $man/*.[1-9]; do
		run -0 mandoc -T lint -W warning "$page"
		assert_output ''
	done
}

@test "no line is longer than 80, and all of it is ASCII" {
	run -1 grep -nE '.{81}' $man/*
	run -1 env LC_ALL=C grep -nP '[^\x20-\x7e\t]' $man/*
}

@test "mkcrimg.1: every command, and no other" {
	same "$(commands | sort)" "$(words 's/^\.Ss \([a-z]\+\)$/\1/p' $man/mkcrimg.1)"
	# and all of them in the synopsis
	same "$(commands | sort)" "$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/s/^\.Cm \([a-z]\+\)$/\1/p' $man/mkcrimg.1 | sort -u)"
}

@test "mkcrimg.1: every option of every command, and no other" {
	for command in $(commands); do
		run -0 "$tool" "$command" --help
		options_in <<<"$output" >"$BATS_TEST_TMPDIR/options"
		run diff --label "mkcrimg $command --help" --label mkcrimg.1 -u "$BATS_TEST_TMPDIR/options" \
			<(options_of "$command" '^\.It Fl ')
		assert_output ''
		run comm -13 "$BATS_TEST_TMPDIR/options" <(options_of "$command" 'Fl ')
		assert_output ''
	done
}

@test "mkcrimg.1: examples and synopsis have only options that there are" {
	all=$("$tool" --help | options_in)
	run diff <(mandoc -T ascii -O width=200 $man/mkcrimg.1 | sed 's/.\x08//g' | options_in | grep -- '^--') \
		<(echo "$all" | grep -- '^--')
	assert_output ''
}

@test "the help has every option that the tool's sources take" {
	words 's/.*{ "\([a-z-]*\)", [a-z]*_argument,.*/--\1/p' <(cat tools/mkcrimg/*.[ch]) >"$BATS_TEST_TMPDIR/taken"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/taken")" -gt 10 ]
	run comm -23 "$BATS_TEST_TMPDIR/taken" <("$tool" --help | options_in)
	assert_output ''
}

@test "crimg.5: every argument of an image, and no other" {
	same "$(words 's/.*strcmp(arg, "\([a-z]*=[a-z]*\)").*/\1/p' fs/binfmt_cr.c)" \
		"$(words 's/^\.It Cm \([a-z]*=[a-z]*\)$/\1/p' $man/crimg.5)"
	# nor do the others speak of any other
	run comm -23 <(grep -ohE '\b(pid|files|start)=[a-z]+' $man/* | sort -u) \
		<(words 's/.*strcmp(arg, "\([a-z]*=[a-z]*\)").*/\1/p' fs/binfmt_cr.c)
	assert_output ''
}

@test "crimg.5: the caps and the version are those of the format" {
	text=$(mandoc -T ascii $man/crimg.5 | sed 's/.\x08//g')
	for name in OBJECTS PROCS THREADS PHNUM; do
		number=$(sed -n "s/^#define CR_MAX_$name[ \t]*\([^/]*\).*/\1/p" include/linux/cr_image.h)
		run -0 grep -E "^ +$((${number//u/})) " <<<"$text"
	done
	version=$(sed -n 's/^#define CR_VERSION[ \t]*//p' include/linux/cr_image.h)
	run -0 grep "version in the ELF header is $version\." <<<"$text"
	for type in PT_CR_RECORDS PT_CR_LOAD PT_CR_ZSTD; do
		number=$(sed -n "s/^#define $type[ \t]*\([^ \t]*\).*/\1/p" include/linux/cr_image.h)
		run -0 grep -A 1 -x "\.It Dv $type" $man/crimg.5
		assert_line --partial "$number:"
	done
}

@test "crimg.7: every sysctl, and no other" {
	same "$(grep -oE '"crimg_[a-z_]+"' kernel/cr_auto.c | tr -d '"' | sort -u)" \
		"$(words 's/^\.It Sy kernel\.\(crimg_[a-z_]*\)$/\1/p' $man/crimg.7)"
	same "$(grep -oE '"crimg_[a-z_]+"' kernel/cr_auto.c | tr -d '"' | sort -u)" \
		"$(words 's/^\.It Pa \/proc\/sys\/kernel\/\(crimg_[a-z_]*\)$/\1/p' $man/crimg.7)"
	# nor do the others speak of any other
	run comm -23 <(grep -ohE '\bcrimg_[a-z_]+' $man/* | sort -u) <(grep -ohE '\bcrimg_[a-z_]+' kernel/cr_auto.c | sort -u)
	assert_output ''
}

@test "crimg.7: every token of a pattern, and no other" {
	same "$(words 's/^#define TOKENS[ \t]*"\(.*\)"$/\1/p' kernel/cr_auto_name.c | grep -o . | LC_ALL=C sort)" \
		"$(sed -n 's/^\.It Cm \\&%\(.\)$/\1/p' $man/crimg.7 | LC_ALL=C sort)"
}

@test "crimg.7: every ioctl and every flag, and no other" {
	same "$(words 's/^#define \(CR_IOC_[A-Z_]*\)[ \t].*/\1/p' include/uapi/linux/cr.h)" \
		"$(words 's/^\.It Dv \(CR_IOC_[A-Z_]*\) .*/\1/p' $man/crimg.7)"
	same "$(words 's/^#define \(CR_\(SAVE\|RELEASE\|AUTO\|CRITICAL\)_[A-Z_]*\)[ \t].*/\1/p' include/uapi/linux/cr.h)" \
		"$(grep -oE '\bCR_(SAVE|RELEASE|AUTO|CRITICAL)_[A-Z_]+' $man/crimg.7 | sort -u)"
}

@test "the manuals are installed, and uninstalled" {
	unset MAKEFLAGS MAKELEVEL MFLAGS KVER
	root=$BATS_TEST_TMPDIR/root
	run -0 make DESTDIR="$root" prefix=/usr install-man
	for page in mkcrimg.1 crimg.5 crimg.7; do
		cmp "$man/$page" "$root/usr/share/man/man${page##*.}/$page"
	done
	run -0 make DESTDIR="$root" prefix=/usr uninstall
	run find "$root" -type f
	assert_output ''
}
