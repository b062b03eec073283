// Lets runs of all lanes through together, and a change of weights alone.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/cancel.h"
#include "core/status.h"
#include "runtime/cuda/stream.h"

namespace foveate::tensorrt {

// Thread-safe. A run that was aborted may still be on the GPU when it has passed: its mark is waited for instead.
class RunGate {
 public:
  // Waits while somebody is alone, unless the token is cancelled.
  class Pass {
   public:
    Pass(RunGate& gate, CancelToken* cancel) : gate_(gate), entered_(gate.enter() || gate.wait_to_enter(cancel)) {}
    ~Pass() {
      if (entered_) gate_.leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    // False where the token was cancelled first.
    bool entered() const { return entered_; }

   private:
    RunGate& gate_;
    const bool entered_;
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

  // Keeps new runs out, waits for those inside and for what they left behind, then calls; one caller at a time. The
  // gate is open again after it, also where the call throws.
  template <typename Call>
  Status alone(Call call) {
    const Closed closed(*this);
    for (const auto& mark : closed.left_behind()) {
      Status status = mark->synchronize();
      if (!status.ok() && !mark->device().lost()) return status;  // a lost one does nothing any more
    }
    return call();
  }

 private:
  class Closed {
   public:
    explicit Closed(RunGate& gate) : gate_(gate) {
      std::unique_lock lock(gate_.mutex_);
      gate_.changed_.wait(lock, [this] { return !gate_.closed_; });
      gate_.closed_ = true;
      gate_.changed_.wait(lock, [this] { return gate_.inside_ == 0; });
    }
    ~Closed() {
      std::lock_guard lock(gate_.mutex_);
      gate_.closed_ = false;
      gate_.changed_.notify_all();
    }
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;

    std::vector<std::shared_ptr<cuda::Event>> left_behind() const {
      std::lock_guard lock(gate_.mutex_);
      return gate_.left_behind_;
    }

   private:
    RunGate& gate_;
  };

  bool enter() {
    std::lock_guard lock(mutex_);
    if (!closed_) ++inside_;
    return !closed_;
  }

  bool wait_to_enter(CancelToken* cancel) {
    // Made before the gate is locked: whoever cancels holds the token when it locks the gate.
    const CancelScope scope(cancel, [this] {
      std::lock_guard lock(mutex_);
      changed_.notify_all();
    });
    const auto cancelled = [cancel] { return cancel != nullptr && cancel->cancelled(); };
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !closed_ || cancelled(); });
    if (closed_) return false;
    ++inside_;
    return true;
  }

  void leave() {
    std::lock_guard lock(mutex_);
    if (--inside_ == 0) changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  std::size_t inside_ = 0;
  std::vector<std::shared_ptr<cuda::Event>> left_behind_;
};

}  // namespace foveate::tensorrt
