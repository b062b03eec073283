#include "calibration/tensor_observer.h"

#include <algorithm>
#include <cmath>

namespace foveate {
namespace {

Status not_statistics(const std::string& reason) {
  return {error_code::kInvalidArgument, "The statistics of a tensor are not sound: " + reason,
          "Give them as they came from an observer."};
}

bool ascending(float min, float max) { return std::isfinite(min) && std::isfinite(max) && min <= max; }

Status check_pictures(const TensorStatistics& statistics) {
  const std::size_t pictures = statistics.picture_min.size();
  if (statistics.picture_max.size() != pictures) return not_statistics("pictures have one end of a range");
  for (std::size_t i = 0; i < pictures; ++i) {
    const auto [min, max] = std::pair(statistics.picture_min[i], statistics.picture_max[i]);
    if (!ascending(min, max) && !(min == INFINITY && max == -INFINITY)) {
      return not_statistics("picture " + std::to_string(i) + " has no range");
    }
  }
  return {};
}

Status check_channels(const TensorStatistics& statistics) {
  const std::size_t channels = statistics.channel_min.size();
  if (statistics.channel_max.size() != channels || statistics.channel_mean.size() != channels ||
      statistics.channel_mean_square.size() != channels) {
    return not_statistics("not all is told of each channel");
  }
  for (std::size_t i = 0; i < channels; ++i) {
    if (!ascending(statistics.channel_min[i], statistics.channel_max[i]) ||
        !std::isfinite(statistics.channel_mean[i]) ||
        !(statistics.channel_mean_square[i] >= 0 && std::isfinite(statistics.channel_mean_square[i]))) {
      return not_statistics("channel " + std::to_string(i) + " has no range or no means");
    }
  }
  return {};
}

}  // namespace

Result<Histogram> histogram_of(const TensorStatistics& statistics) {
  FOVEATE_RETURN_IF_ERROR(check_pictures(statistics));
  FOVEATE_RETURN_IF_ERROR(check_channels(statistics));
  if (statistics.counts.size() > Histogram::kMaxBins) return not_statistics("there are too many bins");
  std::vector<std::uint64_t> counts;
  counts.reserve(statistics.counts.size());
  std::uint64_t sum = 0;
  for (const double count : statistics.counts) {
    if (!(count >= 0 && count <= 0x1p53 && count == std::floor(count))) {
      return not_statistics("a bin holds " + std::to_string(count) + " elements");
    }
    counts.push_back(static_cast<std::uint64_t>(count));
    sum += counts.back();
    if (sum > kMostElements) break;
  }
  if (sum > kMostElements || statistics.non_finite > kMostElements)
    return not_statistics("there are too many elements");
  if (sum != statistics.count) {
    return not_statistics("the bins hold " + std::to_string(sum) + " elements, not " +
                          std::to_string(statistics.count));
  }
  Histogram histogram;
  if (!Histogram::restore(statistics.non_finite, statistics.min, statistics.max, statistics.exponent, statistics.first,
                          counts, histogram)) {
    return not_statistics("the bins do not fit the range");
  }
  return histogram;
}

Status ObservedTensor::check(DType dtype, std::span<const std::int64_t> dims) const {
  if (dtype != DType::kFloat32 && dtype != DType::kFloat16) {
    return {error_code::kInvalidArgument,
            "Expected float32 or float16 of " + name_ + " to observe it, but it is " + std::string(dtype_name(dtype))};
  }
  if (!channel_axis_) return {};
  if (*channel_axis_ >= dims.size()) {
    return {error_code::kInvalidArgument, "Axis " + std::to_string(*channel_axis_) + " was to be the channels of " +
                                              name_ + ", which has the shape " + dims_text(dims)};
  }
  const std::lock_guard lock(mutex_);
  const auto channels = static_cast<std::size_t>(dims[*channel_axis_]);
  if (!channels_.empty() && channels_.size() != channels) {
    return {error_code::kInvalidArgument, "Expected " + std::to_string(channels_.size()) + " channels of " + name_ +
                                              ", as before, but there are " + std::to_string(channels)};
  }
  return {};
}

void ObservedTensor::add(std::uint32_t picture, DType dtype, std::span<const std::int64_t> dims, const void* data) {
  const std::lock_guard lock(mutex_);
  add_locked(picture, dtype, dims, data);
}

bool ObservedTensor::try_add(std::uint32_t picture, DType dtype, std::span<const std::int64_t> dims, const void* data) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  add_locked(picture, dtype, dims, data);
  return true;
}

void ObservedTensor::add_locked(std::uint32_t picture, DType dtype, std::span<const std::int64_t> dims,
                                const void* data) {
  const FloatElements elements{data, element_count(dims).value_or(0), dtype == DType::kFloat16};
  const Histogram::Added added = histogram_.add(elements);
  const PictureRange range = added.finite > 0 ? PictureRange{added.min, added.max} : PictureRange{};
  const auto [place, is_new] = pictures_.try_emplace(picture, range);
  if (!is_new) place->second = {std::min(place->second.min, range.min), std::max(place->second.max, range.max)};
  if (!channel_axis_ || elements.count == 0) return;
  const AxisLayout layout = AxisLayout::of(dims, *channel_axis_);
  if (channels_.empty()) channels_.resize(layout.channels);
  if (channels_.size() == layout.channels) add_channels(elements, layout, channels_);
}

Status ObservedTensor::check_locked(const TensorStatistics& statistics, const Histogram& histogram) const {
  const std::size_t channels = statistics.channel_mean.size();
  if (channel_axis_ && histogram.finite() > 0 && channels == 0) return not_statistics("there are no channels");
  if (channel_axis_ && !channels_.empty() && channels != 0 && channels != channels_.size()) {
    return not_statistics("there are " + std::to_string(channels) + " channels instead of " +
                          std::to_string(channels_.size()));
  }
  if (histogram_.finite() + histogram.finite() > kMostElements ||
      histogram_.non_finite() + histogram.non_finite() > kMostElements) {
    return not_statistics("there are too many elements");
  }
  return {};
}

Status ObservedTensor::check(const TensorStatistics& statistics) const {
  auto other = histogram_of(statistics);
  if (!other.ok()) return other.take_status();
  const std::lock_guard lock(mutex_);
  return check_locked(statistics, other.value());
}

Status ObservedTensor::merge(const TensorStatistics& statistics) {
  auto other = histogram_of(statistics);
  if (!other.ok()) return other.take_status();
  const std::uint64_t sum = other.value().finite();
  const std::size_t channels = statistics.channel_mean.size();
  const std::size_t pictures = statistics.picture_min.size();
  const std::lock_guard lock(mutex_);
  FOVEATE_RETURN_IF_ERROR(check_locked(statistics, other.value()));
  const std::uint32_t next = pictures_.empty() ? 0 : pictures_.rbegin()->first + 1;
  for (std::uint32_t i = 0; i < pictures; ++i) {
    pictures_.emplace(next + i, PictureRange{statistics.picture_min[i], statistics.picture_max[i]});
  }
  histogram_.merge(other.value());
  if (!channel_axis_ || channels == 0) return {};
  channels_.resize(channels);
  for (std::size_t i = 0; i < channels; ++i) {
    // Each channel has as many elements; only of non-finite ones is it not known where they were.
    ChannelTotals part{sum / channels, statistics.channel_min[i], statistics.channel_max[i], {}, {}};
    part.sum.add(statistics.channel_mean[i] * static_cast<double>(part.count));
    part.square.add(statistics.channel_mean_square[i] * static_cast<double>(part.count));
    channels_[i].add(part);
  }
  return {};
}

TensorStatistics ObservedTensor::statistics() const {
  const std::lock_guard lock(mutex_);
  TensorStatistics statistics;
  statistics.count = histogram_.finite();
  statistics.non_finite = histogram_.non_finite();
  statistics.min = histogram_.min();
  statistics.max = histogram_.max();
  for (const auto& [picture, range] : pictures_) {
    statistics.picture_min.push_back(range.min);
    statistics.picture_max.push_back(range.max);
  }
  statistics.exponent = histogram_.exponent();
  statistics.first = histogram_.first();
  for (const std::uint64_t count : histogram_.counts()) statistics.counts.push_back(static_cast<double>(count));
  for (const ChannelTotals& channel : channels_) {
    const double count = channel.count == 0 ? 1 : static_cast<double>(channel.count);
    statistics.channel_min.push_back(channel.min);
    statistics.channel_max.push_back(channel.max);
    statistics.channel_mean.push_back(channel.sum.value() / count);
    statistics.channel_mean_square.push_back(channel.square.value() / count);
  }
  return statistics;
}

ObservedTensor* TensorObserver::find(const std::string& name) {
  for (ObservedTensor& tensor : tensors_) {
    if (tensor.name() == name) return &tensor;
  }
  return nullptr;
}

Status TensorObserver::add(std::uint32_t picture, std::span<const ObservedOutput> outputs) {
  for (const ObservedOutput& output : outputs) FOVEATE_RETURN_IF_ERROR(output.tensor->check(output.dtype, output.dims));
  std::vector<const ObservedOutput*> busy;
  for (const ObservedOutput& output : outputs) {
    if (!output.tensor->try_add(picture, output.dtype, output.dims, output.data)) busy.push_back(&output);
  }
  for (const ObservedOutput* output : busy) output->tensor->add(picture, output->dtype, output->dims, output->data);
  return {};
}

Status TensorObserver::merge(std::span<const TensorStatistics> statistics) {
  for (std::size_t i = 0; i < statistics.size(); ++i) FOVEATE_RETURN_IF_ERROR(tensors_[i].check(statistics[i]));
  for (std::size_t i = 0; i < statistics.size(); ++i) FOVEATE_RETURN_IF_ERROR(tensors_[i].merge(statistics[i]));
  return {};
}

}  // namespace foveate
