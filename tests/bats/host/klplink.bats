#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# tools/klplink, on small objects that look like linked modules.

bats_load_library bats-support
bats_load_library bats-assert

setup() {
	klplink=$BATS_TEST_DIRNAME/../../../build/klplink
	cd "$BATS_TEST_TMPDIR"
	printf '0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n' >symvers
	cat >map <<-END
	ffffffff81000000 T _text
	ffffffff81000100 T hidden
	ffffffff81000200 t twice
	ffffffff81000300 t twice
	ffffffff81000400 d some_data
	ffffffff81000500 T __init_begin
	ffffffff81000510 t early
	ffffffff81000600 T __init_end
	ffffffff81000700 T of_a_module	[other]
	END
}

# Make a module of the C code on standard input; arguments go to the compiler.
module() {
	{
		echo 'static const char info[] __attribute__((section(".modinfo"), used)) = "livepatch=Y";'
		cat
	} >m.c
	gcc -O1 -fno-pic -mcmodel=kernel -fno-asynchronous-unwind-tables "$@" -c -o m.o m.c
	ld -r -o m.ko m.o
}

symbols() { readelf -sW "${1:-out.ko}"; }
relocs() { readelf -rW "${1:-out.ko}"; }

@test "an exported symbol stays as it is" {
	module <<<'void printk(void); void f(void) { printk(); }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_success
	run symbols
	assert_output --regexp 'UND printk'
	refute_output --partial '.klp.sym'
	run readelf -SW out.ko
	refute_output --partial '.klp.rela'
}

@test "an unexported function becomes a livepatch symbol, and only its relocations move" {
	module <<<'void printk(void); void hidden(void); void f(void) { printk(); hidden(); printk(); }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_success
	run symbols
	assert_output --regexp 'OS \[0xff20\] .klp.sym.vmlinux.hidden,0'
	refute_output --regexp ' hidden$'
	run relocs
	assert_output --regexp "section '.klp.rela.vmlinux.text' at offset 0x[0-9a-f]+ contains 1 entry"
	assert_output --regexp "section '.rela.text' at offset 0x[0-9a-f]+ contains 2 entries"
	# allocated, with section info, for livepatch
	run readelf -SW out.ko
	assert_output --regexp '.klp.rela.vmlinux.text +RELA .* AIo '
}

@test "the order of symbols and sections does not change" {
	module <<<'void printk(void); void hidden(void); void f(void) { printk(); hidden(); }'
	"$klplink" -m map -o out.ko m.ko symvers
	run diff <(symbols m.ko | wc -l) <(symbols out.ko | wc -l)
	assert_success
	run diff <(symbols m.ko | awk '/printk|hidden/ { print $1 }') <(symbols out.ko | awk '/printk|hidden/ { print $1 }')
	assert_success
}

@test "a symbol in data" {
	module <<<'extern int some_data; int *p = &some_data; int f(void) { return some_data; }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_success
	run relocs
	assert_output --regexp "'.klp.rela.vmlinux.data' .* 1 entry"
	assert_output --regexp "'.klp.rela.vmlinux.text' .* 1 entry"
	assert_output --partial '.klp.sym.vmlinux.some_data,0 + 0'
}

@test "a section whose name has no dot in front" {
	module <<<'extern int some_data; int *p __attribute__((section("__jump_table"))) = &some_data;'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_success
	run readelf -SW out.ko
	assert_output --partial '.klp.rela.vmlinux.__jump_table'
}

@test "an unknown symbol is refused by name" {
	module <<<'void no_such(void); void nor_this(void); void f(void) { no_such(); nor_this(); }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_failure 1
	assert_line 'klplink: m.ko: no_such: the kernel has no such symbol'
	assert_line 'klplink: m.ko: nor_this: the kernel has no such symbol'
	[ ! -e out.ko ]
	run ls
	refute_output --partial .tmp
}

@test "a module's symbol is not the kernel's" {
	module <<<'void of_a_module(void); void f(void) { of_a_module(); }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_failure 1
	assert_output 'klplink: m.ko: of_a_module: the kernel has no such symbol'
}

@test "without a symbol list unknown symbols are left to the kernel" {
	module <<<'void no_such(void); void f(void) { no_such(); }'
	run "$klplink" -o out.ko m.ko symvers
	assert_success
	run symbols
	assert_output --partial '.klp.sym.vmlinux.no_such,0'
}

@test "a duplicate static is refused by name, and chosen by position" {
	module <<<'void twice(void); void f(void) { twice(); }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_failure 1
	assert_output 'klplink: m.ko: twice: the kernel has 2 symbols of this name, choose one with -s twice=POS'

	run "$klplink" -m map -s twice=2 -o out.ko m.ko symvers
	assert_success
	run symbols
	assert_output --partial '.klp.sym.vmlinux.twice,2'

	run "$klplink" -m map -s twice=3 -o out.ko m.ko symvers
	assert_failure 1
	assert_output 'klplink: m.ko: twice: position 3 wanted, the kernel has 2 of them'
}

@test "a symbol in init memory is refused" {
	module <<<'void early(void); void f(void) { early(); }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_failure 1
	assert_output 'klplink: m.ko: early: lies in memory that the kernel frees after boot'
}

@test "a weak symbol is resolved when the kernel has it, else left" {
	module <<<'__attribute__((weak)) void hidden(void); __attribute__((weak)) void no_such(void);
		void f(void) { if (hidden) hidden(); if (no_such) no_such(); }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_success
	run symbols
	assert_output --partial '.klp.sym.vmlinux.hidden,0'
	assert_output --regexp 'WEAK +DEFAULT +UND no_such'
}

@test "debug information keeps its relocations" {
	module -g <<<'extern int some_data; int f(void) { return some_data; }'
	run "$klplink" -m map -o out.ko m.ko symvers
	assert_success
	run readelf -SW out.ko
	refute_output --partial '.klp.rela.vmlinux.debug'
}

@test "in place, and not twice" {
	module <<<'void hidden(void); void f(void) { hidden(); }'
	run "$klplink" -m map m.ko symvers
	assert_success
	run "$klplink" -m map m.ko symvers
	assert_failure 1
	assert_output 'klplink: m.ko: is linked already: it has a section .klp.rela.vmlinux.text'
}

@test "wrong input is named" {
	echo 'void f(void) { }' | gcc -c -o plain.o -x c -
	run "$klplink" -o out.ko plain.o symvers
	assert_failure 1
	assert_output 'klplink: plain.o: lacks MODULE_INFO(livepatch, "Y"), the kernel would not resolve its symbols'

	module <<<'void f(void) { }'
	run "$klplink" -o out.ko symvers symvers
	assert_failure 1
	assert_output 'klplink: symvers: not an ELF file'

	run "$klplink" -o out.ko m.ko m.c
	assert_failure 1
	assert_output 'klplink: m.c:1: not a line of Module.symvers'

	echo 'ffffffffffffffff B The real one is elsewhere' >stub
	run "$klplink" -m stub -o out.ko m.ko symvers
	assert_failure 1

	run "$klplink" -s twice -o out.ko m.ko symvers
	assert_failure 1
	assert_output 'klplink: -s twice: expected NAME=POS'

	run "$klplink" -o out.ko missing.ko symvers
	assert_failure 1
	assert_output 'klplink: missing.ko: No such file or directory'

	run "$klplink" m.ko
	assert_failure 2
	[ ! -e out.ko ]
}

@test "a truncated module is refused" {
	module <<<'void hidden(void); void f(void) { hidden(); }'
	size=$(stat -c %s m.ko)
	for len in 0 10 64 200 $((size / 2)) $((size - 64)); do
		head -c $len m.ko >short.ko
		run "$klplink" -m map -o out.ko short.ko symvers
		assert_failure 1
		assert_output --partial 'klplink: '
		[ ! -e out.ko ]
	done
}
