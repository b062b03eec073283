// One asynchronous call from JavaScript: work on a lane, then a value on the JavaScript thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/cancel.h"
#include "core/status.h"
#include "napi/handles.h"
#include "napi/napi_setup.h"

namespace foveate {

FOVEATE_HANDLE(CancelToken, "operation", 0x8f1f6c0b51d34b6bULL, 0xa0e6d7a1c2b94301ULL);

// What an operation tells while it runs: how far it is, or what a library logged.
struct Notice {
  std::string kind;
  std::string text;
  std::string detail;
  double number = 0;
};

// Holds no JavaScript handle: a lane abandoned at exit may destroy it after its environment is gone.
class Operation {
 public:
  virtual ~Operation() = default;

  // On a lane. What it throws becomes a Status.
  virtual Status execute(std::size_t lane) = 0;
  // On the JavaScript thread, once, after `execute` succeeded.
  virtual Napi::Value result(Napi::Env env) = 0;

  // How long `execute` took.
  double elapsed_ms() const { return elapsed_ms_; }

  CancelTokenPtr cancel;  // null until launched where the caller cannot abort
  // On a lane: hands a notice to the listener that the operation was launched with. Empty where there is none.
  std::function<void(Notice)> notify;

 private:
  friend class Environment;
  std::uint64_t id_ = 0;
  Status status_;
  double elapsed_ms_ = 0;
};

}  // namespace foveate
