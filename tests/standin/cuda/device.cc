#include "device.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "settings.h"

namespace foveate::cuda::standin {
namespace {

constexpr std::size_t kGranularity = 4096;  // so that freed memory can be given back to the system

std::size_t rounded(std::size_t bytes) { return (bytes + kGranularity - 1) / kGranularity * kGranularity; }

void* mapped(std::size_t bytes, int protection, int flags, int file) {
  void* const memory = ::mmap(nullptr, bytes, protection, flags | MAP_NORESERVE, file, 0);
  if (memory != MAP_FAILED) return memory;
  std::perror("the memory of the stand-in device");
  std::abort();
}

}  // namespace

Device::Device(int its_ordinal, std::size_t its_bytes) : ordinal(its_ordinal), bytes(rounded(its_bytes)) {
  file_ = ::memfd_create("standin-device", MFD_CLOEXEC);
  if (file_ < 0 || ::ftruncate(file_, static_cast<off_t>(bytes)) != 0) {
    std::perror("the memory of the stand-in device");
    std::abort();
  }
  base_ = reinterpret_cast<CUdeviceptr>(mapped(bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
  view_ = static_cast<std::byte*>(mapped(bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_));
}

CUresult Device::allocate(CUdeviceptr& pointer, std::size_t wanted) {
  if (wanted == 0) return result::kInvalidValue;
  if (wanted > bytes) return result::kOutOfMemory;
  const std::size_t size = rounded(wanted);
  std::lock_guard lock(memory_mutex_);
  std::size_t used = 0;
  for (const auto& [offset, taken] : allocations_) used += rounded(taken);
  if (used + size > std::min(bytes, Settings::instance().memory_limit())) return result::kOutOfMemory;
  std::size_t place = 0;  // the first gap that is large enough
  for (const auto& [offset, taken] : allocations_) {
    if (offset - place >= size) break;
    place = offset + rounded(taken);
  }
  if (place + size > bytes) return result::kOutOfMemory;
  allocations_.emplace(place, wanted);
  std::memset(view_ + place, kFreshByte, std::min(wanted, kFilledBytes));
  pointer = base_ + place;
  return result::kSuccess;
}

CUresult Device::free(CUdeviceptr pointer) {
  std::lock_guard lock(memory_mutex_);
  const auto found = owns(pointer) ? allocations_.find(pointer - base_) : allocations_.end();
  if (found == allocations_.end()) return result::kInvalidValue;
  ::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(found->first),
              static_cast<off_t>(rounded(found->second)));
  allocations_.erase(found);
  return result::kSuccess;
}

void Device::free_all() {
  std::lock_guard lock(memory_mutex_);
  ::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes));
  allocations_.clear();
}

std::byte* Device::view(CUdeviceptr pointer, std::size_t range) {
  if (!owns(pointer)) return nullptr;
  const std::size_t offset = pointer - base_;
  std::lock_guard lock(memory_mutex_);
  auto found = allocations_.upper_bound(offset);
  if (found == allocations_.begin()) return nullptr;
  --found;
  const std::size_t inside = offset - found->first;
  if (inside > found->second || range > found->second - inside) return nullptr;
  return view_ + offset;
}

std::size_t Device::allocated_bytes() {
  std::lock_guard lock(memory_mutex_);
  std::size_t used = 0;
  for (const auto& [offset, taken] : allocations_) used += taken;
  return used;
}

std::size_t Device::allocations() {
  std::lock_guard lock(memory_mutex_);
  return allocations_.size();
}

void Device::set_fault(CUresult error) {
  CUresult none = result::kSuccess;
  fault_.compare_exchange_strong(none, error);  // the first is the one that is told
}

void Device::pause(bool paused) {
  std::lock_guard lock(engine_);
  paused_ = paused;
  resumed_.notify_all();
}

void Device::run(const std::function<void()>& body, std::chrono::nanoseconds duration,
                 const std::atomic<bool>& dropped) {
  std::unique_lock lock(engine_);
  resumed_.wait(lock, [&] { return !paused_ || dropped; });
  if (dropped || fault() != result::kSuccess) return;
  if (const CUresult loss = Settings::instance().work(); loss != result::kSuccess) return set_fault(loss);
  const auto start = std::chrono::steady_clock::now();
  // First the time, then the effect: who does not wait sees what was there before.
  if (duration.count() > 0) std::this_thread::sleep_for(duration);
  body();
  busy_ += static_cast<std::uint64_t>((std::chrono::steady_clock::now() - start).count());
  ++work_;
}

void Device::count_copy(CopyKind kind, std::size_t bytes) {
  ++copies_[static_cast<std::size_t>(kind)];
  copied_bytes_[static_cast<std::size_t>(kind)] += bytes;
}

CopyCount Device::copied(CopyKind kind) const {
  return {copies_[static_cast<std::size_t>(kind)].load(), copied_bytes_[static_cast<std::size_t>(kind)].load()};
}

}  // namespace foveate::cuda::standin
