// The way a caller's abort reaches work that is queued or running.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace foveate {

class CancelScope;

// Set once, from any thread. Work asks `cancelled()` where it can stop cheaply; work inside a vendor call that only
// an outside call can stop registers that call with CancelScope. Several runs may share a token: one abort stops all of
// them.
class CancelToken {
 public:
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  inline void cancel();

 private:
  friend class CancelScope;

  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;               // held while interrupts run, so that their targets cannot go away under them
  CancelScope* scopes_ = nullptr;  // the open ones, linked through themselves: registering allocates nothing
};

using CancelTokenPtr = std::shared_ptr<CancelToken>;

// For its lifetime, `interrupt` is called (once, on the cancelling thread) when the token is cancelled; at once if it
// already was. `interrupt` must be quick, must not throw, and must not touch the token. A null token is never
// cancelled.
class CancelScope {
 public:
  CancelScope(CancelToken* token, std::function<void()> interrupt) : token_(token), interrupt_(std::move(interrupt)) {
    if (token_ == nullptr) return;
    std::lock_guard lock(token_->mutex_);
    if (token_->cancelled()) interrupt_();
    next_ = token_->scopes_;
    if (next_ != nullptr) next_->previous_ = this;
    token_->scopes_ = this;
  }
  ~CancelScope() {
    if (token_ == nullptr) return;
    std::lock_guard lock(token_->mutex_);
    (previous_ == nullptr ? token_->scopes_ : previous_->next_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  friend class CancelToken;

  CancelToken* token_;
  std::function<void()> interrupt_;
  CancelScope* previous_ = nullptr;
  CancelScope* next_ = nullptr;
};

void CancelToken::cancel() {
  std::lock_guard lock(mutex_);
  if (cancelled_.exchange(true, std::memory_order_acq_rel)) return;
  for (CancelScope* scope = scopes_; scope != nullptr; scope = scope->next_) scope->interrupt_();
}

}  // namespace foveate
