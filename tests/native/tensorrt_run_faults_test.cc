// Running engines where something fails: engines of others, aborts, memory that runs out, devices that are lost.
#include <chrono>
#include <thread>

#include "native/tensorrt_run_fixture.h"
#include "runtime/tensorrt/execution.h"

namespace foveate::tensorrt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class TensorRtFaults : public TensorRtRun {};

TEST_P(TensorRtFaults, EnginesOfOthersAreRefusedByName) {
  const Bytes engine = engine_of("fixed");
  standin_->configure("version=1234");
  Status status = refusal(engine);
  expect_error(status, error_code::kEngineInvalid, {"Version tag does not match", "1234"});
  EXPECT_NE(status.error().hint.find("another release"), std::string::npos);
  standin_->configure("clear,capability=75");
  status = refusal(engine);
  expect_error(status, error_code::kEngineInvalid, {"compute 75"});
  EXPECT_NE(status.error().hint.find("another GPU"), std::string::npos);
  standin_->configure("clear");
  expect_error(refusal(contract::read_bytes(fixture("fixed.onnx"))), error_code::kEngineInvalid, {"magicTag"});
  expect_error(refusal({}), error_code::kModelInvalid);
  for (std::size_t size = 1; size < engine.size(); size += 7)
    expect_error(refusal(Bytes(engine.begin(), engine.begin() + static_cast<long>(size))), error_code::kEngineInvalid);
}

TEST_P(TensorRtFaults, FilesThatAreNoEngine) {
  const contract::TemporaryFolder folder;
  const auto runtime = standin_->runtime();
  const auto refused = [&](const std::string& name, std::string_view code) {
    auto opened = runtime->open(folder.path() / name, {});
    ASSERT_FALSE(opened.ok());
    expect_error(opened.status(), code, {name});
    EXPECT_FALSE(opened.status().error().hint.empty());
  };
  refused("missing.engine", error_code::kModelNotFound);
  refused("", error_code::kModelInvalid);
  contract::write_file(folder.path() / "empty.engine", "");
  refused("empty.engine", error_code::kModelInvalid);
  contract::write_file(folder.path() / "text.engine", "no engine");
  refused("text.engine", error_code::kEngineInvalid);
  const Bytes engine = engine_of("fixed");
  contract::write_file(folder.path() / "right.engine", engine);
  EXPECT_TRUE(runtime->open(folder.path() / "right.engine", {}).ok());
  ModelOptions options;
  options.devices = {7};
  auto opened = runtime->open(folder.path() / "right.engine", options);
  ASSERT_FALSE(opened.ok());
  expect_error(opened.status(), error_code::kInvalidArgument, {"7"});
}

TEST_P(TensorRtFaults, AnAbortDoesNotWaitForTheGpu) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic")));
  HostTensor images = ones(1);
  RunResult result;
  ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
  standin_->configure("latency-us=1500000");
  CancelToken token;
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(20));
    token.cancel();
  });
  const auto start = steady_clock::now();
  expect_error(contract::run(*lane, {images.view()}, {0}, result, &token), error_code::kAborted);
  EXPECT_LT(steady_clock::now() - start, milliseconds(1200));
  canceller.join();
  EXPECT_TRUE(result.outputs.empty());
  images = {};  // the GPU has what it needs
  standin_->configure("clear");
  images = ones(2);
  CancelToken fresh;
  ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result, &fresh));
  EXPECT_GE(steady_clock::now() - start, milliseconds(1500));  // after what was left behind
  EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(2));
}

TEST_P(TensorRtFaults, AnAbortWaitsWhereTheGpuHasMemoryOfTheCaller) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("fixed")));
  auto block = made(device_->device_pool().allocate(24));
  HostTensor a = floats({2, 3}, std::vector<float>(6, 1.0f));
  const std::vector<TensorView> inputs{a.view(), a.view()};
  const std::vector<RunRequest::Output> outputs{
      {0, TensorView{DType::kFloat32, {2, 3}, block->data(), 24, block->place()}}};
  standin_->configure("latency-us=200000");
  CancelToken token;
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(20));
    token.cancel();
  });
  RunResult result;
  const auto start = steady_clock::now();
  expect_error(lane->run({inputs, outputs, &token, std::nullopt}, result), error_code::kAborted);
  EXPECT_GE(steady_clock::now() - start, milliseconds(190));
  canceller.join();
}

TEST_P(TensorRtFaults, ALaneMayGoWhileItsAbortedRunGoesOn) {
  const auto model = TensorRtRun::open(engine_of("dynamic", {}, true));
  {
    const auto lane = lane_of(model);
    HostTensor images = ones(1);
    standin_->configure("latency-us=200000");
    CancelToken token;
    std::thread canceller([&] {
      std::this_thread::sleep_for(milliseconds(20));
      token.cancel();
    });
    RunResult result;
    expect_error(contract::run(*lane, {images.view()}, {0}, result, &token), error_code::kAborted);
    canceller.join();
    const std::vector<float> bias{10, 20, 30};
    const NamedWeights weights{"bias", DType::kFloat32, std::as_bytes(std::span(bias))};
    EXPECT_OK(model->refit({&weights, 1}));  // waits for it
  }
}

TEST_P(TensorRtFaults, MemoryThatRunsOutOnceIsTriedAgain) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic")));
  HostTensor images = ones(1);
  RunResult result;
  for (const char* fault : {"oom-context=1", "oom-enqueue=1"}) {
    standin_->configure(fault);
    ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(1));
  }
}

TEST_P(TensorRtFaults, MemoryThatRunsOutIsToldAndComesBack) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic")));
  HostTensor images = ones(2000);
  RunResult result;
  configure("memory-limit=20000");
  expect_error(contract::run(*lane, {images.view()}, {0}, result), error_code::kCudaOutOfMemory);
  EXPECT_TRUE(result.outputs.empty());
  configure("clear");
  ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
  EXPECT_EQ(result.outputs[0].dims, (Dims{2000, 1, 3}));
  const Bytes engine = engine_of("dynamic");
  configure("memory-limit=0");
  expect_error(refusal(engine), error_code::kCudaOutOfMemory);
}

TEST_P(TensorRtFaults, AnOutputThatGetsNoMemoryIsToldThoughTheLibraryDoesNot) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("nonzero")));
  HostTensor zeros = floats({64, 64}, std::vector<float>(4096, 0.0f));
  HostTensor ones = floats({64, 64}, std::vector<float>(4096, 1.0f));
  RunResult result;
  ASSERT_OK(contract::run(*lane, {zeros.view()}, {0}, result));
  configure("fail-from=cuMemAlloc_v2:1:2");
  standin_->configure("deaf-enqueue=1");
  expect_error(contract::run(*lane, {ones.view()}, {0}, result), error_code::kCudaOutOfMemory);
  configure("clear");
  ASSERT_OK(contract::run(*lane, {ones.view()}, {0}, result));
  EXPECT_EQ(result.outputs[0].dims, (Dims{2, 4096}));
}

TEST_P(TensorRtFaults, AnOutputOfFreeSizeKeepsAllThatItGotUntilTheRunIsOver) {
  const cuda::DeviceUse use = made(cuda::DeviceUse::begin(device_));
  FreeOutput output(*device_, standin_->library().version.releases);
  const void* const first = output.provide(4096);
  const void* const second = output.provide(2 * 4096);
  ASSERT_NE(first, nullptr);
  EXPECT_NE(first, second);
  EXPECT_EQ(output.provide(4096), second);  // large enough
  EXPECT_EQ(output.block()->data(), second);
  EXPECT_EQ(device_->statistics().device.live_bytes, 3u * 4096);
  output.forget();
  EXPECT_EQ(device_->statistics().device.live_bytes, 0u);
}

TEST_P(TensorRtFaults, ALostDeviceIsToldOnceAndForAll) {
  const Bytes engine = engine_of("dynamic");
  {
    const auto model = TensorRtRun::open(engine);
    const auto lane = lane_of(model);
    HostTensor images = ones(1);
    RunResult result;
    ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
    standin_->configure("lose-enqueue=1");
    expect_error(contract::run(*lane, {images.view()}, {0}, result), error_code::kDeviceLost);
    expect_error(contract::run(*lane, {images.view()}, {0}, result), error_code::kDeviceLost);
    auto another = model->create_context();
    ASSERT_FALSE(another.ok());
    expect_error(another.status(), error_code::kDeviceLost);
  }
  EXPECT_OK(device_->recover());
  const auto lane = lane_of(TensorRtRun::open(engine));
  ASSERT_NE(lane, nullptr);
  HostTensor images = ones(1);
  RunResult result;
  ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(1));
}

// What lives is counted when the test is torn down: nothing may.
TEST_P(TensorRtFaults, ManyCyclesWithFaultsKeepNothing) {
#if defined(__SANITIZE_THREAD__)
  constexpr int kCycles = 200;
#else
  constexpr int kCycles = 1000;
#endif
  const Bytes engine = engine_of("dynamic");
  int failed = 0;
  for (int i = 0; i < kCycles; ++i) {
    const char* const faults[] = {"fail-enqueue=1", "oom-enqueue=1", "oom-context=1", "fail-enqueue=2",
                                  "lose-enqueue=1"};
    const int fault = i % 20 < 5 ? i % 20 : -1;
    ModelOptions options;
    options.graphs = i % 2 == 0;
    {
      const auto lane = lane_of(TensorRtRun::open(engine, options));
      ASSERT_NE(lane, nullptr);
      if (fault >= 0) standin_->configure(faults[fault]);
      HostTensor images = ones(1 + i % 3);
      RunResult result;
      for (int run = 0; run < 2; ++run) {
        const Status status = contract::run(*lane, {images.view()}, {0}, result);
        if (status.ok()) continue;
        ++failed;
        const std::string_view code = status.error().code;
        EXPECT_TRUE(code == error_code::kEngineFailed || code == error_code::kDeviceLost) << status.error().message;
      }
    }
    standin_->configure("clear");
    if (device_->lost()) ASSERT_OK(device_->recover());
  }
  // A fault of an enqueue fails one run, but for one in a capture, which is then enqueued plainly; a lost device both.
  EXPECT_GE(failed, kCycles / 20 * 3);
}

std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtFaults, testing::ValuesIn(kLayouts), name_of);

}  // namespace
}  // namespace foveate::tensorrt
