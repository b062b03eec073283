// Putting together what was found in overlapping slices of a picture: one object, seen whole in one slice and cut by
// the edge of another, is to be told once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/cancel.h"
#include "core/status.h"

namespace foveate {

enum class OverlapMetric : std::uint8_t {
  kUnion,    // intersection over union
  kSmaller,  // intersection over the smaller of both boxes: a part lies in the whole
};

struct MergeOptions {
  OverlapMetric metric = OverlapMetric::kSmaller;
  float threshold = 0.5f;  // from this overlap on two boxes are one object
  bool grow = true;        // the best box takes in the others (greedy non-maximum merging); else they are dropped
  bool class_agnostic = false;
  int max_kept = 300;
};

struct MergedBoxes {
  std::vector<std::int32_t> kept;  // indices, highest score first (ties: lower index first)
  std::vector<float> boxes;        // of those
};

// In order of score, a box ends all that overlap it; those that still do when their turn comes, the box having grown,
// widen it. As sahi does it. ABORTED.
Result<MergedBoxes> merge_boxes(std::span<const float> boxes, std::span<const float> scores,
                                std::span<const std::int32_t> class_ids, const MergeOptions& options,
                                const CancelToken* cancel = nullptr);

}  // namespace foveate
