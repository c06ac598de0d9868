#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The module itself: it loads, unloads and loads again, by hand and by itself.

load helper

loaded() { grep -q '^binfmt_cr ' /proc/modules; }

unused() {
	local users
	read -r users </sys/module/binfmt_cr/refcnt && [ "$users" = 0 ]
}

local_teardown() { load_module; }

@test "unload and load again" {
	for i in 1 2; do
		unload_module
		run ! loaded
		modprobe binfmt_cr
		run -0 loaded
	done
}

@test "executing an image loads the module, and resumes the job" {
	start pipes
	save_kill
	until_true unused
	unload_module
	run ! loaded
	resume
	run -0 loaded
	finish
}
