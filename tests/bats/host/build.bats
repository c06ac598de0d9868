#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The build: no warnings, the same sources in a kernel tree, and the suite's own arithmetic.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	cd "$BATS_TEST_DIRNAME/../../.."
	unset MAKEFLAGS MAKELEVEL MFLAGS KVER W V
}

# Compile the module from scratch with all of the kernel's extra warnings and with sparse.
no_warnings() {
	local log=$BATS_TEST_TMPDIR/log
	make B="$BATS_TEST_TMPDIR/b" KREL="$(scripts/kver "$1")" W=1 kernel-sparse >"$log" 2>&1 || { tail "$log"; false; }
	# every source was looked at
	[ "$(grep -c '  CHECK ' "$log")" -ge "$(scripts/sources | grep -v cr_export | grep -c '\.c$')" ] || { cat "$log"; false; }
	run grep -E 'warning|error' "$log"
	assert_output ''
}

@test "no warning with W=1, sparse is silent: 6.12" {
	no_warnings 6.12
}

@test "no warning with W=1, sparse is silent: 6.1" {
	no_warnings 6.1
}

# With lockdep, KASAN and others, some headers differ; what has not changed since was compiled there before.
@test "the sources compile in the debug kernel's tree without a warning" {
	local log=$BATS_TEST_TMPDIR/log release tree
	release=$(scripts/kver debug 2>/dev/null) || skip 'left out: no debug kernel: make kernel'
	tree=$(readlink -e "${CR_CACHE:-/var/cache/binfmt_cr}/$release/linux") && [ -e "$tree/vmlinux.o" ] ||
		skip "left out: the tree of $release is not there: make kernel"
	grep -qx CONFIG_PROVE_LOCKING=y "$tree/.config"
	exec 9>>"$tree/../.lock"
	flock -w 120 9 || skip "left out: $tree is in use"
	scripts/overlay-tree "$tree"
	make -C "$tree" -j2 binfmt_cr.o 9>&- >"$log" 2>&1 || { tail -n 30 "$log"; false; }
	flock -u 9
	run grep -E 'warning|error' "$log"
	assert_output ''
}

@test "what the debug kernel's configuration lacks is named" {
	cd "$BATS_TEST_TMPDIR"
	lacks=$BATS_TEST_DIRNAME/../../../scripts/config-lacks
	printf '%s\n' 'CONFIG_A=y' 'CONFIG_B=m' '# CONFIG_C is not set' 'CONFIG_D="d d"' 'CONFIG_E=y' >config
	run -0 "$lacks" config <<<$'# comment\nCONFIG_A=y\n# CONFIG_C is not set\n# CONFIG_Z is not set\nCONFIG_D="d d"\n'
	assert_output ''
	run -0 "$lacks" config <<<$'CONFIG_B=y\n# CONFIG_E is not set\nCONFIG_C=y\nCONFIG_Z=y\nCONFIG_D="d"'
	assert_output $'CONFIG_B\nCONFIG_E\nCONFIG_C\nCONFIG_Z\nCONFIG_D'
	run -1 "$lacks" nowhere <<<CONFIG_A=y
}

@test "the list of sources is what is there" {
	run diff <(find arch drivers fs include ipc kernel mm net -name '*.[chS]' | LC_ALL=C sort) <(scripts/sources)
	assert_output ''
}

@test "the checksum over the sources changes with each of them" {
	sources_of() {
		local copy=$BATS_TEST_TMPDIR/copy
		rm -rf "$copy"
		mkdir "$copy"
		cp -r --parents Kbuild Kconfig scripts arch drivers fs include ipc kernel mm net "$copy"
		[ $# = 0 ] || echo >>"$copy/$1"
		"$copy/scripts/sources" -d
	}
	run -0 sources_of
	assert_output "$(scripts/sources -d)"
	for file in Kbuild kernel/cr_save.c include/linux/cr.h arch/x86/kernel/cr_keeper_code.S; do
		run -0 sources_of $file
		refute_output "$(scripts/sources -d)"
	done
}

@test "nothing is built when nothing changed" {
	run -0 make module
	refute_output --regexp '(CC|LD|KLPLINK|DEPMOD) '
}

@test "kernel/cr_export.c names what the module needs" {
	run -0 scripts/exports -c
}

@test "only the compat header tests the kernel's version" {
	run grep -srlE 'LINUX_VERSION_CODE|KERNEL_VERSION\(' --include='*.[chS]' arch drivers fs include ipc kernel mm net tools
	assert_output include/linux/cr_compat.h
}

# Something that has what scripts/overlay-tree asks of a kernel tree.
fake_tree() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/fs"
	echo 'obj-y += fs/' >"$tree/Kbuild"
	echo 'source "fs/Kconfig.binfmt"' >"$tree/Kconfig"
	touch "$tree/fs/Kconfig.binfmt" "$tree/fs/exec.c"
}

@test "the sources are laid over a tree, twice with the same result" {
	fake_tree
	run -0 scripts/overlay-tree "$tree"
	cmp fs/binfmt_cr.c "$tree/fs/binfmt_cr.c"
	cmp Kconfig "$tree/fs/Kconfig.binfmt_cr"
	run diff <(echo 'obj-y += fs/') "$tree/Kbuild"
	assert_output --regexp '^1a2
> include [^ ]*$'
	run diff <(echo 'source "fs/Kconfig.binfmt"') "$tree/Kconfig"
	assert_output --regexp '^1a2
> source [^ ]*$'
	cp -a "$tree" "$tree.once"
	run -0 scripts/overlay-tree "$tree"
	run -0 diff -r "$tree.once" "$tree"
}

@test "nothing in a tree is overwritten" {
	fake_tree
	mkdir "$tree/kernel"
	echo theirs >"$tree/kernel/cr_save.c"
	cp -a "$tree" "$tree.before"
	run -1 scripts/overlay-tree "$tree"
	assert_output --partial kernel/cr_save.c
	run -0 diff -r "$tree.before" "$tree"
}

@test "results are added up" {
	cd "$BATS_TEST_TMPDIR"
	printf '1..2\nok 1 a\nok 2 b\n' >good
	printf '1..2\nok 1 a\nnot ok 2 b\n' >bad
	printf '1..3\nok 1 a\n' >cut
	printf 'nothing\n' >none
	tally=$BATS_TEST_DIRNAME/../../tally
	run -0 "$tally" good good
	assert_output '4 passed, 0 failed'
	run -1 "$tally" good bad
	assert_line '3 passed, 1 failed'
	run -1 "$tally" good cut
	assert_line '2 tests have no result'
	assert_line '3 passed, 2 failed'
	run -1 "$tally" good none
	assert_line '2 passed, 1 failed'
	run -1 "$tally" none
	printf '1..2\nok 1 a\nok 2 b # skip not here\n' >left
	run -0 "$tally" good left
	assert_output $'1 left out\n3 passed, 0 failed'
}

@test "the suite ends with its duration and the tally" {
	mkdir -p "$BATS_TEST_TMPDIR/tests/bats/host"
	cp tests/run tests/tally "$BATS_TEST_TMPDIR/tests"
	printf '@test "%s" { %s; }\n' good true bad false later skip >"$BATS_TEST_TMPDIR/tests/bats/host/some.bats"
	run -1 env -i PATH=/usr/bin:/bin "$BATS_TEST_TMPDIR/tests/run"
	assert_line --regexp '^took [0-9]+ min [0-9]+ s$'
	# what failed is named again behind the output of all
	assert_line --index $((${#lines[@]} - 5)) --regexp '^host: not ok 2 bad( |$)'
	assert_line --index $((${#lines[@]} - 2)) '1 left out'
	assert_line --index $((${#lines[@]} - 1)) '1 passed, 1 failed'
}

@test "set-up with nothing missing asks no package source and is silent" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in apt-get apt-cache dpkg-deb; do
		printf '#!/bin/sh\necho "$0 $*"\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/$tool"
	done
	chmod +x "$BATS_TEST_TMPDIR"/bin/*
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 scripts/setup
	assert_output ''
}
