// Where the log lines of vendor libraries go. Nothing in the core writes to stderr.
#pragma once

#include <cstdint>
#include <string_view>

namespace foveate {

enum class LogLevel : std::uint8_t { kVerbose, kInfo, kWarning, kError };

struct LogLine {
  LogLevel level;
  std::string_view runtime;  // "onnxruntime"
  std::string_view origin;   // the model it is about, "" when it is about none
  std::string_view message;
};

// Called on the thread that logs. What a run logs comes on the lane of that run or on a worker thread of the vendor's,
// so a sink that must name the request keeps it in a thread_local of the lane. Must not throw, and must be quick.
using LogSink = void (*)(const LogLine& line) noexcept;

// Process-wide, from any thread. Without a sink every line is dropped; with one, those below `minimum` are.
void set_log_sink(LogSink sink, LogLevel minimum = LogLevel::kError) noexcept;

void log(const LogLine& line) noexcept;

}  // namespace foveate
