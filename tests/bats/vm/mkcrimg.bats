#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The tool with the kernel module: what becomes of the job and of the files when all goes well, and when
# it does not.

load helper

local_setup() {
	dir=$BATS_TEST_TMPDIR/images
	mkdir "$dir"
	cd "$dir"
}

local_teardown() {
	cd /
	for mnt in small mnt; do
		! mountpoint -q "$BATS_TEST_TMPDIR/$mnt" || until_true umount "$BATS_TEST_TMPDIR/$mnt"
	done
}

# State letter of a process
state() {
	local stat
	read -r stat <"/proc/$1/stat"
	stat=${stat##*) }
	echo "${stat%% *}"
}

is_stopped() { [ "$(state "$1")" = T ]; }

# Exactly these names are in the directory
names() {
	assert_equal "$(ls -A "$dir" | tr '\n' ' ')" "${*:+$* }"
}

# Standard error is one line about this
one_line() {
	assert_equal "${#stderr_lines[@]}" 1
	[[ "${stderr_lines[0]}" == "mkcrimg: "*"$1"* ]] || { echo "$stderr"; false; }
}

@test "save: the default name, a summary, for the owner only" {
	start hello
	run -0 --separate-stderr mkcrimg save "$job_pid"
	assert_output --regexp "^hello\.$job_pid\.crimg: 1 process, 1 thread, [0-9.]+ KiB of memory in [0-9.]+ KiB, stopped for [0-9]+ ms\$"
	[ -z "$stderr" ]
	names "hello.$job_pid.crimg"
	assert_equal "$(stat -c %a hello.*)" 700
	finish
}

@test "save -q -o over an older image, and over a symbolic link" {
	start hello
	echo old >file
	ln -s file link
	run -0 mkcrimg save -q -o link "$job_pid"
	assert_output ''
	assert_equal "$(cat file)" old
	[ ! -L link ]
	run -0 mkcrimg save -q -o file "$job_pid"
	run -0 mkcrimg check file
	names file link
	finish
}

@test "save --stop, then SIGCONT" {
	start threads
	run -0 mkcrimg save -q --stop -o a.crimg "$job_pid"
	until_true is_stopped "$job_pid"
	kill -CONT "$job_pid"
	finish
}

@test "a full disk: the error is told, the old image stays, the job runs on" {
	start memory
	mkdir "$BATS_TEST_TMPDIR/small"
	mount -t tmpfs -o size=64k tmpfs "$BATS_TEST_TMPDIR/small"
	echo old >"$BATS_TEST_TMPDIR/small/a.crimg"
	for option in '' --kill --stop; do
		run -1 --separate-stderr mkcrimg save $option -o "$BATS_TEST_TMPDIR/small/a.crimg" "$job_pid"
		one_line 'No space left'
		assert_equal "$(ls -A "$BATS_TEST_TMPDIR/small")" a.crimg
		assert_equal "$(cat "$BATS_TEST_TMPDIR/small/a.crimg")" old
		! is_stopped "$job_pid"
	done
	finish
}

@test "a directory that cannot be written to, or is not there" {
	start hello
	run -1 --separate-stderr mkcrimg save -o "$dir/missing/a.crimg" "$job_pid"
	one_line 'No such file or directory'
	run -1 --separate-stderr mkcrimg save -o /proc/a.crimg "$job_pid"
	one_line '/proc/a.crimg'
	run -1 --separate-stderr mkcrimg save -o "$dir" "$job_pid"
	one_line 'no regular file'
	names
	finish
}

# writing PID: a saver has written a part of the image, or is gone
writing() {
	gone_or_zombie "$1" ||
		[ -n "$(find -L "/proc/$1/fd" -maxdepth 1 -type f -size +64k 2>/dev/null)" ]
}

# killed_save SIGNAL WHEN [OPTION...]: a saver of the job, over "old" in a.crimg, gets a signal: after WHEN
# seconds, or in the middle of the image. Its status; what it leaves is whole or old, and nothing else.
killed_save() {
	echo old >a.crimg
	# job control, so that SIGINT is not ignored
	(
		set -m
		mkcrimg save -q -o a.crimg "${@:3}" "$job_pid" 3>&- &
		if [ "$2" = mid ]; then until_true writing $!; else sleep "$2"; fi
		kill "-$1" $! 2>/dev/null || :
		wait $!
	) >/dev/null 2>&1 || return $?
}

@test "a saver that is interrupted or killed at any moment: old image and job, or all that was asked for" {
	local status whole killed=0
	start memory big
	for option in '' --kill --stop; do
		for sig in INT TERM KILL; do
			for when in 0.1 mid; do
				status=0
				killed_save $sig $when $option || status=$?
				names a.crimg
				whole=
				if [ "$(head -c 4 a.crimg)" != old ]; then
					run -0 mkcrimg check a.crimg
					whole=1
				fi
				# the one who could have let it go in another way is gone
				if gone_or_zombie "$job_pid" || is_stopped "$job_pid"; then
					echo "# $option, SIG$sig, $when: job is $(state "$job_pid"), image ${whole:-not} whole"
					[ -n "$option$whole" ]
					[ -n "$whole" ]
				fi
				[ $status -le 128 ] || [ $when != mid ] || [ -n "$whole" ] || killed=$((killed + 1))
				if [ -z "$whole" ]; then
					[ $status != 0 ]
				elif [ "$option" = --stop ]; then
					kill -CONT "$job_pid"
				elif [ "$option" = --kill ]; then
					# or it is about to
					kill -KILL "$job_pid" 2>/dev/null || :
					expect_status 137
					start memory big
				fi
			done
		done
	done
	echo "# $killed of 9 savers were killed in the middle"
	[ $killed -ge 5 ]
	# what goes wrong would be noticed
	run -0 mkcrimg save -q -o a.crimg "$job_pid"
	finish
}

# crash DIRECTORY: what its ext4 has not written to the disk by now is lost
crash() {
	# EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
	python3 -c 'import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))' "$1"
	until_true umount "$1"
}

@test "an image is on the disk when its saver says so: the machine crashes" {
	local mnt=$BATS_TEST_TMPDIR/mnt disk=$BATS_TEST_TMPDIR/disk
	mkdir "$mnt"
	truncate -s 64M "$disk"
	modprobe loop
	modprobe ext4
	mkfs.ext4 -q "$disk"
	# nothing gets there by itself in time
	mount -o loop,commit=600 "$disk" "$mnt"
	start hello
	run -0 mkcrimg save -q -o "$mnt/a.crimg" "$job_pid"
	echo lost >"$mnt/lost"
	crash "$mnt"
	mount -o loop,commit=600 "$disk" "$mnt"
	[ ! -s "$mnt/lost" ]
	run -0 mkcrimg check "$mnt/a.crimg"
	# in place of the older one, and the job is gone
	cp "$mnt/a.crimg" older
	job_image=$mnt/a.crimg
	run -0 mkcrimg save -q --kill -o "$job_image" "$job_pid"
	expect_status 137
	crash "$mnt"
	mount -o loop,commit=600 "$disk" "$mnt"
	run ! cmp -s older "$job_image"
	run -0 mkcrimg check "$job_image"
	resume
	finish
}

# mkfs_vfat FILE: an empty FAT16 file system of 128 MiB, which has no O_TMPFILE
mkfs_vfat() {
	python3 - "$1" <<-'END'
		import struct, sys
		SECTOR, CLUSTER, FAT, SECTORS = 512, 8, 128, 262144
		boot = struct.pack('<3s8sHBHBHHBHHHIIBBBI11s8s', b'\xeb\x3c\x90', b'cr-test ', SECTOR, CLUSTER, 1, 2, 512,
		                   0, 0xf8, FAT, 32, 2, 0, SECTORS, 0x80, 0, 0x29, 1, b'CR-TEST    ', b'FAT16   ')
		with open(sys.argv[1], 'wb') as f:
		    f.write(boot.ljust(510, b'\0') + b'\x55\xaa')
		    for copy in range(2):
		        f.seek((1 + copy * FAT) * SECTOR)
		        f.write(b'\xf8\xff\xff\xff')
		    f.truncate(SECTORS * SECTOR)
	END
}

# hidden DIRECTORY PID: a saver has written a part of the image there, or is gone
hidden() {
	gone_or_zombie "$2" || find "$1" -name '.crimg.*' -size +64k | grep -q .
}

@test "a file system without O_TMPFILE: a hidden name, and what a killed saver leaves of it" {
	local mnt=$BATS_TEST_TMPDIR/mnt saver try status
	[[ "$CR_RELEASE" != *-crdebug ]] || skip 'the debug kernel is built without VFAT'
	mkdir "$mnt"
	mkfs_vfat "$BATS_TEST_TMPDIR/disk"
	modprobe loop
	modprobe vfat
	mount -t vfat -o loop,umask=077 "$BATS_TEST_TMPDIR/disk" "$mnt"
	start memory big
	for sig in TERM KILL; do
		# once more for each that was done before we came to it
		for try in {1..10}; do
			echo old >"$mnt/a.crimg"
			mkcrimg save -q -o "$mnt/a.crimg" "$job_pid" 3>&- &
			saver=$! status=0
			until_true hidden "$mnt" $saver
			kill -$sig $saver 2>/dev/null || :
			wait $saver || status=$?
			[ "$(head -c 4 "$mnt/a.crimg")" != old ] || break
		done
		assert_equal $status $((128 + $(kill -l $sig)))
		assert_equal "$(cat "$mnt/a.crimg")" old
		alive
		[ $sig = KILL ] || assert_equal "$(ls -A "$mnt")" a.crimg
	done
	run -0 ls -A "$mnt"
	assert_line ".crimg.$saver.0"
	run -0 mkcrimg save -q -o "$mnt/a.crimg" "$job_pid"
	assert_equal "$(ls -A "$mnt")" a.crimg
	run -0 mkcrimg check "$mnt/a.crimg"
	finish
}

@test "two savers of one job at once: each has it, or is told that it is busy" {
	local pids=() status busy=0
	start memory
	for i in 1 2 3 4; do
		mkcrimg save -q -o $i.crimg "$job_pid" 2>$i.err 3>&- &
		pids+=($!)
	done
	for i in 1 2 3 4; do
		status=0
		wait "${pids[i - 1]}" || status=$?
		if [ $status = 0 ]; then
			mkcrimg check $i.crimg
		else
			assert_equal "$(cat $i.err)" \
				"mkcrimg: save: pid $job_pid (memory): is being saved by somebody else"
			busy=$((busy + 1))
		fi
	done
	[ $busy -lt 4 ]
	rm -f ?.err
	run -0 mkcrimg save -q -o a.crimg "$job_pid"
	finish
}

@test "a job that is held by one saver is busy for others, and free again when he ends" {
	local hold
	start tree
	mkfifo end
	"$BATS_TEST_DIRNAME/hold" "$job_pid" held <end 3>&- &
	hold=$!
	exec 8>end
	until_true test -e held
	child=$(pgrep -P "$job_pid" | head -n 1)
	for pid in "$job_pid" "$child"; do
		run -1 mkcrimg save -q -o a.crimg "$pid"
		assert_output --partial 'is being saved by somebody else'
		run -1 mkcrimg check --pid "$pid"
		assert_output --partial 'is being saved by somebody else'
	done
	exec 8>&-
	wait $hold
	rm end held
	run -0 mkcrimg check --pid "$job_pid"
	run -0 mkcrimg save -q -o a.crimg "$job_pid"
	finish
}

@test "a job that dies while it is held is not saved" {
	local hold
	for case in hello threads; do
		start $case
		mkfifo end
		# twice: a second image is collected afresh
		"$BATS_TEST_DIRNAME/hold" "$job_pid" held a.crimg a.crimg <end >said 3>&- &
		hold=$!
		exec 8>end
		until_true test -e held
		kill -KILL "$job_pid"
		until_true gone_or_zombie "$job_pid"
		exec 8>&-
		wait $hold
		run -0 cat said
		assert_line --index 0 EINTR
		assert_line --index 1 --regexp '^(EINTR|ESRCH)$'
		rm end held said a.crimg
		expect_status 137
	done
}

# What one image has opened, and found, is nothing to the next one.
@test "several images of one stop" {
	local hold image
	start unlinked
	mkfifo end
	"$BATS_TEST_DIRNAME/hold" "$job_pid" held a.crimg b.crimg c.crimg <end >said 3>&- &
	hold=$!
	exec 8>end
	until_true test -e held
	exec 8>&-
	wait $hold
	run -0 cat said
	assert_output $'saved\nsaved\nsaved'
	for image in a b c; do run -0 mkcrimg check $image.crimg; done
	kill -KILL "$job_pid"
	expect_status 137
	job_image=$PWD/c.crimg
	resume
	finish
}

@test "save: no process, a kernel thread, init, itself" {
	run -1 --separate-stderr mkcrimg save -o a.crimg 4194303
	one_line 'pid 4194303: No such process'
	for pid in 2 1; do
		run -1 --separate-stderr mkcrimg save -o a.crimg $pid
		[[ "$stderr" == "mkcrimg: save: "* ]]
	done
	# the job would be the test, and the saver in it
	run -1 --separate-stderr mkcrimg save -o a.crimg $$
	[[ "$stderr" == "mkcrimg: save: "* ]]
	names
}

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# public DIRECTORY: anybody gets there
public() {
	chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/../.. "$BATS_TEST_TMPDIR"/..
	chmod 777 "$1"
}

@test "another user's job is not saved" {
	start hello
	public "$dir"
	run -1 --separate-stderr "${nobody[@]}" mkcrimg save -o a.crimg "$job_pid"
	assert_equal "$stderr" "mkcrimg: save: pid $job_pid (hello): not allowed to trace it"
	run -1 --separate-stderr "${nobody[@]}" mkcrimg check --pid "$job_pid"
	assert_equal "$stderr" "mkcrimg: check: pid $job_pid (hello): not allowed to trace it"
	names
	finish
}

# To restart it he has to be allowed to choose ids: see security.rst.
@test "an ordinary user saves a job of his own" {
	public "$dir"
	job_dir=$BATS_TEST_TMPDIR/job job_out=$BATS_TEST_TMPDIR/job.out
	mkdir "$job_dir"
	: >"$job_out"
	public "$job_dir"
	chmod 666 "$job_out"
	# without what it could not open again
	"${nobody[@]}" bash -c 'for fd in $(ls /proc/self/fd); do [ $fd -le 2 ] || eval "exec $fd>&-"; done
		exec "$@"' bash "$progs/hello" "$job_dir" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	run -0 "${nobody[@]}" mkcrimg check --pid "$job_pid"
	run -0 "${nobody[@]}" mkcrimg save -q -o a.crimg "$job_pid"
	alive
	run -0 "${nobody[@]}" mkcrimg save -q --kill -o a.crimg "$job_pid"
	expect_status 137
	names a.crimg
	assert_equal "$(stat -c '%a %u' a.crimg)" '700 65534'
	run -1 "${nobody[@]}" mkcrimg check a.crimg
	assert_output --partial 'you may not choose the ids of processes'
	run -0 "${nobody[@]}" "$progs/tryexec" "$dir/a.crimg"
	assert_output EPERM
	run -1 "${nobody[@]}" mkcrimg restart "$dir/a.crimg"
	assert_output --partial 'you may not choose the ids of processes'
}

@test "check --pid: what a save would say, without touching the job" {
	start hello
	run -0 mkcrimg check --pid "$job_pid"
	assert_output --regexp "^pid $job_pid: can be saved: 1 process, 1 thread"
	finish
}

@test "check --pid: every blocker in one go, the same as save" {
	start refused tcp semundo
	run -1 --separate-stderr mkcrimg check --pid "$job_pid"
	checked=$(sed 's/^mkcrimg: check: //' <<<"$stderr" | sort)
	[ "$(wc -l <<<"$checked")" -gt 1 ]
	run -1 --separate-stderr mkcrimg save -o a.crimg "$job_pid"
	assert_equal "$(sed 's/^mkcrimg: save: //' <<<"$stderr" | sort)" "$checked"
	names
	finish
}

@test "check FILE: it would restart here; a file that changed, and it would not" {
	start files
	save_kill
	run -0 mkcrimg check "$job_image"
	assert_output --partial 'would restart here'
	cp "$job_image" a.crimg
	file=$(mkcrimg show --json a.crimg | python3 -c '
import json, sys
print([r["tail"] for r in json.load(sys.stdin)["records"] if r["type"] == "FILE" and r["kind"] == 1
       and r["flags"] == "0x4"][0])')
	cp -p "$file" "$file.kept"
	echo more >>"$file"
	run -1 --separate-stderr mkcrimg check a.crimg
	one_line "$file: has "
	run -1 --separate-stderr mkcrimg restart ./a.crimg
	one_line "$file"
	cp -p "$file.kept" "$file"
	rm "$file.kept"
	resume
	finish
}

@test "restart: the reason is told, as execve() returned it" {
	start hello
	save_kill
	head -c 100000 "$job_image" >a.crimg
	chmod 700 a.crimg
	run -1 --separate-stderr mkcrimg restart ./a.crimg
	one_line 'restart: '
	cp "$job_image" a.crimg
	run -1 --separate-stderr mkcrimg restart ./a.crimg nonsense=1
	one_line 'nonsense'
	run -1 --separate-stderr mkcrimg restart /bin/true=x
	one_line 'No such file'
	resume
	finish
}

@test "restart becomes the job: exit status and output" {
	start hello
	save_kill
	mkcrimg restart --pid=ns "$job_image" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	finish
}

@test "show and its JSON, of what save wrote" {
	start tree
	save
	run -0 mkcrimg show --maps "$job_image"
	assert_output --partial '[stack]'
	mkcrimg show --json --memory "$job_image" | python3 -c '
import json, sys
j = json.load(sys.stdin)
r = j["records"]
assert r[-1]["nr_records"] == len(r) - 1
assert r[0]["nr_procs"] == sum(x["type"] == "PROC" for x in r)
assert r[0]["memory"] == sum(x["len"] for x in r if x["type"] == "PAGES")
boot = open("/proc/sys/kernel/random/boot_id").read()
assert r[0]["boot_id"] == boot.strip().replace("-", ""), (r[0]["boot_id"], boot)
assert all("error" not in m for m in j["memory"])'
	finish
}

@test "check FILE: no_new_privs and securebits, as a restart takes them" {
	local locked=(setpriv --securebits +no_setuid_fixup,+no_setuid_fixup_locked)
	start limits bits
	save_kill
	# saved with bits that the restarter has not, and the other way round
	run -0 setpriv --no-new-privs mkcrimg check "$job_image"
	assert_output --partial 'would restart here'
	run -1 --separate-stderr "${locked[@]}" mkcrimg check "$job_image"
	one_line 'securebits'
	run -0 "${locked[@]}" "$progs/tryexec" "$job_image"
	assert_output EPERM
	setpriv --no-new-privs mkcrimg restart "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	finish
}

@test "check FILE: descriptors that led outside; a program that must not be executed" {
	local reader
	exec 6> >(exec sleep 1000 3>&-)
	reader=$!
	cp "$progs/hello" hello
	progs=$dir
	{ start hello; } 5>&6 6>&-
	save_kill
	kill $reader
	exec 6>&-
	progs=$CR_TOP/build/progs
	run -1 --separate-stderr mkcrimg check "$job_image"
	one_line 'fd 5 led outside the job'
	run -0 "$progs/tryexec" "$job_image"
	assert_output EBADF
	exec 5>/dev/null
	run -0 mkcrimg check "$job_image"
	chmod a-x hello
	run -1 --separate-stderr mkcrimg check "$job_image"
	one_line 'hello: must not be executed'
	run -0 "$progs/tryexec" "$job_image"
	assert_output EACCES
	chmod a+x hello
	resume
	exec 5>&-
	finish
}

@test "check FILE: locks are not looked at, and that is said" {
	start locks
	save_kill
	run -0 mkcrimg check "$job_image"
	assert_output --partial 'not looked at: whether somebody else holds'
	resume
	finish
}
