// Products of what layers read, and weights rounded by them, held against the obvious way in long double.
#include "calibration/weight_rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "core/half.h"
#include "core/instructions.h"

namespace foveate {
namespace {

using Matrix = std::vector<std::vector<long double>>;

std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

FloatElements elements_of(const std::vector<float>& values) { return {values.data(), values.size(), false}; }

// Of a tensor of [batch, channels, height, width], all that each output of a group sees: a row for each output.
Matrix seen_by(const LayerInput& input, const std::vector<float>& values, std::array<std::size_t, 4> dims,
               std::size_t group) {
  const auto [batch, channels, height, width] = dims;
  const auto& [rows, across] = input.axes;
  const auto step_of = [&](float value) {
    const float step = std::nearbyint(value / input.scale) + static_cast<float>(input.zero_point);
    return std::clamp(step, static_cast<float>(input.low), static_cast<float>(input.high)) -
           static_cast<float>(input.zero_point);
  };
  Matrix seen;
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t y = 0; y + (rows.size - 1) * rows.dilation < height + rows.begin + rows.end; y += rows.stride) {
      for (std::size_t x = 0; x + (across.size - 1) * across.dilation < width + across.begin + across.end;
           x += across.stride) {
        auto& row = seen.emplace_back();
        for (std::size_t c = 0; c < channels / input.groups; ++c) {
          for (std::size_t down = 0; down < rows.size; ++down) {
            for (std::size_t right = 0; right < across.size; ++right) {
              const auto at_y = static_cast<std::int64_t>(y + down * rows.dilation) - std::int64_t(rows.begin);
              const auto at_x = static_cast<std::int64_t>(x + right * across.dilation) - std::int64_t(across.begin);
              const bool inside = at_y >= 0 && at_x >= 0 && at_y < std::int64_t(height) && at_x < std::int64_t(width);
              const std::size_t channel = group * (channels / input.groups) + c;
              const std::size_t at = ((b * channels + channel) * height + at_y) * width + at_x;
              row.push_back(inside ? step_of(values[at]) : 0);
            }
          }
        }
      }
    }
  }
  return seen;
}

Matrix covariance_of(const Matrix& seen) {
  const std::size_t size = seen.front().size();
  std::vector<long double> means(size);
  for (const auto& row : seen) {
    for (std::size_t i = 0; i < size; ++i) means[i] += row[i] / static_cast<long double>(seen.size());
  }
  Matrix result(size, std::vector<long double>(size));
  for (const auto& row : seen) {
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        result[i][j] += (row[i] - means[i]) * (row[j] - means[j]) / static_cast<long double>(seen.size());
      }
    }
  }
  return result;
}

// x with A x = b, by elimination.
std::vector<long double> solved(Matrix a, std::vector<long double> b) {
  const std::size_t size = b.size();
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t row = i + 1; row < size; ++row) {
      const long double factor = a[row][i] / a[i][i];
      for (std::size_t j = i; j < size; ++j) a[row][j] -= factor * a[i][j];
      b[row] -= factor * b[i];
    }
  }
  for (std::size_t i = size; i-- > 0;) {
    for (std::size_t j = i + 1; j < size; ++j) b[i] -= a[i][j] * b[j];
    b[i] /= a[i][i];
  }
  return b;
}

// One output: column after column, and after each all that are left are put where they make good most.
std::vector<std::int8_t> rounded_slowly(const std::vector<float>& weights, float scale, Matrix covariance) {
  const std::size_t size = weights.size();
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return covariance[a][a] > covariance[b][b]; });
  long double mean = 0;
  for (std::size_t i = 0; i < size; ++i) mean += covariance[i][i] / static_cast<long double>(size);
  for (std::size_t i = 0; i < size; ++i) covariance[i][i] += mean > 0 ? 0.01L * mean : 1;
  std::vector<long double> wanted(weights.begin(), weights.end());
  std::vector<std::int8_t> integers(size);
  for (std::size_t done = 0; done < size; ++done) {
    const std::size_t at = order[done];
    const long double nearest = std::clamp(std::nearbyint(wanted[at] / scale), -127.0L, 127.0L);
    const long double integer = weights[at] == 0 ? 0 : nearest;
    integers[at] = static_cast<std::int8_t>(integer);
    // Errors of all so far, and what the others should be: H_left,left e_left = -H_left,done e_done.
    const std::size_t left = size - done - 1;
    Matrix own(left, std::vector<long double>(left));
    std::vector<long double> others(left);
    for (std::size_t i = 0; i < left; ++i) {
      const auto& row = covariance[order[done + 1 + i]];
      for (std::size_t j = 0; j < left; ++j) own[i][j] = row[order[done + 1 + j]];
      for (std::size_t k = 0; k <= done; ++k) {
        others[i] -= row[order[k]] * (weights[order[k]] - static_cast<long double>(integers[order[k]]) * scale);
      }
    }
    const auto errors = solved(own, others);
    for (std::size_t i = 0; i < left; ++i) wanted[order[done + 1 + i]] = weights[order[done + 1 + i]] - errors[i];
  }
  return integers;
}

struct Case {
  const char* name;
  LayerInput input;
  std::array<std::size_t, 4> dims;  // batch, channels, height, width
  std::size_t outputs;
};

constexpr KernelAxis kPlain{};

const Case kCases[] = {
    {"a pointwise convolution", {6, 1, {kPlain, kPlain}, 0.02F, 128, 0, 255}, {1, 6, 5, 7}, 5},
    {"a matrix", {20, 1, {kPlain, kPlain}, 0.03F, 0, -128, 127}, {40, 20, 1, 1}, 7},
    {"strides, dilations and pads", {3, 1, {{{3, 2, 1, 1, 0}, {2, 1, 2, 0, 3}}}, 0.02F, 100, 0, 255}, {2, 3, 8, 9}, 18},
    {"one axis", {4, 1, {kPlain, {5, 2, 1, 2, 2}}, 0.02F, 0, -128, 127}, {3, 4, 1, 30}, 3},
    {"groups", {8, 2, {{{2, 1, 1, 0, 0}, {2, 1, 1, 0, 0}}}, 0.02F, 128, 0, 255}, {1, 8, 6, 6}, 6},
    {"depthwise", {5, 5, {{{3, 1, 1, 1, 1}, {3, 1, 1, 1, 1}}}, 0.02F, 128, 0, 255}, {1, 5, 9, 9}, 10},
    {"one column", {1, 1, {kPlain, kPlain}, 0.02F, 128, 0, 255}, {1, 1, 6, 6}, 3},
};

std::vector<std::int64_t> shape_of(const Case& one) {
  std::vector<std::int64_t> shape(one.dims.begin(), one.dims.end());
  const std::string_view name = one.name;
  if (name == "a matrix") shape.resize(2);
  if (name == "one axis") shape.erase(shape.begin() + 2);
  return shape;
}

TEST(InputProducts, AreThoseOfAllThatOutputsSee) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const auto [batch, channels, height, width] = one.dims;
    const auto values = normal(batch * channels * height * width, 3);
    InputProducts products(one.input);
    ASSERT_TRUE(products.add(elements_of(values), shape_of(one), 0).ok());
    for (std::size_t group = 0; group < one.input.groups; ++group) {
      const Matrix seen = seen_by(one.input, values, one.dims, group);
      ASSERT_LE(seen.size(), InputProducts::kPlaces);  // all of them are looked at
      ASSERT_EQ(products.places(), seen.size());
      const Matrix expected = covariance_of(seen);
      LayerInput exact = one.input;
      exact.scale = 1e-4F;  // as good as floats
      exact.low = -1000000;
      exact.high = 1000000;
      const Matrix floats = seen_by(exact, values, one.dims, group);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        long double mean = 0;
        long double quantized = 0;
        for (std::size_t row = 0; row < seen.size(); ++row) {
          mean += floats[row][i] * 1e-4L / static_cast<long double>(seen.size());
          quantized += seen[row][i] * one.input.scale / static_cast<long double>(seen.size());
        }
        EXPECT_NEAR(products.mean(group, i), static_cast<double>(mean), 1e-4);
        EXPECT_NEAR(products.quantized_mean(group, i), static_cast<double>(quantized), 1e-9);
        for (std::size_t j = 0; j <= i; ++j) {
          EXPECT_NEAR(products.covariance(group, i, j), static_cast<double>(expected[i][j]), 1e-9) << i << " " << j;
        }
      }
    }
  }
}

TEST(InputProducts, OfLargePicturesAreThoseOfSomePlaces) {
  const LayerInput input{2, 1, {kPlain, kPlain}, 0.02F, 128, 0, 255};
  const auto values = normal(2 * 90 * 90, 5);
  const std::vector<std::int64_t> dims{1, 2, 90, 90};
  const auto of = [&](std::uint32_t picture) {
    InputProducts products(input);
    EXPECT_TRUE(products.add(elements_of(values), dims, picture).ok());
    EXPECT_EQ(products.places(), InputProducts::kPlaces);
    return products.covariance(0, 1, 0);
  };
  EXPECT_EQ(of(7), of(7));
  EXPECT_NE(of(7), of(8));
  // As they are spread, the mean of both channels is that of all places, nearly.
  InputProducts products(input);
  for (std::uint32_t picture = 0; picture < 100; ++picture) {
    ASSERT_TRUE(products.add(elements_of(values), dims, picture).ok());
  }
  const Matrix expected = covariance_of(seen_by(input, values, {1, 2, 90, 90}, 0));
  EXPECT_NEAR(products.covariance(0, 0, 0) / static_cast<double>(expected[0][0]), 1, 0.02);
}

TEST(InputProducts, DoNotDependOnOrderInstructionsOrHalves) {
  const LayerInput input{70, 1, {kPlain, {2, 1, 1, 0, 0}}, 0.02F, 128, 0, 255};
  std::vector<float> values[2] = {normal(70 * 20, 1), normal(70 * 20, 2)};
  std::vector<std::uint16_t> halves[2];
  for (int i = 0; i < 2; ++i) {
    for (float& value : values[i]) {
      halves[i].push_back(float_to_half(value));
      value = half_to_float(halves[i].back());
    }
  }
  const std::vector<std::int64_t> dims{1, 70, 20};
  const auto of = [&](bool reversed, bool half) {
    InputProducts products(input);
    for (const int i : {reversed ? 1 : 0, reversed ? 0 : 1}) {
      const FloatElements elements =
          half ? FloatElements{halves[i].data(), halves[i].size(), true} : elements_of(values[i]);
      EXPECT_TRUE(products.add(elements, dims, i).ok());
    }
    std::vector<double> all;
    for (std::size_t i = 0; i < input.columns(); ++i) {
      for (std::size_t j = 0; j <= i; ++j) all.push_back(products.covariance(0, i, j));
    }
    return all;
  };
  const auto expected = of(false, false);
  EXPECT_EQ(of(true, false), expected);
  EXPECT_EQ(of(false, true), expected);
  for (const Instructions limit : {Instructions::kBaseline, Instructions::kAvx2}) {
    limit_instructions(limit);
    EXPECT_EQ(of(false, false), expected);
  }
  limit_instructions(Instructions::kAvx512);
}

TEST(InputProducts, OfTheFarthestStepsFit) {
  const LayerInput input{1, 1, {kPlain, kPlain}, 1, 0, 0, 255};
  std::vector<float> values(256);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 2 == 0 ? 0.0F : 1000.0F;
  InputProducts products(input);
  std::uint32_t picture = 0;
  while (products.places() + 256 <= InputProducts::kMostPlaces) {
    ASSERT_TRUE(products.add(elements_of(values), std::vector<std::int64_t>{1, 1, 256}, picture++).ok());
  }
  EXPECT_DOUBLE_EQ(products.covariance(0, 0, 0), 255.0 * 255.0 / 4);
  EXPECT_EQ(products.add(elements_of(values), std::vector<std::int64_t>{1, 1, 256}, picture).error().code,
            error_code::kInvalidArgument);
}

TEST(InputProducts, RefuseOtherTensors) {
  InputProducts products({4, 1, {kPlain, kPlain}, 1, 0, -128, 127});
  const auto values = normal(24, 1);
  for (const std::vector<std::int64_t>& dims :
       {std::vector<std::int64_t>{24}, {6, 2, 2}, {1, 4, 5}, {1, 4, 3, 2, 1}, {2, 3, 4}}) {
    EXPECT_EQ(products.add(elements_of(values), dims, 0).error().code, error_code::kInvalidArgument);
  }
  EXPECT_EQ(products.places(), 0u);
  // A kernel that is larger than its picture has no output, and tells nothing.
  InputProducts large({4, 1, {{{7, 1, 1, 0, 0}, kPlain}}, 1, 0, -128, 127});
  EXPECT_TRUE(large.add(elements_of(values), std::vector<std::int64_t>{1, 4, 3, 2}, 0).ok());
  EXPECT_EQ(large.places(), 0u);
}

TEST(InputProducts, AreGivenUpWhereTheyAreCancelled) {
  InputProducts products({4, 1, {kPlain, kPlain}, 1, 0, -128, 127});
  const auto values = normal(24, 1);
  CancelToken cancel;
  cancel.cancel();
  EXPECT_EQ(products.add(elements_of(values), std::vector<std::int64_t>{1, 4, 6}, 0, &cancel).error().code,
            error_code::kAborted);
}

TEST(WeightRounding, IsThatOfTheObviousWay) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const auto [batch, channels, height, width] = one.dims;
    auto values = normal(batch * channels * height * width, 3);
    // Neighbours are alike, so that errors can be made good.
    for (std::size_t i = 1; i < values.size(); ++i) values[i] = 0.7F * values[i - 1] + 0.5F * values[i];
    InputProducts products(one.input);
    ASSERT_TRUE(products.add(elements_of(values), shape_of(one), 0).ok());
    const std::size_t columns = one.input.columns();
    auto weights = normal(one.outputs * columns, 4);
    for (std::size_t i = 0; i < weights.size(); i += 5) weights[i] = 0;
    std::vector<float> scales(one.outputs);
    for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = 0.1F + 0.03F * static_cast<float>(i);
    const RoundedInput input{&products, 1};
    const auto found = round_weights(weights, {one.outputs, columns, columns, 1}, scales, {&input, 1});
    ASSERT_TRUE(found.ok());
    const std::size_t outputs = one.outputs / one.input.groups;
    for (std::size_t output = 0; output < one.outputs; ++output) {
      const auto begin = weights.begin() + static_cast<std::ptrdiff_t>(output * columns);
      const std::vector<float> own(begin, begin + static_cast<std::ptrdiff_t>(columns));
      const auto covariance = covariance_of(seen_by(one.input, values, one.dims, output / outputs));
      const auto expected = rounded_slowly(own, scales[output], covariance);
      const auto at = found.value().begin() + static_cast<std::ptrdiff_t>(output * columns);
      EXPECT_EQ(std::vector<std::int8_t>(at, at + static_cast<std::ptrdiff_t>(columns)), expected) << output;
    }
    // The same, with outputs side by side.
    std::vector<float> turned(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) turned[i % columns * one.outputs + i / columns] = weights[i];
    const auto other = round_weights(turned, {one.outputs, columns, 1, one.outputs}, scales, {&input, 1});
    for (std::size_t i = 0; i < weights.size(); ++i) {
      ASSERT_EQ(other.value()[i % columns * one.outputs + i / columns], found.value()[i]);
    }
  }
}

// More columns and outputs than are worked at at once.
TEST(WeightRounding, OfManyColumnsLessensNoiseOnAnyMachine) {
  constexpr std::size_t kColumns = 333;
  constexpr std::size_t kOutputs = 37;
  const LayerInput layer{kColumns, 1, {kPlain, kPlain}, 0.05F, 0, -128, 127};
  InputProducts products(layer);
  // Of 40 sources, each channel is a mixture.
  const auto mixture = normal(kColumns * 40, 9);
  for (std::uint32_t picture = 0; picture < 4; ++picture) {
    const auto sources = normal(40 * 250, 20 + picture);
    std::vector<float> values(kColumns * 250);
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (std::size_t s = 0; s < 40; ++s) values[i] += 0.1F * mixture[i / 250 * 40 + s] * sources[s * 250 + i % 250];
    }
    ASSERT_TRUE(products.add(elements_of(values), std::vector<std::int64_t>{1, kColumns, 250}, picture).ok());
  }
  const auto weights = normal(kOutputs * kColumns, 2);
  const std::vector<float> scales(kOutputs, 0.03F);
  const RoundedInput input{&products, 1};
  const WeightsLayout layout{kOutputs, kColumns, kColumns, 1};
  const auto found = round_weights(weights, layout, scales, {&input, 1}).value();
  const auto noise = [&](const auto& integer_of) {
    double sum = 0;
    for (std::size_t output = 0; output < kOutputs; ++output) {
      std::vector<double> errors(kColumns);
      for (std::size_t i = 0; i < kColumns; ++i) {
        const std::size_t at = output * kColumns + i;
        errors[i] = weights[at] - static_cast<double>(scales[output]) * integer_of(at);
      }
      for (std::size_t i = 0; i < kColumns; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
          sum += (i == j ? 1 : 2) * errors[i] * errors[j] * products.covariance(0, i, j);
        }
      }
    }
    return sum;
  };
  const double nearest = noise([&](std::size_t at) {
    return std::clamp(std::nearbyint(static_cast<double>(weights[at]) / 0.03F), -127.0, 127.0);
  });
  EXPECT_LT(noise([&](std::size_t at) { return static_cast<double>(found[at]); }), 0.2 * nearest);
  for (const Instructions limit : {Instructions::kBaseline, Instructions::kAvx2}) {
    limit_instructions(limit);
    EXPECT_EQ(round_weights(weights, layout, scales, {&input, 1}).value(), found);
  }
  limit_instructions(Instructions::kAvx512);
}

TEST(WeightRounding, OfInputsThatNeverVaryIsToTheNearest) {
  const LayerInput layer{3, 1, {kPlain, kPlain}, 0.1F, 0, -128, 127};
  // The middle channel is 0 everywhere, and so are all of the second tensor.
  std::vector<float> values = normal(3 * 8, 1);
  std::fill(values.begin() + 8, values.begin() + 16, 0.0F);
  for (const std::vector<float>& tensor : {values, std::vector<float>(24)}) {
    InputProducts products(layer);
    ASSERT_TRUE(products.add(elements_of(tensor), std::vector<std::int64_t>{1, 3, 8}, 0).ok());
    const std::vector<float> weights{0.26F, 0.34F, -0.51F, 5, -0.05F, 20};
    const std::vector<float> scales{0.1F, 0.1F};
    const RoundedInput input{&products, 1};
    const auto found = round_weights(weights, {2, 3, 3, 1}, scales, {&input, 1}).value();
    EXPECT_EQ(found[1], 3);
    EXPECT_EQ(found[5], 127);
    if (tensor == values) continue;
    EXPECT_EQ(found, (std::vector<std::int8_t>{3, 3, -5, 50, 0, 127}));
  }
}

TEST(WeightRounding, OfColumnsThatAreAlikeBeginsWithTheFirst) {
  InputProducts products({2, 1, {kPlain, kPlain}, 0.1F, 0, -128, 127});
  const std::vector<float> values{1, 2, 3, 4, 1, 2, 3, 4};
  ASSERT_TRUE(products.add(elements_of(values), std::vector<std::int64_t>{1, 2, 4}, 0).ok());
  const RoundedInput input{&products, 1};
  const float scale = 1;
  const auto found = round_weights(std::vector<float>{0.4F, 0.4F}, {1, 2, 2, 1}, {&scale, 1}, {&input, 1}).value();
  EXPECT_EQ(found, (std::vector<std::int8_t>{0, 1}));
}

TEST(WeightRounding, LeavesWeightsOnTheirGrid) {
  const LayerInput layer{12, 1, {kPlain, kPlain}, 0.1F, 0, -128, 127};
  InputProducts products(layer);
  ASSERT_TRUE(products.add(elements_of(normal(12 * 100, 1)), std::vector<std::int64_t>{1, 12, 100}, 0).ok());
  std::vector<float> weights(24);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 0.07F * (static_cast<float>(i * 37 % 255) - 127);
  const std::vector<float> scales{0.07F, 0.07F};
  const RoundedInput input{&products, 1};
  const auto found = round_weights(weights, {2, 12, 12, 1}, scales, {&input, 1}).value();
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_EQ(found[i], static_cast<int>(i * 37 % 255) - 127);
}

TEST(WeightRounding, AddsUpWhatSeveralLayersRead) {
  const LayerInput layer{10, 1, {kPlain, kPlain}, 0.02F, 0, -128, 127};
  InputProducts one(layer);
  InputProducts other(layer);
  InputProducts both(layer);
  const std::vector<std::int64_t> dims{1, 10, 200};
  const auto [a, b] = std::pair(normal(2000, 1), normal(2000, 2));
  // As they have the same mean, 0, nearly: both together are the same as the two.
  for (const auto& [products, values] : {std::pair(&one, &a), {&other, &b}, {&both, &a}, {&both, &b}}) {
    ASSERT_TRUE(products->add(elements_of(*values), dims, 0).ok());
  }
  const auto weights = normal(40, 3);
  const std::vector<float> scales(4, 0.1F);
  const auto of = [&](std::initializer_list<RoundedInput> inputs) {
    return round_weights(weights, {4, 10, 10, 1}, scales, {inputs.begin(), inputs.size()}).value();
  };
  // Only how they compare matters.
  EXPECT_EQ(of({{&one, 2}}), of({{&one, 1}}));
  EXPECT_EQ(of({{&one, 1}, {&one, 3}}), of({{&one, 1}}));
  EXPECT_NE(of({{&one, 1}}), of({{&other, 1}}));
  EXPECT_EQ(of({{&one, 1}, {&other, 1e-9}}), of({{&one, 1}}));
}

TEST(WeightRounding, LeavesLayersOfWhoseInputsNothingIsKnown) {
  const LayerInput layer{2, 1, {kPlain, kPlain}, 1, 0, -128, 127};
  const std::vector<float> weights{1, 2};
  const std::vector<float> scales{0.1F};
  InputProducts none(layer);
  InputProducts odd(layer);
  InputProducts sound(layer);
  const std::vector<std::int64_t> dims{1, 2, 2};
  ASSERT_TRUE(odd.add(elements_of({1, 2, NAN, 3}), dims, 0).ok());
  ASSERT_TRUE(sound.add(elements_of({1, 2, 4, 3}), dims, 0).ok());
  for (const InputProducts* products : {&none, &odd}) {
    const RoundedInput inputs[] = {{&sound, 1}, {products, 1}};
    EXPECT_TRUE(round_weights(weights, {1, 2, 2, 1}, scales, inputs).value().empty());
  }
  EXPECT_TRUE(round_weights(weights, {1, 2, 2, 1}, scales, {}).value().empty());
}

TEST(WeightRounding, RefusesWhatIsNoWeightAndNoScale) {
  InputProducts products({2, 1, {kPlain, kPlain}, 1, 0, -128, 127});
  ASSERT_TRUE(products.add(elements_of({1, 2, 4, 3}), std::vector<std::int64_t>{1, 2, 2}, 0).ok());
  const RoundedInput input{&products, 1};
  const auto code = [&](std::vector<float> weights, float scale) {
    return round_weights(weights, {1, 2, 2, 1}, {&scale, 1}, {&input, 1}).take_status().error().code;
  };
  EXPECT_EQ(code({1, NAN}, 0.1F), error_code::kInvalidArgument);
  EXPECT_EQ(code({1, INFINITY}, 0.1F), error_code::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, 0), error_code::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, NAN), error_code::kInvalidArgument);
  CancelToken cancel;
  cancel.cancel();
  const float scale = 0.1F;
  EXPECT_EQ(round_weights(std::vector<float>{1, 2}, {1, 2, 2, 1}, {&scale, 1}, {&input, 1}, &cancel)
                .take_status()
                .error()
                .code,
            error_code::kAborted);
}

}  // namespace
}  // namespace foveate
