#include <atomic>
#include <chrono>
#include <cmath>
#include <future>
#include <thread>

#include "contract/contract.h"

namespace foveate::contract {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr milliseconds kLong{60'000};

TEST_P(LoopContract, ContextsOfOneModelRunAtTheSameTime) {
  constexpr std::size_t kLanes = 4;
  constexpr int kRuns = 200;
  const auto shared = model("dynamic");
  std::vector<std::unique_ptr<Context>> contexts;
  for (std::size_t lane = 0; lane < kLanes; ++lane) contexts.push_back(context(shared));
  std::atomic<int> right{0};
  Executor executor(kLanes, "lanes");
  for (int i = 0; i < kRuns; ++i) {
    executor.submit([&, i](std::size_t lane) {
      const auto value = static_cast<float>(i);
      HostTensor images = floats({3, 1, 4}, std::vector<float>(12, value));
      RunResult result;
      const Status status = run(*contexts[lane], {images.view()}, {0}, result);
      if (status.ok() && values_of<float>(result.outputs[0])[8] == value * 26.0f / 8 + 3) ++right;
    });
  }
  ASSERT_TRUE(executor.stop(kLong));
  EXPECT_EQ(right, kRuns);
}

TEST_P(LoopContract, ModelsOpenAndCloseOnManyThreads) {
  std::atomic<int> opened{0};
  Executor executor(4, "lanes");
  for (int i = 0; i < 40; ++i) {
    executor.submit([&, i](std::size_t) {
      auto made = open(i % 4 == 0 ? "unknown_operator" : "fixed");
      if (made.ok() && made.value()->create_context().ok()) ++opened;
    });
  }
  ASSERT_TRUE(executor.stop(kLong));
  EXPECT_EQ(opened, 30);
}

TEST_P(LoopContract, AnAbortBeforeTheRunRunsNothing) {
  const auto lane = context(model("loop"));
  ASSERT_NE(lane, nullptr);
  LoopInputs forever(kForever);
  CancelToken token;
  token.cancel();
  RunResult result;
  expect_error(run(*lane, forever.views(), {0}, result, &token), error_code::kAborted);
  LoopInputs few(3);
  ASSERT_OK(run(*lane, few.views(), {0}, result));
}

TEST_P(LoopContract, AnAbortStopsARunThatIsUnderWay) {
  const auto lane = context(model("loop"));
  ASSERT_NE(lane, nullptr);
  for (int round = 0; round < 3; ++round) {
    LoopInputs forever(kForever);
    CancelToken token;
    std::thread canceller([&token] {
      std::this_thread::sleep_for(milliseconds(50));
      token.cancel();
    });
    RunResult result;
    const auto start = steady_clock::now();
    expect_error(run(*lane, forever.views(), {0}, result, &token), error_code::kAborted);
    EXPECT_GE(steady_clock::now() - start, milliseconds(40));
    canceller.join();
    EXPECT_TRUE(result.outputs.empty());

    LoopInputs few(3);
    CancelToken fresh;
    ASSERT_OK(run(*lane, few.views(), {0}, result, &fresh));
    EXPECT_NEAR(values_of<float>(result.outputs[0])[0], std::tanh(std::tanh(std::tanh(0.5f))), 1e-5f);
  }
}

TEST_P(LoopContract, AnAbortStopsItsOwnRunAlone) {
  const auto shared = model("loop");
  const auto aborted_lane = context(shared);
  const auto other_lane = context(shared);
  ASSERT_NE(other_lane, nullptr);
  CancelToken token;
  auto aborted = std::async(std::launch::async, [&] {
    LoopInputs forever(kForever);
    RunResult result;
    return run(*aborted_lane, forever.views(), {0}, result, &token);
  });
  auto other = std::async(std::launch::async, [&] {
    LoopInputs many(20'000);
    CancelToken own;
    RunResult result;
    return run(*other_lane, many.views(), {0}, result, &own);
  });
  std::this_thread::sleep_for(milliseconds(5));
  token.cancel();
  expect_error(aborted.get(), error_code::kAborted);
  EXPECT_OK(other.get());
}

TEST_P(LoopContract, OneTokenStopsEveryRunThatSharesIt) {
  const auto shared = model("loop");
  CancelToken token;
  std::vector<std::unique_ptr<Context>> contexts;
  std::vector<std::future<Status>> runs;
  for (int i = 0; i < 3; ++i) contexts.push_back(context(shared));
  for (const auto& lane : contexts) {
    runs.push_back(std::async(std::launch::async, [this, &token, &lane] {
      LoopInputs forever(kForever);
      RunResult result;
      return run(*lane, forever.views(), {0}, result, &token);
    }));
  }
  std::this_thread::sleep_for(milliseconds(20));
  token.cancel();
  for (auto& each : runs) expect_error(each.get(), error_code::kAborted);
}

// The abort races with the end of the run: each run ends in one of two ways, and never spoils the next.
TEST_P(LoopContract, AnAbortAtAnyMomentLeavesTheContextUsable) {
  const auto lane = context(model("loop"));
  ASSERT_NE(lane, nullptr);
  for (int round = 0; round < 200; ++round) {
    LoopInputs some(200);
    const auto token = std::make_shared<CancelToken>();
    std::thread canceller([token, round] {
      std::this_thread::sleep_for(std::chrono::microseconds(round * 5));
      token->cancel();
    });
    RunResult result;
    const Status status = run(*lane, some.views(), {0}, result, token.get());
    canceller.join();
    if (!status.ok()) expect_error(status, error_code::kAborted);
    ASSERT_OK(run(*lane, some.views(), {0}, result));
  }
}

}  // namespace
}  // namespace foveate::contract
