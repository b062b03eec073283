// Layers, and what their outputs see, the obvious way.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string_view>
#include <vector>

#include "calibration/input_products.h"

namespace foveate {

using Matrix = std::vector<std::vector<long double>>;

inline std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

inline FloatElements elements_of(const std::vector<float>& values) { return {values.data(), values.size(), false}; }

// Of a tensor of [batch, channels, height, width], all that each output of a group sees: a row for each output.
inline Matrix seen_by(const LayerInput& input, const std::vector<float>& values, std::array<std::size_t, 4> dims,
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

inline Matrix covariance_of(const Matrix& seen) {
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

// A layer, what it reads, and how many outputs it has.
struct Case {
  const char* name;
  LayerInput input;
  std::array<std::size_t, 4> dims;  // batch, channels, height, width
  std::size_t outputs;
};

inline constexpr KernelAxis kPlain{};

inline const Case kCases[] = {
    {"a pointwise convolution", {6, 1, {kPlain, kPlain}, 0.02F, 128, 0, 255}, {1, 6, 5, 7}, 5},
    {"a matrix", {20, 1, {kPlain, kPlain}, 0.03F, 0, -128, 127}, {40, 20, 1, 1}, 7},
    {"strides, dilations and pads", {3, 1, {{{3, 2, 1, 1, 0}, {2, 1, 2, 0, 3}}}, 0.02F, 100, 0, 255}, {2, 3, 8, 9}, 18},
    {"one axis", {4, 1, {kPlain, {5, 2, 1, 2, 2}}, 0.02F, 0, -128, 127}, {3, 4, 1, 30}, 3},
    {"groups", {8, 2, {{{2, 1, 1, 0, 0}, {2, 1, 1, 0, 0}}}, 0.02F, 128, 0, 255}, {1, 8, 6, 6}, 6},
    {"depthwise", {5, 5, {{{3, 1, 1, 1, 1}, {3, 1, 1, 1, 1}}}, 0.02F, 128, 0, 255}, {1, 5, 9, 9}, 10},
    {"one column", {1, 1, {kPlain, kPlain}, 0.02F, 128, 0, 255}, {1, 1, 6, 6}, 3},
};

inline std::vector<std::int64_t> shape_of(const Case& one) {
  std::vector<std::int64_t> shape(one.dims.begin(), one.dims.end());
  const std::string_view name = one.name;
  if (name == "a matrix") shape.resize(2);
  if (name == "one axis") shape.erase(shape.begin() + 2);
  return shape;
}

}  // namespace foveate
