#include "core/memory.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace foveate {
namespace {

// Capacities are rounded up so that blocks of nearly equal size can stand in for one another: to a cache line when
// small, to a page when large.
std::size_t capacity_for(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  const std::size_t step = bytes < kPage ? MemoryPool::kAlignment : kPage;
  const std::size_t wanted = std::max<std::size_t>(bytes, 1);
  return wanted > SIZE_MAX - step ? 0 : (wanted + step - 1) / step * step;
}

// Blocks from this capacity on are mappings of their own, which go back to the system when they are freed. malloc keeps
// blocks of up to 32 MiB in its heaps once it has freed one of that size, and a picture is as large.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kMappedCapacity = SIZE_MAX;  // never: the sanitizer watches what operator new gives
#else
constexpr std::size_t kMappedCapacity = std::size_t{256} << 10;
#endif

void* allocate_aligned(std::size_t capacity) {
  if (capacity < kMappedCapacity)
    return ::operator new(capacity, std::align_val_t{MemoryPool::kAlignment}, std::nothrow);
  void* data = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : data;
}

void free_aligned(void* data, std::size_t capacity) {
  if (capacity < kMappedCapacity) {
    ::operator delete(data, std::align_val_t{MemoryPool::kAlignment});
  } else {
    ::munmap(data, capacity);
  }
}

Status no_memory(std::size_t bytes) {
  return {error_code::kOutOfMemory, "There is no memory for " + std::to_string(bytes) + " bytes"};
}

bool is_no_memory(const Status& status) {
  return status.error().code == error_code::kOutOfMemory || status.error().code == error_code::kCudaOutOfMemory;
}

class HostMemory final : public MemorySource {
 public:
  MemoryPlace place() const override { return {}; }

  Result<void*> allocate(std::size_t capacity) override {
    void* const data = allocate_aligned(capacity);
    if (data == nullptr) return no_memory(capacity);
    return data;
  }

  void free(void* data, std::size_t capacity) noexcept override { free_aligned(data, capacity); }
};

}  // namespace

void return_free_memory() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

MemoryPool::MemoryPool(std::size_t pooled_bytes_limit)
    : MemoryPool(pooled_bytes_limit, std::make_unique<HostMemory>()) {}

MemoryPool::MemoryPool(std::size_t pooled_bytes_limit, std::unique_ptr<MemorySource> source)
    : pooled_bytes_limit_(pooled_bytes_limit), source_(std::move(source)) {}

MemoryPool::~MemoryPool() { trim(); }

BlockPtr MemoryPool::allocate(std::size_t bytes) {
  auto block = obtain(bytes);
  return block.ok() ? std::move(block).value() : nullptr;
}

Result<BlockPtr> MemoryPool::obtain(std::size_t bytes) {
  const std::size_t capacity = capacity_for(bytes);
  if (capacity == 0) return no_memory(bytes);
  void* data = take(capacity);
  if (data == nullptr) {
    auto made = make(capacity);
    if (!made.ok()) return made.take_status();
    data = made.value();
  }
  try {
    return std::make_shared<Block>(data, bytes, source_->place(), [pool = shared_from_this(), capacity](Block& block) {
      pool->give_back(block, capacity);
    });
  } catch (const std::bad_alloc&) {  // for the block itself
    source_->free(data, capacity);
    std::lock_guard lock(mutex_);
    statistics_.live_bytes -= capacity;
  }
  return no_memory(bytes);
}

void* MemoryPool::take(std::size_t capacity) {
  std::lock_guard lock(mutex_);
  const auto found = free_.find(capacity);
  if (found == free_.end() || found->second.empty()) return nullptr;
  void* const data = found->second.back();
  found->second.pop_back();
  statistics_.pooled_bytes -= capacity;
  statistics_.live_bytes += capacity;
  ++statistics_.reuses;
  return data;
}

Result<void*> MemoryPool::make(std::size_t capacity) {
  auto made = source_->allocate(capacity);
  if (!made.ok() && is_no_memory(made.status()) && statistics().pooled_bytes > 0) {
    trim();
    made = source_->allocate(capacity);
  }
  if (!made.ok()) return made;
  std::lock_guard lock(mutex_);
  statistics_.live_bytes += capacity;
  ++statistics_.allocations;
  return made;
}

// The block counts as live until its memory is in the pool or free. No lock is held while the source frees: that of a
// GPU may wait for all work on it.
void MemoryPool::give_back(Block& block, std::size_t capacity) {
  const bool reusable = block.reusable() && source_->reuses();
  for (;;) {
    Piece dropped;
    {
      std::lock_guard lock(mutex_);
      if (reusable && keep(block.data(), capacity)) {
        statistics_.live_bytes -= capacity;
        return;
      }
      if (reusable && capacity <= pooled_bytes_limit_) dropped = take_other(capacity);
    }
    if (dropped.data == nullptr) break;
    source_->free(dropped.data, dropped.capacity);
  }
  source_->free(block.data(), capacity);
  std::lock_guard lock(mutex_);
  statistics_.live_bytes -= capacity;
}

bool MemoryPool::keep(void* data, std::size_t capacity) {
  if (capacity > pooled_bytes_limit_ || statistics_.pooled_bytes > pooled_bytes_limit_ - capacity) return false;
  try {
    free_[capacity].push_back(data);
  } catch (const std::bad_alloc&) {  // this runs in destructors
    return false;
  }
  statistics_.pooled_bytes += capacity;
  return true;
}

MemoryPool::Piece MemoryPool::take_other(std::size_t capacity) {
  for (auto bucket = free_.begin(); bucket != free_.end();) {
    if (bucket->first == capacity) {
      ++bucket;
    } else if (bucket->second.empty()) {
      bucket = free_.erase(bucket);
    } else {
      const Piece piece{bucket->second.back(), bucket->first};
      bucket->second.pop_back();
      statistics_.pooled_bytes -= piece.capacity;
      return piece;
    }
  }
  return {};
}

void MemoryPool::trim() {
  std::unordered_map<std::size_t, std::vector<void*>> freed;
  {
    std::lock_guard lock(mutex_);
    freed.swap(free_);
    statistics_.pooled_bytes = 0;
  }
  for (auto& [capacity, blocks] : freed) {
    for (void* data : blocks) source_->free(data, capacity);
  }
}

MemoryStatistics MemoryPool::statistics() const {
  std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace foveate
