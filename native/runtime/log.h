// Where the log lines of vendor libraries go. Nothing in the core writes to stderr.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace foveate {

enum class LogLevel : std::uint8_t { kVerbose, kInfo, kWarning, kError };

struct LogLine {
  LogLevel level;
  std::string_view runtime;  // "onnxruntime"
  std::string_view origin;   // the model it is about, "" when it is about none
  std::string_view message;
  std::span<const std::string> requests = {};  // filled in by `log`, from the RequestScope of the thread
};

// For its lifetime, what is logged on this thread is said to be of these requests, which must outlive it. What a vendor
// logs on worker threads of its own is of none.
class RequestScope {
 public:
  explicit RequestScope(std::span<const std::string> requests) noexcept;
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

 private:
  std::span<const std::string> outer_;
};

// Called on the thread that logs. Must not throw, and must be quick.
using LogSink = void (*)(const LogLine& line) noexcept;

// Process-wide, from any thread. Without a sink every line is dropped; with one, those below `minimum` are.
void set_log_sink(LogSink sink, LogLevel minimum = LogLevel::kError) noexcept;

void log(const LogLine& line) noexcept;

}  // namespace foveate
