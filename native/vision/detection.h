// From the raw outputs of a detector to boxes in the picture: decode, threshold, suppress, map back.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/status.h"
#include "vision/classification.h"
#include "vision/preprocess.h"

namespace foveate {

// What the outputs of a model hold. X stands for what comes behind the class scores: the values of keypoints, the
// coefficients of a mask, or the angle of an oriented box. Boxes "in 0..1" are fractions of the input's sides.
enum class DetectionHead : std::uint8_t {
  // With X, but for YOLOX:
  kYolov5,            // [A, 5 + C + X]: cx, cy, w, h in input pixels, objectness, class scores in 0..1
  kYolov8,            // [4 + C + X, A]: cx, cy, w, h in input pixels, class scores in 0..1
  kYolov8Transposed,  // [A, 4 + C + X]
  kYolox,             // [A, 5 + C]: offsets and log sizes on the grids of `strides`, objectness, class scores in 0..1
  kEndToEnd,          // [A, 6 + X]: x1, y1, x2, y2 in input pixels (oriented: cx, cy, w, h), score, class
  // Without:
  kDetr,                // [A, C + 1] logits for softmax, the last being "nothing"; [A, 4] cx, cy, w, h in 0..1
  kRtDetr,              // [A, C] logits for sigmoid; [A, 4] cx, cy, w, h in 0..1
  kRtDetrConcatenated,  // [A, 4 + C]: cx, cy, w, h in 0..1, class scores in 0..1
  kRtDetrEndToEnd,      // [A, 6]: cx, cy, w, h in 0..1, score, class
  kSsd,                 // [A, 1 + C] class scores, the first being the background; [A, 4] boxes, see PriorBoxes
  kScrfd,               // of each stride in turn [P, 1] scores; then of each [P, 4] distances; then of each [P, 2 * K]
};

// One level of SSD's prior boxes: at every cell of a grid one box of each size, row by row.
struct PriorLevel {
  int columns = 0;
  int rows = 0;
  double stride_x = 0;  // from cell to cell, in input pixels; the first centre lies half a stride in
  double stride_y = 0;
  std::vector<std::array<double, 2>> sizes;  // width, height in input pixels
};

// How an SSD's boxes are told. With levels, they are offsets from the priors, cx = prior cx + o * variance * prior w,
// w = prior w * exp(o * variance) (Liu et al. 2016, SSD, 2.2); without, they are x1, y1, x2, y2 in 0..1 already.
struct PriorBoxes {
  std::vector<PriorLevel> levels;
  double center_variance = 0.1;
  double size_variance = 0.2;
  bool clip = false;  // centres and sizes of the priors to 0..1 of the input
};

struct DetectionSpec {
  DetectionHead head = DetectionHead::kYolov8;
  int classes = 0;
  int anchors = 0;                                      // A
  std::vector<int> strides;                             // kYolox, kScrfd: of the grids, in their order
  PriorBoxes priors;                                    // kSsd
  ScoreActivation activation = ScoreActivation::kNone;  // kSsd: what makes its scores probabilities
  int points_per_cell = 1;                              // kScrfd: boxes at each cell of a grid
  int keypoints = 0;                                    // K, of each object
  int keypoint_values = 3;                              // 3: x, y, score; 2: x, y
  int mask_coefficients = 0;
  bool rotated = false;
  float score_threshold = 0.25f;  // a box is kept from this score on
  float iou_threshold = 0.45f;    // of two boxes that overlap by more, the lower score goes
  int max_detections = 300;
  int max_candidates = 30000;              // highest scores that enter suppression
  bool class_agnostic = false;             // suppress across classes
  std::vector<std::int32_t> class_filter;  // keep these classes only; empty: all
};

// Struct of arrays, highest score first, in pixels of the picture.
struct Detections {
  std::vector<float> boxes;  // x1, y1, x2, y2, clipped to the picture
  std::vector<float> scores;
  std::vector<std::int32_t> class_ids;
  std::vector<float> keypoints;          // x, y, score of each; not clipped; score 1 where the model gives none
  std::vector<float> mask_coefficients;  // as the model gives them
  std::vector<float> rotated_boxes;      // cx, cy, width, height, angle in 0..pi/2, clockwise; not clipped

  std::size_t size() const { return scores.size(); }
};

// The parts of a model's outputs that belong to one picture, in the order in which the head names them.
using HeadOutputs = std::span<const std::span<const float>>;

// `placement` says how the picture lay in the input. Of each anchor the best class counts, except where the reference
// packages let an anchor stand for several (kRtDetr, kSsd). Scores and boxes that are not finite are dropped before
// suppression; boxes that have no area in the picture after it, as in the reference packages: until then they suppress
// others, and count towards max_detections. Order: descending score, ties by anchor, then by class. kEndToEnd and the
// DETR family are not suppressed: their models saw to it.
//
// INVALID_ARGUMENT: a spec that fits no head, or grids that do not have `anchors` cells. ENGINE_FAILED: no anchor has a
// box and a score that are finite. INTERNAL: spans of another size.
Result<Detections> decode_detections(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement);

struct SuppressionOptions {
  float iou_threshold = 0.45f;
  int max_kept = 300;
  bool class_agnostic = false;
  float pixel_extent = 0;  // 1: a box that ends at pixel x2 covers it, so that widths are x2 - x1 + 1
};

// Indices of the boxes kept, in descending order of score (ties: lower index first). Boxes xyxy; two boxes suppress one
// another when their IoU is greater than iou_threshold and, unless class_agnostic, their class ids are equal. Greedy:
// what is suppressed suppresses nothing.
std::vector<std::int32_t> non_max_suppression(std::span<const float> boxes, std::span<const float> scores,
                                              std::span<const std::int32_t> class_ids,
                                              const SuppressionOptions& options);

// The same for oriented boxes: cx, cy, w, h, angle. Their overlap is that of the Gaussians that fit them (Llerena et
// al. 2021, Gaussian Bounding Boxes and Probabilistic Intersection-over-Union), and what is suppressed still suppresses
// (Fast NMS, Bolya et al. 2019), both as in ultralytics.
std::vector<std::int32_t> non_max_suppression_rotated(std::span<const float> boxes, std::span<const float> scores,
                                                      std::span<const std::int32_t> class_ids,
                                                      const SuppressionOptions& options);

}  // namespace foveate
