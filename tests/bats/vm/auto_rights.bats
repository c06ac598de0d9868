#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Automatic images: whose they are, and who is not saved.

load helper
load auto_helper

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
