// Streams are threads with queues: what is enqueued happens later, and a wait that was forgotten shows.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "device.h"

namespace foveate::cuda::standin {

// The end of what was before a record of an event.
class Mark {
 public:
  void reach();
  bool reached();
  void wait();
  std::chrono::steady_clock::time_point time();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
  std::chrono::steady_clock::time_point time_;
};

using MarkPtr = std::shared_ptr<Mark>;

// A piece of work. Its body runs on the device; one without marks or waits in the stream alone.
struct Work {
  std::function<void()> body;
  std::chrono::nanoseconds duration{0};
  MarkPtr wait;   // before it
  MarkPtr reach;  // after it, also where it was dropped
};

struct Graph {
  Device* device;
  std::vector<Work> work;  // in the order in which it was enqueued, whatever stream it was for
};

// A capture in progress. The lock of the driver is held for all of it.
struct Capture {
  Stream* origin;
  std::thread::id thread;
  int mode;  // 0: global, 1: of the thread, 2: relaxed
  bool invalid = false;
  std::set<Stream*> unjoined = {};  // what they did last, the origin does not wait for
  std::shared_ptr<Graph> graph = nullptr;
};

class Stream {
 public:
  explicit Stream(Device& device);

  Device& device() { return *device_; }
  void enqueue(Work work);
  bool idle();
  MarkPtr end();  // reached when all that is enqueued now is done
  // Ends its thread when all is done; with `dropped` nothing more is done.
  void close(bool dropped);

  std::shared_ptr<Capture> capture;  // the lock of the driver is held

 private:
  // Shared with the thread, which outlives the stream.
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Work> waiting;
    bool busy = false;
    bool closed = false;
    std::atomic<bool> dropped{false};
  };

  static void work(Device& device, const std::shared_ptr<Queue>& queue);

  Device* device_;
  std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
};

struct Event {
  Device* device;
  bool timed;
  MarkPtr last;                    // null before it is first recorded
  std::weak_ptr<Capture> capture;  // where it was last recorded in one
  bool captured = false;
  Stream* recorded_in = nullptr;
};

}  // namespace foveate::cuda::standin
