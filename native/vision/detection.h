// From the raw output of a detector to boxes in the picture: decode, threshold, suppress, map back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/status.h"
#include "vision/preprocess.h"

namespace foveate {

enum class DetectionHead : std::uint8_t {
  kYolov8,            // [4 + C, A]: cx, cy, w, h in input pixels, then class scores in 0..1
  kYolov8Transposed,  // [A, 4 + C]
  kYolox,             // [A, 5 + C]: offsets and log sizes on the grids of `strides`, objectness, class scores in 0..1
};

struct DetectionSpec {
  DetectionHead head = DetectionHead::kYolov8;
  int classes = 0;
  int anchors = 0;                // A
  std::vector<int> strides;       // kYolox: of the grids, in their order
  float score_threshold = 0.25f;  // a box is kept from this score on
  float iou_threshold = 0.45f;    // of two boxes that overlap by more, the lower score goes
  int max_detections = 300;
  int max_candidates = 30000;              // highest scores that enter suppression
  bool class_agnostic = false;             // suppress across classes
  std::vector<std::int32_t> class_filter;  // keep these classes only; empty: all
};

// Struct of arrays, highest score first. Boxes are x1, y1, x2, y2 in pixels of the picture, clipped to it.
struct Detections {
  std::vector<float> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> class_ids;

  std::size_t size() const { return scores.size(); }
};

// `output` is one picture's part of the raw output, float32; `placement` says how the picture lay in the input. Of each
// anchor the best class counts. Scores and boxes that are not finite are dropped before suppression; boxes that have no
// area in the picture after it, as in the reference packages: until then they suppress others, and count towards
// max_detections. Order: descending score, ties by anchor.
//
// INVALID_ARGUMENT: a spec that fits no head, or grids that do not have `anchors` cells. ENGINE_FAILED: no anchor has a
// box and a score that are finite. INTERNAL: a span of another size.
Result<Detections> decode_detections(std::span<const float> output, const DetectionSpec& spec,
                                     const Placement& placement);

// Indices of the boxes kept, in descending order of score (ties: lower index first). Boxes xyxy; two boxes suppress one
// another when their IoU is greater than iou_threshold and, unless class_agnostic, their class ids are equal.
std::vector<std::int32_t> non_max_suppression(std::span<const float> boxes, std::span<const float> scores,
                                              std::span<const std::int32_t> class_ids, float iou_threshold,
                                              int max_kept, bool class_agnostic);

}  // namespace foveate
