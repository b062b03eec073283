// Sums in the order of NumPy, for results that are equal to the last bit.
#pragma once

#include <cstddef>
#include <span>

namespace foveate {

// A value at a place in an array whose other values are 0.
struct PlacedValue {
  std::size_t place;
  double value;
};

// The sum that numpy.sum gives of contiguous values: eight partial sums in blocks of up to 128, halves above.
double pairwise_sum(std::span<const double> values);

// The same of `length` values, most of which are 0, so that they take no time. `values` are in the order of their
// places.
double pairwise_sum(std::span<const PlacedValue> values, std::size_t length);

}  // namespace foveate
