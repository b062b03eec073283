// Devices that engines run on: several of them, lost ones, ones that hang, and who else works there.
#include <chrono>
#include <thread>

#include "native/tensorrt_run_fixture.h"
#include "runtime/tensorrt/closing.h"

namespace foveate::tensorrt {
namespace {

using std::chrono::milliseconds;

class TensorRtDevices : public TensorRtRun {
 protected:
  std::shared_ptr<Model> on_both(const Bytes& engine) {
    ModelOptions options;
    options.devices = {0, 1};
    return TensorRtRun::open(engine, options);
  }

  // A run whose abort comes while its device is paused: what it enqueued goes on afterwards.
  static void abort_a_run(Context& lane) {
    HostTensor images = ones(1);
    CancelToken token;
    std::thread canceller([&] {
      std::this_thread::sleep_for(milliseconds(20));
      token.cancel();
    });
    RunResult result;
    expect_error(contract::run(lane, {images.view()}, {0}, result, &token), error_code::kAborted);
    canceller.join();
  }

  // Where a run of the lane takes place; -1 where it fails.
  static int place_of(Context& lane) {
    HostTensor images = ones(1);
    const std::vector<TensorView> inputs{images.view()};
    const std::vector<RunRequest::Output> outputs{{.index = 0, .bound = std::nullopt, .on_device = true}};
    RunResult result;
    const Status status = lane.run({inputs, outputs, nullptr, std::nullopt}, result);
    EXPECT_TRUE(status.ok()) << status.error().message;
    return status.ok() ? result.outputs[0].block->place().device : -1;
  }
};

TEST_P(TensorRtDevices, NewLanesLeaveALostDeviceOut) {
  const auto model = on_both(engine_of("dynamic", {}, true));
  const auto here = lane_of(model);
  const auto there = lane_of(model);
  EXPECT_EQ(place_of(*here), 0);
  standin_->configure("lose-enqueue=1");
  HostTensor images = ones(1);
  RunResult result;
  expect_error(contract::run(*here, {images.view()}, {0}, result), error_code::kDeviceLost);
  std::vector<std::unique_ptr<Context>> lanes;
  for (int i = 0; i < 3; ++i) {
    lanes.push_back(lane_of(model));
    EXPECT_EQ(place_of(*lanes.back()), 1);
  }
  EXPECT_EQ(place_of(*there), 1);
  const std::vector<float> bias{10, 20, 30};
  const NamedWeights weights{"bias", DType::kFloat32, std::as_bytes(std::span(bias))};
  EXPECT_OK(model->refit({&weights, 1}));
  ASSERT_OK(contract::run(*there, {images.view()}, {0}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0])[0], 12.25f);
  EXPECT_TRUE(model->layers().ok());

  standin_lose(1, cuda::result::kLaunchFailed);
  expect_error(contract::run(*there, {images.view()}, {0}, result), error_code::kDeviceLost);
  auto none = model->create_context();
  ASSERT_FALSE(none.ok());
  expect_error(none.status(), error_code::kDeviceLost);
  expect_error(model->refit({&weights, 1}), error_code::kDeviceLost);
}

TEST_P(TensorRtDevices, ALossThatShowsWhenALaneIsMadeLeadsToTheOther) {
  const auto model = on_both(engine_of("dynamic"));
  standin_lose(0, cuda::result::kLaunchFailed);  // nobody was told
  const auto lane = lane_of(model);
  ASSERT_NE(lane, nullptr);
  EXPECT_EQ(place_of(*lane), 1);
}

TEST_P(TensorRtDevices, WhatAnAbortedRunHasOnTheGpuOutlivesAWaitThatFails) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic")));
  standin_pause(0, true);
  abort_a_run(*lane);
  const auto held = device_->statistics().pinned.live_bytes;
  EXPECT_GT(held, 0u);
  configure("fail=cuEventQuery:1:999,fail=cuStreamQuery:1:999");
  HostTensor images = ones(2);
  RunResult result;
  CancelToken token;
  expect_error(contract::run(*lane, {images.view()}, {0}, result, &token), error_code::kCudaFailed);
  EXPECT_EQ(device_->statistics().pinned.live_bytes, held);
  configure("clear");
  standin_pause(0, false);
  ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result, &token));
  EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(2));
}

TEST_P(TensorRtDevices, ABuilderKeepsItsDeviceFromBeingRecovered) {
  const Bytes model = contract::read_bytes(fixture("fixed.onnx"));
  EngineSpec spec;
  spec.model = model;
  spec.network_name = "test";
  bool seen = false;
  BuildListener listener;
  listener.log = [&](abi::Severity, std::string_view line) {
    if (line != "Building an engine.") return;
    seen = true;
    standin_lose(0, cuda::result::kLaunchFailed);
    EXPECT_EQ(cuda::code_of(device_->examine()), "DEVICE_LOST");
    expect_error(device_->recover(), error_code::kDeviceLost, {"while something lives on it"});
  };
  auto built = build_engine(standin_->library(), spec, listener, nullptr);
  EXPECT_TRUE(seen);
  {
    const auto use = cuda::DeviceUse::begin(CudaTest::open(0));  // recovered now
    ASSERT_TRUE(use.ok());
    standin_lose(0, cuda::result::kLaunchFailed);
    EXPECT_EQ(cuda::code_of(device_->examine()), "DEVICE_LOST");
    auto refused = build_engine(standin_->library(), spec, {}, nullptr);
    ASSERT_FALSE(refused.ok());
    expect_error(refused.status(), error_code::kDeviceLost);
  }
  EXPECT_TRUE(build_engine(standin_->library(), spec, {}, nullptr).ok());
}

TEST_P(TensorRtDevices, AnEngineGetsTheMemoryThatThePoolsKeep) {
  const Bytes engine = engine_of("dynamic");
  const cuda::DeviceUse use = made(cuda::DeviceUse::begin(device_));
  std::vector<BlockPtr> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(made(device_->device_pool().allocate(cuda::kMiB)));
  blocks.clear();
  ASSERT_EQ(device_->statistics().device.pooled_bytes, 8 * cuda::kMiB);
  configure("memory-limit=" + std::to_string(8 * cuda::kMiB));
  const auto lane = lane_of(TensorRtRun::open(engine));
  ASSERT_NE(lane, nullptr);
  EXPECT_EQ(place_of(*lane), 0);
}

std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtDevices, testing::ValuesIn(kLayouts), name_of);

// ---- a GPU that hangs, for which a lane waits some seconds

class TensorRtHang : public TensorRtDevices {};

TEST_P(TensorRtHang, KeepsNoLaneWaiting) {
  const Bytes engine = engine_of("dynamic");
  auto model = TensorRtRun::open(engine);
  auto lane = lane_of(model);
  auto idle = lane_of(model);
  EXPECT_EQ(place_of(*idle), 0);
  standin_pause(0, true);
  abort_a_run(*lane);
  idle.reset();  // freeing what it has would wait for the other
  lane.reset();
  model.reset();
  EXPECT_TRUE(has_abandoned());
  EXPECT_EQ(standin_->count("engines"), 1);
  EXPECT_EQ(standin_->count("contexts"), 2);
  EXPECT_EQ(standin_count("busy-streams"), 1);
  EXPECT_GT(device_->statistics().pinned.live_bytes, 0u);

  // When the GPU comes to its end after all, all of it is freed by whoever opens a model.
  standin_pause(0, false);
  for (int i = 0; i < 10'000 && has_abandoned(); ++i) {
    std::this_thread::sleep_for(milliseconds(1));
    model = TensorRtRun::open(engine);
  }
  EXPECT_EQ(standin_->count("engines"), 1);
  EXPECT_EQ(standin_->count("contexts"), 0);
  EXPECT_EQ(device_->statistics().pinned.live_bytes, 0u);
}

TEST_P(TensorRtHang, IsFreedWhenItsDeviceIsLost) {
  const Bytes engine = engine_of("dynamic");
  auto lane = lane_of(TensorRtRun::open(engine));
  standin_pause(0, true);
  abort_a_run(*lane);
  lane.reset();
  EXPECT_EQ(standin_->count("contexts"), 1);
  standin_lose(0, cuda::result::kLaunchFailed);
  standin_pause(0, false);  // as waits for a lost device end
  for (int i = 0; i < 10'000 && has_abandoned(); ++i) {
    std::this_thread::sleep_for(milliseconds(1));
    free_abandoned();
  }
  lane = lane_of(TensorRtRun::open(engine));  // recovers it
  ASSERT_NE(lane, nullptr);
  EXPECT_EQ(place_of(*lane), 0);
}

INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtHang, testing::Values("trt10"), name_of);

}  // namespace
}  // namespace foveate::tensorrt
