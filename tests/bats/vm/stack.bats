#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Where the threads of a job stand (mkcrimg stack), and what has changed in it from one image to the other
# (mkcrimg diff). Jobs: tests/progs/debug.c and rich.c, and a script that does what is looked for.

load helper

# So many lines match
count() {
	assert_equal "$2: $(grep -cE "$2" <<<"$3")" "$2: $1"
}

# calls PID: "TID 412", "#0 0x... name" of what eu-stack says of its core
calls_of_core() {
	mkcrimg core -p "$1" -o "$BATS_TEST_TMPDIR/core" "$job_image"
	eu-stack --raw --core="$BATS_TEST_TMPDIR/core" | sed -nE 's/^TID ([0-9]+):.*/TID \1/p;
		s/^(#[0-9]+) +(0x[0-9a-f]+) *(- 1)? *([^ ]*).*/\1 \2 \4/p'
}

calls() {
	mkcrimg stack -p "$1" "$job_image" | sed -nE 's/^TID ([0-9]+) .*/TID \1/p;
		s/^(#[0-9]+) +(0x[0-9a-f]+) (\?|([^ +]*)\+0x[0-9a-f]+) - .*/\1 \2 \4/p'
}

# start_copy [OPTION...]: debug as a program that only this job uses, saved with these options
start_copy() {
	copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy"
	cp "$progs/debug" "$copy/"
	progs=$copy start debug
	save --kill "$@"
	expect_status 137
	until_true no_task_left
}

@test "stack: all threads of all processes, with symbols, sources and system calls" {
	local own=$BATS_TEST_TMPDIR/own
	# lines are those of a file of one's own: the host's may be somebody else's here
	mkdir "$own"
	cp "$progs/debug" "$own/"
	progs=$own start debug
	save_kill
	run -0 --separate-stderr mkcrimg stack "$job_image"
	assert_equal "$stderr" ''
	count 2 "^PID [0-9]+ debug - $own/debug\$" "$output"
	count 5 '^TID [0-9]+ debug: ' "$output"
	# they sleep nearly all the time
	assert_output --regexp 'TID [0-9]+ debug: (in|returns from) (clock_nanosleep|restart_syscall)'
	count 5 "^#.* prog_wait\+0x[0-9a-f]+ - $own/debug  .*/prog.h:[0-9]+\$" "$output"
	count 3 '^#.* debug_thread\+0x' "$output"
	count 1 '^#.* debug_child\+0x' "$output"
	count 2 '^#.* main\+0x' "$output"
	# 5 calls down in both processes, 1, 2 and 3 in the threads
	count 21 '^#.* wait_below\+0x.*/debug.c:[0-9]+$' "$output"
	count 5 '^#0 ' "$output"
}

@test "stack finds the calls that eu-stack finds in a core" {
	local pid
	start debug
	save_kill
	for pid in $(mkcrimg stack "$job_image" | sed -n 's/^PID \([0-9]*\) .*/\1/p'); do
		calls "$pid" >"$BATS_TEST_TMPDIR/ours"
		calls_of_core "$pid" >"$BATS_TEST_TMPDIR/theirs"
		[ -s "$BATS_TEST_TMPDIR/ours" ]
		run -0 diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
	done
}

@test "stack -b: executable files with their build-ids, the vdso, too" {
	local id
	start debug
	save_kill
	id=$(readelf -n "$progs/debug" | sed -n 's/.*Build ID: //p')
	run -0 mkcrimg stack -b "$job_image"
	count 2 "^    [0-9a-f]+-[0-9a-f]+ $id - $progs/debug\$" "$output"
	count 2 '^    [0-9a-f]+-[0-9a-f]+ [0-9a-f]{40} - /.*/libc\.so\.6$' "$output"
	count 2 '^    [0-9a-f]+-[0-9a-f]+ [0-9a-f]{40} - \[vdso\]$' "$output"
}

@test "stack: a file that is not what it was is named, and not believed" {
	start_copy
	run -0 mkcrimg stack "$job_image"
	count 5 "prog_wait\+0x[0-9a-f]+ - $copy/debug  " "$output"
	touch "$copy/debug"
	run -0 mkcrimg stack "$job_image"
	count 0 'prog_wait' "$output"
	[ "$(grep -cE "^#.* \? - $copy/debug \(has changed since\)$" <<<"$output")" -ge 5 ]
	rm "$copy/debug"
	run -0 mkcrimg stack -b "$job_image"
	count 2 "no build-id - $copy/debug \(not there\)\$" "$output"
	# what is there is told all the same
	count 5 '^#0 ' "$output"
	assert_output --regexp '#0 .* - /.*/libc\.so\.6'
}

@test "stack: the copy of a file that the image carries is as good" {
	start_copy --with-files
	rm "$copy/debug"
	run -0 mkcrimg stack -b "$job_image"
	count 5 "prog_wait\+0x[0-9a-f]+ - $copy/debug" "$output"
	count 0 'not there' "$output"
}

@test "stack: a zombie; stopped processes" {
	start rich
	kill -STOP "$job_pid"
	until_true in_state "$job_pid" T
	save_kill
	run -0 mkcrimg stack "$job_image"
	count 1 '^PID [0-9]+ rich: zombie$' "$output"
	count 1 "^PID $job_pid rich - .*: stopped by SIGSTOP\$" "$output"
	count 3 '^TID ' "$output"
	# what rich has made
	ipcrm --all
}

# A script that waits for $job_dir/go, changes what the test knows, and makes $job_dir/done
start_changing() {
	new_job
	cat >"$BATS_TEST_TMPDIR/changing" <<-'EOF'
		import mmap, os, sys, threading, time
		os.chdir(sys.argv[1])
		def until(name):
		    while not os.path.exists(name):
		        time.sleep(0.05)
		def forever():
		    while True:
		        time.sleep(0.05)
		def at(number, fd):
		    os.dup2(fd, number)
		    os.close(fd)
		    return number
		log = at(40, os.open('log', os.O_RDWR | os.O_CREAT))
		at(41, os.open('/dev/null', os.O_RDONLY))
		os.write(log, b'one')
		with open('data', 'wb') as f:
		    f.write(b'd' * 65536)
		f = os.open('data', os.O_RDONLY)
		own = mmap.mmap(f, 65536, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
		shared = mmap.mmap(-1, 65536)
		own[0] = shared[0] = 1
		open('ready', 'w').close()
		until('go')
		os.write(log, b'four')
		os.close(41)
		os.dup2(log, 42)
		own[100:102] = b'xy'
		own[5 * 4096] = 7
		shared[4096] = 8
		os.umask(0o77)
		if not os.fork():
		    forever()
		threading.Thread(target=forever).start()
		open('done', 'w').close()
		forever()
	EOF
	run_job python3 "$BATS_TEST_TMPDIR/changing" "$job_dir"
}

@test "diff: descriptors, memory, tasks; before and after a restart" {
	local a=$BATS_TEST_TMPDIR/a.crimg b=$BATS_TEST_TMPDIR/b.crimg dir pid
	start_changing
	dir=$job_dir
	pid=$job_pid
	save
	mv "$job_image" "$a"
	run -0 mkcrimg diff "$a" "$a"
	: >"$job_dir/go"
	until_true [ -e "$job_dir/done" ]
	save_kill
	mv "$job_image" "$b"
	run -1 --separate-stderr mkcrimg diff "$a" "$b"
	assert_equal "$stderr" ''
	assert_line --index 0 --regexp "^$a, $b: the same job, [0-9.]+ s later\$"
	assert_line --regexp "^pid $pid \(python3\): fd 40 \($dir/log\): pos: 3, now 7\$"
	assert_line --regexp "^pid $pid \(python3\): fd 40 \($dir/log\): size: 3, now 7\$"
	assert_line "pid $pid (python3): fd 41 (/dev/null): gone"
	assert_line "pid $pid (python3): fd 42 ($dir/log): new"
	assert_line --regexp "^pid $pid .*: mapping [0-9a-f-]+ $dir/data: pages: 1 changed in 2 bytes, 1 new\$"
	assert_line --regexp "^pid $pid .*: mapping [0-9a-f-]+ /dev/zero \(deleted\): object: pages: 1 new\$"
	assert_line --regexp "^pid $pid .*: directories: umask: 0[0-7]*, now 077\$"
	assert_line --regexp "^pid $pid .*: tid [0-9]+ \(python3\): new\$"
	count 1 '^pid [0-9]+ \(python3\): new$' "$output"
	# what it has not touched
	refute_output --partial ' fd 0 '
	# the other way round
	run -1 mkcrimg diff "$b" "$a"
	assert_line --index 0 --regexp ' s earlier$'
	assert_line "pid $pid (python3): fd 41 (/dev/null): new"
	count 1 '^pid [0-9]+ \(python3\): gone$' "$output"
	# the job that is restarted has the same objects, with other numbers of inodes
	job_image=$b
	resume
	save_kill
	run -1 mkcrimg diff "$b" "$job_image"
	refute_output --regexp '(pid|tid) [0-9]+ \(python3\): (new|gone)'
	refute_output --partial 'shared with others'
	refute_output --regexp 'fd 4[0-9] \('
}

@test "diff --json says the same" {
	start_changing
	save
	mv "$job_image" "$BATS_TEST_TMPDIR/a.crimg"
	: >"$job_dir/go"
	until_true [ -e "$job_dir/done" ]
	save_kill
	run -1 mkcrimg diff --json "$BATS_TEST_TMPDIR/a.crimg" "$job_image"
	run -0 python3 -c "
import json, sys
d = json.load(sys.stdin)
print(d['job'], d['between_ns'] > 0)
for c in d['changes']:
    if 'fd 4' in c['where'] or 'data' in c['where']:
        print(c['where'].split(': ')[1].split()[1], c['what'], c.get('field'), c.get('was'), c.get('now'), c.get('bytes'))
" <<<"$output"
	assert_line --index 0 'same True'
	assert_line '40 changed pos 3 7 None'
	assert_line '41 gone None None None None'
	assert_line '42 new None None None None'
	assert_line --regexp ' pages None None None 2$'
}
