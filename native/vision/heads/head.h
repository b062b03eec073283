// What decode_detections needs of a head: which anchors pass, and what each of them says. One class per family of
// heads; a head looks into the outputs, and is gone before they are.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vision/detection.h"

namespace foveate {

using Corners = std::array<float, 4>;  // x1, y1, x2, y2

struct RotatedBox {
  float center_x, center_y, width, height, angle;
};

// A class of an anchor that passes the threshold.
struct Candidate {
  std::int32_t anchor;
  std::int32_t class_id;
  float score;
};

// Collects what passes the threshold, the class filter, and is a finite number. `class_id` is never below zero.
class CandidateList {
 public:
  explicit CandidateList(const DetectionSpec& spec)
      : threshold_(spec.score_threshold), wanted_(static_cast<std::size_t>(spec.classes), spec.class_filter.empty()) {
    for (const std::int32_t id : spec.class_filter) {
      if (id >= 0 && id < spec.classes) wanted_[static_cast<std::size_t>(id)] = true;
    }
  }

  float threshold() const { return threshold_; }

  void offer(std::size_t anchor, std::int32_t class_id, float score) {
    if (!(score >= threshold_) || std::isinf(score)) return;
    if (static_cast<std::size_t>(class_id) >= wanted_.size()) {
      highest_unknown_class_ = std::max(highest_unknown_class_, class_id);
      return;
    }
    if (!wanted_[static_cast<std::size_t>(class_id)]) return;
    candidates_.push_back({static_cast<std::int32_t>(anchor), class_id, score});
  }

  // LABELS_INVALID where a class passed that the spec does not count: the labels are fewer than the model's classes.
  Status check_classes() const {
    if (highest_unknown_class_ < 0) return {};
    return {error_code::kLabelsInvalid,
            "The model found class " + std::to_string(highest_unknown_class_) + ", but there are " +
                std::to_string(wanted_.size()) + " labels",
            "Give a label for each class of the model, in its order."};
  }

  std::vector<Candidate> take() { return std::move(candidates_); }

 private:
  float threshold_;
  std::int32_t highest_unknown_class_ = -1;
  std::vector<bool> wanted_;  // by class
  std::vector<Candidate> candidates_;
};

// How the boxes of a head are suppressed.
enum class Suppression : std::uint8_t {
  kNone,                   // by the model itself
  kGreedy,                 // in input pixels
  kGreedyClipped,          // in input pixels, boxes clipped to the input before
  kGreedyInclusivePixels,  // in the picture's pixels, widths being x2 - x1 + 1
  kRotated,
};

// Anchors are numbered as in the outputs. Boxes and points are in pixels of the input.
class Head {
 public:
  virtual ~Head() = default;

  virtual Suppression suppression() const { return Suppression::kGreedy; }

  // Of all candidates so many with the highest scores count, whatever the spec says.
  virtual std::size_t max_candidates() const { return std::numeric_limits<std::size_t>::max(); }

  // Ends at the first anchor whose box and some score are finite: at once for sound outputs.
  virtual bool has_finite_anchor() const = 0;

  // Offers every anchor, or every class of every anchor, that may pass.
  virtual void collect(CandidateList& list) const = 0;

  virtual Corners box(std::size_t anchor) const = 0;

  // Where the spec asks for them. `values` has the spec's keypoint_values for each keypoint, or mask_coefficients.
  virtual RotatedBox rotated_box(std::size_t) const { return {}; }
  virtual void copy_extras(std::size_t, std::span<float>) const {}
};

using HeadResult = Result<std::unique_ptr<Head>>;

// Each checks the sizes of the outputs, which is all that memory safety rests on.
HeadResult make_anchor_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement);
HeadResult make_query_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement);
HeadResult make_ssd_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement);
HeadResult make_scrfd_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement);

// INTERNAL unless output `index` has `expected` values.
Status check_output(HeadOutputs outputs, std::size_t index, std::size_t expected);

// One of the grids that anchors stand on: `columns` * `rows` cells, row by row.
struct Grid {
  int stride;
  int columns;
  int rows;

  std::int64_t cells() const { return static_cast<std::int64_t>(columns) * rows; }
};

// What becomes of the cells at the right and lower edge of which the input holds only a part.
enum class EdgeCells : std::uint8_t {
  kCounted,  // as convolutions leave them: the grid is that of the feature map
  kDropped,  // as packages leave them that divide the input's sides by the stride
};

// The grids of the spec's strides. INVALID_ARGUMENT where they do not hold the spec's anchors, `per_cell` to a cell.
Result<std::vector<Grid>> grids_of(const DetectionSpec& spec, const Placement& placement, int per_cell,
                                   EdgeCells edge_cells);

inline Corners corners_of(float center_x, float center_y, float width, float height) {
  const float half_width = width / 2;
  const float half_height = height / 2;
  return {center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
}

inline bool is_finite(const Corners& box) {
  return std::isfinite(box[0]) && std::isfinite(box[1]) && std::isfinite(box[2]) && std::isfinite(box[3]);
}

}  // namespace foveate
