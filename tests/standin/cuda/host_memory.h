// Host memory that is pinned. It has a lock of its own: work that runs on a device asks for it.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

namespace foveate::cuda::standin {

class Device;

class HostMemory {
 public:
  static HostMemory& instance();  // leaked

  // Fresh memory; null where the system or the limit has none.
  void* allocate(Device& device, std::size_t bytes);
  bool free(void* data);
  // Memory of the caller's. False where a part of it is pinned already.
  bool add(Device& device, void* data, std::size_t bytes);
  bool remove(void* data);
  // Whether the whole range is pinned, as one.
  bool holds(const void* data, std::size_t bytes);
  // All that was pinned in the context of a device.
  void free_all(const Device& device);

  std::size_t count(bool added);
  std::size_t bytes(bool added);

 private:
  struct Range {
    std::size_t bytes;
    bool added;
    const Device* device;
  };

  std::mutex mutex_;
  std::map<std::byte*, Range> ranges_;
};

}  // namespace foveate::cuda::standin
