#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Automatic images, when much happens at once.

load helper
load auto_helper

# start_shell N: with so many children, which do nothing but wait: whatever is slow here is the storm
start_shell() {
	local nr=$1 had
	had=$(pgrep -c -x sleep) || :
	new_job
	run_job bash -c 'for ((i = 0; i < $1; i++)); do sleep 1000 & done; touch "$0/ready"; wait' "$job_dir" "$nr"
	until_true sleepers_are $((had + nr))
}

sleepers_are() { [ "$(pgrep -c -x sleep)" = "$1" ]; }

# The shell ends well when they have ended
end_shells() {
	local pid
	pkill -9 -x sleep
	for pid; do
		job_pid=$pid
		expect_status 0
	done
}

# restart_shell N IMAGE
restart_shell() {
	job_image=$images/$2
	run -0 mkcrimg check "$job_image"
	resume
	until_true sleepers_are "$1"
	end_shells "$job_pid"
}

# all of a process group at once
@test "a storm: one image of one job" {
	set_to crimg_signal "$(kill -l USR2)"
	start_shell 100
	local pid=$job_pid
	signalled USR2 -- "-$pid"
	until_true image_is_there "bash.$pid.1.crimg"
	images_are "bash.$pid.1.crimg"
	kill -9 -- "-$pid"
	expect_status 137
	restart_shell 100 "bash.$pid.1.crimg"
}

@test "a storm that ends all of it: one image, which restarts" {
	set_to crimg_end_signal "$(kill -l TERM)"
	start_shell 100
	local pid=$job_pid below=()
	note_below "$pid"
	kill -TERM -- "-$pid"
	expect_status 143
	until_true all_gone "${below[@]}"
	images_are "bash.$pid.1.crimg"
	restart_shell 100 "bash.$pid.1.crimg"
}

@test "a storm of several jobs: an image of each" {
	local i pids=() names=()
	set_to crimg_signal "$(kill -l USR2)"
	for ((i = 0; i < 6; i++)); do
		start_shell 20
		pids+=("$job_pid")
		names+=("bash.$job_pid.1.crimg")
	done
	kill -USR2 "${pids[@]/#/-}"
	for i in "${names[@]}"; do until_true image_is_there "$i"; done
	until_true savers_done
	images_are "${names[@]}"
	end_shells "${pids[@]}"
	for i in "${names[@]}"; do restart_shell 20 "$i"; done
}

@test "the disk is full in the middle of a storm: whole images or none, and all jobs go on" {
	local i pids=() name size
	set_to crimg_signal "$(kill -l USR2)"
	mount -t tmpfs tmpfs "$images"
	for ((i = 0; i < 4; i++)); do
		start_shell 20
		pids+=("$job_pid")
	done
	# room for this one, and half of another
	signalled USR2 "$job_pid"
	until_true image_is_there "bash.$job_pid.1.crimg"
	size=$(stat -c %s "$images/bash.$job_pid.1.crimg")
	mount -o remount,size=$((size / 2 * 3)) "$images"
	for i in 1 2; do
		kill -USR2 "${pids[@]/#/-}"
		until_true failed_to_write $((i * 4))
	done
	for name in $(ls -A "$images"); do
		[ "${name#.}" = "$name" ]
		run -0 mkcrimg check "$images/$name"
	done
	images_are "bash.$job_pid.1.crimg"
	end_shells "${pids[@]}"
	umount "$images"
}

failed_to_write() { savers_done && [ "$(logged 'automatic save: writing the image failed .*error 28')" -ge "$1" ]; }

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
