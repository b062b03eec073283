// A wait for the GPU that can be given up.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "core/cancel.h"
#include "core/status.h"
#include "runtime/cuda/stream.h"

namespace foveate::cuda {

// Belongs to one lane. The driver's own wait cannot be given up, so a thread of the waiter's makes it, and the lane
// waits for that thread or the token. Asking again and again instead took 5 to 20 % of a core (with work of 5 ms on the
// stand-in driver: 300 to 1100 us, where this takes 11 in all) and saw the end later. A host function in the stream
// would do without the thread, but none is called once the GPU has failed.
class Waiter {
 public:
  Waiter();  // throws std::system_error where there are no more threads
  // While it is idle.
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Returns true when the work before the mark is done, false where the token was cancelled before: then the thread
  // goes on waiting for it.
  Result<bool> wait(const std::shared_ptr<Event>& mark, CancelToken* cancel);
  // Whether nothing is waited for, nor any share held in a mark.
  bool is_idle();
  // Whether a thread of any waiter is inside the driver: a process that ends then has to do so without the destructors
  // of libraries.
  static bool any_waits();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;  // by either of the two, or the token
  std::shared_ptr<Event> mark_;      // what is waited for; null: nothing
  bool ended_ = false;
  std::thread thread_;  // after what it uses
};

}  // namespace foveate::cuda
