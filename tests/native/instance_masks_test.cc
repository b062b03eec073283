#include "vision/instance_masks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

namespace foveate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
using Floats = std::vector<float>;
using Bytes = std::vector<std::uint8_t>;

struct Given {
  Floats prototypes;
  int count = 1;
  int height = 1;
  int width = 1;
  Floats boxes;
  Floats coefficients;
  Placement placement;

  Result<InstanceMasks> decode() const {
    auto pool = std::make_shared<MemoryPool>(1 << 20);
    return decode_instance_masks({prototypes, count, height, width}, boxes, coefficients, placement, *pool);
  }

  std::string_view code() const {
    auto decoded = decode();
    return decoded.ok() ? "OK" : decoded.status().error().code;
  }
};

// The bytes of object `index`.
Bytes mask_of(const InstanceMasks& masks, std::size_t index) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < index; ++i) offset += masks.areas[i].pixels();
  const auto* data = reinterpret_cast<const std::uint8_t*>(masks.data->data()) + offset;
  return {data, data + masks.areas[index].pixels()};
}

Placement stretched(int width, int height, int input = 64) {
  return {width, height, input, input, static_cast<double>(input) / width, static_cast<double>(input) / height, 0, 0};
}

// The combination at a pixel, in double precision: all prototypes interpolated by themselves, then summed.
double value_at(const Given& given, std::size_t object, int x, int y) {
  const auto place = [](int pixel, double scale, double offset, int input, int points) {
    return std::clamp(((pixel + 0.5) * scale + offset) * points / input - 0.5, 0.0, points - 1.0);
  };
  const double px =
      place(x, given.placement.scale_x, given.placement.offset_x, given.placement.input_width, given.width);
  const double py =
      place(y, given.placement.scale_y, given.placement.offset_y, given.placement.input_height, given.height);
  const int left = static_cast<int>(px);
  const int top = static_cast<int>(py);
  double sum = 0;
  for (int k = 0; k < given.count; ++k) {
    const auto point = [&](int column, int row) {
      column = std::min(column, given.width - 1);
      row = std::min(row, given.height - 1);
      return static_cast<double>(
          given.prototypes[static_cast<std::size_t>((k * given.height + row) * given.width + column)]);
    };
    const double upper = point(left, top) * (1 - (px - left)) + point(left + 1, top) * (px - left);
    const double lower = point(left, top + 1) * (1 - (px - left)) + point(left + 1, top + 1) * (px - left);
    sum += given.coefficients[object * static_cast<std::size_t>(given.count) + static_cast<std::size_t>(k)] *
           (upper * (1 - (py - top)) + lower * (py - top));
  }
  return sum;
}

TEST(InstanceMasks, AgreeWithTheDefinition) {
  std::mt19937 random(9);
  std::uniform_real_distribution<float> unit(0, 1);
  const auto size = [&](unsigned least, unsigned most) {
    return static_cast<int>(least + random() % (most - least + 1));
  };
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    Given given;
    given.count = size(1, 5);
    // Smaller than the picture, and larger.
    given.width = size(1, 50);
    given.height = size(1, 50);
    given.placement = stretched(size(1, 60), size(1, 60));
    given.prototypes.resize(static_cast<std::size_t>(given.count * given.width * given.height));
    for (float& value : given.prototypes) value = unit(random) - 0.5f;
    const auto source_width = static_cast<float>(given.placement.source_width);
    const auto source_height = static_cast<float>(given.placement.source_height);
    for (int i = 0; i < 4; ++i) {
      const float x = unit(random) * source_width;
      const float y = unit(random) * source_height;
      const Floats box = {x, y, x + unit(random) * (source_width - x), y + unit(random) * (source_height - y)};
      given.boxes.insert(given.boxes.end(), box.begin(), box.end());
      for (int k = 0; k < given.count; ++k) given.coefficients.push_back(unit(random) - 0.5f);
    }
    auto decoded = given.decode();
    ASSERT_TRUE(decoded.ok());
    const InstanceMasks& masks = decoded.value();
    ASSERT_EQ(masks.areas.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
      const MaskArea& area = masks.areas[i];
      // Pixels whose corner lies in the box.
      EXPECT_EQ(area.x, static_cast<int>(std::ceil(given.boxes[4 * i])));
      EXPECT_EQ(area.y + area.height, static_cast<int>(std::ceil(given.boxes[4 * i + 3])));
      if (area.pixels() == 0) continue;
      const Bytes mask = mask_of(masks, i);
      for (int y = 0; y < area.height; ++y) {
        for (int x = 0; x < area.width; ++x) {
          const double value = value_at(given, i, area.x + x, area.y + y);
          if (std::fabs(value) < 1e-5) continue;  // rounding decides
          EXPECT_EQ(mask[static_cast<std::size_t>(y * area.width + x)], value > 0 ? 1 : 0) << x << ", " << y;
        }
      }
    }
  }
}

TEST(InstanceMasks, ReachTheEdgesOfThePicture) {
  const Given given = {Floats(16, 1),   1, 4, 4, {0, 0, 10, 8, 9.5f, 7.5f, 10, 8, 9, 7, 10, 8}, {1, 1, 1},
                       stretched(10, 8)};
  auto decoded = given.decode();
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded.value().areas[0].pixels(), 80u);
  EXPECT_EQ(mask_of(decoded.value(), 0), Bytes(80, 1));
  EXPECT_EQ(decoded.value().areas[1].pixels(), 0u);  // no pixel's corner lies in it
  EXPECT_EQ(mask_of(decoded.value(), 2), Bytes(1, 1));
}

TEST(InstanceMasks, OfEmptyBoxesHaveNoMemory) {
  const Given given = {Floats(16, 1), 1, 4, 4, {3, 3, 3, 3, 5, 5, 2, 2, 10, 8, 10, 8}, {1, 1, 1}, stretched(10, 8)};
  auto decoded = given.decode();
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded.value().areas.size(), 3u);
  for (const MaskArea& area : decoded.value().areas) EXPECT_EQ(area.pixels(), 0u);
  EXPECT_EQ(decoded.value().data, nullptr);
  auto none = Given{Floats(16, 1), 1, 4, 4, {}, {}, stretched(10, 8)}.decode();
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none.value().areas.empty());
}

TEST(InstanceMasks, BoxesBeyondThePictureEndAtItsEdge) {
  const Given given = {Floats(16, 1), 1, 4, 4, {-1e30f, -5, 1e30f, kInfinity}, {1}, stretched(10, 8)};
  auto decoded = given.decode();
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(mask_of(decoded.value(), 0), Bytes(80, 1));
}

TEST(InstanceMasks, NumbersThatAreNoneAreNotTheObjects) {
  Given given = {Floats(2 * 16, 1), 2, 4, 4, {0, 0, 10, 8, 0, 0, 10, 8}, {1, NAN, 1, 1}, stretched(10, 8)};
  given.prototypes[0] = NAN;
  auto decoded = given.decode();
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(mask_of(decoded.value(), 0), Bytes(80, 0));
  const Bytes second = mask_of(decoded.value(), 1);
  EXPECT_EQ(second.front(), 0);
  EXPECT_EQ(second.back(), 1);
  EXPECT_EQ(std::count(second.begin(), second.end(), 1), 80 - 4 * 3);  // all but the pixels near the first point
}

TEST(InstanceMasks, PaddingHasNoSay) {
  // The picture lies in the lower half of the input; the upper half of the prototypes is another thing.
  Floats prototypes(8, -100);
  std::fill(prototypes.begin() + 4, prototypes.end(), 0.5f);
  const Given given = {prototypes, 1, 4, 2, {0, 0, 20, 10}, {1}, {20, 10, 20, 20, 1, 1, 0, 10}};
  auto decoded = given.decode();
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(mask_of(decoded.value(), 0), Bytes(200, 1));
}

TEST(InstanceMasks, AreRefusedBeforeTheyTakeAllMemory) {
  Given given;
  given.prototypes = {1};
  given.placement = stretched(60000, 20000);
  given.boxes = {0, 0, 60000, 20000};
  given.coefficients = {1};
  EXPECT_EQ(given.code(), error_code::kOutOfMemory);
}

TEST(InstanceMasks, EndWhenTheyAreCancelled) {
  Given given;
  given.prototypes = {1};
  given.placement = stretched(4, 4);
  given.boxes = {0, 0, 4, 4};
  given.coefficients = {1};
  CancelToken token;
  token.cancel();
  auto pool = std::make_shared<MemoryPool>(1 << 20);
  auto masks = decode_instance_masks({given.prototypes, 1, 1, 1}, given.boxes, given.coefficients, given.placement,
                                     *pool, &token);
  ASSERT_FALSE(masks.ok());
  EXPECT_EQ(masks.status().error().code, error_code::kAborted);
}

TEST(InstanceMasks, WhatDoesNotFitTogetherIsRefused) {
  const Given sound = {Floats(32, 1), 2, 4, 4, {0, 0, 9, 9}, {1, 1}, stretched(10, 10)};
  EXPECT_EQ(sound.code(), "OK");
  const auto code = [&](auto&& change) {
    Given wrong = sound;
    change(wrong);
    return wrong.code();
  };
  EXPECT_EQ(code([](auto& wrong) { wrong.prototypes.pop_back(); }), error_code::kInternal);
  EXPECT_EQ(code([](auto& wrong) { wrong.coefficients.pop_back(); }), error_code::kInternal);
  EXPECT_EQ(code([](auto& wrong) { wrong.coefficients.push_back(0); }), error_code::kInternal);
  EXPECT_EQ(code([](auto& wrong) { wrong.boxes.resize(8); }), error_code::kInternal);
  EXPECT_EQ(code([](auto& wrong) { wrong.count = 0; }), error_code::kInvalidArgument);
  EXPECT_EQ(code([](auto& wrong) { wrong.height = -4; }), error_code::kInvalidArgument);
  EXPECT_EQ(code([](auto& wrong) { wrong.placement = {}; }), error_code::kInvalidArgument);
  EXPECT_EQ(code([](auto& wrong) { wrong.placement.input_width = 0; }), error_code::kInvalidArgument);
  EXPECT_EQ(code([](auto& wrong) { wrong.placement.offset_x = NAN; }), error_code::kInvalidArgument);
}

}  // namespace
}  // namespace foveate
