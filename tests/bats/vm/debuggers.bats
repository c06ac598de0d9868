#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Debuggers on images of programs as they are in the world: C, C++ with threads, a runtime of its own as Go has it,
# Python, Java; gdb, lldb and elfutils on the image as it is, on one that is expanded, and on what mkcrimg makes of it.
#
# What gdb finds of tests/progs/debug.c is in debug.bats, of a crash and its siginfo in auto.bats, of mkcrimg stack
# in stack.bats. Symbols of the C library are none of this: Debian has them in a package of its own.

load helper
load interrupted

local_setup() {
	image=$BATS_TEST_TMPDIR/job.crimg whole=$BATS_TEST_TMPDIR/whole.crimg
}

# saved PROGRAM [CASE...]: an image of it, compressed and expanded; nothing is left of the job
saved() {
	start "$@"
	save_kill
	expand
}

expand() { run -0 mkcrimg expand -o "$whole" "$image"; }

# on_gdb EXE CORE COMMAND...
on_gdb() {
	local exe=$1 core=$2 args=()
	shift 2
	for command; do args+=(-ex "$command"); done
	run -0 gdb -nx -batch -q -iex 'set auto-load no' -iex 'set auto-load libthread-db yes' \
		-iex 'set auto-load safe-path /' -iex 'set width 0' "${args[@]}" "$exe" "$core"
}

# on_lldb EXE CORE COMMAND...: Debian's does not find its own Python module, and says so on standard error. It ends at a
# command that fails, which must be the last, and its status differs.
on_lldb() {
	local exe=$1 core=$2 args=()
	shift 2
	for command; do args+=(-o "$command"); done
	run --separate-stderr lldb --no-lldbinit --batch -c "$core" "${args[@]}" "$exe"
}

# So many lines match
count() {
	assert_equal "$2: $(grep -cE "$2" <<<"$output")" "$2: $1"
}

# at_least N REGEX
at_least() {
	local n
	n=$(grep -cE "$2" <<<"$output") || :
	[ "$n" -ge "$1" ] || fail "$2: only $n lines of $output"
}

# main_of IMAGE: the pid of its leader
main_of() { mkcrimg stack "$1" | sed -n '1s/^PID \([0-9]*\) .*/\1/p'; }

# register_bytes NUMBER BYTES: as inspect has filled it, and gdb prints it
register_bytes() {
	local i list=()
	for ((i = 0; i < $2; i++)); do list+=("$(printf 0x%x $(((16 * $1 + i) % 256)))"); done
	local IFS=,
	echo "{${list[*]}}" | sed 's/,/, /g'
}

# ---- C ----

@test "C: gdb, the image as it is: vector registers, thread-local variables, auxiliary vector, files, vdso" {
	local bits mm n=1 number
	start inspect vectors
	bits=$(cat "$job_dir/bits")
	save_kill
	[ "$bits" = 512 ] && mm=zmm || mm=ymm
	on_gdb "$progs/inspect" "$image" 'thread 2' 'set print repeats 0' 'set print null-stop on' "p/x \$${mm}0.v$((bits / 8))_int8" \
		"p/x \$${mm}1.v$((bits / 8))_int8" "p/x \$${mm}7.v$((bits / 8))_int8" \
		"p/x \$${mm}15.v$((bits / 8))_int8" 'info registers ymm0' 'bt' \
		'p inspect_tls' 'p inspect_tls_text' 'thread 1' 'p inspect_tls' 'p inspect_tls_text' \
		'x/3dw inspect_known' 'x/i __vdso_clock_gettime' 'info sharedlibrary'
	for number in 0 1 7 15; do
		assert_line "\$$n = $(register_bytes $number $((bits / 8)))"
		n=$((n + 1))
	done
	assert_line --regexp '^ymm0 .*v2_int128 = \{0xf0e0d0c0b0a09080706050403020100, 0x1f1e1d1c1b1a19181716151413121110\}'
	assert_line --regexp '^#0 .* vectors_sleep \('
	assert_line --regexp '^#1 .* vectors_thread \(arg=0x0\)'
	assert_line '$5 = 22'
	assert_line '$6 = "of the thread"'
	assert_line '$7 = 11'
	assert_line '$8 = "of main"'
	assert_line --regexp '<inspect_known>:.*17.*18.*19$'
	assert_line --regexp '<.*clock_gettime>:.*[a-z]'
	assert_line --regexp ' Yes .*/libc\.so\.6'
	# it follows the list of libraries to its end, with what is below the vdso's name
	refute_output --partial 'load map'
	refute_output --partial 'may not match'
}

@test "C: gdb and eu-readelf, the image as it is: what the program has seen of auxv; its files" {
	local size
	start inspect vectors
	save_kill
	on_gdb "$progs/inspect" "$image" 'info auxv'
	sed -nE 's/^([0-9]+) +(AT_|\?\?\?).* (0x[0-9a-f]+|[0-9]+)( ".*")?$/\1 \3/p' <<<"$output" |
		while read -r type value; do echo "$type $((value))"; done >"$BATS_TEST_TMPDIR/said"
	od -An -v -tu8 -w16 "$job_dir/auxv" | awk '{ print $1, $2 }' >"$BATS_TEST_TMPDIR/seen"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/seen")" -gt 15 ]
	run -0 diff "$BATS_TEST_TMPDIR/seen" "$BATS_TEST_TMPDIR/said"
	on_gdb "$progs/inspect" "$image" 'info proc mappings' 'info proc cmdline' 'info proc exe'
	# text, data and what lies between and behind them
	at_least 4 " $progs/inspect\$"
	at_least 4 '/libc\.so\.6$'
	at_least 4 '/ld-linux-x86-64\.so\.2$'
	assert_line "exe = '$progs/inspect $job_dir vectors'"
	run -0 eu-readelf -n "$image"
	count 2 ' X86_XSTATE$'
	count 2 ' PRSTATUS$'
}

# Each thread has 4 MiB of stack below it, which are compressed but for the top of them
@test "C: stacks of megabytes: their tops in the image as it is, all of them in others" {
	saved inspect deep
	on_gdb "$progs/inspect" "$image" 'thread apply all backtrace' 'thread apply all p inspect_tls' 'info threads'
	count 2 'deep_call \(n=(n@entry=)?0,'
	count 2 'deep_call \(n=(n@entry=)?5,'
	count 1 'deep_sleep \('
	count 1 'prog_wait \('
	# not further than there is memory
	count 0 'deep_call \(n=(n@entry=)?100,'
	count 2 'Backtrace stopped: Cannot access memory'
	count 1 '^\$[12] = 33'
	count 1 '^\$[12] = 11'
	# by libthread_db, which needs what each of them has at the end of its stack
	count 2 '^[* ] +[12] +Thread 0x[0-9a-f]+ \(LWP'
	on_gdb "$progs/inspect" "$whole" 'thread apply all backtrace -4'
	count 2 'deep_call \(n=(n@entry=)?300,'
	count 1 'deep_thread \('
	count 1 ' main \('
	refute_output --partial 'Cannot access memory'
	run -0 mkcrimg gdb "$image" -- -nx -batch -ex 'thread apply all backtrace -4'
	count 2 'deep_call \(n=(n@entry=)?300,'
	run -0 eu-stack -n 0 --core="$whole"
	count 602 ' deep_call$'
}

@test "C: lldb: threads, backtraces, registers, variables, memory, libraries" {
	local core
	need lldb
	saved debug
	for core in "$image" "$whole"; do
		on_lldb "$progs/debug" "$core" 'thread list' 'bt all' 'image list' \
			'target variable debug_global debug_struct' 'memory read -c 12 -- &debug_struct' \
			'frame select 3' 'frame variable n'
		count 4 ' thread #[1-4]: tid = '
		count 4 ' frame #[0-9]+: .*`prog_wait '
		count 3 'debug_thread\(arg=0x0*[123]\)'
		count 4 'wait_below\(n=1\)'
		count 1 'debug_wait '
		assert_line --regexp "^\\[  0\\] .* $progs/debug "
		assert_line --regexp '^\[ +[0-9]+\] .*\[vdso\]'
		assert_line --regexp '^\[ +[0-9]+\] .*/libc\.so\.6'
		assert_line --regexp '^\[ +[0-9]+\] .*/ld-linux-x86-64\.so\.2'
		assert_line '(int) debug_global = 815'
		assert_output --partial 'a = 7'
		assert_line --regexp '^0x[0-9a-f]+: 07 00 00 00 73 65 76 65 6e 00'
		assert_line '(int) n = 0'
	done
	# what was compressed
	on_lldb "$progs/debug" "$whole" 'memory read -c 8 `debug_large + 4000000`' \
		'target variable debug_shared'
	assert_line --regexp '^0x[0-9a-f]+: f8 f8 f8 f8 f8 f9 f9 f9'
	assert_output --partial '"from the parent"'
	on_lldb "$progs/debug" "$image" 'memory read `debug_large + 4000000`'
	[[ $output$stderr == *'core file does not contain'* ]]
}

# Of the extended state lldb 14 shows nothing, of any core: what it has is xmm0 from the other note
@test "C: lldb: vector registers" {
	need lldb
	start inspect vectors
	save_kill
	on_lldb "$progs/inspect" "$image" 'thread select 2' 'register read xmm0 xmm7' 'register read ymm0'
	assert_line --regexp 'xmm0 = \{0x00 0x01 0x02 0x03 0x04 0x05 0x06 0x07 0x08 0x09 0x0a 0x0b 0x0c 0x0d 0x0e 0x0f\}'
	assert_line --regexp 'xmm7 = \{0x70 0x71 0x72 0x73 0x74 0x75 0x76 0x77 0x78 0x79 0x7a 0x7b 0x7c 0x7d 0x7e 0x7f\}'
	# never a wrong value
	[[ $output$stderr == *'ymm0'*unavailable* || $output == *'0x1e 0x1f}'* ]]
}

# ---- C++ ----

@test "C++: gdb: threads, objects by their virtual tables, containers, thread-local objects" {
	saved cplusplus
	on_gdb "$progs/cplusplus" "$image" 'thread apply all backtrace' 'set print object on' 'p *cpp::shape' \
		'p cpp::shape->name._M_dataplus._M_p' 'p cpp::numbers._M_impl._M_start[30]' \
		'p cpp::squares._M_t._M_impl._M_node_count' 'thread apply 2 3 4 -q p cpp::worker_number' \
		'thread 3' 'p cpp::worker_name._M_dataplus._M_p'
	count 1 '^#[0-9]+ .*prog_wait \('
	count 4 '^#[0-9]+ .*cpp::Circle::wait \('
	count 3 '^#[0-9]+ .*cpp::Pool::work \(this=.* <cpp::pool>, number=[012]\)'
	at_least 1 '_Async_state_impl'
	assert_line --regexp '^\$1 = \(cpp::Circle\).*vtable for cpp::Circle\+16>.*radius = 5'
	assert_line --regexp '^\$2 = .*0x[0-9a-f]+ "circle"'
	assert_line '$3 = 900'
	assert_line '$4 = 1000'
	assert_line '$5 = 0'
	assert_line '$6 = 1'
	assert_line '$7 = 2'
	assert_line --regexp '^\$8 = .*0x[0-9a-f]+ "worker 1"'
	run -0 mkcrimg gdb "$image" -- -nx -batch -ex 'p cpp::numbers._M_impl._M_start[999]' -ex 'bt'
	assert_line '$1 = 998001'
	count 4 '^#[0-9]+ .*cpp::Circle::wait \('
}

@test "C++: eu-stack, mkcrimg stack and core, lldb" {
	local core
	saved cplusplus
	run -0 mkcrimg core -o "$BATS_TEST_TMPDIR/core" "$image"
	for core in "$image" "$whole" "$BATS_TEST_TMPDIR/core"; do
		run -0 eu-stack --core="$core"
		count 4 ' cpp::Circle::wait\(int\)$'
		count 3 ' cpp::Pool::work\(int\)$'
		count 1 ' main$'
	done
	run -0 mkcrimg stack "$image"
	count 5 '^TID '
	count 4 '_ZN3cpp6Circle4waitEi\+0x.*/cplusplus\.cc:'
	count 3 '_ZN3cpp4Pool4workEi\+0x'
	need lldb
	for core in "$image" "$whole"; do
		on_lldb "$progs/cplusplus" "$core" 'bt all' 'image list' \
			'target variable cpp::shape' 'p cpp::numbers._M_impl._M_start[29]'
		count 4 'frame #[0-9]+: .*`cpp::Circle::wait\(this=0x'
		at_least 3 'frame #[0-9]+: .*`cpp::Pool::work\('
		assert_line --regexp '^\(cpp::Shape \*\) cpp::shape = 0x0*[1-9a-f]'
		assert_line --regexp '^\(int\) \$0 = 841$'
		assert_line --regexp '^\[ +[0-9]+\] .*/libstdc\+\+\.so\.6'
	done
}

# ---- Go-like ----

# coroutines_in OUTPUT: the stacks that the threads are on, with 1, 2 and 3 calls of walk() more than none
running_coroutines() {
	count 3 "$1held( |\(|\+|\$)"
	count 9 "$1walk( |\(|\+|\$)"
	count 3 "$1coroutine_run( |\(|\+|\$)"
	count 4 "$1coroutine_entry( |\(|\+|\$)"
	count 1 "$1first_run( |\(|\+|\$)"
}

golike() {
	local program=$1 core
	saved "$program"
	on_gdb "$progs/$program" "$image" 'thread apply all backtrace' 'p coroutines[9].turns' \
		'p machines[2].current->number' 'info symbol coroutines[9].context.rsp[6]' 'p *first.machine'
	running_coroutines '^#[0-9]+ .*'
	refute_output --partial 'corrupt stack'
	refute_output --partial 'Backtrace stopped'
	assert_line '$1 = 200'
	assert_line '$2 = 2'
	# one that does not run says on its stack where it will
	assert_line --regexp '^given_up( \+ [0-9]+)? in section \.text'
	for core in "$image" "$whole"; do
		run -0 eu-stack --core="$core"
		running_coroutines ' '
	done
	run -0 mkcrimg stack "$image"
	count 4 '^TID '
	running_coroutines ' '
	! command -v lldb >/dev/null || {
		on_lldb "$progs/$program" "$image" 'bt all' 'target variable machines[2].number'
		count 4 'frame #[0-9]+: .*`coroutine_entry '
		count 9 'frame #[0-9]+: .*`walk '
		assert_output --partial '= 2'
	}
	run -0 mkcrimg gdb "$image" -- -nx -batch -ex 'thread apply all backtrace'
	running_coroutines '^#[0-9]+ .*'
}

@test "Go-like: coroutines on stacks of their own, a static program" {
	golike golike
}

@test "Go-like: the same at a random address" {
	golike golike_pie
}

# ---- Python ----

start_python() {
	new_job
	cat >"$BATS_TEST_TMPDIR/heap" <<-'EOF'
		import ctypes, os, sys, threading, time
		def forever(*args):
		    while True:
		        time.sleep(0.05)
		heap = bytearray(4 << 20)
		for i in range(0, len(heap), 4096):
		    heap[i] = i >> 12 & 255
		at = 3 << 20
		heap[at:at + 19] = b'needle of a parent\0'
		with open(sys.argv[1] + '/address', 'w') as f:
		    print(hex(ctypes.addressof(ctypes.c_char.from_buffer(heap)) + at), file=f)
		for i in range(2):
		    threading.Thread(target=forever, daemon=True).start()
		if not os.fork():
		    heap[at:at + 18] = b'needle of a child!'
		    open(sys.argv[1] + '/ready', 'w').close()
		forever()
	EOF
	run_job python3 "$BATS_TEST_TMPDIR/heap" "$job_dir"
}

@test "Python: native frames by symbol; bytes in the heaps of a parent and a child" {
	local exe address
	start_python
	exe=$(readlink -f "/proc/$job_pid/exe")
	address=$(cat "$job_dir/address")
	save_kill
	expand
	on_gdb "$exe" "$image" 'info threads' 'thread apply all backtrace' "x/s $address" "find $address-8, +100, 'n', 'e'"
	count 3 'LWP [0-9]+\)+:$'
	count 1 ' Py_BytesMain '
	at_least 3 ' _PyEval_EvalFrameDefault '
	# the name of the program is another's: they know each other by the build-id
	refute_output --partial 'may not match'
	# compressed
	at_least 1 "Cannot access memory at address 0x"
	run -0 mkcrimg gdb "$image" -- -nx -batch -ex 'info inferiors' -ex "x/s $address" \
		-ex "find $address-0x100000, +0x100100, 'n', 'e', 'e', 'd', 'l', 'e'" -ex 'inferior 2' -ex "x/s $address" -ex 'bt'
	count 2 '^[* ] +[12] +process '
	assert_line --regexp "^$address.*\"needle of a parent\""
	assert_line --regexp '^1 pattern found'
	assert_line --regexp "^$address.*\"needle of a child!\""
	count 1 ' Py_BytesMain '
	run -0 eu-stack --core="$whole"
	count 1 ' Py_BytesMain$'
	run -0 mkcrimg stack "$image"
	count 2 ' Py_BytesMain\+0x'
	! command -v lldb >/dev/null || {
		on_lldb "$exe" "$whole" 'bt all' "memory read -c 18 $address"
		count 1 '`Py_BytesMain '
		assert_output --partial 'needle of a pare'
	}
}

# ---- Java ----

start_java() {
	cat >"$BATS_TEST_TMPDIR/Stays.java" <<-'END'
		import java.nio.file.*;

		public class Stays {
			static final Object lock = new Object();
			static volatile int here;

			static int deep(int n) throws InterruptedException {
				if (n > 0)
					return deep(n - 1) + 1;
				synchronized (lock) {
					here++;
					while (true)
						lock.wait();
				}
			}

			static void stay(int n) {
				try {
					deep(n);
				} catch (InterruptedException e) {
				}
			}

			// until it has been compiled
			static long busy(long x) {
				for (int i = 0; i < 100000; i++)
					x = x * 6364136223846793005L + i;
				return x;
			}

			public static void main(String[] args) throws Exception {
				long sum = 0;
				for (int i = 0; i < 200; i++)
					sum = busy(sum);
				new Thread(() -> stay(3), "stays-a").start();
				new Thread(() -> stay(5), "stays-b").start();
				while (here < 2)
					Thread.sleep(10);
				Files.createFile(Path.of(args[0], "ready"));
				stay(10 + (int)(sum & 1));
			}
		}
	END
	javac -d "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/Stays.java"
	new_job
	run_job java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$BATS_TEST_TMPDIR" Stays "$job_dir"
}

# Frames of compiled code cannot be followed by who knows only ELF: they end, or go on, somewhere
@test "Java: threads for gdb, lldb, eu-stack, mkcrimg stack; jhsdb on what mkcrimg core writes" {
	local exe threads
	need java javac
	start_java
	exe=$(readlink -f "/proc/$job_pid/exe")
	threads=("/proc/$job_pid/task"/*)
	threads=${#threads[@]}
	save_kill
	expand
	[ "$threads" -gt 8 ]
	on_gdb "$exe" "$image" 'info threads' 'backtrace'
	count "$threads" '^[* ] +[0-9]+ +Thread 0x.*LWP'
	count 1 ' JLI_Launch '
	run -0 mkcrimg stack "$image"
	count "$threads" '^TID '
	at_least 2 ' JVM_MonitorWait\+0x'
	at_least 6 ' start_thread\+0x'
	# it cannot go through those frames, and says so by its status
	run eu-stack --core="$whole"
	count "$threads" '^TID '
	at_least 2 ' JVM_MonitorWait'
	! command -v lldb >/dev/null || {
		on_lldb "$exe" "$image" 'thread list'
		count "$threads" ' thread #[0-9]+: tid = '
		on_lldb "$exe" "$whole" 'thread list' 'bt'
		count "$threads" ' thread #[0-9]+: tid = '
		count 1 '`JLI_Launch'
	}
	run -0 mkcrimg core -o "$BATS_TEST_TMPDIR/core" "$image"
	need jhsdb
	run -0 jhsdb jstack --exe "$exe" --core "$BATS_TEST_TMPDIR/core"
	for name in main stays-a stays-b; do assert_line --regexp "^\"$name\" .* in Object.wait\(\)"; done
	# 4 and 6 of the threads, 11 or 12 of main()
	at_least 21 ' - Stays.deep\(int\) @bci='
	count 3 ' - Stays.stay\(int\) @bci='
	assert_line --regexp ' - Stays.main\(java.lang.String\[\]\) @bci=[0-9]+, line='
}
