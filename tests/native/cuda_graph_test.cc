// Graphs: captured once, launched often.
#include <optional>
#include <thread>

#include "cuda_fixture.h"

namespace foveate::cuda {
namespace {

class CudaGraph : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    lane_ = made(Stream::create(device_));
    from_ = pinned(4096);
    memory_ = on_device(4096);
    to_ = pinned(4096);
  }
  void TearDown() override {
    lane_.reset();
    from_.reset();
    memory_.reset();
    to_.reset();
    CudaTest::TearDown();
  }

  Status round_trip() {
    FOVEATE_RETURN_IF_ERROR(lane_->copy_to_device(memory_->data(), from_->data(), 4096));
    return lane_->copy_to_host(to_->data(), memory_->data(), 4096);
  }

  // The stream works, outside of any capture.
  void expect_usable(int value) {
    std::memset(from_->data(), value, 4096);
    ok(round_trip());
    ok(lane_->synchronize());
    EXPECT_TRUE(all(to_, value));
  }

  std::optional<Stream> lane_;
  BlockPtr from_, memory_, to_;
};

TEST_F(CudaGraph, RunsNothingUntilItIsLaunched) {
  const auto work = standin_count("work");
  Graph graph = made(Graph::capture(*lane_, [&] { return round_trip(); }));
  ok(lane_->synchronize());
  EXPECT_EQ(standin_count("work"), work);
  EXPECT_EQ(standin_count("graphs"), 0);
  EXPECT_EQ(standin_count("executables"), 1);
  for (int value = 1; value < 5; ++value) {
    std::memset(from_->data(), value, 4096);
    ok(graph.launch(*lane_));
    ok(lane_->synchronize());
    EXPECT_TRUE(all(to_, value));
  }
  EXPECT_EQ(standin_count("work"), work + 8);
}

TEST_F(CudaGraph, IsLaunchedInAnyStreamOfItsDevice) {
  Graph graph = made(Graph::capture(*lane_, [&] { return round_trip(); }));
  lane_.reset();  // it does not need the stream that it was captured in
  Stream other = made(Stream::create(device_));
  std::memset(from_->data(), 3, 4096);
  ok(graph.launch(other));
  ok(other.synchronize());
  EXPECT_TRUE(all(to_, 3));
  Stream elsewhere = made(Stream::create(open(1)));
  EXPECT_EQ(code_of(graph.launch(elsewhere)), "CUDA_FAILED");
}

TEST_F(CudaGraph, ItsCopiesCountWhenTheyAreMade) {
  const auto bytes = [this] { return device_->statistics().copies[static_cast<std::size_t>(CopyKind::kToHost)].bytes; };
  const std::uint64_t before = bytes();
  Graph graph = made(Graph::capture(*lane_, [&] { return round_trip(); }));
  EXPECT_EQ(bytes(), before);
  ok(graph.launch(*lane_));
  ok(graph.launch(*lane_));
  EXPECT_EQ(bytes(), before + 2 * 4096);
  ok(lane_->synchronize());
}

TEST_F(CudaGraph, HoldsHostFunctionsAsWell) {
  int calls = 0;
  Graph graph = made(Graph::capture(*lane_, [&] {
    const auto count = [](void* data) { ++*static_cast<int*>(data); };
    return device_->check(cuLaunchHostFunc(lane_->native(), count, &calls), "No function was launched");
  }));
  EXPECT_EQ(calls, 0);
  for (int i = 0; i < 3; ++i) ok(graph.launch(*lane_));
  ok(lane_->synchronize());
  EXPECT_EQ(calls, 3);
}

TEST_F(CudaGraph, TakesInASecondStreamThatIsJoined) {
  Stream second = made(Stream::create(device_));
  Event fork = made(Event::create(device_));
  Event join = made(Event::create(device_));
  const auto enqueue = [&](bool joined) -> Status {
    FOVEATE_RETURN_IF_ERROR(lane_->copy_to_device(memory_->data(), from_->data(), 4096));
    FOVEATE_RETURN_IF_ERROR(lane_->record(fork));
    FOVEATE_RETURN_IF_ERROR(second.wait(fork));
    FOVEATE_RETURN_IF_ERROR(second.copy_to_host(to_->data(), memory_->data(), 4096));
    FOVEATE_RETURN_IF_ERROR(second.record(join));
    return joined ? lane_->wait(join) : Status();
  };
  Graph graph = made(Graph::capture(*lane_, [&] { return enqueue(true); }));
  std::memset(from_->data(), 8, 4096);
  ok(graph.launch(*lane_));
  ok(lane_->synchronize());
  EXPECT_TRUE(all(to_, 8));
  auto unjoined = Graph::capture(*lane_, [&] { return enqueue(false); });
  ASSERT_EQ(code_of(unjoined), "CUDA_FAILED");
  EXPECT_NE(unjoined.status().error().hint.find("without a graph"), std::string::npos);
  expect_usable(9);
  ok(second.synchronize());
}

TEST_F(CudaGraph, AFailureOfWhatIsEnqueuedIsPassedOn) {
  auto failed = Graph::capture(*lane_, [&]() -> Status {
    FOVEATE_RETURN_IF_ERROR(round_trip());
    return {error_code::kEngineFailed, "The engine did not run", "A hint."};
  });
  ASSERT_EQ(code_of(failed), "ENGINE_FAILED");
  EXPECT_EQ(failed.status().error().message, "The engine did not run");
  EXPECT_EQ(failed.status().error().hint, "A hint.");
  EXPECT_EQ(standin_count("graphs"), 0);
  expect_usable(1);
}

TEST_F(CudaGraph, WhatCannotBeCapturedLeavesTheStreamUsable) {
  // Memory must not be allocated by this thread; that it was refused may also have been overlooked.
  for (const bool overlooked : {false, true}) {
    auto failed = Graph::capture(*lane_, [&]() -> Status {
      auto block = device_->device_pool().allocate(2 * kMiB);
      EXPECT_EQ(code_of(block), "CUDA_FAILED");
      return overlooked ? Status() : block.take_status();
    });
    EXPECT_EQ(code_of(failed), "CUDA_FAILED");
    expect_usable(2);
  }
  auto waited = Graph::capture(*lane_, [&] { return lane_->synchronize(); });
  EXPECT_EQ(code_of(waited), "INTERNAL");
  expect_usable(3);
  auto asked = Graph::capture(*lane_, [&] { return Status(lane_->idle().take_status()); });
  EXPECT_EQ(code_of(asked), "CUDA_FAILED");
  expect_usable(4);
  Event outside = made(Event::create(device_));
  ok(lane_->record(outside));
  auto isolated = Graph::capture(*lane_, [&] { return lane_->wait(outside); });
  EXPECT_EQ(code_of(isolated), "CUDA_FAILED");
  expect_usable(5);
}

TEST_F(CudaGraph, OtherThreadsAllocateMeanwhile) {
  Graph graph = made(Graph::capture(*lane_, [&]() -> Status {
    std::thread([&] {
      BlockPtr block = on_device(3 * kMiB);
      block->forbid_reuse();
      Stream other = made(Stream::create(device_));
      ok(other.synchronize());
    }).join();
    return round_trip();
  }));
  ok(graph.launch(*lane_));
  ok(lane_->synchronize());
}

TEST_F(CudaGraph, AStepThatFailsLeaksNothing) {
  for (const char* const function :
       {"cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch"}) {
    configure(std::string("fail=") + function + ":1:999");
    auto graph = Graph::capture(*lane_, [&] { return round_trip(); });
    if (graph.ok()) {
      EXPECT_EQ(code_of(graph.value().launch(*lane_)), "CUDA_FAILED");
    } else {
      EXPECT_EQ(code_of(graph), "CUDA_FAILED") << function;
    }
    EXPECT_EQ(standin_count("graphs"), 0) << function;
    if (std::string(function) != "cuStreamEndCapture") {  // one that was never ended stays in the stream
      expect_usable(7);
      continue;
    }
    lane_ = made(Stream::create(device_));
  }
}

TEST_F(CudaGraph, IsGoneWithALostDevice) {
  std::optional<Graph> graph = made(Graph::capture(*lane_, [&] { return round_trip(); }));
  configure("lose-after=1");
  ok(graph->launch(*lane_));
  EXPECT_EQ(code_of(lane_->synchronize()), "DEVICE_LOST");
  EXPECT_EQ(code_of(graph->launch(*lane_)), "DEVICE_LOST");
  EXPECT_EQ(code_of(Graph::capture(*lane_, [&] { return round_trip(); })), "DEVICE_LOST");
  graph.reset();
}

TEST_F(CudaGraph, CanBeMovedAndAssigned) {
  Graph first = made(Graph::capture(*lane_, [&] { return round_trip(); }));
  Graph second = std::move(first);
  second = made(Graph::capture(*lane_, [&] { return round_trip(); }));
  EXPECT_EQ(standin_count("executables"), 1);
  std::memset(from_->data(), 6, 4096);
  ok(second.launch(*lane_));
  ok(lane_->synchronize());
  EXPECT_TRUE(all(to_, 6));
}

}  // namespace
}  // namespace foveate::cuda
