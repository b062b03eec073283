#include "metrics/segmentation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace foveate {
namespace {

using Labels = std::vector<std::uint8_t>;

LabelMaps maps_of(const Labels& truth, const Labels& predicted, std::int64_t width, std::int64_t height,
                  std::int64_t classes) {
  return {truth, predicted, width, height, classes};
}

LabelMapCounts compare(const LabelMaps& maps, std::optional<std::int64_t> radius = {}) {
  auto counts = compare_label_maps(maps, radius);
  EXPECT_TRUE(counts.ok()) << counts.status().error().message;
  return counts.ok() ? std::move(counts).value() : LabelMapCounts{};
}

std::string refusal(const LabelMaps& maps, std::optional<std::int64_t> radius = {}) {
  auto counts = compare_label_maps(maps, radius);
  if (counts.ok()) return "nothing was refused";
  EXPECT_EQ(counts.status().error().code, error_code::kInvalidArgument);
  return counts.status().error().message;
}

// Blocks of one class, so that there are regions, with single pixels of another and some that are ignored.
Labels random_labels(std::mt19937& random, std::int64_t width, std::int64_t height, int classes, bool ignored) {
  const auto block = static_cast<std::int64_t>(1 + random() % 9);
  const std::int64_t blocks = (width + block - 1) / block;
  Labels of_blocks(static_cast<std::size_t>(blocks * ((height + block - 1) / block)));
  for (auto& label : of_blocks) label = static_cast<std::uint8_t>(random() % static_cast<unsigned>(classes));
  Labels labels(static_cast<std::size_t>(width * height));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      auto& label = labels[static_cast<std::size_t>(y * width + x)];
      label = of_blocks[static_cast<std::size_t>(y / block * blocks + x / block)];
      if (random() % 40 == 0) label = static_cast<std::uint8_t>(random() % static_cast<unsigned>(classes));
      if (ignored && random() % 30 == 0) label = kIgnoredLabel;
    }
  }
  return labels;
}

std::vector<std::uint32_t> plain_confusion(const LabelMaps& maps) {
  std::vector<std::uint32_t> counts(static_cast<std::size_t>(maps.classes * maps.classes));
  for (std::size_t i = 0; i < maps.truth.size(); ++i) {
    if (maps.truth[i] != kIgnoredLabel) {
      ++counts[maps.truth[i] * static_cast<std::size_t>(maps.classes) + maps.predicted[i]];
    }
  }
  return counts;
}

// Every pixel of a boundary against every other, by the definition in the header.
BoundaryCounts plain_boundary(const LabelMaps& maps, std::uint8_t id, std::int64_t radius) {
  const auto points_of = [&](std::span<const std::uint8_t> labels) {
    const auto is_class = [&](std::int64_t x, std::int64_t y) {
      const auto pixel = static_cast<std::size_t>(y * maps.width + x);
      return maps.truth[pixel] != kIgnoredLabel && labels[pixel] == id;
    };
    std::vector<std::array<std::int64_t, 2>> points;
    for (std::int64_t y = 0; y < maps.height; ++y) {
      for (std::int64_t x = 0; x < maps.width; ++x) {
        const bool right = x + 1 < maps.width, below = y + 1 < maps.height;
        const bool own = is_class(x, y);
        if ((right && is_class(x + 1, y) != own) || (below && is_class(x, y + 1) != own) ||
            (right && below && is_class(x + 1, y + 1) != own)) {
          points.push_back({x, y});
        }
      }
    }
    return points;
  };
  const auto matched = [&](const auto& points, const auto& others) {
    return static_cast<std::uint32_t>(std::count_if(points.begin(), points.end(), [&](const auto& point) {
      return std::any_of(others.begin(), others.end(), [&](const auto& other) {
        const std::int64_t across = point[0] - other[0], down = point[1] - other[1];
        return across * across + down * down <= radius * radius;
      });
    }));
  };
  const auto truth = points_of(maps.truth), predicted = points_of(maps.predicted);
  return {static_cast<std::uint32_t>(truth.size()), matched(truth, predicted),
          static_cast<std::uint32_t>(predicted.size()), matched(predicted, truth)};
}

TEST(SegmentationMetrics, EqualThePlainDefinition) {
  std::mt19937 random(7);
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const auto width = static_cast<std::int64_t>(1 + random() % 41),
               height = static_cast<std::int64_t>(1 + random() % 33);
    const int classes = round % 10 == 0 ? 255 : static_cast<int>(1 + random() % 6);
    const auto radius = static_cast<std::int64_t>(random() % 7);
    const Labels truth = random_labels(random, width, height, classes, round % 3 != 0);
    Labels predicted = random_labels(random, width, height, classes, false);
    if (round % 4 == 0) {
      predicted = truth;
      std::replace(predicted.begin(), predicted.end(), kIgnoredLabel, std::uint8_t{200});  // does not matter there
    }
    const LabelMaps maps = maps_of(truth, predicted, width, height, classes);
    const LabelMapCounts counts = compare(maps, radius);
    EXPECT_EQ(counts.confusion, plain_confusion(maps));
    ASSERT_EQ(counts.boundaries.size(), static_cast<std::size_t>(classes));
    for (int id = 0; id < classes; ++id) {
      const BoundaryCounts expected = plain_boundary(maps, static_cast<std::uint8_t>(id), radius);
      const BoundaryCounts& received = counts.boundaries[static_cast<std::size_t>(id)];
      EXPECT_EQ(received.truth, expected.truth);
      EXPECT_EQ(received.truth_matched, expected.truth_matched);
      EXPECT_EQ(received.predicted, expected.predicted);
      EXPECT_EQ(received.predicted_matched, expected.predicted_matched);
    }
  }
}

TEST(SegmentationMetrics, CountLongRunsAndTheirEnds) {
  // Longer than one stretch between two looks at the cancel token.
  const std::int64_t width = 1500, height = 1401;
  Labels truth(static_cast<std::size_t>(width * height), 1), predicted = truth;
  truth.back() = 0;
  predicted[8] = 2;
  const LabelMapCounts counts = compare(maps_of(truth, predicted, width, height, 3));
  EXPECT_TRUE(counts.boundaries.empty());
  EXPECT_EQ(counts.confusion, (std::vector<std::uint32_t>{0, 1, 0, 0, width * height - 2, 1, 0, 0, 0}));
}

TEST(SegmentationMetrics, KnowNoBoundaryAtTheEdgeOrAroundWhatIsIgnoredEverywhere) {
  const Labels one{0};
  EXPECT_EQ(compare(maps_of(one, one, 1, 1, 1), 3).boundaries[0].truth, 0u);
  const Labels ignored(12, kIgnoredLabel), anything(12, 77);
  const LabelMapCounts counts = compare(maps_of(ignored, anything, 4, 3, 2), 3);
  EXPECT_EQ(counts.confusion, std::vector<std::uint32_t>(4, 0));
  EXPECT_EQ(counts.boundaries[0].predicted + counts.boundaries[1].predicted, 0u);
}

TEST(SegmentationMetrics, MatchWithinTheDiskAndNotBeyond) {
  // Two edges, five columns apart.
  Labels truth(40, 0), predicted(40, 0);
  for (std::size_t i = 0; i < 40; ++i) {
    truth[i] = i % 20 >= 5;
    predicted[i] = i % 20 >= 10;
  }
  EXPECT_EQ(compare(maps_of(truth, predicted, 20, 2, 2), 4).boundaries[1].truth_matched, 0u);
  EXPECT_EQ(compare(maps_of(truth, predicted, 20, 2, 2), 5).boundaries[1].truth_matched, 2u);
  EXPECT_EQ(compare(maps_of(truth, predicted, 20, 2, 2), std::numeric_limits<std::int64_t>::max())
                .boundaries[1]
                .truth_matched,
            2u);
}

TEST(SegmentationMetrics, RefuseLabelsThatAreNoClass) {
  const Labels good{0, 1, kIgnoredLabel, 1}, high{0, 2, 0, 1}, ignored{0, kIgnoredLabel, 0, 1};
  EXPECT_NE(refusal(maps_of(high, high, 2, 2, 2)).find("true label map has a pixel of class 2"), std::string::npos);
  EXPECT_NE(refusal(maps_of(good, high, 2, 2, 2), 1).find("predicted label map has a pixel of class 2"),
            std::string::npos);
  EXPECT_NE(refusal(maps_of(good, ignored, 2, 2, 2)).find("class 255"), std::string::npos);
}

TEST(SegmentationMetrics, RefuseSizesThatDoNotFit) {
  const Labels four(4, 0), five(5, 0), none;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  EXPECT_NE(refusal(maps_of(four, five, 2, 2, 2)).find("4 and 5"), std::string::npos);
  EXPECT_NE(refusal(maps_of(five, four, 2, 2, 2)).find("5 and 4"), std::string::npos);
  // Products that would come round to 4, or to 0.
  for (const auto& [width, height] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{std::int64_t{1} << 32, std::int64_t{1} << 32},
                                                          {(std::int64_t{1} << 62) + 1, 4},
                                                          {kMost, kMost},
                                                          {kLeast, 2},
                                                          {-2, -2},
                                                          {0, 4},
                                                          {4, 0},
                                                          {65'536, 1},
                                                          {1, 65'536}}) {
    EXPECT_NE(refusal(maps_of(four, four, width, height, 2)).find("1x1 to 65535x65535"), std::string::npos);
  }
  EXPECT_NE(refusal(maps_of(none, none, 65'535, 65'535, 2)).find("but received 0 and 0"), std::string::npos);
  for (const std::int64_t classes : {std::int64_t{0}, std::int64_t{256}, std::int64_t{-1}, kMost, kLeast}) {
    EXPECT_NE(refusal(maps_of(four, four, 2, 2, classes)).find("1 to 255 classes"), std::string::npos);
  }
  EXPECT_NE(refusal(maps_of(four, four, 2, 2, 2), -1).find("radius"), std::string::npos);
  EXPECT_NE(refusal(maps_of(four, four, 2, 2, 2), kLeast).find("radius"), std::string::npos);
}

TEST(SegmentationMetrics, StopWhenCancelled) {
  const Labels labels(4, 0);
  CancelToken cancel;
  cancel.cancel();
  auto counts = compare_label_maps(maps_of(labels, labels, 2, 2, 1), 1, &cancel);
  ASSERT_FALSE(counts.ok());
  EXPECT_EQ(counts.status().error().code, error_code::kAborted);
}

}  // namespace
}  // namespace foveate
