#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The module itself: it loads, unloads and loads again, by hand and by itself.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

loaded() { grep -q '^binfmt_cr ' /proc/modules; }

teardown() {
	loaded || modprobe binfmt_cr
}

@test "unload and load again" {
	for i in 1 2 3; do
		rmmod binfmt_cr
		run ! loaded
		modprobe binfmt_cr
		run -0 loaded
	done
}

@test "the first execution of an ELF file that nobody knows loads the module" {
	rmmod binfmt_cr
	# an ELF header, but of no machine's: no handler takes it
	{ printf '\177ELF\002\001\001'; head -c 200 /dev/zero; } >"$BATS_TEST_TMPDIR/elf"
	chmod +x "$BATS_TEST_TMPDIR/elf"
	run python3 -c 'import os, sys; os.execv(sys.argv[1], sys.argv[1:])' "$BATS_TEST_TMPDIR/elf"
	assert_failure
	run -0 loaded
}
