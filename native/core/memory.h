// Memory that tensors, arenas and leases live in.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/status.h"

namespace foveate {

// Where a buffer lives. A runtime says which kinds it can read and write.
enum class MemoryKind : std::uint8_t { kHost, kPinned, kDevice };

struct MemoryPlace {
  MemoryKind kind = MemoryKind::kHost;
  int device = 0;  // index of the device, for kPinned and kDevice
};

// One contiguous piece of memory and the way to give it back. Shared by whoever still needs it: a JavaScript
// ArrayBuffer, a request in flight, a runtime. The last owner frees it, on whatever thread that is.
class Block {
 public:
  using Release = std::function<void(Block& block)>;

  Block(void* data, std::size_t bytes, MemoryPlace place, Release release)
      : data_(data), bytes_(bytes), place_(place), release_(std::move(release)) {}
  ~Block() {
    if (release_) release_(*this);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::size_t bytes() const { return bytes_; }
  MemoryPlace place() const { return place_; }

  // Memory that JavaScript could still be looking at by a way we do not know of must not serve another request: it is
  // freed instead of pooled. Only a lease that was detached is known to be out of sight.
  void forbid_reuse() { reusable_.store(false, std::memory_order_relaxed); }
  bool reusable() const { return reusable_.load(std::memory_order_relaxed); }

 private:
  void* data_;
  std::size_t bytes_;
  MemoryPlace place_;
  Release release_;
  std::atomic<bool> reusable_{true};
};

using BlockPtr = std::shared_ptr<Block>;

struct MemoryStatistics {
  std::size_t live_bytes = 0;     // in blocks that somebody holds
  std::size_t pooled_bytes = 0;   // kept for the next request
  std::uint64_t allocations = 0;  // blocks that had to be made
  std::uint64_t reuses = 0;       // blocks taken from the pool
};

// Gives the system back what malloc keeps of freed memory. To be called after much was freed, such as a model: glibc
// keeps the free parts of each thread's heap otherwise.
void return_free_memory();

// Where a pool's memory comes from. Called from any thread, without a lock of the pool's.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  virtual MemoryPlace place() const = 0;
  virtual Result<void*> allocate(std::size_t capacity) = 0;
  virtual void free(void* data, std::size_t capacity) noexcept = 0;
  // Whether a block that is given back may be kept for the next request; else it is freed.
  virtual bool reuses() const { return true; }
};

// Reuses blocks of equal capacity, so that a service in its steady state allocates nothing. Thread-safe. Held by
// shared_ptr: a block outlives its pool's other users.
class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  static constexpr std::size_t kAlignment = 64;         // of host memory: a cache line, and an AVX-512 register
  explicit MemoryPool(std::size_t pooled_bytes_limit);  // of host memory
  MemoryPool(std::size_t pooled_bytes_limit, std::unique_ptr<MemorySource> source);
  ~MemoryPool();

  // Uninitialised memory of at least `bytes` bytes. When its last owner lets go, the block returns to the pool; a full
  // pool drops blocks of other sizes for it, so that it follows what is asked for. Where there is no memory, what
  // nobody holds is freed, and it is tried once more: then the error is the source's.
  Result<BlockPtr> obtain(std::size_t bytes);
  // As obtain, but null where there is none.
  BlockPtr allocate(std::size_t bytes);
  // Frees what nobody holds.
  void trim();
  MemoryStatistics statistics() const;

 private:
  struct Piece {
    void* data = nullptr;
    std::size_t capacity = 0;
  };

  void* take(std::size_t capacity);
  Result<void*> make(std::size_t capacity);
  void give_back(Block& block, std::size_t capacity);
  // Puts the memory into the pool; false where that has no room, or the system no memory for it. The mutex is held.
  bool keep(void* data, std::size_t capacity);
  // Takes out a piece of another capacity, null where there is none. The mutex is held.
  Piece take_other(std::size_t capacity);

  const std::size_t pooled_bytes_limit_;
  const std::unique_ptr<MemorySource> source_;
  mutable std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;  // by capacity
  MemoryStatistics statistics_;
};

}  // namespace foveate
