# SPDX-License-Identifier: GPL-2.0
# What the Bats files with real programs share. A test's command finds its input in $data.

# need PROGRAM...: what runs, or the test is skipped
need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "no $program: scripts/setup -l installs it"
	done
}

# interrupted KILLS SAVES COMMAND [OPTION...]: an interrupted run equals an undisturbed one. In $as: what makes the
# driver, and so the job and who restarts it, another user
interrupted() {
	local kills=${CR_KILLS:-$1} saves=${CR_SAVES:-$2} command=$3
	shift 3
	"${as[@]}" "$CR_TOP/tests/run-interrupted" --kills="$kills" --saves="$saves" "$@" "$command" 3>&-
}

# equal COMMAND [OPTION...]: with as many interruptions as a short program can take
equal() { interrupted 5 20 "$@"; }

# equal_few COMMAND [OPTION...]: with fewer, of what takes long in an emulated machine
equal_few() { interrupted 3 4 "$@"; }

# names_blocker REGEX: this one keeps the job from being saved
names_blocker() {
	run mkcrimg check --pid "$job_pid"
	[ "$status" = 1 ] && [[ $output =~ $1 ]]
}

# refuses COMMAND REGEX OUTPUT: what the job cannot be saved with is named, and it comes to its end
refuses() {
	job_out=$BATS_TEST_TMPDIR/out
	(cd "$BATS_TEST_TMPDIR" && exec bash -c "$1") </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true names_blocker "$2"
	run -1 mkcrimg save -q -o "$BATS_TEST_TMPDIR/job.crimg" "$job_pid"
	assert_output --regexp "$2"
	[ ! -e "$BATS_TEST_TMPDIR/job.crimg" ]
	expect_status 0
	assert_equal "$(cat "$job_out")" "$3"
}
