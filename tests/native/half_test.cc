#include "core/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace foveate {
namespace {

constexpr std::uint16_t kInfinity = 0x7c00;
constexpr std::uint16_t kSign = 0x8000;

// By the definition of binary16, in double precision.
double value_of(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const int mantissa = half & 0x3ff;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (half & kSign) != 0 ? -magnitude : magnitude;
}

TEST(Half, EveryFiniteHalfIsThatFloatAndComesBack) {
  for (unsigned bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & kInfinity) == kInfinity) continue;
    ASSERT_EQ(half_to_float(half), static_cast<float>(value_of(half))) << bits;
    ASSERT_EQ(float_to_half(half_to_float(half)), half) << bits;
  }
}

TEST(Half, InfinityAndNanComeBack) {
  constexpr float kFloatInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(half_to_float(kInfinity), kFloatInfinity);
  EXPECT_EQ(half_to_float(kInfinity | kSign), -kFloatInfinity);
  EXPECT_EQ(float_to_half(kFloatInfinity), kInfinity);
  EXPECT_EQ(float_to_half(-kFloatInfinity), kInfinity | kSign);
  for (unsigned mantissa = 1; mantissa < 0x400; ++mantissa) {
    for (const unsigned sign : {0u, 0x8000u}) {
      const float nan = half_to_float(static_cast<std::uint16_t>(sign | kInfinity | mantissa));
      ASSERT_TRUE(std::isnan(nan));
      ASSERT_EQ(float_to_half(nan), sign | kInfinity | 0x200u | mantissa);
    }
  }
}

TEST(Half, RoundsToTheNearestAndHalvesToEven) {
  for (std::uint16_t half = 0; half < 0x7bff; ++half) {  // up to the pair that ends with the largest finite one
    const auto next = static_cast<std::uint16_t>(half + 1);
    const auto middle = static_cast<float>((value_of(half) + value_of(next)) / 2);  // exact in float
    const std::uint16_t even = half % 2 == 0 ? half : next;
    ASSERT_EQ(float_to_half(middle), even) << half;
    ASSERT_EQ(float_to_half(-middle), even | kSign) << half;
    ASSERT_EQ(float_to_half(std::nextafter(middle, 0.0f)), half) << half;
    ASSERT_EQ(float_to_half(std::nextafter(middle, 1e9f)), next) << half;
  }
}

TEST(Half, OverflowsToInfinityFromHalfAStepBeyondTheLargest) {
  EXPECT_EQ(float_to_half(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), kInfinity);
  EXPECT_EQ(float_to_half(-65520.0f), kInfinity | kSign);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::max()), kInfinity);
}

TEST(Half, TinyFloatsBecomeZeroOfTheirSign) {
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(float_to_half(-std::numeric_limits<float>::min()), kSign);
  EXPECT_EQ(float_to_half(-0.0f), kSign);
}

}  // namespace
}  // namespace foveate
