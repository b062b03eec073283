// What an engine allows: profiles, the values that shapes are made of, layouts, shapes that nobody knows.
#include "native/tensorrt_run_fixture.h"
#include "runtime/tensorrt/dims.h"
#include "runtime/tensorrt/profile_choice.h"

namespace foveate::tensorrt {
namespace {

class TensorRtLimits : public TensorRtRun {};

TEST_P(TensorRtLimits, ShapesThatTheLibraryDoesNotKnowAreErrors) {
  const Bytes engine = engine_of("dynamic", {batches(1, 2, 4)});
  // It is asked for two tensors, then the limits of the input.
  for (const int question : {1, 2, 3, 4, 5}) {
    standin_->configure(("no-shape=" + std::to_string(question)).c_str());
    expect_error(refusal(engine), question <= 2 ? error_code::kModelUnsupported : error_code::kEngineFailed,
                 {question == 2 ? "\"scores\"" : "\"images\""});
  }
  const auto lane = lane_of(TensorRtRun::open(engine));
  HostTensor images = ones(1);
  RunResult result;
  standin_->configure("no-shape=1");
  expect_error(contract::run(*lane, {images.view()}, {0}, result), error_code::kEngineFailed, {"tells no shape"});
  ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(1));
}

TEST_P(TensorRtLimits, OfAFixedInputAProfileNeedNotTell) {
  standin_->configure("no-shape=5");  // after four tensors
  const auto model = TensorRtRun::open(engine_of("fixed"));
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().profiles[0].min[0], (Dims{2, 3}));
}

TEST_P(TensorRtLimits, EveryProfileMustHaveLinearTensors) {
  const Bytes engine = engine_of("dynamic", {batches(1, 2, 4), batches(8, 8, 16)});
  standin_->configure("vectorised=1");
  expect_error(refusal(engine), error_code::kModelUnsupported, {"\"images\"", "profile 1", "two channels"});
  standin_->configure("vectorised=2");
  EXPECT_NE(TensorRtRun::open(engine), nullptr);
}

TEST_P(TensorRtLimits, ValuesOfWhichShapesAreMadeChooseTheProfile) {
  if (GetParam() == std::string("trt8")) GTEST_SKIP() << "It tells no values in a way that is in use";
  const std::vector<InputRange> ranges{{"x", {1, 3}, {1, 3}, {1, 3}}};
  const Bytes engine = engine_of("identity_int64", {ranges, ranges});
  standin_->configure("host-inputs=1");
  const auto model = TensorRtRun::open(engine);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().profiles[1].min_values, (std::vector<std::vector<std::int64_t>>{{11, 11, 11}}));
  EXPECT_EQ(model->info().profiles[1].max_values, (std::vector<std::vector<std::int64_t>>{{20, 20, 20}}));
  const auto lane = lane_of(model);
  using Values = std::vector<std::int64_t>;
  const auto of = [](const Values& values) { return contract::make_tensor(DType::kInt64, {1, 3}, values); };
  RunResult result;
  for (const Values& values : {Values{3, 4, 5}, {12, 11, 20}, {10, 1, 1}, {11, 20, 15}}) {
    HostTensor x = of(values);
    ASSERT_OK(contract::run(*lane, {x.view()}, {0}, result));
    EXPECT_EQ(values_of<std::int64_t>(result.outputs[0]), values);
  }
  EXPECT_EQ(standin_->count("contexts"), 2);  // one for each profile
  HostTensor outside = of({3, 25, 3});
  expect_error(contract::run(*lane, {outside.view()}, {0}, result), error_code::kTensorShape,
               {"\"x\"", "1 to 10, or 11 to 20", "value 1", "received 25"});
  HostTensor mixed = of({3, 12, 3});
  expect_error(contract::run(*lane, {mixed.view()}, {0}, result), error_code::kTensorShape,
               {"one optimization profile"});
  HostTensor first = of({3, 3, 3});
  const std::vector<TensorView> inputs{first.view()};
  const std::vector<RunRequest::Output> outputs{{0, std::nullopt}};
  expect_error(lane->run({inputs, outputs, nullptr, 1}, result), error_code::kTensorShape, {"11 to 20", "received 3"});
}

std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtLimits, testing::ValuesIn(kLayouts), name_of);

// ---- TensorRT 8

class TensorRt8 : public TensorRtRun {};

TEST_P(TensorRt8, EqualProfilesServeALaneEach) {
  const auto model = TensorRtRun::open(engine_of("dynamic", {batches(1, 2, 4), batches(1, 2, 4), batches(8, 8, 16)}));
  auto first = lane_of(model);
  const auto second = lane_of(model);
  const auto third = lane_of(model);
  HostTensor images = ones(2);
  HostTensor many = ones(9);
  RunResult result;
  for (int round = 0; round < 2; ++round) {
    for (Context* const lane : {first.get(), second.get()}) {
      ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
      EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(2));
    }
    const Status status = contract::run(*third, {images.view()}, {0}, result);
    expect_error(status, error_code::kEngineFailed, {"optimization profile", "in use"});
    EXPECT_NE(status.error().hint.find("as many equal profiles as there are lanes"), std::string::npos);
    ASSERT_OK(contract::run(*third, {many.view()}, {0}, result));  // of which it is the only user
  }
  first.reset();
  ASSERT_OK(contract::run(*third, {images.view()}, {0}, result));
}

TEST_P(TensorRt8, OneProfileOfFixedShapesServesAllLanes) {
  const auto model = TensorRtRun::open(engine_of("fixed"));
  const auto first = lane_of(model);
  const auto second = lane_of(model);
  HostTensor a = floats({2, 3}, std::vector<float>(6, 1.0f));
  RunResult result;
  for (Context* const lane : {first.get(), second.get()})
    ASSERT_OK(contract::run(*lane, {a.view(), a.view()}, {0}, result));
}

TEST_P(TensorRt8, GraphsOfSeveralShapesShareAProfile) {
  ModelOptions options;
  options.graphs = true;
  const auto lane = lane_of(TensorRtRun::open(engine_of("dynamic", {batches(1, 2, 4)}), options));
  const auto before = standin_count("calls:cuGraphLaunch");
  RunResult result;
  for (const std::int64_t batch : {1, 1, 1, 3, 3, 3, 1}) {
    HostTensor images = ones(batch);
    ASSERT_OK(contract::run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(batch));
  }
  EXPECT_EQ(standin_count("calls:cuGraphLaunch") - before, 4);  // all but the first of each change
}

INSTANTIATE_TEST_SUITE_P(Layouts, TensorRt8, testing::Values("trt8"), name_of);

// ---- without a library

TEST(TensorRtDims, OfNoRankAreNone) {
  abi::Dims wide{-1, {}};
  abi::Dims32 narrow{-1, {}};
  EXPECT_EQ(dims_of(wide, abi::Releases::kTrt10), std::nullopt);
  EXPECT_EQ(dims_at(&narrow, abi::Releases::kTrt8), std::nullopt);
  wide.rank = narrow.rank = 9;
  EXPECT_EQ(dims_of(wide, abi::Releases::kRtx11), std::nullopt);
  EXPECT_EQ(dims_at(&narrow, abi::Releases::kTrt8), std::nullopt);
  wide.rank = narrow.rank = 0;
  EXPECT_EQ(dims_of(wide, abi::Releases::kTrt11), Dims());
  EXPECT_EQ(dims_at(&narrow, abi::Releases::kTrt8), Dims());
}

TEST(TensorRtProfileChoice, OfTwoThatFitTakesTheOneThatIsFree) {
  ModelInfo info;
  info.inputs.push_back({"images", DType::kFloat32, {kDynamic}, {""}});
  const OptimizationProfile near{{{1}}, {{2}}, {{8}}};
  const OptimizationProfile far{{{1}}, {{8}}, {{8}}};
  info.profiles = {near, far, near};
  const std::vector<TensorView> inputs{{DType::kFloat32, {2}, nullptr, 8, {}}};
  const auto chosen = [&](std::vector<bool> taken) {
    auto found = choose_profile(info, inputs, std::nullopt, [&](std::size_t profile) { return taken[profile]; });
    EXPECT_TRUE(found.ok());
    return found.value();
  };
  EXPECT_EQ(chosen({false, false, false}), 0u);
  EXPECT_EQ(chosen({true, false, false}), 2u);
  EXPECT_EQ(chosen({true, false, true}), 1u);
  EXPECT_EQ(chosen({true, true, true}), 0u);
}

}  // namespace
}  // namespace foveate::tensorrt
