# SPDX-License-Identifier: GPL-2.0
# What the Bats files for the virtual machine share: starting the programs of tests/progs, saving and
# restarting them, and the demand that every test leaves the machine as it found it.
#
# A file loads it and has nothing else to do: setup() and teardown() are here. A test that needs more
# defines local_setup() and local_teardown().

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

: "${CR_TOP:=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)}" "${CR_RELEASE:=$(uname -r)}"
export CR_TOP CR_RELEASE
progs=$CR_TOP/build/progs
deadline=${CR_DEADLINE:-120}	# seconds for anything to happen: the machine is emulated, and may be loaded

# ---- waiting ----

# A short sleep without a process, which costs more than the sleep
nap() {
	[ -p "$BATS_TEST_TMPDIR/nap" ] || mkfifo "$BATS_TEST_TMPDIR/nap"
	read -rt 0.04 <>"$BATS_TEST_TMPDIR/nap" || :
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
ready() { [ -e "$job_dir/ready" ] || gone "$job_pid"; }

# ---- the job of a test ----
# job_dir	its directory, argument of the program
# job_pid	the process to wait for and to save: the program itself, then the keeper
# job_out	file with its output
# job_image	the newest image

# start PROGRAM [CASE...]: a program of tests/progs in the background, until it says that it is ready
start() {
	job_dir=$BATS_TEST_TMPDIR/job${job_count:=0}
	job_count=$((job_count + 1))
	job_out=$job_dir.out
	mkdir "$job_dir"
	"$progs/$1" "$job_dir" "${@:2}" </dev/null >"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true ready
	if [ ! -e "$job_dir/ready" ]; then
		echo "$1 did not get ready:" >&2
		cat "$job_out" >&2
		return 1
	fi
}

# save [OPTION...]: save the job, it runs on
save() {
	job_image=$BATS_TEST_TMPDIR/job.crimg
	run -0 mkcrimg save -q -o "$job_image" "$@" "$job_pid"
	assert_no_output
	[ -s "$job_image" ]
}

# save_kill: save it, and see it die
save_kill() {
	save --kill
	expect_status 137
}

# resume [KEY=VALUE...]: execute the newest image in the background, until its job runs
resume() {
	"$job_image" "$@" </dev/null >>"$job_out" 2>&1 3>&- &
	job_pid=$!
	until_true resumed
	if [ ! "/proc/$job_pid/exe" -ef "$job_image" ]; then
		echo "the image does not run:" >&2
		cat "$job_out" >&2
		mkcrimg check "$job_image" >&2 || :
		return 1
	fi
}

resumed() { [ "/proc/$job_pid/exe" -ef "$job_image" ] || [ ! -e "/proc/$job_pid/exe" ]; }

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

gone_or_zombie() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	[ "${stat%% *}" = Z ]
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

# Processes of user space, without those that this very look consists of: ps, its ancestors, and what
# else is in its pipe
tasks() {
	ps --ppid 2 -p 2 --deselect -o pid=,ppid=,stat=,args= | awk '
		{ line[$1] = $0; parent[$1] = $2 }
		$4 == "ps" && $5 == "--ppid" { look = $1 }
		END {
			for (p = look; p in parent; p = parent[p])
				own[p] = 1
			for (p in line)
				if (!(p in own) && !(line[p] ~ / awk / && parent[p] in own))
					print line[p]
		}'
}

tasks_left() {
	tasks | awk 'NR == FNR { known[$1] = 1; next } !known[$1]' "$BATS_TEST_TMPDIR/tasks" -
}

kill_left() {
	local pids
	pids=$(tasks_left | awk '{ print $1 }')
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || :
}

no_task_left() { [ -z "$(tasks_left)" ]; }

# Lines of the kernel's log since the test began that no healthy kernel writes
complaints() {
	dmesg | awk -v mark="cr-test: $BATS_TEST_NUMBER " '
		index($0, mark) { on = 1 }
		on && /WARNING|BUG|Oops|KASAN|UBSAN|kmemleak|INFO: |general protection|refcount_t|corruption|Call Trace/'
}

# System V segments, semaphore sets and message queues: kind, key and id of each
ipc_objects() {
	awk 'FNR > 1 { sub(".*/", "", FILENAME); print FILENAME, $1, $2 }' /proc/sysvipc/shm /proc/sysvipc/sem \
		/proc/sysvipc/msg
}

users() { cat /sys/module/binfmt_cr/refcnt 2>/dev/null || echo 0; }
unused() { [ "$(users)" = 0 ]; }

load_module() {
	[ -e /sys/module/binfmt_cr ] || modprobe binfmt_cr
}

setup() {
	echo "cr-test: $BATS_TEST_NUMBER $BATS_TEST_DESCRIPTION" >/dev/kmsg
	load_module
	tasks >"$BATS_TEST_TMPDIR/tasks"
	cat /proc/self/mounts >"$BATS_TEST_TMPDIR/mounts"
	ipc_objects >"$BATS_TEST_TMPDIR/ipc"
	job_pid='' job_dir='' job_image=''
	if declare -F local_setup >/dev/null; then local_setup; fi
}

# Nothing may be left: no task, no mount, no System V object, no half-written image, no use of the module, no
# complaint.
teardown() {
	local left bad=0 deadline=30
	if declare -F local_teardown >/dev/null; then local_teardown; fi
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		# it failed already: say what the job said, leave nothing to the next test
		[ ! -e "${job_out:-}" ] || { echo "output of the job:"; cat "$job_out"; }
		dmesg | tail -n 15
		kill_left
		until_true no_task_left || :
		ipcrm --all
		deadline=20
	fi
	if ! until_true no_task_left; then
		echo "tasks are left:"
		tasks_left
		kill_left
		bad=1
	fi
	if ! diff "$BATS_TEST_TMPDIR/mounts" /proc/self/mounts; then
		echo "mounts changed"
		bad=1
	fi
	if [ -n "${BATS_TEST_COMPLETED:-}" ] && ! diff "$BATS_TEST_TMPDIR/ipc" <(ipc_objects); then
		echo "System V IPC objects are left, or gone"
		ipcrm --all
		bad=1
	fi
	left=$(find "$BATS_TEST_TMPDIR" -name '.*crimg*')
	[ -z "$left" ] || { echo "files are left: $left"; bad=1; }
	left=$(complaints)
	[ -z "$left" ] || { echo "the kernel complains: $left"; bad=1; }
	deadline=20
	if ! until_true unused; then
		echo "the module has $(users) users"
		bad=1
	fi
	return $bad
}

# The module can be unloaded after all of them.
teardown_file() {
	[ ! -e /sys/module/binfmt_cr ] || rmmod binfmt_cr
	[ ! -e /sys/module/binfmt_cr ]
	load_module
}
