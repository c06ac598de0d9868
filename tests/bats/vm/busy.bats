#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Jobs that fork, execute, exit, create threads and change their mappings as fast as they can are saved while they
# do it: never a hang, a crash or an image of a state that never was. And tasks that cannot be stopped.
#
# CR_REPEAT says how often each is saved; by default a few times, and 200 times when everything is tested.

load helper

local_setup() {
	repeat=$(repetitions 6 200)
	copies=0
}

# A copy of the job beside it, in a pid namespace of its own, as it was saved just now: it goes on, and comes to
# its end when its leader gets a signal.
copy_goes_on() {
	local job_pid
	resume pid=ns
	kill -USR1 "$job_pid"
	expect_status 0
	copies=$((copies + 1))
}

# busy CASE...: it is saved while it runs on; of every fourth image a copy goes on, and twice the job itself is killed
# and goes on from its image
busy() {
	local nr
	start busy "$@"
	for ((nr = 1; nr <= repeat; nr++)); do
		save
		[ $((nr % 4)) != 0 ] || copy_goes_on
		if [ $nr = $((repeat / 3)) ] || [ $nr = $((repeat * 2 / 3)) ]; then
			save_kill
			resume
		fi
	done
	echo "# saved $repeat times, $copies copies went on"
	finish
}

@test "it forks" {
	busy fork
}

@test "it executes" {
	busy exec
}

@test "it exits" {
	busy exit
}

@test "it creates threads" {
	busy threads
}

@test "it changes its mappings" {
	busy maps
}

@test "it does everything" {
	busy
}

# ---- tasks that cannot be stopped ----

local_teardown() {
	local mnt=$BATS_TEST_TMPDIR/mnt
	mountpoint -q "$mnt" || return 0
	fsfreeze -u "$mnt" 2>/dev/null || :
	kill_left
	until_true umount "$mnt" 2>/dev/null
}

# A file system that can be frozen: who writes to it then sleeps, and no signal wakes it
mount_disk() {
	local disk=$BATS_TEST_TMPDIR/disk
	truncate -s 64M "$disk"
	modprobe loop
	modprobe ext4
	mkfs.ext4 -q "$disk"
	mkdir "$BATS_TEST_TMPDIR/mnt"
	mount -o loop "$disk" "$BATS_TEST_TMPDIR/mnt"
	export STUCK_FILE=$BATS_TEST_TMPDIR/mnt/file
}

# Sets $stuck to the process below the job that sleeps uninterruptibly, if any does
find_stuck() {
	local below=()
	note_below "$job_pid"
	for stuck in "${below[@]}"; do
		! any_thread_sleeps "$stuck" || return 0
	done
	return 1
}

any_thread_sleeps() {
	local file stat
	for file in "/proc/$1/task"/*/stat; do
		{ read -r stat <"$file"; } 2>/dev/null || continue
		stat=${stat##*) }
		[ "${stat%% *}" != D ] || return 0
	done
	return 1
}

beats() { echo $(<"$job_dir/beats"); }
has_beaten() { [ "$(beats)" -gt "$1" ]; }
unused() { [ "$(</sys/module/binfmt_cr/refcnt)" = 0 ]; }

# stuck CASE: somebody in uninterruptible sleep is named in time, the others go on; and so does the job, afterwards
stuck() {
	local begin mnt=$BATS_TEST_TMPDIR/mnt
	mount_disk
	start stuck "$1"
	fsfreeze -f "$mnt"
	until_true find_stuck
	begin=$SECONDS
	job_image=$BATS_TEST_TMPDIR/job.crimg
	run -1 timeout -s KILL "$deadline" mkcrimg save -t 3 -o "$job_image" "$job_pid"
	echo "# after $((SECONDS - begin)) s: $output"
	assert_output --regexp "^mkcrimg: save: pid $stuck \(stuck\): thread [0-9]+ did not stop within 3000 ms: it waits in [a-z_]+"
	[ $((SECONDS - begin)) -lt 20 ]
	[ ! -e "$job_image" ]
	until_true unused
	until_true has_beaten "$(beats)"
	# twice, as somebody would do it
	run -1 timeout -s KILL "$deadline" mkcrimg save -t 1 -o "$job_image" "$job_pid"
	assert_output --regexp "pid $stuck \(stuck\): thread [0-9]+ did not stop within 1000 ms"
	until_true unused
	fsfreeze -u "$mnt"
	until_true has_beaten "$(beats)"
	save
	save_kill
	resume
	finish
	until_true umount "$mnt"
}

@test "a task in uninterruptible sleep is named, and all are released" {
	stuck write
}

@test "one that sleeps in a page fault, while another thread forks" {
	stuck fault
}
