#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# System V objects have a life of their own: what a restart finds in the place of those that were saved, and
# that one that fails leaves them as they were.

load helper

local_teardown() {
	echo 0 >/proc/sys/kernel/shm_rmid_forced
}

# The segment of "sysv segment", as "KEY ID"
segment() { awk 'FNR > 1 && $1 != 0 { print $1, $2; exit }' /proc/sysvipc/shm; }
attached() { awk -v id="$1" '$2 == id { print $7 }' /proc/sysvipc/shm; }

# poke ID OFFSET TEXT, peek ID OFFSET LENGTH: contents of a segment
poke() { perl -e 'shmwrite($ARGV[0], $ARGV[2], $ARGV[1], length $ARGV[2]) or die $!' "$@"; }
peek() { perl -e 'shmread($ARGV[0], $b, $ARGV[1], $ARGV[2]) or die $!; print $b' "$@"; }


@test "a segment that others have attached: EBUSY" {
	start sysv segment
	save
	read -r key id <<<"$(segment)"
	nattch=$(attached "$id")
	run -0 "$progs/tryexec" "$job_image" pid=ns
	assert_output EBUSY
	run -1 mkcrimg restart --pid=ns "$job_image"
	assert_output --regexp "System V segment $id .*attached by somebody else"
	run -1 mkcrimg check "$job_image"
	assert_output --partial "System V segment $id: "
	assert_equal "$(attached "$id")" "$nattch"
	finish
}

@test "a segment that has changed gets its contents back" {
	start sysv segment
	save_kill
	read -r key id <<<"$(segment)"
	poke "$id" 5 garbage
	poke "$id" $((40 * 4096)) 'in a hole'
	resume
	finish
}

@test "a restart that fails leaves contents as they are" {
	mkdir "$BATS_TEST_TMPDIR/cwd"
	cd "$BATS_TEST_TMPDIR/cwd"
	start sysv segment dest locked
	cd /
	save_kill
	read -r key id <<<"$(segment)"
	poke "$id" 5 garbage
	poke "$id" $((40 * 4096)) 'in a hole'
	rmdir "$BATS_TEST_TMPDIR/cwd"
	before=$(cat /proc/sysvipc/shm)
	run -0 "$progs/tryexec" "$job_image"
	assert_output ESTALE
	assert_equal "$(awk '{ $(NF - 1) = ""; print }' /proc/sysvipc/shm)" "$(awk '{ $(NF - 1) = ""; print }' <<<"$before")"
	assert_equal "$(peek "$id" 5 7)" garbage
	assert_equal "$(peek "$id" $((40 * 4096)) 9)" 'in a hole'
	mkdir "$BATS_TEST_TMPDIR/cwd"
	resume
	finish
}

@test "a segment that is gone is made again; not over another one" {
	start sysv segment
	save_kill
	read -r key id <<<"$(segment)"
	ipcrm -m "$id"
	other=$(perl -e 'print shmget($ARGV[0], 4096, 01600)' "$key")
	[ "$other" != "$id" ]
	run -0 "$progs/tryexec" "$job_image"
	assert_output EBUSY
	run -1 mkcrimg restart "$job_image"
	assert_output --regexp "System V segment $id .*key is taken"
	run -1 mkcrimg check "$job_image"
	assert_output --regexp "System V segment $id: its key .* is taken"
	ipcrm -m "$other"
	echo "$id" >/proc/sys/kernel/shm_next_id
	other=$(perl -e 'print shmget(0, 4096, 01600)')
	[ "$other" = "$id" ]
	run -0 "$progs/tryexec" "$job_image"
	assert_output EBUSY
	run -1 mkcrimg restart "$job_image"
	assert_output --regexp "System V segment $id .*not the one that was saved"
	run -1 mkcrimg check "$job_image"
	assert_output --partial "System V segment $id: its id is taken"
	ipcrm -m "$other"
	run -0 mkcrimg check "$job_image"
	resume
	finish
}

@test "without the right to choose ids: EPERM" {
	local drop=(setpriv --bounding-set -checkpoint_restore,-sys_admin --inh-caps -all)
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec %s %s/sysv "$@"\n' "${drop[*]}" "$progs" >"$BATS_TEST_TMPDIR/bin/sysv"
	chmod 755 "$BATS_TEST_TMPDIR/bin/sysv"
	progs=$BATS_TEST_TMPDIR/bin start sysv segment
	save_kill
	read -r key id <<<"$(segment)"
	ipcrm -m "$id"
	run -1 "${drop[@]}" mkcrimg restart "$job_image"
	assert_output --partial 'you may not choose the id'
	run -0 "${drop[@]}" "$progs/tryexec" "$job_image"
	assert_output EPERM
}

@test "segments that would go with their last user (shm_rmid_forced)" {
	echo 1 >/proc/sys/kernel/shm_rmid_forced
	start sysv segment dest
	save_kill
	[ -z "$(segment)" ]
	resume
	finish
}
