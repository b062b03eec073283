#include "contract/contract.h"

namespace foveate::contract {
namespace {

TEST_P(RuntimeContract, NamesItself) {
  EXPECT_FALSE(runtime_->info().name.empty());
  EXPECT_FALSE(runtime_->info().version.empty());
  EXPECT_TRUE(std::filesystem::exists(runtime_->info().path));
  EXPECT_FALSE(runtime_->info().providers.empty());
}

TEST_P(RuntimeContract, DescribesFixedShapes) {
  const auto opened = model("fixed");
  ASSERT_NE(opened, nullptr);
  const ModelInfo& info = opened->info();
  ASSERT_EQ(info.inputs.size(), 2u);
  EXPECT_EQ(info.inputs[0].name, "a");
  EXPECT_EQ(info.inputs[1].name, "b");
  EXPECT_EQ(info.inputs[1].dtype, DType::kFloat32);
  EXPECT_EQ(info.inputs[1].dims, (Dims{2, 3}));
  ASSERT_EQ(info.outputs.size(), 2u);
  EXPECT_EQ(info.outputs[0].name, "sum");
  EXPECT_EQ(info.outputs[1].name, "difference");
  EXPECT_FALSE(info.providers.empty());
}

TEST_P(RuntimeContract, DescribesDynamicDimensionsAndTheirNames) {
  const auto opened = model("dynamic");
  ASSERT_NE(opened, nullptr);
  const TensorInfo& input = opened->info().inputs.at(0);
  EXPECT_EQ(input.dims, (Dims{kDynamic, kDynamic, 4}));
  const std::string batch = GetParam().names_dimensions ? "batch" : "";
  EXPECT_EQ(input.symbols, (std::vector<std::string>{batch, "", ""}));
  EXPECT_EQ(opened->info().outputs.at(0).dims, (Dims{kDynamic, kDynamic, 3}));
}

TEST_P(RuntimeContract, InputsWithADefaultNeedNotBeGiven) {
  const auto opened = model("default_input");
  ASSERT_NE(opened, nullptr);
  ASSERT_EQ(opened->info().inputs.size(), 1u);
  EXPECT_EQ(opened->info().inputs[0].name, "x");
  const auto lane = context(opened);
  HostTensor x = floats({2}, {1, 2});
  RunResult result;
  ASSERT_OK(run(*lane, {x.view()}, {0}, result));
  EXPECT_EQ(values_of<float>(result.outputs[0]), (std::vector<float>{11, 22}));
}

TEST_P(RuntimeContract, DescribesScalarsAndUnknownRanksAsNoDims) {
  const auto scalar = model("scalar");
  ASSERT_NE(scalar, nullptr);
  EXPECT_TRUE(scalar->info().outputs.at(0).dims.empty());
  if (!GetParam().takes_any_rank) return;
  const auto unranked = model("unranked");
  ASSERT_NE(unranked, nullptr);
  EXPECT_TRUE(unranked->info().inputs.at(0).dims.empty());
}

}  // namespace
}  // namespace foveate::contract
