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
	mv "$job_image" "$images/first"
	job_image=$images/first
	signalled RTMIN+3 "$pid"
	until_true image_is_there "hello.$pid.1.crimg"
	finish
	restarts "hello.$pid.1.crimg"
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

@test "a set-user-id program is saved for nobody" {
	set_to crimg_signal "$(kill -l USR2)"
	set_to crimg_fatal 1
	chmod 777 "$images" && chmod 711 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	cp /usr/bin/sleep "$BATS_TEST_TMPDIR/suid"
	chmod 4755 "$BATS_TEST_TMPDIR/suid"
	setsid setpriv --reuid 65534 --clear-groups "$BATS_TEST_TMPDIR/suid" 1000 3>&- &
	job_pid=$!
	until_true executes "$BATS_TEST_TMPDIR/suid"
	signalled USR2 "$job_pid"
	kill -SEGV "$job_pid"
	local status=0
	wait "$job_pid" || status=$?
	assert_equal $status 139
	until_true savers_done
	assert_equal "$(ls -A "$images")" ''
}

@test "what only root may dump is saved for root alone, where root has said" {
	local suid=$BATS_TEST_TMPDIR/suid pid
	set_to crimg_signal "$(kill -l USR2)"
	set_to crimg_tree 2
	suid_dumpable 2
	chmod 777 "$images" && chmod 711 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	cp /usr/bin/sleep "$suid"
	chmod 4755 "$suid"
	(cd "$images" && exec setsid setpriv --reuid 65534 --clear-groups "$suid" 1000 3>&-) &
	job_pid=$!
	pid=$job_pid
	until_true executes "$suid"
	# in the user's directory it would be the user's to replace
	set_to crimg_pattern '%p.%n'
	signalled USR2 "$pid"
	images_are ''
	assert_equal "$(logged 'automatic save: .*\(suid\): not allowed to trace it')" 1
	# as little does root have it where somebody else has said
	mkcrimg auto --pattern "$images/mine.%n" "$pid"
	set_to crimg_pattern "$images/%u.%n"
	signalled USR2 "$pid"
	images_are 65534.1
	assert_equal "$(stat -c %u:%g:%a "$images/65534.1")" 0:0:700
	kill -9 "$pid"
	mkcrimg show "$images/65534.1" | grep -q suid
}

# fs.suid_dumpable, until the end of the test
suid_dumpable() {
	[ -n "${was_dumpable:-}" ] || was_dumpable=$(</proc/sys/fs/suid_dumpable)
	echo "$1" >/proc/sys/fs/suid_dumpable
}

@test "a program that was somebody else for a while is root's to dump after a restart, too" {
	local pid
	set_to crimg_signal "$(kill -l USR2)"
	suid_dumpable 2
	start onsignal "$(kill -l USR2)" roots
	pid=$job_pid
	signalled USR2 "$pid"
	touch "$job_dir/go"
	expect_status 2
	restarts_with 2
	# where the machine has no such programs, nobody has it
	suid_dumpable 0
	restarts_with 0
}

# The job ends with what PR_GET_DUMPABLE says
restarts_with() {
	rm -f "$job_dir/go"
	job_image=$images/onsignal.$pid.1.crimg
	resume
	touch "$job_dir/go"
	expect_status "$1"
}

@test "links that lie in wait for the file, and a leader of another user: no image, and nobody is harmed" {
	local pid first
	set_to crimg_signal "$(kill -l USR2)"
	start hello
	pid=$job_pid
	echo victim >"$BATS_TEST_TMPDIR/victim"
	# the saver's pid is one of the next
	read -r first </proc/sys/kernel/ns_last_pid
	perl -e 'symlink $ARGV[0], $ARGV[1] . ($ARGV[2] + $_) for 1..300' "$BATS_TEST_TMPDIR/victim" \
		"$images/.hello.$pid.1.crimg." "$first"
	signalled USR2 "$pid"
	assert_equal "$(<"$BATS_TEST_TMPDIR/victim")" victim
	assert_equal "$(logged 'automatic save: .*cannot be created \(-EEXIST\)')" 1
	[ ! -e "$images/hello.$pid.1.crimg" ]
	rm "$images"/.hello*
	finish
	# its leader is not his to look at
	chmod 777 "$images" && chmod 711 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	setsid sh -c 'setpriv --reuid 65534 --clear-groups sleep 1000; :' 3>&- &
	job_pid=$!
	until_true has_sleep
	signalled USR2 "$sleep"
	images_are ''
	assert_equal "$(logged 'automatic save: .*\(sh\): not allowed to trace it')" 1
	kill -9 "$job_pid" "$sleep"
}

has_sleep() { sleep=$(pgrep -x sleep -P "$job_pid"); }

executes() { [ "/proc/$job_pid/exe" -ef "$1" ]; }

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
	assert_output --regexp '#3 .*main \('
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
	assert_output --regexp '#3 .*crash_thread \('
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

@test "an image of a crash is started stopped, repaired by gdb, and runs to its end" {
	local pid
	crash divide 136
	mkcrimg restart --stopped "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true stopped_job "$pid"
	run gdb -nx -batch -q -iex 'set auto-load safe-path /' -ex 'set var crash_divisor = 2' -ex 'detach' \
		"$progs/crash" "$pid"
	kill -CONT "$job_pid"
	expect_status 0
	[ -e "$job_dir/done" ]
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
