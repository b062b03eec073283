// SCRFD (Guo et al. 2021): at every cell of some grids a few points, each with a score, the distances from the point to
// the four sides of the box, and the offsets of the keypoints, all in strides.
#include <cstddef>

#include "vision/heads/head.h"

namespace foveate {
namespace {

class ScrfdHead final : public Head {
 public:
  ScrfdHead(HeadOutputs outputs, const DetectionSpec& spec, std::vector<Grid> grids)
      : outputs_(outputs), spec_(spec), grids_(std::move(grids)) {}

  // As insightface does it.
  Suppression suppression() const override { return Suppression::kGreedyInclusivePixels; }

  bool has_finite_anchor() const override {
    for (std::size_t anchor = 0; anchor < static_cast<std::size_t>(spec_.anchors); ++anchor) {
      const Point point = point_of(anchor);
      if (std::isfinite(outputs_[point.level][point.index]) && is_finite(box(anchor))) return true;
    }
    return spec_.anchors == 0;
  }

  void collect(CandidateList& list) const override {
    std::size_t anchor = 0;
    for (std::size_t level = 0; level < grids_.size(); ++level) {
      for (const float score : outputs_[level]) list.offer(anchor++, 0, score);
    }
  }

  Corners box(std::size_t anchor) const override {
    const Point point = point_of(anchor);
    const float* distance = outputs_[grids_.size() + point.level].data() + point.index * 4;
    return {point.x - distance[0] * point.stride, point.y - distance[1] * point.stride,
            point.x + distance[2] * point.stride, point.y + distance[3] * point.stride};
  }

  void copy_extras(std::size_t anchor, std::span<float> values) const override {
    const Point point = point_of(anchor);
    const float* offset = outputs_[2 * grids_.size() + point.level].data() + point.index * values.size();
    for (std::size_t i = 0; i < values.size(); i += 2) {
      values[i] = point.x + offset[i] * point.stride;
      values[i + 1] = point.y + offset[i + 1] * point.stride;
    }
  }

 private:
  struct Point {
    std::size_t level;
    std::size_t index;  // within the level
    float stride;
    float x, y;  // the corner of its cell, in input pixels
  };

  Point point_of(std::size_t anchor) const {
    auto index = static_cast<std::int64_t>(anchor);
    std::size_t level = 0;
    while (index >= grids_[level].cells() * spec_.points_per_cell) {
      index -= grids_[level].cells() * spec_.points_per_cell;
      ++level;
    }
    const Grid& grid = grids_[level];
    const std::int64_t cell = index / spec_.points_per_cell;
    return {level, static_cast<std::size_t>(index), static_cast<float>(grid.stride),
            static_cast<float>(cell % grid.columns * grid.stride),
            static_cast<float>(cell / grid.columns * grid.stride)};
  }

  HeadOutputs outputs_;
  const DetectionSpec& spec_;
  std::vector<Grid> grids_;
};

}  // namespace

HeadResult make_scrfd_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement) {
  if (spec.keypoints > 0 && spec.keypoint_values != 2) {
    return Status(error_code::kInvalidArgument, "The keypoints of a SCRFD head have two values, x and y");
  }
  // As insightface does it.
  auto grids = grids_of(spec, placement, spec.points_per_cell, EdgeCells::kDropped);
  if (!grids.ok()) return grids.take_status();
  const std::size_t levels = grids.value().size();
  for (std::size_t level = 0; level < levels; ++level) {
    const auto points =
        static_cast<std::size_t>(grids.value()[level].cells()) * static_cast<std::size_t>(spec.points_per_cell);
    FOVEATE_RETURN_IF_ERROR(check_output(outputs, level, points));
    FOVEATE_RETURN_IF_ERROR(check_output(outputs, levels + level, points * 4));
    if (spec.keypoints == 0) continue;
    FOVEATE_RETURN_IF_ERROR(
        check_output(outputs, 2 * levels + level, points * 2 * static_cast<std::size_t>(spec.keypoints)));
  }
  return std::unique_ptr<Head>(std::make_unique<ScrfdHead>(outputs, spec, std::move(grids).value()));
}

}  // namespace foveate
