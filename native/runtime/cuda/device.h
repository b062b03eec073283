// One GPU of this process: its primary context, whether it still works, and what is counted on it.
//
// Every call that reaches the driver begins with make_current() and ends in check(). A fault of the GPU (an illegal
// address, a failed launch, memory that the hardware cannot correct) is sticky: CUDA answers nothing else from then on,
// in all of the process. check() notes it, and everything answers DEVICE_LOST from then on, without asking the driver.
//
// Coming back. `recover` resets the primary context, which destroys all that lives in it, whoever made it. So it is
// refused while anything of ours lives: close the sessions of the device first. Whether a GPU works again, only a try
// tells, and `recover` makes it; NVIDIA promises that for a new process alone. So a service that may restart should.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory.h"
#include "core/status.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/functions.h"

namespace foveate::cuda {

class Pool;

enum class CopyKind : std::uint8_t { kToDevice, kToHost, kOnDevice };

struct CopyCount {
  std::uint64_t copies = 0;
  std::uint64_t bytes = 0;
};

struct DeviceStatistics {
  MemoryStatistics device;               // of the device pool
  MemoryStatistics pinned;               // of the pinned pool
  std::array<CopyCount, 3> copies = {};  // by CopyKind, since the process began
};

struct MemoryInfo {
  std::size_t free_bytes = 0;  // for all processes
  std::size_t total_bytes = 0;
};

// Thread-safe. One for each ordinal, in a registry that is never freed: its context is retained until the process ends.
class Device {
 public:
  // INVALID_ARGUMENT for an ordinal that no GPU has, BACKEND_UNAVAILABLE where the driver has an obstacle or gives no
  // context. A lost one is recovered, or it is DEVICE_LOST. Takes a while the first time.
  static Result<std::shared_ptr<Device>> open(int ordinal);
  // All that were opened so far, by ordinal.
  static std::vector<std::shared_ptr<Device>> opened();

  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  int ordinal() const { return gpu_.ordinal; }
  const Gpu& gpu() const { return gpu_; }
  const Functions& functions() const { return functions_; }

  // Makes its context that of the calling thread, which TensorRT and most functions of the driver need. Quick: to be
  // called wherever another device, or somebody else's code, may have come between. DEVICE_LOST once the device is.
  Status make_current();

  // What a result of the driver means. `what` says what was done, as in "The GPU did not copy": CUDA_OUT_OF_MEMORY,
  // CUDA_FAILED, or DEVICE_LOST, from then on for all calls. Any thread.
  Status check(CUresult result, std::string_view what);

  bool lost() const { return lost_.load(); }  // in order with `uses_`
  // DEVICE_LOST and how it came to it; success while it works.
  Status usable() const;

  // For a library above CUDA that says only that it failed, as TensorRT does: asks the driver whether a fault of the
  // GPU was the reason, and marks the device lost then.
  Status examine();

  // For one that answers neither a wait nor the question whether it is done: what it still does, nobody can tell.
  void give_up(std::string_view what);

  // See above. Success, too, for a device that is not lost. DEVICE_LOST where it cannot be recovered, or not yet.
  Status recover();

  Result<MemoryInfo> memory_info();
  // Frees what the pools keep.
  void trim();
  DeviceStatistics statistics() const;
  void count_copies(CopyKind kind, CopyCount count);

  // Whether something lives in its context, other than blocks.
  bool in_use() const { return uses_.load() > 0; }

  // They live as long as the device. See memory.h for when a block may be let go.
  Pool& device_pool() { return *device_pool_; }
  Pool& pinned_pool() { return *pinned_pool_; }

 private:
  friend class DeviceUse;
  friend class ContextScope;
  friend class Pool;

  Device(const Functions& functions, Gpu gpu, CUdevice device, CUcontext context);
  static Result<std::shared_ptr<Device>> create(const Gpu& gpu);
  std::string error_text(CUresult result) const;
  void lose(CUresult result, std::string_view what);
  // Destroys the context and makes another; says which step failed.
  Status reset();

  const Functions& functions_;
  const Gpu gpu_;
  const CUdevice device_;
  std::atomic<CUcontext> context_;  // perhaps another after a recovery; null where that failed half way
  std::atomic<bool> lost_{false};
  std::atomic<std::size_t> uses_{0};  // counted before `lost_` is read; a recovery reads them the other way round
  std::mutex recovery_mutex_;
  mutable std::mutex loss_mutex_;
  std::string loss_;  // how it was lost
  std::array<std::atomic<std::uint64_t>, 3> copies_{};
  std::array<std::atomic<std::uint64_t>, 3> copied_bytes_{};
  std::unique_ptr<Pool> device_pool_;
  std::unique_ptr<Pool> pinned_pool_;
};

// A share in a device's context, held by everything that lives in it: streams, events, graphs, and the engines and
// execution contexts of TensorRT; and by whoever has a library work on it, such as a builder. While there is one, the
// device is not recovered. With the last, what the pools keep is freed: other processes, and whoever does not allocate
// by the pools, may need it. Move-only.
class DeviceUse {
 public:
  // Makes the context current, too. DEVICE_LOST once the device is.
  static Result<DeviceUse> begin(std::shared_ptr<Device> device);

  DeviceUse(DeviceUse&& other) noexcept = default;
  DeviceUse& operator=(DeviceUse&& other) noexcept;
  ~DeviceUse();

  Device& operator*() const { return *device_; }
  Device* operator->() const { return device_.get(); }
  const std::shared_ptr<Device>& device() const { return device_; }

 private:
  explicit DeviceUse(std::shared_ptr<Device> device);

  std::shared_ptr<Device> device_;  // null once moved from
};

// Makes a device's context current on this thread until the end of the scope, then the one that was so before: for what
// is freed on threads that are not ours, where others may use CUDA as well. False in `entered` where the device is
// lost: there is nothing to free then.
class ContextScope {
 public:
  explicit ContextScope(Device& device);
  ~ContextScope();
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

  bool entered() const { return entered_; }

 private:
  Device& device_;
  bool entered_;
};

}  // namespace foveate::cuda
