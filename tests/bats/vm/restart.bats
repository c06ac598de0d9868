#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Restarting as such: exit status and signals, the options of an image, several copies, generations, the
# pid that the job's leader gets. What cannot be restarted: norestart.bats.

load helper

local_teardown() {
	[ -z "${reserved:-}" ] || kill "$reserved" 2>/dev/null || :
}

# ended_with HOW STATUS: "exitcode HOW", saved, restarted, ends so that the shell sees STATUS
ended_with() {
	start exitcode "$1"
	save_kill
	resume
	finish "$2"
}

@test "exit codes of the leader are those of the image" {
	ended_with 0 0
	ended_with 7 7
	ended_with 255 255
	ended_with thread5 5
}

@test "death of the leader by a signal is the image's" {
	ended_with sig15 143
	ended_with sig11 139
	ended_with sig6 134
	ended_with sig34 162
}

@test "signals to the keeper reach the job" {
	start hello
	save_kill
	# not INT and QUIT, which a shell without job control has its children ignore
	for sig in TERM:143 HUP:129 USR1:138 ALRM:142 KILL:137; do
		resume
		kill "-${sig%:*}" "$job_pid"
		expect_status "${sig#*:}"
		until_true no_task_left
	done
}

@test "a signal that the job handles does not end the keeper" {
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	mkdir "$job_dir"
	bash -c 'trap "echo got it" USR1; trap "echo bye; exit 9" TERM; >"$0/ready"
		until [ -e "$0/go" ]; do sleep 0.05; done' "$job_dir" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	save_kill
	resume
	kill -USR1 "$job_pid"
	until_true grep -q 'got it' "$job_out"
	alive
	kill -TERM "$job_pid"
	expect_status 9
	assert_equal "$(cat "$job_out")" "$(printf 'got it\nbye')"
}

# The leader dies first: the keeper must not be left, nor the other way round.
@test "the leader is killed, the rest of the job lives on" {
	start tree
	save_kill
	resume
	leader=$(pgrep -P "$job_pid")
	kill -9 "$leader"
	expect_status 137
	touch "$job_dir/go"
	until_true no_task_left
}

@test "two copies in namespaces side by side, while the first runs" {
	start pipes
	save
	first=$job_pid
	resume pid=ns
	second=$job_pid
	resume pid=ns
	third=$job_pid
	# three times the same job, each with the same numbers for itself
	touch "$job_dir/go"
	for job_pid in "$third" "$second" "$first"; do
		expect_status 0
	done
	assert_equal "$(cat "$job_out")" ""
}

@test "pid=keep while a pid is taken: EBUSY; otherwise a namespace is taken" {
	start ids
	save
	run -0 "$progs/tryexec" "$job_image" pid=keep
	assert_output EBUSY
	run -1 mkcrimg restart --pid=keep "$job_image"
	assert_output --regexp "pid $job_pid.*(taken|use|busy|exists)"
	first=$job_pid
	resume pid=auto
	# its numbers are right only inside
	assert_equal "$(awk '$1 == "NSpid:" { print $NF }' "/proc/$(pgrep -P "$(pgrep -P "$job_pid")")/status")" "$first"
	second=$job_pid
	resume
	touch "$job_dir/go"
	expect_status 0
	job_pid=$second
	expect_status 0
	job_pid=$first
	expect_status 0
	assert_equal "$(cat "$job_out")" ""
}

@test "pid=keep when only the pid of a grandchild or of a thread is taken" {
	start tree
	pid=$(pgrep -P "$(pgrep -P "$job_pid" | head -n 1)" | head -n 1)
	save_kill
	until_true no_task_left
	"$progs/launch" "$pid" sleep 1000 3>&- &
	reserved=$!
	until_true test -e "/proc/$pid"
	run -0 "$progs/tryexec" "$job_image" pid=keep
	assert_output EBUSY
	run -1 mkcrimg restart --pid=keep "$job_image"
	assert_output --partial "$pid"
	kill "$(pgrep -P $reserved)"
	wait $reserved || :
	reserved=
	resume pid=keep
	finish
}

# Who waits for it is told nothing by a child that was never made.
@test "pid=keep when only the pid of a child in vfork() is taken" {
	start vfork shared
	pid=$(pgrep -P "$job_pid")
	save_kill
	"$progs/launch" "$pid" sleep 1000 3>&- &
	reserved=$!
	until_true test -e "/proc/$pid"
	run -0 "$progs/tryexec" "$job_image" pid=keep
	assert_output EBUSY
	kill "$(pgrep -P $reserved)"
	wait $reserved || :
	reserved=
	resume pid=keep
	finish
}

# Who executes is the first thread, and would have exited.
@test "a leader whose first thread has exited: not in place" {
	start headless
	leader=$job_pid
	save_kill
	until_true gone "$leader"
	run -0 "$progs/launch" "$leader" "$progs/tryexec" -1 "$job_image" pid=keep
	assert_output EBUSY
	"$progs/launch" "$leader" "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true sleeps_as "$leader" "$job_image"
	finish
}

@test "unknown options of an image" {
	start hello
	save_kill
	run -0 "$progs/tryexec" "$job_image" pid=nonsense
	assert_output EINVAL
	run -0 "$progs/tryexec" "$job_image" colour=blue
	assert_output EINVAL
	resume
	finish
}

@test "the older image is not needed any more: ten generations" {
	start pipes
	for n in 1 2 3 4 5 6 7 8 9 10; do
		save_kill
		mv "$job_image" "$BATS_TEST_TMPDIR/gen$n.crimg"
		job_image=$BATS_TEST_TMPDIR/gen$n.crimg
		rm -f "$BATS_TEST_TMPDIR/gen$((n - 1)).crimg"
		resume
	done
	rm "$job_image"
	finish
}

@test "an image that was overwritten while its job runs" {
	start memory
	save_kill
	resume
	# not in place: a running image is an executable that nobody may write to
	run ! bash -c ': >"$0"' "$job_image"
	rm "$job_image"
	finish
}

@test "in place: a launcher chose the pid, there is no keeper" {
	start ids numbers
	pid=$job_pid
	save_kill
	until_true gone "$pid"
	"$progs/launch" "$pid" "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true eval '[ "$(readlink "/proc/$pid/exe")" = "$progs/ids" ]'
	assert_equal "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")" "$job_pid"
	finish
}

# A process that nobody sees has taken them for it.
@test "in place: the POSIX locks are the leader's" {
	start locks posix inherited
	pid=$job_pid
	save_kill
	until_true gone "$pid"
	"$progs/launch" "$pid" "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true eval '[ "$(readlink "/proc/$pid/exe")" = "$progs/locks" ]'
	finish
}

@test "in place: what execve() itself changes in the caller" {
	start mmflags membarrier base future
	save_kill
	resume_in_place mmflags
	finish
	# what it has used is not the caller's
	start usage
	save_kill
	resume_in_place usage
	finish
	# breakpoints
	start debugregs
	save_kill
	resume_in_place debugregs
	finish
	# which signal tells the leader of a child's end
	start tree direct
	save_kill
	resume_in_place tree
	finish
}

# twice_in_place PROGRAM: saved, restarted, and that saved and restarted again
twice_in_place() {
	local leader
	start "$1"
	leader=$job_pid
	save_kill
	resume_in_place "$1"
	run -0 mkcrimg save -q --kill -o "$job_image" "$leader"
	wait "$job_pid" || :
	# the others' numbers have to be free as well
	until_true no_task_left
	job_pid=$leader
	resume_in_place "$1"
	finish
}

# The numbers of groups and sessions are taken until execve() is over.
@test "in place: groups and sessions whose leaders are gone" {
	twice_in_place pgrps
}

# Not only the numbers of tasks have to be free.
@test "pid=keep when only the number of a group is taken, whose leader is gone" {
	local group
	start pgrps gone
	group=$(ps -o pid=,pgid= --ppid "$job_pid" |
		awk -v own="$(ps -o pgid= "$job_pid")" '$1 != $2 && $2 != own + 0 { print $2; exit }')
	save_kill
	until_true no_task_left
	"$progs/launch" "$group" sleep 1000 3>&- &
	reserved=$!
	until_true test -e "/proc/$group"
	run -1 mkcrimg restart --pid=keep "$job_image"
	assert_output --partial "pid $group is taken"
	run -0 mkcrimg check "$job_image"
	assert_output --partial "pid $group is taken: would restart in a private pid namespace"
	kill "$group"
	wait $reserved || :
	reserved=
	resume pid=keep
	finish
}

# They are restored by a process that is gone when the leader has them.
@test "in place: what the leader shares with other processes" {
	twice_in_place sharing
}

@test "in place: semaphores that the leader has taken" {
	twice_in_place semundo
}

# They are watched for a process, which is not the one that has restored them.
@test "in place: signalfds are watched for the leader" {
	start epoll kinds
	save_kill
	resume_in_place epoll
	finish
}

# inner_is EXE: the child of $job_pid, which goes to $inner, runs it
inner_is() {
	inner=$(pgrep -P "$job_pid") && [ "/proc/$inner/exe" -ef "$1" ]
}

# Pids, as we see them, of all processes of a process' pid namespace
in_pidns_of() {
	local dir
	for dir in /proc/[1-9]*; do
		[ ! "$dir/ns/pid" -ef "/proc/$1/ns/pid" ] || echo "${dir#/proc/}"
	done
}

@test "in place: the first process of a pid namespace" {
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	mkdir "$job_dir"
	unshare --pid --fork --mount-proc=/proc true	# it works here
	unshare --pid --fork "$progs/hello" "$job_dir" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	outer=$job_pid
	inner=$(pgrep -P "$outer")
	run -0 mkcrimg save --kill -q -o "$BATS_TEST_TMPDIR/init.crimg" "$inner"
	# how unshare ends when its child is killed, and what it says, is its own affair
	wait $outer || :
	: >"$job_out"
	unshare --pid --fork "$BATS_TEST_TMPDIR/init.crimg" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	# the program itself, which nobody keeps: there is no other process in the namespace
	until_true inner_is "$progs/hello"
	assert_equal "$(awk '$1 == "NSpid:" { print $NF }' "/proc/$inner/status")" 1
	assert_equal "$(in_pidns_of "$inner")" "$inner"
	finish
}

@test "descriptors to the outside are bound to those of the restarter" {
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	mkdir "$job_dir"
	mkfifo "$BATS_TEST_TMPDIR/keep"
	# standard input and output are pipes to processes that are not saved
	sleep 1000 3>&- >"$BATS_TEST_TMPDIR/keep" &
	reserved=$!
	bash -c 'cat "$1" | bash -c "echo \$\$ >$0/pid; echo one; echo >$0/ready
		until [ -e $0/go ]; do sleep 0.05; done; read -r line; echo two \$line" | cat >"$0/out"' \
		"$job_dir" "$BATS_TEST_TMPDIR/keep" >/dev/null 2>"$job_out" 3>&- &
	whole=$!
	job_pid=$whole
	until_true ready
	until_true test -s "$job_dir/out"
	read -r job_pid <"$job_dir/pid"
	job_image=$BATS_TEST_TMPDIR/job.crimg
	run -0 mkcrimg save -q --kill -o "$job_image" "$job_pid"
	kill $reserved
	reserved=
	wait $whole || :
	echo input | "$job_image" 2>>"$job_out" 3>&- | cat >"$job_dir/out2" &
	touch "$job_dir/go"
	wait $!
	assert_equal "$(cat "$job_dir/out")" "one"
	assert_equal "$(cat "$job_dir/out2")" "two input"
}
