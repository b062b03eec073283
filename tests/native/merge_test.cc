#include "vision/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

namespace foveate {
namespace {

using Floats = std::vector<float>;
using Indices = std::vector<std::int32_t>;

struct Boxes {
  Floats corners;
  Floats scores;
  Indices class_ids;

  void add(std::vector<float> box, float score, std::int32_t class_id = 0) {
    corners.insert(corners.end(), box.begin(), box.end());
    scores.push_back(score);
    class_ids.push_back(class_id);
  }

  Floats box(std::int32_t i) const { return {corners.begin() + 4 * i, corners.begin() + 4 * i + 4}; }

  MergedBoxes merge(const MergeOptions& options = {}) const {
    return merge_boxes(corners, scores, class_ids, options).value();
  }
};

float overlap(const Floats& a, const Floats& b, OverlapMetric metric) {
  const float both = std::max(0.0f, std::min(a[2], b[2]) - std::max(a[0], b[0])) *
                     std::max(0.0f, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  const float first = (a[2] - a[0]) * (a[3] - a[1]);
  const float second = (b[2] - b[0]) * (b[3] - b[1]);
  return both / (metric == OverlapMetric::kUnion ? first + second - both : std::min(first, second));
}

// Take the best of what is left, take out all that overlap it, and grow it by them one after the other.
MergedBoxes obvious(const Boxes& boxes, const MergeOptions& options) {
  Indices order(boxes.scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return boxes.scores[a] > boxes.scores[b]; });
  std::deque<std::int32_t> left(order.begin(), order.end());
  MergedBoxes merged;
  while (!left.empty() && merged.kept.size() < static_cast<std::size_t>(options.max_kept)) {
    const std::int32_t best = left.front();
    left.pop_front();
    Indices parts;
    std::erase_if(left, [&](auto other) {
      const bool same = options.class_agnostic || boxes.class_ids[other] == boxes.class_ids[best];
      const bool is_part = same && overlap(boxes.box(best), boxes.box(other), options.metric) >= options.threshold;
      if (is_part) parts.push_back(other);
      return is_part;
    });
    Floats grown = boxes.box(best);
    for (const auto part : parts) {
      const Floats box = boxes.box(part);
      if (!options.grow || overlap(grown, box, options.metric) < options.threshold) continue;
      grown = {std::min(grown[0], box[0]), std::min(grown[1], box[1]), std::max(grown[2], box[2]),
               std::max(grown[3], box[3])};
    }
    merged.kept.push_back(best);
    merged.boxes.insert(merged.boxes.end(), grown.begin(), grown.end());
  }
  return merged;
}

TEST(Merge, AgreesWithTheDefinitionOnRandomBoxes) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> unit(0, 1);
  for (int round = 0; round < 200; ++round) {
    Boxes boxes;
    const int count = static_cast<int>(random() % 120);
    for (int i = 0; i < count; ++i) {
      // Whole pixels and few scores: equal boxes, parts and ties abound.
      const float x = std::floor(unit(random) * 60);
      const float y = std::floor(unit(random) * 60);
      boxes.add({x, y, x + 1 + std::floor(unit(random) * 30), y + 1 + std::floor(unit(random) * 30)},
                std::floor(unit(random) * 20) / 20, static_cast<std::int32_t>(random() % 3));
    }
    for (int variant = 0; variant < 8; ++variant) {
      const MergeOptions options{variant & 1 ? OverlapMetric::kUnion : OverlapMetric::kSmaller,
                                 std::floor(1 + unit(random) * 4) / 4, (variant & 2) != 0, (variant & 4) != 0,
                                 round % 2 == 0 ? 1000 : 7};
      const MergedBoxes expected = obvious(boxes, options);
      const MergedBoxes received = boxes.merge(options);
      EXPECT_EQ(received.kept, expected.kept) << "round " << round;
      EXPECT_EQ(received.boxes, expected.boxes) << "round " << round;
    }
  }
}

TEST(Merge, TheWholeTakesInItsParts) {
  Boxes boxes;
  boxes.add({0, 0, 50, 40}, 0.8f);   // cut by the slice's edge
  boxes.add({0, 0, 100, 40}, 0.9f);  // whole
  boxes.add({0, 0, 50, 40}, 0.7f, 1);
  EXPECT_EQ(boxes.merge().kept, (Indices{1, 2}));
  EXPECT_EQ(boxes.merge().boxes, (Floats{0, 0, 100, 40, 0, 0, 50, 40}));
  EXPECT_EQ(boxes.merge({.class_agnostic = true}).kept, (Indices{1}));
}

TEST(Merge, GrowsOnlyWhereItIsAskedTo) {
  Boxes boxes;
  boxes.add({0, 0, 60, 40}, 0.9f);
  boxes.add({20, 0, 100, 40}, 0.8f);
  EXPECT_EQ(boxes.merge().boxes, (Floats{0, 0, 100, 40}));
  EXPECT_EQ(boxes.merge({.grow = false}).boxes, (Floats{0, 0, 60, 40}));
}

TEST(Merge, OddNumbersDoNoHarm) {
  Boxes boxes;
  EXPECT_TRUE(boxes.merge().kept.empty());
  boxes.add({0, 0, 1, 1}, NAN);
  boxes.add({5, 5, 5, 5}, 0.5f);  // no area: overlaps nothing
  boxes.add({5, 5, 5, 5}, 0.4f);
  boxes.add({NAN, 0, 1, 1}, 0.3f);
  EXPECT_EQ(boxes.merge().kept, (Indices{1, 2, 3}));
  EXPECT_TRUE(boxes.merge({.max_kept = 0}).kept.empty());
  EXPECT_TRUE(boxes.merge({.max_kept = -1}).kept.empty());
}

TEST(Merge, ReadsNoFurtherThanTheShortestSpan) {
  const Floats corners = {0, 0, 1, 1, 5, 5, 6, 6, 9};
  const Floats scores = {0.1f, 0.2f, 0.3f};
  EXPECT_EQ(merge_boxes(corners, scores, Indices{0, 0, 0, 0}, {}).value().kept, (Indices{1, 0}));
}

}  // namespace
}  // namespace foveate
