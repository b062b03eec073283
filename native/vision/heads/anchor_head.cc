// Heads with one output, in which each anchor has its box, its scores and whatever else side by side: the YOLO family.
#include <array>
#include <cstddef>

#include "vision/heads/head.h"
#include "vision/heads/score_scan.h"

namespace foveate {
namespace {

bool has_objectness(DetectionHead head) { return head == DetectionHead::kYolov5 || head == DetectionHead::kYolox; }

class AnchorHead final : public Head {
 public:
  AnchorHead(std::span<const float> output, const DetectionSpec& spec, const Placement& placement,
             std::vector<Grid> grids)
      : output_(output),
        spec_(spec),
        grids_(std::move(grids)),
        input_width_(static_cast<float>(placement.input_width)),
        input_height_(static_cast<float>(placement.input_height)),
        anchors_(static_cast<std::size_t>(spec.anchors)),
        classes_(static_cast<std::size_t>(spec.classes)),
        first_class_(has_objectness(spec.head) ? 5 : 4),
        values_(first_class_ + classes_ + extra_values(spec)),
        in_rows_(spec.head == DetectionHead::kYolov8) {}

  static std::size_t extra_values(const DetectionSpec& spec) {
    return static_cast<std::size_t>(spec.keypoints) * static_cast<std::size_t>(spec.keypoint_values) +
           static_cast<std::size_t>(spec.mask_coefficients) + (spec.rotated ? 1 : 0);
  }

  std::size_t size() const { return values_ * anchors_; }

  Suppression suppression() const override {
    if (spec_.head == DetectionHead::kRtDetrConcatenated) return Suppression::kNone;
    return spec_.rotated ? Suppression::kRotated : Suppression::kGreedy;
  }

  bool has_finite_anchor() const override {
    for (std::size_t anchor = 0; anchor < anchors_; ++anchor) {
      if (!is_finite(box(anchor))) continue;
      if (has_objectness(spec_.head) && !std::isfinite(value(anchor, 4))) continue;
      for (std::size_t i = 0; i < classes_; ++i) {
        if (std::isfinite(value(anchor, first_class_ + i))) return true;
      }
    }
    return anchors_ == 0;
  }

  void collect(CandidateList& list) const override {
    if (in_rows_) {
      scan_score_rows(output_.subspan(first_class_ * anchors_, classes_ * anchors_), anchors_, list);
      return;
    }
    for (std::size_t anchor = 0; anchor < anchors_; ++anchor) {
      const float* values = output_.data() + anchor * values_;
      const float objectness = has_objectness(spec_.head) ? values[4] : 1.0f;
      offer_best_score({values + first_class_, classes_}, objectness, anchor, list);
    }
  }

  Corners box(std::size_t anchor) const override {
    const float x = value(anchor, 0);
    const float y = value(anchor, 1);
    const float width = value(anchor, 2);
    const float height = value(anchor, 3);
    if (spec_.head == DetectionHead::kRtDetrConcatenated) {
      return corners_of(x * input_width_, y * input_height_, width * input_width_, height * input_height_);
    }
    if (spec_.head != DetectionHead::kYolox) return corners_of(x, y, width, height);
    auto grid = grids_.begin();
    auto cell = static_cast<std::int64_t>(anchor);
    while (cell >= grid->cells()) cell -= (grid++)->cells();
    const auto stride = static_cast<float>(grid->stride);
    return corners_of((x + static_cast<float>(cell % grid->columns)) * stride,
                      (y + static_cast<float>(cell / grid->columns)) * stride, std::exp(width) * stride,
                      std::exp(height) * stride);
  }

  RotatedBox rotated_box(std::size_t anchor) const override {
    return {value(anchor, 0), value(anchor, 1), value(anchor, 2), value(anchor, 3), value(anchor, values_ - 1)};
  }

  void copy_extras(std::size_t anchor, std::span<float> values) const override {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(anchor, first_class_ + classes_ + i);
  }

 private:
  float value(std::size_t anchor, std::size_t index) const {
    return in_rows_ ? output_[index * anchors_ + anchor] : output_[anchor * values_ + index];
  }

  std::span<const float> output_;
  const DetectionSpec& spec_;
  std::vector<Grid> grids_;  // kYolox
  float input_width_;
  float input_height_;
  std::size_t anchors_;
  std::size_t classes_;
  std::size_t first_class_;  // where an anchor's class scores begin
  std::size_t values_;       // of an anchor
  bool in_rows_;             // each value of all anchors lies in a row of its own
};

// What the model suppressed itself: a box, one score and its class.
class EndToEndHead final : public Head {
 public:
  EndToEndHead(std::span<const float> output, const DetectionSpec& spec, const Placement& placement)
      : output_(output),
        spec_(spec),
        input_width_(static_cast<float>(placement.input_width)),
        input_height_(static_cast<float>(placement.input_height)),
        anchors_(static_cast<std::size_t>(spec.anchors)),
        values_(6 + AnchorHead::extra_values(spec)) {}

  std::size_t size() const { return values_ * anchors_; }

  Suppression suppression() const override { return Suppression::kNone; }

  bool has_finite_anchor() const override {
    for (std::size_t anchor = 0; anchor < anchors_; ++anchor) {
      if (is_finite(box(anchor)) && std::isfinite(of(anchor)[4])) return true;
    }
    return anchors_ == 0;
  }

  void collect(CandidateList& list) const override {
    for (std::size_t anchor = 0; anchor < anchors_; ++anchor) {
      const float class_id = of(anchor)[5];
      // Also false for NaN: what is no class id is no detection. Ids beyond the spec's classes are for the list to
      // notice.
      if (!(class_id >= 0 && class_id <= kHighestClassId)) continue;
      list.offer(anchor, static_cast<std::int32_t>(class_id), of(anchor)[4]);
    }
  }

  Corners box(std::size_t anchor) const override {
    const float* values = of(anchor);
    if (spec_.head == DetectionHead::kRtDetrEndToEnd) {
      return corners_of(values[0] * input_width_, values[1] * input_height_, values[2] * input_width_,
                        values[3] * input_height_);
    }
    if (spec_.rotated) return corners_of(values[0], values[1], values[2], values[3]);
    return {values[0], values[1], values[2], values[3]};
  }

  RotatedBox rotated_box(std::size_t anchor) const override {
    const float* values = of(anchor);
    return {values[0], values[1], values[2], values[3], values[values_ - 1]};
  }

  void copy_extras(std::size_t anchor, std::span<float> values) const override {
    std::copy_n(of(anchor) + 6, values.size(), values.begin());
  }

 private:
  // Float16 holds none above, and float32 each up to it.
  static constexpr float kHighestClassId = 65504;

  const float* of(std::size_t anchor) const { return output_.data() + anchor * values_; }

  std::span<const float> output_;
  const DetectionSpec& spec_;
  float input_width_;
  float input_height_;
  std::size_t anchors_;
  std::size_t values_;  // of an anchor
};

template <typename T, typename... Arguments>
HeadResult checked(HeadOutputs outputs, Arguments&&... arguments) {
  auto head = std::make_unique<T>(outputs.empty() ? std::span<const float>() : outputs[0],
                                  std::forward<Arguments>(arguments)...);
  if (Status status = check_output(outputs, 0, head->size()); !status.ok()) return status;
  return std::unique_ptr<Head>(std::move(head));
}

}  // namespace

HeadResult make_anchor_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement) {
  if (spec.head == DetectionHead::kEndToEnd || spec.head == DetectionHead::kRtDetrEndToEnd) {
    return checked<EndToEndHead>(outputs, spec, placement);
  }
  std::vector<Grid> grids;
  if (spec.head == DetectionHead::kYolox) {
    auto planned = grids_of(spec, placement, 1, EdgeCells::kCounted);
    if (!planned.ok()) return planned.take_status();
    grids = std::move(planned).value();
  }
  return checked<AnchorHead>(outputs, spec, placement, std::move(grids));
}

}  // namespace foveate
