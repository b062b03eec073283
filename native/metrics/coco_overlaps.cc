#include "metrics/coco_overlaps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace foveate {
namespace {

// The order in which numpy adds up to 128 numbers: objects that are equally far off stay equal to the last bit.
double sum_of(std::span<const double> values) {
  constexpr std::size_t kLanes = 8;
  double sum = 0;
  std::size_t i = 0;
  if (values.size() >= kLanes) {
    std::array<double, kLanes> lanes;
    std::copy_n(values.begin(), kLanes, lanes.begin());
    for (i = kLanes; i + kLanes <= values.size(); i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
    }
    sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  }
  for (; i < values.size(); ++i) sum += values[i];
  return sum;
}

}  // namespace

Status MaskList::decode(std::size_t i, RunLengths& mask) const {
  const std::size_t begin = i == 0 ? 0 : ends[i - 1];
  return decode_runs({text.data() + begin, ends[i] - begin}, sizes[2 * i], sizes[2 * i + 1], mask);
}

Status check_objects(const ObjectList& objects, ObjectKind kind, std::size_t points, std::int64_t images,
                     std::int64_t categories, std::string_view name) {
  const auto refuse = [name](std::string what) {
    return Status(error_code::kInvalidArgument, std::string(name) + ": " + what);
  };
  const std::size_t count = objects.count();
  const auto fits = [count](std::size_t size, std::size_t each, bool optional) {
    return size == count * each || (optional && size == 0);
  };
  if (count > std::numeric_limits<std::int32_t>::max()) return refuse("more than 2147483647 objects");
  if (!fits(objects.categories.size(), 1, false) || !fits(objects.boxes.size(), 4, kind != ObjectKind::kBox) ||
      !fits(objects.scores.size(), 1, true) || !fits(objects.areas.size(), 1, true) ||
      !fits(objects.crowd.size(), 1, true) || !fits(objects.ignored.size(), 1, true) ||
      !fits(objects.keypoints.size(), 3 * points, kind != ObjectKind::kKeypoints) ||
      !fits(objects.masks.ends.size(), 1, kind != ObjectKind::kMask) ||
      objects.masks.sizes.size() != 2 * objects.masks.count()) {
    return refuse("its arrays have lengths that do not fit " + std::to_string(count) + " objects");
  }
  std::uint32_t end = 0;
  for (const std::uint32_t next : objects.masks.ends) {
    if (next < end || next > objects.masks.text.size()) return refuse("a mask ends where its text does not");
    end = next;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (objects.images[i] < 0 || objects.images[i] >= images || objects.categories[i] < 0 ||
        objects.categories[i] >= categories) {
      return refuse("object " + std::to_string(i) + " is of a picture or category that does not exist");
    }
    // Nothing can be sorted by it.
    if (!objects.scores.empty() && std::isnan(objects.scores[i])) {
      return refuse("object " + std::to_string(i) + " has a score that is no number");
    }
  }
  return {};
}

OverlapMeasure::OverlapMeasure(ObjectKind kind, const ObjectList& truth, const ObjectList& found,
                               std::span<const double> sigmas)
    : kind_(kind), truth_(truth), found_(found), terms_(sigmas.size()) {
  for (const double sigma : sigmas) variances_.push_back((sigma * 2) * (sigma * 2));
}

Status OverlapMeasure::measure(std::span<const std::int32_t> found, std::span<const std::int32_t> truths,
                               std::vector<double>& overlaps, const CancelToken* cancel) {
  overlaps.resize(found.size() * truths.size());
  if (overlaps.empty()) return {};
  if (kind_ == ObjectKind::kMask) return measure_masks(found, truths, overlaps, cancel);
  std::size_t at = 0;
  for (const std::int32_t i : found) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    for (const std::int32_t j : truths) {
      overlaps[at++] = kind_ == ObjectKind::kBox
                           ? box_overlap(static_cast<std::size_t>(i), static_cast<std::size_t>(j))
                           : keypoint_similarity(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
    }
  }
  return {};
}

Status OverlapMeasure::measure_masks(std::span<const std::int32_t> found, std::span<const std::int32_t> truths,
                                     std::vector<double>& overlaps, const CancelToken* cancel) {
  if (truth_masks_.size() < truths.size()) truth_masks_.resize(truths.size());
  for (std::size_t j = 0; j < truths.size(); ++j) {
    FOVEATE_RETURN_IF_ERROR(truth_.masks.decode(static_cast<std::size_t>(truths[j]), truth_masks_[j]));
  }
  std::size_t at = 0;
  for (const std::int32_t i : found) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    FOVEATE_RETURN_IF_ERROR(found_.masks.decode(static_cast<std::size_t>(i), mask_));
    for (std::size_t j = 0; j < truths.size(); ++j) {
      const RunLengths& truth = truth_masks_[j];
      if (truth.height != mask_.height || truth.width != mask_.width) {
        const auto size = [](const RunLengths& mask) {
          return std::to_string(mask.height) + " x " + std::to_string(mask.width);
        };
        return {error_code::kDatasetInvalid,
                "Mask " + std::to_string(i) + " of what was found has " + size(mask_) +
                    " pixels (height x width), truth " + std::to_string(truths[j]) + " of the same picture " +
                    size(truth),
                "Give both in the size of the picture."};
      }
      overlaps[at++] = overlap_of(mask_, truth, truth_.is_crowd(static_cast<std::size_t>(truths[j])));
    }
  }
  return {};
}

Result<double> OverlapMeasure::area_of_object(const ObjectList& objects, std::size_t i) {
  if (!objects.areas.empty()) return objects.areas[i];
  if (kind_ == ObjectKind::kMask) {
    FOVEATE_RETURN_IF_ERROR(objects.masks.decode(i, mask_));
    return static_cast<double>(area_of(mask_));
  }
  return objects.boxes.empty() ? 0.0 : objects.boxes[4 * i + 2] * objects.boxes[4 * i + 3];
}

bool OverlapMeasure::lacks_keypoints(std::size_t truth) const {
  if (kind_ != ObjectKind::kKeypoints) return false;
  for (std::size_t k = 0; k < variances_.size(); ++k) {
    if (truth_.keypoints[(truth * variances_.size() + k) * 3 + 2] > 0) return false;
  }
  return true;
}

// Every product is a statement of its own: none is fused with a sum, and results do not depend on the machine.
double OverlapMeasure::box_overlap(std::size_t found, std::size_t truth) const {
  const double* d = found_.boxes.data() + 4 * found;
  const double* t = truth_.boxes.data() + 4 * truth;
  const double width = std::min(d[2] + d[0], t[2] + t[0]) - std::max(d[0], t[0]);
  if (!(width > 0)) return 0;
  const double height = std::min(d[3] + d[1], t[3] + t[1]) - std::max(d[1], t[1]);
  if (!(height > 0)) return 0;
  const double both = width * height;
  const double found_size = d[2] * d[3];
  if (truth_.is_crowd(truth)) return both / found_size;
  const double truth_size = t[2] * t[3];
  return both / (found_size + truth_size - both);
}

// The mean over the labelled keypoints of exp(-distance^2 / (2 variance area)). Where none is, of all, distances being
// those from the truth's box, doubled in size.
double OverlapMeasure::keypoint_similarity(std::size_t found, std::size_t truth) {
  const std::size_t points = variances_.size();
  const double* d = found_.keypoints.data() + 3 * points * found;
  const double* t = truth_.keypoints.data() + 3 * points * truth;
  const bool unlabelled = lacks_keypoints(truth);
  std::array<double, 4> box{};
  if (!truth_.boxes.empty()) std::copy_n(truth_.boxes.data() + 4 * truth, 4, box.begin());
  const double area =
      (truth_.areas.empty() ? box[2] * box[3] : truth_.areas[truth]) + std::numeric_limits<double>::epsilon();
  const auto beyond = [](double value, double start, double size) {
    return std::max(0.0, (start - size) - value) + std::max(0.0, value - (start + size * 2));
  };
  std::size_t count = 0;
  for (std::size_t k = 0; k < points; ++k, d += 3, t += 3) {
    if (!unlabelled && !(t[2] > 0)) continue;
    const double dx = unlabelled ? beyond(d[0], box[0], box[2]) : d[0] - t[0];
    const double dy = unlabelled ? beyond(d[1], box[1], box[3]) : d[1] - t[1];
    const double dx2 = dx * dx;
    const double dy2 = dy * dy;
    terms_[count++] = std::exp(-((dx2 + dy2) / variances_[k] / area / 2));
  }
  return count == 0 ? 0 : sum_of({terms_.data(), count}) / static_cast<double>(count);
}

}  // namespace foveate
