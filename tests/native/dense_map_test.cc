#include "vision/dense_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

namespace foveate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
using Floats = std::vector<float>;

struct Decoded {
  Floats values;
  ValueRange range;
};

Decoded decode(const Floats& output, const DenseMapSpec& spec, const Placement& placement) {
  Decoded decoded;
  decoded.values.assign(
      static_cast<std::size_t>(placement.source_width) * static_cast<std::size_t>(placement.source_height), -777.0f);
  auto range = decode_dense_map(output, spec, placement, decoded.values);
  EXPECT_TRUE(range.ok()) << range.status().error().message;
  if (range.ok()) decoded.range = range.value();
  return decoded;
}

Placement stretched(int width, int height) { return {width, height, 60, 60, 60.0 / width, 60.0 / height, 0, 0}; }

DenseMapSpec map_of(int width, int height, MapInterpolation interpolation = MapInterpolation::kBilinear) {
  return {height, width, MapScaling::kNone, interpolation};
}

// The definition in double precision: how much each point of one axis counts for a pixel. Points whose centre lies in
// the padding are not there.
std::vector<double> weights_of(int pixel, double scale, double offset, int pixels, int input, int points,
                               MapInterpolation interpolation) {
  const double ratio = static_cast<double>(points) / input;
  std::vector<int> shown;
  for (int point = 0; point < points; ++point) {
    const double center = (point + 0.5) / ratio;
    if (center >= offset - 1e-5 && center < offset + pixels * scale - 1e-5) shown.push_back(point);
  }
  const double count = static_cast<double>(shown.size());
  double place = ((pixel + 0.5) * scale + offset) * ratio - 0.5 - shown.front();
  std::vector<double> weights(static_cast<std::size_t>(points), 0);
  const auto add = [&](double point, double weight) {
    const auto held = static_cast<std::size_t>(std::clamp(point, 0.0, count - 1));
    weights[static_cast<std::size_t>(shown[held])] += weight;
  };
  if (interpolation == MapInterpolation::kBilinear) {
    place = std::clamp(place, 0.0, count - 1);
    const double low = std::floor(place);
    add(low, 1 - (place - low));
    add(low + 1, place - low);
  } else if (interpolation == MapInterpolation::kBicubic) {
    // Keys 1981, equation 8, with a = -0.75.
    const double low = std::floor(place);
    for (double point = low - 1; point <= low + 2; ++point) {
      const double x = std::fabs(place - point);
      const double a = -0.75;
      add(point,
          x <= 1 ? (a + 2) * x * x * x - (a + 3) * x * x + 1 : a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a);
    }
  } else {
    place = std::clamp(place, -0.5, count - 0.5);
    const double width = std::max(1.0, scale * ratio);
    const auto sinc = [](double x) { return x == 0 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); };
    double sum = 0;
    for (double point = 0; point < count; ++point) {
      const double x = (point - place) / width;
      const double weight = std::fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
      add(point, weight);
      sum += weight;
    }
    for (double& weight : weights) weight /= sum;
  }
  return weights;
}

void expect_obvious(const Floats& output, const DenseMapSpec& spec, const Placement& placement) {
  const Decoded decoded = decode(output, spec, placement);
  float lowest = kInfinity;
  float highest = -kInfinity;
  for (int y = 0; y < placement.source_height; ++y) {
    const auto down = weights_of(y, placement.scale_y, placement.offset_y, placement.source_height,
                                 placement.input_height, spec.height, spec.interpolation);
    for (int x = 0; x < placement.source_width; ++x) {
      const auto across = weights_of(x, placement.scale_x, placement.offset_x, placement.source_width,
                                     placement.input_width, spec.width, spec.interpolation);
      double expected = 0;
      for (std::size_t i = 0; i < output.size(); ++i)
        expected += output[i] * down[i / across.size()] * across[i % across.size()];
      const float received = decoded.values[static_cast<std::size_t>(y * placement.source_width + x)];
      ASSERT_NEAR(received, expected, 2e-5) << x << ", " << y;
      lowest = std::min(lowest, received);
      highest = std::max(highest, received);
    }
  }
  EXPECT_EQ(decoded.range.min, lowest);
  EXPECT_EQ(decoded.range.max, highest);
}

class EveryInterpolation : public ::testing::TestWithParam<MapInterpolation> {};
INSTANTIATE_TEST_SUITE_P(DenseMap, EveryInterpolation,
                         ::testing::Values(MapInterpolation::kBilinear, MapInterpolation::kBicubic,
                                           MapInterpolation::kLanczos));

TEST_P(EveryInterpolation, AgreesWithTheDefinition) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> unit(-1, 1);
  const auto size = [&](int least, int most) {
    return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
  };
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const DenseMapSpec spec = map_of(size(1, 14), size(1, 14), GetParam());
    Floats output(static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height));
    for (float& value : output) value = unit(random);
    Placement placement = stretched(size(1, 40), size(1, 40));
    if (round % 3 == 1) {  // letterboxed
      placement.scale_y *= 0.5;
      placement.offset_y = 15;
    } else if (round % 3 == 2) {  // cropped: the input shows the middle two thirds
      placement.scale_x *= 1.5;
      placement.offset_x = -15;
    }
    expect_obvious(output, spec, placement);
  }
}

TEST_P(EveryInterpolation, PaddingHasNoSay) {
  // A picture in the middle third of the input's height; the padding of the map holds what would be noticed.
  Floats output(9 * 9, 1000);
  for (std::size_t i = 3 * 9; i < 6 * 9; ++i) output[i] = 1;
  const Decoded decoded = decode(output, map_of(9, 9, GetParam()), {90, 30, 90, 90, 1, 1, 0, 30});
  for (const float value : decoded.values) ASSERT_NEAR(value, 1, 1e-5);
}

TEST_P(EveryInterpolation, WhatTheInputDoesNotShowContinuesTheEdge) {
  // Of 300 columns the input shows the 30 in the middle.
  const Floats output = {2, 5, 7, 9};
  const Decoded decoded = decode(output, map_of(4, 1, GetParam()), {300, 1, 30, 30, 1, 30, -135, 0});
  for (std::size_t x = 0; x < 100; ++x) {
    EXPECT_NEAR(decoded.values[x], decoded.values[0], 1e-5) << x;
    EXPECT_NEAR(decoded.values[299 - x], decoded.values[299], 1e-5) << x;
  }
  EXPECT_NEAR(decoded.values[0], 2, 1);
  EXPECT_NEAR(decoded.values[299], 9, 1);
}

TEST_P(EveryInterpolation, AFlatMapStaysFlat) {
  const Decoded decoded = decode(Floats(35, 4), map_of(7, 5, GetParam()), stretched(23, 41));
  for (const float value : decoded.values) ASSERT_NEAR(value, 4, 1e-5);
}

TEST_P(EveryInterpolation, NumbersThatAreNoneReachNoFurtherThanTheFilter) {
  for (const float poison : {NAN, kInfinity}) {
    Floats output(24, 1);
    output[0] = poison;
    const Decoded decoded = decode(output, map_of(24, 1, GetParam()), stretched(24, 1));
    EXPECT_FALSE(std::isfinite(decoded.values[0]));
    for (std::size_t x = 4; x < 24; ++x) EXPECT_NEAR(decoded.values[x], 1, 1e-5) << x;
    EXPECT_NEAR(decoded.range.max, 1, 1e-5);
  }
}

TEST(DenseMap, PixelsRightOnAPointAreThePoint) {
  Floats output = {1, kInfinity, 3, NAN};
  const Decoded decoded = decode(output, map_of(2, 2), stretched(2, 2));
  EXPECT_EQ(decoded.values[0], 1);
  EXPECT_EQ(decoded.values[1], kInfinity);
  EXPECT_EQ(decoded.values[2], 3);
  EXPECT_TRUE(std::isnan(decoded.values[3]));
  EXPECT_EQ(decoded.range.min, 1);
  EXPECT_EQ(decoded.range.max, 3);
}

TEST(DenseMap, MinMaxReachesFromZeroToOneAndIsZeroWhereFlat) {
  DenseMapSpec spec = map_of(2, 2);
  spec.scaling = MapScaling::kMinMax;
  EXPECT_EQ(decode({-2, 0, 2, 6}, spec, stretched(2, 2)).values, (Floats{0, 0.25f, 0.5f, 1}));
  const Decoded flat = decode({3, 3, 3, 3}, spec, stretched(2, 2));
  EXPECT_EQ(flat.values, (Floats{0, 0, 0, 0}));
  EXPECT_EQ(flat.range.max, 0);
  // Infinities do not stretch the range.
  const Decoded odd = decode({1, 5, kInfinity, -kInfinity}, spec, stretched(2, 2));
  EXPECT_EQ(odd.values[1], 1);
  EXPECT_EQ(odd.values[2], kInfinity);
}

TEST(DenseMap, SigmoidIsOfEachPointBeforeInterpolation) {
  DenseMapSpec spec = map_of(2, 1);
  spec.scaling = MapScaling::kSigmoid;
  const Decoded decoded = decode({0, 100}, spec, stretched(4, 1));
  EXPECT_NEAR(decoded.values[0], 0.5, 1e-6);
  EXPECT_NEAR(decoded.values[1], 0.625, 1e-6);
  EXPECT_NEAR(decoded.values[3], 1, 1e-6);
}

TEST(DenseMap, FailsWhereNothingIsFinite) {
  Floats values(4);
  for (const float poison : {NAN, kInfinity}) {
    auto failed = decode_dense_map(Floats(4, poison), map_of(2, 2), stretched(2, 2), values);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.status().error().code, error_code::kEngineFailed);
  }
  // Finite in the padding alone.
  auto failed = decode_dense_map(Floats{1, NAN, NAN, 1}, map_of(1, 4), {2, 2, 4, 4, 2, 1, 0, 1}, values);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().error().code, error_code::kEngineFailed);
}

TEST(DenseMap, WhatMakesNoMapIsRefused) {
  const auto code = [](std::size_t points, const DenseMapSpec& spec, const Placement& placement, std::size_t pixels) {
    Floats values(pixels);
    auto range = decode_dense_map(Floats(points), spec, placement, values);
    return range.ok() ? "OK" : range.status().error().code;
  };
  EXPECT_EQ(code(6, map_of(3, 2), stretched(5, 4), 20), "OK");
  EXPECT_EQ(code(7, map_of(3, 2), stretched(5, 4), 20), error_code::kInternal);
  EXPECT_EQ(code(6, map_of(3, 2), stretched(5, 4), 21), error_code::kInternal);
  EXPECT_EQ(code(0, map_of(0, 2), stretched(5, 4), 20), error_code::kInvalidArgument);
  EXPECT_EQ(code(6, map_of(-3, -2), stretched(5, 4), 20), error_code::kInvalidArgument);
  EXPECT_EQ(code(6, map_of(3, 2), Placement(), 0), error_code::kInvalidArgument);
  EXPECT_EQ(code(6, map_of(3, 2), {5, 4, 60, 60, 0, 15, 0, 0}, 20), error_code::kInvalidArgument);
  EXPECT_EQ(code(6, map_of(3, 2), {5, 4, 60, 60, 12, 15, 0, NAN}, 20), error_code::kInvalidArgument);
}

TEST(GreyMap, SpreadsTheRangeOverAllLevels) {
  std::vector<std::uint8_t> grey(7, 99);
  grey_map(Floats{-1, 0, 1, 3, NAN, kInfinity, -kInfinity}, {-1, 3}, grey);
  EXPECT_EQ(grey, (std::vector<std::uint8_t>{0, 64, 128, 255, 0, 255, 0}));
  grey_map(Floats(7, 5), {5, 5}, grey);
  EXPECT_EQ(grey, std::vector<std::uint8_t>(7, 0));
}

TEST(GreyMap, WritesNoFurtherThanTheShorterSpan) {
  std::vector<std::uint8_t> grey(2, 99);
  grey_map(Floats{1, 0, 1}, {0, 1}, grey);
  EXPECT_EQ(grey, (std::vector<std::uint8_t>{255, 0}));
  grey_map(Floats{0}, {0, 1}, grey);
  EXPECT_EQ(grey, (std::vector<std::uint8_t>{0, 0}));
}

}  // namespace
}  // namespace foveate
