#include "vision/resample_axis.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace foveate {
namespace {

double triangle(double x) {
  x = std::fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

// Keys' cubic convolution with a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

// How much a source pixel counts by its distance, and up to which one, both in pixels of the smaller of the two sizes.
struct Filter {
  double (*weight)(double distance);
  double support;
};

Filter filter_of(Interpolation interpolation) {
  if (interpolation == Interpolation::kLanczosAntialias) return {lanczos, 3.0};
  if (interpolation == Interpolation::kBicubicAntialias) return {cubic, 2.0};
  return {triangle, 1.0};
}

std::int32_t to_fixed(double weight) {
  const double scaled = weight * (1 << kWeightBits);
  return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

// How pixels of one size follow from those of another. The order of the floating point operations is Pillow's, so that
// the weights are.
struct Scaling {
  Scaling(int source, int size, Interpolation interpolation)
      : filter(filter_of(interpolation)), source_size(source), scale(static_cast<double>(source) / size) {}

  double center(int output) const { return (output + 0.5) * scale; }

  Span span(int output) const {
    const int first = std::max(static_cast<int>(center(output) - support + 0.5), 0);
    return {first, std::min(static_cast<int>(center(output) + support + 0.5), source_size) - first};
  }

  Filter filter;
  int source_size;
  double scale;
  double filter_scale = std::max(scale, 1.0);
  double support = filter.support * filter_scale;
};

}  // namespace

void plan_axis(const Resizing& resizing, Interpolation interpolation, Axis& axis) {
  const Scaling scaling(resizing.source_size, resizing.size, interpolation);
  const double inverse_filter_scale = 1.0 / scaling.filter_scale;

  const auto outputs = static_cast<std::size_t>(resizing.window_size);
  axis.max_count = static_cast<std::size_t>(std::ceil(scaling.support)) * 2 + 1;
  axis.max_pairs = (axis.max_count + 3) / 4 * 2;
  axis.spans.resize(outputs);
  axis.weights.assign(outputs * axis.max_count, 0);
  axis.pairs.assign(outputs * axis.max_pairs, WeightPair{});

  std::vector<double> exact(axis.max_count);
  for (std::size_t i = 0; i < outputs; ++i) {
    const int output = resizing.window_first + static_cast<int>(i);
    const double center = scaling.center(output);
    const auto [first, count] = scaling.span(output);
    double sum = 0.0;
    for (int k = 0; k < count; ++k) {
      const double distance = (k + first - center + 0.5) * inverse_filter_scale;
      const double weight = scaling.filter.weight(distance);
      exact[static_cast<std::size_t>(k)] = weight;
      sum += weight;
    }
    axis.spans[i] = {first - resizing.origin, count};
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      const std::int32_t weight = to_fixed(sum != 0.0 ? exact[k] / sum : exact[k]);
      axis.weights[i * axis.max_count + k] = weight;
      WeightPair& pair = axis.pairs[i * axis.max_pairs + k / 2];
      pair.low[k % 2] = static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1));
      pair.high[k % 2] = static_cast<std::int16_t>(weight >> kLowBits);
    }
  }
}

std::vector<int> plan_nearest(const Resizing& resizing) {
  const double step = static_cast<double>(resizing.source_size) / resizing.size;
  std::vector<int> shown(static_cast<std::size_t>(resizing.window_size));
  double center = step * 0.5;
  for (int i = 0; i < resizing.window_first + resizing.window_size; ++i, center += step) {
    if (i < resizing.window_first) continue;
    shown[static_cast<std::size_t>(i - resizing.window_first)] =
        std::min(static_cast<int>(center), resizing.source_size - 1) - resizing.origin;
  }
  return shown;
}

Span source_span(const Resizing& resizing, Interpolation interpolation) {
  if (interpolation == Interpolation::kNearest) {
    const std::vector<int> shown = plan_nearest(resizing);
    return {shown.front(), shown.back() - shown.front() + 1};
  }
  const Scaling scaling(resizing.source_size, resizing.size, interpolation);
  const Span first = scaling.span(resizing.window_first);
  const Span last = scaling.span(resizing.window_first + resizing.window_size - 1);
  return {first.first - resizing.origin, last.first + last.count - first.first};
}

}  // namespace foveate
