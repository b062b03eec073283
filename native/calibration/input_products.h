// Products of what the weights of a layer are multiplied with, summed up over places of its input: by these, an error
// of one weight can be made good by others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calibration/histogram.h"
#include "core/cancel.h"
#include "core/status.h"

namespace foveate {

// How a kernel goes along one axis.
struct KernelAxis {
  std::size_t size = 1;
  std::size_t stride = 1;
  std::size_t dilation = 1;
  std::size_t begin = 0;  // padding before, and after
  std::size_t end = 0;
};

// What a layer reads: a convolution along one or two axes, or a product of a matrix, whose rows are places of a kernel
// of one. Each output sees the channels of its group under the kernel.
struct LayerInput {
  std::size_t channels = 1;
  std::size_t groups = 1;
  std::array<KernelAxis, 2> axes;  // the last is the innermost; the first is of size 1 where there is one alone
  // Of eight bits: a number is (step - zero_point) * scale, with steps from low to high.
  float scale = 1;
  std::int32_t zero_point = 0;
  std::int32_t low = -128;
  std::int32_t high = 127;

  // Channels of a group times places of the kernel: as many weights has an output.
  std::size_t columns() const { return channels / groups * axes[0].size * axes[1].size; }
};

// Of the input in eight bits, in steps. Sums of integers: neither the order of pictures nor the machine shows in them.
class InputProducts {
 public:
  // So many places of the output are looked at in each picture, evenly spread.
  static constexpr std::size_t kPlaces = 256;
  // More do not fit: products of two steps, up to 255 * 255, are summed up in 31 bits.
  static constexpr std::size_t kMostPlaces = 0x7fffffff / (255 * 255);

  explicit InputProducts(const LayerInput& input);

  // Takes in a tensor of [batch, channels], [batch, channels, width] or [batch, channels, height, width], at places
  // that depend on `picture`. INVALID_ARGUMENT for another shape and for too many pictures; after ABORTED, the sums are
  // worth nothing.
  Status add(const FloatElements& elements, std::span<const std::int64_t> dims, std::uint32_t picture,
             const CancelToken* cancel = nullptr);

  const LayerInput& input() const { return input_; }
  std::size_t places() const { return places_; }
  // False once NaN or infinity was seen: products then tell nothing.
  bool finite() const { return finite_; }
  // How two columns of a group vary together, in squares of steps. `row` >= `column`.
  double covariance(std::size_t group, std::size_t row, std::size_t column) const;

 private:
  // Steps of a group: a row for each column of its weights, padded with zeros to `stride` places.
  void gather(const FloatElements& elements, std::span<const std::size_t> places, std::array<std::size_t, 2> size,
              std::array<std::size_t, 2> outputs, std::size_t group);
  Status multiply(std::size_t group, const CancelToken* cancel);

  LayerInput input_;
  std::size_t columns_;
  std::size_t places_ = 0;
  bool finite_ = true;
  std::vector<std::int32_t> sums_;      // of each column
  std::vector<std::int32_t> products_;  // of each group: rows of a symmetric matrix, each up to its diagonal
  // While a tensor is taken in.
  std::vector<std::int16_t> steps_;
  std::size_t stride_ = 0;
};

}  // namespace foveate
