#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The programs of tests/progs hold when nothing happens to them, and notice when something does. And
# tests/run-interrupted, with a tool that only stops and continues the job.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	progs=$top/build/progs
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	local pids
	pids=$(jobs -p)
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || :
}

until_true() {
	local end=$((SECONDS + 300))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "waited 300 s for: $*"; return 1; }
		sleep 0.05
	done
}

# start PROGRAM [CASE...]: in the background, until it is ready
start() {
	mkdir "$1"
	"$progs/$1" "$1" "${@:2}" </dev/null >"$1.out" 2>&1 3>&- &
	pid=$!
	until_true test -e "$1/ready"
}

# notices PROGRAM REGEX: it ends with one line about what has been done to it
notices() {
	local status=0
	touch "$1/go"
	wait "$pid" || status=$?
	assert_equal "$status" 1
	run cat "$1.out"
	assert_output --regexp "^$1: .*$2"
}

@test "every program holds when nothing happens to it" {
	declare -A pids
	for name in hello static regs memory cow mmflags pkeys shm sysv sysvmsg sysvsem semundo posixsem files memfd pipes fifos inotify leases pidfds procfiles ptys devs signals \
		syscalls threads rseq tree zombies pgrps sharing ids limits args exe vdso times debug inspect cplusplus golike golike_pie robust waiting owners; do
		mkdir "$name"
		"$progs/$name" "$name" </dev/null >"$name.out" 2>&1 3>&- &
		pids[$name]=$!
	done
	for name in "${!pids[@]}"; do
		until_true test -e "$name/ready"
		touch "$name/go"
	done
	for name in "${!pids[@]}"; do
		wait "${pids[$name]}" || { echo "$name: status $?"; cat "$name.out"; false; }
		assert_equal "$(cat "$name.out")" ''
	done
}

@test "optional cases hold, too" {
	for args in 'shm unlinked' 'tree wide' 'vfork shared' 'vfork deep'; do
		set -- $args
		rm -rf "$1"
		start "$@"
		touch "$1/go"
		wait "$pid"
	done
}

@test "busy ones hold, and so do several as one" {
	start busy
	touch busy/go
	wait "$pid"
	assert_equal "$(<busy.out)" ''
	start several eventfd unix,both,brim pipes
	touch several/go
	wait "$pid"
	assert_equal "$(<several.out)" ''
}

@test "who is shot says so" {
	run -0 "$progs/shoot" 0 sh -c 'exit 3'
	assert_output --regexp '^[0-9]+ 3$'
	run -0 "$progs/shoot" 100000000 sh -c 'exit 3'
	assert_output 'ended 3'
	run -0 "$progs/shoot" 100000 sleep 1000
	assert_output killed
}

@test "memory notices a byte that changed" {
	start memory anon
	python3 - "$pid" <<-'END'
		import sys
		for line in open(f'/proc/{sys.argv[1]}/maps'):
		    span, perms, _, _, inode, *name = line.split()
		    start, end = (int(x, 16) for x in span.split('-'))
		    if perms == 'r-xp' and inode == '0' and not name:	# the code that it made
		        with open(f'/proc/{sys.argv[1]}/mem', 'r+b', 0) as mem:
		            mem.seek(start + 1)
		            mem.write(b'\x07')
	END
	notices memory 'generated code returned 7'
}

@test "signals notices a signal" {
	start signals actions
	kill -HUP "$pid"
	# cut short, or counted: whichever it finds first
	notices signals '(nanosleep: Interrupted|signal 1 came)'
}

@test "signals notices a pending signal too many" {
	start signals pending
	kill -35 "$(pgrep -P "$pid")"
	notices signals 'signal 35 is pending once more'
}

@test "pipes notices bytes that are gone" {
	start pipes flight
	head -c 7 "/proc/$pid/fd/3" >/dev/null
	notices pipes '[0-9]+ bytes in flight'
}

@test "files notices a file that grew" {
	start files flags
	echo x >>files/append
	notices files 'append: size'
}

@test "regs notices a register" {
	start regs gpr
	run gdb -nx -batch -p "$pid" -ex 'thread 2' -ex 'set $r12 = 1' -ex 'detach'
	notices regs 'register 12: 0x[0-9a-f]+ became 0x1'
}

@test "limits notices another limit" {
	start limits rlimits
	prlimit --pid "$pid" --nofile=100:200
	notices limits 'limit 7: 777, 1000 became 100, 200'
}

@test "zombies notices a child that died otherwise" {
	start zombies deep
	# no zombie; it sleeps, but for the moments in which it looks whether it shall go
	kill -9 "$(pgrep -P "$pid" -r S,R,D | head -n 1)"
	notices zombies 'ended with status 0x9'
}

# holds PROGRAM
holds() {
	local kind status pid
	for kind in $("$progs/$1" --list | awk '{ print $1 }'); do
		mkdir "$kind"
		status=0
		"$progs/$1" "$kind" "$kind" >out 2>&1 3>&- &
		pid=$!
		until_true eval '[ -e "$kind/ready" ] || ! kill -0 $pid 2>/dev/null'
		touch "$kind/go"
		wait "$pid" || status=$?
		[ $status = 0 ] || [ $status = 77 ] || { echo "$kind: $status"; cat out; false; }
	done
}

@test "refused: each kind holds what it says until it is told to go" {
	for name in refused refused_proc refused_tty refused_unix; do holds $name; done
}

@test "outside: each kind holds what it says until it is told to go" {
	holds outside
}

# ---- tests/run-interrupted ----

# A tool that saves nothing: enough for --saves
fake_tool() {
	cat >tool <<-'END'
		#!/bin/bash
		while [ $# -gt 1 ]; do [ "$1" != -o ] || image=$2; shift; done
		kill -STOP "$1" || exit 1
		echo image >"$image"
		kill -CONT "$1"
	END
	chmod +x tool
	export MKCRIMG=$PWD/tool
}

interrupted() { "$top/tests/run-interrupted" --tmp "$PWD" "$@" 3>&-; }

@test "run-interrupted: equal runs are equal, and nothing is left" {
	fake_tool
	run -0 interrupted --kills=0 --saves=3 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done; echo x >file; exit 3'
	assert_output --partial 'exit status 3, 12 bytes of output, 1 files'
	assert_output --partial 'equal after 3 saves'
	assert_equal "$(ls)" tool
}

@test "run-interrupted: what differs is told" {
	fake_tool
	run -1 interrupted --kills=0 --saves=2 'sleep 1.5; date +%N'
	assert_output --partial 'stdout differs'
	run -1 interrupted --kills=0 --saves=2 'sleep 1.5; date +%N >file'
	assert_output --partial 'file: '
	# 9 for the first run, 10 for the second
	run -1 interrupted --kills=0 --saves=2 'sleep 1.5; echo . >>../runs; kill -$(($(wc -l <../runs) + 8)) $$'
	assert_output --partial 'killed by signal'
	assert_equal "$(ls)" tool
}

@test "run-interrupted: a command that is too short is a failure" {
	fake_tool
	# more than fit into all attempts together, also when it is slow to begin
	run -1 interrupted --kills=0 --saves=2000 true
	assert_output --partial 'too short'
}

# Each save takes a third of it
@test "run-interrupted: saves that do not fit into one run are made in several" {
	fake_tool
	sed -i '2i sleep 0.4' tool
	run -0 interrupted --kills=0 --saves=6 'sleep 1.2; echo end'
	assert_output --regexp 'equal after 6 saves in [2-8] runs'
	# the runs that ended early are compared as well
	run -1 interrupted --kills=0 --saves=6 'sleep 1.2; echo . >>../runs; wc -l <../runs'
	assert_output --partial 'stdout differs'
	assert_output --regexp 'after [1-5] saves'
}

@test "run-interrupted: a refusal is a failure unless it is expected, and there is a save as well" {
	fake_tool
	sed -i '2i [ -e refused ] || { echo "mkcrimg: save: pid 1 (x): fd 3: eventfd: not yet [CR-EFD]"; >refused; exit 1; }' tool
	run -1 interrupted --kills=0 --saves=3 'sleep 1'
	assert_output --partial 'refused: '
	rm refused
	run -0 interrupted --kills=0 --saves=3 --refusal-ok eventfd 'sleep 1'
	assert_output --partial 'equal after 2 saves'
	assert_output --partial '1 refused'
	rm refused
	run -0 interrupted --kills=0 --saves=1 --refusal-ok eventfd 'sleep 1'
	assert_output --regexp 'equal after 1 saves in [2-8] runs.*, 1 refused'
	rm refused
	run -1 interrupted --kills=0 --saves=3 --refusal-ok timerfd 'sleep 1'
	rm refused
	sed -i 's/>refused/:/' tool
	run -1 interrupted --kills=0 --saves=3 --refusal-ok eventfd 'sleep 1'
	assert_output --partial 'every save was refused'
}

@test "run-interrupted: a job that survives save --kill is a failure" {
	fake_tool
	run -1 interrupted --kills=1 'sleep 1'
	assert_output --partial 'after save --kill'
	assert_equal "$(ls)" tool
}
