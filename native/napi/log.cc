#include "napi/log.h"

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "napi/arguments.h"
#include "runtime/log.h"

namespace foveate {
namespace {

// Lines that JavaScript has not taken yet. Beyond, they are dropped: a library that floods must not fill the memory.
constexpr std::size_t kMaxWaiting = 1000;

// A line that outlives the call it was made in.
struct KeptLine {
  LogLevel level;
  std::string runtime;
  std::string origin;
  std::string message;
  std::vector<std::string> requests;
};

// On the JavaScript thread; without an environment where that ended before the line came to its turn.
void call_listener(Napi::Env env, Napi::Function listener, std::nullptr_t*, KeptLine* given) {
  const std::unique_ptr<KeptLine> line(given);
  if (env == nullptr) return;
  constexpr std::array kLevels = {"verbose", "info", "warning", "error"};
  auto value = Napi::Object::New(env);
  value.Set("level", kLevels[static_cast<std::size_t>(line->level)]);
  value.Set("runtime", line->runtime);
  value.Set("origin", line->origin);
  value.Set("message", line->message);
  auto requests = Napi::Array::New(env, line->requests.size());
  for (std::uint32_t i = 0; i < line->requests.size(); ++i) requests.Set(i, line->requests[i]);
  value.Set("requestIds", requests);
  listener.Call({value});
}

using Listener = Napi::TypedThreadSafeFunction<std::nullptr_t, KeptLine, call_listener>;

struct Listeners {
  std::mutex mutex;
  std::vector<std::shared_ptr<Listener>> all;  // one for each environment that listens
};

// Leaked: a library may log while the process exits.
Listeners& listeners() {
  static auto* const instance = new Listeners;
  return *instance;
}

void deliver(const LogLine& line) noexcept {
  try {
    std::lock_guard lock(listeners().mutex);
    for (const auto& listener : listeners().all) {
      auto kept = std::make_unique<KeptLine>(KeptLine{line.level,
                                                      std::string(line.runtime),
                                                      std::string(line.origin),
                                                      std::string(line.message),
                                                      {line.requests.begin(), line.requests.end()}});
      if (listener->NonBlockingCall(kept.get()) == napi_ok) kept.release();
    }
  } catch (const std::exception&) {  // no memory for a line: it is dropped
  }
}

// logListen(listener: (line: { level, runtime, origin, message, requestIds }) => void): void. Every line from warnings
// on, until the environment ends; lines do not keep the process alive.
void log_listen(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto listener = std::make_shared<Listener>(
      Listener::New(env, info[0].As<Napi::Function>(), "foveate log", kMaxWaiting, 1, nullptr));
  listener->Unref(env);
  {
    std::lock_guard lock(listeners().mutex);
    listeners().all.push_back(listener);
  }
  set_log_sink(deliver, LogLevel::kWarning);
  env.AddCleanupHook([listener] {
    std::lock_guard lock(listeners().mutex);
    std::erase(listeners().all, listener);
    listener->Abort();
  });
}

}  // namespace

void register_log(Napi::Env env, Napi::Object exports) {
  exports.Set("logListen", Napi::Function::New(env, log_listen));
}

}  // namespace foveate
