// SSD and its descendants: class scores in one output, boxes in another, decoded or as offsets from prior boxes.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "vision/heads/head.h"

namespace foveate {
namespace {

struct CenterBox {
  double x, y, width, height;  // in 0..1 of the input
};

std::int64_t cells_of(const PriorLevel& level) { return static_cast<std::int64_t>(level.columns) * level.rows; }

CenterBox prior_at(const PriorBoxes& priors, std::int64_t anchor, double input_width, double input_height) {
  auto level = priors.levels.begin();
  while (anchor >= cells_of(*level) * std::ssize(level->sizes)) {
    anchor -= cells_of(*level) * std::ssize(level->sizes);
    ++level;
  }
  const std::int64_t cell = anchor / std::ssize(level->sizes);
  const auto& size = level->sizes[static_cast<std::size_t>(anchor % std::ssize(level->sizes))];
  CenterBox prior{(static_cast<double>(cell % level->columns) + 0.5) * level->stride_x / input_width,
                  (static_cast<double>(cell / level->columns) + 0.5) * level->stride_y / input_height,
                  size[0] / input_width, size[1] / input_height};
  if (priors.clip) {
    for (double* value : {&prior.x, &prior.y, &prior.width, &prior.height}) *value = std::clamp(*value, 0.0, 1.0);
  }
  return prior;
}

class SsdHead final : public Head {
 public:
  SsdHead(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement)
      : scores_(outputs[0]),
        boxes_(outputs[1]),
        spec_(spec),
        anchors_(static_cast<std::size_t>(spec.anchors)),
        columns_(static_cast<std::size_t>(spec.classes) + 1),
        input_width_(placement.input_width),
        input_height_(placement.input_height) {}

  // As torchvision does it.
  Suppression suppression() const override { return Suppression::kGreedyClipped; }

  bool has_finite_anchor() const override {
    for (std::size_t anchor = 0; anchor < anchors_; ++anchor) {
      const auto scores = scores_.subspan(anchor * columns_, columns_);
      const bool finite = std::any_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); });
      if (finite && is_finite(box(anchor))) return true;
    }
    return anchors_ == 0;
  }

  // Every class of an anchor counts for itself, as in the paper's implementation and in torchvision.
  void collect(CandidateList& list) const override {
    std::vector<float> scores(columns_);
    for (std::size_t anchor = 0; anchor < anchors_; ++anchor) {
      std::copy_n(scores_.begin() + static_cast<std::ptrdiff_t>(anchor * columns_), columns_, scores.begin());
      activate(scores);
      for (std::size_t column = 1; column < columns_; ++column) {
        list.offer(anchor, static_cast<std::int32_t>(column - 1), scores[column]);
      }
    }
  }

  Corners box(std::size_t anchor) const override {
    const float* value = boxes_.data() + anchor * 4;
    if (spec_.priors.levels.empty()) {
      return {static_cast<float>(value[0] * input_width_), static_cast<float>(value[1] * input_height_),
              static_cast<float>(value[2] * input_width_), static_cast<float>(value[3] * input_height_)};
    }
    const PriorBoxes& priors = spec_.priors;
    const CenterBox prior = prior_at(priors, static_cast<std::int64_t>(anchor), input_width_, input_height_);
    const double x = prior.x + value[0] * priors.center_variance * prior.width;
    const double y = prior.y + value[1] * priors.center_variance * prior.height;
    const double width = prior.width * std::exp(value[2] * priors.size_variance);
    const double height = prior.height * std::exp(value[3] * priors.size_variance);
    return corners_of(static_cast<float>(x * input_width_), static_cast<float>(y * input_height_),
                      static_cast<float>(width * input_width_), static_cast<float>(height * input_height_));
  }

 private:
  void activate(std::span<float> scores) const {
    if (spec_.activation == ScoreActivation::kSigmoid) {
      for (float& score : scores) score = 1.0f / (1.0f + std::exp(-score));
    } else if (spec_.activation == ScoreActivation::kSoftmax) {
      const float highest = *std::max_element(scores.begin(), scores.end());
      float sum = 0;
      for (float& score : scores) sum += score = std::exp(score - highest);
      for (float& score : scores) score /= sum;
    }
  }

  std::span<const float> scores_;
  std::span<const float> boxes_;
  const DetectionSpec& spec_;
  std::size_t anchors_;
  std::size_t columns_;  // of the scores: the background and the classes
  double input_width_;
  double input_height_;
};

Status check_priors(const DetectionSpec& spec) {
  const PriorBoxes& priors = spec.priors;
  if (priors.levels.empty()) return {};
  std::int64_t count = 0;
  for (const PriorLevel& level : priors.levels) {
    // Beyond this no picture has cells, and no sum below overflows.
    if (level.columns < 1 || level.rows < 1 || level.columns > 65535 || level.rows > 65535 || level.sizes.empty()) {
      return {error_code::kInvalidArgument,
              "A level of prior boxes needs a grid of 1 x 1 to 65535 x 65535 cells and at least one size"};
    }
    count += cells_of(level) * std::ssize(level.sizes);
  }
  if (count == spec.anchors) return {};
  return {
      error_code::kInvalidArgument,
      "The levels make " + std::to_string(count) + " prior boxes, but the output has " + std::to_string(spec.anchors),
      "Give the strides and sizes that the model was trained with."};
}

}  // namespace

HeadResult make_ssd_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement) {
  const auto anchors = static_cast<std::size_t>(spec.anchors);
  FOVEATE_RETURN_IF_ERROR(check_output(outputs, 0, anchors * (static_cast<std::size_t>(spec.classes) + 1)));
  FOVEATE_RETURN_IF_ERROR(check_output(outputs, 1, anchors * 4));
  FOVEATE_RETURN_IF_ERROR(check_priors(spec));
  return std::unique_ptr<Head>(std::make_unique<SsdHead>(outputs, spec, placement));
}

}  // namespace foveate
