// What each pixel of a resized picture is made of, along one axis, as in Pillow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vision/preprocess.h"

namespace foveate {

// From `source_size` pixels to `size`, of which only a window is of interest. Source pixels are counted from `origin`
// on.
struct Resizing {
  int source_size;
  int origin;
  int size;
  int window_first;
  int window_size;
};

// Weights are fixed-point numbers with this many fraction bits: 32, less 8 for a pixel, less 2 for the overshoot of
// negative lobes.
inline constexpr int kWeightBits = 32 - 8 - 2;
inline constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

// Processors multiply 16-bit pairs, and add the two products, in one instruction, but a weight has 24 bits. So a weight
// is kept as high * 2^kLowBits + low, both of which fit. The two sums may wrap around; put together they are exact.
inline constexpr int kLowBits = 11;

struct WeightPair {  // of two neighbouring source pixels
  std::int16_t low[2];
  std::int16_t high[2];
};

struct Span {
  int first;
  int count;
};

// For each output pixel of a window along one axis: which source pixels make it up, and how much each counts.
struct Axis {
  std::vector<Span> spans;
  std::size_t max_count = 0;
  std::vector<std::int32_t> weights;  // max_count for each span
  std::size_t max_pairs = 0;
  std::vector<WeightPair> pairs;  // the same weights, max_pairs, an even number, for each span, filled up with 0

  const std::int32_t* weights_of(std::size_t index) const { return &weights[index * max_count]; }
  const WeightPair* pairs_of(std::size_t index) const { return &pairs[index * max_pairs]; }
};

// With a filter that grows with the reduction factor.
void plan_axis(const Resizing& resizing, Interpolation interpolation, Axis& axis);

// For each output pixel of the window: the source pixel that it shows. The centre is found by adding up steps from the
// first pixel on, as Pillow does: a product could round to the other side of a border between pixels.
std::vector<int> plan_nearest(const Resizing& resizing);

// The source pixels that make up the window.
Span source_span(const Resizing& resizing, Interpolation interpolation);

}  // namespace foveate
