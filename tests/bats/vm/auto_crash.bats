#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Automatic images of crashes: kernel.crimg_fatal.

load helper
load auto_helper

# crash CASE: run until it has crashed
crash() {
	set_to crimg_fatal 1
	start crash "$1"
	pid=$job_pid
	touch "$job_dir/go"
	expect_status "$2"
	job_image=$images/crash.$pid.1.crimg
	[ -e "$job_image" ]
}

gdb_on() {
	local args=() file=$1
	shift
	for command; do args+=(-ex "$command"); done
	run gdb -nx -batch -q -iex 'set auto-load safe-path /' "${args[@]}" "$progs/crash" "$file"
}

@test "a fatal signal leaves an image: at the fault, with its siginfo, and it crashes again" {
	local pid
	crash leader 139
	gdb_on "$job_image" 'backtrace' 'p $_siginfo.si_signo' 'p $_siginfo._sifields._sigfault.si_addr' 'p crash_number'
	assert_output --partial 'Program terminated with signal SIGSEGV'
	assert_output --regexp '#0 .*crash_here \(depth=(depth@entry=)?0\)'
	assert_output --regexp '#[34] .*main \('
	assert_output --partial '$1 = 11'
	assert_output --partial '$2 = (void *) 0x0'
	assert_output --partial '$3 = 7'
	resume_to 139
}

# the job runs on from the image, and ends with this status
resume_to() {
	"${randomized[@]}" "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	expect_status "$1"
}

@test "a fatal signal in a thread: it is the one that a debugger shows" {
	local pid
	crash thread 139
	gdb_on "$job_image" 'backtrace' 'info threads'
	assert_output --regexp '#0 .*crash_here \(depth=(depth@entry=)?0\)'
	assert_output --regexp '#[34] .*crash_thread \('
	resume_to 139
}

@test "a fatal signal in a child: the whole job, and the child's core says why" {
	local pid child status=0
	set_to crimg_fatal 1
	start crash child
	pid=$job_pid
	read -r child <"$job_dir/child"
	touch "$job_dir/go"
	expect_status 1
	: >"$job_out"
	job_image=$images/crash.$pid.1.crimg
	run -0 mkcrimg core -p "$child" -o "$BATS_TEST_TMPDIR/core" "$job_image"
	gdb_on "$BATS_TEST_TMPDIR/core" 'backtrace' 'p $_siginfo.si_signo'
	assert_output --regexp '#0 .*crash_here \(depth=(depth@entry=)?0\)'
	assert_output --partial '$1 = 11'
	resume_to 1
}

@test "abort() leaves an image that aborts again; so does a signal from outside" {
	local pid
	crash abort 134
	resume_to 134
	rm "$images"/*
	start hello
	kill -SEGV "$job_pid"
	expect_status 139
	assert_equal "$(ls "$images" | wc -l)" 1
}

@test "an image of a crash is started stopped, repaired by gdb, and runs to its end: leader, thread, child" {
	local pid where bad
	for where in leader thread child; do
		if [ $where = child ]; then
			# whose parent finds that it has not ended well
			crash divide-child 1
			: >"$job_out"
			read -r bad <"$job_dir/child"
		else
			crash divide-$where 136
			bad=$pid
		fi
		mkcrimg restart --stopped "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
		job_pid=$!
		until_true stopped_job "$pid"
		run -0 gdb -nx -batch -q -iex 'set auto-load safe-path /' -ex 'thread apply all backtrace' \
			-ex 'set var crash_divisor = 2' -ex 'detach' "$progs/crash" "$bad"
		assert_output --regexp '#0 .*crash_divide \('
		[ $where = leader ] || assert_output --regexp "crash_$where \("
		kill -CONT "$job_pid" "$bad"
		expect_status 0
		[ -e "$job_dir/done" ]
	done
}

stopped_job() { [ -e "/proc/$1/exe" ] && in_state "$1" T && in_state "$job_pid" T; }

@test "core_pattern is as it was: both are written" {
	local pid old
	old=$(cat /proc/sys/kernel/core_pattern)
	echo "$images/core.%p" >/proc/sys/kernel/core_pattern
	ulimit -c unlimited
	crash leader 139
	images_are "core.$pid" "crash.$pid.1.crimg"
	echo "$old" >/proc/sys/kernel/core_pattern
}
