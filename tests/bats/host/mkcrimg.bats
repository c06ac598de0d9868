#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The tool, on the image that tests/unit/sample.c makes. It runs under ASan and UBSan. What needs the
# kernel module is tested in tests/bats/vm.

load tool

setup() {
	own_dir
	"$unit/mkimage" a.crimg
}

# One line on standard error, with the tool's name before it.
one_line() {
	[ "${#stderr_lines[@]}" = 1 ]
	[[ "${stderr_lines[0]}" == "mkcrimg: "* ]]
	[[ "${stderr_lines[0]}" == *"$1"* ]]
}

# A byte of a file becomes another one.
poke() {
	printf "\\x$(printf '%02x' "$3")" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Value of an expression over the JSON of an image, j
json() {
	mkcrimg show --json ${2:-} a.crimg | python3 -c "
import json, sys
j = json.load(sys.stdin)
r = j['records']
print($1)"
}

@test "help and version" {
	run -0 mkcrimg --help
	for word in save restart show check core gdb expand stack diff; do
		assert_output --partial "  $word "
	done
	run -0 mkcrimg --version
	assert_output --regexp '^mkcrimg [0-9.]+, image format 1$'
	run -0 --separate-stderr mkcrimg core --help
	assert_line --index 0 --regexp '^usage: mkcrimg core \['
	assert_line --regexp '^ +--all '
	refute_line --partial gdb
	assert_equal "$stderr" ''
	# behind the command it is an argument of what is executed
	run -0 mkcrimg run -o x -- sh -c 'echo "$1"' sh --help
	assert_output --help
}

@test "wrong usage is status 2" {
	run -2 mkcrimg
	run -2 mkcrimg dance
	run -2 mkcrimg save
	run -2 mkcrimg save --kill --stop 1
	run -2 mkcrimg save x
	run -2 mkcrimg save 0
	run -2 mkcrimg save -t 0 1
	run -2 mkcrimg show
	run -2 mkcrimg show a.crimg b.crimg
	run -2 mkcrimg show --memory a.crimg
	run -2 mkcrimg check
	run -2 mkcrimg core -p x a.crimg
	run -2 mkcrimg core -p 100 --all a.crimg
	run -2 mkcrimg core -p ' 100' a.crimg
	run -2 mkcrimg core -o '' a.crimg
	for mask in '' x 0x -1 200 0x1000000000 own2; do
		run -2 mkcrimg core --filter "$mask" a.crimg
	done
	run -2 mkcrimg gdb
	run -2 mkcrimg expand
	run -2 mkcrimg expand -o '' a.crimg
	run -2 mkcrimg expand a.crimg b.crimg
	run -2 mkcrimg expand --all a.crimg
	run -2 mkcrimg restart
	run -2 mkcrimg restart --pid=maybe a.crimg
	run -2 mkcrimg restart a.crimg word
}

@test "failure is one line and status 1" {
	run -1 --separate-stderr mkcrimg show missing
	one_line 'missing: No such file or directory'
	run -1 --separate-stderr mkcrimg show /etc
	one_line '/etc: not an image'
	run -1 --separate-stderr mkcrimg show /bin/true
	one_line '/bin/true: not an image'
	: >empty
	run -1 --separate-stderr mkcrimg check empty
	one_line 'empty: not an image'
}

@test "an image of another version is refused by number" {
	poke a.crimg 14 7
	run -1 --separate-stderr mkcrimg check a.crimg
	one_line 'image of version 7; only 1 is known'
}

@test "what cannot be written is a failure" {
	local cmd
	for cmd in --help --version 'check --records-only a.crimg' 'show a.crimg' 'show --json a.crimg' 'stack a.crimg'; do
		run -1 --separate-stderr bash -c "'$unit/mkcrimg' $cmd >/dev/full"
		one_line 'stdout: write error'
	done
	run -2 --separate-stderr bash -c "'$unit/mkcrimg' diff a.crimg a.crimg >/dev/full"
	one_line 'stdout: write error'
}

@test "show: tree, files, maps" {
	run -0 mkcrimg show --maps a.crimg
	assert_line --index 0 --regexp '^a.crimg: 5 processes, 4 threads, .* of memory in '
	assert_line --regexp ' 100 +- +2 .* app  /usr/bin/app$'
	assert_line --regexp ' 102 +100 +1 .*   app  /usr/bin/app$'
	assert_line --regexp ' 103 +102 +0 .* zombie +app'
	assert_line --regexp 'fd 0 +/dev/pts/0: read write, terminal outside'
	assert_line --regexp '^  000000600000-000000a00000 rw-p .* big$'
	assert_line --regexp '^segment 32769: key 0x00001234, mode 0600, '
	assert_line --regexp '^message queue 32770: key 0x00001234, mode 0600, 2 messages, 5 '
	assert_line 'semaphore set 32771: key 0x00001234, mode 0600, others use it, too, values 3 32767'
	assert_line '  exited  first thread (app), with 3'
	assert_line '  shared  memory with pid 100'
	assert_line '  shared  descriptors with pid 100'
}

@test "show --json: every record, every field" {
	run -0 json 'r[0]["type"], r[-1]["type"], r[-1]["nr_records"] == len(r) - 1'
	assert_output 'HEAD END True'
	run -0 json '[x["tail"] for x in r if x["type"] == "FS"]'
	assert_output "[['/home', '/']]"
	run -0 json '[x["oom_score_adj"] for x in r if x["type"] == "PROC"]'
	assert_output '[-17, -17, -17, -17, -17]'
	run -0 json '[x["gpr"]["ip"] for x in r if x["type"] == "REGS_X86"][0]'
	assert_output '0x401100'
}

@test "show --json: a field called type does not replace the type of its record" {
	run -0 json 'sorted({k for x in r for k in x if k.endswith("_type")}), any(x["type"] == "SOCK" for x in r)'
	assert_output "['LEASE_type', 'LOCK_type', 'MSG_type', 'SOCK_type'] True"
}

@test "show --json --memory: the same contents have the same hash" {
	run -0 json 'len(j["memory"]), j["memory"][5]["xxh64"] == j["memory"][6]["xxh64"], j["memory"][0]["xxh64"] == j["memory"][1]["xxh64"]' --memory
	assert_output '7 True False'
}

# An escape sequence, a byte that is no UTF-8, a line's end, U+009B, which some terminals obey, too; and an image's own name.
@test "names do nothing to a terminal, and JSON is JSON" {
	local cmd
	"$unit/mutate" --text a.crimg /usr/bin/app $'/\e[31m\xe9\n\xc2\x9bxy' b.crimg
	mv b.crimg $'b\e[7m.crimg'
	for cmd in 'show --maps' check 'stack -b' 'diff a.crimg' 'core -p 103' 'show --json' 'stack --json' 'diff --json a.crimg'; do
		run mkcrimg $cmd $'b\e[7m.crimg'
		run -1 grep -aP '\x1b|\x9b|\xe9|^\S?xy' <<<"$output"
	done
	run -0 mkcrimg show $'b\e[7m.crimg'
	assert_line --index 0 --partial 'b\033[7m.crimg: 5 processes'
	assert_output --partial '  app  /\033[31m\351\012\302\233xy'
	for cmd in 'show --json' 'stack --json' 'diff --json a.crimg'; do
		mkcrimg $cmd $'b\e[7m.crimg' >json || [ $? = 1 ]
		run -0 python3 -c "
import json
text = open('json', encoding='utf-8', errors='strict').read()
json.loads(text)
print('/\\\\u001b[31m' in text and '\\\\\\\\351\\\\n\\\\u009bxy' in text)"
		assert_output True
	done
}

@test "check: a whole image" {
	run -0 mkcrimg check --records-only a.crimg
	assert_output 'a.crimg: ok'
}

@test "check: why it would not restart here" {
	run -1 --separate-stderr mkcrimg check a.crimg
	for why in '/usr/bin/app: No such file' '/tmp/log: No such file' 'vdso is not this kernel' 'user is not the restarter'; do
		[[ "$stderr" == *"mkcrimg: a.crimg: "*"$why"* ]] || { echo "missing: $why"; echo "$stderr"; false; }
	done
	assert_line 'a.crimg: /usr/lib/lib.so: is not here as it was: the copy in the image is used'
}

@test "check: names that are in use, and what is not looked at" {
	local id queue
	# the sample has a segment and a queue of this key, a socket at a path, and locks
	id=$(perl -e 'print shmget(0x1234, 4096, 01600) // die $!')
	queue=$(perl -e 'print 0 + (msgget(0x1234, 01600) // die $!)')
	run -1 mkcrimg check a.crimg
	ipcrm -m "$id" -q "$queue"
	assert_output --partial 'a.crimg: System V segment 32769: its key 0x1234 is taken'
	assert_output --partial 'a.crimg: message queue 32770: its key 0x1234 is taken'
	assert_output --partial 'a.crimg: /x/soc: a socket cannot be bound there'
	assert_output --partial "a.crimg: not looked at: whether somebody else holds the job's file locks"
	run -1 mkcrimg check a.crimg
	refute_output --partial 'System V'
}

@test "check: stored memory that was changed is found, raw and compressed" {
	local offset
	for method in 1 2; do
		offset=$(json "[x['offset'] for x in r if x['type'] == 'PAGES' and x['method'] == $method][1]")
		cp a.crimg b.crimg
		poke b.crimg $((offset + 7)) 255
		run -1 --separate-stderr mkcrimg check --records-only b.crimg
		one_line 'checksum does not match'
		# its records are whole: all of it is JSON, and says where
		mkcrimg show --json b.crimg >/dev/null
		run -1 --separate-stderr mkcrimg show --json --memory b.crimg
		one_line 'checksum does not match'
		run -0 python3 -c 'import json, sys; print([m["error"] for m in json.load(sys.stdin)["memory"] if "error" in m])' \
			<<<"$output"
		assert_output "['checksum does not match']"
	done
}

@test "check: a header that was changed is found" {
	poke a.crimg 48 1
	run -1 --separate-stderr mkcrimg check --records-only a.crimg
	one_line 'checksum of the ELF header does not match'
}

@test "mutants of memory: frames that do not decompress" {
	local n found=0
	for n in $(seq 40); do
		"$unit/mutate" --memory a.crimg $n m.crimg >what
		run mkcrimg check --records-only m.crimg
		[ "$status" -le 1 ] || { cat what; echo "$output"; false; }
		found=$((found + status))
	done
	[ $found -gt 5 ]
}

@test "mutants: the tool says one thing, and never falls" {
	local n
	for n in $(seq 120); do
		"$unit/mutate" a.crimg $n m.crimg >what
		for cmd in 'check --records-only' 'show --maps' 'show --json' 'core -o core' 'core --all --filter 1' \
			'expand -o x.crimg'; do
			run mkcrimg $cmd m.crimg
			[ "$status" -le 1 ] || { cat what; echo "$output"; false; }
		done
		# what it has written is whole
		if [ "$status" = 0 ]; then
			run -0 mkcrimg check --records-only x.crimg
		fi
	done
}

@test "other tools accept an image" {
	run -0 file a.crimg
	assert_output --partial 'ELF 64-bit LSB core file'
	run -0 readelf -lW a.crimg
	assert_output --partial 'CORE'
	refute_output --partial 'Warning'
	run -0 eu-readelf -l a.crimg
}

@test "core: notes and memory, as the kernel would write them" {
	run -0 mkcrimg core -o core a.crimg
	[ "$(stat -c %a core)" = 600 ]
	run -0 eu-readelf -n core
	assert_output --partial 'pid: 100, ppid: 0, pgrp: 100, sid: 50'
	assert_output --partial 'pid: 101, ppid: 0'
	[ "$(grep -c PRSTATUS <<<"$output")" = 2 ]
	assert_line --regexp 'CORE +[0-9]+ +AUXV'
	assert_output --partial '/usr/lib/lib.so'
	run -1 gdb -batch -q -ex 'info threads' -ex 'x/4xb 0x500000' -ex 'x/2xb 0x6ffffe' -ex 'x/2xb 0x10003ffe' -ex 'x/1xb 0x10020000' -c core
	assert_line --regexp '1 +.*LWP 100'
	assert_line --regexp '2 +.*LWP 101'
	# what tests/unit/sample.c has put there: byte i is i / 7 ^ i / 4099
	assert_line --regexp '^0x500000:.0x00.0x00.0x00.0x00'
	assert_line --regexp '^0x6ffffe:.0xdb.0xdb'
	assert_line --regexp '^0x10003ffe:.0x93.0x93'
	refute_output --partial 'Unexpected size'
	# clean memory of a file is not there, and gdb says so
	assert_line --partial 'Cannot access memory at address 0x10020000'
}

@test "core: a child; no zombie, no stranger" {
	run -0 mkcrimg core -p 102 a.crimg
	run -0 eu-readelf -n core.102
	assert_output --partial 'pid: 102, ppid: 100, pgrp: 102'
	run -1 --separate-stderr mkcrimg core -p 103 a.crimg
	one_line 'pid 103: a zombie has no memory'
	run -1 --separate-stderr mkcrimg core -p 7 a.crimg
	one_line 'pid 7: no such process'
}

@test "core --all: every process but zombies, here or in a directory" {
	run -0 mkcrimg core --all a.crimg
	[ "$(echo core.*)" = 'core.100 core.102 core.105' ]
	mkdir d
	run -0 mkcrimg core --all -o d a.crimg
	[ "$(ls d | tr '\n' ' ')" = 'core.100 core.102 core.105 ' ]
	for pid in 100 102 105; do
		run -0 mkcrimg core -p $pid -o one a.crimg
		cmp one core.$pid
		cmp one d/core.$pid
	done
	run -1 --separate-stderr mkcrimg core --all -o nowhere a.crimg
	one_line 'nowhere: No such file or directory'
	# those before one that fails are there
	mkdir d/e d/e/core.102
	run -1 --separate-stderr mkcrimg core --all -o d/e a.crimg
	one_line 'd/e/core.102: exists and is no regular file'
	[ "$(ls d/e | tr '\n' ' ')" = 'core.100 core.102 ' ]
}

# Addresses of a core's segments, but for the vdso's, which is always there
loads() {
	mkcrimg core ${1:+--filter "$1"} -o core a.crimg
	readelf -lW core | awk '$1 == "LOAD" && !/7ffff7fc4/ { sub("^0x0*", "", $3); printf "%s ", $3 }'
}

# tests/unit/sample.c: a page of a mapped file, anonymous memory, shared memory, a private mapping of an
# unlinked file, two more shared ones, the stack
@test "core --filter: as /proc/PID/coredump_filter has it" {
	local file='404000 ' anon='500000 502000 600000 7c8000 ' shared='10000000 ' unlinked='10010000 '
	local more='10040000 10041000 10050000 ' stack='7ffffffde000 7fffffffd000 '
	local all=$file$anon$shared$unlinked$more$stack
	[ "$(loads '')" = "$all" ]
	[ "$(loads own)" = "$all" ]
	[ "$(loads 00000033)" = "$all" ]
	[ "$(loads 0x1ff)" = "$all" ]
	[ "$(loads 1)" = "$file$anon$unlinked$stack" ]
	[ "$(loads 2)" = "$shared$more" ]
	[ "$(loads 4)" = "$file$unlinked" ]
	[ "$(loads 1e8)" = '' ]
	[ "$(loads 0)" = '' ]
	run -0 eu-readelf -n core
	assert_output --partial 'PRSTATUS'
}

@test "gdb: every process is an inferior" {
	run -0 mkcrimg gdb a.crimg -- -batch -ex 'info inferiors' -ex 'p $rip' -ex 'inferior 2' -ex 'p $pc'
	assert_line --regexp '^\* 1 +process 100'
	assert_line --regexp '^  2 +process 102'
	assert_output --partial '0x401100'
}

@test "gdb: memory that is not free is not taken" {
	unshare -m true || skip 'left out: this machine lets us have no mounts of our own'
	echo 'MemAvailable: 1024 kB' >meminfo
	run -1 --separate-stderr unshare -m sh -c \
		"mount --bind meminfo /proc/meminfo && exec '$unit/mkcrimg' gdb a.crimg -- -batch"
	one_line 'a.crimg: pid 100: core: with the others it has more memory than is free here'
}

@test "gdb: an image that is damaged, and no gdb" {
	local offset
	run -1 --separate-stderr env PATH=/nowhere "$unit/mkcrimg" gdb a.crimg
	one_line 'gdb: No such file or directory'
	offset=$(json "[x['offset'] for x in r if x['type'] == 'PAGES' and x['method'] == 2][0]")
	poke a.crimg $((offset + 7)) 255
	run -1 --separate-stderr mkcrimg gdb a.crimg -- -batch
	one_line 'a.crimg: pid 100: core: checksum does not match'
}

# All that an image says, but for where its memory stands
content() {
	mkcrimg show --json --memory "$1" | python3 -c "
import json, sys
j = json.load(sys.stdin)
places = {'PAGES': ('stored', 'offset', 'method', 'xxh64'), 'END': ('records_xxh64', 'header_xxh64')}
del j['size']
for r in j['records']:
    for name in places.get(r['type'], ()):
        del r[name]
print(json.dumps(j, indent=1))"
}

@test "expand: the same image, uncompressed" {
	run -0 mkcrimg expand a.crimg
	assert_output ''
	[ "$(ls -A | tr '\n' ' ')" = 'a.crimg a.expanded.crimg ' ]
	[ "$(stat -c %a a.expanded.crimg)" = 700 ]
	run -0 mkcrimg check --records-only a.expanded.crimg
	diff <(content a.crimg) <(content a.expanded.crimg)
	# a job has no file without .crimg; twice is once; in the place of the image
	cp a.crimg job
	run -0 mkcrimg expand job
	cmp job.expanded.crimg a.expanded.crimg
	run -0 mkcrimg expand -o x.crimg a.expanded.crimg
	cmp x.crimg a.expanded.crimg
	run -0 mkcrimg expand -o a.crimg a.crimg
	cmp x.crimg a.crimg
	run -0 json "{x['method'] for x in r if x['type'] == 'PAGES'}, {x['offset'] % 4096 for x in r if x['type'] == 'PAGES'}"
	assert_output '{1} {0}'
}

@test "expand: what a debugger sees of the leader is what its core has" {
	mkcrimg expand -o x.crimg a.crimg
	mkcrimg core -o core a.crimg
	# memory, compressed before; zeros, which are no bytes; shared; of an unlinked file, in part written to; vdso; stack
	local at ask=()
	for at in 0x404000 0x500000 0x501ff0 0x502000 0x600000 0x6ffff8 0x700000 0x7c7ff0 0x7c8000 0x9ffff0 \
		0x10000000 0x10001000 0x10003ff0 0x10010000 0x10011ff0 0x10040000 0x10041000 0x10052ff0 \
		0x7ffff7fc4000 0x7ffffffde000 0x7fffffffd000; do
		ask+=(-ex "x/2gx $at")
	done
	gdb -nx -batch -q "${ask[@]}" -c core | grep ^0x >expected
	gdb -nx -batch -q "${ask[@]}" -c x.crimg | grep ^0x >got
	[ "$(wc -l <expected)" = 21 ]
	diff expected got
	run gdb -nx -batch -q -ex 'x/2gx 0x10020000' -c x.crimg
	assert_output --partial 'Cannot access memory at address 0x10020000'
	run -0 readelf -lW x.crimg
	refute_output --partial 'Warning'
	run -0 eu-readelf -ln x.crimg
	[ "$(grep -c PRSTATUS <<<"$output")" = "$(eu-readelf -n a.crimg | grep -c PRSTATUS)" ]
}

@test "expand: what is damaged does not become whole, and the old file survives" {
	local offset
	echo old >x.crimg
	for method in 1 2; do
		offset=$(json "[x['offset'] for x in r if x['type'] == 'PAGES' and x['method'] == $method][1]")
		cp a.crimg b.crimg
		poke b.crimg $((offset + 7)) 255
		run -1 --separate-stderr mkcrimg expand -o x.crimg b.crimg
		one_line 'checksum does not match'
	done
	cp a.crimg b.crimg
	poke b.crimg 48 1
	run -1 --separate-stderr mkcrimg expand -o x.crimg b.crimg
	one_line 'checksum of the ELF header does not match'
	truncate -s 9000 b.crimg
	run -1 --separate-stderr mkcrimg expand -o x.crimg b.crimg
	run -1 --separate-stderr mkcrimg expand -o nowhere/x.crimg a.crimg
	one_line 'nowhere: No such file or directory'
	run -1 --separate-stderr mkcrimg expand missing
	one_line 'missing: No such file or directory'
	run -1 --separate-stderr mkcrimg expand -o new/ a.crimg
	one_line 'new/: Is a directory'
	[ "$(cat x.crimg)" = old ]
	[ "$(ls -A | tr '\n' ' ')" = 'a.crimg b.crimg x.crimg ' ]
}

# Number of the first program header of zeros, shared memory, the vdso, or memory of the leader alone
phdr_of() {
	readelf -lW x.crimg | awk -v want="$1" '/^  [A-Z]/ && $1 != "Type" { n++; if ($1 == "LOAD" &&
		((want == "zeros" && $5 == "0x000000") || (want == "shared" && $3 ~ /0010000000$/) ||
		(want == "vdso" && $3 ~ /7ffff7fc4000$/) || (want == "own" && $3 ~ /00600000$/))) { print n - 1; exit } }'
}

@test "check: segments of an expanded image that show something else are found" {
	local n phoff what field why
	mkcrimg expand -o x.crimg a.crimg
	phoff=$(readelf -hW x.crimg | awk '/Start of program headers/ { print $5 }')
	for what in zeros shared vdso own; do
		n=$(phdr_of $what)
		[ -n "$n" ]
		# offset, address, size in the file, size in memory: the second byte of each
		for field in 8 16 32 40; do
			[ $what$field != zeros8 ] || continue
			cp x.crimg y.crimg
			poke y.crimg $((phoff + 56 * n + field + 1)) 119
			run -1 --separate-stderr mkcrimg check --records-only y.crimg
			why='PT_LOAD segments, not '
			[ $what != own ] || why='object 35: memory at 0x600000: no segment for it'
			[[ "$stderr" == *"$why"* ]]
		done
	done
}

@test "save: nothing is left of a failure, the old file survives" {
	echo old >job.crimg
	run -1 --separate-stderr mkcrimg save -o job.crimg $$
	one_line 'mkcrimg: '
	[ "$(cat job.crimg)" = old ]
	run -1 --separate-stderr mkcrimg save -o nowhere/job.crimg $$
	one_line 'nowhere: No such file or directory'
	run -1 --separate-stderr mkcrimg save -o . $$
	one_line 'is no regular file'
	run -1 --separate-stderr mkcrimg save -o job.crimg 4194303
	one_line 'pid 4194303: No such process'
	[ "$(ls -A | tr '\n' ' ')" = 'a.crimg job.crimg ' ]
}

@test "restart: what cannot be executed" {
	run -1 --separate-stderr mkcrimg restart missing
	one_line 'missing: No such file or directory'
	chmod +x a.crimg
	run -1 --separate-stderr mkcrimg restart ./a.crimg
	one_line './a.crimg: Exec format error: no image, or no kernel module for it'
}

# As on a file system that has no files without a name, and a signal that comes late: before the file is synced
@test "core, expand: a signal leaves no hidden file behind" {
	local cmd sig
	cat >shim.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <fcntl.h>
		#include <signal.h>
		#include <stdarg.h>
		#include <stdlib.h>
		#include <unistd.h>
		int openat(int dir, const char *path, int flags, ...)
		{
			int (*next)(int, const char *, int, ...) = dlsym(RTLD_NEXT, "openat");
			va_list ap;
			va_start(ap, flags);
			int mode = flags & O_CREAT ? va_arg(ap, int) : 0;
			va_end(ap);
			if ((flags & O_TMPFILE) == O_TMPFILE)
				return errno = EOPNOTSUPP, -1;
			return next(dir, path, flags, mode);
		}
		int fsync(int fd)
		{
			if (access("here", F_OK))
				close(open("here", O_CREAT | O_WRONLY, 0600));
			return kill(getpid(), atoi(getenv("SIG")));
		}
	END
	gcc -shared -fPIC -o shim.so shim.c
	for cmd in core expand; do
		for sig in 1 2 3 15; do
			rm -f here
			# in the background a shell has some of them ignored
			run -$((128 + sig)) env --default-signal SIG=$sig LD_PRELOAD="$PWD/shim.so" "$unit/../mkcrimg" $cmd -o out a.crimg
			[ -e here ]
			run -0 ls -A
			assert_output "$(printf '%s\n' a.crimg here shim.c shim.so)"
		done
	done
}

# Their writers were killed. What is somebody else's, in use, or has another name, stays.
@test "hidden files that were left behind are swept when a file is written" {
	: >.crimg.12.0
	: >.crimg.4194999.17
	: >.crimg.13.0
	flock .crimg.13.0 sleep 1000 3>&- &
	locker=$!
	until [ -n "$(pgrep -P $locker)" ]; do sleep 0.05; done
	mkdir .crimg.14.0
	ln -s a.crimg .crimg.15.0
	mkfifo .crimg.16.0
	local kept=(.crimg.x.0 .crimg.1. .crimg..1 .crimg.1.0.bak .crimg.1 crimg.1.0 .crimg.-1.0 .crimg.1.-1)
	touch "${kept[@]}"
	[ "$(id -u)" != 0 ] || { : >.crimg.17.0; chown 65534 .crimg.17.0; kept+=(.crimg.17.0); }
	run -0 mkcrimg core -o core a.crimg
	pkill -P $locker
	wait $locker || :
	run -0 ls -A
	assert_output "$(printf '%s\n' a.crimg core .crimg.13.0 .crimg.14.0 .crimg.15.0 .crimg.16.0 "${kept[@]}" | sort)"
	# nobody has it open any more
	run -0 mkcrimg core -o core a.crimg
	[ ! -e .crimg.13.0 ]
}
