#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Programs as Debian has them: virtual machines of languages, tools with many threads or processes, and what
# cannot be saved yet, which a line must name. An interrupted run equals an undisturbed one.

load helper
load interrupted

setup_file() {
	export data=$BATS_FILE_TMPDIR
}

# It takes protection keys for its code, where the CPU has some.
@test "node: worker threads, timers, a thread pool" {
	need /usr/bin/node
	cat >"$data/workers.js" <<-'END'
		const { Worker, isMainThread, parentPort } = require('worker_threads');
		const crypto = require('crypto'), zlib = require('zlib'), fs = require('fs');

		function work(n) {
			const a = new Array(10000).fill(0).map((_, i) => (i * n) % 1009);
			let s = 0;
			for (let k = 0; k < 20; k++)
				for (let i = 0; i < a.length; i++)
					s = (s + a[i] * (i ^ k)) % 1000003;
			return s;
		}

		function main() {
			let total = 0, next = 0, ticks = 0, ended = 0;
			const timer = setInterval(() => { ticks++; }, 20);
			for (let w = 0; w < 3; w++) {
				const worker = new Worker(__filename);
				worker.on('message', ([n, s]) => {
					total = (total + s * (n + 1)) % 1000000007;
					worker.postMessage(next < 120 ? next++ : -1);
				});
				worker.on('exit', () => { if (++ended == 3) end(); });
				worker.postMessage(next++);
			}
			function end() {
				clearInterval(timer);
				zlib.gzip(Buffer.alloc(1000000).map((_, i) => (i * i) >> 3), (err, packed) => {
					fs.writeFileSync('out', zlib.gunzipSync(packed));
					const hash = crypto.createHash('sha256').update(fs.readFileSync('out'));
					console.log(total, ticks > 10, hash.digest('hex'));
				});
			}
		}

		if (isMainThread)
			main();
		else
			parentPort.on('message', n => {
				if (n < 0) process.exit(0);
				parentPort.postMessage([n, work(n)]);
			});
	END
	equal_few "/usr/bin/node $data/workers.js"
}

# java OPTION...: four threads that make garbage, and a child process
java_equal() {
	need java javac
	cat >"$data/Garbage.java" <<-'END'
		import java.util.*;
		import java.util.concurrent.*;

		public class Garbage {
			static long work(int seed) {
				Map<Integer, int[]> map = new HashMap<>();
				Random random = new Random(seed);
				long sum = 0;
				for (int i = 0; i < 20000; i++) {
					int key = random.nextInt(3000);
					int[] old = map.put(key, new int[200 + key % 50]);
					if (old != null)
						sum += old.length;
				}
				return sum;
			}

			static long sorted() throws Exception {
				Process sort = new ProcessBuilder("sort", "-n").start();
				try (var out = sort.outputWriter()) {
					for (int i = 0; i < 1000; i++)
						out.write(i * 7919 % 1009 + "\n");
				}
				long hash = 0;
				for (String line : (Iterable<String>) sort.inputReader().lines()::iterator)
					hash = hash * 31 + Integer.parseInt(line);
				return hash + sort.waitFor();
			}

			public static void main(String[] args) throws Exception {
				ExecutorService pool = Executors.newFixedThreadPool(4);
				List<Future<Long>> results = new ArrayList<>();
				for (int i = 0; i < 20; i++) {
					int n = i;
					results.add(pool.submit(() -> work(n)));
				}
				long total = 0;
				for (Future<Long> result : results)
					total = total * 31 + result.get();
				pool.shutdown();
				System.out.println(total + " " + sorted());
			}
		}
	END
	[ -e "$data/Garbage.class" ] || javac -d "$data" "$data/Garbage.java"
	equal_few "java $* -Xmx80m -cp $data Garbage"
}

@test "java, parallel collector" {
	java_equal -XX:+UseParallelGC -XX:ParallelGCThreads=3
}

@test "java, concurrent collector" {
	java_equal -XX:+UseG1GC -XX:ParallelGCThreads=3 -XX:ConcGCThreads=2
}

@test "ffmpeg: threads that encode and decode" {
	need ffmpeg
	cat >"$data/film" <<-'END'
		exact='-fflags +bitexact -flags:v +bitexact -flags:a +bitexact'
		ffmpeg -nostdin -v error -f lavfi -i testsrc=size=160x120:rate=25 -f lavfi -i sine=frequency=440 \
			-t 4 -c:v libx264 -preset veryfast -threads 4 -c:a aac $exact out.mkv || exit
		ffmpeg -nostdin -v error -threads 2 -i out.mkv -f framemd5 - | sha256sum
	END
	equal_few "bash $data/film"
}

@test "git gc" {
	cat >"$data/make-repo" <<-'END'
		export GIT_AUTHOR_DATE='2020-01-01 00:00 +0000' GIT_COMMITTER_DATE='2020-01-01 00:00 +0000'
		git init -q -b main "$data/repo"
		cd "$data/repo"
		git config user.name me
		git config user.email me@example.org
		git config pack.threads 2
		git config gc.autoDetach false
		for i in 1 2 3 4 5; do
			for f in 1 2 3 4; do
				seq $((i * f)) 4000 | awk -v k=$i '{ print $1 * k % 1009 }' >f$f
			done
			git add .
			git commit -q -m "commit $i"
		done
	END
	cat >"$data/gc" <<-'END'
		cd repo
		git gc --quiet --aggressive --prune=now
		git fsck --full
		git count-objects -v | grep -e count -e packs
		git rev-list --objects --all | sort | sha256sum
		git status --short
	END
	bash "$data/make-repo"
	equal_few "bash $data/gc" --setup "cp -r $data/repo ." --ignore 'repo/\.git'
}

@test "rsync between two directories" {
	cat >"$data/trees" <<-'END'
		mkdir -p src/a/b dst/a
		for i in $(seq 60); do
			seq $i $((i * 200)) >src/a/f$i
		done
		ln -s f1 src/a/link
		ln src/a/f2 src/a/b/hard
		for i in $(seq 20); do
			seq $i $((i * 199)) >dst/a/f$i
		done
		touch dst/extra
	END
	equal_few "rsync -aH --delete src/ dst/" --setup "bash $data/trees"
}

# Whatever a reader sees is one moment of it: whole statements of the writers, and the same until its transaction ends.
@test "sqlite3: three writers and two readers of one database, with a write-ahead log" {
	cat >"$data/writers" <<-'END'
		sqlite3 test.db 'pragma journal_mode = wal; create table t(who integer, n integer, text);'
		for w in 1 2 3; do
			{
				for i in $(seq 40); do
					echo ".timeout 100000"
					echo "insert into t select $w, value, 'text ' || (value * $i % 97)
					      from generate_series($i, $i + 50);"
				done | sqlite3 test.db >out.$w 2>&1
				echo "status $?" >>out.$w
			} &
		done
		for r in 4 5; do
			{
				for i in $(seq 25); do
					echo ".timeout 100000"
					echo "begin; create temp table c as select count(*) n from t;
					      select n % 51, n = (select count(*) from t) from c; drop table c; commit;"
				done | sqlite3 test.db >out.$r 2>&1
				echo "status $?" >>out.$r
			} &
		done
		wait
		cat out.*
		sqlite3 test.db 'select who, count(*), sum(n), max(text) from t group by who;
		                 pragma integrity_check; pragma wal_checkpoint(truncate);'
	END
	equal_few "bash $data/writers" --ignore '^test\.db'
}

@test "a shell that starts others at times, as cron does" {
	cat >"$data/times" <<-'END'
		trap 'n=$((n + 1))' ALRM
		n=0
		me=$$
		task() {
			(
				cd /
				umask 077
				nice -n 5 dash -c "for i in 1 2 3; do echo \$((i * $1)); sleep 0.1; done |
				                   sort -rn | tr '\n' ' '"
			) >>"out.$1"
		}
		for minute in $(seq 8); do
			{ sleep 0.4; kill -ALRM $me; } &
			waker=$!
			[ $((minute % 2)) != 0 ] || task 2 &
			[ $((minute % 3)) != 0 ] || { task 3 & wait; } &
			until [ $n = $minute ]; do wait $waker; done
		done
		wait
		cat out.*
		echo "$n times"
	END
	equal_few "bash $data/times" --session
}

# What is missing: TCP, by which its processes speak even on one machine (stage 3).
@test "openmpi is refused: TCP" {
	need mpirun mpicc
	cat >"$data/ring.c" <<-'END'
		#include <mpi.h>
		#include <stdio.h>
		#include <unistd.h>

		int main(int argc, char **argv)
		{
			int rank, size, i;
			double mine = 1, sum;

			MPI_Init(&argc, &argv);
			MPI_Comm_rank(MPI_COMM_WORLD, &rank);
			MPI_Comm_size(MPI_COMM_WORLD, &size);
			for (i = 0; i < 50; i++) {
				MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
				mine = sum / size + rank;
				usleep(100000);
			}
			if (!rank)
				printf("%d ranks, %.1f\n", size, mine);
			MPI_Finalize();
			return 0;
		}
	END
	mpicc -o "$data/ring" "$data/ring.c"
	refuses "mpirun --allow-run-as-root --oversubscribe -np 2 --mca btl self,vader $data/ring" \
		'\(ring\): fd [0-9]+: IPv4 stream socket: not supported yet \[CR-EFD\]' '2 ranks, 25.5'
}

# What is missing: a traced task whose tracer is in the job (stage 3).
@test "gdb that debugs a program is refused: traced" {
	refuses 'gdb -nx -q -batch -ex run --args sleep 5 2>&1 | grep -c "exited normally"' \
		'\(sleep\): it is traced: not supported yet \[CR-ETRACED\]' 1
}
