# SPDX-License-Identifier: GPL-2.0
# What the Bats files of the tool have in common: it runs under ASan and UBSan, each test in a directory of its own.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

unit=$(cd "$BATS_TEST_DIRNAME/../../../build/unit" && pwd)

mkcrimg() { "$unit/mkcrimg" "$@"; }

own_dir() {
	mkdir "$BATS_TEST_TMPDIR/dir"
	cd "$BATS_TEST_TMPDIR/dir"
}
