#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# mkcrimg auto and mkcrimg run without a kernel module: usage, and what has nothing to do with images. Under ASan
# and UBSan. With images: tests/bats/vm/run.bats.

load tool

setup() {
	own_dir
}

teardown() {
	local pids
	pids=$(jobs -p)
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || :
}

until_true() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "waited 60 s for: $*"; return 1; }
		sleep 0.05
	done
}

# said REGEX: the tool's standard error, in the background, has such a line
said() { grep -q "^mkcrimg: .*$1" err; }

# ends STATUS [PID]: the tool in the background does, with this status
ends() {
	local status=0
	wait "${2:-$!}" || status=$?
	assert_equal "$status" "$1"
}

@test "help has both" {
	run -0 mkcrimg --help
	assert_output --partial '  auto '
	assert_output --partial '  run '
}

@test "auto: wrong usage is status 2" {
	local value
	run -2 mkcrimg auto
	run -2 mkcrimg auto 1
	run -2 mkcrimg auto --every 1m
	run -2 mkcrimg auto --every 1m 0
	run -2 mkcrimg auto --every 1m x
	run -2 mkcrimg auto --every 1m 1 2
	run -2 mkcrimg auto --every 1m -o '' 1
	run -2 mkcrimg auto --every 1m -o a -d . 1
	for value in '' 0 x -1 1y 1ms m; do
		run -2 mkcrimg auto --every "$value" 1
	done
	for value in '' 0 x -1; do
		run -2 mkcrimg auto --every 1m --keep "$value" 1
	done
	for value in '' % 100% -1% 5%% 1P 1KK x 99999999999999999999 99999999999T; do
		run -2 mkcrimg auto --every 1m --keep-free "$value" 1
	done
}

@test "run: wrong usage is status 2" {
	local value
	run -2 mkcrimg run
	run -2 mkcrimg run --
	run -2 mkcrimg run -- ''
	run -2 mkcrimg run --every 0 -- true
	run -2 mkcrimg run --files=maybe -- true
	run -2 mkcrimg run -o '' -- true
	for value in '' KILL STOP CHLD 0 9 33 65 'TERM,' TERM,DANCE term; do
		run -2 mkcrimg run --signal "$value" -- true
	done
	for value in '' -1 256 x; do
		run -2 mkcrimg run --exit-code "$value" -- true
	done
	run -0 ls -A
	assert_output ''
}

@test "auto: a process that is not there" {
	run -1 --separate-stderr mkcrimg auto --every 1m -o a 2147483647
	assert_equal "$stderr" 'mkcrimg: auto: pid 2147483647: No such process'
}

@test "auto: ends with 0 when the job ends, whether it can be saved or not" {
	sleep 300 3>&- &
	local job=$!
	"$unit/mkcrimg" auto -q --every 1s -o a "$job" 2>err 3>&- &
	local tool=$!
	until_true said '/dev/crimg: '
	kill "$job"
	ends 0 $tool
	run -0 ls -A
	assert_output err
}

@test "run: output, arguments and exit status are the command's" {
	run -0 --separate-stderr mkcrimg run -- printf '%s\n' a -q 'b c'
	assert_output "$(printf '%s\n' a -q 'b c')"
	assert_equal "$stderr" ''
	run -0 mkcrimg run cat <<<hello
	assert_output hello
	run -7 mkcrimg run -- sh -c 'exit 7'
	run -137 mkcrimg run -- sh -c 'kill -9 $$'
	run -127 --separate-stderr mkcrimg run -- ./missing
	assert_equal "$stderr" 'mkcrimg: run: ./missing: No such file or directory'
	run -126 --separate-stderr mkcrimg run -- /etc/passwd
	assert_equal "$stderr" 'mkcrimg: run: /etc/passwd: Permission denied'
	run -0 ls -A
	assert_output ''
}

@test "run: the command leads a session of its own, with the signals that it would have" {
	run -0 mkcrimg run -- sh -c 'echo $$ $(ps -o sid= -p $$) $(ps -o pgid= -p $$)'
	run -0 echo $output
	assert_equal "${output%% *} ${output%% *} ${output%% *}" "$output"
	plain=$(grep '^Sig[BI]' /proc/self/status)
	assert_equal "$(mkcrimg run -- grep '^Sig[BI]' /proc/self/status)" "$plain"
	# ignored: SIGXFSZ, SIGPIPE
	trap '' XFSZ PIPE
	plain=$(grep '^Sig[BI]' /proc/self/status)
	assert_equal "$(mkcrimg run -- grep '^Sig[BI]' /proc/self/status)" "$plain"
	trap - XFSZ PIPE
}

@test "run: signals that are no warning are passed on" {
	local sig
	for sig in HUP USR1; do
		rm -f ready
		"$unit/mkcrimg" run --signal TERM -- sh -c 'trap "echo had it; exit 5" HUP USR1; : >ready; while :; do sleep 0.1; done' >out 3>&- &
		until_true test -e ready
		kill -$sig $!
		ends 5
		assert_equal "$(cat out)" 'had it'
	done
	rm ready
	"$unit/mkcrimg" run --signal TERM -- sh -c ': >ready; exec sleep 300' 3>&- &
	until_true test -e ready
	kill -USR1 $!
	ends 138
}

@test "run: when a warning cannot be followed the job goes on" {
	local sig
	"$unit/mkcrimg" run -- sh -c ': >ready; until [ -e go ]; do sleep 0.1; done; exit 3' 2>err 3>&- &
	until_true test -e ready
	for sig in TERM USR1 USR2; do
		: >err
		kill -$sig $!
		until_true said '/dev/crimg: '
	done
	: >go
	ends 3
}

@test "run: only one at a time has the images of a name" {
	"$unit/mkcrimg" run -o x -- sh -c ': >ready; until [ -e go ]; do sleep 0.1; done' 3>&- &
	until_true test -e ready
	run -1 --separate-stderr mkcrimg run -o x.crimg -- true
	assert_equal "$stderr" 'mkcrimg: ./x: its images are in use by another mkcrimg run'
	run -0 mkcrimg run -o y -- true
	: >go
	ends 0
	run -0 mkcrimg run -o x -- true
	run -0 ls -A
	assert_output "$(printf '%s\n' go ready)"
}

@test "run: a lock that was removed by hand does not take another one's with it" {
	local n
	for n in 1 2; do
		"$unit/mkcrimg" run -o x -- sh -c ": >ready$n; until [ -e go$n ]; do sleep 0.1; done" 3>&- &
		until_true test -e ready$n
		[ $n = 2 ] || { first=$!; rm .x.lock; }
	done
	: >go1
	ends 0 $first
	run -1 --separate-stderr mkcrimg run -o x -- true
	assert_equal "$stderr" 'mkcrimg: ./x: its images are in use by another mkcrimg run'
	: >go2
	ends 0
}

@test "run: what is not an image of the command is told, and left alone" {
	local name
	"$unit/mkimage" x.1.crimg
	: >x.2.crimg
	# not of the series
	for name in x.03.crimg x.+3.crimg x.3.crimg.bak x.0.crimg x.crimg x.9999999999.crimg yx.3.crimg; do
		: >"$name"
	done
	mkdir x.4.crimg
	ln -s x.1.crimg x.5.crimg
	ls -A >before
	run -0 --separate-stderr mkcrimg run -o x -- echo started
	assert_output started
	assert_equal "${#stderr_lines[@]}" 2
	assert_equal "${stderr_lines[0]}" 'mkcrimg: ./x.2.crimg: not an image'
	assert_equal "${stderr_lines[1]}" 'mkcrimg: ./x.1.crimg: not an image of this command'
	: >before.now
	ls -A | grep -v '^before' | diff - <(grep -v '^before' before)
}

# A disk that does not answer today: what has been done so far would be lost if the command began again.
@test "run: an image that cannot be read is not taken for none" {
	cat >shim.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <string.h>
		int open(const char *path, int flags, int mode)
		{
			int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
			if (strstr(path, ".1.crimg"))
				return errno = EIO, -1;
			return next(path, flags, mode);
		}
	END
	gcc -shared -fPIC -o shim.so shim.c
	: >x.1.crimg
	run -1 --separate-stderr env LD_PRELOAD="$PWD/shim.so" "$unit/../mkcrimg" run -o x -- echo started
	assert_output ''
	assert_equal "${stderr_lines[0]}" 'mkcrimg: ./x.1.crimg: Input/output error'
	assert_equal "${stderr_lines[1]}" 'mkcrimg: run: ./x: there are images of the command, none of which can be resumed: it is not started anew'
	run -0 mkcrimg run -o x -- echo started
	assert_line started
}

# A number that is taken is taken, whoever has it: an image is never written over.
@test "auto: images of others, and what is none, count for the next number" {
	local what
	sleep 300 3>&- &
	local job=$!
	for what in 'mkdir x.999999999.crimg' 'ln -s nowhere x.999999999.crimg' 'touch x.999999999.crimg'; do
		$what
		[ -z "${what##touch*}" ] && [ "$(id -u)" = 0 ] && chown 65534 x.999999999.crimg
		"$unit/mkcrimg" auto -q --every 1s -o x "$job" 2>err 3>&- &
		until_true test -s err
		kill $!
		ends 143 $!
		assert_equal "$(head -n 1 err)" 'mkcrimg: ./x: no number is left for the next image'
		rm -r err x.999999999.crimg
	done
	kill "$job"
}

@test "run: nobody has to read what it says" {
	mkfifo pipe
	"$unit/mkcrimg" run -- sh -c ': >ready; until [ -e go ]; do sleep 0.1; done; exit 3' 2>pipe 3>&- &
	exec 7<pipe
	until_true test -e ready
	exec 7<&-
	# a line about /dev/crimg, which is not there
	kill -TERM $!
	: >go
	ends 3
}
