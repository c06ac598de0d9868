#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Stressors of stress-ng, each in two processes or more, for a number of operations that it counts and with its
# own verification: saved with --kill and resumed once, and saved once while it runs on. Which work, and what
# those lack that do not: Documentation/programs.rst.

load helper
load interrupted

setup_file() {
	export data=$BATS_FILE_TMPDIR
}

# stress NAME=OPERATIONS[,OPTION...]...: says what failed, after all have run. Whatever the stressor, at its start
# stress-ng looks into /sys for a moment
stress() {
	local one name ops options failed=
	need stress-ng
	for one; do
		name=${one%%=*} ops=${one#*=} options=
		[[ $ops != *,* ]] || options=${ops#*,} ops=${ops%%,*}
		echo "== $name"
		interrupted 1 1 "stress-ng --temp-path . --no-rand-seed --verify --$name 2 --$name-ops $ops \
			${options//,/ } >log 2>&1; s=\$?; grep -e fail: -e error: log; exit \$s" --ignore . \
			--refusal-ok='stress-ng\): fd [0-9]+: /sys file' || failed+=" $name"
	done
	[ -z "$failed" ] || { echo "failed:$failed"; return 1; }
}

@test "stress-ng: computing" {
	stress branch=5000 cpu=60 fp=15 hash=20000 matrix=300 memcpy=30 longjmp=200
}

@test "stress-ng: memory" {
	stress bigheap=1000 cache=4000 fault=800 malloc=30000 membarrier=120
}

@test "stress-ng: time and signals" {
	stress alarm=200 clock=800 hrtimers=7000 itimer=600 kill=3000
}

@test "stress-ng: waiting for one another" {
	stress atomic=60 context=600 epoll=1500 eventfd=1500 futex=1000 fifo=50000
}

@test "stress-ng: files" {
	stress copy-file=200 fcntl=2000 fstat=80 hdd=1200 dup=200 getrandom=5000
}

@test "stress-ng: names" {
	stress chdir=2 chmod=500 dentry=3000 dir=5000 link=2
}

@test "stress-ng: locks and notices" {
	stress flock=100000 locka=200000 lockf=20000 lockofd=150000 dnotify=200 inotify=25
}
