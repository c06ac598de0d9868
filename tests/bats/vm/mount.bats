#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# mkcrimg mount: what a mounted image shows of a job is what /proc has shown of it while it lived.

load helper

local_setup() {
	[ -e /dev/fuse ] || modprobe fuse 2>/dev/null || skip 'left out: this kernel has no FUSE'
	mkcrimg --help | grep -q '^  mount ' || skip 'left out: built without libfuse3'
	dir=$BATS_TEST_TMPDIR/mounted
	mkdir "$dir"
}

local_teardown() {
	! mountpoint -q "$dir" || umount "$dir"
}

# mount_image [IMAGE]: and nothing of this shell is held by the server
mount_image() {
	mkcrimg mount "${1:-$job_image}" "$dir" 3>&-
	mountpoint -q "$dir"
}

# The pids of the job
job_pids() {
	local below=("$job_pid")
	note_below "$job_pid"
	echo "${below[@]}"
}

# Mappings without device and inode, which a file that has no name any more has only while it is there, and on an
# overlay differ from those that stat() tells; without the page that every process has
same_columns() {
	sed -E '/\[vsyscall\]$/d; s/^([^ ]+ [^ ]+ [^ ]+) [^ ]+ [0-9]+ */\1 /' "$1"
}

# What comes and goes, and what the image says in its own way
steady() { grep -vE '^(State|VmHWM|VmPeak|.*ctxt_switches|SigQ):' "$1"; }

# note_proc DIR PID: what /proc shows
note_proc() {
	local to=$1/$2 file
	mkdir -p "$to"
	for file in maps cmdline environ auxv comm limits status coredump_filter oom_score_adj; do
		cat "/proc/$2/$file" >"$to/$file"
	done
	links "/proc/$2" >"$to/links"
	ls "/proc/$2/task" >"$to/task"
}

# Where all links below a process lead, and who may do what with them
links() {
	local fd
	for fd in exe cwd root; do echo "$fd $(readlink "$1/$fd")"; done
	for fd in $(ls "$1/fd" | sort -n); do
		echo "$fd $(stat -c %A "$1/fd/$fd") $(readlink "$1/fd/$fd")"
	done
}

# same_as_noted DIR PID: what is mounted shows the same
same_as_noted() {
	local noted=$1/$2 now=$dir/$2 file
	for file in cmdline environ auxv comm limits coredump_filter oom_score_adj; do
		cmp "$noted/$file" "$now/$file"
	done
	diff <(same_columns "$noted/maps") <(same_columns "$now/maps")
	diff "$noted/links" <(links "$now")
	diff "$noted/task" <(ls "$now/task")
	# of the status some lines, all of which were there
	run -0 steady "$now/status"
	[ ${#lines[@]} -ge 18 ]
	run ! grep -vxFf "$noted/status" <(steady "$now/status")
	assert_no_output
}

@test "maps, command line, environment, links, status: as in /proc" {
	local program pid pids
	for program in debug rich; do
		start $program
		pids=$(job_pids)
		for pid in $pids; do
			in_state "$pid" Z || note_proc "$BATS_TEST_TMPDIR/$program" "$pid"
		done
		save_kill
		mount_image
		[ "$(ls "$dir" | sort)" = "$(printf '%s\n' $pids | sort)" ]
		for pid in $(ls "$BATS_TEST_TMPDIR/$program"); do
			same_as_noted "$BATS_TEST_TMPDIR/$program" "$pid"
		done
		umount "$dir"
		rm -r "$job_dir"
	done
	# what rich has made
	ipcrm --all
}

@test "gdb on the core of a mounted image: threads, globals, a child" {
	start debug
	local child
	child=$(job_pids)
	child=${child#* }
	local leader=$job_pid
	save_kill
	mount_image
	run -0 gdb -nx -batch -q -ex 'thread apply all backtrace' -ex 'p debug_global' -ex 'p debug_large[4000000]' \
		-iex 'set auto-load safe-path /' "$progs/debug" "$dir/$leader/core"
	[ "$(grep -cE ' prog_wait \(' <<<"$output")" = 4 ]
	assert_output --partial '$1 = 815'
	assert_output --partial "\$2 = $((4000000 * 7 / 32 % 256))"
	run -0 gdb -nx -batch -q -ex 'p debug_global' "$progs/debug" "$dir/$child/core"
	assert_output --partial '$1 = 99'
	run -0 mkcrimg core -p "$child" -o "$BATS_TEST_TMPDIR/core" "$job_image"
	cmp "$BATS_TEST_TMPDIR/core" "$dir/$child/core"
}

# memory PROC >FILE: all mappings that are read, and not written: address, length, hash
memory() {
	python3 - "$1" <<-'END'
		import hashlib, os, sys
		mem = os.open(sys.argv[1] + '/mem', os.O_RDONLY)
		for line in open(sys.argv[1] + '/maps'):
		    start, end = (int(x, 16) for x in line.split()[0].split('-'))
		    if not line.split()[1].startswith('r-') or 'vvar' in line or 'vsyscall' in line:
		        continue
		    data = b''
		    while len(data) < end - start:
		        data += os.pread(mem, end - start - len(data), start + len(data))
		    print(hex(start), len(data), hashlib.sha256(data).hexdigest())
	END
}

@test "mem: the bytes that /proc has shown, of files and of its own" {
	start debug
	local leader=$job_pid
	memory "/proc/$leader" >"$BATS_TEST_TMPDIR/before"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/before")" -ge 10 ]
	save_kill
	mount_image
	memory "$dir/$leader" >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "a mapped file that has become a link into the mount: an error, and nobody waits for himself" {
	local leader program
	cp "$progs/debug" "$BATS_TEST_TMPDIR/debug"
	program=$BATS_TEST_TMPDIR/debug
	progs=$BATS_TEST_TMPDIR start debug
	leader=$job_pid
	save_kill
	mount_image
	rm "$program"
	ln -s "$dir/$leader/mem" "$program"
	run -1 timeout 60 cat "$dir/$leader/core"
	run -0 timeout 60 cat "$dir/$leader/comm"
	assert_output debug
	umount "$dir"
	# likewise if it has been one before
	mount_image
	run -0 timeout 60 python3 -c "
import os, sys
mem = os.open(sys.argv[1] + '/mem', os.O_RDONLY)
start = int(open(sys.argv[1] + '/maps').readline().split('-')[0], 16)
try:
    os.pread(mem, 8, start)
except OSError as e:
    print(e.errno)" "$dir/$leader"
	assert_output 5
	rm "$program"
}
