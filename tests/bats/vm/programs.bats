#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Real programs, which know nothing of being saved: an interrupted run equals an undisturbed one. Each is
# saved with --kill and resumed at random moments, 5 times in all, and saved 20 times while it runs on
# (tests/run-interrupted).

load helper
load interrupted

setup_file() {
	export data=$BATS_FILE_TMPDIR
	mkdir "$data/project"
	make_source 100 >"$data/large.c"
	make_project "$data/project" 5
	seq 400000 | awk '{ print $1 * 7919 % 1000003, "line", $1 }' >"$data/lines"
	cp "$data/lines" "$data/archive"
	head -c 1500000 /dev/urandom >>"$data/archive"
}

# A C program of N functions that prints one number
make_source() {
	awk -v n="$1" 'BEGIN {
		print "#include <stdio.h>"
		for (i = 0; i < n; i++) {
			printf "static double f%d(double x, int k)\n{\n\tdouble a[16];\n\tint i, j;\n", i
			print "\tfor (i = 0; i < 16; i++)\n\t\ta[i] = x * i + k;"
			print "\tfor (j = 0; j < k; j++)\n\t\tfor (i = 1; i < 15; i++)"
			printf "\t\t\ta[i] = (a[i - 1] + a[i + 1]) / (2.0 + %d) + (j ^ i) %% %d;\n", i % 7, i + 2
			print "\tswitch (k % 5) {"
			for (c = 0; c < 5; c++)
				printf "\tcase %d:\n\t\treturn a[%d] * %d - a[k & 15];\n", c, c + 3, i + c
			print "\t}\n\treturn a[7];\n}\n"
		}
		print "int main(void)\n{\n\tdouble sum = 0;\n"
		for (i = 0; i < n; i++)
			printf "\tsum += f%d(%d.5, %d);\n", i, i, i % 23
		print "\tprintf(\"%.6f\\n\", sum);\n\treturn 0;\n}"
	}'
}

# A project of N C files and a makefile
make_project() {
	local i
	for i in $(seq "$2"); do
		make_source 8 | sed "s/main(void)/part$i(void)/" >"$1/part$i.c"
	done
	{
		seq "$2" | sed 's/.*/int part&(void);/'
		echo 'int main(void) {'
		seq "$2" | sed 's/.*/part&();/'
		echo 'return 0; }'
	} >"$1/main.c"
	{
		echo 'all: prog'
		printf '\t./prog >result\n'
		printf 'prog: main.o %s\n' "$(seq "$2" | sed 's/.*/part&.o/' | tr '\n' ' ')"
		printf '\t$(CC) -o $@ $^\n'
		printf '%%.o: %%.c\n\t@echo compiling $<\n\t@$(CC) -O2 -c -o $@ $<\n'
	} >"$1/Makefile"
}

@test "gcc" {
	equal 'TMPDIR=. gcc -O2 -o large large.c && ./large' --setup "cp $data/large.c ."
}

@test "make -j2" {
	equal 'TMPDIR=. make -j2 2>&1 | sort' --setup "cp $data/project/* ."
}

@test "python3, threads" {
	cat >"$data/threads.py" <<-'END'
		import hashlib, queue, threading
		jobs, results = queue.Queue(8), {}
		lock = threading.Lock()
		def work():
		    while (n := jobs.get()) is not None:
		        h = hashlib.sha256(b'%d' % n)
		        for _ in range(300):
		            h.update(h.digest())
		        with lock:
		            results[n] = h.hexdigest()
		threads = [threading.Thread(target=work) for _ in range(6)]
		for t in threads: t.start()
		for n in range(1000): jobs.put(n)
		for t in threads: jobs.put(None)
		for t in threads: t.join()
		print(hashlib.sha256(''.join(results[n] for n in sorted(results)).encode()).hexdigest())
	END
	equal "/usr/bin/python3 $data/threads.py"
}

@test "python3, multiprocessing with pipes" {
	cat >"$data/pipes.py" <<-'END'
		import multiprocessing
		def work(get, put):
		    while (n := get.recv()) is not None:
		        put.send((n, sum(i * i % 7 for i in range(n % 5000))))
		    put.close()
		if __name__ == '__main__':
		    total, workers = 0, []
		    for _ in range(3):
		        child_get, put = multiprocessing.Pipe(duplex=False)
		        get, child_put = multiprocessing.Pipe(duplex=False)
		        p = multiprocessing.Process(target=work, args=(child_get, child_put))
		        p.start()
		        workers.append((p, put, get))
		    for n in range(400):
		        for p, put, get in workers: put.send(n * 17)
		        for p, put, get in workers: total += sum(get.recv())
		    for p, put, get in workers: put.send(None)
		    for p, put, get in workers: p.join()
		    print(total, [p.exitcode for p, _, _ in workers])
	END
	equal "/usr/bin/python3 $data/pipes.py"
}

# Its locks are semaphores in unlinked files of /dev/shm, which are mapped shared.
@test "python3, multiprocessing with a pool" {
	cat >"$data/pool.py" <<-'END'
		import multiprocessing
		def work(n):
		    return sum(i * i % 7 for i in range(n % 5000))
		if __name__ == '__main__':
		    with multiprocessing.Pool(3) as pool:
		        print(sum(pool.imap_unordered(work, range(0, 40000, 31), 10)))
	END
	equal "/usr/bin/python3 $data/pool.py"
}

@test "bash: children in the background, traps, a pipeline" {
	cat >"$data/script.bash" <<-'END'
		count=0
		trap 'count=$((count + 1))' USR1 USR2 HUP
		trap 'echo "end, $count signals" >>log' EXIT
		child() {
			for i in 1 2 3 4 5 6 7 8; do
				echo "child $1 step $i" >>log.$1
				sleep 0.3
			done
			kill -$2 $$
			return "$1"
		}
		child 1 USR1 & pids+=($!)
		child 2 USR2 & pids+=($!)
		child 3 HUP & pids+=($!)
		seq 30000 | awk '{ print $1 * 7919 % 30011 }' | sort -n | sha256sum
		while [ $count -lt 3 ]; do sleep 0.1; done
		for pid in "${pids[@]}"; do
			# wait says -1 now and then if it ends in the middle of it
			while kill -0 $pid 2>/dev/null; do sleep 0.1; done
			wait $pid
			echo "status $?" >>log
		done
		for i in $(seq 30); do x=$(echo $((i * i))); done; echo $x
		exit 5
	END
	equal "bash $data/script.bash" --session
}

@test "dash: pipelines in a loop" {
	cat >"$data/script.sh" <<-'END'
		n=0
		while [ $n -lt 25 ]; do
			n=$((n + 1))
			seq $n 3000 | sort -r | awk '{ s += $1 * NR } END { print s }'
		done | tee sums | sha256sum
		cat sums | while read -r s; do [ "$s" -gt 0 ] || exit 3; done
	END
	equal "dash $data/script.sh" --session
}

@test "perl" {
	cat >"$data/words.pl" <<-'END'
		my (%n, $s);
		open(my $in, '<', $ARGV[0]) or die;
		while (<$in>) {
			my @f = split;
			$n{$f[0] % 5000} .= substr($f[2], 0, 2);
			$s += $1 if /(\d{3})$/;
			last if $. > 120000;
		}
		open(my $out, '>', 'out') or die;
		print $out "$_ ", length $n{$_}, ' ', ($n{$_} =~ tr/7//), "\n" for sort { $a <=> $b } keys %n;
		print "$s\n";
	END
	equal "perl $data/words.pl $data/lines"
}

@test "sqlite3, in memory" {
	cat >"$data/memory.sql" <<-'END'
		create table t(a integer, b text);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 160000)
			insert into t select i * 7919 % 100003, 'text ' || (i % 977) from n;
		create index ta on t(a);
		select count(*), sum(a), max(b) from t;
		select b, count(*), sum(a) from t group by b order by 3 desc limit 5;
		select count(*) from t x join t y on x.a = y.a + 1;
	END
	equal "sqlite3 :memory: <$data/memory.sql"
}

@test "sqlite3, in a file" {
	{
		echo 'create table t(a integer primary key, b text);'
		for i in $(seq 700); do
			echo "insert into t select value * 1000 + $i, 'text ' || value from generate_series(1, 40);"
			echo "select count(*), sum(a) from t where b like '%7';"
		done
	} >"$data/file.sql"
	equal "sqlite3 test.db <$data/file.sql"
}

@test "xz -T2" {
	equal 'xz -T2 -3 --block-size=300000 -k archive && xz -t archive.xz' --setup "head -c 4000000 $data/archive >archive"
}

@test "zstd -T2" {
	equal 'zstd -q -T2 -12 -k archive && zstd -q -t archive.zst' --setup "cp $data/archive ."
}

@test "awk" {
	equal "awk '{ n[\$1 % 1000] += \$3; s = s \$1 % 10 } length(s) > 200 { h[s]++; s = \"\" } END { for (k in n) t += n[k] * k; for (k in h) c++; print t, c }' $data/lines"
}

@test "bc: digits of pi" {
	equal 'echo "scale=1100; 4*a(1)" | bc -l'
}

@test "64 threads on mutexes and condition variables" {
	equal "$progs/crowd 40000"
}

@test "a tree of 200 processes on three levels" {
	equal "$progs/family 120"
}
