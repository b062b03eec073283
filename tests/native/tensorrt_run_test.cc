// Running engines: profiles, graphs, outputs of free size, tensors that stay on the device, weights that change.
#include <atomic>
#include <thread>

#include "native/tensorrt_run_fixture.h"

namespace foveate::tensorrt {
namespace {

TEST_P(TensorRtRun, PicksTheProfileOfEachRequest) {
  const auto model = TensorRtRun::open(engine_of("dynamic", {batches(1, 2, 4), batches(8, 8, 16)}));
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->info().profiles.size(), 2u);
  EXPECT_EQ(model->info().profiles[1].max.at(0), (Dims{16, 1, 4}));
  const auto lane = lane_of(model);
  RunResult result;
  for (const std::int64_t batch : {2, 12, 4, 8}) {
    HostTensor images = ones(batch);
    ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(batch));
  }
  EXPECT_EQ(standin_->count("contexts"), 2);  // one for each profile
  HostTensor between = ones(6);
  expect_error(contract::run(*lane, {between.view()}, {0}, result), error_code::kTensorShape,
               {"\"images\"", "1 to 4, or 8 to 16", "dimension 0", "received 6"});
  HostTensor two = ones(2);
  const std::vector<TensorView> inputs{two.view()};
  const std::vector<RunRequest::Output> outputs{{0, std::nullopt}};
  expect_error(lane->run({inputs, outputs, nullptr, 1}, result), error_code::kTensorShape, {"8 to 16", "received 2"});
  expect_error(lane->run({inputs, outputs, nullptr, 2}, result), error_code::kInvalidArgument, {"below 2"});
  ASSERT_OK(lane->run({inputs, outputs, nullptr, 0}, result));
}

TEST_P(TensorRtRun, TensorsStayOnTheDeviceFromModelToModel) {
  const auto model = TensorRtRun::open(engine_of("fixed"));
  ASSERT_NE(model, nullptr);
  const auto first = lane_of(model);
  const auto second = lane_of(model);
  HostTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::vector<TensorView> from_host{a.view(), a.view()};
  const std::vector<RunRequest::Output> on_device{{.index = 0, .bound = std::nullopt, .on_device = true}};
  const auto copies = [this](cuda::CopyKind kind) {
    return device_->statistics().copies[static_cast<std::size_t>(kind)].copies;
  };
  RunResult sum;
  ASSERT_OK(first->run({from_host, on_device, nullptr, std::nullopt}, sum));
  EXPECT_EQ(sum.outputs[0].block->place().kind, MemoryKind::kDevice);
  EXPECT_EQ(sum.copied_bytes, 2u * 24 * 2);  // into pinned memory, and from there
  EXPECT_GT(sum.compute.count(), 0);

  const auto up = copies(cuda::CopyKind::kToDevice), down = copies(cuda::CopyKind::kToHost),
             within = copies(cuda::CopyKind::kOnDevice);
  const std::vector<TensorView> from_device{sum.outputs[0].view(), sum.outputs[0].view()};
  RunResult again;
  ASSERT_OK(second->run({from_device, on_device, nullptr, std::nullopt}, again));
  EXPECT_EQ(again.copied_bytes, 0u);
  EXPECT_EQ(copies(cuda::CopyKind::kToDevice), up);
  EXPECT_EQ(copies(cuda::CopyKind::kToHost), down);
  EXPECT_EQ(copies(cuda::CopyKind::kOnDevice), within);

  // Into the memory of the caller, on the device, then to the host.
  const std::vector<RunRequest::Output> bound{{0, sum.outputs[0].view()}, {1, std::nullopt}};
  const std::vector<TensorView> both{again.outputs[0].view(), again.outputs[0].view()};
  RunResult last;
  ASSERT_OK(first->run({both, bound, nullptr, std::nullopt}, last));
  EXPECT_EQ(last.outputs[0].block, nullptr);
  EXPECT_EQ(last.copied_bytes, 24u);
  EXPECT_EQ(values_of<float>(last.outputs[1]), std::vector<float>(6, 0.0f));
  const std::vector<TensorView> eightfold{sum.outputs[0].view(), sum.outputs[0].view()};
  ASSERT_OK(contract::run(*second, eightfold, {0}, last));
  EXPECT_EQ(values_of<float>(last.outputs[0]), (std::vector<float>{16, 32, 48, 64, 80, 96}));
}

TEST_P(TensorRtRun, PinnedMemoryIsCopiedOnce) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("fixed")));
  auto block = made(device_->pinned_pool().allocate(24));
  std::fill_n(reinterpret_cast<float*>(block->data()), 6, 2.0f);
  const TensorView pinned{DType::kFloat32, {2, 3}, block->data(), 24, block->place()};
  auto place = made(device_->pinned_pool().allocate(24));
  const std::vector<TensorView> inputs{pinned, pinned};
  const std::vector<RunRequest::Output> outputs{
      {0, TensorView{DType::kFloat32, {2, 3}, place->data(), 24, place->place()}}};
  RunResult result;
  ASSERT_OK(lane->run({inputs, outputs, nullptr, std::nullopt}, result));
  EXPECT_EQ(result.copied_bytes, 3u * 24);
  EXPECT_EQ(reinterpret_cast<float*>(place->data())[5], 4.0f);
}

TEST_P(TensorRtRun, LanesAreSpreadOverDevices) {
  ModelOptions options;
  options.devices = {0, 1};
  const auto model = TensorRtRun::open(engine_of("fixed"), options);
  const auto here = lane_of(model);
  const auto there = lane_of(model);
  HostTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::vector<TensorView> from_host{a.view(), a.view()};
  const std::vector<RunRequest::Output> on_device{{.index = 0, .bound = std::nullopt, .on_device = true}};
  RunResult first, second;
  ASSERT_OK(here->run({from_host, on_device, nullptr, std::nullopt}, first));
  ASSERT_OK(there->run({from_host, on_device, nullptr, std::nullopt}, second));
  EXPECT_EQ(first.outputs[0].block->place().device, 0);
  EXPECT_EQ(second.outputs[0].block->place().device, 1);
}

TEST_P(TensorRtRun, OutputsOfFreeSizeGoWhereTheyAreAskedFor) {
  const auto model = TensorRtRun::open(engine_of("nonzero"));
  ASSERT_NE(model, nullptr);
  const auto lane = lane_of(model);
  const DType dtype = model->info().outputs[0].dtype;
  HostTensor x = floats({2, 2}, {0, 5, 0, 6});
  const std::vector<TensorView> inputs{x.view()};
  RunResult result;
  HostTensor place{dtype, {2, 2}, std::vector<std::byte>(4 * dtype_bytes(dtype))};
  const std::vector<RunRequest::Output> bound{{0, place.view()}};
  ASSERT_OK(lane->run({inputs, bound, nullptr, std::nullopt}, result));
  EXPECT_EQ(result.outputs[0].dims, (Dims{2, 2}));
  EXPECT_EQ(place.bytes[dtype_bytes(dtype)], std::byte{1});
  place.dims = {2, 1};
  place.bytes.resize(2 * dtype_bytes(dtype));
  const std::vector<RunRequest::Output> wrong{{0, place.view()}};
  expect_error(lane->run({inputs, wrong, nullptr, std::nullopt}, result), error_code::kTensorShape,
               {"[2, 2]", "[2, 1]"});
  const std::vector<RunRequest::Output> on_device{{.index = 0, .bound = std::nullopt, .on_device = true}};
  RunResult kept;
  ASSERT_OK(lane->run({inputs, on_device, nullptr, std::nullopt}, kept));
  EXPECT_EQ(kept.outputs[0].dims, (Dims{2, 2}));
  HostTensor none = floats({2, 2}, {0, 0, 0, 0});
  ASSERT_OK(contract::run(*lane, {none.view()}, {0}, result));  // not into memory that was handed out
  EXPECT_EQ(result.outputs[0].dims, (Dims{2, 0}));
  const auto* const view = static_cast<const std::byte*>(standin_device_view(kept.outputs[0].data()));
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view[dtype_bytes(dtype)], std::byte{1});
}

// ---- graphs

class TensorRtGraphs : public TensorRtRun {
 protected:
  TensorRtGraphs() { options_.graphs = true; }
  static std::int64_t launches() { return standin_count("calls:cuGraphLaunch"); }

  ModelOptions options_;
};

TEST_P(TensorRtGraphs, ReplayARunOfEachShape) {
  if (GetParam() == std::string("trt8")) GTEST_SKIP() << "Shapes share the execution of their profile";
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic"), options_));
  ASSERT_NE(lane, nullptr);
  const auto before = launches();
  const auto enqueued = standin_->count("enqueues");
  RunResult result;
  for (int round = 0; round < 5; ++round) {
    for (const std::int64_t batch : {1, 3}) {
      HostTensor images = ones(batch);
      images.bytes[3] = std::byte(0x3f + round % 2);  // 1 or 4: what is replayed reads what is given now
      const auto first = values_of<float>(images.bytes)[0];
      ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
      EXPECT_FLOAT_EQ(values_of<float>(result.outputs[0])[1], 4.75f + (first - 1) * 0.125f);
    }
  }
  EXPECT_EQ(launches() - before, 8);                     // all but the first of each shape
  EXPECT_EQ(standin_->count("enqueues") - enqueued, 4);  // once plainly, once captured
}

TEST_P(TensorRtGraphs, GoOnWithoutWhereCapturingFails) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic"), options_));
  configure("fail-from=cuGraphInstantiateWithFlags:1:801");
  const auto before = launches();
  RunResult result;
  for (int i = 0; i < 4; ++i) {
    HostTensor images = ones(2);
    ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(2));
  }
  EXPECT_EQ(launches(), before);
}

TEST_P(TensorRtGraphs, AreTriedAgainAfterMemoryWasShort) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic"), options_));
  configure("fail=cuGraphInstantiateWithFlags:1:2");
  const auto before = launches();
  const auto tried = standin_count("calls:cuStreamBeginCapture_v2");
  RunResult result;
  for (int i = 0; i < 40; ++i) {
    HostTensor images = ones(2);
    ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(2));
  }
  EXPECT_GT(launches(), before);
  EXPECT_EQ(standin_count("calls:cuStreamBeginCapture_v2") - tried, 2);
}

TEST_P(TensorRtGraphs, AreNotMadeOfOutputsOfFreeSize) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("nonzero"), options_));
  const auto before = launches();
  RunResult result;
  for (int i = 0; i < 4; ++i) {
    HostTensor x = floats({2, 2}, {0, 5, 0, 6});
    ASSERT_OK(contract::run(*lane, {x.view()}, {0}, result));
  }
  EXPECT_EQ(launches(), before);
}

// ---- weights, layers

TEST_P(TensorRtRun, TakesNewWeightsBetweenRuns) {
  const std::vector<float> bias{10, 20, 30};
  const NamedWeights weights{"bias", DType::kFloat32, std::as_bytes(std::span(bias))};
  ModelOptions options;
  options.graphs = true;
  const auto model = TensorRtRun::open(engine_of("dynamic", {}, true), options);
  ASSERT_NE(model, nullptr);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, runs{0};
  std::thread other([&] {
    const auto lane = lane_of(model);
    while (!stop) {
      HostTensor images = ones(1);
      RunResult result;
      const Status status = contract::run(*lane, {images.view()}, {0}, result);
      const float first = status.ok() ? values_of<float>(result.outputs[0])[0] : 0;
      if (first != 3.25f && first != 12.25f) ++wrong;
      ++runs;
    }
  });
  const auto lane = lane_of(model);
  HostTensor images = ones(1);
  RunResult result;
  for (int i = 0; i < 3; ++i) ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
  while (runs < 3) std::this_thread::yield();
  EXPECT_OK(model->refit({&weights, 1}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_OK(contract::run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), (std::vector<float>{12.25f, 22.75f, 33.25f}));
  }
  const int seen = runs;
  while (runs < seen + 2) std::this_thread::yield();
  stop = true;
  other.join();
  EXPECT_EQ(wrong, 0);

  NamedWeights unknown = weights;
  unknown.name = "nobody";
  expect_error(model->refit({&unknown, 1}), error_code::kInvalidArgument, {"\"nobody\""});
  expect_error(TensorRtRun::open(engine_of("dynamic"))->refit({&weights, 1}), error_code::kInvalidArgument);
}

TEST_P(TensorRtRun, TellsLayersAndTheirTimes) {
  const auto model = TensorRtRun::open(engine_of("dynamic"));
  auto layers = model->layers();
  ASSERT_TRUE(layers.ok()) << layers.status().error().message;
  EXPECT_NE(layers.value().find("MatMul"), std::string::npos);
  const auto lane = lane_of(model);
  HostTensor images = ones(1);
  const std::vector<TensorView> inputs{images.view()};
  const std::vector<RunRequest::Output> outputs{{0, std::nullopt}};
  RunRequest request{inputs, outputs, nullptr, std::nullopt};
  request.layer_times = true;
  RunResult result;
  ASSERT_OK(lane->run(request, result));
  ASSERT_EQ(result.layers.size(), 2u);
  EXPECT_EQ(result.layers[0].layer, "MatMul");
  EXPECT_EQ(result.layers[1].time, std::chrono::microseconds(250));
  request.layer_times = false;
  ASSERT_OK(lane->run(request, result));
  EXPECT_TRUE(result.layers.empty());
}

std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtRun, testing::ValuesIn(kLayouts), name_of);
INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtGraphs, testing::ValuesIn(kLayouts), name_of);

}  // namespace
}  // namespace foveate::tensorrt
