#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Automatic images: kernel.crimg_*. A job is what belongs to one session here, as a batch system starts one.

load helper
load auto_helper

@test "a signal saves the job, which goes on; each image has a number, and restarts" {
	set_to crimg_signal "$(kill -l USR2)"
	start hello
	local pid=$job_pid
	signalled USR2 "$pid"
	until_true image_is_there "hello.$pid.1.crimg"
	signalled USR2 "$pid"
	until_true image_is_there "hello.$pid.2.crimg"
	alive
	run -0 stat -c %a "$images/hello.$pid.1.crimg"
	assert_output 700
	finish
	images_are "hello.$pid.1.crimg" "hello.$pid.2.crimg"
	restarts "hello.$pid.1.crimg"
	restarts "hello.$pid.2.crimg"
}

@test "the signal is not part of the image, and a restarted job is saved by its own" {
	set_to crimg_signal "$(kill -l RTMIN+3)"
	start hello
	local pid=$job_pid
	signalled RTMIN+3 "$pid"
	until_true image_is_there "hello.$pid.1.crimg"
	run -0 mkcrimg show --json "$images/hello.$pid.1.crimg"
	assert_output --regexp '"class": *1'
	finish
	rm "$job_dir/go"
	job_image=$images/hello.$pid.1.crimg
	resume
	# it goes on counting
	signalled RTMIN+3 "$pid"
	until_true image_is_there "hello.$pid.2.crimg"
	finish
	restarts "hello.$pid.2.crimg"
}

@test "another signal saves the job, and ends it as it does" {
	set_to crimg_end_signal "$(kill -l TERM)"
	start hello
	local pid=$job_pid
	kill "$pid"
	expect_status 143
	images_are "hello.$pid.1.crimg"
	restarts "hello.$pid.1.crimg"
}

@test "a handler, SIG_IGN, sigwait() and a blocked signal come first" {
	set_to crimg_signal "$(kill -l USR2)"
	local case
	for case in handled waited; do
		start onsignal "$(kill -l USR2)" $case
		[ $case = handled ] || until_true in_state "$job_pid" S
		kill -USR2 "$job_pid"
		until_true grep -q $case "$job_dir/said"
		finish
	done
	start onsignal "$(kill -l USR2)" ignored
	kill -USR2 "$job_pid"
	finish
	start onsignal "$(kill -l USR2)" unblocked
	kill -USR2 "$job_pid"
	savers_done
	images_are ''
	local pid=$job_pid
	touch "$job_dir/unblock"
	until_true image_is_there "onsignal.$pid.1.crimg"
	until_true grep -q unblocked "$job_dir/said"
	finish
}

@test "a signal to a job that is stopped, that is being saved, or that has lost its first thread" {
	set_to crimg_signal "$(kill -l USR2)"
	start hello
	local pid=$job_pid i
	kill -STOP "$pid"
	until_true in_state "$pid" T
	kill -USR2 "$pid"
	kill -CONT "$pid"
	until_true image_is_there "hello.$pid.1.crimg"
	# wherever it is just then
	for ((i = 0; i < 5; i++)); do
		mkcrimg save -q -o "$BATS_TEST_TMPDIR/other.crimg" "$pid" 2>/dev/null 3>&- &
		nap
		kill -USR2 "$pid"
		wait $! || :
	done
	until_true savers_done
	alive
	finish
	# which it does nothing with
	set_to crimg_signal "$(kill -l STKFLT)"
	start headless
	pid=$job_pid
	signalled STKFLT "$pid"
	until_true has_image
	[ -e "/proc/$pid" ]
	kill -9 -- "-$pid"
	expect_status 137
}

@test "an image satisfies a signal that is pending, but not the next one of its number" {
	local sig pid child
	sig=$(kill -l USR2)
	set_to crimg_signal "$sig"
	start onsignal "$sig" late
	pid=$job_pid
	until_true has_child
	# nobody takes it: one thread blocks it, the other waits for the child
	kill -USR2 "$pid"
	is_pending "$pid" "$sig"
	signalled USR2 "$child"
	images_are "onsignal.$pid.1.crimg"
	is_pending "$pid" "$sig"
	touch "$job_dir/handle"
	until_true grep -q handler "$job_dir/said"
	touch "$job_dir/wake"
	until_true grep -q default "$job_dir/said"
	images_are "onsignal.$pid.1.crimg"
	signalled USR2 "$pid"
	until_true image_is_there "onsignal.$pid.2.crimg"
	finish
	restarts_late "onsignal.$pid.1.crimg"
}

has_child() { child=$(xargs <"/proc/$pid/task/$pid/children") && [ -n "$child" ]; }

# is_pending PID SIGNAL: for the process
is_pending() {
	local mask
	mask=$(awk '$1 == "ShdPnd:" { print $2 }' "/proc/$1/status")
	[ $((0x$mask & 1 << ($2 - 1))) != 0 ]
}

# The signal has been satisfied: without it in the image nothing is handled
restarts_late() {
	rm -f "$job_dir"/{go,said,handle,wake}
	job_image=$images/$1
	resume
	touch "$job_dir/handle"
	until_true grep -q handler "$job_dir/said"
	touch "$job_dir/wake" "$job_dir/go"
	expect_status 1
	grep -q 'the signal has not been handled' "$job_out"
}

has_image() { ls "$images" | grep -qv '^hello'; }

@test "without a pattern the signal does what it always did" {
	set_to crimg_signal "$(kill -l USR2)"
	set_to crimg_pattern ''
	start hello
	kill -USR2 "$job_pid"
	expect_status 140
}

@test "settings that mean nothing are refused" {
	local setting
	# a name that is cut off is another one
	for setting in '%Q' 'x%' '|/bin/false' "$(printf '%0128d' 0)"; do
		run ! set_to crimg_pattern "$setting"
	done
	for setting in 9 19 17 18 65 -1; do
		run ! set_to crimg_signal $setting
		run ! set_to crimg_end_signal $setting
	done
	run ! set_to crimg_fatal 2
	run ! set_to crimg_tree 3
	run -0 cat /proc/sys/kernel/crimg_pattern
	assert_output "$images/%e.%p.%n.crimg"
}

@test "signals that cannot be caught: the setting is refused, and stays what it was" {
	echo 0 >/proc/sys/kernel/ftrace_enabled
	run -1 set_to crimg_signal "$(kill -l USR2)"
	assert_output --partial 'Device or resource busy'
	assert_equal "$(cat /proc/sys/kernel/crimg_signal)" 0
	echo 1 >/proc/sys/kernel/ftrace_enabled
	set_to crimg_signal "$(kill -l USR2)"
	# nor can it be turned off now
	run -1 set_to ftrace_enabled 0
}

@test "an image that has the name already is replaced by a whole one only; a limit of file sizes holds" {
	local pid
	set_to crimg_signal "$(kill -l USR2)"
	set_to crimg_pattern "$images/image"
	echo old >"$images/image"
	# what is larger than this is not written
	start_limited 16
	signalled USR2 "$job_pid"
	until_true failed_to_write
	assert_equal "$(cat "$images/image")" old
	finish
	start hello
	signalled USR2 "$job_pid"
	images_are image
	run -0 mkcrimg check --records-only "$images/image"
	finish
}

# start_limited KIB: hello, with a limit of file sizes
start_limited() {
	randomized=(setsid setarch x86_64 prlimit --fsize=$(($1 * 1024)))
	start hello
	randomized=(setsid setarch x86_64)
}

failed_to_write() { savers_done && [ "$(logged 'automatic save: writing the image failed')" = 1 ]; }

@test "every token" {
	set_to crimg_signal "$(kill -l USR2)"
	set_to crimg_pattern "$images/%%_%p_%P_%i_%I_%u_%g_%d_%s_%h_%e_%f_%c_%n"
	start hello
	local pid=$job_pid
	signalled USR2 "$pid"
	images_are "%_${pid}_${pid}_${pid}_${pid}_0_0_1_12_$(hostname)_hello_hello_$(ulimit -c | sed s/unlimited/18446744073709551615/)_1"
	rm "$images"/*
	set_to crimg_pattern "$images/%E"
	signalled USR2 "$pid"
	images_are "$(echo "$progs/hello" | tr / '!')"
	rm "$images"/*
	set_to crimg_pattern "$images/%t_%T"
	local before after
	before=$(date +%s)
	signalled USR2 "$pid"
	after=$(date +%s)
	run -0 ls "$images"
	assert_output --regexp '^[0-9]+_[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'
	[ "${output%_*}" -ge "$before" ]
	[ "${output%_*}" -le "$after" ]
	local said
	said=$(date -d "${output#*_}" +%s)
	[ "$said" -ge "$before" ]
	[ "$said" -le "$after" ]
	finish
}

@test "a relative name is one in the job's directory" {
	set_to crimg_signal "$(kill -l USR2)"
	set_to crimg_pattern 'here.%n'
	cd "$images"
	start hello
	cd /
	signalled USR2 "$job_pid"
	until_true image_is_there here.1
	finish
}

@test "which processes are the job: kernel.crimg_tree" {
	set_to crimg_signal "$(kill -l USR2)"
	start crash child
	local pid=$job_pid child
	read -r child <"$job_dir/child"
	signalled USR2 "$child"
	images_are "crash.$pid.1.crimg"
	set_to crimg_tree 2
	signalled USR2 "$child"
	images_are "crash.$child.1.crimg" "crash.$pid.1.crimg"
	set_to crimg_tree 1
	signalled USR2 "$child"
	images_are "crash.$child.1.crimg" "crash.$pid.1.crimg" "crash.$pid.2.crimg"
	kill -9 "$pid" "$child"
	expect_status 137
}

@test "what cannot be saved goes on, and the log says why in one line" {
	set_to crimg_signal "$(kill -l USR2)"
	start onsignal "$(kill -l USR2)" denied
	signalled USR2 "$job_pid"
	assert_equal "$(logged 'automatic save: .*\(onsignal\): not allowed to trace it')" 1
	finish
	start hello
	set_to crimg_pattern "$images/none/%p"
	signalled USR2 "$job_pid"
	assert_equal "$(logged 'automatic save: .*none/.* cannot be created')" 1
	set_to crimg_pattern "$images/"
	signalled USR2 "$job_pid"
	assert_equal "$(logged 'automatic save: .* gives no name')" 1
	finish
	images_are ''
}

@test "a full disk and one that is read only: no file is left, the job goes on" {
	set_to crimg_signal "$(kill -l USR2)"
	start hello
	mount -t tmpfs -o size=64k tmpfs "$images"
	signalled USR2 "$job_pid"
	assert_equal "$(ls -A "$images")" ''
	mount -o remount,ro "$images"
	signalled USR2 "$job_pid"
	umount "$images"
	assert_equal "$(logged 'automatic save: ')" 2
	finish
}
