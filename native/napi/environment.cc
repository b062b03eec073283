#include "napi/environment.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "runtime/cuda/waiter.h"
#include "runtime/tensorrt/closing.h"

namespace foveate {
namespace {

// Long enough for a runtime to notice that it was told to stop, short enough not to be felt as a hang at exit.
constexpr std::chrono::milliseconds kTearDownBound{3000};
// Blocks that nobody uses are kept for the next request up to this many bytes per environment.
constexpr std::size_t kPooledBytesLimit = std::size_t{256} << 20;
constexpr std::size_t kLoaderLanes = 2;
// That JavaScript has not taken yet. Beyond, they are dropped: a library that floods must not fill the memory.
constexpr std::size_t kMaxNotices = 10'000;

std::atomic<bool> lane_abandoned{false};

// Whether a thread of ours is, or may be, inside a library.
bool threads_in_libraries() { return lane_abandoned.load() || cuda::Waiter::any_waits() || tensorrt::has_abandoned(); }

// exit() runs the destructors of the engine's static objects. Under a thread that is inside the engine they would end
// the process by a signal, so they are left out then: what is registered last runs first.
void leave_without_destructors_if_needed() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::on_exit(
        [](int status, void*) {
          if (!threads_in_libraries()) return;
          std::fflush(nullptr);
          ::_exit(status);
        },
        nullptr);
  });
}

}  // namespace

Napi::Value error_value(Napi::Env env, const Error& error) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("code", Napi::String::New(env, error.code.data(), error.code.size()));
  value.Set("message", error.message);
  if (!error.hint.empty()) value.Set("hint", error.hint);
  return value;
}

Status no_threads() {
  return {error_code::kOutOfMemory, "The system gave no thread to work on",
          "Raise its limit on processes and threads (ulimit -u, or the container's pids limit)."};
}

void throw_status(Napi::Env env, const Status& status) { throw Napi::Error(env, error_value(env, status.error())); }

Environment::Environment(Napi::Env env)
    : env_(env),
      memory_(std::make_shared<MemoryPool>(kPooledBytesLimit)),
      mailbox_(std::make_shared<Mailbox>()),
      vision_lanes_(std::max(2u, std::thread::hardware_concurrency()) - 1) {
  mailbox_->signal = Napi::ThreadSafeFunction::New(
      env, Napi::Function::New(env, [this](const Napi::CallbackInfo& info) { settle_finished(info.Env()); }), "foveate",
      0, 1);
  mailbox_->signal.Unref(env);  // only calls in flight keep the process alive
  env.AddCleanupHook([this] { tear_down(); });
}

Environment::~Environment() = default;

Executor& Environment::vision() {
  if (!vision_ || vision_->lanes() == 0) vision_ = std::make_unique<Executor>(vision_lanes_, "fov-vision");
  return *vision_;
}

Executor& Environment::loader() {
  if (!loader_ || loader_->lanes() == 0) loader_ = std::make_unique<Executor>(kLoaderLanes, "fov-loader");
  return *loader_;
}

Executor& Environment::builder() {
  if (!builder_ || builder_->lanes() == 0) builder_ = std::make_unique<Executor>(1, "fov-builder");
  return *builder_;
}

void Environment::run(Operation& operation, std::size_t lane) {
  if (operation.cancel->cancelled()) {
    operation.status_ = {error_code::kAborted, "The operation was aborted before it started"};
    return;
  }
  const auto started = std::chrono::steady_clock::now();
  try {
    operation.status_ = operation.execute(lane);
  } catch (const std::bad_alloc&) {
    operation.status_ = {error_code::kOutOfMemory, "There is no memory left for the operation"};
  } catch (const std::exception& error) {
    operation.status_ = {error_code::kInternal, error.what()};
  }
  operation.elapsed_ms_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
}

Napi::Promise Environment::launch(Executor& executor, std::unique_ptr<Operation> operation,
                                  const Napi::Value& listener) {
  if (torn_down_) throw_status(env_, Status(error_code::kDisposed, "The process, or the worker thread, is ending"));
  auto deferred = Napi::Promise::Deferred::New(env_);
  const std::uint64_t id = next_id_++;
  operation->id_ = id;
  if (!operation->cancel) operation->cancel = std::make_shared<CancelToken>();  // for the tear-down
  Napi::FunctionReference heard;
  if (!listener.IsEmpty() && listener.IsFunction()) {
    heard = Napi::Persistent(listener.As<Napi::Function>());
    operation->notify = [id, mailbox = mailbox_](Notice notice) { mailbox->notify(id, std::move(notice)); };
  }
  // std::function must be copyable, so the operation travels in a shared holder that exactly one run of the task
  // empties.
  auto cancel = operation->cancel;
  auto holder = std::make_shared<std::unique_ptr<Operation>>(std::move(operation));
  pending_.emplace(id, Pending{deferred, std::move(cancel), std::move(heard)});
  if (pending_.size() == 1) mailbox_->signal.Ref(env_);
  const bool taken = executor.submit([holder, mailbox = mailbox_](std::size_t lane) {
    std::unique_ptr<Operation> running = std::move(*holder);
    run(*running, lane);
    mailbox->finish(std::move(running));
  });
  if (!taken) {
    std::unique_ptr<Operation> refused = std::move(*holder);
    refused->status_ =
        executor.lanes() == 0 ? no_threads() : Status(error_code::kDisposed, "The object was disposed before the call");
    mailbox_->finish(std::move(refused));
  }
  return deferred.Promise();
}

void Environment::Mailbox::finish(std::unique_ptr<Operation> operation) {
  std::lock_guard lock(mutex);
  if (!open) return;  // the environment is gone; the operation ends with this scope
  // One wake-up for all that finish before JavaScript looks.
  const bool first = finished.empty() && notices.empty();
  finished.push_back(std::move(operation));
  if (first) signal.NonBlockingCall();
}

void Environment::Mailbox::notify(std::uint64_t id, Notice notice) {
  std::lock_guard lock(mutex);
  if (!open || notices.size() >= kMaxNotices) return;
  const bool first = finished.empty() && notices.empty();
  notices.emplace_back(id, std::move(notice));
  if (first) signal.NonBlockingCall();
}

void Environment::settle_finished(Napi::Env env) {
  std::vector<std::unique_ptr<Operation>> finished;
  std::vector<std::pair<std::uint64_t, Notice>> notices;
  {
    std::lock_guard lock(mailbox_->mutex);
    finished.swap(mailbox_->finished);
    notices.swap(mailbox_->notices);
  }
  // Listeners run JavaScript, which may end the environment.
  for (const auto& [id, notice] : notices) {
    if (torn_down_) return;
    deliver(env, id, notice);
  }
  for (auto& operation : finished) {
    if (torn_down_) return;
    Napi::HandleScope scope(env);
    auto entry = pending_.extract(operation->id_);
    if (entry.empty()) continue;
    if (pending_.empty()) mailbox_->signal.Unref(env);
    try {
      settle(env, *operation, entry.mapped().deferred);
    } catch (const std::exception&) {
      // No value could be made, not even of the error: the others behind it are settled all the same.
    }
  }
}

// Listeners are ours, in lib/binding, and keep what their callers throw to themselves.
void Environment::deliver(Napi::Env env, std::uint64_t id, const Notice& notice) {
  Napi::HandleScope scope(env);
  const auto entry = pending_.find(id);
  if (entry == pending_.end() || entry->second.listener.IsEmpty()) return;
  try {
    auto value = Napi::Object::New(env);
    value.Set("kind", notice.kind);
    value.Set("text", notice.text);
    value.Set("detail", notice.detail);
    value.Set("number", notice.number);
    const Napi::Function listener = entry->second.listener.Value();  // the entry may go while it runs
    listener.Call({value});
  } catch (const std::exception&) {
    // No value could be made of it: it is dropped.
  }
}

void Environment::settle(Napi::Env env, Operation& operation, const Napi::Promise::Deferred& deferred) {
  if (!operation.status_.ok()) {
    deferred.Reject(error_value(env, operation.status_.error()));
    return;
  }
  try {
    deferred.Resolve(operation.result(env));
  } catch (const Napi::Error& error) {
    deferred.Reject(error.Value());
  } catch (const std::exception& error) {  // such as std::bad_alloc
    deferred.Reject(error_value(env, {error_code::kInternal, error.what(), ""}));
  }
}

void Environment::tear_down() {
  if (std::exchange(torn_down_, true)) return;
  {
    std::lock_guard lock(mailbox_->mutex);
    mailbox_->open = false;
  }
  for (auto& [id, pending] : pending_) {
    pending.cancel->cancel();
  }
  const auto deadline = std::chrono::steady_clock::now() + kTearDownBound;
  const auto time_left = [deadline] {
    return std::max(std::chrono::milliseconds{0},
                    std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
  };
  bool all_stopped = true;
  for (const auto& member : members_) all_stopped &= member->stop(time_left());
  if (loader_) all_stopped &= loader_->stop(time_left());
  if (builder_) all_stopped &= builder_->stop(time_left());
  if (vision_) all_stopped &= vision_->stop(time_left());
  members_.clear();
  if (!all_stopped) lane_abandoned = true;
  if (threads_in_libraries()) leave_without_destructors_if_needed();
  pending_.clear();
  mailbox_->finished.clear();
  mailbox_->notices.clear();
  mailbox_->signal.Abort();
}

void register_environment(Napi::Env env, Napi::Object exports) {
  // environmentStop(): void. When the process or the worker ends; calls made after it are refused.
  exports.Set("environmentStop", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::of(info.Env()).tear_down();
              }));
}

}  // namespace foveate
