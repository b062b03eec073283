#include "settings.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "reports.h"
#include "standin.h"

namespace foveate::cuda::standin {
namespace {

std::string* report_path = nullptr;  // leaked

void write_report() {
  std::FILE* const file = std::fopen(report_path->c_str(), "w");
  if (file == nullptr) return;
  std::fputs(report_text().c_str(), file);
  std::fclose(file);
}

}  // namespace

Settings& Settings::instance() {
  static auto* const settings = new Settings;
  return *settings;
}

Settings::Settings() {
  const char* const text = std::getenv("FOVEATE_STANDIN_CUDA");
  if (text != nullptr && !apply(text)) {
    std::fprintf(stderr, "FOVEATE_STANDIN_CUDA cannot be understood: %s\n", text);
    std::abort();  // a test that believes to inject something must not pass
  }
}

bool Settings::apply(const std::string& text) {
  std::lock_guard lock(mutex_);
  std::istringstream entries(text);
  for (std::string entry; std::getline(entries, entry, ',');) {
    const std::size_t equals = entry.find('=');
    const std::string value = equals == std::string::npos ? "" : entry.substr(equals + 1);
    if (!apply_one(entry.substr(0, equals), value)) return false;
  }
  return true;
}

bool Settings::apply_one(const std::string& key, const std::string& value) {
  if (key == "clear") {
    clear();
    return value.empty();
  }
  if (key == "fail" || key == "fail-from") return add_failure(value, key == "fail");
  if (key == "report") {
    if (report_path == nullptr) std::atexit(write_report);
    report_path = new std::string(value);
    return true;
  }
  if (key == "reports") return serve_reports(value);
  char* end = nullptr;
  const long long number = std::strtoll(value.c_str(), &end, 10);
  if (value.empty() || *end != '\0' || number < 0) return false;
  if (key == "devices")
    devices = static_cast<int>(number);
  else if (key == "memory")
    memory = static_cast<std::size_t>(number);
  else if (key == "capability")
    capability = static_cast<int>(number);
  else if (key == "last-capability")
    last_capability = static_cast<int>(number);
  else if (key == "driver")
    driver = static_cast<int>(number);
  else if (key == "memory-limit")
    memory_limit_ = static_cast<std::size_t>(number);
  else if (key == "pinned-limit")
    pinned_limit_ = static_cast<std::size_t>(number);
  else if (key == "work-us")
    durations_.work = std::chrono::microseconds(number);
  else if (key == "copy-ns-per-kib")
    durations_.copied_kib = std::chrono::nanoseconds(number);
  else if (key == "lose-after")
    lose_after_ = number;
  else if (key == "lose-error")
    lose_error_ = static_cast<CUresult>(number);
  else
    return false;
  return true;
}

bool Settings::add_failure(const std::string& value, bool once) {
  Failure failure{"", 0, 0, once};
  std::istringstream parts(value);
  std::string countdown;
  std::string error;
  if (!std::getline(parts, failure.function, ':') || !std::getline(parts, countdown, ':') ||
      !std::getline(parts, error))
    return false;
  failure.countdown = std::atoll(countdown.c_str());
  failure.error = std::atoi(error.c_str());
  bool known = failure.function == "cuLaunchHostFunc";
#define STANDIN_KNOWN(name, parameters) known |= failure.function == #name;
  FOVEATE_CUDA_FUNCTIONS(STANDIN_KNOWN)
#undef STANDIN_KNOWN
  if (!known || failure.countdown < 1 || failure.error < 1) return false;
  failures_.push_back(failure);
  return true;
}

void Settings::clear() {
  durations_ = {};
  memory_limit_ = SIZE_MAX;
  pinned_limit_ = SIZE_MAX;
  failures_.clear();
  lose_after_ = 0;
  lose_error_ = result::kLaunchFailed;
}

CUresult Settings::call(const char* function) {
  std::lock_guard lock(mutex_);
  ++calls_[function];
  CUresult error = result::kSuccess;
  for (Failure& failure : failures_) {
    if (failure.function != function) continue;
    if (failure.countdown > 0) --failure.countdown;
    if (failure.countdown == 0 && error == result::kSuccess) error = failure.error;
    if (failure.countdown == 0 && failure.once) failure.countdown = -1;
  }
  return error;
}

std::int64_t Settings::calls(const std::string& function) {
  std::lock_guard lock(mutex_);
  return calls_[function];
}

CUresult Settings::work() {
  std::lock_guard lock(mutex_);
  if (lose_after_ == 0 || --lose_after_ > 0) return result::kSuccess;
  return lose_error_;
}

Durations Settings::durations() {
  std::lock_guard lock(mutex_);
  return durations_;
}

std::size_t Settings::memory_limit() {
  std::lock_guard lock(mutex_);
  return memory_limit_;
}

std::size_t Settings::pinned_limit() {
  std::lock_guard lock(mutex_);
  return pinned_limit_;
}

}  // namespace foveate::cuda::standin
