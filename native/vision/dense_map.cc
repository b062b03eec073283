#include "vision/dense_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "vision/finite.h"
#include "vision/map_axis.h"
#include "vision/placement.h"

namespace foveate {
namespace {

// The points of the map that make up each pixel along one axis, and how much each counts: `count` for each pixel.
struct Taps {
  std::size_t count = 0;
  std::vector<std::size_t> points;
  std::vector<float> weights;

  void add(int point, const MapAxis& axis, double weight) {
    points.push_back(static_cast<std::size_t>(std::clamp(point, axis.first, axis.last)));
    weights.push_back(static_cast<float>(weight));
  }
};

Taps linear_taps(const MapAxis& axis) {
  Taps taps{2, {}, {}};
  for (const MapRun& run : axis.runs) {
    for (int pixel = run.begin; pixel < run.end; ++pixel) {
      const float weight = axis.weight[static_cast<std::size_t>(pixel)];
      taps.add(run.low, axis, 1 - weight);
      taps.add(run.high, axis, weight);
    }
  }
  return taps;
}

// Keys' cubic convolution.
Taps cubic_taps(const MapAxis& axis) {
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  Taps taps{4, {}, {}};
  for (const double position : axis.position) {
    const int low = static_cast<int>(std::floor(position));
    const double t = position - low;
    taps.add(low - 1, axis, far(1 + t));
    taps.add(low, axis, near(t));
    taps.add(low + 1, axis, near(1 - t));
    taps.add(low + 2, axis, far(2 - t));
  }
  return taps;
}

double lanczos(double x) {
  constexpr double kLobes = 3;
  if (x == 0) return 1;
  if (std::fabs(x) >= kLobes) return 0;
  const double angle = std::numbers::pi * x;
  return kLobes * std::sin(angle) * std::sin(angle / kLobes) / (angle * angle);
}

// The filter grows where the map is shrunk. `points_per_pixel` tells how far; beyond the whole map it makes no
// difference. A pixel beyond the points that show the picture is taken for one at their edge: out there the filter has
// no weight left that could be made up to 1.
Taps lanczos_taps(const MapAxis& axis, double points_per_pixel) {
  const int shown = axis.last - axis.first + 1;
  const double width = std::clamp(points_per_pixel, 1.0, 16.0 * shown);
  const auto reach = static_cast<std::int64_t>(std::ceil(3 * width)) + 1;
  const int count = static_cast<int>(std::min<std::int64_t>(2 * reach, shown));
  Taps taps{static_cast<std::size_t>(count), {}, {}};
  std::vector<double> weights(taps.count);
  for (const double beyond : axis.position) {
    const double position = std::clamp(beyond, axis.first - 0.5, axis.last + 0.5);
    const std::int64_t lowest = static_cast<std::int64_t>(std::floor(position)) - reach + 1;
    const int first = static_cast<int>(std::clamp<std::int64_t>(lowest, axis.first, axis.last + 1 - count));
    double sum = 0;
    for (int k = 0; k < count; ++k) {
      sum += weights[static_cast<std::size_t>(k)] = lanczos((first + k - position) / width);
    }
    for (int k = 0; k < count; ++k) taps.add(first + k, axis, weights[static_cast<std::size_t>(k)] / sum);
  }
  return taps;
}

Taps taps_of(const MapAxis& axis, MapInterpolation interpolation, double points_per_pixel) {
  switch (interpolation) {
    case MapInterpolation::kBilinear:
      return linear_taps(axis);
    case MapInterpolation::kBicubic:
      return cubic_taps(axis);
    case MapInterpolation::kLanczos:
      return lanczos_taps(axis, points_per_pixel);
  }
  return {};
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
  FOVEATE_RETURN_IF_ERROR(check_placement(placement, "A map"));
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
                                    std::span<float> values, const CancelToken* cancel) {
  FOVEATE_RETURN_IF_ERROR(check(output, spec, placement, values));
  if (!has_finite(output)) return not_finite("it holds no finite number");
  std::vector<float> map(output.begin(), output.end());
  scale(map, spec.scaling);

  const auto taps_along = [&](int pixels, double scale, double offset, int input_size, int points) {
    return taps_of(plan_map_axis(pixels, scale, offset, input_size, points), spec.interpolation,
                   scale * points / input_size);
  };
  const Taps across =
      taps_along(placement.source_width, placement.scale_x, placement.offset_x, placement.input_width, spec.width);
  const Taps down =
      taps_along(placement.source_height, placement.scale_y, placement.offset_y, placement.input_height, spec.height);
  const auto map_width = static_cast<std::size_t>(spec.width);
  std::vector<float> row(map_width);  // of the map at the height of a row of pixels
  ValueRange range{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  float* value = values.data();
  for (std::size_t y = 0; y < down.weights.size(); y += down.count) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    std::fill(row.begin(), row.end(), 0.0f);
    for (std::size_t k = y; k < y + down.count; ++k) {
      const float weight = down.weights[k];
      if (weight == 0) continue;  // so that an infinity beyond its influence has none
      const float* points = &map[down.points[k] * map_width];
      for (std::size_t x = 0; x < map_width; ++x) row[x] += points[x] * weight;
    }
    for (std::size_t x = 0; x < across.weights.size(); x += across.count) {
      float sum = 0;
      for (std::size_t k = x; k < x + across.count; ++k) {
        if (across.weights[k] != 0) sum += row[across.points[k]] * across.weights[k];
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
