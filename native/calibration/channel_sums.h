// Range and sums of each channel of a tensor, streamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calibration/histogram.h"

namespace foveate {

// A sum kept to twice the precision of a double, so that the order of what is added shows in no digit of its value.
class LongSum {
 public:
  void add(double value) {
    const double sum = high_ + value;
    const double part = sum - high_;
    low_ += (high_ - (sum - part)) + (value - part);
    high_ = sum;
  }
  void add(const LongSum& other) {
    add(other.high_);
    low_ += other.low_;
  }
  double value() const { return high_ + low_; }

 private:
  double high_ = 0;
  double low_ = 0;
};

// Over all finite elements of one channel.
struct ChannelTotals {
  std::uint64_t count = 0;
  float min = 0;
  float max = 0;
  LongSum sum;
  LongSum square;

  void add(const ChannelTotals& other);
};

// What a tensor looks like around one of its axes.
struct AxisLayout {
  std::size_t outer = 1;
  std::size_t channels = 1;
  std::size_t inner = 1;

  // Of the axis of a shape whose elements can be counted; the axis must be one of its.
  static AxisLayout of(std::span<const std::int64_t> dims, std::size_t axis);
};

// Adds the elements, `layout` of which `totals` has the channels.
void add_channels(const FloatElements& elements, const AxisLayout& layout, std::span<ChannelTotals> totals);

}  // namespace foveate
