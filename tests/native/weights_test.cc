// Integer weights and biases.
#include "calibration/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "core/half.h"

namespace foveate {
namespace {

std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

TEST(Weights, HaveAScaleForEachChannelOfAnyAxis) {
  const std::vector<std::int64_t> dims{4, 3, 5};
  auto weights = normal(60, 1);
  weights[7] = 40;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const AxisLayout layout = AxisLayout::of(dims, axis);
    const QuantizedWeights found = quantize_weights(weights, layout, std::nullopt).value();
    ASSERT_EQ(found.scales.size(), static_cast<std::size_t>(dims[axis]));
    EXPECT_TRUE(found.bias.empty());
    std::vector<float> greatest(found.scales.size());
    std::vector<int> reached(found.scales.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t channel = i / layout.inner % layout.channels;
      greatest[channel] = std::max(greatest[channel], std::abs(weights[i]));
      reached[channel] = std::max(reached[channel], std::abs(int{found.values[i]}));
      EXPECT_EQ(found.values[i], static_cast<int>(std::nearbyint(weights[i] / found.scales[channel])));
    }
    for (std::size_t channel = 0; channel < greatest.size(); ++channel) {
      EXPECT_EQ(found.scales[channel], greatest[channel] / 127);
      EXPECT_EQ(reached[channel], 127);
    }
  }
}

TEST(Weights, RoundHalvesToEven) {
  const std::vector<float> weights{127, 0.5F, 1.5F, -0.5F, -2.5F, 2.5F};
  const QuantizedWeights found = quantize_weights(weights, {1, 1, 6}, std::nullopt).value();
  EXPECT_EQ(found.values, (std::vector<std::int8_t>{127, 0, 2, 0, -2, 2}));
}

TEST(Weights, KeepTheBiasOfADeadChannel) {
  const std::vector<float> weights{0, 0, 1, -1, 1e-44F, 0};
  const std::vector<float> bias{0.3F, 0.25F, -7};
  const float input = 0.05F;
  const QuantizedWeights found = quantize_weights(weights, {1, 3, 2}, BiasSpec{bias, input}).value();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_GT(found.scales[i], 0.0F);
    EXPECT_LE(std::abs(std::int64_t{found.bias[i]}), std::int64_t{1} << 30);
    const double step = static_cast<double>(input * found.scales[i]);
    EXPECT_NEAR(found.bias[i] * step, bias[i], step);
    EXPECT_LT(step, 1e-3);
  }
  EXPECT_EQ(found.values[0], 0);
  EXPECT_EQ(found.values[4], 0);
}

TEST(Weights, GetALargerScaleWhereTheBiasAsksForIt) {
  const std::vector<float> weights{1e-6F, 1};
  const std::vector<float> bias{1000, 1000};
  const float input = 1e-3F;
  const QuantizedWeights found = quantize_weights(weights, {1, 2, 1}, BiasSpec{bias, input}).value();
  EXPECT_GT(found.scales[0], 1e-6F / 127);
  EXPECT_LE(found.bias[0], 1 << 30);
  EXPECT_GT(found.bias[0], (1 << 30) - 1000);
  EXPECT_EQ(found.values[0], static_cast<int>(std::nearbyint(1e-6F / found.scales[0])));
  EXPECT_EQ(found.scales[1], 1.0F / 127);
}

TEST(Weights, FitTheirBiasWhateverTheSizes) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> exponent(-18, 6);
  for (int i = 0; i < 2000; ++i) {
    const std::vector<float> weights{std::exp2(exponent(random)), 0};
    const std::vector<float> bias{std::exp2(exponent(random) * 2)};
    const float input = std::exp2(exponent(random));
    const auto found = quantize_weights(weights, {1, 1, 2}, BiasSpec{bias, input});
    const QuantizedWeights& value = found.value();
    const double step = static_cast<double>(input * value.scales[0]);
    ASSERT_LE(std::abs(std::int64_t{value.bias[0]}), (std::int64_t{1} << 30) + 256);  // float32 rounds the step
    ASSERT_NEAR(value.bias[0] * step, bias[0], 0.5001 * step);
  }
}

TEST(Weights, AreRefusedWhereTheyAreNotFinite) {
  const auto code = [](float weight, float bias) {
    const std::vector<float> weights{1, weight};
    const std::vector<float> biases{bias};
    return quantize_weights(weights, {1, 1, 2}, BiasSpec{biases, 1}).take_status().error().code;
  };
  EXPECT_EQ(code(NAN, 0), error_code::kInvalidArgument);
  EXPECT_EQ(code(-INFINITY, 0), error_code::kInvalidArgument);
  EXPECT_EQ(code(1, NAN), error_code::kInvalidArgument);
  const std::vector<float> one{1};
  const std::vector<float> none{0};
  EXPECT_EQ(quantize_weights(one, {1, 1, 1}, BiasSpec{none, 1e-38F}).take_status().error().code,
            error_code::kInvalidArgument);  // no step in float32
}

TEST(Weights, AreRefusedWhereThereAreNone) {
  constexpr std::size_t kEndless = std::size_t{1} << 60;
  for (const AxisLayout& layout : {AxisLayout{1, 0, 3}, AxisLayout{kEndless, 3, 0}, AxisLayout{0, kEndless, 1}}) {
    EXPECT_EQ(quantize_weights({}, layout, std::nullopt).take_status().error().code, error_code::kInvalidArgument);
  }
}

TEST(Weights, HaveScalesOfFloat16WhereTheyAreAskedFor) {
  const auto scales_of = [](const std::vector<float>& greatest) {
    std::vector<float> weights;
    for (const float one : greatest) weights.insert(weights.end(), {one, -one / 3});
    const AxisLayout layout{1, greatest.size(), 2};
    const QuantizedWeights found = quantize_weights(weights, layout, std::nullopt, true).value();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float scale = found.scales[i / 2];
      EXPECT_EQ(found.values[i], static_cast<int>(std::nearbyint(weights[i] / scale)));
      // The largest still fits.
      EXPECT_LE(std::abs(weights[i]), 127 * scale * 1.00001F);
    }
    return found.scales;
  };
  // The number nearest to 1 / 127 lies below it. Beside such steps, those of 2^-20 are fine enough for any channel.
  EXPECT_EQ(scales_of({1, 1e-9F, 0}), (std::vector<float>{0x1.024p-7F, 0x1p-20F, 0x1p-20F}));
  // Between two numbers of float16 that lie a sixteenth apart.
  EXPECT_EQ(scales_of({127 * 0x1.08p-20F}), (std::vector<float>{0x1.1p-20F}));
  // Where all are finer, nothing would be left of them; beyond the highest there is none.
  EXPECT_EQ(scales_of({1e-5F, 1e-9F, 0}), (std::vector<float>{1e-5F / 127, 1e-9F / 127, 0x1p-20F}));
  EXPECT_EQ(scales_of({1e8F, 127 * 65504}), (std::vector<float>{1e8F / 127, 65504}));
}

}  // namespace
}  // namespace foveate
