#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What the Bats files for the virtual machine rely on (tests/bats/vm/helper.bash), outside of one.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

# complaints LOG: what the helper sees in this kernel log
complaints() {
	# without the demands on Bats, which are not met in a shell of its own
	BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME/../vm bash -c '
		bats_require_minimum_version() { :; }
		source "$BATS_TEST_DIRNAME/helper.bash"
		dmesg() { printf "%s\n" "$log"; }
		log=$1
		complaints' bash "$1"
}

@test "complaints of the kernel, with the test in which they came" {
	run -0 complaints "$(printf '%s\n' 'cr-test: 2 a' 'fine' 'cr-test: 3 b' 'fine' 'WARNING: now' 'BUG: too')"
	assert_output "$(printf '%s\n' 'cr-test: 3 b' 'WARNING: now' 'BUG: too')"
	run -0 complaints "$(printf '%s\n' 'cr-test: 3 b' 'all is well')"
	assert_output ''
}

@test "complaints of the kernel, when the log does not reach back to the test's beginning" {
	run -0 complaints "$(printf '%s\n' 'all is well' 'WARNING: some time')"
	assert_output 'WARNING: some time'
}

@test "what a test leaves behind is seen" {
	leftovers=$BATS_TEST_DIRNAME/../../../build/progs/leftovers
	run -0 "$leftovers" note "$BATS_TEST_TMPDIR"
	# others run on this machine, too
	sleep 1000 3>&- &
	# it may still be what has forked
	until [ "$(tr '\0' ' ' <"/proc/$!/cmdline")" = 'sleep 1000 ' ]; do sleep 0.05; done
	run -0 "$leftovers" tasks "$BATS_TEST_TMPDIR"
	assert_line $!
	run -0 "$leftovers" show "$BATS_TEST_TMPDIR"
	assert_line --partial "$! sleep 1000"
	kill $!
	wait $! || :
	run -0 "$leftovers" tasks "$BATS_TEST_TMPDIR"
	# it may be empty
	[[ $'\n'$output$'\n' != *$'\n'$!$'\n'* ]]
	mkdir -p "$BATS_TEST_TMPDIR/a/b"
	touch "$BATS_TEST_TMPDIR/a/b/.crimg.1.2"
	ipc=$(ipcmk -Q)
	run -1 "$leftovers" check "$BATS_TEST_TMPDIR" 0
	ipcrm -q "${ipc##* }"
	assert_line --regexp '^a file is left: .*/a/b/\.crimg\.1\.2$'
	assert_line 'System V IPC objects are left, or gone'
}
