// Products of what layers read, held against the obvious way in long double.
#include "calibration/input_products.h"

#include <gtest/gtest.h>

#include "core/half.h"
#include "core/instructions.h"
#include "native/layer_input_fixture.h"

namespace foveate {
namespace {

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
      for (std::size_t i = 0; i < expected.size(); ++i) {
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

}  // namespace
}  // namespace foveate
