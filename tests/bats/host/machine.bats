#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A job goes to another machine with another kernel: a few programs, or all of lifecycle.bats.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

# vdso: but for what it notes of the machine's own
few=(vdso:machine static threads pipes regs signals rseq tree unix shm)

all=("${few[@]}" hello headless memory cow pkeys pkeys:alone mmflags numa sysv sysvmsg sysvsem semundo posixsem files locks leases
	leases:asked leases:waiter unlinked unlinked:named memfd:holes,shared,map,seals owners fifos ptys waiting eventfd
	timerfd signalfd pidfds procfiles inotify epoll unixname scmrights devs syscalls vfork:shared vfork:copy
	vfork:thread vfork:deep zombies sharing sharing:chain sharing:thread sharing:vm pgrps pgrps:gone ids limits args exe
	times usage debugregs inspect cplusplus golike golike_pie timers:itimers timers:timers stopped)

# What 6.1 does not know
newer=(mmflags:seal "mmflags:merge" "mmflags:mdwe" "memfd:exec" "numa:weighted")
reasons=('mseal() fails' 'prctl(67, 1) fails' 'prctl(65, ' 'this kernel has no seals' 'NUMA policy 6: this kernel does not have it')

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	export TMPDIR=$BATS_TEST_TMPDIR CR_OUT=$BATS_TEST_TMPDIR/jobs CR_TIMEOUT=900
	jobs=("${few[@]}")
	if [ "${CR_TESTS:-}" = all ]; then
		jobs=("${all[@]}")
		CR_TIMEOUT=5400
	fi
}

# there KVER save|restart: what the script of that name does on this kernel
there() {
	KVER=$1 run -0 "$top/tests/vm/run" "'$top/tests/bats/host/machine' $2 '$CR_OUT' $(printf ' %q' "${jobs[@]}")"
	assert_line "$2: ${#jobs[@]} jobs"
}

@test "saved on 6.1, resumed on 6.12" {
	there 6.1 save
	there 6.12 restart
}

@test "saved on 6.12, resumed on 6.1" {
	local i
	if [ "${CR_TESTS:-}" = all ]; then
		for i in "${!newer[@]}"; do jobs+=("${newer[i]}=${reasons[i]}"); done
	fi
	there 6.12 save
	there 6.1 restart
}
