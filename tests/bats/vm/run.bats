#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# mkcrimg run and mkcrimg auto: jobs that are saved at intervals and when time is over, and resumed by the next
# start of the same command. Without images: tests/bats/host/run.bats.

load helper

# A test's own directory: what the job "count" writes is in work, its images are where they shall be
local_setup() {
	work=$BATS_TEST_TMPDIR/work
	images=$BATS_TEST_TMPDIR/images
	tool=''
	begun=0
	stderr=$work/stderr
	mkdir "$work" "$images"
	job_out=$work/stdout
}

local_teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || { sed 's/^/  tool: /' "$stderr"; ls "$images"; } 2>/dev/null || :
	[ -z "$tool" ] || kill -9 "$tool" 2>/dev/null || :
	! mountpoint -q "$images" || umount "$images" || { kill_left; umount "$images"; }
}

allow() { echo "$1" >"$work/allowed.new" && mv "$work/allowed.new" "$work/allowed"; }
lines() { [ -e "$work/out" ] && [ "$(wc -l <"$work/out")" = "$1" ]; }

# counts N: up to there, and no further
counts() {
	allow "$1"
	until_true lines "$1"
}

# begin [OPTION...] [-- COMMAND...]: mkcrimg run of this test's command, in the background
begin() {
	local options=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# -gt 0 ] || set -- -- "$progs/count" "$work" 30
	# files=truncate cuts the files that the job has open, among them what was the tool's before
	stderr=$work/stderr.$((++begun))
	mkcrimg run -t "$deadline" -o "$images/job" "${options[@]}" "$@" </dev/null >>"$work/stdout" 2>"$stderr" 3>&- &
	tool=$!
}

# ends STATUS: the tool does
ends() {
	local status=0
	until_true gone_or_zombie "$tool"
	wait "$tool" || status=$?
	tool=''
	[ "$status" = "$1" ] || { echo "status $status instead of $1:"; cat "$stderr"; return 1; }
}

# generation N STATUS SIGNAL [OPTION...]: count up to N, then warn
generation() {
	begin "${@:4}"
	counts "$1"
	kill -"$3" "$tool"
	ends "$2"
	until_true no_task_left
}

said() { grep -q "^mkcrimg: .*$1" "$stderr"; }

images_are() { assert_equal "$(cd "$images" && ls -A | sort | xargs)" "$(printf '%s\n' "$@" | sort | xargs)"; }
image_is_there() { [ -e "$images/$1" ]; }

# The job has come to its end: all is as if nothing had ever happened to it
same_as_undisturbed() {
	local other=$BATS_TEST_TMPDIR/undisturbed
	rm -rf "$other"
	mkdir "$other"
	echo "${1:-30}" >"$other/allowed"
	"$progs/count" "$other" "${1:-30}" >"$other/stdout"
	cmp "$other/out" "$work/out"
	cmp "$other/stdout" "$work/stdout"
}

# finished [STATUS]: nothing keeps the job any more, and it ends well
finished() {
	allow 30
	ends 0
	same_as_undisturbed
}

# The tests that need one: a file system of this size for the images
small_images() { mount -t tmpfs -o "size=$1" tmpfs "$images"; }

@test "three generations of a batch script have the result of one" {
	generation 10 85 USR1
	images_are job.1.crimg
	said 'job.1.crimg: saved'
	generation 20 85 TERM
	said 'job.1.crimg: resumed'
	images_are job.1.crimg job.2.crimg
	begin
	finished
	said 'job.2.crimg: resumed'
	images_are
}

@test "the agreed status, the agreed signals, and the job's own status" {
	generation 5 99 USR2 --exit-code 99 --signal SIGUSR2,TERM
	# one that is not among them is passed on to the resumed job, which dies of it
	begin --exit-code 99 --signal SIGUSR2,TERM
	counts 10
	kill -HUP "$tool"
	ends 129
	# what has been done is not lost with it
	images_are job.1.crimg
	begin --keep-images --files=truncate
	finished
	images_are job.1.crimg
	rm "$images"/* "$work"/*
	generation 5 85 USR1 -- "$progs/count" "$work" 30 3
	begin -- "$progs/count" "$work" 30 3
	allow 30
	ends 3
	same_as_undisturbed
	images_are job.1.crimg
}

@test "at intervals; so many images stay, and nothing else is touched" {
	local pid newest
	start hello
	pid=$job_pid
	mkcrimg save -q -t "$deadline" -o "$images/job.1.crimg" "$pid"
	finish
	: >"$images/job.03.crimg"
	: >"$images/job.2.crimg.bak"
	begin --every 1s --keep 2
	counts 10
	until_true image_is_there job.5.crimg
	# in the middle of it all: what was being saved is saved, then once more
	kill -TERM "$tool"
	ends 85
	newest=$(ls -v "$images" | sed -n 's/^job\.\([4-9]\|[0-9]\{2,\}\)\.crimg$/\1/p' | tail -n 1)
	images_are job.1.crimg job.03.crimg job.2.crimg.bak "job.$((newest - 1)).crimg" "job.$newest.crimg"
	begin
	finished
	said "job.$newest.crimg: resumed"
	images_are job.1.crimg job.03.crimg job.2.crimg.bak
}

@test "a job that is killed goes on from its last image" {
	begin --every 1s --files=truncate
	counts 10
	until_true image_is_there job.2.crimg
	counts 20
	kill -9 $(pgrep -P "$tool")
	ends 137
	begin --files=truncate
	finished
	said 'crimg: resumed'
	images_are
}

@test "a damaged image is told, and the one before it resumed" {
	local damage offset
	for damage in cut memory mode; do
		rm -rf "$work"/*
		generation 10 85 USR1
		generation 20 85 USR1
		case $damage in
		cut) truncate -s 4096 "$images/job.2.crimg" ;;
		memory)
			offset=$(mkcrimg show --json "$images/job.2.crimg" | python3 -c '
import json, sys
runs = [r for r in json.load(sys.stdin)["records"] if r["type"] == "PAGES"]
print(runs[0]["offset"] + 5)')
			printf '\377\376\375' | dd of="$images/job.2.crimg" bs=1 seek="$offset" conv=notrunc status=none
			;;
		mode) chmod -x "$images/job.2.crimg" ;;
		esac
		begin --files=truncate
		finished
		said 'job.2.crimg: '
		said 'job.1.crimg: resumed'
		# what cannot be read is not removed either
		rm -f "$images/job.2.crimg"
		images_are
	done
}

@test "all images damaged: it is started anew; none can be resumed: it is not" {
	generation 10 85 USR1
	chmod -x "$images/job.1.crimg"
	begin
	ends 1
	said 'job.1.crimg: Permission denied'
	said 'it is not started anew'
	images_are job.1.crimg
	truncate -s 4096 "$images/job.1.crimg"
	rm "$work/out"
	begin
	finished
	images_are job.1.crimg
}

@test "an image of another command is left alone" {
	generation 10 85 USR1
	rm "$work/out"
	begin -- "$progs/count" "$work" 40
	allow 40
	ends 0
	said 'job.1.crimg: not an image of this command'
	same_as_undisturbed 40
	images_are job.1.crimg
	# nor in another directory
	rm "$work/out" "$work/stdout"
	cd "$work"
	begin
	finished
	said 'job.1.crimg: not an image of this command'
}

@test "the command is known by its environment, whatever its leader executes" {
	local script=$work/script
	printf '#!/bin/sh\nexec "$@"\n' >"$script"
	chmod +x "$script"
	generation 10 85 USR1 -- "$script" "$progs/count" "$work" 30
	begin -- "$script" "$progs/count" "$work" 30
	finished
	said 'job.1.crimg: resumed'
	images_are
}

@test "no image is better than a full disk, or a part of an image" {
	small_images 64M
	begin --keep-free 64M
	counts 10
	kill -USR1 "$tool"
	until_true said 'job.1.crimg: not saved: it may take .*, and 64.0 MiB of the .* that are free have to stay free'
	counts 20
	images_are .job.lock
	kill -9 $(pgrep -P "$tool")
	ends 137
	rm "$work"/*
	# some room
	generation 10 85 USR1 --keep-free 1M
	# none
	head -c 100M /dev/zero >"$images/full" 2>/dev/null || :
	begin --keep-free 0
	counts 20
	kill -USR1 "$tool"
	until_true said 'job.2.crimg: not saved: '
	images_are .job.lock full job.1.crimg
	finished
}

@test "a file size limit is no end" {
	(ulimit -f 64; exec mkcrimg run -t "$deadline" -o "$images/job" -- "$progs/count" "$work" 30 >"$work/stdout" 2>"$stderr" 3>&-) &
	tool=$!
	counts 10
	kill -USR1 "$tool"
	until_true said 'File too large'
	images_are .job.lock
	finished
	images_are
}

# ---- auto ----

# saves [OPTION...]: mkcrimg auto of the job, in the background
saves() {
	mkcrimg auto -t "$deadline" --every 1s "$@" "$job_pid" >"$work/stdout" 2>"$stderr" 3>&- &
	tool=$!
}

@test "auto: at intervals, until the job ends; so many images stay" {
	local name
	start hello
	name=hello.$job_pid
	saves --keep 2 -d "$images"
	until_true image_is_there "$name.4.crimg"
	finish
	ends 0
	run -0 ls -A "$images"
	assert_equal "${#lines[@]}" 2
	grep -q "^$images/$name.1.crimg: 1 process, " "$work/stdout"
	# resumed it is the same job still: its older images go
	job_image=$images/$(ls -v "$images" | tail -n 1)
	cp "$job_image" "$BATS_TEST_TMPDIR/copy"
	job_image=$BATS_TEST_TMPDIR/copy
	rm "$images"/* "$job_dir/go"
	cp "$job_image" "$images/$name.2.crimg"
	resume
	saves --keep 1 -o "$images/$name"
	until_true image_is_there "$name.4.crimg"
	finish
	ends 0
	run -0 ls -A "$images"
	assert_equal "${#lines[@]}" 1
}

@test "auto: images of others stay" {
	start hello
	mkcrimg save -q -t "$deadline" -o "$images/x.1.crimg" "$job_pid"
	finish
	: >"$images/x.02.crimg"
	start hello
	saves --keep 1 -o "$images/x.crimg"
	until_true image_is_there x.4.crimg
	finish
	ends 0
	rm "$images/x.1.crimg" "$images/x.02.crimg"
	run -0 ls -A "$images"
	assert_equal "${#lines[@]}" 1
}

@test "auto: a save that fails is told, and the next one tried" {
	small_images 64M
	start hello
	saves --keep-free 64M -o "$images/x"
	until_true said 'x.1.crimg: not saved'
	mount -o remount,size=1G "$images"
	until_true image_is_there x.1.crimg
	finish
	ends 0
}

@test "auto: a signal ends it, and nothing but whole images is left" {
	local sig name
	start hello
	for sig in TERM USR1 HUP; do
		saves -q -o "$images/x"
		until_true image_is_there x.1.crimg
		kill -$sig "$tool"
		ends $((128 + $(kill -l $sig)))
		for name in $(ls -A "$images"); do
			[[ $name == x.*.crimg ]]
			run -0 mkcrimg check --records-only "$images/$name"
		done
		rm "$images"/*
	done
	alive
	finish
}
