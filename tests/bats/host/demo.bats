#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# make demo: what a visitor sees first.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

@test "the demonstration shows that the job has computed what it should" {
	top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	# the job runs twice, and the other machines of the suite beside it
	KVER=6.12 TMPDIR=$BATS_TEST_TMPDIR CR_TIMEOUT=1800 run -0 "$top/scripts/demo"
	assert_output --partial 'the job is gone'
	assert_output --regexp 'Yes: result: [0-9a-f]{32}'
}
