// Differences of tensors, held against sums of long double.
#include "calibration/difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/half.h"
#include "core/instructions.h"

namespace foveate {
namespace {

std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

FloatElements elements_of(const std::vector<float>& values) { return {values.data(), values.size(), false}; }

TEST(Difference, IsSummedUpByGroup) {
  const AxisLayout layout{2, 9, 601};
  auto reference = normal(2 * 9 * 601, 1);
  auto candidate = reference;
  const auto noise = normal(candidate.size(), 2);
  for (std::size_t i = 0; i < candidate.size(); ++i) candidate[i] += 0.1F * noise[i];
  reference[5] = NAN;
  candidate[6] = INFINITY;
  reference[7] = INFINITY;
  candidate[7] = INFINITY;
  const std::vector<ChannelGroup> groups{{0, 4}, {4, 5}, {5, 9}, {2, 2}, {0, 9}};
  const auto found = compare_tensors(elements_of(reference), elements_of(candidate), layout, groups);
  ASSERT_EQ(found.size(), groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    SCOPED_TRACE(g);
    long double signal = 0;
    long double candidate_signal = 0;
    long double dot = 0;
    long double squares = 0;
    double largest = 0;
    std::uint64_t count = 0;
    std::uint64_t odd_reference = 0;
    std::uint64_t odd_candidate = 0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
      const std::size_t channel = i / layout.inner % layout.channels;
      if (channel < groups[g].begin || channel >= groups[g].end) continue;
      odd_reference += std::isfinite(reference[i]) ? 0 : 1;
      odd_candidate += std::isfinite(candidate[i]) ? 0 : 1;
      if (!std::isfinite(reference[i]) || !std::isfinite(candidate[i])) continue;
      const long double a = reference[i];
      const long double b = candidate[i];
      ++count;
      signal += a * a;
      candidate_signal += b * b;
      dot += a * b;
      squares += (a - b) * (a - b);
      largest = std::max(largest, std::abs(static_cast<double>(a - b)));
    }
    EXPECT_EQ(found[g].count, count);
    EXPECT_EQ(found[g].reference_non_finite, odd_reference);
    EXPECT_EQ(found[g].candidate_non_finite, odd_candidate);
    EXPECT_NEAR(found[g].signal, static_cast<double>(signal), 1e-9);
    EXPECT_NEAR(found[g].candidate_signal, static_cast<double>(candidate_signal), 1e-9);
    EXPECT_NEAR(found[g].dot, static_cast<double>(dot), 1e-9);
    EXPECT_NEAR(found[g].noise, static_cast<double>(squares), 1e-10);
    EXPECT_EQ(found[g].largest, largest);
  }
}

TEST(Difference, IsTheSameWithAllInstructions) {
  const AxisLayout layout{1, 1, 10007};
  auto reference = normal(10007, 3);
  auto candidate = normal(10007, 4);
  for (std::size_t i = 0; i < reference.size(); i += 3) reference[i] *= 1e9F;  // differences that a double rounds
  for (std::size_t i = 0; i < reference.size(); i += 5) candidate[i] *= 1e-9F;
  const std::vector<ChannelGroup> all{{0, 1}};
  const auto with = [&](Instructions limit) {
    limit_instructions(limit);
    const TensorDifference found = compare_tensors(elements_of(reference), elements_of(candidate), layout, all)[0];
    limit_instructions(Instructions::kAvx512);
    return found;
  };
  const TensorDifference baseline = with(Instructions::kBaseline);
  for (const Instructions limit : {Instructions::kAvx2, Instructions::kAvx512}) {
    const TensorDifference found = with(limit);
    EXPECT_EQ(found.signal, baseline.signal);
    EXPECT_EQ(found.candidate_signal, baseline.candidate_signal);
    EXPECT_EQ(found.dot, baseline.dot);
    EXPECT_EQ(found.noise, baseline.noise);
    EXPECT_EQ(found.largest, baseline.largest);
  }
}

TEST(Difference, TakesHalvesBesideFloats) {
  const std::vector<float> reference{1, 2, 3, 4};
  std::vector<std::uint16_t> candidate;
  for (const float value : {1.0F, 2.5F, 3.0F, -4.0F}) candidate.push_back(float_to_half(value));
  const std::vector<ChannelGroup> groups{{0, 2}, {2, 4}};
  const auto found = compare_tensors(elements_of(reference), {candidate.data(), 4, true}, {1, 4, 1}, groups);
  EXPECT_EQ(found[0].noise, 0.25);
  EXPECT_EQ(found[0].largest, 0.5);
  EXPECT_EQ(found[1].noise, 64.0);
  EXPECT_EQ(found[1].largest, 8.0);
  EXPECT_EQ(found[1].dot, -7.0);
}

TEST(Difference, IsNothingOfEmptyTensors) {
  const std::vector<ChannelGroup> all{{0, 3}};
  const auto found = compare_tensors({nullptr, 0, false}, {nullptr, 0, false}, {0, 3, 5}, all);
  EXPECT_EQ(found[0].count, 0U);
}

TEST(Difference, TakesNoTimeForNothing) {
  constexpr std::size_t kEndless = std::size_t{1} << 60;
  const std::vector<ChannelGroup> all{{0, 3}};
  EXPECT_EQ(compare_tensors({}, {}, {kEndless, 3, 0}, all)[0].count, 0U);
  const std::vector<float> values(1 << 16);
  const std::vector<ChannelGroup> empty(1 << 20, {1, 1});
  const FloatElements elements{values.data(), values.size(), false};
  EXPECT_EQ(compare_tensors(elements, elements, {values.size(), 1, 1}, empty).size(), empty.size());
}

}  // namespace
}  // namespace foveate
