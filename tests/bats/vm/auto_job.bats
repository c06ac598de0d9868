#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Automatic images, as the job itself has them: it asks for one, forbids them for a while, has settings of its own.

load helper
load auto_helper

@test "a process saves its own job, and learns who it is then, as from fork()" {
	start selfsave "$images/own.%p.%n"
	local pid=$job_pid
	finish 0
	images_are "own.$pid.1"
	assert_equal "$(cat "$job_dir/said")" 0
	job_image=$images/own.$pid.1
	"${randomized[@]}" "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	expect_status 1
	assert_equal "$(cat "$job_out")" ""
	assert_equal "$(xargs <"$job_dir/said")" "0 1"
}

@test "a process that cannot be saved learns why" {
	start selfsave "$images/none/%p"
	touch "$job_dir/go"
	expect_status 1
	run -0 cat "$job_out"
	assert_output --regexp 'No such file or directory: .*/none/.* cannot be created'
	start selfsave "$images/%Q"
	touch "$job_dir/go"
	expect_status 1
	run -0 cat "$job_out"
	assert_output --partial 'Invalid argument'
	set_to crimg_pattern ''
	start selfsave ''
	touch "$job_dir/go"
	expect_status 1
	run -0 cat "$job_out"
	assert_output --partial 'No such file or directory'
	images_are ''
}

nothing_is_there() { assert_equal "$(ls "$images")" ''; }

# Saved, and restarted behind its section
outside() {
	touch "$job_dir/out"
	until_true image_is_there "$1"
	finish
	rm "$job_dir/out"
	restarts "$1"
}

@test "a save waits for the end of a critical section, whoever wants it" {
	local case pid
	for case in end close; do
		start critical $case
		pid=$job_pid
		mkcrimg save -q -o "$images/$case" "$pid" 3>&- &
		# it would be there by now; what is being written has a hidden name
		for ((i = 0; i < 25; i++)); do nap; done
		nothing_is_there
		outside $case
		rm "$images"/*
	done
	set_to crimg_signal "$(kill -l USR2)"
	start critical end
	pid=$job_pid
	kill -USR2 "$pid"
	for ((i = 0; i < 25; i++)); do nap; done
	nothing_is_there
	outside "critical.$pid.1.crimg"
}

@test "a section that does not end: the save fails by its name, and the job goes on" {
	start critical end
	run -1 mkcrimg save -q -t 2 -o "$images/never" "$job_pid"
	assert_output --partial '(in a critical section)'
	images_are ''
	touch "$job_dir/out"
	finish
}

@test "a job has settings of its own: its children, too, those to come as well; others have not" {
	local pid child later
	set_to crimg_pattern ''
	job_dir=$BATS_TEST_TMPDIR/job
	job_out=$job_dir.out
	mkdir "$job_dir"
	setsid bash -c 'sleep 1001 & echo $! >'"$job_dir"'/child
		until [ -e '"$job_dir"'/more ]; do sleep 0.1; done
		sleep 1002 & echo $! >'"$job_dir"'/later; wait' </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	pid=$job_pid
	until_true test -s "$job_dir/child"
	read -r child <"$job_dir/child"
	run -0 mkcrimg auto --signal USR2 --pattern "$images/mine.%p.%n" "$pid"
	assert_no_output
	signalled USR2 "$child"
	images_are "mine.$pid.1"
	touch "$job_dir/more"
	until_true test -s "$job_dir/later"
	read -r later <"$job_dir/later"
	signalled USR2 "$later"
	images_are "mine.$pid.1" "mine.$pid.2"
	start hello
	kill -USR2 "$job_pid"
	expect_status 140
	images_are "mine.$pid.1" "mine.$pid.2"
	run -1 setpriv --reuid 65534 --clear-groups mkcrimg auto --forget "$pid"
	assert_output --partial 'Operation not permitted'
	run -0 mkcrimg auto --forget "$pid"
	run -1 mkcrimg auto --forget "$pid"
	assert_output --partial 'No such file or directory'
	job_pid=$pid
	kill -USR2 "$child"
	until_true gone_or_zombie "$child"
	kill -USR2 "$pid" "$later"
	expect_status 140
	images_are "mine.$pid.1" "mine.$pid.2"
}

@test "settings of a job go with its image" {
	local pid child
	set_to crimg_pattern ''
	start crash child
	pid=$job_pid
	read -r child <"$job_dir/child"
	mkcrimg auto --signal STKFLT --pattern "$images/own.%p.%n" "$pid"
	signalled STKFLT "$child"
	images_are "own.$pid.1"
	kill_all "$pid" "$child"
	job_image=$images/own.$pid.1
	resume
	signalled STKFLT "$child"
	images_are "own.$pid.1" "own.$pid.2"
	run -0 mkcrimg show --json "$images/own.$pid.2"
	assert_output --regexp '"images": *2[^0-9]'
	mkcrimg auto --forget "$pid"
	kill_all "$pid" "$child"
	# where it would not be what it was, it is not started, and nothing is left of it
	echo 0 >/proc/sys/kernel/ftrace_enabled
	run ! "$job_image"
	echo 1 >/proc/sys/kernel/ftrace_enabled
	assert_equal "$(logged "restart: automatic images: the job's signals cannot be caught")" 1
	[ ! -e "/proc/$pid" ]
	resume
	kill_all "$pid" "$child"
}

@test "more settings than an image may have" {
	start settings 1024
	run -0 mkcrimg check --pid "$job_pid"
	finish
	start settings 1025
	run -1 mkcrimg check --pid "$job_pid"
	assert_output --regexp 'pid [0-9]+ \(settings\): settings of automatic images .* more than 1024 .*\[CR-EAUTO\]'
	finish
}

# semaphores ID OPERATION...: of a set; each is number, value, flags
semaphores() { perl -e 'semop(shift, pack("s!*", @ARGV)) or die $!' "$@"; }

@test "in place: a caller has his own settings and number until nothing can fail, then the image's" {
	local pid id user said=$BATS_TEST_TMPDIR/said
	set_to crimg_pattern ''
	start semundo leader
	pid=$job_pid
	id=$(awk 'FNR > 1 { print $2 }' /proc/sysvipc/sem)
	# somebody else's, too: it is not set to what it was
	perl -e 'semop(shift, pack("s!6", 1, 1, 0, 1, -1, 0)) or die $!; $| = 1; print 1; sleep(1000)' "$id" >"$said" 3>&- &
	user=$!
	until_true test -s "$said"
	mkcrimg auto --signal STKFLT --pattern "$images/job.%n" "$pid"
	signalled STKFLT "$pid"
	images_are job.1
	kill_all "$pid"
	kill "$user"
	wait "$user" || :
	# what the job had is taken: that is found when everything else is there
	semaphores "$id" 0 -1 0
	"$progs/launch" "$pid" perl -e '$| = 1;
		system("mkcrimg", "auto", "--signal", "USR1", "--pattern", $ARGV[0], $$) and die;
		exec($ARGV[1]) or print "$!\n";
		kill("USR1", $$);
		sleep(1000)' "$images/mine.%n" "$images/job.1" </dev/null >"$said" 2>&1 3>&- &
	job_pid=$!
	until_true image_is_there mine.1
	assert_equal "$(cat "$said")" 'Device or resource busy'
	images_are job.1 mine.1
	kill -9 "$pid"
	expect_status 137
	until_true gone "$pid"
	semaphores "$id" 0 1 0
	job_pid=$pid
	job_image=$images/job.1
	resume_in_place semundo
	signalled STKFLT "$pid"
	images_are job.1 job.2 mine.1
	finish
}

@test "settings of a job go before those of all" {
	set_to crimg_signal "$(kill -l USR2)"
	start hello
	local pid=$job_pid
	run -0 mkcrimg auto --signal USR1 --pattern "$images/own.%n" "$pid"
	signalled USR1 "$pid"
	images_are own.1
	run -0 mkcrimg auto --signal 0 "$pid"
	kill -USR2 "$pid"
	expect_status 140
	images_are own.1
	start hello
	pid=$job_pid
	run -0 mkcrimg auto --end-signal TERM "$pid"
	kill "$pid"
	expect_status 143
	images_are "hello.$pid.1.crimg" own.1
	# nothing of it is left when the last one has gone
	start crash leader
	pid=$job_pid
	set_to crimg_signal 0
	set_to crimg_pattern ''
	run -0 mkcrimg auto --fatal --pattern "$images/crash" "$pid"
	touch "$job_dir/go"
	expect_status 139
	[ -e "$images/crash" ]
	unload_module
	load_module
}
