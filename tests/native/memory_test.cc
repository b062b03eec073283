#include "core/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

// Under a sanitizer, too, an allocation that cannot be had is null, instead of the end of the test.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace foveate {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;

std::shared_ptr<MemoryPool> make_pool(std::size_t limit = 16 * kMiB) { return std::make_shared<MemoryPool>(limit); }

TEST(MemoryPool, BlocksAreAlignedAndWritable) {
  const auto pool = make_pool();
  for (const std::size_t bytes : {0ul, 1ul, 63ul, 64ul, 4095ul, 4096ul, 4097ul, 262143ul, 262144ul, 1000003ul}) {
    const BlockPtr block = pool->allocate(bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->data()) % MemoryPool::kAlignment, 0u);
    std::memset(block->data(), 0xab, bytes);
  }
}

TEST(MemoryPool, SteadyStateAllocatesNothing) {
  const auto pool = make_pool();
  for (int i = 0; i < 100; ++i) {
    const BlockPtr a = pool->allocate(kMiB);
    const BlockPtr b = pool->allocate(1000);
  }
  EXPECT_EQ(pool->statistics().allocations, 2u);
  EXPECT_EQ(pool->statistics().reuses, 198u);
  EXPECT_EQ(pool->statistics().live_bytes, 0u);
}

TEST(MemoryPool, AlmostEqualSizesShareABlock) {
  const auto pool = make_pool();
  pool->allocate(kMiB - 5).reset();
  const BlockPtr again = pool->allocate(kMiB - 900);
  EXPECT_EQ(again->bytes(), kMiB - 900);
  EXPECT_EQ(pool->statistics().reuses, 1u);
}

TEST(MemoryPool, CountsWhatIsHeldAndWhatIsKept) {
  const auto pool = make_pool();
  BlockPtr block = pool->allocate(kMiB);
  EXPECT_EQ(pool->statistics().live_bytes, kMiB);
  EXPECT_EQ(pool->statistics().pooled_bytes, 0u);
  block.reset();
  EXPECT_EQ(pool->statistics().live_bytes, 0u);
  EXPECT_EQ(pool->statistics().pooled_bytes, kMiB);
  pool->trim();
  EXPECT_EQ(pool->statistics().pooled_bytes, 0u);
}

TEST(MemoryPool, ABlockThatMayBeSeenElsewhereIsNotReused) {
  const auto pool = make_pool();
  BlockPtr block = pool->allocate(kMiB);
  block->forbid_reuse();
  block.reset();
  EXPECT_EQ(pool->statistics().pooled_bytes, 0u);
  pool->allocate(kMiB).reset();
  EXPECT_EQ(pool->statistics().reuses, 0u);
}

TEST(MemoryPool, KeepsNoMoreThanItsLimit) {
  const auto pool = make_pool(4 * kMiB);
  std::vector<BlockPtr> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(pool->allocate(kMiB));
  blocks.clear();
  EXPECT_EQ(pool->statistics().pooled_bytes, 4 * kMiB);
  pool->allocate(5 * kMiB).reset();
  EXPECT_EQ(pool->statistics().pooled_bytes, 4 * kMiB);
}

TEST(MemoryPool, AFullPoolFollowsTheSizesThatAreAskedFor) {
  const auto pool = make_pool(4 * kMiB);
  std::vector<BlockPtr> old_size;
  for (int i = 0; i < 4; ++i) old_size.push_back(pool->allocate(kMiB));
  old_size.clear();
  for (int i = 0; i < 10; ++i) pool->allocate(3 * kMiB).reset();
  EXPECT_EQ(pool->statistics().reuses, 9u);
  EXPECT_LE(pool->statistics().pooled_bytes, 4 * kMiB);
}

#if !defined(__SANITIZE_ADDRESS__)  // with which all blocks come from operator new
TEST(MemoryPool, ALargeBlockGoesBackToTheSystem) {
  const auto is_mapped = [](void* data) {
    unsigned char resident = 0;
    const bool mapped = ::mincore(data, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), &resident) == 0;
    EXPECT_TRUE(mapped || errno == ENOMEM);
    return mapped;
  };
  // The first lets malloc raise the size from which it returns memory by itself.
  for (int round = 0; round < 2; ++round) {
    const auto pool = make_pool();
    BlockPtr freed = pool->allocate(18 * kMiB);
    BlockPtr pooled = pool->allocate(kMiB);
    void* const freed_data = freed->data();
    void* const pooled_data = pooled->data();
    freed.reset();  // larger than the pool
    pooled.reset();
    EXPECT_FALSE(is_mapped(freed_data));
    EXPECT_TRUE(is_mapped(pooled_data));
    pool->trim();
    EXPECT_FALSE(is_mapped(pooled_data));
  }
}
#endif

TEST(MemoryPool, MemoryThatCannotBeHadIsNull) {
  const auto pool = make_pool();
  EXPECT_EQ(pool->allocate(std::numeric_limits<std::size_t>::max()), nullptr);
  EXPECT_EQ(pool->allocate(std::numeric_limits<std::size_t>::max() / 4), nullptr);
  EXPECT_EQ(pool->statistics().live_bytes, 0u);
  EXPECT_EQ(pool->statistics().allocations, 0u);
}

TEST(MemoryPool, ABlockOutlivesThePoolsOtherOwners) {
  auto pool = make_pool();
  BlockPtr block = pool->allocate(kMiB);
  pool.reset();
  std::memset(block->data(), 1, block->bytes());
  block.reset();
}

TEST(MemoryPool, ManyThreads) {
  const auto pool = make_pool(2 * kMiB);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&pool, seed] {
      std::minstd_rand random(seed);
      std::vector<BlockPtr> held;
      for (int i = 0; i < 2000; ++i) {
        BlockPtr block = pool->allocate(64u << random() % 12);
        std::memset(block->data(), static_cast<int>(seed), block->bytes());
        held.push_back(std::move(block));
        if (held.size() > 8) {
          const BlockPtr& oldest = held.front();
          EXPECT_TRUE(std::all_of(oldest->data(), oldest->data() + oldest->bytes(),
                                  [seed](std::byte value) { return value == std::byte(seed); }));
          if (random() % 5 == 0) oldest->forbid_reuse();
          held.erase(held.begin());
        }
        if (random() % 500 == 0) pool->trim();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(pool->statistics().live_bytes, 0u);
  EXPECT_LE(pool->statistics().pooled_bytes, 2 * kMiB);
}

// Memory of which there is so much and no more, and which fails in another way on request.
class Scarce final : public MemorySource {
 public:
  struct Account {
    std::size_t left = 10 * kMiB;
    std::string_view fault;
    int asked = 0;
  };

  explicit Scarce(Account& account) : account_(account) {}
  MemoryPlace place() const override { return {MemoryKind::kDevice, 3}; }
  Result<void*> allocate(std::size_t capacity) override {
    ++account_.asked;
    if (!account_.fault.empty()) return Status(account_.fault, "On request");
    if (capacity > account_.left) return Status(error_code::kCudaOutOfMemory, "No more");
    account_.left -= capacity;
    return reinterpret_cast<void*>(std::uintptr_t{0x1000});
  }
  void free(void*, std::size_t capacity) noexcept override { account_.left += capacity; }

 private:
  Account& account_;
};

TEST(MemoryPool, TakesItsMemoryFromAnySource) {
  Scarce::Account account;
  {
    const auto pool = std::make_shared<MemoryPool>(16 * kMiB, std::make_unique<Scarce>(account));
    auto block = pool->obtain(kMiB);
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(block.value()->place().kind, MemoryKind::kDevice);
    EXPECT_EQ(block.value()->place().device, 3);
    EXPECT_EQ(account.left, 9 * kMiB);
  }
  EXPECT_EQ(account.left, 10 * kMiB);
}

TEST(MemoryPool, WhatNobodyHoldsMakesRoomWhereThereIsNone) {
  Scarce::Account account;
  const auto pool = std::make_shared<MemoryPool>(16 * kMiB, std::make_unique<Scarce>(account));
  for (const std::size_t bytes : {3 * kMiB, 4 * kMiB}) pool->obtain(bytes).value().reset();
  EXPECT_EQ(account.left, 3 * kMiB);
  account.asked = 0;
  EXPECT_TRUE(pool->obtain(8 * kMiB).ok());
  EXPECT_EQ(account.asked, 2);
  EXPECT_EQ(pool->obtain(11 * kMiB).take_status().error().code, error_code::kCudaOutOfMemory);
  pool->trim();
  account.asked = 0;
  EXPECT_FALSE(pool->obtain(11 * kMiB).ok());
  EXPECT_EQ(account.asked, 1);  // nothing was kept that could make room
}

TEST(MemoryPool, AnotherErrorOfTheSourceIsNotTriedAgain) {
  Scarce::Account account;
  const auto pool = std::make_shared<MemoryPool>(16 * kMiB, std::make_unique<Scarce>(account));
  pool->obtain(kMiB).value().reset();
  account.fault = error_code::kDeviceLost;
  account.asked = 0;
  EXPECT_EQ(pool->obtain(2 * kMiB).take_status().error().code, error_code::kDeviceLost);
  EXPECT_EQ(account.asked, 1);
  EXPECT_EQ(pool->statistics().pooled_bytes, kMiB);
}

TEST(Block, IsReleasedOnceByItsLastOwner) {
  int released = 0;
  std::byte memory[4];
  {
    BlockPtr first = std::make_shared<Block>(memory, 4, MemoryPlace{MemoryKind::kDevice, 1}, [&](Block& block) {
      EXPECT_EQ(block.data(), memory);
      ++released;
    });
    EXPECT_EQ(first->place().device, 1);
    BlockPtr second = first;
    first.reset();
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace foveate
