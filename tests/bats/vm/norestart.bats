#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What cannot be restarted, or not by everybody, or not here any more: an errno, a reason, the caller
# unharmed, and nothing is left behind.

load helper

local_teardown() {
	local mnt=$BATS_TEST_TMPDIR/mnt
	! mountpoint -q "$mnt" || until_true umount "$mnt"
	[ -z "${reserved:-}" ] || kill "$reserved" 2>/dev/null || :
}

# unchanged LIST [DIRECTORY]: what is in the job's directory is what was there, by inode
unchanged() {
	assert_equal "$(ls -AiR "${2:-$job_dir}" 2>&1)" "$1"
}

# fails_with ERRNO REGEX FILE [ARGUMENT...]: from execve() with the caller unharmed and no file left, in a pid
# namespace as well, and from the tool with a reason. The tool has known it before.
fails_with() {
	local errno=$1 regex=$2 list
	shift 2
	list=$(ls -AiR "$job_dir" 2>&1) || :
	run -0 "$progs/tryexec" "$@"
	assert_output --regexp "^($errno)\$"
	run -0 "$progs/tryexec" "$@" pid=ns
	assert_output --regexp "^($errno)\$"
	unchanged "$list"
	run -1 mkcrimg check "$1"
	run -1 mkcrimg restart "$@"
	assert_output --regexp "$regex"
	# a shell says so, and does not take it for a script
	run -126 bash -c '"$@"; s=$?; [ $s != 127 ] || s=126; exit $s' bash "$@"
	[[ "$output" == bash:*"$1: "* ]]
}

# fails_in_place ERRNO PID [COMMAND...]: executed by process PID, which COMMAND runs, the image fails and PID
# is unharmed
fails_in_place() {
	local errno=$1 pid=$2
	shift 2
	run -0 "$progs/launch" "$pid" "$@" "$progs/tryexec" -1 "$job_image"
	assert_output "$errno"
	until_true gone "$pid"
	until_true no_task_left
}

# So that it is known that the cases mean what they say: the same is in place when nothing is missing.
@test "in place: a directory, a program, a child's pid is missing: the caller is unharmed" {
	local pid child
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	mkdir "$job_dir" "$BATS_TEST_TMPDIR/cwd"
	cp "$progs/tree" "$BATS_TEST_TMPDIR/kept"
	(cd "$BATS_TEST_TMPDIR/cwd" && exec "$BATS_TEST_TMPDIR/kept" "$job_dir" direct) </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	pid=$job_pid
	child=$(pgrep -P "$pid" | head -n 1)
	save_kill
	until_true gone "$pid"
	mv "$BATS_TEST_TMPDIR/cwd" "$BATS_TEST_TMPDIR/away"
	fails_in_place ESTALE "$pid"
	mv "$BATS_TEST_TMPDIR/away" "$BATS_TEST_TMPDIR/cwd"
	mv "$BATS_TEST_TMPDIR/kept" "$BATS_TEST_TMPDIR/away"
	fails_in_place ESTALE "$pid"
	cp "$BATS_TEST_TMPDIR/away" "$BATS_TEST_TMPDIR/kept"
	fails_in_place ESTALE "$pid"
	mv "$BATS_TEST_TMPDIR/away" "$BATS_TEST_TMPDIR/kept"
	"$progs/launch" "$child" sleep 1000 3>&- &
	reserved=$!
	until_true test -e "/proc/$child"
	run -0 "$progs/launch" "$pid" "$progs/tryexec" -1 "$job_image" pid=keep
	assert_output EBUSY
	kill "$(pgrep -P $reserved)"
	wait $reserved || :
	reserved=
	resume_in_place "$BATS_TEST_TMPDIR/kept"
	finish
}

@test "damaged images: EBADMSG or the like, never ENOEXEC" {
	start threads
	save_kill
	damaged=$BATS_TEST_TMPDIR/damaged.crimg
	size=$(stat -c %s "$job_image")
	for cut in 64 65 100 4096 $((size / 3)) $((size / 2)) $((size - 1)); do
		head -c "$cut" "$job_image" >"$damaged"
		chmod 700 "$damaged"
		fails_with EBADMSG . "$damaged"
	done
	# the ELF header, memory, the last record
	for at in 24 50 $((size / 2)) $((size - 30)); do
		cp "$job_image" "$damaged"
		printf '\377\377\377' | dd of="$damaged" bs=1 seek="$at" conv=notrunc status=none
		run -0 "$progs/tryexec" "$damaged"
		assert_output --regexp '^(EBADMSG|EOPNOTSUPP)$'
	done
	# another version of the format
	cp "$job_image" "$damaged"
	printf '\002' | dd of="$damaged" bs=1 seek=14 conv=notrunc status=none
	fails_with EOPNOTSUPP '[Vv]ersion' "$damaged"
	rm "$damaged"
	resume
	finish
}

@test "a file that is not as it was: ESTALE" {
	cp "$progs/hello" "$BATS_TEST_TMPDIR/changing"
	local progs_before=$progs
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	mkdir "$job_dir"
	"$BATS_TEST_TMPDIR/changing" "$job_dir" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	save_kill
	cp -p "$BATS_TEST_TMPDIR/changing" "$BATS_TEST_TMPDIR/kept"
	touch "$BATS_TEST_TMPDIR/changing"
	fails_with ESTALE "$BATS_TEST_TMPDIR/changing" "$job_image"
	rm "$BATS_TEST_TMPDIR/changing"
	fails_with ESTALE "$BATS_TEST_TMPDIR/changing" "$job_image"
	cp -p "$BATS_TEST_TMPDIR/kept" "$BATS_TEST_TMPDIR/changing"
	resume
	finish
}

@test "a directory on the way to a file is gone, or is no directory any more: ESTALE" {
	start files dir
	save_kill
	mv "$job_dir" "$job_dir.away"
	fails_with ESTALE "$job_dir/dir" "$job_image"
	touch "$job_dir"
	fails_with ESTALE "$job_dir/dir" "$job_image"
	rm "$job_dir"
	ln -s "$job_dir.away" "$job_dir"
	mv "$job_dir/dir" "$job_dir/real"
	ln -s real "$job_dir/dir"
	fails_with ESTALE "$job_dir/dir" "$job_image"
	rm "$job_dir/dir"
	mv "$job_dir/real" "$job_dir/dir"
	resume
	finish
}

# Code of the job, and its libc, holds addresses inside the vdso, which must lead to this kernel's.
@test "the vdso of another kernel, with no symbols: EOPNOTSUPP" {
	local other
	start vdso
	save_kill
	other=$BATS_TEST_TMPDIR/other.crimg
	"$CR_TOP/build/unit/mutate" --no-vdso "$job_image" "$other"
	# the image is whole, and gdb would open it
	run -0 mkcrimg check --records-only "$other"
	run -1 mkcrimg check "$other"
	assert_output --partial "vdso is not this kernel's, and lacks __vdso_clock_gettime"
	fails_with EOPNOTSUPP 'vdso: the image was taken on kernel .*, whose vdso differs' "$other"
	rm "$other"
	resume
	finish
}

# listen_at PATH: somebody who is bound to it, or with a leading @ to the abstract name (each type of socket has
# its own); its pid is in $other
listen_at() {
	local bound=$BATS_TEST_TMPDIR/bound
	perl -MSocket -e '($path = shift) =~ s/^@/\0/; socket(S, AF_UNIX, SOCK_SEQPACKET, 0) &&
		bind(S, pack_sockaddr_un($path)) && listen(S, 1) or die $!; open(F, ">", shift); sleep 600' \
		"$1" "$bound" 3>&- &
	other=$!
	until_true test -e "$bound"
	rm "$bound"
}

@test "FIFOs: one that is in use, or is something else, is left alone" {
	start fifos flight
	save_kill
	local path=$job_dir/flight
	exec 7<>"$path"
	run -0 "$progs/tryexec" "$job_image"
	assert_output EBUSY
	# nobody else has written to it
	run ! timeout 1 dd if="$path" iflag=nonblock bs=1 count=1 status=none
	exec 7>&-
	mv "$path" "$path.away"
	echo precious >"$path"
	fails_with ESTALE "$path: (is no FIFO any more|is another kind of file)" "$job_image"
	assert_equal "$(cat "$path")" precious
	mv "$path.away" "$path"
	resume
	finish
}

# sysctl_for_now FILE VALUE COMMAND...
sysctl_for_now() {
	local file=/proc/sys/$1 value status=0
	read -r value <"$file"
	echo "$2" >"$file"
	"${@:3}" || status=$?
	echo "$value" >"$file"
	return $status
}

@test "inotify: what it watches is gone; more watches than the restarter may have" {
	start inotify watches
	save_kill
	mv "$job_dir/file" "$job_dir/away"
	fails_with ESTALE "inotify: watch [0-9]+, of $job_dir/file, cannot be added" "$job_image"
	run -1 mkcrimg check "$job_image"
	assert_output --partial "$job_dir/file: cannot be watched: No such file"
	mv "$job_dir/away" "$job_dir/file"
	run -0 sysctl_for_now fs/inotify/max_user_watches 2 "$progs/tryexec" "$job_image"
	assert_output ENOSPC
	resume
	finish
}

@test "locks: somebody else has locked what is only mapped" {
	local other
	start locks mapped
	save_kill
	exec {other}<"$job_dir/mapped"
	flock -sn "$other"
	run -0 "$progs/tryexec" "$job_image"
	assert_output EBUSY
	run -1 mkcrimg restart "$job_image"
	assert_output --partial "$job_dir/mapped: somebody else has locked it"
	run -0 mkcrimg check "$job_image"
	assert_output --partial "whether somebody else holds the job's file locks"
	# nothing of a failed restart holds one
	flock -xn "$other"
	exec {other}<&-
	resume
	finish
}

@test "leases: somebody else has the file open" {
	local other
	start leases write
	save_kill
	exec {other}<"$job_dir/plain"
	run -0 "$progs/tryexec" "$job_image"
	assert_output EBUSY
	run -0 "$progs/tryexec" "$job_image" pid=ns
	assert_output EBUSY
	run -1 mkcrimg restart "$job_image"
	assert_output --partial "$job_dir/plain: somebody else has it open, so its lease cannot be taken"
	run -0 mkcrimg check "$job_image"
	assert_output --partial 'not looked at: whether somebody else has files open on which the job has leases'
	exec {other}<&-
	resume
	finish
}

# Neither is on 6.1.
@test "memfds of a restarter who may execute none; in place: a pidfd of a thread of the leader" {
	local newer
	case $CR_RELEASE in 6.1.*) newer= ;; *) newer=1 ;; esac
	start memfd holes
	save_kill
	if [ -n "$newer" ]; then
		run -0 sysctl_for_now vm/memfd_noexec 2 "$progs/tryexec" "$job_image"
		assert_output EACCES
	fi
	resume
	finish
	start pidfds self
	save_kill
	if [ -n "$newer" ]; then
		until_true gone "$job_pid"
		fails_in_place EOPNOTSUPP "$job_pid"
	fi
	resume
	finish
}

# What is made of the leader's memory is not there in time; what is of other processes, and what is made when
# it is read, is.
@test "in place: files of /proc: the leader's memory, position, threads; everything else" {
	local what
	for what in texts parent thread; do
		start procfiles $what
		save_kill
		until_true gone "$job_pid"
		fails_in_place EOPNOTSUPP "$job_pid"
		resume
		finish
	done
	start procfiles dirs unread child global
	save_kill
	resume_in_place procfiles
	finish
}

# Another file system is in its place; the caller is in another pid namespace than it.
@test "files of /proc: no procfs is there, or another one" {
	start procfiles unread
	save_kill
	run -1 unshare --mount sh -c 'mount -t tmpfs none /proc && exec mkcrimg restart "$1" pid=keep' sh "$job_image"
	assert_output --partial '/proc: no procfs is there'
	run -1 unshare --mount sh -c 'mount -t tmpfs none /proc && exec mkcrimg check "$1"' sh "$job_image"
	assert_output --partial '/proc: no procfs is there'
	run -0 unshare --fork --pid "$progs/tryexec" "$job_image" pid=keep
	assert_output EOPNOTSUPP
	resume
	finish
}

@test "names of UNIX sockets: what is in use, or is no socket, stays" {
	start unixname names
	save_kill
	local path=$job_dir/path.sock name other list
	mv "$path" "$BATS_TEST_TMPDIR/left"
	for name in "$path" "@$job_dir/abstract"; do
		listen_at "$name"
		fails_with EADDRINUSE "${name#@}: .*somebody is bound to it" "$job_image"
		kill "$other"
		wait "$other" || :
		rm -f "$path"
	done
	echo precious >"$path"
	fails_with EEXIST "$path: .*no socket" "$job_image"
	assert_equal "$(cat "$path")" precious
	rm "$path"
	# it has been made when the next thing fails
	list=$(ls -AiR "$job_dir")
	until_true no_task_left
	"$progs/launch" "$job_pid" sleep 1000 3>&- &
	other=$!
	until_true test -e "/proc/$job_pid"
	run -0 "$progs/tryexec" "$job_image" pid=keep
	assert_output EBUSY
	unchanged "$list"
	kill "$(pgrep -P "$other")"
	wait "$other" || :
	mv "$job_dir" "$job_dir.away"
	fails_with ESTALE "$path: .*directory is gone" "$job_image"
	mv "$job_dir.away" "$job_dir"
	# nothing there, then what that job has left, then what another one has
	resume
	save_kill
	resume
	save_kill
	mv "$BATS_TEST_TMPDIR/left" "$path"
	resume
	finish
}

@test "the working directory is gone" {
	start files cwd
	save_kill
	mv "$job_dir/cwd" "$job_dir/elsewhere"
	fails_with ESTALE "$job_dir/cwd" "$job_image"
	touch "$job_dir/cwd"
	fails_with ESTALE "$job_dir/cwd" "$job_image"
	rm "$job_dir/cwd"
	mv "$job_dir/elsewhere" "$job_dir/cwd"
	resume
	finish
}

@test "another user: EPERM" {
	start hello
	save_kill
	chmod 755 "$job_image"
	chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/../.. "$BATS_TEST_TMPDIR"/..
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$progs/tryexec" "$job_image"
	assert_output EPERM
	resume
	finish
}

# nobody HOW COMMAND...: as a user who may choose ids. HOW: ambient; permitted: his capabilities would not
# survive an execve(); reset: with a policy that only the privileged get rid of
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +checkpoint_restore
	--ambient-caps +checkpoint_restore perl -MPOSIX -e '
	$how = shift;
	# prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL), sched_setscheduler(SCHED_RESET_ON_FORK)
	$how ne "permitted" or syscall(157, 47, 4, 0, 0, 0) == 0 or die $!;
	$priority = pack("i", 0);
	$how ne "reset" or syscall(144, 0, 0x40000000, $priority) == 0 or die $!;
	if ($ARGV[0] eq "job") {
		# what it could not open again
		POSIX::close($_) for 3 .. 255;
		setpriority(0, 0, 5);
		open(F, ">", "$ARGV[1]/ready") or die $!;
		close(F);
		select(undef, undef, undef, 0.05) until -e "$ARGV[1]/go";
		exit 7;
	}
	exec { $ARGV[0] } @ARGV or print $!{EPERM} ? "EPERM\n" : "$!\n"')

# its files are opened again as nobody
start_nobody() {
	job_dir=$BATS_TEST_TMPDIR/job$1 job_out=$BATS_TEST_TMPDIR/job.out
	chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/../.. "$BATS_TEST_TMPDIR"/..
	mkdir -m 777 "$job_dir"
	"${nobody[@]}" "$1" job "$job_dir" </dev/null >/dev/null 2>&1 3>&- &
	job_pid=$!
	until_true ready
	# old enough to be told from one that starts now
	sleep "${2:-0}"
	save_kill
	chmod 755 "$job_image"
}

# As many as sendmsg() allows without CAP_SYS_RESOURCE.
@test "an ordinary user: more descriptors in flight than he may open" {
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/../.. "$BATS_TEST_TMPDIR"/..
	mkdir -m 777 "$job_dir"
	install -m 666 /dev/null "$job_out"
	"${nobody[@]}" ambient bash -c 'exec 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec "$@"' bash "$progs/scmrights" "$job_dir" pipes \
		order </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	save_kill
	chmod 755 "$job_image"
	run -0 "${nobody[@]}" ambient prlimit --nofile=12: "$progs/tryexec" "$job_image"
	assert_output ETOOMANYREFS
	until_true no_task_left
	"${nobody[@]}" ambient "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	finish
}

@test "an ordinary user: a job that is nice; no privileges that execve() takes away" {
	start_nobody ambient
	"${nobody[@]}" ambient "$job_image" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	finish 7
	start_nobody permitted
	run -0 "${nobody[@]}" permitted "$job_image"
	assert_output EPERM
	until_true no_task_left
}

# started PID: when, in clock ticks since boot
started() {
	local stat
	read -r stat <"/proc/$1/stat"
	set -- ${stat##*) }
	echo "${20}"
}

@test "in place, an ordinary user: neither another start time nor a better scheduling policy" {
	local pid now
	# without capabilities: who may choose ids may choose that, too
	local plain=("${nobody[@]:0:6}" "${nobody[@]:10}")
	local nobody=("${plain[@]}")
	start_nobody ambient 10
	pid=$job_pid
	until_true gone "$pid"
	fails_in_place EPERM "$pid" "${nobody[@]}" reset
	read -r now _ </proc/uptime
	"$progs/launch" "$pid" "${nobody[@]}" ambient "$job_image" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	# its arguments are in its memory
	until_true grep -qa "$job_dir" "/proc/$pid/cmdline"
	[ "$(started "$pid")" -ge "${now%.*}00" ]
	finish 7
}

@test "in place, an ordinary user: priorities and limits that are not his" {
	local pid less
	start_nobody ambient
	pid=$job_pid
	until_true gone "$pid"
	# the caller is nicer than the job; his limits are lower; root alone lowers the score below root's choice
	for less in "nice -n 9" "prlimit --nofile=64:64" "choom -n 500 --"; do
		fails_in_place EPERM "$pid" $less "${nobody[@]}" ambient
		run -1 $less "${nobody[@]}" ambient "$CR_TOP/build/mkcrimg" check "$job_image"
		assert_output --regexp 'priority 5, |limit 7 is above|oom_score_adj 0 is below'
	done
	run -0 "${nobody[@]}" ambient "$CR_TOP/build/mkcrimg" check "$job_image"
	"$progs/launch" "$pid" "${nobody[@]}" ambient "$job_image" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true grep -qa "$job_dir" "/proc/$pid/cmdline"
	finish 7
}

@test "in place: what the leader's threads ask prctl() for" {
	start limits bits own affinity
	save_kill
	pid=$job_pid
	until_true gone "$pid"
	# a bit that is locked
	fails_in_place EPERM "$pid" setpriv --securebits +no_setuid_fixup,+no_setuid_fixup_locked,+keep_caps_locked
	resume_in_place limits
	finish
}

@test "a UNIX socket's path that not even its owner may connect to" {
	# what the rights of root would allow
	local less=(setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all)
	mkdir "$BATS_TEST_TMPDIR/less"
	printf '%s\n' '#!/bin/bash' "exec ${less[*]} '$progs/unixname' \"\$@\"" >"$BATS_TEST_TMPDIR/less/unixname"
	chmod +x "$BATS_TEST_TMPDIR/less/unixname"
	progs=$BATS_TEST_TMPDIR/less start unixname names
	save_kill
	# whether somebody is bound to it cannot be seen
	run -0 "${less[@]}" "$progs/tryexec" "$job_image"
	assert_output EACCES
	rm "$job_dir/path.sock"
	"${less[@]}" mkcrimg restart "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	finish
}

@test "pseudo-terminals: a number that is taken, and one above others that are free" {
	local holder held=$BATS_TEST_TMPDIR/held
	python3 -c 'import os, sys, time; p = [os.openpty() for i in range(3)]; open(sys.argv[1], "w"); time.sleep(1000)' \
		"$held" 3>&- &
	holder=$!
	until_true test -e "$held"
	start ptys raw lines
	kill "$holder"
	wait "$holder" || :
	save
	fails_with EBUSY 'pseudo-terminal [0-9]+ is taken' "$job_image"
	save_kill
	resume
	finish
}

# limited NAME FILE=VALUE... -- COMMAND...: it runs in a cgroup of its own
limited() {
	local cgroup=/sys/fs/cgroup/cr-$1
	shift
	mkdir "$cgroup"
	while [ "$1" != -- ]; do
		echo "${1#*=}" >"$cgroup/${1%%=*}" || return
		shift
	done
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cgroup" "${@:2}"
}

@test "limits: too few processes, too little memory" {
	start tree wide
	save_kill
	until_true no_task_left
	# the limit of processes does not hold for root; that of a cgroup does
	echo +pids >/sys/fs/cgroup/cgroup.subtree_control
	run -0 limited tasks pids.max=100 -- "$progs/tryexec" "$job_image"
	assert_output EAGAIN
	until_true no_task_left
	until_true rmdir /sys/fs/cgroup/cr-tasks
	resume
	finish
	start memory big
	save_kill
	# enough for the caller
	run -0 bash -c 'ulimit -Sv 65536; exec "$@"' bash "$progs/tryexec" "$job_image"
	assert_output ENOMEM
	until_true no_task_left
	run -1 bash -c 'ulimit -Sv 65536; exec mkcrimg restart "$1"' bash "$job_image"
	assert_output --regexp 'mapping|memory|Cannot allocate'
	resume
	finish
}

@test "mlockall(MCL_FUTURE): a restarter who may not lock memory" {
	local pid drop=(setpriv --bounding-set -ipc_lock --inh-caps -all)
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec %s %s/mmflags "$@"\n' "${drop[*]}" "$progs" >"$BATS_TEST_TMPDIR/bin/mmflags"
	chmod 755 "$BATS_TEST_TMPDIR/bin/mmflags"
	progs=$BATS_TEST_TMPDIR/bin start mmflags future
	pid=$job_pid
	save_kill
	run -0 prlimit --memlock=0: "${drop[@]}" "$progs/tryexec" "$job_image"
	assert_output EPERM
	run -1 prlimit --memlock=0: "${drop[@]}" mkcrimg restart "$job_image"
	assert_output --regexp 'mlockall\(MCL_FUTURE\) fails|mlock\(\) fails'
	fails_in_place EPERM "$pid" prlimit --memlock=0: "${drop[@]}"
	# with a limit, and no privilege
	"${drop[@]}" env "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	finish
}

# Threads are made when the caller cannot go back any more: what is left to say is that it ends.
@test "in place: the limit of tasks is reached by a thread: the caller dies, nothing is left" {
	local pid
	start limits threads
	save_kill
	pid=$job_pid
	until_true gone "$pid"
	echo +pids >/sys/fs/cgroup/cgroup.subtree_control
	# the launcher, the caller, and who restores the caller's memory; then two threads
	run -137 limited threads pids.max=3 -- "$progs/launch" "$pid" "$progs/tryexec" -1 "$job_image"
	until_true no_task_left
	assert_equal "$(awk '$1 == "max" { print ($2 > 0) }' /sys/fs/cgroup/cr-threads/pids.events)" 1
	until_true rmdir /sys/fs/cgroup/cr-threads
	run dmesg
	assert_output --partial "process could not be created"
	resume_in_place limits
	finish
}

# building: process $pid is inside the execve() of the image, and tasks of the job are there already
building() {
	local children=
	[ ! "/proc/$pid/exe" -ef "$job_image" ] &&
		{ read -r children <"/proc/$pid/task/$pid/children"; } 2>/dev/null
	[ -n "$children" ]
}

# begun: that, or it is over already, when we come too late to see it
begun() { building || resumed; }

# Microseconds since the epoch
now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# killed_half_way OPTION: again and again, at times that are spread over what the building takes: five times, and
# until two of them were in time
killed_half_way() {
	local pid begin took n rest tries=0 hits=0
	"$job_image" "$1" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$! pid=$!
	until_true begun
	begin=$(now_us)
	until_true resumed
	took=$(($(now_us) - begin))
	kill -9 "$job_pid"
	expect_status 137
	until_true no_task_left
	for n in {,,,}{0,2,4,6,8}; do
		[ $tries -lt 5 ] || [ $hits -lt 2 ] || break
		tries=$((tries + 1))
		"$job_image" "$1" </dev/null >>"$job_out" 2>&1 3>&- &
		job_pid=$! pid=$!
		until_true begun
		printf -v rest '%d.%06d' $((took * n / 10 / 1000000)) $((took * n / 10 % 1000000))
		read -rt "$rest" <>"$BATS_TEST_TMPDIR/nap" || :
		! building || hits=$((hits + 1))
		kill -9 $pid
		wait $pid || :
		until_true no_task_left
	done
	echo "$1: built in $took us, killed $hits times of $tries while it was" >&2
	[ $hits -ge 2 ]
}

@test "a restart that is killed half-way leaves nothing" {
	local list
	start memory big
	save_kill
	list=$(ls -AiR "$job_dir")
	killed_half_way pid=keep
	killed_half_way pid=ns
	unchanged "$list"
	resume
	finish
}

# Its processes go without a word to those that share a file with the one that runs.
@test "a restart that fails does not release a robust mutex in a file" {
	start robust
	save
	rmdir "$job_dir/cwd"
	run -0 "$progs/tryexec" "$job_image" pid=ns
	assert_output ESTALE
	finish
}

# A job of an ordinary user with a file, and in a directory, that no name leads to any more
start_nameless() {
	job_dir=$1/job job_out=$BATS_TEST_TMPDIR/nameless.out
	chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/../.. "$BATS_TEST_TMPDIR"/..
	mkdir -m 777 "$job_dir"
	"${nobody[@]}" ambient /usr/bin/perl -MPOSIX -MIO::Handle -e '
		$dir = shift;
		# what it could not open again
		POSIX::close($_) for 3 .. 255;
		mkdir("$dir/cwd") && chdir("$dir/cwd") && rmdir("$dir/cwd") or die "cwd: $!";
		open($u, "+>", "$dir/unlinked") && unlink("$dir/unlinked") or die "unlinked: $!";
		print $u "x" x 300000;
		$u->flush;
		open(F, ">", "$dir/ready") or die $!;
		close(F);
		select(undef, undef, undef, 0.05) until -e "$dir/go";
		seek($u, 0, 0);
		exit(join("", <$u>) eq "x" x 300000 && readlink("/proc/self/cwd") =~ / \(deleted\)$/ ? 7 : 1)' \
		"$job_dir" </dev/null >/dev/null 2>&1 3>&- &
	job_pid=$!
	until_true ready
	: >"$job_out"
	save_kill
	chmod 755 "$job_image"
}

# leaves_no_file DIRECTORY
leaves_no_file() {
	local list
	start_nameless "$1"
	# its file is in the list, even if nothing had to be waited for until now
	nap
	list=$(ls -AiR "$1")
	touch -d 2020-01-01 "$job_dir"
	# limits come last
	run -0 prlimit --nofile=64:64 "${nobody[@]}" ambient "$progs/tryexec" "$job_image"
	assert_output EPERM
	# both had been made there, and are gone
	[ "$(stat -c %Y "$job_dir")" -gt "$(date -d 2020-02-01 +%s)" ]
	unchanged "$list" "$1"
	"${nobody[@]}" ambient "$job_image" </dev/null >/dev/null 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	unchanged "$list" "$1"
	finish 7
}

@test "a restart that fails leaves no file of those that have no name" {
	leaves_no_file "$BATS_TEST_TMPDIR"
}

# make_vfat FILE: a FAT16 of 64 MiB: boot sector, two tables of 128 sectors, an empty root
make_vfat() {
	local sector parameters
	parameters='\000\002\004\001\000\002\000\002\000\000\370\200\000\040\000\100\000\000\000\000\000\000\000\002\000'
	truncate -s 64M "$1"
	printf "\353\074\220MSDOS5.0$parameters"'\200\000\051\001\002\003\004NO NAME    FAT16   ' |
		dd of="$1" conv=notrunc status=none
	printf '\125\252' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
	for sector in 1 129; do
		printf '\370\377\377\377' | dd of="$1" bs=512 seek=$sector conv=notrunc status=none
	done
}

# Such a file has a name there for a moment.
@test "a restart that fails leaves no file on a file system without O_TMPFILE" {
	local mnt=$BATS_TEST_TMPDIR/mnt
	modprobe -a loop vfat nls_cp437 nls_iso8859-1 nls_utf8 nls_ascii
	make_vfat "$BATS_TEST_TMPDIR/disk"
	mkdir "$mnt"
	mount -t vfat -o loop,uid=65534,gid=65534,codepage=437,iocharset=iso8859-1 "$BATS_TEST_TMPDIR/disk" "$mnt"
	mkdir "$mnt/dir"
	run perl -MFcntl -e 'sysopen(F, shift, 020200000 | O_RDWR) or print $!{EOPNOTSUPP} ? "EOPNOTSUPP" : $!' "$mnt/dir"
	assert_output EOPNOTSUPP
	leaves_no_file "$mnt/dir"
	until_true umount "$mnt"
}
