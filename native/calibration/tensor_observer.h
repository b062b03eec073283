// What calibration keeps of tensors while pictures are run: see lib/precision/tensor-statistics.ts.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "calibration/channel_sums.h"
#include "calibration/histogram.h"
#include "core/shape.h"
#include "core/status.h"

namespace foveate {

// Of one tensor, as it is kept, merged and sent.
struct TensorStatistics {
  std::uint64_t count = 0;
  std::uint64_t non_finite = 0;
  float min = 0;
  float max = 0;
  // Of each picture, in the order of their numbers; of one without finite elements, from infinity to -infinity.
  std::vector<float> picture_min;
  std::vector<float> picture_max;
  std::int32_t exponent = 0;
  std::int32_t first = 0;
  std::vector<double> counts;
  // Of each channel; empty without a channel axis, and before the first element.
  std::vector<float> channel_min;
  std::vector<float> channel_max;
  std::vector<double> channel_mean;
  std::vector<double> channel_mean_square;
};

// What `count` and `non_finite` are at most: a double, which JavaScript has them as, holds every integer up to this.
inline constexpr std::uint64_t kMostElements = std::uint64_t{1} << 53;

// The histogram in statistics that may come from anywhere; INVALID_ARGUMENT where they contradict themselves, be it in
// what they tell of pictures and channels.
Result<Histogram> histogram_of(const TensorStatistics& statistics);

// Statistics of one tensor. Lanes may add pictures at the same time, in any order: the result is the same.
class ObservedTensor {
 public:
  ObservedTensor(std::string name, std::optional<std::size_t> channel_axis)
      : name_(std::move(name)), channel_axis_(channel_axis) {}

  const std::string& name() const { return name_; }
  // Whether `add` would take such a tensor. It is float32 or float16.
  Status check(DType dtype, std::span<const std::int64_t> dims) const;
  // Waits while another lane adds. Several tensors of one picture count as one.
  void add(std::uint32_t picture, DType dtype, std::span<const std::int64_t> dims, const void* data);
  // The same, unless another lane adds: false then.
  bool try_add(std::uint32_t picture, DType dtype, std::span<const std::int64_t> dims, const void* data);
  // Whether `merge` would take them.
  Status check(const TensorStatistics& statistics) const;
  // Takes in what was kept of other pictures, which get the numbers after those that were seen.
  Status merge(const TensorStatistics& statistics);
  TensorStatistics statistics() const;

 private:
  struct PictureRange {
    float min = std::numeric_limits<float>::infinity();
    float max = -std::numeric_limits<float>::infinity();
  };

  void add_locked(std::uint32_t picture, DType dtype, std::span<const std::int64_t> dims, const void* data);
  Status check_locked(const TensorStatistics& statistics, const Histogram& histogram) const;

  std::string name_;
  std::optional<std::size_t> channel_axis_;
  mutable std::mutex mutex_;
  Histogram histogram_;
  std::map<std::uint32_t, PictureRange> pictures_;
  std::vector<ChannelTotals> channels_;
};

// One output of a run.
struct ObservedOutput {
  ObservedTensor* tensor;
  DType dtype;
  std::span<const std::int64_t> dims;
  const void* data;
};

class TensorObserver {
 public:
  void add_tensor(std::string name, std::optional<std::size_t> channel_axis) {
    tensors_.emplace_back(std::move(name), channel_axis);
  }
  std::deque<ObservedTensor>& tensors() { return tensors_; }
  ObservedTensor* find(const std::string& name);

  // All outputs of one picture, or none where one cannot be taken. Those that other lanes are at come last.
  static Status add(std::uint32_t picture, std::span<const ObservedOutput> outputs);
  // Statistics of each tensor, in their order: all of them, or none where one cannot be taken.
  Status merge(std::span<const TensorStatistics> statistics);

 private:
  std::deque<ObservedTensor> tensors_;  // they hold a mutex each, and do not move
};

}  // namespace foveate
