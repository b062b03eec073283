// Threads that do the work, so that JavaScript and libuv's four threads never do.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace foveate {

// A fixed number of lanes (threads) over one queue, first come first served. They, and the threads that an engine
// starts on them, yield the processor to the JavaScript thread and to whatever else has normal priority. Tasks get the
// index of their lane, so that a lane can keep an execution context, a stream and scratch memory of its own.
//
// Owned by one environment. All state that a lane touches is shared with it, so a lane that outlives the executor
// (it was abandoned at exit while inside a vendor call) touches nothing that is gone.
class Executor {
 public:
  using Task = std::function<void(std::size_t lane)>;

  // `name` shows in debuggers; at most 12 characters are kept. Where the system has no more threads, fewer lanes are
  // started: see `lanes`. A lane without work looks for some for as long as `patience` before it sleeps: where
  // calls come back to back, waking a sleeping thread would cost more than that.
  Executor(std::size_t lanes, std::string name, std::chrono::microseconds patience = {});
  // Waits for all lanes, unless `stop` already did; prefer `stop` with a bound where a vendor call may hang.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False when the executor was stopped or has no lane: the task is then not taken. A task must not throw.
  bool submit(Task task);

  // Takes no more tasks, runs those already queued (they see their cancel tokens), and waits for the lanes. False when
  // the bound passed first: the lanes that still run are abandoned, never killed.
  bool stop(std::chrono::milliseconds bound);

  // How many were started; tasks get indices below this.
  std::size_t lanes() const { return lanes_; }
  std::size_t queued() const;  // for tests

 private:
  struct State;

  std::size_t lanes_ = 0;
  std::shared_ptr<State> state_;
};

}  // namespace foveate
