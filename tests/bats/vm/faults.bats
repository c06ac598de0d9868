#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Every allocation on the way of a save and of a restart of a rich job fails once, and so does every access to the
# caller's memory (fault injection: only the debug kernel has it). Each time the job is healthy, or the caller
# unharmed, and nothing is left: tests/progs/faults.c. Memory that is lost is found at the end of the machine, with
# CR_LEAKS=1.
#
# A sample: each 60th failure or so, from a random one on, or each CR_REPEATth: CR_REPEAT=1 is all of them.

load helper

# A failed allocation may be reported with its stack, which is no complaint here. Checks that have given up would
# not complain.
complaints() {
	dmesg | awk '/WARNING|BUG|Oops|KASAN|UBSAN|INFO: |general protection|refcount_t|corruption/'
	[ ! -e /proc/lockdep_stats ] || grep -q '^ *debug_locks: *1$' /proc/lockdep_stats ||
		echo 'lockdep has turned itself off'
}

# nor does it go to the console
setup_file() {
	echo 4 >/proc/sys/kernel/printk
}

# The root file system is a server's: who lacks memory to tell it that a file is closed, or has been read, leaves
# something behind there, and later nothing can be opened any more. So what is executed, mapped and opened while
# memory is short is in memory.
local_setup() {
	[ -e /proc/self/fail-nth ] && [ -e /sys/kernel/debug/failslab ] || skip "the kernel cannot let allocations fail"
	images=$BATS_TEST_TMPDIR/images
	mkdir "$images" "$BATS_TEST_TMPDIR/progs"
	cp "$progs"/{rich,faults,leftovers} "$BATS_TEST_TMPDIR/progs"
	progs=$BATS_TEST_TMPDIR/progs
}

local_teardown() {
	[ -n "${images:-}" ] || return 0
	echo >/proc/sys/kernel/crimg_pattern
	echo 0 >/proc/sys/kernel/crimg_tree
	echo 0 >/sys/kernel/debug/failslab/probability
	echo 0 >/sys/kernel/debug/fail_page_alloc/probability
}

# faults STEP ARGUMENT...: each STEPth one, or as many as are asked for
faults() {
	local step=${CR_REPEAT:-$1} from
	from=$((RANDOM % step + 1))
	run -0 "$progs/faults" -d "$job_dir" -n "$from" -s "$step" "${@:2}" 3>&-
	echo "$output" | sed 's/^/# /' >&3
}

# Images that were written although something failed: all are whole, and the job of the last one is right.
images_are_right() {
	local image last=
	for image in "$images"/fault.*.crimg; do
		[ -e "$image" ] || continue
		run -0 mkcrimg check "$image"
		last=$image
	done
	[ -z "$last" ] || restarts "$last" pid=ns
}

# restarts IMAGE [KEY=VALUE...]: nothing fails, and the job verifies what it has
restarts() {
	run -0 "$progs/faults" -d "$job_dir" -n 100000000 restart "$@" 3>&-
}

# saves_fail STEP ARGUMENT...: the job goes on, can be saved as ever, and what was saved is what it was
saves_fail() {
	start rich
	faults "$1" "${@:2}" "$job_pid" "$images"
	save_kill
	images_are_right
	restarts "$job_image" pid=ns
}

# restarts_fail STEP KEY=VALUE [OPTION...]: executed until nothing fails, and then as ever
restarts_fail() {
	start rich
	save_kill
	faults "$1" "${@:3}" restart "$job_image" "$2"
	restarts "$job_image" pid=ns
}

@test "saves: what the saver needs" {
	saves_fail 200 save
}

@test "saves: with the kernel's workers, slabs" {
	saves_fail 400 -t slab save
}

@test "saves: pages" {
	saves_fail 400 -t page save
}

@test "saves: a second image of one stop" {
	saves_fail 200 again
}

@test "automatic saves: what the signal, the saver and the kernel's workers need" {
	local number
	# which it does nothing with
	number=$(kill -l PWR)
	start rich
	echo "$images/auto.crimg" >/proc/sys/kernel/crimg_pattern
	echo "$number" >/proc/sys/kernel/crimg_signal
	# it is of the session of who lets its allocations fail
	echo 2 >/proc/sys/kernel/crimg_tree
	faults 150 -t slab auto "$job_pid" "$images"
	echo 0 >/proc/sys/kernel/crimg_signal
	save_kill
	images_are_right
	restarts "$job_image" pid=ns
}

# mkcrimg with all that it loads, in memory
copy_tool() {
	local lib
	mkdir "$BATS_TEST_TMPDIR/tool"
	for lib in $(ldd "$CR_TOP/build/mkcrimg" | grep -o '/[^ ]*'); do
		cp "$lib" "$BATS_TEST_TMPDIR/tool"
	done
	mv "$BATS_TEST_TMPDIR"/tool/ld-linux* "$BATS_TEST_TMPDIR/tool/ld.so"
	cp "$CR_TOP/build/mkcrimg" "$BATS_TEST_TMPDIR/tool"
}

@test "saves: what mkcrimg needs; no file is left" {
	copy_tool
	saves_fail 400 -b "$BATS_TEST_TMPDIR/tool" tool
}

@test "restarts: what the caller needs" {
	restarts_fail 60 pid=ns
}

@test "restarts: what all tasks need, slabs" {
	restarts_fail 300 pid=ns -t slab
}

@test "restarts: what all tasks need, pages" {
	restarts_fail 300 pid=keep -t page
}

all_stopped() {
	local pid
	for pid; do in_state "$pid" TZ || return 1; done
}

@test "restarts in place: what the caller needs" {
	local below
	start rich
	leader=$job_pid
	below=("$leader")
	note_below "$leader"
	kill -STOP "${below[@]}"
	until_true all_stopped "${below[@]}"
	save_kill
	faults 60 -p "$leader" restart "$job_image"
}
