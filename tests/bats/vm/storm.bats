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

nothing_hidden() { savers_done && ! ls -A "$images" | grep -q '^\.'; }

saver_is_there() { pgrep -x crimg >/dev/null || [ -n "$(ls "$images")" ]; }
