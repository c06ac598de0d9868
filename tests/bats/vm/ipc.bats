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

# The set of "semundo child", or all sets
sem_set() { awk 'FNR > 1 { print $2 }' /proc/sysvipc/sem; }

# sem_change ID NR BY [FLAGS]: semop(); sem_get ID NR CMD: semctl(), 12 GETVAL, 14 GETNCNT
sem_change() { perl -e 'semop($ARGV[0], pack("s!3", @ARGV[1 .. 3])) or die $!' "$1" "$2" "$3" "${4:-0}"; }
sem_get() { perl -e 'print 0 + (semctl($ARGV[0], $ARGV[1], $ARGV[2], 0) // die $!)' "$@"; }

# Values of all semaphores
sem_values() {
	perl -e 'for (@ARGV) { semctl($_, 0, 13, $b) or die $!; print $_, ":", (map " $_", unpack("s*", $b)), "\n" }' $(sem_set)
}

# busy ID [ARGUMENT...]: the image does not restart because of this set
busy() {
	run -0 "$progs/tryexec" "$job_image" "${@:2}"
	assert_output EBUSY
	run -1 mkcrimg restart "$job_image"
	assert_output --regexp "semaphore set $1 .*somebody else has now"
	run -1 mkcrimg check "$job_image"
	assert_output --partial "semaphore set $1: somebody has semaphore "
}

@test "semaphores of a job that runs on, and those that somebody has taken meanwhile: EBUSY" {
	local id before
	start semundo child
	id=$(sem_set)
	save
	before=$(sem_values)
	run -0 "$progs/tryexec" "$job_image" pid=ns
	assert_output EBUSY
	run -1 mkcrimg restart --pid=ns "$job_image"
	assert_output --regexp "semaphore set $id .*somebody else has now"
	assert_equal "$(sem_values)" "$before"
	save_kill
	assert_equal "$(sem_get "$id" 0 12)" 1
	sem_change "$id" 0 -1
	busy "$id"
	busy "$id" pid=ns
	assert_equal "$(sem_get "$id" 0 12)" 0
	sem_change "$id" 0 1
	run -0 mkcrimg check "$job_image"
	resume
	finish
}

waited_for() { [ "$(sem_get "$1" 0 14)" = 1 ]; }

@test "who waits for a semaphore of the job gets it when the job ends, and not before" {
	local id waiter
	start semundo child
	id=$(sem_set)
	save_kill
	resume
	perl -e 'semop($ARGV[0], pack("s!3", 0, -1, 0)) or die $!' "$id" 3>&- &
	waiter=$!
	until_true waited_for "$id"
	save
	assert_equal "$(sem_get "$id" 0 12)" 0
	waited_for "$id"
	save_kill
	wait "$waiter"
	busy "$id"
	sem_change "$id" 0 1
	resume
	finish
}

@test "a restart that fails gives back the semaphores that it has taken" {
	local id before
	start semundo leader child many
	# the last that is taken
	id=$(sem_set | tail -n 1)
	save_kill
	sem_change "$id" 69 -10
	before=$(sem_values)
	busy "$id"
	assert_equal "$(sem_values)" "$before"
	busy "$id" pid=ns
	assert_equal "$(sem_values)" "$before"
	run -0 "$progs/launch" "$job_pid" "$progs/tryexec" -1 "$job_image"
	assert_output EBUSY
	assert_equal "$(sem_values)" "$before"
	sem_change "$id" 69 10
	resume
	finish
}

@test "a semaphore set that was set since, is gone, or is another one: ESTALE" {
	local id other
	start semundo child
	id=$(sem_set)
	save_kill
	# its time is told in seconds
	sleep 1.1
	perl -e 'semctl($ARGV[0], 0, 16, 1) or die $!' "$id"
	stale() {
		run -0 "$progs/tryexec" "$job_image"
		assert_output ESTALE
		run -1 mkcrimg restart "$job_image"
		assert_output --regexp "semaphore set $id .*$1"
		run -1 mkcrimg check "$job_image"
		assert_output --partial "semaphore set $id: is gone, or not the one that was saved"
	}
	stale 'was set since by semctl'
	ipcrm -s "$id"
	stale 'is gone'
	echo "$id" >/proc/sys/kernel/sem_next_id
	other=$(perl -e 'print 0 + semget(0, 2, 01600)')
	[ "$other" = "$id" ]
	stale 'another one has its place'
	ipcrm -s "$id"
}

@test "in place: a caller who has semaphores himself: EOPNOTSUPP" {
	local id other
	start semundo leader
	id=$(sem_set)
	save_kill
	other=$(perl -e 'print 0 + semget(0, 1, 01600)')
	# SEM_UNDO, kept over execve(); the id of another set: what the leader had is free
	run -0 "$progs/launch" "$job_pid" perl -e 'semop(shift, pack("s!3", 0, 1, 010000)) or die $!; exec(@ARGV)' \
		"$other" "$progs/tryexec" -1 "$job_image"
	assert_output EOPNOTSUPP
	assert_equal "$(sem_get "$other" 0 12)" 0
	assert_equal "$(sem_get "$id" 0 12)" 1
	ipcrm -s "$other"
	resume
	finish
}
