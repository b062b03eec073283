#include "vision/detection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "vision/finite.h"

namespace foveate {
namespace {

using Corners = std::array<float, 4>;  // x1, y1, x2, y2

// An anchor whose best class passes the threshold.
struct Candidate {
  std::int32_t anchor;
  std::int32_t class_id;
  float score;
};

// Values before the class scores: the box, and YOLOX's objectness.
std::size_t leading_values(DetectionHead head) { return head == DetectionHead::kYolox ? 5 : 4; }

std::size_t values_per_anchor(const DetectionSpec& spec) {
  return leading_values(spec.head) + static_cast<std::size_t>(spec.classes);
}

// One of YOLOX's grids: `columns` * `rows` anchors, row by row.
struct Grid {
  int stride;
  int columns;
  int rows;

  std::int64_t anchors() const { return static_cast<std::int64_t>(columns) * rows; }
};

std::vector<Grid> grids_of(const DetectionSpec& spec, const Placement& placement) {
  std::vector<Grid> grids;
  for (const int stride : spec.strides) {
    grids.push_back({stride, placement.input_width / stride, placement.input_height / stride});
  }
  return grids;
}

Status check_grids(const DetectionSpec& spec, const Placement& placement) {
  if (std::any_of(spec.strides.begin(), spec.strides.end(), [](int stride) { return stride < 1; })) {
    return {error_code::kInvalidArgument, "Strides of a YOLOX head must be positive"};
  }
  std::int64_t anchors = 0;
  for (const Grid& grid : grids_of(spec, placement)) anchors += grid.anchors();
  if (anchors == spec.anchors) return {};
  std::string strides;
  for (const int stride : spec.strides) strides += (strides.empty() ? "" : ", ") + std::to_string(stride);
  return {error_code::kInvalidArgument,
          "The grids of strides [" + strides + "] on an input of " + std::to_string(placement.input_width) + "x" +
              std::to_string(placement.input_height) + " have " + std::to_string(anchors) +
              " anchors, but the output has " + std::to_string(spec.anchors),
          "Give the strides that the model was exported with, and its own input size."};
}

Status check(std::span<const float> output, const DetectionSpec& spec, const Placement& placement) {
  if (spec.classes < 1 || spec.anchors < 0 || spec.max_detections < 0 || spec.max_candidates < 0) {
    return {error_code::kInvalidArgument,
            "A detection head needs at least one class, and no count below zero; received " +
                std::to_string(spec.classes) + " classes, " + std::to_string(spec.anchors) + " anchors, at most " +
                std::to_string(spec.max_detections) + " detections of " + std::to_string(spec.max_candidates) +
                " candidates"};
  }
  if (!std::isfinite(spec.score_threshold) || !std::isfinite(spec.iou_threshold)) {
    return {error_code::kInvalidArgument, "Thresholds of a detection head must be finite numbers"};
  }
  if (placement.source_width < 1 || placement.source_height < 1 || !(placement.scale_x > 0) ||
      !(placement.scale_y > 0)) {
    return {error_code::kInvalidArgument, "Boxes cannot be mapped back: the picture's placement is empty"};
  }
  const std::size_t expected = values_per_anchor(spec) * static_cast<std::size_t>(spec.anchors);
  if (output.size() != expected) {
    return {error_code::kInternal, "Expected " + std::to_string(expected) + " values of a detection head with " +
                                       std::to_string(spec.classes) + " classes and " + std::to_string(spec.anchors) +
                                       " anchors, but received " + std::to_string(output.size())};
  }
  return spec.head == DetectionHead::kYolox ? check_grids(spec, placement) : Status();
}

// Collects what passes the threshold, the class filter, and is a finite number.
class CandidateList {
 public:
  explicit CandidateList(const DetectionSpec& spec)
      : threshold_(spec.score_threshold), wanted_(static_cast<std::size_t>(spec.classes), spec.class_filter.empty()) {
    for (const std::int32_t id : spec.class_filter) {
      if (id >= 0 && id < spec.classes) wanted_[static_cast<std::size_t>(id)] = true;
    }
  }

  void offer(std::size_t anchor, std::int32_t class_id, float score) {
    if (!(score >= threshold_) || std::isinf(score) || !wanted_[static_cast<std::size_t>(class_id)]) return;
    candidates_.push_back({static_cast<std::int32_t>(anchor), class_id, score});
  }

  std::vector<Candidate> take() { return std::move(candidates_); }

 private:
  float threshold_;
  std::vector<bool> wanted_;  // by class
  std::vector<Candidate> candidates_;
};

// Class rows are walked as they lie in memory, with a running maximum for a block of anchors that stays in the cache.
std::vector<Candidate> score_by_rows(std::span<const float> output, const DetectionSpec& spec) {
  constexpr std::size_t kBlock = 1024;
  std::array<float, kBlock> best;
  std::array<std::int32_t, kBlock> best_class;
  CandidateList list(spec);
  const auto anchors = static_cast<std::size_t>(spec.anchors);
  for (std::size_t begin = 0; begin < anchors; begin += kBlock) {
    const std::size_t count = std::min(kBlock, anchors - begin);
    best.fill(-INFINITY);
    best_class.fill(0);
    for (std::int32_t id = 0; id < spec.classes; ++id) {
      const float* row = output.data() + (leading_values(spec.head) + static_cast<std::size_t>(id)) * anchors + begin;
      for (std::size_t i = 0; i < count; ++i) {
        best_class[i] = row[i] > best[i] ? id : best_class[i];
        best[i] = std::max(best[i], row[i]);  // in this order: a NaN leaves `best`
      }
    }
    for (std::size_t i = 0; i < count; ++i) list.offer(begin + i, best_class[i], best[i]);
  }
  return list.take();
}

// One anchor's values lie together. Nearly all anchors are background, so the class is looked for only where some score
// passes: that question alone is a loop which compilers vectorise.
std::vector<Candidate> score_by_anchors(std::span<const float> output, const DetectionSpec& spec) {
  CandidateList list(spec);
  const auto classes = static_cast<std::size_t>(spec.classes);
  for (std::size_t anchor = 0; anchor < static_cast<std::size_t>(spec.anchors); ++anchor) {
    const float* values = output.data() + anchor * values_per_anchor(spec);
    const float* scores = values + leading_values(spec.head);
    const float objectness = spec.head == DetectionHead::kYolox ? values[4] : 1.0f;
    int passing = 0;
    for (std::size_t i = 0; i < classes; ++i) {
      passing |= static_cast<int>(objectness * scores[i] >= spec.score_threshold);
    }
    if (passing == 0) continue;
    float best = -INFINITY;
    std::size_t best_class = 0;
    for (std::size_t i = 0; i < classes; ++i) {
      if (!(scores[i] > best)) continue;
      best = scores[i];
      best_class = i;
    }
    list.offer(anchor, static_cast<std::int32_t>(best_class), objectness * best);
  }
  return list.take();
}

Corners corners_of(float center_x, float center_y, float width, float height) {
  const float half_width = width / 2;
  const float half_height = height / 2;
  return {center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
}

// The box of `anchor` in input pixels.
Corners decode_box(std::span<const float> output, const DetectionSpec& spec, std::span<const Grid> grids,
                   std::size_t anchor) {
  if (spec.head == DetectionHead::kYolov8) {
    const auto anchors = static_cast<std::size_t>(spec.anchors);
    const float* value = output.data() + anchor;
    return corners_of(value[0], value[anchors], value[2 * anchors], value[3 * anchors]);
  }
  const float* value = output.data() + anchor * values_per_anchor(spec);
  if (spec.head == DetectionHead::kYolov8Transposed) return corners_of(value[0], value[1], value[2], value[3]);
  auto grid = grids.begin();
  auto cell = static_cast<std::int64_t>(anchor);
  while (cell >= grid->anchors()) cell -= (grid++)->anchors();
  const auto stride = static_cast<float>(grid->stride);
  return corners_of((value[0] + static_cast<float>(cell % grid->columns)) * stride,
                    (value[1] + static_cast<float>(cell / grid->columns)) * stride, std::exp(value[2]) * stride,
                    std::exp(value[3]) * stride);
}

// The part of a box in input pixels that lies in the picture, in the picture's pixels; nullopt where it has no area.
std::optional<Corners> box_in_picture(const Corners& box, const Placement& placement) {
  const auto map = [](float value, double offset, double scale, int limit) {
    return static_cast<float>(std::clamp((value - offset) / scale, 0.0, static_cast<double>(limit)));
  };
  const Corners mapped = {map(box[0], placement.offset_x, placement.scale_x, placement.source_width),
                          map(box[1], placement.offset_y, placement.scale_y, placement.source_height),
                          map(box[2], placement.offset_x, placement.scale_x, placement.source_width),
                          map(box[3], placement.offset_y, placement.scale_y, placement.source_height)};
  if (!(mapped[2] > mapped[0]) || !(mapped[3] > mapped[1])) return std::nullopt;
  return mapped;
}

// Leaves the `limit` highest scores (ties: lower anchor first), in the order of their anchors.
void keep_highest(std::vector<Candidate>& candidates, std::size_t limit) {
  if (candidates.size() <= limit) return;
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(limit), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.score != b.score ? a.score > b.score : a.anchor < b.anchor;
                   });
  candidates.resize(limit);
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.anchor < b.anchor; });
}

bool is_finite(const Corners& box) {
  return std::all_of(box.begin(), box.end(), [](float value) { return std::isfinite(value); });
}

// Whether some anchor has a box and a score that are finite. Ends at the first: at once for a sound output.
bool has_finite_anchor(std::span<const float> output, const DetectionSpec& spec, std::span<const Grid> grids) {
  const auto anchors = static_cast<std::size_t>(spec.anchors);
  const bool in_rows = spec.head == DetectionHead::kYolov8;
  const std::size_t step = in_rows ? anchors : 1;  // from one value of an anchor to its next
  for (std::size_t anchor = 0; anchor < anchors; ++anchor) {
    if (!is_finite(decode_box(output, spec, grids, anchor))) continue;
    const float* values = output.data() + (in_rows ? anchor : anchor * values_per_anchor(spec));
    if (spec.head == DetectionHead::kYolox && !std::isfinite(values[4])) continue;
    for (std::size_t i = leading_values(spec.head); i < values_per_anchor(spec); ++i) {
      if (std::isfinite(values[i * step])) return true;
    }
  }
  return anchors == 0;
}

}  // namespace

Result<Detections> decode_detections(std::span<const float> output, const DetectionSpec& spec,
                                     const Placement& placement) {
  FOVEATE_RETURN_IF_ERROR(check(output, spec, placement));
  const std::vector<Grid> grids = spec.head == DetectionHead::kYolox ? grids_of(spec, placement) : std::vector<Grid>();
  if (!has_finite_anchor(output, spec, grids))
    return not_finite("no candidate has a box and a score that are finite numbers");
  std::vector<Candidate> candidates =
      spec.head == DetectionHead::kYolov8 ? score_by_rows(output, spec) : score_by_anchors(output, spec);

  const auto box_of = [&](const Candidate& candidate) {
    return decode_box(output, spec, grids, static_cast<std::size_t>(candidate.anchor));
  };
  std::erase_if(candidates, [&](const Candidate& candidate) { return !is_finite(box_of(candidate)); });
  keep_highest(candidates, static_cast<std::size_t>(spec.max_candidates));

  // Overlap is measured in input pixels, as the reference packages do. In the picture's pixels it would be the same:
  // scaling an axis scales all areas alike. Clipping would change it, so that comes last.
  Detections in_input;
  for (const Candidate& candidate : candidates) {
    const Corners box = box_of(candidate);
    in_input.boxes.insert(in_input.boxes.end(), box.begin(), box.end());
    in_input.scores.push_back(candidate.score);
    in_input.class_ids.push_back(candidate.class_id);
  }
  const std::vector<std::int32_t> kept =
      non_max_suppression(in_input.boxes, in_input.scores, in_input.class_ids, spec.iou_threshold, spec.max_detections,
                          spec.class_agnostic);

  Detections detections;
  for (const std::int32_t index : kept) {
    const auto mapped = box_in_picture(box_of(candidates[index]), placement);
    if (!mapped) continue;
    detections.boxes.insert(detections.boxes.end(), mapped->begin(), mapped->end());
    detections.scores.push_back(in_input.scores[index]);
    detections.class_ids.push_back(in_input.class_ids[index]);
  }
  return detections;
}

}  // namespace foveate
