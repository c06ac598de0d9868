#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# mkcrimg mount, on the image that tests/unit/sample.c makes. The tool runs under ASan and UBSan. Images of real
# jobs, compared with /proc: tests/bats/vm/mount.bats.

load tool

setup() {
	"$unit/mkcrimg" --help | grep -q '^  mount ' || skip 'left out: built without libfuse3'
	own_dir
	mkdir m
	"$unit/mkimage" a.crimg
}

teardown() {
	! mounted || unmount
}

mounted() { grep -q " $BATS_TEST_TMPDIR/dir/m fuse.mkcrimg " /proc/mounts; }

unmount() {
	if [ "$(id -u)" = 0 ]; then umount m; else fusermount3 -u m; fi
}

need_fuse() {
	[ -w /dev/fuse ] || skip 'left out: no /dev/fuse'
	mkcrimg mount a.crimg m 3>&- || skip 'left out: this machine does not let us mount'
}

@test "wrong usage is status 2" {
	run -2 mkcrimg mount
	run -2 mkcrimg mount a.crimg
	run -2 mkcrimg mount a.crimg m m
	run -2 mkcrimg mount -x a.crimg m
}

@test "what cannot be mounted is one line and status 1" {
	# a byte of the records
	local offset=$(readelf -lW a.crimg | awk '/LOOS\+0x3520001/ { print $2 }')
	printf '\377' | dd of=a.crimg bs=1 seek=$((offset + 500)) conv=notrunc status=none
	run -1 --separate-stderr mkcrimg mount a.crimg m
	[ "${#stderr_lines[@]}" = 1 ]
	[[ "$stderr" == 'mkcrimg: a.crimg: '* ]]
	"$unit/mkimage" a.crimg
	run -1 --separate-stderr mkcrimg mount a.crimg missing
	[ "$stderr" = 'mkcrimg: missing: No such file or directory' ]
	run -1 --separate-stderr mkcrimg mount a.crimg a.crimg
	[ "$stderr" = 'mkcrimg: a.crimg: Not a directory' ]
	run -1 --separate-stderr mkcrimg mount missing m
	[ "$stderr" = 'mkcrimg: missing: No such file or directory' ]
	run ! mounted
}

@test "processes, threads, a zombie, one without its first thread" {
	need_fuse
	run -0 ls m
	assert_output $'100\n102\n103\n104\n105'
	run -0 ls m/100/task m/105/task
	assert_output $'m/100/task:\n100\n101\n\nm/105/task:\n106'
	run -0 ls m/103
	assert_output $'comm\nstatus'
	run -0 cat m/103/status
	assert_line $'State:\tZ (zombie)'
	assert_line $'PPid:\t102'
	run -0 cat m/100/task/101/status
	assert_line $'Tgid:\t100'
	assert_line $'Pid:\t101'
	assert_line $'Uid:\t1000\t1000\t1000\t1000'
	for path in 1 0100 100x 100/task/102 100/task/100/core 103/fd 100/fd/4 100/none 100/comm/x; do
		run ! stat "m/$path"
	done
}

@test "links and descriptors" {
	need_fuse
	[ "$(readlink m/100/exe)" = /usr/bin/app ]
	[ "$(readlink m/100/cwd)" = /home ]
	[ "$(readlink m/100/root)" = / ]
	[ "$(readlink m/100/fd/3)" = '/tmp/unlinked (deleted)' ]
	[ "$(readlink m/100/fd/1)" = 'pipe:[1]' ]
	[ "$(stat -c %A m/100/fd/7)" = l-wx------ ]
	run -0 cat m/100/fdinfo/7
	assert_line --regexp $'^pos:\t'
	assert_line --regexp $'^flags:\t0[0-7]*1$'
	run ! cat m/100/fd
	run ! touch m/100/comm
	run ! touch m/new
}

@test "maps, names of what has none outside" {
	need_fuse
	run -0 cat m/100/maps
	assert_line '00400000-00404000 r-xp 00000000 00:00 0                                  /usr/bin/app'
	assert_line '00600000-00a00000 rw-p 00000000 00:00 0                                  [anon:big]'
	assert_line '10010000-10012000 rw-p 00000000 00:00 0                                  /tmp/unlinked (deleted)'
	assert_line '10030000-10038000 ---p 00000000 00:00 0 '
}

@test "the core is that of mkcrimg core, its size is told, readers may be many" {
	need_fuse
	mkcrimg core -p 100 -o core a.crimg
	[ "$(stat -c %s m/100/core)" = "$(stat -c %s core)" ]
	cmp core m/100/core
	dd if=m/100/core bs=4099 status=none | cmp - core
	local n jobs=()
	for n in $(seq 12); do
		cmp core m/100/core 3>&- &
		jobs+=($!)
	done
	for n in "${jobs[@]}"; do wait "$n"; done
}

@test "mem: bytes at their addresses, an error where there are none" {
	need_fuse
	# what tests/unit/sample.c has put there: byte i is i / 7 ^ i / 4099
	run -0 python3 - <<-'END'
		import os
		mem = os.open('m/100/mem', os.O_RDONLY)
		assert os.pread(mem, 2, 0x6ffffe) == b'\xdb\xdb'
		assert os.pread(mem, 4, 0x500000) == bytes(4)
		assert len(os.pread(mem, 1 << 20, 0x7ffffffff000 - 16)) == 16
		for nothing in 0, 0x4f0000, 0x7ffff7fc0000, 0x7ffffffff000, (1 << 63) - 8192:
		    try:
		        os.pread(mem, 8, nothing)
		    except OSError as e:
		        assert e.errno == 5, e
		    else:
		        raise Exception(hex(nothing))
	END
	run -0 dd if=m/100/mem bs=1 skip=$((0x6ffffe)) count=2 status=none
	[ "$(od -An -tx1 <<<"$output" | head -c 6)" = ' db db' ]
}

# Whoever has the file may do that while somebody else looks at it.
@test "an image that is changed and cut while it is mounted: what was checked stays, memory is an error" {
	need_fuse
	find m/100 -type f ! -name mem ! -name core ! -name cmdline ! -name environ -exec cat {} + >before
	readlink m/100/fd/3 m/100/exe >>before
	# other records, other headers, no memory, in the same file
	printf '%8192s' '' | tr ' ' '\377' | dd of=a.crimg conv=notrunc status=none
	truncate -s 8192 a.crimg
	truncate -s 1M a.crimg
	find m/100 -type f ! -name mem ! -name core ! -name cmdline ! -name environ -exec cat {} + >after
	readlink m/100/fd/3 m/100/exe >>after
	cmp before after
	truncate -s 0 a.crimg
	run -1 cat m/100/core
	assert_output --partial 'Input/output error'
	run -0 ls m
}

@test "it ends when it is unmounted" {
	need_fuse
	unmount
	run ! mounted
	[ -z "$(ls m)" ]
	exec 7< <(exec "$unit/mkcrimg" mount -f a.crimg m 2>&1 3>&-)
	until mounted; do sleep 0.05; done
	unmount
	# to its end: it has gone, without a word of the sanitizers
	run -0 timeout 60 cat <&7
	assert_output ''
}

@test "mutants: everything in them is read, and the server lives" {
	need_fuse
	unmount
	local n memory mounts=0
	for n in $(seq 60); do
		[ $((n % 4)) = 0 ] && memory=--memory || memory=
		"$unit/mutate" $memory a.crimg $n m.crimg >what
		mkcrimg mount m.crimg m 2>/dev/null 3>&- || continue
		mounts=$((mounts + 1))
		find m -type l -exec readlink {} + >/dev/null || { cat what; false; }
		find m -type f ! -name mem -exec cat {} + >/dev/null 2>&1 || :
		ls m >/dev/null || { cat what; false; }
		unmount
	done
	[ $mounts -ge 15 ]
}
