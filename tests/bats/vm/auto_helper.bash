# SPDX-License-Identifier: GPL-2.0
# What the Bats files for automatic images share. They load it behind helper.bash.

# directory of the images of a test
images=
local_setup() {
	images=$BATS_TEST_TMPDIR/images
	mkdir "$images"
	randomized=(setsid setarch x86_64)
	set_to crimg_pattern "$images/%e.%p.%n.crimg"
}

local_teardown() {
	local name
	[ -z "${was_dumpable:-}" ] || echo "$was_dumpable" >/proc/sys/fs/suid_dumpable
	set_to crimg_pattern ''
	for name in crimg_signal crimg_end_signal crimg_fatal crimg_tree; do set_to $name 0; done
}

set_to() { echo "$2" >"/proc/sys/kernel/$1"; }

image_is_there() { [ -e "$images/$1" ]; }

# the images that there are, in one line
images_are() { assert_equal "$(cd "$images" && ls -A | sort | xargs)" "$(printf '%s\n' "$@" | sort | xargs)"; }

# How many lines of the kernel's log match since this test has begun; other files have tests of its number
logged() {
	dmesg | begin="cr-test: $BATS_TEST_NUMBER " what=$1 awk \
		'index($0, ENVIRON["begin"]) { count = 0 } $0 ~ ENVIRON["what"] { count++ } END { print count + 0 }'
}

# No saver is under way
savers_done() { ! pgrep -x crimg >/dev/null; }

# signal and wait until nobody saves any more
signalled() {
	kill -"$1" "${@:2}"
	until_true savers_done
}

restarts() {
	rm -f "$job_dir/go"
	job_image=$images/$1
	resume
	finish
}
