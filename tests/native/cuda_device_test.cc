// Devices: opening, what their results mean, losing and recovering them.
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "cuda_fixture.h"

namespace foveate::cuda {
namespace {

class CudaDevice : public CudaTest {
 protected:
  const std::int64_t resets_before_ = standin_count("calls:cuDevicePrimaryCtxReset_v2");
};

TEST_F(CudaDevice, TheMachineTellsAllGpus) {
  const Machine& found = machine();
  ASSERT_FALSE(found.obstacle.has_value()) << *found.obstacle;
  ASSERT_EQ(found.gpus.size(), 2u);
  for (const int ordinal : {0, 1}) {
    const Gpu& gpu = found.gpus[static_cast<std::size_t>(ordinal)];
    EXPECT_EQ(gpu.ordinal, ordinal);
    EXPECT_EQ(gpu.name, "Stand-in GPU " + std::to_string(ordinal));
    EXPECT_EQ(gpu.compute_capability, 90);
    EXPECT_EQ(gpu.memory_bytes, kDeviceBytes);
    EXPECT_EQ(gpu.uuid, ordinal == 0 ? "50505050505050505050505050505050" : "51515151515151515151515151515151");
  }
}

TEST_F(CudaDevice, IsSharedByAllThatOpenIt) {
  EXPECT_EQ(open(0), device_);
  EXPECT_NE(open(1), device_);
  EXPECT_EQ(open(1)->ordinal(), 1);
  EXPECT_EQ(standin_count("contexts"), 2);
}

TEST_F(CudaDevice, OpenedByManyThreadsAtOnceIsStillOne) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([this] { EXPECT_EQ(open(0), device_); });
  for (auto& thread : threads) thread.join();
}

TEST_F(CudaDevice, ThatIsNotThereCannotBeOpened) {
  for (const int ordinal : {-1, 2, 1000}) {
    auto opened = Device::open(ordinal);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(code_of(opened), "INVALID_ARGUMENT");
    EXPECT_EQ(opened.status().error().message,
              "Expected the number of a GPU to be one of 0, 1, received " + std::to_string(ordinal));
  }
}

TEST_F(CudaDevice, TellsHowMuchMemoryIsFree) {
  const BlockPtr block = on_device(kMiB);
  const MemoryInfo info = made(device_->memory_info());
  EXPECT_EQ(info.total_bytes, kDeviceBytes);
  EXPECT_EQ(info.free_bytes, kDeviceBytes - kMiB);
}

TEST_F(CudaDevice, EachThreadGetsItsContext) {
  const auto other = open(1);
  for (int i = 0; i < 3; ++i) {
    ok(device_->make_current());
    BlockPtr first = on_device(1);
    ok(other->make_current());
    BlockPtr second = made(other->device_pool().allocate(1));
    EXPECT_EQ(first->place().device, 0);
    EXPECT_EQ(second->place().device, 1);
  }
  std::thread([&] { Stream stream = made(Stream::create(other)); }).join();
}

TEST_F(CudaDevice, FreeingLeavesTheContextOfAThreadAsItIs) {
  const auto other = open(1);
  Stream stream = made(Stream::create(other));
  std::optional<Stream> freed = made(Stream::create(device_));
  BlockPtr block = on_device(kMiB);
  block->forbid_reuse();
  ok(other->make_current());
  freed.reset();
  block.reset();
  // Fails in another context, and nothing of ours makes one current in between.
  EXPECT_EQ(other->functions().cuStreamQuery(stream.native()), result::kSuccess);
}

TEST_F(CudaDevice, ErrorsSayWhatFailedAndWhere) {
  const Status failed = device_->check(result::kInvalidValue, "The test was not done");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "CUDA_FAILED");
  EXPECT_EQ(failed.error().message,
            "The test was not done on GPU 0 (Stand-in GPU 0): CUDA_ERROR_INVALID_VALUE (1), invalid argument");
  const Status unknown = device_->check(12345, "Nothing");
  EXPECT_EQ(unknown.error().message, "Nothing on GPU 0 (Stand-in GPU 0): CUDA error (12345)");
  const Status memory = device_->check(result::kOutOfMemory, "Nothing");
  EXPECT_EQ(memory.error().code, "CUDA_OUT_OF_MEMORY");
  EXPECT_FALSE(memory.error().hint.empty());
  EXPECT_FALSE(device_->lost());
  ok(device_->check(result::kSuccess, "Nothing"));
}

TEST_F(CudaDevice, AStickyFaultLosesIt) {
  for (const CUresult fault : {4, 46, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 810, 911}) {
    ok(device_->usable());
    EXPECT_EQ(code_of(device_->check(fault, "The test failed")), "DEVICE_LOST") << fault;
    EXPECT_TRUE(device_->lost());
    ok(device_->recover());
    EXPECT_FALSE(device_->lost());
  }
}

TEST_F(CudaDevice, OtherErrorsDoNot) {
  for (const CUresult error : {1, 2, 3, 100, 201, 400, 600, 800, 900, 901, 906, 999}) {
    EXPECT_NE(code_of(device_->check(error, "The test failed")), "DEVICE_LOST") << error;
    EXPECT_FALSE(device_->lost());
  }
}

TEST_F(CudaDevice, ALostOneAnswersAtOnceAndTellsWhy) {
  Stream stream = made(Stream::create(device_));
  Event event = made(Event::create(device_));
  const BlockPtr host = pinned(64);
  const BlockPtr memory = on_device(64);
  standin_lose(0, result::kIllegalAddress);
  std::byte mine[64] = {};
  const Status first = stream.synchronize();
  ASSERT_EQ(code_of(first), "DEVICE_LOST");
  EXPECT_EQ(
      first.error().message,
      "The GPU 0 (Stand-in GPU 0) was lost. Work failed: CUDA_ERROR_ILLEGAL_ADDRESS (700), an illegal memory access "
      "was encountered");
  const auto asked = standin_count("calls:cuCtxSetCurrent") + standin_count("calls:cuCtxPushCurrent_v2");
  EXPECT_EQ(code_of(device_->make_current()), "DEVICE_LOST");
  EXPECT_EQ(code_of(device_->memory_info()), "DEVICE_LOST");
  EXPECT_EQ(code_of(device_->device_pool().allocate(1)), "DEVICE_LOST");
  EXPECT_EQ(code_of(device_->pinned_pool().allocate(1)), "DEVICE_LOST");
  EXPECT_EQ(code_of(stream.copy_to_device(memory->data(), host->data(), 64)), "DEVICE_LOST");
  EXPECT_EQ(code_of(stream.copy_to_host(host->data(), memory->data(), 64)), "DEVICE_LOST");
  EXPECT_EQ(code_of(stream.record(event)), "DEVICE_LOST");
  EXPECT_EQ(code_of(stream.wait(event)), "DEVICE_LOST");
  EXPECT_EQ(code_of(stream.idle()), "DEVICE_LOST");
  EXPECT_EQ(code_of(event.synchronize()), "DEVICE_LOST");
  EXPECT_EQ(code_of(event.reached()), "DEVICE_LOST");
  EXPECT_EQ(code_of(Stream::create(device_)), "DEVICE_LOST");
  EXPECT_EQ(code_of(Event::create(device_)), "DEVICE_LOST");
  EXPECT_EQ(code_of(Graph::capture(stream, [] { return Status(); })), "DEVICE_LOST");
  EXPECT_EQ(code_of(PinnedRange::pin(device_, mine, sizeof mine)), "DEVICE_LOST");
  EXPECT_EQ(standin_count("calls:cuCtxSetCurrent") + standin_count("calls:cuCtxPushCurrent_v2"), asked);
}

TEST_F(CudaDevice, TheOtherGpuWorksOn) {
  const auto other = open(1);
  standin_lose(0, result::kLaunchFailed);
  EXPECT_EQ(code_of(device_->examine()), "DEVICE_LOST");
  ok(other->examine());
  Stream stream = made(Stream::create(other));
  ok(stream.synchronize());
}

TEST_F(CudaDevice, ExaminingFindsAFaultThatNobodyWasTold) {
  ok(device_->examine());
  standin_lose(0, result::kLaunchFailed);
  EXPECT_FALSE(device_->lost());
  EXPECT_EQ(code_of(device_->examine()), "DEVICE_LOST");
  EXPECT_TRUE(device_->lost());
}

TEST_F(CudaDevice, IsNotRecoveredWhileAnythingLivesOnIt) {
  std::optional<Stream> stream = made(Stream::create(device_));
  BlockPtr memory = on_device(64);
  BlockPtr host = pinned(64);
  std::optional<DeviceUse> use = made(DeviceUse::begin(device_));
  standin_lose(0, result::kLaunchFailed);
  EXPECT_EQ(code_of(device_->examine()), "DEVICE_LOST");
  const auto refused = [&] {
    const Status status = device_->recover();
    ASSERT_EQ(code_of(status), "DEVICE_LOST");
    EXPECT_NE(status.error().message.find("not recovered while something lives on it"), std::string::npos);
    EXPECT_EQ(code_of(Device::open(0)), "DEVICE_LOST");
  };
  refused();
  stream.reset();
  refused();
  memory.reset();
  refused();
  host.reset();
  refused();
  use.reset();
  EXPECT_EQ(standin_count("calls:cuDevicePrimaryCtxReset_v2"), resets_before_);
  EXPECT_EQ(open(0), device_);
  EXPECT_FALSE(device_->lost());
}

TEST_F(CudaDevice, WorksAgainOnceRecovered) {
  for (int i = 0; i < 3; ++i) {
    on_device(kMiB).reset();  // stays in the pool, whose memory goes with the context
    pinned(kMiB).reset();
    standin_lose(0, result::kEccUncorrectable);
    EXPECT_EQ(code_of(device_->examine()), "DEVICE_LOST");
    ok(device_->recover());
    EXPECT_EQ(standin_count("calls:cuDevicePrimaryCtxReset_v2"), resets_before_ + i + 1);
    const BlockPtr from = pinned(kMiB, i);
    const BlockPtr to = pinned(kMiB);
    const BlockPtr memory = on_device(kMiB);
    Stream stream = made(Stream::create(device_));
    ok(stream.copy_to_device(memory->data(), from->data(), kMiB));
    ok(stream.copy_to_host(to->data(), memory->data(), kMiB));
    ok(stream.synchronize());
    EXPECT_TRUE(all(to, i));
  }
}

TEST_F(CudaDevice, StaysLostWhereItCannotBeRecovered) {
  for (const char* const function :
       {"cuDevicePrimaryCtxReset_v2", "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2", "cuMemAlloc_v2"}) {
    standin_lose(0, result::kEccUncorrectable);
    EXPECT_EQ(code_of(device_->examine()), "DEVICE_LOST");
    configure(std::string("fail=") + function + ":1:214");
    const Status status = device_->recover();
    ASSERT_EQ(code_of(status), "DEVICE_LOST") << function;
    EXPECT_NE(status.error().message.find("cannot be recovered: CUDA_ERROR_ECC_UNCORRECTABLE"), std::string::npos);
    EXPECT_TRUE(device_->lost());
    configure("clear");
    ok(device_->recover());  // another try
    ok(device_->examine());
  }
}

TEST_F(CudaDevice, RecoveringWhileOthersTryToUseItNeitherCrashesNorLeaks) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        auto block = device_->device_pool().allocate(4096);
        auto stream = Stream::create(device_);
        if (stream.ok() && block.ok()) (void)stream.value().synchronize();
        // With three that ask without a pause, there is no moment at which nothing uses a lost device.
        if (device_->lost()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  int recovered = 0;
  for (int i = 0; i < 200 || recovered == 0; ++i) {
    standin_lose(0, result::kLaunchFailed);
    (void)device_->examine();
    while (device_->lost()) recovered += device_->recover().ok();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(recovered, 200);
}

}  // namespace
}  // namespace foveate::cuda
