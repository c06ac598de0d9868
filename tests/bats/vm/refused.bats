#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What cannot be saved yet is refused: one line names the task, the object and the reason, there is no
# image, and the job runs on with what it holds (the programs "refused" and "outside" of tests/progs verify it).

load helper

# refuse_of PROGRAM KIND REGEX: "pid N (PROGRAM): REGEX ... [CR-CODE]"
refuse_of() {
	local program=$1 kind=$2 regex=$3
	start "$program" "$kind"
	job_pid_saved=$job_pid
	[ ! -e "$job_dir/up.outside" ] || read -r job_pid_saved <"$job_dir/up.outside"
	job_image=$BATS_TEST_TMPDIR/refused.crimg
	run -1 mkcrimg save -o "$job_image" "$job_pid_saved"
	echo "# $kind: $output"
	assert_output --regexp "^mkcrimg: .*pid [0-9]+ \($program\): .*($regex).*\[CR-[A-Z]+\]"
	[ ! -e "$job_image" ]
	# what would block it can be asked for without a save, with the same answer
	run -1 mkcrimg check --pid "$job_pid_saved"
	assert_output --regexp "\($program\): .*($regex).*\[CR-[A-Z]+\]"
	finish
}

refuse() { refuse_of refused "$@"; }
refuse_proc() { refuse_of refused_proc "$@"; }
refuse_tty() { refuse_of refused_tty "$@"; }
refuse_unix() { refuse_of refused_unix "$@"; }
refuse_outside() { refuse_of outside "$@"; }

# known_absent KIND: this kernel, in this machine, is known not to have such a thing
known_absent() {
	case $CR_RELEASE:$1 in
	6.1.*:secretmem) return 0 ;;	# unless it is asked for when it boots
	esac
	return 1
}

# refuse_if_any KIND REGEX: the same, unless it is known that the kernel has no such thing
refuse_if_any() {
	local dir=$BATS_TEST_TMPDIR/probe.$1 status=0
	mkdir "$dir"
	touch "$dir/go"
	"$progs/refused" "$dir" "$1" >"$dir.out" 2>&1 || status=$?
	if [ $status != 77 ]; then
		refuse "$@"
	elif ! known_absent "$1"; then
		echo "$CR_RELEASE has no $1: $(cat "$dir.out")"
		return 1
	fi
}

@test "descriptors of the kernel's own making" {
	refuse timerfd_canceled 'fd 3: .*timerfd.*clock was set'
	refuse inotify 'fd 3: inotify: watch 1, of (gone|\?): no name of it is known'
	refuse fanotify 'fd 3: .*fanotify'
	refuse_if_any memfd_huge 'fd 3: memfd of huge pages'
	refuse pidfd 'fd 3: anon_inode:\[pidfd\]: of a process outside'
	refuse bpf 'fd 3: .*bpf'
	refuse perf 'fd 3: .*perf'
}

# The tasks of other people, what they have left behind, and what is not theirs alone.
@test "files of /proc" {
	refuse_proc procfile_write 'fd 3: /proc/[0-9]+/comm: open for writing'
	refuse_proc procfile_outside 'fd 3: /proc/[0-9]+/status: of a process outside the job'
	refuse_proc procfile_gone 'fd [0-9]+: /proc/[0-9]+/status.*: of a task that has exited'
	refuse_proc procfile_zombie 'fd 3: /proc/[0-9]+/status: of a task that has exited'
	refuse_proc procfile_mem 'fd 3: /proc/[0-9]+/mem: not supported yet'
	refuse_proc procfile_net 'fd 3: /proc/[0-9]+/net/unix: not supported yet'
	refuse_proc procfile_ns 'fd 3: /proc/[0-9]+/ns: not supported yet'
	refuse_proc procfile_map_files 'fd 3: /proc/[0-9]+/map_files: not supported yet'
	refuse_proc procfile_exec 'fd [0-9]+: /proc/[0-9]+/maps: of memory that the task has left'
	refuse_proc procfile_lock 'fd 3: lock of something that is no file'
}

# Whom an entry was added for, and what for, is seen only while the job stands still.
@test "epolls that watch another process' signals, pidfds, files of /proc, files outside of the job" {
	start refused epoll_signalfd
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_output --regexp '\(refused\): fd [0-9]+: epoll: fd [0-9]+ is a signalfd .*\[CR-EFD\]'
	finish
	start refused epoll_pidfd
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_output --regexp '\(refused\): fd [0-9]+: epoll: fd [0-9]+ is a pidfd.*\[CR-EFD\]'
	finish
	start refused_proc epoll_procfile
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_output --regexp '\(refused_proc\): fd [0-9]+: epoll: fd [0-9]+ is a file of /proc.*\[CR-EFD\]'
	finish
	start outside epoll
	read -r inside <"$job_dir/up.outside"
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$inside"
	assert_output --regexp '\(outside\): fd [0-9]+: epoll: its entry for fd [0-9]+ leads to a file outside.*\[CR-EFD\]'
	finish
}

# An echo that waits is seen only while the job stands still.
@test "pseudo-terminals: settings, an echo that waits, who is gone, sides outside of the job" {
	refuse_tty pty_locked 'pseudo-terminal [0-9]+: .*locked'
	refuse_tty pty_discipline 'pseudo-terminal [0-9]+: another line discipline'
	refuse_tty pty_hungup 'pseudo-terminal [0-9]+: was hung up, and its master is open'
	refuse_tty pty_group 'pseudo-terminal [0-9]+: its foreground process group is gone'
	refuse_outside pty 'fd [0-9]+: .*/dev/(ptmx|pts/ptmx): shared'
	refuse_outside slave 'pseudo-terminal [0-9]+: is open outside the job'
	refuse_outside ctty 'session with a terminal of its own'
	start refused_tty pty_echo
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_output --regexp '\(refused_tty\): pseudo-terminal [0-9]+: an echo waits .*\[CR-ETTY\]'
	finish
}

@test "userfaultfd, io_uring, AIO" {
	refuse_if_any userfaultfd 'userfaultfd'
	refuse_if_any iouring 'io_uring'
	refuse aio '(aio|AIO)'
}

@test "sockets" {
	refuse_unix unix_oob 'UNIX stream socket: urgent data'
	refuse_unix unix_filter 'UNIX stream socket with a filter'
	refuse_unix unix_stamp 'UNIX stream socket with time stamps'
	refuse_unix unix_nameless 'UNIX datagram socket: connected to one that has no name'
	refuse tcp 'fd [0-9]+: .*socket'
	refuse listen 'fd [0-9]+: .*socket'
	refuse udp 'fd [0-9]+: .*socket'
	refuse netlink 'fd [0-9]+: .*socket'
}

@test "descriptors in flight: what their kind does not allow, and what no descriptor accounts for" {
	refuse_unix rights_udp 'in flight in socket:\[[0-9]+\]: .*socket.*: not supported'
	refuse_unix rights_lock 'in flight in socket:\[[0-9]+\]: .*/locked.*: lock of a file that no descriptor'
	refuse_unix rights_async 'in flight in socket:\[[0-9]+\]: pipe:.*: O_ASYNC'
	refuse_unix rights_epoll 'in flight in socket:\[[0-9]+\]: .*eventpoll.*: epoll that no descriptor'
}

@test "files: O_PATH of /proc, named pipes that have lost their names" {
	refuse opath 'fd 3: .*O_PATH'
	refuse fifo 'fd 3: .*/fifo.*: unlinked'
}

@test "files: leases and locks that could not be taken again, F_NOTIFY" {
	refuse ofdlock_mapped 'mapped: .*/lock: OFD lock of a file that is only mapped'
	refuse lease_mapped 'mapped: .*/lease: lease of a file that is only mapped'
	refuse lease_unlinked 'fd 3: .*/lease.*: lease of a file without a name'
	echo 1 >/proc/sys/fs/lease-break-time
	refuse lease_writer 'fd 3: .*/lease: read lease of a file that is open for writing'
	echo 45 >/proc/sys/fs/lease-break-time
	# its signal makes the file have an owner
	refuse dnotify 'fd 3: .*(F_NOTIFY|F_SETOWN)'
}

@test "timers for threads that are gone, on the CPU time of others" {
	refuse gonetimer 'timer 0: for a thread that is gone'
	refuse othertimer 'timer 0: on the CPU time of another process'
}

# What a call that is not interrupted would restart in, nobody knows but itself
@test "a sleep on the CPU time of another process, when it stands still" {
	start refused othersleep
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/refused.crimg" "$job_pid"
	assert_output --regexp 'pid [0-9]+ \(refused\): thread [0-9]+: sleeps on the CPU time of another process.*\[CR-ERESTART\]'
	finish
}

@test "System V IPC, POSIX message queues" {
	refuse mqueue 'fd 3: .*cr-test'
	refuse semundo 'semaphore set [0-9]+: undo list shared with another process'
	refuse semthread 'thread [0-9]+: a semaphore undo list of its own'
}

@test "memory: huge pages, secret memory" {
	echo 4 >/proc/sys/vm/nr_hugepages
	refuse hugetlb '(huge|hugetlb)'
	echo 0 >/proc/sys/vm/nr_hugepages
	refuse_if_any secretmem 'secret'
}

@test "tasks: tracing, seccomp, namespaces, other credentials" {
	refuse tracing 'trac'
	refuse traced 'trac'
	refuse seccomp '(seccomp|no_new_privs)'
	refuse namespace 'namespace'
	refuse dropped 'other ids, groups or capabilities than pid [0-9]+'
	refuse mount_namespace 'namespace'
}

@test "what is shared with a process outside of the job" {
	refuse_outside shm 'shared'
	refuse_outside memfd 'memfd:test.*shared with a process outside'
	# the parent opens it while the child gets ready
	refuse_outside fifo 'fd [0-9]+: .*/fifo: FIFO that a process outside the job has open'
	refuse_outside sysv 'SYSV.*also mapped outside the job'
	refuse_outside files 'shared'
	refuse_outside group 'process group [0-9]+: pid [0-9]+ .* outside the job is in it'
	refuse_outside eventfd 'fd [0-9]+: .*eventfd.*shared'
	refuse_outside unix 'fd [0-9]+: socket:.* other end is outside the job'
	refuse_outside connect 'fd [0-9]+: socket:.* a connection, from outside the job'
	refuse_outside message 'fd [0-9]+: socket:.* a message, or a connection, from outside'
}

# Two that do not change are as good as one.
@test "a sealed memfd that a process outside of the job has, too" {
	start outside sealed
	read -r inside <"$job_dir/up.outside"
	run -0 mkcrimg save -q -o "$BATS_TEST_TMPDIR/sealed.crimg" "$inside"
	run -0 mkcrimg check "$BATS_TEST_TMPDIR/sealed.crimg"
	finish
}

# Nothing in the kernel leads from the job to who has connected to it: references tell, when none of the
# job's processes holds one. So a save says so, and a look at a job that runs does not.
@test "a datagram socket that a process outside of the job has connected to" {
	start outside dgram
	read -r inside <"$job_dir/up.outside"
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$inside"
	assert_output --regexp 'fd [0-9]+: socket:.* outside the job has connected to.*\[CR-EFD\]'
	[ ! -e "$BATS_TEST_TMPDIR/no.crimg" ]
	finish
}

# As if it had never been tried: the ends of the pipe are bound to those of whoever restarts it, or the
# save is refused, but it does not go wrong.
@test "a pipe to a process outside of the job" {
	start outside pipe
	read -r inside <"$job_dir/up.outside"
	run mkcrimg save -o "$BATS_TEST_TMPDIR/pipe.crimg" "$inside"
	if [ "$status" != 0 ]; then
		assert_output --regexp '\(outside\): fd [0-9]+: .*pipe.*\[CR-'
	fi
	finish
}

# The program does not verify what it holds: its cases are made for one at a time.
@test "all blockers are named in one go" {
	start refused bpf fanotify opath gonetimer tcp
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_line --regexp 'fd 3: .*fanotify'
	assert_line --partial 'bpf'
	assert_line --partial 'O_PATH'
	assert_line --partial 'socket'
	assert_line --regexp 'timer.*\[CR-'
	[ "$(grep -c '\[CR-' <<<"$output")" -ge 6 ]
	alive
	kill -9 "$job_pid"
	expect_status 137
}

@test "blockers of a process, of its child and of its thread, in one go" {
	start refused everywhere
	child=$(pgrep -P "$job_pid")
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_line --regexp "pid $job_pid \(refused\): fd [0-9]+: .*socket.*\[CR-EFD\]"
	assert_line --regexp "pid $child \(refused\): fd [0-9]+: .*/proc.*\[CR-EFD\]"
	assert_line --regexp "pid $job_pid \(filtered\): seccomp.*\[CR-ESECCOMP\]"
	finish
}

# 1000 of them
@test "more blockers than anybody wants to read: how many more" {
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	mkdir "$job_dir"
	(
		ulimit -n 4096
		exec perl -e 'for (1 .. 1234) { open($f[$_], "+<", "/proc/self/comm") or die $! }
			open(F, ">", "$ARGV[0]/ready") or die $!; close(F);
			select(undef, undef, undef, 0.05) until -e "$ARGV[0]/go"' "$job_dir"
	) </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	run -1 mkcrimg save -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_equal "$(grep -c '/comm: open for writing.*\[CR-EFD\]$' <<<"$output")" 1000
	assert_equal "${#lines[@]}" 1001
	assert_equal "${lines[1000]}" "mkcrimg: save: ... and 234 more"
	finish
}

# Who waits for the thread would be waited for all the time: what is in the way is said before anybody is asked to stop.
@test "a blocker is found before the job is touched" {
	start refused bpf vfork_thread
	local since=$SECONDS
	run -1 mkcrimg save -t 300 -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	[ $((SECONDS - since)) -lt 150 ]
	assert_line --regexp '\(refused\): fd 3: .*bpf.*\[CR-EFD\]'
	refute_output --partial 'did not stop'
	finish
	# it would have been
	start refused vfork_thread
	run -1 mkcrimg save -t 2 -o "$BATS_TEST_TMPDIR/no.crimg" "$job_pid"
	assert_output --regexp '\(refused\): thread [0-9]+ did not stop within 2000 ms \(between vfork'
	finish
}
