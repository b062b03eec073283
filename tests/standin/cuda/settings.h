// What was injected. One lock for all of it; nothing here calls out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/cuda/functions.h"

namespace foveate::cuda::standin {

struct Durations {
  std::chrono::nanoseconds work{0};
  std::chrono::nanoseconds copied_kib{0};
};

class Settings {
 public:
  static Settings& instance();  // leaked

  bool apply(const std::string& text);

  // Counts a call; the error that was injected for it, or kSuccess.
  CUresult call(const char* function);
  std::int64_t calls(const std::string& function);
  // The error of the loss that is due with this piece of work, or kSuccess.
  CUresult work();

  Durations durations();
  std::size_t memory_limit();
  std::size_t pinned_limit();

  // Read once, when the driver starts.
  int devices = 1;
  std::size_t memory = std::size_t{1} << 30;
  int capability = 90;
  int last_capability = 0;  // of the last device; 0: as the others
  int driver = 12080;

 private:
  struct Failure {
    std::string function;
    std::int64_t countdown;
    CUresult error;
    bool once;
  };

  Settings();
  bool apply_one(const std::string& key, const std::string& value);
  bool add_failure(const std::string& value, bool once);
  void clear();

  std::mutex mutex_;
  Durations durations_;
  std::size_t memory_limit_ = SIZE_MAX;
  std::size_t pinned_limit_ = SIZE_MAX;
  std::vector<Failure> failures_;
  std::int64_t lose_after_ = 0;  // 0: never
  CUresult lose_error_ = result::kLaunchFailed;
  std::map<std::string, std::int64_t> calls_;
};

}  // namespace foveate::cuda::standin
