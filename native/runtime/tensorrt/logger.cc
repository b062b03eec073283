#include "runtime/tensorrt/logger.h"

#include <exception>
#include <utility>

#include "runtime/log.h"
#include "runtime/tensorrt/callbacks.h"

namespace foveate::tensorrt {
namespace {

thread_local LogScope* innermost = nullptr;

LogLevel level_of(abi::Severity severity) {
  switch (severity) {
    case abi::Severity::kInternalError:
    case abi::Severity::kError:
      return LogLevel::kError;
    case abi::Severity::kWarning:
      return LogLevel::kWarning;
    case abi::Severity::kInfo:
      return LogLevel::kInfo;
    default:
      return LogLevel::kVerbose;
  }
}

}  // namespace

// Where every line arrives. An exception would cross the library's frames.
void receive(abi::Severity severity, const char* message) noexcept {
  const std::string_view text = message == nullptr ? "" : message;
  LogScope* const scope = innermost;
  if (scope == nullptr) return log({level_of(severity), "tensorrt", "", text});
  try {
    if (severity <= abi::Severity::kError && scope->error_.empty()) scope->error_ = text;
    if (scope->listener_) return scope->listener_(severity, text);
    if (severity > abi::Severity::kError) log({level_of(severity), "tensorrt", "", text});
  } catch (const std::exception&) {  // no memory for a line: it is dropped
  }
}

namespace {

// TensorRT 8 and 10, RTX 1.3 and 1.4: no versioned base.
class PlainLogger {
 public:
  virtual void log(abi::Severity severity, const char* message) noexcept { receive(severity, message); }
  virtual ~PlainLogger() = default;
};

// TensorRT 11, RTX from 1.5 on.
class VersionedLogger : public abi::VersionedInterface {
 public:
  abi::InterfaceInfo getInterfaceInfo() const noexcept final { return {"ILogger", 1, 0}; }
  virtual void log(abi::Severity severity, const char* message) noexcept { receive(severity, message); }
};

}  // namespace

LogScope::LogScope(LogListener listener) : listener_(std::move(listener)), outer_(std::exchange(innermost, this)) {}

LogScope::~LogScope() { innermost = outer_; }

std::string LogScope::take_error() { return std::exchange(error_, {}); }

void* logger_for(abi::Releases releases) {
  static auto* const plain = new PlainLogger;
  static auto* const versioned = new VersionedLogger;
  const bool is_versioned = releases == abi::Releases::kTrt11 || releases == abi::Releases::kRtx11;
  return is_versioned ? static_cast<void*>(versioned) : static_cast<void*>(plain);
}

}  // namespace foveate::tensorrt
