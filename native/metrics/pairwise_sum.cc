#include "metrics/pairwise_sum.h"

#include <algorithm>
#include <array>

namespace foveate {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kBlock = 128;

double sum_of(const std::array<double, kLanes>& lanes) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// How much of a longer stretch is its first half.
std::size_t half_of(std::size_t length) { return length / 2 - length / 2 % kLanes; }

double sum_from(std::span<const PlacedValue> values, std::size_t begin, std::size_t length) {
  if (values.empty()) return 0;
  if (length > kBlock) {
    const std::size_t half = half_of(length);
    const auto middle = std::partition_point(values.begin(), values.end(),
                                             [&](const PlacedValue& value) { return value.place < begin + half; });
    const auto first = static_cast<std::size_t>(middle - values.begin());
    return sum_from(values.first(first), begin, half) + sum_from(values.subspan(first), begin + half, length - half);
  }
  const std::size_t in_lanes = length < kLanes ? 0 : length - length % kLanes;
  std::array<double, kLanes> lanes{};
  std::size_t next = 0;
  for (; next < values.size() && values[next].place < begin + in_lanes; ++next) {
    lanes[(values[next].place - begin) % kLanes] += values[next].value;
  }
  double sum = sum_of(lanes);
  for (; next < values.size(); ++next) sum += values[next].value;
  return sum;
}

}  // namespace

double pairwise_sum(std::span<const double> values) {
  if (values.size() > kBlock) {
    const std::size_t half = half_of(values.size());
    return pairwise_sum(values.first(half)) + pairwise_sum(values.subspan(half));
  }
  const std::size_t in_lanes = values.size() < kLanes ? 0 : values.size() - values.size() % kLanes;
  std::array<double, kLanes> lanes{};
  for (std::size_t k = 0; k < in_lanes; k += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[k + lane];
  }
  double sum = sum_of(lanes);
  for (const double value : values.subspan(in_lanes)) sum += value;
  return sum;
}

double pairwise_sum(std::span<const PlacedValue> values, std::size_t length) { return sum_from(values, 0, length); }

}  // namespace foveate
