#include "runtime/cuda/waiter.h"

#include <utility>

#include "runtime/no_throw.h"

namespace foveate::cuda {

Waiter::Waiter() : thread_([this] { work(); }) {}

Waiter::~Waiter() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Result<bool> Waiter::wait(const std::shared_ptr<Event>& mark, CancelToken* cancel) {
  const CancelScope scope(cancel, [this] {
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  for (;;) {
    auto reached = mark->reached();
    if (!reached.ok() || reached.value()) return reached;
    std::unique_lock lock(mutex_);
    if (mark_ == nullptr) {
      mark_ = mark;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return mark_ == nullptr || cancel->cancelled(); });
    if (mark_ != nullptr) return false;
    if (!status_.ok()) return std::move(status_);
    // What ended may be a wait that was given up before: the mark is looked at again.
  }
}

bool Waiter::is_idle() {
  std::lock_guard lock(mutex_);
  return mark_ == nullptr;
}

void Waiter::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ended_ || mark_ != nullptr; });
    if (ended_) return;
    Event& mark = *mark_;  // which stays until this is over
    lock.unlock();
    Status status = no_throw([&] { return mark.synchronize(); });
    lock.lock();
    status_ = std::move(status);
    mark_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace foveate::cuda
