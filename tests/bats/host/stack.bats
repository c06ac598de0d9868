#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# mkcrimg stack and mkcrimg diff, on the image that tests/unit/sample.c makes, under ASan and UBSan. On real jobs:
# tests/bats/vm/stack.bats.

load tool

setup() {
	own_dir
	"$unit/mkimage" a.crimg
}

teardown() {
	[ -z "${short:-}" ] || rm -rf "$short"
}

@test "wrong usage is status 2" {
	run -2 mkcrimg stack
	run -2 mkcrimg stack a.crimg a.crimg
	run -2 mkcrimg stack -p x a.crimg
	run -2 mkcrimg stack -p 0 a.crimg
	run -2 mkcrimg diff
	run -2 mkcrimg diff a.crimg
	run -2 mkcrimg diff a.crimg a.crimg a.crimg
	run -2 mkcrimg diff --xml a.crimg a.crimg
}

@test "help has both" {
	run -0 mkcrimg --help
	assert_output --partial '  stack '
	assert_output --partial '  diff '
}

@test "stack: every process and thread, and why there is no more to be said of them" {
	run -0 --separate-stderr mkcrimg stack a.crimg
	assert_equal "$stderr" ''
	assert_line 'PID 100 app - /usr/bin/app'
	assert_line 'TID 101 app: in futex'
	assert_line 'PID 102 app - /usr/bin/app: stopped by SIGTSTP'
	assert_line 'PID 103 app: zombie'
	assert_line --regexp '^PID 105 app .*: its first thread \(app\) has exited$'
	assert_equal "$(grep -c '^TID' <<<"$output")" 4
	assert_equal "$(grep -c '^#0   0x0000000000401100 ? - /usr/bin/app (not there)$' <<<"$output")" 4
}

@test "stack -p: one process" {
	run -0 mkcrimg stack -p 102 a.crimg
	assert_equal "$(grep -c '^PID' <<<"$output")" 1
	run -0 mkcrimg stack -p 103 a.crimg
	assert_output 'PID 103 app: zombie'
	run -1 mkcrimg stack -p 7 a.crimg
	assert_output 'mkcrimg: a.crimg: pid 7: no such process'
}

@test "stack --json says the same" {
	mkcrimg stack --json -b a.crimg >json
	run -0 python3 -c "
import json
p = json.load(open('json'))['processes']
print([x['pid'] for x in p], [x['state'] for x in p], p[1]['stop_signal'])
print([[t['tid'] for t in x['threads']] for x in p])
f = p[0]['threads'][0]['frames']
print(len(f), f[0]['pc'], f[0]['module'], f[0]['unavailable'], p[0]['threads'][0]['syscall'])
print([m['name'] for m in p[0]['modules']])"
	assert_line --index 0 "[100, 102, 103, 104, 105] ['alive', 'stopped', 'zombie', 'zombie', 'stopped'] 20"
	assert_line --index 1 '[[100, 101], [102], [], [], [106]]'
	assert_line --index 2 "1 0x401100 /usr/bin/app not there {'nr': 202, 'name': 'futex'}"
	assert_line --index 3 "['/usr/bin/app', '[vdso]']"
}

# Next to its executable file, whoever has made it may have put anything.
@test "stack: debugging information of others is not looked for where they say" {
	local app
	# names of one length
	short=$(mktemp -d /tmp/XXX)
	app=$short/app
	cat >app.c <<-'END'
		asm(".text\n.skip 0x1000");
		int twice(int x) { for (int i = 0; i < x; i++) x += i * x; for (int i = 0; i < x; i++) x -= i; return x; }
		void _start(void) { for (;;) twice(3); }
	END
	# as tests/unit/sample.c has it mapped: by its size, its time, and at this address
	gcc -g -O0 -nostdlib -static -no-pie -Wl,-z,noseparate-code -Wl,-Ttext-segment=0x400000 -Wl,--build-id=none -o $app app.c
	truncate -s 70000 $app
	touch -d @1700000000 $app
	"$unit/mutate" --text a.crimg /usr/bin/app $app b.crimg
	run -0 mkcrimg stack -p 100 b.crimg
	assert_line --regexp "^#0   0x0000000000401100 (twice|_start)[+]0x[0-9a-f]+ - $app  .*app.c:[23]$"
	chmod 1777 $short
	run -0 mkcrimg stack -p 100 b.crimg
	assert_line --regexp "^#0   0x0000000000401100 (twice|_start)[+]0x[0-9a-f]+ - $app$"
	# read if it were opened: for ever
	strip -g $app
	truncate -s 70000 $app
	touch -d @1700000000 $app
	mkfifo $app.debug
	run -0 timeout 60 "$unit/mkcrimg" stack -p 100 b.crimg
	assert_line --regexp "^#0   0x0000000000401100 (twice|_start)[+]0x[0-9a-f]+ - $app$"
	# nor are files that are none
	rm $app
	mkfifo $app
	run -0 timeout 60 "$unit/mkcrimg" stack -p 100 b.crimg
	assert_line "#0   0x0000000000401100 ? - $app (not a regular file)"
}

@test "diff: status 0 for the same, 2 for what is no image" {
	cp a.crimg b.crimg
	run -0 mkcrimg diff a.crimg b.crimg
	assert_output 'a.crimg, b.crimg: the same job, 0.000 s later'
	run -0 mkcrimg diff --json a.crimg b.crimg
	assert_output --regexp '"changes":\[[[:space:]]*\]'
	run -2 --separate-stderr mkcrimg diff a.crimg missing
	assert_equal "$stderr" 'mkcrimg: missing: No such file or directory'
	run -2 mkcrimg diff missing a.crimg
	run -2 mkcrimg diff a.crimg /bin/true
}

@test "diff: memory that differs in a byte is found, raw and compressed; damaged memory is trouble" {
	local n found=0 trouble=0
	for n in $(seq 40); do
		"$unit/mutate" --memory a.crimg $n m.crimg >what
		run mkcrimg diff a.crimg m.crimg
		case $status in
		0) ;;
		1) [[ "$output" == *": pages: "* ]] && found=$((found + 1)) ;;
		2) [[ "$output" == *"memory at 0x"* ]] && trouble=$((trouble + 1)) ;;
		*) cat what; echo "$output"; false ;;
		esac
	done
	[ $found -gt 5 ]
	[ $trouble -gt 0 ]
}

@test "mutants: both say what they can, and never fall" {
	local n
	for n in $(seq 120); do
		"$unit/mutate" a.crimg $n m.crimg >what
		for cmd in 'stack -b' 'stack --json -b'; do
			run mkcrimg $cmd m.crimg
			[ "$status" -le 1 ] || { cat what; echo "$output"; false; }
		done
		for cmd in 'diff a.crimg m.crimg' 'diff --json m.crimg a.crimg'; do
			run mkcrimg $cmd
			[ "$status" -le 2 ] || { cat what; echo "$output"; false; }
		done
	done
}
