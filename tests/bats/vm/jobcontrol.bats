#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# From a shell on a terminal, an image is a job like any other: ^C, ^Z and fg, kill, wait, redirections,
# and its own descriptors on the terminal are those of the terminal that it is resumed on.

load helper

# on_pty SHELL: the lines of standard input typed into a shell on a terminal; see onpty
on_pty() {
	(cd "$job_dir" && python3 "$BATS_TEST_DIRNAME/onpty" "$1" "${deadline}" 3>&-)
}

# A fresh directory $job_dir
fresh_tty() {
	job_dir=$BATS_TEST_TMPDIR/tty
	job_out=$BATS_TEST_TMPDIR/tty.out
	rm -rf "$job_dir"
	mkdir "$job_dir" "$job_dir/d"
}

# A saved job in $job_dir/job.crimg: NAME [CASE...] of tests/progs
saved_on_pty() {
	fresh_tty
	on_pty bash <<-END
		send $progs/$1 d & p=\$!
		file d/ready
		send mkcrimg save -q --kill -o job.crimg \$p; wait \$p; echo status=\$?
		expect status=137
		send exit
		end
	END
}

# saved_typed LINE FILE: the same, of a line that begins a job in the background, which makes a file with its pid
saved_typed() {
	on_pty bash <<-END
		send $1
		file $2
		send mkcrimg save -q --kill -o job.crimg \$(cat $2); echo "saved=\$?"
		expect saved=0
		send exit
		end
	END
	until_true no_task_left
}

@test "^C" {
	saved_on_pty hello
	for shell in bash dash; do
		on_pty $shell <<-'END'
			send ./job.crimg
			running job.crimg
			key C-c
			send echo "status=$?"
			expect status=130
			send exit 0
			end
		END
	done
}

@test "^Z, fg, and its own end" {
	saved_on_pty threads
	for shell in bash dash; do
		# by which the job was told to end, when it ran before
		rm -f "$BATS_TEST_TMPDIR/tty/d/"{go,end.headless}
		on_pty $shell <<-'END'
			send ./job.crimg
			running job.crimg
			key C-z
			expect Stopped
			send jobs
			expect job.crimg
			stopped job.crimg
			send fg
			expect job.crimg
			notstopped job.crimg
			key C-z
			expect Stopped
			send bg
			notstopped job.crimg
			send fg
			foreground job.crimg
			touch d/go
			send echo "status=$?"
			expect status=0
			send exit 0
			end
		END
	done
}

# (dash takes a job for stopped until fg or bg, and waits for no stopped job)
@test "in the background: kill, wait, exit status" {
	saved_on_pty hello
	for shell in bash dash; do
		# by which the job was told to end, when it ran before
		rm -f "$BATS_TEST_TMPDIR/tty/d/"{go,end.headless}
		on_pty $shell <<-'END'
			send ./job.crimg & p=$!
			running job.crimg
			send kill $p; wait $p; echo "status=$?"
			expect status=143
			send ./job.crimg & p=$!
			running job.crimg
			send kill -STOP $p
			stopped job.crimg
			send kill -CONT $p
			notstopped job.crimg
			send bg; kill -KILL $p; wait $p; echo "status=$?"
			expect status=137
			send ./job.crimg & p=$!
			running job.crimg
			send touch d/go; wait $p; echo "status=$?"
			expect status=0
			send exit 0
			end
		END
	done
}

# Every call of the handler is counted. The second of two signals that come together is lost: hence several, each
# when the one before has been handled.
@test "^C once is SIGINT once: a keeper, two, a session of the job's own" {
	for how in '' setsid; do
		fresh_tty
		cat >"$job_dir/count.py" <<-'END'
			import os, signal, time
			get, put = os.pipe2(os.O_NONBLOCK)
			signal.set_wakeup_fd(put)
			signal.signal(signal.SIGINT, lambda *_: None)
			ints = 0
			def count():
			    global ints
			    try: new = len(os.read(get, 1000))
			    except BlockingIOError: return
			    for ints in range(ints + 1, ints + new + 1): open(f'int.{ints}', 'w').close()
			with open('pid.new', 'w') as file: print(os.getpid(), file=file)
			os.rename('pid.new', 'pid')
			while not os.path.exists('go'):
			    time.sleep(0.02)
			    count()
			count()
			print(f'ints={ints}.')
		END
		saved_typed "$how /usr/bin/python3 count.py &" pid
		for pid in keep ns; do
			rm -f "$job_dir"/{go,int.*}
			on_pty bash <<-END
				send ./job.crimg pid=$pid
				running job.crimg
				key C-c
				file int.1
				key C-c
				file int.2
				key C-c
				file int.3
				key C-c
				file int.4
				key C-c
				file int.5
				key C-c
				file int.6
				settle
				touch go
				expect ints=6.
				send echo "status=\$?"
				expect status=0
				send exit 0
				end
			END
		done
	done
}

# all_of_it GO [KEY=VALUE]: every process of the saved job stops and goes on, and ends by ^C; and again, until there is GO
all_of_it() {
	local end status
	for end in 'key C-c' "touch $1"; do
		status=$([ "$end" = 'key C-c' ] && echo 130 || echo 0)
		on_pty bash <<-END
			send ./job.crimg ${2:-}
			running job.crimg
			key C-z
			expect Stopped
			stopped job.crimg
			send fg
			expect job.crimg
			notstopped job.crimg
			$end
			send echo "status=\$?"
			expect status=$status
			send exit 0
			end
		END
		# less than the five minutes after which they end by themselves
		deadline=100 until_true no_task_left
		rm -f "${job_dir:?}/$1"
	done
}

@test "^C, ^Z and fg: all processes of a tree" {
	fresh_tty
	saved_typed "bash -c '$progs/tree d levels; :' &" d/ready
	all_of_it d/go pid=keep
	all_of_it d/go pid=ns
}

@test "^C, ^Z and fg: all processes of a tree that is a session of its own" {
	fresh_tty
	saved_typed "setsid $progs/tree d levels &" d/ready
	all_of_it d/go pid=keep
	all_of_it d/go pid=ns
}

# It is saved when awk has read a line: while it begins it has a file of /proc open, which is refused.
@test "^C, ^Z and fg: a shell and its pipeline, in the terminal's session and in one of their own" {
	for how in '' setsid; do
		fresh_tty
		cat >"$job_dir/pipeline" <<-'END'
			until [ -e go ]; do
				echo $((n += 1))
				[ ! -e begun ] || [ -e pid ] || { echo $$ >pid.new; mv pid.new pid; }
				sleep 0.1
			done | tee out | awk 'NR == 1 { print >"begun"; close("begun") } $1 != NR { bad = 1 } END { exit bad || !NR }'
		END
		saved_typed "$how bash pipeline &" pid
		all_of_it go
	done
}

@test "^C reaches a pipeline with an image in it" {
	saved_on_pty hello
	on_pty bash <<-'END'
		send ./job.crimg | cat
		running job.crimg
		key C-c
		send echo "status=$?" "${PIPESTATUS[0]}"
		expect status=130
		send exit 0
		end
	END
}

@test "a program that reads and writes the terminal goes on on another one" {
	fresh_tty
	on_pty bash <<-'END'
		send (until [ -e go ]; do sleep 0.2; done; mkcrimg save -q --kill -o job.crimg $(cat pid); echo "saved=$?") &
		settle
		send bash -c 'echo $$ >pid; while read -r x; do echo "<$x>"; case $x in save) >go ;; end) exit 6 ;; esac; done'
		settle
		send save
		expect <save>
		expect saved=0
		send exit 0
		end
	END
	[ -s "$job_dir/job.crimg" ]
	on_pty bash <<-'END'
		send ./job.crimg
		running job.crimg
		send two
		expect <two>
		key C-c
		send echo "status=$?"
		expect status=130
		send ./job.crimg
		running job.crimg
		send end
		expect <end>
		send echo "status=$?"
		expect status=6
		send exit 0
		end
	END
	# and without a terminal: from a file, to a file
	printf 'from a file\nend\n' >"$job_dir/in"
	run -6 bash -c 'cd "$0" && ./job.crimg <in >out 2>&1' "$job_dir"
	assert_equal "$(cat "$job_dir/out")" "$(printf '<from a file>\n<end>')"
}

is_stopped() { grep -q '^State:.T' "/proc/$1/status"; }
runs() { grep -q '^State:.[RSD]' "/proc/$1/status"; }

@test "a stopped job is saved, and is stopped when it is resumed" {
	start threads
	kill -STOP "$job_pid"
	until_true is_stopped "$job_pid"
	save
	is_stopped "$job_pid"
	save_kill
	for how in pid=keep pid=ns; do
		resume "$how"
		leader=$(pgrep -P "$job_pid")
		until_true is_stopped "$leader"
		# whoever has started it sees that
		until_true is_stopped "$job_pid"
		save_kill
	done
	resume
	until_true is_stopped "$job_pid"
	kill -CONT "$job_pid"
	leader=$(pgrep -P "$job_pid")
	until_true runs "$leader"
	finish
}

@test "a shell sees that the job that it resumes is stopped" {
	saved_on_pty hello
	on_pty bash <<-'END'
		send ./job.crimg & p=$!
		running job.crimg
		send mkcrimg save -q --stop -o again.crimg $p; echo "saved=$?"
		expect saved=0
		stopped job.crimg
		send kill -KILL $p; while kill -0 $p; do sleep 0.2; done 2>/dev/null; wait $p; echo "status=$?"
		expect status=137
		send exit 0
		end
	END
	[ -s "$job_dir/again.crimg" ]
}

@test "--stop leaves the job stopped, and what is in the image runs" {
	start hello
	save --stop
	until_true is_stopped "$job_pid"
	kill -KILL "$job_pid"
	expect_status 137
	resume
	leader=$(pgrep -P "$job_pid")
	until_true runs "$leader"
	finish
}

@test "closing the terminal hangs the job up" {
	saved_on_pty hello
	on_pty bash <<-'END'
		send ./job.crimg
		running job.crimg
		hangup
	END
	until_true no_task_left
}

# What is said next begins a line of its own. So much memory takes more than a second. A second at which nothing was
# shown may have been one in which nothing ran.
@test "mkcrimg save shows its progress on a terminal" {
	local clear=$'\033[K'
	job_dir=$BATS_TEST_TMPDIR/tty
	mkdir "$job_dir" "$job_dir/big" "$job_dir/vfork"
	cat >"$job_dir/big.py" <<-'END'
		import os, time
		memory = os.urandom(192 << 20)
		open('big/ready', 'w').close()
		while not os.path.exists('big/go'):
		    time.sleep(0.05)
	END
	on_pty bash <<-END
		send python3 big.py & p=\$!
		file big/ready
		send mkcrimg save -o job.crimg \$p; echo status=\$?
		expect ${clear}mkcrimg: save:
		expect iB written of at most
		expect ${clear}job.crimg: 1 process, 1 thread
		expect status=0
		send touch big/go; wait \$p; echo status=\$?
		expect status=0
		send $progs/refused vfork vfork_thread & p=\$!
		file vfork/ready
		send mkcrimg save -t 10 -o no.crimg \$p; echo status=\$?
		expect ${clear}mkcrimg: save: waiting for the job to stand still,
		match ^ [1-4] s
		expect ${clear}mkcrimg: save: waiting for the job to stand still,
		match still, [5-9] s
		expect ${clear}mkcrimg: save: pid
		expect did not stop within 10000 ms
		expect status=1
		send touch vfork/go; wait \$p; echo status=\$?
		expect status=0
		send exit 0
		end
	END
}
