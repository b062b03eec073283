#include "vision/dense_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "vision/finite.h"
#include "vision/map_axis.h"

namespace foveate {
namespace {

constexpr std::size_t kMaxTaps = 4;

// The points of the map that make up a pixel along one axis, and how much each counts.
struct Taps {
  std::array<std::size_t, kMaxTaps> index;
  std::array<float, kMaxTaps> weight;
};

std::vector<Taps> taps_of(const MapAxis& axis, MapInterpolation interpolation) {
  std::vector<Taps> taps;
  taps.reserve(axis.weight.size());
  const auto point = [&](int index) { return static_cast<std::size_t>(std::clamp(index, axis.first, axis.last)); };
  for (const MapRun& run : axis.runs) {
    for (int pixel = run.begin; pixel < run.end; ++pixel) {
      const float t = axis.weight[static_cast<std::size_t>(pixel)];
      if (interpolation == MapInterpolation::kBilinear) {
        taps.push_back({{point(run.low), point(run.high), 0, 0}, {1 - t, t, 0, 0}});
        continue;
      }
      // Keys' cubic convolution at the distances 1 + t, t, 1 - t, 2 - t.
      constexpr float a = -0.75f;
      const float u = 1 - t;
      const float far_low = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
      const float low = ((a + 2) * t - (a + 3)) * t * t + 1;
      const float high = ((a + 2) * u - (a + 3)) * u * u + 1;
      taps.push_back({{point(run.low - 1), point(run.low), point(run.low + 1), point(run.low + 2)},
                      {far_low, low, high, 1 - far_low - low - high}});
    }
  }
  return taps;
}

void scale(std::span<float> map, MapScaling scaling) {
  if (scaling == MapScaling::kSigmoid) {
    for (float& value : map) value = 1.0f / (1.0f + std::exp(-value));
  } else if (scaling == MapScaling::kMinMax) {
    ValueRange range{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
    for (const float value : map) {
      if (std::isfinite(value)) range = {std::min(range.min, value), std::max(range.max, value)};
    }
    const float span = range.max - range.min;
    for (float& value : map) value = span > 0 ? (value - range.min) / span : 0.0f;
  }
}

Status check(std::span<const float> output, const DenseMapSpec& spec, const Placement& placement,
             std::span<float> values) {
  if (spec.width < 1 || spec.height < 1) {
    return {error_code::kInvalidArgument,
            "A map cannot be of " + std::to_string(spec.width) + " x " + std::to_string(spec.height) + " points"};
  }
  if (placement.source_width < 1 || placement.source_height < 1 || placement.input_width < 1 ||
      placement.input_height < 1 || !(placement.scale_x > 0) || !(placement.scale_y > 0) ||
      !std::isfinite(placement.offset_x) || !std::isfinite(placement.offset_y)) {
    return {error_code::kInvalidArgument, "A map cannot be mapped back: the picture's placement is empty"};
  }
  const std::size_t points = static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height);
  const std::size_t pixels =
      static_cast<std::size_t>(placement.source_width) * static_cast<std::size_t>(placement.source_height);
  if (output.size() == points && values.size() == pixels) return {};
  return {error_code::kInternal, "Expected " + std::to_string(points) + " points and " + std::to_string(pixels) +
                                     " pixels of a map but received " + std::to_string(output.size()) + " and " +
                                     std::to_string(values.size())};
}

}  // namespace

Result<ValueRange> decode_dense_map(std::span<const float> output, const DenseMapSpec& spec, const Placement& placement,
                                    std::span<float> values) {
  FOVEATE_RETURN_IF_ERROR(check(output, spec, placement, values));
  if (!has_finite(output)) return not_finite("it holds no finite number");
  std::vector<float> map(output.begin(), output.end());
  scale(map, spec.scaling);

  const auto across = taps_of(
      plan_map_axis(placement.source_width, placement.scale_x, placement.offset_x, placement.input_width, spec.width),
      spec.interpolation);
  const auto down = taps_of(plan_map_axis(placement.source_height, placement.scale_y, placement.offset_y,
                                          placement.input_height, spec.height),
                            spec.interpolation);
  const auto map_width = static_cast<std::size_t>(spec.width);
  const std::size_t count = spec.interpolation == MapInterpolation::kBilinear ? 2 : kMaxTaps;
  std::vector<float> row(map_width);  // of the map at the height of a row of pixels
  ValueRange range{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  float* value = values.data();
  for (const Taps& vertical : down) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (std::size_t k = 0; k < count; ++k) {
      const float weight = vertical.weight[k];
      if (weight == 0) continue;  // so that an infinity beyond the edge of its influence has none
      const float* points = &map[vertical.index[k] * map_width];
      for (std::size_t x = 0; x < map_width; ++x) row[x] += points[x] * weight;
    }
    for (const Taps& horizontal : across) {
      float sum = 0;
      for (std::size_t k = 0; k < count; ++k) {
        if (horizontal.weight[k] != 0) sum += row[horizontal.index[k]] * horizontal.weight[k];
      }
      if (std::isfinite(sum)) range = {std::min(range.min, sum), std::max(range.max, sum)};
      *value++ = sum;
    }
  }
  if (range.min > range.max) return not_finite("it holds no finite number where the picture lies");
  return range;
}

void grey_map(std::span<const float> values, const ValueRange& range, std::span<std::uint8_t> grey) {
  const float scale = range.max > range.min ? 255.0f / (range.max - range.min) : 0.0f;
  for (std::size_t i = 0; i < std::min(values.size(), grey.size()); ++i) {
    const float level = (values[i] - range.min) * scale;
    grey[i] = level > 0 ? static_cast<std::uint8_t>(std::lround(std::min(level, 255.0f))) : 0;
  }
}

}  // namespace foveate
