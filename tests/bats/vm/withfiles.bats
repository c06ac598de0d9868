#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Files between a save and a restart: executables and libraries that the image carries (save --with-files),
# output that has grown (files=keep, files=truncate).

load helper

# own_start PROGRAM [CASE...]: as start, of an executable and a C library that only this job uses
own_start() {
	new_job
	own=$BATS_TEST_TMPDIR/own
	mkdir "$own"
	cp "$progs/$1" "$own/program"
	cp /lib/x86_64-linux-gnu/libc.so.6 "$own/"
	LD_LIBRARY_PATH=$own run_job "$own/program" "$job_dir" "${@:2}"
	grep -q "$own/libc.so.6" "/proc/$job_pid/maps"
}

leader() { pgrep -P "$job_pid"; }

# mapped_here, mapped_carried: where the restarted job has its program and library from
mapped_here() {
	[ "/proc/$(leader)/exe" -ef "$own/program" ]
	grep -q "$own/libc.so.6$" "/proc/$(leader)/maps"
}

mapped_carried() {
	run ! grep -q "$own" "/proc/$(leader)/maps"
	grep -q '/libc.so.6 (deleted)$' "/proc/$(leader)/maps"
	assert_equal "$(readlink "/proc/$(leader)/exe")" '/program (deleted)'
}

@test "without the files that it carries, or with others, a job goes on" {
	own_start hello
	save_kill
	plain=$job_image.plain
	mv "$job_image" "$plain"
	# it must be restarted for another one to be saved
	job_image=$plain
	resume
	save --with-files --kill
	expect_status 137
	until_true no_task_left
	# its files are here: they are used
	resume
	mapped_here
	kill -9 "$(leader)"
	expect_status 137
	until_true no_task_left
	# a new library in the place of the old one, no program at all
	head -c 4096 /dev/zero >"$own/libc.so.6.new"
	mv "$own/libc.so.6.new" "$own/libc.so.6"
	run -1 mkcrimg check "$plain"
	assert_output --partial "$own/libc.so.6: has 4096 bytes"
	run -1 mkcrimg restart "$plain"
	assert_output --partial "$own/libc.so.6: has changed"
	rm "$own/program"
	run -0 mkcrimg check "$job_image"
	assert_line --partial "$own/libc.so.6: is not here as it was"
	assert_line --partial "$own/program: is not here as it was"
	assert_line --partial 'would restart here'
	rm -r "$own"
	resume
	mapped_carried
	# saved without asking for it: what has no name is in the image anyway
	save_kill
	resume pid=ns
	finish
}

@test "modified in place: the copy is what it was" {
	own_start hello
	save --with-files --kill
	expect_status 137
	echo >>"$own/libc.so.6"
	printf '\0\0\0\0' | dd of="$own/program" bs=1 conv=notrunc status=none
	resume
	mapped_carried
	finish
}

@test "the caller's file is used only if he may read and execute it" {
	own_start hello
	chmod -R a+rX "$BATS_RUN_TMPDIR"
	save --with-files --kill
	expect_status 137
	chmod 644 "$own/program"
	resume
	assert_equal "$(readlink "/proc/$(leader)/exe")" '/program (deleted)'
	grep -q "$own/libc.so.6$" "/proc/$(leader)/maps"
	finish
}

@test "in place: the leader runs the copy" {
	own_start hello
	save --with-files --kill
	expect_status 137
	until_true gone "$job_pid"
	rm -r "$own"
	"$progs/launch" "$job_pid" "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	leader=$job_pid
	job_pid=$!
	until_true runs_as "$leader" '/program (deleted)'
	finish
}

runs_as() { [ "$(readlink "/proc/$1/exe")" = "$2" ] && in_state "$1" S; }

@test "every mapped file is carried, once" {
	own_start hello
	save --with-files
	awk '$6 ~ "^/" { print $6 }' "/proc/$job_pid/maps" | sort -u >"$BATS_TEST_TMPDIR/maps"
	mkcrimg show --json "$job_image" | python3 -c '
import json, sys
objects = json.load(sys.stdin)["records"]
print(*sorted(o["tail"].rstrip("\0") for o in objects if o["type"] == "SHM" and o["kind"] == 6), sep="\n")' >"$BATS_TEST_TMPDIR/carried"
	diff "$BATS_TEST_TMPDIR/maps" "$BATS_TEST_TMPDIR/carried"
	finish
}

# A writer of lines, which counts what it has written; it has nothing of the test's own open
writer() {
	new_job
	run_job bash -c 'for fd in 3 4 6 7 8 9 10 11 12; do eval "exec $fd>&-"; done
		exec 5'"$1"'"$0/log"; n=0; echo begin >&5; >"$0/ready"
		until [ -e "$0/go" ]; do
			[ ! -e "$0/more" ] || { rm "$0/more"; for i in 1 2 3; do echo "line $((n += 1))" >&5; done; >"$0/wrote"; }
			sleep 0.05
		done; echo "end $n" >&5' "$job_dir"
}

more() {
	rm -f "$job_dir/wrote"
	touch "$job_dir/more"
	until_true test -e "$job_dir/wrote"
}

killed() {
	kill -9 "$job_pid"
	expect_status 137
	until_true no_task_left
}

@test "output that has grown since the save: files=keep, which is the default" {
	writer '>'
	more
	save
	more
	killed
	run -0 mkcrimg check "$job_image"
	assert_line --partial "$job_dir/log: has grown by 21 bytes"
	resume
	finish
	# the job goes on where it was: the rest of what was written meanwhile stays behind that
	assert_equal "$(cat "$job_dir/log")" "$(printf '%s\n' begin 'line 1' 'line 2' 'line 3' 'end 3' '' 'line 5' 'line 6')"
}

@test "output that has grown since the save: appended to" {
	writer '>>'
	save
	more
	killed
	resume files=keep
	finish
	assert_equal "$(cat "$job_dir/log")" "$(printf '%s\n' begin 'line 1' 'line 2' 'line 3' 'end 0')"
}

@test "output that has grown since the save: files=truncate" {
	for mode in '>' '>>'; do
		writer "$mode"
		more
		save
		more
		killed
		resume files=truncate
		finish
		assert_equal "$(cat "$job_dir/log")" "$(printf '%s\n' begin 'line 1' 'line 2' 'line 3' 'end 3')"
	done
}

@test "files=truncate: what may only be appended to" {
	writer '>>'
	save
	more
	killed
	cp "$job_dir/log" "$BATS_TEST_TMPDIR/log"
	chattr +a "$job_dir/log" 2>/dev/null || skip "this tmpfs has no such attribute"
	run -0 "$progs/tryexec" "$job_image" files=truncate
	chattr -a "$job_dir/log"
	assert_output EPERM
	cmp "$job_dir/log" "$BATS_TEST_TMPDIR/log"
	resume files=truncate
	finish
	assert_equal "$(cat "$job_dir/log")" "$(printf '%s\n' begin 'end 0')"
}

@test "files=: unknown values" {
	start hello
	save_kill
	run -0 "$progs/tryexec" "$job_image" files=remove
	assert_output EINVAL
	run -2 mkcrimg restart --files=remove "$job_image"
	resume
	finish
}
