// To add a head: a function that takes its specification from the input, runs it, and checks what comes out; and its
// line in kHeads.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/memory.h"
#include "input.h"
#include "targets.h"
#include "vision/classification.h"
#include "vision/dense_map.h"
#include "vision/detection.h"
#include "vision/instance_masks.h"
#include "vision/masks.h"
#include "vision/merge.h"

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
    spec.fit = input.one_of<Fit>();
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
             error.code == error_code::kInternal || error.code == error_code::kOutOfMemory ||
             error.code == error_code::kLabelsInvalid,
         "a head refuses a specification, an output without numbers, of another size or of other classes, not with " +
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
    const auto along = [&](int side) {
      return side / stride + (spec.head == DetectionHead::kYolox && side % stride != 0 ? 1 : 0);
    };
    cells += static_cast<double>(along(placement.input_width)) * along(placement.input_height);
  }
  return cells;
}

// How many values each output of a head has.
std::vector<double> output_sizes(const DetectionSpec& spec, const Placement& placement) {
  const double anchors = spec.anchors;
  const double classes = spec.classes;
  const double extras =
      static_cast<double>(spec.keypoints) * spec.keypoint_values + spec.mask_coefficients + (spec.rotated ? 1 : 0);
  switch (spec.head) {
    case DetectionHead::kYolov5:
    case DetectionHead::kYolox:
      return {(5 + classes + extras) * anchors};
    case DetectionHead::kYolov8:
    case DetectionHead::kYolov8Transposed:
    case DetectionHead::kRtDetrConcatenated:
      return {(4 + classes + extras) * anchors};
    case DetectionHead::kEndToEnd:
    case DetectionHead::kRtDetrEndToEnd:
      return {(6 + extras) * anchors};
    case DetectionHead::kRtDetr:
      return {classes * anchors, 4 * anchors};
    case DetectionHead::kDetr:
    case DetectionHead::kSsd:
      return {(classes + 1) * anchors, 4 * anchors};
    case DetectionHead::kScrfd:
      break;
  }
  std::vector<double> sizes;
  for (const double values : {1.0, 4.0, 2.0 * spec.keypoints}) {
    for (const int stride : spec.strides) {
      if (values == 0 || stride < 1) continue;
      const double cells = static_cast<double>(placement.input_width / stride) * (placement.input_height / stride);
      sizes.push_back(cells * spec.points_per_cell * values);
    }
  }
  return sizes;
}

PriorBoxes priors_from(Input& input) {
  PriorBoxes priors;
  for (int i = input.between(0, 3); i > 0; --i) {
    PriorLevel& level = priors.levels.emplace_back();
    level.columns = input.size();
    level.rows = input.size();
    level.stride_x = input.value();
    level.stride_y = input.value();
    for (int k = input.between(0, 3); k > 0; --k) level.sizes.push_back({input.value(), input.value()});
  }
  priors.center_variance = input.value();
  priors.size_variance = input.value();
  priors.clip = input.flag();
  return priors;
}

double prior_count(const PriorBoxes& priors) {
  double count = 0;
  for (const PriorLevel& level : priors.levels) {
    count += static_cast<double>(level.columns) * level.rows * static_cast<double>(level.sizes.size());
  }
  return count;
}

DetectionSpec detection_spec_from(Input& input, DetectionHead head) {
  DetectionSpec spec;
  spec.head = head;
  spec.classes = input.size();
  spec.anchors = input.size();
  spec.score_threshold = input.value();
  spec.iou_threshold = input.value();
  spec.max_detections = input.size();
  spec.max_candidates = input.size();
  spec.class_agnostic = input.flag();
  spec.activation = input.one_of<ScoreActivation>();
  spec.points_per_cell = input.between(-1, 3);
  if (input.flag()) spec.keypoints = input.between(-1, 20);
  spec.keypoint_values = input.between(1, 4);
  if (input.flag()) spec.mask_coefficients = input.between(-1, 33);
  spec.rotated = input.flag();
  if (head == DetectionHead::kSsd) spec.priors = priors_from(input);
  for (int i = input.between(0, 3); i > 0; --i) spec.class_filter.push_back(input.size());
  for (int i = input.between(0, 3); i > 0; --i) spec.strides.push_back(input.size());
  return spec;
}

void check_extras(const Detections& found, const DetectionSpec& spec) {
  const std::size_t count = found.size();
  expect(found.rotated_boxes.size() == (spec.rotated ? 5 * count : 0), "oriented boxes go with the others");
  expect(found.keypoints.empty() || found.keypoints.size() == 3 * count * static_cast<std::size_t>(spec.keypoints),
         "keypoints go with the boxes");
  for (std::size_t i = 0; i < found.rotated_boxes.size(); i += 5) {
    const float angle = found.rotated_boxes[i + 4];
    expect(std::isnan(angle) || (angle >= 0 && angle <= 1.5708f), "angles lie in a quarter of a turn");
  }
}

template <DetectionHead kHead>
void run_detections(Input& input) {
  DetectionSpec spec = detection_spec_from(input, kHead);
  const Placement placement = placement_from(input);
  double anchors = cells_of(spec, placement) * std::max(spec.points_per_cell, 0);
  if (kHead == DetectionHead::kYolox) anchors = cells_of(spec, placement);
  if (kHead == DetectionHead::kSsd) anchors = prior_count(spec.priors);
  if (anchors > 0 && anchors <= kMostValues && input.flag()) spec.anchors = static_cast<int>(anchors);
  if (spec.anchors == 0 && spec.classes > kMostValues) return;  // asks for much memory, and nobody has such classes
  std::vector<Output> outputs;
  std::vector<std::span<const float>> values;
  for (const double size : output_sizes(spec, placement)) outputs.emplace_back(input, size);
  for (const Output& output : outputs) values.push_back(output.values());
  auto found = decode_detections(values, spec, placement);
  if (!found.ok()) return expect_refused(found.status().error());
  check_detections(found.value(), spec, placement);
  check_extras(found.value(), spec);
}

void run_suppression(Input& input) {
  const auto count = static_cast<std::size_t>(input.between(0, 200));
  const SuppressionOptions options{input.value(), input.size(), input.flag(), input.flag() ? 1.0f : 0.0f};
  const bool rotated = input.flag();
  std::vector<std::int32_t> classes(count);
  for (auto& id : classes) id = input.between(0, 3);
  const Output scores(input, static_cast<double>(count));
  const Output boxes(input, (rotated ? 5.0 : 4.0) * static_cast<double>(count));
  const auto kept = rotated ? non_max_suppression_rotated(boxes.values(), scores.values(), classes, options)
                            : non_max_suppression(boxes.values(), scores.values(), classes, options);
  expect(kept.size() <= static_cast<std::size_t>(std::max(options.max_kept, 0)), "at most max_kept boxes stay");
  expect(std::set(kept.begin(), kept.end()).size() == kept.size(), "no box stays twice");
}

void run_merge(Input& input) {
  const auto count = static_cast<std::size_t>(input.between(0, 200));
  const MergeOptions options{input.one_of<OverlapMetric>(), input.value(), input.flag(), input.flag(), input.size()};
  std::vector<std::int32_t> classes(count);
  for (auto& id : classes) id = input.between(0, 3);
  const Output scores(input, static_cast<double>(count));
  const Output boxes(input, 4.0 * static_cast<double>(count));
  const MergedBoxes merged = merge_boxes(boxes.values(), scores.values(), classes, options).value();
  expect(merged.boxes.size() == 4 * merged.kept.size(), "each box that stays is there");
  expect(std::set(merged.kept.begin(), merged.kept.end()).size() == merged.kept.size(), "no box stays twice");
}

void run_instance_masks(Input& input) {
  const Placement placement = placement_from(input);
  if (placement.source_width < 1 || placement.source_height < 1 || placement.input_width < 1 ||
      placement.input_height < 1 || !(placement.scale_x > 0) || !(placement.scale_y > 0)) {
    return;  // no detections come from such a placement
  }
  if (static_cast<double>(placement.source_width) * placement.source_height > kMostPixels) return;
  MaskPrototypes prototypes{{}, input.between(0, 33), input.between(0, 40), input.between(0, 40)};
  const Output maps(input, static_cast<double>(prototypes.count) * prototypes.height * prototypes.width);
  prototypes.values = maps.values();
  const auto objects = static_cast<std::size_t>(input.between(0, 5));
  const Output coefficients(input, static_cast<double>(objects) * prototypes.count);
  std::vector<float> boxes;  // in the picture, as decode_detections gives them
  for (std::size_t i = 0; i < objects * 4; ++i) {
    const auto limit = static_cast<float>(i % 2 == 0 ? placement.source_width : placement.source_height);
    const float value = input.value();
    boxes.push_back(std::isnan(value) ? 0 : std::clamp(value, 0.0f, limit));
  }
  const auto pool = std::make_shared<MemoryPool>(0);
  auto masks = decode_instance_masks(prototypes, boxes, coefficients.values(), placement, *pool);
  if (!masks.ok()) return expect_refused(masks.status().error());
  std::size_t pixels = 0;
  for (const MaskArea& area : masks.value().areas) {
    expect(area.x >= 0 && area.y >= 0 && area.x + area.width <= placement.source_width &&
               area.y + area.height <= placement.source_height,
           "masks lie in the picture");
    pixels += area.pixels();
  }
  const auto* data = pixels == 0 ? nullptr : reinterpret_cast<const std::uint8_t*>(masks.value().data->data());
  for (std::size_t i = 0; i < pixels; ++i) expect(data[i] <= 1, "a pixel is the object's or is not");
}

void run_dense_map(Input& input) {
  const DenseMapSpec spec{input.size(), input.size(), input.one_of<MapScaling>(), input.one_of<MapInterpolation>()};
  const Placement placement = placement_from(input);
  const double pixels = static_cast<double>(placement.source_width) * placement.source_height;
  // A filter that spans the whole map at every pixel is slow, and no finding.
  if (pixels > kMostPixels / 16 || std::max(spec.width, spec.height) > 2048) return;
  const Output output(input, static_cast<double>(spec.width) * spec.height);
  const auto size = placement.source_width > 0 && placement.source_height > 0 ? static_cast<std::size_t>(pixels) : 0;
  std::vector<float> values(size);
  auto range = decode_dense_map(output.values(), spec, placement, values);
  if (!range.ok()) return expect_refused(range.status().error());
  expect(range.value().min <= range.value().max, "the range is one");
  std::vector<std::uint8_t> grey(size);
  grey_map(values, range.value(), grey);
}

void run_mask(Input& input) {
  MaskSpec spec;
  spec.channels = input.size();
  spec.height = input.size();
  spec.width = input.size();
  spec.layout = input.one_of<Layout>();
  spec.activation = input.one_of<ScoreActivation>();
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
  const auto activation = input.one_of<ScoreActivation>();
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

constexpr std::array<Head, 17> kHeads = {
    run_detections<DetectionHead::kYolov8>,
    run_detections<DetectionHead::kYolov8Transposed>,
    run_detections<DetectionHead::kYolox>,
    run_suppression,
    run_mask,
    run_classes,
    run_detections<DetectionHead::kYolov5>,
    run_detections<DetectionHead::kEndToEnd>,
    run_detections<DetectionHead::kDetr>,
    run_detections<DetectionHead::kRtDetr>,
    run_detections<DetectionHead::kRtDetrConcatenated>,
    run_detections<DetectionHead::kRtDetrEndToEnd>,
    run_detections<DetectionHead::kSsd>,
    run_detections<DetectionHead::kScrfd>,
    run_merge,
    run_instance_masks,
    run_dense_map,
};

}  // namespace

void heads(std::span<const std::byte> data) {
  Input input(data);
  const auto head = static_cast<std::size_t>(input.between(0, static_cast<int>(kHeads.size()) - 1));
  kHeads[head](input);
}

}  // namespace foveate::fuzz
