// What TensorRT logs, tied to the call that caused it.
//
// A library keeps the first logger that it is given, for all builders and runtimes of the process. So there is one for
// each library, which is never freed, and hands every line to the scope that is open on its thread: TensorRT logs on
// the thread that calls it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runtime/tensorrt/abi.h"

namespace foveate::tensorrt {

using LogListener = std::function<void(abi::Severity severity, std::string_view message)>;

// For its lifetime, lines logged on this thread go to `listener`, and the first error is kept. Without a listener,
// warnings and what is below go to the log of foveate. Scopes nest; the innermost gets the line. What the listener
// throws is dropped.
class LogScope {
 public:
  explicit LogScope(LogListener listener = {});
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  // The first error that was logged and not yet taken, which is the cause; those that follow are its consequences.
  std::string take_error();

 private:
  friend void receive(abi::Severity severity, const char* message) noexcept;

  LogListener listener_;
  std::string error_;
  LogScope* outer_;
};

// The object to hand to a library of these releases: ILogger has two shapes.
void* logger_for(abi::Releases releases);

}  // namespace foveate::tensorrt
