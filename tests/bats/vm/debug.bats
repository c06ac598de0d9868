#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# An image is a core: debuggers look at the leader in the compressed image itself, and at every process
# by way of mkcrimg. The job is tests/progs/debug.c.

load helper

local_setup() {
	start debug
	save_kill
	pids=($(mkcrimg show "$job_image" | awk '/COMMAND$/ { on = 1; next } on && $1 ~ /^[0-9]+$/ { print $1 }'))
	child=${pids[1]}
	rm "$BATS_TEST_TMPDIR/job0" -r
}

# gdb on a core, with the commands of the arguments
gdb_core() {
	local core=$1 args=()
	shift
	for command; do args+=(-ex "$command"); done
	run gdb -nx -batch -q -iex 'set auto-load safe-path /' "${args[@]}" "$progs/debug" "$core"
}

# Backtraces of all threads, before the first value is printed: main() stands 5 calls down, the others
# 1, 2 and 3
all_backtraces() {
	local bt
	bt=$(sed '/^\$1 =/q' <<<"$output" | sed -n '/^Thread 4/,$p')
	count 4 ' prog_wait \(' "$bt"
	count 4 ' wait_below \(n=0\)' "$bt"
	count 2 ' wait_below \(n=3\)' "$bt"
	count 1 ' wait_below \(n=5\)' "$bt"
	count 3 ' debug_thread \(arg=0x[123]\)' "$bt"
	count 1 '^#[0-9]+ .*main \(argc' "$bt"
	refute_output --partial 'corrupt stack'
}

# So many lines match
count() {
	assert_equal "$2: $(grep -cE "$2" <<<"$3")" "$2: $1"
}

@test "gdb on the compressed image: threads, backtraces, globals, locals" {
	gdb_core "$job_image" 'thread apply all backtrace' 'p debug_global' 'p debug_struct' 'p debug_text' \
		'thread 1' 'frame function debug_wait' 'down' 'p debug_local' 'p n'
	assert_success
	all_backtraces
	assert_output --partial '$1 = 815'
	assert_output --partial '$2 = {a = 7, b = "seven'
	assert_output --partial '$3 = "text of the file"'
	assert_output --partial '$4 = 542'
	assert_output --partial '$5 = 5'
}

@test "gdb on the compressed image says what is not there, and does not print zeros" {
	gdb_core "$job_image" 'p debug_large[4000000]'
	assert_output --partial 'Cannot access memory'
}

@test "other tools on the compressed image: readelf, eu-readelf, file" {
	run -0 readelf -lnW "$job_image"
	refute_output --partial 'Warning'
	run -0 eu-readelf -n "$job_image"
	count 4 ' PRSTATUS' "$output"
	for note in PRPSINFO SIGINFO AUXV FILE; do
		count 1 " $note( |$)" "$output"
	done
	run -0 file "$job_image"
	assert_output --partial "from '$progs/debug"
	run -0 eu-stack --core="$job_image" -e "$progs/debug"
	count 4 ' prog_wait' "$output"
}

@test "mkcrimg core: the leader, with all of its memory" {
	run -0 mkcrimg core -o "$BATS_TEST_TMPDIR/core" "$job_image"
	gdb_core "$BATS_TEST_TMPDIR/core" 'thread apply all backtrace' 'p debug_global' 'p debug_large[4000000]' \
		'p (char *)debug_shared' 'p (char *)debug_shared + 8192' 'p debug_tls'
	assert_success
	all_backtraces
	assert_output --partial '$1 = 815'
	assert_output --partial "\$2 = $((4000000 * 7 / 32 % 256))"
	assert_output --partial '"from the parent"'
	assert_output --partial '"from the child"'
	assert_output --partial '$5 = 5'
}

@test "mkcrimg core -p: a child; eu-stack needs nothing else" {
	run -0 mkcrimg core -p "$child" -o "$BATS_TEST_TMPDIR/core" "$job_image"
	gdb_core "$BATS_TEST_TMPDIR/core" 'backtrace' 'p debug_global' 'info threads'
	assert_success
	assert_output --partial 'in wait_below (n=5)'
	assert_output --partial 'in debug_child ('
	assert_output --partial '$1 = 99'
	assert_output --regexp "\* 1 .*LWP $child"
	run -0 eu-stack --core="$BATS_TEST_TMPDIR/core"
	assert_output --partial 'debug_child'
	assert_output --partial 'main'
}

@test "mkcrimg core --all, --filter: every process, without its shared memory, or without any" {
	run -0 mkcrimg core --all --filter 31 -o "$BATS_TEST_TMPDIR" "$job_image"
	gdb_core "$BATS_TEST_TMPDIR/core.${pids[0]}" 'thread apply all backtrace' 'p debug_global' \
		'p debug_large[4000000]' 'p (char *)debug_shared'
	all_backtraces
	assert_output --partial '$1 = 815'
	assert_output --partial "\$2 = $((4000000 * 7 / 32 % 256))"
	assert_output --partial 'Cannot access memory'
	gdb_core "$BATS_TEST_TMPDIR/core.$child" 'p debug_global'
	assert_success
	assert_output --partial '$1 = 99'
	# the job had the default
	run -0 mkcrimg core -p "$child" -o "$BATS_TEST_TMPDIR/all" "$job_image"
	run -0 mkcrimg core --all --filter own -o "$BATS_TEST_TMPDIR" "$job_image"
	cmp "$BATS_TEST_TMPDIR/all" "$BATS_TEST_TMPDIR/core.$child"
	run -0 mkcrimg core --filter 0 -o "$BATS_TEST_TMPDIR/none" "$job_image"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/none")" -lt 65536 ]
}

@test "mkcrimg expand: gdb and eu-stack see all of the leader, with nothing else" {
	local x=$BATS_TEST_TMPDIR/x.crimg
	run -0 mkcrimg expand -o "$x" "$job_image"
	gdb_core "$x" 'thread apply all backtrace' 'p debug_global' 'p debug_large[4000000]' \
		'p (char *)debug_shared' 'p (char *)debug_shared + 8192' 'p debug_tls'
	assert_success
	all_backtraces
	assert_output --partial '$1 = 815'
	assert_output --partial "\$2 = $((4000000 * 7 / 32 % 256))"
	assert_output --partial '"from the parent"'
	assert_output --partial '"from the child"'
	assert_output --partial '$5 = 5'
	run -0 eu-stack --core="$x"
	count 4 ' prog_wait' "$output"
	assert_output --partial 'debug_thread'
	run -0 eu-readelf -ln "$x"
	count 4 ' PRSTATUS' "$output"
	run -0 readelf -lnW "$x"
	refute_output --partial 'Warning'
}

# Places in the file that several processes have in common
common() {
	mkcrimg show --json "$1" | python3 -c "
import json, sys
seen = {}
for r in json.load(sys.stdin)['records']:
    if r['type'] == 'PAGES':
        seen.setdefault(r['offset'], []).append((r['id'], r['addr'], r['len']))
print(sorted(sorted(x) for x in seen.values() if len(x) > 1))"
}

@test "mkcrimg expand: what processes have in common stays common, and the image restarts" {
	local x=$BATS_TEST_TMPDIR/x.crimg
	run -0 mkcrimg expand -o "$x" "$job_image"
	[ "$(common "$x")" != '[]' ]
	[ "$(common "$x")" = "$(common "$job_image")" ]
	run -0 mkcrimg check "$x"
	mv "$x" "$job_image"
	mkdir "$job_dir"
	resume
	finish
}

@test "mkcrimg gdb: every process is an inferior" {
	run -0 mkcrimg gdb "$job_image" -- -nx -batch -iex 'set auto-load safe-path /' -ex 'info inferiors' \
		-ex 'p debug_global' -ex 'p debug_tls' -ex 'inferior 2' -ex 'p debug_global' -ex 'backtrace' \
		-ex 'p debug_large[4000000]'
	assert_output --regexp "\* 1 +process ${pids[0]}"
	assert_output --regexp "  2 +process $child"
	assert_output --partial '$1 = 815'
	assert_output --partial '$2 = 5'
	assert_output --partial '$3 = 99'
	assert_output --partial 'in debug_child ('
	assert_output --partial "\$4 = $((4000000 * 7 / 32 % 256))"
}
