#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The sources in a kernel's own tree: make kernel BUILTIN=y.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	export TMPDIR=$BATS_TEST_TMPDIR
}

@test "a kernel with binfmt_cr built in: save, kill, restart" {
	release=$("$top/scripts/kver" builtin 2>/dev/null) || skip 'left out: no such kernel: make kernel BUILTIN=y'
	[ "$(cat "${CR_CACHE:-/var/cache/binfmt_cr}/$release/sources")" = "$("$top/scripts/sources" -d)" ] ||
		skip "left out: $release has other sources: make kernel BUILTIN=y"
	export KVER=builtin CR_TIMEOUT=900 CR_ENV=CR_DEADLINE CR_DEADLINE=300
	run -0 "$top/tests/vm/run" "uname -r; grep binfmt_cr /proc/modules; bats --tap --print-output-on-failure -f '^(pipes|tree)$' \
		'$top/tests/bats/vm/lifecycle.bats'"
	assert_line "$release"
	refute_line --regexp '^binfmt_cr '
	assert_line --regexp '^ok 1 '
	assert_line --regexp '^ok 2 '
}
