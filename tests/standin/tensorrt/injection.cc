#include "injection.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "standin.h"

namespace foveate::standin {
namespace {

constexpr const char* kKeys[] = {"latency-us",  "fail-enqueue", "oom-enqueue", "lose-enqueue",
                                 "oom-context", "capability",   "version",     "deaf-enqueue",
                                 "no-shape",    "vectorised",   "host-inputs"};
constexpr const char* kCounts[] = {"builders", "networks", "configs",    "parsers",   "memories", "runtimes",
                                   "engines",  "contexts", "inspectors", "refitters", "enqueues"};

}  // namespace

Injection& Injection::instance() {
  static auto* const injection = new Injection;
  return *injection;
}

Injection::Injection() {
  for (const char* name : kCounts) counts_[name] = 0;
  if (const char* const text = std::getenv("FOVEATE_STANDIN_TENSORRT")) apply(text);
}

bool Injection::apply(const std::string& text) {
  std::lock_guard lock(mutex_);
  std::istringstream entries(text);
  for (std::string entry; std::getline(entries, entry, ',');) {
    if (entry == "clear") {
      values_.clear();
      continue;
    }
    const std::size_t equals = entry.find('=');
    const std::string key = entry.substr(0, equals);
    if (equals == std::string::npos || std::ranges::find(kKeys, key) == std::end(kKeys)) return false;
    values_.emplace(key, std::atoll(entry.c_str() + equals + 1));
  }
  return true;
}

std::int64_t Injection::value(const std::string& key, std::int64_t otherwise) {
  std::lock_guard lock(mutex_);
  const auto [begin, end] = values_.equal_range(key);
  return begin == end ? otherwise : std::prev(end)->second;  // the last that was said
}

bool Injection::due(const std::string& key) {
  std::lock_guard lock(mutex_);
  bool due = false;
  for (auto [entry, end] = values_.equal_range(key); entry != end;) {
    const bool ends = --entry->second <= 0;
    due |= ends;
    entry = ends ? values_.erase(entry) : std::next(entry);
  }
  return due;
}

void Injection::add(const std::string& what, std::int64_t number) {
  std::lock_guard lock(mutex_);
  counts_[what] += number;
}

std::int64_t Injection::count(const std::string& what) {
  std::lock_guard lock(mutex_);
  const auto found = counts_.find(what);
  return found == counts_.end() ? -1 : found->second;
}

}  // namespace foveate::standin

bool standin_tensorrt_configure(const char* settings) noexcept {
  return foveate::standin::Injection::instance().apply(settings);
}

std::int64_t standin_tensorrt_count(const char* name) noexcept {
  return foveate::standin::Injection::instance().count(name);
}
