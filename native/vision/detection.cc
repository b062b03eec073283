#include "vision/detection.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <utility>

#include "vision/finite.h"
#include "vision/heads/head.h"
#include "vision/placement.h"

namespace foveate {
namespace {

Status check(const DetectionSpec& spec, const Placement& placement) {
  if (spec.classes < 1 || spec.anchors < 0 || spec.max_detections < 0 || spec.max_candidates < 0) {
    return {error_code::kInvalidArgument,
            "A detection head needs at least one class, and no count below zero; received " +
                std::to_string(spec.classes) + " classes, " + std::to_string(spec.anchors) + " anchors, at most " +
                std::to_string(spec.max_detections) + " detections of " + std::to_string(spec.max_candidates) +
                " candidates"};
  }
  if (spec.keypoints < 0 || spec.mask_coefficients < 0 || spec.keypoint_values < 2 || spec.keypoint_values > 3) {
    return {error_code::kInvalidArgument,
            "A detection head cannot have " + std::to_string(spec.keypoints) + " keypoints of " +
                std::to_string(spec.keypoint_values) + " values and " + std::to_string(spec.mask_coefficients) +
                " mask coefficients: expected keypoints of 2 or 3 values, and no count below zero"};
  }
  const bool has_extras = spec.head == DetectionHead::kYolov5 || spec.head == DetectionHead::kYolov8 ||
                          spec.head == DetectionHead::kYolov8Transposed || spec.head == DetectionHead::kEndToEnd;
  const bool has_keypoints = has_extras || spec.head == DetectionHead::kScrfd;
  if ((spec.keypoints > 0 && !has_keypoints) || ((spec.mask_coefficients > 0 || spec.rotated) && !has_extras)) {
    return {error_code::kInvalidArgument, "This detection head has no place for keypoints, masks or oriented boxes"};
  }
  if (!std::isfinite(spec.score_threshold) || !std::isfinite(spec.iou_threshold)) {
    return {error_code::kInvalidArgument, "Thresholds of a detection head must be finite numbers"};
  }
  return check_placement(placement, "Boxes");
}

HeadResult make_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement) {
  switch (spec.head) {
    case DetectionHead::kYolov5:
    case DetectionHead::kYolov8:
    case DetectionHead::kYolov8Transposed:
    case DetectionHead::kYolox:
    case DetectionHead::kEndToEnd:
    case DetectionHead::kRtDetrConcatenated:
    case DetectionHead::kRtDetrEndToEnd:
      return make_anchor_head(outputs, spec, placement);
    case DetectionHead::kDetr:
    case DetectionHead::kRtDetr:
      return make_query_head(outputs, spec, placement);
    case DetectionHead::kSsd:
      return make_ssd_head(outputs, spec, placement);
    case DetectionHead::kScrfd:
      return make_scrfd_head(outputs, spec, placement);
  }
  return Status(error_code::kInvalidArgument, "Unknown detection head");
}

Corners clipped_to(const Corners& box, int width, int height) {
  const auto x = [width](float value) { return std::clamp(value, 0.0f, static_cast<float>(width)); };
  const auto y = [height](float value) { return std::clamp(value, 0.0f, static_cast<float>(height)); };
  return {x(box[0]), y(box[1]), x(box[2]), y(box[3])};
}

// From pixels of the input to pixels of the picture.
struct ToPicture {
  const Placement& placement;

  float x(float value) const { return static_cast<float>((value - placement.offset_x) / placement.scale_x); }
  float y(float value) const { return static_cast<float>((value - placement.offset_y) / placement.scale_y); }

  Corners corners(const Corners& box) const { return {x(box[0]), y(box[1]), x(box[2]), y(box[3])}; }

  // Its sides are mapped one by one: exact where both axes are scaled alike, as in a letterbox. The angle comes to lie
  // in 0..pi/2, as in ultralytics; for that, width and height may change places.
  RotatedBox rotated(const RotatedBox& box) const {
    constexpr float kQuarter = std::numbers::pi_v<float> / 2;
    const auto side = [&](float length, float angle) {
      return length *
             static_cast<float>(std::hypot(std::cos(angle) / placement.scale_x, std::sin(angle) / placement.scale_y));
    };
    RotatedBox mapped{x(box.center_x), y(box.center_y), side(box.width, box.angle),
                      side(box.height, box.angle + kQuarter),
                      static_cast<float>(std::atan2(std::sin(box.angle) / placement.scale_y,
                                                    std::cos(box.angle) / placement.scale_x))};
    mapped.angle = std::fmod(std::fmod(mapped.angle, 2 * kQuarter) + 2 * kQuarter, 2 * kQuarter);
    if (mapped.angle >= kQuarter) {
      std::swap(mapped.width, mapped.height);
      mapped.angle -= kQuarter;
    }
    return mapped;
  }
};

// The smallest upright box around an oriented one.
Corners hull_of(const RotatedBox& box) {
  const float across = std::fabs(std::cos(box.angle));
  const float down = std::fabs(std::sin(box.angle));
  return corners_of(box.center_x, box.center_y, box.width * across + box.height * down,
                    box.width * down + box.height * across);
}

// Leaves the `limit` highest scores (ties: as they came), in the order in which they came.
void keep_highest(std::vector<Candidate>& candidates, std::size_t limit) {
  if (candidates.size() <= limit) return;
  std::vector<std::size_t> order(candidates.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(limit), order.end(),
                   [&](std::size_t a, std::size_t b) {
                     return candidates[a].score != candidates[b].score ? candidates[a].score > candidates[b].score
                                                                       : a < b;
                   });
  order.resize(limit);
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < limit; ++i) candidates[i] = candidates[order[i]];
  candidates.resize(limit);
}

// The candidates as non_max_suppression takes them. Most heads' boxes are not clipped: clipping would change their
// overlap, so that comes last, as in the reference packages.
struct Rivals {
  std::vector<float> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> class_ids;
};

Rivals rivals_of(const Head& head, std::span<const Candidate> candidates, const ToPicture& to_picture) {
  Rivals rivals;
  rivals.boxes.reserve(candidates.size() * 5);
  rivals.scores.reserve(candidates.size());
  rivals.class_ids.reserve(candidates.size());
  for (const Candidate& candidate : candidates) {
    const auto anchor = static_cast<std::size_t>(candidate.anchor);
    if (head.suppression() == Suppression::kRotated) {
      const RotatedBox box = head.rotated_box(anchor);
      rivals.boxes.insert(rivals.boxes.end(), {box.center_x, box.center_y, box.width, box.height, box.angle});
    } else {
      Corners box = head.box(anchor);
      if (head.suppression() == Suppression::kGreedyInclusivePixels) {
        box = to_picture.corners(box);
      }
      if (head.suppression() == Suppression::kGreedyClipped) {
        box = clipped_to(box, to_picture.placement.input_width, to_picture.placement.input_height);
      }
      rivals.boxes.insert(rivals.boxes.end(), box.begin(), box.end());
    }
    rivals.scores.push_back(candidate.score);
    rivals.class_ids.push_back(candidate.class_id);
  }
  return rivals;
}

// Which candidates remain, highest score first.
std::vector<std::int32_t> select(const Head& head, std::span<const Candidate> candidates, const DetectionSpec& spec,
                                 const ToPicture& to_picture) {
  const SuppressionOptions options{spec.iou_threshold, spec.max_detections, spec.class_agnostic,
                                   head.suppression() == Suppression::kGreedyInclusivePixels ? 1.0f : 0.0f};
  if (head.suppression() != Suppression::kNone) {
    const Rivals rivals = rivals_of(head, candidates, to_picture);
    return head.suppression() == Suppression::kRotated
               ? non_max_suppression_rotated(rivals.boxes, rivals.scores, rivals.class_ids, options)
               : non_max_suppression(rivals.boxes, rivals.scores, rivals.class_ids, options);
  }
  std::vector<std::int32_t> order(candidates.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return candidates[static_cast<std::size_t>(a)].score > candidates[static_cast<std::size_t>(b)].score;
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(spec.max_detections)));
  return order;
}

// Adds what a candidate says to the detections, unless its box has no area in the picture.
class Writer {
 public:
  Writer(const Head& head, const DetectionSpec& spec, const ToPicture& to_picture)
      : head_(head),
        spec_(spec),
        to_picture_(to_picture),
        points_(static_cast<std::size_t>(spec.keypoints) * static_cast<std::size_t>(spec.keypoint_values)),
        extras_(points_ + static_cast<std::size_t>(spec.mask_coefficients)) {}

  void write(const Candidate& candidate, Detections& detections) {
    const auto anchor = static_cast<std::size_t>(candidate.anchor);
    const RotatedBox rotated = spec_.rotated ? to_picture_.rotated(head_.rotated_box(anchor)) : RotatedBox{};
    const Corners box = clipped_to(spec_.rotated ? hull_of(rotated) : to_picture_.corners(head_.box(anchor)),
                                   to_picture_.placement.source_width, to_picture_.placement.source_height);
    if (!(box[2] > box[0]) || !(box[3] > box[1])) return;
    detections.boxes.insert(detections.boxes.end(), box.begin(), box.end());
    detections.scores.push_back(candidate.score);
    detections.class_ids.push_back(candidate.class_id);
    if (spec_.rotated) {
      detections.rotated_boxes.insert(detections.rotated_boxes.end(), {rotated.center_x, rotated.center_y,
                                                                       rotated.width, rotated.height, rotated.angle});
    }
    if (!extras_.empty()) write_extras(anchor, detections);
  }

 private:
  void write_extras(std::size_t anchor, Detections& detections) {
    head_.copy_extras(anchor, extras_);
    const auto step = static_cast<std::size_t>(spec_.keypoint_values);
    for (std::size_t i = 0; i < points_; i += step) {
      detections.keypoints.insert(detections.keypoints.end(), {to_picture_.x(extras_[i]), to_picture_.y(extras_[i + 1]),
                                                               step == 3 ? extras_[i + 2] : 1.0f});
    }
    detections.mask_coefficients.insert(detections.mask_coefficients.end(),
                                        extras_.begin() + static_cast<std::ptrdiff_t>(points_), extras_.end());
  }

  const Head& head_;
  const DetectionSpec& spec_;
  const ToPicture& to_picture_;
  std::size_t points_;         // how many of the extras are values of keypoints
  std::vector<float> extras_;  // of the anchor at hand
};

}  // namespace

Result<Detections> decode_detections(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement) {
  FOVEATE_RETURN_IF_ERROR(check(spec, placement));
  auto made = make_head(outputs, spec, placement);
  if (!made.ok()) return made.take_status();
  const Head& head = *made.value();
  if (!head.has_finite_anchor()) return not_finite("no candidate has a box and a score that are finite numbers");

  CandidateList list(spec);
  head.collect(list);
  FOVEATE_RETURN_IF_ERROR(list.check_classes());
  std::vector<Candidate> candidates = list.take();
  std::erase_if(candidates, [&](const Candidate& candidate) {
    const auto anchor = static_cast<std::size_t>(candidate.anchor);
    return !is_finite(head.box(anchor)) || (spec.rotated && !std::isfinite(head.rotated_box(anchor).angle));
  });
  keep_highest(candidates, std::min(static_cast<std::size_t>(spec.max_candidates), head.max_candidates()));

  const ToPicture to_picture{placement};
  Detections detections;
  Writer writer(head, spec, to_picture);
  for (const std::int32_t index : select(head, candidates, spec, to_picture)) {
    writer.write(candidates[static_cast<std::size_t>(index)], detections);
  }
  return detections;
}

}  // namespace foveate
