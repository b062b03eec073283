#include "host_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "device.h"
#include "settings.h"

namespace foveate::cuda::standin {

HostMemory& HostMemory::instance() {
  static auto* const memory = new HostMemory;
  return *memory;
}

void* HostMemory::allocate(Device& device, std::size_t bytes) {
  std::lock_guard lock(mutex_);
  std::size_t pinned = 0;
  for (const auto& [data, range] : ranges_) pinned += range.bytes;
  const std::size_t limit = Settings::instance().pinned_limit();
  if (pinned > limit || bytes > limit - pinned) return nullptr;
  void* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  std::memset(data, kFreshByte, std::min(bytes, kFilledBytes));
  ranges_.emplace(static_cast<std::byte*>(data), Range{bytes, false, &device});
  return data;
}

bool HostMemory::free(void* data) {
  std::lock_guard lock(mutex_);
  const auto found = ranges_.find(static_cast<std::byte*>(data));
  if (found == ranges_.end() || found->second.added) return false;
  ::munmap(data, found->second.bytes);
  ranges_.erase(found);
  return true;
}

bool HostMemory::add(Device& device, void* data, std::size_t bytes) {
  std::lock_guard lock(mutex_);
  auto* const begin = static_cast<std::byte*>(data);
  const bool overlaps = std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& entry) {
    return begin < entry.first + entry.second.bytes && entry.first < begin + bytes;
  });
  if (!overlaps) ranges_.emplace(begin, Range{bytes, true, &device});
  return !overlaps;
}

bool HostMemory::remove(void* data) {
  std::lock_guard lock(mutex_);
  const auto found = ranges_.find(static_cast<std::byte*>(data));
  if (found == ranges_.end() || !found->second.added) return false;
  ranges_.erase(found);
  return true;
}

bool HostMemory::holds(const void* data, std::size_t bytes) {
  std::lock_guard lock(mutex_);
  auto* const address = static_cast<std::byte*>(const_cast<void*>(data));
  auto found = ranges_.upper_bound(address);
  if (found == ranges_.begin()) return false;
  --found;
  const auto inside = static_cast<std::size_t>(address - found->first);
  return inside <= found->second.bytes && bytes <= found->second.bytes - inside;
}

void HostMemory::free_all(const Device& device) {
  std::lock_guard lock(mutex_);
  std::erase_if(ranges_, [&](const auto& entry) {
    if (entry.second.device != &device) return false;
    if (!entry.second.added) ::munmap(entry.first, entry.second.bytes);
    return true;
  });
}

std::size_t HostMemory::count(bool added) {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(ranges_.begin(), ranges_.end(), [&](const auto& entry) { return entry.second.added == added; }));
}

std::size_t HostMemory::bytes(bool added) {
  std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& [data, range] : ranges_) total += range.added == added ? range.bytes : 0;
  return total;
}

}  // namespace foveate::cuda::standin
