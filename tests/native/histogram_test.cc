// Streamed histograms, held against plain counting of the same elements.
#include "calibration/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "calibration/float_tiles.h"
#include "core/half.h"
#include "core/instructions.h"

namespace foveate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Plain {
  std::uint64_t non_finite = 0;
  float min = 0;
  float max = 0;
  int exponent = 0;
  std::int64_t first = 0;
  std::vector<std::uint64_t> counts;
};

std::int64_t plain_bin(float value, int exponent) {
  return static_cast<std::int64_t>(std::floor(static_cast<long double>(value) / std::exp2l(exponent)));
}

Plain count_plainly(const std::vector<float>& values) {
  Plain plain;
  std::vector<float> finite;
  for (const float value : values) {
    if (std::isfinite(value)) finite.push_back(value);
  }
  plain.non_finite = values.size() - finite.size();
  if (finite.empty()) return plain;
  plain.min = *std::min_element(finite.begin(), finite.end()) + 0.0F;
  plain.max = *std::max_element(finite.begin(), finite.end()) + 0.0F;
  // From above: the narrowest that still fits, and whose numbers are exact.
  const auto fits = [&](int exponent) {
    const std::int64_t low = plain_bin(plain.min, exponent);
    const std::int64_t high = plain_bin(plain.max, exponent);
    return high - low < 8192 && std::max(std::abs(plain.min), std::abs(plain.max)) < std::exp2l(24 + exponent);
  };
  plain.exponent = 120;
  while (plain.exponent > -126 && fits(plain.exponent - 1)) --plain.exponent;
  plain.first = plain_bin(plain.min, plain.exponent);
  plain.counts.resize(static_cast<std::size_t>(plain_bin(plain.max, plain.exponent) - plain.first + 1));
  for (const float value : finite) {
    ++plain.counts[static_cast<std::size_t>(plain_bin(value, plain.exponent) - plain.first)];
  }
  return plain;
}

void expect_like(const Histogram& histogram, const Plain& plain) {
  EXPECT_EQ(histogram.non_finite(), plain.non_finite);
  EXPECT_EQ(histogram.min(), plain.min);
  EXPECT_EQ(histogram.max(), plain.max);
  EXPECT_FALSE(std::signbit(histogram.min()) && histogram.min() == 0);
  EXPECT_EQ(histogram.counts(), plain.counts);
  if (plain.counts.empty()) return;
  EXPECT_EQ(histogram.exponent(), plain.exponent);
  EXPECT_EQ(histogram.first(), plain.first);
}

Histogram histogram_of(const std::vector<float>& values) {
  Histogram histogram;
  histogram.add({values.data(), values.size(), false});
  return histogram;
}

void expect_same(const Histogram& one, const Histogram& other) {
  EXPECT_EQ(one.finite(), other.finite());
  EXPECT_EQ(one.non_finite(), other.non_finite());
  EXPECT_EQ(one.min(), other.min());
  EXPECT_EQ(one.max(), other.max());
  EXPECT_EQ(one.exponent(), other.exponent());
  EXPECT_EQ(one.first(), other.first());
  EXPECT_EQ(one.counts(), other.counts());
}

std::vector<float> normal(std::size_t count, unsigned seed, float scale = 1, float shift = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random) * scale + shift;
  return values;
}

class EachInstructions : public testing::TestWithParam<Instructions> {
 protected:
  void SetUp() override { limit_instructions(GetParam()); }
  void TearDown() override { limit_instructions(Instructions::kAvx512); }
};
INSTANTIATE_TEST_SUITE_P(Histogram, EachInstructions,
                         testing::Values(Instructions::kBaseline, Instructions::kAvx2, Instructions::kAvx512));

TEST_P(EachInstructions, CountsAsPlainCountingDoes) {
  for (const std::size_t count : {0U, 1U, 2U, 15U, 4095U, 4096U, 4097U, 32767U, 32768U, 32771U, 70001U}) {
    SCOPED_TRACE(count);
    expect_like(histogram_of(normal(count, 1)), count_plainly(normal(count, 1)));
    std::vector<float> relu = normal(count, 2, 3);
    for (float& value : relu) value = std::max(value, 0.0F);
    expect_like(histogram_of(relu), count_plainly(relu));
  }
}

TEST_P(EachInstructions, TakesEveryKindOfFloat) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float least = std::numeric_limits<float>::min();
  const float greatest = std::numeric_limits<float>::max();
  const std::vector<std::vector<float>> cases{
      {0},
      {-0.0F},
      {-0.0F, 0.0F, -0.0F},
      {1},
      {-1},
      {-7.25F, -7.25F},
      {tiny},
      {-tiny},
      {-tiny, 1e30F},
      {-tiny, -least, 0, tiny, least},
      {-least / 2, 8191 * least},
      {greatest},
      {-greatest, greatest},
      {-greatest, -tiny, tiny, greatest},
      {1e38F, -1e38F, 0.5F},
      {6, 6, 6, 0},
      {-1e-30F, 100},
      {8191},
      {0, 8191},
      {0, 8192},
      {-1, 8191},
      {-0.5F, 8191.5F},
      {16777215, 16777214},
      {1, std::nextafter(1.0F, 2.0F)},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    expect_like(histogram_of(cases[i]), count_plainly(cases[i]));
    // The same among so many that partial counts are used.
    std::vector<float> many;
    while (many.size() < 50000) many.insert(many.end(), cases[i].begin(), cases[i].end());
    expect_like(histogram_of(many), count_plainly(many));
  }
}

TEST_P(EachInstructions, CountsWhatIsNotFiniteApart) {
  std::vector<float> values = normal(50000, 3);
  values[0] = std::nanf("");
  values[4096] = kInfinity;
  values[4097] = -kInfinity;
  std::fill(values.begin() + 8192, values.begin() + 12288, -std::nanf(""));
  values.back() = std::nanf("");
  expect_like(histogram_of(values), count_plainly(values));
  const Histogram nothing = histogram_of({std::nanf(""), kInfinity});
  EXPECT_EQ(nothing.finite(), 0U);
  EXPECT_EQ(nothing.non_finite(), 2U);
  EXPECT_TRUE(nothing.counts().empty());
}

TEST_P(EachInstructions, ReadsHalvesAsTheFloatsTheyAre) {
  std::vector<std::uint16_t> halves(65536);
  std::vector<float> floats(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    halves[i] = static_cast<std::uint16_t>(i);
    floats[i] = half_to_float(halves[i]);
  }
  std::vector<float> converted(65536);
  halves_to_floats(halves.data(), halves.size(), converted.data());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(converted[i]), std::bit_cast<std::uint32_t>(floats[i])) << i;
  }
  Histogram histogram;
  histogram.add({halves.data(), halves.size(), true});
  expect_like(histogram, count_plainly(floats));
}

TEST_P(EachInstructions, GrowsInTheMiddleOfATensor) {
  std::vector<float> values;
  for (int step = -20; step <= 20; ++step) {  // each tile reaches further than the ones before it
    const std::vector<float> part = normal(kTile, static_cast<unsigned>(step + 50), std::ldexp(1.0F, step));
    values.insert(values.end(), part.begin(), part.end());
  }
  expect_like(histogram_of(values), count_plainly(values));
  std::reverse(values.begin(), values.end());
  expect_like(histogram_of(values), count_plainly(values));
}

TEST(Histogram, DoesNotDependOnOrderOrParts) {
  std::mt19937 random(4);
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    std::vector<std::vector<float>> pictures;
    std::vector<float> all;
    for (unsigned i = 0; i < 6; ++i) {
      const float scale = std::ldexp(1.0F, static_cast<int>(random() % 40) - 20);
      pictures.push_back(
          normal(random() % 9000, static_cast<unsigned>(random()), scale, scale * static_cast<float>(random() % 5)));
      all.insert(all.end(), pictures.back().begin(), pictures.back().end());
    }
    const Histogram whole = histogram_of(all);
    std::shuffle(pictures.begin(), pictures.end(), random);
    Histogram streamed;
    Histogram left;
    Histogram right;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const FloatElements elements{pictures[i].data(), pictures[i].size(), false};
      streamed.add(elements);
      (i < 3 ? left : right).add(elements);
    }
    expect_same(streamed, whole);
    Histogram merged = left;
    merged.merge(right);
    expect_same(merged, whole);
    right.merge(left);
    expect_same(right, whole);
  }
}

TEST(Histogram, TellsTheRangeOfEachCall) {
  Histogram histogram;
  const std::vector<float> wide{-100, 100};
  const std::vector<float> narrow{1, 2, std::nanf("")};
  histogram.add({wide.data(), wide.size(), false});
  const Histogram::Added added = histogram.add({narrow.data(), narrow.size(), false});
  EXPECT_EQ(added.min, 1.0F);
  EXPECT_EQ(added.max, 2.0F);
  EXPECT_EQ(added.finite, 2U);
  EXPECT_EQ(added.non_finite, 1U);
}

TEST(Histogram, IsRestoredFromWhatItTold) {
  const Histogram histogram = histogram_of(normal(40000, 5, 2, 1));
  Histogram restored;
  const auto counts = histogram.counts();
  ASSERT_TRUE(Histogram::restore(3, histogram.min(), histogram.max(), histogram.exponent(), histogram.first(), counts,
                                 restored));
  EXPECT_EQ(restored.non_finite(), 3U);
  EXPECT_EQ(restored.finite(), histogram.finite());
  EXPECT_EQ(restored.counts(), counts);
}

TEST(Histogram, IsNotRestoredFromWhatCannotBe) {
  const Histogram histogram = histogram_of(normal(1000, 6));
  const auto counts = histogram.counts();
  const auto restores = [&](float min, float max, int exponent, int first, std::vector<std::uint64_t> given) {
    Histogram result;
    return Histogram::restore(0, min, max, exponent, first, given, result);
  };
  const float min = histogram.min();
  const float max = histogram.max();
  const int exponent = histogram.exponent();
  const int first = histogram.first();
  ASSERT_TRUE(restores(min, max, exponent, first, counts));
  EXPECT_FALSE(restores(max, min, exponent, first, counts));
  EXPECT_FALSE(restores(std::nanf(""), max, exponent, first, counts));
  EXPECT_FALSE(restores(min, kInfinity, exponent, first, counts));
  EXPECT_FALSE(restores(min, max, exponent + 1, first, counts));
  EXPECT_FALSE(restores(min, max, -2000000000, first, counts));
  EXPECT_FALSE(restores(min, max, exponent, first + 1, counts));
  auto shorter = counts;
  shorter.pop_back();
  EXPECT_FALSE(restores(min, max, exponent, first, shorter));
  auto without_least = counts;
  without_least.front() = 0;
  EXPECT_FALSE(restores(min, max, exponent, first, without_least));
}

}  // namespace
}  // namespace foveate
