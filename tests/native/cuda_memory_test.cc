// Pools of device and pinned memory.
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <optional>
#include <random>
#include <thread>

#include "cuda_fixture.h"

namespace foveate::cuda {
namespace {

// While something lives on the device, as in a session.
class CudaMemory : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    use_ = made(DeviceUse::begin(device_));
  }
  void TearDown() override {
    use_.reset();
    CudaTest::TearDown();
  }

  std::optional<DeviceUse> use_;
};

TEST_F(CudaMemory, BlocksSayWhereTheyAre) {
  const BlockPtr memory = on_device(100);
  EXPECT_EQ(memory->place().kind, MemoryKind::kDevice);
  EXPECT_EQ(memory->place().device, 0);
  EXPECT_EQ(memory->bytes(), 100u);
  const BlockPtr host = pinned(100);
  EXPECT_EQ(host->place().kind, MemoryKind::kPinned);
  EXPECT_EQ(host->place().device, 0);
  const BlockPtr other = made(open(1)->device_pool().allocate(100));
  EXPECT_EQ(other->place().device, 1);
  EXPECT_EQ(standin_count("allocations"), 2);
  EXPECT_EQ(standin_count("pinned"), 1);
}

TEST_F(CudaMemory, NoBytesAreABlockAsWell) {
  EXPECT_EQ(on_device(0)->bytes(), 0u);
  EXPECT_EQ(pinned(0)->bytes(), 0u);
}

TEST_F(CudaMemory, TheHostCannotReadWhatIsOnTheDevice) {
  const BlockPtr memory = on_device(64);
  EXPECT_EQ(static_cast<const std::byte*>(standin_device_view(memory->data()))[0], kFresh);
  // The kernel looks before it reads.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(::write(ends[1], memory->data(), 1), -1);
  EXPECT_EQ(errno, EFAULT);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(CudaMemory, ASteadyStateAllocatesNothing) {
  const auto allocations = standin_count("calls:cuMemAlloc_v2");
  const auto pinned_allocations = standin_count("calls:cuMemHostAlloc");
  for (int i = 0; i < 100; ++i) {
    const BlockPtr memory = on_device(kMiB - static_cast<std::size_t>(i));
    const BlockPtr host = pinned(kMiB - static_cast<std::size_t>(i));
  }
  EXPECT_EQ(standin_count("calls:cuMemAlloc_v2"), allocations + 1);
  EXPECT_EQ(standin_count("calls:cuMemHostAlloc"), pinned_allocations + 1);
  EXPECT_EQ(device_->statistics().device.pooled_bytes, kMiB);
  EXPECT_EQ(device_->statistics().pinned.pooled_bytes, kMiB);
}

TEST_F(CudaMemory, ThePoolKeepsAPartOfTheGpu) {
  std::vector<BlockPtr> blocks;
  for (int i = 0; i < 32; ++i) blocks.push_back(on_device(kMiB));
  EXPECT_EQ(device_->statistics().device.live_bytes, 32 * kMiB);
  blocks.clear();
  EXPECT_EQ(device_->statistics().device.pooled_bytes, kDeviceBytes / 4);
  EXPECT_EQ(static_cast<std::size_t>(standin_count("allocated-bytes")), kDeviceBytes / 4);
}

TEST_F(CudaMemory, WhereThereIsNoneThePoolIsEmptiedFirst) {
  std::vector<BlockPtr> blocks;
  for (int i = 0; i < 16; ++i) blocks.push_back(on_device(kMiB));
  blocks.clear();
  EXPECT_EQ(on_device(60 * kMiB)->bytes(), 60 * kMiB);  // what is pooled does not leave that much
}

TEST_F(CudaMemory, TooLittleSaysHowMuchThereIs) {
  const BlockPtr held = on_device(10 * kMiB);
  auto refused = device_->device_pool().allocate(55 * kMiB);
  ASSERT_EQ(code_of(refused), "CUDA_OUT_OF_MEMORY");
  EXPECT_EQ(
      refused.status().error().message,
      "No memory for 57671680 bytes on GPU 0 (Stand-in GPU 0): CUDA_ERROR_OUT_OF_MEMORY (2), out of memory; 54 MiB "
      "of its 64 MiB are free");
  EXPECT_FALSE(device_->lost());
  EXPECT_EQ(on_device(54 * kMiB)->bytes(), 54 * kMiB);
  EXPECT_EQ(code_of(device_->device_pool().allocate(std::numeric_limits<std::size_t>::max())), "OUT_OF_MEMORY");
  EXPECT_EQ(code_of(device_->device_pool().allocate(std::numeric_limits<std::size_t>::max() / 2)),
            "CUDA_OUT_OF_MEMORY");
}

TEST_F(CudaMemory, TooLittleToPinIsAnError) {
  configure("pinned-limit=1048576");
  const BlockPtr half = pinned(kMiB / 2);
  EXPECT_EQ(code_of(device_->pinned_pool().allocate(kMiB)), "CUDA_OUT_OF_MEMORY");
  EXPECT_EQ(pinned(kMiB / 2)->bytes(), kMiB / 2);
}

TEST_F(CudaMemory, AnotherErrorIsNotTriedAgain) {
  on_device(kMiB).reset();
  configure("fail-from=cuMemAlloc_v2:1:999");
  const auto before = standin_count("calls:cuMemAlloc_v2");
  EXPECT_EQ(code_of(device_->device_pool().allocate(2 * kMiB)), "CUDA_FAILED");
  EXPECT_EQ(standin_count("calls:cuMemAlloc_v2"), before + 1);
  EXPECT_EQ(device_->statistics().device.pooled_bytes, kMiB);
}

TEST_F(CudaMemory, TrimmingGivesBackWhatNobodyHolds) {
  const BlockPtr held = on_device(kMiB);
  on_device(2 * kMiB).reset();
  device_->device_pool().trim();
  EXPECT_EQ(static_cast<std::size_t>(standin_count("allocated-bytes")), kMiB);
  EXPECT_EQ(device_->statistics().device.live_bytes, kMiB);
  EXPECT_EQ(device_->statistics().device.pooled_bytes, 0u);
}

TEST_F(CudaMemory, NothingIsKeptOnceNothingLivesOnTheDevice) {
  BlockPtr outlives = on_device(kMiB);
  BlockPtr pinned_outlives = pinned(kMiB);
  on_device(2 * kMiB).reset();
  pinned(2 * kMiB).reset();
  {
    const Stream stream = made(Stream::create(device_));
    use_.reset();
    EXPECT_EQ(device_->statistics().device.pooled_bytes, 2 * kMiB);  // that lives there, too
  }
  EXPECT_EQ(standin_count("allocations"), 1);
  EXPECT_EQ(standin_count("pinned"), 1);
  outlives.reset();
  pinned_outlives.reset();
  EXPECT_EQ(standin_count("allocations"), 0);
  EXPECT_EQ(standin_count("pinned"), 0);
  on_device(kMiB).reset();  // still works
  EXPECT_EQ(device_->statistics().device.live_bytes + device_->statistics().device.pooled_bytes, 0u);
}

TEST_F(CudaMemory, IsFreedOnAThreadThatNeverUsedCuda) {
  BlockPtr memory = on_device(kMiB);
  BlockPtr host = pinned(kMiB);
  memory->forbid_reuse();
  host->forbid_reuse();
  std::thread([memory = std::move(memory), host = std::move(host)]() mutable {
    memory.reset();
    host.reset();
  }).join();
  EXPECT_EQ(standin_count("allocations"), 0);
  EXPECT_EQ(standin_count("pinned"), 0);
}

TEST_F(CudaMemory, FreedAfterALossCallsNothing) {
  BlockPtr memory = on_device(kMiB);
  BlockPtr host = pinned(kMiB);
  BlockPtr kept = on_device(kMiB);
  memory->forbid_reuse();
  host->forbid_reuse();
  standin_lose(0, result::kLaunchFailed);
  EXPECT_EQ(code_of(device_->examine()), "DEVICE_LOST");
  const auto calls = standin_count("calls:cuMemFree_v2") + standin_count("calls:cuMemFreeHost");
  memory.reset();
  host.reset();
  kept.reset();
  device_->device_pool().trim();
  EXPECT_EQ(standin_count("calls:cuMemFree_v2") + standin_count("calls:cuMemFreeHost"), calls);
  use_.reset();
  ok(device_->recover());
  EXPECT_EQ(standin_count("allocations"), 0);  // all went with the context
  EXPECT_EQ(standin_count("pinned"), 0);
}

TEST_F(CudaMemory, ALossThatShowsInFreeingIsNoted) {
  BlockPtr memory = on_device(kMiB);
  memory->forbid_reuse();
  configure("fail=cuMemFree_v2:1:700");
  memory.reset();
  EXPECT_TRUE(device_->lost());
  EXPECT_EQ(device_->statistics().device.live_bytes, 0u);
}

TEST_F(CudaMemory, OfOthersCanBePinned) {
  std::vector<std::byte> mine(kMiB, std::byte{7});
  {
    PinnedRange first = made(PinnedRange::pin(device_, mine.data(), mine.size()));
    EXPECT_EQ(standin_count("registrations"), 1);
    EXPECT_EQ(code_of(PinnedRange::pin(device_, mine.data() + 10, 20)), "CUDA_FAILED");  // it is already
    PinnedRange second = std::move(first);
    EXPECT_EQ(standin_count("registrations"), 1);
    std::vector<std::byte> more(64);
    second = made(PinnedRange::pin(device_, more.data(), more.size()));
    EXPECT_EQ(standin_count("registrations"), 1);
  }
  EXPECT_EQ(standin_count("registrations"), 0);
}

TEST_F(CudaMemory, ManyThreadsOnTwoGpus) {
  const auto other = open(1);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::minstd_rand random(seed);
      std::vector<BlockPtr> held;
      for (int i = 0; i < 500; ++i) {
        Device& device = random() % 2 == 0 ? *device_ : *other;
        Pool& pool = random() % 2 == 0 ? device.device_pool() : device.pinned_pool();
        auto block = pool.allocate(std::size_t{4096} << random() % 6);
        ASSERT_TRUE(block.ok());
        if (random() % 5 == 0) block.value()->forbid_reuse();
        held.push_back(std::move(block).value());
        if (held.size() > 8) held.erase(held.begin());
        if (random() % 100 == 0) pool.trim();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace foveate::cuda
