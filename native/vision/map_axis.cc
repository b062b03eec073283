#include "vision/map_axis.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace foveate {

MapAxis plan_map_axis(int pixels, double scale, double offset, int input_size, int points) {
  const double ratio = static_cast<double>(points) / input_size;
  // Points whose centre lies in the padding have no say. A centre on the border itself belongs to the picture at its
  // start, not at its end, however the products were rounded.
  constexpr double kRounding = 1e-6;
  const auto first_from = [&](double input) { return std::ceil(input * ratio - 0.5 - kRounding); };
  const double first = std::clamp(first_from(offset), 0.0, points - 1.0);
  const double last = std::clamp(first_from(offset + pixels * scale) - 1, first, points - 1.0);

  MapAxis axis;
  axis.first = static_cast<int>(first);
  axis.last = static_cast<int>(last);
  axis.weight.reserve(static_cast<std::size_t>(pixels));
  axis.position.reserve(static_cast<std::size_t>(pixels));
  for (int pixel = 0; pixel < pixels; ++pixel) {
    const double place = ((pixel + 0.5) * scale + offset) * ratio - 0.5;
    const double position = std::clamp(place, first, last);
    axis.position.push_back(std::clamp(place, first - 2, last + 2));
    const int low = static_cast<int>(position);
    const auto weight = static_cast<float>(position - low);
    // A pixel right on a point needs no neighbour: an infinity or NaN there would reach it through a weight of 0.
    const int high = weight > 0 ? low + 1 : low;
    if (axis.runs.empty() || axis.runs.back().low != low || axis.runs.back().high != high) {
      axis.runs.push_back({low, high, pixel, pixel});
    }
    ++axis.runs.back().end;
    axis.weight.push_back(weight);
  }
  return axis;
}

}  // namespace foveate
