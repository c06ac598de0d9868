#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# tests/vm/run, the tool that every other test relies on. The kernel that boots faster does.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup_file() {
	top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	export top KVER=${KVER:-6.1} CR_TIMEOUT=900
	healthy
}

setup() {
	export TMPDIR=$BATS_TEST_TMPDIR
}

teardown() {
	# whatever happened, no machine and no file is left
	run ls "$BATS_TEST_TMPDIR"
	refute_output --partial cr-vm.
}

vm() { "$top/tests/vm/run" "$@"; }

# One machine for everything that goes well in it: its output in sections, each of which is a test's.
healthy() {
	local rc=0
	echo original >"$top/build/vm-test"
	cd "$top/tests"
	TMPDIR=$BATS_FILE_TMPDIR CR_OUT=$BATS_FILE_TMPDIR/out WORD="two  words'" CR_ENV=WORD vm '
		uname -r; echo on stderr >&2
		echo == place
		grep -c ^binfmt_cr /proc/modules; pwd; echo "$PATH"; ps -o tty= -p $$; wc -c </dev/stdin
		echo == files
		cat ../build/vm-test; echo changed >../build/vm-test; cat ../build/vm-test
		echo == CR_OUT
		printf %s "$WORD" >"$CR_OUT/file"; mv -v "$CR_OUT/file" "$CR_OUT/renamed"
		echo == reload
		# in use for a moment whenever anybody executes anything
		for i in 1 2 3; do
			for try in $(seq 100); do rmmod binfmt_cr 2>/dev/null && break; sleep 0.1; done
			[ -e /sys/module/binfmt_cr ] || modprobe -v binfmt_cr
		done
		echo == a lot
		seq 300000
		echo == background
		sleep 1000 &
		exit 7' >"$BATS_FILE_TMPDIR/output" 2>&1 || rc=$?
	echo $rc >"$BATS_FILE_TMPDIR/status"
	cp "$top/build/vm-test" "$BATS_FILE_TMPDIR/vm-test"
	rm "$top/build/vm-test"
}

# section NAME: what that machine said about it; the first has no name
section() {
	awk -v name="$1" '/^== / { now = substr($0, 4); next } now == name' "$BATS_FILE_TMPDIR/output"
}

@test "output and exit status come back" {
	run section ''
	assert_line "$("$top/scripts/kver" "$KVER")"
	assert_line 'on stderr'
	run cat "$BATS_FILE_TMPDIR/status"
	assert_output 7
}

@test "a lot of output arrives whole" {
	run diff <(section 'a lot') <(seq 300000)
	assert_success
}

@test "the module is loaded, PATH and directory are right, there is a controlling terminal" {
	run section place
	assert_line --index 0 1
	assert_line --index 1 "$top/tests"
	assert_line --index 2 --regexp "^$top/build:"
	assert_line --index 3 tty1
	assert_line --index 4 0
}

@test "the module can be unloaded and loaded again" {
	run section reload
	assert_equal "${#lines[@]}" 3
	assert_line --regexp '^insmod .*/binfmt_cr.ko'
	refute_output --partial ERROR
}

@test "the host's files are visible, writes to them are thrown away" {
	run section files
	assert_output $'original\nchanged'
	run cat "$BATS_FILE_TMPDIR/vm-test"
	assert_output original
}

@test "CR_OUT is written to the host, CR_ENV passes variables" {
	run cat "$BATS_FILE_TMPDIR/out/renamed"
	assert_output "two  words'"
	[ ! -e "$BATS_FILE_TMPDIR/out/file" ]
}

@test "processes that stay behind do not hold up the end" {
	run section background
	assert_output ''
	# 124 if it had waited for the sleep
	run cat "$BATS_FILE_TMPDIR/status"
	assert_output 7
}

@test "death by a signal is a status like a shell's" {
	run -143 vm 'kill -TERM $$'
}

@test "without preloading, modprobe finds the module by the alias of an ELF file" {
	# what the runner itself says (a machine that did not boot is tried once more) is not counted
	CR_AUTOLOAD=1 run -0 --separate-stderr vm 'grep -c ^binfmt_cr /proc/modules; modprobe binfmt-464c && grep -c ^binfmt_cr /proc/modules'
	assert_line --index 0 0
	assert_line --index 1 1
}

@test "a module that does not load" {
	echo nonsense >"$BATS_TEST_TMPDIR/bad.ko"
	CR_MODULE=$BATS_TEST_TMPDIR/bad.ko run -98 vm 'echo not reached'
	assert_output --partial 'insmod'
	refute_line 'not reached'
}

@test "a hang ends with the console, which tells who hangs" {
	# a machine that takes long to boot gets more
	for seconds in 90 400; do
		CR_TIMEOUT=$seconds run -124 vm 'echo begun; sleep 12345'
		[[ "$output" != *'sleep 12345'* ]] || break
	done
	assert_line 'begun'
	assert_output --partial "no end after $seconds s"
	assert_output --partial 'sleep 12345'
}

@test "a panic is a failure with the console's end" {
	# not before what was said has left the machine
	run -99 vm 'echo begun; until grep -q "^wchar: [1-9]" "/proc/$(pgrep -f "busybox [d]d")/io"; do sleep 0.1; done
		echo c >/proc/sysrq-trigger; sleep 100'
	assert_line 'begun'
	assert_output --partial 'sysrq triggered crash'
}

@test "a complaint of the kernel is a failure, although the command succeeds" {
	run -99 vm 'echo "<4>this is the reason" >/dev/kmsg; echo "<4>Call Trace:" >/dev/kmsg
		for i in $(seq 100); do echo "<4>line $i" >/dev/kmsg; done'
	assert_output --partial 'the kernel complained'
	assert_output --partial 'this is the reason'
	assert_output --partial 'line 30'
}

@test "a search for leaks that a kernel cannot do is a failure" {
	CR_LEAKS=1 run -99 vm true
	assert_output --partial 'leaks cannot be searched for'
}

@test "two machines side by side" {
	vm 'echo one; sleep 3; exit 1' >"$BATS_TEST_TMPDIR/one" 2>"$BATS_TEST_TMPDIR/one.err" 3>&- &
	one=$!
	run -2 --separate-stderr vm 'echo two; sleep 3; exit 2'
	assert_output two
	rc=0
	wait $one || rc=$?
	[ $rc = 1 ]
	run cat "$BATS_TEST_TMPDIR/one"
	assert_output one
}

@test "a signal to the runner ends the machine" {
	"$top/tests/vm/run" 'echo up; sleep 1000' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	for i in $(seq 3000); do
		grep -q up "$BATS_TEST_TMPDIR/out" && break
		sleep 0.1
	done
	kill -TERM $pid
	rc=0
	wait $pid || rc=$?
	[ $rc = 143 ]
	run pgrep -f "$BATS_TEST_TMPDIR/cr-vm"
	assert_failure
}

@test "an unknown kernel is named" {
	KVER=5.99 run -99 vm true
	assert_output --partial 'no kernel for KVER=5.99'
}

@test "a wrong command line is a matter of usage" {
	run -2 vm one two
	assert_output --partial usage
}

# ---- make vm ----

# A stub in place of tests/vm/run: notes its argument and ends with the status $STATUS
stub() {
	stub=$BATS_TEST_TMPDIR/stub
	printf '#!/bin/sh\nprintf "%%s\\n" "$1" >>%q\nexit ${STATUS:-0}\n' "$BATS_TEST_TMPDIR/ran" >"$stub"
	chmod +x "$stub"
}

make_vm() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$top" vm "$@"
}

@test "make vm: output comes back, and a line with the status" {
	run -2 make_vm CMD='echo "a  b"; exit $((6 + 1))'
	assert_line 'a  b'
	assert_line 'vm: exit status 7'
}

@test "make vm: the command arrives as it was typed" {
	stub
	command=$'echo "two  words" $HOME $(id) `id` \'x\' | cat; true # $$'
	run -0 make_vm VM_RUN="$stub" CMD="$command"
	refute_output --partial 'exit status'
	run cat "$BATS_TEST_TMPDIR/ran"
	assert_output "$command"
	STATUS=98 run -2 make_vm VM_RUN="$stub" CMD=true
	assert_line 'vm: exit status 98'
}

waiting() {
	[ "$(grep -c -- "-> FLOCK .*:$(stat -c %i "$top/build/.lock") " /proc/locks)" = "$1" ]
}

@test "make vm: two that build at the same time take turns" {
	stub
	touch "$top/build/.lock"
	exec 8<"$top/build/.lock"
	flock 8
	for word in one two; do
		make_vm VM_RUN="$stub" CMD=$word >"$BATS_TEST_TMPDIR/$word" 2>&1 3>&- 8>&- &
		pids+=($!)
	done
	for i in $(seq 3000); do
		! waiting 2 || break
		sleep 0.1
	done
	waiting 2
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	flock -u 8
	wait "${pids[0]}"
	wait "${pids[1]}"
	run sort "$BATS_TEST_TMPDIR/ran"
	assert_output $'one\ntwo'
	run grep -iE 'error|warning|cannot' "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	assert_output ''
}
