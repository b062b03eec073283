#include "runtime/cuda/waiter.h"

#include <atomic>
#include <exception>

namespace foveate::cuda {
namespace {

std::atomic<int> waits{0};  // that threads of waiters make at this moment

}  // namespace

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
      waits.fetch_add(1);
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return mark_ == nullptr || cancel->cancelled(); });
    if (mark_ != nullptr) return false;
    // What ended may be a wait that was given up before, or that failed: the mark is looked at again.
  }
}

bool Waiter::is_idle() {
  std::lock_guard lock(mutex_);
  return mark_ == nullptr;
}

bool Waiter::any_waits() { return waits.load() > 0; }

void Waiter::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ended_ || mark_ != nullptr; });
    if (ended_) return;
    Event& mark = *mark_;  // which stays until this is over
    lock.unlock();
    try {
      (void)mark.synchronize();        // whoever waits asks the mark
    } catch (const std::exception&) {  // no memory to say what failed
    }
    lock.lock();
    mark_ = nullptr;
    waits.fetch_sub(1);
    changed_.notify_all();
  }
}

}  // namespace foveate::cuda
