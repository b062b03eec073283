// Injected faults, and counts of what lives. One lock.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace foveate::standin {

class Injection {
 public:
  static Injection& instance();  // leaked

  bool apply(const std::string& text);
  std::int64_t value(const std::string& key, std::int64_t otherwise);
  // Whether a countdown of this fault ends with this call.
  bool due(const std::string& key);

  void add(const std::string& what, std::int64_t number);
  std::int64_t count(const std::string& what);

 private:
  Injection();

  std::mutex mutex_;
  std::multimap<std::string, std::int64_t> values_;  // faults may be due several times
  std::map<std::string, std::int64_t> counts_;
};

// Counts an object for as long as it lives.
class Counted {
 public:
  explicit Counted(const char* what) : what_(what) { Injection::instance().add(what_, 1); }
  ~Counted() { Injection::instance().add(what_, -1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  const char* what_;
};

}  // namespace foveate::standin
