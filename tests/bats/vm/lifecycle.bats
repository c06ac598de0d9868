#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Every kind of state through all that can happen to a job: saved while it runs on, saved and killed,
# restarted with its own pids, that saved again, restarted in a pid namespace. Then the program of
# tests/progs, which has noticed nothing, verifies what it has.

load helper

local_teardown() {
	local mnt=$BATS_TEST_TMPDIR/mnt
	! mountpoint -q "$mnt" || until_true umount "$mnt"
	echo 45 >/proc/sys/fs/lease-break-time
}

# lifecycle PROGRAM [CASE...]
lifecycle() {
	start "$@"
	save
	alive
	save_kill
	resume
	save_kill
	resume pid=ns
	finish
}

@test "hello" {
	lifecycle hello
}

@test "static" {
	lifecycle static
}

@test "regs" {
	lifecycle regs
}

@test "debugregs" {
	lifecycle debugregs
}

@test "inspect" {
	lifecycle inspect
}

@test "cplusplus" {
	lifecycle cplusplus
}

@test "golike" {
	lifecycle golike
	rm -r "$job_dir"
	lifecycle golike_pie
}

@test "memory" {
	lifecycle memory
}

# 16 MiB of nine processes are stored once. (That they are there once, the program looks at itself.)
@test "cow" {
	leave_shared_alone
	lifecycle cow
}

@test "cow: memory that processes share is in the image once" {
	leave_shared_alone
	start cow workers
	save
	[ "$(stat -c %s "$job_image")" -lt $((40 << 20)) ]
	run -0 mkcrimg check "$job_image"
	save_kill
	resume_in_place cow
	finish
}

@test "pkeys" {
	grep -qw ospke /proc/cpuinfo
	lifecycle pkeys
	rm -r "$job_dir"
	lifecycle pkeys alone
}

# The kernel makes huge pages also of the memory of a job that stands still.
@test "memory that is collapsed while it is saved" {
	local try ranges collapsed n=0
	# once more for each that came too late and found nothing to collapse, or nobody
	for try in {1..20}; do
		[ $n -lt 3 ] || break
		start memory ranges
		read -r -a ranges <"$job_dir/ranges"
		"$progs/collapse" "$job_pid" "${ranges[@]}" >"$job_dir/collapsed" 3>&- &
		collapsed=$!
		save_kill
		wait $collapsed || :
		! grep -qx '[1-9][0-9]*' "$job_dir/collapsed" || n=$((n + 1))
		run -0 mkcrimg check "$job_image"
		resume
		finish
	done
	[ $n = 3 ]
}

@test "mmflags" {
	lifecycle mmflags
}

@test "mmflags: what newer kernels have" {
	[[ $CR_RELEASE != 6.1.* ]] || skip '6.1 has none of it'
	lifecycle mmflags seal merge mdwe
}

@test "numa" {
	[ "$(cat /sys/devices/system/node/online)" = 0-1 ]
	lifecycle numa
}

@test "numa: what newer kernels have" {
	[[ $CR_RELEASE != 6.1.* ]] || skip '6.1 has none of it'
	lifecycle numa weighted
}

@test "shm" {
	lifecycle shm
}

@test "sysv" {
	lifecycle sysv
}

@test "sysvmsg" {
	lifecycle sysvmsg
}

@test "sysvsem" {
	lifecycle sysvsem
}

@test "semundo" {
	lifecycle semundo
}

@test "posixsem" {
	lifecycle posixsem
}

@test "files" {
	lifecycle files
}

@test "locks" {
	lifecycle locks
}

@test "leases" {
	lifecycle leases
}

# The time that there is to give one up goes on while a job is saved and restarted; it shall not be short.
@test "leases that are to be given up, and who waits for that" {
	echo 100000 >/proc/sys/fs/lease-break-time
	lifecycle leases asked
	lifecycle leases waiter
	# but nobody waits longer than this machine would have him wait
	start leases ends
	save_kill
	echo 1 >/proc/sys/fs/lease-break-time
	resume
	finish
}

@test "unlinked" {
	lifecycle unlinked
	lifecycle unlinked named
}

# /tmp is a tmpfs; the rest of the machine's root is an overlay.
@test "unlinked files of an overlay" {
	local BATS_TEST_TMPDIR
	BATS_TEST_TMPDIR=$(mktemp -d /var/tmp/cr-unlinked.XXXXXX)
	[ "$(stat -f -c %T "$BATS_TEST_TMPDIR")" = overlayfs ]
	lifecycle unlinked
	rm -rf "$BATS_TEST_TMPDIR"
}

@test "unlinked files of an ext4" {
	truncate -s 400M "$BATS_TEST_TMPDIR/disk"
	modprobe loop
	modprobe ext4
	mkfs.ext4 -q "$BATS_TEST_TMPDIR/disk"
	mkdir "$BATS_TEST_TMPDIR/mnt"
	mount -o loop "$BATS_TEST_TMPDIR/disk" "$BATS_TEST_TMPDIR/mnt"
	local BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/mnt
	lifecycle unlinked
}

@test "memfd" {
	lifecycle memfd
}

@test "owners" {
	lifecycle owners
}

@test "pipes" {
	lifecycle pipes
}

@test "fifos" {
	lifecycle fifos
}

@test "ptys" {
	lifecycle ptys
}

@test "unix" {
	lifecycle unix
}

@test "waiting" {
	lifecycle waiting
}

@test "eventfd" {
	lifecycle eventfd
}

@test "timerfd" {
	lifecycle timerfd
}

@test "signalfd" {
	lifecycle signalfd
}

@test "pidfds" {
	lifecycle pidfds
}

@test "procfiles" {
	lifecycle procfiles
	lifecycle procfiles mounts
}

@test "inotify" {
	lifecycle inotify
}

@test "epoll" {
	lifecycle epoll
}

@test "unixname" {
	lifecycle unixname
}

@test "scmrights" {
	lifecycle scmrights
	run -0 mkcrimg show "$job_image"
	assert_line 'descriptors in flight'
	assert_line --regexp '^  to socket [0-9]+: .*/alone: read write, at 5 of 11$'
}

@test "devs" {
	lifecycle devs
}

@test "signals" {
	lifecycle signals
}

@test "syscalls" {
	lifecycle syscalls
}

@test "threads" {
	lifecycle threads
}

@test "headless" {
	lifecycle headless
}

@test "rseq" {
	lifecycle rseq
}

@test "tree" {
	lifecycle tree
}

@test "a parent that waits in vfork()" {
	lifecycle vfork shared
	lifecycle vfork copy
	lifecycle vfork thread
	lifecycle vfork deep
}

@test "zombies" {
	lifecycle zombies
}

# The first process to use something is not always the one that has made it: each order is its own.
@test "sharing" {
	local what
	lifecycle sharing
	run -0 mkcrimg show "$job_image"
	for what in memory handlers descriptors directories; do
		assert_line --regexp "^  shared  $what with pid [0-9]+$"
	done
	assert_line --regexp '^thread [0-9]+ \(sharing\)$'
	lifecycle sharing chain
	lifecycle sharing thread
	lifecycle sharing vm
}

@test "pgrps" {
	lifecycle pgrps
	lifecycle pgrps gone
}

@test "ids" {
	lifecycle ids
}

@test "limits" {
	lifecycle limits
}

@test "args" {
	lifecycle args
}

@test "exe" {
	lifecycle exe
}

@test "vdso" {
	lifecycle vdso
}

# as_elsewhere: the newest image as a kernel with another vdso would have written it
as_elsewhere() {
	run -0 "$CR_TOP/build/unit/mutate" --vdso "$job_image" "$job_image.other"
	mv "$job_image.other" "$job_image"
}

# Each time the vdso comes to lie elsewhere, and the old ones lead to it.
@test "vdso: another kernel's" {
	start vdso
	save_kill
	as_elsewhere
	run -0 mkcrimg check "$job_image"
	resume
	save
	save_kill
	resume
	save_kill
	as_elsewhere
	resume
	finish
	start vdso
	save_kill
	as_elsewhere
	resume_in_place vdso
	finish
}

@test "times" {
	lifecycle times
}

@test "usage" {
	lifecycle usage
}

@test "itimers" {
	lifecycle timers itimers
}

@test "timers" {
	lifecycle timers timers
}

@test "timers stand still while there is no job" {
	start timers itimers timers
	save_kill
	sleep 10
	echo 10000 >"$job_dir/dead"
	resume
	finish
}

@test "stopped" {
	lifecycle stopped
}
