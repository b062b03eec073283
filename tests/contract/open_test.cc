#include <algorithm>

#include "contract/contract.h"

namespace foveate::contract {
namespace {

TEST_P(RuntimeContract, OpensBytesAndDoesNotKeepThem) {
  auto converted = bytes_of("dynamic");
  ASSERT_TRUE(converted.ok()) << converted.status().error().message;
  auto bytes = std::move(converted).value();
  auto opened = runtime_->open(std::span<const std::byte>(bytes), options_);
  ASSERT_TRUE(opened.ok()) << opened.status().error().message;
  std::ranges::fill(bytes, std::byte{0xff});
  bytes = {};
  const auto lane = context(opened.value());
  HostTensor images = floats({1, 1, 4}, {1, 1, 1, 1});
  RunResult result;
  ASSERT_OK(run(*lane, {images.view()}, {0}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0]), (std::vector<float>{3.25f, 4.75f, 6.25f}));
}

TEST_P(RuntimeContract, FindsExternalDataBesideTheFile) {
  const auto lane = context(model("external"));
  ASSERT_NE(lane, nullptr);
  HostTensor x = floats({256}, std::vector<float>(256, 1.0f));
  RunResult result;
  ASSERT_OK(run(*lane, {x.view()}, {0}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0])[255], 256.0f);
}

TEST_P(RuntimeContract, TakesEveryOptimizationLevelAndThreads) {
  HostTensor images = floats({1, 1, 4}, {1, 1, 1, 1});
  for (const auto level : {GraphOptimization::kDisabled, GraphOptimization::kBasic, GraphOptimization::kExtended,
                           GraphOptimization::kAll}) {
    options_.graph_optimization = level;
    options_.intra_op_threads = 2;
    options_.inter_op_threads = 2;
    options_.intra_op_spinning = !options_.intra_op_spinning;
    options_.memory_pattern = !options_.memory_pattern;
    const auto lane = context(model("dynamic"));
    ASSERT_NE(lane, nullptr);
    RunResult result;
    ASSERT_OK(run(*lane, {images.view()}, {0}, result));
    EXPECT_EQ(values_of<float>(result.outputs[0]), (std::vector<float>{3.25f, 4.75f, 6.25f}));
  }
}

TEST_P(RuntimeContract, RefusesAProviderThatIsNotKnown) {
  options_.providers = {{"abacus", {}}};
  auto opened = open("fixed");
  ASSERT_FALSE(opened.ok());
  expect_error(opened.status(), error_code::kInvalidArgument, {"abacus"});
}

}  // namespace
}  // namespace foveate::contract
