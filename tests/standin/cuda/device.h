// A GPU that is made of host memory. Its pointers are addresses that nobody may touch; what they stand for lies in a
// second mapping, which only work that runs on the device gets to see.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "runtime/cuda/functions.h"

namespace foveate::cuda::standin {

class Stream;

enum class CopyKind : std::uint8_t { kUpload, kDownload, kOnDevice };
struct CopyCount {
  std::uint64_t copies;
  std::uint64_t bytes;
};

// What a device allocates is filled with this, and so is pinned memory: bytes that nobody wrote show.
inline constexpr int kFreshByte = 0xcd;
// Of an allocation that is larger, the rest is zero: filling it would make it real memory.
inline constexpr std::size_t kFilledBytes = std::size_t{16} << 20;

class Device {
 public:
  Device(int ordinal, std::size_t bytes);

  const int ordinal;
  const std::size_t bytes;

  // ---- the primary context; the lock of the driver is held
  int retained = 0;
  bool active = false;

  // ---- memory; any thread
  CUresult allocate(CUdeviceptr& pointer, std::size_t wanted);
  CUresult free(CUdeviceptr pointer);
  void free_all();
  // Where the bytes really are; null unless the whole range lies in one allocation.
  std::byte* view(CUdeviceptr pointer, std::size_t range);
  bool owns(CUdeviceptr pointer) const { return pointer >= base_ && pointer < base_ + bytes; }
  std::size_t allocated_bytes();
  std::size_t allocations();

  // ---- work; one piece at a time, whatever stream it is from
  CUresult fault() const { return fault_.load(); }
  void set_fault(CUresult error);
  void clear_fault() { fault_.store(result::kSuccess); }
  void pause(bool paused);
  // Runs it when the device is free, for at least as long as given; not at all after a fault, or when `dropped` by
  // then.
  void run(const std::function<void()>& body, std::chrono::nanoseconds duration, const std::atomic<bool>& dropped);
  // Nothing runs meanwhile.
  std::unique_lock<std::mutex> stop() { return std::unique_lock(engine_); }
  std::uint64_t busy_nanoseconds() const { return busy_.load(); }
  std::uint64_t work_done() const { return work_.load(); }
  void count_copy(CopyKind kind, std::size_t bytes);
  CopyCount copied(CopyKind kind) const;

 private:
  CUdeviceptr base_;  // what pointers are counted from
  std::byte* view_;
  int file_;
  std::mutex memory_mutex_;
  std::map<std::size_t, std::size_t> allocations_;  // offset to bytes
  std::atomic<CUresult> fault_{result::kSuccess};
  std::mutex engine_;
  std::condition_variable resumed_;
  bool paused_ = false;
  std::atomic<std::uint64_t> busy_{0};
  std::atomic<std::uint64_t> work_{0};
  std::array<std::atomic<std::uint64_t>, 3> copies_{};
  std::array<std::atomic<std::uint64_t>, 3> copied_bytes_{};
};

}  // namespace foveate::cuda::standin
