#include "vision/classification.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "postprocess_fixture.h"

namespace foveate {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TopClasses ranked(std::span<const float> output, ScoreActivation activation, int k) {
  auto ranked = top_classes(output, activation, k);
  EXPECT_TRUE(ranked.ok()) << ranked.status().error().message;
  return ranked.ok() ? std::move(ranked).value() : TopClasses();
}

TEST(Classification, MatchesTheReference) {
  const testing::PostprocessFixture fixture("classification.json");
  for (const cv::FileNode& node : fixture.cases()) {
    const std::string name = node["activation"].string();
    const ScoreActivation activation = name == "softmax"   ? ScoreActivation::kSoftmax
                                       : name == "sigmoid" ? ScoreActivation::kSigmoid
                                                           : ScoreActivation::kNone;
    const auto output = testing::numbers_of<float>(node["output"]);
    const TopClasses top = ranked(output, activation, static_cast<int>(node["k"].real()));
    EXPECT_EQ(top.class_ids, testing::numbers_of<std::int32_t>(node["expected"]["classIds"])) << name;
    const auto scores = testing::numbers_of<float>(node["expected"]["scores"]);
    ASSERT_EQ(top.scores.size(), scores.size());
    for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_FLOAT_EQ(top.scores[i], scores[i]) << name << " " << i;
  }
}

TEST(Classification, ReturnsAllWhereFewerThanKExist) {
  const std::vector<float> output = {1, 3, 2};
  EXPECT_EQ(ranked(output, ScoreActivation::kNone, 10).class_ids, (Ids{1, 2, 0}));
  EXPECT_EQ(ranked(output, ScoreActivation::kNone, 1).class_ids, (Ids{1}));
  EXPECT_TRUE(ranked(output, ScoreActivation::kNone, 0).class_ids.empty());
  EXPECT_TRUE(ranked(output, ScoreActivation::kNone, -1).scores.empty());
}

TEST(Classification, EmptyOutputHasNoClasses) {
  for (const auto activation : {ScoreActivation::kNone, ScoreActivation::kSoftmax, ScoreActivation::kSigmoid}) {
    const TopClasses top = ranked({}, activation, 5);
    EXPECT_TRUE(top.class_ids.empty());
    EXPECT_TRUE(top.scores.empty());
  }
}

TEST(Classification, TiesGoToTheLowerId) {
  const std::vector<float> output = {1, 2, 2, 1, 2};
  EXPECT_EQ(ranked(output, ScoreActivation::kNone, 4).class_ids, (Ids{1, 2, 4, 0}));
}

TEST(Classification, SaturatedScoresKeepTheOrderOfTheirLogits) {
  const std::vector<float> output = {100, 120, 110};
  const TopClasses top = ranked(output, ScoreActivation::kSigmoid, 3);
  EXPECT_EQ(top.class_ids, (Ids{1, 2, 0}));
  EXPECT_EQ(top.scores, (std::vector<float>{1, 1, 1}));
}

TEST(Classification, SoftmaxOfLargeLogitsDoesNotOverflow) {
  const std::vector<float> output = {3e38f, 3e38f, -3e38f};
  EXPECT_EQ(ranked(output, ScoreActivation::kSoftmax, 3).scores, (std::vector<float>{0.5f, 0.5f, 0}));
}

TEST(Classification, InfiniteLogitsShareTheProbability) {
  EXPECT_EQ(ranked(std::vector{1.0f, kInfinity}, ScoreActivation::kSoftmax, 2).scores, (std::vector<float>{1, 0}));
  EXPECT_EQ(ranked(std::vector{kInfinity, 0.0f, kInfinity}, ScoreActivation::kSoftmax, 3).scores,
            (std::vector<float>{0.5f, 0.5f, 0}));
}

TEST(Classification, NanTakesNoPartAndIsNotTold) {
  const std::vector<float> output = {NAN, 0, -kInfinity, NAN, 0};
  for (const int k : {3, 4, 5}) {
    const TopClasses top = ranked(output, ScoreActivation::kSoftmax, k);
    EXPECT_EQ(top.class_ids, (Ids{1, 4, 2})) << k;
    EXPECT_EQ(top.scores, (std::vector<float>{0.5f, 0.5f, 0})) << k;
  }
}

TEST(Classification, FailsWhereNoScoreIsFinite) {
  for (const float value : {static_cast<float>(NAN), kInfinity, -kInfinity}) {
    auto failed = top_classes(std::vector{value, value, static_cast<float>(NAN)}, ScoreActivation::kSoftmax, 2);
    ASSERT_FALSE(failed.ok()) << value;
    EXPECT_EQ(failed.status().error().code, error_code::kEngineFailed);
    EXPECT_NE(failed.status().error().hint.find("float16"), std::string::npos);
  }
}

}  // namespace
}  // namespace foveate
