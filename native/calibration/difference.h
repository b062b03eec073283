// How far a tensor is from what it should be.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "calibration/channel_sums.h"

namespace foveate {

// Over the places where both tensors are finite.
struct TensorDifference {
  std::uint64_t count = 0;
  std::uint64_t reference_non_finite = 0;
  std::uint64_t candidate_non_finite = 0;
  double signal = 0;            // sum of the squares of the reference
  double candidate_signal = 0;  // of the candidate
  double dot = 0;               // sum of the products
  double noise = 0;             // sum of the squares of the differences
  double largest = 0;           // difference

  void add(const TensorDifference& other);
};

// Channels from `begin` up to, and without, `end`.
struct ChannelGroup {
  std::size_t begin;
  std::size_t end;
};

// One for each group. Both tensors have the layout; groups lie within its channels.
std::vector<TensorDifference> compare_tensors(const FloatElements& reference, const FloatElements& candidate,
                                              const AxisLayout& layout, std::span<const ChannelGroup> groups);

}  // namespace foveate
