# SPDX-License-Identifier: GPL-2.0
# What the Bats files for the virtual machine share: starting the programs of tests/progs, saving and
# restarting them, and the demand that every test leaves the machine as it found it.
#
# A file loads it and has nothing else to do: setup() and teardown() are here. A test that needs more
# defines local_setup() and local_teardown().

bats_require_minimum_version 1.5.0
# Without bats_load_library and their load.bash, which fork for each of their files, in every test: more than
# all else that Bats does for it.
for cr_file in "${BATS_LIB_PATH:-/usr/lib/bats}"/bats-{support,assert}/src/*.bash; do
	source "$cr_file"
done

: "${CR_TOP:=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)}" "${CR_RELEASE:=$(uname -r)}"
export CR_TOP CR_RELEASE
progs=$CR_TOP/build/progs
deadline=${CR_DEADLINE:-120}	# seconds for anything to happen: the machine is emulated, and may be loaded

# tests/run turns off randomization of addresses for itself, because an emulator translates a program anew
# for each address at which it finds it. What is tested has it.
randomized=(setarch x86_64)

# ---- waiting ----

# A short sleep without a process, which costs more than the sleep
nap() {
	local fifo=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/nap
	[ -p "$fifo" ] || mkfifo "$fifo"
	read -rt 0.04 <>"$fifo" || :
}

# until_true COMMAND...: poll until it succeeds; fails after the deadline
until_true() {
	local end=$((SECONDS + deadline))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "waited $deadline s for: $*" >&2
			return 1
		fi
		nap
	done
}

gone() { [ ! -e "/proc/$1" ]; }

all_gone() {
	local pid
	for pid; do gone "$pid" || return 1; done
}

# in_state PID LETTERS: its first thread is in one of these states
in_state() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	stat=${stat##*) }
	[[ ${stat%% *} == [$2] ]]
}

ready() { [ -e "$job_dir/ready" ] || gone "$job_pid"; }

# repetitions FEW MANY: how often to do what fails at a random moment, if at all: CR_REPEAT, or a few times in the
# usual run and many times when everything is tested
repetitions() {
	local default=$1
	[ "${CR_TESTS:-}" != all ] || default=$2
	echo "${CR_REPEAT:-$default}"
}

# khugepaged makes huge pages of memory that is shared, up to half of it, for one of those who share it: that is the
# kernel's own doing, and takes as long as it takes.
leave_shared_alone() { echo 0 >/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared; }

# ---- the job of a test ----
# job_dir	its directory, argument of the program
# job_pid	the process to wait for and to save: the program itself, then the keeper
# job_out	file with its output
# job_image	the newest image

# new_job: its directory is there, and nothing in it
new_job() {
	job_dir=$BATS_TEST_TMPDIR/job${job_count:=0}
	job_count=$((job_count + 1))
	job_out=$job_dir.out
	mkdir "$job_dir"
}

# run_job COMMAND...: of a new job, in the background, until it says that it is ready
run_job() {
	"${randomized[@]}" "$@" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	if [ ! -e "$job_dir/ready" ]; then
		echo "$1 did not get ready:" >&2
		cat "$job_out" >&2
		return 1
	fi
}

# start PROGRAM [CASE...]: a program of tests/progs, as a job
start() {
	new_job
	run_job "$progs/$1" "$job_dir" "${@:2}"
}

# save [OPTION...]: save the job, it runs on; it has as long to stand still as anything has to happen
save() {
	job_image=$BATS_TEST_TMPDIR/job.crimg
	run -0 mkcrimg save -q -t "$deadline" -o "$job_image" "$@" "$job_pid"
	assert_no_output
	[ -s "$job_image" ]
}

# note_below PID: the pids of all processes below it are added to $below
note_below() {
	local file children child
	for file in "/proc/$1/task"/*/children; do
		children=()
		{ read -ra children <"$file"; } 2>/dev/null || :
		for child in "${children[@]}"; do
			below+=("$child")
			note_below "$child"
		done
	done
}

# save_kill: save it, and see it die: all of it, because the last of its processes may hold longer than the first
# what a restart needs (pids, locks, segments, semaphores, terminals)
save_kill() {
	local below=()
	note_below "$job_pid"
	save --kill
	expect_status 137
	until_true all_gone "${below[@]}"
}

# kill_all PID...: these are all processes of the job, which takes their numbers back when it is resumed
kill_all() {
	kill -9 "$@"
	expect_status 137
	until_true all_gone "$@"
}

# resume [KEY=VALUE...]: execute the newest image in the background, until its job runs
resume() {
	"${randomized[@]}" "$job_image" "$@" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	if [ ! "/proc/$job_pid/exe" -ef "$job_image" ]; then
		echo "the image does not run:" >&2
		cat "$job_out" >&2
		mkcrimg check "$job_image" >&2 || :
		return 1
	fi
}

# resume_in_place PROGRAM: the newest image, by a launcher that chooses the leader's pid. The leader has its executable
# before execve() is over, and then sleeps.
resume_in_place() {
	local pid=$job_pid exe=$1
	[[ $exe == /* ]] || exe=$progs/$exe
	until_true gone "$pid"
	"$progs/launch" "$pid" "$job_image" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true sleeps_as "$pid" "$exe"
}

sleeps_as() { [ "/proc/$1/exe" -ef "$2" ] && in_state "$1" S; }

# The keeper waits, or is stopped: its execve() is over. The image is its executable before that.
resumed() {
	[ ! -e "/proc/$job_pid/exe" ] || { [ "/proc/$job_pid/exe" -ef "$job_image" ] && in_state "$job_pid" ST; }
}

# expect_status N: the job ends now, with this exit status as the shell shows it
expect_status() {
	local status=0
	until_true gone_or_zombie "$job_pid"
	wait "$job_pid" || status=$?
	if [ $status != "$1" ]; then
		echo "exit status $status instead of $1, output:" >&2
		cat "$job_out" >&2
		return 1
	fi
}

# nor do other threads live on without the first
gone_or_zombie() {
	local stat threads
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	[ "${stat%% *}" = Z ] || return 1
	threads=("/proc/$1/task"/*)
	[ ${#threads[@]} -le 1 ]
}

# finish [STATUS]: tell the job to verify what it has, and to end
finish() {
	touch "$job_dir/go"
	expect_status "${1:-0}"
	assert_equal "$(cat "$job_out")" ""
}

assert_no_output() { assert_output ''; }

# alive: the job still is what it was, undisturbed
alive() {
	[ -e "/proc/$job_pid" ] && ! gone_or_zombie "$job_pid"
}

# ---- before and after every test ----

leftovers() { "$progs/leftovers" "$1" "$BATS_TEST_TMPDIR" "${@:2}"; }

kill_left() {
	local pids
	pids=$(leftovers tasks)
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || :
}

no_task_left() { [ -z "$(leftovers tasks)" ]; }

# Lines of the kernel's log that no healthy kernel writes, with the name of the test
complaints() {
	dmesg | awk '
		/cr-test: / { test = $0 }
		# of a program, which a damaged image can make do anything
		/traps: .* ip:/ { next }
		/WARNING|BUG|Oops|: [0-9a-f]+ \[#[0-9]+\]|KASAN|UBSAN|suspected memory leak|INFO: |general protection|refcount_t|corruption|Call Trace/ {
			if (test != "")
				print test
			test = ""
			print
		}'
}

load_module() {
	[ -e /sys/module/binfmt_cr ] || modprobe binfmt_cr
}

# Whoever executes anything uses the module for a moment: it is asked first. Says why when it does not go.
unload_module() { until_true rmmod_silent || rmmod binfmt_cr; }
rmmod_silent() { rmmod binfmt_cr 2>/dev/null; }

# Bats notes where it is before every command, which takes as long as all else that a test does in an emulated
# machine. In the test itself is enough: a report names the line there, not the one in here.
trace_test_only() {
	set +T
	declare -ft "$BATS_TEST_NAME"
}

setup() {
	trace_test_only
	echo "cr-test: $BATS_TEST_NUMBER $BATS_TEST_DESCRIPTION" >/dev/kmsg
	load_module
	leftovers note
	job_pid='' job_dir='' job_image=''
	if declare -F local_setup >/dev/null; then local_setup; fi
}

# Nothing may be left: no task, no mount, no System V object, no half-written image, no use of the module.
teardown() {
	if declare -F local_teardown >/dev/null; then local_teardown; fi
	if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
		leftovers check 30 || { kill_left; return 1; }
		return
	fi
	# it failed already: say what the job said, leave nothing to the next test
	[ ! -e "${job_out:-}" ] || { echo "output of the job:"; cat "$job_out"; }
	dmesg | tail -n 15
	kill_left
	ipcrm --all
	leftovers check 20 || kill_left
}

# After all of them the kernel has not complained, and the module can be unloaded.
teardown_file() {
	local said
	said=$(complaints)
	if [ -n "$said" ]; then
		echo "the kernel complains: $said"
		# what it is about may stand in a line with none of those words
		dmesg | grep -F -m 1 -B 10 -A 40 -e "$(grep -v -m 1 'cr-test: ' <<<"$said")"
		return 1
	fi
	[ ! -e /sys/module/binfmt_cr ] || unload_module
	[ ! -e /sys/module/binfmt_cr ]
	load_module
}
