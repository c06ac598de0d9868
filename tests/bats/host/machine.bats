#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A job goes to another machine with another kernel.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	export TMPDIR=$BATS_TEST_TMPDIR CR_OUT=$BATS_TEST_TMPDIR/jobs CR_TIMEOUT=900
	jobs=(vdso:machine static threads pipes regs signals rseq tree unix shm)
}

# there KVER save|restart: what the script of that name does on this kernel
there() {
	KVER=$1 run -0 "$top/tests/vm/run" "'$top/tests/bats/host/machine' $2 '$CR_OUT' ${jobs[*]}"
	assert_line "$2: ${#jobs[@]} jobs"
}

@test "saved on 6.1, resumed on 6.12" {
	there 6.1 save
	there 6.12 restart
}

@test "saved on 6.12, resumed on 6.1" {
	there 6.12 save
	there 6.1 restart
}
