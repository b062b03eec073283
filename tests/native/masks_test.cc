#include "vision/masks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "postprocess_fixture.h"

namespace foveate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
using Mask = std::vector<std::uint8_t>;

Mask decode(std::span<const float> output, const MaskSpec& spec, const Placement& placement) {
  Mask mask(static_cast<std::size_t>(placement.source_width) * static_cast<std::size_t>(placement.source_height), 0xEE);
  ClassCounts counts;
  counts.fill(7);
  const Status status = decode_mask(output, spec, placement, mask, counts);
  EXPECT_TRUE(status.ok()) << status.error().message;
  ClassCounts expected{};
  for (const std::uint8_t id : mask) ++expected[id];
  EXPECT_EQ(counts, expected);
  return mask;
}

Placement stretched(int width, int height, int input) {
  return {width, height, input, input, static_cast<double>(input) / width, static_cast<double>(input) / height, 0, 0};
}

MaskSpec argmax(int channels, int width, int height, Layout layout = Layout::kChannelsFirst) {
  MaskSpec spec;
  spec.channels = channels;
  spec.width = width;
  spec.height = height;
  spec.layout = layout;
  return spec;
}

TEST(Masks, MatchTheReference) {
  const testing::PostprocessFixture fixture("masks.json");
  int number = 0;
  for (const cv::FileNode& node : fixture.cases()) {
    SCOPED_TRACE("case " + std::to_string(number++));
    const cv::FileNode given = node["spec"];
    MaskSpec spec = argmax(static_cast<int>(given["channels"].real()), static_cast<int>(given["width"].real()),
                           static_cast<int>(given["height"].real()));
    if (given["layout"].string() == "nhwc") spec.layout = Layout::kChannelsLast;
    if (given["activation"].string() == "sigmoid") spec.activation = ScoreActivation::kSigmoid;
    spec.threshold = static_cast<float>(given["threshold"].real());
    const Placement placement = testing::placement_of(node["placement"]);
    const Mask mask = decode(testing::numbers_of<float>(node["output"]), spec, placement);

    std::string expected;
    for (const cv::FileNode& row : node["expected"]) expected += row.string();
    std::string received;
    for (const std::uint8_t id : mask) received += static_cast<char>('0' + id);
    EXPECT_EQ(received, expected);
  }
}

// Interpolates every channel at every pixel, in double precision. Pixels where the two best channels are closer than
// rounding are left open (0xFF).
Mask obvious(const std::vector<float>& output, const MaskSpec& spec, const Placement& placement) {
  const auto value = [&](int c, int y, int x) {
    const bool last = spec.layout == Layout::kChannelsLast;
    const int index = last ? (y * spec.width + x) * spec.channels + c : (c * spec.height + y) * spec.width + x;
    return static_cast<double>(output[static_cast<std::size_t>(index)]);
  };
  struct Point {
    int low, high;
    double weight;
  };
  const auto locate = [](int pixel, double scale, double offset, int source, int input, int points) {
    const double ratio = static_cast<double>(points) / input;
    // The points whose centre shows the picture.
    int first = points - 1, last = 0;
    for (int point = 0; point < points; ++point) {
      const double center = (point + 0.5) / ratio + 1e-6;
      if (center < offset || center >= offset + source * scale) continue;
      first = std::min(first, point);
      last = std::max(last, point);
    }
    const double position = std::clamp<double>(((pixel + 0.5) * scale + offset) * ratio - 0.5, first, last);
    const int low = static_cast<int>(std::floor(position));
    return Point{low, std::min(low + 1, last), position - low};
  };
  Mask mask;
  for (int y = 0; y < placement.source_height; ++y) {
    const Point down =
        locate(y, placement.scale_y, placement.offset_y, placement.source_height, placement.input_height, spec.height);
    for (int x = 0; x < placement.source_width; ++x) {
      const Point across =
          locate(x, placement.scale_x, placement.offset_x, placement.source_width, placement.input_width, spec.width);
      double best = -INFINITY, second = -INFINITY;
      int winner = 0;
      const int channels = std::max(spec.channels, 2);
      for (int c = 0; c < channels; ++c) {
        double score = spec.threshold;  // the background of a binary map
        if (spec.channels > 1 || c == 1) {
          const int plane = spec.channels > 1 ? c : 0;
          const double top = value(plane, down.low, across.low) * (1 - across.weight) +
                             value(plane, down.low, across.high) * across.weight;
          const double bottom = value(plane, down.high, across.low) * (1 - across.weight) +
                                value(plane, down.high, across.high) * across.weight;
          score = top * (1 - down.weight) + bottom * down.weight;
        }
        if (score > best) {
          second = best;
          best = score;
          winner = c;
        } else {
          second = std::max(second, score);
        }
      }
      mask.push_back(best - second < 1e-5 ? 0xFF : static_cast<std::uint8_t>(winner));
    }
  }
  return mask;
}

TEST(Masks, AgreeWithInterpolationOfEveryScore) {
  std::mt19937 random(3);
  std::normal_distribution<float> noise;
  std::size_t open = 0;
  std::size_t pixels = 0;
  for (int round = 0; round < 120; ++round) {
    const auto upto = [&](int limit) { return 1 + static_cast<int>(random() % static_cast<unsigned>(limit)); };
    MaskSpec spec =
        argmax(upto(8), upto(20), upto(20), round % 2 == 0 ? Layout::kChannelsFirst : Layout::kChannelsLast);
    std::vector<float> output(static_cast<std::size_t>(spec.channels * spec.width * spec.height));
    // Between noise, where every patch is contested, and regions.
    const float regions = static_cast<float>(round % 4) * 3;
    for (std::size_t i = 0; i < output.size(); ++i) {
      output[i] = noise(random) + regions * std::sin(static_cast<float>(i) / 9);
    }
    Placement placement = stretched(upto(90), upto(90), 64);
    if (round % 3 > 0) {  // letterbox, then crop
      const double side = round % 3 == 1 ? std::max(placement.source_width, placement.source_height)
                                         : std::min(placement.source_width, placement.source_height);
      placement.scale_x = placement.scale_y = 64 / side;
      placement.offset_x = std::floor((64 - placement.source_width * placement.scale_x) / 2);
      placement.offset_y = std::floor((64 - placement.source_height * placement.scale_y) / 2);
    }
    const auto shows_a_point = [](double offset, double extent, int points) {
      for (int point = 0; point < points; ++point) {
        const double center = (point + 0.5) * 64 / points;
        if (center >= offset + 1e-3 && center < offset + extent - 1e-3) return true;
      }
      return false;
    };
    if (!shows_a_point(placement.offset_x, placement.source_width * placement.scale_x, spec.width) ||
        !shows_a_point(placement.offset_y, placement.source_height * placement.scale_y, spec.height)) {
      continue;
    }
    const Mask expected = obvious(output, spec, placement);
    const Mask received = decode(output, spec, placement);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      open += expected[i] == 0xFF;
      wrong += expected[i] != 0xFF && expected[i] != received[i];
    }
    pixels += expected.size();
    EXPECT_EQ(wrong, 0u) << "round " << round << " of " << expected.size() << " pixels";
  }
  EXPECT_GT(pixels, 100000u);
  EXPECT_LT(open, pixels / 100);
}

TEST(Masks, TiesGoToTheLowestChannel) {
  EXPECT_EQ(decode(std::vector<float>{1, 1, 1, 1, 2, 0, 2, 0, 2, 1, 2, 1}, argmax(3, 2, 2), stretched(2, 2, 2)),
            (Mask{1, 0, 1, 0}));
}

TEST(Masks, TwoChannelsAreBackgroundAndForeground) {
  const std::vector<float> interleaved = {0.9f, 0.1f, 0.2f, 0.8f};
  EXPECT_EQ(decode(interleaved, argmax(2, 2, 1, Layout::kChannelsLast), stretched(4, 1, 2)), (Mask{0, 0, 1, 1}));
  const std::vector<float> planar = {0.9f, 0.2f, 0.1f, 0.8f};
  EXPECT_EQ(decode(planar, argmax(2, 2, 1), stretched(4, 1, 2)), (Mask{0, 0, 1, 1}));
}

TEST(Masks, OneChannelIsForegroundFromTheThresholdOn) {
  MaskSpec spec = argmax(1, 3, 1);
  EXPECT_EQ(decode(std::vector{0.5f, 0.499f, 0.6f}, spec, stretched(3, 1, 3)), (Mask{1, 0, 1}));
  spec.threshold = 0;
  spec.activation = ScoreActivation::kSigmoid;  // never below 0
  EXPECT_EQ(decode(std::vector{-200.0f, 0.0f, 200.0f}, spec, stretched(3, 1, 3)), (Mask{1, 1, 1}));
  spec.threshold = 0.5f;
  EXPECT_EQ(decode(std::vector{-200.0f, 0.0f, 200.0f}, spec, stretched(3, 1, 3)), (Mask{0, 1, 1}));
}

TEST(Masks, ProbabilitiesAreInterpolatedNotLogits) {
  MaskSpec spec = argmax(1, 2, 1);
  spec.activation = ScoreActivation::kSigmoid;
  spec.threshold = 0.5f;
  // Halfway lies 0.75 of the probabilities' way up, but the logits' mean is far below 0.
  const std::vector<float> logits = {-1000, 1};
  EXPECT_EQ(decode(logits, spec, stretched(8, 1, 2)), (Mask{0, 0, 0, 0, 0, 1, 1, 1}));
}

TEST(Masks, NanNeverWins) {
  const MaskSpec spec = argmax(2, 3, 1);
  // Channel 1 is higher, but unknown in the middle, and so in between.
  const std::vector<float> hole = {0, 0, 0, 5, NAN, 5};
  EXPECT_EQ(decode(hole, spec, stretched(3, 1, 3)), (Mask{1, 0, 1}));
  EXPECT_EQ(decode(hole, spec, stretched(9, 1, 3)), (Mask{1, 1, 0, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(decode(std::vector{NAN, NAN, NAN, 5.0f, -kInfinity, 5.0f}, spec, stretched(3, 1, 3)), (Mask{1, 1, 1}));
  EXPECT_EQ(decode(std::vector{NAN, NAN, NAN, NAN, NAN, 5.0f}, spec, stretched(3, 1, 3)), (Mask{0, 0, 1}));
  EXPECT_EQ(decode(std::vector{NAN, NAN, 5.0f}, argmax(1, 3, 1), stretched(3, 1, 3)), (Mask{0, 0, 1}));
  // Where each channel is unknown at some corner, none wins.
  EXPECT_EQ(decode(std::vector{NAN, 5.0f, 0.0f, NAN}, argmax(2, 2, 1), stretched(6, 1, 2)), (Mask{1, 1, 0, 0, 0, 0}));
  EXPECT_EQ(decode(std::vector{5.0f, NAN, NAN, 0.0f}, argmax(2, 2, 1), stretched(6, 1, 2)), (Mask{0, 0, 0, 0, 1, 1}));
}

TEST(Masks, FailsWhereNoScoreIsFinite) {
  for (const int channels : {1, 2}) {
    for (const float value : {static_cast<float>(NAN), kInfinity, -kInfinity}) {
      Mask mask(5);
      const std::vector<float> output(static_cast<std::size_t>(channels) * 3, value);
      ClassCounts counts;
      const Status status = decode_mask(output, argmax(channels, 3, 1), stretched(5, 1, 3), mask, counts);
      ASSERT_FALSE(status.ok()) << channels << " " << value;
      EXPECT_EQ(status.error().code, error_code::kEngineFailed);
    }
  }
}

TEST(Masks, PaddingHasNoSay) {
  // A map of 1 x 4 points: the outer two lie in the padding and shout.
  const std::vector<float> output = {0, 1, 1, 0, 99, 0, 0, 99};
  const Placement letterboxed = {20, 10, 40, 40, 2, 2, 0, 10};
  EXPECT_EQ(decode(output, argmax(2, 1, 4), letterboxed), Mask(200, 0));
}

TEST(Masks, WhatACropCutOffContinuesTheEdge) {
  // The input shows the middle 4 of 12 columns.
  const std::vector<float> output = {1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1};
  const Placement cropped = {12, 1, 4, 1, 1, 1, -4, 0};
  EXPECT_EQ(decode(output, argmax(3, 4, 1), cropped), (Mask{0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2}));
}

TEST(Masks, ThinPicturesStillFindAPoint) {
  // One pixel high in the input, between the centres of the map's rows.
  const Placement thin = {64, 1, 64, 64, 1, 1, 0, 31};
  EXPECT_EQ(decode(std::vector<float>{1, 1, 0, 0, 0, 0, 1, 1}, argmax(2, 2, 2), thin).size(), 64u);
  EXPECT_EQ(decode(std::vector<float>{0, 1}, argmax(2, 1, 1), thin), Mask(64, 1));
}

TEST(Masks, AllChannelsOfAByteCanWin) {
  std::vector<float> output(256 * 256, 0);
  for (std::size_t i = 0; i < 256; ++i) output[i * 256 + i] = 1;  // channel i wins at point i
  const Mask mask = decode(output, argmax(256, 16, 16), stretched(16, 16, 16));
  for (std::size_t i = 0; i < 256; ++i) EXPECT_EQ(mask[i], i);
}

std::string_view code_of(const MaskSpec& spec, std::size_t values, const Placement& placement, std::size_t pixels) {
  Mask mask(pixels);
  ClassCounts counts;
  const Status status = decode_mask(std::vector<float>(values), spec, placement, mask, counts);
  return status.ok() ? "OK" : status.error().code;
}

TEST(Masks, WrongSpecsAreRefused) {
  const Placement placement = stretched(5, 4, 6);
  EXPECT_EQ(code_of(argmax(2, 3, 2), 12, placement, 20), "OK");
  EXPECT_EQ(code_of(argmax(2, 3, 2), 11, placement, 20), error_code::kInternal);
  EXPECT_EQ(code_of(argmax(2, 3, 2), 12, placement, 19), error_code::kInternal);
  // 2^64 scores, which is 0 in 64 bits.
  EXPECT_EQ(code_of(argmax(16, 1 << 30, 1 << 30), 0, placement, 20), error_code::kInternal);
  EXPECT_EQ(code_of(argmax(257, 1, 1), 257, placement, 20), error_code::kInvalidArgument);
  EXPECT_EQ(code_of(argmax(0, 1, 1), 0, placement, 20), error_code::kInvalidArgument);
  EXPECT_EQ(code_of(argmax(2, 0, 1), 0, placement, 20), error_code::kInvalidArgument);
  EXPECT_EQ(code_of(argmax(2, 3, 2), 12, Placement(), 0), error_code::kInvalidArgument);
  MaskSpec binary = argmax(1, 1, 1);
  binary.activation = ScoreActivation::kSoftmax;
  EXPECT_EQ(code_of(binary, 1, placement, 20), error_code::kInvalidArgument);
  binary.activation = ScoreActivation::kNone;
  binary.threshold = NAN;
  EXPECT_EQ(code_of(binary, 1, placement, 20), error_code::kInvalidArgument);
}

}  // namespace
}  // namespace foveate
