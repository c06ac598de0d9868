#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The reader and the checks of images: the code that the kernel runs, here under ASan and UBSan. Each
# test is in tests/unit/test_image.c; the image that it damages is made by tests/unit/sample.c.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

test_image() {
	run -0 "$BATS_TEST_DIRNAME/../../../build/unit/test_image" "$1"
}

@test "a good image passes, and it has every kind of record" {
	test_image valid
}

@test "the table of fields describes every byte of every record" {
	test_image fields
}

@test "cut off before every record, and anywhere" {
	test_image truncated
}

@test "a single bit flipped in any record is found" {
	test_image flipped
}

@test "a single bit flipped, with checksums set right, does no harm" {
	test_image flipped-fixed
}

@test "every number at its extremes" {
	test_image extremes
}

@test "lengths, types, sizes and ids at their extremes" {
	test_image framing
}

@test "records missing, twice, or in the wrong order" {
	test_image order
}

@test "records of a later version: longer ones are read" {
	test_image longer
}

@test "each rule has its error and its message" {
	test_image directed
}

@test "20000 mutants" {
	test_image mutants
}

@test "60000 mappings, 30000 processes, 500000 descriptors: in linear time" {
	test_image large
}

@test "the fuzzer finds nothing in a short time" {
	run -0 "$BATS_TEST_DIRNAME/../../unit/fuzz" "$BATS_TEST_DIRNAME/../../../build/unit" "${CR_FUZZ_TIME:-15}"
	assert_line --regexp '^Done [0-9]+ runs'
}
