#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Automatic images, when much happens at once.

load helper
load auto_helper

# all of a session at once
@test "a storm: one image of one job" {
	set_to crimg_signal "$(kill -l USR2)"
	start tree wide
	local pid=$job_pid
	signalled USR2 -- "-$pid"
	until_true image_is_there "tree.$pid.1.crimg"
	images_are "tree.$pid.1.crimg"
	finish
	restarts "tree.$pid.1.crimg"
}

@test "a storm that ends all of it: one image, which restarts" {
	set_to crimg_end_signal "$(kill -l TERM)"
	start tree wide
	local pid=$job_pid below=()
	note_below "$pid"
	kill -TERM -- "-$pid"
	expect_status 143
	until_true all_gone "${below[@]}"
	images_are "tree.$pid.1.crimg"
	restarts "tree.$pid.1.crimg"
}

@test "a storm of several jobs: an image of each" {
	local i pids=() dirs=() names=()
	set_to crimg_signal "$(kill -l USR2)"
	for ((i = 0; i < 6; i++)); do
		start tree
		pids+=("$job_pid") dirs+=("$job_dir")
		names+=("tree.$job_pid.1.crimg")
	done
	kill -USR2 "${pids[@]/#/-}"
	until_true savers_done
	for i in "${names[@]}"; do until_true image_is_there "$i"; done
	images_are "${names[@]}"
	for ((i = 0; i < 6; i++)); do
		job_pid=${pids[i]} job_dir=${dirs[i]}
		finish
		restarts "${names[i]}"
	done
}

@test "the disk is full in the middle of a storm: whole images or none, and all jobs go on" {
	local i pids=() dirs=() name
	set_to crimg_signal "$(kill -l USR2)"
	mount -t tmpfs -o size=700k tmpfs "$images"
	for ((i = 0; i < 4; i++)); do
		start tree
		pids+=("$job_pid") dirs+=("$job_dir")
	done
	for i in 1 2; do
		kill -USR2 "${pids[@]/#/-}"
		until_true savers_done
	done
	ls -lA "$images"
	run ls -A "$images"
	refute_line --regexp '^[.]'
	for name in $output; do run -0 mkcrimg check "$images/$name"; done
	[ "$(logged 'automatic save: ')" -gt 0 ]
	for ((i = 0; i < 4; i++)); do
		job_pid=${pids[i]} job_dir=${dirs[i]}
		finish
	done
	umount "$images"
}

# Who saves to where nothing is ever written keeps four places, and no more: they are one user's
@test "savers that hang: others of their user wait for a minute, another user's do not; they can be killed" {
	local i pids=() dirs=() disk=$BATS_TEST_TMPDIR/disk
	set_to crimg_signal "$(kill -l USR2)"
	truncate -s 64M "$disk"
	modprobe loop
	modprobe ext4
	mkfs.ext4 -q "$disk"
	mkdir "$images/stuck" "$images/fine"
	chmod 777 "$images" "$images/fine"
	mount -o loop "$disk" "$images/stuck"
	set_to crimg_pattern '%e.%p.%n'
	for ((i = 0; i < 4; i++)); do
		cd "$images/stuck"
		start hello
		pids+=("$job_pid") dirs+=("$job_dir")
	done
	cd "$images/fine"
	start hello
	cd /
	fsfreeze -f "$images/stuck"
	kill -USR2 "${pids[@]}"
	until_true savers_are 4
	signalled_late
	images_in_fine_are ''
	assert_equal "$(logged 'pid [0-9]+ \(hello\): not saved')" 1
	(cd "$images/fine" && exec setsid setpriv --reuid 65534 --clear-groups sleep 1000 3>&-) &
	user=$!
	until_true executes_sleep "$user"
	kill -USR2 "$user"
	until_true test -e "$images/fine/sleep.$user.1"
	kill -9 "$user"
	finish
	fsfreeze -u "$images/stuck"
	until_true savers_done
	run -0 ls -A "$images/stuck"
	for ((i = 0; i < 4; i++)); do
		assert_line "hello.${pids[i]}.1"
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

# The job of $job_pid, beside those that hang
signalled_late() {
	kill -USR2 "$job_pid"
	until_true savers_are 5
	until_true savers_are 4
}

images_in_fine_are() { assert_equal "$(ls -A "$images/fine")" "$1"; }

nothing_hidden() { savers_done && ! ls -A "$images" | grep -q '^\.'; }

saver_is_there() { pgrep -x crimg >/dev/null || [ -n "$(ls "$images")" ]; }
