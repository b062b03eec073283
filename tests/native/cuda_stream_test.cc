// Streams and events: work is late, in order, and waited for.
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "cuda_fixture.h"

namespace foveate::cuda {
namespace {

using namespace std::chrono_literals;

class CudaStream : public CudaTest {
 protected:
  Stream stream() { return made(Stream::create(device_)); }
  Event event(Event::Timing timing = Event::Timing::kOff) { return made(Event::create(device_, timing)); }
};

TEST_F(CudaStream, ACopyIsDoneWhenItWasWaitedForAndNotBefore) {
  Stream lane = stream();
  const BlockPtr from = pinned(4096, 5);
  const BlockPtr memory = on_device(4096);
  const BlockPtr to = pinned(4096, 1);
  standin_pause(0, true);
  ok(lane.copy_to_device(memory->data(), from->data(), 4096));
  ok(lane.copy_to_host(to->data(), memory->data(), 4096));
  EXPECT_FALSE(made(lane.idle()));
  EXPECT_TRUE(all(to, 1));
  std::memset(from->data(), 6, 4096);  // what the copy finds when it comes to it
  standin_pause(0, false);
  ok(lane.synchronize());
  EXPECT_TRUE(made(lane.idle()));
  EXPECT_TRUE(all(to, 6));
}

TEST_F(CudaStream, BytesThatNobodyWroteShow) {
  Stream lane = stream();
  const BlockPtr memory = on_device(4096);
  const BlockPtr to = pinned(4096, 1);
  ok(lane.copy_to_host(to->data(), memory->data(), 4096));
  ok(lane.synchronize());
  EXPECT_TRUE(all(to, 0xcd));
}

TEST_F(CudaStream, CopiesOfAllKindsAreCounted) {
  Stream lane = stream();
  const BlockPtr host = pinned(4096, 3);
  const BlockPtr first = on_device(4096);
  const BlockPtr second = on_device(4096);
  const DeviceStatistics before = device_->statistics();
  ok(lane.copy_to_device(first->data(), host->data(), 4096));
  ok(lane.copy_on_device(second->data() + 96, first->data(), 4000));
  ok(lane.copy_to_host(host->data(), second->data() + 96, 50));
  ok(lane.copy_to_host(host->data() + 50, second->data() + 96, 50));
  ok(lane.synchronize());
  const DeviceStatistics after = device_->statistics();
  const auto difference = [&](CopyKind kind) {
    const auto i = static_cast<std::size_t>(kind);
    return std::pair(after.copies[i].copies - before.copies[i].copies, after.copies[i].bytes - before.copies[i].bytes);
  };
  EXPECT_EQ(difference(CopyKind::kToDevice), std::pair(std::uint64_t{1}, std::uint64_t{4096}));
  EXPECT_EQ(difference(CopyKind::kOnDevice), std::pair(std::uint64_t{1}, std::uint64_t{4000}));
  EXPECT_EQ(difference(CopyKind::kToHost), std::pair(std::uint64_t{2}, std::uint64_t{100}));
  EXPECT_TRUE(all(host, 3));
}

TEST_F(CudaStream, ACopyThatWasRefusedDoesNotCount) {
  Stream lane = stream();
  const BlockPtr host = pinned(8192);
  const BlockPtr memory = on_device(4096);
  const std::uint64_t before = device_->statistics().copies[0].copies;
  EXPECT_EQ(code_of(lane.copy_to_device(memory->data(), host->data(), 4097)), "CUDA_FAILED");
  EXPECT_EQ(code_of(lane.copy_to_device(host->data(), host->data(), 1)), "CUDA_FAILED");  // not on the device
  EXPECT_EQ(device_->statistics().copies[0].copies, before);
  EXPECT_FALSE(device_->lost());
}

TEST_F(CudaStream, MemoryThatIsNotPinnedIsReadAtOnceAndWrittenBeforeTheCallReturns) {
  Stream lane = stream();
  std::vector<std::byte> host(4096, std::byte{9});
  const BlockPtr memory = on_device(4096);
  standin_pause(0, true);
  ok(lane.copy_to_device(memory->data(), host.data(), 4096));
  std::fill(host.begin(), host.end(), std::byte{1});
  standin_pause(0, false);
  ok(lane.copy_to_host(host.data(), memory->data(), 4096));
  EXPECT_EQ(host, std::vector<std::byte>(4096, std::byte{9}));
  EXPECT_TRUE(made(lane.idle()));
}

TEST_F(CudaStream, StreamsRunBesideEachOtherUnlessOneWaitsForTheOther) {
  Stream first = stream();
  Stream second = stream();
  Event written = event();
  const BlockPtr ones = pinned(64, 1);
  const BlockPtr memory = on_device(64);
  const BlockPtr result = pinned(64);
  std::atomic<bool> go = false;
  const auto hold = [](void* data) {
    while (!*static_cast<std::atomic<bool>*>(data)) std::this_thread::sleep_for(100us);
  };
  standin_pause(0, true);
  ASSERT_EQ(cuLaunchHostFunc(first.native(), hold, &go), 0);
  ok(first.copy_to_device(memory->data(), ones->data(), 64));
  ok(first.record(written));
  ok(second.wait(written));
  ok(second.copy_to_host(result->data(), memory->data(), 64));
  standin_pause(0, false);
  EXPECT_FALSE(made(written.reached()));
  EXPECT_FALSE(made(second.idle()));
  EXPECT_TRUE(all(result, 0));
  go = true;
  ok(second.synchronize());
  EXPECT_TRUE(made(written.reached()));
  EXPECT_TRUE(all(result, 1));
  ok(first.synchronize());
}

TEST_F(CudaStream, AWaitIsForTheRecordBeforeIt) {
  Stream first = stream();
  Stream second = stream();
  Event mark = event();
  ok(first.record(mark));
  ok(first.synchronize());
  ok(second.wait(mark));
  standin_pause(0, true);
  const BlockPtr host = pinned(64);
  const BlockPtr memory = on_device(64);
  ok(first.copy_to_device(memory->data(), host->data(), 64));
  ok(first.record(mark));  // later than the wait: not waited for
  ok(second.synchronize());
  standin_pause(0, false);
  ok(first.synchronize());
}

TEST_F(CudaStream, AnEventThatWasNeverRecordedCountsAsReached) {
  Stream lane = stream();
  Event mark = event();
  EXPECT_TRUE(made(mark.reached()));
  ok(mark.synchronize());
  ok(lane.wait(mark));
  ok(lane.synchronize());
}

TEST_F(CudaStream, BothWaysToWaitWait) {
  for (const Wait wait : {Wait::kBlocking, Wait::kSpinning}) {
    Stream lane = stream();
    Event mark = event();
    const BlockPtr host = pinned(4096, 2);
    const BlockPtr memory = on_device(4096);
    configure("work-us=20000");
    const BlockPtr to = pinned(4096);
    ok(lane.copy_to_device(memory->data(), host->data(), 4096));
    ok(lane.copy_to_host(to->data(), memory->data(), 4096));
    ok(lane.record(mark));
    ok(mark.synchronize(wait));
    EXPECT_TRUE(all(to, 2));
    ok(lane.copy_to_host(to->data(), memory->data(), 4096));
    ok(lane.synchronize(wait));
    EXPECT_TRUE(made(lane.idle()));
    configure("clear");
  }
}

TEST_F(CudaStream, ABlockingWaitDoesNotAskAgainAndAgain) {
  Stream lane = stream();
  const BlockPtr host = pinned(64);
  const BlockPtr memory = on_device(64);
  configure("work-us=20000");
  const auto queries = standin_count("calls:cuStreamQuery") + standin_count("calls:cuEventQuery");
  const auto waits = standin_count("calls:cuEventSynchronize");
  ok(lane.copy_to_device(memory->data(), host->data(), 64));
  ok(lane.synchronize());
  EXPECT_EQ(standin_count("calls:cuStreamQuery") + standin_count("calls:cuEventQuery"), queries);
  EXPECT_EQ(standin_count("calls:cuEventSynchronize"), waits + 1);
}

TEST_F(CudaStream, TheTimeBetweenEventsIsThatOfTheDevice) {
  Stream lane = stream();
  Event start = event(Event::Timing::kOn);
  Event end = event(Event::Timing::kOn);
  const BlockPtr host = pinned(4096);
  const BlockPtr memory = on_device(4096);
  configure("work-us=30000");
  ok(lane.record(start));
  ok(lane.copy_to_device(memory->data(), host->data(), 4096));
  ok(lane.record(end));
  EXPECT_EQ(code_of(end.elapsed_since(start)), "CUDA_FAILED");  // not yet
  ok(lane.synchronize());
  EXPECT_GE(made(end.elapsed_since(start)), 29ms);
  EXPECT_LT(made(end.elapsed_since(start)), 30s);
  EXPECT_LE(made(start.elapsed_since(end)), -29ms);
  Event without = event();
  ok(lane.record(without));
  ok(lane.synchronize());
  EXPECT_EQ(code_of(without.elapsed_since(start)), "CUDA_FAILED");
}

TEST_F(CudaStream, CanBeMovedAndAssigned) {
  std::optional<Stream> first = stream();
  Stream second = std::move(*first);
  first.reset();
  EXPECT_EQ(standin_count("streams"), 1);
  second = stream();
  EXPECT_EQ(standin_count("streams"), 1);
  ok(second.synchronize());
  std::optional<Event> mark = event();
  Event moved = std::move(*mark);
  mark.reset();
  moved = event();
  ok(second.record(moved));
  ok(moved.synchronize());
  EXPECT_EQ(standin_count("events"), 2);  // that of the stream, and ours
}

TEST_F(CudaStream, DestroyingOneDoesNotWait) {
  const BlockPtr host = pinned(64, 4);
  const BlockPtr memory = on_device(64);
  const BlockPtr to = pinned(64);
  std::optional<Stream> lane = stream();
  standin_pause(0, true);
  ok(lane->copy_to_device(memory->data(), host->data(), 64));
  ok(lane->copy_to_host(to->data(), memory->data(), 64));
  Event last = event();
  ok(lane->record(last));
  lane.reset();
  EXPECT_FALSE(made(last.reached()));
  standin_pause(0, false);
  ok(last.synchronize());
  EXPECT_TRUE(all(to, 4));
}

TEST_F(CudaStream, MemoryFreedUnderACopyLosesTheDevice) {
  Stream lane = stream();
  const BlockPtr host = pinned(64);
  BlockPtr memory = on_device(64);
  memory->forbid_reuse();
  standin_pause(0, true);
  ok(lane.copy_to_device(memory->data(), host->data(), 64));
  memory.reset();  // against the rule
  standin_pause(0, false);
  EXPECT_EQ(code_of(lane.synchronize()), "DEVICE_LOST");
}

TEST_F(CudaStream, AFaultShowsWhereItIsWaitedFor) {
  for (const Wait wait : {Wait::kBlocking, Wait::kSpinning}) {
    {
      Stream lane = stream();
      const BlockPtr host = pinned(64);
      const BlockPtr memory = on_device(64);
      configure("lose-after=2,work-us=5000");
      ok(lane.copy_to_device(memory->data(), host->data(), 64));
      ok(lane.copy_to_device(memory->data(), host->data(), 64));
      const Status status = lane.synchronize(wait);
      ASSERT_EQ(code_of(status), "DEVICE_LOST");
      EXPECT_EQ(status.error().message,
                "The GPU 0 (Stand-in GPU 0) was lost. Work failed: CUDA_ERROR_LAUNCH_FAILED (719), unspecified launch "
                "failure");
    }
    configure("clear");
    ok(device_->recover());
  }
}

}  // namespace
}  // namespace foveate::cuda
