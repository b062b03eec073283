// CLEAR MOT: pairs truth with what was found, frame by frame, and counts what that makes of the tracks.
#pragma once

#include <cstdint>

#include "core/cancel.h"
#include "core/status.h"
#include "metrics/tracked_sequence.h"

namespace foveate {

// Whose rules of pairing and counting are followed. They agree where tracks are neither interrupted nor crowded.
enum class TrackingRules : std::uint8_t { kTrackEval, kPyMotmetrics };

struct ClearCounts {
  std::int64_t true_positives = 0;  // rows of truth with a partner, switches included
  std::int64_t false_negatives = 0;
  std::int64_t false_positives = 0;
  std::int64_t switches = 0;  // partners of another track than the last one
  std::int64_t fragmentations = 0;
  std::int64_t mostly_tracked =
      0;  // tracks of truth with a partner in more than (py-motmetrics: at least) 80 % of rows
  std::int64_t partly_tracked = 0;
  std::int64_t mostly_lost = 0;  // in less than 20 %
  double iou_sum = 0;            // of all partners, summed up by frames
};

// From this IoU on, an object can be what was found. ABORTED.
Result<ClearCounts> count_clear(const TrackedSequence& sequence, TrackingRules rules,
                                const CancelToken* cancel = nullptr);

}  // namespace foveate
