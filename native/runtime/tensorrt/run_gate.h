// Lets runs of all lanes through together, and a change of weights alone.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/status.h"
#include "runtime/cuda/stream.h"

namespace foveate::tensorrt {

// Thread-safe. A run that was aborted may still be on the GPU when it has passed: its mark is waited for instead.
class RunGate {
 public:
  class Pass {
   public:
    explicit Pass(RunGate& gate) : gate_(gate) {
      std::unique_lock lock(gate_.mutex_);
      gate_.changed_.wait(lock, [this] { return !gate_.closed_; });
      ++gate_.inside_;
    }
    ~Pass() {
      std::lock_guard lock(gate_.mutex_);
      if (--gate_.inside_ == 0) gate_.changed_.notify_all();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    RunGate& gate_;
  };

  // To be called within a pass: work that `mark` stands behind goes on after it.
  void leave_behind(std::shared_ptr<cuda::Event> mark) {
    std::lock_guard lock(mutex_);
    left_behind_.push_back(std::move(mark));
  }
  // That work is done.
  void caught_up(const std::shared_ptr<cuda::Event>& mark) {
    std::lock_guard lock(mutex_);
    std::erase(left_behind_, mark);
  }

  // Keeps new runs out, waits for those inside and for what they left behind, then calls; one caller at a time.
  template <typename Call>
  Status alone(Call call) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !closed_; });
    closed_ = true;
    changed_.wait(lock, [this] { return inside_ == 0; });
    const auto marks = left_behind_;
    lock.unlock();
    Status status;
    for (const auto& mark : marks) {
      if (status.ok()) status = mark->synchronize();
    }
    if (status.ok()) status = call();
    lock.lock();
    closed_ = false;
    changed_.notify_all();
    return status;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  std::size_t inside_ = 0;
  std::vector<std::shared_ptr<cuda::Event>> left_behind_;
};

}  // namespace foveate::tensorrt
