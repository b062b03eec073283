// To add a head: a function that takes its specification from the input, runs it, and checks what comes out; and its
// line in kHeads.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "input.h"
#include "targets.h"
#include "vision/classification.h"
#include "vision/detection.h"
#include "vision/masks.h"

namespace foveate::fuzz {
namespace {

constexpr double kMostValues = 1 << 14;
constexpr double kMostPixels = 1 << 16;

// A model's output: as many values as wanted, or now and then another number of them. In memory of just that size.
class Output {
 public:
  Output(Input& input, double wanted)
      : size_(wanted >= 0 && wanted <= kMostValues ? static_cast<std::size_t>(wanted) : 0) {
    if (input.any<std::uint8_t>() == 255) size_ = static_cast<std::size_t>(input.between(0, 64));
    values_.reset(new float[size_]);
    const std::size_t period = std::max<std::size_t>(1, std::min<std::size_t>(size_, input.rest().size()));
    for (std::size_t i = 0; i < size_; ++i) values_[i] = i < period ? input.value() : values_[i - period];
  }

  std::span<const float> values() const { return {values_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<float[]> values_;
};

// As plan_geometry makes them, or of any numbers.
Placement placement_from(Input& input) {
  Placement placement;
  placement.source_width = input.size();
  placement.source_height = input.size();
  if (input.flag()) {
    PreprocessSpec spec;
    spec.fit = input.one_of(Fit::kNone);
    spec.width = input.size();
    spec.height = input.size();
    spec.resize_edge = input.size();
    auto planned = plan_geometry(spec, placement.source_width, placement.source_height);
    if (planned.ok()) return planned.value().placement;
  }
  // No input is larger: so sums over its cells need no check.
  placement.input_width = std::min(input.size(), 65536);
  placement.input_height = std::min(input.size(), 65536);
  placement.scale_x = input.flag() ? input.any<double>() : static_cast<double>(input.value());
  placement.scale_y = input.flag() ? input.any<double>() : static_cast<double>(input.value());
  placement.offset_x = input.flag() ? input.any<double>() : static_cast<double>(input.value());
  placement.offset_y = input.flag() ? input.any<double>() : static_cast<double>(input.value());
  return placement;
}

void expect_refused(const Error& error) {
  expect(error.code == error_code::kInvalidArgument || error.code == error_code::kEngineFailed ||
             error.code == error_code::kInternal,
         "a head refuses a specification, an output without numbers, or one of another size, not with " +
             std::string(error.code));
}

void check_detections(const Detections& found, const DetectionSpec& spec, const Placement& placement) {
  expect(found.boxes.size() == 4 * found.size() && found.class_ids.size() == found.size(), "lists go together");
  expect(found.size() <= static_cast<std::size_t>(spec.max_detections), "at most max_detections are found");
  for (std::size_t i = 0; i < found.size(); ++i) {
    const float* box = &found.boxes[4 * i];
    const auto right = static_cast<float>(placement.source_width);
    const auto bottom = static_cast<float>(placement.source_height);
    expect(box[0] >= 0 && box[1] >= 0 && box[0] < box[2] && box[1] < box[3] && box[2] <= right && box[3] <= bottom,
           "boxes have an area in the picture");
    expect(std::isfinite(found.scores[i]) && found.scores[i] >= spec.score_threshold, "scores pass the threshold");
    expect(i == 0 || found.scores[i] <= found.scores[i - 1], "scores descend");
    expect(found.class_ids[i] >= 0 && found.class_ids[i] < spec.classes, "classes are known");
  }
}

// Anchors of the grids, where their number can be told.
double cells_of(const DetectionSpec& spec, const Placement& placement) {
  double cells = 0;
  for (const int stride : spec.strides) {
    if (stride < 1) return 0;
    cells += static_cast<double>(placement.input_width / stride) * (placement.input_height / stride);
  }
  return cells;
}

template <DetectionHead kHead>
void run_detections(Input& input) {
  DetectionSpec spec;
  spec.head = kHead;
  spec.classes = input.size();
  spec.anchors = input.size();
  spec.score_threshold = input.value();
  spec.iou_threshold = input.value();
  spec.max_detections = input.size();
  spec.max_candidates = input.size();
  spec.class_agnostic = input.flag();
  for (int i = input.between(0, 3); i > 0; --i) spec.class_filter.push_back(input.size());
  for (int i = input.between(0, 3); i > 0; --i) spec.strides.push_back(input.size());
  const Placement placement = placement_from(input);
  const double cells = cells_of(spec, placement);
  if (kHead == DetectionHead::kYolox && cells >= 0 && cells <= kMostValues && input.flag()) {
    spec.anchors = static_cast<int>(cells);
  }
  if (spec.anchors == 0 && spec.classes > kMostValues) return;  // asks for much memory, and nobody has such classes
  const double values_per_anchor = (kHead == DetectionHead::kYolox ? 5.0 : 4.0) + spec.classes;
  const Output output(input, values_per_anchor * spec.anchors);
  auto found = decode_detections(output.values(), spec, placement);
  if (!found.ok()) return expect_refused(found.status().error());
  check_detections(found.value(), spec, placement);
}

void run_suppression(Input& input) {
  const auto count = static_cast<std::size_t>(input.between(0, 200));
  const float threshold = input.value();
  const int most = input.size();
  const bool agnostic = input.flag();
  std::vector<std::int32_t> classes(count);
  for (auto& id : classes) id = input.between(0, 3);
  const Output scores(input, static_cast<double>(count));
  const Output boxes(input, 4.0 * static_cast<double>(count));
  const auto kept = non_max_suppression(boxes.values(), scores.values(), classes, threshold, most, agnostic);
  expect(kept.size() <= static_cast<std::size_t>(std::max(most, 0)), "at most max_kept boxes stay");
  expect(std::set(kept.begin(), kept.end()).size() == kept.size(), "no box stays twice");
}

void run_mask(Input& input) {
  MaskSpec spec;
  spec.channels = input.size();
  spec.height = input.size();
  spec.width = input.size();
  spec.layout = input.one_of(Layout::kChannelsLast);
  spec.activation = input.one_of(ScoreActivation::kSigmoid);
  spec.threshold = input.value();
  const Placement placement = placement_from(input);
  const double pixels = static_cast<double>(placement.source_width) * placement.source_height;
  if (pixels > kMostPixels) return;
  const Output output(input, static_cast<double>(spec.channels) * spec.width * spec.height);
  const auto size = placement.source_width > 0 && placement.source_height > 0 ? static_cast<std::size_t>(pixels) : 0;
  const std::unique_ptr<std::uint8_t[]> mask(new std::uint8_t[size]);
  ClassCounts counts;
  const Status status = decode_mask(output.values(), spec, placement, {mask.get(), size}, counts);
  if (!status.ok()) return expect_refused(status.error());
  ClassCounts seen{};
  for (std::size_t i = 0; i < size; ++i) ++seen[mask[i]];
  expect(seen == counts, "the counts are those of the mask");
  expect(std::all_of(mask.get(), mask.get() + size, [&](int id) { return id < std::max(spec.channels, 2); }),
         "classes are channels");
}

void run_classes(Input& input) {
  const auto activation = input.one_of(ScoreActivation::kSigmoid);
  const int most = input.size();
  const Output output(input, input.between(0, 300));
  auto top = top_classes(output.values(), activation, most);
  if (!top.ok()) return expect_refused(top.status().error());
  const auto& [ids, scores] = top.value();
  expect(ids.size() == scores.size() && ids.size() <= static_cast<std::size_t>(std::max(most, 0)), "at most k classes");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    expect(!std::isnan(scores[i]), "scores are numbers");
    expect(i == 0 || scores[i] <= scores[i - 1], "scores descend");
    expect(activation == ScoreActivation::kNone || (scores[i] >= 0 && scores[i] <= 1), "probabilities lie in 0..1");
  }
}

using Head = void (*)(Input& input);

constexpr std::array<Head, 6> kHeads = {
    run_detections<DetectionHead::kYolov8>,
    run_detections<DetectionHead::kYolov8Transposed>,
    run_detections<DetectionHead::kYolox>,
    run_suppression,
    run_mask,
    run_classes,
};

}  // namespace

void heads(std::span<const std::byte> data) {
  Input input(data);
  const auto head = static_cast<std::size_t>(input.between(0, static_cast<int>(kHeads.size()) - 1));
  kHeads[head](input);
}

}  // namespace foveate::fuzz
