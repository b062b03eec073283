#include "vision/classification.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "postprocess_fixture.h"

namespace foveate {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Classification, MatchesTheReference) {
  const testing::PostprocessFixture fixture("classification.json");
  for (const cv::FileNode& node : fixture.cases()) {
    const std::string name = node["activation"].string();
    const ScoreActivation activation = name == "softmax"   ? ScoreActivation::kSoftmax
                                       : name == "sigmoid" ? ScoreActivation::kSigmoid
                                                           : ScoreActivation::kNone;
    const auto output = testing::numbers_of<float>(node["output"]);
    const TopClasses top = top_classes(output, activation, static_cast<int>(node["k"].real()));
    EXPECT_EQ(top.class_ids, testing::numbers_of<std::int32_t>(node["expected"]["classIds"])) << name;
    const auto scores = testing::numbers_of<float>(node["expected"]["scores"]);
    ASSERT_EQ(top.scores.size(), scores.size());
    for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_FLOAT_EQ(top.scores[i], scores[i]) << name << " " << i;
  }
}

TEST(Classification, ReturnsAllWhereFewerThanKExist) {
  const std::vector<float> output = {1, 3, 2};
  EXPECT_EQ(top_classes(output, ScoreActivation::kNone, 10).class_ids, (Ids{1, 2, 0}));
  EXPECT_EQ(top_classes(output, ScoreActivation::kNone, 1).class_ids, (Ids{1}));
  EXPECT_TRUE(top_classes(output, ScoreActivation::kNone, 0).class_ids.empty());
  EXPECT_TRUE(top_classes(output, ScoreActivation::kNone, -1).scores.empty());
}

TEST(Classification, EmptyOutputHasNoClasses) {
  for (const auto activation : {ScoreActivation::kNone, ScoreActivation::kSoftmax, ScoreActivation::kSigmoid}) {
    const TopClasses top = top_classes({}, activation, 5);
    EXPECT_TRUE(top.class_ids.empty());
    EXPECT_TRUE(top.scores.empty());
  }
}

TEST(Classification, TiesGoToTheLowerId) {
  const std::vector<float> output = {1, 2, 2, 1, 2};
  EXPECT_EQ(top_classes(output, ScoreActivation::kNone, 4).class_ids, (Ids{1, 2, 4, 0}));
}

TEST(Classification, SaturatedScoresKeepTheOrderOfTheirLogits) {
  const std::vector<float> output = {100, 120, 110};
  const TopClasses top = top_classes(output, ScoreActivation::kSigmoid, 3);
  EXPECT_EQ(top.class_ids, (Ids{1, 2, 0}));
  EXPECT_EQ(top.scores, (std::vector<float>{1, 1, 1}));
}

TEST(Classification, SoftmaxOfLargeLogitsDoesNotOverflow) {
  const std::vector<float> output = {3e38f, 3e38f, -3e38f};
  EXPECT_EQ(top_classes(output, ScoreActivation::kSoftmax, 3).scores, (std::vector<float>{0.5f, 0.5f, 0}));
}

TEST(Classification, InfiniteLogitsShareTheProbability) {
  EXPECT_EQ(top_classes(std::vector{1.0f, kInfinity}, ScoreActivation::kSoftmax, 2).scores, (std::vector<float>{1, 0}));
  EXPECT_EQ(top_classes(std::vector{-kInfinity, -kInfinity}, ScoreActivation::kSoftmax, 2).scores,
            (std::vector<float>{0.5f, 0.5f}));
}

TEST(Classification, NanRanksLastAndTakesNoPart) {
  const std::vector<float> output = {NAN, 0, -kInfinity, NAN, 0};
  const TopClasses top = top_classes(output, ScoreActivation::kSoftmax, 5);
  EXPECT_EQ(top.class_ids, (Ids{1, 4, 2, 0, 3}));
  EXPECT_EQ(std::vector<float>(top.scores.begin(), top.scores.begin() + 3), (std::vector<float>{0.5f, 0.5f, 0}));
  EXPECT_TRUE(std::isnan(top.scores[3]));
  EXPECT_TRUE(std::isnan(top.scores[4]));
}

TEST(Classification, AllNanStillNamesTheClasses) {
  EXPECT_EQ(top_classes(std::vector{NAN, NAN}, ScoreActivation::kSoftmax, 2).class_ids, (Ids{0, 1}));
}

}  // namespace
}  // namespace foveate
