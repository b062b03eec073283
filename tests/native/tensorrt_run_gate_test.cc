// The gate between runs and changes of weights.
#include "runtime/tensorrt/run_gate.h"

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "native/tensorrt_run_fixture.h"

namespace foveate::tensorrt {
namespace {

class TensorRtGate : public cuda::CudaTest {
 protected:
  // Closes it on a thread of its own, until told to open it.
  void close() {
    std::promise<void> closed;
    auto is_closed = closed.get_future();
    alone_ = std::async(std::launch::async, [&, opened = open_.get_future()]() mutable {
      return gate_.alone([&] {
        closed.set_value();
        opened.wait();
        return Status();
      });
    });
    is_closed.wait();
  }

  RunGate gate_;
  std::promise<void> open_;
  std::future<Status> alone_;
};

TEST_F(TensorRtGate, AnAbortEndsTheWaitForIt) {
  close();
  CancelToken token;
  auto run = std::async(std::launch::async, [&] { return RunGate::Pass(gate_, &token).entered(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // most likely it waits by then
  token.cancel();
  EXPECT_FALSE(run.get());
  EXPECT_FALSE(RunGate::Pass(gate_, &token).entered());  // cancelled before it came
  open_.set_value();
  EXPECT_OK(alone_.get());
  EXPECT_TRUE(RunGate::Pass(gate_, &token).entered());  // nothing to wait for
}

TEST_F(TensorRtGate, LetsThoseWhoWaitedThrough) {
  close();
  CancelToken token;
  std::vector<std::future<bool>> runs;
  for (int i = 0; i < 3; ++i) {
    CancelToken* const cancel = i == 0 ? nullptr : &token;
    runs.push_back(std::async(std::launch::async, [&, cancel] { return RunGate::Pass(gate_, cancel).entered(); }));
  }
  open_.set_value();
  for (auto& run : runs) EXPECT_TRUE(run.get());
  EXPECT_OK(alone_.get());
}

TEST_F(TensorRtGate, IsOpenAfterACallThatThrows) {
  EXPECT_THROW((void)gate_.alone([]() -> Status { throw std::bad_alloc(); }), std::bad_alloc);
  EXPECT_TRUE(RunGate::Pass(gate_, nullptr).entered());
  EXPECT_OK(gate_.alone([] { return Status(); }));
}

TEST_F(TensorRtGate, WaitsForWhatWasLeftBehindUnlessItsDeviceIsLost) {
  cuda::Stream stream = made(cuda::Stream::create(device_));
  const auto mark = std::make_shared<cuda::Event>(made(cuda::Event::create(device_)));
  const auto other = std::make_shared<cuda::Event>(made(cuda::Event::create(open(1))));
  const BlockPtr from = pinned(64);
  const BlockPtr to = on_device(64);
  standin_pause(0, true);
  ok(stream.copy_to_device(to->data(), from->data(), 64));
  ok(stream.record(*mark));
  gate_.leave_behind(mark);
  gate_.leave_behind(other);
  std::atomic<bool> resumed{false};
  std::thread resumer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    resumed = true;
    standin_pause(0, false);
  });
  standin_lose(1, cuda::result::kLaunchFailed);
  EXPECT_OK(gate_.alone([&]() -> Status {
    EXPECT_TRUE(resumed);
    return {};
  }));
  resumer.join();
  gate_.caught_up(mark);
  gate_.caught_up(other);
}

}  // namespace
}  // namespace foveate::tensorrt
