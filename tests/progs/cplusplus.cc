// SPDX-License-Identifier: GPL-2.0
/*
 * What a C++ program has that a C program has not: threads, locks and futures of
 * the standard library, containers, virtual methods and an exception that is
 * being handled while the job is saved, thread-local objects with constructors,
 * exceptions that fly past frames of before.
 *
 * tests/bats/vm/debuggers.bats knows names and values.
 */
#include "prog.h"
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace cpp {

enum { THREADS = 3 };

/* Counts those that are alive */
struct Counted {
	static std::atomic<int> alive;
	Counted() { alive++; }
	~Counted() { alive--; }
};
std::atomic<int> Counted::alive;

struct Failure : std::runtime_error {
	int code;
	Failure(const std::string &what, int code) : std::runtime_error(what), code(code) { }
};

/* ---- containers ---- */

std::vector<int> numbers;
std::map<std::string, int> squares;
static std::unordered_map<int, std::string> names;
static std::vector<std::shared_ptr<Counted>> owners;
static std::function<int(int)> closure;

static void containers_setup()
{
	auto shared = std::make_shared<Counted>();
	int seven = 7;

	for (int i = 0; i < 1000; i++) {
		numbers.push_back(i * i);
		squares["square of " + std::to_string(i)] = i * i;
		names[i * 7919] = std::string(i % 50, 'a' + i % 26);
		owners.push_back(shared);
	}
	closure = [=](int n) { return n * seven + (int)shared.use_count(); };
}

static void containers_verify()
{
	for (int i = 0; i < 1000; i++) {
		check(numbers.at(i) == i * i, "number %d is %d", i, numbers[i]);
		check(squares.at("square of " + std::to_string(i)) == i * i, "square of %d", i);
		check(names.at(i * 7919) == std::string(i % 50, 'a' + i % 26), "name %d", i);
	}
	/* all of owners, and the closure's own */
	check(closure(6) == 6 * 7 + 1001, "the closure says %d", closure(6));
	owners.clear();
	check(Counted::alive == 1, "%d objects are alive, not that of the closure", (int)Counted::alive);
	closure = nullptr;
	check(!Counted::alive, "%d objects are alive", (int)Counted::alive);
}

/* ---- threads ---- */

thread_local std::string worker_name = "nobody";
thread_local int worker_number = -1;

class Pool {
	std::mutex lock;
	std::condition_variable changed;
	std::vector<std::thread> threads;
	std::vector<std::string> done;
	int waiting = 0;
	bool go = false;

	__attribute__((noinline)) void work(int number)
	{
		worker_number = number;
		worker_name = "worker " + std::to_string(number);
		std::unique_lock<std::mutex> held(lock);
		waiting++;
		changed.notify_all();
		changed.wait(held, [this] { return go; });
		done.push_back(worker_name);
		check(worker_number == number, "worker %d has number %d", number, worker_number);
	}

public:
	/* Returns when all of them wait */
	void start()
	{
		std::unique_lock<std::mutex> held(lock);

		for (int i = 0; i < THREADS; i++)
			threads.emplace_back(&Pool::work, this, i);
		changed.wait(held, [this] { return waiting == THREADS; });
	}

	std::vector<std::string> finish()
	{
		{
			std::lock_guard<std::mutex> held(lock);
			go = true;
		}
		changed.notify_all();
		for (auto &thread : threads)
			thread.join();
		return done;
	}
};

static Pool pool;
static std::future<int> answer;
static std::promise<int> question;

static void threads_setup()
{
	auto asked = question.get_future().share();

	pool.start();
	answer = std::async(std::launch::async, [asked] { return asked.get() + 2; });
}

static void threads_verify()
{
	auto done = pool.finish();
	bool seen[THREADS] = { };

	for (auto &name : done)
		seen[std::stoi(name.substr(strlen("worker ")))] = true;
	for (int i = 0; i < THREADS; i++)
		check(seen[i], "worker %d has not ended", i);
	check(answer.wait_for(std::chrono::milliseconds(10)) == std::future_status::timeout,
	      "the answer came before the question");
	question.set_value(40);
	check(answer.get() == 42, "the answer is wrong");
	check(worker_name == "nobody" && worker_number == -1, "thread-local objects of main()");
}

/* ---- exceptions ---- */

static std::exception_ptr kept;

static void exceptions_setup()
{
	try {
		throw Failure("before", 11);
	} catch (...) {
		kept = std::current_exception();
	}
}

__attribute__((noinline)) static void fall(int depth)
{
	Counted counted;

	if (!depth)
		throw Failure("after", 33);
	fall(depth - 1);
	asm volatile("");
}

static void exceptions_verify()
{
	int before = Counted::alive;

	try {
		std::rethrow_exception(kept);
	} catch (const std::runtime_error &e) {
		check(std::string(e.what()) == "before" && dynamic_cast<const Failure &>(e).code == 11,
		      "the exception that was kept says %s", e.what());
	}
	try {
		fall(20);
		prog_fail("nothing was thrown");
	} catch (const Failure &e) {
		check(e.code == 33, "code %d", e.code);
	}
	check(Counted::alive == before, "%d objects are alive, not %d", (int)Counted::alive, before);
}

/* ---- main() waits below a virtual method, while it handles an exception that goes on behind it ---- */

class Shape {
public:
	std::string name;
	Shape(const std::string &name) : name(name) { }
	virtual ~Shape() { }
	virtual void wait(int depth) = 0;
};

class Circle : public Shape {
	Counted counted;
public:
	int radius;
	Circle(int radius) : Shape("circle"), radius(radius) { }

	__attribute__((noinline)) void wait(int depth) override
	{
		Counted local;

		if (depth) {
			/* by the virtual table, each time */
			Shape *volatile self = this;

			self->wait(depth - 1);
			asm volatile("");
			return;
		}
		try {
			throw Failure("in flight", 22);
		} catch (const Failure &e) {
			prog_wait();
			check(e.code == 22 && name == "circle" && radius == 5, "the circle has changed");
			throw;
		}
	}
};

Shape *shape;

static void wait_in_shape()
{
	int before = Counted::alive, code = 0;

	shape = new Circle(5);
	try {
		shape->wait(3);
	} catch (const Failure &e) {
		code = e.code;
	}
	check(code == 22, "what was in flight came down as %d", code);
	delete shape;
	check(Counted::alive == before, "%d objects are alive, not %d", (int)Counted::alive, before);
}

} /* namespace cpp */

static const struct prog_case cases[] = {
	{ "exceptions", cpp::exceptions_setup, cpp::exceptions_verify, false },
	{ "threads", cpp::threads_setup, cpp::threads_verify, false },
	{ "containers", cpp::containers_setup, cpp::containers_verify, false },
	{ }
};

int main(int argc, char **argv)
{
	prog_waiter = cpp::wait_in_shape;
	return prog_main(argc, argv, cases);
}
