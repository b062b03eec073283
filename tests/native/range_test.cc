// Ranges found from histograms, held against quantising the elements themselves.
#include "calibration/range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "activation_fixture.h"
#include "calibration/density.h"

namespace foveate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<float> normal(std::size_t count, float scale, float shift, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random) * scale + shift;
  return values;
}

TensorStatistics statistics_of(const std::vector<float>& values) {
  ObservedTensor tensor("x", std::nullopt);
  tensor.add(0, DType::kFloat32, Dims{static_cast<std::int64_t>(values.size())}, values.data());
  return tensor.statistics();
}

Range range_of(const std::vector<float>& values, const RangeSpec& spec) {
  return find_range(statistics_of(values), spec).value();
}

double quantized(double x, double min, double max, bool symmetric) {
  if (symmetric) {
    const double scale = static_cast<float>(max / 127);
    return std::clamp(std::nearbyint(x / scale), -127.0, 127.0) * scale;
  }
  const double scale = static_cast<float>((max - min) / 255);
  const double zero = std::clamp(std::nearbyint(-min / scale), 0.0, 255.0);
  return (std::clamp(std::nearbyint(x / scale) + zero, 0.0, 255.0) - zero) * scale;
}

// What the range costs, element by element.
double plain_error(const std::vector<float>& values, const RangeSpec& spec, double min, double max) {
  double sum = 0;
  for (const double x : values) {
    const double wanted = spec.activation(x);
    const double found = spec.after ? quantized(wanted, min, max, spec.symmetric)
                                    : spec.activation(quantized(x, min, max, spec.symmetric));
    sum += (found - wanted) * (found - wanted);
  }
  return sum / static_cast<double>(values.size());
}

std::string told(const RangeSpec& spec) {
  return "activation " + std::to_string(static_cast<int>(spec.activation.kind)) + (spec.symmetric ? " symmetric" : "") +
         (spec.after ? " after" : " before");
}

template <typename Check>
void for_each_spec(const Check& check) {
  for (const Activation& activation : all_activations()) {
    for (const bool symmetric : {false, true}) {
      for (const bool after : {false, true}) {
        RangeSpec spec;
        spec.symmetric = symmetric;
        spec.activation = activation;
        spec.after = after;
        SCOPED_TRACE(told(spec));
        check(spec);
      }
    }
  }
}

TEST(Range, TellsTheErrorOfTheElements) {
  auto values = normal(20000, 2, -0.5F);
  for (std::size_t i = 0; i < 20; ++i) values[i] *= 12;
  for_each_spec([&](RangeSpec spec) {
    for (const RangeMethod method : {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kMse}) {
      spec.method = method;
      const Range range = range_of(values, spec);
      const double plain = plain_error(values, spec, range.min, range.max);
      EXPECT_NEAR(range.error, plain, 0.03 * plain + 1e-9) << static_cast<int>(method);
      double signal = 0;
      for (const double x : values) signal += spec.activation(x) * spec.activation(x);
      signal /= static_cast<double>(values.size());
      EXPECT_NEAR(range.signal, signal, 1e-3 * signal);
    }
  });
}

TEST(Range, FindsTheLeastErrorThatAGridFinds) {
  auto values = normal(3000, 1.5F, 0.4F);
  for (std::size_t i = 0; i < 8; ++i) values[i] = -20 - static_cast<float>(i);
  for_each_spec([&](const RangeSpec& spec) {
    const Range found = range_of(values, spec);
    const double error = plain_error(values, spec, found.min, found.max);
    double least = kInfinity;
    for (int i = 1; i <= 14; ++i) {
      for (int j = 0; j <= (spec.symmetric ? 0 : 14); ++j) {
        const double high = 28 * std::pow(0.75, 14 - i);
        const double low = j == 0 ? 0 : -28 * std::pow(0.75, 14 - j);
        least = std::min(least, plain_error(values, spec, spec.symmetric ? -high : low, high));
      }
    }
    EXPECT_LE(error, 1.03 * least);
  });
}

// Bins are as wide as the levels then, or wider.
TEST(Range, JudgesNarrowRangesBesideAFarOutlier) {
  auto values = normal(20000, 1, 0);
  values[0] = 3000;
  for (const bool symmetric : {false, true}) {
    RangeSpec spec;
    spec.symmetric = symmetric;
    const TensorStatistics statistics = statistics_of(values);
    ASSERT_GT(statistics.exponent, -3);  // bins of at least a quarter
    const Density density = Density::before(statistics, {});
    for (const double reach : {2.0, 5.0, 20.0, 60.0, 1000.0}) {
      const QuantizedLevels levels = symmetric ? QuantizedLevels{static_cast<float>(reach / 127), -127, 127}
                                               : QuantizedLevels{static_cast<float>(reach / 127.5), -128, 127};
      double plain = 0;
      for (const double x : values) plain += (levels(x) - x) * (levels(x) - x);
      plain /= static_cast<double>(values.size());
      EXPECT_NEAR(density.error(levels), plain, 0.05 * plain) << reach;
    }
  }
}

TEST(Range, MinMaxIsAllThatWasSeenAndZero) {
  RangeSpec spec;
  spec.method = RangeMethod::kMinMax;
  Range range = range_of({-1.5F, 3}, spec);
  EXPECT_EQ(range.min, -1.5);
  EXPECT_EQ(range.max, 3.0);
  range = range_of({2, 3}, spec);
  EXPECT_EQ(range.min, 0.0);
  EXPECT_EQ(range.max, 3.0);
  range = range_of({-2, -3}, spec);
  EXPECT_EQ(range.min, -3.0);
  EXPECT_EQ(range.max, 0.0);
  spec.symmetric = true;
  range = range_of({-4, 3}, spec);
  EXPECT_EQ(range.min, -4.0);
  EXPECT_EQ(range.max, 4.0);
  spec.activation = {ActivationKind::kSilu};
  spec.after = true;
  spec.symmetric = false;
  range = range_of({-5, 1}, spec);
  EXPECT_NEAR(range.min, -0.27846454276, 1e-9);  // where x * sigmoid(x) turns
  EXPECT_NEAR(range.max, 0.73105857863, 1e-9);
}

TEST(Range, MovingAverageIsTheMeanOfThePictures) {
  ObservedTensor tensor("x", std::nullopt);
  const std::vector<std::vector<float>> pictures{{-1, 10}, {-2, 20}, {-6, 3}};
  for (std::uint32_t i = 0; i < 3; ++i) tensor.add(i, DType::kFloat32, Dims{2}, pictures[i].data());
  RangeSpec spec;
  spec.method = RangeMethod::kMovingAverage;
  Range range = find_range(tensor.statistics(), spec).value();
  EXPECT_DOUBLE_EQ(range.min, -3);
  EXPECT_DOUBLE_EQ(range.max, 11);
  spec.activation = {ActivationKind::kClip, 0, 6};
  spec.after = true;
  range = find_range(tensor.statistics(), spec).value();
  EXPECT_DOUBLE_EQ(range.min, 0);
  EXPECT_DOUBLE_EQ(range.max, 5);  // 6, 6 and 3
  TensorStatistics without = tensor.statistics();
  without.picture_min.clear();
  without.picture_max.clear();
  EXPECT_EQ(find_range(without, spec).take_status().error().code, error_code::kInvalidArgument);
}

TEST(Range, PercentileLeavesOutTheFarthest) {
  std::vector<float> values(100000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 1000 - 20;  // -20 to 80
  RangeSpec spec;
  spec.method = RangeMethod::kPercentile;
  spec.percentile = 99;
  Range range = range_of(values, spec);
  EXPECT_NEAR(range.min, -19.5, 0.02);
  EXPECT_NEAR(range.max, 79.5, 0.02);
  spec.symmetric = true;
  range = range_of(values, spec);
  EXPECT_NEAR(range.max, 79, 0.02);
  EXPECT_EQ(range.min, -range.max);
  spec.percentile = 100;
  EXPECT_NEAR(range_of(values, spec).max, 79.999, 1e-3);
}

TEST(Range, PercentileOfNearlyNothingIsAll) {
  std::vector<float> values(100000, 0.0F);
  values[17] = 5;
  RangeSpec spec;
  spec.method = RangeMethod::kPercentile;
  spec.percentile = 99;
  spec.activation = {ActivationKind::kRelu};
  spec.after = true;
  EXPECT_GT(range_of(values, spec).max, 0.0);
}

// The divergence as it is written down, over every number of bins kept.
double plain_cut(const std::vector<double>& bins, std::size_t levels) {
  std::size_t best = 0;
  double least = kInfinity;
  double all = 0;
  for (const double bin : bins) all += bin;
  for (std::size_t kept = bins.size(); kept >= levels; --kept) {
    std::vector<double> p(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(kept));
    double inside = 0;
    for (const double bin : p) inside += bin;
    std::vector<double> q(kept);
    for (std::size_t level = 0; level < levels; ++level) {
      double sum = 0;
      double used = 0;
      for (std::size_t i = level * kept / levels; i < (level + 1) * kept / levels; ++i) {
        sum += p[i];
        used += p[i] > 0 ? 1 : 0;
      }
      for (std::size_t i = level * kept / levels; i < (level + 1) * kept / levels; ++i)
        q[i] = p[i] > 0 ? sum / used : 0;
    }
    p.back() += all - inside;
    double divergence = 0;
    for (std::size_t i = 0; i < kept; ++i) {
      if (p[i] <= 0) continue;
      divergence += q[i] > 0 ? p[i] / all * std::log(p[i] / all / (q[i] / inside)) : kInfinity;
    }
    if (divergence < least - 1e-12) {
      least = divergence;
      best = kept;
    }
  }
  return static_cast<double>(best);
}

TEST(Range, EntropyIsTheLeastDivergence) {
  for (const bool symmetric : {true, false}) {
    std::vector<float> values = normal(60000, 1, 0, 9);
    for (float& value : values) value = std::abs(value) < 3 ? std::abs(value) : std::abs(value) * 3;
    values[0] = 16 - 1.0F / 256;  // the end of a bin, so that the 2048 bins are whole ones of the histogram
    const TensorStatistics statistics = statistics_of(values);
    RangeSpec spec;
    spec.method = RangeMethod::kEntropy;
    spec.symmetric = symmetric;
    const Range range = find_range(statistics, spec).value();
    const Density density = Density::before(statistics, {});
    std::vector<double> bins(2048);
    const double reach = statistics.max;
    for (std::size_t i = 0; i < bins.size(); ++i) {
      bins[i] = std::max(density.share_below(reach * static_cast<double>(i + 1) / 2048) -
                             (i == 0 ? 0.0 : density.share_below(reach * static_cast<double>(i) / 2048)),
                         0.0);
    }
    bins[0] = bins[1];
    EXPECT_NEAR(range.max, reach * plain_cut(bins, symmetric ? 128 : 256) / 2048, 1e-6);
    EXPECT_LT(range.max, reach);
  }
}

TEST(Range, IsNothingWhereAllIsZero) {
  for (const RangeMethod method : {RangeMethod::kMinMax, RangeMethod::kMovingAverage, RangeMethod::kPercentile,
                                   RangeMethod::kEntropy, RangeMethod::kMse}) {
    for_each_spec([&](RangeSpec spec) {
      spec.method = method;
      const Range range = range_of({0, 0, -0.0F}, spec);
      EXPECT_LE(range.min, 0.0);
      EXPECT_GE(range.max, 0.0);
      if (spec.activation(0) == 0) {
        EXPECT_EQ(range.min, 0.0);
        EXPECT_EQ(range.max, 0.0);
        EXPECT_EQ(range.error, 0.0);
        EXPECT_EQ(range.signal, 0.0);
      }
    });
  }
}

TEST(Range, StandsOddDistributions) {
  const float greatest = std::numeric_limits<float>::max();
  const std::vector<std::vector<float>> cases{{5},
                                              {-5},
                                              {1e-45F},
                                              {-1e-38F, 1e-38F},
                                              {greatest, -greatest},
                                              {greatest, 1, 1, 1},
                                              {-1e30F, 1e-30F},
                                              {0, 6, 6, 6},
                                              {-3, -1.5F, 0, 3},
                                              {-90, -89}};
  for (const auto& values : cases) {
    for (const RangeMethod method : {RangeMethod::kMinMax, RangeMethod::kMovingAverage, RangeMethod::kPercentile,
                                     RangeMethod::kEntropy, RangeMethod::kMse}) {
      for_each_spec([&](RangeSpec spec) {
        spec.method = method;
        // The divergence takes its time under sanitizers, and knows no activation but by the distribution.
        if (method == RangeMethod::kEntropy && spec.activation.kind != ActivationKind::kIdentity) return;
        const Range range = range_of(values, spec);
        EXPECT_TRUE(std::isfinite(range.min) && std::isfinite(range.max)) << values[0];
        EXPECT_LE(range.min, 0.0);
        EXPECT_GE(range.max, 0.0);
        EXPECT_GE(range.error, 0.0);
        EXPECT_TRUE(std::isfinite(range.error) && std::isfinite(range.signal)) << values[0];
        EXPECT_TRUE(!spec.symmetric || range.min == -range.max);
      });
    }
  }
}

TEST(Range, RefusesATensorWithoutElements) {
  EXPECT_EQ(find_range({}, {}).take_status().error().code, error_code::kInvalidArgument);
}

TEST(Range, RefusesPicturesWithoutARange) {
  const TensorStatistics sound = statistics_of({-1, 2});
  RangeSpec spec;
  spec.method = RangeMethod::kMovingAverage;
  const auto refused = [&](const auto& spoil) {
    TensorStatistics statistics = sound;
    spoil(statistics);
    auto range = find_range(statistics, spec);
    return !range.ok() && range.take_status().error().code == error_code::kInvalidArgument;
  };
  EXPECT_FALSE(refused([](TensorStatistics&) {}));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.picture_min[0] = -INFINITY; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.picture_max[0] = std::nanf(""); }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.picture_min[0] = 3; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.picture_max.clear(); }));
  const auto without = [](TensorStatistics& s) {
    s.picture_min[0] = INFINITY;
    s.picture_max[0] = -INFINITY;
  };
  EXPECT_TRUE(refused(without));
  // Those without elements are no reason to refuse the others.
  EXPECT_FALSE(refused([&without](TensorStatistics& s) {
    without(s);
    s.picture_min.push_back(-1);
    s.picture_max.push_back(2);
  }));
}

TEST(Range, RefusesActivationsThatLeadBeyondFloat32) {
  const TensorStatistics statistics = statistics_of({-1, 0.5F, 3e38F});
  const std::vector<Activation> activations{
      {ActivationKind::kClip, kInfinity, kInfinity, 0, 0},
      {ActivationKind::kClip, -kInfinity, -kInfinity, 0, 0},
      {ActivationKind::kClip, 1e300, kInfinity, 0, 0},
      {ActivationKind::kElu, 0, 0, 1e39, 0},
  };
  for (const Activation& activation : activations) {
    for (const bool after : {false, true}) {
      for (const RangeMethod method : {RangeMethod::kMinMax, RangeMethod::kEntropy, RangeMethod::kMse}) {
        RangeSpec spec;
        spec.method = method;
        spec.activation = activation;
        spec.after = after;
        auto range = find_range(statistics, spec);
        ASSERT_FALSE(range.ok());
        EXPECT_EQ(range.take_status().error().code, error_code::kInvalidArgument);
      }
    }
  }
}

TEST(Range, IsNothingWhereAnActivationLeavesNothing) {
  const TensorStatistics statistics = statistics_of({-1e-45F, -2e-45F});
  for (const double alpha : {1e-45, 1e-276, 1e-300}) {  // down to numbers that a double cannot hold
    RangeSpec spec;
    spec.activation = {ActivationKind::kLeakyRelu, 0, 0, alpha, 0};
    spec.after = true;
    const Range range = find_range(statistics, spec).value();
    EXPECT_EQ(range.min, 0);
    EXPECT_EQ(range.max, 0);
  }
}

TEST(Range, StopsWhenItIsAborted) {
  CancelToken cancel;
  cancel.cancel();
  EXPECT_EQ(find_range(statistics_of({1, 2}), {}, &cancel).take_status().error().code, error_code::kAborted);
}

}  // namespace
}  // namespace foveate
