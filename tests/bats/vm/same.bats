#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Every kind of state comes back as it was: an image of a job that was restarted says what the image that
# it was restarted from says, but for what tests/bats/vm/same lists.
#
# A job stands still while all of it is stopped, and a restart leaves it so. What stopping does to the programs
# themselves is no matter of a restart: see same_alone().

load helper

local_teardown() { echo 45 >/proc/sys/fs/lease-break-time; }

# still PID: all threads have stopped, or are in vfork(), which nothing but a fatal signal interrupts
still() {
	local task stat number
	for task in "/proc/$1/task"/*; do
		{ read -r stat <"$task/stat"; } 2>/dev/null || continue
		stat=${stat##*) }
		case ${stat%% *} in
		T | Z | X) ;;
		D)
			{ read -r number _ <"$task/syscall"; } 2>/dev/null || return 1
			# clone, vfork, clone3
			[[ $number == @(56|58|435) ]] || return 1
			;;
		*) return 1 ;;
		esac
	done
}

# stand_still: parents first, which are not to act on what becomes of their children
stand_still() {
	local pid below=("$job_pid")
	note_below "$job_pid"
	for pid in "${below[@]}"; do
		kill -STOP "$pid"
		until_true still "$pid"
	done
}

# not the keeper, which stops when its leader has stopped: one in vfork() has not yet
stands_still() {
	local pid below=()
	note_below "$job_pid"
	for pid in "${below[@]}"; do still "$pid" || return 1; done
}

go_on() {
	local i below=("$job_pid")
	note_below "$job_pid"
	for ((i = ${#below[@]} - 1; i >= 0; i--)); do kill -CONT "${below[i]}"; done
}

# compare_saves: what was saved of a program that stood still, restarted, and saved again
compare_saves() {
	local first=$BATS_TEST_TMPDIR/first.json second=$BATS_TEST_TMPDIR/second.json
	stand_still
	save_kill
	mkcrimg show --json --memory "$job_image" >"$first"
	resume
	until_true stands_still
	save "$@"
	mkcrimg show --json --memory "$job_image" >"$second"
	run -0 "$BATS_TEST_DIRNAME/same" "$first" "$second" "$job_dir"
}

# same PROGRAM [CASE...]: and then it goes on and verifies what it has
same() {
	start "$@"
	compare_saves
	go_on
	finish
}

# same_alone PROGRAM [CASE...]: of one to which it matters that it was stopped: calls that end with EINTR then, parents
# that are told
same_alone() {
	start "$@"
	compare_saves --kill
	expect_status 137
}

@test "programs and memory" {
	same hello
	same static
	same memory
	leave_shared_alone
	same cow
	same shm
	same numa
	same mmflags
	same args
	same exe
	same vdso
}

@test "protection keys" {
	grep -qw ospke /proc/cpuinfo
	same pkeys
	same pkeys alone
}

@test "what newer kernels have" {
	[[ $CR_RELEASE != 6.1.* ]] || skip '6.1 has none of it'
	same mmflags seal merge mdwe
	same numa weighted
}

@test "processors" {
	same regs
	same debugregs
	same inspect
	same rseq
}

@test "runtimes of their own" {
	same cplusplus
	same golike
	same golike_pie
}

@test "System V and POSIX IPC" {
	same_alone sysv
	same sysvmsg
	same_alone sysvsem
	same_alone semundo
	# who was killed has left them
	ipcrm --all
	same posixsem
}

@test "files" {
	same files
	same unlinked
	same unlinked named
	same memfd
	same owners
	same devs
	same procfiles
	same procfiles mounts
	same inotify
}

@test "locks and leases" {
	same locks
	same leases
	echo 100000 >/proc/sys/fs/lease-break-time
	same leases asked
	same leases waiter
}

@test "pipes, sockets, terminals" {
	same pipes
	same fifos
	same_alone unix
	same unixname
	same scmrights
	same ptys
}

@test "what is waited for" {
	same_alone waiting
	same eventfd
	same timerfd
	same signalfd
	same pidfds
	same_alone epoll
}

@test "signals and timers" {
	same_alone signals
	same_alone syscalls
	same times
	same usage
	same timers itimers
	same timers timers
}

@test "threads and processes" {
	same threads
	same headless
	same_alone tree
	same_alone zombies
	same pgrps
	same pgrps gone
	same ids
	# all of it, but for what makes credentials of its own in two threads: which of them are one object is not kept
	same limits rlimits cpu threads process affinity own
	same limits bits
	same_alone stopped
}

@test "what processes share" {
	same sharing
	same sharing chain
	same sharing thread
	same sharing vm
	same vfork shared
	same vfork copy
	same vfork thread
	same vfork deep
}
