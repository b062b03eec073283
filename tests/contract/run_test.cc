#include <algorithm>
#include <numeric>

#include "contract/contract.h"

namespace foveate::contract {
namespace {

TEST_P(RuntimeContract, RunsFixedShapes) {
  const auto lane = context(model("fixed"));
  ASSERT_NE(lane, nullptr);
  HostTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  HostTensor b = floats({2, 3}, {6, 5, 4, 3, 2, 1});
  RunResult result;
  ASSERT_OK(run(*lane, {a.view(), b.view()}, {0, 1}, result));
  ASSERT_EQ(result.outputs.size(), 2u);
  EXPECT_EQ(result.outputs[0].dims, (Dims{2, 3}));
  EXPECT_EQ(result.outputs[0].dtype, DType::kFloat32);
  EXPECT_EQ(values_of<float>(result.outputs[0]), std::vector<float>(6, 7.0f));
  EXPECT_EQ(values_of<float>(result.outputs[1]), (std::vector<float>{-5, -3, -1, 1, 3, 5}));
  EXPECT_GT(result.compute.count(), 0);
}

TEST_P(RuntimeContract, GivesTheOutputsThatAreAskedForInThatOrder) {
  const auto lane = context(model("fixed"));
  ASSERT_NE(lane, nullptr);
  HostTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  HostTensor b = floats({2, 3}, {1, 1, 1, 1, 1, 1});
  RunResult result;
  ASSERT_OK(run(*lane, {a.view(), b.view()}, {1}, result));
  ASSERT_EQ(result.outputs.size(), 1u);
  EXPECT_EQ(values_of<float>(result.outputs[0])[0], 0.0f);
  ASSERT_OK(run(*lane, {a.view(), b.view()}, {1, 0}, result));
  ASSERT_EQ(result.outputs.size(), 2u);
  EXPECT_EQ(values_of<float>(result.outputs[1])[0], 2.0f);
}

TEST_P(RuntimeContract, RunsTheSameContextWithOneShapeAfterAnother) {
  const auto lane = context(model("dynamic"));
  ASSERT_NE(lane, nullptr);
  for (const std::int64_t batch : {1, 7, 2, 64}) {
    HostTensor images = floats({batch, 2, 4}, std::vector<float>(static_cast<std::size_t>(batch) * 8, 1.0f));
    RunResult result;
    ASSERT_OK(run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(result.outputs[0].dims, (Dims{batch, 2, 3}));
    // Columns of the weights, summed, plus the bias.
    const auto scores = values_of<float>(result.outputs[0]);
    EXPECT_FLOAT_EQ(scores[0], 18.0f / 8 + 1);
    EXPECT_FLOAT_EQ(scores[scores.size() - 1], 26.0f / 8 + 3);
  }
}

TEST_P(RuntimeContract, WritesIntoBoundOutputsWithoutACopy) {
  const auto lane = context(model("dynamic"));
  ASSERT_NE(lane, nullptr);
  HostTensor images = floats({2, 1, 4}, {1, 0, 0, 0, 0, 0, 0, 1});
  HostTensor scores = floats({2, 1, 3}, std::vector<float>(6, -1.0f));
  const std::vector<TensorView> inputs{images.view()};
  const std::vector<RunRequest::Output> outputs{{0, scores.view()}};
  RunResult result;
  for (int i = 0; i < 3; ++i) {
    std::ranges::fill(scores.bytes, std::byte{0xff});
    ASSERT_OK(lane->run({inputs, outputs, nullptr, std::nullopt}, result));
    EXPECT_EQ(result.outputs[0].block, nullptr);
    EXPECT_EQ(result.outputs[0].dims, scores.dims);
    EXPECT_EQ(result.copied_bytes > 0, GetParam().on_device);
    EXPECT_EQ(values_of<float>(scores.bytes), (std::vector<float>{1, 2.125f, 3.25f, 2.125f, 3.25f, 4.375f}));
  }
}

TEST_P(RuntimeContract, MixesBoundOutputsWithItsOwn) {
  const auto lane = context(model("fixed"));
  ASSERT_NE(lane, nullptr);
  HostTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  HostTensor b = floats({2, 3}, {6, 5, 4, 3, 2, 1});
  HostTensor difference = floats({2, 3}, std::vector<float>(6));
  const std::vector<TensorView> inputs{a.view(), b.view()};
  const std::vector<RunRequest::Output> outputs{{0, std::nullopt}, {1, difference.view()}};
  RunResult result;
  ASSERT_OK(lane->run({inputs, outputs, nullptr, std::nullopt}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0]), std::vector<float>(6, 7.0f));
  EXPECT_EQ(values_of<float>(difference.bytes)[5], 5.0f);
}

TEST_P(RuntimeContract, RefusesABoundOutputOfAnotherShape) {
  const auto lane = context(model("dynamic"));
  ASSERT_NE(lane, nullptr);
  HostTensor images = floats({2, 1, 4}, std::vector<float>(8));
  const std::vector<TensorView> inputs{images.view()};
  RunResult result;
  for (const std::int64_t batch : {1, 3}) {
    HostTensor scores = floats({batch, 1, 3}, std::vector<float>(static_cast<std::size_t>(batch) * 3));
    const std::vector<RunRequest::Output> outputs{{0, scores.view()}};
    expect_error(lane->run({inputs, outputs, nullptr, std::nullopt}, result), error_code::kTensorShape);
  }
  ASSERT_OK(run(*lane, inputs, {0}, result));
}

TEST_P(RuntimeContract, TellsShapesThatOnlyTheRunKnows) {
  const auto lane = context(model("nonzero"));
  ASSERT_NE(lane, nullptr);
  RunResult result;
  HostTensor some = floats({2, 2}, {0, 5, 0, 6});
  ASSERT_OK(run(*lane, {some.view()}, {0}, result));
  EXPECT_EQ(result.outputs[0].dtype, GetParam().index_dtype);
  EXPECT_EQ(result.outputs[0].dims, (Dims{2, 2}));
  EXPECT_EQ(index_values(result.outputs[0]), (std::vector<std::int64_t>{0, 1, 1, 1}));
  HostTensor none = floats({2, 2}, {0, 0, 0, 0});
  ASSERT_OK(run(*lane, {none.view()}, {0}, result));
  EXPECT_EQ(result.outputs[0].dims, (Dims{2, 0}));
  EXPECT_EQ(result.outputs[0].bytes, 0u);
}

TEST_P(RuntimeContract, CarriesEveryElementType) {
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    const auto dtype = static_cast<DType>(i);
    const auto& taken = GetParam().dtypes;
    if (!taken.empty() && std::ranges::find(taken, dtype) == taken.end()) continue;
    SCOPED_TRACE(kDTypes[i].name);
    const auto opened = model("identity_" + std::string(kDTypes[i].name));
    ASSERT_NE(opened, nullptr);
    EXPECT_EQ(opened->info().inputs.at(0).dtype, dtype);
    const auto lane = context(opened);
    HostTensor x{dtype, {2, 3}, std::vector<std::byte>(6 * dtype_bytes(dtype))};
    for (std::size_t at = 0; at < x.bytes.size(); ++at)
      x.bytes[at] = std::byte(dtype == DType::kBool ? at % 2 : at + 1);
    RunResult result;
    ASSERT_OK(run(*lane, {x.view()}, {0}, result));
    EXPECT_EQ(result.outputs[0].dtype, dtype);
    EXPECT_EQ(values_of<std::byte>(result.outputs[0]), x.bytes);
    HostTensor y{dtype, {2, 3}, std::vector<std::byte>(x.bytes.size())};
    const std::vector<TensorView> inputs{x.view()};
    const std::vector<RunRequest::Output> bound{{0, y.view()}};
    ASSERT_OK(lane->run({inputs, bound, nullptr, std::nullopt}, result));
    EXPECT_EQ(y.bytes, x.bytes);
  }
}

TEST_P(RuntimeContract, GivesScalarsAndTakesAnyRankWhereNoneIsDeclared) {
  RunResult result;
  HostTensor x = floats({4}, {1, 2, 3, 4});
  ASSERT_OK(run(*context(model("scalar")), {x.view()}, {0}, result));
  EXPECT_TRUE(result.outputs[0].dims.empty());
  EXPECT_EQ(values_of<float>(result.outputs[0]), std::vector<float>{10});
  if (!GetParam().takes_any_rank) return;
  HostTensor cube = floats({1, 2, 2}, {1, 2, 3, 4});
  const auto unranked = context(model("unranked"));
  ASSERT_OK(run(*unranked, {cube.view()}, {0}, result));
  EXPECT_EQ(result.outputs[0].dims, (Dims{1, 2, 2}));
  HostTensor point = floats({}, {3});
  ASSERT_OK(run(*unranked, {point.view()}, {0}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0]), std::vector<float>{-3});
}

TEST_P(RuntimeContract, RunsOnNoElements) {
  const auto lane = context(model("dynamic"));
  ASSERT_NE(lane, nullptr);
  TensorView none{DType::kFloat32, {0, 5, 4}, nullptr, 0, {}};
  RunResult result;
  ASSERT_OK(run(*lane, {none}, {0}, result));
  EXPECT_EQ(result.outputs[0].dims, (Dims{0, 5, 3}));
  EXPECT_EQ(result.outputs[0].bytes, 0u);
}

TEST_P(RuntimeContract, OutputsOutliveContextAndModel) {
  RunResult result;
  {
    auto opened = model("dynamic");
    auto lane = context(opened);
    ASSERT_NE(lane, nullptr);
    opened.reset();
    HostTensor images = floats({512, 1, 4}, std::vector<float>(2048, 1.0f));
    ASSERT_OK(run(*lane, {images.view()}, {0}, result));
  }
  const auto scores = values_of<float>(result.outputs[0]);
  EXPECT_FLOAT_EQ(std::accumulate(scores.begin(), scores.end(), 0.0f), 512 * (66.0f / 8 + 6));
}

TEST_P(RuntimeContract, OutputsOfOneRunAreNotTouchedByTheNext) {
  const auto lane = context(model("dynamic"));
  ASSERT_NE(lane, nullptr);
  HostTensor ones = floats({1, 1, 4}, {1, 1, 1, 1});
  HostTensor zeros = floats({1, 1, 4}, {0, 0, 0, 0});
  RunResult first;
  RunResult second;
  ASSERT_OK(run(*lane, {zeros.view()}, {0}, first));
  ASSERT_OK(run(*lane, {ones.view()}, {0}, second));
  EXPECT_EQ(values_of<float>(first.outputs[0]), (std::vector<float>{1, 2, 3}));
}

TEST_P(RuntimeContract, RefusesInputsThatDoNotFit) {
  const auto lane = context(model("dynamic"));
  ASSERT_NE(lane, nullptr);
  HostTensor right = floats({1, 1, 4}, {0, 0, 0, 0});
  RunResult result;
  const auto refuse = [&](TensorView view, std::string_view code, const std::vector<std::string>& texts) {
    expect_error(run(*lane, {view}, {0}, result), code, texts);
  };
  TensorView view = right.view();
  view.dtype = DType::kInt32;
  refuse(view, error_code::kTensorDtype, {"\"images\"", "expected float32 [?, ?, 4]", "received int32 [1, 1, 4]"});
  view = right.view();
  view.dims = {1, 4};
  refuse(view, error_code::kTensorShape, {"\"images\"", "received float32 [1, 4]"});
  view.dims = {1, 2, 2};
  refuse(view, error_code::kTensorShape, {"received float32 [1, 2, 2]"});
  view.dims = {2, 1, 4};
  refuse(view, error_code::kTensorShape, {"16 bytes", "expected 32"});
  view.dims = {-1, 1, 4};
  refuse(view, error_code::kTensorShape, {});
  view.dims = {std::int64_t{1} << 62, std::int64_t{1} << 62, 4};
  refuse(view, error_code::kTensorShape, {"memory can hold"});
  view = right.view();
  view.data = nullptr;
  refuse(view, error_code::kInvalidArgument, {"received none"});
  expect_error(run(*lane, {}, {0}, result), error_code::kInvalidArgument, {"Expected 1 inputs, received 0"});
  expect_error(run(*lane, {right.view(), right.view()}, {0}, result), error_code::kInvalidArgument);
  ASSERT_OK(run(*lane, {right.view()}, {0}, result));
}

TEST_P(RuntimeContract, RefusesOutputsThatDoNotFit) {
  const auto lane = context(model("fixed"));
  ASSERT_NE(lane, nullptr);
  HostTensor a = floats({2, 3}, std::vector<float>(6));
  const std::vector<TensorView> inputs{a.view(), a.view()};
  RunResult result;
  expect_error(run(*lane, inputs, {}, result), error_code::kInvalidArgument);
  expect_error(run(*lane, inputs, {2}, result), error_code::kInvalidArgument, {"below 2"});
  HostTensor wrong_dtype = make_tensor<std::int32_t>(DType::kInt32, {2, 3}, std::vector<std::int32_t>(6));
  const std::vector<RunRequest::Output> bound_wrong_dtype{{0, wrong_dtype.view()}};
  expect_error(lane->run({inputs, bound_wrong_dtype, nullptr, std::nullopt}, result), error_code::kTensorDtype,
               {"\"sum\""});
  HostTensor short_of_bytes = floats({2, 3}, std::vector<float>(5));
  const std::vector<RunRequest::Output> bound_short{{0, short_of_bytes.view()}};
  expect_error(lane->run({inputs, bound_short, nullptr, std::nullopt}, result), error_code::kTensorShape, {"20 bytes"});
  EXPECT_TRUE(result.outputs.empty());
  ASSERT_OK(run(*lane, inputs, {0}, result));
}

TEST_P(RuntimeContract, AFailedRunLeavesTheContextUsable) {
  const auto lane = context(model("gather"));
  ASSERT_NE(lane, nullptr);
  HostTensor x = floats({4}, {10, 20, 30, 40});
  const auto fail = GetParam().fail_next_run;
  HostTensor outside = indices({1}, {fail == nullptr ? 99 : 1});
  HostTensor inside = indices({2}, {3, 0});
  RunResult result;
  for (int i = 0; i < 3; ++i) {
    if (fail != nullptr) fail();
    expect_error(run(*lane, {x.view(), outside.view()}, {0}, result), error_code::kEngineFailed,
                 {fail == nullptr ? "99" : "injected"});
    EXPECT_TRUE(result.outputs.empty());
    ASSERT_OK(run(*lane, {x.view(), inside.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), (std::vector<float>{40, 10}));
  }
}

}  // namespace
}  // namespace foveate::contract
