#include "runtime/log.h"

#include <atomic>
#include <utility>

namespace foveate {
namespace {

// Trivially destructible: a library may log while the process exits.
constinit std::atomic<LogSink> current_sink{nullptr};
constinit std::atomic<LogLevel> current_minimum{LogLevel::kError};
constinit thread_local std::span<const std::string> current_requests;

}  // namespace

RequestScope::RequestScope(std::span<const std::string> requests) noexcept
    : outer_(std::exchange(current_requests, requests)) {}

RequestScope::~RequestScope() { current_requests = outer_; }

void set_log_sink(LogSink sink, LogLevel minimum) noexcept {
  current_minimum.store(minimum, std::memory_order_relaxed);
  current_sink.store(sink, std::memory_order_release);
}

void log(const LogLine& line) noexcept {
  const LogSink sink = current_sink.load(std::memory_order_acquire);
  if (sink == nullptr || line.level < current_minimum.load(std::memory_order_relaxed)) return;
  LogLine tied = line;
  tied.requests = current_requests;
  sink(tied);
}

}  // namespace foveate
