#include "core/memory.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <sys/mman.h>

#include <algorithm>
#include <new>

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

}  // namespace

void return_free_memory() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

MemoryPool::~MemoryPool() { trim(); }

BlockPtr MemoryPool::allocate(std::size_t bytes) {
  const std::size_t capacity = capacity_for(bytes);
  if (capacity == 0) return nullptr;
  void* data = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (auto found = free_.find(capacity); found != free_.end() && !found->second.empty()) {
      data = found->second.back();
      found->second.pop_back();
      statistics_.pooled_bytes -= capacity;
      statistics_.live_bytes += capacity;
      ++statistics_.reuses;
    }
  }
  if (data == nullptr) {
    data = allocate_aligned(capacity);
    if (data == nullptr) return nullptr;
    std::lock_guard lock(mutex_);
    statistics_.live_bytes += capacity;
    ++statistics_.allocations;
  }
  return std::make_shared<Block>(data, bytes, MemoryPlace{}, [pool = shared_from_this(), capacity](Block& block) {
    pool->give_back(block, capacity);
  });
}

void MemoryPool::give_back(Block& block, std::size_t capacity) {
  {
    std::lock_guard lock(mutex_);
    statistics_.live_bytes -= capacity;
    if (block.reusable() && make_room(capacity) && keep(block.data(), capacity)) return;
  }
  free_aligned(block.data(), capacity);
}

bool MemoryPool::keep(void* data, std::size_t capacity) {
  try {
    free_[capacity].push_back(data);
  } catch (const std::bad_alloc&) {  // this runs in destructors
    return false;
  }
  statistics_.pooled_bytes += capacity;
  return true;
}

bool MemoryPool::make_room(std::size_t capacity) {
  if (capacity > pooled_bytes_limit_) return false;
  for (auto bucket = free_.begin();
       bucket != free_.end() && statistics_.pooled_bytes > pooled_bytes_limit_ - capacity;) {
    if (bucket->first == capacity) {
      ++bucket;
      continue;
    }
    if (bucket->second.empty()) {
      bucket = free_.erase(bucket);
      continue;
    }
    free_aligned(bucket->second.back(), bucket->first);
    bucket->second.pop_back();
    statistics_.pooled_bytes -= bucket->first;
  }
  return statistics_.pooled_bytes <= pooled_bytes_limit_ - capacity;
}

void MemoryPool::trim() {
  std::unordered_map<std::size_t, std::vector<void*>> freed;
  {
    std::lock_guard lock(mutex_);
    freed.swap(free_);
    statistics_.pooled_bytes = 0;
  }
  for (auto& [capacity, blocks] : freed) {
    for (void* data : blocks) free_aligned(data, capacity);
  }
}

MemoryStatistics MemoryPool::statistics() const {
  std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace foveate
