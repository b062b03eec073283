// Weights that are rounded together, held against elimination in long double.
#include "calibration/weight_rounding.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <thread>

#include "core/instructions.h"
#include "native/layer_input_fixture.h"

namespace foveate {
namespace {

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
  constexpr std::size_t kColumns = 10;
  const LayerInput layer{kColumns, 1, {kPlain, kPlain}, 0.02F, 0, -128, 127};
  const std::vector<std::int64_t> dims{1, kColumns, 200};
  InputProducts one(layer);
  InputProducts other(layer);
  ASSERT_TRUE(one.add(elements_of(normal(2000, 1)), dims, 0).ok());
  ASSERT_TRUE(other.add(elements_of(normal(2000, 2)), dims, 0).ok());
  const auto weights = normal(4 * kColumns, 3);
  const std::vector<float> scales(4, 0.1F);
  const auto of = [&](std::initializer_list<RoundedInput> inputs) {
    return round_weights(weights, {4, kColumns, kColumns, 1}, scales, {inputs.begin(), inputs.size()}).value();
  };
  Matrix sum(kColumns, std::vector<long double>(kColumns));
  for (std::size_t i = 0; i < kColumns; ++i) {
    for (std::size_t j = 0; j < kColumns; ++j) {
      const auto [row, column] = std::pair(std::max(i, j), std::min(i, j));
      sum[i][j] = one.covariance(0, row, column) + 3.0L * other.covariance(0, row, column);
    }
  }
  const auto both = of({{&one, 1}, {&other, 3}});
  for (std::size_t output = 0; output < 4; ++output) {
    const auto begin = static_cast<std::ptrdiff_t>(output * kColumns);
    const std::vector<float> own(weights.begin() + begin, weights.begin() + begin + kColumns);
    EXPECT_EQ(std::vector<std::int8_t>(both.begin() + begin, both.begin() + begin + kColumns),
              rounded_slowly(own, scales[output], sum));
  }
  EXPECT_NE(both, of({{&one, 1}}));
  // Only how they compare matters, wherever they stand.
  EXPECT_EQ(of({{&one, 2}}), of({{&one, 1}}));
  EXPECT_NE(of({{&one, 1}}), of({{&other, 1}}));
  EXPECT_EQ(of({{&one, 1}, {&other, 1e-9}}), of({{&one, 1}}));
  EXPECT_EQ(of({{&other, 1e-9}, {&one, 1}}), of({{&one, 1}}));
}

TEST(WeightRounding, EndsWhereItIsCancelledMeanwhile) {
  constexpr std::size_t kColumns = 2000;
  InputProducts products({kColumns, 1, {kPlain, kPlain}, 0.05F, 0, -128, 127});
  ASSERT_TRUE(products.add(elements_of(normal(kColumns * 8, 1)), std::vector<std::int64_t>{1, kColumns, 8}, 0).ok());
  const auto weights = normal(kColumns, 2);
  const float scale = 0.1F;
  const RoundedInput input{&products, 1};
  CancelToken cancel;
  std::thread canceller([&cancel] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    cancel.cancel();
  });
  auto found = round_weights(weights, {1, kColumns, kColumns, 1}, {&scale, 1}, {&input, 1}, &cancel);
  canceller.join();
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.take_status().error().code, error_code::kAborted);
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
