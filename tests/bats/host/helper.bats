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

# programs FILE PATTERN: what it runs, each program and its cases once
programs() {
	sed -nE "s/^\s*($2) ([a-z].*)/\2/p" "$1" | sort -u
}

@test "what lifecycle.bats runs is in same.bats, too" {
	local line same vm=$BATS_TEST_DIRNAME/../vm
	[ "$(programs "$vm/lifecycle.bats" lifecycle | wc -l)" -gt 50 ]
	same=$(programs "$vm/same.bats" 'same|same_alone')
	while read -r line; do
		# all cases of a program, or some and then the others
		grep -Eq "^$line( |$)" <<<"$same" || fail "$line is missing"
	done < <(programs "$vm/lifecycle.bats" lifecycle)
}

@test "what lifecycle.bats runs goes to another machine, too" {
	local name
	for name in $(programs "$BATS_TEST_DIRNAME/../vm/lifecycle.bats" lifecycle | cut -d ' ' -f 1); do
		grep -Eq "^[^#]*[(\" 	]$name([: \")]|$)" "$BATS_TEST_DIRNAME/machine.bats" || fail "$name is missing"
	done
}

# compare EXPRESSION...: an image with one that these changes of sed make of its JSON
compare() {
	local build=$BATS_TEST_DIRNAME/../../../build
	cd "$BATS_TEST_TMPDIR"
	"$build/unit/mkimage" a.crimg
	"$build/mkcrimg" show --json --memory a.crimg >a.json
	sed -e "" "${@/#/-e}" a.json >b.json
	"$BATS_TEST_DIRNAME/../vm/same" a.json b.json
}

@test "two images of a job are the same" {
	run -0 compare
	assert_output ''
}

@test "two images of a job are not the same" {
	run -1 compare 's/"mode":"0644"/"mode":"0600"/'
	assert_output --regexp '^SHM [0-9]+ mode: 0644, now 0600$'
	run -1 compare 's/"nonzero":12288,/"nonzero":8192,/'
	assert_output --partial 'nonzero: 12288, now 8192'
	run -1 compare 's/"type":"EPITEM"/"type":"EPOLL"/'
	assert_output --regexp '^EPITEM [0-9]+: now EPOLL [0-9]+$'
}

@test "times of two images of a job, and how long there was between them" {
	run -1 compare 's/"age_ns":5000000000/"age_ns":5000000001/'
	assert_line --index 0 --partial 'age_ns: 5000000000, now 5000000001'
	run -1 compare 's/"boottime_ns":[0-9]*/&0/' 's/"age_ns":5000000000/"age_ns":4999999999/'
	assert_line --index 0 --partial 'age_ns: 5000000000, now 4999999999'
	run -0 compare 's/"boottime_ns":[0-9]*/&0/' 's/"age_ns":5000000000/"age_ns":5000000001/'
}
