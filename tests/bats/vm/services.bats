#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Servers as Debian has them, and what talks to them over UNIX sockets: one job, whose leader is a shell
# script. An interrupted run equals an undisturbed one.

load helper
load interrupted

setup_file() {
	export data=$BATS_FILE_TMPDIR
	# for servers that give up being root
	chmod a+x "$BATS_RUN_TMPDIR" "$data"
}

# script NAME: standard input is a script, which the job's leader runs
script() {
	{
		# polls as tests do, in the middle of the job
		echo 'until_true() { until "$@" >/dev/null 2>&1; do sleep 0.1; done; }'
		cat
	} >"$data/$1"
}

@test "redis-server, its client, a rewrite of its log in a child" {
	need redis-server redis-cli
	script redis <<-'END'
		redis-server --port 0 --unixsocket socket --appendonly yes --appendfsync no --save '' \
			--enable-debug-command yes --logfile log &
		cli="redis-cli -s socket"
		until_true $cli ping
		for i in 1 2 3; do
			seq 100 | awk -v i=$i '{
				print "rpush list" $1 % 7, $1 * i
				print "zadd sorted", $1 * 7919 % 1009, "m" $1 "." i
				print "hset hash field" $1 " " $1 * i
			}' | $cli | sha256sum
			[ $i != 2 ] || $cli bgrewriteaof
		done
		$cli blpop nothing 1
		$cli eval 'local s = 0; for i = 1, 30000 do s = s + i % 7 end; return s' 0
		$cli debug digest
		$cli shutdown nosave
		wait
		echo "status $?"
	END
	equal_few "bash $data/redis" --ignore '^(log|socket|appendonlydir.*)$'
}

# Its workers have the groups that their user has: so must who restarts them.
@test "nginx: two workers, one of them the other's proxy" {
	local as=(setpriv --reuid=root --regid=root --init-groups)
	need nginx curl setpriv
	script nginx <<-'END'
		chmod a+x .. .
		seq 60000 >file
		cat >conf <<-CONF
			user root;
			worker_processes 2;
			error_log log;
			pid pid;
			events { worker_connections 64; }
			http {
				access_log off;
				client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
				uwsgi_temp_path tmp; scgi_temp_path tmp;
				server { listen unix:$PWD/socket; root $PWD; }
				server {
					listen unix:$PWD/proxy;
					location / { proxy_pass http://unix:$PWD/socket:/; }
				}
			}
		CONF
		nginx -p "$PWD" -e log -c conf -g 'daemon off;' &
		until_true curl -sf --unix-socket socket http://x/file
		for i in 1 2 3; do
			curl -s --unix-socket proxy 'http://x/file?[1-8]' | sha256sum
			curl -s --unix-socket socket 'http://x/none?[1-8]' | grep -c 'Not Found'
		done
		kill -QUIT $!
		wait $!
		echo "status $?"
	END
	equal_few "bash $data/nginx" --ignore '^(log|pid|socket|proxy|tmp.*)$'
}

# Its processes have its own user: who restarts them must be that user, and may choose pids.
@test "postgres: initdb, the server, pgbench with four clients, a parallel query" {
	local bin=/usr/lib/postgresql/15/bin caps='-all,+checkpoint_restore'
	need "$bin/postgres" setpriv
	script postgres <<-END
		export LC_ALL=C TZ=UTC PATH=$bin:\$PATH PGHOST=\$PWD PGUSER=postgres PGDATABASE=postgres
	END
	cat >>"$data/postgres" <<-'END'
		initdb -D data -A trust -U postgres -N >log.initdb || exit
		postgres -D data -k "$PWD" -c listen_addresses= -c fsync=off -c shared_buffers=4MB >log 2>&1 &
		until_true pg_isready -q
		psql -q <<-SQL
			create table t(n int primary key, v int);
			insert into t select i, 0 from generate_series(1, 2000) i;
			create table history(client int, n int, d int);
		SQL
		cat >transaction <<-SQL
			\set n random(1, 2000)
			\set d random(-100, 100)
			begin;
			update t set v = v + :d where n = :n;
			insert into history values (:client_id, :n, :d);
			commit;
		SQL
		pgbench -n -c 4 -j 2 -t 40 --random-seed=7 -f transaction | grep -e processed -e failed
		psql -At <<-SQL
			select count(*), sum(d) from history;
			select sum(v) from t;
			select client, count(*), sum(n) from history group by 1 order by 1;
			set max_parallel_workers_per_gather = 2;
			set parallel_setup_cost = 0;
			set parallel_tuple_cost = 0;
			set min_parallel_table_scan_size = 0;
			select count(*), sum(a.n % 77) from t a join t b on a.n = b.n + 1;
		SQL
		kill -INT $!
		wait $!
		echo "status $?"
	END
	mkdir -m 755 "$data/bin"
	cp "$CR_TOP/tests/run-interrupted" "$CR_TOP/build/mkcrimg" "$data/bin"
	PATH=$data/bin:$PATH setpriv --reuid=postgres --regid=postgres --clear-groups --inh-caps="$caps" \
		--ambient-caps="$caps" run-interrupted --tmp=/tmp --kills="${CR_KILLS:-3}" --saves="${CR_SAVES:-0}" \
		--ignore '^(data/.*|log.*|\.s\.PGSQL.*)$' "bash $data/postgres" 3>&-
}

@test "ssh-agent: keys that sign" {
	need ssh-agent ssh-add ssh-keygen
	ssh-keygen -q -t ed25519 -N '' -C me -f "$data/key"
	script agent <<-'END'
		export SSH_AUTH_SOCK=$PWD/socket
		ssh-agent -D -a socket >log &
		until_true test -S socket
		cp "$data/key" "$data/key.pub" .
		ssh-add -q key
		rm key
		echo "me $(cat key.pub)" >allowed
		for i in $(seq 8); do
			echo "message $i" >message
			ssh-keygen -q -Y sign -n file -f key.pub message 2>/dev/null || echo failed
			sha256sum <message.sig
			ssh-keygen -Y verify -n file -I me -f allowed -s message.sig <message
			rm message.sig
		done
		ssh-add -l
		kill $!
		wait $!
		echo "status $?"
	END
	equal_few "bash $data/agent" --ignore '^(log|socket)$'
}

@test "tmux: a server, a client on a terminal, a shell, vim" {
	need tmux vim script
	script tmux <<-'END'
		export TERM=xterm SHELL=/bin/bash
		tm() { tmux -N -S socket -f /dev/null "$@"; }
		shows() { tm capture-pane -p -t s | grep -q "$1"; }
		tmux -D -S socket -f /dev/null &
		server=$!
		until_true tm new-session -d -x 80 -y 24 -s s 'exec bash --norc --noprofile'
		script -qc 'tmux -S socket attach -t s' /dev/null </dev/null >/dev/null &
		client=$!
		until_true eval '[ "$(tm list-clients -t s | wc -l)" = 1 ]'
		tm send-keys -t s "PS1='> '" Enter "vim -u NONE -N -i NONE text" Enter
		until_true shows '^~'
		for i in $(seq 12); do
			tm send-keys -t s "oline $i of the text" Escape
		done
		until_true shows 'line 12 of'
		tm send-keys -t s ':%s/line/LINE/g' Enter
		until_true shows 'LINE 12 of'
		tm send-keys -t s ':wq' Enter
		until_true shows '^>'
		tm send-keys -t s 'clear; echo $((6 * 7)) $(wc -l <text)' Enter
		until_true shows '^42'
		tm capture-pane -p -t s | grep '^42'
		tm split-window -t s 'seq 4 >four; sleep 60'
		until_true test -s four
		tm list-panes -t s | wc -l
		tm kill-server
		wait $server
		echo "status $?"
		# who is told that the server has gone
		wait $client
	END
	# tmux runs utempter, which is of another group, for a moment
	equal_few "bash $data/tmux" --session --ignore '^socket$' --refusal-ok='utempter.*CR-ECRED'
}

@test "python3, asyncio: a server and its clients, children, a pool of threads" {
	cat >"$data/aio.py" <<-'END'
		import asyncio, hashlib

		def digest(n):
		    return hashlib.sha256(b'%d' % n * 2000).hexdigest()

		async def serve(reader, writer):
		    while line := await reader.readline():
		        text = await asyncio.get_running_loop().run_in_executor(None, digest, int(line))
		        writer.write(text.encode() + b'\n')
		        await writer.drain()
		    writer.close()

		async def client(k):
		    reader, writer = await asyncio.open_unix_connection('socket')
		    total = hashlib.sha256()
		    for n in range(40):
		        writer.write(b'%d\n' % (n * k))
		        total.update(await reader.readline())
		        await asyncio.sleep(0.01 * (n % 3))
		    writer.close()
		    return total.hexdigest()

		async def child(k):
		    pipe = asyncio.subprocess.PIPE
		    p = await asyncio.create_subprocess_exec('sort', '-rn', stdin=pipe, stdout=pipe)
		    text = '\n'.join(str(i * 7919 % 10007) for i in range(k * 3000))
		    out, _ = await p.communicate(text.encode())
		    return hashlib.sha256(out).hexdigest(), p.returncode

		async def main():
		    server = await asyncio.start_unix_server(serve, 'socket')
		    for line in await asyncio.gather(*(client(k) for k in range(1, 6)),
		                                     *(child(k) for k in range(1, 5))):
		        print(line)
		    server.close()
		    await server.wait_closed()

		asyncio.run(main())
	END
	equal "/usr/bin/python3 $data/aio.py" --ignore '^socket$'
}

@test "python3, multiprocessing: a manager, shared memory, a pool of executors" {
	cat >"$data/manager.py" <<-'END'
		import concurrent.futures, multiprocessing
		from multiprocessing import shared_memory

		def work(name, lock, table, n):
		    shm = shared_memory.SharedMemory(name)
		    with lock:
		        shm.buf[n % 64] = (shm.buf[n % 64] + n) % 256
		    table[n] = sum(i * i % 7 for i in range(n * 100))
		    shm.close()
		    return n

		if __name__ == '__main__':
		    shm = shared_memory.SharedMemory(create=True, size=4096)
		    with multiprocessing.Manager() as manager, \
		         concurrent.futures.ProcessPoolExecutor(3) as pool:
		        lock, table = manager.Lock(), manager.dict()
		        jobs = [pool.submit(work, shm.name, lock, table, n) for n in range(60)]
		        print(sum(j.result() for j in concurrent.futures.as_completed(jobs)), sum(table.values()))
		    print(bytes(shm.buf[:64]).hex())
		    shm.close()
		    shm.unlink()
	END
	equal_few "/usr/bin/python3 $data/manager.py"
}
