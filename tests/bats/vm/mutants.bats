#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Bad input: thousands of damaged images are executed. Each execve() returns an errno of the documented
# ones to an unharmed caller, with a reason; or the image is a good one, and a job begins. Afterwards
# nothing is left: no task, no mount, no use of the module, no complaint (helper.bash).

load helper

# What makes it as if nobody had restarted the job yet
clean=(true)

# mutants COUNT FIRST PROGRAM [CASE...]
mutants() {
	local count=$1 first=$2
	shift 2
	start "$@"
	save_kill
	"${clean[@]}"
	run -0 "$CR_TOP/build/unit/exec_mutants" "$job_image" "$first" "$((count * ${CR_MUTANTS:-100} / 100))"
	assert_output --partial ' EBADMSG'
	# of that sort there are few
	[ "$count" -lt 300 ] || assert_output --partial ' EOPNOTSUPP'
	# The good image still is one. What the mutants that ran have done to the job's files and pipes
	# is another matter: it does not get to its end.
	"${clean[@]}"
	run -0 mkcrimg check "$job_image"
	resume
	kill -KILL "$job_pid"
	expect_status 137
	# those of its processes that do not end with it
	kill_left
}

# Not by chance: every boundary between records, and a bit of every record. What exec_mutants prints
# repeats it.
@test "cut at every record, a bit of every record flipped" {
	start eventfd
	save_kill
	run -0 "$CR_TOP/build/unit/exec_mutants" --boundaries "$job_image"
	echo "# $output"
	records=$(mkcrimg show --json "$job_image" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["records"]))')
	assert_line --index 0 --regexp "^$records records, seed [0-9]+\$"
	assert_line --index 1 --regexp "^$((2 * records + 1)) mutants, 0 jobs, .*, 0 failures\$"
	resume
	finish
}

@test "400 mutants of threads and signals" {
	mutants 400 0 signals
}

@test "300 mutants of a tree with zombies" {
	mutants 300 10000 zombies
}

@test "150 mutants of shared memory" {
	mutants 150 20000 shm
}

@test "150 mutants of pipes" {
	mutants 150 30000 pipes
}

@test "150 mutants of files" {
	mutants 150 40000 files
}

@test "100 mutants of 67 threads" {
	mutants 100 50000 threads
}

@test "150 mutants of UNIX sockets" {
	mutants 150 60000 unix
}

@test "150 mutants of descriptors in flight" {
	mutants 150 160000 scmrights
}

@test "150 mutants of epolls" {
	mutants 150 70000 epoll
}

@test "150 mutants of pseudo-terminals" {
	mutants 150 140000 ptys lines packet session
}

@test "100 mutants of eventfds" {
	mutants 100 80000 eventfd
}

@test "100 mutants of timerfds" {
	mutants 100 90000 timerfd
}

@test "100 mutants of locks" {
	mutants 100 100000 locks
}

@test "100 mutants of leases" {
	mutants 100 105000 leases
}

@test "100 mutants of timers" {
	mutants 100 110000 timers itimers timers
}

@test "150 mutants of files without a name" {
	mutants 150 120000 unlinked
}

# The segments outlive a job that is killed, also those that a mutant has made
@test "150 mutants of System V segments" {
	mutants 150 130000 sysv
	ipcrm --all
}

@test "100 mutants of semaphores that are taken" {
	mutants 100 135000 semundo
	ipcrm --all
}

# They are made anew until a mutant runs, whose queues are there from then on
@test "150 mutants of message queues" {
	clean=(ipcrm --all)
	mutants 150 180000 sysvmsg
	ipcrm --all
}

@test "150 mutants of semaphore sets" {
	clean=(ipcrm --all)
	mutants 150 190000 sysvsem
	ipcrm --all
}

@test "100 mutants of queues that are there" {
	mutants 100 200000 sysvmsg types full empty
	ipcrm --all
}

@test "150 mutants of files of /proc" {
	mutants 150 150000 procfiles
}

@test "150 mutants of memory that is common after fork()" {
	mutants 150 170000 cow deep
}
