#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>

#include "vision/detection.h"

namespace foveate {
namespace {

using Indices = std::vector<std::int32_t>;

struct Boxes {
  std::vector<float> corners;
  std::vector<float> scores;
  std::vector<std::int32_t> class_ids;

  void add(std::array<float, 4> box, float score, std::int32_t class_id = 0) {
    corners.insert(corners.end(), box.begin(), box.end());
    scores.push_back(score);
    class_ids.push_back(class_id);
  }

  Indices suppress(float iou_threshold, int max_kept = 1000, bool class_agnostic = false) const {
    return non_max_suppression(corners, scores, class_ids, {iou_threshold, max_kept, class_agnostic});
  }
};

float overlap(const float* a, const float* b) {
  const float width = std::max(0.0f, std::min(a[2], b[2]) - std::max(a[0], b[0]));
  const float height = std::max(0.0f, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  const float both = width * height;
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

// The definition, word by word: a box stays unless a better one that stays overlaps it by more than the threshold.
Indices obvious(const Boxes& boxes, float iou_threshold, bool class_agnostic) {
  Indices order(boxes.scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return boxes.scores[a] > boxes.scores[b]; });
  Indices kept;
  for (const auto index : order) {
    const bool suppressed = std::any_of(kept.begin(), kept.end(), [&](auto better) {
      return (class_agnostic || boxes.class_ids[better] == boxes.class_ids[index]) &&
             overlap(&boxes.corners[4 * better], &boxes.corners[4 * index]) > iou_threshold;
    });
    if (!suppressed) kept.push_back(index);
  }
  return kept;
}

TEST(Nms, AgreesWithTheDefinitionOnRandomBoxes) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> unit(0, 1);
  for (int round = 0; round < 200; ++round) {
    Boxes boxes;
    const int count = static_cast<int>(random() % 400);
    const float crowd = 20 + 200 * unit(random);
    for (int i = 0; i < count; ++i) {
      // Whole pixels and few scores: touching boxes, equal boxes and ties abound.
      const float x = std::floor(unit(random) * crowd);
      const float y = std::floor(unit(random) * crowd);
      const float width = std::floor(unit(random) * 30);
      const float height = std::floor(unit(random) * 30);
      boxes.add({x, y, x + width, y + height}, std::floor(unit(random) * 50) / 50,
                static_cast<std::int32_t>(random() % 5));
    }
    const float threshold = std::floor(unit(random) * 5) / 4;
    for (const bool agnostic : {false, true}) {
      const Indices expected = obvious(boxes, threshold, agnostic);
      EXPECT_EQ(boxes.suppress(threshold, 1000, agnostic), expected) << "round " << round;
      const Indices first(expected.begin(), expected.begin() + std::min<std::ptrdiff_t>(5, std::ssize(expected)));
      EXPECT_EQ(boxes.suppress(threshold, 5, agnostic), first) << "round " << round;
    }
  }
}

TEST(Nms, OverlapEqualToTheThresholdIsKept) {
  Boxes boxes;
  boxes.add({0, 0, 2, 2}, 0.9f);
  boxes.add({0, 0, 2, 1}, 0.8f);  // IoU 0.5
  EXPECT_EQ(boxes.suppress(0.5f), (Indices{0, 1}));
  EXPECT_EQ(boxes.suppress(0.49f), (Indices{0}));
}

TEST(Nms, ClassesDoNotSuppressOneAnotherUnlessAgnostic) {
  Boxes boxes;
  boxes.add({0, 0, 10, 10}, 0.5f, -3);
  boxes.add({0, 0, 10, 10}, 0.9f, 2000000000);
  EXPECT_EQ(boxes.suppress(0.5f), (Indices{1, 0}));
  EXPECT_EQ(boxes.suppress(0.5f, 10, true), (Indices{1}));
}

TEST(Nms, ABoxThatWasSuppressedSuppressesNothing) {
  Boxes chain;
  chain.add({0, 0, 10, 10}, 0.9f);
  chain.add({4, 0, 14, 10}, 0.8f);  // overlaps both neighbours by 0.43
  chain.add({8, 0, 18, 10}, 0.7f);
  EXPECT_EQ(chain.suppress(0.4f), (Indices{0, 2}));
}

TEST(Nms, TiesGoToTheLowerIndex) {
  Boxes boxes;
  for (int i = 0; i < 100; ++i) boxes.add({0, 0, 10, 10}, 0.5f, i % 2);
  EXPECT_EQ(boxes.suppress(0.5f), (Indices{0, 1}));
}

TEST(Nms, KeepsAtMostWhatIsAsked) {
  Boxes boxes;
  for (float x = 0; x < 10; ++x) boxes.add({x, 0, x + 1, 1}, x / 10);
  EXPECT_EQ(boxes.suppress(0.5f, 3), (Indices{9, 8, 7}));
  EXPECT_TRUE(boxes.suppress(0.5f, 0).empty());
  EXPECT_TRUE(boxes.suppress(0.5f, -1).empty());
}

TEST(Nms, OddNumbersDoNoHarm) {
  Boxes boxes;
  EXPECT_TRUE(boxes.suppress(0.5f).empty());
  boxes.add({0, 0, 1, 1}, NAN);
  boxes.add({5, 5, 5, 5}, 0.5f);  // no area
  boxes.add({5, 5, 5, 5}, 0.4f);
  boxes.add({NAN, 0, 1, 1}, 0.3f);
  boxes.add({9, 9, 1, 1}, 0.2f);  // corners swapped
  boxes.add({-INFINITY, 0, INFINITY, 1}, INFINITY);
  EXPECT_EQ(boxes.suppress(0.5f), (Indices{5, 1, 2, 3, 4}));
}

TEST(Nms, ReadsNoFurtherThanTheShortestSpan) {
  const std::vector<float> corners = {0, 0, 1, 1, 5, 5, 6, 6};
  const std::vector<float> scores = {0.1f, 0.2f, 0.3f};
  const std::vector<std::int32_t> class_ids = {0, 0, 0, 0};
  EXPECT_EQ(non_max_suppression(corners, scores, class_ids, {0.5f, 10, false}), (Indices{1, 0}));
}

}  // namespace
}  // namespace foveate
