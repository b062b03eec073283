// What belongs to one JavaScript environment (the main thread, or one worker): its lanes, its memory, its calls in
// flight.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/executor.h"
#include "core/memory.h"
#include "napi/napi_setup.h"
#include "napi/operation.h"

namespace foveate {

// Something with lanes of its own that must stop before the environment goes.
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  // Takes no new work and waits for its lanes. False when the bound passed first.
  virtual bool stop(std::chrono::milliseconds bound) = 0;
};

// Used on its JavaScript thread alone; lanes reach only `run` and the mailbox.
class Environment {
 public:
  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
  explicit Environment(Napi::Env env);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // Cancels every call in flight and waits for the lanes with a bound; promises still open stay open (nobody is left to
  // hear them). Called by JavaScript when the process exits, which Node does without cleanup hooks after process.exit()
  // and uncaught exceptions, and by the cleanup hook in every other case. The second call does nothing.
  void tear_down();

  // Queues the operation on `executor`; the promise settles when it is done. Its notices go to `listener`, if any, as
  // { kind, text, detail, number }, all of them before the promise settles.
  Napi::Promise launch(Executor& executor, std::unique_ptr<Operation> operation, const Napi::Value& listener = {});

  // Lanes for decoding, preprocessing, postprocessing and drawing: one less than there are cores, because they work
  // while the engine does. More threads than cores take turns, and the JavaScript thread waits for its own.
  Executor& vision();
  // Lanes for what takes long and rarely happens: opening libraries and models, closing sessions.
  Executor& loader();
  // One lane for TensorRT's builder: building engines, which takes minutes, and asking what of a model it can take.
  Executor& builder();
  std::size_t vision_lanes() const { return vision_lanes_; }

  const std::shared_ptr<MemoryPool>& memory() const { return memory_; }

  void add(std::shared_ptr<Stoppable> member) { members_.insert(std::move(member)); }
  void remove(const std::shared_ptr<Stoppable>& member) { members_.erase(member); }

 private:
  // Where lanes leave finished operations. Shared with them, so that one that comes late finds it closed rather than
  // gone.
  struct Mailbox {
    std::mutex mutex;
    std::vector<std::unique_ptr<Operation>> finished;
    std::vector<std::pair<std::uint64_t, Notice>> notices;  // by operation
    bool open = true;
    Napi::ThreadSafeFunction signal;

    void finish(std::unique_ptr<Operation> operation);
    void notify(std::uint64_t id, Notice notice);
  };
  struct Pending {
    Napi::Promise::Deferred deferred;
    CancelTokenPtr cancel;
    Napi::FunctionReference listener;
  };

  static void run(Operation& operation, std::size_t lane);
  void settle_finished(Napi::Env env);
  void deliver(Napi::Env env, std::uint64_t id, const Notice& notice);
  static void settle(Napi::Env env, Operation& operation, const Napi::Promise::Deferred& deferred);

  Napi::Env env_;
  bool torn_down_ = false;
  std::shared_ptr<MemoryPool> memory_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_map<std::uint64_t, Pending> pending_;
  std::uint64_t next_id_ = 1;
  const std::size_t vision_lanes_;
  std::unique_ptr<Executor> vision_;
  std::unique_ptr<Executor> loader_;
  std::unique_ptr<Executor> builder_;
  std::set<std::shared_ptr<Stoppable>> members_;
};

void register_environment(Napi::Env env, Napi::Object exports);

// The value that a promise is rejected with, or that is thrown: a plain object { code, message, hint } which
// lib/binding turns into the FoveateError of that code, where the stack of the caller is known.
Napi::Value error_value(Napi::Env env, const Error& error);
// The status of work that no lane could be started for.
Status no_threads();
[[noreturn]] void throw_status(Napi::Env env, const Status& status);

}  // namespace foveate
