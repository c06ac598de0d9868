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

# refused_for TEXT [ARGUMENT...]: the image does not restart, because of this, and the tool says so before
refused_for() {
	local options=("${@:2}")
	run -0 "$progs/tryexec" "$job_image" "${@:2}"
	assert_output EBUSY
	run -1 mkcrimg restart "${options[@]/#pid=/--pid=}" "$job_image"
	assert_output --regexp "$1"
}

# busy ID [ARGUMENT...]: the image does not restart because of this set, which others use, too
busy() {
	refused_for "semaphore set $1 .*somebody else has now" "${@:2}"
	run -1 mkcrimg check "$job_image"
	assert_output --partial "semaphore set $1: somebody has semaphore "
}

# perl_stays CODE [ARGUMENT...]: somebody, $stays, who does this and lives on until stays_no_more
perl_stays() {
	local up=$BATS_TEST_TMPDIR/stays
	rm -f "$up"
	perl -e "$1; open(F, '>', '$up') or die; sleep 1000" "${@:2}" 3>&- &
	stays=$!
	until_true test -e "$up"
}

stays_no_more() {
	kill -9 "$stays"
	wait "$stays" || :
}

sem_change_stays() { perl_stays 'semop($ARGV[0], pack("s!3", @ARGV[1 .. 3])) or die $!' "$1" "$2" "$3" 0; }

@test "semaphores of a job that runs on, and those that somebody has taken and uses: EBUSY" {
	local id before
	start semundo child
	id=$(sem_set)
	save
	before=$(sem_values)
	refused_for "semaphore set $id .*used by somebody else" pid=ns
	assert_equal "$(sem_values)" "$before"
	save_kill
	assert_equal "$(sem_get "$id" 0 12)" 1
	sem_change_stays "$id" 0 -1
	refused_for "semaphore set $id .*used by somebody else: pid $stays"
	refused_for "semaphore set $id .*used by somebody else: pid $stays" pid=ns
	run -1 mkcrimg check "$job_image"
	assert_output --partial "semaphore set $id: pid $stays uses it"
	assert_equal "$(sem_get "$id" 0 12)" 0
	# he is gone: now it is the job's alone
	stays_no_more
	run -0 mkcrimg check "$job_image"
	resume
	finish
}

waited_for() { [ "$(sem_get "$1" 0 14)" = 1 ]; }

# Others use it, too: it is left as it is, and what the job had must be there.
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
	run -0 mkcrimg check "$job_image"
	resume
	finish
}

# The last set is used by somebody else, too; the others get their values before it turns out to be taken.
@test "a restart that fails gives back the semaphores that it has taken" {
	local id before
	start semundo leader child many
	id=$(sem_set | tail -n 1)
	perl_stays 'semop($ARGV[0], pack("s!6", 1, 1, 0, 1, -1, 0)) or die $!' "$id"
	save_kill
	stays_no_more
	for other in $(sem_set); do
		[ "$other" = "$id" ] || sem_change "$other" 0 3
	done
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

@test "a semaphore set that was set since, or is another one: EBUSY; one that is gone is made again" {
	local id other
	start semundo child
	id=$(sem_set)
	save_kill
	# its time is told in seconds
	sleep 1.1
	perl -e 'semctl($ARGV[0], 0, 16, 1) or die $!' "$id"
	taken() {
		refused_for "semaphore set $id .*$1"
		run -1 mkcrimg check "$job_image"
		assert_output --partial "semaphore set $id: its id is taken"
	}
	taken 'was set since'
	ipcrm -s "$id"
	echo "$id" >/proc/sys/kernel/sem_next_id
	other=$(perl -e 'print 0 + semget(0, 2, 01600)')
	[ "$other" = "$id" ]
	taken 'is not the one that was saved'
	ipcrm -s "$id"
	run -0 mkcrimg check "$job_image"
	resume
	assert_equal "$(sem_set)" "$id"
	finish
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

# ---- message queues, and sets without anything to undo ----

queues() { awk 'FNR > 1 { print $2 }' /proc/sysvipc/msg; }
# Without times
queue_list() { awk 'FNR > 1 { print $1, $2, $3, $4, $5, $8, $9 }' /proc/sysvipc/msg; }
# The queue of "sysvmsg types", as "KEY ID"
queue() { awk 'FNR > 1 && $1 != 0 { print $1, $2; exit }' /proc/sysvipc/msg; }
# msg_send ID TYPE TEXT, msg_receive ID TYPE: without waiting
msg_send() { perl -e 'msgsnd($ARGV[0], pack("l! a*", @ARGV[1, 2]), 04000) or die $!' "$@"; }
msg_receive() { perl -e 'msgrcv($ARGV[0], $b, 8192, $ARGV[1], 04000) // die $!; print substr($b, 8)' "$@"; }

@test "queues and sets that are gone are made again, with their ids" {
	local program before
	for program in sysvmsg sysvsem semundo 'sysv semaphores messages'; do
		start $program
		save_kill
		before=$(queues; sem_set)
		ipcrm --all
		run -0 mkcrimg check "$job_image"
		resume
		assert_equal "$(queues; sem_set)" "$before"
		save_kill
		ipcrm --all
		resume pid=ns
		assert_equal "$(queues; sem_set)" "$before"
		finish
	done
}

@test "in place: queues and sets that are gone" {
	for program in sysvmsg sysvsem; do
		start $program
		save_kill
		ipcrm --all
		resume_in_place $program
		finish
	done
}

@test "queues and sets in a new IPC namespace" {
	for program in sysvmsg sysvsem; do
		start $program
		save_kill
		unshare --ipc "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
		job_pid=$!
		until_true resumed
		finish
		ipcrm --all
	done
}

@test "queues and sets that have changed get back what they held" {
	local key id before
	start sysvmsg types full empty
	save_kill
	read -r key id <<<"$(queue)"
	before=$(queue_list)
	msg_receive "$id" 3 >/dev/null
	msg_send "$id" 5 'of somebody else'
	[ "$(queue_list)" != "$before" ]
	resume
	assert_equal "$(queue_list)" "$before"
	finish
	start sysvsem values waited undone
	save_kill
	before=$(sem_values)
	for id in $(sem_set); do
		sem_change "$id" 0 3
	done
	resume
	finish
}

@test "a queue or a set that the job does not use for sure must not have changed" {
	local id
	start sysvmsg left
	save_kill
	id=$(queues)
	msg_send "$id" 1 more
	refused_for "message queue $id .*was used since"
	ipcrm -q "$id"
	resume
	finish
	start sysvsem left
	save_kill
	id=$(sem_set)
	sem_change "$id" 0 1
	refused_for "semaphore set $id .*was used since"
	ipcrm -s "$id"
	resume
	finish
}

@test "a queue that somebody uses, or another one in its place: EBUSY" {
	local key id other before
	start sysvmsg types
	save
	read -r key id <<<"$(queue)"
	before=$(cat /proc/sysvipc/msg)
	refused_for "message queue $id .*used by somebody else" pid=ns
	save_kill
	# one that waits, and one that has sent something
	perl_stays 'msgsnd($ARGV[0], pack("l! a*", 9, "x"), 0) or die $!' "$id"
	refused_for "message queue $id .*used by somebody else: pid $stays"
	run -1 mkcrimg check "$job_image"
	assert_output --partial "message queue $id: pid $stays uses it"
	assert_equal "$(msg_receive "$id" 9)" x
	stays_no_more
	perl -e 'msgrcv($ARGV[0], $b, 100, 77, 0); sleep 1000' "$id" 3>&- &
	stays=$!
	until_true in_state "$stays" S
	refused_for "message queue $id .*used by somebody else: pid $stays"
	stays_no_more
	ipcrm -q "$id"
	other=$(perl -e 'print 0 + msgget($ARGV[0], 01600)' "$key")
	[ "$other" != "$id" ]
	refused_for "message queue $id .*its key is taken"
	run -1 mkcrimg check "$job_image"
	assert_output --partial "message queue $id: its key "
	ipcrm -q "$other"
	# the same number, and the same place with the number after it
	for other in "$id" $((id + 32768)); do
		echo "$other" >/proc/sys/kernel/msg_next_id
		assert_equal "$(perl -e 'print 0 + msgget(0, 01600)')" "$other"
		refused_for "message queue $id .*(is not the one that was saved|another one has its place)"
		assert_equal "$(queues)" "$other"
		ipcrm -q "$other"
	done
	run -0 mkcrimg check "$job_image"
	resume
	# a second one, at the same time
	refused_for "message queue $id .*used by somebody else" pid=ns
	finish
}

# It has a life beside the job: it is left as it is.
@test "a queue that others use, too" {
	local key id before
	start sysvmsg types
	read -r key id <<<"$(queue)"
	perl -e 'msgrcv($ARGV[0], $b, 100, 77, 0); sleep 1000' "$id" 3>&- &
	stays=$!
	until_true in_state "$stays" S
	save_kill
	run -0 mkcrimg show "$job_image"
	assert_output --regexp "message queue $id: .*others use it, too"
	resume
	save_kill
	msg_receive "$id" 3 >/dev/null
	before=$(queue_list)
	resume
	assert_equal "$(queue_list)" "$before"
	kill -KILL "$job_pid"
	expect_status 137
	stays_no_more
	kill_left
	ipcrm -q "$id"
}

# The segment cannot be locked, which turns out when all else has been done.
@test "a restart that fails at last leaves queues and sets as they were" {
	local before values drop=(setpriv --bounding-set -ipc_lock --inh-caps -all)
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec %s %s/sysv "$@"\n' "${drop[*]}" "$progs" >"$BATS_TEST_TMPDIR/bin/sysv"
	chmod 755 "$BATS_TEST_TMPDIR/bin/sysv"
	progs=$BATS_TEST_TMPDIR/bin start sysv locked messages semaphores
	save_kill
	for id in $(queues); do
		msg_receive "$id" 8 >/dev/null
		msg_send "$id" 5 x
	done
	for id in $(sem_set); do
		sem_change "$id" 0 3
	done
	before=$(cat /proc/sysvipc/msg /proc/sysvipc/sem)
	values=$(sem_values)
	run -0 prlimit --memlock=0: "${drop[@]}" "$progs/tryexec" "$job_image"
	assert_output EPERM
	run -1 prlimit --memlock=0: "${drop[@]}" mkcrimg restart "$job_image"
	assert_output --partial 'it cannot be locked'
	assert_equal "$(cat /proc/sysvipc/msg /proc/sysvipc/sem)" "$before"
	assert_equal "$(sem_values)" "$values"
	ipcrm --all
	# and what it has made goes again
	run -0 prlimit --memlock=0: "${drop[@]}" "$progs/tryexec" "$job_image"
	assert_output EPERM
	assert_equal "$(queues; sem_set)" ''
	# by a program that has no more than that
	"${drop[@]}" env "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	finish
}

@test "queues and sets without the right to choose ids: EPERM" {
	local program drop=(setpriv --bounding-set -checkpoint_restore,-sys_admin --inh-caps -all)
	mkdir "$BATS_TEST_TMPDIR/bin"
	for program in sysvmsg sysvsem; do
		printf '#!/bin/sh\nexec %s %s/%s "$@"\n' "${drop[*]}" "$progs" $program >"$BATS_TEST_TMPDIR/bin/$program"
		chmod 755 "$BATS_TEST_TMPDIR/bin/$program"
		progs=$BATS_TEST_TMPDIR/bin start $program
		save_kill
		ipcrm --all
		run -1 "${drop[@]}" mkcrimg restart "$job_image"
		assert_output --partial 'you may not choose the id'
		run -0 "${drop[@]}" "$progs/tryexec" "$job_image"
		assert_output EPERM
	done
}
