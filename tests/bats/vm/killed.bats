#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A saver and a restarter are killed with SIGKILL at random moments: the job is healthy, the image that was there is
# whole, and nothing is left of what had been begun.
#
# CR_REPEAT says how often; by default a few times, and 500 times when everything is tested. A run prints its seed,
# which CR_SEED takes, though the machine's timing is not repeatable.

load helper

local_setup() {
	repeat=$(repetitions 12 500)
	RANDOM=${CR_SEED:=$RANDOM}
	killed=0
	keepers=0
	echo "# seed $CR_SEED"
}

# Jobs with state of many kinds, in little memory. Which of both it is changes from shot to shot.
start_rich() {
	if [ "$1" = 1 ]; then
		start several threads,headless,robust,pi pipes unix epoll shm timerfd signalfd sysv eventfd memfd
	else
		start several unixname fifos unlinked inotify ptys locks scmrights tree zombies pidfds
	fi
	leader=$job_pid
	started=$SECONDS
}

# Its programs do not wait for ever: it comes to its end in time, which is a verdict on what it went through,
# and another one takes its place.
renew() {
	[ $((SECONDS - started)) -gt 90 ] || return 0
	finish
	keepers=0
	start_rich "$1"
	save
}

# measure COMMAND...: sets $span to a moment somewhat behind its end, in microseconds
measure() {
	run -0 "$progs/shoot" 0 "$@"
	assert_equal "${output#* }" 0
	span=$((${output% *} * 6 / 5))
}

# shoot [-p PID] COMMAND...: kill it at a moment within $span; sets $outcome, counts in $killed
shoot() {
	local as=() moment
	[ "$1" != -p ] || { as=(-p "$2"); shift 2; }
	moment=$(((RANDOM << 15 | RANDOM) % span + 1))
	"$progs/shoot" "${as[@]}" $moment "$@" </dev/null >"$BATS_TEST_TMPDIR/outcome" 2>"$BATS_TEST_TMPDIR/said" 3>&-
	outcome=$(<"$BATS_TEST_TMPDIR/outcome")
	[ "$outcome" != killed ] || killed=$((killed + 1))
}

# Nobody stands in the module; the job's keeper, if it has one, uses it as long as it lives.
module_unused() {
	local users=$keepers
	! gone_or_zombie "$job_pid" || users=0
	[ "$(</sys/module/binfmt_cr/refcnt)" = $users ]
}

# Every record, and every byte of memory
image_is_whole() { mkcrimg show --json --memory "$job_image" >/dev/null; }

# Nobody looks into the job's directory: it watches that itself.
no_file_left() {
	[ -z "$(find "$BATS_TEST_TMPDIR" -path "$job_dir" -prune -o -name '.*crimg*' -print)" ]
}

names() { (cd "$job_dir" && find . | sort); }

# ---- savers ----

# The name leads to an image at all times. A file with a hidden name (overview.rst) is not there for longer than until
# the next save.
savers_are_killed() {
	local nr
	start_rich "$1"
	save
	measure mkcrimg save -q -o "$job_image" "$job_pid"
	for ((nr = 1; nr <= repeat / 2; nr++)); do
		renew "$1"
		shoot mkcrimg save -q -o "$job_image" "$job_pid"
		[[ $outcome == killed || $outcome == 'ended 0' ]] || { cat "$BATS_TEST_TMPDIR/said"; false; }
		until_true module_unused
		alive
		image_is_whole
		if [ $((nr % 8)) = 0 ]; then
			save
			no_file_left
		fi
	done
	echo "# killed $killed times, within $span us"
	save_kill
	resume
	finish
}

@test "a saver" {
	savers_are_killed 1
}

@test "a saver of another job" {
	savers_are_killed 2
}

is_dying() {
	local key set
	! gone_or_zombie "$1" || return 0
	while read -r key set; do
		[ "$key" != SigPnd: ] || break
	done <"/proc/$1/status" || return 0
	((16#${set:-0} & 0x100))
}

# What it is to kill is killed when the image is there, or runs on.
@test "a saver that is to kill the job" {
	local nr below deaths=0
	start_rich 1
	save
	measure mkcrimg save -q -o "$job_image" "$job_pid"
	for ((nr = 1; nr <= (repeat + 3) / 4; nr++)); do
		renew 1
		below=()
		note_below "$job_pid"
		rm -f "$job_image"
		shoot mkcrimg save -q --kill -o "$job_image" "$job_pid"
		until_true module_unused
		if [ -e "$job_image" ]; then
			image_is_whole
			# the saver may not have come to it
			[ "$outcome" != killed ] || is_dying "$leader" || continue
			expect_status 137
			until_true all_gone "${below[@]}"
			deaths=$((deaths + 1))
			resume pid=keep
			keepers=1
		else
			alive
		fi
	done
	echo "# killed $killed times, within $span us; the job $deaths times"
	save_kill
	resume
	finish
}

# ---- restarters ----

# Nobody is left who stands in the module
none_parked() {
	local pid files=()
	for pid in $(leftovers tasks); do
		files+=("/proc/$pid/task"/*/stack)
	done
	[ ${#files[@]} = 0 ] || ! grep -qs '\[binfmt_cr\]' "${files[@]}"
}

# What runs on is a job that was complete: it is killed, with what it begins meanwhile
none_runs() {
	kill_left
	no_task_left
}

# Nothing is left of what was killed
clean() {
	until_true none_parked
	# in its own namespace all of it ends with the keeper
	[ "$1" != pid=ns ] || until_true no_task_left
	until_true none_runs
	until_true module_unused
	until_true terminals_are_free
	no_file_left
}

# The files of who was killed are closed some time after it has gone.
terminals_are_free() { [ "$(echo /dev/pts/*)" = "$terminals" ]; }

# restarters_are_killed JOB COUNT PLACE: PLACE is pid=keep, pid=ns, or "in place"
restarters_are_killed() {
	local nr begin args=("$3") as=() before terminals
	killed=0
	terminals=$(echo /dev/pts/*)
	start_rich "$1"
	save_kill
	until_true terminals_are_free
	before=$(names)
	if [ "$3" = 'in place' ]; then
		as=(-p "$leader")
		args=()
	fi
	begin=${EPOCHREALTIME/./}
	resume "${args[@]}"
	span=$(((${EPOCHREALTIME/./} - begin) * 6 / 5))
	kill -9 "$job_pid"
	expect_status 137
	clean "$3"
	for ((nr = 1; nr <= $2; nr++)); do
		shoot "${as[@]}" "${randomized[@]}" "$job_image" "${args[@]}"
		if [ "$outcome" != killed ]; then
			cat "$BATS_TEST_TMPDIR/said"
			mkcrimg check "$job_image"
			false
		fi
		clean "$3"
		assert_equal "$(names)" "$before"
	done
	echo "# killed $killed times, within $span us"
	# what those have said who lost others first
	: >"$job_out"
	resume
	finish
}

share() { echo $(((repeat + 5) / 6)); }

@test "a restarter" {
	restarters_are_killed 1 "$(share)" pid=keep
	restarters_are_killed 2 "$(share)" pid=keep
}

@test "a restarter into a pid namespace" {
	restarters_are_killed 1 "$(share)" pid=ns
	restarters_are_killed 2 "$(share)" pid=ns
}

@test "a restarter in place" {
	restarters_are_killed 1 "$(share)" 'in place'
	restarters_are_killed 2 "$(share)" 'in place'
}
