// Waits that can be given up.
#include "runtime/cuda/waiter.h"

#include <chrono>
#include <thread>

#include "cuda_fixture.h"

namespace foveate::cuda {
namespace {

class CudaWaiter : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    stream_ = std::make_unique<Stream>(made(Stream::create(device_)));
    mark_ = std::make_shared<Event>(made(Event::create(device_)));
    from_ = pinned(4096, 1);
    to_ = on_device(4096);
  }
  void TearDown() override {
    to_.reset();
    from_.reset();
    mark_.reset();
    stream_.reset();
    CudaTest::TearDown();
  }

  void enqueue() {
    ok(stream_->copy_to_device(to_->data(), from_->data(), 4096));
    ok(stream_->record(*mark_));
  }
  // What the wait gives: "reached", "given up", or a code.
  std::string wait(Waiter& waiter, CancelToken& token) {
    auto reached = waiter.wait(mark_, &token);
    if (!reached.ok()) return code_of(reached);
    return reached.value() ? "reached" : "given up";
  }
  // Waits while the device is paused, and gives up.
  void give_up(Waiter& waiter) {
    CancelToken token;
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      token.cancel();
    });
    EXPECT_EQ(wait(waiter, token), "given up");
    canceller.join();
    EXPECT_EQ(wait(waiter, token), "given up");  // at once
  }
  static void wait_until_idle(Waiter& waiter) {
    while (!waiter.is_idle()) std::this_thread::yield();
  }

  std::unique_ptr<Stream> stream_;
  std::shared_ptr<Event> mark_;
  BlockPtr from_, to_;
};

TEST_F(CudaWaiter, WaitsForTheGpu) {
  Waiter waiter;
  CancelToken token;
  EXPECT_EQ(wait(waiter, token), "reached");  // as nothing was recorded
  configure("work-us=500");
  for (int i = 0; i < 20; ++i) {
    enqueue();
    EXPECT_EQ(wait(waiter, token), "reached");
    EXPECT_EQ(standin_count("busy-streams"), 0);
    EXPECT_TRUE(waiter.is_idle());
  }
}

TEST_F(CudaWaiter, GivesUpWhereTheTokenIsCancelled) {
  Waiter waiter;
  standin_pause(0, true);
  enqueue();
  give_up(waiter);
  EXPECT_FALSE(waiter.is_idle());
  standin_pause(0, false);
  CancelToken fresh;
  EXPECT_EQ(wait(waiter, fresh), "reached");
  wait_until_idle(waiter);
}

// The thread may be about to end the wait that was given up: the next is for what was enqueued since.
TEST_F(CudaWaiter, AWaitThatWasGivenUpEndsNoOther) {
  Waiter waiter;
  CancelToken token;
  for (int i = 0; i < 50; ++i) {
    standin_pause(0, true);
    enqueue();
    give_up(waiter);
    standin_pause(0, false);
    ok(stream_->synchronize());
    configure("work-us=300");
    enqueue();
    EXPECT_EQ(wait(waiter, token), "reached");
    EXPECT_EQ(standin_count("busy-streams"), 0);
    configure("clear");
  }
  wait_until_idle(waiter);
}

TEST_F(CudaWaiter, AnAbortAtAnyMomentEndsAWaitInOneOfTwoWays) {
  Waiter waiter;
  configure("work-us=200");
  for (int i = 0; i < 100; ++i) {
    enqueue();
    CancelToken token;
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(i * 4));
      token.cancel();
    });
    const std::string how = wait(waiter, token);
    EXPECT_TRUE(how == "reached" || how == "given up") << how;
    canceller.join();
    ok(stream_->synchronize());
  }
  wait_until_idle(waiter);
}

TEST_F(CudaWaiter, SaysThatTheDeviceIsLost) {
  Waiter waiter;
  CancelToken token;
  standin_pause(0, true);
  enqueue();
  std::thread loser([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    standin_lose(0, result::kLaunchFailed);
    standin_pause(0, false);
  });
  EXPECT_EQ(wait(waiter, token), "DEVICE_LOST");
  loser.join();
  wait_until_idle(waiter);
}

}  // namespace
}  // namespace foveate::cuda
