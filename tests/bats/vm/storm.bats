#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Automatic images, when much happens at once.

load helper
load auto_helper

# A shell with a hundred children, which do nothing but wait: whatever is slow here is the storm
start_hundred() {
	job_dir=$BATS_TEST_TMPDIR/job
	job_out=$job_dir.out
	mkdir "$job_dir"
	"${randomized[@]}" bash -c 'for ((i = 0; i < 100; i++)); do sleep 1000 & done; touch "$0/ready"; wait' \
		"$job_dir" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	until_true hundred_sleep
}

hundred_sleep() { [ "$(pgrep -c -x sleep)" = 100 ]; }

restart_hundred() {
	job_image=$images/$1
	resume
	until_true hundred_sleep
	run -0 mkcrimg check "$job_image"
	pkill -9 -x sleep
	expect_status 0
}

# all of a process group at once
@test "a storm: one image of one job" {
	set_to crimg_signal "$(kill -l USR2)"
	start_hundred
	local pid=$job_pid
	signalled USR2 -- "-$pid"
	until_true image_is_there "bash.$pid.1.crimg"
	images_are "bash.$pid.1.crimg"
	kill -9 -- "-$pid"
	expect_status 137
	restart_hundred "bash.$pid.1.crimg"
}

@test "a storm that ends all of it: one image, which restarts" {
	set_to crimg_end_signal "$(kill -l TERM)"
	start_hundred
	local pid=$job_pid below=()
	note_below "$pid"
	kill -TERM -- "-$pid"
	expect_status 143
	until_true all_gone "${below[@]}"
	images_are "bash.$pid.1.crimg"
	restart_hundred "bash.$pid.1.crimg"
}

@test "a storm of several jobs: an image of each" {
	local i pids=() dirs=() names=() below
	# which it does nothing with
	set_to crimg_signal "$(kill -l STKFLT)"
	for ((i = 0; i < 6; i++)); do
		start tree
		pids+=("$job_pid") dirs+=("$job_dir")
		names+=("tree.$job_pid.1.crimg")
	done
	kill -STKFLT "${pids[@]/#/-}"
	until_true savers_done
	for i in "${names[@]}"; do until_true image_is_there "$i"; done
	images_are "${names[@]}"
	for ((i = 0; i < 6; i++)); do
		job_pid=${pids[i]} job_dir=${dirs[i]}
		below=("$job_pid")
		note_below "$job_pid"
		kill -9 "${below[@]}"
		expect_status 137
		restarts "${names[i]}"
	done
}

@test "the disk is full in the middle of a storm: whole images or none, and all jobs go on" {
	local i pids=() dirs=() name
	# which it does nothing with
	set_to crimg_signal "$(kill -l STKFLT)"
	mount -t tmpfs -o size=2m tmpfs "$images"
	for ((i = 0; i < 4; i++)); do
		start tree
		pids+=("$job_pid") dirs+=("$job_dir")
	done
	# there is room for this one
	signalled STKFLT "$job_pid"
	image_is_there "tree.$job_pid.1.crimg"
	for i in 1 2; do
		kill -STKFLT "${pids[@]/#/-}"
		until_true savers_done
	done
	for name in $(ls -A "$images"); do
		[ "${name#.}" = "$name" ]
		run -0 mkcrimg check "$images/$name"
	done
	image_is_there "tree.$job_pid.1.crimg"
	[ "$(logged 'automatic save: writing the image failed .*error 28')" -gt 1 ]
	umount "$images"
	for ((i = 0; i < 4; i++)); do
		job_pid=${pids[i]} job_dir=${dirs[i]}
		finish
	done
}

# Who saves to where nothing is ever written keeps four places, and no more: they are one user's
@test "savers that hang: others of their user wait for a minute, another user's do not" {
	local i pids=() dirs=() disk=$BATS_TEST_TMPDIR/disk hung user
	set_to crimg_signal "$(kill -l USR2)"
	truncate -s 64M "$disk"
	modprobe loop
	modprobe ext4
	mkfs.ext4 -q "$disk"
	mkdir "$images/stuck" "$images/fine"
	chmod 777 "$images/fine" && chmod 711 "$images" "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	mount -o loop "$disk" "$images/stuck"
	set_to crimg_pattern '%e.%p.%n'
	for i in stuck stuck stuck stuck fine; do
		cd "$images/$i"
		start hello
		pids+=("$job_pid") dirs+=("$job_dir")
	done
	cd "$images/fine"
	setsid setpriv --reuid 65534 --clear-groups sleep 1000 3>&- &
	user=$!
	cd /
	until_true executes_sleep "$user"
	# they sleep for longer than it finds right
	hung=$(</proc/sys/kernel/hung_task_timeout_secs)
	echo 0 >/proc/sys/kernel/hung_task_timeout_secs
	fsfreeze -f "$images/stuck"
	kill -USR2 "${pids[@]:0:4}"
	until_true savers_are 4
	kill -USR2 "${pids[4]}"
	until_true savers_are 5
	kill -USR2 "$user"
	until_true test -e "$images/fine/sleep.$user.1"
	kill -9 "$user"
	until_true savers_are 4
	fsfreeze -u "$images/stuck"
	until_true savers_done
	echo "$hung" >/proc/sys/kernel/hung_task_timeout_secs
	assert_equal "$(ls -A "$images/fine")" "sleep.$user.1"
	assert_equal "$(logged 'pid [0-9]+ \(hello\): not saved')" 1
	for ((i = 0; i < 4; i++)); do [ -e "$images/stuck/hello.${pids[i]}.1" ]; done
	for ((i = 0; i < 5; i++)); do
		job_pid=${pids[i]} job_dir=${dirs[i]}
		finish
	done
	until_true umount "$images/stuck"
}

@test "a job that is killed while it is saved, and a saver that is: nothing is left" {
	set_to crimg_signal "$(kill -l USR2)"
	start memory
	local pid=$job_pid
	kill -USR2 "$pid"
	until_true saver_is_there
	pkill -9 -x crimg || :
	until_true savers_done
	alive
	kill -USR2 "$pid"
	until_true saver_is_there
	kill -9 -- "-$pid"
	expect_status 137
	until_true nothing_hidden
}

savers_are() { [ "$(pgrep -cx crimg)" = "$1" ]; }

executes_sleep() { [ "$(cat "/proc/$1/comm")" = sleep ]; }

nothing_hidden() { savers_done && ! ls -A "$images" | grep -q '^\.'; }

saver_is_there() { pgrep -x crimg >/dev/null || [ -n "$(ls "$images")" ]; }
