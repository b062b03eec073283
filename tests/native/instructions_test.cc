#include "core/instructions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vision/detection.h"

namespace foveate {
namespace {

std::string name_of(Instructions instructions) {
  switch (instructions) {
    case Instructions::kBaseline:
      return "Baseline";
    case Instructions::kAvx2:
      return "Avx2";
    case Instructions::kAvx512:
      return "Avx512";
  }
  return "Unknown";
}

// NaN is equal to itself, 0 is not -0.
bool same_bits(const std::vector<float>& left, const std::vector<float>& right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size() * sizeof(float)) == 0;
}

// Each operation rounded on its own.
float overlap(const float* a, const float* b) {
  const float width = std::max(0.0f, std::min(a[2], b[2]) - std::max(a[0], b[0]));
  const float height = std::max(0.0f, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  const float both = width * height;
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

// Runs with no wider set than the parameter.
class InstructionsTest : public ::testing::TestWithParam<Instructions> {
 protected:
  void SetUp() override {
    limit_instructions(GetParam());
    if (best_instructions() != GetParam()) GTEST_SKIP() << "This processor has no " << name_of(GetParam());
  }
  void TearDown() override { limit_instructions(Instructions::kAvx512); }

  // What `compute` gives with the baseline alone, and with the set under test.
  template <typename Compute>
  auto both(Compute compute) {
    limit_instructions(Instructions::kBaseline);
    auto baseline = compute();
    limit_instructions(GetParam());
    return std::pair{std::move(baseline), compute()};
  }
};

// Scores as heads give them: mostly background, ties, and now and then what is no number.
float random_score(std::mt19937& random) {
  const auto kind = random() % 1000;
  if (kind == 0) return std::numeric_limits<float>::quiet_NaN();
  if (kind == 1) return std::numeric_limits<float>::infinity();
  const float unit = std::uniform_real_distribution<float>(0, 1)(random);
  return kind < 900 ? unit * 0.2f : std::round(unit * 64) / 64;
}

TEST_P(InstructionsTest, DetectionsAreThoseOfTheBaseline) {
  std::mt19937 random(11);
  // The last has a strip that is not full.
  for (const int anchors : {8400, 2100, 37}) {
    DetectionSpec spec;
    spec.head = DetectionHead::kYolov8;
    spec.classes = 80;
    spec.anchors = anchors;
    spec.score_threshold = 0.3f;
    spec.iou_threshold = 0.45f;
    spec.max_detections = 300;
    spec.max_candidates = 30000;
    std::uniform_real_distribution<float> coordinate(0, 640);
    std::vector<float> output(static_cast<std::size_t>(4 + spec.classes) * static_cast<std::size_t>(anchors));
    for (std::size_t i = 0; i < output.size(); ++i) {
      output[i] = i < 4 * static_cast<std::size_t>(anchors) ? coordinate(random) : random_score(random);
    }
    const Placement placement{1920, 1080, 640, 640, 1.0 / 3, 1.0 / 3, 0, 140};
    const std::vector<std::span<const float>> outputs = {output};

    const auto [expected, found] = both([&] { return decode_detections(outputs, spec, placement); });
    ASSERT_TRUE(expected.ok() && found.ok());
    EXPECT_GT(expected.value().size(), anchors > 1000 ? 200u : 0u);
    EXPECT_TRUE(same_bits(found.value().boxes, expected.value().boxes)) << anchors << " anchors";
    EXPECT_TRUE(same_bits(found.value().scores, expected.value().scores)) << anchors << " anchors";
    EXPECT_EQ(found.value().class_ids, expected.value().class_ids) << anchors << " anchors";
  }
}

TEST_P(InstructionsTest, SuppressionIsThatOfTheBaseline) {
  std::mt19937 random(12);
  std::uniform_real_distribution<float> unit(0, 1);
  for (int round = 0; round < 50; ++round) {
    std::vector<float> boxes, scores;
    std::vector<std::int32_t> class_ids;
    for (int i = 0; i < 500; ++i) {
      const float x = unit(random) * 100;
      const float y = unit(random) * 100;
      const float bottom = random() % 200 == 0 ? std::numeric_limits<float>::quiet_NaN() : y + unit(random) * 40;
      boxes.insert(boxes.end(), {x, y, x + unit(random) * 40, bottom});
      scores.push_back(random_score(random));
      class_ids.push_back(static_cast<std::int32_t>(random() % 3));
    }
    const SuppressionOptions options{0.9f * unit(random), 1000, round % 2 == 0};
    const auto [expected, kept] = both([&] { return non_max_suppression(boxes, scores, class_ids, options); });
    EXPECT_EQ(kept, expected) << "round " << round;
  }
}

// One rounding less, as of a fused multiply-add, and the last box would go in many of the rounds.
TEST_P(InstructionsTest, AnOverlapThatIsTheThresholdToTheBitIsKept) {
  std::mt19937 random(13);
  std::uniform_real_distribution<float> jitter(0, 15);
  constexpr std::size_t kRivals = 32;
  for (int round = 0; round < 1000; ++round) {
    std::vector<float> boxes, scores;
    for (std::size_t i = 0; i <= kRivals; ++i) {
      const std::size_t cell = i < kRivals ? i : random() % kRivals;  // the last lies in the cell of another
      const float x = 50 * static_cast<float>(cell % 8);
      const float y = 50 * static_cast<float>(cell / 8);
      boxes.insert(boxes.end(),
                   {x + jitter(random), y + jitter(random), x + 30 + jitter(random), y + 30 + jitter(random)});
      scores.push_back(1 - static_cast<float>(i) / 100);
    }
    float threshold = 0;
    for (std::size_t i = 0; i < kRivals; ++i)
      threshold = std::max(threshold, overlap(&boxes[4 * i], &boxes[4 * kRivals]));
    const std::vector<std::int32_t> class_ids(scores.size());
    EXPECT_EQ(non_max_suppression(boxes, scores, class_ids, {threshold, 1000}).size(), kRivals + 1)
        << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, InstructionsTest,
                         ::testing::Values(Instructions::kBaseline, Instructions::kAvx2, Instructions::kAvx512),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace foveate
