// Memory of a GPU, and host memory that it reads and writes by itself.
//
// When a block may be let go. CUDA does not know of blocks: one that a stream still reads or writes when its last owner
// lets go serves the next request, and both see the bytes of the other. So whoever enqueues work keeps the blocks of it
// until a synchronize of that stream, or of an event recorded after it, has returned, also when that returned an error.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "core/memory.h"
#include "core/status.h"
#include "runtime/cuda/device.h"

namespace foveate::cuda {

// Blocks of one kind, kDevice or kPinned, of one device, reused by capacity as in any MemoryPool. Thread-safe; a block
// may be freed on any thread, and after the device was lost. One that outlives all other use of the device is freed,
// not kept. The contents are what was there before.
class Pool {
 public:
  Pool(Device& device, MemoryKind kind, std::size_t pooled_bytes_limit);

  // At least `bytes` bytes, also for zero. Where there is no memory, what the pool keeps is freed, and it is tried once
  // more. CUDA_OUT_OF_MEMORY with how much was free, DEVICE_LOST.
  Result<BlockPtr> allocate(std::size_t bytes);
  // Frees what nobody holds.
  void trim();
  // Forgets it, without freeing: it went, or goes, with a lost context. For Device::recover.
  void drop() { pool_->trim(); }
  MemoryStatistics statistics() const { return pool_->statistics(); }

 private:
  Device& device_;
  const std::shared_ptr<MemoryPool> pool_;
};

// Memory of somebody else's, such as an ArrayBuffer, that is pinned for as long as this lives. It must not be freed
// before, nor twice be pinned. Move-only.
class PinnedRange {
 public:
  static Result<PinnedRange> pin(std::shared_ptr<Device> device, void* data, std::size_t bytes);

  PinnedRange(PinnedRange&& other) noexcept;
  PinnedRange& operator=(PinnedRange&& other) noexcept;
  ~PinnedRange();

 private:
  PinnedRange(DeviceUse device, void* data) : device_(std::move(device)), data_(data) {}

  DeviceUse device_;
  void* data_;  // null once moved from
};

}  // namespace foveate::cuda
