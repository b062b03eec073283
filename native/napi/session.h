// A model ready to run: its lanes, each with a context of its own.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "core/executor.h"
#include "napi/environment.h"
#include "napi/handles.h"
#include "runtime/runtime.h"

namespace foveate {

// What lanes use. Held by every run in flight, so that closing the session cannot pull a context from under one.
struct SessionLanes {
  std::shared_ptr<Model> model;
  std::vector<std::unique_ptr<Context>> contexts;  // one per lane, which alone touches it
  // Whether outputs have the shapes that the model declares; exporters get that wrong.
  std::atomic<bool> declared_shapes_hold = true;

  // In the context of that lane; in a new one on another GPU where the engine has that and the lane's was lost.
  Status run(std::size_t lane, const RunRequest& request, RunResult& result);
  // How many runs there are at this moment in the process.
  static std::size_t running();
};

class Session final : public Stoppable {
 public:
  Session(std::shared_ptr<SessionLanes> lanes, std::size_t weight_bytes);
  ~Session() override;
  // How many there are in the process.
  static std::size_t open();

  // A lane abandoned inside a vendor call keeps `lanes()` alive by its task; nothing here waits for it again.
  bool stop(std::chrono::milliseconds bound) override { return executor_.stop(bound); }

  const std::shared_ptr<SessionLanes>& lanes() const { return lanes_; }
  const ModelInfo& info() const { return lanes_->model->info(); }
  Executor& executor() { return executor_; }
  std::size_t weight_bytes() const { return weight_bytes_; }

 private:
  std::shared_ptr<SessionLanes> lanes_;
  std::size_t weight_bytes_;
  Executor executor_;
};

// What JavaScript holds. `session` is null from sessionClose on: the model is freed then, not when the handle is
// collected.
struct SessionHandle {
  std::shared_ptr<Session> session;
};

FOVEATE_HANDLE(Runtime, "runtime", 0x3a5d1e8c7b2f4096ULL, 0x9f61c2d4e8a70b35ULL);
FOVEATE_HANDLE(SessionHandle, "session", 0x62d8f90a1b3c4e57ULL, 0x81a4b5c6d7e8f902ULL);

// The session behind a handle; throws DISPOSED where it was closed.
std::shared_ptr<Session> session_of(const Napi::Value& handle);

void register_runtime(Napi::Env env, Napi::Object exports);
void register_session(Napi::Env env, Napi::Object exports);
void register_session_run(Napi::Env env, Napi::Object exports);

}  // namespace foveate
